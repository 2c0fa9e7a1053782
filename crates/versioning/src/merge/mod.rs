//! Three-way merge of roots (spec 05 §3 to §10).

mod cell_merge;
mod check_merge;
mod column_merge;
pub mod foreign_key_merge;
pub mod foreign_key_violations;
mod fulltext;
mod index_build;
mod index_merge;
pub mod json_merge;
pub mod root_merge;
mod row_merge;
pub mod schema_conflict;
mod schema_merge;
mod secondary;
pub mod type_change;
mod unique;
mod violation_info;

use model::Table;
use prolly::Edit;

use crate::{Result, RowLogic};
use cell_merge::{CellMerge, Side};

/// A table with other rows, its indexes kept in step; each edit, in key order, comes with the row
/// that the table has now.
pub fn replace_rows(
    name: &str,
    table: &Table,
    edits: Vec<(Edit, Option<Vec<u8>>)>,
    logic: &dyn RowLogic,
) -> Result<Table> {
    resolve_rows(name, table, table, edits, logic)
}

/// Replaces rows of a table by rows of another version of it with the same columns; each edit
/// comes with the row that the table has now. Edits come in any order; of several for one row the
/// last counts.
pub(crate) fn resolve_rows(
    name: &str,
    table: &Table,
    theirs: &Table,
    mut edits: Vec<(Edit, Option<Vec<u8>>)>,
    logic: &dyn RowLogic,
) -> Result<Table> {
    let layout = table.layout();
    // Conflicts are listed by the bytes of their keys, rows by collation.
    edits.sort_by(|a, b| layout.key_desc().compare(&a.0.key, &b.0.key));
    edits.reverse();
    edits.dedup_by(|a, b| a.0.key == b.0.key);
    edits.reverse();
    let blobs = table.objects().blobs();
    let cells = CellMerge::new(
        layout.clone(),
        [layout, theirs.layout(), theirs.layout()],
        &blobs,
        logic,
    );
    let mut secondary =
        secondary::SecondaryMerge::new(name, table, &cells.left, &cells.merged, false, logic)?;
    let mut rows = Vec::with_capacity(edits.len());
    for (edit, ours) in edits {
        let value = match edit.value {
            Some(v) if !cells.is_identity(Side::Right) => {
                Some(cells.remap(Side::Right, name, &edit.key, &v, logic)?)
            }
            same => same,
        };
        secondary.replace(&edit.key, ours.as_deref(), value.as_deref())?;
        rows.push(Edit {
            key: edit.key,
            value,
        });
    }
    let mut done = table.with_rows(&table.rows()?.edit(&rows)?);
    let schema = table.schema().clone();
    let mut maps = Vec::new();
    for (i, index) in schema.indexes.iter().enumerate() {
        let map = match secondary.finish(i)? {
            Some(map) => map,
            None => index_build::build_index(name, &done, i, None, logic)?,
        };
        maps.push((index.name.as_str(), map));
    }
    done = done.with_indexes(maps.iter().map(|(n, m)| (*n, m)))?;
    Ok(done)
}
