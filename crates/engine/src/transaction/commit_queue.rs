//! Transactions that commit at the same time share the work.
//!
//! One of them leads: it takes those of its branch that wait, builds all their changes into the
//! trees at once ([`commit_together`]) and waits for one sync. The next leader takes what has come
//! together when that sync begins, and builds meanwhile. So there are two at work, one that builds
//! and one that syncs, and the longer a sync takes the more is done by the next one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use chunks::Lsn;

use super::commit::{Outcome, commit_together};
use super::{BranchChanges, Writer};
use crate::error::{Error, Result};

/// Transactions that one leader takes.
const MOST_MEMBERS: usize = 256;

/// The transactions of a database that are being committed.
#[derive(Default)]
pub(crate) struct CommitQueue {
    waiting: Mutex<Waiting>,
    /// Held by the leader that syncs.
    syncing: Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    /// Whether somebody leads, who will hand over to the first that waits.
    led: bool,
    members: VecDeque<Arc<Member>>,
}

/// A transaction in the queue.
struct Member {
    changes: BranchChanges,
    writer: Writer,
    turn: Mutex<Turn>,
    called: Condvar,
}

enum Turn {
    Waits,
    Leads,
    Done(Result<()>),
}

fn locked<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CommitQueue {
    /// Commits a transaction: when this returns without an error, it is visible and durable.
    pub fn commit(&self, changes: BranchChanges, writer: &Writer) -> Result<()> {
        let own = Arc::new(Member {
            changes,
            writer: writer.clone(),
            turn: Mutex::new(Turn::Waits),
            called: Condvar::new(),
        });
        let must_wait = {
            let mut waiting = locked(&self.waiting);
            match waiting.led {
                true => waiting.members.push_back(own.clone()),
                false => waiting.led = true,
            }
            waiting.members.back().is_some_and(|m| Arc::ptr_eq(m, &own))
        };
        if must_wait && let Some(outcome) = own.wait() {
            return outcome;
        }
        self.lead(&own)
    }

    fn lead(&self, own: &Arc<Member>) -> Result<()> {
        let mut lead = Lead {
            queue: self,
            members: self.with_waiting(own),
            handed_over: false,
        };
        let handle = &own.changes.handle;
        match lead.append() {
            Err(e) => lead.finish(&Err(e)),
            Ok((lsn, outcomes)) => {
                lead.settle(outcomes);
                if let Some(lsn) = lsn {
                    let syncing = locked(&self.syncing);
                    lead.hand_over();
                    let synced = handle.store.sync(lsn).map_err(Error::from);
                    drop(syncing);
                    lead.finish(&synced);
                }
            }
        }
        drop(lead);
        own.outcome()
    }

    /// A leader and those that it takes along, in the order in which they came.
    fn with_waiting(&self, own: &Arc<Member>) -> Vec<Arc<Member>> {
        let mut members = vec![own.clone()];
        let mut waiting = locked(&self.waiting);
        if waiting.members.is_empty() {
            return members;
        }
        let waits = std::mem::take(&mut waiting.members).into_iter();
        let (taken, left): (Vec<_>, Vec<_>) =
            waits.partition(|m| m.changes.branch == own.changes.branch);
        waiting.members = left.into();
        members.extend(taken);
        drop(waiting);
        let too_many = members.split_off(MOST_MEMBERS.min(members.len()));
        self.put_in_front(too_many);
        members
    }

    fn put_in_front(&self, members: Vec<Arc<Member>>) {
        let mut waiting = locked(&self.waiting);
        for member in members.into_iter().rev() {
            waiting.members.push_front(member);
        }
    }
}

impl Member {
    fn set(&self, turn: Turn) {
        *locked(&self.turn) = turn;
        self.called.notify_one();
    }

    /// Waits for its turn to lead, or for what another leader made of it.
    fn wait(&self) -> Option<Result<()>> {
        let mut turn = locked(&self.turn);
        loop {
            match &*turn {
                Turn::Waits => {}
                Turn::Leads => return None,
                Turn::Done(outcome) => return Some(outcome.clone()),
            }
            turn = self
                .called
                .wait(turn)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn outcome(&self) -> Result<()> {
        match &*locked(&self.turn) {
            Turn::Done(outcome) => outcome.clone(),
            Turn::Waits | Turn::Leads => Err(unknown_outcome()),
        }
    }
}

fn unknown_outcome() -> Error {
    Error::general("the commit was interrupted; whether it is durable is not known")
}

/// A leader at work. However its work ends, the next one is called and nobody waits in vain.
struct Lead<'q> {
    queue: &'q CommitQueue,
    /// The leader, and those it took along, that have not been told an outcome.
    members: Vec<Arc<Member>>,
    handed_over: bool,
}

impl Lead<'_> {
    fn append(&self) -> Result<(Option<Lsn>, Vec<Outcome>)> {
        let members = self.members.iter();
        let transactions: Vec<_> = members.map(|m| (&m.changes, &m.writer)).collect();
        let first = &self.members[0].changes;
        commit_together(&first.handle, &first.branch, &transactions)
    }

    /// Keeps those whose changes were appended; those that must come later wait in front.
    fn settle(&mut self, outcomes: Vec<Outcome>) {
        let mut later = Vec::new();
        for (member, outcome) in std::mem::take(&mut self.members).into_iter().zip(outcomes) {
            match outcome {
                Outcome::Appended => self.members.push(member),
                Outcome::Failed(e) => member.set(Turn::Done(Err(e))),
                Outcome::Later => later.push(member),
            }
        }
        if !later.is_empty() {
            self.queue.put_in_front(later);
        }
    }

    /// Lets the first that waits lead.
    fn hand_over(&mut self) {
        if std::mem::replace(&mut self.handed_over, true) {
            return;
        }
        let next = {
            let mut waiting = locked(&self.queue.waiting);
            let next = waiting.members.pop_front();
            waiting.led = next.is_some();
            next
        };
        if let Some(next) = next {
            next.set(Turn::Leads);
        }
    }

    fn finish(&mut self, outcome: &Result<()>) {
        for member in self.members.drain(..) {
            member.set(Turn::Done(outcome.clone()));
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.hand_over();
        self.finish(&Err(unknown_outcome()));
    }
}
