//! Sessions.
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use syntax::ast::VarScope;
use values::{DateTime, OwnedValue, Value};

use crate::error::{Error, Result};
use crate::functions::locks::UserLocks;
use crate::time_zone::Zone;

/// A client's session.
#[derive(Default)]
pub struct Session {
    /// Rows of the last query before its LIMIT.
    pub found_rows: Cell<u64>,
    last_insert_id: Cell<u64>,
    locks: UserLocks,
    user_variables: RefCell<HashMap<String, OwnedValue>>,
}

#[allow(missing_docs)]
impl Session {
    pub fn statement_time(&self) -> (DateTime, i64) {
        let micros = 1_700_000_000_123_456;
        (DateTime::from_unix_micros(micros).unwrap_or(DateTime::ZERO), micros)
    }
    pub fn conversion_modes(&self) -> values::conversion::Modes {
        Default::default()
    }
    pub fn check_interrupt(&self) -> Result<()> {
        Ok(())
    }
    pub fn local(&self, _: usize) -> OwnedValue {
        Value::Null
    }
    pub fn variable(&self, _: &str) -> OwnedValue {
        Value::Null
    }
    pub fn user_variable(&self, n: &str) -> OwnedValue {
        self.user_variables.borrow().get(n).cloned().unwrap_or(Value::Null)
    }
    pub fn set_user_variable(&self, n: &str, v: OwnedValue) {
        self.user_variables.borrow_mut().insert(n.into(), v);
    }
    pub fn system_variable(&self, _: Option<VarScope>, n: &str) -> Result<OwnedValue> {
        Err(Error::unknown_variable(n))
    }
    pub fn last_insert_id(&self) -> u64 {
        self.last_insert_id.get()
    }
    pub fn set_last_insert_id(&self, id: u64) {
        self.last_insert_id.set(id);
    }
    pub fn row_count(&self) -> i64 {
        -1
    }
    pub fn connection_id(&self) -> u32 {
        1
    }
    pub fn current_database(&self) -> Option<String> {
        None
    }
    pub fn user_host(&self) -> String {
        "root@localhost".into()
    }
    pub fn account(&self) -> String {
        "root@%".into()
    }
    pub fn time_zone(&self) -> Zone {
        Zone::UTC
    }
    pub fn user_locks(&self) -> &UserLocks {
        &self.locks
    }
    pub fn dolt_function(&self, name: &str, _: &[Value<'_>]) -> Result<OwnedValue> {
        Err(Error::not_supported(name))
    }
}
