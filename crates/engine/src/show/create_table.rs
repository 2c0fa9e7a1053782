//! The texts of SHOW CREATE (spec 08 §1.10), and defaults as they are shown.

use model::{ForeignKey, ReferentialAction, Schema};
use values::{CollationId, OwnedValue, SqlType, Value};

use crate::bind::Binder;
use crate::context::Context;
use crate::ddl::stored_text;
use crate::env::Env;
use crate::error::Result;
use crate::root_state::{RootState, TableState, ViewDef};
use crate::session::Session;
use crate::table::Column;

/// A name between backticks.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn quoted_list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    names
        .into_iter()
        .map(|n| quoted(n.as_ref()))
        .collect::<Vec<_>>()
        .join(",")
}

/// A comment as it stands between quotes.
pub(crate) fn escaped_comment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out
}

/// A column's type without its collation.
pub(crate) fn type_text(ty: &SqlType) -> String {
    match ty {
        SqlType::Geometry(kind, _) => kind.name().to_string(),
        ty => ty.to_string(),
    }
}

fn type_with_collation(ty: &SqlType, table: CollationId) -> String {
    let mut out = type_text(ty);
    if let Some(id) = ty.collation().filter(|id| *id != table) {
        let (own, of_table) = (id.get(), table.get());
        if own.charset.name != of_table.charset.name {
            out.push_str(&format!(" CHARACTER SET {}", own.charset.name));
        }
        out.push_str(&format!(" COLLATE {}", own.name));
    }
    out
}

/// What a stored default is.
enum DefaultForm {
    Null,
    /// CURRENT_TIMESTAMP, and anything between parentheses.
    Expression,
    /// A value of the column.
    Value(OwnedValue),
    /// Text that cannot be read as a value of the column.
    Other,
}

fn default_form(session: &Session, column: &Column) -> DefaultForm {
    let text = column.default.as_str();
    let upper = text.get(..17).map(str::to_ascii_uppercase);
    if text.eq_ignore_ascii_case("null") {
        return DefaultForm::Null;
    }
    if text.starts_with('(') || upper.as_deref() == Some("CURRENT_TIMESTAMP") {
        return DefaultForm::Expression;
    }
    let value = || -> Option<OwnedValue> {
        let modes = session.modes();
        let expr = stored_text::parse(text).ok()?;
        let bound = Binder::new(session, &modes, text.as_bytes())
            .bind_alone(&expr)
            .ok()?;
        let cx = Context::new(session, &[], Vec::new());
        let env = Env::new(0, None, &cx);
        let v = bound.expr.eval(&env).ok()?;
        let stored = values::conversion::store(&v, &bound.ty, &column.ty, &cx.conversion).ok()?;
        Some(stored.into_owned())
    };
    value().map_or(DefaultForm::Other, DefaultForm::Value)
}

fn rendered(value: &OwnedValue, ty: &SqlType) -> Vec<u8> {
    let mut out = Vec::new();
    values::render_text(value, ty, &mut out);
    out
}

/// A default as DESCRIBE and information_schema show it: values without quotes. The parentheses
/// of an expression stay when `parentheses` is set. NULL when there is none.
pub(crate) fn shown_default(session: &Session, column: &Column, parentheses: bool) -> OwnedValue {
    if column.default.is_empty() {
        return Value::Null;
    }
    match default_form(session, column) {
        DefaultForm::Null => Value::Null,
        DefaultForm::Expression | DefaultForm::Other => {
            let text = column.default.as_str();
            let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
            Value::text(if parentheses {
                text
            } else {
                inner.unwrap_or(text)
            })
        }
        DefaultForm::Value(v) => match (&column.ty, &v) {
            (SqlType::Bit(_), Value::UInt(n)) => Value::text(format!("b'{n:b}'")),
            (ty, v) if ty.is_binary() => {
                let bytes = crate::convert::to_text(v);
                if bytes.is_ascii() && column.default.starts_with('\'') {
                    return Value::text(String::from_utf8_lossy(&bytes));
                }
                if bytes.is_empty() {
                    return Value::text(String::new());
                }
                let hex: String = bytes.iter().map(|b| format!("{b:02X}")).collect();
                Value::text(format!("0x{hex}"))
            }
            (ty, v) => Value::text(String::from_utf8_lossy(&rendered(v, ty))),
        },
    }
}

/// The text after DEFAULT.
fn default_clause(session: &Session, column: &Column) -> String {
    let text = column.default.as_str();
    let as_stored = column.ty.is_text()
        || column.ty.is_binary()
        || (column.ty.is_temporal() && text.starts_with('\'') && column.ty != SqlType::Year);
    if as_stored {
        // What Dolt writes for an empty default of binary types is a name to MySQL.
        return if text == "0x" { "''" } else { text }.to_string();
    }
    match default_form(session, column) {
        DefaultForm::Value(v) => match (&column.ty, &v) {
            (SqlType::Bit(_), Value::UInt(n)) => format!("b'{n:b}'"),
            (ty, v) => {
                let shown = String::from_utf8_lossy(&rendered(v, ty)).into_owned();
                format!("'{}'", shown.replace('\\', "\\\\").replace('\'', "''"))
            }
        },
        DefaultForm::Null => "NULL".to_string(),
        DefaultForm::Expression | DefaultForm::Other => text.to_string(),
    }
}

/// A column as CREATE TABLE defines it.
pub(crate) fn column_line(session: &Session, column: &Column, table: CollationId) -> String {
    let mut line = format!(
        "{} {}",
        quoted(&column.name),
        type_with_collation(&column.ty, table)
    );
    if !column.nullable {
        line.push_str(" NOT NULL");
    }
    if column.auto_increment {
        line.push_str(" AUTO_INCREMENT");
    }
    if let SqlType::Geometry(_, Some(srid)) = &column.ty {
        line.push_str(&format!(" /*!80003 SRID {srid} */"));
    }
    if !column.generated.is_empty() {
        let stored = if column.is_virtual { "" } else { " STORED" };
        line.push_str(&format!(
            " GENERATED ALWAYS AS {}{stored}",
            column.generated
        ));
    } else if !column.default.is_empty() {
        line.push_str(&format!(" DEFAULT {}", default_clause(session, column)));
    }
    if !column.on_update.is_empty() {
        line.push_str(&format!(" ON UPDATE {}", column.on_update));
    }
    if !column.comment.is_empty() {
        line.push_str(&format!(" COMMENT '{}'", escaped_comment(&column.comment)));
    }
    line
}

/// An index's kind, with a blank behind it, and the text of its columns.
pub(crate) fn index_words(index: &model::Index, schema: &Schema) -> (&'static str, String) {
    let kind = if index.fulltext.is_some() {
        "FULLTEXT "
    } else if index.spatial {
        "SPATIAL "
    } else if index.vector.is_some() {
        "VECTOR "
    } else if index.unique {
        "UNIQUE "
    } else {
        ""
    };
    let parts: Vec<String> = index
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let column = &schema.columns[*c];
            match (
                column.hidden_system,
                column.generated_text(),
                index.prefix(i),
            ) {
                (true, Some(text), _) => text.to_string(),
                (_, _, 0) => quoted(&column.name),
                (_, _, n) => format!("{}({n})", quoted(&column.name)),
            }
        })
        .collect();
    (kind, parts.join(","))
}

fn index_line(index: &model::Index, schema: &Schema) -> String {
    let (kind, columns) = index_words(index, schema);
    let comment = match index.comment.as_str() {
        "" => String::new(),
        c => format!(" COMMENT '{}'", escaped_comment(c)),
    };
    format!("{kind}KEY {} ({columns}){comment}", quoted(&index.name))
}

/// The words of a referential action.
pub(crate) fn action_text(action: ReferentialAction) -> Option<&'static str> {
    Some(match action {
        ReferentialAction::Default => return None,
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::NoAction => "NO ACTION",
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::SetNull => "SET NULL",
        ReferentialAction::SetDefault => "SET DEFAULT",
    })
}

/// Names of the columns of a foreign key on either side: child, parent.
pub(crate) fn key_columns(
    root: &RootState,
    key: &ForeignKey,
) -> Result<(Vec<String>, Vec<String>)> {
    let names =
        |table: &str, tags: &[u64], declared: &Option<Vec<String>>| -> Result<Vec<String>> {
            if let Some(state) = root.table(table)?
                && !tags.is_empty()
            {
                let schema = state.table.schema();
                let found: Option<Vec<String>> = tags
                    .iter()
                    .map(|t| schema.column_by_tag(*t).map(|(_, c)| c.name.clone()))
                    .collect();
                if let Some(found) = found {
                    return Ok(found);
                }
            }
            Ok(declared.clone().unwrap_or_default())
        };
    Ok((
        names(
            &key.child_table,
            &key.child_columns,
            &key.child_column_names,
        )?,
        names(
            &key.parent_table,
            &key.parent_columns,
            &key.parent_column_names,
        )?,
    ))
}

/// A foreign key as CREATE TABLE defines it.
pub(crate) fn foreign_key_line(root: &RootState, key: &ForeignKey) -> Result<String> {
    let (child, parent) = key_columns(root, key)?;
    let mut line = format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})",
        quoted(&key.name),
        quoted_list(child),
        quoted(&key.parent_table),
        quoted_list(parent)
    );
    if let Some(text) = action_text(key.on_delete) {
        line.push_str(&format!(" ON DELETE {text}"));
    }
    if let Some(text) = action_text(key.on_update) {
        line.push_str(&format!(" ON UPDATE {text}"));
    }
    Ok(line)
}

/// The CREATE TABLE statement of a stored table. `next_id` is its next AUTO_INCREMENT value.
pub(crate) fn table_text(
    session: &Session,
    root: &RootState,
    state: &TableState,
    next_id: u64,
) -> Result<String> {
    let def = &state.def;
    let schema = &def.schema;
    let mut lines = Vec::new();
    for (column, stored) in def.columns.iter().zip(&schema.columns) {
        if !stored.hidden_system {
            lines.push(column_line(session, column, def.collation));
        }
    }
    if !def.primary_key.is_empty() {
        let names = def
            .primary_key
            .iter()
            .map(|c| def.columns[*c].name.as_str());
        lines.push(format!("PRIMARY KEY ({})", quoted_list(names)));
    }
    for index in &schema.indexes {
        lines.push(index_line(index, schema));
    }
    for key in root.foreign_keys()?.of_child(&state.name) {
        lines.push(foreign_key_line(root, key)?);
    }
    for check in &def.checks {
        let off = if check.enforced {
            ""
        } else {
            " /*!80016 NOT ENFORCED */"
        };
        lines.push(format!(
            "CONSTRAINT {} CHECK ({}){off}",
            quoted(&check.name),
            check.text
        ));
    }
    let collation = def.collation.get();
    let mut out = format!(
        "CREATE TABLE {} (\n  {}\n) ENGINE=InnoDB",
        quoted(&state.name),
        lines.join(",\n  ")
    );
    if def.auto_increment().is_some() && next_id > 1 {
        out.push_str(&format!(" AUTO_INCREMENT={next_id}"));
    }
    out.push_str(&format!(
        " DEFAULT CHARSET={} COLLATE={}",
        collation.charset.name, collation.name
    ));
    if !def.comment.is_empty() {
        out.push_str(&format!(" COMMENT='{}'", escaped_comment(&def.comment)));
    }
    if schema.target_row_size != Schema::default().target_row_size {
        out.push_str(&format!(" TARGET_ROW_SIZE={}", schema.target_row_size));
    }
    Ok(out)
}

/// The CREATE VIEW statement of a view.
pub(crate) fn view_text(view: &ViewDef) -> String {
    let columns = match view.columns.is_empty() {
        true => String::new(),
        false => format!(" ({})", quoted_list(&view.columns)),
    };
    format!(
        "CREATE VIEW {}{columns} AS {}",
        quoted(&view.name),
        view.query
    )
}

/// The CREATE DATABASE statement of a database.
pub(crate) fn database_text(name: &str, collation: CollationId, if_not_exists: bool) -> String {
    let c = collation.get();
    let condition = if if_not_exists {
        "/*!32312 IF NOT EXISTS*/ "
    } else {
        ""
    };
    format!(
        "CREATE DATABASE {condition}{} /*!40100 DEFAULT CHARACTER SET {} COLLATE {} */",
        quoted(name),
        c.charset.name,
        c.name
    )
}
