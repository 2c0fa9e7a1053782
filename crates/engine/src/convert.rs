//! Conversions between values, in the terms of a running statement.

use std::borrow::Cow;

use syntax::ast::IntervalUnit;
use values::conversion as c;
use values::temporal::{Interval, parse_datetime, parse_time};
use values::{Date, DateTime, Decimal, Json, OwnedValue, SqlType, Time, Value};

use crate::context::Context;
use crate::error::{Error, Result};

/// Values inside expressions are in plain form: their physical kind says what they are.
const PLAIN: SqlType = SqlType::Null;

/// As DOUBLE; NULL is 0.
#[inline]
pub fn to_f64(v: &Value<'_>, cx: &Context<'_>) -> f64 {
    match v {
        Value::Float(f) => *f,
        Value::Int(n) => *n as f64,
        Value::UInt(n) => *n as f64,
        v => c::to_f64(v, &PLAIN, &cx.conversion).unwrap_or(0.0),
    }
}

/// As BIGINT; NULL is 0.
pub fn to_i64(v: &Value<'_>, cx: &Context<'_>) -> Result<i64> {
    Ok(match v {
        Value::Int(n) => *n,
        v => c::to_i64(v, &PLAIN, &cx.conversion).unwrap_or(0),
    })
}

/// As BIGINT UNSIGNED; NULL is 0.
pub fn to_u64(v: &Value<'_>, cx: &Context<'_>) -> Result<u64> {
    Ok(match v {
        Value::UInt(n) => *n,
        v => c::to_u64(v, &PLAIN, &cx.conversion).unwrap_or(0),
    })
}

/// Operand of a bit operator: binary strings are big endian numbers, others convert.
pub fn to_bits(v: &Value<'_>, cx: &Context<'_>) -> Result<u64> {
    Ok(match v {
        Value::UInt(n) => *n,
        Value::Int(n) => *n as u64,
        Value::Float(f) => f.round_ties_even() as i64 as u64,
        Value::Decimal(_) => {
            let d = to_decimal(v, cx)?;
            match d.round(0) {
                Some(d) => d
                    .to_u64()
                    .or_else(|| d.to_i64().map(|v| v as u64))
                    .unwrap_or(0),
                None => 0,
            }
        }
        v => to_u64(v, cx)?,
    })
}

/// As DECIMAL; NULL is 0.
pub fn to_decimal(v: &Value<'_>, cx: &Context<'_>) -> Result<Decimal> {
    Ok(match v {
        Value::Decimal(d) => d.clone(),
        v => c::to_decimal(v, &PLAIN, &cx.conversion).unwrap_or_else(|| Decimal::new(0, 0)),
    })
}

/// Whether a value that is not NULL counts as true.
pub fn to_bool(v: &Value<'_>, cx: &Context<'_>) -> bool {
    c::to_bool(v, &PLAIN, &cx.conversion).unwrap_or(false)
}

/// As text; NULL is empty.
pub fn to_text<'v>(v: &'v Value<'_>) -> Cow<'v, [u8]> {
    match v {
        Value::Bytes(b) => Cow::Borrowed(b),
        v => c::to_text(v, &PLAIN).unwrap_or(Cow::Borrowed(&[])),
    }
}

/// As a string; bytes that are not UTF-8 are replaced.
pub fn to_string(v: &Value<'_>) -> String {
    String::from_utf8_lossy(&to_text(v)).into_owned()
}

/// As DATETIME.
pub fn to_datetime(v: &Value<'_>, cx: &Context<'_>) -> Option<DateTime> {
    match v {
        Value::DateTime(d) => Some(*d),
        v => c::to_datetime(v, &PLAIN, &cx.conversion),
    }
}

/// As DATE.
pub fn to_date(v: &Value<'_>, cx: &Context<'_>) -> Option<Date> {
    c::to_date(v, &PLAIN, &cx.conversion)
}

/// As TIME.
pub fn to_time(v: &Value<'_>, cx: &Context<'_>) -> Option<Time> {
    match v {
        Value::Time(t) => Some(*t),
        v => c::to_time(v, &PLAIN, &cx.conversion),
    }
}

/// As an operand of a JSON comparison: text is a JSON string.
pub fn json_of(v: &Value<'_>, _cx: &Context<'_>) -> Result<Json> {
    Ok(match v {
        Value::Json(j) => j.clone(),
        v => c::to_json(v, &PLAIN),
    })
}

/// As a member of a JSON document.
pub fn to_json(v: &Value<'_>, ty: Option<&SqlType>, _cx: &Context<'_>) -> Result<Json> {
    Ok(match v {
        Value::Json(j) => j.clone(),
        v => c::to_json(v, ty.unwrap_or(&PLAIN)),
    })
}

/// CAST.
pub fn cast<'a>(v: Value<'a>, from: &SqlType, to: &SqlType, cx: &Context<'_>) -> Result<Value<'a>> {
    if v.is_null() || crate::bind::same_form(from, to) && !needs_cut(to) {
        return Ok(v);
    }
    if let (SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c), Value::Bytes(b)) =
        (to, &v)
        && matches!(
            from,
            SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_)
        )
        && let charset = c.get().charset.name
        && charset.starts_with("utf8")
        && let Err(e) = std::str::from_utf8(b)
    {
        let shown = shown_bytes(&b[e.valid_up_to()..]);
        cx.warn(
            1300,
            format!("Invalid {charset} character string: '{shown}'"),
        );
        return Ok(Value::Null);
    }
    if let (
        SqlType::Char(_, old) | SqlType::VarChar(_, old) | SqlType::Text(_, old),
        SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c),
        Value::Bytes(b),
    ) = (from, to, &v)
        && let (old, charset) = (&old.get().charset, &c.get().charset)
        && !charset.is_utf8()
        && old.name != charset.name
        && let (bytes, 1..) = charset.from_utf8(b)
        && let Some(left) = charset.to_utf8(&bytes)
    {
        // What the character set lacks became a question mark on the way.
        return c::cast(&Value::Bytes(left.into()), from, to, &cx.conversion)
            .map(Value::into_owned)
            .map_err(|e| Error::new(e.code(), "22032", e.to_string()));
    }
    c::cast(&v, from, to, &cx.conversion).map_err(|e| Error::new(e.code(), "22032", e.to_string()))
}

/// Bytes that are no text as MySQL's warnings show them: the first six.
fn shown_bytes(bytes: &[u8]) -> String {
    let mut out = String::new();
    for b in bytes.iter().take(6) {
        match b {
            b' '..=b'~' => out.push(char::from(*b)),
            _ => out.push_str(&format!("\\x{b:02X}")),
        }
    }
    if bytes.len() > 6 {
        out.push_str("...");
    }
    out
}

/// Whether a type can be shorter than a value of the same form.
fn needs_cut(to: &SqlType) -> bool {
    matches!(
        to,
        SqlType::Char(..)
            | SqlType::VarChar(..)
            | SqlType::Binary(_)
            | SqlType::VarBinary(_)
            | SqlType::Decimal { .. }
            | SqlType::Time(_)
            | SqlType::DateTime(_)
    )
}

/// Appends the text of a value of a known type.
pub fn render(v: &Value<'_>, ty: &SqlType, out: &mut Vec<u8>) {
    values::render_text(v, ty, out);
}

/// The value of a temporal literal; `None` when the text is not exactly one.
pub fn strict_temporal(text: &str, to: &SqlType) -> Option<OwnedValue> {
    match to {
        SqlType::Time(_) => {
            let t = parse_time(text.as_bytes()).ok()?;
            (!t.truncated && !t.out_of_range).then_some(Value::Time(t.value))
        }
        _ => {
            let d = parse_datetime(text.as_bytes(), Default::default()).ok()?;
            if d.truncated {
                return None;
            }
            Some(match to {
                SqlType::Date => Value::Date(d.value.date),
                _ => Value::DateTime(d.value),
            })
        }
    }
}

/// `date + INTERVAL amount unit`.
pub fn date_add<'a>(
    date: &Value<'_>,
    amount: &Value<'_>,
    unit: IntervalUnit,
    negative: bool,
    ty: &SqlType,
    cx: &Context<'_>,
) -> Result<Value<'a>> {
    let Some(interval) = interval(amount, unit, cx)? else {
        return Ok(Value::Null);
    };
    let interval = if negative {
        interval.reversed()
    } else {
        interval
    };
    if let SqlType::Time(_) = ty {
        let Some(t) = to_time(date, cx) else {
            return Ok(Value::Null);
        };
        return Ok(match t.0.checked_add(interval.micros) {
            Some(micros) => Value::Time(Time(micros).clamp_to_range().0),
            None => Value::Null,
        });
    }
    let Some(start) = to_datetime(date, cx) else {
        return Ok(Value::Null);
    };
    if start.date.month == 0 || start.date.day == 0 {
        cx.warn(
            1292,
            format!("Incorrect datetime value: '{}'", to_string(date)),
        );
        return Ok(Value::Null);
    }
    let Some(end) = start.add_interval(interval) else {
        cx.warn(1441, "Datetime function: datetime field overflow");
        return Ok(Value::Null);
    };
    Ok(match ty {
        SqlType::Date => Value::Date(end.date),
        SqlType::DateTime(_) => Value::DateTime(end),
        // Text in, text out: a date stays a date unless the interval has a time.
        _ => {
            let text = to_text(date);
            let has_time =
                text.iter().filter(|b| b.is_ascii_digit()).count() > 8 || text.contains(&b':');
            let time_unit = !matches!(
                unit,
                IntervalUnit::Day
                    | IntervalUnit::Week
                    | IntervalUnit::Month
                    | IntervalUnit::Quarter
                    | IntervalUnit::Year
                    | IntervalUnit::YearMonth
            );
            let mut out = Vec::new();
            if has_time || time_unit {
                let digits = if end.micro == 0 { 0 } else { 6 };
                end.write_text(digits, &mut out);
            } else {
                end.date.write_text(&mut out);
            }
            Value::Bytes(out.into())
        }
    })
}

/// The amount of an INTERVAL; `None` when it is out of range.
pub fn interval(
    amount: &Value<'_>,
    unit: IntervalUnit,
    cx: &Context<'_>,
) -> Result<Option<Interval>> {
    let Some(named) = values::temporal::IntervalUnit::by_name(unit.as_str()) else {
        return Err(Error::not_supported(unit.as_str()));
    };
    if !named.is_single() {
        let text = to_text(amount);
        return Ok(Interval::parse(named, &text));
    }
    if unit == IntervalUnit::Second {
        let d = to_decimal(amount, cx)?;
        let micros = d
            .with_scale(6)
            .and_then(|d| d.mul(&Decimal::new(1_000_000, 0)))
            .and_then(|d| d.round(0))
            .and_then(|d| d.to_i64());
        return Ok(micros.map(Interval::of_seconds));
    }
    let n = match amount {
        Value::Bytes(_) => to_i64(amount, cx)?,
        Value::Float(f) => f.round() as i64,
        Value::Decimal(d) => d.round(0).and_then(|d| d.to_i64()).unwrap_or(i64::MAX),
        v => to_i64(v, cx)?,
    };
    Ok(Interval::of(named, n))
}

/// A value as it stands in the order of an index column.
pub enum IndexValue {
    /// Exactly this value of the column's type.
    Exact(OwnedValue),
    /// Between this value of the column's type and the next.
    Floor(OwnedValue),
    /// Less than every value of the column's type.
    Below,
    /// Greater than every value of the column's type.
    Above,
    /// Compares with nothing.
    Null,
}

/// Where a value lies among the values of a column's type.
pub fn index_value(v: &Value<'_>, ty: &SqlType, cx: &Context<'_>) -> Result<IndexValue> {
    use IndexValue::*;
    if v.is_null() {
        return Ok(Null);
    }
    Ok(match ty {
        SqlType::Int { .. }
        | SqlType::Bit(_)
        | SqlType::Year
        | SqlType::Enum(..)
        | SqlType::Set(..) => {
            let (min, max): (i128, i128) = match ty {
                SqlType::Int {
                    width, unsigned, ..
                } => {
                    use values::IntWidth::*;
                    // MEDIUMINT is stored in four bytes.
                    let bits = match width {
                        Tiny => 8,
                        Small => 16,
                        Medium | Int => 32,
                        Big => 64,
                    };
                    match unsigned {
                        true => (0, (1i128 << bits) - 1),
                        false => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
                    }
                }
                SqlType::Year => (0, 2155),
                SqlType::Enum(..) => (0, 65535),
                _ => (0, u64::MAX as i128),
            };
            let (whole, exact) = match v {
                Value::Int(n) => (*n as i128, true),
                Value::UInt(n) => (*n as i128, true),
                v => {
                    let f;
                    let d = match v {
                        Value::Decimal(d) => d,
                        v => {
                            let x = to_f64(v, cx);
                            if x.abs() >= 1e30 || x.is_nan() {
                                return Ok(if x < 0.0 { Below } else { Above });
                            }
                            f = Decimal::from_f64(x).unwrap_or_else(|| Decimal::new(0, 0));
                            &f
                        }
                    };
                    let floor = d.floor().unwrap_or_else(|| d.clone());
                    match floor.to_i128() {
                        Some(n) => (n, floor.compare(d).is_eq()),
                        None if d.is_negative() => return Ok(Below),
                        None => return Ok(Above),
                    }
                }
            };
            if whole < min {
                return Ok(Below);
            }
            if whole > max {
                return Ok(Above);
            }
            let value = match ty {
                SqlType::Int {
                    unsigned: false, ..
                } => Value::Int(whole as i64),
                _ => Value::UInt(whole as u64),
            };
            if exact { Exact(value) } else { Floor(value) }
        }
        SqlType::Decimal { scale, precision } => {
            // A text that is a number is this number, however many digits it has.
            let written = match v {
                Value::Bytes(b) => std::str::from_utf8(b).ok().and_then(Decimal::parse),
                _ => None,
            };
            let d = match v {
                _ if let Some(d) = written => d,
                Value::Float(_) | Value::Bytes(_) => {
                    let x = to_f64(v, cx);
                    match Decimal::from_f64(x) {
                        Some(d) => d,
                        None => return Ok(if x < 0.0 { Below } else { Above }),
                    }
                }
                v => to_decimal(v, cx)?,
            };
            let cut = d.truncate(*scale as i32).unwrap_or_else(|| d.clone());
            let exact = cut.compare(&d).is_eq();
            let floor = if !exact && d.is_negative() {
                let mut step = Decimal::new(1, *scale);
                step = step.neg();
                cut.add(&step).unwrap_or(cut)
            } else {
                cut
            };
            let floor = floor.with_scale(*scale).unwrap_or(floor);
            if !floor.fits(*precision, *scale) {
                return Ok(if d.is_negative() { Below } else { Above });
            }
            if exact {
                Exact(Value::Decimal(floor))
            } else {
                Floor(Value::Decimal(floor))
            }
        }
        SqlType::Double => Exact(Value::Float(to_f64(v, cx))),
        SqlType::Float => {
            let x = to_f64(v, cx);
            let near = x as f32;
            if f64::from(near) == x {
                Exact(Value::Float(x))
            } else {
                let floor = if f64::from(near) < x {
                    near
                } else {
                    near.next_down()
                };
                Floor(Value::Float(f64::from(floor)))
            }
        }
        SqlType::Date => match to_datetime(v, cx) {
            None => Null,
            Some(d) if d == d.date.at_midnight() => Exact(Value::Date(d.date)),
            Some(d) => Floor(Value::Date(d.date)),
        },
        SqlType::DateTime(_) | SqlType::Timestamp(_) => match to_datetime(v, cx) {
            None => Null,
            Some(d) => Exact(Value::DateTime(d)),
        },
        SqlType::Time(_) => match to_time(v, cx) {
            None => Null,
            Some(t) => Exact(Value::Time(t)),
        },
        _ => Exact(Value::Bytes(to_text(v).into_owned().into())),
    })
}
