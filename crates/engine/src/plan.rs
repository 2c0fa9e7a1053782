//! Plans: what a statement does, with names resolved, indexes chosen and joins in order.
//!
//! A query block is one SELECT. Each of its row sources has a slot; expressions read columns of
//! slots. A block runs as nested loops over its join items in order, each item reached by its
//! access path; what follows (aggregation, windows, order) is a stage on the rows that come out.

use std::sync::Arc;

use values::{Collation, SqlType};

use crate::expr::{CompareAs, CompareOp, Expr, SlotSet};
use crate::result::ColumnMeta;
use crate::table::TableDef;
use crate::virtual_table::VirtualTable;

/// A query with its result columns.
#[derive(Clone, Debug)]
pub struct QueryPlan {
    /// Result columns in order.
    pub columns: Vec<ColumnMeta>,
    /// What computes the rows.
    pub body: QueryBody,
}

/// What computes a query's rows.
#[derive(Clone, Debug)]
pub enum QueryBody {
    /// One SELECT.
    Block(Box<Block>),
    /// A set operation.
    Set(Box<SetOperation>),
    /// VALUES ROW(..), ..
    Values(Vec<Vec<Expr>>),
    /// A recursive common table expression.
    Recursive(Box<Recursive>),
    /// Another query, ordered and limited again.
    Ordered(Box<Ordered>),
}

/// ORDER BY and LIMIT over rows whose columns are slot 0.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// The rows.
    pub input: QueryPlan,
    /// Keys over slot 0.
    pub order: Vec<SortKey>,
    /// Bounds.
    pub limit: Limit,
}

/// UNION, INTERSECT or EXCEPT of two queries; columns are converted to common types.
#[derive(Clone, Debug)]
pub struct SetOperation {
    /// Operation.
    pub op: syntax::ast::SetOp,
    /// Keep duplicates.
    pub all: bool,
    /// Operands.
    pub left: QueryPlan,
    /// Operands.
    pub right: QueryPlan,
    /// Common type of each column, with the type on either side.
    pub types: Vec<SqlType>,
    /// How equality of each column is decided.
    pub kinds: Vec<CompareAs>,
}

/// WITH RECURSIVE: `seed`, then `step` over the rows of the last round until none is new.
#[derive(Clone, Debug)]
pub struct Recursive {
    /// Number of the work table that `step` reads.
    pub work: usize,
    /// First rows.
    pub seed: QueryPlan,
    /// Next rows.
    pub step: Vec<(QueryPlan, bool)>,
    /// UNION DISTINCT.
    pub distinct: bool,
    /// Column types.
    pub types: Vec<SqlType>,
    /// How equality of each column is decided.
    pub kinds: Vec<CompareAs>,
}

/// LIMIT and OFFSET.
#[derive(Clone, Debug, Default)]
pub struct Limit {
    /// Most rows.
    pub count: Option<Expr>,
    /// Rows left out first.
    pub offset: Option<Expr>,
}

/// A key of ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What is ordered by.
    pub expr: Expr,
    /// Form of comparison.
    pub kind: CompareAs,
    /// DESC.
    pub descending: bool,
}

/// One SELECT.
#[derive(Clone, Debug)]
pub struct Block {
    /// Number of slots.
    pub slots: usize,
    /// Conditions without rows; when one is not true there are no rows.
    pub gate: Vec<Expr>,
    /// Row sources in join order.
    pub from: Vec<JoinItem>,
    /// GROUP BY and aggregates.
    pub aggregate: Option<Aggregate>,
    /// HAVING.
    pub having: Vec<Expr>,
    /// Window functions, computed after HAVING.
    pub windows: Option<Windows>,
    /// The select list.
    pub items: Vec<Expr>,
    /// DISTINCT: how each item is compared.
    pub distinct: Option<Vec<CompareAs>>,
    /// ORDER BY; empty when rows come in order already.
    pub order: Vec<SortKey>,
    /// LIMIT.
    pub limit: Limit,
    /// SQL_CALC_FOUND_ROWS.
    pub count_found: bool,
    /// Rows that it locks.
    pub locks: Vec<LockedSource>,
}

/// A stored table whose rows a block locks: FOR UPDATE, FOR SHARE.
#[derive(Clone, Debug)]
pub struct LockedSource {
    /// Slot of its rows.
    pub slot: u16,
    /// Number in the statement's list of tables.
    pub table: usize,
    /// Database with its revision.
    pub db: String,
    /// FOR UPDATE.
    pub exclusive: bool,
    /// What is done about locks of others.
    pub wait: syntax::ast::LockWait,
}

/// One step of the nested loop.
#[derive(Clone, Debug)]
pub struct JoinItem {
    /// Inner or outer.
    pub kind: JoinKind,
    /// Where its rows come from.
    pub source: Source,
    /// Conditions of the join itself; for an outer join they decide what matches.
    pub on: Vec<Expr>,
    /// Conditions of WHERE that can be decided once this item's row is known.
    pub filter: Vec<Expr>,
    /// Slots that this item fills.
    pub slots: Vec<u16>,
}

/// How an item joins what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Every match.
    Inner,
    /// Every match, or one row of NULLs.
    Left,
}

/// Where an item's rows come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A stored table.
    Table(TableScan),
    /// A parenthesised join.
    Nest(Vec<JoinItem>),
    /// FULL OUTER JOIN of two parts.
    Full(Box<FullJoin>),
    /// A query in FROM, a view, or a common table expression.
    Derived(Derived),
    /// A system table or table function.
    Virtual(VirtualScan),
    /// The rows of the last round of a recursive query.
    Work {
        /// Slot to fill.
        slot: u16,
        /// Number of the work table.
        work: usize,
    },
    /// JSON_TABLE.
    JsonTable(Box<crate::json_table::JsonTablePlan>),
}

/// FULL OUTER JOIN: every match, and the rows of either side without one.
#[derive(Clone, Debug)]
pub struct FullJoin {
    /// One side.
    pub left: Vec<JoinItem>,
    /// The other side, kept while it is matched.
    pub right: Vec<JoinItem>,
    /// What matches.
    pub on: Vec<Expr>,
    /// Slots of the left side.
    pub left_slots: Vec<u16>,
    /// Slots of the right side.
    pub right_slots: Vec<u16>,
}

/// A query as a row source.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Slot to fill.
    pub slot: u16,
    /// The query.
    pub plan: Arc<QueryPlan>,
    /// Whether it refers to rows outside itself.
    pub correlated: bool,
    /// Place of its rows in the statement's cache; references to one CTE share it.
    pub cache: usize,
    /// Equalities to look rows up by: (column, how, outer expression).
    pub hash: Vec<(u16, CompareAs, Expr)>,
}

/// A virtual table as a row source.
#[derive(Clone, Debug)]
pub struct VirtualScan {
    /// Slot to fill.
    pub slot: u16,
    /// What makes the rows.
    pub table: Arc<dyn VirtualTable>,
    /// Arguments of a table function.
    pub args: Vec<Expr>,
    /// `column = expression` that the table may use to read less; they are checked again.
    pub equals: Vec<(u16, Expr)>,
    /// Other comparisons of a column that the table may use.
    pub compares: Vec<(u16, CompareOp, Expr)>,
    /// Place of its rows in the statement's cache when it is read more than once.
    pub cache: usize,
}

/// A read of a stored table.
#[derive(Clone, Debug)]
pub struct TableScan {
    /// Slot to fill.
    pub slot: u16,
    /// Number in the statement's list of tables.
    pub table: usize,
    /// Definition that the plan was made for.
    pub def: Arc<TableDef>,
    /// How rows are reached.
    pub access: Access,
    /// Columns that the block reads, where that is known: an index may cover them.
    pub columns: Option<SlotSet>,
    /// Rows at the time of planning.
    pub rows: u64,
}

/// How rows of a stored table are reached.
#[derive(Clone, Debug)]
pub enum Access {
    /// All rows in primary key order.
    Full {
        /// From the last to the first.
        reverse: bool,
    },
    /// Ranges of an index.
    Index(IndexAccess),
    /// All rows, hashed once by these columns, then looked up.
    Hash(Vec<(u16, CompareAs, Expr)>),
    /// No rows.
    Empty,
}

/// Ranges of one index.
#[derive(Clone, Debug)]
pub struct IndexAccess {
    /// None is the primary key.
    pub index: Option<usize>,
    /// Leading columns with the values they must equal; more than one value is IN.
    pub equals: Vec<Vec<Expr>>,
    /// Whether an equality is `<=>`, which finds NULL.
    pub null_safe: Vec<bool>,
    /// What the next column may be: in any of these; none is everything.
    pub intervals: Vec<Interval>,
    /// The index holds every column that is read.
    pub covering: bool,
    /// From the last to the first.
    pub reverse: bool,
    /// Rows may come in any order: in that of the primary key, where each leaf is read once.
    pub any_order: bool,
}

impl IndexAccess {
    /// Whether it asks for one value of every column of `key`.
    pub fn is_point(&self, key: &[usize]) -> bool {
        self.equals.len() == key.len()
            && self.equals.iter().all(|values| values.len() == 1)
            && self.null_safe.iter().all(|null| !null)
    }
}

/// Values between two bounds; each has whether it is included, and none is open.
#[derive(Clone, Debug, Default)]
pub struct Interval {
    /// From here.
    pub lower: Option<(Expr, bool)>,
    /// To here.
    pub upper: Option<(Expr, bool)>,
}

impl Interval {
    /// The value alone.
    pub fn point(e: &Expr) -> Interval {
        Interval {
            lower: Some((e.clone(), true)),
            upper: Some((e.clone(), true)),
        }
    }
}

/// GROUP BY and aggregate functions. The result is a row in `slot`: keys, then aggregates.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Slot of the result row.
    pub slot: u16,
    /// Grouping keys with the form in which they are compared.
    pub keys: Vec<(Expr, CompareAs)>,
    /// Functions.
    pub calls: Vec<AggregateCall>,
    /// No GROUP BY: one row even without input.
    pub scalar: bool,
    /// WITH ROLLUP.
    pub rollup: bool,
    /// Rows come ordered by the keys, so one group is held at a time.
    pub ordered: bool,
}

/// One aggregate function.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateCall {
    /// Which.
    pub function: AggregateFunction,
    /// Arguments.
    pub args: Vec<Expr>,
    /// Their types.
    pub arg_types: Vec<SqlType>,
    /// DISTINCT.
    pub distinct: bool,
    /// Form of comparison of the first argument (MIN, MAX, DISTINCT).
    pub kind: CompareAs,
    /// GROUP_CONCAT's order.
    pub order: Vec<SortKey>,
    /// GROUP_CONCAT's separator.
    pub separator: Vec<u8>,
    /// Result type.
    pub ty: SqlType,
}

/// Aggregate functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the functions' own names
pub enum AggregateFunction {
    CountStar,
    Count,
    Sum,
    Avg,
    Min,
    Max,
    GroupConcat,
    BitAnd,
    BitOr,
    BitXor,
    StddevPop,
    StddevSamp,
    VarPop,
    VarSamp,
    JsonArrayAgg,
    JsonObjectAgg,
    /// ANY_VALUE, and columns that the grouping determines.
    AnyValue,
    /// Dolt's FIRST.
    First,
    /// Dolt's LAST.
    Last,
    /// GROUPING(key): 1 in the rows that ROLLUP adds for it.
    Grouping(usize),
}

/// Window functions over the rows of a block.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Slot of the row that holds the results.
    pub slot: u16,
    /// Functions, in the order of their result columns.
    pub calls: Vec<WindowCall>,
}

/// One window function with its window.
#[derive(Clone, Debug)]
pub struct WindowCall {
    /// Which.
    pub function: WindowFunction,
    /// Arguments over the kept row.
    pub args: Vec<Expr>,
    /// PARTITION BY.
    pub partition: Vec<(Expr, CompareAs)>,
    /// ORDER BY.
    pub order: Vec<SortKey>,
    /// Frame; None is the default.
    pub frame: Option<Frame>,
    /// Result type.
    pub ty: SqlType,
}

/// Window functions.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the functions' own names
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
    Aggregate(Box<AggregateCall>),
}

/// ROWS or RANGE frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// ROWS rather than RANGE.
    pub rows: bool,
    /// Start.
    pub start: Bound,
    /// End.
    pub end: Bound,
}

/// A bound of a frame; offsets are expressions over constants.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // SQL's own names
pub enum Bound {
    UnboundedPreceding,
    Preceding(Expr),
    CurrentRow,
    Following(Expr),
    UnboundedFollowing,
    /// The value of ORDER BY with an INTERVAL added or taken away, as each row has it.
    Value(Expr),
}

impl QueryPlan {
    /// The slots of the block `deep` levels out that this query reads.
    pub(crate) fn slots_at(&self, deep: u16, out: &mut SlotSet) {
        self.for_each_expr(&mut |e| e.slots_at(deep, out));
        self.for_each_derived(&mut |d| d.slots_at(deep + 1, out));
    }

    /// Visits every expression of this query and of the queries in its FROM clauses, with the
    /// number of blocks between it and the block `deep` levels out.
    pub(crate) fn visit(&self, deep: u16, f: &mut dyn FnMut(&Expr, u16)) {
        self.for_each_expr(&mut |e| f(e, deep));
        self.for_each_derived(&mut |d| d.visit(deep + 1, f));
    }

    /// Visits the expressions of this query that stand in its own blocks.
    fn for_each_expr(&self, f: &mut dyn FnMut(&Expr)) {
        match &self.body {
            QueryBody::Block(b) => b.for_each_expr(f),
            QueryBody::Set(s) => {
                s.left.for_each_expr(f);
                s.right.for_each_expr(f);
            }
            QueryBody::Values(rows) => rows.iter().flatten().for_each(f),
            QueryBody::Recursive(r) => {
                r.seed.for_each_expr(f);
                r.step.iter().for_each(|(q, _)| q.for_each_expr(f));
            }
            QueryBody::Ordered(o) => {
                o.input.for_each_expr(f);
            }
        }
    }

    fn for_each_derived(&self, f: &mut dyn FnMut(&QueryPlan)) {
        match &self.body {
            QueryBody::Block(b) => b.from.iter().for_each(|i| i.for_each_derived(f)),
            QueryBody::Set(s) => {
                s.left.for_each_derived(f);
                s.right.for_each_derived(f);
            }
            QueryBody::Recursive(r) => {
                r.seed.for_each_derived(f);
                r.step.iter().for_each(|(q, _)| q.for_each_derived(f));
            }
            QueryBody::Ordered(o) => o.input.for_each_derived(f),
            QueryBody::Values(_) => {}
        }
    }
}

impl Block {
    /// Visits every expression of the block.
    pub fn for_each_expr(&self, f: &mut dyn FnMut(&Expr)) {
        self.gate.iter().for_each(&mut *f);
        self.from.iter().for_each(|i| i.for_each_expr(f));
        if let Some(a) = &self.aggregate {
            a.keys.iter().for_each(|(e, _)| f(e));
            for c in &a.calls {
                c.args.iter().for_each(&mut *f);
                c.order.iter().for_each(|k| f(&k.expr));
            }
        }
        self.having.iter().for_each(&mut *f);
        if let Some(w) = &self.windows {
            for c in &w.calls {
                c.args.iter().for_each(&mut *f);
                c.partition.iter().for_each(|(e, _)| f(e));
                c.order.iter().for_each(|k| f(&k.expr));
            }
        }
        self.items.iter().for_each(&mut *f);
        self.order.iter().for_each(|k| f(&k.expr));
        self.limit.count.iter().for_each(&mut *f);
        self.limit.offset.iter().for_each(f);
    }
}

impl JoinItem {
    fn for_each_expr(&self, f: &mut dyn FnMut(&Expr)) {
        self.on.iter().for_each(&mut *f);
        self.filter.iter().for_each(&mut *f);
        match &self.source {
            Source::Table(t) => match &t.access {
                Access::Index(i) => {
                    i.equals.iter().flatten().for_each(&mut *f);
                    for between in &i.intervals {
                        between
                            .lower
                            .iter()
                            .chain(&between.upper)
                            .for_each(|(e, _)| f(e));
                    }
                }
                Access::Hash(keys) => keys.iter().for_each(|(_, _, e)| f(e)),
                _ => {}
            },
            Source::Nest(items) => items.iter().for_each(|i| i.for_each_expr(f)),
            Source::Full(j) => {
                j.left
                    .iter()
                    .chain(&j.right)
                    .for_each(|i| i.for_each_expr(f));
                j.on.iter().for_each(f);
            }
            Source::Derived(d) => d.hash.iter().for_each(|(_, _, e)| f(e)),
            Source::Virtual(v) => {
                v.args.iter().for_each(&mut *f);
                v.equals.iter().for_each(|(_, e)| f(e));
                v.compares.iter().for_each(|(_, _, e)| f(e));
            }
            Source::JsonTable(j) => f(&j.doc),
            Source::Work { .. } => {}
        }
    }

    fn for_each_derived(&self, f: &mut dyn FnMut(&QueryPlan)) {
        match &self.source {
            Source::Derived(d) => f(&d.plan),
            Source::Nest(items) => items.iter().for_each(|i| i.for_each_derived(f)),
            Source::Full(j) => j
                .left
                .iter()
                .chain(&j.right)
                .for_each(|i| i.for_each_derived(f)),
            _ => {}
        }
    }
}

/// The collation by which a text type is compared; binary for others.
pub fn text_collation(ty: &SqlType) -> Option<&'static Collation> {
    let id = match ty {
        SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => *c,
        SqlType::Enum(_, c) | SqlType::Set(_, c) => *c,
        _ => return None,
    };
    values::collation::by_id(id)
}
