//! Stored programs: triggers, routines, events and the statements of their bodies.

#![allow(missing_docs)] // fields are named by the grammar's own words

use super::{
    Account, DataType, Expr, Ident, IntervalUnit, IntoTarget, ObjectName, Query, Span, SqlSecurity,
    Statement,
};

/// A statement with its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Body {
    pub statement: Box<Statement>,
    pub span: Span,
}

/// CREATE TRIGGER.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateTrigger {
    pub definer: Option<Account>,
    pub if_not_exists: bool,
    pub name: ObjectName,
    pub time: TriggerTime,
    pub event: TriggerEvent,
    pub table: ObjectName,
    /// Where the table is named.
    pub table_span: Span,
    pub order: Option<TriggerOrder>,
    pub body: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerTime {
    Before,
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerEvent {
    Insert,
    Update,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TriggerOrder {
    Follows(Ident),
    Precedes(Ident),
}

/// CREATE PROCEDURE and CREATE FUNCTION.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateRoutine {
    pub definer: Option<Account>,
    pub if_not_exists: bool,
    /// CREATE AGGREGATE FUNCTION
    pub aggregate: bool,
    pub name: ObjectName,
    pub params: Vec<RoutineParam>,
    /// A function's RETURNS.
    pub returns: Option<DataType>,
    pub characteristics: Vec<Characteristic>,
    pub body: RoutineBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoutineBody {
    Sql(Body),
    /// SONAME: a loadable function.
    Library(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoutineParam {
    /// IN when not written.
    pub mode: ParamMode,
    pub name: Ident,
    pub data_type: DataType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamMode {
    In,
    Out,
    InOut,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Characteristic {
    Comment(Box<str>),
    Language(Ident),
    Deterministic(bool),
    ContainsSql,
    NoSql,
    ReadsSqlData,
    ModifiesSqlData,
    SqlSecurity(SqlSecurity),
}

/// ALTER PROCEDURE and ALTER FUNCTION.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterRoutine {
    pub name: ObjectName,
    pub characteristics: Vec<Characteristic>,
}

/// CREATE EVENT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateEvent {
    pub definer: Option<Account>,
    pub if_not_exists: bool,
    pub name: ObjectName,
    pub schedule: Schedule,
    pub on_completion_preserve: Option<bool>,
    pub status: Option<EventStatus>,
    pub comment: Option<Box<str>>,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    At(Expr),
    Every {
        value: Expr,
        unit: IntervalUnit,
        starts: Option<Expr>,
        ends: Option<Expr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventStatus {
    Enable,
    Disable,
    DisableOnReplica,
}

/// ALTER EVENT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterEvent {
    pub definer: Option<Account>,
    pub name: ObjectName,
    pub schedule: Option<Schedule>,
    pub on_completion_preserve: Option<bool>,
    pub rename_to: Option<ObjectName>,
    pub status: Option<EventStatus>,
    pub comment: Option<Box<str>>,
    pub body: Option<Body>,
}

/// Statements that occur only in bodies of stored programs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProgramStatement {
    Block {
        label: Option<Ident>,
        declarations: Vec<Declaration>,
        body: Vec<Body>,
    },
    If {
        /// IF and ELSEIF.
        branches: Vec<(Expr, Vec<Body>)>,
        otherwise: Option<Vec<Body>>,
    },
    Case {
        operand: Option<Expr>,
        branches: Vec<(Expr, Vec<Body>)>,
        otherwise: Option<Vec<Body>>,
    },
    Loop {
        label: Option<Ident>,
        body: Vec<Body>,
    },
    Repeat {
        label: Option<Ident>,
        body: Vec<Body>,
        until: Expr,
    },
    While {
        label: Option<Ident>,
        condition: Expr,
        body: Vec<Body>,
    },
    Leave(Ident),
    Iterate(Ident),
    Return(Expr),
    Open(Ident),
    Fetch {
        cursor: Ident,
        into: Vec<IntoTarget>,
    },
    Close(Ident),
}

/// DECLARE, in the order written; the order's rules are the engine's to check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Declaration {
    Variables {
        names: Vec<Ident>,
        data_type: DataType,
        default: Option<Expr>,
    },
    Condition {
        name: Ident,
        value: ConditionValue,
    },
    Cursor {
        name: Ident,
        query: Box<Query>,
    },
    Handler {
        action: HandlerAction,
        conditions: Vec<ConditionValue>,
        body: Body,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandlerAction {
    Continue,
    Exit,
    Undo,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConditionValue {
    ErrorCode(u64),
    SqlState(Box<str>),
    Name(Ident),
    SqlWarning,
    NotFound,
    SqlException,
}

/// SIGNAL and RESIGNAL; only the latter may lack a condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signal {
    pub condition: Option<ConditionValue>,
    /// MESSAGE_TEXT and the like, in capitals.
    pub set: Vec<(Box<str>, Expr)>,
}

/// GET [CURRENT|STACKED] DIAGNOSTICS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GetDiagnostics {
    pub stacked: bool,
    /// CONDITION n; without it, statement information.
    pub condition: Option<Expr>,
    /// Target and information item in capitals.
    pub items: Vec<(IntoTarget, Box<str>)>,
}
