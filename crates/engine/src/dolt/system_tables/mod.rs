//! System tables and table functions (spec 04 §5, §6).

use std::sync::Arc;

use values::OwnedValue;

use crate::error::Result;
use crate::session::{DbRef, Session};
use crate::virtual_table::VirtualTable;

/// A system table of a database.
pub fn table(_: &Session, _: &DbRef, _: &str, _: Option<&OwnedValue>) -> Result<Option<Arc<dyn VirtualTable>>> {
    Ok(None)
}

/// A table function.
pub fn function(_: &Session, _: &DbRef, _: &str, _: &[Option<OwnedValue>]) -> Result<Option<Arc<dyn VirtualTable>>> {
    Ok(None)
}
