use chunks::{ChunkError, Hash};
use serial::SerialError;

/// Result of an operation on trees.
pub type Result<T> = std::result::Result<T, ProllyError>;

/// What could not be done with a tree.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProllyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] ChunkError),
    /// A chunk that a tree refers to is not there.
    #[error("chunk {0} does not exist")]
    Missing(Hash),
    /// A chunk is no message that can be read.
    #[error("chunk {hash}: {source}")]
    Message {
        /// The chunk.
        hash: Hash,
        /// What is wrong with it.
        source: SerialError,
    },
    /// A message that is no tree node.
    #[error("unknown message id {0}")]
    NotANode(String),
    /// A node that contradicts itself or its tree.
    #[error("corrupt tree node {hash}: {reason}")]
    Corrupt {
        /// The node.
        hash: Hash,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A message that would be too large.
    #[error(transparent)]
    Serial(#[from] SerialError),
    /// A key and value that no node can hold.
    #[error("row of {0} bytes is too large for a tree node")]
    ItemTooLarge(usize),
    /// Edits must come in ascending order of distinct keys.
    #[error("edits are not in ascending order")]
    Unsorted,
    /// Vectors without distance.
    #[error("attempting to find distance between vectors of different lengths: {0} vs {1}")]
    VectorLengths(usize, usize),
    /// A key of a vector index without vector.
    #[error("vector index: {0}")]
    BadVector(String),
    /// An ordinal beyond the end of a map.
    #[error("stop index ({0}) out of bounds")]
    OrdinalOutOfBounds(u64),
    /// A value longer than its reader allows.
    #[error("value of more than {0} bytes")]
    ValueTooLarge(usize),
    /// The thread that stores leaves ended early.
    #[error("the thread that stores tree nodes has ended")]
    WriterLost,
    /// Whoever gives the edits failed, and knows why.
    #[error("edits could not be read")]
    EditsFailed,
    /// A temporary file.
    #[error("{what} {path}: {reason}")]
    TemporaryFile {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// Text that is no JSON document as it is stored.
    #[error("malformed JSON document at byte {0}")]
    BadJson(usize),
}
