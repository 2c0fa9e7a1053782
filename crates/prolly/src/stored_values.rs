//! What `values` needs of trees, and what trees need of `values`: the order of tuples, the
//! addresses in them, and large values behind those addresses.

use std::cmp::Ordering;

use chunks::Hash;
use values::{Address, BlobSink, BlobSource, TupleDesc};

use crate::{ItemAddresses, KeyOrder, NodeStore, blob, json_document};

impl KeyOrder for TupleDesc {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        TupleDesc::compare(self, a, b)
    }

    fn rank(&self, key: &[u8]) -> u64 {
        TupleDesc::rank(self, key)
    }
}

impl ItemAddresses for TupleDesc {
    fn address_offsets(&self, item: &[u8], out: &mut Vec<u16>) {
        TupleDesc::address_offsets(self, item, out);
    }
}

fn failed(error: crate::ProllyError) -> values::Error {
    values::Error::Blob(error.to_string())
}

impl BlobSource for NodeStore {
    fn read(&self, address: &Address) -> values::Result<Vec<u8>> {
        blob::read(self, &Hash(*address), blob::MAX_BLOB).map_err(failed)
    }

    fn read_json(&self, address: &Address) -> values::Result<Vec<u8>> {
        json_document::read(self, &Hash(*address), blob::MAX_BLOB).map_err(failed)
    }
}

impl BlobSink for NodeStore {
    fn write(&self, bytes: &[u8]) -> values::Result<Address> {
        blob::write(self, bytes).map(|h| h.0).map_err(failed)
    }

    fn write_json(&self, text: &[u8]) -> values::Result<Address> {
        json_document::write(self, text)
            .map(|h| h.0)
            .map_err(failed)
    }
}
