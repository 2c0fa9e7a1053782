use chunks::{ChunkError, Hash};
use model::ModelError;
use prolly::ProllyError;

/// Result of an operation on a remote.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation on a remote failed; the texts are the ones that users see.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A stored object failed, here or there.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// History could not be walked.
    #[error(transparent)]
    Versioning(#[from] versioning::Error),
    /// A scheme that no store stands behind.
    #[error("unknown url scheme: '{0}'")]
    UnknownScheme(String),
    /// A scheme whose store is not built yet.
    #[error("remotes of the scheme '{0}' are not supported yet")]
    Unsupported(String),
    /// Text that is no address.
    #[error("'{0}' is not valid")]
    BadUrl(String),
    /// An address of an object store that says too little, or too much.
    #[error("{0}")]
    BadPlace(String),
    /// There is no directory where the remote should be.
    #[error("stat {0}: no such file or directory")]
    NoSuchDirectory(String),
    /// The directory is that of a database.
    #[error("cannot create NBS store for directory containing chunk journal")]
    IsDatabase,
    /// A file is where the directory of the remote should be.
    #[error("is a file")]
    IsFile,
    /// The operating system refused.
    #[error("{0}")]
    Io(String),
    /// Text that is no ref spec, or one that nothing matches.
    #[error("invalid ref spec: '{0}'")]
    BadRefSpec(String),
    /// A ref spec that cannot be fetched.
    #[error("invalid fetch spec: '{0}'")]
    BadFetchSpec(String),
    /// A ref spec between kinds of refs that do not go together.
    #[error("unsupported mapping: '{0}'")]
    UnsupportedMapping(String),
    /// The remote has no branch, and one was asked for.
    #[error("no branches found in remote '{0}'")]
    NoBranches(String),
    /// A chunk that neither side has.
    #[error("failed to get all chunks: {0} is missing")]
    Missing(Hash),
    /// A chunk whose content is not what its address says: damaged, or forged.
    #[error("chunk {0} has other content than its address says")]
    Forged(Hash),
    /// A chunk that a shallow clone left behind.
    #[error("shallow repository missing chunks to complete push")]
    Shallow,
    /// The last branch of a remote stays.
    #[error("cannot delete the last branch")]
    LastBranch,
    /// A branch of the remote has changes that nobody committed.
    #[error("target has uncommitted changes. --force required to overwrite")]
    Dirty,
    /// No tracking branch of this name.
    #[error("branch not found")]
    BranchNotFound,
    /// There is nothing to clone.
    #[error("clone failed; remote at that url contains no Dolt data")]
    NoData,
    /// Clone's branch is not there.
    #[error("clone failed; branch not found: {0}")]
    CloneBranch(String),
    /// A tag cannot be checked out.
    #[error("this operation is not supported while in a detached head state")]
    DetachedHead,
    /// The directory of a clone is a database already.
    #[error("data repository already exists: {0}")]
    Exists(String),
    /// The directory of a clone holds what an earlier one left.
    #[error(
        "incomplete database directory from an interrupted create already exists: {0}; remove the directory and try again"
    )]
    Incomplete(String),
    /// A history of no commit.
    #[error("invalid depth: {0}")]
    BadDepth(u64),
    /// Others kept writing to a backup.
    #[error(
        "could not set destination root to the same value as this database's root. the destination database received too many writes while we were pushing and we exhausted our retries."
    )]
    TooManyWrites,
}

impl From<ChunkError> for Error {
    fn from(e: ChunkError) -> Error {
        Error::Model(e.into())
    }
}

impl From<ProllyError> for Error {
    fn from(e: ProllyError) -> Error {
        Error::Model(e.into())
    }
}
