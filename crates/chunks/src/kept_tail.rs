//! What opening cuts off a journal's end is kept beside it where it is more than an unfinished
//! write: power may go again before anybody has read the warning.

use std::path::PathBuf;

use crate::journal::JOURNAL_NAME;
use crate::{Access, ChunkError, Directory, DiskFile, Result};

/// Bytes that are copied at a time.
const PART: usize = 1 << 20;

/// What the names of such files start with; the offset in the journal follows.
fn prefix() -> String {
    format!("{JOURNAL_NAME}_cut_")
}

/// Copies the bytes of `from` in `range` to the start of `to`, and syncs that.
pub(crate) fn copy(
    from: &dyn DiskFile,
    mut range: std::ops::Range<u64>,
    to: &dyn DiskFile,
) -> std::io::Result<()> {
    let mut part = vec![0; PART];
    let start = range.start;
    while range.start < range.end {
        let n = (range.end - range.start).min(PART as u64) as usize;
        from.read_exact_at(&mut part[..n], range.start)?;
        to.write_all_at(&part[..n], range.start - start)?;
        range.start += n as u64;
    }
    to.sync()
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
    journal
        .size()
        .and_then(|size| copy(journal, offset..size, &*file))
        .map_err(|e| ChunkError::io("write", &dir.at(&temp), e))?;
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
