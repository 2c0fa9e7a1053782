//! INSERT, REPLACE, UPDATE and DELETE of the rules (spec 04 §11). They take effect at once, all
//! rows of a statement or none, whatever becomes of the transaction.

use syntax::ToSql;
use syntax::ast::{Delete, Expr, Insert, InsertSource, Statement, TableRef, Update};
use values::{OwnedValue, SqlType, Value};

use super::permission::{NAMES, Permissions};
use super::rules::{COLLATIONS, NamePattern, Rules};
use crate::dolt::{Rows, select, tail};
use crate::error::{Error, Result};
use crate::result::Done;
use crate::session::Session;

const ACCESS: &str = "dolt_branch_control";
const NAMESPACE: &str = "dolt_branch_namespace_control";

const COLUMNS: [&str; 5] = ["database", "branch", "user", "host", "permissions"];

/// Types of the columns of both tables; one of them lacks the last.
pub fn columns(name: &str) -> Vec<(&'static str, SqlType)> {
    let names = COLUMNS[..4].iter().zip(COLLATIONS);
    let mut columns: Vec<(&str, SqlType)> = names
        .map(|(name, collation)| (*name, SqlType::VarChar(16383, collation)))
        .collect();
    if name.eq_ignore_ascii_case(ACCESS) {
        let members = NAMES.iter().map(|n| Box::from(*n)).collect();
        columns.push((COLUMNS[4], SqlType::Set(members, COLLATIONS[0])));
    }
    columns
}

/// Whether a table holds rules.
pub fn is_control_table(name: &str) -> bool {
    [ACCESS, NAMESPACE]
        .iter()
        .any(|t| t.eq_ignore_ascii_case(name))
}

/// A row that a statement brings, or changes.
struct Given {
    pattern: NamePattern,
    permissions: Permissions,
}

/// Runs a statement that changes rules; none if it is about another table.
pub fn change(session: &Session, s: &Statement, params: &[OwnedValue]) -> Result<Option<Done>> {
    let control = |from: &[TableRef]| match from {
        [TableRef::Table { table, .. }] => {
            Some(table.name.name.to_lowercase()).filter(|n| is_control_table(n))
        }
        _ => None,
    };
    let done = match s {
        Statement::Insert(i) if is_control_table(&i.table.name) => insert(session, i, params)?,
        Statement::Update(u) => match control(&u.tables) {
            Some(name) => update(session, u, &name, params)?,
            None => return Ok(None),
        },
        Statement::Delete(d) if d.targets.is_empty() => match control(&d.from) {
            Some(name) => delete(session, d, &name, params)?,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(done))
}

fn edit<T>(session: &Session, edit: impl FnOnce(&mut Rules) -> Result<T>) -> Result<T> {
    if session.instance.settings.read_only {
        return Err(Error::general("database server is set to read only mode"));
    }
    session.instance.branch_control.change(edit)
}

/// Puts a value into a column.
fn store(
    value: &OwnedValue,
    from: &SqlType,
    column: &(&str, SqlType),
    row: u64,
) -> Result<OwnedValue> {
    if value.is_null() {
        return Err(Error::column_not_null(column.0));
    }
    let cx = values::conversion::Context::default();
    values::conversion::store(value, from, &column.1, &cx)
        .map(Value::into_owned)
        .map_err(|e| Error::new(e.code(), e.sqlstate(), e.text(column.0, row)))
}

fn given(values: &[OwnedValue]) -> Result<Given> {
    let texts: Vec<String> = values[..4].iter().map(crate::convert::to_string).collect();
    let pattern = NamePattern::new([&texts[0], &texts[1], &texts[2], &texts[3]]);
    if pattern.is_too_long() {
        let shown = quoted(&pattern, None);
        return Err(Error::general(format!("expressions are too long {shown}")));
    }
    Ok(Given {
        pattern,
        permissions: match values.get(4) {
            Some(Value::UInt(bits)) => Permissions::from_bits(*bits),
            _ => Permissions::NONE,
        },
    })
}

/// `["db", "branch", "user", "host"]`.
fn quoted(pattern: &NamePattern, permissions: Option<Permissions>) -> String {
    let mut list: Vec<String> = pattern.texts.iter().map(|t| format!("{t:?}")).collect();
    list.extend(permissions.map(|p| format!("\"{p}\"")));
    format!("[{}]", list.join(", "))
}

fn duplicate(name: &str, row: &Given, permissions: Option<Permissions>) -> Error {
    Error::duplicate_entry(quoted(&row.pattern, permissions), format!("{name}.PRIMARY"))
}

/// Whether the client may change a row of these expressions.
fn may_change(session: &Session, rules: &Rules, pattern: &NamePattern) -> bool {
    session.administers(&pattern.texts[0])
        || rules
            .permissions_on(pattern, &session.user(), &session.host())
            .has(Permissions::ADMIN)
}

fn add(session: &Session, rules: &mut Rules, name: &str, row: Given) -> Result<()> {
    let permissions = (name == ACCESS).then_some(row.permissions);
    if !may_change(session, rules, &row.pattern) {
        return Err(Error::general(format!(
            "{} cannot add the row {}",
            session.client(),
            quoted(&row.pattern, permissions)
        )));
    }
    match permissions {
        Some(p) => {
            // A row that others already cover with the same permission would say nothing.
            let covered = rules.covering(&row.pattern, None).map(Permissions::highest);
            if covered == Some(p.highest()) || rules.exact(&row.pattern).is_some() {
                return Err(duplicate(name, &row, permissions));
            }
            rules.insert(row.pattern, p);
        }
        None => {
            if rules
                .namespace()
                .iter()
                .any(|p| p.texts == row.pattern.texts)
            {
                return Err(duplicate(name, &row, None));
            }
            rules.insert_name(row.pattern);
        }
    }
    Ok(())
}

fn take(session: &Session, rules: &mut Rules, name: &str, pattern: &NamePattern) -> Result<()> {
    if !may_change(session, rules, pattern) {
        return Err(Error::general(format!(
            "{} cannot delete the row {}",
            session.client(),
            quoted(pattern, None)
        )));
    }
    match name == ACCESS {
        true => rules.remove(pattern),
        false => rules.remove_name(pattern),
    }
    Ok(())
}

/// The rows of VALUES, SET or a query, in the order of the table's columns.
fn rows_of(session: &Session, i: &Insert, name: &str, params: &[OwnedValue]) -> Result<Vec<Given>> {
    let columns = columns(name);
    let named: Vec<&str> = match (&i.source, i.has_columns) {
        (InsertSource::Set(list), _) => list.iter().map(|a| &*a.column.name).collect(),
        (_, true) => i.columns.iter().map(|c| &*c.name).collect(),
        (_, false) => columns.iter().map(|c| c.0).collect(),
    };
    let mut places = Vec::with_capacity(named.len());
    for n in &named {
        let at = columns.iter().position(|c| c.0.eq_ignore_ascii_case(n));
        places.push(at.ok_or_else(|| Error::unknown_column(n, "field list"))?);
    }
    if let Some((column, _)) = columns
        .iter()
        .enumerate()
        .find(|(i, _)| !places.contains(i))
    {
        return Err(Error::no_default(columns[column].0));
    }
    let list = |cells: &[Expr], row: usize| -> Result<String> {
        if cells.len() != places.len() {
            return Err(Error::wrong_value_count(row));
        }
        let cells: Vec<String> = cells.iter().map(ToSql::to_sql).collect();
        Ok(cells.join(", "))
    };
    let sql = match &i.source {
        InsertSource::Values(rows) => {
            let rows = rows.iter().enumerate();
            let rows: Vec<String> = rows
                .map(|(n, r)| {
                    let cells: Vec<Expr> = r.map(syntax::ast::CellRef::to_expr).collect();
                    Ok(format!("ROW({})", list(&cells, n + 1)?))
                })
                .collect::<Result<_>>()?;
            format!("VALUES {}", rows.join(", "))
        }
        InsertSource::Set(set) => {
            let cells: Vec<Expr> = set.iter().map(|a| a.value.clone()).collect();
            format!("VALUES ROW({})", list(&cells, 1)?)
        }
        InsertSource::Query(q) => q.to_sql(),
    };
    let Rows { types, rows } = select(session, &sql, params)?;
    let mut out = Vec::with_capacity(rows.len());
    for (n, row) in rows.iter().enumerate() {
        if row.len() != places.len() {
            return Err(Error::wrong_value_count(n + 1));
        }
        let mut cells = vec![Value::Null; columns.len()];
        for ((cell, ty), at) in row.iter().zip(&types).zip(&places) {
            cells[*at] = store(cell, ty, &columns[*at], n as u64 + 1)?;
        }
        out.push(given(&cells)?);
    }
    Ok(out)
}

fn insert(session: &Session, i: &Insert, params: &[OwnedValue]) -> Result<Done> {
    let name = i.table.name.to_lowercase();
    if !i.on_duplicate.is_empty() || !i.returning.is_empty() {
        return Err(Error::not_supported(
            "ON DUPLICATE KEY UPDATE and RETURNING of branch control",
        ));
    }
    let rows = rows_of(session, i, &name, params)?;
    let affected_rows = edit(session, |rules| {
        let mut affected = 0;
        for row in rows {
            if i.replace {
                let there = match name == ACCESS {
                    true => rules.exact(&row.pattern).is_some(),
                    false => rules.namespace().iter().any(|p| p.is(&row.pattern)),
                };
                if there {
                    take(session, rules, &name, &row.pattern)?;
                    affected += 1;
                }
            }
            match add(session, rules, &name, row) {
                Ok(()) => affected += 1,
                Err(e) if i.ignore && e.code == 1062 => session.push_warning(e.code, e.message),
                Err(e) => return Err(e),
            }
        }
        Ok(affected)
    })?;
    Ok(Done {
        affected_rows,
        ..Done::default()
    })
}

fn delete(session: &Session, d: &Delete, name: &str, params: &[OwnedValue]) -> Result<Done> {
    let from = d.from[0].to_sql();
    let tail = tail(&d.where_, &d.order_by, &d.limit);
    let sql = format!("SELECT `database`, `branch`, `user`, `host` FROM {from}{tail}");
    let found = select(session, &sql, params)?;
    edit(session, |rules| {
        for row in &found.rows {
            take(session, rules, name, &given(row)?.pattern)?;
        }
        Ok(())
    })?;
    Ok(Done {
        affected_rows: found.rows.len() as u64,
        ..Done::default()
    })
}

fn update(session: &Session, u: &Update, name: &str, params: &[OwnedValue]) -> Result<Done> {
    let columns = columns(name);
    let mut places = Vec::new();
    // Assigned values first: parameters stand in the order of the statement.
    let mut sql = "SELECT ".to_string();
    for a in &u.set {
        let at = columns
            .iter()
            .position(|c| c.0.eq_ignore_ascii_case(&a.column.name));
        places.push(at.ok_or_else(|| Error::unknown_column(&a.column.name, "field list"))?);
        sql += &format!("({}), ", a.value.to_sql());
    }
    let names: Vec<String> = columns.iter().map(|c| format!("`{}`", c.0)).collect();
    sql += &format!(
        "{} FROM {}{}",
        names.join(", "),
        u.tables[0].to_sql(),
        tail(&u.where_, &u.order_by, &u.limit)
    );
    let found = select(session, &sql, params)?;
    let mut pairs = Vec::new();
    for (n, row) in found.rows.iter().enumerate() {
        let (assigned, old) = row.split_at(places.len());
        let mut new = old.to_vec();
        for ((value, ty), at) in assigned.iter().zip(&found.types).zip(&places) {
            new[*at] = store(value, ty, &columns[*at], n as u64 + 1)?;
        }
        pairs.push((given(old)?, given(&new)?));
    }
    let changed = edit(session, |rules| {
        let mut changed = 0;
        for (old, new) in pairs {
            if old.pattern == new.pattern && old.permissions == new.permissions {
                continue;
            }
            replace(session, rules, name, old, new)?;
            changed += 1;
        }
        Ok(changed)
    })?;
    Ok(Done {
        affected_rows: changed,
        info: format!(
            "Rows matched: {}  Changed: {changed}  Warnings: 0",
            found.rows.len()
        ),
        ..Done::default()
    })
}

fn replace(session: &Session, rules: &mut Rules, name: &str, old: Given, new: Given) -> Result<()> {
    let shown = quoted(&old.pattern, None);
    if !may_change(session, rules, &old.pattern) {
        return Err(Error::general(format!(
            "{} cannot update the row {shown}",
            session.client()
        )));
    }
    if !may_change(session, rules, &new.pattern) {
        let [database, branch, ..] = &new.pattern.texts;
        return Err(Error::general(format!(
            "{} cannot update the row {shown} to the new branch expression [{database:?}, {branch:?}]",
            session.client()
        )));
    }
    let moved = !old.pattern.is(&new.pattern);
    if name != ACCESS {
        let taken = rules
            .namespace()
            .iter()
            .any(|p| p.texts == new.pattern.texts);
        if old.pattern.texts != new.pattern.texts && taken {
            return Err(duplicate(name, &new, None));
        }
        rules.remove_name(&old.pattern);
        rules.insert_name(new.pattern);
        return Ok(());
    }
    let covered = rules.covering(&new.pattern, (!moved).then_some(&old.pattern));
    if covered.map(Permissions::highest) == Some(new.permissions.highest())
        || moved && rules.exact(&new.pattern).is_some()
    {
        return Err(duplicate(name, &new, Some(new.permissions)));
    }
    rules.remove(&old.pattern);
    rules.insert(new.pattern, new.permissions);
    Ok(())
}
