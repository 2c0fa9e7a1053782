//! `dolt_revert`: a commit's changes taken back.

use model::{CommitId, MergeState, Person};
use versioning::table_deltas;

use super::ProcedureResult;
use super::merge::{abort_state, changed_tables, table_counts};
use super::replay::{Replayed, merge, result, run, stage_clean, unresolved};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{BranchEdit, edit, edit_now};
use crate::dolt::commit::{CommitRequest, commit, parse_author};
use crate::dolt::revision;
use crate::dolt::staging::unstaged;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("author", "", Takes::Value),
    ("abort", "", Takes::Flag),
    ("continue", "", Takes::Flag),
];

/// Takes back the changes of commits, one new commit each.
pub fn revert(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    if a.has("abort") && a.has("continue") {
        return Err(Error::general(
            "error: --continue and --abort are mutually exclusive",
        ));
    }
    let author = a.get("author").map(parse_author).transpose()?;
    if a.has("abort") {
        abort(session, db)?;
        return result(Replayed::Counts(0, 0, 0));
    }
    let mut series = Series {
        commits: Vec::new(),
        before: revision::head(db)?,
        author,
    };
    if a.has("continue") {
        return go_on(session, db, series).and_then(result);
    }
    if a.positional.is_empty() {
        return Err(Error::general("error: nothing specified to revert"));
    }
    for spec in &a.positional {
        series.commits.push(revision::commit(db, spec)?);
    }
    series.run(session, db).and_then(result)
}

/// The state of a revert that waits for its conflicts to be resolved.
fn reverting(e: &BranchEdit<'_>) -> Result<MergeState> {
    match &e.set.merge {
        Some(state) if state.is_revert => Ok(state.clone()),
        _ => Err(Error::general("error: There is no revert in progress")),
    }
}

fn abort(session: &Session, db: &DbRef) -> Result<()> {
    let explicit = session.open_transaction().explicit;
    let mut before = None;
    let clean = |e: &mut BranchEdit<'_>| {
        let state = reverting(e)?;
        before = state.pre_merge_head;
        abort_state(e, &state)?;
        let head = before.unwrap_or(e.head);
        let root = e.handle.store.commit(head)?.root;
        (e.set.working, e.set.staged) = (root, root);
        match explicit || head == e.head {
            true => Ok(()),
            false => e.move_head(head),
        }
    };
    // The conflicts go first: they must not be committed on the way of the head.
    edit(session, db, clean)?;
    if !explicit {
        return Ok(());
    }
    edit_now(session, db, |e| match before.filter(|h| *h != e.head) {
        Some(before) => e.move_head(before),
        None => Ok(()),
    })
}

/// Commits that are reverted in order, until one conflicts.
struct Series {
    commits: Vec<CommitId>,
    /// The head before the first.
    before: CommitId,
    author: Option<Person>,
}

impl Series {
    fn run(&self, session: &Session, db: &DbRef) -> Result<Replayed> {
        let explicit = session.open_transaction().explicit;
        let mut last = None;
        for (i, id) in self.commits.iter().enumerate() {
            // Each commit ends the transaction; conflicts belong into one of the same kind.
            session.open_transaction().explicit = explicit;
            match run(session, db, |e| self.one(e, *id, &self.commits[i + 1..]))? {
                Replayed::Made(id) => last = Some(id),
                stopped => return Ok(stopped),
            }
        }
        last.map(Replayed::Made)
            .ok_or_else(|| Error::general("nothing to commit"))
    }

    fn one(&self, e: &mut BranchEdit<'_>, id: CommitId, rest: &[CommitId]) -> Result<Replayed> {
        let reverted = e.handle.store.commit(id)?;
        let Some(parent) = reverted.parents.first().copied() else {
            return Err(Error::general(format!(
                "cannot revert commit with no parents ({})",
                id.0
            )));
        };
        check_clean(e, id, parent)?;
        let outcome = merge(e, parent, id, false)?;
        let pre_working = e.set.working;
        let local = changed_tables(&e.head_root()?, &e.working()?)?;
        e.set_working(&outcome.root)?;
        if outcome.has_artifacts() {
            stage_clean(e, &outcome)?;
            e.set.merge = Some(MergeState {
                pre_working,
                from_commit: id,
                from_spec: id.0.to_string(),
                unmergable_tables: Vec::new(),
                is_cherry_pick: false,
                is_revert: true,
                pre_merge_head: Some(self.before),
                pending: rest.iter().map(|id| id.0.to_string()).collect(),
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
        commit_revert(e, &reverted, self.author.as_ref(), false)
    }
}

fn commit_revert(
    e: &mut BranchEdit<'_>,
    reverted: &model::Commit,
    author: Option<&Person>,
    allow_empty: bool,
) -> Result<Replayed> {
    let request = CommitRequest {
        message: Some(format!("Revert {}", quoted(&reverted.meta.message))),
        author: author.cloned(),
        allow_empty,
        ..CommitRequest::default()
    };
    let made = commit(e, &request)?;
    made.map(Replayed::Made)
        .ok_or_else(|| Error::general("nothing to commit"))
}

/// Changes that a revert would meet are refused.
fn check_clean(e: &BranchEdit<'_>, id: CommitId, parent: CommitId) -> Result<()> {
    let staged = !table_deltas(&e.head_root()?, &e.staged()?)?.is_empty();
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

fn go_on(session: &Session, db: &DbRef, mut series: Series) -> Result<Replayed> {
    let explicit = session.open_transaction().explicit;
    let state = reverting_now(session, db)?;
    let author = series.author.clone();
    let made = run(session, db, |e| {
        let state = reverting(e)?;
        if let Some(counts) = unresolved(e)? {
            return Ok(counts);
        }
        if !unstaged(&e.staged()?, &e.working()?)?.is_empty() {
            return Err(Error::general(
                "error: cannot continue revert with unstaged changes",
            ));
        }
        let reverted = e.handle.store.commit(state.from_commit)?;
        commit_revert(e, &reverted, author.as_ref(), true)
    })?;
    if !matches!(made, Replayed::Made(_)) || state.pending.is_empty() {
        return Ok(made);
    }
    for text in &state.pending {
        let id = text
            .parse()
            .map_err(|_| Error::general(format!("invalid commit hash: {text}")))?;
        series.commits.push(id);
    }
    series.before = state.pre_merge_head.unwrap_or(series.before);
    session.open_transaction().explicit = explicit;
    series.run(session, db)
}

fn reverting_now(session: &Session, db: &DbRef) -> Result<MergeState> {
    match &session.branch_changes(db)?.set.merge {
        Some(state) if state.is_revert => Ok(state.clone()),
        _ => Err(Error::general("error: There is no revert in progress")),
    }
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
