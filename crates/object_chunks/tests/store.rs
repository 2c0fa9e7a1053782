//! The store over objects in memory: what is acknowledged stays, whatever goes wrong.

#![allow(clippy::unwrap_used)]

mod faulty;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chunks::{Chunk, ChunkStore, Hash};
use faulty::Faulty;
use object_chunks::{ObjectChunks, Options};
use object_store::memory::InMemory;
use object_store::path::Path;

fn quick() -> Options {
    Options {
        pause: Duration::from_micros(200),
        attempts: 60,
        max_files: 8,
        ..Options::default()
    }
}

fn open(blobs: Arc<dyn object_store::ObjectStore>, options: Options) -> ObjectChunks {
    ObjectChunks::open(
        blobs,
        Path::from("a/prefix"),
        "s3://bucket/a/prefix",
        options,
    )
    .unwrap()
}

fn chunk(n: u32) -> Chunk {
    Chunk::new(format!("chunk {n} {}", "x".repeat(n as usize % 300)).into_bytes())
}

#[test]
fn what_is_put_is_read_by_others_after_its_root() {
    let memory = Arc::new(InMemory::new());
    let store = open(memory.clone(), quick());
    assert_eq!(store.root().unwrap(), Hash::EMPTY);
    let all: Vec<Chunk> = (0..500).map(chunk).collect();
    for c in &all {
        store.put(c.clone()).unwrap();
        assert_eq!(store.get(&c.hash()).unwrap().as_ref(), Some(c));
    }
    let other = open(memory.clone(), quick());
    assert!(!other.has(&all[0].hash()).unwrap());
    assert!(store.commit(all[7].hash(), Hash::EMPTY).unwrap());
    assert!(!store.commit(all[8].hash(), Hash::EMPTY).unwrap());
    other.rebase().unwrap();
    assert_eq!(other.root().unwrap(), all[7].hash());
    let before = other.counters();
    let hashes: Vec<Hash> = all.iter().map(Chunk::hash).collect();
    let read = other.get_many(&hashes).unwrap();
    assert!(read.iter().zip(&all).all(|(r, c)| r.as_ref() == Some(c)));
    // The whole file is one run of adjacent ranges.
    assert_eq!(other.counters().reads - before.reads, 1);
    other.get_many(&hashes).unwrap();
    assert_eq!(other.counters().reads - before.reads, 1, "they were kept");
    assert!(!other.has(&Hash::of(b"absent")).unwrap());
    assert_eq!(other.get(&Hash::of(b"absent")).unwrap(), None);
}

#[test]
fn a_chunk_is_read_without_reading_its_file() {
    let memory = Arc::new(InMemory::new());
    let store = open(memory.clone(), quick());
    // Bytes that do not become shorter.
    let mut x = 7u32;
    let mut noise = |n: usize| -> Vec<u8> {
        let step = |_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 24) as u8
        };
        (0..n).map(step).collect()
    };
    let all: Vec<Chunk> = (0..400).map(|_| Chunk::new(noise(4000))).collect();
    all.iter().for_each(|c| store.put(c.clone()).unwrap());
    assert!(store.commit(all[0].hash(), Hash::EMPTY).unwrap());
    let reader = open(memory, quick());
    let opened = reader.counters();
    assert!(opened.bytes_read < 400 * 28 + 1000, "{opened:?}");
    reader.get(&all[399].hash()).unwrap().unwrap();
    let near: Vec<Hash> = all[100..110].iter().map(Chunk::hash).collect();
    reader.get_many(&near).unwrap();
    let far = [all[0].hash(), all[200].hash(), all[390].hash()];
    reader.get_many(&far).unwrap();
    let now = reader.counters();
    assert_eq!(now.reads - opened.reads, 1 + 1 + 3);
    assert!(now.bytes_read - opened.bytes_read < 15 * 4100, "{now:?}");
}

#[test]
fn files_are_sent_and_listed_and_their_number_stays_bounded() {
    let memory = Arc::new(InMemory::new());
    let store = open(memory.clone(), quick());
    let mut last = Hash::EMPTY;
    for n in 0..40 {
        let (a, b) = (chunk(n), chunk(1000 + n));
        let mut file = store.begin_file().unwrap();
        file.append(&a).unwrap();
        let spec = file.finish().unwrap();
        assert!(!store.has(&a.hash()).unwrap());
        store.list_files(&[spec]).unwrap();
        assert!(store.has(&a.hash()).unwrap());
        store.put(b.clone()).unwrap();
        assert!(store.commit(b.hash(), last).unwrap());
        last = b.hash();
        assert!(store.manifest().specs.len() <= 9);
    }
    let other = open(memory, quick());
    assert_eq!(other.root().unwrap(), last);
    for n in (0..40).chain(1000..1040) {
        let c = chunk(n);
        assert_eq!(other.get(&c.hash()).unwrap(), Some(c));
    }
}

#[test]
fn a_large_file_is_sent_in_parts() {
    let memory = Arc::new(InMemory::new());
    let store = open(memory.clone(), quick());
    let mut file = store.begin_file().unwrap();
    let all: Vec<Chunk> = (0..40u64)
        .map(|n| {
            let noise = (0..60_000u64).map(|i| (i * i * (n + 3)).wrapping_mul(0x9e37_79b9));
            Chunk::new(noise.flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())
        })
        .collect();
    for c in &all {
        file.append(c).unwrap();
    }
    assert!(file.size() > 9 << 20, "{}", file.size());
    let spec = file.finish().unwrap();
    store.list_files(&[spec]).unwrap();
    let other = open(memory, quick());
    for c in &all {
        assert_eq!(other.get(&c.hash()).unwrap().as_ref(), Some(c));
    }
}

#[test]
fn a_store_that_ignores_conditions_is_refused() {
    let faulty = Faulty::new(Arc::new(InMemory::new()), 1, 0);
    faulty.unconditional.store(true, Ordering::Relaxed);
    let store = open(Arc::new(faulty), quick());
    let c = chunk(1);
    store.put(c.clone()).unwrap();
    let refused = store.commit(c.hash(), Hash::EMPTY).unwrap_err().to_string();
    assert!(refused.contains("lose each other's commits"), "{refused}");
}

/// A root says which root was before it, and who made it.
fn root_after(last: Hash, writer: u64, n: u64) -> Chunk {
    Chunk::new([&last.0[..], format!("{writer} {n}").as_bytes()].concat())
}

/// What fails is tried again by whoever asked.
fn insist<T>(mut attempt: impl FnMut() -> chunks::Result<T>) -> T {
    for _ in 0..1000 {
        if let Ok(done) = attempt() {
            return done;
        }
    }
    panic!("a thousand attempts failed: {:?}", attempt().err());
}

fn writers_under_faults(seed: u64, per_mille: u64) {
    let memory = Arc::new(InMemory::new());
    let acknowledged = Mutex::new(Vec::new());
    let mut faults = 0;
    std::thread::scope(|scope| {
        let writer = |w: u64| {
            let (memory, acknowledged) = (memory.clone(), &acknowledged);
            move || {
                let faulty = Arc::new(Faulty::new(memory, seed * 977 + w * 31, per_mille));
                let place = || {
                    let url = "s3://bucket/a/prefix";
                    ObjectChunks::open(faulty.clone(), Path::from("a/prefix"), url, quick())
                };
                let mut store = insist(place);
                for n in 0..12 {
                    let done = (0..2000).any(|attempt| {
                        if attempt % 5 == 4 {
                            // A process that gave up, and came again.
                            store = insist(place);
                        }
                        if store.rebase().is_err() {
                            return false;
                        }
                        let last = store.root().unwrap();
                        let new = root_after(last, w, n);
                        if store.put(new.clone()).is_err() {
                            return false;
                        }
                        match store.commit(new.hash(), last) {
                            Ok(true) => {
                                acknowledged.lock().unwrap().push(new.hash());
                                true
                            }
                            Ok(false) | Err(_) => false,
                        }
                    });
                    assert!(done, "writer {w} got nowhere");
                }
                faulty.faults.load(Ordering::Relaxed)
            }
        };
        let threads: Vec<_> = (0..3).map(|w| scope.spawn(writer(w))).collect();
        for thread in threads {
            faults += thread.join().unwrap();
        }
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    assert_eq!(acknowledged.len(), 36);
    assert_eq!(per_mille > 0, faults > 20, "{faults}");
    // From the last root back, reading through faults as well.
    let url = "s3://bucket/a/prefix";
    let faulty = Arc::new(Faulty::new(memory, seed, per_mille));
    let store = insist(|| ObjectChunks::open(faulty.clone(), Path::from("a/prefix"), url, quick()));
    let (mut root, mut reached) = (store.root().unwrap(), HashSet::new());
    while !root.is_empty() {
        assert!(reached.insert(root), "a root came twice");
        let chunk = insist(|| store.get(&root)).expect("what roots refer to is there");
        assert!(chunk.is_intact());
        root = Hash::from_slice(&chunk.bytes()[..Hash::LEN]).unwrap();
    }
    for root in &acknowledged {
        assert!(reached.contains(root), "an acknowledged root is lost");
    }
}

#[test]
fn no_acknowledged_root_is_lost_without_faults() {
    writers_under_faults(3, 0);
}

#[test]
fn no_acknowledged_root_is_lost_with_faults() {
    for seed in 1..=4 {
        writers_under_faults(seed, 60);
    }
    writers_under_faults(9, 200);
}
