//! information_schema, mysql and performance_schema.

use std::sync::Arc;

use crate::error::Result;
use crate::session::Session;
use crate::virtual_table::VirtualTable;

/// Whether a database is one of the server's own.
pub fn is_system(db: &str) -> bool {
    ["information_schema", "mysql", "performance_schema", "sys"]
        .iter()
        .any(|s| s.eq_ignore_ascii_case(db))
}

/// A table of a system database; none when the database is an ordinary one.
pub fn table(_session: &Session, _db: &str, _name: &str) -> Result<Option<Arc<dyn VirtualTable>>> {
    Ok(None)
}
