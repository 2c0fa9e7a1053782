//! Files that garbage collection replaced while somebody may still read from them.
//!
//! A collection takes the store's files out of its directory, but whoever began to work before
//! goes on: what they read is found here, and what they build on it is carried over, with all it
//! refers to, when they store something that refers to it. So the store's own files always hold
//! everything that their chunks refer to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::journal::Journal;
use crate::{Chunk, Hash, Result, Sources};

/// Visits the addresses that a chunk refers to; an error says what is wrong with the chunk.
pub type References = fn(&Chunk, &mut dyn FnMut(Hash)) -> std::result::Result<(), String>;

/// The files of a store before a collection.
pub(crate) struct RetiredFiles {
    pub journal: Option<Arc<Journal>>,
    pub newgen: Arc<Sources>,
    pub oldgen: Arc<Sources>,
}

/// All files that were replaced and may be in use.
#[derive(Default)]
pub(crate) struct Retired {
    any: AtomicBool,
    next: AtomicU64,
    files: RwLock<Vec<(u64, Arc<RetiredFiles>)>>,
}

impl Retired {
    /// Whether there are any; cheap.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// A chunk out of replaced files.
    pub fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        if !self.any() {
            return Ok(None);
        }
        let all = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<Arc<RetiredFiles>> = all.iter().rev().map(|(_, f)| f.clone()).collect();
        for files in all {
            if let Some(journal) = &files.journal
                && let Some(chunk) = journal.get(hash)?
            {
                return Ok(Some(chunk));
            }
            for sources in [&files.newgen, &files.oldgen] {
                if let Some(chunk) = sources.get(hash)? {
                    return Ok(Some(chunk));
                }
            }
        }
        Ok(None)
    }

    /// Keeps files until the guard is dropped.
    pub fn keep(self: &Arc<Retired>, files: RetiredFiles) -> Retirement {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.files
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push((id, Arc::new(files)));
        self.any.store(true, Ordering::Release);
        Retirement {
            all: self.clone(),
            id,
        }
    }
}

/// Keeps the files that a collection replaced readable; drop it when everybody is gone who began
/// to work with the store before the collection ended.
#[must_use]
pub struct Retirement {
    all: Arc<Retired>,
    id: u64,
}

impl Drop for Retirement {
    fn drop(&mut self) {
        let all = &self.all;
        let mut files = all.files.write().unwrap_or_else(PoisonError::into_inner);
        files.retain(|(id, _)| *id != self.id);
        all.any.store(!files.is_empty(), Ordering::Release);
    }
}
