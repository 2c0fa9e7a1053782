//! Entry points of the parser.

use std::ops::Range;

use crate::Options;
use crate::ast::{Expr, Statement};
use crate::error::SyntaxError;

/// Parses one statement; a semicolon may end it, and nothing but blanks may follow.
pub fn parse(sql: impl AsRef<[u8]>, options: &Options) -> Result<Statement, SyntaxError> {
    let _ = (sql.as_ref(), options);
    Err(SyntaxError::Empty)
}

/// Parses an expression that stands alone, such as a stored default or check.
pub fn parse_expr(text: impl AsRef<[u8]>, options: &Options) -> Result<Expr, SyntaxError> {
    let _ = (text.as_ref(), options);
    Err(SyntaxError::Empty)
}

/// Parses the statements of `sql` one at a time as the iterator is advanced; after an error it ends.
pub fn parse_many<'a>(sql: &'a [u8], options: &Options) -> Statements<'a> {
    Statements {
        sql,
        position: 0,
        options: options.clone(),
    }
}

/// One statement of several.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The statement; its spans count from the start of `range`.
    pub statement: Statement,
    /// Where the statement stands in the whole text, without blanks around and the semicolon.
    pub range: Range<usize>,
    /// Whether a further statement may follow.
    pub more: bool,
}

/// Iterator of [`parse_many`].
#[derive(Clone, Debug)]
pub struct Statements<'a> {
    sql: &'a [u8],
    position: usize,
    options: Options,
}

impl Statements<'_> {
    /// Byte offset of the text that is not parsed yet.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl Iterator for Statements<'_> {
    type Item = Result<Parsed, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        let _ = (&self.options, self.sql);
        None
    }
}
