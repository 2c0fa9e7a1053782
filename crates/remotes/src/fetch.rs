//! Fetch: tracking branches follow the branches of a remote (spec 07 §11).

use chunks::{Hash, HashSet};
use model::{Database, Expected, RefEdit, Tag, ref_name};

use crate::{Error, FetchSpec, Result, pull_chunks};

/// The branches and tags of a database, by their full names.
pub(crate) fn heads(db: &Database) -> Result<Vec<(String, Hash)>> {
    let refs = db.refs();
    let mut out = Vec::new();
    for prefix in [ref_name::HEADS, ref_name::TAGS] {
        for (name, hash) in refs.with_prefix(prefix)? {
            out.push((format!("{prefix}{name}"), hash));
        }
    }
    Ok(out)
}

/// Brings what the specs ask for, moves the tracking refs whatever they were, and copies the
/// tags of commits that are here now. With `prune`, tracking refs that have no counterpart
/// there go away. `by_default` says that nobody asked for anything in particular, so that an
/// empty remote is no mistake.
pub fn fetch(
    local: &Database,
    remote: &Database,
    name: &str,
    specs: &[FetchSpec],
    by_default: bool,
    prune: bool,
) -> Result<()> {
    let theirs = heads(remote)?;
    if theirs.is_empty() {
        return match by_default {
            true => Ok(()),
            false => Err(Error::NoBranches(name.to_string())),
        };
    }
    let mut wanted = Vec::new();
    let mut edits: Vec<RefEdit> = Vec::new();
    for spec in specs {
        let before = edits.len();
        for (there, hash) in &theirs {
            if let Some(here) = spec.target(there) {
                wanted.push(*hash);
                edits.push(RefEdit::set(here, *hash, Expected::Any));
            }
        }
        if edits.len() == before {
            return Err(Error::BadRefSpec(spec.text().to_string()));
        }
    }
    pull_chunks(
        &**local.chunks(),
        &**remote.chunks(),
        &wanted,
        &HashSet::default(),
    )?;
    if prune {
        let prefix = format!("{}{name}/", ref_name::REMOTES);
        for (branch, _) in local.refs().with_prefix(&prefix)? {
            let tracking = format!("{prefix}{branch}");
            if !edits.iter().any(|e| e.name == tracking) {
                edits.push(RefEdit::remove(tracking, Expected::Any));
            }
        }
    }
    edits.retain(|e| local.get_ref(&e.name) != e.new);
    if !edits.is_empty() {
        local.edit_refs(&edits)?;
    }
    follow_tags(local, remote)
}

/// Copies the tags of a remote whose commits are here, unless they are here themselves.
pub fn follow_tags(local: &Database, remote: &Database) -> Result<()> {
    let (here, there) = (local.chunks(), remote.chunks());
    let mut wanted = Vec::new();
    let mut edits = Vec::new();
    for (name, hash) in remote.refs().with_prefix(ref_name::TAGS)? {
        if here.has(&hash)? {
            continue;
        }
        let commit = Tag::open(remote.objects(), &hash)?.commit.0;
        if here.has(&commit)? && !here.is_ghost(&commit) {
            wanted.push(hash);
            edits.push(RefEdit::set(ref_name::tag(&name), hash, Expected::Any));
        }
    }
    if edits.is_empty() {
        return Ok(());
    }
    pull_chunks(&**here, &**there, &wanted, &HashSet::default())?;
    Ok(local.edit_refs(&edits)?)
}
