//! YAML read into a tree whose nodes know their lines, and strict access to it.

use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser};
use yaml_rust2::scanner::{Marker, TScalarStyle};

/// Nesting of a configuration.
const MAX_DEPTH: usize = 32;

/// A node and the line that it begins on, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line.
    pub line: usize,
    /// What it is.
    pub kind: Kind,
}

/// Kinds of nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Text, and whether it stood without quotes.
    Scalar(String, bool),
    /// A list.
    List(Vec<Node>),
    /// Keys with their lines, and values.
    Map(Vec<(String, usize, Node)>),
}

enum Open {
    List(usize, Vec<Node>),
    Map(usize, Vec<(String, usize, Node)>, Option<(String, usize)>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    problem: Option<String>,
}

impl Builder {
    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = self.root.take().or(Some(node)),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match key.take() {
                Some((name, line)) => {
                    if entries.iter().any(|(n, ..)| *n == name) {
                        let text = format!("  line {line}: key \"{name}\" already set in map");
                        self.problem.get_or_insert(text);
                    }
                    entries.push((name, line, node));
                }
                None => match node.kind {
                    Kind::Scalar(text, _) => *key = Some((text, node.line)),
                    _ => {
                        let text = format!("  line {}: a key must be a word", node.line);
                        self.problem.get_or_insert(text);
                        *key = Some((String::new(), node.line));
                    }
                },
            },
        }
    }
}

impl MarkedEventReceiver for Builder {
    fn on_event(&mut self, event: Event, mark: Marker) {
        let line = mark.line();
        match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == TScalarStyle::Plain;
                self.add(Node {
                    line,
                    kind: Kind::Scalar(text, plain),
                });
            }
            Event::SequenceStart(..) => self.open.push(Open::List(line, Vec::new())),
            Event::MappingStart(..) => self.open.push(Open::Map(line, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(line, items)) => self.add(Node {
                    line,
                    kind: Kind::List(items),
                }),
                Some(Open::Map(line, entries, _)) => {
                    self.add(Node {
                        line,
                        kind: Kind::Map(entries),
                    });
                }
                None => {}
            },
            Event::Alias(_) => {
                self.problem
                    .get_or_insert(format!("  line {line}: aliases are not supported"));
                self.add(Node {
                    line,
                    kind: Kind::Scalar(String::new(), true),
                });
            }
            _ => {}
        }
        if self.open.len() > MAX_DEPTH {
            self.problem
                .get_or_insert(format!("  line {line}: too deeply nested"));
        }
    }
}

/// Parses the first document; an empty text is an empty map.
pub fn parse(text: &str) -> Result<Node, String> {
    let mut builder = Builder::default();
    let mut depth = 0usize;
    // Brackets are counted first, since the parser recurses on them.
    for c in text.chars() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err("yaml: too deeply nested".to_string());
        }
    }
    let mut parser = Parser::new_from_str(text);
    parser
        .load(&mut builder, false)
        .map_err(|e| format!("yaml: line {}: {}", e.marker().line(), e.info()))?;
    if let Some(problem) = builder.problem {
        return Err(format!("yaml: unmarshal errors:\n{problem}"));
    }
    let empty = Node {
        line: 1,
        kind: Kind::Map(Vec::new()),
    };
    Ok(match builder.root {
        Some(Node {
            kind: Kind::Scalar(t, true),
            ..
        }) if is_null(&t) => empty,
        Some(node) => node,
        None => empty,
    })
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads a tree into a configuration and gathers what is wrong with it.
#[derive(Debug, Default)]
pub struct Reader {
    problems: Vec<String>,
}

impl Reader {
    /// Everything that was wrong, as Go's YAML library says it.
    pub fn finish(self) -> Result<(), String> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(format!(
            "yaml: unmarshal errors:\n{}",
            self.problems.join("\n")
        ))
    }

    fn wrong(&mut self, node: &Node, ty: &str) {
        let (tag, shown) = match &node.kind {
            Kind::Scalar(t, plain) => {
                let tag = match () {
                    () if !plain => "!!str",
                    () if boolean(t).is_some() => "!!bool",
                    () if t.parse::<i64>().is_ok() => "!!int",
                    () if t.parse::<f64>().is_ok() => "!!float",
                    () => "!!str",
                };
                (
                    tag,
                    format!(" `{}`", t.chars().take(10).collect::<String>()),
                )
            }
            Kind::List(_) => ("!!seq", String::new()),
            Kind::Map(_) => ("!!map", String::new()),
        };
        self.problems.push(format!(
            "  line {}: cannot unmarshal {tag}{shown} into {ty}",
            node.line
        ));
    }

    /// The entries of a map; `null` is an empty one.
    pub fn map<'n>(&mut self, node: &'n Node, ty: &str) -> &'n [(String, usize, Node)] {
        match &node.kind {
            Kind::Map(entries) => entries,
            Kind::Scalar(t, true) if is_null(t) => &[],
            _ => {
                self.wrong(node, ty);
                &[]
            }
        }
    }

    /// The items of a list; `null` is an empty one.
    pub fn list<'n>(&mut self, node: &'n Node, ty: &str) -> &'n [Node] {
        match &node.kind {
            Kind::List(items) => items,
            Kind::Scalar(t, true) if is_null(t) => &[],
            _ => {
                self.wrong(node, ty);
                &[]
            }
        }
    }

    /// A key that the type does not have.
    pub fn unknown(&mut self, key: &str, line: usize, ty: &str) {
        self.problems
            .push(format!("  line {line}: field {key} not found in type {ty}"));
    }

    /// A value of plain text, unless it is null.
    pub fn text(&mut self, node: &Node) -> Option<String> {
        match &node.kind {
            Kind::Scalar(t, true) if is_null(t) => None,
            Kind::Scalar(t, _) => Some(t.clone()),
            _ => {
                self.wrong(node, "string");
                None
            }
        }
    }

    /// A truth value, unless it is null.
    pub fn boolean(&mut self, node: &Node) -> Option<bool> {
        match &node.kind {
            Kind::Scalar(t, true) if is_null(t) => return None,
            Kind::Scalar(t, true) => {
                if let Some(b) = boolean(t) {
                    return Some(b);
                }
            }
            _ => {}
        }
        self.wrong(node, "bool");
        None
    }

    /// A number of Go type `ty`, unless it is null.
    pub fn number<T: std::str::FromStr>(&mut self, node: &Node, ty: &str) -> Option<T> {
        match &node.kind {
            Kind::Scalar(t, true) if is_null(t) => return None,
            Kind::Scalar(t, true) => {
                if let Ok(n) = t.replace('_', "").parse() {
                    return Some(n);
                }
            }
            _ => {}
        }
        self.wrong(node, ty);
        None
    }
}

/// YAML 1.1, as Go's library reads it.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(false)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_kinds() {
        let n = parse("a: 1\nb:\n  - x\n  - \"no\"\nc: {d: ~}\n").expect("parses");
        let mut r = Reader::default();
        let m = r.map(&n, "T");
        assert_eq!(
            m.iter()
                .map(|(k, l, _)| (k.as_str(), *l))
                .collect::<Vec<_>>(),
            [("a", 1), ("b", 2), ("c", 5)]
        );
        assert_eq!(r.number::<u16>(&m[0].2, "int"), Some(1));
        assert_eq!(r.list(&m[1].2, "T").len(), 2);
        let quoted = r.list(&m[1].2, "T")[1].clone();
        assert_eq!(r.boolean(&quoted), None, "quoted text is no truth value");
        assert_eq!(
            r.finish().expect_err("one problem"),
            "yaml: unmarshal errors:\n  line 4: cannot unmarshal !!str `no` into bool"
        );
        assert_eq!(parse("").expect("empty").kind, Kind::Map(vec![]));
        assert_eq!(parse("# only\n").expect("empty").kind, Kind::Map(vec![]));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(parse("a: [1").is_err());
        assert!(parse("a: 1\na: 2\n").is_err());
        assert!(parse("a: *x\n").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
