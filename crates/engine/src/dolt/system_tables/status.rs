//! dolt_status, dolt_merge_status, dolt_conflicts, dolt_constraint_violations,
//! dolt_schema_conflicts.

use std::sync::Arc;

use model::{MergeState, Root, Table, WorkingSet, ref_name};
use values::{OwnedValue, Value};
use versioning::artifact::artifact_counts;
use versioning::{DeltaKind, TableDelta, table_deltas};

use super::{
    BOOL, Scan, TEXT, TableMaker, UBIGINT, boolean, column, emit_all, hash, key, nullable, text,
};
use crate::dolt::ignore::IgnorePatterns;
use crate::dolt::logic::SessionLogic;
use crate::dolt::revision;
use crate::dolt::staging::{database_entry, deltas};
use crate::dolt::validate::tables_with_artifacts;
use crate::error::Result;
use crate::session::Revision;
use crate::virtual_table::VirtualTable;

fn working_set(scan: &Scan<'_>) -> Result<Option<WorkingSet>> {
    match &scan.db.revision {
        Revision::Branch(_) => Ok(Some(scan.session().branch_changes(&scan.db)?.set.clone())),
        Revision::Commit(_) => Ok(None),
    }
}

fn merge_state(scan: &Scan<'_>) -> Result<Option<MergeState>> {
    Ok(working_set(scan)?.and_then(|s| s.merge))
}

fn shown(delta: &TableDelta) -> (String, &'static str) {
    match delta.kind() {
        DeltaKind::Added => (delta.to_name.clone(), "new table"),
        DeltaKind::Dropped => (delta.from_name.clone(), "deleted"),
        DeltaKind::Renamed => (
            format!("{} -> {}", delta.from_name, delta.to_name),
            "renamed",
        ),
        DeltaKind::Modified => (delta.to_name.clone(), "modified"),
    }
}

/// `dolt_status`, and with ignored tables `dolt_status_ignored`.
pub fn status(maker: &TableMaker, ignored: bool) -> Arc<dyn VirtualTable> {
    let mut columns = vec![
        key("table_name", TEXT),
        key("staged", BOOL),
        key("status", TEXT),
    ];
    if ignored {
        columns.push(column("ignored", BOOL));
    }
    maker.table(columns, move |scan, emit| {
        let mut rows: Vec<(String, bool, &str, bool)> = Vec::new();
        let Some(set) = working_set(scan)? else {
            return emit_all(Vec::new(), emit);
        };
        let working = revision::working_root(scan.session(), &scan.db)?;
        let staged = revision::staged_root(scan.session(), &scan.db)?;
        let head = revision::commit_root(&scan.db, revision::head(&scan.db)?)?;
        let (conflicts, violations) = tables_with_artifacts(&working)?;
        let staged_deltas = table_deltas(&head, &staged)?;
        for name in &violations {
            rows.push((name.clone(), false, "constraint violation", false));
        }
        if let Some(merge) = &set.merge {
            for name in &merge.unmergable_tables {
                rows.push((name.clone(), false, "schema conflict", false));
            }
        }
        for name in &conflicts {
            rows.push((name.clone(), false, "conflict", false));
        }
        if head.collation() != staged.collation() {
            rows.push((
                database_entry(&scan.db.handle.name),
                true,
                "modified",
                false,
            ));
        }
        for delta in &staged_deltas {
            let (name, status) = shown(delta);
            if !violations.contains(&name) {
                rows.push((name, true, status, false));
            }
        }
        if staged.collation() != working.collation() {
            rows.push((
                database_entry(&scan.db.handle.name),
                false,
                "modified",
                false,
            ));
        }
        let unstaged = deltas(&staged, &working)?;
        let patterns = match unstaged.is_empty() {
            true => IgnorePatterns::default(),
            false => IgnorePatterns::of(&working)?,
        };
        for delta in &unstaged {
            if delta.only_unseen_changed()? {
                continue;
            }
            let (name, status) = shown(delta);
            let hides = delta.kind() == DeltaKind::Added && patterns.ignores(&name);
            if (ignored || !hides) && !violations.contains(&name) {
                rows.push((name, false, status, hides));
            }
        }
        let rows = rows.into_iter().map(|(name, staged, status, hides)| {
            let mut row = vec![text(name), boolean(staged), text(status)];
            if ignored {
                row.push(boolean(hides));
            }
            row
        });
        emit_all(rows, emit)
    })
}

/// `dolt_merge_status`.
pub fn merge_status(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        column("is_merging", BOOL),
        nullable("source", TEXT),
        nullable("source_commit", TEXT),
        nullable("target", TEXT),
        nullable("unmerged_tables", TEXT),
    ];
    maker.table(columns, |scan, emit| {
        let Some(merge) = merge_state(scan)? else {
            let nulls = std::iter::repeat_n(Value::Null, 4);
            emit(std::iter::once(boolean(false)).chain(nulls).collect())?;
            return Ok(crate::result::Flow::Continue);
        };
        let working = revision::working_root(scan.session(), &scan.db)?;
        let (conflicts, violations) = tables_with_artifacts(&working)?;
        let mut unmerged: Vec<String> = conflicts;
        for name in violations.into_iter().chain(merge.unmergable_tables) {
            if !unmerged.contains(&name) {
                unmerged.push(name);
            }
        }
        let target = match &scan.db.revision {
            Revision::Branch(branch) => ref_name::branch(branch),
            Revision::Commit(id) => id.0.to_string(),
        };
        emit(vec![
            boolean(true),
            text(merge.from_spec),
            hash(merge.from_commit.0),
            text(target),
            text(unmerged.join(", ")),
        ])
    })
}

fn counted(
    maker: &TableMaker,
    name: &str,
    which: fn((u64, u64)) -> u64,
    schema: bool,
) -> Arc<dyn VirtualTable> {
    let columns = vec![key("table", TEXT), column(name, UBIGINT)];
    maker.table(columns, move |scan, emit| {
        let working = revision::working_root(scan.session(), &scan.db)?;
        let mut rows: Vec<Vec<OwnedValue>> = Vec::new();
        let unmergable = merge_state(scan)?
            .map(|m| m.unmergable_tables)
            .unwrap_or_default();
        for (name, address) in working.tables()? {
            let table = Table::open(working.objects(), &address)?;
            let n = which(artifact_counts(&table)?);
            if n > 0 || schema && unmergable.contains(&name) {
                rows.push(vec![text(name), Value::UInt(n)]);
            }
        }
        emit_all(rows, emit)
    })
}

/// `dolt_conflicts`.
pub fn conflicts(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    counted(maker, "num_conflicts", |(conflicts, _)| conflicts, true)
}

/// `dolt_constraint_violations`.
pub fn violations(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    counted(maker, "num_violations", |(_, violations)| violations, false)
}

/// `dolt_schema_conflicts`.
pub fn schema_conflicts(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        key("table_name", TEXT),
        column("base_schema", TEXT),
        column("our_schema", TEXT),
        column("their_schema", TEXT),
        column("description", TEXT),
    ];
    maker.table(columns, |scan, emit| {
        let Some(merge) = merge_state(scan)? else {
            return emit_all(Vec::new(), emit);
        };
        let objects = scan.db.handle.store.objects();
        let head = revision::head(&scan.db)?;
        let Some(base) = versioning::common_ancestor(objects, head, merge.from_commit)? else {
            return emit_all(Vec::new(), emit);
        };
        let root = |id| revision::commit_root(&scan.db, id);
        let logic = SessionLogic::new(scan.session(), objects);
        let (ours, theirs, base) = (root(head)?, root(merge.from_commit)?, root(base)?);
        let rows =
            versioning::schema_conflicts(&ours, &theirs, &base, &merge.unmergable_tables, &logic)?;
        let create = |root: &Root, name: &str, table: &Option<Table>| -> Result<OwnedValue> {
            Ok(match table {
                Some(_) => text(format!(
                    "{};",
                    super::diff_functions::create_text(scan, root, name)?
                )),
                None => text("<deleted>"),
            })
        };
        let mut out = Vec::new();
        for r in rows {
            out.push(vec![
                text(&*r.table),
                create(&base, &r.table, &r.base)?,
                create(&ours, &r.table, &r.ours)?,
                create(&theirs, &r.table, &r.theirs)?,
                text(&*r.description),
            ]);
        }
        emit_all(out, emit)
    })
}
