//! Decoded nodes that were used lately, within a limit of bytes.

use std::collections::hash_map::Entry as MapEntry;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chunks::{Hash, HashMap};

use crate::Node;

const SHARDS: usize = 64;

/// A cache in shards, each of which evicts by a clock: a hit sets a mark, the hand clears marks
/// and takes the first unmarked node.
pub(crate) struct NodeCache {
    limit: usize,
    shards: Box<[RwLock<Shard>]>,
    shard_limit: usize,
}

/// What a cache holds, and what came of looking into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// Most bytes of nodes that are kept.
    pub limit: u64,
    /// Bytes that are kept.
    pub bytes: u64,
    /// How often a node was there.
    pub hits: u64,
    /// How often it was not.
    pub misses: u64,
}

#[derive(Default)]
struct Shard {
    hits: AtomicU64,
    misses: AtomicU64,
    slots: HashMap<usize>,
    ring: Vec<Option<Slot>>,
    free: Vec<usize>,
    hand: usize,
    bytes: usize,
}

struct Slot {
    node: Arc<Node>,
    used: AtomicBool,
}

impl NodeCache {
    pub fn new(limit: usize) -> NodeCache {
        NodeCache {
            limit,
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            shard_limit: limit / SHARDS,
        }
    }

    fn shard(&self, hash: &Hash) -> &RwLock<Shard> {
        // The last byte: tables in the shards use the first ones.
        &self.shards[hash.0[19] as usize % SHARDS]
    }

    pub fn get(&self, hash: &Hash) -> Option<Arc<Node>> {
        let shard = self
            .shard(hash)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let at = shard.slots.get(hash);
        let Some(slot) = at.and_then(|at| shard.ring[*at].as_ref()) else {
            shard.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        shard.hits.fetch_add(1, Ordering::Relaxed);
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Some(slot.node.clone())
    }

    pub fn figures(&self) -> CacheFigures {
        let mut all = CacheFigures {
            limit: self.limit as u64,
            ..CacheFigures::default()
        };
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            all.bytes += shard.bytes as u64;
            all.hits += shard.hits.load(Ordering::Relaxed);
            all.misses += shard.misses.load(Ordering::Relaxed);
        }
        all
    }

    pub fn insert(&self, node: Arc<Node>) {
        let size = node.size();
        if size > self.shard_limit {
            return;
        }
        let mut guard = self
            .shard(&node.hash())
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let shard = &mut *guard;
        let MapEntry::Vacant(entry) = shard.slots.entry(node.hash()) else {
            return;
        };
        let slot = Some(Slot {
            node,
            used: AtomicBool::new(false),
        });
        let at = match shard.free.pop() {
            Some(at) => {
                shard.ring[at] = slot;
                at
            }
            None => {
                shard.ring.push(slot);
                shard.ring.len() - 1
            }
        };
        entry.insert(at);
        shard.bytes += size;
        while shard.bytes > self.shard_limit {
            shard.evict_one();
        }
    }

    pub fn remove(&self, hash: &Hash) {
        let mut shard = self
            .shard(hash)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = shard.slots.remove(hash)
            && let Some(slot) = shard.ring[at].take()
        {
            shard.bytes -= slot.node.size();
            shard.free.push(at);
        }
    }
}

impl Shard {
    fn evict_one(&mut self) {
        loop {
            self.hand = (self.hand + 1) % self.ring.len();
            let Some(slot) = &mut self.ring[self.hand] else {
                continue;
            };
            if std::mem::take(slot.used.get_mut()) {
                continue;
            }
            self.bytes -= slot.node.size();
            self.slots.remove(&slot.node.hash());
            self.ring[self.hand] = None;
            self.free.push(self.hand);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytewise, NodeFormat};

    #[test]
    fn it_stays_within_its_limit_and_keeps_what_is_used() {
        let cache = NodeCache::new(SHARDS * 4096);
        let store = crate::NodeStore::in_memory();
        let nodes: Vec<Arc<Node>> = (0..2000u32)
            .map(|i| {
                let mut b = crate::TreeBuilder::new(&store, &NodeFormat::AddressMap);
                b.append(&i.to_be_bytes(), &[1; 20]).unwrap();
                b.finish().unwrap()
            })
            .collect();
        let _ = Bytewise;
        for node in &nodes {
            cache.insert(node.clone());
            cache.get(&nodes[0].hash());
        }
        assert!(cache.get(&nodes[0].hash()).is_some(), "in use all the time");
        let figures = cache.figures();
        assert!(figures.bytes > 0 && figures.bytes <= figures.limit);
        assert_eq!((figures.hits, figures.misses), (2001, 0));
        let mut held = 0;
        for shard in &cache.shards {
            let shard = shard.read().unwrap();
            assert!(shard.bytes <= 4096);
            assert_eq!(shard.slots.len(), shard.ring.iter().flatten().count());
            held += shard.slots.len();
        }
        assert!(held > SHARDS && held < 2000);
        cache.remove(&nodes[0].hash());
        assert!(cache.get(&nodes[0].hash()).is_none());
        cache.insert(nodes[0].clone());
        assert!(cache.get(&nodes[0].hash()).is_some());
    }
}
