//! Binding of INSERT, REPLACE, UPDATE and DELETE.

use std::sync::Arc;

use syntax::ast;
use values::{SqlType, Value};

use super::from::conjuncts;
use super::types::{Typed, own_compare};
use super::{Binder, BoundTable, Resolved, ScopeColumn, ScopeTable};
use crate::accounts::Privilege;
use crate::ddl::stored_text;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::plan::{JoinItem, Limit, QueryPlan, SortKey, Source};
use crate::program::trigger::TriggerSet;
use crate::result::ColumnMeta;
use crate::table::TableDef;

/// An expression with the type of its value, for assignment to a column.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// The value.
    pub expr: Expr,
    /// Its type.
    pub ty: SqlType,
}

impl From<Typed> for Assigned {
    fn from(t: Typed) -> Assigned {
        Assigned {
            expr: t.expr,
            ty: t.ty,
        }
    }
}

/// What a column gets when an INSERT leaves it out.
#[derive(Clone, Debug)]
pub enum DefaultValue {
    /// Error 1364.
    Missing,
    /// NULL.
    Null,
    /// The next number.
    AutoIncrement,
    /// An expression; it may read columns of the new row in slot 0.
    Expr(Assigned),
}

/// Rules of a table that every written row must meet; expressions read the row in slot 0.
#[derive(Clone, Debug)]
pub struct RowRules {
    /// Defaults by column.
    pub defaults: Vec<DefaultValue>,
    /// Generated columns, virtual ones too, in order.
    pub generated: Vec<(usize, Assigned)>,
    /// Enforced checks: name and condition.
    pub checks: Vec<(String, Expr)>,
    /// ON UPDATE columns.
    pub on_update: Vec<(usize, Assigned)>,
    /// Triggers, where the statement fires them.
    pub triggers: Option<Arc<TriggerSet>>,
}

/// Where inserted rows come from.
#[derive(Clone, Debug)]
pub enum InsertRows {
    /// VALUES; `None` is DEFAULT.
    Values(Vec<Vec<Option<Assigned>>>),
    /// VALUES of literals and DEFAULT alone, each row as long as the list of columns.
    Literals(Arc<ast::ValueRows>),
    /// A query.
    Query(QueryPlan),
}

/// INSERT and REPLACE.
#[derive(Clone, Debug)]
pub struct InsertPlan {
    /// Number of the table in the statement.
    pub table: usize,
    /// Its definition.
    pub def: Arc<TableDef>,
    /// Columns that the rows give, in order.
    pub columns: Vec<usize>,
    /// The rows.
    pub rows: InsertRows,
    /// Rules of the table.
    pub rules: RowRules,
    /// IGNORE.
    pub ignore: bool,
    /// REPLACE.
    pub replace: bool,
    /// ON DUPLICATE KEY UPDATE: slot 0 is the row there, slot 1 the new one.
    pub on_duplicate: Option<Vec<(usize, Assigned)>>,
    /// RETURNING, over the new row in slot 0.
    pub returning: Option<(Vec<ColumnMeta>, Vec<Expr>)>,
}

/// One table of an UPDATE.
#[derive(Clone, Debug)]
pub struct UpdateTarget {
    /// Slot of its rows.
    pub slot: u16,
    /// Number of the table in the statement.
    pub table: usize,
    /// Its definition.
    pub def: Arc<TableDef>,
    /// Assignments in order.
    pub set: Vec<(usize, Option<Assigned>)>,
    /// Rules of the table, over slot 0.
    pub rules: RowRules,
}

/// UPDATE.
#[derive(Clone, Debug)]
pub struct UpdatePlan {
    /// Slots of the row sources.
    pub slots: usize,
    /// Row sources with their conditions.
    pub from: Vec<JoinItem>,
    /// Conditions without rows.
    pub gate: Vec<Expr>,
    /// Tables that change.
    pub targets: Vec<UpdateTarget>,
    /// ORDER BY.
    pub order: Vec<SortKey>,
    /// LIMIT.
    pub limit: Limit,
    /// IGNORE.
    pub ignore: bool,
}

impl UpdatePlan {
    /// Whether it is about one table alone, where an assignment sees those before it.
    pub fn is_single(&self) -> bool {
        self.targets.len() == 1 && self.from.len() == 1
    }
}

/// One table of a DELETE.
#[derive(Clone, Debug)]
pub struct DeleteTarget {
    /// Slot of its rows.
    pub slot: u16,
    /// Number of the table in the statement.
    pub table: usize,
    /// Its definition.
    pub def: Arc<TableDef>,
    /// Its triggers.
    pub triggers: Option<Arc<TriggerSet>>,
}

/// DELETE.
#[derive(Clone, Debug)]
pub struct DeletePlan {
    /// Slots of the row sources.
    pub slots: usize,
    /// Row sources with their conditions.
    pub from: Vec<JoinItem>,
    /// Conditions without rows.
    pub gate: Vec<Expr>,
    /// Tables that lose rows.
    pub targets: Vec<DeleteTarget>,
    /// ORDER BY.
    pub order: Vec<SortKey>,
    /// LIMIT.
    pub limit: Limit,
    /// IGNORE.
    pub ignore: bool,
}

/// Lets the rows of a single table come in any order.
fn in_any_order(from: &mut [JoinItem]) {
    if let [item] = from
        && let Source::Table(scan) = &mut item.source
        && let crate::plan::Access::Index(access) = &mut scan.access
    {
        access.any_order = true;
    }
}

impl Binder<'_> {
    /// Resolves a table that is to be written.
    fn target(&mut self, name: &ast::ObjectName, verb: &str) -> Result<BoundTable> {
        let db = name
            .db
            .as_ref()
            .map(|d| d.to_string())
            .or_else(|| self.default_db());
        if let (Some(access), Some(db)) = (&self.access, &db)
            && !access.allows_within(Privilege::Insert, db, &name.name)
        {
            return Err(access.denied(verb, &name.name));
        }
        match self
            .catalog
            .resolve_table(db.as_deref(), &name.name, None)?
        {
            Resolved::Table(t) => Ok(t),
            Resolved::View { .. } | Resolved::Virtual(_) if verb == "INSERT" => {
                Err(Error::non_insertable(&name.name))
            }
            _ => Err(Error::non_updatable(&name.name, verb)),
        }
    }

    /// Triggers of a table that the statement writes.
    fn fired(&mut self, table: usize) -> Result<Option<Arc<TriggerSet>>> {
        let bound = self.tables[table].clone();
        self.depends_on_code(&bound.db);
        self.catalog.triggers(&bound)
    }

    /// Defaults, generated columns and checks of a table.
    pub fn row_rules(&mut self, def: &Arc<TableDef>) -> Result<RowRules> {
        let mut rules = RowRules {
            defaults: Vec::with_capacity(def.columns.len()),
            generated: Vec::new(),
            checks: Vec::new(),
            on_update: Vec::new(),
            triggers: None,
        };
        for (i, c) in def.columns.iter().enumerate() {
            if !c.generated.is_empty() {
                let e = stored_text::parse(&c.generated)?;
                let t = self.bind_over_table(def, &def.name, &e, "generated column function")?;
                rules.generated.push((i, t.into()));
            }
            rules.defaults.push(if c.auto_increment {
                DefaultValue::AutoIncrement
            } else if !c.default.is_empty() {
                let e = stored_text::parse(&c.default)?;
                DefaultValue::Expr(
                    self.bind_over_table(def, &def.name, &e, "field list")?
                        .into(),
                )
            } else if c.nullable {
                DefaultValue::Null
            } else if let SqlType::Enum(members, _) = &c.ty
                && !members.is_empty()
            {
                // NOT NULL without DEFAULT: the first member.
                let first = Expr::Literal(Value::UInt(1));
                DefaultValue::Expr(Assigned {
                    expr: first,
                    ty: c.ty.clone(),
                })
            } else {
                DefaultValue::Missing
            });
            if !c.on_update.is_empty() {
                let e = stored_text::parse(&c.on_update)?;
                let t = self.bind_over_table(def, &def.name, &e, "field list")?;
                rules.on_update.push((i, t.into()));
            }
        }
        for check in def.checks.iter().filter(|c| c.enforced) {
            let e = stored_text::parse(&check.text)?;
            let t = self.bind_over_table(def, &def.name, &e, "check constraint")?;
            rules.checks.push((check.name.clone(), self.plain(t).expr));
        }
        Ok(rules)
    }

    /// Binds INSERT and REPLACE.
    pub fn bind_insert(&mut self, s: &ast::Insert) -> Result<InsertPlan> {
        let bound = self.target(&s.table, "INSERT")?;
        let def = bound.def.clone();
        let db = bound.db.clone();
        let table = self.tables.len();
        self.tables.push(bound);
        let names: Vec<&ast::Ident> = match &s.source {
            ast::InsertSource::Set(list) => list.iter().map(|a| &a.column.name).collect(),
            _ => s.columns.iter().map(|c| &c.name).collect(),
        };
        let explicit = s.has_columns || matches!(s.source, ast::InsertSource::Set(_));
        let mut columns = Vec::new();
        for name in &names {
            let i = def
                .column(name)
                .filter(|i| !def.columns[*i].hidden)
                .ok_or_else(|| Error::unknown_column(name, "field list"))?;
            if columns.contains(&i) {
                return Err(Error::column_twice(name));
            }
            columns.push(i);
        }
        if !explicit {
            columns = (0..def.columns.len())
                .filter(|i| !def.columns[*i].hidden)
                .collect();
        }
        if let Some(access) = &self.access {
            let names = columns.iter().map(|i| def.columns[*i].name.as_str());
            access.columns(Privilege::Insert, &db, &def.name, names)?;
            if s.replace {
                access.table(&[Privilege::Delete], &db, &def.name)?;
            }
            let assigned = s.on_duplicate.iter().map(|a| a.column.name.as_str());
            if !s.on_duplicate.is_empty() {
                access.columns(Privilege::Update, &db, &def.name, assigned)?;
            }
        }
        let rows = match &s.source {
            ast::InsertSource::Values(list) => {
                self.insert_values(&def, list, &mut columns, explicit)?
            }
            ast::InsertSource::Set(list) => {
                let row: Vec<ast::Expr> = list.iter().map(|a| a.value.clone()).collect();
                self.insert_values(&def, &Arc::new(row.into()), &mut columns, true)?
            }
            ast::InsertSource::Query(q) => {
                let plan = match &s.with {
                    Some(with) if q.with.is_none() => {
                        let mut q = (**q).clone();
                        q.with = Some(with.clone());
                        self.bind_query(&q)?
                    }
                    _ => self.bind_query(q)?,
                };
                if plan.columns.len() != columns.len() {
                    return Err(Error::wrong_value_count(1));
                }
                InsertRows::Query(plan)
            }
        };
        if let InsertRows::Query(_) = &rows
            && let Some(c) = columns
                .iter()
                .find(|c| !def.columns[**c].generated.is_empty())
        {
            return Err(Error::generated_value(&def.columns[*c].name, &def.name));
        }
        let mut rules = self.row_rules(&def)?;
        rules.triggers = self.fired(table)?;
        let on_duplicate = match s.on_duplicate.is_empty() {
            true => None,
            false => Some(self.on_duplicate(s, &def, table, &rows, &columns)?),
        };
        let returning = self.returning(&s.returning, &def, table)?;
        Ok(InsertPlan {
            table,
            def,
            columns,
            rows,
            rules,
            ignore: s.ignore,
            replace: s.replace,
            on_duplicate,
            returning,
        })
    }

    fn insert_values(
        &mut self,
        def: &Arc<TableDef>,
        list: &Arc<ast::ValueRows>,
        columns: &mut Vec<usize>,
        explicit: bool,
    ) -> Result<InsertRows> {
        if !explicit && list.find_other_width(0).is_none() {
            columns.clear();
        }
        let bad = list.find_other_width(columns.len());
        let is_generated = |c: &usize| !def.columns[*c].generated.is_empty();
        if columns.iter().any(is_generated) {
            for row in list.iter().take(bad.unwrap_or(usize::MAX)) {
                let given = |(cell, c): &(ast::CellRef<'_>, &usize)| {
                    !matches!(cell, ast::CellRef::Default) && is_generated(c)
                };
                if let Some((_, c)) = row.zip(columns.iter()).find(given) {
                    return Err(Error::generated_value(&def.columns[*c].name, &def.name));
                }
            }
        }
        if let Some(n) = bad {
            return Err(Error::wrong_value_count(n + 1));
        }
        if list.are_literals() {
            return Ok(InsertRows::Literals(list.clone()));
        }
        self.push_block()?;
        // A column in VALUES means what the row holds so far, as in MySQL.
        let result = self.add_stored_columns(def, &def.name, None).and_then(|_| {
            let mut rows = Vec::with_capacity(list.len());
            for row in list.iter() {
                let mut cells = Vec::with_capacity(row.len());
                for (cell, column) in row.zip(columns.iter()) {
                    let number = matches!(
                        def.columns[*column].ty,
                        SqlType::Int { .. }
                            | SqlType::Decimal { .. }
                            | SqlType::Float
                            | SqlType::Double
                    );
                    cells.push(match (cell, number) {
                        (ast::CellRef::Default, _) => None,
                        (cell, true) => Some(self.operand(&cell.to_expr())?.into()),
                        (cell, false) => Some(self.expr(&cell.to_expr())?.into()),
                    });
                }
                rows.push(cells);
            }
            Ok(InsertRows::Values(rows))
        });
        self.pop_block();
        result
    }

    fn on_duplicate(
        &mut self,
        s: &ast::Insert,
        def: &Arc<TableDef>,
        table: usize,
        rows: &InsertRows,
        targets: &[usize],
    ) -> Result<Vec<(usize, Assigned)>> {
        self.push_block()?;
        let result = (|| {
            self.add_stored_columns(def, &def.name, Some(table))?;
            self.deny_own(def, table)?;
            let (alias, names) = match &s.row_alias {
                Some((alias, names)) => (alias.to_string(), names.clone()),
                None => ("\u{0}new".to_string(), Vec::new()),
            };
            let slot = self.add_stored_columns(def, &alias, None)?;
            let block = self.block();
            block.insert_row = Some(slot);
            let scope = block.tables.last_mut().expect("the new row was just added");
            if s.row_alias.is_none() {
                // Without an alias only VALUES() names the new row.
                scope.merged = scope.columns.iter().map(|c| c.meta.name.clone()).collect();
            }
            let width = match s.columns.len() {
                0 => targets.len(),
                n => n,
            };
            if !names.is_empty() && names.len() != width {
                return Err(Error::view_columns());
            }
            for (i, name) in names.iter().enumerate() {
                let at = match s.columns.get(i) {
                    Some(c) => def.column(&c.name).unwrap_or(i),
                    None => i,
                };
                if let Some(c) = scope.columns.get_mut(at) {
                    c.meta.name = name.to_string();
                }
            }
            let mut from_query = false;
            if let (ast::InsertSource::Query(q), InsertRows::Query(plan)) = (&s.source, rows) {
                let mut body = &q.body;
                while let ast::SetExpr::Nested(q) = body {
                    body = &q.body;
                }
                if let ast::SetExpr::Select(select) = body {
                    self.shadow_source_tables(select, &plan.columns, targets);
                    from_query = true;
                }
            }
            let mut out = Vec::new();
            for a in &s.on_duplicate {
                if let Some(t) = &a.column.table
                    && !t.eq_ignore_ascii_case(&def.name)
                {
                    return Err(Error::unknown_column(
                        format!("{t}.{}", a.column.name),
                        "field list",
                    ));
                }
                let i = def
                    .column(&a.column.name)
                    .ok_or_else(|| Error::unknown_column(&a.column.name, "field list"))?;
                let value = match &a.value {
                    ast::Expr::Default(None) => self.stored_default(def, i)?,
                    e => {
                        // The table's own row is meant where the alias has the same names.
                        self.expr(e).or_else(|err| match err.code {
                            1052 if !from_query => self.prefer_own(e, err),
                            _ => Err(err),
                        })?
                    }
                };
                out.push((i, value.into()));
            }
            Ok(out)
        })();
        self.pop_block();
        result
    }

    /// Marks the columns of the inserted table, the last of the block, that may not be read.
    fn deny_own(&mut self, def: &Arc<TableDef>, table: usize) -> Result<()> {
        let db = self.tables[table].db.clone();
        let place = self.block().tables.len() - 1;
        let verb = std::mem::replace(&mut self.verb, "INSERT");
        let result = self.deny_columns(&[place], &db, &def.name);
        self.verb = verb;
        result
    }

    fn prefer_own(&mut self, e: &ast::Expr, err: Error) -> Result<Typed> {
        let block = self.block();
        if block.tables.len() < 2 {
            return Err(err);
        }
        let saved = block.tables[1].merged.clone();
        block.tables[1].merged = block.tables[1]
            .columns
            .iter()
            .map(|c| c.meta.name.clone())
            .collect();
        let t = self.expr(e);
        self.block().tables[1].merged = saved;
        t
    }

    /// INSERT .. SELECT lets ON DUPLICATE KEY UPDATE name columns of the query's tables; they are
    /// the values of the new row where the select list passes them on. `columns` are the query's,
    /// `targets` the columns of the table that they go to.
    fn shadow_source_tables(
        &mut self,
        select: &ast::Select,
        columns: &[ColumnMeta],
        targets: &[usize],
    ) {
        let aliased = |name: &str| {
            select.items.iter().find_map(|item| match item {
                ast::SelectItem::Expr {
                    expr: ast::Expr::Column(c),
                    alias: Some(a),
                    ..
                } if a.eq_ignore_ascii_case(name) => Some(c.name.to_string()),
                _ => None,
            })
        };
        let block = self.block();
        let new_row = block.tables[1].clone();
        for (column, target) in columns.iter().zip(targets) {
            if column.table.is_empty() {
                continue;
            }
            let at = block
                .tables
                .iter()
                .position(|t| t.alias.eq_ignore_ascii_case(&column.table));
            let at = match at {
                Some(0 | 1) => continue,
                Some(at) => at,
                None => {
                    let mut scope = new_row.clone();
                    scope.alias = column.table.clone();
                    scope.merged.clear();
                    for c in &mut scope.columns {
                        c.meta.name = "\u{0}".to_string();
                    }
                    block.tables.push(scope);
                    block.tables.len() - 1
                }
            };
            if let Some(c) = block.tables[at].columns.get_mut(*target) {
                c.meta.name = aliased(&column.name).unwrap_or_else(|| column.name.clone());
            }
        }
    }

    fn returning(
        &mut self,
        items: &[ast::SelectItem],
        def: &Arc<TableDef>,
        table: usize,
    ) -> Result<Option<(Vec<ColumnMeta>, Vec<Expr>)>> {
        if items.is_empty() {
            return Ok(None);
        }
        self.push_block()?;
        let result = (|| {
            self.add_stored_columns(def, &def.name, Some(table))?;
            self.deny_own(def, table)?;
            let (mut columns, mut exprs) = (Vec::new(), Vec::new());
            for item in items {
                match item {
                    ast::SelectItem::Expr { expr, alias, span } => {
                        let t = self.expr(expr)?;
                        let name = match (alias, expr) {
                            (Some(a), _) => a.to_string(),
                            (None, ast::Expr::Column(c)) => c.name.to_string(),
                            _ => self.text_of(span),
                        };
                        columns.push(ColumnMeta::computed(name, t.ty));
                        exprs.push(t.expr);
                    }
                    _ => {
                        let scope: &ScopeTable = &self.block().tables[0];
                        for i in 0..scope.columns.len() {
                            let t = scope.typed(i);
                            columns.push(ColumnMeta::computed(
                                scope.columns[i].meta.name.clone(),
                                t.ty.clone(),
                            ));
                            exprs.push(t.expr);
                        }
                    }
                }
            }
            Ok(Some((columns, exprs)))
        })();
        self.pop_block();
        result
    }

    /// Binds UPDATE.
    pub fn bind_update(&mut self, s: &ast::Update) -> Result<UpdatePlan> {
        self.with_ctes(s.with.as_ref(), |b| {
            b.push_block()?;
            let result = b.update_in_block(s);
            b.pop_block();
            result
        })
    }

    fn with_ctes<T>(
        &mut self,
        with: Option<&ast::With>,
        f: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let Some(with) = with else { return f(self) };
        self.push_ctes(with)?;
        let result = f(self);
        self.ctes.pop();
        result
    }

    fn update_in_block(&mut self, s: &ast::Update) -> Result<UpdatePlan> {
        self.verb = "UPDATE";
        let mut part = self.from(&s.tables)?;
        let mut conditions = std::mem::take(&mut part.conditions);
        let mut targets: Vec<UpdateTarget> = Vec::new();
        for a in &s.set {
            // What is assigned to is a column, whatever variables a program around it declares.
            let scope = self.scope.take();
            self.assigns = true;
            let t = self.column(&a.column);
            self.assigns = false;
            self.scope = scope;
            let t = t?;
            let (slot, col) = match t.expr {
                Expr::Column { slot, col } => (slot, col),
                _ => {
                    let (slot, col) = self.computed_target(&a.column)?;
                    let def = self.stored_in_slot(slot)?.1;
                    if !def.columns[col].generated.is_empty() {
                        return Err(Error::generated_value(&def.columns[col].name, &def.name));
                    }
                    (slot, col as u16)
                }
            };
            let (table, def) = self.stored_in_slot(slot).map_err(|_| {
                Error::non_updatable(t.origin.map_or(String::new(), |o| o.table), "UPDATE")
            })?;
            let column = col as usize;
            if let Some(access) = &self.access {
                let db = &self.tables[table].db;
                let name = def.columns[column].name.as_str();
                access.columns(Privilege::Update, db, &def.name, [name])?;
            }
            let value = match &a.value {
                ast::Expr::Default(None) if !def.columns[column].generated.is_empty() => continue,
                ast::Expr::Default(None) => {
                    if def.columns[column].default.is_empty() && def.columns[column].nullable {
                        Some(Assigned {
                            expr: Expr::Literal(Value::Null),
                            ty: SqlType::Null,
                        })
                    } else {
                        Some(self.stored_default(&def, column)?.into())
                    }
                }
                _ if !def.columns[column].generated.is_empty() => {
                    return Err(Error::generated_value(&def.columns[column].name, &def.name));
                }
                e => Some(self.expr(e)?.into()),
            };
            match targets.iter_mut().find(|t| t.slot == slot) {
                Some(t) => t.set.push((column, value)),
                None => {
                    let mut rules = self.row_rules(&def)?;
                    rules.triggers = self.fired(table)?;
                    targets.push(UpdateTarget {
                        slot,
                        table,
                        def,
                        set: vec![(column, value)],
                        rules,
                    });
                }
            }
        }
        if let Some(w) = &s.where_ {
            self.block().clause = "where clause";
            let e = self.condition(w)?;
            conjuncts(e, &mut conditions);
        }
        let order = self.plain_order(&s.order_by)?;
        let limit = self.limit(s.limit.as_ref())?;
        let slots = self.block().slots as usize;
        let (gate, mut from) = crate::optimize::sources(part.items, conditions);
        // Where one row's change may stand in the way of another's, their order shows.
        let unseen = targets.iter().all(|t: &UpdateTarget| {
            let is_unique = |c: usize| {
                let mut unique = t.def.indexes.iter().filter(|x| x.unique);
                t.def.primary_key.contains(&c) || unique.any(|x| x.columns.contains(&c))
            };
            t.rules.triggers.is_none()
                && t.rules.generated.is_empty()
                && !t.set.iter().any(|(c, _)| is_unique(*c))
        });
        if unseen && order.is_empty() && limit.count.is_none() {
            in_any_order(&mut from);
        }
        Ok(UpdatePlan {
            slots,
            from,
            gate,
            targets,
            order,
            limit,
            ignore: s.ignore,
        })
    }

    fn computed_target(&mut self, c: &ast::ColumnRef) -> Result<(u16, usize)> {
        for t in &self.block().tables {
            if c.table
                .as_ref()
                .is_some_and(|n| !t.alias.eq_ignore_ascii_case(n))
            {
                continue;
            }
            if let Some(i) = t
                .columns
                .iter()
                .position(|x: &ScopeColumn| x.meta.name.eq_ignore_ascii_case(&c.name))
            {
                return Ok((t.slot, i));
            }
        }
        Err(Error::unknown_column(&c.name, "field list"))
    }

    fn stored_in_slot(&mut self, slot: u16) -> Result<(usize, Arc<TableDef>)> {
        let scope = self.block().tables.iter().find(|t| t.slot == slot);
        let base = scope.and_then(|t| t.base);
        match base {
            Some(base) => Ok((base, self.tables[base].def.clone())),
            None => {
                let name = scope.map_or(String::new(), |t| t.alias.clone());
                Err(Error::non_updatable(name, "UPDATE"))
            }
        }
    }

    fn plain_order(&mut self, items: &[ast::OrderItem]) -> Result<Vec<SortKey>> {
        self.block().clause = "order clause";
        let mut order = Vec::new();
        for item in items {
            let t = self.expr(&item.expr)?;
            let kind = own_compare(&t.ty, self.modes.connection);
            order.push(SortKey {
                expr: t.expr,
                kind,
                descending: item.descending,
            });
        }
        Ok(order)
    }

    /// Binds DELETE.
    pub fn bind_delete(&mut self, s: &ast::Delete) -> Result<DeletePlan> {
        self.with_ctes(s.with.as_ref(), |b| {
            b.push_block()?;
            let result = b.delete_in_block(s);
            b.pop_block();
            result
        })
    }

    fn delete_target(
        &mut self,
        slot: u16,
        table: usize,
        def: Arc<TableDef>,
    ) -> Result<DeleteTarget> {
        Ok(DeleteTarget {
            slot,
            table,
            def,
            triggers: self.fired(table)?,
        })
    }

    fn delete_in_block(&mut self, s: &ast::Delete) -> Result<DeletePlan> {
        self.verb = "DELETE";
        let mut part = self.from(&s.from)?;
        let mut conditions = std::mem::take(&mut part.conditions);
        let mut targets = Vec::new();
        if s.targets.is_empty() {
            let [JoinItem { source, slots, .. }] = part.items.as_slice() else {
                return Err(Error::not_supported("DELETE without a table list"));
            };
            let Source::Table(scan) = source else {
                let slot = slots[0];
                let name = self
                    .block()
                    .tables
                    .iter()
                    .find(|t| t.slot == slot)
                    .map_or(String::new(), |t| t.alias.clone());
                return Err(Error::non_updatable(name, "DELETE"));
            };
            let (slot, table, def) = (scan.slot, scan.table, scan.def.clone());
            targets.push(self.delete_target(slot, table, def)?);
        }
        for name in &s.targets {
            let found = self.block().tables.iter().find(|t| {
                t.alias.eq_ignore_ascii_case(&name.name)
                    && name
                        .db
                        .as_ref()
                        .is_none_or(|d| t.db.eq_ignore_ascii_case(d))
            });
            let slot = match found {
                Some(t) => t.slot,
                None => {
                    return Err(Error::new(
                        1109,
                        "42S02",
                        format!("Unknown table '{}' in MULTI DELETE", name.name),
                    ));
                }
            };
            let (table, def) = self
                .stored_in_slot(slot)
                .map_err(|_| Error::non_updatable(&name.name, "DELETE"))?;
            targets.push(self.delete_target(slot, table, def)?);
        }
        if let Some(access) = &self.access {
            for t in &targets {
                access.table(&[Privilege::Delete], &self.tables[t.table].db, &t.def.name)?;
            }
        }
        if let Some(w) = &s.where_ {
            self.block().clause = "where clause";
            let e = self.condition(w)?;
            conjuncts(e, &mut conditions);
        }
        let order = self.plain_order(&s.order_by)?;
        let limit = self.limit(s.limit.as_ref())?;
        let slots = self.block().slots as usize;
        let (gate, mut from) = crate::optimize::sources(part.items, conditions);
        let unseen = targets.iter().all(|t| t.triggers.is_none());
        if unseen && order.is_empty() && limit.count.is_none() {
            in_any_order(&mut from);
        }
        Ok(DeletePlan {
            slots,
            from,
            gate,
            targets,
            order,
            limit,
            ignore: s.ignore,
        })
    }
}
