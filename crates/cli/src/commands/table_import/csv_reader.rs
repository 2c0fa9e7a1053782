//! Reads separated values: an empty field is NULL, a quoted empty one is a text.

use std::io::BufRead;

use super::source::Record;
use crate::Failure;

/// Reads records one at a time; blank lines are left out.
pub struct CsvReader {
    input: Box<dyn BufRead>,
    delimiter: Vec<u8>,
    /// The lines of the record that is read.
    buffer: Vec<u8>,
    /// The next line's number.
    line: usize,
    /// The fields of the first record, of which every one has as many.
    first: Option<Vec<String>>,
}

impl CsvReader {
    /// The records of a text in UTF-8.
    pub fn new(input: Box<dyn BufRead>, delimiter: &str) -> CsvReader {
        CsvReader {
            input,
            delimiter: delimiter.as_bytes().to_vec(),
            buffer: Vec::new(),
            line: 1,
            first: None,
        }
    }

    /// Appends the next line to the buffer; false at the end.
    fn read_line(&mut self) -> Result<bool, Failure> {
        if self.input.read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(false);
        }
        Ok(true)
    }

    /// Where the line ends in which the buffer ends.
    fn line_end(&self) -> usize {
        self.buffer.len() - usize::from(self.buffer.last() == Some(&b'\n'))
    }

    fn field_end(&self, at: usize) -> usize {
        let line = &self.buffer[at..self.line_end()];
        let found = match self.delimiter.as_slice() {
            [one] => line.iter().position(|b| b == one),
            all => line.windows(all.len().max(1)).position(|w| w == all),
        };
        at + found.unwrap_or(line.len())
    }

    /// Reads the next record; false at the end.
    pub fn next(&mut self, out: &mut Record) -> Result<bool, Failure> {
        out.clear();
        loop {
            self.buffer.clear();
            if !self.read_line()? {
                return Ok(false);
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
            self.line += 1;
        }
        out.line = self.line;
        let mut at = 0;
        loop {
            while matches!(self.buffer.get(at), Some(b' ' | b'\t'))
                && !self.buffer[at..].starts_with(&self.delimiter)
            {
                at += 1;
            }
            if self.buffer.get(at) == Some(&b'"') {
                at = self.quoted(at + 1, out)?;
            } else {
                let end = self.field_end(at);
                let mut field = &self.buffer[at..end];
                while let [rest @ .., b'\r'] = field {
                    field = rest;
                }
                out.push((!field.is_empty()).then_some(field));
                at = end;
            }
            if !self.buffer[at..].starts_with(&self.delimiter) {
                break;
            }
            at += self.delimiter.len();
        }
        self.line += 1;
        let first = self.first.get_or_insert_with(|| {
            let fields = 0..out.cells.len();
            fields
                .map(|i| out.shown(i, "").trim().to_string())
                .collect()
        });
        if out.cells.len() != first.len() {
            out.bad = Some(miscounted(out, first));
        }
        Ok(true)
    }

    /// Reads the rest of a quoted field; gives where it ends.
    fn quoted(&mut self, mut at: usize, out: &mut Record) -> Result<usize, Failure> {
        let start = out.text.len();
        loop {
            let Some(quote) = self.buffer[at..].iter().position(|b| *b == b'"') else {
                out.text.extend_from_slice(&self.buffer[at..]);
                at = self.buffer.len();
                self.line += 1;
                if !self.read_line()? {
                    return Err(Failure::new(format!(
                        "line {}: extraneous or missing \" in quoted-field",
                        out.line
                    )));
                }
                continue;
            };
            out.text.extend_from_slice(&self.buffer[at..at + quote]);
            at += quote + 1;
            if self.buffer.get(at) != Some(&b'"') {
                break;
            }
            out.text.push(b'"');
            at += 1;
        }
        out.cells.push(Some(start..out.text.len()));
        // What stands between the quote and the end of the field belongs to neither.
        Ok(self.field_end(at))
    }
}

/// What is wrong with a record of another number of fields.
fn miscounted(record: &Record, names: &[String]) -> String {
    let found = record.cells.len();
    let mut text = format!(
        "CSV reader expected {} values, but saw {found}.\nrow values: '{{\n",
        names.len()
    );
    for (i, name) in names.iter().enumerate() {
        text += &format!("\t{name:?}: {:?}\n", record.shown(i, ""));
    }
    text += "}\n'";
    if found > names.len() {
        let rest = (names.len()..found).map(|i| format!("{:?}", record.shown(i, "")));
        let rest: Vec<String> = rest.collect();
        text += &format!(
            "\nwith the following values left over: '[{}]'",
            rest.join(" ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (usize, Vec<Option<String>>);

    fn records(text: &'static str, delimiter: &str) -> Result<Vec<Read>, Failure> {
        let mut reader = CsvReader::new(Box::new(text.as_bytes()), delimiter);
        let mut record = Record::default();
        let mut out = Vec::new();
        while reader.next(&mut record)? {
            if let Some(bad) = record.bad {
                return Err(Failure::new(bad));
            }
            let cell = |i| {
                let text = record.cell(i)?;
                Some(String::from_utf8(text.to_vec()).unwrap())
            };
            out.push((record.line, (0..record.cells.len()).map(cell).collect()));
        }
        Ok(out)
    }

    #[test]
    fn quotes_and_nulls() {
        let list = records("a,b\n1, \"x\"\"y\nz\"\n\n,\"\"\n", ",").unwrap();
        let s = |t: &str| Some(t.to_string());
        assert_eq!(
            list,
            [
                (1, vec![s("a"), s("b")]),
                (2, vec![s("1"), s("x\"y\nz")]),
                (5, vec![None, s("")]),
            ]
        );
        assert!(records("a,b\n1\n", ",").is_err());
        assert!(records("a,b\n1,\"x\n", ",").is_err());
        assert_eq!(records("a||b\n", "||").unwrap()[0].1.len(), 2);
        let ends = records("a\r\nb", ",").unwrap();
        assert_eq!(ends, [(1, vec![s("a")]), (2, vec![s("b")])]);
    }
}
