//! Rows and index entries that go into the trees of a table.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::Table;
use prolly::{Edit, TupleMap};
use values::{Tuple, TupleBuilder};

use super::{TableChanges, serialization_failure};
use crate::error::{Error, Result};
use crate::fulltext::tables::{is_count, merged_count};
use crate::root_state::TableState;
use crate::view::{OverlayKey, OverlayMap, TableOverlay};

/// The changes of a tree in the order of its keys.
pub(crate) fn edits_of(map: &OverlayMap) -> Vec<Edit<&[u8], &[u8]>> {
    map.rows
        .iter()
        .map(|(key, pair)| match pair {
            Some(p) => Edit::put(p.0.as_slice(), p.1.as_slice()),
            None => Edit::remove(key.bytes()),
        })
        .collect()
}

/// Applies changes to the very rows that they were made on.
pub(crate) fn edit_table(current: &TableState, overlay: &TableOverlay) -> Result<Table> {
    let rows = current.table.rows()?.edit(&edits_of(&overlay.primary))?;
    let mut table = current.table.with_rows(&rows);
    let mut maps: Vec<(&str, TupleMap)> = Vec::new();
    for (i, index) in current.def.indexes.iter().enumerate() {
        let Some(map) = overlay.indexes.get(i).filter(|m| !m.rows.is_empty()) else {
            continue;
        };
        let entries = current.table.index(&index.name)?.edit(&edits_of(map))?;
        maps.push((index.name.as_str(), entries));
    }
    if !maps.is_empty() {
        table = table.with_indexes(maps.iter().map(|(n, m)| (*n, m)))?;
    }
    Ok(table)
}

/// Rows whose changes are held against committed ones at a time.
const MERGED_AT_ONCE: usize = 16384;

/// A row that a transaction has changed.
struct ChangedRow {
    key: Vec<u8>,
    /// As it was committed when the transaction first changed it.
    base: Option<Vec<u8>>,
    /// As the transaction leaves it.
    ours: Option<Vec<u8>>,
}

/// Applies changes to rows that somebody else may have changed, too.
pub(super) fn merge_table(
    current: &TableState,
    changes: &TableChanges,
    twice: ChangedTwice,
) -> Result<Table> {
    let mut merge = TableMerge::new(current, twice)?;
    for_each_row(changes, &mut |row| merge.add(row))?;
    merge.finish()
}

/// Changes as they are to be made on the newest version of a table, whose rows somebody else may
/// have changed, too. For changes that fit into memory.
pub(super) fn overlay_on(
    current: &TableState,
    changes: &TableChanges,
    twice: ChangedTwice,
) -> Result<Arc<TableOverlay>> {
    if changes.stand_on(current) {
        return Ok(changes.overlay.clone());
    }
    let mut overlay = TableOverlay::default();
    let indexes = current.def.indexes.len();
    overlay.indexes.resize_with(indexes, OverlayMap::default);
    let twice = twice.of(current);
    for_each_row(changes, &mut |row| {
        let Some(row) = merge_row(current, twice, row)? else {
            return Ok(());
        };
        for (i, before, after) in row.entries {
            let desc = &current.view.indexes[i].desc;
            let map = &mut overlay.indexes[i].rows;
            if let Some(before) = before {
                map.insert(OverlayKey::new(desc, &before), None);
            }
            if let Some(after) = after {
                let pair = Arc::new((after.clone(), values::tuple::EMPTY_TUPLE.to_vec()));
                map.insert(OverlayKey::new(desc, &after), Some(pair));
            }
        }
        let at = OverlayKey::new(&current.view.primary.desc, &row.key);
        let pair = row.value.map(|value| Arc::new((row.key, value)));
        overlay.primary.rows.insert(at, pair);
        Ok(())
    })?;
    Ok(Arc::new(overlay))
}

/// Whether changes of an index touch the same key, and it allows that only once.
pub(super) fn shares_unique_key(
    current: &TableState,
    i: usize,
    a: &OverlayMap,
    b: &OverlayMap,
) -> bool {
    let index = &current.def.indexes[i];
    if !index.unique || a.rows.is_empty() {
        return false;
    }
    let n = index.columns.len();
    let desc = &current.view.indexes[i].desc;
    let is_same = |x: &OverlayKey, y: &OverlayKey| {
        desc.compare_prefix(x.bytes(), y.bytes(), n) == Ordering::Equal
    };
    // Entries with equal leading fields stand side by side.
    b.rows.keys().any(|key| {
        let before = a.rows.range(..=key).next_back();
        let after = a.rows.range(key..).next();
        before
            .into_iter()
            .chain(after)
            .any(|(k, _)| is_same(k, key))
    })
}

fn for_each_row(
    changes: &TableChanges,
    each: &mut dyn FnMut(ChangedRow) -> Result<()>,
) -> Result<()> {
    match &changes.folded {
        None => {
            for (key, pair) in &changes.overlay.primary.rows {
                each(ChangedRow {
                    // An equal key may have other bytes.
                    key: pair
                        .as_ref()
                        .map_or_else(|| key.bytes().to_vec(), |p| p.0.clone()),
                    base: changes.base_of(key)?.map(Cow::into_owned),
                    ours: pair.as_ref().map(|p| p.1.clone()),
                })?;
            }
        }
        Some(committed) => {
            let ours = edit_table(&changes.state, &changes.overlay)?.rows()?;
            for change in committed.table.rows()?.diff(&ours) {
                let change = change?;
                let key = change.to.as_ref().map_or(change.key(), |item| item.key());
                each(ChangedRow {
                    key: key.to_vec(),
                    base: change.from_value().map(<[u8]>::to_vec),
                    ours: change.to_value().map(<[u8]>::to_vec),
                })?;
            }
        }
    }
    Ok(())
}

/// What a changed row becomes in the newest version of its table.
struct MergedRow {
    key: Vec<u8>,
    /// None: it goes.
    value: Option<Vec<u8>>,
    /// Index entries that change, by index: as they were, and as they become.
    entries: Vec<(usize, Option<Vec<u8>>, Option<Vec<u8>>)>,
}

/// What becomes of a row that somebody else has changed, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangedTwice {
    /// Both changes are kept if they are of different cells or the same.
    Merges,
    /// The transaction fails: it will run again.
    Fails,
    /// Its values are counts, which add up.
    Adds,
}

impl ChangedTwice {
    fn of(self, table: &TableState) -> ChangedTwice {
        match is_count(&table.name) {
            true => ChangedTwice::Adds,
            false => self,
        }
    }
}

/// Merges a changed row with what somebody else may have made of it; none if that is the same.
fn merge_row(
    current: &TableState,
    twice: ChangedTwice,
    row: ChangedRow,
) -> Result<Option<MergedRow>> {
    let view = &current.view;
    let ChangedRow { key, base, ours } = row;
    let found = view.primary.get(None, &key)?;
    let theirs = found.as_ref().map(|s| s.value().to_vec());
    let value = if theirs == base {
        ours
    } else if twice == ChangedTwice::Adds {
        merged_count(base.as_deref(), ours.as_deref(), theirs.as_deref())
    } else if twice == ChangedTwice::Fails {
        return Err(serialization_failure());
    } else if ours == theirs || ours == base {
        return Ok(None);
    } else {
        match (&base, &ours, &theirs) {
            (Some(b), Some(o), Some(t)) if !current.def.keyless() => {
                Some(merge_cells(b, o, t).ok_or_else(serialization_failure)?)
            }
            _ => return Err(serialization_failure()),
        }
    };
    let there = found.as_ref().map_or(key.as_slice(), |s| s.key());
    let before = entries(current, there, theirs.as_deref())?;
    let after = entries(current, &key, value.as_deref())?;
    let mut changed = Vec::new();
    for (i, (before, after)) in before.into_iter().zip(after).enumerate() {
        if before == after {
            continue;
        }
        if let Some(after) = &after {
            check_unique(current, i, after, &key)?;
        }
        changed.push((i, before, after));
    }
    Ok(Some(MergedRow {
        key,
        value,
        entries: changed,
    }))
}

/// Changed rows on their way into a table that others have changed, a number of them at a time.
struct TableMerge<'a> {
    current: &'a TableState,
    twice: ChangedTwice,
    map: TupleMap,
    maps: Vec<Option<TupleMap>>,
    rows: Vec<Edit<Vec<u8>, Vec<u8>>>,
    entries: Vec<BTreeMap<OverlayKey, Option<Vec<u8>>>>,
}

impl TableMerge<'_> {
    fn new(current: &TableState, twice: ChangedTwice) -> Result<TableMerge<'_>> {
        let n = current.def.indexes.len();
        Ok(TableMerge {
            current,
            twice: twice.of(current),
            map: current.table.rows()?,
            maps: vec![None; n],
            rows: Vec::new(),
            entries: vec![BTreeMap::new(); n],
        })
    }

    fn add(&mut self, row: ChangedRow) -> Result<()> {
        let Some(row) = merge_row(self.current, self.twice, row)? else {
            return Ok(());
        };
        for (i, before, after) in row.entries {
            let desc = &self.current.view.indexes[i].desc;
            if let Some(b) = before {
                self.entries[i].insert(OverlayKey::new(desc, &b), None);
            }
            if let Some(a) = after {
                self.entries[i].insert(OverlayKey::new(desc, &a), Some(a));
            }
        }
        self.rows.push(match row.value {
            Some(v) => Edit::put(row.key, v),
            None => Edit::remove(row.key),
        });
        if self.rows.len() >= MERGED_AT_ONCE {
            self.apply()?;
        }
        Ok(())
    }

    fn apply(&mut self) -> Result<()> {
        self.map = self.map.edit(&std::mem::take(&mut self.rows))?;
        for (i, index) in self.current.def.indexes.iter().enumerate() {
            let entries = std::mem::take(&mut self.entries[i]);
            if entries.is_empty() {
                continue;
            }
            let edits: Vec<Edit<Vec<u8>, Vec<u8>>> = entries
                .into_iter()
                .map(|(k, v)| match v {
                    Some(bytes) => Edit::put(bytes, values::tuple::EMPTY_TUPLE.to_vec()),
                    None => Edit::remove(k.bytes().to_vec()),
                })
                .collect();
            let map = match self.maps[i].take() {
                Some(map) => map,
                None => self.current.table.index(&index.name)?,
            };
            self.maps[i] = Some(map.edit(&edits)?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Table> {
        self.apply()?;
        let mut table = self.current.table.with_rows(&self.map);
        let indexes = self.current.def.indexes.iter().zip(&self.maps);
        let edited: Vec<_> = indexes
            .filter_map(|(index, map)| Some((index.name.as_str(), map.as_ref()?)))
            .collect();
        if !edited.is_empty() {
            table = table.with_indexes(edited)?;
        }
        Ok(table)
    }
}

/// The index entries of a row, none per index when there is no row.
pub fn entries(
    state: &TableState,
    key: &[u8],
    value: Option<&[u8]>,
) -> Result<Vec<Option<Vec<u8>>>> {
    entries_where(state, key, value, &|_| true)
}

/// The entries of a row in some of the indexes, none for the others.
pub fn entries_where(
    state: &TableState,
    key: &[u8],
    value: Option<&[u8]>,
    wanted: &dyn Fn(usize) -> bool,
) -> Result<Vec<Option<Vec<u8>>>> {
    let layout = state.table.layout();
    let blobs = state.table.objects().blobs();
    let mut builder = TupleBuilder::new();
    let mut out = Vec::with_capacity(layout.indexes().len());
    for (i, form) in layout.indexes().iter().enumerate() {
        let has_entries = state.def.indexes.get(i).is_some_and(|x| x.has_entries);
        out.push(match value {
            Some(v) if has_entries && wanted(i) => {
                let computed = |column: usize| crate::write::virtual_value(state, column, key, v);
                Some(form.entry(key, v, &computed, &blobs, &mut builder)?)
            }
            _ => None,
        });
    }
    Ok(out)
}

/// Fails when another row of the table has a unique key of this one.
pub(crate) fn check_unique_row(state: &TableState, key: &[u8], value: Option<&[u8]>) -> Result<()> {
    for (i, entry) in entries(state, key, value)?.iter().enumerate() {
        if let Some(entry) = entry
            && check_unique(state, i, entry, key).is_err()
        {
            let index = &state.def.indexes[i].name;
            return Err(Error::duplicate_entry(
                "",
                format!("{}.{index}", state.name),
            ));
        }
    }
    Ok(())
}

/// Fails when another row that was committed meanwhile has the same unique key.
fn check_unique(current: &TableState, i: usize, entry: &[u8], key: &[u8]) -> Result<()> {
    let index = &current.def.indexes[i];
    let n = index.columns.len();
    if !index.unique || (0..n).any(|f| Tuple(entry).field(f).is_none()) {
        return Ok(());
    }
    let view = &current.view;
    let range = crate::view::KeyRange::prefix(entry, n);
    let mut clash = false;
    view.indexes[i].scan(None, &range, false, &mut |slot| {
        if let Some(row) = view.row_of_entry(i, slot.key())? {
            clash |= view.primary.desc.compare(row.key(), key).is_ne();
        }
        Ok(crate::result::Flow::Continue)
    })?;
    if clash {
        Err(serialization_failure())
    } else {
        Ok(())
    }
}

/// Field by field: what one side left alone takes the other's value; none on a conflict.
fn merge_cells(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let (b, o, t) = (Tuple(base), Tuple(ours), Tuple(theirs));
    let n = b.len().max(o.len()).max(t.len());
    let mut out = TupleBuilder::new();
    for i in 0..n {
        let (b, o, t) = (b.field(i), o.field(i), t.field(i));
        let merged = if o == b {
            t
        } else if t == b || o == t {
            o
        } else {
            return None;
        };
        out.push(merged);
    }
    out.finish().ok()
}
