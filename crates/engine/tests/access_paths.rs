//! Whatever path a statement takes to its rows, it finds the same ones: the same conditions over a
//! table with indexes and over its copy without any.

#![allow(clippy::unwrap_used)]

mod sessions;

use engine::session::Session;
use sessions::{instance, run, session};

fn sorted(session: &Session, sql: &str) -> Vec<String> {
    let mut rows = run(session, sql);
    rows.sort();
    rows
}

/// A small generator, so that every run asks the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }

    fn value(&mut self) -> String {
        match self.below(12) {
            0 => "NULL".into(),
            1 => "-9223372036854775808".into(),
            2 => "300".into(),
            3 => format!("{}.5", self.below(20)),
            4 => format!("'{}'", self.below(20)),
            _ => format!("{}", self.below(40) as i64 - 10),
        }
    }

    fn condition(&mut self, depth: u64) -> String {
        let column = ["id", "a", "b", "s"][self.below(4) as usize];
        self.condition_of(column, depth)
    }

    /// A condition; its parts are about one column, most of the time.
    fn condition_of(&mut self, column: &str, depth: u64) -> String {
        let value = |n: &mut Numbers| match column {
            "s" => format!("'{}'", ["x", "X", "y", "yy", "z"][n.below(5) as usize]),
            _ => n.value(),
        };
        match self.below(if depth > 0 { 10 } else { 8 }) {
            0 => format!("{column} IS NULL"),
            1 => format!(
                "{column} IN ({}, {}, {})",
                value(self),
                value(self),
                value(self)
            ),
            2 => format!("{column} BETWEEN {} AND {}", value(self), value(self)),
            3 => {
                let mut one = || {
                    let op = ["=", "<", "<=", ">", ">="][self.below(5) as usize];
                    format!("{column} {op} {}", value(self))
                };
                let (a, b, c) = (one(), one(), one());
                format!("({a} OR {b} AND {c})")
            }
            8 | 9 if self.below(4) == 0 => {
                format!(
                    "({} OR {})",
                    self.condition(depth - 1),
                    self.condition(depth - 1)
                )
            }
            8 => format!(
                "({} OR {})",
                self.condition_of(column, depth - 1),
                self.condition_of(column, depth - 1)
            ),
            9 => format!(
                "({} AND {})",
                self.condition_of(column, depth - 1),
                self.condition_of(column, depth - 1)
            ),
            n => {
                let op = ["=", "<", "<=", ">", ">=", "<=>"][n as usize % 6];
                format!("{column} {op} {}", value(self))
            }
        }
    }
}

#[test]
fn every_path_finds_the_same_rows() {
    let session = session(&instance(), 1);
    let columns =
        "id INT NOT NULL, a SMALLINT, b BIGINT UNSIGNED, s VARCHAR(10) COLLATE utf8mb4_0900_ai_ci";
    run(&session, &format!("CREATE TABLE bare ({columns})"));
    run(
        &session,
        &format!(
            "CREATE TABLE t ({columns}, PRIMARY KEY (id), KEY ab (a, b), KEY b (b), KEY s (s), KEY sa (s, a))"
        ),
    );
    let mut n = Numbers(7);
    for id in 0..400 {
        let a = n.below(30);
        let b = n.below(35);
        let row = format!(
            "({id}, {}, {}, {})",
            if a > 25 {
                "NULL".into()
            } else {
                (a as i64 - 5).to_string()
            },
            if b > 30 { "NULL".into() } else { b.to_string() },
            ["'x'", "'X'", "'y'", "'yy'", "NULL"][n.below(5) as usize],
        );
        run(&session, &format!("INSERT INTO t VALUES {row}"));
        run(&session, &format!("INSERT INTO bare VALUES {row}"));
    }
    let compare = |rounds: usize, n: &mut Numbers| {
        for _ in 0..rounds {
            let mut condition = n.condition(3);
            if n.below(2) == 0 {
                condition = format!("{condition} AND {}", n.condition(1));
            }
            for select in ["*", "COUNT(*)", "COUNT(id)", "COUNT(a), SUM(b)", "b"] {
                let ask = |table: &str| format!("SELECT {select} FROM {table} WHERE {condition}");
                assert_eq!(
                    sorted(&session, &ask("t")),
                    sorted(&session, &ask("bare")),
                    "{}",
                    ask("t")
                );
            }
            let join = |x: &str, y: &str| {
                format!(
                    "SELECT x.id, y.id FROM {x} x JOIN {y} y ON x.a = y.id LEFT JOIN {y} z ON z.b = y.a AND z.id > 390 \
                     WHERE x.b < 3 AND y.{condition}"
                )
            };
            if !condition.starts_with('(') && !condition.contains(" AND ") {
                assert_eq!(
                    sorted(&session, &join("t", "t")),
                    sorted(&session, &join("bare", "bare"))
                );
            }
        }
    };
    compare(400, &mut n);
    // Counts must not come from the tree alone when the transaction has changes above it.
    run(&session, "START TRANSACTION");
    for table in ["t", "bare"] {
        run(&session, &format!("DELETE FROM {table} WHERE id % 7 = 3"));
        run(
            &session,
            &format!("UPDATE {table} SET a = a + 1, s = 'z' WHERE id % 5 = 1"),
        );
    }
    compare(200, &mut n);
}
