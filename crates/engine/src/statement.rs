//! From text to execution: one statement at a time.

use crate::error::Error;

/// A parser's refusal as MySQL's error 1064.
pub fn syntax_error(e: syntax::SyntaxError) -> Error {
    let code = match &e {
        syntax::SyntaxError::Empty => return Error::new(1065, "42000", "Query was empty"),
        _ => 1064,
    };
    Error::new(code, "42000", e.to_string())
}
