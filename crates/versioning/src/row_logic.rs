use model::{Check, Root, Schema};
use values::OwnedValue;

use crate::{Error, Result};

/// What merging must ask of whoever can evaluate SQL expressions. Rows are in the order of the
/// schema's columns.
pub trait RowLogic {
    /// The value of a column's default, generating or ON UPDATE expression.
    fn column_value(
        &self,
        table: &str,
        schema: &Schema,
        column: usize,
        row: &[OwnedValue],
    ) -> Result<OwnedValue>;

    /// Whether a row satisfies a check; NULL does.
    fn check_holds(
        &self,
        table: &str,
        schema: &Schema,
        check: &Check,
        row: &[OwnedValue],
    ) -> Result<bool>;

    /// The columns that a check names, in lower case.
    fn columns_of(&self, expression: &str) -> Result<Vec<String>> {
        Ok(quoted_names(expression))
    }

    /// Builds the tables of the full-text indexes of a table again from its rows.
    fn rebuild_words(&self, _root: &Root, table: &str) -> Result<Root> {
        Err(Error::refused(format!(
            "full-text indexes of table {table} cannot be built here"
        )))
    }

    /// Whether documents that both sides changed are merged (`@@dolt_dont_merge_json`).
    fn merges_json(&self) -> bool {
        true
    }
}

/// Names in backquotes, outside of strings: stored expressions quote every column.
fn quoted_names(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                while let Some(d) = chars.next() {
                    if d == '\\' {
                        chars.next();
                    } else if d == c {
                        break;
                    }
                }
            }
            '`' => {
                let mut name = String::new();
                while let Some(d) = chars.next() {
                    if d == '`' && chars.next_if_eq(&'`').is_none() {
                        break;
                    }
                    name.push(d);
                }
                let name = name.to_lowercase();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            _ => {}
        }
    }
    names
}

/// Logic for tables without expressions: literal defaults only, every check is an error.
pub struct NoLogic;

impl RowLogic for NoLogic {
    fn column_value(
        &self,
        table: &str,
        schema: &Schema,
        column: usize,
        _: &[OwnedValue],
    ) -> Result<OwnedValue> {
        let column = &schema.columns[column];
        if column.expression.eq_ignore_ascii_case("null") {
            return Ok(OwnedValue::Null);
        }
        let text = column.expression.trim_matches('\'');
        let value = values::Value::text(text);
        let from = values::SqlType::VarChar(1024, values::CollationId::DEFAULT);
        let cx = values::conversion::Context::default();
        values::conversion::store(&value, &from, &column.sql_type, &cx)
            .map_err(|_| unable(&column.expression, table))
    }

    fn check_holds(
        &self,
        table: &str,
        _: &Schema,
        check: &Check,
        _: &[OwnedValue],
    ) -> Result<bool> {
        Err(Error::refused(format!(
            "check {} of table {table} cannot be evaluated here",
            check.name
        )))
    }
}

/// Merging needs a default that cannot be evaluated over the other side's rows (spec 05 §5.6).
pub(crate) fn unable(expression: &str, table: &str) -> Error {
    Error::refused(format!(
        "unable to automatically apply column default value in merge: {expression} for table \
         '{table}'; to continue merging, first manually apply the column alteration on this branch"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_checks() {
        assert_eq!(
            quoted_names("(`A` > 'x`y`') and `b``c` = \"`z`\" or `a` < 1"),
            ["a", "b`c"]
        );
    }
}
