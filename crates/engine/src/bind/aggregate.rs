//! Grouping, aggregate functions and window functions.

use syntax::ast;
use values::{SqlType, Value};

use super::types::{self, BIGINT, Typed, UBIGINT, coercibility, own_compare};
use super::{Binder, Stage};
use crate::error::{Error, Result};
use crate::expr::{CompareAs, Expr};
use crate::plan::{
    AggregateCall, AggregateFunction, Bound, Frame, SortKey, WindowCall, WindowFunction,
};

fn function_of(name: &str) -> Option<AggregateFunction> {
    use AggregateFunction::*;
    Some(match name {
        "count" => Count,
        "sum" => Sum,
        "avg" => Avg,
        "min" => Min,
        "max" => Max,
        "group_concat" => GroupConcat,
        "bit_and" => BitAnd,
        "bit_or" => BitOr,
        "bit_xor" => BitXor,
        "std" | "stddev" | "stddev_pop" => StddevPop,
        "stddev_samp" => StddevSamp,
        "var_pop" | "variance" => VarPop,
        "var_samp" => VarSamp,
        "json_arrayagg" => JsonArrayAgg,
        "json_objectagg" => JsonObjectAgg,
        "first" => First,
        "last" => Last,
        _ => return None,
    })
}

/// Whether an expression holds an aggregate of its own query block.
pub(crate) fn has_aggregate(e: &ast::Expr) -> bool {
    let mut found = false;
    walk(e, &mut |e| {
        if let ast::Expr::Function(f) = e
            && f.over.is_none()
            && (function_of(&f.name.to_ascii_lowercase()).is_some()
                || f.name.eq_ignore_ascii_case("grouping"))
        {
            found = true;
        }
    });
    found
}

/// Visits an expression and its operands, not the queries inside.
pub(crate) fn walk(e: &ast::Expr, f: &mut dyn FnMut(&ast::Expr)) {
    use ast::Expr::*;
    f(e);
    match e {
        Unary { expr, .. }
        | Is { expr, .. }
        | Collate { expr, .. }
        | Cast { expr, .. }
        | ConvertUsing { expr, .. }
        | WeightString { expr, .. }
        | Extract { expr, .. }
        | Odbc { expr, .. } => walk(expr, f),
        Binary { left, right, .. } => {
            walk(left, f);
            walk(right, f);
        }
        And(list) | Or(list) | Row(list) => list.iter().for_each(|e| walk(e, f)),
        Quantified { left, .. } => walk(left, f),
        Like { expr, pattern, .. } | Regexp { expr, pattern, .. } => {
            walk(expr, f);
            walk(pattern, f);
        }
        Between {
            expr, low, high, ..
        } => {
            walk(expr, f);
            walk(low, f);
            walk(high, f);
        }
        InList { expr, list, .. } => {
            walk(expr, f);
            list.iter().for_each(|e| walk(e, f));
        }
        InSubquery { expr, .. } => walk(expr, f),
        MemberOf { value, array } => {
            walk(value, f);
            walk(array, f);
        }
        Case {
            operand,
            branches,
            otherwise,
        } => {
            if let Some(o) = operand {
                walk(o, f);
            }
            for (a, b) in branches {
                walk(a, f);
                walk(b, f);
            }
            if let Some(o) = otherwise {
                walk(o, f);
            }
        }
        CharUsing { args, .. } => args.iter().for_each(|e| walk(e, f)),
        Function(call) => {
            call.args.iter().for_each(|e| walk(e, f));
            if let Some(ast::Over::Spec(w)) = call.over.as_deref() {
                w.partition_by.iter().for_each(|e| walk(e, f));
                w.order_by.iter().for_each(|o| walk(&o.expr, f));
            }
        }
        Trim { what, from, .. } => {
            if let Some(w) = what {
                walk(w, f);
            }
            walk(from, f);
        }
        Position { needle, haystack } => {
            walk(needle, f);
            walk(haystack, f);
        }
        TimestampFunction { first, second, .. } => {
            walk(first, f);
            walk(second, f);
        }
        GetFormat { format, .. } => walk(format, f),
        Interval { value, .. } => walk(value, f),
        Match { against, .. } => walk(against, f),
        Assign { value, .. } => walk(value, f),
        _ => {}
    }
}

impl Binder<'_> {
    pub(crate) fn is_aggregate(&self, name: &str) -> bool {
        function_of(name).is_some() || name == "grouping"
    }

    /// The grouping key that an expression equals, as a column of the group's row.
    pub(crate) fn grouping_key(&mut self, e: &ast::Expr) -> Result<Option<Typed>> {
        if self.block().keys.is_empty()
            || matches!(e, ast::Expr::Literal(_) | ast::Expr::Param(_))
            || has_aggregate(e)
        {
            return Ok(None);
        }
        let only_columns = self
            .block()
            .keys
            .iter()
            .all(|(e, _)| matches!(e, Expr::Column { .. }));
        if only_columns && !matches!(e, ast::Expr::Column(_)) {
            return Ok(None);
        }
        let rule = self.block().alias_rule;
        if rule == super::AliasRule::First
            && matches!(e, ast::Expr::Column(c) if c.table.is_none()
                && self.block().aliases.iter().any(|(a, _)| a.eq_ignore_ascii_case(&c.name)))
        {
            return Ok(None);
        }
        self.block().stage = Stage::Rows;
        self.block().alias_rule = super::AliasRule::Never;
        let (caches, loose) = (self.caches, self.block().loose_column.clone());
        let calls = self.block().window_calls.len();
        let bound = self.expr(e);
        self.block().stage = Stage::Groups;
        self.block().alias_rule = rule;
        self.caches = caches;
        self.block().loose_column = loose;
        self.block().window_calls.truncate(calls);
        let Ok(bound) = bound else { return Ok(None) };
        let block = self.block();
        let slot = block.aggregate_slot;
        let found = block.keys.iter().position(|(key, _)| *key == bound.expr);
        Ok(found.map(|i| {
            let typed = &block.keys[i].1;
            Typed {
                expr: Expr::Column {
                    slot,
                    col: i as u16,
                },
                ty: typed.ty.clone(),
                nullable: typed.nullable,
                coercibility: typed.coercibility,
                origin: typed.origin.clone(),
            }
        }))
    }

    /// A column outside aggregates of a grouped block: a key, or any value of the group.
    pub(crate) fn group_column(
        &mut self,
        level: usize,
        table: usize,
        column: usize,
        t: Typed,
    ) -> Result<Typed> {
        let block = &mut self.blocks[level];
        let slot = block.aggregate_slot;
        let mut out = t.clone();
        if let Some(i) = block.keys.iter().position(|(key, _)| *key == t.expr) {
            out.expr = Expr::Column {
                slot,
                col: i as u16,
            };
            return Ok(out);
        }
        let fixed = matches!(&t.expr, Expr::Column { slot, col }
            if self.blocks[level].fixed.contains(&(*slot, *col)));
        if !fixed && !self.determined(level, table) {
            let block = &mut self.blocks[level];
            if block.loose_column.is_none() {
                let scope = &block.tables[table];
                let meta = &scope.columns[column].meta;
                let db = if meta.schema.is_empty() {
                    &scope.db
                } else {
                    &meta.schema
                };
                let mut shown = format!("{db}.{}.{}", scope.alias, meta.name);
                if db.is_empty() {
                    shown = format!("{}.{}", scope.alias, meta.name);
                }
                block.loose_column = Some(shown);
            }
        }
        let block = &mut self.blocks[level];
        let call = AggregateCall {
            function: AggregateFunction::AnyValue,
            args: vec![t.expr.clone()],
            arg_types: vec![t.ty.clone()],
            distinct: false,
            kind: CompareAs::Binary,
            order: Vec::new(),
            separator: Vec::new(),
            ty: t.ty.clone(),
        };
        let i = add_call(&mut block.calls, call);
        out.expr = Expr::Column {
            slot,
            col: (block.keys.len() + i) as u16,
        };
        out.nullable = true;
        Ok(out)
    }

    /// Whether the grouping keys determine the row of a table: they hold its primary key or a
    /// unique key without NULLs.
    fn determined(&self, level: usize, table: usize) -> bool {
        let block = &self.blocks[level];
        let scope = &block.tables[table];
        let Some(base) = scope.base else { return false };
        let def = &self.tables[base].def;
        let has = |c: &usize| {
            block.fixed.contains(&(scope.slot, *c as u16)) || block.keys.iter().any(
                |(e, _)| matches!(e, Expr::Column { slot, col } if *slot == scope.slot && *col as usize == *c),
            )
        };
        (!def.primary_key.is_empty() && def.primary_key.iter().all(has))
            || def.indexes.iter().any(|i| {
                i.unique
                    && i.columns.iter().all(|c| !def.columns[*c].nullable)
                    && i.columns.iter().all(has)
            })
    }

    pub(crate) fn aggregate_call(&mut self, name: &str, call: &ast::FunctionCall) -> Result<Typed> {
        if self.block().stage != Stage::Groups || self.block().in_aggregate {
            return Err(Error::invalid_group_function());
        }
        if name == "grouping" {
            return self.grouping_call(call);
        }
        self.block().stage = Stage::Rows;
        self.block().in_aggregate = true;
        let rule = std::mem::replace(&mut self.block().alias_rule, super::AliasRule::Never);
        let bound = self.bind_aggregate(name, call);
        let block = self.block();
        block.stage = Stage::Groups;
        block.in_aggregate = false;
        block.alias_rule = rule;
        let (call, nullable) = bound?;
        let ty = call.ty.clone();
        let i = add_call(&mut block.calls, call);
        let col = (block.keys.len() + i) as u16;
        let slot = block.aggregate_slot;
        Ok(Typed::new(Expr::Column { slot, col }, ty, nullable)
            .with_coercibility(coercibility::IMPLICIT))
    }

    fn grouping_call(&mut self, call: &ast::FunctionCall) -> Result<Typed> {
        let [arg] = call.args.as_slice() else {
            return Err(Error::wrong_parameter_count("GROUPING"));
        };
        let key = self.grouping_key(arg)?.ok_or_else(|| {
            Error::new(
                3602,
                "HY000",
                "Argument #0 of GROUPING function is not in GROUP BY",
            )
        })?;
        let Expr::Column { col, .. } = key.expr else {
            return Err(Error::invalid_group_function());
        };
        let aggregate = AggregateCall {
            function: AggregateFunction::Grouping(col as usize),
            args: Vec::new(),
            arg_types: Vec::new(),
            distinct: false,
            kind: CompareAs::Integer,
            order: Vec::new(),
            separator: Vec::new(),
            ty: BIGINT,
        };
        let block = self.block();
        let i = add_call(&mut block.calls, aggregate);
        let (slot, col) = (block.aggregate_slot, (block.keys.len() + i) as u16);
        Ok(Typed::new(Expr::Column { slot, col }, BIGINT, false))
    }

    /// Function, arguments and type of an aggregate; its arguments see rows.
    fn bind_aggregate(
        &mut self,
        name: &str,
        call: &ast::FunctionCall,
    ) -> Result<(AggregateCall, bool)> {
        use AggregateFunction::*;
        let mut function = function_of(name).ok_or_else(|| Error::unknown_function(name))?;
        if call.star {
            function = CountStar;
        }
        let want = match function {
            CountStar => 0..=0,
            JsonObjectAgg => 2..=2,
            Count if call.distinct => 1..=usize::MAX,
            GroupConcat => 1..=usize::MAX,
            _ => 1..=1,
        };
        if !want.contains(&call.args.len()) {
            return Err(Error::wrong_parameter_count(&call.name));
        }
        let mut args = Vec::new();
        for a in &call.args {
            args.push(self.expr(a)?);
        }
        let nullable = !matches!(function, CountStar | Count | BitAnd | BitOr | BitXor);
        let first = args.first().map(|t| t.ty.clone()).unwrap_or(SqlType::Null);
        let connection = self.modes.connection;
        let kind = own_compare(&first, connection);
        let exact = |ty: &SqlType| types::is_integer(ty) || matches!(ty, SqlType::Decimal { .. });
        let ty = match function {
            CountStar | Count => BIGINT,
            Sum => match &first {
                SqlType::Decimal { precision, scale } => SqlType::Decimal {
                    precision: (*precision as u32 + 22).min(65) as u8,
                    scale: *scale,
                },
                SqlType::Null => SqlType::Double,
                ty if exact(ty) => types::decimal(32, 0),
                ty if types::is_temporal(ty) => types::decimal(36, 0),
                _ => SqlType::Double,
            },
            Avg => match &first {
                SqlType::Decimal { precision, scale } => {
                    let scale = (*scale + self.modes.div_increment).min(30);
                    SqlType::Decimal {
                        precision: (*precision as u32 + 4).clamp(scale as u32, 65) as u8,
                        scale,
                    }
                }
                ty if exact(ty) => types::decimal(14, self.modes.div_increment as u32),
                ty if types::is_temporal(ty) => types::decimal(20, 4),
                _ => SqlType::Double,
            },
            Min | Max | First | Last | AnyValue => first.clone(),
            GroupConcat => SqlType::Text(values::LobSize::Regular, {
                let list: Vec<(&SqlType, u8)> =
                    args.iter().map(|a| (&a.ty, a.coercibility)).collect();
                types::common_collation(&list, connection, "group_concat")?.0
            }),
            BitAnd | BitOr | BitXor => UBIGINT,
            StddevPop | StddevSamp | VarPop | VarSamp => SqlType::Double,
            JsonArrayAgg | JsonObjectAgg => SqlType::Json,
            Grouping(_) => BIGINT,
        };
        let mut order = Vec::new();
        for item in &call.order_by {
            let key = match &item.expr {
                ast::Expr::Literal(ast::Literal::Int(n)) => {
                    let i = (*n as usize).checked_sub(1).filter(|i| *i < args.len());
                    match i {
                        Some(i) => args[i].clone(),
                        None => return Err(Error::unknown_column(n, "order clause")),
                    }
                }
                e => self.expr(e)?,
            };
            let kind = own_compare(&key.ty, connection);
            order.push(SortKey {
                expr: key.expr,
                kind,
                descending: item.descending,
            });
        }
        let text = matches!(function, GroupConcat);
        let arg_types = args
            .iter()
            .map(|a| {
                if text {
                    self.plain(a.clone()).ty
                } else {
                    a.ty.clone()
                }
            })
            .collect();
        let args = args
            .into_iter()
            .map(|a| match function {
                GroupConcat | JsonArrayAgg | JsonObjectAgg => self.plain(a).expr,
                _ => a.expr,
            })
            .collect();
        let separator = call.separator.as_deref().unwrap_or(b",").to_vec();
        let distinct = call.distinct;
        Ok((
            AggregateCall {
                function,
                args,
                arg_types,
                distinct,
                kind,
                order,
                separator,
                ty,
            },
            nullable,
        ))
    }

    /// A function with OVER.
    pub(crate) fn window_call(&mut self, name: &str, call: &ast::FunctionCall) -> Result<Typed> {
        use WindowFunction::*;
        let not_here = || {
            Error::new(
                3593,
                "HY000",
                format!("You cannot use the window function '{name}' in this context."),
            )
        };
        let block = self.block();
        if block.in_aggregate || !block.windowed || block.clause == "where clause" {
            return Err(not_here());
        }
        let spec = match call.over.as_deref() {
            Some(ast::Over::Name(n)) => ast::WindowSpec {
                base: Some(n.clone()),
                partition_by: Vec::new(),
                order_by: Vec::new(),
                frame: None,
            },
            Some(ast::Over::Spec(s)) => s.clone(),
            None => return Err(not_here()),
        };
        let spec = self.resolve_window(spec, "<unnamed window>", 0)?;
        let mut args = Vec::new();
        let aggregate = self.is_aggregate(name);
        let (function, ty, nullable) = if aggregate {
            let saved = self.block().stage;
            self.block().in_aggregate = false;
            let (mut aggregate, nullable) = self.bind_aggregate(name, call)?;
            self.block().stage = saved;
            args = std::mem::take(&mut aggregate.args);
            let ty = aggregate.ty.clone();
            (Aggregate(Box::new(aggregate)), ty, nullable)
        } else {
            let mut bound = Vec::new();
            for a in &call.args {
                let t = self.expr(a)?;
                bound.push(t);
            }
            let first = bound.first().map(|t| t.ty.clone()).unwrap_or(SqlType::Null);
            let arity = |want: std::ops::RangeInclusive<usize>| {
                if want.contains(&bound.len()) {
                    Ok(())
                } else {
                    Err(Error::wrong_parameter_count(name))
                }
            };
            let found = match name {
                "row_number" => (RowNumber, BIGINT, false, 0..=0),
                "rank" => (Rank, BIGINT, false, 0..=0),
                "dense_rank" => (DenseRank, BIGINT, false, 0..=0),
                "percent_rank" => (PercentRank, SqlType::Double, false, 0..=0),
                "cume_dist" => (CumeDist, SqlType::Double, false, 0..=0),
                "ntile" => (Ntile, BIGINT, true, 1..=1),
                "lag" => (Lag, first, true, 1..=3),
                "lead" => (Lead, first, true, 1..=3),
                "first_value" => (FirstValue, first, true, 1..=1),
                "last_value" => (LastValue, first, true, 1..=1),
                "nth_value" => (NthValue, first, true, 2..=2),
                _ => return Err(Error::unknown_function(name)),
            };
            arity(found.3)?;
            if matches!(found.0, Lag | Lead) && bound.get(1).is_some_and(|t| is_no_offset(&t.expr))
            {
                return Err(Error::wrong_arguments(name));
            }
            args.extend(bound.into_iter().map(|t| t.expr));
            (found.0, found.1, found.2)
        };
        let connection = self.modes.connection;
        let mut partition = Vec::new();
        for e in &spec.partition_by {
            let t = self.expr(e)?;
            partition.push((t.expr, own_compare(&t.ty, connection)));
        }
        let mut order = Vec::new();
        for item in &spec.order_by {
            let t = self.expr(&item.expr)?;
            let kind = own_compare(&t.ty, connection);
            order.push(SortKey {
                expr: t.expr,
                kind,
                descending: item.descending,
            });
        }
        let frame = match &spec.frame {
            None => None,
            Some(f) => {
                if f.unit == ast::FrameUnit::Groups || f.exclude.is_some() {
                    return Err(Error::not_supported("window frame GROUPS or EXCLUDE"));
                }
                let start = self.bound(&f.start, &spec)?;
                let end = match &f.end {
                    Some(e) => self.bound(e, &spec)?,
                    None => Bound::CurrentRow,
                };
                Some(Frame {
                    rows: f.unit == ast::FrameUnit::Rows,
                    start,
                    end,
                })
            }
        };
        let block = self.block();
        let col = block.window_calls.len() as u16;
        let slot = block.window_slot;
        block.window_calls.push(WindowCall {
            function,
            args,
            partition,
            order,
            frame,
            ty: ty.clone(),
        });
        Ok(Typed::new(Expr::Column { slot, col }, ty, nullable)
            .with_coercibility(coercibility::IMPLICIT))
    }

    fn bound(&mut self, b: &ast::FrameBound, spec: &ast::WindowSpec) -> Result<Bound> {
        let (e, back) = match b {
            ast::FrameBound::UnboundedPreceding => return Ok(Bound::UnboundedPreceding),
            ast::FrameBound::CurrentRow => return Ok(Bound::CurrentRow),
            ast::FrameBound::UnboundedFollowing => return Ok(Bound::UnboundedFollowing),
            ast::FrameBound::Preceding(e) => (e, true),
            ast::FrameBound::Following(e) => (e, false),
        };
        if !matches!(e, ast::Expr::Interval { .. }) {
            let offset = self.expr(e)?.expr;
            return Ok(match back {
                true => Bound::Preceding(offset),
                false => Bound::Following(offset),
            });
        }
        let rows = spec
            .frame
            .as_ref()
            .is_some_and(|f| f.unit == ast::FrameUnit::Rows);
        let [key] = spec.order_by.as_slice() else {
            return Err(Error::frame_needs_one_key());
        };
        if rows {
            return Err(Error::interval_in_rows_frame());
        }
        let ty = self.expr(&key.expr)?.ty;
        if !matches!(
            ty,
            SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_) | SqlType::Time(_)
        ) {
            return Err(Error::interval_over_number());
        }
        let moved = ast::Expr::Binary {
            op: match back != key.descending {
                true => ast::BinaryOp::Sub,
                false => ast::BinaryOp::Add,
            },
            left: Box::new(key.expr.clone()),
            right: Box::new(e.clone()),
        };
        Ok(Bound::Value(self.expr(&moved)?.expr))
    }

    fn resolve_window(
        &mut self,
        spec: ast::WindowSpec,
        name: &str,
        depth: usize,
    ) -> Result<ast::WindowSpec> {
        let Some(base) = &spec.base else {
            return Ok(spec);
        };
        let unknown = || {
            Error::new(
                3579,
                "HY000",
                format!("Window name '{base}' is not defined."),
            )
        };
        let Some(found) = self
            .block()
            .windows
            .get(&base.to_ascii_lowercase())
            .cloned()
        else {
            return Err(unknown());
        };
        if depth > 32 {
            return Err(Error::new(
                3580,
                "HY000",
                "There is a circularity in the window dependency graph.",
            ));
        }
        let found = self.resolve_window(found, base, depth + 1)?;
        if !spec.partition_by.is_empty() {
            return Err(Error::new(
                3581,
                "HY000",
                "A window which depends on another cannot define partitioning.",
            ));
        }
        if spec.frame.is_some() && found.frame.is_some() {
            let text = "has a frame definition, so cannot be referenced by another window.";
            return Err(Error::new(3582, "HY000", format!("Window '{base}' {text}")));
        }
        if !spec.order_by.is_empty() && !found.order_by.is_empty() {
            let text = "cannot inherit";
            return Err(Error::new(
                3583,
                "HY000",
                format!("Window '{name}' {text} '{base}' since both contain an ORDER BY clause."),
            ));
        }
        Ok(ast::WindowSpec {
            base: None,
            partition_by: found.partition_by,
            order_by: if spec.order_by.is_empty() {
                found.order_by
            } else {
                spec.order_by
            },
            frame: spec.frame.or(found.frame),
        })
    }
}

/// Whether an offset of LAG or LEAD is negative, or text, as it is written.
fn is_no_offset(e: &Expr) -> bool {
    match e {
        Expr::Literal(Value::Int(n)) => *n < 0,
        Expr::Literal(Value::Bytes(_)) => true,
        Expr::Negate(e, _) => matches!(&**e, Expr::Literal(Value::Int(n)) if *n > 0),
        _ => false,
    }
}

/// Adds a call unless an equal one is there; gives its place.
fn add_call(calls: &mut Vec<AggregateCall>, call: AggregateCall) -> usize {
    let volatile = call
        .args
        .iter()
        .any(|a| matches!(a, Expr::Literal(Value::Null)));
    if !volatile && let Some(i) = calls.iter().position(|c| *c == call) {
        return i;
    }
    calls.push(call);
    calls.len() - 1
}
