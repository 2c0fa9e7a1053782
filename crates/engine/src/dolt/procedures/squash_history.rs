//! `dolt_squash_history`: the end of a branch's history as one commit.

use model::{Commit, CommitId};
use versioning::Log;
use versioning::history::is_ancestor;

use super::{ProcedureResult, hash, row};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{BranchEdit, branch_of, edit_now};
use crate::dolt::commit::{meta, store_commit};
use crate::dolt::revision;
use crate::dolt::staging::is_dirty;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[("message", "m", Takes::Value), ("first", "f", Takes::Value)];

/// Puts one commit in the place of those from `--first` to the head. It has the head's root and
/// the parents of the first.
pub fn squash_history(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?.at_most("squash-history", 0)?;
    let message = match a.get("message") {
        Some(message) if !message.is_empty() => message,
        _ => {
            return Err(Error::general(
                "must provide a commit message with --message",
            ));
        }
    };
    branch_of(db)?;
    let id = edit_now(session, db, |e| {
        for (active, what) in [
            (e.set.merge.is_some(), "merge"),
            (e.set.rebase.is_some(), "rebase"),
        ] {
            if active {
                return Err(Error::general(format!(
                    "cannot squash history while a {what} is in progress; abort the {what} first"
                )));
            }
        }
        if is_dirty(&e.head_root()?, &e.staged()?, &e.working()?)? {
            return Err(Error::general(
                "cannot squash history with uncommitted changes",
            ));
        }
        let first = first(e, db, a.get("first"))?;
        if first.parents.is_empty() {
            return Err(Error::general("--first cannot be the initial commit"));
        }
        let meta = meta(e.session, message, None, None)?;
        store_commit(e, e.head_commit.root, first.parents, meta)
    })?;
    Ok(row([("hash", hash(id.0))]))
}

/// The oldest commit that is squashed: the one that is named, or the only child of the first.
fn first(e: &BranchEdit<'_>, db: &DbRef, spec: Option<&str>) -> Result<Commit> {
    let objects = e.handle.store.objects();
    if let Some(spec) = spec {
        let id = revision::commit(db, spec)?;
        if !is_ancestor(objects, id, e.head)? {
            return Err(Error::general("--first must be an ancestor of HEAD"));
        }
        return Ok(e.handle.store.commit(id)?);
    }
    let unsure = || Error::general("cannot determine a unique initial commit; specify --first");
    let mut initial: Option<CommitId> = None;
    for entry in Log::new(objects, &[e.head], &[])? {
        let (id, commit) = entry?;
        e.session.check_interrupt()?;
        if commit.parents.is_empty() && initial.replace(id).is_some() {
            return Err(unsure());
        }
    }
    let initial = initial.ok_or_else(unsure)?;
    // A second walk, rather than all commits in memory.
    let mut children = Vec::new();
    for entry in Log::new(objects, &[e.head], &[initial])? {
        let (_, commit) = entry?;
        e.session.check_interrupt()?;
        if commit.parents.contains(&initial) {
            children.push(commit);
        }
        if children.len() > 1 {
            break;
        }
    }
    let mut children = children.into_iter();
    match (children.next(), children.next()) {
        (None, _) => Err(Error::general(
            "nothing to squash: the branch contains only the initial commit",
        )),
        (Some(only), None) => Ok(only),
        _ => Err(Error::general(
            "the initial commit has multiple children; specify --first with the commit to squash from",
        )),
    }
}
