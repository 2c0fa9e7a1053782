//! Runs the SQL of standard input against the databases of a directory and prints the results.

use std::io::Read;
use std::sync::Arc;

use engine::instance::{Instance, Settings, SystemClock};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::session::Session;

struct Print {
    types: Vec<values::SqlType>,
}

impl ResultSink for Print {
    fn columns(&mut self, columns: &[ColumnMeta]) -> engine::error::Result<()> {
        self.types = columns.iter().map(|c| c.ty.clone()).collect();
        println!(
            "{}",
            columns
                .iter()
                .map(|c| c.name.as_str())
                .collect::<Vec<_>>()
                .join("\t")
        );
        Ok(())
    }
    fn row(&mut self, row: &dyn Row) -> engine::error::Result<Flow> {
        let mut line = Vec::new();
        for i in 0..row.len() {
            if i > 0 {
                line.push(b'\t');
            }
            match row.get(i)? {
                values::Value::Null => line.extend_from_slice(b"NULL"),
                v => values::render_text(&v, &self.types[i], &mut line),
            }
        }
        println!("{}", String::from_utf8_lossy(&line));
        Ok(Flow::Continue)
    }
    fn done(&mut self, done: &Done, _: bool) -> engine::error::Result<()> {
        if self.types.is_empty() {
            println!(
                "OK {} {} {}",
                done.affected_rows, done.last_insert_id, done.info
            );
        }
        self.types.clear();
        Ok(())
    }
}

fn main() {
    let dir = std::env::args().nth(1);
    let clock = Arc::new(SystemClock);
    let instance = match dir {
        Some(dir) => Instance::open(dir.as_ref(), Settings::default(), clock),
        None => Ok(Instance::in_memory(Settings::default(), clock)),
    };
    let instance = match instance {
        Ok(i) => Arc::new(i),
        Err(e) => return println!("{e}"),
    };
    let session = Session::new(&instance, 1, "root", "localhost");
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() {
        return;
    }
    for part in text.split(";\n").filter(|p| !p.trim().is_empty()) {
        if let Err(e) = session.execute(part.as_bytes(), true, &mut Print { types: Vec::new() }) {
            println!("ERROR {} ({:?}): {}", e.code, e.state, e.message);
        }
    }
}
