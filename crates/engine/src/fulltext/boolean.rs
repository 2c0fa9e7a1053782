//! What AGAINST asks for IN BOOLEAN MODE: words that must, may or must not be there.

use values::Collation;

use super::words::Document;
use crate::error::{Error, Result};

/// Groups within groups.
const MOST_DEPTH: usize = 32;
/// Words, phrases and groups of one query.
const MOST_TERMS: usize = 1000;

/// What stands before a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    May,
    /// `+`
    Must,
    /// `-`
    MustNot,
    /// `~`: the row counts for less.
    Less,
}

#[derive(Debug, PartialEq)]
enum What {
    Word(String),
    /// `abc*`
    Beginning(String),
    /// Words that stand behind each other.
    Phrase(Vec<String>),
    Group(Vec<Term>),
}

#[derive(Debug, PartialEq)]
struct Term {
    sign: Sign,
    /// `>` is one more, `<` one less.
    weight: i32,
    what: What,
}

/// A query in boolean mode.
#[derive(Debug, PartialEq)]
pub struct BooleanQuery(Vec<Term>);

/// The words of a row, each with what compares as the collation says.
pub struct RowWords(Vec<(String, Vec<u8>)>);

impl RowWords {
    /// Of a document.
    pub fn new(document: &Document, collation: &Collation) -> RowWords {
        let words = document.words.iter();
        RowWords(words.map(|(w, _)| (w.clone(), key(w, collation))).collect())
    }
}

fn key(word: &str, collation: &Collation) -> Vec<u8> {
    let mut out = Vec::new();
    collation.sort_key(word.as_bytes(), &mut out);
    out
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    terms: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn wrong(&self) -> Error {
        let found = self.peek().map_or("$end".to_string(), |c| format!("'{c}'"));
        Error::new(1064, "42000", format!("syntax error, unexpected {found}"))
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Term>> {
        if depth > MOST_DEPTH {
            return Err(self.wrong());
        }
        let mut out = Vec::new();
        loop {
            let mut term = Term {
                sign: Sign::May,
                weight: 0,
                what: What::Group(Vec::new()),
            };
            let mut signs = 0;
            loop {
                match self.peek() {
                    Some('+') => term.sign = Sign::Must,
                    Some('-') => term.sign = Sign::MustNot,
                    Some('~') => term.sign = Sign::Less,
                    Some('>') => term.weight += 1,
                    Some('<') => term.weight -= 1,
                    _ => break,
                }
                signs += 1;
                self.next();
            }
            term.what = match self.peek() {
                None if signs > 0 => return Err(self.wrong()),
                None if depth > 0 => return Err(self.wrong()),
                None => return Ok(out),
                Some(')') if depth > 0 && signs == 0 => return Ok(out),
                Some(')' | '*' | '@') => return Err(self.wrong()),
                Some('(') => {
                    self.next();
                    let list = self.list(depth + 1)?;
                    self.next();
                    What::Group(list)
                }
                Some('"') => {
                    self.next();
                    let start = self.at;
                    loop {
                        match self.next() {
                            Some('"') => break,
                            Some(_) => {}
                            None => return Err(self.wrong()),
                        }
                    }
                    What::Phrase(words(&self.text[start..self.at - 1]))
                }
                Some(c) if is_separator(c) && signs == 0 => {
                    self.next();
                    continue;
                }
                Some(c) if is_separator(c) => return Err(self.wrong()),
                Some(_) => self.word(),
            };
            self.terms += 1;
            if self.terms > MOST_TERMS {
                return Err(self.wrong());
            }
            out.push(term);
        }
    }

    fn word(&mut self) -> What {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| !is_separator(c) && !is_operator(c))
        {
            self.next();
        }
        let text = &self.text[start..self.at];
        if self.peek() == Some('*') {
            self.next();
            return What::Beginning(text.to_string());
        }
        let mut found = words(text);
        match found.len() {
            1 => What::Word(found.remove(0)),
            // Punctuation within a word divides it, and its parts belong together.
            _ => What::Phrase(found),
        }
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | '.' | ';' | ':' | '!' | '?')
}

fn is_operator(c: char) -> bool {
    matches!(c, '(' | ')' | '"' | '*' | '@' | '<' | '>' | '~')
}

/// The words of a text that are indexed.
fn words(text: &str) -> Vec<String> {
    Document::words_of(text).map(|(w, _)| w).collect()
}

impl BooleanQuery {
    /// Reads a query.
    pub fn parse(text: &str) -> Result<BooleanQuery> {
        let mut parser = Parser {
            text,
            at: 0,
            terms: 0,
        };
        parser.list(0).map(BooleanQuery)
    }

    /// How well a row fits; none if it does not. `weight` is what a word adds that stands in the
    /// row so often.
    pub fn rank(
        &self,
        row: &RowWords,
        collation: &Collation,
        weight: &mut dyn FnMut(&str, usize) -> Result<f32>,
    ) -> Result<Option<f32>> {
        let rank = rank_of(&self.0, row, collation, weight)?;
        // Whatever matches at all is true.
        Ok(rank.map(|r| r.max(f32::EPSILON)))
    }
}

fn rank_of(
    terms: &[Term],
    row: &RowWords,
    collation: &Collation,
    weight: &mut dyn FnMut(&str, usize) -> Result<f32>,
) -> Result<Option<f32>> {
    let (mut sum, mut any) = (0f32, false);
    for term in terms {
        let found = match &term.what {
            // A word that is too short to be indexed decides nothing.
            What::Phrase(words) if words.is_empty() => continue,
            What::Group(list) if list.is_empty() => continue,
            What::Group(list) => rank_of(list, row, collation, weight)?,
            What::Word(word) => match count(row, &key(word, collation)) {
                0 => None,
                n => Some(weight(word, n)?),
            },
            What::Beginning(text) => {
                let (start, length) = (key(text, collation), text.chars().count());
                let begins = |w: &str| {
                    let end = w.char_indices().nth(length).map_or(w.len(), |(i, _)| i);
                    key(&w[..end], collation) == start
                };
                let n = row.0.iter().filter(|(w, _)| begins(w)).count();
                (n > 0).then_some(n as f32)
            }
            What::Phrase(words) => {
                let keys: Vec<_> = words.iter().map(|w| key(w, collation)).collect();
                let stands = |w: &&[(String, Vec<u8>)]| w.iter().map(|(_, k)| k).eq(&keys);
                let n = row.0.windows(keys.len()).filter(stands).count();
                (n > 0).then_some(n as f32)
            }
        };
        match (term.sign, found) {
            (Sign::Must, None) | (Sign::MustNot, Some(_)) => return Ok(None),
            (Sign::MustNot, None) | (_, None) => {}
            (Sign::Less, Some(_)) => {
                any = true;
                sum -= 1.0;
            }
            (_, Some(rank)) => {
                any = true;
                sum += rank + term.weight as f32;
            }
        }
    }
    Ok(any.then_some(sum))
}

fn count(row: &RowWords, word: &[u8]) -> usize {
    row.0.iter().filter(|(_, k)| k == word).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(query: &str, text: &str) -> bool {
        let collation = values::collation::by_name("utf8mb4_0900_ai_ci").unwrap();
        let document = Document::new([Some(text.as_bytes())].into_iter(), collation);
        let row = RowWords::new(&document, collation);
        let query = BooleanQuery::parse(query).unwrap();
        let rank = query.rank(&row, collation, &mut |_, n| Ok(n as f32));
        rank.unwrap().is_some()
    }

    #[test]
    fn words_that_must_may_and_must_not_be_there() {
        let text = "Apple pie with banana cream";
        for (query, wanted) in [
            ("apple", true),
            ("cherry banana", true),
            ("cherry", false),
            ("+apple +banana", true),
            ("+apple +cherry", false),
            ("+apple cherry", true),
            ("+apple -banana", false),
            ("-cherry", false),
            ("+apple ~banana", true),
            ("app*", true),
            ("+ban* -cher*", true),
            ("\"apple pie\"", true),
            ("\"pie apple\"", false),
            ("+apple +(cherry banana)", true),
            ("+apple +(cherry >melon)", false),
            ("+a +apple", true),
            ("+apple,cherry", true),
        ] {
            assert_eq!(matches(query, text), wanted, "{query}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for text in [
            "+",
            "(apple",
            "apple)",
            "\"apple",
            "*",
            "+ apple",
            &"(".repeat(100),
        ] {
            let e = BooleanQuery::parse(text).unwrap_err();
            assert_eq!(e.code, 1064, "{text}");
        }
    }
}
