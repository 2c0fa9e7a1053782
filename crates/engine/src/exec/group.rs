//! GROUP BY and aggregate functions.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use values::{Decimal, Json, OwnedValue, SqlType, Value};

use super::{compare_nulls_first, compare_sort_keys, join, scan};
use crate::context::Context;
use crate::convert;
use crate::env::{Env, Slot};
use crate::error::{Error, Result};
use crate::eval::append_hash_key;
use crate::expr::{CompareAs, Expr};
use crate::plan::{Aggregate, AggregateCall, AggregateFunction, Block, JoinKind, Source};
use crate::result::Flow;

/// What a group has seen of one aggregate function.
pub(super) struct State<'c> {
    call: &'c AggregateCall,
    seen: Option<HashSet<Vec<u8>>>,
    count: u64,
    value: Acc,
}

enum Acc {
    None,
    Whole(i128),
    Float(f64),
    Decimal(Decimal),
    Best(OwnedValue),
    Bits(u64),
    /// Mean and sum of squared differences.
    Variance(f64, f64),
    Rows(Vec<(Vec<OwnedValue>, Vec<u8>)>),
    Array(Vec<Json>),
    Object(Vec<(Box<str>, Json)>),
}

impl<'c> State<'c> {
    pub(super) fn new(call: &'c AggregateCall) -> State<'c> {
        use AggregateFunction::*;
        let value = match call.function {
            BitAnd => Acc::Bits(u64::MAX),
            BitOr | BitXor => Acc::Bits(0),
            StddevPop | StddevSamp | VarPop | VarSamp => Acc::Variance(0.0, 0.0),
            GroupConcat => Acc::Rows(Vec::new()),
            JsonArrayAgg => Acc::Array(Vec::new()),
            JsonObjectAgg => Acc::Object(Vec::new()),
            _ => Acc::None,
        };
        State {
            call,
            seen: call.distinct.then(HashSet::new),
            count: 0,
            value,
        }
    }

    /// Takes one row.
    pub(super) fn add(&mut self, env: &Env<'_>) -> Result<()> {
        if self.call.function == AggregateFunction::CountStar {
            self.count += 1;
            return Ok(());
        }
        let mut args = Vec::with_capacity(self.call.args.len());
        for a in &self.call.args {
            args.push(a.eval(env)?);
        }
        let order = match self.call.order.is_empty() {
            true => Vec::new(),
            false => super::sort_keys(&self.call.order, env)?,
        };
        self.add_values(&args, order, env.cx)
    }

    /// Takes the arguments of one row.
    pub(super) fn add_values(
        &mut self,
        args: &[Value<'_>],
        order: Vec<OwnedValue>,
        cx: &Context<'_>,
    ) -> Result<()> {
        use AggregateFunction::*;
        let function = self.call.function;
        let first = args.first().unwrap_or(&Value::Null);
        let keeps_null = matches!(
            function,
            AnyValue | First | Last | JsonArrayAgg | JsonObjectAgg
        );
        if !keeps_null && args.iter().any(Value::is_null) {
            return Ok(());
        }
        if let Some(seen) = &mut self.seen {
            let mut key = Vec::new();
            for (i, v) in args.iter().enumerate() {
                let kind = match i {
                    0 => self.call.kind,
                    _ => crate::bind::types::own_compare(
                        &self.call.arg_types[i],
                        values::CollationId::DEFAULT,
                    ),
                };
                append_hash_key(kind, v, cx, &mut key)?;
            }
            if !seen.insert(key) {
                return Ok(());
            }
        }
        self.count += 1;
        match function {
            CountStar | Count => {}
            Sum | Avg => {
                self.value = match (std::mem::replace(&mut self.value, Acc::None), first) {
                    (Acc::None, Value::Int(v)) => Acc::Whole(*v as i128),
                    (Acc::None, Value::UInt(v)) => Acc::Whole(*v as i128),
                    (Acc::Whole(a), Value::Int(v)) => Acc::Whole(a + *v as i128),
                    (Acc::Whole(a), Value::UInt(v)) => Acc::Whole(a + *v as i128),
                    (Acc::None, Value::Decimal(d)) => Acc::Decimal(d.clone()),
                    (Acc::Decimal(a), Value::Decimal(d)) => Acc::Decimal(
                        a.add(d)
                            .ok_or_else(|| Error::data_out_of_range("DECIMAL", "sum"))?,
                    ),
                    (Acc::Decimal(a), v) => {
                        let d = convert::to_decimal(v, cx)?;
                        Acc::Decimal(
                            a.add(&d)
                                .ok_or_else(|| Error::data_out_of_range("DECIMAL", "sum"))?,
                        )
                    }
                    (Acc::Float(a), v) => Acc::Float(a + convert::to_f64(v, cx)),
                    (Acc::Whole(a), v) => Acc::Float(a as f64 + convert::to_f64(v, cx)),
                    (_, v) if matches!(self.call.ty, SqlType::Decimal { .. }) => {
                        Acc::Decimal(convert::to_decimal(v, cx)?)
                    }
                    (_, v) => Acc::Float(convert::to_f64(v, cx)),
                };
            }
            Min | Max => {
                let better = match &self.value {
                    Acc::Best(best) => {
                        let o = compare_nulls_first(self.call.kind, first, best, cx);
                        o == if function == Min {
                            Ordering::Less
                        } else {
                            Ordering::Greater
                        }
                    }
                    _ => true,
                };
                if better {
                    self.value = Acc::Best(first.clone().into_owned());
                }
            }
            AnyValue | First => {
                if self.count == 1 {
                    self.value = Acc::Best(first.clone().into_owned());
                }
            }
            Last => self.value = Acc::Best(first.clone().into_owned()),
            BitAnd | BitOr | BitXor => {
                let v = convert::to_bits(first, cx)?;
                if let Acc::Bits(b) = &mut self.value {
                    match function {
                        BitAnd => *b &= v,
                        BitOr => *b |= v,
                        _ => *b ^= v,
                    }
                }
            }
            StddevPop | StddevSamp | VarPop | VarSamp => {
                let v = convert::to_f64(first, cx);
                if let Acc::Variance(mean, squares) = &mut self.value {
                    // Welford's update.
                    let delta = v - *mean;
                    *mean += delta / self.count as f64;
                    *squares += delta * (v - *mean);
                }
            }
            GroupConcat => {
                let mut text = Vec::new();
                for (v, ty) in args.iter().zip(&self.call.arg_types) {
                    convert::render(v, ty, &mut text);
                }
                if let Acc::Rows(rows) = &mut self.value {
                    rows.push((order, text));
                }
            }
            JsonArrayAgg => {
                let j = convert::to_json(first, self.call.arg_types.first(), cx)?;
                if let Acc::Array(list) = &mut self.value {
                    list.push(j);
                }
            }
            JsonObjectAgg => {
                if first.is_null() {
                    return Err(Error::new(
                        3158,
                        "22032",
                        "JSON documents may not contain NULL member names.",
                    ));
                }
                let key = String::from_utf8_lossy(&convert::to_text(first)).into_owned();
                let j = convert::to_json(&args[1], self.call.arg_types.get(1), cx)?;
                if let Acc::Object(list) = &mut self.value {
                    list.push((key.into(), j));
                }
            }
            Grouping(_) => {}
        }
        Ok(())
    }

    /// The function's value over what was taken.
    pub(super) fn finish(&self, cx: &Context<'_>) -> Result<OwnedValue> {
        use AggregateFunction::*;
        let n = self.count;
        Ok(match (&self.call.function, &self.value) {
            (CountStar | Count, _) => Value::Int(n as i64),
            (Sum, Acc::Whole(v)) => match &self.call.ty {
                SqlType::Double => Value::Float(*v as f64),
                _ => Value::Decimal(Decimal::new(*v, 0)),
            },
            (Sum, Acc::Decimal(d)) => Value::Decimal(d.clone()),
            (Sum, Acc::Float(f)) => Value::Float(*f),
            (Avg, Acc::Float(f)) => Value::Float(f / n as f64),
            (Avg, Acc::Whole(v)) => average(&Decimal::new(*v, 0), n, &self.call.ty),
            (Avg, Acc::Decimal(d)) => average(d, n, &self.call.ty),
            (Min | Max | AnyValue | First | Last, Acc::Best(v)) => v.clone(),
            (BitAnd | BitOr | BitXor, Acc::Bits(b)) => Value::UInt(*b),
            (VarPop, Acc::Variance(_, s)) if n > 0 => Value::Float(s / n as f64),
            (StddevPop, Acc::Variance(_, s)) if n > 0 => Value::Float((s / n as f64).sqrt()),
            (VarSamp, Acc::Variance(_, s)) if n > 1 => Value::Float(s / (n - 1) as f64),
            (StddevSamp, Acc::Variance(_, s)) if n > 1 => Value::Float((s / (n - 1) as f64).sqrt()),
            (GroupConcat, Acc::Rows(rows)) if !rows.is_empty() => {
                let mut sorted: Vec<&(Vec<OwnedValue>, Vec<u8>)> = rows.iter().collect();
                if !self.call.order.is_empty() {
                    sorted.sort_by(|a, b| compare_sort_keys(&self.call.order, &a.0, &b.0, cx));
                }
                let limit = cx.group_concat_max_len();
                let mut out = Vec::new();
                for (i, (_, text)) in sorted.into_iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(&self.call.separator);
                    }
                    out.extend_from_slice(text);
                    if out.len() > limit {
                        let mut end = limit;
                        while end > 0 && out.get(end).is_some_and(|b| b & 0xc0 == 0x80) {
                            end -= 1;
                        }
                        out.truncate(end);
                        cx.warn(1260, "Row 1 was cut by GROUP_CONCAT()");
                        break;
                    }
                }
                Value::Bytes(out.into())
            }
            (JsonArrayAgg, Acc::Array(list)) if n > 0 => Value::Json(Json::array(list.clone())),
            (JsonObjectAgg, Acc::Object(list)) if n > 0 => {
                Value::Json(Json::object(list.iter().cloned()))
            }
            (Grouping(_), _) => Value::Int(0),
            _ => Value::Null,
        })
    }
}

fn average(sum: &Decimal, n: u64, ty: &SqlType) -> OwnedValue {
    let scale = match ty {
        SqlType::Decimal { scale, .. } => *scale,
        _ => 4,
    };
    match sum.div_to_scale(&Decimal::new(n as i128, 0), scale) {
        Some(d) => Value::Decimal(d),
        None => Value::Null,
    }
}

struct Group<'c> {
    keys: Vec<OwnedValue>,
    states: Vec<State<'c>>,
}

/// Groups the rows of a block and gives one row per group.
pub(super) fn run<'e>(
    a: &'e Aggregate,
    b: &'e Block,
    open: bool,
    env: &mut Env<'e>,
    next: &mut join::Next<'_, 'e>,
) -> Result<Flow> {
    let cx = env.cx;
    let slot = a.slot as usize;
    if a.scalar
        && open
        && b.locks.is_empty()
        && let Some(n) = plain_count(a, b, env)?
    {
        let row: Vec<OwnedValue> = a.calls.iter().map(|_| Value::Int(n as i64)).collect();
        env.slots[slot] = Slot::Row(row.into());
        return next(env);
    }
    let fresh = || a.calls.iter().map(State::new).collect::<Vec<_>>();
    if a.keys.is_empty() {
        let mut states = fresh();
        if open {
            super::block_rows(b, env, &mut |env| {
                states.iter_mut().try_for_each(|s| s.add(env))?;
                Ok(Flow::Continue)
            })?;
        }
        let row: Result<Vec<OwnedValue>> = states.iter().map(|s| s.finish(cx)).collect();
        env.slots[slot] = Slot::Row(row?.into());
        return next(env);
    }
    // With ROLLUP, level k keeps the first k keys; the others are NULL.
    let levels: Vec<usize> = if a.rollup {
        (0..=a.keys.len()).rev().collect()
    } else {
        vec![a.keys.len()]
    };
    let mut groups: Vec<(usize, Group<'_>)> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    if open {
        super::block_rows(b, env, &mut |env| {
            let mut key = Vec::new();
            let mut ends = Vec::with_capacity(a.keys.len());
            for (e, kind) in &a.keys {
                let v = e.eval(env)?;
                let at = key.len();
                key.push(1);
                if !append_hash_key(*kind, &v, cx, &mut key)? {
                    key[at] = 0;
                }
                ends.push(key.len());
            }
            for level in &levels {
                let end = if *level == 0 { 0 } else { ends[level - 1] };
                let mut name = key[..end].to_vec();
                if a.rollup {
                    name.extend_from_slice(&(*level as u32).to_le_bytes());
                }
                let place = match places.get(&name) {
                    Some(p) => *p,
                    None => {
                        let mut keys = Vec::with_capacity(a.keys.len());
                        for (i, (e, _)) in a.keys.iter().enumerate() {
                            keys.push(match i < *level {
                                true => e.eval(env)?.into_owned(),
                                false => Value::Null,
                            });
                        }
                        groups.push((
                            *level,
                            Group {
                                keys,
                                states: fresh(),
                            },
                        ));
                        places.insert(name, groups.len() - 1);
                        groups.len() - 1
                    }
                };
                groups[place]
                    .1
                    .states
                    .iter_mut()
                    .try_for_each(|s| s.add(env))?;
            }
            Ok(Flow::Continue)
        })?;
    }
    if a.rollup {
        let kinds: Vec<CompareAs> = a.keys.iter().map(|(_, k)| *k).collect();
        groups.sort_by(|(la, x), (lb, y)| {
            for (i, kind) in kinds.iter().enumerate() {
                // The sum over a key follows the key's own rows.
                match (i < *la, i < *lb) {
                    (true, false) => return Ordering::Less,
                    (false, true) => return Ordering::Greater,
                    (false, false) => return Ordering::Equal,
                    _ => {}
                }
                let o = compare_nulls_first(*kind, &x.keys[i], &y.keys[i], cx);
                if o != Ordering::Equal {
                    return o;
                }
            }
            Ordering::Equal
        });
    }
    for (level, group) in groups {
        let mut row = group.keys;
        for (call, state) in a.calls.iter().zip(&group.states) {
            row.push(match call.function {
                AggregateFunction::Grouping(key) => Value::Int((key >= level) as i64),
                _ => state.finish(cx)?,
            });
        }
        env.slots[slot] = Slot::Row(row.into());
        if next(env)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// The number of rows of one table where nothing else is asked and no condition is left to check
/// behind its access path: the counts that trees keep say it.
fn plain_count<'e>(a: &Aggregate, b: &'e Block, env: &mut Env<'e>) -> Result<Option<u64>> {
    let [item] = b.from.as_slice() else {
        return Ok(None);
    };
    let Source::Table(t) = &item.source else {
        return Ok(None);
    };
    let plain = item.kind == JoinKind::Inner && item.on.is_empty() && item.filter.is_empty();
    let counts = |c: &AggregateCall| match (c.function, c.args.as_slice()) {
        (AggregateFunction::CountStar, _) => !c.distinct,
        (AggregateFunction::Count, [Expr::Column { slot, col }]) => {
            !c.distinct && *slot == t.slot && !t.def.columns[*col as usize].nullable
        }
        _ => false,
    };
    if !plain || a.calls.is_empty() || !a.calls.iter().all(counts) {
        return Ok(None);
    }
    scan::count(t, env).map(Some)
}
