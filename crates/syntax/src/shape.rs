//! Statements that differ only in their literals have one shape: the text with `?` in place of
//! the literals. A plan that was made for the shape serves them all.

use crate::Options;
use crate::keyword::Kw;
use crate::lexer::{Lexer, T, Token, unescape};

/// A literal that was taken out of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShapeValue {
    /// Digits.
    Int(i64),
    /// Text of UTF-8 between quotes.
    Text(Box<[u8]>),
}

/// What [`Shape::read`] makes of a statement; its buffers serve one statement after another.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// The statement with `?` for each value.
    pub text: Vec<u8>,
    /// The values, in order.
    pub values: Vec<ShapeValue>,
}

/// Longest statement that is looked at.
const MAX_BYTES: usize = 8 << 10;
/// Most values that are taken out.
const MAX_VALUES: usize = 128;

/// The part of a statement that a token is in.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// Where literals stay: names of results, ordinals and limits come from them.
    Fixed,
    /// WHERE: operands of comparisons, of BETWEEN and of IN.
    Condition,
    /// SET of UPDATE.
    Assignments,
    /// VALUES of INSERT.
    Rows,
}

impl Shape {
    /// Reads a statement. False when it has no literals that can be taken out, or is of a kind
    /// that is better taken as it stands.
    ///
    /// Only whole operands are taken: of comparisons in WHERE, of assignments in UPDATE, and whole
    /// fields of INSERT's rows. There a literal and a parameter of its value mean the same.
    pub fn read(&mut self, sql: &[u8], options: &Options) -> bool {
        self.text.clear();
        self.values.clear();
        if sql.len() > MAX_BYTES {
            return false;
        }
        let mut lexer = Lexer::new(sql, options);
        let first = lexer.next();
        let verb = first.kw;
        if !matches!(
            verb,
            Kw::SELECT | Kw::UPDATE | Kw::DELETE | Kw::INSERT | Kw::REPLACE
        ) {
            return false;
        }
        let mut part = Part::Fixed;
        let mut before = first;
        // Depth of parentheses, and the depth at which an IN list is open.
        let (mut depth, mut list) = (0usize, None);
        let mut between = false;
        let mut copied = 0;
        let mut token = lexer.next();
        loop {
            match token.kind {
                T::End => break,
                T::Bad | T::Semi | T::Param => return false,
                T::LParen => {
                    depth += 1;
                    if before.kw == Kw::IN {
                        list = Some(depth);
                    }
                }
                T::RParen => {
                    if list == Some(depth) {
                        list = None;
                    }
                    depth = depth.saturating_sub(1);
                }
                T::Word => match token.kw {
                    // Subqueries and unions have parts of their own.
                    Kw::SELECT | Kw::UNION | Kw::INTO if verb == Kw::SELECT => return false,
                    Kw::SELECT | Kw::UNION | Kw::WITH => return false,
                    Kw::WHERE => part = Part::Condition,
                    Kw::SET if verb == Kw::UPDATE => part = Part::Assignments,
                    Kw::VALUES | Kw::VALUE if matches!(verb, Kw::INSERT | Kw::REPLACE) => {
                        part = match part {
                            Part::Fixed if before.kind != T::Eq => Part::Rows,
                            _ => part,
                        }
                    }
                    Kw::GROUP
                    | Kw::HAVING
                    | Kw::ORDER
                    | Kw::LIMIT
                    | Kw::WINDOW
                    | Kw::FOR
                    | Kw::LOCK
                    | Kw::PROCEDURE
                    | Kw::ON
                    | Kw::AS
                    | Kw::RETURNING => {
                        part = Part::Fixed;
                    }
                    _ => {}
                },
                _ => {}
            }
            let next = lexer.next();
            if matches!(token.kind, T::Int | T::Str) && part != Part::Fixed {
                let in_list = list == Some(depth) && matches!(before.kind, T::LParen | T::Comma);
                let second = between && before.kw == Kw::AND;
                let operand = match part {
                    Part::Fixed => false,
                    Part::Condition => {
                        in_list || second || before.kw == Kw::BETWEEN || is_comparison(before.kind)
                    }
                    Part::Assignments => before.kind == T::Eq && depth == 0,
                    Part::Rows => depth == 1 && matches!(before.kind, T::LParen | T::Comma),
                };
                if operand
                    && ends_operand(next)
                    && let Some(value) = value(sql, token, options)
                {
                    if self.values.len() == MAX_VALUES {
                        return false;
                    }
                    let (start, end) = (token.start as usize, token.end as usize);
                    self.text.extend_from_slice(&sql[copied..start]);
                    self.text.push(b'?');
                    self.values.push(value);
                    copied = end;
                }
                // The AND behind the first operand of BETWEEN belongs to it.
                between = before.kw == Kw::BETWEEN && next.kw == Kw::AND;
            } else if before.kw != Kw::BETWEEN && token.kw != Kw::AND {
                between = false;
            }
            before = token;
            token = next;
        }
        self.text.extend_from_slice(&sql[copied..]);
        !self.values.is_empty()
    }
}

fn is_comparison(kind: T) -> bool {
    matches!(
        kind,
        T::Eq | T::NullSafe | T::Ne | T::Lt | T::Le | T::Gt | T::Ge
    )
}

/// Whether nothing that follows belongs to the operand before: no operator, collation or further
/// piece of a string.
fn ends_operand(next: Token) -> bool {
    match next.kind {
        T::End | T::Comma | T::RParen | T::AmpAmp => true,
        T::Word => matches!(
            next.kw,
            Kw::AND
                | Kw::OR
                | Kw::XOR
                | Kw::WHERE
                | Kw::GROUP
                | Kw::HAVING
                | Kw::ORDER
                | Kw::LIMIT
                | Kw::FOR
        ),
        _ => false,
    }
}

fn value(sql: &[u8], token: Token, options: &Options) -> Option<ShapeValue> {
    let bytes = &sql[token.start as usize..token.end as usize];
    if token.kind == T::Int {
        // Longer ones may be decimals or unsigned.
        let small = bytes.len() <= 18;
        let digit = |n: i64, d: &u8| n * 10 + i64::from(d - b'0');
        return small.then(|| ShapeValue::Int(bytes.iter().fold(0, digit)));
    }
    let inner = &bytes[1..bytes.len() - 1];
    let text = match token.plain {
        true => inner.to_vec(),
        false => unescape(inner, bytes[0], options.no_backslash_escapes),
    };
    // Other bytes make a literal of its own kind.
    std::str::from_utf8(&text).ok()?;
    Some(ShapeValue::Text(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sql: &str) -> Option<(String, Vec<String>)> {
        let mut shape = Shape::default();
        shape.read(sql.as_bytes(), &Options::default()).then(|| {
            let values = shape.values.iter().map(|v| match v {
                ShapeValue::Int(n) => n.to_string(),
                ShapeValue::Text(t) => format!("'{}'", String::from_utf8_lossy(t)),
            });
            (
                String::from_utf8(shape.text.clone()).unwrap(),
                values.collect(),
            )
        })
    }

    #[test]
    fn whole_operands_are_taken_out_and_nothing_else() {
        let cases: &[(&str, &str, &[&str])] = &[
            (
                "SELECT c FROM t WHERE id=5",
                "SELECT c FROM t WHERE id=?",
                &["5"],
            ),
            (
                "select 1, 'a' from t where a >= 'x''y' and b <> 3 order by 1 limit 5",
                "select 1, 'a' from t where a >= ? and b <> ? order by 1 limit 5",
                &["'x'y'", "3"],
            ),
            (
                "SELECT SUM(k) FROM t WHERE id BETWEEN 10 AND 109 AND k = 3",
                "SELECT SUM(k) FROM t WHERE id BETWEEN ? AND ? AND k = ?",
                &["10", "109", "3"],
            ),
            (
                "SELECT * FROM t WHERE k IN (1, 2,'z') OR f(7) = 8",
                "SELECT * FROM t WHERE k IN (?, ?,?) OR f(7) = ?",
                &["1", "2", "'z'", "8"],
            ),
            (
                "UPDATE t SET c='a\\nb', k=k+1, d = 5 + 1 WHERE id=7 LIMIT 1",
                "UPDATE t SET c=?, k=k+1, d = 5 + 1 WHERE id=? LIMIT 1",
                &["'a\nb'", "7"],
            ),
            (
                "DELETE FROM t WHERE id=1",
                "DELETE FROM t WHERE id=?",
                &["1"],
            ),
            (
                "INSERT INTO t (a, b) VALUES (1, 'x'), (-2, f(3)), (4, NULL) ON DUPLICATE KEY UPDATE a = 9",
                "INSERT INTO t (a, b) VALUES (?, ?), (-2, f(3)), (?, NULL) ON DUPLICATE KEY UPDATE a = 9",
                &["1", "'x'", "4"],
            ),
        ];
        for (sql, text, values) in cases {
            let (got, taken) = shape(sql).unwrap_or_else(|| panic!("{sql}"));
            assert_eq!(&got, text);
            assert_eq!(taken, *values, "{sql}");
        }
    }

    #[test]
    fn what_is_not_a_whole_operand_stays() {
        for sql in [
            "SELECT 5",
            "SELECT 5 FROM t ORDER BY 1",
            "SELECT a FROM t WHERE b = 5 + 1",
            "SELECT a FROM t WHERE b = 'a' 'b'",
            "SELECT a FROM t WHERE b = 'a' COLLATE utf8mb4_bin",
            "SELECT a FROM t WHERE b = _latin1'a'",
            "SELECT a FROM t WHERE b = DATE'2020-01-01'",
            "SELECT a FROM t WHERE b = -5",
            "SELECT a FROM t WHERE b = 12345678901234567890",
            "SELECT a FROM t WHERE b = 1.5",
            "SELECT a FROM t WHERE b = 0x41",
            "SELECT a FROM t WHERE b LIKE 'a%'",
            "SELECT a FROM t WHERE b = (SELECT 1 FROM u WHERE c = 2)",
            "SELECT a FROM t WHERE b = 1 UNION SELECT 2",
            "SELECT a FROM t WHERE b = 1; SELECT 2",
            "SELECT a FROM t WHERE b = ?",
            "SELECT a FROM t WHERE b = 'open",
            "SET a = 5",
            "CREATE TABLE t (a INT DEFAULT 5)",
            "INSERT INTO t SELECT 5 FROM u WHERE a = 3",
            "SELECT a FROM t JOIN u ON t.a = 5",
        ] {
            assert_eq!(shape(sql), None, "{sql}");
        }
        let raw = b"SELECT a FROM t WHERE b = '\xff'";
        assert!(!Shape::default().read(raw, &Options::default()));
    }
}
