//! What a database ought to hold: the model that the engine is held against.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::beside::{Beside, SeenBeside};

/// A row but for its key.
pub(crate) type Cells = (i64, String);
/// The rows of the table, by key.
pub(crate) type Rows = Arc<BTreeMap<i64, Cells>>;
/// A commit, by its place in [`Commits`].
pub(crate) type CommitNumber = usize;

/// A commit as it was made. Messages are never used twice.
pub(crate) struct Commit {
    pub message: String,
    pub parents: Vec<CommitNumber>,
    pub rows: Rows,
}

/// All commits that anybody tried to make.
#[derive(Default)]
pub(crate) struct Commits(pub Vec<Commit>);

impl Commits {
    pub fn add(&mut self, message: String, parents: Vec<CommitNumber>, rows: Rows) -> CommitNumber {
        self.0.push(Commit {
            message,
            parents,
            rows,
        });
        self.0.len() - 1
    }

    /// A commit and all before it.
    pub fn history(&self, head: CommitNumber) -> BTreeSet<CommitNumber> {
        let mut seen = BTreeSet::new();
        let mut left = vec![head];
        while let Some(at) = left.pop() {
            if seen.insert(at) {
                left.extend(&self.0[at].parents);
            }
        }
        seen
    }

    pub fn messages(&self, head: CommitNumber) -> BTreeSet<String> {
        let history = self.history(head).into_iter();
        history.map(|at| self.0[at].message.clone()).collect()
    }

    /// The one best common ancestor, if there is one.
    pub fn base(&self, a: CommitNumber, b: CommitNumber) -> Option<CommitNumber> {
        let (a, b) = (self.history(a), self.history(b));
        let common: BTreeSet<CommitNumber> = a.intersection(&b).copied().collect();
        let mut best = common.iter().copied().filter(|c| {
            let others = common.iter().filter(|o| *o != c);
            !others.into_iter().any(|o| self.history(*o).contains(c))
        });
        best.next().filter(|_| best.next().is_none())
    }

    /// What a merge gives; nothing if it has conflicts.
    pub fn merge(&self, ours: CommitNumber, theirs: CommitNumber) -> Option<Rows> {
        let base = &self.0[self.base(ours, theirs)?].rows;
        let (ours, theirs) = (&self.0[ours].rows, &self.0[theirs].rows);
        let mut merged = BTreeMap::clone(ours);
        let keys: BTreeSet<i64> = base.keys().chain(theirs.keys()).copied().collect();
        for key in keys {
            let (b, o, t) = (base.get(&key), ours.get(&key), theirs.get(&key));
            if t == b || t == o {
                continue;
            }
            if o != b {
                return None;
            }
            match t {
                Some(cells) => merged.insert(key, cells.clone()),
                None => merged.remove(&key),
            };
        }
        Some(Arc::new(merged))
    }
}

/// A branch.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Branch {
    pub head: CommitNumber,
    pub working: Rows,
}

/// Everything at one moment.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Expected {
    pub branches: BTreeMap<String, Branch>,
    pub tags: BTreeMap<String, CommitNumber>,
    /// Branches of remotes as they were last seen, by remote and name.
    pub tracking: BTreeMap<String, CommitNumber>,
    /// What does not become durable with the rest.
    pub beside: Beside,
}

/// What was read of everything; what could not be read is an error.
#[derive(Default)]
pub(crate) struct Observed {
    pub beside: SeenBeside,
    /// With the messages of the commits.
    pub tracking: Option<BTreeMap<String, String>>,
    pub branches: Option<BTreeSet<String>>,
    pub tags: Option<BTreeSet<String>>,
    pub working: BTreeMap<String, Rows>,
    pub branch_messages: BTreeMap<String, BTreeSet<String>>,
    pub tag_messages: BTreeMap<String, BTreeSet<String>>,
    /// The rows of commits, by message.
    pub commits: BTreeMap<String, Rows>,
    pub errors: Vec<String>,
}

impl Observed {
    /// The first thing that was read and is not as expected.
    pub fn differs(&self, expected: &Expected, commits: &Commits) -> Option<String> {
        let text = |what: &str, seen: &dyn fmt::Debug, wanted: &dyn fmt::Debug| {
            Some(format!("{what}: seen {seen:?}, expected {wanted:?}"))
        };
        if let Some(found) = self.beside.differs(&expected.beside, commits) {
            return Some(found);
        }
        if let Some(seen) = &self.tracking {
            let message = |at: &CommitNumber| commits.0[*at].message.clone();
            let all = expected.tracking.iter();
            let wanted: BTreeMap<String, String> =
                all.map(|(name, at)| (name.clone(), message(at))).collect();
            if *seen != wanted {
                return text("branches of remotes", seen, &wanted);
            }
        }
        let branches: BTreeSet<String> = expected.branches.keys().cloned().collect();
        if let Some(seen) = &self.branches
            && *seen != branches
        {
            return text("branches", seen, &branches);
        }
        let tags: BTreeSet<String> = expected.tags.keys().cloned().collect();
        if let Some(seen) = &self.tags
            && *seen != tags
        {
            return text("tags", seen, &tags);
        }
        for (name, branch) in &expected.branches {
            if let Some(seen) = self.branch_messages.get(name) {
                let wanted = commits.messages(branch.head);
                if *seen != wanted {
                    return text(&format!("history of {name}"), seen, &wanted);
                }
            }
            if let Some(seen) = self.working.get(name)
                && *seen != branch.working
            {
                return Some(format!(
                    "rows of {name}: {}",
                    difference(seen, &branch.working)
                ));
            }
        }
        for (name, at) in &expected.tags {
            if let Some(seen) = self.tag_messages.get(name) {
                let wanted = commits.messages(*at);
                if *seen != wanted {
                    return text(&format!("history of tag {name}"), seen, &wanted);
                }
            }
        }
        for (message, seen) in &self.commits {
            // Whether it is in the history at all is decided above.
            if let Some(commit) = commits.0.iter().find(|c| c.message == *message)
                && commit.rows != *seen
            {
                return Some(format!(
                    "rows of commit {message}: {}",
                    difference(seen, &commit.rows)
                ));
            }
        }
        None
    }
}

fn difference(seen: &Rows, wanted: &Rows) -> String {
    let short = |cells: Option<&Cells>| {
        cells.map(|(a, b)| (*a, b.chars().take(12).collect::<String>(), b.len()))
    };
    let keys: BTreeSet<i64> = seen.keys().chain(wanted.keys()).copied().collect();
    let mut out = String::new();
    for key in keys {
        if seen.get(&key) != wanted.get(&key) {
            out.push_str(&format!(
                "key {key}: seen {:?}, expected {:?}; ",
                short(seen.get(&key)),
                short(wanted.get(&key))
            ));
        }
        if out.len() > 600 {
            out.push_str("...");
            break;
        }
    }
    out
}
