//! information_schema, mysql and performance_schema.

mod account_rows;
pub(crate) mod column_facts;
mod definitions;
mod grants;
mod information;
pub(crate) mod program_rows;
pub(crate) mod server_facts;
pub(crate) mod sight;
pub(crate) mod stored_programs;

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use values::OwnedValue;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::root_state::TableState;
use crate::session::Session;
use crate::virtual_table::{Hints, VirtualColumn, VirtualTable};

use sight::SeenDatabase;

/// Databases of the server's own.
const SYSTEM: &[&str] = &["information_schema", "mysql", "performance_schema", "sys"];

/// Whether a database is one of the server's own.
pub fn is_system(db: &str) -> bool {
    SYSTEM.iter().any(|s| s.eq_ignore_ascii_case(db))
}

/// A table of a system database; none when the database is an ordinary one.
pub fn table(_session: &Session, db: &str, name: &str) -> Result<Option<Arc<dyn VirtualTable>>> {
    if !is_system(db) {
        return Ok(None);
    }
    let key = (db.to_ascii_lowercase(), name.to_ascii_lowercase());
    match REGISTRY.get(&key) {
        Some(t) => Ok(Some(t.clone())),
        None => Err(Error::unknown_table_missing(key.0, name)),
    }
}

/// Names of the tables of a system database.
pub(crate) fn table_names(db: &str) -> Vec<String> {
    tables_of(db).map(|t| t.name.clone()).collect()
}

/// Tables of a system database.
pub(crate) fn tables_of(db: &str) -> impl Iterator<Item = &'static Arc<SystemTable>> {
    let db = db.to_ascii_lowercase();
    REGISTRY
        .iter()
        .filter(move |((d, _), _)| *d == db)
        .map(|(_, t)| t)
}

static REGISTRY: LazyLock<BTreeMap<(String, String), Arc<SystemTable>>> = LazyLock::new(|| {
    definitions::all()
        .into_iter()
        .map(|t| ((t.db.to_string(), t.name.to_ascii_lowercase()), Arc::new(t)))
        .collect()
});

/// What a scan is narrowed to.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Narrowed {
    /// Name of the database.
    pub schema: Option<String>,
    /// Name of the table.
    pub table: Option<String>,
}

/// A table of a system database.
pub(crate) struct SystemTable {
    db: &'static str,
    name: String,
    columns: Vec<VirtualColumn>,
}

impl fmt::Debug for SystemTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.db, self.name)
    }
}

impl SystemTable {
    /// The scan's conditions on the columns that name a database and a table.
    fn narrowed(&self, hints: &Hints) -> Narrowed {
        let mut out = Narrowed::default();
        for (i, c) in self.columns.iter().enumerate() {
            let place = match c.name.to_ascii_uppercase().as_str() {
                "TABLE_SCHEMA" | "CONSTRAINT_SCHEMA" | "SCHEMA_NAME" | "TRIGGER_SCHEMA"
                | "ROUTINE_SCHEMA" | "SPECIFIC_SCHEMA" | "INDEX_SCHEMA" => &mut out.schema,
                "TABLE_NAME" => &mut out.table,
                _ => continue,
            };
            if place.is_none() {
                *place = hints.text(i);
            }
        }
        out
    }
}

impl VirtualTable for SystemTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn database(&self) -> &str {
        self.db
    }

    fn columns(&self) -> &[VirtualColumn] {
        &self.columns
    }

    fn scan(
        &self,
        cx: &Context<'_>,
        _args: &[OwnedValue],
        hints: &Hints,
        emit: &mut dyn FnMut(Vec<OwnedValue>) -> Result<Flow>,
    ) -> Result<Flow> {
        let narrowed = self.narrowed(hints);
        // A join asks again for every row on its other side: one statement computes rows once.
        let mut hasher = DefaultHasher::new();
        (self.db, &self.name, &narrowed).hash(&mut hasher);
        let number = (hasher.finish() | 1 << 63) as usize;
        let rows = match cx.cached_rows(number) {
            Some(rows) => rows,
            None => {
                let rows = match self.db {
                    "information_schema" => information::rows(cx.session, &self.name, &narrowed)?,
                    _ => grants::rows(cx.session, self.db, &self.name)?,
                };
                let width = self.columns.len();
                let rows = rows
                    .into_iter()
                    .map(|mut r| {
                        r.resize(width, values::Value::Null);
                        Arc::from(r)
                    })
                    .collect();
                cx.cache_rows(number, rows)
            }
        };
        for row in rows.iter() {
            cx.check_interrupt()?;
            if emit(row.to_vec())? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}

/// Rows of a table as the session sees them.
pub(crate) fn row_count(session: &Session, seen: &SeenDatabase, t: &TableState) -> u64 {
    use crate::session::Revision;
    let pending = || -> Option<u64> {
        let Revision::Branch(branch) = &seen.db.revision else {
            return None;
        };
        let mut tx = session.open_transaction();
        let b = tx.branch(&seen.db.handle, branch).ok()?;
        if b.tables.is_empty() {
            return None;
        }
        let view = b.read_view(&t.name).ok()??;
        drop(tx);
        view.overlay.as_ref()?;
        let mut n = 0u64;
        crate::exec::table_rows(&view, &mut |_| {
            n += 1;
            Ok(Flow::Continue)
        })
        .ok()?;
        Some(n)
    };
    pending().unwrap_or_else(|| t.view.primary.root.tree_count())
}
