//! Drives targets without libFuzzer: `mutate SECONDS SEED [TARGET…]`. An input that makes one
//! panic, or takes long, is left in the working directory; `mutate read TARGET FILE…` repeats it,
//! `mutate seeds DIR` writes what the targets begin with.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use decoder_fuzz::mutation::drive;
use decoder_fuzz::{TARGETS, run};

/// An input that takes longer is kept.
const LONG: Duration = Duration::from_millis(500);

/// The input that is being read.
static CURRENT: Mutex<(&str, Vec<u8>)> = Mutex::new(("", Vec::new()));

fn keep(why: &str) -> PathBuf {
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    let sum = current
        .1
        .iter()
        .fold(17u64, |h, b| h.wrapping_mul(31) + u64::from(*b));
    let path = PathBuf::from(format!("{why}-{}-{sum:016x}", current.0));
    if let Err(e) = std::fs::write(&path, &current.1) {
        eprintln!("{}: {e}", path.display());
    }
    path
}

fn write_seeds(dir: &Path) -> std::io::Result<()> {
    for target in TARGETS {
        let dir = dir.join(target.name);
        std::fs::create_dir_all(&dir)?;
        for (n, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(dir.join(format!("seed-{n:03}")), seed)?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (seconds, seed, names) = match &words[..] {
        ["seeds", dir] => {
            return match write_seeds(Path::new(dir)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => {
                    eprintln!("{e}");
                    ExitCode::FAILURE
                }
            };
        }
        ["read", name, files @ ..] => {
            for file in files {
                match std::fs::read(file) {
                    Ok(bytes) => run(name, &bytes),
                    Err(e) => eprintln!("{file}: {e}"),
                }
            }
            return ExitCode::SUCCESS;
        }
        [seconds, seed, names @ ..] => match (seconds.parse::<u64>(), seed.parse::<u64>()) {
            (Ok(seconds), Ok(seed)) => (seconds, seed, names),
            _ => return ExitCode::FAILURE,
        },
        _ => {
            eprintln!("mutate SECONDS SEED [TARGET…] | read TARGET FILE… | seeds DIR");
            return ExitCode::FAILURE;
        }
    };
    std::panic::set_hook(Box::new(|info| {
        eprintln!("{info}\nkept as {}", keep("crash").display());
    }));
    let mut failed = false;
    for target in TARGETS {
        if !names.is_empty() && !names.contains(&target.name) {
            continue;
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut round = 0;
        let (mut inputs, mut slowest, mut crashes) = (0, Duration::ZERO, 0);
        while Instant::now() < until && crashes < 20 {
            let mut last = Instant::now();
            let mut before = |bytes: &[u8]| {
                if last.elapsed() > LONG && !CURRENT.lock().is_ok_and(|c| c.1.is_empty()) {
                    println!("{}: long: {}", target.name, keep("long").display());
                }
                let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
                current.0 = target.name;
                current.1.clear();
                current.1.extend_from_slice(bytes);
                last = Instant::now();
            };
            let mut done = 0;
            let mut enough = |n| {
                done = n;
                Instant::now() >= until
            };
            let driven = std::panic::AssertUnwindSafe(|| {
                drive(target, seed.wrapping_add(round), &mut before, &mut enough)
            });
            match std::panic::catch_unwind(driven) {
                Ok(figures) => {
                    inputs += figures.inputs;
                    slowest = slowest.max(figures.slowest);
                }
                Err(_) => {
                    inputs += done;
                    crashes += 1;
                }
            }
            round += 1;
        }
        failed |= crashes > 0;
        let name = target.name;
        println!("{name}: {inputs} inputs, {crashes} panics, slowest {slowest:?}");
    }
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
