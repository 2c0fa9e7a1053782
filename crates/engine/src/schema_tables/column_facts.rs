//! What SHOW COLUMNS and information_schema.COLUMNS say of a column.

use values::{IntWidth, OwnedValue, SqlType, Value};

use crate::table::{Column, TableDef};

/// `PRI`, `UNI`, `MUL` or nothing.
pub(crate) fn key(def: &TableDef, column: usize) -> &'static str {
    if def.primary_key.contains(&column) {
        return "PRI";
    }
    let ordered = || {
        def.indexes
            .iter()
            .filter(|i| i.columns.first() == Some(&column))
    };
    if ordered().any(|i| i.unique && i.columns.len() == 1) {
        // Without a primary key the first unique key that has no NULL stands in for it.
        let stands_in = def.keyless()
            && !def.columns[column].nullable
            && def
                .indexes
                .iter()
                .find(|i| i.unique && i.columns.iter().all(|c| !def.columns[*c].nullable))
                .is_some_and(|i| i.columns == [column]);
        return if stands_in { "PRI" } else { "UNI" };
    }
    if ordered().next().is_some() {
        "MUL"
    } else {
        ""
    }
}

/// AUTO_INCREMENT, how a default or value is computed, ON UPDATE, INVISIBLE.
pub(crate) fn extra(column: &Column) -> String {
    let mut parts: Vec<String> = Vec::new();
    if column.auto_increment {
        parts.push("auto_increment".to_string());
    }
    if !column.generated.is_empty() {
        let kind = if column.is_virtual {
            "VIRTUAL"
        } else {
            "STORED"
        };
        parts.push(format!("{kind} GENERATED"));
    } else if is_computed(&column.default) {
        parts.push("DEFAULT_GENERATED".to_string());
    }
    if !column.on_update.is_empty() {
        parts.push(format!("on update {}", column.on_update));
    }
    if column.hidden {
        parts.push("INVISIBLE".to_string());
    }
    parts.join(" ")
}

fn is_computed(default: &str) -> bool {
    default.starts_with('(')
        || default
            .get(..17)
            .is_some_and(|t| t.eq_ignore_ascii_case("current_timestamp"))
}

/// Length of characters and of bytes.
pub(crate) fn lengths(ty: &SqlType) -> (OwnedValue, OwnedValue) {
    let per_char = ty
        .collation()
        .map_or(1, |c| u64::from(c.get().charset.max_length));
    let both = |chars: u64, bytes: u64| (number(chars), number(bytes));
    match ty {
        SqlType::Char(n, _) | SqlType::VarChar(n, _) => {
            both(u64::from(*n), u64::from(*n) * per_char)
        }
        // A TEXT is limited in bytes, so either number is that of bytes.
        SqlType::Text(size, _) => both(size.limit(), size.limit()),
        SqlType::Blob(size) => both(size.limit(), size.limit()),
        SqlType::Binary(n) | SqlType::VarBinary(n) => both(u64::from(*n), u64::from(*n)),
        SqlType::Enum(members, _) => {
            let n = members
                .iter()
                .map(|m| m.chars().count() as u64)
                .max()
                .unwrap_or(0);
            both(n, n * per_char)
        }
        SqlType::Set(members, _) => {
            let n: u64 = members.iter().map(|m| m.chars().count() as u64 + 1).sum();
            let n = n.saturating_sub(1);
            both(n, n * per_char)
        }
        _ => (Value::Null, Value::Null),
    }
}

/// Digits in all and after the point.
pub(crate) fn digits(ty: &SqlType) -> (OwnedValue, OwnedValue) {
    let whole = |n: u64| (number(n), number(0));
    match ty {
        SqlType::Int {
            width, unsigned, ..
        } => whole(match width {
            IntWidth::Tiny => 3,
            IntWidth::Small => 5,
            IntWidth::Medium => 7,
            IntWidth::Int => 10,
            IntWidth::Big => 19 + u64::from(*unsigned),
        }),
        SqlType::Decimal { precision, scale } => {
            (number(u64::from(*precision)), number(u64::from(*scale)))
        }
        SqlType::Float => (number(12), Value::Null),
        SqlType::Double => (number(22), Value::Null),
        SqlType::Bit(n) => (number(u64::from(*n)), Value::Null),
        _ => (Value::Null, Value::Null),
    }
}

/// Digits of a second.
pub(crate) fn fraction(ty: &SqlType) -> OwnedValue {
    match ty {
        SqlType::Time(n) | SqlType::DateTime(n) | SqlType::Timestamp(n) => number(u64::from(*n)),
        _ => Value::Null,
    }
}

/// Name of a type without its arguments.
pub(crate) fn type_word(ty: &SqlType) -> String {
    let text = crate::show::type_text(ty);
    text.split(['(', ' '])
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

/// Character set and collation of a type.
pub(crate) fn charset(ty: &SqlType) -> (OwnedValue, OwnedValue) {
    match ty.collation() {
        Some(id) => (
            Value::text(id.get().charset.name),
            Value::text(id.get().name),
        ),
        None => (Value::Null, Value::Null),
    }
}

/// About how many bytes a row of a table has, as Dolt reckons.
pub(crate) fn average_row_length(def: &TableDef) -> u64 {
    def.columns
        .iter()
        .map(|c| match &c.ty {
            SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) => c.ty.max_bytes(),
            SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => c.ty.max_bytes(),
            SqlType::Decimal { .. } => 30,
            SqlType::Enum(..) => 2,
            SqlType::Json => 20,
            SqlType::Time(_) => 16,
            SqlType::Set(..) | SqlType::Geometry(..) | SqlType::Vector(_) => 0,
            _ => 8,
        })
        .sum()
}

fn number(n: u64) -> OwnedValue {
    Value::UInt(n)
}
