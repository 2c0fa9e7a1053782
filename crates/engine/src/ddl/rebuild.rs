//! Building tables and indexes from rows.

use std::sync::Arc;

use model::{Objects, Schema, Table};
use prolly::TupleMap;
use values::OwnedValue;
use values::tuple::EMPTY_TUPLE;

use crate::error::{Error, Result};
use crate::result::Flow;
use crate::root_state::{TableState, definition, view};
use crate::transaction::entries;
use crate::write::{decode_row, duplicate_error, encode_row};

/// A state for a table that is not in a root yet.
pub fn state_of(name: &str, table: Table, db: &str) -> Result<TableState> {
    let def = Arc::new(definition(name, &table, db));
    let v = view(&table, &def)?;
    Ok(TableState {
        name: name.to_string(),
        hash: chunks::Hash::EMPTY,
        table,
        def,
        view: v,
    })
}

/// Every row of a table as values, virtual columns NULL; equal rows of keyless tables repeat.
pub fn all_rows(
    state: &TableState,
    emit: &mut dyn FnMut(Vec<OwnedValue>) -> Result<()>,
) -> Result<()> {
    crate::exec::table_rows(&state.view, &mut |slot| {
        emit(decode_row(state, slot.key(), slot.value())?)?;
        Ok(Flow::Continue)
    })?;
    Ok(())
}

/// A table of this schema that holds the rows; uniqueness is checked.
pub fn table_of(
    objects: &Objects,
    name: &str,
    db: &str,
    schema: &Schema,
    rows: Vec<Vec<OwnedValue>>,
    auto_increment: Option<u64>,
) -> Result<Table> {
    let mut table = Table::new(objects, schema)?;
    if let Some(n) = auto_increment {
        table = table.with_auto_increment(n);
    }
    let state = state_of(name, table, db)?;
    let desc = state.table.layout().key_desc().clone();
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(rows.len());
    for row in &rows {
        let e = encode_row(&state, row)?;
        pairs.push((e.key, e.value));
    }
    pairs.sort_by(|a, b| desc.compare(&a.0, &b.0));
    if schema.is_keyless() {
        pairs.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same && let Some(count) = first.1.get_mut(..8) {
                let mut n = [0; 8];
                n.copy_from_slice(count);
                count.copy_from_slice(&(u64::from_le_bytes(n) + 1).to_le_bytes());
            }
            same
        });
    } else if let Some(pair) = pairs
        .windows(2)
        .find(|w| desc.compare(&w[0].0, &w[1].0).is_eq())
    {
        let row = decode_row(&state, &pair[1].0, &pair[1].1)?;
        return Err(duplicate_error(&state, &row, None));
    }
    let empty = state.table.rows()?;
    let map = TupleMap::build(
        empty.store().clone(),
        empty.order().clone(),
        empty.format().clone(),
        pairs.iter().map(|(k, v)| (k.as_slice(), v.as_slice())),
    )?;
    let table = state.table.with_rows(&map);
    let names: Vec<String> = schema.indexes.iter().map(|i| i.name.clone()).collect();
    with_indexes(table, name, db, &names)
}

/// How many equal rows of a keyless table an entry stands for.
fn cardinality(value: &[u8]) -> u64 {
    let count = values::Tuple(value).field(0).unwrap_or_default();
    let mut bytes = [0; 8];
    let n = count.len().min(8);
    bytes[..n].copy_from_slice(&count[..n]);
    u64::from_le_bytes(bytes)
}

/// Builds the named indexes of a table from its rows.
pub fn with_indexes(table: Table, name: &str, db: &str, names: &[String]) -> Result<Table> {
    if names.is_empty() {
        return Ok(table);
    }
    let state = state_of(name, table, db)?;
    let wanted: Vec<usize> = names
        .iter()
        .filter_map(|n| state.def.index(n))
        .filter(|i| state.def.indexes[*i].has_entries)
        .collect();
    let mut lists: Vec<Vec<Vec<u8>>> = vec![Vec::new(); wanted.len()];
    state
        .view
        .primary
        .scan(None, &Default::default(), false, &mut |slot| {
            let all = entries(&state, slot.key(), Some(slot.value()))?;
            let repeats = state.table.schema().is_keyless() && cardinality(slot.value()) > 1;
            for (list, i) in lists.iter_mut().zip(&wanted) {
                if let Some(Some(e)) = all.get(*i) {
                    let index = &state.def.indexes[*i];
                    let whole =
                        (0..index.columns.len()).all(|f| values::Tuple(e).field(f).is_some());
                    if repeats && index.unique && whole {
                        let row = decode_row(&state, slot.key(), slot.value())?;
                        return Err(duplicate_error(&state, &row, Some(*i)));
                    }
                    list.push(e.clone());
                }
            }
            Ok(Flow::Continue)
        })?;
    let mut maps = Vec::new();
    for (mut list, i) in lists.into_iter().zip(&wanted) {
        let index = &state.def.indexes[*i];
        let tree = &state.view.indexes[*i];
        list.sort_by(|a, b| tree.desc.compare(a, b));
        if index.unique {
            let n = index.columns.len();
            let clash = list.windows(2).find(|w| {
                (0..n).all(|f| values::Tuple(&w[0]).field(f).is_some())
                    && tree.desc.compare_prefix(&w[0], &w[1], n).is_eq()
            });
            if let Some(w) = clash {
                let row = state.view.row_of_entry(*i, &w[1])?;
                let row = row.ok_or_else(|| Error::general("index entry without row"))?;
                let row = decode_row(&state, row.key(), row.value())?;
                return Err(duplicate_error(&state, &row, Some(*i)));
            }
        }
        let empty = state.table.empty_index(&index.name)?;
        let map = TupleMap::build(
            empty.store().clone(),
            empty.order().clone(),
            empty.format().clone(),
            list.iter().map(|k| (k.as_slice(), &EMPTY_TUPLE[..])),
        )?;
        maps.push((index.name.clone(), map));
    }
    Ok(state
        .table
        .with_indexes(maps.iter().map(|(n, m)| (n.as_str(), m)))?)
}
