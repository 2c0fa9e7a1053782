//! What names in expressions mean: columns, variables of programs, defaults.

use super::*;
use crate::bind::aggregate::has_aggregate;
use crate::ddl::stored_text;

/// Whether an expression can be told from within a subquery: it holds none itself.
fn is_plain(e: &Expr) -> bool {
    match e {
        Expr::Column { .. } | Expr::Outer { .. } | Expr::Literal(_) | Expr::Param(_) => true,
        Expr::Cast { expr, .. } | Expr::Not(expr) | Expr::Negate(expr, _) => is_plain(expr),
        Expr::Coalesce(list) | Expr::Call { args: list, .. } => list.iter().all(is_plain),
        Expr::Arith { left, right, .. } | Expr::Compare { left, right, .. } => {
            is_plain(left) && is_plain(right)
        }
        _ => false,
    }
}

impl Binder<'_> {
    /// A variable of the program around the statement, or a column of a trigger's row.
    pub(super) fn variable(&self, c: &ast::ColumnRef) -> Result<Option<Typed>> {
        let Some(scope) = &self.scope else {
            return Ok(None);
        };
        let row = match &c.table {
            None => None,
            Some(t) => match (scope.event, Row::named(t)) {
                (Some(_), Some(row)) if c.db.is_none() => Some(row),
                _ => return Ok(None),
            },
        };
        if let Some(l) = scope.find(row, &c.name) {
            let t = Typed::new(Expr::Local(l.place), l.ty.clone(), true);
            return Ok(Some(t.with_coercibility(coercibility::IMPLICIT)));
        }
        match (row, scope.event) {
            (Some(Row::Old), Some(ast::TriggerEvent::Insert)) => {
                Err(Error::trigger_row_missing("OLD", "INSERT"))
            }
            (Some(Row::New), Some(ast::TriggerEvent::Delete)) => {
                Err(Error::trigger_row_missing("NEW", "DELETE"))
            }
            (Some(row), _) => Err(Error::unknown_column(&*c.name, row.as_str())),
            (None, _) => Ok(None),
        }
    }

    /// A call of a stored function, if there is one of that name.
    pub(super) fn stored_call(
        &mut self,
        db: Option<&str>,
        name: &str,
        args: &[ast::Expr],
    ) -> Result<Option<Typed>> {
        let db = db.map(str::to_string).or_else(|| self.default_db());
        let Some((stored, db)) = self.catalog.stored_function(db.as_deref(), name)? else {
            return Ok(None);
        };
        if let Some(access) = &self.access {
            access.routine(crate::accounts::Privilege::Execute, &db, name, false)?;
        }
        let Some(routine) = stored.routine() else {
            return Ok(None);
        };
        if args.len() != routine.params.len() {
            return Err(Error::routine_arguments(
                "FUNCTION",
                format!("{}.{}", stored.db, stored.name),
                routine.params.len(),
                args.len(),
            ));
        }
        if let Some(access) = &self.access {
            access.routine(Privilege::Execute, &db, name, false)?;
        }
        let program = stored.program(CollationId::DEFAULT, None)?;
        let args = args
            .iter()
            .map(|a| self.expr(a).map(|t| (t.expr, t.ty)))
            .collect::<Result<Vec<_>>>()?;
        self.depends_on_code(&db);
        let call = FunctionCall {
            program,
            db,
            args,
            deterministic: crate::program::call::is_deterministic(routine),
        };
        let ty = call.ty();
        let t = Typed::new(Expr::StoredCall(Arc::new(call)), ty, true);
        Ok(Some(t.with_coercibility(coercibility::IMPLICIT)))
    }

    /// Resolves a column name from the innermost block outwards.
    pub(crate) fn column(&mut self, c: &ast::ColumnRef) -> Result<Typed> {
        if c.table.is_some() && self.one_table {
            let mut bare = c.clone();
            (bare.db, bare.table) = (None, None);
            return self.column(&bare);
        }
        if let Some(t) = self.variable(c)? {
            return Ok(t);
        }
        let here = self.blocks.len() - 1;
        for level in (0..=here).rev() {
            if self.blocks[level].hidden {
                continue;
            }
            match self.column_at(level, c)? {
                Found::Column(t) => {
                    return Ok(if level == here {
                        t
                    } else {
                        self.outward(t, here, level)
                    });
                }
                Found::Missing => {}
            }
        }
        let clause = self.blocks[here].clause;
        let mut shown = String::new();
        for part in [&c.db, &c.table].into_iter().flatten() {
            shown.push_str(part);
            shown.push('.');
        }
        shown.push_str(&c.name);
        Err(Error::unknown_column(shown, clause))
    }

    /// Turns a column found `level` into one seen from `here`.
    pub(super) fn outward(&mut self, mut t: Typed, here: usize, level: usize) -> Typed {
        for b in &mut self.blocks[level + 1..=here] {
            b.outer = b.outer.min(level);
        }
        fn shift(e: &mut Expr, by: u16) {
            match e {
                Expr::Column { slot, col } => {
                    *e = Expr::Outer {
                        depth: by,
                        slot: *slot,
                        col: *col,
                    }
                }
                Expr::Outer { depth, .. } => *depth += by,
                Expr::Cast { expr, .. } => shift(expr, by),
                Expr::Coalesce(list) => list.iter_mut().for_each(|e| shift(e, by)),
                Expr::Call { args, .. } => args.iter_mut().for_each(|e| shift(e, by)),
                Expr::Arith { left, right, .. } | Expr::Compare { left, right, .. } => {
                    shift(left, by);
                    shift(right, by);
                }
                Expr::And(list) | Expr::Or(list) => list.iter_mut().for_each(|e| shift(e, by)),
                Expr::Not(e) | Expr::Negate(e, _) => shift(e, by),
                Expr::Case {
                    branches,
                    otherwise,
                } => {
                    for (a, b) in branches {
                        shift(a, by);
                        shift(b, by);
                    }
                    if let Some(e) = otherwise {
                        shift(e, by);
                    }
                }
                _ => {}
            }
        }
        shift(&mut t.expr, (here - level) as u16);
        t
    }

    /// Looks a column up in one block.
    /// The one stored table of this query block that columns belong to: its number in the
    /// statement, its slot, and the columns.
    pub(crate) fn matched_table(
        &mut self,
        columns: &[ast::ColumnRef],
    ) -> Result<(usize, u16, Vec<usize>)> {
        let mut found: Option<(usize, u16)> = None;
        let mut places = Vec::new();
        for c in columns {
            self.column(c)?;
            let block = self.block();
            let of = |t: &&crate::bind::ScopeTable| {
                c.table
                    .as_ref()
                    .is_none_or(|n| t.alias.eq_ignore_ascii_case(n))
                    && t.columns
                        .iter()
                        .any(|x| x.meta.name.eq_ignore_ascii_case(&c.name))
            };
            let table = block.tables.iter().find(of);
            let Some((base, slot)) = table.and_then(|t| Some((t.base?, t.slot))) else {
                return Err(Error::wrong_arguments("MATCH"));
            };
            if found.is_some_and(|f| f.0 != base) {
                return Err(Error::wrong_arguments("MATCH"));
            }
            found = Some((base, slot));
            let place = self.tables[base].def.column(&c.name);
            places.extend(place);
        }
        let (base, slot) = found.ok_or_else(|| Error::wrong_arguments("MATCH"))?;
        Ok((base, slot, places))
    }

    pub(crate) fn column_at(&mut self, level: usize, c: &ast::ColumnRef) -> Result<Found> {
        let name: &str = &c.name;
        let block = &self.blocks[level];
        let alias = |block: &crate::bind::BlockScope| {
            block
                .aliases
                .iter()
                .find(|(a, _)| a.eq_ignore_ascii_case(name))
                .map(|(_, t)| t.clone())
        };
        if c.table.is_none()
            && block.alias_rule == AliasRule::First
            && !block.in_aggregate
            && let Some(t) = alias(block)
        {
            return Ok(Found::Column(t));
        }
        let mut found: Option<(usize, usize)> = None;
        for (i, table) in block.tables.iter().enumerate() {
            if let Some(t) = &c.table
                && !table.alias.eq_ignore_ascii_case(t)
            {
                continue;
            }
            if let Some(db) = &c.db
                && !(table.db.eq_ignore_ascii_case(db)
                    || base_name(&table.db).eq_ignore_ascii_case(base_name(db)))
            {
                continue;
            }
            if c.table.is_none() && table.merged.iter().any(|m| m.eq_ignore_ascii_case(name)) {
                continue;
            }
            for (j, column) in table.columns.iter().enumerate() {
                if column.meta.name.eq_ignore_ascii_case(name) {
                    if found.is_some() {
                        let shown = match &c.table {
                            Some(t) => format!("{t}.{name}"),
                            None => name.to_string(),
                        };
                        if c.table.is_none()
                            && let Some(t) = block
                                .alias_rule
                                .eq(&AliasRule::Fallback)
                                .then(|| alias(block))
                                .flatten()
                        {
                            return Ok(Found::Column(t));
                        }
                        return Err(Error::ambiguous_column(shown, block.clause));
                    }
                    found = Some((i, j));
                    break;
                }
            }
        }
        if c.table.is_none()
            && let Some((_, t)) = block
                .joined
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
        {
            return Ok(Found::Column(t.clone()));
        }
        let Some((i, j)) = found else {
            if c.table.is_none()
                && block.in_aggregate
                && level + 1 == self.blocks.len()
                && let Some((_, source)) = block
                    .alias_sources
                    .iter()
                    .find(|(a, e)| a.eq_ignore_ascii_case(name) && !has_aggregate(e))
            {
                let source = source.clone();
                return self.expr(&source).map(Found::Column);
            }
            // A subquery of the select list may name what stands before it there.
            let from_inside = level + 1 < self.blocks.len() && block.clause == "field list";
            if c.table.is_none()
                && !block.in_aggregate
                && let Some(t) = alias(block).filter(|t| from_inside && is_plain(&t.expr))
            {
                return Ok(Found::Column(t));
            }
            if c.table.is_none()
                && block.alias_rule == AliasRule::Fallback
                && !block.in_aggregate
                && let Some(t) = alias(block)
            {
                return Ok(Found::Column(t));
            }
            return Ok(Found::Missing);
        };
        let column = &self.blocks[level].tables[i].columns[j];
        if column.denied
            && !self.assigns
            && let Some(access) = &self.access
        {
            let (name, table) = (&column.meta.org_name, &column.meta.org_table);
            return Err(access.column_denied("SELECT", name, table));
        }
        let t = self.blocks[level].tables[i].typed(j);
        if self.blocks[level].stage == Stage::Groups {
            return self.group_column(level, i, j, t).map(Found::Column);
        }
        Ok(Found::Column(t))
    }

    /// The column of this name in one slot.
    pub(crate) fn column_in_slot(&mut self, slot: u16, name: &str) -> Result<Typed> {
        for level in (0..self.blocks.len()).rev() {
            let Some(table) = self.blocks[level].tables.iter().find(|t| t.slot == slot) else {
                continue;
            };
            let shown = |c: &crate::bind::ScopeColumn| c.meta.name.eq_ignore_ascii_case(name);
            // An alias of the new row may have renamed its columns.
            let stored = |c: &crate::bind::ScopeColumn| c.meta.org_name.eq_ignore_ascii_case(name);
            let columns = &table.columns;
            if let Some(j) = columns
                .iter()
                .position(shown)
                .or(columns.iter().position(stored))
            {
                return Ok(table.typed(j));
            }
        }
        Err(Error::unknown_column(name, "field list"))
    }

    pub(super) fn default_of(&mut self, c: &ast::ColumnRef) -> Result<Typed> {
        let here = self.blocks.len() - 1;
        for table in self.blocks[here].tables.clone() {
            if c.table
                .as_ref()
                .is_some_and(|t| !table.alias.eq_ignore_ascii_case(t))
            {
                continue;
            }
            let Some(base) = table.base else { continue };
            let def = self.tables[base].def.clone();
            if let Some(i) = def.column(&c.name) {
                return self.stored_default(&def, i);
            }
        }
        Err(Error::unknown_column(&c.name, self.blocks[here].clause))
    }

    /// The bound default of a stored column.
    pub(crate) fn stored_default(
        &mut self,
        def: &crate::table::TableDef,
        i: usize,
    ) -> Result<Typed> {
        let column = &def.columns[i];
        if column.default.is_empty() {
            if column.nullable {
                return Ok(Typed::new(
                    Expr::Literal(Value::Null),
                    column.ty.clone(),
                    true,
                ));
            }
            return Err(Error::no_default(&column.name));
        }
        let e = stored_text::parse(&column.default)?;
        let t = self.bind_alone(&e)?;
        let ty = column.ty.clone();
        let e = Expr::Cast {
            expr: Box::new(t.expr),
            from: t.ty,
            to: ty.clone(),
        };
        Ok(Typed::new(e, ty, true))
    }
}
