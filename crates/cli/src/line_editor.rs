//! Lines from a terminal, with the keys that people know and a history. What is typed is drawn
//! anew after every key.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Lines that are remembered.
const REMEMBERED: usize = 500;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Char(char),
    Enter,
    End,
    Interrupt,
    Back,
    Delete,
    Left,
    Right,
    Up,
    Down,
    LineStart,
    LineEnd,
    KillRest,
    KillStart,
    KillWord,
    Clear,
    Other,
}

/// A line as it is typed: characters, and where the next one goes.
#[derive(Default)]
struct Line {
    text: Vec<char>,
    at: usize,
}

impl Line {
    fn set(&mut self, text: &str) {
        self.text = text.chars().collect();
        self.at = self.text.len();
    }

    /// Applies a key that changes the line or the place in it.
    fn apply(&mut self, key: Key) {
        match key {
            Key::Char(c) => {
                self.text.insert(self.at, c);
                self.at += 1;
            }
            Key::Back if self.at > 0 => {
                self.at -= 1;
                self.text.remove(self.at);
            }
            Key::Delete | Key::End if self.at < self.text.len() => {
                self.text.remove(self.at);
            }
            Key::Left => self.at = self.at.saturating_sub(1),
            Key::Right => self.at = (self.at + 1).min(self.text.len()),
            Key::LineStart => self.at = 0,
            Key::LineEnd => self.at = self.text.len(),
            Key::KillRest => self.text.truncate(self.at),
            Key::KillStart => {
                self.text.drain(..self.at);
                self.at = 0;
            }
            Key::KillWord => {
                let before = &self.text[..self.at];
                let blanks = before.iter().rev().take_while(|c| c.is_whitespace());
                let word = self.at - blanks.count();
                let letters = before[..word].iter().rev();
                let start = word - letters.take_while(|c| !c.is_whitespace()).count();
                self.text.drain(start..self.at);
                self.at = start;
            }
            _ => {}
        }
    }
}

/// What came of reading a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D on an empty line, or nothing more to read.
    Ended,
}

/// Puts a terminal back as it was.
struct Raw(Termios);

impl Raw {
    fn begin() -> std::io::Result<Raw> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        raw.input_modes.remove(rustix::termios::InputModes::IXON);
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // There is nobody to tell if the terminal is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Reads lines.
pub struct LineEditor {
    history: Vec<String>,
    file: Option<PathBuf>,
    bytes: Vec<u8>,
}

impl LineEditor {
    /// An editor whose history is kept in a file.
    pub fn new(file: PathBuf) -> LineEditor {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let mut history: Vec<String> = text.lines().map(str::to_string).collect();
        history.drain(..history.len().saturating_sub(REMEMBERED));
        LineEditor {
            history,
            file: Some(file),
            bytes: Vec::new(),
        }
    }

    /// Remembers a line.
    pub fn remember(&mut self, line: &str) {
        let line = line.trim().replace('\n', " ");
        if line.is_empty() || self.history.last() == Some(&line) {
            return;
        }
        if let Some(path) = &self.file {
            // A history that cannot be written is no reason to stop.
            let opened = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path);
            if let Ok(mut file) = opened {
                let _ = writeln!(file, "{line}");
            }
        }
        self.history.push(line);
        let n = self.history.len();
        self.history.drain(..n.saturating_sub(REMEMBERED));
    }

    /// Reads a line after a prompt.
    pub fn read(&mut self, prompt: &str) -> std::io::Result<Input> {
        let mut out = std::io::stdout();
        if !out.is_terminal() {
            write!(out, "{prompt}")?;
            out.flush()?;
            let mut line = String::new();
            return Ok(match std::io::stdin().read_line(&mut line)? {
                0 => Input::Ended,
                _ => Input::Line(line.trim_end_matches(['\r', '\n']).to_string()),
            });
        }
        let _raw = Raw::begin()?;
        let mut line = Line::default();
        let mut past = self.history.len();
        loop {
            let text: String = line.text.iter().collect();
            write!(out, "\r\x1b[J{prompt}{text}")?;
            let back = line.text.len() - line.at;
            if back > 0 {
                write!(out, "\x1b[{back}D")?;
            }
            out.flush()?;
            match self.key()? {
                Key::Enter => {
                    write!(out, "\r\x1b[J{prompt}{text}\r\n")?;
                    out.flush()?;
                    return Ok(Input::Line(text));
                }
                Key::Interrupt => {
                    write!(out, "^C\r\n")?;
                    return Ok(Input::Interrupted);
                }
                Key::End if line.text.is_empty() => {
                    write!(out, "\r\n")?;
                    return Ok(Input::Ended);
                }
                Key::Up if past > 0 => {
                    past -= 1;
                    line.set(&self.history[past]);
                }
                Key::Down if past < self.history.len() => {
                    past += 1;
                    line.set(self.history.get(past).map_or("", String::as_str));
                }
                Key::Clear => write!(out, "\x1b[H\x1b[2J")?,
                key => line.apply(key),
            }
        }
    }

    fn byte(&mut self) -> std::io::Result<Option<u8>> {
        if self.bytes.is_empty() {
            let mut part = [0; 256];
            let n = std::io::stdin().read(&mut part)?;
            self.bytes.extend_from_slice(&part[..n]);
            if n == 0 {
                return Ok(None);
            }
        }
        Ok(Some(self.bytes.remove(0)))
    }

    fn key(&mut self) -> std::io::Result<Key> {
        let Some(first) = self.byte()? else {
            return Ok(Key::End);
        };
        Ok(match first {
            b'\r' | b'\n' => Key::Enter,
            1 => Key::LineStart,
            2 => Key::Left,
            3 => Key::Interrupt,
            4 => Key::End,
            5 => Key::LineEnd,
            6 => Key::Right,
            8 | 127 => Key::Back,
            11 => Key::KillRest,
            12 => Key::Clear,
            14 => Key::Down,
            16 => Key::Up,
            21 => Key::KillStart,
            23 => Key::KillWord,
            27 => self.escape()?,
            b'\t' => Key::Char(' '),
            0..=31 => Key::Other,
            32..=126 => Key::Char(first.into()),
            _ => {
                // The rest of a character of several bytes.
                let more = first.leading_ones().saturating_sub(1).min(3);
                let mut bytes = vec![first];
                for _ in 0..more {
                    bytes.extend(self.byte()?);
                }
                match std::str::from_utf8(&bytes)
                    .ok()
                    .and_then(|s| s.chars().next())
                {
                    Some(c) => Key::Char(c),
                    None => Key::Other,
                }
            }
        })
    }

    /// A key that is sent as a sequence.
    fn escape(&mut self) -> std::io::Result<Key> {
        if !matches!(self.byte()?, Some(b'[' | b'O')) {
            return Ok(Key::Other);
        }
        let mut number = 0u8;
        loop {
            return Ok(match self.byte()? {
                Some(d @ b'0'..=b'9') => {
                    number = number.wrapping_mul(10).wrapping_add(d - b'0');
                    continue;
                }
                Some(b';') => continue,
                Some(b'A') => Key::Up,
                Some(b'B') => Key::Down,
                Some(b'C') => Key::Right,
                Some(b'D') => Key::Left,
                Some(b'H') => Key::LineStart,
                Some(b'F') => Key::LineEnd,
                Some(b'~') => match number {
                    1 | 7 => Key::LineStart,
                    3 => Key::Delete,
                    4 | 8 => Key::LineEnd,
                    _ => Key::Other,
                },
                _ => Key::Other,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_change_the_line() {
        let mut line = Line::default();
        line.set("select one two");
        line.apply(Key::KillWord);
        assert_eq!(line.text.iter().collect::<String>(), "select one ");
        for key in [
            Key::LineStart,
            Key::Delete,
            Key::Right,
            Key::Back,
            Key::Char('é'),
        ] {
            line.apply(key);
        }
        assert_eq!(line.text.iter().collect::<String>(), "élect one ");
        line.apply(Key::KillRest);
        assert_eq!((line.text.len(), line.at), (1, 1));
        line.apply(Key::KillStart);
        assert!(line.text.is_empty());
        for key in [Key::Back, Key::Delete, Key::Left, Key::Right, Key::KillWord] {
            line.apply(key);
        }
        assert_eq!(line.at, 0);
    }

    #[test]
    fn sequences_are_keys() {
        let mut editor = LineEditor {
            history: Vec::new(),
            file: None,
            bytes: b"a\x1b[A\x1b[3~\x1b[1;5C\xc3\xa9\x7f\r".to_vec(),
        };
        let expected = [
            Key::Char('a'),
            Key::Up,
            Key::Delete,
            Key::Right,
            Key::Char('é'),
            Key::Back,
            Key::Enter,
        ];
        for key in expected {
            assert_eq!(editor.key().unwrap(), key);
        }
    }
}
