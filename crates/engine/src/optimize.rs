//! Join order and access paths of a query block.
//!
//! Items are placed one after the other, cheapest first; a condition is checked at the first item
//! where everything it reads is known. An access path only has to give a superset of the rows that
//! match: conditions stay as filters behind it, unless its ranges say exactly the same.

mod access;
mod join_order;

use values::SqlType;

use self::access::{access, column_compare, equalities, follows_order, has_out_of_line};
use self::join_order::arrange;
use crate::expr::{CompareOp, Expr, IsTest, SlotSet};
use crate::plan::{
    Access, Block, IndexAccess, JoinItem, JoinKind, QueryPlan, SortKey, Source, TableScan,
};
use crate::table::TableDef;

/// Arranges a block whose items stand in the order of the text.
pub fn block(block: &mut Block, conditions: Vec<Expr>, straight: bool) {
    let mut conditions = conditions;
    let mut items = std::mem::take(&mut block.from);
    simplify_outer_joins(&mut items, &mut conditions);
    let (gate, mut rest) = split_gate(conditions);
    block.gate = gate;
    if items.is_empty() {
        block.gate.append(&mut rest);
    }
    block.from = items;
    mark_columns(block, &rest);
    let items = std::mem::take(&mut block.from);
    let mut placed = SlotSet::default();
    block.from = arrange(items, &mut rest, &mut placed, straight);
    // What is left reads slots that no item fills; it is checked last.
    if let Some(last) = block.from.last_mut() {
        last.filter.append(&mut rest);
    }
    mark_columns(block, &[]);
    order_by_access(block);
    // Locks are of rows, not of index entries.
    if block.locks.is_empty() {
        choose_covering(block);
    }
}

/// Arranges the row sources of UPDATE and DELETE: conditions without rows, and the items.
pub fn sources(mut items: Vec<JoinItem>, mut conditions: Vec<Expr>) -> (Vec<Expr>, Vec<JoinItem>) {
    simplify_outer_joins(&mut items, &mut conditions);
    let (gate, mut rest) = split_gate(conditions);
    let mut placed = SlotSet::default();
    let mut items = arrange(items, &mut rest, &mut placed, false);
    if let Some(last) = items.last_mut() {
        last.filter.append(&mut rest);
    }
    (gate, items)
}

/// Conditions that read no row of the block, and the others.
fn split_gate(conditions: Vec<Expr>) -> (Vec<Expr>, Vec<Expr>) {
    conditions.into_iter().partition(|c| {
        let mut used = SlotSet::default();
        c.slots_used(&mut used);
        used.is_empty() && !holds_volatile_call(c)
    })
}

fn holds_volatile_call(e: &Expr) -> bool {
    let mut volatile = match e {
        Expr::Call { function, .. } => function.volatile,
        Expr::Assign(..) => true,
        Expr::UserVar { fixed, .. } => !fixed,
        _ => false,
    };
    e.for_each_child(&mut |c| volatile |= holds_volatile_call(c));
    volatile
}

/// LEFT JOIN is an inner join where WHERE refuses rows of NULLs.
fn simplify_outer_joins(items: &mut [JoinItem], conditions: &mut Vec<Expr>) {
    for item in items {
        if item.kind != JoinKind::Left {
            continue;
        }
        let mut slots = SlotSet::default();
        item.slots.iter().for_each(|s| slots.insert(*s));
        if conditions.iter().any(|c| refuses_null(c, &slots)) {
            item.kind = JoinKind::Inner;
            conditions.append(&mut item.on);
        }
    }
}

/// Whether a condition cannot be true when all of these slots are NULL.
fn refuses_null(c: &Expr, slots: &SlotSet) -> bool {
    let column = |e: &Expr| match e {
        Expr::Column { slot, .. } => slots.contains(*slot),
        _ => false,
    };
    match c {
        Expr::Compare {
            op, left, right, ..
        } => *op != CompareOp::NullSafeEq && (column(left) || column(right)),
        Expr::InList { expr, .. } | Expr::Like { expr, .. } => column(expr),
        Expr::Is {
            expr,
            test: IsTest::Null,
            negated: true,
        } => column(expr),
        Expr::And(list) => list.iter().any(|e| refuses_null(e, slots)),
        Expr::Or(list) => list.iter().all(|e| refuses_null(e, slots)),
        _ => false,
    }
}

/// Slots outside an item that must be placed before it.
fn needs(item: &JoinItem) -> SlotSet {
    let mut used = SlotSet::default();
    match &item.source {
        Source::Derived(d) if d.correlated => d.plan.slots_at(1, &mut used),
        Source::Virtual(v) => v.args.iter().for_each(|e| e.slots_used(&mut used)),
        Source::JsonTable(j) => j.doc.slots_used(&mut used),
        Source::Nest(items) => items.iter().for_each(|i| used.union(&needs(i))),
        Source::Full(j) => j
            .left
            .iter()
            .chain(&j.right)
            .for_each(|i| used.union(&needs(i))),
        _ => {}
    }
    if item.kind == JoinKind::Left {
        item.on.iter().for_each(|e| e.slots_used(&mut used));
    }
    let mut own = SlotSet::default();
    item.slots.iter().for_each(|s| own.insert(*s));
    used.subtract(&own);
    used
}

fn place(item: &mut JoinItem, conditions: &mut Vec<Expr>, placed: &mut SlotSet, first: bool) {
    let mut known = placed.clone();
    item.slots.iter().for_each(|s| known.insert(*s));
    let mut own = SlotSet::default();
    item.slots.iter().for_each(|s| own.insert(*s));
    let mut filter = Vec::new();
    let mut rest = Vec::new();
    for c in std::mem::take(conditions) {
        let mut used = SlotSet::default();
        c.slots_used(&mut used);
        if used.is_subset(&known) {
            filter.push(c)
        } else {
            rest.push(c)
        }
    }
    *conditions = rest;
    let usable: Vec<&Expr> = match item.kind {
        JoinKind::Inner => filter.iter().chain(&item.on).collect(),
        JoinKind::Left => item.on.iter().collect(),
    };
    let mut enforced = Vec::new();
    match &mut item.source {
        Source::Table(scan) => {
            let found = access(scan, &usable, placed);
            enforced = found.enforced;
            scan.access = match found.access {
                Access::Full { .. } if !first => match equalities(scan.slot, &usable, placed) {
                    keys if keys.is_empty() => Access::Full { reverse: false },
                    keys => Access::Hash(keys),
                },
                access => access,
            };
        }
        Source::Derived(d) if !first && !d.correlated => {
            d.hash = equalities(d.slot, &usable, placed);
        }
        Source::Virtual(v) => {
            let slot = v.slot;
            for c in &usable {
                let Some((col, op, e)) = column_compare(c, slot, placed) else {
                    continue;
                };
                match op {
                    CompareOp::Eq => v.equals.push((col, e.clone())),
                    CompareOp::Ne | CompareOp::NullSafeEq => {}
                    op => v.compares.push((col, op, e.clone())),
                }
            }
        }
        Source::Nest(items) => {
            let taken = std::mem::take(items);
            let mut inner: Vec<Expr> = std::mem::take(&mut item.on);
            if item.kind == JoinKind::Inner {
                inner.append(&mut filter);
            }
            let mut inside = placed.clone();
            simplify_nested(taken, &mut inner, &mut inside, items);
            filter.append(&mut inner);
        }
        Source::Full(j) => {
            for side in [&mut j.left, &mut j.right] {
                let taken = std::mem::take(side);
                let mut none = Vec::new();
                let mut inside = placed.clone();
                *side = arrange(taken, &mut none, &mut inside, false);
            }
        }
        _ => {}
    }
    let filters = match item.kind {
        JoinKind::Inner => filter.len(),
        JoinKind::Left => 0,
    };
    // From the last: the places of the others stay as they are.
    enforced.sort_unstable();
    for at in enforced.into_iter().rev() {
        match at.checked_sub(filters) {
            Some(at) => drop(item.on.remove(at)),
            None => drop(filter.remove(at)),
        }
    }
    item.filter.append(&mut filter);
    *placed = known;
}

fn simplify_nested(
    items: Vec<JoinItem>,
    conditions: &mut Vec<Expr>,
    placed: &mut SlotSet,
    out: &mut Vec<JoinItem>,
) {
    *out = arrange(items, conditions, placed, false);
    if let Some(last) = out.last_mut() {
        last.filter.append(conditions);
    }
}

/// Notes which columns of stored tables the block and its conditions read.
fn mark_columns(block: &mut Block, conditions: &[Expr]) {
    let mut used: Vec<SlotSet> = vec![SlotSet::default(); block.slots];
    block.for_each_expr(&mut |e| note(e, 0, &mut used));
    conditions.iter().for_each(|e| note(e, 0, &mut used));
    fn visit(items: &[JoinItem], used: &mut Vec<SlotSet>) {
        for i in items {
            match &i.source {
                Source::Derived(d) => note_query(&d.plan, 1, used),
                Source::Nest(items) => visit(items, used),
                Source::Full(j) => {
                    visit(&j.left, used);
                    visit(&j.right, used);
                }
                _ => {}
            }
        }
    }
    visit(&block.from, &mut used);
    fn set(items: &mut [JoinItem], used: &[SlotSet]) {
        for i in items {
            match &mut i.source {
                Source::Table(t) => t.columns = Some(used[t.slot as usize].clone()),
                Source::Nest(items) => set(items, used),
                Source::Full(j) => {
                    set(&mut j.left, used);
                    set(&mut j.right, used);
                }
                _ => {}
            }
        }
    }
    set(&mut block.from, &used);
}

fn note(e: &Expr, deep: u16, used: &mut [SlotSet]) {
    match e {
        Expr::Column { slot, col } if deep == 0 => {
            if let Some(s) = used.get_mut(*slot as usize) {
                s.insert(*col);
            }
        }
        Expr::Outer { depth, slot, col } if *depth == deep => {
            if let Some(s) = used.get_mut(*slot as usize) {
                s.insert(*col);
            }
        }
        Expr::Scalar(q) | Expr::Exists(q) => note_query(&q.plan, deep + 1, used),
        Expr::InQuery(q) => note_query(&q.query.plan, deep + 1, used),
        _ => {}
    }
    e.for_each_child(&mut |c| note(c, deep, used));
}

fn note_query(q: &QueryPlan, deep: u16, used: &mut [SlotSet]) {
    q.visit(deep, &mut |e, deep| note(e, deep, used));
}

/// Drops ORDER BY where the first item's rows come in that order already.
fn order_by_access(block: &mut Block) {
    if block.order.is_empty()
        || block.aggregate.is_some()
        || block.windows.is_some()
        || block.distinct.is_some()
    {
        return;
    }
    let limited = block.limit.count.is_some();
    let alone = block.from.len() == 1;
    let Some(first) = block.from.first_mut() else {
        return;
    };
    if first.kind != JoinKind::Inner {
        return;
    }
    let Source::Table(scan) = &mut first.source else {
        return;
    };
    let Some(columns) = sort_columns(&block.order, scan) else {
        return;
    };
    let reverse = block.order[0].descending;
    if block.order.iter().any(|k| k.descending != reverse) {
        return;
    }
    let def = scan.def.clone();
    match &mut scan.access {
        Access::Full { reverse: r } => {
            if starts_with(&def.primary_key, &[], &columns) && !def.primary_key.is_empty() {
                *r = reverse;
                block.order.clear();
                return;
            }
            if !limited || !alone {
                return;
            }
            let index = def.indexes.iter().position(|x| {
                x.ordered
                    && x.prefixes.iter().all(|p| *p == 0)
                    && !has_out_of_line(&def, x.unique, &x.columns)
                    && starts_with(&x.key_columns, &[], &columns)
                    && x.columns
                        .iter()
                        .all(|c| !x.unique || !def.columns[*c].nullable)
            });
            if let Some(i) = index {
                scan.access = Access::Index(IndexAccess {
                    index: Some(i),
                    equals: Vec::new(),
                    null_safe: Vec::new(),
                    intervals: Vec::new(),
                    covering: false,
                    reverse,
                    any_order: false,
                });
                block.order.clear();
            }
        }
        Access::Index(a) => {
            let key = match a.index {
                None => &def.primary_key,
                Some(i) => &def.indexes[i].key_columns,
            };
            if a.equals.iter().any(|e| e.len() != 1) {
                return;
            }
            let fixed = &key[..a.equals.len()];
            if starts_with(key, fixed, &columns) {
                a.reverse = reverse;
                block.order.clear();
            }
        }
        _ => {}
    }
}

/// The columns of a sort whose keys are plain columns of the scan in their own order.
fn sort_columns(order: &[SortKey], scan: &TableScan) -> Option<Vec<usize>> {
    order
        .iter()
        .map(|k| match &k.expr {
            Expr::Column { slot, col } if *slot == scan.slot => {
                let col = *col as usize;
                (follows_order(&scan.def, col, k.kind)
                    || matches!(scan.def.columns[col].ty, SqlType::Enum(..)))
                .then_some(col)
            }
            _ => None,
        })
        .collect()
}

/// Whether rows in key order, with the `fixed` columns constant, are in the order of `columns`.
fn starts_with(key: &[usize], fixed: &[usize], columns: &[usize]) -> bool {
    let mut at = fixed.len();
    for c in columns {
        if fixed.contains(c) {
            continue;
        }
        if key.get(at) != Some(c) {
            return false;
        }
        at += 1;
    }
    true
}

/// Reads only the index where it holds every column that is asked for.
fn choose_covering(block: &mut Block) {
    fn visit(items: &mut [JoinItem]) {
        for item in items {
            match &mut item.source {
                Source::Table(scan) => {
                    let def = scan.def.clone();
                    if let Access::Index(a) = &mut scan.access
                        && let Some(i) = a.index
                    {
                        let columns = scan.columns.as_ref();
                        a.covering = columns.is_some_and(|c| covers(&def, i, c));
                    }
                }
                Source::Nest(items) => visit(items),
                Source::Full(j) => {
                    visit(&mut j.left);
                    visit(&mut j.right);
                }
                _ => {}
            }
        }
    }
    visit(&mut block.from);
}

/// Whether an index holds the whole value of every column in the set.
pub fn covers(def: &TableDef, index: usize, columns: &SlotSet) -> bool {
    let x = &def.indexes[index];
    !def.keyless()
        && (0..def.columns.len())
            .filter(|c| columns.contains(*c as u16))
            .all(|c| {
                let Some(at) = x.key_columns.iter().position(|k| *k == c) else {
                    return false;
                };
                x.prefixes.get(at).is_none_or(|p| *p == 0)
                    && !matches!(
                        def.columns[c].ty,
                        SqlType::Text(..)
                            | SqlType::Blob(_)
                            | SqlType::Json
                            | SqlType::Geometry(..)
                    )
            })
}
