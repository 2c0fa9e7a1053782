//! What a chunk refers to: the edges that garbage collection, push and fsck walk
//! (spec 01 §13, spec 02 §3.9).

use bytes::Bytes;
use chunks::Hash;
use serial::{FileId, SerialError, Table};

use crate::node::Node;
use crate::{NodeKind, ProllyError, Result};

/// Deepest nesting of messages in messages; Dolt's is two.
const MAX_NESTING: usize = 4;

/// All addresses that a chunk's bytes refer to, in the order in which they lie, with repeats.
pub fn of_chunk(bytes: &Bytes) -> Result<Vec<Hash>> {
    let mut out = Vec::new();
    visit(bytes, &mut |hash| out.push(hash))?;
    Ok(out)
}

/// Visits all addresses that a chunk's bytes refer to.
pub fn visit(bytes: &Bytes, found: &mut dyn FnMut(Hash)) -> Result<()> {
    visit_nested(bytes, found, 0)
}

fn visit_nested(bytes: &Bytes, found: &mut dyn FnMut(Hash), depth: usize) -> Result<()> {
    let hash = || Hash::of(bytes);
    let message = |source| ProllyError::Message {
        hash: hash(),
        source,
    };
    let id = serial::file_id(bytes).ok_or_else(|| message(SerialError::NotSerial))?;
    if depth > MAX_NESTING {
        return Err(ProllyError::Corrupt {
            hash: hash(),
            reason: "messages are nested too deeply",
        });
    }
    // References are walked in newer messages too, as far as their fields are known.
    let table = || Table::root(bytes, usize::MAX).map_err(message);
    let mut one = |table: &Table<'_>, slot: usize| -> Result<()> {
        if let Some(field) = table.bytes(slot).map_err(message)? {
            for address in field.chunks_exact(Hash::LEN) {
                if let Some(hash) = Hash::from_slice(address).filter(|h| !h.is_empty()) {
                    found(hash);
                }
            }
        }
        Ok(())
    };
    let mut embedded = Vec::new();
    let mut embed = |table: &Table<'_>, slot: usize| -> Result<()> {
        if let Some(field) = table.bytes(slot).map_err(message)?
            && !field.is_empty()
        {
            embedded.push(bytes.slice_ref(field));
        }
        Ok(())
    };
    match id {
        FileId::STORE_ROOT | FileId::STASH_LIST => embed(&table()?, 0)?,
        FileId::STATISTIC | FileId::TAG => one(&table()?, 0)?,
        FileId::STASH => {
            let t = table()?;
            one(&t, 0)?;
            one(&t, 1)?;
        }
        FileId::WORKING_SET => {
            let t = table()?;
            one(&t, 0)?;
            one(&t, 1)?;
            if let Some(merge) = t.table(6, usize::MAX).map_err(message)? {
                one(&merge, 0)?;
                one(&merge, 1)?;
            }
            // Dolt does not walk these two; without them a rebase could lose its way back.
            if let Some(rebase) = t.table(7, usize::MAX).map_err(message)? {
                one(&rebase, 0)?;
                one(&rebase, 2)?;
            }
        }
        FileId::ROOT_VALUE => {
            let t = table()?;
            embed(&t, 1)?;
            one(&t, 2)?;
        }
        FileId::TABLE => {
            let t = table()?;
            one(&t, 0)?;
            if let Some(conflicts) = t.table(4, usize::MAX).map_err(message)? {
                for slot in 0..4 {
                    one(&conflicts, slot)?;
                }
            }
            one(&t, 5)?;
            one(&t, 6)?;
            embed(&t, 2)?;
            embed(&t, 1)?;
        }
        FileId::COMMIT => {
            let t = table()?;
            one(&t, 2)?;
            one(&t, 0)?;
            one(&t, 3)?;
        }
        FileId::PROLLY_NODE
        | FileId::ADDRESS_MAP
        | FileId::MERGE_ARTIFACTS
        | FileId::BLOB
        | FileId::COMMIT_CLOSURE
        | FileId::VECTOR_NODE => visit_node(bytes, found)?,
        FileId::TABLE_SCHEMA | FileId::FOREIGN_KEYS | FileId::TUPLE => {}
        FileId::DOLTGRES_ROOT => {
            return Err(ProllyError::NotANode(
                "cannot walk a Doltgres root value from within Dolt".into(),
            ));
        }
        other => {
            return Err(ProllyError::NotANode(format!(
                "unsupported SerialMessage message with FileID: {other}"
            )));
        }
    }
    for message in embedded {
        visit_nested(&message, found, depth + 1)?;
    }
    Ok(())
}

fn visit_node(bytes: &Bytes, found: &mut dyn FnMut(Hash)) -> Result<()> {
    let node = Node::read(bytes.clone(), Hash::EMPTY)?;
    if !node.is_leaf() || node.kind() == NodeKind::AddressMap {
        for i in 0..node.len() {
            found(node.child(i));
        }
        return Ok(());
    }
    match node.kind() {
        NodeKind::CommitClosure => {
            for i in 0..node.len() {
                found(crate::ClosureKey::from_bytes(node.key(i)).commit);
            }
        }
        NodeKind::Rows | NodeKind::Artifacts => {
            let items = node.addressed_bytes();
            for offset in node.item_address_offsets() {
                let address = items
                    .get(offset..offset + Hash::LEN)
                    .and_then(Hash::from_slice)
                    .ok_or(ProllyError::Corrupt {
                        hash: Hash::of(bytes),
                        reason: "address offset",
                    })?;
                found(address);
            }
        }
        _ => {}
    }
    Ok(())
}
