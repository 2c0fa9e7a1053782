//! INSERT, REPLACE, UPDATE and DELETE as statements: plan, run, undo on failure, commit.

use std::cell::RefMut;
use std::sync::Arc;
use std::time::Duration;

use syntax::ast::Statement;
use values::{OwnedValue, Value};

use crate::bind::BoundTable;
use crate::bind::dml::InsertPlan;
use crate::branch_control::Permissions;
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::exec;
use crate::plan_cache::{CachedPlan, CachedPlanKind};
use crate::result::{ColumnMeta, Done, ResultSink};
use crate::row_locks::Patience;
use crate::session::{DbRef, Revision, Session};
use crate::transaction::{Locking, Transaction, branch_key, serialization_failure};
use crate::write::{self, Target};

/// How often a statement that is a transaction runs again because others were faster.
const MOST_RERUNS: usize = 100;

impl Session {
    /// Runs a statement that changes rows.
    ///
    /// In MySQL, whoever changes a row waits for those who change it already, and then sees what
    /// they made of it. A statement that is a transaction of its own gets the same: when another
    /// transaction has changed its rows before it could commit, it runs again on what there is.
    /// In a transaction of several statements, changes are merged at COMMIT. Neither takes locks
    /// unless somebody holds those of a locking read: docs/decisions/row-locks.md.
    pub(crate) fn data_change(
        &self,
        s: &Statement,
        text: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        if self.depth.get() > 0 || self.open_transaction().explicit {
            return self.change_locked(s, text, params, sink, more);
        }
        let variables = self.user_variables.borrow().clone();
        for _ in 0..MOST_RERUNS {
            self.open_transaction().runs_again = true;
            match self.change_locked(s, text, params, sink, more) {
                Err(e) if e == serialization_failure() => {}
                done => return done,
            }
            self.check_interrupt()?;
            // Nothing of the attempt remains.
            self.rollback_transaction();
            self.set_warnings(Vec::new(), 0);
            self.user_variables.borrow_mut().clone_from(&variables);
            self.hold_pin();
        }
        self.change_locked(s, text, params, sink, more)
    }

    /// Runs a statement. If it is to lock the rows which it changes, it runs again when one of them
    /// is not as it was when it was read.
    fn change_locked(
        &self,
        s: &Statement,
        text: &[u8],
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        let Some(locking) = self.locking(None) else {
            return self.change_rows(s, text, params, sink, more);
        };
        self.locked_statement(locking, || self.change_rows(s, text, params, sink, more))
    }

    /// How the next statement locks rows, if it does; `patience` is that of a locking read.
    pub(crate) fn locking(&self, patience: Option<Patience>) -> Option<Locking> {
        let tx = self.open_transaction();
        let brief = match patience {
            // What a read has locked ends with its transaction.
            Some(_) => !tx.explicit && self.depth.get() == 0,
            None => tx.runs_again,
        };
        // Changes alone lock nothing: they are merged at COMMIT. Beside locking reads they do.
        if (brief || patience.is_none()) && !self.instance.row_locks.are_held() {
            return None;
        }
        drop(tx);
        Some(Locking {
            patience: patience.unwrap_or_else(|| self.lock_wait()),
            lasting: !brief,
        })
    }

    /// `innodb_lock_wait_timeout`.
    pub(crate) fn lock_wait(&self) -> Patience {
        let seconds = match self.variable("innodb_lock_wait_timeout") {
            Value::Int(n) => n.max(1) as u64,
            Value::UInt(n) => n.max(1),
            _ => 1,
        };
        Patience::Waits(Duration::from_secs(seconds))
    }

    /// Runs a statement that locks rows, again if a row that it has locked is not as it read it.
    pub(crate) fn locked_statement(
        &self,
        locking: Locking,
        mut run: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let variables = self.user_variables.borrow().clone();
        let around = self.open_transaction().locking;
        let mut attempts = 0;
        let done = loop {
            self.open_transaction().locking = Some(locking);
            match run() {
                Err(e) if e == Error::row_changed() => {}
                done => break done,
            }
            attempts += 1;
            if attempts == MOST_RERUNS {
                break Err(Error::deadlock());
            }
            if let Err(e) = self.check_interrupt() {
                break Err(e);
            }
            // The locks stay, so that each attempt gets further.
            self.set_warnings(Vec::new(), 0);
            self.user_variables.borrow_mut().clone_from(&variables);
            if let Err(e) = self.refresh_branches() {
                break Err(e);
            }
        };
        if let Some(tx) = &mut *self.transaction.borrow_mut() {
            tx.locking = around;
        }
        if done == Err(Error::deadlock()) {
            self.rollback_transaction();
        }
        done
    }

    /// Lets the next statement work on what is committed now.
    fn refresh_branches(&self) -> Result<()> {
        let mut tx = self.open_transaction();
        for b in tx.branches.values_mut() {
            b.refresh()?;
        }
        Ok(())
    }

    fn change_rows(
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
        // Names are resolved against the newest committed state, which is what is written on; what
        // a function or trigger changes belongs to the statement around it.
        if self.depth.get() == 0 {
            self.refresh_branches()?;
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
        let tables = plan.tables();
        if self.depth.get() > 0 {
            for n in changed_tables(&plan) {
                let t = &tables[n];
                self.check_not_in_use(&t.def.db, &t.def.name)?;
            }
        }
        for (number, removes) in plan.written() {
            let db = self.resolve_database(&tables[number].db)?;
            if matches!(db.revision, Revision::Branch(_)) {
                crate::ddl::resolve_before_write(self, &db, &tables[number].name, removes)?;
            }
        }
        let views = self.open_views(tables, true)?;
        let cx = Context::new(self, params, views);
        cx.ignores.set(match &*plan {
            CachedPlan::Insert(p) => p.plan.ignore,
            CachedPlan::Update(p) => p.plan.ignore,
            CachedPlan::Delete(p) => p.plan.ignore,
            CachedPlan::Query(_) | CachedPlan::Expression(_) => false,
        });
        let target = |number: usize| -> Result<Target> { self.write_target(&tables[number]) };
        let mark = self.open_transaction().mark();
        let result = match &*plan {
            CachedPlan::Insert(p) => target(p.plan.table).and_then(|t| {
                let mut tx = self.take_transaction();
                let r = write::insert(&p.plan, &t, &mut tx, &cx, self.counts_found_rows());
                self.put_transaction(tx);
                r.map(|i| self.inserted(&p.plan, i))
            }),
            CachedPlan::Update(p) => {
                let targets: Result<Vec<_>> =
                    p.plan.targets.iter().map(|t| target(t.table)).collect();
                targets.and_then(|targets| {
                    let mut tx = self.take_transaction();
                    let r = write::update(&p.plan, &targets, &mut tx, &cx);
                    self.put_transaction(tx);
                    r.map(|c| (self.updated(&c, &cx), None))
                })
            }
            CachedPlan::Delete(p) => {
                let targets: Result<Vec<_>> =
                    p.plan.targets.iter().map(|t| target(t.table)).collect();
                targets.and_then(|targets| {
                    let mut tx = self.take_transaction();
                    let r = write::delete(&p.plan, &targets, &mut tx, &cx);
                    self.put_transaction(tx);
                    let done = |affected_rows| Done {
                        affected_rows,
                        ..Done::default()
                    };
                    r.map(|c| (done(c.affected), None))
                })
            }
            CachedPlan::Query(_) | CachedPlan::Expression(_) => {
                Err(Error::general("statement has no plan"))
            }
        };
        self.take_warnings(&cx);
        let (done, returned) = match result {
            Ok(done) => done,
            Err(e) => {
                self.open_transaction().undo_to(mark);
                return Err(e);
            }
        };
        self.open_transaction().end_statement(mark);
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

    /// What UPDATE tells the client.
    fn updated(&self, c: &write::Counts, cx: &Context<'_>) -> Done {
        Done {
            affected_rows: match self.counts_found_rows() {
                true => c.matched,
                false => c.affected,
            },
            info: format!(
                "Rows matched: {}  Changed: {}  Warnings: {}",
                c.matched,
                c.affected,
                cx.conversion.warning_count()
            ),
            ..Done::default()
        }
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
            crate::bind::dml::InsertRows::Literals(rows) => rows.len() > 1,
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
            Revision::Branch(branch) if t.as_of.is_none() => {
                self.require_on_branch(&db.handle, &branch, Permissions::WRITE)?;
                Ok(Target::new(db.handle, branch, t.def.name.clone()))
            }
            _ => Err(Error::general(format!(
                "Database {} is read-only.",
                db.name
            ))),
        }
    }

    pub(crate) fn take_transaction(&self) -> Transaction {
        self.open_transaction();
        self.transaction.borrow_mut().take().unwrap_or_default()
    }

    pub(crate) fn put_transaction(&self, tx: Transaction) {
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
        let key = branch_key(&db.handle.key, branch);
        RefMut::filter_map(tx, |t| t.branches.get_mut(&key))
            .map_err(|_| Error::general("branch is not open"))
    }
}

/// Numbers of the tables that a plan changes.
fn changed_tables(plan: &CachedPlan) -> Vec<usize> {
    match plan {
        CachedPlan::Insert(p) => vec![p.plan.table],
        CachedPlan::Update(p) => p.plan.targets.iter().map(|t| t.table).collect(),
        CachedPlan::Delete(p) => p.plan.targets.iter().map(|t| t.table).collect(),
        CachedPlan::Query(_) | CachedPlan::Expression(_) => Vec::new(),
    }
}
