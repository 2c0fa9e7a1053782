//! The caches of tree nodes stay within the size that was set, and status variables show them.

use std::sync::Arc;

use engine::error::Result;
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
struct Pairs(Vec<(String, u64)>);

impl ResultSink for Pairs {
    fn columns(&mut self, _: &[ColumnMeta]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        let mut texts = (0..row.len()).map(|i| {
            let mut out = Vec::new();
            let value = row.get(i)?;
            values::render_text(&value, &values::SqlType::BIGINT_UNSIGNED, &mut out);
            Ok::<_, engine::error::Error>(String::from_utf8_lossy(&out).into_owned())
        });
        let name = texts.next().transpose()?.unwrap_or_default();
        let number = texts.next().transpose()?.and_then(|t| t.parse().ok());
        self.0.push((name, number.unwrap_or(u64::MAX)));
        Ok(Flow::Continue)
    }

    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        Ok(())
    }
}

fn run(session: &Session, sql: &str) -> Vec<(String, u64)> {
    let mut sink = Pairs::default();
    let done = session.execute(sql.as_bytes(), true, &mut sink);
    assert!(done.is_ok(), "{sql}: {:?}", done.err().map(|e| e.message));
    sink.0
}

fn figures(session: &Session) -> [u64; 4] {
    let rows = run(session, "show global status like 'Dolt\\_cache\\_%'");
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "Dolt_cache_bytes",
        "Dolt_cache_hits",
        "Dolt_cache_limit_bytes",
        "Dolt_cache_misses",
    ];
    assert_eq!(names, expected);
    [rows[0].1, rows[1].1, rows[2].1, rows[3].1]
}

#[test]
fn the_cache_is_as_large_as_was_set_and_seen_at_work() {
    let settings = Settings {
        cache_bytes: 3 << 20,
        ..Settings::default()
    };
    let instance = Arc::new(Instance::in_memory(settings, Arc::new(Stopped)));
    let session = Session::new(&instance, 1, "root", "localhost");
    for sql in [
        "create database db",
        "use db",
        "create table t (id int primary key, s varchar(400))",
        "set cte_max_recursion_depth = 100000",
        "insert into t with recursive n as (select 1 as i union all select i + 1 from n \
         where i < 20000) select i, sha2(i, 512) from n",
    ] {
        run(&session, sql);
    }
    let mut last = figures(&session);
    assert_eq!(last[2], 3 << 20);
    for _ in 0..3 {
        run(
            &session,
            "select s, count(*) from t where id % 7 = 1 group by s limit 1",
        );
        run(&session, "select s, id from t where id = 777");
        let now = figures(&session);
        let [bytes, hits, limit, misses] = now;
        assert!(bytes > 0 && bytes <= limit, "{now:?}");
        // Not all rows fit, so scans miss; a point is found by way of what is kept.
        assert!(hits > last[1] && misses > last[3], "{last:?} {now:?}");
        last = now;
    }
}
