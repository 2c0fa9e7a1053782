//! What a statement gives back, and who receives it.

use std::io::Read;

use values::{SqlType, Value};

use crate::error::{Error, Result};

/// Whether a producer of rows goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More rows are wanted.
    Continue,
    /// No further row is wanted; nothing went wrong.
    Stop,
}

/// Metadata of one result column, as the protocol's column definition needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnMeta {
    /// Name shown: the alias, or the expression's text.
    pub name: String,
    /// Name of the base column; empty for an expression.
    pub org_name: String,
    /// Table alias.
    pub table: String,
    /// Base table.
    pub org_table: String,
    /// Database of the base table.
    pub schema: String,
    /// Type of the values.
    pub ty: SqlType,
    /// NOT NULL.
    pub not_null: bool,
    /// Part of the primary key.
    pub primary_key: bool,
    /// Part of a unique key.
    pub unique_key: bool,
    /// Part of a key that is not unique.
    pub multiple_key: bool,
    /// AUTO_INCREMENT.
    pub auto_increment: bool,
}

impl ColumnMeta {
    /// A column that no table holds.
    pub fn computed(name: impl Into<String>, ty: SqlType) -> ColumnMeta {
        ColumnMeta {
            name: name.into(),
            org_name: String::new(),
            table: String::new(),
            org_table: String::new(),
            schema: String::new(),
            ty,
            not_null: false,
            primary_key: false,
            unique_key: false,
            multiple_key: false,
            auto_increment: false,
        }
    }
}

/// One row of a result; columns are computed when asked for.
pub trait Row {
    /// Number of columns.
    fn len(&self) -> usize;
    /// Whether the row has no columns.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The value of column `i`.
    fn get(&self, i: usize) -> Result<Value<'_>>;
}

impl Row for [Value<'_>] {
    fn len(&self) -> usize {
        <[Value<'_>]>::len(self)
    }
    fn get(&self, i: usize) -> Result<Value<'_>> {
        Ok(self[i].borrowed())
    }
}

/// The end of a statement that returns no rows, or the end of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows changed (or matched, with CLIENT_FOUND_ROWS).
    pub affected_rows: u64,
    /// First automatically generated id, 0 when none.
    pub last_insert_id: u64,
    /// Text of the OK packet, e.g. `Rows matched: 1  Changed: 1  Warnings: 0`.
    pub info: String,
}

/// Receives the results of one statement, in order: either [`ResultSink::columns`], rows and
/// [`ResultSink::done`], or [`ResultSink::done`] alone; a CALL repeats this per result set.
/// `more` says that another result follows.
pub trait ResultSink {
    /// A result set begins.
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()>;
    /// One row of it.
    fn row(&mut self, row: &dyn Row) -> Result<Flow>;
    /// The result set, or the statement without rows, is complete.
    fn done(&mut self, done: &Done, more: bool) -> Result<()>;
    /// Opens a file of the client for LOAD DATA LOCAL INFILE; what is not read is skipped when the
    /// reader is dropped.
    fn local_file(&mut self, _name: &str) -> Result<Box<dyn Read + '_>> {
        Err(Error::new(
            3948,
            "42000",
            "Loading local data is disabled; this must be enabled on both the client and server sides",
        ))
    }
}
