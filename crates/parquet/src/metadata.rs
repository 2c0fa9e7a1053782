//! What a file says about its columns.

use crate::thrift::{Struct, Value};
use crate::{Error, Result};

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Physical {
    /// Bits.
    Bool,
    /// Four bytes.
    Int32,
    /// Eight bytes.
    Int64,
    /// Twelve bytes: nanoseconds of a Julian day.
    Int96,
    /// Four bytes.
    Float,
    /// Eight bytes.
    Double,
    /// A length and bytes.
    Bytes,
    /// So many bytes.
    Fixed(usize),
}

/// What a time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Thousandths of a second.
    Millis,
    /// Millionths of a second.
    Micros,
    /// Billionths of a second.
    Nanos,
}

/// What values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What they are stored as.
    Plain,
    /// Text in UTF-8.
    Text,
    /// JSON.
    Json,
    /// A number without sign.
    Unsigned,
    /// A number with a sign.
    Signed,
    /// Days since 1970.
    Date,
    /// Time since midnight.
    Time(Unit),
    /// Time since 1970.
    Timestamp(Unit),
    /// A number with so many digits, so many of them behind the point.
    Decimal {
        /// All digits.
        precision: u32,
        /// Digits behind the point.
        scale: u32,
    },
    /// Sixteen bytes.
    Uuid,
}

/// An element of the schema, a column or a group of some.
#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    pub physical: Option<Physical>,
    pub kind: Kind,
    pub repetition: Repetition,
    pub children: usize,
}

/// How often an element is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// Once.
    Required,
    /// Once or not at all.
    Optional,
    /// Any number of times.
    Repeated,
}

fn unit(structure: Option<&Struct>) -> Unit {
    match structure.and_then(Struct::variant) {
        Some((1, _)) => Unit::Millis,
        Some((3, _)) => Unit::Nanos,
        _ => Unit::Micros,
    }
}

fn small(n: Option<i64>) -> u32 {
    n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

fn kind(element: &Struct) -> Kind {
    let decimal = |of: &Struct, scale, precision| Kind::Decimal {
        scale: small(of.int(scale)),
        precision: small(of.int(precision)),
    };
    if let Some((id, Value::Struct(logical))) = element.structure(10).and_then(Struct::variant) {
        return match id {
            1 | 4 => Kind::Text,
            5 => decimal(logical, 1, 2),
            6 => Kind::Date,
            7 => Kind::Time(unit(logical.structure(2))),
            8 => Kind::Timestamp(unit(logical.structure(2))),
            10 if logical.bool(2) == Some(false) => Kind::Unsigned,
            10 => Kind::Signed,
            12 => Kind::Json,
            14 => Kind::Uuid,
            _ => Kind::Plain,
        };
    }
    match element.int(6) {
        Some(0 | 4) => Kind::Text,
        Some(5) => decimal(element, 7, 8),
        Some(6) => Kind::Date,
        Some(7) => Kind::Time(Unit::Millis),
        Some(8) => Kind::Time(Unit::Micros),
        Some(9) => Kind::Timestamp(Unit::Millis),
        Some(10) => Kind::Timestamp(Unit::Micros),
        Some(11..=14) => Kind::Unsigned,
        Some(15..=18) => Kind::Signed,
        Some(19) => Kind::Json,
        _ => Kind::Plain,
    }
}

fn physical(element: &Struct) -> Result<Option<Physical>> {
    Ok(Some(match element.int(1) {
        None => return Ok(None),
        Some(0) => Physical::Bool,
        Some(1) => Physical::Int32,
        Some(2) => Physical::Int64,
        Some(3) => Physical::Int96,
        Some(4) => Physical::Float,
        Some(5) => Physical::Double,
        Some(6) => Physical::Bytes,
        Some(7) => match usize::try_from(element.need_int(2)?) {
            Ok(len) if len > 0 => Physical::Fixed(len),
            _ => return Err(Error::Corrupt("values without length")),
        },
        Some(_) => return Err(Error::Corrupt("an unknown type")),
    }))
}

impl Element {
    pub fn read(element: &Struct) -> Result<Element> {
        Ok(Element {
            name: element.need_text(4)?,
            physical: physical(element)?,
            kind: kind(element),
            repetition: match element.int(3) {
                Some(1) => Repetition::Optional,
                Some(2) => Repetition::Repeated,
                _ => Repetition::Required,
            },
            children: usize::try_from(element.int(5).unwrap_or(0)).unwrap_or(0),
        })
    }
}
