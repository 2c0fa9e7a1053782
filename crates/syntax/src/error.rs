//! Why a text is no statement.

use std::fmt;

/// A text that cannot be parsed; `Display` is MySQL's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// MySQL error 1064, SQLSTATE 42000.
    #[error("{0}")]
    Unexpected(Unexpected),
    /// MySQL error 1065, SQLSTATE 42000: nothing but blanks and comments.
    #[error("Query was empty")]
    Empty,
    /// Nested deeper than [`crate::Options::max_depth`].
    #[error("statement is nested too deeply (limit {limit}) at byte {position}")]
    TooDeep {
        /// Byte offset in the statement.
        position: usize,
        /// The limit that was passed.
        limit: usize,
    },
    /// Longer than [`crate::Options::max_size`].
    #[error("statement of {size} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// The limit that was passed.
        limit: usize,
    },
}

/// Where parsing stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unexpected {
    /// Byte offset in the statement.
    pub position: usize,
    /// Line in the statement, from 1.
    pub line: usize,
    /// The text from there on, at most 80 characters.
    pub near: Box<str>,
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "You have an error in your SQL syntax; check the manual that corresponds to your MySQL \
             server version for the right syntax to use near '{}' at line {}",
            self.near, self.line
        )
    }
}

impl SyntaxError {
    /// MySQL's error number.
    pub fn code(&self) -> u16 {
        match self {
            SyntaxError::Unexpected(_) => 1064,
            SyntaxError::Empty => 1065,
            SyntaxError::TooDeep { .. } => 1064,
            SyntaxError::TooLarge { .. } => 1153,
        }
    }

    /// Byte offset in the statement where parsing stopped.
    pub fn position(&self) -> usize {
        match self {
            SyntaxError::Unexpected(u) => u.position,
            SyntaxError::TooDeep { position, .. } => *position,
            SyntaxError::Empty | SyntaxError::TooLarge { .. } => 0,
        }
    }
}
