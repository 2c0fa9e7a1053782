//! The client of this crate against its server.

mod fake;

use std::io::Read;

use engine::error::{Error, Result};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use fake::{start, start_with};
use server::ConnectionConfig;
use server::client::{Client, Target, Tls};
use values::Value;

/// Results in one line each.
#[derive(Default)]
struct Lines(Vec<String>);

impl ResultSink for Lines {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        self.0.push(names.join(","));
        Ok(())
    }
    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        let mut cells = Vec::new();
        for i in 0..row.len() {
            cells.push(match row.get(i)? {
                Value::Null => "NULL".to_string(),
                Value::Int(n) => n.to_string(),
                Value::Bytes(b) => String::from_utf8_lossy(&b).into_owned(),
                other => format!("{other:?}"),
            });
        }
        self.0.push(cells.join(","));
        Ok(Flow::Continue)
    }
    fn done(&mut self, done: &Done, _: bool) -> Result<()> {
        self.0.push(format!("done {}", done.affected_rows));
        Ok(())
    }
    fn local_file(&mut self, name: &str) -> Result<Box<dyn Read + '_>> {
        assert_eq!(name, "/data.csv");
        Ok(Box::new(&b"one,two,3"[..]))
    }
}

fn target(r: &fake::Running, user: &str, password: &str, tls: Tls) -> Target {
    Target {
        host: "localhost".into(),
        port: r.address.port(),
        user: user.into(),
        password: password.into(),
        database: None,
        tls,
    }
}

fn run(client: &mut Client, sql: &str) -> std::result::Result<Vec<String>, u16> {
    let mut lines = Lines::default();
    client
        .execute(sql.as_bytes(), &mut lines)
        .map(|()| lines.0)
        .map_err(|e: Error| e.code)
}

#[test]
fn passwords_and_tls() {
    for with_tls in [false, true] {
        let r = start_with(ConnectionConfig::default(), with_tls);
        for (user, password) in [
            ("root", ""),
            ("alice", "alice-secret"),
            ("carol", "carol-secret"),
            // The fast path.
            ("carol", "carol-secret"),
        ] {
            let mut c = Client::connect(&target(&r, user, password, Tls::IfOffered))
                .unwrap_or_else(|e| panic!("{user}: {e}"));
            assert_eq!(run(&mut c, "user").unwrap()[1], format!("{user}@%"));
        }
        for (user, password) in [("alice", "no"), ("carol", "no"), ("nobody", "")] {
            let e = Client::connect(&target(&r, user, password, Tls::IfOffered));
            assert_eq!(e.err().map(|e| e.code), Some(1045), "{user}");
        }
        let tls_only = Client::connect(&target(&r, "tls", "", Tls::IfOffered));
        assert_eq!(tls_only.is_ok(), with_tls);
        // Nobody vouches for the test's certificate, and where there is no TLS none can be had.
        let e = Client::connect(&target(&r, "root", "", Tls::Verified));
        assert_eq!(e.err().map(|e| e.code), Some(2026));
    }
}

#[test]
fn results_errors_and_files() {
    let r = start(ConnectionConfig::default());
    let mut c = Client::connect(&target(&r, "root", "", Tls::Never)).expect("connects");
    assert_eq!(run(&mut c, "ok"), Ok(vec!["done 3".into()]));
    let rows = ["a,b", "0,row 0", "1,NULL", "2,row 2", "done 0"];
    assert_eq!(run(&mut c, "rows"), Ok(rows.map(String::from).to_vec()));
    assert_eq!(run(&mut c, "late"), Err(1213));
    assert_eq!(run(&mut c, "nonsense"), Err(1105));
    assert_eq!(run(&mut c, "long").unwrap()[1].len(), 17 << 20);
    assert_eq!(run(&mut c, "load"), Ok(vec!["done 9".into()]));
    assert_eq!(run(&mut c, "skip"), Err(1213));
    assert_eq!(run(&mut c, "ok"), Ok(vec!["done 3".into()]));
}

/// Refuses everything.
struct Refuses;

impl ResultSink for Refuses {
    fn columns(&mut self, _: &[ColumnMeta]) -> Result<()> {
        Err(Error::general("not wanted"))
    }
    fn row(&mut self, _: &dyn Row) -> Result<Flow> {
        panic!("nothing was wanted")
    }
    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        panic!("nothing was wanted")
    }
}

#[test]
fn what_is_refused_leaves_the_connection_in_step() {
    let r = start(ConnectionConfig::default());
    let mut c = Client::connect(&target(&r, "root", "", Tls::Never)).expect("connects");
    let e = c.execute(b"rows", &mut Refuses).expect_err("refused");
    assert_eq!(e.message, "not wanted");
    assert_eq!(run(&mut c, "ok"), Ok(vec!["done 3".into()]));
    let mut at = target(&r, "root", "", Tls::Never);
    at.database = Some("nope".into());
    assert_eq!(Client::connect(&at).err().map(|e| e.code), Some(1049));
}
