//! Merging the columns of a table (spec 05 §4.3, §4.4).

use model::{Column, Schema};

use super::type_change::type_change;
use crate::{Error, Result};

/// What a merge of schemas demands of the merge of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeInfo {
    /// Our rows must be written anew.
    pub left_rewrite: bool,
    /// Their rows must be written anew.
    pub right_rewrite: bool,
    /// All secondary indexes must be built anew.
    pub invalidates_indexes: bool,
    /// Every row of ours counts as changed.
    pub left_changed: bool,
    /// Every row of theirs counts as changed.
    pub right_changed: bool,
}

/// What `Equals` of columns compares; the rest of a column follows from whoever wins.
pub(crate) fn same_column(a: &Column, b: &Column) -> bool {
    a.tag == b.tag && same_but_tag(a, b)
}

pub(crate) fn same_but_tag(a: &Column, b: &Column) -> bool {
    a.name == b.name
        && a.primary_key == b.primary_key
        && a.sql_type == b.sql_type
        && a.default_text() == b.default_text()
        && a.nullable == b.nullable
}

pub(crate) fn counterpart<'s>(schema: &'s Schema, column: &Column) -> Option<&'s Column> {
    schema
        .column_by_tag(column.tag)
        .map(|(_, c)| c)
        .or_else(|| {
            schema
                .columns
                .iter()
                .find(|c| c.name.to_lowercase() == column.name.to_lowercase())
        })
}

struct Mapping<'s> {
    base: Option<&'s Column>,
    ours: Option<&'s Column>,
    theirs: Option<&'s Column>,
}

fn mappings<'s>(ours: &'s Schema, theirs: &'s Schema, base: &'s Schema) -> Vec<Mapping<'s>> {
    let mut matched = Vec::new();
    let mut out: Vec<Mapping<'s>> = Vec::new();
    for c in &ours.columns {
        let theirs = counterpart(theirs, c);
        matched.extend(theirs.map(|t| t.tag));
        out.push(Mapping {
            base: counterpart(base, c),
            ours: Some(c),
            theirs,
        });
    }
    for c in theirs.columns.iter().filter(|c| !matched.contains(&c.tag)) {
        out.push(Mapping {
            base: counterpart(base, c),
            ours: None,
            theirs: Some(c),
        });
    }
    out
}

fn incompatible(ours: Option<&Column>, theirs: Option<&Column>) -> String {
    let name = |c: Option<&Column>| c.map_or("", |c| c.name.as_str()).to_owned();
    let kind =
        |c: Option<&Column>| c.map_or_else(|| "<nil>".to_owned(), |c| c.sql_type.to_string());
    format!(
        "incompatible column types for column '{}': {} and {}",
        name(ours),
        kind(ours),
        kind(theirs)
    )
}

fn different(ours: &Column, theirs: &Column) -> String {
    format!(
        "different column definitions for our column {} and their column {}",
        ours.name, theirs.name
    )
}

/// The merged columns, or what conflicts.
pub fn merge_columns(
    table: &str,
    ours: &Schema,
    theirs: &Schema,
    base: &Schema,
) -> Result<(std::result::Result<Vec<Column>, Vec<String>>, MergeInfo)> {
    let mappings = mappings(ours, theirs, base);
    let mut conflicts = definition_conflicts(&mappings);
    check_new_columns(table, &mappings)?;
    let mut info = MergeInfo::default();
    let mut merged: Vec<Column> = Vec::new();
    for m in &mappings {
        match (m.base, m.ours, m.theirs) {
            (None, None, Some(t)) => {
                info.left_rewrite = true;
                info.right_changed = true;
                merged.push(t.clone());
            }
            (None, Some(o), None) => {
                info.right_rewrite = true;
                info.left_changed = true;
                merged.push(o.clone());
            }
            (Some(_), None, Some(_)) => {
                info.right_rewrite = true;
                info.left_changed = true;
            }
            (Some(_), Some(_), None) => {
                info.left_rewrite = true;
                info.right_changed = true;
            }
            (_, None, None) => {
                info.left_changed = true;
                info.right_changed = true;
            }
            (None, Some(o), Some(t)) => {
                info.left_changed = true;
                info.right_changed = true;
                if same_column(o, t) {
                    merged.push(o.clone());
                }
            }
            (Some(b), Some(o), Some(t)) => match (!same_column(b, o), !same_column(b, t)) {
                (true, true) => {
                    info.left_changed = true;
                    info.right_changed = true;
                    if same_column(o, t) {
                        merged.push(t.clone());
                    }
                }
                (false, true) => {
                    let change = type_change(&o.sql_type, &t.sql_type);
                    info.invalidates_indexes |= change.invalidates_indexes;
                    info.left_rewrite |= change.rewrite;
                    info.right_changed |= change.rewrite;
                    match change.compatible {
                        true => merged.push(t.clone()),
                        false => conflicts.push(incompatible(Some(o), Some(t))),
                    }
                }
                (true, false) => {
                    let change = type_change(&t.sql_type, &o.sql_type);
                    info.right_rewrite = true;
                    info.invalidates_indexes |= change.invalidates_indexes;
                    info.left_changed |= change.rewrite;
                    match change.compatible {
                        true => merged.push(o.clone()),
                        false => conflicts.push(incompatible(Some(o), Some(t))),
                    }
                }
                (false, false) => merged.push(o.clone()),
            },
        }
    }
    for (i, c) in merged.iter().enumerate() {
        let lower = c.name.to_lowercase();
        let earlier = &merged[..i];
        if let Some(other) = earlier.iter().rfind(|d| d.name.to_lowercase() == lower) {
            conflicts.push(incompatible(Some(c), Some(other)));
        }
        if let Some(other) = earlier.iter().rfind(|d| d.tag == c.tag) {
            conflicts.push(different(c, other));
        }
    }
    Ok(match conflicts.is_empty() {
        true => (Ok(merged), info),
        false => (Err(conflicts), info),
    })
}

fn definition_conflicts(mappings: &[Mapping<'_>]) -> Vec<String> {
    let mut conflicts = Vec::new();
    for m in mappings {
        match (m.base, m.ours, m.theirs) {
            (_, Some(o), Some(t)) if same_column(o, t) => {}
            (Some(b), Some(o), None) if !same_but_tag(b, o) => {
                conflicts.push(incompatible(Some(o), None));
            }
            (Some(b), Some(o), Some(t)) if !same_column(b, o) && !same_column(b, t) => {
                conflicts.push(different(o, t));
            }
            (None, Some(o), Some(t)) => conflicts.push(incompatible(Some(o), Some(t))),
            (Some(b), None, Some(t)) if !same_but_tag(b, t) => {
                conflicts.push(incompatible(None, Some(t)));
            }
            _ => {}
        }
    }
    conflicts
}

/// A new column that existing rows of the other side cannot get is refused.
fn check_new_columns(table: &str, mappings: &[Mapping<'_>]) -> Result<()> {
    for m in mappings {
        let new = match (m.base, m.ours, m.theirs) {
            (None, Some(c), None) | (None, None, Some(c)) => c,
            _ => continue,
        };
        if !new.nullable && new.default_text().is_none() {
            return Err(Error::refused(format!(
                "Unable to merge new column `{}` in table `{table}` because it is not-nullable and has no default value, so existing rows can't be updated automatically. To complete this merge, either manually add this new column to the target branch of the merge and update any existing rows, or change the column's definition on the other branch of the merge so that it is nullable or has a default value.",
                new.name
            )));
        }
    }
    Ok(())
}
