//! Facts of the server: character sets, status, connections, stored programs.

use syntax::ast::{self, Statement};
use values::charset::Charset;
use values::{Collation, OwnedValue, Value};

use super::sight::{SeenDatabase, Sight};
use crate::accounts::Privilege;
use crate::error::Result;
use crate::result::Flow;
use crate::session::Session;

/// Storage engines as SHOW ENGINES lists them.
pub(crate) const ENGINES: &str = include_str!("../../data/engines.tsv");
/// Privileges as SHOW PRIVILEGES lists them.
pub(crate) const PRIVILEGES: &str = include_str!("../../data/privileges.tsv");
const STATUS: &str = include_str!("../../data/status.tsv");

/// Character sets that text can be stored in, by name.
pub(crate) fn character_sets() -> Vec<&'static Charset> {
    let mut list: Vec<_> = values::charset::all()
        .iter()
        .filter(|c| c.implemented)
        .collect();
    list.sort_by_key(|c| c.name);
    list
}

/// Every collation, by name.
pub(crate) fn collations() -> Vec<&'static Collation> {
    let mut list: Vec<_> = values::collation::all().iter().collect();
    list.sort_by_key(|c| c.name);
    list
}

/// Status variables with their values.
pub(crate) fn status(session: &Session) -> Vec<(String, String)> {
    let connected = session.instance.processes().len();
    STATUS
        .lines()
        .skip(1)
        .filter_map(|l| l.split_once('\t').or(Some((l, ""))))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| {
            let value = match name {
                "Threads_connected" => connected.to_string(),
                "Threads_running" => "1".to_string(),
                _ => value.to_string(),
            };
            (name.to_string(), value)
        })
        .collect()
}

/// Connections: Id, User, Host, db, Command, Time, State, Info. Those of others only with PROCESS.
pub(crate) fn processes(session: &Session) -> Vec<Vec<OwnedValue>> {
    let all = Sight::new(session).allows(Privilege::Process);
    let me = session.user();
    let now = session.instance.clock.now_micros();
    let mut rows = Vec::new();
    for p in session.instance.processes() {
        if !all && p.user != me {
            continue;
        }
        let activity = p.activity.lock().map(|a| a.clone()).unwrap_or_default();
        let running = activity.statement.is_some();
        let seconds = match activity.since {
            0 => 0,
            since => (now - since).max(0) / 1_000_000,
        };
        rows.push(vec![
            Value::Int(p.id.into()),
            Value::text(p.user.as_str()),
            Value::text(p.host.as_str()),
            crate::show::maybe(activity.database),
            Value::text(if running { "Query" } else { "Sleep" }),
            Value::Int(seconds),
            Value::text(if running { "running" } else { "" }),
            crate::show::maybe(activity.statement),
        ]);
    }
    rows
}

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

/// A procedure as `dolt_procedures` keeps it (spec 03 §15).
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
}

fn definer_text(definer: Option<&ast::Account>) -> String {
    definer.map_or(String::new(), |a| {
        let text = syntax::ToSql::to_sql(a);
        text.replace(['`', '\''], "")
    })
}

/// Rows of a system table of a database as texts and values, by column name.
fn stored_rows(
    seen: &SeenDatabase,
    table: &str,
    names: &[&str],
    each: &mut dyn FnMut(Vec<OwnedValue>),
) -> Result<()> {
    let Some(state) = seen.root.table(table)? else {
        return Ok(());
    };
    let places: Vec<Option<usize>> = names.iter().map(|n| state.def.column(n)).collect();
    crate::exec::table_rows(&state.view, &mut |slot| {
        let row = crate::write::decode_row(&state, slot.key(), slot.value())?;
        let picked = places
            .iter()
            .map(|p| p.and_then(|i| row.get(i).cloned()).unwrap_or(Value::Null))
            .collect();
        each(picked);
        Ok(Flow::Continue)
    })?;
    Ok(())
}

fn created_at(extra: &OwnedValue) -> OwnedValue {
    let Value::Json(json) = extra else {
        return Value::Null;
    };
    let text = crate::convert::to_string(&Value::Json(json.clone()));
    let digits: String = text
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    let moment = digits
        .parse::<i64>()
        .ok()
        .and_then(|s| values::DateTime::from_unix_micros(s.checked_mul(1_000_000)?));
    moment.map_or(Value::Null, Value::DateTime)
}

/// Triggers of one database, or of all.
pub(crate) fn triggers(session: &Session, db: Option<&str>) -> Result<Vec<StoredTrigger>> {
    let mut out: Vec<StoredTrigger> = Vec::new();
    for seen in Sight::new(session).databases(db)? {
        let mut found = Vec::new();
        let names = ["type", "name", "fragment", "extra", "sql_mode"];
        stored_rows(&seen, "dolt_schemas", &names, &mut |row| found.push(row))?;
        for row in found {
            let text = |i: usize| crate::convert::to_string(&row[i]);
            if text(0) != "trigger" {
                continue;
            }
            let fragment = text(2);
            let parsed = syntax::parse(&fragment, &syntax::Options::default());
            let Ok(Statement::CreateTrigger(t)) = parsed else {
                continue;
            };
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
            let order = 1 + out
                .iter()
                .filter(|o| {
                    o.db == seen.name && o.table == table && o.event == event && o.timing == timing
                })
                .count() as u64;
            out.push(StoredTrigger {
                db: seen.name.clone(),
                name: text(1),
                event,
                table,
                timing,
                body: t.body.span.text(&fragment).to_string(),
                order,
                definer: definer_text(t.definer.as_ref()),
                created: created_at(&row[3]),
                sql_mode: text(4),
                statement: fragment,
            });
        }
    }
    Ok(out)
}

/// Procedures of one database, or of all.
pub(crate) fn routines(session: &Session, db: Option<&str>) -> Result<Vec<StoredRoutine>> {
    let mut out = Vec::new();
    for seen in Sight::new(session).databases(db)? {
        let mut found = Vec::new();
        let names = [
            "name",
            "create_stmt",
            "created_at",
            "modified_at",
            "sql_mode",
        ];
        stored_rows(&seen, "dolt_procedures", &names, &mut |row| found.push(row))?;
        for row in found {
            let text = |i: usize| crate::convert::to_string(&row[i]);
            let statement = text(1);
            let parsed = syntax::parse(&statement, &syntax::Options::default());
            let Ok(Statement::CreateProcedure(r)) = parsed else {
                continue;
            };
            let mut routine = StoredRoutine {
                db: seen.name.clone(),
                name: text(0),
                body: match &r.body {
                    ast::RoutineBody::Sql(b) => b.span.text(&statement).to_string(),
                    ast::RoutineBody::Library(_) => String::new(),
                },
                definer: definer_text(r.definer.as_ref()),
                comment: String::new(),
                security: "DEFINER",
                deterministic: false,
                access: "CONTAINS SQL",
                sql_mode: text(4),
                created: row[2].clone(),
                modified: row[3].clone(),
                params: Vec::new(),
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
            out.push(routine);
        }
    }
    Ok(out)
}
