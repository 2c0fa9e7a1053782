//! Version control through SQL: procedures, system tables and functions (spec 04).

use std::sync::Arc;

use values::OwnedValue;

use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::session::{DbRef, Session};
use crate::transaction::Transaction;
use crate::virtual_table::VirtualTable;

/// Result set of a procedure.
pub struct ProcedureResult {
    /// Columns.
    pub columns: Vec<ColumnMeta>,
    /// Rows.
    pub rows: Vec<Vec<OwnedValue>>,
}

/// CALL of a procedure; none when there is no such procedure.
pub fn call(_session: &Session, _name: &str, _args: &[String]) -> Result<Option<ProcedureResult>> {
    Ok(None)
}

/// A system table of a database.
pub fn table(
    _session: &Session,
    _db: &DbRef,
    _name: &str,
    _as_of: Option<&OwnedValue>,
) -> Result<Option<Arc<dyn VirtualTable>>> {
    Ok(None)
}

/// A table function.
pub fn function(
    _session: &Session,
    _db: &DbRef,
    _name: &str,
    _args: &[Option<OwnedValue>],
) -> Result<Option<Arc<dyn VirtualTable>>> {
    Ok(None)
}

/// A scalar function that needs the session.
pub fn scalar(_session: &Session, name: &str, _args: &[OwnedValue]) -> Result<OwnedValue> {
    Err(Error::unknown_function(name))
}

/// What must hold before a transaction is committed.
pub fn before_commit(_session: &Session, _tx: &Transaction) -> Result<()> {
    Ok(())
}
