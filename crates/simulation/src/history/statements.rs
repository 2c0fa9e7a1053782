//! What the sessions of a history do, and what that ought to bring about.

use std::collections::BTreeMap;
use std::sync::Arc;

use chunks::ChunkStore;

use super::{Check, History, KEYS, Open, SESSIONS};
use crate::expected::{Branch, Cells, Expected, Rows};
use crate::world::{DATABASE, table};

impl History {
    fn text(&mut self) -> String {
        self.next += 1;
        let long = match self.random.below(12) {
            0 => 1500,
            1..4 => 200,
            _ => 10,
        };
        let mut text = format!("v{} ", self.next);
        for _ in 0..self.random.below(long) {
            text.push((b'a' + self.random.below(26) as u8) as char);
        }
        text
    }

    /// The rows that a session sees.
    fn rows(&self, who: usize) -> Rows {
        let worker = &self.sessions[who];
        let Some(open) = &worker.open else {
            let branch = self.now().branches.get(&worker.branch);
            return branch.map(|b| b.working.clone()).unwrap_or_default();
        };
        let mut rows = BTreeMap::clone(&open.start);
        for (key, cells) in &open.changes {
            match cells {
                Some(cells) => rows.insert(*key, cells.clone()),
                None => rows.remove(key),
            };
        }
        Arc::new(rows)
    }

    /// The same state with other rows on the branch of a session.
    fn with_changes(&self, who: usize, changes: &BTreeMap<i64, Option<Cells>>) -> Expected {
        let mut next = self.now().clone();
        if let Some(branch) = next.branches.get_mut(&self.sessions[who].branch) {
            let rows = Arc::make_mut(&mut branch.working);
            for (key, cells) in changes {
                match cells {
                    Some(cells) => rows.insert(*key, cells.clone()),
                    None => rows.remove(key),
                };
            }
        }
        next
    }

    fn key(&mut self, who: usize) -> i64 {
        self.random.below(KEYS) as i64 * SESSIONS as i64 + who as i64
    }

    pub(super) fn write(&mut self, who: usize) -> Check {
        let key = self.key(who);
        let cells = (self.random.below(1000) as i64, self.text());
        let present = self.rows(who).contains_key(&key);
        let delete = present && self.random.one_in(4);
        let (a, b) = &cells;
        let sql = match (present, delete) {
            (_, true) => format!("delete from t where pk = {key}"),
            (true, _) => format!("update t set a = {a}, b = '{b}' where pk = {key}"),
            (false, _) => format!("insert into t values ({key}, {a}, '{b}')"),
        };
        let changes = BTreeMap::from([(key, (!delete).then_some(cells))]);
        self.apply(who, &sql, changes)
    }

    pub(super) fn write_many(&mut self, who: usize) -> Check {
        let mut values = Vec::new();
        let mut changes = BTreeMap::new();
        for n in 0..KEYS as i64 {
            let key = n * SESSIONS as i64 + who as i64;
            let (a, b) = (self.random.below(1000) as i64, self.text());
            values.push(format!("({key}, {a}, '{b}')"));
            changes.insert(key, Some((a, b)));
        }
        let sql = format!("replace into t values {}", values.join(", "));
        self.apply(who, &sql, changes)
    }

    fn apply(&mut self, who: usize, sql: &str, changes: BTreeMap<i64, Option<Cells>>) -> Check {
        if self.sessions[who].open.is_none() {
            let next = self.with_changes(who, &changes);
            return self.change(who, sql, vec![next]);
        }
        if self.quiet(who, sql)?
            && let Some(open) = &mut self.sessions[who].open
        {
            open.changes.extend(changes);
        }
        if self.random.one_in(3) && self.sessions.get(who).is_some_and(|w| w.open.is_some()) {
            return self.read_own(who);
        }
        Ok(())
    }

    /// A transaction sees what was there when it began, and its own changes.
    fn read_own(&mut self, who: usize) -> Check {
        let before = self.disk.injected();
        match self.sessions[who].client.run("select pk, a, b from t") {
            Ok(rows) => match table(rows) == self.rows(who) {
                true => Ok(()),
                false => Err(format!("session {who} does not see what it ought to")),
            },
            Err(e) => self.failed(who, &e, Vec::new(), &before),
        }
    }

    pub(super) fn begin_or_end(&mut self, who: usize) -> Check {
        let Some(open) = &self.sessions[who].open else {
            let start = self.rows(who);
            if self.quiet(who, "start transaction")? && self.quiet(who, "select count(*) from t")? {
                self.sessions[who].open = Some(Open {
                    changes: BTreeMap::new(),
                    start,
                });
            }
            return Ok(());
        };
        if self.random.one_in(4) {
            self.quiet(who, "rollback")?;
            if let Some(worker) = self.sessions.get_mut(who) {
                worker.open = None;
            }
            return Ok(());
        }
        let next = self.with_changes(who, &open.changes);
        self.sessions[who].open = None;
        if next == *self.now() {
            // Nothing is written, and so nothing becomes durable.
            self.quiet(who, "commit")?;
            return Ok(());
        }
        self.change(who, "commit", vec![next])
    }

    fn message(&mut self) -> String {
        self.next += 1;
        format!("c{}", self.next)
    }

    /// Whether nobody but this session has a transaction open on its branch.
    fn alone(&self, who: usize) -> bool {
        let branch = &self.sessions[who].branch;
        let mut others = self.sessions.iter().filter(|w| w.branch == *branch);
        others.all(|w| w.open.is_none())
    }

    pub(super) fn commit(&mut self, who: usize) -> Check {
        let message = self.message();
        let changes = self.sessions[who].open.take().map(|o| o.changes);
        let mut next = self.with_changes(who, &changes.unwrap_or_default());
        let Some(branch) = next.branches.get_mut(&self.sessions[who].branch) else {
            return Ok(());
        };
        let parents = vec![branch.head];
        branch.head = self
            .commits
            .add(message.clone(), parents, branch.working.clone());
        let sql = format!("call dolt_commit('-A', '--allow-empty', '-m', '{message}')");
        self.change(who, &sql, vec![next])
    }

    pub(super) fn make_branch(&mut self, who: usize) -> Check {
        if self.now().branches.len() > 5 || self.sessions[who].open.is_some() {
            return Ok(());
        }
        self.next += 1;
        let name = format!("b{}", self.next);
        let mut next = self.now().clone();
        let Some(head) = next
            .branches
            .get(&self.sessions[who].branch)
            .map(|b| b.head)
        else {
            return Ok(());
        };
        let working = self.commits.0[head].rows.clone();
        next.branches.insert(name.clone(), Branch { head, working });
        self.change(who, &format!("call dolt_branch('{name}')"), vec![next])
    }

    pub(super) fn checkout(&mut self, who: usize) -> Check {
        if self.sessions[who].open.is_some() {
            return Ok(());
        }
        let names: Vec<String> = self.now().branches.keys().cloned().collect();
        let name = self.random.choose(&names).expect("main is there").clone();
        if self.quiet(who, &format!("call dolt_checkout('{name}')"))?
            && let Some(worker) = self.sessions.get_mut(who)
        {
            worker.branch = name;
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, who: usize) -> Check {
        let names: Vec<String> = self.now().branches.keys().cloned().collect();
        let name = self.random.choose(&names).expect("main is there").clone();
        let ours = self.now().branches.get(&self.sessions[who].branch).cloned();
        let (Some(ours), Some(theirs)) = (ours, self.now().branches.get(&name)) else {
            return Ok(());
        };
        let (ours_at, theirs) = (ours.head, theirs.head);
        if !self.alone(who)
            || *ours.working != *self.commits.0[ours_at].rows
            || self.commits.history(ours_at).contains(&theirs)
        {
            return Ok(());
        }
        let Some(rows) = self.commits.merge(ours_at, theirs) else {
            return Ok(());
        };
        let mut next = self.now().clone();
        let branch = self.sessions[who].branch.clone();
        let sql;
        if self.commits.history(theirs).contains(&ours_at) && self.random.one_in(2) {
            sql = format!("call dolt_merge('{name}')");
            let working = self.commits.0[theirs].rows.clone();
            next.branches.insert(
                branch,
                Branch {
                    head: theirs,
                    working,
                },
            );
        } else {
            let message = self.message();
            sql = format!("call dolt_merge('--no-ff', '-m', '{message}', '{name}')");
            let head = self
                .commits
                .add(message, vec![ours_at, theirs], rows.clone());
            next.branches.insert(
                branch,
                Branch {
                    head,
                    working: rows,
                },
            );
        }
        self.change(who, &sql, vec![next])
    }

    pub(super) fn drop_branch(&mut self, who: usize) -> Check {
        let used = |name: &String| self.sessions.iter().any(|w| w.branch == *name);
        let all = self.now().branches.keys();
        let names: Vec<String> = all.filter(|n| *n != "main" && !used(n)).cloned().collect();
        let Some(name) = self.random.choose(&names).cloned() else {
            return Ok(());
        };
        if self.sessions[who].open.is_some() {
            return Ok(());
        }
        let mut next = self.now().clone();
        next.branches.remove(&name);
        self.change(
            who,
            &format!("call dolt_branch('-D', '{name}')"),
            vec![next],
        )
    }

    pub(super) fn tag(&mut self, who: usize) -> Check {
        if self.sessions[who].open.is_some() {
            return Ok(());
        }
        let mut next = self.now().clone();
        let names: Vec<String> = next.tags.keys().cloned().collect();
        if names.len() > 2 {
            let name = self.random.choose(&names).expect("there are some");
            next.tags.remove(name);
            return self.change(who, &format!("call dolt_tag('-d', '{name}')"), vec![next]);
        }
        self.next += 1;
        let name = format!("t{}", self.next);
        let Some(branch) = next.branches.get(&self.sessions[who].branch) else {
            return Ok(());
        };
        next.tags.insert(name.clone(), branch.head);
        self.change(who, &format!("call dolt_tag('{name}', 'HEAD')"), vec![next])
    }

    pub(super) fn collect(&mut self, who: usize) -> Check {
        if self.sessions[who].open.is_some() {
            return Ok(());
        }
        let how = ["", "'--shallow'", "'--full'"];
        let how = self.random.choose(&how).expect("there are some");
        self.quiet(who, &format!("call dolt_gc({how})"))?;
        Ok(())
    }

    /// Files arrive, as by a fetch, and are put together.
    pub(super) fn conjoin(&mut self) -> Check {
        let count = 1 + self.random.below(4);
        self.say(format!("{count} files arrive"));
        let before = self.disk.injected();
        let Some(handle) = self.world().instance.database(DATABASE) else {
            return Err("the database is not there".into());
        };
        let Some(files) = handle.store.file_store().cloned() else {
            return Err("the database has no files".into());
        };
        let mut work = || {
            for _ in 0..count {
                let mut file = files.begin_file()?;
                for _ in 0..1 + self.random.below(5) {
                    let text = format!("a chunk of no use, {}", self.random.next());
                    file.append(&chunks::Chunk::new(text.into_bytes()))?;
                }
                let spec = file.finish()?;
                files.list_files(&[spec])?;
            }
            files.conjoin(2)
        };
        let done = work();
        // It must not outlive the server.
        drop((files, handle));
        match done {
            Ok(_) => Ok(()),
            Err(e) => self.failed(0, &e.into(), Vec::new(), &before),
        }
    }

    pub(super) fn database(&mut self, who: usize) -> Check {
        if self.sessions[who].open.is_some() {
            return Ok(());
        }
        let mut next = self.now().clone();
        let name = format!("other{}", self.random.below(2));
        let sql = match next.beside.others.remove(&name) {
            Some(_) => format!("drop database {name}"),
            None => {
                next.beside.others.insert(name.clone(), None);
                format!("create database {name}")
            }
        };
        self.change(who, &sql, vec![next])
    }
}
