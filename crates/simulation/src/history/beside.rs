//! What sessions change outside of the journal: accounts, rules, variables, remotes, clones.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, History};
use crate::beside::{Beside, PLACES, VARIABLES};
use crate::expected::{CommitNumber, Expected};

/// What may be granted.
const PRIVILEGES: [&str; 3] = ["SELECT", "INSERT", "UPDATE"];
const REMOTES: [&str; 2] = ["r0", "r1"];

impl History {
    /// The state after a change of what is beside the journal.
    fn beside<T>(&self, edit: impl FnOnce(&mut Beside) -> T) -> Vec<Expected> {
        let mut next = self.now().clone();
        edit(&mut next.beside);
        vec![next]
    }

    pub(super) fn keep_something(&mut self, who: usize) -> Check {
        if self.sessions[who].open.is_some() {
            return Ok(());
        }
        match self.random.below(10) {
            0..5 => self.account(who),
            5..7 => self.variable(who),
            _ => self.rule(who),
        }
    }

    fn account(&mut self, who: usize) -> Check {
        let users: Vec<String> = self.now().beside.accounts.keys().cloned().collect();
        let many = users.len() > 3;
        let Some(user) = self.random.choose(&users).filter(|_| many).cloned() else {
            self.next += 1;
            let user = format!("u{}", self.next);
            let next = self.beside(|b| b.accounts.insert(user.clone(), BTreeSet::new()));
            return self.change(who, &format!("create user {user}"), next);
        };
        let privilege = *self.random.choose(&PRIVILEGES).expect("there are some");
        let has = self.now().beside.accounts[&user].contains(privilege);
        if self.random.one_in(4) {
            let next = self.beside(|b| b.accounts.remove(&user));
            return self.change(who, &format!("drop user {user}"), next);
        }
        let next = self.beside(|b| {
            let held = b.accounts.entry(user.clone()).or_default();
            match has {
                true => held.remove(privilege),
                false => held.insert(privilege.to_owned()),
            };
        });
        let sql = match has {
            true => format!("revoke {privilege} on db.* from {user}"),
            false => format!("grant {privilege} on db.* to {user}"),
        };
        self.change(who, &sql, next)
    }

    fn variable(&mut self, who: usize) -> Check {
        let name = *self.random.choose(&VARIABLES).expect("there are some");
        let value = (1 + self.random.below(500)).to_string();
        let next = self.beside(|b| b.variables.insert(name.to_owned(), value.clone()));
        self.change(who, &format!("set persist {name} = {value}"), next)
    }

    fn rule(&mut self, who: usize) -> Check {
        let user = format!("w{}", self.random.below(4));
        let is_there = self.now().beside.rules.contains(&user);
        let next = self.beside(|b| {
            match is_there {
                true => b.rules.remove(&user),
                false => b.rules.insert(user.clone()),
            };
        });
        let sql = match is_there {
            true => format!("delete from dolt_branch_control where user = '{user}'"),
            false => {
                format!(
                    "insert into dolt_branch_control values ('db', 'b%', '{user}', '%', 'admin')"
                )
            }
        };
        self.change(who, &sql, next)
    }

    pub(super) fn with_remote(&mut self, who: usize) -> Check {
        if self.sessions[who].open.is_some() {
            return Ok(());
        }
        let name = *self.random.choose(&REMOTES).expect("there are some");
        let known = self.now().beside.remotes.contains(name);
        match self.random.below(12) {
            _ if !known => {
                let next = self.beside(|b| b.remotes.insert(name.to_owned()));
                let sql = format!("call dolt_remote('add', '{name}', 'file:///remotes/{name}')");
                self.change(who, &sql, next)
            }
            0 => self.forget_remote(who, name),
            1..6 => self.push_to(who, name),
            6..9 => self.fetch_from(who, name),
            9 => self.clone_from(who, name),
            _ => self.backup(who),
        }
    }

    fn forget_remote(&mut self, who: usize, name: &str) -> Check {
        let prefix = format!("{name}/");
        let mut untracked = self.now().clone();
        untracked.tracking.retain(|n, _| !n.starts_with(&prefix));
        let mut gone = untracked.clone();
        gone.beside.remotes.remove(name);
        let sql = format!("call dolt_remote('remove', '{name}')");
        self.change(who, &sql, vec![untracked, gone])
    }

    fn heads_of(&self, place: &str) -> BTreeMap<String, CommitNumber> {
        let heads = self.now().beside.places.get(place);
        heads.cloned().unwrap_or_default()
    }

    fn push_to(&mut self, who: usize, name: &str) -> Check {
        let place = format!("/remotes/{name}");
        let branches: Vec<String> = self.now().branches.keys().cloned().collect();
        let branch = self
            .random
            .choose(&branches)
            .expect("main is there")
            .clone();
        let head = self.now().branches[&branch].head;
        let there = self.heads_of(&place).get(&branch).copied();
        if there == Some(head) {
            return Ok(());
        }
        let forward = there.is_none_or(|there| self.commits.history(head).contains(&there));
        let force = if forward { "" } else { "'--force', " };
        let mut moved = self.now().clone();
        let heads = moved.beside.places.entry(place.clone()).or_default();
        heads.insert(branch.clone(), head);
        let mut tracked = moved.clone();
        tracked.tracking.insert(format!("{name}/{branch}"), head);
        self.uncertain.insert(place.clone());
        self.change(
            who,
            &format!("call dolt_push({force}'{name}', '{branch}')"),
            vec![moved, tracked],
        )
    }

    fn fetch_from(&mut self, who: usize, name: &str) -> Check {
        let mut next = self.now().clone();
        for (branch, at) in self.heads_of(&format!("/remotes/{name}")) {
            next.tracking.insert(format!("{name}/{branch}"), at);
        }
        let sql = format!("call dolt_fetch('{name}')");
        if next == *self.now() {
            self.quiet(who, &sql)?;
            return Ok(());
        }
        self.change(who, &sql, vec![next])
    }

    fn clone_from(&mut self, who: usize, name: &str) -> Check {
        let heads = self.heads_of(&format!("/remotes/{name}"));
        let Some(head) = heads.get("main").copied() else {
            return Ok(());
        };
        let mut others = self.now().beside.others.keys();
        if let Some(clone) = others.find(|n| n.starts_with("copy")).cloned() {
            let next = self.beside(|b| b.others.remove(&clone));
            return self.change(who, &format!("drop database {clone}"), next);
        }
        // What is left of a clone that was cut short keeps its name.
        self.next += 1;
        let clone = format!("copy{}", self.next);
        let next = self.beside(|b| b.others.insert(clone.clone(), Some(head)));
        let sql = format!("call dolt_clone('file:///remotes/{name}', '{clone}')");
        self.change(who, &sql, next)
    }

    fn backup(&mut self, who: usize) -> Check {
        let place = PLACES[2].to_owned();
        if !self.now().beside.backups.contains("k0") {
            let next = self.beside(|b| b.backups.insert("k0".to_owned()));
            let sql = format!("call dolt_backup('add', 'k0', 'file://{place}')");
            return self.change(who, &sql, next);
        }
        if self.random.one_in(8) {
            let next = self.beside(|b| b.backups.remove("k0"));
            return self.change(who, "call dolt_backup('remove', 'k0')", next);
        }
        let branches = self.now().branches.iter();
        let heads = branches.map(|(name, b)| (name.clone(), b.head)).collect();
        let next = self.beside(|b| b.places.insert(place.clone(), heads));
        self.uncertain.insert(place);
        self.change(who, "call dolt_backup('sync', 'k0')", next)
    }
}
