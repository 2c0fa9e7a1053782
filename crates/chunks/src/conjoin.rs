//! Conjoin: many small files of chunks become one (spec 01 §11).
//!
//! The new file is durable before the manifest names it, and it holds all that the files hold
//! whose place it takes: nobody who reads them is disturbed. A crash leaves the state before or
//! after; what nothing names is removed by the next garbage collection.

use std::sync::Arc;

use crate::{
    ArchiveWriter, ChunkError, Directory, Hash, HashSet, Manifest, Result, Source, Sources, Spec,
    TableWriter,
};

/// More files than this are too many.
pub(crate) const MAX_FILES: usize = 256;

/// The files to put together, as Dolt chooses: the smallest, until what they make is the smallest
/// of what is left and there are few enough. None if there are few enough already.
pub(crate) fn choose(mut files: Vec<Spec>, max: usize) -> Vec<Spec> {
    files.retain(|f| f.name != crate::journal::JOURNAL_ADDRESS);
    if files.len() <= max.max(1) {
        return Vec::new();
    }
    files.sort_by_key(|f| f.chunks);
    let mut sum = 0u64;
    let mut chosen = 0;
    for file in &files {
        let few_left = files.len() - chosen < max;
        if chosen >= 2 && sum <= u64::from(file.chunks) && few_left {
            break;
        }
        sum += u64::from(file.chunks);
        chosen += 1;
    }
    files.truncate(chosen);
    files
}

/// Writes one file with all that these have; it has its name, and is durable.
pub(crate) fn put_together(dir: &Directory, files: &[Spec], known: &Sources) -> Result<Spec> {
    let opened = Sources::open(dir, files, known)?;
    let mut sources: Vec<(Spec, &Arc<Source>)> = opened.iter().collect();
    sources.sort_by_key(|(spec, source)| (std::cmp::Reverse(data_len(source)), spec.name));
    let tables: Option<Vec<_>> = sources
        .iter()
        .map(|(_, source)| match &***source {
            Source::Table(table) => Some(table),
            Source::Archive(_) => None,
        })
        .collect();
    let made = match tables {
        Some(tables) => {
            let mut writer = TableWriter::create(dir)?;
            for table in tables {
                writer.append_file(table)?;
            }
            writer.finish()?
        }
        None => {
            let mut writer = ArchiveWriter::create(dir)?;
            for (_, source) in &sources {
                writer.append_file(source)?;
            }
            let names: Vec<Hash> = sources.iter().map(|(spec, _)| spec.name).collect();
            writer.finish_conjoined(&names)?
        }
    };
    dir.sync()?;
    Ok(made)
}

fn data_len(source: &Source) -> u64 {
    match source {
        Source::Table(table) => table.data_len(),
        Source::Archive(archive) => archive.data_len(),
    }
}

/// The manifest with one file in place of others; none if it does not name all of them any more.
pub(crate) fn replaced(manifest: &Manifest, files: &[Spec], by: Spec) -> Option<Manifest> {
    let gone: HashSet = files.iter().map(|f| f.name).collect();
    let mut next = manifest.clone();
    next.specs.retain(|s| !gone.contains(&s.name));
    if next.specs.len() + files.len() != manifest.specs.len() {
        return None;
    }
    next.specs.retain(|s| s.name != by.name);
    next.specs.push(by);
    Some(next.sealed())
}

/// Removes files that no manifest names any more. What cannot be removed is removed by the next
/// garbage collection.
pub(crate) fn remove(dir: &Directory, files: &[Spec], by: Spec) {
    for file in files.iter().filter(|f| f.name != by.name) {
        let name = file.name.to_string();
        for name in [format!("{name}.darc"), name] {
            let _: std::result::Result<(), ChunkError> = dir.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunk, ChunkStore, FileStore, OpenOptions, write_table_file};

    fn spec(n: u8, chunks: u32) -> Spec {
        Spec {
            name: Hash([n; 20]),
            chunks,
        }
    }

    #[test]
    fn the_smallest_are_chosen_as_dolt_chooses() {
        let counts = |files: &[u32], max| {
            let files = files.iter().zip(0u8..).map(|(c, n)| spec(n, *c));
            let chosen = choose(files.collect(), max);
            chosen.iter().map(|f| f.chunks).collect::<Vec<_>>()
        };
        assert_eq!(counts(&[5, 1, 2], 3), [0u32; 0], "there are few enough");
        assert_eq!(counts(&[5, 1, 2, 100], 3), [1, 2]);
        assert_eq!(counts(&[4, 4, 4, 5, 100], 4), [4, 4, 4, 5]);
        assert_eq!(counts(&[1, 1, 50, 60, 200], 2), [1, 1, 50, 60]);
        // The journal is never among them.
        let journal = Spec {
            name: crate::journal::JOURNAL_ADDRESS,
            chunks: 1,
        };
        assert!(choose(vec![journal, spec(1, 1), spec(2, 1)], 2).is_empty());
    }

    fn chunk(n: usize) -> Chunk {
        Chunk::new(format!("chunk {n} {}", "some text ".repeat(n % 23)))
    }

    fn archive(dir: &Directory, numbers: std::ops::Range<usize>) -> Spec {
        let mut writer = ArchiveWriter::create(dir).unwrap();
        for n in numbers {
            writer.append(&chunk(n)).unwrap();
        }
        writer.finish().unwrap()
    }

    /// Table files alone, and with archives, one of which has a dictionary.
    #[test]
    fn everything_is_found_in_the_one_file() {
        for archives in [false, true] {
            let path = crate::file_store::tests::temp_dir("conjoin");
            let dir = Directory::local(&path);
            let store = FileStore::create(&path, OpenOptions::default()).unwrap();
            store.put(chunk(5000)).unwrap();
            assert!(store.commit(chunk(5000).hash(), Hash::EMPTY).unwrap());
            let mut files = Vec::new();
            for from in (0..500).step_by(50) {
                // Some chunks are in two files.
                let chunks: Vec<Chunk> = (from..from + 53).map(chunk).collect();
                files.push(write_table_file(&dir, &chunks).unwrap());
            }
            if archives {
                files.push(archive(&dir, 600..1900));
                files.push(archive(&dir, 590..600));
            }
            store.add_table_files(&files).unwrap();
            let before = store.new_generation();
            assert!(!store.conjoin(files.len()).unwrap(), "few enough");
            assert!(store.conjoin(2).unwrap());
            let left = store.new_generation().iter().count();
            assert!(left <= 2, "{left} files");
            let all: Vec<usize> = match archives {
                true => (0..503).chain(590..1900).collect(),
                false => (0..503).collect(),
            };
            let check = |store: &FileStore| {
                for n in &all {
                    assert_eq!(store.get(&chunk(*n).hash()).unwrap(), Some(chunk(*n)));
                }
                assert_eq!(store.root().unwrap(), chunk(5000).hash());
                assert!(store.get(&chunk(5000).hash()).unwrap().is_some());
            };
            check(&store);
            // Who reads the files of before goes on.
            assert_eq!(before.get(&chunk(7).hash()).unwrap(), Some(chunk(7)));
            drop((store, before));
            let store = FileStore::open(&path, OpenOptions::default()).unwrap();
            check(&store);
            let files = std::fs::read_dir(&path).unwrap().filter(|e| {
                let name = e.as_ref().unwrap().file_name().into_string().unwrap();
                name.strip_suffix(".darc")
                    .unwrap_or(&name)
                    .parse::<Hash>()
                    .is_ok()
            });
            assert_eq!(files.count(), left + 1, "and the journal");
            std::fs::remove_dir_all(path).unwrap();
        }
    }
}
