//! A database of the instance: its store, and what has been decoded of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chunks::Hash;
use foldhash::HashMap;
use model::{Database, Root, RootId, WorkingSet};

use crate::error::{Error, Result};
use crate::program::stored::{CodeVersion, StoredCode};
use crate::root_state::{RootState, TableCache};
use crate::row_locks::RowLocks;
use crate::transaction::{CommitQueue, Publishing};

/// Roots that are kept decoded.
const ROOTS_KEPT: usize = 256;

/// Versions of the stored programs that are kept parsed.
const CODE_KEPT: usize = 32;

/// A database as all sessions share it.
pub struct DatabaseHandle {
    /// Name as created.
    pub name: String,
    /// What it is known by in a transaction: the name in lower case, or that of temporary tables.
    pub key: String,
    /// Name of the variable that says which branch the name alone means.
    pub default_branch_variable: String,
    /// Refs and objects.
    pub store: Database,
    roots: Mutex<HashMap<RootId, Arc<RootState>>>,
    tables: Arc<TableCache>,
    sets: Mutex<HashMap<Hash, Arc<BranchState>>>,
    /// The branch asked for last, as it was at a version of the refs.
    last: Mutex<Option<(u64, String, Arc<BranchState>)>>,
    commit: Mutex<()>,
    /// Transactions on their way into the store.
    pub(crate) commits: CommitQueue,
    /// What is being committed, for those who lock rows.
    pub(crate) publishing: Publishing,
    /// The locks of rows of the instance.
    pub(crate) row_locks: Arc<RowLocks>,
    code: Mutex<HashMap<CodeVersion, Arc<StoredCode>>>,
    /// Next AUTO_INCREMENT values by lower-case table name, over all branches.
    counters: Mutex<HashMap<String, u64>>,
}

/// A branch's working set with its working root.
pub struct BranchState {
    /// Address of the working set.
    pub hash: Hash,
    /// The working set.
    pub set: WorkingSet,
    /// Its working root.
    pub root: Arc<RootState>,
}

fn locked<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DatabaseHandle {
    /// Wraps an opened database.
    pub fn new(name: &str, store: Database) -> DatabaseHandle {
        DatabaseHandle {
            name: name.to_string(),
            key: name.to_lowercase(),
            default_branch_variable: format!("{}_default_branch", name.to_lowercase()),
            store,
            roots: Mutex::default(),
            tables: Arc::default(),
            sets: Mutex::default(),
            last: Mutex::default(),
            commit: Mutex::default(),
            commits: CommitQueue::default(),
            publishing: Publishing::default(),
            row_locks: Arc::default(),
            code: Mutex::default(),
            counters: Mutex::default(),
        }
    }

    /// Rows of it are locked with those of the other databases of an instance.
    pub(crate) fn with_row_locks(self, row_locks: &Arc<RowLocks>) -> DatabaseHandle {
        DatabaseHandle {
            row_locks: row_locks.clone(),
            ..self
        }
    }

    /// The temporary tables of a session in the database of this name.
    pub fn temporary(name: &str, key: &str, store: Database) -> DatabaseHandle {
        DatabaseHandle {
            key: key.to_string(),
            ..DatabaseHandle::new(name, store)
        }
    }

    /// A root by its address.
    pub fn root(&self, id: RootId) -> Result<Arc<RootState>> {
        if let Some(root) = locked(&self.roots).get(&id) {
            return Ok(root.clone());
        }
        let objects = self.store.objects();
        let root = RootState::open(objects, id, &self.name, &self.tables)?;
        let root = Arc::new(root);
        self.keep(root.clone());
        Ok(root)
    }

    /// A root that has been built.
    pub fn root_state(&self, root: Root, id: RootId) -> Result<RootState> {
        RootState::new(root, id, &self.name, &self.tables)
    }

    /// The stored programs of a root.
    pub fn stored_code(&self, root: &RootState) -> Result<Arc<StoredCode>> {
        let version = CodeVersion::of(root);
        if let Some(code) = locked(&self.code).get(&version) {
            return Ok(code.clone());
        }
        let code = Arc::new(StoredCode::read(root)?);
        let mut kept = locked(&self.code);
        if kept.len() >= CODE_KEPT {
            kept.clear();
        }
        kept.insert(version, code.clone());
        Ok(code)
    }

    /// Keeps a root that has just been built.
    pub fn keep(&self, root: Arc<RootState>) {
        let mut roots = locked(&self.roots);
        if roots.len() >= ROOTS_KEPT {
            roots.clear();
        }
        roots.insert(root.id, root);
    }

    /// The working set of a branch as it is now; a branch without one gets a clean one.
    pub fn branch_state(&self, branch: &str) -> Result<Arc<BranchState>> {
        let version = self.store.refs_version();
        if let Some((at, name, state)) = &*locked(&self.last)
            && *at == version
            && name == branch
        {
            return Ok(state.clone());
        }
        let state = self.find_branch_state(branch)?;
        *locked(&self.last) = Some((version, branch.to_string(), state.clone()));
        Ok(state)
    }

    fn find_branch_state(&self, branch: &str) -> Result<Arc<BranchState>> {
        let name = model::ref_name::working_set(branch);
        if let Some(hash) = self.store.get_ref(&name)
            && let Some(state) = locked(&self.sets).get(&hash)
        {
            return Ok(state.clone());
        }
        let (hash, set) = match self.store.working_set(branch)? {
            Some(found) => found,
            None => {
                let head = self
                    .store
                    .branch(branch)
                    .ok_or_else(|| Error::unknown_database(format!("{}/{branch}", self.name)))?;
                let set = WorkingSet::clean(self.store.commit(head)?.root);
                (
                    self.store
                        .set_working_set(branch, &set, model::Expected::Any)?,
                    set,
                )
            }
        };
        let root = self.root(set.working)?;
        let state = Arc::new(BranchState { hash, set, root });
        self.keep_branch(state.clone());
        Ok(state)
    }

    /// Keeps a working set that has just been written.
    pub fn keep_branch(&self, state: Arc<BranchState>) {
        let mut sets = locked(&self.sets);
        if sets.len() >= ROOTS_KEPT {
            sets.clear();
        }
        sets.insert(state.hash, state);
    }

    /// Held while a transaction is compared with what others committed, and appended.
    pub fn lock_commits(&self) -> MutexGuard<'_, ()> {
        locked(&self.commit)
    }

    /// Takes `count` numbers of a table; `floor` is the next number that its root knows.
    pub fn take_numbers(&self, table: &str, floor: u64, count: u64) -> Result<u64> {
        let seed = self.first_number(table)?;
        let mut counters = locked(&self.counters);
        let next = counters.entry(table.to_lowercase()).or_insert(seed);
        *next = (*next).max(floor);
        let first = *next;
        *next = next.saturating_add(count);
        Ok(first)
    }

    /// Notes that a number has been used.
    pub fn note_number(&self, table: &str, used: u64) -> Result<()> {
        let seed = self.first_number(table)?;
        let mut counters = locked(&self.counters);
        let next = counters.entry(table.to_lowercase()).or_insert(seed);
        *next = (*next).max(used.saturating_add(1));
        Ok(())
    }

    /// Where a table's numbers go on when this process has none of it yet: after those of every
    /// branch, so that rows made on two of them do not meet in a merge (spec 05 §14).
    fn first_number(&self, table: &str) -> Result<u64> {
        let mut next = 1;
        if locked(&self.counters).contains_key(&table.to_lowercase()) {
            return Ok(next);
        }
        for (branch, _) in self.store.branches()? {
            if let Some(t) = self.branch_state(&branch)?.root.table(table)? {
                next = next.max(t.table.auto_increment());
            }
        }
        Ok(next)
    }

    /// Numbers go on after those that the branches know now (ALTER TABLE .. AUTO_INCREMENT,
    /// TRUNCATE, DROP).
    pub fn reset_number(&self, table: &str) {
        locked(&self.counters).remove(&table.to_lowercase());
    }
}
