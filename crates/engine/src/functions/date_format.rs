//! DATE_FORMAT, TIME_FORMAT and the formats of GET_FORMAT.

use std::fmt::Write;

use values::calendar::{DAY_NAMES, MONTH_NAMES};
use values::{CollationId, DateTime, SqlType, Time, Value};

use super::temporal::loose_datetime;
use super::{Call, Function, MAX_TEXT, Outcome, bytes};
use crate::bind::types::{text_length, varchar};
use crate::convert::{to_string, to_time};

pub const FUNCTIONS: &[Function] = &[
    Function::new("date_format", 2, 2, text, date_format),
    Function::new("time_format", 2, 2, text, time_format),
    Function::new("get_format", 2, 2, super::result_type::name, get_format),
];

fn text(a: &[SqlType], c: CollationId) -> SqlType {
    let length = text_length(&a[1]).saturating_mul(10).min(65_535);
    varchar(
        length,
        if c == CollationId::BINARY {
            CollationId::DEFAULT
        } else {
            c
        },
    )
}

/// `st`, `nd`, `rd` or `th`.
fn ordinal(day: u8) -> &'static str {
    match (day % 100, day % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

/// What a moment looks like in a format; NULL when the format asks for a name that the date has
/// not. Hours may be beyond 23 for a time.
fn write_parts(d: DateTime, hour: u32, dated: bool, format: &str) -> Option<String> {
    let mut out = String::with_capacity(format.len() * 2);
    let mut chars = format.chars();
    let date = d.date;
    let whole = dated && date.month != 0 && date.day != 0;
    let half = if hour % 24 < 12 { "AM" } else { "PM" };
    let hour12 = (hour % 24 + 11) % 12 + 1;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let Some(spec) = chars.next() else {
            out.push('%');
            break;
        };
        if !dated && "MbacDdejmUuVvWwXxYy".contains(spec) {
            // A time has no date: zeros, or nothing to name.
            match spec {
                'Y' => out.push_str("0000"),
                'y' | 'm' | 'd' => out.push_str("00"),
                'c' | 'e' => out.push('0'),
                _ => return None,
            }
            continue;
        }
        let done = match spec {
            'M' => write!(
                out,
                "{}",
                MONTH_NAMES.get(usize::from(date.month).checked_sub(1)?)?
            ),
            'b' => write!(
                out,
                "{}",
                &MONTH_NAMES.get(usize::from(date.month).checked_sub(1)?)?[..3]
            ),
            'W' if whole => write!(out, "{}", DAY_NAMES[usize::from(date.weekday())]),
            'a' if whole => write!(out, "{}", &DAY_NAMES[usize::from(date.weekday())][..3]),
            'w' if whole => write!(out, "{}", date.day_of_week() - 1),
            'j' if whole => write!(out, "{:03}", date.day_of_year()),
            'U' if whole => write!(out, "{:02}", date.week(0).1),
            'u' if whole => write!(out, "{:02}", date.week(1).1),
            'V' if whole => write!(out, "{:02}", date.week(2).1),
            'v' if whole => write!(out, "{:02}", date.week(3).1),
            'X' if whole => write!(out, "{:04}", date.week(2).0),
            'x' if whole => write!(out, "{:04}", date.week(3).0),
            'W' | 'a' | 'w' | 'j' | 'U' | 'u' | 'V' | 'v' | 'X' | 'x' => return None,
            'D' => write!(out, "{}{}", date.day, ordinal(date.day)),
            'd' => write!(out, "{:02}", date.day),
            'e' => write!(out, "{}", date.day),
            'm' => write!(out, "{:02}", date.month),
            'c' => write!(out, "{}", date.month),
            'Y' => write!(out, "{:04}", date.year),
            'y' => write!(out, "{:02}", date.year % 100),
            'H' => write!(out, "{hour:02}"),
            'k' => write!(out, "{hour}"),
            'h' | 'I' => write!(out, "{hour12:02}"),
            'l' => write!(out, "{hour12}"),
            'i' => write!(out, "{:02}", d.minute),
            'S' | 's' => write!(out, "{:02}", d.second),
            'f' => write!(out, "{:06}", d.micro),
            'p' => write!(out, "{half}"),
            'r' => write!(out, "{hour12:02}:{:02}:{:02} {half}", d.minute, d.second),
            'T' => write!(out, "{hour:02}:{:02}:{:02}", d.minute, d.second),
            other => {
                out.push(other);
                Ok(())
            }
        };
        done.ok()?;
        if out.len() > MAX_TEXT {
            return None;
        }
    }
    Some(out)
}

/// What a date looks like in a format.
pub(super) fn write(d: DateTime, format: &str) -> Option<String> {
    write_parts(d, d.hour.into(), true, format)
}

fn date_format(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let format = to_string(&a[1]);
    if format.is_empty() {
        return Ok(Value::Null);
    }
    let Some(d) = loose_datetime(&a[0], call.cx) else {
        return Ok(Value::Null);
    };
    Ok(write(d, &format).map_or(Value::Null, bytes))
}

fn time_format(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let format = to_string(&a[1]);
    let Some(t) = to_time(&a[0], call.cx) else {
        return Ok(Value::Null);
    };
    if format.is_empty() {
        return Ok(Value::Null);
    }
    let (hour, minute, second, micro) = t.parts();
    let d = DateTime {
        minute,
        second,
        micro,
        ..DateTime::ZERO
    };
    let text = write_parts(d, hour, false, &format);
    let sign = if t < Time(0) { "-" } else { "" };
    Ok(text.map_or(Value::Null, |t| bytes(format!("{sign}{t}"))))
}

/// Formats by kind and name.
const FORMATS: &[(&str, &str, &str)] = &[
    ("DATE", "USA", "%m.%d.%Y"),
    ("DATE", "JIS", "%Y-%m-%d"),
    ("DATE", "ISO", "%Y-%m-%d"),
    ("DATE", "EUR", "%d.%m.%Y"),
    ("DATE", "INTERNAL", "%Y%m%d"),
    ("DATETIME", "USA", "%Y-%m-%d %H.%i.%s"),
    ("DATETIME", "JIS", "%Y-%m-%d %H:%i:%s"),
    ("DATETIME", "ISO", "%Y-%m-%d %H:%i:%s"),
    ("DATETIME", "EUR", "%Y-%m-%d %H.%i.%s"),
    ("DATETIME", "INTERNAL", "%Y%m%d%H%i%s"),
    ("TIME", "USA", "%h:%i:%s %p"),
    ("TIME", "JIS", "%H:%i:%s"),
    ("TIME", "ISO", "%H:%i:%s"),
    ("TIME", "EUR", "%H.%i.%s"),
    ("TIME", "INTERNAL", "%H%i%s"),
];

fn get_format(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (kind, name) = (to_string(&a[0]), to_string(&a[1]));
    let kind = if kind.eq_ignore_ascii_case("TIMESTAMP") {
        "DATETIME".to_string()
    } else {
        kind
    };
    let found = FORMATS
        .iter()
        .find(|f| f.0.eq_ignore_ascii_case(&kind) && f.1.eq_ignore_ascii_case(&name));
    Ok(found.map_or(Value::Null, |f| bytes(f.2)))
}
