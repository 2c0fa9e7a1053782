//! CAST and CONVERT.

use std::borrow::Cow;

use super::{
    Context, to_date, to_datetime, to_decimal, to_f64, to_i64, to_json, to_text, to_time, to_u64,
};
use crate::collation::decode_rune;
use crate::{Decimal, Error, Json, OwnedValue, SqlType, Value};

/// A cast that has no result at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CastError {
    /// 3141, SQLSTATE 22032.
    #[error("Invalid JSON text in argument 1 to function cast_as_json: \"{0}\".")]
    InvalidJson(String),
    /// 3157, SQLSTATE 22032.
    #[error("The JSON document exceeds the maximum depth.")]
    JsonTooDeep,
}

impl CastError {
    /// MySQL's number.
    pub fn code(&self) -> u16 {
        match self {
            CastError::InvalidJson(_) => 3141,
            CastError::JsonTooDeep => 3157,
        }
    }

    pub(super) fn of(e: Error) -> CastError {
        match e {
            Error::Json(text) if text.contains("maximum depth") => CastError::JsonTooDeep,
            Error::Json(text) => CastError::InvalidJson(text),
            other => CastError::InvalidJson(other.to_string()),
        }
    }
}

/// The first `n` characters of a text.
pub(super) fn first_characters(text: &[u8], n: usize) -> &[u8] {
    if text.len() <= n {
        return text;
    }
    let mut at = 0;
    for _ in 0..n {
        let (_, width) = decode_rune(&text[at..]);
        if width == 0 {
            break;
        }
        at += width;
    }
    &text[..at]
}

/// Number of characters of a text.
pub(super) fn characters(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let (mut at, mut n) = (0, 0);
    while at < text.len() {
        at += decode_rune(&text[at..]).1;
        n += 1;
    }
    n
}

/// Brings a decimal into DECIMAL(precision, scale); the nearest value when it does not fit.
pub(super) fn fit_decimal(d: &Decimal, precision: u8, scale: u8) -> (Decimal, bool) {
    match d.with_scale(scale) {
        Some(r) if r.fits(precision, scale) => (r, true),
        _ => (Decimal::max_value(d.is_negative(), precision, scale), false),
    }
}

/// Converts a value to a type, as CAST does: what does not fit is cut, with a warning.
pub fn cast(
    value: &Value<'_>,
    from: &SqlType,
    to: &SqlType,
    cx: &Context,
) -> Result<OwnedValue, CastError> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let or_null = |v: Option<OwnedValue>| v.unwrap_or(Value::Null);
    let round = |d: crate::DateTime, digits: u8| {
        if cx.modes.truncate_fraction {
            Some(d.truncate_to(digits))
        } else {
            d.round_to(digits)
        }
    };
    Ok(match to {
        SqlType::Null => Value::Null,
        SqlType::Int { unsigned: true, .. } | SqlType::Bit(_) => {
            or_null(to_u64(value, from, cx).map(Value::UInt))
        }
        SqlType::Int { .. } => or_null(to_i64(value, from, cx).map(Value::Int)),
        SqlType::Float => or_null(to_f64(value, from, cx).map(|v| Value::Float((v as f32).into()))),
        SqlType::Double => or_null(to_f64(value, from, cx).map(Value::Float)),
        SqlType::Decimal { precision, scale } => or_null(to_decimal(value, from, cx).map(|d| {
            let (d, fits) = fit_decimal(&d, *precision, *scale);
            if !fits {
                let text = to_text(value, from).unwrap_or_default();
                cx.truncated("DECIMAL", &text);
            }
            Value::Decimal(d)
        })),
        SqlType::Year => or_null(to_i64(value, from, cx).and_then(|y| {
            let year = match y {
                0 if matches!(value, Value::Bytes(_)) => 2000,
                0 => 0,
                1..=69 => y + 2000,
                70..=99 => y + 1900,
                1901..=2155 => y,
                _ => return None,
            };
            Some(Value::UInt(year.unsigned_abs()))
        })),
        SqlType::Date => or_null(to_date(value, from, cx).map(Value::Date)),
        SqlType::DateTime(digits) | SqlType::Timestamp(digits) => {
            let d = to_datetime(value, from, cx);
            or_null(d.and_then(|d| round(d, *digits)).map(Value::DateTime))
        }
        SqlType::Time(digits) => or_null(to_time(value, from, cx).map(|t| {
            let (t, _) = t.round_to(*digits).clamp_to_range();
            Value::Time(t)
        })),
        SqlType::Char(n, _) | SqlType::VarChar(n, _) => or_null(to_text(value, from).map(|t| {
            let cut = first_characters(&t, *n as usize);
            if cut.len() < t.len() {
                cx.truncated(&format!("CHAR({n})"), &t);
            }
            Value::Bytes(Cow::Owned(cut.to_vec()))
        })),
        SqlType::Binary(n) | SqlType::VarBinary(n) => or_null(to_text(value, from).map(|t| {
            let n = *n as usize;
            let mut bytes = t.into_owned();
            if bytes.len() > n {
                cx.truncated(&format!("BINARY({n})"), &bytes);
                bytes.truncate(n);
            } else if matches!(to, SqlType::Binary(_)) {
                bytes.resize(n, 0);
            }
            Value::Bytes(Cow::Owned(bytes))
        })),
        SqlType::Text(..) | SqlType::Blob(_) | SqlType::Geometry(..) | SqlType::Vector(_) => {
            or_null(to_text(value, from).map(|t| Value::Bytes(Cow::Owned(t.into_owned()))))
        }
        SqlType::Enum(..) | SqlType::Set(..) => match super::store(value, from, to, cx) {
            Ok(v) => v,
            Err(e) => e.adjusted.unwrap_or(Value::Null),
        },
        SqlType::Json => match value {
            Value::Bytes(text) if !super::is_binary(from) => {
                let text = std::str::from_utf8(text)
                    .map_err(|_| CastError::InvalidJson("Invalid encoding in string.".into()))?;
                Value::Json(Json::parse(text).map_err(CastError::of)?)
            }
            _ => Value::Json(to_json(value, from)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CollationId;

    #[test]
    fn casts() {
        let t = SqlType::VarChar(100, CollationId::DEFAULT);
        let cx = Context::default();
        let show = |v: &str, to: SqlType| {
            let out = cast(&Value::text(v), &t, &to, &cx).unwrap();
            let mut bytes = Vec::new();
            crate::render_text(&out, &to, &mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(
            show(
                "12.345",
                SqlType::Decimal {
                    precision: 4,
                    scale: 2
                }
            ),
            "12.35"
        );
        assert_eq!(
            show(
                "1234.5",
                SqlType::Decimal {
                    precision: 4,
                    scale: 2
                }
            ),
            "99.99"
        );
        assert_eq!(show("añb", SqlType::Char(2, CollationId::DEFAULT)), "añ");
        assert_eq!(
            show("2024-01-02 03:04:05.678", SqlType::DateTime(2)),
            "2024-01-02 03:04:05.68"
        );
        assert_eq!(show("2024-01-02 03:04:05.678", SqlType::Date), "2024-01-02");
        assert_eq!(show("{\"a\":1}", SqlType::Json), "{\"a\": 1}");
        assert_eq!(show("ab", SqlType::Binary(3)), "ab\0");
        assert_eq!(show("70", SqlType::Year), "1970");
        assert!(cast(&Value::text("{"), &t, &SqlType::Json, &cx).is_err());
        let deep = "[".repeat(200);
        assert_eq!(
            cast(&Value::text(deep), &t, &SqlType::Json, &cx).unwrap_err(),
            CastError::JsonTooDeep
        );
    }
}
