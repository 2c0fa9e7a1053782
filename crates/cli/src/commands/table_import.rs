//! `dolt table import` (spec 06 §10.1, §10.2).

mod cells;
mod csv_reader;
mod infer;
mod refused;
mod source;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use engine::import::ImportOptions;
use engine::write::{Inserted, RowBatch};
use values::SqlType;

use crate::arguments::{Parsed, parse};
use crate::commands::options::TABLE_IMPORT;
use crate::commands::table_export::FileType;
use crate::engine_words;
use crate::environment::Environment;
use crate::render::with_commas;
use crate::repository::{Repository, quoted};
use crate::{Failure, Outcome};

use cells::{push_cell, unfit};
use csv_reader::CsvReader;
use infer::ColumnTexts;
use refused::{
    DUPLICATE, Skipped, bad_row, check_not_referenced, in_brackets, overwritten, while_moving,
};
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
    /// Names of columns whose numbers are times.
    times: Vec<String>,
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
    pub(super) fn open(
        p: &'p Parsed,
        input: Input,
        format: FileType,
    ) -> Result<Source<'p>, Failure> {
        let mut source = Source {
            p,
            input,
            format,
            columns: Vec::new(),
            times: Vec::new(),
        };
        let mut rows = source.start()?;
        source.columns = match &mut rows {
            Rows::Objects(_, columns, _) => std::mem::take(columns),
            Rows::Parquet(rows) => rows.names(),
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
            FileType::Parquet => Rows::of_parquet(&self.input, &self.times),
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

fn create_statement(p: &Parsed, table: &str, source: &Source<'_>) -> Result<String, Failure> {
    let keys: Vec<String> = p
        .get("pk")
        .map(|k| k.split(',').map(|n| n.trim().to_string()).collect())
        .unwrap_or_else(|| match p.has("all-text") {
            true => source.columns.first().cloned().into_iter().collect(),
            false => Vec::new(),
        });
    let missing: Vec<&str> = keys
        .iter()
        .filter(|k| !source.columns.contains(k))
        .map(String::as_str)
        .collect();
    let what = match missing.as_slice() {
        [] => None,
        [one] => Some(format!("primary key '{one}'")),
        several => Some(format!("primary keys [{}]", several.join(" "))),
    };
    if let Some(what) = what {
        return Err(Failure::caused(
            "Error determining the output schema.",
            &format!(
                "{what} not found in import file. Available columns: {}",
                source.columns.join(", ")
            ),
        ));
    }
    let mut seen = std::collections::HashSet::new();
    if !source.columns.iter().all(|c| seen.insert(c.to_lowercase())) {
        return Err(Failure::caused(
            "invalid schema",
            "two different columns with the same name exist",
        ));
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
            super::misused("table")?;
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
    if p.has("schema") && p.has("all-text") {
        return Err(Failure::new(
            "parameters all-text and schema are mutually exclusive",
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
    let p = parse(words, TABLE_IMPORT)?.at_most("import", 2)?;
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
        let kind = match format {
            FileType::Json | FileType::JsonLines => Some(".json/.jsonl"),
            FileType::Parquet => Some(".parquet"),
            _ => None,
        };
        if let Some(kind) = kind {
            return Err(Failure::new(format!(
                "Please specify schema file for {kind} tables."
            )));
        }
    }
    let input = match file {
        Some(f) => File::open(env.dir.join(f))
            .map(Input::of)
            .map_err(|_| Failure::new(format!("error: file '{f}' not found.")))?,
        None => Input::of_stdin()?,
    };
    let is_json = matches!(format, FileType::Json | FileType::JsonLines);
    let from = match file {
        Some(f) => format!("{}:{f}", format.described()),
        None => "stream:stdin".to_string(),
    };
    let mut source = Source::open(&p, input, format).map_err(|e| match is_json {
        true => while_moving(&e.text),
        false => Failure::caused(
            format!(
                "Error creating reader for {from}.\nWhen attempting to move data from {from} to {table}, could not open a reader."
            ),
            &e.text,
        ),
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
        repo.query(&sql).map_err(|e| match p.get("schema") {
            Some(path) => Failure::caused(
                format!(
                    "Error creating reader for {from}.\nWhen attempting to move data from {from} to {table}, could not open a reader."
                ),
                &format!("{path} is not a schema: {}", e.text),
            ),
            None => e,
        })?;
    } else if !exists {
        return Err(Failure::new(format!(
            "The following table could not be found: {table}"
        )));
    }
    let known = table_columns(&repo, table)?
        .ok_or_else(|| Failure::new(format!("table name does not match table arg '{table}'")))?;
    if is_json {
        let is_known = |c: &&String| known.iter().any(|(n, _)| n.eq_ignore_ascii_case(c));
        if !source.columns.iter().all(|c| is_known(&c)) {
            return Err(while_moving("column position not found in schema"));
        }
    }
    let times = known
        .iter()
        .filter(|(_, ty)| matches!(ty, SqlType::Time(_)));
    source.times = times.map(|(n, _)| n.to_lowercase()).collect();
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
        if !p.has("disable-fk-checks") {
            check_not_referenced(repo, table)?;
        }
        repo.query(&format!("DELETE FROM {}", quoted(table)))?;
    }
    let goes_on = p.has("continue");
    let names: Vec<String> = places.iter().map(|(_, (n, _))| quoted(n)).collect();
    let mut sql = format!(
        "INSERT {}INTO {} ({}) VALUES ({})",
        if goes_on { "IGNORE " } else { "" },
        quoted(table),
        names.join(","),
        vec!["DEFAULT"; places.len()].join(",")
    );
    if operation == Operation::Update && !names.is_empty() {
        let list: Vec<String> = names.iter().map(|n| format!("{n} = VALUES({n})")).collect();
        sql += &format!(" ON DUPLICATE KEY UPDATE {}", list.join(", "));
    }
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
    let duplicate: std::cell::Cell<Option<u64>> = Default::default();
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
            if let Some(earlier) = refused.take() {
                refused.set(Some(earlier));
                return Ok(());
            }
            match rows.next(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(e) => return stop(e),
            }
            let unfit = || {
                let mut cells = places.iter().map(|(i, (name, ty))| {
                    let line = record.line;
                    unfit(record.cell(*i), name, ty, line).filter(|_| !goes_on)
                });
                cells.find_map(|bad| bad)
            };
            if let Some(bad) = record.bad.clone().or_else(unfit) {
                if !goes_on {
                    // What came before is written, and counted.
                    refused.set(Some(bad_row(table, &source.columns, &record, &bad)));
                    return Ok(());
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
            Ok(record) => {
                if e.code == DUPLICATE && e.message.contains("PRIMARY") {
                    duplicate.set(Some(number));
                }
                let cause = engine_words::message(&e);
                stop(bad_row(table, &source.columns, &record, &cause))
            }
            Err(failure) => stop(failure),
        }
    };
    let done = repo
        .session()?
        .import(&sql, options, &mut next, &mut failed);
    let refused = refused.take();
    let done = match (done, refused) {
        (Err(_), Some(mut failure)) => {
            if let Some(number) = duplicate.get()
                && let Some(text) = overwritten(repo, source, table, number)?
            {
                failure.text = format!("{}\n{text}", failure.text);
            }
            return Err(failure);
        }
        (Ok(done), Some(failure)) => {
            tell(&done, operation);
            return Err(failure);
        }
        (done, None) => done?,
    };
    repo.query("COMMIT")?;
    tell(&done, operation);
    let skipped = skipped.into_inner().count;
    if skipped > 0 {
        eprintln!("Lines skipped: {skipped}");
    }
    Ok(())
}

/// Says what has been written.
fn tell(done: &Inserted, operation: Operation) {
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
}
