//! Sessions.
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use syntax::ast::VarScope;
use values::{DateTime, OwnedValue, Value};
use crate::error::{Error, Result};

pub struct Session {
    pub found_rows: Cell<u64>,
    user_variables: RefCell<HashMap<String, OwnedValue>>,
}
impl Session {
    pub fn statement_time(&self) -> (DateTime, i64) { (DateTime::from_unix_micros(0).unwrap(), 0) }
    pub fn conversion_modes(&self) -> values::conversion::Modes { Default::default() }
    pub fn check_interrupt(&self) -> Result<()> { Ok(()) }
    pub fn local(&self, _: usize) -> OwnedValue { Value::Null }
    pub fn variable(&self, _: &str) -> OwnedValue { Value::Null }
    pub fn user_variable(&self, n: &str) -> OwnedValue { self.user_variables.borrow().get(n).cloned().unwrap_or(Value::Null) }
    pub fn set_user_variable(&self, n: &str, v: OwnedValue) { self.user_variables.borrow_mut().insert(n.into(), v); }
    pub fn system_variable(&self, _: Option<VarScope>, n: &str) -> Result<OwnedValue> { Err(Error::unknown_variable(n)) }
}
