//! JSON paths: `$.key`, `$."key"`, `[n]`, `[last-n]`, `[a to b]`, `.*`, `[*]`, `**`.

use super::{Json, JsonValue};

/// A path that is not one; MySQL error 3143 with the position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid JSON path expression. The error is around character position {0}.")]
pub struct BadPath(pub usize);

/// An array position, from the start or from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// `[n]`
    FromStart(usize),
    /// `[last-n]`
    FromEnd(usize),
}

impl Position {
    /// The index in an array of this length; may lie past the end.
    pub fn resolve(self, length: usize) -> Option<usize> {
        match self {
            Position::FromStart(n) => Some(n),
            Position::FromEnd(n) => length.checked_sub(n + 1),
        }
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathLeg {
    /// `.key`
    Member(Box<str>),
    /// `.*`
    AnyMember,
    /// `[n]`
    Cell(Position),
    /// `[a to b]`
    Range(Position, Position),
    /// `[*]`
    AnyCell,
    /// `**`: this and everything below.
    Descend,
}

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The steps from the root.
    pub legs: Vec<PathLeg>,
}

/// Most steps of a path, as documents are not deeper.
const MAX_LEGS: usize = 100;

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn bad<T>(&self) -> Result<T, BadPath> {
        Err(BadPath(self.at))
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn number(&mut self) -> Result<usize, BadPath> {
        let n = self.text[self.at..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let digits = &self.text[self.at..self.at + n];
        let v = std::str::from_utf8(digits)
            .ok()
            .and_then(|t| t.parse::<u32>().ok());
        match v {
            Some(v) => {
                self.at += n;
                Ok(v as usize)
            }
            None => self.bad(),
        }
    }

    fn position(&mut self) -> Result<Position, BadPath> {
        self.space();
        if self.take(b"last") {
            self.space();
            if self.take(b"-") {
                self.space();
                return Ok(Position::FromEnd(self.number()?));
            }
            return Ok(Position::FromEnd(0));
        }
        Ok(Position::FromStart(self.number()?))
    }

    fn leg(&mut self) -> Result<PathLeg, BadPath> {
        if self.take(b"**") {
            return Ok(PathLeg::Descend);
        }
        if self.take(b"[") {
            self.space();
            let leg = if self.take(b"*") {
                PathLeg::AnyCell
            } else {
                let from = self.position()?;
                self.space();
                if self.take(b"to") {
                    let to = self.position()?;
                    PathLeg::Range(from, to)
                } else {
                    PathLeg::Cell(from)
                }
            };
            self.space();
            if !self.take(b"]") {
                return self.bad();
            }
            return Ok(leg);
        }
        if !self.take(b".") {
            return self.bad();
        }
        self.space();
        if self.take(b"*") {
            return Ok(PathLeg::AnyMember);
        }
        let start = self.at;
        if self.text.get(self.at) == Some(&b'"') {
            self.at += 1;
            while let Some(&b) = self.text.get(self.at) {
                self.at += 1;
                match b {
                    b'\\' => self.at += 1,
                    b'"' => {
                        let quoted = self
                            .text
                            .get(start..self.at)
                            .and_then(|q| std::str::from_utf8(q).ok());
                        let key = quoted.and_then(|q| Json::parse(q).ok());
                        return match key.as_ref().map(Json::value) {
                            Some(JsonValue::String(s)) => Ok(PathLeg::Member(s.clone())),
                            _ => Err(BadPath(start)),
                        };
                    }
                    _ => {}
                }
            }
            return Err(BadPath(start));
        }
        // Any identifier of ECMAScript, and whatever is not ASCII.
        while let Some(&b) = self.text.get(self.at) {
            let ok = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || b >= 0x80;
            if !ok || (self.at == start && b.is_ascii_digit()) {
                break;
            }
            self.at += 1;
        }
        match std::str::from_utf8(&self.text[start..self.at]) {
            Ok(key) if !key.is_empty() => Ok(PathLeg::Member(key.into())),
            _ => self.bad(),
        }
    }
}

impl Path {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Path, BadPath> {
        let mut s = Scanner {
            text: text.trim_end().as_bytes(),
            at: 0,
        };
        s.space();
        if !s.take(b"$") {
            return s.bad();
        }
        let mut legs = Vec::new();
        loop {
            s.space();
            if s.at >= s.text.len() {
                break;
            }
            if legs.len() == MAX_LEGS {
                return s.bad();
            }
            legs.push(s.leg()?);
        }
        if legs.last() == Some(&PathLeg::Descend) {
            return Err(BadPath(s.text.len()));
        }
        Ok(Path { legs })
    }

    /// Whether it can lead to more than one value.
    pub fn has_wildcard(&self) -> bool {
        self.legs
            .iter()
            .any(|l| !matches!(l, PathLeg::Member(_) | PathLeg::Cell(_)))
    }
}

impl Json {
    /// The values that a path leads to, in order. A value that is not an array counts as an
    /// array of itself.
    pub fn find<'a>(&'a self, path: &Path) -> Vec<&'a Json> {
        let mut out = Vec::new();
        find(self, &path.legs, &mut out);
        out
    }

    /// JSON_EXTRACT with one path: the value, or an array of values when the path has wildcards.
    pub fn extract(&self, path: &Path) -> Option<Json> {
        let found = self.find(path);
        if path.has_wildcard() {
            return (!found.is_empty()).then(|| Json::array(found.into_iter().cloned().collect()));
        }
        found.first().map(|j| (*j).clone())
    }
}

fn push_once<'a>(json: &'a Json, out: &mut Vec<&'a Json>) {
    // `**` can reach a value in more than one way.
    if !out.iter().any(|o| std::ptr::eq(*o, json)) {
        out.push(json);
    }
}

fn find<'a>(json: &'a Json, legs: &[PathLeg], out: &mut Vec<&'a Json>) {
    let Some((leg, rest)) = legs.split_first() else {
        return out.push(json);
    };
    match leg {
        PathLeg::Member(key) => {
            if let Some(v) = json.get(key) {
                find(v, rest, out);
            }
        }
        PathLeg::AnyMember => {
            if let JsonValue::Object(members) = json.value() {
                members.iter().for_each(|m| find(&m.1, rest, out));
            }
        }
        PathLeg::Cell(position) => match json.value() {
            JsonValue::Array(items) => {
                if let Some(v) = position.resolve(items.len()).and_then(|i| items.get(i)) {
                    find(v, rest, out);
                }
            }
            _ => {
                if position.resolve(1) == Some(0) {
                    find(json, rest, out);
                }
            }
        },
        PathLeg::Range(from, to) => match json.value() {
            JsonValue::Array(items) => {
                let start = from.resolve(items.len()).unwrap_or(0);
                let Some(end) = to.resolve(items.len()) else {
                    return;
                };
                let end = end.min(items.len().wrapping_sub(1));
                if let Some(items) = items.get(start..end.wrapping_add(1)) {
                    items.iter().for_each(|v| find(v, rest, out));
                }
            }
            _ => {
                if from.resolve(1).unwrap_or(0) == 0 && to.resolve(1).is_some() {
                    find(json, rest, out);
                }
            }
        },
        PathLeg::AnyCell => {
            if let JsonValue::Array(items) = json.value() {
                items.iter().for_each(|v| find(v, rest, out));
            }
        }
        PathLeg::Descend => {
            let mut found = Vec::new();
            find(json, rest, &mut found);
            found.into_iter().for_each(|f| push_once(f, out));
            match json.value() {
                JsonValue::Array(items) => items.iter().for_each(|v| find(v, legs, out)),
                JsonValue::Object(members) => members.iter().for_each(|m| find(&m.1, legs, out)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extraction() {
        let j = Json::parse(r#"{"a": [3, {"b": 5}, [7, 8]], "c d": 1, "b": {"b": 9}}"#).unwrap();
        for (path, want) in [
            (
                "$",
                Some(r#"{"a": [3, {"b": 5}, [7, 8]], "b": {"b": 9}, "c d": 1}"#),
            ),
            ("$.a[0]", Some("3")),
            ("$.a[1].b", Some("5")),
            ("$.a[last]", Some("[7, 8]")),
            ("$.a[last-1].b", Some("5")),
            ("$.a[0 to 1]", Some(r#"[3, {"b": 5}]"#)),
            ("$.a[1 to last]", Some(r#"[{"b": 5}, [7, 8]]"#)),
            ("$.a[*]", Some(r#"[3, {"b": 5}, [7, 8]]"#)),
            ("$.\"c d\"", Some("1")),
            ("$.*", Some(r#"[[3, {"b": 5}, [7, 8]], {"b": 9}, 1]"#)),
            ("$**.b", Some(r#"[{"b": 9}, 5, 9]"#)),
            ("$.a[0][0]", Some("3")),
            ("$.a[0][last]", Some("3")),
            ("$.x", None),
            ("$.a[9]", None),
            ("$.x.*", None),
        ] {
            let got = j
                .extract(&Path::parse(path).unwrap())
                .map(|j| j.to_string());
            assert_eq!(
                got.as_deref().map(str::len),
                want.map(str::len),
                "{path}: {got:?}"
            );
            if !path.contains("**") {
                assert_eq!(got.as_deref(), want, "{path}");
            }
        }
    }

    #[test]
    fn bad_paths() {
        for bad in [
            "",
            "a",
            "$.",
            "$[",
            "$[a]",
            "$[1",
            "$**",
            "$.1a",
            "$ x",
            "$..a",
            "$.\"a",
            "$[last+1]",
        ] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
        assert!(Path::parse(" $ . a [ 1 ] ").is_ok());
    }
}
