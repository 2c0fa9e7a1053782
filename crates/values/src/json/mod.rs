//! JSON documents: MySQL's type, order and text, and the text that is stored (spec 02 §15).

mod edit;
mod parse;
mod path;
mod text;

use std::cmp::Ordering;
use std::sync::Arc;

pub use edit::ArraySlot;
pub use path::{BadPath, Path, PathLeg, Position};
pub use text::quote;

use crate::{Date, DateTime, Decimal, Result, Time};

/// Deepest nesting of a document, as in MySQL.
pub const MAX_DEPTH: usize = 100;

/// A JSON document; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Json(Arc<JsonValue>);

/// Members of an object: by length of the key, then by its bytes; keys are distinct.
pub type Members = Vec<(Box<str>, Json)>;

/// What a document is.
#[derive(Clone, Debug)]
pub enum JsonValue {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// INTEGER
    Int(i64),
    /// UNSIGNED INTEGER
    UInt(u64),
    /// DOUBLE
    Double(f64),
    /// DECIMAL
    Decimal(Decimal),
    /// STRING
    String(Box<str>),
    /// ARRAY
    Array(Vec<Json>),
    /// OBJECT
    Object(Members),
    /// DATE
    Date(Date),
    /// TIME
    Time(Time),
    /// DATETIME
    DateTime(DateTime),
    /// BLOB, BIT or OPAQUE: a value of another type by its MySQL type code.
    Opaque(u8, Box<[u8]>),
}

/// MySQL's order of the keys of an object.
pub fn key_order(a: &str, b: &str) -> Ordering {
    (a.len(), a.as_bytes()).cmp(&(b.len(), b.as_bytes()))
}

impl From<JsonValue> for Json {
    fn from(v: JsonValue) -> Json {
        Json(Arc::new(v))
    }
}

impl Json {
    /// `null`.
    pub fn null() -> Json {
        JsonValue::Null.into()
    }

    /// A string.
    pub fn string(text: impl Into<Box<str>>) -> Json {
        JsonValue::String(text.into()).into()
    }

    /// An array.
    pub fn array(items: Vec<Json>) -> Json {
        JsonValue::Array(items).into()
    }

    /// An object; of members with the same key the last wins.
    pub fn object(members: impl IntoIterator<Item = (Box<str>, Json)>) -> Json {
        let mut list: Members = members.into_iter().collect();
        list.sort_by(|a, b| key_order(&a.0, &b.0));
        // Stable sorting keeps the order of equal keys; the last one is kept.
        let mut out: Members = Vec::with_capacity(list.len());
        for m in list {
            match out.last_mut() {
                Some(last) if last.0 == m.0 => *last = m,
                _ => out.push(m),
            }
        }
        JsonValue::Object(out).into()
    }

    /// What the document is.
    pub fn value(&self) -> &JsonValue {
        &self.0
    }

    /// Reads JSON text as a JSON column does: numbers are doubles, which shows where an integer
    /// needs more than 53 bits (spec 02 §15).
    pub fn parse(text: &str) -> Result<Json> {
        parse::parse(text.as_bytes(), false)
    }

    /// Reads stored text, where integers are exact.
    pub fn from_stored(text: &[u8]) -> Result<Json> {
        parse::parse(text, true)
    }

    /// The text that is stored.
    pub fn to_stored(&self) -> Vec<u8> {
        let mut out = Vec::new();
        text::write_stored(self, &mut out);
        out
    }

    /// Appends MySQL's text: `{"a": 1, "b": [1, 2]}`.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        text::write(self, out);
    }

    /// MySQL's text on several lines, as JSON_PRETTY gives it.
    pub fn to_pretty(&self) -> String {
        let mut out = Vec::new();
        text::write_pretty(self, 0, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends what JSON_UNQUOTE gives: strings without quotes and escapes.
    pub fn write_unquoted(&self, out: &mut Vec<u8>) {
        match self.value() {
            JsonValue::String(s) => out.extend_from_slice(s.as_bytes()),
            JsonValue::Date(_) | JsonValue::Time(_) | JsonValue::DateTime(_) => {
                let mut quoted = Vec::new();
                text::write(self, &mut quoted);
                out.extend_from_slice(&quoted[1..quoted.len() - 1]);
            }
            _ => text::write(self, out),
        }
    }

    /// JSON_TYPE.
    pub fn type_name(&self) -> &'static str {
        match self.value() {
            JsonValue::Null => "NULL",
            JsonValue::Bool(_) => "BOOLEAN",
            JsonValue::Int(_) => "INTEGER",
            JsonValue::UInt(_) => "UNSIGNED INTEGER",
            JsonValue::Double(_) => "DOUBLE",
            JsonValue::Decimal(_) => "DECIMAL",
            JsonValue::String(_) => "STRING",
            JsonValue::Array(_) => "ARRAY",
            JsonValue::Object(_) => "OBJECT",
            JsonValue::Date(_) => "DATE",
            JsonValue::Time(_) => "TIME",
            JsonValue::DateTime(_) => "DATETIME",
            JsonValue::Opaque(16, _) => "BIT",
            JsonValue::Opaque(249..=254 | 15, _) => "BLOB",
            JsonValue::Opaque(..) => "OPAQUE",
        }
    }

    /// JSON_LENGTH: elements, members, or 1.
    pub fn length(&self) -> usize {
        match self.value() {
            JsonValue::Array(a) => a.len(),
            JsonValue::Object(o) => o.len(),
            _ => 1,
        }
    }

    /// JSON_DEPTH: 1 for scalars and empty containers.
    pub fn depth(&self) -> usize {
        let deepest = |children: &mut dyn Iterator<Item = &Json>| children.map(Json::depth).max();
        1 + match self.value() {
            JsonValue::Array(a) => deepest(&mut a.iter()),
            JsonValue::Object(o) => deepest(&mut o.iter().map(|m| &m.1)),
            _ => None,
        }
        .unwrap_or(0)
    }

    /// The member with this key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self.value() {
            JsonValue::Object(o) => {
                let at = o.binary_search_by(|m| key_order(&m.0, key)).ok()?;
                Some(&o[at].1)
            }
            _ => None,
        }
    }

    /// The keys of an object, in order.
    pub fn keys(&self) -> Option<impl Iterator<Item = &str>> {
        match self.value() {
            JsonValue::Object(o) => Some(o.iter().map(|m| &*m.0)),
            _ => None,
        }
    }

    /// Order among types; numbers compare as numbers.
    fn precedence(&self) -> u8 {
        match self.value() {
            JsonValue::Null => 0,
            JsonValue::Int(_)
            | JsonValue::UInt(_)
            | JsonValue::Double(_)
            | JsonValue::Decimal(_) => 1,
            JsonValue::String(_) => 2,
            JsonValue::Object(_) => 3,
            JsonValue::Array(_) => 4,
            JsonValue::Bool(_) => 5,
            JsonValue::Date(_) => 6,
            JsonValue::Time(_) => 7,
            JsonValue::DateTime(_) => 8,
            JsonValue::Opaque(..) => 9,
        }
    }

    /// MySQL's order of JSON values.
    pub fn compare(&self, other: &Json) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        use JsonValue::*;
        match (self.value(), other.value()) {
            (Bool(a), Bool(b)) => a.cmp(b),
            (String(a), String(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Date(a), Date(b)) => a.cmp(b),
            (Time(a), Time(b)) => a.cmp(b),
            (DateTime(a), DateTime(b)) => a.cmp(b),
            (Opaque(t, a), Opaque(u, b)) => (t, a).cmp(&(u, b)),
            (Array(a), Array(b)) => a
                .iter()
                .zip(b)
                .map(|(x, y)| x.compare(y))
                .find(|o| *o != Ordering::Equal)
                .unwrap_or(a.len().cmp(&b.len())),
            // Only equality of objects is defined; the rest is any order that is total.
            (Object(a), Object(b)) => a.len().cmp(&b.len()).then_with(|| {
                a.iter()
                    .zip(b)
                    .map(|(x, y)| key_order(&x.0, &y.0).then_with(|| x.1.compare(&y.1)))
                    .find(|o| *o != Ordering::Equal)
                    .unwrap_or(Ordering::Equal)
            }),
            _ => match (self.precedence(), other.precedence()) {
                (1, 1) => self.compare_numbers(other),
                (a, b) => a.cmp(&b),
            },
        }
    }

    fn compare_numbers(&self, other: &Json) -> Ordering {
        use JsonValue::*;
        let exact = |j: &Json| match j.value() {
            Int(v) => Some(i128::from(*v)),
            UInt(v) => Some(i128::from(*v)),
            _ => None,
        };
        if let (Some(a), Some(b)) = (exact(self), exact(other)) {
            return a.cmp(&b);
        }
        match (self.value(), other.value()) {
            (Double(a), Double(b)) => a.total_cmp(b).then(Ordering::Equal),
            _ => match (self.to_decimal(), other.to_decimal()) {
                (Some(a), Some(b)) => a.compare(&b),
                _ => {
                    let (a, b) = (self.to_f64().unwrap_or(0.0), other.to_f64().unwrap_or(0.0));
                    a.total_cmp(&b)
                }
            },
        }
    }

    /// The number, if it is one.
    pub fn to_decimal(&self) -> Option<crate::Decimal> {
        match self.value() {
            JsonValue::Int(v) => Some((*v).into()),
            JsonValue::UInt(v) => Some((*v).into()),
            JsonValue::Decimal(d) => Some(d.clone()),
            // Doubles beyond the range of decimals stay doubles.
            JsonValue::Double(v) if v.abs() < 1e60 => crate::Decimal::from_f64(*v),
            _ => None,
        }
    }

    /// The number as a double, if it is one.
    pub fn to_f64(&self) -> Option<f64> {
        match self.value() {
            JsonValue::Int(v) => Some(*v as f64),
            JsonValue::UInt(v) => Some(*v as f64),
            JsonValue::Double(v) => Some(*v),
            JsonValue::Decimal(d) => Some(d.to_f64()),
            _ => None,
        }
    }
}

impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = Vec::new();
        self.write_text(&mut out);
        f.write_str(&std::string::String::from_utf8_lossy(&out))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        self.compare(other) == Ordering::Equal
    }
}
impl Eq for Json {}

#[cfg(test)]
mod tests {
    use super::*;

    fn j(s: &str) -> Json {
        Json::parse(s).unwrap_or_else(|e| panic!("{s}: {e}"))
    }

    #[test]
    fn order() {
        let ascending = [
            "null",
            "-1",
            "0",
            "1",
            "1.5",
            "2",
            "\"a\"",
            "\"b\"",
            "{}",
            "{\"a\": 1}",
            "[]",
            "[1]",
            "[1, 2]",
            "[2]",
            "false",
            "true",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (k, b) in ascending.iter().enumerate() {
                assert_eq!(j(a).compare(&j(b)), i.cmp(&k), "{a} {b}");
            }
        }
        assert_eq!(j("1"), j("1.0"));
        assert_eq!(j("{\"b\": 1, \"a\": 2}"), j("{\"a\": 2, \"b\": 1}"));
    }

    #[test]
    fn shape() {
        assert_eq!(j("[1, [2, {}]]").depth(), 3);
        assert_eq!(j("{}").depth(), 1);
        assert_eq!(j("{\"a\": 1, \"b\": 2}").length(), 2);
        assert_eq!(j("1").length(), 1);
        assert_eq!(
            j("{\"bb\": 1, \"a\": 2}")
                .keys()
                .unwrap()
                .collect::<Vec<_>>(),
            ["a", "bb"]
        );
        assert_eq!(j("1.5").type_name(), "DOUBLE");
        assert_eq!(j("1").type_name(), "INTEGER");
    }
}
