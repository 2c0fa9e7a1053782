//! A store of table files without a journal: file remotes, backups, the old generation
//! (spec 01 §8, §9).

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{
    Chunk, ChunkError, ChunkFile, ChunkStore, Directory, Hash, HashMap, LockFile, Lsn, Manifest,
    Result, Sources, Spec, TableWriter, conjoin, write_table_file,
};

/// Bytes of new chunks kept in memory before they become a table file.
const MEMORY_LIMIT: usize = 128 << 20;
const PATIENCE: Duration = Duration::from_millis(100);
/// How often a manifest is read again when a file that it names is gone.
const ATTEMPTS: usize = 5;

/// A directory of table files whose manifest many processes may update in turn.
pub struct TableStore {
    dir: Directory,
    /// More files than this are put together.
    max_files: usize,
    /// What a garbage collection moved out of the way, where there was one.
    old: Sources,
    state: Mutex<State>,
}

struct State {
    manifest: Manifest,
    sources: Sources,
    /// Written, and not in the manifest yet.
    unlisted: Vec<Spec>,
    chunks: HashMap<Chunk>,
    order: Vec<Hash>,
    bytes: usize,
}

impl TableStore {
    /// Opens the store in a directory, which is created where it is missing.
    pub fn open(dir: &Directory) -> Result<TableStore> {
        dir.create()?;
        let (manifest, sources) = read(dir, &[], &Sources::default())?;
        let old_dir = dir.child("oldgen");
        let old = match Manifest::read(&old_dir)? {
            Some(m) => Sources::open(&old_dir, &m.specs, &Sources::default())?,
            None => Sources::default(),
        };
        Ok(TableStore {
            dir: dir.clone(),
            max_files: conjoin::MAX_FILES,
            old,
            state: Mutex::new(State {
                manifest,
                sources,
                unlisted: Vec::new(),
                chunks: HashMap::default(),
                order: Vec::new(),
                bytes: 0,
            }),
        })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The manifest as last read or written.
    pub fn manifest(&self) -> Manifest {
        self.lock().manifest.clone()
    }

    /// The finished files.
    pub fn sources(&self) -> Sources {
        self.lock().sources.clone()
    }

    /// Adds finished files, which lie in the directory already, to the manifest.
    pub fn add_table_files(&self, files: &[Spec]) -> Result<()> {
        let mut state = self.lock();
        state.unlisted.extend_from_slice(files);
        self.update(&mut state, Some).map(|_| ())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flush(&self, state: &mut State) -> Result<()> {
        if state.chunks.is_empty() {
            return Ok(());
        }
        let spec = write_table_file(
            &self.dir,
            state.order.iter().filter_map(|h| state.chunks.get(h)),
        )?;
        state.unlisted.push(spec);
        let mut specs = state.manifest.specs.clone();
        specs.extend_from_slice(&state.unlisted);
        state.sources = Sources::open(&self.dir, &specs, &state.sources)?;
        state.chunks.clear();
        state.order.clear();
        state.bytes = 0;
        Ok(())
    }

    /// Brings the manifest's files and root up to date, if `next` accepts the root it has.
    fn update(&self, state: &mut State, next: impl Fn(Hash) -> Option<Hash>) -> Result<bool> {
        let lock = self.acquire()?;
        let current = Manifest::read(&self.dir)?.unwrap_or_default();
        if current.gc_generation != state.manifest.gc_generation {
            return Err(ChunkError::GcGenerationExpired);
        }
        let root = next(current.root);
        let mut new = current.clone();
        let accepted = root.is_some();
        if let Some(root) = root {
            if !state.unlisted.is_empty() {
                // A manifest must not outlive the names of the files that it lists.
                self.dir.sync()?;
            }
            new.root = root;
            for spec in &state.unlisted {
                if !new.specs.iter().any(|s| s.name == spec.name) {
                    new.specs.push(*spec);
                }
            }
            new = new.sealed();
            new.write(&self.dir)?;
            state.unlisted.clear();
        }
        drop(lock);
        let mut specs = new.specs.clone();
        specs.extend_from_slice(&state.unlisted);
        state.sources = Sources::open(&self.dir, &specs, &state.sources)?;
        state.manifest = new;
        // What was asked for is done; if the files cannot be put together now, they are the next
        // time.
        let _ = self.conjoin(state);
        Ok(accepted)
    }

    fn acquire(&self) -> Result<LockFile> {
        let lock = LockFile::acquire(&self.dir, PATIENCE)?;
        lock.ok_or_else(|| ChunkError::LockTimeout(self.dir.path().to_owned()))
    }

    /// Puts files together if there are too many. Others may update the manifest while the
    /// file is written; if one of its parts is gone then, it is left to a garbage collection.
    fn conjoin(&self, state: &mut State) -> Result<()> {
        let files = conjoin::choose(state.manifest.specs.clone(), self.max_files);
        if files.is_empty() {
            return Ok(());
        }
        let made = conjoin::put_together(&self.dir, &files, &state.sources)?;
        let lock = self.acquire()?;
        let current = Manifest::read(&self.dir)?.unwrap_or_default();
        let Some(next) = conjoin::replaced(&current, &files, made) else {
            return Ok(());
        };
        let mut specs = next.specs.clone();
        specs.extend_from_slice(&state.unlisted);
        let sources = Sources::open(&self.dir, &specs, &state.sources)?;
        next.write(&self.dir)?;
        drop(lock);
        state.sources = sources;
        state.manifest = next;
        conjoin::remove(&self.dir, &files, made);
        Ok(())
    }
}

/// The manifest of a directory, and its files with others that it does not name yet. A file may
/// vanish in between, when another process puts files together; then the manifest is another.
fn read(dir: &Directory, unlisted: &[Spec], known: &Sources) -> Result<(Manifest, Sources)> {
    let mut attempt = 0;
    loop {
        let manifest = Manifest::read(dir)?.unwrap_or_default();
        let specs = [&manifest.specs[..], unlisted].concat();
        match Sources::open(dir, &specs, known) {
            Err(ChunkError::TableMissing(_)) if attempt < ATTEMPTS => attempt += 1,
            opened => return Ok((manifest, opened?)),
        }
    }
}

impl ChunkStore for TableStore {
    fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        let sources = {
            let state = self.lock();
            if let Some(chunk) = state.chunks.get(hash) {
                return Ok(Some(chunk.clone()));
            }
            state.sources.clone()
        };
        match sources.get(hash)? {
            Some(chunk) => Ok(Some(chunk)),
            None => self.old.get(hash),
        }
    }

    fn has(&self, hash: &Hash) -> Result<bool> {
        let state = self.lock();
        Ok(state.chunks.contains_key(hash) || state.sources.has(hash)? || self.old.has(hash)?)
    }

    fn put(&self, chunk: Chunk) -> Result<()> {
        if chunk.bytes().is_empty() {
            return Err(ChunkError::EmptyChunk);
        }
        let mut state = self.lock();
        let (hash, size) = (chunk.hash(), chunk.bytes().len());
        if state.sources.has(&hash)? {
            return Ok(());
        }
        if state.chunks.insert(hash, chunk).is_none() {
            state.order.push(hash);
            state.bytes += size;
        }
        if state.bytes > MEMORY_LIMIT {
            self.flush(&mut state)?;
        }
        Ok(())
    }

    fn root(&self) -> Result<Hash> {
        Ok(self.lock().manifest.root)
    }

    fn append_root(&self, new: Hash, last: Hash) -> Result<Option<Lsn>> {
        let mut state = self.lock();
        if state.manifest.root != last {
            return Ok(None);
        }
        self.flush(&mut state)?;
        let accepted = self.update(&mut state, |root| (root == last).then_some(new))?;
        Ok(accepted.then_some(0))
    }

    fn sync(&self, _lsn: Lsn) -> Result<()> {
        // The manifest's update is durable when it returns.
        Ok(())
    }

    fn rebase(&self) -> Result<()> {
        let mut state = self.lock();
        (state.manifest, state.sources) = read(&self.dir, &state.unlisted, &state.sources)?;
        Ok(())
    }

    fn begin_file(&self) -> Result<Box<dyn ChunkFile + '_>> {
        Ok(Box::new(TableWriter::create(&self.dir)?))
    }

    fn list_files(&self, files: &[Spec]) -> Result<()> {
        self.add_table_files(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_become_few_while_others_read_and_write() {
        let dir = crate::file_store::tests::temp_dir("conjoin-remote");
        let place = Directory::local(&dir);
        let max_files = 8;
        let open = || TableStore {
            max_files,
            ..TableStore::open(&place).unwrap()
        };
        let (a, b) = (open(), open());
        let chunk = |n: usize| Chunk::new(format!("chunk {n} {}", "z".repeat(n % 90)));
        let count = 40;
        let mut last = Hash::EMPTY;
        for n in 0..count {
            let store = if n % 7 == 3 { &b } else { &a };
            store.rebase().unwrap();
            store.put(chunk(n)).unwrap();
            assert!(store.commit(chunk(n).hash(), last).unwrap());
            last = chunk(n).hash();
        }
        let specs = a.manifest().specs.len();
        assert!(specs <= max_files, "{specs} files");
        for store in [&a, &b, &open()] {
            store.rebase().unwrap();
            for n in 0..count {
                assert_eq!(store.get(&chunk(n).hash()).unwrap(), Some(chunk(n)));
            }
        }
        // Files, manifest, LOCK.
        let left = std::fs::read_dir(&dir).unwrap().count();
        assert!(left <= max_files + 2, "{left} names");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn two_writers_take_turns() {
        let dir = crate::file_store::tests::temp_dir("turns");
        let (a, b) = (
            TableStore::open(&Directory::local(&dir)).unwrap(),
            TableStore::open(&Directory::local(&dir)).unwrap(),
        );
        let (x, y) = (Chunk::new(&b"x chunk"[..]), Chunk::new(&b"y chunk"[..]));
        a.put(x.clone()).unwrap();
        assert!(a.commit(x.hash(), Hash::EMPTY).unwrap());
        b.put(y.clone()).unwrap();
        assert!(!b.commit(y.hash(), Hash::EMPTY).unwrap());
        assert_eq!(b.root().unwrap(), x.hash());
        assert!(b.commit(y.hash(), x.hash()).unwrap());
        a.rebase().unwrap();
        assert_eq!(a.root().unwrap(), y.hash());
        for c in [x, y] {
            assert_eq!(a.get(&c.hash()).unwrap().as_ref(), Some(&c));
            assert_eq!(b.get(&c.hash()).unwrap().as_ref(), Some(&c));
        }
        assert_eq!(a.manifest().specs.len(), 2);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
