//! `dolt sql`: a query, a script, or the shell.

use std::io::{IsTerminal, Read, Write};

use crate::arguments::{Option_, Parsed, flag, parse, value};
use crate::connection::Connection;
use crate::engine_words;
use crate::environment::Environment;
use crate::render::{Format, Printer};
use crate::repository::{Rows, literal};
use crate::{Failure, Outcome};

/// Options.
pub const OPTIONS: &[Option_] = &[
    value("query", "q"),
    value("result-format", "r"),
    value("file", "f"),
    value("save", "s"),
    value("message", "m"),
    value("execute", "x"),
    flag("list-saved", "l"),
    flag("continue", "c"),
    flag("batch", "b"),
    flag("binary-as-hex", ""),
    flag("skip-binary-as-hex", ""),
    flag("disable-auto-gc", ""),
];

/// Refuses options that say nothing together.
fn check(p: &Parsed) -> Result<(), Failure> {
    let shown = |o: &str| match o {
        "execute" => "--execute|-x",
        "list-saved" => "--list-saved",
        "query" => "--query|-q",
        "message" => "--message|-m",
        _ => "--save|-s",
    };
    let against = |one: &str, others: &[&str]| match others.iter().find(|o| p.has(one) && p.has(o))
    {
        Some(other) => Err(Failure::new(format!(
            "Invalid Argument: {} is not compatible with {}",
            shown(one),
            shown(other)
        ))),
        None => Ok(()),
    };
    against("execute", &["list-saved", "query", "message", "save"])?;
    against("list-saved", &["query", "message", "save"])?;
    if p.has("save") && !p.has("query") {
        return Err(Failure::new(
            "Invalid Argument: --save|-s is only used with --query|-q",
        ));
    }
    if p.has("message") && !(p.has("query") && p.has("save")) {
        return Err(Failure::new(
            "Invalid Argument: --message|-m is only used with --query|-q and --save|-s",
        ));
    }
    if p.has("binary-as-hex") && p.has("skip-binary-as-hex") {
        return Err(Failure::new(
            "cannot use both --binary-as-hex and --skip-binary-as-hex",
        ));
    }
    Ok(())
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, OPTIONS)?;
    if !p.positional.is_empty() {
        let n = p.positional.len();
        eprintln!(
            "error: sql does not take positional arguments, but found {n}: {}",
            p.positional.join(", ")
        );
        return Err(Failure::new(
            "Invalid Argument: use --query or -q to pass inline SQL queries",
        ));
    }
    check(&p)?;
    let format = match p.get("result-format") {
        None => Format::Tabular,
        Some(text) => Format::parse(text).ok_or_else(|| {
            Failure::new(
                "Invalid argument for --result-format. Valid values are tabular, csv, json",
            )
        })?,
    };
    if p.has("list-saved") {
        let session = env.connect()?;
        let query = b"SELECT * FROM dolt_query_catalog";
        return script(&session, query.as_slice(), Shown::of(format), false);
    }
    if let Some(name) = p.get("execute") {
        let session = env.connect()?;
        return saved(&session, name, format);
    }
    let input: Box<dyn Read + '_> = match (p.get("query"), p.get("file")) {
        (Some(q), _) => Box::new(q.as_bytes()),
        (None, Some(file)) => Box::new(
            std::fs::File::open(env.dir.join(file))
                .map_err(|_| Failure::new(format!("couldn't open file {file}")))?,
        ),
        (None, None) if std::io::stdin().is_terminal() => {
            let hex = !p.has("skip-binary-as-hex");
            return super::shell::run(env, format, hex);
        }
        (None, None) => Box::new(std::io::stdin()),
    };
    let session = env.connect()?;
    let shown = Shown {
        format,
        hex: p.has("binary-as-hex"),
    };
    let code = script(&session, input, shown, p.has("continue"))?;
    if p.has("file") && !p.has("query") {
        eprintln!("Processed 100.0% of the file");
    }
    if let (Some(name), Some(query)) = (p.get("save"), p.get("query")) {
        save(&session, name, query, p.get("message").unwrap_or(""))?;
    }
    Ok(code)
}

/// Keeps a query under a name.
fn save(session: &Connection, name: &str, query: &str, message: &str) -> Result<(), Failure> {
    let mut order = Rows::default();
    let last = "SELECT coalesce(max(display_order), 0) + 1 FROM dolt_query_catalog";
    session.execute(last.as_bytes(), &mut order)?;
    let next = order.text(0, 0).to_string();
    let sql = format!(
        "INSERT INTO dolt_query_catalog VALUES ({0}, {next}, {0}, {1}, {2}) ON DUPLICATE KEY UPDATE query = {1}, description = {2}",
        literal(name),
        literal(query),
        literal(message)
    );
    session.execute(sql.as_bytes(), &mut Rows::default())?;
    Ok(())
}

/// Runs a query that has been kept.
fn saved(session: &Connection, name: &str, format: Format) -> Outcome {
    let mut found = Rows::default();
    let sql = format!(
        "SELECT query FROM dolt_query_catalog WHERE id = {}",
        literal(name)
    );
    session.execute(sql.as_bytes(), &mut found)?;
    if found.rows.is_empty() {
        return Err(Failure::new(format!("saved query {name} not found")));
    }
    let query = found.text(0, 0).to_string();
    eprintln!("Executing saved query '{name}':\n{query}");
    script(session, query.as_bytes(), Shown::of(format), false)
}

/// Bytes of a script that are read at a time, at least.
const READ_AT_ONCE: usize = 256 << 10;

/// Reads the statements of a script, of which it holds one and a part of what follows;
/// `DELIMITER` changes what ends them.
pub struct Script<R> {
    input: R,
    text: Vec<u8>,
    at: usize,
    /// The line at `at`.
    line: usize,
    delimiter: Vec<u8>,
    ended: bool,
}

impl<R: Read> Script<R> {
    /// The statements of a text.
    pub fn new(input: R) -> Script<R> {
        Script {
            input,
            text: Vec::new(),
            at: 0,
            line: 1,
            delimiter: b";".to_vec(),
            ended: false,
        }
    }

    /// Reads as much as is there again, so that a long statement is looked at a few times only.
    fn read_on(&mut self) -> std::io::Result<()> {
        let is_start = self.line == 1 && self.at == 0 && self.text.is_empty();
        self.text.drain(..self.at);
        self.at = 0;
        let wanted = self.text.len().max(READ_AT_ONCE);
        let more = self.input.by_ref().take(wanted as u64);
        let n = { more }.read_to_end(&mut self.text)?;
        self.ended = n < wanted;
        if is_start && self.text.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        Ok(())
    }

    fn pass(&mut self, bytes: usize) {
        let passed = &self.text[self.at..self.at + bytes];
        self.line += passed.iter().filter(|b| **b == b'\n').count();
        self.at += bytes;
    }

    /// The next statement with the line on which it begins.
    pub fn next(&mut self) -> std::io::Result<Option<(usize, Vec<u8>)>> {
        const WORD: &[u8] = b"delimiter ";
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.pass(blank);
            let rest = &self.text[self.at..];
            if !self.ended && !rest.contains(&b'\n') {
                self.read_on()?;
                continue;
            }
            if rest.len() > WORD.len() && rest[..WORD.len()].eq_ignore_ascii_case(WORD) {
                let after = &rest[WORD.len()..];
                let skipped = after.iter().take_while(|b| **b == b' ').count();
                let word = after[skipped..].iter();
                let length = word.take_while(|b| !b.is_ascii_whitespace()).count();
                if length > 0 {
                    self.delimiter = after[skipped..skipped + length].to_vec();
                }
                self.pass(WORD.len() + skipped + length);
                continue;
            }
            let mut split = syntax::split_statements(rest, &self.delimiter);
            let next = split.next();
            let end = split.position();
            match next {
                Some(next) if next.complete || self.ended => {
                    let statement = rest[next.range.clone()].trim_ascii_start();
                    let begin = next.range.end - statement.len();
                    let statement = statement.trim_ascii_end().to_vec();
                    self.pass(begin);
                    let line = self.line;
                    self.pass(end.max(begin) - begin);
                    if !statement.is_empty() {
                        return Ok(Some((line, statement)));
                    }
                    if end == 0 {
                        return Ok(None);
                    }
                }
                None if self.ended => return Ok(None),
                _ => self.read_on()?,
            }
        }
    }
}

/// What is said about a statement that failed.
fn complaint(
    session: &Connection,
    line: usize,
    statement: &[u8],
    e: &engine::error::Error,
) -> String {
    let shown = String::from_utf8_lossy(statement);
    if e.code == 1064
        && let Err(why) = syntax::parse(shown.as_ref(), &session.syntax())
    {
        return format!(
            "error on line {line} for query {shown}\n{}",
            engine_words::syntax_lines(&shown, &why)
        );
    }
    format!(
        "error on line {line} for query {shown}: {}",
        session.message(e)
    )
}

/// A text as UTF-8, whatever its byte order mark says it is.
fn in_utf8<'r>(mut input: impl Read + 'r) -> std::io::Result<Box<dyn Read + 'r>> {
    let mut start = Vec::new();
    input.by_ref().take(2).read_to_end(&mut start)?;
    let unit: fn([u8; 2]) -> u16 = match start[..] {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return Ok(Box::new(std::io::Cursor::new(start).chain(input))),
    };
    let mut rest = Vec::new();
    input.read_to_end(&mut rest)?;
    let units = rest.chunks_exact(2).map(|c| unit([c[0], c[1]]));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Ok(Box::new(std::io::Cursor::new(text.into_bytes())))
}

/// How results are shown.
#[derive(Clone, Copy)]
struct Shown {
    format: Format,
    /// Binary strings as hexadecimal digits.
    hex: bool,
}

impl Shown {
    fn of(format: Format) -> Shown {
        Shown { format, hex: false }
    }
}

/// Runs the statements of a text in order.
fn script(session: &Connection, input: impl Read, shown: Shown, go_on: bool) -> Outcome {
    let mut script = Script::new(in_utf8(input)?);
    let stdout = std::io::stdout();
    let mut out = std::io::BufWriter::new(stdout.lock());
    while let Some((line, statement)) = script.next()? {
        let mut printer = Printer::new(shown.format, &mut out);
        printer.numbers = session.is_server();
        printer.hex = shown.hex;
        let result = session.execute(&statement, &mut printer);
        if let Err(e) = result {
            if e.code == 1065 {
                continue;
            }
            out.flush()?;
            let message = complaint(session, line, &statement, &e);
            if !go_on {
                return Err(Failure::new(message));
            }
            eprintln!("{message}");
        }
    }
    out.flush()?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::{READ_AT_ONCE, Script, in_utf8};
    use std::io::Read;

    #[test]
    fn byte_order_marks() {
        let read = |bytes: &[u8]| {
            let mut out = String::new();
            in_utf8(bytes).unwrap().read_to_string(&mut out).unwrap();
            out
        };
        assert_eq!(read(b"\xff\xfes\0\xe9\0"), "s\u{e9}");
        assert_eq!(read(b"\xfe\xff\0s"), "s");
        assert_eq!(read(b"select"), "select");
        assert_eq!(read(b"s"), "s");
    }

    fn statements(text: &[u8]) -> Vec<(usize, String)> {
        let mut script = Script::new(text);
        let mut out = Vec::new();
        while let Some((line, s)) = script.next().unwrap() {
            out.push((line, String::from_utf8_lossy(&s).into_owned()));
        }
        out
    }

    #[test]
    fn delimiters_and_lines() {
        let text = b"select 1;\n\ndelimiter //\nselect ';'; select 2//\nDELIMITER ;\nselect 3";
        let expected = [
            (1, "select 1"),
            (4, "select ';'; select 2"),
            (6, "select 3"),
        ];
        assert_eq!(statements(text), expected.map(|(n, s)| (n, s.to_string())));
        assert_eq!(statements(b"\xef\xbb\xbf;; \n;a;"), [(2, "a".to_string())]);
        assert_eq!(statements(b"\n"), []);
    }

    #[test]
    fn statements_longer_than_what_is_read_at_once() {
        let long = format!("select '{}'", "a;\n".repeat(READ_AT_ONCE));
        let text = format!("select 1;\n{long};\nselect 2;\n");
        let last = 3 + READ_AT_ONCE;
        let expected = [
            (1, "select 1".to_string()),
            (2, long),
            (last, "select 2".into()),
        ];
        assert!(statements(text.as_bytes()) == expected);
    }
}
