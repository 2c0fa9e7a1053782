//! Evaluation of expressions.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use values::{Decimal, OwnedValue, Value};

use crate::convert::{self, to_decimal, to_f64, to_i64, to_u64};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::exec;
use crate::expr::{ArithAs, ArithOp, CompareAs, CompareOp, Expr, InSubquery, IsTest};
use crate::functions::Call;
use crate::result::Flow;

impl Expr {
    /// The value on the rows of `env`.
    pub fn eval<'a>(&'a self, env: &'a Env<'_>) -> Result<Value<'a>> {
        match self {
            Expr::Literal(v) => Ok(v.borrowed()),
            Expr::Column { slot, col } => env.column(*slot, *col),
            Expr::Param(n) => match env.cx.params.get(*n) {
                Some(v) => Ok(v.borrowed()),
                None => Err(Error::wrong_arguments("EXECUTE")),
            },
            Expr::Outer { depth, slot, col } => env.outer(*depth)?.column(*slot, *col),
            Expr::And(list) => {
                let mut null = false;
                for e in list {
                    match e.truth(env)? {
                        Some(false) => return Ok(Value::Int(0)),
                        None => null = true,
                        Some(true) => {}
                    }
                }
                Ok(if null { Value::Null } else { Value::Int(1) })
            }
            Expr::Or(list) => {
                let mut null = false;
                for e in list {
                    match e.truth(env)? {
                        Some(true) => return Ok(Value::Int(1)),
                        None => null = true,
                        Some(false) => {}
                    }
                }
                Ok(if null { Value::Null } else { Value::Int(0) })
            }
            Expr::Xor(a, b) => Ok(match (a.truth(env)?, b.truth(env)?) {
                (Some(a), Some(b)) => Value::Int((a ^ b) as i64),
                _ => Value::Null,
            }),
            Expr::Not(e) => Ok(match e.truth(env)? {
                Some(v) => Value::Int(!v as i64),
                None => Value::Null,
            }),
            Expr::Is {
                expr,
                test,
                negated,
            } => {
                let is = match test {
                    IsTest::Null => expr.eval(env)?.is_null(),
                    IsTest::True => expr.truth(env)? == Some(true),
                    IsTest::False => expr.truth(env)? == Some(false),
                };
                Ok(Value::Int((is != *negated) as i64))
            }
            Expr::Compare {
                op,
                kind,
                left,
                right,
            } => {
                let (a, b) = (left.eval(env)?, right.eval(env)?);
                Ok(match compare_op(*op, *kind, &a, &b, env)? {
                    Some(v) => Value::Int(v as i64),
                    None => Value::Null,
                })
            }
            Expr::InList {
                expr,
                list,
                negated,
            } => {
                let x = expr.eval(env)?;
                if x.is_null() {
                    return Ok(Value::Null);
                }
                let mut null = false;
                for (e, kind) in list {
                    let v = e.eval(env)?;
                    match compare(*kind, &x, &v, env)? {
                        Some(Ordering::Equal) => return Ok(Value::Int(!*negated as i64)),
                        None => null = true,
                        _ => {}
                    }
                }
                Ok(if null {
                    Value::Null
                } else {
                    Value::Int(*negated as i64)
                })
            }
            Expr::Arith {
                op,
                kind,
                left,
                right,
            } => {
                let a = left.eval(env)?;
                let b = right.eval(env)?;
                if a.is_null() || b.is_null() {
                    return Ok(Value::Null);
                }
                arithmetic(*op, *kind, &a, &b, env)
            }
            Expr::Negate(e, kind) => {
                let v = e.eval(env)?;
                Ok(match (&v, kind) {
                    (Value::Null, _) => Value::Null,
                    (Value::Float(f), _) => Value::Float(-f),
                    (Value::Decimal(d), _) => Value::Decimal(d.neg()),
                    (_, ArithAs::Float) => Value::Float(-to_f64(&v, env.cx)),
                    (_, ArithAs::Decimal { .. }) => Value::Decimal(to_decimal(&v, env.cx)?.neg()),
                    (Value::UInt(u), _) => match i64::try_from(-(*u as i128)) {
                        Ok(n) => Value::Int(n),
                        Err(_) => return Err(Error::data_out_of_range("BIGINT", format!("-{u}"))),
                    },
                    _ => match to_i64(&v, env.cx)?.checked_neg() {
                        Some(n) => Value::Int(n),
                        None => {
                            return Err(Error::data_out_of_range(
                                "BIGINT",
                                "-(-9223372036854775808)",
                            ));
                        }
                    },
                })
            }
            Expr::BitNot(e) => {
                let v = e.eval(env)?;
                if v.is_null() {
                    return Ok(Value::Null);
                }
                Ok(Value::UInt(!convert::to_bits(&v, env.cx)?))
            }
            Expr::DateAdd {
                date,
                amount,
                unit,
                negative,
                ty,
            } => {
                let d = date.eval(env)?;
                let n = amount.eval(env)?;
                if d.is_null() || n.is_null() {
                    return Ok(Value::Null);
                }
                convert::date_add(&d, &n, *unit, *negative, ty, env.cx)
            }
            Expr::Like {
                expr,
                pattern,
                escape,
                collation,
                negated,
            } => {
                let text = expr.eval(env)?;
                let pattern = pattern.eval(env)?;
                if text.is_null() || pattern.is_null() {
                    return Ok(Value::Null);
                }
                let escape = match escape {
                    None => Some('\\'),
                    Some(e) => {
                        let e = e.eval(env)?;
                        let text = convert::to_text(&e);
                        let mut chars = std::str::from_utf8(&text).unwrap_or("").chars();
                        let first = chars.next();
                        if chars.next().is_some() {
                            return Err(Error::wrong_arguments("ESCAPE"));
                        }
                        // Without a character it is the zero character, as in MySQL.
                        first.or(Some('\0'))
                    }
                };
                let (t, p) = (convert::to_text(&text), convert::to_text(&pattern));
                Ok(Value::Int(
                    (collation.like(&t, &p, escape) != *negated) as i64,
                ))
            }
            Expr::Case {
                branches,
                otherwise,
            } => {
                for (when, then) in branches {
                    if when.truth(env)? == Some(true) {
                        return then.eval(env);
                    }
                }
                match otherwise {
                    Some(e) => e.eval(env),
                    None => Ok(Value::Null),
                }
            }
            Expr::Coalesce(list) => {
                for e in list {
                    let v = e.eval(env)?;
                    if !v.is_null() {
                        return Ok(v);
                    }
                }
                Ok(Value::Null)
            }
            Expr::Cast { expr, from, to } => convert::cast(expr.eval(env)?, from, to, env.cx),
            Expr::Call {
                function,
                args,
                types,
            } => {
                let call = Call { cx: env.cx, types };
                match args.as_slice() {
                    [] => (function.body)(&call, &[]),
                    [a] => {
                        let a = a.eval(env)?;
                        if function.strict && a.is_null() {
                            return Ok(Value::Null);
                        }
                        (function.body)(&call, &[a])
                    }
                    args => {
                        let mut list = Vec::with_capacity(args.len());
                        for a in args {
                            let v = a.eval(env)?;
                            if function.strict && v.is_null() {
                                return Ok(Value::Null);
                            }
                            list.push(v);
                        }
                        (function.body)(&call, &list)
                    }
                }
            }
            Expr::Scalar(q) => {
                if !q.correlated
                    && let Some(rows) = env.cx.cached_rows(q.cache)
                {
                    return Ok(rows.first().map_or(Value::Null, |r| r[0].clone()));
                }
                let mut found: Option<OwnedValue> = None;
                exec::query(&q.plan, Some(env), env.cx, &mut |row| {
                    if found.is_some() {
                        let error = Error::subquery_rows();
                        if !env.cx.ignores.get() {
                            return Err(error);
                        }
                        env.cx.warn(error.code, error.message);
                        found = None;
                        return Ok(Flow::Stop);
                    }
                    found = Some(row.get(0)?.into_owned());
                    Ok(Flow::Continue)
                })?;
                let value = found.unwrap_or(Value::Null);
                if !q.correlated {
                    env.cx.cache_rows(q.cache, vec![vec![value.clone()].into()]);
                }
                Ok(value)
            }
            Expr::Exists(q) => {
                if !q.correlated
                    && let Some(rows) = env.cx.cached_rows(q.cache)
                {
                    return Ok(Value::Int(!rows.is_empty() as i64));
                }
                let mut found = false;
                exec::query(&q.plan, Some(env), env.cx, &mut |_| {
                    found = true;
                    Ok(Flow::Stop)
                })?;
                if !q.correlated {
                    let rows = if found {
                        vec![vec![].into()]
                    } else {
                        Vec::new()
                    };
                    env.cx.cache_rows(q.cache, rows);
                }
                Ok(Value::Int(found as i64))
            }
            Expr::InQuery(q) => in_query(q, env),
            Expr::UserVar { name, .. } => Ok(env.cx.session.user_variable(name)),
            Expr::SystemVar(scope, name) => env.cx.session.system_variable(*scope, name),
            Expr::Assign(name, e) => {
                let v = e.eval(env)?.into_owned();
                env.cx.session.set_user_variable(name, v.clone());
                Ok(v)
            }
            Expr::Local(i) => Ok(env.cx.local(*i)),
            Expr::StoredCall(c) => c.eval(env),
        }
    }

    /// The value as a condition: `None` is NULL.
    #[inline]
    pub fn truth(&self, env: &Env<'_>) -> Result<Option<bool>> {
        if let Expr::Compare {
            op,
            kind,
            left,
            right,
        } = self
        {
            return compare_op(*op, *kind, &left.eval(env)?, &right.eval(env)?, env);
        }
        match self.eval(env)? {
            Value::Null => Ok(None),
            Value::Int(v) => Ok(Some(v != 0)),
            v => Ok(Some(convert::to_bool(&v, env.cx))),
        }
    }

    /// Whether the condition is true.
    #[inline]
    pub fn holds(&self, env: &Env<'_>) -> Result<bool> {
        Ok(self.truth(env)? == Some(true))
    }
}

/// Whether every condition is true.
#[inline]
pub fn all_hold(conditions: &[Expr], env: &Env<'_>) -> Result<bool> {
    for c in conditions {
        if !c.holds(env)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn compare_op(
    op: CompareOp,
    kind: CompareAs,
    a: &Value<'_>,
    b: &Value<'_>,
    env: &Env<'_>,
) -> Result<Option<bool>> {
    if op == CompareOp::NullSafeEq && (a.is_null() || b.is_null()) {
        return Ok(Some(a.is_null() && b.is_null()));
    }
    Ok(compare(kind, a, b, env)?.map(|o| op.holds(o)))
}

/// Order of two values in a common form; `None` when either is NULL or does not convert.
pub fn compare(
    kind: CompareAs,
    a: &Value<'_>,
    b: &Value<'_>,
    env: &Env<'_>,
) -> Result<Option<Ordering>> {
    compare_in(kind, a, b, env.cx)
}

/// [`compare`] without an environment.
pub fn compare_in(
    kind: CompareAs,
    a: &Value<'_>,
    b: &Value<'_>,
    cx: &crate::context::Context<'_>,
) -> Result<Option<Ordering>> {
    use Value::*;
    Ok(match (kind, a, b) {
        (_, Null, _) | (_, _, Null) => None,
        (CompareAs::Integer, Int(a), Int(b)) => Some(a.cmp(b)),
        (CompareAs::Integer, UInt(a), UInt(b)) => Some(a.cmp(b)),
        (CompareAs::Integer, a, b) => Some(wide(a, cx)?.cmp(&wide(b, cx)?)),
        (CompareAs::Text(c), Bytes(a), Bytes(b)) => Some(c.compare(a, b)),
        (CompareAs::Text(c), a, b) => Some(c.compare(&convert::to_text(a), &convert::to_text(b))),
        (CompareAs::Binary, Bytes(a), Bytes(b)) => Some(a.cmp(b)),
        (CompareAs::Binary, a, b) => Some(convert::to_text(a).cmp(&convert::to_text(b))),
        (CompareAs::Float, a, b) => {
            let (x, y) = (to_f64(a, cx), to_f64(b, cx));
            Some(x.partial_cmp(&y).unwrap_or_else(|| x.total_cmp(&y)))
        }
        (CompareAs::Decimal, Decimal(a), Decimal(b)) => Some(a.compare(b)),
        (CompareAs::Decimal, a, b) => Some(to_decimal(a, cx)?.compare(&to_decimal(b, cx)?)),
        (CompareAs::Date, Date(a), Date(b)) => Some(a.cmp(b)),
        (CompareAs::DateTime, DateTime(a), DateTime(b)) => Some(a.cmp(b)),
        (CompareAs::Date | CompareAs::DateTime, a, b) => {
            match (convert::to_datetime(a, cx), convert::to_datetime(b, cx)) {
                (Some(x), Some(y)) => Some(x.cmp(&y)),
                _ => None,
            }
        }
        (CompareAs::Time, a, b) => match (convert::to_time(a, cx), convert::to_time(b, cx)) {
            (Some(x), Some(y)) => Some(x.cmp(&y)),
            _ => None,
        },
        (CompareAs::Json, a, b) => {
            Some(convert::json_of(a, cx)?.compare(&convert::json_of(b, cx)?))
        }
    })
}

fn wide(v: &Value<'_>, cx: &crate::context::Context<'_>) -> Result<i128> {
    Ok(match v {
        Value::Int(v) => *v as i128,
        Value::UInt(v) => *v as i128,
        v => to_i64(v, cx)? as i128,
    })
}

fn shown(v: &Value<'_>) -> String {
    match v {
        Value::Bytes(b) => format!("'{}'", String::from_utf8_lossy(b)),
        v => String::from_utf8_lossy(&convert::to_text(v)).into_owned(),
    }
}

fn symbol(op: ArithOp) -> &'static str {
    match op {
        ArithOp::Add => "+",
        ArithOp::Sub => "-",
        ArithOp::Mul => "*",
        ArithOp::Div => "/",
        ArithOp::IntDiv => "DIV",
        ArithOp::Mod => "%",
        ArithOp::BitAnd => "&",
        ArithOp::BitOr => "|",
        ArithOp::BitXor => "^",
        ArithOp::ShiftLeft => "<<",
        ArithOp::ShiftRight => ">>",
    }
}

fn arithmetic<'a>(
    op: ArithOp,
    kind: ArithAs,
    a: &Value<'_>,
    b: &Value<'_>,
    env: &Env<'_>,
) -> Result<Value<'a>> {
    let cx = env.cx;
    let overflow = |name: &str| {
        Error::data_out_of_range(name, format!("({} {} {})", shown(a), symbol(op), shown(b)))
    };
    if matches!(
        op,
        ArithOp::BitAnd
            | ArithOp::BitOr
            | ArithOp::BitXor
            | ArithOp::ShiftLeft
            | ArithOp::ShiftRight
    ) {
        let (x, y) = (convert::to_bits(a, cx)?, convert::to_bits(b, cx)?);
        return Ok(Value::UInt(match op {
            ArithOp::BitAnd => x & y,
            ArithOp::BitOr => x | y,
            ArithOp::BitXor => x ^ y,
            ArithOp::ShiftLeft => {
                if y > 63 {
                    0
                } else {
                    x << y
                }
            }
            _ => {
                if y > 63 {
                    0
                } else {
                    x >> y
                }
            }
        }));
    }
    let by_zero = || {
        cx.warn(1365, "Division by 0");
        Ok(Value::Null)
    };
    match kind {
        ArithAs::Float => {
            let (x, y) = (to_f64(a, cx), to_f64(b, cx));
            let v = match op {
                ArithOp::Add => x + y,
                ArithOp::Sub => x - y,
                ArithOp::Mul => x * y,
                _ if y == 0.0 => return by_zero(),
                ArithOp::Div => x / y,
                ArithOp::Mod => x % y,
                _ => (x / y).trunc(),
            };
            if !v.is_finite() {
                return Err(overflow("DOUBLE"));
            }
            Ok(Value::Float(v))
        }
        ArithAs::Signed | ArithAs::Unsigned => {
            if op == ArithOp::IntDiv
                && !matches!(
                    (a, b),
                    (
                        Value::Int(_) | Value::UInt(_),
                        Value::Int(_) | Value::UInt(_)
                    )
                )
            {
                let (x, y) = (to_decimal(a, cx)?, to_decimal(b, cx)?);
                if y.is_zero() {
                    return by_zero();
                }
                let q = x.div_integer(&y).ok_or_else(|| overflow("BIGINT"))?;
                return match (kind, q.to_i64(), q.to_u64()) {
                    (ArithAs::Unsigned, _, Some(v)) => Ok(Value::UInt(v)),
                    (ArithAs::Signed, Some(v), _) => Ok(Value::Int(v)),
                    _ => Err(overflow("BIGINT")),
                };
            }
            if let (ArithAs::Signed, Value::Int(x), Value::Int(y)) = (kind, a, b) {
                let v = match op {
                    ArithOp::Add => x.checked_add(*y),
                    ArithOp::Sub => x.checked_sub(*y),
                    ArithOp::Mul => x.checked_mul(*y),
                    _ if *y == 0 => return by_zero(),
                    ArithOp::Mod => Some(x.wrapping_rem(*y)),
                    _ => x.checked_div(*y),
                };
                return v.map(Value::Int).ok_or_else(|| overflow("BIGINT"));
            }
            let (x, y) = (whole(a, cx)?, whole(b, cx)?);
            let v = match op {
                ArithOp::Add => x + y,
                ArithOp::Sub => x - y,
                ArithOp::Mul => x.checked_mul(y).ok_or_else(|| overflow("BIGINT"))?,
                _ if y == 0 => return by_zero(),
                ArithOp::Mod => x % y,
                _ => x / y,
            };
            if kind == ArithAs::Unsigned {
                u64::try_from(v)
                    .map(Value::UInt)
                    .map_err(|_| overflow("BIGINT UNSIGNED"))
            } else {
                i64::try_from(v)
                    .map(Value::Int)
                    .map_err(|_| overflow("BIGINT"))
            }
        }
        ArithAs::Decimal { scale } => {
            let (x, y) = (to_decimal(a, cx)?, to_decimal(b, cx)?);
            let v: Option<Decimal> = match op {
                ArithOp::Add => x.add(&y),
                ArithOp::Sub => x.sub(&y),
                ArithOp::Mul => x.mul(&y),
                _ if y.is_zero() => return by_zero(),
                ArithOp::Mod => x.rem(&y),
                _ => x.div_in_groups(
                    &y,
                    match scale.checked_sub(ArithAs::ALL_DIGITS) {
                        Some(increment) => increment,
                        None => scale.saturating_sub(x.scale()),
                    },
                ),
            };
            // Operands may have more digits than their types show.
            let v = v.and_then(|v| {
                if scale >= ArithAs::ALL_DIGITS {
                    Some(v)
                } else if op == ArithOp::Div {
                    v.with_scale(scale)
                } else if v.scale() > scale {
                    v.round(scale.into())
                } else {
                    Some(v)
                }
            });
            let v = v.ok_or_else(|| overflow("DECIMAL"))?;
            Ok(Value::Decimal(v))
        }
    }
}

fn whole(v: &Value<'_>, cx: &crate::context::Context<'_>) -> Result<i128> {
    match v {
        Value::Int(v) => Ok(*v as i128),
        Value::UInt(v) => Ok(*v as i128),
        Value::Float(_) | Value::Decimal(_) => {
            let d = to_decimal(v, cx)?;
            match d.round(0).and_then(|d| d.to_i128()) {
                Some(v) => Ok(v),
                None => to_u64(v, cx).map(|v| v as i128),
            }
        }
        v => to_i64(v, cx).map(|v| v as i128),
    }
}

/// IN (SELECT ..), = ANY, <> ALL and the like.
fn in_query<'a>(q: &InSubquery, env: &Env<'_>) -> Result<Value<'a>> {
    let mut left = Vec::with_capacity(q.left.len());
    for e in &q.left {
        left.push(e.eval(env)?);
    }
    if q.op == CompareOp::Eq && !q.all && !q.query.correlated && hashable(&q.kinds) {
        return in_cached(q, &left, env);
    }
    // ANY: true at the first match, NULL when undecided. ALL is the negation of ANY of the
    // opposite operator.
    let mut result = Some(q.all);
    let mut any_row = false;
    exec::query(&q.query.plan, Some(env), env.cx, &mut |row| {
        any_row = true;
        let hit = row_compare(q, &left, row, env)?;
        match (hit, q.all) {
            (Some(true), false) => {
                result = Some(true);
                return Ok(Flow::Stop);
            }
            (Some(false), true) => {
                result = Some(false);
                return Ok(Flow::Stop);
            }
            (None, _) => result = None,
            _ => {}
        }
        Ok(Flow::Continue)
    })?;
    if !any_row {
        result = Some(q.all);
    }
    Ok(match result {
        Some(v) => Value::Int(v as i64),
        None => Value::Null,
    })
}

fn row_compare(
    q: &InSubquery,
    left: &[Value<'_>],
    row: &dyn crate::result::Row,
    env: &Env<'_>,
) -> Result<Option<bool>> {
    let mut equal = Some(true);
    for (i, (l, kind)) in left.iter().zip(&q.kinds).enumerate() {
        let r = row.get(i)?;
        if left.len() == 1 {
            return compare_op(q.op, *kind, l, &r, env);
        }
        match compare(*kind, l, &r, env)? {
            Some(Ordering::Equal) => {}
            Some(o) => {
                return Ok(match q.op {
                    CompareOp::Eq | CompareOp::NullSafeEq => Some(false),
                    CompareOp::Ne => Some(true),
                    op => Some(op.holds(o)),
                });
            }
            None => equal = None,
        }
    }
    Ok(equal.map(|_| q.op.holds(Ordering::Equal)))
}

fn hashable(kinds: &[CompareAs]) -> bool {
    kinds.len() == 1 && !matches!(kinds[0], CompareAs::Json)
}

/// `x IN (query)` against the query's values, gathered once.
fn in_cached<'a>(q: &InSubquery, left: &[Value<'_>], env: &Env<'_>) -> Result<Value<'a>> {
    let cx = env.cx;
    let kind = q.kinds[0];
    let set = match cx.cached_set(q.query.cache) {
        Some(set) => set,
        None => {
            let mut keys = HashSet::new();
            let mut null = false;
            exec::query(&q.query.plan, Some(env), cx, &mut |row| {
                let v = row.get(0)?;
                match hash_key(kind, &v, cx)? {
                    Some(key) => {
                        keys.insert(key);
                    }
                    None => null = true,
                }
                Ok(Flow::Continue)
            })?;
            cx.cache_set(q.query.cache, keys, null)
        }
    };
    if set.keys.is_empty() && !set.null {
        return Ok(Value::Int(0));
    }
    Ok(match hash_key(kind, &left[0], cx)? {
        None => Value::Null,
        Some(key) if set.keys.contains(&key) => Value::Int(1),
        Some(_) if set.null => Value::Null,
        Some(_) => Value::Int(0),
    })
}

/// Bytes that are equal exactly when values are equal under a form of comparison; `None` for NULL.
pub fn hash_key(
    kind: CompareAs,
    v: &Value<'_>,
    cx: &crate::context::Context<'_>,
) -> Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    Ok(append_hash_key(kind, v, cx, &mut out)?.then_some(out))
}

/// Appends [`hash_key`] with a length prefix; false for NULL, which appends nothing.
pub fn append_hash_key(
    kind: CompareAs,
    v: &Value<'_>,
    cx: &crate::context::Context<'_>,
    out: &mut Vec<u8>,
) -> Result<bool> {
    if v.is_null() {
        return Ok(false);
    }
    match kind {
        CompareAs::Integer => out.extend_from_slice(&wide(v, cx)?.to_le_bytes()),
        CompareAs::Float => {
            let f = to_f64(v, cx);
            let f = if f == 0.0 { 0.0 } else { f };
            out.extend_from_slice(&f.to_bits().to_le_bytes());
        }
        CompareAs::Decimal => {
            let d = to_decimal(v, cx)?;
            let mut text = Vec::new();
            d.write_text(&mut text);
            if text.contains(&b'.') {
                while text.last() == Some(&b'0') {
                    text.pop();
                }
                if text.last() == Some(&b'.') {
                    text.pop();
                }
            }
            if text == b"-0" {
                text = b"0".to_vec();
            }
            out.extend_from_slice(&text);
            out.push(0);
        }
        CompareAs::Text(c) => {
            let text: Cow<'_, [u8]> = convert::to_text(v);
            let start = out.len();
            out.extend_from_slice(&[0; 4]);
            c.sort_key(&text, out);
            let n = (out.len() - start - 4) as u32;
            out[start..start + 4].copy_from_slice(&n.to_le_bytes());
        }
        CompareAs::Binary => {
            let text = convert::to_text(v);
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(&text);
        }
        CompareAs::Date | CompareAs::DateTime => match convert::to_datetime(v, cx) {
            Some(d) => out.extend_from_slice(format!("{d:?}").as_bytes()),
            None => return Ok(false),
        },
        CompareAs::Time => match convert::to_time(v, cx) {
            Some(t) => out.extend_from_slice(format!("{t:?}").as_bytes()),
            None => return Ok(false),
        },
        CompareAs::Json => {
            let mut text = Vec::new();
            convert::json_of(v, cx)?.write_text(&mut text);
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(&text);
        }
    }
    Ok(true)
}
