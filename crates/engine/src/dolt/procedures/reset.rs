//! `dolt_reset`.

use versioning::reset::with_untracked;

use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{branch_of, edit_now};
use crate::dolt::revision;
use crate::dolt::staging::{copy_tables, no_such_tables, with_former_names};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[("hard", "", Takes::Flag), ("soft", "", Takes::Flag)];

/// Moves the head, or takes back what is staged or changed.
pub fn reset(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let (hard, soft) = (a.has("hard"), a.has("soft"));
    if hard && soft {
        return Err(Error::general(
            "error: --hard and --soft are mutually exclusive options.",
        ));
    }
    branch_of(db).map_err(|_| Error::general("unable to reset HEAD in read-only databases"))?;
    let names = &a.positional;
    if (hard || soft) && names.len() > 1 {
        let flag = if hard { "hard" } else { "soft" };
        return Err(Error::general(format!(
            "--{flag} supports at most one additional param"
        )));
    }
    if hard || soft {
        let target = names
            .first()
            .map(|spec| revision::commit(db, spec))
            .transpose()?;
        if hard {
            // What the session has changed and not committed is what shall go.
            drop_changes(session, db)?;
        }
        edit_now(session, db, |e| {
            if let Some(target) = target {
                e.move_head(target)?;
                e.set.merge = None;
                e.set.rebase = None;
            }
            if hard {
                let (working, staged, head) = (e.working()?, e.staged()?, e.head_root()?);
                let root = with_untracked(&head, &working, &staged)?;
                e.set_working(&root)?;
                e.set.staged = e.head_commit.root;
                e.set.merge = None;
                e.set.rebase = None;
            }
            Ok(())
        })?;
        return Ok(status());
    }
    let working = revision::working_root(session, db)?;
    let staged = revision::staged_root(session, db)?;
    let head = revision::commit_root(db, revision::head(db)?)?;
    let mut tables = Vec::new();
    for name in names.iter().filter(|n| *n != ".") {
        let found = [&head, &staged, &working]
            .iter()
            .find_map(|r| r.find_table(name).ok().flatten());
        tables.extend(found.map(|f| f.0));
    }
    // What is only in the working set has nothing to take back.
    let mut unknown = Vec::new();
    for table in &tables {
        if head.table_hash(table)?.is_none() && staged.table_hash(table)?.is_none() {
            unknown.push(table.clone());
        }
    }
    if !unknown.is_empty() {
        return Err(no_such_tables(&unknown));
    }
    let target = match names.as_slice() {
        [spec] if spec != "." && tables.is_empty() => Some(revision::commit(db, spec)?),
        _ => None,
    };
    edit_now(session, db, |e| {
        if let Some(target) = target {
            e.move_head(target)?;
            e.set.staged = e.head_commit.root;
            e.set.merge = None;
            e.set.rebase = None;
        } else if tables.is_empty() || tables.len() < names.len() {
            e.set.staged = e.head_commit.root;
        } else {
            let (head, staged) = (e.head_root()?, e.staged()?);
            let tables = with_former_names(&head, &staged, tables)?;
            let staged = copy_tables(&head, &staged, &tables)?;
            e.set_staged(&staged)?;
        }
        Ok(())
    })?;
    Ok(status())
}

/// Forgets rows and roots that the session has changed, but keeps what else it reads.
fn drop_changes(session: &Session, db: &DbRef) -> Result<()> {
    session.require_change(&db.handle, crate::dolt::branch_edit::branch_of(db)?)?;
    let mut changes = session.branch_changes(db)?;
    if !changes.is_dirty() {
        return Ok(());
    }
    // New tables survive, with their rows.
    let built = changes.built_root()?;
    let staged = db.handle.root(changes.set.staged)?.root.clone();
    let head = revision::commit_root(db, revision::head(db)?)?;
    let root = with_untracked(&head, &built, &staged)?;
    let id = root.save()?;
    let state = db.handle.root(id)?;
    changes.set.working = id;
    changes.set.merge = None;
    changes.root = state.clone();
    changes.latest = state;
    changes.tables.clear();
    changes.replaced = true;
    Ok(())
}
