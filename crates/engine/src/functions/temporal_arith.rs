//! Differences and sums of dates and times, and instants in time zones.

use values::temporal::{DAY, SECOND};
use values::{CollationId, DateTime, OwnedValue, SqlType, Time, Value};

use super::result_type as ty;
use super::temporal::{clamped, looks_like_time, loose_datetime, micros, whole_datetime};
use super::{Call, Function, Outcome, bytes};
use crate::bind::types::{BIGINT, decimal, varchar};
use crate::convert::{to_datetime, to_i64, to_string, to_time};
use crate::error::{Error, Result};
use crate::time_zone::Zone;

pub const FUNCTIONS: &[Function] = &[
    Function::new("addtime", 2, 2, ty::added_time, |c, a| add_time(c, a, 1))
        .refined(ty::refine_fraction),
    Function::new("subtime", 2, 2, ty::added_time, |c, a| add_time(c, a, -1))
        .refined(ty::refine_fraction),
    Function::new("timediff", 2, 2, ty::time_of, timediff).refined(ty::refine_fraction),
    Function::new("datediff", 2, 2, ty::int, datediff),
    Function::new("timestampdiff", 3, 3, ty::int, timestampdiff),
    Function::new("period_add", 2, 2, ty::int, period_add),
    Function::new("period_diff", 2, 2, ty::int, period_diff),
    Function::new("convert_tz", 3, 3, ty::datetime, convert_tz).refined(refine_convert_tz),
    Function::new("unix_timestamp", 0, 1, unix_type, unix_timestamp).refined(refine_unix),
    Function::new("from_unixtime", 1, 2, from_unix_type, from_unixtime).refined(refine_from_unix),
];

/// The last second of a TIMESTAMP: 3001-01-18 23:59:59 UTC.
const LAST_SECOND: i64 = 32_536_771_199;

fn add_time(call: &Call<'_>, a: &[Value<'_>], sign: i64) -> Outcome {
    // The second argument is a duration: a date as one is refused.
    if matches!(a[1], Value::Date(_) | Value::DateTime(_)) {
        return Ok(Value::Null);
    }
    let Some(t) = to_time(&a[1], call.cx) else {
        return Ok(Value::Null);
    };
    let by = t.0 * sign;
    let time_like = looks_like_time(&a[0], &call.types.args[0]);
    let sum: OwnedValue = if time_like {
        let Some(t) = to_time(&a[0], call.cx) else {
            return Ok(Value::Null);
        };
        clamped(Time(t.0 + by), || to_string(&a[0]), call.cx)
    } else {
        let Some(d) = whole_datetime(&a[0], call.cx).and_then(|d| d.add_micros(by)) else {
            return Ok(Value::Null);
        };
        Value::DateTime(d)
    };
    Ok(match (&call.types.result, sum) {
        (SqlType::Time(_) | SqlType::DateTime(_), v) => v,
        (_, v) => {
            let mut out = Vec::new();
            match v {
                Value::Time(t) => t.write_text(if t.0 % SECOND == 0 { 0 } else { 6 }, &mut out),
                Value::DateTime(d) => d.write_text(if d.micro == 0 { 0 } else { 6 }, &mut out),
                _ => {}
            }
            bytes(out)
        }
    })
}

fn timediff(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let types = &call.types.args;
    let (x, y) = (
        looks_like_time(&a[0], &types[0]),
        looks_like_time(&a[1], &types[1]),
    );
    if x != y {
        return Ok(Value::Null);
    }
    let difference = if x {
        match (to_time(&a[0], call.cx), to_time(&a[1], call.cx)) {
            (Some(x), Some(y)) => x.0 - y.0,
            _ => return Ok(Value::Null),
        }
    } else {
        match (to_datetime(&a[0], call.cx), to_datetime(&a[1], call.cx)) {
            (Some(x), Some(y)) => x.to_unix_micros() - y.to_unix_micros(),
            _ => return Ok(Value::Null),
        }
    };
    Ok(clamped(
        Time(difference),
        || Time(difference).to_string(),
        call.cx,
    ))
}

fn datediff(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (x, y) = (
        whole_datetime(&a[0], call.cx),
        whole_datetime(&a[1], call.cx),
    );
    Ok(match (x, y) {
        (Some(x), Some(y)) => Value::Int(x.date.to_days() - y.date.to_days()),
        _ => Value::Null,
    })
}

/// Whole months from one moment to a later one.
fn months_between(from: DateTime, to: DateTime) -> i64 {
    let months = |d: DateTime| i64::from(d.date.year) * 12 + i64::from(d.date.month);
    let early = (to.date.day, to.micros_of_day()) < (from.date.day, from.micros_of_day());
    months(to) - months(from) - i64::from(early)
}

fn timestampdiff(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let unit = to_string(&a[0]).to_ascii_uppercase();
    let (Some(x), Some(y)) = (
        whole_datetime(&a[1], call.cx),
        whole_datetime(&a[2], call.cx),
    ) else {
        return Ok(Value::Null);
    };
    let micros = y.to_unix_micros() - x.to_unix_micros();
    let months = || {
        if x <= y {
            months_between(x, y)
        } else {
            -months_between(y, x)
        }
    };
    Ok(Value::Int(match unit.trim_start_matches("SQL_TSI_") {
        "MICROSECOND" => micros,
        "SECOND" => micros / SECOND,
        "MINUTE" => micros / (60 * SECOND),
        "HOUR" => micros / (3600 * SECOND),
        "DAY" => micros / DAY,
        "WEEK" => micros / (7 * DAY),
        "MONTH" => months(),
        "QUARTER" => months() / 3,
        "YEAR" => months() / 12,
        other => return Err(Error::not_supported(other)),
    }))
}

/// A period YYMM or YYYYMM as a number of months.
fn period(n: i64, name: &str) -> Result<i64> {
    let (year, month) = (n / 100, n % 100);
    if n <= 0 || !(1..=12).contains(&month) {
        return Err(Error::wrong_arguments(name));
    }
    let year = match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        y => y,
    };
    Ok(year * 12 + month - 1)
}

fn period_add(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let months = period(to_i64(&a[0], call.cx)?, "period_add")?
        .checked_add(to_i64(&a[1], call.cx)?)
        .filter(|m| *m >= 0)
        .ok_or_else(|| Error::wrong_arguments("period_add"))?;
    Ok(Value::Int(months / 12 * 100 + months % 12 + 1))
}

fn period_diff(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let x = period(to_i64(&a[0], call.cx)?, "period_diff")?;
    let y = period(to_i64(&a[1], call.cx)?, "period_diff")?;
    Ok(Value::Int(x - y))
}

fn refine_convert_tz(a: &[SqlType], constants: &[Option<OwnedValue>], given: SqlType) -> SqlType {
    ty::refine_fraction(&a[..1], &constants[..1], given)
}

/// The zone that a text names, the server's for SYSTEM.
fn zone(v: &Value<'_>) -> Option<Zone> {
    Zone::parse(&to_string(v))
}

fn convert_tz(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let Some(d) = whole_datetime(&a[0], call.cx) else {
        return Ok(Value::Null);
    };
    let (Some(from), Some(to)) = (zone(&a[1]), zone(&a[2])) else {
        return Ok(Value::Null);
    };
    let utc = from.to_utc(d.to_unix_micros());
    // What is no TIMESTAMP stays as it is.
    if utc < 0 || utc / SECOND > LAST_SECOND {
        return Ok(Value::DateTime(d));
    }
    Ok(DateTime::from_unix_micros(to.to_local(utc)).map_or(Value::Null, Value::DateTime))
}

/// Reads a TIMESTAMP, which is stored in UTC, in the session's zone. No statement can name it.
pub(crate) static LOCAL_TIMESTAMP: Function =
    Function::new("local timestamp", 1, 1, ty::datetime, local_timestamp);

fn local_timestamp(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(shown_timestamp(&a[0], call.cx.session.modes().zone))
}

/// A TIMESTAMP in the session's zone, from one as it is stored.
pub(crate) fn shown_timestamp(v: &Value<'_>, zone: Zone) -> OwnedValue {
    shift_timestamp(v, |micros| zone.to_local(micros))
}

/// A TIMESTAMP as it is stored, from one in the session's zone.
pub(crate) fn stored_timestamp(v: &Value<'_>, zone: Zone) -> OwnedValue {
    shift_timestamp(v, |micros| zone.to_utc(micros))
}

/// The zero timestamp is the same everywhere.
fn shift_timestamp(v: &Value<'_>, shift: impl Fn(i64) -> i64) -> OwnedValue {
    match v {
        Value::DateTime(d) if d.date.year > 0 => {
            let moved = DateTime::from_unix_micros(shift(d.to_unix_micros()));
            moved.map_or(Value::DateTime(*d), Value::DateTime)
        }
        other => other.clone().into_owned(),
    }
}

fn unix_type(a: &[SqlType], _: CollationId) -> SqlType {
    match a.first().map_or(0, ty::fraction) {
        0 => BIGINT,
        digits => decimal(12, digits.into()),
    }
}

fn refine_unix(a: &[SqlType], constants: &[Option<OwnedValue>], given: SqlType) -> SqlType {
    match (
        a.first(),
        ty::refine_fraction(a, constants, SqlType::Time(0)),
    ) {
        (Some(_), SqlType::Time(0)) => BIGINT,
        (Some(_), SqlType::Time(digits)) => decimal(12, digits.into()),
        _ => given,
    }
}

fn unix_timestamp(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let digits = match call.types.result {
        SqlType::Decimal { scale, .. } => scale,
        _ => 0,
    };
    let utc = match a.first() {
        None => call.cx.now_micros,
        Some(v) => match loose_datetime(v, call.cx) {
            Some(d) if d.date.month == 0 || d.date.day == 0 => 0,
            Some(d) => call.cx.session.time_zone().to_utc(d.to_unix_micros()),
            None if matches!(v, Value::Bytes(_)) => 0,
            None => return Ok(Value::Null),
        },
    };
    let utc = if utc < 0 || utc / SECOND > LAST_SECOND {
        0
    } else {
        utc
    };
    if digits == 0 {
        return Ok(Value::Int(utc / SECOND));
    }
    let d = values::Decimal::new(utc.into(), 6);
    Ok(Value::Decimal(
        d.truncate(digits.into())
            .and_then(|d| d.with_scale(digits))
            .unwrap_or(d),
    ))
}

fn from_unix_type(a: &[SqlType], c: CollationId) -> SqlType {
    if a.len() == 2 {
        return varchar(
            255,
            if c == CollationId::BINARY {
                CollationId::DEFAULT
            } else {
                c
            },
        );
    }
    SqlType::DateTime(ty::fraction(&a[0]))
}

fn refine_from_unix(a: &[SqlType], constants: &[Option<OwnedValue>], given: SqlType) -> SqlType {
    ty::refine_fraction(&a[..1], &constants[..1], given)
}

fn from_unixtime(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let utc = micros(&a[0], call.cx)?;
    if utc < 0 || utc / SECOND > LAST_SECOND {
        return Ok(Value::Null);
    }
    let local = call.cx.session.time_zone().to_local(utc);
    let Some(d) = DateTime::from_unix_micros(local) else {
        return Ok(Value::Null);
    };
    match a.get(1) {
        Some(format) => {
            Ok(super::date_format::write(d, &to_string(format)).map_or(Value::Null, bytes))
        }
        None => Ok(Value::DateTime(d)),
    }
}
