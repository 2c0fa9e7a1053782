use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Hash;

/// Result of a store's operation.
pub type Result<T> = std::result::Result<T, ChunkError>;

/// What a store could not do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChunkError {
    /// The operating system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// A chunk's record does not match its checksum, or does not decompress.
    #[error("checksum error: chunk {hash} in {file}: {reason}")]
    BadChunk {
        /// The chunk.
        hash: Hash,
        /// The file it was read from.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A table file or archive that cannot be used.
    #[error("invalid or corrupt table file: {path}: {reason}")]
    BadTable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that the manifest names does not exist.
    #[error("error opening table file: table file not found: {}", .0.display())]
    TableMissing(PathBuf),
    /// The manifest cannot be read.
    #[error("corrupt manifest: {path}: {reason}")]
    BadManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A manifest of a later format.
    #[error("Unknown manifest version: {0}. You may need to update your client")]
    ManifestVersion(String),
    /// The store is in a format of programs before 2.0.
    #[error("unsupported ChunkStore version {0}")]
    StoreFormat(String),
    /// The journal is damaged in the middle; opening it would lose acknowledged commits.
    #[error(
        "possible data loss detected in journal file {path} at offset {offset}: corrupted journal\n\
         please run 'dolt fsck' to assess the damage and attempt repairs"
    )]
    JournalDataLoss {
        /// The journal.
        path: PathBuf,
        /// Where the first unreadable record starts.
        offset: u64,
    },
    /// A journal record that passes its checksum and yet cannot be understood.
    #[error("invalid journal record at offset {offset} of {path}: {reason}")]
    BadJournalRecord {
        /// The journal.
        path: PathBuf,
        /// Where the record starts.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest names a journal that is gone.
    #[error("missing chunk journal {}", .0.display())]
    JournalMissing(PathBuf),
    /// Another process owns the database and the caller did not want to read only.
    #[error("the database is locked by another dolt process")]
    Locked,
    /// The database was opened read-only.
    #[error("cannot update manifest: database is read only")]
    ReadOnly,
    /// An earlier write failed in a way that leaves the file's state unknown.
    #[error("the store of {path} refuses writes since an earlier failure: {reason}")]
    Poisoned {
        /// The journal.
        path: PathBuf,
        /// The failure.
        reason: String,
    },
    /// Chunks have a largest size.
    #[error("requested bytes ({size}) exceeds capacity ({limit})")]
    TooLarge {
        /// Size of the record.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Chunks are never empty.
    #[error("NBS blocks cannot be zero length")]
    EmptyChunk,
    /// The place where a store should be is no directory.
    #[error("path is not a directory: {}", .0.display())]
    NotADirectory(PathBuf),
    /// Waiting for another process's manifest update took too long.
    #[error("timed out reading database manifest: {}", .0.display())]
    LockTimeout(PathBuf),
    /// The ghost list has a line that is no hash.
    #[error("invalid hash {0} in ghostObjects.txt")]
    BadGhost(String),
    /// One at a time.
    #[error("gc already in progress")]
    CollectionRunning,
    /// Nothing that would have to be cut off.
    #[error("no data loss detected in chunk journal file; no recovery performed")]
    JournalIsWhole,
    /// Somebody asked for an end.
    #[error("garbage collection was interrupted")]
    CollectionInterrupted,
    /// Chunks that are referred to are not there.
    #[error(
        "dangling references requested during GC. GC not successful. {}",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Dangling(Vec<Hash>),
    /// Garbage was collected since the caller read the manifest.
    #[error("garbage collection generation expired")]
    GcGenerationExpired,
}

impl ChunkError {
    /// An I/O error with what was attempted on which file.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> ChunkError {
        ChunkError::Io {
            action,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}
