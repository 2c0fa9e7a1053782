//! Dolt's option grammar (spec 06 §1.2), the same for every command.

use crate::Failure;

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// Nothing, and may be repeated.
    Count,
    /// One value.
    Value,
    /// Every following word up to the next option, joined by commas.
    List,
}

/// One option of a command.
#[derive(Clone, Copy, Debug)]
pub struct Option_ {
    /// Long name.
    pub name: &'static str,
    /// Short name, or empty.
    pub short: &'static str,
    /// What it takes.
    pub takes: Takes,
}

/// A flag without value.
pub const fn flag(name: &'static str, short: &'static str) -> Option_ {
    Option_ {
        name,
        short,
        takes: Takes::Nothing,
    }
}

/// A flag that may be given twice.
pub const fn count(name: &'static str, short: &'static str) -> Option_ {
    Option_ {
        name,
        short,
        takes: Takes::Count,
    }
}

/// An option that takes every word up to the next option.
pub const fn list(name: &'static str, short: &'static str) -> Option_ {
    Option_ {
        name,
        short,
        takes: Takes::List,
    }
}

/// An option with a value.
pub const fn value(name: &'static str, short: &'static str) -> Option_ {
    Option_ {
        name,
        short,
        takes: Takes::Value,
    }
}

/// Parsed arguments.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    options: Vec<(&'static str, String)>,
    valued: Vec<&'static str>,
    /// Words that are no options.
    pub positional: Vec<String>,
    /// How many positional words stood before `--`.
    pub split: std::option::Option<usize>,
    /// `-h` or `--help`.
    pub help: bool,
}

impl Parsed {
    /// Whether an option was given.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(n, _)| *n == name)
    }

    /// How often a flag was given.
    pub fn times(&self, name: &str) -> usize {
        self.options.iter().filter(|(n, _)| *n == name).count()
    }

    /// The values of a list option.
    pub fn list(&self, name: &str) -> Vec<String> {
        let words = self
            .get(name)
            .unwrap_or("")
            .split(',')
            .filter(|w| !w.is_empty());
        words.map(str::to_string).collect()
    }

    /// The words again, in the plain form that procedures take.
    pub fn canonical(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (name, value) in &self.options {
            let dashes = if name.len() == 1 { "-" } else { "--" };
            out.push(format!("{dashes}{name}"));
            if self.valued.contains(name) {
                out.push(value.clone());
            }
        }
        let split = self.split.unwrap_or(self.positional.len());
        out.extend(self.positional[..split].iter().cloned());
        if self.split.is_some() {
            out.push("--".to_string());
            out.extend(self.positional[split..].iter().cloned());
        }
        out
    }

    /// The only positional words there may be, or Dolt's text about too many.
    pub fn at_most(self, command: &str, most: usize) -> Result<Parsed, Failure> {
        let n = self.positional.len();
        if n <= most {
            return Ok(self);
        }
        let words = self.positional.join(", ");
        Err(Failure::new(match most {
            0 => format!(
                "error: {command} does not take positional arguments, but found {n}: {words}"
            ),
            _ => format!(
                "error: {command} has too many positional arguments. Expected at most {most}, found {n}: {words}"
            ),
        }))
    }

    /// Gives an option that was not given.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.options.push((name, value));
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> std::option::Option<&str> {
        self.options
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// Parses the words of a command.
pub fn parse(words: &[String], options: &'static [Option_]) -> Result<Parsed, Failure> {
    let mut out = Parsed::default();
    let mut i = 0;
    while i < words.len() {
        let word = &words[i];
        i += 1;
        if word == "--" {
            out.split = Some(out.positional.len());
            out.positional.extend(words[i..].iter().cloned());
            break;
        }
        if !word.starts_with('-') || word == "-" {
            out.positional.push(word.clone());
            continue;
        }
        let bare = word.trim_start_matches('-');
        if bare == "help" || bare == "h" {
            out.help = true;
            continue;
        }
        let mut rest = bare;
        loop {
            let (found, short) = longest(rest, options).ok_or_else(|| {
                Failure::new(format!(
                    "error: unknown option `{}'",
                    word.trim_start_matches('-')
                ))
            })?;
            let matched = match short && found.name.len() > 1 {
                true => found.short,
                false => found.name,
            };
            let tail = &rest[matched.len()..];
            if out.has(found.name) && found.takes != Takes::Count {
                return Err(Failure::new(format!(
                    "error: multiple values provided for `{}'",
                    found.name
                )));
            }
            match found.takes {
                Takes::Nothing | Takes::Count => {
                    out.options.push((found.name, String::new()));
                    if tail.is_empty() {
                        break;
                    }
                    if longest(tail, options).is_none() {
                        out.positional.push(tail.to_string());
                        break;
                    }
                    rest = tail;
                }
                Takes::Value => {
                    let given = match tail.strip_prefix(['=', ':', ' ']) {
                        Some(v) => v.to_string(),
                        None if !tail.is_empty() && short => tail.to_string(),
                        None if !tail.is_empty() => {
                            return Err(Failure::new(format!("error: unknown option `{bare}'")));
                        }
                        None => match words.get(i) {
                            Some(v) => {
                                i += 1;
                                v.clone()
                            }
                            None => {
                                return Err(Failure::new(format!(
                                    "error: no value for option `{}'",
                                    found.name
                                )));
                            }
                        },
                    };
                    out.options.push((found.name, given));
                    out.valued.push(found.name);
                    break;
                }
                Takes::List => {
                    let mut list = Vec::new();
                    while let Some(v) = words.get(i).filter(|v| !v.starts_with('-')) {
                        list.push(v.clone());
                        i += 1;
                    }
                    out.options.push((found.name, list.join(",")));
                    break;
                }
            }
        }
    }
    Ok(out)
}

/// The option whose name is the longest start of `text`; whether by its short name.
fn longest(
    text: &str,
    options: &'static [Option_],
) -> std::option::Option<(&'static Option_, bool)> {
    let fits = |name: &str| !name.is_empty() && text.starts_with(name);
    let mut best: std::option::Option<(&'static Option_, bool, usize)> = None;
    for o in options {
        // A name of one letter is a short one.
        for (name, short) in [(o.name, o.name.len() == 1), (o.short, true)] {
            let exact_end = text.len() == name.len()
                || text[name.len().min(text.len())..].starts_with(['=', ':', ' '])
                || short
                || matches!(o.takes, Takes::Nothing | Takes::Count);
            if fits(name) && exact_end && best.is_none_or(|(_, _, n)| name.len() > n) {
                best = Some((o, short, name.len()));
            }
        }
    }
    best.map(|(o, short, _)| (o, short))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &[Option_] = &[
        value("message", "m"),
        flag("all", "a"),
        flag("ALL", "A"),
        flag("allow-empty", ""),
    ];

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|w| w.to_string()).collect()
    }

    #[test]
    fn flags_cluster_and_values_glue() {
        let p = parse(&words(&["-am", "hello there"]), COMMIT).unwrap();
        assert!(p.has("all") && p.get("message") == Some("hello there"));
        let p = parse(&words(&["--message=x=y", "-A", "t"]), COMMIT).unwrap();
        assert_eq!(p.get("message"), Some("x=y"));
        assert!(p.has("ALL") && !p.has("all"));
        assert_eq!(p.positional, ["t"]);
        assert_eq!(
            parse(&words(&["-mx"]), COMMIT).unwrap().get("message"),
            Some("x")
        );
        assert_eq!(
            parse(&words(&["-m"]), COMMIT).unwrap_err().text,
            "error: no value for option `message'"
        );
        assert!(parse(&words(&["--bogus"]), COMMIT).is_err());
        let p = parse(&words(&["-amx", "y", "--", "z"]), COMMIT).unwrap();
        assert_eq!(p.canonical(), ["--all", "--message", "x", "y", "--", "z"]);
    }
}
