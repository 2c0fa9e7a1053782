//! Revisions as statements name them (spec 04 §1).

use model::{CommitId, RevBase, RevSpec, Root};

use crate::error::{Error, Result};
use crate::session::{DbRef, Revision, Session};

/// The commit that a database name stands for: its branch's head, or the commit itself.
pub fn head(db: &DbRef) -> Result<CommitId> {
    match &db.revision {
        Revision::Commit(id) => Ok(*id),
        Revision::Branch(branch) => db
            .handle
            .store
            .branch(branch)
            .ok_or_else(|| Error::general(format!("branch not found: {branch}"))),
    }
}

/// The head as the session's transaction found it.
pub fn seen_head(session: &Session, db: &DbRef) -> Result<CommitId> {
    if let Revision::Branch(_) = &db.revision
        && let Some(seen) = session.branch_changes(db)?.head
    {
        return Ok(seen);
    }
    head(db)
}

/// The commit that a revision names.
pub fn commit(db: &DbRef, text: &str) -> Result<CommitId> {
    commit_from(db, text, head(db)?)
}

/// The commit that a revision names where HEAD is this commit.
pub fn commit_from(db: &DbRef, text: &str, head: CommitId) -> Result<CommitId> {
    let store = &db.handle.store;
    let spec = RevSpec::parse(text)?;
    if let RevBase::Commit(id) = &spec.base
        && store.objects().nodes().chunks().get(&id.0)?.is_none()
    {
        if store.chunks().is_ghost(&id.0) {
            return Err(model::ModelError::Ghost(id.0).into());
        }
        return Err(Error::general("target commit not found"));
    }
    Ok(spec.resolve(store.objects(), &store.refs(), Some(head))?)
}

/// The working root with everything that the session has changed.
pub fn working_root(session: &Session, db: &DbRef) -> Result<Root> {
    match &db.revision {
        Revision::Commit(_) => Ok(session.root_of(db)?.root.clone()),
        Revision::Branch(_) => {
            let changes = session.branch_changes(db)?;
            match changes.tables.is_empty() {
                true => Ok(changes.root.root.clone()),
                false => Ok(changes.built_root()?),
            }
        }
    }
}

/// The staged root.
pub fn staged_root(session: &Session, db: &DbRef) -> Result<Root> {
    match &db.revision {
        Revision::Commit(_) => Ok(session.root_of(db)?.root.clone()),
        Revision::Branch(_) => {
            let staged = session.branch_changes(db)?.set.staged;
            Ok(db.handle.root(staged)?.root.clone())
        }
    }
}

/// The root of a commit.
pub fn commit_root(db: &DbRef, id: CommitId) -> Result<Root> {
    Ok(db
        .handle
        .root(db.handle.store.commit(id)?.root)?
        .root
        .clone())
}

/// A root that a revision names, and what to show for it.
pub struct NamedRoot {
    /// The root.
    pub root: Root,
    /// The commit; none for WORKING and STAGED.
    pub commit: Option<CommitId>,
    /// The text to show.
    pub shown: String,
    /// The committer's date in milliseconds.
    pub millis: Option<i64>,
}

/// A root by a revision, `WORKING` or `STAGED`.
pub fn root(session: &Session, db: &DbRef, text: &str) -> Result<NamedRoot> {
    let special = |root| NamedRoot {
        root,
        commit: None,
        shown: text.to_string(),
        millis: None,
    };
    match text {
        "WORKING" => return Ok(special(working_root(session, db)?)),
        "STAGED" => return Ok(special(staged_root(session, db)?)),
        _ => {}
    }
    let id = commit(db, text)?;
    let c = db.handle.store.commit(id)?;
    Ok(NamedRoot {
        root: db.handle.root(c.root)?.root.clone(),
        commit: Some(id),
        shown: text.to_string(),
        millis: Some(c.meta.committer_millis as i64),
    })
}
