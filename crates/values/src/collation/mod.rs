//! Collations: one weight per code point, as persisted trees are ordered (spec 02 §7, spec 08 §6).
//!
//! There are no expansions, contractions or padding: two strings compare by the weights of their
//! code points in turn, and when one ends, by the bytes that remain. Weights come from tables of
//! facts and must never change, because they decide the order of stored keys.

mod weights;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use crate::CollationId;
use crate::charset::{self, Charset};
pub use weights::NO_WEIGHT;
use weights::Weights;

/// A collation.
pub struct Collation {
    /// MySQL's number.
    pub id: CollationId,
    /// MySQL's name.
    pub name: &'static str,
    /// The character set it belongs to.
    pub charset: &'static Charset,
    /// Whether it is its character set's default.
    pub is_default: bool,
    /// Whether it tells upper from lower case.
    pub case_sensitive: bool,
    /// Whether it tells accents apart.
    pub accent_sensitive: bool,
    /// As INFORMATION_SCHEMA shows it.
    pub sort_length: u8,
    /// `PAD SPACE` or `NO PAD`; comparison never pads, whatever this says.
    pub pad_attribute: &'static str,
    weight_name: &'static str,
    weights: OnceLock<Weights>,
}

impl std::fmt::Debug for Collation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Collation {
    fn eq(&self, other: &Collation) -> bool {
        self.id == other.id
    }
}
impl Eq for Collation {}

struct Registry {
    list: Vec<Collation>,
    by_id: HashMap<u16, usize>,
    by_name: HashMap<&'static str, usize>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut list = Vec::with_capacity(300);
    for line in include_str!("../../data/collations.tsv").lines().skip(1) {
        let c: Vec<&'static str> = line.split('\t').collect();
        if c.len() != 10 {
            continue;
        }
        let (Ok(id), Some(charset)) = (c[0].parse(), charset::by_name(c[2])) else {
            continue;
        };
        list.push(Collation {
            id: CollationId(id),
            name: c[1],
            charset,
            is_default: c[3] == "true",
            case_sensitive: c[5] == "true",
            accent_sensitive: c[6] == "true",
            sort_length: c[7].parse().unwrap_or(1),
            pad_attribute: c[8],
            weight_name: c[9],
            weights: OnceLock::new(),
        });
    }
    let by_id = list.iter().enumerate().map(|(i, c)| (c.id.0, i)).collect();
    let by_name = list.iter().enumerate().map(|(i, c)| (c.name, i)).collect();
    Registry {
        list,
        by_id,
        by_name,
    }
});

/// All collations, by number.
pub fn all() -> &'static [Collation] {
    &REGISTRY.list
}

/// The collation with this number.
pub fn by_id(id: CollationId) -> Option<&'static Collation> {
    REGISTRY.by_id.get(&id.0).map(|i| &REGISTRY.list[*i])
}

/// The collation with this name, in any case.
pub fn by_name(name: &str) -> Option<&'static Collation> {
    let lower = name.to_ascii_lowercase();
    let lower = match lower.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}"),
        None => lower,
    };
    REGISTRY
        .by_name
        .get(lower.as_str())
        .map(|i| &REGISTRY.list[*i])
}

impl CollationId {
    /// The collation, or Dolt's default for a number that is not known.
    pub fn get(self) -> &'static Collation {
        by_id(self)
            .or_else(|| by_id(CollationId::DEFAULT))
            .expect("the table of collations holds the default")
    }
}

/// A code point and its length at the start of `text`; bytes that are not UTF-8 read as U+FFFD
/// of length 1. Empty text gives length 0.
#[inline]
pub fn decode_rune(text: &[u8]) -> (u32, usize) {
    const BAD: (u32, usize) = (0xFFFD, 1);
    let Some(&first) = text.first() else {
        return (0xFFFD, 0);
    };
    if first < 0x80 {
        return (first.into(), 1);
    }
    let n = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return BAD,
    };
    let Some(bytes) = text.get(..n) else {
        return BAD;
    };
    let mut rune = u32::from(first) & (0x7F >> n);
    for b in &bytes[1..] {
        if b & 0xC0 != 0x80 {
            return BAD;
        }
        rune = rune << 6 | u32::from(b & 0x3F);
    }
    match (n, rune) {
        (3, 0..=0x7FF | 0xD800..=0xDFFF) | (4, 0..=0xFFFF | 0x11_0000..) => BAD,
        _ => (rune, n),
    }
}

impl Collation {
    /// Whether the collation can be used: some have names only.
    pub fn is_implemented(&self) -> bool {
        self.weight_name != "-"
    }

    /// Whether this is `binary`, which has no characters.
    pub fn is_binary(&self) -> bool {
        self.id == CollationId::BINARY
    }

    #[inline]
    fn weights(&self) -> &Weights {
        self.weights.get_or_init(|| Weights::load(self.weight_name))
    }

    /// Weight of a code point.
    #[inline]
    pub fn weight(&self, rune: u32) -> i32 {
        self.weights().of(rune)
    }

    /// Order of two strings, exactly as keys are stored.
    pub fn compare_stored(&self, a: &[u8], b: &[u8]) -> Ordering {
        let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
        if same == a.len() || same == b.len() {
            return a.len().cmp(&b.len());
        }
        let back = |t: &[u8]| {
            let mut i = same;
            while i > 0 && t[i] & 0xC0 == 0x80 {
                i -= 1;
            }
            i
        };
        let (mut a, mut b) = (&a[back(a)..], &b[back(b)..]);
        let weights = self.weights();
        loop {
            let ((x, n), (y, m)) = (decode_rune(a), decode_rune(b));
            if n == 0 || m == 0 {
                return a.len().cmp(&b.len());
            }
            if x != y {
                let order = weights.of(x).cmp(&weights.of(y));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (a, b) = (&a[n..], &b[m..]);
        }
    }

    /// Order of two strings in expressions.
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        if self.is_binary() {
            return a.cmp(b);
        }
        self.compare_stored(a, b)
    }

    /// Whether two strings are equal.
    pub fn equal(&self, a: &[u8], b: &[u8]) -> bool {
        a == b || (!self.weights().is_identity() && self.compare(a, b) == Ordering::Equal)
    }

    /// Appends a key such that two strings are equal in the collation when their keys are the same
    /// bytes. It is for hashing and grouping; keys do not sort as the strings do.
    pub fn sort_key(&self, text: &[u8], out: &mut Vec<u8>) {
        let weights = self.weights();
        if weights.is_identity() {
            out.extend_from_slice(text);
            return;
        }
        // The length is part of the comparison: a longer encoding of equal weights differs.
        let mut rest = text;
        while !rest.is_empty() {
            let (rune, n) = decode_rune(rest);
            out.extend_from_slice(&weights.of(rune).to_be_bytes());
            rest = &rest[n..];
        }
    }

    /// LIKE: `%` stands for any text, `_` for one character, `escape` makes the next literal.
    pub fn like(&self, text: &[u8], pattern: &[u8], escape: Option<char>) -> bool {
        let escape = escape.map(u32::from);
        let same = |x: u32, y: u32| x == y || self.weight(x) == self.weight(y);
        let step: fn(&[u8]) -> (u32, usize) = if self.is_binary() {
            |t| {
                (
                    t.first().copied().unwrap_or(0).into(),
                    usize::from(!t.is_empty()),
                )
            }
        } else {
            decode_rune
        };
        let (mut t, mut p) = (text, pattern);
        // Where to resume after the last `%`: only the last one ever needs to be reconsidered.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            let (pc, pn) = step(p);
            let mut matched = false;
            if pn > 0 && pc == u32::from(b'%') && escape != Some(pc) {
                p = &p[pn..];
                if p.is_empty() {
                    return true;
                }
                retry = Some((t, p));
                continue;
            }
            let (tc, tn) = step(t);
            if tn == 0 && pn == 0 {
                return true;
            }
            if tn > 0 && pn > 0 {
                if pc == u32::from(b'_') && escape != Some(pc) {
                    (t, p) = (&t[tn..], &p[pn..]);
                    matched = true;
                } else if escape == Some(pc) && p.len() > pn {
                    let (lit, ln) = step(&p[pn..]);
                    if same(lit, tc) {
                        (t, p) = (&t[tn..], &p[pn + ln..]);
                        matched = true;
                    }
                } else if same(pc, tc) {
                    (t, p) = (&t[tn..], &p[pn..]);
                    matched = true;
                }
            }
            if !matched {
                let Some((from, after)) = retry else {
                    return false;
                };
                let (_, n) = step(from);
                if n == 0 {
                    return false;
                }
                t = &from[n..];
                p = after;
                retry = Some((t, p));
            }
        }
    }
}

fn map_case(text: &[u8], ascii: fn(&u8) -> u8, unicode: fn(char) -> Option<char>) -> Vec<u8> {
    if text.is_ascii() {
        return text.iter().map(ascii).collect();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (rune, n) = decode_rune(rest);
        match char::from_u32(rune) {
            // Invalid bytes stay as they are.
            Some(c) if n > 1 || rune < 0x80 => {
                let c = unicode(c).unwrap_or(c);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => out.extend_from_slice(&rest[..n]),
        }
        rest = &rest[n..];
    }
    out
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next();
    if chars.next().is_some() { None } else { first }
}

/// UPPER: character by character, so `ß` stays.
pub fn upper(text: &[u8]) -> Vec<u8> {
    map_case(text, u8::to_ascii_uppercase, |c| single(c.to_uppercase()))
}

/// LOWER: character by character.
pub fn lower(text: &[u8]) -> Vec<u8> {
    map_case(text, u8::to_ascii_lowercase, |c| match c {
        'İ' => Some('i'),
        c => single(c.to_lowercase()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn c(name: &str) -> &'static Collation {
        by_name(name).unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn registry() {
        assert_eq!(all().len(), 286);
        assert_eq!(c("utf8mb4_0900_bin").id, CollationId::DEFAULT);
        assert_eq!(CollationId(8).get().name, "latin1_swedish_ci");
        assert_eq!(c("UTF8_general_ci").id.0, 33);
        assert_eq!(all().iter().filter(|c| c.is_implemented()).count(), 183);
    }

    #[test]
    fn known_weights() {
        let ai = c("utf8mb4_0900_ai_ci");
        for (ch, w) in [
            ('a', 7044),
            ('A', 7044),
            ('á', 7044),
            ('b', 7069),
            ('s', 7439),
            ('ß', 7446),
            ('æ', 7051),
            ('ø', 7342),
            ('ł', 7256),
            ('ı', 7215),
            ('i', 7205),
            ('İ', 7205),
            (' ', 9),
            ('\t', 1),
            ('\0', 0),
            ('\u{301}', 0),
            ('字', 42811),
        ] {
            assert_eq!(ai.weight(ch.into()), w, "{ch:?}");
        }
        assert_eq!(c("utf8mb4_0900_bin").weight(0x1F600), 0x1F600);
    }

    #[test]
    fn comparison() {
        let ai = c("utf8mb4_0900_ai_ci");
        assert_eq!(ai.compare(b"abc", b"ABD"), Ordering::Less);
        assert!(ai.equal("Áb".as_bytes(), b"ab"));
        assert_eq!(ai.compare("aé".as_bytes(), b"a"), Ordering::Greater);
        assert!(ai.equal(b"ABC", b"abc"));
        assert!(!ai.equal(b"a", b"a "));
        let bin = c("utf8mb4_0900_bin");
        assert_eq!(bin.compare(b"B", b"a"), Ordering::Less);
        assert_eq!(
            bin.compare("é".as_bytes(), "z".as_bytes()),
            Ordering::Greater
        );
        // Bytes that are not UTF-8 order as U+FFFD.
        assert_eq!(bin.compare(b"\xc3", "é".as_bytes()), Ordering::Less);
        assert_eq!(
            bin.compare(b"\xff", "\u{20ac}".as_bytes()),
            Ordering::Greater
        );
    }

    #[test]
    fn every_collation_loads() {
        for c in all().iter().filter(|c| c.is_implemented()) {
            assert_ne!(c.weight('0'.into()), NO_WEIGHT, "{c:?}");
            assert!(c.weight(0x10FFFF) >= 0, "{c:?}");
        }
    }

    #[test]
    fn like() {
        let ai = c("utf8mb4_0900_ai_ci");
        let e = Some('\\');
        for (t, p, want) in [
            ("abc", "A%", true),
            ("abc", "%C", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("", "%", true),
            ("", "", true),
            ("a", "", false),
            ("aaab", "%a%b", true),
            ("mississippi", "%iss%ppi", true),
            ("éx", "_x", true),
            ("abc", "%%%", true),
            ("ab", "a%b%", true),
            ("ab\\", "ab\\", true),
        ] {
            assert_eq!(ai.like(t.as_bytes(), p.as_bytes(), e), want, "{t} like {p}");
        }
        assert!(!c("utf8mb4_bin").like(b"abc", b"A%", e));
        assert!(c("binary").like("é".as_bytes(), b"__", e));
    }

    #[test]
    fn case() {
        assert_eq!(upper("straße ñ".as_bytes()), "STRAßE Ñ".as_bytes());
        assert_eq!(lower("ÀÉ İ\u{130}".as_bytes()), "àé ii".as_bytes());
        assert_eq!(upper(b"a\xffb"), b"A\xffB");
    }
}
