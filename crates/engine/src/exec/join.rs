//! Nested loops over join items.

use std::collections::HashMap;
use std::sync::Arc;

use values::OwnedValue;

use super::{query, scan};
use crate::env::{Env, Slot};
use crate::error::Result;
use crate::eval::{all_hold, append_hash_key};
use crate::expr::{CompareAs, Expr};
use crate::plan::{Derived, FullJoin, JoinItem, JoinKind, Source, VirtualScan};
use crate::result::Flow;
use crate::virtual_table::Hints;

/// What receives each combination of rows.
pub type Next<'n, 'e> = dyn FnMut(&mut Env<'e>) -> Result<Flow> + 'n;

/// Every combination of rows of the items that their conditions accept.
pub fn items<'e>(list: &'e [JoinItem], env: &mut Env<'e>, next: &mut Next<'_, 'e>) -> Result<Flow> {
    let Some((item, rest)) = list.split_first() else {
        return next(env);
    };
    let mut proceed = |env: &mut Env<'e>| -> Result<Flow> {
        if !all_hold(&item.filter, env)? {
            return Ok(Flow::Continue);
        }
        if rest.is_empty() {
            next(env)
        } else {
            items(rest, env, next)
        }
    };
    match item.kind {
        JoinKind::Inner => source(&item.source, env, &mut |env| {
            if all_hold(&item.on, env)? {
                proceed(env)
            } else {
                Ok(Flow::Continue)
            }
        }),
        JoinKind::Left => {
            let mut matched = false;
            let flow = source(&item.source, env, &mut |env| {
                if !all_hold(&item.on, env)? {
                    return Ok(Flow::Continue);
                }
                matched = true;
                proceed(env)
            })?;
            if matched || flow == Flow::Stop {
                return Ok(flow);
            }
            for slot in &item.slots {
                env.slots[*slot as usize] = Slot::Empty;
            }
            proceed(env)
        }
    }
}

/// The rows of one source, each put into its slots.
fn source<'e>(s: &'e Source, env: &mut Env<'e>, next: &mut Next<'_, 'e>) -> Result<Flow> {
    env.cx.check_interrupt()?;
    match s {
        Source::Table(t) => scan::run(t, env, next),
        Source::Nest(list) => items(list, env, next),
        Source::Derived(d) => derived(d, env, next),
        Source::Virtual(v) => computed(v, env, next),
        Source::Work { slot, work } => {
            let rows = env.cx.work_rows(*work);
            each(&rows, *slot, env, next)
        }
        Source::JsonTable(j) => {
            let rows = crate::json_table::rows(j, env)?;
            each(&rows, j.slot, env, next)
        }
        Source::Full(j) => full(j, env, next),
    }
}

fn each<'e>(
    rows: &[Arc<[OwnedValue]>],
    slot: u16,
    env: &mut Env<'e>,
    next: &mut Next<'_, 'e>,
) -> Result<Flow> {
    for row in rows {
        env.slots[slot as usize] = Slot::Row(row.clone());
        if next(env)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

fn derived<'e>(d: &'e Derived, env: &mut Env<'e>, next: &mut Next<'_, 'e>) -> Result<Flow> {
    let cx = env.cx;
    let rows = match cx.cached_rows(d.cache) {
        Some(rows) if !d.correlated => rows,
        _ => {
            // The query sees the block around as it stands now.
            let around = Env {
                slots: if d.correlated {
                    env.slots.clone()
                } else {
                    Vec::new()
                },
                layouts: if d.correlated {
                    env.layouts.clone()
                } else {
                    Vec::new()
                },
                parent: env.parent,
                cx,
            };
            let mut rows: Vec<Arc<[OwnedValue]>> = Vec::new();
            query(&d.plan, Some(&around), cx, &mut |row| {
                rows.push(super::owned(row)?.into());
                Ok(Flow::Continue)
            })?;
            if d.correlated {
                Arc::new(rows)
            } else {
                cx.cache_rows(d.cache, rows)
            }
        }
    };
    if d.hash.is_empty() {
        return each(&rows, d.slot, env, next);
    }
    let address = std::ptr::from_ref(d) as usize;
    let table = match cx.hash_table(address) {
        Some(t) => t,
        None => {
            let mut map: HashMap<Vec<u8>, Vec<Slot>> = HashMap::new();
            for row in rows.iter() {
                let mut key = Vec::new();
                let mut null = false;
                for (col, kind, _) in &d.hash {
                    null |= !append_hash_key(*kind, &row[*col as usize], cx, &mut key)?;
                }
                if !null {
                    map.entry(key).or_default().push(Slot::Row(row.clone()));
                }
            }
            cx.keep_hash_table(address, map)
        }
    };
    lookup(&table, &d.hash, d.slot, env, next)
}

/// Rows of a hash table that match the current outer rows.
pub(super) fn lookup<'e>(
    table: &HashMap<Vec<u8>, Vec<Slot>>,
    keys: &[(u16, CompareAs, Expr)],
    slot: u16,
    env: &mut Env<'e>,
    next: &mut Next<'_, 'e>,
) -> Result<Flow> {
    let mut key = Vec::new();
    for (_, kind, e) in keys {
        let v = e.eval(env)?;
        if !append_hash_key(*kind, &v, env.cx, &mut key)? {
            return Ok(Flow::Continue);
        }
    }
    for row in table.get(&key).map_or(&[][..], |v| v) {
        env.slots[slot as usize] = row.clone();
        if next(env)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

fn computed<'e>(v: &'e VirtualScan, env: &mut Env<'e>, next: &mut Next<'_, 'e>) -> Result<Flow> {
    let cx = env.cx;
    let constant = v.args.is_empty() && v.equals.is_empty() && v.compares.is_empty();
    if constant && let Some(rows) = cx.cached_rows(v.cache) {
        return each(&rows, v.slot, env, next);
    }
    let mut args = Vec::with_capacity(v.args.len());
    for a in &v.args {
        args.push(a.eval(env)?.into_owned());
    }
    let mut hints = Hints::default();
    for (col, e) in &v.equals {
        hints
            .equals
            .push((*col as usize, e.eval(env)?.into_owned()));
    }
    for (col, op, e) in &v.compares {
        hints
            .compares
            .push((*col as usize, *op, e.eval(env)?.into_owned()));
    }
    let mut seen: Vec<Arc<[OwnedValue]>> = Vec::new();
    let flow = v.table.scan(cx, &args, &hints, &mut |row| {
        let row: Arc<[OwnedValue]> = row.into();
        if constant {
            seen.push(row.clone());
        }
        env.slots[v.slot as usize] = Slot::Row(row);
        next(env)
    })?;
    if constant && flow == Flow::Continue {
        cx.cache_rows(v.cache, seen);
    }
    Ok(flow)
}

fn full<'e>(j: &'e FullJoin, env: &mut Env<'e>, next: &mut Next<'_, 'e>) -> Result<Flow> {
    let mut right: Vec<(Vec<Slot>, bool)> = Vec::new();
    items(&j.right, env, &mut |env| {
        let row = j
            .right_slots
            .iter()
            .map(|s| env.slots[*s as usize].clone())
            .collect();
        right.push((row, false));
        Ok(Flow::Continue)
    })?;
    let put = |env: &mut Env<'e>, row: Option<&[Slot]>| {
        for (i, slot) in j.right_slots.iter().enumerate() {
            env.slots[*slot as usize] = row.map_or(Slot::Empty, |r| r[i].clone());
        }
    };
    let flow = items(&j.left, env, &mut |env| {
        let mut any = false;
        for (row, matched) in &mut right {
            put(env, Some(row));
            if all_hold(&j.on, env)? {
                any = true;
                *matched = true;
                if next(env)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        if any {
            return Ok(Flow::Continue);
        }
        put(env, None);
        next(env)
    })?;
    if flow == Flow::Stop {
        return Ok(Flow::Stop);
    }
    for slot in &j.left_slots {
        env.slots[*slot as usize] = Slot::Empty;
    }
    for (row, matched) in &right {
        if !matched {
            put(env, Some(row));
            if next(env)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    Ok(Flow::Continue)
}
