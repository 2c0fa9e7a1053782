//! dolt_conflicts_$t, dolt_constraint_violations_$t, previews of merges.

use std::sync::Arc;

use model::{Schema, Table};
use values::{Json, OwnedValue, SqlType, Value};
use versioning::{
    ArtifactKind, Artifacts, Conflicts, MergeOptions, RowReader, merge_roots,
};

use super::{NAME, TEXT, TableMaker, UBIGINT, column, emit_all, hash, hidden, key, nullable, text};
use crate::dolt::logic::SessionLogic;
use crate::dolt::revision;
use crate::dolt::system_writes::violation_key;
use crate::error::{Error, Result};
use crate::result::Flow;
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
        .map(|c| nullable(&format!("{prefix}_{}", schema.columns[c].name), schema.columns[c].sql_type.clone()))
        .collect()
}

fn conflict_columns(c: &Conflicts) -> Vec<VirtualColumn> {
    let mut columns = vec![nullable("from_root_ish", NAME)];
    columns.extend(group("base", c.base().schema()));
    columns.extend(group("our", c.ours().schema()));
    columns.push(nullable("our_diff_type", NAME));
    columns.extend(group("their", c.theirs().schema()));
    columns.push(nullable("their_diff_type", NAME));
    columns.push(nullable("dolt_conflict_id", NAME));
    if c.ours().schema().is_keyless() {
        for side in ["base", "our", "their"] {
            columns.push(column(&format!("{side}_cardinality"), UBIGINT));
        }
    }
    columns
}

/// `dolt_conflicts_$t`.
pub fn conflicts_table(maker: &TableMaker, name: &str, table: &Table) -> Result<Arc<dyn VirtualTable>> {
    let columns = conflict_columns(&Conflicts::of(name, table)?);
    let name = name.to_string();
    Ok(maker.table(columns, move |scan, emit| {
        let root = revision::working_root(scan.session(), &scan.db)?;
        let Some((stored, table)) = root.table(&name)? else { return Ok(Flow::Continue) };
        let mut conflicts = Conflicts::of(&stored, &table)?;
        let readers =
            [conflicts.base(), conflicts.ours(), conflicts.theirs()].map(RowReader::of);
        let keyless = table.schema().is_keyless();
        let values = |reader: &RowReader, key: &[u8], value: &Option<Vec<u8>>| -> Result<Vec<OwnedValue>> {
            let order = key_first(reader.schema());
            match value {
                None => Ok(vec![Value::Null; order.len()]),
                Some(v) => {
                    order.into_iter().map(|c| Ok(reader.value(c, key, v)?)).collect()
                }
            }
        };
        for i in 0..conflicts.len() {
            scan.cx.check_interrupt()?;
            let Some(c) = conflicts.conflict(i)? else { continue };
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
    }))
}

/// `dolt_constraint_violations_$t`.
pub fn violations_table(maker: &TableMaker, name: &str, table: &Table) -> Result<Arc<dyn VirtualTable>> {
    let schema = table.schema().clone();
    let kinds = ["foreign key", "unique index", "check constraint", "not null"];
    let members: Arc<[Box<str>]> = kinds.iter().map(|k| Box::from(*k)).collect();
    let mut columns = vec![
        nullable("from_root_ish", NAME),
        key("violation_type", SqlType::Enum(members, values::CollationId::DEFAULT)),
    ];
    if schema.is_keyless() {
        columns.push(key("dolt_row_hash", SqlType::Blob(values::LobSize::Regular)));
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
        let Some((_, table)) = root.table(&name)? else { return Ok(Flow::Continue) };
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
                let bytes = values::Tuple(&artifact.row_key).field(0).unwrap_or_default();
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

/// `dolt_preview_merge_conflicts_summary(left, right)`.
pub fn preview_summary(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        column("table", TEXT),
        nullable("num_data_conflicts", UBIGINT),
        nullable("num_schema_conflicts", UBIGINT),
    ];
    maker.table(columns, |scan, emit| {
        let args = scan.texts();
        let (Some(left), Some(right)) = (args.first(), args.get(1)) else {
            return Err(Error::general("left branch name cannot be empty"));
        };
        let objects = scan.db.handle.store.objects();
        let (l, r) = (revision::commit(&scan.db, left)?, revision::commit(&scan.db, right)?);
        let Some(base) = versioning::common_ancestor(objects, l, r)? else {
            return Err(Error::general("no common ancestor"));
        };
        if base == l || base == r {
            return Ok(Flow::Continue);
        }
        let root = |id| revision::commit_root(&scan.db, id);
        let options = MergeOptions { keep_schema_conflicts: true, ..MergeOptions::default() };
        let logic = SessionLogic::new(scan.session(), objects);
        let outcome = merge_roots(&root(l)?, &root(r)?, &root(base)?, (r.0, base.0), &options, &logic)?;
        let rows = outcome
            .stats
            .iter()
            .filter(|(_, s)| s.data_conflicts > 0 || s.schema_conflicts > 0)
            .map(|(name, s)| {
                let data = match s.schema_conflicts {
                    0 => Value::UInt(s.data_conflicts),
                    _ => Value::Null,
                };
                vec![text(&**name), data, Value::UInt(s.schema_conflicts)]
            });
        emit_all(rows.collect::<Vec<_>>(), emit)
    })
}
