//! Merging foreign keys, by their names (spec 05 §9.1, spec 09 §1).

use model::{ForeignKey, ForeignKeys, Root};

use crate::{Error, Result};

/// Whether two keys relate the same columns of the same tables.
pub fn same_columns(a: &ForeignKey, b: &ForeignKey) -> bool {
    if !a.child_table.eq_ignore_ascii_case(&b.child_table)
        || !a.parent_table.eq_ignore_ascii_case(&b.parent_table)
    {
        return false;
    }
    if a.is_resolved() && b.is_resolved() {
        return a.child_columns == b.child_columns && a.parent_columns == b.parent_columns;
    }
    let same = |x: &Option<Vec<String>>, y: &Option<Vec<String>>| match (x, y) {
        (Some(x), Some(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(m, n)| m.eq_ignore_ascii_case(n))
        }
        _ => true,
    };
    same(&a.child_column_names, &b.child_column_names)
        && same(&a.parent_column_names, &b.parent_column_names)
}

fn same_definition(a: &ForeignKey, b: &ForeignKey) -> bool {
    a.name.eq_ignore_ascii_case(&b.name)
        && a.on_update == b.on_update
        && a.on_delete == b.on_delete
        && same_columns(a, b)
}

/// The merged keys, without those whose tables or columns the merged root lacks.
pub fn merge_foreign_keys(
    merged: &Root,
    ours: &Root,
    theirs: &Root,
    base: &Root,
) -> Result<ForeignKeys> {
    let (our, their, old) = (
        ours.foreign_keys()?,
        theirs.foreign_keys()?,
        base.foreign_keys()?,
    );
    let conflict = || Error::refused("foreign key conflicts");
    let mut keys: Vec<ForeignKey> = Vec::new();
    for ours in &our.keys {
        let before = old.get(&ours.name);
        match their.get(&ours.name) {
            Some(theirs) if same_definition(ours, theirs) => {
                // A key that one side could resolve stays resolved.
                keys.push(if ours.is_resolved() { ours } else { theirs }.clone());
            }
            Some(theirs) => match before {
                Some(b) if same_definition(b, theirs) => keys.push(ours.clone()),
                Some(b) if same_definition(b, ours) => keys.push(theirs.clone()),
                _ => return Err(conflict()),
            },
            None => match before {
                Some(b) if same_columns(b, ours) => {}
                _ => keys.push(ours.clone()),
            },
        }
    }
    for theirs in their.keys.iter().filter(|k| our.get(&k.name).is_none()) {
        match old.get(&theirs.name) {
            Some(b) if same_columns(b, theirs) => {}
            _ => keys.push(theirs.clone()),
        }
    }
    let mut valid = Vec::with_capacity(keys.len());
    for key in keys {
        let has = |table: &str, tags: &[u64]| -> Result<bool> {
            Ok(merged.table(table)?.is_some_and(|(_, t)| {
                tags.iter()
                    .all(|tag| t.schema().column_by_tag(*tag).is_some())
            }))
        };
        if has(&key.parent_table, &key.parent_columns)?
            && has(&key.child_table, &key.child_columns)?
        {
            valid.push(key);
        }
    }
    Ok(ForeignKeys { keys: valid })
}
