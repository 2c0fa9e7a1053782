//! Walking the steps of a program.

use std::sync::Arc;

use syntax::ast::Statement;
use values::{OwnedValue, SqlType, Value};

use super::condition::{self, Condition, Level};
use super::{
    BlockCode, Code, ConditionTest, DiagnosticsCode, HandlerCode, Kind, Place, Program, SignalCode,
    StatementCode, Step,
};
use crate::bind::types::{Typed, compare_as};
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::exec;
use crate::expr::{CompareOp, Expr};
use crate::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use crate::session::Session;

/// How a step ended.
enum Outcome {
    Next,
    Leave(usize),
    Iterate(usize),
    /// RETURN; the value is kept by the run.
    Return,
}

/// An open cursor: its rows, as they were when it was opened.
struct OpenCursor {
    rows: Vec<Vec<OwnedValue>>,
    types: Vec<SqlType>,
    next: usize,
}

/// The handlers of a block that is active.
struct ActiveBlock {
    label: usize,
    handlers: Arc<Vec<HandlerCode>>,
}

/// Results of the statements in a procedure: rows go to the client, bare OKs do not.
struct ProgramSink<'a> {
    client: Option<&'a mut dyn ResultSink>,
    what: &'static str,
    in_rows: bool,
}

impl ResultSink for ProgramSink<'_> {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        self.in_rows = true;
        match &mut self.client {
            Some(sink) => sink.columns(columns),
            None => Err(Error::result_set_in(self.what)),
        }
    }
    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        match &mut self.client {
            Some(sink) => sink.row(row),
            None => Ok(Flow::Stop),
        }
    }
    fn done(&mut self, done: &Done, _: bool) -> Result<()> {
        if !std::mem::take(&mut self.in_rows) {
            return Ok(());
        }
        match &mut self.client {
            Some(sink) => sink.done(done, true),
            None => Ok(()),
        }
    }
}

struct Run<'s, 'k> {
    session: &'s Session,
    program: &'s Arc<Program>,
    blocks: Vec<ActiveBlock>,
    cursors: Vec<Option<OpenCursor>>,
    sink: ProgramSink<'k>,
    returned: Option<(OwnedValue, SqlType)>,
    /// Conditions whose handlers run now, with the warnings beside them.
    stacked: Vec<Vec<Condition>>,
}

/// Runs a program on a frame; gives the frame as it is at the end, and a function's value.
pub(crate) fn run(
    session: &Session,
    program: &Arc<Program>,
    db: &str,
    mut values: Vec<OwnedValue>,
    client: Option<&mut dyn ResultSink>,
) -> Result<(Vec<OwnedValue>, Option<(OwnedValue, SqlType)>)> {
    values.resize(program.slots.len(), Value::Null);
    let outer = session.enter_program(program, db, values)?;
    let mut run = Run {
        session,
        program,
        blocks: Vec::new(),
        cursors: (0..program.cursors.len()).map(|_| None).collect(),
        sink: ProgramSink {
            client,
            what: match program.kind {
                Kind::Trigger => "trigger",
                _ => "function",
            },
            in_rows: false,
        },
        returned: None,
        stacked: Vec::new(),
    };
    let result = run.steps(&program.body);
    let returned = run.returned.take();
    let values = session.leave_program(outer);
    result?;
    Ok((values, returned))
}

impl Run<'_, '_> {
    fn steps(&mut self, steps: &[Step]) -> Result<Outcome> {
        for step in steps {
            match self.step(step)? {
                Outcome::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Outcome::Next)
    }

    fn step(&mut self, step: &Step) -> Result<Outcome> {
        match step {
            Step::Block(b) => self.block(b),
            Step::If {
                branches,
                otherwise,
            } => {
                for (condition, body) in branches {
                    match self.holds(condition) {
                        Ok(true) => return self.steps(body),
                        Ok(false) => {}
                        Err(e) => return self.failed(e),
                    }
                }
                self.steps(otherwise)
            }
            Step::Case {
                operand,
                branches,
                otherwise,
            } => self.case(operand.as_ref(), branches, otherwise.as_deref()),
            Step::Loop { label, body } => loop {
                if let Some(end) = self.round(*label, body)? {
                    return Ok(end);
                }
            },
            Step::Repeat { label, body, until } => loop {
                if let Some(end) = self.round(*label, body)? {
                    return Ok(end);
                }
                match self.holds(until) {
                    Ok(true) => return Ok(Outcome::Next),
                    Ok(false) => {}
                    Err(e) => return self.failed(e),
                }
            },
            Step::While {
                label,
                condition,
                body,
            } => loop {
                match self.holds(condition) {
                    Ok(true) => {}
                    Ok(false) => return Ok(Outcome::Next),
                    Err(e) => return self.failed(e),
                }
                if let Some(end) = self.round(*label, body)? {
                    return Ok(end);
                }
            },
            Step::Leave(label) => Ok(Outcome::Leave(*label)),
            Step::Iterate(label) => Ok(Outcome::Iterate(*label)),
            Step::Return(code) => match self.value(code) {
                Ok(v) => {
                    self.returned = Some(v);
                    Ok(Outcome::Return)
                }
                Err(e) => self.failed(e),
            },
            Step::Assign { place, value } => {
                self.session.clear_diagnostics();
                let done = self
                    .value(value)
                    .and_then(|(v, ty)| self.assign(place, v, &ty));
                self.after(done)
            }
            Step::Open(n) => {
                let done = self.open(*n);
                self.after(done)
            }
            Step::Fetch { cursor, into } => {
                let done = self.fetch(*cursor, into);
                self.after(done)
            }
            Step::Close(n) => {
                let done = match self.cursors[*n].take() {
                    Some(_) => Ok(()),
                    None => Err(Error::cursor_not_open()),
                };
                self.after(done)
            }
            Step::Signal(s) => self.signal(s),
            Step::Diagnostics(d) => match self.diagnostics(d) {
                Ok(()) => Ok(Outcome::Next),
                Err(e) => self.failed(e),
            },
            Step::Sql(s) => {
                let done = self.statement(s);
                self.after(done)
            }
        }
    }

    /// One round of a loop: `Some` ends it.
    fn round(&mut self, label: usize, body: &[Step]) -> Result<Option<Outcome>> {
        self.session.check_interrupt()?;
        Ok(match self.steps(body)? {
            Outcome::Next => None,
            Outcome::Iterate(l) if l == label => None,
            Outcome::Leave(l) if l == label => Some(Outcome::Next),
            other => Some(other),
        })
    }

    fn block(&mut self, b: &BlockCode) -> Result<Outcome> {
        for (place, default) in &b.variables {
            let set = match default {
                None => Ok((Value::Null, SqlType::Null)),
                Some(code) => self.value(code),
            };
            let set = set.and_then(|(v, ty)| self.assign(&Place::Slot(*place), v, &ty));
            if let Err(e) = set {
                // The block's own handlers are not in force yet.
                return self.failed(e);
            }
        }
        let depth = self.blocks.len();
        self.blocks.push(ActiveBlock {
            label: b.label,
            handlers: b.handlers.clone(),
        });
        let result = self.steps(&b.body);
        self.blocks.truncate(depth);
        for cursor in &mut self.cursors[b.cursors.clone()] {
            *cursor = None;
        }
        Ok(match result? {
            Outcome::Leave(l) if l == b.label => Outcome::Next,
            other => other,
        })
    }

    fn case(
        &mut self,
        operand: Option<&Code>,
        branches: &[(Code, Vec<Step>)],
        otherwise: Option<&[Step]>,
    ) -> Result<Outcome> {
        let left = match operand.map(|code| self.value(code)).transpose() {
            Ok(v) => v,
            Err(e) => return self.failed(e),
        };
        for (code, body) in branches {
            let holds = match &left {
                None => self.holds(code),
                Some(left) => self.value(code).and_then(|right| self.equal(left, right)),
            };
            match holds {
                Ok(true) => return self.steps(body),
                Ok(false) => {}
                Err(e) => return self.failed(e),
            }
        }
        match otherwise {
            Some(steps) => self.steps(steps),
            None => self.failed(Error::case_not_found()),
        }
    }

    fn equal(&self, left: &(OwnedValue, SqlType), right: (OwnedValue, SqlType)) -> Result<bool> {
        let typed = |(v, ty): (OwnedValue, SqlType)| Typed::new(Expr::Literal(v), ty, true);
        let (a, b) = (typed(left.clone()), typed(right));
        let kind = compare_as(&a, &b, self.session.modes().connection)?;
        let e = Expr::Compare {
            op: CompareOp::Eq,
            kind,
            left: Box::new(a.expr),
            right: Box::new(b.expr),
        };
        let cx = Context::new(self.session, &[], Vec::new());
        Ok(e.truth(&Env::new(0, None, &cx))? == Some(true))
    }

    // Values.

    fn value(&self, code: &Code) -> Result<(OwnedValue, SqlType)> {
        self.session.evaluate(code)
    }

    fn holds(&self, code: &Code) -> Result<bool> {
        let (v, ty) = self.value(code)?;
        let e = Expr::Literal(v);
        let _ = ty;
        let cx = Context::new(self.session, &[], Vec::new());
        Ok(e.truth(&Env::new(0, None, &cx))? == Some(true))
    }

    fn assign(&self, place: &Place, v: OwnedValue, ty: &SqlType) -> Result<()> {
        self.session.assign(place, v, ty)
    }

    // Statements.

    fn statement(&mut self, s: &StatementCode) -> Result<()> {
        let session = self.session;
        session.check_interrupt()?;
        session.set_scope(&s.scope);
        if !matches!(&*s.statement, Statement::Show(_)) {
            session.clear_diagnostics();
        }
        if matches!(
            &*s.statement,
            Statement::Query(_)
                | Statement::Insert(_)
                | Statement::Update(_)
                | Statement::Delete(_)
        ) {
            session.set_plan_key(&s.key);
        }
        let result = session.statement(&s.statement, &s.text, &[], &mut self.sink, true);
        self.sink.in_rows = false;
        session.forget_plan_key();
        let ended = session.end_of_statement(result.is_err());
        result.and(ended)
    }

    fn open(&mut self, n: usize) -> Result<()> {
        if self.cursors[n].is_some() {
            return Err(Error::cursor_already_open());
        }
        let session = self.session;
        let code = &self.program.cursors[n].query;
        session.set_scope(&code.scope);
        session.set_plan_key(&code.key);
        let mut rows = Rows::default();
        let result = session.statement(&code.statement, &code.text, &[], &mut rows, true);
        session.forget_plan_key();
        session.end_of_statement(result.is_err())?;
        result?;
        self.cursors[n] = Some(OpenCursor {
            rows: rows.rows,
            types: rows.types,
            next: 0,
        });
        Ok(())
    }

    fn fetch(&mut self, n: usize, into: &[Place]) -> Result<()> {
        self.session.clear_diagnostics();
        let Some(cursor) = &mut self.cursors[n] else {
            return Err(Error::cursor_not_open());
        };
        if cursor.types.len() != into.len() {
            return Err(Error::fetch_count());
        }
        let Some(row) = cursor.rows.get_mut(cursor.next) else {
            return Err(Error::no_data());
        };
        let row = std::mem::take(row);
        cursor.next += 1;
        let types = cursor.types.clone();
        for ((place, v), ty) in into.iter().zip(row).zip(&types) {
            self.assign(place, v, ty)?;
        }
        Ok(())
    }

    // Conditions.

    /// The end of a simple step: its warnings may have a handler too.
    fn after(&mut self, done: Result<()>) -> Result<Outcome> {
        match done {
            Err(e) => self.failed(e),
            Ok(()) => {
                let handled = self.blocks.iter().any(|b| !b.handlers.is_empty());
                if handled && self.session.warning_count() > 0 {
                    let warnings = self.session.conditions();
                    if let Some(last) = warnings.last()
                        && self.handler(last).is_some()
                    {
                        return self.handle(last.clone(), warnings);
                    }
                }
                Ok(Outcome::Next)
            }
        }
    }

    fn failed(&mut self, e: Error) -> Result<Outcome> {
        let mut all = self.session.conditions();
        let condition = self.session.raised(&e);
        all.retain(|c| c.level != Level::Error);
        all.push(condition.clone());
        match condition.error.code {
            // A killed statement ends the program.
            1317 => Err(e),
            _ if self.handler(&condition).is_none() => Err(e),
            _ => self.handle(condition, all),
        }
    }

    /// The block whose handler takes a condition, and the handler.
    fn handler(&self, c: &Condition) -> Option<(usize, usize)> {
        for (depth, block) in self.blocks.iter().enumerate().rev() {
            let best = block
                .handlers
                .iter()
                .enumerate()
                .filter_map(|(i, h)| {
                    Some((h.conditions.iter().filter_map(|t| t.fits(c)).min()?, i))
                })
                .min();
            if let Some((_, i)) = best {
                return Some((depth, i));
            }
        }
        None
    }

    fn handle(&mut self, condition: Condition, all: Vec<Condition>) -> Result<Outcome> {
        let Some((depth, i)) = self.handler(&condition) else {
            return Err(condition.error);
        };
        let label = self.blocks[depth].label;
        let handlers = self.blocks[depth].handlers.clone();
        let handler = &handlers[i];
        // While it runs, neither its own block's handlers nor inner ones are in force.
        let hidden = self.blocks.split_off(depth);
        self.session.set_conditions(all.clone());
        self.stacked.push(all);
        let result = self.steps(&handler.body);
        self.stacked.pop();
        self.blocks.truncate(depth);
        self.blocks.extend(hidden);
        let outcome = result?;
        self.session.clear_diagnostics();
        Ok(match outcome {
            Outcome::Next if handler.exits => Outcome::Leave(label),
            other => other,
        })
    }

    fn signal(&mut self, s: &SignalCode) -> Result<Outcome> {
        let condition = self.condition_to_raise(s);
        let condition = match condition {
            Ok(c) => c,
            Err(e) => return self.failed(e),
        };
        if !s.again {
            self.session.clear_diagnostics();
        }
        if condition.level != Level::Error {
            self.session.push_condition(condition);
            return self.after(Ok(()));
        }
        let error = condition.error.clone();
        self.session.set_raised(condition);
        self.failed(error)
    }

    fn condition_to_raise(&mut self, s: &SignalCode) -> Result<Condition> {
        let mut c = match &s.condition {
            Some(ConditionTest::State(state)) => match self.stacked.last().and_then(|l| l.last()) {
                // RESIGNAL of another state keeps the items.
                Some(old) if s.again => {
                    let mut c = condition::signalled(*state);
                    c.error.message = old.error.message.clone();
                    c.error.code = old.error.code;
                    c.items = old.items.clone();
                    c
                }
                None if s.again => return Err(Error::inactive_handler()),
                _ => condition::signalled(*state),
            },
            Some(_) => return Err(Error::general("SIGNAL needs a SQLSTATE")),
            None => self
                .stacked
                .last()
                .and_then(|l| l.last())
                .cloned()
                .ok_or_else(Error::inactive_handler)?,
        };
        for (name, code) in &s.set {
            let (v, ty) = self.value(code)?;
            condition::set_item(&mut c, name, &plain(v, &ty))?;
        }
        Ok(c)
    }

    fn diagnostics(&mut self, d: &DiagnosticsCode) -> Result<()> {
        let list = match d.stacked {
            false => self.session.conditions(),
            true => self.stacked.last().cloned().ok_or_else(Error::no_handler)?,
        };
        let number = match &d.condition {
            None => None,
            Some(code) => Some(self.value(code)?.0),
        };
        for (place, v) in read_diagnostics(self.session, &list, number, &d.items)? {
            let ty = crate::bind::type_of_value(&v, self.session.modes().connection);
            self.assign(&place, v, &ty)?;
        }
        Ok(())
    }
}

/// The values that GET DIAGNOSTICS asks for.
pub(crate) fn read_diagnostics(
    session: &Session,
    list: &[Condition],
    number: Option<OwnedValue>,
    items: &[(Place, Box<str>)],
) -> Result<Vec<(Place, OwnedValue)>> {
    let mut out = Vec::with_capacity(items.len());
    let condition = match &number {
        None => None,
        Some(n) => {
            let n: usize = crate::convert::to_string(n).parse().unwrap_or(0);
            let found = n.checked_sub(1).and_then(|i| list.get(i));
            Some(found.ok_or_else(Error::invalid_condition_number)?)
        }
    };
    for (place, name) in items {
        let v = match condition {
            Some(c) => c.item(name)?,
            None => match &**name {
                "NUMBER" => Value::Int(list.len() as i64),
                "ROW_COUNT" => Value::Int(session.row_count()),
                other => {
                    return Err(Error::general(format!(
                        "'{other}' is no statement information item"
                    )));
                }
            },
        };
        out.push((place.clone(), v));
    }
    Ok(out)
}

/// ENUM and SET as their text, for variables that have no type of their own.
pub(crate) fn plain(v: OwnedValue, ty: &SqlType) -> OwnedValue {
    match ty {
        SqlType::Enum(..) | SqlType::Set(..) if !v.is_null() => {
            let mut out = Vec::new();
            values::render_text(&v, ty, &mut out);
            Value::Bytes(out.into())
        }
        _ => v,
    }
}

/// Rows of a query, kept.
#[derive(Default)]
struct Rows {
    types: Vec<SqlType>,
    rows: Vec<Vec<OwnedValue>>,
}

impl ResultSink for Rows {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        self.types = columns.iter().map(|c| c.ty.clone()).collect();
        Ok(())
    }
    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        self.rows.push(exec::owned(row)?);
        Ok(Flow::Continue)
    }
    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        Ok(())
    }
}
