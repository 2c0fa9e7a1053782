//! `dolt commit` (spec 06 §8.6), and messages from an editor.

use std::process::Command;

use crate::arguments::parse;
use crate::commands::options::COMMIT;
use crate::commands::status::Status;
use crate::commit_text::print_head;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::style::is_interactive;
use crate::{Failure, Outcome};

/// Lets the user edit a text.
pub fn edit(env: &Environment, text: &str, suffix: &str) -> Result<String, Failure> {
    let editor = env
        .config
        .get("core.editor")
        .map(str::to_string)
        .or_else(|| std::env::var("EDITOR").ok())
        .filter(|e| !e.is_empty())
        .unwrap_or_else(|| "vim".to_string());
    let path = std::env::temp_dir().join(format!("dolt-edit-{}{suffix}", std::process::id()));
    std::fs::write(&path, text)?;
    let mut parts = editor.split_whitespace();
    let program = parts.next().unwrap_or("vim");
    let status = Command::new(program).args(parts).arg(&path).status();
    let edited = std::fs::read_to_string(&path);
    let _ = std::fs::remove_file(&path);
    let failed = |why: String| {
        Failure::new(format!(
            "Failed to open commit editor: {why} \n Check your `EDITOR` environment variable with `echo $EDITOR` or your dolt config with `dolt config --list` to ensure that your editor is valid"
        ))
    };
    match status {
        Ok(s) if s.success() => Ok(edited?),
        Ok(s) => Err(failed(s.to_string())),
        Err(e) => Err(failed(e.to_string())),
    }
}

/// A commit message from the editor, or the suggested one where nobody can edit.
pub fn message(env: &Environment, repo: &Repository, suggested: &str) -> Result<String, Failure> {
    if !is_interactive() {
        return Ok(String::new());
    }
    let status = Status::of(repo)?.text(false, true);
    let mut text = format!(
        "{suggested}\n# Please enter the commit message for your changes. Lines starting\n# with '#' will be ignored, and an empty message aborts the commit.\n# On branch {}\n#\n",
        repo.branch()?
    );
    status.lines().for_each(|l| text += &format!("# {l}\n"));
    let edited = edit(env, &text, "")?;
    let kept: Vec<&str> = edited.split('\n').filter(|l| !l.starts_with('#')).collect();
    Ok(kept.join("\n"))
}

/// Why somebody without a name cannot commit.
pub fn nameless(key: &str) -> Failure {
    let example = if key == "user.email" {
        "EMAIL_ADDRESS"
    } else {
        "FIRST LAST"
    };
    Failure::new(format!(
        "Could not determine {key}.\nLog into DoltHub: dolt login\nOR add name to config: dolt config [--global|--local] --add {key} \"{example}\""
    ))
}

fn explain(repo: &Repository, e: Failure) -> Failure {
    if e.text == "Aborting commit due to empty commit message." {
        return e;
    }
    if e.text == "nothing to commit" {
        let unstaged = Status::of(repo)
            .map(|s| s.unstaged_text())
            .unwrap_or_default();
        if unstaged.is_empty() {
            return Failure::new("no changes added to commit (use \"dolt add\")");
        }
        println!("{unstaged}");
    }
    if let Some(rest) = e.text.strip_prefix("error: the table(s) ")
        && let Some(tables) = rest.strip_suffix(" are in conflict")
    {
        let names: Vec<&str> = tables.split(", ").collect();
        return Failure::new(format!(
            "tables [{}] have unresolved conflicts from the merge. resolve the conflicts before committing",
            names.join(" ")
        ));
    }
    Failure::caused("error: Failed to commit changes.", &e.text)
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, COMMIT)?.at_most("commit", 0)?;
    if p.has("allow-empty") && p.has("skip-empty") {
        return Err(Failure::new(
            "error: cannot use both --allow-empty and --skip-empty",
        ));
    }
    let repo = Repository::open(env)?;
    if !p.has("author") {
        for key in ["user.name", "user.email"] {
            if env.config.get(key).is_none_or(str::is_empty) {
                return Err(nameless(key));
            }
        }
    }
    let message = match p.get("message") {
        Some(m) => m.to_string(),
        None => {
            let old = match p.has("amend") {
                true => {
                    let id = repo.head()?;
                    repo.commit(id)?.meta.message
                }
                false => String::new(),
            };
            message(env, &repo, &old)?
        }
    };
    let mut args: Vec<String> = Vec::new();
    let mut push = |words: &[&str]| args.extend(words.iter().map(|w| w.to_string()));
    if !message.is_empty() {
        push(&["-m", &message]);
    }
    for option in ["date", "author"] {
        if let Some(v) = p.get(option) {
            push(&[&format!("--{option}"), v]);
        }
    }
    for (option, word) in [
        ("allow-empty", "--allow-empty"),
        ("force", "-f"),
        ("all", "-a"),
        ("ALL", "-A"),
        ("amend", "--amend"),
        ("skip-empty", "--skip-empty"),
        ("skip-verification", "--skip-verification"),
    ] {
        if p.has(option) {
            push(&[word]);
        }
    }
    let rows = repo
        .call("DOLT_COMMIT", &args)
        .map_err(|e| explain(&repo, e))?;
    if rows.rows.is_empty() {
        println!("Skipping empty commit");
        return Ok(0);
    }
    print_head(&repo)?;
    Ok(0)
}
