//! The LOCK file of a store's directory (spec 01 §9).

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{ChunkError, Result};

/// An exclusive advisory lock, held until dropped.
pub struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes `DIR/LOCK`, waiting up to `patience`; `None` if another process keeps it.
    pub fn acquire(dir: &Path, patience: Duration) -> Result<Option<LockFile>> {
        let path = dir.join("LOCK");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&path)
            .map_err(|e| ChunkError::io("open", &path, e))?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(LockFile { _file: file })),
                Err(TryLockError::WouldBlock) => {
                    if Instant::now() >= deadline {
                        return Ok(None);
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(TryLockError::Error(e)) => return Err(ChunkError::io("lock", &path, e)),
            }
        }
    }
}
