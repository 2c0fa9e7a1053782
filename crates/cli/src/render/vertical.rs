//! One column a line (spec 06 §7.4).

use std::io::{Result, Write};

use engine::result::ColumnMeta;

use super::Renderer;

/// Rows as blocks of `name: value`.
#[derive(Default)]
pub struct Vertical {
    names: Vec<String>,
    width: usize,
    row: u64,
}

impl Renderer for Vertical {
    fn begin(&mut self, columns: &[ColumnMeta], _: &mut dyn Write) -> Result<()> {
        self.names = columns.iter().map(|c| c.name.clone()).collect();
        self.width = self
            .names
            .iter()
            .map(|n| n.chars().count())
            .max()
            .unwrap_or(0);
        self.row = 0;
        Ok(())
    }

    fn row(&mut self, cells: Vec<Option<Vec<u8>>>, out: &mut dyn Write) -> Result<()> {
        self.row += 1;
        let stars = "*".repeat(27);
        writeln!(out, "{stars} {}. row {stars}", self.row)?;
        for (name, cell) in self.names.iter().zip(cells) {
            write!(out, "{name:>w$}: ", w = self.width)?;
            out.write_all(cell.as_deref().unwrap_or(b"NULL"))?;
            writeln!(out)?;
        }
        writeln!(out)
    }

    fn end(&mut self, _: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
