//! All ancestors of a commit, by height and address (spec 02 §12).

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use chunks::Hash;

use crate::node::CLOSURE_KEY;
use crate::{Edit, KeyOrder, NodeFormat, NodeStore, Result, TupleMap};

/// A commit as closures name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClosureKey {
    /// One more than the greatest height of its parents.
    pub height: u64,
    /// Its address.
    pub commit: Hash,
}

impl ClosureKey {
    /// The key's bytes.
    pub fn to_bytes(&self) -> [u8; 28] {
        let mut bytes = [0; CLOSURE_KEY];
        bytes[..8].copy_from_slice(&self.height.to_le_bytes());
        bytes[8..].copy_from_slice(&self.commit.0);
        bytes
    }

    /// The key in these bytes.
    pub fn from_bytes(bytes: &[u8]) -> ClosureKey {
        let (height, commit) = bytes.split_at(8.min(bytes.len()));
        ClosureKey {
            height: height.try_into().map_or(0, u64::from_le_bytes),
            commit: Hash::from_slice(commit).unwrap_or_default(),
        }
    }
}

/// Height first, as a number; then the address.
struct ClosureOrder;

impl KeyOrder for ClosureOrder {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        ClosureKey::from_bytes(a).cmp(&ClosureKey::from_bytes(b))
    }
}

/// The ancestors of a commit. Unlike other maps, a closure's root is referred to by address:
/// [`save`](CommitClosure::save) it.
#[derive(Clone)]
pub struct CommitClosure(TupleMap);

impl CommitClosure {
    /// The closure of a commit without parents.
    pub fn empty(store: NodeStore) -> Result<CommitClosure> {
        TupleMap::empty(store, Arc::new(ClosureOrder), NodeFormat::CommitClosure).map(CommitClosure)
    }

    /// The closure at an address; the empty address is the empty closure.
    pub fn open(store: NodeStore, root: &Hash) -> Result<CommitClosure> {
        if root.is_empty() {
            return CommitClosure::empty(store);
        }
        let order = Arc::new(ClosureOrder);
        TupleMap::open(store, root, order, NodeFormat::CommitClosure).map(CommitClosure)
    }

    /// The closure of a commit with these parents: the parents, and the closures of each.
    pub fn of_parents(
        store: &NodeStore,
        parents: &[(ClosureKey, CommitClosure)],
    ) -> Result<CommitClosure> {
        let Some((_, first)) = parents.first() else {
            return CommitClosure::empty(store.clone());
        };
        let mut new: BTreeSet<ClosureKey> = parents.iter().map(|(key, _)| *key).collect();
        for (_, other) in &parents[1..] {
            for change in first.0.diff(&other.0) {
                let change = change?;
                if let (None, Some(item)) = (&change.from, &change.to) {
                    new.insert(ClosureKey::from_bytes(item.key()));
                }
            }
        }
        // New entries bring a value of one byte that no leaf keeps; it counts for boundaries.
        let edits: Vec<Edit<[u8; 28], [u8; 1]>> = new
            .iter()
            .map(|key| Edit::put(key.to_bytes(), [0]))
            .collect();
        first.0.edit(&edits).map(CommitClosure)
    }

    /// Whether a commit is an ancestor.
    pub fn contains(&self, key: &ClosureKey) -> Result<bool> {
        self.0.has(&key.to_bytes())
    }

    /// Number of ancestors.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ancestors from the highest down.
    pub fn descending(&self) -> Result<impl Iterator<Item = Result<ClosureKey>> + use<>> {
        let runs = self.0.runs_backward(0..self.len())?;
        Ok(runs.flat_map(|run| {
            let keys: Vec<Result<ClosureKey>> = match run {
                Ok(run) => run
                    .iter()
                    .rev()
                    .map(|(key, _)| Ok(ClosureKey::from_bytes(key)))
                    .collect(),
                Err(e) => vec![Err(e)],
            };
            keys
        }))
    }

    /// The ancestors of one height.
    pub fn at_height(&self, height: u64) -> Result<Vec<ClosureKey>> {
        let below = |height| move |key: &[u8]| ClosureKey::from_bytes(key).height < height;
        let start = self.0.ordinal_where(below(height))?;
        let end = match height.checked_add(1) {
            Some(next) => self.0.ordinal_where(below(next))?,
            None => self.len(),
        };
        let mut keys = Vec::new();
        for run in self.0.runs(start..end)? {
            keys.extend(run?.iter().map(|(key, _)| ClosureKey::from_bytes(key)));
        }
        Ok(keys)
    }

    /// The map itself: diffs, cursors.
    pub fn map(&self) -> &TupleMap {
        &self.0
    }

    /// Stores the root node and gives its address.
    pub fn save(&self) -> Result<Hash> {
        self.0.save()
    }
}
