//! How a transaction locks the rows that it changes or asks for, and learns that they are not as
//! its statement has read them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{BranchChanges, Transaction};
use crate::database::DatabaseHandle;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::row_locks::{HeldLocks, LockMode, LockedKey, LockedTable, Owner, Patience, Taken};
use crate::session::Session;
use crate::temporary::is_temporary;
use crate::view::{KeyRange, OverlayKey, TableOverlay, TableView};

/// How the running statement locks rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Locking {
    /// What it does about locks of others.
    pub patience: Patience,
    /// Whether its locks outlive it.
    pub lasting: bool,
}

/// A table of a branch in which rows are locked.
#[derive(Clone, Copy)]
pub(crate) struct LockPlace<'p> {
    pub handle: &'p Arc<DatabaseHandle>,
    pub branch: &'p str,
    pub table: &'p str,
    /// The table as the statement reads it.
    pub view: &'p TableView,
}

impl LockPlace<'_> {
    fn take(
        &self,
        held: &mut HeldLocks,
        key: Option<LockedKey>,
        mode: LockMode,
        patience: Patience,
        session: &Session,
    ) -> Result<Taken> {
        let is_it = |t: &LockedTable| {
            t.schema == self.view.def.schema_hash
                && t.table.eq_ignore_ascii_case(self.table)
                && t.branch == self.branch
                && t.database == self.handle.key
        };
        let new = || LockedTable {
            database: self.handle.key.clone(),
            branch: self.branch.to_string(),
            table: self.table.to_lowercase(),
            schema: self.view.def.schema_hash,
        };
        held.take(is_it, new, key, mode, patience, &|| {
            session.check_interrupt()
        })
    }
}

impl Transaction {
    /// Locks a row that the statement has read, or found missing. The error that
    /// [asks to run it again](Error::row_changed) says that the row is not so any more.
    pub(crate) fn lock_row(
        &mut self,
        place: LockPlace<'_>,
        key: &[u8],
        mode: LockMode,
        patience: Option<Patience>,
        session: &Session,
    ) -> Result<Taken> {
        let Some(locking) = self.locking else {
            return Ok(Taken::Before);
        };
        if is_temporary(&place.handle.key) {
            return Ok(Taken::Before);
        }
        let at = LockedKey {
            index: None,
            key: OverlayKey::new(&place.view.primary.desc, key),
        };
        let patience = match locking.patience {
            Patience::Held => Patience::Held,
            other => patience.unwrap_or(other),
        };
        let held = self.held(locking, session);
        let taken = place.take(held, Some(at.clone()), mode, patience, session)?;
        if taken != Taken::Now {
            return Ok(taken);
        }
        place.handle.publishing.wait(place, &at.key);
        let Some(newest) = self.newer(place)? else {
            return Ok(taken);
        };
        let before = place.view.primary.get(None, key)?;
        let after = newest.primary.get(None, key)?;
        match (&before, &after) {
            (None, None) => Ok(taken),
            (Some(a), Some(b)) if a.value() == b.value() && a.key() == b.key() => Ok(taken),
            _ => Err(Error::row_changed()),
        }
    }

    /// Locks a key of a unique index that a new row is to have.
    pub(crate) fn lock_unique(
        &mut self,
        place: LockPlace<'_>,
        index: usize,
        entry: &[u8],
        session: &Session,
    ) -> Result<()> {
        let Some(locking) = self.locking.filter(|_| !is_temporary(&place.handle.key)) else {
            return Ok(());
        };
        let fields = place.view.def.indexes[index].columns.len();
        let tree = place.view.tree(Some(index));
        let key = OverlayKey::prefix(&tree.desc, entry, fields);
        let at = LockedKey {
            index: Some(index),
            key,
        };
        let held = self.held(locking, session);
        let taken = place.take(
            held,
            Some(at.clone()),
            LockMode::Exclusive,
            locking.patience,
            session,
        )?;
        if taken != Taken::Now {
            return Ok(());
        }
        place.handle.publishing.wait_for_all(place);
        let Some(newest) = self.newer(place)? else {
            return Ok(());
        };
        let holders = |view: &TableView| -> Result<Vec<Vec<u8>>> {
            let mut found = Vec::new();
            let range = KeyRange::prefix(entry, fields);
            view.tree(Some(index))
                .scan(None, &range, false, &mut |slot| {
                    found.push(slot.key().to_vec());
                    Ok(Flow::Continue)
                })?;
            Ok(found)
        };
        match holders(place.view)? == holders(&newest)? {
            true => Ok(()),
            false => Err(Error::row_changed()),
        }
    }

    /// Locks a table as a whole.
    pub(crate) fn lock_table(&mut self, place: LockPlace<'_>, session: &Session) -> Result<()> {
        let Some(locking) = self.locking.filter(|_| !is_temporary(&place.handle.key)) else {
            return Ok(());
        };
        let held = self.held(locking, session);
        let taken = place.take(held, None, LockMode::Exclusive, locking.patience, session)?;
        if taken != Taken::Now {
            return Ok(());
        }
        place.handle.publishing.wait_for_all(place);
        match self.newer(place)? {
            Some(_) => Err(Error::row_changed()),
            None => Ok(()),
        }
    }

    fn held(&mut self, locking: Locking, session: &Session) -> &mut HeldLocks {
        let locks = &session.instance.row_locks;
        self.locks
            .get_or_insert_with(|| HeldLocks::new(locks, locking.lasting))
    }

    /// A table as it is committed now, if that is not what the statement reads.
    fn newer(&mut self, place: LockPlace<'_>) -> Result<Option<TableView>> {
        let branch = self.branch(place.handle, place.branch)?;
        // These changes are compared when they are committed: they do not follow what others
        // commit.
        let folded = |b: &BranchChanges| {
            let changes = b.tables.get(&place.table.to_lowercase());
            changes.is_some_and(|t| t.folded.is_some())
        };
        if branch.replaced {
            return Ok(None);
        }
        let newest = place.handle.branch_state(place.branch)?;
        if Arc::ptr_eq(&newest.root, &branch.latest) || folded(branch) {
            return Ok(None);
        }
        let table = newest
            .root
            .table(place.table)?
            .ok_or_else(Error::row_changed)?;
        if table.def.schema_hash != place.view.def.schema_hash {
            return Err(Error::row_changed());
        }
        let same = Arc::ptr_eq(&table.view.primary.root, &place.view.primary.root);
        Ok((!same).then(|| table.view.clone()))
    }

    /// Whose locks it has.
    pub(super) fn lock_owner(&self) -> Owner {
        self.locks.as_ref().map_or(0, HeldLocks::owner)
    }
}

/// What a database is about to commit: who has just locked a row must not read it as it was
/// before.
#[derive(Default)]
pub(crate) struct Publishing {
    running: AtomicBool,
    /// Changed rows by table; none says that it may be any.
    rows: Mutex<Option<Vec<(String, Arc<TableOverlay>)>>>,
}

impl Publishing {
    /// Announces a commit, until what this gives is dropped. The caller holds the commit lock, and
    /// looks for locks afterwards: so either he sees a lock, or who takes it sees him.
    pub(super) fn begin(&self) -> Published<'_> {
        self.running.store(true, Ordering::SeqCst);
        Published(self)
    }

    /// Says which rows it is about.
    pub(super) fn rows(
        &self,
        transactions: impl Iterator<Item = Option<Vec<(String, Arc<TableOverlay>)>>>,
    ) {
        let all: Option<Vec<_>> = transactions.collect();
        let all = all.map(|lists| lists.into_iter().flatten().collect());
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// Returns when no commit is under way that may hold a row.
    fn wait(&self, place: LockPlace<'_>, key: &OverlayKey) {
        if !self.running.load(Ordering::SeqCst) {
            return;
        }
        let elsewhere = {
            let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            rows.as_ref().is_some_and(|tables| {
                let mut its = tables
                    .iter()
                    .filter(|(name, _)| name.eq_ignore_ascii_case(place.table));
                !its.any(|(_, changes)| changes.primary.rows.contains_key(key))
            })
        };
        if !elsewhere {
            self.wait_for_all(place);
        }
    }

    fn wait_for_all(&self, place: LockPlace<'_>) {
        if self.running.load(Ordering::SeqCst) {
            drop(place.handle.lock_commits());
        }
    }
}

/// A commit that is under way.
pub(super) struct Published<'p>(&'p Publishing);

impl Drop for Published<'_> {
    fn drop(&mut self) {
        *self.0.rows.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.running.store(false, Ordering::SeqCst);
    }
}
