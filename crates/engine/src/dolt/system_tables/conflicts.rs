//! dolt_conflicts_$t, dolt_constraint_violations_$t, previews of merges.

use std::sync::Arc;

use model::{CommitId, Schema, Table};
use values::{Json, OwnedValue, SqlType, Value};
use versioning::{
    ArtifactKind, Artifacts, Conflicts, MergeOptions, MergeOutcome, RowReader, merge_roots,
};

use super::{
    Emit, NAME, Scan, TEXT, TableMaker, UBIGINT, column, emit_all, hash, hidden, key, nullable,
    text,
};
use crate::dolt::branch_edit::branch_of;
use crate::dolt::logic::SessionLogic;
use crate::dolt::revision;
use crate::dolt::system_writes::violation_key;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::session::DbRef;
use crate::virtual_table::{VirtualColumn, VirtualTable};

/// Positions of a table's columns, those of the key first.
fn key_first(schema: &Schema) -> Vec<usize> {
    let mut order = schema.primary_key.clone();
    order.extend((0..schema.columns.len()).filter(|c| !schema.primary_key.contains(c)));
    order
}

fn group(prefix: &str, schema: &Schema) -> Vec<VirtualColumn> {
    key_first(schema)
        .into_iter()
        .map(|c| {
            nullable(
                &format!("{prefix}_{}", schema.columns[c].name),
                schema.columns[c].sql_type.clone(),
            )
        })
        .collect()
}

fn conflict_columns(base: &Schema, ours: &Schema, theirs: &Schema) -> Vec<VirtualColumn> {
    let mut columns = vec![nullable("from_root_ish", NAME)];
    columns.extend(group("base", base));
    columns.extend(group("our", ours));
    columns.push(nullable("our_diff_type", NAME));
    columns.extend(group("their", theirs));
    columns.push(nullable("their_diff_type", NAME));
    columns.push(nullable("dolt_conflict_id", NAME));
    if ours.is_keyless() {
        for side in ["base", "our", "their"] {
            columns.push(column(&format!("{side}_cardinality"), UBIGINT));
        }
    }
    columns
}

/// `dolt_conflicts_$t`.
pub fn conflicts_table(
    maker: &TableMaker,
    name: &str,
    table: &Table,
) -> Result<Arc<dyn VirtualTable>> {
    let c = Conflicts::of(name, table)?;
    let columns = conflict_columns(c.base().schema(), c.ours().schema(), c.theirs().schema());
    let name = name.to_string();
    Ok(maker.table(columns, move |scan, emit| {
        let root = revision::working_root(scan.session(), &scan.db)?;
        match root.table(&name)? {
            Some((stored, table)) => emit_conflicts(scan, &stored, &table, emit),
            None => Ok(Flow::Continue),
        }
    }))
}

/// Gives the conflicts that a table's artifacts hold.
fn emit_conflicts(scan: &Scan<'_>, name: &str, table: &Table, emit: Emit<'_>) -> Result<Flow> {
    let mut conflicts = Conflicts::of(name, table)?;
    let readers = [conflicts.base(), conflicts.ours(), conflicts.theirs()].map(RowReader::of);
    let keyless = table.schema().is_keyless();
    let values =
        |reader: &RowReader, key: &[u8], value: &Option<Vec<u8>>| -> Result<Vec<OwnedValue>> {
            let order = key_first(reader.schema());
            match value {
                None => Ok(vec![Value::Null; order.len()]),
                Some(v) => order
                    .into_iter()
                    .map(|c| Ok(reader.value(c, key, v)?))
                    .collect(),
            }
        };
    for i in 0..conflicts.len() {
        scan.cx.check_interrupt()?;
        let Some(c) = conflicts.conflict(i)? else {
            continue;
        };
        let row_key = &c.artifact.row_key;
        let mut row = vec![hash(c.artifact.from)];
        row.extend(values(&readers[0], row_key, &c.base)?);
        row.extend(values(&readers[1], row_key, &c.ours)?);
        row.push(text(c.diff_type(&c.ours)));
        row.extend(values(&readers[2], row_key, &c.theirs)?);
        row.push(text(c.diff_type(&c.theirs)));
        row.push(text(c.artifact.conflict_id()));
        if keyless {
            for (reader, side) in readers.iter().zip([&c.base, &c.ours, &c.theirs]) {
                row.push(Value::UInt(side.as_ref().map_or(0, |v| reader.count(v))));
            }
        }
        if emit(row)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// `dolt_constraint_violations_$t`.
pub fn violations_table(
    maker: &TableMaker,
    name: &str,
    table: &Table,
) -> Result<Arc<dyn VirtualTable>> {
    let schema = table.schema().clone();
    let kinds = [
        "foreign key",
        "unique index",
        "check constraint",
        "not null",
    ];
    let members: Arc<[Box<str>]> = kinds.iter().map(|k| Box::from(*k)).collect();
    let mut columns = vec![
        nullable("from_root_ish", NAME),
        key(
            "violation_type",
            SqlType::Enum(members, values::CollationId::DEFAULT),
        ),
    ];
    if schema.is_keyless() {
        columns.push(key(
            "dolt_row_hash",
            SqlType::Blob(values::LobSize::Regular),
        ));
    }
    columns.extend(
        key_first(&schema)
            .into_iter()
            .map(|c| nullable(&schema.columns[c].name, schema.columns[c].sql_type.clone())),
    );
    columns.push(nullable("violation_info", SqlType::Json));
    columns.push(hidden("dolt_violation_key", TEXT));
    let name = name.to_string();
    Ok(maker.table(columns, move |scan, emit| {
        let root = revision::working_root(scan.session(), &scan.db)?;
        let Some((_, table)) = root.table(&name)? else {
            return Ok(Flow::Continue);
        };
        if table.artifacts().is_empty() {
            return Ok(Flow::Continue);
        }
        let reader = RowReader::of(&table);
        for artifact in Artifacts::of(&table)?.all()? {
            if artifact.kind == ArtifactKind::Conflict {
                continue;
            }
            let violation = artifact.violation()?;
            let mut row = vec![hash(artifact.from), Value::UInt(artifact.kind as u64 - 1)];
            if table.schema().is_keyless() {
                let bytes = values::Tuple(&artifact.row_key)
                    .field(0)
                    .unwrap_or_default();
                row.push(Value::Bytes(bytes.to_vec().into()));
            }
            for c in key_first(table.schema()) {
                row.push(reader.value(c, &artifact.row_key, &violation.value)?);
            }
            row.push(Value::Json(Json::from_stored(&violation.info)?));
            row.push(text(violation_key(&artifact.map_key)));
            if emit(row)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }))
}

/// What a merge of two revisions would give; none where nothing has to be merged.
fn preview(scan: &Scan<'_>, left: &str, right: &str) -> Result<Option<MergeOutcome>> {
    let objects = scan.db.handle.store.objects();
    let (l, r, base) = sides(&scan.db, left, right)?;
    if base == l || base == r {
        return Ok(None);
    }
    let root = |id| revision::commit_root(&scan.db, id);
    let options = MergeOptions {
        keep_schema_conflicts: true,
        ..MergeOptions::default()
    };
    let logic = SessionLogic::new(scan.session(), objects);
    let (ours, theirs, base_root) = (root(l)?, root(r)?, root(base)?);
    let of = (r.0, base.0);
    Ok(Some(merge_roots(
        &ours, &theirs, &base_root, of, &options, &logic,
    )?))
}

/// Two commits and where they parted.
fn sides(db: &DbRef, left: &str, right: &str) -> Result<(CommitId, CommitId, CommitId)> {
    let (l, r) = (revision::commit(db, left)?, revision::commit(db, right)?);
    let base = versioning::common_ancestor(db.handle.store.objects(), l, r)?
        .ok_or_else(|| Error::general("no common ancestor"))?;
    Ok((l, r, base))
}

/// The arguments of a preview, which must be `n` texts that are known when it is planned.
fn preview_args(name: &str, args: &[Option<OwnedValue>], n: usize) -> Result<Vec<String>> {
    if args.len() != n {
        return Err(Error::general(format!(
            "function '{name}' expected {n} arguments, {} received",
            args.len()
        )));
    }
    let invalid = |shown: &str| Error::general(format!("Invalid argument to {name}: {shown}"));
    args.iter()
        .map(|arg| match arg {
            Some(Value::Bytes(b)) => Ok(String::from_utf8_lossy(b).into_owned()),
            Some(Value::Null) => Err(invalid("NULL")),
            Some(v) => Err(invalid(&crate::convert::to_string(v))),
            None => Err(invalid("? – only literal values supported")),
        })
        .collect()
}

/// `dolt_preview_merge_conflicts_summary(left, right)`.
pub fn preview_summary(
    maker: &TableMaker,
    args: &[Option<OwnedValue>],
) -> Result<Arc<dyn VirtualTable>> {
    let args = preview_args("dolt_preview_merge_conflicts_summary", args, 2)?;
    let columns = vec![
        column("table", TEXT),
        nullable("num_data_conflicts", UBIGINT),
        nullable("num_schema_conflicts", UBIGINT),
    ];
    Ok(maker.table(columns, move |scan, emit| {
        branch_of(&scan.db)?;
        let Some(outcome) = preview(scan, &args[0], &args[1])? else {
            return Ok(Flow::Continue);
        };
        let conflicts = outcome
            .stats
            .iter()
            .filter(|(_, s)| s.data_conflicts > 0 || s.schema_conflicts > 0);
        let rows = conflicts.map(|(name, s)| {
            let data = match s.schema_conflicts {
                0 => Value::UInt(s.data_conflicts),
                _ => Value::Null,
            };
            vec![text(&**name), data, Value::UInt(s.schema_conflicts)]
        });
        emit_all(rows, emit)
    }))
}

/// `dolt_preview_merge_conflicts(left, right, table)`: the rows of `dolt_conflicts_$t` after a
/// merge that is not made.
pub fn preview_conflicts(
    db: &DbRef,
    maker: &TableMaker,
    args: &[Option<OwnedValue>],
) -> Result<Arc<dyn VirtualTable>> {
    if args.len() == 3 && args.iter().any(Option::is_none) {
        // A statement that is only prepared does not know its table yet.
        return Ok(maker.table(Vec::new(), |_, _| Ok(Flow::Continue)));
    }
    let args = preview_args("dolt_preview_merge_conflicts", args, 3)?;
    branch_of(db)?;
    let (l, r, base) = sides(db, &args[0], &args[1])?;
    let schema = |id| -> Result<Option<Arc<Schema>>> {
        let found = revision::commit_root(db, id)?.table(&args[2])?;
        Ok(found.map(|(_, t)| t.schema().clone()))
    };
    let (ours, theirs, base) = (schema(l)?, schema(r)?, schema(base)?);
    // A side without the table shows the columns of one that has it.
    let any = ours.clone().or(theirs.clone()).or(base.clone());
    let any = any.ok_or_else(|| Error::unknown_table_missing(&db.handle.name, &args[2]))?;
    let or_any = |s: Option<Arc<Schema>>| s.unwrap_or_else(|| any.clone());
    let columns = conflict_columns(&or_any(base), &or_any(ours), &or_any(theirs));
    Ok(maker.table(columns, move |scan, emit| {
        let Some(outcome) = preview(scan, &args[0], &args[1])? else {
            return Ok(Flow::Continue);
        };
        let wanted = |name: &str| name.eq_ignore_ascii_case(&args[2]);
        let Some((name, stats)) = outcome.stats.iter().find(|(n, _)| wanted(n)) else {
            return Ok(Flow::Continue);
        };
        if stats.schema_conflicts > 0 {
            return Err(Error::general(format!(
                "schema conflicts found: {}",
                stats.schema_conflicts
            )));
        }
        match outcome.root.table(name)? {
            Some((stored, table)) if stats.data_conflicts > 0 => {
                emit_conflicts(scan, &stored, &table, emit)
            }
            _ => Ok(Flow::Continue),
        }
    }))
}
