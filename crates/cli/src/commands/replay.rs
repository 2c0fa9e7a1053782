//! `dolt cherry-pick` and `dolt revert` (spec 06 §8.12).

use crate::arguments::parse;
use crate::commands::options::{CHERRY_PICK, REBASE, REVERT};
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
        return Err(Failure::new(
            "error: --continue and --abort are mutually exclusive",
        ));
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
        _ => {
            return Err(Failure::new(
                "cherry-picking multiple commits is not supported yet.",
            ));
        }
    }
    let (staged, unstaged) = Status::of(&repo)?.dirty();
    if staged {
        return Err(Failure::new(
            "Please commit your staged changes before using cherry-pick.",
        ));
    }
    if unstaged {
        return Err(Failure::new(
            "error: your local changes would be overwritten by cherry-pick.\nhint: commit your changes (dolt commit -am \\\"<message>\\\") or reset them (dolt reset --hard) to proceed.",
        ));
    }
    repo.allow_conflicts()?;
    let args: Vec<String> = p
        .canonical()
        .into_iter()
        .filter(|w| !w.contains("dont-merge-json"))
        .collect();
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
        let author = p
            .get("author")
            .map_or(format!("{name} <{email}>"), str::to_string);
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
        for (i, what) in [
            (1, "data conflicts"),
            (2, "schema conflicts"),
            (3, "constraint violations"),
        ] {
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

/// The lines of a plan that a user has edited, as they go into the table of the plan.
fn edited_plan(text: &str) -> Result<Vec<(String, String, String)>, Failure> {
    let mut out = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let mut words = line.splitn(3, ' ');
        let (Some(action), Some(hash)) = (words.next(), words.next()) else {
            return Err(Failure::new(format!("invalid line {}: {line}", out.len())));
        };
        let action = match action {
            "p" | "pick" => "pick",
            "d" | "drop" => "drop",
            "e" | "edit" => "edit",
            "r" | "reword" => "reword",
            "s" | "squash" => "squash",
            "f" | "fixup" => "fixup",
            other => {
                return Err(Failure::new(format!(
                    "unknown action in rebase plan: {other}"
                )));
            }
        };
        out.push((
            action.to_string(),
            hash.to_string(),
            words.next().unwrap_or("").to_string(),
        ));
    }
    Ok(out)
}

/// Runs `rebase`.
pub fn rebase(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, REBASE)?;
    if p.positional.len() > 1 {
        return Err(Failure::new(
            "rebase takes at most one positional argument.",
        ));
    }
    let repo = Repository::open(env)?;
    repo.connection.refuse_server("dolt rebase")?;
    let before = repo.branch()?;
    let result = rebase_steps(env, &repo, &p);
    // Whatever became of it, the command line stands where the session does.
    let after = repo.branch()?;
    if after != before {
        let head = model::ref_name::branch(&after);
        repo.with_store(|s| s.edit_repo_state(|state| state.head = head))?;
    }
    result
}

fn rebase_steps(env: &Environment, repo: &Repository, p: &crate::arguments::Parsed) -> Outcome {
    repo.allow_conflicts()?;
    let rows = repo.call("DOLT_REBASE", &p.canonical())?;
    if !p.has("interactive") {
        println!("{}", rows.text(0, 1));
        return Ok(u8::from(rows.text(0, 0) != "0"));
    }
    let plan = repo.query(
        "SELECT action, commit_hash, commit_message FROM dolt_rebase ORDER BY rebase_order",
    )?;
    let mut text = String::new();
    for i in 0..plan.rows.len() {
        text += &format!(
            "{} {} {}\n",
            plan.text(i, 0),
            plan.text(i, 1),
            plan.text(i, 2).replace('\n', " ")
        );
    }
    text += &format!(
        "\n# Rebase ({} commands)\n#\n# Commands:\n",
        plan.rows.len()
    );
    text += "# p, pick <commit> = use commit\n# d, drop <commit> = remove commit\n# e, edit <commit> = use commit, but stop for amending\n# r, reword <commit> = use commit, but edit the commit message\n# s, squash <commit> = use commit, but meld into previous commit\n# f, fixup <commit> = like \"squash\", but discard this commit's message\n# These lines can be re-ordered; they are executed from top to bottom.\n#\n# If you remove a line here THAT COMMIT WILL BE LOST.\n#\n# However, if you remove everything, the rebase will be aborted.\n#\n";
    let give_up = |why: Failure| -> Outcome {
        repo.call("DOLT_REBASE", &["--abort"])?;
        Err(why)
    };
    let plan = match super::commit::edit(env, &text, "").and_then(|t| edited_plan(&t)) {
        Ok(plan) => plan,
        Err(e) => return give_up(e),
    };
    if plan.is_empty() {
        repo.call("DOLT_REBASE", &["--abort"])?;
        println!("Interactive rebase aborted");
        return Ok(0);
    }
    repo.query("DELETE FROM dolt_rebase")?;
    for (i, (action, hash, message)) in plan.iter().enumerate() {
        let literal = crate::repository::literal;
        repo.query(&format!(
            "INSERT INTO dolt_rebase VALUES ({}, {}, {}, {})",
            i + 1,
            literal(action),
            literal(hash),
            literal(message)
        ))?;
    }
    let rows = repo.call("DOLT_REBASE", &["--continue"])?;
    println!("{}", rows.text(0, 1));
    Ok(u8::from(rows.text(0, 0) != "0"))
}
