//! Functions of numbers.

use values::{CollationId, Decimal, OwnedValue, SqlType, Value};

use super::result_type as ty;
use super::{Call, Function, Outcome, bytes};
use crate::bind::types::{BIGINT, UBIGINT, decimal, is_integer, is_unsigned};
use crate::convert::{to_f64, to_i64, to_string};
use crate::error::Error;

pub const FUNCTIONS: &[Function] = &[
    Function::new("abs", 1, 1, number, abs),
    Function::new("sign", 1, 1, ty::int, sign),
    Function::new("ceil", 1, 1, whole, ceil),
    Function::new("ceiling", 1, 1, whole, ceil),
    Function::new("floor", 1, 1, whole, floor),
    Function::new("round", 1, 2, rounded, round).refined(refine_rounded),
    Function::new("truncate", 2, 2, rounded, truncate).refined(refine_rounded),
    Function::new("sqrt", 1, 1, ty::double, sqrt),
    Function::new("pow", 2, 2, ty::double, pow),
    Function::new("power", 2, 2, ty::double, pow),
    Function::new("exp", 1, 1, ty::double, exp),
    Function::new("ln", 1, 1, ty::double, ln),
    Function::new("log", 1, 2, ty::double, log),
    Function::new("log2", 1, 1, ty::double, log2),
    Function::new("log10", 1, 1, ty::double, log10),
    Function::new("pi", 0, 0, ty::double, |_, _| {
        Ok(Value::Float(std::f64::consts::PI))
    }),
    Function::new("degrees", 1, 1, ty::double, |c, a| {
        Ok(Value::Float(
            to_f64(&a[0], c.cx) * (180.0 / std::f64::consts::PI),
        ))
    }),
    Function::new("radians", 1, 1, ty::double, |c, a| {
        Ok(Value::Float(
            to_f64(&a[0], c.cx) * (std::f64::consts::PI / 180.0),
        ))
    }),
    Function::new("sin", 1, 1, ty::double, |c, a| {
        Ok(Value::Float(to_f64(&a[0], c.cx).sin()))
    }),
    Function::new("cos", 1, 1, ty::double, |c, a| {
        Ok(Value::Float(to_f64(&a[0], c.cx).cos()))
    }),
    Function::new("tan", 1, 1, ty::double, |c, a| {
        Ok(Value::Float(to_f64(&a[0], c.cx).tan()))
    }),
    Function::new("cot", 1, 1, ty::double, cot),
    Function::new("asin", 1, 1, ty::double, |c, a| {
        Ok(defined(to_f64(&a[0], c.cx).asin()))
    }),
    Function::new("acos", 1, 1, ty::double, |c, a| {
        Ok(defined(to_f64(&a[0], c.cx).acos()))
    }),
    Function::new("atan", 1, 2, ty::double, atan),
    Function::new("atan2", 2, 2, ty::double, atan),
    Function::new("rand", 0, 1, ty::double, rand)
        .lax()
        .volatile(),
    Function::new("format_bytes", 1, 1, ty::name, format_bytes),
    Function::new("format_pico_time", 1, 1, ty::name, format_pico_time),
];

fn number(a: &[SqlType], _: CollationId) -> SqlType {
    match &a[0] {
        t if is_integer(t) => {
            if is_unsigned(t) {
                UBIGINT
            } else {
                BIGINT
            }
        }
        SqlType::Decimal { precision, scale } => SqlType::Decimal {
            precision: *precision,
            scale: *scale,
        },
        _ => SqlType::Double,
    }
}

fn whole(a: &[SqlType], c: CollationId) -> SqlType {
    match &a[0] {
        SqlType::Decimal { precision, scale } if precision - scale <= 18 => BIGINT,
        SqlType::Decimal { precision, scale } => decimal((precision - scale) as u32 + 1, 0),
        _ => number(a, c),
    }
}

fn rounded(a: &[SqlType], c: CollationId) -> SqlType {
    match (&a[0], a.len()) {
        (SqlType::Decimal { precision, scale }, 1) => decimal((precision - scale) as u32 + 1, 0),
        _ => number(&a[..1], c),
    }
}

fn refine_rounded(a: &[SqlType], constants: &[Option<OwnedValue>], given: SqlType) -> SqlType {
    let (SqlType::Decimal { precision, scale }, Some(Some(digits))) = (&a[0], constants.get(1))
    else {
        return given;
    };
    let digits = match digits {
        Value::Int(n) => *n,
        Value::Decimal(d) => d.round(0).and_then(|d| d.to_i64()).unwrap_or(0),
        Value::Float(f) => f.round_ties_even() as i64,
        Value::Bytes(b) => values::number_text::parse_i128(b).value.clamp(-99, 99) as i64,
        _ => return given,
    };
    decimal((precision - scale) as u32 + 1, digits.clamp(0, 30) as u32)
}

/// NULL for what is no number.
fn defined(v: f64) -> OwnedValue {
    if v.is_nan() {
        Value::Null
    } else {
        Value::Float(v)
    }
}

/// A finite number, or error 1690 that shows the call.
fn finite(v: f64, name: &str, a: &[Value<'_>]) -> Outcome {
    if v.is_finite() {
        return Ok(Value::Float(v));
    }
    let shown: Vec<String> = a.iter().map(to_string).collect();
    Err(Error::data_out_of_range(
        "DOUBLE",
        format!("{name}({})", shown.join(",")),
    ))
}

fn abs(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(match (&a[0], &call.types.result) {
        (Value::Int(n), _) => match n.checked_abs() {
            Some(n) => Value::Int(n),
            None => return Err(Error::data_out_of_range("BIGINT", format!("abs({n})"))),
        },
        (Value::UInt(n), _) => Value::UInt(*n),
        (Value::Decimal(d), _) => Value::Decimal(d.abs()),
        (v, _) => Value::Float(to_f64(v, call.cx).abs()),
    })
}

fn sign(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Int(match &a[0] {
        Value::Int(n) => n.signum(),
        Value::UInt(n) => i64::from(*n > 0),
        Value::Decimal(d) => match (d.is_zero(), d.is_negative()) {
            (true, _) => 0,
            (_, true) => -1,
            _ => 1,
        },
        v => {
            let f = to_f64(v, call.cx);
            i64::from(f > 0.0) - i64::from(f < 0.0)
        }
    }))
}

fn to_whole(
    call: &Call<'_>,
    a: &[Value<'_>],
    exact: fn(&Decimal) -> Option<Decimal>,
    float: fn(f64) -> f64,
) -> Outcome {
    Ok(match &a[0] {
        Value::Int(n) => Value::Int(*n),
        Value::UInt(n) => Value::UInt(*n),
        Value::Decimal(d) => {
            let d = exact(d).unwrap_or_else(|| d.clone());
            match (&call.types.result, d.to_i64()) {
                (SqlType::Int { .. }, Some(n)) => Value::Int(n),
                _ => Value::Decimal(d),
            }
        }
        v => Value::Float(float(to_f64(v, call.cx))),
    })
}

fn ceil(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    to_whole(call, a, Decimal::ceil, f64::ceil)
}

fn floor(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    to_whole(call, a, Decimal::floor, f64::floor)
}

/// A whole number with its last `digits` digits made zero.
fn round_integer(n: i128, digits: u64, cut: bool) -> i128 {
    if digits > 30 {
        return 0;
    }
    let unit = 10i128.pow(digits as u32);
    let half = if cut { 0 } else { unit / 2 };
    let m = (n.abs() + half) / unit * unit;
    if n < 0 { -m } else { m }
}

fn round_float(v: f64, digits: i64, cut: bool) -> f64 {
    let power = 10f64.powi(digits.unsigned_abs().min(400) as i32);
    let step = |x: f64| if cut { x.trunc() } else { x.round_ties_even() };
    if digits < 0 {
        return if power.is_infinite() {
            0.0
        } else {
            step(v / power) * power
        };
    }
    let scaled = v * power;
    if !scaled.is_finite() {
        return v;
    }
    let r = step(scaled);
    if power.is_infinite() { v } else { r / power }
}

fn round_to(call: &Call<'_>, a: &[Value<'_>], cut: bool) -> Outcome {
    let digits = match a.get(1) {
        // An unsigned number of digits is never negative.
        Some(Value::UInt(n)) => (*n).min(i64::MAX as u64) as i64,
        Some(v) => to_i64(v, call.cx)?,
        None => 0,
    };
    let out_of_range = |kind: &str| {
        let name = if cut { "truncate" } else { "round" };
        Error::data_out_of_range(kind, format!("{name}({},{digits})", to_string(&a[0])))
    };
    Ok(match &a[0] {
        v @ (Value::Int(_) | Value::UInt(_)) if digits >= 0 => v.clone().into_owned(),
        Value::Int(n) => {
            let r = round_integer((*n).into(), digits.unsigned_abs(), cut);
            Value::Int(i64::try_from(r).map_err(|_| out_of_range("BIGINT"))?)
        }
        Value::UInt(n) => {
            let r = round_integer((*n).into(), digits.unsigned_abs(), cut);
            Value::UInt(u64::try_from(r).map_err(|_| out_of_range("BIGINT UNSIGNED"))?)
        }
        Value::Decimal(d) => {
            let scale = match call.types.result {
                SqlType::Decimal { scale, .. } => scale,
                _ => d.scale(),
            };
            let places = digits.clamp(-100, 30) as i32;
            let r = if cut {
                d.truncate(places)
            } else {
                d.round(places)
            };
            let r = r.ok_or_else(|| out_of_range("DECIMAL"))?;
            Value::Decimal(r.with_scale(scale).unwrap_or(r))
        }
        v => Value::Float(round_float(to_f64(v, call.cx), digits, cut)),
    })
}

fn round(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    round_to(call, a, false)
}

fn truncate(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    round_to(call, a, true)
}

fn sqrt(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(defined(to_f64(&a[0], call.cx).sqrt()))
}

fn pow(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    finite(
        to_f64(&a[0], call.cx).powf(to_f64(&a[1], call.cx)),
        "pow",
        a,
    )
}

fn exp(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    finite(to_f64(&a[0], call.cx).exp(), "exp", a)
}

/// The logarithm of a positive number; NULL with a warning for others.
fn logarithm(call: &Call<'_>, x: f64, of: impl Fn(f64) -> f64) -> OwnedValue {
    if x <= 0.0 {
        call.cx.warn(3020, "Invalid argument for logarithm");
        return Value::Null;
    }
    Value::Float(of(x))
}

fn ln(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(logarithm(call, to_f64(&a[0], call.cx), f64::ln))
}

fn log(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let Some(x) = a.get(1) else {
        return ln(call, a);
    };
    let base = to_f64(&a[0], call.cx);
    let x = to_f64(x, call.cx);
    if base <= 0.0 || base == 1.0 {
        call.cx.warn(3020, "Invalid argument for logarithm");
        return Ok(Value::Null);
    }
    Ok(logarithm(call, x, |x| x.ln() / base.ln()))
}

fn log2(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(logarithm(call, to_f64(&a[0], call.cx), f64::log2))
}

fn log10(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(logarithm(call, to_f64(&a[0], call.cx), f64::log10))
}

fn cot(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    finite(1.0 / to_f64(&a[0], call.cx).tan(), "cot", a)
}

fn atan(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let y = to_f64(&a[0], call.cx);
    Ok(Value::Float(match a.get(1) {
        Some(x) => y.atan2(to_f64(x, call.cx)),
        None => y.atan(),
    }))
}

/// Greatest value of either seed.
const RAND_MAX: u32 = 0x3FFF_FFFF;

/// One step of MySQL's generator of random numbers.
fn step(state: &mut (u32, u32)) -> f64 {
    let max = u64::from(RAND_MAX);
    state.0 = ((u64::from(state.0) * 3 + u64::from(state.1)) % max) as u32;
    state.1 = ((u64::from(state.0) + u64::from(state.1) + 33) % max) as u32;
    f64::from(state.0) / f64::from(RAND_MAX)
}

/// RAND: without a seed from the system's source of chance; with one, a sequence for this place
/// of the statement that starts anew when the seed changes.
fn rand(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mut states = call.cx.random.borrow_mut();
    let place = std::ptr::from_ref(call.types) as usize;
    let Some(seed) = a.first() else {
        let state = match states.get_mut(&place) {
            Some(state) => state,
            None => {
                let fresh = super::uuid::random_u64()?;
                let seeds = ((fresh >> 32) as u32 % RAND_MAX, fresh as u32 % RAND_MAX);
                states.entry(place).or_insert(seeds)
            }
        };
        return Ok(Value::Float(step(state)));
    };
    let n = to_i64(seed, call.cx)? as u32;
    // The odd neighbour of the place, which is aligned, remembers the seed.
    let mark = (n, 1);
    if states.insert(place | 1, mark) != Some(mark) {
        let first = n.wrapping_mul(0x10001).wrapping_add(55_555_555) % RAND_MAX;
        let second = n.wrapping_mul(0x1000_0001) % RAND_MAX;
        states.insert(place, (first, second));
    }
    let state = states.entry(place).or_default();
    Ok(Value::Float(step(state)))
}

/// A number with the greatest unit that fits.
fn scaled(v: f64, units: &[(&str, f64)], least: &str) -> String {
    for (name, size) in units {
        if v.abs() >= *size {
            let n = v / size;
            return if n.abs() >= 100_000.0 {
                format!("{n:.2e} {name}")
            } else {
                format!("{n:.2} {name}")
            };
        }
    }
    format!("{v:4.0} {least}")
}

fn format_bytes(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    const KIB: f64 = 1024.0;
    let units = [
        ("EiB", KIB.powi(6)),
        ("PiB", KIB.powi(5)),
        ("TiB", KIB.powi(4)),
        ("GiB", KIB.powi(3)),
        ("MiB", KIB.powi(2)),
        ("KiB", KIB),
    ];
    Ok(bytes(scaled(to_f64(&a[0], call.cx), &units, "bytes")))
}

fn format_pico_time(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let units = [
        ("d", 86_400e12),
        ("h", 3_600e12),
        ("min", 60e12),
        ("s", 1e12),
        ("ms", 1e9),
        ("us", 1e6),
        ("ns", 1e3),
    ];
    Ok(bytes(scaled(to_f64(&a[0], call.cx), &units, "ps")))
}
