//! Time to parse typical statements, best of several rounds.

use std::hint::black_box;
use std::time::Instant;

use syntax::{Options, parse};

fn main() {
    let options = Options::default();
    let mut rows = String::from("INSERT INTO sbtest1 (id, k, c) VALUES (0, 0, 'a')");
    for i in 1..10_000 {
        rows.push_str(&format!(", ({i}, {}, 'x{i}')", i * 7 % 1_000));
    }
    for (name, sql, times) in [
        (
            "point select",
            "SELECT c FROM sbtest1 WHERE id=5046",
            20_000,
        ),
        (
            "range select",
            "SELECT c FROM sbtest1 WHERE id BETWEEN 100 AND 199",
            20_000,
        ),
        (
            "distinct order by",
            "SELECT DISTINCT c FROM sbtest1 WHERE id BETWEEN 1 AND 9 ORDER BY c",
            20_000,
        ),
        ("update", "UPDATE sbtest1 SET k=k+1 WHERE id=5046", 20_000),
        (
            "insert",
            "INSERT INTO sbtest1 (id, k, c, pad) VALUES (1, 2, 'abc', 'def')",
            20_000,
        ),
        (
            "join",
            "SELECT a.id, COUNT(*) n, SUM(b.v) FROM a INNER JOIN b ON a.id = b.a_id WHERE a.x > 5 AND \
             b.y IN (1, 2, 3) GROUP BY a.id HAVING n > 1 ORDER BY 3 DESC LIMIT 10",
            5_000,
        ),
        ("insert of 10,000 rows", rows.as_str(), 5),
    ] {
        let best = (0..9)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..times {
                    black_box(parse(black_box(sql), &options)).expect("parses");
                }
                start.elapsed() / times
            })
            .min()
            .unwrap_or_default();
        println!("{name:24} {best:>12.2?}");
    }
}
