//! Queries, table references, and statements that read or change rows.

#![allow(missing_docs)] // fields are named by the grammar's own words

use std::sync::Arc;

use super::{
    ColumnRef, Expr, Ident, NamedCall, ObjectName, OrderItem, Span, ValueRows, WindowSpec,
};

/// A query expression: SELECT, VALUES, TABLE, set operations, and what may follow them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    pub with: Option<With>,
    pub body: SetExpr,
    pub order_by: Vec<OrderItem>,
    pub limit: Option<Limit>,
    pub locks: Vec<LockClause>,
    /// INTO after or within the query.
    pub into: Option<Box<SelectInto>>,
    pub span: Span,
}

/// WITH [RECURSIVE].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct With {
    pub recursive: bool,
    pub ctes: Vec<Cte>,
}

/// One common table expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cte {
    pub name: Ident,
    pub columns: Vec<Ident>,
    pub query: Box<Query>,
}

/// What a query expression computes before ORDER BY and LIMIT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetExpr {
    Select(Box<Select>),
    /// `first op term op term ...`, from left to right. INTERSECT binds tighter than the others, so
    /// one chain is either INTERSECT alone, or UNION and EXCEPT.
    Chain {
        first: Box<SetExpr>,
        rest: Vec<SetTerm>,
    },
    /// VALUES ROW(..), ..
    Values(Vec<Vec<Expr>>),
    /// TABLE t
    Table(TableName),
    /// A query in parentheses.
    Nested(Box<Query>),
}

/// The right side of a set operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetTerm {
    pub op: SetOp,
    /// ALL; DISTINCT is the default.
    pub all: bool,
    pub term: SetExpr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    Union,
    Intersect,
    Except,
}

/// One query block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Select {
    pub distinct: bool,
    pub modifiers: SelectModifiers,
    /// Text of the optimizer hint comment, without its delimiters.
    pub hints: Option<Box<str>>,
    pub items: Vec<SelectItem>,
    /// Comma list; empty for no FROM and FROM DUAL.
    pub from: Vec<TableRef>,
    pub where_: Option<Expr>,
    pub group_by: Vec<GroupItem>,
    pub rollup: bool,
    pub having: Option<Expr>,
    pub windows: Vec<(Ident, WindowSpec)>,
}

/// Words after SELECT that change no result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SelectModifiers {
    pub high_priority: bool,
    pub straight_join: bool,
    pub small_result: bool,
    pub big_result: bool,
    pub buffer_result: bool,
    pub no_cache: bool,
    pub cache: bool,
    pub calc_found_rows: bool,
}

/// One item of a select list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SelectItem {
    /// `*`
    Wildcard,
    /// `t.*`, `db.t.*`
    QualifiedWildcard(ObjectName),
    /// The span names an unaliased column.
    Expr {
        expr: Expr,
        alias: Option<Ident>,
        span: Span,
    },
}

/// One GROUP BY key; the direction is a relic that MySQL 8 refuses and Dolt accepts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupItem {
    pub expr: Expr,
    pub span: Span,
}

/// A table as named in a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    pub name: ObjectName,
    pub as_of: Option<Box<AsOf>>,
    pub partitions: Vec<Ident>,
}

/// Time travel on a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AsOf {
    /// AS OF x, FOR SYSTEM_TIME AS OF x, FOR VERSION AS OF x. A bare identifier is a column.
    Point(Expr),
    Between(Expr, Expr),
    FromTo(Expr, Expr),
    ContainedIn(Expr, Expr),
    All,
}

/// An item of FROM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TableRef {
    Table {
        table: TableName,
        alias: Option<Ident>,
        hints: Vec<IndexHint>,
    },
    /// The alias is missing only where Dolt reports that itself.
    Derived {
        lateral: bool,
        query: Box<Query>,
        alias: Option<Ident>,
        columns: Vec<Ident>,
    },
    /// `dolt_diff(...)` and the like.
    Function {
        call: Box<NamedCall>,
        lateral: bool,
        as_of: Option<Box<AsOf>>,
        alias: Option<Ident>,
        columns: Vec<Ident>,
    },
    JsonTable(Box<JsonTable>),
    Join(Box<Join>),
    /// `(t1, t2)`: a comma list in parentheses.
    List(Vec<TableRef>),
}

/// A join of two table references.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Join {
    pub left: TableRef,
    pub right: TableRef,
    pub kind: JoinKind,
    pub natural: bool,
    pub constraint: JoinConstraint,
}

/// JOIN, INNER JOIN and CROSS JOIN are alike in MySQL; the last two are kept for printing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    Inner,
    Cross,
    Left,
    Right,
    Full,
    Straight,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JoinConstraint {
    None,
    On(Expr),
    Using(Vec<Ident>),
}

/// USE, FORCE or IGNORE INDEX.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexHint {
    pub kind: IndexHintKind,
    pub scope: Option<IndexHintScope>,
    pub indexes: Vec<Ident>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexHintKind {
    Use,
    Force,
    Ignore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexHintScope {
    Join,
    OrderBy,
    GroupBy,
}

/// JSON_TABLE(doc, path COLUMNS(..)) AS alias.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JsonTable {
    pub doc: Expr,
    pub path: Expr,
    pub columns: Vec<JsonColumn>,
    pub alias: Option<Ident>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonColumn {
    Ordinality(Ident),
    Path {
        name: Ident,
        data_type: super::DataType,
        exists: bool,
        path: Expr,
        on_empty: Option<JsonOn>,
        on_error: Option<JsonOn>,
    },
    Nested {
        path: Expr,
        columns: Vec<JsonColumn>,
    },
}

/// What ON EMPTY or ON ERROR gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonOn {
    Null,
    Error,
    Default(Expr),
}

/// LIMIT; both parts may be literals, parameters or variables of a stored program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    pub count: Expr,
    pub offset: Option<Expr>,
}

/// FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockClause {
    pub strength: LockStrength,
    pub of: Vec<ObjectName>,
    pub wait: LockWait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockStrength {
    Update,
    Share,
    /// LOCK IN SHARE MODE
    ShareMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockWait {
    Wait,
    NoWait,
    SkipLocked,
}

/// SELECT .. INTO.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SelectInto {
    Variables(Vec<IntoTarget>),
    Outfile {
        file: Box<str>,
        charset: Option<Box<str>>,
        format: FileFormat,
    },
    Dumpfile(Box<str>),
}

/// A user variable or a variable of a stored program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IntoTarget {
    User(Box<str>),
    Local(Ident),
}

/// FIELDS and LINES clauses; `None` means MySQL's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileFormat {
    pub fields_terminated: Option<Box<[u8]>>,
    pub fields_enclosed: Option<Box<[u8]>>,
    pub fields_optionally_enclosed: bool,
    pub fields_escaped: Option<Box<[u8]>>,
    pub lines_starting: Option<Box<[u8]>>,
    pub lines_terminated: Option<Box<[u8]>>,
}

/// INSERT and REPLACE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Insert {
    pub with: Option<With>,
    pub replace: bool,
    pub ignore: bool,
    pub priority: Option<Priority>,
    pub hints: Option<Box<str>>,
    pub table: ObjectName,
    pub partitions: Vec<Ident>,
    /// Empty when no list was written; qualified names keep only the last part's meaning.
    pub columns: Vec<ColumnRef>,
    /// Whether a column list was written, perhaps an empty one.
    pub has_columns: bool,
    pub source: InsertSource,
    /// `AS new(a, b)`
    pub row_alias: Option<(Ident, Vec<Ident>)>,
    pub on_duplicate: Vec<Assignment>,
    /// An extension of Dolt.
    pub returning: Vec<SelectItem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InsertSource {
    /// A row may be empty, and a cell may be [`Expr::Default`].
    Values(Arc<ValueRows>),
    Set(Vec<Assignment>),
    /// SELECT, TABLE, VALUES ROW(..)
    Query(Box<Query>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    Low,
    Delayed,
    High,
}

/// `column = value`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Assignment {
    pub column: ColumnRef,
    pub value: Expr,
}

/// UPDATE of one or several tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Update {
    pub with: Option<With>,
    pub low_priority: bool,
    pub ignore: bool,
    pub hints: Option<Box<str>>,
    pub tables: Vec<TableRef>,
    pub set: Vec<Assignment>,
    pub where_: Option<Expr>,
    pub order_by: Vec<OrderItem>,
    pub limit: Option<Limit>,
    /// An extension of Dolt.
    pub returning: Vec<SelectItem>,
}

/// DELETE from one or several tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delete {
    pub with: Option<With>,
    pub low_priority: bool,
    pub quick: bool,
    pub ignore: bool,
    pub hints: Option<Box<str>>,
    /// Tables to delete from when they are listed apart from `from`: `DELETE a, b FROM ..` and
    /// `DELETE FROM a, b USING ..`. Empty in the single-table form.
    pub targets: Vec<ObjectName>,
    pub from: Vec<TableRef>,
    pub where_: Option<Expr>,
    pub order_by: Vec<OrderItem>,
    pub limit: Option<Limit>,
    /// An extension of Dolt.
    pub returning: Vec<SelectItem>,
}

/// LOAD DATA.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoadData {
    pub priority: Option<LoadPriority>,
    pub local: bool,
    pub file: Box<str>,
    pub duplicates: Option<LoadDuplicates>,
    pub table: ObjectName,
    pub partitions: Vec<Ident>,
    pub charset: Option<Box<str>>,
    pub format: FileFormat,
    pub ignore_lines: Option<u64>,
    pub columns: Vec<LoadColumn>,
    pub set: Vec<Assignment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoadPriority {
    Low,
    Concurrent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoadDuplicates {
    Replace,
    Ignore,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LoadColumn {
    Column(ColumnRef),
    User(Box<str>),
}

/// CALL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub name: ObjectName,
    pub args: Vec<Expr>,
    /// An extension of Dolt.
    pub as_of: Option<Expr>,
}
