//! Binding of queries: SELECT blocks, set operations, common table expressions.

mod recursive;

use std::collections::HashMap;
use std::sync::Arc;

use syntax::ast::{self, SelectItem, SetExpr};
use values::SqlType;

use super::aggregate::{has_aggregate, walk};
use super::from::conjuncts;
use super::types::{Typed, coercibility, common_type, own_compare};
use super::{AliasRule, Binder, CteEntry, ScopeColumn, ScopeTable, Stage};
use crate::error::{Error, Result};
use crate::expr::{CompareOp, Expr, SlotSet};
use crate::plan::{
    Aggregate, Block, Limit, LockedSource, Ordered, QueryBody, QueryPlan, Recursive, SetOperation,
    SortKey, Windows,
};
use crate::result::ColumnMeta;

/// A select item after wildcards are expanded.
enum Item {
    Star(String, Typed),
    Expr {
        expr: ast::Expr,
        name: String,
        alias: bool,
    },
}

pub(crate) use recursive::mentions;

impl Binder<'_> {
    /// Binds a query and tells the outermost block that it refers to.
    pub(crate) fn query_with_outer(&mut self, q: &ast::Query) -> Result<(QueryPlan, usize)> {
        let saved = std::mem::replace(&mut self.outer, usize::MAX);
        let plan = self.query(q);
        let outer = std::mem::replace(&mut self.outer, saved);
        self.outer = self.outer.min(outer);
        Ok((plan?, outer))
    }

    pub(crate) fn query(&mut self, q: &ast::Query) -> Result<QueryPlan> {
        let seen = self.ctes.len();
        if let Some(with) = &q.with {
            self.push_ctes(with)?;
        }
        let plan = self.query_body(q);
        self.ctes.truncate(seen);
        plan
    }

    /// Makes the common table expressions of a WITH visible. Each has a frame of its own, as it
    /// sees those before it only.
    pub(crate) fn push_ctes(&mut self, with: &ast::With) -> Result<()> {
        for (i, cte) in with.ctes.iter().enumerate() {
            let name = cte.name.to_lowercase();
            if with.ctes[..i].iter().any(|c| c.name.to_lowercase() == name) {
                return Err(Error::not_unique_table(&cte.name));
            }
        }
        for cte in &with.ctes {
            let entry = CteEntry::Query {
                query: Arc::new((*cte.query).clone()),
                columns: cte.columns.clone(),
                recursive: with.recursive,
                cache: self.new_cache(),
            };
            self.ctes
                .push(HashMap::from([(cte.name.to_lowercase(), entry)]));
        }
        Ok(())
    }

    fn query_body(&mut self, q: &ast::Query) -> Result<QueryPlan> {
        match &q.body {
            SetExpr::Select(s) => {
                let limit = q.limit.as_ref();
                self.select(s, &q.order_by, limit, &q.locks)
            }
            body => {
                let plan = self.set_expr(body)?;
                if let SetExpr::Chain { .. } = body {
                    let table = q.order_by.iter().find_map(|o| match &o.expr {
                        ast::Expr::Column(c) => c.table.as_ref(),
                        _ => None,
                    });
                    if let Some(table) = table {
                        return Err(Error::table_in_global_order(table));
                    }
                }
                self.ordered(plan, &q.order_by, q.limit.as_ref())
            }
        }
    }

    fn set_expr(&mut self, body: &SetExpr) -> Result<QueryPlan> {
        match body {
            SetExpr::Select(s) => self.select(s, &[], None, &[]),
            SetExpr::Nested(q) => self.query(q),
            SetExpr::Values(rows) => self.values(rows),
            SetExpr::Table(t) => {
                let select = ast::Select {
                    distinct: false,
                    modifiers: ast::SelectModifiers::default(),
                    hints: None,
                    items: vec![SelectItem::Wildcard],
                    from: vec![ast::TableRef::Table {
                        table: t.clone(),
                        alias: None,
                        hints: Vec::new(),
                    }],
                    where_: None,
                    group_by: Vec::new(),
                    rollup: false,
                    having: None,
                    windows: Vec::new(),
                };
                self.select(&select, &[], None, &[])
            }
            SetExpr::Chain { first, rest } => {
                let mut plan = self.set_expr(first)?;
                for term in rest {
                    let right = self.set_expr(&term.term)?;
                    plan = self.set_operation(term.op, term.all, plan, right)?;
                }
                Ok(plan)
            }
        }
    }

    fn set_operation(
        &mut self,
        op: ast::SetOp,
        all: bool,
        left: QueryPlan,
        right: QueryPlan,
    ) -> Result<QueryPlan> {
        if left.columns.len() != right.columns.len() {
            return Err(Error::union_columns());
        }
        let connection = self.modes.connection;
        let mut columns = Vec::new();
        let (mut types, mut kinds) = (Vec::new(), Vec::new());
        for (a, b) in left.columns.iter().zip(&right.columns) {
            let ty = common_type(
                (&a.ty, coercibility::IMPLICIT),
                (&b.ty, coercibility::IMPLICIT),
                connection,
            )
            .or_else(|_| {
                common_type(
                    (&a.ty, coercibility::IMPLICIT),
                    (&b.ty, coercibility::LITERAL),
                    connection,
                )
            })?;
            kinds.push(own_compare(&ty, connection));
            let mut meta = ColumnMeta::computed(a.name.clone(), ty.clone());
            meta.not_null = a.not_null && b.not_null;
            columns.push(meta);
            types.push(ty);
        }
        let body = QueryBody::Set(Box::new(SetOperation {
            op,
            all,
            left,
            right,
            types,
            kinds,
        }));
        Ok(QueryPlan { columns, body })
    }

    fn values(&mut self, rows: &[Vec<ast::Expr>]) -> Result<QueryPlan> {
        self.push_block()?;
        let bound: Result<Vec<Vec<Typed>>> = rows
            .iter()
            .map(|r| r.iter().map(|e| self.expr(e)).collect())
            .collect();
        self.pop_block();
        let bound = bound?;
        let width = bound.first().map_or(0, Vec::len);
        let mut types = vec![SqlType::Null; width];
        for (n, row) in bound.iter().enumerate() {
            if row.len() != width {
                return Err(Error::wrong_value_count(n + 1));
            }
            for (ty, t) in types.iter_mut().zip(row) {
                *ty = common_type(
                    (ty, coercibility::LITERAL),
                    (&t.ty, t.coercibility),
                    self.modes.connection,
                )?;
            }
        }
        let columns = types
            .iter()
            .enumerate()
            .map(|(i, ty)| ColumnMeta::computed(format!("column_{i}"), ty.clone()))
            .collect();
        let rows = bound
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .zip(&types)
                    .map(|(t, ty)| self.convert_to(t, ty))
                    .collect()
            })
            .collect();
        Ok(QueryPlan {
            columns,
            body: QueryBody::Values(rows),
        })
    }

    /// ORDER BY and LIMIT over the result columns of a query that is no single block.
    fn ordered(
        &mut self,
        input: QueryPlan,
        order_by: &[ast::OrderItem],
        limit: Option<&ast::Limit>,
    ) -> Result<QueryPlan> {
        if order_by.is_empty() && limit.is_none() {
            return Ok(input);
        }
        self.push_block()?;
        let slot = self.block().new_slot();
        let columns = input
            .columns
            .iter()
            .map(|m| ScopeColumn {
                meta: m.clone(),
                nullable: true,
                hidden: false,
                denied: false,
                computed: None,
            })
            .collect();
        self.block().tables.push(ScopeTable {
            alias: String::new(),
            db: String::new(),
            slot,
            columns,
            merged: Vec::new(),
            base: None,
        });
        self.block().clause = "order clause";
        let result = self.order_over_columns(&input, order_by, limit);
        self.pop_block();
        let (order, limit) = result?;
        let columns = input.columns.clone();
        Ok(QueryPlan {
            columns,
            body: QueryBody::Ordered(Box::new(Ordered {
                input,
                order,
                limit,
            })),
        })
    }

    fn order_over_columns(
        &mut self,
        input: &QueryPlan,
        order_by: &[ast::OrderItem],
        limit: Option<&ast::Limit>,
    ) -> Result<(Vec<SortKey>, Limit)> {
        let mut order = Vec::new();
        for item in order_by {
            let t = match &item.expr {
                ast::Expr::Literal(ast::Literal::Int(n)) => {
                    let i = (*n as usize)
                        .checked_sub(1)
                        .filter(|i| *i < input.columns.len())
                        .ok_or_else(|| Error::unknown_column(n, "order clause"))?;
                    self.block().tables[0].typed(i)
                }
                // A qualifier names a table of one side; the column is meant.
                ast::Expr::Column(c) => self.column_in_slot(0, &c.name)?,
                e => self.expr(e)?,
            };
            let kind = own_compare(&t.ty, self.modes.connection);
            order.push(SortKey {
                expr: t.expr,
                kind,
                descending: item.descending,
            });
        }
        Ok((order, self.limit(limit)?))
    }

    pub(crate) fn limit(&mut self, limit: Option<&ast::Limit>) -> Result<Limit> {
        let Some(limit) = limit else {
            return Ok(Limit::default());
        };
        let count = Some(self.expr(&limit.count)?.expr);
        let offset = limit
            .offset
            .as_ref()
            .map(|o| self.expr(o))
            .transpose()?
            .map(|t| t.expr);
        Ok(Limit { count, offset })
    }

    fn select(
        &mut self,
        s: &ast::Select,
        order_by: &[ast::OrderItem],
        limit: Option<&ast::Limit>,
        locks: &[ast::LockClause],
    ) -> Result<QueryPlan> {
        self.push_block()?;
        let result = self.select_in_block(s, order_by, limit, locks);
        self.pop_block();
        result
    }

    fn select_in_block(
        &mut self,
        s: &ast::Select,
        order_by: &[ast::OrderItem],
        limit: Option<&ast::Limit>,
        locks: &[ast::LockClause],
    ) -> Result<QueryPlan> {
        for (name, spec) in &s.windows {
            self.block()
                .windows
                .insert(name.to_ascii_lowercase(), spec.clone());
        }
        let verb = std::mem::replace(&mut self.verb, "SELECT");
        let part = self.from(&s.from);
        self.verb = verb;
        let mut part = part?;
        let mut conditions = std::mem::take(&mut part.conditions);
        if let Some(w) = &s.where_ {
            if has_aggregate(w) {
                return Err(Error::invalid_group_function());
            }
            self.block().clause = "where clause";
            let bound = self.condition(w)?;
            conjuncts(bound, &mut conditions);
        }
        self.block().fixed = conditions.iter().filter_map(fixed_column).collect();
        self.block().clause = "field list";
        let items = self.expand(&s.items, &part.star, s.from.is_empty())?;
        let mut asts: Vec<&ast::Expr> = Vec::new();
        for item in &items {
            if let Item::Expr { expr, .. } = item {
                asts.push(expr);
            }
        }
        asts.extend(s.having.iter());
        asts.extend(order_by.iter().map(|o| &o.expr));
        let grouped = !s.group_by.is_empty() || asts.iter().any(|e| has_aggregate(e));
        let mut windowed = false;
        for e in &asts {
            walk(e, &mut |e| {
                windowed |= matches!(e, ast::Expr::Function(f) if f.over.is_some());
            });
        }
        if grouped {
            self.group_keys(s, &items)?;
            let slot = self.block().new_slot();
            let block = self.block();
            block.aggregate_slot = slot;
            block.grouped = true;
            block.stage = Stage::Groups;
        }
        if windowed {
            let slot = self.block().new_slot();
            self.block().window_slot = slot;
            self.block().windowed = true;
        }
        let mut columns = Vec::new();
        let mut bound_items: Vec<Typed> = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let (name, typed) = match item {
                Item::Star(name, t) => {
                    let t = match grouped {
                        true => self.group_typed(t.clone())?,
                        false => t.clone(),
                    };
                    (name.clone(), t)
                }
                Item::Expr { expr, name, .. } => (name.clone(), self.expr(expr)?),
            };
            self.check_grouping(s, n)?;
            let mut meta = match &typed.origin {
                Some(o) => (**o).clone(),
                None => ColumnMeta::computed("", typed.ty.clone()),
            };
            // The dictionary's columns keep their own letter case, as MySQL 8 has it.
            let own = matches!(
                item,
                Item::Expr {
                    expr: ast::Expr::Column(_),
                    alias: false,
                    ..
                }
            ) && meta.schema == "information_schema"
                && meta.org_table != "PROCESSLIST";
            meta.name = if own { meta.org_name.clone() } else { name };
            meta.ty = typed.ty.clone();
            meta.not_null = !typed.nullable;
            columns.push(meta);
            if let Item::Expr {
                expr,
                name,
                alias: true,
            } = item
            {
                // Subqueries of later items may name it.
                let block = self.block();
                block.aliases.push((name.clone(), typed.clone()));
                block.alias_sources.push((name.clone(), expr.clone()));
            }
            bound_items.push(typed);
        }
        let mut named: Vec<(&str, &Typed)> = Vec::new();
        for (item, typed) in items.iter().zip(&bound_items) {
            match item {
                Item::Expr {
                    name, alias: true, ..
                }
                | Item::Expr {
                    expr: ast::Expr::Column(_),
                    name,
                    ..
                }
                | Item::Star(name, _) => named.push((name, typed)),
                Item::Expr { .. } => {}
            }
        }
        let mut having = Vec::new();
        if let Some(h) = &s.having {
            self.block().clause = "having clause";
            self.block().alias_rule = AliasRule::First;
            let all = self.block().aliases.clone();
            self.prefer_grouped_columns(s)?;
            // HAVING without grouping filters rows, and sees the select list too.
            let e = self.condition(h)?;
            conjuncts(e, &mut having);
            let block = self.block();
            block.aliases = all;
            block.loose_column = None;
        }
        self.block().clause = "order clause";
        let mut order = Vec::new();
        for (n, item) in order_by.iter().enumerate() {
            let t = match &item.expr {
                ast::Expr::Literal(ast::Literal::Int(n)) => {
                    let i = (*n as usize)
                        .checked_sub(1)
                        .filter(|i| *i < bound_items.len())
                        .ok_or_else(|| Error::unknown_column(n, "order clause"))?;
                    bound_items[i].clone()
                }
                ast::Expr::Literal(_) => continue,
                ast::Expr::Column(c) if c.table.is_none() => {
                    let mut same = named
                        .iter()
                        .filter(|(name, _)| name.eq_ignore_ascii_case(&c.name));
                    match same.next() {
                        Some((_, t)) if same.any(|(_, other)| other.expr != t.expr) => {
                            return Err(Error::ambiguous_column(&*c.name, "order clause"));
                        }
                        Some((_, t)) => (*t).clone(),
                        None => self.expr(&item.expr)?,
                    }
                }
                e => {
                    // Within an expression the columns of the tables come first.
                    self.block().alias_rule = AliasRule::Fallback;
                    self.expr(e)?
                }
            };
            let loose = self.block().loose_column.take();
            if let Some(column) = loose
                && self.modes.only_full_group_by
                && !s.group_by.is_empty()
            {
                return Err(Error::nonaggregated_order(n + 1, column));
            }
            let kind = own_compare(&t.ty, self.modes.connection);
            let key = SortKey {
                expr: t.expr,
                kind,
                descending: item.descending,
            };
            if !order.iter().any(|k: &SortKey| k.expr == key.expr) {
                order.push(key);
            }
        }
        self.block().alias_rule = AliasRule::Never;
        let locks = self.locked_sources(locks)?;
        self.block().clause = "limit clause";
        let limit = self.limit(limit)?;
        let connection = self.modes.connection;
        let scope = self.block();
        let aggregate = grouped.then(|| Aggregate {
            slot: scope.aggregate_slot,
            keys: scope
                .keys
                .iter()
                .map(|(e, t)| (e.clone(), own_compare(&t.ty, connection)))
                .collect(),
            calls: std::mem::take(&mut scope.calls),
            scalar: s.group_by.is_empty(),
            rollup: s.rollup,
            ordered: false,
        });
        let calls = std::mem::take(&mut scope.window_calls);
        let windows = (!calls.is_empty()).then(|| Windows {
            slot: scope.window_slot,
            calls,
        });
        let distinct = s.distinct.then(|| {
            columns
                .iter()
                .map(|c| own_compare(&c.ty, connection))
                .collect()
        });
        let mut block = Block {
            slots: scope.slots as usize,
            gate: Vec::new(),
            from: part.items,
            aggregate,
            having,
            windows,
            items: bound_items.into_iter().map(|t| t.expr).collect(),
            distinct,
            order,
            limit,
            count_found: s.modifiers.calc_found_rows,
            locks,
        };
        crate::optimize::block(&mut block, conditions, s.modifiers.straight_join);
        Ok(QueryPlan {
            columns,
            body: QueryBody::Block(Box::new(block)),
        })
    }

    /// The tables of the block that its locking clauses are about.
    fn locked_sources(&mut self, clauses: &[ast::LockClause]) -> Result<Vec<LockedSource>> {
        let mut out: Vec<LockedSource> = Vec::new();
        for clause in clauses {
            let is_named =
                |t: &ScopeTable, name: &ast::ObjectName| t.alias.eq_ignore_ascii_case(&name.name);
            for name in &clause.of {
                if !self.block().tables.iter().any(|t| is_named(t, name)) {
                    let name = &name.name;
                    return Err(Error::new(
                        3568,
                        "HY000",
                        format!("Unresolved table name `{name}` in locking clause."),
                    ));
                }
            }
            let scope = self.blocks.last().expect("a block is being bound");
            let meant = |t: &&ScopeTable| {
                clause.of.is_empty() || clause.of.iter().any(|name| is_named(t, name))
            };
            let meant = scope.tables.iter().filter(meant);
            let meant: Vec<_> = meant.filter_map(|t| Some((t.slot, t.base?))).collect();
            for (slot, table) in meant {
                // A revision is as it is, and nobody changes it.
                let bound = &mut self.tables[table];
                if bound.as_of.is_none() && !out.iter().any(|l| l.slot == slot) {
                    bound.locked = true;
                    out.push(LockedSource {
                        slot,
                        table,
                        db: bound.db.clone(),
                        exclusive: clause.strength == ast::LockStrength::Update,
                        wait: clause.wait,
                    });
                }
            }
        }
        Ok(out)
    }

    /// In HAVING a name that is both an alias and a column of GROUP BY means that column.
    fn prefer_grouped_columns(&mut self, s: &ast::Select) -> Result<()> {
        for g in &s.group_by {
            let ast::Expr::Column(c) = &g.expr else {
                continue;
            };
            let level = self.blocks.len() - 1;
            let rule = std::mem::replace(&mut self.blocks[level].alias_rule, AliasRule::Never);
            let found = self.column_at(level, c);
            self.blocks[level].alias_rule = rule;
            if let Ok(super::expr::Found::Column(t)) = found {
                self.blocks[level]
                    .aliases
                    .retain(|(a, x)| !a.eq_ignore_ascii_case(&c.name) || x.expr == t.expr);
            }
        }
        Ok(())
    }

    /// A wildcard's column in a grouped block.
    fn group_typed(&mut self, t: Typed) -> Result<Typed> {
        let level = self.blocks.len() - 1;
        if let Expr::Column { slot, col } = &t.expr {
            let (slot, col) = (*slot, *col as usize);
            if let Some(i) = self.blocks[level]
                .tables
                .iter()
                .position(|x| x.slot == slot)
            {
                return self.group_column(level, i, col, t);
            }
        }
        Ok(t)
    }

    fn check_grouping(&mut self, s: &ast::Select, item: usize) -> Result<()> {
        let full = self.modes.only_full_group_by;
        let loose = self.block().loose_column.take();
        match loose {
            Some(column) if full && s.group_by.is_empty() => {
                Err(Error::mixed_aggregate(item + 1, column))
            }
            Some(column) if full => Err(Error::nonaggregated(item + 1, column)),
            _ => Ok(()),
        }
    }

    fn group_keys(&mut self, s: &ast::Select, items: &[Item]) -> Result<()> {
        self.block().clause = "group statement";
        for g in &s.group_by {
            let item_at = |n: u64| -> Result<&Item> {
                (n as usize)
                    .checked_sub(1)
                    .and_then(|i| items.get(i))
                    .ok_or_else(|| Error::unknown_column(n, "group statement"))
            };
            let typed = match &g.expr {
                ast::Expr::Literal(ast::Literal::Int(n)) => match item_at(*n)? {
                    Item::Star(_, t) => t.clone(),
                    Item::Expr { expr, name, .. } if has_aggregate(expr) => {
                        return Err(Error::group_on_aggregate(name));
                    }
                    Item::Expr { expr, .. } => self.expr(expr)?,
                },
                ast::Expr::Column(c) if c.table.is_none() => match self.expr(&g.expr) {
                    Err(e) if e.code == 1054 || e.code == 1052 => {
                        let aliased = items.iter().find_map(|i| match i {
                            Item::Expr {
                                expr,
                                name,
                                alias: true,
                            } if name.eq_ignore_ascii_case(&c.name) => Some(expr),
                            _ => None,
                        });
                        match aliased {
                            Some(expr) if has_aggregate(expr) => {
                                return Err(Error::group_on_aggregate(&c.name));
                            }
                            Some(expr) => self.expr(expr)?,
                            None => return Err(e),
                        }
                    }
                    other => other?,
                },
                e => {
                    if has_aggregate(e) {
                        return Err(Error::invalid_group_function());
                    }
                    // An alias may stand inside an expression.
                    match self.expr(e) {
                        Err(err) if err.code == 1054 => {
                            for item in items {
                                if let Item::Expr {
                                    expr,
                                    name,
                                    alias: true,
                                } = item
                                    && !has_aggregate(expr)
                                {
                                    let t = self.expr(expr)?;
                                    self.block().aliases.push((name.clone(), t));
                                }
                            }
                            self.block().alias_rule = AliasRule::Fallback;
                            let t = self.expr(e);
                            self.block().alias_rule = AliasRule::Never;
                            self.block().aliases.clear();
                            t?
                        }
                        other => other?,
                    }
                }
            };
            let block = self.block();
            if s.rollup || !block.keys.iter().any(|(e, _)| *e == typed.expr) {
                block.keys.push((typed.expr.clone(), typed));
            }
        }
        if s.rollup {
            self.block()
                .keys
                .iter_mut()
                .for_each(|(_, t)| t.nullable = true);
        }
        self.block().clause = "field list";
        Ok(())
    }

    fn expand(
        &mut self,
        items: &[SelectItem],
        star: &[(String, Typed)],
        no_from: bool,
    ) -> Result<Vec<Item>> {
        let mut out = Vec::new();
        for item in items {
            match item {
                SelectItem::Wildcard => {
                    if no_from {
                        return Err(Error::no_tables_used());
                    }
                    self.check_star(None)?;
                    out.extend(star.iter().map(|(n, t)| Item::Star(n.clone(), t.clone())));
                }
                SelectItem::QualifiedWildcard(name) => {
                    let block = self.block();
                    let table = block
                        .tables
                        .iter()
                        .find(|t| {
                            t.alias.eq_ignore_ascii_case(&name.name)
                                && name
                                    .db
                                    .as_ref()
                                    .is_none_or(|d| t.db.eq_ignore_ascii_case(d))
                        })
                        .ok_or_else(|| Error::unknown_table(&name.name))?;
                    let slot = table.slot;
                    self.check_star(Some(slot))?;
                    let table = self
                        .block()
                        .tables
                        .iter()
                        .find(|t| t.slot == slot)
                        .expect("the table was just found");
                    for i in 0..table.columns.len() {
                        if !table.columns[i].hidden {
                            let name = table.columns[i].meta.name.clone();
                            out.push(Item::Star(name, table.typed(i)));
                        }
                    }
                }
                SelectItem::Expr { expr, alias, span } => {
                    let name = match (alias, expr) {
                        (Some(a), _) => a.to_string(),
                        (None, ast::Expr::Column(c)) => c.name.to_string(),
                        (
                            None,
                            ast::Expr::Literal(ast::Literal::String {
                                bytes,
                                charset: None,
                            }),
                        ) => String::from_utf8_lossy(bytes).into_owned(),
                        (None, ast::Expr::Literal(ast::Literal::Null)) => "NULL".to_string(),
                        _ => self.text_of(span),
                    };
                    let alias = alias.is_some();
                    out.push(Item::Expr {
                        expr: expr.clone(),
                        name,
                        alias,
                    });
                }
            }
        }
        Ok(out)
    }

    /// `*` needs every column of its tables, or of the table in one slot.
    fn check_star(&mut self, slot: Option<u16>) -> Result<()> {
        let Some(access) = self.access.clone() else {
            return Ok(());
        };
        let tables = self.block().tables.iter();
        let denied = tables
            .filter(|t| slot.is_none_or(|s| t.slot == s))
            .flat_map(|t| &t.columns)
            .find(|c| c.denied && !c.hidden);
        match denied {
            Some(c) => Err(access.denied("SELECT", &c.meta.org_table)),
            None => Ok(()),
        }
    }
}

/// The column that a condition makes equal to a constant.
fn fixed_column(condition: &Expr) -> Option<(u16, u16)> {
    let Expr::Compare {
        op: CompareOp::Eq,
        left,
        right,
        ..
    } = condition
    else {
        return None;
    };
    let constant = |e: &Expr| {
        let mut used = SlotSet::default();
        e.slots_used(&mut used);
        used.is_empty()
    };
    match (&**left, &**right) {
        (Expr::Column { slot, col }, other) | (other, Expr::Column { slot, col })
            if constant(other) =>
        {
            Some((*slot, *col))
        }
        _ => None,
    }
}
