//! Changing documents and asking about their content.

use super::{Json, JsonValue, Members, Path, PathLeg, Position, key_order};
use crate::Collation;

/// What JSON_ARRAY_INSERT and JSON_ARRAY_APPEND do at the end of their path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArraySlot {
    /// Before the element that the path names.
    Insert,
    /// After the last element of the array that the path names.
    Append,
}

#[derive(Clone, Copy, PartialEq)]
enum Change {
    Set,
    Insert,
    Replace,
}

fn member_at(members: &Members, key: &str) -> Result<usize, usize> {
    members.binary_search_by(|m| key_order(&m.0, key))
}

/// Changes the value at `legs` by `edit`, sharing what does not change.
fn change(json: &Json, legs: &[PathLeg], edit: &dyn Fn(&Json) -> Option<Json>) -> Option<Json> {
    let Some((leg, rest)) = legs.split_first() else {
        return edit(json);
    };
    match (leg, json.value()) {
        (PathLeg::Member(key), JsonValue::Object(members)) => {
            let at = member_at(members, key).ok()?;
            let new = change(&members[at].1, rest, edit)?;
            let mut members = members.clone();
            members[at].1 = new;
            Some(JsonValue::Object(members).into())
        }
        (PathLeg::Cell(position), JsonValue::Array(items)) => {
            let at = position.resolve(items.len()).filter(|i| *i < items.len())?;
            let new = change(&items[at], rest, edit)?;
            let mut items = items.clone();
            items[at] = new;
            Some(Json::array(items))
        }
        // A scalar or object is an array of itself.
        (PathLeg::Cell(position), _) if position.resolve(1) == Some(0) => change(json, rest, edit),
        _ => None,
    }
}

impl Json {
    fn put(&self, path: &Path, value: &Json, how: Change) -> Json {
        let Some((last, parents)) = path.legs.split_last() else {
            return if how == Change::Insert {
                self.clone()
            } else {
                value.clone()
            };
        };
        let edit = |parent: &Json| -> Option<Json> {
            match (last, parent.value()) {
                (PathLeg::Member(key), JsonValue::Object(members)) => {
                    let mut members = members.clone();
                    match member_at(&members, key) {
                        Ok(at) if how != Change::Insert => members[at].1 = value.clone(),
                        Err(at) if how != Change::Replace => {
                            members.insert(at, (key.clone(), value.clone()));
                        }
                        _ => return None,
                    }
                    Some(JsonValue::Object(members).into())
                }
                (PathLeg::Cell(position), JsonValue::Array(items)) => {
                    let mut items = items.clone();
                    match position.resolve(items.len()) {
                        Some(at) if at < items.len() => {
                            if how == Change::Insert {
                                return None;
                            }
                            items[at] = value.clone();
                        }
                        _ if how == Change::Replace => return None,
                        Some(_) => items.push(value.clone()),
                        None => items.insert(0, value.clone()),
                    }
                    Some(Json::array(items))
                }
                (PathLeg::Cell(position), _) => match position.resolve(1) {
                    Some(0) => (how != Change::Insert).then(|| value.clone()),
                    _ if how == Change::Replace => None,
                    Some(_) => Some(Json::array(vec![parent.clone(), value.clone()])),
                    None => Some(Json::array(vec![value.clone(), parent.clone()])),
                },
                _ => None,
            }
        };
        change(self, parents, &edit).unwrap_or_else(|| self.clone())
    }

    /// JSON_SET: replaces or adds.
    pub fn set(&self, path: &Path, value: &Json) -> Json {
        self.put(path, value, Change::Set)
    }

    /// JSON_INSERT: only adds.
    pub fn insert(&self, path: &Path, value: &Json) -> Json {
        self.put(path, value, Change::Insert)
    }

    /// JSON_REPLACE: only replaces.
    pub fn replace(&self, path: &Path, value: &Json) -> Json {
        self.put(path, value, Change::Replace)
    }

    /// JSON_REMOVE; the path `$` removes nothing.
    pub fn remove(&self, path: &Path) -> Json {
        let Some((last, parents)) = path.legs.split_last() else {
            return self.clone();
        };
        let edit = |parent: &Json| -> Option<Json> {
            match (last, parent.value()) {
                (PathLeg::Member(key), JsonValue::Object(members)) => {
                    let at = member_at(members, key).ok()?;
                    let mut members = members.clone();
                    members.remove(at);
                    Some(JsonValue::Object(members).into())
                }
                (PathLeg::Cell(position), JsonValue::Array(items)) => {
                    let at = position.resolve(items.len()).filter(|i| *i < items.len())?;
                    let mut items = items.clone();
                    items.remove(at);
                    Some(Json::array(items))
                }
                _ => None,
            }
        };
        change(self, parents, &edit).unwrap_or_else(|| self.clone())
    }

    /// JSON_ARRAY_APPEND and JSON_ARRAY_INSERT. `None` when an insert does not name an element.
    pub fn array_put(&self, path: &Path, value: &Json, slot: ArraySlot) -> Option<Json> {
        let done = match slot {
            ArraySlot::Append => change(self, &path.legs, &|j| {
                let mut items = match j.value() {
                    JsonValue::Array(items) => items.clone(),
                    _ => vec![j.clone()],
                };
                items.push(value.clone());
                Some(Json::array(items))
            }),
            ArraySlot::Insert => {
                let (last, parents) = path.legs.split_last()?;
                let PathLeg::Cell(position) = last else {
                    return None;
                };
                change(self, parents, &|j| match j.value() {
                    JsonValue::Array(items) => {
                        let mut items = items.clone();
                        let at = match position {
                            Position::FromStart(n) => *n,
                            Position::FromEnd(n) => items.len().saturating_sub(n + 1),
                        };
                        items.insert(at.min(items.len()), value.clone());
                        Some(Json::array(items))
                    }
                    _ => None,
                })
            }
        };
        Some(done.unwrap_or_else(|| self.clone()))
    }

    /// JSON_MERGE_PATCH (RFC 7396).
    pub fn merge_patch(&self, patch: &Json) -> Json {
        let JsonValue::Object(changes) = patch.value() else {
            return patch.clone();
        };
        let mut members = match self.value() {
            JsonValue::Object(members) => members.clone(),
            _ => Vec::new(),
        };
        for (key, value) in changes {
            match (member_at(&members, key), value.value()) {
                (Ok(at), JsonValue::Null) => {
                    members.remove(at);
                }
                (Err(_), JsonValue::Null) => {}
                (Ok(at), _) => members[at].1 = members[at].1.merge_patch(value),
                (Err(at), _) => members.insert(at, (key.clone(), Json::null().merge_patch(value))),
            }
        }
        JsonValue::Object(members).into()
    }

    /// JSON_MERGE_PRESERVE: arrays join, objects merge, anything else becomes an array.
    pub fn merge_preserve(&self, other: &Json) -> Json {
        if let (JsonValue::Object(a), JsonValue::Object(b)) = (self.value(), other.value()) {
            let mut members = a.clone();
            for (key, value) in b {
                match member_at(&members, key) {
                    Ok(at) => members[at].1 = members[at].1.merge_preserve(value),
                    Err(at) => members.insert(at, (key.clone(), value.clone())),
                }
            }
            return JsonValue::Object(members).into();
        }
        let items = |j: &Json| match j.value() {
            JsonValue::Array(items) => items.clone(),
            _ => vec![j.clone()],
        };
        let mut joined = items(self);
        joined.extend(items(other));
        Json::array(joined)
    }

    /// JSON_CONTAINS.
    pub fn contains(&self, candidate: &Json) -> bool {
        match (self.value(), candidate.value()) {
            (JsonValue::Array(items), JsonValue::Array(wanted)) => {
                wanted.iter().all(|w| items.iter().any(|i| i.contains(w)))
            }
            (JsonValue::Array(items), _) => items.iter().any(|i| i.contains(candidate)),
            (JsonValue::Object(_), JsonValue::Object(wanted)) => wanted
                .iter()
                .all(|(k, w)| self.get(k).is_some_and(|v| v.contains(w))),
            (JsonValue::Object(_), _) | (_, JsonValue::Object(_) | JsonValue::Array(_)) => false,
            _ => self == candidate,
        }
    }

    /// JSON_OVERLAPS.
    pub fn overlaps(&self, other: &Json) -> bool {
        match (self.value(), other.value()) {
            (JsonValue::Array(a), JsonValue::Array(b)) => a.iter().any(|x| b.contains(x)),
            (JsonValue::Array(a), _) => a.contains(other),
            (_, JsonValue::Array(b)) => b.contains(self),
            (JsonValue::Object(a), JsonValue::Object(_)) => {
                a.iter().any(|(k, v)| other.get(k) == Some(v))
            }
            _ => self == other,
        }
    }

    /// JSON_SEARCH: paths of the strings that match a LIKE pattern, below the values that `roots`
    /// lead to; only the first one if `one`.
    pub fn search(
        &self,
        pattern: &[u8],
        escape: Option<char>,
        collation: &Collation,
        roots: &[Path],
        one: bool,
    ) -> Vec<String> {
        let mut out = Vec::new();
        let matches = |s: &str| collation.like(s.as_bytes(), pattern, escape);
        let within: Option<Vec<*const Json>> = (!roots.is_empty()).then(|| {
            roots
                .iter()
                .flat_map(|p| self.find(p))
                .map(std::ptr::from_ref)
                .collect()
        });
        let found = within.is_none();
        search(self, "$", &matches, within.as_deref(), found, one, &mut out);
        out
    }
}

fn search(
    json: &Json,
    path: &str,
    matches: &dyn Fn(&str) -> bool,
    roots: Option<&[*const Json]>,
    below: bool,
    one: bool,
    out: &mut Vec<String>,
) {
    let below = below || roots.is_some_and(|r| r.contains(&std::ptr::from_ref(json)));
    if one && !out.is_empty() {
        return;
    }
    match json.value() {
        JsonValue::String(s) if below && matches(s) => out.push(path.to_string()),
        JsonValue::Array(items) => {
            for (i, v) in items.iter().enumerate() {
                search(v, &format!("{path}[{i}]"), matches, roots, below, one, out);
            }
        }
        JsonValue::Object(members) => {
            for (k, v) in members {
                let mut leg = format!("{path}.").into_bytes();
                let mut bytes = k.bytes();
                let starts = bytes
                    .next()
                    .is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'$'));
                if starts && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$')) {
                    leg.extend_from_slice(k.as_bytes());
                } else {
                    super::quote(k, &mut leg);
                }
                let leg = String::from_utf8_lossy(&leg);
                search(v, &leg, matches, roots, below, one, out);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn j(s: &str) -> Json {
        Json::parse(s).unwrap()
    }
    fn p(s: &str) -> Path {
        Path::parse(s).unwrap()
    }

    #[test]
    fn edits() {
        let d = j(r#"{"a": 1, "b": [2, 3]}"#);
        assert_eq!(
            d.set(&p("$.a"), &j("10")).to_string(),
            r#"{"a": 10, "b": [2, 3]}"#
        );
        assert_eq!(
            d.set(&p("$.c"), &j("[true]")).to_string(),
            r#"{"a": 1, "b": [2, 3], "c": [true]}"#
        );
        assert_eq!(d.insert(&p("$.a"), &j("10")).to_string(), d.to_string());
        assert_eq!(d.replace(&p("$.c"), &j("10")).to_string(), d.to_string());
        assert_eq!(
            d.set(&p("$.b[9]"), &j("4")).to_string(),
            r#"{"a": 1, "b": [2, 3, 4]}"#
        );
        assert_eq!(
            d.set(&p("$.a[1]"), &j("4")).to_string(),
            r#"{"a": [1, 4], "b": [2, 3]}"#
        );
        assert_eq!(d.remove(&p("$.b[0]")).to_string(), r#"{"a": 1, "b": [3]}"#);
        assert_eq!(d.remove(&p("$.x.y")).to_string(), d.to_string());
        assert_eq!(
            d.array_put(&p("$.b"), &j("4"), ArraySlot::Append)
                .unwrap()
                .to_string(),
            r#"{"a": 1, "b": [2, 3, 4]}"#
        );
        assert_eq!(
            d.array_put(&p("$.a"), &j("4"), ArraySlot::Append)
                .unwrap()
                .to_string(),
            r#"{"a": [1, 4], "b": [2, 3]}"#
        );
        assert_eq!(
            d.array_put(&p("$.b[1]"), &j("4"), ArraySlot::Insert)
                .unwrap()
                .to_string(),
            r#"{"a": 1, "b": [2, 4, 3]}"#
        );
        assert!(d.array_put(&p("$.b"), &j("4"), ArraySlot::Insert).is_none());
    }

    #[test]
    fn merges() {
        assert_eq!(
            j(r#"{"a": 1, "b": 2}"#)
                .merge_patch(&j(r#"{"b": null, "c": {"d": null}}"#))
                .to_string(),
            r#"{"a": 1, "c": {}}"#
        );
        assert_eq!(j("[1, 2]").merge_patch(&j("true")).to_string(), "true");
        assert_eq!(
            j("[1, 2]").merge_preserve(&j(r#"{"id": 47}"#)).to_string(),
            r#"[1, 2, {"id": 47}]"#
        );
        assert_eq!(
            j(r#"{"a": 1, "b": 2}"#)
                .merge_preserve(&j(r#"{"a": 3, "c": 4}"#))
                .to_string(),
            r#"{"a": [1, 3], "b": 2, "c": 4}"#
        );
    }

    #[test]
    fn content() {
        let d = j(r#"{"a": 1, "b": 2, "c": {"d": 4}}"#);
        assert!(d.contains(&j(r#"{"c": {"d": 4}}"#)));
        assert!(!d.contains(&j("1")));
        assert!(j("[1, [2, 3]]").contains(&j("2")));
        assert!(j("[1,3,5,7]").overlaps(&j("[2,5,7]")));
        assert!(!j("[[1,2],3]").overlaps(&j("[1]")));
        let s = j(r#"["abc", [{"k": "10"}, "def"], {"x": "abc"}, {"y y": "bcd"}]"#);
        let bin = crate::CollationId(46).get();
        assert_eq!(
            s.search(b"abc", Some('\\'), bin, &[], false),
            ["$[0]", "$[2].x"]
        );
        assert_eq!(s.search(b"abc", Some('\\'), bin, &[], true), ["$[0]"]);
        assert_eq!(
            s.search(b"%b%", Some('\\'), bin, &[p("$[2]"), p("$[3]")], false),
            ["$[2].x", "$[3].\"y y\""]
        );
    }
}
