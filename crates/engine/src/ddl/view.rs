//! Views, kept as statements in the table `dolt_schemas` (spec 03 §17).

use model::{Column, Schema, Table};
use syntax::ast;
use values::{CollationId, LobSize, OwnedValue, SqlType, Value};

use super::{Change, create, database_of, rebuild};
use crate::bind::Binder;
use crate::error::{Error, Result};
use crate::session::Session;

const TABLE: &str = "dolt_schemas";

pub(super) fn schema() -> Schema {
    let name = CollationId::UTF8MB4_0900_AI_CI;
    let column =
        |n: &str, ty: SqlType, tag: u64| Column::new(n, ty, model::column_tag::SYSTEM_TAGS + tag);
    let mut columns = vec![
        column("type", SqlType::VarChar(64, name), 4008),
        column("name", SqlType::VarChar(64, name), 4009),
        column(
            "fragment",
            SqlType::Text(LobSize::Long, CollationId::DEFAULT),
            4010,
        ),
        column("extra", SqlType::Json, 4011),
        column("sql_mode", SqlType::VarChar(256, name), 4012),
    ];
    for c in &mut columns[..2] {
        c.nullable = false;
        c.primary_key = true;
    }
    Schema {
        columns,
        primary_key: vec![0, 1],
        ..Schema::default()
    }
}

pub(super) fn rows(change: &Change<'_>) -> Result<Vec<Vec<OwnedValue>>> {
    let mut out = Vec::new();
    if let Some(state) = change.root.table(TABLE)? {
        rebuild::all_rows(&state, &mut |row| {
            out.push(row);
            Ok(())
        })?;
    }
    Ok(out)
}

pub(super) fn write(change: &mut Change<'_>, rows: Vec<Vec<OwnedValue>>) -> Result<()> {
    if rows.is_empty() {
        // Create and drop leave no trace.
        let root = change.root.root.without_tables([TABLE])?;
        return change.set_root(root);
    }
    let objects = change.db.handle.store.objects().clone();
    let schema = match change.root.table(TABLE)? {
        Some(state) => state.table.schema().edited(),
        None => schema(),
    };
    let table: Table =
        rebuild::table_of(&objects, TABLE, &change.db.handle.name, &schema, rows, None)?;
    change.put_table(TABLE, &table)
}

pub(super) fn is(row: &[OwnedValue], kind: &str, name: &str) -> bool {
    let text = |v: &OwnedValue| crate::convert::to_string(v);
    text(&row[0]).eq_ignore_ascii_case(kind) && text(&row[1]).eq_ignore_ascii_case(name)
}

/// CREATE VIEW and ALTER VIEW.
pub(super) fn create_view(session: &Session, v: &ast::CreateView, text: &[u8]) -> Result<()> {
    let db = database_of(session, &v.name)?;
    let mut change = Change::new(session, &db)?;
    let name: &str = &v.name.name;
    create::check_identifier(name)?;
    if change.root.has_table(name) {
        if v.if_not_exists {
            session.push_warning(1050, format!("Table '{name}' already exists"));
            return Ok(());
        }
        return Err(Error::table_exists(name));
    }
    let mut all = rows(&change)?;
    if all.iter().any(|r| is(r, "view", name)) {
        if v.if_not_exists {
            return Ok(());
        }
        if !v.or_replace {
            return Err(Error::view_exists(name));
        }
        all.retain(|r| !is(r, "view", name));
    }
    let modes = session.modes();
    let mut binder = Binder::new(session, &modes, text);
    let plan = binder.bind_query(&v.query)?;
    if !v.columns.is_empty() && v.columns.len() != plan.columns.len() {
        return Err(Error::view_columns());
    }
    let names: Vec<String> = match v.columns.is_empty() {
        true => plan.columns.iter().map(|c| c.name.clone()).collect(),
        false => v.columns.iter().map(|c| c.to_string()).collect(),
    };
    for (i, n) in names.iter().enumerate() {
        if names[..i].iter().any(|m| m.eq_ignore_ascii_case(n)) {
            return Err(Error::duplicate_column(n));
        }
    }
    let fragment = String::from_utf8_lossy(text)
        .trim()
        .trim_end_matches(';')
        .trim()
        .to_string();
    let mode = session.variable("sql_mode");
    all.push(vec![
        Value::text("view"),
        // Dolt stores names of views in lower case.
        Value::text(name.to_lowercase()),
        Value::text(fragment),
        Value::Json(values::Json::parse("{\"CreatedAt\": 0}").map_err(Error::general)?),
        Value::text(crate::convert::to_string(&mode)),
    ]);
    write(&mut change, all)?;
    change.finish()
}

/// DROP VIEW.
pub(super) fn drop_views(session: &Session, d: &ast::DropNames) -> Result<()> {
    let Some(first) = d.names.first() else {
        return Ok(());
    };
    let db = database_of(session, first)?;
    let mut change = Change::new(session, &db)?;
    let mut all = rows(&change)?;
    let mut missing = Vec::new();
    for name in &d.names {
        let before = all.len();
        all.retain(|r| !is(r, "view", &name.name));
        if all.len() == before {
            if change.root.has_table(&name.name) {
                return Err(Error::wrong_object(&db.handle.name, &*name.name, "VIEW"));
            }
            missing.push(format!("{}.{}", db.handle.name, name.name));
        }
    }
    if !missing.is_empty() {
        if !d.if_exists {
            return Err(Error::unknown_table(missing.join(",")));
        }
        for m in missing {
            session.push_warning(1051, format!("Unknown table '{m}'"));
        }
    }
    if change.root.has_table(TABLE) {
        write(&mut change, all)?;
    }
    change.finish()
}
