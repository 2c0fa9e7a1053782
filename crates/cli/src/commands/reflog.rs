//! `dolt reflog`.

use crate::arguments::parse;
use crate::commands::options::REFLOG;
use crate::environment::Environment;
use crate::repository::{Repository, literal};
use crate::style::{YELLOW, on_terminal};
use crate::{Failure, Outcome};

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, REFLOG)?;
    if p.positional.len() > 1 {
        return Err(Failure::new(format!(
            "error: reflog has too many positional arguments. Expected at most 1, found {}: {}",
            p.positional.len(),
            p.positional.join(", ")
        )));
    }
    let repo = Repository::open(env)?;
    let mut args: Vec<String> = p.positional.iter().map(|name| literal(name)).collect();
    if p.has("all") {
        args.push("'--all'".into());
    }
    let head = repo.query("SELECT hashof('HEAD')")?;
    let head = head.text(0, 0).to_string();
    let rows = repo.query(&format!(
        "SELECT ref, commit_hash, commit_message FROM dolt_reflog({})",
        args.join(", ")
    ))?;
    for i in 0..rows.rows.len() {
        let (full, hash) = (rows.text(i, 0), rows.text(i, 1));
        let name = decorated(full);
        let place = match head == hash {
            true => format!("(HEAD -> {name})"),
            false => format!("({name})"),
        };
        println!("{} {place} {}", on_terminal(YELLOW, hash), rows.text(i, 2));
    }
    Ok(0)
}

/// A ref as it is shown.
fn decorated(full: &str) -> String {
    if let Some(tag) = full.strip_prefix("refs/tags/") {
        return format!("tag: {tag}");
    }
    if let Some(workspace) = full.strip_prefix("refs/workspaces/") {
        return format!("workspace: {workspace}");
    }
    let short = ["refs/heads/", "refs/remotes/"]
        .iter()
        .find_map(|p| full.strip_prefix(p));
    short.unwrap_or(full).to_string()
}
