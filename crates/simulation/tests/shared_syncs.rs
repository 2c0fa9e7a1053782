//! Threads that share syncs, and power loss while they do.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use chunks::{Chunk, ChunkStore, FileStore, Hash, OpenOptions};
use simulation::{Fault, Random, SimulatedDisk};

const THREADS: u64 = 4;
const COMMITS: u64 = 12;

fn open(disk: &Arc<SimulatedDisk>) -> chunks::Result<FileStore> {
    let options = OpenOptions {
        disk: disk.clone(),
        ..OpenOptions::default()
    };
    FileStore::create(Path::new("/store"), options)
}

/// Each commit is a chunk that says which one came before. Gives those that were acknowledged.
fn work(store: &FileStore, thread: u64) -> Vec<Hash> {
    let mut acknowledged = Vec::new();
    for n in 0..COMMITS {
        let lsn = loop {
            let Ok(last) = store.root() else { break None };
            let text = format!(
                "{last} {thread} {n} {}",
                "x".repeat((n * 97 % 700) as usize)
            );
            let chunk = Chunk::new(text.into_bytes());
            if store.put(chunk.clone()).is_err() {
                break None;
            }
            match store.append_root(chunk.hash(), last) {
                Ok(Some(lsn)) => break Some((lsn, chunk.hash())),
                Ok(None) => {}
                Err(_) => break None,
            }
        };
        let Some((lsn, hash)) = lsn else { break };
        if store.sync(lsn).is_err() {
            break;
        }
        acknowledged.push(hash);
    }
    acknowledged
}

#[test]
fn what_one_sync_acknowledged_to_many_is_there() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let disk = SimulatedDisk::new(random.fork());
        let mut kept: HashSet<Hash> = HashSet::new();
        for _ in 0..3 {
            let store = open(&disk).unwrap();
            let fault = match random.below(4) {
                0 => Fault::SyncError,
                1 => Fault::WriteError,
                _ => Fault::PowerLoss,
            };
            disk.arm(fault, random.below(40));
            std::thread::scope(|scope| {
                let store = &store;
                let threads: Vec<_> = (0..THREADS)
                    .map(|t| scope.spawn(move || work(store, t)))
                    .collect();
                for thread in threads {
                    kept.extend(thread.join().unwrap());
                }
            });
            disk.disarm();
            if random.one_in(2) && !disk.is_down() {
                disk.lose_power();
            }
            drop(store);
            if disk.is_down() {
                disk.restore_power();
            }
            let store = open(&disk).unwrap();
            let mut seen = HashSet::new();
            let mut at = store.root().unwrap();
            while !at.is_empty() {
                let chunk = store.get(&at).unwrap().expect("the history is whole");
                assert!(chunk.is_intact());
                seen.insert(at);
                let text = String::from_utf8(chunk.bytes().to_vec()).unwrap();
                at = text.split(' ').next().unwrap().parse().unwrap();
            }
            assert!(kept.is_subset(&seen), "seed {seed}: something is lost");
        }
    }
}
