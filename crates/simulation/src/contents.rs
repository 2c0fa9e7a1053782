//! What is in the files of the simulated disk: as it is seen, and as power loss would leave it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::Random;

/// What is written as a whole or not at all.
pub(crate) const SECTOR: u64 = 512;

/// What was done on purpose, by kind.
pub type Injected = BTreeMap<&'static str, u64>;

/// A change of a file that is not durable yet.
pub(crate) enum Change {
    Write(u64, Bytes),
    Length(u64),
}

/// A file's bytes as they are seen, and as they would be after power loss.
#[derive(Default)]
pub(crate) struct Contents {
    pub now: Vec<u8>,
    pub durable: Vec<u8>,
    pending: Vec<Change>,
}

fn write_at(bytes: &mut Vec<u8>, at: u64, part: &[u8]) {
    let (at, end) = (at as usize, at as usize + part.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(part);
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Write(at, part) => write_at(bytes, *at, part),
            Change::Length(len) => bytes.resize(*len as usize, 0),
        }
    }

    /// Leaves those sectors that `keep` says.
    fn apply_torn(&self, bytes: &mut Vec<u8>, mut keep: impl FnMut() -> bool) {
        match self {
            Change::Write(at, part) => {
                let mut done = 0;
                while done < part.len() as u64 {
                    let start = at + done;
                    let end = ((start / SECTOR + 1) * SECTOR).min(at + part.len() as u64);
                    if keep() {
                        write_at(bytes, start, &part[done as usize..(end - at) as usize]);
                    }
                    done = end - at;
                }
            }
            Change::Length(_) => {
                if keep() {
                    self.apply(bytes);
                }
            }
        }
    }
}

impl Contents {
    pub fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    pub fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Keeps some of what was not durable, and forgets the rest.
    pub fn tear(&mut self, random: &mut Random, injected: &mut Injected) {
        if self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let mut count = |what| *injected.entry(what).or_default() += 1;
        match random.below(5) {
            0 => count("unsynced writes lost"),
            1 => {
                count("unsynced writes kept");
                pending.iter().for_each(|c| c.apply(&mut self.durable));
            }
            2 => {
                count("torn write");
                let whole = random.below(pending.len() as u64) as usize;
                for change in &pending[..whole] {
                    change.apply(&mut self.durable);
                }
                // The sectors of one write come in their order, up to some point.
                let mut more = true;
                pending[whole].apply_torn(&mut self.durable, || {
                    more &= !random.one_in(3);
                    more
                });
            }
            style => {
                count("reordered writes");
                let odds = 2 + random.below(6);
                for change in &pending {
                    let drop = random.one_in(2) && style == 4;
                    change.apply_torn(&mut self.durable, || !drop && !random.one_in(odds));
                }
                if random.one_in(2) && self.durable.len() < self.now.len() {
                    // The length is durable, what it covers is not.
                    self.durable.resize(self.now.len(), 0);
                }
            }
        }
    }

    pub fn lose_power(&mut self, random: &mut Random, injected: &mut Injected) {
        self.tear(random, injected);
        self.now.clone_from(&self.durable);
    }
}
