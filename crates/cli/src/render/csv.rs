//! Comma separated values (spec 06 §7.2).

use std::io::{Result, Write};

use engine::result::ColumnMeta;

use super::Renderer;

/// Rows as comma separated lines below a header.
pub struct Csv;

/// Appends one field, quoted when it must be.
pub fn field(text: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let special = |b: &u8| *b == delimiter || matches!(b, b'"' | b'\r' | b'\n');
    let quote = text.is_empty()
        || text.iter().any(special)
        || text[0].is_ascii_whitespace()
        || text == b"\\.";
    if !quote {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for b in text {
        if *b == b'"' {
            out.push(b'"');
        }
        out.push(*b);
    }
    out.push(b'"');
}

impl Renderer for Csv {
    fn begin(&mut self, columns: &[ColumnMeta], out: &mut dyn Write) -> Result<()> {
        let mut line = Vec::new();
        for (i, c) in columns.iter().enumerate() {
            if i > 0 {
                line.push(b',');
            }
            field(c.name.as_bytes(), b',', &mut line);
        }
        line.push(b'\n');
        out.write_all(&line)
    }

    fn row(&mut self, cells: Vec<Option<Vec<u8>>>, out: &mut dyn Write) -> Result<()> {
        let mut line = Vec::new();
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                line.push(b',');
            }
            if let Some(text) = cell {
                field(text, b',', &mut line);
            }
        }
        line.push(b'\n');
        out.write_all(&line)
    }

    fn end(&mut self, _: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
