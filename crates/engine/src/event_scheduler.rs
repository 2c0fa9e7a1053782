//! The scheduler of events, while a server runs: it looks at the events of each database's default
//! branch whenever the database changes, and runs each one that is due on a thread of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use syntax::ast::EventStatus;
use values::DateTime;
use values::temporal::{Interval, IntervalUnit};

use crate::database::DatabaseHandle;
use crate::ddl::event::{Event, When};
use crate::error::{Error, Result};
use crate::instance::Instance;
use crate::program::stored::{self, StoredProgram};
use crate::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use crate::session::Session;
use crate::time_zone::Zone;

/// How often it is looked whether anything changed.
const INTERVAL: Duration = Duration::from_millis(50);
/// How often, and how many times, when events are about to be committed.
const EAGER: Duration = Duration::from_millis(2);
const EAGER_LOOKS: u32 = 250;
/// Events that run at a time; others wait.
const MOST_RUNNING: usize = 16;

/// The thread that runs events; it ends when this is dropped, and the events with it.
pub struct EventScheduler {
    instance: Arc<Instance>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes the scheduler.
#[derive(Default)]
pub struct Bell {
    /// The scheduler is to end.
    stopped: AtomicBool,
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// Events change: the scheduler looks at once, and for a while often.
    pub(crate) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.ring();
    }

    /// Waits; says whether it was rung.
    fn wait(&self, most: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(rung, most, |rung| !*rung)
            .unwrap_or_else(PoisonError::into_inner);
        let mut rung = waited.0;
        std::mem::take(&mut *rung)
    }
}

type Report = Arc<dyn Fn(&str) + Send + Sync>;

impl EventScheduler {
    /// Starts the thread. `report` is told of events that fail.
    pub fn start(
        instance: Arc<Instance>,
        report: impl Fn(&str) + Send + Sync + 'static,
    ) -> std::io::Result<EventScheduler> {
        let mut scheduler = Scheduler {
            started: instance.clock.now_micros(),
            instance: instance.clone(),
            report: Arc::new(report),
            known: HashMap::new(),
            running: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("event scheduler".into())
            .spawn(move || {
                let instance = scheduler.instance.clone();
                let mut eager = 0;
                while !instance.events.stopped.load(Ordering::SeqCst) {
                    scheduler.look();
                    let most = if eager > 0 { EAGER } else { INTERVAL };
                    eager = match instance.events.wait(most) {
                        true => EAGER_LOOKS,
                        false => eager.saturating_sub(1),
                    };
                }
                scheduler.end();
            })?;
        Ok(EventScheduler {
            instance,
            thread: Some(thread),
        })
    }
}

impl Drop for EventScheduler {
    fn drop(&mut self) {
        self.instance.events.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// An event, and when it is due next.
struct Planned {
    name: String,
    text: String,
    sql_mode: String,
    event: Event,
    /// In local microseconds; none when it is over.
    due: Option<i64>,
}

/// What is known of a database.
struct Known {
    /// Version of its refs when its events were read.
    version: u64,
    branch: String,
    events: Vec<Planned>,
}

/// An event that runs.
struct Running {
    db: String,
    name: String,
    /// Number of its connection.
    connection: u32,
    thread: JoinHandle<()>,
}

struct Scheduler {
    instance: Arc<Instance>,
    report: Report,
    started: i64,
    known: HashMap<String, Known>,
    running: Vec<Running>,
}

/// When an event is due first, or next after `now`; none when that is never. Of those that recur,
/// what was missed before `from` is not made up for.
fn due(when: &When, from: i64, now: Option<i64>) -> Option<i64> {
    let (value, unit, starts, ends) = match when {
        When::At(at) => {
            return match now {
                None => Some(at.to_unix_micros()),
                Some(_) => None,
            };
        }
        When::Every {
            value,
            unit,
            starts,
            ends,
        } => (value, unit, starts, ends),
    };
    let starts = starts.as_ref()?;
    let first = starts.to_unix_micros();
    let next = match now {
        None if first >= from => first,
        _ => following(starts, value, unit, now.unwrap_or(from))?,
    };
    match ends {
        Some(ends) if next > ends.to_unix_micros() => None,
        _ => Some(next),
    }
}

/// The first moment after `now` that is a multiple of an interval after a start.
fn following(starts: &DateTime, value: &str, unit: &str, now: i64) -> Option<i64> {
    let unit = IntervalUnit::by_name(unit)?;
    let text = value.trim_matches('\'');
    let step = match unit.is_single() {
        true => Interval::of(unit, text.parse().ok()?)?,
        false => Interval::parse(unit, text.as_bytes())?,
    };
    let first = starts.to_unix_micros();
    if first > now {
        return Some(first);
    }
    if step.months > 0 {
        // Years are few.
        return (1..).find_map(|n: i64| {
            let so_far = Interval {
                months: step.months.checked_mul(n)?,
                micros: 0,
            };
            match starts.add_interval(so_far) {
                Some(at) if at.to_unix_micros() > now => Some(Some(at.to_unix_micros())),
                Some(_) => None,
                None => Some(None),
            }
        })?;
    }
    if step.micros <= 0 {
        return None;
    }
    let passed = (now - first) / step.micros + 1;
    first.checked_add(passed.checked_mul(step.micros)?)
}

impl Scheduler {
    /// The time by which events are due: local, as they were written.
    fn now(&self) -> i64 {
        let zone = self.instance.global("time_zone");
        let zone = zone.and_then(|z| Zone::parse(&crate::convert::to_string(&z)));
        let utc = self.instance.clock.now_micros();
        zone.map_or(utc, |z| z.to_local(utc))
    }

    fn is_on(&self) -> bool {
        let setting = self.instance.global("event_scheduler");
        setting.is_none_or(|v| {
            let text = crate::convert::to_string(&v);
            text.eq_ignore_ascii_case("on") || text == "1"
        })
    }

    /// Looks at every database once and starts what is due.
    fn look(&mut self) {
        self.running.retain(|r| !r.thread.is_finished());
        if !self.is_on() {
            self.known.clear();
            return;
        }
        let databases = self.instance.databases();
        self.known
            .retain(|name, _| databases.iter().any(|d| d.key == *name));
        for handle in databases {
            if handle.store.is_read_only() {
                continue;
            }
            if let Err(e) = self.read(&handle) {
                // It is tried again when the database changes.
                (self.report)(&format!("events of database {}: {e}", handle.name));
            }
            self.start_due(&handle);
        }
    }

    /// Reads a database's events, if it changed.
    fn read(&mut self, handle: &Arc<DatabaseHandle>) -> Result<()> {
        let version = handle.store.refs_version();
        let variable = format!("{}_default_branch", handle.name.to_lowercase());
        let branch = match self.instance.global(&variable) {
            Some(v) => crate::convert::to_string(&v),
            None => handle.store.repo_state().branch().to_string(),
        };
        let mut old = match self.known.remove(&handle.key) {
            Some(k) if k.version == version && k.branch == branch => {
                self.known.insert(handle.key.clone(), k);
                return Ok(());
            }
            Some(k) if k.branch == branch => k.events,
            _ => Vec::new(),
        };
        let mut events = Vec::new();
        let found = match handle.store.branch(&branch) {
            Some(_) => stored_events(handle, &branch),
            None => Ok(Vec::new()),
        };
        let zone_now = self.now();
        let from = zone_now - (self.instance.clock.now_micros() - self.started);
        // Seconds have no parts in the times of events.
        let from = from.div_euclid(1_000_000) * 1_000_000;
        let read = found.map(|list| {
            for (name, text, sql_mode) in list {
                let same = |p: &Planned| p.name == name && p.text == text;
                if let Some(at) = old.iter().position(same) {
                    events.push(old.swap_remove(at));
                    continue;
                }
                let Some(event) = Event::parse(&text, &sql_mode) else {
                    continue;
                };
                if event.status == EventStatus::Enable {
                    events.push(Planned {
                        due: due(&event.when, from, None),
                        name,
                        text,
                        sql_mode,
                        event,
                    });
                }
            }
        });
        let known = Known {
            version,
            branch,
            events,
        };
        self.known.insert(handle.key.clone(), known);
        read
    }

    /// Starts the events of a database that are due.
    fn start_due(&mut self, handle: &Arc<DatabaseHandle>) {
        let now = self.now();
        let Some(known) = self.known.get_mut(&handle.key) else {
            return;
        };
        for planned in &mut known.events {
            let Some(at) = planned.due.filter(|at| *at <= now) else {
                continue;
            };
            let again = |r: &Running| r.db == handle.key && r.name == planned.name;
            if self.running.len() >= MOST_RUNNING || self.running.iter().any(again) {
                continue;
            }
            planned.due = due(&planned.event.when, at, Some(now));
            let ends = planned.due.is_none().then(|| match planned.event.preserve {
                true => format!("ALTER EVENT {} DISABLE", quoted(&planned.name)),
                false => format!("DROP EVENT IF EXISTS {}", quoted(&planned.name)),
            });
            let run = Run {
                instance: self.instance.clone(),
                db: format!("{}/{}", handle.name, known.branch),
                name: planned.name.clone(),
                text: planned.text.clone(),
                sql_mode: planned.sql_mode.clone(),
                definer: planned.event.definer.clone(),
                ends,
                connection: self.instance.next_connection_id(),
            };
            let report = self.report.clone();
            let (db, name, connection) = (handle.key.clone(), run.name.clone(), run.connection);
            let thread = std::thread::Builder::new()
                .name("event".into())
                .spawn(move || {
                    if let Err(e) = run.run() {
                        report(&format!("event {}.{}: {e}", run.db, run.name));
                    }
                });
            match thread {
                Ok(thread) => self.running.push(Running {
                    db,
                    name,
                    connection,
                    thread,
                }),
                Err(e) => (self.report)(&format!("event {name} cannot be started: {e}")),
            }
        }
    }

    /// Ends the events that run.
    fn end(self) {
        for running in self.running {
            if let Some(process) = self.instance.process(running.connection) {
                process.interrupt.kill_connection();
            }
            let _ = running.thread.join();
        }
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Names, statements and modes of a branch's events.
fn stored_events(handle: &DatabaseHandle, branch: &str) -> Result<Vec<(String, String, String)>> {
    let state = handle.branch_state(branch)?;
    let mut out = Vec::new();
    let columns = ["type", "name", "fragment", "sql_mode"];
    stored::rows(&state.root, "dolt_schemas", &columns, &mut |row| {
        let text = |i: usize| crate::convert::to_string(&row[i]);
        if text(0) == "event" {
            out.push((text(1), text(2), text(3)));
        }
    })?;
    Ok(out)
}

/// One run of an event.
struct Run {
    instance: Arc<Instance>,
    /// Database and branch.
    db: String,
    name: String,
    text: String,
    sql_mode: String,
    definer: String,
    /// What is done with the event when this was its last run.
    ends: Option<String>,
    connection: u32,
}

/// Rows that a body selects go nowhere.
struct Nowhere;

impl ResultSink for Nowhere {
    fn columns(&mut self, _: &[ColumnMeta]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _: &dyn Row) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        Ok(())
    }
}

impl Run {
    fn run(&self) -> Result<()> {
        let parts: Vec<&str> = self.definer.split('@').collect();
        let [user, host] = parts.as_slice() else {
            return Err(Error::general(format!("no definer '{}'", self.definer)));
        };
        let (user, host) = (user.trim_matches('`'), host.trim_matches('`'));
        let session = Session::new(&self.instance, self.connection, user, host);
        session.use_database(&self.db)?;
        let db = session.current_database().unwrap_or_default();
        let program = StoredProgram::new(&db, &self.name, &self.text, &self.sql_mode, 0)
            .ok_or_else(|| Error::general("its statement cannot be read"))?;
        let ran = session.run_event(&program, &db, &mut Nowhere);
        let ended = match &self.ends {
            Some(sql) => session.execute(sql.as_bytes(), false, &mut Nowhere),
            None => Ok(()),
        };
        ran.and(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use values::temporal::parse_datetime;

    fn at(text: &str) -> DateTime {
        parse_datetime(text.as_bytes(), Default::default())
            .expect("a time")
            .value
    }

    fn every(value: &str, unit: &'static str, starts: &str, ends: Option<&str>) -> When {
        When::Every {
            value: value.into(),
            unit,
            starts: Some(at(starts)),
            ends: ends.map(at),
        }
    }

    #[test]
    fn events_are_due_at_multiples_of_their_interval() {
        let micros = |text: &str| at(text).to_unix_micros();
        let start = "2026-01-01 00:00:00";
        let second = every("2", "SECOND", start, Some("2026-01-01 00:00:03"));
        assert_eq!(due(&second, micros(start), None), Some(micros(start)));
        let next = due(&second, 0, Some(micros(start) + 1));
        assert_eq!(next, Some(micros("2026-01-01 00:00:02")));
        assert_eq!(due(&second, 0, Some(micros("2026-01-01 00:00:02"))), None);

        let month = every("1", "MONTH", "2024-01-31 00:00:00", None);
        let next = due(&month, 0, Some(micros("2024-02-10 00:00:00")));
        assert_eq!(next, Some(micros("2024-02-29 00:00:00")));

        let compound = every("'1:30'", "HOUR_MINUTE", start, None);
        let next = due(&compound, 0, Some(micros("2026-01-01 02:00:00")));
        assert_eq!(next, Some(micros("2026-01-01 03:00:00")));

        // What began long ago goes on as if it had never been interrupted.
        let long = every("1", "SECOND", "2020-02-20 00:00:00", None);
        let from = micros("2026-01-01 00:00:00");
        assert_eq!(due(&long, from, None), Some(from + 1_000_000));

        let once = When::At(at(start));
        assert_eq!(due(&once, i64::MAX, None), Some(micros(start)));
        assert_eq!(due(&once, 0, Some(0)), None);
    }
}
