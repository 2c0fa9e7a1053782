//! The transaction of a session.

use super::*;

impl Session {
    /// The open transaction; one begins when there is none.
    pub fn open_transaction(&self) -> std::cell::RefMut<'_, Transaction> {
        let mut tx = self.transaction.borrow_mut();
        if tx.is_none() {
            self.hold_pin();
            let read_only = self.next_read_only.take();
            *tx = Some(Transaction {
                explicit: !self.autocommit(),
                read_only: read_only.unwrap_or_else(|| self.settings().read_only),
                ..Transaction::default()
            });
        }
        std::cell::RefMut::map(tx, |t| t.get_or_insert_with(Transaction::default))
    }

    /// BEGIN and START TRANSACTION: commits what is open.
    pub fn begin_transaction(&self, read_only: Option<bool>) -> Result<()> {
        self.commit_transaction()?;
        let mut tx = self.open_transaction();
        tx.explicit = true;
        if let Some(r) = read_only {
            tx.read_only = r;
        }
        Ok(())
    }

    /// COMMIT.
    pub fn commit_transaction(&self) -> Result<()> {
        let taken = self.transaction.borrow_mut().take();
        taken.map_or(Ok(()), |tx| self.commit_changes(tx))
    }

    /// The end of a transaction that a client asked for, or of a statement that is one.
    pub(crate) fn complete_transaction(&self) -> Result<()> {
        if !self.settings().commits_transactions {
            self.defined.set(false);
            return self.commit_transaction();
        }
        let taken = self.transaction.borrow_mut().take();
        self.commit_to_history(taken.unwrap_or_default())
    }

    /// COMMIT under `@@dolt_transaction_commit`: what the transaction sees of the branch becomes a
    /// commit.
    fn commit_to_history(&self, tx: Transaction) -> Result<()> {
        let mut dirty = tx.branches.values().filter(|b| b.is_dirty());
        let changed = dirty.find(|b| !crate::temporary::is_temporary(&b.handle.key));
        let current = self.current_database();
        // A current database that is gone has nothing to commit.
        let current = current.and_then(|name| self.resolve_database(&name).ok());
        let Some(changed) = changed else {
            self.commit_changes(tx)?;
            return match current {
                Some(db)
                    if self.defined.take()
                        && !self.instance.settings.read_only
                        && matches!(db.revision, Revision::Branch(_)) =>
                {
                    crate::dolt::commit::commit_all(self, &db, self.commit_message())
                }
                _ => Ok(()),
            };
        };
        let elsewhere = match &current {
            Some(db) if !Arc::ptr_eq(&db.handle, &changed.handle) => {
                Some(format!("database {}", db.handle.name))
            }
            Some(db) => match &db.revision {
                Revision::Branch(b) if *b != changed.branch => Some(format!("branch {b}")),
                _ => None,
            },
            None => None,
        };
        if let Some(place) = elsewhere {
            if tx.explicit {
                *self.transaction.borrow_mut() = Some(tx);
            }
            return Err(Error::general(format!(
                "no changes to dolt_commit on {place}"
            )));
        }
        let name = format!("{}/{}", changed.handle.name, changed.branch);
        let (own, seen) = (changed.built_root()?, changed.head);
        *self.transaction.borrow_mut() = Some(tx);
        let db = self.resolve_database(&name)?;
        crate::dolt::commit::commit_seen(self, &db, &own, seen, self.commit_message())
    }

    fn commit_message(&self) -> String {
        match self.variable("dolt_transaction_commit_message") {
            Value::Bytes(b) if !b.is_empty() => String::from_utf8_lossy(&b).into_owned(),
            _ => "Transaction commit".to_string(),
        }
    }

    fn commit_changes(&self, tx: Transaction) -> Result<()> {
        if !tx.is_dirty() {
            return Ok(());
        }
        if self.instance.settings.read_only {
            return Err(Error::general("database server is set to read only mode"));
        }
        crate::dolt::before_commit(self, &tx)?;
        tx.commit(&self.writer())
    }

    /// ROLLBACK.
    pub fn rollback_transaction(&self) {
        *self.transaction.borrow_mut() = None;
    }

    /// Ends the transaction of a statement that is one by itself.
    pub(crate) fn end_of_statement(&self, failed: bool) -> Result<()> {
        let explicit = self
            .transaction
            .borrow()
            .as_ref()
            .is_some_and(|t| t.explicit);
        if explicit || self.depth.get() > 0 {
            return Ok(());
        }
        let ended = match failed {
            true => {
                self.rollback_transaction();
                Ok(())
            }
            false => self.complete_transaction(),
        };
        *self.pin.borrow_mut() = None;
        ended
    }
}
