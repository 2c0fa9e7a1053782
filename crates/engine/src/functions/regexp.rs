//! Regular expressions: REGEXP_LIKE, REGEXP_INSTR, REGEXP_REPLACE and REGEXP_SUBSTR.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use fancy_regex::{Captures, Regex, RegexBuilder};
use values::Value;

use super::result_type as ty;
use super::{Call, Function, MAX_TEXT, Outcome, boolean, bytes};
use crate::convert::{to_i64, to_string};
use crate::error::{Error, Result};

pub const FUNCTIONS: &[Function] = &[
    Function::new("regexp_like", 2, 3, ty::int, regexp_like),
    Function::new("regexp_instr", 2, 6, ty::int, regexp_instr),
    Function::new("regexp_replace", 3, 6, ty::long_text, regexp_replace),
    Function::new("regexp_substr", 2, 5, ty::long_text, regexp_substr),
];

/// Compiled expressions that a thread keeps.
const MAX_KEPT: usize = 128;
/// Steps back that a match may take.
const MAX_STEPS: usize = 1_000_000;

thread_local! {
    static KEPT: RefCell<HashMap<String, Rc<Regex>>> = RefCell::default();
}

/// POSIX classes as Unicode properties.
const CLASSES: &[(&str, &str)] = &[
    ("[:alpha:]", r"\p{Alphabetic}"),
    ("[:digit:]", r"\p{Nd}"),
    ("[:alnum:]", r"\p{Alphabetic}\p{Nd}"),
    ("[:upper:]", r"\p{Uppercase}"),
    ("[:lower:]", r"\p{Lowercase}"),
    ("[:punct:]", r"\p{P}"),
    ("[:space:]", r"\s"),
    ("[:word:]", r"\w"),
];

/// A compiled expression; `options` is the argument with letters, if there is one.
fn compiled(
    call: &Call<'_>,
    pattern: &str,
    options: Option<&Value<'_>>,
    name: &str,
) -> Result<Rc<Regex>> {
    let collation = call.collation();
    let mut ignore_case = !collation.case_sensitive && !collation.is_binary();
    let (mut lines, mut dot_all) = (false, false);
    for c in options.map(to_string).unwrap_or_default().chars() {
        match c {
            'c' => ignore_case = false,
            'i' => ignore_case = true,
            'm' => lines = true,
            'n' => dot_all = true,
            'u' => {}
            _ => return Err(Error::wrong_arguments(name)),
        }
    }
    if pattern.is_empty() {
        return Err(Error::new(
            3685,
            "HY000",
            "Illegal argument to a regular expression.",
        ));
    }
    let mut flags = String::new();
    for (on, letter) in [(ignore_case, 'i'), (lines, 'm'), (dot_all, 's')] {
        if on {
            flags.push(letter);
        }
    }
    let mut text = if flags.is_empty() {
        pattern.to_string()
    } else {
        format!("(?{flags}){pattern}")
    };
    if text.contains("[:") {
        for (class, property) in CLASSES {
            text = text.replace(class, property);
        }
    }
    KEPT.with_borrow_mut(|kept| {
        if let Some(found) = kept.get(&text) {
            return Ok(found.clone());
        }
        let regex = RegexBuilder::new(&text)
            .backtrack_limit(MAX_STEPS)
            .build()
            .map_err(|e| wrong_pattern(pattern, &e))?;
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let regex = Rc::new(regex);
        kept.insert(text, regex.clone());
        Ok(regex)
    })
}

/// MySQL's error for an expression that does not compile.
fn wrong_pattern(pattern: &str, e: &fancy_regex::Error) -> Error {
    let text = e.to_string().to_ascii_lowercase();
    let (code, message) = if text.contains("parenthes")
        || text.contains("unclosed group")
        || text.contains("unopened group")
    {
        (
            3691,
            "Mismatched parenthesis in regular expression.".to_string(),
        )
    } else if text.contains("unclosed character class") || text.contains("invalid character class")
    {
        (
            3696,
            "The regular expression contains an unclosed bracket expression.".to_string(),
        )
    } else if text.contains("range") && text.contains("class") {
        (
            3697,
            "The regular expression contains an [x-y] character range where x comes after y."
                .to_string(),
        )
    } else if text.contains("escape") {
        (
            3689,
            "Unrecognized escape sequence in regular expression.".to_string(),
        )
    } else if text.contains("repetition") && pattern.contains('{') {
        (
            3692,
            "Incorrect description of a {min,max} interval.".to_string(),
        )
    } else if text.contains("back") && text.contains("ref") {
        (
            3694,
            "Invalid back-reference in regular expression.".to_string(),
        )
    } else {
        (
            3688,
            "Syntax error in regular expression on line 1, character 1.".to_string(),
        )
    };
    Error::new(code, "HY000", message)
}

/// A match that takes too long.
fn too_slow(_: fancy_regex::Error) -> Error {
    Error::new(
        3699,
        "HY000",
        "Timeout exceeded in regular expression match.",
    )
}

/// Byte offset of the position where a search starts.
fn start(call: &Call<'_>, text: &str, v: Option<&Value<'_>>) -> Result<usize> {
    let n = match v {
        Some(v) => to_i64(v, call.cx)?,
        None => 1,
    };
    let out = || {
        Error::new(
            3686,
            "HY000",
            "Index out of bounds in regular expression search.",
        )
    };
    let n = usize::try_from(n)
        .ok()
        .filter(|n| *n >= 1)
        .ok_or_else(out)?;
    match text.char_indices().nth(n - 1) {
        Some((at, _)) => Ok(at),
        None if text.chars().count() == n - 1 => Ok(text.len()),
        None => Err(out()),
    }
}

fn whole(call: &Call<'_>, v: Option<&Value<'_>>, default: i64) -> Result<i64> {
    v.map_or(Ok(default), |v| to_i64(v, call.cx))
}

/// The match that is the n-th from a position on: its first and last byte offset.
fn nth(
    call: &Call<'_>,
    regex: &Regex,
    text: &str,
    from: usize,
    n: i64,
) -> Result<Option<(usize, usize)>> {
    let mut at = from;
    let mut left = n.max(1);
    loop {
        let Some(m) = regex.find_from_pos(text, at).map_err(too_slow)? else {
            return Ok(None);
        };
        left -= 1;
        if left == 0 {
            return Ok(Some((m.start(), m.end())));
        }
        at = match next_search(text, m.start(), m.end()) {
            Some(at) => at,
            None => return Ok(None),
        };
        call.cx.check_interrupt()?;
    }
}

/// Where to look after a match; behind the next character if it was empty.
fn next_search(text: &str, start: usize, end: usize) -> Option<usize> {
    if end > start {
        return Some(end);
    }
    text[end..].chars().next().map(|c| end + c.len_utf8())
}

fn regexp_like(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let regex = compiled(call, &to_string(&a[1]), a.get(2), "regexp_like")?;
    Ok(boolean(
        regex.is_match(&to_string(&a[0])).map_err(too_slow)?,
    ))
}

fn regexp_instr(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_string(&a[0]);
    let regex = compiled(call, &to_string(&a[1]), a.get(5), "regexp_instr")?;
    let from = start(call, &text, a.get(2))?;
    let after = match whole(call, a.get(4), 0)? {
        0 => false,
        1 => true,
        _ => {
            return Err(Error::wrong_arguments(
                "regexp_instr: return_option must be 1 or 0.",
            ));
        }
    };
    let found = nth(call, &regex, &text, from, whole(call, a.get(3), 1)?)?;
    Ok(Value::Int(found.map_or(0, |(start, end)| {
        text[..if after { end } else { start }].chars().count() as i64 + 1
    })))
}

fn regexp_substr(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_string(&a[0]);
    let regex = compiled(call, &to_string(&a[1]), a.get(4), "regexp_substr")?;
    let from = start(call, &text, a.get(2))?;
    let found = nth(call, &regex, &text, from, whole(call, a.get(3), 1)?)?;
    Ok(found.map_or(Value::Null, |(start, end)| bytes(&text[start..end])))
}

/// Appends a replacement: `$n` is a group, a backslash makes the next character literal.
fn expand(replacement: &str, groups: &Captures<'_>, out: &mut String) -> Result<()> {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '$' => {
                let mut n = None;
                while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
                    let next = n.unwrap_or(0) * 10 + d as usize;
                    // Further digits belong to the text when there is no such group.
                    if n.is_some() && next >= groups.len() {
                        break;
                    }
                    n = Some(next);
                    chars.next();
                }
                let n = n.filter(|n| *n < groups.len()).ok_or_else(|| {
                    Error::new(
                        3686,
                        "HY000",
                        "Index out of bounds in regular expression search.",
                    )
                })?;
                out.push_str(groups.get(n).map_or("", |m| m.as_str()));
            }
            c => out.push(c),
        }
    }
    Ok(())
}

fn regexp_replace(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_string(&a[0]);
    let replacement = to_string(&a[2]);
    let regex = compiled(call, &to_string(&a[1]), a.get(5), "regexp_replace")?;
    let mut at = start(call, &text, a.get(3))?;
    // 0 replaces every occurrence.
    let occurrence = whole(call, a.get(4), 0)?;
    let mut out = text[..at].to_string();
    let mut kept = at;
    let mut n = 0;
    while let Some(groups) = regex.captures_from_pos(&text, at).map_err(too_slow)? {
        let Some(m) = groups.get(0) else { break };
        n += 1;
        if occurrence <= 0 || n == occurrence {
            out.push_str(&text[kept..m.start()]);
            expand(&replacement, &groups, &mut out)?;
            kept = m.end();
        }
        if out.len() > MAX_TEXT {
            return Ok(call.too_long("regexp_replace"));
        }
        if occurrence > 0 && n == occurrence {
            break;
        }
        at = match next_search(&text, m.start(), m.end()) {
            Some(at) => at,
            None => break,
        };
        call.cx.check_interrupt()?;
    }
    out.push_str(&text[kept..]);
    Ok(bytes(out))
}
