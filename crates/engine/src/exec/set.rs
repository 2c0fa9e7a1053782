//! Set operations and recursive queries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use syntax::ast::SetOp;
use values::{OwnedValue, SqlType};

use super::{RowSink, ValuesRow, query, row_key};
use crate::bind::same_form;
use crate::context::Context;
use crate::convert;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::plan::{QueryPlan, Recursive, SetOperation};
use crate::result::{Flow, Row};

/// A row with its columns converted to the common types.
fn converted(
    row: &dyn Row,
    plan: &QueryPlan,
    types: &[SqlType],
    cx: &Context<'_>,
) -> Result<Vec<OwnedValue>> {
    let mut out = Vec::with_capacity(types.len());
    for (i, (column, ty)) in plan.columns.iter().zip(types).enumerate() {
        let v = row.get(i)?;
        out.push(match same_form(&column.ty, ty) {
            true => v.into_owned(),
            false => convert::cast(v, &column.ty, ty, cx)?.into_owned(),
        });
    }
    Ok(out)
}

pub(super) fn operation<'p>(
    s: &'p SetOperation,
    parent: Option<&'p Env<'p>>,
    cx: &'p Context<'p>,
    sink: &mut RowSink<'_>,
) -> Result<Flow> {
    match s.op {
        SetOp::Union => {
            let mut seen = HashSet::new();
            for side in [&s.left, &s.right] {
                let mut stopped = Flow::Continue;
                query(side, parent, cx, &mut |row| {
                    let values = converted(row, side, &s.types, cx)?;
                    if !s.all && !seen.insert(row_key(&s.kinds, &ValuesRow(&values), cx)?) {
                        return Ok(Flow::Continue);
                    }
                    stopped = sink(&ValuesRow(&values))?;
                    Ok(stopped)
                })?;
                if stopped == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            Ok(Flow::Continue)
        }
        SetOp::Intersect | SetOp::Except => {
            let mut right: HashMap<Vec<u8>, u64> = HashMap::new();
            query(&s.right, parent, cx, &mut |row| {
                let values = converted(row, &s.right, &s.types, cx)?;
                *right
                    .entry(row_key(&s.kinds, &ValuesRow(&values), cx)?)
                    .or_default() += 1;
                Ok(Flow::Continue)
            })?;
            let mut seen = HashSet::new();
            let intersect = s.op == SetOp::Intersect;
            query(&s.left, parent, cx, &mut |row| {
                let values = converted(row, &s.left, &s.types, cx)?;
                let key = row_key(&s.kinds, &ValuesRow(&values), cx)?;
                let keep = if s.all {
                    // Each row of the right pairs with one of the left.
                    let found = match right.get_mut(&key) {
                        Some(n) if *n > 0 => {
                            *n -= 1;
                            true
                        }
                        _ => false,
                    };
                    found == intersect
                } else {
                    right.contains_key(&key) == intersect && seen.insert(key)
                };
                if keep {
                    sink(&ValuesRow(&values))
                } else {
                    Ok(Flow::Continue)
                }
            })
        }
    }
}

/// Rounds of a recursive query: each reads the rows that the last one added.
pub(super) fn recursive<'p>(
    r: &'p Recursive,
    parent: Option<&'p Env<'p>>,
    cx: &'p Context<'p>,
    sink: &mut RowSink<'_>,
) -> Result<Flow> {
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut round: Vec<Arc<[OwnedValue]>> = Vec::new();
    let add = |values: Vec<OwnedValue>, seen: &mut HashSet<Vec<u8>>, out: &mut Vec<_>| {
        if r.distinct && !seen.insert(row_key(&r.kinds, &ValuesRow(&values), cx)?) {
            return Ok(());
        }
        out.push(Arc::from(values));
        Ok::<(), Error>(())
    };
    query(&r.seed, parent, cx, &mut |row| {
        add(
            converted(row, &r.seed, &r.types, cx)?,
            &mut seen,
            &mut round,
        )?;
        Ok(Flow::Continue)
    })?;
    let limit = cx.recursion_limit();
    let mut rounds = 0u64;
    while !round.is_empty() {
        for row in &round {
            if sink(&ValuesRow(row))? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        rounds += 1;
        if rounds > limit {
            return Err(Error::recursion_limit(rounds));
        }
        cx.check_interrupt()?;
        cx.set_work_rows(r.work, Arc::new(std::mem::take(&mut round)));
        // What was cached or hashed of the last round no longer holds.
        cx.forget_hash_tables();
        for (step, _) in &r.step {
            query(step, parent, cx, &mut |row| {
                add(converted(row, step, &r.types, cx)?, &mut seen, &mut round)?;
                Ok(Flow::Continue)
            })?;
        }
    }
    Ok(Flow::Continue)
}
