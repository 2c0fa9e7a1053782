//! From text to execution: parsing, plan caches, and what each kind of statement does.

use std::cell::RefMut;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use syntax::ast::{self, Statement};
use values::{OwnedValue, SqlType, Value};

use crate::accounts::Access;
use crate::bind::dml::{DeletePlan, InsertPlan, UpdatePlan};
use crate::bind::{Binder, BoundTable, Catalog, Modes, Resolved};
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::exec;
use crate::expr::Expr;
use crate::plan::QueryPlan;
use crate::result::{ColumnMeta, Done, ResultSink};
use crate::session::{DbRef, Revision, Session};
use crate::transaction::{Transaction, branch_key};
use crate::view::TableView;
use crate::virtual_table::VirtualTable;
use crate::write::{self, Target};

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

/// A plan with the tables that it reads.
pub(crate) struct Planned<P> {
    pub plan: P,
    pub tables: Vec<BoundTable>,
}

pub(crate) enum CachedPlan {
    Query(Planned<QueryPlan>),
    Insert(Planned<InsertPlan>),
    Update(Planned<UpdatePlan>),
    Delete(Planned<DeletePlan>),
}

impl CachedPlan {
    /// The tables that are written, by number, and whether rows of them may go or change.
    fn written(&self) -> Vec<(usize, bool)> {
        match self {
            CachedPlan::Query(_) => Vec::new(),
            CachedPlan::Insert(p) => {
                let changes = p.plan.replace || p.plan.on_duplicate.is_some();
                vec![(p.plan.table, changes)]
            }
            CachedPlan::Update(p) => p.plan.targets.iter().map(|t| (t.table, true)).collect(),
            CachedPlan::Delete(p) => p.plan.targets.iter().map(|t| (t.1, true)).collect(),
        }
    }
}

struct CacheEntry {
    plan: Arc<CachedPlan>,
    /// What the plan was made under: current database, and the settings that decide meaning.
    database: Option<String>,
    modes: Arc<Modes>,
    generation: u64,
    types: Vec<SqlType>,
    /// Its privileges were asked for; a plan of a view or stored program has none of its own.
    checked: bool,
}

/// Plans of this session by statement text.
#[derive(Default)]
pub(crate) struct PlanCache {
    entries: HashMap<Arc<[u8]>, CacheEntry>,
    statements: HashMap<Arc<[u8]>, Arc<Statement>>,
}

impl PlanCache {
    /// Forgets plans, but not what texts mean.
    pub(crate) fn clear_plans(&mut self) {
        self.entries.clear();
    }
}

/// Plans that a session keeps.
const PLANS_KEPT: usize = 512;
/// Longest text whose plan is kept.
const LONGEST_KEPT: usize = 16 << 10;

impl Session {
    /// Runs the statements of a text, the first only unless `multi`; stops at the first error.
    pub fn execute(&self, sql: &[u8], multi: bool, sink: &mut dyn ResultSink) -> Result<()> {
        if sql.len() <= LONGEST_KEPT {
            let known = self.plans.borrow().statements.get(sql).cloned();
            if let Some(statement) = known {
                return self.run_text(&statement, sql, &[], sink, false);
            }
        }
        let modes = self.modes();
        let mut statements = syntax::parse_many(sql, &modes.syntax);
        let mut any = false;
        while let Some(next) = statements.next() {
            let parsed = next.map_err(syntax_error)?;
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
            self.run_text(&statement, text, &[], sink, parsed.more)?;
            // SET sql_mode may change how the rest is read.
            statements.set_options(self.modes().syntax.clone());
        }
        if !any {
            return Err(Error::new(1065, "42000", "Query was empty"));
        }
        Ok(())
    }

    /// Runs one parsed statement as a statement of the client.
    fn run_text(
        &self,
        statement: &Statement,
        text: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        self.begin_statement(text);
        if !keeps_warnings(statement) {
            self.set_warnings(Vec::new(), 0);
        }
        let result = self.statement(statement, text, params, sink, more);
        if result.is_err() {
            self.set_row_count(-1);
        }
        let ended = self.end_of_statement(result.is_err());
        self.end_statement();
        // The result has been sent only when it is complete; a failed commit still is an error.
        result.and(ended)
    }

    /// COM_STMT_PREPARE.
    pub fn prepare(&self, sql: &[u8]) -> Result<PreparedInfo> {
        self.begin_statement(sql);
        let prepared = Arc::new(self.parse_prepared(sql)?);
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
        self.run_text(&p.statement, &p.text, &params, sink, false)
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
            Statement::Prepare { name, source } => {
                let source = match source {
                    ast::PrepareSource::Text(t) => t.to_vec(),
                    ast::PrepareSource::UserVar(v) => {
                        crate::convert::to_text(&self.user_variable(v)).into_owned()
                    }
                };
                let p = Arc::new(self.parse_prepared(&source)?);
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
                self.commit_transaction()?;
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
            Statement::Flush(_) | Statement::ResetPersist { .. } => Ok(0),
            Statement::Kill { query, id } => none(self.kill(*query, id)),
            Statement::AnalyzeHistogram(_) => Ok(0),
            Statement::CreateUser(_)
            | Statement::AlterUser(_)
            | Statement::DropUser { .. }
            | Statement::RenameUser(_)
            | Statement::CreateRole { .. }
            | Statement::DropRole { .. }
            | Statement::Grant(_)
            | Statement::Revoke(_) => none(crate::ddl::account_statement(self, s)),
            Statement::Empty => Err(Error::new(1065, "42000", "Query was empty")),
            _ => {
                // Definitions commit what is open, before and after.
                self.commit_transaction()?;
                self.writing.set(true);
                let result = crate::ddl::run(self, s, text, params);
                self.writing.set(false);
                match result {
                    Ok(n) => self.commit_transaction().map(|()| n),
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

    fn param_types(&self, params: &[OwnedValue], modes: &Modes) -> Vec<SqlType> {
        params
            .iter()
            .map(|v| crate::bind::type_of_value(v, modes.connection))
            .collect()
    }

    // Plans.

    fn cached(
        &self,
        text: &[u8],
        types: &[SqlType],
        modes: &Arc<Modes>,
    ) -> Option<Arc<CachedPlan>> {
        let unrestricted = self.access().is_none();
        let plans = self.plans.borrow();
        let entry = plans.entries.get(text)?;
        let generation = self.instance.generation.load(Ordering::Relaxed);
        let fits = entry.generation == generation
            && Arc::ptr_eq(&entry.modes, modes)
            && same_types(&entry.types, types)
            && (entry.checked || unrestricted)
            && entry.database == self.current_database();
        if !fits {
            return None;
        }
        let plan = entry.plan.clone();
        drop(plans);
        let tables = match &*plan {
            CachedPlan::Query(p) => &p.tables,
            CachedPlan::Insert(p) => &p.tables,
            CachedPlan::Update(p) => &p.tables,
            CachedPlan::Delete(p) => &p.tables,
        };
        // A plan holds as long as every table has the schema that it was made for.
        let valid = tables.iter().all(|t| {
            let Ok(db) = self.resolve_database(&t.db) else { return false };
            let Ok(root) = self.root_of(&db) else { return false };
            matches!(root.table(&t.name), Ok(Some(state)) if state.def.schema_hash == t.def.schema_hash)
        });
        valid.then_some(plan)
    }

    fn keep(&self, text: &[u8], types: Vec<SqlType>, modes: &Arc<Modes>, plan: Arc<CachedPlan>) {
        if text.len() > LONGEST_KEPT {
            return;
        }
        let checked = self.access().is_some();
        let mut plans = self.plans.borrow_mut();
        if plans.entries.len() >= PLANS_KEPT {
            plans.entries.clear();
        }
        let entry = CacheEntry {
            plan,
            database: self.current_database(),
            modes: modes.clone(),
            generation: self.instance.generation.load(Ordering::Relaxed),
            types,
            checked,
        };
        plans.entries.insert(Arc::from(text), entry);
    }

    /// The plan of a statement, made now or kept from before.
    fn plan(
        &self,
        text: &[u8],
        params: &[OwnedValue],
        make: impl FnOnce(&mut Binder<'_>) -> Result<Option<CachedPlanKind>>,
    ) -> Result<Option<Arc<CachedPlan>>> {
        let modes = self.modes();
        let types = self.param_types(params, &modes);
        if let Some(plan) = self.cached(text, &types, &modes) {
            return Ok(Some(plan));
        }
        let mut binder = Binder::new(self, &modes, text).with_params(&types, params);
        let Some(kind) = make(&mut binder)? else {
            return Ok(None);
        };
        let tables = std::mem::take(&mut binder.tables);
        let uncacheable = binder.uncacheable || tables.iter().any(|t| t.as_of.is_some());
        let plan = Arc::new(match kind {
            CachedPlanKind::Query(plan) => CachedPlan::Query(Planned { plan, tables }),
            CachedPlanKind::Insert(plan) => CachedPlan::Insert(Planned { plan, tables }),
            CachedPlanKind::Update(plan) => CachedPlan::Update(Planned { plan, tables }),
            CachedPlanKind::Delete(plan) => CachedPlan::Delete(Planned { plan, tables }),
        });
        if !uncacheable {
            self.keep(text, types, &modes, plan.clone());
        }
        Ok(Some(plan))
    }

    /// Opens the tables of a plan; `latest` for statements that write.
    pub(crate) fn open_views(&self, tables: &[BoundTable], latest: bool) -> Result<Vec<TableView>> {
        let mut out = Vec::with_capacity(tables.len());
        for t in tables {
            let missing = || Error::unknown_table_missing(base_name(&t.db), &t.name);
            let db = self.resolve_database(&t.db)?;
            if let Some(root) = &t.as_of {
                let id = root
                    .parse()
                    .map_err(|_| Error::general("bad root address"))?;
                let state = db.handle.root(model::RootId(id))?;
                out.push(state.table(&t.name)?.ok_or_else(missing)?.view.clone());
                continue;
            }
            match &db.revision {
                Revision::Branch(branch) => {
                    let mut tx = self.open_transaction();
                    let b = tx.branch(&db.handle, branch)?;
                    let view = if latest {
                        b.write_view(&t.name)?
                    } else {
                        b.read_view(&t.name)?
                    };
                    out.push(view.ok_or_else(missing)?);
                }
                Revision::Commit(_) => {
                    let root = self.root_of(&db)?;
                    out.push(root.table(&t.name)?.ok_or_else(missing)?.view.clone());
                }
            }
        }
        Ok(out)
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
        let locking = !q.locks.is_empty();
        if locking {
            self.refresh_tables(&planned.tables)?;
        }
        let views = self.open_views(&planned.tables, locking)?;
        let cx = Context::new(self, params, views);
        if let Some(into) = &q.into {
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
        let counts = counts_found(&planned.plan);
        let result = exec::query(&planned.plan, None, &cx, &mut |row| {
            n += 1;
            sink.row(row)
        });
        self.take_warnings(&cx);
        result?;
        if !counts {
            self.found_rows.set(n);
        }
        self.set_row_count(-1);
        sink.done(&Done::default(), more)
    }

    /// Moves a statement's warnings to the session.
    pub(crate) fn take_warnings(&self, cx: &Context<'_>) {
        let (list, count) = cx.conversion.take_warnings();
        if count > 0 {
            self.set_warnings(list, count);
        }
    }

    /// Lets the statement see what has been committed since the transaction began.
    fn refresh_tables(&self, tables: &[BoundTable]) -> Result<()> {
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

    fn data_change(
        &self,
        s: &Statement,
        text: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        if self.open_transaction().read_only {
            return Err(Error::read_only());
        }
        // Names are resolved against the newest committed state, which is what is written on.
        {
            let mut tx = self.open_transaction();
            for b in tx.branches.values_mut() {
                b.refresh()?;
            }
        }
        if let Some(done) = crate::dolt::change(self, s, params)? {
            self.end_of_statement(false)
                .inspect_err(|_| self.rollback_transaction())?;
            return self.done(sink, done, more);
        }
        self.keep_resolved(true);
        self.writing.set(true);
        let plan = self.plan(text, params, |b| {
            Ok(Some(match s {
                Statement::Insert(i) => CachedPlanKind::Insert(b.bind_insert(i)?),
                Statement::Update(u) => CachedPlanKind::Update(b.bind_update(u)?),
                Statement::Delete(d) => CachedPlanKind::Delete(b.bind_delete(d)?),
                _ => return Ok(None),
            }))
        });
        self.writing.set(false);
        let Some(plan) = plan? else {
            return Err(Error::general("statement has no plan"));
        };
        let tables = match &*plan {
            CachedPlan::Insert(p) => &p.tables,
            CachedPlan::Update(p) => &p.tables,
            CachedPlan::Delete(p) => &p.tables,
            CachedPlan::Query(p) => &p.tables,
        };
        for (number, removes) in plan.written() {
            let db = self.resolve_database(&tables[number].db)?;
            if matches!(db.revision, Revision::Branch(_)) {
                crate::ddl::resolve_before_write(self, &db, &tables[number].name, removes)?;
            }
        }
        let views = self.open_views(tables, true)?;
        let cx = Context::new(self, params, views);
        let target = |number: usize| -> Result<Target> { self.write_target(&tables[number]) };
        let mark = self.open_transaction().mark();
        let result = match &*plan {
            CachedPlan::Insert(p) => target(p.plan.table).and_then(|t| {
                let mut tx = self.take_transaction();
                let r = write::insert(&p.plan, &t, &mut tx, &cx, self.counts_found_rows());
                self.put_transaction(tx);
                r.map(|i| self.inserted(&p.plan, i))
            }),
            CachedPlan::Update(p) => p
                .plan
                .targets
                .iter()
                .map(|t| target(t.table))
                .collect::<Result<Vec<_>>>()
                .and_then(|targets| {
                    let mut tx = self.take_transaction();
                    let r = write::update(&p.plan, &targets, &mut tx, &cx);
                    self.put_transaction(tx);
                    r.map(|c| {
                        let n = if self.counts_found_rows() {
                            c.matched
                        } else {
                            c.affected
                        };
                        let info = format!(
                            "Rows matched: {}  Changed: {}  Warnings: {}",
                            c.matched,
                            c.affected,
                            cx.conversion.warning_count()
                        );
                        (
                            Done {
                                affected_rows: n,
                                info,
                                ..Done::default()
                            },
                            None,
                        )
                    })
                }),
            CachedPlan::Delete(p) => p
                .plan
                .targets
                .iter()
                .map(|(_, number, _)| target(*number))
                .collect::<Result<Vec<_>>>()
                .and_then(|targets| {
                    let mut tx = self.take_transaction();
                    let r = write::delete(&p.plan, &targets, &mut tx, &cx);
                    self.put_transaction(tx);
                    r.map(|c| {
                        (
                            Done {
                                affected_rows: c.affected,
                                ..Done::default()
                            },
                            None,
                        )
                    })
                }),
            CachedPlan::Query(_) => Err(Error::general("statement has no plan")),
        };
        self.take_warnings(&cx);
        let (done, returned) = match result {
            Ok(done) => done,
            Err(e) => {
                self.open_transaction().undo_to(mark);
                return Err(e);
            }
        };
        // Autocommit: what cannot be committed is not acknowledged.
        if let Err(e) = self.end_of_statement(false) {
            self.rollback_transaction();
            return Err(e);
        }
        if let Some((columns, rows)) = returned {
            let CachedPlan::Insert(p) = &*plan else {
                return Ok(());
            };
            let Some((_, exprs)) = &p.plan.returning else {
                return Ok(());
            };
            sink.columns(&columns)?;
            for row in rows {
                let mut env = Env::new(1, None, &cx);
                env.slots[0] = crate::env::Slot::Row(row);
                let mut values = Vec::with_capacity(exprs.len());
                for e in exprs {
                    values.push(e.eval(&env)?.into_owned());
                }
                sink.row(&exec::ValuesRow(&values))?;
            }
        }
        self.done(sink, done, more)
    }

    #[allow(clippy::type_complexity)]
    fn inserted(
        &self,
        plan: &InsertPlan,
        i: write::Inserted,
    ) -> (Done, Option<(Vec<ColumnMeta>, Vec<Arc<[OwnedValue]>>)>) {
        if i.first_id > 0 {
            self.set_last_insert_id(i.first_id);
        }
        let many = match &plan.rows {
            crate::bind::dml::InsertRows::Values(rows) => rows.len() > 1,
            crate::bind::dml::InsertRows::Query(_) => true,
        };
        let info = match many {
            true => format!(
                "Records: {}  Duplicates: {}  Warnings: {}",
                i.counts.matched,
                i.counts.duplicates,
                self.warning_count()
            ),
            false => String::new(),
        };
        let last_insert_id = if i.first_id > 0 {
            i.first_id
        } else {
            i.last_id
        };
        let done = Done {
            affected_rows: i.counts.affected,
            last_insert_id,
            info,
        };
        (
            done,
            plan.returning.as_ref().map(|(c, _)| (c.clone(), i.rows)),
        )
    }

    /// The branch and table that a bound table is written in.
    pub(crate) fn write_target(&self, t: &BoundTable) -> Result<Target> {
        let db = self.resolve_database(&t.db)?;
        match db.revision {
            Revision::Branch(branch) if t.as_of.is_none() => Ok(Target {
                handle: db.handle,
                branch,
                table: t.def.name.clone(),
            }),
            _ => Err(Error::general(format!(
                "Database {} is read-only.",
                db.name
            ))),
        }
    }

    fn take_transaction(&self) -> Transaction {
        self.open_transaction();
        self.transaction.borrow_mut().take().unwrap_or_default()
    }

    fn put_transaction(&self, tx: Transaction) {
        *self.transaction.borrow_mut() = Some(tx);
    }

    /// The changes of a branch in the open transaction.
    pub fn branch_changes(
        &self,
        db: &DbRef,
    ) -> Result<RefMut<'_, crate::transaction::BranchChanges>> {
        let Revision::Branch(branch) = &db.revision else {
            return Err(Error::general(
                "this operation is not supported while in a detached head state",
            ));
        };
        let mut tx = self.open_transaction();
        tx.branch(&db.handle, branch)?;
        let key = branch_key(&db.handle.name, branch);
        RefMut::filter_map(tx, |t| t.branches.get_mut(&key))
            .map_err(|_| Error::general("branch is not open"))
    }

    fn call(
        &self,
        call: &ast::Call,
        text: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
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
        match crate::dolt::call(self, &name, &texts)? {
            Some(result) => {
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

    /// Root that `AS OF` names in a database (spec 04 §1.4).
    pub fn as_of_root(
        &self,
        db: &DbRef,
        at: &OwnedValue,
    ) -> Result<Option<Arc<crate::root_state::RootState>>> {
        let head = match &db.revision {
            Revision::Branch(b) => Some(b.clone()),
            Revision::Commit(_) => None,
        };
        let store = &db.handle.store;
        if let Value::DateTime(_) | Value::Date(_) = at {
            let local = match at {
                Value::DateTime(d) => d.to_unix_micros(),
                Value::Date(d) => d.at_midnight().to_unix_micros(),
                _ => 0,
            };
            let millis = self.time_zone().to_utc(local) / 1000;
            let start = match &db.revision {
                Revision::Branch(b) => store.branch(b),
                Revision::Commit(c) => Some(*c),
            };
            let Some(start) = start else { return Ok(None) };
            return match crate::history::commit_at(store, start, millis)? {
                Some(commit) => Ok(Some(db.handle.root(commit.root)?)),
                None => Ok(None),
            };
        }
        let text = match at {
            Value::Null => return Err(Error::general("expression NULL cannot be used in AS OF")),
            v => crate::convert::to_string(v),
        };
        match (text.as_str(), &db.revision) {
            ("WORKING", Revision::Branch(_)) => return self.root_of(db).map(Some),
            ("STAGED", Revision::Branch(_)) => {
                let staged = self.branch_changes(db)?.set.staged;
                return db.handle.root(staged).map(Some);
            }
            _ => {}
        }
        let spec = model::RevSpec::parse(&text)?;
        let commit = match (&spec.base, &db.revision) {
            (model::RevBase::Head, Revision::Commit(c)) => {
                spec.resolve(store.objects(), &store.refs(), Some(*c))?
            }
            _ => store.resolve(&spec, head.as_deref())?,
        };
        Ok(Some(db.handle.root(store.commit(commit)?.root)?))
    }
}

pub(crate) enum CachedPlanKind {
    Query(QueryPlan),
    Insert(InsertPlan),
    Update(UpdatePlan),
    Delete(DeletePlan),
}

impl Catalog for Session {
    fn resolve_table(
        &self,
        db: Option<&str>,
        name: &str,
        as_of: Option<&OwnedValue>,
    ) -> Result<Resolved> {
        let db = db.ok_or_else(Error::no_database)?;
        if let Some(t) = crate::schema_tables::table(self, db, name)? {
            return Ok(Resolved::Virtual(t));
        }
        let found = self.resolve_database(db)?;
        let missing = || Error::unknown_table_missing(&found.handle.name, name);
        let (root, at) = match as_of {
            None => (self.root_of(&found)?, None),
            Some(v) => {
                let root = self.as_of_root(&found, v)?.ok_or_else(missing)?;
                let id = root.id.hash().to_string();
                (root, Some(id))
            }
        };
        if let Some(state) = root.table(name)? {
            return Ok(Resolved::Table(BoundTable {
                db: db.to_string(),
                name: state.name.clone(),
                as_of: at,
                def: state.def.clone(),
                rows: state.view.primary.root.tree_count(),
            }));
        }
        if name.len() > 5
            && name.as_bytes()[..5].eq_ignore_ascii_case(b"dolt_")
            && let Some(t) = crate::dolt::table(self, &found, name, as_of)?
        {
            return Ok(Resolved::Virtual(t));
        }
        // A view's definition is that of the current root, whatever it is read as of.
        let views = self.root_of(&found)?.views()?;
        if let Some(v) = views.get(&name.to_lowercase()) {
            return Ok(Resolved::View {
                db: db.to_string(),
                as_of: None,
                text: v.query.clone(),
                columns: v.columns.clone(),
            });
        }
        Err(missing())
    }

    fn resolve_function(
        &self,
        db: Option<&str>,
        name: &str,
        args: &[Option<OwnedValue>],
    ) -> Result<Arc<dyn VirtualTable>> {
        let db = db.ok_or_else(Error::no_database)?;
        let found = self.resolve_database(db)?;
        crate::dolt::function(self, &found, name, args)?
            .ok_or_else(|| Error::general(format!("table function: '{name}' not found")))
    }

    fn access(&self) -> Option<Arc<Access>> {
        Session::access(self)
    }

    fn table_names(&self, db: &str) -> Result<Vec<String>> {
        Ok(self.root_of(&self.resolve_database(db)?)?.table_names())
    }

    fn current_database(&self) -> Option<String> {
        Session::current_database(self)
    }

    fn user_variable(&self, name: &str) -> OwnedValue {
        Session::user_variable(self, name)
    }

    fn system_variable(&self, scope: Option<ast::VarScope>, name: &str) -> Result<OwnedValue> {
        Session::system_variable(self, scope, name)
    }

    fn constant(&self, expr: &Expr) -> Result<OwnedValue> {
        let cx = Context::new(self, &[], Vec::new());
        let env = Env::new(0, None, &cx);
        Ok(expr.eval(&env)?.into_owned())
    }
}

/// A database name without its revision.
pub(crate) fn base_name(db: &str) -> &str {
    db.split(['/', '@']).next().unwrap_or(db)
}

fn same_types(a: &[SqlType], b: &[SqlType]) -> bool {
    // Lengths of texts do not change a plan.
    let class = |t: &SqlType| match t {
        SqlType::VarChar(_, c) | SqlType::Text(_, c) => Some(*c),
        _ => None,
    };
    a.len() == b.len()
        && a.iter().zip(b).all(|(x, y)| match (class(x), class(y)) {
            (Some(p), Some(q)) => p == q,
            (None, None) => x == y,
            _ => false,
        })
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
