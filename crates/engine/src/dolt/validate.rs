//! Conflicts and violations that keep a transaction or a commit back (spec 05 §13).

use std::collections::BTreeMap;

use model::{Root, Table, WorkingSet};
use values::json::JsonValue;
use values::{Json, Value};
use versioning::{ArtifactKind, Artifacts};

use super::branch_edit::BranchEdit;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::transaction::Transaction;

/// Tables with data conflicts, and tables with violations.
pub fn tables_with_artifacts(root: &Root) -> Result<(Vec<String>, Vec<String>)> {
    let (mut conflicts, mut violations) = (Vec::new(), Vec::new());
    for (name, hash) in root.tables()? {
        let table = Table::open(root.objects(), &hash)?;
        let (c, v) = versioning::artifact::artifact_counts(&table)?;
        if c > 0 {
            conflicts.push(name.clone());
        }
        if v > 0 {
            violations.push(name);
        }
    }
    Ok((conflicts, violations))
}

fn is_on(session: &Session, name: &str) -> bool {
    matches!(session.variable(name), Value::Int(1))
}

/// Checks a working set that shall become the branch's.
pub fn check_set(session: &Session, e: &BranchEdit<'_>) -> Result<()> {
    check(session, &e.set, &e.working()?)
}

fn check(session: &Session, set: &WorkingSet, root: &Root) -> Result<()> {
    let force = is_on(session, "dolt_force_transaction_commit");
    if force {
        return Ok(());
    }
    let (conflicts, violations) = tables_with_artifacts(root)?;
    let schema = set.merge.as_ref().is_some_and(|m| !m.unmergable_tables.is_empty());
    let allowed = is_on(session, "dolt_allow_commit_conflicts");
    if (!conflicts.is_empty() || schema) && !allowed {
        return Err(Error::general(match session.autocommit() {
            true => {
                "Merge conflict detected, @autocommit transaction rolled back. @autocommit must be disabled so that merge conflicts can be resolved using the dolt_conflicts and dolt_schema_conflicts tables before manually committing the transaction. Alternatively, to commit transactions with merge conflicts, set @@dolt_allow_commit_conflicts = 1"
            }
            false => {
                "Merge conflict detected, transaction rolled back. Merge conflicts must be resolved using the dolt_conflicts and dolt_schema_conflicts tables before committing a transaction. To commit transactions with merge conflicts, set @@dolt_allow_commit_conflicts = 1"
            }
        }));
    }
    if violations.is_empty() {
        return Ok(());
    }
    Err(violations_error(root, &violations)?)
}

/// The error of a transaction that would leave these tables with violations.
pub fn violations_error(root: &Root, tables: &[String]) -> Result<Error> {
    let mut texts = Vec::new();
    for name in tables {
        if let Some((_, table)) = root.table(name)? {
            texts.push(descriptions(&table)?);
        }
    }
    Ok(Error::general(format!(
        "Committing this transaction resulted in a working set with constraint violations, transaction rolled back. This constraint violation may be the result of a previous merge or the result of transaction sequencing. Constraint violations from a merge can be resolved using the dolt_constraint_violations table before committing the transaction. To allow transactions to be committed with constraint violations from a merge or transaction sequencing set @@dolt_force_transaction_commit=1.\nConstraint violations: {}",
        texts.join(", ")
    )))
}

/// The violations of a table in words, with their numbers.
fn descriptions(table: &Table) -> Result<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for artifact in Artifacts::of(table)?.all()? {
        if artifact.kind == ArtifactKind::Conflict {
            continue;
        }
        let info = Json::from_stored(&artifact.violation()?.info)?;
        let text = |name: &str| match info.get(name).map(Json::value) {
            Some(JsonValue::String(s)) => s.to_string(),
            _ => String::new(),
        };
        let list = |name: &str| -> String {
            let Some(JsonValue::Array(items)) = info.get(name).map(Json::value) else {
                return "[]".to_string();
            };
            let items = items.iter().map(|i| match i.value() {
                JsonValue::String(s) => s.to_string(),
                _ => String::new(),
            });
            format!("[{}]", items.collect::<Vec<_>>().join(" "))
        };
        let description = match artifact.kind {
            ArtifactKind::ForeignKey => format!(
                "\nType: Foreign Key Constraint Violation\n\tForeignKey: {},\n\tTable: {},\n\tReferencedTable: {},\n\tIndex: {},\n\tReferencedIndex: {}",
                text("ForeignKey"),
                text("Table"),
                text("ReferencedTable"),
                text("Index"),
                text("ReferencedIndex")
            ),
            ArtifactKind::Unique => format!(
                "\nType: Unique Key Constraint Violation,\n\tName: {},\n\tColumns: {}",
                text("Name"),
                list("Columns")
            ),
            ArtifactKind::NotNull => {
                format!("\nType: Null Constraint Violation,\n\tColumns: {}", list("Columns"))
            }
            _ => format!(
                "\nType: Check Constraint Violation,\n\tName: {},\n\tExpression: {}",
                text("Name"),
                text("Expression")
            ),
        };
        *counts.entry(description).or_default() += 1;
    }
    let shown = counts.into_iter().map(|(text, n)| match n {
        1 => text,
        n => format!("{text} ({n} row(s))"),
    });
    Ok(shown.collect::<Vec<_>>().concat())
}

/// Checks a transaction that is about to be committed.
pub fn before_commit(session: &Session, tx: &Transaction) -> Result<()> {
    for branch in tx.branches.values().filter(|b| b.is_dirty()) {
        let touched = |t: &crate::transaction::TableChanges| !t.state.table.artifacts().is_empty();
        if !branch.replaced && branch.set.merge.is_none() && !branch.tables.values().any(touched) {
            continue;
        }
        check(session, &branch.set, &branch.built_root()?)?;
    }
    Ok(())
}
