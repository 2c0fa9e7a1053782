//! Flat Parquet files, as tables are exported to and imported from (Apache Parquet format 2.10:
//! `parquet.thrift`, `Encodings.md`).
//!
//! What is written is plain: one page per column and row group, compressed with Snappy. What is
//! read may be compressed with Snappy, gzip or Zstandard and encoded plainly or with a dictionary;
//! a column is a value, or one list of values.

mod file;
mod levels;
mod metadata;
mod page;
mod read;
mod thrift;
mod write;

pub use metadata::{Kind, Physical, Unit};
pub use read::{Column, Reader};
pub use write::{NewColumn, Writer};

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no Parquet file, or a damaged one.
    #[error("not a valid Parquet file: {0}")]
    Corrupt(&'static str),
    /// The file is valid, but has what is not supported.
    #[error("not supported in Parquet files: {0}")]
    Unsupported(String),
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The result of reading or writing.
pub type Result<T> = std::result::Result<T, Error>;

/// A value of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number, as it is stored.
    Int(i64),
    /// A floating-point number.
    Float(f32),
    /// A floating-point number.
    Double(f64),
    /// Bytes: text, or whatever the column's kind says.
    Bytes(Vec<u8>),
    /// Values of a repeated column.
    List(Vec<Cell>),
}
