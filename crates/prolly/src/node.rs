//! A tree node as a view over its message (spec 02 §3).

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chunks::Hash;
use serial::{FileId, Table, Vector};

use crate::{ProllyError, Result};

/// What kind of tree a node is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// Rows (`TUPM`).
    Rows,
    /// Names and addresses, or the upper levels of a JSON document (`ADRM`).
    AddressMap,
    /// Ancestors of a commit (`CMCL`).
    CommitClosure,
    /// Conflicts and violations (`ARTM`).
    Artifacts,
    /// Bytes of a large value (`BLOB`).
    Blob,
    /// A vector index (`IVFF`).
    Vector,
}

/// Slots of a kind's fields, from spec 02 §3; a kind without the field has `None`.
struct Slots {
    kind: NodeKind,
    fields: usize,
    key_items: Option<usize>,
    key_offsets: Option<usize>,
    value_items: Option<usize>,
    value_offsets: Option<usize>,
    addresses: usize,
    subtree_counts: usize,
    tree_count: usize,
    level: usize,
    item_addresses: Option<usize>,
}

fn slots(id: FileId) -> Option<Slots> {
    let slots = |kind, fields, keys: (Option<usize>, Option<usize>), values, rest: [usize; 4]| {
        let (value_items, value_offsets) = values;
        Slots {
            kind,
            fields,
            key_items: keys.0,
            key_offsets: keys.1,
            value_items,
            value_offsets,
            addresses: rest[0],
            subtree_counts: rest[1],
            tree_count: rest[2],
            level: rest[3],
            item_addresses: None,
        }
    };
    let keys = (Some(0), Some(1));
    Some(match id {
        FileId::PROLLY_NODE => Slots {
            item_addresses: Some(6),
            ..slots(NodeKind::Rows, 11, keys, (Some(3), Some(4)), [7, 8, 9, 10])
        },
        FileId::ADDRESS_MAP => slots(NodeKind::AddressMap, 6, keys, (None, None), [2, 3, 4, 5]),
        FileId::COMMIT_CLOSURE => slots(
            NodeKind::CommitClosure,
            5,
            (Some(0), None),
            (None, None),
            [1, 2, 3, 4],
        ),
        FileId::MERGE_ARTIFACTS => Slots {
            item_addresses: Some(2),
            ..slots(
                NodeKind::Artifacts,
                9,
                keys,
                (Some(3), Some(4)),
                [5, 6, 7, 8],
            )
        },
        FileId::BLOB => slots(
            NodeKind::Blob,
            5,
            (None, None),
            (Some(0), None),
            [1, 2, 3, 4],
        ),
        FileId::VECTOR_NODE => slots(NodeKind::Vector, 10, keys, (Some(2), Some(3)), [4, 5, 6, 7]),
        _ => return None,
    })
}

/// How the items of one side of a node lie in its message.
#[derive(Clone, Copy, Debug)]
enum Items {
    /// There are none: every item is empty.
    Absent,
    /// One item.
    Whole { start: usize, len: usize },
    /// Items of equal length, one after the other.
    Fixed { start: usize, width: usize },
    /// Items that lie between successive u16 offsets.
    Offsets16 { start: usize, offsets: usize },
    /// Items that lie between successive u32 offsets.
    Offsets32 { start: usize, offsets: usize },
}

impl Items {
    fn range(&self, message: &[u8], i: usize) -> Range<usize> {
        match *self {
            Items::Absent => 0..0,
            Items::Whole { start, len } => start..start + len,
            Items::Fixed { start, width } => start + i * width..start + (i + 1) * width,
            Items::Offsets16 { start, offsets } => {
                let at = offsets + 2 * i;
                let two = &message[at..at + 4];
                let from = u16::from_le_bytes([two[0], two[1]]) as usize;
                let to = u16::from_le_bytes([two[2], two[3]]) as usize;
                start + from..start + to
            }
            Items::Offsets32 { start, offsets } => {
                let at = offsets + 4 * i;
                let two = &message[at..at + 8];
                let from = u32::from_le_bytes([two[0], two[1], two[2], two[3]]) as usize;
                let to = u32::from_le_bytes([two[4], two[5], two[6], two[7]]) as usize;
                start + from..start + to
            }
        }
    }
}

/// A node of a tree: its message, and where its items lie in it.
#[derive(Debug)]
pub struct Node {
    message: Bytes,
    /// Known from its address, or worked out when somebody asks.
    hash: OnceLock<Hash>,
    kind: NodeKind,
    level: u8,
    count: usize,
    tree_count: u64,
    keys: Items,
    values: Items,
    /// For internal nodes: items below the children before each child, and below all.
    below: Box<[u64]>,
    item_addresses: Vector,
}

impl Node {
    /// Reads the node in a chunk.
    pub fn read(message: Bytes, hash: Hash) -> Result<Node> {
        let of_message = |source| ProllyError::Message { hash, source };
        let corrupt = |reason| ProllyError::Corrupt { hash, reason };
        let id = serial::file_id(&message).ok_or(of_message(serial::SerialError::NotSerial))?;
        let slots = slots(id).ok_or_else(|| ProllyError::NotANode(id.to_string()))?;
        let table = Table::root(&message, slots.fields).map_err(of_message)?;
        let level = table.u8(slots.level, 0).map_err(of_message)?;
        let tree_count = table.u64(slots.tree_count, 0).map_err(of_message)?;
        let vector = |slot: usize, width| table.vector(slot, width).map_err(of_message);
        let wide = slots.kind == NodeKind::Vector;
        // Items between offsets: checked once here, so that access needs no checks.
        let items = |data: Vector, offsets: Vector| {
            let word = |i: usize| {
                if wide {
                    let at = offsets.start + 4 * i;
                    let b = &message[at..at + 4];
                    u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize
                } else {
                    let at = offsets.start + 2 * i;
                    u16::from_le_bytes([message[at], message[at + 1]]) as usize
                }
            };
            let n = offsets.count.checked_sub(1)?;
            let mut last = 0;
            for i in 0..=n {
                let at = word(i);
                if at < last {
                    return None;
                }
                last = at;
            }
            let (start, offsets) = (data.start, offsets.start);
            (word(0) == 0 && last == data.count).then_some(match wide {
                true => (Items::Offsets32 { start, offsets }, n),
                false => (Items::Offsets16 { start, offsets }, n),
            })
        };
        let offset_width = if wide { 4 } else { 2 };

        let addresses = vector(slots.addresses, 1)?;
        let mut counts = Vec::new();
        let mut keys = Items::Absent;
        if let Some(slot) = slots.key_items {
            let data = vector(slot, 1)?.ok_or(corrupt("no keys"))?;
            let n = match slots.key_offsets {
                Some(slot) => {
                    let offsets = vector(slot, offset_width)?.ok_or(corrupt("no key offsets"))?;
                    let (found, n) = items(data, offsets).ok_or(corrupt("key offsets"))?;
                    keys = found;
                    n
                }
                None => {
                    let width = CLOSURE_KEY;
                    if data.count % width != 0 {
                        return Err(corrupt("key length"));
                    }
                    keys = Items::Fixed {
                        start: data.start,
                        width,
                    };
                    data.count / width
                }
            };
            counts.push(n);
        }
        let mut values = Items::Absent;
        let has_addresses = level > 0 || slots.kind == NodeKind::AddressMap;
        if has_addresses {
            let data = addresses.ok_or(corrupt("no child addresses"))?;
            if data.count % Hash::LEN != 0 {
                return Err(corrupt("child addresses"));
            }
            values = Items::Fixed {
                start: data.start,
                width: Hash::LEN,
            };
            counts.push(data.count / Hash::LEN);
        } else if let Some(slot) = slots.value_items {
            let data = vector(slot, 1)?;
            match slots.value_offsets {
                Some(slot) => {
                    let data = data.ok_or(corrupt("no values"))?;
                    let offsets = vector(slot, offset_width)?.ok_or(corrupt("no value offsets"))?;
                    let (found, n) = items(data, offsets).ok_or(corrupt("value offsets"))?;
                    values = found;
                    counts.push(n);
                }
                None => {
                    let data = data.unwrap_or_default();
                    values = Items::Whole {
                        start: data.start,
                        len: data.count,
                    };
                    counts.push(1);
                }
            }
        }
        let count = counts.first().copied().unwrap_or(0);
        if counts.iter().any(|n| *n != count) {
            return Err(corrupt("keys and values differ in number"));
        }
        let mut below = Vec::new();
        if level > 0 {
            if count == 0 {
                return Err(corrupt("an internal node without children"));
            }
            let packed = table.bytes(slots.subtree_counts).map_err(of_message)?;
            below =
                prefix_sums(packed.unwrap_or_default(), count).ok_or(corrupt("subtree counts"))?;
        }
        let item_addresses = match slots.item_addresses {
            Some(slot) => vector(slot, 2)?.unwrap_or_default(),
            None => Vector::default(),
        };
        Ok(Node {
            message: message.clone(),
            hash: OnceLock::from(hash),
            kind: slots.kind,
            level,
            count,
            tree_count,
            keys,
            values,
            below: below.into_boxed_slice(),
            item_addresses,
        })
    }

    /// Reads a node that is embedded in another message.
    pub fn embedded(message: impl Into<Bytes>) -> Result<Node> {
        let message = message.into();
        let mut node = Node::read(message, Hash::EMPTY)?;
        node.hash = OnceLock::new();
        Ok(node)
    }

    /// Address of the node.
    pub fn hash(&self) -> Hash {
        *self.hash_ref()
    }

    pub(crate) fn hash_ref(&self) -> &Hash {
        self.hash.get_or_init(|| Hash::of(&self.message))
    }

    /// The same node, whose address the caller has computed.
    pub(crate) fn with_hash(self, hash: Hash) -> Node {
        Node {
            hash: OnceLock::from(hash),
            ..self
        }
    }

    /// The whole message.
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// What tree it is part of.
    pub fn kind(&self) -> NodeKind {
        self.kind
    }

    /// Distance from the leaves.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Whether it has no children.
    pub fn is_leaf(&self) -> bool {
        self.level == 0
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of items in all leaves below; for a leaf, its own.
    pub fn tree_count(&self) -> u64 {
        match self.below.last() {
            Some(sum) => *sum,
            None => self.count as u64,
        }
    }

    /// The number that the message itself states.
    pub fn stated_tree_count(&self) -> u64 {
        self.tree_count
    }

    /// A key; in an internal node, the last key below the child.
    #[inline]
    pub fn key(&self, i: usize) -> &[u8] {
        &self.message[self.keys.range(&self.message, i)]
    }

    /// A value; in an internal node, the child's address.
    #[inline]
    pub fn value(&self, i: usize) -> &[u8] {
        &self.message[self.values.range(&self.message, i)]
    }

    /// Where a value lies in the message.
    pub(crate) fn value_range(&self, i: usize) -> Range<usize> {
        self.values.range(&self.message, i)
    }

    /// The node whose message differs from this one's in the bytes of values alone.
    pub(crate) fn with_message(&self, message: Vec<u8>) -> Node {
        debug_assert_eq!(message.len(), self.message.len());
        Node {
            message: message.into(),
            hash: OnceLock::new(),
            below: self.below.clone(),
            ..*self
        }
    }

    /// A value, sharing the node's bytes.
    pub fn shared_value(&self, i: usize) -> Bytes {
        self.message.slice(self.values.range(&self.message, i))
    }

    /// The address that a value is: a child, or an entry of an address map.
    #[inline]
    pub fn child(&self, i: usize) -> Hash {
        Hash::from_slice(self.value(i)).unwrap_or_default()
    }

    /// Items in the leaves below a child.
    pub fn subtree_count(&self, i: usize) -> u64 {
        match self.level {
            0 => 1,
            _ => self.below[i + 1] - self.below[i],
        }
    }

    /// Items in the leaves below all children before `i`, `i` up to [`len`](Node::len).
    #[inline]
    pub fn items_before(&self, i: usize) -> u64 {
        match self.level {
            0 => i as u64,
            _ => self.below[i],
        }
    }

    /// The child below which an ordinal lies.
    pub(crate) fn child_at_ordinal(&self, ordinal: u64) -> usize {
        match self.level {
            0 => ordinal as usize,
            _ => self.below.partition_point(|&b| b <= ordinal) - 1,
        }
    }

    /// Offsets, into the values (keys for artifacts), of the addresses that items hold.
    pub fn item_address_offsets(&self) -> impl Iterator<Item = usize> + '_ {
        let v = self.item_addresses;
        self.message[v.start..v.start + 2 * v.count]
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]) as usize)
    }

    /// All values (keys for artifacts), one after the other.
    pub(crate) fn addressed_bytes(&self) -> &[u8] {
        let items = match self.kind {
            NodeKind::Artifacts => &self.keys,
            _ => &self.values,
        };
        if self.count == 0 {
            return &[];
        }
        let first = items.range(&self.message, 0);
        let last = items.range(&self.message, self.count - 1);
        &self.message[first.start..last.end]
    }

    /// Bytes of memory that the node takes.
    pub fn size(&self) -> usize {
        size_of::<Node>() + self.message.len() + 8 * self.below.len()
    }
}

/// Bytes of a commit closure's key.
pub(crate) const CLOSURE_KEY: usize = 28;

/// Sums of delta-coded varints (spec 02 §3.7): n+1 of them, starting with 0.
fn prefix_sums(packed: &[u8], n: usize) -> Option<Vec<u64>> {
    let mut sums = Vec::with_capacity(n + 1);
    sums.push(0u64);
    let (mut at, mut count, mut sum) = (0, 0i64, 0u64);
    for _ in 0..n {
        let (mut zigzag, mut shift) = (0u64, 0);
        loop {
            let byte = *packed.get(at)?;
            at += 1;
            if shift > 63 {
                return None;
            }
            zigzag |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let delta = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        count = count.checked_add(delta)?;
        sum = sum.checked_add(u64::try_from(count).ok()?)?;
        sums.push(sum);
    }
    (at == packed.len()).then_some(sums)
}

/// Packs counts as deltas (spec 02 §3.7).
pub(crate) fn pack_counts(counts: &[u64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * counts.len());
    let mut last = 0i64;
    for &count in counts {
        let delta = (count as i64).wrapping_sub(last);
        last = count as i64;
        let mut zigzag = ((delta << 1) ^ (delta >> 63)) as u64;
        while zigzag >= 0x80 {
            out.push(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        out.push(zigzag as u8);
    }
    out
}

/// One item of a leaf; keeps the leaf alive.
#[derive(Clone, Debug)]
pub struct Item {
    node: Arc<Node>,
    index: usize,
}

impl Item {
    pub(crate) fn new(node: Arc<Node>, index: usize) -> Item {
        debug_assert!(index < node.len());
        Item { node, index }
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        self.node.key(self.index)
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        self.node.value(self.index)
    }

    /// The value, as an address.
    pub fn address(&self) -> Hash {
        self.node.child(self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_round_trip() {
        for counts in [
            vec![],
            vec![1],
            vec![100, 100, 3, 70_000, u32::MAX as u64],
            vec![0, 0],
        ] {
            let sums = prefix_sums(&pack_counts(&counts), counts.len()).unwrap();
            let back: Vec<u64> = sums.windows(2).map(|w| w[1] - w[0]).collect();
            assert_eq!(back, counts);
        }
        assert!(prefix_sums(&[1], 1).is_none(), "negative");
        assert!(prefix_sums(&[2, 2], 1).is_none(), "too long");
        assert!(prefix_sums(&[0x80], 1).is_none(), "cut");
        assert!(prefix_sums(&[0xff; 12], 1).is_none(), "too many bits");
    }
}
