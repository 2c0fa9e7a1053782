//! Reads separated values: an empty field is NULL, a quoted empty one is a text.

use crate::Failure;

/// Line number, and fields.
pub type Record = (usize, Vec<Option<String>>);

/// The records of a text; blank lines are left out.
pub fn records(text: &str, delimiter: &str) -> Result<Vec<Record>, Failure> {
    let bytes = text.as_bytes();
    let mut out: Vec<Record> = Vec::new();
    let (mut at, mut line) = (0, 1);
    let mut expected = None;
    while at < bytes.len() {
        let started = line;
        let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
        if text[at..end].trim().is_empty() {
            at = end + 1;
            line += 1;
            continue;
        }
        let mut fields = Vec::new();
        loop {
            while at < bytes.len()
                && matches!(bytes[at], b' ' | b'\t')
                && !text[at..].starts_with(delimiter)
            {
                at += 1;
            }
            if bytes.get(at) == Some(&b'"') {
                let mut field = String::new();
                at += 1;
                loop {
                    let Some(quote) = text[at..].find('"') else {
                        return Err(Failure::new(format!(
                            "line {started}: extraneous or missing \" in quoted-field"
                        )));
                    };
                    field.push_str(&text[at..at + quote]);
                    at += quote + 1;
                    if bytes.get(at) != Some(&b'"') {
                        break;
                    }
                    field.push('"');
                    at += 1;
                }
                line += field.matches('\n').count();
                // What stands between the quote and the end of the field belongs to neither.
                let rest = field_end(text, at, delimiter);
                at = rest;
                fields.push(Some(field));
            } else {
                let end = field_end(text, at, delimiter);
                let field = text[at..end].trim_end_matches('\r');
                fields.push((!field.is_empty()).then(|| field.to_string()));
                at = end;
            }
            if text[at..].starts_with(delimiter) {
                at += delimiter.len();
                continue;
            }
            at += 1;
            line += 1;
            break;
        }
        let wanted = *expected.get_or_insert(fields.len());
        if fields.len() != wanted {
            let shown: Vec<&str> = fields.iter().map(|f| f.as_deref().unwrap_or("")).collect();
            let mut text = format!(
                "CSV reader expected {wanted} values, but saw {}.\nrow values: '{{\n\t{}\n}}'",
                fields.len(),
                shown.join(",\n\t")
            );
            if fields.len() > wanted {
                text += &format!(
                    "\nwith the following values left over: '{:?}'",
                    &shown[wanted..]
                );
            }
            return Err(Failure::new(text));
        }
        out.push((started, fields));
    }
    Ok(out)
}

fn field_end(text: &str, at: usize, delimiter: &str) -> usize {
    let line_end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    text[at..line_end]
        .find(delimiter)
        .map_or(line_end, |n| at + n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_nulls() {
        let list = records("a,b\n1, \"x\"\"y\nz\"\n\n,\"\"\n", ",").unwrap();
        let s = |t: &str| Some(t.to_string());
        assert_eq!(
            list,
            [
                (1, vec![s("a"), s("b")]),
                (2, vec![s("1"), s("x\"y\nz")]),
                (5, vec![None, s("")]),
            ]
        );
        assert!(records("a,b\n1\n", ",").is_err());
        assert_eq!(records("a||b\n", "||").unwrap()[0].1.len(), 2);
    }
}
