//! Table definitions as the planner sees them, and the layout of their rows in trees.

use std::sync::Arc;

use values::{Collation, CollationId, SqlType};

/// A column of a stored table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name as created.
    pub name: String,
    /// Type.
    pub ty: SqlType,
    /// Accepts NULL.
    pub nullable: bool,
    /// Stored text of DEFAULT; empty when there is none.
    pub default: String,
    /// Stored text of the generating expression; empty for an ordinary column.
    pub generated: String,
    /// Generated and computed when read.
    pub is_virtual: bool,
    /// Stored text of ON UPDATE.
    pub on_update: String,
    /// AUTO_INCREMENT.
    pub auto_increment: bool,
    /// COMMENT.
    pub comment: String,
    /// Not part of `*`: the hidden column of a functional index.
    pub hidden: bool,
    /// Column tag, its identity across schema versions.
    pub tag: u64,
}

/// An index of a stored table.
#[derive(Clone, Debug)]
pub struct Index {
    /// Name as created.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<usize>,
    /// Prefix length in characters or bytes per column; 0 is the whole column.
    pub prefixes: Vec<u16>,
    /// UNIQUE.
    pub unique: bool,
    /// Ordinary tree of tuples (not full-text, spatial or vector).
    pub ordered: bool,
    /// Has an entry for every row (all but full-text).
    pub has_entries: bool,
    /// Every column that the index key holds, in key order: its columns, then the primary key's.
    pub key_columns: Vec<usize>,
}

/// A CHECK constraint.
#[derive(Clone, Debug)]
pub struct Check {
    /// Name.
    pub name: String,
    /// Stored text.
    pub text: String,
    /// Not NOT ENFORCED.
    pub enforced: bool,
}

/// A stored table at one version of its schema.
#[derive(Debug)]
pub struct TableDef {
    /// Database as the session names it, with a revision if one was given.
    pub db: String,
    /// Name as created.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Primary key columns in key order; empty for a keyless table.
    pub primary_key: Vec<usize>,
    /// Secondary indexes.
    pub indexes: Vec<Index>,
    /// CHECK constraints.
    pub checks: Vec<Check>,
    /// Collation of the table.
    pub collation: CollationId,
    /// COMMENT.
    pub comment: String,
    /// What is stored, and where each column's bytes are.
    pub schema: Arc<model::Schema>,
    /// Address of the stored schema, which identifies this definition.
    pub schema_hash: chunks::Hash,
}

impl TableDef {
    /// Position of a column by name, in any letter case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|c| c.name.eq_ignore_ascii_case(name))
            .or_else(|| {
                self.columns
                    .iter()
                    .position(|c| c.name.to_lowercase() == name.to_lowercase())
            })
    }

    /// Position of an index by name, in any letter case.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.indexes
            .iter()
            .position(|i| i.name.eq_ignore_ascii_case(name))
    }

    /// Whether rows have no primary key.
    pub fn keyless(&self) -> bool {
        self.primary_key.is_empty()
    }

    /// The AUTO_INCREMENT column.
    pub fn auto_increment(&self) -> Option<usize> {
        self.columns.iter().position(|c| c.auto_increment)
    }

    /// The collation of a text column.
    pub fn collation_of(&self, column: usize) -> Option<&'static Collation> {
        crate::plan::text_collation(&self.columns[column].ty)
    }
}
