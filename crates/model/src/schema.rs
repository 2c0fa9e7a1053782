//! The schema of a table.

use values::{CollationId, Encoding, Error, SqlType};

use crate::{ModelError, Result};

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name, in the user's case.
    pub name: String,
    /// The type as stored (spec 03 §6); kept so that it is written again as it was read.
    pub type_text: String,
    /// The type.
    pub sql_type: SqlType,
    /// The encoding in value tuples; existing columns keep theirs (spec 03 §7).
    pub encoding: Encoding,
    /// Identity across renames, in diffs and in foreign keys.
    pub tag: u64,
    /// Whether the column is part of the primary key.
    pub primary_key: bool,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// AUTO_INCREMENT.
    pub auto_increment: bool,
    /// Text of the default, or of the generating expression; empty for none.
    pub expression: String,
    /// Whether `expression` generates the column.
    pub generated: bool,
    /// Whether the generated value is not stored.
    pub is_virtual: bool,
    /// Text of ON UPDATE; empty for none.
    pub on_update: String,
    /// COMMENT.
    pub comment: String,
    /// INVISIBLE.
    pub hidden: bool,
    /// Made for an expression in an index.
    pub hidden_system: bool,
    /// Markers that keep older programs from misreading adaptive columns.
    pub adaptive_markers: (bool, bool),
}

impl Column {
    /// A nullable column of a type, in the encoding that new columns get.
    pub fn new(name: impl Into<String>, sql_type: SqlType, tag: u64) -> Column {
        let encoding = sql_type.encoding();
        let adaptive = encoding.is_adaptive();
        Column {
            name: name.into(),
            type_text: sql_type.stored_text(),
            sql_type,
            encoding,
            tag,
            primary_key: false,
            nullable: true,
            auto_increment: false,
            expression: String::new(),
            generated: false,
            is_virtual: false,
            on_update: String::new(),
            comment: String::new(),
            hidden: false,
            hidden_system: false,
            adaptive_markers: (adaptive, adaptive),
        }
    }

    /// Changes the type; the encoding stays when the new type allows it (spec 03 §7).
    pub fn set_type(&mut self, sql_type: SqlType) {
        if !sql_type.allows(self.encoding) {
            self.encoding = sql_type.encoding();
            let adaptive = self.encoding.is_adaptive();
            self.adaptive_markers = (adaptive, adaptive);
        }
        self.type_text = sql_type.stored_text();
        self.sql_type = sql_type;
    }

    /// Text of the default value.
    pub fn default_text(&self) -> Option<&str> {
        (!self.generated && !self.expression.is_empty()).then_some(&self.expression)
    }

    /// Text of the generating expression.
    pub fn generated_text(&self) -> Option<&str> {
        self.generated.then_some(&self.expression)
    }

    /// Text of ON UPDATE.
    pub fn on_update_text(&self) -> Option<&str> {
        (!self.on_update.is_empty()).then_some(&self.on_update)
    }
}

/// Which key of the parent identifies a row in the tables of a full-text index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// The primary key.
    Primary,
    /// A unique key.
    Unique,
    /// None: a hash of the row.
    None,
}

/// The tables of a full-text index (spec 03 §8.5).
#[derive(Clone, Debug, PartialEq)]
pub struct FulltextInfo {
    /// Settings.
    pub config_table: String,
    /// Words and their places.
    pub position_table: String,
    /// Words by document.
    pub doc_count_table: String,
    /// Words by number of documents.
    pub global_count_table: String,
    /// Rows.
    pub row_count_table: String,
    /// Which key identifies rows.
    pub key_type: KeyType,
    /// Name of the unique key.
    pub key_name: String,
    /// Positions of the key's columns.
    pub key_positions: Vec<u16>,
}

/// A secondary index.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// The name, in the user's case.
    pub name: String,
    /// COMMENT.
    pub comment: String,
    /// Positions of the indexed columns.
    pub columns: Vec<usize>,
    /// UNIQUE.
    pub unique: bool,
    /// Made for a foreign key, not by the user.
    pub system_defined: bool,
    /// Bytes of each column that are indexed, 0 for all; empty when no column has a prefix.
    pub prefix_lengths: Vec<u16>,
    /// SPATIAL.
    pub spatial: bool,
    /// FULLTEXT.
    pub fulltext: Option<FulltextInfo>,
    /// VECTOR, with the kind of distance: 1 is squared Euclidean.
    pub vector: Option<u8>,
    /// Condition of a partial index; empty for none.
    pub predicate: String,
}

impl Index {
    /// A plain index on columns.
    pub fn new(name: impl Into<String>, columns: Vec<usize>) -> Index {
        Index {
            name: name.into(),
            comment: String::new(),
            columns,
            unique: false,
            system_defined: false,
            prefix_lengths: Vec::new(),
            spatial: false,
            fulltext: None,
            vector: None,
            predicate: String::new(),
        }
    }

    /// Bytes of the `i`-th column that are indexed; 0 for all.
    pub fn prefix(&self, i: usize) -> u16 {
        self.prefix_lengths.get(i).copied().unwrap_or(0)
    }
}

/// A CHECK constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The name.
    pub name: String,
    /// Text of the condition.
    pub expression: String,
    /// Whether it is ENFORCED.
    pub enforced: bool,
    /// NOT VALID: existing rows were not checked.
    pub is_not_valid: bool,
}

/// The schema of a table. A table without primary key is keyless.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Columns in order, without those that keyless tables hide.
    pub columns: Vec<Column>,
    /// Positions of the primary key's columns, in the key's order.
    pub primary_key: Vec<usize>,
    /// Secondary indexes, sorted by name when written.
    pub indexes: Vec<Index>,
    /// Checks in the order of their creation.
    pub checks: Vec<Check>,
    /// The table's default collation.
    pub collation: CollationId,
    /// COMMENT of the table.
    pub comment: String,
    /// Length of a row above which large values move out of line.
    pub target_row_size: u16,
    /// The message lists what an index takes from the primary key by position in the table, not
    /// in the key's order. Dolt writes it so when it changes a column in place, and never reads
    /// it; entries are always in the key's order.
    pub suffix_by_position: bool,
}

fn key_columns(index: &Index, primary_key: &[usize]) -> Vec<usize> {
    let mut columns = index.columns.clone();
    for pk in primary_key {
        if !columns.contains(pk) {
            columns.push(*pk);
        }
    }
    columns
}

impl Default for Schema {
    fn default() -> Schema {
        Schema {
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            checks: Vec::new(),
            collation: CollationId::DEFAULT,
            comment: String::new(),
            target_row_size: values::row_builder::DEFAULT_TARGET_ROW_SIZE,
            suffix_by_position: false,
        }
    }
}

impl Schema {
    /// Whether rows have no primary key.
    pub fn is_keyless(&self) -> bool {
        self.primary_key.is_empty()
    }

    /// Position of a column, by its name in any case.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|c| c.name == name);
        exact.or_else(|| {
            let wanted = name.to_lowercase();
            self.columns
                .iter()
                .position(|c| c.name.to_lowercase() == wanted)
        })
    }

    /// The column with this tag.
    pub fn column_by_tag(&self, tag: u64) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, c)| c.tag == tag)
    }

    /// Position of an index, by its name in any case.
    pub fn index_position(&self, name: &str) -> Option<usize> {
        self.indexes
            .iter()
            .position(|i| i.name.eq_ignore_ascii_case(name))
    }

    /// The AUTO_INCREMENT column.
    pub fn auto_increment_column(&self) -> Option<usize> {
        self.columns.iter().position(|c| c.auto_increment)
    }

    /// A copy to be changed, whose message Dolt would write from scratch.
    pub fn edited(&self) -> Schema {
        Schema {
            suffix_by_position: false,
            ..self.clone()
        }
    }

    /// Columns of the key of an index: its own, then those of the primary key that it lacks.
    pub fn index_key_columns(&self, index: &Index) -> Vec<usize> {
        key_columns(index, &self.primary_key)
    }

    /// The same in the order that the message lists them.
    pub(crate) fn listed_key_columns(&self, index: &Index) -> Vec<usize> {
        if !self.suffix_by_position {
            return self.index_key_columns(index);
        }
        let mut by_position = self.primary_key.clone();
        by_position.sort_unstable();
        key_columns(index, &by_position)
    }

    /// Whether the encodings fit the types and the positions fit the columns.
    pub fn check_consistency(&self) -> Result<()> {
        let n = self.columns.len();
        for c in &self.columns {
            if !c.sql_type.allows(c.encoding) {
                return Err(Error::EncodingOfType {
                    encoding: c.encoding,
                    sql_type: c.sql_type.to_string(),
                }
                .into());
            }
        }
        let positions = self
            .primary_key
            .iter()
            .chain(self.indexes.iter().flat_map(|i| &i.columns));
        for p in positions {
            if *p >= n {
                return Err(ModelError::corrupt(
                    "schema",
                    format!("no column {p} of {n}"),
                ));
            }
        }
        Ok(())
    }
}
