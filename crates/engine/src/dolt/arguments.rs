//! The argument parser that procedures share with the command line (spec 04 §2).

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Flag,
    /// A value.
    Value,
    /// All arguments up to the next option.
    List,
}

/// An option: long name, short name (or empty), what it takes.
pub type OptionSpec = (&'static str, &'static str, Takes);

/// Parsed arguments.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Positional arguments.
    pub positional: Vec<String>,
    /// Where `--` stood among them.
    pub separator: Option<usize>,
    options: BTreeMap<&'static str, String>,
}

impl Arguments {
    /// Whether an option was given.
    pub fn has(&self, long: &str) -> bool {
        self.options.contains_key(long)
    }

    /// The value of an option.
    pub fn get(&self, long: &str) -> Option<&str> {
        self.options.get(long).map(String::as_str)
    }

    /// The values of a list option.
    pub fn list(&self, long: &str) -> Vec<String> {
        let Some(text) = self.get(long) else {
            return Vec::new();
        };
        let parts = text.split(',').filter(|p| !p.is_empty());
        parts.map(str::to_owned).collect()
    }

    /// Fails when there are more positional arguments than a procedure takes.
    pub fn at_most(self, name: &str, max: usize) -> Result<Arguments> {
        let found = self.positional.len();
        if found <= max {
            return Ok(self);
        }
        let list = self.positional.join(", ");
        Err(Error::general(match max {
            0 => format!(
                "error: {name} does not take positional arguments, but found {found}: {list}"
            ),
            _ => format!(
                "error: {name} has too many positional arguments. Expected at most {max}, found {found}: {list}"
            ),
        }))
    }
}

/// Parses the arguments of a procedure.
pub fn parse(specs: &[OptionSpec], args: &[String]) -> Result<Arguments> {
    let mut out = Arguments::default();
    let mut i = 0;
    while i < args.len() {
        let arg = &args[i];
        i += 1;
        if out.separator.is_some() || !arg.starts_with('-') || arg == "-" {
            out.positional.push(arg.clone());
            continue;
        }
        if arg == "--" {
            out.separator = Some(out.positional.len());
            continue;
        }
        let text = arg.trim_start_matches('-');
        let rest = flags(specs, text, &mut out)?;
        let Some(rest) = rest else { continue };
        let Some((spec, inline)) = option(specs, &rest) else {
            if rest.len() < text.len() {
                out.positional.push(rest);
                continue;
            }
            if text == "help" || text == "h" {
                return Err(Error::general("Help"));
            }
            return Err(Error::general(format!("error: unknown option `{rest}'")));
        };
        if out.has(spec.0) {
            return Err(Error::general(format!(
                "error: multiple values provided for `{}'",
                spec.0
            )));
        }
        let value = match (spec.2, inline) {
            (Takes::List, inline) => {
                let mut list: Vec<String> = inline.into_iter().collect();
                while i < args.len() && !args[i].starts_with('-') {
                    list.push(args[i].clone());
                    i += 1;
                }
                list.join(",")
            }
            (_, Some(value)) => value,
            (_, None) if i < args.len() => {
                i += 1;
                args[i - 1].clone()
            }
            _ => {
                return Err(Error::general(format!(
                    "error: no value for option `{rest}'"
                )));
            }
        };
        out.options.insert(spec.0, value);
    }
    Ok(out)
}

/// Takes the flags off the front of an argument; what is left, if anything is.
fn flags(specs: &[OptionSpec], text: &str, out: &mut Arguments) -> Result<Option<String>> {
    // A long option with its value is no bundle of flags.
    if let Some((spec, _)) = option(specs, text)
        && text.starts_with(spec.0)
    {
        return Ok(Some(text.to_owned()));
    }
    let mut rest = text;
    loop {
        let mut best: Option<(&'static str, usize)> = None;
        for (long, short, takes) in specs {
            if *takes != Takes::Flag {
                continue;
            }
            for name in [*long, *short] {
                let longer = best.is_none_or(|b| name.len() > b.1);
                let whole = name.len() == 1 || name.len() == rest.len() || rest == text;
                if !name.is_empty() && rest.starts_with(name) && longer && whole {
                    best = Some((long, name.len()));
                }
            }
        }
        let Some((long, length)) = best else {
            return Ok(Some(rest.to_owned()));
        };
        if out.has(long) {
            if rest.len() == text.len() {
                return Err(Error::general(format!(
                    "error: multiple values provided for `{long}'"
                )));
            }
            return Ok(Some(rest.to_owned()));
        }
        out.options.insert(long, String::new());
        rest = &rest[length..];
        if rest.is_empty() {
            return Ok(None);
        }
    }
}

/// The option with a value that a text names, and the value if it is in the text.
fn option(specs: &[OptionSpec], text: &str) -> Option<(OptionSpec, Option<String>)> {
    let mut best: Option<(OptionSpec, usize, Option<String>)> = None;
    for spec in specs.iter().filter(|s| s.2 != Takes::Flag) {
        for (name, short) in [(spec.0, false), (spec.1, true)] {
            let Some(rest) = text.strip_prefix(name).filter(|_| !name.is_empty()) else {
                continue;
            };
            let value = match rest.chars().next() {
                None => None,
                Some('=' | ':' | ' ') => Some(rest[1..].to_owned()),
                Some(_) if short => Some(rest.to_owned()),
                Some(_) => continue,
            };
            if best.as_ref().is_none_or(|b| name.len() > b.1) {
                best = Some((*spec, name.len(), value));
            }
        }
    }
    best.map(|(spec, _, value)| (spec, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[OptionSpec] = &[
        ("message", "m", Takes::Value),
        ("all", "a", Takes::Flag),
        ("ALL", "A", Takes::Flag),
        ("amend", "", Takes::Flag),
        ("allow-empty", "", Takes::Flag),
        ("not", "", Takes::List),
    ];

    fn check(args: &[&str]) -> std::result::Result<(Vec<(String, String)>, Vec<String>), String> {
        let args: Vec<String> = args.iter().map(|a| a.to_string()).collect();
        let a = parse(SPECS, &args).map_err(|e| e.message)?;
        let options = a.options.iter().map(|(k, v)| (k.to_string(), v.clone()));
        Ok((options.collect(), a.positional))
    }

    fn options(args: &[&str]) -> String {
        let (options, positional) = check(args).unwrap();
        let mut parts: Vec<String> = options.iter().map(|(k, v)| format!("{k}={v}")).collect();
        parts.extend(positional);
        parts.join(" ")
    }

    #[test]
    fn forms() {
        assert_eq!(options(&["-am", "msg"]), "all= message=msg");
        assert_eq!(options(&["-Am", "msg"]), "ALL= message=msg");
        assert_eq!(options(&["-mx"]), "message=x");
        assert_eq!(options(&["--message=x y"]), "message=x y");
        assert_eq!(options(&["--message", "x"]), "message=x");
        assert_eq!(options(&["-m", "a", "--amend"]), "amend= message=a");
        assert_eq!(options(&["-ALL", "t"]), "ALL= t");
        assert_eq!(
            options(&["--allow-empty", "-m", "-x"]),
            "allow-empty= message=-x"
        );
        assert_eq!(options(&["--", "-m"]), "-m");
        assert_eq!(options(&["a", "", "--not", "b", "c"]), "not=b,c a ");
        assert_eq!(
            check(&["--foo"]).unwrap_err(),
            "error: unknown option `foo'"
        );
        assert_eq!(
            check(&["-m"]).unwrap_err(),
            "error: no value for option `m'"
        );
        assert_eq!(
            check(&["-m", "a", "-m", "b"]).unwrap_err(),
            "error: multiple values provided for `message'"
        );
    }
}
