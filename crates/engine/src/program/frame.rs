//! What a session keeps for programs that run: frames, conditions, and the tables in use.

use std::sync::Arc;

use values::{OwnedValue, SqlType, Value, conversion};

use super::condition::Condition;
use super::{Code, Frame, Kind, Program, Scope};
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::session::{Revision, Session};
use crate::view::TableView;

/// What a session sets aside while a program runs.
pub(crate) struct Outer {
    frame: Frame,
    sql_mode: Option<Option<OwnedValue>>,
    database: Option<Option<String>>,
    raised: Option<Condition>,
    /// LAST_INSERT_ID(), ROW_COUNT() and FOUND_ROWS() of the statement around a function or trigger.
    around: Option<(u64, i64, u64)>,
}

impl Session {
    /// Begins a program on its frame; what was there before is given back to [`Self::leave_program`].
    pub(crate) fn enter_program(
        &self,
        program: &Arc<Program>,
        db: &str,
        values: Vec<OwnedValue>,
    ) -> Result<Outer> {
        let mut active = self.active.borrow_mut();
        if active.len() >= super::DEEPEST {
            return Err(Error::nesting_exceeded());
        }
        let same = active.iter().filter(|p| p.is(program)).count() as u64;
        match program.kind {
            Kind::Function if same > 0 => return Err(Error::function_recursion()),
            Kind::Procedure if same > 0 => {
                let limit = match self.variable("max_sp_recursion_depth") {
                    Value::Int(n) => n as u64,
                    Value::UInt(n) => n,
                    _ => 0,
                };
                if same > limit {
                    return Err(Error::recursion_exceeded(limit, &program.name));
                }
            }
            _ => {}
        }
        if let (Some(definer), Some(accounts)) = (&program.definer, &self.instance.accounts)
            && !program.invoker
            && !accounts.exists(definer)
        {
            return Err(Error::definer_missing(&definer.user, &definer.host));
        }
        active.push(program.clone());
        drop(active);
        // Functions and triggers are part of the statement that runs them.
        let atomic = program.kind != Kind::Procedure;
        let around = atomic.then(|| {
            self.depth.set(self.depth.get() + 1);
            (
                self.last_insert_id(),
                self.row_count(),
                self.found_rows.get(),
            )
        });
        let frame = Frame {
            values,
            program: Some(program.clone()),
            scope: None,
        };
        let elsewhere = self.current_database().as_deref() != Some(db);
        Ok(Outer {
            frame: self.frame.replace(frame),
            sql_mode: self.switch_sql_mode(&program.sql_mode),
            database: elsewhere.then(|| self.exchange_database(Some(db.to_string()))),
            raised: self.raised.take(),
            around,
        })
    }

    /// Ends a program; gives its frame's values.
    pub(crate) fn leave_program(&self, outer: Outer) -> Vec<OwnedValue> {
        self.active.borrow_mut().pop();
        if let Some((id, rows, found)) = outer.around {
            self.depth.set(self.depth.get() - 1);
            self.set_last_insert_id(id);
            self.set_row_count(rows);
            self.found_rows.set(found);
        }
        if let Some(mode) = outer.sql_mode {
            self.exchange_sql_mode(mode);
        }
        if let Some(db) = outer.database {
            self.exchange_database(db);
        }
        if self.raised.borrow().is_none() {
            *self.raised.borrow_mut() = outer.raised;
        }
        self.frame.replace(outer.frame).values
    }

    /// The names that the next statement sees.
    pub(crate) fn set_scope(&self, scope: &Arc<Scope>) {
        self.frame.borrow_mut().scope = Some(scope.clone());
    }

    /// Forgets the names of a program that does not run.
    pub(crate) fn forget_scope(&self) {
        self.frame.borrow_mut().scope = None;
    }

    /// A variable of the running program.
    pub fn local(&self, place: usize) -> OwnedValue {
        let frame = self.frame.borrow();
        frame.values.get(place).cloned().unwrap_or(Value::Null)
    }

    /// Assigns to a variable of the running program, converting to its type.
    pub(crate) fn set_local(&self, place: usize, v: OwnedValue, from: &SqlType) -> Result<()> {
        let program = self.frame.borrow().program.clone();
        let Some(slot) = program.as_ref().and_then(|p| p.slots.get(place)) else {
            return Err(Error::general("assignment outside of a program"));
        };
        let v = self.converted(v, from, &slot.ty, &slot.name)?;
        if let Some(value) = self.frame.borrow_mut().values.get_mut(place) {
            *value = v;
        }
        Ok(())
    }

    /// A value as a variable or parameter of a type holds it.
    pub(crate) fn converted(
        &self,
        v: OwnedValue,
        from: &SqlType,
        to: &SqlType,
        name: &str,
    ) -> Result<OwnedValue> {
        if v.is_null() {
            return Ok(Value::Null);
        }
        let cx = conversion::Context::new(self.conversion_modes());
        match conversion::store(&v, from, to, &cx) {
            Ok(v) => {
                let (list, count) = cx.take_warnings();
                if count > 0 {
                    self.set_warnings(list, count);
                }
                Ok(v)
            }
            Err(e) => {
                let text = e.text(name, 1);
                match e.adjusted.clone() {
                    Some(v) if !cx.modes.strict => {
                        self.push_warning(e.code(), text);
                        Ok(v)
                    }
                    _ => Err(Error::new(e.code(), e.sqlstate(), text)),
                }
            }
        }
    }

    /// An expression of a program, planned once and evaluated now.
    pub(crate) fn evaluate(&self, code: &Code) -> Result<(OwnedValue, SqlType)> {
        self.set_scope(&code.scope);
        self.set_plan_key(&code.key);
        let planned = self.plan_expression(&code.source, &code.expr);
        self.forget_plan_key();
        let planned = planned?;
        let planned = planned.expression()?;
        let views = self.open_views(&planned.tables, false)?;
        let cx = Context::new(self, &[], views);
        let v = planned
            .plan
            .expr
            .eval(&Env::new(0, None, &cx))?
            .into_owned();
        self.take_warnings(&cx);
        Ok((v, planned.plan.ty.clone()))
    }

    fn switch_sql_mode(&self, mode: &str) -> Option<Option<OwnedValue>> {
        let now = self.variable("sql_mode");
        if matches!(&now, Value::Bytes(b) if **b == *mode.as_bytes()) {
            return None;
        }
        Some(self.exchange_sql_mode(Some(Value::text(mode))))
    }

    /// What an error tells, with the items that SIGNAL gave it.
    pub(crate) fn raised(&self, e: &Error) -> Condition {
        match self.raised.borrow().as_ref() {
            Some(c) if c.error == *e => c.clone(),
            _ => Condition::of_error(e.clone()),
        }
    }

    pub(crate) fn set_raised(&self, c: Condition) {
        *self.raised.borrow_mut() = Some(c);
    }

    /// The conditions that the last statement left, in the order in which they came.
    pub(crate) fn conditions(&self) -> Vec<Condition> {
        self.diagnostics.borrow().clone()
    }

    pub(crate) fn set_conditions(&self, list: Vec<Condition>) {
        self.condition_count.set(list.len() as u64);
        *self.diagnostics.borrow_mut() = list;
    }

    pub(crate) fn push_condition(&self, c: Condition) {
        self.diagnostics.borrow_mut().push(c);
        self.condition_count.set(self.condition_count.get() + 1);
    }

    pub(crate) fn clear_diagnostics(&self) {
        self.set_conditions(Vec::new());
    }

    /// The names that the running statement of a program sees.
    pub(crate) fn scope(&self) -> Option<Arc<Scope>> {
        self.frame.borrow().scope.clone()
    }

    /// The key under which the next statement's plan is kept, instead of its text.
    pub(crate) fn set_plan_key(&self, key: &Arc<[u8]>) {
        *self.plan_key.borrow_mut() = Some(key.clone());
    }

    pub(crate) fn forget_plan_key(&self) {
        *self.plan_key.borrow_mut() = None;
    }

    /// Sets the session's sql_mode; gives what was there.
    fn exchange_sql_mode(&self, mode: Option<OwnedValue>) -> Option<OwnedValue> {
        let mut variables = self.variables.borrow_mut();
        let old = match mode {
            Some(v) => variables.insert("sql_mode".into(), v),
            None => variables.remove("sql_mode"),
        };
        drop(variables);
        self.variables_changed();
        old
    }

    fn exchange_database(&self, db: Option<String>) -> Option<String> {
        self.database.replace(db)
    }

    /// The name under which statements reach a branch from where the session stands.
    pub(crate) fn name_of_branch(
        &self,
        handle: &Arc<crate::database::DatabaseHandle>,
        branch: &str,
    ) -> String {
        if let Some(now) = self.current_database()
            && let Ok(db) = self.resolve_database(&now)
            && Arc::ptr_eq(&db.handle, handle)
            && db.revision == Revision::Branch(branch.to_string())
        {
            return now;
        }
        format!("{}/{branch}", handle.name)
    }

    /// Notes the tables of the statement that runs a function or trigger, which may not change them.
    pub(crate) fn use_tables(&self, views: &[TableView]) -> usize {
        let mut used = self.in_use.borrow_mut();
        let before = used.len();
        for v in views {
            used.push((v.def.db.clone(), v.def.name.clone()));
        }
        before
    }

    pub(crate) fn release_tables(&self, before: usize) {
        self.in_use.borrow_mut().truncate(before);
    }

    /// Fails when a statement of a function or trigger would change a table that is in use.
    pub(crate) fn check_not_in_use(&self, db: &str, table: &str) -> Result<()> {
        let used = self.in_use.borrow();
        let same =
            |(d, t): &(String, String)| d.eq_ignore_ascii_case(db) && t.eq_ignore_ascii_case(table);
        match used.iter().any(same) {
            true => Err(Error::table_in_use(table)),
            false => Ok(()),
        }
    }
}
