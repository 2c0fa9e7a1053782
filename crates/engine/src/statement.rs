//! From text to execution: parsing, plan caches, and what each kind of statement does.

use std::sync::Arc;

use syntax::ast::{self, Statement};
use values::{OwnedValue, SqlType, Value};

use crate::bind::{Binder, BoundTable, Catalog, Modes};
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::exec;
use crate::plan::QueryPlan;
use crate::plan_cache::{CachedPlan, CachedPlanKind, LONGEST_KEPT, PLANS_KEPT, Planned};
use crate::program::stored::StoredProgram;
use crate::result::{ColumnMeta, Done, ResultSink};
use crate::session::{Revision, Session};
use crate::view::TableView;

/// A parser's refusal as MySQL's error.
pub fn syntax_error(e: syntax::SyntaxError) -> Error {
    let state = if e.code() == 1153 { "08S01" } else { "42000" };
    Error::new(e.code(), state, e.to_string())
}

/// A prepared statement.
pub struct PreparedStatement {
    /// Its text.
    pub text: Arc<[u8]>,
    /// Its tree.
    pub statement: Arc<Statement>,
    /// Number of parameters.
    pub params: usize,
}

/// What PREPARE tells the client.
pub struct PreparedInfo {
    /// Number of the statement.
    pub id: u32,
    /// Number of parameters.
    pub params: usize,
    /// Result columns; empty when it returns none.
    pub columns: Vec<ColumnMeta>,
}

/// Whether a text holds neither a statement nor a comment.
fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_whitespace() || *b == b';')
}

impl Session {
    /// Runs the statements of a text, the first only unless `multi`; stops at the first error.
    pub fn execute(&self, sql: &[u8], multi: bool, sink: &mut dyn ResultSink) -> Result<()> {
        let modes = self.modes();
        if sql.len() <= LONGEST_KEPT {
            let mut plans = self.plans.borrow_mut();
            plans.heed(&modes);
            let known = plans.statements.get(sql).cloned();
            drop(plans);
            if let Some(statement) = known {
                return self.run_text(&statement, sql, sql, &[], sink, false);
            }
            if let Some((p, params)) = self.shape_of(sql, &modes) {
                return self.run_text(&p.statement, &p.text, sql, &params, sink, false);
            }
        }
        let mut statements = syntax::parse_many(sql, &modes.syntax);
        let mut any = false;
        let mut comment = !is_blank(sql);
        while let Some(next) = statements.next() {
            let mut parsed = next.map_err(syntax_error)?;
            if parsed.more && !multi {
                let rest = &sql[parsed.range.end..];
                let rest = String::from_utf8_lossy(rest);
                let rest = rest.trim_start_matches([';', ' ', '\n', '\t', '\r']);
                let near: String = rest.chars().take(80).collect();
                return Err(Error::new(
                    1064,
                    "42000",
                    format!(
                        "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near '{near}' at line 1"
                    ),
                ));
            }
            any = true;
            // A comment behind the last semicolon is a statement that does nothing.
            comment = multi && !parsed.more && !is_blank(&sql[parsed.range.end..]);
            parsed.more |= comment;
            let text = &sql[parsed.range.clone()];
            let statement = Arc::new(parsed.statement);
            if !parsed.more
                && parsed.range.start == 0
                && text.len() == sql.len()
                && sql.len() <= LONGEST_KEPT
            {
                let mut plans = self.plans.borrow_mut();
                if plans.statements.len() >= PLANS_KEPT {
                    plans.statements.clear();
                }
                if is_repeatable(&statement) {
                    plans.statements.insert(Arc::from(sql), statement.clone());
                }
            }
            self.run_text(&statement, text, text, &[], sink, parsed.more)?;
            // SET sql_mode may change how the rest is read.
            statements.set_options(self.modes().syntax.clone());
        }
        if comment {
            return self.run_text(&Arc::new(Statement::Empty), b"", b"", &[], sink, false);
        }
        if !any {
            return Err(Error::new(1065, "42000", "Query was empty"));
        }
        Ok(())
    }

    /// The statement of which this one is an instance, with the literals that make it one.
    fn shape_of(
        &self,
        sql: &[u8],
        modes: &Modes,
    ) -> Option<(Arc<PreparedStatement>, Vec<OwnedValue>)> {
        let mut shape = self.shape.borrow_mut();
        if !shape.read(sql, &modes.syntax) {
            return None;
        }
        let known = self
            .plans
            .borrow()
            .shapes
            .get(shape.text.as_slice())
            .cloned();
        let prepared = known.unwrap_or_else(|| {
            let parsed = self.parse_prepared(&shape.text).ok();
            let parsed = parsed
                .filter(|p| p.params == shape.values.len())
                .map(Arc::new);
            let mut plans = self.plans.borrow_mut();
            if plans.shapes.len() >= PLANS_KEPT {
                plans.shapes.clear();
            }
            plans
                .shapes
                .insert(Arc::from(shape.text.as_slice()), parsed.clone());
            parsed
        })?;
        let params = shape.values.drain(..).map(|v| match v {
            syntax::ShapeValue::Int(n) => Value::Int(n),
            syntax::ShapeValue::Text(t) => Value::Bytes(t.into_vec().into()),
        });
        Some((prepared, params.collect()))
    }

    /// Runs one parsed statement as a statement of the client, who wrote it as `shown`.
    fn run_text(
        &self,
        statement: &Statement,
        text: &[u8],
        shown: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        self.begin_statement(shown);
        if !keeps_warnings(statement) {
            self.clear_diagnostics();
        }
        let result = self.statement(statement, text, params, sink, more);
        if let Err(e) = &result {
            self.set_row_count(-1);
            let condition = self.raised(e);
            self.push_condition(condition);
        }
        let ended = self.end_of_statement(result.is_err());
        self.end_statement();
        // The result has been sent only when it is complete; a failed commit still is an error.
        result.and(ended)
    }

    /// Runs the body of an event as a statement of its own.
    pub(crate) fn run_event(
        &self,
        event: &StoredProgram,
        db: &str,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        self.begin_statement(&event.text);
        self.clear_diagnostics();
        let mut run = || {
            let found = self.resolve_database(db)?;
            let collation = self.root_of(&found)?.root.collation();
            let program = event.program(collation, None)?;
            crate::program::run::run(self, &program, db, Vec::new(), Some(sink))
        };
        let result = run();
        let ended = self.end_of_statement(result.is_err());
        self.end_statement();
        result.and(ended)
    }

    /// COM_STMT_PREPARE.
    pub fn prepare(&self, sql: &[u8]) -> Result<PreparedInfo> {
        self.begin_statement(sql);
        let prepared = Arc::new(self.preparable(sql)?);
        let columns = self.describe(&prepared);
        self.end_of_statement(true)?;
        let columns = columns?;
        let id = self.next_prepared.get();
        self.next_prepared.set(id.wrapping_add(1).max(1));
        let params = prepared.params;
        self.prepared.borrow_mut().insert(id, prepared);
        Ok(PreparedInfo {
            id,
            params,
            columns,
        })
    }

    /// What a client asks to prepare, which is not everything.
    fn preparable(&self, sql: &[u8]) -> Result<PreparedStatement> {
        let p = self.parse_prepared(sql)?;
        match &*p.statement {
            Statement::CreateEvent(_) | Statement::AlterEvent(_) | Statement::DropEvent(_) => {
                Err(Error::new(
                    1295,
                    "HY000",
                    "This command is not supported in the prepared statement protocol yet",
                ))
            }
            _ => Ok(p),
        }
    }

    fn parse_prepared(&self, sql: &[u8]) -> Result<PreparedStatement> {
        let modes = self.modes();
        let (statement, params) =
            syntax::parse_prepared(sql, &modes.syntax).map_err(syntax_error)?;
        Ok(PreparedStatement {
            text: Arc::from(sql),
            statement: Arc::new(statement),
            params,
        })
    }

    fn describe(&self, p: &PreparedStatement) -> Result<Vec<ColumnMeta>> {
        let types = vec![SqlType::Null; p.params];
        match &*p.statement {
            Statement::Query(q) => {
                let modes = self.modes();
                let mut binder = Binder::new(self, &modes, &p.text).with_params(&types, &[]);
                Ok(binder.bind_query(q)?.columns)
            }
            Statement::Show(s) => crate::show::columns(self, s),
            _ => Ok(Vec::new()),
        }
    }

    /// COM_STMT_EXECUTE.
    pub fn execute_prepared(
        &self,
        id: u32,
        params: Vec<OwnedValue>,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        let found = self.prepared.borrow().get(&id).cloned();
        let p = found.ok_or_else(|| Error::unknown_statement(id, "mysqld_stmt_execute"))?;
        if params.len() != p.params {
            return Err(Error::wrong_arguments("mysqld_stmt_execute"));
        }
        self.run_text(&p.statement, &p.text, &p.text, &params, sink, false)
    }

    /// COM_STMT_CLOSE.
    pub fn close_prepared(&self, id: u32) {
        self.prepared.borrow_mut().remove(&id);
    }

    // One statement.

    /// Runs a statement; the caller ends its transaction.
    pub(crate) fn statement(
        &self,
        s: &Statement,
        text: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        self.keep_resolved(false);
        if let Some(access) = self.access() {
            crate::accounts::check(self, &access, s)?;
        }
        match s {
            Statement::Query(q) => self.query(q, text, params, sink, more),
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                self.data_change(s, text, params, sink, more)
            }
            Statement::Call(call) => self.call(call, text, params, sink, more),
            Statement::Show(show) => {
                let (columns, rows) = crate::show::run(self, show, text, params)?;
                self.send_rows(&columns, rows, sink, more)
            }
            Statement::Describe(d) => {
                let (columns, rows) = crate::show::describe(self, d)?;
                self.send_rows(&columns, rows, sink, more)
            }
            Statement::Explain(e) => {
                let (columns, rows) = crate::show::explain(self, e, text)?;
                self.send_rows(&columns, rows, sink, more)
            }
            Statement::TableMaintenance(m) => {
                let (columns, rows) = crate::show::maintain(self, m)?;
                self.send_rows(&columns, rows, sink, more)
            }
            Statement::AnalyzeHistogram(a) => {
                let (columns, rows) = crate::show::histogram(self, a)?;
                self.send_rows(&columns, rows, sink, more)
            }
            Statement::Prepare { name, source } => {
                let source = match source {
                    ast::PrepareSource::Text(t) => t.to_vec(),
                    ast::PrepareSource::UserVar(v) => {
                        crate::convert::to_text(&self.user_variable(v)).into_owned()
                    }
                };
                let p = Arc::new(self.preparable(&source)?);
                self.describe(&p)?;
                self.prepared_names
                    .borrow_mut()
                    .insert(name.to_lowercase(), p);
                self.done(
                    sink,
                    Done {
                        info: "Statement prepared".into(),
                        ..Done::default()
                    },
                    more,
                )
            }
            Statement::Execute { name, using } => {
                let found = self
                    .prepared_names
                    .borrow()
                    .get(&name.to_lowercase())
                    .cloned();
                let p = found.ok_or_else(|| Error::unknown_statement(name, "EXECUTE"))?;
                if using.len() != p.params {
                    return Err(Error::wrong_arguments("EXECUTE"));
                }
                let values: Vec<OwnedValue> = using.iter().map(|v| self.user_variable(v)).collect();
                self.statement(&p.statement, &p.text, &values, sink, more)
            }
            Statement::Deallocate(name) => {
                if self
                    .prepared_names
                    .borrow_mut()
                    .remove(&name.to_lowercase())
                    .is_none()
                {
                    return Err(Error::unknown_statement(name, "DEALLOCATE PREPARE"));
                }
                self.done(sink, Done::default(), more)
            }
            Statement::LoadData(l) => self.load_data(l, text, sink, more),
            Statement::Signal(s) => self.signal(s, text, sink, more),
            Statement::Resignal(_) => Err(Error::inactive_handler()),
            Statement::GetDiagnostics(g) => {
                self.get_diagnostics(g, text)?;
                self.done(sink, Done::default(), more)
            }
            Statement::Do(list) => {
                let modes = self.modes();
                let types: Vec<SqlType> = self.param_types(params, &modes);
                for e in list {
                    let mut binder = Binder::new(self, &modes, text).with_params(&types, params);
                    let t = binder.bind_alone(e)?;
                    let views = self.open_views(&binder.tables, false)?;
                    let cx = Context::new(self, params, views);
                    t.expr.eval(&Env::new(0, None, &cx))?;
                }
                self.done(sink, Done::default(), more)
            }
            other => {
                let affected_rows = self.command(other, text, params)?;
                self.done(
                    sink,
                    Done {
                        affected_rows,
                        ..Done::default()
                    },
                    more,
                )
            }
        }
    }

    /// Statements that answer with a bare OK.
    fn command(&self, s: &Statement, text: &[u8], params: &[OwnedValue]) -> Result<u64> {
        let none = |r: Result<()>| r.map(|()| 0);
        match s {
            Statement::Begin(b) => none(self.begin_transaction(b.read_only)),
            Statement::Commit(end) => {
                self.complete_transaction()?;
                none(self.chain(end))
            }
            Statement::Rollback(end) => {
                self.rollback_transaction();
                none(self.chain(end))
            }
            Statement::Savepoint(name) => {
                self.open_transaction().savepoint(name);
                Ok(0)
            }
            Statement::RollbackTo(name) => none(self.open_transaction().rollback_to(name)),
            Statement::ReleaseSavepoint(name) => none(self.open_transaction().release(name)),
            Statement::Use(name) => none(self.use_database(name)),
            Statement::Set(items) => none(crate::set::run(self, items, text, params)),
            Statement::LockTables(_) | Statement::LockInstance => none(self.commit_transaction()),
            Statement::UnlockTables | Statement::UnlockInstance => Ok(0),
            Statement::Flush(_) => Ok(0),
            Statement::ResetPersist { if_exists, name } => {
                self.reset_persist(name.as_deref(), *if_exists)?;
                Ok(0)
            }
            Statement::Kill { query, id } => none(self.kill(*query, id)),
            Statement::CreateUser(_)
            | Statement::AlterUser(_)
            | Statement::DropUser { .. }
            | Statement::RenameUser(_)
            | Statement::CreateRole { .. }
            | Statement::DropRole { .. }
            | Statement::Grant(_)
            | Statement::Revoke(_) => none(crate::ddl::account_statement(self, s)),
            Statement::CreateTable(c) if c.temporary => self.create_temporary(c, text, params),
            Statement::DropTable(d) if self.drops_temporary(d)? => {
                if !d.temporary {
                    // Only the word keeps it from being a definition that commits.
                    self.commit_transaction()?;
                }
                none(self.drop_temporary(d))
            }
            Statement::Empty => Ok(0),
            _ => {
                // Definitions commit what is open, before and after.
                self.commit_transaction()?;
                self.writing.set(true);
                let result = crate::ddl::run(self, s, text, params);
                self.writing.set(false);
                match result {
                    Ok(n) => {
                        self.defined.set(true);
                        self.commit_transaction().map(|()| n)
                    }
                    Err(e) => {
                        self.rollback_transaction();
                        Err(e)
                    }
                }
            }
        }
    }

    fn chain(&self, end: &ast::TransactionEnd) -> Result<()> {
        if end.chain == Some(true) {
            self.begin_transaction(None)?;
        }
        Ok(())
    }

    fn kill(&self, query: bool, id: &ast::Expr) -> Result<()> {
        let modes = self.modes();
        let e = Binder::new(self, &modes, &[]).bind_alone(id)?.expr;
        let id = match self.constant(&e)? {
            Value::Int(n) => n as u32,
            v => crate::convert::to_string(&v).parse().unwrap_or(0),
        };
        let process = self
            .instance
            .process(id)
            .ok_or_else(|| Error::unknown_thread(id))?;
        if let Some(access) = self.access()
            && process.user != access.user()
            && !access.may_end_connections()
        {
            return Err(Error::new(
                1095,
                "HY000",
                format!("You are not owner of thread {id}"),
            ));
        }
        if query {
            process.interrupt.kill_query();
        } else {
            process.interrupt.kill_connection();
        }
        Ok(())
    }

    pub(crate) fn done(&self, sink: &mut dyn ResultSink, done: Done, more: bool) -> Result<()> {
        self.set_row_count(done.affected_rows as i64);
        sink.done(&done, more)
    }

    /// Sends computed rows.
    pub(crate) fn send_rows(
        &self,
        columns: &[ColumnMeta],
        rows: Vec<Vec<OwnedValue>>,
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        sink.columns(columns)?;
        let n = rows.len() as u64;
        for row in rows {
            if sink.row(&exec::ValuesRow(&row))? == crate::result::Flow::Stop {
                break;
            }
        }
        self.found_rows.set(n);
        self.set_row_count(-1);
        sink.done(&Done::default(), more)
    }

    pub(crate) fn query(
        &self,
        q: &ast::Query,
        text: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        self.keep_resolved(true);
        let plan = self.plan(text, params, |b| {
            Ok(Some(CachedPlanKind::Query(b.bind_query(q)?)))
        })?;
        let Some(CachedPlan::Query(planned)) = plan.as_deref() else {
            return Err(Error::general("statement has no plan"));
        };
        let into = q.into.as_deref();
        if planned.tables.iter().any(|t| t.locked) {
            if let Some(locking) = self.locking(Some(self.lock_wait())) {
                return self.locking_query(planned, into, locking, params, sink, more);
            }
            self.refresh_tables(&planned.tables)?;
        }
        let views = self.open_views(&planned.tables, false)?;
        self.run_query(planned, into, views, params, sink, more)
    }

    /// Runs a query over opened tables.
    pub(crate) fn run_query(
        &self,
        planned: &Planned<QueryPlan>,
        into: Option<&ast::SelectInto>,
        views: Vec<TableView>,
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        let cx = Context::new(self, params, views);
        if let Some(into) = into {
            let result = crate::select_into::run(self, into, &planned.plan, &cx);
            self.take_warnings(&cx);
            let n = result?;
            return self.done(
                sink,
                Done {
                    affected_rows: n,
                    ..Done::default()
                },
                more,
            );
        }
        let mut n = 0u64;
        sink.columns(&planned.plan.columns)?;
        let mark = self.open_transaction().mark();
        let result = exec::query(&planned.plan, None, &cx, &mut |row| {
            n += 1;
            sink.row(row)
        });
        self.take_warnings(&cx);
        if let Err(e) = result {
            // What its functions have changed goes with it.
            self.open_transaction().undo_to(mark);
            return Err(e);
        }
        self.open_transaction().end_statement(mark);
        self.found_rows_of(&planned.plan, n);
        self.set_row_count(-1);
        sink.done(&Done::default(), more)
    }

    /// FOUND_ROWS() of a query that gave so many rows, unless it has counted them itself.
    pub(crate) fn found_rows_of(&self, plan: &QueryPlan, rows: u64) {
        if !counts_found(plan) {
            self.found_rows.set(rows);
        }
    }

    /// Moves a statement's warnings to the session.
    pub(crate) fn take_warnings(&self, cx: &Context<'_>) {
        let (list, count) = cx.conversion.take_warnings();
        if count > 0 {
            self.set_warnings(list, count);
        }
    }

    /// Lets the statement see what has been committed since the transaction began.
    pub(crate) fn refresh_tables(&self, tables: &[BoundTable]) -> Result<()> {
        for t in tables {
            let db = self.resolve_database(&t.db)?;
            if let Revision::Branch(branch) = &db.revision {
                self.open_transaction()
                    .branch(&db.handle, branch)?
                    .refresh()?;
            }
        }
        Ok(())
    }

    /// The procedure that a name means, with the database that it runs in.
    fn stored_procedure(
        &self,
        name: &ast::ObjectName,
    ) -> Result<Option<(Arc<StoredProgram>, String)>> {
        let db = match &name.db {
            Some(db) => Some(db.to_string()),
            None => self.current_database(),
        };
        let Some(db) = db else { return Ok(None) };
        let Ok(found) = self.resolve_database(&db) else {
            return Ok(None);
        };
        let code = found.handle.stored_code(&*self.root_of(&found)?)?;
        Ok(code.procedure(&name.name).map(|p| (p.clone(), db)))
    }

    fn call(
        &self,
        call: &ast::Call,
        text: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        let dolt = crate::dolt::has_procedure(&call.name.name);
        if !dolt && let Some((stored, db)) = self.stored_procedure(&call.name)? {
            return crate::program::call::call(self, &stored, &db, call, text, params, sink, more);
        }
        let modes = self.modes();
        let types = self.param_types(params, &modes);
        let mut args = Vec::new();
        for e in &call.args {
            let mut binder = Binder::new(self, &modes, text).with_params(&types, params);
            let t = binder.bind_alone(e)?;
            let views = self.open_views(&binder.tables, false)?;
            let cx = Context::new(self, params, views);
            let v = t.expr.eval(&Env::new(0, None, &cx))?.into_owned();
            args.push(v);
        }
        let texts: Vec<String> = args.iter().map(crate::convert::to_string).collect();
        let name = call.name.name.to_lowercase();
        if dolt && self.depth.get() > 0 {
            return Err(Error::commit_in_program());
        }
        let (name, texts, out) = match name.as_str() {
            // The first argument is a variable that takes the hash of the commit.
            "dolt_commit_hash_out" => {
                let shown = format!("{}.{name}", self.current_database().unwrap_or_default());
                let place = call.args.first().and_then(|e| self.variable_of(e));
                let place = place.ok_or_else(|| Error::not_a_variable(1, shown))?;
                ("dolt_commit".to_string(), &texts[1..], Some(place))
            }
            _ => (name, &texts[..], None),
        };
        match crate::dolt::call(self, &name, texts)? {
            Some(result) => {
                if let (Some(place), Some(hash)) =
                    (out, result.rows.first().and_then(|r| r.first()))
                {
                    self.assign(
                        &place,
                        hash.clone(),
                        &SqlType::Text(values::LobSize::Long, values::CollationId::DEFAULT),
                    )?;
                }
                self.end_of_statement(false)
                    .inspect_err(|_| self.rollback_transaction())?;
                self.send_rows(&result.columns, result.rows, sink, more)
            }
            None => Err(Error::unknown_routine(
                "PROCEDURE",
                match self.current_database() {
                    Some(db) => format!("{db}.{}", call.name.name),
                    None => call.name.name.to_string(),
                },
            )),
        }
    }
}

/// A database name without its revision.
pub(crate) fn base_name(db: &str) -> &str {
    db.split(['/', '@']).next().unwrap_or(db)
}

/// Whether SHOW WARNINGS after it still shows the statement before.
fn keeps_warnings(s: &Statement) -> bool {
    matches!(
        s,
        Statement::Show(show) if matches!(**show,
            ast::Show::Warnings(_) | ast::Show::Errors(_) | ast::Show::CountWarnings | ast::Show::CountErrors)
    ) || matches!(s, Statement::GetDiagnostics(_))
}

/// Whether the text is worth keeping parsed.
fn is_repeatable(s: &Statement) -> bool {
    matches!(
        s,
        Statement::Query(_)
            | Statement::Begin(_)
            | Statement::Commit(_)
            | Statement::Rollback(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Set(_)
    )
}

fn counts_found(plan: &QueryPlan) -> bool {
    matches!(&plan.body, crate::plan::QueryBody::Block(b) if b.count_found)
}
