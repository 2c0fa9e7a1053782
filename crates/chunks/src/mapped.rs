//! Files mapped into memory.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

use crate::{ChunkError, Result};

/// The bytes of a finished file, mapped.
pub struct Mapped(Mmap);

impl Mapped {
    /// Maps a file that is complete and never written again: a table file or an archive.
    #[allow(unsafe_code)]
    pub(crate) fn open(path: &Path) -> Result<Mapped> {
        let file = File::open(path).map_err(|e| ChunkError::io("open", path, e))?;
        // SAFETY: a mapping is sound while nobody changes or truncates the file. Table files and
        // archives come into being by rename and are only ever unlinked (spec 01 §4, §12), which
        // leaves mappings intact; test `a_deleted_file_stays_readable` holds to it.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| ChunkError::io("map", path, e))?;
        Ok(Mapped(map))
    }
}

impl Deref for Mapped {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_file_stays_readable() {
        let path = std::env::temp_dir().join(format!("mapped-{}", std::process::id()));
        std::fs::write(&path, b"still here").unwrap();
        let map = Mapped::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(&map[..], b"still here");
    }
}
