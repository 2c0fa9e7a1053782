//! Keys of tables without primary key (spec 02 §13).

use values::tuple::tuple_of;
use xxhash_rust::xxh3::xxh3_128;

/// The key of a row: the hash of everything in the value tuple after its count.
pub fn keyless_key_of_value(value: &[u8]) -> [u8; 16] {
    let hash = xxh3_128(value.get(8..).unwrap_or_default());
    let mut out = [0; 16];
    out[..8].copy_from_slice(&(hash as u64).to_le_bytes());
    out[8..].copy_from_slice(&((hash >> 64) as u64).to_le_bytes());
    out
}

/// The key tuple of a row.
pub fn keyless_key(value: &[u8]) -> Vec<u8> {
    tuple_of(&[Some(&keyless_key_of_value(value))]).expect("one field of 16 bytes is within limits")
}
