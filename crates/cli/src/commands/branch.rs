//! `dolt branch` (spec 06 §8.8).

use model::ref_name;

use crate::arguments::{Parsed, parse};
use crate::commands::options::BRANCH;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::style::{GREEN, RED, on_terminal};
use crate::{Failure, Outcome};

struct Entry {
    name: String,
    hash: String,
    remote: bool,
    upstream: Option<String>,
    counts: (u64, u64),
    message: String,
}

/// Branches as a server tells of them.
fn server_entries(repo: &Repository, p: &Parsed, verbose: bool) -> Result<Vec<Entry>, Failure> {
    let mut out = Vec::new();
    let own = p.has("all") || !p.has("remote");
    let others = p.has("all") || p.has("remote");
    for (table, remote) in [("dolt_branches", false), ("dolt_remote_branches", true)] {
        if !(if remote { others } else { own }) {
            continue;
        }
        let upstream = match remote {
            true => "'', ''",
            false => "remote, branch",
        };
        let rows = repo.query(&format!(
            "SELECT name, hash, latest_commit_message, {upstream} FROM {table}"
        ))?;
        for i in 0..rows.rows.len() {
            let text = |column| rows.text(i, column).to_string();
            let theirs = match rows.text(i, 3) {
                "" => None,
                remote => Some(format!("{remote}/{}", text(4))),
            };
            let mut counts = (0, 0);
            if let (true, Some(theirs)) = (verbose, &theirs) {
                let args = ["--from", rows.text(i, 0), "--to", theirs];
                let counted = repo.call("DOLT_COUNT_COMMITS", &args).unwrap_or_default();
                let number = |column| counted.text(0, column).parse().unwrap_or(0);
                counts = (number(0), number(1));
            }
            out.push(Entry {
                name: text(0),
                hash: text(1),
                remote,
                upstream: theirs,
                counts,
                message: text(2),
            });
        }
    }
    Ok(out)
}

fn entries(repo: &Repository, p: &Parsed, verbose: bool) -> Result<Vec<Entry>, Failure> {
    let mut out = match repo.connection.has_files() {
        true => stored_entries(repo, p, verbose)?,
        false => server_entries(repo, p, verbose)?,
    };
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out.retain(|e| p.positional.is_empty() || p.positional.contains(&e.name));
    Ok(out)
}

fn stored_entries(repo: &Repository, p: &Parsed, verbose: bool) -> Result<Vec<Entry>, Failure> {
    let db = repo.db()?;
    let store = &db.handle.store;
    let mut out = Vec::new();
    let state = store.repo_state();
    if p.has("all") || !p.has("remote") {
        for (name, id) in store.branches()? {
            let config = state.branches.get(&name).filter(|c| !c.remote.is_empty());
            let theirs = config.map(|c| c.head.trim_start_matches("refs/heads/"));
            let upstream = config.zip(theirs).map(|(c, t)| format!("{}/{t}", c.remote));
            let mut counts = (0, 0);
            if let (true, Some((c, t))) = (verbose, config.zip(theirs))
                && let Some(to) = store.get_ref(&ref_name::remote_branch(&c.remote, t))
            {
                let to = model::CommitId(to);
                let count =
                    |a, b| versioning::Log::new(store.objects(), &[a], &[b]).map(Iterator::count);
                counts = (count(id, to)? as u64, count(to, id)? as u64);
            }
            let message = store.commit(id)?.meta.message;
            let hash = id.hash().to_string();
            out.push(Entry {
                name,
                hash,
                remote: false,
                upstream,
                counts,
                message,
            });
        }
    }
    if p.has("all") || p.has("remote") {
        for (name, id) in store.remote_branches()? {
            out.push(Entry {
                name: format!("remotes/{name}"),
                hash: id.hash().to_string(),
                remote: true,
                upstream: None,
                counts: (0, 0),
                message: store.commit(id)?.meta.message,
            });
        }
    }
    Ok(out)
}

fn list(repo: &Repository, p: &Parsed) -> Outcome {
    let verbosity = p.times("verbose");
    let current = repo.branch()?;
    let entries = entries(repo, p, verbosity > 0)?;
    let width = entries.iter().map(|e| e.name.len()).max().unwrap_or(0);
    for e in &entries {
        let shown = match (e.name == current, e.remote) {
            (true, _) => format!("* {}", on_terminal(GREEN, &e.name)),
            (_, true) => format!("  {}", on_terminal(RED, &e.name)),
            _ => format!("  {}", e.name),
        };
        if verbosity == 0 {
            println!("{shown}");
            continue;
        }
        let mut rest = e.hash.clone();
        if let Some(upstream) = &e.upstream {
            let prefix = if verbosity > 1 {
                format!("{upstream}: ")
            } else {
                String::new()
            };
            match e.counts {
                (0, 0) if verbosity > 1 => rest += &format!(" [{upstream}]"),
                (0, 0) => {}
                (a, 0) => rest += &format!(" [{prefix}ahead {a}]"),
                (0, b) => rest += &format!(" [{prefix}behind {b}]"),
                (a, b) => rest += &format!(" [{prefix}ahead {a}, behind {b}]"),
            }
        }
        if !e.message.is_empty() {
            rest += &format!(" {}", e.message);
        }
        println!("{shown}{}{rest}", " ".repeat(width - e.name.len() + 1));
    }
    Ok(0)
}

fn call(repo: &Repository, words: &[String]) -> Outcome {
    repo.call("DOLT_BRANCH", words).map_err(|e| {
        if e.text.contains("is not fully merged") {
            let kept = words.iter().filter(|w| !w.starts_with('-'));
            let names: String = kept.map(|w| format!(" {w}")).collect();
            return Failure::new(format!(
                "{}. If you are sure you want to delete it, run 'dolt branch -D{names}'",
                e.text
            ));
        }
        Failure::new(format!("error: {}", e.text))
    })?;
    Ok(0)
}

fn set_upstream(repo: &Repository, p: &Parsed, words: &[String]) -> Outcome {
    let current = repo.branch()?;
    let branch = p.positional.first().unwrap_or(&current).clone();
    let mistaken = || {
        Failure::new(
            "error: If --track is used, you must specify the branch to modify, or a new branch.",
        )
    };
    if p.has("track") && p.positional.is_empty() {
        eprintln!("error: must specify branch to be created when using --track");
    }
    let upstream = match (p.has("track"), p.get("set-upstream-to")) {
        (true, Some(_)) => {
            return Err(Failure::new(
                "error: --set-upstream-to and --track are mutually exclusive options.",
            ));
        }
        (true, None) => match p.positional.as_slice() {
            [_] => current,
            [_, start] => start.clone(),
            _ => return Err(mistaken()),
        },
        (false, upstream) => upstream.unwrap_or("").to_string(),
    };
    call(repo, words)?;
    println!("branch '{branch}' set up to track '{upstream}'");
    Ok(0)
}

/// Refuses what only makes sense for lists.
fn only_for_lists(p: &Parsed, doing: &str, remote_too: bool) -> Result<(), Failure> {
    for (option, shown) in [("all", "--all/-a"), ("verbose", "--verbose/-v")] {
        if p.has(option) {
            return Err(Failure::new(format!(
                "{shown} can only be supplied when listing branches, not when {doing} branches"
            )));
        }
    }
    if remote_too && p.has("remote") {
        return Err(Failure::new(format!(
            "--remote/-r can only be supplied when listing or deleting branches, not when {doing} branches"
        )));
    }
    Ok(())
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, BRANCH)?;
    let words = &p.canonical()[..];
    let repo = Repository::open(env)?;
    let chosen = ["move", "copy", "delete", "D", "list", "show-current"];
    if chosen.iter().filter(|o| p.has(o)).count() > 1 {
        return Err(Failure::new(
            "Must specify exactly one of --move/-m, --copy/-c, --delete/-d, -D, --show-current, or --list.",
        ));
    }
    let n = p.positional.len();
    let name_ok = |name: Option<&String>| match name {
        Some(name)
            if ref_name::is_valid_branch(name) && ref_name::check_user_branch(name).is_ok() =>
        {
            Ok(())
        }
        Some(name) => Err(Failure::new(format!("{name} is an invalid branch name"))),
        None => Ok(()),
    };
    for (option, doing) in [("move", "moving"), ("copy", "copying")] {
        if p.has(option) {
            if n != 1 && n != 2 {
                return super::misused("branch");
            }
            only_for_lists(&p, doing, true)?;
            name_ok(p.positional.last())?;
            let mut words = words.to_vec();
            if n == 1 {
                let at = words
                    .iter()
                    .position(|w| *w == p.positional[0])
                    .unwrap_or(0);
                words.insert(at, repo.branch()?);
            }
            return call(&repo, &words);
        }
    }
    if p.has("delete") || p.has("D") {
        if n == 0 {
            return super::misused("branch");
        }
        only_for_lists(&p, "deleting", false)?;
        return call(&repo, words);
    }
    if p.has("list") {
        return list(&repo, &p);
    }
    if p.has("show-current") {
        println!("{}", repo.branch()?);
        return Ok(0);
    }
    if p.has("datasets") {
        return datasets(&repo);
    }
    if p.has("set-upstream-to") || p.has("track") {
        return set_upstream(&repo, &p, words);
    }
    if n > 0 {
        if n > 2 {
            return super::misused("branch");
        }
        only_for_lists(&p, "creating", true)?;
        name_ok(p.positional.first())?;
        return call(&repo, words);
    }
    list(&repo, &p)
}

fn datasets(repo: &Repository) -> Outcome {
    let db = repo.db()?;
    let store = &db.handle.store;
    let refs = store.refs();
    let mut heads: Vec<String> = Vec::new();
    for prefix in [ref_name::HEADS, ref_name::REMOTES, ref_name::TAGS] {
        heads.extend(
            refs.with_prefix(prefix)?
                .into_iter()
                .map(|(n, _)| format!("{prefix}{n}")),
        );
    }
    heads.extend(
        refs.with_prefix("refs/internal/")?
            .into_iter()
            .map(|(n, _)| format!("refs/internal/{n}")),
    );
    heads.sort();
    heads.iter().for_each(|h| println!("  {h}"));
    for (branch, _) in store.branches()? {
        let set = ref_name::working_set(&branch);
        if store.get_ref(&set).is_some() {
            println!("  {set}");
        }
    }
    Ok(0)
}
