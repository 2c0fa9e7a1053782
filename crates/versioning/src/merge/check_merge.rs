//! Merging the checks of a table, by their names (spec 05 §4.8).

use model::{Check, Column};

use crate::{Result, RowLogic};

fn named<'c>(checks: &'c [Check], name: &str) -> Option<&'c Check> {
    checks.iter().find(|c| c.name == name)
}

fn name_conflict(name: &str) -> String {
    format!("two checks with the name '{name}' but different definitions")
}

/// Checks of `from` whose names are not in `without`.
fn difference<'c>(from: &'c [Check], without: &[Check]) -> Vec<&'c Check> {
    from.iter()
        .filter(|c| named(without, &c.name).is_none())
        .collect()
}

/// The merged checks, or what conflicts.
pub fn merge_checks(
    ours: &[Check],
    theirs: &[Check],
    base: &[Check],
    columns: &[Column],
    logic: &dyn RowLogic,
) -> Result<std::result::Result<Vec<Check>, Vec<String>>> {
    let mut merged: Vec<Check> = Vec::new();
    let mut conflicts = Vec::new();
    for our in ours {
        let Some(their) = named(theirs, &our.name) else {
            continue;
        };
        match named(base, &our.name) {
            _ if our == their => merged.push(our.clone()),
            Some(old) if old == their => merged.push(our.clone()),
            Some(old) if old == our => merged.push(their.clone()),
            _ => conflicts.push(name_conflict(&our.name)),
        }
    }
    let (our_new, their_new) = (difference(ours, base), difference(theirs, base));
    for our in &our_new {
        if their_new.iter().any(|t| t.name == our.name && t != our) {
            conflicts.push(name_conflict(&our.name));
        }
    }
    if !conflicts.is_empty() {
        return Ok(Err(conflicts));
    }
    let mut their_columns = Vec::new();
    for check in &their_new {
        their_columns.push((*check, logic.columns_of(&check.expression)?));
    }
    for our in &our_new {
        for column in logic.columns_of(&our.expression)? {
            let mentioning: Vec<&Check> = their_columns
                .iter()
                .filter(|(_, columns)| columns.contains(&column))
                .map(|(check, _)| *check)
                .collect();
            if !mentioning.is_empty() && !mentioning.contains(our) {
                for their in mentioning {
                    conflicts.push(format!(
                        "our check '{}' and their check '{}' both reference the same column(s)",
                        our.name, their.name
                    ));
                }
                break;
            }
        }
    }
    if !conflicts.is_empty() {
        return Ok(Err(conflicts));
    }
    let modified = |side: &'_ [Check], other: &[Check]| -> Vec<String> {
        side.iter()
            .filter(|c| named(base, &c.name).is_some_and(|b| b != *c))
            .filter(|c| named(other, &c.name).is_none())
            .map(|c| c.name.clone())
            .collect()
    };
    for name in modified(theirs, ours) {
        conflicts.push(format!(
            "check '{name}' was deleted in ours but modified in theirs"
        ));
    }
    for name in modified(ours, theirs) {
        conflicts.push(format!(
            "check '{name}' was deleted in theirs but modified in ours"
        ));
    }
    if !conflicts.is_empty() {
        return Ok(Err(conflicts));
    }
    for check in our_new.into_iter().chain(their_new) {
        if named(&merged, &check.name).is_none() {
            merged.push(check.clone());
        }
    }
    for check in &merged {
        for column in logic.columns_of(&check.expression)? {
            if !columns.iter().any(|c| c.name.to_lowercase() == column) {
                conflicts.push(format!(
                    "check '{}' references a column that will be deleted after merge",
                    check.name
                ));
                break;
            }
        }
    }
    Ok(match conflicts.is_empty() {
        true => Ok(merged),
        false => Err(conflicts),
    })
}
