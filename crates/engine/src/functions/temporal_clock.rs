//! The time of the statement, and the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use values::temporal::SECOND;
use values::{CollationId, DateTime, SqlType, Time, Value};

use super::result_type as ty;
use super::{Call, Function, Outcome};
use crate::convert::to_i64;
use crate::error::{Error, Result};

pub const FUNCTIONS: &[Function] = &[
    Function::new("now", 0, 1, datetime, now).refined(ty::refine_precision),
    Function::new("current_timestamp", 0, 1, datetime, now).refined(ty::refine_precision),
    Function::new("localtime", 0, 1, datetime, now).refined(ty::refine_precision),
    Function::new("localtimestamp", 0, 1, datetime, now).refined(ty::refine_precision),
    Function::new("sysdate", 0, 1, datetime, sysdate)
        .refined(ty::refine_precision)
        .volatile(),
    Function::new("utc_timestamp", 0, 1, datetime, utc_timestamp).refined(ty::refine_precision),
    Function::new("curdate", 0, 0, ty::date, curdate),
    Function::new("current_date", 0, 0, ty::date, curdate),
    Function::new("utc_date", 0, 0, ty::date, utc_date),
    Function::new("curtime", 0, 1, ty::time, curtime).refined(ty::refine_precision),
    Function::new("current_time", 0, 1, ty::time, curtime).refined(ty::refine_precision),
    Function::new("utc_time", 0, 1, ty::time, utc_time).refined(ty::refine_precision),
];

fn datetime(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::DateTime(0)
}

/// Digits of a second that a call asks for.
fn digits(call: &Call<'_>, a: &[Value<'_>], name: &str) -> Result<u8> {
    let Some(v) = a.first() else { return Ok(0) };
    let n = to_i64(v, call.cx)?;
    u8::try_from(n)
        .ok()
        .filter(|n| *n <= 6)
        .ok_or_else(|| Error::wrong_field_precision(n, name, 6))
}

fn utc(call: &Call<'_>) -> DateTime {
    DateTime::from_unix_micros(call.cx.now_micros).unwrap_or(call.cx.now)
}

fn now(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::DateTime(
        call.cx.now.truncate_to(digits(call, a, "now")?),
    ))
}

fn sysdate(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let digits = digits(call, a, "sysdate")?;
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let local = call
        .cx
        .session
        .time_zone()
        .to_local(since.as_micros() as i64);
    let d = DateTime::from_unix_micros(local).unwrap_or(call.cx.now);
    Ok(Value::DateTime(d.truncate_to(digits)))
}

fn utc_timestamp(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::DateTime(utc(call).truncate_to(digits(
        call,
        a,
        "utc_timestamp",
    )?)))
}

fn curdate(call: &Call<'_>, _: &[Value<'_>]) -> Outcome {
    Ok(Value::Date(call.cx.now.date))
}

fn utc_date(call: &Call<'_>, _: &[Value<'_>]) -> Outcome {
    Ok(Value::Date(utc(call).date))
}

fn curtime(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Time(
        call.cx.now.truncate_to(digits(call, a, "curtime")?).time(),
    ))
}

fn utc_time(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let t: Time = utc(call).truncate_to(digits(call, a, "utc_time")?).time();
    debug_assert!(t.0 < 86_400 * SECOND);
    Ok(Value::Time(t))
}
