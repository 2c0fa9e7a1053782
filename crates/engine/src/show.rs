//! SHOW, DESCRIBE, EXPLAIN and table maintenance.

mod create_table;
mod listing;
mod objects;
mod plan_text;
mod programs;
mod server;

use syntax::ast::{self, Show, ShowFilter};
use values::OwnedValue;

use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::schema_tables::stored_programs;
use crate::session::Session;

pub(crate) use create_table::{
    action_text, column_line, escaped_comment, foreign_key_line, index_words, key_columns, quoted,
    shown_default, type_text,
};
pub(crate) use listing::{NAMES, maybe};
pub(crate) use objects::{auto_increment, base_column, index_parts};
pub(crate) use server::variable_texts;

use listing::Listing;

type Table = (Vec<ColumnMeta>, Vec<Vec<OwnedValue>>);

/// Result columns of a SHOW, for PREPARE.
pub fn columns(session: &Session, s: &Show) -> Result<Vec<ColumnMeta>> {
    Ok(unfiltered(session, s, &[])?.columns)
}

/// Runs SHOW.
pub fn run(session: &Session, s: &Show, text: &[u8], params: &[OwnedValue]) -> Result<Table> {
    let mut list = unfiltered(session, s, params)?;
    let (filter, like) = filter_of(s);
    list.filter(session, filter, like, text, params)?;
    Ok((list.columns, list.rows))
}

/// The condition of a SHOW, and the column that LIKE looks at.
fn filter_of(s: &Show) -> (Option<&ShowFilter>, usize) {
    match s {
        Show::Databases(f) | Show::CharacterSet(f) | Show::Collation(f) => (f.as_ref(), 0),
        Show::ProcedureStatus(f) | Show::FunctionStatus(f) => (f.as_ref(), 1),
        Show::Tables { filter, .. }
        | Show::TableStatus { filter, .. }
        | Show::Columns { filter, .. }
        | Show::Variables { filter, .. }
        | Show::Status { filter, .. } => (filter.as_ref(), 0),
        Show::Index { filter, .. } | Show::Triggers { filter, .. } => (filter.as_ref(), 2),
        Show::OpenTables { filter, .. } | Show::Events { filter, .. } => (filter.as_ref(), 1),
        _ => (None, 0),
    }
}

fn unfiltered(session: &Session, s: &Show, params: &[OwnedValue]) -> Result<Listing> {
    if let Some(list) = server::empty(s) {
        return Ok(list);
    }
    match s {
        Show::Databases(_) => Ok(objects::databases(session)),
        Show::Tables {
            full, db, as_of, ..
        } => objects::tables(session, *full, db.as_ref(), as_of.as_ref(), params),
        Show::OpenTables { .. } => Ok(objects::open_tables()),
        Show::TableStatus { db, .. } => objects::table_status(session, db.as_ref()),
        Show::Columns {
            full,
            extended,
            table,
            as_of,
            ..
        } => objects::columns(session, *full, *extended, table, as_of.as_ref(), params),
        Show::Index { table, .. } => objects::index(session, table),
        Show::CreateTable { table, as_of } => {
            objects::create_table_listing(session, table, as_of.as_ref(), params)
        }
        Show::CreateView { view, as_of } => {
            objects::create_view_listing(session, view, as_of.as_ref(), params)
        }
        Show::CreateDatabase {
            if_not_exists,
            name,
        } => objects::create_database_listing(session, name, *if_not_exists),
        Show::CreateTrigger(name) => {
            let db = objects::database_name(session, name.db.as_ref())?;
            let found = stored_programs::triggers(session, Some(&db))?
                .into_iter()
                .find(|t| t.name.eq_ignore_ascii_case(&name.name));
            let found = found.ok_or_else(Error::trigger_missing)?;
            Ok(programs::create_trigger(found))
        }
        Show::CreateProcedure(name) => {
            let db = objects::database_name(session, name.db.as_ref())?;
            let found = stored_programs::procedures(session, Some(&db))?
                .into_iter()
                .find(|r| r.name.eq_ignore_ascii_case(&name.name));
            let found = found.ok_or_else(|| Error::unknown_routine("PROCEDURE", &*name.name))?;
            Ok(programs::create_routine(found))
        }
        Show::CreateFunction(name) => {
            let db = objects::database_name(session, name.db.as_ref())?;
            let found = stored_programs::functions(session, Some(&db))?
                .into_iter()
                .find(|r| r.name.eq_ignore_ascii_case(&name.name));
            let found = found.ok_or_else(|| Error::unknown_routine("FUNCTION", &*name.name))?;
            Ok(programs::create_routine(found))
        }
        Show::ProcedureCode(name) => Err(Error::unknown_routine("PROCEDURE", &*name.name)),
        Show::FunctionCode(name) => Err(Error::unknown_routine("FUNCTION", &*name.name)),
        Show::CreateEvent(name) => {
            let db = objects::database_name(session, name.db.as_ref())?;
            let found = stored_programs::events(session, Some(&db))?
                .into_iter()
                .find(|e| e.event.name.eq_ignore_ascii_case(&name.name));
            let found = found.ok_or_else(|| Error::event_missing(&*name.name))?;
            Ok(programs::create_event(found))
        }
        Show::CreateUser(user) => server::create_user(session, user.as_ref()),
        Show::Triggers { db, .. } => {
            let db = objects::database_name(session, db.as_ref())?;
            let found = stored_programs::triggers(session, Some(&db))?;
            Ok(programs::triggers(found))
        }
        Show::Events { db, .. } => {
            let db = objects::database_name(session, db.as_ref())?;
            Ok(programs::events(stored_programs::events(
                session,
                Some(&db),
            )?))
        }
        Show::ProcedureStatus(_) => {
            let found = stored_programs::procedures(session, None)?;
            Ok(programs::routine_status(found))
        }
        Show::FunctionStatus(_) => {
            let found = stored_programs::functions(session, None)?;
            Ok(programs::routine_status(found))
        }
        Show::Variables { scope, .. } => Ok(server::variables(session, *scope)),
        Show::Status { .. } => Ok(server::status(session)),
        Show::CharacterSet(_) => Ok(server::character_sets()),
        Show::Collation(_) => Ok(server::collations()),
        Show::Engines => Ok(server::engines()),
        Show::Engine { name, what } => server::engine(name, what),
        Show::Privileges => Ok(server::privileges()),
        Show::Processlist { full } => Ok(server::processlist(session, *full)),
        Show::Grants { user, using: _ } => server::grants(session, user.as_ref()),
        Show::Warnings(limit) => server::warnings(session, false, limit.as_ref()),
        Show::Errors(limit) => server::warnings(session, true, limit.as_ref()),
        Show::CountWarnings => Ok(server::count(session, false)),
        Show::CountErrors => Ok(server::count(session, true)),
        _ => Err(Error::not_supported("this SHOW statement")),
    }
}

/// Runs DESCRIBE.
pub fn describe(session: &Session, d: &ast::Describe) -> Result<Table> {
    let list = objects::describe(session, d)?;
    Ok((list.columns, list.rows))
}

/// Runs EXPLAIN.
pub fn explain(session: &Session, e: &ast::Explain, text: &[u8]) -> Result<Table> {
    let list = plan_text::explain(session, e, text)?;
    Ok((list.columns, list.rows))
}

/// Runs ANALYZE, CHECK, OPTIMIZE and the like.
pub fn maintain(session: &Session, m: &ast::TableMaintenance) -> Result<Table> {
    let list = objects::maintain(session, m)?;
    Ok((list.columns, list.rows))
}

/// Runs ANALYZE TABLE .. UPDATE or DROP HISTOGRAM. Histograms are not kept: plans do without.
pub fn histogram(session: &Session, a: &ast::AnalyzeHistogram) -> Result<Table> {
    let list = objects::histogram(session, a)?;
    Ok((list.columns, list.rows))
}

/// The CREATE TABLE statement of a table of a root, without its next AUTO_INCREMENT value.
pub fn create_table_text(
    session: &Session,
    root: &crate::root_state::RootState,
    table: &str,
) -> Result<Option<String>> {
    match root.table(table)? {
        Some(t) => create_table::table_text(session, root, &t, 0).map(Some),
        None => Ok(None),
    }
}
