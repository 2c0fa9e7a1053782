//! Merging the schemas of a table (spec 05 §4).

use model::Schema;

use super::check_merge::merge_checks;
use super::column_merge::{MergeInfo, counterpart, merge_columns, same_but_tag};
use super::index_merge::{merge_indexes, same_index};
use super::schema_conflict::SchemaConflict;
use crate::{Error, Result, RowLogic, are_keys_diffable};

/// Whether two schemas are the same to a merge: tags of columns, which follow from how the table
/// came to be, and comments are not compared.
pub fn same_schema(a: &Schema, b: &Schema) -> bool {
    a.columns.len() == b.columns.len()
        && a.columns
            .iter()
            .zip(&b.columns)
            .all(|(x, y)| same_but_tag(x, y))
        && a.primary_key == b.primary_key
        && a.collation == b.collation
        && a.target_row_size == b.target_row_size
        && a.checks == b.checks
        && a.indexes.len() == b.indexes.len()
        && a.indexes
            .iter()
            .all(|i| b.indexes.iter().any(|j| same_index(a, i, b, j)))
}

/// The side that changed, else ours.
fn changed<T: PartialEq + Clone>(ours: &T, theirs: &T, base: &T) -> T {
    match ours == base {
        true => theirs.clone(),
        false => ours.clone(),
    }
}

/// The merged schema and what it demands of rows, or the conflict.
pub fn merge_schemas(
    table: &str,
    ours: &Schema,
    theirs: &Schema,
    base: &Schema,
    logic: &dyn RowLogic,
) -> Result<std::result::Result<(Schema, MergeInfo), SchemaConflict>> {
    if same_schema(base, ours) && same_schema(base, theirs) {
        return Ok(Ok((ours.clone(), MergeInfo::default())));
    }
    if !are_keys_diffable(ours, theirs) {
        return Err(Error::refused(format!(
            "error: cannot merge because table {table} has different primary keys"
        )));
    }
    if !are_keys_diffable(ours, base) {
        return Err(Error::refused(format!(
            "error: cannot merge because table {table} has different primary keys in its common ancestor"
        )));
    }
    let conflict = |messages| {
        Ok(Err(SchemaConflict {
            table: table.to_owned(),
            messages,
            modify_delete: false,
        }))
    };
    let (columns, info) = merge_columns(table, ours, theirs, base)?;
    let columns = match columns {
        Ok(columns) => columns,
        Err(messages) => return conflict(messages),
    };
    let indexes = match merge_indexes(&columns, ours, theirs, base) {
        Ok(indexes) => indexes,
        Err(messages) => return conflict(messages),
    };
    if ours.collation != theirs.collation
        && ours.collation != base.collation
        && theirs.collation != base.collation
    {
        return Err(Error::refused(format!(
            "Unable to merge table '{table}', because its default collation setting has changed on both sides of the merge. Manually change the table's default collation setting on one of the sides of the merge and retry this merge."
        )));
    }
    let checks = match merge_checks(&ours.checks, &theirs.checks, &base.checks, &columns, logic)? {
        Ok(checks) => checks,
        Err(messages) => return conflict(messages),
    };
    let mut primary_key = Vec::with_capacity(ours.primary_key.len());
    for old in &ours.primary_key {
        let column = &ours.columns[*old];
        let merged = Schema {
            columns: columns.clone(),
            ..Schema::default()
        };
        let found = counterpart(&merged, column).map(|c| c.tag);
        match columns.iter().position(|c| Some(c.tag) == found) {
            Some(position) => primary_key.push(position),
            None => {
                return Err(Error::refused(format!(
                    "error: cannot merge because table {table} has different primary keys"
                )));
            }
        }
    }
    Ok(Ok((
        Schema {
            primary_key,
            columns,
            indexes,
            checks,
            collation: changed(&ours.collation, &theirs.collation, &base.collation),
            comment: changed(&ours.comment, &theirs.comment, &base.comment),
            target_row_size: changed(
                &ours.target_row_size,
                &theirs.target_row_size,
                &base.target_row_size,
            ),
            suffix_by_position: false,
        },
        info,
    )))
}
