//! Writing JSON: MySQL's text and the text that is stored.

use super::{Json, JsonValue};
use crate::number_text::{push_f64, push_i64, push_json_f64, push_padded, push_u64};

fn push_control(b: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u00");
    out.push(HEX[usize::from(b >> 4)]);
    out.push(HEX[usize::from(b & 15)]);
}

fn short_escape(b: u8) -> Option<u8> {
    Some(match b {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        _ => return None,
    })
}

/// Appends a string in quotes, as JSON_QUOTE does.
pub fn quote(text: &str, out: &mut Vec<u8>) {
    write_string(text, false, out);
}

fn write_string(text: &str, stored: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (i, &b) in bytes.iter().enumerate() {
        let separator =
            stored && b == 0xE2 && matches!(bytes.get(i + 1..i + 3), Some([0x80, 0xA8 | 0xA9]));
        if b >= 0x20 && b != b'"' && b != b'\\' && !separator {
            continue;
        }
        out.extend_from_slice(&bytes[from..i]);
        from = i + 1;
        if separator {
            out.extend_from_slice(if bytes[i + 2] == 0xA8 {
                b"\\u2028"
            } else {
                b"\\u2029"
            });
            from = i + 3;
        } else if let Some(c) = short_escape(b) {
            out.extend_from_slice(&[b'\\', c]);
        } else {
            push_control(b, out);
        }
    }
    out.extend_from_slice(&bytes[from.min(bytes.len())..]);
    out.push(b'"');
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let n = group
            .iter()
            .enumerate()
            .fold(0u32, |n, (i, b)| n | u32::from(*b) << (16 - 8 * i));
        for i in 0..4 {
            out.push(if i <= group.len() {
                ALPHABET[(n >> (18 - 6 * i) & 63) as usize]
            } else {
                b'='
            });
        }
    }
}

/// Appends MySQL's text of a scalar; `false` if it is a container.
fn write_scalar(json: &Json, out: &mut Vec<u8>) -> bool {
    match json.value() {
        JsonValue::Null => out.extend_from_slice(b"null"),
        JsonValue::Bool(true) => out.extend_from_slice(b"true"),
        JsonValue::Bool(false) => out.extend_from_slice(b"false"),
        JsonValue::Int(v) => push_i64(*v, out),
        JsonValue::UInt(v) => push_u64(*v, out),
        JsonValue::Double(v) => {
            let from = out.len();
            push_f64(*v, out);
            // A double shows that it is one.
            if !out[from..]
                .iter()
                .any(|b| matches!(b, b'.' | b'e' | b'n' | b'i'))
            {
                out.extend_from_slice(b".0");
            }
        }
        JsonValue::Decimal(d) => d.write_text(out),
        JsonValue::String(s) => write_string(s, false, out),
        JsonValue::Date(d) => {
            out.push(b'"');
            d.write_text(out);
            out.push(b'"');
        }
        JsonValue::Time(t) => {
            out.push(b'"');
            t.write_text(6, out);
            out.push(b'"');
        }
        JsonValue::DateTime(d) => {
            out.push(b'"');
            d.write_text(6, out);
            out.push(b'"');
        }
        JsonValue::Opaque(code, bytes) => {
            out.extend_from_slice(b"\"base64:type");
            push_u64(u64::from(*code), out);
            out.push(b':');
            base64(bytes, out);
            out.push(b'"');
        }
        JsonValue::Array(_) | JsonValue::Object(_) => return false,
    }
    true
}

pub(super) fn write(json: &Json, out: &mut Vec<u8>) {
    match json.value() {
        JsonValue::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write(item, out);
            }
            out.push(b']');
        }
        JsonValue::Object(members) => {
            out.push(b'{');
            for (i, (key, value)) in members.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_string(key, false, out);
                out.extend_from_slice(b": ");
                write(value, out);
            }
            out.push(b'}');
        }
        _ => {
            write_scalar(json, out);
        }
    }
}

pub(super) fn write_pretty(json: &Json, indent: usize, out: &mut Vec<u8>) {
    let line = |n: usize, out: &mut Vec<u8>| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', 2 * n));
    };
    match json.value() {
        JsonValue::Array(items) if !items.is_empty() => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                line(indent + 1, out);
                write_pretty(item, indent + 1, out);
            }
            line(indent, out);
            out.push(b']');
        }
        JsonValue::Object(members) if !members.is_empty() => {
            out.push(b'{');
            for (i, (key, value)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                line(indent + 1, out);
                write_string(key, false, out);
                out.extend_from_slice(b": ");
                write_pretty(value, indent + 1, out);
            }
            line(indent, out);
            out.push(b'}');
        }
        _ => write(json, out),
    }
}

/// Appends the stored form: no spaces, keys by bytes, doubles in the form of ECMAScript, decimals
/// as strings, dates in RFC 3339, times as microseconds.
pub(super) fn write_stored(json: &Json, out: &mut Vec<u8>) {
    match json.value() {
        JsonValue::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_stored(item, out);
            }
            out.push(b']');
        }
        JsonValue::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push(b'{');
            for (i, (key, value)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(key, true, out);
                out.push(b':');
                write_stored(value, out);
            }
            out.push(b'}');
        }
        JsonValue::Double(v) => push_json_f64(*v, out),
        JsonValue::String(s) => write_string(s, true, out),
        JsonValue::Decimal(d) => {
            out.push(b'"');
            d.write_text(out);
            out.push(b'"');
        }
        JsonValue::Date(d) => {
            out.push(b'"');
            d.write_text(out);
            out.extend_from_slice(b"T00:00:00Z\"");
        }
        JsonValue::DateTime(d) => {
            out.push(b'"');
            let from = out.len();
            d.write_text(0, out);
            out[from + 10] = b'T';
            if d.micro > 0 {
                out.push(b'.');
                push_padded(d.micro.into(), 6, out);
                while out.last() == Some(&b'0') {
                    out.pop();
                }
            }
            out.extend_from_slice(b"Z\"");
        }
        JsonValue::Time(t) => push_i64(t.0, out),
        _ => {
            write_scalar(json, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Date, DateTime, Decimal, Time};

    #[test]
    fn stored_forms() {
        let stored = |v: JsonValue| String::from_utf8(Json::from(v).to_stored()).unwrap();
        let date = Date::new(2024, 1, 2).unwrap();
        assert_eq!(stored(JsonValue::Decimal(Decimal::new(150, 2))), "\"1.50\"");
        assert_eq!(stored(JsonValue::Date(date)), "\"2024-01-02T00:00:00Z\"");
        let at = DateTime {
            hour: 3,
            minute: 4,
            second: 5,
            micro: 600_000,
            ..date.at_midnight()
        };
        assert_eq!(
            stored(JsonValue::DateTime(at)),
            "\"2024-01-02T03:04:05.6Z\""
        );
        assert_eq!(stored(JsonValue::Time(Time(3_723_000_000))), "3723000000");
        assert_eq!(
            stored(JsonValue::String("<a>\u{2028}\u{1}\u{8}é\"\\/".into())),
            "\"<a>\\u2028\\u0001\\bé\\\"\\\\/\""
        );
        let j = Json::parse("{\"bb\": 1, \"c\": 2, \"\": 3}").unwrap();
        assert_eq!(j.to_stored(), b"{\"\":3,\"bb\":1,\"c\":2}");
        assert_eq!(j.to_string(), "{\"\": 3, \"c\": 2, \"bb\": 1}");
    }

    #[test]
    fn shown_forms() {
        let shown = |v: JsonValue| Json::from(v).to_string();
        assert_eq!(shown(JsonValue::Double(1.0)), "1.0");
        assert_eq!(shown(JsonValue::Double(1e20)), "1e20");
        assert_eq!(
            shown(JsonValue::Opaque(253, b"abcd"[..].into())),
            "\"base64:type253:YWJjZA==\""
        );
        assert_eq!(shown(JsonValue::Time(Time(1))), "\"00:00:00.000001\"");
        assert_eq!(
            Json::parse("[1,{\"a\":[]}]").unwrap().to_pretty(),
            "[\n  1,\n  {\n    \"a\": []\n  }\n]"
        );
    }
}
