//! Triggers, procedures, functions and events as rows of `dolt_schemas` and `dolt_procedures`
//! (spec 03 §17).

use std::sync::Arc;

use model::{Column, Schema, Table};
use syntax::ast::{self, Statement};
use values::{CollationId, DateTime, OwnedValue, SqlType, Value};

use super::{Change, create, database_of, rebuild, view};
use crate::error::{Error, Result};
use crate::program::stored::StoredCode;
use crate::program::{Source, compile};
use crate::session::{DbRef, Session};

const PROCEDURES: &str = "dolt_procedures";

/// The text of a definition as it is stored. An account that may not do everything is written into
/// it as the definer, so that the object has its rights later.
fn stored_definition(session: &Session, s: &Statement, text: &[u8]) -> Result<String> {
    let text = stored_text(text);
    let Some(access) = session.access() else {
        return Ok(text);
    };
    let own = session.account_name();
    let definer = match s {
        Statement::CreateTrigger(t) => &t.definer,
        Statement::CreateProcedure(r) | Statement::CreateFunction(r) => &r.definer,
        _ => return Ok(text),
    };
    let shown = format!("`{}`@`{}`", own.user, own.host);
    match (definer, crate::program::rights(s).0) {
        (Some(_), Some(name)) => {
            if name.user != own.user || name.host != own.host {
                access.global(&["SUPER", "SET_USER_ID"])?;
            }
            Ok(text)
        }
        (Some(_), None) => {
            let lower = text.to_ascii_lowercase();
            let at = lower.find("current_user").unwrap_or(0);
            let rest = text[at + "current_user".len()..].trim_start();
            let rest = rest
                .strip_prefix('(')
                .map_or(rest, |r| r.trim_start().strip_prefix(')').unwrap_or(r));
            Ok(format!("{}{shown}{rest}", &text[..at]))
        }
        (None, _) => Ok(format!("CREATE DEFINER={shown}{}", &text["create".len()..])),
    }
}

/// The text of a definition as it is stored.
pub(super) fn stored_text(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .trim()
        .trim_end_matches(';')
        .trim()
        .to_string()
}

fn sql_mode(session: &Session) -> String {
    crate::convert::to_string(&session.variable("sql_mode"))
}

fn code_of(change: &Change<'_>) -> Result<Arc<StoredCode>> {
    change.db.handle.stored_code(&change.root)
}

/// Compiles a definition to see whether it is right; its spans refer to `text`.
pub(super) fn check(
    session: &Session,
    change: &Change<'_>,
    s: &Statement,
    text: &[u8],
    table: Option<&crate::table::TableDef>,
) -> Result<()> {
    let mode = sql_mode(session);
    compile(&Source {
        text: text.into(),
        statement: s,
        sql_mode: &mode,
        db: &change.db.handle.name,
        collation: change.root.root.collation(),
        table,
    })
    .map(Arc::new)
    .and_then(|program| program.check_rows(session))
}

/// A row of `dolt_schemas` for an object that is made now.
pub(super) fn schemas_row(
    session: &Session,
    kind: &str,
    name: &str,
    fragment: String,
) -> Result<Vec<OwnedValue>> {
    let seconds = session.instance.clock.now_micros() / 1_000_000;
    let extra = format!("{{\"CreatedAt\": {seconds}}}");
    Ok(vec![
        Value::text(kind),
        Value::text(name),
        Value::text(fragment),
        Value::Json(values::Json::parse(&extra).map_err(Error::general)?),
        Value::text(sql_mode(session)),
    ])
}

// Triggers.

/// CREATE TRIGGER.
pub(super) fn create_trigger(
    session: &Session,
    s: &Statement,
    t: &ast::CreateTrigger,
    text: &[u8],
) -> Result<()> {
    let db = database_of(session, &t.table)?;
    if let (Some(_), own) = (&t.name.db, database_of(session, &t.name)?)
        && !Arc::ptr_eq(&own.handle, &db.handle)
    {
        return Err(Error::trigger_wrong_schema());
    }
    let mut change = Change::new(session, &db)?;
    create::check_identifier(&t.name.name)?;
    if change
        .root
        .views()?
        .contains_key(&t.table.name.to_lowercase())
    {
        return Err(Error::wrong_object(
            &db.handle.name,
            &*t.table.name,
            "BASE TABLE",
        ));
    }
    let table = change.table(&t.table.name)?;
    let code = code_of(&change)?;
    let same =
        |p: &&Arc<crate::program::stored::StoredProgram>, n: &str| p.name.eq_ignore_ascii_case(n);
    if code.all_triggers().any(|p| same(&p, &t.name.name)) {
        if t.if_not_exists {
            let e = Error::trigger_exists(&*t.name.name);
            session.push_warning(e.code, e.message);
            return Ok(());
        }
        return Err(Error::trigger_exists(&*t.name.name));
    }
    if let Some(ast::TriggerOrder::Follows(other) | ast::TriggerOrder::Precedes(other)) = &t.order {
        let found = code.triggers(&t.table.name).iter().any(|p| {
            same(&p, other)
                && p.trigger()
                    .is_some_and(|o| o.time == t.time && o.event == t.event)
        });
        if !found {
            return Err(Error::trigger_order_missing(&**other));
        }
    }
    check(session, &change, s, text, Some(&table.def))?;
    let mut all = view::rows(&change)?;
    all.push(schemas_row(
        session,
        "trigger",
        &t.name.name,
        stored_definition(session, s, text)?,
    )?);
    view::write(&mut change, all)?;
    change.finish()
}

/// DROP TRIGGER.
pub(super) fn drop_trigger(session: &Session, d: &ast::DropName) -> Result<()> {
    let db = database_of(session, &d.name)?;
    let mut change = Change::new(session, &db)?;
    let code = code_of(&change)?;
    let name: &str = &d.name.name;
    if !code
        .all_triggers()
        .any(|p| p.name.eq_ignore_ascii_case(name))
    {
        if d.if_exists {
            session.push_warning(1360, "Trigger does not exist");
            return Ok(());
        }
        return Err(Error::trigger_missing());
    }
    // Dolt keeps the place of a trigger in the others' texts, so it must stay while they name it.
    for other in code.all_triggers() {
        if let Some(ast::TriggerOrder::Follows(n) | ast::TriggerOrder::Precedes(n)) =
            other.trigger().and_then(|t| t.order.as_ref())
            && n.eq_ignore_ascii_case(name)
        {
            return Err(Error::general(format!(
                "trigger \"{name}\" cannot be dropped as it is referenced by trigger \"{}\"",
                other.name
            )));
        }
    }
    let mut all = view::rows(&change)?;
    all.retain(|r| !view::is(r, "trigger", name));
    view::write(&mut change, all)?;
    change.finish()
}

/// Triggers stay with a table that gets another name: their texts say so.
pub(super) fn rename_triggers_of(change: &mut Change<'_>, from: &str, to: &str) -> Result<()> {
    let code = code_of(change)?;
    let renamed = |p: &std::sync::Arc<crate::program::stored::StoredProgram>| {
        let span = p.trigger()?.table_span;
        let (start, end) = (span.start as usize, span.end as usize);
        let to = format!("`{}`", to.replace('`', "``"));
        let text = [p.text.get(..start)?, to.as_bytes(), p.text.get(end..)?].concat();
        Some((p.name.clone(), text))
    };
    let renamed: Vec<_> = code.triggers(from).iter().filter_map(renamed).collect();
    if renamed.is_empty() {
        return Ok(());
    }
    let mut all = view::rows(change)?;
    for (name, text) in renamed {
        let mut its = all.iter_mut().filter(|r| view::is(r, "trigger", &name));
        if let Some(row) = its.next() {
            row[2] = Value::Bytes(text.into());
        }
    }
    view::write(change, all)
}

/// Removes the triggers of tables that are dropped.
pub(super) fn drop_triggers_of(change: &mut Change<'_>, tables: &[String]) -> Result<()> {
    let code = code_of(change)?;
    let names: Vec<String> = tables
        .iter()
        .flat_map(|t| code.triggers(t))
        .map(|p| p.name.clone())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut all = view::rows(change)?;
    all.retain(|r| !names.iter().any(|n| view::is(r, "trigger", n)));
    view::write(change, all)
}

// Procedures and functions.

pub(super) fn procedures_schema() -> Schema {
    let column =
        |n: &str, ty: SqlType, tag: u64| Column::new(n, ty, model::column_tag::SYSTEM_TAGS + tag);
    let text = |n: u32| SqlType::VarChar(n, CollationId::DEFAULT);
    let mut columns = vec![
        column("name", text(1023), 6000),
        column("create_stmt", text(8191), 6001),
        column("created_at", SqlType::DateTime(6), 6002),
        column("modified_at", SqlType::DateTime(6), 6003),
        column("sql_mode", text(1023), 6004),
    ];
    columns[0].nullable = false;
    columns[0].primary_key = true;
    Schema {
        columns,
        primary_key: vec![0],
        ..Schema::default()
    }
}

fn procedure_rows(change: &Change<'_>) -> Result<Vec<Vec<OwnedValue>>> {
    let mut out = Vec::new();
    if let Some(state) = change.root.table(PROCEDURES)? {
        rebuild::all_rows(&state, &mut |mut row| {
            // Old versions have no sql_mode.
            row.resize(5, Value::Null);
            out.push(row);
            Ok(())
        })?;
    }
    Ok(out)
}

fn write_procedures(change: &mut Change<'_>, rows: Vec<Vec<OwnedValue>>) -> Result<()> {
    let objects = change.db.handle.store.objects().clone();
    let schema = match change.root.table(PROCEDURES)? {
        Some(state) if state.def.columns.len() == 5 => state.table.schema().edited(),
        _ => procedures_schema(),
    };
    let name = change.db.handle.name.clone();
    let table: Table = rebuild::table_of(&objects, PROCEDURES, &name, &schema, rows, None)?;
    change.put_table(PROCEDURES, &table)
}

fn now(session: &Session) -> OwnedValue {
    DateTime::from_unix_micros(session.instance.clock.now_micros())
        .map_or(Value::Null, Value::DateTime)
}

fn routine_name(db: &DbRef, name: &str) -> String {
    format!("{}.{name}", db.handle.name)
}

/// CREATE PROCEDURE and CREATE FUNCTION.
pub(super) fn create_routine(
    session: &Session,
    s: &Statement,
    r: &ast::CreateRoutine,
    text: &[u8],
) -> Result<()> {
    let db = database_of(session, &r.name)?;
    let mut change = Change::new(session, &db)?;
    let name: &str = &r.name.name;
    create::check_identifier(name)?;
    if r.aggregate {
        return Err(Error::not_supported("loadable functions"));
    }
    let code = code_of(&change)?;
    let (kind, exists) = match s {
        Statement::CreateProcedure(_) => ("PROCEDURE", code.procedure(name).is_some()),
        _ => ("FUNCTION", code.function(name).is_some()),
    };
    if exists {
        if r.if_not_exists {
            let e = Error::routine_exists(kind, name);
            session.push_warning(e.code, e.message);
            return Ok(());
        }
        return Err(Error::routine_exists(kind, name));
    }
    check(session, &change, s, text, None)?;
    let stored = stored_definition(session, s, text)?;
    if kind == "FUNCTION" {
        let mut all = view::rows(&change)?;
        all.push(schemas_row(session, "function", name, stored)?);
        view::write(&mut change, all)?;
        return change.finish();
    }
    let mut all = procedure_rows(&change)?;
    all.push(vec![
        Value::text(name.to_lowercase()),
        Value::text(stored),
        now(session),
        now(session),
        Value::text(sql_mode(session)),
    ]);
    write_procedures(&mut change, all)?;
    change.finish()
}

/// DROP PROCEDURE and DROP FUNCTION.
pub(super) fn drop_routine(session: &Session, d: &ast::DropName, function: bool) -> Result<()> {
    let db = database_of(session, &d.name)?;
    let mut change = Change::new(session, &db)?;
    let name: &str = &d.name.name;
    let code = code_of(&change)?;
    let (kind, exists) = match function {
        true => ("FUNCTION", code.function(name).is_some()),
        false => ("PROCEDURE", code.procedure(name).is_some()),
    };
    if !exists {
        let e = Error::unknown_routine(kind, routine_name(&db, name));
        if d.if_exists {
            session.push_warning(e.code, e.message);
            return Ok(());
        }
        return Err(e);
    }
    if function {
        let mut all = view::rows(&change)?;
        all.retain(|r| !view::is(r, "function", name));
        view::write(&mut change, all)?;
    } else {
        let mut all = procedure_rows(&change)?;
        all.retain(|r| !crate::convert::to_string(&r[0]).eq_ignore_ascii_case(name));
        write_procedures(&mut change, all)?;
    }
    change.finish()
}

/// ALTER PROCEDURE and ALTER FUNCTION: the characteristics in the stored text are replaced.
pub(super) fn alter_routine(
    session: &Session,
    a: &ast::AlterRoutine,
    function: bool,
) -> Result<()> {
    let db = database_of(session, &a.name)?;
    let mut change = Change::new(session, &db)?;
    let name: &str = &a.name.name;
    let code = code_of(&change)?;
    let (kind, found) = match function {
        true => ("FUNCTION", code.function(name)),
        false => ("PROCEDURE", code.procedure(name)),
    };
    let stored = found.ok_or_else(|| Error::unknown_routine(kind, routine_name(&db, name)))?;
    let Some(routine) = stored.routine() else {
        return Err(Error::unknown_routine(kind, routine_name(&db, name)));
    };
    let mut next = routine.clone();
    for c in &a.characteristics {
        let about = |o: &ast::Characteristic| subject(o) == subject(c);
        next.characteristics.retain(|o| !about(o));
        next.characteristics.push(c.clone());
    }
    // The body keeps its text; what stands before it is printed anew.
    let ast::RoutineBody::Sql(body) = &routine.body else {
        return Err(Error::not_supported("loadable functions"));
    };
    let old_body = String::from_utf8_lossy(body.span.of(&stored.text)).into_owned();
    let statement = match function {
        true => Statement::CreateFunction(Box::new(next.clone())),
        false => Statement::CreateProcedure(Box::new(next.clone())),
    };
    let printed = syntax::ToSql::to_sql(&statement);
    let printed_body = syntax::ToSql::to_sql(&*body.statement);
    let head = printed
        .strip_suffix(&printed_body)
        .ok_or_else(|| Error::general("routine cannot be printed"))?;
    let fragment = format!("{head}{old_body}");
    if function {
        let mut all = view::rows(&change)?;
        for row in all.iter_mut().filter(|r| view::is(r, "function", name)) {
            row[2] = Value::text(fragment.clone());
        }
        view::write(&mut change, all)?;
    } else {
        let mut all = procedure_rows(&change)?;
        for row in &mut all {
            if crate::convert::to_string(&row[0]).eq_ignore_ascii_case(name) {
                row[1] = Value::text(fragment.clone());
                row[3] = now(session);
            }
        }
        write_procedures(&mut change, all)?;
    }
    change.finish()
}

/// What a characteristic is about: a later one of the same subject replaces an earlier.
fn subject(c: &ast::Characteristic) -> u8 {
    match c {
        ast::Characteristic::Comment(_) => 0,
        ast::Characteristic::Language(_) => 1,
        ast::Characteristic::Deterministic(_) => 2,
        ast::Characteristic::ContainsSql
        | ast::Characteristic::NoSql
        | ast::Characteristic::ReadsSqlData
        | ast::Characteristic::ModifiesSqlData => 3,
        ast::Characteristic::SqlSecurity(_) => 4,
    }
}
