//! Where the columns of a table lie in its tuples.

use std::sync::Arc;

use chunks::Hash;
use values::{Encoding, FieldDesc, SqlType, TupleDesc};

use crate::{Blobs, IndexLayout, Result, Schema};

/// Where a column's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Field of the key tuple.
    Key(usize),
    /// Field of the value tuple.
    Value(usize),
    /// Not stored: computed from its expression.
    Virtual,
}

/// A schema with the layouts that follow from it.
#[derive(Debug)]
pub struct TableLayout {
    schema: Arc<Schema>,
    hash: Hash,
    key: TupleDesc,
    value: TupleDesc,
    places: Vec<Place>,
    key_columns: Vec<usize>,
    value_columns: Vec<usize>,
    indexes: Vec<Arc<IndexLayout>>,
}

/// A field of a column in key or value tuples.
pub(crate) fn field_desc(encoding: Encoding, sql_type: &SqlType, nullable: bool) -> FieldDesc {
    FieldDesc {
        encoding,
        nullable,
        collation: match sql_type {
            SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => Some(c.get()),
            _ => None,
        },
    }
}

impl TableLayout {
    /// The layout of a schema that is stored at `hash`.
    pub fn new(schema: Arc<Schema>, hash: Hash, blobs: &Blobs) -> Result<TableLayout> {
        schema.check_consistency()?;
        let mut places = vec![Place::Virtual; schema.columns.len()];
        let mut key = Vec::new();
        let mut value = Vec::new();
        if schema.is_keyless() {
            key.push(FieldDesc::new(Encoding::Hash128, false));
            value.push(FieldDesc::new(Encoding::Uint64, false));
        }
        for (field, position) in schema.primary_key.iter().enumerate() {
            let c = &schema.columns[*position];
            key.push(field_desc(c.encoding.in_key(), &c.sql_type, false));
            places[*position] = Place::Key(field);
        }
        let mut value_columns = Vec::new();
        for (position, c) in schema.columns.iter().enumerate() {
            if c.is_virtual || matches!(places[position], Place::Key(_)) {
                continue;
            }
            places[position] = Place::Value(value.len());
            value.push(field_desc(c.encoding, &c.sql_type, c.nullable));
            value_columns.push(position);
        }
        let indexes = schema
            .indexes
            .iter()
            .map(|i| Arc::new(IndexLayout::new(&schema, i, &places, blobs)))
            .collect();
        Ok(TableLayout {
            key_columns: schema.primary_key.clone(),
            key: TupleDesc::new(key),
            value: TupleDesc::new(value),
            places,
            value_columns,
            indexes,
            hash,
            schema,
        })
    }

    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Address of the schema.
    pub fn schema_hash(&self) -> Hash {
        self.hash
    }

    /// Fields of the key tuple.
    pub fn key_desc(&self) -> &TupleDesc {
        &self.key
    }

    /// Fields of the value tuple; of keyless tables the first is the number of equal rows.
    pub fn value_desc(&self) -> &TupleDesc {
        &self.value
    }

    /// Where a column lies.
    pub fn place(&self, column: usize) -> Place {
        self.places.get(column).copied().unwrap_or(Place::Virtual)
    }

    /// Where the columns lie, in their order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Columns of the key tuple; none for keyless tables, whose key is a hash.
    pub fn key_columns(&self) -> &[usize] {
        &self.key_columns
    }

    /// Columns of the value tuple, without the count of keyless tables.
    pub fn value_columns(&self) -> &[usize] {
        &self.value_columns
    }

    /// Encodings and types of the value tuple, as [`values::RowBuilder`] takes them.
    pub fn value_fields(&self) -> impl Iterator<Item = (Encoding, &SqlType)> + Clone {
        let count = self
            .schema
            .is_keyless()
            .then_some((Encoding::Uint64, &SqlType::BIGINT_UNSIGNED));
        let columns = self.value_columns.iter().map(|c| {
            let c = &self.schema.columns[*c];
            (c.encoding, &c.sql_type)
        });
        count.into_iter().chain(columns)
    }

    /// Layout of the `i`-th secondary index.
    pub fn index(&self, i: usize) -> Option<&Arc<IndexLayout>> {
        self.indexes.get(i)
    }

    /// Layouts of the secondary indexes, in the schema's order.
    pub fn indexes(&self) -> &[Arc<IndexLayout>] {
        &self.indexes
    }
}
