//! Numbers as text and back, as MySQL writes and reads them.

/// Appends an unsigned number.
pub fn push_u64(v: u64, out: &mut Vec<u8>) {
    let mut buffer = [0; 20];
    let mut at = 20;
    let mut v = v;
    loop {
        at -= 1;
        buffer[at] = b'0' + (v % 10) as u8;
        v /= 10;
        if v == 0 {
            break;
        }
    }
    out.extend_from_slice(&buffer[at..]);
}

/// Appends a signed number.
pub fn push_i64(v: i64, out: &mut Vec<u8>) {
    if v < 0 {
        out.push(b'-');
    }
    push_u64(v.unsigned_abs(), out);
}

/// Appends a number with zeros in front, up to `width` digits.
pub fn push_padded(v: u64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    push_u64(v, out);
    let have = out.len() - start;
    for _ in have..width {
        out.insert(start, b'0');
    }
}

/// Digits of a shortest text and the position of the point: 0.DIGITS * 10^position.
fn shortest(text: &str) -> (bool, Vec<u8>, i32) {
    let (negative, text) = match text.strip_prefix('-') {
        Some(t) => (true, t),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let digits: Vec<u8> = mantissa.bytes().filter(|b| *b != b'.').collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    (negative, digits, exponent + 1)
}

/// Greatest position of the point, and with the other sign the least, without an exponent.
const MAX_PLAIN_POSITION: i32 = 15;

fn push_float(scientific: &str, out: &mut Vec<u8>) {
    let (negative, digits, position) = shortest(scientific);
    if negative {
        out.push(b'-');
    }
    let n = digits.len() as i32;
    if position > -MAX_PLAIN_POSITION && (position <= MAX_PLAIN_POSITION || n > position) {
        if position <= 0 {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', position.unsigned_abs() as usize));
            out.extend_from_slice(&digits);
        } else if n <= position {
            out.extend_from_slice(&digits);
            out.extend(std::iter::repeat_n(b'0', (position - n) as usize));
        } else {
            out.extend_from_slice(&digits[..position as usize]);
            out.push(b'.');
            out.extend_from_slice(&digits[position as usize..]);
        }
        return;
    }
    out.push(digits[0]);
    if n > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.push(b'e');
    push_i64(i64::from(position) - 1, out);
}

/// Appends a double: the shortest digits that read back the same, `1e20` and `1.5e-16` when the
/// plain form would be long.
pub fn push_f64(v: f64, out: &mut Vec<u8>) {
    if v.is_finite() && v == v.trunc() && v.abs() < 1e15 {
        if v == 0.0 && v.is_sign_negative() {
            out.push(b'-');
        }
        return push_i64(v as i64, out);
    }
    if !push_non_finite(v, out) {
        push_float(&format!("{v:e}"), out);
    }
}

/// Appends a FLOAT: the shortest digits that read back as the same 32-bit number.
pub fn push_f32(v: f32, out: &mut Vec<u8>) {
    if !push_non_finite(v.into(), out) {
        push_float(&format!("{v:e}"), out);
    }
}

fn push_non_finite(v: f64, out: &mut Vec<u8>) -> bool {
    let text: &[u8] = if v.is_nan() {
        b"nan"
    } else if v == f64::INFINITY {
        b"inf"
    } else if v == f64::NEG_INFINITY {
        b"-inf"
    } else {
        return false;
    };
    out.extend_from_slice(text);
    true
}

/// Appends a double as stored JSON has it: exponents below 1e-6 and from 1e21 (spec 02 §15).
pub fn push_json_f64(v: f64, out: &mut Vec<u8>) {
    let (negative, digits, position) = shortest(&format!("{v:e}"));
    let magnitude = v.abs();
    if v != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        if negative {
            out.push(b'-');
        }
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        let exponent = position - 1;
        out.push(b'e');
        out.push(if exponent < 0 { b'-' } else { b'+' });
        // Two digits at least, except that a single negative digit loses its zero.
        let width = if exponent < 0 { 1 } else { 2 };
        push_padded(exponent.unsigned_abs().into(), width, out);
        return;
    }
    use std::io::Write;
    // Writing to a vector does not fail.
    let _ = write!(out, "{v}");
}

/// What was read from the start of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prefix<T> {
    /// The number; zero when there was none.
    pub value: T,
    /// Whether anything but spaces followed, or there was no number.
    pub truncated: bool,
    /// Whether the number did not fit and the nearest that does was taken.
    pub out_of_range: bool,
}

/// Length of the longest number at the start of `text` (after spaces), as a double reads it.
fn float_length(text: &[u8]) -> usize {
    let mut i = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let whole = digits(i);
    i += whole;
    let mut any = whole > 0;
    if text.get(i) == Some(&b'.') {
        let fraction = digits(i + 1);
        if any || fraction > 0 {
            i += 1 + fraction;
        }
        any |= fraction > 0;
    }
    if !any {
        return 0;
    }
    if matches!(text.get(i), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(i + 1), Some(b'+' | b'-')));
        let n = digits((i + 1 + sign).min(text.len()));
        if n > 0 {
            i += 1 + sign + n;
        }
    }
    i
}

/// Reads a double from the start of a text: `'12abc'` is 12, truncated.
pub fn parse_f64(text: &[u8]) -> Prefix<f64> {
    let text = text.trim_ascii();
    let n = float_length(text);
    let number = std::str::from_utf8(&text[..n]).unwrap_or("");
    let value: f64 = number.parse().unwrap_or(0.0);
    Prefix {
        value: value.clamp(f64::MIN, f64::MAX),
        truncated: n != text.len() || n == 0,
        out_of_range: value.is_infinite(),
    }
}

/// Reads an integer from the start of a text; digits after a point round, exponents count.
pub fn parse_i128(text: &[u8]) -> Prefix<i128> {
    let text = text.trim_ascii();
    let n = float_length(text);
    let mut out = Prefix {
        value: 0,
        truncated: n != text.len() || n == 0,
        out_of_range: false,
    };
    let plain = text[..n]
        .iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+'));
    if n == 0 {
        return out;
    }
    if plain && n <= 38 {
        out.value = std::str::from_utf8(&text[..n])
            .ok()
            .and_then(|t| t.parse().ok())
            .unwrap_or(0);
        return out;
    }
    if let Some((d, _)) = crate::Decimal::parse_prefix(&text[..n]) {
        match d.to_i128() {
            Some(v) => out.value = v,
            None => {
                out.value = if d.is_negative() {
                    i128::MIN
                } else {
                    i128::MAX
                };
                out.out_of_range = true;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f(v: f64) -> String {
        let mut out = Vec::new();
        push_f64(v, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles() {
        for (v, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (1e20, "1e20"),
            (1.5e-7, "0.00000015"),
            (1e-14, "0.00000000000001"),
            (1e-16, "1e-16"),
            (1.5e-20, "1.5e-20"),
            (12345678901234567.0, "1.2345678901234568e16"),
            (1234567890123456.7, "1234567890123456.8"),
            (0.1, "0.1"),
            (-123.456, "-123.456"),
            (1.7976931348623157e308, "1.7976931348623157e308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(f(v), want);
        }
        let mut out = Vec::new();
        push_f32(0.1, &mut out);
        assert_eq!(out, b"0.1");
    }

    #[test]
    fn json_doubles() {
        for (v, want) in [
            (1.0, "1"),
            (-0.0, "-0"),
            (9223372036854775807.0, "9223372036854776000"),
            (1.2345678901234568e29, "1.2345678901234568e+29"),
            (1e100, "1e+100"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (0.000001, "0.000001"),
            (1e-7, "1e-7"),
            (5e-324, "5e-324"),
            (1.5e-10, "1.5e-10"),
        ] {
            let mut out = Vec::new();
            push_json_f64(v, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }

    #[test]
    fn prefixes() {
        assert_eq!(
            parse_f64(b" 12abc"),
            Prefix {
                value: 12.0,
                truncated: true,
                out_of_range: false
            }
        );
        assert_eq!(parse_f64(b"1e3 ").value, 1000.0);
        assert!(parse_f64(b"").truncated);
        assert_eq!(parse_f64(b"-.5e").value, -0.5);
        assert!(parse_f64(b"1e999").out_of_range);
        assert_eq!(parse_i128(b"12.5").value, 13);
        assert_eq!(
            parse_i128(b"-1.5e1x"),
            Prefix {
                value: -15,
                truncated: true,
                out_of_range: false
            }
        );
        assert_eq!(parse_i128(b"18446744073709551615").value, u64::MAX.into());
        assert!(parse_i128(b"1e60").out_of_range);
        assert!(parse_i128(b"abc").truncated);
    }
}
