//! Parts of dates and times, and dates and times from parts.

use values::calendar::{DAY_NAMES, MONTH_NAMES};
use values::temporal::{DateRules, parse_datetime};
use values::{CollationId, Date, DateTime, OwnedValue, SqlType, Time, Value};

use super::result_type as ty;
use super::{Call, Function, Outcome, bytes};
use crate::bind::types::is_string;
use crate::context::Context;
use crate::convert::{to_datetime, to_decimal, to_i64, to_string, to_text, to_time};
use crate::error::Result;

pub const FUNCTIONS: &[Function] = &[
    Function::new("date", 1, 1, ty::date, date),
    Function::new("time", 1, 1, ty::time_of, time).refined(ty::refine_fraction),
    Function::new("timestamp", 1, 2, ty::datetime, timestamp).refined(ty::refine_fraction),
    Function::new("datetime", 1, 1, ty::datetime, timestamp).refined(ty::refine_fraction),
    Function::new("year", 1, 1, year_type, |c, a| {
        part(c, a, |d| d.date.year.into())
    }),
    Function::new("quarter", 1, 1, ty::int, |c, a| {
        part(c, a, |d| d.date.quarter().into())
    }),
    Function::new("month", 1, 1, ty::int, |c, a| {
        part(c, a, |d| d.date.month.into())
    }),
    Function::new("day", 1, 1, ty::int, |c, a| {
        part(c, a, |d| d.date.day.into())
    }),
    Function::new("dayofmonth", 1, 1, ty::int, |c, a| {
        part(c, a, |d| d.date.day.into())
    }),
    Function::new("dayofweek", 1, 1, ty::int, |c, a| {
        whole(c, a, |d| d.day_of_week().into())
    }),
    Function::new("dayofyear", 1, 1, ty::int, |c, a| {
        whole(c, a, |d| d.day_of_year().into())
    }),
    Function::new("weekday", 1, 1, ty::int, |c, a| {
        whole(c, a, |d| d.weekday().into())
    }),
    Function::new("week", 1, 2, ty::int, week),
    Function::new("weekofyear", 1, 1, ty::int, |c, a| {
        whole(c, a, |d| d.week(3).1.into())
    }),
    Function::new("yearweek", 1, 2, ty::int, yearweek),
    Function::new("dayname", 1, 1, ty::name, dayname),
    Function::new("monthname", 1, 1, ty::name, monthname),
    Function::new("last_day", 1, 1, ty::date, last_day),
    Function::new("to_days", 1, 1, ty::int, |c, a| whole(c, a, Date::to_days)),
    Function::new("to_seconds", 1, 1, ty::int, to_seconds),
    Function::new("from_days", 1, 1, ty::date, from_days),
    Function::new("hour", 1, 1, ty::int, |c, a| {
        time_part(c, a, |t| t.parts().0.into())
    }),
    Function::new("minute", 1, 1, ty::int, |c, a| {
        time_part(c, a, |t| t.parts().1.into())
    }),
    Function::new("second", 1, 1, ty::int, |c, a| {
        time_part(c, a, |t| t.parts().2.into())
    }),
    Function::new("microsecond", 1, 1, ty::int, |c, a| {
        time_part(c, a, |t| t.parts().3.into())
    }),
    Function::new("time_to_sec", 1, 1, ty::int, |c, a| {
        time_part(c, a, |t| t.0 / 1_000_000)
    }),
    Function::new("sec_to_time", 1, 1, ty::time_of, sec_to_time).refined(ty::refine_fraction),
    Function::new("maketime", 3, 3, maketime_type, maketime).refined(refine_maketime),
    Function::new("makedate", 2, 2, ty::date, makedate),
    Function::new("extract", 2, 2, ty::int, extract),
];

fn year_type(_: &[SqlType], _: CollationId) -> SqlType {
    crate::bind::types::INT
}

/// A date that may have a month or day 0, as functions of parts take it.
pub(super) fn loose_datetime(v: &Value<'_>, cx: &Context<'_>) -> Option<DateTime> {
    if let Value::Bytes(text) = v {
        let rules = DateRules {
            allow_invalid: false,
            ..DateRules::default()
        };
        let Ok(parsed) = parse_datetime(text, rules) else {
            cx.warn(
                1292,
                format!("Incorrect datetime value: '{}'", to_string(v)),
            );
            return None;
        };
        if parsed.truncated {
            cx.warn(
                1292,
                format!("Truncated incorrect datetime value: '{}'", to_string(v)),
            );
        }
        if parsed.offset.is_none() {
            return parsed.rounded(6);
        }
    }
    to_datetime(v, cx)
}

/// A day of the calendar.
pub(super) fn whole_datetime(v: &Value<'_>, cx: &Context<'_>) -> Option<DateTime> {
    let d = loose_datetime(v, cx)?;
    if d.date.month == 0 || d.date.day == 0 {
        cx.warn(
            1292,
            format!("Incorrect datetime value: '{}'", to_string(v)),
        );
        return None;
    }
    Some(d)
}

fn part(call: &Call<'_>, a: &[Value<'_>], of: fn(DateTime) -> i64) -> Outcome {
    Ok(loose_datetime(&a[0], call.cx).map_or(Value::Null, |d| Value::Int(of(d))))
}

fn whole(call: &Call<'_>, a: &[Value<'_>], of: fn(Date) -> i64) -> Outcome {
    Ok(whole_datetime(&a[0], call.cx).map_or(Value::Null, |d| Value::Int(of(d.date))))
}

fn time_part(call: &Call<'_>, a: &[Value<'_>], of: fn(Time) -> i64) -> Outcome {
    Ok(to_time(&a[0], call.cx).map_or(Value::Null, |t| Value::Int(of(t))))
}

fn date(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(loose_datetime(&a[0], call.cx).map_or(Value::Null, |d| Value::Date(d.date)))
}

fn time(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(to_time(&a[0], call.cx).map_or(Value::Null, Value::Time))
}

fn timestamp(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let Some(d) = to_datetime(&a[0], call.cx) else {
        return Ok(Value::Null);
    };
    let Some(t) = a.get(1) else {
        return Ok(Value::DateTime(d));
    };
    let Some(t) = to_time(t, call.cx) else {
        return Ok(Value::Null);
    };
    Ok(d.add_micros(t.0).map_or(Value::Null, Value::DateTime))
}

/// The mode of WEEK when none is given.
fn week_mode(call: &Call<'_>, mode: Option<&Value<'_>>) -> Result<u8> {
    let n = match mode {
        Some(v) => to_i64(v, call.cx)?,
        None => match call.cx.session.variable("default_week_format") {
            Value::Null => 0,
            v => to_i64(&v, call.cx)?,
        },
    };
    Ok((n & 7) as u8)
}

fn week(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mode = week_mode(call, a.get(1))?;
    let d = whole_datetime(&a[0], call.cx);
    Ok(d.map_or(Value::Null, |d| Value::Int(d.date.week(mode).1.into())))
}

fn yearweek(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mode = match a.get(1) {
        Some(v) => (to_i64(v, call.cx)? & 7) as u8,
        None => 0,
    };
    let d = whole_datetime(&a[0], call.cx);
    Ok(d.map_or(Value::Null, |d| Value::Int(d.date.year_week(mode).into())))
}

fn dayname(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let d = whole_datetime(&a[0], call.cx);
    Ok(d.map_or(Value::Null, |d| {
        bytes(DAY_NAMES[usize::from(d.date.weekday())])
    }))
}

fn monthname(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let name = loose_datetime(&a[0], call.cx)
        .and_then(|d| MONTH_NAMES.get(usize::from(d.date.month).checked_sub(1)?));
    Ok(name.map_or(Value::Null, |n| bytes(*n)))
}

fn last_day(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let Some(d) = loose_datetime(&a[0], call.cx).filter(|d| d.date.month != 0) else {
        return Ok(Value::Null);
    };
    Ok(Value::Date(d.date.last_day()))
}

fn to_seconds(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let d = whole_datetime(&a[0], call.cx);
    Ok(d.map_or(Value::Null, |d| {
        Value::Int(d.date.to_days() * 86_400 + d.micros_of_day() / 1_000_000)
    }))
}

fn from_days(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Date(Date::from_days(to_i64(&a[0], call.cx)?)))
}

/// Keeps a time within its range, with a warning.
pub(super) fn clamped(t: Time, shown: impl Fn() -> String, cx: &Context<'_>) -> OwnedValue {
    let (t, cut) = t.clamp_to_range();
    if cut {
        cx.warn(
            1292,
            format!("Truncated incorrect time value: '{}'", shown()),
        );
    }
    Value::Time(t)
}

/// Seconds as microseconds; far out of range when they do not fit.
pub(super) fn micros(v: &Value<'_>, cx: &Context<'_>) -> Result<i64> {
    let d = to_decimal(v, cx)?;
    let scaled = d
        .round(6)
        .and_then(|d| d.mul(&values::Decimal::new(1_000_000, 0)));
    let n = scaled.and_then(|d| d.round(0)).and_then(|d| d.to_i64());
    Ok(n.unwrap_or(if d.is_negative() {
        i64::MIN / 2
    } else {
        i64::MAX / 2
    }))
}

fn sec_to_time(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let t = Time(micros(&a[0], call.cx)?);
    Ok(clamped(t, || to_string(&a[0]), call.cx))
}

fn maketime_type(a: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Time(ty::fraction(&a[2]))
}

fn refine_maketime(a: &[SqlType], constants: &[Option<OwnedValue>], given: SqlType) -> SqlType {
    ty::refine_fraction(&a[2..], &constants[2..], given)
}

fn maketime(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (h, m) = (to_i64(&a[0], call.cx)?, to_i64(&a[1], call.cx)?);
    let s = micros(&a[2], call.cx)?;
    if !(0..60).contains(&m) || !(0..60_000_000).contains(&s) {
        return Ok(Value::Null);
    }
    let unsigned = matches!(a[0], Value::UInt(_));
    let hours = if unsigned { h as u64 } else { h.unsigned_abs() };
    let total = hours.min(10_000) as i64 * 3_600_000_000 + m * 60_000_000 + s;
    let t = Time(if h < 0 && !unsigned { -total } else { total });
    Ok(clamped(
        t,
        || format!("{h}:{m:02}:{:02}", s / 1_000_000),
        call.cx,
    ))
}

fn makedate(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (year, day) = (to_i64(&a[0], call.cx)?, to_i64(&a[1], call.cx)?);
    if day <= 0 || !(0..=9999).contains(&year) {
        return Ok(Value::Null);
    }
    let year = match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        y => y,
    };
    let first = Date {
        year: year as u16,
        month: 1,
        day: 1,
    };
    let date = Date::from_days(first.to_days().saturating_add(day - 1));
    Ok(if date.is_zero() {
        Value::Null
    } else {
        Value::Date(date)
    })
}

fn extract(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let unit = to_string(&a[0]).to_ascii_uppercase();
    let v = &a[1];
    if matches!(
        unit.as_str(),
        "YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "YEAR_MONTH"
    ) {
        if unit == "WEEK" {
            return week(call, std::slice::from_ref(v));
        }
        let Some(d) = loose_datetime(v, call.cx) else {
            return Ok(Value::Null);
        };
        let d = d.date;
        return Ok(Value::Int(match unit.as_str() {
            "YEAR" => d.year.into(),
            "QUARTER" => d.quarter().into(),
            "MONTH" => d.month.into(),
            "DAY" => d.day.into(),
            _ => i64::from(d.year) * 100 + i64::from(d.month),
        }));
    }
    let dated = match v {
        Value::DateTime(_) | Value::Date(_) => true,
        Value::Bytes(text) => text.contains(&b'-') && !text.trim_ascii_start().starts_with(b"-"),
        _ => false,
    };
    let (days, t) = if dated {
        let Some(d) = loose_datetime(v, call.cx) else {
            return Ok(Value::Null);
        };
        (i64::from(d.date.day), d.time())
    } else {
        let Some(t) = to_time(v, call.cx) else {
            return Ok(Value::Null);
        };
        (0, t)
    };
    let (h, m, s, f) = t.parts();
    let (h, m, s, f) = (i64::from(h), i64::from(m), i64::from(s), i64::from(f));
    let n = match unit.as_str() {
        "HOUR" => h,
        "MINUTE" => m,
        "SECOND" => s,
        "MICROSECOND" => f,
        "DAY_HOUR" => days * 100 + h,
        "DAY_MINUTE" => days * 10_000 + h * 100 + m,
        "DAY_SECOND" => days * 1_000_000 + h * 10_000 + m * 100 + s,
        "DAY_MICROSECOND" => (days * 1_000_000 + h * 10_000 + m * 100 + s) * 1_000_000 + f,
        "HOUR_MINUTE" => h * 100 + m,
        "HOUR_SECOND" => h * 10_000 + m * 100 + s,
        "HOUR_MICROSECOND" => (h * 10_000 + m * 100 + s) * 1_000_000 + f,
        "MINUTE_SECOND" => m * 100 + s,
        "MINUTE_MICROSECOND" => (m * 100 + s) * 1_000_000 + f,
        "SECOND_MICROSECOND" => s * 1_000_000 + f,
        _ => return Err(crate::error::Error::not_supported(unit)),
    };
    Ok(Value::Int(if t.0 < 0 { -n } else { n }))
}

/// Whether text has only a date, or only a time: what arithmetic on text needs to know.
pub(super) fn looks_like_time(v: &Value<'_>, ty: &SqlType) -> bool {
    match v {
        Value::Time(_) => true,
        Value::Bytes(_) if is_string(ty) => {
            let text = to_text(v);
            let text = text.trim_ascii();
            let text = text.strip_prefix(b"-").unwrap_or(text);
            let date = text
                .split(|b| matches!(b, b' ' | b'T'))
                .next()
                .unwrap_or(text);
            let dashes = date.iter().filter(|b| matches!(b, b'-' | b'/')).count();
            let digits = date.iter().filter(|b| b.is_ascii_digit()).count();
            dashes < 2 && !(date.iter().all(u8::is_ascii_digit) && digits >= 8)
        }
        Value::Int(_) | Value::UInt(_) | Value::Decimal(_) | Value::Float(_) => to_string(v)
            .split('.')
            .next()
            .is_none_or(|t| t.trim_start_matches('-').len() < 8),
        _ => false,
    }
}
