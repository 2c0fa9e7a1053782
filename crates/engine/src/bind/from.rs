//! Binding of FROM: tables, views, derived tables, joins.

use std::sync::Arc;

use syntax::ast::{self, JoinConstraint, TableRef};
use values::{CollationId, OwnedValue, SqlType};

use super::types::{Typed, coercibility};
use super::{Binder, BoundTable, CteEntry, Resolved, ScopeColumn, ScopeTable};
use crate::accounts::{Access as AccountAccess, Privilege};
use crate::ddl::stored_text;
use crate::error::{Error, Result};
use crate::expr::{CallTypes, CompareOp, Expr, SlotSet};
use crate::plan::{
    Access, Derived, FullJoin, JoinItem, JoinKind, QueryPlan, Source, TableScan, VirtualScan,
};
use crate::result::ColumnMeta;
use crate::root_state::ViewReader;
use crate::table::TableDef;
use crate::time_zone::Zone;

/// A part of FROM: its items, the conditions of its inner joins, and its columns in `*` order.
#[derive(Default)]
pub(crate) struct Part {
    pub items: Vec<JoinItem>,
    pub conditions: Vec<Expr>,
    pub star: Vec<(String, Typed)>,
    /// Places of its tables in the block.
    tables: Vec<usize>,
}

impl Part {
    fn join(&mut self, other: Part) {
        self.items.extend(other.items);
        self.conditions.extend(other.conditions);
        self.star.extend(other.star);
        self.tables.extend(other.tables);
    }

    fn slots(&self) -> Vec<u16> {
        self.items
            .iter()
            .flat_map(|i| i.slots.iter().copied())
            .collect()
    }

    /// The part as the inner side of an outer join.
    fn nested(self, mut on: Vec<Expr>) -> JoinItem {
        let slots = self.slots();
        on.extend(self.conditions);
        let mut items = self.items;
        let source = match items.len() {
            1 if items[0].kind == JoinKind::Inner && items[0].on.is_empty() => {
                items.remove(0).source
            }
            _ => Source::Nest(items),
        };
        JoinItem {
            kind: JoinKind::Left,
            source,
            on,
            filter: Vec::new(),
            slots,
        }
    }
}

/// Splits a condition at its ANDs.
pub(crate) fn conjuncts(e: Expr, out: &mut Vec<Expr>) {
    match e {
        Expr::And(list) => list.into_iter().for_each(|e| conjuncts(e, out)),
        e => out.push(e),
    }
}

/// Databases that everybody may read.
fn is_open(db: &str) -> bool {
    ["information_schema", "performance_schema", "sys"]
        .iter()
        .any(|o| o.eq_ignore_ascii_case(crate::statement::base_name(db)))
}

/// A table function asks for SELECT on the table that it is about, and on every table when it is
/// about the whole database (spec 04 §4).
fn check_function(
    access: &AccountAccess,
    db: &str,
    name: &str,
    args: &[Option<OwnedValue>],
    catalog: &dyn super::Catalog,
) -> Result<()> {
    if access.allows_database(Privilege::Select, db) {
        return Ok(());
    }
    let texts: Vec<String> = args
        .iter()
        .flatten()
        .map(crate::convert::to_string)
        .filter(|t| !t.starts_with('-'))
        .collect();
    let about = match texts.first() {
        Some(range) if range.contains("..") => texts.get(1),
        _ => texts.get(2),
    };
    let diffs = [
        "dolt_diff",
        "dolt_diff_stat",
        "dolt_diff_summary",
        "dolt_patch",
        "dolt_schema_diff",
    ];
    match about {
        Some(table) if diffs.iter().any(|d| d.eq_ignore_ascii_case(name)) => {
            access.table(&[Privilege::Select], db, table)
        }
        _ => {
            let tables = catalog.table_names(db)?;
            match tables.is_empty() {
                true => Err(access.denied("SELECT", name)),
                false => tables
                    .iter()
                    .try_for_each(|t| access.table(&[Privilege::Select], db, t)),
            }
        }
    }
}

impl Binder<'_> {
    pub(crate) fn from(&mut self, refs: &[TableRef]) -> Result<Part> {
        let mut part = Part::default();
        for r in refs {
            let next = self.table_ref(r)?;
            part.join(next);
        }
        Ok(part)
    }

    fn table_ref(&mut self, r: &TableRef) -> Result<Part> {
        match r {
            TableRef::Table {
                table,
                alias,
                hints: _,
            } => {
                let as_of = match table.as_of.as_deref() {
                    None => None,
                    Some(ast::AsOf::Point(e)) => Some(self.as_of_value(e)?),
                    Some(_) => return Err(Error::not_supported("AS OF a range")),
                };
                self.named_table(&table.name, alias.as_ref(), as_of)
            }
            TableRef::Derived {
                lateral,
                query,
                alias,
                columns,
            } => {
                let alias = alias.as_ref().ok_or_else(Error::derived_alias)?;
                let cache = self.new_cache();
                let (plan, correlated) = self.hidden_query(query, *lateral)?;
                self.derived(plan, correlated, cache, alias, "", columns)
            }
            TableRef::Function {
                call,
                alias,
                as_of: _,
                lateral: _,
                columns,
            } => self.table_function(call, alias.as_ref(), columns),
            TableRef::JsonTable(j) => self.json_table(j),
            TableRef::List(list) => self.from(list),
            TableRef::Join(join) => self.join(join),
        }
    }

    /// The value of AS OF, which must be known before the statement runs.
    pub(crate) fn as_of_value(&mut self, e: &ast::Expr) -> Result<OwnedValue> {
        match e {
            ast::Expr::Column(c) if c.table.is_none() => Ok(OwnedValue::text(c.name.as_str())),
            ast::Expr::Param(n) => {
                self.uncacheable = true;
                Ok(self
                    .param_values
                    .get(*n as usize)
                    .cloned()
                    .unwrap_or_else(|| OwnedValue::text("HEAD")))
            }
            e => {
                let t = self.bind_alone(e)?;
                self.uncacheable = true;
                self.catalog.constant(&t.expr)
            }
        }
    }

    /// Binds a query of FROM, which sees its own block's other tables only when it is LATERAL.
    fn hidden_query(&mut self, query: &ast::Query, lateral: bool) -> Result<(QueryPlan, bool)> {
        let depth = self.blocks.len();
        let block = self.block();
        let was = std::mem::replace(&mut block.hidden, !lateral);
        let bound = self.query_with_outer(query);
        self.block().hidden = was;
        let (plan, outer) = bound?;
        Ok((plan, outer < depth))
    }

    fn named_table(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::Ident>,
        as_of: Option<OwnedValue>,
    ) -> Result<Part> {
        let shown = alias.unwrap_or(&name.name).clone();
        if name.db.is_none() {
            let key = name.name.to_lowercase();
            let at = self.ctes.iter().rposition(|f| f.contains_key(&key));
            if let Some(at) = at {
                let entry = self.ctes[at][&key].clone();
                let later = self.ctes.split_off(at);
                let part = self.cte(entry, &shown, &name.name);
                self.ctes.extend(later);
                return part;
            }
        }
        let db = name
            .db
            .as_ref()
            .map(|d| d.to_string())
            .or_else(|| self.default_db());
        let as_of = as_of.or_else(|| self.view_as_of.clone());
        if let (Some(access), Some(db)) = (&self.access, &db)
            && !is_open(db)
            && !access.sees_table(db, &name.name)
        {
            return Err(access.denied(self.verb, &name.name));
        }
        let part = self.open_table(db.as_deref(), name, &shown, as_of)?;
        if let Some(db) = &db {
            self.deny_columns(&part.tables, db, &name.name)?;
        }
        Ok(part)
    }

    fn open_table(
        &mut self,
        db: Option<&str>,
        name: &ast::ObjectName,
        shown: &ast::Ident,
        as_of: Option<OwnedValue>,
    ) -> Result<Part> {
        match self.catalog.resolve_table(db, &name.name, as_of.as_ref())? {
            Resolved::Table(table) => self.stored_table(table, shown),
            Resolved::View {
                db,
                as_of: _,
                text,
                columns,
                reader,
            } => {
                let own = self.access.clone();
                self.access = match &reader {
                    ViewReader::Invoker => own.clone(),
                    ViewReader::Maker => None,
                    ViewReader::Definer(name) => self.catalog.access_of(name)?,
                };
                let part = self.view(db, as_of, &text, columns, shown, &name.name);
                self.access = own;
                part
            }
            Resolved::Virtual(table) => {
                // The columns of a system table follow other tables, revisions or conflicts, and
                // a stored table may take its place.
                self.uncacheable |= !crate::schema_tables::is_system(table.database());
                let cache = self.new_cache();
                self.virtual_table(table, Vec::new(), shown, cache)
            }
        }
    }

    /// Marks the columns of a table that the account may not read. A query needs one that it may,
    /// what changes data only those that it reads.
    pub(crate) fn deny_columns(&mut self, places: &[usize], db: &str, table: &str) -> Result<()> {
        let Some(access) = self.access.clone().filter(|_| !is_open(db)) else {
            return Ok(());
        };
        if access.table(&[Privilege::Select], db, table).is_ok() {
            return Ok(());
        }
        let queries = self.verb == "SELECT";
        let mut readable = false;
        for place in places {
            for c in &mut self.block().tables[*place].columns {
                c.denied = !access.allows_column(Privilege::Select, db, table, &c.meta.name);
                readable |= !c.denied;
            }
        }
        if queries && !readable {
            return Err(access.denied("SELECT", table));
        }
        Ok(())
    }

    fn view(
        &mut self,
        db: String,
        as_of: Option<OwnedValue>,
        text: &str,
        columns: Vec<String>,
        alias: &ast::Ident,
        name: &ast::Ident,
    ) -> Result<Part> {
        let statement = syntax::parse(text.as_bytes(), &self.modes.syntax)
            .map_err(crate::statement::syntax_error)?;
        let ast::Statement::Query(query) = statement else {
            return Err(Error::view_invalid(&db, name));
        };
        let hidden: Vec<bool> = self
            .blocks
            .iter_mut()
            .map(|b| std::mem::replace(&mut b.hidden, true))
            .collect();
        let ctes = std::mem::take(&mut self.ctes);
        let source = std::mem::replace(&mut self.source, Arc::from(text.as_bytes()));
        let view_db = self.view_db.replace(db.clone());
        let view_as_of = std::mem::replace(&mut self.view_as_of, as_of);
        let scope = self.scope.take();
        self.depends_on_code(&db);
        let cache = self.new_cache();
        let bound = self.query_with_outer(&query);
        self.scope = scope;
        self.view_as_of = view_as_of;
        self.view_db = view_db;
        self.source = source;
        self.ctes = ctes;
        for (b, h) in self.blocks.iter_mut().zip(hidden) {
            b.hidden = h;
        }
        let (plan, _) = bound.map_err(|e| match e.code {
            1146 | 1054 | 1305 | 1044 | 1142 | 1143 => Error::view_invalid(&db, name),
            _ => e,
        })?;
        let columns: Vec<ast::Ident> = columns.into_iter().map(ast::Ident::from).collect();
        self.derived(plan, false, cache, alias, &db, &columns)
    }

    fn cte(&mut self, entry: CteEntry, alias: &ast::Ident, name: &ast::Ident) -> Result<Part> {
        match entry {
            CteEntry::Work { work, columns } => {
                let slot = self.block().new_slot();
                let item = JoinItem {
                    kind: JoinKind::Inner,
                    source: Source::Work { slot, work },
                    on: Vec::new(),
                    filter: Vec::new(),
                    slots: vec![slot],
                };
                self.add_computed(alias, "", slot, columns, item)
            }
            CteEntry::Query {
                query,
                columns,
                recursive,
                cache,
            } => {
                let depth = self.blocks.len();
                let was = std::mem::replace(&mut self.block().hidden, true);
                let bound = if recursive && super::query::mentions(&query, name) {
                    self.recursive_cte(&query, name, &columns)
                } else {
                    self.query_with_outer(&query)
                };
                self.block().hidden = was;
                let (plan, outer) = bound?;
                self.derived(plan, outer < depth, cache, alias, "", &columns)
            }
        }
    }

    fn derived(
        &mut self,
        plan: QueryPlan,
        correlated: bool,
        cache: usize,
        alias: &ast::Ident,
        db: &str,
        names: &[ast::Ident],
    ) -> Result<Part> {
        let mut columns = plan.columns.clone();
        if !names.is_empty() {
            if names.len() != columns.len() {
                return Err(Error::view_columns());
            }
            for (c, n) in columns.iter_mut().zip(names) {
                c.name = n.to_string();
            }
        }
        for (i, c) in columns.iter().enumerate() {
            if columns[..i]
                .iter()
                .any(|d| d.name.eq_ignore_ascii_case(&c.name))
            {
                return Err(Error::duplicate_column(&c.name));
            }
        }
        let slot = self.block().new_slot();
        let plan = Arc::new(plan);
        let item = JoinItem {
            kind: JoinKind::Inner,
            source: Source::Derived(Derived {
                slot,
                plan,
                correlated,
                cache,
                hash: Vec::new(),
            }),
            on: Vec::new(),
            filter: Vec::new(),
            slots: vec![slot],
        };
        self.add_computed(alias, db, slot, columns, item)
    }

    fn add_computed(
        &mut self,
        alias: &ast::Ident,
        db: &str,
        slot: u16,
        columns: Vec<ColumnMeta>,
        item: JoinItem,
    ) -> Result<Part> {
        let columns = columns
            .into_iter()
            .map(|meta| ScopeColumn {
                nullable: !meta.not_null,
                meta,
                hidden: false,
                denied: false,
                computed: None,
            })
            .collect();
        self.add_table(
            ScopeTable {
                alias: alias.to_string(),
                db: db.to_string(),
                slot,
                columns,
                merged: Vec::new(),
                base: None,
            },
            item,
        )
    }

    fn add_table(&mut self, table: ScopeTable, item: JoinItem) -> Result<Part> {
        let block = self.block();
        if block.tables.iter().any(|t| {
            t.alias.eq_ignore_ascii_case(&table.alias) && t.db.eq_ignore_ascii_case(&table.db)
        }) {
            return Err(Error::not_unique_table(&table.alias));
        }
        let star = (0..table.columns.len())
            .filter(|i| !table.columns[*i].hidden)
            .map(|i| (table.columns[i].meta.name.clone(), table.typed(i)))
            .collect();
        block.tables.push(table);
        let tables = vec![block.tables.len() - 1];
        Ok(Part {
            items: vec![item],
            conditions: Vec::new(),
            star,
            tables,
        })
    }

    fn virtual_table(
        &mut self,
        table: Arc<dyn crate::virtual_table::VirtualTable>,
        args: Vec<Expr>,
        alias: &ast::Ident,
        cache: usize,
    ) -> Result<Part> {
        let slot = self.block().new_slot();
        let columns = table
            .columns()
            .iter()
            .map(|c| ScopeColumn {
                meta: ColumnMeta {
                    org_name: c.name.clone(),
                    table: alias.to_string(),
                    org_table: table.name().to_string(),
                    schema: table.database().to_string(),
                    not_null: !c.nullable,
                    primary_key: c.primary_key,
                    ..ColumnMeta::computed(c.name.clone(), c.ty.clone())
                },
                nullable: c.nullable,
                hidden: c.hidden,
                denied: false,
                computed: None,
            })
            .collect();
        let mut scope = ScopeTable {
            alias: alias.to_string(),
            db: table.database().to_string(),
            slot,
            columns,
            merged: Vec::new(),
            base: None,
        };
        self.localize(&mut scope);
        let item = JoinItem {
            kind: JoinKind::Inner,
            source: Source::Virtual(VirtualScan {
                slot,
                table,
                args,
                equals: Vec::new(),
                compares: Vec::new(),
                cache,
            }),
            on: Vec::new(),
            filter: Vec::new(),
            slots: vec![slot],
        };
        self.add_table(scope, item)
    }

    fn table_function(
        &mut self,
        call: &ast::NamedCall,
        alias: Option<&ast::Ident>,
        names: &[ast::Ident],
    ) -> Result<Part> {
        let mut args = Vec::new();
        let mut known = Vec::new();
        for a in &call.args {
            let t = self.expr(a)?;
            let mut slots = SlotSet::default();
            t.expr.slots_used(&mut slots);
            let value = match slots.is_empty() {
                true => self.constant_with_params(&t.expr),
                false => None,
            };
            known.push(value);
            args.push(t.expr);
        }
        self.uncacheable = true;
        let db = call
            .name
            .db
            .as_ref()
            .map(|d| d.to_string())
            .or_else(|| self.default_db());
        if let (Some(access), Some(db)) = (&self.access, &db) {
            check_function(access, db, &call.name.name, &known, self.catalog)?;
        }
        let table = self
            .catalog
            .resolve_function(db.as_deref(), &call.name.name, &known)?;
        let alias = alias.unwrap_or(&call.name.name).clone();
        let cache = self.new_cache();
        let part = self.virtual_table(table, args, &alias, cache)?;
        if !names.is_empty() {
            let block = self.block();
            let scope = block.tables.last_mut().expect("the table was just added");
            if names.len() != scope.columns.len() {
                return Err(Error::view_columns());
            }
            for (c, n) in scope.columns.iter_mut().zip(names) {
                c.meta.name = n.to_string();
            }
        }
        Ok(part)
    }

    fn constant_with_params(&self, e: &Expr) -> Option<OwnedValue> {
        match e {
            Expr::Param(n) => self.param_values.get(*n).cloned(),
            e => self.catalog.constant(e).ok(),
        }
    }

    fn json_table(&mut self, j: &ast::JsonTable) -> Result<Part> {
        if matches!(j.doc, ast::Expr::Subquery(_)) {
            return Err(Error::wrong_arguments("JSON_TABLE"));
        }
        let doc = self.expr(&j.doc)?;
        let slot = self.block().new_slot();
        let (plan, columns) = crate::json_table::bind(self, j, doc, slot)?;
        let alias = j.alias.as_ref().ok_or_else(Error::derived_alias)?;
        let item = JoinItem {
            kind: JoinKind::Inner,
            source: Source::JsonTable(Box::new(plan)),
            on: Vec::new(),
            filter: Vec::new(),
            slots: vec![slot],
        };
        self.add_computed(alias, "", slot, columns, item)
    }

    /// Makes the columns of a stored table visible in the current block.
    pub(crate) fn add_stored_columns(
        &mut self,
        def: &Arc<TableDef>,
        alias: &str,
        base: Option<usize>,
    ) -> Result<u16> {
        let slot = self.block().new_slot();
        let keyed = |i: usize| {
            let unique = def.indexes.iter().any(|x| x.unique && x.columns == [i]);
            let multiple = def
                .indexes
                .iter()
                .any(|x| x.columns.first() == Some(&i) && !(x.unique && x.columns.len() == 1));
            (unique, multiple)
        };
        let columns: Vec<ScopeColumn> = def
            .columns
            .iter()
            .enumerate()
            .map(|(i, c)| {
                let (unique_key, multiple_key) = keyed(i);
                ScopeColumn {
                    meta: ColumnMeta {
                        // No name reaches the column of a functional key.
                        name: match def.schema.columns[i].hidden_system {
                            true => String::new(),
                            false => c.name.clone(),
                        },
                        org_name: c.name.clone(),
                        table: alias.to_string(),
                        org_table: def.name.clone(),
                        schema: def.db.clone(),
                        ty: c.ty.clone(),
                        not_null: !c.nullable,
                        primary_key: def.primary_key.contains(&i),
                        unique_key,
                        multiple_key,
                        auto_increment: c.auto_increment,
                    },
                    nullable: c.nullable,
                    hidden: c.hidden,
                    denied: false,
                    computed: None,
                }
            })
            .collect();
        let mut table = ScopeTable {
            alias: alias.to_string(),
            db: def.db.clone(),
            slot,
            columns,
            merged: Vec::new(),
            base,
        };
        self.localize(&mut table);
        for i in 0..def.columns.len() {
            if !def.columns[i].is_virtual {
                continue;
            }
            let e = stored_text::parse(&def.columns[i].generated)?;
            self.push_block()?;
            self.block().tables.push(table.clone());
            self.block().slots = slot + 1;
            let scope = self.scope.take();
            let one_table = std::mem::replace(&mut self.one_table, true);
            let bound = self.expr(&e);
            self.one_table = one_table;
            self.scope = scope;
            self.pop_block();
            let bound = bound?;
            let ty = def.columns[i].ty.clone();
            table.columns[i].computed = Some(Expr::Cast {
                expr: Box::new(bound.expr),
                from: bound.ty,
                to: ty,
            });
        }
        self.block().tables.push(table);
        Ok(slot)
    }

    /// TIMESTAMP columns are stored in UTC and read in the session's zone.
    fn localize(&self, table: &mut ScopeTable) {
        if self.modes.zone == Zone::UTC {
            return;
        }
        for i in 0..table.columns.len() {
            let ty = table.columns[i].meta.ty.clone();
            if !matches!(ty, SqlType::Timestamp(_)) {
                continue;
            }
            let column = table.typed(i).expr;
            table.columns[i].computed = Some(Expr::Call {
                function: &crate::functions::LOCAL_TIMESTAMP,
                args: vec![column],
                types: Arc::new(CallTypes {
                    args: vec![ty.clone()],
                    collation: CollationId::DEFAULT,
                    result: ty,
                }),
            });
        }
    }

    pub(crate) fn stored_table(&mut self, table: BoundTable, alias: &str) -> Result<Part> {
        let db = crate::temporary::plain_name(&table.db).to_string();
        if self
            .block()
            .tables
            .iter()
            .any(|t| t.alias.eq_ignore_ascii_case(alias) && t.db.eq_ignore_ascii_case(&db))
        {
            return Err(Error::not_unique_table(alias));
        }
        let def = table.def.clone();
        let rows = table.rows;
        let number = self.tables.len();
        self.tables.push(table);
        let slot = self.add_stored_columns(&def, alias, Some(number))?;
        let block = self.block();
        let place = block.tables.len() - 1;
        block.tables[place].db = db;
        let scope = &block.tables[place];
        let star = (0..scope.columns.len())
            .filter(|i| !scope.columns[*i].hidden)
            .map(|i| (scope.columns[i].meta.name.clone(), scope.typed(i)))
            .collect();
        let item = JoinItem {
            kind: JoinKind::Inner,
            source: Source::Table(TableScan {
                slot,
                table: number,
                def,
                access: Access::Full { reverse: false },
                columns: None,
                rows,
            }),
            on: Vec::new(),
            filter: Vec::new(),
            slots: vec![slot],
        };
        Ok(Part {
            items: vec![item],
            conditions: Vec::new(),
            star,
            tables: vec![place],
        })
    }

    fn join(&mut self, join: &ast::Join) -> Result<Part> {
        let mut left = self.table_ref(&join.left)?;
        let mut right = self.table_ref(&join.right)?;
        let lateral = right.items.iter().any(|i| {
            matches!(&i.source, Source::Derived(d) if d.correlated)
                || matches!(&i.source, Source::JsonTable(_))
        });
        if let (ast::JoinKind::Right, true, 1, TableRef::Derived { alias, .. }) =
            (join.kind, lateral, self.blocks.len(), &join.right)
        {
            let name = alias.as_ref().map_or("", |a| a.as_str());
            return Err(Error::new(
                3668,
                "HY000",
                format!("INNER or LEFT JOIN must be used for LATERAL references made by '{name}'"),
            ));
        }
        let mut on = Vec::new();
        let mut star = None;
        let names: Option<Vec<String>> = match &join.constraint {
            JoinConstraint::Using(names) => Some(names.iter().map(|n| n.to_string()).collect()),
            _ if join.natural => Some(
                left.star
                    .iter()
                    .map(|(n, _)| n.clone())
                    .filter(|n| right.star.iter().any(|(m, _)| m.eq_ignore_ascii_case(n)))
                    .collect(),
            ),
            _ => None,
        };
        if let Some(names) = names {
            self.check_readable(&names)?;
            star = Some(self.using(join.kind, &names, &mut left, &mut right, &mut on)?);
        }
        if let JoinConstraint::On(e) = &join.constraint {
            // ON sees only the tables of this join.
            let visible: Vec<usize> = left.tables.iter().chain(&right.tables).copied().collect();
            let all = std::mem::take(&mut self.block().tables);
            self.block().tables = visible.iter().map(|i| all[*i].clone()).collect();
            let clause = std::mem::replace(&mut self.block().clause, "on clause");
            let bound = self.condition(e);
            self.block().clause = clause;
            self.block().tables = all;
            conjuncts(bound?, &mut on);
        }
        let mut part = match join.kind {
            ast::JoinKind::Inner | ast::JoinKind::Cross | ast::JoinKind::Straight => {
                left.join(right);
                left.conditions.extend(on);
                left
            }
            ast::JoinKind::Left => {
                let right_star = std::mem::take(&mut right.star);
                let right_tables = std::mem::take(&mut right.tables);
                let item = right.nested(on);
                left.items.push(item);
                left.star.extend(nulled(right_star));
                left.tables.extend(right_tables);
                left
            }
            ast::JoinKind::Right => {
                let left_star = std::mem::take(&mut left.star);
                let left_tables = std::mem::take(&mut left.tables);
                let item = left.nested(on);
                right.items.push(item);
                right.star = nulled(left_star).into_iter().chain(right.star).collect();
                right.tables.extend(left_tables);
                right
            }
            ast::JoinKind::Full => {
                let (left_slots, right_slots) = (left.slots(), right.slots());
                let fold = |items: Vec<JoinItem>, filter: Vec<Expr>| -> Vec<JoinItem> {
                    if filter.is_empty() {
                        return items;
                    }
                    let slots = items.iter().flat_map(|i| i.slots.clone()).collect();
                    let source = Source::Nest(items);
                    vec![JoinItem {
                        kind: JoinKind::Inner,
                        source,
                        on: Vec::new(),
                        filter,
                        slots,
                    }]
                };
                let slots = left_slots.iter().chain(&right_slots).copied().collect();
                let full = FullJoin {
                    left: fold(left.items, left.conditions),
                    right: fold(right.items, right.conditions),
                    on,
                    left_slots,
                    right_slots,
                };
                let item = JoinItem {
                    kind: JoinKind::Inner,
                    source: Source::Full(Box::new(full)),
                    on: Vec::new(),
                    filter: Vec::new(),
                    slots,
                };
                Part {
                    items: vec![item],
                    conditions: Vec::new(),
                    star: nulled(left.star)
                        .into_iter()
                        .chain(nulled(right.star))
                        .collect(),
                    tables: left.tables.into_iter().chain(right.tables).collect(),
                }
            }
        };
        self.mark_nullable(join.kind, &part);
        if let Some(star) = star {
            part.star = star;
        }
        Ok(part)
    }

    /// Columns that a join compares must be readable.
    fn check_readable(&mut self, names: &[String]) -> Result<()> {
        let Some(access) = self.access.clone() else {
            return Ok(());
        };
        let columns = self.block().tables.iter().flat_map(|t| &t.columns);
        for c in columns.filter(|c| c.denied) {
            if names.iter().any(|n| n.eq_ignore_ascii_case(&c.meta.name)) {
                return Err(access.column_denied("SELECT", &c.meta.name, &c.meta.org_table));
            }
        }
        Ok(())
    }

    /// Columns of the side that an outer join fills with NULLs are nullable from here on.
    fn mark_nullable(&mut self, kind: ast::JoinKind, part: &Part) {
        let nullable: Vec<u16> = match kind {
            ast::JoinKind::Left | ast::JoinKind::Right => part
                .items
                .last()
                .filter(|i| i.kind == JoinKind::Left)
                .map(|i| i.slots.clone())
                .unwrap_or_default(),
            ast::JoinKind::Full => part.slots(),
            _ => return,
        };
        for table in &mut self.block().tables {
            if nullable.contains(&table.slot) {
                table.columns.iter_mut().for_each(|c| c.nullable = true);
            }
        }
    }

    /// Equalities and `*` of a join by common columns.
    fn using(
        &mut self,
        kind: ast::JoinKind,
        names: &[String],
        left: &mut Part,
        right: &mut Part,
        on: &mut Vec<Expr>,
    ) -> Result<Vec<(String, Typed)>> {
        let mut common = Vec::new();
        for name in names {
            let find = |part: &Part| -> Result<Typed> {
                let mut hits = part
                    .star
                    .iter()
                    .filter(|(n, _)| n.eq_ignore_ascii_case(name));
                let hit = hits
                    .next()
                    .ok_or_else(|| Error::unknown_column(name, "from clause"))?;
                if hits.next().is_some() {
                    return Err(Error::ambiguous_column(name, "from clause"));
                }
                Ok(hit.1.clone())
            };
            let (a, b) = (find(left)?, find(right)?);
            on.push(self.compare(CompareOp::Eq, a.clone(), b.clone())?.expr);
            let (merged, keep) = match kind {
                ast::JoinKind::Right => (&left.tables, b),
                ast::JoinKind::Full => {
                    let (list, ty, _) = self.unify(vec![a, b])?;
                    let t = Typed::new(Expr::Coalesce(list), ty, true)
                        .with_coercibility(coercibility::IMPLICIT);
                    (&right.tables, t)
                }
                _ => (&right.tables, a),
            };
            for i in merged.clone() {
                self.block().tables[i].merged.push(name.clone());
            }
            if kind == ast::JoinKind::Full {
                for i in left.tables.clone() {
                    self.block().tables[i].merged.push(name.clone());
                }
                self.block().joined.push((name.clone(), keep.clone()));
            }
            common.push((name.clone(), keep));
        }
        let rest = |part: &Part, null: bool| -> Vec<(String, Typed)> {
            let list = part
                .star
                .iter()
                .filter(|(n, _)| !names.iter().any(|m| m.eq_ignore_ascii_case(n)))
                .cloned()
                .collect();
            if null { nulled(list) } else { list }
        };
        let (null_left, null_right) = match kind {
            ast::JoinKind::Left => (false, true),
            ast::JoinKind::Right => (true, false),
            ast::JoinKind::Full => (true, true),
            _ => (false, false),
        };
        let (l, r) = (rest(left, null_left), rest(right, null_right));
        match kind {
            ast::JoinKind::Right => {
                common.extend(r);
                common.extend(l);
            }
            _ => {
                common.extend(l);
                common.extend(r);
            }
        }
        Ok(common)
    }
}

fn nulled(mut star: Vec<(String, Typed)>) -> Vec<(String, Typed)> {
    star.iter_mut().for_each(|(_, t)| t.nullable = true);
    star
}
