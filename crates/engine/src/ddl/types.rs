//! Types
use values::{SqlType, CollationId}; use syntax::ast; use crate::error::*;
/// x
pub fn column_type(_: &ast::DataType, _: Option<CollationId>) -> Result<SqlType> { Err(Error::not_supported("x")) }
