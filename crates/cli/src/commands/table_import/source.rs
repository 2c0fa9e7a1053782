//! The rows of an import file, one at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, Write};
use std::ops::Range;

use super::csv_reader::CsvReader;
use crate::{Failure, parquet_values};

/// One row of a file; NULL is none.
#[derive(Default)]
pub struct Record {
    /// Line on which it starts.
    pub line: usize,
    /// Texts, one behind the other.
    pub text: Vec<u8>,
    /// Where in them each cell is.
    pub cells: Vec<Option<Range<usize>>>,
    /// Why it cannot be a row.
    pub bad: Option<String>,
}

impl Record {
    /// Makes it empty.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.bad = None;
    }

    /// A cell; NULL too, if there is none.
    pub fn cell(&self, at: usize) -> Option<&[u8]> {
        let range = self.cells.get(at)?.clone()?;
        Some(&self.text[range])
    }

    /// Adds a cell.
    pub fn push(&mut self, cell: Option<&[u8]>) {
        let start = self.text.len();
        self.cells.push(cell.map(|text| {
            self.text.extend_from_slice(text);
            start..self.text.len()
        }));
    }

    /// A cell as messages show it; NULL is `null`.
    pub fn shown(&self, at: usize, null: &str) -> String {
        match self.cell(at) {
            Some(text) => String::from_utf8_lossy(text).into_owned(),
            None => null.to_string(),
        }
    }
}

/// A file that can be read again from its start.
pub struct Input {
    file: File,
}

impl Input {
    /// A file of the disk.
    pub fn of(file: File) -> Input {
        Input { file }
    }

    /// Standard input, kept in a file without name.
    pub fn of_stdin() -> Result<Input, Failure> {
        let path = std::env::temp_dir().join(format!("dolt-import-{}", std::process::id()));
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        std::fs::remove_file(&path)?;
        std::io::copy(&mut std::io::stdin().lock(), &mut file)?;
        file.flush()?;
        Ok(Input { file })
    }

    /// The file from its start.
    fn file(&self) -> Result<File, Failure> {
        let mut file = self.file.try_clone()?;
        // What cannot be wound back has not been read yet.
        let _ = file.rewind();
        Ok(file)
    }

    /// A reader from the start, in UTF-8 without byte order mark.
    pub fn reader(&self) -> Result<Box<dyn BufRead>, Failure> {
        let file = self.file()?;
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let start = reader.fill_buf()?;
        let big = match start {
            [0xef, 0xbb, 0xbf, ..] => {
                reader.consume(3);
                return Ok(Box::new(reader));
            }
            [0xff, 0xfe, ..] => false,
            [0xfe, 0xff, ..] => true,
            _ => return Ok(Box::new(reader)),
        };
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|p| match big {
                true => u16::from_be_bytes([p[0], p[1]]),
                false => u16::from_le_bytes([p[0], p[1]]),
            })
            .collect();
        Ok(Box::new(Cursor::new(
            String::from_utf16_lossy(&units).into_bytes(),
        )))
    }
}

/// Rows of a file.
pub enum Rows {
    /// Separated values.
    Csv(CsvReader),
    /// JSON objects with the names of their columns, and the next one.
    Objects(Vec<serde_json::Value>, Vec<String>, usize),
    /// A Parquet file.
    Parquet(ParquetRows),
}

/// Rows of a Parquet file.
pub struct ParquetRows {
    reader: parquet::Reader<BufReader<File>>,
    columns: Vec<parquet::Column>,
    /// Names of columns whose numbers are times.
    times: Vec<String>,
    line: usize,
}

impl ParquetRows {
    /// Names of the columns.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }

    fn next(&mut self, record: &mut Record) -> Result<bool, Failure> {
        record.clear();
        let Some(cells) = self.reader.next_row()? else {
            return Ok(false);
        };
        self.line += 1;
        record.line = self.line;
        for (cell, column) in cells.iter().zip(&self.columns) {
            let is_time = self.times.contains(&column.name.to_lowercase());
            record.push(parquet_values::text(cell, column, is_time).as_deref());
        }
        Ok(true)
    }
}

fn json_cell(v: &serde_json::Value) -> Option<String> {
    match v {
        serde_json::Value::Null => None,
        serde_json::Value::String(s) => Some(s.clone()),
        other => Some(other.to_string()),
    }
}

/// Why a document cannot be read, in Dolt's words where it has some.
fn unreadable(text: &str, e: &serde_json::Error) -> Failure {
    let line = text.lines().nth(e.line().saturating_sub(1)).unwrap_or("");
    let found = line
        .get(e.column().saturating_sub(1)..)
        .and_then(|rest| rest.chars().next());
    match (e.to_string().starts_with("expected `,` or `}`"), found) {
        (true, Some(c)) => Failure::new(format!(
            "invalid character after object key:value pair: '{c}'"
        )),
        _ => Failure::new(e.to_string()),
    }
}

impl Rows {
    /// Rows of a Parquet file, in which numbers of the columns `times` are times.
    pub fn of_parquet(input: &Input, times: &[String]) -> Result<Rows, Failure> {
        let reader = parquet::Reader::open(BufReader::new(input.file()?))?;
        Ok(Rows::Parquet(ParquetRows {
            columns: reader.columns().to_vec(),
            reader,
            times: times.to_vec(),
            line: 1,
        }))
    }

    /// Objects of a JSON document, or one on each line.
    pub fn of_json(input: &mut dyn BufRead, lines: bool) -> Result<Rows, Failure> {
        let mut text = String::new();
        input.read_to_string(&mut text)?;
        let objects: Vec<serde_json::Value> = if lines {
            text.lines()
                .filter(|l| !l.trim().is_empty())
                .map(|line| serde_json::from_str(line).map_err(|e| unreadable(line, &e)))
                .collect::<Result<_, _>>()?
        } else {
            let document: serde_json::Value =
                serde_json::from_str(&text).map_err(|e| unreadable(&text, &e))?;
            let rows = document.get("rows").and_then(|r| r.as_array()).cloned();
            rows.ok_or_else(|| {
                Failure::new(
                    "unexpected JSON format received, expected format: { \"rows\": [ json_row_objects... ] } ",
                )
            })?
        };
        let mut columns: Vec<String> = Vec::new();
        for object in objects.iter().filter_map(|o| o.as_object()) {
            for name in object.keys() {
                if !columns.contains(name) {
                    columns.push(name.clone());
                }
            }
        }
        Ok(Rows::Objects(objects, columns, 0))
    }

    /// Reads the next row; false at the end.
    pub fn next(&mut self, record: &mut Record) -> Result<bool, Failure> {
        match self {
            Rows::Csv(csv) => csv.next(record),
            Rows::Parquet(rows) => rows.next(record),
            Rows::Objects(objects, columns, at) => {
                record.clear();
                let Some(object) = objects.get(*at) else {
                    return Ok(false);
                };
                *at += 1;
                record.line = *at;
                for name in columns {
                    let cell = object.get(name.as_str()).and_then(json_cell);
                    record.push(cell.as_ref().map(String::as_bytes));
                }
                Ok(true)
            }
        }
    }
}
