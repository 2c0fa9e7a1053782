//! `dolt remote` (spec 06 §8.13): the list of remotes.

use crate::arguments::parse;
use crate::commands::options::REMOTE;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::{Failure, Outcome};

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, REMOTE)?;
    let repo = Repository::open(env)?;
    if p.positional.is_empty() {
        for (name, remote) in repo.with_store(|s| Ok(s.repo_state()))?.remotes {
            if !p.has("verbose") {
                println!("{name}");
                continue;
            }
            let params = match remote.params.is_empty() {
                true => String::new(),
                false => serde_json::to_string(&remote.params)?,
            };
            println!("{name} {} {params}", remote.url);
        }
        return Ok(0);
    }
    let name = p.positional.get(1).map_or("", String::as_str);
    repo.call("DOLT_REMOTE", &p.canonical()).map_err(|e| match e.text.as_str() {
        "remote already exists" => Failure::new(format!(
            "error: a remote named '{name}' already exists.\nremove it before running this command again"
        )),
        "remote name invalid" => Failure::new(format!("error: invalid remote name: {name}")),
        text if text.starts_with("error: unknown remote") => {
            Failure::new(format!("error: unknown remote: '{name}' "))
        }
        _ => e,
    })?;
    Ok(0)
}
