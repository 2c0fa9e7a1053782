//! What the session and the server say about themselves.

use std::time::{Duration, Instant};

use values::{CollationId, SqlType, Value};

use super::result_type as ty;
use super::{Call, Function, Outcome, bytes};
use crate::convert::{to_f64, to_i64, to_u64};
use crate::error::{Error, Result};

/// The version of MySQL that clients are told.
pub const VERSION: &str = "8.0.31";

pub const FUNCTIONS: &[Function] = &[
    Function::new("version", 0, 0, system_name, |_, _| Ok(bytes(VERSION))),
    Function::new("database", 0, 0, system_name, database),
    Function::new("schema", 0, 0, system_name, database),
    Function::new("user", 0, 0, system_name, |c, _| {
        Ok(bytes(c.cx.session.user_host()))
    }),
    Function::new("session_user", 0, 0, system_name, |c, _| {
        Ok(bytes(c.cx.session.user_host()))
    }),
    Function::new("system_user", 0, 0, system_name, |c, _| {
        Ok(bytes(c.cx.session.user_host()))
    }),
    Function::new("current_user", 0, 0, system_name, |c, _| {
        Ok(bytes(c.cx.session.account()))
    }),
    Function::new("current_role", 0, 0, system_name, |_, _| Ok(bytes("NONE"))),
    Function::new("connection_id", 0, 0, ty::uint, |c, _| {
        Ok(Value::UInt(c.cx.session.connection_id().into()))
    }),
    Function::new("last_insert_id", 0, 1, ty::uint, last_insert_id)
        .lax()
        .volatile(),
    Function::new("found_rows", 0, 0, ty::int, |c, _| {
        Ok(Value::Int(c.cx.session.found_rows.get() as i64))
    })
    .volatile(),
    Function::new("row_count", 0, 0, ty::int, |c, _| {
        Ok(Value::Int(c.cx.session.row_count()))
    })
    .volatile(),
    Function::new("sleep", 1, 1, ty::int, sleep)
        .lax()
        .volatile(),
    Function::new("benchmark", 2, 2, ty::int, |_, _| Ok(Value::Int(0))).volatile(),
    Function::new("name_const", 2, 2, second, |_, a| Ok(a[1].clone())).lax(),
    Function::new("icu_version", 0, 0, system_name, |_, _| Ok(bytes("73.1"))),
    Function::new(
        "validate_password_strength",
        1,
        1,
        ty::int,
        password_strength,
    ),
    Function::new("ps_current_thread_id", 0, 0, ty::uint, |c, _| {
        Ok(Value::UInt(c.cx.session.connection_id().into()))
    }),
];

fn system_name(_: &[SqlType], _: CollationId) -> SqlType {
    let utf8 =
        values::collation::by_name("utf8mb3_general_ci").map_or(CollationId::DEFAULT, |c| c.id);
    SqlType::VarChar(288, utf8)
}

fn second(a: &[SqlType], _: CollationId) -> SqlType {
    a[1].clone()
}

fn database(call: &Call<'_>, _: &[Value<'_>]) -> Outcome {
    Ok(call
        .cx
        .session
        .current_database()
        .map_or(Value::Null, bytes))
}

fn last_insert_id(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let Some(v) = a.first() else {
        return Ok(Value::UInt(call.cx.session.last_insert_id()));
    };
    let id = if v.is_null() { 0 } else { to_u64(v, call.cx)? };
    call.cx.session.set_last_insert_id(id);
    Ok(if v.is_null() {
        Value::Null
    } else {
        Value::UInt(id)
    })
}

/// How long a sleeping statement may go without looking whether it was killed.
const NAP: Duration = Duration::from_millis(20);

/// Waits, unless the statement is killed.
pub(super) fn wait(call: &Call<'_>, seconds: f64, done: impl Fn() -> bool) -> Result<bool> {
    let start = Instant::now();
    let total = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    loop {
        if done() {
            return Ok(true);
        }
        let Some(left) = total.checked_sub(start.elapsed()).filter(|d| !d.is_zero()) else {
            return Ok(false);
        };
        call.cx.session.check_interrupt()?;
        std::thread::sleep(left.min(NAP));
    }
}

fn sleep(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let seconds = to_f64(&a[0], call.cx);
    if a[0].is_null() || seconds < 0.0 {
        return Err(Error::wrong_arguments("sleep"));
    }
    wait(call, seconds, || false)?;
    Ok(Value::Int(0))
}

/// 0 for a very short password; 25 for one below `validate_password.length`; else 50, and 100 with
/// all kinds of characters.
fn password_strength(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = crate::convert::to_string(&a[0]);
    let kinds = [
        text.chars().any(char::is_numeric),
        text.chars().any(char::is_lowercase),
        text.chars().any(char::is_uppercase),
        text.chars().any(|c| !c.is_alphanumeric()),
    ];
    let least = match call.cx.session.variable("validate_password.length") {
        Value::Int(n) => n.max(0) as usize,
        Value::UInt(n) => n as usize,
        _ => 8,
    };
    Ok(Value::Int(match text.chars().count() {
        0..4 => 0,
        n if n < least => 25,
        _ if kinds.iter().all(|k| *k) => 100,
        _ => 50,
    }))
}

/// Whole seconds of a lock's timeout; negative waits for ever.
pub(super) fn timeout(call: &Call<'_>, v: &Value<'_>) -> Result<f64> {
    let n = to_i64(v, call.cx)?;
    Ok(if n < 0 { 31_536_000.0 } else { n as f64 })
}
