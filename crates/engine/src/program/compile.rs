//! From the tree of a body to steps: names become slots, labels numbers, and what a program of its
//! kind may not do is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use syntax::ast::{
    self, Body, Declaration, Expr, IntoTarget, ProgramStatement, SelectInto, SetItem, SetTarget,
    Statement,
};
use values::{CollationId, SqlType};

use super::condition::ConditionTest;
use super::{
    BlockCode, Code, CursorCode, DiagnosticsCode, HandlerCode, Local, Param, Place, Program, Row,
    Scope, SignalCode, Slot, StatementCode, Step,
};
use crate::accounts::AccountName;
use crate::bind::Binder;
use crate::ddl::types::column_type;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::table::TableDef;

/// What a program is, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Procedure,
    Function,
    Trigger,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Procedure => "procedure",
            Kind::Function => "function",
            Kind::Trigger => "trigger",
        }
    }
}

/// What a body is compiled from.
pub(crate) struct Source<'a> {
    /// The whole CREATE statement, which spans refer to.
    pub text: Arc<[u8]>,
    pub statement: &'a Statement,
    pub sql_mode: &'a str,
    pub db: &'a str,
    /// Collation of the database, for text variables.
    pub collation: CollationId,
    /// The table of a trigger.
    pub table: Option<&'a TableDef>,
}

static NEXT_PROGRAM: AtomicU64 = AtomicU64::new(1);

struct Label {
    name: Option<String>,
    number: usize,
    loops: bool,
}

struct Compiler<'a> {
    source: &'a Source<'a>,
    options: syntax::Options,
    kind: Kind,
    id: u64,
    keys: u32,
    slots: Vec<Slot>,
    scope: Scope,
    shared: Option<Arc<Scope>>,
    labels: Vec<Label>,
    next_label: usize,
    cursors: Vec<CursorCode>,
    cursor_names: Vec<(String, usize)>,
    conditions: Vec<(String, ConditionTest)>,
    trigger: Option<(ast::TriggerTime, ast::TriggerEvent)>,
    returns: bool,
}

/// The parser's options under a stored sql_mode.
pub(crate) fn options_of(sql_mode: &str) -> syntax::Options {
    let has = |m: &str| sql_mode.split(',').any(|w| w.eq_ignore_ascii_case(m));
    let ansi = has("ANSI");
    syntax::Options {
        ansi_quotes: ansi || has("ANSI_QUOTES"),
        pipes_as_concat: ansi || has("PIPES_AS_CONCAT"),
        no_backslash_escapes: has("NO_BACKSLASH_ESCAPES"),
        ignore_space: ansi || has("IGNORE_SPACE"),
        high_not_precedence: has("HIGH_NOT_PRECEDENCE"),
        ..syntax::Options::default()
    }
}

/// Compiles the body of a CREATE TRIGGER, PROCEDURE, FUNCTION or EVENT.
pub(crate) fn compile(source: &Source<'_>) -> Result<Program> {
    let no_body = || Error::general("the object has no SQL body");
    let (definer, invoker) = rights(source.statement);
    let (kind, name, body) = match source.statement {
        Statement::CreateTrigger(t) => (Kind::Trigger, &t.name, &t.body),
        Statement::CreateProcedure(r) | Statement::CreateFunction(r) => {
            let ast::RoutineBody::Sql(body) = &r.body else {
                return Err(Error::not_supported("loadable functions"));
            };
            let kind = match source.statement {
                Statement::CreateProcedure(_) => Kind::Procedure,
                _ => Kind::Function,
            };
            (kind, &r.name, body)
        }
        Statement::CreateEvent(e) => (Kind::Procedure, &e.name, &e.body),
        _ => return Err(no_body()),
    };
    let mut c = Compiler {
        source,
        options: options_of(source.sql_mode),
        kind,
        id: NEXT_PROGRAM.fetch_add(1, Ordering::Relaxed),
        keys: 0,
        slots: Vec::new(),
        scope: Scope::default(),
        shared: None,
        labels: Vec::new(),
        next_label: 0,
        cursors: Vec::new(),
        cursor_names: Vec::new(),
        conditions: Vec::new(),
        trigger: None,
        returns: false,
    };
    let mut params = Vec::new();
    let mut returns = None;
    match source.statement {
        Statement::CreateTrigger(t) => c.trigger_rows(t)?,
        Statement::CreateProcedure(r) | Statement::CreateFunction(r) => {
            for p in &r.params {
                if c.scope.find(None, &p.name).is_some() {
                    return Err(Error::duplicate_parameter(&*p.name));
                }
                let ty = column_type(&p.data_type, Some(source.collation))?;
                c.declare(&p.name, ty);
                params.push(Param { mode: p.mode });
            }
            if let Some(ty) = &r.returns {
                returns = Some(column_type(ty, Some(source.collation))?);
            }
        }
        _ => {}
    }
    let mut steps = Vec::new();
    c.body(body, &mut steps)?;
    if kind == Kind::Function && !c.returns {
        return Err(Error::no_return(&*name.name));
    }
    Ok(Program {
        kind,
        name: name.name.to_string(),
        sql_mode: source.sql_mode.to_string(),
        db: source.db.to_string(),
        definer,
        invoker,
        slots: c.slots,
        params,
        returns,
        cursors: c.cursors,
        body: steps,
    })
}

/// DEFINER and SQL SECURITY of a definition.
pub(crate) fn rights(s: &Statement) -> (Option<AccountName>, bool) {
    let (definer, invoker) = match s {
        Statement::CreateTrigger(t) => (&t.definer, false),
        Statement::CreateEvent(e) => (&e.definer, false),
        Statement::CreateProcedure(r) | Statement::CreateFunction(r) => {
            let invoker = r.characteristics.iter().any(|c| {
                matches!(
                    c,
                    ast::Characteristic::SqlSecurity(ast::SqlSecurity::Invoker)
                )
            });
            (&r.definer, invoker)
        }
        _ => return (None, false),
    };
    (definer.as_ref().and_then(account), invoker)
}

/// The account that DEFINER names; none is the current one.
pub(crate) fn account(a: &ast::Account) -> Option<AccountName> {
    match a {
        ast::Account::Named { user, host } => Some(AccountName::new(
            user.to_string(),
            host.as_deref().unwrap_or("%").to_string(),
        )),
        _ => None,
    }
}

impl Compiler<'_> {
    fn trigger_rows(&mut self, t: &ast::CreateTrigger) -> Result<()> {
        let def = self
            .source
            .table
            .ok_or_else(|| Error::general("a trigger needs its table"))?;
        self.trigger = Some((t.time, t.event));
        self.scope.event = Some(t.event);
        // Slots of both rows are always there; names only of those that the event has.
        for row in [Row::Old, Row::New] {
            let named = match row {
                Row::Old => t.event != ast::TriggerEvent::Insert,
                Row::New => t.event != ast::TriggerEvent::Delete,
            };
            for column in &def.columns {
                let place = self.slot(&column.name, column.ty.clone());
                if named && !column.hidden {
                    self.scope.locals.push(Local {
                        row: Some(row),
                        name: column.name.clone(),
                        place,
                        ty: column.ty.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    fn slot(&mut self, name: &str, ty: SqlType) -> usize {
        self.slots.push(Slot {
            name: name.to_string(),
            ty,
        });
        self.slots.len() - 1
    }

    fn declare(&mut self, name: &str, ty: SqlType) -> usize {
        let place = self.slot(name, ty.clone());
        self.scope.locals.push(Local {
            row: None,
            name: name.to_string(),
            place,
            ty,
        });
        self.shared = None;
        place
    }

    fn scope(&mut self) -> Arc<Scope> {
        self.shared
            .get_or_insert_with(|| Arc::new(self.scope.clone()))
            .clone()
    }

    fn key(&mut self) -> Arc<[u8]> {
        self.keys += 1;
        let mut key = vec![0];
        key.extend_from_slice(&self.id.to_le_bytes());
        key.extend_from_slice(&self.keys.to_le_bytes());
        key.into()
    }

    fn code(&mut self, expr: &Expr) -> Code {
        Code {
            key: self.key(),
            source: self.source.text.clone(),
            expr: expr.clone(),
            scope: self.scope(),
        }
    }

    fn bodies(&mut self, list: &[Body]) -> Result<Vec<Step>> {
        let mut steps = Vec::with_capacity(list.len());
        for b in list {
            self.body(b, &mut steps)?;
        }
        Ok(steps)
    }

    fn body(&mut self, b: &Body, out: &mut Vec<Step>) -> Result<()> {
        match &*b.statement {
            Statement::Program(p) => {
                let step = self.program_statement(p)?;
                out.push(step);
            }
            Statement::Set(items) => self.set(items, b, out)?,
            Statement::Signal(s) | Statement::Resignal(s) => {
                let again = matches!(&*b.statement, Statement::Resignal(_));
                let condition = match &s.condition {
                    None => None,
                    Some(c) => Some(self.signalled(c)?),
                };
                let mut set: Vec<(Box<str>, Code)> = Vec::new();
                for (item, value) in &s.set {
                    if set.iter().any(|(n, _)| n == item) {
                        return Err(Error::duplicate_item(item));
                    }
                    set.push((item.clone(), self.code(value)));
                }
                out.push(Step::Signal(Box::new(SignalCode {
                    again,
                    condition,
                    set,
                })));
            }
            Statement::GetDiagnostics(g) => {
                let mut items = Vec::new();
                for (target, item) in &g.items {
                    items.push((self.place(target)?, item.clone()));
                }
                let condition = g.condition.as_ref().map(|e| self.code(e));
                out.push(Step::Diagnostics(Box::new(DiagnosticsCode {
                    stacked: g.stacked,
                    condition,
                    items,
                })));
            }
            other => {
                self.allowed(other)?;
                let code = self.statement(b)?;
                out.push(Step::Sql(Box::new(code)));
            }
        }
        Ok(())
    }

    /// A statement with its own text, so that what it stores of it is only its own.
    fn statement(&mut self, b: &Body) -> Result<StatementCode> {
        let text: Arc<[u8]> = b.span.of(&self.source.text).into();
        let statement =
            syntax::parse(&text, &self.options).map_err(crate::statement::syntax_error)?;
        if let Statement::Query(q) = &statement
            && let Some(SelectInto::Variables(targets)) = q.into.as_deref()
        {
            for t in targets {
                self.place(t)?;
            }
        }
        Ok(StatementCode {
            key: self.key(),
            text,
            statement: Arc::new(statement),
            scope: self.scope(),
        })
    }

    /// What programs of this kind may run.
    fn allowed(&self, s: &Statement) -> Result<()> {
        let inner = match s {
            Statement::CreateProcedure(_) => Some("PROCEDURE"),
            Statement::CreateFunction(_) => Some("FUNCTION"),
            Statement::CreateTrigger(_) => Some("TRIGGER"),
            _ => None,
        };
        if let Some(what) = inner {
            return Err(Error::program_in_program(what));
        }
        let never = match s {
            Statement::Use(_) => Some("USE"),
            Statement::LockTables(_) => Some("LOCK"),
            Statement::UnlockTables => Some("UNLOCK"),
            Statement::LoadData(_) => Some("LOAD DATA"),
            Statement::AlterView(_) => Some("ALTER VIEW"),
            _ => None,
        };
        if let Some(what) = never {
            return Err(Error::not_in_program(what));
        }
        if self.kind == Kind::Procedure {
            return Ok(());
        }
        match s {
            Statement::Query(q) if q.into.is_none() => {
                Err(Error::result_set_in(self.kind.as_str()))
            }
            Statement::Show(_)
            | Statement::Describe(_)
            | Statement::Explain(_)
            | Statement::TableMaintenance(_) => Err(Error::result_set_in(self.kind.as_str())),
            Statement::Prepare { .. } | Statement::Execute { .. } | Statement::Deallocate(_) => {
                Err(Error::dynamic_sql())
            }
            Statement::Query(_)
            | Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Call(_)
            | Statement::Do(_)
            | Statement::Kill { .. }
            | Statement::Savepoint(_)
            | Statement::RollbackTo(_)
            | Statement::ReleaseSavepoint(_)
            | Statement::Flush(_) => Ok(()),
            Statement::CreateTable(c) if c.temporary => Ok(()),
            Statement::DropTable(d) if d.temporary => Ok(()),
            _ => Err(Error::commit_in_program()),
        }
    }

    fn place(&self, target: &IntoTarget) -> Result<Place> {
        match target {
            IntoTarget::User(name) => Ok(Place::User(name.clone())),
            IntoTarget::Local(name) => self
                .scope
                .find(None, name)
                .map(|l| Place::Slot(l.place))
                .ok_or_else(|| Error::undeclared(&**name)),
        }
    }

    /// SET: variables of the program are assigned here, the rest by the session.
    fn set(&mut self, items: &[SetItem], b: &Body, out: &mut Vec<Step>) -> Result<()> {
        for item in items {
            if let SetItem::Variable { target, value, .. } = item {
                let place = match target {
                    SetTarget::User(name) => Some(Place::User(name.clone())),
                    SetTarget::Name { qualifier, name } => self.assignable(qualifier, name)?,
                    SetTarget::System { .. } => None,
                };
                if let Some(place) = place {
                    let value = self.code(value);
                    out.push(Step::Assign { place, value });
                    continue;
                }
            }
            out.push(Step::Sql(Box::new(StatementCode {
                key: self.key(),
                text: b.span.of(&self.source.text).into(),
                statement: Arc::new(Statement::Set(vec![item.clone()])),
                scope: self.scope(),
            })));
        }
        Ok(())
    }

    /// The slot that `name` or `NEW.name` assigns to; none is a system variable.
    fn assignable(&self, qualifier: &Option<ast::Ident>, name: &str) -> Result<Option<Place>> {
        let Some(q) = qualifier else {
            let local = self.scope.find(None, name);
            return Ok(local.map(|l| Place::Slot(l.place)));
        };
        let (Some(row), Some((time, event))) = (Row::named(q), self.trigger) else {
            return Err(Error::unknown_variable(&**q));
        };
        match (row, event) {
            (Row::Old, ast::TriggerEvent::Insert) => {
                return Err(Error::trigger_row_missing("OLD", "INSERT"));
            }
            (Row::New, ast::TriggerEvent::Delete) => {
                return Err(Error::trigger_row_missing("NEW", "DELETE"));
            }
            (Row::Old, _) => return Err(Error::trigger_row_fixed("OLD", "")),
            (Row::New, _) if time == ast::TriggerTime::After => {
                return Err(Error::trigger_row_fixed("NEW", "after "));
            }
            _ => {}
        }
        match self.scope.find(Some(row), name) {
            Some(l) => Ok(Some(Place::Slot(l.place))),
            None => Err(Error::unknown_column(name, row.as_str())),
        }
    }

    fn label(&mut self, name: &Option<ast::Ident>, loops: bool) -> Result<usize> {
        if let Some(name) = name
            && self.labels.iter().any(|l| {
                l.name
                    .as_deref()
                    .is_some_and(|n| n.eq_ignore_ascii_case(name))
            })
        {
            return Err(Error::label_redefined(&**name));
        }
        self.next_label += 1;
        self.labels.push(Label {
            name: name.as_ref().map(|n| n.to_string()),
            number: self.next_label,
            loops,
        });
        Ok(self.next_label)
    }

    fn labelled(&self, name: &str, verb: &str) -> Result<usize> {
        self.labels
            .iter()
            .rev()
            .find(|l| {
                l.name
                    .as_deref()
                    .is_some_and(|n| n.eq_ignore_ascii_case(name))
                    && (l.loops || verb == "LEAVE")
            })
            .map(|l| l.number)
            .ok_or_else(|| Error::label_mismatch(verb, name))
    }

    fn program_statement(&mut self, p: &ProgramStatement) -> Result<Step> {
        Ok(match p {
            ProgramStatement::Block {
                label,
                declarations,
                body,
            } => return self.block(label, declarations, body),
            ProgramStatement::If {
                branches,
                otherwise,
            } => Step::If {
                branches: self.branches(branches)?,
                otherwise: self.bodies(otherwise.as_deref().unwrap_or(&[]))?,
            },
            ProgramStatement::Case {
                operand,
                branches,
                otherwise,
            } => self.case(operand, branches, otherwise)?,
            ProgramStatement::Loop { label, body } => {
                let label = self.label(label, true)?;
                let body = self.bodies(body)?;
                self.labels.pop();
                Step::Loop { label, body }
            }
            ProgramStatement::Repeat { label, body, until } => {
                let label = self.label(label, true)?;
                let body = self.bodies(body)?;
                self.labels.pop();
                let until = self.code(until);
                Step::Repeat { label, body, until }
            }
            ProgramStatement::While {
                label,
                condition,
                body,
            } => {
                let label = self.label(label, true)?;
                let condition = self.code(condition);
                let body = self.bodies(body)?;
                self.labels.pop();
                Step::While {
                    label,
                    condition,
                    body,
                }
            }
            ProgramStatement::Leave(name) => Step::Leave(self.labelled(name, "LEAVE")?),
            ProgramStatement::Iterate(name) => Step::Iterate(self.labelled(name, "ITERATE")?),
            ProgramStatement::Return(e) => {
                if self.kind != Kind::Function {
                    return Err(Error::return_outside());
                }
                self.returns = true;
                Step::Return(self.code(e))
            }
            ProgramStatement::Open(name) => Step::Open(self.cursor(name)?),
            ProgramStatement::Close(name) => Step::Close(self.cursor(name)?),
            ProgramStatement::Fetch { cursor, into } => {
                let cursor = self.cursor(cursor)?;
                let into = into
                    .iter()
                    .map(|t| self.place(t))
                    .collect::<Result<Vec<_>>>()?;
                Step::Fetch { cursor, into }
            }
        })
    }

    fn branches(&mut self, list: &[(Expr, Vec<Body>)]) -> Result<Vec<(Code, Vec<Step>)>> {
        let mut out = Vec::with_capacity(list.len());
        for (e, body) in list {
            let code = self.code(e);
            out.push((code, self.bodies(body)?));
        }
        Ok(out)
    }

    fn case(
        &mut self,
        operand: &Option<Expr>,
        branches: &[(Expr, Vec<Body>)],
        otherwise: &Option<Vec<Body>>,
    ) -> Result<Step> {
        Ok(Step::Case {
            operand: operand.as_ref().map(|e| self.code(e)),
            branches: self.branches(branches)?,
            otherwise: match otherwise {
                Some(list) => Some(self.bodies(list)?),
                None => None,
            },
        })
    }

    fn cursor(&self, name: &str) -> Result<usize> {
        self.cursor_names
            .iter()
            .rev()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, i)| *i)
            .ok_or_else(|| Error::cursor_missing(name))
    }

    /// The condition of a SIGNAL: a SQLSTATE, or a name declared for one.
    fn signalled(&self, c: &ast::ConditionValue) -> Result<ConditionTest> {
        let test = self.condition(c)?;
        match test {
            ConditionTest::State(_) => Ok(test),
            _ => Err(Error::new(
                1646,
                "HY000",
                "SIGNAL/RESIGNAL can only use a CONDITION defined with SQLSTATE",
            )),
        }
    }

    fn condition(&self, c: &ast::ConditionValue) -> Result<ConditionTest> {
        if let ast::ConditionValue::Name(name) = c {
            return self
                .conditions
                .iter()
                .rev()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, t)| t.clone())
                .ok_or_else(|| Error::condition_missing(&**name));
        }
        ConditionTest::of(c)
    }

    fn block(
        &mut self,
        label: &Option<ast::Ident>,
        declarations: &[Declaration],
        body: &[Body],
    ) -> Result<Step> {
        let number = self.label(label, false)?;
        let scope_before = self.scope.locals.len();
        let cursors_before = self.cursor_names.len();
        let conditions_before = self.conditions.len();
        let first_cursor = self.cursors.len();
        let mut variables = Vec::new();
        let mut handlers: Vec<HandlerCode> = Vec::new();
        for d in declarations {
            match d {
                Declaration::Variables {
                    names,
                    data_type,
                    default,
                } => {
                    if !handlers.is_empty() || self.cursor_names.len() > cursors_before {
                        return Err(Error::declared_late());
                    }
                    let ty = column_type(data_type, Some(self.source.collation))?;
                    // The default sees what was declared before, not the new names.
                    for name in names {
                        let repeated = self.scope.locals[scope_before..]
                            .iter()
                            .any(|l| l.name.eq_ignore_ascii_case(name));
                        if repeated {
                            return Err(Error::duplicate_variable(&**name));
                        }
                        let default = default.as_ref().map(|e| self.code(e));
                        let place = self.declare(name, ty.clone());
                        variables.push((place, default));
                    }
                }
                Declaration::Condition { name, value } => {
                    if !handlers.is_empty() || self.cursor_names.len() > cursors_before {
                        return Err(Error::declared_late());
                    }
                    if self.conditions[conditions_before..]
                        .iter()
                        .any(|(n, _)| n.eq_ignore_ascii_case(name))
                    {
                        return Err(Error::duplicate_condition(&**name));
                    }
                    let test = self.condition(value)?;
                    self.conditions.push((name.to_string(), test));
                }
                Declaration::Cursor { name, query } => {
                    if !handlers.is_empty() {
                        return Err(Error::cursor_after_handler());
                    }
                    if self.cursor_names[cursors_before..]
                        .iter()
                        .any(|(n, _)| n.eq_ignore_ascii_case(name))
                    {
                        return Err(Error::duplicate_cursor(&**name));
                    }
                    let code = StatementCode {
                        key: self.key(),
                        text: self.source.text.clone(),
                        statement: Arc::new(Statement::Query(query.clone())),
                        scope: self.scope(),
                    };
                    self.cursor_names
                        .push((name.to_string(), self.cursors.len()));
                    self.cursors.push(CursorCode { query: code });
                }
                Declaration::Handler {
                    action,
                    conditions,
                    body,
                } => {
                    let exits = match action {
                        ast::HandlerAction::Continue => false,
                        ast::HandlerAction::Exit => true,
                        ast::HandlerAction::Undo => {
                            return Err(Error::not_supported("UNDO handlers"));
                        }
                    };
                    let mut tests = Vec::with_capacity(conditions.len());
                    for c in conditions {
                        let test = self.condition(c)?;
                        let seen = tests.contains(&test)
                            || handlers.iter().any(|h| h.conditions.contains(&test));
                        if seen {
                            return Err(Error::duplicate_handler());
                        }
                        tests.push(test);
                    }
                    // A handler does not stand inside the labels around its block.
                    let labels = std::mem::take(&mut self.labels);
                    let mut steps = Vec::new();
                    let compiled = self.body(body, &mut steps);
                    self.labels = labels;
                    compiled?;
                    handlers.push(HandlerCode {
                        exits,
                        conditions: tests,
                        body: steps,
                    });
                }
            }
        }
        let last_cursor = self.cursors.len();
        let body = self.bodies(body)?;
        self.labels.pop();
        self.scope.locals.truncate(scope_before);
        self.shared = None;
        self.cursor_names.truncate(cursors_before);
        self.conditions.truncate(conditions_before);
        Ok(Step::Block(Box::new(BlockCode {
            label: number,
            variables,
            cursors: first_cursor..last_cursor,
            handlers: Arc::new(handlers),
            body,
        })))
    }
}

impl Program {
    /// Binds what a trigger says of OLD and NEW, so that a wrong column is found at its creation;
    /// tables that its statements name may come later.
    pub(crate) fn check_rows(self: Arc<Program>, session: &Session) -> Result<()> {
        if self.kind != Kind::Trigger {
            return Ok(());
        }
        let modes = session.modes();
        let mut failure = None;
        visit(&self.body, &mut |scope, source, what| {
            session.set_scope(scope);
            let mut binder = Binder::new(session, &modes, source);
            let bound = match what {
                Bound::Expr(e) => binder.bind_alone(e).map(drop),
                Bound::Statement(s) => match s {
                    Statement::Query(q) => binder.bind_query(q).map(drop),
                    Statement::Insert(i) => binder.bind_insert(i).map(drop),
                    Statement::Update(u) => binder.bind_update(u).map(drop),
                    Statement::Delete(d) => binder.bind_delete(d).map(drop),
                    _ => Ok(()),
                },
            };
            if let Err(e) = bound {
                let about_rows = e.code == 1054
                    && (e.message.ends_with("'NEW'") || e.message.ends_with("'OLD'"));
                if e.code == 1363 || about_rows {
                    failure.get_or_insert(e);
                }
            }
        });
        session.forget_scope();
        failure.map_or(Ok(()), Err)
    }
}

enum Bound<'a> {
    Expr(&'a Expr),
    Statement(&'a Statement),
}

type Visit<'v> = dyn FnMut(&Arc<Scope>, &[u8], Bound<'_>) + 'v;

fn visit(steps: &[Step], f: &mut Visit<'_>) {
    let code = |c: &Code, f: &mut Visit<'_>| f(&c.scope, &c.source, Bound::Expr(&c.expr));
    for step in steps {
        match step {
            Step::Block(b) => {
                for (_, default) in &b.variables {
                    default.iter().for_each(|c| code(c, f));
                }
                b.handlers.iter().for_each(|h| visit(&h.body, f));
                visit(&b.body, f);
            }
            Step::If {
                branches,
                otherwise,
            } => {
                for (c, body) in branches {
                    code(c, f);
                    visit(body, f);
                }
                visit(otherwise, f);
            }
            Step::Case {
                operand,
                branches,
                otherwise,
            } => {
                operand.iter().for_each(|c| code(c, f));
                for (c, body) in branches {
                    code(c, f);
                    visit(body, f);
                }
                visit(otherwise.as_deref().unwrap_or(&[]), f);
            }
            Step::Loop { body, .. } => visit(body, f),
            Step::Repeat { body, until, .. } => {
                visit(body, f);
                code(until, f);
            }
            Step::While {
                condition, body, ..
            } => {
                code(condition, f);
                visit(body, f);
            }
            Step::Return(c) | Step::Assign { value: c, .. } => code(c, f),
            Step::Signal(s) => s.set.iter().for_each(|(_, c)| code(c, f)),
            Step::Sql(s) => f(&s.scope, &s.text, Bound::Statement(&s.statement)),
            _ => {}
        }
    }
}
