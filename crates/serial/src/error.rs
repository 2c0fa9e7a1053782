use crate::FileId;

/// Why a message could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// The message was written by a newer version and sets fields that this one does not know.
    #[error("table has unknown fields")]
    UnknownFields,
    /// The flatbuffer exceeds the 24 bits of its length prefix.
    #[error("message is too large to be encoded")]
    TooLarge,
    /// A position in the message points outside of it.
    #[error("corrupt message: {what} at byte {at} of {len}")]
    OutOfBounds {
        /// What was being read.
        what: &'static str,
        /// Where.
        at: usize,
        /// How long the message is.
        len: usize,
    },
    /// The bytes do not start with the envelope of a serial message.
    #[error("not a serial message")]
    NotSerial,
    /// A message of another kind than the one asked for.
    #[error("expected message {expected}, found {found}")]
    WrongKind {
        /// The identifier asked for.
        expected: FileId,
        /// The identifier in the bytes.
        found: FileId,
    },
    /// A string field that is not UTF-8.
    #[error("corrupt message: text in field {0} is not UTF-8")]
    NotUtf8(usize),
    /// A field that readers cannot do without.
    #[error("corrupt message: field {0} is missing")]
    Missing(usize),
}
