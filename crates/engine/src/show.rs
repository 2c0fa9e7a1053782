//! SHOW, DESCRIBE, EXPLAIN and table maintenance.

use syntax::ast;
use values::OwnedValue;

use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::session::Session;

type Table = (Vec<ColumnMeta>, Vec<Vec<OwnedValue>>);

/// Result columns of a SHOW, for PREPARE.
pub fn columns(session: &Session, s: &ast::Show) -> Result<Vec<ColumnMeta>> {
    Ok(run(session, s, &[])?.0)
}

/// Runs SHOW.
pub fn run(_session: &Session, _s: &ast::Show, _text: &[u8]) -> Result<Table> {
    Err(Error::not_supported("SHOW"))
}

/// Runs DESCRIBE.
pub fn describe(_session: &Session, _d: &ast::Describe) -> Result<Table> {
    Err(Error::not_supported("DESCRIBE"))
}

/// Runs EXPLAIN.
pub fn explain(_session: &Session, _e: &ast::Explain, _text: &[u8]) -> Result<Table> {
    Err(Error::not_supported("EXPLAIN"))
}

/// Runs ANALYZE, CHECK, OPTIMIZE and the like.
pub fn maintain(_session: &Session, _m: &ast::TableMaintenance) -> Result<Table> {
    Err(Error::not_supported("table maintenance"))
}
