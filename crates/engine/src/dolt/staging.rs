//! Moving tables between the working, staged and head roots.

use model::{ForeignKeys, Root};
use versioning::{DeltaKind, TableDelta, table_deltas};

use super::ignore::{IgnorePatterns, Verdict};
use crate::error::{Error, Result};

/// Tables that differ, without those whose columns only have other tags.
pub fn deltas(from: &Root, to: &Root) -> Result<Vec<TableDelta>> {
    let mut out = Vec::new();
    for delta in table_deltas(from, to)? {
        if !delta.only_tags_changed()? {
            out.push(delta);
        }
    }
    Ok(out)
}

/// The name that stands for the database's own properties.
pub fn database_entry(db: &str) -> String {
    format!("__DATABASE__{db}")
}

/// `to` with these tables as `from` has them, foreign keys included.
pub fn copy_tables(from: &Root, to: &Root, names: &[String]) -> Result<Root> {
    let mut changes = Vec::with_capacity(names.len());
    for name in names {
        changes.push((name.as_str(), from.table_hash(name)?));
    }
    let root = to.with_table_hashes(changes)?;
    if from.foreign_keys_hash() == to.foreign_keys_hash() {
        return Ok(root);
    }
    let moved = |table: &str| names.iter().any(|n| n.eq_ignore_ascii_case(table));
    let mut keys: Vec<_> = to.foreign_keys()?.keys;
    keys.retain(|k| !moved(&k.child_table));
    keys.extend(
        from.foreign_keys()?
            .keys
            .into_iter()
            .filter(|k| moved(&k.child_table)),
    );
    Ok(root.with_foreign_keys(&ForeignKeys { keys })?)
}

/// These tables, and the names from which some of them come: a table that was renamed is staged, or
/// taken back, as a whole.
pub fn with_former_names(from: &Root, to: &Root, names: Vec<String>) -> Result<Vec<String>> {
    let mut all = names;
    for delta in table_deltas(to, from)? {
        if delta.kind() == DeltaKind::Renamed && all.contains(&delta.to_name) {
            all.push(delta.from_name);
        }
    }
    Ok(all)
}

fn names_of(delta: &TableDelta) -> impl Iterator<Item = String> {
    let mut names = vec![delta.from_name.clone(), delta.to_name.clone()];
    names.dedup();
    names.retain(|n| !n.is_empty());
    names.into_iter()
}

/// Stages all changes; new tables only if `new`, ignored ones only if `force`.
pub fn stage_all(staged: &Root, working: &Root, new: bool, force: bool) -> Result<Root> {
    let ignore = IgnorePatterns::of(working)?;
    let mut names = Vec::new();
    for delta in table_deltas(staged, working)? {
        if delta.kind() == DeltaKind::Added {
            if !new {
                continue;
            }
            if !force {
                match ignore.verdict(&delta.to_name) {
                    Verdict::Ignored => continue,
                    Verdict::Kept => {}
                    Verdict::Conflict(e) => return Err(e),
                }
            }
        }
        names.extend(names_of(&delta));
    }
    let root = copy_tables(working, staged, &names)?;
    Ok(match working.collation() == staged.collation() {
        true => root,
        false => root.with_collation(working.collation()),
    })
}

/// Stages tables by name; `.` is the caller's.
pub fn stage_tables(staged: &Root, working: &Root, names: &[String], force: bool) -> Result<Root> {
    let mut missing = Vec::new();
    let mut found = Vec::new();
    let ignore = IgnorePatterns::of(working)?;
    let mut root = staged.clone();
    for name in names {
        if name.starts_with("__DATABASE__") {
            root = root.with_collation(working.collation());
            continue;
        }
        let stored = match working.find_table(name)? {
            Some((stored, _)) => Some(stored),
            None => staged.find_table(name)?.map(|t| t.0),
        };
        match stored {
            None => missing.push(name.clone()),
            Some(stored) => {
                if !force && staged.table_hash(&stored)?.is_none() {
                    match ignore.verdict(&stored) {
                        Verdict::Ignored => continue,
                        Verdict::Kept => {}
                        Verdict::Conflict(e) => return Err(e),
                    }
                }
                found.push(stored);
            }
        }
    }
    if !missing.is_empty() {
        return Err(no_such_tables(&missing));
    }
    let found = with_former_names(working, &root, found)?;
    copy_tables(working, &root, &found)
}

/// Dolt's error for tables of which there is nothing to stage or to take back.
pub fn no_such_tables(names: &[String]) -> Error {
    Error::general(format!(
        "error: the table(s) {} do not exist",
        names.join(", ")
    ))
}

/// Whether there are changes that are not committed, new ignored tables aside.
pub fn is_dirty(head: &Root, staged: &Root, working: &Root) -> Result<bool> {
    if !deltas(head, staged)?.is_empty() {
        return Ok(true);
    }
    Ok(!unstaged(staged, working)?.is_empty())
}

/// Changes that are not staged, new ignored tables aside.
pub fn unstaged(staged: &Root, working: &Root) -> Result<Vec<TableDelta>> {
    let mut list = deltas(staged, working)?;
    if !list.is_empty() {
        let ignore = IgnorePatterns::of(working)?;
        list.retain(|d| d.kind() != DeltaKind::Added || !ignore.ignores(&d.to_name));
    }
    Ok(list)
}
