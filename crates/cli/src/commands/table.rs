//! `dolt table cp`, `mv` and `rm` (spec 06 §8.14).

use crate::arguments::parse;
use crate::commands::options::{NONE, TABLE_MOVE};
use crate::environment::Environment;
use crate::repository::{Repository, quoted};
use crate::{Failure, Outcome};

/// Runs statements as `dolt sql -q` does.
fn run_all(repo: &Repository, statements: &[String]) -> Outcome {
    for sql in statements {
        repo.query(sql)
            .map_err(|e| Failure::new(format!("error on line 1 for query {sql}: {}", e.text)))?;
    }
    Ok(0)
}

fn cp_or_mv(env: &Environment, words: &[String], copy: bool) -> Outcome {
    let p = parse(words, TABLE_MOVE)?;
    let [old, new] = p.positional.as_slice() else {
        return super::misused(if copy { "table cp" } else { "table mv" });
    };
    let repo = Repository::open(env)?;
    if repo.live_root(false)?.find_table(old)?.is_none() && !old.starts_with("dolt_") {
        return Err(Failure::new(format!("table not found: {old}")));
    }
    if new.to_lowercase().starts_with("dolt_") {
        return Err(Failure::new(format!(
            "Invalid table name {new}. Table names beginning with `dolt_` are reserved for internal use"
        )));
    }
    let (old, new) = (quoted(old), quoted(new));
    let mut statements = Vec::new();
    if p.has("force") {
        statements.push(format!("DROP TABLE IF EXISTS {new}"));
    }
    match copy {
        true => {
            statements.push(format!("CREATE TABLE {new} LIKE {old}"));
            statements.push(format!("INSERT INTO {new} SELECT * FROM {old}"));
        }
        false => statements.push(format!("RENAME TABLE {old} TO {new}")),
    }
    run_all(&repo, &statements)
}

fn rm(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, NONE)?;
    if p.positional.is_empty() {
        return super::misused("table rm");
    }
    let read_only = |t: &str| {
        [
            "dolt_log",
            "dolt_diff",
            "dolt_status",
            "dolt_branches",
            "dolt_commits",
            "dolt_conflicts",
            "dolt_remotes",
            "dolt_merge_status",
        ]
        .contains(&t)
            || [
                "dolt_diff_",
                "dolt_history_",
                "dolt_conflicts_",
                "dolt_blame_",
                "dolt_commit_diff_",
            ]
            .iter()
            .any(|x| t.starts_with(x))
    };
    if let Some(t) = p.positional.iter().find(|t| read_only(t)) {
        return Err(Failure::caused(
            format!("error removing table {t}"),
            "system tables cannot be dropped or altered",
        ));
    }
    let repo = Repository::open(env)?;
    let statements: Vec<String> = p
        .positional
        .iter()
        .map(|t| format!("DROP TABLE {}", quoted(t)))
        .collect();
    run_all(&repo, &statements)
}

/// Runs `table`.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    const NAMES: &[&str] = &["import", "export", "rm", "mv", "cp"];
    let chosen = super::subcommand(words, "table", NAMES)?;
    if chosen.is_some() {
        super::require_repository(env)?;
    }
    match chosen {
        Some(("import", rest)) => super::table_import::run(env, rest),
        Some(("export", rest)) => super::table_export::run(env, rest),
        Some(("rm", rest)) => rm(env, rest),
        Some(("mv", rest)) => cp_or_mv(env, rest, false),
        Some((_, rest)) => cp_or_mv(env, rest, true),
        None => Ok(1),
    }
}
