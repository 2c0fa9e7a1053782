//! The directories of the simulated disk: names as they are seen, and as power loss would leave
//! them.

use std::collections::{BTreeMap, BTreeSet};

use crate::Random;

pub(crate) type NodeId = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    File(NodeId),
    Directory(NodeId),
}

/// Names that change together: a rename is one change of two.
pub(crate) struct Change {
    pub sets: Vec<(NodeId, String, Option<Node>)>,
}

impl Change {
    pub fn set(dir: NodeId, name: String, node: Option<Node>) -> Change {
        Change {
            sets: vec![(dir, name, node)],
        }
    }
}

type Directory = BTreeMap<String, Node>;

/// All directories; number 0 is the root.
pub(crate) struct Names {
    now: Vec<Directory>,
    durable: Vec<Directory>,
    pending: Vec<Change>,
}

impl Default for Names {
    fn default() -> Names {
        Names {
            now: vec![Directory::new()],
            durable: vec![Directory::new()],
            pending: Vec::new(),
        }
    }
}

fn apply(dirs: &mut [Directory], change: &Change) {
    for (dir, name, node) in &change.sets {
        match node {
            Some(node) => dirs[*dir].insert(name.clone(), *node),
            None => dirs[*dir].remove(name),
        };
    }
}

impl Names {
    pub fn find<'a>(&self, parts: impl Iterator<Item = &'a str>) -> Option<Node> {
        let mut at = Node::Directory(0);
        for part in parts {
            let Node::Directory(dir) = at else {
                return None;
            };
            at = *self.now[dir].get(part)?;
        }
        Some(at)
    }

    pub fn list(&self, dir: NodeId) -> Vec<(String, Node)> {
        self.now[dir].iter().map(|(n, i)| (n.clone(), *i)).collect()
    }

    pub fn new_directory(&mut self) -> NodeId {
        self.now.push(Directory::new());
        self.durable.push(Directory::new());
        self.now.len() - 1
    }

    pub fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        self.pending.push(change);
    }

    /// Makes the changes of a directory durable, and those that cannot be without them.
    pub fn sync(&mut self, dir: NodeId) {
        let mut dirs = BTreeSet::from([dir]);
        loop {
            let before = dirs.len();
            for change in &self.pending {
                if change.sets.iter().any(|(d, ..)| dirs.contains(d)) {
                    dirs.extend(change.sets.iter().map(|(d, ..)| *d));
                }
            }
            if dirs.len() == before {
                break;
            }
        }
        let (done, left) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|change| change.sets.iter().any(|(d, ..)| dirs.contains(d)));
        self.pending = left;
        for change in &done {
            apply(&mut self.durable, change);
        }
    }

    /// Keeps some of the changes: those up to one of them, as a file system with a journal does,
    /// or of each name those up to one of them, which is all that anybody promises.
    pub fn lose_power(&mut self, random: &mut Random) {
        let mut stopped = BTreeSet::new();
        let ordered = random.one_in(2);
        let odds = 1 + random.below(6);
        for change in std::mem::take(&mut self.pending) {
            let names = || change.sets.iter().map(|(d, name, _)| (*d, name.clone()));
            let goes = !names().any(|n| stopped.contains(&n)) && !random.one_in(odds);
            if goes {
                apply(&mut self.durable, &change);
            } else if ordered {
                break;
            } else {
                stopped.extend(names());
            }
        }
        self.now.clone_from(&self.durable);
    }

    /// All files that have a name, with the path.
    pub fn files(&self) -> Vec<(String, NodeId)> {
        let mut found = Vec::new();
        let mut left = vec![(String::new(), 0)];
        while let Some((path, dir)) = left.pop() {
            for (name, node) in &self.now[dir] {
                let path = format!("{path}/{name}");
                match node {
                    Node::File(id) => found.push((path, *id)),
                    Node::Directory(id) => left.push((path, *id)),
                }
            }
        }
        found
    }

    /// The files of a name, in whatever directory.
    pub fn called(&self, name: &str) -> Vec<NodeId> {
        let wanted = |(path, _): &(String, NodeId)| path.rsplit('/').next() == Some(name);
        let files = self.files().into_iter();
        files.filter(wanted).map(|(_, id)| id).collect()
    }
}
