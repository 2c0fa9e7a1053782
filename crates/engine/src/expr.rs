//! Typed expressions: names are resolved, conversions are explicit, literals are values.
//!
//! An expression is evaluated against an [`crate::env::Env`], the rows that its query block stands
//! on. It holds no state; what changes while it runs lives in the environment.

use std::sync::Arc;

use values::{Collation, OwnedValue, SqlType};

use crate::functions::Function;
use crate::plan::QueryPlan;
use crate::program::call::FunctionCall;
use syntax::ast::{IntervalUnit, VarScope};

/// How two operands are brought together for a comparison (MySQL's rules, decided by their types).
#[derive(Clone, Copy, Debug)]
pub enum CompareAs {
    /// Integers, signed or unsigned, compared exactly.
    Integer,
    /// Both to DOUBLE.
    Float,
    /// Both to DECIMAL.
    Decimal,
    /// Character data under a collation.
    Text(&'static Collation),
    /// Bytes.
    Binary,
    /// Both to DATETIME(6).
    DateTime,
    /// Both to DATE.
    Date,
    /// Both to TIME.
    Time,
    /// JSON ordering.
    Json,
}

impl PartialEq for CompareAs {
    fn eq(&self, other: &Self) -> bool {
        use CompareAs::*;
        match (self, other) {
            (Text(a), Text(b)) => a.id == b.id,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `<=>`
    NullSafeEq,
    /// `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl CompareOp {
    /// The operator with its operands exchanged.
    pub fn flip(self) -> CompareOp {
        match self {
            CompareOp::Lt => CompareOp::Gt,
            CompareOp::Le => CompareOp::Ge,
            CompareOp::Gt => CompareOp::Lt,
            CompareOp::Ge => CompareOp::Le,
            same => same,
        }
    }

    /// Whether an ordering of the operands satisfies the operator.
    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            CompareOp::Eq | CompareOp::NullSafeEq => ordering.is_eq(),
            CompareOp::Ne => ordering.is_ne(),
            CompareOp::Lt => ordering.is_lt(),
            CompareOp::Le => ordering.is_le(),
            CompareOp::Gt => ordering.is_gt(),
            CompareOp::Ge => ordering.is_ge(),
        }
    }
}

/// Arithmetic and bit operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the operators' own names
pub enum ArithOp {
    Add,
    Sub,
    Mul,
    Div,
    IntDiv,
    Mod,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

/// The domain in which an arithmetic operator works, and so its result's class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithAs {
    /// i64, overflow is error 1690.
    Signed,
    /// u64, overflow is error 1690.
    Unsigned,
    /// Exact decimal.
    Decimal {
        /// Digits after the point of the result. From [`ArithAs::ALL_DIGITS`] on: all that are
        /// computed, a quotient's with as many more than its dividend's as the rest says.
        scale: u8,
    },
    /// DOUBLE.
    Float,
}

impl ArithAs {
    /// The scale from which on no digit of a result is rounded away.
    pub const ALL_DIGITS: u8 = 64;
}

/// A query inside an expression.
#[derive(Debug)]
pub struct SubqueryExpr {
    /// Its plan; column references of depth 1 and more are the outer rows.
    pub plan: QueryPlan,
    /// Whether it refers to rows outside; if not, it runs once per statement.
    pub correlated: bool,
    /// Place of its result in the statement's cache.
    pub cache: usize,
}

/// `x IN (SELECT ..)` and the quantified comparisons.
#[derive(Clone, Debug)]
pub struct InSubquery {
    /// Left side: one expression, or the parts of a row.
    pub left: Vec<Expr>,
    /// How each pair is compared.
    pub kinds: Vec<CompareAs>,
    /// The query.
    pub query: Arc<SubqueryExpr>,
    /// The operator between left and each row; Eq for IN.
    pub op: CompareOp,
    /// ALL instead of ANY.
    pub all: bool,
}

/// What IS tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsTest {
    /// IS NULL, IS UNKNOWN
    Null,
    /// IS TRUE
    True,
    /// IS FALSE
    False,
}

/// A resolved expression.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A constant.
    Literal(OwnedValue),
    /// A parameter of the statement, or a literal that the plan was freed of.
    Param(usize),
    /// Column `col` of the row in slot `slot` of this query block.
    Column {
        /// Slot of the row source.
        slot: u16,
        /// Column in its layout.
        col: u16,
    },
    /// A column of an enclosing query block; `depth` blocks out.
    Outer {
        /// 1 is the block that holds this one.
        depth: u16,
        /// Slot of the row source there.
        slot: u16,
        /// Column in its layout.
        col: u16,
    },
    /// Logical AND with NULL logic.
    And(Vec<Expr>),
    /// Logical OR with NULL logic.
    Or(Vec<Expr>),
    /// Logical XOR.
    Xor(Box<Expr>, Box<Expr>),
    /// NOT.
    Not(Box<Expr>),
    /// IS [NOT] NULL, TRUE, FALSE.
    Is {
        /// Operand.
        expr: Box<Expr>,
        /// What is tested.
        test: IsTest,
        /// IS NOT.
        negated: bool,
    },
    /// A comparison of two values.
    Compare {
        /// Operator.
        op: CompareOp,
        /// Common form.
        kind: CompareAs,
        /// Operands.
        left: Box<Expr>,
        /// Operands.
        right: Box<Expr>,
    },
    /// `x IN (a, b, ..)`.
    InList {
        /// Left side.
        expr: Box<Expr>,
        /// Items with the form in which each is compared.
        list: Vec<(Expr, CompareAs)>,
        /// NOT IN.
        negated: bool,
    },
    /// Arithmetic.
    Arith {
        /// Operator.
        op: ArithOp,
        /// Domain.
        kind: ArithAs,
        /// Operands.
        left: Box<Expr>,
        /// Operands.
        right: Box<Expr>,
    },
    /// Unary minus.
    Negate(Box<Expr>, ArithAs),
    /// `~x`.
    BitNot(Box<Expr>),
    /// `date + INTERVAL n unit`.
    DateAdd {
        /// Date, datetime, time or text.
        date: Box<Expr>,
        /// Amount, as a number or MySQL's delimited text.
        amount: Box<Expr>,
        /// Unit.
        unit: IntervalUnit,
        /// Subtract.
        negative: bool,
        /// Result type; text when the operand is text.
        ty: SqlType,
    },
    /// LIKE.
    Like {
        /// Text.
        expr: Box<Expr>,
        /// Pattern.
        pattern: Box<Expr>,
        /// Escape character; None is the backslash.
        escape: Option<Box<Expr>>,
        /// Collation of the match.
        collation: &'static Collation,
        /// NOT LIKE.
        negated: bool,
    },
    /// CASE; the operand form is desugared to comparisons.
    Case {
        /// WHEN and THEN.
        branches: Vec<(Expr, Expr)>,
        /// ELSE.
        otherwise: Option<Box<Expr>>,
    },
    /// First operand that is not NULL.
    Coalesce(Vec<Expr>),
    /// Conversion between types, by CAST's rules.
    Cast {
        /// Operand.
        expr: Box<Expr>,
        /// Its type.
        from: SqlType,
        /// Target.
        to: SqlType,
    },
    /// A built-in function.
    Call {
        /// What it is.
        function: &'static Function,
        /// Arguments, converted to plain forms.
        args: Vec<Expr>,
        /// The static types of the arguments as written, and of the result.
        types: Arc<CallTypes>,
    },
    /// A query that gives one value, or NULL without rows.
    Scalar(Arc<SubqueryExpr>),
    /// EXISTS.
    Exists(Arc<SubqueryExpr>),
    /// IN (SELECT ..), ANY, ALL.
    InQuery(Box<InSubquery>),
    /// `@name`.
    UserVar {
        /// Its name.
        name: Box<str>,
        /// The statement does not assign user variables.
        fixed: bool,
    },
    /// `@@name`.
    SystemVar(Option<VarScope>, Box<str>),
    /// `@name := x`.
    Assign(Box<str>, Box<Expr>),
    /// A variable of a stored program, by its place in the frame.
    Local(usize),
    /// A call of a stored function.
    StoredCall(Arc<FunctionCall>),
}

/// Static types around a function call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallTypes {
    /// Types of the arguments.
    pub args: Vec<SqlType>,
    /// Type of the result.
    pub result: SqlType,
    /// Collation under which the text among the arguments meets.
    pub collation: values::CollationId,
}

impl Expr {
    /// The constant TRUE.
    pub fn boolean(v: bool) -> Expr {
        Expr::Literal(values::Value::Int(v as i64))
    }

    /// Calls `f` for every direct operand.
    pub fn for_each_child<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        match self {
            Expr::Literal(_)
            | Expr::Param(_)
            | Expr::Column { .. }
            | Expr::Outer { .. }
            | Expr::Scalar(_)
            | Expr::Exists(_)
            | Expr::UserVar { .. }
            | Expr::SystemVar(..)
            | Expr::Local(_) => {}
            Expr::And(list) | Expr::Or(list) | Expr::Coalesce(list) => list.iter().for_each(f),
            Expr::Xor(a, b) => {
                f(a);
                f(b);
            }
            Expr::Not(a) | Expr::BitNot(a) | Expr::Negate(a, _) | Expr::Assign(_, a) => f(a),
            Expr::Is { expr, .. } | Expr::Cast { expr, .. } => f(expr),
            Expr::Compare { left, right, .. } | Expr::Arith { left, right, .. } => {
                f(left);
                f(right);
            }
            Expr::InList { expr, list, .. } => {
                f(expr);
                list.iter().for_each(|(e, _)| f(e));
            }
            Expr::DateAdd { date, amount, .. } => {
                f(date);
                f(amount);
            }
            Expr::Like {
                expr,
                pattern,
                escape,
                ..
            } => {
                f(expr);
                f(pattern);
                if let Some(e) = escape {
                    f(e);
                }
            }
            Expr::Case {
                branches,
                otherwise,
            } => {
                for (when, then) in branches {
                    f(when);
                    f(then);
                }
                if let Some(e) = otherwise {
                    f(e);
                }
            }
            Expr::Call { args, .. } => args.iter().for_each(f),
            Expr::InQuery(q) => q.left.iter().for_each(f),
            Expr::StoredCall(c) => c.args.iter().for_each(|(e, _)| f(e)),
        }
    }

    /// The slots of this block that the expression reads; subqueries count by their outer
    /// references. `deep` is the number of blocks between.
    pub fn slots_used(&self, out: &mut SlotSet) {
        self.slots_at(0, out);
    }

    pub(crate) fn slots_at(&self, deep: u16, out: &mut SlotSet) {
        match self {
            Expr::Column { slot, .. } if deep == 0 => out.insert(*slot),
            Expr::Outer { depth, slot, .. } if *depth == deep => out.insert(*slot),
            Expr::Scalar(q) | Expr::Exists(q) => q.plan.slots_at(deep + 1, out),
            Expr::InQuery(q) => q.query.plan.slots_at(deep + 1, out),
            _ => {}
        }
        self.for_each_child(&mut |child| child.slots_at(deep, out));
    }

    /// Collects the columns of this block that the expression reads itself, without subqueries.
    pub fn columns_used(&self, out: &mut Vec<u16>) {
        if let Expr::Column { col, .. } = self {
            out.push(*col);
        }
        self.for_each_child(&mut |child| child.columns_used(out));
    }

    /// Whether the value can differ between two evaluations on the same rows.
    pub fn is_volatile(&self) -> bool {
        let mut volatile = match self {
            Expr::Call { function, .. } => function.volatile,
            Expr::Assign(..) => true,
            Expr::UserVar { fixed, .. } => !fixed,
            Expr::StoredCall(c) => !c.deterministic,
            Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(_) => true,
            _ => false,
        };
        self.for_each_child(&mut |child| volatile |= child.is_volatile());
        volatile
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Expr) -> bool {
        use Expr::*;
        match (self, other) {
            (Literal(a), Literal(b)) => format!("{a:?}") == format!("{b:?}"),
            (Param(a), Param(b)) => a == b,
            (Column { slot: a, col: b }, Column { slot: c, col: d }) => a == c && b == d,
            (
                Outer {
                    depth: a,
                    slot: b,
                    col: c,
                },
                Outer {
                    depth: d,
                    slot: e,
                    col: f,
                },
            ) => a == d && b == e && c == f,
            (And(a), And(b)) | (Or(a), Or(b)) | (Coalesce(a), Coalesce(b)) => a == b,
            (Xor(a, b), Xor(c, d)) => a == c && b == d,
            (Not(a), Not(b)) | (BitNot(a), BitNot(b)) => a == b,
            (Negate(a, k), Negate(b, l)) => a == b && k == l,
            (
                Is {
                    expr: a,
                    test: b,
                    negated: c,
                },
                Is {
                    expr: d,
                    test: e,
                    negated: f,
                },
            ) => a == d && b == e && c == f,
            (
                Compare {
                    op: a,
                    kind: b,
                    left: c,
                    right: d,
                },
                Compare {
                    op: e,
                    kind: f,
                    left: g,
                    right: h,
                },
            ) => a == e && b == f && c == g && d == h,
            (
                InList {
                    expr: a,
                    list: b,
                    negated: c,
                },
                InList {
                    expr: d,
                    list: e,
                    negated: f,
                },
            ) => a == d && b == e && c == f,
            (
                Arith {
                    op: a,
                    kind: b,
                    left: c,
                    right: d,
                },
                Arith {
                    op: e,
                    kind: f,
                    left: g,
                    right: h,
                },
            ) => a == e && b == f && c == g && d == h,
            (
                DateAdd {
                    date: a,
                    amount: b,
                    unit: c,
                    negative: d,
                    ..
                },
                DateAdd {
                    date: e,
                    amount: f,
                    unit: g,
                    negative: h,
                    ..
                },
            ) => a == e && b == f && c == g && d == h,
            (
                Like {
                    expr: a,
                    pattern: b,
                    escape: c,
                    negated: d,
                    collation: x,
                },
                Like {
                    expr: e,
                    pattern: f,
                    escape: g,
                    negated: h,
                    collation: y,
                },
            ) => a == e && b == f && c == g && d == h && x.id == y.id,
            (
                Case {
                    branches: a,
                    otherwise: b,
                },
                Case {
                    branches: c,
                    otherwise: d,
                },
            ) => a == c && b == d,
            (Cast { expr: a, to: b, .. }, Cast { expr: c, to: d, .. }) => a == c && b == d,
            (
                Call {
                    function: a,
                    args: b,
                    ..
                },
                Call {
                    function: c,
                    args: d,
                    ..
                },
            ) => std::ptr::eq(*a, *c) && !a.volatile && b == d,
            (Scalar(a), Scalar(b)) | (Exists(a), Exists(b)) => Arc::ptr_eq(a, b),
            (UserVar { name: a, .. }, UserVar { name: b, .. }) => a == b,
            (SystemVar(a, b), SystemVar(c, d)) => a == c && b == d,
            (Local(a), Local(b)) => a == b,
            (StoredCall(a), StoredCall(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// A set of slots of one query block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotSet(Vec<u64>);

impl SlotSet {
    /// Adds a slot.
    pub fn insert(&mut self, slot: u16) {
        let word = slot as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (slot % 64);
    }

    /// Whether the slot is in the set.
    pub fn contains(&self, slot: u16) -> bool {
        self.0
            .get(slot as usize / 64)
            .is_some_and(|w| w >> (slot % 64) & 1 == 1)
    }

    /// Whether every slot of this set is in `other`.
    pub fn is_subset(&self, other: &SlotSet) -> bool {
        self.0
            .iter()
            .enumerate()
            .all(|(i, w)| w & !other.0.get(i).copied().unwrap_or(0) == 0)
    }

    /// Whether the sets share a slot.
    pub fn intersects(&self, other: &SlotSet) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Adds every slot of `other`.
    pub fn union(&mut self, other: &SlotSet) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a |= b;
        }
    }

    /// Keeps only slots that are in `other`, too.
    pub fn intersect(&mut self, other: &SlotSet) {
        for (i, word) in self.0.iter_mut().enumerate() {
            *word &= other.0.get(i).copied().unwrap_or(0);
        }
    }

    /// Takes every slot of `other` out.
    pub fn subtract(&mut self, other: &SlotSet) {
        for (word, out) in self.0.iter_mut().zip(&other.0) {
            *word &= !out;
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|w| *w == 0)
    }
}
