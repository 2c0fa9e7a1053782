//! CHECK constraints of a definition.

use super::*;

pub(super) fn has_variable(e: &ast::Expr) -> bool {
    let mut found = false;
    crate::bind::aggregate::walk(e, &mut |e| {
        found |= matches!(e, ast::Expr::UserVar(_) | ast::Expr::SystemVar(_));
    });
    found
}

/// Functions that a check must not call, as they give something else at another time or place.
const NOT_IN_CHECKS: &[&str] = &[
    "benchmark",
    "connection_id",
    "current_role",
    "current_user",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "curtime",
    "database",
    "found_rows",
    "get_lock",
    "is_free_lock",
    "is_used_lock",
    "last_insert_id",
    "load_file",
    "localtime",
    "localtimestamp",
    "now",
    "rand",
    "random_bytes",
    "release_all_locks",
    "release_lock",
    "row_count",
    "schema",
    "session_user",
    "sleep",
    "sysdate",
    "system_user",
    "user",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
    "uuid_short",
    "version",
];

/// Checks depend on their row alone.
pub(super) fn check_is_pure(e: &ast::Expr, name: &str) -> Result<()> {
    let mut called = None;
    crate::bind::aggregate::walk(e, &mut |e| {
        if let ast::Expr::Function(f) = e {
            let function = f.name.to_lowercase();
            if f.db.is_none() && NOT_IN_CHECKS.contains(&function.as_str()) {
                called.get_or_insert(function);
            }
        }
    });
    if let Some(function) = called {
        return Err(Error::new(
            3814,
            "HY000",
            format!(
                "An expression of a check constraint '{name}' contains disallowed function: {function}."
            ),
        ));
    }
    let mut query = false;
    crate::bind::aggregate::walk(e, &mut |e| {
        query |= matches!(e, ast::Expr::Subquery(_) | ast::Expr::Exists(_));
    });
    if query {
        return Err(Error::new(
            3815,
            "HY000",
            format!("An expression of a check constraint '{name}' contains disallowed function."),
        ));
    }
    if has_variable(e) {
        return Err(Error::new(
            3816,
            "HY000",
            format!(
                "An expression of a check constraint '{name}' cannot refer to a user or system variable."
            ),
        ));
    }
    Ok(())
}

/// Adds checks, whose conditions must be about the table's own columns.
pub(in crate::ddl) fn add_checks(
    session: &Session,
    change: &Change<'_>,
    table: &str,
    schema: &mut Schema,
    checks: &[ast::Check],
) -> Result<()> {
    let keys = change.root.foreign_keys()?;
    for c in checks {
        let text = stored_text::check_text(&c.expr.expr)?;
        let names = |schema: &Schema| -> Vec<String> {
            schema
                .checks
                .iter()
                .map(|c| c.name.clone())
                .chain(keys.of_child(table).map(|k| k.name.clone()))
                .collect()
        };
        let existing = names(schema);
        let name = match &c.name {
            Some(n) => {
                check_identifier(n)?;
                if existing.iter().any(|e| e.eq_ignore_ascii_case(n)) {
                    return Err(Error::check_duplicate(&**n));
                }
                n.to_string()
            }
            None => {
                let list: Vec<&str> = existing.iter().map(String::as_str).collect();
                check_name(table, &text, &list)
            }
        };
        check_is_pure(&c.expr.expr, &name)?;
        bind_check(session, schema, table, &c.expr.expr, &name)?;
        schema.checks.push(model::Check {
            name,
            expression: text,
            enforced: c.enforced,
            is_not_valid: false,
        });
    }
    Ok(())
}

pub(super) fn bind_check(
    session: &Session,
    schema: &Schema,
    table: &str,
    e: &ast::Expr,
    name: &str,
) -> Result<()> {
    let objects = session.current().map(|d| d.handle.store.objects().clone());
    let objects = objects.unwrap_or_else(|_| model::Objects::in_memory());
    let t = Table::new(&objects, schema)?;
    let state = rebuild::state_of(table, t, "")?;
    let modes = crate::generated::stored_modes();
    let mut binder = Binder::new(session, &modes, &[]);
    binder
        .bind_over_table(&state.def, table, e, "check constraint")
        .map_err(|err| match err.code {
            1054 => Error::new(
                3820,
                "HY000",
                format!(
                    "Check constraint '{name}' refers to non-existing column {}.",
                    quoted_name(&err.message)
                ),
            ),
            _ => err,
        })?;
    Ok(())
}

pub(super) fn quoted_name(message: &str) -> String {
    message
        .split('\'')
        .nth(1)
        .map_or(String::new(), |n| format!("'{n}'"))
}
