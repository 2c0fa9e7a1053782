//! MySQL 8 lexer, parser, abstract syntax tree and SQL printer.
//!
//! [`parse`] reads one statement, [`parse_many`] gives the statements of a text one by one, and
//! [`parse_expr`] reads a stored default, check or generated-column expression. Every node prints
//! itself by [`ToSql::to_sql`]; what is printed parses to an equal tree.

pub mod ast;
mod error;
mod keyword;
mod lexer;
mod parse;
mod parser;
mod print;
mod shape;
mod split;

pub use error::{SyntaxError, Unexpected};
pub use keyword::{KEYWORDS, is_reserved};
pub use parse::{Parsed, Statements, parse, parse_expr, parse_many, parse_prepared};
pub use shape::{Shape, ShapeValue};
pub use split::{Split, SplitStatement, split_statements};

/// What the session's sql_mode and the server's limits say about parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `"x"` is an identifier.
    pub ansi_quotes: bool,
    /// `||` joins strings.
    pub pipes_as_concat: bool,
    /// A backslash is an ordinary character in strings.
    pub no_backslash_escapes: bool,
    /// Blanks may stand between a built-in function's name and its parenthesis.
    pub ignore_space: bool,
    /// NOT binds as tightly as `!`.
    pub high_not_precedence: bool,
    /// `0x` without digits is the empty string: so Dolt writes an empty default of binary types
    /// into schemas. To MySQL it is a name.
    pub empty_hex: bool,
    /// Nesting that is accepted.
    pub max_depth: usize,
    /// Bytes that are accepted.
    pub max_size: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            ansi_quotes: false,
            pipes_as_concat: false,
            no_backslash_escapes: false,
            ignore_space: false,
            high_not_precedence: false,
            empty_hex: false,
            max_depth: 200,
            max_size: 1 << 30,
        }
    }
}

/// A node that can write itself as SQL.
pub trait ToSql {
    /// Appends the SQL text of this node to `out`.
    fn write_sql(&self, out: &mut Vec<u8>);

    /// The SQL text of this node. Where a literal holds bytes that are not UTF-8 they are replaced;
    /// [`ToSql::write_sql`] keeps them.
    fn to_sql(&self) -> String {
        let mut out = Vec::new();
        self.write_sql(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}
