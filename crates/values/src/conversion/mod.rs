//! Conversions between types as expressions make them: always a result, and warnings.

mod cast;
mod store;

use std::borrow::Cow;
use std::cell::RefCell;

pub use cast::{CastError, cast};
pub use store::{Problem, StoreError, json_vector, store};

use crate::json::JsonValue;
use crate::number_text::{parse_f64, parse_i128};
use crate::temporal::{DateRules, parse_datetime, parse_time};
use crate::{Date, DateTime, Decimal, Json, SqlType, Time, Value, render_text};

/// The parts of sql_mode that conversions heed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    /// STRICT_TRANS_TABLES or STRICT_ALL_TABLES; the caller of [`store`] heeds it.
    pub strict: bool,
    /// NO_ZERO_DATE, NO_ZERO_IN_DATE, ALLOW_INVALID_DATES.
    pub dates: DateRules,
    /// TIME_TRUNCATE_FRACTIONAL: cut digits of a second instead of rounding.
    pub truncate_fraction: bool,
}

impl Default for Modes {
    fn default() -> Modes {
        Modes {
            strict: true,
            dates: DateRules::default(),
            truncate_fraction: false,
        }
    }
}

/// A condition that a statement leaves for SHOW WARNINGS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// MySQL's number.
    pub code: u16,
    /// Whether it is a note only.
    pub note: bool,
    /// The message.
    pub text: String,
}

/// Most warnings that a statement keeps, as max_error_count; more are counted only.
const MAX_WARNINGS: usize = 1024;

/// What conversions know of the session, and where their warnings go.
#[derive(Debug, Default)]
pub struct Context {
    /// The relevant parts of sql_mode.
    pub modes: Modes,
    /// The day that TIME values lie on when they become DATETIME.
    pub today: Option<Date>,
    /// The session's zone, seconds east of UTC, for literals with an offset.
    pub offset_seconds: i32,
    warnings: RefCell<Vec<Warning>>,
    warning_count: std::cell::Cell<u64>,
}

impl Context {
    /// A context with these modes.
    pub fn new(modes: Modes) -> Context {
        Context {
            modes,
            ..Context::default()
        }
    }

    /// Adds a warning.
    pub fn warn(&self, code: u16, text: impl FnOnce() -> String) {
        self.warning_count.set(self.warning_count.get() + 1);
        let mut list = self.warnings.borrow_mut();
        if list.len() < MAX_WARNINGS {
            list.push(Warning {
                code,
                note: false,
                text: text(),
            });
        }
    }

    /// How many warnings there are so far.
    pub fn warning_count(&self) -> u64 {
        self.warning_count.get()
    }

    /// Takes the warnings; the number counts those that were not kept, too.
    pub fn take_warnings(&self) -> (Vec<Warning>, u64) {
        (self.warnings.take(), self.warning_count.take())
    }

    fn truncated(&self, kind: &str, text: &[u8]) {
        self.warn(1292, || {
            format!("Truncated incorrect {kind} value: '{}'", shown(text))
        });
    }

    fn incorrect(&self, kind: &str, text: &[u8]) {
        self.warn(1292, || {
            format!("Incorrect {kind} value: '{}'", shown(text))
        });
    }
}

/// A value as messages show it: readable, and not too long.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(128) {
        Some((at, _)) => text[..at].to_string(),
        None => text.into_owned(),
    }
}

fn is_binary(from: &SqlType) -> bool {
    matches!(
        from,
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_)
    )
}

/// Bytes of an ENUM or SET value's text, if the type is one.
fn member_text(v: u64, from: &SqlType) -> Option<Vec<u8>> {
    matches!(from, SqlType::Enum(..) | SqlType::Set(..)).then(|| {
        let mut out = Vec::new();
        render_text(&Value::UInt(v), from, &mut out);
        out
    })
}

/// The number as a double; `None` for NULL.
pub fn to_f64(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<f64> {
    Some(match value {
        Value::Null => return None,
        Value::Int(v) => *v as f64,
        Value::UInt(v) => *v as f64,
        Value::Float(v) => *v,
        Value::Decimal(d) => d.to_f64(),
        Value::Bytes(text) => {
            let p = parse_f64(text);
            if p.truncated || p.out_of_range {
                cx.truncated("DOUBLE", text);
            }
            p.value
        }
        Value::Date(_) | Value::Time(_) | Value::DateTime(_) => {
            temporal_number(value, from).to_f64()
        }
        Value::Json(j) => json_number(j, "DOUBLE", cx, |d| d.to_f64(), |f| f),
    })
}

/// Dates and times as numbers, with the fraction of the second that their type has.
fn temporal_number(value: &Value<'_>, from: &SqlType) -> Decimal {
    let digits = from.fraction_digits();
    let with_micros = |number: i128, micros: i128| {
        let d = Decimal::new(number * 1_000_000 + micros, 6);
        d.with_scale(digits).unwrap_or(d)
    };
    match value {
        Value::Date(d) => d.to_number().into(),
        Value::DateTime(d) => with_micros(d.to_number().into(), d.micro.into()),
        Value::Time(t) => {
            let micros = i128::from(t.0 % 1_000_000);
            with_micros(t.to_number().into(), micros)
        }
        _ => Decimal::ZERO,
    }
}

fn json_number<T>(
    json: &Json,
    kind: &str,
    cx: &Context,
    exact: impl Fn(&Decimal) -> T,
    float: impl Fn(f64) -> T,
) -> T {
    match json.value() {
        JsonValue::Double(v) => float(*v),
        JsonValue::Bool(b) => exact(&Decimal::from(i64::from(*b))),
        JsonValue::String(s) => {
            let p = parse_f64(s.as_bytes());
            if p.truncated {
                cx.truncated(kind, s.as_bytes());
            }
            match Decimal::parse_prefix(s.trim().as_bytes()) {
                Some((d, _)) => exact(&d),
                None => float(p.value),
            }
        }
        _ => match json.to_decimal() {
            Some(d) => exact(&d),
            None => {
                cx.truncated(kind, json.to_string().as_bytes());
                exact(&Decimal::ZERO)
            }
        },
    }
}

/// The value as an exact number if it is an integer after rounding, far beyond 64 bits if need be.
fn to_integer(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<i128> {
    Some(match value {
        Value::Null => return None,
        Value::Int(v) => (*v).into(),
        Value::UInt(v) => (*v).into(),
        Value::Float(v) => float_to_integer(*v),
        Value::Decimal(d) => decimal_to_integer(d),
        Value::Bytes(text) => {
            // Only digits count here; a column would round what follows.
            let whole = text.trim_ascii();
            let sign = usize::from(matches!(whole.first(), Some(b'-' | b'+')));
            let digits = whole[sign..].iter().take_while(|b| b.is_ascii_digit());
            let length = sign + digits.count();
            let p = parse_i128(&whole[..length]);
            if p.truncated || length < whole.len() {
                cx.truncated("INTEGER", text);
            }
            p.value
        }
        Value::Date(_) | Value::Time(_) | Value::DateTime(_) => {
            decimal_to_integer(&temporal_number(value, from))
        }
        Value::Json(j) => json_number(j, "INTEGER", cx, decimal_to_integer, float_to_integer),
    })
}

fn float_to_integer(v: f64) -> i128 {
    // `as` saturates and turns NaN to 0; ties go to even as in C's rint.
    v.round_ties_even() as i128
}

fn decimal_to_integer(d: &Decimal) -> i128 {
    d.to_i128().unwrap_or(if d.is_negative() {
        i128::MIN
    } else {
        i128::MAX
    })
}

/// The number as a signed integer, the nearest one if out of range; `None` for NULL.
pub fn to_i64(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<i64> {
    let v = to_integer(value, from, cx)?;
    if let Ok(v) = i64::try_from(v) {
        return Some(v);
    }
    // An unsigned integer keeps its bits, as CAST(… AS SIGNED) does.
    if let (Value::UInt(v), _) = (value, from) {
        return Some(v.cast_signed());
    }
    warn_integer(value, from, cx);
    Some(if v < 0 { i64::MIN } else { i64::MAX })
}

/// The number as an unsigned integer; negative integers keep their bits; `None` for NULL.
pub fn to_u64(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<u64> {
    let v = to_integer(value, from, cx)?;
    if let Ok(v) = u64::try_from(v) {
        return Some(v);
    }
    match (value, i64::try_from(v)) {
        (Value::Decimal(_), Ok(_)) => {
            warn_integer(value, from, cx);
            Some(0)
        }
        (_, Ok(v)) => Some(v.cast_unsigned()),
        (_, Err(_)) => {
            warn_integer(value, from, cx);
            Some(if v < 0 { 0 } else { u64::MAX })
        }
    }
}

fn warn_integer(value: &Value<'_>, from: &SqlType, cx: &Context) {
    let mut text = Vec::new();
    render_text(value, from, &mut text);
    cx.truncated("INTEGER", &text);
}

/// The number as a decimal; `None` for NULL.
pub fn to_decimal(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<Decimal> {
    Some(match value {
        Value::Null => return None,
        Value::Int(v) => (*v).into(),
        Value::UInt(v) => (*v).into(),
        Value::Float(v) => float_to_decimal(*v),
        Value::Decimal(d) => d.clone(),
        Value::Bytes(text) => {
            let trimmed = text.trim_ascii();
            match Decimal::parse_prefix(trimmed) {
                Some((d, n)) => {
                    if n < trimmed.len() {
                        cx.truncated("DECIMAL", text);
                    }
                    d
                }
                None => {
                    cx.truncated("DECIMAL", text);
                    Decimal::ZERO
                }
            }
        }
        Value::Date(_) | Value::Time(_) | Value::DateTime(_) => temporal_number(value, from),
        Value::Json(j) => json_number(j, "DECIMAL", cx, Clone::clone, float_to_decimal),
    })
}

fn float_to_decimal(v: f64) -> Decimal {
    Decimal::from_f64(v).unwrap_or_else(|| Decimal::max_value(v < 0.0, 65, 0))
}

/// Whether the value counts as true; `None` for NULL.
pub fn to_bool(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<bool> {
    Some(match value {
        Value::Null => return None,
        Value::Int(v) => *v != 0,
        Value::UInt(v) => *v != 0,
        Value::Float(v) => *v != 0.0,
        Value::Decimal(d) => !d.is_zero(),
        Value::Date(d) => !d.is_zero(),
        Value::Time(t) => t.0 != 0,
        Value::DateTime(d) => !d.is_zero(),
        Value::Json(j) => match j.value() {
            JsonValue::Null => return None,
            JsonValue::Array(_) | JsonValue::Object(_) => true,
            _ => to_f64(value, from, cx)? != 0.0,
        },
        Value::Bytes(_) => to_f64(value, from, cx)? != 0.0,
    })
}

/// The value's text in UTF-8 (or its bytes); `None` for NULL.
pub fn to_text<'v>(value: &'v Value<'_>, from: &SqlType) -> Option<Cow<'v, [u8]>> {
    match value {
        Value::Null => None,
        Value::Bytes(b) => Some(Cow::Borrowed(b)),
        other => {
            let mut out = Vec::with_capacity(24);
            render_text(other, from, &mut out);
            Some(Cow::Owned(out))
        }
    }
}

/// The value as DATETIME, rounded to the microsecond; `None` for NULL and for what is no date.
pub fn to_datetime(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<DateTime> {
    let rules = cx.modes.dates;
    match value {
        Value::Null => None,
        Value::Date(d) => Some(d.at_midnight()),
        Value::DateTime(d) => Some(*d),
        Value::Time(t) => cx
            .today
            .unwrap_or(Date {
                year: 1970,
                month: 1,
                day: 1,
            })
            .at_midnight()
            .add_micros(t.0),
        Value::Json(j) => match j.value() {
            JsonValue::Date(d) => Some(d.at_midnight()),
            JsonValue::DateTime(d) => Some(*d),
            JsonValue::String(s) => text_to_datetime(s.as_bytes(), rules, cx),
            _ => None,
        },
        Value::Bytes(text) => text_to_datetime(text, rules, cx),
        Value::UInt(v) if matches!(from, SqlType::Enum(..) | SqlType::Set(..)) => {
            text_to_datetime(&member_text(*v, from)?, rules, cx)
        }
        Value::Int(_) | Value::UInt(_) => {
            let n = to_i64(value, from, cx)?;
            let d = DateTime::from_number(n, rules).ok();
            if d.is_none() {
                cx.incorrect("datetime", n.to_string().as_bytes());
            }
            d
        }
        Value::Float(_) | Value::Decimal(_) => {
            let d = to_decimal(value, from, cx)?;
            let parsed = d.truncate(0).and_then(|t| {
                let base = DateTime::from_number(t.to_i64()?, rules).ok()?;
                let micros = d.sub(&t)?.mul(&Decimal::from(1_000_000i64))?.to_i64()?;
                base.add_micros(micros)
            });
            if parsed.is_none() {
                cx.incorrect("datetime", d.to_string().as_bytes());
            }
            parsed
        }
    }
}

fn text_to_datetime(text: &[u8], rules: DateRules, cx: &Context) -> Option<DateTime> {
    match parse_datetime(text, rules) {
        Ok(p) => {
            if p.truncated {
                cx.truncated("datetime", text);
            }
            let d = p.rounded(6)?;
            match p.offset {
                Some(east) => d.add_micros(i64::from(cx.offset_seconds - east) * 1_000_000),
                None => Some(d),
            }
        }
        Err(_) => {
            cx.incorrect("datetime", text);
            None
        }
    }
}

/// The value as DATE; `None` for NULL and for what is no date.
pub fn to_date(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<Date> {
    to_datetime(value, from, cx).map(|d| d.date)
}

/// The value as TIME; `None` for NULL and for what is no time.
pub fn to_time(value: &Value<'_>, from: &SqlType, cx: &Context) -> Option<Time> {
    let parse = |text: &[u8]| match parse_time(text) {
        Ok(p) => {
            if p.truncated || p.out_of_range {
                cx.truncated("time", text);
            }
            Some(p.value)
        }
        Err(_) => {
            cx.incorrect("time", text);
            None
        }
    };
    match value {
        Value::Null => None,
        Value::Time(t) => Some(*t),
        Value::Date(_) => Some(Time(0)),
        Value::DateTime(d) => Some(d.time()),
        Value::Bytes(text) => parse(text),
        Value::Json(j) => match j.value() {
            JsonValue::Time(t) => Some(*t),
            JsonValue::DateTime(d) => Some(d.time()),
            JsonValue::String(s) => parse(s.as_bytes()),
            _ => None,
        },
        Value::UInt(v) if matches!(from, SqlType::Enum(..) | SqlType::Set(..)) => {
            parse(&member_text(*v, from)?)
        }
        Value::Int(_) | Value::UInt(_) => {
            let n = to_i64(value, from, cx)?;
            let t = Time::from_number(n).ok();
            if t.is_none() {
                cx.truncated("time", n.to_string().as_bytes());
            }
            t
        }
        Value::Float(_) | Value::Decimal(_) => {
            let d = to_decimal(value, from, cx)?;
            let parsed = d.truncate(0).and_then(|t| {
                let base = Time::from_number(t.to_i64()?).ok()?;
                let micros = d.sub(&t)?.mul(&Decimal::from(1_000_000i64))?.to_i64()?;
                Some(Time(base.0 + micros))
            });
            if parsed.is_none() {
                cx.incorrect("time", d.to_string().as_bytes());
            }
            parsed
        }
    }
}

/// The value as a member of a document: text becomes a string. NULL becomes `null`.
pub fn to_json(value: &Value<'_>, from: &SqlType) -> Json {
    match value {
        Value::Null => Json::null(),
        Value::Int(v)
            if matches!(
                from,
                SqlType::Int {
                    bool_width: true,
                    ..
                }
            ) && (0..=1).contains(v) =>
        {
            JsonValue::Bool(*v != 0).into()
        }
        Value::Int(v) => JsonValue::Int(*v).into(),
        Value::UInt(v) => match (from, member_text(*v, from)) {
            (_, Some(text)) => Json::string(String::from_utf8_lossy(&text)),
            (SqlType::Bit(n), _) => {
                let bytes = v.to_be_bytes();
                let skip = 8 - usize::from(n.div_ceil(8)).min(8);
                JsonValue::Opaque(16, bytes[skip..].into()).into()
            }
            _ => JsonValue::UInt(*v).into(),
        },
        Value::Float(v) => JsonValue::Double(*v).into(),
        Value::Decimal(d) => JsonValue::Decimal(d.clone()).into(),
        Value::Bytes(b) if is_binary(from) => {
            JsonValue::Opaque(from.protocol_type(), b.as_ref().into()).into()
        }
        Value::Bytes(b) => Json::string(String::from_utf8_lossy(b)),
        Value::Date(d) => JsonValue::Date(*d).into(),
        Value::Time(t) => JsonValue::Time(*t).into(),
        Value::DateTime(d) => JsonValue::DateTime(*d).into(),
        Value::Json(j) => j.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CollationId, IntWidth};

    fn text_type() -> SqlType {
        SqlType::VarChar(20, CollationId::DEFAULT)
    }

    #[test]
    fn texts_to_numbers_warn() {
        let cx = Context::default();
        let t = text_type();
        assert_eq!(to_f64(&Value::text("12abc"), &t, &cx), Some(12.0));
        assert_eq!(to_i64(&Value::text("-3.7"), &t, &cx), Some(-3));
        assert_eq!(
            to_decimal(&Value::text("1.50x"), &t, &cx)
                .unwrap()
                .to_string(),
            "1.50"
        );
        assert_eq!(to_u64(&Value::Int(-1), &SqlType::INT, &cx), Some(u64::MAX));
        assert_eq!(
            to_i64(&Value::text("99999999999999999999"), &t, &cx),
            Some(i64::MAX)
        );
        let (warnings, count) = cx.take_warnings();
        assert_eq!(count, 4);
        assert_eq!(
            warnings[0].text,
            "Truncated incorrect DOUBLE value: '12abc'"
        );
        assert_eq!(warnings[0].code, 1292);
    }

    #[test]
    fn temporal_conversions() {
        let cx = Context::default();
        let d = to_datetime(&Value::text("2024-01-02 03:04:05.5"), &text_type(), &cx).unwrap();
        assert_eq!(
            to_decimal(&Value::DateTime(d), &SqlType::DateTime(1), &cx)
                .unwrap()
                .to_string(),
            "20240102030405.5"
        );
        assert_eq!(
            to_i64(&Value::Date(d.date), &SqlType::Date, &cx),
            Some(20240102)
        );
        assert_eq!(
            to_datetime(&Value::Int(20240102), &SqlType::INT, &cx)
                .unwrap()
                .date,
            d.date
        );
        assert_eq!(
            to_time(&Value::Int(-123456), &SqlType::INT, &cx)
                .unwrap()
                .to_string(),
            "-12:34:56"
        );
        assert_eq!(
            to_datetime(&Value::text("2024-01-01 00:00:00+02:00"), &text_type(), &cx)
                .unwrap()
                .to_string(),
            "2023-12-31 22:00:00"
        );
        assert_eq!(to_datetime(&Value::text("x"), &text_type(), &cx), None);
        assert_eq!(
            cx.take_warnings().0[0].text,
            "Incorrect datetime value: 'x'"
        );
    }

    #[test]
    fn enums_speak_their_text() {
        let members: crate::Members = ["a".into(), "2024-01-01".into()].into();
        let ty = SqlType::Enum(members, CollationId::DEFAULT);
        assert_eq!(to_text(&Value::UInt(1), &ty).unwrap().as_ref(), b"a");
        assert_eq!(
            to_date(&Value::UInt(2), &ty, &Context::default())
                .unwrap()
                .to_string(),
            "2024-01-01"
        );
        assert_eq!(to_f64(&Value::UInt(2), &ty, &Context::default()), Some(2.0));
        assert_eq!(to_json(&Value::UInt(1), &ty).to_string(), "\"a\"");
        let b = SqlType::Int {
            width: IntWidth::Tiny,
            unsigned: false,
            bool_width: true,
        };
        assert_eq!(to_json(&Value::Int(1), &b).to_string(), "true");
    }
}
