//! What the protocol needs of a database: sessions that run statements.

use std::sync::Arc;

use engine::accounts::{AccountName, Accounts};
use engine::error::Result;
use engine::instance::CacheFigures;
use engine::result::{ColumnMeta, ResultSink};
use values::{CollationId, OwnedValue};

/// Who has connected.
#[derive(Clone, Debug)]
pub struct Login {
    /// Number of the connection.
    pub connection_id: u32,
    /// User as the client gave it.
    pub user: String,
    /// Where the client is: `localhost` or an address.
    pub client_host: String,
    /// The account whose password was proved.
    pub account: AccountName,
}

/// A server's databases.
pub trait Backend: Send + Sync + 'static {
    /// Who may connect.
    fn accounts(&self) -> &Accounts;
    /// A session for a client that has been let in.
    fn open_session(&self, login: &Login) -> Result<Box<dyn BackendSession>>;
    /// What the caches of all databases hold, and how often they had what was asked for.
    fn cache_figures(&self) -> CacheFigures;
}

/// A prepared statement.
#[derive(Clone, Debug)]
pub struct PreparedInfo {
    /// Number by which it is executed.
    pub id: u32,
    /// Parameters.
    pub params: usize,
    /// Columns of its result, if it has one.
    pub columns: Vec<ColumnMeta>,
}

/// One client's session; used by one thread at a time.
pub trait BackendSession: Send {
    /// Runs the statements of `sql`; only one unless `multi`. Stops at the first error.
    fn execute(&self, sql: &[u8], multi: bool, sink: &mut dyn ResultSink) -> Result<()>;
    /// Prepares a statement.
    fn prepare(&self, sql: &[u8]) -> Result<PreparedInfo>;
    /// Runs a prepared statement.
    fn execute_prepared(
        &self,
        id: u32,
        params: Vec<OwnedValue>,
        sink: &mut dyn ResultSink,
    ) -> Result<()>;
    /// Forgets a prepared statement.
    fn close_prepared(&self, id: u32);
    /// Makes a database current.
    fn use_database(&self, name: &str) -> Result<()>;
    /// As if newly connected, but in the same database.
    fn reset(&self);
    /// Becomes the session of another account, in no database.
    fn change_user(&self, login: &Login) -> Result<()>;
    /// The client's collation, and whether matched rows are reported.
    fn set_client(&self, collation: CollationId, found_rows: bool);
    /// Status flags of OK and EOF packets.
    fn status_flags(&self) -> u16;
    /// Warnings of the last statement.
    fn warning_count(&self) -> u16;
    /// Collation in which results are announced.
    fn results_collation(&self) -> CollationId;
    /// Ends the session's statement from another thread.
    fn interrupt_handle(&self) -> Arc<dyn InterruptHandle>;
}

/// Ends a session's statement or connection from another thread.
pub trait InterruptHandle: Send + Sync {
    /// The running statement fails with error 1317.
    fn kill_query(&self);
    /// As [`InterruptHandle::kill_query`], and the connection is to be closed.
    fn kill_connection(&self);
    /// Whether the connection is to be closed.
    fn is_connection_killed(&self) -> bool;
}
