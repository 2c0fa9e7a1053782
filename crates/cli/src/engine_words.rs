//! Errors in the words of Dolt's embedded engine, which differ from MySQL's (spec 06 §9.4).

use engine::error::Error;

/// The parts of a text between fixed pieces, if it has that form.
fn parts<'t>(text: &'t str, pieces: &[&str]) -> Option<Vec<&'t str>> {
    let mut rest = text.strip_prefix(pieces.first()?)?;
    let mut out = Vec::new();
    for (i, piece) in pieces.iter().enumerate().skip(1) {
        let last = i + 1 == pieces.len();
        let at = if last && piece.is_empty() {
            rest.len()
        } else {
            rest.find(piece)?
        };
        out.push(&rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    Some(out)
}

/// MySQL's form of a message and the engine's; numbers stand for the parts.
const FORMS: &[(u16, &[&str], &str)] = &[
    (
        1146,
        &["Table '", ".", "' doesn't exist"],
        "table not found: {1}",
    ),
    (
        1054,
        &["Unknown column '", "' in '", "'"],
        "column \"{0}\" could not be found in any table in scope",
    ),
    (
        1050,
        &["Table '", "' already exists"],
        "table with name {0} already exists",
    ),
    (1051, &["Unknown table '", ".", "'"], "table not found: {1}"),
    (1051, &["Unknown table '", "'"], "table not found: {0}"),
    (
        1049,
        &["Unknown database '", "'"],
        "database not found: {0}",
    ),
    (
        1048,
        &["Column '", "' cannot be null"],
        "column name '{0}' is non-nullable but attempted to set a value of null",
    ),
    (
        1364,
        &["Field '", "' doesn't have a default value"],
        "Field '{0}' doesn't have a default value",
    ),
    (
        1136,
        &["Column count doesn't match value count at row ", ""],
        "number of values does not match number of columns provided",
    ),
    (
        1062,
        &["Duplicate entry '", "' for key '", ".PRIMARY'"],
        "duplicate primary key given: [{0}]",
    ),
    (
        1062,
        &["Duplicate entry '", "' for key 'PRIMARY'"],
        "duplicate primary key given: [{0}]",
    ),
    (
        1062,
        &["Duplicate entry '", "' for key '", "'"],
        "duplicate unique key given: [{0}]",
    ),
    (
        1305,
        &["FUNCTION ", " does not exist"],
        "function: '{0}' not found",
    ),
    (
        1110,
        &["Column '", "' specified twice"],
        "column '{0}' specified twice",
    ),
    (
        1305,
        &["PROCEDURE ", ".", " does not exist"],
        "stored procedure \"{1}\" does not exist",
    ),
    (
        1305,
        &["PROCEDURE ", " does not exist"],
        "stored procedure \"{0}\" does not exist",
    ),
    (
        3819,
        &["Check constraint '", "' is violated."],
        "Check constraint \"{0}\" violated",
    ),
    (
        1406,
        &["Data too long for column '", "' at row ", ""],
        "string is too large for column '{0}'",
    ),
    (
        1193,
        &["Unknown system variable '", "'"],
        "Unknown system variable '{0}'",
    ),
    (
        1060,
        &["Duplicate column name '", "'"],
        "Column \"{0}\" already exists",
    ),
    (
        1451,
        &[
            "Cannot delete or update a parent row: a foreign key constraint fails (`",
            "`.`",
            "`, CONSTRAINT `",
            "` FOREIGN KEY (",
            ") REFERENCES `",
            "` (",
            "",
        ],
        "cannot delete or update a parent row - Foreign key violation on fk: `{2}`, table: `{1}`, referenced table: `{4}`",
    ),
    (
        1452,
        &[
            "Cannot add or update a child row: a foreign key constraint fails (`",
            "`.`",
            "`, CONSTRAINT `",
            "` FOREIGN KEY (",
            ") REFERENCES `",
            "` (",
            "",
        ],
        "cannot add or update a child row - Foreign key violation on fk: `{2}`, table: `{1}`, referenced table: `{4}`",
    ),
    (
        3780,
        &[
            "Referencing column '",
            "' and referenced column '",
            "' in foreign key constraint '",
            "",
        ],
        "column type mismatch on `{0}` and `{1}`",
    ),
    (
        1239,
        &["Incorrect foreign key definition for '", ""],
        "the foreign key must reference an equivalent number of columns",
    ),
    (
        1824,
        &["Failed to open the referenced table '", "'"],
        "table not found: {0}",
    ),
    (
        1826,
        &["Duplicate foreign key constraint name '", "'"],
        "duplicate foreign key constraint name `{0}`",
    ),
    (
        1833,
        &[
            "Cannot change column '",
            "': used in a foreign key constraint",
        ],
        "unable to change type of column `{0}` as it is used by foreign keys",
    ),
    (
        3734,
        &[
            "Failed to add the foreign key constraint. Missing column '",
            "' for constraint '",
            "' in the referenced table '",
            "'",
        ],
        "table \"{2}\" does not have column \"{0}\"",
    ),
    (1046, &["No database selected"], "no database selected"),
];

/// The message of an error.
pub fn message(e: &Error) -> String {
    for (code, pieces, form) in FORMS {
        if *code != e.code {
            continue;
        }
        let Some(parts) = parts(&e.message, pieces) else {
            continue;
        };
        let mut out = (*form).to_string();
        for (i, part) in parts.iter().enumerate() {
            // Column names are shown without their table.
            let part = if *code == 1054 {
                part.rsplit('.').next().unwrap_or(part)
            } else {
                part
            };
            let part = match *code {
                1062 => part.replace('-', ","),
                _ => part.to_string(),
            };
            out = out.replace(&format!("{{{i}}}"), &part);
        }
        return out;
    }
    e.message.clone()
}

/// The lines about a statement that cannot be parsed: message, statement, and where.
pub fn syntax_lines(statement: &str, e: &syntax::SyntaxError) -> String {
    const LONGEST: usize = 128;
    const BEFORE: usize = 64;
    let start = e.position().min(statement.len());
    let bytes = statement.as_bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
    let end = match bytes.get(start) {
        Some(b) if word(*b) => start + bytes[start..].iter().take_while(|b| word(**b)).count(),
        Some(_) => start + 1,
        None => start,
    };
    let near = statement.get(start..end).unwrap_or("");
    let position = end + 1;
    let line_start = statement[..start].rfind('\n').map_or(0, |n| n + 1);
    let line_end = statement[start..]
        .find('\n')
        .map_or(statement.len(), |n| start + n);
    let (mut shown, mut caret) = (statement[..line_end].to_string(), position - line_start);
    if shown.len() > LONGEST && line_start == 0 {
        let from = (0..=position.saturating_sub(BEFORE))
            .rev()
            .find(|i| statement.is_char_boundary(*i))
            .unwrap_or(0);
        let to = (from + LONGEST).min(line_end);
        let to = (0..=to)
            .rev()
            .find(|i| statement.is_char_boundary(*i))
            .unwrap_or(to);
        shown = statement[from..to].to_string();
        caret = position - from;
    }
    format!(
        "Error parsing SQL: \nsyntax error at position {position} near '{near}'\n{shown}\n{}^",
        " ".repeat(caret)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_engine() {
        let said = |code, text: &str| message(&Error::new(code, "HY000", text));
        assert_eq!(
            said(1146, "Table 'db.t' doesn't exist"),
            "table not found: t"
        );
        assert_eq!(
            said(1054, "Unknown column 't.x' in 'field list'"),
            "column \"x\" could not be found in any table in scope"
        );
        assert_eq!(
            said(1062, "Duplicate entry '1-2' for key 't.PRIMARY'"),
            "duplicate primary key given: [1,2]"
        );
        assert_eq!(said(1105, "branch not found"), "branch not found");
        assert_eq!(
            said(
                1452,
                "Cannot add or update a child row: a foreign key constraint fails (`db`.`c`, CONSTRAINT `fk` FOREIGN KEY (`a`) REFERENCES `p` (`b`))"
            ),
            "cannot add or update a child row - Foreign key violation on fk: `fk`, table: `c`, referenced table: `p`"
        );
    }

    #[test]
    fn place_of_a_syntax_error() {
        let text = "select\n  2 frm x y";
        let e = syntax::parse(text, &syntax::Options::default()).unwrap_err();
        assert_eq!(
            syntax_lines(text, &e),
            "Error parsing SQL: \nsyntax error at position 17 near 'x'\nselect\n  2 frm x y\n          ^"
        );
    }
}
