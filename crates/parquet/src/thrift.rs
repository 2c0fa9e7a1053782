//! Thrift's compact protocol, in which Parquet keeps its metadata.

use crate::{Error, Result};

/// Structures within each other; those of Parquet are far fewer.
const DEEPEST: usize = 24;

mod wire {
    pub const TRUE: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const BYTE: u8 = 3;
    pub const I16: u8 = 4;
    pub const I32: u8 = 5;
    pub const I64: u8 = 6;
    pub const DOUBLE: u8 = 7;
    pub const BINARY: u8 = 8;
    pub const LIST: u8 = 9;
    pub const SET: u8 = 10;
    pub const MAP: u8 = 11;
    pub const STRUCT: u8 = 12;
}

/// A value of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// A number of any width.
    Int(i64),
    /// Bytes or text.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A structure: numbers of fields and their values.
    Struct(Struct),
    /// What Parquet's metadata has no use for.
    Other,
}

/// Fields of a structure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Struct(Vec<(i16, Value)>);

impl Struct {
    fn get(&self, id: i16) -> Option<&Value> {
        self.0.iter().find(|(i, _)| *i == id).map(|(_, v)| v)
    }

    /// A number.
    pub fn int(&self, id: i16) -> Option<i64> {
        match self.get(id) {
            Some(Value::Int(n)) => Some(*n),
            _ => None,
        }
    }

    /// A number that must be there.
    pub fn need_int(&self, id: i16) -> Result<i64> {
        self.int(id).ok_or(Error::Corrupt("a number is missing"))
    }

    /// A boolean.
    pub fn bool(&self, id: i16) -> Option<bool> {
        match self.get(id) {
            Some(Value::Bool(b)) => Some(*b),
            _ => None,
        }
    }

    /// A text that must be there.
    pub fn need_text(&self, id: i16) -> Result<String> {
        match self.get(id) {
            Some(Value::Bytes(b)) => String::from_utf8(b.clone())
                .map_err(|_| Error::Corrupt("a name is not valid UTF-8")),
            _ => Err(Error::Corrupt("a name is missing")),
        }
    }

    /// A structure.
    pub fn structure(&self, id: i16) -> Option<&Struct> {
        match self.get(id) {
            Some(Value::Struct(s)) => Some(s),
            _ => None,
        }
    }

    /// A structure that must be there.
    pub fn need_structure(&self, id: i16) -> Result<&Struct> {
        self.structure(id)
            .ok_or(Error::Corrupt("a structure is missing"))
    }

    /// The structures of a list that must be there.
    pub fn need_structures(&self, id: i16) -> Result<Vec<&Struct>> {
        let Some(Value::List(list)) = self.get(id) else {
            return Err(Error::Corrupt("a list is missing"));
        };
        let structures = list.iter().map(|v| match v {
            Value::Struct(s) => Ok(s),
            _ => Err(Error::Corrupt("a list has other things than structures")),
        });
        structures.collect()
    }

    /// The field of a union that is set.
    pub fn variant(&self) -> Option<(i16, &Value)> {
        self.0.first().map(|(id, v)| (*id, v))
    }
}

/// Reads values one behind the other.
pub struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Input<'b> {
    /// Reads from the start of bytes.
    pub fn new(bytes: &'b [u8]) -> Input<'b> {
        Input { bytes, at: 0 }
    }

    /// How much has been read.
    pub fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte.ok_or(Error::Corrupt("metadata is cut off"))
    }

    fn take(&mut self, len: usize) -> Result<&'b [u8]> {
        let end = self.at.checked_add(len);
        let found = end.and_then(|end| self.bytes.get(self.at..end));
        let found = found.ok_or(Error::Corrupt("metadata is cut off"))?;
        self.at += len;
        Ok(found)
    }

    /// A number of variable length.
    pub fn varint(&mut self) -> Result<u64> {
        let mut out = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            out |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(out);
            }
        }
        Err(Error::Corrupt("a number is too long"))
    }

    fn signed(&mut self) -> Result<i64> {
        let n = self.varint()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    fn length(&mut self) -> Result<usize> {
        let n = self.varint()?;
        // Each item takes a byte at least.
        match usize::try_from(n) {
            Ok(n) if n <= self.bytes.len() - self.at.min(self.bytes.len()) => Ok(n),
            _ => Err(Error::Corrupt("a length is beyond the end")),
        }
    }

    /// A structure.
    pub fn structure(&mut self) -> Result<Struct> {
        self.structure_at(0)
    }

    fn structure_at(&mut self, depth: usize) -> Result<Struct> {
        if depth > DEEPEST {
            return Err(Error::Corrupt("metadata is nested too deeply"));
        }
        let mut fields = Vec::new();
        let mut id = 0i16;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Ok(Struct(fields));
            }
            id = match header >> 4 {
                0 => self.signed()? as i16,
                delta => id.wrapping_add(i16::from(delta)),
            };
            let value = match header & 15 {
                wire::TRUE => Value::Bool(true),
                wire::FALSE => Value::Bool(false),
                kind => self.value(kind, depth)?,
            };
            fields.push((id, value));
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Result<Value> {
        Ok(match kind {
            wire::TRUE | wire::FALSE => Value::Bool(self.byte()? == 1),
            wire::BYTE => Value::Int(i64::from(self.byte()? as i8)),
            wire::I16 | wire::I32 | wire::I64 => Value::Int(self.signed()?),
            wire::DOUBLE => {
                self.take(8)?;
                Value::Other
            }
            wire::BINARY => {
                let len = self.length()?;
                Value::Bytes(self.take(len)?.to_vec())
            }
            wire::LIST | wire::SET => {
                let header = self.byte()?;
                let len = match header >> 4 {
                    15 => self.length()?,
                    n => usize::from(n),
                };
                let mut items = Vec::new();
                for _ in 0..len {
                    items.push(self.nested(header & 15, depth)?);
                }
                Value::List(items)
            }
            wire::MAP => {
                let len = self.length()?;
                if len > 0 {
                    let kinds = self.byte()?;
                    for _ in 0..len {
                        self.nested(kinds >> 4, depth)?;
                        self.nested(kinds & 15, depth)?;
                    }
                }
                Value::Other
            }
            wire::STRUCT => Value::Struct(self.structure_at(depth + 1)?),
            _ => return Err(Error::Corrupt("metadata of an unknown type")),
        })
    }

    fn nested(&mut self, kind: u8, depth: usize) -> Result<Value> {
        if depth > DEEPEST {
            return Err(Error::Corrupt("metadata is nested too deeply"));
        }
        self.value(kind, depth + 1)
    }
}

/// Writes a structure field by field, in the order of their numbers.
#[derive(Default)]
pub struct Output {
    bytes: Vec<u8>,
    last: i16,
}

impl Output {
    fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.bytes.push(n as u8);
    }

    fn signed(&mut self, n: i64) {
        self.varint((n << 1 ^ n >> 63) as u64);
    }

    fn field(&mut self, id: i16, kind: u8) {
        let delta = id - self.last;
        debug_assert!((1..16).contains(&delta), "fields come in their order");
        self.bytes.push((delta as u8) << 4 | kind);
        self.last = id;
    }

    fn list_header(&mut self, id: i16, len: usize, kind: u8) {
        self.field(id, wire::LIST);
        match len {
            0..15 => self.bytes.push((len as u8) << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                self.varint(len as u64);
            }
        }
    }

    /// A number of 32 bits.
    pub fn int32(mut self, id: i16, n: i32) -> Output {
        self.field(id, wire::I32);
        self.signed(i64::from(n));
        self
    }

    /// A number of 64 bits.
    pub fn int64(mut self, id: i16, n: i64) -> Output {
        self.field(id, wire::I64);
        self.signed(n);
        self
    }

    /// A text.
    pub fn text(mut self, id: i16, text: &str) -> Output {
        self.field(id, wire::BINARY);
        self.varint(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// A list of numbers of 32 bits.
    pub fn int32s(mut self, id: i16, list: &[i32]) -> Output {
        self.list_header(id, list.len(), wire::I32);
        for n in list {
            self.signed(i64::from(*n));
        }
        self
    }

    /// A list of texts.
    pub fn texts(mut self, id: i16, list: &[&str]) -> Output {
        self.list_header(id, list.len(), wire::BINARY);
        for text in list {
            self.varint(text.len() as u64);
            self.bytes.extend_from_slice(text.as_bytes());
        }
        self
    }

    /// A structure.
    pub fn structure(mut self, id: i16, structure: Output) -> Output {
        self.field(id, wire::STRUCT);
        self.bytes.extend(structure.finish());
        self
    }

    /// A list of structures.
    pub fn structures(mut self, id: i16, list: Vec<Output>) -> Output {
        self.list_header(id, list.len(), wire::STRUCT);
        for structure in list {
            self.bytes.extend(structure.finish());
        }
        self
    }

    /// The bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let bytes = Output::default()
            .int32(1, -7)
            .text(4, "name")
            .int32s(5, &[0; 20])
            .structures(7, vec![Output::default().int64(1, i64::MIN)])
            .finish();
        let mut input = Input::new(&bytes);
        let read = input.structure().expect("a structure");
        assert_eq!(input.position(), bytes.len());
        assert_eq!(read.int(1), Some(-7));
        assert_eq!(read.need_text(4).expect("a text"), "name");
        assert_eq!(read.get(5), Some(&Value::List(vec![Value::Int(0); 20])));
        let list = read.need_structures(7).expect("a list");
        assert_eq!(list[0].int(1), Some(i64::MIN));
        for len in 0..bytes.len() {
            assert!(Input::new(&bytes[..len]).structure().is_err());
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(Input::new(&[0x1c; 1000]).structure().is_err());
        assert!(Input::new(&[0x19; 1000]).structure().is_err());
    }
}
