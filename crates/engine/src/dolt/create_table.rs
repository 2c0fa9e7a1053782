//! CREATE TABLE statements as SHOW CREATE TABLE and dolt_schema_diff show them.

use std::fmt::Write;

use model::{ReferentialAction, Root, Table};
use values::{CollationId, SqlType};

use crate::error::Result;

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn string(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn names<'n>(list: impl Iterator<Item = &'n str>) -> String {
    list.map(quoted).collect::<Vec<_>>().join(",")
}

fn type_text(t: &SqlType, table: CollationId) -> String {
    let mut out = t.to_string();
    if let Some(c) = t.collation()
        && c != table
    {
        let c = c.get();
        let _ = write!(out, " CHARACTER SET {} COLLATE {}", c.charset.name, c.name);
    }
    out
}

fn action(a: ReferentialAction) -> Option<&'static str> {
    match a {
        ReferentialAction::Default => None,
        ReferentialAction::Cascade => Some("CASCADE"),
        ReferentialAction::NoAction => Some("NO ACTION"),
        ReferentialAction::Restrict => Some("RESTRICT"),
        ReferentialAction::SetNull => Some("SET NULL"),
        ReferentialAction::SetDefault => Some("SET DEFAULT"),
    }
}

/// The statement, without a semicolon.
pub fn statement(name: &str, table: &Table, root: &Root) -> Result<String> {
    let schema = table.schema();
    let mut parts = Vec::new();
    for c in schema.columns.iter().filter(|c| !c.hidden_system) {
        let mut line = format!(
            "  {} {}",
            quoted(&c.name),
            type_text(&c.sql_type, schema.collation)
        );
        if let Some(e) = c.generated_text() {
            let stored = if c.is_virtual { "" } else { " STORED" };
            let _ = write!(line, " GENERATED ALWAYS AS {e}{stored}");
        }
        if !c.nullable {
            line.push_str(" NOT NULL");
        }
        if c.auto_increment {
            line.push_str(" AUTO_INCREMENT");
        }
        if let Some(d) = c.default_text() {
            let _ = write!(line, " DEFAULT {d}");
        }
        if let Some(u) = c.on_update_text() {
            let _ = write!(line, " ON UPDATE {u}");
        }
        if !c.comment.is_empty() {
            let _ = write!(line, " COMMENT {}", string(&c.comment));
        }
        if c.hidden {
            line.push_str(" INVISIBLE");
        }
        parts.push(line);
    }
    let column = |i: usize| schema.columns[i].name.as_str();
    if !schema.primary_key.is_empty() {
        let list = names(schema.primary_key.iter().map(|c| column(*c)));
        parts.push(format!("  PRIMARY KEY ({list})"));
    }
    for index in &schema.indexes {
        let kind = if index.unique {
            "UNIQUE KEY"
        } else if index.spatial {
            "SPATIAL KEY"
        } else if index.fulltext.is_some() {
            "FULLTEXT KEY"
        } else if index.vector.is_some() {
            "VECTOR KEY"
        } else {
            "KEY"
        };
        let columns: Vec<String> = index
            .columns
            .iter()
            .enumerate()
            .map(|(n, c)| match index.prefix(n) {
                _ if schema.columns[*c].hidden_system => {
                    format!("({})", schema.columns[*c].expression)
                }
                0 => quoted(column(*c)),
                p => format!("{}({p})", quoted(column(*c))),
            })
            .collect();
        let mut line = format!("  {kind} {} ({})", quoted(&index.name), columns.join(","));
        if !index.comment.is_empty() {
            let _ = write!(line, " COMMENT {}", string(&index.comment));
        }
        parts.push(line);
    }
    let keys = root.foreign_keys()?;
    let mut own: Vec<_> = keys.of_child(name).collect();
    own.sort_by(|a, b| a.name.cmp(&b.name));
    for k in own {
        let child: Vec<String> = match &k.child_column_names {
            Some(names) if !k.is_resolved() => names.clone(),
            _ => k
                .child_columns
                .iter()
                .filter_map(|t| schema.column_by_tag(*t).map(|(_, c)| c.name.clone()))
                .collect(),
        };
        let parent: Vec<String> = match root.table(&k.parent_table)? {
            Some((_, parent)) if k.is_resolved() => k
                .parent_columns
                .iter()
                .filter_map(|t| {
                    parent
                        .schema()
                        .column_by_tag(*t)
                        .map(|(_, c)| c.name.clone())
                })
                .collect(),
            _ => k.parent_column_names.clone().unwrap_or_default(),
        };
        let mut line = format!(
            "  CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})",
            quoted(&k.name),
            names(child.iter().map(String::as_str)),
            quoted(&k.parent_table),
            names(parent.iter().map(String::as_str))
        );
        if let Some(a) = action(k.on_delete) {
            let _ = write!(line, " ON DELETE {a}");
        }
        if let Some(a) = action(k.on_update) {
            let _ = write!(line, " ON UPDATE {a}");
        }
        parts.push(line);
    }
    for check in &schema.checks {
        let enforced = if check.enforced {
            ""
        } else {
            " /*!80016 NOT ENFORCED */"
        };
        parts.push(format!(
            "  CONSTRAINT {} CHECK ({}){enforced}",
            quoted(&check.name),
            check.expression
        ));
    }
    let collation = schema.collation.get();
    let mut out = format!(
        "CREATE TABLE {} (\n{}\n) ENGINE=InnoDB",
        quoted(name),
        parts.join(",\n")
    );
    if schema.auto_increment_column().is_some() && table.auto_increment() > 1 {
        let _ = write!(out, " AUTO_INCREMENT={}", table.auto_increment());
    }
    let _ = write!(
        out,
        " DEFAULT CHARSET={} COLLATE={}",
        collation.charset.name, collation.name
    );
    if !schema.comment.is_empty() {
        let _ = write!(out, " COMMENT={}", string(&schema.comment));
    }
    Ok(out)
}
