//! `dolt table import` (spec 06 §10.1, §10.2).

mod csv_reader;
mod infer;
mod source;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use engine::import::ImportOptions;
use engine::write::RowBatch;
use values::{SqlType, Value};

use crate::arguments::{Parsed, parse};
use crate::commands::options::TABLE_IMPORT;
use crate::commands::table_export::FileType;
use crate::environment::Environment;
use crate::render::with_commas;
use crate::repository::{Repository, quoted};
use crate::{Failure, Outcome};

use csv_reader::CsvReader;
use infer::ColumnTexts;
pub(super) use source::Input;
use source::{Record, Rows};

/// Rows that are converted and written together.
const ROWS_AT_ONCE: usize = 1000;

/// Rows of a file under their column names.
pub(super) struct Source<'p> {
    p: &'p Parsed,
    input: Input,
    format: FileType,
    /// Names of the columns.
    pub(super) columns: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Update,
    Append,
    Replace,
}

fn operation(p: &Parsed) -> Result<Operation, Failure> {
    let all = [
        ("create-table", Operation::Create),
        ("update-table", Operation::Update),
        ("append-table", Operation::Append),
        ("replace-table", Operation::Replace),
    ];
    let given: Vec<Operation> = all
        .iter()
        .filter(|(n, _)| p.has(n))
        .map(|(_, o)| *o)
        .collect();
    match given.as_slice() {
        [one] => Ok(*one),
        _ => {
            super::misused("table")?;
            Err(Failure::new(
                "Must specify exactly one of -c, -u, -a, or -r.",
            ))
        }
    }
}

impl<'p> Source<'p> {
    /// Reads the names of a file's columns.
    pub(super) fn open(p: &'p Parsed, input: Input, format: FileType) -> Result<Source<'p>, Failure> {
        let mut source = Source {
            p,
            input,
            format,
            columns: Vec::new(),
        };
        let mut rows = source.start()?;
        source.columns = match &mut rows {
            Rows::Objects(_, columns, _) => std::mem::take(columns),
            Rows::Csv(csv) => source.csv_columns(csv)?,
        };
        Ok(source)
    }

    /// The file from its start, a header included.
    fn start(&self) -> Result<Rows, Failure> {
        let delimiter = match (self.p.get("delim"), self.format) {
            (Some(d), _) => d,
            (None, FileType::Psv) => "|",
            _ => ",",
        };
        match self.format {
            FileType::Json => Rows::of_json(&mut *self.input.reader()?, false),
            FileType::JsonLines => Rows::of_json(&mut *self.input.reader()?, true),
            FileType::Sql => Err(Failure::new(
                "For SQL import, please pipe SQL input files to `dolt sql`",
            )),
            _ => Ok(Rows::Csv(CsvReader::new(self.input.reader()?, delimiter))),
        }
    }

    /// The rows from the first one.
    fn rows(&self) -> Result<Rows, Failure> {
        let mut rows = self.start()?;
        if matches!(rows, Rows::Csv(_)) && !self.p.has("no-header") {
            rows.next(&mut Record::default())?;
        }
        Ok(rows)
    }

    fn csv_columns(&self, csv: &mut CsvReader) -> Result<Vec<String>, Failure> {
        let p = self.p;
        let named: Option<Vec<String>> = p
            .get("columns")
            .map(|c| c.split(',').map(|n| n.trim().to_string()).collect());
        match (p.has("no-header"), named) {
            (true, Some(names)) => Ok(names),
            (true, None) => Err(Failure::new(match p.has("create-table") {
                true => {
                    "When using --no-header with -c (create table), you must also specify --columns to define column names"
                }
                false => {
                    "When using --no-header with existing tables, you must also specify --columns to define the order of columns in your CSV file"
                }
            })),
            (false, named) => {
                let mut header = Record::default();
                if !csv.next(&mut header)? {
                    return Err(Failure::new("Header line is empty"));
                }
                let mut names = Vec::with_capacity(header.cells.len());
                for i in 0..header.cells.len() {
                    let name = header.shown(i, "").trim().to_string();
                    if name.is_empty() {
                        return Err(Failure::new(
                            "bad header line: column cannot be NULL or empty string",
                        ));
                    }
                    names.push(name);
                }
                Ok(named.unwrap_or(names))
            }
        }
    }

    /// The type of each column, as its texts have it.
    pub(super) fn types(&self, float_threshold: f64) -> Result<Vec<String>, Failure> {
        let empty = ColumnTexts::with_float_threshold(float_threshold);
        let mut texts = vec![empty; self.columns.len()];
        let mut rows = self.rows()?;
        let mut record = Record::default();
        while rows.next(&mut record)? {
            for (i, column) in texts.iter_mut().enumerate() {
                if let Some(text) = record.cell(i) {
                    column.add(&String::from_utf8_lossy(text));
                }
            }
        }
        Ok(texts.iter().map(ColumnTexts::type_name).collect())
    }

    /// Gives columns the names that a file maps theirs to.
    pub(super) fn map_columns(&mut self, path: &Path) -> Result<(), Failure> {
        let map: BTreeMap<String, String> = serde_json::from_slice(&std::fs::read(path)?)?;
        for c in &mut self.columns {
            if let Some(to) = map.get(c) {
                *c = to.clone();
            }
        }
        Ok(())
    }

    /// The row of a number, from 1.
    fn record(&self, number: u64) -> Result<Record, Failure> {
        let mut rows = self.rows()?;
        let mut record = Record::default();
        for _ in 0..number {
            rows.next(&mut record)?;
        }
        Ok(record)
    }
}

/// Adds a cell as the column takes it.
fn push_cell(cell: Option<&[u8]>, ty: &SqlType, out: &mut RowBatch) {
    let Some(text) = cell else {
        return out.push_value(Value::Null);
    };
    match ty {
        SqlType::Int { .. } | SqlType::Bit(_) if text.eq_ignore_ascii_case(b"true") => {
            out.push_value(Value::Int(1));
        }
        SqlType::Int { .. } | SqlType::Bit(_) if text.eq_ignore_ascii_case(b"false") => {
            out.push_value(Value::Int(0));
        }
        SqlType::Bit(_) => {
            let shown = String::from_utf8_lossy(text);
            let digits = shown.trim_start_matches("b'").trim_end_matches('\'');
            let parsed = match (shown.starts_with("b'"), shown.strip_prefix("0x")) {
                (true, _) => u64::from_str_radix(digits, 2).ok(),
                (_, Some(hex)) => u64::from_str_radix(hex, 16).ok(),
                _ => shown.parse().ok(),
            };
            match parsed {
                Some(bits) => out.push_value(Value::UInt(bits)),
                None => out.push_text(text),
            }
        }
        t if text.is_empty() && !is_text(t) => out.push_value(Value::Null),
        _ => out.push_text(text),
    }
}

fn is_text(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Char(..)
            | SqlType::VarChar(..)
            | SqlType::Text(..)
            | SqlType::Binary(_)
            | SqlType::VarBinary(_)
            | SqlType::Blob(_)
            | SqlType::Enum(..)
            | SqlType::Set(..)
    )
}

fn create_statement(p: &Parsed, table: &str, source: &Source<'_>) -> Result<String, Failure> {
    let keys: Vec<String> = p
        .get("pk")
        .map(|k| k.split(',').map(|n| n.trim().to_string()).collect())
        .unwrap_or_default();
    for key in &keys {
        if !source.columns.contains(key) {
            return Err(Failure::new(format!(
                "Error determining the output schema.\ncause: primary key '{key}' not found in import file. Available columns: {}",
                source.columns.join(", ")
            )));
        }
    }
    let types = match p.has("all-text") {
        true => Vec::new(),
        false => source.types(0.0)?,
    };
    let mut lines = Vec::new();
    for (i, name) in source.columns.iter().enumerate() {
        let is_key = keys.contains(name);
        let ty = match (p.has("all-text"), is_key) {
            (true, false) => "text".to_string(),
            (true, true) => "varchar(200)".to_string(),
            _ => types[i].clone(),
        };
        let not_null = if is_key { " NOT NULL" } else { "" };
        lines.push(format!("{} {ty}{not_null}", quoted(name)));
    }
    if !keys.is_empty() {
        let list: Vec<String> = keys.iter().map(|k| quoted(k)).collect();
        lines.push(format!("PRIMARY KEY ({})", list.join(",")));
    }
    Ok(format!(
        "CREATE TABLE {} ({})",
        quoted(table),
        lines.join(", ")
    ))
}

fn table_columns(
    repo: &Repository,
    table: &str,
) -> Result<Option<Vec<(String, SqlType)>>, Failure> {
    let tables = repo.tables_of(&repo.live_root(false)?)?;
    Ok(tables.table(table)?.map(|t| {
        t.def
            .columns
            .iter()
            .filter(|c| c.generated.is_empty())
            .map(|c| (c.name.clone(), c.ty.clone()))
            .collect()
    }))
}

fn mismatch(table: &str, known: &[(String, SqlType)], source: &Source<'_>) {
    let lower = |n: &str| n.to_lowercase();
    let missing: Vec<&String> = known
        .iter()
        .map(|(n, _)| n)
        .filter(|n| !source.columns.iter().any(|c| lower(c) == lower(n)))
        .collect();
    let extra: Vec<&String> = source
        .columns
        .iter()
        .filter(|c| !known.iter().any(|(n, _)| lower(n) == lower(c)))
        .collect();
    if missing.is_empty() && extra.is_empty() {
        return;
    }
    eprintln!(
        "Warning: The import file's schema does not match the table's schema.\nIf unintentional, check for any typos in the import file's header."
    );
    if !missing.is_empty() {
        println!("Missing columns in {table}:");
        missing.iter().for_each(|n| println!("\t{n}"));
    }
    if !extra.is_empty() {
        println!("Extra columns in import file:");
        extra.iter().for_each(|n| println!("\t{n}"));
    }
}

fn arguments(p: &Parsed) -> Result<(Operation, &str, Option<&str>), Failure> {
    let operation = operation(p)?;
    let (table, file) = match p.positional.as_slice() {
        [table] => (table, None),
        [table, file] => (table, Some(file.as_str())),
        list => {
            return Err(Failure::new(format!(
                "expected 1 argument (for stdin) or 2 arguments (table and file), but received {}",
                list.len()
            )));
        }
    };
    if p.has("schema") && p.has("pk") {
        return Err(Failure::new(
            "parameters schema and pk are mutually exclusive",
        ));
    }
    if p.has("schema") && operation != Operation::Create {
        return Err(Failure::new(
            "fatal: schema is not supported for update or replace operations",
        ));
    }
    if p.has("all-text") && operation != Operation::Create {
        return Err(Failure::new(
            "fatal: --all-text is only supported for create operations",
        ));
    }
    if operation == Operation::Create && file.is_none() && !p.has("schema") {
        return Err(Failure::new(
            "fatal: when importing from stdin with --create-table, you must provide a schema file with --schema",
        ));
    }
    if table.starts_with("dolt_") && operation == Operation::Create {
        return Err(Failure::new(format!(
            "'{table}' is not a valid table name\ntable names beginning with dolt_ are reserved for internal use"
        )));
    }
    Ok((operation, table, file))
}

/// Runs `table import`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, TABLE_IMPORT)?;
    let (operation, table, file) = arguments(&p)?;
    let format = match (p.get("file-type"), file) {
        (Some(t), _) => FileType::of(t)
            .ok_or_else(|| Failure::new(format!("'{t}' is not a valid file type.")))?,
        (None, None) => FileType::Csv,
        (None, Some(f)) => FileType::of(f).ok_or_else(|| {
            Failure::new(format!(
                "Could not infer type file '{f}'\nFile extensions should match supported file types, or should be explicitly defined via the file-type parameter"
            ))
        })?,
    };
    if operation == Operation::Create && !p.has("schema") {
        match format {
            FileType::Json | FileType::JsonLines => {
                return Err(Failure::new(
                    "Please specify schema file for .json/.jsonl tables.",
                ));
            }
            _ => {}
        }
    }
    let input = match file {
        Some(f) => File::open(env.dir.join(f))
            .map(Input::of)
            .map_err(|_| Failure::new(format!("error: file '{f}' not found.")))?,
        None => Input::of_stdin()?,
    };
    let mut source = Source::open(&p, input, format).map_err(|e| {
        Failure::new(format!(
            "Error creating reader for {}.\ncause: {}",
            file.map_or("stdin".to_string(), |f| format!("csv file:'{f}'")),
            e.text
        ))
    })?;
    if let Some(path) = p.get("map") {
        source.map_columns(&env.dir.join(path))?;
    }
    let repo = Repository::open_here(env)?;
    let exists = table_columns(&repo, table)?.is_some();
    if operation == Operation::Create {
        if exists && !p.has("force") {
            return Err(Failure::new(format!(
                "{table} already exists. Use -f to overwrite."
            )));
        }
        let sql = match p.get("schema") {
            Some(path) => {
                let text = std::fs::read_to_string(env.dir.join(path))?;
                text.trim().trim_end_matches(';').to_string()
            }
            None => create_statement(&p, table, &source)?,
        };
        if exists {
            repo.query(&format!("DROP TABLE {}", quoted(table)))?;
        }
        repo.query(&sql)?;
    } else if !exists {
        return Err(Failure::new(format!(
            "The following table could not be found: {table}"
        )));
    }
    let known = table_columns(&repo, table)?
        .ok_or_else(|| Failure::new(format!("table name does not match table arg '{table}'")))?;
    mismatch(table, &known, &source);
    match insert(&repo, &p, operation, table, &known, &source) {
        Ok(()) => {
            println!("Import completed successfully.");
            Ok(0)
        }
        Err(e) => {
            repo.query("ROLLBACK")?;
            if operation == Operation::Create && !exists {
                repo.query(&format!("DROP TABLE IF EXISTS {}", quoted(table)))?;
            }
            Err(e)
        }
    }
}

/// The error of a row that was refused.
fn bad_row(table: &str, columns: &[String], record: &Record, cause: &str) -> Failure {
    let cells: String = columns
        .iter()
        .enumerate()
        .map(|(i, c)| format!("\t{c}: {}\n", record.shown(i, "<nil>")))
        .collect();
    Failure::new(format!(
        "A bad row was encountered inserting into table {table} (on line {}):\n{cells}\nAn error occurred while moving data\ncause: {cause}\nErrors during import can be ignored using '--continue'",
        record.line
    ))
}

/// A row as the list of those that were skipped shows it.
fn in_brackets(record: &Record) -> String {
    let cells: Vec<String> = (0..record.cells.len())
        .map(|i| record.shown(i, "<nil>"))
        .collect();
    format!("[{}]", cells.join(","))
}

/// The rows that were skipped, said as they come.
struct Skipped {
    quiet: bool,
    count: u64,
}

impl Skipped {
    fn add(&mut self, shown: &str) {
        if !self.quiet {
            if self.count == 0 {
                eprintln!("The following rows were skipped:");
            }
            eprintln!("{shown}");
        }
        self.count += 1;
    }
}

fn insert(
    repo: &Repository,
    p: &Parsed,
    operation: Operation,
    table: &str,
    known: &[(String, SqlType)],
    source: &Source<'_>,
) -> Result<(), Failure> {
    let places: Vec<(usize, &(String, SqlType))> = source
        .columns
        .iter()
        .enumerate()
        .filter_map(|(i, c)| {
            let found = known.iter().find(|(n, _)| n.eq_ignore_ascii_case(c))?;
            Some((i, found))
        })
        .collect();
    repo.query("START TRANSACTION")?;
    if p.has("disable-fk-checks") {
        repo.query("SET foreign_key_checks = 0")?;
    }
    if operation == Operation::Replace {
        repo.query(&format!("DELETE FROM {}", quoted(table)))?;
    }
    let names: Vec<String> = places.iter().map(|(_, (n, _))| quoted(n)).collect();
    let mut sql = format!(
        "INSERT INTO {} ({}) VALUES ({})",
        quoted(table),
        names.join(","),
        vec!["DEFAULT"; places.len()].join(",")
    );
    if operation == Operation::Update && !names.is_empty() {
        let list: Vec<String> = names.iter().map(|n| format!("{n} = VALUES({n})")).collect();
        sql += &format!(" ON DUPLICATE KEY UPDATE {}", list.join(", "));
    }
    let goes_on = p.has("continue");
    let options = ImportOptions {
        overwrites: operation == Operation::Update && places.len() == known.len(),
        one_by_one: goes_on,
    };
    let skipped = std::cell::RefCell::new(Skipped {
        quiet: p.has("quiet") || p.has("ignore-skipped-rows"),
        count: 0,
    });
    // The rows of the batch that is written, for those of them that are skipped.
    let shown: std::cell::RefCell<(u64, Vec<String>)> = Default::default();
    let refused: std::cell::Cell<Option<Failure>> = Default::default();
    let stop = |failure: Failure| {
        refused.set(Some(failure));
        Err(engine::error::Error::general("import was stopped"))
    };
    let mut rows = source.rows()?;
    let mut record = Record::default();
    let mut next = |batch: &mut RowBatch| -> engine::error::Result<()> {
        let (before, list) = &mut *shown.borrow_mut();
        *before += list.len() as u64;
        list.clear();
        while batch.len() < ROWS_AT_ONCE {
            match rows.next(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(e) => return stop(e),
            }
            if let Some(bad) = &record.bad {
                if !goes_on {
                    return stop(bad_row(table, &source.columns, &record, bad));
                }
                skipped.borrow_mut().add(&in_brackets(&record));
                continue;
            }
            for (i, (_, ty)) in &places {
                push_cell(record.cell(*i), ty, batch);
            }
            batch.end_row();
            if goes_on {
                list.push(in_brackets(&record));
            }
        }
        Ok(())
    };
    let mut failed = |number: u64, e: engine::error::Error| -> engine::error::Result<()> {
        if goes_on {
            let (before, list) = &*shown.borrow();
            let shown = list.get((number - 1 - before) as usize);
            skipped.borrow_mut().add(shown.map_or("", String::as_str));
            return Ok(());
        }
        match source.record(number) {
            Ok(record) => stop(bad_row(table, &source.columns, &record, &e.message)),
            Err(failure) => stop(failure),
        }
    };
    let done = repo
        .session()?
        .import(&sql, options, &mut next, &mut failed);
    let done = match (done, refused.take()) {
        (Err(_), Some(failure)) => return Err(failure),
        (done, _) => done?,
    };
    repo.query("COMMIT")?;
    let skipped = skipped.into_inner().count;
    let counts = done.counts;
    let modified = match operation {
        Operation::Update => counts.duplicates,
        _ => 0,
    };
    let added = counts.affected - 2 * modified;
    // A row that failed was counted before it did.
    let written = counts.matched - done.failed;
    eprintln!(
        "Rows Processed: {}, Additions: {}, Modifications: {}, Had No Effect: {}",
        with_commas(written),
        with_commas(added),
        with_commas(modified),
        with_commas(written - added - modified)
    );
    if skipped > 0 {
        eprintln!("Lines skipped: {skipped}");
    }
    Ok(())
}
