//! CALL of a stored procedure, and stored functions in expressions.

use std::sync::Arc;

use syntax::ast::{self, ParamMode};
use values::{OwnedValue, SqlType, Value};

use super::stored::StoredProgram;
use super::{Place, Program, Row};
use crate::bind::Binder;
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::result::{Done, ResultSink};
use crate::session::Session;

/// A call of a stored function.
#[derive(Debug)]
pub struct FunctionCall {
    pub(crate) program: Arc<Program>,
    /// Database, with its revision, in which it runs.
    pub(crate) db: String,
    /// Arguments with their types.
    pub(crate) args: Vec<(Expr, SqlType)>,
    /// Whether it gives the same value for the same arguments.
    pub(crate) deterministic: bool,
}

impl FunctionCall {
    /// Type of the value.
    pub fn ty(&self) -> SqlType {
        self.program.returns.clone().unwrap_or(SqlType::Null)
    }

    /// Runs the function.
    pub fn eval(&self, env: &Env<'_>) -> Result<OwnedValue> {
        let session = env.cx.session;
        let mut values = Vec::with_capacity(self.args.len());
        for ((e, from), slot) in self.args.iter().zip(&self.program.slots) {
            let v = e.eval(env)?.into_owned();
            values.push(session.converted(v, from, &slot.ty, &slot.name)?);
        }
        let used = session.use_tables(env.cx.opened());
        let ran = super::run::run(session, &self.program, &self.db, values, None);
        session.release_tables(used);
        let (_, returned) = ran?;
        let (v, from) = returned.ok_or_else(|| Error::function_ended(&self.program.name))?;
        session.converted(v, &from, &self.ty(), &self.program.name)
    }
}

/// Whether a routine says that it is deterministic.
pub(crate) fn is_deterministic(r: &ast::CreateRoutine) -> bool {
    r.characteristics
        .iter()
        .any(|c| matches!(c, ast::Characteristic::Deterministic(true)))
}

impl Session {
    /// The variable that an OUT argument names.
    pub(crate) fn variable_of(&self, e: &ast::Expr) -> Option<Place> {
        match e {
            ast::Expr::UserVar(name) => Some(Place::User(name.clone())),
            ast::Expr::Column(c) if c.db.is_none() => {
                let row = match &c.table {
                    None => None,
                    Some(t) => Some(Row::named(t).filter(|r| *r == Row::New)?),
                };
                let scope = self.scope()?;
                scope.find(row, &c.name).map(|l| Place::Slot(l.place))
            }
            _ => None,
        }
    }

    /// Assigns to a variable.
    pub(crate) fn assign(&self, place: &Place, v: OwnedValue, ty: &SqlType) -> Result<()> {
        match place {
            Place::User(name) => {
                self.set_user_variable(name, super::run::plain(v, ty));
                Ok(())
            }
            Place::Slot(n) => self.set_local(*n, v, ty),
        }
    }
}

/// Runs CALL of a stored procedure.
pub(crate) fn call(
    session: &Session,
    stored: &StoredProgram,
    db: &str,
    call: &ast::Call,
    text: &[u8],
    params: &[OwnedValue],
    sink: &mut dyn ResultSink,
    more: bool,
) -> Result<()> {
    let collation = session
        .resolve_database(db)
        .and_then(|d| session.root_of(&d))?
        .root
        .collation();
    let program = stored.program(collation, None)?;
    let shown = format!("{}.{}", stored.db, stored.name);
    if call.args.len() != program.params.len() {
        return Err(Error::routine_arguments(
            "PROCEDURE",
            shown,
            program.params.len(),
            call.args.len(),
        ));
    }
    let modes = session.modes();
    let types: Vec<SqlType> = params
        .iter()
        .map(|v| crate::bind::type_of_value(v, modes.connection))
        .collect();
    let mut values = Vec::with_capacity(call.args.len());
    let mut out = Vec::new();
    for (n, (e, p)) in call.args.iter().zip(&program.params).enumerate() {
        let slot = &program.slots[n];
        if p.mode != ParamMode::In {
            let place = session
                .variable_of(e)
                .ok_or_else(|| Error::not_a_variable(n + 1, &shown))?;
            out.push((n, place));
        }
        if p.mode == ParamMode::Out {
            values.push(Value::Null);
            continue;
        }
        let mut binder = Binder::new(session, &modes, text).with_params(&types, params);
        let t = binder.bind_alone(e)?;
        let views = session.open_views(&binder.tables, false)?;
        let cx = Context::new(session, params, views);
        let v = t.expr.eval(&Env::new(0, None, &cx))?.into_owned();
        values.push(session.converted(v, &t.ty, &slot.ty, &slot.name)?);
    }
    let as_of = match &call.as_of {
        None => None,
        Some(e) => {
            let t = Binder::new(session, &modes, text).bind_alone(e)?;
            let cx = Context::new(session, params, Vec::new());
            Some(t.expr.eval(&Env::new(0, None, &cx))?.into_owned())
        }
    };
    let around = as_of.map(|v| session.call_as_of.replace(Some(v)));
    // A procedure in a function or trigger is part of that statement, and shows nothing.
    let ran = match session.depth.get() {
        0 => super::run::run(session, &program, db, values, Some(&mut *sink)),
        _ => super::run::run(session, &program, db, values, None),
    };
    if let Some(v) = around {
        session.call_as_of.replace(v);
    }
    let (values, _) = ran?;
    for (n, place) in out {
        session.assign(&place, values[n].clone(), &program.slots[n].ty)?;
    }
    let affected_rows = session.row_count().max(0) as u64;
    let done = Done {
        affected_rows,
        ..Done::default()
    };
    session.done(sink, done, more)
}
