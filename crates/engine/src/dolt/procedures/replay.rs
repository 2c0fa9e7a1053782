//! `dolt_cherry_pick`, and what it has in common with `dolt_revert` and `dolt_rebase`.

use model::{CommitId, MergeState};
use values::Value;
use versioning::{MergeOptions, MergeOutcome, merge_roots, table_deltas};

use super::merge::{abort_state, table_counts};
use super::{ProcedureResult, hash, row, text};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{BranchEdit, edit, edit_now};
use crate::dolt::commit::{meta, store_commit};
use crate::dolt::logic::SessionLogic;
use crate::dolt::revision;
use crate::dolt::staging::{is_dirty, stage_all, unstaged};
use crate::dolt::validate::tables_with_artifacts;
use crate::dolt::verification::{is_failure, verify};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

/// What became of it.
pub(super) enum Replayed {
    /// A commit.
    Made(CommitId),
    /// Tables with data conflicts, schema conflicts and violations.
    Counts(i64, i64, i64),
    /// Tests failed; what was picked stays staged.
    Unverified(Error),
}

pub(super) fn result(done: Replayed) -> Result<ProcedureResult> {
    let (id, counts) = match done {
        Replayed::Made(id) => (hash(id.0), (0, 0, 0)),
        Replayed::Counts(d, s, v) => (text(""), (d, s, v)),
        Replayed::Unverified(failed) => return Err(failed),
    };
    Ok(row([
        ("hash", id),
        ("data_conflicts", Value::Int(counts.0)),
        ("schema_conflicts", Value::Int(counts.1)),
        ("constraint_violations", Value::Int(counts.2)),
    ]))
}

/// Runs an edit in the open transaction if it leaves conflicts there, else at once.
pub(super) fn run<'s>(
    session: &'s Session,
    db: &DbRef,
    action: impl Fn(&mut BranchEdit<'s>) -> Result<Replayed>,
) -> Result<Replayed> {
    if !session.open_transaction().explicit {
        return edit_now(session, db, &action);
    }
    // A first try in the transaction: it fails when it would have moved the head.
    let tried = edit(session, db, |e| match action(e)? {
        counts @ Replayed::Counts(..) => Ok(counts),
        Replayed::Made(_) | Replayed::Unverified(_) => Err(Error::general(AT_ONCE)),
    });
    match tried {
        Err(e) if e.message == AT_ONCE => edit_now(session, db, &action),
        other => other,
    }
}

/// Marks a try that must be made outside of the transaction.
const AT_ONCE: &str = "the head moves at once";

/// Merges what leads from one commit to another into the working root.
pub(super) fn merge(
    e: &BranchEdit<'_>,
    theirs: CommitId,
    base: CommitId,
    pick: bool,
) -> Result<MergeOutcome> {
    let options = MergeOptions {
        is_cherry_pick: pick,
        ..MergeOptions::default()
    };
    let logic = SessionLogic::new(e.session, e.handle.store.objects());
    let (ours, t, b) = (e.working()?, e.root_of(theirs)?, e.root_of(base)?);
    Ok(merge_roots(
        &ours,
        &t,
        &b,
        (theirs.0, base.0),
        &options,
        &logic,
    )?)
}

/// Stages the tables that a merge left nothing to resolve in.
pub(super) fn stage_clean(e: &mut BranchEdit<'_>, outcome: &MergeOutcome) -> Result<()> {
    let dirty = |name: &str| {
        outcome
            .stats
            .get(name)
            .is_some_and(|s| s.data_conflicts > 0 || s.violations > 0)
    };
    let staged = e.staged()?;
    let all = stage_all(&staged, &outcome.root, true, false)?;
    let mut root = all;
    for (name, _) in outcome.root.tables()? {
        if dirty(&name) {
            root = root.with_table_hashes([(name.as_str(), staged.table_hash(&name)?)])?;
        }
    }
    e.set_staged(&root)
}

const PICK_OPTIONS: &[OptionSpec] = &[
    ("abort", "", Takes::Flag),
    ("continue", "", Takes::Flag),
    ("allow-empty", "", Takes::Flag),
    ("skip-verification", "", Takes::Flag),
];

/// Makes the changes of a commit again, on the branch.
pub fn cherry_pick(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(PICK_OPTIONS, args)?;
    if a.has("abort") && a.has("continue") {
        return Err(Error::general(
            "error: --continue and --abort are mutually exclusive",
        ));
    }
    if a.has("abort") {
        let action = |e: &mut BranchEdit<'_>| match e.set.merge.clone() {
            Some(state) if state.is_cherry_pick => abort_state(e, &state),
            _ => Err(Error::general(
                "error: There is no cherry-pick merge to abort",
            )),
        };
        edit(session, db, action)?;
        return result(Replayed::Counts(0, 0, 0));
    }
    if a.has("continue") {
        return run(session, db, continue_pick).and_then(result);
    }
    let spec = match a.positional.as_slice() {
        [] => return Err(Error::general("cannot cherry-pick empty string")),
        [spec] if spec.is_empty() => return Err(Error::general("cannot cherry-pick empty string")),
        [spec] => spec.clone(),
        _ => {
            return Err(Error::general(
                "cherry-picking multiple commits is not supported yet",
            ));
        }
    };
    let id = revision::commit(db, &spec)?;
    let how = PickHow {
        keep_empty: a.has("allow-empty"),
        skip_verification: a.has("skip-verification"),
        ..PickHow::default()
    };
    run(session, db, |e| pick(e, id, &spec, &how)).and_then(result)
}

fn pick(e: &mut BranchEdit<'_>, id: CommitId, spec: &str, how: &PickHow) -> Result<Replayed> {
    if is_dirty(&e.head_root()?, &e.staged()?, &e.working()?)? {
        return Err(Error::general(
            "cannot cherry-pick with uncommitted changes",
        ));
    }
    match pick_with(e, id, spec, how)? {
        Picked::Made(id) => Ok(Replayed::Made(id)),
        Picked::Unverified(failed) => Ok(Replayed::Unverified(failed)),
        Picked::Conflicts(d, s, v) => Ok(Replayed::Counts(d, s, v)),
        Picked::Nothing => Err(Error::general("no changes were made, nothing to commit")),
    }
}

/// How a commit is made again.
#[derive(Default)]
pub(super) struct PickHow {
    /// The message; none keeps that of the commit.
    pub message: Option<String>,
    /// The head is replaced instead of followed.
    pub amend: bool,
    /// A commit that was empty is made.
    pub keep_empty: bool,
    /// A commit that has become empty is made.
    pub keep_becoming_empty: bool,
    /// No tests are run first.
    pub skip_verification: bool,
}

/// What became of a commit that was made again.
pub(super) enum Picked {
    /// A commit.
    Made(CommitId),
    /// Tables with data conflicts, schema conflicts and violations.
    Conflicts(i64, i64, i64),
    /// The branch has its changes already.
    Nothing,
    /// Tests failed; the changes stay staged.
    Unverified(Error),
}

/// Makes the changes of a commit again on a clean branch.
pub(super) fn pick_with(
    e: &mut BranchEdit<'_>,
    id: CommitId,
    spec: &str,
    how: &PickHow,
) -> Result<Picked> {
    let picked = e.handle.store.commit(id)?;
    let parent = match picked.parents.as_slice() {
        [parent] => *parent,
        [] => {
            return Err(Error::general(
                "cherry-picking a commit without parents is not supported",
            ));
        }
        _ => {
            return Err(Error::general(
                "cherry-picking a merge commit is not supported",
            ));
        }
    };
    let was_empty = picked.root == e.handle.store.commit(parent)?.root;
    if was_empty && !how.keep_empty {
        return Err(Error::general(
            "The previous cherry-pick commit is empty. Use --allow-empty to cherry-pick empty commits.",
        ));
    }
    let outcome = merge(e, id, parent, true)?;
    let pre_working = e.set.working;
    e.set_working(&outcome.root)?;
    stage_clean(e, &outcome)?;
    let picking = MergeState {
        pre_working,
        from_commit: id,
        from_spec: spec.to_string(),
        unmergable_tables: Vec::new(),
        is_cherry_pick: true,
        is_revert: false,
        pre_merge_head: Some(e.head),
        pending: Vec::new(),
    };
    if outcome.has_artifacts() {
        e.set.merge = Some(picking);
        let (d, s, v) = table_counts(&outcome);
        return Ok(Picked::Conflicts(d, s, v));
    }
    let empty = table_deltas(&e.head_root()?, &e.staged()?)?.is_empty();
    if empty && !was_empty && !how.keep_becoming_empty {
        return Ok(Picked::Nothing);
    }
    match commit_as(e, &picked, how) {
        Err(failed) if is_failure(&failed) => {
            e.set.merge = Some(picking);
            Ok(Picked::Unverified(failed))
        }
        made => made.map(Picked::Made),
    }
}

/// A commit of what is staged, in the name of another one.
fn commit_as(e: &mut BranchEdit<'_>, original: &model::Commit, how: &PickHow) -> Result<CommitId> {
    if !how.skip_verification {
        verify(e)?;
    }
    let m = &original.meta;
    let message = how.message.as_deref().unwrap_or(&m.message);
    let mut meta = meta(e.session, message, None, None)?;
    meta.author = m.author.clone();
    meta.author_millis = m.author_millis;
    let parents = match how.amend {
        true => e.head_commit.parents.clone(),
        false => vec![e.head],
    };
    let staged = e.set.staged;
    let id = store_commit(e, staged, parents, meta)?;
    e.set.merge = None;
    Ok(id)
}

fn continue_pick(e: &mut BranchEdit<'_>) -> Result<Replayed> {
    let state = match &e.set.merge {
        Some(state) if state.is_cherry_pick => state.clone(),
        _ => {
            return Err(Error::general(
                "error: There is no cherry-pick merge to continue",
            ));
        }
    };
    if let Some(counts) = unresolved(e)? {
        return Ok(counts);
    }
    if !unstaged(&e.staged()?, &e.working()?)?.is_empty() {
        return Err(Error::general(
            "error: cannot continue cherry-pick with unstaged changes",
        ));
    }
    if e.set.staged == e.head_commit.root {
        return Err(Error::general("error: no changes to commit"));
    }
    let picked = e.handle.store.commit(state.from_commit)?;
    commit_as(e, &picked, &PickHow::default()).map(Replayed::Made)
}

/// Tables that are still to be resolved, if there are any.
pub(super) fn unresolved(e: &BranchEdit<'_>) -> Result<Option<Replayed>> {
    let (conflicts, violations) = tables_with_artifacts(&e.working()?)?;
    Ok(match conflicts.is_empty() && violations.is_empty() {
        true => None,
        false => Some(Replayed::Counts(
            conflicts.len() as i64,
            0,
            violations.len() as i64,
        )),
    })
}
