//! dolt_diff_stat(), dolt_diff_summary(), dolt_schema_diff().

use std::sync::Arc;

use model::{Root, Table};
use values::{OwnedValue, Value};
use versioning::{DeltaKind, TableDelta, diff_stat};

use super::diff::diff_args;
use super::{
    BIGINT, BOOL, LONGTEXT, Scan, TEXT, TableMaker, boolean, column, emit_all, nullable, text,
};
use crate::dolt::ignore::IgnorePatterns;
use crate::dolt::revision::{self, NamedRoot};
use crate::dolt::staging::database_entry;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::virtual_table::VirtualTable;

struct Compared {
    from: NamedRoot,
    to: NamedRoot,
    table: Option<String>,
    deltas: Vec<TableDelta>,
}

/// `needs_table`: a table that is in neither revision is an error.
fn compare(scan: &Scan<'_>, needs_table: bool) -> Result<Compared> {
    let a = diff_args(&scan.db, &scan.texts())?;
    let from = revision::root(scan.session(), &scan.db, &a.from)?;
    let to = revision::root(scan.session(), &scan.db, &a.to)?;
    let table = a.rest.first().cloned();
    let mut deltas = versioning::table_deltas(&from.root, &to.root)?;
    if let Some(name) = &table {
        let named = |n: &str| n.eq_ignore_ascii_case(name);
        deltas.retain(|d| named(&d.to_name) || named(&d.from_name));
        let known = from.root.find_table(name)?.is_some() || to.root.find_table(name)?.is_some();
        if !known && needs_table {
            return Err(Error::unknown_table_missing(&scan.db.handle.name, name));
        }
    }
    Ok(Compared {
        from,
        to,
        table,
        deltas,
    })
}

/// The CREATE TABLE statement of a table in a root.
pub fn create_text(scan: &Scan<'_>, root: &Root, name: &str) -> Result<String> {
    let state = scan.db.handle.root(root.id()?)?;
    let text = crate::show::create_table_text(scan.session(), &state, name)?;
    Ok(text.unwrap_or_default())
}

/// `dolt_diff_stat(from, to[, table])`.
pub fn stat(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let mut columns = vec![column("table_name", LONGTEXT)];
    columns.extend(
        [
            "rows_unmodified",
            "rows_added",
            "rows_deleted",
            "rows_modified",
            "cells_added",
            "cells_deleted",
            "cells_modified",
            "old_row_count",
            "new_row_count",
            "old_cell_count",
            "new_cell_count",
        ]
        .map(|name| nullable(name, BIGINT)),
    );
    maker.table(columns, |scan, emit| {
        let compared = compare(scan, true)?;
        for delta in &compared.deltas {
            if delta.primary_key_changed() {
                scan.cx.warn(
                    1105,
                    format!(
                        "stat for table {} cannot be determined. Primary key set changed.",
                        delta.name()
                    ),
                );
                let mut row = vec![text(delta.name())];
                row.extend(std::iter::repeat_n(Value::Int(0), 11));
                if emit(row)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                continue;
            }
            let s = diff_stat(delta.name(), delta.from.as_ref(), delta.to.as_ref())?;
            if s.is_empty() && s.old_cells == s.new_cells {
                continue;
            }
            let n = |v: u64| Value::Int(v as i64);
            let name = compared.table.as_deref().unwrap_or(delta.name());
            let mut row = vec![text(name)];
            row.extend(match s.keyless {
                true => {
                    let mut cells = vec![Value::Null; 11];
                    cells[1] = n(s.rows_added);
                    cells[2] = n(s.rows_deleted);
                    cells
                }
                false => vec![
                    n(s.rows_unmodified),
                    n(s.rows_added),
                    n(s.rows_deleted),
                    n(s.rows_modified),
                    n(s.cells_added),
                    n(s.cells_deleted),
                    n(s.cells_modified),
                    n(s.old_rows),
                    n(s.new_rows),
                    n(s.old_cells),
                    n(s.new_cells),
                ],
            });
            if emit(row)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    })
}

/// `dolt_diff_summary(from, to[, table])`.
pub fn summary(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        column("from_table_name", LONGTEXT),
        column("to_table_name", LONGTEXT),
        column("diff_type", TEXT),
        column("data_change", BOOL),
        column("schema_change", BOOL),
    ];
    maker.table(columns, |scan, emit| {
        let mut compared = compare(scan, false)?;
        if compared.from.commit.is_none() || compared.to.commit.is_none() {
            let working = revision::working_root(scan.session(), &scan.db)?;
            let ignore = IgnorePatterns::of(&working)?;
            compared
                .deltas
                .retain(|d| match d.kind() {
                    DeltaKind::Added => !ignore.ignores(&d.to_name),
                    DeltaKind::Dropped => !ignore.ignores(&d.from_name),
                    _ => true,
                });
        }
        let mut rows: Vec<(String, Vec<OwnedValue>)> = Vec::new();
        for delta in &compared.deltas {
            if delta.primary_key_changed() {
                if compared.table.is_some() {
                    return Err(Error::general(format!(
                        "failed to compute diff summary for table {}: primary key set changed",
                        delta.name()
                    )));
                }
                scan.cx.warn(1105, format!(
                    "cannot determine if data changed between commits due to primary key set change for table {}",
                    delta.name()
                ));
                continue;
            }
            let row = vec![
                text(&*delta.from_name),
                text(&*delta.to_name),
                text(delta.kind().name()),
                boolean(delta.data_changed()?),
                boolean(delta.schema_changed()),
            ];
            rows.push((delta.to_name.clone(), row));
        }
        if compared.table.is_none() && compared.from.root.collation() != compared.to.root.collation() {
            let name = database_entry(&scan.db.handle.name);
            let row = vec![
                text(&*name),
                text(&*name),
                text("modified"),
                boolean(false),
                boolean(true),
            ];
            rows.push((name, row));
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        emit_all(rows.into_iter().map(|(_, row)| row), emit)
    })
}

/// `dolt_schema_diff(from, to[, table])`.
pub fn schema_diff(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        column("from_table_name", LONGTEXT),
        column("to_table_name", LONGTEXT),
        column("from_create_statement", TEXT),
        column("to_create_statement", TEXT),
    ];
    maker.table(columns, |scan, emit| {
        let compared = compare(scan, true)?;
        let create = |root: &Root, name: &str, table: &Option<Table>| match table {
            Some(_) => Ok::<_, Error>(format!("{};", create_text(scan, root, name)?)),
            None => Ok(String::new()),
        };
        let mut rows = Vec::new();
        for d in &compared.deltas {
            let from = create(&compared.from.root, &d.from_name, &d.from)?;
            let to = create(&compared.to.root, &d.to_name, &d.to)?;
            if from != to {
                rows.push(vec![
                    text(&*d.from_name),
                    text(&*d.to_name),
                    text(from),
                    text(to),
                ]);
            }
        }
        emit_all(rows, emit)
    })
}
