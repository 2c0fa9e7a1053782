//! Stored programs as SHOW and information_schema tell of them.

use syntax::ast::{self, Statement};
use values::{DateTime, OwnedValue, Value};

use super::sight::{SeenDatabase, Sight};
use crate::ddl::event::Event;
use crate::error::Result;
use crate::program::options_of;
use crate::program::stored::{StoredCode, created_seconds, rows};
use crate::session::Session;

/// A trigger as `dolt_schemas` keeps it (spec 03 §15).
pub(crate) struct StoredTrigger {
    pub db: String,
    pub name: String,
    pub event: &'static str,
    pub table: String,
    pub timing: &'static str,
    pub body: String,
    /// Place among the triggers of the same table, event and time.
    pub order: u64,
    pub statement: String,
    pub sql_mode: String,
    pub definer: String,
    pub created: OwnedValue,
}

/// A procedure as `dolt_procedures` keeps it (spec 03 §15), or a function.
pub(crate) struct StoredRoutine {
    pub db: String,
    pub name: String,
    pub statement: String,
    pub body: String,
    pub definer: String,
    pub comment: String,
    pub security: &'static str,
    pub deterministic: bool,
    pub access: &'static str,
    pub sql_mode: String,
    pub created: OwnedValue,
    pub modified: OwnedValue,
    /// Mode, name and type of each parameter.
    pub params: Vec<(&'static str, String, ast::DataType)>,
    /// A function's RETURNS.
    pub returns: Option<ast::DataType>,
}

/// An event as `dolt_schemas` keeps it.
pub(crate) struct StoredEvent {
    pub db: String,
    pub event: Event,
    pub statement: String,
    pub sql_mode: String,
    pub created: OwnedValue,
}

/// `user@host`; Dolt's default where the statement names nobody.
fn definer_text(definer: Option<&ast::Account>, otherwise: &str) -> String {
    let Some(a) = definer else {
        return otherwise.to_string();
    };
    let text = syntax::ToSql::to_sql(a).replace(['`', '\''], "");
    match text.contains('@') {
        true => text,
        false => format!("{text}@%"),
    }
}

fn moment(seconds: i64) -> OwnedValue {
    seconds
        .checked_mul(1_000_000)
        .and_then(DateTime::from_unix_micros)
        .map_or(Value::Null, Value::DateTime)
}

/// Rows of `dolt_schemas` of one type: name, fragment, time of creation, sql_mode.
fn schemas(seen: &SeenDatabase, kind: &str) -> Result<Vec<(String, String, i64, String)>> {
    let mut out = Vec::new();
    let names = ["type", "name", "fragment", "extra", "sql_mode"];
    rows(&seen.root, "dolt_schemas", &names, &mut |row| {
        let text = |i: usize| crate::convert::to_string(&row[i]);
        if text(0) == kind {
            out.push((text(1), text(2), created_seconds(&row[3]), text(4)));
        }
    })?;
    Ok(out)
}

/// Triggers of one database, or of all.
pub(crate) fn triggers(session: &Session, db: Option<&str>) -> Result<Vec<StoredTrigger>> {
    let mut out: Vec<StoredTrigger> = Vec::new();
    for seen in Sight::new(session).databases(db)? {
        let code = StoredCode::read(&seen.root)?;
        let mut here = Vec::new();
        for stored in code.all_triggers() {
            let Some(t) = stored.trigger() else { continue };
            let event = match t.event {
                ast::TriggerEvent::Insert => "INSERT",
                ast::TriggerEvent::Update => "UPDATE",
                ast::TriggerEvent::Delete => "DELETE",
            };
            let timing = match t.time {
                ast::TriggerTime::Before => "BEFORE",
                ast::TriggerTime::After => "AFTER",
            };
            let table = t.table.name.to_string();
            let same = |o: &&StoredTrigger| {
                o.table.eq_ignore_ascii_case(&table) && o.event == event && o.timing == timing
            };
            let order = 1 + here.iter().filter(same).count() as u64;
            let text = String::from_utf8_lossy(&stored.text).into_owned();
            here.push(StoredTrigger {
                db: seen.name.clone(),
                name: stored.name.clone(),
                event,
                timing,
                body: t.body.span.text(&text).to_string(),
                table,
                order,
                definer: definer_text(t.definer.as_ref(), "root@localhost"),
                created: moment(stored.created),
                sql_mode: stored.sql_mode.clone(),
                statement: text,
            });
        }
        here.sort_by_key(|p| p.name.to_lowercase());
        out.append(&mut here);
    }
    Ok(out)
}

fn routine(
    db: &str,
    name: String,
    statement: String,
    sql_mode: String,
    created: OwnedValue,
    modified: OwnedValue,
) -> Option<StoredRoutine> {
    let parsed = syntax::parse(&statement, &options_of(&sql_mode)).ok()?;
    let (Statement::CreateProcedure(r) | Statement::CreateFunction(r)) = parsed else {
        return None;
    };
    let mut routine = StoredRoutine {
        db: db.to_string(),
        name,
        body: match &r.body {
            ast::RoutineBody::Sql(b) => b.span.text(&statement).to_string(),
            ast::RoutineBody::Library(_) => String::new(),
        },
        definer: definer_text(r.definer.as_ref(), ""),
        comment: String::new(),
        security: "DEFINER",
        deterministic: false,
        access: "CONTAINS SQL",
        sql_mode,
        created,
        modified,
        params: Vec::new(),
        returns: r.returns.clone(),
        statement,
    };
    for c in &r.characteristics {
        match c {
            ast::Characteristic::Comment(t) => routine.comment = t.to_string(),
            ast::Characteristic::Deterministic(d) => routine.deterministic = *d,
            ast::Characteristic::NoSql => routine.access = "NO SQL",
            ast::Characteristic::ReadsSqlData => routine.access = "READS SQL DATA",
            ast::Characteristic::ModifiesSqlData => routine.access = "MODIFIES SQL DATA",
            ast::Characteristic::SqlSecurity(ast::SqlSecurity::Invoker) => {
                routine.security = "INVOKER";
            }
            _ => {}
        }
    }
    for p in &r.params {
        let mode = match p.mode {
            ast::ParamMode::In => "IN",
            ast::ParamMode::Out => "OUT",
            ast::ParamMode::InOut => "INOUT",
        };
        routine
            .params
            .push((mode, p.name.to_string(), p.data_type.clone()));
    }
    Some(routine)
}

/// Procedures of one database, or of all.
pub(crate) fn procedures(session: &Session, db: Option<&str>) -> Result<Vec<StoredRoutine>> {
    let mut out = Vec::new();
    for seen in Sight::new(session).databases(db)? {
        let names = [
            "name",
            "create_stmt",
            "created_at",
            "modified_at",
            "sql_mode",
        ];
        rows(&seen.root, "dolt_procedures", &names, &mut |row| {
            let text = |i: usize| crate::convert::to_string(&row[i]);
            let (created, modified) = (row[2].clone(), row[3].clone());
            out.extend(routine(
                &seen.name,
                text(0),
                text(1),
                text(4),
                created,
                modified,
            ));
        })?;
    }
    Ok(out)
}

/// Functions of one database, or of all.
pub(crate) fn functions(session: &Session, db: Option<&str>) -> Result<Vec<StoredRoutine>> {
    let mut out = Vec::new();
    for seen in Sight::new(session).databases(db)? {
        for (name, text, created, mode) in schemas(&seen, "function")? {
            let at = moment(created);
            out.extend(routine(&seen.name, name, text, mode, at.clone(), at));
        }
    }
    Ok(out)
}

/// Events of one database, or of all.
pub(crate) fn events(session: &Session, db: Option<&str>) -> Result<Vec<StoredEvent>> {
    let mut out = Vec::new();
    for seen in Sight::new(session).databases(db)? {
        for (_, statement, created, sql_mode) in schemas(&seen, "event")? {
            if let Some(event) = Event::parse(&statement, &sql_mode) {
                out.push(StoredEvent {
                    db: seen.name.clone(),
                    event,
                    statement,
                    sql_mode,
                    created: moment(created),
                });
            }
        }
    }
    Ok(out)
}
