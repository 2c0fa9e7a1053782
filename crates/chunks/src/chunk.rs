use bytes::Bytes;

use crate::Hash;

/// Immutable bytes with their address. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Chunk {
    hash: Hash,
    bytes: Bytes,
    dense: bool,
    /// As it lies in a table file or journal that it was read from.
    record: Option<Bytes>,
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Chunk) -> bool {
        self.hash == other.hash && self.bytes == other.bytes
    }
}

impl Eq for Chunk {}

impl Chunk {
    /// A chunk of these bytes, hashed.
    pub fn new(bytes: impl Into<Bytes>) -> Chunk {
        let bytes = bytes.into();
        Chunk {
            hash: Hash::of(&bytes),
            bytes,
            dense: false,
            record: None,
        }
    }

    /// A chunk whose hash is known already, from the store that keeps it or because the caller
    /// computed it.
    pub fn with_hash(hash: Hash, bytes: impl Into<Bytes>) -> Chunk {
        Chunk {
            hash,
            bytes: bytes.into(),
            dense: false,
            record: None,
        }
    }

    /// The same chunk, marked as not worth compressing.
    #[must_use]
    pub fn dense(self) -> Chunk {
        Chunk {
            dense: true,
            ..self
        }
    }

    /// The same chunk with the record that it was read from, which need not be made again to copy
    /// it.
    #[must_use]
    pub(crate) fn with_record(self, record: Bytes) -> Chunk {
        Chunk {
            record: Some(record),
            ..self
        }
    }

    /// The record that it was read from.
    pub(crate) fn record(&self) -> Option<&[u8]> {
        self.record.as_deref()
    }

    /// Whether compressing it is not worth the time.
    pub fn is_dense(&self) -> bool {
        self.dense
    }

    /// The address.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, shared.
    pub fn shared(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Whether the address is that of the bytes.
    pub fn is_intact(&self) -> bool {
        Hash::of(&self.bytes) == self.hash
    }
}
