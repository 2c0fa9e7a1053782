//! Queries, table references, and statements on rows.

use super::Sql;
use crate::ast::*;
use crate::parser::level::*;

impl Sql<'_> {
    pub(super) fn paren_query(&mut self, query: &Query) -> &mut Self {
        self.s("(").query(query);
        self.s(")")
    }

    fn with(&mut self, with: &Option<With>) {
        let Some(with) = with else { return };
        self.s("WITH ").when(with.recursive, "RECURSIVE ");
        self.list(&with.ctes, |w, cte| {
            w.ident(&cte.name);
            if !cte.columns.is_empty() {
                w.s(" ").columns(&cte.columns);
            }
            w.s(" AS ").paren_query(&cte.query);
        });
        self.s(" ");
    }

    pub(super) fn query(&mut self, query: &Query) {
        self.with(&query.with);
        self.set_expr(&query.body);
        self.order_by(&query.order_by);
        self.limit(&query.limit);
        for lock in &query.locks {
            self.s(match lock.strength {
                LockStrength::Update => " FOR UPDATE",
                LockStrength::Share => " FOR SHARE",
                LockStrength::ShareMode => " LOCK IN SHARE MODE",
            });
            if !lock.of.is_empty() {
                self.s(" OF ").names(&lock.of);
            }
            self.s(match lock.wait {
                LockWait::Wait => "",
                LockWait::NoWait => " NOWAIT",
                LockWait::SkipLocked => " SKIP LOCKED",
            });
        }
        if let Some(into) = &query.into {
            self.destination(into);
        }
    }

    pub(super) fn limit(&mut self, limit: &Option<Limit>) -> &mut Self {
        if let Some(limit) = limit {
            // Parameters are numbered by their place in the text.
            if let (Expr::Param(count), Some(Expr::Param(offset))) = (&limit.count, &limit.offset)
                && offset < count
            {
                return self.s(" LIMIT ?, ?");
            }
            self.s(" LIMIT ").expr_at(&limit.count, PRIMARY);
            if let Some(offset) = &limit.offset {
                self.s(" OFFSET ").expr_at(offset, PRIMARY);
            }
        }
        self
    }

    fn destination(&mut self, into: &SelectInto) {
        match into {
            SelectInto::Variables(targets) => {
                self.s(" INTO ").select_targets(targets);
            }
            SelectInto::Outfile {
                file,
                charset,
                format,
            } => {
                self.s(" INTO OUTFILE ").str(file);
                if let Some(charset) = charset {
                    self.s(" CHARACTER SET ").charset(charset);
                }
                self.file_format(format);
            }
            SelectInto::Dumpfile(file) => {
                self.s(" INTO DUMPFILE ").str(file);
            }
        }
    }

    pub(super) fn select_targets(&mut self, targets: &[IntoTarget]) -> &mut Self {
        self.list(targets, |w, target| w.select_target(target))
    }

    pub(super) fn select_target(&mut self, target: &IntoTarget) {
        match target {
            IntoTarget::User(name) => self.user_var(name),
            IntoTarget::Local(name) => self.ident(name),
        };
    }

    fn file_format(&mut self, format: &FileFormat) {
        let fields = [
            (" TERMINATED BY ", &format.fields_terminated),
            (
                if format.fields_optionally_enclosed {
                    " OPTIONALLY ENCLOSED BY "
                } else {
                    " ENCLOSED BY "
                },
                &format.fields_enclosed,
            ),
            (" ESCAPED BY ", &format.fields_escaped),
        ];
        let lines = [
            (" STARTING BY ", &format.lines_starting),
            (" TERMINATED BY ", &format.lines_terminated),
        ];
        self.format_clause(" FIELDS", &fields);
        self.format_clause(" LINES", &lines);
    }

    fn format_clause(&mut self, head: &str, parts: &[(&str, &Option<Box<[u8]>>)]) {
        if parts.iter().any(|(_, value)| value.is_some()) {
            self.s(head);
        }
        for (word, value) in parts {
            if let Some(value) = value {
                self.s(word).string(value);
            }
        }
    }

    fn set_expr(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Chain { first, rest } => {
                self.set_expr(first);
                for term in rest {
                    self.s(match term.op {
                        SetOp::Union => " UNION ",
                        SetOp::Intersect => " INTERSECT ",
                        SetOp::Except => " EXCEPT ",
                    });
                    self.when(term.all, "ALL ");
                    self.set_expr(&term.term);
                }
            }
            SetExpr::Values(rows) => {
                self.s("VALUES ").list(rows, |w, row| {
                    w.s("ROW(").exprs(row).s(")");
                });
            }
            SetExpr::Table(table) => {
                self.s("TABLE ");
                self.table_name(table);
            }
            SetExpr::Nested(query) => {
                self.paren_query(query);
            }
        }
    }

    fn hints(&mut self, hints: &Option<Box<str>>) {
        if let Some(hints) = hints {
            self.s(" /*+ ").s(hints).s(" */");
        }
    }

    pub(super) fn select(&mut self, select: &Select) {
        self.s("SELECT");
        self.hints(&select.hints);
        let m = select.modifiers;
        self.when(select.distinct, " DISTINCT")
            .when(m.high_priority, " HIGH_PRIORITY")
            .when(m.straight_join, " STRAIGHT_JOIN")
            .when(m.small_result, " SQL_SMALL_RESULT")
            .when(m.big_result, " SQL_BIG_RESULT")
            .when(m.buffer_result, " SQL_BUFFER_RESULT")
            .when(m.no_cache, " SQL_NO_CACHE")
            .when(m.cache, " SQL_CACHE")
            .when(m.calc_found_rows, " SQL_CALC_FOUND_ROWS");
        self.s(" ").select_items(&select.items);
        if !select.from.is_empty() {
            self.s(" FROM ").table_refs(&select.from);
        }
        self.where_(&select.where_);
        if !select.group_by.is_empty() {
            self.s(" GROUP BY ")
                .list(&select.group_by, |w, item| w.expr(&item.expr));
            self.when(select.rollup, " WITH ROLLUP");
        }
        if let Some(having) = &select.having {
            self.s(" HAVING ").expr(having);
        }
        if !select.windows.is_empty() {
            self.s(" WINDOW ").list(&select.windows, |w, (name, spec)| {
                w.ident(name).s(" AS ");
                w.window_spec(spec);
            });
        }
    }

    pub(super) fn select_items(&mut self, items: &[SelectItem]) -> &mut Self {
        self.list(items, |w, item| match item {
            SelectItem::Wildcard => {
                w.s("*");
            }
            SelectItem::QualifiedWildcard(name) => {
                w.name(name).s(".*");
            }
            SelectItem::Expr { expr, alias, .. } => {
                w.expr(expr);
                if let Some(alias) = alias {
                    w.s(" AS ").ident(alias);
                }
            }
        })
    }

    fn where_(&mut self, condition: &Option<Expr>) -> &mut Self {
        if let Some(condition) = condition {
            self.s(" WHERE ").expr(condition);
        }
        self
    }

    fn partitions(&mut self, partitions: &[Ident]) -> &mut Self {
        if !partitions.is_empty() {
            self.s(" PARTITION ").columns(partitions);
        }
        self
    }

    pub(super) fn as_of(&mut self, as_of: Option<&AsOf>) -> &mut Self {
        match as_of {
            None => {}
            Some(AsOf::Point(at)) => {
                self.s(" AS OF ").expr_at(at, BIT_OR);
            }
            Some(AsOf::Between(a, b)) => {
                self.s(" FOR SYSTEM_TIME BETWEEN ").expr_at(a, BIT_OR);
                self.s(" AND ").expr_at(b, BIT_OR);
            }
            Some(AsOf::FromTo(a, b)) => {
                self.s(" FOR SYSTEM_TIME FROM ").expr_at(a, BIT_OR);
                self.s(" TO ").expr_at(b, BIT_OR);
            }
            Some(AsOf::ContainedIn(a, b)) => {
                self.s(" FOR SYSTEM_TIME CONTAINED IN (").expr_at(a, BIT_OR);
                self.s(", ").expr_at(b, BIT_OR).s(")");
            }
            Some(AsOf::All) => {
                self.s(" FOR SYSTEM_TIME ALL");
            }
        }
        self
    }

    fn table_name(&mut self, table: &TableName) {
        self.name(&table.name).partitions(&table.partitions);
        self.as_of(table.as_of.as_deref());
    }

    pub(super) fn table_refs(&mut self, tables: &[TableRef]) -> &mut Self {
        self.list(tables, |w, table| w.table_ref(table))
    }

    fn alias(&mut self, alias: &Option<Ident>, columns: &[Ident]) {
        if let Some(alias) = alias {
            self.s(" AS ").ident(alias);
        }
        if !columns.is_empty() {
            self.s(" ").columns(columns);
        }
    }

    pub(super) fn table_ref(&mut self, table: &TableRef) {
        match table {
            TableRef::Table {
                table,
                alias,
                hints,
            } => {
                self.table_name(table);
                self.alias(alias, &[]);
                for hint in hints {
                    self.s(match hint.kind {
                        IndexHintKind::Use => " USE INDEX",
                        IndexHintKind::Force => " FORCE INDEX",
                        IndexHintKind::Ignore => " IGNORE INDEX",
                    });
                    self.s(match hint.scope {
                        None => " ",
                        Some(IndexHintScope::Join) => " FOR JOIN ",
                        Some(IndexHintScope::OrderBy) => " FOR ORDER BY ",
                        Some(IndexHintScope::GroupBy) => " FOR GROUP BY ",
                    });
                    self.s("(").list(&hint.indexes, |w, name| {
                        w.index_name(name);
                    });
                    self.s(")");
                }
            }
            TableRef::Derived {
                lateral,
                query,
                alias,
                columns,
            } => {
                self.when(*lateral, "LATERAL ").paren_query(query);
                self.alias(alias, columns);
            }
            TableRef::Function {
                call,
                lateral,
                as_of,
                alias,
                columns,
            } => {
                self.when(*lateral, "LATERAL ").name(&call.name).s("(");
                self.exprs(&call.args).s(")").as_of(as_of.as_deref());
                self.alias(alias, columns);
            }
            TableRef::JsonTable(table) => {
                self.s("JSON_TABLE(").expr(&table.doc);
                self.s(", ").expr(&table.path);
                self.s(" ");
                self.json_columns(&table.columns);
                self.s(")");
                self.alias(&table.alias, &[]);
            }
            TableRef::Join(join) => self.join(join),
            TableRef::List(tables) => {
                self.s("(").table_refs(tables).s(")");
            }
        }
    }

    /// An index's name, where PRIMARY needs no quotes.
    pub(super) fn index_name(&mut self, name: &str) -> &mut Self {
        if name.eq_ignore_ascii_case("primary") {
            return self.s(name);
        }
        self.ident(name)
    }

    fn join(&mut self, join: &Join) {
        self.table_ref(&join.left);
        self.when(join.natural, " NATURAL").s(match join.kind {
            JoinKind::Inner => " JOIN ",
            JoinKind::Cross => " CROSS JOIN ",
            JoinKind::Left => " LEFT JOIN ",
            JoinKind::Right => " RIGHT JOIN ",
            JoinKind::Full => " FULL JOIN ",
            JoinKind::Straight => " STRAIGHT_JOIN ",
        });
        if matches!(join.right, TableRef::Join(_)) {
            self.s("(").table_ref(&join.right);
            self.s(")");
        } else {
            self.table_ref(&join.right);
        }
        match &join.constraint {
            JoinConstraint::None => {}
            JoinConstraint::On(on) => {
                self.s(" ON ").expr(on);
            }
            JoinConstraint::Using(columns) => {
                self.s(" USING ").columns(columns);
            }
        }
    }

    fn json_columns(&mut self, columns: &[JsonColumn]) {
        self.s("COLUMNS (").list(columns, |w, column| match column {
            JsonColumn::Ordinality(name) => {
                w.ident(name).s(" FOR ORDINALITY");
            }
            JsonColumn::Path {
                name,
                data_type,
                exists,
                path,
                on_empty,
                on_error,
            } => {
                w.ident(name).s(" ").data_type(data_type);
                w.when(*exists, " EXISTS").s(" PATH ");
                w.expr_at(path, BANG);
                w.json_on(on_empty.as_ref(), on_error.as_ref());
            }
            JsonColumn::Nested { path, columns } => {
                w.s("NESTED PATH ").expr(path);
                w.s(" ").json_columns(columns);
            }
        });
        self.s(")");
    }

    fn assignments(&mut self, list: &[Assignment]) -> &mut Self {
        self.list(list, |w, a| {
            w.column_ref(&a.column).s(" = ").expr(&a.value);
        })
    }

    fn returning(&mut self, items: &[SelectItem]) {
        if !items.is_empty() {
            self.s(" RETURNING ").select_items(items);
        }
    }

    pub(super) fn insert(&mut self, insert: &Insert) {
        self.with(&insert.with);
        self.s(if insert.replace { "REPLACE" } else { "INSERT" });
        self.hints(&insert.hints);
        self.s(match insert.priority {
            None => "",
            Some(Priority::Low) => " LOW_PRIORITY",
            Some(Priority::Delayed) => " DELAYED",
            Some(Priority::High) => " HIGH_PRIORITY",
        });
        self.when(insert.ignore, " IGNORE").s(" INTO ");
        self.name(&insert.table).partitions(&insert.partitions);
        if insert.has_columns {
            self.s(" (").list(&insert.columns, |w, c| {
                w.column_ref(c);
            });
            self.s(")");
        }
        match &insert.source {
            InsertSource::Values(rows) => {
                for (n, row) in rows.iter().enumerate() {
                    let cells: Vec<Expr> = row.map(CellRef::to_expr).collect();
                    self.s(if n == 0 { " VALUES (" } else { ", (" });
                    self.exprs(&cells).s(")");
                }
            }
            InsertSource::Set(list) => {
                self.s(" SET ").assignments(list);
            }
            InsertSource::Query(query) => {
                self.s(" ").query(query);
            }
        }
        if let Some((alias, columns)) = &insert.row_alias {
            self.s(" AS ").ident(alias);
            if !columns.is_empty() {
                self.s(" ").columns(columns);
            }
        }
        if !insert.on_duplicate.is_empty() {
            self.s(" ON DUPLICATE KEY UPDATE ")
                .assignments(&insert.on_duplicate);
        }
        self.returning(&insert.returning);
    }

    pub(super) fn update(&mut self, update: &Update) {
        self.with(&update.with);
        self.s("UPDATE");
        self.hints(&update.hints);
        self.when(update.low_priority, " LOW_PRIORITY")
            .when(update.ignore, " IGNORE");
        self.s(" ").table_refs(&update.tables);
        self.s(" SET ").assignments(&update.set);
        self.where_(&update.where_).order_by(&update.order_by);
        self.limit(&update.limit);
        self.returning(&update.returning);
    }

    pub(super) fn delete(&mut self, delete: &Delete) {
        self.with(&delete.with);
        self.s("DELETE");
        self.hints(&delete.hints);
        self.when(delete.low_priority, " LOW_PRIORITY")
            .when(delete.quick, " QUICK")
            .when(delete.ignore, " IGNORE");
        if !delete.targets.is_empty() {
            self.s(" ").names(&delete.targets);
        }
        self.s(" FROM ").table_refs(&delete.from);
        self.where_(&delete.where_).order_by(&delete.order_by);
        self.limit(&delete.limit);
        self.returning(&delete.returning);
    }

    pub(super) fn load_data(&mut self, load: &LoadData) {
        self.s("LOAD DATA").s(match load.priority {
            None => "",
            Some(LoadPriority::Low) => " LOW_PRIORITY",
            Some(LoadPriority::Concurrent) => " CONCURRENT",
        });
        self.when(load.local, " LOCAL").s(" INFILE ");
        self.str(&load.file).s(match load.duplicates {
            None => "",
            Some(LoadDuplicates::Replace) => " REPLACE",
            Some(LoadDuplicates::Ignore) => " IGNORE",
        });
        self.s(" INTO TABLE ").name(&load.table);
        self.partitions(&load.partitions);
        if let Some(charset) = &load.charset {
            self.s(" CHARACTER SET ").charset(charset);
        }
        self.file_format(&load.format);
        if let Some(n) = load.ignore_lines {
            self.s(" IGNORE ").num(n).s(" LINES");
        }
        if !load.columns.is_empty() {
            self.s(" (").list(&load.columns, |w, column| match column {
                LoadColumn::Column(column) => {
                    w.column_ref(column);
                }
                LoadColumn::User(name) => {
                    w.user_var(name);
                }
            });
            self.s(")");
        }
        if !load.set.is_empty() {
            self.s(" SET ").assignments(&load.set);
        }
    }

    pub(super) fn call_statement(&mut self, call: &Call) {
        self.s("CALL ").name(&call.name).s("(");
        self.exprs(&call.args).s(")");
        if let Some(at) = &call.as_of {
            self.s(" AS OF ").expr_at(at, BIT_OR);
        }
    }
}
