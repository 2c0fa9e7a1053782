//! The order of key tuples (spec 02 §5 to §7).

use std::cmp::Ordering;
use std::sync::Arc;

use crate::blob::{self, BlobSource};
use crate::{Address, Collation, Encoding, Json, Tuple};

/// One field of a tuple.
#[derive(Clone, Copy, Debug)]
pub struct FieldDesc {
    /// How its bytes are read.
    pub encoding: Encoding,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Collation of character data; none means bytes.
    pub collation: Option<&'static Collation>,
}

impl FieldDesc {
    /// A field without collation.
    pub fn new(encoding: Encoding, nullable: bool) -> FieldDesc {
        FieldDesc {
            encoding,
            nullable,
            collation: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fast {
    None,
    Int32,
    Uint32,
    Int64,
    Uint64,
}

/// The fields of a tuple, and with them its order.
#[derive(Clone)]
pub struct TupleDesc {
    fields: Arc<[FieldDesc]>,
    /// Start of each field of the leading run that is NOT NULL and of fixed width, and the end.
    fixed: Arc<[u16]>,
    fast: Fast,
    blobs: Option<Arc<dyn BlobSource>>,
}

impl std::fmt::Debug for TupleDesc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TupleDesc").field(&self.fields).finish()
    }
}

impl TupleDesc {
    /// A descriptor of these fields.
    pub fn new(fields: Vec<FieldDesc>) -> TupleDesc {
        let mut fixed = vec![0u16];
        for f in &fields {
            match (f.nullable, f.encoding.width()) {
                (false, Some(w)) if f.encoding != Encoding::Cell => {
                    let start = fixed[fixed.len() - 1];
                    match u16::try_from(w).ok().and_then(|w| start.checked_add(w)) {
                        Some(end) => fixed.push(end),
                        None => break,
                    }
                }
                _ => break,
            }
        }
        let fast = match fields.as_slice() {
            [f] if !f.nullable => match f.encoding {
                Encoding::Int32 => Fast::Int32,
                Encoding::Uint32 => Fast::Uint32,
                Encoding::Int64 => Fast::Int64,
                Encoding::Uint64 => Fast::Uint64,
                _ => Fast::None,
            },
            _ => Fast::None,
        };
        TupleDesc {
            fields: fields.into(),
            fixed: fixed.into(),
            fast,
            blobs: None,
        }
    }

    /// The same descriptor, able to compare out-of-line values of unique and vector indexes.
    pub fn with_blobs(mut self, blobs: Arc<dyn BlobSource>) -> TupleDesc {
        self.blobs = Some(blobs);
        self
    }

    /// The fields.
    pub fn fields(&self) -> &[FieldDesc] {
        &self.fields
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The descriptor of the first `n` fields.
    pub fn prefix(&self, n: usize) -> TupleDesc {
        let mut d = TupleDesc::new(self.fields[..n.min(self.fields.len())].to_vec());
        d.blobs = self.blobs.clone();
        d
    }

    /// Bytes of field `i`, without reading offsets where the layout fixes them.
    #[inline]
    pub fn field<'a>(&self, tuple: &'a [u8], i: usize) -> Option<&'a [u8]> {
        if let (Some(&a), Some(&b)) = (self.fixed.get(i), self.fixed.get(i + 1)) {
            return tuple.get(usize::from(a)..usize::from(b));
        }
        Tuple(tuple).field(i)
    }

    /// Order of two key tuples: field by field, NULL first.
    #[inline]
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self.fast {
            Fast::Int64 => le8(a).cast_signed().cmp(&le8(b).cast_signed()),
            Fast::Uint64 => le8(a).cmp(&le8(b)),
            Fast::Int32 => le4(a).cast_signed().cmp(&le4(b).cast_signed()),
            Fast::Uint32 => le4(a).cmp(&le4(b)),
            Fast::None => self.compare_prefix(a, b, self.fields.len()),
        }
    }

    /// A number for a tuple, such that tuples with different numbers are ordered as these. It
    /// says what the start of the first field says; NULL is 0.
    pub fn rank(&self, tuple: &[u8]) -> u64 {
        use Encoding::*;
        let Some(desc) = self.fields.first() else {
            return 0;
        };
        let Some(bytes) = self.field(tuple, 0) else {
            return 0;
        };
        // One bit is for NULL, so of 64 the last is left out.
        let signed = |v: i64| (v.cast_unsigned() ^ (1 << 63)) >> 1 | 1 << 63;
        let unsigned = |v: u64| v >> 1 | 1 << 63;
        match desc.encoding {
            Int8 => signed(i64::from(le1(bytes).cast_signed()) << 32),
            Int16 => signed(i64::from(le2(bytes).cast_signed()) << 32),
            Int32 => signed(i64::from(le4(bytes).cast_signed()) << 31),
            Int64 | Time | Datetime => signed(le8(bytes).cast_signed()),
            Uint8 => unsigned(u64::from(le1(bytes)) << 32),
            Uint16 | Enum => unsigned(u64::from(le2(bytes)) << 32),
            Uint32 | Date => unsigned(u64::from(le4(bytes)) << 31),
            Uint64 | Bit64 | Set => unsigned(le8(bytes)),
            Bytes => unsigned(leading_bytes(terminated(bytes))),
            Hash128 | BytesAddr | CommitAddr | StringAddr | Cell => unsigned(leading_bytes(bytes)),
            String if desc.collation.is_none() => unsigned(leading_bytes(terminated(bytes))),
            _ => 1 << 63,
        }
    }

    /// Order of the first `n` fields of two tuples.
    pub fn compare_prefix(&self, a: &[u8], b: &[u8], n: usize) -> Ordering {
        for (i, desc) in self.fields.iter().enumerate().take(n) {
            let order = self.compare_fields(desc, self.field(a, i), self.field(b, i));
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }

    /// Order of two values of field `i`.
    pub fn compare_field(&self, i: usize, a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
        match self.fields.get(i) {
            Some(desc) => self.compare_fields(desc, a, b),
            None => Ordering::Equal,
        }
    }

    #[inline]
    fn compare_fields(&self, desc: &FieldDesc, a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
        match (a, b) {
            (None, None) => Ordering::Equal,
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(a), Some(b)) => self.compare_values(desc, a, b),
        }
    }

    fn compare_values(&self, desc: &FieldDesc, a: &[u8], b: &[u8]) -> Ordering {
        use Encoding::*;
        match desc.encoding {
            Int8 => le1(a).cast_signed().cmp(&le1(b).cast_signed()),
            Uint8 => le1(a).cmp(&le1(b)),
            Int16 => le2(a).cast_signed().cmp(&le2(b).cast_signed()),
            Uint16 | Enum => le2(a).cmp(&le2(b)),
            Int32 => le4(a).cast_signed().cmp(&le4(b).cast_signed()),
            Uint32 | Date => le4(a).cmp(&le4(b)),
            Int64 | Time | Datetime => le8(a).cast_signed().cmp(&le8(b).cast_signed()),
            Uint64 | Bit64 | Set => le8(a).cmp(&le8(b)),
            Float32 => float_order(f32::from_bits(le4(a)).into(), f32::from_bits(le4(b)).into()),
            Float64 => float_order(f64::from_bits(le8(a)), f64::from_bits(le8(b))),
            // Stored as year - 1901, except that year 0 is 255 and comes first.
            Year => le1(a).wrapping_add(1).cmp(&le1(b).wrapping_add(1)),
            String => {
                let (a, b) = (terminated(a), terminated(b));
                match desc.collation {
                    Some(c) => c.compare_stored(a, b),
                    None => a.cmp(b),
                }
            }
            Bytes | Json | Geometry => terminated(a).cmp(terminated(b)),
            Decimal => crate::decimal::compare_stored(a, b),
            StringAdaptive | BytesAdaptive | GeomAdaptive | JsonAdaptive | ExtendedAdaptive => {
                self.compare_adaptive(desc, a, b)
            }
            Hash128 | BytesAddr | CommitAddr | StringAddr | JsonAddr | Cell | GeomAddr
            | ExtendedAddr | Extended => a.cmp(b),
        }
    }

    fn compare_adaptive(&self, desc: &FieldDesc, a: &[u8], b: &[u8]) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        // An unreadable value keeps a total order, by its address: an order cannot fail.
        let (Some(x), Some(y)) = (self.payload(a), self.payload(b)) else {
            return a.cmp(b);
        };
        match (desc.encoding, desc.collation) {
            (Encoding::StringAdaptive, Some(c)) => c.compare_stored(&x, &y),
            (Encoding::JsonAdaptive, _) => match (Json::from_stored(&x), Json::from_stored(&y)) {
                (Ok(x), Ok(y)) => x.compare(&y),
                _ => x.cmp(&y),
            },
            _ => x.cmp(&y),
        }
    }

    fn payload<'a>(&self, field: &'a [u8]) -> Option<std::borrow::Cow<'a, [u8]>> {
        let (first, rest) = field.split_first()?;
        if *first == 0 {
            return Some(rest.into());
        }
        let address: &Address = field.last_chunk()?;
        let source = self.blobs.as_deref()?;
        blob::read(source, address).ok().map(Into::into)
    }

    /// Appends where in `tuple` addresses of chunks lie, in the order in which nodes record them
    /// (spec 02 §3.8).
    pub fn address_offsets(&self, tuple: &[u8], out: &mut Vec<u16>) {
        let t = Tuple(tuple);
        for adaptive in [true, false] {
            for (i, f) in self.fields.iter().enumerate().rev() {
                let wanted = if adaptive {
                    f.encoding.is_adaptive()
                } else {
                    f.encoding.is_address()
                };
                if !wanted {
                    continue;
                }
                let Some(range) = t.range(i) else { continue };
                let field = &tuple[range.clone()];
                if adaptive {
                    if field[0] != 0 && field.len() > 20 {
                        out.push((range.end - 20) as u16);
                    }
                } else if field.iter().any(|b| *b != 0) {
                    out.push(range.start as u16);
                }
            }
        }
    }

    /// Whether any field can hold the address of a chunk.
    pub fn has_addresses(&self) -> bool {
        self.fields
            .iter()
            .any(|f| f.encoding.is_adaptive() || f.encoding.is_address())
    }
}

// Short fields read as zero: malformed bytes must not panic in a comparison.
/// The first eight bytes, as a number in their order.
fn leading_bytes(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let n = bytes.len().min(8);
    first[..n].copy_from_slice(&bytes[..n]);
    u64::from_be_bytes(first)
}

#[inline]
fn le1(b: &[u8]) -> u8 {
    b.first().copied().unwrap_or(0)
}
#[inline]
fn le2(b: &[u8]) -> u16 {
    b.first_chunk().map_or(0, |b| u16::from_le_bytes(*b))
}
#[inline]
fn le4(b: &[u8]) -> u32 {
    b.first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
}
#[inline]
fn le8(b: &[u8]) -> u64 {
    b.first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
}

#[inline]
fn terminated(b: &[u8]) -> &[u8] {
    b.split_last().map_or(b, |(_, text)| text)
}

/// Equal, less, else greater, as stored trees are ordered; NaN is greater on either side.
fn float_order(a: f64, b: f64) -> Ordering {
    if a == b {
        Ordering::Equal
    } else if a < b {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuple::tuple_of;

    fn desc(encodings: &[(Encoding, bool)]) -> TupleDesc {
        TupleDesc::new(
            encodings
                .iter()
                .map(|(e, n)| FieldDesc::new(*e, *n))
                .collect(),
        )
    }

    #[test]
    fn single_integers_and_nulls() {
        let d = desc(&[(Encoding::Int32, false)]);
        let k = |v: i32| tuple_of(&[Some(&v.to_le_bytes())]).unwrap();
        assert_eq!(d.compare(&k(-1), &k(1)), Ordering::Less);
        assert_eq!(d.compare(&k(256), &k(1)), Ordering::Greater);
        let d = desc(&[(Encoding::Int32, true), (Encoding::Year, true)]);
        let t = |a: Option<i32>, y: Option<u8>| {
            let a = a.map(i32::to_le_bytes);
            let y = y.map(|y| [y]);
            tuple_of(&[a.as_ref().map(|a| &a[..]), y.as_ref().map(|y| &y[..])]).unwrap()
        };
        assert_eq!(
            d.compare(&t(None, Some(1)), &t(Some(-5), None)),
            Ordering::Less
        );
        assert_eq!(
            d.compare(&t(Some(1), Some(255)), &t(Some(1), Some(0))),
            Ordering::Less
        );
        assert_eq!(
            d.compare(&t(Some(1), None), &t(Some(1), Some(255))),
            Ordering::Less
        );
        assert_eq!(
            d.compare_prefix(&t(Some(1), None), &t(Some(1), Some(3)), 1),
            Ordering::Equal
        );
        assert_eq!(d.compare(&[], &[9]), Ordering::Equal);
    }

    #[test]
    fn address_offsets_are_adaptive_then_address_backwards() {
        use Encoding::*;
        let d = desc(&[
            (StringAddr, true),
            (BytesAdaptive, true),
            (StringAddr, true),
            (JsonAdaptive, true),
            (StringAddr, true),
        ]);
        let out_of_line = [&[100u8][..], &[7; 20]].concat();
        let t = tuple_of(&[
            Some(&[1; 20]),
            Some(&out_of_line),
            Some(&[0; 20]),
            Some(&[0, 1, 2]),
            Some(&[2; 20]),
        ])
        .unwrap();
        let mut out = Vec::new();
        d.address_offsets(&t, &mut out);
        assert_eq!(out, [21, 64, 0]);
    }
}
