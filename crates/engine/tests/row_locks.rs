//! Row locks: who changes a row, or asks for it FOR UPDATE, has it until the end of his
//! transaction; others wait, and then see what he made of it.

#![allow(clippy::unwrap_used)]

mod sessions;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use engine::instance::Instance;
use sessions::{instance, run, session, try_run};

type Answer = Result<Vec<String>, String>;

/// A session in a thread of its own.
struct Client {
    statements: Sender<String>,
    answers: Receiver<Answer>,
}

/// So long a statement is watched before it is said to wait.
const WATCHED: Duration = Duration::from_millis(120);

impl Client {
    fn new(instance: &Arc<Instance>, id: u32) -> Client {
        let (statements, todo) = channel::<String>();
        let (done, answers) = channel();
        let instance = instance.clone();
        std::thread::spawn(move || {
            let session = session(&instance, id);
            for sql in todo {
                if done.send(try_run(&session, &sql)).is_err() {
                    return;
                }
            }
        });
        Client {
            statements,
            answers,
        }
    }

    fn start(&self, sql: &str) {
        self.statements.send(sql.to_string()).unwrap();
    }

    fn answer(&self) -> Answer {
        self.answers.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    fn run(&self, sql: &str) -> Vec<String> {
        self.start(sql);
        match self.answer() {
            Ok(rows) => rows,
            Err(e) => panic!("{sql}: {e}"),
        }
    }

    fn fails(&self, sql: &str, code: &str) {
        self.start(sql);
        let e = self.answer().unwrap_err();
        assert!(e.starts_with(code), "{sql}: {e}");
    }

    /// Starts a statement that does not come to its end yet.
    fn waits(&self, sql: &str) {
        self.start(sql);
        let early = self.answers.recv_timeout(WATCHED);
        assert_eq!(early, Err(RecvTimeoutError::Timeout), "{sql}");
    }

    fn goes_on(&self) -> Vec<String> {
        self.answer().unwrap()
    }
}

const COUNTERS: &str = "CREATE TABLE c (id INT PRIMARY KEY, n INT, s VARCHAR(20), UNIQUE (s)); \
     INSERT INTO c VALUES (1, 5, 'a'), (2, 10, 'b'), (3, 15, 'c')";

/// Two clients of an instance in which somebody holds a lock, so that changes lock rows, too.
fn two(setup: &str) -> (Arc<Instance>, Client, Client) {
    let instance = instance();
    run(&session(&instance, 1), setup);
    let keeper = Client::new(&instance, 9);
    keeper.run("CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (1)");
    keeper.run("BEGIN; SELECT * FROM kept FOR UPDATE");
    // It stays to the end of the process.
    std::mem::forget(keeper);
    let (a, b) = (Client::new(&instance, 2), Client::new(&instance, 3));
    (instance, a, b)
}

fn value(client: &Client, sql: &str) -> String {
    client.run(sql)[0].clone()
}

#[test]
fn the_second_increment_waits_and_counts_on() {
    let (_i, a, b) = two(COUNTERS);
    a.run("BEGIN");
    b.run("BEGIN");
    assert_eq!(value(&b, "SELECT n FROM c WHERE id = 1"), "Int(5)");
    a.run("UPDATE c SET n = n + 1 WHERE id = 1");
    b.waits("UPDATE c SET n = n + 1 WHERE id = 1");
    a.run("COMMIT");
    b.goes_on();
    assert_eq!(value(&b, "SELECT n FROM c WHERE id = 1"), "Int(7)");
    b.run("COMMIT");
    assert_eq!(value(&a, "SELECT n FROM c WHERE id = 1"), "Int(7)");
}

#[test]
fn autocommit_waits_for_transactions() {
    let (_i, a, b) = two(COUNTERS);
    a.run("BEGIN");
    a.run("UPDATE c SET n = n + 1 WHERE id = 1");
    assert_eq!(value(&b, "SELECT n FROM c WHERE id = 1"), "Int(5)");
    b.waits("UPDATE c SET n = n * 2 WHERE id = 1");
    a.run("COMMIT");
    b.goes_on();
    assert_eq!(value(&b, "SELECT n FROM c WHERE id = 1"), "Int(12)");

    a.run("BEGIN");
    a.run("DELETE FROM c WHERE id = 2");
    b.waits("INSERT INTO c VALUES (2, 0, 'x')");
    a.run("COMMIT");
    b.goes_on();

    a.run("BEGIN");
    a.run("INSERT INTO c VALUES (7, 0, 'seven')");
    b.waits("INSERT INTO c VALUES (7, 0, 'other')");
    a.run("COMMIT");
    assert!(b.answer().unwrap_err().starts_with("1062"));

    a.run("BEGIN");
    a.run("INSERT INTO c VALUES (8, 0, 'eight')");
    b.waits("INSERT INTO c VALUES (9, 0, 'eight')");
    a.run("ROLLBACK");
    b.goes_on();
    // Rows that nobody has are free.
    a.run("BEGIN");
    a.run("UPDATE c SET n = 0 WHERE id = 1");
    b.run("UPDATE c SET n = 0 WHERE id = 3");
}

#[test]
fn a_row_that_no_longer_matches_is_left_alone() {
    let (_i, a, b) = two(COUNTERS);
    a.run("BEGIN");
    a.run("UPDATE c SET n = 100 WHERE id = 1");
    b.run("BEGIN");
    b.waits("UPDATE c SET n = n + 1 WHERE n < 50");
    a.run("COMMIT");
    assert_eq!(b.goes_on(), ["2 affected"]);
    b.run("COMMIT");
    assert_eq!(
        a.run("SELECT n FROM c ORDER BY id")[..3],
        ["Int(100)", "Int(11)", "Int(16)"]
    );
    a.run("BEGIN");
    a.run("DELETE FROM c WHERE id = 2");
    b.waits("DELETE FROM c WHERE n = 11");
    a.run("COMMIT");
    assert_eq!(b.goes_on(), ["0 affected"]);
}

#[test]
fn for_update_reads_what_is_committed_and_keeps_it() {
    let (_i, a, b) = two(COUNTERS);
    a.run("BEGIN");
    assert_eq!(value(&a, "SELECT n FROM c WHERE id = 1"), "Int(5)");
    b.run("UPDATE c SET n = 6 WHERE id = 1");
    assert_eq!(value(&a, "SELECT n FROM c WHERE id = 1"), "Int(5)");
    assert_eq!(
        value(&a, "SELECT n FROM c WHERE id = 1 FOR UPDATE"),
        "Int(6)"
    );
    b.waits("SELECT n FROM c WHERE id = 1 FOR SHARE");
    a.run("UPDATE c SET n = 9 WHERE id = 1");
    a.run("COMMIT");
    assert_eq!(b.goes_on()[0], "Int(9)");
    // Those who only read share.
    a.run("BEGIN");
    b.run("BEGIN");
    a.run("SELECT n FROM c WHERE id = 1 FOR SHARE");
    b.run("SELECT n FROM c WHERE id = 1 LOCK IN SHARE MODE");
    b.waits("UPDATE c SET n = 1 WHERE id = 1");
    a.run("ROLLBACK");
    b.goes_on();
    b.run("COMMIT");
}

#[test]
fn nowait_and_skip_locked() {
    let (_i, a, b) = two(COUNTERS);
    a.run("BEGIN");
    let first = "SELECT id FROM c ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED";
    assert_eq!(value(&a, first), "Int(1)");
    b.run("BEGIN");
    assert_eq!(value(&b, first), "Int(2)");
    b.fails("SELECT id FROM c WHERE id = 1 FOR UPDATE NOWAIT", "3572");
    b.fails("SELECT COUNT(*) FROM c FOR UPDATE NOWAIT", "3572");
    assert_eq!(
        value(&b, "SELECT COUNT(*) FROM c FOR UPDATE SKIP LOCKED"),
        "Int(2)"
    );
    // The transaction goes on with its locks.
    a.fails("SELECT id FROM c WHERE id = 2 FOR SHARE NOWAIT", "3572");
    b.run("COMMIT");
    assert_eq!(
        value(&a, "SELECT id FROM c WHERE id = 2 FOR UPDATE"),
        "Int(2)"
    );
    a.run("COMMIT");
}

#[test]
fn of_names_the_tables_whose_rows_are_locked() {
    let setup =
        format!("{COUNTERS}; CREATE TABLE d (id INT PRIMARY KEY); INSERT INTO d VALUES (1)");
    let (_i, a, b) = two(&setup);
    a.run("BEGIN");
    a.run("SELECT * FROM c JOIN d ON c.id = d.id FOR UPDATE OF d");
    b.run("UPDATE c SET n = 0 WHERE id = 1");
    b.fails("SELECT * FROM d FOR UPDATE NOWAIT", "3572");
    a.run("COMMIT");
    b.run("SELECT * FROM d FOR UPDATE NOWAIT");
}

#[test]
fn who_waits_too_long_loses_the_statement_alone() {
    let (_i, a, b) = two(COUNTERS);
    a.run("BEGIN");
    a.run("UPDATE c SET n = 0 WHERE id = 2");
    b.run("SET innodb_lock_wait_timeout = 1");
    b.run("BEGIN");
    b.run("UPDATE c SET n = 1 WHERE id = 1");
    b.fails("UPDATE c SET n = n + 1", "1205");
    b.run("COMMIT");
    a.run("ROLLBACK");
    assert_eq!(
        a.run("SELECT n FROM c ORDER BY id")[..3],
        ["Int(1)", "Int(10)", "Int(15)"]
    );
}

#[test]
fn a_circle_ends_one_transaction_at_once() {
    let (_i, a, b) = two(COUNTERS);
    a.run("BEGIN");
    b.run("BEGIN");
    a.run("UPDATE c SET n = 50 WHERE id = 1");
    b.run("UPDATE c SET n = 60 WHERE id = 2");
    a.waits("UPDATE c SET n = 51 WHERE id = 2");
    b.fails("UPDATE c SET n = 61 WHERE id = 1", "1213");
    a.goes_on();
    a.run("COMMIT");
    // The other one is gone as a whole.
    b.run("COMMIT");
    assert_eq!(
        b.run("SELECT n FROM c ORDER BY id")[..3],
        ["Int(50)", "Int(51)", "Int(15)"]
    );
    // Two that read the same row and both want to change it.
    a.run("BEGIN");
    b.run("BEGIN");
    a.run("SELECT n FROM c WHERE id = 3 FOR SHARE");
    b.run("SELECT n FROM c WHERE id = 3 FOR SHARE");
    a.waits("UPDATE c SET n = n + 1 WHERE id = 3");
    b.fails("UPDATE c SET n = n + 1 WHERE id = 3", "1213");
    a.goes_on();
    a.run("COMMIT");
}

#[test]
fn locks_go_with_the_session_and_with_a_kill() {
    let (instance, a, b) = two(COUNTERS);
    a.run("BEGIN");
    a.run("UPDATE c SET n = 0 WHERE id = 1");
    b.waits("UPDATE c SET n = 1 WHERE id = 1");
    let other = session(&instance, 4);
    run(&other, "KILL QUERY 3");
    assert!(b.answer().unwrap_err().starts_with("1317"));
    b.waits("UPDATE c SET n = 1 WHERE id = 1");
    drop(a);
    b.goes_on();
    run(&other, "SELECT * FROM c FOR UPDATE NOWAIT");
}

#[test]
fn keyless_rows_and_other_branches() {
    let setup = "CREATE TABLE k (n INT); INSERT INTO k VALUES (5), (5), (7); \
         CALL dolt_commit('-Am', 'one'); CALL dolt_branch('other')";
    let (_i, a, b) = two(setup);
    a.run("BEGIN");
    a.run("UPDATE k SET n = n + 1 WHERE n = 5");
    b.run("UPDATE `d/other`.k SET n = 0");
    b.waits("UPDATE k SET n = n + 1 WHERE n = 5");
    a.run("COMMIT");
    assert_eq!(b.goes_on(), ["0 affected"]);
    b.run("UPDATE k SET n = n + 1 WHERE n = 6");
    assert_eq!(
        b.run("SELECT n FROM k ORDER BY n")[..3],
        ["Int(7)", "Int(7)", "Int(7)"]
    );
}

#[test]
fn a_parent_stays_while_a_child_comes() {
    let setup = "CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (2); \
         CREATE TABLE q (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)";
    let (_i, a, b) = two(setup);
    a.run("BEGIN");
    a.run("INSERT INTO q VALUES (1, 1)");
    b.run("BEGIN");
    b.run("INSERT INTO q VALUES (2, 1)");
    b.run("COMMIT");
    b.waits("DELETE FROM p WHERE id = 1");
    a.run("COMMIT");
    b.goes_on();
    assert_eq!(b.run("SELECT COUNT(*) FROM q")[0], "Int(0)");
}

/// Transactions that read FOR UPDATE and write, among statements that commit themselves: no
/// increment is lost, and money only moves.
#[test]
fn nothing_is_lost_among_many() {
    let instance = instance();
    let first = session(&instance, 1);
    run(
        &first,
        "CREATE TABLE c (id INT PRIMARY KEY, n INT NOT NULL); INSERT INTO c VALUES (1, 0), (2, 1000), (3, 1000)",
    );
    let rounds = 40;
    std::thread::scope(|scope| {
        for n in 0..6 {
            let instance = &instance;
            scope.spawn(move || {
                let s = session(instance, 10 + n);
                for _ in 0..rounds {
                    match n {
                        0 | 1 => {
                            run(&s, "UPDATE c SET n = n + 1 WHERE id = 1");
                        }
                        2 | 3 => {
                            run(&s, "BEGIN; SELECT n FROM c WHERE id = 1 FOR UPDATE");
                            run(&s, "UPDATE c SET n = n + 1 WHERE id = 1");
                            run(&s, "COMMIT");
                        }
                        _ => loop {
                            run(&s, "BEGIN");
                            let (from, to) = if n == 4 { (2, 3) } else { (3, 2) };
                            let moved = try_run(&s, &format!("SELECT n INTO @n FROM c WHERE id = {from} FOR UPDATE; UPDATE c SET n = @n - 1 WHERE id = {from}; UPDATE c SET n = n + 1 WHERE id = {to}; COMMIT"));
                            match moved {
                                Ok(_) => break,
                                Err(e) => assert!(e.starts_with("1213"), "{e}"),
                            }
                        },
                    }
                }
            });
        }
    });
    assert_eq!(
        run(&first, "SELECT n FROM c ORDER BY id")[..3],
        [
            format!("Int({})", 4 * rounds),
            "Int(1000)".to_string(),
            "Int(1000)".to_string()
        ]
    );
}
