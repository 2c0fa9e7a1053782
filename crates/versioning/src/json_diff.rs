//! What differs between two JSON documents, by path (spec 04 §6).

use std::cmp::Ordering;
use std::fmt::Write as _;

use values::Json;
use values::json::{JsonValue, key_order};

/// One difference.
#[derive(Clone, Debug)]
pub struct JsonDifference {
    /// Where it is, as MySQL writes paths.
    pub path: String,
    /// What was there; none if it was added.
    pub from: Option<Json>,
    /// What is there; none if it was removed.
    pub to: Option<Json>,
}

/// The differences between two documents in the order of their members. Items of arrays are
/// compared with those at the same position.
pub fn json_diff(from: &Json, to: &Json) -> Vec<JsonDifference> {
    let mut out = Vec::new();
    // Parsed documents are of bounded depth.
    walk("$", Some(from), Some(to), &mut out);
    out
}

fn walk(path: &str, from: Option<&Json>, to: Option<&Json>, out: &mut Vec<JsonDifference>) {
    let different = || JsonDifference {
        path: path.to_string(),
        from: from.cloned(),
        to: to.cloned(),
    };
    let (Some(f), Some(t)) = (from, to) else {
        out.push(different());
        return;
    };
    match (f.value(), t.value()) {
        (JsonValue::Object(a), JsonValue::Object(b)) => {
            let (mut i, mut j) = (0, 0);
            while i < a.len() || j < b.len() {
                let order = match (a.get(i), b.get(j)) {
                    (Some((x, _)), Some((y, _))) => key_order(x, y),
                    (Some(_), None) => Ordering::Less,
                    _ => Ordering::Greater,
                };
                let (left, right) = (
                    a.get(i).filter(|_| order.is_le()),
                    b.get(j).filter(|_| order.is_ge()),
                );
                i += usize::from(left.is_some());
                j += usize::from(right.is_some());
                if let Some((key, _)) = left.or(right) {
                    let (left, right) = (left.map(|m| &m.1), right.map(|m| &m.1));
                    walk(&format!("{path}.{key}"), left, right, out);
                }
            }
        }
        (JsonValue::Array(a), JsonValue::Array(b)) => {
            let mut item = String::new();
            for i in 0..a.len().max(b.len()) {
                item.clear();
                let _ = write!(item, "{path}[{i}]");
                walk(&item, a.get(i), b.get(i), out);
            }
        }
        _ if f.compare(t).is_eq() => {}
        _ => out.push(different()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, expected: &[&str]) {
        let text = |j: &Option<Json>| match j {
            Some(j) => String::from_utf8(j.to_stored()).unwrap(),
            None => "-".to_string(),
        };
        let (from, to) = (Json::parse(from).unwrap(), Json::parse(to).unwrap());
        let found = json_diff(&from, &to);
        let shown = found
            .iter()
            .map(|d| format!("{} {} {}", d.path, text(&d.from), text(&d.to)));
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn documents() {
        check("1", "1.0", &[]);
        check("1", "\"1\"", &["$ 1 \"1\""]);
        check(r#"{"a":1}"#, r#"{"a":2}"#, &["$.a 1 2"]);
        check(r#"{"b":3}"#, r#"{"c":3}"#, &["$.b 3 -", "$.c - 3"]);
        check("[0,1,2]", "[0,1,3,4]", &["$[2] 2 3", "$[3] - 4"]);
        check(
            r#"{"a":[0,{"x":1}],"bb":1}"#,
            r#"{"a":[0,{"x":2}],"c":{},"bb":[]}"#,
            &["$.a[1].x 1 2", "$.c - {}", "$.bb 1 []"],
        );
        check("null", "null", &[]);
    }
}
