use model::ModelError;

use crate::merge::schema_conflict::SchemaConflict;

/// Result of an operation on versions.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation on versions was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A stored object failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A schema conflict that the caller did not want to keep (spec 05 §4.9).
    #[error("{0}")]
    SchemaConflict(Box<SchemaConflict>),
    /// The operation cannot be done; the text is the one that users see.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn refused(text: impl Into<String>) -> Error {
        Error::Refused(text.into())
    }
}

impl From<prolly::ProllyError> for Error {
    fn from(e: prolly::ProllyError) -> Error {
        Error::Model(e.into())
    }
}

impl From<values::Error> for Error {
    fn from(e: values::Error) -> Error {
        Error::Model(e.into())
    }
}
