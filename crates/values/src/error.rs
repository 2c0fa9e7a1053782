use crate::Encoding;

/// What can be wrong with stored bytes or with a value that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A tuple whose offsets do not fit its length.
    #[error("malformed tuple of {0} bytes")]
    BadTuple(usize),
    /// A field whose bytes are not a value of its encoding.
    #[error("malformed {encoding:?} field of {length} bytes")]
    BadField {
        /// The encoding that the schema states.
        encoding: Encoding,
        /// Length of the field.
        length: usize,
    },
    /// An encoding number that no version of the format defines, or that is not supported here.
    #[error("unknown field encoding {0}")]
    UnknownEncoding(u8),
    /// A value that cannot be written in the encoding of its column.
    #[error("cannot write {value} as {encoding:?}")]
    Mismatch {
        /// The encoding that the schema states.
        encoding: Encoding,
        /// Kind of the value.
        value: &'static str,
    },
    /// More than 65504 bytes of fields.
    #[error("tuple data size exceeds maximum")]
    TupleTooLarge,
    /// More than 4096 fields.
    #[error("tuple has more than {} fields", crate::tuple::MAX_FIELDS)]
    TooManyFields,
    /// NULL for a NOT NULL field.
    #[error("cannot write NULL to non-NULL field: {0}")]
    NullField(usize),
    /// Reading or writing out-of-line bytes failed.
    #[error("out-of-line value: {0}")]
    Blob(String),
    /// A JSON document that is not valid.
    #[error("invalid JSON: {0}")]
    Json(String),
    /// A type's stored text that cannot be read.
    #[error("cannot parse column type {0:?}")]
    TypeText(String),
    /// An encoding that a type cannot have.
    #[error("encoding {encoding:?} is not valid for {sql_type}")]
    EncodingOfType {
        /// The encoding that the schema states.
        encoding: Encoding,
        /// The column's type.
        sql_type: String,
    },
}

/// Result of reading or writing stored values.
pub type Result<T> = std::result::Result<T, Error>;
