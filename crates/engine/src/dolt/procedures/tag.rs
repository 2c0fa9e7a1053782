//! `dolt_tag`.

use model::{ModelError, Tag, ref_name};

use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::commit::{now_millis, parse_author};
use crate::dolt::revision;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("message", "m", Takes::Value),
    ("author", "", Takes::Value),
    ("delete", "d", Takes::Flag),
    ("verbose", "v", Takes::Flag),
];

/// Tags a commit, or deletes tags.
pub fn tag(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    if a.positional.is_empty() || a.has("verbose") {
        return Err(Error::general(
            "error: invalid argument, use 'dolt_tags' system table to list tags",
        ));
    }
    let store = &db.handle.store;
    if a.has("delete") {
        if a.has("message") {
            return Err(Error::general(
                "delete and tag message options are incompatible",
            ));
        }
        for name in &a.positional {
            store.delete_tag(name).map_err(|e| match e {
                ModelError::BranchNotFound(_) => Error::general("tag not found"),
                e => e.into(),
            })?;
        }
        return Ok(status());
    }
    let (name, start) = match a.positional.as_slice() {
        [name] => (name, "HEAD"),
        [name, start] => (name, start.as_str()),
        _ => return Err(Error::general("create tag takes at most two args")),
    };
    if ref_name::check_tag(name).is_err() {
        return Err(Error::general("not a valid user tag name"));
    }
    let commit = revision::commit(db, start)?;
    let tagger = match a.get("author") {
        Some(author) => parse_author(author)?,
        None => session.committer(),
    };
    let now = now_millis(session);
    let tag = Tag {
        commit,
        tagger,
        message: a.get("message").unwrap_or("").to_string(),
        millis: now.max(0) as u64,
        user_millis: now,
    };
    store.create_tag(name, &tag).map_err(|e| match e {
        ModelError::AlreadyExists(_) | ModelError::RefMoved(_) => Error::general("already exists"),
        e => e.into(),
    })?;
    Ok(status())
}
