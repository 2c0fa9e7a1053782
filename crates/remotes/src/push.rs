//! Push: branches and tags of a remote follow ours (spec 07 §10).

use chunks::HashSet;
use model::{CommitId, Database, Expected, ModelError, RefEdit, WorkingSet, ref_name};
use versioning::history::{FastForward, fast_forward};

use crate::{Error, Result, pull_chunks};

/// What became of a ref that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It moved, or is new.
    Moved,
    /// It was there already.
    UpToDate,
    /// It has commits that ours lacks.
    Rejected,
}

/// How often a push is tried when others push to the same remote meanwhile.
const ATTEMPTS: usize = 10;

/// Moves a branch of a remote to a commit of ours, and the tracking ref with it.
///
/// Without `force` the branch only moves forward, and only if it is still where it was seen.
/// With it, the branch's working set becomes clean.
pub fn push_branch(
    local: &Database,
    remote: &Database,
    commit: CommitId,
    to: &str,
    tracking: Option<&str>,
    force: bool,
) -> Result<Pushed> {
    let target = ref_name::branch(to);
    for _ in 0..ATTEMPTS {
        let current = remote.get_ref(&target);
        if !force && let Some(there) = current {
            // What we have never seen is not behind ours.
            let known = local.chunks().has(&there)? && !local.chunks().is_ghost(&there);
            let relation = match known {
                true => fast_forward(local.objects(), CommitId(there), commit)?,
                false => return Ok(Pushed::Rejected),
            };
            match relation {
                FastForward::UpToDate => return Ok(Pushed::UpToDate),
                FastForward::Possible => {}
                _ => return Ok(Pushed::Rejected),
            }
        }
        let (here, there) = (local.chunks(), remote.chunks());
        pull_chunks(&**there, &**here, &[commit.0], &HashSet::default())?;
        let mut edits = vec![RefEdit::set(
            target.clone(),
            commit.0,
            current.map_or(Expected::Absent, Expected::Is),
        )];
        if force {
            let set = WorkingSet::clean(remote.commit(commit)?.root).save(remote.objects())?;
            edits.push(RefEdit::set(ref_name::working_set(to), set, Expected::Any));
        }
        match remote.edit_refs(&edits) {
            Ok(()) => {}
            Err(ModelError::RefMoved(_) | ModelError::AlreadyExists(_)) => {
                remote.refresh()?;
                continue;
            }
            Err(e) => return Err(e.into()),
        }
        if let Some(tracking) = tracking {
            local.edit_refs(&[RefEdit::set(tracking, commit.0, Expected::Any)])?;
        }
        return Ok(Pushed::Moved);
    }
    Ok(Pushed::Rejected)
}

/// Sets a tag of a remote to a tag of ours.
pub fn push_tag(local: &Database, remote: &Database, from: &str, to: &str) -> Result<()> {
    let Some(tag) = local.get_ref(&ref_name::tag(from)) else {
        return Err(Error::BadRefSpec(from.to_string()));
    };
    pull_chunks(
        &**remote.chunks(),
        &**local.chunks(),
        &[tag],
        &HashSet::default(),
    )?;
    let edit = RefEdit::set(ref_name::tag(to), tag, Expected::Any);
    Ok(remote.edit_refs(&[edit])?)
}

/// Deletes a branch of a remote and the tracking ref here. Without `force` a branch with
/// uncommitted changes stays.
pub fn delete_branch(
    local: &Database,
    remote: &Database,
    branch: &str,
    tracking: Option<&str>,
    force: bool,
) -> Result<()> {
    if let Some(head) = remote.branch(branch) {
        if remote.branches()?.len() == 1 {
            return Err(Error::LastBranch);
        }
        if !force && let Some((_, set)) = remote.working_set(branch)? {
            let root = remote.commit(head)?.root;
            if set.working != root || set.staged != root {
                return Err(Error::Dirty);
            }
        }
        remote.delete_branch(branch)?;
    }
    let Some(tracking) = tracking else {
        return Ok(());
    };
    if local.get_ref(tracking).is_none() {
        return Err(Error::BranchNotFound);
    }
    Ok(local.edit_refs(&[RefEdit::remove(tracking, Expected::Any)])?)
}
