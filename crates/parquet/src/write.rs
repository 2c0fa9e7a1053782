//! Writes tables as files.

use std::io::Write;

use crate::metadata::{Kind, Physical, Unit};
use crate::thrift::Output;
use crate::{Cell, Error, Result, file, levels};

/// Bytes of values that are written together.
const GROUP_BYTES: usize = 32 << 20;

/// A column of the table.
#[derive(Clone, Debug)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// How values are stored.
    pub physical: Physical,
    /// What they mean.
    pub kind: Kind,
    /// Whether there may be none.
    pub optional: bool,
}

/// Values of a column that are not written yet.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    there: Vec<bool>,
}

/// Writes a file, a row group at a time.
pub struct Writer {
    columns: Vec<NewColumn>,
    pending: Vec<Pending>,
    rows: usize,
    all_rows: usize,
    groups: Vec<Output>,
    /// Where the next byte goes.
    at: usize,
}

fn physical_number(physical: Physical) -> i32 {
    match physical {
        Physical::Bool => 0,
        Physical::Int32 => 1,
        Physical::Int64 => 2,
        Physical::Int96 => 3,
        Physical::Float => 4,
        Physical::Double => 5,
        Physical::Bytes => 6,
        Physical::Fixed(_) => 7,
    }
}

/// The number of what values mean, as all readers know it.
fn converted_number(kind: Kind) -> Option<i32> {
    Some(match kind {
        Kind::Text => 0,
        Kind::Decimal { .. } => 5,
        Kind::Date => 6,
        Kind::Time(Unit::Millis) => 7,
        Kind::Time(Unit::Micros) => 8,
        Kind::Timestamp(Unit::Millis) => 9,
        Kind::Timestamp(Unit::Micros) => 10,
        Kind::Unsigned => 14,
        Kind::Signed => 18,
        Kind::Json => 19,
        Kind::Plain | Kind::Uuid | Kind::Time(Unit::Nanos) | Kind::Timestamp(Unit::Nanos) => {
            return None;
        }
    })
}

impl NewColumn {
    fn element(&self) -> Output {
        let mut out = Output::default().int32(1, physical_number(self.physical));
        if let Physical::Fixed(len) = self.physical {
            out = out.int32(2, i32::try_from(len).unwrap_or(i32::MAX));
        }
        out = out.int32(3, i32::from(self.optional)).text(4, &self.name);
        match (self.kind, self.physical) {
            (Kind::Signed, Physical::Int32) => out.int32(6, 17),
            (Kind::Decimal { precision, scale }, _) => out
                .int32(6, 5)
                .int32(7, scale as i32)
                .int32(8, precision as i32),
            (kind, _) => match converted_number(kind) {
                Some(number) => out.int32(6, number),
                None => out,
            },
        }
    }

    /// Adds a value; one that does not fit the column is refused.
    fn put(&self, cell: &Cell, pending: &mut Pending) -> Result<()> {
        let out = &mut pending.bytes;
        match (cell, self.physical) {
            (Cell::Null, _) if self.optional => {
                pending.there.push(false);
                return Ok(());
            }
            (Cell::Int(n), Physical::Int32) => match i32::try_from(*n) {
                Ok(n) => out.extend_from_slice(&n.to_le_bytes()),
                Err(_) => return Err(self.misfit()),
            },
            (Cell::Int(n), Physical::Int64) => out.extend_from_slice(&n.to_le_bytes()),
            (Cell::Float(v), Physical::Float) => out.extend_from_slice(&v.to_le_bytes()),
            (Cell::Double(v), Physical::Double) => out.extend_from_slice(&v.to_le_bytes()),
            (Cell::Bytes(bytes), Physical::Bytes) => {
                let len = u32::try_from(bytes.len()).map_err(|_| self.misfit())?;
                out.extend_from_slice(&len.to_le_bytes());
                out.extend_from_slice(bytes);
            }
            _ => return Err(self.misfit()),
        }
        pending.there.push(true);
        Ok(())
    }

    fn misfit(&self) -> Error {
        Error::Unsupported(format!("a value of column '{}'", self.name))
    }
}

impl Writer {
    /// Begins a file with some columns.
    pub fn new(columns: Vec<NewColumn>) -> Writer {
        Writer {
            pending: columns.iter().map(|_| Pending::default()).collect(),
            columns,
            rows: 0,
            all_rows: 0,
            groups: Vec::new(),
            at: 0,
        }
    }

    /// The columns.
    pub fn columns(&self) -> &[NewColumn] {
        &self.columns
    }

    /// Adds a row with a value for each column.
    pub fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> Result<()> {
        for (i, column) in self.columns.iter().enumerate() {
            let cell = cells.get(i).unwrap_or(&Cell::Null);
            column.put(cell, &mut self.pending[i])?;
        }
        self.rows += 1;
        let held: usize = self.pending.iter().map(|p| p.bytes.len()).sum();
        match held >= GROUP_BYTES {
            true => self.end_group(out),
            false => Ok(()),
        }
    }

    fn put(&mut self, bytes: &[u8], out: &mut dyn Write) -> Result<()> {
        out.write_all(bytes)?;
        self.at += bytes.len();
        Ok(())
    }

    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        match self.at {
            0 => self.put(file::MARK, out),
            _ => Ok(()),
        }
    }

    /// Writes the rows that are held.
    fn end_group(&mut self, out: &mut dyn Write) -> Result<()> {
        self.begin(out)?;
        let rows = std::mem::take(&mut self.rows);
        let mut chunks = Vec::new();
        let mut whole = 0;
        for i in 0..self.columns.len() {
            let pending = std::mem::take(&mut self.pending[i]);
            let mut body = Vec::new();
            if self.columns[i].optional {
                let levels = levels::write_bits(&pending.there);
                body.extend_from_slice(&(levels.len() as u32).to_le_bytes());
                body.extend(levels);
            }
            body.extend(pending.bytes);
            let compressed = snap::raw::Encoder::new()
                .compress_vec(&body)
                .map_err(|_| Error::Unsupported("a page as long as that".into()))?;
            let size = |n: usize| {
                i32::try_from(n).map_err(|_| Error::Unsupported("a page as long as that".into()))
            };
            let header = Output::default()
                .int32(1, 0)
                .int32(2, size(body.len())?)
                .int32(3, size(compressed.len())?)
                .structure(
                    5,
                    Output::default()
                        .int32(1, size(rows)?)
                        .int32(2, 0)
                        .int32(3, 3)
                        .int32(4, 3),
                )
                .finish();
            let from = self.at as i64;
            let column = &self.columns[i];
            let metadata = Output::default()
                .int32(1, physical_number(column.physical))
                .int32s(2, &[0, 3])
                .texts(3, &[&column.name])
                .int32(4, 1)
                .int64(5, rows as i64)
                .int64(6, (header.len() + body.len()) as i64)
                .int64(7, (header.len() + compressed.len()) as i64)
                .int64(9, from);
            chunks.push(Output::default().int64(2, from).structure(3, metadata));
            whole += header.len() + body.len();
            self.put(&header, out)?;
            self.put(&compressed, out)?;
        }
        self.all_rows += rows;
        let group = Output::default()
            .structures(1, chunks)
            .int64(2, whole as i64)
            .int64(3, rows as i64);
        self.groups.push(group);
        Ok(())
    }

    /// Writes what is left and what the file says about itself.
    pub fn finish(mut self, out: &mut dyn Write) -> Result<()> {
        self.begin(out)?;
        if self.rows > 0 {
            self.end_group(out)?;
        }
        let root = Output::default()
            .text(4, "Parquet_go_root")
            .int32(5, self.columns.len() as i32);
        let mut schema = vec![root];
        schema.extend(self.columns.iter().map(NewColumn::element));
        let metadata = Output::default()
            .int32(1, 1)
            .structures(2, schema)
            .int64(3, self.all_rows as i64)
            .structures(4, std::mem::take(&mut self.groups))
            .text(6, "dolt")
            .finish();
        self.put(&metadata, out)?;
        let len = u32::try_from(metadata.len())
            .map_err(|_| Error::Unsupported("so many columns and groups".into()))?;
        self.put(&len.to_le_bytes(), out)?;
        self.put(file::MARK, out)
    }
}
