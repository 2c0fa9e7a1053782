//! `dolt table export` (spec 06 §10.3).

use std::io::Write;

use engine::dolt::row_statements;
use values::SqlType;

use crate::arguments::parse;
use crate::commands::options::TABLE_EXPORT;
use crate::environment::Environment;
use crate::render::{csv_field, json_object};
use crate::repository::{Repository, Rows, quoted};
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
}

impl FileType {
    /// By its name, or by the end of a file's name.
    pub fn of(name: &str) -> Option<FileType> {
        Some(match name.rsplit('.').next()?.to_lowercase().as_str() {
            "csv" => FileType::Csv,
            "psv" => FileType::Psv,
            "json" => FileType::Json,
            "jsonl" => FileType::JsonLines,
            "sql" => FileType::Sql,
            _ => return None,
        })
    }
}

/// A value as a literal.
pub fn value_literal(cell: &Option<Vec<u8>>, ty: &SqlType) -> String {
    let bytes = cell.as_deref();
    bytes.map_or_else(|| "NULL".into(), |bytes| row_statements::literal(bytes, ty))
}

/// Writes rows in a format.
pub fn write(
    rows: &Rows,
    table: &str,
    format: FileType,
    per_statement: usize,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match format {
        FileType::Csv | FileType::Psv => {
            let delimiter = if format == FileType::Csv { b',' } else { b'|' };
            let mut line = Vec::new();
            let mut put = |cells: &mut dyn Iterator<Item = Option<&str>>| -> Result<(), Failure> {
                line.clear();
                for (i, cell) in cells.enumerate() {
                    if i > 0 {
                        line.push(delimiter);
                    }
                    if let Some(text) = cell {
                        csv_field(text.as_bytes(), delimiter, &mut line);
                    }
                }
                line.push(b'\n');
                Ok(out.write_all(&line)?)
            };
            put(&mut rows.columns.iter().map(|c| Some(c.name.as_str())))?;
            for row in &rows.rows {
                put(&mut row.iter().map(Option::as_deref))?;
            }
        }
        FileType::Json | FileType::JsonLines => {
            let lines = format == FileType::JsonLines;
            if !lines {
                write!(out, "{{\"rows\": [")?;
            }
            for (i, row) in rows.rows.iter().enumerate() {
                if i > 0 {
                    write!(out, "{}", if lines { "\n" } else { "," })?;
                }
                let columns = rows.columns.iter().map(|c| (c.name.as_str(), &c.ty));
                let cells = row
                    .iter()
                    .map(|c| c.clone().map(String::into_bytes))
                    .collect();
                write!(out, "{}", json_object(columns, cells)?)?;
            }
            writeln!(out, "{}", if lines { "" } else { "]}" })?;
        }
        FileType::Sql => {
            let names: Vec<String> = rows.columns.iter().map(|c| quoted(&c.name)).collect();
            for part in rows.rows.chunks(per_statement.max(1)) {
                let list: Vec<String> = part
                    .iter()
                    .map(|row| {
                        let cells = row.iter().zip(&rows.columns);
                        let bytes = |v: &Option<String>| v.as_ref().map(|t| t.as_bytes().to_vec());
                        let texts: Vec<String> = cells
                            .map(|(v, c)| value_literal(&bytes(v), &c.ty))
                            .collect();
                        format!("({})", texts.join(","))
                    })
                    .collect();
                writeln!(
                    out,
                    "INSERT INTO {} ({}) VALUES {};",
                    quoted(table),
                    names.join(","),
                    list.join(", ")
                )?;
            }
        }
    }
    Ok(())
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
    let rows = repo.query(&format!("select {columns} from {}", quoted(table)))?;
    match file {
        None => write(&rows, table, format, 1, &mut std::io::stdout().lock())?,
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
                    engine::show::create_table_text(&*repo.session()?, &tables, table)?
            {
                writeln!(out, "DROP TABLE IF EXISTS {};\n{text};", quoted(table))?;
            }
            write(&rows, table, format, 1, &mut out)?;
            out.flush()?;
        }
    }
    eprintln!("Successfully exported data.");
    Ok(0)
}
