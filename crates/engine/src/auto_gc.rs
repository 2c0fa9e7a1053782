//! Garbage collection that starts by itself while a server runs (spec 01 §12).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::{CollectOptions, Database};

use crate::instance::Instance;

/// Growth that is worth a collection, in bytes.
pub const THRESHOLD: u64 = 128 << 20;
/// How often the sizes are looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// The machine counts as busy above this load over the last minute.
const BUSY: f64 = 0.5;
/// How long a busy machine is given before a collection starts all the same.
const MOST_PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What is known of a database.
#[derive(Clone, Copy)]
struct Known {
    /// Bytes of its new generation when it was first seen, or after the last collection.
    size: u64,
    /// When the last collection ended, and how long it took.
    last: Option<(Instant, Duration)>,
    /// When it was first worth a collection.
    due: Option<Instant>,
}

impl Known {
    /// Whether it is time, as Dolt decides.
    fn is_due(&self, size: u64, journal: u64, now: Instant, threshold: u64) -> bool {
        let grown = size.saturating_sub(self.size);
        match self.last {
            None => journal > threshold || grown > threshold,
            Some((ended, took)) => {
                now.duration_since(ended) > took && grown > self.size && size > threshold
            }
        }
    }
}

/// How garbage is collected by itself.
#[derive(Clone, Copy, Debug)]
pub struct AutoGcSettings {
    /// Write archives.
    pub archives: bool,
    /// Size of files of leaves; none puts all into one.
    pub file_size: Option<u64>,
    /// Wait while the machine is busy.
    pub waits_for_load: bool,
    /// Growth that is worth a collection, in bytes: [`THRESHOLD`] for a server.
    pub threshold: u64,
}

/// The thread that collects garbage; it ends when this is dropped.
pub struct AutoGc {
    stop: Arc<Stop>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Stop {
    asked: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl AutoGc {
    /// Starts the thread. `report` is told what it did.
    pub fn start(
        instance: Arc<Instance>,
        settings: AutoGcSettings,
        report: impl Fn(&str) + Send + 'static,
    ) -> std::io::Result<AutoGc> {
        let stop = Arc::new(Stop::default());
        let asked = stop.clone();
        let thread = std::thread::Builder::new()
            .name("auto gc".into())
            .spawn(move || {
                let mut known = HashMap::new();
                while !asked.asked.load(Ordering::SeqCst) {
                    look(&instance, settings, &mut known, &asked, &report);
                    let guard = asked.lock.lock().unwrap_or_else(PoisonError::into_inner);
                    if !asked.asked.load(Ordering::SeqCst) {
                        drop(asked.changed.wait_timeout(guard, INTERVAL));
                    }
                }
            })?;
        Ok(AutoGc {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for AutoGc {
    fn drop(&mut self) {
        self.stop.asked.store(true, Ordering::SeqCst);
        let guard = self.stop.lock.lock();
        self.stop.changed.notify_all();
        drop(guard);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// Load of the machine over the last minute, where it can be known.
fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Looks at every database once and collects where it is time.
fn look(
    instance: &Instance,
    settings: AutoGcSettings,
    known: &mut HashMap<String, Known>,
    stop: &Stop,
    report: &dyn Fn(&str),
) {
    let databases = instance.databases();
    known.retain(|name, _| databases.iter().any(|d| d.key == *name));
    for handle in databases {
        let Some(files) = handle.store.file_store() else {
            continue;
        };
        let now = Instant::now();
        let size = files.new_generation_size();
        let state = known.entry(handle.key.clone()).or_insert(Known {
            size,
            last: None,
            due: None,
        });
        // As long as a session needs what the last one replaced, another would only add to that.
        if handle.store.is_read_only()
            || files.has_replaced_files()
            || !state.is_due(size, files.journal_size(), now, settings.threshold)
        {
            continue;
        }
        let due = *state.due.get_or_insert(now);
        if settings.waits_for_load
            && now.duration_since(due) < MOST_PATIENCE
            && load().is_some_and(|l| l > BUSY)
        {
            continue;
        }
        let result = collect(instance, &handle.store, settings, stop);
        let took = now.elapsed();
        *state = Known {
            size: files.new_generation_size(),
            last: Some((Instant::now(), took)),
            due: None,
        };
        report(&match result {
            Ok(()) => format!(
                "sqle/auto_gc: Successfully completed auto GC of database {} in {}ms",
                handle.name,
                took.as_millis()
            ),
            Err(e) => format!(
                "sqle/auto_gc: Attempt to auto GC database {} failed with error: {e}",
                handle.name
            ),
        });
    }
}

fn collect(
    instance: &Instance,
    store: &Database,
    settings: AutoGcSettings,
    stop: &Stop,
) -> model::Result<()> {
    let options = CollectOptions {
        full: false,
        archives: settings.archives,
        file_size: settings.file_size,
    };
    let interrupted = || stop.asked.load(Ordering::Relaxed);
    if let Some(retired) = store.collect(options, &interrupted)? {
        instance.pins.retire(retired);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_decides() {
        let now = Instant::now();
        let mb = |n: u64| n << 20;
        let is_due = |known: Known, size, journal| known.is_due(size, journal, now, THRESHOLD);
        let fresh = Known {
            size: mb(10),
            last: None,
            due: None,
        };
        assert!(!is_due(fresh, mb(100), mb(90)));
        assert!(is_due(fresh, mb(139), mb(90)), "grown by more than 128");
        assert!(
            is_due(fresh, mb(137), mb(129)),
            "a journal of more than 128"
        );
        let ended = now - Duration::from_secs(10);
        let later = |size: u64, took: u64| Known {
            size,
            last: Some((ended, Duration::from_secs(took))),
            due: None,
        };
        assert!(is_due(later(mb(100), 1), mb(201), 0), "doubled");
        assert!(!is_due(later(mb(100), 1), mb(199), 0));
        assert!(!is_due(later(mb(10), 1), mb(100), 0), "small");
        assert!(!is_due(later(mb(100), 11), mb(300), 0), "too soon");
    }
}
