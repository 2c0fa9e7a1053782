//! `dolt table export` (spec 06 §10.3).

use std::io::Write;

use engine::dolt::row_statements;
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use values::SqlType;

use crate::arguments::parse;
use crate::commands::options::TABLE_EXPORT;
use crate::environment::Environment;
use crate::render::{ParquetFile, Renderer, column_cell, csv_field, json_object};
use crate::repository::{Repository, quoted};
use crate::{Failure, Outcome};

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// Separated by commas.
    Csv,
    /// Separated by bars.
    Psv,
    /// `{"rows": [..]}`.
    Json,
    /// An object per line.
    JsonLines,
    /// Statements.
    Sql,
    /// Columns, in pages.
    Parquet,
}

impl FileType {
    /// What messages call a file of the type.
    pub fn described(self) -> &'static str {
        match self {
            FileType::Csv => "csv file",
            FileType::Psv => "psv file",
            FileType::Json => "json file",
            FileType::JsonLines => "jsonl file",
            FileType::Sql => "sql file",
            FileType::Parquet => "parquet file",
        }
    }

    /// By its name, or by the end of a file's name.
    pub fn of(name: &str) -> Option<FileType> {
        Some(match name.rsplit('.').next()?.to_lowercase().as_str() {
            "csv" => FileType::Csv,
            "psv" => FileType::Psv,
            "json" => FileType::Json,
            "jsonl" => FileType::JsonLines,
            "sql" => FileType::Sql,
            "parquet" => FileType::Parquet,
            _ => return None,
        })
    }
}

/// A value as a literal.
pub fn value_literal(cell: &Option<Vec<u8>>, ty: &SqlType) -> String {
    let bytes = cell.as_deref();
    bytes.map_or_else(|| "NULL".into(), |bytes| row_statements::literal(bytes, ty))
}

/// Writes the rows of a table to a file as they come.
pub struct TableFile<'o> {
    table: String,
    format: FileType,
    /// Rows of one INSERT.
    per_statement: usize,
    out: &'o mut dyn Write,
    columns: Vec<ColumnMeta>,
    rows: usize,
    parquet: ParquetFile,
}

impl<'o> TableFile<'o> {
    /// A file in a format; INSERT statements have at most so many rows.
    pub fn new(
        table: &str,
        format: FileType,
        per_statement: usize,
        out: &'o mut dyn Write,
    ) -> TableFile<'o> {
        TableFile {
            table: table.to_string(),
            format,
            per_statement: per_statement.max(1),
            out,
            columns: Vec::new(),
            rows: 0,
            parquet: ParquetFile::default(),
        }
    }

    /// Writes the rows of a query.
    pub fn write(mut self, repo: &Repository, query: &str) -> Result<(), Failure> {
        let done = repo.connection.execute(query.as_bytes(), &mut self);
        done.map_err(|e| Failure::new(repo.connection.message(&e)))
    }

    fn line<'c>(&mut self, cells: impl Iterator<Item = Option<&'c [u8]>>) -> std::io::Result<()> {
        let delimiter = match self.format {
            FileType::Psv => b'|',
            _ => b',',
        };
        let mut line = Vec::new();
        for (i, cell) in cells.enumerate() {
            if i > 0 {
                line.push(delimiter);
            }
            if let Some(text) = cell {
                csv_field(text, delimiter, &mut line);
            }
        }
        line.push(b'\n');
        self.out.write_all(&line)
    }

    fn begin(&mut self) -> std::io::Result<()> {
        match self.format {
            FileType::Csv | FileType::Psv => {
                let names: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
                self.line(names.iter().map(|n| Some(n.as_bytes())))
            }
            FileType::Json => write!(self.out, "{{\"rows\": ["),
            FileType::JsonLines | FileType::Sql => Ok(()),
            FileType::Parquet => self.parquet.begin(&self.columns, self.out),
        }
    }

    fn put(&mut self, cells: Vec<Option<Vec<u8>>>) -> std::io::Result<()> {
        let first = self.rows == 0;
        self.rows += 1;
        match self.format {
            FileType::Csv | FileType::Psv => self.line(cells.iter().map(Option::as_deref)),
            FileType::Json | FileType::JsonLines => {
                if !first {
                    let between = match self.format {
                        FileType::Json => ",",
                        _ => "\n",
                    };
                    write!(self.out, "{between}")?;
                }
                let columns = self.columns.iter().map(|c| (c.name.as_str(), &c.ty));
                let object =
                    json_object(columns, cells).map_err(|f| std::io::Error::other(f.text))?;
                write!(self.out, "{object}")
            }
            FileType::Sql => {
                let values: Vec<String> = cells
                    .iter()
                    .zip(&self.columns)
                    .map(|(cell, column)| value_literal(cell, &column.ty))
                    .collect();
                if (self.rows - 1).is_multiple_of(self.per_statement) {
                    if !first {
                        writeln!(self.out, ";")?;
                    }
                    let names: Vec<String> = self.columns.iter().map(|c| quoted(&c.name)).collect();
                    write!(
                        self.out,
                        "INSERT INTO {} ({}) VALUES ",
                        quoted(&self.table),
                        names.join(",")
                    )?;
                } else {
                    write!(self.out, ", ")?;
                }
                write!(self.out, "({})", values.join(","))
            }
            FileType::Parquet => self.parquet.row(cells, self.out),
        }
    }

    fn end(&mut self) -> std::io::Result<()> {
        match self.format {
            FileType::Csv | FileType::Psv => Ok(()),
            FileType::Json => writeln!(self.out, "]}}"),
            FileType::JsonLines => writeln!(self.out),
            FileType::Sql if self.rows == 0 => Ok(()),
            FileType::Sql => writeln!(self.out, ";"),
            FileType::Parquet => self.parquet.end(self.out),
        }
    }
}

fn broken(e: std::io::Error) -> engine::error::Error {
    engine::error::Error::general(format!("cannot write: {e}"))
}

impl ResultSink for TableFile<'_> {
    fn columns(&mut self, columns: &[ColumnMeta]) -> engine::error::Result<()> {
        self.columns = columns.to_vec();
        self.begin().map_err(broken)
    }

    fn row(&mut self, row: &dyn Row) -> engine::error::Result<Flow> {
        let mut cells = Vec::with_capacity(self.columns.len());
        for (i, column) in self.columns.iter().enumerate() {
            cells.push(column_cell(&row.get(i)?, column));
        }
        self.put(cells).map_err(broken)?;
        Ok(Flow::Continue)
    }

    fn done(&mut self, _: &Done, _: bool) -> engine::error::Result<()> {
        self.end().map_err(broken)
    }
}

/// Runs `table export`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, TABLE_EXPORT)?;
    let (table, file) = match p.positional.as_slice() {
        [table] => (table, None),
        [table, file] => (table, Some(file)),
        _ => return super::misused("table export"),
    };
    let format = match (p.get("file-type"), file) {
        (Some(t), _) => FileType::of(t)
            .ok_or_else(|| Failure::new(format!("'{t}' is not a valid file type.")))?,
        (None, Some(f)) => FileType::of(f).ok_or_else(|| {
            Failure::new(format!(
                "Could not infer type file '{f}'\nFile extensions should match supported file types, or should be explicitly defined via the file-type parameter"
            ))
        })?,
        (None, None) => FileType::Csv,
    };
    if file.is_none() && !matches!(format, FileType::Csv | FileType::Psv) {
        return Err(Failure::new("Cannot export this format to stdout"));
    }
    let repo = Repository::open(env)?;
    let tables = repo.tables_of(&repo.live_root(false)?)?;
    let columns = match format {
        FileType::Sql => super::dump::stored_columns(&tables, table)?,
        _ => "*".to_string(),
    };
    let query = format!("select {columns} from {}", quoted(table));
    match file {
        None => {
            TableFile::new(table, format, 1, &mut std::io::stdout().lock()).write(&repo, &query)?;
        }
        Some(name) => {
            let path = env.dir.join(name);
            if path.exists() && !p.has("force") {
                return Err(Failure::new(format!(
                    "{name} already exists. Use -f to overwrite."
                )));
            }
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir)?;
            }
            let mut out = std::io::BufWriter::new(std::fs::File::create(&path)?);
            if format == FileType::Sql
                && let Some(text) =
                    engine::show::create_table_text(&*repo.schema_session()?, &tables, table)?
            {
                writeln!(out, "DROP TABLE IF EXISTS {};\n{text};", quoted(table))?;
            }
            TableFile::new(table, format, 1, &mut out).write(&repo, &query)?;
            out.flush()?;
        }
    }
    eprintln!("Successfully exported data.");
    Ok(0)
}
