//! `dolt_test_run([names])`: runs the queries of `dolt_tests` and holds their results against what
//! is expected of them.

use std::cmp::Ordering;
use std::fmt::Display;
use std::sync::Arc;

use syntax::ast::Statement;
use values::{OwnedValue, Value};

use super::{TEXT, TableMaker, column, text};
use crate::convert::to_string;
use crate::dolt::{Rows, select};
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::session::Session;
use crate::virtual_table::VirtualTable;

/// The function's table.
pub fn function(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let names = ["test_name", "test_group_name", "query", "status", "message"];
    let columns = names.into_iter().map(|n| column(n, TEXT)).collect();
    maker.table(columns, |scan, emit| {
        let mut wanted = scan.texts();
        if wanted.is_empty() {
            wanted.push("*".to_string());
        }
        for name in wanted {
            for test in tests(scan.session(), &name)? {
                scan.cx.check_interrupt()?;
                let cell = |i: usize| to_string(&test[i]);
                let query = cell(2);
                let message = run(scan.session(), &query, &test);
                let group = match &test[1] {
                    Value::Null => String::new(),
                    group => to_string(group),
                };
                let row = vec![
                    text(cell(0)),
                    text(group),
                    text(query),
                    text(if message.is_empty() { "PASS" } else { "FAIL" }),
                    text(message),
                ];
                if emit(row)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        Ok(Flow::Continue)
    })
}

/// The tests of this name or group that fail, with what is wrong.
pub fn failures(session: &Session, name: &str) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for test in tests(session, name)? {
        session.check_interrupt()?;
        let message = run(session, &to_string(&test[2]), &test);
        if !message.is_empty() {
            failed.push(format!("{} ({message})", to_string(&test[0])));
        }
    }
    Ok(failed)
}

/// The tests of this name, else those of the group; `*` means all.
fn tests(session: &Session, name: &str) -> Result<Vec<Vec<OwnedValue>>> {
    let all = "SELECT * FROM dolt_tests";
    let param = [Value::text(name)];
    let mut found = match name {
        "*" => select(session, all, &[])?.rows,
        _ => select(session, &format!("{all} WHERE test_name = ?"), &param)?.rows,
    };
    if found.is_empty() && name != "*" {
        found = select(session, &format!("{all} WHERE test_group = ?"), &param)?.rows;
    }
    if found.is_empty() {
        return Err(Error::general(format!(
            "could not find tests for argument: {name}"
        )));
    }
    Ok(found)
}

/// What is wrong with the result of a test; empty when nothing is.
fn run(session: &Session, query: &str, test: &[OwnedValue]) -> String {
    let options = session.modes().syntax.clone();
    let mut statements = Vec::new();
    for parsed in syntax::parse_many(query.as_bytes(), &options) {
        match parsed {
            Ok(parsed) => statements.push(parsed),
            Err(e) => return format!("query error: {e}"),
        }
    }
    statements.retain(|p| p.statement != Statement::Empty);
    let [only] = statements.as_slice() else {
        return "Can only run exactly one query".to_string();
    };
    if !matches!(
        only.statement,
        Statement::Query(_) | Statement::Show(_) | Statement::Describe(_) | Statement::Explain(_)
    ) {
        return "Cannot execute write queries".to_string();
    }
    if query.to_lowercase().contains("dolt_test_run(") {
        return "Cannot call dolt_test_run in dolt_tests".to_string();
    }
    let mut rows = Rows::default();
    let sql = &query.as_bytes()[only.range.clone()];
    if let Err(e) = session.statement(&only.statement, sql, &[], &mut rows, false) {
        return format!("query error: {}", e.message);
    }
    let comparator = to_string(&test[4]);
    let expected = (!test[5].is_null()).then(|| to_string(&test[5]));
    let assertion = to_string(&test[3]);
    match assertion.as_str() {
        "expected_rows" => count(&assertion, &comparator, expected, rows.rows.len()),
        "expected_columns" => {
            let columns = rows.rows.first().map_or(0, Vec::len);
            count(&assertion, &comparator, expected, columns)
        }
        "expected_single_value" => single(&assertion, &comparator, expected, &rows),
        other => format!("{other} is not a valid assertion type"),
    }
}

fn count(assertion: &str, comparator: &str, expected: Option<String>, actual: usize) -> String {
    let Some(expected) = expected else {
        return "null is not a valid assertion for expected_rows".to_string();
    };
    match expected.parse::<i64>() {
        Ok(n) => {
            let actual = actual as i64;
            compared(assertion, comparator, actual.cmp(&n), &n, &actual)
        }
        Err(_) => format!("cannot run assertion on non integer value: {expected}"),
    }
}

/// Whether the actual value stands to the expected one as the comparator says.
fn compared(
    assertion: &str,
    comparator: &str,
    ordering: Ordering,
    expected: &dyn Display,
    actual: &dyn Display,
) -> String {
    let (holds, words) = match comparator {
        "==" => (ordering.is_eq(), "equal to"),
        "!=" => (ordering.is_ne(), "not equal to"),
        "<" => (ordering.is_lt(), "less than"),
        "<=" => (ordering.is_le(), "less than or equal to"),
        ">" => (ordering.is_gt(), "greater than"),
        ">=" => (ordering.is_ge(), "greater than or equal to"),
        _ => return format!("{comparator} is not a valid comparison type"),
    };
    match holds {
        true => String::new(),
        false => format!("Assertion failed: {assertion} {words} {expected}, got {actual}"),
    }
}

fn single(assertion: &str, comparator: &str, expected: Option<String>, rows: &Rows) -> String {
    let received = match rows.rows.as_slice() {
        [] => "0 rows",
        [row, ..] if row.len() != 1 => "multiple columns",
        [_] => "",
        _ => "multiple rows",
    };
    if !received.is_empty() {
        return format!("{assertion} expects exactly one cell. Received {received}");
    }
    let actual = &rows.rows[0][0];
    let shown = match actual {
        Value::Null => "NULL".to_string(),
        Value::Float(f) if rows.types[0] == values::SqlType::Float => (*f as f32).to_string(),
        v => to_string(v),
    };
    let Some(expected) = expected else {
        if !matches!(comparator, "==" | "!=") {
            return format!("{comparator} is not a valid comparison for NULL values");
        }
        let ordering = match actual.is_null() {
            true => Ordering::Equal,
            false => Ordering::Greater,
        };
        return compared(assertion, comparator, ordering, &"NULL", &shown);
    };
    let truth = match expected.as_str() {
        "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    };
    if let Some(wanted) = truth {
        if !matches!(comparator, "==" | "!=") {
            return format!(
                "{comparator} is not a valid comparison for boolean values. Only '==' and '!=' are supported"
            );
        }
        let is = shown == "1";
        return compared(assertion, comparator, is.cmp(&wanted), &wanted, &is);
    }
    let unlike =
        |kind: &str| format!("Could not compare non {kind} value '{expected}', with {shown}");
    let ordering = match actual {
        Value::Int(n) => match expected.parse::<i128>() {
            Ok(e) => i128::from(*n).cmp(&e),
            Err(_) => return unlike("integer"),
        },
        Value::UInt(n) => match expected.parse::<i128>() {
            Ok(e) => i128::from(*n).cmp(&e),
            Err(_) => return unlike("integer"),
        },
        Value::Float(f) => match expected.parse::<f64>() {
            // A FLOAT has the digits that it shows.
            Ok(e) => shown.parse().unwrap_or(*f).total_cmp(&e),
            Err(_) => return unlike("float"),
        },
        Value::Decimal(d) => match values::Decimal::parse(&expected) {
            Some(e) => d.compare(&e),
            None => return unlike("decimal"),
        },
        Value::Date(_) | Value::DateTime(_) => {
            let parse =
                |t: &str| values::temporal::parse_datetime(t.as_bytes(), Default::default());
            match (parse(&shown), parse(&expected)) {
                (Ok(a), Ok(e)) => a.value.cmp(&e.value),
                _ => return format!("{expected} does not appear to be a valid date"),
            }
        }
        _ => shown.cmp(&expected),
    };
    compared(assertion, comparator, ordering, &expected, &shown)
}
