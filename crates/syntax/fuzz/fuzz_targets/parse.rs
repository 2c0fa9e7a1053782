//! Any bytes: an error, or a tree whose text parses to an equal tree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use syntax::{Options, ToSql, parse};

fuzz_target!(|sql: &[u8]| {
    let options = Options::default();
    if let Ok(statement) = parse(sql, &options) {
        let mut text = Vec::new();
        statement.write_sql(&mut text);
        assert_eq!(parse(&text, &options), Ok(statement));
    }
});
