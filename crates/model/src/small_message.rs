//! Messages with one field: store root, statistics (spec 03 §2, §15.2).

use chunks::Hash;
use serial::{Builder, FileId, root_table};

use crate::{ModelError, Result};

pub(crate) fn encode_one(bytes: &[u8], kind: FileId) -> Result<Vec<u8>> {
    let mut b = Builder::new();
    let field = b.bytes(bytes);
    b.start_table(1);
    b.add_offset(0, field);
    let root = b.end_table();
    b.finish(root, kind).map_err(ModelError::message("message"))
}

pub(crate) fn decode_one(message: &[u8], kind: FileId, name: &'static str) -> Result<Vec<u8>> {
    let e = ModelError::message(name);
    let t = root_table(message, kind, 1).map_err(&e)?;
    Ok(t.required_bytes(0).map_err(&e)?.to_vec())
}

/// The map of refs, embedded in a store root.
pub fn decode_store_root(message: &[u8]) -> Result<Vec<u8>> {
    decode_one(message, FileId::STORE_ROOT, "store root")
}

/// A store root around a map of refs.
pub fn encode_store_root(map: &[u8]) -> Result<Vec<u8>> {
    encode_one(map, FileId::STORE_ROOT)
}

/// Address of the rows of statistics.
pub fn decode_statistic(message: &[u8]) -> Result<Hash> {
    let bytes = decode_one(message, FileId::STATISTIC, "statistic")?;
    Hash::from_slice(&bytes).ok_or_else(|| ModelError::corrupt("statistic", "not an address"))
}

/// Statistics whose rows are at an address.
pub fn encode_statistic(rows: &Hash) -> Result<Vec<u8>> {
    encode_one(&rows.0, FileId::STATISTIC)
}

/// A hash in a field, which must be 20 bytes.
pub(crate) fn hash_field(bytes: Option<&[u8]>, kind: &'static str) -> Result<Hash> {
    bytes
        .and_then(Hash::from_slice)
        .ok_or_else(|| ModelError::corrupt(kind, "an address is missing or not 20 bytes long"))
}
