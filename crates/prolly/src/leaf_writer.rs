//! Storing the leaves of a tree, several at a time, as hashing them together costs less; those of
//! a large tree beside the thread that builds it. Whoever builds faster than the other thread
//! stores takes some over.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;

use chunks::Hash;

use crate::store::NewLeaf;
use crate::{NodeStore, ProllyError, Result};

/// Leaves that are hashed together, and for which the thread is woken once.
const BATCH: usize = 8;
/// Batches that wait for the thread: some 64 KB.
const QUEUE: usize = 2;
/// Leaves that are stored here before a thread is worth its while.
const LEAVES_BEFORE_THREAD: u32 = 64;
/// Items of level 1 that wait for leaves in front of them.
const MOST_FOLLOWING: usize = 4096;

/// An item of level 1.
pub(crate) struct Written {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub count: u64,
}

/// An item of level 1 that waits for its turn.
struct Waiting {
    key: Vec<u8>,
    value: Value,
    count: u64,
}

/// What is known of an item's address.
enum Value {
    Known(Vec<u8>),
    /// The leaf is in the batch that fills.
    Filling,
    /// The thread has the leaf.
    Sent,
}

/// Stores leaves, and keeps the items of level 1 that are not complete yet.
pub(crate) struct LeafWriter {
    store: NodeStore,
    /// Leaves that were written here.
    leaves: u32,
    /// Present while there are many.
    thread: Option<Storing>,
    /// In order.
    waiting: VecDeque<Waiting>,
    /// The leaves of the items that say [`Value::Filling`], in their order.
    filling: Vec<NewLeaf>,
    /// Addresses of the first items that say [`Value::Sent`].
    arrived: VecDeque<Hash>,
}

/// A thread that stores leaves.
struct Storing {
    /// Absent once it is to end.
    send: Option<SyncSender<Vec<NewLeaf>>>,
    answers: Receiver<Result<Vec<Hash>>>,
    thread: Option<JoinHandle<()>>,
}

impl Storing {
    /// Starts a thread; none when the system has no more.
    fn start(store: &NodeStore) -> Option<Storing> {
        let (send, batches) = sync_channel::<Vec<NewLeaf>>(QUEUE);
        // As long as the queue of batches, and those that are being worked on.
        let (answer, answers) = sync_channel(2 * QUEUE + 2);
        let theirs = store.clone();
        let work = move || {
            for batch in batches {
                let stored = theirs.write_leaves(batch);
                let failed = stored.is_err();
                if answer.send(stored).is_err() || failed {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("leaf writer".into());
        Some(Storing {
            send: Some(send),
            answers,
            thread: Some(thread.spawn(work).ok()?),
        })
    }

    fn failure(&self) -> ProllyError {
        while let Ok(answer) = self.answers.recv() {
            if let Err(e) = answer {
                return e;
            }
        }
        lost()
    }
}

impl LeafWriter {
    /// A writer into a store.
    pub fn new(store: &NodeStore) -> LeafWriter {
        LeafWriter {
            store: store.clone(),
            leaves: 0,
            thread: None,
            waiting: VecDeque::new(),
            filling: Vec::new(),
            arrived: VecDeque::new(),
        }
    }

    /// Whether there are leaves under way.
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Adds a leaf; it goes to the thread with others, or is stored here with them while the
    /// thread has enough to do.
    pub fn write(&mut self, leaf: NewLeaf, last_key: &[u8], count: u64) -> Result<()> {
        self.filling.push(leaf);
        self.waiting.push_back(Waiting {
            key: last_key.to_vec(),
            value: Value::Filling,
            count,
        });
        if self.filling.len() < BATCH {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.filling);
        self.leaves = self.leaves.saturating_add(batch.len() as u32);
        if self.thread.is_none() && self.leaves > LEAVES_BEFORE_THREAD {
            self.thread = Storing::start(&self.store);
        }
        let Some(thread) = &self.thread else {
            return self.store_here(batch);
        };
        match thread.send.as_ref().map(|send| send.try_send(batch)) {
            None | Some(Ok(())) => {
                for item in self.filling_items() {
                    item.value = Value::Sent;
                }
                Ok(())
            }
            Some(Err(TrySendError::Full(batch))) => self.store_here(batch),
            // The thread has ended, and says why.
            Some(Err(TrySendError::Disconnected(_))) => Err(thread.failure()),
        }
    }

    fn filling_items(&mut self) -> impl Iterator<Item = &mut Waiting> {
        let items = self.waiting.iter_mut();
        items.filter(|item| matches!(item.value, Value::Filling))
    }

    fn store_here(&mut self, batch: Vec<NewLeaf>) -> Result<()> {
        let hashes = self.store.write_leaves(batch)?;
        for (item, hash) in self.filling_items().zip(hashes) {
            item.value = Value::Known(hash.0.to_vec());
        }
        Ok(())
    }

    /// Adds an item that is complete behind those that are not.
    pub fn follow(&mut self, key: &[u8], value: &[u8], count: u64) {
        self.waiting.push_back(Waiting {
            key: key.to_vec(),
            value: Value::Known(value.to_vec()),
            count,
        });
    }

    /// The next item, if it is complete, or in any case.
    pub fn next(&mut self, wait: bool) -> Result<Option<Written>> {
        let wait = wait || self.waiting.len() > MOST_FOLLOWING;
        let value = match self.waiting.front_mut().map(|first| &mut first.value) {
            None => return Ok(None),
            Some(Value::Known(value)) => std::mem::take(value),
            Some(Value::Sent) => {
                if self.arrived.is_empty() {
                    let answers = &self.thread.as_ref().ok_or_else(lost)?.answers;
                    let answer = match answers.try_recv() {
                        Err(TryRecvError::Empty) if !wait => return Ok(None),
                        Err(TryRecvError::Empty) => answers.recv().map_err(|_| lost())?,
                        answer => answer.map_err(|_| lost())?,
                    };
                    self.arrived.extend(answer?);
                }
                self.arrived.pop_front().ok_or_else(lost)?.0.to_vec()
            }
            Some(Value::Filling) if !wait => return Ok(None),
            // Storing it has failed before.
            Some(Value::Filling) if self.filling.is_empty() => return Err(lost()),
            Some(Value::Filling) => {
                let batch = std::mem::take(&mut self.filling);
                self.store_here(batch)?;
                return self.next(true);
            }
        };
        let first = self.waiting.pop_front();
        Ok(first.map(|Waiting { key, count, .. }| Written { key, value, count }))
    }
}

/// The thread is gone without a word: it panicked.
fn lost() -> ProllyError {
    ProllyError::WriterLost
}

impl Drop for Storing {
    fn drop(&mut self) {
        // Without a sender the thread ends; nothing is written behind the caller's back.
        self.send = None;
        while self.answers.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
