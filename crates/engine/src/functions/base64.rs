//! Base 64 with MySQL's line breaks.

use values::Value;

use super::result_type as ty;
use super::{Call, Function, Outcome, bytes};
use crate::convert::to_text;

pub const FUNCTIONS: &[Function] = &[
    Function::new("to_base64", 1, 1, ty::doubled, to_base64),
    Function::new("from_base64", 1, 1, ty::binary_first, from_base64),
];

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Digits of a line.
const LINE: usize = 76;

/// Encodes, with a line break after every 76 digits if asked.
pub(super) fn encode(data: &[u8], lines: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() * 4 / 3 + 4);
    let mut column = 0;
    for group in data.chunks(3) {
        if lines && column == LINE {
            out.push(b'\n');
            column = 0;
        }
        let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            out.push(if i <= group.len() {
                DIGITS[(n >> (18 - 6 * i) & 63) as usize]
            } else {
                b'='
            });
        }
        column += 4;
    }
    out
}

/// Decodes; white space is skipped.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut n, mut have, mut pads) = (0u32, 0, 0);
    for b in text.iter().filter(|b| !b.is_ascii_whitespace()) {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if have >= 2 => {
                pads += 1;
                0
            }
            _ => return None,
        };
        if pads > 0 && *b != b'=' {
            return None;
        }
        n = n << 6 | u32::from(digit);
        have += 1;
        if have == 4 {
            out.extend_from_slice(&n.to_be_bytes()[1..4 - pads]);
            (n, have) = (0, 0);
        }
    }
    (have == 0).then_some(out)
}

fn to_base64(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(bytes(encode(&to_text(&a[0]), true)))
}

fn from_base64(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(decode(&to_text(&a[0])).map_or(Value::Null, bytes))
}
