//! ALTER TABLE: each clause makes a new version of the table; all or none take effect.

mod drop;
mod modify;
mod rewrite;

use std::sync::Arc;

use model::{Column, Schema, column_tag};
use syntax::ast::{self, AlterSpec, ColumnPosition, TableConstraint};
use values::{SqlType, Value};

use super::create::{
    Pending, add_checks, add_constraint, check_auto_increment, check_collation, check_generated,
    check_row_size, column_index, define_column, row_bytes, set_primary_key, table_option,
};
use super::functional_key;
use super::{Change, foreign_key, rebuild, rename_table, stored_text, table_database_of};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::root_state::TableState;
use crate::session::Session;

use drop::*;
use modify::*;
use rewrite::*;

/// Where the values of a column of the new schema come from.
#[derive(Clone, Debug)]
enum Source {
    /// A column of the old schema.
    Old(usize),
    /// Its default, or what stands for NULL.
    New,
}

/// ALTER TABLE.
pub(super) fn alter_table(session: &Session, a: &ast::AlterTable) -> Result<()> {
    alter_specs(session, &a.name, &a.specs)
}

/// Applies clauses in order.
pub(super) fn alter_specs(
    session: &Session,
    name: &ast::ObjectName,
    specs: &[AlterSpec],
) -> Result<()> {
    let db = table_database_of(session, name)?;
    let mut change = Change::new(session, &db)?;
    if !change.root.has_table(&name.name)
        && change.root.views()?.contains_key(&name.name.to_lowercase())
    {
        return Err(Error::wrong_object(
            &db.handle.name,
            &*name.name,
            "BASE TABLE",
        ));
    }
    let state = change.table(&name.name)?;
    let before = state.table.schema().clone();
    let mut table = state.name.clone();
    check_new_names(&table, specs)?;
    for spec in specs {
        table = apply(session, &mut change, &table, spec)?;
    }
    let after = change.table(&table)?.table.schema().clone();
    if row_bytes(&after) > row_bytes(&before) {
        check_row_size(&after)?;
    }
    super::fulltext::follow(&mut change, &table, Some(&before))?;
    change.finish()
}

/// Clauses are about the columns that the table had: one that is added cannot be renamed or
/// dropped by the same statement.
fn check_new_names(table: &str, specs: &[AlterSpec]) -> Result<()> {
    let mut added: Vec<&str> = Vec::new();
    let mut renamed: Vec<(&str, &str)> = Vec::new();
    for spec in specs {
        if let AlterSpec::RenameColumn { old, new } = spec {
            let is_new = renamed.iter().any(|(_, n)| n.eq_ignore_ascii_case(old));
            let was_old = renamed.iter().any(|(o, _)| o.eq_ignore_ascii_case(old));
            if is_new && !was_old {
                return Err(Error::unknown_column(&**old, table));
            }
            renamed.push((old, new));
        }
        match spec {
            AlterSpec::AddColumn { column, .. } => added.push(&column.name),
            AlterSpec::AddColumns { columns, .. } => {
                added.extend(columns.iter().map(|c| c.name.as_str()));
            }
            AlterSpec::DropColumn { name, .. }
                if added.iter().any(|a| a.eq_ignore_ascii_case(name)) =>
            {
                return Err(Error::cannot_drop_missing(&**name));
            }
            AlterSpec::RenameColumn { old, .. } | AlterSpec::ChangeColumn { old, .. }
                if added.iter().any(|a| a.eq_ignore_ascii_case(old)) =>
            {
                return Err(Error::unknown_column(&**old, table));
            }
            AlterSpec::ModifyColumn { column, .. }
                if added.iter().any(|a| a.eq_ignore_ascii_case(&column.name)) =>
            {
                return Err(Error::unknown_column(&*column.name, table));
            }
            _ => {}
        }
    }
    Ok(())
}

fn apply(
    session: &Session,
    change: &mut Change<'_>,
    table: &str,
    spec: &AlterSpec,
) -> Result<String> {
    let state = change.table(table)?;
    let mut schema = state.table.schema().edited();
    match spec {
        AlterSpec::AddColumn {
            column,
            position,
            if_not_exists,
        } => {
            if *if_not_exists && schema.column_index(&column.name).is_some() {
                return Ok(table.to_string());
            }
            add_columns(
                session,
                change,
                &state,
                std::slice::from_ref(column),
                position,
                &[],
            )?;
        }
        AlterSpec::AddColumns {
            columns,
            constraints,
        } => {
            add_columns(
                session,
                change,
                &state,
                columns,
                &ColumnPosition::Unspecified,
                constraints,
            )?;
        }
        AlterSpec::AddConstraint(c) => {
            add_constraints(session, change, &state, std::slice::from_ref(c))?
        }
        AlterSpec::DropColumn { name, if_exists } => {
            let found = schema.column_index(name);
            let Some(i) = found.filter(|i| !schema.columns[*i].hidden_system) else {
                if *if_exists {
                    return Ok(table.to_string());
                }
                return Err(Error::cannot_drop_missing(&**name));
            };
            drop_column(change, &state, i)?;
        }
        AlterSpec::ModifyColumn { column, position } => {
            modify(session, change, &state, &column.name, column, position)?;
        }
        AlterSpec::ChangeColumn {
            old,
            column,
            position,
        } => {
            modify(session, change, &state, old, column, position)?;
        }
        AlterSpec::RenameColumn { old, new } => {
            let i = schema
                .column_index(old)
                .filter(|i| !schema.columns[*i].hidden_system)
                .ok_or_else(|| Error::unknown_column(&**old, table))?;
            let name = schema.columns[i].name.clone();
            let held = |c: &model::Column| {
                c.hidden_system && functional_key::mentions(&c.expression, &name)
            };
            if schema.columns.iter().any(held) {
                return Err(Error::functional_dependent(&**old));
            }
            rename_column(&mut schema, i, new)?;
            schema.suffix_by_position = true;
            let t = state.table.with_schema(&schema)?;
            change.put_table(table, &t)?;
            rename_in_keys(change, table, old, new)?;
        }
        AlterSpec::AlterColumnSetDefault { column, default } => {
            let i = schema
                .column_index(column)
                .ok_or_else(|| Error::unknown_column(&**column, table))?;
            schema.columns[i].expression =
                super::create::default_text(session, column, default, &schema.columns[i].sql_type)?;
            schema.suffix_by_position = true;
            check_generated(session, table, &schema)?;
            change.put_table(table, &state.table.with_schema(&schema)?)?;
        }
        AlterSpec::AlterColumnDropDefault { column } => {
            let i = schema
                .column_index(column)
                .ok_or_else(|| Error::unknown_column(&**column, table))?;
            schema.columns[i].expression = String::new();
            schema.suffix_by_position = true;
            change.put_table(table, &state.table.with_schema(&schema)?)?;
        }
        AlterSpec::AlterColumnVisible { column, visible } => {
            let i = schema
                .column_index(column)
                .ok_or_else(|| Error::unknown_column(&**column, table))?;
            schema.columns[i].hidden = !visible;
            change.put_table(table, &state.table.with_schema(&schema)?)?;
        }
        AlterSpec::DropPrimaryKey => {
            if schema.primary_key.is_empty() {
                return Err(Error::cannot_drop_missing("PRIMARY"));
            }
            if let Some(c) = schema.columns.iter().find(|c| c.auto_increment) {
                let at = schema.column_index(&c.name);
                if !schema
                    .indexes
                    .iter()
                    .any(|i| i.columns.first().copied() == at)
                {
                    return Err(Error::one_auto_column());
                }
            }
            let keys = change.root.foreign_keys()?;
            if let Some(k) = keys
                .of_parent(table)
                .find(|k| k.parent_index.is_empty() && k.is_resolved())
            {
                return Err(Error::fk_index_needed(if k.parent_index.is_empty() {
                    "PRIMARY"
                } else {
                    &k.parent_index
                }));
            }
            for i in std::mem::take(&mut schema.primary_key) {
                schema.columns[i].primary_key = false;
            }
            rewrite(session, change, &state, schema, &identity(&state))?;
        }
        AlterSpec::DropIndex { name, if_exists } => {
            if schema.index_position(name).is_none() {
                if *if_exists {
                    return Ok(table.to_string());
                }
                return Err(Error::cannot_drop_missing(&**name));
            }
            drop_index(change, &state, name)?;
            drop_hidden_columns(change, table)?;
        }
        AlterSpec::DropForeignKey { name, if_exists } => {
            let mut keys = (*change.root.foreign_keys()?).clone();
            let before = keys.keys.len();
            keys.keys.retain(|k| {
                !(k.child_table.eq_ignore_ascii_case(table) && k.name.eq_ignore_ascii_case(name))
            });
            if keys.keys.len() == before {
                if *if_exists {
                    return Ok(table.to_string());
                }
                return Err(Error::cannot_drop_missing(&**name));
            }
            change.set_foreign_keys(&keys)?;
        }
        AlterSpec::DropCheck { name, if_exists } => {
            let before = schema.checks.len();
            schema.checks.retain(|c| !c.name.eq_ignore_ascii_case(name));
            if schema.checks.len() == before {
                if *if_exists {
                    return Ok(table.to_string());
                }
                return Err(Error::check_missing(&**name));
            }
            change.put_table(table, &state.table.with_schema(&schema)?)?;
        }
        AlterSpec::DropConstraint { name, if_exists } => {
            let keys = change.root.foreign_keys()?;
            let spec = if schema
                .checks
                .iter()
                .any(|c| c.name.eq_ignore_ascii_case(name))
            {
                AlterSpec::DropCheck {
                    name: name.clone(),
                    if_exists: *if_exists,
                }
            } else if keys
                .of_child(table)
                .any(|k| k.name.eq_ignore_ascii_case(name))
            {
                AlterSpec::DropForeignKey {
                    name: name.clone(),
                    if_exists: *if_exists,
                }
            } else if schema
                .index_position(name)
                .is_some_and(|i| schema.indexes[i].unique)
            {
                AlterSpec::DropIndex {
                    name: name.clone(),
                    if_exists: *if_exists,
                }
            } else if *if_exists {
                return Ok(table.to_string());
            } else {
                return Err(Error::constraint_missing(&**name));
            };
            return apply(session, change, table, &spec);
        }
        AlterSpec::AlterCheck { name, enforced } => {
            let c = schema
                .checks
                .iter_mut()
                .find(|c| c.name.eq_ignore_ascii_case(name))
                .ok_or_else(|| Error::check_missing(&**name))?;
            c.enforced = *enforced;
            change.put_table(table, &state.table.with_schema(&schema)?)?;
        }
        AlterSpec::RenameIndex { old, new } => {
            let i = schema
                .index_position(old)
                .ok_or_else(|| Error::unknown_key(&**old, table))?;
            if !old.eq_ignore_ascii_case(new) && schema.index_position(new).is_some() {
                return Err(Error::dup_key_name(&**new));
            }
            super::create::check_identifier(new)?;
            let stored = schema.indexes[i].name.clone();
            schema.indexes[i].name = new.to_string();
            let t = state
                .table
                .with_index_renamed(&stored, new)?
                .with_schema(&schema)?;
            change.put_table(table, &t)?;
            let mut keys = (*change.root.foreign_keys()?).clone();
            let mut moved = false;
            for k in &mut keys.keys {
                if k.child_table.eq_ignore_ascii_case(table) && k.child_index == stored {
                    k.child_index = new.to_string();
                    moved = true;
                }
                if k.parent_table.eq_ignore_ascii_case(table) && k.parent_index == stored {
                    k.parent_index = new.to_string();
                    moved = true;
                }
            }
            if moved {
                change.set_foreign_keys(&keys)?;
            }
        }
        AlterSpec::RenameConstraint { old, new } => {
            if let Some(c) = schema
                .checks
                .iter_mut()
                .find(|c| c.name.eq_ignore_ascii_case(old))
            {
                c.name = new.to_string();
                change.put_table(table, &state.table.with_schema(&schema)?)?;
            } else {
                let mut keys = (*change.root.foreign_keys()?).clone();
                let k = keys
                    .keys
                    .iter_mut()
                    .find(|k| {
                        k.child_table.eq_ignore_ascii_case(table)
                            && k.name.eq_ignore_ascii_case(old)
                    })
                    .ok_or_else(|| Error::constraint_missing(&**old))?;
                k.name = new.to_string();
                change.set_foreign_keys(&keys)?;
            }
        }
        AlterSpec::RenameTable(to) => {
            rename_table(change, table, &to.name)?;
            return Ok(to.name.to_string());
        }
        AlterSpec::Options(options) => {
            let mut next = None;
            check_collation(options)?;
            for o in options {
                table_option(&mut schema, o, &mut next)?;
            }
            let mut t = state.table.with_schema(&schema)?;
            // A table that numbers nothing has no use for it.
            let numbers = state.def.auto_increment().is_some();
            if let Some(n) = next.filter(|_| numbers) {
                let n = n.max(highest_number(&state)?.saturating_add(1));
                t = t.with_auto_increment(n);
                change.db.handle.reset_number(table);
            }
            change.put_table(table, &t)?;
        }
        AlterSpec::ConvertCharset { charset, collate } => {
            let name = collate.clone().or_else(|| {
                charset
                    .as_deref()
                    .and_then(crate::bind::types::charset_default)
                    .map(|c| c.name.into())
            });
            let name =
                name.ok_or_else(|| Error::not_supported("CONVERT TO CHARACTER SET DEFAULT"))?;
            let c =
                values::collation::by_name(&name).ok_or_else(|| Error::unknown_collation(&name))?;
            schema.collation = c.id;
            for column in &mut schema.columns {
                if column.sql_type.is_text()
                    || matches!(column.sql_type, SqlType::Enum(..) | SqlType::Set(..))
                {
                    let ty = column.sql_type.clone().with_collation(c.id);
                    column.set_type(ty);
                }
            }
            rewrite(session, change, &state, schema, &identity(&state))?;
        }
        AlterSpec::AlterIndexVisible { name, .. } => {
            if schema.index_position(name).is_none() {
                return Err(Error::unknown_key(&**name, table));
            }
        }
        AlterSpec::OrderBy(_)
        | AlterSpec::EnableKeys
        | AlterSpec::DisableKeys
        | AlterSpec::Force
        | AlterSpec::Algorithm(_)
        | AlterSpec::Lock(_)
        | AlterSpec::Validation(_)
        | AlterSpec::PartitionBy(_)
        | AlterSpec::RemovePartitioning
        | AlterSpec::PartitionOperation(_) => {}
        AlterSpec::DiscardTablespace
        | AlterSpec::ImportTablespace
        | AlterSpec::SecondaryLoad
        | AlterSpec::SecondaryUnload => {
            return Err(Error::not_supported("this ALTER TABLE clause"));
        }
    }
    Ok(table.to_string())
}

fn highest_number(state: &TableState) -> Result<u64> {
    let Some(c) = state.def.auto_increment() else {
        return Ok(0);
    };
    let mut highest = 0;
    let layout = state.view.primary.layout.clone();
    crate::exec::table_rows(&state.view, &mut |slot| {
        highest = highest.max(match layout.column(c, slot.key(), slot.value())? {
            Value::Int(n) if n > 0 => n as u64,
            Value::UInt(n) => n,
            _ => 0,
        });
        Ok(crate::result::Flow::Continue)
    })?;
    Ok(highest)
}

fn identity(state: &TableState) -> Vec<Source> {
    (0..state.def.columns.len()).map(Source::Old).collect()
}

/// Moves every position at or behind `at` by one where a column is put in.
fn shift_positions(schema: &mut Schema, at: usize) {
    let shift = |list: &mut Vec<usize>| {
        for i in list.iter_mut() {
            if *i >= at {
                *i += 1;
            }
        }
    };
    shift(&mut schema.primary_key);
    for index in &mut schema.indexes {
        shift(&mut index.columns);
    }
}

fn place_of(schema: &Schema, position: &ColumnPosition, table: &str) -> Result<usize> {
    Ok(match position {
        ColumnPosition::Unspecified => schema.columns.len(),
        ColumnPosition::First => 0,
        ColumnPosition::After(name) => {
            1 + schema
                .column_index(name)
                .ok_or_else(|| Error::unknown_column(&**name, table))?
        }
    })
}

fn add_columns(
    session: &Session,
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    defs: &[ast::ColumnDef],
    position: &ColumnPosition,
    constraints: &[TableConstraint],
) -> Result<()> {
    let table = state.name.clone();
    let mut schema = state.table.schema().edited();
    let mut sources = identity(state);
    let mut position = position.clone();
    let mut extra: Vec<TableConstraint> = Vec::new();
    let mut checks = Vec::new();
    let mut primary = Vec::new();
    for def in defs {
        let d = define_column(session, def, schema.collation)?;
        if schema.column_index(&def.name).is_some() {
            return Err(Error::duplicate_column(&*def.name));
        }
        let at = place_of(&schema, &position, &table)?;
        let mut column = d.column;
        let taken: std::collections::BTreeSet<u64> = change
            .tags_in_use()?
            .into_iter()
            .chain(schema.columns.iter().map(|c| c.tag))
            .collect();
        let kinds: Vec<u8> = schema
            .columns
            .iter()
            .map(|c| column_tag::kind(&c.sql_type))
            .collect();
        column.tag = column_tag::generate(
            &kinds,
            &table,
            &column.name,
            column_tag::kind(&column.sql_type),
            &taken,
        );
        shift_positions(&mut schema, at);
        schema.columns.insert(at, column);
        sources.insert(at, Source::New);
        if d.primary_key {
            primary.push(at);
        }
        if d.unique {
            extra.push(TableConstraint::Unique {
                constraint: None,
                index: column_index(&def.name),
            });
        }
        checks.extend(d.checks);
        if let Some(references) = d.references {
            extra.push(TableConstraint::ForeignKey {
                constraint: None,
                index_name: None,
                if_not_exists: false,
                columns: vec![def.name.clone()],
                references,
            });
        }
        if position != ColumnPosition::Unspecified {
            position = ColumnPosition::After(def.name.clone());
        }
    }
    if !primary.is_empty() {
        set_primary_key(&mut schema, primary)?;
    }
    check_generated(session, &table, &schema)?;
    add_checks(session, change, &table, &mut schema, &checks)?;
    let auto = schema.columns.iter().any(|c| c.auto_increment);
    if auto && extra.is_empty() && constraints.is_empty() {
        check_auto_increment(&schema)?;
    }
    rewrite(session, change, state, schema, &sources)?;
    extra.extend(constraints.iter().cloned());
    if !extra.is_empty() {
        let state = change.table(&table)?;
        add_constraints(session, change, &state, &extra)?;
    }
    Ok(())
}

fn add_constraints(
    session: &Session,
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    list: &[TableConstraint],
) -> Result<()> {
    let table = state.name.clone();
    let mut schema = state.table.schema().edited();
    let mut pending = Pending::default();
    let mut made = Vec::new();
    let before = schema.primary_key.clone();
    for c in list {
        let known = schema.columns.len();
        let c = functional_key::with_columns(session, &table, &mut schema, c)?;
        for at in known..schema.columns.len() {
            let mut taken = change.tags_in_use()?;
            taken.extend(schema.columns[..at].iter().map(|c| c.tag));
            let kinds: Vec<u8> = schema.columns[..at]
                .iter()
                .map(|c| column_tag::kind(&c.sql_type))
                .collect();
            let column = &mut schema.columns[at];
            let kind = column_tag::kind(&column.sql_type);
            column.tag = column_tag::generate(&kinds, &table, &column.name, kind, &taken);
        }
        if let Some(name) = add_constraint(session, &mut schema, &c, &mut pending)? {
            made.push(name);
        }
    }
    let checks = std::mem::take(&mut pending.checks);
    if !checks.is_empty() {
        add_checks(session, change, &table, &mut schema, &checks)?;
        check_existing(session, state, &schema)?;
    }
    if schema.primary_key != before {
        rewrite(session, change, state, schema, &identity(state))?;
    } else if !made.is_empty() {
        // An index that a foreign key made for itself gives way to an equal one.
        let mut t = state.table.clone();
        let mut keys = (*change.root.foreign_keys()?).clone();
        let mut moved = false;
        for name in &made {
            let Some(new) = schema
                .index_position(name)
                .map(|i| schema.indexes[i].clone())
            else {
                continue;
            };
            let twin = schema
                .indexes
                .iter()
                .position(|i| i.system_defined && i.columns == new.columns && i.name != new.name);
            if let Some(i) = twin {
                let old = schema.indexes.remove(i);
                t = t.without_index(&old.name)?;
                for k in &mut keys.keys {
                    if k.child_table.eq_ignore_ascii_case(&table) && k.child_index == old.name {
                        k.child_index = new.name.clone();
                        moved = true;
                    }
                    if k.parent_table.eq_ignore_ascii_case(&table) && k.parent_index == old.name {
                        k.parent_index = new.name.clone();
                        moved = true;
                    }
                }
            }
        }
        let t = t.with_schema(&schema)?;
        let t = rebuild::with_indexes(t, &table, &change.db.handle.name, &made)?;
        change.put_table(&table, &t)?;
        if moved {
            change.set_foreign_keys(&keys)?;
        }
    } else if !checks.is_empty() {
        change.put_table(&table, &state.table.with_schema(&schema)?)?;
    }
    for (constraint, index, columns, references) in pending.foreign_keys {
        foreign_key::add(
            session,
            change,
            &table,
            constraint,
            index,
            &columns,
            &references,
            false,
        )?;
    }
    Ok(())
}

/// Existing rows must satisfy checks that are new.
fn check_existing(session: &Session, state: &TableState, schema: &Schema) -> Result<()> {
    let new: Vec<_> = schema
        .checks
        .iter()
        .filter(|c| c.enforced && !state.def.checks.iter().any(|o| o.name == c.name))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let modes = crate::generated::stored_modes();
    let cx = Context::new(session, &[], Vec::new());
    for c in new {
        let e = stored_text::parse(&c.expression)?;
        let mut binder = crate::bind::Binder::new(session, &modes, c.expression.as_bytes());
        let t = binder.bind_over_table(&state.def, &state.name, &e, "check constraint")?;
        rebuild::all_rows(state, &mut |row| {
            let mut env = crate::env::Env::new(1, None, &cx);
            env.slots[0] = crate::env::Slot::Row(row.into());
            match t.expr.truth(&env)? {
                Some(false) => Err(Error::check_violated(&c.name)),
                _ => Ok(()),
            }
        })?;
    }
    Ok(())
}
