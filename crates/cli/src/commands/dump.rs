//! `dolt dump` (spec 06 §8.14).

use std::io::Write;

use engine::root_state::RootState;

use crate::arguments::parse;
use crate::commands::options::DUMP;
use crate::commands::table_export::{FileType, TableFile};
use crate::environment::Environment;
use crate::repository::{Repository, quoted};
use crate::{Failure, Outcome};

/// Rows of one INSERT.
const BATCH: usize = 10_000;

/// The columns of a table that can be inserted: all but the generated ones.
pub fn stored_columns(tables: &RootState, table: &str) -> Result<String, Failure> {
    let Some(found) = tables.table(table)? else {
        return Ok("*".to_string());
    };
    let columns = &found.table.schema().columns;
    let stored = columns.iter().filter(|c| !c.generated && !c.hidden_system);
    let names: Vec<String> = stored.map(|c| quoted(&c.name)).collect();
    Ok(names.join(", "))
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, DUMP)?.at_most("dump", 0)?;
    let name = p.get("result-format").unwrap_or("sql").to_lowercase();
    let name = name.trim_start_matches('.').to_string();
    let format = match name.as_str() {
        "sql" => FileType::Sql,
        "csv" => FileType::Csv,
        "json" => FileType::Json,
        "parquet" => FileType::Parquet,
        _ => return Err(Failure::new("invalid result format")),
    };
    if p.has("directory") && p.has("file-name") {
        return Err(Failure::new("cannot pass both directory and file names"));
    }
    if format != FileType::Sql && p.has("schema-only") {
        return Err(Failure::new(format!(
            "schema-only dump is not supported for {name} exports"
        )));
    }
    if format == FileType::Sql && p.has("directory") {
        return Err(Failure::new("directory is not supported for sql exports"));
    }
    if format != FileType::Sql && p.has("file-name") {
        return Err(Failure::new(format!(
            "file-name is not supported for {name} exports"
        )));
    }
    let repo = Repository::open(env)?;
    let tables = repo.tables_of(&repo.live_root(false)?)?;
    let mut names = tables.table_names();
    names.sort();
    names.retain(|n| !n.to_lowercase().starts_with("dolt_"));
    let views = tables.views()?;
    if names.is_empty() && views.is_empty() {
        eprintln!("No tables to export.");
        return Ok(0);
    }
    let taken = |path: &std::path::Path, shown: &str| match path.exists() && !p.has("force") {
        true => Err(Failure::new(format!(
            "{shown} already exists. Use -f to overwrite."
        ))),
        false => Ok(()),
    };
    if format != FileType::Sql {
        let dir = p.get("directory").unwrap_or("doltdump");
        let path = env.dir.join(dir);
        let files: Vec<_> = names.iter().map(|n| (n, format!("{n}.{name}"))).collect();
        std::fs::create_dir_all(&path)?;
        for (table, file) in &files {
            taken(&path.join(file), &format!("{dir}/{file}"))?;
            let query = format!("select * from {}", quoted(table));
            let mut out = std::io::BufWriter::new(std::fs::File::create(path.join(file))?);
            TableFile::new(table, format, 1, &mut out).write(&repo, &query)?;
            out.flush()?;
        }
        eprintln!("Successfully exported data.");
        return Ok(0);
    }
    let schema_only = p.has("schema-only");
    let file = p.get("file-name").map_or_else(
        || {
            if schema_only {
                "doltdump_schema_only.sql"
            } else {
                "doltdump.sql"
            }
            .to_string()
        },
        |f| {
            if f.ends_with(".sql") {
                f.to_string()
            } else {
                format!("{f}.sql")
            }
        },
    );
    let path = env.dir.join(&file);
    taken(&path, &file)?;
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path)?);
    if !p.has("no-create-db") {
        let db = quoted(&repo.db()?.handle.name);
        writeln!(out, "CREATE DATABASE IF NOT EXISTS {db}; USE {db}; ")?;
    }
    writeln!(out, "SET FOREIGN_KEY_CHECKS=0;\nSET UNIQUE_CHECKS=0;")?;
    for table in &names {
        let text = engine::show::create_table_text(&*repo.session()?, &tables, table)?;
        writeln!(
            out,
            "DROP TABLE IF EXISTS {};\n{};",
            quoted(table),
            text.unwrap_or_default()
        )?;
        if schema_only {
            continue;
        }
        if p.has("no-autocommit") {
            writeln!(out, "SET AUTOCOMMIT=0;")?;
        }
        let query = format!(
            "select {} from {}",
            stored_columns(&tables, table)?,
            quoted(table)
        );
        let rows = if p.has("no-batch") { 1 } else { BATCH };
        TableFile::new(table, format, rows, &mut out).write(&repo, &query)?;
        if p.has("no-autocommit") {
            writeln!(out, "COMMIT;\n")?;
        }
    }
    let mut views: Vec<_> = views.values().collect();
    views.sort_by(|a, b| a.name.cmp(&b.name));
    for view in views {
        writeln!(
            out,
            "DROP VIEW IF EXISTS {};\n{};",
            quoted(&view.name),
            view.fragment
        )?;
    }
    out.flush()?;
    eprintln!("Successfully exported data.");
    Ok(0)
}
