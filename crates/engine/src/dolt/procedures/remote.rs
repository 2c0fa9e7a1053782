//! `dolt_remote`, and the remotes of a database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{Database, Expected, RefEdit, Remote, RepoState};
use remotes::Location;

use super::{ProcedureResult, status};
use crate::dolt::arguments::{Arguments, OptionSpec, Takes, parse};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[("ref", "", Takes::Value)];

/// Characters that names of remotes do not have (spec 07 §1.2).
const FORBIDDEN: &str = " \t\n\r./\\!@#$%^&*(){}[],<>'\"?=+|";

/// What a branch is fetched from when nobody says.
pub const DEFAULT_NAME: &str = "origin";

/// Adds or removes a remote.
pub fn remote(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let words: Vec<&str> = a.positional.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => {
            return Err(Error::general(
                "error: invalid argument, use 'dolt_remotes' system table to list remotes",
            ));
        }
        ["add", name, url] => add(session, db, name.trim(), url, &a)?,
        ["remove" | "rm", name] => remove(db, name.trim())?,
        _ => return Err(Error::general("error: invalid argument")),
    }
    Ok(status())
}

/// The directory that relative addresses start from.
pub fn base_directory(session: &Session, store: Option<&Database>) -> PathBuf {
    let own = store.and_then(|s| s.dir().map(Path::to_path_buf));
    own.or_else(|| session.instance.data_dir.clone())
        .unwrap_or_default()
}

/// The absolute form of an address; a directory that it names is made.
pub fn absolute(session: &Session, store: Option<&Database>, url: &str) -> Result<Location> {
    let location = remotes::absolute(url, &base_directory(session, store))?;
    remotes::prepare(&location, &session.instance.settings.disk)?;
    Ok(location)
}

/// A remote with the usual fetch spec.
pub fn new_remote(name: &str, url: String, params: BTreeMap<String, String>) -> Remote {
    Remote {
        name: name.to_string(),
        url,
        fetch_specs: vec![format!("refs/heads/*:refs/remotes/{name}/*")],
        params,
    }
}

/// Fails where another entry forbids an address: a backup shares its address with nothing.
pub fn check_address(state: &RepoState, url: &str, is_backup: bool) -> Result<()> {
    let remotes = state.remotes.values().filter(|_| is_backup);
    match remotes.chain(state.backups.values()).find(|r| r.url == url) {
        Some(other) => Err(Error::general(format!(
            "address conflict with a remote: '{}' -> {url}",
            other.name
        ))),
        None => Ok(()),
    }
}

/// Whether a remote or a backup may have a name.
pub fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c| FORBIDDEN.contains(c))
}

fn add(session: &Session, db: &DbRef, name: &str, url: &str, a: &Arguments) -> Result<()> {
    let store = &db.handle.store;
    let location = absolute(session, Some(store), url)?;
    let mut params = BTreeMap::new();
    if let Some(git_ref) = a.get("ref") {
        if git_ref.trim().is_empty() {
            return Err(Error::general("error: --ref cannot be empty"));
        }
        if !location.scheme.starts_with("git+") {
            return Err(Error::general(
                "error: --ref is only supported for git remotes",
            ));
        }
        params.insert("git_ref".to_string(), git_ref.trim().to_string());
    }
    if !is_valid_name(name) {
        return Err(Error::general("remote name invalid"));
    }
    let state = store.repo_state();
    if state.remotes.contains_key(name) {
        return Err(Error::general("remote already exists"));
    }
    check_address(&state, &location.url, false)?;
    store.edit_repo_state(|s| {
        s.remotes
            .insert(name.to_string(), new_remote(name, location.url, params));
    })?;
    Ok(())
}

fn remove(db: &DbRef, name: &str) -> Result<()> {
    let store = &db.handle.store;
    if !store.repo_state().remotes.contains_key(name) {
        return Err(Error::general(format!("error: unknown remote: '{name}'")));
    }
    let prefix = format!("refs/remotes/{name}/");
    let edits: Vec<RefEdit> = store
        .refs()
        .with_prefix(&prefix)?
        .into_iter()
        .map(|(name, _)| RefEdit::remove(format!("{prefix}{name}"), Expected::Any))
        .collect();
    if !edits.is_empty() {
        store.edit_refs(&edits)?;
    }
    store.edit_repo_state(|s| {
        s.remotes.remove(name);
        for config in s.branches.values_mut().filter(|c| c.remote == name) {
            config.remote.clear();
        }
    })?;
    Ok(())
}

/// Opens a remote of a database.
pub fn open(session: &Session, remote: &Remote) -> Result<Database> {
    let location = Location::parse(&remote.url)?;
    Ok(remotes::open(&location, &session.instance.settings.disk)?)
}

/// The only remote, or the one of the usual name (Dolt's `GetDefaultRemote`).
pub fn default_remote(state: &RepoState) -> Result<Option<Remote>> {
    let mut all = state.remotes.values();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.clone())),
        _ => match state.remotes.get(DEFAULT_NAME) {
            Some(origin) => Ok(Some(origin.clone())),
            None => Err(Error::general("unable to determine the default remote")),
        },
    }
}

/// A remote by its name.
pub fn named(state: &RepoState, name: &str) -> Result<Remote> {
    state.remotes.get(name).cloned().ok_or_else(|| {
        Error::general(format!(
            "fatal: remote '{name}' not found.\nPlease make sure the remote exists."
        ))
    })
}
