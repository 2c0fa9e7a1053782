//! Times of the hot paths: `cargo bench -p prolly`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use prolly::{Bytewise, Edit, NodeFormat, NodeStore, Result, TupleMap};

fn key(n: u64) -> [u8; 10] {
    let mut key = [0; 10];
    key[..8].copy_from_slice(&n.to_be_bytes());
    key[8] = 1;
    key
}

fn report(what: &str, n: u64, start: Instant) {
    let each = start.elapsed().as_nanos() as f64 / n as f64;
    println!("{what:<40} {each:>10.1} ns");
}

fn main() -> Result<()> {
    let store = NodeStore::new(Arc::new(chunks::MemoryStore::new()), 1 << 30);
    let n = 1_000_000u64;
    let value = [7u8; 60];
    let start = Instant::now();
    let map = TupleMap::build(
        store,
        Arc::new(Bytewise),
        NodeFormat::plain_rows(),
        (0..n).map(|i| (key(i), value)),
    )?;
    report("build, per row", n, start);

    let mut x = 1u64;
    let mut random = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x % n
    };
    for _ in 0..n {
        black_box(map.get(&key(random()))?);
    }
    let start = Instant::now();
    for _ in 0..n {
        black_box(map.get(&key(random()))?.map(|i| i.value().len()));
    }
    report("point read", n, start);

    for _ in 0..10_000 {
        black_box(map.get(&key(random() % 10_000))?);
    }
    let start = Instant::now();
    for _ in 0..n {
        black_box(map.get(&key(random() % 10_000))?.map(|i| i.value().len()));
    }
    report("point read among 10,000 rows of those", n, start);

    let start = Instant::now();
    let mut sum = 0u64;
    for run in map.all()? {
        for (key, value) in run?.iter() {
            sum += u64::from(key[7]) + u64::from(value[3]);
        }
    }
    black_box(sum);
    report("scan, per row", n, start);

    let start = Instant::now();
    for _ in 0..2000 {
        black_box(map.edit(&[Edit::put(key(random()), [1u8; 60])])?);
    }
    report("edit of one row", 2000, start);

    let mut edits: Vec<u64> = (0..10_000).map(|_| random()).collect();
    edits.sort_unstable();
    edits.dedup();
    let edits: Vec<_> = edits
        .iter()
        .map(|n| Edit::put(key(*n), [2u8; 60]))
        .collect();
    let start = Instant::now();
    let other = map.edit(&edits)?;
    report("edit of many rows, per row", edits.len() as u64, start);
    let start = Instant::now();
    let found = map.diff(&other).count();
    report("difference, per row that differs", found as u64, start);
    Ok(())
}
