//! Expressions.

#![allow(missing_docs)] // fields are named by the grammar's own words

use super::{Ident, ObjectName, Query, Span};

/// A value expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    Literal(Literal),
    Column(ColumnRef),
    /// `*` or `t.*` is no expression, but COUNT(*) has its own mark in [`FunctionCall`].
    SystemVar(Box<SystemVar>),
    /// `@name`, without the at sign.
    UserVar(Box<str>),
    /// `?`, numbered from 0 in order of appearance.
    Param(u32),
    Unary {
        op: UnaryOp,
        expr: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// A chain of AND, at least two operands.
    And(Vec<Expr>),
    /// A chain of OR, at least two operands.
    Or(Vec<Expr>),
    /// `left op ANY|ALL (query)`; SOME is ANY.
    Quantified {
        op: BinaryOp,
        left: Box<Expr>,
        quantifier: Quantifier,
        query: Box<Query>,
    },
    Like {
        expr: Box<Expr>,
        negated: bool,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
    },
    /// REGEXP and RLIKE.
    Regexp {
        expr: Box<Expr>,
        negated: bool,
        pattern: Box<Expr>,
    },
    Between {
        expr: Box<Expr>,
        negated: bool,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    InList {
        expr: Box<Expr>,
        negated: bool,
        list: Vec<Expr>,
    },
    InSubquery {
        expr: Box<Expr>,
        negated: bool,
        query: Box<Query>,
    },
    Is {
        expr: Box<Expr>,
        negated: bool,
        what: IsWhat,
    },
    MemberOf {
        value: Box<Expr>,
        array: Box<Expr>,
    },
    Collate {
        expr: Box<Expr>,
        collation: Box<str>,
    },
    Case {
        operand: Option<Box<Expr>>,
        /// WHEN and THEN.
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    /// CAST(x AS type), CONVERT(x, type); `BINARY x` is [`UnaryOp::Binary`].
    Cast {
        expr: Box<Expr>,
        to: Box<CastType>,
        /// CAST(x AT TIME ZONE ... AS ...)
        at_time_zone: Option<Box<str>>,
    },
    /// CONVERT(x USING charset).
    ConvertUsing {
        expr: Box<Expr>,
        charset: Box<str>,
    },
    /// CHAR(n, ... USING charset); without USING it is an ordinary function call.
    CharUsing {
        args: Vec<Expr>,
        charset: Box<str>,
    },
    /// WEIGHT_STRING(x [AS CHAR(n) | BINARY(n)]).
    WeightString {
        expr: Box<Expr>,
        pad: Option<WeightPad>,
    },
    Function(Box<FunctionCall>),
    Extract {
        unit: IntervalUnit,
        expr: Box<Expr>,
    },
    Trim {
        side: TrimSide,
        what: Option<Box<Expr>>,
        from: Box<Expr>,
    },
    /// POSITION(a IN b).
    Position {
        needle: Box<Expr>,
        haystack: Box<Expr>,
    },
    /// TIMESTAMPADD and TIMESTAMPDIFF.
    TimestampFunction {
        diff: bool,
        unit: IntervalUnit,
        first: Box<Expr>,
        second: Box<Expr>,
    },
    /// GET_FORMAT(DATE|TIME|DATETIME, x).
    GetFormat {
        kind: Box<str>,
        format: Box<Expr>,
    },
    /// JSON_VALUE with any of its clauses; without them it is an ordinary call.
    JsonValue {
        doc: Box<Expr>,
        path: Box<Expr>,
        returning: Option<Box<CastType>>,
        on_empty: Option<Box<super::JsonOn>>,
        on_error: Option<Box<super::JsonOn>>,
    },
    /// `INTERVAL x unit`: an operand of `+` and `-`, or an argument of a date function.
    Interval {
        value: Box<Expr>,
        unit: IntervalUnit,
    },
    Exists(Box<Query>),
    Subquery(Box<Query>),
    /// `(a, b)` and `ROW(a, b)`.
    Row(Vec<Expr>),
    Match {
        columns: Vec<ColumnRef>,
        against: Box<Expr>,
        mode: MatchMode,
    },
    /// `DEFAULT` as a value, or DEFAULT(col).
    Default(Option<Box<ColumnRef>>),
    /// VALUES(col) in ON DUPLICATE KEY UPDATE.
    Values(Box<ColumnRef>),
    /// `@name := x`.
    Assign {
        target: Box<str>,
        value: Box<Expr>,
    },
    /// `{d '...'}` and the like that are no literal: identifier and expression.
    Odbc {
        kind: Ident,
        expr: Box<Expr>,
    },
}

/// A literal value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    Null,
    Bool(bool),
    /// An integer that fits 64 bits unsigned.
    Int(u64),
    /// A larger integer, or a number with a point; the text as written.
    Decimal(Box<str>),
    /// A number with an exponent; the text as written.
    Float(Box<str>),
    /// A string after escapes, in whatever bytes the client sent; N'x' has charset `utf8`.
    String {
        bytes: Box<[u8]>,
        charset: Option<Box<str>>,
    },
    /// X'..' and 0x.., decoded.
    Hex {
        bytes: Box<[u8]>,
        charset: Option<Box<str>>,
    },
    /// B'..' and 0b.., packed to bytes from the right.
    Bit {
        bytes: Box<[u8]>,
        charset: Option<Box<str>>,
    },
    /// DATE'..', TIME'..', TIMESTAMP'..'.
    Temporal {
        kind: TemporalKind,
        text: Box<str>,
    },
}

/// Which temporal literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TemporalKind {
    Date,
    Time,
    Timestamp,
}

/// A column, qualified as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnRef {
    pub db: Option<Ident>,
    pub table: Option<Ident>,
    pub name: Ident,
}

/// `@@name`, `@@global.name`; the name keeps inner dots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SystemVar {
    pub scope: Option<VarScope>,
    pub name: Box<str>,
}

/// Where a system variable is read or set; LOCAL is SESSION.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VarScope {
    Global,
    Session,
    Persist,
    PersistOnly,
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `NOT x`
    Not,
    /// `! x`: the same meaning as NOT with a higher precedence.
    Bang,
    Minus,
    Plus,
    /// `~ x`
    BitNot,
    /// `BINARY x`
    Binary,
}

/// Infix operators other than AND, OR and those with a node of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Xor,
    Eq,
    /// `<=>`
    NullSafeEq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    SoundsLike,
    BitOr,
    BitAnd,
    ShiftLeft,
    ShiftRight,
    Add,
    Sub,
    Mul,
    /// `/`
    Div,
    /// `DIV`
    IntDiv,
    /// `%` and MOD
    Mod,
    BitXor,
    /// `||` under PIPES_AS_CONCAT
    Concat,
    /// `->`
    JsonExtract,
    /// `->>`
    JsonUnquote,
}

/// ANY (SOME) or ALL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    Any,
    All,
}

/// What IS tests for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IsWhat {
    Null,
    True,
    False,
    Unknown,
}

/// The target of CAST and CONVERT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CastType {
    pub kind: CastKind,
    /// CAST(x AS type ARRAY)
    pub array: bool,
}

/// Types that CAST knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CastKind {
    Binary(Option<u64>),
    Char {
        length: Option<u64>,
        charset: Option<Box<str>>,
        /// BINARY attribute after the type.
        binary: bool,
    },
    /// NCHAR, NATIONAL CHAR
    NChar(Option<u64>),
    Date,
    Datetime(Option<u32>),
    Time(Option<u32>),
    Year,
    Signed,
    Unsigned,
    Decimal {
        precision: Option<u32>,
        scale: Option<u32>,
    },
    Float(Option<u32>),
    Double,
    Real,
    Json,
    /// POINT, LINESTRING and so on, in capitals.
    Geometry(&'static str),
    Vector(Option<u32>),
}

/// WEIGHT_STRING's AS clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightPad {
    pub binary: bool,
    pub length: u64,
}

/// A call of any function: plain, aggregate, window or stored.
///
/// SUBSTRING(x FROM a FOR b) becomes SUBSTRING(x, a, b); CURRENT_TIMESTAMP and its kin without
/// parentheses have no arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FunctionCall {
    pub db: Option<Ident>,
    /// The name as written.
    pub name: Ident,
    pub args: Vec<Expr>,
    /// COUNT(*)
    pub star: bool,
    /// An aggregate's DISTINCT.
    pub distinct: bool,
    /// GROUP_CONCAT's ORDER BY.
    pub order_by: Vec<OrderItem>,
    /// GROUP_CONCAT's SEPARATOR.
    pub separator: Option<Box<[u8]>>,
    /// IGNORE NULLS or RESPECT NULLS.
    pub nulls: Option<NullTreatment>,
    /// NTH_VALUE's FROM LAST.
    pub from_last: bool,
    pub over: Option<Box<Over>>,
}

/// Whether a window function skips nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullTreatment {
    Respect,
    Ignore,
}

/// OVER clause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    /// OVER name
    Name(Ident),
    /// OVER ([name] ...)
    Spec(WindowSpec),
}

/// A window definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WindowSpec {
    /// The window that this one refines.
    pub base: Option<Ident>,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<OrderItem>,
    pub frame: Option<WindowFrame>,
}

/// ROWS, RANGE or GROUPS clause; without BETWEEN the end is CURRENT ROW.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WindowFrame {
    pub unit: FrameUnit,
    pub start: FrameBound,
    /// `None` when written without BETWEEN.
    pub end: Option<FrameBound>,
    pub exclude: Option<FrameExclude>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameUnit {
    Rows,
    Range,
    Groups,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FrameBound {
    UnboundedPreceding,
    /// The expression may be [`Expr::Interval`].
    Preceding(Expr),
    CurrentRow,
    Following(Expr),
    UnboundedFollowing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameExclude {
    CurrentRow,
    Group,
    Ties,
    NoOthers,
}

/// One ORDER BY key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderItem {
    pub expr: Expr,
    pub descending: bool,
    pub span: Span,
}

/// TRIM's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrimSide {
    /// Not written: both.
    Unspecified,
    Both,
    Leading,
    Trailing,
}

/// AGAINST's search modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchMode {
    Default,
    NaturalLanguage,
    NaturalLanguageWithExpansion,
    Boolean,
    WithExpansion,
}

/// Units of INTERVAL, EXTRACT and event schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntervalUnit {
    Microsecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    SecondMicrosecond,
    MinuteMicrosecond,
    MinuteSecond,
    HourMicrosecond,
    HourSecond,
    HourMinute,
    DayMicrosecond,
    DaySecond,
    DayMinute,
    DayHour,
    YearMonth,
}

impl IntervalUnit {
    /// Every unit with its SQL word.
    pub const ALL: [(IntervalUnit, &'static str); 20] = [
        (IntervalUnit::Microsecond, "MICROSECOND"),
        (IntervalUnit::Second, "SECOND"),
        (IntervalUnit::Minute, "MINUTE"),
        (IntervalUnit::Hour, "HOUR"),
        (IntervalUnit::Day, "DAY"),
        (IntervalUnit::Week, "WEEK"),
        (IntervalUnit::Month, "MONTH"),
        (IntervalUnit::Quarter, "QUARTER"),
        (IntervalUnit::Year, "YEAR"),
        (IntervalUnit::SecondMicrosecond, "SECOND_MICROSECOND"),
        (IntervalUnit::MinuteMicrosecond, "MINUTE_MICROSECOND"),
        (IntervalUnit::MinuteSecond, "MINUTE_SECOND"),
        (IntervalUnit::HourMicrosecond, "HOUR_MICROSECOND"),
        (IntervalUnit::HourSecond, "HOUR_SECOND"),
        (IntervalUnit::HourMinute, "HOUR_MINUTE"),
        (IntervalUnit::DayMicrosecond, "DAY_MICROSECOND"),
        (IntervalUnit::DaySecond, "DAY_SECOND"),
        (IntervalUnit::DayMinute, "DAY_MINUTE"),
        (IntervalUnit::DayHour, "DAY_HOUR"),
        (IntervalUnit::YearMonth, "YEAR_MONTH"),
    ];

    /// The SQL word in capitals.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(unit, _)| *unit == self)
            .map_or("", |(_, word)| word)
    }
}

/// An expression with the text it was written as: DEFAULT, CHECK, GENERATED and the like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceExpr {
    pub expr: Expr,
    pub span: Span,
}

/// A table function or stored function name with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamedCall {
    pub name: ObjectName,
    pub args: Vec<Expr>,
}
