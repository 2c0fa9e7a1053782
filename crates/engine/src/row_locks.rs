//! Locks of rows: who holds which row until the end of its transaction, and who waits for whom.
//!
//! A lock belongs to a row's key, not to a version of the row, in one table of one branch. There
//! are no locks of gaps. See docs/decisions/row-locks.md.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chunks::Hash;

use crate::error::{Error, Result};
use crate::view::{OverlayKey, OverlayMap};

/// Locks of all transactions together.
const MOST_LOCKS: usize = 4_000_000;
/// Locks of one transaction in one table before it takes the table as a whole.
const MOST_IN_A_TABLE: usize = 50_000;
/// How long somebody who waits goes without looking whether he was killed.
const NAP: Duration = Duration::from_millis(50);

/// A transaction that holds locks or waits for one.
pub(crate) type Owner = u64;

/// A table of a branch, with a definition: keys of different definitions do not compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LockedTable {
    /// The database's key.
    pub database: String,
    /// Branch.
    pub branch: String,
    /// Name in lower case.
    pub table: String,
    /// Address of the schema.
    pub schema: Hash,
}

/// What is locked within a table: the row with a key, or whoever has a key of a unique index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LockedKey {
    /// None is the primary key.
    pub index: Option<usize>,
    /// The key.
    pub key: OverlayKey,
}

/// How a row is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LockMode {
    /// Others may read it with the same lock.
    Shared,
    /// Nobody else.
    Exclusive,
}

impl LockMode {
    fn allows(self, other: LockMode) -> bool {
        self == LockMode::Shared && other == LockMode::Shared
    }
}

/// What is done about a lock that somebody else has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Wait so long, then error 1205.
    Waits(Duration),
    /// Error 3572.
    NoWait,
    /// Do without the row.
    Skips,
    /// Do without the row, even if nobody has it.
    Held,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The transaction had the lock.
    Before,
    /// It has the lock now.
    Now,
    /// Somebody else has it, and the transaction does without.
    Skipped,
}

/// The locks of an instance.
#[derive(Default)]
pub(crate) struct RowLocks {
    state: Mutex<State>,
    /// Transactions with locks that outlive a statement.
    lasting: AtomicUsize,
    owners: AtomicU64,
}

#[derive(Default)]
struct State {
    tables: HashMap<Arc<LockedTable>, TableLocks>,
    waiting: BTreeMap<u64, Waiter>,
    next_ticket: u64,
    count: usize,
}

/// The locks of a table.
#[derive(Default)]
struct TableLocks {
    rows: BTreeMap<LockedKey, Vec<(Owner, LockMode)>>,
    /// Who has the table as a whole.
    whole: Option<Owner>,
    /// How many locks of rows each has.
    owners: HashMap<Owner, usize>,
}

/// Somebody who waits, in the order of the tickets.
struct Waiter {
    owner: Owner,
    table: Arc<LockedTable>,
    /// None is the table as a whole.
    key: Option<LockedKey>,
    mode: LockMode,
    called: Arc<Condvar>,
}

impl State {
    /// Who is in the way of a wish, those who wait since before `ticket` included.
    fn in_the_way(&self, w: &Waiter, ticket: u64) -> Vec<Owner> {
        let mut list = Vec::new();
        let mut has_some = false;
        if let Some(t) = self.tables.get(&w.table) {
            has_some = t.owners.contains_key(&w.owner);
            list.extend(t.whole.filter(|o| *o != w.owner));
            match &w.key {
                None => list.extend(t.owners.keys().filter(|o| **o != w.owner)),
                Some(key) => {
                    let holders = t.rows.get(key).into_iter().flatten();
                    let against = holders.filter(|(o, m)| *o != w.owner && !m.allows(w.mode));
                    list.extend(against.map(|(o, _)| *o));
                    let mine = |h: &Vec<(Owner, LockMode)>| h.iter().any(|(o, _)| *o == w.owner);
                    if t.rows.get(key).is_some_and(mine) {
                        // He who wants more of what he has does not stand behind those who wait
                        // for him.
                        return list;
                    }
                }
            }
        }
        for (_, other) in self.waiting.range(..ticket) {
            if other.owner == w.owner || other.table != w.table {
                continue;
            }
            let against = match (&other.key, &w.key) {
                (Some(a), Some(b)) => a == b && !other.mode.allows(w.mode),
                // The same goes for a table.
                _ => !has_some,
            };
            if against {
                list.push(other.owner);
            }
        }
        list
    }

    /// Whether `owner`, if it waited for all of `first`, would wait for itself.
    fn is_circle(&self, owner: Owner, first: &[Owner]) -> bool {
        let mut seen: HashSet<Owner> = HashSet::new();
        let mut next: Vec<Owner> = first.to_vec();
        while let Some(o) = next.pop() {
            if o == owner {
                return true;
            }
            if !seen.insert(o) {
                continue;
            }
            // An owner is one connection: it waits for one thing at a time.
            if let Some((ticket, w)) = self.waiting.iter().find(|(_, w)| w.owner == o) {
                next.extend(self.in_the_way(w, *ticket));
            }
        }
        false
    }

    /// Calls those of a table who can have what they wait for.
    fn call(&self, table: &Arc<LockedTable>) {
        for (ticket, w) in &self.waiting {
            if w.table == *table && self.in_the_way(w, *ticket).is_empty() {
                w.called.notify_one();
            }
        }
    }

    fn grant(&mut self, w: &Waiter) -> Taken {
        let t = self.tables.entry(w.table.clone()).or_default();
        let Some(key) = &w.key else {
            t.whole = Some(w.owner);
            return Taken::Now;
        };
        let holders = t.rows.entry(key.clone()).or_default();
        match holders.iter_mut().find(|(o, _)| *o == w.owner) {
            Some((_, mode)) if *mode >= w.mode => Taken::Before,
            Some((_, mode)) => {
                // Nobody else could change the row meanwhile.
                *mode = w.mode;
                Taken::Before
            }
            None => {
                holders.push((w.owner, w.mode));
                *t.owners.entry(w.owner).or_default() += 1;
                self.count += 1;
                Taken::Now
            }
        }
    }
}

impl RowLocks {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any transaction holds locks beyond the statement that took them.
    pub fn are_held(&self) -> bool {
        self.lasting.load(Ordering::SeqCst) != 0
    }

    /// Whether somebody other than `owner` has locked one of the changed rows of a table.
    pub fn hold_any(
        &self,
        database: &str,
        branch: &str,
        table: &str,
        owner: Owner,
        changes: &OverlayMap,
    ) -> bool {
        let state = self.state();
        let mut tables = state.tables.iter().filter(|(name, _)| {
            name.table == table && name.branch == branch && name.database == database
        });
        tables.any(|(_, t)| {
            t.whole.is_some_and(|o| o != owner)
                || !t.rows.is_empty()
                    && changes.rows.keys().any(|key| {
                        let key = LockedKey {
                            index: None,
                            key: key.clone(),
                        };
                        let holders = t.rows.get(&key).into_iter().flatten();
                        holders.into_iter().any(|(o, _)| *o != owner)
                    })
        })
    }

    /// Transactions that wait now.
    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.state().waiting.len()
    }
}

/// What one transaction holds, until this is dropped.
pub(crate) struct HeldLocks {
    locks: Arc<RowLocks>,
    owner: Owner,
    lasting: bool,
    tables: Vec<HeldTable>,
}

struct HeldTable {
    table: Arc<LockedTable>,
    rows: BTreeMap<LockedKey, LockMode>,
    whole: bool,
}

impl HeldLocks {
    /// A transaction without locks; those that it takes are `lasting` if they outlive the
    /// statement.
    pub fn new(locks: &Arc<RowLocks>, lasting: bool) -> HeldLocks {
        if lasting {
            locks.lasting.fetch_add(1, Ordering::SeqCst);
        }
        HeldLocks {
            locks: locks.clone(),
            owner: locks.owners.fetch_add(1, Ordering::Relaxed) + 1,
            lasting,
            tables: Vec::new(),
        }
    }

    /// Whose they are.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    fn table(
        &mut self,
        is_it: impl Fn(&LockedTable) -> bool,
        new: impl FnOnce() -> LockedTable,
    ) -> usize {
        match self.tables.iter().position(|t| is_it(&t.table)) {
            Some(at) => at,
            None => {
                self.tables.push(HeldTable {
                    table: Arc::new(new()),
                    rows: BTreeMap::new(),
                    whole: false,
                });
                self.tables.len() - 1
            }
        }
    }

    /// Locks a row, or with no `key` the table as a whole; `killed` says when to give up.
    pub fn take(
        &mut self,
        is_it: impl Fn(&LockedTable) -> bool,
        new: impl FnOnce() -> LockedTable,
        key: Option<LockedKey>,
        mode: LockMode,
        patience: Patience,
        killed: &dyn Fn() -> Result<()>,
    ) -> Result<Taken> {
        let at = self.table(is_it, new);
        let held = &self.tables[at];
        let has = match &key {
            _ if held.whole => true,
            None => false,
            Some(key) => held.rows.get(key).is_some_and(|m| *m >= mode),
        };
        if has {
            return Ok(Taken::Before);
        }
        if patience == Patience::Held {
            return Ok(Taken::Skipped);
        }
        if key.is_some() && held.rows.len() >= MOST_IN_A_TABLE && self.take_whole_now(at) {
            return Ok(Taken::Now);
        }
        let held = &self.tables[at];
        let wish = Waiter {
            owner: self.owner,
            table: held.table.clone(),
            key: key.clone(),
            mode,
            called: Arc::default(),
        };
        let taken = self.locks.take(wish, patience, killed)?;
        let held = &mut self.tables[at];
        match key {
            _ if taken == Taken::Skipped => {}
            Some(key) => {
                held.rows.insert(key, mode);
            }
            None => held.whole = true,
        }
        Ok(taken)
    }

    /// Takes a table as a whole if nobody else has locks in it.
    fn take_whole_now(&mut self, at: usize) -> bool {
        let wish = Waiter {
            owner: self.owner,
            table: self.tables[at].table.clone(),
            key: None,
            mode: LockMode::Exclusive,
            called: Arc::default(),
        };
        let mut state = self.locks.state();
        let free = state.in_the_way(&wish, 0).is_empty();
        if free {
            state.grant(&wish);
            drop(state);
            self.tables[at].whole = true;
        }
        free
    }
}

impl RowLocks {
    fn take(
        &self,
        wish: Waiter,
        patience: Patience,
        killed: &dyn Fn() -> Result<()>,
    ) -> Result<Taken> {
        let mut state = self.state();
        if state.count >= MOST_LOCKS {
            return Err(Error::lock_table_full());
        }
        let against = state.in_the_way(&wish, u64::MAX);
        if against.is_empty() {
            return Ok(state.grant(&wish));
        }
        let most = match patience {
            Patience::NoWait => return Err(Error::lock_nowait()),
            Patience::Skips | Patience::Held => return Ok(Taken::Skipped),
            Patience::Waits(most) => most,
        };
        if state.is_circle(wish.owner, &against) {
            return Err(Error::deadlock());
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let called = wish.called.clone();
        state.waiting.insert(ticket, wish);
        let start = Instant::now();
        let outcome = loop {
            let left = most.saturating_sub(start.elapsed());
            state = called
                .wait_timeout(state, left.min(NAP))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            let wish = &state.waiting[&ticket];
            if state.in_the_way(wish, ticket).is_empty() {
                break Ok(());
            }
            if start.elapsed() >= most {
                break Err(Error::lock_wait_timeout());
            }
            drop(state);
            let alive = killed();
            state = self.state();
            if let Err(e) = alive {
                break Err(e);
            }
        };
        let wish = state
            .waiting
            .remove(&ticket)
            .expect("only he who waits removes his wish");
        match outcome {
            Ok(()) => {
                state.grant(&wish);
                // Those with a shared lock may come along.
                state.call(&wish.table);
                // Whoever had the lock before may have changed the row.
                Ok(Taken::Now)
            }
            Err(e) => {
                state.call(&wish.table);
                Err(e)
            }
        }
    }
}

impl Drop for HeldLocks {
    fn drop(&mut self) {
        if !self.tables.is_empty() {
            let mut state = self.locks.state();
            for held in &self.tables {
                let Some(t) = state.tables.get_mut(&held.table) else {
                    continue;
                };
                let mut gone = 0;
                for key in held.rows.keys() {
                    if let Some(holders) = t.rows.get_mut(key) {
                        holders.retain(|(o, _)| *o != self.owner);
                        gone += 1;
                        if holders.is_empty() {
                            t.rows.remove(key);
                        }
                    }
                }
                t.owners.remove(&self.owner);
                if t.whole == Some(self.owner) {
                    t.whole = None;
                }
                if t.rows.is_empty() && t.whole.is_none() {
                    state.tables.remove(&held.table);
                }
                state.count -= gone;
                if !state.waiting.is_empty() {
                    state.call(&held.table);
                }
            }
        }
        if self.lasting {
            self.locks.lasting.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
