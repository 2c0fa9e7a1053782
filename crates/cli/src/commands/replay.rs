//! `dolt cherry-pick` and `dolt revert` (spec 06 §8.12).

use crate::arguments::parse;
use crate::commands::options::{CHERRY_PICK, REVERT};
use crate::commands::status::Status;
use crate::commit_text::print_head;
use crate::environment::Environment;
use crate::repository::{Repository, Rows};
use crate::{Failure, Outcome};

const NOT_CLEAN: &str = "error: Unable to apply commit cleanly due to conflicts or constraint violations. Please resolve the conflicts and/or constraint violations, then use `dolt add` to add the tables to the staged set, and `dolt cherry-pick --continue` to complete the cherry-pick. \nTo undo all changes from this cherry-pick operation, use `dolt cherry-pick --abort`.\nFor more information on handling conflicts, see: https://docs.dolthub.com/concepts/dolt/git/conflicts";

fn is_clean(rows: &Rows) -> bool {
    (1..4).all(|i| rows.text(0, i) == "0")
}

/// Runs `cherry-pick`.
pub fn cherry_pick(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, CHERRY_PICK)?;
    let repo = Repository::open(env)?;
    if p.has("abort") && p.has("continue") {
        return Err(Failure::new("error: --continue and --abort are mutually exclusive"));
    }
    if p.has("abort") {
        repo.call("DOLT_CHERRY_PICK", &["--abort"])?;
        return Ok(0);
    }
    if p.has("continue") {
        repo.allow_conflicts()?;
        let rows = repo.call("DOLT_CHERRY_PICK", &["--continue"])?;
        if !is_clean(&rows) {
            return Err(Failure::new(NOT_CLEAN));
        }
        print_head(&repo)?;
        return Ok(0);
    }
    match p.positional.as_slice() {
        [] => return super::misused("cherry-pick"),
        [one] if one.is_empty() => {
            return Err(Failure::new("error: cannot cherry-pick empty string"));
        }
        [_] => {}
        _ => return Err(Failure::new("cherry-picking multiple commits is not supported yet.")),
    }
    let (staged, unstaged) = Status::of(&repo)?.dirty();
    if staged {
        return Err(Failure::new("Please commit your staged changes before using cherry-pick."));
    }
    if unstaged {
        return Err(Failure::new(
            "error: your local changes would be overwritten by cherry-pick.\nhint: commit your changes (dolt commit -am \\\"<message>\\\") or reset them (dolt reset --hard) to proceed.",
        ));
    }
    repo.allow_conflicts()?;
    let args: Vec<String> =
        p.canonical().into_iter().filter(|w| !w.contains("dont-merge-json")).collect();
    let rows = match repo.call("DOLT_CHERRY_PICK", &args) {
        Err(e) if e.text == "nothing to commit" => {
            println!("No changes were made.");
            return Ok(0);
        }
        other => other?,
    };
    if rows.text(0, 0).is_empty() || !is_clean(&rows) {
        return Err(Failure::new(NOT_CLEAN));
    }
    print_head(&repo)?;
    Ok(0)
}

/// Runs `revert`.
pub fn revert(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, REVERT)?;
    if p.has("abort") && p.has("continue") {
        println!("error: --continue and --abort are mutually exclusive");
        return Ok(1);
    }
    let repo = Repository::open(env)?;
    let Some((name, email)) = repo.identity.clone() else {
        return Err(Failure::new(super::init::WHO_ARE_YOU));
    };
    if p.positional.is_empty() && !p.has("abort") && !p.has("continue") {
        return super::misused("revert");
    }
    repo.allow_conflicts()?;
    let mut args: Vec<String> = Vec::new();
    if p.has("abort") {
        args.push("--abort".into());
    } else {
        let author = p.get("author").map_or(format!("{name} <{email}>"), str::to_string);
        args.extend(["--author".to_string(), author]);
        if p.has("continue") {
            args.push("--continue".into());
        }
        args.extend(p.positional.iter().cloned());
    }
    let rows = match repo.call("DOLT_REVERT", &args) {
        Ok(rows) => rows,
        Err(e) => {
            println!("error: {}", e.text);
            return Ok(1);
        }
    };
    if p.has("abort") {
        println!("Revert aborted.");
        return Ok(0);
    }
    if !is_clean(&rows) {
        println!("Automatic revert failed; fix conflicts and then commit the result.");
        for (i, what) in
            [(1, "data conflicts"), (2, "schema conflicts"), (3, "constraint violations")]
        {
            if rows.text(0, i) != "0" {
                println!("  {} table(s) have {what}", rows.text(0, i));
            }
        }
        println!("hint: After resolving conflicts, mark them with \"dolt add <table>\"");
        println!(
            "hint: and run \"dolt revert --continue\". To abort, run \"dolt revert --abort\"."
        );
        return Ok(1);
    }
    print_head(&repo)?;
    Ok(0)
}
