//! UPDATE.

use std::sync::Arc;

use syntax::ast::TriggerEvent::Update as UPDATE;
use syntax::ast::TriggerTime::{After, Before};
use values::{OwnedValue, Value};

use super::overwrite::{Overwrite, Overwritten};
use super::{
    Counts, EncodedRow, RowWriter, Target, check_row, decode_row, duplicate_error, encode_row,
    find_duplicate, foreign_key, generate, store_value, zero_value,
};
use crate::bind::dml::{RowRules, UpdatePlan, UpdateTarget};
use crate::context::Context;
use crate::env::{Env, Slot};
use crate::error::{Error, Result};
use crate::eval::all_hold;
use crate::exec;
use crate::program::trigger::lent;
use crate::result::Flow;
use crate::root_state::TableState;
use crate::row_locks::LockMode;
use crate::table::TableDef;
use crate::transaction::Transaction;

/// A row that is to change.
struct Change {
    target: usize,
    /// As it is stored, or as the transaction has changed it.
    row: Slot,
    set: Set,
}

/// What a row's columns become.
enum Set {
    /// The values of the target's assignments, as far as they are known already.
    Values(Vec<Option<OwnedValue>>),
    /// The only assignment's, as its column stores it.
    Stored(OwnedValue),
    /// Its value tuple.
    Tuple(Vec<u8>),
    /// Nothing.
    Same,
}

/// Runs UPDATE: finds the rows, then changes them, a part at a time. The search goes on in the
/// tables as they were.
pub fn update(
    plan: &UpdatePlan,
    targets: &[Target],
    tx: &mut Transaction,
    cx: &Context<'_>,
) -> Result<Counts> {
    let mut counts = Counts::default();
    let overwrite = Overwrite::of(plan, targets, tx, cx)?;
    let rest = lent(tx, cx.session, || {
        find(plan, overwrite, cx, &mut |changes| {
            let mut tx = cx.session.take_transaction();
            let done = apply(plan, targets, changes, &mut tx, cx, &mut counts);
            cx.session.put_transaction(tx);
            done
        })
    })?;
    apply(plan, targets, rest, tx, cx, &mut counts)?;
    Ok(counts)
}

fn apply(
    plan: &UpdatePlan,
    targets: &[Target],
    changes: Vec<Change>,
    tx: &mut Transaction,
    cx: &Context<'_>,
    counts: &mut Counts,
) -> Result<()> {
    let check_keys = cx.session.foreign_key_checks();
    let mut is_open = false;
    // Each row of a table changes once, however often the join gave it.
    for change in changes {
        let n = counts.matched;
        if n.is_multiple_of(256) {
            cx.check_interrupt()?;
            tx.bound_memory()?;
        }
        let t = &plan.targets[change.target];
        let target = &targets[change.target];
        counts.matched += 1;
        if matches!(change.set, Set::Same) {
            continue;
        }
        if let Set::Tuple(value) = change.set {
            if !std::mem::replace(&mut is_open, true) {
                RowWriter::open(tx, target)?;
            }
            let key = change.row.key();
            tx.write_row(
                &target.branch_key,
                &target.table_key,
                key,
                Some(value),
                &[],
                &[],
            )?;
            counts.affected += 1;
            continue;
        }
        let mut writer = RowWriter::open(tx, target)?;
        let there = EncodedRow {
            key: change.row.key().to_vec(),
            value: change.row.value().to_vec(),
        };
        writer.lock(&there.key, LockMode::Exclusive, cx)?;
        let mut old = decode_row(&writer.state, &there.key, &there.value)?;
        if t.def.columns.iter().any(|c| c.is_virtual) {
            generate(&t.rules, &t.def, &mut old, cx, 1, true)?;
        }
        let number = n + 1;
        let next = assigned(plan, t, change.set, &old, tx, number, cx)?;
        let explicit: Vec<usize> = t.set.iter().map(|(column, _)| *column).collect();
        let changed = change_row(
            &t.rules,
            &t.def,
            target,
            tx,
            &there,
            &old,
            next,
            &explicit,
            number,
            plan.ignore,
            cx,
            check_keys,
        );
        match changed {
            Ok(true) => counts.affected += 1,
            Ok(false) => {}
            Err(e) if plan.ignore && matches!(e.code, 1062 | 1451 | 1452) => {
                cx.warn(e.code, e.message);
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

use change as change_row;

/// A row with its assignments.
fn assigned(
    plan: &UpdatePlan,
    t: &UpdateTarget,
    set: Set,
    old: &[OwnedValue],
    tx: &mut Transaction,
    number: u64,
    cx: &Context<'_>,
) -> Result<Vec<OwnedValue>> {
    let mut next = old.to_vec();
    let mut values = match set {
        Set::Values(values) => values,
        Set::Stored(value) => {
            for (column, _) in &t.set {
                next[*column] = value.clone();
            }
            return Ok(next);
        }
        Set::Tuple(_) | Set::Same => return Ok(next),
    };
    values.resize(t.set.len(), None);
    // A BEFORE trigger may still give a value for NULL.
    let triggers = t.rules.triggers.as_deref();
    let before = triggers.is_some_and(|t| t.has(UPDATE, Before));
    for (value, (column, a)) in values.into_iter().zip(&t.set) {
        let Some(a) = a else { continue };
        let v = match value {
            Some(v) => v,
            // In a single table an assignment sees those before it.
            None if plan.is_single() => {
                let mut env = Env::new(plan.slots, None, cx);
                env.slots[t.slot as usize] = Slot::Row(Arc::from(next.clone()));
                lent(tx, cx.session, || a.expr.eval(&env).map(Value::into_owned))?
            }
            None => continue,
        };
        let c = &t.def.columns[*column];
        next[*column] = match v.is_null() && !c.nullable && !plan.ignore && !before {
            true if c.auto_increment => zero_value(&c.ty),
            true => return Err(Error::column_not_null(&c.name)),
            false => store_value(&v, &a.ty, &t.def, *column, number, plan.ignore, cx)?,
        };
    }
    Ok(next)
}

/// The rows that match, in the order in which they are to change; those that need not wait for
/// others go to `now` when there are many.
fn find(
    plan: &UpdatePlan,
    mut overwrite: Option<Overwrite<'_>>,
    cx: &Context<'_>,
    now: &mut dyn FnMut(Vec<Change>) -> Result<()>,
) -> Result<Vec<Change>> {
    let mut env = Env::new(plan.slots, None, cx);
    if !all_hold(&plan.gate, &env)? {
        return Ok(Vec::new());
    }
    let bounds = exec::limit_bounds(&plan.limit, &env)?;
    let single = plan.is_single();
    let mut found: Vec<Change> = Vec::new();
    let mut ordered: Vec<(Vec<OwnedValue>, Vec<Change>)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut rows = 0u64;
    exec::join_items(&plan.from, &mut env, &mut |env| {
        if plan.order.is_empty() && bounds.is_some_and(|n| rows >= n) {
            return Ok(Flow::Stop);
        }
        rows += 1;
        let before = found.len();
        for (i, t) in plan.targets.iter().enumerate() {
            let Some((key, value)) = env.pair(t.slot) else {
                continue;
            };
            if !t.def.keyless() && !single && !seen.insert((i, key.to_vec())) {
                continue;
            }
            let set = match &mut overwrite {
                Some(overwrite) => match overwrite.row(env, value, rows)? {
                    Overwritten::Same => Set::Same,
                    Overwritten::Row(tuple) => Set::Tuple(tuple),
                    Overwritten::Null => Set::Values(vec![Some(Value::Null)]),
                    Overwritten::Resized(value) => Set::Stored(value),
                },
                None if single => Set::Values(Vec::new()),
                None => {
                    let values = t.set.iter().map(|(_, a)| match a {
                        Some(a) => a.expr.eval(env).map(|v| Some(v.into_owned())),
                        None => Ok(None),
                    });
                    Set::Values(values.collect::<Result<_>>()?)
                }
            };
            found.push(Change {
                target: i,
                row: env.slots[t.slot as usize].clone(),
                set,
            });
        }
        if !plan.order.is_empty() {
            let keys = plan.order.iter();
            let keys = keys.map(|k| Ok(k.expr.eval(env)?.into_owned()));
            ordered.push((keys.collect::<Result<_>>()?, found.split_off(before)));
        } else if found.len() >= super::FOUND_AT_ONCE {
            now(std::mem::take(&mut found))?;
        }
        Ok(Flow::Continue)
    })?;
    ordered.sort_by(|a, b| exec::compare_sort_keys(&plan.order, &a.0, &b.0, cx));
    if let Some(n) = bounds {
        ordered.truncate(n as usize);
    }
    found.extend(ordered.into_iter().flat_map(|(_, c)| c));
    Ok(found)
}

/// Changes one row; `false` when it stays as it is.
pub(super) fn change(
    rules: &RowRules,
    def: &TableDef,
    target: &Target,
    tx: &mut Transaction,
    there: &EncodedRow,
    old: &[OwnedValue],
    mut next: Vec<OwnedValue>,
    explicit: &[usize],
    number: u64,
    ignore: bool,
    cx: &Context<'_>,
    check_keys: bool,
) -> Result<bool> {
    let triggers = rules.triggers.as_deref();
    let mut explicit = std::borrow::Cow::Borrowed(explicit);
    if let Some(t) = triggers {
        if t.has(UPDATE, Before) {
            // A trigger sees what ON UPDATE gives to a row that changes, and may change it.
            let state = RowWriter::open(tx, target)?.state;
            if !rules.on_update.is_empty() && differs(&state, there, &next)? {
                set_on_update(rules, def, &mut next, &explicit, number, ignore, cx)?;
                let explicit = explicit.to_mut();
                explicit.extend(rules.on_update.iter().map(|(column, _)| *column));
            }
            // Triggers read generated columns; they are computed again after them.
            super::generate(rules, def, &mut next, cx, number, ignore)?;
        }
        t.fire(UPDATE, Before, Some(old), Some(&mut next), target, tx, cx)?;
    }
    let changed = change_untriggered(
        rules, def, target, tx, there, old, &mut next, &explicit, number, ignore, cx, check_keys,
    )?;
    if let Some(t) = triggers {
        t.fire(UPDATE, After, Some(old), Some(&mut next), target, tx, cx)?;
    }
    Ok(changed)
}

/// Whether a row is to be stored with other bytes than it has.
fn differs(state: &TableState, there: &EncodedRow, next: &[OwnedValue]) -> Result<bool> {
    let required = state.def.columns.iter().zip(next);
    let mut missing = required.filter(|(c, v)| v.is_null() && !c.nullable && !c.is_virtual);
    if missing.next().is_some() {
        return Ok(true);
    }
    let encoded = encode_row(state, next)?;
    Ok(encoded.key != there.key || !same_value(&state.def, &encoded.value, &there.value))
}

/// Gives the columns that have ON UPDATE their values, but for those that were assigned.
fn set_on_update(
    rules: &RowRules,
    def: &TableDef,
    next: &mut [OwnedValue],
    explicit: &[usize],
    number: u64,
    ignore: bool,
    cx: &Context<'_>,
) -> Result<()> {
    for (column, a) in &rules.on_update {
        if !explicit.contains(column) {
            let mut env = Env::new(1, None, cx);
            env.slots[0] = Slot::Row(Arc::from(next.to_vec()));
            next[*column] = super::assigned(a, &env, def, *column, number, ignore)?;
        }
    }
    Ok(())
}

fn change_untriggered(
    rules: &RowRules,
    def: &TableDef,
    target: &Target,
    tx: &mut Transaction,
    there: &EncodedRow,
    old: &[OwnedValue],
    next: &mut [OwnedValue],
    explicit: &[usize],
    number: u64,
    ignore: bool,
    cx: &Context<'_>,
    check_keys: bool,
) -> Result<bool> {
    let mut writer = RowWriter::open(tx, target)?;
    generate(rules, def, next, cx, number, ignore)?;
    if next
        .iter()
        .zip(def.columns.iter())
        .any(|(v, c)| v.is_null() && !c.nullable && !c.is_virtual)
    {
        check_row(rules, def, next, cx, ignore)?;
    }
    let mut encoded = encode_row(&writer.state, next)?;
    if encoded.key == there.key && same_value(def, &encoded.value, &there.value) {
        return Ok(false);
    }
    let computes = !rules.on_update.is_empty();
    set_on_update(rules, def, next, explicit, number, ignore, cx)?;
    if !rules.on_update.is_empty() {
        generate(rules, def, next, cx, number, ignore)?;
    }
    if !check_row(rules, def, next, cx, ignore)? {
        return Ok(false);
    }
    if computes {
        encoded = encode_row(&writer.state, next)?;
    }
    if encoded.key != there.key && encode_row(&writer.state, old)?.key == encoded.key {
        // The key stays, but not as it would be written now: Dolt writes some decimals short.
        encoded.key = there.key.clone();
    }
    let new_entries = writer.changed_entries(there, &encoded)?;
    let unique = writer.state.def.indexes.iter().any(|i| i.unique);
    if encoded.key != there.key {
        writer.lock(&encoded.key, LockMode::Exclusive, cx)?;
    }
    if unique && writer.tx.locking.is_some() {
        let old_entries = writer.entries(there)?;
        writer.lock_unique(&new_entries, &old_entries, cx)?;
    }
    if unique || encoded.key != there.key {
        let view = writer.view()?;
        if let Some(d) = find_duplicate(
            &writer.state,
            &view,
            &encoded,
            &new_entries,
            Some(&there.key),
        )? {
            return Err(duplicate_error(&writer.state, next, d.index));
        }
    }
    foreign_key::check_child_if(writer.tx, target, next, Some(old), cx, check_keys)?;
    let first = foreign_key::Chain::default();
    foreign_key::before_update(writer.tx, target, old, next, cx, check_keys, &first)?;
    writer = RowWriter::open(writer.tx, target)?;
    writer.replace(there, &encoded, &new_entries)?;
    if let Some(c) = def.auto_increment()
        && explicit.contains(&c)
        && let Value::Int(v) = next[c]
        && v > 0
    {
        target.handle.note_number(&target.table, v as u64)?;
        if v as u64 >= writer.stored_number() {
            writer.set_next_number(v as u64 + 1);
        }
    }
    Ok(true)
}

/// Whether two value tuples are the same row; the count of a keyless row does not matter.
fn same_value(def: &TableDef, a: &[u8], b: &[u8]) -> bool {
    if def.keyless() {
        a.get(8..) == b.get(8..)
    } else {
        a == b
    }
}
