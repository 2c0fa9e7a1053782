//! `dolt_branch`.

use std::collections::BTreeMap;

use model::{BranchConfig, ModelError, ref_name};

use super::{ProcedureResult, status};
use crate::dolt::arguments::{Arguments, OptionSpec, Takes, parse};
use crate::dolt::revision;
use crate::error::{Error, Result};
use crate::session::{DbRef, Revision, Session};

const OPTIONS: &[OptionSpec] = &[
    ("force", "f", Takes::Flag),
    ("copy", "c", Takes::Flag),
    ("move", "m", Takes::Flag),
    ("delete", "d", Takes::Flag),
    ("D", "", Takes::Flag),
    ("track", "t", Takes::Flag),
    ("set-upstream-to", "u", Takes::Value),
    ("remote", "r", Takes::Flag),
];

fn usage() -> Error {
    Error::general("error: invalid usage")
}

/// Creates, copies, renames or deletes branches.
pub fn branch(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    if a.has("track") && a.has("set-upstream-to") {
        return Err(Error::general(
            "error: --set-upstream-to and --track are mutually exclusive options.",
        ));
    }
    session.commit_transaction()?;
    if a.has("copy") {
        copy(session, db, &a)?;
    } else if a.has("move") {
        rename(session, db, &a)?;
    } else if a.has("delete") || a.has("D") {
        delete(session, db, &a)?;
    } else if let Some(upstream) = a.get("set-upstream-to") {
        set_upstream_of(session, db, &a, upstream)?;
    } else {
        let (name, start) = match a.positional.as_slice() {
            [name] => (name, None),
            [name, start] => (name, Some(start.as_str())),
            _ => return Err(usage()),
        };
        if !a.has("track") {
            create(session, db, name, start.unwrap_or("HEAD"), a.has("force"))?;
        } else {
            let current = session.head(&db.handle);
            let config = tracking(db, start.unwrap_or(&current), name)?;
            create(session, db, name, "HEAD", a.has("force"))?;
            track(db, name, config)?;
        }
    }
    Ok(status())
}

/// Creates a branch at a revision.
pub fn create(session: &Session, db: &DbRef, name: &str, start: &str, force: bool) -> Result<()> {
    if name.is_empty() {
        return Err(Error::general("error: cannot branch empty string"));
    }
    if !ref_name::is_valid_branch(name) || ref_name::check_user_branch(name).is_err() {
        return Err(Error::general(format!(
            "fatal: '{name}' is an invalid branch name."
        )));
    }
    if let Revision::Commit(_) = db.revision
        && start.eq_ignore_ascii_case("head")
    {
        return Err(Error::general(format!(
            "fatal: Unexpected error creating branch '{name}' : this operation is not supported while in a detached head state"
        )));
    }
    session.require_create_branch(&db.handle, name)?;
    let store = &db.handle.store;
    if let Some(existing) = store.find_branch(name)? {
        if !(force && existing == name) {
            return Err(exists(&existing));
        }
        session.require_delete_branch(&db.handle, &existing)?;
    }
    create_own(session, db, name, start, force)
}

/// The same for a branch of the server's own choice, whatever names the account may take.
pub(super) fn create_own(
    session: &Session,
    db: &DbRef,
    name: &str,
    start: &str,
    force: bool,
) -> Result<()> {
    if session.instance.settings.read_only {
        return Err(Error::general("database server is set to read only mode"));
    }
    let store = &db.handle.store;
    let at = revision::commit(db, start).map_err(|_| {
        Error::general(format!(
            "fatal: '{start}' is not a commit and a branch '{name}' cannot be created from it"
        ))
    })?;
    {
        let _one_at_a_time = db.handle.lock_commits();
        store
            .create_branch(name, at, force, session.writer().seconds)
            .map_err(|e| match e {
                ModelError::AlreadyExists(_) => exists(name),
                e => Error::from(e)
                    .within(|e| format!("fatal: Unexpected error creating branch '{name}' : {e}")),
            })?;
    }
    session.own_branch(&db.handle, name)
}

fn exists(name: &str) -> Error {
    Error::general(format!("fatal: A branch named '{name}' already exists."))
}

/// Makes `remote/branch` the upstream of a branch, if it is one.
pub fn set_upstream(db: &DbRef, branch: &str, upstream: &str) -> Result<bool> {
    let Some((remote, theirs)) = upstream.split_once('/') else {
        return Ok(false);
    };
    let store = &db.handle.store;
    if !store.repo_state().remotes.contains_key(remote) {
        return Ok(false);
    }
    let config = BranchConfig {
        head: ref_name::branch(theirs),
        remote: remote.to_string(),
    };
    store.edit_repo_state(|s| {
        s.branches.insert(branch.to_string(), config);
    })?;
    Ok(true)
}

/// The upstream that a text names: a remote-tracking branch, or another branch.
fn tracking(db: &DbRef, upstream: &str, selected: &str) -> Result<BranchConfig> {
    let store = &db.handle.store;
    if let Some((remote, theirs)) = upstream.split_once('/')
        && revision::commit(db, upstream).is_ok()
        && store.repo_state().remotes.contains_key(remote)
    {
        return Ok(BranchConfig {
            head: ref_name::branch(theirs),
            remote: remote.to_string(),
        });
    }
    if store.branch(upstream).is_none() {
        return Err(Error::general(format!("branch not found: '{upstream}'")));
    }
    if upstream == selected {
        return Err(Error::general(format!(
            "\tnot setting '{selected}' as its own upstream"
        )));
    }
    Ok(BranchConfig {
        head: ref_name::branch(upstream),
        remote: String::new(),
    })
}

fn track(db: &DbRef, branch: &str, config: BranchConfig) -> Result<()> {
    db.handle.store.edit_repo_state(|s| {
        s.branches.insert(branch.to_string(), config);
    })?;
    Ok(())
}

fn set_upstream_of(session: &Session, db: &DbRef, a: &Arguments, upstream: &str) -> Result<()> {
    let current = session.head(&db.handle);
    let branch = a.positional.first().unwrap_or(&current);
    if a.positional.len() > 2 {
        return Err(usage());
    }
    let config = tracking(db, upstream, branch)?;
    if db.handle.store.branch(branch).is_none() {
        let start = a.positional.get(1).map_or("HEAD", String::as_str);
        create(session, db, branch, start, a.has("force"))?;
    }
    track(db, branch, config)
}

fn copy(session: &Session, db: &DbRef, a: &Arguments) -> Result<()> {
    let [from, to] = a.positional.as_slice() else {
        return Err(usage());
    };
    if from.is_empty() || to.is_empty() {
        return Err(Error::general("error: cannot branch empty string"));
    }
    let store = &db.handle.store;
    let Some(from) = store.find_branch(from)? else {
        return Err(Error::general(format!(
            "fatal: A branch named '{from}' not found"
        )));
    };
    if ref_name::check_user_branch(to).is_err() {
        return Err(Error::general(format!(
            "fatal: '{to}' is not a valid branch name."
        )));
    }
    session.require_create_branch(&db.handle, to)?;
    if a.has("force") {
        session.require_delete_branch(&db.handle, to)?;
    }
    create(session, db, to, &from, a.has("force"))
}

/// Whether another session stands on a branch.
fn is_used_elsewhere(session: &Session, db: &DbRef, branch: &str) -> bool {
    let default = db.handle.store.current_branch();
    session.instance.processes().iter().any(|p| {
        if p.id == session.connection_id() {
            return false;
        }
        let Ok(activity) = p.activity.lock() else {
            return false;
        };
        let Some(name) = &activity.database else {
            return false;
        };
        let (base, revision) = match name.split_once(['/', '@']) {
            Some((base, revision)) => (base, Some(revision)),
            None => (
                name.as_str(),
                activity.heads.get(&db.handle.key).map(String::as_str),
            ),
        };
        base.eq_ignore_ascii_case(&db.handle.name)
            && revision.unwrap_or(&default).eq_ignore_ascii_case(branch)
    })
}

const IN_USE: &str =
    "unsafe to delete or rename branches in use in other sessions; use --force to force the change";

/// Fails on a server for the branch on which new sessions begin.
fn keep_default_branch(session: &Session, db: &DbRef, branch: &str, action: &str) -> Result<()> {
    // Dolt has this variable for its tests.
    let allowed = session.user_variable("dolt_allow_default_branch_deletion");
    let default = db.handle.store.current_branch();
    if !session.instance.settings.is_server || !allowed.is_null() || default != branch {
        return Ok(());
    }
    let name = &db.handle.name;
    Err(Error::general(format!(
        "unable to {action} branch '{branch}', because it is the default branch for database \
         '{name}'; this can by changed on the command line, by stopping the sql-server, running \
         `dolt checkout <another_branch> and restarting the sql-server"
    )))
}

fn rename(session: &Session, db: &DbRef, a: &Arguments) -> Result<()> {
    let [from, to] = a.positional.as_slice() else {
        return Err(usage());
    };
    if from.is_empty() || to.is_empty() {
        return Err(Error::general("error: cannot branch empty string"));
    }
    let store = &db.handle.store;
    let Some(from) = store.find_branch(from)? else {
        return Err(Error::general("branch not found"));
    };
    session.require_delete_branch(&db.handle, &from)?;
    session.require_create_branch(&db.handle, to)?;
    if a.has("force") {
        // Asked for even where there is nothing to replace yet, as Dolt does.
        session.require_delete_branch(&db.handle, to)?;
    }
    if *to == from {
        return Ok(());
    }
    if !a.has("force") {
        if is_used_elsewhere(session, db, &from) {
            return Err(Error::general(IN_USE));
        }
        keep_default_branch(session, db, &from, "rename")?;
    }
    if ref_name::check_user_branch(to).is_err() {
        return Err(Error::general("not a valid user branch name"));
    }
    if let Some(existing) = store.find_branch(to)?
        && !a.has("force")
        && existing != from
    {
        return Err(exists(&existing));
    }
    let current = session.head(&db.handle);
    let _one_at_a_time = db.handle.lock_commits();
    store.rename_branch(&from, to, a.has("force"))?;
    session.own_branch(&db.handle, to)?;
    if current == from {
        session.set_head(&db.handle, to);
    }
    store.edit_repo_state(|s| {
        if s.branch() == from {
            s.head = ref_name::branch(to);
        }
        let config: BTreeMap<_, _> = std::mem::take(&mut s.branches).into_iter().collect();
        s.branches = config
            .into_iter()
            .map(|(name, c)| (if name == from { to.clone() } else { name }, c))
            .collect();
    })?;
    const FIRST_BRANCH: &str = "init.defaultbranch";
    let mut config = store.local_config()?;
    if config.get(FIRST_BRANCH) == Some(&from) {
        config.insert(FIRST_BRANCH.to_string(), to.clone());
        store.set_local_config(&config)?;
    }
    Ok(())
}

fn delete(session: &Session, db: &DbRef, a: &Arguments) -> Result<()> {
    if a.positional.is_empty() {
        return Err(usage());
    }
    let force = a.has("D") || a.has("force");
    let store = &db.handle.store;
    for name in &a.positional {
        if name.is_empty() {
            return Err(Error::general("error: cannot branch empty string"));
        }
        if a.has("remote") {
            let tracking = format!("refs/remotes/{name}");
            if store.get_ref(&tracking).is_none() {
                return Err(Error::general("branch not found"));
            }
            store.edit_refs(&[model::RefEdit::remove(tracking, model::Expected::Any)])?;
            continue;
        }
        let Some(name) = store.find_branch(name)? else {
            return Err(Error::general("branch not found"));
        };
        session.require_delete_branch(&db.handle, &name)?;
        keep_default_branch(session, db, &name, "delete")?;
        if db.revision == Revision::Branch(name.clone()) {
            return Err(Error::general(format!(
                "Cannot delete checked out branch '{name}'"
            )));
        }
        if !force && is_used_elsewhere(session, db, &name) {
            return Err(Error::general(IN_USE));
        }
        let commit = revision::commit(db, &name)?;
        if !force {
            let upstream = store.repo_state().branches.get(&name).and_then(|c| {
                let theirs = c.head.strip_prefix("refs/heads/")?;
                let at = store.get_ref(&ref_name::remote_branch(&c.remote, theirs))?;
                Some(model::CommitId(at))
            });
            let into = match upstream {
                Some(id) => id,
                None => revision::head(db)?,
            };
            if !versioning::is_ancestor(store.objects(), commit, into)? {
                return Err(Error::general(format!(
                    "branch '{name}' is not fully merged"
                )));
            }
        }
        let _one_at_a_time = db.handle.lock_commits();
        store.delete_branch(&name)?;
        session.forget_head(&db.handle, &name);
    }
    Ok(())
}
