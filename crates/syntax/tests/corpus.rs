//! Every statement of Dolt's and go-mysql-server's tests parses and survives printing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use syntax::ast::Statement;
use syntax::{Options, SyntaxError, ToSql, parse, parse_many};

fn corpus() -> Option<Vec<(String, bool)>> {
    let shared = std::env::var_os("DOLT_RS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("corpus/mysql-queries.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no corpus at {}", path.display());
        return None;
    };
    Some(
        text.lines()
            .map(|line| {
                let value = json_string(line, "\"sql\": ").expect("every entry has its text");
                (value, line.contains("\"dolt_parses\": true"))
            })
            .collect(),
    )
}

/// The string that follows `key` in a line of JSON.
fn json_string(line: &str, key: &str) -> Option<String> {
    let mut chars = line[line.find(key)? + key.len()..]
        .strip_prefix('"')?
        .chars();
    let mut units: Vec<u16> = Vec::new();
    let mut push = |c: char| units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    let mut codes = Vec::new();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => match chars.next()? {
                'n' => push('\n'),
                't' => push('\t'),
                'r' => push('\r'),
                'b' => push('\u{8}'),
                'f' => push('\u{c}'),
                'u' => {
                    let hex: String = chars.by_ref().take(4).collect();
                    codes.push(u16::from_str_radix(&hex, 16).ok()?);
                    let unit = codes[codes.len() - 1];
                    // Surrogates come in pairs, one escape after the other.
                    if (0xd800..0xdc00).contains(&unit) {
                        continue;
                    }
                    for c in char::decode_utf16(codes.drain(..)) {
                        push(c.ok()?);
                    }
                }
                c => push(c),
            },
            c => push(c),
        }
    }
    String::from_utf16(&units).ok()
}

/// Entries may hold several statements, as the tests they come from sent them.
fn parse_all(sql: &str, options: &Options) -> Result<Vec<Statement>, SyntaxError> {
    parse_many(sql.as_bytes(), options)
        .map(|parsed| parsed.map(|p| p.statement))
        .collect()
}

#[test]
fn what_dolt_parses_parses_here_and_prints_back() {
    let Some(corpus) = corpus() else { return };
    let options = Options::default();
    let (mut total, mut failed) = (0, Vec::new());
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (sql, dolt_parses) in &corpus {
        if !dolt_parses {
            continue;
        }
        total += 1;
        let statements = match parse_all(sql, &options) {
            Ok(statements) if !statements.is_empty() => statements,
            Ok(_) => continue,
            Err(error) => {
                *reasons.entry("parse").or_default() += 1;
                failed.push(format!("PARSE {error}\n      {sql}"));
                continue;
            }
        };
        for statement in statements {
            let mut bytes = Vec::new();
            statement.write_sql(&mut bytes);
            let printed = statement.to_sql();
            match parse(&bytes, &options) {
                Ok(again) if again == statement => {}
                Ok(again) => {
                    *reasons.entry("differs").or_default() += 1;
                    failed.push(format!(
                        "DIFFERS {sql}\n   as {printed}\n   {statement:?}\n   {again:?}"
                    ));
                }
                Err(error) => {
                    *reasons.entry("reparse").or_default() += 1;
                    failed.push(format!("REPARSE {error}\n      {sql}\n   as {printed}"));
                }
            }
        }
    }
    if let Some(limit) = std::env::var("SHOW_FAILURES")
        .ok()
        .and_then(|n| n.parse().ok())
    {
        for failure in failed.iter().take(limit) {
            println!("{failure}\n");
        }
    }
    println!("{} of {total} failed: {reasons:?}", failed.len());
    assert!(
        failed.len() * 1000 <= total,
        "{} of {total} statements of the corpus failed",
        failed.len()
    );
}
