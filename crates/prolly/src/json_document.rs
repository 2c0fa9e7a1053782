//! JSON documents cut at locations of their structure, so that an edit touches few chunks
//! (spec 02 §15). Texts are as storage keeps them: no white space, sorted keys.

use std::sync::Arc;

use chunks::Hash;
use serial::FileId;

use crate::node_format::write_blob_leaf;
use crate::splitter::ends_segment;
use crate::{Node, NodeFormat, NodeStore, ProllyError, Result, TreeBuilder, blob};

/// Deepest nesting of arrays and objects that is accepted.
const MAX_DEPTH: usize = 10_000;

/// Where in a value a location lies; the first byte of its key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start = 0,
    ObjectFirst = 1,
    ArrayFirst = 2,
    End = 3,
}

enum Step {
    Key,
    Index(u64),
}

/// Generates the locations of a text in order.
struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    state: State,
    steps: Vec<(Step, usize)>,
    /// The location's key: state, then the elements of the path.
    key: Vec<u8>,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t [u8]) -> Scanner<'t> {
        Scanner {
            text,
            at: 0,
            state: State::Start,
            steps: Vec::new(),
            key: vec![0],
        }
    }

    fn bad(&self) -> ProllyError {
        ProllyError::BadJson(self.at)
    }

    fn push_index(&mut self, index: u64) -> Result<()> {
        self.push(Step::Index(index))?;
        self.key.push(0xfe);
        values::blob::push_varint(index, &mut self.key);
        Ok(())
    }

    fn push(&mut self, step: Step) -> Result<()> {
        if self.steps.len() >= MAX_DEPTH {
            return Err(self.bad());
        }
        self.steps.push((step, self.key.len()));
        Ok(())
    }

    /// The bytes between the quotes of the string that starts here; moves behind it.
    fn string(&mut self) -> Result<&'t [u8]> {
        if self.text.get(self.at) != Some(&b'"') {
            return Err(self.bad());
        }
        let start = self.at + 1;
        let mut end = start;
        loop {
            match self.text.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.bad()),
            }
        }
        self.at = end + 1;
        Ok(&self.text[start..end])
    }

    /// Takes `"key":`.
    fn member(&mut self) -> Result<()> {
        let name = self.string()?;
        self.push(Step::Key)?;
        self.key.push(0xff);
        let mut rest = name;
        while let Some((&byte, tail)) = rest.split_first() {
            // Only an escaped quote is unescaped; other escapes stay as they are written.
            if byte == b'\\' && tail.first() == Some(&b'"') {
                rest = tail;
                continue;
            }
            self.key.push(byte);
            rest = tail;
        }
        if self.text.get(self.at) != Some(&b':') {
            return Err(self.bad());
        }
        self.at += 1;
        self.state = State::Start;
        Ok(())
    }

    /// Moves to the next location; false at the end of the text.
    fn advance(&mut self) -> Result<bool> {
        let Some(&c) = self.text.get(self.at) else {
            return Ok(false);
        };
        match self.state {
            State::Start => match c {
                b'"' => {
                    self.string()?;
                    self.state = State::End;
                }
                b'[' | b'{' => {
                    self.at += 1;
                    self.state = match c {
                        b'[' => State::ArrayFirst,
                        _ => State::ObjectFirst,
                    };
                }
                _ => {
                    self.at += 1;
                    while !matches!(self.text.get(self.at), None | Some(b'}' | b']' | b',')) {
                        self.at += 1;
                    }
                    self.state = State::End;
                }
            },
            State::ObjectFirst if c == b'"' => self.member()?,
            State::ObjectFirst if c == b'}' => {
                self.at += 1;
                self.state = State::End;
            }
            State::ArrayFirst if c == b']' => {
                self.at += 1;
                self.state = State::End;
            }
            State::ArrayFirst => {
                self.push_index(0)?;
                self.state = State::Start;
            }
            State::End => {
                let (step, start) = self.steps.pop().ok_or(ProllyError::BadJson(self.at))?;
                self.key.truncate(start);
                match (step, c) {
                    (Step::Index(i), b',') => {
                        self.at += 1;
                        self.push_index(i + 1)?;
                        self.state = State::Start;
                    }
                    (Step::Key, b',') => {
                        self.at += 1;
                        self.member()?;
                    }
                    (Step::Index(_), b']') | (Step::Key, b'}') => self.at += 1,
                    _ => return Err(self.bad()),
                }
            }
            State::ObjectFirst => return Err(self.bad()),
        }
        self.key[0] = self.state as u8;
        Ok(true)
    }
}

/// Stores a document as an indexed tree and gives its address. A small one is one blob leaf.
pub fn write(store: &NodeStore, text: &[u8]) -> Result<Hash> {
    let format = NodeFormat::AddressMap;
    let mut tree = TreeBuilder::at_level(store, &format, 1);
    let mut scanner = Scanner::new(text);
    let mut start = 0;
    while scanner.advance()? {
        if ends_segment(scanner.at - start, &scanner.key) {
            let leaf = store.write(write_blob_leaf(&text[start..scanner.at])?)?;
            tree.append(&scanner.key, &leaf.0)?;
            start = scanner.at;
        }
    }
    let leaf = store.write(write_blob_leaf(&text[start..])?)?;
    tree.append(&[State::End as u8], &leaf.0)?;
    let root: Arc<Node> = tree.finish()?;
    store.write_node(&root)
}

/// The text at an address, indexed or a plain blob; fails if it is longer than `limit`.
///
/// Older writers escaped `<`, `>` and `&` in documents that are not indexed; those three are
/// given back as they were meant.
pub fn read(store: &NodeStore, address: &Hash, limit: usize) -> Result<Vec<u8>> {
    let text = blob::read(store, address, limit)?;
    Ok(if is_indexed(store, address)? {
        text
    } else {
        unescape_html(text)
    })
}

/// Whether a document has an index.
pub fn is_indexed(store: &NodeStore, address: &Hash) -> Result<bool> {
    if address.is_empty() {
        return Ok(false);
    }
    let node = store.read(address)?;
    Ok(serial::file_id(node.message()) == Some(FileId::ADDRESS_MAP))
}

fn unescape_html(text: Vec<u8>) -> Vec<u8> {
    const ESCAPES: [(&[u8], u8); 3] = [(b"u003c", b'<'), (b"u003e", b'>'), (b"u0026", b'&')];
    if !text.windows(4).any(|w| w == b"\\u00") {
        return text;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = &text[..];
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        if let Some((code, plain)) = ESCAPES.iter().find(|(code, _)| tail.starts_with(code)) {
            out.push(*plain);
            rest = &tail[code.len()..];
            continue;
        }
        // Any other escape: keep it with the character after the backslash.
        out.push(byte);
        if let Some((&next, tail)) = tail.split_first() {
            out.push(next);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locations(text: &str) -> Vec<(Vec<u8>, usize)> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut found = Vec::new();
        while scanner.advance().unwrap() {
            found.push((scanner.key.clone(), scanner.at));
        }
        found
    }

    #[test]
    fn locations_of_a_small_document() {
        let found = locations(r#"{"a":[1,"x"],"b\"c":{}}"#);
        let expected: Vec<(&[u8], usize)> = vec![
            (b"\x01", 1),
            (b"\x00\xffa", 5),
            (b"\x02\xffa", 6),
            (b"\x00\xffa\xfe\x00", 6),
            (b"\x03\xffa\xfe\x00", 7),
            (b"\x00\xffa\xfe\x01", 8),
            (b"\x03\xffa\xfe\x01", 11),
            (b"\x03\xffa", 12),
            (b"\x00\xffb\"c", 20),
            (b"\x01\xffb\"c", 21),
            (b"\x03\xffb\"c", 22),
            (b"\x03", 23),
        ];
        assert_eq!(found.len(), expected.len());
        for ((key, at), (k, a)) in found.iter().zip(expected) {
            assert_eq!((&key[..], *at), (k, a));
        }
    }

    #[test]
    fn documents_read_back_and_bad_ones_are_refused() {
        let store = NodeStore::in_memory();
        let small = br#"{"a":1}"#;
        let address = write(&store, small).unwrap();
        assert!(!is_indexed(&store, &address).unwrap());
        assert_eq!(address, blob::write(&store, small).unwrap());
        let items: Vec<String> = (0..20_000)
            .map(|i| {
                format!(
                    r#"{{"id":{i},"name":"item \"{i}\" {}"}}"#,
                    "x".repeat(i % 40)
                )
            })
            .collect();
        let large = format!("[{}]", items.join(","));
        let address = write(&store, large.as_bytes()).unwrap();
        assert!(is_indexed(&store, &address).unwrap());
        assert_eq!(
            read(&store, &address, large.len()).unwrap(),
            large.as_bytes()
        );
        for bad in ["{", "[1", "{\"a\"", "{1:2}", "1]", "\"abc", "{\"a\":1]"] {
            let result = write(&store, bad.as_bytes());
            let unfinished = matches!(bad, "{" | "[1");
            assert!(unfinished || result.is_err(), "{bad}");
        }
        let deep = "[".repeat(1_000_000);
        assert!(write(&store, deep.as_bytes()).is_err());
        let old = blob::write(&store, br#"{"a":"\u003cb\u003e \\u0026 \u0041"}"#).unwrap();
        assert_eq!(
            read(&store, &old, 100).unwrap(),
            br#"{"a":"<b> \\u0026 \u0041"}"#
        );
    }
}
