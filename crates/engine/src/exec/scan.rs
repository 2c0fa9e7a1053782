//! Reading stored tables by their access paths.

use std::collections::HashMap;

use values::tuple::tuple_of;
use values::{SqlType, Value};

use super::join::{Next, lookup};
use crate::context::Context;
use crate::convert::{IndexValue, index_value};
use crate::env::{Env, Slot};
use crate::error::Result;
use crate::eval::append_hash_key;
use crate::expr::Expr;
use crate::plan::{Access, IndexAccess, TableScan};
use crate::result::Flow;
use crate::view::{KeyBound, KeyRange, TableView};

/// Most ranges that IN lists are multiplied out to; beyond, the leading columns' ranges are read.
const MAX_RANGES: usize = 100_000;

/// Rows of a table, each put into its slot.
pub(super) fn run<'e>(t: &'e TableScan, env: &mut Env<'e>, next: &mut Next<'_, 'e>) -> Result<Flow> {
    let cx = env.cx;
    let view = cx.table(t.table)?;
    let slot = t.slot as usize;
    let covering = match &t.access {
        Access::Index(IndexAccess { index: Some(i), covering: true, .. }) => Some(*i),
        _ => None,
    };
    env.layouts[slot] = Some(view.tree(covering).layout.clone());
    match &t.access {
        Access::Empty => Ok(Flow::Continue),
        Access::Hash(keys) => {
            let address = std::ptr::from_ref(t) as usize;
            let table = match cx.hash_table(address) {
                Some(found) => found,
                None => {
                    let mut map: HashMap<Vec<u8>, Vec<Slot>> = HashMap::new();
                    let layout = view.primary.layout.clone();
                    full(view, false, &mut |row| {
                        let mut key = Vec::new();
                        for (col, kind, _) in keys {
                            let v = layout.column(*col as usize, row.key(), row.value())?;
                            if !append_hash_key(*kind, &v, cx, &mut key)? {
                                return Ok(Flow::Continue);
                            }
                        }
                        map.entry(key).or_default().push(row);
                        Ok(Flow::Continue)
                    })?;
                    cx.keep_hash_table(address, map)
                }
            };
            lookup(&table, keys, t.slot, env, next)
        }
        Access::Full { reverse } => {
            let mut count = 0u32;
            full(view, *reverse, &mut |row| {
                count = count.wrapping_add(1);
                if count.is_multiple_of(1024) {
                    cx.check_interrupt()?;
                }
                env.slots[slot] = row;
                next(env)
            })
        }
        Access::Index(a) => {
            let mut stopped = Flow::Continue;
            let list = ranges(a, view, env)?;
            for range in &list {
                let flow = index_rows(a, view, range, &mut |row| {
                    env.slots[slot] = row;
                    next(env)
                })?;
                if flow == Flow::Stop {
                    stopped = flow;
                    break;
                }
            }
            Ok(stopped)
        }
    }
}

/// Every row of a table by its access path, without slots; for UPDATE and DELETE.
pub fn table_rows(
    view: &TableView,
    emit: &mut dyn FnMut(Slot) -> Result<Flow>,
) -> Result<Flow> {
    full(view, false, emit)
}

fn full(
    view: &TableView,
    reverse: bool,
    emit: &mut dyn FnMut(Slot) -> Result<Flow>,
) -> Result<Flow> {
    let changes = view.changes(None);
    if !view.def.keyless() {
        return view.primary.scan(changes, &KeyRange::default(), reverse, emit);
    }
    view.primary.scan(changes, &KeyRange::default(), reverse, &mut |row| copies(view, row, emit))
}

fn copies(
    view: &TableView,
    row: Slot,
    emit: &mut dyn FnMut(Slot) -> Result<Flow>,
) -> Result<Flow> {
    for _ in 0..view.copies(&row) {
        if emit(row.clone())? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

fn index_rows(
    a: &IndexAccess,
    view: &TableView,
    range: &KeyRange,
    emit: &mut dyn FnMut(Slot) -> Result<Flow>,
) -> Result<Flow> {
    let tree = view.tree(a.index);
    let changes = view.changes(a.index);
    match a.index {
        None => {
            let whole = tree.desc.len();
            if let (Some(l), Some(u)) = (&range.lower, &range.upper)
                && l.fields == whole
                && u.fields == whole
                && l.inclusive
                && u.inclusive
                && l.tuple == u.tuple
            {
                return match tree.get(changes, &l.tuple)? {
                    Some(row) => emit(row),
                    None => Ok(Flow::Continue),
                };
            }
            tree.scan(changes, range, a.reverse, emit)
        }
        Some(_) if a.covering => tree.scan(changes, range, a.reverse, emit),
        Some(i) => tree.scan(changes, range, a.reverse, &mut |entry| {
            match view.row_of_entry(i, entry.key())? {
                Some(row) if view.def.keyless() => copies(view, row, emit),
                Some(row) => emit(row),
                None => Ok(Flow::Continue),
            }
        }),
    }
}

/// The key ranges of an access path on the current outer rows, in key order.
pub fn ranges(a: &IndexAccess, view: &TableView, env: &Env<'_>) -> Result<Vec<KeyRange>> {
    let cx = env.cx;
    let tree = view.tree(a.index);
    let columns = match a.index {
        None => &view.def.primary_key,
        Some(i) => &view.def.indexes[i].key_columns,
    };
    let mut prefixes: Vec<Vec<Option<Vec<u8>>>> = vec![Vec::new()];
    let mut fields = 0;
    for (at, values) in a.equals.iter().enumerate() {
        let column = columns[at];
        let mut encoded: Vec<Option<Vec<u8>>> = Vec::with_capacity(values.len());
        for e in values {
            let v = e.eval(env)?;
            match index_value(&v, &view.def.columns[column].ty, cx)? {
                IndexValue::Exact(v) => encoded.push(Some(encode(tree, column, &v)?)),
                IndexValue::Null if a.null_safe[at] => encoded.push(None),
                _ => {}
            }
        }
        if prefixes.len().saturating_mul(encoded.len()) > MAX_RANGES {
            break;
        }
        let mut longer = Vec::with_capacity(prefixes.len() * encoded.len());
        for prefix in &prefixes {
            for field in &encoded {
                let mut next = prefix.clone();
                next.push(field.clone());
                longer.push(next);
            }
        }
        prefixes = longer;
        fields += 1;
    }
    let complete = fields == a.equals.len();
    let mut lower_field = None;
    let mut upper_field = None;
    if complete && fields < columns.len() {
        let ty = &view.def.columns[columns[fields]].ty;
        if let Some((e, inclusive)) = &a.lower {
            match bound(e, ty, env)? {
                Edge::Nothing | Edge::Above => return Ok(Vec::new()),
                Edge::Below => {}
                Edge::At(v) => lower_field = Some((encode(tree, columns[fields], &v)?, *inclusive)),
                Edge::Over(v) => lower_field = Some((encode(tree, columns[fields], &v)?, false)),
            }
        }
        if let Some((e, inclusive)) = &a.upper {
            match bound(e, ty, env)? {
                Edge::Nothing | Edge::Below => return Ok(Vec::new()),
                Edge::Above => {}
                Edge::At(v) => upper_field = Some((encode(tree, columns[fields], &v)?, *inclusive)),
                Edge::Over(v) => upper_field = Some((encode(tree, columns[fields], &v)?, true)),
            }
        }
    }
    let mut out = Vec::with_capacity(prefixes.len());
    for prefix in &prefixes {
        let end = |field: &Option<(Vec<u8>, bool)>| -> Result<Option<KeyBound>> {
            let mut key: Vec<Option<&[u8]>> = prefix.iter().map(Option::as_deref).collect();
            Ok(match field {
                Some((bytes, inclusive)) => {
                    key.push(Some(bytes));
                    let tuple = tuple_of(&key)?;
                    Some(KeyBound { tuple, fields: fields + 1, inclusive: *inclusive })
                }
                None if fields == 0 => None,
                None => Some(KeyBound { tuple: tuple_of(&key)?, fields, inclusive: true }),
            })
        };
        out.push(KeyRange { lower: end(&lower_field)?, upper: end(&upper_field)? });
    }
    if out.len() > 1 {
        let desc = &tree.desc;
        let order = |x: &KeyRange, y: &KeyRange| match (&x.lower, &y.lower) {
            (Some(p), Some(q)) => desc.compare_prefix(&p.tuple, &q.tuple, fields.max(1)),
            _ => std::cmp::Ordering::Equal,
        };
        out.sort_by(order);
        out.dedup_by(|x, y| order(x, y).is_eq());
        if a.reverse {
            out.reverse();
        }
    }
    Ok(out)
}

enum Edge {
    /// The value itself.
    At(Value<'static>),
    /// Just above this value.
    Over(Value<'static>),
    /// Below every value of the column.
    Below,
    /// Above every value of the column.
    Above,
    /// NULL: nothing compares with it.
    Nothing,
}

fn bound(e: &Expr, ty: &SqlType, env: &Env<'_>) -> Result<Edge> {
    let v = e.eval(env)?;
    Ok(match index_value(&v, ty, env.cx)? {
        IndexValue::Exact(v) => Edge::At(v),
        IndexValue::Floor(v) => Edge::Over(v),
        IndexValue::Below => Edge::Below,
        IndexValue::Above => Edge::Above,
        IndexValue::Null => Edge::Nothing,
    })
}

fn encode(tree: &crate::view::Tree, column: usize, v: &Value<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if let Some(Some(place)) = tree.layout.places.get(column) {
        values::encode_field(place.encoding, &place.ty, v, &values::NoBlobs, &mut out)?;
    }
    Ok(out)
}

/// Rows of a table without conditions, as a number.
pub(super) fn count(view: &TableView, cx: &Context<'_>) -> Result<u64> {
    let changes = view.changes(None).is_some_and(|c| !c.rows.is_empty());
    if !changes && !view.def.keyless() {
        return Ok(view.primary.root.tree_count());
    }
    let mut n = 0u64;
    full(view, false, &mut |_| {
        n += 1;
        if n.is_multiple_of(4096) {
            cx.check_interrupt()?;
        }
        Ok(Flow::Continue)
    })?;
    Ok(n)
}
