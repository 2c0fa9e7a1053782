//! Rows that differ, as statements that make the old version the new one.

use values::{SqlType, Value};

use crate::show::quoted;

/// A column of a table whose rows differ.
struct Column {
    /// Between backticks.
    name: String,
    key: bool,
    generated: bool,
}

/// Writes the statements of a table.
pub struct RowStatements {
    table: String,
    columns: Vec<Column>,
    /// Rows are found by all their values.
    keyless: bool,
}

/// A row as literals; none is NULL.
pub type Literals = [Option<String>];

impl RowStatements {
    /// Statements for a table: its columns by name, whether they are part of the primary key,
    /// and whether they are computed.
    pub fn new<'c>(
        table: &str,
        columns: impl IntoIterator<Item = (&'c str, bool, bool)>,
    ) -> RowStatements {
        let columns: Vec<Column> = columns
            .into_iter()
            .map(|(name, key, generated)| Column {
                name: quoted(name),
                key,
                generated,
            })
            .collect();
        RowStatements {
            table: quoted(table),
            keyless: !columns.iter().any(|c| c.key),
            columns,
        }
    }

    /// The statement for one change; none if no stored column differs.
    pub fn of(&self, from: Option<&Literals>, to: Option<&Literals>) -> Option<String> {
        match (from, to) {
            (None, Some(to)) => Some(self.insert(to)),
            (Some(from), None) => {
                let place = self.place(from);
                Some(format!("DELETE FROM {} WHERE {place};", self.table))
            }
            (Some(from), Some(to)) => self.update(from, to),
            (None, None) => None,
        }
    }

    fn insert(&self, row: &Literals) -> String {
        let stored = || {
            let all = self.columns.iter().zip(row);
            all.filter(|(c, _)| !c.generated)
        };
        let names: Vec<&str> = stored().map(|(c, _)| c.name.as_str()).collect();
        let values: Vec<&str> = stored().map(|(_, v)| shown(v)).collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({});",
            self.table,
            names.join(","),
            values.join(",")
        )
    }

    fn update(&self, from: &Literals, to: &Literals) -> Option<String> {
        let set: Vec<String> = self
            .columns
            .iter()
            .zip(from.iter().zip(to))
            .filter(|(c, (old, new))| !c.generated && old != new)
            .map(|(c, (_, new))| format!("{}={}", c.name, shown(new)))
            .collect();
        if set.is_empty() {
            return None;
        }
        Some(format!(
            "UPDATE {} SET {} WHERE {};",
            self.table,
            set.join(","),
            self.place(to)
        ))
    }

    /// The condition that finds a row.
    fn place(&self, row: &Literals) -> String {
        let parts: Vec<String> = self
            .columns
            .iter()
            .zip(row)
            .filter(|(c, _)| c.key || self.keyless)
            .map(|(c, v)| match v {
                None => format!("{} IS NULL", c.name),
                Some(v) => format!("{}={v}", c.name),
            })
            .collect();
        parts.join(" AND ")
    }
}

fn shown(literal: &Option<String>) -> &str {
    literal.as_deref().unwrap_or("NULL")
}

/// The text of a value, as shown, as a literal of its type. Strings are escaped as Dolt does.
/// Bytes that are no text become hexadecimal literals, which Dolt writes as they are.
pub fn literal(bytes: &[u8], ty: &SqlType) -> String {
    let hex = || -> String {
        // Without digits it would be a name.
        if bytes.is_empty() {
            return "''".to_string();
        }
        let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        format!("0x{digits}")
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        return hex();
    };
    match ty {
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Vector(_) => hex(),
        SqlType::Int { .. }
        | SqlType::Float
        | SqlType::Double
        | SqlType::Decimal { .. }
        | SqlType::Bit(_)
        | SqlType::Geometry(..) => text.to_string(),
        _ => escaped(text),
    }
}

/// A string literal whose special characters are escaped by backslashes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        let escape = match c {
            '\0' => '0',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\r' => 'r',
            '\x1a' => 'Z',
            '\'' | '"' | '\\' => c,
            _ => {
                out.push(c);
                continue;
            }
        };
        out.extend(['\\', escape]);
    }
    out.push('\'');
    out
}

/// A value as a literal of its type; none is NULL.
pub fn value_literal(value: &Value<'_>, ty: &SqlType) -> Option<String> {
    let mut text = Vec::new();
    match (value, ty) {
        (Value::Null, _) => return None,
        (Value::UInt(n), SqlType::Bit(_)) => text.extend_from_slice(n.to_string().as_bytes()),
        (Value::Bytes(b), SqlType::Geometry(..)) => {
            text.extend_from_slice(b"0x");
            b.iter()
                .for_each(|byte| text.extend_from_slice(format!("{byte:02X}").as_bytes()));
        }
        (Value::Json(j), _) => text.extend_from_slice(&j.to_stored()),
        (v, ty) => values::render_text(v, ty, &mut text),
    }
    Some(literal(&text, ty))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[Option<&str>]) -> Vec<Option<String>> {
        cells.iter().map(|c| c.map(str::to_string)).collect()
    }

    #[test]
    fn one_statement_per_change() {
        let columns = [
            ("pk", true, false),
            ("v", false, false),
            ("w", false, false),
            ("g", false, true),
        ];
        let keyed = RowStatements::new("t", columns);
        let text = |v: &str| {
            literal(
                v.as_bytes(),
                &SqlType::VarChar(10, values::CollationId::DEFAULT),
            )
        };
        let quote = text("it's");
        let old = row(&[Some("1"), Some(&quote), None, Some("9")]);
        let new = row(&[Some("1"), None, None, Some("8")]);
        assert_eq!(
            keyed.of(None, Some(&old)).unwrap(),
            "INSERT INTO `t` (`pk`,`v`,`w`) VALUES (1,'it\\'s',NULL);"
        );
        assert_eq!(
            keyed.of(Some(&old), Some(&new)).unwrap(),
            "UPDATE `t` SET `v`=NULL WHERE `pk`=1;"
        );
        assert_eq!(
            keyed.of(Some(&new), None).unwrap(),
            "DELETE FROM `t` WHERE `pk`=1;"
        );
        assert_eq!(keyed.of(Some(&new), Some(&new)), None);
        let keyless = RowStatements::new("t", [("a", false, false), ("b", false, false)]);
        assert_eq!(
            keyless.of(Some(&row(&[Some("1"), None])), None).unwrap(),
            "DELETE FROM `t` WHERE `a`=1 AND `b` IS NULL;"
        );
    }

    #[test]
    fn literals_by_type() {
        assert_eq!(literal(b"ab", &SqlType::VarBinary(4)), "0x6162");
        assert_eq!(literal(b"", &SqlType::VarBinary(4)), "''");
        assert_eq!(literal(b"1999", &SqlType::Year), "'1999'");
        assert_eq!(
            literal(
                b"a'b\"c\\d\n\t\0%",
                &SqlType::VarChar(20, values::CollationId::DEFAULT)
            ),
            r#"'a\'b\"c\\d\n\t\0%'"#
        );
        let json = values::Json::parse(r#"{"b": [1, "x"]}"#).unwrap();
        assert_eq!(
            value_literal(&Value::Json(json), &SqlType::Json).unwrap(),
            r#"'{\"b\":[1,\"x\"]}'"#
        );
        assert_eq!(
            literal(&[0xff], &SqlType::VarChar(4, values::CollationId::DEFAULT)),
            "0xff"
        );
        assert_eq!(value_literal(&Value::Int(-3), &SqlType::INT).unwrap(), "-3");
        assert_eq!(value_literal(&Value::Null, &SqlType::INT), None);
    }
}
