//! Changing a branch as a whole: its staged and working roots, merge state and head.

use std::sync::Arc;

use chunks::Hash;
use model::{
    Commit, CommitId, Expected, RefEdit, Root, RootId, WorkingSet, WorkingSetMeta, ref_name,
};

use crate::database::{BranchState, DatabaseHandle};
use crate::error::{Error, Result};
use crate::session::{DbRef, Revision, Session};
use crate::transaction::serialization_failure;

/// A branch that is being changed.
pub struct BranchEdit<'s> {
    /// Who changes it.
    pub session: &'s Session,
    /// The database.
    pub handle: Arc<DatabaseHandle>,
    /// The branch.
    pub branch: String,
    /// Its head before.
    pub head: CommitId,
    /// The head as a commit.
    pub head_commit: Commit,
    /// The working set, to be changed.
    pub set: WorkingSet,
    /// The head after, if it moves.
    pub new_head: Option<CommitId>,
}

/// The branch that a database name stands for.
pub fn branch_of(db: &DbRef) -> Result<&str> {
    match &db.revision {
        Revision::Branch(branch) => Ok(branch),
        Revision::Commit(_) => Err(Error::general(
            "this operation is not supported while in a detached head state",
        )),
    }
}

impl BranchEdit<'_> {
    /// A root of the database.
    pub fn root(&self, id: RootId) -> Result<Root> {
        Ok(self.handle.root(id)?.root.clone())
    }

    /// The working root.
    pub fn working(&self) -> Result<Root> {
        self.root(self.set.working)
    }

    /// The staged root.
    pub fn staged(&self) -> Result<Root> {
        self.root(self.set.staged)
    }

    /// The head's root.
    pub fn head_root(&self) -> Result<Root> {
        self.root(self.head_commit.root)
    }

    /// The root of a commit.
    pub fn root_of(&self, commit: CommitId) -> Result<Root> {
        self.root(self.handle.store.commit(commit)?.root)
    }

    /// Makes a root the working root.
    pub fn set_working(&mut self, root: &Root) -> Result<()> {
        self.set.working = root.save()?;
        Ok(())
    }

    /// Makes a root the staged root.
    pub fn set_staged(&mut self, root: &Root) -> Result<()> {
        self.set.staged = root.save()?;
        Ok(())
    }

    /// Moves the head.
    pub fn move_head(&mut self, to: CommitId) -> Result<()> {
        self.head_commit = self.handle.store.commit(to)?;
        self.head = to;
        self.new_head = Some(to);
        Ok(())
    }
}

fn open<'s>(
    session: &'s Session,
    handle: &Arc<DatabaseHandle>,
    branch: &str,
    set: WorkingSet,
) -> Result<BranchEdit<'s>> {
    let head = handle
        .store
        .branch(branch)
        .ok_or_else(|| Error::general(format!("branch not found: {branch}")))?;
    Ok(BranchEdit {
        session,
        handle: handle.clone(),
        branch: branch.to_string(),
        head,
        head_commit: handle.store.commit(head)?,
        set,
        new_head: None,
    })
}

/// Changes the branch of a database at once, together with what the session has open on it.
/// Nobody else commits meanwhile; if `edit` fails nothing is written, and the session's
/// transaction goes on.
pub fn edit_now<'s, T>(
    session: &'s Session,
    db: &DbRef,
    edit: impl FnOnce(&mut BranchEdit<'s>) -> Result<T>,
) -> Result<T> {
    let branch = branch_of(db)?;
    writable(session)?;
    session.require_change(&db.handle, branch)?;
    let together = session
        .transaction
        .borrow_mut()
        .take_if(|tx| tx.only_branch(&db.handle, branch));
    match &together {
        Some(tx) => super::before_commit(session, tx)?,
        // Several branches cannot change in one step.
        None => session.commit_transaction()?,
    }
    let changes = together.as_ref().and_then(|tx| {
        let mut dirty = tx.branches.values();
        dirty.find(|b| b.is_dirty())
    });
    let (done, lsn) = {
        let _one_at_a_time = db.handle.lock_commits();
        let state = db.handle.branch_state(branch)?;
        let set = match changes {
            Some(changes) => {
                let (set, root) = changes.on(&state, &session.writer())?;
                db.handle.keep(root);
                set
            }
            None => state.set.clone(),
        };
        let edited = || {
            let mut e = open(session, &db.handle, branch, set)?;
            let before = e.head;
            let done = edit(&mut e)?;
            if e.set == state.set && e.new_head.is_none() {
                return Ok((done, None));
            }
            super::validate::check_set(session, &e)?;
            let lsn = write(&mut e, before, state.hash)?;
            Ok((done, Some(lsn)))
        };
        match edited() {
            Ok(edited) => edited,
            Err(e) => {
                if let Some(tx) = together.filter(|tx| tx.explicit) {
                    *session.transaction.borrow_mut() = Some(tx);
                }
                return Err(e);
            }
        }
    };
    if let Some(lsn) = lsn {
        db.handle.store.sync(lsn)?;
    }
    Ok(done)
}

/// Changes the branch of a database within the open transaction, or at once when every statement
/// is one.
pub fn edit<'s, T>(
    session: &'s Session,
    db: &DbRef,
    edit: impl FnOnce(&mut BranchEdit<'s>) -> Result<T>,
) -> Result<T> {
    let branch = branch_of(db)?;
    writable(session)?;
    session.require_change(&db.handle, branch)?;
    if !session.open_transaction().explicit {
        return edit_now(session, db, edit);
    }
    let set = {
        let mut changes = session.branch_changes(db)?;
        let mut set = changes.set.clone();
        if changes.is_dirty() {
            // Rows written so far become part of the root that is changed as a whole.
            let built = changes.built_root()?;
            set.working = built.save()?;
            changes.set.working = set.working;
        }
        set
    };
    let mut e = open(session, &db.handle, branch, set)?;
    let done = edit(&mut e)?;
    if e.new_head.is_some() {
        return Err(Error::general("a head moves only outside of transactions"));
    }
    let root = db.handle.root(e.set.working)?;
    let mut changes = session.branch_changes(db)?;
    if changes.set == e.set && changes.root.id == e.set.working {
        return Ok(done);
    }
    changes.root = root.clone();
    changes.latest = root;
    changes.tables.clear();
    changes.set = e.set;
    changes.replaced = true;
    Ok(done)
}

fn writable(session: &Session) -> Result<()> {
    if session.instance.settings.read_only {
        return Err(Error::general("database server is set to read only mode"));
    }
    match &*session.transaction.borrow() {
        Some(tx) if tx.explicit && tx.read_only => Err(Error::read_only()),
        _ => Ok(()),
    }
}

fn write(e: &mut BranchEdit<'_>, before: CommitId, expected: Hash) -> Result<chunks::Lsn> {
    let writer = e.session.writer();
    e.set.meta = Some(WorkingSetMeta {
        name: writer.name,
        email: writer.email,
        description: "sql transaction".to_string(),
        seconds: writer.seconds,
    });
    let store = &e.handle.store;
    let hash = e.set.save(store.objects())?;
    let mut edits = vec![RefEdit::set(
        ref_name::working_set(&e.branch),
        hash,
        Expected::Is(expected),
    )];
    if let Some(head) = e.new_head {
        edits.push(RefEdit::set(
            ref_name::branch(&e.branch),
            head.0,
            Expected::Is(before.0),
        ));
    }
    let lsn = store.append_refs(&edits).map_err(|e| match e {
        model::ModelError::RefMoved(_) => serialization_failure(),
        e => e.into(),
    })?;
    let root = e.handle.root(e.set.working)?;
    e.handle.keep_branch(Arc::new(BranchState {
        hash,
        set: e.set.clone(),
        root,
    }));
    Ok(lsn)
}
