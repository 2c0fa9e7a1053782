//! Splitting a script at a delimiter, as command-line clients do before they send anything.

use std::ops::Range;

/// Gives the byte ranges of the statements of `text` that end with `delimiter`, without it, and
/// whether the last one lacks it. Blanks around a statement are left out, and so are statements of
/// nothing else. Quotes and comments hide delimiters; an unclosed one reaches to the end.
pub fn split_statements<'a>(text: &'a [u8], delimiter: &'a [u8]) -> Split<'a> {
    Split {
        text,
        delimiter: if delimiter.is_empty() {
            b";"
        } else {
            delimiter
        },
        position: 0,
    }
}

/// A statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitStatement {
    /// Its bytes.
    pub range: Range<usize>,
    /// Whether the delimiter follows; without it more input may belong to the statement.
    pub complete: bool,
}

/// Iterator of [`split_statements`].
#[derive(Clone, Debug)]
pub struct Split<'a> {
    text: &'a [u8],
    delimiter: &'a [u8],
    position: usize,
}

impl Split<'_> {
    /// Byte offset after the last statement given and its delimiter.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Position after the quoted text or comment that starts at `i`, or after one byte.
    fn pass_over(&self, i: usize) -> usize {
        let rest = &self.text[i..];
        let line = || {
            rest.iter()
                .position(|b| *b == b'\n')
                .map_or(self.text.len(), |n| i + n)
        };
        match rest[0] {
            quote @ (b'\'' | b'"' | b'`') => {
                let mut j = i + 1;
                while j < self.text.len() {
                    if self.text[j] == b'\\' && quote != b'`' {
                        j += 1;
                    } else if self.text[j] == quote {
                        // A doubled quote opens the next part at once.
                        return j + 1;
                    }
                    j += 1;
                }
                self.text.len()
            }
            b'#' => line(),
            b'-' if rest.starts_with(b"--") && rest.get(2).is_none_or(|b| *b <= b' ') => line(),
            b'/' if rest.starts_with(b"/*") => rest[2..]
                .windows(2)
                .position(|w| w == b"*/")
                .map_or(self.text.len(), |n| i + 2 + n + 2),
            _ => i + 1,
        }
    }
}

impl Iterator for Split<'_> {
    type Item = SplitStatement;

    fn next(&mut self) -> Option<SplitStatement> {
        loop {
            let start = self.position;
            if start >= self.text.len() {
                return None;
            }
            let mut i = start;
            let mut complete = false;
            while i < self.text.len() {
                if self.text[i..].starts_with(self.delimiter) {
                    complete = true;
                    break;
                }
                i = self.pass_over(i);
            }
            let end = i.min(self.text.len());
            self.position = if complete {
                end + self.delimiter.len()
            } else {
                self.text.len()
            };
            let statement = &self.text[start..end];
            let blank = |b: &&u8| b.is_ascii_whitespace();
            let left = statement.iter().take_while(blank).count();
            if left < statement.len() {
                let right = statement.iter().rev().take_while(blank).count();
                return Some(SplitStatement {
                    range: start + left..end - right,
                    complete,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, delimiter: &str, expected: &[(&str, bool)]) {
        let got: Vec<_> = split_statements(text.as_bytes(), delimiter.as_bytes())
            .map(|s| (&text[s.range.clone()], s.complete))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn quotes_and_comments_hide_the_delimiter() {
        check(
            "select ';', \"a\\\";\", `b;` ; /* ; */ select 1 -- ;\n; # ;\n select 'it''s;'",
            ";",
            &[
                ("select ';', \"a\\\";\", `b;`", true),
                ("/* ; */ select 1 -- ;", true),
                ("# ;\n select 'it''s;'", false),
            ],
        );
        check(" ;; \n", ";", &[]);
        check("select 'open; ", ";", &[("select 'open;", false)]);
    }

    #[test]
    fn other_delimiters() {
        check(
            "begin a; b; end // next//",
            "//",
            &[("begin a; b; end", true), ("next", true)],
        );
        check("a $$ b; c", "$$", &[("a", true), ("b; c", false)]);
    }
}
