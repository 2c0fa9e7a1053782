//! From syntax tree to plan: names are looked up, types decided, conversions made explicit.
//!
//! The binder keeps a stack of query blocks. A name is looked for in the innermost block first; a
//! hit further out becomes [`Expr::Outer`] and marks the blocks between as correlated.

pub(crate) mod aggregate;
pub mod dml;
pub use expr::{same_form, type_of_value};
mod expr;
mod from;
mod query;
pub mod types;

use std::collections::HashMap;
use std::sync::Arc;

use syntax::ast;
use values::{CollationId, OwnedValue, SqlType};

pub use types::Typed;

use crate::accounts::{Access, AccountName};
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::plan::{AggregateCall, QueryPlan, WindowCall};
use crate::program::Scope;
use crate::program::stored::{CodeVersion, StoredProgram};
use crate::program::trigger::TriggerSet;
use crate::result::ColumnMeta;
use crate::root_state::ViewReader;
use crate::table::TableDef;
use crate::time_zone::Zone;
use crate::virtual_table::VirtualTable;

/// A stored table that a statement reads or writes.
#[derive(Clone, Debug)]
pub struct BoundTable {
    /// Database with its revision, as the session resolves it.
    pub db: String,
    /// Name of the table.
    pub name: String,
    /// Root to read when it is not the session's: a commit, tag or branch.
    pub as_of: Option<String>,
    /// Definition at the time of planning.
    pub def: Arc<TableDef>,
    /// Rows at the time of planning.
    pub rows: u64,
    /// Its name leads to another revision, as long as `dolt_nonlocal_tables` says so.
    pub elsewhere: bool,
    /// Its rows are locked, so that the newest ones are read.
    pub locked: bool,
}

/// What a table name stands for.
pub enum Resolved {
    /// A stored table.
    Table(BoundTable),
    /// A view: its columns if named, and its query's text.
    View {
        /// Database that names in the text belong to.
        db: String,
        /// Revision to read, as for tables.
        as_of: Option<String>,
        /// The text after AS.
        text: String,
        /// Column names, if the view has its own.
        columns: Vec<String>,
        /// Whose rights it reads with.
        reader: ViewReader,
    },
    /// A system table.
    Virtual(Arc<dyn VirtualTable>),
}

/// What the binder asks the session for.
pub trait Catalog {
    /// Finds a table, view or system table.
    fn resolve_table(
        &self,
        db: Option<&str>,
        name: &str,
        as_of: Option<&OwnedValue>,
    ) -> Result<Resolved>;
    /// Finds a table function; arguments are bound constants where known.
    fn resolve_function(
        &self,
        db: Option<&str>,
        name: &str,
        args: &[Option<OwnedValue>],
    ) -> Result<Arc<dyn VirtualTable>>;
    /// What the account that a view names as its definer may not do; none if it may do everything.
    fn access_of(&self, _definer: &AccountName) -> Result<Option<Arc<Access>>> {
        Ok(None)
    }
    /// Names of the stored tables of a database.
    fn table_names(&self, _db: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    /// Current database, if any.
    fn current_database(&self) -> Option<String>;
    /// Value of a user variable now; decides its static type.
    fn user_variable(&self, name: &str) -> OwnedValue;
    /// Value of a system variable now; decides its static type.
    fn system_variable(&self, scope: Option<ast::VarScope>, name: &str) -> Result<OwnedValue>;
    /// What the account may not do; none when it may do everything.
    fn access(&self) -> Option<Arc<Access>> {
        None
    }
    /// Evaluates an expression without rows.
    fn constant(&self, expr: &Expr) -> Result<OwnedValue>;
    /// Root that tables without AS OF are read as of: that of CALL .. AS OF.
    fn default_as_of(&self) -> Option<OwnedValue> {
        None
    }
    /// The names that the stored program around the statement declares.
    fn scope(&self) -> Option<Arc<Scope>> {
        None
    }
    /// Finds a stored function, with the database that it runs in.
    fn stored_function(
        &self,
        _db: Option<&str>,
        _name: &str,
    ) -> Result<Option<(Arc<StoredProgram>, String)>> {
        Ok(None)
    }
    /// The triggers of a table that is to be written.
    fn triggers(&self, _table: &BoundTable) -> Result<Option<Arc<TriggerSet>>> {
        Ok(None)
    }
    /// Version of a database's views, triggers and functions.
    fn code_version(&self, _db: &str) -> Option<CodeVersion> {
        None
    }
}

/// Settings of the session that decide the meaning of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modes {
    /// ONLY_FULL_GROUP_BY.
    pub only_full_group_by: bool,
    /// Collation of literals.
    pub connection: CollationId,
    /// Zone in which TIMESTAMP columns are read and written; they are stored in UTC.
    pub zone: Zone,
    /// Digits that a division adds.
    pub div_increment: u8,
    /// `@@dolt_override_schema`: the revision whose schemas tables are read with, or nothing.
    pub schema_override: String,
    /// Parser settings, for stored texts.
    pub syntax: syntax::Options,
}

/// The clause of a generated column's text.
const GENERATED: &str = "generated column function";

/// Most nested views and queries.
const MAX_NESTING: usize = 60;

/// Turns syntax into plans for one statement.
pub struct Binder<'c> {
    pub(crate) catalog: &'c dyn Catalog,
    pub(crate) modes: &'c Modes,
    /// Text that spans refer to.
    pub(crate) source: Arc<[u8]>,
    /// Types of parameters; fewer than the statement has when it is only prepared.
    pub(crate) params: &'c [SqlType],
    /// Values of parameters where something must be known while planning.
    pub(crate) param_values: &'c [OwnedValue],
    /// Names are of one table, whatever stands before them: the stored text of a generated column
    /// may have the table's name of before a RENAME.
    pub(crate) one_table: bool,
    /// Variables of the stored program around the statement.
    pub(crate) scope: Option<Arc<Scope>>,
    /// Databases whose views, triggers or functions the plan holds.
    pub(crate) code: Vec<(String, CodeVersion)>,
    /// Stored tables of the statement.
    pub tables: Vec<BoundTable>,
    /// Number of result caches handed out.
    pub caches: usize,
    /// Number of work tables handed out.
    pub works: usize,
    /// The plan depends on more than text, schemas and parameter types.
    pub uncacheable: bool,
    blocks: Vec<BlockScope>,
    ctes: Vec<CteFrame>,
    view_db: Option<String>,
    view_as_of: Option<OwnedValue>,
    /// What the account may not do. Inside views nothing is asked of it.
    pub(crate) access: Option<Arc<Access>>,
    /// What is done to the tables of the FROM being bound, as error 1142 names it.
    pub(crate) verb: &'static str,
    /// The column being bound is assigned to, not read.
    pub(crate) assigns: bool,
    /// Outermost block that anything bound since the last reset refers to.
    outer: usize,
}

type CteFrame = HashMap<String, CteEntry>;

#[derive(Clone)]
enum CteEntry {
    /// Bound when it is used: query, column names, the frames that it sees, its cache.
    Query {
        query: Arc<ast::Query>,
        columns: Vec<ast::Ident>,
        recursive: bool,
        cache: usize,
    },
    /// Inside its own definition: the work table.
    Work {
        work: usize,
        columns: Vec<ColumnMeta>,
    },
}

/// A column that a row source offers.
#[derive(Clone, Debug)]
pub(crate) struct ScopeColumn {
    pub meta: ColumnMeta,
    pub nullable: bool,
    pub hidden: bool,
    /// The account may not read it.
    pub denied: bool,
    /// Text of a virtual generated column.
    pub computed: Option<Expr>,
}

/// A row source of a block, as names see it.
#[derive(Clone, Debug)]
pub(crate) struct ScopeTable {
    pub alias: String,
    pub db: String,
    pub slot: u16,
    pub columns: Vec<ScopeColumn>,
    /// Names that USING or NATURAL left to another table: not found without a qualifier.
    pub merged: Vec<String>,
    /// The stored table behind it: its number in the statement.
    pub base: Option<usize>,
}

/// How aggregates and aliases are treated where an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before grouping: WHERE, ON, GROUP BY, arguments of aggregates.
    Rows,
    /// After grouping: select list, HAVING, ORDER BY.
    Groups,
}

/// Whether a select alias may be meant by a bare name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AliasRule {
    Never,
    First,
    Fallback,
}

/// A block while it is bound.
pub(crate) struct BlockScope {
    pub tables: Vec<ScopeTable>,
    pub slots: u16,
    /// Outermost block that is referred to from inside this one, counted from the bottom.
    pub outer: usize,
    /// FROM is being bound and must not see its own block.
    pub hidden: bool,
    pub stage: Stage,
    pub alias_rule: AliasRule,
    pub aliases: Vec<(String, Typed)>,
    /// What the aliases name, for arguments of aggregates in HAVING and ORDER BY.
    pub alias_sources: Vec<(String, ast::Expr)>,
    pub keys: Vec<(Expr, Typed)>,
    pub calls: Vec<AggregateCall>,
    pub aggregate_slot: u16,
    pub grouped: bool,
    /// Whether an aggregate may stand here.
    pub in_aggregate: bool,
    pub windows: HashMap<String, ast::WindowSpec>,
    pub window_calls: Vec<WindowCall>,
    pub window_slot: u16,
    /// Whether window functions may stand here.
    pub windowed: bool,
    /// Columns that WHERE makes equal to a constant, which grouping therefore determines.
    pub fixed: Vec<(u16, u16)>,
    /// A column outside aggregates that grouping does not determine: its display name.
    pub loose_column: Option<String>,
    /// Coalesced columns of USING and NATURAL, in order of `*`.
    pub joined: Vec<(String, Typed)>,
    pub clause: &'static str,
    /// Values of the new row in ON DUPLICATE KEY UPDATE: slot.
    pub insert_row: Option<u16>,
}

impl BlockScope {
    fn new() -> BlockScope {
        BlockScope {
            tables: Vec::new(),
            slots: 0,
            outer: usize::MAX,
            hidden: false,
            stage: Stage::Rows,
            alias_rule: AliasRule::Never,
            aliases: Vec::new(),
            alias_sources: Vec::new(),
            keys: Vec::new(),
            calls: Vec::new(),
            aggregate_slot: 0,
            grouped: false,
            in_aggregate: false,
            windows: HashMap::new(),
            window_calls: Vec::new(),
            window_slot: 0,
            windowed: false,
            fixed: Vec::new(),
            loose_column: None,
            joined: Vec::new(),
            clause: "field list",
            insert_row: None,
        }
    }

    fn new_slot(&mut self) -> u16 {
        self.slots += 1;
        self.slots - 1
    }
}

impl<'c> Binder<'c> {
    /// A binder for the statement whose text is `source`.
    pub fn new(catalog: &'c dyn Catalog, modes: &'c Modes, source: &'c [u8]) -> Binder<'c> {
        Binder {
            catalog,
            modes,
            source: source.into(),
            params: &[],
            param_values: &[],
            one_table: false,
            scope: catalog.scope(),
            code: Vec::new(),
            tables: Vec::new(),
            caches: 0,
            works: 0,
            uncacheable: false,
            blocks: Vec::new(),
            ctes: Vec::new(),
            view_db: None,
            view_as_of: catalog.default_as_of(),
            access: catalog.access(),
            verb: "SELECT",
            assigns: false,
            outer: usize::MAX,
        }
    }

    /// Gives parameters their types and, where known, values.
    pub fn with_params(mut self, types: &'c [SqlType], values: &'c [OwnedValue]) -> Binder<'c> {
        self.params = types;
        self.param_values = values;
        self
    }

    /// Notes that the plan holds views, triggers or functions of a database.
    pub(crate) fn depends_on_code(&mut self, db: &str) {
        if !self.code.iter().any(|(d, _)| d == db)
            && let Some(version) = self.catalog.code_version(db)
        {
            self.code.push((db.to_string(), version));
        }
    }

    pub(crate) fn block(&mut self) -> &mut BlockScope {
        self.blocks
            .last_mut()
            .expect("an expression is bound inside a block")
    }

    pub(crate) fn new_cache(&mut self) -> usize {
        self.caches += 1;
        self.caches - 1
    }

    pub(crate) fn push_block(&mut self) -> Result<()> {
        if self.blocks.len() >= MAX_NESTING {
            return Err(Error::general("query is nested too deeply"));
        }
        self.blocks.push(BlockScope::new());
        Ok(())
    }

    pub(crate) fn pop_block(&mut self) -> BlockScope {
        let inner = self
            .blocks
            .pop()
            .expect("blocks are pushed and popped in pairs");
        self.outer = self.outer.min(inner.outer);
        inner
    }

    /// Binds an expression over the columns of one table in slot 0: defaults, checks, generated
    /// columns, and single-table conditions.
    pub fn bind_over_table(
        &mut self,
        def: &Arc<TableDef>,
        alias: &str,
        expr: &ast::Expr,
        clause: &'static str,
    ) -> Result<Typed> {
        self.push_block()?;
        self.block().clause = clause;
        // Texts of the table do not see the variables of a program that writes to it.
        let scope = self.scope.take();
        let one_table = std::mem::replace(&mut self.one_table, clause == GENERATED);
        let result = self
            .add_stored_columns(def, alias, None)
            .and_then(|_| self.expr(expr));
        self.scope = scope;
        self.one_table = one_table;
        self.pop_block();
        result
    }

    /// Binds an expression over rows with these columns in slot 0: the WHERE of SHOW.
    pub fn bind_over_columns(&mut self, columns: &[ColumnMeta], expr: &ast::Expr) -> Result<Typed> {
        self.push_block()?;
        let block = self.block();
        block.clause = "where clause";
        let slot = block.new_slot();
        let columns = columns
            .iter()
            .map(|meta| ScopeColumn {
                meta: meta.clone(),
                nullable: true,
                hidden: false,
                denied: false,
                computed: None,
            })
            .collect();
        block.tables.push(ScopeTable {
            alias: String::new(),
            db: String::new(),
            slot,
            columns,
            merged: Vec::new(),
            base: None,
        });
        let result = self.expr(expr);
        self.pop_block();
        result
    }

    /// Binds an expression without any rows.
    pub fn bind_alone(&mut self, expr: &ast::Expr) -> Result<Typed> {
        self.push_block()?;
        let result = self.expr(expr);
        self.pop_block();
        result
    }

    /// Binds a whole query.
    pub fn bind_query(&mut self, query: &ast::Query) -> Result<QueryPlan> {
        self.query(query)
    }

    pub(crate) fn text_of(&self, span: &ast::Span) -> String {
        String::from_utf8_lossy(span.of(&self.source)).into_owned()
    }

    /// Database that an unqualified name belongs to.
    pub(crate) fn default_db(&self) -> Option<String> {
        self.view_db
            .clone()
            .or_else(|| self.catalog.current_database())
    }
}
