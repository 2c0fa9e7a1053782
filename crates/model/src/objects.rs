//! Access to stored objects: the node store, and what is decoded again and again.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chunks::{Chunk, Hash};
use prolly::{ItemAddresses, KeyOrder, NodeStore};
use values::{Address, BlobSink, BlobSource, TupleDesc};

use crate::{ModelError, Result, Schema, TableLayout};

/// Schemas that are kept decoded; when there are more, all are forgotten.
const SCHEMAS_KEPT: usize = 4096;

/// The longest out-of-line value that is read at once.
const MAX_VALUE: usize = u32::MAX as usize;

/// Stored objects by address. Cloning shares the store and its caches.
#[derive(Clone)]
pub struct Objects {
    nodes: NodeStore,
    schemas: Arc<Mutex<HashMap<Hash, Arc<TableLayout>>>>,
    temporary: Option<Arc<Path>>,
    feature_version: i64,
}

impl Objects {
    /// Objects in a node store.
    pub fn new(nodes: NodeStore) -> Objects {
        Objects {
            nodes,
            schemas: Arc::default(),
            temporary: None,
            feature_version: crate::FEATURE_VERSION,
        }
    }

    /// The same objects, whose roots are written with this feature version and read up to it.
    #[must_use]
    pub fn with_feature_version(mut self, version: i64) -> Objects {
        self.feature_version = version;
        self
    }

    /// The feature version that roots are written with.
    pub fn feature_version(&self) -> i64 {
        self.feature_version
    }

    /// The same objects of a database with this directory for temporary files (spec 01 §11).
    #[must_use]
    pub fn with_temporary_directory(mut self, directory: &Path) -> Objects {
        self.temporary = Some(directory.into());
        self
    }

    /// Where temporary files go.
    pub fn temporary_directory(&self) -> PathBuf {
        // Databases that were copied may lack it, and those of simulated disks have none.
        match self.temporary.as_deref().filter(|own| own.is_dir()) {
            Some(own) => own.to_path_buf(),
            None => std::env::temp_dir(),
        }
    }

    /// Objects that live as long as the process.
    pub fn in_memory() -> Objects {
        Objects::new(NodeStore::in_memory())
    }

    /// The node store.
    pub fn nodes(&self) -> &NodeStore {
        &self.nodes
    }

    /// Out-of-line values.
    pub fn blobs(&self) -> Blobs {
        Blobs(self.nodes.clone())
    }

    /// A chunk that must be there.
    pub fn read(&self, hash: &Hash) -> Result<Chunk> {
        match self.nodes.chunks().get(hash)? {
            Some(chunk) => Ok(chunk),
            None if self.nodes.chunks().is_ghost(hash) => Err(ModelError::Ghost(*hash)),
            None => Err(prolly::ProllyError::Missing(*hash).into()),
        }
    }

    /// Stores a message and gives its address.
    pub fn write(&self, message: Vec<u8>) -> Result<Hash> {
        Ok(self.nodes.write(message)?)
    }

    /// The schema at an address, with what follows from it.
    pub fn schema(&self, hash: &Hash) -> Result<Arc<TableLayout>> {
        let mut kept = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layout) = kept.get(hash) {
            return Ok(layout.clone());
        }
        let chunk = self.read(hash)?;
        let schema = Schema::decode(chunk.bytes())?;
        let layout = Arc::new(TableLayout::new(Arc::new(schema), *hash, &self.blobs())?);
        if kept.len() >= SCHEMAS_KEPT {
            kept.clear();
        }
        kept.insert(*hash, layout.clone());
        Ok(layout)
    }

    /// Stores a schema.
    pub fn write_schema(&self, schema: &Schema) -> Result<Arc<TableLayout>> {
        let hash = self.write(schema.encode()?)?;
        self.schema(&hash)
    }
}

/// Out-of-line values in a node store.
#[derive(Clone)]
pub struct Blobs(NodeStore);

fn blob_error(e: prolly::ProllyError) -> values::Error {
    values::Error::Blob(e.to_string())
}

impl BlobSource for Blobs {
    fn read(&self, address: &Address) -> values::Result<Vec<u8>> {
        prolly::blob::read(&self.0, &Hash(*address), MAX_VALUE).map_err(blob_error)
    }

    fn read_json(&self, address: &Address) -> values::Result<Vec<u8>> {
        prolly::json_document::read(&self.0, &Hash(*address), MAX_VALUE).map_err(blob_error)
    }
}

impl BlobSink for Blobs {
    fn write(&self, bytes: &[u8]) -> values::Result<Address> {
        prolly::blob::write(&self.0, bytes)
            .map(|h| h.0)
            .map_err(blob_error)
    }

    fn write_json(&self, text: &[u8]) -> values::Result<Address> {
        prolly::json_document::write(&self.0, text)
            .map(|h| h.0)
            .map_err(blob_error)
    }
}

/// A tuple descriptor as the order of a map's keys and the finder of addresses in its items.
#[derive(Clone, Debug)]
pub struct TupleOrder(pub TupleDesc);

impl KeyOrder for TupleOrder {
    #[inline]
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        self.0.compare(a, b)
    }
}

impl ItemAddresses for TupleOrder {
    fn address_offsets(&self, item: &[u8], out: &mut Vec<u16>) {
        self.0.address_offsets(item, out);
    }
}
