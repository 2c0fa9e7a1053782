//! `dolt_cherry_pick` and `dolt_revert`: a commit's changes made again, or taken back.

use model::{CommitId, MergeState, Person};
use values::Value;
use versioning::{MergeOptions, MergeOutcome, merge_roots};

use super::merge::{abort_state, changed_tables, table_counts};
use super::{ProcedureResult, hash, row, text};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{BranchEdit, edit, edit_now};
use crate::dolt::commit::{CommitRequest, commit, meta, parse_author, store_commit};
use crate::dolt::logic::SessionLogic;
use crate::dolt::revision;
use crate::dolt::staging::{deltas, is_dirty, stage_all, unstaged};
use crate::dolt::validate::tables_with_artifacts;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

/// What became of it.
enum Replayed {
    Made(CommitId),
    Counts(i64, i64, i64),
}

fn result(done: Replayed) -> ProcedureResult {
    let (id, counts) = match done {
        Replayed::Made(id) => (hash(id.0), (0, 0, 0)),
        Replayed::Counts(d, s, v) => (text(""), (d, s, v)),
    };
    row([
        ("hash", id),
        ("data_conflicts", Value::Int(counts.0)),
        ("schema_conflicts", Value::Int(counts.1)),
        ("constraint_violations", Value::Int(counts.2)),
    ])
}

/// Runs an edit in the open transaction if it leaves conflicts there, else at once.
fn run<'s>(
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
        Replayed::Made(_) => Err(Error::general(AT_ONCE)),
    });
    match tried {
        Err(e) if e.message == AT_ONCE => edit_now(session, db, &action),
        other => other,
    }
}

/// Marks a try that must be made outside of the transaction.
const AT_ONCE: &str = "the head moves at once";

fn merge(e: &BranchEdit<'_>, theirs: CommitId, base: CommitId, pick: bool) -> Result<MergeOutcome> {
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

fn stage_clean(e: &mut BranchEdit<'_>, outcome: &MergeOutcome) -> Result<()> {
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
        return Ok(result(Replayed::Counts(0, 0, 0)));
    }
    if a.has("continue") {
        return run(session, db, continue_pick).map(result);
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
    let allow_empty = a.has("allow-empty");
    run(session, db, |e| pick(e, id, &spec, allow_empty)).map(result)
}

fn pick(e: &mut BranchEdit<'_>, id: CommitId, spec: &str, allow_empty: bool) -> Result<Replayed> {
    if is_dirty(&e.head_root()?, &e.staged()?, &e.working()?)? {
        return Err(Error::general(
            "cannot cherry-pick with uncommitted changes",
        ));
    }
    let how = PickHow {
        keep_empty: allow_empty,
        ..PickHow::default()
    };
    match pick_with(e, id, spec, &how)? {
        Picked::Made(id) => Ok(Replayed::Made(id)),
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
}

/// What became of a commit that was made again.
pub(super) enum Picked {
    /// A commit.
    Made(CommitId),
    /// Tables with data conflicts, schema conflicts and violations.
    Conflicts(i64, i64, i64),
    /// The branch has its changes already.
    Nothing,
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
    if outcome.has_artifacts() {
        e.set.merge = Some(MergeState {
            pre_working,
            from_commit: id,
            from_spec: spec.to_string(),
            unmergable_tables: Vec::new(),
            is_cherry_pick: true,
            is_revert: false,
            pre_merge_head: Some(e.head),
            pending: Vec::new(),
        });
        let (d, s, v) = table_counts(&outcome);
        return Ok(Picked::Conflicts(d, s, v));
    }
    let empty = deltas(&e.head_root()?, &e.staged()?)?.is_empty();
    if empty && !was_empty && !how.keep_becoming_empty {
        return Ok(Picked::Nothing);
    }
    commit_as(e, &picked, how).map(Picked::Made)
}

/// A commit of what is staged, in the name of another one.
fn commit_as(e: &mut BranchEdit<'_>, original: &model::Commit, how: &PickHow) -> Result<CommitId> {
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

fn unresolved(e: &BranchEdit<'_>) -> Result<Option<Replayed>> {
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

const REVERT_OPTIONS: &[OptionSpec] = &[
    ("author", "", Takes::Value),
    ("abort", "", Takes::Flag),
    ("continue", "", Takes::Flag),
];

/// Takes back the changes of commits, one new commit each.
pub fn revert(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(REVERT_OPTIONS, args)?;
    if a.has("abort") && a.has("continue") {
        return Err(Error::general(
            "error: --continue and --abort are mutually exclusive",
        ));
    }
    let author = a.get("author").map(parse_author).transpose()?;
    if a.has("abort") {
        edit_or_now(session, db)?;
        return Ok(result(Replayed::Counts(0, 0, 0)));
    }
    if a.has("continue") {
        let author = author.as_ref();
        return run(session, db, |e| continue_revert(e, author)).map(result);
    }
    if a.positional.is_empty() {
        return Err(Error::general("error: nothing specified to revert"));
    }
    let mut commits = Vec::new();
    for spec in &a.positional {
        commits.push(revision::commit(db, spec)?);
    }
    let author = author.as_ref();
    run(session, db, |e| {
        let before = e.head;
        series(e, &commits, before, author)
    })
    .map(result)
}

fn edit_or_now(session: &Session, db: &DbRef) -> Result<()> {
    let action = |e: &mut BranchEdit<'_>| match e.set.merge.clone() {
        Some(state) if state.is_revert => {
            if let Some(before) = state.pre_merge_head.filter(|h| *h != e.head) {
                e.move_head(before)?;
            }
            abort_state(e, &state)?;
            e.set.working = e.head_commit.root;
            Ok(())
        }
        _ => Err(Error::general("error: There is no revert in progress")),
    };
    match session.open_transaction().explicit {
        true => edit(session, db, action),
        false => edit_now(session, db, action),
    }
}

/// Reverts commits in order, until one conflicts.
fn series(
    e: &mut BranchEdit<'_>,
    commits: &[CommitId],
    before: CommitId,
    author: Option<&Person>,
) -> Result<Replayed> {
    let mut last = None;
    for (i, id) in commits.iter().enumerate() {
        let reverted = e.handle.store.commit(*id)?;
        let Some(parent) = reverted.parents.first().copied() else {
            return Err(Error::general(format!(
                "cannot revert commit with no parents ({})",
                id.0
            )));
        };
        check_clean(e, *id, parent)?;
        let outcome = merge(e, parent, *id, false)?;
        let pre_working = e.set.working;
        let local = changed_tables(&e.head_root()?, &e.working()?)?;
        e.set_working(&outcome.root)?;
        if outcome.has_artifacts() {
            stage_clean(e, &outcome)?;
            let rest = commits[i + 1..].iter().map(|id| id.0.to_string());
            e.set.merge = Some(MergeState {
                pre_working,
                from_commit: *id,
                from_spec: id.0.to_string(),
                unmergable_tables: Vec::new(),
                is_cherry_pick: false,
                is_revert: true,
                pre_merge_head: Some(before),
                pending: rest.collect(),
            });
            let (d, s, v) = table_counts(&outcome);
            return Ok(Replayed::Counts(d, s, v));
        }
        // Changes that were there before stay out of the commit.
        let mut staged = outcome.root.clone();
        let head = e.head_root()?;
        for name in local.keys() {
            staged = staged.with_table_hashes([(name.as_str(), head.table_hash(name)?)])?;
        }
        e.set_staged(&staged)?;
        let request = CommitRequest {
            message: Some(format!("Revert {}", quoted(&reverted.meta.message))),
            author: author.cloned(),
            ..CommitRequest::default()
        };
        last = commit(e, &request)?;
    }
    match last {
        Some(id) => Ok(Replayed::Made(id)),
        None => Err(Error::general("nothing to commit")),
    }
}

/// Changes that a revert would meet are refused.
fn check_clean(e: &BranchEdit<'_>, id: CommitId, parent: CommitId) -> Result<()> {
    let staged = !deltas(&e.head_root()?, &e.staged()?)?.is_empty();
    let touched = changed_tables(&e.root_of(parent)?, &e.root_of(id)?)?;
    let met = unstaged(&e.staged()?, &e.working()?)?
        .iter()
        .any(|d| touched.contains_key(&d.from_name) || touched.contains_key(&d.to_name));
    if staged || met {
        return Err(Error::general(
            "error: Your local changes would be overwritten by revert.\nhint: Please commit your changes before you revert.",
        ));
    }
    Ok(())
}

fn continue_revert(e: &mut BranchEdit<'_>, author: Option<&Person>) -> Result<Replayed> {
    let state = match &e.set.merge {
        Some(state) if state.is_revert => state.clone(),
        _ => return Err(Error::general("error: There is no revert in progress")),
    };
    if let Some(counts) = unresolved(e)? {
        return Ok(counts);
    }
    if !unstaged(&e.staged()?, &e.working()?)?.is_empty() {
        return Err(Error::general(
            "error: cannot continue revert with unstaged changes",
        ));
    }
    let reverted = e.handle.store.commit(state.from_commit)?;
    let request = CommitRequest {
        message: Some(format!("Revert {}", quoted(&reverted.meta.message))),
        author: author.cloned(),
        allow_empty: true,
        ..CommitRequest::default()
    };
    let made = commit(e, &request)?;
    if state.pending.is_empty() {
        return match made {
            Some(id) => Ok(Replayed::Made(id)),
            None => Err(Error::general("nothing to commit")),
        };
    }
    let mut rest = Vec::new();
    for text in &state.pending {
        let id: CommitId = text
            .parse()
            .map_err(|_| Error::general(format!("invalid commit hash: {text}")))?;
        rest.push(id);
    }
    let before = state.pre_merge_head.unwrap_or(e.head);
    series(e, &rest, before, author)
}

/// A text in quotes, as Go writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
