//! `dolt docs` (spec 06 §8.14).

use crate::Failure;
use crate::Outcome;
use crate::arguments::parse;
use crate::commands::options::NONE;
use crate::environment::Environment;
use crate::line_diff;
use crate::repository::{Repository, literal};

const NAMES: [&str; 3] = ["README.md", "LICENSE.md", "AGENT.md"];

fn known(name: &str) -> Result<&'static str, Failure> {
    NAMES
        .iter()
        .find(|n| n.eq_ignore_ascii_case(name))
        .copied()
        .ok_or_else(|| {
            Failure::new(format!(
                "invalid doc name '{name}', valid names are (README.md, LICENSE.md, AGENT.md)"
            ))
        })
}

fn text(repo: &Repository, name: &str, at: &str) -> Result<Option<String>, Failure> {
    let sql = format!(
        "select doc_text from dolt_docs{at} where doc_name = {}",
        literal(name)
    );
    let rows = repo.query(&sql)?;
    Ok(rows.rows.first().and_then(|r| r[0].clone()))
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let Some((verb, rest)) = super::subcommand(words, "docs", &["diff", "print", "upload"])? else {
        return Ok(1);
    };
    let p = parse(rest, NONE)?;
    let repo = Repository::open(env)?;
    match (verb, p.positional.as_slice()) {
        ("print", [name]) => {
            let name = known(name)?;
            match text(&repo, name, "")? {
                Some(t) => print!("{t}"),
                None => return Err(Failure::new("no dolt docs in this database")),
            }
        }
        ("upload", [name, file]) => {
            let name = known(name)?;
            let content = std::fs::read_to_string(env.dir.join(file))?;
            repo.query(&format!(
                "replace into dolt_docs values ({}, {})",
                literal(name),
                literal(&content)
            ))?;
        }
        ("diff", [name]) => {
            let name = known(name)?;
            let old = text(&repo, name, " as of 'HEAD'")
                .unwrap_or_default()
                .unwrap_or_default();
            let new = text(&repo, name, "")?.unwrap_or_default();
            if old != new {
                println!("{}", line_diff::marked(&old, &new));
            }
        }
        _ => return super::misused("docs"),
    }
    Ok(0)
}
