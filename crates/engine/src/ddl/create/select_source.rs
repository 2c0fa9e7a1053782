//! The columns that CREATE TABLE .. SELECT makes.

use super::*;

/// Columns and rows of CREATE TABLE .. SELECT.
pub(super) fn select_into_schema(
    session: &Session,
    q: &ast::Query,
    text: &[u8],
    params: &[OwnedValue],
    schema: &mut Schema,
) -> Result<Vec<Vec<OwnedValue>>> {
    let modes = session.modes();
    let mut binder = Binder::new(session, &modes, text);
    let plan = binder.bind_query(q)?;
    let mut places = Vec::new();
    let items: &[ast::SelectItem] = match &q.body {
        ast::SetExpr::Select(s) if s.items.len() == plan.columns.len() => &s.items,
        _ => &[],
    };
    for (n, c) in plan.columns.iter().enumerate() {
        match schema.column_index(&c.name) {
            Some(i) => places.push(i),
            None => {
                let few_digits = match items.get(n) {
                    Some(ast::SelectItem::Expr { expr, .. }) => {
                        literal_digits(expr).is_some_and(|n| n < 10)
                    }
                    _ => false,
                };
                let ty = match &c.ty {
                    SqlType::Null => SqlType::Binary(0),
                    SqlType::Int {
                        width: values::IntWidth::Big,
                        unsigned: false,
                        ..
                    } if few_digits => SqlType::Int {
                        width: values::IntWidth::Int,
                        unsigned: false,
                        bool_width: false,
                    },
                    other => other.clone(),
                };
                let mut column = Column::new(c.name.clone(), ty, 0);
                column.nullable = !c.not_null;
                column.expression = default_of_source(session, c)?;
                places.push(schema.columns.len());
                schema.columns.push(column);
            }
        }
    }
    let views = session.open_views(&binder.tables, true)?;
    let cx = Context::new(session, params, views);
    let mut rows = Vec::new();
    let mut number = 0;
    crate::exec::query(&plan, None, &cx, &mut |row| {
        number += 1;
        let mut out = vec![values::Value::Null; schema.columns.len()];
        for (i, (c, at)) in plan.columns.iter().zip(&places).enumerate() {
            let v = row.get(i)?;
            let target = &schema.columns[*at];
            out[*at] = values::conversion::store(&v, &c.ty, &target.sql_type, &cx.conversion)
                .map_err(|e| Error::new(e.code(), e.sqlstate(), e.text(&target.name, number)))?;
            if matches!(target.sql_type, SqlType::Timestamp(_)) {
                out[*at] = crate::functions::stored_timestamp(&out[*at], modes.zone);
            }
        }
        rows.push(out);
        Ok(crate::result::Flow::Continue)
    })?;
    Ok(rows)
}

/// How many digits integer literals give to what is made of them alone.
pub(super) fn literal_digits(e: &ast::Expr) -> Option<usize> {
    match e {
        ast::Expr::Literal(ast::Literal::Int(n)) => Some(n.to_string().len()),
        ast::Expr::Literal(ast::Literal::Null) => Some(0),
        ast::Expr::Unary { expr, .. } => literal_digits(expr).map(|n| n + 1),
        ast::Expr::Function(f)
            if f.db.is_none()
                && ["coalesce", "ifnull"]
                    .iter()
                    .any(|n| f.name.eq_ignore_ascii_case(n)) =>
        {
            let each: Option<Vec<usize>> = f.args.iter().map(literal_digits).collect();
            each?.into_iter().max()
        }
        _ => None,
    }
}

/// The default that a column of a query brings along: that of the stored column that it is.
pub(super) fn default_of_source(session: &Session, c: &ColumnMeta) -> Result<String> {
    if c.org_name.is_empty() || c.schema.is_empty() {
        return Ok(String::new());
    }
    let Ok(db) = session.resolve_database(&c.schema) else {
        return Ok(String::new());
    };
    let Some(state) = session.root_of(&db)?.table(&c.org_table)? else {
        return Ok(String::new());
    };
    let schema = state.table.schema();
    let source = schema.column_index(&c.org_name).map(|i| &schema.columns[i]);
    Ok(match source {
        Some(s) if !s.generated && s.sql_type == c.ty => s.expression.clone(),
        _ => String::new(),
    })
}
