//! Reading files that are complete: their end at once, the rest when it is asked for.

use std::ops::Range;
use std::path::Path;

use crate::{ChunkError, DiskFile, Result};

/// Bytes that are copied at once.
const PART: u64 = 1 << 20;

/// The size of a file, and its last bytes: `len`, or all that there are.
pub(crate) fn read_end(file: &dyn DiskFile, path: &Path, len: u64) -> Result<(u64, Vec<u8>)> {
    let failed = |e| ChunkError::io("read", path, e);
    let size = file.size().map_err(failed)?;
    let mut end = vec![0; len.min(size) as usize];
    file.read_exact_at(&mut end, size - len.min(size))
        .map_err(failed)?;
    Ok((size, end))
}

/// Gives these bytes of a file, a part at a time.
pub(crate) fn copy_range(
    file: &dyn DiskFile,
    path: &Path,
    range: Range<u64>,
    write: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut part = vec![0; (range.end - range.start).min(PART) as usize];
    let mut at = range.start;
    while at < range.end {
        let part = &mut part[..(range.end - at).min(PART) as usize];
        file.read_exact_at(part, at)
            .map_err(|e| ChunkError::io("read", path, e))?;
        write(part)?;
        at += part.len() as u64;
    }
    Ok(())
}
