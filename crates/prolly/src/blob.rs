//! Large values as trees of 4000-byte leaves (spec 02 §14).

use chunks::Hash;

use crate::node_format::{write_blob_leaf, write_blob_parent};
use crate::{NodeKind, NodeStore, ProllyError, Result};

const LEAF: usize = 4000;
const FAN_OUT: usize = LEAF / Hash::LEN;
/// No value in SQL is longer.
pub const MAX_BLOB: usize = u32::MAX as usize;

/// Stores bytes; no bytes have the empty address.
pub fn write(store: &NodeStore, bytes: &[u8]) -> Result<Hash> {
    if bytes.is_empty() {
        return Ok(Hash::EMPTY);
    }
    if bytes.len() > MAX_BLOB {
        return Err(ProllyError::ValueTooLarge(MAX_BLOB));
    }
    let mut nodes: Vec<(Hash, u64)> = Vec::with_capacity(bytes.len().div_ceil(LEAF));
    for part in bytes.chunks(LEAF) {
        nodes.push((store.write(write_blob_leaf(part)?)?, 1));
    }
    if bytes.len() <= LEAF {
        return Ok(nodes[0].0);
    }
    let mut above = bytes.len() / LEAF;
    let mut level = 0;
    while above > 0 {
        above /= FAN_OUT;
        level += 1;
        nodes = nodes
            .chunks(FAN_OUT)
            .map(|children| {
                let addresses: Vec<u8> = children.iter().flat_map(|(h, _)| h.0).collect();
                let counts: Vec<u64> = children.iter().map(|(_, n)| *n).collect();
                let hash = store.write(write_blob_parent(&addresses, &counts, level)?)?;
                Ok((hash, counts.iter().sum()))
            })
            .collect::<Result<_>>()?;
    }
    Ok(nodes[0].0)
}

/// Reads all bytes; fails if there are more than `limit`.
pub fn read(store: &NodeStore, address: &Hash, limit: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for_each_leaf(store, address, &mut |part| {
        if out.len() + part.len() > limit {
            return Err(ProllyError::ValueTooLarge(limit));
        }
        out.extend_from_slice(part);
        Ok(true)
    })?;
    Ok(out)
}

/// Reads a part of the bytes, as far as they go. Only leaves that it touches are read.
pub fn read_range(store: &NodeStore, address: &Hash, from: usize, len: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if !address.is_empty() && len > 0 {
        range_below(store, address, from, len, &mut out)?;
    }
    Ok(out)
}

fn range_below(
    store: &NodeStore,
    address: &Hash,
    from: usize,
    len: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    let node = store.read(address)?;
    if node.kind() != NodeKind::Blob {
        return Err(not_a_blob(address));
    }
    if node.is_leaf() {
        let payload = node.value(0);
        let start = from.min(payload.len());
        let end = from.saturating_add(len).min(payload.len());
        out.extend_from_slice(&payload[start..end]);
        return Ok(());
    }
    // All leaves but the last of the whole tree are full.
    let to = from.saturating_add(len);
    for i in 0..node.len() {
        let start = node.items_before(i) as usize * LEAF;
        let end = node.items_before(i + 1) as usize * LEAF;
        if start >= to {
            break;
        }
        if end <= from {
            continue;
        }
        let child_from = from.saturating_sub(start);
        let child_to = (to - start).min(end - start);
        check_level(store, &node, i)?;
        range_below(
            store,
            &node.child(i),
            child_from,
            child_to - child_from,
            out,
        )?;
    }
    Ok(())
}

fn check_level(store: &NodeStore, node: &crate::Node, i: usize) -> Result<()> {
    let child = store.read(&node.child(i))?;
    match child.level() + 1 == node.level() {
        true => Ok(()),
        false => Err(ProllyError::Corrupt {
            hash: child.hash(),
            reason: "child of the wrong level",
        }),
    }
}

/// Visits the leaves of a blob or JSON tree in order, until the visitor returns false.
pub(crate) fn for_each_leaf(
    store: &NodeStore,
    address: &Hash,
    visit: &mut dyn FnMut(&[u8]) -> Result<bool>,
) -> Result<bool> {
    if address.is_empty() {
        return Ok(true);
    }
    let node = store.read(address)?;
    if node.is_leaf() {
        if node.kind() != NodeKind::Blob {
            return Err(not_a_blob(address));
        }
        return visit(node.value(0));
    }
    if !matches!(node.kind(), NodeKind::Blob | NodeKind::AddressMap) {
        return Err(not_a_blob(address));
    }
    for i in 0..node.len() {
        check_level(store, &node, i)?;
        if !for_each_leaf(store, &node.child(i), visit)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn not_a_blob(address: &Hash) -> ProllyError {
    ProllyError::Corrupt {
        hash: *address,
        reason: "not a node of a large value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_reads_back_in_whole_and_in_part() {
        let store = NodeStore::in_memory();
        for len in [
            1, 3999, 4000, 4001, 8000, 12_345, 799_999, 800_000, 800_001, 803_999, 804_000,
            1_700_001,
        ] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
            let address = write(&store, &bytes).unwrap();
            assert_eq!(read(&store, &address, len).unwrap(), bytes);
            assert!(matches!(
                read(&store, &address, len - 1),
                Err(ProllyError::ValueTooLarge(_))
            ));
            for (from, n) in [(0, 10), (3990, 20), (len / 2, 9000), (len - 1, 5), (len, 3)] {
                let expected = &bytes[from.min(len)..(from + n).min(len)];
                assert_eq!(read_range(&store, &address, from, n).unwrap(), expected);
            }
        }
        assert!(write(&store, b"").unwrap().is_empty());
        assert!(read(&store, &Hash::EMPTY, 0).unwrap().is_empty());
    }
}
