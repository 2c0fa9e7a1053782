//! `dolt_rebase` (spec 05 §18).

use model::{
    Column, CommitId, EmptyCommits, Expected, RebaseState, Schema, Table, WorkingSet, ref_name,
};
use prolly::Edit;
use values::{CollationId, Decimal, LobSize, OwnedValue, SqlType, Value};
use versioning::reset::with_untracked;
use versioning::{Log, RowReader, table_deltas};

use super::replay::{PickHow, Picked, pick_with};
use super::{ProcedureResult, branch, row, text};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{BranchEdit, branch_of, edit, edit_now};
use crate::dolt::commit::{meta, store_commit};
use crate::dolt::revision;
use crate::dolt::staging::{is_dirty, unstaged};
use crate::dolt::validate::tables_with_artifacts;
use crate::dolt::verification::verify;
use crate::error::{Error, Result};
use crate::root_state::TableState;
use crate::session::{DbRef, Revision, Session};

const OPTIONS: &[OptionSpec] = &[
    ("interactive", "i", Takes::Flag),
    ("continue", "", Takes::Flag),
    ("abort", "", Takes::Flag),
    ("empty", "", Takes::Value),
    ("skip-verification", "", Takes::Flag),
];

const TABLE: &str = "dolt_rebase";
const ACTIONS: [&str; 6] = ["drop", "pick", "reword", "squash", "fixup", "edit"];

fn done(message: impl Into<String>) -> ProcedureResult {
    row([("status", Value::Int(0)), ("message", text(message))])
}

/// Makes the commits of the branch again on top of another one.
pub fn rebase(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    if a.has("abort") {
        abort(session, db)?;
        return Ok(done("Interactive rebase aborted"));
    }
    if a.has("continue") {
        return go_on(session, db).map(done);
    }
    let becoming_empty = match a.get("empty") {
        None | Some("drop") => EmptyCommits::Drop,
        Some("keep") => EmptyCommits::Keep,
        Some(other) => {
            return Err(Error::general(format!(
                "unsupported option for the empty flag ({other}); only 'keep' or 'drop' are allowed"
            )));
        }
    };
    let upstream = match a.positional.as_slice() {
        [] => return Err(Error::general("not enough args")),
        [upstream] => upstream.clone(),
        _ => {
            return Err(Error::general(
                "rebase takes at most one positional argument.",
            ));
        }
    };
    let temporary = start(
        session,
        db,
        &upstream,
        becoming_empty,
        a.has("skip-verification"),
    )?;
    if a.has("interactive") {
        return Ok(done(format!(
            "interactive rebase started on branch {temporary}; adjust the rebase plan in the dolt_rebase table, then continue rebasing by calling dolt_rebase('--continue')"
        )));
    }
    let db = session.resolve_database(&db.handle.name)?;
    go_on(session, &db).map(done)
}

/// Makes the commits of the branch again on top of an upstream, without a plan to edit.
pub(super) fn rebase_onto(
    session: &Session,
    db: &DbRef,
    upstream: &str,
    skip_verification: bool,
) -> Result<String> {
    start(session, db, upstream, EmptyCommits::Drop, skip_verification)?;
    go_on(session, &session.resolve_database(&db.handle.name)?)
}

fn on_branch(db: &DbRef, branch: &str) -> DbRef {
    DbRef {
        revision: Revision::Branch(branch.to_string()),
        ..db.clone()
    }
}

fn start(
    session: &Session,
    db: &DbRef,
    upstream: &str,
    becoming_empty: EmptyCommits,
    skip_verification: bool,
) -> Result<String> {
    let branch = branch_of(db)?.to_string();
    session.commit_transaction()?;
    let onto = revision::commit(db, upstream)?;
    let (pre_working, head) = {
        let state = db.handle.branch_state(&branch)?;
        for (active, what, which) in [
            (state.set.merge.is_some(), "a merge", "merge"),
            (state.set.rebase.is_some(), "another rebase", "rebase"),
        ] {
            if active {
                return Err(Error::general(format!(
                    "unable to start rebase while {what} is in progress – abort the current {which} before proceeding"
                )));
            }
        }
        let head = revision::head(db)?;
        let root = |id| -> Result<model::Root> { Ok(db.handle.root(id)?.root.clone()) };
        let head_root = revision::commit_root(db, head)?;
        if is_dirty(
            &head_root,
            &root(state.set.staged)?,
            &root(state.set.working)?,
        )? {
            return Err(Error::general(
                "cannot start a rebase with uncommitted changes",
            ));
        }
        (state.set.working, head)
    };
    let temporary = format!("dolt_rebase_{branch}");
    branch::create_own(session, db, &temporary, upstream, false)?;
    let mut plan = Vec::new();
    for entry in Log::new(db.handle.store.objects(), &[head], &[onto])? {
        let (id, c) = entry?;
        if c.parents.len() == 1 {
            plan.push((id, c.meta.message));
        }
    }
    plan.reverse();
    if plan.is_empty() {
        db.handle.store.delete_branch(&temporary)?;
        return Err(Error::general("didn't identify any commits!"));
    }
    edit_now(session, &on_branch(db, &temporary), |e| {
        e.set.rebase = Some(RebaseState {
            pre_working,
            branch: branch.clone(),
            onto,
            empty_commits: EmptyCommits::Keep,
            becoming_empty,
            last_attempted_step: 0.0,
            started: false,
            skip_verification,
        });
        let table = plan_table(e, &plan)?;
        let root = e.working()?.with_table(TABLE, &table)?;
        e.set_working(&root)
    })?;
    session.set_head(&db.handle, &temporary);
    session.use_database(&db.handle.name)?;
    Ok(temporary)
}

/// The plan as a table: all commits picked, in order.
fn plan_table(e: &BranchEdit<'_>, plan: &[(CommitId, String)]) -> Result<Table> {
    let text_type = SqlType::Text(LobSize::Regular, CollationId::DEFAULT);
    let members: std::sync::Arc<[Box<str>]> = ACTIONS.iter().map(|a| Box::from(*a)).collect();
    let mut schema = Schema {
        primary_key: vec![0],
        ..Schema::default()
    };
    for (name, sql_type, tag) in [
        (
            "rebase_order",
            SqlType::Decimal {
                precision: 6,
                scale: 2,
            },
            786,
        ),
        ("action", SqlType::Enum(members, CollationId::DEFAULT), 9207),
        ("commit_hash", text_type.clone(), 6690),
        ("commit_message", text_type, 13247),
    ] {
        let mut c = Column::new(name, sql_type, tag);
        c.nullable = false;
        c.primary_key = schema.columns.is_empty();
        schema.columns.push(c);
    }
    let table = Table::new(e.handle.store.objects(), &schema)?;
    let state = TableState::new(TABLE, table.hash()?, table.clone(), &e.handle.name)?;
    let mut edits = Vec::with_capacity(plan.len());
    for (i, (id, message)) in plan.iter().enumerate() {
        let order = Decimal::new(i as i128 + 1, 0);
        let row: [OwnedValue; 4] = [
            Value::Decimal(order.clone()),
            Value::UInt(2),
            Value::text(id.0.to_string()),
            Value::text(&**message),
        ];
        let row = crate::write::encode_row(&state, &row)?;
        // Dolt writes these numbers without the digits that the column's type has.
        let mut raw = Vec::new();
        order.write_stored(&mut raw);
        let key = values::tuple::tuple_of(&[Some(&raw)])?;
        edits.push(Edit::put(key, row.value));
    }
    let desc = table.layout().key_desc().clone();
    edits.sort_by(|a, b| desc.compare(&a.key, &b.key));
    Ok(table.with_rows(&table.rows()?.edit(&edits)?))
}

struct Step {
    order: f32,
    action: &'static str,
    commit: CommitId,
    message: String,
}

fn load_plan(e: &BranchEdit<'_>) -> Result<Vec<Step>> {
    let Some((_, table)) = e.working()?.table(TABLE)? else {
        return Err(Error::unknown_table_missing(&e.handle.name, TABLE));
    };
    let reader = RowReader::of(&table);
    let mut steps = Vec::new();
    for run in table.rows()?.all()? {
        for (key, value) in run?.iter() {
            let r = reader.row(key, value)?;
            let order = match &r[0] {
                Value::Decimal(d) => d.to_f64() as f32,
                _ => 0.0,
            };
            let action = match &r[1] {
                Value::UInt(n) => ACTIONS.get((*n as usize).wrapping_sub(1)).copied(),
                _ => None,
            };
            let hash = crate::convert::to_string(&r[2]);
            steps.push(Step {
                order,
                action: action.ok_or_else(|| Error::general("unknown action in rebase plan"))?,
                commit: hash
                    .parse()
                    .map_err(|_| Error::general(format!("invalid commit hash: {hash}")))?,
                message: crate::convert::to_string(&r[3]),
            });
        }
    }
    let mut base = false;
    for step in &steps {
        match step.action {
            "pick" | "reword" | "edit" => base = true,
            "squash" | "fixup" if !base => {
                return Err(Error::general(
                    "invalid rebase plan: squash and fixup actions must appear after a pick or reword action",
                ));
            }
            _ => {}
        }
        if e.handle.store.commit(step.commit).is_err() {
            return Err(Error::general(format!(
                "unable to resolve commit hash {}: target commit not found",
                step.commit.0
            )));
        }
    }
    Ok(steps)
}

fn no_rebase() -> Error {
    Error::general("no rebase in progress")
}

fn state_of(e: &BranchEdit<'_>) -> Result<RebaseState> {
    e.set.rebase.clone().ok_or_else(no_rebase)
}

fn is_on(session: &Session, name: &str) -> bool {
    matches!(session.variable(name), Value::Int(1))
}

/// What a step came to.
enum Stepped {
    GoOn,
    Pause(String),
    Unverified(Error),
    DataConflict,
    SchemaConflict,
}

/// Where the conflicts of a step go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conflicts {
    /// Into the working set, for everybody to see.
    Committed,
    /// Into the session's transaction.
    InTransaction,
    /// Nowhere: the rebase is given up.
    Refused,
}

fn go_on(session: &Session, db: &DbRef) -> Result<String> {
    // Asked before the session's transaction is committed, which conflicts would prevent.
    if session.branch_changes(db)?.set.rebase.is_none() {
        return Err(no_rebase());
    }
    let (conflicts, _) = tables_with_artifacts(&revision::working_root(session, db)?)?;
    if !conflicts.is_empty() {
        return Err(Error::general(format!(
            "conflicts detected in tables {}; resolve conflicts before continuing the rebase",
            conflicts.join(", ")
        )));
    }
    let steps = edit_now(session, db, |e| {
        state_of(e)?;
        load_plan(e)
    })?;
    let place = match (
        is_on(session, "dolt_allow_commit_conflicts"),
        session.autocommit(),
    ) {
        (true, _) => Conflicts::Committed,
        (false, false) => Conflicts::InTransaction,
        (false, true) => Conflicts::Refused,
    };
    for step in &steps {
        let stepped = edit_now(session, db, |e| {
            one_step(e, step, place == Conflicts::Committed)
        })?;
        let (id, message) = (step.commit.0, &step.message);
        match stepped {
            Stepped::GoOn => {}
            Stepped::Pause(message) => return Ok(message),
            Stepped::Unverified(failed) => return Err(failed),
            Stepped::SchemaConflict => {
                abort(session, db)?;
                return Err(Error::general(format!(
                    "schema conflict detected while rebasing commit {id}. the rebase has been automatically aborted"
                )));
            }
            Stepped::DataConflict if place != Conflicts::Refused => {
                if place == Conflicts::InTransaction {
                    edit(session, db, |e| {
                        let state = state_of(e)?;
                        pick_step(e, step, &state).map(drop)
                    })?;
                }
                return Err(Error::general(format!(
                    "data conflict detected while rebasing commit {id} ({message}). \n\nResolve the conflicts and remove them from the dolt_conflicts_<table> tables, then continue the rebase by calling dolt_rebase('--continue')"
                )));
            }
            Stepped::DataConflict => {
                abort(session, db)?;
                return Err(Error::general(
                    "data conflicts from rebase, but session settings do not allow preserving conflicts, so they cannot be resolved. The rebase has been aborted. Set @@autocommit to 0 or set @@dolt_allow_commit_conflicts to 1 and try the rebase again to resolve the conflicts.",
                ));
            }
        }
    }
    finish(session, db)
}

/// Runs a step. Conflicts stay in the working set only with `keep`.
fn one_step(e: &mut BranchEdit<'_>, step: &Step, keep: bool) -> Result<Stepped> {
    let state = state_of(e)?;
    let staged_changes = !table_deltas(&e.head_root()?, &e.staged()?)?.is_empty();
    let unstaged_changes = !unstaged(&e.staged()?, &e.working()?)?.is_empty();
    if !state.started && (staged_changes || unstaged_changes) {
        return Err(Error::general(
            "cannot start a rebase with uncommitted changes",
        ));
    }
    if state.started && step.order < state.last_attempted_step {
        return Ok(Stepped::GoOn);
    }
    if unstaged_changes {
        return Err(Error::general(
            "cannot continue a rebase with unstaged changes. Use dolt_add() to stage tables and then continue the rebase",
        ));
    }
    if state.started && step.order == state.last_attempted_step {
        if staged_changes {
            commit_staged(e, step, state.skip_verification)?;
        }
        return Ok(Stepped::GoOn);
    }
    e.set.rebase = Some(RebaseState {
        last_attempted_step: step.order,
        started: true,
        ..state.clone()
    });
    if step.action == "drop" {
        return Ok(Stepped::GoOn);
    }
    let before = e.set.clone();
    match pick_step(e, step, &state) {
        Ok(Picked::Conflicts(..)) => {
            if !keep {
                e.set = before;
            }
            Ok(Stepped::DataConflict)
        }
        Ok(Picked::Unverified(failed)) => Ok(Stepped::Unverified(failed)),
        Ok(_) if step.action == "edit" => Ok(Stepped::Pause(format!(
            "edit action paused at commit {} ({}). \n\nYou can now modify the working directory and stage changes. When ready, continue the rebase by calling dolt_rebase('--continue')",
            step.commit.0, step.message
        ))),
        Ok(_) => Ok(Stepped::GoOn),
        Err(error) if error.message.starts_with("merge aborted: schema conflict") => {
            e.set = before;
            Ok(Stepped::SchemaConflict)
        }
        Err(error) => Err(error),
    }
}

/// Makes the changes of a step's commit again.
fn pick_step(e: &mut BranchEdit<'_>, step: &Step, state: &RebaseState) -> Result<Picked> {
    let how = PickHow {
        message: message_of(e, step)?,
        amend: matches!(step.action, "squash" | "fixup"),
        keep_empty: true,
        keep_becoming_empty: state.becoming_empty == EmptyCommits::Keep,
        skip_verification: state.skip_verification,
    };
    pick_with(e, step.commit, &step.commit.0.to_string(), &how)
}

/// The message of a step's commit; none keeps that of the commit that is picked.
fn message_of(e: &BranchEdit<'_>, step: &Step) -> Result<Option<String>> {
    let head = &e.head_commit.meta.message;
    Ok(match step.action {
        "reword" => Some(step.message.clone()),
        "squash" => {
            let next = e.handle.store.commit(step.commit)?.meta.message;
            Some(format!("{head}\n\n{next}"))
        }
        "fixup" => Some(head.clone()),
        _ => None,
    })
}

/// Commits what the user staged for a step.
fn commit_staged(e: &mut BranchEdit<'_>, step: &Step, skip_verification: bool) -> Result<()> {
    if !skip_verification {
        verify(e)?;
    }
    let original = e.handle.store.commit(step.commit)?;
    let amend = matches!(step.action, "squash" | "fixup");
    let message = message_of(e, step)?.unwrap_or_else(|| step.message.clone());
    let mut meta = meta(e.session, &message, None, None)?;
    meta.author = original.meta.author.clone();
    meta.author_millis = original.meta.author_millis;
    let parents = match amend {
        true => e.head_commit.parents.clone(),
        false => vec![e.head],
    };
    let staged = e.set.staged;
    store_commit(e, staged, parents, meta)?;
    e.set.merge = None;
    Ok(())
}

fn finish(session: &Session, db: &DbRef) -> Result<String> {
    let temporary = branch_of(db)?.to_string();
    let (state, head) = edit_now(session, db, |e| Ok((state_of(e)?, e.head)))?;
    let branch = state.branch.clone();
    edit_now(session, &on_branch(db, &branch), |e| {
        let clean = e.set.working == state.pre_working
            && table_deltas(&e.head_root()?, &e.staged()?)?.is_empty();
        if !clean {
            return Err(Error::general(format!(
                "rebase aborted due to changes in branch {branch}"
            )));
        }
        let (working, staged) = (e.working()?, e.staged()?);
        e.move_head(head)?;
        let root = with_untracked(&e.head_root()?, &working, &staged)?;
        e.set_working(&root)?;
        e.set.staged = e.head_commit.root;
        Ok(())
    })?;
    leave(session, db, &temporary, &branch)?;
    Ok(format!(
        "Successfully rebased and updated {}",
        ref_name::branch(&branch)
    ))
}

fn leave(session: &Session, db: &DbRef, temporary: &str, branch: &str) -> Result<()> {
    session.set_head(&db.handle, branch);
    session.use_database(&db.handle.name)?;
    session.rollback_transaction();
    let _one_at_a_time = db.handle.lock_commits();
    Ok(db.handle.store.delete_branch(temporary)?)
}

fn abort(session: &Session, db: &DbRef) -> Result<()> {
    let temporary = branch_of(db)?.to_string();
    let left = db.handle.branch_state(&temporary)?.set.clone();
    let state = left.rebase.clone().ok_or_else(no_rebase)?;
    leave(session, db, &temporary, &state.branch)?;
    // Dolt lets the working set stay behind, as the branch's was before the rebase.
    let clean = WorkingSet {
        working: state.pre_working,
        staged: state.pre_working,
        rebase: None,
        ..left
    };
    let store = &db.handle.store;
    store.set_working_set(&temporary, &clean, Expected::Any)?;
    Ok(())
}
