//! `dolt add` and `dolt rm` (spec 06 §8.3, §8.14).

use crate::arguments::parse;
use crate::commands::options::{ADD, RM};
use crate::environment::Environment;
use crate::repository::Repository;
use crate::{Failure, Outcome};

fn is_valid_table(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= 64
        && !name.ends_with(' ')
        && !name.contains(['\0', '\'', '`', '\\', '/', '\n', '\r'])
}

/// Runs `add`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, ADD)?;
    let repo = Repository::open(env)?;
    if p.has("patch") {
        return super::add_patch::run(&repo, p.positional);
    }
    repo.query("set @@dolt_force_transaction_commit = 1")?;
    if let Some(bad) = p
        .positional
        .iter()
        .find(|t| *t != "." && !is_valid_table(t))
    {
        return Err(Failure::new(format!("'{bad}' is not a valid table name")));
    }
    let mut args = Vec::new();
    if p.has("all") {
        args.push("-A".to_string());
    }
    if p.has("force") {
        args.push("-f".to_string());
    }
    args.extend(p.positional);
    repo.call("DOLT_ADD", &args)?;
    Ok(0)
}

/// Runs `rm`.
pub fn rm(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, RM)?;
    let repo = Repository::open(env)?;
    repo.call("DOLT_RM", &p.canonical())?;
    for table in &p.positional {
        match p.has("cached") {
            true => println!("removed '{table}' from tracking"),
            false => println!("dropped '{table}'"),
        }
    }
    Ok(0)
}
