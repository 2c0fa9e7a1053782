//! The envelope around each flatbuffer (spec 02 §1).

use std::fmt;

use crate::{SerialError, Table};

/// First byte of every serial message.
pub const SERIAL_MESSAGE: u8 = 27;
/// Bytes in front of the flatbuffer: the kind and a 24-bit big-endian length.
pub const PREFIX_LEN: usize = 4;
/// Flatbuffers must be shorter than this.
pub const MAX_MESSAGE: usize = 1 << 24;

/// The four characters that say what a message is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub [u8; 4]);

macro_rules! file_ids {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl FileId { $($(#[$doc])* pub const $name: FileId = FileId(*$text);)* }
    };
}

file_ids! {
    /// Store root: the map of datasets.
    STORE_ROOT = b"STRT";
    /// Tag.
    TAG = b"DTAG";
    /// Working set.
    WORKING_SET = b"WRST";
    /// Commit.
    COMMIT = b"DCMT";
    /// Root value.
    ROOT_VALUE = b"RTVL";
    /// Table.
    TABLE = b"DTBL";
    /// Node of a tree of rows.
    PROLLY_NODE = b"TUPM";
    /// Node of a map from names to addresses.
    ADDRESS_MAP = b"ADRM";
    /// Node of a commit closure.
    COMMIT_CLOSURE = b"CMCL";
    /// Table schema.
    TABLE_SCHEMA = b"DSCH";
    /// Foreign keys.
    FOREIGN_KEYS = b"DFKC";
    /// Node of a map of conflicts and violations.
    MERGE_ARTIFACTS = b"ARTM";
    /// Node of an out-of-line value.
    BLOB = b"BLOB";
    /// Branch control file.
    BRANCH_CONTROL = b"BRCL";
    /// List of stashes.
    STASH_LIST = b"SLST";
    /// Stash.
    STASH = b"STSH";
    /// Table statistics.
    STATISTIC = b"STAT";
    /// Doltgres root value, recognized so that it can be refused.
    DOLTGRES_ROOT = b"DGRV";
    /// Small stored value.
    TUPLE = b"TUPL";
    /// Node of a vector index.
    VECTOR_NODE = b"IVFF";
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileId({self})")
    }
}

/// What kind of message these bytes are; `None` when they are no serial message.
pub fn file_id(message: &[u8]) -> Option<FileId> {
    match message {
        [SERIAL_MESSAGE, _, _, _, _, _, _, _, a, b, c, d, ..] => Some(FileId([*a, *b, *c, *d])),
        _ => None,
    }
}

/// The root table of a message of the given kind, which must not set more than `num_fields`.
pub fn root_table(
    message: &[u8],
    kind: FileId,
    num_fields: usize,
) -> Result<Table<'_>, SerialError> {
    let found = file_id(message).ok_or(SerialError::NotSerial)?;
    if found != kind {
        return Err(SerialError::WrongKind {
            expected: kind,
            found,
        });
    }
    Table::root(message, num_fields)
}
