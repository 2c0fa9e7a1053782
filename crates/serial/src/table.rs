//! The flatbuffer reader: every position is checked before it is followed.

use crate::{PREFIX_LEN, SerialError};

/// A vector inside a message: where its first element lies, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vector {
    /// Position of the first element, counted from the start of the message.
    pub start: usize,
    /// Number of elements.
    pub count: usize,
}

/// A view of one table of a message.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    message: &'a [u8],
    pos: usize,
    vtable: usize,
    /// Number of slots that the vtable has.
    slots: usize,
}

impl<'a> Table<'a> {
    /// The root table of a message (with its envelope), refused when it has more than
    /// `num_fields` slots (spec 03 §1.3).
    pub fn root(message: &'a [u8], num_fields: usize) -> Result<Table<'a>, SerialError> {
        let root = u32_at(message, PREFIX_LEN, "root offset")? as usize;
        Table::at(message, PREFIX_LEN.saturating_add(root), num_fields)
    }

    fn at(message: &'a [u8], pos: usize, num_fields: usize) -> Result<Table<'a>, SerialError> {
        let soffset = u32_at(message, pos, "table")? as i32;
        let vtable = i64::try_from(pos)
            .ok()
            .and_then(|p| usize::try_from(p - i64::from(soffset)).ok())
            .ok_or(SerialError::OutOfBounds {
                what: "vtable",
                at: pos,
                len: message.len(),
            })?;
        let len = u16_at(message, vtable, "vtable")? as usize;
        if len < 4 || vtable + len > message.len() {
            return Err(SerialError::OutOfBounds {
                what: "vtable",
                at: vtable,
                len: message.len(),
            });
        }
        let slots = (len - 4) / 2;
        if slots > num_fields {
            return Err(SerialError::UnknownFields);
        }
        Ok(Table {
            message,
            pos,
            vtable,
            slots,
        })
    }

    /// The message that this table is part of.
    pub fn message(&self) -> &'a [u8] {
        self.message
    }

    /// Whether the field is present.
    pub fn has(&self, slot: usize) -> bool {
        self.field(slot).is_some()
    }

    /// Position of a field's inline data.
    fn field(&self, slot: usize) -> Option<usize> {
        if slot >= self.slots {
            return None;
        }
        let at = self.vtable + 4 + 2 * slot;
        // `at` checked the whole vtable.
        match u16::from_le_bytes([self.message[at], self.message[at + 1]]) {
            0 => None,
            off => Some(self.pos + off as usize),
        }
    }

    fn follow(&self, at: usize, what: &'static str) -> Result<usize, SerialError> {
        Ok(at.saturating_add(u32_at(self.message, at, what)? as usize))
    }

    /// Where a vector of elements of `width` bytes lies, checked to be inside the message.
    pub fn vector(&self, slot: usize, width: usize) -> Result<Option<Vector>, SerialError> {
        let Some(field) = self.field(slot) else {
            return Ok(None);
        };
        let at = self.follow(field, "vector")?;
        let count = u32_at(self.message, at, "vector length")? as usize;
        let start = at + 4;
        if count
            .checked_mul(width)
            .is_none_or(|bytes| bytes > self.message.len() - start)
        {
            return Err(SerialError::OutOfBounds {
                what: "vector",
                at,
                len: self.message.len(),
            });
        }
        Ok(Some(Vector { start, count }))
    }

    /// A vector of bytes.
    pub fn bytes(&self, slot: usize) -> Result<Option<&'a [u8]>, SerialError> {
        Ok(self
            .vector(slot, 1)?
            .map(|v| &self.message[v.start..v.start + v.count]))
    }

    /// A vector of bytes that must be present.
    pub fn required_bytes(&self, slot: usize) -> Result<&'a [u8], SerialError> {
        self.bytes(slot)?.ok_or(SerialError::Missing(slot))
    }

    /// A string.
    pub fn string(&self, slot: usize) -> Result<Option<&'a str>, SerialError> {
        self.bytes(slot)?
            .map(|b| std::str::from_utf8(b).map_err(|_| SerialError::NotUtf8(slot)))
            .transpose()
    }

    /// A string that must be present.
    pub fn required_string(&self, slot: usize) -> Result<&'a str, SerialError> {
        self.string(slot)?.ok_or(SerialError::Missing(slot))
    }

    /// A vector of strings; absent reads as empty.
    pub fn strings(&self, slot: usize) -> Result<Vec<&'a str>, SerialError> {
        let Some(v) = self.vector(slot, 4)? else {
            return Ok(Vec::new());
        };
        (0..v.count)
            .map(|i| {
                let at = self.follow(v.start + 4 * i, "string")?;
                let len = u32_at(self.message, at, "string length")? as usize;
                let text = (at + 4)
                    .checked_add(len)
                    .and_then(|end| self.message.get(at + 4..end))
                    .ok_or(SerialError::OutOfBounds {
                        what: "string",
                        at,
                        len: self.message.len(),
                    })?;
                std::str::from_utf8(text).map_err(|_| SerialError::NotUtf8(slot))
            })
            .collect()
    }

    /// A vector of u16.
    pub fn u16s(&self, slot: usize) -> Result<Option<Vec<u16>>, SerialError> {
        Ok(self.vector(slot, 2)?.map(|v| {
            self.message[v.start..v.start + 2 * v.count]
                .chunks_exact(2)
                .map(|b| u16::from_le_bytes([b[0], b[1]]))
                .collect()
        }))
    }

    /// A vector of u32.
    pub fn u32s(&self, slot: usize) -> Result<Option<Vec<u32>>, SerialError> {
        Ok(self.vector(slot, 4)?.map(|v| {
            self.message[v.start..v.start + 4 * v.count]
                .chunks_exact(4)
                .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect()
        }))
    }

    /// A vector of u64.
    pub fn u64s(&self, slot: usize) -> Result<Option<Vec<u64>>, SerialError> {
        Ok(self.vector(slot, 8)?.map(|v| {
            self.message[v.start..v.start + 8 * v.count]
                .chunks_exact(8)
                .map(|b| u64::from_le_bytes(b.try_into().expect("chunks of eight")))
                .collect()
        }))
    }

    /// A sub table.
    pub fn table(&self, slot: usize, num_fields: usize) -> Result<Option<Table<'a>>, SerialError> {
        self.field(slot)
            .map(|at| Table::at(self.message, self.follow(at, "table")?, num_fields))
            .transpose()
    }

    /// A vector of tables; absent reads as empty.
    pub fn tables(&self, slot: usize, num_fields: usize) -> Result<Vec<Table<'a>>, SerialError> {
        let Some(v) = self.vector(slot, 4)? else {
            return Ok(Vec::new());
        };
        (0..v.count)
            .map(|i| {
                let at = self.follow(v.start + 4 * i, "table")?;
                Table::at(self.message, at, num_fields)
            })
            .collect()
    }

    fn scalar<const W: usize>(&self, slot: usize) -> Result<Option<[u8; W]>, SerialError> {
        self.field(slot)
            .map(|at| read(self.message, at, "scalar"))
            .transpose()
    }

    /// A boolean, or its default.
    pub fn bool(&self, slot: usize, default: bool) -> Result<bool, SerialError> {
        Ok(self.scalar::<1>(slot)?.map_or(default, |b| b[0] != 0))
    }
}

macro_rules! scalars {
    ($($name:ident: $t:ty;)*) => {
        impl Table<'_> {$(
            /// A scalar, or its default.
            pub fn $name(&self, slot: usize, default: $t) -> Result<$t, SerialError> {
                Ok(self.scalar(slot)?.map_or(default, <$t>::from_le_bytes))
            }
        )*}
    };
}

scalars! {
    u8: u8;
    i8: i8;
    u16: u16;
    i16: i16;
    u32: u32;
    i32: i32;
    u64: u64;
    i64: i64;
    f64: f64;
}

fn read<const W: usize>(
    message: &[u8],
    at: usize,
    what: &'static str,
) -> Result<[u8; W], SerialError> {
    at.checked_add(W)
        .and_then(|end| message.get(at..end))
        .and_then(|b| b.try_into().ok())
        .ok_or(SerialError::OutOfBounds {
            what,
            at,
            len: message.len(),
        })
}

fn u32_at(message: &[u8], at: usize, what: &'static str) -> Result<u32, SerialError> {
    read(message, at, what).map(u32::from_le_bytes)
}

fn u16_at(message: &[u8], at: usize, what: &'static str) -> Result<u16, SerialError> {
    read(message, at, what).map(u16::from_le_bytes)
}
