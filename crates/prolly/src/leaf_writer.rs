//! Storing the leaves of a large tree beside the thread that builds it: hashing and compressing
//! cost as much as everything else. Whoever builds faster than the thread stores takes a leaf over.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;

use chunks::Hash;

use crate::{NodeStore, ProllyError, Result};

/// Messages that wait for the thread: some 64 KB.
const QUEUE: usize = 16;
/// Items of level 1 that wait for leaves in front of them.
const MOST_FOLLOWING: usize = 4096;

/// An item of level 1, in its order.
pub(crate) struct Written {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub count: u64,
}

/// A thread that stores leaves, and the items of level 1 that are not complete yet.
pub(crate) struct LeafWriter {
    store: NodeStore,
    /// Absent once the writer is dropped.
    send: Option<SyncSender<Vec<u8>>>,
    hashes: Receiver<Result<Hash>>,
    thread: Option<JoinHandle<()>>,
    /// In order; a leaf that is under way has no value yet.
    waiting: VecDeque<Written>,
}

impl LeafWriter {
    /// Starts a thread; none when the system has no more.
    pub fn start(store: &NodeStore) -> Option<LeafWriter> {
        let (send, messages) = sync_channel::<Vec<u8>>(QUEUE);
        // As long as the queue of messages, and those that are being worked on.
        let (answers, hashes) = sync_channel(2 * QUEUE + 2);
        let theirs = store.clone();
        let work = move || {
            for message in messages {
                let hash = theirs.write_tree_message(message, false, false);
                let failed = hash.is_err();
                if answers.send(hash).is_err() || failed {
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
        })
    }

    /// Whether there are leaves under way.
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Gives a leaf to the thread, or stores it here while that has enough to do.
    pub fn write(&mut self, message: Vec<u8>, last_key: &[u8], count: u64) -> Result<()> {
        let sent = self.send.as_ref().map(|send| send.try_send(message));
        let value = match sent {
            None | Some(Ok(())) => Vec::new(),
            Some(Err(TrySendError::Full(message))) => {
                let hash = self.store.write_tree_message(message, false, false)?;
                hash.0.to_vec()
            }
            // The thread has ended, and says why.
            Some(Err(TrySendError::Disconnected(_))) => return Err(self.failure()),
        };
        self.waiting.push_back(Written {
            key: last_key.to_vec(),
            value,
            count,
        });
        Ok(())
    }

    /// Adds an item that is complete behind those that are not.
    pub fn follow(&mut self, key: &[u8], value: &[u8], count: u64) {
        self.waiting.push_back(Written {
            key: key.to_vec(),
            value: value.to_vec(),
            count,
        });
    }

    /// The next item, if it is complete, or in any case.
    pub fn next(&mut self, wait: bool) -> Result<Option<Written>> {
        let Some(first) = self.waiting.front_mut() else {
            return Ok(None);
        };
        if first.value.is_empty() {
            let wait = wait || self.waiting.len() > MOST_FOLLOWING;
            let hash = match self.hashes.try_recv() {
                Ok(hash) => hash?,
                Err(TryRecvError::Empty) if !wait => return Ok(None),
                Err(_) => match self.hashes.recv() {
                    Ok(hash) => hash?,
                    Err(_) => return Err(lost()),
                },
            };
            if let Some(first) = self.waiting.front_mut() {
                first.value = hash.0.to_vec();
            }
        }
        Ok(self.waiting.pop_front())
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
