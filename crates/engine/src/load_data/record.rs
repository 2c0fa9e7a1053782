//! Lines and fields of a text file, by MySQL's FIELDS and LINES clauses.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use syntax::ast::FileFormat;

use crate::error::{Error, Result};

/// Longest field that is read into memory.
const LONGEST_FIELD: usize = 1 << 30;

/// The clauses with MySQL's defaults.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    pub field_end: Vec<u8>,
    pub enclosed: Option<u8>,
    pub optionally: bool,
    pub escaped: Option<u8>,
    pub line_start: Vec<u8>,
    pub line_end: Vec<u8>,
}

impl Format {
    /// The clauses as written.
    pub fn new(f: &FileFormat) -> Result<Format> {
        let one = |b: &Option<Box<[u8]>>, default: Option<u8>| match b.as_deref() {
            None => Ok(default),
            Some([]) => Ok(None),
            Some([c]) => Ok(Some(*c)),
            Some(_) => Err(Error::new(
                1083,
                "42000",
                "Field separator argument is not what is expected; check the manual",
            )),
        };
        let many = |b: &Option<Box<[u8]>>, default: &[u8]| b.as_deref().unwrap_or(default).to_vec();
        let format = Format {
            field_end: many(&f.fields_terminated, b"\t"),
            enclosed: one(&f.fields_enclosed, None)?,
            optionally: f.fields_optionally_enclosed,
            escaped: one(&f.fields_escaped, Some(b'\\'))?,
            line_start: many(&f.lines_starting, b""),
            line_end: many(&f.lines_terminated, b"\n"),
        };
        if format.field_end.is_empty() && format.enclosed.is_none() {
            return Err(Error::not_supported("files of fixed-size rows"));
        }
        Ok(format)
    }
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Null,
    Text(Vec<u8>),
}

/// One line.
#[derive(Debug)]
pub(crate) struct Record {
    pub fields: Vec<Field>,
    /// Whether the line had more fields than were asked for.
    pub surplus: bool,
}

/// What ended a field.
#[derive(PartialEq, Eq)]
enum End {
    Field,
    Line,
    File,
}

/// A file read record by record.
pub(crate) struct Records<'f> {
    file: BufReader<Box<dyn Read + 'f>>,
    /// Bytes that were looked at and are still to be read, the next last.
    ahead: Vec<u8>,
    format: Arc<Format>,
    /// Bytes that may mean something within a field.
    marks: Vec<u8>,
}

impl<'f> Records<'f> {
    pub fn new(file: BufReader<Box<dyn Read + 'f>>, format: Format) -> Records<'f> {
        let first = |text: &[u8]| text.first().copied();
        let marks = [
            first(&format.field_end),
            first(&format.line_end),
            format.escaped,
            format.enclosed,
        ];
        Records {
            file,
            ahead: Vec::new(),
            format: Arc::new(format),
            marks: marks.into_iter().flatten().collect(),
        }
    }

    /// Reads bytes that mean nothing but themselves.
    fn plain(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if !self.ahead.is_empty() || out.len() > LONGEST_FIELD {
            return Ok(());
        }
        let buffer = self.file.fill_buf()?;
        let end = buffer.iter().position(|b| self.marks.contains(b));
        let n = end.unwrap_or(buffer.len());
        out.extend_from_slice(&buffer[..n]);
        self.file.consume(n);
        Ok(())
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        if let Some(b) = self.ahead.pop() {
            return Ok(Some(b));
        }
        let buffer = self.file.fill_buf()?;
        let first = buffer.first().copied();
        if first.is_some() {
            self.file.consume(1);
        }
        Ok(first)
    }

    /// Whether the rest of `text`, whose first byte has been read, follows; if so it is read.
    fn follows(&mut self, text: &[u8]) -> Result<bool> {
        let mut seen = Vec::new();
        for expected in text.iter().skip(1) {
            let b = self.byte()?;
            if let Some(b) = b {
                seen.push(b);
            }
            if b != Some(*expected) {
                self.ahead.extend(seen.into_iter().rev());
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn ends(&mut self, b: u8, text: &[u8]) -> Result<bool> {
        Ok(text.first() == Some(&b) && self.follows(text)?)
    }

    /// Leaves out everything up to the next end of a line; `false` at the end of the file.
    pub fn skip_line(&mut self) -> Result<bool> {
        let format = self.format.clone();
        let end = &format.line_end;
        let mut any = false;
        while let Some(b) = self.byte()? {
            any = true;
            if self.ends(b, end)? {
                return Ok(true);
            }
        }
        Ok(any)
    }

    /// Reads on until the line's prefix has been seen.
    fn find_start(&mut self) -> Result<bool> {
        let start = self.format.line_start.clone();
        if start.is_empty() {
            return Ok(true);
        }
        while let Some(b) = self.byte()? {
            if self.ends(b, &start)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next line with at most `wanted` fields; `None` at the end of the file.
    pub fn next_record(&mut self, wanted: usize) -> Result<Option<Record>> {
        if !self.find_start()? {
            return Ok(None);
        }
        match self.byte()? {
            None => return Ok(None),
            Some(b) => self.ahead.push(b),
        }
        let mut record = Record {
            fields: Vec::with_capacity(wanted),
            surplus: false,
        };
        loop {
            let (field, end) = self.field()?;
            if record.fields.len() < wanted {
                record.fields.push(field);
            } else {
                record.surplus = true;
            }
            if end != End::Field {
                // An empty line has no fields rather than an empty one, when more are wanted.
                if wanted > 1
                    && record.fields.len() == 1
                    && record.fields[0] == Field::Text(Vec::new())
                    && end == End::File
                {
                    return Ok(None);
                }
                return Ok(Some(record));
            }
        }
    }

    fn field(&mut self) -> Result<(Field, End)> {
        let format = self.format.clone();
        let Format {
            field_end,
            enclosed,
            escaped,
            line_end,
            ..
        } = &*format;
        let (enclosed, escaped) = (*enclosed, *escaped);
        let mut out = Vec::new();
        let mut null = false;
        let mut quoted = false;
        match self.byte()? {
            Some(b) if Some(b) == enclosed => quoted = true,
            Some(b) => self.ahead.push(b),
            None => {}
        }
        let mut closed = false;
        let end = loop {
            if out.len() > LONGEST_FIELD {
                return Err(Error::packet_too_large());
            }
            self.plain(&mut out)?;
            let Some(b) = self.byte()? else {
                break End::File;
            };
            if Some(b) == escaped {
                match self.byte()? {
                    None => {
                        out.push(b);
                        break End::File;
                    }
                    Some(next) if escaped != enclosed || Some(next) == escaped => {
                        null |= next == b'N' && out.is_empty();
                        out.push(unescaped(next, escaped));
                        continue;
                    }
                    // The character that escapes encloses too, and escapes nothing here.
                    Some(next) => self.ahead.push(next),
                }
            }
            if quoted && Some(b) == enclosed {
                match self.byte()? {
                    None => {
                        closed = true;
                        break End::File;
                    }
                    Some(next) if Some(next) == enclosed => {
                        out.push(b);
                        continue;
                    }
                    Some(next) => {
                        if self.ends(next, field_end)? {
                            break End::Field;
                        }
                        if self.ends(next, line_end)? {
                            break End::Line;
                        }
                        self.ahead.push(next);
                    }
                }
            } else if !quoted {
                if self.ends(b, line_end)? {
                    break End::Line;
                }
                if self.ends(b, field_end)? {
                    break End::Field;
                }
            }
            out.push(b);
        };
        if quoted && !closed && end == End::File {
            // What was never closed was no enclosed field.
            out.insert(0, enclosed.unwrap_or_default());
        }
        let word = !quoted && out == b"NULL" && (enclosed.is_some() || escaped.is_none());
        let field = match word || null && out.len() == 1 {
            true => Field::Null,
            false => Field::Text(out),
        };
        Ok((field, end))
    }
}

/// What an escaped character stands for.
fn unescaped(b: u8, escape: Option<u8>) -> u8 {
    if escape == Some(b) {
        return b;
    }
    match b {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'0' => 0,
        b'Z' => 0x1a,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: FileFormat, wanted: usize) -> Vec<Vec<String>> {
        let format = Format::new(&format).expect("a format");
        let file: Box<dyn Read> = Box::new(text.as_bytes());
        let mut records = Records::new(BufReader::new(file), format);
        let mut out = Vec::new();
        while let Some(r) = records.next_record(wanted).expect("reads") {
            let show = |f: &Field| match f {
                Field::Null => "<null>".to_string(),
                Field::Text(t) => String::from_utf8_lossy(t).into_owned(),
            };
            out.push(r.fields.iter().map(show).collect());
        }
        out
    }

    fn bytes(t: &str) -> Option<Box<[u8]>> {
        Some(t.as_bytes().into())
    }

    #[test]
    fn defaults_are_tabs_lines_and_backslashes() {
        let got = read("1\ta\\tb\n2\t\\N\n3\t\n", FileFormat::default(), 2);
        assert_eq!(got, [["1", "a\tb"], ["2", "<null>"], ["3", ""]]);
    }

    #[test]
    fn enclosed_fields_hold_separators_and_doubled_quotes() {
        let format = FileFormat {
            fields_terminated: bytes(","),
            fields_enclosed: bytes("\""),
            ..FileFormat::default()
        };
        let got = read("\"a,b\",\"c\"\"d\"\n\"e\"x\",NULL", format, 2);
        assert_eq!(got, [["a,b", "c\"d"], ["e\"x", "<null>"]]);
    }

    #[test]
    fn lines_begin_after_their_prefix() {
        let format = FileFormat {
            fields_terminated: bytes(","),
            lines_starting: bytes("xxx"),
            ..FileFormat::default()
        };
        let got = read("skip xxx1,a\nnone\nxxx2,b\n", format, 2);
        assert_eq!(got, [["1", "a"], ["2", "b"]]);
    }

    #[test]
    fn separators_of_several_bytes_may_almost_match() {
        let format = FileFormat {
            fields_terminated: bytes("||"),
            lines_terminated: bytes("\r\n"),
            ..FileFormat::default()
        };
        let got = read("a|b||c\rd\r\n", format, 2);
        assert_eq!(got, [["a|b", "c\rd"]]);
    }
}
