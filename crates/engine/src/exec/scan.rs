//! Reading stored tables by their access paths.

use std::collections::HashMap;

use values::tuple::tuple_of;
use values::{SqlType, TupleBuilder, TupleDesc, Value};

use super::join::{Next, lookup};
use super::rows_of_keys::emit_rows;
use crate::convert::{IndexValue, index_value};
use crate::env::{Env, Slot};
use crate::error::Result;
use crate::eval::append_hash_key;
use crate::plan::{Access, IndexAccess, Interval, TableScan};
use crate::result::Flow;
use crate::view::{KeyBound, KeyRange, TableView};

/// Most ranges that IN lists are multiplied out to; beyond, the leading columns' ranges are read.
pub(crate) const MAX_RANGES: usize = 100_000;

/// Rows of a table, each put into its slot.
pub(super) fn run<'e>(
    t: &'e TableScan,
    env: &mut Env<'e>,
    next: &mut Next<'_, 'e>,
) -> Result<Flow> {
    let cx = env.cx;
    let view = cx.table(t.table)?;
    let slot = t.slot as usize;
    let covering = match &t.access {
        Access::Index(IndexAccess {
            index: Some(i),
            covering: true,
            ..
        }) => Some(*i),
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
        Access::Index(a) if a.index.is_none() && a.is_point(&view.def.primary_key) => {
            let row = match point(a, view, env)? {
                Some(key) => view.primary.get(view.changes(None), &key)?,
                None => None,
            };
            match row {
                Some(row) => {
                    env.slots[slot] = row;
                    next(env)
                }
                None => Ok(Flow::Continue),
            }
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
pub fn table_rows(view: &TableView, emit: &mut dyn FnMut(Slot) -> Result<Flow>) -> Result<Flow> {
    full(view, false, emit)
}

fn full(
    view: &TableView,
    reverse: bool,
    emit: &mut dyn FnMut(Slot) -> Result<Flow>,
) -> Result<Flow> {
    let changes = view.changes(None);
    if !view.def.keyless() {
        return view
            .primary
            .scan(changes, &KeyRange::default(), reverse, emit);
    }
    view.primary
        .scan(changes, &KeyRange::default(), reverse, &mut |row| {
            copies(view, row, emit)
        })
}

fn copies(view: &TableView, row: Slot, emit: &mut dyn FnMut(Slot) -> Result<Flow>) -> Result<Flow> {
    for _ in 0..view.copies(&row) {
        if emit(row.clone())? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// Keys of rows that are put in order before the rows are read.
const KEYS_AT_ONCE: usize = 65536;

/// A primary key with its rank, which decides most comparisons.
struct RankedKey {
    rank: u64,
    key: Vec<u8>,
}

impl AsRef<[u8]> for RankedKey {
    fn as_ref(&self) -> &[u8] {
        &self.key
    }
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
        Some(i) if a.any_order && !view.def.keyless() => {
            let mut keys: Vec<RankedKey> = Vec::new();
            let desc = &view.primary.desc;
            let mut rows = |keys: &mut Vec<RankedKey>| -> Result<Flow> {
                keys.sort_unstable_by(|a, b| {
                    let rank = a.rank.cmp(&b.rank);
                    rank.then_with(|| desc.compare(&a.key, &b.key))
                });
                let flow = emit_rows(view, keys, emit);
                keys.clear();
                flow
            };
            let flow = tree.scan(changes, range, false, &mut |entry| {
                let key = view.key_of_entry(i, entry.key())?;
                let rank = desc.rank(&key);
                keys.push(RankedKey { rank, key });
                match keys.len() == KEYS_AT_ONCE {
                    true => rows(&mut keys),
                    false => Ok(Flow::Continue),
                }
            })?;
            match flow {
                Flow::Stop => Ok(Flow::Stop),
                Flow::Continue => rows(&mut keys),
            }
        }
        Some(i) => tree.scan(changes, range, a.reverse, &mut |entry| match view
            .row_of_entry(i, entry.key())?
        {
            Some(row) if view.def.keyless() => copies(view, row, emit),
            Some(row) => emit(row),
            None => Ok(Flow::Continue),
        }),
    }
}

/// The primary key that a path of one row asks for; none where no key can be equal.
fn point(a: &IndexAccess, view: &TableView, env: &Env<'_>) -> Result<Option<Vec<u8>>> {
    let mut key = TupleBuilder::new();
    let mut field = Vec::new();
    for (column, values) in view.def.primary_key.iter().zip(&a.equals) {
        let [e] = values.as_slice() else {
            return Ok(None);
        };
        let ty = &view.def.columns[*column].ty;
        let IndexValue::Exact(v) = index_value(&e.eval(env)?, ty, env.cx)? else {
            return Ok(None);
        };
        field.clear();
        encode_into(&view.primary, *column, &v, &mut field)?;
        key.push(Some(&field));
    }
    Ok(Some(key.finish()?))
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
    let mut between: Vec<(Edge, Edge)> = Vec::new();
    if complete && fields < columns.len() && !a.intervals.is_empty() {
        let column = columns[fields];
        let ty = &view.def.columns[column].ty;
        for i in &a.intervals {
            if let Some((lower, upper)) = interval(i, ty, &|v| encode(tree, column, v), env)? {
                // NULLs stand in front of all values, and no comparison is true for them.
                let nulls = (view.def.columns[column].nullable).then_some((None, false));
                between.push((lower.or(nulls), upper));
            }
        }
        if between.is_empty() {
            return Ok(Vec::new());
        }
    } else {
        between.push((None, None));
    }
    let bound = |prefix: &[Option<Vec<u8>>], edge: &Edge| -> Result<Option<KeyBound>> {
        let mut key: Vec<Option<&[u8]>> = prefix.iter().map(Option::as_deref).collect();
        Ok(match edge {
            Some((bytes, inclusive)) => {
                key.push(bytes.as_deref());
                let tuple = tuple_of(&key)?;
                Some(KeyBound {
                    tuple,
                    fields: fields + 1,
                    inclusive: *inclusive,
                })
            }
            None if fields == 0 => None,
            None => Some(KeyBound {
                tuple: tuple_of(&key)?,
                fields,
                inclusive: true,
            }),
        })
    };
    let mut out = Vec::with_capacity(prefixes.len() * between.len());
    for prefix in &prefixes {
        for (lower, upper) in &between {
            out.push(KeyRange {
                lower: bound(prefix, lower)?,
                upper: bound(prefix, upper)?,
            });
        }
    }
    if out.len() > 1 {
        join_ranges(&mut out, &tree.desc);
        if a.reverse {
            out.reverse();
        }
    }
    Ok(out)
}

/// Puts ranges in order and joins those that meet, so that no row comes twice.
fn join_ranges(list: &mut Vec<KeyRange>, desc: &TupleDesc) {
    use std::cmp::Ordering;
    let compare = |a: &KeyBound, b: &KeyBound| {
        desc.compare_prefix(&a.tuple, &b.tuple, a.fields.min(b.fields))
    };
    list.sort_by(|x, y| match (&x.lower, &y.lower) {
        (Some(a), Some(b)) => {
            let inclusive = || b.inclusive.cmp(&a.inclusive);
            compare(a, b)
                .then(a.fields.cmp(&b.fields))
                .then_with(inclusive)
        }
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
    });
    list.dedup_by(|next, last| {
        let (Some(end), Some(start)) = (&last.upper, &next.lower) else {
            // Ordered by lower ends: one that is open behind, or a second one open in front.
            if last.upper.is_some() && next.lower.is_none() {
                extend(last, next, &compare);
            }
            return true;
        };
        // Bounds of equal prefixes meet wherever one of them takes the prefix in.
        let apart = match compare(end, start) {
            Ordering::Less => true,
            Ordering::Equal => !end.inclusive && !start.inclusive && end.fields == start.fields,
            Ordering::Greater => false,
        };
        if !apart {
            extend(last, next, &compare);
        }
        !apart
    });
}

/// Gives a range the later end of two.
fn extend(
    last: &mut KeyRange,
    next: &KeyRange,
    compare: &dyn Fn(&KeyBound, &KeyBound) -> std::cmp::Ordering,
) {
    let later = match (&last.upper, &next.upper) {
        (Some(a), Some(b)) => {
            let order = compare(a, b).then(b.fields.cmp(&a.fields));
            order.then(a.inclusive.cmp(&b.inclusive)).is_lt()
        }
        (Some(_), None) => true,
        (None, _) => false,
    };
    if later {
        last.upper.clone_from(&next.upper);
    }
}

/// An end of an interval as the column stores it (NULL is none), and whether it is included; an
/// open end is none.
type Edge = Option<(Option<Vec<u8>>, bool)>;

/// The ends of an interval on the current outer rows; none where it is empty.
fn interval(
    i: &Interval,
    ty: &SqlType,
    encode: &dyn Fn(&Value<'_>) -> Result<Vec<u8>>,
    env: &Env<'_>,
) -> Result<Option<(Edge, Edge)>> {
    let (mut lower, mut upper) = (None, None);
    if let Some((e, inclusive)) = &i.lower {
        match index_value(&e.eval(env)?, ty, env.cx)? {
            IndexValue::Null | IndexValue::Above => return Ok(None),
            IndexValue::Below => {}
            IndexValue::Exact(v) => lower = Some((Some(encode(&v)?), *inclusive)),
            IndexValue::Floor(v) => lower = Some((Some(encode(&v)?), false)),
        }
    }
    if let Some((e, inclusive)) = &i.upper {
        match index_value(&e.eval(env)?, ty, env.cx)? {
            IndexValue::Null | IndexValue::Below => return Ok(None),
            IndexValue::Above => {}
            IndexValue::Exact(v) => upper = Some((Some(encode(&v)?), *inclusive)),
            IndexValue::Floor(v) => upper = Some((Some(encode(&v)?), true)),
        }
    }
    Ok(Some((lower, upper)))
}

fn encode(tree: &crate::view::Tree, column: usize, v: &Value<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encode_into(tree, column, v, &mut out)?;
    Ok(out)
}

fn encode_into(
    tree: &crate::view::Tree,
    column: usize,
    v: &Value<'_>,
    out: &mut Vec<u8>,
) -> Result<()> {
    if let Some(Some(place)) = tree.layout.places.get(column) {
        values::encode_field(place.encoding, &place.ty, v, &values::NoBlobs, out)?;
    }
    Ok(())
}

/// The number of rows that an access path gives where no condition is left to check.
pub(super) fn count<'e>(t: &'e TableScan, env: &mut Env<'e>) -> Result<u64> {
    let cx = env.cx;
    let view = cx.table(t.table)?;
    let index = match &t.access {
        Access::Index(a) => a.index,
        _ => None,
    };
    let changes = view.changes(index).is_some_and(|c| !c.rows.is_empty());
    if !changes && !view.def.keyless() {
        match &t.access {
            Access::Full { .. } => return Ok(view.primary.root.tree_count()),
            Access::Index(a) => {
                let list = ranges(a, view, env)?;
                return list.iter().map(|r| view.tree(index).count(r)).sum();
            }
            Access::Hash(_) | Access::Empty => {}
        }
    }
    let mut n = 0u64;
    run(t, env, &mut |_| {
        n += 1;
        if n.is_multiple_of(4096) {
            cx.check_interrupt()?;
        }
        Ok(Flow::Continue)
    })?;
    Ok(n)
}
