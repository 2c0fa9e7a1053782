use std::cmp::Ordering;

/// The order of a map's keys.
pub trait KeyOrder: Send + Sync {
    /// Compares two keys.
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering;
}

/// Keys in the order of their bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytewise;

impl KeyOrder for Bytewise {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        a.cmp(b)
    }
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
