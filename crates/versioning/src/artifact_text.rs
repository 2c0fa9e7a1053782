//! The small JSON texts inside artifacts, as Go's encoder writes them, and base64.

use chunks::Hash;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends base64 with padding, or without.
pub fn push_base64(bytes: &[u8], padded: bool, out: &mut String) {
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            if i <= group.len() {
                out.push(DIGITS[(n >> (18 - 6 * i)) as usize & 63] as char);
            } else if padded {
                out.push('=');
            }
        }
    }
}

/// The bytes of base64, padded or not.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut n) = (0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let digit = DIGITS.iter().position(|d| *d == c)?;
        bits = bits << 6 | digit as u32;
        n += 6;
        if n >= 8 {
            n -= 8;
            out.push((bits >> n) as u8);
        }
    }
    Some(out)
}

/// Appends a JSON string; `<`, `>` and `&` are escaped too.
pub fn push_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Appends an array of strings; Go writes `null` for none at all, which never happens here.
pub fn push_strings<S: AsRef<str>>(texts: &[S], out: &mut String) {
    out.push('[');
    for (i, text) in texts.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_string(text.as_ref(), out);
    }
    out.push(']');
}

/// Meta data of a conflict: where the base rows are.
pub fn conflict_meta(base: &Hash) -> String {
    let numbers: Vec<String> = base.0.iter().map(u8::to_string).collect();
    format!("{{\"bc\":[{}]}}", numbers.join(","))
}

/// Meta data of a violation: what is violated, and the row.
pub fn violation_meta(info: &str, value: &[u8]) -> String {
    let mut out = String::from("{\"v_info\":\"");
    push_base64(info.as_bytes(), true, &mut out);
    out.push_str("\",\"value\":\"");
    push_base64(value, true, &mut out);
    out.push_str("\"}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let mut s = String::new();
        push_string("a<b\"\n", &mut s);
        assert_eq!(s, r#""a\u003cb\"\n""#);
        for (bytes, text) in [(&b"a"[..], "YQ=="), (b"ab", "YWI="), (b"abc", "YWJj")] {
            let mut s = String::new();
            push_base64(bytes, true, &mut s);
            assert_eq!(s, text);
            assert_eq!(from_base64(text).unwrap(), bytes);
            s.clear();
            push_base64(bytes, false, &mut s);
            assert_eq!(from_base64(&s).unwrap(), bytes);
        }
        assert!(from_base64("é").is_none());
    }
}
