//! Opening the store that an address names (spec 07 §1).

use std::path::Path;
use std::sync::Arc;

use chunks::{ChunkError, ChunkStore, Directory, Disk, JOURNAL_NAME, Kind, TableStore};
use model::{Database, OpenOptions};

use crate::{Error, Location, Result};

/// Bytes of tree nodes that are kept while a remote is open: its refs and commits.
const CACHE_BYTES: usize = 16 << 20;

fn is_file(disk: &dyn Disk, path: &Path) -> bool {
    matches!(disk.kind(path), Ok(Some(Kind::File(_))))
}

/// Makes the place that an address names, where it can be made.
pub fn prepare(location: &Location, disk: &Arc<dyn Disk>) -> Result<()> {
    let Some(path) = location.path() else {
        return Ok(());
    };
    if is_file(&**disk, &path) {
        return Err(Error::IsFile);
    }
    Directory::on(disk.clone(), &path).create().map_err(|e| {
        let why = match &e {
            ChunkError::Io { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        Error::Io(format!(
            "failed to create directory '{}': {why}",
            path.display()
        ))
    })
}

/// Opens a remote. A local one is on this disk.
pub fn open(location: &Location, disk: &Arc<dyn Disk>) -> Result<Database> {
    location.check_scheme()?;
    let options = OpenOptions {
        cache_bytes: CACHE_BYTES,
        ..OpenOptions::default()
    };
    let store = match (location.path(), location.scheme.as_str()) {
        (Some(path), _) => directory(&path, disk)?,
        #[cfg(feature = "s3")]
        (None, "s3") => objects(&location.url)?,
        _ => return Err(Error::Unsupported(location.scheme.clone())),
    };
    Ok(Database::in_store(store, &options)?)
}

/// The store in a bucket.
#[cfg(feature = "s3")]
fn objects(url: &str) -> Result<Arc<dyn ChunkStore>> {
    use object_chunks::{ObjectChunks, Options, Place, PlaceError};
    let bad = |e: PlaceError| Error::BadPlace(e.to_string());
    let (blobs, prefix) = Place::parse(url).and_then(|p| p.connect()).map_err(bad)?;
    let store = ObjectChunks::open(blobs, prefix, url, Options::default())?;
    Ok(Arc::new(store))
}

/// The store of table files in a directory. Databases keep a journal, which belongs to the
/// process that has the database open: they are no remotes.
fn directory(path: &Path, disk: &Arc<dyn Disk>) -> Result<Arc<dyn ChunkStore>> {
    if is_file(&**disk, path) {
        return Err(Error::IsFile);
    }
    let place = Directory::on(disk.clone(), path);
    if !place.exists() {
        return Err(Error::NoSuchDirectory(path.display().to_string()));
    }
    if place.kind(JOURNAL_NAME)?.is_some() {
        return Err(Error::IsDatabase);
    }
    // Dolt makes this one too when it opens a store, and looks for it.
    place.child("oldgen").create()?;
    Ok(Arc::new(TableStore::open(&place)?))
}
