//! `@@dolt_override_schema`: tables read with the columns that they have in another revision
//! (spec 04 §7).

use std::sync::Arc;

use model::{RevSpec, Root, Schema, Table};
use values::Value;
use versioning::ColumnMap;

use super::revision;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::session::{DbRef, Session};
use crate::virtual_table::{Hints, VirtualColumn, VirtualTable};

/// The root whose schemas are shown; none where tables are shown as they are.
pub fn root(session: &Session, db: &DbRef) -> Result<Option<Root>> {
    let modes = session.modes();
    let text = modes.schema_override.as_str();
    if text.is_empty() {
        return Ok(None);
    }
    RevSpec::parse(text).map_err(|e| {
        Error::general(format!(
            "invalid commit spec specified in dolt_override_schema: {e}"
        ))
    })?;
    let commit = revision::commit(db, text).map_err(|e| {
        Error::general(format!(
            "unable to resolve schema override value: {}",
            e.message
        ))
    })?;
    revision::commit_root(db, commit).map(Some)
}

/// The schema of a table in the root that is shown.
pub fn schema_of(root: &Root, name: &str) -> Result<Arc<Schema>> {
    match root.table(name)? {
        Some((_, table)) => Ok(table.schema().clone()),
        None => Err(Error::general(format!(
            "unable to find table '{name}' at overridden schema root"
        ))),
    }
}

/// A table with the columns of another version of it.
pub struct Overridden {
    name: String,
    db: String,
    /// None where only the other version exists: there are no rows.
    rows: Option<Table>,
    schema: Arc<Schema>,
    columns: Vec<VirtualColumn>,
}

impl std::fmt::Debug for Overridden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Overridden").field(&self.name).finish()
    }
}

impl Overridden {
    /// The table `name`, whose rows are those of `rows`.
    pub fn new(root: &Root, db: &str, name: &str, rows: Option<Table>) -> Result<Overridden> {
        let schema = schema_of(root, name)?;
        let columns = schema.columns.iter().enumerate().map(|(i, c)| {
            let mut v = VirtualColumn::new(&c.name, c.sql_type.clone(), c.nullable);
            v.primary_key = schema.primary_key.contains(&i);
            v.hidden = c.hidden || c.hidden_system;
            v
        });
        Ok(Overridden {
            name: name.to_string(),
            db: db.to_string(),
            rows,
            columns: columns.collect(),
            schema,
        })
    }
}

impl VirtualTable for Overridden {
    fn name(&self) -> &str {
        &self.name
    }

    fn database(&self) -> &str {
        &self.db
    }

    fn columns(&self) -> &[VirtualColumn] {
        &self.columns
    }

    fn scan(
        &self,
        cx: &Context<'_>,
        _: &[values::OwnedValue],
        _: &Hints,
        emit: &mut dyn FnMut(Vec<Value<'static>>) -> Result<Flow>,
    ) -> Result<Flow> {
        let Some(table) = &self.rows else {
            return Ok(Flow::Continue);
        };
        let map = ColumnMap::pinned(table, &self.schema);
        for run in table.rows()?.all()? {
            cx.check_interrupt()?;
            for (key, value) in run?.iter() {
                let row = map.values(key, value).map_err(|e| {
                    Error::general(format!("unable to convert value to overridden schema: {e}"))
                })?;
                for _ in 0..map.reader().count(value) {
                    if emit(row.clone())? == Flow::Stop {
                        return Ok(Flow::Stop);
                    }
                }
            }
        }
        Ok(Flow::Continue)
    }
}
