//! Functional key parts: hidden virtual columns that hold the expressions (spec 03 §8.4).

use std::borrow::Cow;

use model::{Column, Schema, Table};
use syntax::ast::{Ident, IndexDef, KeyPartWhat, TableConstraint};

use super::{rebuild, stored_text};
use crate::bind::Binder;
use crate::error::{Error, Result};
use crate::session::Session;

/// Adds the columns of a key's expressions to a schema; gives the key over them.
pub(super) fn with_columns<'c>(
    session: &Session,
    table: &str,
    schema: &mut Schema,
    c: &'c TableConstraint,
) -> Result<Cow<'c, TableConstraint>> {
    let mut next = c.clone();
    let index = match &mut next {
        TableConstraint::Unique { index, .. } | TableConstraint::Index { index, .. } => index,
        TableConstraint::PrimaryKey { index, .. } if is_functional(index) => {
            return Err(Error::new(
                3756,
                "HY000",
                "The primary key cannot be a functional index",
            ));
        }
        _ => return Ok(Cow::Borrowed(c)),
    };
    if !is_functional(index) {
        return Ok(Cow::Borrowed(c));
    }
    // Dolt writes the keys that are there again when another comes, their columns qualified.
    for c in schema.columns.iter_mut().filter(|c| c.hidden_system) {
        c.expression = plain_names(&canonical(&c.expression)?, &format!("{table}."));
    }
    let name = match &index.name {
        Some(n) => n.to_string(),
        None => unnamed(schema),
    };
    for (place, part) in index.parts.iter_mut().enumerate() {
        let KeyPartWhat::Expr(e) = &part.what else {
            continue;
        };
        let text = plain_names(&stored_text::generated_text(&e.expr)?, "");
        let column = column(session, table, schema, &name, place, text)?;
        part.what = KeyPartWhat::Column {
            name: Ident::from(column.name.as_str()),
            length: None,
        };
        schema.columns.push(column);
    }
    index.name = Some(Ident::from(name));
    Ok(Cow::Owned(next))
}

/// The text of an expression with its columns unqualified and in backticks.
fn canonical(text: &str) -> Result<String> {
    let e = stored_text::parse(text)?;
    stored_text::generated_text(&e)
}

/// Whether the text of a functional key names a column.
pub(super) fn mentions(text: &str, column: &str) -> bool {
    canonical(text).is_ok_and(|t| t.contains(&format!("`{column}`")))
}

/// A text with its columns in backticks written as Dolt does in keys: without them where the name
/// needs none, after `qualifier`.
fn plain_names(text: &str, qualifier: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '\'']) {
        out.push_str(&rest[..at]);
        let quote = &rest[at..=at];
        let Some(end) = rest[at + 1..].find(quote) else {
            break;
        };
        let inner = &rest[at + 1..at + 1 + end];
        if quote == "`" {
            out.push_str(qualifier);
            let simple = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            match simple {
                true => out.push_str(inner),
                false => out.push_str(&rest[at..at + end + 2]),
            }
        } else {
            out.push_str(&rest[at..at + end + 2]);
        }
        rest = &rest[at + end + 2..];
    }
    out + rest
}

fn is_functional(index: &IndexDef) -> bool {
    index
        .parts
        .iter()
        .any(|p| matches!(p.what, KeyPartWhat::Expr(_)))
}

/// MySQL's name for a functional key without one.
fn unnamed(schema: &Schema) -> String {
    let free = |n: &String| schema.index_position(n).is_none();
    let first = "functional_index".to_string();
    match free(&first) {
        true => first,
        false => (2..)
            .map(|n| format!("functional_index_{n}"))
            .find(free)
            .expect("an endless row of names has one that is free"),
    }
}

fn column(
    session: &Session,
    table: &str,
    schema: &Schema,
    index: &str,
    place: usize,
    text: String,
) -> Result<Column> {
    let modes = crate::generated::stored_modes();
    let t = Table::new(&model::Objects::in_memory(), schema)?;
    let state = rebuild::state_of(table, t, "")?;
    let e = stored_text::parse(&text)?;
    if matches!(e, syntax::ast::Expr::Column(_)) {
        return Err(Error::new(
            3756,
            "HY000",
            "Functional index on a column is not supported. Consider using a regular index instead.",
        ));
    }
    let mut binder = Binder::new(session, &modes, text.as_bytes());
    let typed = binder.bind_over_table(&state.def, table, &e, "generated column function")?;
    let name = format!("!hidden!{}!{place}!0", index.to_lowercase());
    let mut column = Column::new(name, typed.ty, 0);
    column.nullable = typed.nullable;
    column.generated = true;
    column.is_virtual = true;
    column.hidden_system = true;
    column.expression = text;
    Ok(column)
}
