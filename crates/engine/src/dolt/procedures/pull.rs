//! `dolt_pull`.

use model::{Remote, RepoState, ref_name};
use remotes::FetchSpec;
use values::Value;
use versioning::history::{FastForward, fast_forward};

use super::fetch::usual_specs;
use super::remote::{default_remote, named, open};
use super::{ProcedureResult, merge, rebase, row, text};
use crate::dolt::arguments::{Arguments, OptionSpec, Takes, parse};
use crate::dolt::branch_edit::branch_of;
use crate::dolt::ignore::IgnorePatterns;
use crate::dolt::revision;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("squash", "", Takes::Flag),
    ("no-ff", "", Takes::Flag),
    ("ff-only", "", Takes::Flag),
    ("force", "f", Takes::Flag),
    ("commit", "", Takes::Flag),
    ("no-commit", "", Takes::Flag),
    ("no-edit", "", Takes::Flag),
    ("user", "", Takes::Value),
    ("prune", "p", Takes::Flag),
    ("rebase", "r", Takes::Flag),
    ("silent", "", Takes::Flag),
    ("skip-verification", "", Takes::Flag),
];

fn check(a: &Arguments) -> Result<()> {
    if a.positional.len() > 2 {
        return Err(Error::general("dolt pull takes at most two args"));
    }
    for (x, y) in [
        ("ff-only", "no-ff"),
        ("ff-only", "squash"),
        ("rebase", "squash"),
        ("rebase", "no-ff"),
        ("rebase", "ff-only"),
        ("rebase", "no-commit"),
    ] {
        if a.has(x) && a.has(y) {
            return Err(Error::general(format!(
                "error: Flags '--{x}' and '--{y}' cannot be used together"
            )));
        }
    }
    Ok(())
}

/// The remote to pull from, and its branch (Dolt's `NewPullSpec`).
fn source(state: &RepoState, a: &Arguments, current: &str) -> Result<(Remote, String)> {
    let upstream = state.branches.get(current);
    let followed = upstream.and_then(|u| state.remotes.get(&u.remote));
    let remote = match (a.positional.first().filter(|n| !n.is_empty()), followed) {
        (Some(name), _) => named(state, name)?,
        (None, Some(remote)) => remote.clone(),
        (None, None) => default_remote(state)?.ok_or_else(|| Error::general("no remote"))?,
    };
    if let Some(branch) = a.positional.get(1) {
        return Ok((remote, branch.clone()));
    }
    let Some(upstream) = upstream else {
        return Err(Error::general(match a.positional.first() {
            Some(name) => format!(
                "You asked to pull from the remote '{name}', but did not specify a branch. Because this is not the default configured remote for your current branch, you must specify a branch."
            ),
            None => "There is no tracking information for the current branch.\nPlease specify which branch you want to merge with.\n\n\tdolt pull <remote> <branch>\n\nIf you wish to set tracking information for this branch you can do so with:\n\n\t dolt push --set-upstream <remote> <branch>\n".to_string(),
        }));
    };
    if upstream.head.is_empty() {
        let name = &remote.name;
        return Err(Error::general(format!(
            "there is no tracking information for the current branch '{current}'.\nPlease specify which branch you want to merge with:\n\n\tdolt pull {name} <branch>\n\nIf you wish to set tracking information for this branch, run:\n\n\tdolt push --set-upstream {name} {current}"
        )));
    }
    let branch = upstream.head.trim_start_matches(ref_name::HEADS);
    Ok((remote, branch.to_string()))
}

/// Fetches a branch and merges it, or rebases onto it.
pub fn pull(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    check(&a)?;
    let store = &db.handle.store;
    let current = branch_of(db)?.to_string();
    let (remote, branch) = source(&store.repo_state(), &a, &current)?;
    let there = open(session, &remote)
        .map_err(|e| e.within(|why| format!("failed to get remote db; {why}")))?;
    if there.branch(&branch).is_none() {
        return Err(Error::general(format!(
            "branch \"{branch}\" not found on remote"
        )));
    }
    let specs = match a.positional.get(1) {
        Some(branch) => vec![FetchSpec::parse_argument(branch, &remote.name)?],
        None => usual_specs(&remote)?,
    };
    remotes::fetch(store, &there, &remote.name, &specs, false, a.has("prune"))
        .map_err(|e| Error::from(e).within(|why| format!("fetch failed: {why}")))?;
    let tracking = remotes::tracking_ref(&remote, &branch)?
        .ok_or_else(|| Error::general(format!("invalid ref spec: '{branch}'")))?;
    let tracking = tracking
        .strip_prefix(ref_name::REMOTES)
        .unwrap_or(&tracking)
        .to_string();
    let done = match a.has("rebase") {
        true => rebase_onto(session, db, &a, &tracking)?,
        false => {
            let message = format!("Merge branch '{branch}' of {} into {current}", remote.url);
            merge_with(session, db, &a, &tracking, message)?
        }
    };
    remotes::follow_tags(store, &there)?;
    let (ff, conflicts, message) = done;
    Ok(row([
        ("fast_forward", Value::Int(ff.into())),
        ("conflicts", Value::Int(conflicts.into())),
        ("message", text(message)),
    ]))
}

/// Fails where anything but ignored tables differs from the head.
fn check_clean(db: &DbRef) -> Result<()> {
    let state = db.handle.branch_state(branch_of(db)?)?;
    let head = revision::commit_root(db, revision::head(db)?)?;
    let staged = db.handle.root(state.set.staged)?.root.clone();
    let working = db.handle.root(state.set.working)?.root.clone();
    let ignore = IgnorePatterns::of(&working)?;
    let clean = staged.id()? == head.id()?
        && merge::changed_tables(&staged, &working)?
            .keys()
            .all(|name| ignore.ignores(name));
    match clean {
        true => Ok(()),
        false => Err(Error::general("cannot merge with uncommitted changes")),
    }
}

fn merge_with(
    session: &Session,
    db: &DbRef,
    a: &Arguments,
    tracking: &str,
    message: String,
) -> Result<(bool, bool, String)> {
    check_clean(db)?;
    let mut words: Vec<String> = [
        "squash",
        "no-ff",
        "ff-only",
        "no-commit",
        "skip-verification",
    ]
    .into_iter()
    .filter(|o| a.has(o))
    .map(|o| format!("--{o}"))
    .collect();
    words.extend(["-m".to_string(), message, tracking.to_string()]);
    let done = merge::run_with(session, db, &parse(merge::OPTIONS, &words)?, a.has("force"))?;
    Ok((done.fast_forward, done.conflicts, done.message))
}

fn rebase_onto(
    session: &Session,
    db: &DbRef,
    a: &Arguments,
    tracking: &str,
) -> Result<(bool, bool, String)> {
    let head = revision::head(db)?;
    let theirs = revision::commit(db, tracking)?;
    match fast_forward(db.handle.store.objects(), head, theirs)? {
        FastForward::UpToDate | FastForward::Ahead => {
            return Ok((false, false, "Everything up-to-date".to_string()));
        }
        FastForward::Possible => {
            let words = ["--ff-only".to_string(), tracking.to_string()];
            let done = merge::run(session, db, &parse(merge::OPTIONS, &words)?)?;
            return Ok((done.fast_forward, done.conflicts, done.message));
        }
        _ => {}
    }
    let message = rebase::rebase_onto(session, db, tracking, a.has("skip-verification"))?;
    Ok((false, false, message))
}
