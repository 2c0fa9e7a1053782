//! `dolt clone`, `fetch`, `push`, `pull` and `backup` (spec 07 §10-13).

use std::collections::BTreeMap;
use std::time::SystemTime;

use chunks::LocalDisk;
use engine::dolt::{clone_directory, new_remote};
use remotes::CloneOptions;

use crate::arguments::{Parsed, parse};
use crate::commands::merge::report;
use crate::commands::options::{BACKUP, CLONE, FETCH, PULL, PUSH};
use crate::commands::remote::print_list;
use crate::commit_text::print_head;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::{Failure, Outcome};

/// Fails when a user is named but no password is there for it.
fn check_user(p: &Parsed) -> Result<(), Failure> {
    if p.has("user") && std::env::var_os("DOLT_REMOTE_PASSWORD").is_none() {
        return Err(Failure::new(
            "error: must set DOLT_REMOTE_PASSWORD environment variable to use --user param",
        ));
    }
    Ok(())
}

/// Says on standard error that something is under way.
fn tell_progress(p: &Parsed, what: &str) {
    if !p.has("silent") {
        eprintln!("{what}");
    }
}

/// The repository's part of an address of a page of DoltHub.
fn without_page(url: &str) -> &str {
    let rest = url.strip_prefix("https://www.dolthub.com/repositories/");
    rest.filter(|r| !r.is_empty()).unwrap_or(url)
}

/// Runs `clone`.
pub fn clone(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, CLONE)?.at_most("clone", 2)?;
    let Some(given) = p.positional.first() else {
        return super::misused("clone");
    };
    let dir = match p.positional.get(1) {
        Some(dir) => dir.clone(),
        None => clone_directory(given).ok_or_else(|| {
            Failure::new(
                "Could not infer repo name.  Please explicitly define a directory for this url",
            )
        })?,
    };
    check_user(&p)?;
    let url = without_page(given);
    let invalid = |_| Failure::new(format!("error: '{url}' is not valid."));
    let location = remotes::absolute(url, &env.dir).map_err(invalid)?;
    remotes::prepare(&location, &LocalDisk::shared())
        .map_err(|_| Failure::new(format!("error: '{url}' is not valid.")))?;
    if p.has("ref") && !location.scheme.starts_with("git+") {
        return Err(Failure::new(
            "error: --ref is only supported for git remotes",
        ));
    }
    let depth = match p.get("depth").map(str::parse::<u64>) {
        None => None,
        Some(Ok(n)) if n > 0 => Some(n),
        Some(_) => return Err(Failure::new("error: invalid depth")),
    };
    println!("cloning {}", location.url);
    let source = remotes::open(&location, &LocalDisk::shared())
        .map_err(|e| Failure::caused("error: failed to get remote db", &e.to_string()))?;
    let name = p.get("remote").unwrap_or("origin");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let options = CloneOptions {
        remote: new_remote(name, location.url, BTreeMap::new()),
        branch: p
            .get("branch")
            .filter(|b| !b.is_empty())
            .map(str::to_string),
        first_branch: env.settings().default_branch,
        single_branch: p.has("single-branch"),
        depth,
        seconds: now.map_or(0, |d| d.as_secs()),
        open: env.open_options(),
    };
    let at = env.dir.join(&dir);
    remotes::clone(&source, &at, &options).map_err(|e| match e {
        remotes::Error::Exists(_) => Failure::new(remotes::Error::Exists(dir.clone()).to_string()),
        remotes::Error::Incomplete(_) => {
            Failure::new(remotes::Error::Incomplete(dir.clone()).to_string())
        }
        e => Failure::new(e.to_string()),
    })?;
    Ok(0)
}

/// Runs `fetch`.
pub fn fetch(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, FETCH)?;
    check_user(&p)?;
    let repo = Repository::open(env)?;
    tell_progress(&p, "Fetching...");
    repo.call("DOLT_FETCH", &p.canonical())?;
    Ok(0)
}

/// Runs `push`.
pub fn push(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, PUSH)?;
    check_user(&p)?;
    let repo = Repository::open(env)?;
    tell_progress(&p, "Uploading...");
    let rows = repo.call("DOLT_PUSH", &p.canonical())?;
    println!("{}", rows.text(0, 1));
    Ok(0)
}

/// Runs `pull`.
pub fn pull(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, PULL)?.at_most("pull", 2)?;
    for (a, b) in [
        ("squash", "no-ff"),
        ("ff-only", "no-ff"),
        ("ff-only", "squash"),
        ("rebase", "squash"),
        ("rebase", "no-ff"),
        ("rebase", "ff-only"),
        ("rebase", "no-commit"),
    ] {
        if p.has(a) && p.has(b) {
            return Err(Failure::new(format!(
                "error: Flags '--{a}' and '--{b}' cannot be used together"
            )));
        }
    }
    check_user(&p)?;
    let repo = Repository::open(env)?;
    if p.has("rebase") {
        repo.connection.refuse_server("dolt pull")?;
    }
    super::merge::check_identity(&repo)?;
    repo.allow_conflicts()?;
    let (branch, before) = (repo.branch()?, repo.head()?);
    tell_progress(&p, "Pulling...");
    let result = repo.call("DOLT_PULL", &p.canonical());
    // A rebase that stops leaves the session on a branch of its own.
    let after = repo.branch()?;
    if p.has("rebase") && after != branch {
        let head = model::ref_name::branch(&after);
        repo.with_store(|s| s.edit_repo_state(|state| state.head = head))?;
    }
    let rows = result?;
    let message = rows.text(0, 2);
    if matches!(message, "Everything up-to-date")
        || message.starts_with("cannot fast forward from a to b")
    {
        if !p.has("silent") {
            println!("Everything up-to-date");
        }
        return Ok(0);
    }
    if p.has("rebase") {
        if !p.has("silent") && !message.is_empty() {
            println!("{message}");
        }
        return Ok(0);
    }
    let theirs = repo.commit_id(&tracking(&repo, &p)?)?;
    if p.has("force") {
        println!("Updating {}..{}", before.hash(), theirs.hash());
        print_head(&repo)?;
        return Ok(0);
    }
    report(&repo, &p, rows.text(0, 0) == "1", before, (before, theirs))
}

/// The tracking branch that was pulled.
fn tracking(repo: &Repository, p: &Parsed) -> Result<String, Failure> {
    if let [remote, branch] = p.positional.as_slice() {
        return Ok(format!("{remote}/{branch}"));
    }
    let state = repo.with_store(|s| Ok(s.repo_state()))?;
    let upstream = state
        .branches
        .get(&repo.branch()?)
        .cloned()
        .unwrap_or_default();
    let named = p.positional.first().filter(|n| !n.is_empty());
    let remote = match named {
        Some(name) => name.clone(),
        None if state.remotes.contains_key(&upstream.remote) => upstream.remote,
        None if state.remotes.len() == 1 => state.remotes.into_keys().next().unwrap_or_default(),
        None => "origin".to_string(),
    };
    Ok(format!(
        "{remote}/{}",
        upstream.head.trim_start_matches("refs/heads/")
    ))
}

/// Runs `backup`.
pub fn backup(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, BACKUP)?;
    let n = p.positional.len();
    let word = p.positional.first().map_or("", String::as_str);
    let fits = match word {
        "" => true,
        "add" => n == 3,
        "remove" | "rm" | "sync" | "sync-url" => n == 2,
        "restore" => n >= 3,
        _ => false,
    };
    if !fits {
        return super::misused("backup");
    }
    if word == "restore" {
        // A directory that is no database holds those that are restored.
        let repo = Repository::without_database(env.connect()?);
        repo.call("DOLT_BACKUP", &p.canonical())?;
        return Ok(0);
    }
    let repo = Repository::open(env)?;
    if n == 0 {
        let state = repo.with_store(|s| Ok(s.repo_state()))?;
        print_list(state.backups.into_values(), p.has("verbose"))?;
        return Ok(0);
    }
    repo.call("DOLT_BACKUP", &p.canonical())?;
    let warnings = repo.query("show warnings")?;
    (0..warnings.rows.len()).for_each(|i| println!("{}", warnings.text(i, 2)));
    Ok(0)
}
