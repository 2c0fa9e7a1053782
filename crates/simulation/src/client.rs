//! A session of the engine, and its rows as text.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::error::{Error, Result};
use engine::instance::{Clock, Instance};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::session::Session;

/// One millisecond later at each look.
pub(crate) struct Ticking(pub AtomicI64);

impl Clock for Ticking {
    fn now_micros(&self) -> i64 {
        self.0.fetch_add(1000, Ordering::SeqCst)
    }
}

/// Rows of a result, as text.
pub(crate) type TextRows = Vec<Vec<String>>;

#[derive(Default)]
struct Texts {
    types: Vec<values::SqlType>,
    rows: TextRows,
}

impl ResultSink for Texts {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        self.types = columns.iter().map(|c| c.ty.clone()).collect();
        self.rows.clear();
        Ok(())
    }

    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        let mut cells = Vec::with_capacity(row.len());
        for i in 0..row.len() {
            let value = row.get(i)?;
            let mut out = Vec::new();
            if !value.is_null() {
                values::render_text(&value, &self.types[i], &mut out);
            }
            cells.push(String::from_utf8_lossy(&out).into_owned());
        }
        self.rows.push(cells);
        Ok(Flow::Continue)
    }

    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        Ok(())
    }
}

/// A connection.
pub(crate) struct Client {
    session: Session,
}

impl Client {
    pub fn new(instance: &Arc<Instance>) -> Client {
        let id = instance.next_connection_id();
        Client {
            session: Session::new(instance, id, "root", "localhost"),
        }
    }

    pub fn run(&self, sql: &str) -> std::result::Result<TextRows, Error> {
        let mut sink = Texts::default();
        self.session.execute(sql.as_bytes(), false, &mut sink)?;
        Ok(sink.rows)
    }
}
