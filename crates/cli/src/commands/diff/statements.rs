//! Rows that differ, as statements that make the old version the new one.

use super::rows::Pair;
use super::target::{Column, Target};
use super::writer::Cell;
use crate::commands::table_export::value_literal;
use crate::repository::quoted;

/// Writes the statements of a table.
pub struct Statements<'t> {
    table: String,
    columns: &'t [Column],
    /// Rows are found by all their values.
    keyless: bool,
}

impl<'t> Statements<'t> {
    /// Statements for a table of this name.
    pub fn new(table: &str, target: &'t Target) -> Statements<'t> {
        Statements {
            table: quoted(table),
            columns: &target.columns,
            keyless: !target.columns.iter().any(|c| c.key),
        }
    }

    /// The statement for one change.
    pub fn of(&self, pair: &Pair) -> Option<String> {
        match (&pair.from, &pair.to) {
            (None, Some(to)) => Some(self.insert(to)),
            (Some(from), None) => Some(format!(
                "DELETE FROM {} WHERE {};",
                self.table,
                self.place(from)
            )),
            (Some(from), Some(to)) => self.update(from, to),
            (None, None) => None,
        }
    }

    fn insert(&self, row: &[Cell]) -> String {
        let stored = || {
            let all = self.columns.iter().zip(row);
            all.filter(|(c, _)| !c.generated)
        };
        let names: Vec<String> = stored().map(|(c, _)| quoted(&c.name)).collect();
        let values: Vec<String> = stored().map(|(c, v)| value_literal(v, &c.ty)).collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({});",
            self.table,
            names.join(","),
            values.join(",")
        )
    }

    fn update(&self, from: &[Cell], to: &[Cell]) -> Option<String> {
        let set: Vec<String> = self
            .columns
            .iter()
            .zip(from.iter().zip(to))
            .filter(|(c, (old, new))| !c.generated && old != new)
            .map(|(c, (_, new))| format!("{}={}", quoted(&c.name), value_literal(new, &c.ty)))
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
    fn place(&self, row: &[Cell]) -> String {
        let parts: Vec<String> = self
            .columns
            .iter()
            .zip(row)
            .filter(|(c, _)| c.key || self.keyless)
            .map(|(c, v)| match v {
                None => format!("{} IS NULL", quoted(&c.name)),
                v => format!("{}={}", quoted(&c.name), value_literal(v, &c.ty)),
            })
            .collect();
        parts.join(" AND ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use values::{CollationId, SqlType};

    fn column(name: &str, ty: SqlType, key: bool) -> Column {
        Column {
            name: name.into(),
            ty,
            key,
            generated: name == "g",
            from: Some(0),
            to: Some(0),
        }
    }

    fn row(cells: &[Option<&str>]) -> Option<Vec<Cell>> {
        let cells = cells.iter().map(|c| c.map(|t| t.as_bytes().to_vec()));
        Some(cells.collect())
    }

    #[test]
    fn one_statement_per_change() {
        let text = SqlType::VarChar(10, CollationId::DEFAULT);
        let mut target = Target {
            columns: vec![
                column("pk", SqlType::INT, true),
                column("v", text.clone(), false),
                column("w", text.clone(), false),
                column("g", SqlType::INT, false),
            ],
        };
        let old = &[Some("1"), Some("it's"), None, Some("9")][..];
        let new = &[Some("1"), None, None, Some("8")][..];
        let show = |target: &Target, from: &[Option<&str>], to: &[Option<&str>]| {
            let side = |r: &[Option<&str>]| if r.is_empty() { None } else { row(r) };
            let pair = Pair {
                from: side(from),
                to: side(to),
            };
            Statements::new("t", target).of(&pair).unwrap_or_default()
        };
        assert_eq!(
            show(&target, &[], old),
            "INSERT INTO `t` (`pk`,`v`,`w`) VALUES (1,'it''s',NULL);"
        );
        assert_eq!(
            show(&target, old, new),
            "UPDATE `t` SET `v`=NULL WHERE `pk`=1;"
        );
        assert_eq!(show(&target, new, &[]), "DELETE FROM `t` WHERE `pk`=1;");
        assert_eq!(show(&target, new, new), "");
        target.columns[0].key = false;
        target.columns.truncate(3);
        assert_eq!(
            show(&target, &old[..3], &[]),
            "DELETE FROM `t` WHERE `pk`=1 AND `v`='it''s' AND `w` IS NULL;"
        );
    }
}
