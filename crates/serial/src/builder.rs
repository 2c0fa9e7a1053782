//! The flatbuffer writer, byte for byte as the reference places them (spec 02 §2, spec 03 §1.2).

use crate::{FileId, MAX_MESSAGE, PREFIX_LEN, SERIAL_MESSAGE, SerialError};

/// Where a finished vector, string or table lies: its distance from the end of the message.
/// Zero means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(u32);

impl Offset {
    /// No object; a field set to it is not written.
    pub const NONE: Offset = Offset(0);

    /// Whether this is [`Offset::NONE`].
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Writes one message from its end towards its start.
///
/// Vectors and strings come before the table that refers to them; fields of a table are placed
/// in the order in which they are added, which need not be the order of their slots.
pub struct Builder {
    /// The message is `buf[head..]`.
    buf: Vec<u8>,
    head: usize,
    min_align: usize,
    /// Slots of the table being written.
    slots: Vec<u32>,
    in_table: bool,
    table_end: usize,
    /// Finished vtables, for sharing.
    vtables: Vec<usize>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// An empty message.
    pub fn new() -> Builder {
        Builder::with_capacity(1024)
    }

    /// An empty message with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Builder {
        let bytes = bytes.max(64);
        Builder {
            buf: vec![0; bytes],
            head: bytes,
            min_align: 1,
            slots: Vec::new(),
            in_table: false,
            table_end: 0,
            vtables: Vec::new(),
        }
    }

    fn size(&self) -> usize {
        self.buf.len() - self.head
    }

    /// Makes room for `n` bytes in front and returns them, zeroed.
    fn reserve(&mut self, n: usize) -> &mut [u8] {
        if self.head < n {
            let old = self.buf.len();
            let grow = old.max(n);
            let mut bigger = vec![0; old + grow];
            bigger[grow + self.head..].copy_from_slice(&self.buf[self.head..]);
            self.head += grow;
            self.buf = bigger;
        }
        self.head -= n;
        &mut self.buf[self.head..self.head + n]
    }

    fn put(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len()).copy_from_slice(bytes);
    }

    fn prep(&mut self, align: usize, extra: usize) {
        self.min_align = self.min_align.max(align);
        let pad = (self.size() + extra).wrapping_neg() & (align - 1);
        self.reserve(pad).fill(0);
    }

    fn vector_end(&mut self, count: usize) -> Offset {
        // A count above u32 cannot come to a finished message; `finish` refuses it.
        self.put(&(count as u32).to_le_bytes());
        self.here()
    }

    fn here(&self) -> Offset {
        Offset(self.size() as u32)
    }

    fn assert_outside_table(&self) {
        assert!(
            !self.in_table,
            "vectors and strings are written before the table that holds them"
        );
    }

    /// A vector of bytes.
    pub fn bytes(&mut self, data: &[u8]) -> Offset {
        self.assert_outside_table();
        self.prep(4, data.len());
        self.put(data);
        self.vector_end(data.len())
    }

    /// A vector of bytes given in pieces.
    pub fn concat<'a, I>(&mut self, pieces: I) -> Offset
    where
        I: Iterator<Item = &'a [u8]> + Clone,
    {
        self.assert_outside_table();
        let len = pieces.clone().map(<[u8]>::len).sum();
        self.prep(4, len);
        let mut room = self.reserve(len);
        for piece in pieces {
            let (here, rest) = room.split_at_mut(piece.len());
            here.copy_from_slice(piece);
            room = rest;
        }
        self.vector_end(len)
    }

    /// A string: as a vector of bytes, followed by NUL.
    pub fn string(&mut self, text: &str) -> Offset {
        self.assert_outside_table();
        self.prep(4, text.len() + 1);
        self.put(&[0]);
        self.put(text.as_bytes());
        self.vector_end(text.len())
    }

    /// A vector of u16.
    pub fn u16s(&mut self, items: impl ExactSizeIterator<Item = u16>) -> Offset {
        self.assert_outside_table();
        let count = items.len();
        self.prep(4, 2 * count);
        let room = self.reserve(2 * count);
        for (slot, item) in room.chunks_exact_mut(2).zip(items) {
            slot.copy_from_slice(&item.to_le_bytes());
        }
        self.vector_end(count)
    }

    /// A vector of u32.
    pub fn u32s(&mut self, items: impl ExactSizeIterator<Item = u32>) -> Offset {
        self.assert_outside_table();
        let count = items.len();
        self.prep(4, 4 * count);
        let room = self.reserve(4 * count);
        for (slot, item) in room.chunks_exact_mut(4).zip(items) {
            slot.copy_from_slice(&item.to_le_bytes());
        }
        self.vector_end(count)
    }

    /// A vector of u64.
    pub fn u64s(&mut self, items: impl ExactSizeIterator<Item = u64>) -> Offset {
        self.assert_outside_table();
        let count = items.len();
        self.prep(4, 8 * count);
        self.prep(8, 8 * count);
        let room = self.reserve(8 * count);
        for (slot, item) in room.chunks_exact_mut(8).zip(items) {
            slot.copy_from_slice(&item.to_le_bytes());
        }
        self.vector_end(count)
    }

    /// A vector of objects written before, in the given order.
    pub fn offsets(&mut self, items: &[Offset]) -> Offset {
        self.assert_outside_table();
        self.prep(4, 4 * items.len());
        for item in items.iter().rev() {
            let relative = self.here().0 - item.0 + 4;
            self.put(&relative.to_le_bytes());
        }
        self.vector_end(items.len())
    }

    /// A vector of strings: the strings last to first, then their offsets (spec 03 §1.2).
    pub fn strings<S: AsRef<str>>(&mut self, items: &[S]) -> Offset {
        let mut offsets: Vec<Offset> = items
            .iter()
            .rev()
            .map(|s| self.string(s.as_ref()))
            .collect();
        offsets.reverse();
        self.offsets(&offsets)
    }

    /// Begins a table with `slots` fields.
    pub fn start_table(&mut self, slots: usize) {
        self.assert_outside_table();
        self.in_table = true;
        self.slots.clear();
        self.slots.resize(slots, 0);
        self.table_end = self.size();
    }

    fn set_slot(&mut self, slot: usize) {
        debug_assert!(self.in_table, "fields belong to a started table");
        self.slots[slot] = self.size() as u32;
    }

    /// Adds a reference to an object written before; [`Offset::NONE`] adds nothing.
    pub fn add_offset(&mut self, slot: usize, target: Offset) {
        if target.is_none() {
            return;
        }
        self.prep(4, 0);
        let relative = self.here().0 - target.0 + 4;
        self.put(&relative.to_le_bytes());
        self.set_slot(slot);
    }

    /// Ends the table and gives its place.
    pub fn end_table(&mut self) -> Offset {
        assert!(self.in_table, "end_table follows start_table");
        self.prep(4, 0);
        self.put(&[0; 4]);
        let object = self.size();
        while self.slots.last() == Some(&0) {
            self.slots.pop();
        }
        let entries: Vec<u8> = self
            .slots
            .iter()
            .flat_map(|&at| {
                if at == 0 {
                    0
                } else {
                    (object - at as usize) as u16
                }
                .to_le_bytes()
            })
            .collect();
        let known = self.vtables.iter().rev().copied().find(|&at| {
            let start = self.buf.len() - at;
            let len = u16::from_le_bytes([self.buf[start], self.buf[start + 1]]) as usize;
            self.buf[start + 4..start + len] == entries[..]
        });
        let vtable = known.unwrap_or_else(|| {
            self.put(&entries);
            let object_size = (object - self.table_end) as u16;
            self.put(&object_size.to_le_bytes());
            self.put(&(entries.len() as u16 + 4).to_le_bytes());
            let at = self.size();
            self.vtables.push(at);
            at
        });
        let soffset = vtable as i64 - object as i64;
        let start = self.buf.len() - object;
        self.buf[start..start + 4].copy_from_slice(&(soffset as i32).to_le_bytes());
        self.in_table = false;
        Offset(object as u32)
    }

    /// Completes the message: root offset, file identifier, envelope.
    pub fn finish(mut self, root: Offset, kind: FileId) -> Result<Vec<u8>, SerialError> {
        self.prep(self.min_align, 8);
        self.put(&kind.0);
        self.prep(self.min_align, 4);
        self.prep(4, 0);
        let relative = self.here().0.wrapping_sub(root.0).wrapping_add(4);
        self.put(&relative.to_le_bytes());
        let len = self.size();
        if len >= MAX_MESSAGE {
            return Err(SerialError::TooLarge);
        }
        let mut prefix = (len as u32).to_be_bytes();
        prefix[0] = SERIAL_MESSAGE;
        debug_assert_eq!(prefix.len(), PREFIX_LEN);
        self.put(&prefix);
        self.buf.drain(..self.head);
        Ok(self.buf)
    }

    /// Completes a file of its own, such as the rules of branch control: the envelope is left
    /// empty, so that its length is not bounded (spec 01 §16).
    pub fn finish_file(mut self, root: Offset, kind: FileId) -> Result<Vec<u8>, SerialError> {
        self.prep(self.min_align, 8);
        self.put(&kind.0);
        self.prep(self.min_align, 4);
        self.prep(4, 0);
        let relative = self.here().0.wrapping_sub(root.0).wrapping_add(4);
        self.put(&relative.to_le_bytes());
        if u32::try_from(self.size()).is_err() {
            return Err(SerialError::TooLarge);
        }
        self.put(&[0; PREFIX_LEN]);
        self.buf.drain(..self.head);
        Ok(self.buf)
    }

    /// Completes a flatbuffer that has neither identifier nor envelope, such as the privileges
    /// file (spec 07 §22).
    pub fn finish_bare(mut self, root: Offset) -> Result<Vec<u8>, SerialError> {
        self.prep(self.min_align, 4);
        self.prep(4, 0);
        let relative = self.here().0.wrapping_sub(root.0).wrapping_add(4);
        self.put(&relative.to_le_bytes());
        if u32::try_from(self.size()).is_err() {
            return Err(SerialError::TooLarge);
        }
        self.buf.drain(..self.head);
        Ok(self.buf)
    }
}

macro_rules! scalars {
    ($($name:ident: $t:ty, $width:literal;)*) => {
        impl Builder {$(
            /// Adds a scalar field, unless it equals its default.
            pub fn $name(&mut self, slot: usize, value: $t, default: $t) {
                if value == default {
                    return;
                }
                self.prep($width, 0);
                self.put(&value.to_le_bytes());
                self.set_slot(slot);
            }
        )*}
    };
}

scalars! {
    add_u8: u8, 1;
    add_i8: i8, 1;
    add_u16: u16, 2;
    add_i16: i16, 2;
    add_u32: u32, 4;
    add_i32: i32, 4;
    add_u64: u64, 8;
    add_i64: i64, 8;
    add_f64: f64, 8;
}

impl Builder {
    /// Adds a boolean field, unless it equals its default.
    pub fn add_bool(&mut self, slot: usize, value: bool, default: bool) {
        self.add_u8(slot, value.into(), default.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    fn row_leaf(keys: &[&[u8]], values: &[&[u8]]) -> Vec<u8> {
        let ends = |items: &[&[u8]]| -> Vec<u16> {
            let mut at = 0;
            std::iter::once(0)
                .chain(items.iter().map(|i| {
                    at += i.len() as u16;
                    at
                }))
                .collect()
        };
        let mut b = Builder::new();
        let k = b.concat(keys.iter().copied());
        let ko = b.u16s(ends(keys).into_iter());
        let v = b.concat(values.iter().copied());
        let vo = b.u16s(ends(values).into_iter());
        b.start_table(11);
        b.add_offset(0, k);
        b.add_offset(1, ko);
        b.add_offset(3, v);
        b.add_offset(4, vo);
        b.add_u64(9, keys.len() as u64, 0);
        b.add_u8(2, 1, 0);
        b.add_u8(5, 1, 0);
        b.add_u8(10, 0, 0);
        let root = b.end_table();
        b.finish(root, FileId::PROLLY_NODE).expect("small")
    }

    #[test]
    fn golden_bytes_of_spec_02() {
        let mut b = Builder::new();
        let k = b.bytes(&[]);
        b.start_table(5);
        b.add_offset(0, k);
        b.add_u64(3, 0, 0);
        b.add_u8(4, 0, 0);
        let root = b.end_table();
        assert_eq!(
            hex(&b.finish(root, FileId::COMMIT_CLOSURE).unwrap()),
            "1b00001c10000000434d434c0000060008000400060000000400000000000000"
        );

        let mut b = Builder::with_capacity(1);
        let payload = b.bytes(b"hello");
        b.start_table(5);
        b.add_offset(0, payload);
        b.add_u64(3, 1, 0);
        b.add_u8(4, 0, 0);
        let root = b.end_table();
        assert_eq!(
            hex(&b.finish(root, FileId::BLOB).unwrap()),
            "1b00003014000000424c4f420c0010000c000000000004000c00000001000000\
             00000000040000000500000068656c6c6f000000"
        );

        assert_eq!(
            hex(&row_leaf(&[&[1, 0, 0, 0, 1, 0]], &[&[2, 0, 0, 0, 1, 0]])),
            "1b000068200000005455504d180020001c0018000700140010000600000000000000\
             08001800000000000101010000000000000010000000140000001c000000200000000200\
             0000000006000600000002000000010000000200000000000600060000000100000001000000"
        );
        assert_eq!(
            hex(&row_leaf(&[], &[])),
            "1b000048180000005455504d100018001400100007000c000800060010000000000001\
             0110000000140000001400000018000000010000000000000000000000010000000000000000000000"
        );
    }

    #[test]
    fn equal_tables_share_their_vtable_and_read_back() {
        let mut b = Builder::new();
        let names = b.strings(&["alpha", "be"]);
        let mut tables = Vec::new();
        for i in 0..3u32 {
            let s = b.string(&format!("t{i}"));
            b.start_table(4);
            b.add_offset(0, s);
            b.add_u32(2, i + 7, 0);
            tables.push(b.end_table());
        }
        let shared = b.vtables.len();
        assert_eq!(shared, 1);
        let list = b.offsets(&tables);
        let wide = b.u64s([1u64, u64::MAX].into_iter());
        b.start_table(4);
        b.add_offset(0, names);
        b.add_offset(1, list);
        b.add_bool(3, true, false);
        b.add_offset(2, wide);
        let root = b.end_table();
        let message = b.finish(root, FileId::TABLE).unwrap();

        let t = crate::root_table(&message, FileId::TABLE, 4).unwrap();
        assert_eq!(t.strings(0).unwrap(), ["alpha", "be"]);
        let list = t.tables(1, 4).unwrap();
        assert_eq!(list.len(), 3);
        for (i, sub) in list.iter().enumerate() {
            assert_eq!(sub.string(0).unwrap(), Some(format!("t{i}").as_str()));
            assert_eq!(sub.u32(2, 0).unwrap(), i as u32 + 7);
            assert_eq!(sub.u32(3, 5).unwrap(), 5);
        }
        assert!(t.bool(3, false).unwrap());
        assert_eq!(t.u64s(2).unwrap(), Some(vec![1, u64::MAX]));
        assert_eq!(
            Table::root(&message, 3).unwrap_err(),
            SerialError::UnknownFields
        );
        assert!(matches!(
            crate::root_table(&message, FileId::BLOB, 4),
            Err(SerialError::WrongKind { .. })
        ));
    }

    #[test]
    fn damaged_messages_give_errors() {
        let message = row_leaf(&[b"key one", b"key two"], &[b"v1", b"value two"]);
        let read = |m: &[u8]| {
            if let Ok(t) = Table::root(m, 11) {
                for slot in 0..11 {
                    let _ = (t.bytes(slot), t.u16s(slot), t.u64(slot, 0), t.string(slot));
                    let _ = (t.tables(slot, 3), t.table(slot, 3), t.strings(slot));
                }
            }
        };
        for cut in 0..message.len() {
            read(&message[..cut]);
        }
        for at in 0..message.len() {
            for bit in 0..8 {
                let mut m = message.clone();
                m[at] ^= 1 << bit;
                read(&m);
                m[at] = 0xff;
                read(&m);
            }
        }
    }
}
