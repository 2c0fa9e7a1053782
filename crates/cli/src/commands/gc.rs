//! `dolt gc` (spec 06 §8.15).

use crate::arguments::parse;
use crate::commands::options::GC;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::{Failure, Outcome};

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, GC)?;
    if p.has("shallow") && p.has("full") {
        return Err(Failure::new(
            "Invalid Argument: --shallow is not compatible with --full",
        ));
    }
    let level = p.get("archive-level").unwrap_or("1");
    if level.parse::<i64>().is_err() {
        return Err(Failure::new(
            "Invalid Argument: --archive-level must be an integer",
        ));
    }
    let mut args = vec!["--archive-level".to_string(), level.to_string()];
    if let Some(size) = p.get("incremental-file-size") {
        if size.parse::<u64>().is_err() {
            return Err(Failure::new(
                "Invalid Argument: --incremental-file-size must be an unsigned integer",
            ));
        }
        args.extend(["--incremental-file-size".to_string(), size.to_string()]);
    }
    for option in ["shallow", "full"] {
        if p.has(option) {
            args.push(format!("--{option}"));
        }
    }
    Repository::open(env)?.call("DOLT_GC", &args)?;
    Ok(0)
}
