//! `dolt_remote`.

use std::collections::BTreeMap;

use model::{Expected, RefEdit, Remote};

use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[("ref", "", Takes::Value)];

/// Adds or removes a remote.
pub fn remote(_: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let store = &db.handle.store;
    let words: Vec<&str> = a.positional.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => {
            return Err(Error::general(
                "error: invalid argument, use 'dolt_remotes' system table to list remotes",
            ));
        }
        ["add", name, url] => {
            if name.is_empty() || name.contains([' ', '/', ':', '?', '[', '\\', '^', '~', '*', '@'])
            {
                return Err(Error::general("remote name invalid"));
            }
            if store.repo_state().remotes.contains_key(*name) {
                return Err(Error::general("remote already exists"));
            }
            let remote = Remote {
                name: (*name).to_string(),
                url: (*url).to_string(),
                fetch_specs: vec![format!("refs/heads/*:refs/remotes/{name}/*")],
                params: BTreeMap::new(),
            };
            store.edit_repo_state(|s| {
                s.remotes.insert((*name).to_string(), remote);
            })?;
        }
        ["remove" | "rm", name] => {
            if !store.repo_state().remotes.contains_key(*name) {
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
                s.remotes.remove(*name);
                s.branches.retain(|_, c| c.remote != *name);
            })?;
        }
        _ => return Err(Error::general("error: invalid argument")),
    }
    Ok(status())
}
