//! `simulation FROM..TO`: runs the histories of these seeds; `simulation SEED` replays one and
//! prints its steps and what happened on the disk.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use simulation::{Deliberate, Options, run};

fn usage() -> ExitCode {
    eprintln!(
        "usage: simulation (FROM..TO | SEED) [--threads N] [--keep-going] \
         [--bug sync-omitted|manifest-first|torn-record-accepted]"
    );
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let (mut range, mut threads, mut keep_going, mut options) =
        (None, 1, false, Options::default());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--threads" => match words.next().and_then(|n| n.parse().ok()) {
                Some(n) => threads = n,
                None => return usage(),
            },
            "--keep-going" => keep_going = true,
            "--bug" => {
                options.deliberate = match words.next().as_deref() {
                    Some("sync-omitted") => Some(Deliberate::SyncOmitted),
                    Some("manifest-first") => Some(Deliberate::ManifestFirst),
                    Some("torn-record-accepted") => Some(Deliberate::TornRecordAccepted),
                    _ => return usage(),
                }
            }
            _ => {
                let parsed = match word.split_once("..") {
                    Some((from, to)) => from.parse().ok().zip(to.parse().ok()),
                    None => word.parse().ok().map(|seed: u64| (seed, seed + 1)),
                };
                let Some(parsed) = parsed else { return usage() };
                range = Some(parsed);
            }
        }
    }
    let Some((from, to)) = range else {
        return usage();
    };
    options.trace = to == from + 1;
    std::panic::set_hook(Box::new(|info| {
        if let Some(at) = info.location() {
            eprintln!("panic at {at}");
        }
    }));

    let began = Instant::now();
    let next = AtomicU64::new(from);
    let totals = Mutex::new((BTreeMap::new(), 0u64, 0u64));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= to {
                        break;
                    }
                    match run(seed, options) {
                        Ok(outcome) => {
                            let mut totals = totals.lock().expect("nobody panics with it");
                            for (what, n) in outcome.injected {
                                *totals.0.entry(what).or_insert(0u64) += n;
                            }
                            totals.1 += outcome.acknowledged;
                            totals.2 += outcome.operations;
                            if options.trace {
                                outcome.trace.iter().for_each(|line| println!("{line}"));
                                println!("fingerprint {:016x}", outcome.fingerprint);
                            }
                        }
                        Err(failure) => {
                            eprintln!("seed {seed}: {}", failure.text);
                            let mut failures = failures.lock().expect("nobody panics with it");
                            failures.push(failure);
                            if !keep_going {
                                next.store(to, Ordering::Relaxed);
                            }
                        }
                    }
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let failures = failures.into_inner().expect("nobody panics with it");
    let (injected, acknowledged, operations) = totals.into_inner().expect("nobody panics with it");
    if options.trace {
        for failure in &failures {
            failure.trace.iter().for_each(|line| println!("{line}"));
            failure.steps.iter().for_each(|line| println!("{line}"));
            println!("seed {}: {}", failure.seed, failure.text);
        }
    }
    let seeds = to - from;
    println!(
        "{seeds} seeds in {seconds:.1} s ({:.0}/s), {acknowledged} changes acknowledged, \
         {operations} operations, {} failed",
        seeds as f64 / seconds,
        failures.len()
    );
    for (what, n) in injected {
        println!("{n:>10} {what}");
    }
    match failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
