//! Window functions over the kept rows of a block.

use std::cmp::Ordering;
use std::sync::Arc;

use values::{OwnedValue, Value};

use super::group::State;
use super::{compare_nulls_first, compare_sort_keys};
use crate::convert;
use crate::env::{Env, Slot};
use crate::error::{Error, Result};
use crate::plan::{Bound, WindowCall, WindowFunction, Windows};

/// The results of every call for each kept row, in the rows' order.
pub(super) fn compute<'e>(
    w: &'e Windows,
    kept: &[Vec<Slot>],
    env: &mut Env<'e>,
) -> Result<Vec<Arc<[OwnedValue]>>> {
    let mut results: Vec<Vec<OwnedValue>> = vec![Vec::with_capacity(w.calls.len()); kept.len()];
    for call in &w.calls {
        let column = one(call, kept, env)?;
        for (row, value) in results.iter_mut().zip(column) {
            row.push(value);
        }
    }
    Ok(results.into_iter().map(Arc::from).collect())
}

struct Prepared {
    partition: Vec<OwnedValue>,
    order: Vec<OwnedValue>,
    args: Vec<OwnedValue>,
    /// What [`Bound::Value`] of the frame's start and end are for it.
    bounds: [OwnedValue; 2],
    at: usize,
}

fn one<'e>(call: &'e WindowCall, kept: &[Vec<Slot>], env: &mut Env<'e>) -> Result<Vec<OwnedValue>> {
    let cx = env.cx;
    let mut rows = Vec::with_capacity(kept.len());
    for (at, slots) in kept.iter().enumerate() {
        env.slots.clone_from_slice(slots);
        let mut row = Prepared {
            partition: Vec::new(),
            order: Vec::new(),
            args: Vec::new(),
            bounds: [Value::Null, Value::Null],
            at,
        };
        if let Some(f) = &call.frame {
            for (bound, value) in [&f.start, &f.end].into_iter().zip(&mut row.bounds) {
                if let Bound::Value(e) = bound {
                    *value = e.eval(env)?.into_owned();
                }
            }
        }
        for (e, _) in &call.partition {
            row.partition.push(e.eval(env)?.into_owned());
        }
        for k in &call.order {
            row.order.push(k.expr.eval(env)?.into_owned());
        }
        for e in &call.args {
            row.args.push(e.eval(env)?.into_owned());
        }
        rows.push(row);
    }
    let partitions = |a: &Prepared, b: &Prepared| {
        for (i, (_, kind)) in call.partition.iter().enumerate() {
            let o = compare_nulls_first(*kind, &a.partition[i], &b.partition[i], cx);
            if o != Ordering::Equal {
                return o;
            }
        }
        Ordering::Equal
    };
    rows.sort_by(|a, b| {
        partitions(a, b).then_with(|| compare_sort_keys(&call.order, &a.order, &b.order, cx))
    });
    let mut out = vec![Value::Null; kept.len()];
    let mut start = 0;
    while start < rows.len() {
        let mut end = start + 1;
        while end < rows.len() && partitions(&rows[start], &rows[end]) == Ordering::Equal {
            end += 1;
        }
        partition(call, &rows[start..end], env, &mut out)?;
        start = end;
    }
    Ok(out)
}

fn partition(
    call: &WindowCall,
    rows: &[Prepared],
    env: &Env<'_>,
    out: &mut [OwnedValue],
) -> Result<()> {
    use WindowFunction::*;
    let cx = env.cx;
    let n = rows.len();
    // Peers: rows that ORDER BY does not tell apart.
    let mut peer_start = vec![0; n];
    let mut peer_end = vec![n; n];
    let same = |a: usize, b: usize| {
        compare_sort_keys(&call.order, &rows[a].order, &rows[b].order, cx) == Ordering::Equal
    };
    for i in 1..n {
        peer_start[i] = if same(i - 1, i) { peer_start[i - 1] } else { i };
    }
    for i in (0..n.saturating_sub(1)).rev() {
        peer_end[i] = if same(i, i + 1) {
            peer_end[i + 1]
        } else {
            i + 1
        };
    }
    let number = |v: &OwnedValue| -> Result<i64> { convert::to_i64(v, cx) };
    let mut dense = 0;
    let buckets = match (&call.function, rows.first()) {
        (Ntile, Some(row)) => {
            let k = number(&row.args[0])?;
            if k <= 0 {
                return Err(Error::wrong_arguments("ntile"));
            }
            k as usize
        }
        _ => 1,
    };
    let mut running: Option<(usize, State<'_>)> = None;
    for i in 0..n {
        if i == 0 || peer_start[i] == i {
            dense += 1;
        }
        let value = match &call.function {
            RowNumber => Value::Int(i as i64 + 1),
            Rank => Value::Int(peer_start[i] as i64 + 1),
            DenseRank => Value::Int(dense),
            PercentRank => Value::Float(match n {
                1 => 0.0,
                _ => peer_start[i] as f64 / (n - 1) as f64,
            }),
            CumeDist => Value::Float(peer_end[i] as f64 / n as f64),
            Ntile => {
                let (size, extra) = (n / buckets, n % buckets);
                let wide = extra * (size + 1);
                let b = if i < wide {
                    i / (size + 1)
                } else {
                    extra + (i - wide) / size.max(1)
                };
                Value::Int(b as i64 + 1)
            }
            Lag | Lead => {
                let args = &rows[i].args;
                let by = match args.get(1) {
                    Some(v) => number(v)?,
                    None => 1,
                };
                let by = if call.function == Lag { -by } else { by };
                match usize::try_from(i as i64 + by).ok().filter(|j| *j < n) {
                    Some(j) => rows[j].args[0].clone(),
                    None => args.get(2).cloned().unwrap_or(Value::Null),
                }
            }
            FirstValue | LastValue | NthValue => {
                let (from, to) = frame(call, i, n, &peer_start, &peer_end, rows, env)?;
                let at = match &call.function {
                    FirstValue => Some(from),
                    LastValue => to.checked_sub(1),
                    _ => {
                        let k = number(&rows[i].args[1])?;
                        if k <= 0 {
                            return Err(Error::wrong_arguments("nth_value"));
                        }
                        Some(from + k as usize - 1)
                    }
                };
                match at {
                    Some(j) if from < to && j < to && j >= from => rows[j].args[0].clone(),
                    _ => Value::Null,
                }
            }
            Aggregate(aggregate) => {
                let (from, to) = frame(call, i, n, &peer_start, &peer_end, rows, env)?;
                let add = |state: &mut State<'_>, j: usize| {
                    let args: Vec<Value<'_>> = rows[j].args.iter().map(|v| v.borrowed()).collect();
                    state.add_values(&args, Vec::new(), cx)
                };
                let state = match &mut running {
                    // A frame that only grows keeps what it has.
                    Some((upto, state)) if from == 0 && *upto <= to => {
                        for j in *upto..to {
                            add(state, j)?;
                        }
                        *upto = to;
                        state
                    }
                    slot => {
                        let mut state = State::new(aggregate);
                        for j in from..to {
                            add(&mut state, j)?;
                        }
                        let keep = if from == 0 { to } else { usize::MAX };
                        &mut slot.insert((keep, state)).1
                    }
                };
                state.finish(cx)?
            }
        };
        out[rows[i].at] = value;
    }
    Ok(())
}

/// The rows of the frame of row `i`, as a half-open range.
fn frame(
    call: &WindowCall,
    i: usize,
    n: usize,
    peer_start: &[usize],
    peer_end: &[usize],
    rows: &[Prepared],
    env: &Env<'_>,
) -> Result<(usize, usize)> {
    let Some(frame) = &call.frame else {
        return Ok(if call.order.is_empty() {
            (0, n)
        } else {
            (0, peer_end[i])
        });
    };
    if frame.rows {
        let offset = |e: &crate::expr::Expr| -> Result<usize> {
            let v = convert::to_i64(&e.eval(env)?, env.cx)?;
            usize::try_from(v).map_err(|_| {
                Error::new(3586, "HY000", "Window '<unnamed window>': frame start or end is negative, NULL or of non-integral type")
            })
        };
        let start = match &frame.start {
            Bound::UnboundedPreceding => 0,
            Bound::Preceding(e) => i.saturating_sub(offset(e)?),
            Bound::CurrentRow => i,
            Bound::Following(e) => i.saturating_add(offset(e)?).min(n),
            Bound::UnboundedFollowing => n,
            Bound::Value(_) => return Err(Error::interval_in_rows_frame()),
        };
        let end = match &frame.end {
            Bound::UnboundedPreceding => 0,
            Bound::Preceding(e) => (i + 1).saturating_sub(offset(e)?),
            Bound::CurrentRow => i + 1,
            Bound::Following(e) => i.saturating_add(offset(e)?).saturating_add(1).min(n),
            Bound::UnboundedFollowing => n,
            Bound::Value(_) => return Err(Error::interval_in_rows_frame()),
        };
        return Ok((start, end.max(start)));
    }
    let value_at = |row: usize| -> f64 {
        let v = rows[row]
            .order
            .first()
            .map_or(0.0, |v| convert::to_f64(v, env.cx));
        if call.order.first().is_some_and(|k| k.descending) {
            -v
        } else {
            v
        }
    };
    let null = |row: usize| rows[row].order.first().is_none_or(Value::is_null);
    let search = |e: &crate::expr::Expr, sign: f64, end: bool| -> Result<usize> {
        if null(i) {
            return Ok(if end { peer_end[i] } else { peer_start[i] });
        }
        let by = convert::to_f64(&e.eval(env)?, env.cx) * sign;
        let target = value_at(i) + by;
        let mut at = 0;
        while at < n
            && (null(at)
                || if end {
                    value_at(at) <= target
                } else {
                    value_at(at) < target
                })
        {
            at += 1;
        }
        Ok(at)
    };
    // The rows before the first one that is at this value, or behind it.
    let before = |target: &OwnedValue, end: bool| -> usize {
        if null(i) {
            return if end { peer_end[i] } else { peer_start[i] };
        }
        let Some(key) = call.order.first() else {
            return 0;
        };
        let is_before = |row: usize| {
            let o = compare_nulls_first(key.kind, &rows[row].order[0], target, env.cx);
            let o = if key.descending { o.reverse() } else { o };
            o.is_lt() || end && o.is_eq()
        };
        (0..n)
            .find(|row| !null(*row) && !is_before(*row))
            .unwrap_or_else(|| {
                (0..n)
                    .rev()
                    .find(|row| !null(*row))
                    .map_or(n, |row| row + 1)
            })
    };
    let start = match &frame.start {
        Bound::UnboundedPreceding => 0,
        Bound::CurrentRow => peer_start[i],
        Bound::UnboundedFollowing => n,
        Bound::Preceding(e) => search(e, -1.0, false)?,
        Bound::Following(e) => search(e, 1.0, false)?,
        Bound::Value(_) => before(&rows[i].bounds[0], false),
    };
    let end = match &frame.end {
        Bound::UnboundedPreceding => 0,
        Bound::CurrentRow => peer_end[i],
        Bound::UnboundedFollowing => n,
        Bound::Preceding(e) => search(e, -1.0, true)?,
        Bound::Following(e) => search(e, 1.0, true)?,
        Bound::Value(_) => before(&rows[i].bounds[1], true),
    };
    Ok((start, end.max(start)))
}
