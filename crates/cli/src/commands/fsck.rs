//! `dolt fsck` (spec 01 §17).

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chunks::{ChunkError, Directory, FileStore};
use model::{Database, ModelError};

use crate::arguments::parse;
use crate::commands::options::FSCK;
use crate::environment::Environment;
use crate::style::{RED, on_terminal};
use crate::{Failure, Outcome};

/// How often progress is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, FSCK)?.at_most("fsck", 0)?;
    let noms = env.dir.join(".dolt").join("noms");
    if p.has("revive-journal-with-data-loss") {
        return revive(&noms);
    }
    if !noms.is_dir() {
        return Err(Failure::new("Dolt data directory not found at .dolt/noms"));
    }
    let db = match Database::open(&env.dir, &env.open_options()) {
        Ok(db) => db,
        Err(e) => {
            if is_data_loss(&e) {
                return Err(Failure::new(format!(
                    "WARNING: Chunk journal is corrupted and some data may be lost.\n\
                     Run `dolt fsck --revive-journal-with-data-loss` to attempt to recover the journal by\n\
                     discarding invalid data blocks. Your original data will be preserved in a backup file.{}",
                    prospects(&noms)
                )));
            }
            return Err(Failure::new(format!("Could not open dolt database: {e}")));
        }
    };
    let shows = !p.has("quiet") && std::io::stdout().is_terminal();
    let last = Mutex::new(Instant::now());
    let progress = |what: &str, count: usize| {
        if shows
            && let Ok(mut last) = last.try_lock()
            && last.elapsed() > SHOWN_EVERY
        {
            *last = Instant::now();
            print!("\r{what}: {count}   ");
            // Progress that cannot be shown is no reason to stop.
            let _ = std::io::stdout().flush();
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut report = db.check(threads, &progress)?;
    if shows {
        print!("\r\x1b[K");
    }
    let warning = db.file_store().and_then(|f| f.warning().map(str::to_owned));
    report.chunks.extend(warning);
    for (title, lines) in [
        ("============ Corrupt Chunks ============", &report.chunks),
        ("============ Commit Errors ============", &report.commits),
    ] {
        if !lines.is_empty() {
            println!("{}", on_terminal(RED, title));
            lines.iter().for_each(|line| println!("{line}"));
        }
    }
    println!("============ Summary ============");
    report.summary.iter().for_each(|line| println!("{line}"));
    let kept = db
        .file_store()
        .map(|files| files.kept_tails())
        .transpose()?;
    for path in kept.unwrap_or_default() {
        let path = path.display();
        println!("What was cut off the journal's end when it was opened is kept in {path}");
    }
    if !report.chunks.is_empty() || !report.commits.is_empty() {
        return Ok(1);
    }
    println!("No problems found.");
    Ok(0)
}

fn is_data_loss(e: &ModelError) -> bool {
    matches!(
        e,
        ModelError::Tree(prolly::ProllyError::Store(
            ChunkError::JournalDataLoss { .. }
        ))
    )
}

/// What reviving a journal would keep and lose.
fn prospects(noms: &Path) -> String {
    // The journal that could not be opened may not be readable either.
    let Ok(Some(damage)) = FileStore::assess_journal(&Directory::local(noms)) else {
        return String::new();
    };
    let last = match damage.last_kept {
        Some(seconds) => {
            let millis = i64::try_from(seconds)
                .unwrap_or_default()
                .saturating_mul(1000);
            format!(", the last from {}", crate::local_time::ruby_date(millis))
        }
        None => String::new(),
    };
    format!(
        "\n\nThe first damage is at offset {} of {}. Reviving keeps {} root update(s){last}; \
         {} root update(s) behind the damage are lost.",
        damage.offset, damage.len, damage.roots_kept, damage.roots_lost
    )
}

/// Cuts a damaged journal off where it cannot be read.
fn revive(noms: &Path) -> Outcome {
    let now = crate::local_time::journal_stamp();
    let path = FileStore::revive_journal(&Directory::local(noms), &now)
        .map_err(|e| Failure::new(format!("Could not revive chunk journal: {e}")))?;
    println!("Revived chunk journal at:\n{}", path.display());
    println!(
        "For assistance recovering data, please file a ticket: https://github.com/dolthub/dolt/issues"
    );
    Ok(0)
}
