//! Words of a document, as Dolt's default parser finds them.

use std::collections::HashMap;
use std::sync::LazyLock;

use fancy_regex::Regex;
use values::Collation;

/// Longest word that is indexed, in bytes.
pub const MAX_WORD: usize = 84;
/// Shortest word, in bytes.
const MIN_WORD: usize = 3;

/// A document taken apart.
pub struct Document {
    /// Words in order, each with the position that the index stores for it.
    pub words: Vec<(String, u64)>,
    /// Words that differ in the collation, each as it came first, with their numbers.
    pub unique: Vec<(String, u64)>,
}

/// Letters and numbers of any script.
static LETTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\p{L}\p{N}]$").expect("the pattern is well-formed"));

fn is_word_character(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    c.is_alphanumeric() && LETTER.is_match(c.encode_utf8(&mut [0; 4])).unwrap_or(false)
}

#[derive(PartialEq)]
enum State {
    Between,
    Word,
    Apostrophe,
}

impl Document {
    /// Words of a text in order, with their positions.
    pub fn words_of(text: &str) -> impl Iterator<Item = (String, u64)> {
        split(text).into_iter()
    }

    /// Takes columns apart that are joined by blanks.
    pub fn new<'t>(
        columns: impl Iterator<Item = Option<&'t [u8]>>,
        collation: &Collation,
    ) -> Document {
        let mut text = String::new();
        for (i, column) in columns.enumerate() {
            let Some(column) = column else { continue };
            if i > 0 {
                text.push(' ');
            }
            text.push_str(&String::from_utf8_lossy(column));
        }
        let words: Vec<_> = Document::words_of(&text).collect();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut unique: Vec<(String, u64)> = Vec::new();
        for (word, _) in &words {
            let mut key = Vec::new();
            collation.sort_key(word.as_bytes(), &mut key);
            let at = *places.entry(key).or_insert_with(|| {
                unique.push((word.clone(), 0));
                unique.len() - 1
            });
            unique[at].1 += 1;
        }
        Document { words, unique }
    }
}

fn split(text: &str) -> Vec<(String, u64)> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut state = State::Between;
    let mut position = 0u64;
    let mut end = |word: &mut String, position: u64| {
        let trimmed = word.trim_start_matches('\'');
        let at = position + (word.len() - trimmed.len()) as u64;
        let trimmed = trimmed.trim_end_matches('\'');
        if trimmed.len() >= MIN_WORD {
            words.push((trimmed.to_string(), at));
        }
        word.clear();
    };
    for (i, c) in text.char_indices() {
        let inside = is_word_character(c);
        match state {
            State::Between if inside => {
                word.push(c);
                state = State::Word;
            }
            State::Between => position += 1,
            State::Word | State::Apostrophe if inside => {
                word.push(c);
                state = State::Word;
            }
            State::Word if c == '\'' => {
                word.push(c);
                state = State::Apostrophe;
            }
            State::Word | State::Apostrophe => {
                end(&mut word, position);
                position = i as u64;
                state = State::Between;
            }
        }
    }
    end(&mut word, position);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_where_they_stand() {
        let found = split("  It's a dog''s 'quoted' day, naïve_x 42 1234");
        let shown: Vec<(&str, u64)> = found.iter().map(|(w, p)| (w.as_str(), *p)).collect();
        assert_eq!(
            shown,
            [
                ("It's", 2),
                ("dog", 8),
                ("quoted", 16),
                ("day", 24),
                ("naïve_x", 29),
                ("1234", 41)
            ]
        );
    }

    #[test]
    fn equal_words_are_those_of_the_collation() {
        let ci = values::collation::by_name("utf8mb4_0900_ai_ci").unwrap();
        let text = [Some(b"Dog cat DOG".as_slice()), None, Some(b"dog")];
        let d = Document::new(text.into_iter(), ci);
        assert_eq!(d.unique, [("Dog".to_string(), 3), ("cat".to_string(), 1)]);
        assert_eq!(d.words.len(), 4);
    }
}
