//! How the rows of one stored table are reached: which index, which ranges of it.

use values::{Collation, SqlType};

use super::{covers, holds_volatile_call};
use crate::bind::types::{is_binary, is_integer, is_text};
use crate::exec::MAX_RANGES;
use crate::expr::{CompareAs, CompareOp, Expr, IsTest, SlotSet};
use crate::plan::{Access, IndexAccess, Interval, TableScan};
use crate::table::TableDef;

/// The path found for a scan.
pub(super) struct Found {
    /// The path.
    pub access: Access,
    /// Rows it is expected to read, secondary indexes at the price of their descents.
    pub cost: f64,
    /// Which of the conditions no row that it gives can fail.
    pub enforced: Vec<usize>,
}

/// `column op expression` of a slot, the expression known from placed slots.
pub(super) fn column_compare<'e>(
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

pub(super) fn equalities(
    slot: u16,
    conditions: &[&Expr],
    placed: &SlotSet,
) -> Vec<(u16, CompareAs, Expr)> {
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
pub(super) fn follows_order(def: &TableDef, column: usize, kind: CompareAs) -> bool {
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

/// Whether the keys that satisfy a restriction are exactly those that satisfy the condition it
/// comes from. Integers are compared as they are stored; equal texts have equal places.
fn is_exact(c: &Expr, scan: &TableScan) -> bool {
    let exact = |column: &Expr, kind: CompareAs, equality: bool| {
        let col = match column {
            Expr::Column { slot, col } if *slot == scan.slot => *col as usize,
            _ => return false,
        };
        match kind {
            CompareAs::Integer => is_integer(&scan.def.columns[col].ty),
            CompareAs::Text(_) | CompareAs::Binary => equality,
            _ => false,
        }
    };
    match c {
        Expr::Compare {
            op,
            kind,
            left,
            right,
        } => {
            let equality = *op == CompareOp::Eq;
            *op != CompareOp::NullSafeEq
                && (exact(left, *kind, equality) || exact(right, *kind, equality))
        }
        Expr::InList { expr, list, .. } => list.iter().all(|(_, k)| exact(expr, *k, true)),
        Expr::Or(list) => list.iter().all(|c| is_exact(c, scan)),
        // An interval has one lower and one upper end; of further ones it takes no notice.
        Expr::And(list) => {
            let ends: Vec<_> = list.iter().map(|c| is_lower_end(c, scan)).collect();
            let one = |end| ends.iter().filter(|e| **e == Some(end)).count() <= 1;
            list.iter().all(|c| is_exact(c, scan)) && one(true) && one(false)
        }
        _ => false,
    }
}

/// Whether a comparison of a column of the scan bounds it from below (true) or above.
fn is_lower_end(c: &Expr, scan: &TableScan) -> Option<bool> {
    let Expr::Compare { op, left, .. } = c else {
        return None;
    };
    let op = match &**left {
        Expr::Column { slot, .. } if *slot == scan.slot => *op,
        _ => op.flip(),
    };
    match op {
        CompareOp::Gt | CompareOp::Ge => Some(true),
        CompareOp::Lt | CompareOp::Le => Some(false),
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
pub(super) fn equal_rows(rows: f64) -> f64 {
    rows.sqrt()
}

/// The part of the rows that is expected in an interval.
fn share_of(i: &Interval) -> f64 {
    match (&i.lower, &i.upper) {
        (Some(_), Some(_)) => 1.0 / 200.0,
        _ => 1.0 / 3.0,
    }
}

/// The cheapest access path.
pub(super) fn access(scan: &TableScan, conditions: &[&Expr], placed: &SlotSet) -> Found {
    let rows = (scan.rows.max(1)) as f64;
    let found: Vec<(usize, usize, Restriction<'_>)> = conditions
        .iter()
        .enumerate()
        .filter_map(|(i, c)| restriction(c, scan, placed).map(|(col, r)| (i, col, r)))
        .collect();
    let mut best = Found {
        access: Access::Full { reverse: false },
        cost: rows,
        enforced: Vec::new(),
    };
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
            any_order: false,
        };
        let mut estimate = rows;
        let mut points = 1.0;
        let mut nulls = false;
        let mut used: Vec<usize> = Vec::new();
        for column in columns {
            let equal = found.iter().filter_map(|(i, c, r)| match r {
                Restriction::Equal(values, null) if c == column => Some((*i, values, null)),
                _ => None,
            });
            let equal = equal.min_by_key(|(_, v, _)| v.len());
            match equal {
                Some((i, values, null)) => {
                    points *= values.len() as f64;
                    nulls |= *null;
                    estimate = equal_rows(estimate);
                    access.equals.push(values.clone());
                    access.null_safe.push(*null);
                    used.push(i);
                }
                None => {
                    used.extend(bounds(&found, *column, &mut access.intervals));
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
        let covering = match (index, &scan.columns) {
            (Some(i), Some(columns)) => covers(def, i, columns),
            _ => false,
        };
        if !(clustered || covering || full && unique) {
            // Each entry of a secondary index costs a descent of the primary one.
            cost *= if access.equals.is_empty() { 8.0 } else { 1.5 };
        }
        let first = matches!(best.access, Access::Full { .. });
        if cost < best.cost || (first && (clustered || cost <= best.cost)) {
            // Longer lists than these are not multiplied out; see `exec::ranges`.
            let enforced = match points <= MAX_RANGES as f64 {
                true => used
                    .into_iter()
                    .filter(|i| is_exact(conditions[*i], scan))
                    .collect(),
                false => Vec::new(),
            };
            best = Found {
                access: Access::Index(access),
                cost,
                enforced,
            };
        }
    }
    best
}

/// The intervals that restrictions leave of a column; gives the conditions that say no more.
fn bounds(
    found: &[(usize, usize, Restriction<'_>)],
    column: usize,
    intervals: &mut Vec<Interval>,
) -> Vec<usize> {
    let mut one = Interval::default();
    let mut ends = Vec::new();
    let mut any = None;
    for (i, c, r) in found {
        if *c != column {
            continue;
        }
        match r {
            Restriction::Lower(e, inclusive) if one.lower.is_none() => {
                one.lower = Some(((*e).clone(), *inclusive));
                ends.push(*i);
            }
            Restriction::Upper(e, inclusive) if one.upper.is_none() => {
                one.upper = Some(((*e).clone(), *inclusive));
                ends.push(*i);
            }
            Restriction::Any(list) => any = Some((*i, list)),
            _ => {}
        }
    }
    if !ends.is_empty() {
        *intervals = vec![one];
        ends
    } else if let Some((i, list)) = any {
        intervals.clone_from(list);
        vec![i]
    } else {
        Vec::new()
    }
}

/// Unique indexes over large types store addresses, which have no useful order.
pub(super) fn has_out_of_line(def: &TableDef, unique: bool, columns: &[usize]) -> bool {
    unique
        && columns.iter().any(|c| {
            matches!(
                def.columns[*c].ty,
                SqlType::Text(..) | SqlType::Blob(_) | SqlType::Json | SqlType::Geometry(..)
            )
        })
}
