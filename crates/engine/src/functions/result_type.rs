//! Types of results, from the types of arguments.

use values::{CollationId, LobSize, OwnedValue, SqlType, Value};

use crate::bind::types::{self, BIGINT, BOOL, UBIGINT, is_temporal, text_length, varchar};

pub fn int(_: &[SqlType], _: CollationId) -> SqlType {
    BIGINT
}

pub fn uint(_: &[SqlType], _: CollationId) -> SqlType {
    UBIGINT
}

pub fn boolean(_: &[SqlType], _: CollationId) -> SqlType {
    BOOL
}

pub fn double(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Double
}

pub fn json(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Json
}

pub fn date(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Date
}

pub fn time(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Time(0)
}

/// Short text: names, addresses, digits.
pub fn name(_: &[SqlType], c: CollationId) -> SqlType {
    varchar(64, not_binary(c))
}

/// Text of any length.
pub fn long_text(_: &[SqlType], c: CollationId) -> SqlType {
    SqlType::Text(LobSize::Long, not_binary(c))
}

/// Text or bytes of any length.
pub fn long(_: &[SqlType], c: CollationId) -> SqlType {
    varchar(u32::MAX, c)
}

pub fn blob(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Blob(LobSize::Long)
}

/// As long as the first argument.
pub fn first(a: &[SqlType], c: CollationId) -> SqlType {
    varchar(a.first().map_or(0, text_length), c)
}

/// As long as all arguments together.
pub fn joined(a: &[SqlType], c: CollationId) -> SqlType {
    varchar(a.iter().map(text_length).fold(0, u32::saturating_add), c)
}

/// As long as the longest argument.
pub fn longest(a: &[SqlType], c: CollationId) -> SqlType {
    varchar(a.iter().map(text_length).max().unwrap_or(0), c)
}

/// Twice as long as the first argument.
pub fn doubled(a: &[SqlType], c: CollationId) -> SqlType {
    varchar(
        a.first().map_or(0, text_length).saturating_mul(2),
        not_binary(c),
    )
}

/// Half as long as the first argument, in bytes.
pub fn binary_first(a: &[SqlType], _: CollationId) -> SqlType {
    varchar(
        a.first().map_or(0, text_length).saturating_mul(4),
        CollationId::BINARY,
    )
}

/// The type of the first argument.
pub fn same(a: &[SqlType], _: CollationId) -> SqlType {
    a.first().cloned().unwrap_or(SqlType::Null)
}

/// Digits of the second of a temporal argument of this type; text may have six.
pub fn fraction(ty: &SqlType) -> u8 {
    match ty {
        SqlType::Time(f) | SqlType::DateTime(f) | SqlType::Timestamp(f) => *f,
        SqlType::Decimal { scale, .. } => (*scale).min(6),
        ty if types::is_string(ty) || matches!(ty, SqlType::Double | SqlType::Float) => 6,
        _ => 0,
    }
}

/// DATETIME with the digits of the first argument.
pub fn datetime(a: &[SqlType], _: CollationId) -> SqlType {
    SqlType::DateTime(a.iter().map(fraction).max().unwrap_or(0))
}

/// TIME with the most digits of the arguments.
pub fn time_of(a: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Time(a.iter().map(fraction).max().unwrap_or(0))
}

/// What ADDTIME gives: the temporal type of the first argument, or text.
pub fn added_time(a: &[SqlType], c: CollationId) -> SqlType {
    let digits = a.iter().map(fraction).max().unwrap_or(0);
    match a.first() {
        Some(SqlType::Time(_)) => SqlType::Time(digits),
        Some(t) if is_temporal(t) => SqlType::DateTime(digits),
        _ => varchar(26, not_binary(c)),
    }
}

fn not_binary(c: CollationId) -> CollationId {
    if c == CollationId::BINARY {
        CollationId::DEFAULT
    } else {
        c
    }
}

/// Digits of a second that a constant shows: the fraction of a text.
fn shown_digits(v: &OwnedValue) -> Option<u8> {
    match v {
        Value::Bytes(b) => {
            let at = b.iter().rposition(|c| *c == b'.');
            let digits = at.map_or(0, |at| {
                b[at + 1..]
                    .iter()
                    .take_while(|c| c.is_ascii_digit())
                    .count()
            });
            Some(digits.min(6) as u8)
        }
        _ => None,
    }
}

/// A temporal type with the digits that constants show and types have.
pub fn refine_fraction(a: &[SqlType], constants: &[Option<OwnedValue>], given: SqlType) -> SqlType {
    let digits = a
        .iter()
        .zip(constants)
        .map(|(t, v)| v.as_ref().and_then(shown_digits).unwrap_or(fraction(t)))
        .max()
        .unwrap_or(0);
    with_fraction(given, digits)
}

/// A temporal type with other digits.
pub fn with_fraction(given: SqlType, digits: u8) -> SqlType {
    match given {
        SqlType::Time(_) => SqlType::Time(digits),
        SqlType::DateTime(_) => SqlType::DateTime(digits),
        other => other,
    }
}

/// NOW(n) and its like: the only argument is the number of digits.
pub fn refine_precision(
    _: &[SqlType],
    constants: &[Option<OwnedValue>],
    given: SqlType,
) -> SqlType {
    match constants.first() {
        Some(Some(Value::Int(n))) => with_fraction(given, (*n).clamp(0, 6) as u8),
        Some(Some(Value::UInt(n))) => with_fraction(given, (*n).min(6) as u8),
        _ => given,
    }
}
