//! Assignment of a value to a column: what fits, what does not, and what is stored instead when
//! the session is not strict.

use std::borrow::Cow;

use super::cast::{CastError, characters, first_characters, fit_decimal};
use super::{Context, is_binary, shown, to_f64, to_text};
use crate::geometry::{Geometry, is_stored_kind};
use crate::number_text::{parse_f64, parse_i128};
use crate::temporal::{BadTemporal, parse_datetime, parse_time};
use crate::{Collation, Date, DateTime, Decimal, IntWidth, Json, OwnedValue, SqlType, Time, Value};

/// Why a value cannot be assigned as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 1264
    OutOfRange,
    /// 1406
    TooLong,
    /// 1265
    Truncated,
    /// 1292: a date or time that is not one. Kind and value.
    IncorrectTemporal(&'static str, String),
    /// 1366: a number or text that is not one. Kind and value.
    Incorrect(&'static str, String),
    /// 3140, with the reason.
    InvalidJson(String),
    /// 3144: bytes that are not text.
    BinaryJson,
    /// 1416
    Geometry,
    /// 3643: the SRID of the geometry and that of the column.
    Srid(u32, u32),
    /// 6132 and friends: a vector of another length.
    Vector(String),
}

/// An assignment that strict mode refuses. Otherwise `adjusted` is stored and the text becomes a
/// warning.
#[derive(Clone, Debug)]
pub struct StoreError {
    /// What is wrong.
    pub problem: Problem,
    /// What is stored instead; none if the statement fails in any mode.
    pub adjusted: Option<OwnedValue>,
}

impl StoreError {
    /// MySQL's number.
    pub fn code(&self) -> u16 {
        match self.problem {
            Problem::OutOfRange => 1264,
            Problem::TooLong => 1406,
            Problem::Truncated => 1265,
            Problem::IncorrectTemporal(..) => 1292,
            Problem::Incorrect(..) => 1366,
            Problem::InvalidJson(_) => 3140,
            Problem::BinaryJson => 3144,
            Problem::Geometry => 1416,
            Problem::Srid(..) => 3643,
            Problem::Vector(_) => 6136,
        }
    }

    /// SQLSTATE.
    pub fn sqlstate(&self) -> &'static str {
        match self.problem {
            Problem::OutOfRange | Problem::Geometry => "22003",
            Problem::TooLong => "22001",
            Problem::Truncated => "01000",
            Problem::IncorrectTemporal(..) => "22007",
            Problem::Incorrect(..) | Problem::Vector(_) | Problem::Srid(..) => "HY000",
            Problem::InvalidJson(_) | Problem::BinaryJson => "22032",
        }
    }

    /// The message.
    pub fn text(&self, column: &str, row: u64) -> String {
        match &self.problem {
            Problem::OutOfRange => format!("Out of range value for column '{column}' at row {row}"),
            Problem::TooLong => format!("Data too long for column '{column}' at row {row}"),
            Problem::Truncated => format!("Data truncated for column '{column}' at row {row}"),
            Problem::IncorrectTemporal(kind, value) | Problem::Incorrect(kind, value) => {
                format!("Incorrect {kind} value: '{value}' for column '{column}' at row {row}")
            }
            Problem::InvalidJson(why) => {
                format!("Invalid JSON text: \"{why}\" in value for column '{column}'.")
            }
            Problem::BinaryJson => {
                "Cannot create a JSON value from a string with CHARACTER SET 'binary'.".into()
            }
            Problem::Geometry => {
                "Cannot get geometry object from data you send to the GEOMETRY field".into()
            }
            Problem::Srid(srid, wanted) => format!(
                "The SRID of the geometry does not match the SRID of the column '{column}'. The SRID of the geometry is {srid}, but the SRID of the column is {wanted}. Consider changing the SRID of the geometry or the SRID property of the column."
            ),
            Problem::Vector(why) => why.clone(),
        }
    }
}

type Stored = Result<OwnedValue, StoreError>;

fn fail(problem: Problem, adjusted: OwnedValue) -> Stored {
    Err(StoreError {
        problem,
        adjusted: Some(adjusted),
    })
}

/// The least and greatest value of an integer type.
pub(crate) fn integer_range(width: IntWidth, unsigned: bool) -> (i128, i128) {
    let bits = match width {
        IntWidth::Tiny => 8,
        IntWidth::Small => 16,
        IntWidth::Medium => 24,
        IntWidth::Int => 32,
        IntWidth::Big => 64,
    };
    if unsigned {
        (0, (1i128 << bits) - 1)
    } else {
        (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
    }
}

/// Converts an assigned value to its column's type. NULL passes; NOT NULL is the caller's.
pub fn store(value: &Value<'_>, from: &SqlType, to: &SqlType, cx: &Context) -> Stored {
    match (value, to) {
        (Value::Null, _) => Ok(Value::Null),
        (_, SqlType::Null) => Ok(Value::Null),
        (
            _,
            SqlType::Int {
                width, unsigned, ..
            },
        ) => store_integer(value, from, *width, *unsigned, cx),
        (_, SqlType::Float | SqlType::Double) => store_float(value, from, to, cx),
        (_, SqlType::Decimal { precision, scale }) => {
            store_decimal(value, from, *precision, *scale, cx)
        }
        (_, SqlType::Bit(bits)) => store_bit(value, from, *bits, cx),
        (_, SqlType::Year) => store_year(value, from, cx),
        (_, SqlType::Date) => {
            let (d, problem) = temporal(value, from, "date", cx)?;
            match problem {
                Some(p) => fail(p, Value::Date(d.date)),
                None => Ok(Value::Date(d.date)),
            }
        }
        (_, SqlType::DateTime(digits)) => store_datetime(value, from, *digits, false, cx),
        (_, SqlType::Timestamp(digits)) => store_datetime(value, from, *digits, true, cx),
        (_, SqlType::Time(digits)) => store_time(value, from, *digits, cx),
        (_, SqlType::Char(n, _) | SqlType::VarChar(n, _)) => store_text(
            value,
            from,
            |t| first_characters(t, *n as usize),
            |t| characters(t) <= *n as usize,
        ),
        (_, SqlType::Text(size, _)) => {
            let limit = size.limit();
            store_text(
                value,
                from,
                |t| cut_at_character(t, limit),
                |t| t.len() as u64 <= limit,
            )
        }
        (_, SqlType::Binary(n) | SqlType::VarBinary(n)) => {
            let n = *n as usize;
            let mut bytes = to_text(value, from).unwrap_or_default().into_owned();
            let too_long = bytes.len() > n;
            if too_long {
                bytes.truncate(n);
            } else if matches!(to, SqlType::Binary(_)) {
                bytes.resize(n, 0);
            }
            let v = Value::Bytes(Cow::Owned(bytes));
            if too_long {
                fail(Problem::TooLong, v)
            } else {
                Ok(v)
            }
        }
        (_, SqlType::Blob(size)) => {
            let mut bytes = to_text(value, from).unwrap_or_default().into_owned();
            let limit = size.limit();
            if bytes.len() as u64 > limit {
                bytes.truncate(limit as usize);
                return fail(Problem::TooLong, Value::Bytes(Cow::Owned(bytes)));
            }
            Ok(Value::Bytes(Cow::Owned(bytes)))
        }
        (_, SqlType::Enum(members, collation)) => store_enum(value, from, members, collation.get()),
        (_, SqlType::Set(members, collation)) => store_set(value, from, members, collation.get()),
        (Value::Json(j), SqlType::Json) => Ok(Value::Json(j.clone())),
        (Value::Bytes(text), SqlType::Json) if !is_binary(from) => store_json(text),
        (Value::Bytes(_), SqlType::Json) => Err(StoreError {
            problem: Problem::BinaryJson,
            adjusted: None,
        }),
        (_, SqlType::Json) => Ok(Value::Json(super::to_json(value, from))),
        (Value::Bytes(bytes), SqlType::Geometry(kind, wanted))
            if is_stored_kind(bytes, *kind)
                && (matches!(from, SqlType::Geometry(..)) || is_geometry(bytes)) =>
        {
            let srid = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            if let Some(wanted) = wanted.filter(|w| *w != srid) {
                return Err(StoreError {
                    problem: Problem::Srid(srid, wanted),
                    adjusted: None,
                });
            }
            Ok(Value::Bytes(Cow::Owned(bytes.to_vec())))
        }
        (_, SqlType::Geometry(..)) => Err(StoreError {
            problem: Problem::Geometry,
            adjusted: None,
        }),
        (_, SqlType::Vector(n)) => store_vector(value, *n),
    }
}

fn text_of(value: &Value<'_>, from: &SqlType) -> String {
    shown(&to_text(value, from).unwrap_or_default())
}

/// Whether bytes of another type are a whole geometry.
fn is_geometry(bytes: &[u8]) -> bool {
    Geometry::from_stored(bytes).is_some_and(|g| g.shape.is_well_formed())
}

fn store_integer(
    value: &Value<'_>,
    from: &SqlType,
    width: IntWidth,
    unsigned: bool,
    cx: &Context,
) -> Stored {
    let make = |v: i128| {
        if unsigned {
            Value::UInt(v as u64)
        } else {
            Value::Int(v as i64)
        }
    };
    let (low, high) = integer_range(width, unsigned);
    let (v, problem) = match value {
        Value::Int(v) => (i128::from(*v), None),
        Value::UInt(v) => (i128::from(*v), None),
        Value::Bytes(text) => {
            let p = parse_i128(text);
            let problem = if !p.truncated {
                None
            } else if p.value == 0 && !text.trim_ascii().first().is_some_and(u8::is_ascii_digit) {
                Some(Problem::Incorrect("integer", shown(text)))
            } else {
                Some(Problem::Truncated)
            };
            (p.value, problem)
        }
        _ => (super::to_integer(value, from, cx).unwrap_or(0), None),
    };
    let clamped = v.clamp(low, high);
    match problem {
        Some(p) => fail(p, make(clamped)),
        None if clamped != v => fail(Problem::OutOfRange, make(clamped)),
        None => Ok(make(v)),
    }
}

fn store_float(value: &Value<'_>, from: &SqlType, to: &SqlType, cx: &Context) -> Stored {
    let single = *to == SqlType::Float;
    let fit = |v: f64| {
        // Equal values have equal bytes: minus zero is stored as zero.
        let v = v + 0.0;
        if !single {
            return (v, true);
        }
        let f = v as f32;
        if f.is_finite() || !v.is_finite() {
            (f64::from(f), true)
        } else {
            (f64::from(f32::MAX).copysign(v), false)
        }
    };
    if let Value::Bytes(text) = value {
        let p = parse_f64(text);
        let (v, fits) = fit(p.value);
        return match (p.truncated, fits && !p.out_of_range) {
            (false, true) => Ok(Value::Float(v)),
            (true, _) if p.value == 0.0 => {
                let kind = if single { "float" } else { "double" };
                fail(Problem::Incorrect(kind, shown(text)), Value::Float(v))
            }
            (true, _) => fail(Problem::Truncated, Value::Float(v)),
            (false, false) => fail(Problem::OutOfRange, Value::Float(v)),
        };
    }
    let v = to_f64(value, from, cx).unwrap_or(0.0);
    if !v.is_finite() {
        let edge = if single {
            f64::from(f32::MAX)
        } else {
            f64::MAX
        };
        let nearest = if v.is_nan() { 0.0 } else { edge.copysign(v) };
        return fail(Problem::OutOfRange, Value::Float(nearest));
    }
    match fit(v) {
        (v, true) => Ok(Value::Float(v)),
        (v, false) => fail(Problem::OutOfRange, Value::Float(v)),
    }
}

fn store_decimal(
    value: &Value<'_>,
    from: &SqlType,
    precision: u8,
    scale: u8,
    cx: &Context,
) -> Stored {
    let mut problem = None;
    let d = match value {
        Value::Bytes(text) => {
            let trimmed = text.trim_ascii();
            match Decimal::parse_prefix(trimmed) {
                Some((d, n)) => {
                    if n < trimmed.len() {
                        problem = Some(Problem::Truncated);
                    }
                    d
                }
                None => {
                    problem = Some(Problem::Incorrect("decimal", shown(text)));
                    Decimal::ZERO
                }
            }
        }
        Value::Float(v) if !v.is_finite() => {
            problem = Some(Problem::OutOfRange);
            Decimal::max_value(*v < 0.0, 65, 0)
        }
        _ => super::to_decimal(value, from, cx).unwrap_or(Decimal::ZERO),
    };
    let (d, fits) = fit_decimal(&d, precision, scale);
    match problem {
        Some(p) => fail(p, Value::Decimal(d)),
        None if !fits => fail(Problem::OutOfRange, Value::Decimal(d)),
        None => Ok(Value::Decimal(d)),
    }
}

fn store_bit(value: &Value<'_>, from: &SqlType, bits: u8, cx: &Context) -> Stored {
    let max = if bits >= 64 {
        u64::MAX
    } else {
        (1 << bits) - 1
    };
    let v = match value {
        // Text and binary literals are their bytes, big endian.
        Value::Bytes(bytes) => {
            let first = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
            let significant = &bytes[first..];
            if significant.len() > 8 {
                return fail(Problem::TooLong, Value::UInt(max));
            }
            significant.iter().fold(0, |v, b| v << 8 | u64::from(*b))
        }
        Value::Int(v) => v.cast_unsigned(),
        Value::UInt(v) => *v,
        _ => match super::to_integer(value, from, cx).unwrap_or(0) {
            v if v < 0 => i64::try_from(v).unwrap_or(i64::MIN).cast_unsigned(),
            v => u64::try_from(v).unwrap_or(u64::MAX),
        },
    };
    if v > max {
        return fail(Problem::TooLong, Value::UInt(max));
    }
    Ok(Value::UInt(v))
}

fn store_year(value: &Value<'_>, from: &SqlType, cx: &Context) -> Stored {
    let (v, is_text) = match value {
        Value::Date(d) => (i128::from(d.year), false),
        Value::DateTime(d) => (i128::from(d.date.year), false),
        Value::Bytes(text) => {
            let p = parse_i128(text);
            if p.truncated {
                let problem = Problem::Incorrect("year", shown(text));
                return fail(problem, Value::UInt(0));
            }
            // '0000' is the year 0, '0' and '00' are 2000.
            (p.value, text.trim_ascii().len() < 4)
        }
        _ => (super::to_integer(value, from, cx).unwrap_or(0), false),
    };
    match v {
        0 if is_text => Ok(Value::UInt(2000)),
        0 => Ok(Value::UInt(0)),
        1..=69 => Ok(Value::UInt(v as u64 + 2000)),
        70..=99 => Ok(Value::UInt(v as u64 + 1900)),
        1901..=2155 => Ok(Value::UInt(v as u64)),
        _ => fail(Problem::OutOfRange, Value::UInt(0)),
    }
}

/// The value as DATETIME to the microsecond (not rounded further), and what was wrong.
fn temporal(
    value: &Value<'_>,
    from: &SqlType,
    kind: &'static str,
    cx: &Context,
) -> Result<(DateTime, Option<Problem>), StoreError> {
    let rules = cx.modes.dates;
    let bad = |text: String| StoreError {
        problem: Problem::IncorrectTemporal(kind, text),
        adjusted: Some(if kind == "date" {
            Value::Date(Date::ZERO)
        } else {
            Value::DateTime(DateTime::ZERO)
        }),
    };
    let text_value = |text: &[u8]| match parse_datetime(text, rules) {
        Ok(p) => {
            let shift = p
                .offset
                .map_or(0, |east| i64::from(cx.offset_seconds - east) * 1_000_000);
            let d = p
                .rounded(6)
                .and_then(|d| {
                    if shift == 0 {
                        Some(d)
                    } else {
                        d.add_micros(shift)
                    }
                })
                .ok_or_else(|| bad(shown(text)))?;
            Ok((d, p.truncated.then_some(Problem::Truncated)))
        }
        Err(BadTemporal) => Err(bad(shown(text))),
    };
    match value {
        Value::Bytes(text) => text_value(text),
        Value::DateTime(_) | Value::Date(_) => {
            let d = super::to_datetime(value, from, cx).unwrap_or(DateTime::ZERO);
            if d.is_zero() && rules.no_zero_date {
                return Err(bad(text_of(value, from)));
            }
            Ok((d, None))
        }
        Value::Json(_) => text_value(text_of(value, from).trim_matches('"').as_bytes()),
        _ => match super::to_datetime(value, from, &Context::new(cx.modes)) {
            Some(d) if matches!(value, Value::Time(_)) => match cx.today {
                Some(_) => Ok((super::to_datetime(value, from, cx).unwrap_or(d), None)),
                None => Ok((d, None)),
            },
            Some(d) => Ok((d, None)),
            None => Err(bad(text_of(value, from))),
        },
    }
}

fn store_datetime(
    value: &Value<'_>,
    from: &SqlType,
    digits: u8,
    timestamp: bool,
    cx: &Context,
) -> Stored {
    let (d, problem) = temporal(value, from, "datetime", cx)?;
    let rounded = if cx.modes.truncate_fraction {
        Some(d.truncate_to(digits))
    } else {
        d.round_to(digits)
    };
    let out_of_range = |v| {
        fail(
            Problem::IncorrectTemporal("datetime", text_of(value, from)),
            v,
        )
    };
    let zero = Value::DateTime(DateTime::ZERO);
    let Some(d) = rounded else {
        return out_of_range(zero);
    };
    // The stored form counts microseconds, so a month or day of 0 has no place in it.
    if !d.date.is_zero() && (d.date.month == 0 || d.date.day == 0) {
        return out_of_range(zero);
    }
    if timestamp && !d.is_zero() {
        let utc = d.to_unix_micros() - i64::from(cx.offset_seconds) * 1_000_000;
        if !(1_000_000..=2_147_483_647_999_999).contains(&utc) {
            return out_of_range(zero);
        }
    }
    match problem {
        Some(p) => fail(p, Value::DateTime(d)),
        None => Ok(Value::DateTime(d)),
    }
}

fn store_time(value: &Value<'_>, from: &SqlType, digits: u8, cx: &Context) -> Stored {
    let round = |t: Time| {
        let (t, _) = t.round_to(digits).clamp_to_range();
        Value::Time(t)
    };
    let incorrect = || Problem::IncorrectTemporal("time", text_of(value, from));
    match value {
        Value::Bytes(text) => match parse_time(text) {
            Ok(p) if p.out_of_range => fail(Problem::OutOfRange, round(p.value)),
            Ok(p) if p.truncated => fail(Problem::Truncated, round(p.value)),
            Ok(p) => Ok(round(p.value)),
            Err(BadTemporal) => fail(incorrect(), Value::Time(Time(0))),
        },
        _ => match super::to_time(value, from, &Context::new(cx.modes)) {
            Some(t) if t.clamp_to_range().1 => fail(Problem::OutOfRange, round(t)),
            Some(t) => Ok(round(t)),
            None => match value {
                Value::Int(v) if v.unsigned_abs() > 8_385_959 => {
                    let edge = if *v < 0 { Time::MIN } else { Time::MAX };
                    fail(Problem::OutOfRange, Value::Time(edge))
                }
                _ => fail(incorrect(), Value::Time(Time(0))),
            },
        },
    }
}

/// The longest start of a text of at most `limit` bytes that does not cut a character.
fn cut_at_character(text: &[u8], limit: u64) -> &[u8] {
    let mut end = usize::try_from(limit).unwrap_or(usize::MAX).min(text.len());
    while end > 0 && end < text.len() && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}

fn store_text(
    value: &Value<'_>,
    from: &SqlType,
    cut: impl Fn(&[u8]) -> &[u8],
    fits: impl Fn(&[u8]) -> bool,
) -> Stored {
    let text = to_text(value, from).unwrap_or_default();
    if std::str::from_utf8(&text).is_err() {
        let at = text
            .utf8_chunks()
            .map(|c| c.valid().len())
            .next()
            .unwrap_or(0);
        let bytes = &text[at.min(text.len())..];
        let hex: String = bytes
            .iter()
            .take(6)
            .map(|b| format!("\\x{b:02X}"))
            .collect();
        let dots = if bytes.len() > 6 { "..." } else { "" };
        let valid = text.utf8_chunks().next().map_or("", |c| c.valid());
        let kept = cut(valid.as_bytes()).to_vec();
        return fail(
            Problem::Incorrect("string", format!("{hex}{dots}")),
            Value::Bytes(Cow::Owned(kept)),
        );
    }
    if fits(&text) {
        return Ok(Value::Bytes(Cow::Owned(text.into_owned())));
    }
    let kept = cut(&text);
    // Spaces past the end may go without an error.
    let only_spaces = text[kept.len()..].iter().all(|b| *b == b' ');
    let v = Value::Bytes(Cow::Owned(kept.to_vec()));
    if only_spaces {
        Ok(v)
    } else {
        fail(Problem::TooLong, v)
    }
}

fn store_enum(
    value: &Value<'_>,
    from: &SqlType,
    members: &[Box<str>],
    collation: &Collation,
) -> Stored {
    let by_index = |v: i128| match usize::try_from(v) {
        Ok(i) if (1..=members.len()).contains(&i) => Ok(Value::UInt(i as u64)),
        _ => fail(Problem::Truncated, Value::UInt(0)),
    };
    match value {
        Value::UInt(_) if matches!(from, SqlType::Enum(..) | SqlType::Set(..)) => {}
        Value::Int(v) => return by_index((*v).into()),
        Value::UInt(v) => return by_index((*v).into()),
        Value::Float(v) => return by_index(v.round() as i128),
        Value::Decimal(d) => return by_index(d.to_i128().unwrap_or(0)),
        _ => {}
    }
    let text = to_text(value, from).unwrap_or_default();
    let find = |t: &[u8]| {
        members
            .iter()
            .position(|m| collation.equal(m.as_bytes(), t))
    };
    let trimmed = text.trim_ascii_end();
    if let Some(i) = find(&text).or_else(|| find(trimmed)) {
        return Ok(Value::UInt(i as u64 + 1));
    }
    // A text that is a number names the position.
    match std::str::from_utf8(&text)
        .ok()
        .and_then(|t| t.trim().parse::<i128>().ok())
    {
        Some(n) if n > 0 => by_index(n),
        _ => fail(Problem::Truncated, Value::UInt(0)),
    }
}

fn store_set(
    value: &Value<'_>,
    from: &SqlType,
    members: &[Box<str>],
    collation: &Collation,
) -> Stored {
    let all = match members.len() {
        64.. => u64::MAX,
        n => (1 << n) - 1,
    };
    let by_bits = |v: i128| match u64::try_from(v) {
        Ok(bits) if bits & !all == 0 => Ok(Value::UInt(bits)),
        Ok(bits) => fail(Problem::Truncated, Value::UInt(bits & all)),
        Err(_) => fail(Problem::Truncated, Value::UInt(0)),
    };
    match value {
        Value::UInt(_) if matches!(from, SqlType::Enum(..) | SqlType::Set(..)) => {}
        Value::Int(v) => return by_bits((*v).into()),
        Value::UInt(v) => return by_bits((*v).into()),
        Value::Float(v) => return by_bits(v.round() as i128),
        Value::Decimal(d) => return by_bits(d.to_i128().unwrap_or(0)),
        _ => {}
    }
    let text = to_text(value, from).unwrap_or_default();
    let mut bits = 0u64;
    let mut unknown = false;
    if !text.is_empty() {
        for part in text.split(|b| *b == b',') {
            let found = members.iter().take(64).position(|m| {
                collation.equal(m.as_bytes(), part)
                    || collation.equal(m.as_bytes(), part.trim_ascii_end())
            });
            match found {
                Some(i) => bits |= 1 << i,
                None => unknown = true,
            }
        }
    }
    if unknown {
        if let Some(n) = std::str::from_utf8(&text)
            .ok()
            .and_then(|t| t.trim().parse::<i128>().ok())
        {
            return by_bits(n);
        }
        return fail(Problem::Truncated, Value::UInt(bits));
    }
    Ok(Value::UInt(bits))
}

fn store_json(text: &[u8]) -> Stored {
    let error = |problem| {
        Err(StoreError {
            problem,
            adjusted: None,
        })
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return error(Problem::InvalidJson("Invalid encoding in string.".into()));
    };
    match Json::parse(text).map_err(CastError::of) {
        Ok(j) => Ok(Value::Json(j)),
        Err(CastError::InvalidJson(why)) => error(Problem::InvalidJson(why)),
        Err(deep @ CastError::JsonTooDeep) => error(Problem::InvalidJson(deep.to_string())),
    }
}

fn store_vector(value: &Value<'_>, n: u16) -> Stored {
    let error = |why: String| {
        Err(StoreError {
            problem: Problem::Vector(why),
            adjusted: None,
        })
    };
    let floats: Vec<f32> = match value {
        Value::Bytes(b) if b.len().is_multiple_of(4) && b.first() != Some(&b'[') => b
            .chunks_exact(4)
            .map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]]))
            .collect(),
        Value::Bytes(b) => {
            let parsed = std::str::from_utf8(b)
                .ok()
                .and_then(|t| Json::parse(t).ok());
            match parsed.and_then(|j| json_vector(&j)) {
                Some(f) => f,
                None => return error("value is not a vector".into()),
            }
        }
        Value::Json(j) => match json_vector(j) {
            Some(f) => f,
            None => return error("value is not a vector".into()),
        },
        _ => return error("value is not a vector".into()),
    };
    if floats.len() != usize::from(n) {
        return error(format!(
            "VECTOR dimension mismatch: expected {n}, got {}",
            floats.len()
        ));
    }
    let bytes = floats.iter().flat_map(|f| f.to_le_bytes()).collect();
    Ok(Value::Bytes(Cow::Owned(bytes)))
}

/// The vector that a JSON array of numbers is.
pub fn json_vector(j: &Json) -> Option<Vec<f32>> {
    match j.value() {
        crate::json::JsonValue::Array(items) => {
            items.iter().map(|i| i.to_f64().map(|f| f as f32)).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CollationId, LobSize};

    fn put(text: &str, to: &SqlType) -> (Option<u16>, String) {
        let from = SqlType::VarChar(100, CollationId::DEFAULT);
        let cx = Context::default();
        let (code, v) = match store(&Value::text(text), &from, to, &cx) {
            Ok(v) => (None, v),
            Err(e) => (Some(e.code()), e.adjusted.unwrap_or(Value::Null)),
        };
        let mut out = Vec::new();
        crate::render_text(&v, to, &mut out);
        (code, String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn texts_into_columns() {
        let c = CollationId::UTF8MB4_0900_AI_CI;
        let members: crate::Members = ["Red".into(), "green".into(), "7".into()].into();
        let tiny = SqlType::Int {
            width: IntWidth::Tiny,
            unsigned: false,
            bool_width: false,
        };
        let cases: Vec<(&str, SqlType, Option<u16>, &str)> = vec![
            ("127", tiny.clone(), None, "127"),
            ("128", tiny.clone(), Some(1264), "127"),
            ("12x", tiny.clone(), Some(1265), "12"),
            ("x", tiny.clone(), Some(1366), "0"),
            ("", tiny, Some(1366), "0"),
            (
                "1.005",
                SqlType::Decimal {
                    precision: 3,
                    scale: 2,
                },
                None,
                "1.01",
            ),
            (
                "10",
                SqlType::Decimal {
                    precision: 3,
                    scale: 2,
                },
                Some(1264),
                "9.99",
            ),
            ("1e39", SqlType::Float, Some(1264), "3.4028235e38"),
            ("abcd", SqlType::VarChar(3, c), Some(1406), "abc"),
            ("abc  ", SqlType::VarChar(3, c), None, "abc"),
            ("ab", SqlType::Binary(4), None, "ab\0\0"),
            ("é", SqlType::Text(LobSize::Tiny, c), None, "é"),
            ("2024-02-30", SqlType::Date, Some(1292), "0000-00-00"),
            (
                "2024-02-03 10:11:12.5",
                SqlType::DateTime(0),
                None,
                "2024-02-03 10:11:13",
            ),
            (
                "2039-02-03",
                SqlType::Timestamp(0),
                Some(1292),
                "0000-00-00 00:00:00",
            ),
            (
                "900:00:00",
                SqlType::Time(6),
                Some(1264),
                "838:59:59.000000",
            ),
            ("12:34:56.789", SqlType::Time(6), None, "12:34:56.789000"),
            ("RED", SqlType::Enum(members.clone(), c), None, "Red"),
            ("7", SqlType::Enum(members.clone(), c), None, "7"),
            ("2", SqlType::Enum(members.clone(), c), None, "green"),
            ("", SqlType::Enum(members.clone(), c), Some(1265), ""),
            (
                "green,red",
                SqlType::Set(members.clone(), c),
                None,
                "Red,green",
            ),
            ("blue,red", SqlType::Set(members, c), Some(1265), "Red"),
            ("{\"a\": 1}", SqlType::Json, None, "{\"a\": 1}"),
            ("{", SqlType::Json, Some(3140), ""),
            ("69", SqlType::Year, None, "2069"),
            ("1900", SqlType::Year, Some(1264), "0000"),
            ("0", SqlType::Year, None, "2000"),
        ];
        for (text, to, code, want) in cases {
            assert_eq!(
                put(text, &to),
                (code, want.to_string()),
                "{text} into {to:?}"
            );
        }
    }

    #[test]
    fn messages() {
        let e = StoreError {
            problem: Problem::Incorrect("integer", "x".into()),
            adjusted: None,
        };
        assert_eq!(
            e.text("a", 1),
            "Incorrect integer value: 'x' for column 'a' at row 1"
        );
        let from = SqlType::VarBinary(9);
        let bad = store(
            &Value::Bytes(b"a\xff"[..].into()),
            &from,
            &SqlType::VarChar(9, CollationId::DEFAULT),
            &Context::default(),
        );
        assert_eq!(
            bad.unwrap_err().text("c", 2),
            "Incorrect string value: '\\xFF' for column 'c' at row 2"
        );
    }
}
