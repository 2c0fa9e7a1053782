//! Garbage collection of a database's chunks (spec 01 §12).
//!
//! What is alive is copied into new files while everybody goes on working; then, with writers
//! held for a moment, what they added meanwhile is copied too, and the manifest names the new
//! files. Readers never wait. A crash leaves the state before or after: new files are durable
//! before a manifest names them, and what nothing names is removed by the next collection.

use std::sync::{Arc, PoisonError, TryLockError};

use crate::journal::{INDEX_NAME, JOURNAL_ADDRESS, JOURNAL_NAME};
use crate::retired::RetiredFiles;
use crate::table_writer::{TEMP_PREFIX, own_temp_prefix};
use crate::{
    ArchiveWriter, Chunk, ChunkError, ChunkFile, ChunkStore, Directory, FileStore, Hash, HashSet,
    Kind, Manifest, References, Result, Retirement, Sources, Spec, TableWriter,
};

/// Passes over what was added during a collection before writers are held.
const CATCH_UP_PASSES: usize = 8;

/// Chunks between the thread that reads them and the one that writes them: as many as it compresses
/// at once, and as many again, so that neither waits for the other.
const COPY_QUEUE: usize = 512;

/// What a collection does.
#[derive(Clone, Copy)]
pub struct Collection<'a> {
    /// Look at the old generation too, instead of keeping all that ever got there.
    pub full: bool,
    /// Write archives instead of table files.
    pub archives: bool,
    /// Put chunks without references into files of this size, each of which survives if the
    /// collection is interrupted.
    pub file_size: Option<u64>,
    /// What chunks refer to.
    pub references: References,
    /// Asked now and then; true gives up.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// Writes live chunks into files of one directory.
struct Copier<'a> {
    dir: &'a Directory,
    archives: bool,
    file_size: Option<u64>,
    file: Option<Box<dyn ChunkFile + Send>>,
    /// Chunks without references, where they get files of their own.
    leaves: Option<Box<dyn ChunkFile + Send>>,
    finished: Vec<Spec>,
}

impl<'a> Copier<'a> {
    fn new(dir: &'a Directory, archives: bool, file_size: Option<u64>) -> Copier<'a> {
        Copier {
            dir,
            archives,
            file_size,
            file: None,
            leaves: None,
            finished: Vec::new(),
        }
    }

    fn begin(&self) -> Result<Box<dyn ChunkFile + Send>> {
        Ok(match self.archives {
            true => Box::new(ArchiveWriter::create(self.dir)?),
            false => Box::new(TableWriter::create(self.dir)?),
        })
    }

    /// Copies a chunk; gives a file of leaves that became complete by it.
    fn copy(&mut self, chunk: &Chunk, leaf: bool) -> Result<Option<Spec>> {
        let limit = self.file_size.filter(|_| leaf);
        let slot = match limit {
            Some(_) => &self.leaves,
            None => &self.file,
        };
        if slot.is_none() {
            let begun = Some(self.begin()?);
            match limit {
                Some(_) => self.leaves = begun,
                None => self.file = begun,
            }
        }
        let slot = match limit {
            Some(_) => &mut self.leaves,
            None => &mut self.file,
        };
        let file = slot.as_mut().expect("begun above");
        file.append(chunk)?;
        if limit.is_some_and(|limit| file.size() >= limit)
            && let Some(file) = slot.take()
        {
            let spec = file.finish()?;
            self.finished.push(spec);
            return Ok(Some(spec));
        }
        Ok(None)
    }

    /// Ends the files; their directory is durable.
    fn finish(&mut self) -> Result<Vec<Spec>> {
        for file in [self.leaves.take(), self.file.take()].into_iter().flatten() {
            self.finished.push(file.finish()?);
        }
        self.dir.sync()?;
        Ok(std::mem::take(&mut self.finished))
    }
}

impl FileStore {
    /// Copies what is alive into new files and forgets the rest. `old_roots` gives, for a root of
    /// the store, the addresses whose history goes to the old generation. `None`: nothing has
    /// changed since the last collection.
    pub fn collect(
        &self,
        how: Collection<'_>,
        old_roots: &dyn Fn(Hash) -> Result<Vec<Hash>>,
    ) -> Result<Option<Retirement>> {
        let _only_one = match self.collecting.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(e)) => e.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(ChunkError::CollectionRunning),
        };
        self.check_writable()?;
        if self.is_collected(how.full) {
            return Ok(None);
        }
        let old_dir = self.dir.child("oldgen");
        old_dir.create()?;

        let start = self.root()?;
        let mut seen = HashSet::default();
        let mut copier = Copier::new(&old_dir, how.archives, how.file_size);
        let known = match how.full {
            true => Arc::default(),
            false => self.old_generation(),
        };
        let full = how.full;
        let list = |spec| {
            if full {
                return Ok(());
            }
            old_dir.sync()?;
            self.list_old(&[spec])
        };
        let roots = old_roots(start)?;
        self.copy_reachable(&roots, &known, &mut seen, &how, &mut copier, &list)?;
        let added = copier.finish()?;
        // What was there stays until nothing of the new generation can need it.
        self.list_old(&added)?;
        let aged = match how.full {
            true => Arc::new(Sources::open(&old_dir, &added, &self.old_generation())?),
            false => self.old_generation(),
        };
        drop(known);

        let mut seen = HashSet::default();
        let mut copier = Copier::new(&self.dir, how.archives, None);
        let nothing = |_| Ok(());
        let mut last = Hash::EMPTY;
        for _ in 0..CATCH_UP_PASSES {
            let root = self.root()?;
            if root == last {
                break;
            }
            self.copy_reachable(&[root], &aged, &mut seen, &how, &mut copier, &nothing)?;
            last = root;
        }
        let mut specs = copier.finish()?;

        let writers = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        let root = self.root()?;
        if root != last {
            self.copy_reachable(&[root], &aged, &mut seen, &how, &mut copier, &nothing)?;
            specs.extend(copier.finish()?);
        }
        let retirement = self.replace_files(root, specs, how.full.then_some((added, aged)))?;
        *self
            .references
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(how.references);
        drop(writers);
        // What cannot be removed now is removed by the next collection.
        let _ = self.remove_unlisted();
        Ok(Some(retirement))
    }

    /// Whether somebody still works with files that a collection has replaced.
    pub fn has_replaced_files(&self) -> bool {
        self.retired.any()
    }

    /// Bytes of the new generation, its journal included.
    pub fn new_generation_size(&self) -> u64 {
        let files: u64 = self
            .new_generation()
            .iter()
            .map(|(_, s)| s.file_size())
            .sum();
        files + self.journal_size()
    }

    /// Removes the files of both generations that no manifest names and nobody is writing.
    pub fn remove_unlisted(&self) -> Result<()> {
        self.check_writable()?;
        // While this is held, no file is finished that is not in the set.
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for dir in [self.dir.child("oldgen"), self.dir.clone()] {
            if !dir.exists() {
                continue;
            }
            let manifest = Manifest::read(&dir)?.unwrap_or_default();
            for (name, kind) in dir.list()? {
                let abandoned =
                    name.starts_with(TEMP_PREFIX) && !name.starts_with(&own_temp_prefix());
                let bare = name.strip_suffix(".darc").unwrap_or(&name);
                let unlisted = bare.parse().is_ok_and(|hash: Hash| {
                    hash != JOURNAL_ADDRESS
                        && !pending.contains(&hash)
                        && !manifest.specs.iter().any(|s| s.name == hash)
                });
                if (abandoned || unlisted) && kind != Kind::Directory {
                    dir.remove(&name)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a collection would find nothing new (spec 01 §7.2).
    fn is_collected(&self, full: bool) -> bool {
        let manifest = self.lock_manifest();
        let Some(m) = manifest.as_ref() else {
            return false;
        };
        let marks: &[&[u8]] = match full {
            true => &[b"full"],
            false => &[b"full", b""],
        };
        let root = self.current_root(Some(m));
        marks
            .iter()
            .any(|mark| m.gc_generation == Manifest::lock_for(root, &m.specs, mark))
    }

    /// Copies every chunk that can be reached, and not beyond what `known` has; `list` is told of
    /// files that became complete. One thread reads and another one compresses and writes.
    fn copy_reachable(
        &self,
        roots: &[Hash],
        known: &Sources,
        seen: &mut HashSet,
        how: &Collection<'_>,
        copier: &mut Copier<'_>,
        list: &(dyn Fn(Spec) -> Result<()> + Sync),
    ) -> Result<()> {
        std::thread::scope(|scope| {
            let (chunks, copied) = std::sync::mpsc::sync_channel::<(Chunk, bool)>(COPY_QUEUE);
            let writer = scope.spawn(move || {
                for (chunk, leaf) in copied {
                    if let Some(spec) = copier.copy(&chunk, leaf)? {
                        list(spec)?;
                    }
                }
                Ok(())
            });
            let walked = self.walk(roots, known, seen, how, &mut |chunk, leaf| {
                let sent = chunks.send((chunk.clone(), leaf));
                // The writer has failed, and says why below.
                sent.map_err(|_| ChunkError::CollectionInterrupted)
            });
            drop(chunks);
            match writer.join() {
                Ok(written) => written.and(walked),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Visits every chunk that can be reached, once, and not beyond what `known` has.
    fn walk(
        &self,
        roots: &[Hash],
        known: &Sources,
        seen: &mut HashSet,
        how: &Collection<'_>,
        visit: &mut dyn FnMut(&Chunk, bool) -> Result<()>,
    ) -> Result<()> {
        let mut stack: Vec<Hash> = roots.to_vec();
        let mut missing = Vec::new();
        let mut found = Vec::new();
        while let Some(hash) = stack.pop() {
            if hash.is_empty() || !seen.insert(hash) || known.has(&hash)? {
                continue;
            }
            if (how.interrupted)() {
                return Err(ChunkError::CollectionInterrupted);
            }
            let Some(chunk) = self.get(&hash)? else {
                if !self.is_ghost(&hash) {
                    missing.push(hash);
                }
                continue;
            };
            found.clear();
            (how.references)(&chunk, &mut |h| found.push(h)).map_err(|reason| {
                ChunkError::BadChunk {
                    hash,
                    file: self.dir.path().display().to_string(),
                    reason,
                }
            })?;
            visit(&chunk, found.is_empty())?;
            stack.extend(found.iter().rev().filter(|h| !seen.contains(*h)));
        }
        match missing.is_empty() {
            true => Ok(()),
            false => Err(ChunkError::Dangling(missing)),
        }
    }

    /// Adds files to the old generation.
    fn list_old(&self, files: &[Spec]) -> Result<()> {
        let dir = self.dir.child("oldgen");
        let mut next = Manifest::read(&dir)?.unwrap_or_default();
        let before = next.specs.len();
        for spec in files {
            if !next.specs.iter().any(|s| s.name == spec.name) {
                next.specs.push(*spec);
            }
        }
        if next.specs.len() == before {
            return Ok(());
        }
        let next = next.sealed();
        let sources = Sources::open(&dir, &next.specs, &self.old_generation())?;
        next.write(&dir)?;
        *self.oldgen.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sources);
        Ok(())
    }

    /// Makes these the files of the new generation, in place of all others and the journal, and
    /// after a full collection `old` those of the old generation. Writers are held.
    fn replace_files(
        &self,
        root: Hash,
        specs: Vec<Spec>,
        old: Option<(Vec<Spec>, Arc<Sources>)>,
    ) -> Result<Retirement> {
        let mark: &[u8] = if old.is_some() { b"full" } else { b"" };
        let sealed = |root: Hash, specs: Vec<Spec>, mark: &[u8]| {
            let mut next = Manifest {
                root,
                specs,
                ..Manifest::default()
            }
            .sealed();
            next.gc_generation = Manifest::lock_for(next.root, &next.specs, mark);
            next
        };
        let next = sealed(root, specs, mark);
        let sources = Sources::open(&self.dir, &next.specs, &self.new_generation())?;
        let journal = self.journal();
        if let Some(journal) = &journal {
            // Everything that waits for a sync is durable then, and a crash from here on finds
            // the same root in the journal as in the manifest.
            self.first_lsn
                .store(journal.seal()?, std::sync::atomic::Ordering::Release);
        }
        let mut manifest = self.lock_manifest();
        if let Err(e) = next.write(&self.dir) {
            // The new one may be there and not durable. Either would do, but what is written from
            // now on belongs to the old one.
            if let Some(old) = &*manifest {
                let _ = old.write(&self.dir);
            }
            if let Some(journal) = &journal {
                journal.unseal();
            }
            return Err(e);
        }
        *manifest = Some(next);
        let retirement = self.retired.keep(RetiredFiles {
            journal,
            newgen: self.new_generation(),
            oldgen: self.old_generation(),
        });
        // A reader looks at journal, new generation, old generation, retired files in this
        // order; they change in the opposite one.
        *self.newgen.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sources);
        *self.journal.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.journal_listed
            .store(false, std::sync::atomic::Ordering::Release);
        if let Some((specs, aged)) = old {
            if let Err(e) = sealed(Hash::EMPTY, specs, mark).write(&self.dir.child("oldgen")) {
                // Those who work with the files before must keep them; nobody will say when they
                // are done.
                std::mem::forget(retirement);
                return Err(e);
            }
            *self.oldgen.write().unwrap_or_else(PoisonError::into_inner) = aged;
        }
        // A journal that stays has the manifest's root, and the next one takes its place.
        for name in [JOURNAL_NAME, INDEX_NAME] {
            let _ = self.dir.remove(name);
        }
        let _ = self.dir.sync();
        Ok(retirement)
    }

    /// Carries chunks that only replaced files have over into the journal, each after all it
    /// refers to. `with` are files that are about to be listed. The caller holds `writers`.
    pub(crate) fn revive(&self, hashes: Vec<Hash>, with: Option<&Sources>) -> Result<()> {
        let references = *self
            .references
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(references) = references else {
            return Ok(());
        };
        // A chunk comes twice: to find what it refers to, and to be stored after that.
        let mut stack: Vec<(Hash, Option<Chunk>)> = hashes.into_iter().map(|h| (h, None)).collect();
        while let Some((hash, ready)) = stack.pop() {
            if let Some(chunk) = ready {
                self.writable_journal()?.put(&chunk)?;
                continue;
            }
            if self.is_current(&hash)? || self.is_ghost(&hash) {
                continue;
            }
            if let Some(with) = with
                && with.has(&hash)?
            {
                continue;
            }
            let Some(chunk) = self.retired.get(&hash)? else {
                // Its own writer has yet to store it, or it never was there.
                continue;
            };
            let mut found = Vec::new();
            // What cannot be understood refers to nothing that anybody could find.
            let _ = references(&chunk, &mut |h| found.push(h));
            stack.push((hash, Some(chunk)));
            stack.extend(found.into_iter().map(|h| (h, None)));
        }
        Ok(())
    }

    /// [`FileStore::revive`] for what a new chunk refers to, while there are replaced files.
    pub(crate) fn revive_references(&self, chunk: &Chunk, with: Option<&Sources>) -> Result<()> {
        if !self.retired.any() {
            return Ok(());
        }
        let references = *self
            .references
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(references) = references else {
            return Ok(());
        };
        let mut found = Vec::new();
        let _ = references(chunk, &mut |h| found.push(h));
        self.revive(found, with)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::{LockFile, OpenOptions};

    /// A chunk of the tests: addresses of others, then anything.
    fn node(children: &[Hash], text: &str) -> Chunk {
        let mut bytes = vec![children.len() as u8];
        children.iter().for_each(|c| bytes.extend_from_slice(&c.0));
        bytes.extend_from_slice(text.as_bytes());
        Chunk::new(bytes)
    }

    fn references(chunk: &Chunk, found: &mut dyn FnMut(Hash)) -> std::result::Result<(), String> {
        let (count, rest) = chunk.bytes().split_first().ok_or("empty")?;
        rest.chunks_exact(20)
            .take(*count as usize)
            .filter_map(Hash::from_slice)
            .for_each(found);
        Ok(())
    }

    fn how(full: bool, archives: bool) -> Collection<'static> {
        Collection {
            full,
            archives,
            file_size: None,
            references,
            interrupted: &|| false,
        }
    }

    fn open(dir: &Path) -> FileStore {
        FileStore::create(dir, OpenOptions::default()).unwrap()
    }

    /// Every chunk that can be reached from the root is there and whole.
    fn reachable(store: &FileStore) -> usize {
        let mut seen = HashSet::default();
        let root = store.root().unwrap();
        let known = Sources::default();
        let mut count = 0;
        store
            .walk(
                &[root],
                &known,
                &mut seen,
                &how(true, false),
                &mut |chunk, _| {
                    assert!(chunk.is_intact() && store.is_current(&chunk.hash()).unwrap());
                    count += 1;
                    Ok(())
                },
            )
            .unwrap();
        count
    }

    /// The head is the first child of the root; its history is old.
    fn old_roots(store: &FileStore) -> impl Fn(Hash) -> Result<Vec<Hash>> + '_ {
        |root| {
            let mut found = Vec::new();
            if let Some(chunk) = store.get(&root)? {
                references(&chunk, &mut |h| found.push(h)).unwrap();
            }
            found.truncate(1);
            Ok(found)
        }
    }

    fn commit(store: &FileStore, children: &[Hash], text: &str) -> Hash {
        let root = node(children, text);
        store.put(root.clone()).unwrap();
        let last = store.root().unwrap();
        assert!(store.commit(root.hash(), last).unwrap());
        root.hash()
    }

    fn put(store: &FileStore, children: &[Hash], text: &str) -> Hash {
        let chunk = node(children, text);
        store.put(chunk.clone()).unwrap();
        chunk.hash()
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).unwrap();
        entries.map(|e| e.unwrap().path()).collect()
    }

    #[test]
    fn what_is_dead_goes_and_what_is_alive_stays() {
        for archives in [false, true] {
            let dir = crate::file_store::tests::temp_dir("collect");
            let store = open(&dir);
            let leaf = put(&store, &[], "leaf");
            let head = put(&store, &[leaf], "head");
            let working = put(&store, &[leaf], "working");
            let dead = put(&store, &[leaf], "dead");
            let root = commit(&store, &[head, working], "root");
            let done = store.collect(how(false, archives), &old_roots(&store));
            let retirement = done.unwrap().unwrap();
            assert!(store.get(&dead).unwrap().is_some(), "somebody may need it");
            drop(retirement);
            assert_eq!(store.get(&dead).unwrap(), None);
            assert!(!store.has(&dead).unwrap());
            assert_eq!(reachable(&store), 4);
            assert!(store.old_generation().has(&head).unwrap());
            assert!(!store.old_generation().has(&root).unwrap());
            assert!(!dir.join(JOURNAL_NAME).exists());
            let again = store.collect(how(false, archives), &old_roots(&store));
            assert!(again.unwrap().is_none(), "nothing to do");

            // The head moves on; the old one is kept by the old generation, until a full one.
            let next = put(&store, &[leaf], "next");
            commit(&store, &[next], "second root");
            drop(store);
            let store = open(&dir);
            drop(store.collect(how(false, archives), &old_roots(&store)));
            assert!(store.has(&head).unwrap() && !store.has(&root).unwrap());
            drop(store.collect(how(true, archives), &old_roots(&store)));
            assert!(!store.has(&head).unwrap());
            assert_eq!(reachable(&store), 3);
            drop(store);
            let store = open(&dir);
            assert_eq!(reachable(&store), 3);
            // Two generations of one file each.
            assert_eq!(store.new_generation().iter().count(), 1);
            assert_eq!(store.old_generation().iter().count(), 1);
            let names = files(&dir);
            assert_eq!(names.len(), 4, "file, oldgen, manifest, LOCK: {names:?}");
            std::fs::remove_dir_all(dir).unwrap();
        }
    }

    #[test]
    fn who_began_before_a_collection_may_build_on_what_it_dropped() {
        let dir = crate::file_store::tests::temp_dir("revive");
        let store = open(&dir);
        let deep = put(&store, &[], "deep");
        let tree = put(&store, &[deep], "tree");
        let unsaved = put(&store, &[], "unsaved");
        commit(&store, &[tree], "first");
        commit(&store, &[], "second");
        let retirement = store.collect(how(false, false), &|_| Ok(Vec::new()));
        let retirement = retirement.unwrap().unwrap();
        assert!(!store.is_current(&tree).unwrap());
        let built = put(&store, &[tree, unsaved], "built on both");
        commit(&store, &[built], "third");
        drop(retirement);
        assert_eq!(reachable(&store), 5);
        drop(store);
        assert_eq!(reachable(&open(&dir)), 5);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn writers_and_readers_go_on_through_many_collections() {
        let dir = crate::file_store::tests::temp_dir("stress");
        let store = open(&dir);
        commit(&store, &[], "start");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = |t: usize| {
                let (store, done) = (&store, &done);
                move || {
                    let mut mine = Vec::new();
                    let mut n = 0;
                    while !done.load(Ordering::Relaxed) {
                        n += 1;
                        let leaf = put(store, &[], &format!("leaf {t} {n} {}", "x".repeat(200)));
                        let next = put(store, &[leaf], &format!("node {t} {n}"));
                        mine.push(next);
                        if mine.len() > 20 {
                            mine.remove(0);
                        }
                        loop {
                            let last = store.root().unwrap();
                            let chunk = store.get(&last).unwrap().expect("the root is there");
                            let mut children = Vec::new();
                            references(&chunk, &mut |h| children.push(h)).unwrap();
                            children.push(next);
                            if children.len() > 12 {
                                children.remove(0);
                            }
                            let root = node(&children, &format!("root {t} {n}"));
                            store.put(root.clone()).unwrap();
                            if store.commit(root.hash(), last).unwrap() {
                                break;
                            }
                        }
                        for hash in &mine {
                            assert!(store.get(hash).unwrap().is_some(), "it is still held");
                        }
                    }
                }
            };
            let writers: Vec<_> = (0..3).map(|t| scope.spawn(writer(t))).collect();
            let mut held = Vec::new();
            for round in 0..30 {
                let how = how(round % 5 == 4, round % 2 == 0);
                held.extend(store.collect(how, &old_roots(&store)).unwrap());
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            done.store(true, Ordering::Relaxed);
            for w in writers {
                w.join().unwrap();
            }
        });
        let root = store.root().unwrap();
        let count = reachable(&store);
        drop(store);
        let store = open(&dir);
        assert_eq!((store.root().unwrap(), reachable(&store)), (root, count));
        drop(store);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_crash_between_the_steps_loses_nothing() {
        let dir = crate::file_store::tests::temp_dir("steps");
        let store = open(&dir);
        let head = put(&store, &[], "head");
        commit(&store, &[head], "root");
        // As it lies on the disk before the journal is removed: a copy made in time.
        let journal = std::fs::read(dir.join(JOURNAL_NAME)).unwrap();
        drop(store.collect(how(false, true), &old_roots(&store)));
        drop(store);
        std::fs::write(dir.join(JOURNAL_NAME), journal).unwrap();
        std::fs::write(dir.join("nbs_table_1_1"), b"left over").unwrap();
        std::fs::write(dir.join(Hash::of(b"unlisted").to_string()), b"left over").unwrap();
        let store = open(&dir);
        assert_eq!(reachable(&store), 2);
        commit(&store, &[head], "another root");
        drop(store.collect(how(false, true), &old_roots(&store)));
        assert_eq!(reachable(&store), 2);
        assert_eq!(files(&dir).len(), 4, "{:?}", files(&dir));
        assert!(
            LockFile::acquire(&Directory::local(&dir), std::time::Duration::ZERO)
                .unwrap()
                .is_none()
        );
        drop(store);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn small_files_of_leaves_and_missing_chunks() {
        let dir = crate::file_store::tests::temp_dir("leaves");
        let store = open(&dir);
        let leaves: Vec<Hash> = (0..40)
            .map(|i| {
                put(
                    &store,
                    &[],
                    &format!("{i} {}", (i * 7919).to_string().repeat(90)),
                )
            })
            .collect();
        let head = put(&store, &leaves, "head");
        commit(&store, &[head], "root");
        let how = Collection {
            file_size: Some(1000),
            ..how(false, false)
        };
        drop(store.collect(how, &old_roots(&store)).unwrap());
        assert!(store.old_generation().iter().count() > 2);
        assert_eq!(reachable(&store), 42);
        commit(&store, &[Hash::of(b"nowhere")], "dangling");
        let failed = store.collect(how, &|_| Ok(Vec::new()));
        assert!(matches!(failed, Err(ChunkError::Dangling(d)) if d.len() == 1));
        drop(store);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
