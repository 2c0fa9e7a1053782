//! One random history: sessions work, things go wrong, and what is there afterwards is held
//! against what was acknowledged.

mod beside;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::error::Error;

use crate::beside::{Beside, VARIABLES};
use crate::client::Client;
use crate::expected::{Branch, Cells, Commits, Expected, Observed, Rows};
use crate::world::{DATABASE, World};
use crate::{Deliberate, Fault, Injected, Random, SimulatedDisk};

/// Sessions that work at the same time.
const SESSIONS: usize = 3;
/// Keys that each session has to itself.
const KEYS: u64 = 40;
/// Where the clock starts.
const START: i64 = 1_700_000_000_000_000;
/// MySQL's number for a full disk.
const DISK_FULL: u16 = 1021;

/// What the disk may do beyond losing power and failing openly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Honesty {
    /// What it acknowledged is there.
    Honest,
    /// It acknowledges syncs that it does not do.
    Lies,
    /// Its bits change.
    Decays,
    /// Writes land where they do not belong.
    Misdirects,
}

/// How a history went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was done to it.
    pub injected: Injected,
    /// Equal for equal histories.
    pub fingerprint: u64,
    /// Changes that were acknowledged.
    pub acknowledged: u64,
    /// Operations on the disk that changed something.
    pub operations: u64,
    /// Those operations, if they were asked for.
    pub trace: Vec<String>,
}

/// What a history showed to be wrong.
#[derive(Debug)]
pub struct Failure {
    /// The seed that replays it.
    pub seed: u64,
    /// What is wrong.
    pub text: String,
    /// The steps up to there.
    pub steps: Vec<String>,
    /// Operations on the disk, if they were asked for.
    pub trace: Vec<String>,
}

/// How to run a history.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep all operations on the disk.
    pub trace: bool,
    /// Let the disk behave as if the store had this bug.
    pub deliberate: Option<Deliberate>,
}

/// Runs the history of a seed.
pub fn run(seed: u64, options: Options) -> Result<Outcome, Box<Failure>> {
    let mut random = Random::new(seed);
    let disk = SimulatedDisk::new(random.fork());
    disk.trace(options.trace);
    disk.set_deliberate(options.deliberate);
    let honesty = match (seed % 10, options.deliberate) {
        (0, None) => Honesty::Lies,
        (1, None) => Honesty::Decays,
        (2, None) => Honesty::Misdirects,
        _ => Honesty::Honest,
    };
    let mut history = History {
        random,
        disk: disk.clone(),
        honesty,
        world: None,
        sessions: Vec::new(),
        commits: Commits::default(),
        states: Vec::new(),
        acknowledged: 0,
        in_flight: Vec::new(),
        past: Vec::new(),
        past_beside: Vec::new(),
        micros: START,
        next: 0,
        broken: false,
        flipped: false,
        flipped_settings: false,
        others_uncertain: false,
        uncertain: BTreeSet::new(),
        kept_tails: 0,
        full: false,
        count: 0,
        steps: Vec::new(),
    };
    let went = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| history.run()));
    let failure = match went {
        Ok(Ok(())) => {
            return Ok(Outcome {
                injected: disk.injected(),
                fingerprint: disk.fingerprint(),
                acknowledged: history.count,
                operations: disk.operations(),
                trace: disk.trace(false),
            });
        }
        Ok(Err(text)) => text,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            format!("panic: {}", text.unwrap_or_default())
        }
    };
    Err(Box::new(Failure {
        seed,
        text: failure,
        steps: std::mem::take(&mut history.steps),
        trace: disk.trace(false),
    }))
}

/// A transaction that is open.
struct Open {
    changes: BTreeMap<i64, Option<Cells>>,
    /// The rows of the branch when it began.
    start: Rows,
}

struct Worker {
    client: Client,
    branch: String,
    open: Option<Open>,
}

struct History {
    random: Random,
    disk: Arc<SimulatedDisk>,
    honesty: Honesty,
    world: Option<World>,
    sessions: Vec<Worker>,
    commits: Commits,
    /// States since the last one that power loss cannot take back; the last one is seen now.
    states: Vec<Expected>,
    /// Which of them was acknowledged last.
    acknowledged: usize,
    /// What an operation was to bring about when the power went.
    in_flight: Vec<Expected>,
    /// All states ever, where the disk is not honest.
    past: Vec<Expected>,
    /// All that was ever to be beside them.
    past_beside: Vec<Beside>,
    micros: i64,
    next: u64,
    /// A sync failed: the store may refuse writes until it is opened again.
    broken: bool,
    /// A bit has changed.
    flipped: bool,
    /// One of a file without checksums has.
    flipped_settings: bool,
    /// CREATE or DROP DATABASE failed, and what is seen of it need not be durable.
    others_uncertain: bool,
    /// Remotes and backups of which what is seen need not be durable.
    uncertain: BTreeSet<String>,
    /// Ends of journals that openings cut off and kept, when they were last counted.
    kept_tails: usize,
    /// There is little room.
    full: bool,
    count: u64,
    steps: Vec<String>,
}

type Check = Result<(), String>;

fn show(e: &Error) -> String {
    format!("{} {}", e.code, e.message)
}

impl History {
    fn say(&mut self, text: String) {
        self.disk.remark(&text);
        self.steps.push(text);
    }

    /// Whether all that the disk acknowledged must be there.
    fn is_honest(&self) -> bool {
        match self.honesty {
            Honesty::Honest => true,
            Honesty::Lies => !self.disk.has_lied(),
            Honesty::Decays => !self.flipped,
            Honesty::Misdirects => !self.disk.has_misdirected(),
        }
    }

    fn now(&self) -> &Expected {
        self.states.last().expect("there is always one")
    }

    fn run(&mut self) -> Check {
        self.begin()?;
        let steps = match self.random.one_in(25) {
            // Long enough for an index of the journal.
            true => 350,
            false => 25 + self.random.below(60),
        };
        for _ in 0..steps {
            self.step()?;
            if self.world.is_none() {
                // The disk was not honest, and that was noticed.
                return Ok(());
            }
        }
        self.disk.set_room(None);
        self.full = false;
        self.lose_power()?;
        Ok(())
    }

    /// The database with its table, on a disk that works.
    fn begin(&mut self) -> Check {
        let world = World::start(&self.disk, self.micros).map_err(|e| show(&e))?;
        let client = Client::new(&world.instance);
        let schema = "create table t (pk bigint primary key, a bigint, b varchar(4000), key (a))";
        for sql in [
            &format!("create database {DATABASE}"),
            &format!("use {DATABASE}"),
            schema,
            "call dolt_commit('-Am', 'c-start')",
        ] {
            client
                .run(sql)
                .map_err(|e| format!("{sql}: {}", show(&e)))?;
        }
        let mut beside = Beside::default();
        for name in VARIABLES {
            let rows = client.run(&format!("select @@global.{name}"));
            let cell = rows.map_err(|e| show(&e))?.into_iter().flatten().next();
            beside
                .variables
                .insert(name.to_owned(), cell.unwrap_or_default());
        }
        drop(client);
        let first = self.commits.add(
            "Initialize data repository".into(),
            Vec::new(),
            Rows::default(),
        );
        let start = self
            .commits
            .add("c-start".into(), vec![first], Rows::default());
        let mut state = Expected {
            beside,
            ..Expected::default()
        };
        let main = Branch {
            head: start,
            working: Rows::default(),
        };
        state.branches.insert("main".into(), main);
        let mut empty = state.clone();
        empty.branches.values_mut().for_each(|b| b.head = first);
        self.past.push(empty);
        self.past.push(state.clone());
        self.past_beside.push(state.beside.clone());
        self.states.push(state);
        self.world = Some(world);
        self.connect()
    }

    fn world(&self) -> &World {
        self.world.as_ref().expect("the server runs")
    }

    fn connect(&mut self) -> Check {
        self.sessions.clear();
        for _ in 0..SESSIONS {
            let client = self.world().client().map_err(|e| show(&e))?;
            self.sessions.push(Worker {
                client,
                branch: "main".into(),
                open: None,
            });
        }
        Ok(())
    }

    fn step(&mut self) -> Check {
        let who = self.random.below(SESSIONS as u64) as usize;
        if self.full && self.random.one_in(6) {
            return self.room();
        }
        match self.random.below(100) {
            0..30 => self.write(who),
            30..34 => self.keep_something(who),
            34..43 => self.with_remote(who),
            43..45 => self.write_many(who),
            45..53 => self.begin_or_end(who),
            53..62 => self.commit(who),
            62..66 => self.make_branch(who),
            66..70 => self.checkout(who),
            70..75 => self.merge(who),
            75..77 => self.drop_branch(who),
            77..80 => self.tag(who),
            80..83 => self.collect(who),
            83..84 => self.conjoin(),
            84..86 => self.database(who),
            86..88 => self.reopen(false),
            88..90 => self.reopen(true),
            90..94 => self.arm(who),
            94..96 if self.honesty != Honesty::Misdirects => self.room(),
            96..98 if self.honesty == Honesty::Lies => {
                let lies = self.random.one_in(2);
                self.say(format!("the disk lies: {lies}"));
                self.disk.set_lying(lies);
                Ok(())
            }
            96..98 if self.honesty == Honesty::Decays => self.decay(),
            94..98 if self.honesty == Honesty::Misdirects => {
                let after = self.random.below(12);
                self.say(format!("misdirected write after {after}"));
                self.disk.arm(Fault::Misdirected, after);
                Ok(())
            }
            _ => self.lose_power(),
        }
    }

    /// Something will go wrong soon.
    fn arm(&mut self, who: usize) -> Check {
        let faults = [
            Fault::PowerLoss,
            Fault::PowerLoss,
            Fault::ReadError,
            Fault::WriteError,
            Fault::SyncError,
        ];
        let fault = *self.random.choose(&faults).expect("there are some");
        let after = match fault {
            Fault::SyncError => self.random.below(5),
            _ => self.random.below(25),
        };
        self.say(format!("{fault:?} after {after}"));
        self.disk.arm(fault, after);
        match self.random.below(9) {
            0 | 1 => self.collect(who),
            2 => self.conjoin(),
            3 => self.database(who),
            4 => self.keep_something(who),
            5 | 6 => self.with_remote(who),
            _ => Ok(()),
        }
    }

    fn room(&mut self) -> Check {
        let room = (!self.full).then(|| self.random.below(6000));
        self.say(format!("room: {room:?}"));
        self.full = room.is_some();
        self.disk.set_room(room);
        if room.is_none() && !self.broken {
            // There is room again: work goes on.
            return self.write(0);
        }
        Ok(())
    }

    /// Does something that leads to another state, the last of these, if it succeeds; a failure
    /// may leave one before it.
    fn change(&mut self, who: usize, sql: &str, steps: Vec<Expected>) -> Check {
        self.say(format!(
            "{who}: {}",
            sql.chars().take(150).collect::<String>()
        ));
        let here = &self.now().beside;
        let others = steps.iter().map(|s| &s.beside).filter(|b| *b != here);
        let others: Vec<Beside> = others.cloned().collect();
        self.past_beside.extend(others);
        let before = self.disk.injected();
        let done = self.sessions[who].client.run(sql);
        let Some(next) = steps.last().filter(|_| done.is_ok()) else {
            let error = done.err().ok_or("a change leads somewhere")?;
            return self.failed(who, &error, steps, &before);
        };
        let (here, beside) = (self.now().clone(), &next.beside);
        if *next == here {
            // Nothing was written, and so nothing became durable.
            return Ok(());
        }
        let within = next.branches != here.branches
            || next.tags != here.tags
            || next.tracking != here.tracking;
        for place in beside.places.keys() {
            if beside.places.get(place) != here.beside.places.get(place) {
                self.uncertain.remove(place);
            }
        }
        if beside.others != here.beside.others {
            self.others_uncertain = false;
        }
        if *beside == here.beside {
            self.push(next.clone());
            self.acknowledged = self.states.len() - 1;
        } else {
            // It says of this database no more than what it changed there.
            self.states = match within {
                true => vec![next.clone()],
                false => self.elsewhere(beside),
            };
            self.past.extend(self.states.clone());
            self.acknowledged = 0;
        }
        self.count += 1;
        Ok(())
    }

    /// What may be there now, with this beside it.
    fn elsewhere(&self, beside: &Beside) -> Vec<Expected> {
        let mut states = self.states[self.acknowledged..].to_vec();
        states.iter_mut().for_each(|s| s.beside.clone_from(beside));
        states
    }

    fn push(&mut self, state: Expected) {
        if self.honesty != Honesty::Honest {
            self.past.push(state.clone());
        }
        self.states.push(state);
    }

    /// A statement failed: is that right, and what is there now?
    fn failed(&mut self, who: usize, e: &Error, steps: Vec<Expected>, before: &Injected) -> Check {
        self.say(format!("{who}: error {}", show(e)));
        let now = &self.now().beside.others;
        self.others_uncertain |= steps.iter().any(|s| s.beside.others != *now);
        if self.disk.is_down() {
            for step in steps {
                if step.beside != self.now().beside {
                    self.in_flight.extend(self.elsewhere(&step.beside));
                }
                self.in_flight.push(step);
            }
            return self.recover();
        }
        let injected = self.disk.injected();
        let new = |what: &str| injected.get(what) != before.get(what);
        if new("sync error") || new("write error") || new("short write") {
            self.broken = true;
        }
        let excused = injected != *before || self.broken || !self.is_honest();
        if !(excused || self.full && e.code == DISK_FULL) {
            return Err(format!("failed for no reason: {}", show(e)));
        }
        let others = ["sync error", "write error", "short write", "read error"];
        let only_full = new("no space") && !others.into_iter().any(new);
        if only_full && !self.broken && self.is_honest() && e.code != DISK_FULL {
            return Err(format!("a full disk is not called so: {}", show(e)));
        }
        self.disk.disarm();
        // Whatever is left of a transaction is given up.
        self.sessions[who].open = None;
        let _ = self.sessions[who].client.run("rollback");
        if !self.is_honest() {
            self.in_flight.extend(steps);
            return self.look();
        }
        let seen = self.world().observe(|_| 0);
        if !seen.errors.is_empty() {
            return Err(format!("reading fails after an error: {:?}", seen.errors));
        }
        let Some(same) = seen.differs(self.now(), &self.commits) else {
            return Ok(());
        };
        let mut others = Vec::new();
        for step in steps {
            match seen.differs(&step, &self.commits) {
                None => {
                    self.push(step);
                    return Ok(());
                }
                Some(other) => others.push(other),
            }
        }
        Err(match others.is_empty() {
            true => format!("a failed statement left something: {same}"),
            false => format!(
                "a failed statement was done in part: against before: {same}; \
                 against after: {others:?}"
            ),
        })
    }

    /// A statement that changes nothing for others.
    fn quiet(&mut self, who: usize, sql: &str) -> Result<bool, String> {
        self.say(format!(
            "{who}: {}",
            sql.chars().take(150).collect::<String>()
        ));
        let before = self.disk.injected();
        match self.sessions[who].client.run(sql) {
            Ok(_) => Ok(true),
            Err(e) => {
                self.failed(who, &e, Vec::new(), &before)?;
                Ok(false)
            }
        }
    }

    fn stop(&mut self) {
        self.sessions.clear();
        if let Some(world) = self.world.take() {
            self.micros = world.micros();
        }
    }

    /// Ends the server, in order or not, and starts it again. The disk goes on.
    fn reopen(&mut self, kill: bool) -> Check {
        self.say(match kill {
            true => "kill".into(),
            false => "close".into(),
        });
        if kill {
            // Nothing that the server would do at its end is done.
            self.disk.hold();
            self.stop();
            self.disk.kill_process();
        } else {
            self.stop();
        }
        if self.disk.is_down() {
            return self.recover();
        }
        self.disk.disarm();
        self.start()
    }

    fn lose_power(&mut self) -> Check {
        self.say("power loss".into());
        if !self.disk.is_down() {
            self.disk.lose_power();
        }
        self.in_flight.clear();
        self.recover()
    }

    /// Power comes back, perhaps not for long.
    fn recover(&mut self) -> Check {
        self.stop();
        self.disk.restore_power();
        self.full = false;
        while self.random.one_in(5) {
            let after = self.random.below(8);
            self.say(format!("power loss after {after} while opening"));
            self.disk.arm(Fault::PowerLoss, after);
            let opened = World::start(&self.disk, self.micros);
            drop(opened);
            if !self.disk.is_down() {
                self.disk.lose_power();
            }
            self.disk.restore_power();
        }
        self.start()?;
        self.others_uncertain = false;
        Ok(())
    }

    /// Opens what is there and holds it against what may be there.
    fn start(&mut self) -> Check {
        let room = self.full;
        if room {
            self.full = false;
            self.disk.set_room(None);
        }
        self.broken = false;
        match World::start(&self.disk, self.micros) {
            Ok(world) => self.world = Some(world),
            Err(e) if self.is_honest() => {
                return Err(format!("cannot be opened: {}", show(&e)));
            }
            Err(e) => {
                self.say(format!("noticed: {}", show(&e)));
                return Ok(());
            }
        }
        self.look()?;
        if self.world.is_some() {
            return self.connect();
        }
        Ok(())
    }

    /// Holds what is there against what may be there.
    fn look(&mut self) -> Check {
        let mut random = self.random.fork();
        let seen = self.world().observe(|n| random.below(n as u64) as usize);
        if !self.is_honest()
            && !self.flipped_settings
            && let Some(odd) = seen.beside.never_was(&self.past_beside)
        {
            return Err(format!("never was there: {odd}"));
        }
        // What does not become durable together; each by itself was read without an error.
        let all = self.states.iter_mut().chain(&mut self.in_flight);
        let dishonest = match self.honesty {
            Honesty::Honest => false,
            Honesty::Lies => self.disk.has_lied(),
            Honesty::Decays => self.flipped,
            Honesty::Misdirects => self.disk.has_misdirected(),
        };
        for state in all.chain(&mut self.past) {
            let beside = &mut state.beside;
            if self.others_uncertain || dishonest {
                beside.take_others(&seen.beside);
            }
            for place in &self.uncertain {
                beside.take_place(place, &seen.beside, &self.commits);
            }
            if dishonest {
                beside.take_all(&seen.beside, &self.commits);
            }
            if let (true, Some(tracking)) = (self.flipped_settings, &seen.tracking) {
                let number = |m: &String| self.commits.0.iter().position(|c| c.message == *m);
                let all = tracking.iter();
                state.tracking = all
                    .filter_map(|(n, m)| Some((n.clone(), number(m)?)))
                    .collect();
            }
        }
        if !self.is_honest() {
            return self.look_leniently(&seen);
        }
        if let Some(error) = seen.errors.first() {
            return Err(format!("cannot be read: {error}"));
        }
        let mut why = Vec::new();
        let mut may_be: Vec<Expected> = self.states[self.acknowledged..].to_vec();
        if self.honesty != Honesty::Honest {
            self.past.extend(self.in_flight.iter().cloned());
        }
        may_be.append(&mut self.in_flight);
        let found = may_be.iter().position(|state| {
            let differs = seen.differs(state, &self.commits);
            why.extend(differs.clone());
            differs.is_none()
        });
        let Some(found) = found else {
            return Err(format!("what is there is none of what may be: {why:#?}"));
        };
        let wrong = self.world().check()?;
        if !wrong.is_empty() {
            return Err(format!("the check finds: {wrong:?}"));
        }
        may_be.truncate(found + 1);
        self.states = may_be;
        self.acknowledged = 0;
        Ok(())
    }

    /// The same where the disk is not honest: what can be read was there at some time, and what
    /// was acknowledged is not missed without a word.
    fn look_leniently(&mut self, seen: &Observed) -> Check {
        let mut may_be: Vec<Expected> = self.states[self.acknowledged..].to_vec();
        self.past.extend(self.in_flight.iter().cloned());
        may_be.append(&mut self.in_flight);
        let fits = |state: &Expected| seen.differs(state, &self.commits).is_none();
        let found = may_be.iter().position(fits);
        let readable = seen.errors.is_empty();
        let kept_tails = self.world().kept_tails();
        let said_before = std::mem::replace(&mut self.kept_tails, kept_tails);
        if let (Some(found), true) = (found, readable) {
            may_be.truncate(found + 1);
            self.states = may_be;
            self.acknowledged = 0;
            return Ok(());
        }
        let old = self.past.iter().rposition(fits);
        if found.is_none() && old.is_none() {
            let states = self.past.iter();
            let why: Vec<_> = states
                .filter_map(|s| seen.differs(s, &self.commits))
                .collect();
            return Err(format!("never was there: {why:#?}, {:?}", seen.errors));
        }
        // The last write of a journal may be missing and nobody can know; anything else is noticed.
        let noticed =
            !readable || kept_tails > said_before || self.disk.journal_end_was_misdirected();
        if matches!(self.honesty, Honesty::Decays | Honesty::Misdirects) && !noticed {
            let why = seen.differs(self.now(), &self.commits);
            return Err(format!(
                "what the disk did took something away silently: {why:?}"
            ));
        }
        self.say(format!("noticed: {:?}, state {old:?}", seen.errors.first()));
        self.stop();
        Ok(())
    }

    /// A bit changes while nobody looks.
    fn decay(&mut self) -> Check {
        self.stop();
        if let Some(place) = self.disk.flip_bit() {
            self.say(format!("flipped {place}"));
            self.flipped = true;
            // Settings and accounts have no checksums, in a format that is Dolt's.
            let has_checksums = ["/noms/", "/remotes/", "/backups/"];
            self.flipped_settings |= !has_checksums.iter().any(|part| place.contains(part));
        }
        self.disk.disarm();
        self.start()
    }
}
