//! `dolt_backup`.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use model::Remote;
use remotes::Location;

use super::remote::{absolute, check_address, is_valid_name, new_remote, open};
use super::{ProcedureResult, status};
use crate::dolt::arguments::{Arguments, OptionSpec, Takes, parse};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("verbose", "v", Takes::Flag),
    ("force", "f", Takes::Flag),
    ("ref", "", Takes::Value),
    ("aws-region", "", Takes::Value),
    ("aws-creds-type", "", Takes::Value),
    ("aws-creds-file", "", Takes::Value),
    ("aws-creds-profile", "", Takes::Value),
    ("prune-with-grace-period", "", Takes::Value),
];

const PRUNE: &str = "prune-with-grace-period";

const AWS: &[&str] = &[
    "aws-region",
    "aws-creds-type",
    "aws-creds-file",
    "aws-creds-profile",
];

fn usage(word: &str, needed: &[&str], optional: &[&str]) -> Error {
    let mut text = format!("usage: dolt_backup('{word}'");
    for n in needed {
        text += &format!(", '{n}'");
    }
    for o in optional {
        text += &format!(", ['{o}']");
    }
    Error::general(text + ")")
}

const AWS_USAGE: &[&str] = &[
    "--aws-region=<region>",
    "--aws-creds-type=<type>",
    "--aws-creds-file=<file>",
    "--aws-creds-profile=<profile>",
];

/// Keeps, lists, fills and reads copies of whole databases.
pub fn backup(session: &Session, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let words: Vec<&str> = a.positional.iter().map(String::as_str).collect();
    let Some(word) = words.first() else {
        return Err(Error::general("use 'dolt_backups' table to list backups"));
    };
    let database = || {
        if session.current_database().is_none() {
            return Err(Error::general("empty database name"));
        }
        session.current()
    };
    if a.has(PRUNE) && !matches!(*word, "sync" | "sync-url") {
        return Err(Error::general(format!(
            "--{PRUNE} is only supported with 'sync' and 'sync-url'"
        )));
    }
    let grace = grace_period(session, &a)?;
    if session.instance.settings.is_server && AWS.iter().any(|o| a.has(o)) {
        return Err(Error::general(
            "AWS parameters are unavailable when running in server mode",
        ));
    }
    match words.as_slice() {
        ["add", name, url] => add(session, &database()?, name, url, &a)?,
        ["add", ..] => return Err(usage("add", &["name", "url"], AWS_USAGE)),
        ["remove" | "rm", name] => {
            let db = database()?;
            let known = db.handle.store.repo_state().backups.contains_key(*name);
            if !known {
                return Err(not_found(name));
            }
            db.handle.store.edit_repo_state(|s| {
                s.backups.remove(*name);
            })?;
        }
        ["remove" | "rm", ..] => return Err(usage(word, &["name"], &[])),
        ["sync", name] => {
            let db = database()?;
            let state = db.handle.store.repo_state();
            let to = state.backups.get(*name).ok_or_else(|| not_found(name))?;
            sync(session, &db, to, grace)?;
        }
        ["sync", ..] => return Err(usage("sync", &["name"], &[])),
        ["sync-url", url] => {
            let db = database()?;
            let location = address(session, &db, url, &a)?;
            let to = new_remote("sync-url", location.url, BTreeMap::new());
            sync(session, &db, &to, grace)?;
        }
        ["sync-url", ..] => return Err(usage("sync-url", &["remote_url"], AWS_USAGE)),
        ["restore", url, name] => restore(session, url, name, a.has("force"))?,
        ["restore", ..] => {
            let mut optional = vec!["--force"];
            optional.extend(AWS_USAGE);
            return Err(usage("restore", &["remote_url", "new_db_name"], &optional));
        }
        _ => {
            return Err(Error::general(format!(
                "unrecognized dolt_backup parameter '{word}'"
            )));
        }
    }
    Ok(status())
}

/// What `--prune-with-grace-period` asks for.
fn grace_period(session: &Session, a: &Arguments) -> Result<Option<Duration>> {
    let Some(text) = a.get(PRUNE) else {
        return Ok(None);
    };
    let Some(grace) = remotes::parse_duration(text) else {
        return Err(Error::general(format!(
            "invalid value for --{PRUNE}: time: invalid duration \"{text}\""
        )));
    };
    let least = session.instance.settings.backup_prune_min_grace;
    if grace < least {
        return Err(Error::general(format!(
            "--{PRUNE} must be at least {}, got {}",
            remotes::show_duration(least),
            remotes::show_duration(grace)
        )));
    }
    Ok(Some(grace))
}

fn not_found(name: &str) -> Error {
    Error::general(format!("backup '{name}' not found"))
}

fn address(session: &Session, db: &DbRef, url: &str, a: &Arguments) -> Result<Location> {
    if url.is_empty() {
        return Err(Error::general(format!("backup URL '{url}' is invalid")));
    }
    let location = absolute(session, Some(&db.handle.store), url)?;
    let given: Vec<&str> = AWS.iter().filter(|o| a.has(o)).copied().collect();
    if !given.is_empty() && location.scheme != "aws" {
        return Err(Error::general(format!(
            "The parameters {}, are only valid for aws remotes",
            given.join(", ")
        )));
    }
    if a.has("ref") && !location.scheme.starts_with("git+") {
        return Err(Error::general(
            "error: --ref is only supported for git remotes",
        ));
    }
    Ok(location)
}

fn add(session: &Session, db: &DbRef, name: &str, url: &str, a: &Arguments) -> Result<()> {
    let location = address(session, db, url, a)?;
    let params: BTreeMap<String, String> = AWS
        .iter()
        .filter_map(|o| Some(((*o).to_string(), a.get(o)?.to_string())))
        .collect();
    let store = &db.handle.store;
    let state = store.repo_state();
    if state.backups.contains_key(name) {
        return Err(Error::general(format!("backup '{name}' already exists")));
    }
    if !is_valid_name(name) {
        return Err(Error::general(format!("backup name '{name}' is invalid")));
    }
    check_address(&state, &location.url, true)?;
    let backup = new_remote(name, location.url, params);
    store.edit_repo_state(|s| {
        s.backups.insert(name.to_string(), backup);
    })?;
    Ok(())
}

/// Fills a backup, after pruning it where a grace period says so. What a prune did, or why it
/// failed, is a warning: it must not stop the sync.
fn sync(session: &Session, db: &DbRef, to: &Remote, grace: Option<Duration>) -> Result<()> {
    let location = Location::parse(&to.url)?;
    remotes::prepare(&location, &session.instance.settings.disk)?;
    if let Some(grace) = grace {
        let now = UNIX_EPOCH
            + Duration::from_micros(session.instance.clock.now_micros().max(0).unsigned_abs());
        let text = match remotes::prune(&location, grace, now) {
            Ok(done) => format!("Pruning {}: {done}", to.url),
            Err(e) => format!("pruning {} failed, continuing with sync: {e}", to.url),
        };
        session.push_warning(1105, text);
    }
    remotes::sync(&db.handle.store, &open(session, to)?)?;
    Ok(())
}

fn restore(session: &Session, url: &str, name: &str, force: bool) -> Result<()> {
    let instance = &session.instance;
    let Some(root) = instance.place() else {
        return Err(Error::general(
            "cannot restore: this server keeps its databases in memory",
        ));
    };
    let location = remotes::absolute(url, root.path())?;
    let source = remotes::open(&location, &instance.settings.disk)?;
    let known = instance.database(name).is_some();
    if (known || root.kind(name)?.is_some()) && !force {
        return Err(Error::general(format!(
            "database '{name}' already exists, use '--force' to overwrite"
        )));
    }
    // The copy is complete, and durable, before anything makes room for it.
    let aside = format!(".restoring-{name}");
    let copy = root.child(&aside);
    if copy.exists() {
        copy.remove_all()?;
    }
    copy.create()?;
    let branch = &instance.settings.default_branch;
    let made = remotes::restore(&source, copy.path(), branch, &instance.open_options());
    match made {
        Ok(store) => drop(store),
        Err(e) => {
            // The first failure is the one to tell of; the next attempt removes what is left.
            let _ = copy.remove_all();
            return Err(e.into());
        }
    }
    if known {
        instance.drop_database(name)?;
    } else if root.child(name).exists() {
        root.child(name).remove_all()?;
    }
    root.rename(&aside, name)?;
    root.sync()?;
    instance.attach(name, root.child(name).path())
}
