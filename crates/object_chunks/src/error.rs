use std::path::PathBuf;
use std::sync::Arc;

use chunks::ChunkError;

/// Result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

/// What an object store could not do, before it becomes an error of a chunk store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object store answered with an error, or not at all.
    #[error("{action} {url}: {source}")]
    Remote {
        /// What was attempted.
        action: &'static str,
        /// On which object.
        url: String,
        /// What came back.
        source: object_store::Error,
    },
    /// A file of this machine.
    #[error(transparent)]
    Chunks(#[from] ChunkError),
}

impl From<Error> for ChunkError {
    fn from(e: Error) -> ChunkError {
        match e {
            Error::Chunks(e) => e,
            Error::Remote {
                action,
                url,
                source,
            } => ChunkError::Io {
                action,
                path: PathBuf::from(url),
                source: Arc::new(std::io::Error::other(explain(&source))),
            },
        }
    }
}

/// The reason without the layers of retrying around it, and what helps.
fn explain(e: &object_store::Error) -> String {
    let text = e.to_string();
    match text.contains("NoSuchBucket") {
        true => format!("the bucket does not exist; it has to be created first ({text})"),
        false => text,
    }
}
