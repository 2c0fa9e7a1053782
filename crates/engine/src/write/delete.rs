//! DELETE.

use std::collections::HashSet;

use syntax::ast::TriggerEvent::Delete as DELETE;
use syntax::ast::TriggerTime::{After, Before};
use values::OwnedValue;

use super::bulk::has_plain_entries;
use super::{Counts, EncodedRow, RowWriter, Target, decode_row, foreign_key};
use crate::bind::dml::DeletePlan;
use crate::context::Context;
use crate::env::Env;
use crate::error::Result;
use crate::eval::all_hold;
use crate::exec;
use crate::plan::{Access, Source};
use crate::program::trigger::lent;
use crate::result::Flow;
use crate::row_locks::LockMode;
use crate::transaction::Transaction;

/// Runs DELETE: finds the rows, then removes them, a part at a time. The search goes on in the
/// tables as they were.
pub fn delete(
    plan: &DeletePlan,
    targets: &[Target],
    tx: &mut Transaction,
    cx: &Context<'_>,
) -> Result<Counts> {
    let mut counts = Counts::default();
    if let Some(rows) = empty(plan, targets, tx, cx)? {
        (counts.matched, counts.affected) = (rows, rows);
        return Ok(counts);
    }
    let rest = lent(tx, cx.session, || {
        find(plan, cx, &mut |rows| {
            let mut tx = cx.session.take_transaction();
            let done = apply(plan, targets, rows, &mut tx, cx, &mut counts);
            cx.session.put_transaction(tx);
            done
        })
    })?;
    apply(plan, targets, rest, tx, cx, &mut counts)?;
    Ok(counts)
}

/// Rows below which a table is emptied row by row.
const LEAST_EMPTIED: u64 = 1000;

/// Removes all rows of a table at once, if that is what the statement asks for and nobody looks
/// at each; gives how many there were.
fn empty(
    plan: &DeletePlan,
    targets: &[Target],
    tx: &mut Transaction,
    cx: &Context<'_>,
) -> Result<Option<u64>> {
    let ([t], [target], [item]) = (plan.targets.as_slice(), targets, plan.from.as_slice()) else {
        return Ok(None);
    };
    let all = match &item.source {
        Source::Table(scan) => matches!(scan.access, Access::Full { .. }),
        _ => false,
    };
    let unconditional = plan.gate.is_empty() && item.on.is_empty() && item.filter.is_empty();
    if !all || !unconditional || plan.limit.count.is_some() || t.triggers.is_some() {
        return Ok(None);
    }
    let branch = tx.branch(&target.handle, &target.branch)?;
    let keys = branch.latest.foreign_keys()?;
    let is_parent = |table: &str| table.eq_ignore_ascii_case(&target.table);
    if keys.keys.iter().any(|k| is_parent(&k.parent_table)) {
        return Ok(None);
    }
    let table = branch.open_for_write(&target.table)?;
    let branch = &target.branch_key;
    cx.check_interrupt()?;
    let state = RowWriter::open(tx, target)?.state;
    let plain = (0..state.def.indexes.len()).all(|i| has_plain_entries(&state, i));
    if state.def.keyless()
        || !plain
        || state.view.primary.root.tree_count() < LEAST_EMPTIED
        || !tx.can_install(branch, &table)?
    {
        return Ok(None);
    }
    RowWriter::open(tx, target)?.lock_table(cx)?;
    let Some(state) = tx.fold_table(branch, &table)? else {
        return Ok(None);
    };
    let rows = state.table.entry_count()?;
    let mut emptied = state.table.with_rows(&state.table.empty_rows()?);
    let mut maps = Vec::new();
    for index in &state.def.indexes {
        maps.push((index.name.as_str(), state.table.empty_index(&index.name)?));
    }
    if !maps.is_empty() {
        emptied = emptied.with_indexes(maps.iter().map(|(n, m)| (*n, m)))?;
    }
    tx.install(branch, &table, emptied)?;
    Ok(Some(rows))
}

type FoundRows = Vec<(usize, EncodedRow)>;

fn apply(
    plan: &DeletePlan,
    targets: &[Target],
    rows: FoundRows,
    tx: &mut Transaction,
    cx: &Context<'_>,
    counts: &mut Counts,
) -> Result<()> {
    let check_keys = cx.session.foreign_key_checks();
    for (n, (i, row)) in rows.into_iter().enumerate() {
        if n % 256 == 0 {
            cx.check_interrupt()?;
            tx.bound_memory()?;
        }
        let target = &targets[i];
        let triggers = plan.targets[i].triggers.as_deref();
        let mut writer = RowWriter::open(tx, target)?;
        writer.lock(&row.key, LockMode::Exclusive, cx)?;
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
    Ok(())
}

/// The rows that match, in the order in which they are to go, with the numbers of their targets;
/// those that need not wait for others go to `now` when there are many.
fn find(
    plan: &DeletePlan,
    cx: &Context<'_>,
    now: &mut dyn FnMut(FoundRows) -> Result<()>,
) -> Result<FoundRows> {
    let mut env = Env::new(plan.slots, None, cx);
    if !all_hold(&plan.gate, &env)? {
        return Ok(Vec::new());
    }
    let bounds = exec::limit_bounds(&plan.limit, &env)?;
    let mut found: Vec<(Vec<OwnedValue>, FoundRows)> = Vec::new();
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
        if plan.order.is_empty() && found.len() == super::FOUND_AT_ONCE {
            let part = std::mem::take(&mut found);
            now(part.into_iter().flat_map(|(_, l)| l).collect())?;
        }
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
