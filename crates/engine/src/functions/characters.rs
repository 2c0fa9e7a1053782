//! Positions in text: characters of UTF-8, or bytes of binary strings.

use values::Collation;
use values::collation::decode_rune;

/// Number of characters, or of bytes.
pub fn count(text: &[u8], in_bytes: bool) -> usize {
    if in_bytes || text.is_ascii() {
        return text.len();
    }
    let mut rest = text;
    let mut n = 0;
    while !rest.is_empty() {
        rest = &rest[decode_rune(rest).1..];
        n += 1;
    }
    n
}

/// Byte offset of character `n`, from 0; the end of the text when it has fewer.
pub fn offset(text: &[u8], n: usize, in_bytes: bool) -> usize {
    if in_bytes || text.is_ascii() {
        return n.min(text.len());
    }
    let mut at = 0;
    for _ in 0..n {
        if at >= text.len() {
            break;
        }
        at += decode_rune(&text[at..]).1;
    }
    at
}

/// The characters from `start`, at most `length` of them.
pub fn slice(text: &[u8], start: usize, length: usize, in_bytes: bool) -> &[u8] {
    let rest = &text[offset(text, start, in_bytes)..];
    &rest[..offset(rest, length, in_bytes)]
}

/// Whether `text` begins with `prefix` in a collation, and the bytes that the prefix covers.
fn starts_with(text: &[u8], prefix: &[u8], collation: &Collation) -> Option<usize> {
    if collation.is_binary() {
        return text.starts_with(prefix).then_some(prefix.len());
    }
    let (mut t, mut p) = (text, prefix);
    while !p.is_empty() {
        let ((a, n), (b, m)) = (decode_rune(t), decode_rune(p));
        if n == 0 || a != b && collation.weight(a) != collation.weight(b) {
            return None;
        }
        (t, p) = (&t[n..], &p[m..]);
    }
    Some(text.len() - t.len())
}

/// Position, from 1 in characters, of `needle` in `text` at or after character `start`; 0 is none.
pub fn find(text: &[u8], needle: &[u8], start: usize, collation: &Collation) -> usize {
    let in_bytes = collation.is_binary();
    let total = count(text, in_bytes);
    if start > total {
        return 0;
    }
    if needle.is_empty() {
        return start + 1;
    }
    let mut at = offset(text, start, in_bytes);
    let mut position = start;
    while at < text.len() {
        if starts_with(&text[at..], needle, collation).is_some() {
            return position + 1;
        }
        at += if in_bytes {
            1
        } else {
            decode_rune(&text[at..]).1
        };
        position += 1;
    }
    0
}

/// Byte offset of `needle` in `text` at or after `from`, byte by byte.
pub fn find_bytes(text: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    if needle.is_empty() || from > text.len() {
        return None;
    }
    text[from..]
        .windows(needle.len())
        .position(|w| w == needle)
        .map(|p| p + from)
}
