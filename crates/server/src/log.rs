//! The server's log on standard error, in the forms that Dolt writes (spec 06 §11.3).

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How much a line matters; the log's level leaves out what matters less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)] // each is the level of that name
pub enum Level {
    Fatal,
    Error,
    Warning,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// The level of this name in lower case.
    pub fn from_name(name: &str) -> Option<Level> {
        Some(match name {
            "fatal" => Level::Fatal,
            "error" => Level::Error,
            "warning" | "warn" => Level::Warning,
            "info" => Level::Info,
            "debug" => Level::Debug,
            "trace" => Level::Trace,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Fatal => "fatal",
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Terminal,
    Json,
}

/// Writes the log.
#[derive(Debug)]
pub struct Logger {
    level: AtomicU8,
    form: Form,
    started: Instant,
}

impl Logger {
    /// A log of this level, as JSON or as text.
    pub fn new(level: Level, json: bool) -> Logger {
        let form = match json {
            true => Form::Json,
            false if std::io::stderr().is_terminal() => Form::Terminal,
            false => Form::Text,
        };
        Logger {
            level: AtomicU8::new(level as u8),
            form,
            started: Instant::now(),
        }
    }

    /// Changes the level.
    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    /// Whether lines of this level are written.
    pub fn writes(&self, level: Level) -> bool {
        level as u8 <= self.level.load(Ordering::Relaxed)
    }

    /// Writes a line with fields.
    pub fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        if !self.writes(level) {
            return;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_micros() as i64);
        let line = self.line(level, message, fields, now);
        // There is nowhere to report to that the log cannot be written.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn line(&self, level: Level, message: &str, fields: &[(&str, &str)], now: i64) -> String {
        let mut out = String::new();
        match self.form {
            Form::Json => {
                let mut all: Vec<(&str, String)> =
                    fields.iter().map(|(k, v)| (*k, v.to_string())).collect();
                all.push(("level", level.name().to_string()));
                all.push(("msg", message.to_string()));
                all.push(("time", timestamp(now)));
                all.sort();
                out.push('{');
                for (i, (k, v)) in all.iter().enumerate() {
                    let comma = if i > 0 { "," } else { "" };
                    let _ = write!(out, "{comma}{}:{}", json(k), json(v));
                }
                out.push('}');
            }
            Form::Text => {
                let _ = write!(
                    out,
                    "time=\"{}\" level={} msg={}",
                    timestamp(now),
                    level.name(),
                    quoted(message)
                );
                for (k, v) in fields {
                    let _ = write!(out, " {k}={}", quoted(v));
                }
            }
            Form::Terminal => {
                let name = level.name().to_ascii_uppercase();
                let name = name.get(..4).unwrap_or(&name);
                let seconds = self.started.elapsed().as_secs();
                let _ = write!(out, "{name}[{seconds:04}] {message:<44}");
                for (k, v) in fields {
                    let _ = write!(out, " {k}={}", quoted(v));
                }
            }
        }
        out.push('\n');
        out
    }
}

fn timestamp(micros: i64) -> String {
    match values::DateTime::from_unix_micros(micros) {
        Some(d) => format!(
            "{}Z",
            d.truncate_to(0)
                .to_string()
                .replace(' ', "T")
                .split('.')
                .next()
                .unwrap_or("")
        ),
        None => String::new(),
    }
}

fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_string()
    } else {
        json(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_dolt() {
        let text = Logger {
            level: AtomicU8::new(3),
            form: Form::Text,
            started: Instant::now(),
        };
        let at = 1_767_323_045_000_000;
        assert_eq!(
            text.line(Level::Info, "Server ready. Accepting connections.", &[], at),
            "time=\"2026-01-02T03:04:05Z\" level=info msg=\"Server ready. Accepting connections.\"\n"
        );
        assert_eq!(
            text.line(
                Level::Info,
                "NewConnection",
                &[
                    ("DisableClientMultiStatements", "false"),
                    ("connectionID", "1")
                ],
                at
            ),
            "time=\"2026-01-02T03:04:05Z\" level=info msg=NewConnection DisableClientMultiStatements=false connectionID=1\n"
        );
        let json = Logger {
            level: AtomicU8::new(3),
            form: Form::Json,
            started: Instant::now(),
        };
        assert_eq!(
            json.line(Level::Info, "a \"b\"", &[], at),
            "{\"level\":\"info\",\"msg\":\"a \\\"b\\\"\",\"time\":\"2026-01-02T03:04:05Z\"}\n"
        );
        assert!(text.writes(Level::Error) && !text.writes(Level::Debug));
        text.set_level(Level::Trace);
        assert!(text.writes(Level::Debug));
    }
}
