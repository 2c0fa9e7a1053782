//! Writing nodes (spec 02 §3).

use std::sync::Arc;

use serial::{Builder, FileId, Offset};

use crate::node::pack_counts;
use crate::{ItemAddresses, KeyVectors, NoAddresses, Node, NodeKind, ProllyError, Result};

/// How the nodes of a tree are written.
#[derive(Clone)]
pub enum NodeFormat {
    /// Rows; the layout finds the addresses in values.
    Rows(Arc<dyn ItemAddresses>),
    /// Names and addresses.
    AddressMap,
    /// Ancestors of a commit.
    CommitClosure,
    /// Conflicts and violations; the layout finds the addresses in keys.
    Artifacts(Arc<dyn ItemAddresses>),
    /// A vector index.
    Vector {
        /// Logarithm of the mean number of keys in a node.
        log_chunk_size: u8,
        /// 1 for squared Euclidean distance.
        distance: u8,
        /// The vectors of its keys.
        vectors: Arc<dyn KeyVectors>,
    },
}

impl NodeFormat {
    /// Rows whose values hold no addresses: secondary indexes, for instance.
    pub fn plain_rows() -> NodeFormat {
        NodeFormat::Rows(Arc::new(NoAddresses))
    }

    /// The kind of nodes that are written so.
    pub fn kind(&self) -> NodeKind {
        match self {
            NodeFormat::Rows(_) => NodeKind::Rows,
            NodeFormat::AddressMap => NodeKind::AddressMap,
            NodeFormat::CommitClosure => NodeKind::CommitClosure,
            NodeFormat::Artifacts(_) => NodeKind::Artifacts,
            NodeFormat::Vector { .. } => NodeKind::Vector,
        }
    }

    /// Refuses a node of another kind.
    pub(crate) fn check(&self, node: &Node) -> Result<()> {
        match node.kind() == self.kind() {
            true => Ok(()),
            false => Err(ProllyError::Corrupt {
                hash: node.hash(),
                reason: "node of another kind of tree",
            }),
        }
    }
}

/// Items of a node that is not complete yet.
#[derive(Default)]
pub(crate) struct PendingNode {
    keys: Vec<u8>,
    key_ends: Vec<u32>,
    values: Vec<u8>,
    value_ends: Vec<u32>,
    counts: Vec<u64>,
}

impl PendingNode {
    pub fn push(&mut self, key: &[u8], value: &[u8], count: u64) {
        self.keys.extend_from_slice(key);
        self.key_ends.push(self.keys.len() as u32);
        self.values.extend_from_slice(value);
        self.value_ends.push(self.values.len() as u32);
        self.counts.push(count);
    }

    pub fn len(&self) -> usize {
        self.counts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Bytes of keys and values.
    pub fn bytes(&self) -> usize {
        self.keys.len() + self.values.len()
    }

    /// Items in the leaves below.
    pub fn tree_count(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn range(ends: &[u32], i: usize) -> std::ops::Range<usize> {
        let start = if i == 0 { 0 } else { ends[i - 1] as usize };
        start..ends[i] as usize
    }

    pub fn last_key(&self) -> &[u8] {
        match self.len() {
            0 => &[],
            n => &self.keys[PendingNode::range(&self.key_ends, n - 1)],
        }
    }

    pub fn value(&self, i: usize) -> &[u8] {
        &self.values[PendingNode::range(&self.value_ends, i)]
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.key_ends.clear();
        self.values.clear();
        self.value_ends.clear();
        self.counts.clear();
    }

    /// Offsets of every address in the values (or keys).
    fn addresses(items: &[u8], ends: &[u32], layout: &dyn ItemAddresses) -> Vec<u16> {
        let mut out = Vec::new();
        for i in 0..ends.len() {
            let range = PendingNode::range(ends, i);
            let from = out.len();
            layout.address_offsets(&items[range.clone()], &mut out);
            for offset in &mut out[from..] {
                *offset += range.start as u16;
            }
        }
        out
    }

    /// The message of a node with these items.
    pub fn write(&self, format: &NodeFormat, level: u8) -> Result<Vec<u8>> {
        let mut b = Builder::with_capacity(self.bytes() + 8 * self.len() + 256);
        let leaf = level == 0;
        let total = match leaf {
            true => self.len() as u64,
            false => self.tree_count(),
        };
        let short = |ends: &[u32]| -> Vec<u16> {
            std::iter::once(0)
                .chain(ends.iter().map(|e| *e as u16))
                .collect()
        };
        let long =
            |ends: &[u32]| -> Vec<u32> { std::iter::once(0).chain(ends.iter().copied()).collect() };
        let children = |b: &mut Builder| {
            let addresses = b.bytes(&self.values);
            let counts = b.bytes(&pack_counts(&self.counts));
            (addresses, counts)
        };
        let keys = b.bytes(&self.keys);
        let (root, id) = match format {
            NodeFormat::Rows(layout) => {
                let key_offsets = b.u16s(short(&self.key_ends).into_iter());
                if leaf {
                    let values = b.bytes(&self.values);
                    let value_offsets = b.u16s(short(&self.value_ends).into_iter());
                    let held = PendingNode::addresses(&self.values, &self.value_ends, &**layout);
                    let held = addresses_vector(&mut b, held);
                    b.start_table(11);
                    b.add_offset(0, keys);
                    b.add_offset(1, key_offsets);
                    b.add_offset(3, values);
                    b.add_offset(4, value_offsets);
                    b.add_u64(9, total, 0);
                    b.add_offset(6, held);
                } else {
                    let (addresses, counts) = children(&mut b);
                    b.start_table(11);
                    b.add_offset(0, keys);
                    b.add_offset(1, key_offsets);
                    b.add_offset(7, addresses);
                    b.add_offset(8, counts);
                    b.add_u64(9, total, 0);
                }
                b.add_u8(2, 1, 0);
                b.add_u8(5, 1, 0);
                b.add_u8(10, level, 0);
                (b.end_table(), FileId::PROLLY_NODE)
            }
            NodeFormat::AddressMap => {
                let key_offsets = b.u16s(short(&self.key_ends).into_iter());
                let addresses = b.bytes(&self.values);
                let counts = match leaf {
                    true => Offset::NONE,
                    false => b.bytes(&pack_counts(&self.counts)),
                };
                b.start_table(6);
                b.add_offset(0, keys);
                b.add_offset(1, key_offsets);
                b.add_offset(2, addresses);
                b.add_offset(3, counts);
                b.add_u64(4, total, 0);
                b.add_u8(5, level, 0);
                (b.end_table(), FileId::ADDRESS_MAP)
            }
            NodeFormat::CommitClosure => {
                let (addresses, counts) = match leaf {
                    true => (Offset::NONE, Offset::NONE),
                    false => children(&mut b),
                };
                b.start_table(5);
                b.add_offset(0, keys);
                b.add_offset(1, addresses);
                b.add_offset(2, counts);
                b.add_u64(3, total, 0);
                b.add_u8(4, level, 0);
                (b.end_table(), FileId::COMMIT_CLOSURE)
            }
            NodeFormat::Artifacts(layout) => {
                let key_offsets = b.u16s(short(&self.key_ends).into_iter());
                if leaf {
                    let values = b.bytes(&self.values);
                    let value_offsets = b.u16s(short(&self.value_ends).into_iter());
                    let held = PendingNode::addresses(&self.keys, &self.key_ends, &**layout);
                    let held = addresses_vector(&mut b, held);
                    b.start_table(9);
                    b.add_offset(0, keys);
                    b.add_offset(1, key_offsets);
                    b.add_offset(3, values);
                    b.add_offset(4, value_offsets);
                    b.add_u64(7, total, 0);
                    b.add_offset(2, held);
                } else {
                    let (addresses, counts) = children(&mut b);
                    b.start_table(9);
                    b.add_offset(0, keys);
                    b.add_offset(1, key_offsets);
                    b.add_offset(5, addresses);
                    b.add_offset(6, counts);
                    b.add_u64(7, total, 0);
                }
                b.add_u8(8, level, 0);
                (b.end_table(), FileId::MERGE_ARTIFACTS)
            }
            NodeFormat::Vector {
                log_chunk_size,
                distance,
                ..
            } => {
                let key_offsets = b.u32s(long(&self.key_ends).into_iter());
                let (first, second, slots) = if leaf {
                    let values = b.bytes(&self.values);
                    let value_offsets = b.u32s(long(&self.value_ends).into_iter());
                    (values, value_offsets, [2, 3])
                } else {
                    let (addresses, counts) = children(&mut b);
                    (addresses, counts, [4, 5])
                };
                b.start_table(10);
                b.add_offset(0, keys);
                b.add_offset(1, key_offsets);
                b.add_offset(slots[0], first);
                b.add_offset(slots[1], second);
                b.add_u64(6, total, 0);
                b.add_u8(7, level, 0);
                b.add_u8(8, *log_chunk_size, 0);
                b.add_u8(9, *distance, 0);
                (b.end_table(), FileId::VECTOR_NODE)
            }
        };
        b.finish(root, id).map_err(ProllyError::from)
    }
}

fn addresses_vector(b: &mut Builder, held: Vec<u16>) -> Offset {
    match held.is_empty() {
        true => Offset::NONE,
        false => b.u16s(held.into_iter()),
    }
}

/// The message of a blob node: a leaf with its payload, or an internal node with its children
/// and the leaves below each (spec 02 §3.3).
pub(crate) fn write_blob_leaf(payload: &[u8]) -> Result<Vec<u8>> {
    let mut b = Builder::with_capacity(payload.len() + 64);
    let payload = b.bytes(payload);
    b.start_table(5);
    b.add_offset(0, payload);
    b.add_u64(3, 1, 0);
    let root = b.end_table();
    b.finish(root, FileId::BLOB).map_err(ProllyError::from)
}

/// See [`write_blob_leaf`].
pub(crate) fn write_blob_parent(addresses: &[u8], counts: &[u64], level: u8) -> Result<Vec<u8>> {
    let mut b = Builder::with_capacity(addresses.len() + 2 * counts.len() + 64);
    let addresses = b.bytes(addresses);
    let packed = b.bytes(&pack_counts(counts));
    b.start_table(5);
    b.add_offset(1, addresses);
    b.add_offset(2, packed);
    b.add_u64(3, counts.iter().sum(), 0);
    b.add_u8(4, level, 0);
    let root = b.end_table();
    b.finish(root, FileId::BLOB).map_err(ProllyError::from)
}
