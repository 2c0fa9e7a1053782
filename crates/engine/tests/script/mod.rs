//! Statements and the rows that they give, for tests.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::instance::{Clock, Instance, Settings};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::session::Session;

/// One second later at each look.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now_micros(&self) -> i64 {
        self.0.fetch_add(1_000_000, Ordering::SeqCst)
    }
}

#[derive(Default)]
struct Lines {
    types: Vec<values::SqlType>,
    rows: Vec<String>,
}

impl ResultSink for Lines {
    fn columns(&mut self, columns: &[ColumnMeta]) -> engine::error::Result<()> {
        self.types = columns.iter().map(|c| c.ty.clone()).collect();
        self.rows.clear();
        Ok(())
    }

    fn row(&mut self, row: &dyn Row) -> engine::error::Result<Flow> {
        let mut cells = Vec::new();
        for i in 0..row.len() {
            let value = row.get(i)?;
            cells.push(match value.is_null() {
                true => "NULL".to_string(),
                false => {
                    let mut out = Vec::new();
                    values::render_text(&value, &self.types[i], &mut out);
                    String::from_utf8_lossy(&out).into_owned()
                }
            });
        }
        self.rows.push(cells.join(","));
        Ok(Flow::Continue)
    }

    fn done(&mut self, _: &Done, _: bool) -> engine::error::Result<()> {
        Ok(())
    }
}

/// A server and one of its sessions.
pub struct Script {
    /// The server.
    pub instance: Arc<Instance>,
    /// The session.
    pub session: Session,
}

impl Script {
    /// A server in memory with a database `db`.
    pub fn new() -> Script {
        let script = Script::on(|clock| Instance::in_memory(Settings::default(), clock));
        script.run("create database db");
        script.run("use db");
        script
    }

    /// A session of a server that is opened with a clock of its own.
    pub fn on(open: impl FnOnce(Arc<dyn Clock>) -> Instance) -> Script {
        let clock = Arc::new(Ticking(AtomicI64::new(1_700_000_000_000_000)));
        let instance = Arc::new(open(clock));
        let session = Session::new(&instance, 1, "root", "localhost");
        Script { instance, session }
    }

    /// Another session.
    pub fn other(&self) -> Script {
        let id = self.instance.next_connection_id();
        let session = Session::new(&self.instance, id, "root", "localhost");
        let script = Script {
            instance: self.instance.clone(),
            session,
        };
        script.run("use db");
        script
    }

    /// Rows of a statement, joined by `;`, or its error.
    pub fn give(&self, sql: &str) -> String {
        let mut sink = Lines::default();
        match self.session.execute(sql.as_bytes(), false, &mut sink) {
            Ok(()) => sink.rows.join(";"),
            Err(e) => format!("error: {}", e.message),
        }
    }

    /// Runs a statement that must work.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        let given = self.give(sql);
        assert!(!given.starts_with("error: "), "{sql}\n{given}");
    }

    /// Runs a statement that must give this.
    #[track_caller]
    pub fn check(&self, sql: &str, expected: &str) {
        assert_eq!(self.give(sql), expected, "{sql}");
    }
}
