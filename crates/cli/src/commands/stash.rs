//! `dolt stash` (spec 06 §8.12).

use crate::arguments::parse;
use crate::commands::options::STASH;
use crate::commands::status;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::{Failure, Outcome};

/// The list that the command line keeps its stashes in.
const LIST: &str = "dolt-cli";

/// The number in `stash@{2}` or `2`.
fn index(text: &str) -> Result<usize, Failure> {
    let number = text
        .strip_prefix("stash@{")
        .and_then(|t| t.strip_suffix('}'))
        .unwrap_or(text);
    number
        .parse()
        .map_err(|_| Failure::new(format!("error: {text} is not a valid reference")))
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, STASH)?;
    let repo = Repository::open(env)?;
    let verb = p.positional.first().map_or("push", String::as_str);
    let list = || repo.query("select stash_id, branch, hash, commit_message from dolt_stashes");
    match verb {
        "push" => {
            let mut args = vec!["push".to_string(), LIST.to_string()];
            if p.has("include-untracked") {
                args.push("-u".into());
            }
            if p.has("all") {
                args.push("-a".into());
            }
            match repo.call("DOLT_STASH", &args) {
                Err(e) if e.text == "No local changes to save" => {
                    println!("{}", e.text);
                    return Ok(0);
                }
                other => other?,
            };
            let head = repo.head()?;
            let message = repo.commit(head)?.meta.message;
            println!(
                "Saved working directory and index state WIP on refs/heads/{}: {} {message}",
                repo.branch()?,
                head.hash()
            );
        }
        "list" => {
            let rows = list()?;
            for i in 0..rows.rows.len() {
                let branch = rows.text(i, 1);
                let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
                println!(
                    "{}: WIP on refs/heads/{branch}: {} {}",
                    rows.text(i, 0),
                    rows.text(i, 2),
                    rows.text(i, 3)
                );
            }
        }
        "clear" => {
            repo.call("DOLT_STASH", &["clear", LIST])?;
        }
        "pop" | "apply" | "drop" => {
            let n = index(p.positional.get(1).map_or("0", String::as_str))?;
            let rows = list()?;
            if rows.rows.is_empty() {
                return Err(Failure::new("no stash entries found"));
            }
            if n >= rows.rows.len() {
                return Err(Failure::new(format!(
                    "stash index stash@{{{n}}} does not exist"
                )));
            }
            let hash = rows.text(n, 2).to_string();
            repo.call("DOLT_STASH", &[verb, LIST, &n.to_string()])?;
            if verb != "drop" {
                status::print(&repo, false)?;
            }
            if verb != "apply" {
                println!("Dropped refs/stash@{{{n}}} ({hash})");
            }
        }
        other => return Err(Failure::new(format!("unknown stash subcommand {other}"))),
    }
    Ok(0)
}
