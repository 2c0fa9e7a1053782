//! Broken input gives an error or a tree that prints, never a panic.

use syntax::{Options, ToSql, parse};

/// A small generator, seeded so that a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = include_str!("mysql_grammar.sql")
        .split(";;\n")
        .map(|s| s.as_bytes().to_vec())
        .collect();
    let shared = std::env::var_os("DOLT_RS_SHARED").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into(),
        std::path::PathBuf::from,
    );
    if let Ok(text) = std::fs::read(shared.join("corpus/mysql-queries.jsonl")) {
        // The lines of JSON will do: what is mutated need not be a statement.
        let lines = text.split(|b| *b == b'\n').step_by(7);
        seeds.extend(lines.filter_map(|line| {
            let line = line.strip_prefix(b"{\"sql\": \"")?;
            let end = line
                .windows(17)
                .position(|w| w == b"\", \"dolt_parses\":")?;
            (end < 4_000).then(|| line[..end].to_vec())
        }));
    }
    seeds
}

fn survive(sql: &[u8]) {
    for options in [
        Options::default(),
        Options {
            ansi_quotes: true,
            pipes_as_concat: true,
            no_backslash_escapes: true,
            ..Options::default()
        },
    ] {
        match parse(sql, &options) {
            Ok(statement) => drop(statement.to_sql()),
            Err(error) => assert!(error.position() <= sql.len(), "{error}"),
        }
    }
}

#[test]
fn mutated_statements_never_panic() {
    let seeds = seeds();
    println!("{} seeds", seeds.len());
    let mut random = Random(0x5eed_0001);
    let pieces: [&[u8]; 16] = [
        b"(", b")", b"'", b"`", b"/*!", b"*/", b"--", b";", b"select ", b"@", b"\\", b"\xff",
        b"0x", b".", b"begin ", b"\0",
    ];
    for seed in &seeds {
        for cut in [seed.len() / 3, seed.len() / 2, seed.len().saturating_sub(1)] {
            survive(&seed[..cut]);
            survive(&seed[cut..]);
        }
        for _ in 0..4 {
            let mut text = seed.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(text.len() + 1);
                match random.below(4) {
                    0 if at < text.len() => {
                        text.remove(at);
                    }
                    1 if at < text.len() => text[at] = random.below(256) as u8,
                    2 => {
                        let piece = pieces[random.below(pieces.len())];
                        text.splice(at..at, piece.iter().copied());
                    }
                    _ => {
                        let other = &seeds[random.below(seeds.len())];
                        let from = random.below(other.len());
                        let to = from + random.below((other.len() - from).min(20));
                        text.splice(at..at, other[from..to].iter().copied());
                    }
                }
            }
            survive(&text);
        }
    }
}
