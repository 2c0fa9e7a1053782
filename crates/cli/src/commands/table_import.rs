//! `dolt table import` (spec 06 §10.1, §10.2).

mod csv_reader;
mod infer;

use std::collections::BTreeMap;
use std::io::Read;

use values::{SqlType, Value};

use crate::arguments::{Parsed, parse};
use crate::commands::options::TABLE_IMPORT;
use crate::commands::table_export::FileType;
use crate::environment::Environment;
use crate::render::with_commas;
use crate::repository::{Repository, Rows, quoted};
use crate::{Failure, Outcome};

/// Rows of a file under their column names.
struct Source {
    columns: Vec<String>,
    rows: Vec<(usize, Vec<Option<String>>)>,
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
        _ => Err(Failure::new(
            "Must specify exactly one of -c, -u, -a, or -r.",
        )),
    }
}

fn json_cell(v: &serde_json::Value) -> Option<String> {
    match v {
        serde_json::Value::Null => None,
        serde_json::Value::String(s) => Some(s.clone()),
        other => Some(other.to_string()),
    }
}

fn read_json(text: &str, lines: bool) -> Result<Source, Failure> {
    let objects: Vec<serde_json::Value> = if lines {
        text.lines()
            .filter(|l| !l.trim().is_empty())
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?
    } else {
        let document: serde_json::Value = serde_json::from_str(text)?;
        let rows = document.get("rows").and_then(|r| r.as_array()).cloned();
        rows.ok_or_else(|| Failure::new("expected an object with an array named rows"))?
    };
    let mut columns: Vec<String> = Vec::new();
    for object in objects.iter().filter_map(|o| o.as_object()) {
        for name in object.keys() {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
    }
    let rows = objects
        .iter()
        .enumerate()
        .map(|(i, o)| {
            (
                i + 1,
                columns
                    .iter()
                    .map(|c| o.get(c).and_then(json_cell))
                    .collect(),
            )
        })
        .collect();
    Ok(Source { columns, rows })
}

fn read(p: &Parsed, text: &str, format: FileType) -> Result<Source, Failure> {
    let delimiter = match (p.get("delim"), format) {
        (Some(d), _) => d.to_string(),
        (None, FileType::Psv) => "|".to_string(),
        _ => ",".to_string(),
    };
    match format {
        FileType::Json => return read_json(text, false),
        FileType::JsonLines => return read_json(text, true),
        FileType::Sql => {
            return Err(Failure::new(
                "For SQL import, please pipe SQL input files to `dolt sql`",
            ));
        }
        _ => {}
    }
    let mut records = csv_reader::records(text, &delimiter)?.into_iter();
    let named: Option<Vec<String>> = p
        .get("columns")
        .map(|c| c.split(',').map(|n| n.trim().to_string()).collect());
    let columns = match (p.has("no-header"), named) {
        (true, Some(names)) => names,
        (true, None) => {
            return Err(Failure::new(match p.has("create-table") {
                true => {
                    "When using --no-header with -c (create table), you must also specify --columns to define column names"
                }
                false => {
                    "When using --no-header with existing tables, you must also specify --columns to define the order of columns in your CSV file"
                }
            }));
        }
        (false, named) => {
            let Some((_, header)) = records.next() else {
                return Err(Failure::new("Header line is empty"));
            };
            let mut names = Vec::with_capacity(header.len());
            for cell in header {
                match cell.map(|c| c.trim().to_string()).filter(|c| !c.is_empty()) {
                    Some(name) => names.push(name),
                    None => {
                        return Err(Failure::new(
                            "bad header line: column cannot be NULL or empty string",
                        ));
                    }
                }
            }
            named.unwrap_or(names)
        }
    };
    Ok(Source {
        columns,
        rows: records.collect(),
    })
}

/// A cell as the column takes it.
fn value(cell: &Option<String>, ty: Option<&SqlType>) -> Value<'static> {
    let Some(text) = cell else { return Value::Null };
    match ty {
        Some(SqlType::Int { .. } | SqlType::Bit(_)) if text.eq_ignore_ascii_case("true") => {
            Value::Int(1)
        }
        Some(SqlType::Int { .. } | SqlType::Bit(_)) if text.eq_ignore_ascii_case("false") => {
            Value::Int(0)
        }
        Some(SqlType::Bit(_)) => {
            let digits = text.trim_start_matches("b'").trim_end_matches('\'');
            let parsed = match (text.starts_with("b'"), text.strip_prefix("0x")) {
                (true, _) => u64::from_str_radix(digits, 2).ok(),
                (_, Some(hex)) => u64::from_str_radix(hex, 16).ok(),
                _ => text.parse().ok(),
            };
            parsed.map_or_else(|| Value::text(text.clone()), Value::UInt)
        }
        Some(t) if text.is_empty() && !is_text(t) => Value::Null,
        _ => Value::text(text.clone()),
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

fn create_statement(p: &Parsed, table: &str, source: &Source) -> Result<String, Failure> {
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
    let mut lines = Vec::new();
    for (i, name) in source.columns.iter().enumerate() {
        let is_key = keys.contains(name);
        let ty = match (p.has("all-text"), is_key) {
            (true, false) => "text".to_string(),
            (true, true) => "varchar(200)".to_string(),
            _ => infer::column_type(
                source
                    .rows
                    .iter()
                    .map(|(_, r)| r.get(i).and_then(Option::as_deref)),
            ),
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

fn mismatch(table: &str, known: &[(String, SqlType)], source: &Source) {
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

fn decode(bytes: Vec<u8>) -> String {
    let wide = |big: bool| -> String {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|p| {
                if big {
                    u16::from_be_bytes([p[0], p[1]])
                } else {
                    u16::from_le_bytes([p[0], p[1]])
                }
            })
            .collect();
        String::from_utf16_lossy(&units)
    };
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xff, 0xfe, ..] => wide(false),
        [0xfe, 0xff, ..] => wide(true),
        all => String::from_utf8_lossy(all).into_owned(),
    }
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
    let bytes = match file {
        Some(f) => std::fs::read(env.dir.join(f))
            .map_err(|_| Failure::new(format!("error: file '{f}' not found.")))?,
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes)?;
            bytes
        }
    };
    let mut source = read(&p, &decode(bytes), format).map_err(|e| {
        Failure::new(format!(
            "Error creating reader for {}.\ncause: {}",
            file.map_or("stdin".to_string(), |f| format!("csv file:'{f}'")),
            e.text
        ))
    })?;
    if let Some(path) = p.get("map") {
        let text = std::fs::read(env.dir.join(path))?;
        let map: BTreeMap<String, String> = serde_json::from_slice(&text)?;
        for c in &mut source.columns {
            if let Some(to) = map.get(c) {
                *c = to.clone();
            }
        }
    }
    let repo = Repository::open(env)?;
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

fn insert(
    repo: &Repository,
    p: &Parsed,
    operation: Operation,
    table: &str,
    known: &[(String, SqlType)],
    source: &Source,
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
    let marks = vec!["?"; places.len()].join(",");
    let mut sql = format!(
        "INSERT INTO {} ({}) VALUES ({marks})",
        quoted(table),
        names.join(",")
    );
    if operation == Operation::Update && !names.is_empty() {
        let list: Vec<String> = names.iter().map(|n| format!("{n} = VALUES({n})")).collect();
        sql += &format!(" ON DUPLICATE KEY UPDATE {}", list.join(", "));
    }
    let id = repo.session.prepare(sql.as_bytes())?.id;
    let (mut added, mut modified, mut same, mut skipped) = (0u64, 0u64, 0u64, Vec::new());
    for (line, row) in &source.rows {
        let params = places
            .iter()
            .map(|(i, (_, ty))| value(row.get(*i).unwrap_or(&None), Some(ty)))
            .collect();
        let mut sink = Counted(Rows::default(), 0);
        match repo.session.execute_prepared(id, params, &mut sink) {
            Ok(()) => match (operation, sink.1) {
                (Operation::Update, 0) => same += 1,
                (Operation::Update, 2) => modified += 1,
                _ => added += 1,
            },
            Err(_) if p.has("continue") => {
                let cells: Vec<&str> = row
                    .iter()
                    .map(|c| c.as_deref().unwrap_or("<nil>"))
                    .collect();
                skipped.push(format!("[{}]", cells.join(",")));
            }
            Err(e) => {
                let cells: String = source
                    .columns
                    .iter()
                    .zip(row)
                    .map(|(c, v)| format!("\t{c}: {}\n", v.as_deref().unwrap_or("<nil>")))
                    .collect();
                return Err(Failure::new(format!(
                    "A bad row was encountered inserting into table {table} (on line {line}):\n{cells}\nAn error occurred while moving data\ncause: {}\nErrors during import can be ignored using '--continue'",
                    e.message
                )));
            }
        }
    }
    repo.query("COMMIT")?;
    let processed = added + modified + same;
    eprintln!(
        "Rows Processed: {}, Additions: {}, Modifications: {}, Had No Effect: {}",
        with_commas(processed),
        with_commas(added),
        with_commas(modified),
        with_commas(same)
    );
    if !skipped.is_empty() {
        if !p.has("quiet") && !p.has("ignore-skipped-rows") {
            eprintln!("The following rows were skipped:");
            skipped.iter().for_each(|s| eprintln!("{s}"));
        }
        eprintln!("Lines skipped: {}", skipped.len());
    }
    Ok(())
}

/// Notes how many rows a statement changed.
struct Counted(Rows, u64);

impl engine::result::ResultSink for Counted {
    fn columns(&mut self, columns: &[engine::result::ColumnMeta]) -> engine::error::Result<()> {
        self.0.columns(columns)
    }
    fn row(
        &mut self,
        row: &dyn engine::result::Row,
    ) -> engine::error::Result<engine::result::Flow> {
        self.0.row(row)
    }
    fn done(&mut self, done: &engine::result::Done, _: bool) -> engine::error::Result<()> {
        self.1 = done.affected_rows;
        Ok(())
    }
}
