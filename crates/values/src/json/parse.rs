//! Reading JSON text.

use super::{Json, JsonValue, MAX_DEPTH};
use crate::collation::decode_rune;
use crate::{Error, Result};

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    exact: bool,
}

/// Reads a whole document. With `exact`, integers of 64 bits keep all their digits; otherwise
/// those that a double cannot hold become doubles.
pub(super) fn parse(text: &[u8], exact: bool) -> Result<Json> {
    let mut p = Parser { text, at: 0, exact };
    let value = p.value(1)?;
    p.space();
    if p.at != text.len() {
        return Err(p.error("The document root must not be followed by other values."));
    }
    Ok(value)
}

impl Parser<'_> {
    fn error(&self, what: &str) -> Error {
        Error::Json(format!("{what} at position {}", self.at))
    }

    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, b: u8) -> bool {
        let found = self.text.get(self.at) == Some(&b);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > MAX_DEPTH {
            return Err(Error::Json(
                "The JSON document exceeds the maximum depth.".into(),
            ));
        }
        self.space();
        match self.text.get(self.at) {
            None => Err(self.error("The document is empty.")),
            Some(b'{') => {
                self.at += 1;
                self.object(depth)
            }
            Some(b'[') => {
                self.at += 1;
                self.array(depth)
            }
            Some(b'"') => {
                self.at += 1;
                Ok(Json::string(self.string()?))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => {
                for (word, value) in [
                    ("null", JsonValue::Null),
                    ("true", JsonValue::Bool(true)),
                    ("false", JsonValue::Bool(false)),
                ] {
                    if self.text[self.at..].starts_with(word.as_bytes()) {
                        self.at += word.len();
                        return Ok(value.into());
                    }
                }
                Err(self.error("Invalid value."))
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json> {
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Json::array(items));
            }
            if !self.take(b',') {
                return Err(self.error("Missing a comma or ']' after an array element."));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json> {
        let mut members = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(Json::object(members));
        }
        loop {
            self.space();
            if !self.take(b'"') {
                return Err(self.error("Missing a name for object member."));
            }
            let key = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.error("Missing a colon after a name of object member."));
            }
            let value = self.value(depth + 1)?;
            members.push((key, value));
            self.space();
            if self.take(b'}') {
                return Ok(Json::object(members));
            }
            if !self.take(b',') {
                return Err(self.error("Missing a comma or '}' after an object member."));
            }
        }
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.text.get(self.at..self.at + 4);
        let value = digits
            .filter(|d| d.iter().all(u8::is_ascii_hexdigit))
            .and_then(|d| u32::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok())
            .ok_or_else(|| self.error("Incorrect hex digit after \\u escape in string."))?;
        self.at += 4;
        Ok(value)
    }

    fn string(&mut self) -> Result<Box<str>> {
        let start = self.at;
        while let Some(&b) = self.text.get(self.at) {
            match b {
                b'"' => {
                    let plain = &self.text[start..self.at];
                    if let Ok(s) = std::str::from_utf8(plain) {
                        self.at += 1;
                        return Ok(s.into());
                    }
                    break;
                }
                b'\\' | 0..=0x1F => break,
                _ => self.at += 1,
            }
        }
        self.at = start;
        let mut out = String::new();
        loop {
            match self.text.get(self.at) {
                None => return Err(self.error("Missing a closing quotation mark in string.")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out.into());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escape = self.text.get(self.at).copied();
                    self.at += 1;
                    out.push(match escape {
                        Some(c @ (b'"' | b'\\' | b'/')) => c.into(),
                        Some(b'n') => '\n',
                        Some(b'r') => '\r',
                        Some(b't') => '\t',
                        Some(b'b') => '\u{8}',
                        Some(b'f') => '\u{c}',
                        Some(b'u') => {
                            let first = self.hex4()?;
                            let mut rune = first;
                            if (0xD800..0xDC00).contains(&first)
                                && self.text[self.at..].starts_with(b"\\u")
                            {
                                let back = self.at;
                                self.at += 2;
                                let second = self.hex4()?;
                                if (0xDC00..0xE000).contains(&second) {
                                    rune = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                                } else {
                                    self.at = back;
                                }
                            }
                            char::from_u32(rune).unwrap_or('\u{FFFD}')
                        }
                        _ => return Err(self.error("Invalid escape character in string.")),
                    });
                }
                Some(0..=0x1F) => return Err(self.error("Invalid encoding in string.")),
                Some(_) => {
                    let (rune, n) = decode_rune(&self.text[self.at..]);
                    out.push(char::from_u32(rune).unwrap_or('\u{FFFD}'));
                    self.at += n;
                }
            }
        }
    }

    fn number(&mut self) -> Result<Json> {
        let start = self.at;
        let digits = |p: &mut Self| {
            let from = p.at;
            while p.text.get(p.at).is_some_and(u8::is_ascii_digit) {
                p.at += 1;
            }
            p.at - from
        };
        self.take(b'-');
        let leading_zero = self.text.get(self.at) == Some(&b'0');
        let n = digits(self);
        if n == 0 || leading_zero && n > 1 {
            return Err(self.error("Invalid value."));
        }
        let mut integer = true;
        if self.text.get(self.at) == Some(&b'.') {
            integer = false;
            self.at += 1;
            if digits(self) == 0 {
                return Err(self.error("Miss fraction part in number."));
            }
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if !self.take(b'-') {
                self.take(b'+');
            }
            if digits(self) == 0 {
                return Err(self.error("Miss exponent in number."));
            }
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or("0");
        if integer && text != "-0" {
            const EXACT: i64 = 1 << 53;
            if let Ok(v) = text.parse::<i64>()
                && (self.exact || (-EXACT..=EXACT).contains(&v))
            {
                return Ok(JsonValue::Int(v).into());
            }
            if self.exact
                && let Ok(v) = text.parse::<u64>()
            {
                return Ok(JsonValue::UInt(v).into());
            }
        }
        match text.parse::<f64>() {
            Ok(v) if v.is_finite() => Ok(JsonValue::Double(v).into()),
            _ => Err(self.error("Number too big to be stored in double.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents() {
        for (text, want) in [
            (
                "{\"b\":1,\"a\":[1,2.5,null,true]}",
                "{\"a\": [1, 2.5, null, true], \"b\": 1}",
            ),
            ("{\"a\":1,\"a\":2}", "{\"a\": 2}"),
            (" \"x\\u00e9\\n\\ud83d\\ude00\" ", "\"xé\\n😀\""),
            ("[]", "[]"),
            ("{\"\": {}}", "{\"\": {}}"),
        ] {
            assert_eq!(Json::parse(text).unwrap().to_string(), want);
        }
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "01",
            "1.",
            "1e",
            "nul",
            "\"a",
            "\"\\x\"",
            "1 2",
            "{a:1}",
            "\"\u{1}\"",
            "1e999",
        ] {
            assert!(Json::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nest = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(Json::parse(&nest(100)).is_ok());
        assert_eq!(
            Json::parse(&nest(101)),
            Err(Error::Json(
                "The JSON document exceeds the maximum depth.".into()
            ))
        );
        assert!(Json::parse(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn big_integers() {
        let stored = |t: &str| String::from_utf8(Json::parse(t).unwrap().to_stored()).unwrap();
        assert_eq!(stored("9223372036854775807"), "9223372036854776000");
        assert_eq!(stored("18446744073709551616"), "18446744073709552000");
        assert_eq!(stored("1.0"), "1");
        assert_eq!(stored("1E2"), "100");
        assert_eq!(stored("-0.0"), "-0");
        assert_eq!(stored("-0"), "-0");
        assert_eq!(
            Json::from_stored(b"18446744073709551615")
                .unwrap()
                .to_string(),
            "18446744073709551615"
        );
    }
}
