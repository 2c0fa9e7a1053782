//! Garbage collection that starts by itself when a database has grown.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use engine::auto_gc::{AutoGc, AutoGcSettings};
use engine::instance::{Instance, Settings, SystemClock};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::session::Session;
use simulation::{Random, SimulatedDisk};

#[derive(Default)]
struct Count(usize);

impl ResultSink for Count {
    fn columns(&mut self, _: &[ColumnMeta]) -> engine::error::Result<()> {
        Ok(())
    }
    fn row(&mut self, _: &dyn Row) -> engine::error::Result<Flow> {
        self.0 += 1;
        Ok(Flow::Continue)
    }
    fn done(&mut self, _: &Done, _: bool) -> engine::error::Result<()> {
        Ok(())
    }
}

/// Rows that a statement gives.
fn run(session: &Session, sql: &str) -> usize {
    let mut sink = Count::default();
    session.execute(sql.as_bytes(), false, &mut sink).unwrap();
    sink.0
}

#[test]
fn what_has_grown_is_collected_while_sessions_go_on() {
    const THRESHOLD: u64 = 200_000;
    let disk = SimulatedDisk::new(Random::new(1));
    let settings = Settings {
        disk: disk.clone(),
        ..Settings::default()
    };
    let open = || {
        let clock = Arc::new(SystemClock);
        Arc::new(Instance::open(Path::new("/data"), settings.clone(), clock).unwrap())
    };
    let instance = open();
    let s = Session::new(&instance, 1, "root", "localhost");
    for sql in [
        "create database db",
        "use db",
        "create table t (a int primary key, b text)",
        "insert into t values (1, 'x'), (2, 'y')",
        "call dolt_commit('-Am', 'table')",
    ] {
        run(&s, sql);
    }
    let reader = Session::new(&instance, 2, "root", "localhost");
    run(&reader, "use db");
    run(&reader, "start transaction");
    assert_eq!(run(&reader, "select * from t where b = 'x'"), 1);

    let (said, heard) = mpsc::channel();
    let collector = AutoGc::start(
        instance.clone(),
        AutoGcSettings {
            archives: true,
            file_size: None,
            waits_for_load: false,
            threshold: THRESHOLD,
        },
        move |text| drop(said.send(text.to_owned())),
    );
    let collector = collector.unwrap();
    let db = instance.database("db").unwrap();
    let files = db.store.file_store().unwrap();
    let mut n = 0;
    // A collection may begin between an update and the look at what it added; then the next one
    // is waited for.
    loop {
        while files.journal_size() <= THRESHOLD {
            n += 1;
            run(&s, &format!("update t set b = 'version {n}' where a = 1"));
        }
        let report = heard.recv_timeout(Duration::from_secs(300)).unwrap();
        assert!(
            report.contains("Successfully completed auto GC of database db"),
            "{report}"
        );
        if files.new_generation_size() < THRESHOLD / 4 {
            break;
        }
    }
    // Who began before still sees what it saw, and may write.
    assert_eq!(run(&reader, "select * from t where b = 'x'"), 1);
    run(&reader, "update t set b = 'from before' where a = 2");
    run(&reader, "commit");
    drop(collector);
    disk.lose_power();
    drop((s, reader, db));
    drop(instance);
    disk.restore_power();
    let instance = open();
    let s = Session::new(&instance, 1, "root", "localhost");
    run(&s, "use db");
    assert_eq!(
        run(&s, &format!("select * from t where b = 'version {n}'")),
        1
    );
    assert_eq!(run(&s, "select * from t where b = 'from before'"), 1);
    let found = instance
        .database("db")
        .unwrap()
        .store
        .check(1, &|_, _| {})
        .unwrap();
    assert!(
        found.chunks.is_empty() && found.commits.is_empty(),
        "{found:?}"
    );
}
