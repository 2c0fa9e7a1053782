//! Transactions: snapshots of branches, and the rows changed above them.
//!
//! Reads see the snapshot and the transaction's own changes. Writes work on the newest committed
//! version of the rows they touch, and remember it: at commit, a row that somebody else has
//! changed since is merged by cell, or the transaction fails with 1213. Nothing is parsed or
//! planned at commit, and roots are never merged.

mod commit;
mod commit_queue;
mod lock_rows;
mod table_edit;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use chunks::Hash;
use foldhash::{HashMap, HashMapExt};
use model::{CommitId, WorkingSet};

pub use commit::serialization_failure;
pub(crate) use commit_queue::CommitQueue;
pub(crate) use lock_rows::{LockPlace, Locking, Publishing};
pub(crate) use table_edit::{check_unique_row, edit_table, edits_of};
pub use table_edit::{entries, entries_where};

use crate::database::DatabaseHandle;
use crate::error::{Error, Result};
use crate::root_state::{RootState, TableState};
use crate::row_locks::{HeldLocks, Owner};
use crate::temporary::is_temporary;
use crate::view::{ChangedPair as Pair, OverlayKey, OverlayMap, TableOverlay, TableView};

/// One reversible change of a table.
pub(crate) struct Undo {
    pub branch: Arc<str>,
    pub table: Arc<str>,
    pub change: Undone,
}

/// What a change is taken back to.
pub(crate) enum Undone {
    /// An entry of the overlay.
    Entry {
        /// None is the clustered tree.
        index: Option<usize>,
        key: OverlayKey,
        /// What the overlay held before; none when it held nothing.
        before: Option<Pair>,
    },
    /// Everything, as it was before many changes went into trees.
    Table(Box<TableBefore>),
}

/// A table's changes at some point.
pub(crate) struct TableBefore {
    pub state: Arc<TableState>,
    pub folded: Option<Arc<TableState>>,
    pub overlay: Arc<TableOverlay>,
    pub overlay_bytes: usize,
    pub base: Arc<BaseRows>,
}

/// What was committed of a table's rows when they were first changed.
#[derive(Clone, Default)]
pub(crate) struct BaseRows {
    /// Of rows that were first changed on an older version than the present one: the value, none
    /// where there was no row.
    older: BTreeMap<OverlayKey, Option<Vec<u8>>>,
    /// Rows that were changed since; the present version has what was committed of them.
    since: Vec<OverlayKey>,
}

/// Changes of a transaction to one table.
pub struct TableChanges {
    /// The newest committed version that the changes stand on, or once changes were folded, the
    /// table with these.
    pub state: Arc<TableState>,
    /// The committed version that folded changes stand on; none if there are none. See
    /// [`crate::fold`].
    pub(crate) folded: Option<Arc<TableState>>,
    /// The changes, as readers see them.
    pub overlay: Arc<TableOverlay>,
    /// The changes were begun on an earlier version than `state`: somebody else may have committed
    /// to their rows in between.
    pub(crate) moved: bool,
    /// Bytes that the overlay came to hold, about.
    pub(crate) overlay_bytes: usize,
    pub(crate) base: Arc<BaseRows>,
    /// Next AUTO_INCREMENT value to store.
    pub next_number: Option<u64>,
}

/// One branch as a transaction sees it.
pub struct BranchChanges {
    /// The database.
    pub handle: Arc<DatabaseHandle>,
    /// The branch.
    pub branch: String,
    /// Working set at the start, or as the transaction has changed it.
    pub set: WorkingSet,
    /// Address of the working set at the start.
    pub base: Hash,
    /// The branch's head at the start of a transaction of several statements.
    pub head: Option<CommitId>,
    /// Root that reads see.
    pub root: Arc<RootState>,
    /// Newest committed root, as the current statement writes on it.
    pub latest: Arc<RootState>,
    /// Staged root, merge state or working root was replaced as a whole.
    pub replaced: bool,
    /// Changed tables by lower-case name.
    pub tables: HashMap<String, TableChanges>,
    /// See [`Transaction::runs_again`].
    pub(crate) runs_again: bool,
    /// Whose locks are no obstacle to its commit.
    pub(crate) owner: Owner,
}

/// A transaction of one session.
#[derive(Default)]
pub struct Transaction {
    /// Branches by `database/branch` in lower-case database name.
    pub branches: HashMap<String, BranchChanges>,
    pub(crate) undo: Vec<Undo>,
    pub(crate) savepoints: Vec<(String, usize)>,
    /// Where running statements began, the outermost first.
    pub(crate) statements: Vec<usize>,
    /// Begun by START TRANSACTION, BEGIN or with autocommit off.
    pub explicit: bool,
    /// READ ONLY.
    pub read_only: bool,
    /// It is one statement, which runs again if others have changed its rows before it commits.
    pub(crate) runs_again: bool,
    /// How the running statement locks the rows that it changes; none if it does not.
    pub(crate) locking: Option<Locking>,
    /// Locks of rows, let go of when the transaction has ended.
    pub(crate) locks: Option<HeldLocks>,
}

/// A statement that runs, by its depth.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

/// Who writes, for the metadata of working sets.
#[derive(Clone, Debug)]
pub struct Writer {
    /// Name of the committer.
    pub name: String,
    /// E-mail of the committer.
    pub email: String,
    /// Seconds since 1970.
    pub seconds: u64,
    /// Whether rows are held against foreign keys.
    pub checks_keys: bool,
}

/// What an entry of an overlay takes beside its key and value, with what undoes it.
const ENTRY_BYTES: usize = 200;

/// The key of a branch in a transaction.
pub fn branch_key(key: &str, branch: &str) -> String {
    [key, "/", branch].concat()
}

impl Transaction {
    /// The branch, opened at its newest state when the transaction has not seen it yet.
    pub fn branch(
        &mut self,
        handle: &Arc<DatabaseHandle>,
        branch: &str,
    ) -> Result<&mut BranchChanges> {
        let is_it = |b: &BranchChanges| Arc::ptr_eq(&b.handle, handle) && b.branch == branch;
        // There is one branch as a rule: looking at it is cheaper than making its key.
        if self.branches.values().any(is_it) {
            let mut open = self.branches.values_mut();
            let known = open.find(|b| is_it(b));
            return known.ok_or_else(|| Error::general("branch is not open"));
        }
        let key = branch_key(&handle.key, branch);
        if !self.branches.contains_key(&key) {
            let state = handle.branch_state(branch)?;
            let head = match self.explicit {
                true => handle.store.branch(branch),
                false => None,
            };
            self.branches.insert(
                key.clone(),
                BranchChanges {
                    handle: handle.clone(),
                    branch: branch.to_string(),
                    set: state.set.clone(),
                    base: state.hash,
                    head,
                    root: state.root.clone(),
                    latest: state.root.clone(),
                    replaced: false,
                    tables: HashMap::new(),
                    runs_again: false,
                    owner: 0,
                },
            );
        }
        self.branches
            .get_mut(&key)
            .ok_or_else(|| Error::general("branch is not open"))
    }

    /// Whether anything would be written by a commit.
    pub fn is_dirty(&self) -> bool {
        self.branches.values().any(BranchChanges::is_dirty)
    }

    /// Begins a statement, whose changes can be taken back as long as it is not
    /// [ended](Transaction::end_statement).
    pub fn mark(&mut self) -> Mark {
        self.statements.push(self.undo.len());
        Mark(self.statements.len() - 1)
    }

    /// The changes of a statement, and of those within it, stay.
    pub fn end_statement(&mut self, mark: Mark) {
        self.statements.truncate(mark.0);
    }

    /// Takes back the changes of a statement, which ends.
    pub fn undo_to(&mut self, mark: Mark) {
        if let Some(at) = self.statements.get(mark.0).copied() {
            self.end_statement(mark);
            self.undo_from(at);
        }
    }

    fn undo_from(&mut self, at: usize) {
        while self.undo.len() > at {
            let Some(u) = self.undo.pop() else { break };
            let Some(branch) = self.branches.get_mut(&*u.branch) else {
                continue;
            };
            if let Some(table) = branch.tables.get_mut(&*u.table) {
                table.take_back(u.change);
            }
        }
    }

    /// SAVEPOINT; a name that is in use moves.
    pub fn savepoint(&mut self, name: &str) {
        self.savepoints
            .retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.savepoints.push((name.to_string(), self.undo.len()));
    }

    /// ROLLBACK TO SAVEPOINT.
    pub fn rollback_to(&mut self, name: &str) -> Result<()> {
        let at = self.savepoint_at(name)?;
        let mark = self.savepoints[at].1;
        self.savepoints.truncate(at + 1);
        self.undo_from(mark);
        Ok(())
    }

    /// RELEASE SAVEPOINT.
    pub fn release(&mut self, name: &str) -> Result<()> {
        let at = self.savepoint_at(name)?;
        self.savepoints.truncate(at);
        Ok(())
    }

    fn savepoint_at(&self, name: &str) -> Result<usize> {
        self.savepoints
            .iter()
            .rposition(|(n, _)| n.eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::savepoint_missing(name))
    }

    /// Puts or removes the row with a key, with its index entries.
    ///
    /// `old` and `new` are the row's entries per index, in the order of the definition, or nothing
    /// where none of them changes.
    pub fn write_row(
        &mut self,
        branch: &str,
        table: &str,
        key: &[u8],
        value: Option<Vec<u8>>,
        old: &[Option<Vec<u8>>],
        new: &[Option<Vec<u8>>],
    ) -> Result<()> {
        let missing = || Error::general("table is not open for writing");
        let changes = self
            .branches
            .get_mut(branch)
            .and_then(|b| b.tables.get_mut(table))
            .ok_or_else(missing)?;
        let view = &changes.state.view;
        let at = OverlayKey::new(&view.primary.desc, key);
        Arc::make_mut(&mut changes.base).since.push(at.clone());
        let names = |u: &Undo| (u.branch.clone(), u.table.clone());
        let is_its = |u: &&Undo| &*u.branch == branch && &*u.table == table;
        let (branch, table) = match self.undo.last().filter(is_its) {
            Some(last) => names(last),
            None => (branch.into(), table.into()),
        };
        let undos = &mut self.undo;
        let mut undo = |index: Option<usize>, key: OverlayKey, before: Option<Pair>| {
            undos.push(Undo {
                branch: branch.clone(),
                table: table.clone(),
                change: Undone::Entry { index, key, before },
            });
        };
        let overlay = Arc::make_mut(&mut changes.overlay);
        let value_len = value.as_ref().map_or(0, Vec::len);
        changes.overlay_bytes += 2 * key.len() + value_len + ENTRY_BYTES;
        // An equal key may have other bytes, so the pair carries its own.
        let pair = value.map(|v| Arc::new((key.to_vec(), v)));
        let before = overlay.primary.rows.insert(at.clone(), pair);
        undo(None, at, before);
        if old.is_empty() && new.is_empty() {
            return Ok(());
        }
        let trees = &view.indexes;
        overlay
            .indexes
            .resize_with(trees.len(), OverlayMap::default);
        for (i, tree) in trees.iter().enumerate() {
            let (before, after) = (old.get(i).cloned().flatten(), new.get(i).cloned().flatten());
            if before == after {
                continue;
            }
            let map = &mut overlay.indexes[i].rows;
            let mut put = |bytes: Vec<u8>, pair: Pair| {
                changes.overlay_bytes += 2 * bytes.len() + ENTRY_BYTES;
                let k = OverlayKey::new(&tree.desc, &bytes);
                let was = map.insert(k.clone(), pair);
                undo(Some(i), k, was);
            };
            if let Some(b) = before {
                put(b, None);
            }
            if let Some(a) = after {
                let empty = values::tuple::EMPTY_TUPLE.to_vec();
                put(a.clone(), Some(Arc::new((a, empty))));
            }
        }
        Ok(())
    }

    /// Commits; everything becomes visible and durable, or nothing.
    pub fn commit(mut self, writer: &Writer) -> Result<()> {
        let dirty: Vec<String> = self
            .branches
            .iter()
            .filter(|(_, b)| b.is_dirty())
            .map(|(k, _)| k.clone())
            .collect();
        // Temporary tables are no part of what is committed.
        let stored = dirty.iter().filter(|k| !is_temporary(k)).count();
        if stored > 1 {
            return Err(Error::general(
                "Cannot commit changes on more than one branch / database",
            ));
        }
        for key in dirty {
            if let Some(mut branch) = self.branches.remove(&key) {
                branch.runs_again = self.runs_again;
                branch.owner = self.lock_owner();
                branch.commit(writer)?;
            }
        }
        Ok(())
    }
}

impl Transaction {
    /// The branch that all of it is about, if it is about a branch of this database alone.
    pub(crate) fn only_branch(&self, handle: &Arc<DatabaseHandle>, branch: &str) -> bool {
        let mut dirty = self.branches.iter().filter(|(_, b)| b.is_dirty());
        let one = dirty.next().is_some_and(|(key, b)| {
            !is_temporary(key) && Arc::ptr_eq(&b.handle, handle) && b.branch == branch
        });
        one && dirty.next().is_none()
    }
}

impl BranchChanges {
    /// Whether a commit would write something.
    pub fn is_dirty(&self) -> bool {
        self.replaced || self.tables.values().any(TableChanges::is_dirty)
    }

    /// Lets the next statement write on the newest committed rows.
    pub fn refresh(&mut self) -> Result<()> {
        if self.replaced {
            return Ok(());
        }
        let state = self.handle.branch_state(&self.branch)?;
        if Arc::ptr_eq(&state.root, &self.latest) {
            return Ok(());
        }
        self.latest = state.root.clone();
        for (name, changes) in &mut self.tables {
            // Folded changes stay where they are; the commit compares them with what is newer.
            if changes.folded.is_none()
                && let Some(newest) = self.latest.table(name)?
                && newest.def.schema_hash == changes.state.def.schema_hash
            {
                if newest.hash != changes.state.hash && !changes.overlay.is_empty() {
                    changes.moved = true;
                    changes.keep_base()?;
                }
                changes.state = newest;
            }
        }
        Ok(())
    }

    /// A table for reading: the snapshot with this transaction's changes.
    pub fn read_view(&self, name: &str) -> Result<Option<TableView>> {
        let Some(state) = self.root.table(name)? else {
            return Ok(None);
        };
        Ok(Some(self.changed_view(state)))
    }

    /// A table as writes see it: the newest committed rows with this transaction's changes.
    pub fn write_view(&self, name: &str) -> Result<Option<TableView>> {
        let Some(state) = self.latest.table(name)? else {
            return Ok(None);
        };
        Ok(Some(self.changed_view(state)))
    }

    fn changed_view(&self, state: Arc<TableState>) -> TableView {
        let Some(changes) = self.tables.get(&state.name.to_lowercase()) else {
            return state.view.clone();
        };
        let mut view = match changes.folded {
            Some(_) => changes.state.view.clone(),
            None => state.view.clone(),
        };
        view.overlay = Some(changes.overlay.clone());
        view
    }

    /// Opens a table for writing and gives its key in [`BranchChanges::tables`].
    pub fn open_for_write(&mut self, name: &str) -> Result<String> {
        let key = name.to_lowercase();
        if !self.tables.contains_key(&key) {
            let state = self
                .latest
                .table(name)?
                .ok_or_else(|| Error::unknown_table_missing(&self.handle.name, name))?;
            self.tables.insert(
                key.clone(),
                TableChanges {
                    state,
                    folded: None,
                    moved: false,
                    overlay: Arc::default(),
                    overlay_bytes: 0,
                    base: Arc::default(),
                    next_number: None,
                },
            );
        }
        Ok(key)
    }
}

impl TableChanges {
    /// The committed version that the changes were made on.
    fn committed(&self) -> &Arc<TableState> {
        self.folded.as_ref().unwrap_or(&self.state)
    }

    pub(crate) fn take_back(&mut self, change: Undone) {
        match change {
            Undone::Entry { index, key, before } => {
                let overlay = Arc::make_mut(&mut self.overlay);
                let map = match index {
                    None => &mut overlay.primary,
                    Some(i) => &mut overlay.indexes[i],
                };
                match before {
                    Some(pair) => map.rows.insert(key, pair),
                    None => map.rows.remove(&key),
                };
            }
            Undone::Table(before) => {
                let TableBefore {
                    state,
                    folded,
                    overlay,
                    overlay_bytes,
                    base,
                } = *before;
                (self.state, self.folded, self.overlay) = (state, folded, overlay);
                (self.overlay_bytes, self.base) = (overlay_bytes, base);
            }
        }
    }

    /// Whether the changes were made on just this version of the table.
    fn stand_on(&self, current: &TableState) -> bool {
        current.hash == self.committed().hash && !self.moved
    }

    /// Keeps what is committed of the rows that were changed since the last time, before a newer
    /// version takes its place.
    fn keep_base(&mut self) -> Result<()> {
        let BaseRows { older, since } = Arc::make_mut(&mut self.base);
        for key in since.iter() {
            if let Entry::Vacant(first) = older.entry(key.clone()) {
                let row = self.state.view.primary.get(None, key.bytes())?;
                first.insert(row.map(|slot| slot.value().to_vec()));
            }
        }
        // Only now: whoever fails in between has lost nothing.
        since.clear();
        Ok(())
    }

    /// What was committed of a row when it was first changed, while nothing is folded.
    fn base_of(&self, key: &OverlayKey) -> Result<Option<Cow<'_, [u8]>>> {
        if let Some(value) = self.base.older.get(key) {
            return Ok(value.as_deref().map(Cow::Borrowed));
        }
        let row = self.state.view.primary.get(None, key.bytes())?;
        Ok(row.map(|slot| Cow::Owned(slot.value().to_vec())))
    }

    fn is_dirty(&self) -> bool {
        let differs = |(key, pair): (&OverlayKey, &Pair)| match self.base_of(key) {
            Ok(old) => old.as_deref() != pair.as_ref().map(|p| p.1.as_slice()),
            // The commit will say why.
            Err(_) => true,
        };
        let mut rows = self.overlay.primary.rows.iter();
        self.next_number.is_some() || self.folded.is_some() || rows.any(differs)
    }

    /// The AUTO_INCREMENT value to store: with every row that is written, Dolt stores where the
    /// numbers of all branches go on.
    fn number_to_store(&self, handle: &DatabaseHandle, table: &str) -> Result<Option<u64>> {
        let mut rows = self.overlay.primary.rows.values();
        let numbers = self.state.def.auto_increment().is_some();
        if !numbers || self.next_number.is_none() && !rows.any(Option::is_some) {
            return Ok(self.next_number);
        }
        let next = handle.take_numbers(table, self.next_number.unwrap_or(1), 0)?;
        Ok(Some(next))
    }
}
