use std::cmp::Ordering;

/// The order of a map's keys.
pub trait KeyOrder: Send + Sync {
    /// Compares two keys.
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering;

    /// A number for a key, such that keys with different numbers are ordered as these: what
    /// decides most comparisons of a sort without looking at the keys again.
    fn rank(&self, _key: &[u8]) -> u64 {
        0
    }
}

/// Keys in the order of their bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytewise;

impl KeyOrder for Bytewise {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        a.cmp(b)
    }

    fn rank(&self, key: &[u8]) -> u64 {
        leading_bytes(key)
    }
}

/// The first eight bytes, as a number in their order.
fn leading_bytes(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    let n = key.len().min(8);
    first[..n].copy_from_slice(&key[..n]);
    u64::from_be_bytes(first)
}

/// Where addresses of chunks lie in an item (a value of a row tree, a key of an artifact tree),
/// in the order of spec 02 §3.8.
pub trait ItemAddresses: Send + Sync {
    /// Appends the offsets of all addresses in `item`.
    fn address_offsets(&self, item: &[u8], out: &mut Vec<u16>);
}

/// Items that hold no addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAddresses;

impl ItemAddresses for NoAddresses {
    fn address_offsets(&self, _item: &[u8], _out: &mut Vec<u16>) {}
}
