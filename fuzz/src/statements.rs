//! Statements as clients send them and as schemas hold them.

use syntax::{Options, ToSql, parse, parse_expr, parse_many, parse_prepared, split_statements};

/// A statement: what parses prints, and what is printed parses to the same text.
pub fn statement(data: &[u8]) {
    let modes = [
        Options::default(),
        Options {
            ansi_quotes: true,
            pipes_as_concat: true,
            no_backslash_escapes: true,
            ..Options::default()
        },
    ];
    for options in &modes {
        if let Ok(tree) = parse(data, options) {
            let printed = tree.to_sql();
            if let Ok(again) = parse(&printed, &Options::default()) {
                assert_eq!(again.to_sql(), printed);
            }
        }
        let _ = parse_prepared(data, options);
        let _ = parse_expr(data, options);
        let _ = parse_many(data, options).take(100).count();
        let mut shape = syntax::Shape::default();
        let _ = shape.read(data, options);
    }
    for delimiter in [&b";"[..], b"//", b"$$"] {
        let _ = split_statements(data, delimiter).take(100).count();
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = model::RevSpec::parse(text);
        let _ = model::ref_name::is_valid_branch(text);
    }
}
