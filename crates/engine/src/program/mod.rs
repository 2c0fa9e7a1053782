//! Stored programs: triggers, procedures, functions and the bodies of events.
//!
//! A body is compiled once (`compile`) to steps whose variables are numbered slots of a frame; its
//! statements are planned by the session's plan cache under keys of the program, so nothing is
//! parsed or bound per row. `run` walks the steps; `condition` decides which handler takes an error.

pub(crate) mod call;
mod compile;
pub(crate) mod condition;
mod diagnostics;
mod frame;
pub(crate) mod run;
pub(crate) mod stored;
pub(crate) mod trigger;

use std::sync::Arc;

use syntax::ast::{self, Statement};

use values::{OwnedValue, SqlType};

use crate::accounts::AccountName;

pub(crate) use compile::{Kind, Source, account, compile, options_of, rights};
pub(crate) use condition::ConditionTest;

/// Programs that may stand within each other: procedures calling, triggers firing triggers.
pub(crate) const DEEPEST: usize = 48;

/// A name that a stored program gives to a slot of its frame.
#[derive(Clone, Debug)]
pub struct Local {
    /// `NEW` or `OLD` for a column of a trigger's row.
    pub row: Option<Row>,
    /// The name.
    pub name: String,
    /// Slot of the frame.
    pub place: usize,
    /// Type of the variable.
    pub ty: SqlType,
}

/// The rows that a trigger sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The row before the change.
    Old,
    /// The row after the change.
    New,
}

impl Row {
    /// The row that a qualifier names.
    pub fn named(name: &str) -> Option<Row> {
        if name.eq_ignore_ascii_case("new") {
            Some(Row::New)
        } else if name.eq_ignore_ascii_case("old") {
            Some(Row::Old)
        } else {
            None
        }
    }

    /// `NEW` or `OLD`.
    pub fn as_str(self) -> &'static str {
        match self {
            Row::Old => "OLD",
            Row::New => "NEW",
        }
    }
}

/// The names that a statement of a stored program sees.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Variables; a later one hides an earlier of the same name.
    pub locals: Vec<Local>,
    /// The event of the trigger around it.
    pub event: Option<ast::TriggerEvent>,
}

impl Scope {
    /// The variable of this name, or the column of a trigger's row.
    pub fn find(&self, row: Option<Row>, name: &str) -> Option<&Local> {
        self.locals
            .iter()
            .rev()
            .find(|l| l.row == row && l.name.eq_ignore_ascii_case(name))
    }
}

/// A slot of a frame.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub name: String,
    pub ty: SqlType,
}

/// A compiled body.
#[derive(Debug)]
pub(crate) struct Program {
    pub kind: Kind,
    /// Database of the object.
    pub db: String,
    /// Name of the object.
    pub name: String,
    /// sql_mode under which it was created and runs.
    pub sql_mode: String,
    /// Whose rights it runs with; none is those of an account that may do everything.
    pub definer: Option<AccountName>,
    /// SQL SECURITY INVOKER: with the rights of who runs it.
    pub invoker: bool,
    pub slots: Vec<Slot>,
    pub params: Vec<Param>,
    /// RETURNS of a function.
    pub returns: Option<SqlType>,
    pub cursors: Vec<CursorCode>,
    pub body: Vec<Step>,
}

impl Program {
    /// Whether it is the same object, perhaps compiled again.
    pub fn is(&self, other: &Program) -> bool {
        self.kind == other.kind && self.db == other.db && self.name == other.name
    }
}

/// A parameter, which is slot `n` of the frame for the n-th.
#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub mode: ast::ParamMode,
}

/// An expression of a program.
#[derive(Debug)]
pub(crate) struct Code {
    /// Key of its plan.
    pub key: Arc<[u8]>,
    /// Text that its spans refer to.
    pub source: Arc<[u8]>,
    pub expr: ast::Expr,
    pub scope: Arc<Scope>,
}

/// A statement of a program.
#[derive(Debug)]
pub(crate) struct StatementCode {
    /// Key of its plan.
    pub key: Arc<[u8]>,
    /// Its own text.
    pub text: Arc<[u8]>,
    pub statement: Arc<Statement>,
    pub scope: Arc<Scope>,
}

/// A declared cursor.
#[derive(Debug)]
pub(crate) struct CursorCode {
    pub query: StatementCode,
}

/// A declared handler.
#[derive(Debug)]
pub(crate) struct HandlerCode {
    pub exits: bool,
    pub conditions: Vec<ConditionTest>,
    pub body: Vec<Step>,
}

/// Where a value goes.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Slot(usize),
    User(Box<str>),
}

/// One step of a program.
#[derive(Debug)]
pub(crate) enum Step {
    Block(Box<BlockCode>),
    If {
        branches: Vec<(Code, Vec<Step>)>,
        otherwise: Vec<Step>,
    },
    Case {
        /// Evaluated once; each branch's value is compared with it.
        operand: Option<Code>,
        branches: Vec<(Code, Vec<Step>)>,
        /// `None`: no ELSE, which is error 1339 when nothing fits.
        otherwise: Option<Vec<Step>>,
    },
    Loop {
        label: usize,
        body: Vec<Step>,
    },
    Repeat {
        label: usize,
        body: Vec<Step>,
        until: Code,
    },
    While {
        label: usize,
        condition: Code,
        body: Vec<Step>,
    },
    Leave(usize),
    Iterate(usize),
    Return(Code),
    Assign {
        place: Place,
        value: Code,
    },
    Open(usize),
    Fetch {
        cursor: usize,
        into: Vec<Place>,
    },
    Close(usize),
    Signal(Box<SignalCode>),
    Diagnostics(Box<DiagnosticsCode>),
    Sql(Box<StatementCode>),
}

/// BEGIN .. END.
#[derive(Debug)]
pub(crate) struct BlockCode {
    pub label: usize,
    /// Slots to set, in order.
    pub variables: Vec<(usize, Option<Code>)>,
    /// Cursors that the block declares; leaving it closes them.
    pub cursors: std::ops::Range<usize>,
    pub handlers: Arc<Vec<HandlerCode>>,
    pub body: Vec<Step>,
}

/// SIGNAL and RESIGNAL.
#[derive(Debug)]
pub(crate) struct SignalCode {
    pub again: bool,
    pub condition: Option<ConditionTest>,
    pub set: Vec<(Box<str>, Code)>,
}

/// GET DIAGNOSTICS.
#[derive(Debug)]
pub(crate) struct DiagnosticsCode {
    pub stacked: bool,
    pub condition: Option<Code>,
    pub items: Vec<(Place, Box<str>)>,
}

/// A program that is running, as its session keeps it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub values: Vec<OwnedValue>,
    /// Types and names of the slots.
    pub program: Option<Arc<Program>>,
    /// Names that the statement which runs now sees.
    pub scope: Option<Arc<Scope>>,
}
