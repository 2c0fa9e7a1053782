//! A database's chunks on disk: `.dolt/noms` (spec 01 §8-10).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::journal::{JOURNAL_ADDRESS, Journal};
use crate::lock_file::LockFile;
use crate::retired::Retired;
use crate::{
    Chunk, ChunkError, ChunkFile, ChunkStore, Directory, Disk, Hash, HashMap, HashSet, LocalDisk,
    Lsn, Manifest, References, Result, Sources, Spec, TableWriter, conjoin, ghosts, kept_tail,
};

/// Most bytes of chunks that a read-only store keeps for its reader.
const SCRATCH_LIMIT: usize = 256 << 20;

/// How to open a [`FileStore`].
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Do not even try to become the owner.
    pub read_only: bool,
    /// Fail instead of reading only when another process owns the database.
    pub fail_if_locked: bool,
    /// How long to wait for another process to let go.
    pub patience: Duration,
    /// Seconds since 1970, which root records carry.
    pub clock: fn() -> u64,
    /// Where the files are.
    pub disk: Arc<dyn Disk>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            read_only: false,
            fail_if_locked: false,
            patience: Duration::from_millis(100),
            clock: || {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |d| d.as_secs())
            },
            disk: LocalDisk::shared(),
        }
    }
}

/// A root that the store had, for the reflog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootEntry {
    /// The root.
    pub root: Hash,
    /// Seconds since 1970 at which it was written, if the journal says.
    pub seconds: Option<u64>,
}

/// The chunk store of a database directory: a journal and table files in the new generation,
/// table files in the old one, ghosts.
///
/// One process owns a database for writing, by the LOCK file; others read what was there when
/// they opened it.
pub struct FileStore {
    pub(crate) dir: Directory,
    clock: fn() -> u64,
    /// Present in the owner.
    lock: Option<LockFile>,
    pub(crate) journal: RwLock<Option<Arc<Journal>>>,
    /// Set once the journal can be written to without looking at the manifest.
    pub(crate) journal_listed: AtomicBool,
    /// Where the next journal goes on counting.
    pub(crate) first_lsn: AtomicU64,
    manifest: Mutex<Option<Manifest>>,
    pub(crate) newgen: RwLock<Arc<Sources>>,
    pub(crate) oldgen: RwLock<Arc<Sources>>,
    /// What garbage collection replaced.
    pub(crate) retired: Arc<Retired>,
    /// Set by the first garbage collection.
    pub(crate) references: RwLock<Option<References>>,
    /// Shared by whoever puts something into the store; garbage collection holds them off.
    pub(crate) writers: RwLock<()>,
    /// Held by the one garbage collection or conjoin.
    pub(crate) collecting: Mutex<()>,
    /// Files that are complete and not in the manifest yet.
    pub(crate) pending: Mutex<HashSet>,
    ghosts: RwLock<Arc<HashSet>>,
    /// What a reader puts into a store that it must not write.
    scratch: RwLock<(HashMap<Chunk>, usize)>,
    warning: Option<String>,
    closed: AtomicBool,
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl FileStore {
    /// Opens the store in a directory (`…/.dolt/noms`) that exists; it may be empty.
    pub fn open(dir: &Path, options: OpenOptions) -> Result<FileStore> {
        let dir = &Directory::on(options.disk, dir);
        if !dir.exists() {
            return Err(ChunkError::NotADirectory(dir.path().to_owned()));
        }
        let lock = if options.read_only {
            None
        } else {
            match LockFile::acquire(dir, options.patience) {
                Ok(lock) => lock,
                Err(ChunkError::Io { source, .. })
                    if matches!(
                        source.kind(),
                        std::io::ErrorKind::PermissionDenied
                            | std::io::ErrorKind::ReadOnlyFilesystem
                    ) =>
                {
                    None
                }
                Err(e) => return Err(e),
            }
        };
        if lock.is_none() && !options.read_only && options.fail_if_locked {
            return Err(ChunkError::Locked);
        }
        let old_dir = dir.child("oldgen");
        if lock.is_some() {
            Manifest::settle(dir)?;
            Manifest::settle(&old_dir)?;
        }
        let manifest = Manifest::read(dir)?;
        let specs = manifest.as_ref().map_or(&[][..], |m| &m.specs);
        let newgen = Sources::open(dir, specs, &Sources::default())?;
        let oldgen = match Manifest::read(&old_dir)? {
            Some(m) => Sources::open(&old_dir, &m.specs, &Sources::default())?,
            None => Sources::default(),
        };
        let mut named = manifest.as_ref().map_or(Hash::EMPTY, |m| m.root);
        if newgen.has(&named)? || oldgen.has(&named)? {
            // A collection left it there, perhaps with an empty journal.
            named = Hash::EMPTY;
        }
        let opened = Journal::open(dir, lock.is_some(), options.clock, named)?;
        let (journal, warning) = match opened {
            Some(opened) => (Some(opened.journal), opened.warning),
            None => (None, None),
        };
        if journal.is_none() && specs.iter().any(|s| s.name == JOURNAL_ADDRESS) {
            return Err(ChunkError::JournalMissing(
                dir.at(crate::journal::JOURNAL_NAME),
            ));
        }
        if let (Some(journal), Some(manifest)) = (&journal, &manifest) {
            // Closing in order makes the two equal.
            if lock.is_some() && journal.root() != manifest.root {
                journal.sync_opened()?;
            }
            journal.adopt_root(manifest.root);
        }
        Ok(FileStore {
            dir: dir.clone(),
            clock: options.clock,
            lock,
            journal: RwLock::new(journal.map(Arc::new)),
            journal_listed: AtomicBool::new(false),
            first_lsn: AtomicU64::new(0),
            manifest: Mutex::new(manifest),
            newgen: RwLock::new(Arc::new(newgen)),
            oldgen: RwLock::new(Arc::new(oldgen)),
            retired: Arc::default(),
            references: RwLock::new(None),
            writers: RwLock::new(()),
            collecting: Mutex::new(()),
            pending: Mutex::default(),
            ghosts: RwLock::new(Arc::new(ghosts::read(dir)?)),
            scratch: RwLock::default(),
            warning,
            closed: AtomicBool::new(false),
        })
    }

    /// Creates the directory, where it is missing, and opens the store in it.
    pub fn create(dir: &Path, options: OpenOptions) -> Result<FileStore> {
        Directory::on(options.disk.clone(), dir).create()?;
        FileStore::open(dir, options)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What opening cut off the journal's end, if it was more than a torn write.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The files beside the journal that keep what openings cut off its end with a warning.
    pub fn kept_tails(&self) -> Result<Vec<PathBuf>> {
        kept_tail::list(&self.dir)
    }

    /// Past roots, oldest first, at most [`MAX_ROOTS_REMEMBERED`](crate::MAX_ROOTS_REMEMBERED).
    pub fn root_history(&self) -> Vec<RootEntry> {
        let entry = |(root, seconds)| RootEntry {
            root,
            seconds: (seconds != 0).then_some(seconds),
        };
        self.journal()
            .map(|j| j.roots().into_iter().map(entry).collect())
            .unwrap_or_default()
    }

    /// Bytes of the journal.
    pub fn journal_size(&self) -> u64 {
        self.journal().map_or(0, |j| j.size())
    }

    /// The finished files of the new generation.
    pub fn new_generation(&self) -> Arc<Sources> {
        read(&self.newgen).clone()
    }

    /// The finished files of the old generation.
    pub fn old_generation(&self) -> Arc<Sources> {
        read(&self.oldgen).clone()
    }

    /// The addresses of every chunk in every file; a chunk in two files is listed twice.
    pub fn hashes(&self) -> Result<Vec<Hash>> {
        let mut all = match self.journal() {
            Some(journal) => journal.hashes()?,
            None => Vec::new(),
        };
        for sources in [self.new_generation(), self.old_generation()] {
            for (_, source) in sources.iter() {
                all.extend(source.hashes()?);
            }
        }
        Ok(all)
    }

    /// The ghosts: chunks that a shallow clone left behind.
    pub fn ghosts(&self) -> Arc<HashSet> {
        read(&self.ghosts).clone()
    }

    /// Replaces the set of ghosts.
    pub fn set_ghosts(&self, ghosts: HashSet) -> Result<()> {
        self.check_writable()?;
        ghosts::write(&self.dir, &ghosts)?;
        *write(&self.ghosts) = Arc::new(ghosts);
        Ok(())
    }

    /// Adds finished files, which lie in the directory already, to the manifest.
    pub fn add_table_files(&self, files: &[Spec]) -> Result<()> {
        let writing = read(&self.writers);
        self.check_writable()?;
        self.dir.sync()?;
        self.revive_references_of(files)?;
        let mut manifest = self.lock_manifest();
        // The root stays what it was: the journal's may not be durable yet.
        let mut next = manifest.clone().unwrap_or_default();
        for spec in files {
            if !next.specs.iter().any(|s| s.name == spec.name) {
                next.specs.push(*spec);
            }
        }
        let sources = Sources::open(&self.dir, &next.specs, &self.new_generation())?;
        let next = next.sealed();
        next.write(&self.dir)?;
        *manifest = Some(next);
        *write(&self.newgen) = Arc::new(sources);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().for_each(|spec| {
            pending.remove(&spec.name);
        });
        drop((pending, manifest, writing));
        // The files are listed; if they cannot be put together now, the next ones are.
        let _ = self.conjoin(conjoin::MAX_FILES);
        Ok(())
    }

    /// Puts files of the new generation together if there are more than `max`; whether it did.
    /// Sessions go on meanwhile.
    pub fn conjoin(&self, max: usize) -> Result<bool> {
        let Ok(_only_one) = self.collecting.try_lock() else {
            // Garbage collection does the same, and more.
            return Ok(false);
        };
        self.check_writable()?;
        let specs = self.lock_manifest().as_ref().map(|m| m.specs.clone());
        let files = conjoin::choose(specs.unwrap_or_default(), max);
        if files.is_empty() {
            return Ok(false);
        }
        let made = conjoin::put_together(&self.dir, &files, &self.new_generation())?;
        let mut manifest = self.lock_manifest();
        let next = manifest
            .as_ref()
            .and_then(|m| conjoin::replaced(m, &files, made));
        let Some(next) = next else {
            return Ok(false);
        };
        let sources = Sources::open(&self.dir, &next.specs, &self.new_generation())?;
        next.write(&self.dir)?;
        *manifest = Some(next);
        *write(&self.newgen) = Arc::new(sources);
        drop(manifest);
        conjoin::remove(&self.dir, &files, made);
        Ok(true)
    }

    /// What chunks of files that are about to be listed refer to must not be left in files that
    /// garbage collection replaced.
    fn revive_references_of(&self, files: &[Spec]) -> Result<()> {
        if !self.retired.any() {
            return Ok(());
        }
        let added = Sources::open(&self.dir, files, &Sources::default())?;
        for (_, source) in added.iter() {
            for hash in source.hashes()? {
                if let Some(chunk) = source.get(&hash)? {
                    self.revive_references(&chunk, Some(&added))?;
                }
            }
        }
        Ok(())
    }

    /// Whether the files that manifest and journal name have a chunk.
    pub(crate) fn is_current(&self, hash: &Hash) -> Result<bool> {
        Ok(self.journal().is_some_and(|j| j.has(hash))
            || self.new_generation().has(hash)?
            || self.old_generation().has(hash)?)
    }

    /// Makes everything durable, brings the manifest up to date and refuses later writes.
    pub fn close(&self) -> Result<()> {
        let _writing = read(&self.writers);
        self.closed.store(true, Ordering::SeqCst);
        let Some(journal) = self.journal() else {
            return Ok(());
        };
        if self.lock.is_none() {
            return Ok(());
        }
        if !journal.close()? {
            // The root that everybody sees is not on the disk: the manifest must not name it.
            return Ok(());
        }
        let mut manifest = self.lock_manifest();
        let (root, chunks) = (journal.root(), journal.len() as u32);
        if manifest.as_ref().is_some_and(|m| m.root == root) {
            return Ok(());
        }
        let mut next = manifest.clone().unwrap_or_default();
        next.root = root;
        list_journal(&mut next, chunks);
        let next = next.sealed();
        next.write(&self.dir)?;
        *manifest = Some(next);
        Ok(())
    }

    /// Takes writes again after [`FileStore::close`]: the directory has stayed where it was.
    pub fn reopen(&self) {
        if let Some(journal) = self.journal() {
            journal.unseal();
        }
        self.closed.store(false, Ordering::SeqCst);
    }

    pub(crate) fn journal(&self) -> Option<Arc<Journal>> {
        read(&self.journal).clone()
    }

    pub(crate) fn lock_manifest(&self) -> MutexGuard<'_, Option<Manifest>> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn current_root(&self, manifest: Option<&Manifest>) -> Hash {
        match self.journal().map(|j| j.root()) {
            Some(root) if !root.is_empty() => root,
            _ => manifest.map_or(Hash::EMPTY, |m| m.root),
        }
    }

    pub(crate) fn check_writable(&self) -> Result<()> {
        match self.lock {
            Some(_) if !self.closed.load(Ordering::SeqCst) => Ok(()),
            _ => Err(ChunkError::ReadOnly),
        }
    }

    /// The journal to write to. It is created at the first write, and the manifest names it
    /// before it holds a root: a root in a journal that no manifest lists would dangle.
    pub(crate) fn writable_journal(&self) -> Result<Arc<Journal>> {
        self.check_writable()?;
        if self.journal_listed.load(Ordering::Acquire)
            && let Some(journal) = self.journal()
        {
            return Ok(journal);
        }
        let mut manifest = self.lock_manifest();
        let journal = match self.journal() {
            Some(journal) => journal,
            None => {
                let first_lsn = self.first_lsn.load(Ordering::Acquire);
                let journal = Journal::create(&self.dir, self.clock, first_lsn)?;
                let journal = Arc::new(journal);
                if let Some(m) = manifest.as_ref() {
                    journal.adopt_root(m.root);
                }
                journal
            }
        };
        if !lists_journal(manifest.as_ref()) {
            let mut next = manifest.clone().unwrap_or_default();
            list_journal(&mut next, journal.len() as u32);
            let next = next.sealed();
            next.write(&self.dir)?;
            *manifest = Some(next);
        }
        *write(&self.journal) = Some(journal.clone());
        self.journal_listed.store(true, Ordering::Release);
        Ok(journal)
    }
}

fn lists_journal(manifest: Option<&Manifest>) -> bool {
    manifest.is_some_and(|m| m.specs.iter().any(|s| s.name == JOURNAL_ADDRESS))
}

fn list_journal(manifest: &mut Manifest, chunks: u32) {
    manifest.specs.retain(|s| s.name != JOURNAL_ADDRESS);
    manifest.specs.push(Spec {
        name: JOURNAL_ADDRESS,
        chunks,
    });
}

impl ChunkStore for FileStore {
    fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        if let Some(journal) = self.journal()
            && let Some(chunk) = journal.get(hash)?
        {
            return Ok(Some(chunk));
        }
        if let Some(chunk) = self.new_generation().get(hash)? {
            return Ok(Some(chunk));
        }
        if let Some(chunk) = self.old_generation().get(hash)? {
            return Ok(Some(chunk));
        }
        if let Some(chunk) = read(&self.scratch).0.get(hash) {
            return Ok(Some(chunk.clone()));
        }
        self.retired.get(hash)
    }

    fn has(&self, hash: &Hash) -> Result<bool> {
        Ok(self.is_current(hash)?
            || self.is_ghost(hash)
            || read(&self.scratch).0.contains_key(hash)
            || self.retired.get(hash)?.is_some())
    }

    fn is_ghost(&self, hash: &Hash) -> bool {
        read(&self.ghosts).contains(hash)
    }

    fn put(&self, chunk: Chunk) -> Result<()> {
        if chunk.bytes().is_empty() {
            return Err(ChunkError::EmptyChunk);
        }
        if self.lock.is_none() {
            let mut scratch = write(&self.scratch);
            let size = chunk.bytes().len();
            if scratch.1 + size > SCRATCH_LIMIT {
                return Err(ChunkError::ReadOnly);
            }
            if scratch.0.insert(chunk.hash(), chunk).is_none() {
                scratch.1 += size;
            }
            return Ok(());
        }
        let hash = chunk.hash();
        let _writing = read(&self.writers);
        if self.new_generation().has(&hash)? || self.old_generation().has(&hash)? {
            return Ok(());
        }
        self.revive_references(&chunk, None)?;
        self.writable_journal()?.put(&chunk)
    }

    fn root(&self) -> Result<Hash> {
        if let Some(root) = self.journal().map(|j| j.root())
            && !root.is_empty()
        {
            return Ok(root);
        }
        Ok(self
            .lock_manifest()
            .as_ref()
            .map_or(Hash::EMPTY, |m| m.root))
    }

    fn append_root(&self, new: Hash, last: Hash) -> Result<Option<Lsn>> {
        let _writing = read(&self.writers);
        if self.retired.any() {
            self.revive(vec![new], None)?;
        }
        self.writable_journal()?.append_root(new, last)
    }

    fn sync(&self, lsn: Lsn) -> Result<()> {
        match self.journal() {
            Some(journal) => journal.sync(lsn),
            None => Ok(()),
        }
    }

    fn begin_file(&self) -> Result<Box<dyn ChunkFile + '_>> {
        self.check_writable()?;
        Ok(Box::new(PendingFile {
            file: TableWriter::create(&self.dir)?,
            pending: &self.pending,
        }))
    }

    fn list_files(&self, files: &[Spec]) -> Result<()> {
        self.add_table_files(files)
    }

    fn is_read_only(&self) -> bool {
        self.lock.is_none()
    }
}

/// A file that garbage collection must not take for a left-over once it is complete.
struct PendingFile<'a> {
    file: TableWriter,
    pending: &'a Mutex<HashSet>,
}

impl ChunkFile for PendingFile<'_> {
    fn append(&mut self, chunk: &Chunk) -> Result<()> {
        self.file.append(chunk)
    }

    fn size(&self) -> u64 {
        self.file.file_size()
    }

    fn finish(self: Box<Self>) -> Result<Spec> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = self.file.finish()?;
        pending.insert(spec.name);
        Ok(spec)
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        // What was acknowledged is durable already; the manifest is a convenience here.
        let _ = self.close();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::JOURNAL_NAME;

    pub(crate) fn temp_dir(name: &str) -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        // Numbers of processes come again, and sandboxes that share a directory have the same.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let name = format!(
            "chunks-{name}-{}-{n}-{}",
            std::process::id(),
            now.as_nanos()
        );
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    pub(crate) fn chunk(n: u64) -> Chunk {
        Chunk::new(
            format!("chunk {n} ")
                .repeat(3 + n as usize % 50)
                .into_bytes(),
        )
    }

    pub(crate) fn open(dir: &Path) -> FileStore {
        FileStore::create(dir, OpenOptions::default()).unwrap()
    }

    /// Commits chunks `n` one by one; gives the roots.
    pub(crate) fn fill(store: &FileStore, numbers: std::ops::Range<u64>) -> Vec<Hash> {
        numbers
            .map(|n| {
                let c = chunk(n);
                store.put(c.clone()).unwrap();
                let last = store.root().unwrap();
                assert!(store.commit(c.hash(), last).unwrap());
                c.hash()
            })
            .collect()
    }

    #[test]
    fn commits_survive_reopening_and_a_second_opener_reads_only() {
        let dir = temp_dir("reopen");
        let store = open(&dir);
        assert_eq!(store.root().unwrap(), Hash::EMPTY);
        let roots = fill(&store, 0..40);
        assert!(!store.commit(chunk(1).hash(), Hash::EMPTY).unwrap());

        let reader = open(&dir);
        assert!(reader.is_read_only());
        assert_eq!(reader.root().unwrap(), roots[39]);
        assert!(matches!(
            reader.append_root(roots[0], roots[39]),
            Err(ChunkError::ReadOnly)
        ));
        reader.put(chunk(999)).unwrap();
        assert_eq!(reader.get(&chunk(999).hash()).unwrap(), Some(chunk(999)));
        assert!(matches!(
            FileStore::open(
                &dir,
                OpenOptions {
                    fail_if_locked: true,
                    patience: Duration::ZERO,
                    ..Default::default()
                }
            ),
            Err(ChunkError::Locked)
        ));
        drop(reader);
        drop(store);

        let store = open(&dir);
        assert!(!store.is_read_only());
        assert_eq!(store.root().unwrap(), roots[39]);
        assert_eq!(store.root_history().len(), 40);
        for n in 0..40 {
            assert_eq!(store.get(&roots[n as usize]).unwrap(), Some(chunk(n)));
        }
        assert_eq!(store.hashes().unwrap().len(), 40);
        let manifest = Manifest::read(&Directory::local(&dir)).unwrap().unwrap();
        assert_eq!(manifest.root, roots[39]);
        drop(store);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_journal_cut_anywhere_opens_with_the_last_whole_root() {
        let dir = temp_dir("cut");
        let store = open(&dir);
        let mut ends = vec![(0, Hash::EMPTY)];
        for n in 0..6 {
            let root = fill(&store, n..n + 1)[0];
            ends.push((store.journal_size(), root));
        }
        drop(store);
        let journal = std::fs::read(dir.join(JOURNAL_NAME)).unwrap();
        assert_eq!(journal.len() as u64, ends[6].0);
        let cut_dir = temp_dir("cut-copy");
        for zeros in [0, 5000] {
            for cut in ends[3].0..journal.len() as u64 {
                let mut bytes = journal[..cut as usize].to_vec();
                bytes.resize(bytes.len() + zeros, 0);
                std::fs::write(cut_dir.join(JOURNAL_NAME), &bytes).unwrap();
                std::fs::copy(dir.join("manifest"), cut_dir.join("manifest")).unwrap();
                let store = open(&cut_dir);
                // A checksum that ends in zeros is whole again when zeros follow the cut.
                let whole = |end: u64| bytes.starts_with(&journal[..end as usize]);
                let (end, root) = ends.iter().rev().find(|(at, _)| whole(*at)).unwrap();
                assert_eq!(store.root().unwrap(), *root, "cut at {cut}");
                assert!(store.journal_size() >= *end);
                // The manifest names the last root.
                assert_eq!(
                    store.warning().is_some(),
                    *root != ends[6].1,
                    "cut at {cut}"
                );
                fill(&store, 100..102);
                drop(store);
                assert_eq!(open(&cut_dir).root().unwrap(), chunk(101).hash());
            }
        }
        std::fs::remove_dir_all(dir).unwrap();
        std::fs::remove_dir_all(cut_dir).unwrap();
    }

    #[test]
    fn many_committers_share_syncs_and_lose_nothing() {
        let dir = temp_dir("group");
        let store = Arc::new(open(&dir));
        let threads: Vec<_> = (0..8u64)
            .map(|t| {
                let store = store.clone();
                std::thread::spawn(move || {
                    for i in 0..100 {
                        let c = chunk(t * 1000 + i);
                        store.put(c.clone()).unwrap();
                        let lsn = loop {
                            let last = store.root().unwrap();
                            if let Some(lsn) = store.append_root(c.hash(), last).unwrap() {
                                break lsn;
                            }
                        };
                        store.sync(lsn).unwrap();
                        assert_eq!(store.get(&c.hash()).unwrap(), Some(c));
                    }
                })
            })
            .collect();
        for t in threads {
            t.join().unwrap();
        }
        let root = store.root().unwrap();
        let size = store.journal_size();
        // As after a kill: the file as it is, with what was written ahead.
        let copy = temp_dir("group-copy");
        std::fs::copy(dir.join(JOURNAL_NAME), copy.join(JOURNAL_NAME)).unwrap();
        std::fs::copy(dir.join("manifest"), copy.join("manifest")).unwrap();
        assert!(std::fs::metadata(copy.join(JOURNAL_NAME)).unwrap().len() > size);
        let killed = open(&copy);
        assert_eq!(killed.root().unwrap(), root);
        assert_eq!(killed.hashes().unwrap().len(), 800);
        assert_eq!(killed.journal_size(), size);
        drop(killed);
        drop(store);
        assert_eq!(
            std::fs::metadata(dir.join(JOURNAL_NAME)).unwrap().len(),
            size
        );
        assert_eq!(open(&dir).root().unwrap(), root);
        std::fs::remove_dir_all(dir).unwrap();
        std::fs::remove_dir_all(copy).unwrap();
    }

    #[test]
    fn the_index_spares_reading_and_may_be_wrong() {
        let dir = temp_dir("index");
        let store = open(&dir);
        for n in 0..20_000 {
            store.put(chunk(n)).unwrap();
        }
        assert!(store.commit(chunk(7).hash(), Hash::EMPTY).unwrap());
        fill(&store, 20_000..20_700);
        drop(store);
        let index = dir.join("journal.idx");
        let good = std::fs::read(&index).unwrap();
        assert_eq!(good.len(), 20_700 * 29 + 2 * 41);
        let check = |what: &str| {
            let store = open(&dir);
            assert_eq!(store.root().unwrap(), chunk(20_699).hash(), "{what}");
            for n in (0..20_700).step_by(997) {
                assert_eq!(
                    store.get(&chunk(n).hash()).unwrap(),
                    Some(chunk(n)),
                    "{what}"
                );
            }
            assert_eq!(store.hashes().unwrap().len(), 20_700, "{what}");
        };
        check("as written");
        std::fs::write(&index, &good[..good.len() - 5]).unwrap();
        check("cut");
        let mut damaged = good.clone();
        damaged[1000] ^= 1;
        std::fs::write(&index, &damaged).unwrap();
        check("damaged");
        std::fs::remove_file(&index).unwrap();
        check("gone");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_closed_store_leaves_alone_what_takes_its_place() {
        let dir = temp_dir("closed");
        let old = open(&dir.join("db"));
        let roots = fill(&old, 0..3);
        old.close().unwrap();
        assert!(old.put(chunk(9)).is_err());
        assert!(old.append_root(chunk(9).hash(), roots[2]).is_err());
        assert_eq!(
            old.get(&roots[0]).unwrap(),
            Some(chunk(0)),
            "reading goes on"
        );
        std::fs::rename(dir.join("db"), dir.join("moved")).unwrap();
        let new = open(&dir.join("db"));
        let files = || std::fs::read_dir(dir.join("db")).unwrap().count();
        let before = files();
        drop(old);
        assert_eq!(files(), before);
        fill(&new, 0..1);
        drop(new);
        assert_eq!(open(&dir.join("db")).root().unwrap(), chunk(0).hash());
        assert_eq!(open(&dir.join("moved")).root().unwrap(), roots[2]);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_chunk_too_large_for_the_journal_is_refused() {
        let dir = temp_dir("large");
        let store = open(&dir);
        let mut state = 1u64;
        let noise: Vec<u8> = (0..6 << 20)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect();
        assert!(matches!(
            store.put(Chunk::new(noise)),
            Err(ChunkError::TooLarge { .. })
        ));
        fill(&store, 0..1);
        drop(store);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
