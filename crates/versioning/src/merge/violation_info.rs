//! The JSON texts that name a violated constraint (spec 05 §10).

use model::{Check, ForeignKey, Index, ReferentialAction, Schema};

use crate::artifact_text::{push_string, push_strings};

/// Text of a unique index.
pub fn unique(schema: &Schema, index: &Index) -> String {
    let columns: Vec<&str> = index
        .columns
        .iter()
        .map(|c| schema.columns[*c].name.as_str())
        .collect();
    let mut out = String::from("{\"Columns\":");
    push_strings(&columns, &mut out);
    out.push_str(",\"Name\":");
    push_string(&index.name, &mut out);
    out.push('}');
    out
}

/// Text of a check.
pub fn check(check: &Check) -> String {
    let mut out = String::from("{\"Name\":");
    push_string(&check.name, &mut out);
    out.push_str(",\"Expression\":");
    push_string(&check.expression, &mut out);
    out.push('}');
    out
}

/// Text of columns that must not be NULL.
pub fn not_null(columns: &[&str]) -> String {
    let mut out = String::from("{\"Columns\":");
    push_strings(columns, &mut out);
    out.push('}');
    out
}

fn action(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull => "SET NULL",
        ReferentialAction::SetDefault => "SET DEFAULT",
        _ => "RESTRICT",
    }
}

/// Text of a foreign key.
pub fn foreign_key(key: &ForeignKey, child: &Schema, parent: &Schema) -> String {
    let names = |schema: &Schema, tags: &[u64]| -> Vec<String> {
        tags.iter()
            .filter_map(|t| schema.column_by_tag(*t).map(|(_, c)| c.name.clone()))
            .collect()
    };
    let mut out = String::from("{\"Columns\":");
    push_strings(&names(child, &key.child_columns), &mut out);
    for (member, text) in [
        ("ForeignKey", key.name.as_str()),
        ("Index", &key.child_index),
        ("OnDelete", action(key.on_delete)),
        ("OnUpdate", action(key.on_update)),
    ] {
        out.push_str(&format!(",\"{member}\":"));
        push_string(text, &mut out);
    }
    out.push_str(",\"ReferencedColumns\":");
    push_strings(&names(parent, &key.parent_columns), &mut out);
    for (member, text) in [
        ("ReferencedIndex", &key.parent_index),
        ("ReferencedTable", &key.parent_table),
        ("Table", &key.child_table),
    ] {
        out.push_str(&format!(",\"{member}\":"));
        push_string(text, &mut out);
    }
    out.push('}');
    out
}
