//! What a server keeps outside of the database's journal: accounts, rules, variables, remotes,
//! other databases. Each part becomes durable by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chunks::{Disk, HashSet, MemoryStore};

use crate::SimulatedDisk;
use crate::expected::{CommitNumber, Commits};

/// Variables that are kept, which nothing else depends on.
pub(crate) const VARIABLES: [&str; 2] = ["net_write_timeout", "net_retry_count"];
/// Directories that remotes and backups are in.
pub(crate) const PLACES: [&str; 3] = ["/remotes/r0", "/remotes/r1", "/backups/k0"];

/// What ought to be there.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Beside {
    /// Databases beside the one that all else is about; of clones, the commit that they have.
    pub others: BTreeMap<String, Option<CommitNumber>>,
    /// What users may do.
    pub accounts: BTreeMap<String, BTreeSet<String>>,
    pub variables: BTreeMap<String, String>,
    /// Users with a rule of branch control.
    pub rules: BTreeSet<String>,
    pub remotes: BTreeSet<String>,
    pub backups: BTreeSet<String>,
    /// Branches with their commits, by the directory of a remote or a backup.
    pub places: BTreeMap<String, BTreeMap<String, CommitNumber>>,
}

/// What was read of it; nothing of what could not be read.
#[derive(Clone, Default)]
pub(crate) struct SeenBeside {
    pub others: Option<BTreeSet<String>>,
    /// Messages of the commits of databases that are clones.
    pub clones: BTreeMap<String, BTreeSet<String>>,
    pub accounts: Option<BTreeMap<String, BTreeSet<String>>>,
    pub variables: Option<BTreeMap<String, String>>,
    pub rules: Option<BTreeSet<String>>,
    pub remotes: Option<BTreeSet<String>>,
    pub backups: Option<BTreeSet<String>>,
    /// Branches with the messages of their last commits.
    pub places: BTreeMap<String, BTreeMap<String, String>>,
}

/// A part of [`Beside`] as text, for comparing and for showing.
fn text(part: &dyn std::fmt::Debug) -> String {
    format!("{part:?}")
}

impl Beside {
    fn place(&self, place: &str, commits: &Commits) -> BTreeMap<String, String> {
        let heads = self.places.get(place).into_iter().flatten();
        heads
            .map(|(name, at)| (name.clone(), commits.0[*at].message.clone()))
            .collect()
    }

    /// Takes over which other databases were seen.
    pub fn take_others(&mut self, seen: &SeenBeside) {
        let Some(others) = &seen.others else {
            return;
        };
        let known = std::mem::take(&mut self.others);
        self.others = others
            .iter()
            .map(|name| (name.clone(), known.get(name).copied().flatten()))
            .collect();
    }

    /// Takes over where the branches of a remote or a backup were seen.
    pub fn take_place(&mut self, place: &str, seen: &SeenBeside, commits: &Commits) {
        let Some(heads) = seen.places.get(place) else {
            return;
        };
        let number = |message: &String| commits.0.iter().position(|c| c.message == *message);
        let heads = heads
            .iter()
            .filter_map(|(n, m)| Some((n.clone(), number(m)?)));
        self.places.insert(place.to_owned(), heads.collect());
    }
}

impl Beside {
    /// Takes over all that was read, where nothing can be expected.
    pub fn take_all(&mut self, seen: &SeenBeside, commits: &Commits) {
        for place in seen.places.keys() {
            self.take_place(place, seen, commits);
        }
        let small = |seen: &Option<BTreeSet<String>>, part: &mut BTreeSet<String>| {
            if let Some(seen) = seen {
                part.clone_from(seen);
            }
        };
        small(&seen.rules, &mut self.rules);
        small(&seen.remotes, &mut self.remotes);
        small(&seen.backups, &mut self.backups);
        self.accounts
            .clone_from(seen.accounts.as_ref().unwrap_or(&self.accounts.clone()));
        self.variables
            .clone_from(seen.variables.as_ref().unwrap_or(&self.variables.clone()));
    }
}

impl SeenBeside {
    /// The parts whose contents this server's files alone decide: what was seen of each, and what
    /// it ought to be.
    fn small_parts(&self, expected: &Beside) -> Vec<(&'static str, String, String)> {
        let mut parts = Vec::new();
        let mut part = |name, seen: Option<String>, wanted| {
            parts.extend(seen.map(|seen| (name, seen, wanted)));
        };
        let seen = self.accounts.as_ref().map(|p| text(p));
        part("accounts", seen, text(&expected.accounts));
        let seen = self.variables.as_ref().map(|p| text(p));
        part("variables", seen, text(&expected.variables));
        let seen = self.rules.as_ref().map(|p| text(p));
        part("rules", seen, text(&expected.rules));
        let seen = self.remotes.as_ref().map(|p| text(p));
        part("remotes", seen, text(&expected.remotes));
        let seen = self.backups.as_ref().map(|p| text(p));
        part("backups", seen, text(&expected.backups));
        parts
    }

    /// The first thing that was read and is not as expected.
    pub fn differs(&self, expected: &Beside, commits: &Commits) -> Option<String> {
        let differ = |what: &str, seen: String, wanted: String| {
            (seen != wanted).then(|| format!("{what}: seen {seen}, expected {wanted}"))
        };
        if let Some(seen) = &self.others {
            let wanted: BTreeSet<String> = expected.others.keys().cloned().collect();
            let found = differ("databases", text(seen), text(&wanted));
            if found.is_some() {
                return found;
            }
        }
        for (name, seen) in &self.clones {
            let Some(Some(at)) = expected.others.get(name) else {
                continue;
            };
            let found = differ(name, text(seen), text(&commits.messages(*at)));
            if found.is_some() {
                return found;
            }
        }
        for (place, seen) in &self.places {
            let wanted = expected.place(place, commits);
            let found = differ(place, text(seen), text(&wanted));
            if found.is_some() {
                return found;
            }
        }
        let mut parts = self.small_parts(expected).into_iter();
        parts.find_map(|(what, seen, wanted)| differ(what, seen, wanted))
    }

    /// A part that was never as it was seen.
    pub fn never_was(&self, past: &[Beside]) -> Option<String> {
        let mut seen: BTreeMap<&str, String> = BTreeMap::new();
        for state in past {
            for (name, now, then) in self.small_parts(state) {
                if now == then {
                    seen.insert(name, String::new());
                } else {
                    seen.entry(name).or_insert(now);
                }
            }
        }
        let mut odd = seen.into_iter().filter(|(_, now)| !now.is_empty());
        odd.next().map(|(name, now)| format!("{name}: {now}"))
    }
}

/// The branches of a remote or a backup with the messages of their commits, if it is there and
/// has all that these refer to.
pub(crate) fn read_place(
    disk: &Arc<SimulatedDisk>,
    place: &str,
) -> Result<Option<BTreeMap<String, String>>, String> {
    let shared: Arc<dyn Disk> = disk.clone();
    let show = |e: &dyn std::fmt::Display| format!("{place}: {e}");
    if shared
        .kind(Path::new(place))
        .map_err(|e| show(&e))?
        .is_none()
    {
        return Ok(None);
    }
    let location = remotes::absolute(&format!("file://{place}"), Path::new("/"));
    let location = location.map_err(|e| show(&e))?;
    let db = remotes::open(&location, &shared).map_err(|e| show(&e))?;
    let mut heads = BTreeMap::new();
    let mut all = Vec::new();
    for (name, id) in db.branches().map_err(|e| show(&e))? {
        let commit = db.commit(id).map_err(|e| show(&e))?;
        heads.insert(name, commit.meta.message);
        all.push(id.0);
    }
    let copy = MemoryStore::new();
    remotes::pull_chunks(&copy, &**db.chunks(), &all, &HashSet::default()).map_err(|e| show(&e))?;
    Ok(Some(heads))
}
