//! Entry points of the parser.

use std::ops::Range;

use crate::Options;
use crate::ast::{Expr, Statement};
use crate::error::SyntaxError;
use crate::lexer::T;
use crate::parser::Parser;

fn check_size(text: &[u8], options: &Options) -> Result<(), SyntaxError> {
    // Spans are 32 bits wide.
    let limit = options.max_size.min(u32::MAX as usize - 1);
    if text.len() > limit {
        return Err(SyntaxError::TooLarge {
            size: text.len(),
            limit,
        });
    }
    Ok(())
}

/// Parses one statement; a semicolon may end it, and nothing but blanks may follow.
pub fn parse(sql: impl AsRef<[u8]>, options: &Options) -> Result<Statement, SyntaxError> {
    let sql = sql.as_ref();
    check_size(sql, options)?;
    let mut parser = Parser::new(sql, options);
    match parser.token().kind {
        T::End => return Err(SyntaxError::Empty),
        T::Semi => {
            return Err(match parser.skip_semicolons() {
                T::End => SyntaxError::Empty,
                _ => parser.unexpected(),
            });
        }
        _ => {}
    }
    let statement = parser.statement()?;
    match parser.token().kind {
        T::End => Ok(statement),
        T::Semi if parser.skip_semicolons() == T::End => Ok(statement),
        _ => Err(parser.unexpected()),
    }
}

/// Parses one statement and counts its `?` parameters.
pub fn parse_prepared(
    sql: impl AsRef<[u8]>,
    options: &Options,
) -> Result<(Statement, usize), SyntaxError> {
    let sql = sql.as_ref();
    check_size(sql, options)?;
    let mut parser = Parser::new(sql, options);
    if matches!(parser.token().kind, T::End | T::Semi) {
        return parse(sql, options).map(|s| (s, 0));
    }
    let statement = parser.statement()?;
    match parser.token().kind {
        T::End => {}
        T::Semi if parser.skip_semicolons() == T::End => {}
        _ => return Err(parser.unexpected()),
    }
    Ok((statement, parser.params as usize))
}

/// Parses an expression that stands alone, such as a stored default or check.
pub fn parse_expr(text: impl AsRef<[u8]>, options: &Options) -> Result<Expr, SyntaxError> {
    let text = text.as_ref();
    check_size(text, options)?;
    Parser::new(text, options).whole_expr()
}

/// Parses the statements of `sql` one at a time as the iterator is advanced; after an error it ends.
/// Empty statements are passed over.
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
    /// Where the statement stands in the whole text, without blanks around and the semicolon but
    /// with comments that trail it.
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

    /// Changes the modes for the statements to come, as SET sql_mode may have done.
    pub fn set_options(&mut self, options: Options) {
        self.options = options;
    }

    /// Parses the statement that begins at the first token from the position on.
    fn statement(&mut self) -> Result<Option<Parsed>, SyntaxError> {
        let rest = &self.sql[self.position..];
        let mut parser = Parser::new(rest, &self.options);
        if parser.skip_semicolons() == T::End {
            self.position = self.sql.len();
            return Ok(None);
        }
        let start = self.position + parser.token().start as usize;
        // An executable comment may begin before the first token, so the statement's text does too.
        let before = &self.sql[self.position..start];
        let start = match before.windows(3).position(|w| w == b"/*!") {
            Some(comment) => self.position + comment,
            None => start,
        };
        let mut parser = Parser::new(&self.sql[start..], &self.options);
        let statement = parser.statement()?;
        let text = &self.sql[start..start + parser.token().start as usize];
        let end = start + text.trim_ascii_end().len();
        let last = parser.token().kind;
        if !matches!(last, T::End | T::Semi) {
            return Err(parser.unexpected());
        }
        let more = last == T::Semi && parser.skip_semicolons() != T::End;
        self.position = if more { end } else { self.sql.len() };
        Ok(Some(Parsed {
            statement,
            range: start..end,
            more,
        }))
    }
}

impl Iterator for Statements<'_> {
    type Item = Result<Parsed, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.sql.len() {
            return None;
        }
        let result = match check_size(self.sql, &self.options) {
            Ok(()) => self.statement(),
            Err(error) => Err(error),
        };
        match result {
            Ok(parsed) => parsed.map(Ok),
            Err(error) => {
                self.position = self.sql.len();
                Some(Err(error))
            }
        }
    }
}
