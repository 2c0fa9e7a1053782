//! Tuples: fields, their offsets, their count (spec 02 §4).

use crate::{Error, Result};

/// Most fields of a tuple.
pub const MAX_FIELDS: usize = 4096;
/// Most bytes of all fields together.
pub const MAX_FIELD_BYTES: usize = 65504;
/// The tuple without fields.
pub const EMPTY_TUPLE: [u8; 2] = [0, 0];

/// A view of a tuple's bytes. A field that is not there reads as NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple<'a>(pub &'a [u8]);

impl<'a> Tuple<'a> {
    /// Number of fields that are present; trailing NULLs are not.
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            [.., low, high] => usize::from(u16::from_le_bytes([*low, *high])),
            _ => 0,
        }
    }

    /// Whether no field is present.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Bytes of all the fields.
    #[inline]
    pub fn data(self) -> &'a [u8] {
        let end = self.0.len().saturating_sub(2 * self.len().max(1));
        &self.0[..end]
    }

    #[inline]
    fn bound(self, i: usize, count: usize, end: usize) -> usize {
        if i == 0 {
            return 0;
        }
        if i >= count {
            return end;
        }
        match self.0.get(end + 2 * (i - 1)..end + 2 * i) {
            Some(b) => usize::from(u16::from_le_bytes([b[0], b[1]])).min(end),
            None => end,
        }
    }

    /// Bytes of field `i`; `None` is NULL.
    #[inline]
    pub fn field(self, i: usize) -> Option<&'a [u8]> {
        let range = self.range(i)?;
        Some(&self.0[range])
    }

    /// Where field `i` lies in the tuple; `None` is NULL.
    #[inline]
    pub fn range(self, i: usize) -> Option<std::ops::Range<usize>> {
        let count = self.len();
        if i >= count {
            return None;
        }
        let end = self.0.len().checked_sub(2 * count)?;
        let start = self.bound(i, count, end);
        let stop = self.bound(i + 1, count, end);
        (start < stop).then_some(start..stop)
    }

    /// All the fields that are present, in order.
    pub fn fields(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        (0..self.len()).map(move |i| self.field(i))
    }

    /// Checks that offsets ascend and fit, once, for bytes of doubtful origin.
    pub fn check(self) -> Result<()> {
        let bad = || Error::BadTuple(self.0.len());
        if self.0.len() < 2 {
            return Err(bad());
        }
        let count = self.len();
        let end = self.0.len().checked_sub(2 * count.max(1)).ok_or_else(bad)?;
        let mut last = 0;
        for pair in self.0[end..self.0.len() - 2].chunks_exact(2) {
            let at = usize::from(u16::from_le_bytes([pair[0], pair[1]]));
            if at < last || at > end {
                return Err(bad());
            }
            last = at;
        }
        Ok(())
    }
}

/// Writes tuples; may be used again after each [`TupleBuilder::finish`].
#[derive(Debug, Default)]
pub struct TupleBuilder {
    data: Vec<u8>,
    ends: Vec<usize>,
}

impl TupleBuilder {
    /// A builder without fields.
    pub fn new() -> TupleBuilder {
        TupleBuilder::default()
    }

    /// Appends a field's bytes; `None` is NULL.
    pub fn push(&mut self, field: Option<&[u8]>) {
        if let Some(bytes) = field {
            self.data.extend_from_slice(bytes);
        }
        self.ends.push(self.data.len());
    }

    /// Appends NULL.
    pub fn push_null(&mut self) {
        self.ends.push(self.data.len());
    }

    /// Appends the field that `write` adds to the bytes; what it adds on failure is taken back.
    pub fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let start = self.data.len();
        if let Err(e) = write(&mut self.data) {
            self.data.truncate(start);
            return Err(e);
        }
        debug_assert!(self.data.len() >= start, "a field writer only appends");
        self.ends.push(self.data.len());
        Ok(())
    }

    /// Number of fields so far.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no fields yet.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets the fields.
    pub fn clear(&mut self) {
        self.data.clear();
        self.ends.clear();
    }

    /// Appends the tuple to `out`, without trailing NULLs, and clears the builder.
    pub fn finish_into(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let too_large = self.data.len() > MAX_FIELD_BYTES;
        let too_many = self.ends.len() > MAX_FIELDS;
        if too_large || too_many {
            self.clear();
            return Err(if too_many {
                Error::TooManyFields
            } else {
                Error::TupleTooLarge
            });
        }
        let mut count = self.ends.len();
        while count > 0 && self.ends[count - 1] == if count > 1 { self.ends[count - 2] } else { 0 }
        {
            count -= 1;
        }
        out.reserve(self.data.len() + 2 * count.max(1));
        out.extend_from_slice(&self.data);
        for end in self.ends.iter().take(count.saturating_sub(1)) {
            out.extend_from_slice(&(*end as u16).to_le_bytes());
        }
        out.extend_from_slice(&(count as u16).to_le_bytes());
        self.clear();
        Ok(())
    }

    /// The tuple, without trailing NULLs; clears the builder.
    pub fn finish(&mut self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.finish_into(&mut out)?;
        Ok(out)
    }
}

/// A tuple of these fields.
pub fn tuple_of(fields: &[Option<&[u8]>]) -> Result<Vec<u8>> {
    let mut b = TupleBuilder::new();
    fields.iter().for_each(|f| b.push(*f));
    b.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_trailing_nulls() {
        let t = tuple_of(&[Some(&[1, 0, 0, 0]), None, Some(b"ab\0"), None, None]).unwrap();
        assert_eq!(t, [1, 0, 0, 0, b'a', b'b', 0, 4, 0, 4, 0, 3, 0]);
        let v = Tuple(&t);
        assert_eq!(v.len(), 3);
        assert_eq!(v.field(0), Some(&[1, 0, 0, 0][..]));
        assert_eq!(v.field(1), None);
        assert_eq!(v.field(2), Some(&b"ab\0"[..]));
        assert_eq!(v.field(3), None);
        assert_eq!(v.data().len(), 7);
        v.check().unwrap();
        assert_eq!(tuple_of(&[None, None]).unwrap(), EMPTY_TUPLE);
        assert_eq!(tuple_of(&[]).unwrap(), EMPTY_TUPLE);
    }

    #[test]
    fn limits() {
        assert_eq!(
            tuple_of(&[Some(&vec![1; 65505])]),
            Err(Error::TupleTooLarge)
        );
        assert!(tuple_of(&[Some(&vec![1; 65504])]).is_ok());
        assert_eq!(
            tuple_of(&vec![Some(&[1u8][..]); 4097]),
            Err(Error::TooManyFields)
        );
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 1u32;
        for n in 0..4000 {
            let bytes: Vec<u8> = (0..n % 23)
                .map(|_| {
                    seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
                    (seed >> 24) as u8 & if n % 2 == 0 { 7 } else { 255 }
                })
                .collect();
            let t = Tuple(&bytes);
            let _ = t.check();
            t.data();
            for i in 0..12 {
                t.field(i);
            }
        }
    }
}
