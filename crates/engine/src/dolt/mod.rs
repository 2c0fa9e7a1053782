//! Version control through SQL: procedures, system tables and functions (spec 04).

mod arguments;
pub(crate) mod branch_edit;
pub mod commit;
mod concurrent;
mod functions;
mod ignore;
mod logic;
pub mod nonlocal;
mod procedures;
pub use procedures::has_procedure;
mod revision;
pub mod row_statements;
pub mod schema_override;
mod staging;
mod system_tables;
mod system_writes;
pub mod validate;
mod verification;

use std::sync::Arc;

use values::OwnedValue;

use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::session::{DbRef, Session};
use crate::virtual_table::VirtualTable;

pub use concurrent::merge_working_sets;
pub use functions::scalar;
pub use procedures::{clone_directory, new_remote};
pub use revision::{seen_head, working_root};
pub use system_writes::change;
pub(crate) use system_writes::{Rows, select, tail};
pub use validate::before_commit;

/// Result set of a procedure.
pub struct ProcedureResult {
    /// Columns.
    pub columns: Vec<ColumnMeta>,
    /// Rows.
    pub rows: Vec<Vec<OwnedValue>>,
}

impl From<versioning::Error> for Error {
    fn from(e: versioning::Error) -> Error {
        crate::error::storage(e)
    }
}

impl From<remotes::Error> for Error {
    fn from(e: remotes::Error) -> Error {
        crate::error::storage(e)
    }
}

/// CALL of a procedure; none when there is no such procedure.
pub fn call(session: &Session, name: &str, args: &[String]) -> Result<Option<ProcedureResult>> {
    procedures::call(session, name, args)
}

/// Whether a procedure reaches outside the database and asks for EXECUTE on itself.
pub fn is_admin_procedure(name: &str) -> bool {
    procedures::is_admin(name)
}

/// A system table of a database.
pub fn table(
    session: &Session,
    db: &DbRef,
    name: &str,
    as_of: Option<&OwnedValue>,
) -> Result<Option<Arc<dyn VirtualTable>>> {
    system_tables::table(session, db, name, as_of)
}

/// A table function.
pub fn function(
    session: &Session,
    db: &DbRef,
    name: &str,
    args: &[Option<OwnedValue>],
) -> Result<Option<Arc<dyn VirtualTable>>> {
    system_tables::function(session, db, name, args)
}
