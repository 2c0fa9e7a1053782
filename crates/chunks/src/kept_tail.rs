//! What opening cuts off a journal's end is kept beside it where it is more than an unfinished
//! write: power may go again before anybody has read the warning.

use std::path::PathBuf;

use crate::finished_file::copy_range;
use crate::journal::JOURNAL_NAME;
use crate::{Access, ChunkError, Directory, DiskFile, Result};

/// What the names of such files start with; the offset in the journal follows.
fn prefix() -> String {
    format!("{JOURNAL_NAME}_cut_")
}

/// Copies what a journal holds from `offset` on to the start of a file, and syncs that.
pub(crate) fn copy(
    dir: &Directory,
    journal: &dyn DiskFile,
    offset: u64,
    to: &dyn DiskFile,
    name: &str,
) -> Result<()> {
    let (path, saved) = (dir.at(JOURNAL_NAME), dir.at(name));
    let failed = |e| ChunkError::io("write", &saved, e);
    let size = journal
        .size()
        .map_err(|e| ChunkError::io("read", &path, e))?;
    let mut at = 0;
    copy_range(journal, &path, offset..size, &mut |part| {
        to.write_all_at(part, at).map_err(failed)?;
        at += part.len() as u64;
        Ok(())
    })?;
    to.sync().map_err(failed)
}

/// Keeps what a journal holds from `offset` on, durably, in a file of its own.
pub(crate) fn keep(dir: &Directory, journal: &dyn DiskFile, offset: u64) -> Result<()> {
    let mut name = format!("{}{offset}", prefix());
    // An earlier crash may have been cut at the same place.
    for n in 1.. {
        if dir.kind(&name)?.is_none() {
            break;
        }
        name = format!("{}{offset}_{n}", prefix());
    }
    // A copy that is not finished is pruned with the other files that were not.
    let temp = format!("nbs_tail_{}", std::process::id());
    let file = dir.open(&temp, Access::Fresh)?;
    copy(dir, journal, offset, &*file, &temp)?;
    dir.rename(&temp, &name)?;
    dir.sync()
}

/// The files in which ends of the journal are kept.
pub(crate) fn list(dir: &Directory) -> Result<Vec<PathBuf>> {
    let prefix = prefix();
    let names = dir.list()?.into_iter();
    let kept = names.filter(|(name, _)| name.starts_with(&prefix));
    Ok(kept.map(|(name, _)| dir.at(&name)).collect())
}
