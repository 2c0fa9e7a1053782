//! `dolt_query_diff(from, to)`: what differs between the results of two queries.

use std::cmp::Ordering;
use std::sync::Arc;

use syntax::ast::{SetExpr, Statement, TableRef};
use values::compare::compare;
use values::{CollationId, OwnedValue, Value};

use super::{TEXT, TableMaker, column, emit_all, text};
use crate::bind::Binder;
use crate::dolt::select;
use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::session::Session;
use crate::virtual_table::{VirtualColumn, VirtualTable};

type Row = Vec<OwnedValue>;

/// The function's table.
pub fn function(
    session: &Session,
    maker: &TableMaker,
    args: &[Option<OwnedValue>],
) -> Result<Arc<dyn VirtualTable>> {
    let [from, to] = args else {
        return Err(Error::general(format!(
            "function 'dolt_query_diff' expected 2 arguments, {} received",
            args.len()
        )));
    };
    let (from, to) = (query_text(from)?, query_text(to)?);
    let ((old, rows_of_table), (new, _)) = (columns_of(session, &from)?, columns_of(session, &to)?);
    let named = |prefix: &str, columns: &[ColumnMeta]| -> Vec<VirtualColumn> {
        columns
            .iter()
            .map(|c| VirtualColumn::new(&format!("{prefix}_{}", c.name), c.ty.clone(), true))
            .collect()
    };
    let mut columns = named("from", &old);
    columns.extend(named("to", &new));
    columns.push(column("diff_type", TEXT));
    let same = old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| same_column(a, b));
    let key: Vec<(usize, Option<CollationId>)> = (0..old.len())
        .filter(|i| rows_of_table && old[*i].primary_key)
        .map(|i| (i, old[i].ty.collation()))
        .collect();
    let widths = (old.len(), new.len());
    Ok(maker.table(columns, move |scan, emit| {
        let rows = |sql: &str| -> Result<Vec<Row>> { Ok(select(scan.session(), sql, &[])?.rows) };
        let (from, to) = (rows(&from)?, rows(&to)?);
        let pairs = match same {
            true => paired(from, to, &key),
            false => {
                let gone = from.into_iter().map(|r| (Some(r), None));
                gone.chain(to.into_iter().map(|r| (None, Some(r))))
                    .collect()
            }
        };
        let nothing = |n: usize| vec![Value::Null; n];
        emit_all(
            pairs.into_iter().map(|(from, to)| {
                let kind = match (&from, &to) {
                    (_, None) => "deleted",
                    (None, _) => "added",
                    _ => "modified",
                };
                let mut row = from.unwrap_or_else(|| nothing(widths.0));
                row.extend(to.unwrap_or_else(|| nothing(widths.1)));
                row.push(text(kind));
                row
            }),
            emit,
        )
    }))
}

/// The text of a query, which must be known when the statement is planned.
fn query_text(arg: &Option<OwnedValue>) -> Result<String> {
    let text = match arg {
        Some(Value::Bytes(b)) => String::from_utf8_lossy(b).trim().to_string(),
        Some(_) => return Err(Error::general("query must be a string")),
        None => {
            return Err(Error::general(
                "Invalid argument to dolt_query_diff: unbound variable – only literal values supported",
            ));
        }
    };
    match text.get(..6).map(str::to_ascii_lowercase).as_deref() {
        Some("select") => Ok(text.trim_end_matches(';').to_string()),
        _ => Err(Error::general("query must be a SELECT statement")),
    }
}

/// The columns of a query, and whether its rows are rows of one table, with that table's keys.
fn columns_of(session: &Session, sql: &str) -> Result<(Vec<ColumnMeta>, bool)> {
    let modes = session.modes();
    let parsed =
        syntax::parse_prepared(sql, &modes.syntax).map_err(crate::statement::syntax_error)?;
    match parsed.0 {
        Statement::Query(q) => {
            let mut binder = Binder::new(session, &modes, sql.as_bytes());
            let columns = binder.bind_query(&q)?.columns;
            let rows_of_table = match &q.body {
                SetExpr::Select(s) => {
                    matches!(s.from.as_slice(), [TableRef::Table { .. }]) && s.group_by.is_empty()
                }
                _ => false,
            };
            Ok((columns, rows_of_table))
        }
        _ => Err(Error::general("query must be a SELECT statement")),
    }
}

fn same_column(a: &ColumnMeta, b: &ColumnMeta) -> bool {
    let facts = |c: &ColumnMeta| {
        let names = (c.name.to_lowercase(), c.table.to_lowercase());
        (names, c.ty.clone(), c.not_null, c.primary_key)
    };
    facts(a) == facts(b)
}

/// Rows of both sides that differ, paired by key; without one, by position.
fn paired(
    from: Vec<Row>,
    to: Vec<Row>,
    key: &[(usize, Option<CollationId>)],
) -> Vec<(Option<Row>, Option<Row>)> {
    let order = |a: &Row, b: &Row| -> Ordering {
        let cells = key
            .iter()
            .map(|(i, c)| compare(&a[*i], &b[*i], c.as_ref().map(|c| c.get())));
        cells.fold(Ordering::Equal, Ordering::then)
    };
    let same = |a: &Row, b: &Row| a.iter().zip(b).all(|(x, y)| compare(x, y, None).is_eq());
    let (mut from, mut to) = (from, to);
    // Queries give their rows in any order; pairs are found in that of the key.
    from.sort_by(&order);
    to.sort_by(&order);
    let (mut from, mut to) = (from.into_iter().peekable(), to.into_iter().peekable());
    let mut out = Vec::new();
    loop {
        let ordering = match (from.peek(), to.peek()) {
            (None, None) => return out,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => order(a, b),
        };
        let pair = (
            ordering.is_le().then(|| from.next()).flatten(),
            ordering.is_ge().then(|| to.next()).flatten(),
        );
        match &pair {
            (Some(a), Some(b)) if same(a, b) => {}
            _ => out.push(pair),
        }
    }
}
