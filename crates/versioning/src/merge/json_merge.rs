//! Merging JSON documents (spec 05 §6).

use values::Json;
use values::json::JsonValue;

fn same(a: Option<&Json>, b: Option<&Json>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.type_name() == b.type_name() && a.compare(b).is_eq(),
        _ => false,
    }
}

/// The document with the changes of both sides, or none if they conflict.
pub fn merge_json(base: &Json, left: &Json, right: &Json) -> Option<Json> {
    if same(Some(left), Some(right)) {
        return Some(left.clone());
    }
    let (JsonValue::Object(_), JsonValue::Object(ours), JsonValue::Object(theirs)) =
        (base.value(), left.value(), right.value())
    else {
        return None;
    };
    let new = theirs.iter().filter(|(key, _)| left.get(key).is_none());
    let keys = ours.iter().chain(new).map(|(key, _)| key);
    let mut members = Vec::new();
    for key in keys {
        let (b, l, r) = (base.get(key), left.get(key), right.get(key));
        let merged = if same(l, r) || same(b, r) {
            l.cloned()
        } else if same(b, l) {
            r.cloned()
        } else {
            match (b, l, r) {
                (Some(b), Some(l), Some(r)) => Some(merge_json(b, l, r)?),
                _ => return None,
            }
        };
        members.extend(merged.map(|m| (key.clone(), m)));
    }
    Some(Json::object(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, left: &str, right: &str, expected: Option<&str>) {
        let [b, l, r] = [base, left, right].map(|t| Json::parse(t).unwrap());
        let text = |j: Json| String::from_utf8(j.to_stored()).unwrap();
        for (l, r) in [(&l, &r), (&r, &l)] {
            assert_eq!(
                merge_json(&b, l, r).map(text).as_deref(),
                expected,
                "{base} {left} {right}"
            );
        }
    }

    #[test]
    fn documents() {
        check("{}", r#"{"a":1}"#, r#"{"b":2}"#, Some(r#"{"a":1,"b":2}"#));
        check(r#"{"k":"v"}"#, r#"{"k":"x"}"#, "{}", None);
        check(
            r#"{"k":{}}"#,
            r#"{"k":{"a":1}}"#,
            r#"{"k":{"b":2}}"#,
            Some(r#"{"k":{"a":1,"b":2}}"#),
        );
        check(r#"{"k":{}}"#, r#"{"k":{"a":1}}"#, r#"{"k":2}"#, None);
        check(r#"{"k":[1]}"#, r#"{"k":[1,1]}"#, r#"{"k":[]}"#, None);
        check(r#"{"k":[1,1]}"#, r#"{"k":[2,1]}"#, r#"{"k":[1,2]}"#, None);
        check(
            r#"{"k1":{},"k2":1}"#,
            r#"{"k1":[],"k2":1}"#,
            r#"{"k1":{},"k2":true}"#,
            Some(r#"{"k1":[],"k2":true}"#),
        );
        check("{}", r#"{"a":{}}"#, r#"{"a":{"x":1}}"#, None);
        check("1", "2", "3", None);
        check(
            "{}",
            r#"{"a":1,"aa":2}"#,
            r#"{"a":1}"#,
            Some(r#"{"a":1,"aa":2}"#),
        );
    }
}
