//! `dolt_push`.

use model::{BranchConfig, Database, Remote, RepoState, ref_name};
use remotes::{PushSpec, Pushed};
use values::Value;

use super::remote::{default_remote, named, open};
use super::{ProcedureResult, row, text};
use crate::dolt::arguments::{Arguments, OptionSpec, Takes, parse};
use crate::dolt::revision;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("user", "", Takes::Value),
    ("set-upstream", "u", Takes::Flag),
    ("force", "f", Takes::Flag),
    ("all", "", Takes::Flag),
    ("silent", "", Takes::Flag),
];

/// Moves branches and tags of a remote to where ours are.
pub fn push(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let message = run(session, db, &a)?;
    Ok(row([("status", Value::Int(0)), ("message", text(message))]))
}

fn no_upstream(branch: &str, remote: &str) -> Error {
    Error::general(format!(
        "fatal: The current branch {branch} has no upstream branch.\n\
         To push the current branch and set the remote as upstream, use\n\
         \tdolt push --set-upstream {remote} {branch}\n\
         To have this happen automatically for branches without a tracking\n\
         upstream, see 'push.autoSetupRemote' in 'dolt config --help'."
    ))
}

/// What a name that is pushed means: a branch, a tag, or a spec.
fn spec(store: &Database, text: &str) -> Result<PushSpec> {
    if text.is_empty() {
        return Err(Error::general("invalid ref spec: ''"));
    }
    for full in [ref_name::branch(text), ref_name::tag(text)] {
        if store.get_ref(&full).is_some() {
            return Ok(PushSpec::parse(&full)?);
        }
    }
    Ok(PushSpec::parse(text)?)
}

/// The remote and what is pushed to it (Dolt's `NewPushOpts`).
fn targets(
    session: &Session,
    db: &DbRef,
    state: &RepoState,
    a: &Arguments,
) -> Result<(Remote, Vec<PushSpec>)> {
    let store = &db.handle.store;
    let automatic = session.instance.settings.push_auto_setup_remote;
    let current = session.head(&db.handle);
    let every = || -> Result<Vec<PushSpec>> {
        let branches = store.branches()?;
        branches.iter().map(|(name, _)| spec(store, name)).collect()
    };
    let remote = match a.positional.as_slice() {
        [] => {
            let Some(remote) = default_remote(state)? else {
                return Err(Error::general(
                    "fatal: No configured push destination.\n\
                     Either specify the URL from the command-line or configure a remote repository using\n\n\
                     \tdolt remote add <name> <url>\n\n\
                     and then push using the remote name\n\n\
                     \tdolt push <name>\n\n",
                ));
            };
            if a.has("all") {
                return Ok((remote, every()?));
            }
            if automatic {
                return Ok((remote, vec![spec(store, &current)?]));
            }
            let Some(upstream) = state.branches.get(&current) else {
                return Err(no_upstream(&current, &remote.name));
            };
            let theirs = upstream.head.trim_start_matches(ref_name::HEADS);
            if theirs != current {
                return Err(Error::general(
                    "the upstream branch of your current branch does not match the name of your current branch",
                ));
            }
            let remote = match upstream.remote == remote.name {
                true => remote,
                false => named(state, &upstream.remote)?,
            };
            return Ok((remote, vec![spec(store, &current)?]));
        }
        [name] => {
            let remote = named(state, name)?;
            if a.has("all") {
                return Ok((remote, every()?));
            }
            let usual = default_remote(state)?.is_some_and(|d| d.name == *name);
            if usual && !automatic {
                return Err(no_upstream(&current, name));
            }
            return Ok((remote, vec![spec(store, &current)?]));
        }
        [name, ..] if a.has("all") => {
            let _ = name;
            return Err(Error::general(
                "fatal: --all can't be combined with refspecs",
            ));
        }
        [name, specs @ ..] => {
            if let Some(empty) = specs.iter().find(|s| s.is_empty()) {
                return Err(Error::general(format!("invalid ref spec: '{empty}'")));
            }
            named(state, name)?
        }
    };
    let specs = a.positional[1..].iter().map(|s| spec(store, s));
    Ok((remote, specs.collect::<Result<_>>()?))
}

fn run(session: &Session, db: &DbRef, a: &Arguments) -> Result<String> {
    let store = &db.handle.store;
    let state = store.repo_state();
    let (remote, specs) = targets(session, db, &state, a)?;
    let (force, set_upstream) = (a.has("force"), a.has("set-upstream"));
    if set_upstream && specs.iter().any(|s| matches!(s, PushSpec::Tag { .. })) {
        return Err(Error::general("cannot set upstream for tag"));
    }
    let there = open(session, &remote).map_err(|e| {
        e.within(|why| {
            format!(
                "failed to get remote db; the remote: {} '{}' could not be accessed; {why}",
                remote.name, remote.url
            )
        })
    })?;
    let (mut done, mut followed, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    let mut failure = None;
    for spec in &specs {
        match one(db, &there, &remote, spec, force) {
            Ok(Pushed::Moved) => done.push(match spec {
                PushSpec::Branch { from, to } | PushSpec::Tag { from, to } => {
                    format!(" * [new branch]          {from} -> {to}")
                }
                PushSpec::Delete { branch } => format!(" - [deleted]             {branch}"),
            }),
            Ok(Pushed::UpToDate) => {}
            Ok(Pushed::Rejected) => {
                if let PushSpec::Branch { from, to } = spec {
                    rejected.push(format!(
                        " ! [rejected]            {from} -> {to} (non-fast-forward)"
                    ));
                }
                continue;
            }
            Err(e) => {
                failure = Some(e);
                break;
            }
        }
        if let (true, PushSpec::Branch { from, to }) = (set_upstream, spec) {
            let config = BranchConfig {
                head: ref_name::branch(to),
                remote: remote.name.clone(),
            };
            store.edit_repo_state(|s| {
                s.branches.insert(from.clone(), config);
            })?;
            followed.push(format!(
                "branch '{from}' set up to track '{}/{to}'.",
                remote.name
            ));
        }
    }
    let nothing = done.is_empty() && rejected.is_empty();
    let mut message = format!("To {}", remote.url);
    for line in done.iter().chain(&rejected).chain(&followed) {
        message += &format!("\n{line}");
    }
    match failure {
        Some(e) if nothing => return Err(e),
        Some(e) => return Err(Error::general(format!("{message}\n{}", e.message))),
        None => {}
    }
    if !rejected.is_empty() {
        return Err(Error::general(format!(
            "{message}\nerror: failed to push some refs to '{}'\n\
             hint: Updates were rejected because the tip of your current branch is behind\n\
             hint: its remote counterpart. Integrate the remote changes (e.g.\n\
             hint: 'dolt pull ...') before pushing again.\n",
            remote.url
        )));
    }
    Ok(match nothing {
        true => "Everything up-to-date".to_string(),
        false => message,
    })
}

fn one(
    db: &DbRef,
    there: &Database,
    remote: &Remote,
    spec: &PushSpec,
    force: bool,
) -> Result<Pushed> {
    let store = &db.handle.store;
    match spec {
        PushSpec::Branch { from, to } => {
            let commit = revision::commit(db, from).map_err(|e| {
                Error::general(format!(
                    "invalid ref spec; refspec not found: '{from}'; {}",
                    e.message
                ))
            })?;
            let tracking = remotes::tracking_ref(remote, to)?;
            let pushed = remotes::push_branch(store, there, commit, to, tracking.as_deref(), force);
            pushed.map_err(|e| match e {
                e @ remotes::Error::Shallow => e.into(),
                e => Error::from(e).within(|why| format!("unknown push error; {why}")),
            })
        }
        PushSpec::Tag { from, to } => {
            remotes::push_tag(store, there, from, to)?;
            Ok(Pushed::Moved)
        }
        PushSpec::Delete { branch } => {
            let tracking = remotes::tracking_ref(remote, branch)?;
            remotes::delete_branch(store, there, branch, tracking.as_deref(), force).map_err(
                |e| {
                    Error::general(format!(
                        "failed to delete remote; '{}' from remote '{}'; {e}",
                        ref_name::branch(branch),
                        remote.name
                    ))
                },
            )?;
            Ok(Pushed::Moved)
        }
    }
}
