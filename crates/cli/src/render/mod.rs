//! Result sets as text: tabular, csv, json, vertical (spec 06 §7).

mod csv;
mod json;
mod parquet;
mod tabular;
mod vertical;

use std::io::Write;

use engine::error::{Error, Result};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use values::{SqlType, Value};

pub use self::parquet::ParquetFile;
pub use csv::Csv;
pub use csv::field as csv_field;
pub use json::{JsonRows, json_object};
pub use tabular::Tabular;
pub use vertical::Vertical;

/// `--result-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table with borders.
    Tabular,
    /// Comma separated.
    Csv,
    /// `{"rows": [..]}`.
    Json,
    /// One column a line.
    Vertical,
    /// A Parquet file.
    Parquet,
    /// Nothing.
    Null,
}

impl Format {
    /// Reads the name of a format.
    pub fn parse(text: &str) -> Option<Format> {
        Some(match text.to_ascii_lowercase().as_str() {
            "tabular" => Format::Tabular,
            "csv" => Format::Csv,
            "json" => Format::Json,
            "vertical" => Format::Vertical,
            "parquet" => Format::Parquet,
            "null" => Format::Null,
            _ => return None,
        })
    }
}

/// One way to write a result set.
pub trait Renderer {
    /// Begins a result set.
    fn begin(&mut self, columns: &[ColumnMeta], out: &mut dyn Write) -> std::io::Result<()>;
    /// Writes a row; NULL is none.
    fn row(&mut self, cells: Vec<Option<Vec<u8>>>, out: &mut dyn Write) -> std::io::Result<()>;
    /// Ends the result set.
    fn end(&mut self, out: &mut dyn Write) -> std::io::Result<()>;
}

/// A floating-point number as the embedded engine writes it: the shortest digits, with an exponent
/// from 1e+06 on and below 1e-04.
fn float_text(v: f64, single: bool) -> String {
    let short = if single {
        format!("{:e}", v as f32)
    } else {
        format!("{v:e}")
    };
    let plain = || {
        if single {
            (v as f32).to_string()
        } else {
            v.to_string()
        }
    };
    match short
        .split_once('e')
        .and_then(|(m, e)| Some((m, e.parse::<i32>().ok()?)))
    {
        Some((mantissa, e)) if !(-4..21).contains(&e) || e >= 6 => {
            let sign = if e < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", e.abs())
        }
        _ => plain(),
    }
}

/// Bytes as `0x` and upper-case digits.
fn hex_digits(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"0x".to_vec();
    for byte in bytes {
        out.extend_from_slice(format!("{byte:02X}").as_bytes());
    }
    out
}

/// Text of a value as the command line shows it.
pub fn cell(v: &Value<'_>, ty: &SqlType) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match (v, ty) {
        (Value::Null, _) => return None,
        (Value::Float(v), SqlType::Float) => out.extend_from_slice(float_text(*v, true).as_bytes()),
        (Value::Float(v), SqlType::Double) => {
            out.extend_from_slice(float_text(*v, false).as_bytes())
        }
        (Value::UInt(n), SqlType::Bit(_)) => out.extend_from_slice(n.to_string().as_bytes()),
        (Value::Bytes(b), SqlType::Geometry(..)) => {
            out = hex_digits(b);
        }
        (v, ty) => values::render_text(v, ty, &mut out),
    }
    Some(out)
}

/// Text of a value that a table holds: documents are shown as they are stored, without blanks.
pub fn stored_cell(v: &Value<'_>, ty: &SqlType) -> Option<Vec<u8>> {
    let out = cell(v, ty)?;
    if *ty != SqlType::Json {
        return Some(out);
    }
    let document = std::str::from_utf8(&out)
        .ok()
        .and_then(|text| values::Json::parse(text).ok());
    Some(document.map_or(out, |d| d.to_stored()))
}

/// Whether a column's values are those of a table, and not worked out when they are asked for.
fn is_stored(column: &ColumnMeta) -> bool {
    let made = column.org_table.starts_with("dolt_constraint_violations_")
        && column.org_name == "violation_info";
    !column.org_table.is_empty() && !made
}

/// Text of a value of a result.
pub fn column_cell(v: &Value<'_>, column: &ColumnMeta) -> Option<Vec<u8>> {
    match is_stored(column) {
        true => stored_cell(v, &column.ty),
        false => cell(v, &column.ty),
    }
}

/// A number with a comma before every three digits.
pub fn with_commas(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Whether a column holds what is true or false by computation; Dolt shows these as words, unlike
/// stored TINYINT(1).
fn is_truth(c: &ColumnMeta) -> bool {
    matches!(
        c.ty,
        SqlType::Int {
            bool_width: true,
            ..
        }
    ) && match c.org_table.as_str() {
        "" => true,
        "dolt_ignore" => false,
        table => table.starts_with("dolt_") && c.org_name != "staged",
    }
}

/// Writes results to a stream as they come.
pub struct Printer<'o> {
    out: &'o mut dyn Write,
    renderer: Option<Box<dyn Renderer>>,
    columns: Vec<ColumnMeta>,
    truths: Vec<bool>,
    /// A blank line follows each result set.
    pub spaced: bool,
    /// Values of BINARY and VARBINARY are shown as hexadecimal digits.
    pub hex: bool,
    /// Truth values are shown as numbers: a server's client does not know them for such.
    pub numbers: bool,
    /// What the last statement without rows did.
    pub last: Option<Done>,
    /// Rows of the last result set.
    pub rows: u64,
    open: bool,
}

impl<'o> Printer<'o> {
    /// A printer of a format.
    pub fn new(format: Format, out: &'o mut dyn Write) -> Printer<'o> {
        let renderer: Option<Box<dyn Renderer>> = match format {
            Format::Tabular => Some(Box::new(Tabular::default())),
            Format::Csv => Some(Box::new(Csv)),
            Format::Json => Some(Box::new(JsonRows::default())),
            Format::Vertical => Some(Box::new(Vertical::default())),
            Format::Parquet => Some(Box::new(ParquetFile::default())),
            Format::Null => None,
        };
        let spaced = !matches!(format, Format::Csv | Format::Parquet | Format::Null);
        Printer {
            out,
            renderer,
            columns: Vec::new(),
            truths: Vec::new(),
            spaced,
            hex: false,
            numbers: false,
            last: None,
            rows: 0,
            open: false,
        }
    }
}

fn broken(e: std::io::Error) -> Error {
    Error::general(format!("cannot write: {e}"))
}

impl ResultSink for Printer<'_> {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        self.columns = columns.to_vec();
        self.truths = columns.iter().map(is_truth).collect();
        self.rows = 0;
        self.open = true;
        match &mut self.renderer {
            Some(r) => r.begin(columns, self.out).map_err(broken),
            None => Ok(()),
        }
    }

    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        self.rows += 1;
        let mut cells = Vec::with_capacity(row.len());
        for i in 0..row.len() {
            let value = row.get(i)?;
            let hex = self.hex
                && matches!(
                    self.columns[i].ty,
                    SqlType::Binary(_) | SqlType::VarBinary(_)
                );
            let is_truth = self.truths[i] && !self.numbers;
            cells.push(match (&value, is_truth) {
                (Value::Bytes(b), _) if hex => Some(hex_digits(b)),
                (Value::Int(n), true) => Some(if *n == 0 {
                    b"false".to_vec()
                } else {
                    b"true".to_vec()
                }),
                _ => column_cell(&value, &self.columns[i]),
            });
        }
        if let Some(r) = &mut self.renderer {
            r.row(cells, self.out).map_err(broken)?;
        }
        Ok(Flow::Continue)
    }

    fn done(&mut self, done: &Done, _more: bool) -> Result<()> {
        if !self.open {
            self.last = Some(done.clone());
            return Ok(());
        }
        self.open = false;
        self.last = None;
        if let Some(r) = &mut self.renderer {
            r.end(self.out).map_err(broken)?;
            if self.spaced {
                writeln!(self.out).map_err(broken)?;
            }
        }
        self.out.flush().map_err(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::{ColumnMeta, Value, column_cell, float_text};
    use values::SqlType;

    #[test]
    fn documents_of_tables_are_shown_as_they_are_stored() {
        let document = values::Json::parse("{\"a\": [1, 2]}").expect("a document");
        let value = Value::Json(document);
        let mut column = ColumnMeta::computed("j", SqlType::Json);
        let shown = |c: &ColumnMeta| {
            let text = column_cell(&value, c).expect("a text");
            String::from_utf8(text).expect("UTF-8")
        };
        assert_eq!(shown(&column), "{\"a\": [1, 2]}");
        column.org_table = "t".into();
        assert_eq!(shown(&column), "{\"a\":[1,2]}");
        column.org_table = "dolt_constraint_violations_t".into();
        column.org_name = "violation_info".into();
        assert_eq!(shown(&column), "{\"a\": [1, 2]}");
    }

    #[test]
    fn floats_as_the_embedded_engine_shows_them() {
        let cases = [
            (430757023.0, "4.30757023e+08"),
            (100000.0, "100000"),
            (1.5, "1.5"),
            (0.0, "0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (-9.223372036854776e18, "-9.223372036854776e+18"),
        ];
        for (v, text) in cases {
            assert_eq!(float_text(v, false), text);
        }
        assert_eq!(float_text(f64::from(3.40282e38_f32), true), "3.40282e+38");
    }
}
