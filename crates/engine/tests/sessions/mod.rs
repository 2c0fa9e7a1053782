//! Sessions on an instance in memory, and what their statements give as text.

use std::sync::Arc;

use engine::instance::{Clock, Instance, Settings};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::session::Session;

struct Stopped;

impl Clock for Stopped {
    fn now_micros(&self) -> i64 {
        1_700_000_000_000_000
    }
}

#[derive(Default)]
struct Rows(Vec<String>);

impl ResultSink for Rows {
    fn columns(&mut self, _: &[ColumnMeta]) -> engine::error::Result<()> {
        Ok(())
    }
    fn row(&mut self, row: &dyn Row) -> engine::error::Result<Flow> {
        let cells: engine::error::Result<Vec<String>> = (0..row.len())
            .map(|i| Ok(format!("{:?}", row.get(i)?)))
            .collect();
        self.0.push(cells?.join(","));
        Ok(Flow::Continue)
    }
    fn done(&mut self, done: &Done, _: bool) -> engine::error::Result<()> {
        self.0.push(format!("{} affected", done.affected_rows));
        Ok(())
    }
}

/// An instance in memory with the database `d`.
pub fn instance() -> Arc<Instance> {
    let mut instance = Instance::in_memory(Settings::default(), Arc::new(Stopped));
    instance.settings.user_name = "test".into();
    let instance = Arc::new(instance);
    try_run(
        &Session::new(&instance, 1, "root", "localhost"),
        "CREATE DATABASE d",
    )
    .unwrap();
    instance
}

/// A session that uses `d`, and waits for locks as long as it takes on a busy machine.
pub fn session(instance: &Arc<Instance>, id: u32) -> Session {
    let session = Session::new(instance, id, "root", "localhost");
    session.use_database("d").unwrap();
    try_run(&session, "SET innodb_lock_wait_timeout = 50").unwrap();
    session
}

/// The rows of a statement, cells divided by commas, and what it affected; or its error.
pub fn try_run(session: &Session, sql: &str) -> Result<Vec<String>, String> {
    let mut rows = Rows::default();
    match session.execute(sql.as_bytes(), true, &mut rows) {
        Ok(()) => Ok(rows.0),
        Err(e) => Err(format!("{} {}", e.code, e.message)),
    }
}

/// The rows of a statement that does not fail.
pub fn run(session: &Session, sql: &str) -> Vec<String> {
    try_run(session, sql).unwrap_or_else(|e| panic!("{sql:.200}: {e}"))
}
