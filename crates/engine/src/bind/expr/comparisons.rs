//! Comparisons: of values and rows, with lists and with queries.

use super::*;

impl Binder<'_> {
    /// A comparison, of values or of rows.
    pub(super) fn comparison(
        &mut self,
        op: CompareOp,
        left: &ast::Expr,
        right: &ast::Expr,
    ) -> Result<Typed> {
        match (row_of(left), row_of(right)) {
            (Some(a), Some(b)) => {
                if a.len() != b.len() {
                    return Err(Error::operand_columns(a.len()));
                }
                self.row_comparison(op, a, b)
            }
            (Some(a), None) => match right {
                // A row that holds NULL may still be the same.
                ast::Expr::Subquery(_) if op == CompareOp::NullSafeEq => {
                    match row_of_query(right).as_ref().and_then(row_of) {
                        Some(b) if a.len() == b.len() => self.row_comparison(op, a, b),
                        _ => Err(Error::not_supported("<=> with such a subquery")),
                    }
                }
                ast::Expr::Subquery(q) => {
                    let t = self.in_query(&ast::Expr::Row(a.to_vec()), q, op, false)?;
                    Ok(t)
                }
                _ => Err(Error::operand_columns(a.len())),
            },
            (None, Some(b)) => match left {
                ast::Expr::Subquery(q) => {
                    self.in_query(&ast::Expr::Row(b.to_vec()), q, op.flip(), false)
                }
                _ => Err(Error::operand_columns(1)),
            },
            (None, None) => {
                if let (Some(row), ast::Expr::Subquery(_)) = (row_of_query(left), right) {
                    return self.comparison(op, &row, right);
                }
                let (a, b) = (self.expr(left)?, self.expr(right)?);
                self.compare(op, a, b)
            }
        }
    }

    /// `(a, b) op (c, d)` as comparisons of the parts.
    pub(super) fn row_comparison(
        &mut self,
        op: CompareOp,
        a: &[ast::Expr],
        b: &[ast::Expr],
    ) -> Result<Typed> {
        match op {
            CompareOp::Eq | CompareOp::NullSafeEq | CompareOp::Ne => {
                let each = if op == CompareOp::Ne {
                    CompareOp::Eq
                } else {
                    op
                };
                let mut parts = Vec::new();
                let mut nullable = false;
                for (x, y) in a.iter().zip(b) {
                    let t = self.comparison(each, x, y)?;
                    nullable |= t.nullable;
                    parts.push(t.expr);
                }
                let all = Typed::new(Expr::And(parts), BOOL, nullable);
                Ok(if op == CompareOp::Ne {
                    negate(all)
                } else {
                    all
                })
            }
            _ => {
                // a < c OR (a = c AND rest), the last part with the operator itself.
                let strict = match op {
                    CompareOp::Le => CompareOp::Lt,
                    CompareOp::Ge => CompareOp::Gt,
                    other => other,
                };
                let n = a.len();
                let mut result = self.comparison(op, &a[n - 1], &b[n - 1])?;
                for i in (0..n - 1).rev() {
                    let less = self.comparison(strict, &a[i], &b[i])?;
                    let same = self.comparison(CompareOp::Eq, &a[i], &b[i])?;
                    let rest = Expr::And(vec![same.expr, result.expr]);
                    result = Typed::new(Expr::Or(vec![less.expr, rest]), BOOL, true);
                }
                Ok(result)
            }
        }
    }

    pub(super) fn in_list(
        &mut self,
        expr: &ast::Expr,
        negated: bool,
        list: &[ast::Expr],
    ) -> Result<Typed> {
        if let Some(row) = row_of(expr) {
            let mut any = Vec::new();
            for item in list {
                let parts = row_of(item).ok_or_else(|| Error::operand_columns(row.len()))?;
                if parts.len() != row.len() {
                    return Err(Error::operand_columns(row.len()));
                }
                any.push(self.row_comparison(CompareOp::Eq, row, parts)?.expr);
            }
            let t = Typed::new(Expr::Or(any), BOOL, true);
            return Ok(if negated { negate(t) } else { t });
        }
        if let ast::Expr::Subquery(query) = expr
            && list.iter().all(|item| row_of(item).is_some())
        {
            let mut any = Vec::new();
            for item in list {
                any.push(self.in_query(item, query, CompareOp::Eq, false)?.expr);
            }
            let t = Typed::new(Expr::Or(any), BOOL, true);
            return Ok(if negated { negate(t) } else { t });
        }
        let x = self.expr(expr)?;
        let mut nullable = x.nullable;
        let mut items = Vec::with_capacity(list.len());
        let mut plain = false;
        for item in list {
            if row_of(item).is_some() {
                return Err(Error::operand_columns(1));
            }
            let t = self.expr(item)?;
            nullable |= t.nullable;
            let kind = compare_as(&x, &t, self.modes.connection)?;
            plain |= matches!(kind, CompareAs::Text(_) | CompareAs::Binary);
            items.push((self.for_compare(t, kind), kind));
        }
        let x = if plain { self.plain(x) } else { x };
        let e = Expr::InList {
            expr: Box::new(x.expr),
            list: items,
            negated,
        };
        Ok(Typed::new(e, BOOL, nullable))
    }

    pub(super) fn in_query(
        &mut self,
        left: &ast::Expr,
        query: &ast::Query,
        op: CompareOp,
        all: bool,
    ) -> Result<Typed> {
        let row = row_of_query(left);
        let left = row.as_ref().unwrap_or(left);
        let parts: Vec<Typed> = match row_of(left) {
            Some(row) => row.iter().map(|e| self.expr(e)).collect::<Result<_>>()?,
            None => vec![self.expr(left)?],
        };
        let query = self.subquery(query)?;
        if query.plan.columns.len() != parts.len() {
            return Err(Error::operand_columns(parts.len()));
        }
        let mut left = Vec::new();
        let mut kinds = Vec::new();
        for (part, column) in parts.into_iter().zip(&query.plan.columns) {
            let kind = compare_types(
                (&part.ty, part.coercibility),
                (&column.ty, coercibility::IMPLICIT),
                self.modes.connection,
            )?;
            kinds.push(kind);
            left.push(self.for_compare(part, kind));
        }
        let e = Expr::InQuery(Box::new(InSubquery {
            left,
            kinds,
            query,
            op,
            all,
        }));
        Ok(Typed::new(e, BOOL, true))
    }
}
