//! Keeping the tables of a full-text index in step with the rows.

use std::sync::Arc;

use model::{FulltextInfo, KeyType, Root, Schema, Table};
use values::{Collation, OwnedValue, SqlType, Tuple, Value};

use super::row_hash::row_hash;
use super::words::{Document, MAX_WORD};
use crate::ddl::state_of;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::root_state::TableState;
use crate::transaction::edits_of;
use crate::view::{OverlayKey, OverlayMap};
use crate::write::{EncodedRow, decode_row, encode_row};

/// One of the tables that an index has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Every word with the row and the place where it stands.
    Position,
    /// Words by row.
    DocCount,
    /// Words by number of rows.
    GlobalCount,
    /// Rows by their hash.
    RowCount,
}

/// All of them, in the order in which they are made.
pub const PARTS: [Part; 4] = [
    Part::Position,
    Part::DocCount,
    Part::GlobalCount,
    Part::RowCount,
];

impl Part {
    /// The table's name.
    pub fn name(self, info: &FulltextInfo) -> &str {
        match self {
            Part::Position => &info.position_table,
            Part::DocCount => &info.doc_count_table,
            Part::GlobalCount => &info.global_count_table,
            Part::RowCount => &info.row_count_table,
        }
    }
}

/// The tables, wherever their rows are.
pub trait Tables {
    /// Definition of a table.
    fn state(&mut self, part: Part) -> Result<Arc<TableState>>;
    /// Value of the row with a key.
    fn get(&mut self, part: Part, key: &[u8]) -> Result<Option<Vec<u8>>>;
    /// Puts a row, or removes it. The key's bytes replace those of an equal key.
    fn write(&mut self, part: Part, key: &[u8], value: Option<Vec<u8>>) -> Result<()>;
}

/// What an index takes from a row.
pub struct Words {
    columns: Vec<usize>,
    /// Columns that identify a row; none when its hash does.
    key: Option<Vec<usize>>,
    types: Vec<SqlType>,
    collation: &'static Collation,
}

impl Words {
    /// Of the index at a position of a schema.
    pub fn of(schema: &Schema, index: usize) -> Option<Words> {
        let index = &schema.indexes[index];
        let info = index.fulltext.as_ref()?;
        let key = info.key_positions.iter().map(|p| usize::from(*p));
        let first = &schema.columns[*index.columns.first()?].sql_type;
        Some(Words {
            columns: index.columns.clone(),
            key: (info.key_type != KeyType::None).then(|| key.collect()),
            types: schema.columns.iter().map(|c| c.sql_type.clone()).collect(),
            collation: crate::plan::text_collation(first)?,
        })
    }

    /// The collation in which words are equal.
    pub fn collation(&self) -> &'static Collation {
        self.collation
    }

    /// The hash of a row.
    pub fn hash(&self, row: &[OwnedValue]) -> String {
        row_hash(row, &self.types)
    }

    /// What identifies a row in the tables.
    pub fn key(&self, row: &[OwnedValue], hash: &str) -> Result<Vec<OwnedValue>> {
        let Some(columns) = &self.key else {
            return Ok(vec![text(hash)]);
        };
        let value = |c: &usize| row.get(*c).cloned();
        columns
            .iter()
            .map(|c| value(c).ok_or_else(|| Error::general("full-text key without column")))
            .collect()
    }

    pub(super) fn document(&self, row: &[OwnedValue]) -> Document {
        let columns = self.columns.iter().map(|c| match row.get(*c) {
            Some(Value::Bytes(b)) => Some(b.as_ref()),
            _ => None,
        });
        Document::new(columns, self.collation)
    }
}

/// A text value.
pub fn text(s: &str) -> OwnedValue {
    Value::Bytes(s.as_bytes().to_vec().into())
}

/// The number in a field of a stored row.
pub fn number(value: &[u8], field: usize) -> u64 {
    let bytes = Tuple(value).field(field).unwrap_or_default();
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn encoded(tables: &mut dyn Tables, part: Part, row: &[OwnedValue]) -> Result<EncodedRow> {
    encode_row(&*tables.state(part)?, row)
}

/// Counts one row more, or one less, in which a word stands.
fn count_word(tables: &mut dyn Tables, word: &str, more: bool) -> Result<()> {
    let row = encoded(tables, Part::GlobalCount, &[text(word), Value::UInt(1)])?;
    let before = tables
        .get(Part::GlobalCount, &row.key)?
        .map_or(0, |v| number(&v, 0));
    let after = match more {
        true => before + 1,
        false if before == 0 => return Ok(()),
        false => before - 1,
    };
    let row = encoded(tables, Part::GlobalCount, &[text(word), Value::UInt(after)])?;
    let value = (after > 0).then_some(row.value);
    tables.write(Part::GlobalCount, &row.key, value)
}

/// Adds the words of a row of the indexed table, all of whose columns are given.
pub fn add_row(tables: &mut dyn Tables, words: &Words, row: &[OwnedValue]) -> Result<()> {
    let hash = words.hash(row);
    let document = words.document(row);
    let fits = |w: &str| w.len() <= MAX_WORD;
    let unique = Value::UInt(document.unique.len() as u64);
    let one = encoded(
        tables,
        Part::RowCount,
        &[text(&hash), Value::UInt(1), unique.clone()],
    )?;
    let known = tables.get(Part::RowCount, &one.key)?;
    if let Some(known) = known.filter(|v| number(v, 0) > 0) {
        let counts = [
            text(&hash),
            Value::UInt(number(&known, 0) + 1),
            Value::UInt(number(&known, 1)),
        ];
        let row = encoded(tables, Part::RowCount, &counts)?;
        tables.write(Part::RowCount, &row.key, Some(row.value))?;
    } else {
        tables.write(Part::RowCount, &one.key, Some(one.value))?;
        let key = words.key(row, &hash)?;
        for (word, position) in document.words.iter().filter(|(w, _)| fits(w)) {
            let place = keyed(word, &key, *position);
            put_new(tables, Part::Position, &place)?;
        }
        for (word, count) in document.unique.iter().filter(|(w, _)| fits(w)) {
            let counted = keyed(word, &key, *count);
            put_new(tables, Part::DocCount, &counted)?;
        }
    }
    for (word, _) in document.unique.iter().filter(|(w, _)| fits(w)) {
        count_word(tables, word, true)?;
    }
    Ok(())
}

/// Removes the words of a row of the indexed table.
pub fn remove_row(tables: &mut dyn Tables, words: &Words, row: &[OwnedValue]) -> Result<()> {
    let hash = words.hash(row);
    let at = encoded(
        tables,
        Part::RowCount,
        &[text(&hash), Value::UInt(0), Value::UInt(0)],
    )?;
    let Some(known) = tables.get(Part::RowCount, &at.key)? else {
        return Ok(());
    };
    let document = words.document(row);
    let copies = number(&known, 0);
    if copies > 1 {
        let counts = [
            text(&hash),
            Value::UInt(copies - 1),
            Value::UInt(number(&known, 1)),
        ];
        let row = encoded(tables, Part::RowCount, &counts)?;
        tables.write(Part::RowCount, &row.key, Some(row.value))?;
    } else {
        tables.write(Part::RowCount, &at.key, None)?;
        let key = words.key(row, &hash)?;
        for (word, position) in document.words.iter().filter(|(w, _)| w.len() <= MAX_WORD) {
            let place = encoded(tables, Part::Position, &keyed(word, &key, *position))?;
            tables.write(Part::Position, &place.key, None)?;
        }
        for (word, _) in document.unique.iter().filter(|(w, _)| w.len() <= MAX_WORD) {
            let counted = encoded(tables, Part::DocCount, &keyed(word, &key, 0))?;
            tables.write(Part::DocCount, &counted.key, None)?;
        }
    }
    for (word, _) in document.unique.iter().filter(|(w, _)| w.len() <= MAX_WORD) {
        count_word(tables, word, false)?;
    }
    Ok(())
}

fn keyed(word: &str, key: &[OwnedValue], number: u64) -> Vec<OwnedValue> {
    let mut row = Vec::with_capacity(key.len() + 2);
    row.push(text(word));
    row.extend_from_slice(key);
    row.push(Value::UInt(number));
    row
}

fn put_new(tables: &mut dyn Tables, part: Part, row: &[OwnedValue]) -> Result<()> {
    let row = encoded(tables, part, row)?;
    if tables.get(part, &row.key)?.is_none() {
        tables.write(part, &row.key, Some(row.value))?;
    }
    Ok(())
}

/// Tables that are built from nothing.
pub struct NewTables {
    parts: [(Arc<TableState>, OverlayMap); 4],
}

impl NewTables {
    /// Empty tables, in the order of [`PARTS`].
    pub fn new(states: [TableState; 4]) -> NewTables {
        NewTables {
            parts: states.map(|s| (Arc::new(s), OverlayMap::default())),
        }
    }

    /// The tables with their rows.
    pub fn finish(self) -> Result<Vec<Table>> {
        self.parts
            .iter()
            .map(|(state, rows)| {
                let map = state.table.rows()?.edit(&edits_of(rows))?;
                Ok(state.table.with_rows(&map))
            })
            .collect()
    }
}

impl Tables for NewTables {
    fn state(&mut self, part: Part) -> Result<Arc<TableState>> {
        Ok(self.parts[part as usize].0.clone())
    }

    fn get(&mut self, part: Part, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let (state, rows) = &self.parts[part as usize];
        let found = state.view.primary.get(Some(rows), key)?;
        Ok(found.map(|slot| slot.value().to_vec()))
    }

    fn write(&mut self, part: Part, key: &[u8], value: Option<Vec<u8>>) -> Result<()> {
        let (state, rows) = &mut self.parts[part as usize];
        let at = OverlayKey::new(&state.view.primary.desc, key);
        rows.rows.remove(&at);
        rows.rows
            .insert(at, value.map(|v| Arc::new((key.to_vec(), v))));
        Ok(())
    }
}

/// The root with the tables of the full-text indexes of a table that are `wanted`, by their
/// positions, built again from its rows.
pub fn refilled(root: &Root, table: &str, wanted: &dyn Fn(usize) -> bool) -> Result<Root> {
    let Some((name, parent)) = root.table(table)? else {
        return Ok(root.clone());
    };
    let state = state_of(&name, parent, "")?;
    let schema = state.table.schema().clone();
    let mut root = root.clone();
    for (i, index) in schema
        .indexes
        .iter()
        .enumerate()
        .filter(|(i, _)| wanted(*i))
    {
        if let (Some(info), Some(words)) = (&index.fulltext, Words::of(&schema, i)) {
            root = filled(root, &state, info, &words)?;
        }
    }
    Ok(root)
}

/// The root with all words of a table's rows in the tables of an index.
fn filled(root: Root, state: &TableState, info: &FulltextInfo, words: &Words) -> Result<Root> {
    let empty = |part: Part| {
        let name = part.name(info);
        let (name, table) = root
            .table(name)?
            .ok_or_else(|| Error::general(format!("full-text table {name} is missing")))?;
        state_of(&name, table.with_rows(&table.empty_rows()?), "")
    };
    let mut tables = NewTables::new([
        empty(Part::Position)?,
        empty(Part::DocCount)?,
        empty(Part::GlobalCount)?,
        empty(Part::RowCount)?,
    ]);
    let all = Default::default();
    state.view.primary.scan(None, &all, false, &mut |slot| {
        let row = whole_row(state, slot.key(), slot.value())?;
        for _ in 0..state.view.copies(&slot) {
            add_row(&mut tables, words, &row)?;
        }
        Ok(Flow::Continue)
    })?;
    let mut root = root.clone();
    for (part, table) in PARTS.iter().zip(tables.finish()?) {
        root = root.with_table(part.name(info), &table)?;
    }
    Ok(root)
}

/// Whether a table counts what several rows of the indexed table share.
pub fn is_count(table: &str) -> bool {
    let name = table.to_lowercase();
    name.starts_with("dolt_")
        && (name.ends_with("_fts_global_count") || name.ends_with("_fts_row_count"))
}

/// A row of such a table that two transactions changed: both changes count.
pub fn merged_count(
    base: Option<&[u8]>,
    ours: Option<&[u8]>,
    theirs: Option<&[u8]>,
) -> Option<Vec<u8>> {
    let count = |v: Option<&[u8]>| v.map_or(0, |v| number(v, 0));
    let sum = (count(ours) + count(theirs)).saturating_sub(count(base));
    let shape = ours.or(theirs)?;
    (sum > 0).then(|| crate::write::with_copies(shape, sum))
}

/// A stored row with its virtual columns.
pub fn whole_row(state: &TableState, key: &[u8], value: &[u8]) -> Result<Vec<OwnedValue>> {
    let mut row = decode_row(state, key, value)?;
    for (i, c) in state.def.columns.iter().enumerate() {
        if c.is_virtual {
            row[i] = crate::write::virtual_value(state, i, key, value)?;
        }
    }
    Ok(row)
}
