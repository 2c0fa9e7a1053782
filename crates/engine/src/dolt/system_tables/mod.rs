//! System tables and table functions (spec 04 §5, §6).

mod branch_rules;
mod commits;
mod conflicts;
mod diff;
mod diff_functions;
mod help;
mod history;
mod json_diff;
mod patch;
mod query_diff;
mod reflog;
mod refs;
mod status;
mod test_run;
mod user_space;
mod workspace;

use std::sync::Arc;

pub use test_run::failures as failed_tests;
pub use user_space::{AGENT_DOC, agent_doc};
pub use workspace::{Change as WorkspaceChange, change as change_workspace};

use values::{CollationId, DateTime, IntWidth, LobSize, OwnedValue, SqlType, Value};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::session::{DbRef, Session};
use crate::virtual_table::{Hints, VirtualColumn, VirtualTable};

/// TEXT.
pub const TEXT: SqlType = SqlType::Text(LobSize::Regular, CollationId::DEFAULT);
/// LONGTEXT.
pub const LONGTEXT: SqlType = SqlType::Text(LobSize::Long, CollationId::DEFAULT);
/// VARCHAR(1023).
pub const NAME: SqlType = SqlType::VarChar(1023, CollationId::DEFAULT);
/// BIGINT.
pub const BIGINT: SqlType = SqlType::Int {
    width: IntWidth::Big,
    unsigned: false,
    bool_width: false,
};
/// BIGINT UNSIGNED.
pub const UBIGINT: SqlType = SqlType::Int {
    width: IntWidth::Big,
    unsigned: true,
    bool_width: false,
};
/// INT.
pub const INT: SqlType = SqlType::Int {
    width: IntWidth::Int,
    unsigned: false,
    bool_width: false,
};
/// TINYINT(1).
pub const BOOL: SqlType = SqlType::Int {
    width: IntWidth::Tiny,
    unsigned: false,
    bool_width: true,
};
/// DATETIME(3).
pub const DATETIME3: SqlType = SqlType::DateTime(3);
/// DATETIME(6).
pub const DATETIME6: SqlType = SqlType::DateTime(6);

/// Receives rows until it wants no more.
pub type Emit<'e> = &'e mut dyn FnMut(Vec<OwnedValue>) -> Result<Flow>;

/// What a scan knows.
pub struct Scan<'s> {
    /// The running statement.
    pub cx: &'s Context<'s>,
    /// The database, with the revision that it is read at.
    pub db: DbRef,
    /// What may be left out.
    pub hints: &'s Hints,
    /// Arguments of a table function.
    pub args: &'s [OwnedValue],
}

impl Scan<'_> {
    /// The session.
    pub fn session(&self) -> &Session {
        self.cx.session
    }

    /// Text arguments; NULLs are left out.
    pub fn texts(&self) -> Vec<String> {
        let given = self.args.iter().filter(|a| !a.is_null());
        given.map(crate::convert::to_string).collect()
    }
}

type Reader = dyn Fn(&Scan<'_>, Emit<'_>) -> Result<Flow> + Send + Sync;

/// A table that is computed when it is read.
pub struct SystemTable {
    name: String,
    db: String,
    at: Option<OwnedValue>,
    columns: Vec<VirtualColumn>,
    read: Box<Reader>,
}

impl std::fmt::Debug for SystemTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SystemTable").field(&self.name).finish()
    }
}

impl VirtualTable for SystemTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn database(&self) -> &str {
        &self.db
    }

    fn columns(&self) -> &[VirtualColumn] {
        &self.columns
    }

    fn scan(
        &self,
        cx: &Context<'_>,
        args: &[OwnedValue],
        hints: &Hints,
        emit: &mut dyn FnMut(Vec<OwnedValue>) -> Result<Flow>,
    ) -> Result<Flow> {
        let mut db = cx.session.resolve_database(&self.db)?;
        if let Some(at) = &self.at {
            db = at_revision(cx.session, &db, at)?;
        }
        let scan = Scan {
            cx,
            db,
            hints,
            args,
        };
        (self.read)(&scan, emit)
    }
}

/// A database as another revision of it.
fn at_revision(session: &Session, db: &DbRef, at: &OwnedValue) -> Result<DbRef> {
    let text = match at {
        Value::DateTime(d) => commit_at(session, db, *d)?,
        Value::Date(d) => commit_at(session, db, d.at_midnight())?,
        v => crate::convert::to_string(v),
    };
    if text == "WORKING" || text == "STAGED" {
        return Ok(db.clone());
    }
    let mut out = db.clone();
    out.revision = match db.handle.store.find_branch(&text) {
        Ok(Some(branch)) => crate::session::Revision::Branch(branch),
        _ => crate::session::Revision::Commit(super::revision::commit(db, &text)?),
    };
    Ok(out)
}

/// The newest commit that is not younger than a time.
fn commit_at(session: &Session, db: &DbRef, at: DateTime) -> Result<String> {
    let millis = session.time_zone().to_utc(at.to_unix_micros()) / 1000;
    let head = super::revision::head(db)?;
    for entry in versioning::Log::new(db.handle.store.objects(), &[head], &[])? {
        let (id, c) = entry?;
        if c.meta.committer_millis as i64 <= millis {
            return Ok(id.0.to_string());
        }
    }
    Err(Error::general("no commit is as old as that"))
}

/// Makes a table.
pub struct TableMaker {
    name: String,
    db: String,
    at: Option<OwnedValue>,
}

impl TableMaker {
    /// A table with these columns whose rows a function gives.
    pub fn table(
        &self,
        columns: Vec<VirtualColumn>,
        read: impl Fn(&Scan<'_>, Emit<'_>) -> Result<Flow> + Send + Sync + 'static,
    ) -> Arc<dyn VirtualTable> {
        Arc::new(SystemTable {
            name: self.name.clone(),
            db: self.db.clone(),
            at: self.at.clone(),
            columns,
            read: Box::new(read),
        })
    }
}

/// A NOT NULL column.
pub fn column(name: &str, ty: SqlType) -> VirtualColumn {
    VirtualColumn::new(name, ty, false)
}

/// A column of the key.
pub fn key(name: &str, ty: SqlType) -> VirtualColumn {
    let mut c = VirtualColumn::new(name, ty, false);
    c.primary_key = true;
    c
}

/// A column that may be NULL.
pub fn nullable(name: &str, ty: SqlType) -> VirtualColumn {
    VirtualColumn::new(name, ty, true)
}

/// A column that `*` leaves out.
pub fn hidden(name: &str, ty: SqlType) -> VirtualColumn {
    let mut c = VirtualColumn::new(name, ty, false);
    c.hidden = true;
    c
}

/// A text.
pub fn text(t: impl Into<String>) -> OwnedValue {
    Value::text(t)
}

/// An address as a text.
pub fn hash(h: chunks::Hash) -> OwnedValue {
    Value::text(h.to_string())
}

/// A date from milliseconds since 1970.
pub fn date(millis: i64) -> OwnedValue {
    DateTime::from_unix_micros(millis.saturating_mul(1000)).map_or(Value::Null, Value::DateTime)
}

/// A truth value.
pub fn boolean(b: bool) -> OwnedValue {
    Value::Int(b.into())
}

/// Gives rows one by one.
pub fn emit_all(rows: impl IntoIterator<Item = Vec<OwnedValue>>, emit: Emit<'_>) -> Result<Flow> {
    for row in rows {
        if emit(row)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// A system table of a database.
pub fn table(
    session: &Session,
    db: &DbRef,
    name: &str,
    as_of: Option<&OwnedValue>,
) -> Result<Option<Arc<dyn VirtualTable>>> {
    let lower = name.to_lowercase();
    let maker = TableMaker {
        name: lower.clone(),
        db: db.name.clone(),
        at: as_of.cloned(),
    };
    let fixed = match lower.as_str() {
        "dolt_log" => commits::log(&maker),
        "dolt_commits" => commits::commits(&maker),
        "dolt_commit_ancestors" => commits::commit_ancestors(&maker),
        "dolt_branches" => refs::branches(&maker),
        "dolt_branch_activity" => refs::branch_activity(&maker),
        "dolt_remote_branches" => refs::remote_branches(&maker),
        "dolt_tags" => refs::tags(&maker),
        "dolt_remotes" => refs::remotes(&maker),
        "dolt_backups" => refs::backups(&maker),
        "dolt_stashes" => refs::stashes(&maker),
        "dolt_status" => status::status(&maker, false),
        "dolt_status_ignored" => status::status(&maker, true),
        "dolt_merge_status" => status::merge_status(&maker),
        "dolt_conflicts" => status::conflicts(&maker),
        "dolt_constraint_violations" => status::violations(&maker),
        "dolt_schema_conflicts" => status::schema_conflicts(&maker),
        "dolt_help" => help::help(&maker),
        "dolt_diff" => history::diff(&maker),
        "dolt_column_diff" => history::column_diff(&maker),
        n if crate::branch_control::is_control_table(n) => branch_rules::table(&maker, n),
        _ => {
            if let Some(t) = user_space::table(&maker, &lower) {
                return Ok(Some(t));
            }
            return of_table(session, db, &maker, &lower);
        }
    };
    Ok(Some(fixed))
}

/// Tables that are named after a table.
fn of_table(
    session: &Session,
    db: &DbRef,
    maker: &TableMaker,
    lower: &str,
) -> Result<Option<Arc<dyn VirtualTable>>> {
    type Make = fn(&TableMaker, &str, &model::Table) -> Result<Arc<dyn VirtualTable>>;
    let db = match &maker.at {
        Some(at) => &at_revision(session, db, at)?,
        None => db,
    };
    if let Some(table) = lower.strip_prefix("dolt_workspace_")
        && let Some(table) = workspace::workspace_table(session, db, maker, table)?
    {
        return Ok(Some(table));
    }
    const MAKES: &[(&str, Make)] = &[
        ("dolt_diff_", diff::diff_table),
        ("dolt_commit_diff_", diff::commit_diff_table),
        ("dolt_history_", history::history_table),
        ("dolt_blame_", diff::blame_table),
        ("dolt_conflicts_", conflicts::conflicts_table),
        ("dolt_constraint_violations_", conflicts::violations_table),
        ("dolt_workspace_", workspace::empty_table),
    ];
    for (prefix, make) in MAKES {
        let Some(table) = lower.strip_prefix(prefix) else {
            continue;
        };
        let root = super::revision::working_root(session, db)?;
        let (stored, t) = match (root.table(table)?, crate::ddl::code_table(table)) {
            (Some(found), _) => found,
            // Tables that come with the first view or procedure have a history without rows.
            (None, Some(schema)) => {
                let empty = model::Table::new(db.handle.store.objects(), &schema)?;
                (table.to_string(), empty)
            }
            (None, None) => return Err(Error::unknown_table_missing(&db.handle.name, table)),
        };
        return make(maker, &stored, &t).map(Some);
    }
    Ok(None)
}

/// A table function; `args` are the arguments that are known when the statement is planned.
pub fn function(
    session: &Session,
    db: &DbRef,
    name: &str,
    args: &[Option<OwnedValue>],
) -> Result<Option<Arc<dyn VirtualTable>>> {
    let lower = name.to_lowercase();
    let maker = TableMaker {
        name: lower.clone(),
        db: db.name.clone(),
        at: None,
    };
    Ok(Some(match lower.as_str() {
        "dolt_log" => commits::log_function(&maker),
        "dolt_diff" => return diff::diff_function(session, db, &maker, args).map(Some),
        "dolt_reflog" => reflog::reflog(&maker),
        "dolt_patch" => patch::patch(&maker),
        "dolt_diff_stat" => diff_functions::stat(&maker),
        "dolt_diff_summary" => diff_functions::summary(&maker),
        "dolt_test_run" => test_run::function(&maker),
        "dolt_schema_diff" => diff_functions::schema_diff(&maker),
        "dolt_json_diff" => json_diff::function(&maker, args.len())?,
        "dolt_query_diff" => query_diff::function(session, &maker, args)?,
        "dolt_branch_status" => commits::branch_status(&maker),
        "dolt_preview_merge_conflicts_summary" => conflicts::preview_summary(&maker, args)?,
        "dolt_preview_merge_conflicts" => conflicts::preview_conflicts(db, &maker, args)?,
        _ => return Ok(None),
    }))
}
