//! Reading every chunk of a database, whatever is wrong with some (spec 01 §17).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::journal::JOURNAL_NAME;
use crate::{
    Access, Chunk, ChunkError, Directory, FileStore, Hash, JournalDamage, LockFile, Result, Source,
    journal_record,
};

/// Chunks that one thread takes at a time.
const BATCH: usize = 256;
/// Bytes of a journal that are copied at a time.
const COPY_PART: usize = 1 << 20;

/// Where a chunk lies.
enum Place<'a> {
    Journal,
    File(&'a Source),
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
        journal_record::assess(&*file, &dir.at(JOURNAL_NAME))
    }

    /// Cuts off a journal where it cannot be read any more, and keeps the original under the
    /// name of which `suffix` is the end. Only for a journal whose damage would lose commits.
    pub fn revive_journal(dir: &Directory, suffix: &str) -> Result<std::path::PathBuf> {
        let path = dir.at(JOURNAL_NAME);
        let Some(_lock) = LockFile::acquire(dir, Duration::ZERO)? else {
            return Err(ChunkError::Locked);
        };
        let file = dir.open(JOURNAL_NAME, Access::Write)?;
        let damage = journal_record::assess(&*file, &path)?;
        let offset = damage.ok_or(ChunkError::JournalIsWhole)?.offset;
        let name = format!("{JOURNAL_NAME}_save_{suffix}");
        let saved = dir.at(&name);
        let copy = dir.open(&name, Access::New)?;
        let copied = || -> std::io::Result<()> {
            let (mut at, len) = (0, file.size()?);
            let mut part = vec![0; COPY_PART];
            while at < len {
                let n = (len - at).min(COPY_PART as u64) as usize;
                file.read_exact_at(&mut part[..n], at)?;
                copy.write_all_at(&part[..n], at)?;
                at += n as u64;
            }
            copy.sync()
        };
        copied().map_err(|e| ChunkError::io("copy", &saved, e))?;
        dir.sync()?;
        file.set_len(offset)
            .and_then(|()| file.sync())
            .map_err(|e| ChunkError::io("truncate", &path, e))?;
        Ok(saved)
    }
}
