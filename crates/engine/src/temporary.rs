//! Temporary tables: they belong to one session, hide tables of the same name, and are no part of
//! any version. Each database that has some gets a store in memory beside it, so that everything
//! reads and writes them as it does other tables.

use std::sync::Arc;

use model::{CommitMeta, CreateOptions, Database, OpenOptions};
use syntax::ast;
use values::OwnedValue;

use crate::database::DatabaseHandle;
use crate::error::{Error, Result};
use crate::session::{DbRef, Revision, Session};
use crate::statement::base_name;

/// What stands before the name of a database for that of its temporary tables.
const MARK: char = '\u{1}';
const BRANCH: &str = "temporary";

/// Whether a database name is that of temporary tables.
pub fn is_temporary(db: &str) -> bool {
    db.starts_with(MARK)
}

/// A database's own name.
pub fn plain_name(db: &str) -> &str {
    db.trim_start_matches(MARK)
}

/// The name by which a session reaches the temporary tables of a database.
pub fn marked(db: &str) -> String {
    format!("{MARK}{}", base_name(db).to_lowercase())
}

impl Session {
    /// The temporary tables under a marked name.
    pub(crate) fn temporary_database(&self, name: &str) -> Result<DbRef> {
        let handle = self.temporary.borrow().get(name).cloned();
        let handle = handle.ok_or_else(|| Error::unknown_database(plain_name(name)))?;
        Ok(DbRef {
            handle,
            revision: Revision::Branch(BRANCH.to_string()),
            name: name.to_string(),
        })
    }

    /// The temporary table of this name, if the session has one.
    pub(crate) fn temporary_table(&self, db: &str, table: &str) -> Result<Option<DbRef>> {
        if self.temporary.borrow().is_empty() {
            return Ok(None);
        }
        let name = marked(db);
        if !self.temporary.borrow().contains_key(&name) {
            return Ok(None);
        }
        let found = self.temporary_database(&name)?;
        let there = self.root_of(&found)?.has_table(table);
        Ok(there.then_some(found))
    }

    /// [`Self::temporary_table`] of a name that may lack its database.
    pub(crate) fn temporary_named(&self, name: &ast::ObjectName) -> Result<Option<DbRef>> {
        let db = match &name.db {
            Some(db) => Some(db.to_string()),
            None => self.current_database(),
        };
        match db {
            Some(db) => self.temporary_table(&db, &name.name),
            None => Ok(None),
        }
    }

    /// CREATE TEMPORARY TABLE; gives the rows that its query filled in.
    pub(crate) fn create_temporary(
        &self,
        c: &ast::CreateTable,
        text: &[u8],
        params: &[OwnedValue],
    ) -> Result<u64> {
        let db = match &c.name.db {
            Some(db) => db.to_string(),
            None => self.current_database().ok_or_else(Error::no_database)?,
        };
        let real = self.resolve_database(&db)?;
        let name = marked(&db);
        if !self.temporary.borrow().contains_key(&name) {
            let options = CreateOptions {
                branch: BRANCH.to_string(),
                meta: CommitMeta::new(self.committer(), 0, ""),
                collation: self.root_of(&real)?.root.collation(),
                open: OpenOptions::default(),
                memorable_hash: false,
            };
            let store = Database::in_memory(&options)?;
            let handle = DatabaseHandle::temporary(&real.handle.name, &name, store);
            self.temporary
                .borrow_mut()
                .insert(name.clone(), Arc::new(handle));
        }
        self.settle_temporary(&name)?;
        let mut plain = c.clone();
        plain.temporary = false;
        plain.name.db = Some(name.as_str().into());
        let made = crate::ddl::create_table(self, &plain, text, params);
        self.keep_temporary(&name, made)
    }

    /// DROP TABLE of temporary tables alone.
    pub(crate) fn drop_temporary(&self, d: &ast::DropTable) -> Result<()> {
        let mut missing = Vec::new();
        for name in &d.names {
            let Some(db) = self.temporary_named(name)? else {
                let db = name.db.as_deref().map(str::to_string);
                let db = db.or_else(|| self.current_database()).unwrap_or_default();
                missing.push(format!("{db}.{}", name.name));
                continue;
            };
            let mut one = d.clone();
            one.temporary = false;
            one.names = vec![ast::ObjectName {
                db: Some(db.name.as_str().into()),
                name: name.name.clone(),
            }];
            self.settle_temporary(&db.name)?;
            let dropped = crate::ddl::drop_tables(self, &one);
            self.keep_temporary(&db.name, dropped)?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        let e = Error::unknown_table(missing.join(","));
        if !d.if_exists {
            return Err(e);
        }
        self.push_warning(e.code, e.message);
        Ok(())
    }

    /// Whether every table that a DROP names is a temporary one.
    pub(crate) fn drops_temporary(&self, d: &ast::DropTable) -> Result<bool> {
        if d.temporary {
            return Ok(true);
        }
        for name in &d.names {
            if self.temporary_named(name)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A definition of a temporary table stands at once, whatever becomes of the transaction, and
    /// names mean something else from now on.
    fn keep_temporary<T>(&self, name: &str, made: Result<T>) -> Result<T> {
        self.plans.borrow_mut().entries.clear();
        let made = made?;
        self.settle_temporary(name)?;
        Ok(made)
    }

    /// Commits what the transaction has changed in the temporary tables of a database.
    fn settle_temporary(&self, name: &str) -> Result<()> {
        let key = crate::transaction::branch_key(name, BRANCH);
        let changed = self.open_transaction().branches.remove(&key);
        if let Some(branch) = changed
            && branch.is_dirty()
        {
            branch.commit(&self.writer())?;
        }
        Ok(())
    }
}
