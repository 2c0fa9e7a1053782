//! Backup: a copy of the whole store, working sets included (spec 07 §13).

use std::path::Path;

use chunks::HashSet;
use model::{Database, OpenOptions};

use crate::{Error, Result, pull_chunks};

/// How often the destination's root is tried to be set.
const ATTEMPTS: usize = 10;

/// Makes a destination equal to a database, whatever it held before. Whether there was anything
/// to do.
pub fn sync(source: &Database, destination: &Database) -> Result<bool> {
    let root = source.refs().store_root();
    let to = destination.chunks();
    if to.root()? == root {
        return Ok(false);
    }
    pull_chunks(&**to, &**source.chunks(), &[root], &HashSet::default())?;
    for _ in 0..ATTEMPTS {
        to.rebase()?;
        if to.commit(root, to.root()?)? {
            destination.refresh()?;
            return Ok(true);
        }
    }
    Err(Error::TooManyWrites)
}

/// Makes a database out of a backup, in a directory that is none yet.
pub fn restore(
    backup: &Database,
    dir: &Path,
    first_branch: &str,
    open: &OpenOptions,
) -> Result<Database> {
    if backup.branches()?.is_empty() {
        return Err(Error::NoData);
    }
    let branches = backup.branches()?;
    let head = branches
        .iter()
        .map(|(name, _)| name.as_str())
        .find(|name| *name == first_branch)
        .or_else(|| branches.first().map(|(name, _)| name.as_str()))
        .ok_or(Error::NoData)?;
    let db = Database::create_empty(dir, head, open)?;
    sync(backup, &db)?;
    Ok(db)
}
