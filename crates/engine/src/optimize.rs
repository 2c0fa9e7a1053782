//! Join order and access paths of a query block.
//!
//! Items are placed one after the other, cheapest first; a condition is checked at the first item
//! where everything it reads is known. An access path only has to give a superset of the rows that
//! match: conditions stay as filters behind it.

use values::{Collation, SqlType};

use crate::bind::types::{is_binary, is_integer, is_text};
use crate::expr::{CompareAs, CompareOp, Expr, IsTest, SlotSet};
use crate::plan::{
    Access, Block, IndexAccess, Interval, JoinItem, JoinKind, QueryPlan, SortKey, Source, TableScan,
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
    let mut placed = SlotSet::default();
    block.from = arrange(items, &mut rest, &mut placed, straight);
    // What is left reads slots that no item fills; it is checked last.
    if let Some(last) = block.from.last_mut() {
        last.filter.append(&mut rest);
    }
    mark_columns(block);
    order_by_access(block);
    choose_covering(block);
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
        Expr::Assign(..) | Expr::UserVar(_) => true,
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
    without(&used, &own)
}

fn without(a: &SlotSet, b: &SlotSet) -> SlotSet {
    let mut out = SlotSet::default();
    for slot in 0..u16::MAX {
        if slot as usize > 4096 {
            break;
        }
        if a.contains(slot) && !b.contains(slot) {
            out.insert(slot);
        }
    }
    out
}

fn arrange(
    items: Vec<JoinItem>,
    conditions: &mut Vec<Expr>,
    placed: &mut SlotSet,
    straight: bool,
) -> Vec<JoinItem> {
    let mut own = SlotSet::default();
    items
        .iter()
        .flat_map(|i| &i.slots)
        .for_each(|s| own.insert(*s));
    let mut waiting: Vec<Option<JoinItem>> = items.into_iter().map(Some).collect();
    let requirements: Vec<SlotSet> = waiting
        .iter()
        .flatten()
        .map(|i| {
            let mut r = SlotSet::default();
            let n = needs(i);
            for s in 0..4096u16 {
                if n.contains(s) && own.contains(s) {
                    r.insert(s);
                }
            }
            r
        })
        .collect();
    let mut out = Vec::with_capacity(waiting.len());
    let single = waiting.len() == 1;
    while waiting.iter().any(Option::is_some) {
        let mut best: Option<(f64, usize)> = None;
        for (i, item) in waiting.iter().enumerate() {
            let Some(item) = item else { continue };
            if !requirements[i].is_subset(placed) {
                continue;
            }
            let cost = match (single, item.kind) {
                (true, _) => 0.0,
                (_, JoinKind::Left) => left_cost(out.is_empty()),
                _ => cost(item, conditions, placed),
            };
            if best.is_none_or(|(c, _)| cost < c) {
                best = Some((cost, i));
            }
            if straight {
                break;
            }
        }
        // A requirement that can never be met is a reference to an outer block's twin; take the next.
        let i = best.map_or_else(
            || waiting.iter().position(Option::is_some).unwrap_or(0),
            |(_, i)| i,
        );
        let Some(mut item) = waiting[i].take() else {
            break;
        };
        place(&mut item, conditions, placed, out.is_empty());
        out.push(item);
    }
    out
}

/// An outer join multiplies rows rarely; it is placed once nothing cheaper is left.
fn left_cost(first: bool) -> f64 {
    if first { f64::MAX } else { 1e7 }
}

/// Rows that an item is expected to give, given what is placed.
fn cost(item: &JoinItem, conditions: &[Expr], placed: &SlotSet) -> f64 {
    match &item.source {
        Source::Table(scan) => {
            let (_, cost) = access(scan, &conditions.iter().collect::<Vec<_>>(), placed);
            cost
        }
        Source::Derived(_) => 1_000.0,
        Source::Work { .. } => 1.0,
        Source::Virtual(_) => 500.0,
        Source::JsonTable(_) => 10.0,
        Source::Nest(_) | Source::Full(_) => 10_000.0,
    }
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
    match &mut item.source {
        Source::Table(scan) => {
            let (found, _) = access(scan, &usable, placed);
            scan.access = match found {
                Access::Full { .. } if !first => match equalities(scan.slot, &usable, placed) {
                    keys if keys.is_empty() => found,
                    keys => Access::Hash(keys),
                },
                found => found,
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

/// `column op expression` of a slot, the expression known from placed slots.
fn column_compare<'e>(
    c: &'e Expr,
    slot: u16,
    placed: &SlotSet,
) -> Option<(u16, CompareOp, &'e Expr)> {
    let Expr::Compare {
        op, left, right, ..
    } = c
    else {
        return None;
    };
    let known = |e: &Expr| {
        let mut used = SlotSet::default();
        e.slots_used(&mut used);
        used.is_subset(placed) && !holds_volatile_call(e)
    };
    match (&**left, &**right) {
        (Expr::Column { slot: s, col }, e) if *s == slot && known(e) => Some((*col, *op, e)),
        (e, Expr::Column { slot: s, col }) if *s == slot && known(e) => Some((*col, op.flip(), e)),
        _ => None,
    }
}

fn equalities(slot: u16, conditions: &[&Expr], placed: &SlotSet) -> Vec<(u16, CompareAs, Expr)> {
    let mut keys = Vec::new();
    for c in conditions {
        if let Some((col, CompareOp::Eq, e)) = column_compare(c, slot, placed)
            && let Expr::Compare { kind, .. } = c
        {
            let mut used = SlotSet::default();
            e.slots_used(&mut used);
            if !used.is_empty() && !matches!(kind, CompareAs::Json) {
                keys.push((col, *kind, e.clone()));
            }
        }
    }
    keys
}

/// What a condition says about one column, for use in an index.
enum Restriction<'e> {
    Equal(Vec<Expr>, bool),
    Lower(&'e Expr, bool),
    Upper(&'e Expr, bool),
    Any(Vec<Interval>),
}

/// Whether values compared this way come in the order in which the column is stored.
fn follows_order(def: &TableDef, column: usize, kind: CompareAs) -> bool {
    let ty = &def.columns[column].ty;
    match kind {
        CompareAs::Integer => {
            is_integer(ty)
                || matches!(
                    ty,
                    SqlType::Decimal { .. } | SqlType::Float | SqlType::Double
                )
        }
        CompareAs::Float | CompareAs::Decimal => {
            is_integer(ty)
                || matches!(
                    ty,
                    SqlType::Decimal { .. } | SqlType::Float | SqlType::Double
                )
        }
        CompareAs::Text(c) => {
            is_text(ty) && crate::plan::text_collation(ty).is_some_and(|o| o.id == c.id)
        }
        CompareAs::Binary => {
            is_binary(ty) || is_text(ty) && crate::plan::text_collation(ty).is_some_and(is_bytewise)
        }
        CompareAs::DateTime => {
            matches!(
                ty,
                SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_)
            )
        }
        CompareAs::Date => matches!(ty, SqlType::Date),
        CompareAs::Time => matches!(ty, SqlType::Time(_)),
        CompareAs::Json => false,
    }
}

fn is_bytewise(c: &Collation) -> bool {
    matches!(c.name, "utf8mb4_0900_bin" | "utf8mb4_bin" | "binary")
}

fn restriction<'e>(
    c: &'e Expr,
    scan: &TableScan,
    placed: &SlotSet,
) -> Option<(usize, Restriction<'e>)> {
    match c {
        Expr::Compare { kind, .. } => {
            let (col, op, e) = column_compare(c, scan.slot, placed)?;
            let col = col as usize;
            if !follows_order(&scan.def, col, *kind) {
                return None;
            }
            let r = match op {
                CompareOp::Eq => Restriction::Equal(vec![e.clone()], false),
                CompareOp::NullSafeEq => Restriction::Equal(vec![e.clone()], true),
                CompareOp::Lt => Restriction::Upper(e, false),
                CompareOp::Le => Restriction::Upper(e, true),
                CompareOp::Gt => Restriction::Lower(e, false),
                CompareOp::Ge => Restriction::Lower(e, true),
                CompareOp::Ne => return None,
            };
            Some((col, r))
        }
        Expr::InList {
            expr,
            list,
            negated: false,
        } => {
            let Expr::Column { slot, col } = &**expr else {
                return None;
            };
            if *slot != scan.slot {
                return None;
            }
            let col = *col as usize;
            let mut values = Vec::with_capacity(list.len());
            for (e, kind) in list {
                let mut used = SlotSet::default();
                e.slots_used(&mut used);
                if !used.is_subset(placed)
                    || !follows_order(&scan.def, col, *kind)
                    || holds_volatile_call(e)
                {
                    return None;
                }
                values.push(e.clone());
            }
            Some((col, Restriction::Equal(values, false)))
        }
        Expr::Is {
            expr,
            test: IsTest::Null,
            negated: false,
        } => {
            let Expr::Column { slot, col } = &**expr else {
                return None;
            };
            (*slot == scan.slot).then(|| {
                let null = Expr::Literal(values::Value::Null);
                (*col as usize, Restriction::Equal(vec![null], true))
            })
        }
        Expr::Or(either) => {
            let mut column = None;
            let mut all = Vec::with_capacity(either.len());
            for c in either {
                let (col, intervals) = intervals(c, scan, placed)?;
                if *column.get_or_insert(col) != col {
                    return None;
                }
                all.extend(intervals);
            }
            Some((column?, Restriction::Any(all)))
        }
        _ => None,
    }
}

/// One side of an OR as intervals of one column.
fn intervals(c: &Expr, scan: &TableScan, placed: &SlotSet) -> Option<(usize, Vec<Interval>)> {
    if let Expr::And(both) = c {
        let mut column = None;
        let mut one = Interval::default();
        for c in both {
            let (col, r) = restriction(c, scan, placed)?;
            if *column.get_or_insert(col) != col {
                return None;
            }
            match r {
                Restriction::Lower(e, inclusive) => {
                    one.lower.get_or_insert((e.clone(), inclusive));
                }
                Restriction::Upper(e, inclusive) => {
                    one.upper.get_or_insert((e.clone(), inclusive));
                }
                Restriction::Equal(..) | Restriction::Any(_) => return None,
            }
        }
        return Some((column?, vec![one]));
    }
    let (col, r) = restriction(c, scan, placed)?;
    let found = match r {
        Restriction::Equal(values, false) => values.iter().map(Interval::point).collect(),
        Restriction::Lower(e, inclusive) => {
            vec![Interval {
                lower: Some((e.clone(), inclusive)),
                upper: None,
            }]
        }
        Restriction::Upper(e, inclusive) => {
            vec![Interval {
                lower: None,
                upper: Some((e.clone(), inclusive)),
            }]
        }
        Restriction::Any(list) => list,
        Restriction::Equal(_, true) => return None,
    };
    Some((col, found))
}

/// Rows expected of one value of a column: without statistics, half way between a column of one
/// value and a unique one.
fn equal_rows(rows: f64) -> f64 {
    rows.sqrt()
}

/// The part of the rows that is expected in an interval.
fn share_of(i: &Interval) -> f64 {
    match (&i.lower, &i.upper) {
        (Some(_), Some(_)) => 1.0 / 200.0,
        _ => 1.0 / 3.0,
    }
}

/// The cheapest access path and the rows it is expected to give.
fn access(scan: &TableScan, conditions: &[&Expr], placed: &SlotSet) -> (Access, f64) {
    let rows = (scan.rows.max(1)) as f64;
    let found: Vec<(usize, Restriction<'_>)> = conditions
        .iter()
        .filter_map(|c| restriction(c, scan, placed))
        .collect();
    let mut best = (Access::Full { reverse: false }, rows);
    if found.is_empty() {
        return best;
    }
    let def = &scan.def;
    let primary = (!def.primary_key.is_empty()).then_some((None, &def.primary_key, true, true));
    let others = def.indexes.iter().enumerate().filter_map(|(i, x)| {
        let whole = x.prefixes.iter().all(|p| *p == 0);
        (x.ordered && whole && !has_out_of_line(def, x.unique, &x.columns)).then_some((
            Some(i),
            &x.columns,
            x.unique,
            false,
        ))
    });
    for (index, columns, unique, clustered) in primary.into_iter().chain(others) {
        let mut access = IndexAccess {
            index,
            equals: Vec::new(),
            null_safe: Vec::new(),
            intervals: Vec::new(),
            covering: false,
            reverse: false,
        };
        let mut estimate = rows;
        let mut points = 1.0;
        let mut nulls = false;
        for column in columns {
            let equal = found.iter().filter_map(|(c, r)| match r {
                Restriction::Equal(values, null) if c == column => Some((values, null)),
                _ => None,
            });
            let equal = equal.min_by_key(|(v, _)| v.len());
            match equal {
                Some((values, null)) => {
                    points *= values.len() as f64;
                    nulls |= *null;
                    estimate = equal_rows(estimate);
                    access.equals.push(values.clone());
                    access.null_safe.push(*null);
                }
                None => {
                    let mut one = Interval::default();
                    for (c, r) in &found {
                        if c != column {
                            continue;
                        }
                        match r {
                            Restriction::Lower(e, inclusive) => {
                                one.lower.get_or_insert(((*e).clone(), *inclusive));
                            }
                            Restriction::Upper(e, inclusive) => {
                                one.upper.get_or_insert(((*e).clone(), *inclusive));
                            }
                            Restriction::Any(list) => access.intervals.clone_from(list),
                            Restriction::Equal(..) => {}
                        }
                    }
                    if one.lower.is_some() || one.upper.is_some() {
                        access.intervals = vec![one];
                    }
                    break;
                }
            }
        }
        let full = access.equals.len() == columns.len();
        if access.equals.is_empty() && access.intervals.is_empty() {
            continue;
        }
        let mut cost = if full && unique && !nulls {
            points
        } else {
            let share: f64 = access.intervals.iter().map(share_of).sum();
            let share = if access.intervals.is_empty() {
                1.0
            } else {
                share.min(0.5)
            };
            (estimate * points * share).max(1.0)
        };
        if !(clustered || full && unique) {
            // Each entry of a secondary index costs a descent of the primary one.
            cost *= if access.equals.is_empty() { 8.0 } else { 1.5 };
        }
        if cost < best.1 || (matches!(best.0, Access::Full { .. }) && (clustered || cost <= best.1))
        {
            best = (Access::Index(access), cost);
        }
    }
    best
}

/// Unique indexes over large types store addresses, which have no useful order.
fn has_out_of_line(def: &TableDef, unique: bool, columns: &[usize]) -> bool {
    unique
        && columns.iter().any(|c| {
            matches!(
                def.columns[*c].ty,
                SqlType::Text(..) | SqlType::Blob(_) | SqlType::Json | SqlType::Geometry(..)
            )
        })
}

/// Notes which columns of stored tables the block reads.
fn mark_columns(block: &mut Block) {
    let mut used: Vec<SlotSet> = vec![SlotSet::default(); block.slots];
    block.for_each_expr(&mut |e| note(e, 0, &mut used));
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
                Source::Table(t) => t.columns = used[t.slot as usize].clone(),
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
                        a.covering = covers(&def, i, &scan.columns);
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
