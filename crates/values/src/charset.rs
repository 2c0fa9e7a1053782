//! Character sets: what a session's bytes mean. In memory and on disk all text is UTF-8.

use std::sync::{LazyLock, OnceLock};

use crate::collation::decode_rune;

/// A character set.
pub struct Charset {
    /// MySQL's number: that of its default collation.
    pub id: u16,
    /// MySQL's name.
    pub name: &'static str,
    /// As SHOW CHARACTER SET shows it.
    pub description: &'static str,
    /// Name of the default collation.
    pub default_collation: &'static str,
    /// Name of the collation by code.
    pub binary_collation: &'static str,
    /// Most bytes of a character.
    pub max_length: u8,
    /// Whether text can be converted; others are known by name only.
    pub implemented: bool,
    table: OnceLock<Option<SingleByte>>,
}

impl std::fmt::Debug for Charset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Charset {
    fn eq(&self, other: &Charset) -> bool {
        self.name == other.name
    }
}
impl Eq for Charset {}

struct SingleByte {
    to_unicode: [Option<char>; 256],
    from_unicode: Vec<(char, u8)>,
}

static CHARSETS: LazyLock<Vec<Charset>> = LazyLock::new(|| {
    include_str!("../data/charsets.tsv")
        .lines()
        .skip(1)
        .filter_map(|line| {
            let c: Vec<&'static str> = line.split('\t').collect();
            let [
                id,
                name,
                description,
                default_collation,
                binary_collation,
                max,
                encoder,
            ] = c[..]
            else {
                return None;
            };
            Some(Charset {
                id: id.parse().ok()?,
                name,
                description,
                default_collation,
                binary_collation,
                max_length: max.parse().ok()?,
                implemented: encoder == "yes",
                table: OnceLock::new(),
            })
        })
        .collect()
});

/// All character sets, by number.
pub fn all() -> &'static [Charset] {
    &CHARSETS
}

/// The character set with this name, in any case; `utf8` is utf8mb3.
pub fn by_name(name: &str) -> Option<&'static Charset> {
    let name = if name.eq_ignore_ascii_case("utf8") {
        "utf8mb3"
    } else {
        name
    };
    CHARSETS.iter().find(|c| c.name.eq_ignore_ascii_case(name))
}

fn table_text(name: &str) -> Option<&'static str> {
    Some(match name {
        "armscii8" => include_str!("../data/charset_armscii8.tsv"),
        "cp1256" => include_str!("../data/charset_cp1256.tsv"),
        "cp1257" => include_str!("../data/charset_cp1257.tsv"),
        "dec8" => include_str!("../data/charset_dec8.tsv"),
        "geostd8" => include_str!("../data/charset_geostd8.tsv"),
        "latin1" => include_str!("../data/charset_latin1.tsv"),
        "latin7" => include_str!("../data/charset_latin7.tsv"),
        "swe7" => include_str!("../data/charset_swe7.tsv"),
        _ => return None,
    })
}

impl SingleByte {
    fn read(text: &str) -> SingleByte {
        let mut to_unicode = [None; 256];
        let mut from_unicode = Vec::with_capacity(256);
        for line in text.lines() {
            let Some((byte, utf8)) = line.split_once('\t') else {
                continue;
            };
            let Ok(byte) = u8::from_str_radix(byte, 16) else {
                continue;
            };
            let bytes: Vec<u8> = (0..utf8.len() / 2)
                .filter_map(|i| u8::from_str_radix(utf8.get(2 * i..2 * i + 2)?, 16).ok())
                .collect();
            if let Some(c) = char::from_u32(decode_rune(&bytes).0) {
                to_unicode[usize::from(byte)] = Some(c);
                from_unicode.push((c, byte));
            }
        }
        from_unicode.sort_by_key(|(c, _)| *c);
        from_unicode.dedup_by_key(|(c, _)| *c);
        SingleByte {
            to_unicode,
            from_unicode,
        }
    }
}

impl Charset {
    fn table(&self) -> Option<&SingleByte> {
        self.table
            .get_or_init(|| table_text(self.name).map(SingleByte::read))
            .as_ref()
    }

    /// Whether its bytes are UTF-8 (or raw) already.
    pub fn is_utf8(&self) -> bool {
        matches!(self.name, "utf8mb4" | "utf8mb3" | "binary" | "ascii")
    }

    /// Converts `bytes` of this character set to UTF-8; `None` if some are not valid in it.
    pub fn to_utf8(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let chars = |units: Vec<Option<char>>| -> Option<Vec<u8>> {
            units
                .into_iter()
                .collect::<Option<String>>()
                .map(String::into_bytes)
        };
        match self.name {
            "binary" => Some(bytes.to_vec()),
            "utf8mb4" => std::str::from_utf8(bytes).ok().map(|s| s.into()),
            "utf8mb3" => std::str::from_utf8(bytes)
                .ok()
                .filter(|s| s.chars().all(|c| c <= '\u{FFFF}'))
                .map(|s| s.into()),
            "ascii" => bytes.is_ascii().then(|| bytes.to_vec()),
            "utf16" => {
                let (units, rest) = bytes.as_chunks::<2>();
                if !rest.is_empty() {
                    return None;
                }
                let units = units.iter().map(|u| u16::from_be_bytes(*u));
                chars(char::decode_utf16(units).map(Result::ok).collect())
            }
            "utf32" => {
                let (units, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return None;
                }
                let units = units.iter().map(|u| char::from_u32(u32::from_be_bytes(*u)));
                chars(units.collect())
            }
            _ => {
                let table = self.table()?;
                let units = bytes.iter().map(|b| table.to_unicode[usize::from(*b)]);
                chars(units.collect())
            }
        }
    }

    /// Converts UTF-8 to this character set; a character that it lacks becomes `?` and is counted.
    pub fn from_utf8(&self, text: &[u8]) -> (Vec<u8>, usize) {
        let mut out = Vec::with_capacity(text.len());
        let mut lost = 0;
        match self.name {
            "utf8mb4" | "binary" => return (text.to_vec(), 0),
            "utf8mb3" | "ascii" if text.is_ascii() => return (text.to_vec(), 0),
            _ => {}
        }
        let mut rest = text;
        while !rest.is_empty() {
            let (rune, n) = decode_rune(rest);
            let c = char::from_u32(rune).unwrap_or('\u{FFFD}');
            rest = &rest[n..];
            let fits = match self.name {
                "utf8mb3" if c <= '\u{FFFF}' => {
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    true
                }
                "ascii" if c.is_ascii() => {
                    out.push(c as u8);
                    true
                }
                "utf16" => {
                    for u in c.encode_utf16(&mut [0; 2]) {
                        out.extend_from_slice(&u.to_be_bytes());
                    }
                    true
                }
                "utf32" => {
                    out.extend_from_slice(&u32::from(c).to_be_bytes());
                    true
                }
                _ => match self.table().and_then(|t| {
                    let at = t.from_unicode.binary_search_by_key(&c, |(c, _)| *c).ok()?;
                    Some(t.from_unicode[at].1)
                }) {
                    Some(b) => {
                        out.push(b);
                        true
                    }
                    None => false,
                },
            };
            if !fits {
                out.push(b'?');
                lost += 1;
            }
        }
        (out, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcoding() {
        let latin1 = by_name("LATIN1").unwrap();
        assert_eq!(latin1.to_utf8(b"\xe9\x80").unwrap(), "é€".as_bytes());
        assert_eq!(
            latin1.from_utf8("é€字".as_bytes()),
            (b"\xe9\x80?".to_vec(), 1)
        );
        assert_eq!(by_name("utf8").unwrap().to_utf8("😀".as_bytes()), None);
        assert_eq!(
            by_name("ascii").unwrap().from_utf8("aé".as_bytes()),
            (b"a?".to_vec(), 1)
        );
        let utf16 = by_name("utf16").unwrap();
        assert_eq!(
            utf16.from_utf8("a😀".as_bytes()).0,
            [0, 0x61, 0xd8, 0x3d, 0xde, 0x00]
        );
        assert_eq!(
            utf16.to_utf8(&[0, 0x61, 0xd8, 0x3d, 0xde, 0x00]).unwrap(),
            "a😀".as_bytes()
        );
        assert_eq!(utf16.to_utf8(&[0xd8, 0x3d]), None);
        assert_eq!(all().len(), 41);
        for c in all().iter().filter(|c| c.implemented) {
            assert_eq!(
                c.to_utf8(&c.from_utf8(b"Az09 ~").0).unwrap().len(),
                6,
                "{c:?}"
            );
        }
        assert!(!by_name("gbk").unwrap().implemented);
    }
}
