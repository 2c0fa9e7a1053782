//! Results as Parquet files.

use std::io::{Result, Write};

use engine::result::ColumnMeta;
use parquet::{Cell, Writer};
use values::SqlType;

use super::Renderer;
use crate::parquet_values;

/// A file with the rows of a result.
#[derive(Default)]
pub struct ParquetFile {
    types: Vec<SqlType>,
    writer: Option<Writer>,
}

fn io(e: parquet::Error) -> std::io::Error {
    match e {
        parquet::Error::Io(e) => e,
        other => std::io::Error::other(other),
    }
}

impl Renderer for ParquetFile {
    fn begin(&mut self, columns: &[ColumnMeta], _: &mut dyn Write) -> Result<()> {
        self.types = columns.iter().map(|c| c.ty.clone()).collect();
        // A date of zeros is stored as none, so that dates may always be missing.
        let is_optional = |c: &ColumnMeta| {
            !c.not_null
                || matches!(
                    c.ty,
                    SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_)
                )
        };
        let columns = columns
            .iter()
            .map(|c| parquet_values::new_column(&c.name, &c.ty, is_optional(c)));
        self.writer = Some(Writer::new(columns.collect()));
        Ok(())
    }

    fn row(&mut self, cells: Vec<Option<Vec<u8>>>, out: &mut dyn Write) -> Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let mut row = Vec::with_capacity(cells.len());
        for (i, (cell, ty)) in cells.iter().zip(&self.types).enumerate() {
            row.push(match cell {
                None => Cell::Null,
                Some(text) => parquet_values::cell(text, ty).ok_or_else(|| {
                    let name = &writer.columns()[i].name;
                    std::io::Error::other(format!("a value of '{name}' cannot be stored"))
                })?,
            });
        }
        writer.row(&row, out).map_err(io)
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        match self.writer.take() {
            Some(writer) => writer.finish(out).map_err(io),
            None => Ok(()),
        }
    }
}
