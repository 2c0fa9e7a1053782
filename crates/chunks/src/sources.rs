//! The finished files of one directory: table files and archives.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Archive, Chunk, ChunkError, Directory, Hash, Result, Spec, TableFile};

/// One finished file of chunks.
pub enum Source {
    /// A table file.
    Table(TableFile),
    /// An archive.
    Archive(Archive),
}

impl Source {
    /// Opens the file that a manifest calls by this name: bare, or with `.darc` (spec 01 §5).
    pub fn open(dir: &Directory, spec: Spec) -> Result<Source> {
        let name = spec.name.to_string();
        let path = dir.at(&name);
        if dir.kind(&name)?.is_some() {
            let table = TableFile::open(dir, &name)?;
            if table.len() != spec.chunks as usize {
                return Err(ChunkError::BadTable {
                    path,
                    reason: "unexpected chunk count".into(),
                });
            }
            return Ok(Source::Table(table));
        }
        let archive = format!("{name}.darc");
        if dir.kind(&archive)?.is_none() {
            return Err(ChunkError::TableMissing(path));
        }
        Archive::open(dir, &archive).map(Source::Archive)
    }

    /// A chunk.
    pub fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        match self {
            Source::Table(t) => t.get(hash),
            Source::Archive(a) => a.get(hash),
        }
    }

    /// Whether it has a chunk.
    pub fn has(&self, hash: &Hash) -> Result<bool> {
        match self {
            Source::Table(t) => t.has(hash),
            Source::Archive(a) => Ok(a.has(hash)),
        }
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        match self {
            Source::Table(t) => t.len(),
            Source::Archive(a) => a.len(),
        }
    }

    /// Whether it holds no chunk.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the file.
    pub fn file_size(&self) -> u64 {
        match self {
            Source::Table(t) => t.file_size(),
            Source::Archive(a) => a.file_size(),
        }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        match self {
            Source::Table(t) => t.path(),
            Source::Archive(a) => a.path(),
        }
    }

    /// The addresses of all chunks.
    pub fn hashes(&self) -> Result<Vec<Hash>> {
        match self {
            Source::Table(t) => t.hashes().collect(),
            Source::Archive(a) => Ok(a.hashes().collect()),
        }
    }
}

/// The files of one directory, as one manifest lists them.
#[derive(Clone, Default)]
pub struct Sources {
    files: Vec<(Spec, Arc<Source>)>,
}

impl Sources {
    /// Opens all files but the journal; files that `known` has open already are shared.
    pub(crate) fn open(dir: &Directory, specs: &[Spec], known: &Sources) -> Result<Sources> {
        let files = specs
            .iter()
            .filter(|spec| spec.name != crate::journal::JOURNAL_ADDRESS)
            .map(|spec| {
                if let Some((_, open)) = known.files.iter().find(|(s, _)| s.name == spec.name) {
                    return Ok((*spec, open.clone()));
                }
                Ok((*spec, Arc::new(Source::open(dir, *spec)?)))
            })
            .collect::<Result<_>>()?;
        Ok(Sources { files })
    }

    /// The files with their names.
    pub fn iter(&self) -> impl Iterator<Item = (Spec, &Arc<Source>)> {
        self.files.iter().map(|(spec, source)| (*spec, source))
    }

    /// A chunk from whichever file has it.
    pub fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        for (_, source) in &self.files {
            if let Some(chunk) = source.get(hash)? {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// Whether any file has a chunk.
    pub fn has(&self, hash: &Hash) -> Result<bool> {
        for (_, source) in &self.files {
            if source.has(hash)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.files.iter().map(|(_, s)| s.path().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArchiveWriter, write_table_file};

    /// What somebody else cut short or unlinked while it was open gives what is left of it, and
    /// errors; a mapping would end the process.
    #[test]
    fn a_file_that_is_cut_short_while_it_is_open_gives_errors() {
        let dir = crate::file_store::tests::temp_dir("cut-short");
        let place = Directory::local(&dir);
        let chunks: Vec<Chunk> = (0..600u32)
            .map(|n| Chunk::new(format!("{n} {}", "text ".repeat(1 + n as usize % 40))))
            .collect();
        let mut archive = ArchiveWriter::create(&place).unwrap();
        for chunk in &chunks {
            archive.append(chunk).unwrap();
        }
        for spec in [
            write_table_file(&place, &chunks).unwrap(),
            archive.finish().unwrap(),
        ] {
            let source = Source::open(&place, spec).unwrap();
            for chunk in &chunks {
                assert_eq!(source.get(&chunk.hash()).unwrap().as_ref(), Some(chunk));
            }
            let file = std::fs::OpenOptions::new();
            let file = file.clone().write(true).open(source.path()).unwrap();
            for left in [source.file_size() - 1, source.file_size() / 3, 1, 0] {
                file.set_len(left).unwrap();
                let read = chunks.iter().map(|c| (c, source.get(&c.hash())));
                let mut errors = 0;
                for (chunk, read) in read {
                    match read {
                        Ok(found) => assert_eq!(found.as_ref(), Some(chunk)),
                        Err(_) => errors += 1,
                    }
                }
                assert!(errors > 0 || left == source.file_size() - 1);
                assert!(left > 1 || errors == chunks.len());
                assert!(Source::open(&place, spec).is_err());
            }
            std::fs::remove_file(source.path()).unwrap();
            assert!(source.get(&chunks[0].hash()).is_err());
        }
        let spec = write_table_file(&place, &chunks).unwrap();
        let source = Source::open(&place, spec).unwrap();
        std::fs::remove_file(source.path()).unwrap();
        for chunk in &chunks {
            assert_eq!(source.get(&chunk.hash()).unwrap().as_ref(), Some(chunk));
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
