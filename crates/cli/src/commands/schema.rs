//! `dolt schema` (spec 06 §8.14).

use std::fmt::Write;

use crate::arguments::parse;
use crate::commands::options::NONE;
use crate::environment::Environment;
use crate::repository::{Repository, is_hidden};
use crate::style::{BOLD, YELLOW, on_terminal};
use crate::{Failure, Outcome};

fn show(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, NONE)?;
    let repo = Repository::open(env)?;
    let mut names = p.positional.clone();
    let (mut label, mut root) = ("working".to_string(), repo.live_root(false)?);
    if let Some(first) = names.first()
        && repo.commit_id(first).is_ok()
    {
        root = repo.root(first)?;
        label = names.remove(0);
    }
    let tables = repo.tables_of(&root)?;
    if names.is_empty() {
        names = tables.table_names();
        names.sort();
        names.retain(|n| n != "dolt_docs");
        if names.is_empty() {
            println!("No tables in working set");
            return Ok(0);
        }
    }
    let mut missing = Vec::new();
    for name in names.iter().filter(|n| !is_hidden(n)) {
        match engine::show::create_table_text(&*repo.schema_session()?, &tables, name)? {
            Some(text) => println!("{} @ {label}\n{text};\n", on_terminal(BOLD, name)),
            None => missing.push(name),
        }
    }
    missing
        .iter()
        .for_each(|n| eprintln!("{}", on_terminal(YELLOW, &format!("{n} not found"))));
    Ok(0)
}

fn export(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, NONE)?;
    let (table, file) = match p.positional.as_slice() {
        [] => (None, None),
        [one] if one.contains('.') => (None, Some(one)),
        [one] => (Some(one), None),
        [table, file] => (Some(table), Some(file)),
        _ => return Err(Failure::new("schema export takes at most two parameters.")),
    };
    let repo = Repository::open(env)?;
    let tables = repo.tables_of(&repo.live_root(false)?)?;
    let names = match table {
        Some(t) if t.to_lowercase().starts_with("dolt_") => {
            return Err(Failure::new(format!("{t} not found")));
        }
        Some(t) => vec![t.clone()],
        None => {
            let mut names = tables.table_names();
            names.sort();
            names.retain(|n| !n.to_lowercase().starts_with("dolt_"));
            names
        }
    };
    let mut text = String::new();
    for name in &names {
        match engine::show::create_table_text(&*repo.schema_session()?, &tables, name)? {
            Some(t) => writeln!(text, "{t};")?,
            None => return Err(Failure::new(format!("table not found: {name}"))),
        }
    }
    match file {
        Some(path) => std::fs::write(env.dir.join(path), text)?,
        None => print!("{text}"),
    }
    Ok(0)
}

fn tags(env: &Environment, words: &[String]) -> Outcome {
    use crate::arguments::{Option_, value};
    use crate::render::{Csv, JsonRows, Renderer, Tabular};
    const OPTIONS: &[Option_] = &[value("result-format", "r")];
    let p = parse(words, OPTIONS)?;
    let repo = Repository::open(env)?;
    let tables = repo.tables_of(&repo.live_root(false)?)?;
    let mut names = tables.table_names();
    names.sort();
    names.retain(|n| match p.positional.is_empty() {
        true => !n.to_lowercase().starts_with("dolt_"),
        false => p.positional.iter().any(|t| t.eq_ignore_ascii_case(n)),
    });
    let text = values::SqlType::Text(values::LobSize::Long, values::CollationId::DEFAULT);
    let number = values::SqlType::Int {
        width: values::IntWidth::Big,
        unsigned: true,
        bool_width: false,
    };
    let columns = [("table", &text), ("column", &text), ("tag", &number)]
        .map(|(n, t)| engine::result::ColumnMeta::computed(n, t.clone()));
    let mut out = std::io::stdout();
    let mut table: Box<dyn Renderer> = match p.get("result-format").unwrap_or("tabular") {
        "csv" => Box::new(Csv),
        "json" => Box::new(JsonRows::default()),
        _ => Box::new(Tabular::default()),
    };
    table.begin(&columns, &mut out)?;
    for name in &names {
        let Some(t) = tables.table(name)? else {
            continue;
        };
        for c in &t.def.columns {
            let cells = [name.clone(), c.name.clone(), c.tag.to_string()];
            table.row(
                cells.into_iter().map(|c| Some(c.into_bytes())).collect(),
                &mut out,
            )?;
        }
    }
    table.end(&mut out)?;
    Ok(0)
}

fn update_tag(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, NONE)?;
    let [table, column, tag] = p.positional.as_slice() else {
        return Err(Failure::new("must provide <table> <column> <tag>"));
    };
    let repo = Repository::open(env)?;
    repo.call("DOLT_UPDATE_COLUMN_TAG", &[table, column, tag])?;
    Ok(0)
}

/// Runs `schema`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    match super::subcommand(
        words,
        "schema",
        &["show", "export", "tags", "update-tag", "import"],
    )? {
        Some(("show", rest)) => show(env, rest),
        Some(("export", rest)) => export(env, rest),
        Some(("tags", rest)) => tags(env, rest),
        Some(("update-tag", rest)) => update_tag(env, rest),
        Some((_, rest)) => super::schema_import::run(env, rest),
        None => Ok(1),
    }
}
