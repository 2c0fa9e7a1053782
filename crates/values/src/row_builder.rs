//! Value tuples with large values moved out of line when a row is too long (spec 02 §6).

use crate::blob::{self, BlobSink, push_varint};
use crate::field_codec::payload_of;
use crate::{Address, Encoding, Result, SqlType, TupleBuilder, Value, encode_field};

/// Length of a row above which large values move out of line, unless the table says otherwise.
pub const DEFAULT_TARGET_ROW_SIZE: u16 = 2048;

enum Adaptive<'v> {
    Inline(std::borrow::Cow<'v, [u8]>),
    OutOfLine(u64, Address),
}

struct Candidate<'v> {
    field: usize,
    payload: std::borrow::Cow<'v, [u8]>,
    /// Already put out of line because it alone exceeds the target.
    address: Option<Address>,
    savings: i64,
}

/// Builds value tuples, deciding per row which adaptive values stay inline.
#[derive(Debug, Default)]
pub struct RowBuilder {
    tuple: TupleBuilder,
}

/// What a field adds to the size that is compared with the target.
fn counted_width(encoding: Encoding, length: usize) -> i64 {
    match encoding {
        // The writer that defined the format reserves two bytes for a year.
        Encoding::Year => 2,
        _ => length as i64,
    }
}

impl RowBuilder {
    /// A builder, to be used for many rows.
    pub fn new() -> RowBuilder {
        RowBuilder::default()
    }

    /// Appends the tuple of `values`, already of their columns' types, to `out`.
    pub fn build_into<'t>(
        &mut self,
        fields: impl Iterator<Item = (Encoding, &'t SqlType)> + Clone,
        values: &[Value<'_>],
        target_row_size: u16,
        sink: &dyn BlobSink,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.tuple.clear();
        if !fields.clone().any(|(e, _)| e.is_adaptive()) {
            for ((encoding, ty), value) in fields.zip(values) {
                self.push(encoding, ty, value, sink)?;
            }
            return self.tuple.finish_into(out);
        }
        let target = i64::from(target_row_size);
        let mut placed: Vec<Option<Adaptive<'_>>> = Vec::with_capacity(values.len());
        let mut candidates = Vec::new();
        let mut total = 0i64;
        let mut scratch = Vec::new();
        for (i, ((encoding, ty), value)) in fields.clone().zip(values).enumerate() {
            placed.push(None);
            if value.is_null() {
                continue;
            }
            if !encoding.is_adaptive() {
                total += match encoding.width() {
                    Some(w) => counted_width(encoding, w),
                    None => {
                        scratch.clear();
                        encode_field(encoding, ty, value, sink, &mut scratch)?;
                        scratch.len() as i64
                    }
                };
                continue;
            }
            let payload = payload_of(encoding, value)?;
            let inline = payload.len() as i64 + 1;
            total += inline;
            let address = if inline > target {
                Some(blob::write(sink, &payload)?)
            } else {
                None
            };
            // The writer that defined the format computes a varint of one byte for inline values.
            let out_of_line = match address {
                Some(_) => {
                    scratch.clear();
                    push_varint(payload.len() as u64, &mut scratch);
                    scratch.len() as i64 + 20
                }
                None => 21,
            };
            candidates.push(Candidate {
                field: i,
                payload,
                address,
                savings: inline - out_of_line,
            });
        }
        if total > target {
            candidates.sort_by_key(|c| -c.savings);
        }
        let mut budget = total;
        for c in candidates {
            let take = total > target && c.savings > 0 && budget > target;
            if take {
                budget -= c.savings;
            }
            placed[c.field] = Some(if take {
                let address = match c.address {
                    Some(a) => a,
                    None => blob::write(sink, &c.payload)?,
                };
                Adaptive::OutOfLine(c.payload.len() as u64, address)
            } else {
                Adaptive::Inline(c.payload)
            });
        }
        for (((encoding, ty), value), adaptive) in fields.zip(values).zip(placed) {
            match adaptive {
                None => self.push(encoding, ty, value, sink)?,
                Some(Adaptive::Inline(payload)) => self.tuple.push_with(|b| {
                    b.push(0);
                    b.extend_from_slice(&payload);
                    Ok::<(), crate::Error>(())
                })?,
                Some(Adaptive::OutOfLine(length, address)) => self.tuple.push_with(|b| {
                    push_varint(length, b);
                    b.extend_from_slice(&address);
                    Ok::<(), crate::Error>(())
                })?,
            }
        }
        self.tuple.finish_into(out)
    }

    fn push(
        &mut self,
        encoding: Encoding,
        ty: &SqlType,
        value: &Value<'_>,
        sink: &dyn BlobSink,
    ) -> Result<()> {
        if value.is_null() {
            self.tuple.push_null();
            return Ok(());
        }
        self.tuple
            .push_with(|b| encode_field(encoding, ty, value, sink, b))
    }
}
