//! Patterns of tables that are not staged unless they are named (spec 04 §6.6).

use model::Root;
use values::{OwnedValue, Value};
use versioning::RowReader;

use crate::error::{Error, Result};

/// The patterns of a root.
#[derive(Default)]
pub struct IgnorePatterns(Vec<(String, bool)>);

/// What the patterns say about a table.
pub enum Verdict {
    /// It is ignored.
    Ignored,
    /// It is not.
    Kept,
    /// The patterns contradict each other.
    Conflict(Error),
}

/// Whether a pattern matches a text; `loose` lets `?` stand for a wildcard in the text, too.
fn matches(pattern: &[u8], text: &[u8], loose: bool) -> bool {
    let wild = |c: u8| c == b'*' || c == b'%';
    let (mut p, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && wild(pattern[p]) {
            back = Some((p, t));
            p += 1;
        } else if p < pattern.len()
            && (pattern[p] == text[t] || pattern[p] == b'?' && (loose || !wild(text[t])))
        {
            p += 1;
            t += 1;
        } else if let Some((star, at)) = back {
            p = star + 1;
            t = at + 1;
            back = Some((star, at + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| wild(*c))
}

/// Whether a pattern of `dolt_ignore` or `dolt_nonlocal_tables` is about a table.
pub fn matches_pattern(pattern: &str, table: &str) -> bool {
    matches(pattern.as_bytes(), table.as_bytes(), true)
}

impl IgnorePatterns {
    /// The patterns in a root's dolt_ignore.
    pub fn of(root: &Root) -> Result<IgnorePatterns> {
        let Some((_, table)) = root.table("dolt_ignore")? else {
            return Ok(IgnorePatterns::default());
        };
        let reader = RowReader::of(&table);
        let schema = table.schema();
        let (Some(pattern), Some(ignored)) = (
            schema.column_index("pattern"),
            schema.column_index("ignored"),
        ) else {
            return Ok(IgnorePatterns::default());
        };
        let mut out = Vec::new();
        for run in table.rows()?.all()? {
            for (key, value) in run?.iter() {
                let text = crate::convert::to_string(&reader.value(pattern, key, value)?);
                let flag: OwnedValue = reader.value(ignored, key, value)?;
                out.push((text, !matches!(flag, Value::Int(0) | Value::Null)));
            }
        }
        Ok(IgnorePatterns(out))
    }

    /// What they say about a table that is new.
    pub fn verdict(&self, table: &str) -> Verdict {
        if table.eq_ignore_ascii_case("dolt_rebase") {
            return Verdict::Ignored;
        }
        let hits: Vec<&(String, bool)> = self
            .0
            .iter()
            .filter(|(p, _)| matches_pattern(p, table))
            .collect();
        let covers = |a: &str, b: &str| matches(a.as_bytes(), b.as_bytes(), false);
        // A pattern gives way to an opposite one that is more specific.
        let left: Vec<&&(String, bool)> = hits
            .iter()
            .filter(|(p, flag)| {
                !hits
                    .iter()
                    .any(|(q, other)| other != flag && covers(p, q) && !covers(q, p))
            })
            .collect();
        let yes: Vec<&str> = left.iter().filter(|p| p.1).map(|p| p.0.as_str()).collect();
        let no: Vec<&str> = left.iter().filter(|p| !p.1).map(|p| p.0.as_str()).collect();
        match (yes.is_empty(), no.is_empty()) {
            (false, true) => Verdict::Ignored,
            (true, _) => Verdict::Kept,
            _ => {
                let mut text =
                    format!("the table {table} matches conflicting patterns in dolt_ignore:");
                yes.iter()
                    .for_each(|p| text += &format!("\nignored:     {p}"));
                no.iter()
                    .for_each(|p| text += &format!("\nnot ignored: {p}"));
                Verdict::Conflict(Error::general(text))
            }
        }
    }

    /// Whether a new table is ignored; contradictions do not ignore it.
    pub fn ignores(&self, table: &str) -> bool {
        matches!(self.verdict(table), Verdict::Ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(patterns: &[(&str, bool)], table: &str) -> &'static str {
        let patterns = patterns.iter().map(|(p, i)| (p.to_string(), *i)).collect();
        match IgnorePatterns(patterns).verdict(table) {
            Verdict::Ignored => "ignored",
            Verdict::Kept => "kept",
            Verdict::Conflict(_) => "conflict",
        }
    }

    #[test]
    fn specific_patterns_win() {
        assert_eq!(verdict(&[("tmp_*", true)], "tmp_a"), "ignored");
        assert_eq!(verdict(&[("tmp_*", true)], "atmp_a"), "kept");
        assert_eq!(
            verdict(&[("tmp_*", true), ("tmp_keep%", false)], "tmp_keep1"),
            "kept"
        );
        assert_eq!(
            verdict(&[("tmp_*", true), ("*_keep", false)], "tmp_keep"),
            "conflict"
        );
        assert_eq!(verdict(&[("a?c", true), ("a*", false)], "abc"), "ignored");
    }
}
