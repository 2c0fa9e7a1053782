//! `dolt conflicts` and `dolt constraints` (spec 06 §8.11).

use engine::result::ColumnMeta;
use values::{CollationId, LobSize, SqlType};

use crate::arguments::parse;
use crate::commands::options::{NONE, RESOLVE, VERIFY};
use crate::environment::Environment;
use crate::render::{Format, Printer, Renderer, Tabular};
use crate::repository::{Repository, Rows, literal, quoted};
use crate::{Failure, Outcome};

fn text_column(name: &str) -> ColumnMeta {
    ColumnMeta::computed(name, SqlType::Text(LobSize::Long, CollationId::DEFAULT))
}

fn print_conflicts(rows: &Rows) -> Result<(), Failure> {
    let position = |name: &str| rows.columns.iter().position(|c| c.name == name);
    // The columns of the three sides one after the other; a name's values stand in its first.
    let mut names: Vec<String> = Vec::new();
    for prefix in ["base_", "their_", "our_"] {
        let known = |name: &str| matches!(name, "our_diff_type" | "their_diff_type");
        let columns = rows.columns.iter().filter(|c| !known(&c.name));
        names.extend(columns.filter_map(|c| Some(c.name.strip_prefix(prefix)?.to_string())));
    }
    let mut columns = vec![text_column(" "), text_column(" ")];
    columns.extend(names.iter().map(|n| text_column(n)));
    let side = |row: usize, prefix: &str| -> Vec<Option<Vec<u8>>> {
        let cell = |(i, name): (usize, &String)| {
            let first = names.iter().position(|n| n == name) == Some(i);
            let at = position(&format!("{prefix}{name}")).filter(|_| first)?;
            Some(rows.rows[row][at].as_deref()?.as_bytes().to_vec())
        };
        names.iter().enumerate().map(cell).collect()
    };
    let mut out = std::io::stdout();
    let mut table = Tabular::default();
    table.begin(&columns, &mut out)?;
    for row in 0..rows.rows.len() {
        let kind = |name: &str| position(name).map_or("", |at| rows.text(row, at));
        let (ours, theirs) = (kind("our_diff_type"), kind("their_diff_type"));
        let mut print = |version: &str, prefix: &str, kind: &str| {
            let (mark, prefix) = match kind {
                "" => ("   ", prefix),
                "added" => (" + ", prefix),
                // A side that removed the row shows what it removed.
                "removed" => (" - ", "base_"),
                _ => (" * ", prefix),
            };
            let mut line = vec![
                Some(mark.as_bytes().to_vec()),
                Some(version.as_bytes().to_vec()),
            ];
            line.extend(side(row, prefix));
            table.row(line, &mut out)
        };
        if ours != "added" && theirs != "added" {
            print("base", "base_", "")?;
        }
        print("ours", "our_", ours)?;
        print("theirs", "their_", theirs)?;
    }
    table.end(&mut out)?;
    Ok(())
}

fn cat(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, NONE)?;
    if p.positional.is_empty() {
        println!("No tables specified\n Maybe you wanted to say 'dolt conflicts cat .'?");
        return super::misused("conflicts cat");
    }
    let repo = Repository::open(env)?;
    let status = repo.query("select is_merging, unmerged_tables from dolt_merge_status")?;
    let unmerged: Vec<&str> = status
        .text(0, 1)
        .split(", ")
        .filter(|t| !t.is_empty())
        .collect();
    let wanted: Vec<&str> = match p.positional.as_slice() {
        [dot] if dot == "." => unmerged.clone(),
        list => list.iter().map(String::as_str).collect(),
    };
    if status.text(0, 0) == "1" {
        for table in &wanted {
            let sql = format!(
                "select our_schema, their_schema, base_schema, description from dolt_schema_conflicts where table_name = {}",
                literal(table)
            );
            let mut out = std::io::stdout();
            let mut printer = Printer::new(Format::Tabular, &mut out);
            printer.spaced = false;
            repo.connection.execute(sql.as_bytes(), &mut printer)?;
        }
    }
    for table in unmerged.iter().filter(|t| wanted.contains(t)) {
        let name = quoted(&format!("dolt_conflicts_{table}"));
        let rows = repo.query(&format!("SELECT * from {name}"))?;
        if !rows.rows.is_empty() {
            print_conflicts(&rows)?;
        }
    }
    Ok(0)
}

fn resolve(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, RESOLVE)?;
    let repo = Repository::open(env)?;
    let side = match (p.has("ours"), p.has("theirs")) {
        (true, true) => return Err(Failure::new("specify only one from [ ours, theirs ]")),
        (true, _) => "--ours",
        (_, true) => "--theirs",
        _ => return Err(Failure::new("--ours or --theirs must be supplied")),
    };
    if p.positional.is_empty() {
        return Err(Failure::new(
            "specify at least one table to resolve conflicts",
        ));
    }
    repo.allow_conflicts()?;
    let mut args = vec![side.to_string()];
    args.extend(p.positional);
    repo.call("DOLT_CONFLICTS_RESOLVE", &args)
        .map_err(|e| Failure::caused("error: failed to resolve", &e.text))?;
    Ok(0)
}

/// Runs `conflicts`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    match super::subcommand(words, "conflicts", &["cat", "resolve"])? {
        Some(("cat", rest)) => cat(env, rest),
        Some((_, rest)) => resolve(env, rest),
        None => Ok(1),
    }
}

/// Runs `constraints`.
pub fn constraints(env: &Environment, words: &[String]) -> Outcome {
    let Some((_, rest)) = super::subcommand(words, "constraints", &["verify"])? else {
        return Ok(1);
    };
    let p = parse(rest, VERIFY)?;
    let repo = Repository::open(env)?;
    repo.allow_conflicts()?;
    // What is only shown is taken back at the end.
    repo.query("START TRANSACTION")?;
    let only_shown = p.has("output-only");
    let words = p.canonical();
    let words: Vec<&String> = words.iter().filter(|w| *w != "--output-only").collect();
    let rows = repo.call("DOLT_VERIFY_CONSTRAINTS", &words)?;
    let satisfied = rows.text(0, 0) == "0";
    if !satisfied {
        eprintln!("All constraints are not satisfied.");
        print_violations(&repo, &p.positional)?;
    }
    repo.query(if only_shown { "ROLLBACK" } else { "COMMIT" })?;
    Ok(u8::from(!satisfied))
}

/// Prints the violations of these tables, or of all.
fn print_violations(repo: &Repository, names: &[String]) -> Result<(), Failure> {
    let tables = repo.query("select `table` from dolt_constraint_violations")?;
    for i in 0..tables.rows.len() {
        let table = tables.text(i, 0);
        if !names.is_empty() && !names.iter().any(|n| n.eq_ignore_ascii_case(table)) {
            continue;
        }
        let name = format!("dolt_constraint_violations_{table}");
        println!("\n{name}");
        let from = quoted(&name);
        let all = repo.query(&format!("select * from {from} limit 0"))?;
        let columns = all.columns.iter().filter(|c| c.name != "from_root_ish");
        let columns: Vec<String> = columns.map(|c| quoted(&c.name)).collect();
        let mut out = std::io::stdout();
        let mut printer = Printer::new(Format::Tabular, &mut out);
        printer.spaced = false;
        let sql = format!("select {} from {from} limit 50", columns.join(", "));
        repo.connection.execute(sql.as_bytes(), &mut printer)?;
        let count = repo.query(&format!("select count(*) from {from}"))?;
        if count.text(0, 0).parse::<u64>().unwrap_or(0) > 50 {
            println!(
                "Over 50 constraint violations were found. Please query '{name}' to see them all."
            );
        }
    }
    Ok(())
}
