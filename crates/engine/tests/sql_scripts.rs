//! Runs the scripts of `tests/sql` and compares what they print.
//!
//! A script is a list of blocks: SQL up to a line `----`, then the expected result up to an empty
//! line. A result is the column names and the rows, separated by tabs, with `\n` for a line feed
//! and NULL for NULL; `ok` and the affected rows for a statement without rows; `error`, number and
//! text for one that fails. With `DOLT_RS_BLESS=1` in the environment the results are written
//! instead of compared.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use engine::error::Result;
use engine::instance::{Clock, Instance, Settings};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::session::Session;

/// A clock that stands still, so that results do not change.
struct Stopped;

impl Clock for Stopped {
    fn now_micros(&self) -> i64 {
        1_700_000_000_000_000
    }
}

#[derive(Default)]
struct Collect {
    types: Vec<values::SqlType>,
    out: String,
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

impl ResultSink for Collect {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        self.types = columns.iter().map(|c| c.ty.clone()).collect();
        let names: Vec<String> = columns.iter().map(|c| escaped(&c.name)).collect();
        let _ = writeln!(self.out, "{}", names.join("\t"));
        Ok(())
    }

    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        let mut line = Vec::new();
        for i in 0..row.len() {
            let mut field = Vec::new();
            match row.get(i)? {
                values::Value::Null => field.extend_from_slice(b"NULL"),
                v => values::render_text(&v, &self.types[i], &mut field),
            }
            line.push(escaped(&String::from_utf8_lossy(&field)));
        }
        let _ = writeln!(self.out, "{}", line.join("\t"));
        Ok(Flow::Continue)
    }

    fn done(&mut self, done: &Done, _more: bool) -> Result<()> {
        if self.types.is_empty() {
            let _ = writeln!(self.out, "ok {}", done.affected_rows);
        }
        self.types.clear();
        Ok(())
    }
}

fn run(session: &Session, sql: &str) -> String {
    let mut sink = Collect::default();
    if let Err(e) = session.execute(sql.as_bytes(), true, &mut sink) {
        let _ = writeln!(sink.out, "error {} {}", e.code, escaped(&e.message));
    }
    sink.out
}

fn check(path: &Path) -> std::result::Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let instance = Arc::new(Instance::in_memory(Settings::default(), Arc::new(Stopped)));
    let session = Session::new(&instance, 1, "root", "localhost");
    run(&session, "CREATE DATABASE db");
    run(&session, "USE db");
    let (mut blessed, mut wrong) = (String::new(), String::new());
    for block in text
        .split("\n\n")
        .map(|b| b.trim_matches('\n'))
        .filter(|b| !b.is_empty())
    {
        let (sql, expected) = match block.split_once("\n----") {
            Some((sql, expected)) => (sql, expected.trim_start_matches('\n')),
            None => (block, ""),
        };
        let got = run(&session, sql);
        let got = got.trim_end_matches('\n');
        let _ = write!(blessed, "{sql}\n----\n{got}\n\n");
        if got != expected {
            let _ = writeln!(wrong, "{sql}\n  expected:\n{expected}\n  got:\n{got}\n");
        }
    }
    if std::env::var_os("DOLT_RS_BLESS").is_some() {
        return std::fs::write(path, blessed).map_err(|e| e.to_string());
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{}:\n{wrong}", path.display()))
    }
}

#[test]
fn scripts() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .expect("the directory of scripts stands beside this file")
        .map(|e| e.expect("its entries can be read").path())
        .filter(|p| p.extension().is_some_and(|e| e == "test"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let failed: Vec<String> = paths.iter().filter_map(|p| check(p).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
