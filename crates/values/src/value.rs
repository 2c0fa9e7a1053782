//! The physical form of a SQL value while a statement runs.
//!
//! A [`Value`] says nothing about its SQL type: the planner knows the [`crate::SqlType`] of
//! every expression, and conversions take it as an argument. ENUM is its 1-based index, SET and
//! BIT are their bit set, YEAR is the year, all as [`Value::UInt`]; character, binary, geometry
//! and vector values are [`Value::Bytes`].

use std::borrow::Cow;

use crate::{Date, DateTime, Decimal, Json, Time};

/// One SQL value. Bytes may borrow from the row that they were read from.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width, ENUM index, SET or BIT bits, YEAR.
    UInt(u64),
    /// FLOAT (widened) or DOUBLE.
    Float(f64),
    /// DECIMAL.
    Decimal(Decimal),
    /// Character data in UTF-8, or raw bytes.
    Bytes(Cow<'a, [u8]>),
    /// DATE.
    Date(Date),
    /// TIME, a signed duration in microseconds.
    Time(Time),
    /// DATETIME, or TIMESTAMP in the session's time zone.
    DateTime(DateTime),
    /// JSON document.
    Json(Json),
}

/// A value that owns what it holds.
pub type OwnedValue = Value<'static>;

impl<'a> Value<'a> {
    /// Copies borrowed bytes, so that the value can outlive its row.
    pub fn into_owned(self) -> OwnedValue {
        match self {
            Value::Null => Value::Null,
            Value::Int(v) => Value::Int(v),
            Value::UInt(v) => Value::UInt(v),
            Value::Float(v) => Value::Float(v),
            Value::Decimal(v) => Value::Decimal(v),
            Value::Bytes(v) => Value::Bytes(Cow::Owned(v.into_owned())),
            Value::Date(v) => Value::Date(v),
            Value::Time(v) => Value::Time(v),
            Value::DateTime(v) => Value::DateTime(v),
            Value::Json(v) => Value::Json(v),
        }
    }

    /// The same value, borrowing from this one.
    pub fn borrowed(&'a self) -> Value<'a> {
        match self {
            Value::Bytes(v) => Value::Bytes(Cow::Borrowed(v)),
            other => other.clone(),
        }
    }

    /// Whether this is SQL NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// A character value from UTF-8 text.
    pub fn text(text: impl Into<String>) -> OwnedValue {
        Value::Bytes(Cow::Owned(text.into().into_bytes()))
    }
}
