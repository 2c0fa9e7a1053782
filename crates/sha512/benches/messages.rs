//! Time to hash chunks of usual size: `cargo bench -p sha512`.

use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 2_000;

fn report(what: &str, hashed: usize, start: Instant) {
    let each = start.elapsed().as_nanos() as f64 / hashed as f64;
    println!("{what:<40} {each:>10.1} ns");
}

fn main() {
    let messages: Vec<Vec<u8>> = (0..64usize)
        .map(|n| (0..3_000 + 55 * n).map(|i| (i * 7 + n) as u8).collect())
        .collect();
    let views: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        for message in &views {
            black_box(sha512::digest(message));
        }
    }
    report("one at a time, per message", ROUNDS * views.len(), start);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(sha512::digests(&views));
    }
    let what = format!("in {} lanes, per message", sha512::lanes());
    report(&what, ROUNDS * views.len(), start);
}
