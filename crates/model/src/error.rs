use std::path::PathBuf;

use chunks::{ChunkError, Hash};
use prolly::ProllyError;
use serial::SerialError;

/// Result of an operation on stored objects.
pub type Result<T> = std::result::Result<T, ModelError>;

/// What could not be done with a stored object.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ModelError {
    /// A tree or its store failed.
    #[error(transparent)]
    Tree(#[from] ProllyError),
    /// A stored value failed.
    #[error(transparent)]
    Value(#[from] values::Error),
    /// A message that cannot be read.
    #[error("{kind}: {source}")]
    Message {
        /// What was to be read.
        kind: &'static str,
        /// What is wrong with it.
        source: SerialError,
    },
    /// A message that contradicts itself.
    #[error("corrupt {kind}: {reason}")]
    Corrupt {
        /// What was to be read.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A root written by a later version (spec 03 §3).
    #[error(
        "client (version: {client}) is out of date and must upgrade to read this repo (version: {stored}).\n\
         \tvisit https://github.com/dolthub/dolt/releases/latest/"
    )]
    OutOfDate {
        /// What this program reads.
        client: i64,
        /// What the root states.
        stored: i64,
    },
    /// A commit that a shallow clone left behind.
    #[error("commit {0} is a ghost commit: it was not fetched by the shallow clone")]
    Ghost(Hash),
    /// Databases in memory, and remotes, have no garbage that could be collected.
    #[error("this database does not support garbage collection")]
    NotCollectable,
    /// No ref of this name.
    #[error("branch not found: {0}")]
    BranchNotFound(String),
    /// A ref exists already.
    #[error("{0} already exists")]
    AlreadyExists(String),
    /// A name that branches cannot have.
    #[error("not a valid user branch name: {0}")]
    BadBranchName(String),
    /// A name that tags cannot have.
    #[error("not a valid tag name: {0}")]
    BadTagName(String),
    /// Text that is no revision.
    #[error("string is not a valid branch or hash: {0}")]
    BadRevision(String),
    /// A revision whose steps cannot be read or followed.
    #[error("invalid ancestor spec")]
    BadAncestor,
    /// Characters after the base that are no steps.
    #[error("Invalid HEAD spec: {0}")]
    BadHeadSpec(String),
    /// Several refs differ from a name by case only.
    #[error(
        "ref name is ambiguous because refs differ only by case, rename or delete one to disambiguate: \"{name}\" could be {candidates}"
    )]
    AmbiguousRef {
        /// What was asked for.
        name: String,
        /// What it could be.
        candidates: String,
    },
    /// A branch has no working set.
    #[error("working set not found: {0}")]
    WorkingSetNotFound(String),
    /// A table exists already.
    #[error("table with name {0} already exists")]
    TableExists(String),
    /// No table of this name.
    #[error("table not found: {0}")]
    TableNotFound(String),
    /// A ref changed since the caller read it.
    #[error("optimistic lock failed on {0}")]
    RefMoved(String),
    /// The directory cannot become a database.
    #[error(".dolt directory already exists at '{}'", .0.display())]
    DirectoryExists(PathBuf),
    /// The directory is no database.
    #[error("not a database directory: {}", .0.display())]
    NotADatabase(PathBuf),
    /// The store holds no commit.
    #[error("database has no refs")]
    Empty,
    /// A JSON file of the database directory that cannot be read.
    #[error("{path}: {reason}")]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A commit lacks something that it must have.
    #[error("Aborting commit due to empty {0}.{1}")]
    EmptyCommitField(&'static str, &'static str),
}

impl ModelError {
    pub(crate) fn message(kind: &'static str) -> impl Fn(SerialError) -> ModelError {
        move |source| ModelError::Message { kind, source }
    }

    /// Stored bytes that do not make sense.
    pub fn corrupt(kind: &'static str, reason: impl Into<String>) -> ModelError {
        ModelError::Corrupt {
            kind,
            reason: reason.into(),
        }
    }
}

impl From<ChunkError> for ModelError {
    fn from(e: ChunkError) -> ModelError {
        ModelError::Tree(e.into())
    }
}
