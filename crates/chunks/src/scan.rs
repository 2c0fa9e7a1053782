//! Reading every chunk of a database, whatever is wrong with some (spec 01 §17).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::journal::JOURNAL_NAME;
use crate::{
    Access, Chunk, ChunkError, Directory, FileStore, Hash, JournalDamage, LockFile, Manifest,
    Result, Source, journal_record, kept_tail,
};

/// Chunks that one thread takes at a time.
const BATCH: usize = 256;

/// Where a chunk lies.
enum Place<'a> {
    Journal,
    File(&'a Source),
}

/// The root that the manifest names; none if it cannot be read.
fn named_root(dir: &Directory) -> Result<Hash> {
    Ok(Manifest::read(dir)?.unwrap_or_default().root)
}

impl FileStore {
    /// Reads every chunk of every file, on several threads, and shows what came of it: the
    /// file's name, the address, and the chunk. Returns the number of chunks.
    pub fn scan(
        &self,
        threads: usize,
        visit: &(dyn Fn(&str, Hash, Result<Option<Chunk>>) + Sync),
    ) -> Result<usize> {
        let journal = self.journal();
        let (newgen, oldgen) = (self.new_generation(), self.old_generation());
        let mut work: Vec<(Place<'_>, String, Vec<Hash>)> = Vec::new();
        if let Some(journal) = &journal {
            work.push((Place::Journal, JOURNAL_NAME.into(), journal.hashes()?));
        }
        for (_, source) in newgen.iter().chain(oldgen.iter()) {
            let name = source.path().file_name();
            let name = name.map_or(String::new(), |n| n.to_string_lossy().into_owned());
            work.push((Place::File(source), name, source.hashes()?));
        }
        let batches: Vec<(usize, usize)> = work
            .iter()
            .enumerate()
            .flat_map(|(i, (_, _, all))| (0..all.len()).step_by(BATCH).map(move |at| (i, at)))
            .collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    while let Some((i, at)) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let (place, name, all) = &work[*i];
                        for hash in &all[*at..all.len().min(at + BATCH)] {
                            let chunk = match (place, &journal) {
                                (Place::File(source), _) => source.get(hash),
                                (Place::Journal, Some(journal)) => journal.get(hash),
                                (Place::Journal, None) => Ok(None),
                            };
                            visit(name, *hash, chunk);
                        }
                    }
                });
            }
        });
        Ok(work.iter().map(|(_, _, all)| all.len()).sum())
    }

    /// What the journal in a directory still has, if it is damaged so that commits are lost.
    pub fn assess_journal(dir: &Directory) -> Result<Option<JournalDamage>> {
        let file = dir.open(JOURNAL_NAME, Access::Read)?;
        journal_record::assess(&*file, &dir.at(JOURNAL_NAME), named_root(dir)?)
    }

    /// Cuts off a journal where it cannot be read any more, and keeps the original under the
    /// name of which `suffix` is the end. Only for a journal whose damage would lose commits.
    pub fn revive_journal(dir: &Directory, suffix: &str) -> Result<std::path::PathBuf> {
        let path = dir.at(JOURNAL_NAME);
        let Some(_lock) = LockFile::acquire(dir, Duration::ZERO)? else {
            return Err(ChunkError::Locked);
        };
        let file = dir.open(JOURNAL_NAME, Access::Write)?;
        let damage = journal_record::assess(&*file, &path, named_root(dir)?)?;
        let offset = damage.ok_or(ChunkError::JournalIsWhole)?.offset;
        let name = format!("{JOURNAL_NAME}_save_{suffix}");
        let saved = dir.at(&name);
        let copy = dir.open(&name, Access::New)?;
        kept_tail::copy(dir, &*file, 0, &*copy, &name)?;
        dir.sync()?;
        file.set_len(offset)
            .and_then(|()| file.sync())
            .map_err(|e| ChunkError::io("truncate", &path, e))?;
        Ok(saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_store::tests::{chunk, fill, open, temp_dir};
    use crate::{ChunkStore, OpenOptions};

    #[test]
    fn damage_in_the_middle_is_reported_with_its_place() {
        let dir = temp_dir("damage");
        let store = open(&dir);
        fill(&store, 0..3);
        let third = store.journal_size();
        fill(&store, 3..9);
        drop(store);
        let path = dir.join(JOURNAL_NAME);
        let good = std::fs::read(&path).unwrap();
        for at in [third as usize + 10, third as usize + 40] {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            std::fs::write(&path, &bytes).unwrap();
            match FileStore::open(&dir, OpenOptions::default()) {
                Err(ChunkError::JournalDataLoss { offset, .. }) => assert_eq!(offset, third),
                Err(e) => panic!("{e}"),
                Ok(_) => panic!("opened a damaged journal"),
            }
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "nothing was cut");
            let place = Directory::local(&dir);
            let damage = FileStore::assess_journal(&place).unwrap().unwrap();
            assert_eq!((damage.offset, damage.len), (third, good.len() as u64));
            // The fourth commit's chunk is damaged, or its root.
            assert_eq!(damage.roots_kept, 3);
            assert!((5..=6).contains(&damage.roots_lost), "{damage:?}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_left_of_a_damaged_journal_is_revived_and_the_rest_is_saved() {
        let dir = temp_dir("revive");
        let place = Directory::local(&dir);
        let store = open(&dir);
        let roots = fill(&store, 0..3);
        let third = store.journal_size() as usize;
        fill(&store, 3..9);
        drop(store);
        assert!(matches!(
            FileStore::revive_journal(&place, "today"),
            Err(ChunkError::JournalIsWhole)
        ));
        assert_eq!(FileStore::assess_journal(&place).unwrap(), None);
        let path = dir.join(JOURNAL_NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[third + 10] ^= 4;
        std::fs::write(&path, &bytes).unwrap();
        let saved = FileStore::revive_journal(&place, "today").unwrap();
        assert_eq!(std::fs::read(saved).unwrap(), bytes);
        let store = open(&dir);
        assert_eq!(store.root().unwrap(), roots[2]);
        fill(&store, 20..22);
        drop(store);
        assert_eq!(open(&dir).root().unwrap(), chunk(21).hash());
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_lost_write_in_front_of_the_last_root_is_damage_where_the_manifest_names_that_root() {
        let dir = temp_dir("lost-write");
        let place = Directory::local(&dir);
        let path = dir.join(JOURNAL_NAME);
        let store = open(&dir);
        let roots = fill(&store, 0..3);
        let third = store.journal_size() as usize;
        fill(&store, 3..4);
        let fourth = store.journal_size() as usize;
        fill(&store, 4..5);
        // As after a kill, the manifest does not know yet.
        let manifest = std::fs::read(dir.join("manifest")).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        drop(store);
        let named = std::fs::read(dir.join("manifest")).unwrap();
        assert_ne!(manifest, named);
        bytes[third..fourth].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            FileStore::open(&dir, OpenOptions::default()),
            Err(ChunkError::JournalDataLoss { offset, .. }) if offset == third as u64
        ));
        assert!(FileStore::assess_journal(&place).unwrap().is_some());
        std::fs::write(dir.join("manifest"), &manifest).unwrap();
        assert_eq!(FileStore::assess_journal(&place).unwrap(), None);
        let store = open(&dir);
        assert!(
            store
                .warning()
                .is_some_and(|w| w.contains("a root lies behind it"))
        );
        assert_eq!(store.root().unwrap(), roots[2]);
        drop(store);
        // What was cut off can be read for as long as somebody wants to.
        let store = open(&dir);
        assert_eq!(store.warning(), None);
        let kept = store.kept_tails().unwrap();
        let [kept] = &kept[..] else {
            panic!("{kept:?}");
        };
        assert!(kept.ends_with(format!("{JOURNAL_NAME}_cut_{third}")));
        assert_eq!(std::fs::read(kept).unwrap(), bytes[third..]);
        store.remove_unlisted().unwrap();
        assert!(kept.exists());
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_root_that_the_manifest_names_is_not_missed_without_a_word() {
        let dir = temp_dir("last-root");
        let path = dir.join(JOURNAL_NAME);
        let store = open(&dir);
        let roots = fill(&store, 0..3);
        let end = store.journal_size() as usize;
        drop(store);
        let good = std::fs::read(&path).unwrap();
        let manifest = std::fs::read(dir.join("manifest")).unwrap();
        let start = end - crate::journal_record::ROOT_RECORD;
        // The length that is a flipped bit too long, one that is zero, and a write that was lost.
        for (range, byte) in [
            (start + 1..start + 2, 4),
            (start + 3..start + 4, 0),
            (start..end, 0),
        ] {
            let mut bytes = good.clone();
            bytes[range].fill(byte);
            std::fs::write(&path, &bytes).unwrap();
            std::fs::write(dir.join("manifest"), &manifest).unwrap();
            let store = open(&dir);
            assert!(store.warning().is_some());
            assert_eq!(store.root().unwrap(), roots[1]);
            let kept = store.kept_tails().unwrap();
            let last = kept.iter().max_by_key(|path| path.as_os_str().len());
            assert_eq!(std::fs::read(last.unwrap()).unwrap(), bytes[start..]);
        }
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_root_that_came_again_in_a_torn_write_is_no_damage() {
        let dir = temp_dir("root-again");
        let path = dir.join(JOURNAL_NAME);
        let store = open(&dir);
        let roots = fill(&store, 0..3);
        drop(store);
        let store = open(&dir);
        let before = std::fs::read(dir.join("manifest")).unwrap();
        fill(&store, 3..4);
        let torn = store.journal_size() as usize;
        // Back to the root that the manifest names, with a chunk that is lost.
        store.put(chunk(9)).unwrap();
        assert!(store.commit(roots[2], chunk(3).hash()).unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        drop(store);
        bytes[torn..torn + 8].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        std::fs::write(dir.join("manifest"), &before).unwrap();
        assert_eq!(open(&dir).root().unwrap(), chunk(3).hash());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
