//! Many rows at a time give the tables, the errors and the transactions that one row at a time
//! gives.

#![allow(clippy::unwrap_used)]

mod sessions;

use engine::import::ImportOptions;
use engine::session::Session;
use sessions::{instance, run, session, try_run};

fn hash(session: &Session, table: &str) -> String {
    run(session, &format!("SELECT dolt_hashof_table('{table}')"))[0].clone()
}

/// Numbers below `n` in an order that is none.
fn shuffled(n: u64) -> Vec<u64> {
    let mut list: Vec<u64> = (0..n).collect();
    let mut x = 7u64;
    for i in (1..list.len()).rev() {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1);
        list.swap(i, (x >> 33) as usize % (i + 1));
    }
    list
}

fn insert(verb: &str, table: &str, rows: &[String]) -> String {
    format!("{verb} INTO {table} VALUES {}", rows.join(","))
}

/// The same rows by one statement and by many.
fn check_same(columns: &str, verb: &str, rows: &[String]) {
    let s = session(&instance(), 1);
    run(&s, &format!("CREATE TABLE t ({columns})"));
    let whole = try_run(&s, &insert(verb, "t", rows));
    let after = hash(&s, "t");
    run(&s, "DELETE FROM t");
    run(&s, "START TRANSACTION");
    let mut affected = 0u64;
    for part in rows.chunks(100) {
        let done = run(&s, &insert(verb, "t", part));
        affected += done[0].split(' ').next().unwrap().parse::<u64>().unwrap();
    }
    run(&s, "COMMIT");
    assert_eq!(whole, Ok(vec![format!("{affected} affected")]), "{columns}");
    assert_eq!(after, hash(&s, "t"), "{columns}");
}

#[test]
fn a_large_insert_gives_the_same_tree_as_many_small_ones() {
    let indexed =
        "id INT PRIMARY KEY, a INT, b VARCHAR(30), UNIQUE KEY (b), KEY (a, b), KEY (b(3))";
    let row = |n: &u64| format!("({n}, {}, 'b{n}')", n % 17);
    let up: Vec<String> = (0..3000).map(|n| row(&n)).collect();
    let mixed: Vec<String> = shuffled(3000).iter().map(row).collect();
    check_same(indexed, "INSERT", &up);
    check_same(indexed, "INSERT", &mixed);
    let words = "a VARCHAR(20), b DECIMAL(8,2), c INT, PRIMARY KEY (a, b), KEY (c)";
    let row = |n: &u64| format!("('K{}', {n}.5, NULL)", n % 40);
    let mixed: Vec<String> = shuffled(2000).iter().map(row).collect();
    check_same(words, "INSERT", &mixed);
    // Equal rows of a table without key count.
    let row = |n: &u64| format!("({}, 'x{}')", n % 90, n % 7);
    let mixed: Vec<String> = shuffled(2000).iter().map(row).collect();
    check_same("a INT, b VARCHAR(10), KEY (a)", "INSERT", &mixed);
}

#[test]
fn rows_that_are_there_are_left_out_under_ignore() {
    let row = |n: &u64| format!("({}, {n})", n % 1100);
    let rows: Vec<String> = shuffled(3000).iter().map(row).collect();
    check_same("id INT PRIMARY KEY, a INT, KEY (a)", "INSERT IGNORE", &rows);
}

#[test]
fn the_first_duplicate_is_the_error_and_nothing_stays() {
    let s = session(&instance(), 1);
    run(
        &s,
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, UNIQUE KEY ua (a))",
    );
    run(&s, "INSERT INTO t VALUES (5000, 5000)");
    let before = hash(&s, "t");
    let rows = |change: &[(usize, &str)]| {
        let mut list: Vec<String> = (0..1000).map(|n| format!("({n}, {n})")).collect();
        for (at, row) in change {
            list[*at] = row.to_string();
        }
        try_run(&s, &insert("INSERT", "t", &list)).unwrap_err()
    };
    let of_key = |v: u32, key: &str| format!("1062 Duplicate entry '{v}' for key 't.{key}'");
    assert_eq!(
        rows(&[(900, "(7, 7)"), (700, "(8, 7000)")]),
        of_key(8, "PRIMARY")
    );
    assert_eq!(
        rows(&[(900, "(7, 7)"), (700, "(7000, 8)")]),
        of_key(8, "ua")
    );
    assert_eq!(
        rows(&[(900, "(5000, 1)"), (400, "(7000, 5000)")]),
        of_key(5000, "ua")
    );
    // A row that cannot be converted comes behind the duplicate.
    assert_eq!(
        rows(&[(900, "('x', 1)"), (400, "(3, 9000)")]),
        of_key(3, "PRIMARY")
    );
    assert!(rows(&[(300, "('x', 1)"), (400, "(3, 9000)")]).starts_with("1366"));
    assert_eq!(hash(&s, "t"), before);
}

#[test]
fn savepoints_outlive_changes_that_went_into_trees() {
    let s = session(&instance(), 1);
    run(&s, "CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY (a))");
    run(&s, "CREATE TABLE other (id INT PRIMARY KEY)");
    let many = |from: u32| -> String {
        let rows: Vec<String> = (from..from + 1000)
            .map(|n| format!("({n}, {})", n % 9))
            .collect();
        insert("INSERT", "t", &rows)
    };
    let seen = || run(&s, "SELECT COUNT(*), SUM(a), COUNT(a > 3) FROM t")[0].clone();
    run(
        &s,
        "START TRANSACTION; INSERT INTO t VALUES (1, 1), (2, 2); SAVEPOINT first",
    );
    let first = seen();
    run(
        &s,
        "INSERT INTO other VALUES (1); UPDATE t SET a = 7 WHERE id = 1",
    );
    run(&s, &many(10));
    run(&s, "DELETE FROM t WHERE id = 2; SAVEPOINT second");
    let second = seen();
    run(&s, "UPDATE t SET a = 3 WHERE id < 500");
    run(&s, &many(5000));
    run(&s, &many(7000));
    // A statement that fails takes nothing else along.
    let third = seen();
    assert!(try_run(&s, &many(7000)).is_err());
    assert!(try_run(&s, "INSERT INTO t VALUES (50000, 1), (1, 1)").is_err());
    assert_eq!(seen(), third);
    run(&s, "ROLLBACK TO SAVEPOINT second");
    assert_eq!(seen(), second);
    run(&s, "ROLLBACK TO SAVEPOINT first");
    assert_eq!(seen(), first);
    assert_eq!(run(&s, "SELECT COUNT(*) FROM other")[0], "Int(0)");
    run(&s, &many(20));
    run(&s, "COMMIT");
    assert_eq!(
        run(&s, "SELECT COUNT(*), MAX(id) FROM t")[0],
        "Int(1002),Int(1019)"
    );
    assert_eq!(run(&s, "SELECT COUNT(*) FROM t WHERE a = 1")[0], "Int(112)");
    run(&s, "START TRANSACTION");
    run(&s, &many(3000));
    run(&s, "ROLLBACK");
    assert_eq!(run(&s, "SELECT COUNT(*) FROM t")[0], "Int(1002)");
}

#[test]
fn others_commit_while_a_large_transaction_is_open() {
    let instance = instance();
    let (a, b) = (session(&instance, 1), session(&instance, 2));
    run(
        &a,
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, KEY (a))",
    );
    run(&a, "INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)");
    let rows: Vec<String> = (10..1010).map(|n| format!("({n}, {n}, 0)")).collect();
    run(&a, "START TRANSACTION");
    run(&a, &insert("INSERT", "t", &rows));
    run(&a, "UPDATE t SET a = 100 WHERE id = 1");
    run(
        &b,
        "UPDATE t SET b = 100 WHERE id = 1; INSERT INTO t VALUES (5000, 5, 5)",
    );
    run(&a, "COMMIT");
    assert_eq!(run(&b, "SELECT COUNT(*) FROM t")[0], "Int(1003)");
    assert_eq!(
        run(&b, "SELECT a, b FROM t WHERE id = 1")[0],
        "Int(100),Int(100)"
    );
    assert_eq!(
        run(&b, "SELECT id FROM t WHERE a = 100 AND id < 9")[0],
        "Int(1)"
    );
    run(&a, "START TRANSACTION");
    let rows: Vec<String> = (6000..7000).map(|n| format!("({n}, {n}, 0)")).collect();
    run(&a, &insert("INSERT", "t", &rows));
    run(&b, "INSERT INTO t VALUES (6500, 1, 1)");
    assert!(try_run(&a, "COMMIT").unwrap_err().starts_with("1213"));
}

#[test]
fn imported_rows_take_the_place_of_those_there() {
    let columns = "id INT PRIMARY KEY, a INT, b VARCHAR(20), KEY (a)";
    let sql = "INSERT INTO t (id, a, b) VALUES (DEFAULT, DEFAULT, DEFAULT) \
               ON DUPLICATE KEY UPDATE id = VALUES(id), a = VALUES(a), b = VALUES(b)";
    let rows: Vec<[String; 3]> = shuffled(4000)
        .iter()
        .map(|n| {
            [
                (n % 1500).to_string(),
                (n % 5).to_string(),
                format!("b{}", n % 3),
            ]
        })
        .collect();
    let import = |overwrites: bool| {
        let s = session(&instance(), 1);
        run(&s, &format!("CREATE TABLE t ({columns})"));
        run(
            &s,
            "INSERT INTO t VALUES (3, 3, 'there'), (1400, 1, 'x'), (9000, 1, 'y')",
        );
        run(&s, "START TRANSACTION");
        let mut rest = rows.iter();
        let options = ImportOptions {
            overwrites,
            one_by_one: !overwrites,
        };
        let done = s.import(
            sql,
            options,
            &mut |batch| {
                for row in rest.by_ref().take(1000) {
                    row.iter().for_each(|c| batch.push_text(c.as_bytes()));
                    batch.end_row();
                }
                Ok(())
            },
            &mut |_, e| Err(e),
        );
        run(&s, "COMMIT");
        let counts = done.unwrap().counts;
        (
            hash(&s, "t"),
            counts.affected,
            counts.duplicates,
            counts.matched,
        )
    };
    assert_eq!(import(true), import(false));
}

#[test]
fn negative_literals_are_what_they_say() {
    let instance = instance();
    let s = session(&instance, 1);
    run(&s, "create table n (id int primary key, d decimal(30, 1))");
    run(
        &s,
        "insert into n values (1,-9223372036854775808),(2,-9223372036854775809),
         (3,-9999999999999999999),(4,-18446744073709551615),(5,-0),(6,-1.5)",
    );
    let rows = run(
        &s,
        "select group_concat(d order by id separator ' ') =
         '-9223372036854775808.0 -9223372036854775809.0 -9999999999999999999.0 \
-18446744073709551615.0 0.0 -1.5' from n",
    );
    assert_eq!(rows[0], "Int(1)", "{:?}", run(&s, "select * from n"));
}
