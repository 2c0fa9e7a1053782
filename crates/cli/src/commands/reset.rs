//! `dolt reset` and `dolt clean` (spec 06 §8.5).

use crate::arguments::parse;
use crate::commands::options::{CLEAN, RESET};
use crate::commands::status::Status;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::{Failure, Outcome};

/// Runs `reset`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, RESET)?;
    if p.has("hard") && p.has("soft") {
        return Err(Failure::new(
            "error: --hard and --soft are mutually exclusive options.",
        ));
    }
    let failed = |cause: &str| Failure::caused("error: Failed to reset changes.", cause);
    for option in ["hard", "soft"] {
        if p.has(option) && p.positional.len() > 1 {
            return Err(failed(&format!(
                "--{option} supports at most one additional param"
            )));
        }
    }
    let repo = Repository::open(env)?;
    let mut args: Vec<String> = Vec::new();
    for option in ["hard", "soft"] {
        if p.has(option) {
            args.push(format!("--{option}"));
        }
    }
    args.extend(p.positional.iter().cloned());
    repo.call("DOLT_RESET", &args)
        .map_err(|e| match p.positional.as_slice() {
            [one] if !p.has("hard") && !p.has("soft") => {
                let _ = e;
                Failure::new(format!("Invalid Ref or Table:\n\t{one}"))
            }
            _ => failed(&e.text),
        })?;
    if let Ok(status) = Status::of(&repo) {
        let lines = status.short_lines();
        if !lines.is_empty() {
            println!("Unstaged changes after reset:\n{}", lines.join("\n"));
        }
    }
    Ok(0)
}

/// Runs `clean`.
pub fn clean(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, CLEAN)?;
    let repo = Repository::open(env)?;
    let mut args: Vec<String> = Vec::new();
    if p.has("dry-run") {
        args.push("--dry-run".into());
    }
    if p.has("x") {
        args.push("-x".into());
    }
    args.extend(p.positional);
    if let Err(e) = repo.call("DOLT_CLEAN", &args) {
        println!("{}", e.text);
        return Ok(1);
    }
    Ok(0)
}
