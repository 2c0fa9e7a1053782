//! Built-in scalar functions, declared as data: one table of names, arities, types and bodies.
//!
//! A body gets its arguments evaluated and in plain form (ENUM and SET as text, BIT as a number)
//! and gives a value of the declared type.

use values::{SqlType, Value};

use crate::context::Context;
use crate::error::Result;
use crate::expr::CallTypes;

/// What a call stands on besides its arguments.
pub struct Call<'c> {
    /// The running statement.
    pub cx: &'c Context<'c>,
    /// Static types of arguments and result.
    pub types: &'c CallTypes,
}

/// The type of a call, from the types of its arguments and the connection's collation.
pub type ResultType = fn(&[SqlType], values::CollationId) -> SqlType;

/// A built-in function.
pub struct Function {
    /// Name in lower case.
    pub name: &'static str,
    /// Fewest arguments.
    pub min: u8,
    /// Most arguments.
    pub max: u8,
    /// Type of the result.
    pub result: ResultType,
    /// NULL when any argument is NULL, without calling the body.
    pub strict: bool,
    /// Can differ between calls with the same arguments.
    pub volatile: bool,
    /// The body.
    pub body: for<'a> fn(&Call<'_>, &[Value<'a>]) -> Result<Value<'a>>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The function of this name, in any letter case.
pub fn lookup(name: &str) -> Option<&'static Function> {
    registry::lookup(name)
}

mod registry;
