//! Chunks that were read lately, within a limit of bytes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chunks::{Chunk, Hash, HashMap};

/// Chunks in the order in which they came; the oldest go first. Nodes that are used again and
/// again are kept by the layer above.
pub(crate) struct Kept {
    limit: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    chunks: HashMap<Chunk>,
    order: VecDeque<Hash>,
    bytes: usize,
}

impl Kept {
    pub fn new(limit: usize) -> Kept {
        Kept {
            limit,
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, hash: &Hash) -> Option<Chunk> {
        self.lock().chunks.get(hash).cloned()
    }

    pub fn insert(&self, chunk: &Chunk) {
        let size = chunk.bytes().len();
        if size > self.limit {
            return;
        }
        let mut inner = self.lock();
        if inner.chunks.insert(chunk.hash(), chunk.clone()).is_some() {
            return;
        }
        inner.order.push_back(chunk.hash());
        inner.bytes += size;
        while inner.bytes > self.limit {
            let Some(oldest) = inner.order.pop_front() else {
                break;
            };
            if let Some(gone) = inner.chunks.remove(&oldest) {
                inner.bytes -= gone.bytes().len();
            }
        }
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.lock().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_within_its_limit() {
        let kept = Kept::new(1000);
        let chunks: Vec<Chunk> = (0..50u8).map(|n| Chunk::new(vec![n; 99])).collect();
        for chunk in &chunks {
            kept.insert(chunk);
            kept.insert(chunk);
            assert!(kept.bytes() <= 1000);
        }
        assert_eq!(kept.get(&chunks[49].hash()).as_ref(), Some(&chunks[49]));
        assert!(kept.get(&chunks[0].hash()).is_none());
        kept.insert(&Chunk::new(vec![7; 2000]));
        assert_eq!(kept.bytes(), 990);
    }
}
