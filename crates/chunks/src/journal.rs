//! The chunk journal: chunks and roots in the order in which they were committed (spec 01 §6).
//!
//! Records collect in a buffer that readers see. A commit appends its root in memory; whoever
//! waits for it first writes the buffer, one root record for all commits that came together,
//! and one fdatasync. One root record per sync also keeps a write that power loss tore from
//! looking like damage: no valid record can follow a valid root that was not synced.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;

use crate::journal_index::{self, Key, Place, Places};
use crate::journal_record::{self, Entry, PAYLOAD_AT, ROOT_RECORD};
use crate::{Access, Chunk, ChunkError, Directory, DiskFile, Hash, Lsn, Result, kept_tail, record};

/// Name of the journal in its directory: the hash of all ones.
pub const JOURNAL_NAME: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";
/// The journal as manifests name it.
pub(crate) const JOURNAL_ADDRESS: Hash = Hash([0xff; 20]);
pub(crate) const INDEX_NAME: &str = "journal.idx";
/// How many past roots are kept for the reflog.
pub const MAX_ROOTS_REMEMBERED: usize = 5000;

/// The buffer is written out when it grows past this.
const BUFFER_LIMIT: usize = 4 << 20;
/// Unsynced bytes beyond which the file is synced between commits.
const UNSYNCED_LIMIT: u64 = 64 << 20;
/// Chunks that are new to the index before a batch of it is written.
const INDEX_BATCH: usize = 16384;
/// New chunks worth a batch of the index when the journal is closed.
const INDEX_BATCH_AT_CLOSE: usize = 512;
/// Space is written ahead once a process has synced this often: a server, not a command.
const SYNCS_BEFORE_WRITING_AHEAD: u64 = 8;
/// Longest buffer for which space is secured with zeros; a longer one is written itself.
const WRITTEN_FIRST: usize = 256 << 10;
/// Space written ahead with zeros, so that a commit overwrites instead of extending the file.
const WRITE_AHEAD: usize = 1 << 20;

/// Seconds since 1970, for root records.
pub(crate) type Clock = fn() -> u64;

/// An open journal.
pub(crate) struct Journal {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    clock: Clock,
    /// Absent when read-only.
    index: Option<Box<dyn DiskFile>>,
    places: RwLock<Places>,
    /// Everything below is in the file.
    in_file: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    root: Hash,
    /// Past roots with their times, oldest first.
    roots: VecDeque<(Hash, u64)>,
    buffer: Vec<u8>,
    /// Where in the journal the buffer goes.
    buffer_at: u64,
    /// Bytes that are being written, and where.
    writing: Option<(u64, Arc<Vec<u8>>)>,
    /// Length of the file, zeros written ahead included.
    allocated: u64,
    appended: Lsn,
    durable: Lsn,
    /// Whether a root was appended that no root record says yet.
    root_pending: bool,
    unsynced: u64,
    /// Everything below was there when a sync last succeeded, or when the journal was opened.
    durable_end: u64,
    syncs: u64,
    /// Threads that wait for `changed`.
    waiting: usize,
    poisoned: Option<String>,
    /// Chunks that the index file does not have, in journal order.
    novel: Vec<(Key, Place)>,
    indexed_to: u64,
    index_end: u64,
    closed: bool,
}

/// What opening a journal found.
pub(crate) struct Opened {
    pub journal: Journal,
    /// Damage in the tail that was cut off.
    pub warning: Option<String>,
}

impl Journal {
    /// Opens a journal. A writer cuts off an incomplete tail. `named` is the root that the
    /// journal must have; empty if there is none.
    pub fn open(
        dir: &Directory,
        writable: bool,
        clock: Clock,
        named: Hash,
    ) -> Result<Option<Opened>> {
        let path = dir.at(JOURNAL_NAME);
        let access = match writable {
            true => Access::Write,
            false => Access::Read,
        };
        let file = match dir.disk().open(&path, access) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(ChunkError::io("open", &path, e)),
        };
        let index = match writable {
            true => Some(dir.open(INDEX_NAME, Access::WriteOrCreate)?),
            false => dir.open(INDEX_NAME, Access::Read).ok(),
        };
        let indexed = match &index {
            Some(index) => match journal_record::read_all(&**index, &dir.at(INDEX_NAME)) {
                Ok(bytes) => journal_index::load(&bytes, &*file),
                // The index is an accelerator; without it the journal is read.
                Err(_) => journal_index::Indexed::default(),
            },
            None => journal_index::Indexed::default(),
        };
        let mut places = indexed.places;
        let mut novel = Vec::new();
        let mut roots = VecDeque::new();
        let mut root = Hash::EMPTY;
        let end =
            journal_record::scan(
                &*file,
                &path,
                indexed.journal_from,
                named,
                |at, entry| match entry {
                    Entry::Chunk { hash, payload, len } => {
                        let key = Key::of(&hash);
                        let place = Place {
                            at: at + payload as u64,
                            len: len as u32,
                        };
                        places.insert(key, place);
                        novel.push((key, place));
                    }
                    Entry::Root { root: new, time } => {
                        root = new;
                        if roots.len() == MAX_ROOTS_REMEMBERED {
                            roots.pop_front();
                        }
                        roots.push_back((new, time.unwrap_or(0)));
                    }
                },
            )?;
        let mut warning = end.warning;
        // A root's record lies behind its chunk. What was indexed was whole then.
        let named_key = Key::of(&named);
        let named_lost = !end.named_seen
            && (novel.iter().any(|(key, _)| *key == named_key) || !places.contains_key(&named_key));
        if named_lost && warning.is_none() {
            warning = Some(format!(
                "the journal ends at offset {}, in front of root {named}, which the manifest names",
                end.offset
            ));
        }
        if writable && warning.is_some() {
            kept_tail::keep(dir, &*file, end.offset)?;
        }
        if writable && end.tail {
            file.set_len(end.offset)
                .and_then(|()| file.sync())
                .map_err(|e| ChunkError::io("truncate", &path, e))?;
        }
        let journal = Journal {
            path,
            file,
            clock,
            index: if writable { index } else { None },
            places: RwLock::new(places),
            in_file: AtomicU64::new(end.offset),
            state: Mutex::new(State {
                root,
                roots,
                buffer: Vec::new(),
                buffer_at: end.offset,
                writing: None,
                allocated: end.offset,
                appended: 0,
                durable: 0,
                root_pending: false,
                unsynced: 0,
                durable_end: end.offset,
                syncs: 0,
                waiting: 0,
                poisoned: None,
                novel,
                indexed_to: indexed.journal_from,
                index_end: indexed.index_end,
                closed: false,
            }),
            changed: Condvar::new(),
        };
        Ok(Some(Opened { journal, warning }))
    }

    /// Creates an empty journal in a directory whose manifest names none; it counts commits on
    /// from `lsn`. A file that is there is what an attempt left that failed, or an earlier journal
    /// that a collection could not remove: readers of that may still have it open.
    pub fn create(dir: &Directory, clock: Clock, lsn: Lsn) -> Result<Journal> {
        dir.remove(JOURNAL_NAME)?;
        dir.open(JOURNAL_NAME, Access::New)?
            .sync()
            .map_err(|e| ChunkError::io("sync", &dir.at(JOURNAL_NAME), e))?;
        // An index of an earlier journal would not agree with this one; loading checks that.
        dir.sync()?;
        let opened = Journal::open(dir, true, clock, Hash::EMPTY)?;
        let missing = || ChunkError::JournalMissing(dir.at(JOURNAL_NAME));
        let journal = opened.ok_or_else(missing)?.journal;
        {
            let mut state = journal.lock();
            (state.appended, state.durable) = (lsn, lsn);
        }
        Ok(journal)
    }

    /// Makes everything durable and refuses later writes: another journal takes over, counting
    /// on from the number this gives.
    pub fn seal(&self) -> Result<Lsn> {
        let mut state = self.lock();
        self.check(&state)?;
        while state.writing.is_some() || !state.buffer.is_empty() || state.root_pending {
            state = self.write_buffer(state, true)?;
        }
        state.closed = true;
        Ok(state.appended)
    }

    /// Takes writes again: what [`Journal::seal`] or [`Journal::close`] prepared for has failed.
    pub fn unseal(&self) {
        self.lock().closed = false;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = self
            .changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    fn place(&self, hash: &Hash) -> Option<Place> {
        self.places
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&Key::of(hash))
            .copied()
    }

    /// The last root appended; empty when the journal has none.
    pub fn root(&self) -> Hash {
        self.lock().root
    }

    /// Takes the manifest's root over, if the journal has none of its own (spec 01 §6.5).
    pub fn adopt_root(&self, root: Hash) {
        let mut state = self.lock();
        if state.root.is_empty() {
            state.root = root;
        }
    }

    /// Past roots with the seconds at which they were written, oldest first.
    pub fn roots(&self) -> Vec<(Hash, u64)> {
        self.lock().roots.iter().copied().collect()
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.places
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Bytes of all records.
    pub fn size(&self) -> u64 {
        let state = self.lock();
        state.buffer_at + state.buffer.len() as u64
    }

    /// Whether it has a chunk.
    pub fn has(&self, hash: &Hash) -> bool {
        self.place(hash).is_some()
    }

    /// The bytes of the journal at a place, from the file or from what is not in it yet.
    fn read(&self, at: u64, len: usize) -> Result<Vec<u8>> {
        let end = at + len as u64;
        if end > self.in_file.load(Ordering::Acquire) {
            let state = self.lock();
            let parts = [
                state.writing.as_ref().map(|(at, b)| (*at, b.as_slice())),
                Some((state.buffer_at, state.buffer.as_slice())),
            ];
            for (start, bytes) in parts.into_iter().flatten() {
                if at >= start && end <= start + bytes.len() as u64 {
                    let from = (at - start) as usize;
                    return Ok(bytes[from..from + len].to_vec());
                }
            }
            // Neither: it was written between the two looks.
        }
        let mut bytes = vec![0; len];
        self.file
            .read_exact_at(&mut bytes, at)
            .map_err(|e| ChunkError::io("read", &self.path, e))?;
        Ok(bytes)
    }

    /// A chunk.
    pub fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        let Some(place) = self.place(hash) else {
            return Ok(None);
        };
        // The record's address lies in front of its payload; the index knows only a part of it.
        let head = PAYLOAD_AT - 7;
        let Some(start) = place.at.checked_sub(head as u64) else {
            return Err(self.bad_chunk(hash, "index is wrong"));
        };
        let bytes = self.read(start, head + place.len as usize)?;
        if bytes[..20] != hash.0 {
            // Other writers may order a record's fields otherwise; then its bytes decide.
            let chunk = record::decode(*hash, &bytes[head..], || self.path.display().to_string())?;
            return match chunk.is_intact() {
                true => Ok(Some(chunk)),
                false if bytes[..16] == hash.0[..16] => Ok(None),
                false => Err(self.bad_chunk(hash, "index is wrong")),
            };
        }
        let file = || self.path.display().to_string();
        let chunk = record::decode(*hash, &bytes[head..], file)?;
        Ok(Some(chunk.with_record(Bytes::from(bytes).slice(head..))))
    }

    fn bad_chunk(&self, hash: &Hash, reason: &str) -> ChunkError {
        ChunkError::BadChunk {
            hash: *hash,
            file: self.path.display().to_string(),
            reason: reason.to_owned(),
        }
    }

    /// Appends a chunk, unless it is there.
    pub fn put(&self, chunk: &Chunk) -> Result<()> {
        if self.has(&chunk.hash()) {
            return Ok(());
        }
        let record = record::of(chunk)?;
        let mut state = self.lock();
        self.check(&state)?;
        while state.buffer.len() >= BUFFER_LIMIT {
            state = self.write_buffer(state, false)?;
            self.check(&state)?;
        }
        if self.has(&chunk.hash()) {
            return Ok(());
        }
        let start = state.buffer_at + state.buffer.len() as u64;
        journal_record::write_chunk(&mut state.buffer, chunk.hash(), &record)?;
        let key = Key::of(&chunk.hash());
        let place = Place {
            at: start + PAYLOAD_AT as u64,
            len: record.len() as u32,
        };
        state.novel.push((key, place));
        self.places
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, place);
        Ok(())
    }

    fn check(&self, state: &State) -> Result<()> {
        match &state.poisoned {
            Some(reason) => Err(ChunkError::Poisoned {
                path: self.path.clone(),
                reason: reason.clone(),
            }),
            None if self.index.is_none() || state.closed => Err(ChunkError::ReadOnly),
            None => Ok(()),
        }
    }

    fn write_zeros(&self, mut at: u64, mut len: usize) -> std::io::Result<()> {
        static ZEROS: [u8; 256 << 10] = [0; 256 << 10];
        while len > 0 {
            let n = len.min(ZEROS.len());
            self.file.write_all_at(&ZEROS[..n], at)?;
            at += n as u64;
            len -= n;
        }
        Ok(())
    }

    /// Makes `new` the root if it is `last`. Space for everything that the commit will write is
    /// secured first, so that a full disk refuses the commit instead of losing it.
    pub fn append_root(&self, new: Hash, last: Hash) -> Result<Option<Lsn>> {
        let mut state = self.lock();
        loop {
            self.check(&state)?;
            if state.root != last {
                return Ok(None);
            }
            let end = state.buffer_at + state.buffer.len() as u64 + ROOT_RECORD as u64;
            if end <= state.allocated {
                break;
            }
            if state.writing.is_some() {
                state = self.wait(state);
                continue;
            }
            if state.buffer.len() > WRITTEN_FIRST {
                state = self.write_buffer(state, false)?;
                continue;
            }
            let needed = (end - state.allocated) as usize;
            let ahead = match state.syncs >= SYNCS_BEFORE_WRITING_AHEAD {
                true => WRITE_AHEAD,
                false => 0,
            };
            let extend = |zeros: usize| self.write_zeros(state.allocated, zeros).map(|()| zeros);
            // A disk that is nearly full may still have room for this one commit.
            let extended = extend(needed + ahead)
                .or_else(|_| extend(needed))
                .map_err(|e| ChunkError::io("extend", &self.path, e))?;
            state.allocated += extended as u64;
        }
        state.root = new;
        state.root_pending = true;
        state.appended += 1;
        Ok(Some(state.appended))
    }

    /// Waits until everything up to `lsn` is durable; one caller syncs for all that wait.
    pub fn sync(&self, lsn: Lsn) -> Result<()> {
        let mut state = self.lock();
        loop {
            if state.durable >= lsn {
                return Ok(());
            }
            self.check(&state)?;
            if state.writing.is_some() {
                state = self.wait(state);
                continue;
            }
            state = self.write_buffer(state, true)?;
        }
    }

    /// Writes the buffer to the file. With `sync`, a root record for what was appended follows,
    /// and everything is made durable. The lock is free meanwhile.
    fn write_buffer<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        sync: bool,
    ) -> Result<MutexGuard<'a, State>> {
        if state.writing.is_some() {
            return Ok(self.wait(state));
        }
        let mut root_record = None;
        if sync && state.root_pending {
            let time = (self.clock)();
            let root = state.root;
            root_record = Some(state.buffer_at + state.buffer.len() as u64);
            journal_record::write_root(&mut state.buffer, root, time);
            if state.roots.len() == MAX_ROOTS_REMEMBERED {
                state.roots.pop_front();
            }
            state.roots.push_back((root, time));
            state.root_pending = false;
        }
        let lsn = state.appended;
        let root = state.root;
        let bytes = Arc::new(std::mem::take(&mut state.buffer));
        let start = state.buffer_at;
        let end = start + bytes.len() as u64;
        state.buffer_at = end;
        // Written ahead, with zeros.
        let spare = state.allocated.saturating_sub(end);
        state.writing = Some((start, bytes.clone()));
        let covers_roots = sync;
        let sync = sync || state.unsynced + bytes.len() as u64 > UNSYNCED_LIMIT;
        drop(state);

        let written = match sync {
            true => self.file.write_before_sync(&bytes, start, spare),
            false => self.file.write_all_at(&bytes, start),
        };
        if written.is_ok() {
            self.in_file.store(end, Ordering::Release);
        }
        let synced = match written.is_ok() && sync {
            true => self.file.sync(),
            false => Ok(()),
        };

        let mut state = self.lock();
        state.writing = None;
        if state.waiting > 0 {
            self.changed.notify_all();
        }
        if let Err(e) = written {
            // Nothing is known to be in the file: keep the bytes, so that readers see them and
            // the next attempt writes them again.
            self.take_back(&mut state, bytes, start);
            if let Some(at) = root_record {
                self.take_back_root(&mut state, at);
            }
            return Err(ChunkError::io("write", &self.path, e));
        }
        state.allocated = state.allocated.max(end);
        if let Err(e) = synced {
            // After a failed sync the kernel may drop the pages, and the next sync would succeed
            // without them: nobody knows what is durable. Whoever opens the journal next would
            // read from memory what is not on the disk, and write behind it. So it is cut off.
            state.poisoned = Some(format!("sync failed: {e}"));
            if state.durable_end == start {
                self.take_back(&mut state, bytes, start);
                self.cut_undurable(&mut state);
            }
            return Err(ChunkError::io("sync", &self.path, e));
        }
        if sync {
            state.unsynced = 0;
            state.durable_end = end;
            state.syncs += 1;
            if covers_roots {
                state.durable = state.durable.max(lsn);
            }
            if let Some(at) = root_record
                && state.novel.len() > INDEX_BATCH
            {
                self.write_index(&mut state, at, root);
            }
        } else {
            state.unsynced += bytes.len() as u64;
        }
        Ok(state)
    }

    /// Keeps bytes in memory that were to be in the file.
    fn take_back(&self, state: &mut State, bytes: Arc<Vec<u8>>, start: u64) {
        let later = std::mem::take(&mut state.buffer);
        let mut all = Arc::unwrap_or_clone(bytes);
        all.extend_from_slice(&later);
        state.buffer = all;
        state.buffer_at = start;
        self.in_file.fetch_min(start, Ordering::AcqRel);
    }

    /// Takes the root record at a place of the buffer out again: the next attempt to write ends
    /// with one of its own, and there is only one to a sync.
    fn take_back_root(&self, state: &mut State, at: u64) {
        let from = (at - state.buffer_at) as usize;
        state.buffer.drain(from..from + ROOT_RECORD);
        state.roots.pop_back();
        state.root_pending = true;
        // What was put while the write went on moves up.
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let moved = state.novel.iter_mut().rev();
        for (key, place) in moved.take_while(|(_, place)| place.at > at) {
            place.at -= ROOT_RECORD as u64;
            places.insert(*key, *place);
        }
    }

    /// Makes what was read at opening durable: after a kill it may be in the file and not on the
    /// disk, and more is about to be written behind it.
    pub fn sync_opened(&self) -> Result<()> {
        self.file
            .sync()
            .map_err(|e| ChunkError::io("sync", &self.path, e))
    }

    /// Cuts off what a failed sync may have lost. A disk that refuses that as well is beyond help.
    fn cut_undurable(&self, state: &mut State) {
        if self.file.set_len(state.durable_end).is_ok() {
            state.allocated = state.durable_end;
            let _ = self.file.sync();
        }
    }

    /// Adds a batch to the index, of all chunks in front of the root record at `root_at`.
    fn write_index(&self, state: &mut State, root_at: u64, root: Hash) {
        let Some(index) = &self.index else { return };
        let covered = state.novel.partition_point(|(_, place)| place.at < root_at);
        let range = state.indexed_to..root_at;
        let batch = &state.novel[..covered];
        // The index may be lost at any time; a failure to write it costs a later open.
        if let Ok(end) = journal_index::append(&**index, state.index_end, batch, range, root) {
            state.index_end = end;
            state.indexed_to = root_at;
            state.novel.drain(..covered);
        }
    }

    /// Writes what is buffered, gives back space written ahead and refuses later writes. Whether
    /// all that was appended is durable now.
    pub fn close(&self) -> Result<bool> {
        let appended = {
            let mut state = self.lock();
            if state.poisoned.is_some() {
                if state.allocated > state.durable_end {
                    self.cut_undurable(&mut state);
                }
                return Ok(false);
            }
            if self.index.is_none() || state.closed {
                return Ok(true);
            }
            state.appended
        };
        self.sync(appended)?;
        let mut state = self.lock();
        while state.writing.is_some() || !state.buffer.is_empty() {
            state = self.write_buffer(state, false)?;
        }
        state.closed = true;
        let end = state.buffer_at;
        if state.allocated > end {
            self.file
                .set_len(end)
                .map_err(|e| ChunkError::io("truncate", &self.path, e))?;
            state.allocated = end;
        }
        if state.novel.len() > INDEX_BATCH_AT_CLOSE {
            let root = state.root;
            // The last root record need not be the last record; search for it from the end.
            if let Some(at) = self.last_root_record(&state, root) {
                self.write_index(&mut state, at, root);
            }
        }
        Ok(true)
    }

    fn last_root_record(&self, state: &State, root: Hash) -> Option<u64> {
        let last_chunk = state.novel.last()?.1;
        let mut at = last_chunk.at + u64::from(last_chunk.len) + 4;
        while at + ROOT_RECORD as u64 <= state.buffer_at {
            if journal_record::root_at(&*self.file, at) == Some(root) {
                return Some(at);
            }
            at += ROOT_RECORD as u64;
        }
        None
    }

    /// The addresses of all chunks, read back from the journal.
    pub fn hashes(&self) -> Result<Vec<Hash>> {
        let places: Vec<(Key, Place)> = {
            let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
            places.iter().map(|(k, p)| (*k, *p)).collect()
        };
        places
            .into_iter()
            .map(|(key, place)| {
                let mut hash = Hash::EMPTY;
                hash.0[..16].copy_from_slice(&key.0);
                let Some(start) = place.at.checked_sub(PAYLOAD_AT as u64 - 7) else {
                    return Err(self.bad_chunk(&hash, "index is wrong"));
                };
                let address = self.read(start, 20)?;
                if address[..16] == key.0 {
                    hash.0.copy_from_slice(&address);
                } else {
                    let bytes = self.read(place.at, place.len as usize)?;
                    let path = || self.path.display().to_string();
                    hash = Hash::of(record::decode(hash, &bytes, path)?.bytes());
                }
                Ok(hash)
            })
            .collect()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody is left to tell; what was acknowledged is durable already.
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io;
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::local_file::LocalFile;

    /// A disk of limited size whose syncs can fail.
    struct Limited {
        file: LocalFile,
        capacity: Arc<AtomicU64>,
        broken: Arc<AtomicBool>,
    }

    impl DiskFile for Limited {
        fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
            self.file.read_exact_at(bytes, at)
        }
        fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
            let room = self.capacity.load(Ordering::Relaxed).saturating_sub(at);
            let fits = bytes.len().min(room as usize);
            self.file.write_all_at(&bytes[..fits], at)?;
            match fits == bytes.len() {
                true => Ok(()),
                false => Err(io::ErrorKind::StorageFull.into()),
            }
        }
        fn sync(&self) -> io::Result<()> {
            match self.broken.load(Ordering::Relaxed) {
                true => Err(io::Error::other("the disk is broken")),
                false => self.file.sync(),
            }
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.file.set_len(len)
        }
        fn size(&self) -> io::Result<u64> {
            self.file.size()
        }
    }

    fn journal(dir: &Path) -> (Journal, Arc<AtomicU64>, Arc<AtomicBool>) {
        let mut journal = Journal::create(&Directory::local(dir), || 0, 0).unwrap();
        let (capacity, broken) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::default());
        journal.file = Box::new(Limited {
            file: LocalFile::new(
                OpenOptions::new()
                    .read(true)
                    .write(true)
                    .open(dir.join(JOURNAL_NAME))
                    .unwrap(),
            ),
            capacity: capacity.clone(),
            broken: Arc::clone(&broken),
        });
        (journal, capacity, broken)
    }

    fn chunk(n: u32) -> Chunk {
        Chunk::new(format!("chunk {n}").into_bytes())
    }

    fn commit(journal: &Journal, n: u32) -> Result<()> {
        journal.put(&chunk(n))?;
        let last = journal.root();
        let lsn = journal.append_root(chunk(n).hash(), last)?;
        journal.sync(lsn.expect("nobody else commits"))
    }

    #[test]
    fn a_full_disk_refuses_commits_and_recovers_when_there_is_room() {
        let dir = crate::file_store::tests::temp_dir("full");
        let (journal, capacity, _) = journal(&dir);
        for n in 0..20 {
            commit(&journal, n).unwrap();
        }
        // Space was written ahead by now; use it up to the point where it must be extended.
        let mut n = 20;
        capacity.store(journal.size() + 5000, Ordering::Relaxed);
        journal.lock().allocated = journal.size();
        while commit(&journal, n).is_ok() {
            n += 1;
        }
        assert!(n > 20);
        let acknowledged = chunk(n - 1).hash();
        assert_eq!(
            journal.root(),
            acknowledged,
            "a refused commit is not visible"
        );
        // Too long for space to be secured with zeros: it is written itself.
        let long = Chunk::new(
            (0..400_000u64)
                .flat_map(|i| (i * i).to_le_bytes())
                .collect::<Vec<_>>(),
        );
        journal.put(&long).unwrap();
        for retry in 0..3 {
            let error = commit(&journal, n + retry).unwrap_err();
            assert!(matches!(error, ChunkError::Io { .. }), "{error}");
            assert_eq!(journal.root(), acknowledged);
        }
        let copy = crate::file_store::tests::temp_dir("full-copy");
        std::fs::copy(dir.join(JOURNAL_NAME), copy.join(JOURNAL_NAME)).unwrap();
        let reopened = Journal::open(&Directory::local(&copy), true, || 0, Hash::EMPTY)
            .unwrap()
            .unwrap()
            .journal;
        assert_eq!(reopened.root(), acknowledged);

        capacity.store(u64::MAX, Ordering::Relaxed);
        commit(&journal, 1000).unwrap();
        drop(journal);
        let reopened = Journal::open(&Directory::local(&dir), true, || 0, Hash::EMPTY)
            .unwrap()
            .unwrap()
            .journal;
        assert_eq!(reopened.root(), chunk(1000).hash());
        for n in 0..n {
            assert_eq!(reopened.get(&chunk(n).hash()).unwrap(), Some(chunk(n)));
        }
        assert_eq!(reopened.get(&long.hash()).unwrap(), Some(long));
        std::fs::remove_dir_all(dir).unwrap();
        std::fs::remove_dir_all(copy).unwrap();
    }

    #[test]
    fn a_failed_sync_ends_all_writing() {
        let dir = crate::file_store::tests::temp_dir("broken");
        let (journal, _, broken) = journal(&dir);
        commit(&journal, 1).unwrap();
        broken.store(true, Ordering::Relaxed);
        assert!(matches!(commit(&journal, 2), Err(ChunkError::Io { .. })));
        broken.store(false, Ordering::Relaxed);
        for _ in 0..2 {
            let error = commit(&journal, 3).unwrap_err();
            assert!(error.to_string().contains("refuses writes"), "{error}");
        }
        assert_eq!(
            journal.get(&chunk(1).hash()).unwrap(),
            Some(chunk(1)),
            "reading goes on"
        );
        drop(journal);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
