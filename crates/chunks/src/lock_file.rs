//! The LOCK file of a store's directory (spec 01 §9).

use std::time::{Duration, Instant};

use crate::disk::Held;
use crate::{ChunkError, Directory, Result};

/// An exclusive advisory lock, held until dropped.
pub struct LockFile {
    _held: Held,
}

impl LockFile {
    /// Takes `DIR/LOCK`, waiting up to `patience`; `None` if another process keeps it.
    pub fn acquire(dir: &Directory, patience: Duration) -> Result<Option<LockFile>> {
        let path = dir.at("LOCK");
        let deadline = Instant::now() + patience;
        loop {
            match dir.disk().try_lock(&path) {
                Ok(Some(held)) => return Ok(Some(LockFile { _held: held })),
                Ok(None) => {
                    if Instant::now() >= deadline {
                        return Ok(None);
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(e) => return Err(ChunkError::io("lock", &path, e)),
            }
        }
    }
}
