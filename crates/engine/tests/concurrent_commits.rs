//! Transactions of many sessions that commit at the same time are built into the trees together:
//! what they leave is what they would leave one after the other.

#![allow(clippy::unwrap_used)]

mod sessions;

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::session::Session;
use sessions::{instance, run, session, try_run};

const SESSIONS: u32 = 8;

/// Runs `work` in sessions of their own at once, numbered from 0.
fn at_once(setup: &[&str], work: impl Fn(&Session, u64) + Sync) -> Session {
    let instance = instance();
    let first = session(&instance, 1);
    for sql in setup {
        run(&first, sql);
    }
    let start = Barrier::new(SESSIONS as usize);
    std::thread::scope(|scope| {
        for n in 0..SESSIONS {
            let (instance, start, work) = (&instance, &start, &work);
            scope.spawn(move || {
                let session = session(instance, 2 + n);
                start.wait();
                work(&session, u64::from(n));
            });
        }
    });
    first
}

fn one(session: &Session, sql: &str) -> String {
    run(session, sql)[0].clone()
}

/// Runs a statement; whether it failed with one of these errors of MySQL.
fn fails(session: &Session, sql: &str, errors: &[&str]) -> bool {
    match try_run(session, sql) {
        Ok(_) => false,
        Err(e) if errors.contains(&&e[..4]) => true,
        Err(e) => panic!("{sql}: {e}"),
    }
}

#[test]
fn rows_of_their_own() {
    let create =
        "CREATE TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(40), KEY (v), UNIQUE KEY (s))";
    let rows = |n: u64| (0..60).map(move |i| 1000 * i + n);
    let first = at_once(&[create], |session, n| {
        for id in rows(n) {
            run(
                session,
                &format!("INSERT INTO t VALUES ({id}, {n}, 'row {id}')"),
            );
            if id % 3 == 0 {
                run(
                    session,
                    &format!("UPDATE t SET v = v + 100 WHERE id = {id}"),
                );
            }
            if id % 5 == 0 {
                run(session, &format!("DELETE FROM t WHERE id = {id}"));
            }
        }
    });
    let alone = session(&instance(), 1);
    run(&alone, create);
    for n in 0..u64::from(SESSIONS) {
        for id in rows(n).filter(|id| id % 5 != 0) {
            let v = if id % 3 == 0 { n + 100 } else { n };
            let insert = format!("INSERT INTO t VALUES ({id}, {v}, 'row {id}')");
            run(&alone, &insert);
        }
    }
    let hash = "SELECT dolt_hashof_table('t')";
    assert_eq!(one(&first, hash), one(&alone, hash));
}

#[test]
fn one_row_of_all() {
    let setup = [
        "CREATE TABLE t (id INT PRIMARY KEY, v INT)",
        "INSERT INTO t VALUES (1, 0), (2, 0)",
    ];
    let first = at_once(&setup, |session, n| {
        for i in 0..50 {
            let id = 1 + (n + i) % 2;
            // Both see it before either commits, as often as not.
            run(session, &format!("UPDATE t SET v = v + 1 WHERE id = {id}"));
        }
    });
    let total = 50 * SESSIONS / 2;
    assert_eq!(
        run(&first, "SELECT v FROM t ORDER BY id")[..2],
        [format!("Int({total})"), format!("Int({total})")]
    );
}

#[test]
fn cells_of_one_row() {
    let columns: Vec<String> = (0..SESSIONS)
        .map(|n| format!("c{n} INT DEFAULT 0"))
        .collect();
    let create = format!(
        "CREATE TABLE t (id INT PRIMARY KEY, {})",
        columns.join(", ")
    );
    let first = at_once(&[&create, "INSERT INTO t (id) VALUES (1)"], |session, n| {
        for _ in 0..40 {
            run(session, "START TRANSACTION");
            let sql = format!("UPDATE t SET c{n} = c{n} + 1 WHERE id = 1");
            run(session, &sql);
            run(session, "COMMIT");
        }
    });
    let all: Vec<&str> = vec!["Int(40)"; SESSIONS as usize];
    let read = run(&first, "SELECT * FROM t");
    assert_eq!(read[0], format!("Int(1),{}", all.join(",")));
}

#[test]
fn one_key_of_a_unique_index() {
    let won = AtomicU64::new(0);
    let setup = [
        "CREATE TABLE t (id INT PRIMARY KEY, k VARCHAR(10) COLLATE utf8mb4_0900_ai_ci, UNIQUE KEY (k))",
    ];
    let first = at_once(&setup, |session, n| {
        for i in 0..40 {
            let id = 1000 * n + i;
            // Equal in this collation, but not in its bytes.
            let key = ["k", "K"][n as usize % 2];
            let insert = format!("INSERT INTO t VALUES ({id}, '{key}{i}')");
            if !fails(session, &insert, &["1062"]) {
                won.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    assert_eq!(won.into_inner(), 40);
    let counts = "SELECT COUNT(*), COUNT(DISTINCT k) FROM t";
    assert_eq!(one(&first, counts), "Int(40),Int(40)");
}

#[test]
fn children_and_parents_at_once() {
    let setup = [
        "CREATE TABLE parent (id INT PRIMARY KEY)",
        "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id))",
    ];
    let first = at_once(&setup, |session, n| {
        for i in 0..40 {
            if n % 2 == 0 {
                let id = 100 * n + i;
                let parent = format!("INSERT INTO parent VALUES ({i})");
                fails(session, &parent, &["1062"]);
                let child = format!("INSERT INTO child VALUES ({id}, {i})");
                fails(session, &child, &["1452"]);
            } else {
                let delete = format!("DELETE FROM parent WHERE id = {i}");
                fails(session, &delete, &["1451"]);
            }
        }
    });
    let orphans = "SELECT COUNT(*) FROM child WHERE p NOT IN (SELECT id FROM parent)";
    assert_eq!(one(&first, orphans), "Int(0)");
}

#[test]
fn branches_apart() {
    let mut setup = vec!["CREATE TABLE t (id INT PRIMARY KEY)".to_string()];
    setup.push("CALL dolt_commit('-Am', 'table')".into());
    setup.extend((0..4).map(|n| format!("CALL dolt_branch('b{n}')")));
    let setup: Vec<&str> = setup.iter().map(String::as_str).collect();
    let first = at_once(&setup, |session, n| {
        run(session, &format!("USE `d/b{}`", n % 4));
        for i in 0..40 {
            run(session, &format!("INSERT INTO t VALUES ({})", 100 * n + i));
        }
    });
    for n in 0..4 {
        let count = one(&first, &format!("SELECT COUNT(*) FROM `d/b{n}`.t"));
        assert_eq!(count, format!("Int({})", 40 * SESSIONS / 4));
    }
    assert_eq!(one(&first, "SELECT COUNT(*) FROM t"), "Int(0)");
}

#[test]
fn numbers_of_one_counter() {
    let setup = ["CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT)"];
    let first = at_once(&setup, |session, n| {
        for _ in 0..40 {
            run(session, &format!("INSERT INTO t (n) VALUES ({n})"));
        }
    });
    let total = 40 * SESSIONS;
    assert_eq!(
        one(&first, "SELECT COUNT(*) FROM t"),
        format!("Int({total})")
    );
    run(&first, "INSERT INTO t (n) VALUES (99)");
    assert_eq!(
        one(&first, "SELECT MAX(id) FROM t"),
        format!("Int({})", total + 1)
    );
}
