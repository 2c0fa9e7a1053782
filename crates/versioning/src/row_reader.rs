//! Values of rows by column, and rows from values.

use std::sync::Arc;

use model::{Blobs, Place, Schema, Table, TableLayout};
use values::conversion;
use values::{OwnedValue, RowBuilder, SqlType, Tuple, TupleBuilder, Value, decode_field};

use crate::{Error, Result};

/// Reads and writes the rows of one layout.
#[derive(Clone)]
pub struct RowReader {
    layout: Arc<TableLayout>,
    blobs: Blobs,
}

impl RowReader {
    /// A reader of a table's rows.
    pub fn of(table: &Table) -> RowReader {
        RowReader::new(table.layout().clone(), table.objects().blobs())
    }

    /// A reader of rows of a layout.
    pub fn new(layout: Arc<TableLayout>, blobs: Blobs) -> RowReader {
        RowReader { layout, blobs }
    }

    /// The layout.
    pub fn layout(&self) -> &Arc<TableLayout> {
        &self.layout
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        self.layout.schema()
    }

    /// Out-of-line values.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Bytes of a column; none for NULL, and for columns that are not stored.
    pub fn field<'a>(&self, column: usize, key: &'a [u8], value: &'a [u8]) -> Option<&'a [u8]> {
        match self.layout.place(column) {
            Place::Key(i) => Tuple(key).field(i),
            Place::Value(i) => Tuple(value).field(i),
            Place::Virtual => None,
        }
    }

    /// The value of a column; NULL for columns that are not stored.
    pub fn value(&self, column: usize, key: &[u8], value: &[u8]) -> Result<OwnedValue> {
        let c = &self.layout.schema().columns[column];
        let encoding = match self.layout.place(column) {
            Place::Key(_) => c.encoding.in_key(),
            _ => c.encoding,
        };
        Ok(match self.field(column, key, value) {
            None => Value::Null,
            Some(bytes) => decode_field(encoding, &c.sql_type, bytes, &self.blobs)?.into_owned(),
        })
    }

    /// All values, in the order of the columns.
    pub fn row(&self, key: &[u8], value: &[u8]) -> Result<Vec<OwnedValue>> {
        (0..self.layout.schema().columns.len())
            .map(|c| self.value(c, key, value))
            .collect()
    }

    /// How many equal rows an item of a keyless table stands for; 1 in other tables.
    pub fn count(&self, value: &[u8]) -> u64 {
        match self.layout.schema().is_keyless() {
            true => Tuple(value)
                .field(0)
                .and_then(|b| b.first_chunk().copied())
                .map_or(0, u64::from_le_bytes),
            false => 1,
        }
    }

    /// The value tuple of these values of the stored columns outside the key.
    pub fn value_tuple(&self, values: &[OwnedValue]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        RowBuilder::new().build_into(
            self.layout.value_fields(),
            values,
            self.layout.schema().target_row_size,
            &self.blobs,
            &mut out,
        )?;
        Ok(out)
    }

    /// The key of a row's entry in the `index`-th secondary index.
    pub fn index_entry(
        &self,
        index: usize,
        key: &[u8],
        value: &[u8],
        computed: &dyn Fn(usize) -> model::Result<Value<'static>>,
    ) -> Result<Vec<u8>> {
        let layout = &self.layout.indexes()[index];
        Ok(layout.entry(key, value, computed, &self.blobs, &mut TupleBuilder::new())?)
    }

    /// The primary key (or row hash) in an entry of the `index`-th secondary index.
    pub fn key_of_entry(&self, index: usize, entry: &[u8]) -> Result<Vec<u8>> {
        let fields = self.layout.indexes()[index].fields();
        let mut key: Vec<Option<&[u8]>> = Vec::new();
        if self.layout.schema().is_keyless() {
            key.push(Tuple(entry).field(fields.len().saturating_sub(1)));
        }
        for column in self.layout.key_columns() {
            let at = fields.iter().position(|f| f.column == Some(*column));
            key.push(at.and_then(|i| Tuple(entry).field(i)));
        }
        Ok(values::tuple::tuple_of(&key)?)
    }
}

/// A value as another type stores it, or an error if it does not fit.
pub(crate) fn convert(value: OwnedValue, from: &SqlType, to: &SqlType) -> Result<OwnedValue> {
    if from == to || value.is_null() {
        return Ok(value);
    }
    conversion::store(&value, from, to, &conversion::Context::default())
        .map_err(|_| out_of_range(&value, from, to))
}

/// The error of a value that does not fit another type.
pub(crate) fn out_of_range(value: &OwnedValue, from: &SqlType, to: &SqlType) -> Error {
    let shown = shown(value, from);
    Error::refused(format!(
        "out of range conversion for value {shown} to type {to}"
    ))
}

/// A value as text.
pub(crate) fn shown(value: &OwnedValue, ty: &SqlType) -> String {
    let mut text = Vec::new();
    values::render_text(value, ty, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
