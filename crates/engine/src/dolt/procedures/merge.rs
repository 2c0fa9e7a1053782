//! `dolt_merge`.

use std::collections::BTreeMap;

use chunks::Hash;
use model::{CommitId, MergeState, Root};
use values::{OwnedValue, Value};
use versioning::history::{FastForward, fast_forward};
use versioning::{MergeOptions, MergeOutcome, merge_roots};

use super::{ProcedureResult, hash, row, text};
use crate::dolt::arguments::{Arguments, OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{BranchEdit, edit, edit_now};
use crate::dolt::commit::{CommitRequest, commit, parse_author};
use crate::dolt::ignore::IgnorePatterns;
use crate::dolt::logic::SessionLogic;
use crate::dolt::revision;
use crate::dolt::staging::copy_tables;
use crate::dolt::verification::is_failure;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

pub(super) const OPTIONS: &[OptionSpec] = &[
    ("no-ff", "", Takes::Flag),
    ("ff-only", "", Takes::Flag),
    ("squash", "", Takes::Flag),
    ("message", "m", Takes::Value),
    ("abort", "", Takes::Flag),
    ("commit", "", Takes::Flag),
    ("no-commit", "", Takes::Flag),
    ("no-edit", "", Takes::Flag),
    ("author", "", Takes::Value),
    ("skip-verification", "", Takes::Flag),
];

/// What a merge came to.
pub struct Merged {
    hash: OwnedValue,
    /// Whether the branch only moved.
    pub fast_forward: bool,
    /// Whether there is something to resolve.
    pub conflicts: bool,
    /// What users are told.
    pub message: String,
}

fn merged(hash: OwnedValue, fast_forward: bool, message: &str) -> Merged {
    Merged {
        hash,
        fast_forward,
        conflicts: false,
        message: message.to_string(),
    }
}

const SUCCESS: &str = "merge successful";

/// Merges a revision into the branch.
pub fn merge(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let done = if a.has("abort") {
        abort(session, db)?
    } else {
        run(session, db, &a)?
    };
    Ok(row([
        ("hash", done.hash),
        ("fast_forward", Value::Int(done.fast_forward.into())),
        ("conflicts", Value::Int(done.conflicts.into())),
        ("message", text(done.message)),
    ]))
}

fn check_flags(a: &Arguments) -> Result<()> {
    for (x, y) in [
        ("squash", "no-ff"),
        ("ff-only", "no-ff"),
        ("ff-only", "squash"),
    ] {
        if a.has(x) && a.has(y) {
            return Err(Error::general(format!(
                "error: Flags '--{x}' and '--{y}' cannot be used together"
            )));
        }
    }
    if a.has("commit") && a.has("no-commit") {
        return Err(Error::general(
            "cannot define both 'commit' and 'no-commit' flags at the same time",
        ));
    }
    match a.positional.len() {
        0 => Err(Error::general("error: Please specify a branch to merge")),
        1 => Ok(()),
        _ => Err(Error::general(
            "Error: Dolt does not support merging from multiple commits. You probably meant to checkout one and then merge from the other.",
        )),
    }
}

/// Tables that differ between two roots, with their addresses in the second.
pub(super) fn changed_tables(from: &Root, to: &Root) -> Result<BTreeMap<String, Option<Hash>>> {
    let mut out = BTreeMap::new();
    if from.id()? == to.id()? {
        return Ok(out);
    }
    let before: BTreeMap<String, Hash> = from.tables()?.into_iter().collect();
    let after: BTreeMap<String, Hash> = to.tables()?.into_iter().collect();
    for name in before.keys().chain(after.keys()) {
        if before.get(name) != after.get(name) {
            out.insert(name.clone(), after.get(name).copied());
        }
    }
    Ok(out)
}

/// Merges as the parsed arguments of `dolt_merge` say.
pub(super) fn run(session: &Session, db: &DbRef, a: &Arguments) -> Result<Merged> {
    run_with(session, db, a, false)
}

/// The same; with `force` conflicts and violations are committed as they are.
pub(super) fn run_with(
    session: &Session,
    db: &DbRef,
    a: &Arguments,
    force: bool,
) -> Result<Merged> {
    check_flags(a)?;
    let author = a.get("author").map(parse_author).transpose()?;
    let spec = a.positional[0].as_str();
    let theirs = revision::commit(db, spec)?;
    let explicit = session.open_transaction().explicit;
    let head = revision::head(db)?;
    let relation = fast_forward(db.handle.store.objects(), head, theirs)?;
    let makes_commit = match relation {
        FastForward::Possible => !a.has("squash"),
        _ => !a.has("no-commit"),
    };
    let request = CommitRequest {
        author,
        force,
        skip_verification: a.has("skip-verification"),
        ..CommitRequest::default()
    };
    let mut warnings = Vec::new();
    let action = |e: &mut BranchEdit<'_>| merge_into(e, a, spec, theirs, &request, &mut warnings);
    // A merge that conflicts stays in the transaction, where it can be resolved or rolled back.
    let done = if explicit && makes_commit && matches!(relation, FastForward::Diverged { .. }) {
        match dry_run(session, db, theirs)? {
            true => edit(session, db, action)?,
            false => edit_now(session, db, action)?,
        }
    } else if explicit && !makes_commit {
        edit(session, db, action)?
    } else {
        edit_now(session, db, action)?
    };
    for w in warnings {
        session.push_warning(1105, w);
    }
    Ok(done)
}

/// Whether merging a commit into the branch as it is leaves something to resolve.
fn dry_run(session: &Session, db: &DbRef, theirs: CommitId) -> Result<bool> {
    let head = revision::head(db)?;
    let objects = db.handle.store.objects();
    let Some(base) = versioning::common_ancestor(objects, head, theirs)? else {
        return Ok(false);
    };
    let root = |id| revision::commit_root(db, id);
    let options = MergeOptions {
        keep_schema_conflicts: true,
        ..MergeOptions::default()
    };
    let logic = SessionLogic::new(session, objects);
    let rootish = (theirs.0, base.0);
    let outcome = merge_roots(
        &root(head)?,
        &root(theirs)?,
        &root(base)?,
        rootish,
        &options,
        &logic,
    )?;
    Ok(outcome.has_artifacts())
}

fn merge_into(
    e: &mut BranchEdit<'_>,
    a: &Arguments,
    spec: &str,
    theirs: CommitId,
    request: &CommitRequest,
    warnings: &mut Vec<String>,
) -> Result<Merged> {
    let objects = e.handle.store.objects().clone();
    let head_root = e.head_root()?;
    let their_root = e.root_of(theirs)?;
    let local = changed_tables(&head_root, &e.working()?)?;
    let incoming = changed_tables(&head_root, &their_root)?;
    if e.set.merge.is_some() {
        return Err(Error::general(
            "merging is not possible because you have not committed an active merge",
        ));
    }
    let relation = fast_forward(&objects, e.head, theirs)?;
    match relation {
        FastForward::UpToDate => {
            warnings.push("Everything up-to-date".to_string());
            return Ok(merged(text(""), false, "Everything up-to-date"));
        }
        FastForward::Ahead => {
            let message = "cannot fast forward from a to b. a is ahead of b already";
            warnings.push(message.to_string());
            return Ok(merged(text(""), false, message));
        }
        FastForward::Unrelated => return Err(Error::general("no common ancestor")),
        _ => {}
    }
    let stomped: Vec<&str> = local
        .keys()
        .filter(|t| incoming.contains_key(*t))
        .map(String::as_str)
        .collect();
    if !stomped.is_empty() {
        return Err(Error::general(format!(
            "error: local changes would be stomped by merge:\n\t{}\n Please commit your changes before you merge.",
            stomped.join("\n\t")
        )));
    }
    let with_local = |root: &Root, e: &BranchEdit<'_>| -> Result<Root> {
        let names: Vec<String> = local.keys().cloned().collect();
        match names.is_empty() {
            true => Ok(root.clone()),
            false => copy_tables(&e.working()?, root, &names),
        }
    };
    let message = match a.get("message") {
        Some(m) => m.to_string(),
        None => format!("Merge branch '{spec}' into {}", e.branch),
    };
    let mut request = CommitRequest {
        message: Some(message),
        ..request.clone()
    };
    let squash = a.has("squash");
    if relation == FastForward::Possible && !a.has("no-ff") {
        let working = with_local(&their_root, e)?;
        e.set_working(&working)?;
        e.set_staged(&their_root)?;
        if !squash {
            e.move_head(theirs)?;
        }
        return Ok(merged(hash(theirs.0), true, SUCCESS));
    }
    let pre_working = e.set.working;
    let state = |unmergable_tables, head| MergeState {
        pre_working,
        from_commit: theirs,
        from_spec: spec.to_string(),
        unmergable_tables,
        is_cherry_pick: false,
        is_revert: false,
        pre_merge_head: Some(head),
        pending: Vec::new(),
    };
    if relation == FastForward::Possible {
        let working = with_local(&their_root, e)?;
        e.set_working(&working)?;
        e.set_staged(&their_root)?;
        e.set.merge = Some(state(Vec::new(), e.head));
    } else {
        if a.has("ff-only") {
            return Err(Error::general(
                "fatal: Not possible to fast-forward, aborting",
            ));
        }
        let FastForward::Diverged { base } = relation else {
            return Err(Error::general("no common ancestor"));
        };
        let outcome = {
            let options = MergeOptions {
                keep_schema_conflicts: true,
                ..MergeOptions::default()
            };
            let logic = SessionLogic::new(e.session, &objects);
            let base_root = e.root_of(base)?;
            let rootish = (theirs.0, base.0);
            merge_roots(
                &head_root,
                &their_root,
                &base_root,
                rootish,
                &options,
                &logic,
            )?
        };
        let unmergable: Vec<String> = outcome
            .schema_conflicts
            .iter()
            .map(|c| c.table.clone())
            .collect();
        if !squash || !unmergable.is_empty() {
            e.set.merge = Some(state(unmergable, e.head));
        }
        let working = with_local(&outcome.root, e)?;
        e.set_working(&working)?;
        if outcome.has_artifacts() && !request.force {
            warnings.push("merge has unresolved conflicts or constraint violations".to_string());
            return Ok(Merged {
                conflicts: true,
                ..merged(text(""), false, "conflicts found")
            });
        }
        e.set_staged(&outcome.root)?;
    }
    if a.has("no-commit") {
        return Ok(merged(text(""), false, SUCCESS));
    }
    // A merge is worth a commit for its parents; a squash has only one.
    request.allow_empty |= !squash;
    match commit(e, &request) {
        // The merge stays staged, for tests or rows to be corrected.
        Err(failed) if is_failure(&failed) => Ok(merged(text(""), false, &failed.message)),
        made => Ok(merged(
            made?.map_or(text(""), |id| hash(id.0)),
            false,
            SUCCESS,
        )),
    }
}

/// Takes the branch back to before a merge; ignored tables stay as they are.
pub(super) fn abort_state(e: &mut BranchEdit<'_>, state: &MergeState) -> Result<()> {
    let now = e.working()?;
    let ignore = IgnorePatterns::of(&now)?;
    let mut root = e.root(state.pre_working)?;
    for (name, _) in now.tables()? {
        if ignore.ignores(&name) && e.head_root()?.table_hash(&name)?.is_none() {
            root = copy_tables(&now, &root, std::slice::from_ref(&name))?;
        }
    }
    e.set_working(&root)?;
    e.set.staged = e.head_commit.root;
    e.set.merge = None;
    Ok(())
}

fn abort(session: &Session, db: &DbRef) -> Result<Merged> {
    let explicit = session.open_transaction().explicit;
    let action = |e: &mut BranchEdit<'_>| match e.set.merge.clone() {
        None => Err(Error::general("fatal: There is no merge to abort")),
        Some(state) => abort_state(e, &state),
    };
    // In a transaction the conflicts must not be committed on the way to their end.
    if explicit {
        edit(session, db, action)?;
        session.commit_transaction()?;
    } else {
        edit_now(session, db, action)?;
    }
    Ok(merged(text(""), false, "merge aborted"))
}

/// Numbers of tables with data conflicts, schema conflicts and violations.
pub(super) fn table_counts(outcome: &MergeOutcome) -> (i64, i64, i64) {
    let count = |test: fn(&versioning::TableStats) -> bool| {
        outcome.stats.values().filter(|s| test(s)).count() as i64
    };
    (
        count(|s| s.data_conflicts > 0),
        outcome.schema_conflicts.len() as i64,
        count(|s| s.violations > 0),
    )
}
