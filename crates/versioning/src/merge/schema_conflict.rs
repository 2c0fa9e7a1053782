//! Schema conflicts and their texts (spec 05 §4).

use model::{Root, Schema, Table};

use super::root_merge::TableHashes;
use super::schema_merge::merge_schemas;
use crate::{Result, RowLogic};

/// Why the schemas of a table cannot be merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaConflict {
    /// The table.
    pub table: String,
    /// One text per conflict; some conflicts have an empty one.
    pub messages: Vec<String>,
    /// One side dropped the table, the other changed it.
    pub modify_delete: bool,
}

/// The text of a table that one side dropped and the other changed.
const MODIFY_DELETE: &str = "table was modified in one branch and deleted in the other";

impl SchemaConflict {
    /// A table that one side dropped and the other changed.
    pub fn modify_delete(table: &str) -> SchemaConflict {
        SchemaConflict {
            table: table.to_owned(),
            messages: vec![MODIFY_DELETE.to_owned()],
            modify_delete: true,
        }
    }

    /// How many conflicts there are.
    pub fn count(&self) -> usize {
        self.messages.len()
    }
}

impl std::fmt::Display for SchemaConflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "merge aborted: schema conflict found for table {} \n please resolve schema conflicts before merging: ",
            self.table
        )?;
        self.messages.iter().try_for_each(|m| write!(f, "\n\t{m}"))
    }
}

/// A row of dolt_schema_conflicts, with schemas instead of texts.
pub struct SchemaConflictRow {
    /// The table.
    pub table: String,
    /// The table in the base; none if it is not there.
    pub base: Option<Table>,
    /// Our table.
    pub ours: Option<Table>,
    /// Their table.
    pub theirs: Option<Table>,
    /// What conflicts.
    pub description: String,
}

/// Recomputes the schema conflicts of tables that could not be merged (spec 05 §11.5).
pub fn schema_conflicts(
    ours: &Root,
    theirs: &Root,
    base: &Root,
    tables: &[String],
    logic: &dyn RowLogic,
) -> Result<Vec<SchemaConflictRow>> {
    let mut rows = Vec::new();
    for name in tables {
        let open = |root: &Root| -> Result<Option<Table>> { Ok(root.table(name)?.map(|t| t.1)) };
        let (o, t, b) = (open(ours)?, open(theirs)?, open(base)?);
        let description = match (&o, &t, &b) {
            (Some(o), Some(t), Some(b)) => {
                let schemas: [&Schema; 3] = [o.schema(), t.schema(), b.schema()];
                match merge_schemas(name, schemas[0], schemas[1], schemas[2], logic)? {
                    Err(conflict) => conflict.messages.join("\n"),
                    Ok(_) => continue,
                }
            }
            _ => {
                let survivor = o.as_ref().or(t.as_ref());
                let same = match (survivor, &b) {
                    (Some(s), Some(b)) => s.layout().schema_hash() == b.layout().schema_hash(),
                    _ => false,
                };
                let hashes = TableHashes::of(ours, theirs, base, name)?;
                if hashes.left.is_some() && hashes.right.is_some() {
                    continue;
                }
                match same {
                    true => "cannot merge a table deletion with data modification",
                    false => "cannot merge a table deletion with schema modification",
                }
                .to_owned()
            }
        };
        rows.push(SchemaConflictRow {
            table: name.clone(),
            base: b,
            ours: o,
            theirs: t,
            description,
        });
    }
    Ok(rows)
}
