//! Running plans: rows are pushed through nested loops into the stages behind them.

mod group;
mod join;
mod rows_of_keys;
mod scan;
mod set;
mod window;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use values::{OwnedValue, Value};

use crate::context::Context;
use crate::convert;
use crate::env::{Env, Slot};
use crate::error::{Error, Result};
use crate::eval::{all_hold, append_hash_key, compare_in};
use crate::expr::{CompareAs, Expr};
use crate::locking_read::BlockLocks;
use crate::plan::{Block, Limit, QueryBody, QueryPlan, SortKey};
use crate::result::{Flow, Row};

pub use join::items as join_items;
pub(crate) use scan::MAX_RANGES;
pub use scan::{ranges, table_rows};

/// LIMIT of UPDATE and DELETE as a number.
pub fn limit_bounds(limit: &Limit, env: &Env<'_>) -> Result<Option<u64>> {
    Ok(bounds(limit, env)?.count)
}

/// Receives rows.
pub type RowSink<'s> = dyn FnMut(&dyn Row) -> Result<Flow> + 's;

/// A row of expressions over the current rows.
struct EnvRow<'e> {
    items: &'e [Expr],
    env: &'e Env<'e>,
}

impl Row for EnvRow<'_> {
    fn len(&self) -> usize {
        self.items.len()
    }
    fn get(&self, i: usize) -> Result<Value<'_>> {
        self.items[i].eval(self.env)
    }
}

/// Runs a query and gives its rows to `sink`.
pub fn query<'p>(
    plan: &'p QueryPlan,
    parent: Option<&'p Env<'p>>,
    cx: &'p Context<'p>,
    sink: &mut RowSink<'_>,
) -> Result<Flow> {
    match &plan.body {
        QueryBody::Block(b) => block(b, parent, cx, sink),
        QueryBody::Set(s) => set::operation(s, parent, cx, sink),
        QueryBody::Recursive(r) => set::recursive(r, parent, cx, sink),
        QueryBody::Values(rows) => {
            let env = Env::new(0, parent, cx);
            for row in rows {
                if sink(&EnvRow {
                    items: row,
                    env: &env,
                })? == Flow::Stop
                {
                    return Ok(Flow::Stop);
                }
            }
            Ok(Flow::Continue)
        }
        QueryBody::Ordered(o) => {
            let mut env = Env::new(1, parent, cx);
            let mut out = Output::new(&o.order, None, &o.limit, false, &env)?;
            if out.bounds.count == Some(0) {
                return Ok(Flow::Continue);
            }
            let flow = query(&o.input, parent, cx, &mut |row| {
                let values = owned(row)?;
                if o.order.is_empty() {
                    return out.pass(&ValuesRow(&values), sink);
                }
                let values: Arc<[OwnedValue]> = values.into();
                env.slots[0] = Slot::Row(values.clone());
                let keys = sort_keys(&o.order, &env)?;
                out.keep(keys, values, cx)
            })?;
            if o.order.is_empty() {
                return Ok(if flow == Flow::Stop {
                    out.stopped
                } else {
                    flow
                });
            }
            out.finish(sink, cx)
        }
    }
}

/// Copies a row.
pub fn owned(row: &dyn Row) -> Result<Vec<OwnedValue>> {
    (0..row.len())
        .map(|i| Ok(row.get(i)?.into_owned()))
        .collect()
}

/// Gathers all the rows of a query.
pub fn rows<'p>(
    plan: &'p QueryPlan,
    parent: Option<&'p Env<'p>>,
    cx: &'p Context<'p>,
) -> Result<Vec<Arc<[OwnedValue]>>> {
    let mut out = Vec::new();
    query(plan, parent, cx, &mut |row| {
        out.push(owned(row)?.into());
        Ok(Flow::Continue)
    })?;
    Ok(out)
}

fn sort_keys(order: &[SortKey], env: &Env<'_>) -> Result<Vec<OwnedValue>> {
    order
        .iter()
        .map(|k| Ok(k.expr.eval(env)?.into_owned()))
        .collect()
}

/// Order of two rows by their keys; NULL first.
pub fn compare_sort_keys(
    order: &[SortKey],
    a: &[OwnedValue],
    b: &[OwnedValue],
    cx: &Context<'_>,
) -> Ordering {
    for (i, key) in order.iter().enumerate() {
        let o = compare_nulls_first(key.kind, &a[i], &b[i], cx);
        if o != Ordering::Equal {
            return if key.descending { o.reverse() } else { o };
        }
    }
    Ordering::Equal
}

/// Order of two values with NULL before everything.
pub(crate) fn compare_nulls_first(
    kind: CompareAs,
    a: &Value<'_>,
    b: &Value<'_>,
    cx: &Context<'_>,
) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => compare_in(kind, a, b, cx)
            .ok()
            .flatten()
            .unwrap_or(Ordering::Equal),
    }
}

/// LIMIT as numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub count: Option<u64>,
    pub offset: u64,
}

pub(crate) fn bounds(limit: &Limit, env: &Env<'_>) -> Result<Bounds> {
    let number = |e: &Expr| -> Result<u64> {
        let v = e.eval(env)?;
        match &v {
            Value::Int(n) if *n >= 0 => Ok(*n as u64),
            Value::UInt(n) => Ok(*n),
            Value::Null => Err(Error::wrong_arguments("LIMIT")),
            v => {
                let n = convert::to_i64(v, env.cx)?;
                u64::try_from(n).map_err(|_| Error::wrong_arguments("LIMIT"))
            }
        }
    };
    Ok(Bounds {
        count: limit.count.as_ref().map(number).transpose()?,
        offset: limit.offset.as_ref().map(number).transpose()?.unwrap_or(0),
    })
}

/// The last stage: DISTINCT, ORDER BY and LIMIT.
struct Output<'b> {
    order: &'b [SortKey],
    distinct: Option<(&'b [CompareAs], HashSet<Vec<u8>>)>,
    bounds: Bounds,
    count_found: bool,
    skipped: u64,
    passed: u64,
    /// What the sink said last.
    stopped: Flow,
    kept: Vec<(Vec<OwnedValue>, Arc<[OwnedValue]>)>,
}

impl<'b> Output<'b> {
    fn new(
        order: &'b [SortKey],
        distinct: Option<&'b [CompareAs]>,
        limit: &Limit,
        count_found: bool,
        env: &Env<'_>,
    ) -> Result<Output<'b>> {
        Ok(Output {
            order,
            distinct: distinct.map(|k| (k, HashSet::new())),
            bounds: bounds(limit, env)?,
            count_found,
            skipped: 0,
            passed: 0,
            stopped: Flow::Continue,
            kept: Vec::new(),
        })
    }

    /// Whether the row is new under DISTINCT.
    fn is_new(&mut self, row: &dyn Row, cx: &Context<'_>) -> Result<bool> {
        let Some((kinds, seen)) = &mut self.distinct else {
            return Ok(true);
        };
        Ok(seen.insert(row_key(kinds, row, cx)?))
    }

    /// Gives a row on within LIMIT.
    fn pass(&mut self, row: &dyn Row, sink: &mut RowSink<'_>) -> Result<Flow> {
        if self.skipped < self.bounds.offset {
            self.skipped += 1;
            return Ok(Flow::Continue);
        }
        if self.bounds.count.is_some_and(|n| self.passed >= n) {
            self.passed += 1;
            return Ok(if self.count_found {
                Flow::Continue
            } else {
                Flow::Stop
            });
        }
        self.passed += 1;
        if sink(row)? == Flow::Stop {
            self.stopped = Flow::Stop;
            return Ok(Flow::Stop);
        }
        let full = self.bounds.count.is_some_and(|n| self.passed >= n);
        Ok(if full && !self.count_found {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }

    /// Keeps a row for sorting; with LIMIT no more than twice what is wanted.
    fn keep(
        &mut self,
        keys: Vec<OwnedValue>,
        row: Arc<[OwnedValue]>,
        cx: &Context<'_>,
    ) -> Result<Flow> {
        self.kept.push((keys, row));
        if let Some(n) = self.bounds.count
            && !self.count_found
        {
            let wanted = n.saturating_add(self.bounds.offset).min(1 << 40) as usize;
            if self.kept.len() > wanted.saturating_mul(2).saturating_add(1024) {
                self.sort(cx);
                self.kept.truncate(wanted);
            }
        }
        Ok(Flow::Continue)
    }

    fn sort(&mut self, cx: &Context<'_>) {
        let order = self.order;
        self.kept
            .sort_by(|a, b| compare_sort_keys(order, &a.0, &b.0, cx));
    }

    fn finish(mut self, sink: &mut RowSink<'_>, cx: &Context<'_>) -> Result<Flow> {
        self.sort(cx);
        for (_, row) in std::mem::take(&mut self.kept) {
            if self.pass(&ValuesRow(&row), sink)? == Flow::Stop {
                break;
            }
        }
        if self.count_found {
            cx.session.found_rows.set(self.skipped + self.passed);
        }
        Ok(self.stopped)
    }
}

/// A row of computed values.
pub struct ValuesRow<'v>(pub &'v [OwnedValue]);

impl Row for ValuesRow<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, i: usize) -> Result<Value<'_>> {
        Ok(self.0[i].borrowed())
    }
}

/// Bytes that are equal for rows that DISTINCT, GROUP BY and UNION take for one.
pub(crate) fn row_key(kinds: &[CompareAs], row: &dyn Row, cx: &Context<'_>) -> Result<Vec<u8>> {
    let mut key = Vec::new();
    for (i, kind) in kinds.iter().enumerate() {
        let v = row.get(i)?;
        let at = key.len();
        key.push(1);
        if !append_hash_key(*kind, &v, cx, &mut key)? {
            key[at] = 0;
        }
    }
    Ok(key)
}

/// Runs one SELECT.
fn block<'p>(
    b: &'p Block,
    parent: Option<&'p Env<'p>>,
    cx: &'p Context<'p>,
    sink: &mut RowSink<'_>,
) -> Result<Flow> {
    let mut env = Env::new(b.slots, parent, cx);
    let mut out = Output::new(
        &b.order,
        b.distinct.as_deref(),
        &b.limit,
        b.count_found,
        &env,
    )?;
    if out.bounds.count == Some(0) && !b.count_found {
        return Ok(Flow::Continue);
    }
    let open = all_hold(&b.gate, &env)?;
    if let Some(w) = &b.windows {
        let mut kept: Vec<Vec<Slot>> = Vec::new();
        grouped_rows(b, open, &mut env, &mut |env| {
            kept.push(env.slots.clone());
            Ok(Flow::Continue)
        })?;
        let results = window::compute(w, &kept, &mut env)?;
        for (mut slots, values) in kept.into_iter().zip(results) {
            slots[w.slot as usize] = Slot::Row(values);
            env.slots = slots;
            if emit(b, &mut env, &mut out, sink)? == Flow::Stop {
                break;
            }
        }
    } else {
        grouped_rows(b, open, &mut env, &mut |env| emit(b, env, &mut out, sink))?;
    }
    if !b.order.is_empty() {
        return out.finish(sink, cx);
    }
    if b.count_found {
        cx.session.found_rows.set(out.skipped + out.passed);
    }
    Ok(out.stopped)
}

/// Projects the current rows into the last stage.
fn emit<'e>(
    b: &Block,
    env: &mut Env<'e>,
    out: &mut Output<'_>,
    sink: &mut RowSink<'_>,
) -> Result<Flow> {
    let cx = env.cx;
    let env: &Env<'_> = env;
    let row = EnvRow {
        items: &b.items,
        env,
    };
    if b.order.is_empty() && out.distinct.is_none() {
        return out.pass(&row, sink);
    }
    let values: Arc<[OwnedValue]> = owned(&row)?.into();
    if !out.is_new(&ValuesRow(&values), cx)? {
        return Ok(Flow::Continue);
    }
    if b.order.is_empty() {
        return out.pass(&ValuesRow(&values), sink);
    }
    let keys = sort_keys(&b.order, env)?;
    out.keep(keys, values, cx)
}

/// Rows of FROM and WHERE, locked where the block locks rows.
fn block_rows<'e>(b: &'e Block, env: &mut Env<'e>, next: &mut join::Next<'_, 'e>) -> Result<Flow> {
    match BlockLocks::of(b, env.cx)? {
        None => join::items(&b.from, env, next),
        Some(locks) => join::items(&b.from, env, &mut |env| match locks.take(env)? {
            true => next(env),
            false => Ok(Flow::Continue),
        }),
    }
}

/// Rows of FROM and WHERE, grouped if the block groups, that HAVING accepts.
fn grouped_rows<'e>(
    b: &'e Block,
    open: bool,
    env: &mut Env<'e>,
    next: &mut dyn FnMut(&mut Env<'e>) -> Result<Flow>,
) -> Result<Flow> {
    let mut accepted = |env: &mut Env<'e>| -> Result<Flow> {
        if all_hold(&b.having, env)? {
            next(env)
        } else {
            Ok(Flow::Continue)
        }
    };
    match &b.aggregate {
        None if !open => Ok(Flow::Continue),
        None => block_rows(b, env, &mut accepted),
        Some(a) => group::run(a, b, open, env, &mut accepted),
    }
}
