//! Tables with borders (spec 06 §7.1).

use std::io::{Result, Write};

use engine::result::ColumnMeta;
use unicode_width::UnicodeWidthStr;

use super::Renderer;

/// Rows that decide the widths of the columns.
const SAMPLE: usize = 100;

/// A table whose widths follow from the header and the first rows.
#[derive(Default)]
pub struct Tabular {
    names: Vec<String>,
    widths: Vec<usize>,
    kept: Vec<Vec<String>>,
    started: bool,
    any: bool,
}

fn width(text: &str) -> usize {
    text.split('\n')
        .map(UnicodeWidthStr::width)
        .max()
        .unwrap_or(0)
}

impl Tabular {
    fn border(&self, out: &mut dyn Write) -> Result<()> {
        let mut line = String::from("+");
        for w in &self.widths {
            line.push_str(&"-".repeat(w + 2));
            line.push('+');
        }
        writeln!(out, "{line}")
    }

    fn line(&self, cells: &[String], out: &mut dyn Write) -> Result<()> {
        let height = cells
            .iter()
            .map(|c| c.split('\n').count())
            .max()
            .unwrap_or(1);
        for n in 0..height {
            let mut line = String::from("|");
            for (cell, w) in cells.iter().zip(&self.widths) {
                let part = cell.split('\n').nth(n).unwrap_or("");
                let fill = w.saturating_sub(part.width());
                line.push(' ');
                line.push_str(part);
                line.push_str(&" ".repeat(fill));
                line.push_str(" |");
            }
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn start(&mut self, out: &mut dyn Write) -> Result<()> {
        self.started = true;
        self.widths = (0..self.names.len())
            .map(|i| {
                let cells = self.kept.iter().map(|r| width(&r[i])).max().unwrap_or(0);
                cells.max(self.names[i].width())
            })
            .collect();
        self.border(out)?;
        self.line(&self.names, out)?;
        self.border(out)?;
        for row in std::mem::take(&mut self.kept) {
            self.line(&row, out)?;
        }
        Ok(())
    }
}

impl Renderer for Tabular {
    fn begin(&mut self, columns: &[ColumnMeta], _: &mut dyn Write) -> Result<()> {
        *self = Tabular::default();
        self.names = columns.iter().map(|c| c.name.clone()).collect();
        Ok(())
    }

    fn row(&mut self, cells: Vec<Option<Vec<u8>>>, out: &mut dyn Write) -> Result<()> {
        self.any = true;
        let cells: Vec<String> = cells
            .into_iter()
            .map(|c| match c {
                None => "NULL".to_string(),
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            })
            .collect();
        if self.started {
            return self.line(&cells, out);
        }
        self.kept.push(cells);
        if self.kept.len() == SAMPLE {
            self.start(out)
        } else {
            Ok(())
        }
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        if !self.any {
            return Ok(());
        }
        if !self.started {
            self.start(out)?;
        }
        self.border(out)
    }
}
