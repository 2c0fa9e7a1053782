//! Joining small files, so that a manifest lists a bounded number of them (spec 01 §11).

use std::path::Path;
use std::sync::Arc;

use chunks::{Directory, HashSet, Spec, TableWriter};

use crate::Result;
use crate::file::RemoteFile;
use crate::store::Remote;

/// Bytes that are read again for the sake of fewer files, at most.
const MAX_BYTES: u64 = 1 << 30;
/// Chunks that are asked for at once.
const BATCH: usize = 512;

/// The smallest files, so many that half of the limit is left.
pub(crate) fn choose(files: &[Arc<RemoteFile>], max_files: usize) -> Vec<Arc<RemoteFile>> {
    let mut by_size = files.to_vec();
    by_size.sort_by_key(|f| (f.size, f.spec.name));
    let excess = files.len().saturating_sub(max_files / 2);
    let mut bytes = 0;
    by_size
        .into_iter()
        .take(excess + 1)
        .take_while(|f| {
            bytes += f.size;
            bytes <= MAX_BYTES
        })
        .collect()
}

/// Writes the chunks of several files into one file of a directory.
pub(crate) fn join(remote: &Remote, files: &[Arc<RemoteFile>], dir: &Path) -> Result<Spec> {
    let mut writer = TableWriter::create(&Directory::local(dir))?;
    let mut written = HashSet::default();
    for file in files {
        let mut hashes = file.hashes()?;
        hashes.retain(|h| written.insert(*h));
        for batch in hashes.chunks(BATCH) {
            for chunk in file.read(remote, batch)? {
                writer.append(&chunk)?;
            }
        }
    }
    Ok(writer.finish()?)
}
