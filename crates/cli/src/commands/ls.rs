//! `dolt ls` and `dolt blame` (spec 06 §8.14).

use crate::arguments::parse;
use crate::commands::options::{LS, NONE};
use crate::environment::Environment;
use crate::render::{Format, Printer};
use crate::repository::{Repository, literal, quoted};
use crate::{Failure, Outcome};

/// Runs `ls`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, LS)?.at_most("ls", 1)?;
    if p.has("system") && p.has("all") {
        return Err(Failure::new("--system and --all are mutually exclusive"));
    }
    let repo = Repository::open(env)?;
    if p.has("all") || !p.has("system") {
        let (label, root) = match p.positional.first() {
            None => ("working set".to_string(), repo.live_root(false)?),
            Some(rev) => (repo.commit_id(rev)?.hash().to_string(), repo.root(rev)?),
        };
        let tables = repo.tables_of(&root)?;
        let mut names: Vec<String> = tables.table_names();
        names.retain(|n| !n.to_lowercase().starts_with("dolt_"));
        let views = tables.views()?;
        names.extend(views.values().map(|v| v.name.clone()));
        names.sort();
        match names.is_empty() {
            true => println!("No tables in {label}"),
            false => println!("Tables in {label}:"),
        }
        for name in &names {
            if !p.has("verbose") {
                println!("\t {name}");
                continue;
            }
            let count = repo.query(&format!("select count(*) from {}", quoted(name)))?;
            println!("\t{name:<20}     {} rows", count.text(0, 0));
        }
    }
    if p.has("all") || p.has("system") {
        repo.query("set @@dolt_show_system_tables = 1")?;
        let sql = match p.positional.first() {
            Some(rev) => format!("show tables as of {}", literal(rev)),
            None => "show tables".to_string(),
        };
        let rows = repo.query(&sql)?;
        println!("System tables:");
        for i in 0..rows.rows.len() {
            if rows.text(i, 0).starts_with("dolt_") {
                println!("\t {}", rows.text(i, 0));
            }
        }
    }
    Ok(0)
}

/// Runs `blame`.
pub fn blame(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, NONE)?.at_most("blame", 2)?;
    let (rev, table) = match p.positional.as_slice() {
        [table] => ("HEAD", table),
        [rev, table] => (rev.as_str(), table),
        _ => return super::misused("blame"),
    };
    let repo = Repository::open(env)?;
    if repo.commit_id(rev).is_err() && model::RevSpec::parse(rev).is_err() {
        println!("Invalid reference provided");
        return Ok(1);
    }
    let sql = format!(
        "SELECT * FROM {} AS OF {}",
        quoted(&format!("dolt_blame_{table}")),
        literal(rev)
    );
    let mut out = std::io::stdout();
    let mut printer = Printer::new(Format::Tabular, &mut out);
    if let Err(e) = repo.connection.execute(sql.as_bytes(), &mut printer) {
        println!("{}", e.message);
        return Ok(1);
    }
    Ok(0)
}
