//! Common table expressions that refer to themselves.

use super::*;

impl Binder<'_> {
    /// A common table expression that refers to itself.
    pub(crate) fn recursive_cte(
        &mut self,
        q: &ast::Query,
        name: &ast::Ident,
        names: &[ast::Ident],
    ) -> Result<(QueryPlan, usize)> {
        let saved = std::mem::replace(&mut self.outer, usize::MAX);
        let plan = self.recursive_body(q, name, names);
        let outer = std::mem::replace(&mut self.outer, saved);
        self.outer = self.outer.min(outer);
        Ok((plan?, outer))
    }

    fn recursive_body(
        &mut self,
        q: &ast::Query,
        name: &ast::Ident,
        names: &[ast::Ident],
    ) -> Result<QueryPlan> {
        let SetExpr::Chain { first, rest } = &q.body else {
            return Err(Error::new(
                3573,
                "HY000",
                format!("Recursive Common Table Expression '{name}' should contain a UNION"),
            ));
        };
        if mentions_in(first, name) {
            return Err(Error::new(
                3574,
                "HY000",
                format!(
                    "Recursive Common Table Expression '{name}' should have one or more non-recursive query blocks followed by one or more recursive ones"
                ),
            ));
        }
        let key = name.to_lowercase();
        let mut seed = self.set_expr(first)?;
        let mut terms = rest.iter().peekable();
        while let Some(term) = terms.peek() {
            if mentions_in(&term.term, name) {
                break;
            }
            let right = self.set_expr(&term.term)?;
            seed = self.set_operation(term.op, term.all, seed, right)?;
            terms.next();
        }
        let mut columns = seed.columns.clone();
        if !names.is_empty() {
            if names.len() != columns.len() {
                return Err(Error::view_columns());
            }
            for (c, n) in columns.iter_mut().zip(names) {
                c.name = n.to_string();
            }
        }
        for c in &mut columns {
            c.not_null = false;
            // The width of the seed's literals says nothing about later rounds.
            c.ty = match &c.ty {
                SqlType::Int { unsigned, .. } => SqlType::Int {
                    width: values::IntWidth::Big,
                    unsigned: *unsigned,
                    bool_width: false,
                },
                other => other.clone(),
            };
        }
        self.works += 1;
        let work = self.works - 1;
        let mut frame = HashMap::new();
        frame.insert(
            key,
            CteEntry::Work {
                work,
                columns: columns.clone(),
            },
        );
        self.ctes.push(frame);
        let mut step = Vec::new();
        let mut distinct = false;
        let mut failure = None;
        for term in terms {
            if term.op != ast::SetOp::Union {
                failure = Some(Error::not_supported("recursive EXCEPT or INTERSECT"));
                break;
            }
            if let SetExpr::Chain { first, rest } = &term.term {
                let is_plain = |t: &ast::SetTerm| t.op == ast::SetOp::Union;
                let recursive = |e: &SetExpr| mentions_in(e, name);
                if !rest.iter().all(is_plain)
                    && (recursive(first) || rest.iter().any(|t| recursive(&t.term)))
                {
                    failure = Some(Error::not_supported("recursive EXCEPT or INTERSECT"));
                    break;
                }
            }
            distinct |= !term.all;
            match self.set_expr(&term.term) {
                Ok(plan) if plan.columns.len() == columns.len() => step.push((plan, term.all)),
                Ok(_) => failure = Some(Error::union_columns()),
                Err(e) => failure = Some(e),
            }
        }
        self.ctes.pop();
        if let Some(e) = failure {
            return Err(e);
        }
        let types: Vec<SqlType> = columns.iter().map(|c| c.ty.clone()).collect();
        let kinds = types
            .iter()
            .map(|t| own_compare(t, self.modes.connection))
            .collect();
        let recursive = Recursive {
            work,
            seed,
            step,
            distinct,
            types,
            kinds,
        };
        let plan = QueryPlan {
            columns,
            body: QueryBody::Recursive(Box::new(recursive)),
        };
        self.ordered(plan, &q.order_by, q.limit.as_ref())
    }
}

/// Whether a query reads a table of this name in its own FROM clauses.
pub(crate) fn mentions(q: &ast::Query, name: &ast::Ident) -> bool {
    let shadowed = q
        .with
        .as_ref()
        .is_some_and(|w| w.ctes.iter().any(|c| c.name.eq_ignore_ascii_case(name)));
    !shadowed
        && (mentions_in(&q.body, name)
            || q.with
                .as_ref()
                .is_some_and(|w| w.ctes.iter().any(|c| mentions(&c.query, name))))
}

fn mentions_in(body: &SetExpr, name: &ast::Ident) -> bool {
    match body {
        SetExpr::Select(s) => {
            s.from.iter().any(|r| mentions_ref(r, name)) || {
                let mut found = false;
                let mut look = |e: &ast::Expr| {
                    walk(e, &mut |e| match e {
                        ast::Expr::Subquery(q) | ast::Expr::Exists(q) => found |= mentions(q, name),
                        ast::Expr::InSubquery { query, .. } => found |= mentions(query, name),
                        _ => {}
                    })
                };
                s.where_.iter().for_each(&mut look);
                found
            }
        }
        SetExpr::Chain { first, rest } => {
            mentions_in(first, name) || rest.iter().any(|t| mentions_in(&t.term, name))
        }
        SetExpr::Nested(q) => mentions(q, name),
        SetExpr::Table(t) => t.name.db.is_none() && t.name.name.eq_ignore_ascii_case(name),
        SetExpr::Values(_) => false,
    }
}

fn mentions_ref(r: &ast::TableRef, name: &ast::Ident) -> bool {
    match r {
        ast::TableRef::Table { table, .. } => {
            table.name.db.is_none() && table.name.name.eq_ignore_ascii_case(name)
        }
        ast::TableRef::Derived { query, .. } => mentions(query, name),
        ast::TableRef::Join(j) => mentions_ref(&j.left, name) || mentions_ref(&j.right, name),
        ast::TableRef::List(list) => list.iter().any(|r| mentions_ref(r, name)),
        _ => false,
    }
}
