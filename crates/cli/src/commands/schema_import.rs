//! `dolt schema import` (spec 06 §10.2): a table whose columns are those of a file.

use std::fs::File;
use std::path::Path;

use engine::session::Session;

use crate::arguments::{Parsed, parse};
use crate::commands::options::SCHEMA_IMPORT;
use crate::commands::table_export::FileType;
use crate::commands::table_import::{Input, Source};
use crate::environment::Environment;
use crate::repository::{Repository, Rows, quoted};
use crate::style::{CYAN, on_terminal};
use crate::{Failure, Outcome, server_schemas};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Update,
    Replace,
}

/// A column of the table.
#[derive(Clone, PartialEq, Eq)]
struct Column {
    name: String,
    /// As `CREATE TABLE` shows it.
    ty: String,
    is_key: bool,
}

impl Column {
    fn definition(&self) -> String {
        let null = if self.is_key { " NOT NULL" } else { "" };
        format!("{} {}{null}", quoted(&self.name), self.ty)
    }
}

fn with_usage(failure: Failure) -> Failure {
    // The usage text comes whatever becomes of it.
    let _ = super::misused("schema");
    failure
}

fn operation(p: &Parsed) -> Result<Operation, Failure> {
    let all = [
        ("create", Operation::Create),
        ("update", Operation::Update),
        ("replace", Operation::Replace),
    ];
    let mut given = all.iter().filter(|(name, _)| p.has(name));
    match (given.next(), given.next()) {
        (Some((_, Operation::Create)), None) if p.has("keep-types") => Err(Failure::new(
            "error: parameter keep-types not supported for create operations\nkeep-types parameter is used to keep the existing column types as is without modification.",
        )),
        (Some((_, one)), None) => Ok(*one),
        (None, _) => Err(with_usage(Failure::new(
            "error: missing required parameter.\nMust provide exactly one of the operation flags '--create', or '--replace'",
        ))),
        (Some(_), Some(_)) => Err(with_usage(Failure::new(
            "error: multiple operations supplied\nOnly one of the flags '--create', '--update', or '--replace' may be provided",
        ))),
    }
}

fn keys(p: &Parsed) -> Result<Vec<&str>, Failure> {
    let Some(list) = p.get("pks") else {
        return Err(with_usage(Failure::new(
            "error: missing required parameter pks",
        )));
    };
    let names: Vec<&str> = list
        .split(',')
        .map(str::trim)
        .filter(|n| !n.is_empty())
        .collect();
    match names.is_empty() {
        true => Err(Failure::new(
            "error: no valid columns provided in --pks argument",
        )),
        false => Ok(names),
    }
}

fn float_threshold(p: &Parsed) -> Result<f64, Failure> {
    let text = p.get("float-threshold").unwrap_or("0.0");
    text.parse().map_err(|_| {
        with_usage(Failure::new(format!(
            "error: '{text}' is not a valid float in the range 0.0 (all floats) to 1.0 (no floats)"
        )))
    })
}

/// Columns of the file, of which none is in the key yet.
fn columns_of_file(env: &Environment, p: &Parsed, path: &Path) -> Result<Vec<Column>, Failure> {
    let threshold = float_threshold(p)?;
    let kind = match p.get("file-type") {
        Some(kind) => kind.trim_start_matches('.').to_string(),
        None => path
            .extension()
            .map_or(String::new(), |e| e.to_string_lossy().into_owned()),
    };
    let format = match FileType::of(&kind) {
        Some(format @ (FileType::Csv | FileType::Psv)) => format,
        _ => {
            return Err(Failure::new(format!(
                "error: unsupported file type '{kind}'"
            )));
        }
    };
    let file = File::open(path)
        .map_err(|_| Failure::new(format!("error: failed to open '{}'", path.display())))?;
    let mut source = Source::open(p, Input::of(file), format)
        .map_err(|e| Failure::caused("error: failed to create a CSVReader.", &e.text))?;
    let types = source
        .types(threshold)
        .map_err(|e| Failure::caused("error: failed to infer schema", &e.text))?;
    if let Some(map) = p.get("map") {
        source.map_columns(&env.dir.join(map))?;
    }
    let names = source.columns.into_iter();
    let columns: Vec<Column> = names
        .zip(types)
        .map(|(name, ty)| Column {
            name,
            ty,
            is_key: false,
        })
        .collect();
    Ok(columns)
}

/// Refuses columns that a table cannot hold beside each other.
fn check_names(columns: &[&Column]) -> Result<(), Failure> {
    let mut seen = std::collections::HashSet::new();
    match columns.iter().all(|c| seen.insert(c.name.to_lowercase())) {
        true => Ok(()),
        false => Err(Failure::caused(
            "invalid schema",
            "two different columns with the same name exist",
        )),
    }
}

fn create_statement(table: &str, columns: &[Column]) -> Result<String, Failure> {
    check_names(&columns.iter().collect::<Vec<_>>())?;
    let mut lines: Vec<String> = columns.iter().map(Column::definition).collect();
    let keys: Vec<String> = columns
        .iter()
        .filter(|c| c.is_key)
        .map(|c| quoted(&c.name))
        .collect();
    if !keys.is_empty() {
        lines.push(format!("PRIMARY KEY ({})", keys.join(",")));
    }
    Ok(format!(
        "CREATE TABLE {} ({})",
        quoted(table),
        lines.join(", ")
    ))
}

/// The statement that gives an existing table the columns of a file; none if it has them.
fn alter_statement(
    operation: Operation,
    keep_types: bool,
    table: &str,
    existing: &[Column],
    inferred: &[Column],
) -> Result<Option<String>, Failure> {
    let of_name = |list: &[Column], name: &str| list.iter().find(|c| c.name == name).cloned();
    let stays = |old: &Column| match of_name(inferred, &old.name) {
        Some(new) => keep_types || new.ty == old.ty,
        None => operation == Operation::Update,
    };
    let (kept, dropped): (Vec<&Column>, Vec<&Column>) = existing.iter().partition(|c| stays(c));
    let added: Vec<&Column> = inferred
        .iter()
        .filter(|new| !kept.iter().any(|old| old.name == new.name))
        .collect();
    if dropped.iter().any(|c| c.is_key) {
        return Err(Failure::new(
            "input primary keys do not match primary keys of existing table",
        ));
    }
    let all: Vec<&Column> = kept.iter().chain(&added).copied().collect();
    check_names(&all)?;
    let drops = dropped
        .iter()
        .map(|c| format!("DROP COLUMN {}", quoted(&c.name)));
    let adds = added
        .iter()
        .map(|c| format!("ADD COLUMN {}", c.definition()));
    let changes: Vec<String> = drops.chain(adds).collect();
    Ok(match changes.is_empty() {
        true => None,
        false => Some(format!(
            "ALTER TABLE {} {}",
            quoted(table),
            changes.join(", ")
        )),
    })
}

/// Columns of a table that exists, and the statement that makes it.
fn existing_table(
    repo: &Repository,
    table: &str,
) -> Result<Option<(Vec<Column>, String)>, Failure> {
    let tables = repo.tables_of(&repo.live_root(false)?)?;
    let Some(found) = tables.table(table)? else {
        return Ok(None);
    };
    let Some(text) = engine::show::create_table_text(&*repo.schema_session()?, &tables, table)?
    else {
        return Ok(None);
    };
    let rows = repo.query(&format!("SHOW FULL COLUMNS FROM {}", quoted(table)))?;
    let columns = found.def.columns.iter().filter_map(|c| {
        let at = (0..rows.rows.len()).find(|i| rows.text(*i, 0) == c.name)?;
        // An inferred type names its character set where it is not the usual one.
        let ty = match (rows.text(at, 1), rows.text(at, 2)) {
            (ty, "ascii_bin") => format!("{ty} CHARACTER SET ascii COLLATE ascii_bin"),
            (ty, _) => ty.to_string(),
        };
        Some(Column {
            name: c.name.clone(),
            ty,
            is_key: rows.text(at, 4) == "PRI",
        })
    });
    Ok(Some((columns.collect(), text)))
}

/// The text of the table that statements make, tried out where nothing is kept.
fn tried_out(table: &str, statements: &[&str]) -> Result<String, Failure> {
    let session = server_schemas::session();
    let run = |session: &Session, sql: &str| -> Result<Rows, Failure> {
        let mut rows = Rows::default();
        session
            .execute(sql.as_bytes(), false, &mut rows)
            .map_err(|e| Failure::caused("invalid schema", &e.message))?;
        Ok(rows)
    };
    for sql in [
        "CREATE DATABASE tried",
        "USE tried",
        "SET foreign_key_checks = 0",
    ]
    .iter()
    .chain(statements)
    {
        run(&session, sql)?;
    }
    let shown = run(&session, &format!("SHOW CREATE TABLE {}", quoted(table)))?;
    Ok(shown.text(0, 1).to_string())
}

/// Runs `schema import`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, SCHEMA_IMPORT)?.at_most("import", 2)?;
    let [table, file] = p.positional.as_slice() else {
        return super::misused("schema");
    };
    super::require_repository(env)?;
    let path = env.dir.join(file);
    if !path.exists() {
        return Err(Failure::new(format!("error: file '{file}' not found.")));
    }
    if table.to_lowercase().starts_with("dolt_") {
        return Err(Failure::new(format!(
            "'{table}' is not a valid table name\ntable names beginning with dolt_ are reserved for internal use"
        )));
    }
    let operation = operation(&p)?;
    let repo = Repository::open(env)?;
    let existing = existing_table(&repo, table)?;
    match (&existing, operation) {
        (Some(_), Operation::Create) => {
            return Err(Failure::new(format!(
                "error: failed to create table.\nA table named '{table}' already exists.\nUse --replace or --update instead of --create."
            )));
        }
        (None, Operation::Update | Operation::Replace) => {
            return Err(Failure::new(format!("table not found: {table}")));
        }
        (Some(_), _) => {
            let any = repo.query(&format!("SELECT 1 FROM {} LIMIT 1", quoted(table)))?;
            if !any.rows.is_empty() {
                return Err(Failure::new(format!(
                    "This operation will delete all row data. If this is your intent, run dolt sql -q 'delete from {table}' to delete all row data, then re-run this command."
                )));
            }
        }
        (None, Operation::Create) => {}
    }
    let keys = keys(&p)?;
    let mut columns = columns_of_file(env, &p, &path)?;
    let (before, change) = match &existing {
        None => {
            for column in &mut columns {
                column.is_key = keys.contains(&column.name.as_str());
            }
            (None, Some(create_statement(table, &columns)?))
        }
        Some((known, text)) => {
            let keep = p.has("keep-types");
            let change = alter_statement(operation, keep, table, known, &columns)?;
            (Some(text.as_str()), change)
        }
    };
    let statements: Vec<&str> = before.into_iter().chain(change.as_deref()).collect();
    println!("{};", tried_out(table, &statements)?);
    if !p.has("dry-run") {
        if let Some(sql) = &change {
            repo.query(sql)?;
        }
        eprintln!("{}", on_terminal(CYAN, "Created table successfully."));
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, ty: &str) -> Column {
        Column {
            name: name.into(),
            ty: ty.into(),
            is_key: name == "pk",
        }
    }

    #[test]
    fn existing_columns_stay_go_or_change() {
        let old = [
            column("pk", "int"),
            column("a", "int"),
            column("b", "float"),
        ];
        let mut new = [
            column("pk", "int"),
            column("a", "varchar(200)"),
            column("c", "date"),
        ];
        new[0].is_key = false;
        let alter = |operation, keep| {
            alter_statement(operation, keep, "t", &old, &new)
                .ok()
                .flatten()
                .expect("a statement")
        };
        assert_eq!(
            alter(Operation::Update, false),
            "ALTER TABLE `t` DROP COLUMN `a`, ADD COLUMN `a` varchar(200), ADD COLUMN `c` date"
        );
        assert_eq!(
            alter(Operation::Update, true),
            "ALTER TABLE `t` ADD COLUMN `c` date"
        );
        assert_eq!(
            alter(Operation::Replace, true),
            "ALTER TABLE `t` DROP COLUMN `b`, ADD COLUMN `c` date"
        );
        let without_key = &new[1..];
        let refused = alter_statement(Operation::Replace, true, "t", &old, without_key);
        assert!(refused.is_err_and(|e| e.text.contains("primary keys")));
        let twice = [column("x", "int"), column("X", "int")];
        assert!(create_statement("t", &twice).is_err_and(|e| e.text.contains("invalid schema")));
    }
}
