//! Opening the store that an address names (spec 07 §1).

use std::path::Path;
use std::sync::Arc;

use chunks::{ChunkStore, Directory, JOURNAL_NAME, TableStore};
use model::{Database, OpenOptions};

use crate::{Error, Location, Result};

/// Bytes of tree nodes that are kept while a remote is open: its refs and commits.
const CACHE_BYTES: usize = 16 << 20;

/// Makes the place that an address names, where it can be made.
pub fn prepare(location: &Location) -> Result<()> {
    let Some(path) = location.path() else {
        return Ok(());
    };
    if path.is_file() {
        return Err(Error::IsFile);
    }
    std::fs::create_dir_all(&path).map_err(|e| {
        Error::Io(format!(
            "failed to create directory '{}': {e}",
            path.display()
        ))
    })
}

/// Opens a remote.
pub fn open(location: &Location) -> Result<Database> {
    location.check_scheme()?;
    let Some(path) = location.path() else {
        return Err(Error::Unsupported(location.scheme.clone()));
    };
    let options = OpenOptions {
        cache_bytes: CACHE_BYTES,
        ..OpenOptions::default()
    };
    Ok(Database::in_store(directory(&path)?, &options)?)
}

/// The store of table files in a directory. Databases keep a journal, which belongs to the
/// process that has the database open: they are no remotes.
fn directory(path: &Path) -> Result<Arc<dyn ChunkStore>> {
    if path.is_file() {
        return Err(Error::IsFile);
    }
    if !path.is_dir() {
        return Err(Error::NoSuchDirectory(path.display().to_string()));
    }
    if path.join(JOURNAL_NAME).exists() {
        return Err(Error::IsDatabase);
    }
    // Dolt makes this one too when it opens a store, and looks for it.
    let old = path.join("oldgen");
    if !old.is_dir() {
        std::fs::create_dir(&old)
            .map_err(|e| Error::Io(format!("create {}: {e}", old.display())))?;
    }
    Ok(Arc::new(TableStore::open(&Directory::local(path))?))
}
