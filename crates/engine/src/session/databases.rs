//! Databases and branches as a session names them.

use super::*;

impl Session {
    /// Finds a database by a name that may carry a revision (spec 04 §1.3).
    pub fn resolve_database(&self, name: &str) -> Result<DbRef> {
        if let Some(known) = &*self.resolved.borrow()
            && known.name == name
        {
            return Ok(known.clone());
        }
        let found = self.find_database(name)?;
        if self.keeps_resolved.get() {
            *self.resolved.borrow_mut() = Some(found.clone());
        }
        Ok(found)
    }

    pub(super) fn find_database(&self, name: &str) -> Result<DbRef> {
        if crate::temporary::is_temporary(name) {
            return self.temporary_database(name);
        }
        let (base, revision) = match name.find(['/', '@']) {
            Some(at) => (&name[..at], Some(&name[at + 1..])),
            None => (name, None),
        };
        let handle = self
            .instance
            .database(base)
            .ok_or_else(|| Error::unknown_database(name))?;
        let revision = match revision {
            None => Revision::Branch(self.head(&handle)),
            Some(text) => self
                .resolve_revision(&handle, text)?
                .ok_or_else(|| Error::unknown_database(name))?,
        };
        Ok(DbRef {
            handle,
            revision,
            name: name.to_string(),
        })
    }

    pub(super) fn resolve_revision(
        &self,
        handle: &DatabaseHandle,
        text: &str,
    ) -> Result<Option<Revision>> {
        if !text.contains(['^', '~']) {
            if let Some(branch) = handle.store.find_branch(text)? {
                return Ok(Some(Revision::Branch(branch)));
            }
            if let Some(tag) = handle.store.tag(text)? {
                return Ok(Some(Revision::Commit(tag.commit)));
            }
            for (name, tag) in handle.store.tags()? {
                if name.eq_ignore_ascii_case(text) {
                    return Ok(Some(Revision::Commit(tag.commit)));
                }
            }
        }
        let Ok(spec) = RevSpec::parse(text) else {
            return Ok(None);
        };
        let head = self.head(handle);
        let found = handle.store.resolve(&spec, Some(&head)).ok();
        // A hash names a commit only where there is one.
        Ok(found
            .filter(|id| handle.store.commit(*id).is_ok())
            .map(Revision::Commit))
    }

    /// The branch that an unqualified database name means in this session.
    pub fn head(&self, handle: &DatabaseHandle) -> String {
        if let Some(b) = self.heads.borrow().get(&handle.key) {
            return b.clone();
        }
        if let Some(v) = self.instance.global(&handle.default_branch_variable) {
            let text = crate::convert::to_string(&v);
            let text = text
                .strip_prefix("refs/heads/")
                .unwrap_or(&text)
                .to_string();
            if !text.is_empty() && handle.store.branch(&text).is_some() {
                return text;
            }
        }
        handle.store.current_branch()
    }

    /// Whether the statement that runs now leaves databases and branches as they are, so that
    /// a name needs to be resolved only once.
    pub(crate) fn keep_resolved(&self, keep: bool) {
        *self.resolved.borrow_mut() = None;
        self.keeps_resolved.set(keep);
    }

    /// Chooses the branch that an unqualified database name means.
    pub fn set_head(&self, handle: &DatabaseHandle, branch: &str) {
        *self.resolved.borrow_mut() = None;
        self.heads
            .borrow_mut()
            .insert(handle.key.clone(), branch.to_string());
        self.publish_heads();
    }

    /// Forgets that a branch, which is no more, was checked out.
    pub(crate) fn forget_head(&self, handle: &DatabaseHandle, branch: &str) {
        *self.resolved.borrow_mut() = None;
        self.heads
            .borrow_mut()
            .retain(|key, head| *key != handle.key || head != branch);
        self.publish_heads();
    }

    /// Lets other sessions see which branches are in use here.
    fn publish_heads(&self) {
        if let Ok(mut a) = self.process.activity.lock() {
            a.heads.clone_from(&self.heads.borrow());
        }
    }

    /// USE and COM_INIT_DB.
    pub fn use_database(&self, name: &str) -> Result<()> {
        if let Some(access) = self.access() {
            access.sees_database(name)?;
        }
        let shown = match name.to_ascii_lowercase().as_str() {
            "information_schema" | "mysql" | "performance_schema" | "sys" => name.to_lowercase(),
            _ => {
                let found = self.resolve_database(name)?;
                // With its revision it is shown as it was asked for.
                match name.contains(['/', '@']) {
                    true => name.to_string(),
                    false => found.handle.name.clone(),
                }
            }
        };
        if let Ok(mut a) = self.process.activity.lock() {
            a.database = Some(shown.clone());
        }
        *self.database.borrow_mut() = Some(shown);
        Ok(())
    }

    /// Leaves the current database, which has been dropped.
    pub(crate) fn leave_database(&self, handle: &DatabaseHandle) {
        let mut db = self.database.borrow_mut();
        let left = db.as_ref().is_some_and(|d| {
            d.split(['/', '@'])
                .next()
                .is_some_and(|b| b.eq_ignore_ascii_case(&handle.name))
        });
        if left {
            *db = None;
        }
        *self.resolved.borrow_mut() = None;
        self.heads.borrow_mut().remove(&handle.key);
        self.publish_heads();
    }

    /// The current database, or error 1046.
    pub fn current(&self) -> Result<DbRef> {
        let name = self.current_database().ok_or_else(Error::no_database)?;
        self.resolve_database(&name)
    }

    /// The root that reads of a database see now: the transaction's, or a commit's.
    pub fn root_of(&self, db: &DbRef) -> Result<Arc<crate::root_state::RootState>> {
        match &db.revision {
            Revision::Branch(branch) => {
                let mut tx = self.open_transaction();
                let b = tx.branch(&db.handle, branch)?;
                Ok(if self.writing.get() {
                    b.latest.clone()
                } else {
                    b.root.clone()
                })
            }
            Revision::Commit(id) => db.handle.root(db.handle.store.commit(*id)?.root),
        }
    }
}
