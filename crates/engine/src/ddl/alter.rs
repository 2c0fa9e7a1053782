//! ALTER TABLE: each clause makes a new version of the table; all or none take effect.

use std::sync::Arc;

use model::{Column, Schema, column_tag};
use syntax::ast::{self, AlterSpec, ColumnPosition, TableConstraint};
use values::{SqlType, Value};

use super::create::{
    Pending, add_checks, add_constraint, check_auto_increment, check_generated, define_column,
    set_primary_key, table_option,
};
use super::functional_key;
use super::{Change, foreign_key, rebuild, rename_table, table_database_of};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::root_state::TableState;
use crate::session::Session;

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
    super::fulltext::follow(&mut change, &table, Some(&before))?;
    change.finish()
}

/// Clauses are about the columns that the table had: one that is added cannot be renamed or
/// dropped by the same statement.
fn check_new_names(table: &str, specs: &[AlterSpec]) -> Result<()> {
    let mut added: Vec<&str> = Vec::new();
    for spec in specs {
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
    let mut schema = (**state.table.schema()).clone();
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
                .ok_or_else(|| Error::unknown_column(&**old, table))?;
            let name = schema.columns[i].name.clone();
            let held = |c: &model::Column| {
                c.hidden_system && functional_key::mentions(&c.expression, &name)
            };
            if schema.columns.iter().any(held) {
                return Err(Error::functional_dependent(&**old));
            }
            rename_column(&mut schema, i, new)?;
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
            check_generated(session, table, &schema)?;
            change.put_table(table, &state.table.with_schema(&schema)?)?;
        }
        AlterSpec::AlterColumnDropDefault { column } => {
            let i = schema
                .column_index(column)
                .ok_or_else(|| Error::unknown_column(&**column, table))?;
            schema.columns[i].expression = String::new();
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
            for o in options {
                table_option(&mut schema, o, &mut next)?;
            }
            let mut t = state.table.with_schema(&schema)?;
            if let Some(n) = next {
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
    let mut schema = (**state.table.schema()).clone();
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
                index: ast::IndexDef {
                    name: None,
                    if_not_exists: false,
                    parts: vec![ast::KeyPart {
                        what: ast::KeyPartWhat::Column {
                            name: def.name.clone(),
                            length: None,
                        },
                        descending: false,
                    }],
                    options: Vec::new(),
                },
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
    let mut schema = (**state.table.schema()).clone();
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
        let e = syntax::parse_expr(c.expression.as_bytes(), &modes.syntax)
            .map_err(crate::statement::syntax_error)?;
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

fn drop_column(change: &mut Change<'_>, state: &Arc<TableState>, at: usize) -> Result<()> {
    let mut schema = (**state.table.schema()).clone();
    let column = schema.columns[at].clone();
    if schema.columns.iter().filter(|c| !c.hidden_system).count() == 1 {
        return Err(Error::cannot_drop_all_columns());
    }
    let quoted = format!("`{}`", column.name);
    // A check on this column alone goes with it.
    schema
        .checks
        .retain(|c| !mentions_only(&c.expression, &column.name));
    if let Some(c) = schema
        .checks
        .iter()
        .find(|c| c.expression.to_lowercase().contains(&quoted.to_lowercase()))
    {
        return Err(Error::check_dependent_column(&c.name, &column.name));
    }
    let dependent = schema.columns.iter().find(|c| {
        c.generated
            && c.tag != column.tag
            && match c.hidden_system {
                true => functional_key::mentions(&c.expression, &column.name),
                false => c.expression.contains(&quoted),
            }
    });
    if let Some(d) = dependent {
        if d.hidden_system {
            return Err(Error::functional_dependent(&column.name));
        }
        return Err(Error::generated_dependent(&column.name));
    }
    let keys = change.root.foreign_keys()?;
    for k in &keys.keys {
        let child = k.child_table.eq_ignore_ascii_case(&state.name)
            && k.child_columns.contains(&column.tag);
        let parent = k.parent_table.eq_ignore_ascii_case(&state.name)
            && k.parent_columns.contains(&column.tag);
        if child || parent {
            return Err(Error::fk_column_needed(&column.name, &k.name));
        }
    }
    if schema.primary_key.contains(&at) {
        for i in std::mem::take(&mut schema.primary_key) {
            if i != at {
                schema.primary_key.push(i);
            }
        }
    }
    for index in &mut schema.indexes {
        while let Some(n) = index.columns.iter().position(|c| *c == at) {
            index.columns.remove(n);
            if n < index.prefix_lengths.len() {
                index.prefix_lengths.remove(n);
            }
        }
    }
    schema.indexes.retain(|i| !i.columns.is_empty());
    schema.columns.remove(at);
    let lower = |list: &mut Vec<usize>| {
        for i in list.iter_mut() {
            if *i > at {
                *i -= 1;
            }
        }
    };
    lower(&mut schema.primary_key);
    for index in &mut schema.indexes {
        lower(&mut index.columns);
    }
    let mut sources = identity(state);
    sources.remove(at);
    rebuild_rows(change, state, schema, &sources, None)
}

/// Whether every column of a stored text is this one.
fn mentions_only(text: &str, column: &str) -> bool {
    let mut names = text.split('`').skip(1).step_by(2).peekable();
    names.peek().is_some() && names.all(|n| n.eq_ignore_ascii_case(column))
}

fn rename_column(schema: &mut Schema, at: usize, new: &str) -> Result<()> {
    super::create::check_identifier(new)?;
    if let Some(i) = schema.column_index(new)
        && i != at
    {
        return Err(Error::duplicate_column(new));
    }
    let old = format!("`{}`", schema.columns[at].name);
    let fresh = format!("`{}`", new.replace('`', "``"));
    schema.columns[at].name = new.to_string();
    for c in &mut schema.columns {
        c.expression = c.expression.replace(&old, &fresh);
    }
    for c in &mut schema.checks {
        c.expression = c.expression.replace(&old, &fresh);
    }
    Ok(())
}

fn rename_in_keys(change: &mut Change<'_>, table: &str, old: &str, new: &str) -> Result<()> {
    let mut keys = (*change.root.foreign_keys()?).clone();
    let before = keys.clone();
    for k in &mut keys.keys {
        let fix = |side: &str, names: &mut Option<Vec<String>>| {
            if side.eq_ignore_ascii_case(table)
                && let Some(names) = names
            {
                for n in names.iter_mut().filter(|n| n.eq_ignore_ascii_case(old)) {
                    *n = new.to_string();
                }
            }
        };
        let (child, parent) = (k.child_table.clone(), k.parent_table.clone());
        fix(&child, &mut k.child_column_names);
        fix(&parent, &mut k.parent_column_names);
    }
    if keys != before {
        change.set_foreign_keys(&keys)?;
    }
    Ok(())
}

/// Drops the columns of functional keys that are gone.
fn drop_hidden_columns(change: &mut Change<'_>, table: &str) -> Result<()> {
    loop {
        let state = change.table(table)?;
        let schema = state.table.schema();
        let used = |i: usize| schema.indexes.iter().any(|x| x.columns.contains(&i));
        let unused =
            (0..schema.columns.len()).find(|i| schema.columns[*i].hidden_system && !used(*i));
        match unused {
            None => return Ok(()),
            Some(i) => drop_column(change, &state, i)?,
        }
    }
}

fn drop_index(change: &mut Change<'_>, state: &Arc<TableState>, name: &str) -> Result<()> {
    let mut schema = (**state.table.schema()).clone();
    let Some(i) = schema.index_position(name) else {
        return Err(Error::cannot_drop_missing(name));
    };
    let index = schema.indexes.remove(i);
    let t = state
        .table
        .without_index(&index.name)?
        .with_schema(&schema)?;
    let rest = rebuild::state_of(&state.name, t.clone(), &change.db.handle.name)?;
    let mut keys = (*change.root.foreign_keys()?).clone();
    let mut moved = false;
    for k in keys.keys.iter_mut().filter(|k| k.is_resolved()) {
        let columns = |tags: &[u64]| -> Vec<usize> {
            tags.iter()
                .filter_map(|t| rest.def.columns.iter().position(|c| c.tag == *t))
                .collect()
        };
        if k.child_table.eq_ignore_ascii_case(&state.name) && k.child_index == index.name {
            match foreign_key::index_over(&rest, &columns(&k.child_columns)) {
                Some(other) => k.child_index = other,
                None => {
                    let c = columns(&k.child_columns);
                    let pk = &rest.def.primary_key;
                    if pk.len() < c.len() || !c.iter().all(|x| pk[..c.len()].contains(x)) {
                        return Err(Error::fk_index_needed(&index.name));
                    }
                    k.child_index = String::new();
                }
            }
            moved = true;
        }
        if k.parent_table.eq_ignore_ascii_case(&state.name) && k.parent_index == index.name {
            match foreign_key::index_over(&rest, &columns(&k.parent_columns)) {
                Some(other) => k.parent_index = other,
                None => return Err(Error::fk_index_needed(&index.name)),
            }
            moved = true;
        }
    }
    change.put_table(&state.name, &t)?;
    if moved {
        change.set_foreign_keys(&keys)?;
    }
    Ok(())
}

fn modify(
    session: &Session,
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    old_name: &str,
    def: &ast::ColumnDef,
    position: &ColumnPosition,
) -> Result<()> {
    let table = state.name.clone();
    let mut schema = (**state.table.schema()).clone();
    let at = schema
        .column_index(old_name)
        .ok_or_else(|| Error::unknown_column(old_name, &table))?;
    let d = define_column(session, def, schema.collation)?;
    let old = schema.columns[at].clone();
    if !old.name.eq_ignore_ascii_case(&def.name) {
        rename_column(&mut schema, at, &def.name)?;
    }
    let mut column: Column = d.column;
    column.tag = old.tag;
    column.primary_key = old.primary_key;
    if column.sql_type.allows(old.encoding) && same_family(&old.sql_type, &column.sql_type) {
        column.encoding = old.encoding;
        column.adaptive_markers = old.adaptive_markers;
    }
    if schema.primary_key.contains(&at) {
        if def
            .attributes
            .iter()
            .any(|a| matches!(a, ast::ColumnAttribute::Null))
        {
            return Err(Error::primary_cant_have_null());
        }
        column.nullable = false;
    }
    if !column.nullable
        && let Some(k) = change.root.foreign_keys()?.of_child(&table).find(|k| {
            k.child_columns.contains(&old.tag)
                && [k.on_delete, k.on_update].contains(&model::ReferentialAction::SetNull)
        })
    {
        return Err(Error::new(
            1830,
            "HY000",
            format!(
                "Column '{}' cannot be NOT NULL: needed in a foreign key constraint '{}' SET NULL",
                column.name, k.name
            ),
        ));
    }
    let in_keys = change.root.foreign_keys()?.keys.iter().any(|k| {
        k.child_table.eq_ignore_ascii_case(&table) && k.child_columns.contains(&old.tag)
            || k.parent_table.eq_ignore_ascii_case(&table) && k.parent_columns.contains(&old.tag)
    });
    if in_keys
        && session.foreign_key_checks()
        && !foreign_compatible(&old.sql_type, &column.sql_type)
    {
        return Err(Error::new(
            1833,
            "HY000",
            format!(
                "Cannot change column '{}': used in a foreign key constraint",
                old.name
            ),
        ));
    }
    if !column.sql_type.is_text() && !column.sql_type.is_binary() {
        // Only texts have prefixes.
        for index in &mut schema.indexes {
            for (c, length) in index.columns.iter().zip(&mut index.prefix_lengths) {
                if *c == at {
                    *length = 0;
                }
            }
            if index.prefix_lengths.iter().all(|n| *n == 0) {
                index.prefix_lengths.clear();
            }
        }
    }
    if matches!(column.sql_type, SqlType::Text(..) | SqlType::Blob(_)) {
        let whole = |i: &model::Index| {
            if i.fulltext.is_some() {
                return false;
            }
            let n = i.columns.iter().position(|c| *c == at);
            n.is_some_and(|n| i.prefix_lengths.get(n).is_none_or(|p| *p == 0))
        };
        let was_large = matches!(old.sql_type, SqlType::Text(..) | SqlType::Blob(_));
        if schema.primary_key.contains(&at) || !was_large && schema.indexes.iter().any(whole) {
            return Err(Error::blob_key_without_length(&column.name));
        }
    }
    let renamed = !old.name.eq_ignore_ascii_case(&def.name);
    let keys = change.root.foreign_keys()?;
    let in_foreign_key = keys
        .keys
        .iter()
        .any(|k| k.child_columns.contains(&old.tag) || k.parent_columns.contains(&old.tag));
    if renamed && !in_foreign_key && !same_bytes(&old, &column) {
        // Dolt finds tags of a rewritten table by name, so a new name makes a new tag.
        let before = state.table.schema();
        let kinds: Vec<u8> = before
            .columns
            .iter()
            .map(|c| column_tag::kind(&c.sql_type))
            .collect();
        let kind = column_tag::kind(&column.sql_type);
        let mut taken: std::collections::BTreeSet<u64> =
            change.tags_in_use()?.into_iter().collect();
        taken.extend(before.columns.iter().map(|c| c.tag));
        column.tag = column_tag::generate(&kinds, &table, &column.name, kind, &taken);
    }
    schema.columns[at] = column;
    let mut sources = identity(state);
    if *position != ColumnPosition::Unspecified {
        // Take the column out and put it back in its new place.
        let mut order: Vec<usize> = (0..schema.columns.len()).filter(|i| *i != at).collect();
        let to = match position {
            ColumnPosition::First => 0,
            ColumnPosition::After(name) => {
                let after = schema
                    .column_index(name)
                    .ok_or_else(|| Error::unknown_column(&**name, &table))?;
                1 + order
                    .iter()
                    .position(|i| *i == after)
                    .unwrap_or(order.len() - 1)
            }
            ColumnPosition::Unspecified => at,
        };
        order.insert(to, at);
        let new_place = |i: usize| order.iter().position(|o| *o == i).unwrap_or(i);
        schema.columns = order.iter().map(|i| schema.columns[*i].clone()).collect();
        sources = order.iter().map(|i| Source::Old(*i)).collect();
        schema
            .primary_key
            .iter_mut()
            .for_each(|i| *i = new_place(*i));
        for index in &mut schema.indexes {
            index.columns.iter_mut().for_each(|i| *i = new_place(*i));
        }
    }
    let name = def.name.to_string();
    if d.primary_key && schema.primary_key.is_empty() {
        let i = schema.column_index(&name).unwrap_or(at);
        set_primary_key(&mut schema, vec![i])?;
    }
    check_auto_increment(&schema)?;
    check_generated(session, &table, &schema)?;
    add_checks(session, change, &table, &mut schema, &d.checks)?;
    rewrite(session, change, state, schema, &sources)?;
    if !old.name.eq_ignore_ascii_case(&name) {
        rename_in_keys(change, &table, &old.name, &name)?;
    }
    if d.unique {
        let state = change.table(&table)?;
        let already = state.def.indexes.iter().any(|i| {
            i.unique && i.columns.len() == 1 && state.def.columns[i.columns[0]].name == name
        });
        if !already {
            let index = ast::IndexDef {
                name: None,
                if_not_exists: false,
                parts: vec![ast::KeyPart {
                    what: ast::KeyPartWhat::Column {
                        name: def.name.clone(),
                        length: None,
                    },
                    descending: false,
                }],
                options: Vec::new(),
            };
            let c = TableConstraint::Unique {
                constraint: None,
                index,
            };
            add_constraints(session, change, &state, &[c])?;
        }
    }
    Ok(())
}

fn foreign_compatible(a: &SqlType, b: &SqlType) -> bool {
    match (a, b) {
        (
            SqlType::Int {
                width: x,
                unsigned: u,
                ..
            },
            SqlType::Int {
                width: y,
                unsigned: v,
                ..
            },
        ) => x == y && u == v,
        (x, y) if x.is_text() && y.is_text() => true,
        (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
    }
}

fn same_family(a: &SqlType, b: &SqlType) -> bool {
    match (a, b) {
        (SqlType::Text(..), SqlType::Text(..)) | (SqlType::Blob(_), SqlType::Blob(_)) => true,
        (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
    }
}

/// Whether stored bytes of one type are valid as they are under the other.
fn same_bytes(a: &Column, b: &Column) -> bool {
    use SqlType::*;
    if a.encoding != b.encoding || a.generated != b.generated || a.is_virtual != b.is_virtual {
        return false;
    }
    match (&a.sql_type, &b.sql_type) {
        (x, y) if x == y => true,
        (Char(n, c), Char(m, d)) | (VarChar(n, c), VarChar(m, d)) => m >= n && c == d,
        (Char(n, c), VarChar(m, d)) => m >= n && c == d,
        (VarBinary(n), VarBinary(m)) => m >= n,
        (Text(n, c), Text(m, d)) => m >= n && c == d,
        (Blob(n), Blob(m)) => m >= n,
        (
            Int {
                width: w,
                unsigned: u,
                ..
            },
            Int {
                width: x,
                unsigned: v,
                ..
            },
        ) => w <= x && u == v,
        (
            Decimal {
                precision: p,
                scale: s,
            },
            Decimal {
                precision: q,
                scale: t,
            },
        ) => s == t && q >= p,
        (DateTime(f), DateTime(g)) | (Timestamp(f), Timestamp(g)) => g >= f,
        (Enum(m, c), Enum(n, d)) => c == d && n.len() >= m.len() && n[..m.len()] == m[..],
        (Set(m, c), Set(n, d)) => c == d && n.len() >= m.len() && n[..m.len()] == m[..],
        _ => false,
    }
}

/// Puts the table under a new schema: in place when stored rows stay valid, else row by row.
fn rewrite(
    session: &Session,
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    schema: Schema,
    sources: &[Source],
) -> Result<()> {
    let old = state.table.schema();
    let kept: Vec<usize> = sources
        .iter()
        .filter_map(|s| match s {
            Source::Old(i) => Some(*i),
            Source::New => None,
        })
        .collect();
    let in_order = kept.iter().copied().eq(0..old.columns.len());
    let appended = sources[..kept.len()]
        .iter()
        .all(|s| matches!(s, Source::Old(_)));
    let same_keys = old.primary_key == schema.primary_key;
    let keeps_bytes = in_order
        && appended
        && same_keys
        && old
            .columns
            .iter()
            .zip(&schema.columns)
            .all(|(a, b)| same_bytes(a, b));
    let new_are_null = schema.columns[kept.len().min(schema.columns.len())..]
        .iter()
        .all(|c| {
            c.is_virtual
                || c.nullable && !c.generated && (c.expression.is_empty() || c.expression == "NULL")
        });
    let stricter = old
        .columns
        .iter()
        .zip(&schema.columns)
        .any(|(a, b)| a.nullable && !b.nullable);
    if keeps_bytes && (new_are_null || state.view.primary.root.tree_count() == 0) {
        if stricter {
            let layout = state.view.primary.layout.clone();
            let strict: Vec<usize> = (0..old.columns.len())
                .filter(|i| old.columns[*i].nullable && !schema.columns[*i].nullable)
                .collect();
            crate::exec::table_rows(&state.view, &mut |slot| {
                for c in &strict {
                    if layout.column(*c, slot.key(), slot.value())?.is_null() {
                        return Err(Error::new(1138, "22004", "Invalid use of NULL value"));
                    }
                }
                Ok(crate::result::Flow::Continue)
            })?;
        }
        let t = state.table.with_schema(&schema)?;
        return change.put_table(&state.name, &t);
    }
    rebuild_rows(change, state, schema, sources, Some(session))
}

/// Writes every row again under a new schema.
fn rebuild_rows(
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    schema: Schema,
    sources: &[Source],
    session: Option<&Session>,
) -> Result<()> {
    let objects = change.db.handle.store.objects().clone();
    let db = change.db.handle.name.clone();
    let mut rows = rebuild::NewTable::new(&objects, &state.name, &db, &schema)?;
    let mut number = 0u64;
    let old = state.table.schema().clone();
    let mut run = |cx: &Context<'_>,
                   rules: Option<&crate::bind::dml::RowRules>,
                   def: Option<&Arc<crate::table::TableDef>>,
                   rows: &mut rebuild::NewTable|
     -> Result<()> {
        rebuild::all_rows(state, &mut |row| {
            number += 1;
            let mut out = Vec::with_capacity(schema.columns.len());
            for (c, source) in schema.columns.iter().zip(sources) {
                out.push(match source {
                    Source::Old(i) => {
                        let v = &row[*i];
                        if let (Value::UInt(0), SqlType::Enum(..), SqlType::Enum(..)) =
                            (v, &old.columns[*i].sql_type, &c.sql_type)
                        {
                            // The empty member, which stands for a refused value.
                            out.push(Value::UInt(0));
                            continue;
                        }
                        if v.is_null() && !c.nullable && !c.is_virtual && !c.generated {
                            return Err(Error::new(1138, "22004", "Invalid use of NULL value"));
                        }
                        let (from, to) = (&old.columns[*i].sql_type, &c.sql_type);
                        let stamps = [from, to].map(|t| matches!(t, SqlType::Timestamp(_)));
                        let zone = cx.session.modes().zone;
                        let local;
                        let v = match stamps {
                            [true, false] => {
                                local = crate::functions::shown_timestamp(v, zone);
                                &local
                            }
                            _ => v,
                        };
                        let stored = values::conversion::store(
                            v,
                            &old.columns[*i].sql_type,
                            &c.sql_type,
                            &cx.conversion,
                        )
                        .map_err(|e| Error::new(e.code(), e.sqlstate(), e.text(&c.name, number)))?;
                        match stamps {
                            [false, true] => crate::functions::stored_timestamp(&stored, zone),
                            _ => stored,
                        }
                    }
                    Source::New if c.auto_increment => Value::UInt(number),
                    Source::New => Value::Null,
                });
            }
            if let (Some(rules), Some(def)) = (rules, def) {
                for (i, source) in sources.iter().enumerate() {
                    let c = &schema.columns[i];
                    if !matches!(source, Source::New) || c.generated {
                        continue;
                    }
                    if c.auto_increment {
                        if let SqlType::Int {
                            unsigned: false, ..
                        } = c.sql_type
                        {
                            out[i] = Value::Int(number as i64);
                        }
                        continue;
                    }
                    match &rules.defaults[i] {
                        crate::bind::dml::DefaultValue::Expr(a) => {
                            let mut env = crate::env::Env::new(1, None, cx);
                            env.slots[0] = crate::env::Slot::Row(out.clone().into());
                            out[i] = crate::write::assigned(a, &env, def, i, number, false)?;
                        }
                        _ if !c.nullable => out[i] = crate::write::zero_value(&c.sql_type),
                        _ => {}
                    }
                }
                crate::write::generate(rules, def, &mut out, cx, number, false)?;
            }
            rows.add(&out)
        })
    };
    match session {
        Some(session) => {
            let empty = model::Table::new(&objects, &schema)?;
            let target = rebuild::state_of(&state.name, empty, &db)?;
            let modes = crate::generated::stored_modes();
            let mut binder = crate::bind::Binder::new(session, &modes, &[]);
            let rules = binder.row_rules(&target.def)?;
            let cx = Context::new(session, &[], Vec::new());
            run(&cx, Some(&rules), Some(&target.def), &mut rows)?;
        }
        None => crate::generated::with_detached(|cx| run(cx, None, None, &mut rows))?,
    }
    let mut next = state.table.auto_increment_slot().filter(|n| *n > 1);
    if schema.columns.iter().any(|c| c.auto_increment)
        && !old.columns.iter().any(|c| c.auto_increment)
    {
        next = (number > 0).then_some(number + 1);
    }
    if !schema.columns.iter().any(|c| c.auto_increment) {
        next = None;
    }
    let t = rows.finish(next)?;
    change.put_table(&state.name, &t)
}
