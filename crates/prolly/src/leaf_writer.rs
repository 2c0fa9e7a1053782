//! Storing the leaves of a large tree beside the thread that builds it: hashing and compressing
//! cost as much as everything else. Whoever builds faster than the thread stores takes a leaf over.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;

use chunks::Hash;

use crate::store::NewLeaf;
use crate::{NodeStore, ProllyError, Result};

/// Leaves that wait for the thread: some 64 KB.
const QUEUE: usize = 16;
/// Leaves that are hashed together.
const BATCH: usize = 8;
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
    /// The thread has the leaf.
    Sent,
    /// The leaf is among those that are stored here.
    Kept,
}

/// A thread that stores leaves, and the items of level 1 that are not complete yet.
pub(crate) struct LeafWriter {
    store: NodeStore,
    /// Absent once the writer is dropped.
    send: Option<SyncSender<NewLeaf>>,
    hashes: Receiver<Result<Hash>>,
    thread: Option<JoinHandle<()>>,
    /// In order.
    waiting: VecDeque<Waiting>,
    /// Leaves that the thread had no room for, until there are enough of them to be hashed
    /// together: those of the items that say [`Value::Kept`], in their order.
    kept: Vec<NewLeaf>,
}

impl LeafWriter {
    /// Starts a thread; none when the system has no more.
    pub fn start(store: &NodeStore) -> Option<LeafWriter> {
        let (send, messages) = sync_channel::<NewLeaf>(QUEUE);
        // As long as the queue of messages, and those that are being worked on.
        let (answers, hashes) = sync_channel(2 * QUEUE + BATCH);
        let theirs = store.clone();
        let work = move || {
            while let Ok(first) = messages.recv() {
                let mut batch = vec![first];
                batch.extend(messages.try_iter().take(BATCH - 1));
                let stored = theirs.write_leaves(batch);
                let failed = stored.is_err();
                let gone = match stored {
                    Ok(all) => all.into_iter().any(|hash| answers.send(Ok(hash)).is_err()),
                    Err(e) => answers.send(Err(e)).is_err(),
                };
                if gone || failed {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("leaf writer".into());
        let thread = thread.spawn(work).ok()?;
        Some(LeafWriter {
            store: store.clone(),
            send: Some(send),
            hashes,
            thread: Some(thread),
            waiting: VecDeque::new(),
            kept: Vec::new(),
        })
    }

    /// Whether there are leaves under way.
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Gives a leaf to the thread, or keeps it to be stored here while that has enough to do.
    pub fn write(&mut self, leaf: NewLeaf, last_key: &[u8], count: u64) -> Result<()> {
        let sent = self.send.as_ref().map(|send| send.try_send(leaf));
        let value = match sent {
            None | Some(Ok(())) => Value::Sent,
            Some(Err(TrySendError::Full(leaf))) => {
                self.kept.push(leaf);
                Value::Kept
            }
            // The thread has ended, and says why.
            Some(Err(TrySendError::Disconnected(_))) => return Err(self.failure()),
        };
        self.waiting.push_back(Waiting {
            key: last_key.to_vec(),
            value,
            count,
        });
        match self.kept.len() >= BATCH {
            true => self.store_kept(),
            false => Ok(()),
        }
    }

    fn store_kept(&mut self) -> Result<()> {
        let hashes = self.store.write_leaves(std::mem::take(&mut self.kept))?;
        let items = self.waiting.iter_mut();
        let kept = items.filter(|item| matches!(item.value, Value::Kept));
        for (item, hash) in kept.zip(hashes) {
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
            Some(Value::Sent) => match self.hashes.try_recv() {
                Ok(hash) => hash?.0.to_vec(),
                Err(TryRecvError::Empty) if !wait => return Ok(None),
                Err(_) => match self.hashes.recv() {
                    Ok(hash) => hash?.0.to_vec(),
                    Err(_) => return Err(lost()),
                },
            },
            Some(Value::Kept) if !wait => return Ok(None),
            Some(Value::Kept) => {
                self.store_kept()?;
                return self.next(true);
            }
        };
        let first = self.waiting.pop_front();
        Ok(first.map(|Waiting { key, count, .. }| Written { key, value, count }))
    }

    fn failure(&mut self) -> ProllyError {
        while let Ok(answer) = self.hashes.recv() {
            if let Err(e) = answer {
                return e;
            }
        }
        lost()
    }
}

/// The thread is gone without a word: it panicked.
fn lost() -> ProllyError {
    ProllyError::WriterLost
}

impl Drop for LeafWriter {
    fn drop(&mut self) {
        // Without a sender the thread ends; nothing is written behind the caller's back.
        self.send = None;
        while self.hashes.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
