//! The tables of full-text indexes: made, built again and dropped with their indexes (spec 03 §8.5).

use model::{Column, FulltextInfo, Index, KeyType, Schema, Table};
use values::{CollationId, IntWidth, SqlType};

use super::Change;
use super::create::give_tags;
use crate::error::{Error, Result};
use crate::fulltext::tables::{PARTS, Part, refilled};
use crate::root_state::TableState;

/// The definition of an index whose tables are not there yet.
pub(super) fn unmade() -> FulltextInfo {
    FulltextInfo {
        config_table: String::new(),
        position_table: String::new(),
        doc_count_table: String::new(),
        global_count_table: String::new(),
        row_count_table: String::new(),
        key_type: KeyType::None,
        key_name: String::new(),
        key_positions: Vec::new(),
    }
}

/// A full-text index is over texts of one collation.
pub(super) fn check_key(schema: &Schema, columns: &[usize]) -> Result<()> {
    let mut first = None;
    for c in columns {
        let column = &schema.columns[*c];
        let collation = match &column.sql_type {
            SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => Some(*c),
            _ => None,
        };
        let same = collation.is_some_and(|c| *first.get_or_insert(c) == c);
        if !same || column.generated {
            return Err(Error::new(
                1283,
                "HY000",
                format!("Column '{}' cannot be part of FULLTEXT index", column.name),
            ));
        }
    }
    Ok(())
}

/// Names of the tables of all full-text indexes of a schema; those for settings once.
pub(super) fn tables_of(schema: &Schema) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for info in schema.indexes.iter().filter_map(|i| i.fulltext.as_ref()) {
        let parts = PARTS.iter().map(|p| p.name(info));
        for name in [info.config_table.as_str()].into_iter().chain(parts) {
            if !name.is_empty() && !names.iter().any(|n| n == name) {
                names.push(name.to_string());
            }
        }
    }
    names
}

/// Brings the tables in step with a table that was defined anew: from `before`, if it was there.
pub(super) fn follow(change: &mut Change<'_>, table: &str, before: Option<&Schema>) -> Result<()> {
    let state = change.table(table)?;
    let schema = state.table.schema().edited();
    let now = tables_of(&schema);
    let old = before.map(tables_of).unwrap_or_default();
    drop_tables(change, old.iter().filter(|n| !now.contains(n)))?;
    let same_rows = before.is_some_and(|b| {
        b.primary_key == schema.primary_key
            && b.columns.len() == schema.columns.len()
            && b.columns
                .iter()
                .zip(&schema.columns)
                .all(|(a, b)| a.tag == b.tag && a.sql_type == b.sql_type)
    });
    build(change, &state, |i| {
        !same_rows
            || i.fulltext
                .as_ref()
                .is_some_and(|f| f.position_table.is_empty())
            || before.is_none_or(|b| {
                let was = b.indexes.iter().find(|o| o.name == i.name);
                was.is_none_or(|o| o.columns != i.columns)
            })
    })
}

/// Builds the tables of every full-text index of a table from its rows.
pub(crate) fn rebuild(change: &mut Change<'_>, table: &str) -> Result<()> {
    let state = change.table(table)?;
    build(change, &state, |_| true)
}

fn drop_tables<'n>(change: &mut Change<'_>, names: impl Iterator<Item = &'n String>) -> Result<()> {
    let root = change.root.clone();
    let names: Vec<&str> = names
        .map(String::as_str)
        .filter(|n| root.has_table(n))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let root = change.root.root.without_tables(names)?;
    change.set_root(root)
}

fn build(
    change: &mut Change<'_>,
    state: &TableState,
    wanted: impl Fn(&Index) -> bool,
) -> Result<()> {
    let mut schema = state.table.schema().edited();
    let chosen: Vec<usize> = (0..schema.indexes.len())
        .filter(|i| schema.indexes[*i].fulltext.is_some() && wanted(&schema.indexes[*i]))
        .collect();
    if chosen.is_empty() {
        return Ok(());
    }
    let (key_type, key_name, key) = row_key(&schema);
    for i in &chosen {
        let index = &mut schema.indexes[*i];
        let known = index
            .fulltext
            .as_ref()
            .filter(|f| !f.position_table.is_empty());
        let mut info = match known {
            Some(info) => info.clone(),
            None => named(change, &state.name, &index.name),
        };
        info.key_type = key_type;
        info.key_name = key_name.clone();
        info.key_positions = key.iter().map(|k| *k as u16).collect();
        let old: Vec<String> = PARTS.iter().map(|p| p.name(&info).to_string()).collect();
        drop_tables(change, old.iter())?;
        if !change.root.has_table(&info.config_table) {
            put(change, &info.config_table, settings(), CollationId::DEFAULT)?;
        }
        let columns = key_columns(&schema, &key);
        let index = &mut schema.indexes[*i];
        let collation = crate::plan::text_collation(&schema.columns[index.columns[0]].sql_type)
            .map_or(CollationId::DEFAULT, |c| c.id);
        for part in PARTS {
            put(
                change,
                part.name(&info),
                part_columns(part, &columns),
                collation,
            )?;
        }
        index.fulltext = Some(info);
    }
    let mut table = state.table.with_schema(&schema)?;
    for i in &chosen {
        let name = schema.indexes[*i].name.as_str();
        table = table.with_indexes([(name, &table.empty_index(name)?)])?;
    }
    change.put_table(&state.name, &table)?;
    let root = refilled(&change.root.root, &state.name, &|i| chosen.contains(&i))?;
    change.set_root(root)
}

/// What identifies the rows of a table: its primary key, else the first unique key without NULL.
fn row_key(schema: &Schema) -> (KeyType, String, Vec<usize>) {
    if !schema.primary_key.is_empty() {
        return (KeyType::Primary, String::new(), schema.primary_key.clone());
    }
    let mut unique: Vec<&Index> = schema.indexes.iter().filter(|i| i.unique).collect();
    unique.sort_by(|a, b| a.name.cmp(&b.name));
    let whole = |i: &&Index| i.columns.iter().all(|c| !schema.columns[*c].nullable);
    match unique.into_iter().find(whole) {
        Some(i) => (KeyType::Unique, i.name.clone(), i.columns.clone()),
        None => (KeyType::None, String::new(), Vec::new()),
    }
}

/// Names that no table has.
fn named(change: &Change<'_>, table: &str, index: &str) -> FulltextInfo {
    let prefix = (0u64..)
        .map(|n| format!("dolt_{table}_{index}_{n}").to_lowercase())
        .find(|p| {
            let taken = |n: &str| n.to_lowercase().starts_with(p.as_str());
            !change.root.table_names().iter().any(|n| taken(n))
        })
        .expect("an endless row of names has one that is free");
    FulltextInfo {
        config_table: format!("dolt_{table}_fts_config"),
        position_table: format!("{prefix}_fts_position"),
        doc_count_table: format!("{prefix}_fts_doc_count"),
        global_count_table: format!("{prefix}_fts_global_count"),
        row_count_table: format!("{prefix}_fts_row_count"),
        ..unmade()
    }
}

fn column(name: &str, ty: SqlType, in_key: bool) -> Column {
    let mut c = Column::new(name, ty, 0);
    c.nullable = false;
    c.primary_key = in_key;
    c
}

fn word() -> Column {
    column("word", SqlType::VarChar(84, CollationId::DEFAULT), true)
}

fn row_hash() -> Column {
    column("row_hash", SqlType::VarChar(84, CollationId::DEFAULT), true)
}

fn settings() -> Vec<Column> {
    let int = |width, bool_width| SqlType::Int {
        width,
        unsigned: false,
        bool_width,
    };
    let text = SqlType::VarChar(2048, CollationId::DEFAULT);
    vec![
        column("id", int(IntWidth::Int, false), true),
        column("stopword_table", text, false),
        column("use_stopword", int(IntWidth::Tiny, true), false),
    ]
}

/// Copies of the columns that identify rows.
fn key_columns(schema: &Schema, key: &[usize]) -> Vec<Column> {
    if key.is_empty() {
        return vec![row_hash()];
    }
    key.iter()
        .enumerate()
        .map(|(i, c)| {
            let mut copy = schema.columns[*c].clone();
            copy.name = format!("C{i}");
            copy.primary_key = true;
            copy
        })
        .collect()
}

fn part_columns(part: Part, key: &[Column]) -> Vec<Column> {
    let number = |name, in_key| column(name, SqlType::BIGINT_UNSIGNED, in_key);
    let of_rows = |last: Column| {
        let mut all = vec![word()];
        all.extend_from_slice(key);
        all.push(last);
        all
    };
    match part {
        Part::Position => of_rows(number("position", true)),
        Part::DocCount => of_rows(number("doc_count", false)),
        Part::GlobalCount => vec![word(), number("global_count", false)],
        Part::RowCount => vec![
            row_hash(),
            number("row_count", false),
            number("unique_words", false),
        ],
    }
}

/// Puts an empty table whose texts have a collation.
fn put(
    change: &mut Change<'_>,
    name: &str,
    mut columns: Vec<Column>,
    collation: CollationId,
) -> Result<()> {
    for c in &mut columns {
        let ty = match &c.sql_type {
            SqlType::Char(n, _) => SqlType::Char(*n, collation),
            SqlType::VarChar(n, _) => SqlType::VarChar(*n, collation),
            SqlType::Text(size, _) => SqlType::Text(*size, collation),
            _ => continue,
        };
        c.set_type(ty);
    }
    let mut schema = Schema {
        primary_key: (0..columns.len())
            .filter(|i| columns[*i].primary_key)
            .collect(),
        columns,
        ..Schema::default()
    };
    give_tags(change, name, &mut schema)?;
    let table = Table::new(change.db.handle.store.objects(), &schema)?;
    change.put_table(name, &table)
}
