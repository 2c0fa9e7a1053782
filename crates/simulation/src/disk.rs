//! A disk in memory that loses power, fails, fills up and lies (docs/decisions/simulated-disk.md).
//!
//! Of each file and directory it knows what everybody sees and what would be left if the power
//! went now. Between the two lie the changes since the last sync; power loss keeps some of them,
//! in any order and torn at sectors, as a seed decides.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use chunks::{Access, Disk, DiskFile, Held, Kind};

use crate::contents::{Change, Contents, Injected, SECTOR};
use crate::names::{Change as NameChange, Names, Node, NodeId};
use crate::{Deliberate, Fault, Random, repair};

/// No space is left when a file would grow past this, whatever the capacity.
const MAX_FILE: u64 = 1 << 30;

struct Armed {
    fault: Fault,
    after: u64,
}

struct State {
    names: Names,
    files: Vec<Contents>,
    random: Random,
    /// Handles of earlier times are of no use.
    epoch: u64,
    down: bool,
    /// A process is being killed: it does nothing any more.
    held_back: bool,
    armed: Option<Armed>,
    /// Bytes of files that may be there.
    capacity: u64,
    lies: bool,
    lied: bool,
    misdirected: bool,
    /// Where each write of records into a journal begins, and whether it landed elsewhere.
    records: HashMap<NodeId, BTreeMap<u64, bool>>,
    deliberate: Option<Deliberate>,
    held: HashSet<NodeId>,
    injected: Injected,
    trace: Option<Vec<String>>,
    /// Changes with every operation that changes something: equal for equal histories.
    fingerprint: u64,
    operations: u64,
}

/// The simulated disk.
pub struct SimulatedDisk {
    me: Weak<SimulatedDisk>,
    state: Mutex<State>,
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedDisk")
    }
}

fn failed(what: &str) -> io::Error {
    io::Error::other(format!("simulated: {what}"))
}

/// What an operation does, as far as faults care.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Read,
    /// Changes names or lengths.
    Write,
    /// Writes bytes of a file.
    Contents,
    Sync,
}

impl SimulatedDisk {
    /// An empty disk. The seed decides what power loss leaves.
    pub fn new(random: Random) -> Arc<SimulatedDisk> {
        Arc::new_cyclic(|me| SimulatedDisk {
            me: me.clone(),
            state: Mutex::new(State {
                names: Names::default(),
                files: Vec::new(),
                random,
                epoch: 0,
                down: false,
                held_back: false,
                armed: None,
                capacity: u64::MAX,
                lies: false,
                lied: false,
                misdirected: false,
                records: HashMap::new(),
                deliberate: None,
                held: HashSet::new(),
                injected: Injected::new(),
                trace: None,
                fingerprint: 0,
                operations: 0,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a fault happen at an operation of its kind, after so many others.
    pub fn arm(&self, fault: Fault, after: u64) {
        self.lock().armed = Some(Armed { fault, after });
    }

    /// Takes back a fault that has not happened.
    pub fn disarm(&self) {
        self.lock().armed = None;
    }

    /// Behaves as if the store had this bug.
    pub fn set_deliberate(&self, bug: Option<Deliberate>) {
        self.lock().deliberate = bug;
    }

    /// From now on syncs are acknowledged and not done, or not.
    pub fn set_lying(&self, lies: bool) {
        self.lock().lies = lies;
    }

    /// Whether power loss would lose something for which a sync was acknowledged.
    pub fn has_lied(&self) -> bool {
        self.lock().lied
    }

    /// Whether a write has landed elsewhere.
    pub fn has_misdirected(&self) -> bool {
        self.lock().misdirected
    }

    /// Whether the last write of a journal has, of which nothing that follows can tell.
    pub fn journal_end_was_misdirected(&self) -> bool {
        let state = self.lock();
        state.records.iter().any(|(&id, records)| {
            // What was written later may have been cut off, or lost with the power.
            let bytes = &state.files[id].now;
            let is_there = |at: u64| {
                let head = bytes.get(at as usize..).and_then(|b| b.first_chunk::<8>());
                head.is_some_and(|head| head.iter().any(|b| *b != 0))
            };
            let mut last = records.iter().rev();
            let last = last.find(|(at, misdirected)| **misdirected || is_there(**at));
            last.is_some_and(|(_, misdirected)| *misdirected)
        })
    }

    /// Leaves room for so many bytes more, or for any number.
    pub fn set_room(&self, room: Option<u64>) {
        let mut state = self.lock();
        state.capacity = match room {
            Some(room) => state.used().saturating_add(room),
            None => u64::MAX,
        };
    }

    /// Whether the power is gone.
    pub fn is_down(&self) -> bool {
        self.lock().down
    }

    /// Takes the power away now.
    pub fn lose_power(&self) {
        self.lock().go_down();
    }

    /// Refuses everything until [`SimulatedDisk::kill_process`].
    pub fn hold(&self) {
        self.lock().held_back = true;
    }

    /// Every open file and lock is lost, as when a process is killed; the files stay as seen.
    pub fn kill_process(&self) {
        let mut state = self.lock();
        state.held_back = false;
        state.epoch += 1;
        state.held.clear();
        state.armed = None;
        *state.injected.entry("process killed").or_default() += 1;
        state.note("-- the process is killed", 0);
    }

    /// Power is back after a loss; what was not durable is gone, or not, or torn.
    pub fn restore_power(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.epoch += 1;
        state.held.clear();
        state.down = false;
        state.armed = None;
        state.capacity = u64::MAX;
        for file in &mut state.files {
            file.lose_power(&mut state.random, &mut state.injected);
        }
        state.names.lose_power(&mut state.random);
        if state.deliberate == Some(Deliberate::TornRecordAccepted) {
            for id in state.names.called(chunks::JOURNAL_NAME) {
                let file = &mut state.files[id];
                repair::accept_torn_record(&mut file.durable);
                file.now.clone_from(&file.durable);
            }
        }
        let left: usize = state.files.iter().map(|f| f.now.len()).sum();
        state.note("-- power is back", left as u64);
    }

    /// Changes one bit of a file; says of which, and where.
    pub fn flip_bit(&self) -> Option<String> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let all: Vec<(String, NodeId)> = state
            .names
            .files()
            .into_iter()
            .filter(|(_, id)| !state.files[*id].now.is_empty())
            .collect();
        let (name, id) = state.random.choose(&all)?.clone();
        let file = &mut state.files[id];
        let used = file.now.iter().rposition(|b| *b != 0).unwrap_or(0) + 1;
        let at = state.random.below(used as u64) as usize;
        let bit = 1 << state.random.below(8);
        file.now[at] ^= bit;
        if let Some(byte) = file.durable.get_mut(at) {
            *byte ^= bit;
        }
        *state.injected.entry("bit flipped").or_default() += 1;
        let text = format!("{name} at {at}");
        state.note("-- flip", at as u64);
        Some(text)
    }

    /// What was done on purpose so far.
    pub fn injected(&self) -> Injected {
        self.lock().injected.clone()
    }

    /// Keeps a list of all operations, or tells it to be kept no more and gives it.
    pub fn trace(&self, on: bool) -> Vec<String> {
        let mut state = self.lock();
        let before = state.trace.take();
        state.trace = on.then(Vec::new);
        before.unwrap_or_default()
    }

    /// Writes a line among the operations.
    pub fn remark(&self, text: &str) {
        self.lock().remark(&format!("== {text}"));
    }

    /// Equal for equal sequences of operations that change something.
    pub fn fingerprint(&self) -> u64 {
        self.lock().fingerprint
    }

    /// Operations so far that changed something.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }
}

impl State {
    fn note(&mut self, what: &str, with: u64) {
        // The number of the process is in the names of temporary files.
        let same = what.bytes().filter(|b| !b.is_ascii_digit());
        for byte in same.chain(with.to_le_bytes()) {
            self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {what} {with}", self.operations));
        }
    }

    fn go_down(&mut self) {
        self.down = true;
        *self.injected.entry("power lost").or_default() += 1;
        self.note("-- power is lost", 0);
    }

    fn used(&self) -> u64 {
        let ids: BTreeSet<NodeId> = self.names.files().into_iter().map(|(_, id)| id).collect();
        ids.iter().map(|id| self.files[*id].now.len() as u64).sum()
    }

    /// Whether an operation may go on; the fault that it meets, if it does not.
    fn begin(&mut self, epoch: Option<u64>, doing: Doing) -> io::Result<Option<Fault>> {
        if self.down || self.held_back || epoch.is_some_and(|e| e != self.epoch) {
            return Err(failed("the power is gone"));
        }
        if doing != Doing::Read {
            self.operations += 1;
        }
        let Some(armed) = &mut self.armed else {
            return Ok(None);
        };
        let meets = match armed.fault {
            Fault::PowerLoss => doing != Doing::Read,
            Fault::ReadError => doing == Doing::Read,
            Fault::WriteError => matches!(doing, Doing::Write | Doing::Contents),
            Fault::Misdirected => doing == Doing::Contents,
            Fault::SyncError | Fault::Kill => doing == Doing::Sync,
        };
        if !meets {
            return Ok(None);
        }
        if armed.after > 0 {
            armed.after -= 1;
            return Ok(None);
        }
        let fault = armed.fault;
        self.armed = None;
        Ok(Some(fault))
    }

    /// [`State::begin`] for what fails as a whole; power goes before it happens.
    fn begin_whole(&mut self, epoch: Option<u64>, doing: Doing) -> io::Result<()> {
        match self.begin(epoch, doing)? {
            None => Ok(()),
            Some(Fault::PowerLoss) => {
                self.go_down();
                Err(failed("the power is gone"))
            }
            Some(Fault::Kill) => {
                self.held_back = true;
                Err(failed("killed"))
            }
            Some(fault) => {
                *self.injected.entry(fault.name()).or_default() += 1;
                // A collection reads beside the thread that writes, in no order of their own.
                match doing {
                    Doing::Read => self.remark("-- a read fails"),
                    _ => self.note("-- fault", fault as u64),
                }
                Err(failed(fault.name()))
            }
        }
    }

    /// Writes a line among the operations.
    fn remark(&mut self, text: &str) {
        if let Some(trace) = &mut self.trace {
            trace.push(text.to_string());
        }
    }
}

fn parts(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|c| match c {
        Component::Normal(name) => name.to_str(),
        _ => None,
    })
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl State {
    fn file(&self, path: &Path) -> io::Result<NodeId> {
        match self.names.find(parts(path)) {
            Some(Node::File(id)) => Ok(id),
            Some(Node::Directory(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(not_found()),
        }
    }

    fn dir(&self, path: &Path) -> io::Result<NodeId> {
        match self.names.find(parts(path)) {
            Some(Node::Directory(id)) => Ok(id),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(not_found()),
        }
    }

    /// The directory that a path's last name is in, and the name.
    fn place(&self, path: &Path) -> io::Result<(NodeId, String)> {
        let name = path.file_name().and_then(|n| n.to_str());
        let name = name.ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.dir(parent)?, name))
    }

    fn create(&mut self, path: &Path) -> io::Result<NodeId> {
        let (dir, name) = self.place(path)?;
        self.begin_whole(None, Doing::Write)?;
        if self.used() >= self.capacity {
            *self.injected.entry("no space").or_default() += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let id = self.files.len();
        self.files.push(Contents::default());
        self.note(&format!("create {name}"), 0);
        self.names
            .change(NameChange::set(dir, name, Some(Node::File(id))));
        Ok(id)
    }

    /// Writes these bytes at the start of a sector that they do not belong to, of this file or
    /// another one. The file that they belong to is as long as it should be.
    fn misdirect(&mut self, id: NodeId, at: u64, bytes: &[u8]) {
        let end = at + bytes.len() as u64;
        if end > self.files[id].now.len() as u64 {
            self.files[id].change(Change::Length(end));
        }
        let names = self.names.files();
        let other = match self.random.one_in(3) {
            true => self.random.choose(&names).map_or(id, |(_, other)| *other),
            false => id,
        };
        let sectors = self.files[other].now.len() as u64 / SECTOR + 2;
        let mut to = self.random.below(sectors) * SECTOR;
        if (other, to) == (id, at) {
            to += SECTOR;
        }
        self.misdirected = true;
        *self.injected.entry("misdirected write").or_default() += 1;
        self.note("-- misdirected", to);
        self.files[other].change(Change::Write(to, Bytes::copy_from_slice(bytes)));
    }

    fn sync_is_a_lie(&mut self) -> bool {
        if self.lies {
            self.lied = true;
            *self.injected.entry("lost sync").or_default() += 1;
        }
        self.lies
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        if access == Access::Read {
            state.begin_whole(None, Doing::Read)?;
        } else if state.down || state.held_back {
            return Err(failed("the power is gone"));
        }
        let id = match (state.file(path), access) {
            (Ok(_), Access::New) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Ok(id), Access::Fresh | Access::FreshWithMode(_)) => {
                state.begin_whole(None, Doing::Write)?;
                state.files[id].change(Change::Length(0));
                id
            }
            (Ok(id), _) => id,
            (Err(e), Access::Read | Access::Write) => return Err(e),
            (Err(e), _) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            (Err(_), _) => state.create(path)?,
        };
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        Ok(Box::new(OpenFile {
            disk: self.me.clone(),
            id,
            epoch: state.epoch,
            name: name.to_owned(),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut state = self.lock();
        let id = state.file(path)?;
        state.begin_whole(None, Doing::Read)?;
        Ok(state.files[id].now.clone())
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        let state = self.lock();
        if state.down || state.held_back {
            return Err(failed("the power is gone"));
        }
        Ok(state
            .names
            .find(parts(path))
            .map(|node| state.kind_of(node)))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<(String, Kind)>> {
        let mut state = self.lock();
        state.begin_whole(None, Doing::Read)?;
        let dir = state.dir(path)?;
        let names = state.names.list(dir);
        Ok(names
            .into_iter()
            .map(|(name, node)| (name, state.kind_of(node)))
            .collect())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let (dir, name) = state.place(path)?;
        if state.names.find(parts(path)).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.begin_whole(None, Doing::Write)?;
        state.note(&format!("mkdir {name}"), 0);
        let id = state.names.new_directory();
        state
            .names
            .change(NameChange::set(dir, name, Some(Node::Directory(id))));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let node = state.names.find(parts(from)).ok_or_else(not_found)?;
        let ((from_dir, from), (to_dir, to)) = (state.place(from)?, state.place(to)?);
        state.begin_whole(None, Doing::Write)?;
        state.note(&format!("rename to {to}"), 0);
        let mut change = NameChange::set(from_dir, from, None);
        change.sets.push((to_dir, to, Some(node)));
        state.names.change(change);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.file(path)?;
        let (dir, name) = state.place(path)?;
        state.begin_whole(None, Doing::Write)?;
        state.note(&format!("remove {name}"), 0);
        state.names.change(NameChange::set(dir, name, None));
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let id = state.dir(path)?;
        if !state.names.list(id).is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let (dir, name) = state.place(path)?;
        state.begin_whole(None, Doing::Write)?;
        state.note(&format!("rmdir {name}"), 0);
        state.names.change(NameChange::set(dir, name, None));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let dir = state.dir(path)?;
        state.begin_whole(None, Doing::Sync)?;
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("/");
        state.note(&format!("sync directory {name}"), 0);
        if !state.sync_is_a_lie() {
            state.names.sync(dir);
        }
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Held>> {
        let mut state = self.lock();
        if state.down || state.held_back {
            return Err(failed("the power is gone"));
        }
        let id = match state.file(path) {
            Ok(id) => id,
            Err(e) if e.kind() == io::ErrorKind::NotFound => state.create(path)?,
            Err(e) => return Err(e),
        };
        Ok(state.held.insert(id).then(|| {
            Box::new(Lock {
                disk: self.me.clone(),
                id,
                epoch: state.epoch,
            }) as Held
        }))
    }
}

impl State {
    fn kind_of(&self, node: Node) -> Kind {
        match node {
            Node::File(id) => Kind::File(self.files[id].now.len() as u64),
            Node::Directory(_) => Kind::Directory,
        }
    }
}

struct Lock {
    disk: Weak<SimulatedDisk>,
    id: NodeId,
    epoch: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let Some(disk) = self.disk.upgrade() else {
            return;
        };
        let mut state = disk.lock();
        if state.epoch == self.epoch {
            state.held.remove(&self.id);
        }
    }
}

struct OpenFile {
    disk: Weak<SimulatedDisk>,
    id: NodeId,
    epoch: u64,
    name: String,
}

impl OpenFile {
    fn disk(&self) -> io::Result<Arc<SimulatedDisk>> {
        let gone = || failed("the disk is gone");
        self.disk.upgrade().ok_or_else(gone)
    }
}

impl DiskFile for OpenFile {
    fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let disk = self.disk()?;
        let mut state = disk.lock();
        state.begin_whole(Some(self.epoch), Doing::Read)?;
        let now = &state.files[self.id].now;
        let part = now
            .get(at as usize..)
            .and_then(|rest| rest.get(..bytes.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(part);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let disk = self.disk()?;
        let mut state = disk.lock();
        let fault = state.begin(Some(self.epoch), Doing::Contents)?;
        let len = state.files[self.id].now.len() as u64;
        let end = at + bytes.len() as u64;
        let mut fits = bytes.len();
        let mut result = Ok(());
        if end > len && state.capacity != u64::MAX {
            let room = state.capacity.saturating_sub(state.used());
            if end - len > room {
                fits = (len + room).saturating_sub(at).min(bytes.len() as u64) as usize;
                *state.injected.entry("no space").or_default() += 1;
                result = Err(io::ErrorKind::StorageFull.into());
            }
        }
        if end > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        match fault {
            Some(Fault::WriteError) => {
                fits = state.random.below(fits as u64 + 1) as usize;
                *state.injected.entry("short write").or_default() += 1;
                result = Err(failed("short write"));
            }
            // The write had begun.
            Some(Fault::PowerLoss) => result = Err(failed("the power is gone")),
            _ => {}
        }
        let text = format!("write {} {at}", self.name);
        state.note(&text, fits as u64);
        if self.name == chunks::JOURNAL_NAME && bytes.iter().any(|b| *b != 0) {
            let misdirected = fault == Some(Fault::Misdirected);
            let records = state.records.entry(self.id).or_default();
            records.insert(at, misdirected);
        }
        if fault == Some(Fault::Misdirected) {
            state.misdirect(self.id, at, &bytes[..fits]);
        } else if fits > 0 {
            let part = Bytes::copy_from_slice(&bytes[..fits]);
            state.files[self.id].change(Change::Write(at, part));
        }
        if fault == Some(Fault::PowerLoss) {
            state.go_down();
        }
        result
    }

    fn sync(&self) -> io::Result<()> {
        let disk = self.disk()?;
        let mut guard = disk.lock();
        let state = &mut *guard;
        let fault = state.begin(Some(self.epoch), Doing::Sync)?;
        state.note(&format!("sync {}", self.name), 0);
        match fault {
            Some(Fault::PowerLoss) => {
                state.go_down();
                return Err(failed("the power is gone"));
            }
            Some(Fault::Kill) => {
                state.held_back = true;
                return Err(failed("killed"));
            }
            Some(fault) => {
                // What was to be written is dropped, and the next sync knows nothing of it.
                *state.injected.entry(fault.name()).or_default() += 1;
                state.files[self.id].tear(&mut state.random, &mut state.injected);
                return Err(failed(fault.name()));
            }
            None => {}
        }
        let omitted = match state.deliberate {
            Some(Deliberate::SyncOmitted) => self.name == chunks::JOURNAL_NAME,
            Some(Deliberate::ManifestFirst) => self.name.starts_with("nbs_table_"),
            _ => false,
        };
        if !omitted && !state.sync_is_a_lie() {
            state.files[self.id].sync();
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let disk = self.disk()?;
        let mut state = disk.lock();
        state.begin_whole(Some(self.epoch), Doing::Write)?;
        state.note(&format!("set length {}", self.name), len);
        if state.files[self.id].now.len() as u64 != len {
            state.files[self.id].change(Change::Length(len));
        }
        if let Some(records) = state.records.get_mut(&self.id) {
            // What has landed elsewhere is missing all the same.
            records.retain(|at, misdirected| *at < len || *misdirected);
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let disk = self.disk()?;
        let mut state = disk.lock();
        state.begin_whole(Some(self.epoch), Doing::Read)?;
        Ok(state.files[self.id].now.len() as u64)
    }
}
