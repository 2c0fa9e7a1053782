//! CREATE TABLE, and columns and indexes from their definitions.

mod checks;
mod columns;
mod keys;
mod select_source;

use std::collections::BTreeSet;

use model::column_tag::{self, NewColumn};
use model::{Column, Index, Schema, Table, check_name, index_name};
use syntax::ast::{
    self, ColumnAttribute, ColumnDef, CreateTable, IndexDef, IndexKind, KeyPartWhat,
    TableConstraint, TableOption, TypeKind,
};
use values::{CollationId, OwnedValue, SqlType, Value};

use super::stored_text;
use super::types::column_type_named;
use super::{Change, foreign_key, fulltext, rebuild};
use crate::bind::Binder;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::session::Session;

pub(super) use checks::add_checks;
use checks::has_variable;
pub(super) use columns::{check_row_size, default_text, define_column, row_bytes};
pub(super) use keys::{Pending, add_constraint, add_index, set_primary_key};
use select_source::select_into_schema;

/// Longest name of a table, column, index or constraint.
const MAX_NAME: usize = 64;

pub(super) fn check_identifier(name: &str) -> Result<()> {
    if name.chars().count() > MAX_NAME {
        return Err(Error::identifier_too_long(name));
    }
    Ok(())
}

/// Gives tags to the columns of a new table.
pub(super) fn give_tags(change: &Change<'_>, table: &str, schema: &mut Schema) -> Result<()> {
    let taken = change.tags_in_use()?;
    let existing = change.columns_at_head(table, schema)?;
    let new: Vec<NewColumn<'_>> = schema
        .columns
        .iter()
        .map(|c| NewColumn {
            name: &c.name,
            kind: column_tag::kind(&c.sql_type),
        })
        .collect();
    let reserved = reserved_tags(table);
    let tags = column_tag::generate_all(table, &existing, &new, &taken);
    for (i, (c, tag)) in schema.columns.iter_mut().zip(tags).enumerate() {
        c.tag = reserved.get(i).copied().unwrap_or(tag);
    }
    Ok(())
}

/// Tags that the format fixes for the columns of some system tables (spec 03 §17).
fn reserved_tags(table: &str) -> Vec<u64> {
    match table {
        "dolt_schemas" => (4008..=4012).map(|n| column_tag::SYSTEM_TAGS + n).collect(),
        "dolt_procedures" => (6000..=6004).map(|n| column_tag::SYSTEM_TAGS + n).collect(),
        _ => Vec::new(),
    }
}

/// CREATE TABLE.
pub(crate) fn create_table(
    session: &Session,
    c: &CreateTable,
    text: &[u8],
    params: &[OwnedValue],
) -> Result<u64> {
    let db = super::database_of(session, &c.name)?;
    let mut change = Change::new(session, &db)?;
    let name = c.name.name.to_string();
    check_identifier(&name)?;
    if !is_workflow_table(session, &name) {
        check_table_name(&name)?;
    }
    if crate::dolt::nonlocal::find(session, &db, &change.root, &name)?.is_some() {
        return Err(Error::general(format!(
            "Cannot create table name {name} because it matches a name present in dolt_nonlocal_tables."
        )));
    }
    if change.root.has_table(&name) || change.root.views()?.contains_key(&name.to_lowercase()) {
        if c.if_not_exists {
            session.push_warning(1050, format!("Table '{name}' already exists"));
            return Ok(0);
        }
        return Err(Error::table_exists(name));
    }
    let mut rows = Vec::new();
    let mut next_number = None;
    let mut pending = Pending::default();
    let mut schema = Schema {
        collation: change.root.root.collation(),
        ..Schema::default()
    };
    if let Some(like) = &c.like {
        let source = super::table_database_of(session, like)?;
        let root = session.root_of(&source)?;
        let state = root
            .table(&like.name)?
            .ok_or_else(|| Error::unknown_table_missing(&source.handle.name, &*like.name))?;
        schema = (*state.table.schema().as_ref()).clone();
        for index in schema.indexes.iter_mut().filter(|i| i.fulltext.is_some()) {
            index.fulltext = Some(fulltext::unmade());
        }
        for check in &mut schema.checks {
            check.name = check_name(&name, &check.expression, &[]);
        }
    } else {
        check_collation(&c.options)?;
        for o in &c.options {
            table_option(&mut schema, o, &mut next_number)?;
        }
        let mut keys: Vec<(IndexKind, usize)> = Vec::new();
        let mut primary = Vec::new();
        let mut null = Vec::new();
        for def in &c.columns {
            let d = define_column(session, def, schema.collation)?;
            if schema.column_index(&def.name).is_some() {
                return Err(Error::duplicate_column(&*def.name));
            }
            let at = schema.columns.len();
            if d.null {
                null.push(at);
            }
            if d.primary_key {
                primary.push(at);
            }
            if d.unique {
                keys.push((IndexKind::Unique, at));
            } else if d.key && !d.primary_key {
                primary.push(at);
            }
            pending.checks.extend(d.checks);
            if let Some(r) = d.references {
                pending
                    .foreign_keys
                    .push((None, None, vec![def.name.clone()], r));
            }
            schema.columns.push(d.column);
        }
        if primary.len() > 1 {
            return Err(Error::multiple_primary_key());
        }
        let mut created = None;
        if let Some(query) = &c.as_query {
            created = Some(select_into_schema(
                session,
                &query.query,
                text,
                params,
                &mut schema,
            )?);
        }
        if schema.columns.is_empty() {
            return Err(Error::table_needs_columns());
        }
        if !primary.is_empty() {
            set_primary_key(&mut schema, primary)?;
        }
        // The primary key first: index names and storage follow from it.
        for constraint in &c.constraints {
            if matches!(constraint, TableConstraint::PrimaryKey { .. }) {
                add_constraint(session, &mut schema, constraint, &mut pending)?;
            }
        }
        if null.iter().any(|c| schema.primary_key.contains(c)) {
            return Err(Error::primary_cant_have_null());
        }
        for (kind, column) in keys {
            let def = column_index(&schema.columns[column].name);
            add_index(session, &mut schema, kind, &def, None)?;
        }
        for constraint in &c.constraints {
            if !matches!(constraint, TableConstraint::PrimaryKey { .. }) {
                let constraint =
                    super::functional_key::with_columns(session, &name, &mut schema, constraint)?;
                add_constraint(session, &mut schema, &constraint, &mut pending)?;
            }
        }
        if let Some(list) = created {
            rows = list;
        }
    }
    check_auto_increment(&schema)?;
    check_row_size(&schema)?;
    give_tags(&change, &name, &mut schema)?;
    let checks = std::mem::take(&mut pending.checks);
    add_checks(session, &change, &name, &mut schema, &checks)?;
    check_generated(session, &name, &schema)?;
    session_reset_counter(&db, &name);
    let objects = db.handle.store.objects().clone();
    let count = rows.len() as u64;
    let table = if rows.is_empty() {
        let t = Table::new(&objects, &schema)?;
        match next_number {
            Some(n) if n > 1 => t.with_auto_increment(n),
            _ => t,
        }
    } else {
        rebuild::table_of(&objects, &name, &db.handle.name, &schema, rows, next_number)?
    };
    change.put_table(&name, &table)?;
    fulltext::follow(&mut change, &name, None)?;
    if crate::temporary::is_temporary(&db.name) && !pending.foreign_keys.is_empty() {
        return Err(Error::new(
            1215,
            "HY000",
            "Cannot add foreign key constraint",
        ));
    }
    for (constraint, index, columns, references) in pending.foreign_keys {
        foreign_key::add(
            session,
            &mut change,
            &name,
            constraint,
            index,
            &columns,
            &references,
            true,
        )?;
    }
    change.finish()?;
    Ok(count)
}

fn session_reset_counter(db: &crate::session::DbRef, table: &str) {
    // A new table counts from one unless another branch has one of this name.
    let elsewhere = db
        .handle
        .store
        .branches()
        .map(|b| b.len() > 1)
        .unwrap_or(true);
    if !elsewhere {
        db.handle.reset_number(table);
    }
}

/// Whether a table is one of those that `dolt ci` makes, which it may make when it says so.
fn is_workflow_table(session: &Session, name: &str) -> bool {
    let allowed = session.variable("dolt_allow_ci_creation");
    name.to_lowercase().starts_with("dolt_ci_workflow")
        && matches!(allowed, Value::Int(1) | Value::UInt(1))
}

pub(super) fn check_table_name(name: &str) -> Result<()> {
    if name.is_empty() || name.ends_with(char::is_whitespace) || name.contains('\0') {
        return Err(Error::bad_table_name(name));
    }
    let lower = name.to_lowercase();
    let reserved = lower.starts_with("dolt_") || lower == "dolt";
    if reserved && lower != "dolt_tests" {
        return Err(Error::general(format!(
            "Invalid table name {name}. Table names beginning with `dolt_` are reserved for internal use"
        )));
    }
    Ok(())
}

/// The definition of an index over one column, without a name.
pub(super) fn column_index(name: &str) -> IndexDef {
    IndexDef {
        name: None,
        if_not_exists: false,
        parts: vec![ast::KeyPart {
            what: KeyPartWhat::Column {
                name: name.into(),
                length: None,
            },
            descending: false,
        }],
        options: Vec::new(),
    }
}

pub(super) fn check_auto_increment(schema: &Schema) -> Result<()> {
    let mut auto = schema
        .columns
        .iter()
        .enumerate()
        .filter(|(_, c)| c.auto_increment);
    let Some((i, _)) = auto.next() else {
        return Ok(());
    };
    let keyed = schema.primary_key.first() == Some(&i)
        || schema.primary_key.contains(&i)
        || schema.indexes.iter().any(|x| x.columns.first() == Some(&i));
    if auto.next().is_some() || !keyed {
        return Err(Error::one_auto_column());
    }
    Ok(())
}

/// Generated columns and expression defaults refer to columns that exist.
pub(super) fn check_generated(session: &Session, table: &str, schema: &Schema) -> Result<()> {
    if schema
        .columns
        .iter()
        .all(|c| c.expression.is_empty() || !c.expression.starts_with('('))
    {
        return Ok(());
    }
    let t = Table::new(&model::Objects::in_memory(), schema)?;
    let state = rebuild::state_of(table, t, "")?;
    let modes = crate::generated::stored_modes();
    let computed = |c: &Column| c.expression.starts_with('(');
    for (i, c) in schema
        .columns
        .iter()
        .enumerate()
        .filter(|(_, c)| computed(c))
    {
        let e = stored_text::parse(&c.expression)?;
        let mut binder = Binder::new(session, &modes, c.expression.as_bytes());
        let clause = if c.generated {
            "generated column function"
        } else {
            "default value expression"
        };
        let bound = binder.bind_over_table(&state.def, table, &e, clause)?;
        let mut later = Vec::new();
        bound.expr.columns_used(&mut later);
        // What is computed later has no value yet.
        let early = |j: usize| j > i && computed(&schema.columns[j]);
        if !later.into_iter().any(|j| early(j.into())) {
            continue;
        }
        return Err(match c.generated {
            true => Error::new(
                3107,
                "HY000",
                "Generated column can refer only to generated columns defined prior to it.",
            ),
            false => Error::new(
                3767,
                "HY000",
                format!(
                    "Default value expression of column '{}' cannot refer to a column defined after it if that column is a generated column or has an expression as default value.",
                    c.name
                ),
            ),
        });
    }
    Ok(())
}

/// A table's collation is one of its character set, if both are given.
pub(super) fn check_collation(options: &[TableOption]) -> Result<()> {
    let charset = options.iter().find_map(|o| match o {
        TableOption::Charset(Some(name)) => Some(name),
        _ => None,
    });
    let collation = options.iter().find_map(|o| match o {
        TableOption::Collate(name) => values::collation::by_name(name),
        _ => None,
    });
    match (charset, collation) {
        (Some(charset), Some(c))
            if crate::bind::types::charset_default(charset)
                .is_some_and(|d| d.charset.name != c.charset.name) =>
        {
            Err(Error::collation_mismatch(c.name, charset))
        }
        _ => Ok(()),
    }
}

pub(super) fn table_option(
    schema: &mut Schema,
    o: &TableOption,
    next: &mut Option<u64>,
) -> Result<()> {
    match o {
        TableOption::AutoIncrement(n) => *next = Some(*n),
        TableOption::Charset(Some(name)) => {
            let c = crate::bind::types::charset_default(name)
                .ok_or_else(|| Error::unknown_charset(name))?;
            schema.collation = c.id;
        }
        TableOption::Charset(None) => {}
        TableOption::Collate(name) => {
            let c =
                values::collation::by_name(name).ok_or_else(|| Error::unknown_collation(name))?;
            schema.collation = c.id;
        }
        TableOption::Comment(text) => schema.comment = text.to_string(),
        TableOption::Engine(_) => {}
        TableOption::Other { name, value } => {
            if &**name == "TARGET_ROW_SIZE"
                && let ast::OptionValue::Number(n) = value
            {
                let n: u64 = n
                    .parse()
                    .map_err(|_| Error::wrong_arguments("TARGET_ROW_SIZE"))?;
                schema.target_row_size = u16::try_from(n).map_err(|_| {
                    Error::general(format!(
                        "target_row_size {n} exceeds maximum allowed value 65535"
                    ))
                })?;
            }
        }
    }
    Ok(())
}

/// Tags that a set of roots uses, for new columns.
pub(super) fn tags_of<'a>(
    roots: impl IntoIterator<Item = &'a model::Root>,
) -> Result<BTreeSet<u64>> {
    Ok(column_tag::tags_in_use(roots)?)
}
