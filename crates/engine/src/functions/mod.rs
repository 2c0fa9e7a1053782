//! Built-in scalar functions, declared as data: one table of names, arities, types and bodies.
//!
//! A body gets its arguments evaluated and in plain form (ENUM and SET as text, BIT as a number)
//! and gives a value of the declared type.

use values::{Collation, CollationId, OwnedValue, SqlType, Value};

use crate::context::Context;
use crate::error::Result;
use crate::expr::CallTypes;

mod base64;
mod bits;
mod characters;
mod compression;
mod date_format;
mod date_parse;
mod dolt;
mod hashing;
mod info;
mod json;
mod json_edit;
pub mod locks;
mod network;
mod numeric;
mod planar;
mod regexp;
mod registry;
mod result_type;
mod spatial;
mod spatial_measure;
mod string;
mod string_edit;
mod temporal;
mod temporal_arith;
mod temporal_clock;
#[cfg(test)]
mod tests;
mod uuid;

pub(crate) use temporal_arith::{LOCAL_TIMESTAMP, shown_timestamp, stored_timestamp};
mod vector;

/// What a call stands on besides its arguments.
pub struct Call<'c> {
    /// The running statement.
    pub cx: &'c Context<'c>,
    /// Static types of arguments and result.
    pub types: &'c CallTypes,
}

/// The type of a call, from the types of its arguments and the connection's collation.
pub type ResultType = fn(&[SqlType], CollationId) -> SqlType;

/// What a body gives.
pub(crate) type Outcome = Result<OwnedValue>;

/// A built-in function.
pub struct Function {
    /// Name in lower case.
    pub name: &'static str,
    /// Fewest arguments.
    pub min: u8,
    /// Most arguments; 255 is any number.
    pub max: u8,
    /// Type of the result.
    pub result: ResultType,
    /// NULL when any argument is NULL, without calling the body.
    pub strict: bool,
    /// Can differ between calls with the same arguments.
    pub volatile: bool,
    /// What constant arguments say about the type, beyond their own types.
    pub refine: Option<Refine>,
    /// The body.
    pub body: for<'a> fn(&Call<'_>, &[Value<'a>]) -> Result<Value<'a>>,
}

/// The type of a call, from the types of its arguments, the values of constant ones, and what
/// [`ResultType`] gave.
pub type Refine = fn(&[SqlType], &[Option<OwnedValue>], SqlType) -> SqlType;

/// Any number of arguments.
const ANY: u8 = u8::MAX;

impl Function {
    /// A strict function.
    const fn new(
        name: &'static str,
        min: u8,
        max: u8,
        result: ResultType,
        body: for<'a> fn(&Call<'_>, &[Value<'a>]) -> Result<Value<'a>>,
    ) -> Function {
        Function {
            name,
            min,
            max,
            result,
            strict: true,
            volatile: false,
            refine: None,
            body,
        }
    }

    /// The same, called with NULL arguments too.
    const fn lax(mut self) -> Function {
        self.strict = false;
        self
    }

    /// The same, with a type that constant arguments decide.
    const fn refined(mut self, refine: Refine) -> Function {
        self.refine = Some(refine);
        self
    }

    /// The same, evaluated anew for every row.
    const fn volatile(mut self) -> Function {
        self.volatile = true;
        self
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Call<'_> {
    /// The collation under which text arguments are compared.
    fn collation(&self) -> &'static Collation {
        self.types.collation.get()
    }

    /// Whether positions count bytes, because an argument is binary.
    fn in_bytes(&self) -> bool {
        self.types.collation == CollationId::BINARY
    }

    /// Leaves the warning that a result would be longer than a packet.
    fn too_long(&self, name: &str) -> OwnedValue {
        self.cx.warn(
            1301,
            format!(
                "Result of {name}() was larger than max_allowed_packet ({MAX_TEXT}) - truncated"
            ),
        );
        Value::Null
    }
}

/// Longest text that a function makes, as max_allowed_packet.
const MAX_TEXT: usize = 64 << 20;

/// A value of text or bytes.
fn bytes(b: impl Into<Vec<u8>>) -> OwnedValue {
    Value::Bytes(std::borrow::Cow::Owned(b.into()))
}

/// A truth value.
fn boolean(b: bool) -> OwnedValue {
    Value::Int(i64::from(b))
}

/// The function of this name, in any letter case.
pub fn lookup(name: &str) -> Option<&'static Function> {
    registry::lookup(name)
}

/// Every function by name.
pub fn all() -> Vec<&'static Function> {
    registry::all()
}
