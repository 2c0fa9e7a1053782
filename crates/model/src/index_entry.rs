//! Entries of secondary indexes, derived from rows (spec 02 §13).

use std::sync::Arc;

use prolly::{KeyVectors, ProllyError};
use values::blob::BlobSource;
use values::{
    Encoding, FieldDesc, SqlType, Tuple, TupleBuilder, TupleDesc, Value, decode_field, encode_field,
};

use crate::table_layout::field_desc;
use crate::{Blobs, Index, Place, Result, Schema, spatial_cell};

/// One field of an index's key tuple.
#[derive(Clone, Debug)]
pub struct IndexField {
    /// The column; none for the row hash of keyless tables.
    pub column: Option<usize>,
    /// Where its value is in the row.
    pub place: Place,
    /// How the column is stored in the row.
    pub row_encoding: Encoding,
    /// How it is stored in the index.
    pub encoding: Encoding,
    /// Its type.
    pub sql_type: SqlType,
    /// Bytes that are indexed; 0 for all.
    pub prefix: u16,
}

/// The layout of a secondary index.
#[derive(Debug)]
pub struct IndexLayout {
    desc: TupleDesc,
    fields: Vec<IndexField>,
    indexed: usize,
}

impl IndexLayout {
    pub(crate) fn new(
        schema: &Schema,
        index: &Index,
        places: &[Place],
        blobs: &Blobs,
    ) -> IndexLayout {
        let mut fields = Vec::new();
        for (i, column) in schema.index_key_columns(index).into_iter().enumerate() {
            let c = &schema.columns[column];
            let prefix = if i < index.columns.len() {
                index.prefix(i)
            } else {
                0
            };
            let in_primary_key = matches!(places[column], Place::Key(_));
            let geometry = matches!(c.sql_type, SqlType::Geometry(..));
            // Large values of unique indexes without prefix are compared by their content.
            let own = !in_primary_key
                && prefix == 0
                && (if geometry {
                    !index.spatial
                } else {
                    index.unique || index.vector.is_some()
                });
            fields.push(IndexField {
                column: Some(column),
                place: places[column],
                row_encoding: if in_primary_key {
                    c.encoding.in_key()
                } else {
                    c.encoding
                },
                encoding: if own { c.encoding } else { c.encoding.in_key() },
                sql_type: c.sql_type.clone(),
                prefix,
            });
        }
        if schema.is_keyless() {
            fields.push(IndexField {
                column: None,
                place: Place::Key(0),
                row_encoding: Encoding::Hash128,
                encoding: Encoding::Hash128,
                sql_type: SqlType::Binary(16),
                prefix: 0,
            });
        }
        let descs: Vec<FieldDesc> = fields
            .iter()
            .map(|f| field_desc(f.encoding, &f.sql_type, true))
            .collect();
        let adaptive = descs.iter().any(|d| d.encoding.is_adaptive());
        let mut desc = TupleDesc::new(descs);
        if adaptive {
            desc = desc.with_blobs(Arc::new(blobs.clone()));
        }
        IndexLayout {
            desc,
            fields,
            indexed: index.columns.len(),
        }
    }

    /// Fields of the key tuple and its order.
    pub fn desc(&self) -> &TupleDesc {
        &self.desc
    }

    /// Where each field comes from.
    pub fn fields(&self) -> &[IndexField] {
        &self.fields
    }

    /// How many fields at the start are the indexed columns.
    pub fn indexed(&self) -> usize {
        self.indexed
    }

    /// Whether two versions of a row, key and value of each, are known to have the same entry
    /// without making it: the columns have the same bytes.
    pub fn is_unchanged(&self, old: (&[u8], &[u8]), new: (&[u8], &[u8])) -> bool {
        self.fields.iter().all(|f| match f.place {
            Place::Key(i) => Tuple(old.0).field(i) == Tuple(new.0).field(i),
            Place::Value(i) => Tuple(old.1).field(i) == Tuple(new.1).field(i),
            Place::Virtual => false,
        })
    }

    /// The key of a row's entry. `computed` gives the values of virtual columns.
    pub fn entry(
        &self,
        key: &[u8],
        value: &[u8],
        computed: &dyn Fn(usize) -> Result<Value<'static>>,
        blobs: &Blobs,
        out: &mut TupleBuilder,
    ) -> Result<Vec<u8>> {
        out.clear();
        for f in &self.fields {
            match (f.place, f.column) {
                (Place::Key(i), _) => self.push_field(f, Tuple(key).field(i), blobs, out)?,
                (Place::Value(i), _) => self.push_field(f, Tuple(value).field(i), blobs, out)?,
                (Place::Virtual, Some(column)) => {
                    self.push_value(f, &computed(column)?, blobs, out)?;
                }
                (Place::Virtual, None) => out.push_null(),
            }
        }
        Ok(out.finish()?)
    }

    /// Appends a field as the index stores it, from a value of the column's type.
    pub fn push_value(
        &self,
        field: &IndexField,
        value: &Value<'_>,
        blobs: &Blobs,
        out: &mut TupleBuilder,
    ) -> Result<()> {
        if value.is_null() {
            out.push_null();
            return Ok(());
        }
        let mut raw = Vec::new();
        encode_field(field.row_encoding, &field.sql_type, value, blobs, &mut raw)?;
        self.push_field(field, Some(&raw), blobs, out)
    }

    fn push_field(
        &self,
        f: &IndexField,
        raw: Option<&[u8]>,
        blobs: &Blobs,
        out: &mut TupleBuilder,
    ) -> Result<()> {
        let Some(raw) = raw else {
            out.push_null();
            return Ok(());
        };
        if f.prefix == 0 && f.encoding == f.row_encoding {
            out.push(Some(raw));
            return Ok(());
        }
        let payload = payload(f.row_encoding, raw, blobs)?;
        if f.encoding == Encoding::Cell {
            out.push(Some(&spatial_cell(&payload)?));
            return Ok(());
        }
        let cut = match usize::from(f.prefix) {
            0 => payload.len(),
            n => n.min(payload.len()),
        };
        out.push_with(|b| {
            b.extend_from_slice(&payload[..cut]);
            b.push(0);
            Ok(())
        })
    }
}

/// The vectors in the keys of a vector index: VECTOR columns, and JSON arrays of numbers.
pub struct IndexVectors {
    layout: Arc<IndexLayout>,
    blobs: Blobs,
}

impl IndexVectors {
    /// For keys of this layout.
    pub fn new(layout: Arc<IndexLayout>, blobs: Blobs) -> IndexVectors {
        IndexVectors { layout, blobs }
    }

    fn read(&self, key: &[u8]) -> values::Result<Option<Vec<f32>>> {
        let (Some(field), Some(raw)) = (self.layout.fields.first(), Tuple(key).field(0)) else {
            return Ok(None);
        };
        let value = decode_field(field.encoding, &field.sql_type, raw, &self.blobs)?;
        Ok(match &value {
            Value::Json(j) => values::conversion::json_vector(j),
            Value::Bytes(b) if b.len().is_multiple_of(4) => Some(
                b.chunks_exact(4)
                    .map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]]))
                    .collect(),
            ),
            _ => None,
        })
    }
}

impl KeyVectors for IndexVectors {
    fn vector(&self, key: &[u8]) -> prolly::Result<Vec<f32>> {
        match self.read(key) {
            Ok(Some(vector)) => Ok(vector),
            Ok(None) => Err(ProllyError::BadVector("value is not a vector".into())),
            Err(e) => Err(ProllyError::BadVector(e.to_string())),
        }
    }
}

/// Bytes of a string-like value in any storage form.
fn payload(encoding: Encoding, raw: &[u8], blobs: &Blobs) -> Result<Vec<u8>> {
    use Encoding::*;
    Ok(match encoding {
        StringAddr | BytesAddr | GeomAddr | JsonAddr => match raw.first_chunk::<20>() {
            Some([0, rest @ ..]) if rest.iter().all(|b| *b == 0) => Vec::new(),
            Some(address) => blobs.read(address)?,
            None => Vec::new(),
        },
        e if e.is_adaptive() => values::field_codec::adaptive_payload(e, raw, blobs)?.into_owned(),
        String | Bytes | Json | Geometry => raw[..raw.len().saturating_sub(1)].to_vec(),
        _ => raw.to_vec(),
    })
}
