//! The engine on the simulated disk: opened, read, stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use engine::accounts::Accounts;
use engine::branch_control::BranchControl;
use engine::error::Error;
use engine::instance::{Instance, Settings};

use crate::SimulatedDisk;
use crate::beside::{PLACES, VARIABLES, read_place};
use crate::client::{Client, Ticking};
use crate::expected::{Observed, Rows};

/// Where the databases are.
const DATA: &str = "/data";
/// The database that all is about.
pub(crate) const DATABASE: &str = "db";
/// Commits whose rows are read at each look.
const COMMITS_READ: usize = 2;

/// A server that runs.
pub(crate) struct World {
    pub instance: Arc<Instance>,
    disk: Arc<SimulatedDisk>,
    clock: Arc<Ticking>,
}

impl World {
    /// Starts on what the disk holds.
    pub fn start(disk: &Arc<SimulatedDisk>, micros: i64) -> Result<World, Error> {
        let settings = Settings {
            cache_bytes: 1 << 20,
            disk: disk.clone(),
            ..Settings::default()
        };
        let clock = Arc::new(Ticking(AtomicI64::new(micros)));
        let shared = settings.disk.clone();
        let kept = Path::new(DATA).join(".doltcfg");
        let accounts = Accounts::open(&shared, &kept.join("privileges.db"))?;
        accounts.add_ephemeral_superuser("root", "localhost", "")?;
        let rules = BranchControl::open(&shared, &kept.join("branch_control.db"))?;
        let mut instance = Instance::open(Path::new(DATA), settings, clock.clone())?;
        instance.accounts = Some(Arc::new(accounts));
        instance.branch_control = rules;
        Ok(World {
            instance: Arc::new(instance),
            disk: disk.clone(),
            clock,
        })
    }

    /// Where its clock has come to.
    pub fn micros(&self) -> i64 {
        self.clock.0.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// A new connection, which has chosen the database.
    pub fn client(&self) -> Result<Client, Error> {
        let client = Client::new(&self.instance);
        client.run(&format!("use {DATABASE}"))?;
        Ok(client)
    }

    /// Reads everything; `pick` chooses commits whose rows are looked at.
    pub fn observe(&self, mut pick: impl FnMut(usize) -> usize) -> Observed {
        let mut seen = Observed::default();
        let client = Client::new(&self.instance);
        let mut errors = Vec::new();
        let mut run = |sql: &str| {
            let given = client.run(sql);
            given
                .map_err(|e| errors.push(format!("{sql}: {} {}", e.code, e.message)))
                .ok()
        };
        let firsts = |rows: Vec<Vec<String>>| -> BTreeSet<String> {
            let firsts = rows.into_iter().filter_map(|r| r.into_iter().next());
            firsts.collect()
        };
        if let Some(rows) = run("show databases") {
            let mut names = firsts(rows);
            let system = ["information_schema", "mysql", "performance_schema", "sys"];
            names.retain(|n| n != DATABASE && !n.contains('/') && !system.contains(&n.as_str()));
            for name in names.iter().filter(|n| !n.starts_with("other")) {
                if let Some(rows) = run(&format!("select message from `{name}`.dolt_log")) {
                    seen.beside.clones.insert(name.clone(), firsts(rows));
                }
            }
            seen.beside.others = Some(names);
        }
        if let Some(rows) = run("select user from mysql.user where user like 'u%'") {
            let mut accounts = BTreeMap::new();
            for user in firsts(rows) {
                if let Some(rows) = run(&format!("show grants for {user}")) {
                    let held = firsts(rows).into_iter().flat_map(privileges).collect();
                    accounts.insert(user, held);
                }
            }
            seen.beside.accounts = Some(accounts);
        }
        let values = VARIABLES.map(|name| run(&format!("select @@global.{name}")));
        if values.iter().all(Option::is_some) {
            let values = values.into_iter().flatten().flatten().flatten();
            let names = VARIABLES.iter().map(|n| (*n).to_owned());
            seen.beside.variables = Some(names.zip(values).collect());
        }
        let rules = "select user from dolt_branch_control where user like 'w%'";
        if run(&format!("use {DATABASE}")).is_none() {
            seen.errors = errors;
            return seen;
        }
        seen.beside.rules = run(rules).map(firsts);
        seen.beside.remotes = run("select name from dolt_remotes").map(firsts);
        seen.beside.backups = run("select name from dolt_backups").map(firsts);
        let tracking = "select name, latest_commit_message from dolt_remote_branches";
        seen.tracking = run(tracking).map(|rows| {
            let pairs = rows
                .into_iter()
                .filter_map(|r| <[String; 2]>::try_from(r).ok());
            let short = |name: String| name.trim_start_matches("remotes/").to_owned();
            pairs
                .map(|[name, message]| (short(name), message))
                .collect()
        });
        seen.branches = run("select name from dolt_branches").map(firsts);
        seen.tags = run("select tag_name from dolt_tags").map(firsts);
        let mut logged: Vec<(String, String)> = Vec::new();
        for branch in seen.branches.iter().flatten() {
            if let Some(rows) = run(&format!("select pk, a, b from `{DATABASE}/{branch}`.t")) {
                seen.working.insert(branch.clone(), table(rows));
            }
            let log = format!("select message, commit_hash from dolt_log('{branch}')");
            if let Some(rows) = run(&log) {
                let pairs = rows.into_iter().filter_map(|r| r.try_into().ok());
                let pairs: Vec<(String, String)> =
                    pairs.map(|[m, h]: [String; 2]| (m, h)).collect();
                let messages = pairs.iter().map(|(m, _)| m.clone()).collect();
                seen.branch_messages.insert(branch.clone(), messages);
                logged.extend(pairs);
            }
        }
        for tag in seen.tags.iter().flatten() {
            if let Some(rows) = run(&format!("select message from dolt_log('{tag}')")) {
                seen.tag_messages.insert(tag.clone(), firsts(rows));
            }
        }
        logged.sort();
        logged.dedup();
        logged.retain(|(m, _)| m.starts_with('c'));
        for _ in 0..COMMITS_READ.min(logged.len()) {
            let (message, hash) = logged[pick(logged.len())].clone();
            if let Some(rows) = run(&format!("select pk, a, b from t as of '{hash}'")) {
                seen.commits.insert(message, table(rows));
            }
        }
        for place in PLACES {
            match read_place(&self.disk, place) {
                Ok(heads) => {
                    seen.beside
                        .places
                        .insert(place.to_owned(), heads.unwrap_or_default());
                }
                Err(e) => errors.push(e),
            }
        }
        seen.errors = errors;
        seen
    }

    /// What a check of the whole database finds wrong.
    pub fn check(&self) -> Result<Vec<String>, String> {
        let mut wrong = Vec::new();
        for handle in self.instance.databases() {
            let report = handle.store.check(1, &|_, _| {});
            let report = report.map_err(|e| format!("{}: {e}", handle.name))?;
            wrong.extend(report.chunks);
            wrong.extend(report.commits);
            // A torn write may look like anything, but what a manifest names was durable.
            let warning = handle.store.file_store().and_then(|files| files.warning());
            wrong.extend(
                warning
                    .filter(|w| w.contains("manifest"))
                    .map(str::to_owned),
            );
        }
        Ok(wrong)
    }

    /// How many ends of journals were cut off because they could not be read, and are kept.
    pub fn kept_tails(&self) -> usize {
        let databases = self.instance.databases();
        let files = databases.iter().filter_map(|h| h.store.file_store());
        files
            .map(|f| f.kept_tails().map_or(0, |kept| kept.len()))
            .sum()
    }
}

/// Rows of the table, as they were read.
pub(crate) fn table(rows: Vec<Vec<String>>) -> Rows {
    let mut all = BTreeMap::new();
    for row in rows {
        if let Ok([pk, a, b]) = <[String; 3]>::try_from(row) {
            // What is no number cannot be expected either.
            let number = |text: &str| text.parse().unwrap_or(i64::MIN);
            all.insert(number(&pk), (number(&a), b));
        }
    }
    Arc::new(all)
}

/// What a line of SHOW GRANTS gives on the database.
fn privileges(line: String) -> Vec<String> {
    let given = line
        .strip_prefix("GRANT ")
        .and_then(|l| l.split_once(" ON `db`.*"));
    let names = given.map_or("", |(names, _)| names).split(", ");
    names.filter(|n| !n.is_empty()).map(str::to_owned).collect()
}
