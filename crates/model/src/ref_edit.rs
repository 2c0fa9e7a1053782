//! Refs at one point in time, and changes to them.

use chunks::Hash;
use prolly::AddressMap;

use crate::{ModelError, Result};

/// What must be true of a ref for a change to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Any,
    /// The ref does not exist.
    Absent,
    /// The ref has this address.
    Is(Hash),
}

impl Expected {
    pub(crate) fn holds(self, current: Option<Hash>) -> bool {
        match self {
            Expected::Any => true,
            Expected::Absent => current.is_none(),
            Expected::Is(hash) => current == Some(hash),
        }
    }
}

/// A change of one ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefEdit {
    /// The dataset's full name.
    pub name: String,
    /// What it must be before.
    pub expected: Expected,
    /// What it is after; none removes it.
    pub new: Option<Hash>,
}

impl RefEdit {
    /// Sets a ref.
    pub fn set(name: impl Into<String>, new: Hash, expected: Expected) -> RefEdit {
        RefEdit {
            name: name.into(),
            expected,
            new: Some(new),
        }
    }

    /// Removes a ref.
    pub fn remove(name: impl Into<String>, expected: Expected) -> RefEdit {
        RefEdit {
            name: name.into(),
            expected,
            new: None,
        }
    }
}

/// All refs as they were at one point; cheap to keep for the length of a transaction.
#[derive(Clone)]
pub struct RefSnapshot {
    pub(crate) root: Hash,
    pub(crate) map: AddressMap,
}

impl RefSnapshot {
    /// Address of the store root.
    pub fn store_root(&self) -> Hash {
        self.root
    }

    /// The address of a dataset, by its full name.
    pub fn get(&self, name: &str) -> Result<Option<Hash>> {
        Ok(self.map.get(name.as_bytes())?)
    }

    /// Datasets whose names start with a prefix, which is cut off, in the order of their bytes.
    pub fn with_prefix(&self, prefix: &str) -> Result<Vec<(String, Hash)>> {
        let mut out = Vec::new();
        for entry in self.map.with_prefix(prefix.as_bytes())? {
            let (name, hash) = entry?;
            let name = String::from_utf8(name)
                .map_err(|_| ModelError::corrupt("store root", "a ref's name is not UTF-8"))?;
            out.push((name[prefix.len()..].to_owned(), hash));
        }
        Ok(out)
    }
}
