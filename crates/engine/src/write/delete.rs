//! DELETE.

use std::collections::HashSet;

use syntax::ast::TriggerEvent::Delete as DELETE;
use syntax::ast::TriggerTime::{After, Before};
use values::OwnedValue;

use super::{Counts, EncodedRow, RowWriter, Target, decode_row, foreign_key};
use crate::bind::dml::DeletePlan;
use crate::context::Context;
use crate::env::Env;
use crate::error::Result;
use crate::eval::all_hold;
use crate::exec;
use crate::program::trigger::lent;
use crate::result::Flow;
use crate::transaction::Transaction;

/// Runs DELETE: finds the rows, then removes them.
pub fn delete(
    plan: &DeletePlan,
    targets: &[Target],
    tx: &mut Transaction,
    cx: &Context<'_>,
) -> Result<Counts> {
    let mut counts = Counts::default();
    let check_keys = cx.session.foreign_key_checks();
    let found = lent(tx, cx.session, || find(plan, cx))?;
    for (n, (i, row)) in found.into_iter().enumerate() {
        if n % 256 == 0 {
            cx.check_interrupt()?;
            tx.bound_memory()?;
        }
        let target = &targets[i];
        let triggers = plan.targets[i].triggers.as_deref();
        let writer = RowWriter::open(tx, target)?;
        // A cascade may have removed the row already.
        let view = writer.view()?;
        if view.primary.get(view.changes(None), &row.key)?.is_none() {
            continue;
        }
        drop(view);
        let old = decode_row(&writer.state, &row.key, &row.value)?;
        if let Some(t) = triggers {
            t.fire(DELETE, Before, Some(&old), None, target, tx, cx)?;
        }
        match foreign_key::before_delete(tx, target, &old, cx, check_keys, 0) {
            Ok(()) => {}
            Err(e) if plan.ignore && e.code == 1451 => {
                cx.warn(e.code, e.message);
                continue;
            }
            Err(e) => return Err(e),
        }
        let mut writer = RowWriter::open(tx, target)?;
        writer.remove(&row)?;
        counts.matched += 1;
        counts.affected += 1;
        if let Some(t) = triggers {
            t.fire(DELETE, After, Some(&old), None, target, tx, cx)?;
        }
    }
    Ok(counts)
}

/// The rows that match, in the order in which they are to go, with the numbers of their targets.
fn find(plan: &DeletePlan, cx: &Context<'_>) -> Result<Vec<(usize, EncodedRow)>> {
    let mut env = Env::new(plan.slots, None, cx);
    if !all_hold(&plan.gate, &env)? {
        return Ok(Vec::new());
    }
    let bounds = exec::limit_bounds(&plan.limit, &env)?;
    let mut found: Vec<(Vec<OwnedValue>, Vec<(usize, EncodedRow)>)> = Vec::new();
    let mut seen = HashSet::new();
    let mut rows = 0u64;
    let single = plan.from.len() == 1;
    exec::join_items(&plan.from, &mut env, &mut |env| {
        if plan.order.is_empty() && bounds.is_some_and(|n| rows >= n) {
            return Ok(Flow::Stop);
        }
        rows += 1;
        let mut list = Vec::new();
        for (i, t) in plan.targets.iter().enumerate() {
            let Some((key, value)) = env.pair(t.slot) else {
                continue;
            };
            if single || t.def.keyless() || seen.insert((i, key.to_vec())) {
                list.push((
                    i,
                    EncodedRow {
                        key: key.to_vec(),
                        value: value.to_vec(),
                    },
                ));
            }
        }
        let keys = plan
            .order
            .iter()
            .map(|k| Ok(k.expr.eval(env)?.into_owned()))
            .collect::<Result<Vec<_>>>()?;
        found.push((keys, list));
        Ok(Flow::Continue)
    })?;
    if !plan.order.is_empty() {
        found.sort_by(|a, b| exec::compare_sort_keys(&plan.order, &a.0, &b.0, cx));
        if let Some(n) = bounds {
            found.truncate(n as usize);
        }
    }
    Ok(found.into_iter().flat_map(|(_, l)| l).collect())
}
