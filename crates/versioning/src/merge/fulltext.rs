//! Tables of full-text indexes after a merge (spec 05 §7).

use std::collections::{BTreeMap, HashSet};

use model::{FulltextInfo, Root, Schema};

use super::root_merge::{Operation, TableStats};
use crate::{Result, RowLogic};

/// Whether a table belongs to a full-text index.
pub(super) fn is_fulltext_table(name: &str) -> bool {
    name.starts_with("dolt_")
        && [
            "config",
            "position",
            "doc_count",
            "global_count",
            "row_count",
        ]
        .iter()
        .any(|kind| name.ends_with(&format!("_fts_{kind}")))
}

fn tables_of(info: &FulltextInfo) -> [&String; 5] {
    [
        &info.config_table,
        &info.position_table,
        &info.doc_count_table,
        &info.global_count_table,
        &info.row_count_table,
    ]
}

/// Builds the tables of indexes again whose words both sides changed, and removes those of
/// indexes that are gone.
pub(super) fn follow_rows(
    merged: Root,
    ours: &Root,
    theirs: &Root,
    stats: &BTreeMap<String, TableStats>,
    logic: &dyn RowLogic,
) -> Result<Root> {
    let names: Vec<String> = merged.tables()?.into_iter().map(|(n, _)| n).collect();
    let (words, tables): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|n| is_fulltext_table(n));
    if words.is_empty() {
        return Ok(merged);
    }
    let mut root = merged.clone();
    let mut used: HashSet<String> = HashSet::new();
    for name in tables {
        let Some((_, table)) = merged.table(&name)? else {
            continue;
        };
        let schema: &Schema = table.schema();
        let of_index: Vec<&String> = schema
            .indexes
            .iter()
            .filter_map(|i| i.fulltext.as_ref())
            .flat_map(tables_of)
            .collect();
        if of_index.is_empty() {
            continue;
        }
        let changed = |n: &str| {
            stats
                .get(n)
                .is_some_and(|s| s.operation != Operation::Unmodified)
        };
        let visited = changed(&name) || of_index.iter().any(|n| changed(n));
        let here = merged.table_hash(&name)?;
        let moved = ours.table_hash(&name)? != here && theirs.table_hash(&name)? != here;
        let mut apart = false;
        for n in &of_index {
            apart |= ours.table_hash(n)? != theirs.table_hash(n)?;
        }
        used.extend(of_index.into_iter().cloned());
        if visited && moved && apart {
            root = logic.rebuild_words(&root, &name)?;
        }
    }
    let orphans: Vec<&str> = words
        .iter()
        .filter(|n| !used.contains(*n))
        .map(String::as_str)
        .collect();
    Ok(match orphans.is_empty() {
        true => root,
        false => root.without_tables(orphans)?,
    })
}
