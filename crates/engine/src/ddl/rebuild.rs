//! Building tables and indexes from rows.

use std::sync::Arc;

use model::{Objects, Schema, Table};
use prolly::{Sorter, TupleMap};
use values::OwnedValue;
use values::tuple::EMPTY_TUPLE;

use crate::error::Result;
use crate::result::Flow;
use crate::root_state::{TableState, definition, view};
use crate::write::bulk::{BulkRows, Numbers, entry_sorter, has_plain_entries, merge_entries};
use crate::write::{Duplicates, decode_row, duplicate_error, virtual_value};

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
    let mut table = NewTable::new(objects, name, db, schema)?;
    for row in &rows {
        table.add(row)?;
    }
    table.finish(auto_increment)
}

/// A table that is filled with rows in any order, however many.
pub struct NewTable {
    name: String,
    db: String,
    rows: BulkRows,
    number: u64,
    /// Indexes whose entries are made at the end.
    later: Vec<String>,
}

impl NewTable {
    /// A table of this schema without rows.
    pub fn new(objects: &Objects, name: &str, db: &str, schema: &Schema) -> Result<NewTable> {
        let state = Arc::new(state_of(name, Table::new(objects, schema)?, db)?);
        // Equal rows of a keyless table are one entry, which a unique index has to know.
        let unique = state.def.indexes.iter().any(|i| i.unique);
        let at_once = |i: usize| has_plain_entries(&state, i) && !(schema.is_keyless() && unique);
        let later = (0..state.def.indexes.len())
            .filter(|i| !at_once(*i))
            .map(|i| state.def.indexes[i].name.clone())
            .collect();
        Ok(NewTable {
            name: name.to_string(),
            db: db.to_string(),
            rows: BulkRows::into(state.clone(), String::new(), Duplicates::Refuse, at_once)?,
            number: 0,
            later,
        })
    }

    /// Adds a row.
    pub fn add(&mut self, row: &[OwnedValue]) -> Result<()> {
        self.number += 1;
        self.rows.add(row, self.number)
    }

    /// The table, with the next number of AUTO_INCREMENT; uniqueness is checked.
    pub fn finish(self, auto_increment: Option<u64>) -> Result<Table> {
        let (mut table, _) = self.rows.build(|_, _| ())?;
        if let Some(n) = auto_increment {
            table = table.with_auto_increment(n);
        }
        with_indexes(table, &self.name, &self.db, &self.later)
    }
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
    // Entries of vector indexes have no order.
    enum Entries {
        Sorted(Sorter),
        Listed(Vec<Vec<u8>>),
    }
    let mut lists: Vec<Entries> = wanted
        .iter()
        .map(|i| match has_plain_entries(&state, *i) {
            true => Entries::Sorted(entry_sorter(&state, *i, wanted.len())),
            false => Entries::Listed(Vec::new()),
        })
        .collect();
    let layouts = state.table.layout().indexes();
    let blobs = state.table.objects().blobs();
    let mut builder = values::TupleBuilder::new();
    let mut number = 0;
    let scan = &mut |slot: crate::env::Slot| {
        number += 1;
        let (key, value) = (slot.key(), slot.value());
        let repeats = state.def.keyless() && cardinality(value) > 1;
        for (list, i) in lists.iter_mut().zip(&wanted) {
            let computed = |column: usize| virtual_value(&state, column, key, value);
            let e = layouts[*i].entry(key, value, &computed, &blobs, &mut builder)?;
            let index = &state.def.indexes[*i];
            let whole = || (0..index.columns.len()).all(|f| values::Tuple(&e).field(f).is_some());
            if repeats && index.unique && whole() {
                let row = decode_row(&state, key, value)?;
                return Err(duplicate_error(&state, &row, Some(*i)));
            }
            match list {
                Entries::Sorted(sorter) => sorter.push(&e, &[], number)?,
                Entries::Listed(list) => list.push(e),
            }
        }
        Ok(Flow::Continue)
    };
    state
        .view
        .primary
        .scan(None, &Default::default(), false, scan)?;
    let mut maps = Vec::new();
    for (list, i) in lists.into_iter().zip(&wanted) {
        let index = &state.def.indexes[*i];
        let empty = state.table.empty_index(&index.name)?;
        let map = match list {
            Entries::Sorted(sorter) => {
                let none = Numbers::default();
                let (map, clash) = merge_entries(&state, *i, &empty, sorter, &none, true)?;
                if let Some(clash) = clash {
                    return Err(clash.entry_error(&state, *i)?);
                }
                map
            }
            Entries::Listed(mut list) => {
                let desc = &state.view.indexes[*i].desc;
                list.sort_by(|a, b| desc.compare(a, b));
                TupleMap::build(
                    empty.store().clone(),
                    empty.order().clone(),
                    empty.format().clone(),
                    list.iter().map(|k| (k.as_slice(), &EMPTY_TUPLE[..])),
                )?
            }
        };
        maps.push((index.name.clone(), map));
    }
    Ok(state
        .table
        .with_indexes(maps.iter().map(|(n, m)| (n.as_str(), m)))?)
}
