//! The columns of a row diff: those of both versions.

use values::SqlType;
use versioning::TableDelta;

use super::{Display, Form};

/// A column of the diff, and where each version has it.
pub struct Column {
    /// Name.
    pub name: String,
    /// Type that values are shown in.
    pub ty: SqlType,
    /// Part of the primary key.
    pub key: bool,
    /// Computed from other columns.
    pub generated: bool,
    /// Place in the old version.
    pub from: Option<usize>,
    /// Place in the new version.
    pub to: Option<usize>,
}

/// The columns of a row diff.
pub struct Target {
    /// Columns in order.
    pub columns: Vec<Column>,
}

fn most_flexible(a: &SqlType, b: &SqlType) -> SqlType {
    let whole = |t: &SqlType| matches!(t, SqlType::Int { .. });
    let float = |t: &SqlType| matches!(t, SqlType::Float | SqlType::Double);
    let decimal = |t: &SqlType| matches!(t, SqlType::Decimal { .. });
    let time = |t: &SqlType| matches!(t, SqlType::DateTime(_) | SqlType::Timestamp(_));
    match (a, b) {
        (SqlType::Date, b) if time(b) => b.clone(),
        (a, b) if whole(a) && (float(b) || decimal(b)) => b.clone(),
        (a, b) if decimal(a) && decimal(b) => b.clone(),
        (a, b) if float(a) && float(b) => SqlType::Double,
        _ => a.clone(),
    }
}

impl Target {
    /// The columns of a table's diff; statements know only those of the new version.
    pub fn of(delta: &TableDelta, display: &Display) -> Target {
        let mut columns: Vec<Column> = Vec::new();
        if let Some(t) = &delta.from {
            let schema = t.schema();
            for (i, c) in schema
                .columns
                .iter()
                .enumerate()
                .filter(|(_, c)| !c.hidden_system)
            {
                columns.push(Column {
                    name: c.name.clone(),
                    ty: c.sql_type.clone(),
                    key: schema.primary_key.contains(&i),
                    generated: c.generated,
                    from: Some(i),
                    to: None,
                });
            }
        }
        if let Some(t) = &delta.to {
            let schema = t.schema();
            for (i, c) in schema
                .columns
                .iter()
                .enumerate()
                .filter(|(_, c)| !c.hidden_system)
            {
                match columns
                    .iter_mut()
                    .find(|d| d.name.eq_ignore_ascii_case(&c.name))
                {
                    Some(known) => {
                        known.to = Some(i);
                        known.ty = most_flexible(&known.ty, &c.sql_type);
                    }
                    None => columns.push(Column {
                        name: c.name.clone(),
                        ty: c.sql_type.clone(),
                        key: schema.primary_key.contains(&i),
                        generated: c.generated,
                        from: None,
                        to: Some(i),
                    }),
                }
            }
        }
        if display.form == Form::Sql && delta.to.is_some() {
            columns.retain(|c| c.to.is_some());
        }
        Target { columns }
    }
}
