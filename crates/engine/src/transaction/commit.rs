//! COMMIT: what transactions changed goes into the trees of the newest committed root.

use std::sync::Arc;

use chunks::{Hash, Lsn};
use foldhash::{HashMap, HashMapExt};
use model::{Expected, RefEdit, Root, Table, WorkingSet, WorkingSetMeta, ref_name};

use super::table_edit::{ChangedTwice, edit_table, merge_table, overlay_on, shares_unique_key};
use super::{BranchChanges, TableChanges, Writer};
use crate::database::{BranchState, DatabaseHandle};
use crate::dolt::validate::violations_error;
use crate::error::{Error, Result};
use crate::root_state::{RootState, TableState};
use crate::view::TableOverlay;

/// Bytes of changes beyond which a transaction is committed by itself.
const MOST_TOGETHER: usize = 1 << 20;

/// The error of a transaction that met another one's changes.
pub fn serialization_failure() -> Error {
    Error::new(
        1213,
        "40001",
        "serialization failure: this transaction conflicts with a committed transaction from another client, try restarting transaction.",
    )
}

impl BranchChanges {
    /// The working root with this transaction's changes built into its trees.
    pub fn built_root(&self) -> Result<Root> {
        Ok(apply(&self.root, self)?.0)
    }

    /// What the branch's working set and root become when these changes are committed now. The
    /// caller holds the database's commit lock.
    pub(crate) fn on(
        &self,
        current: &BranchState,
        writer: &Writer,
    ) -> Result<(WorkingSet, Arc<RootState>)> {
        let handle = &self.handle;
        let unchanged = current.hash == self.base;
        let (mut set, root, changed) = if self.replaced {
            let (own, _) = apply(&self.root, self)?;
            let (set, root) = match unchanged {
                true => (self.set.clone(), own),
                false => {
                    crate::dolt::merge_working_sets(handle, &self.base, current, &self.set, &own)?
                }
            };
            (set, root, None)
        } else {
            let (root, changed) = apply(&current.root, self)?;
            (current.set.clone(), root, Some(changed))
        };
        if !self.replaced && !unchanged && writer.checks_keys {
            check_foreign_keys(&root, &current.root.root).map_err(|e| match self.runs_again {
                true => serialization_failure(),
                false => e,
            })?;
        }
        set.working = root.save()?;
        let state = Arc::new(match changed {
            Some(changed) => current.root.with_content(root, set.working, changed)?,
            None => handle.root_state(root, set.working)?,
        });
        Ok((set, state))
    }

    /// Writes the branch's working set, perhaps with what other transactions changed, and waits
    /// until it is durable.
    pub(crate) fn commit(self, writer: &Writer) -> Result<()> {
        let handle = self.handle.clone();
        handle.commits.commit(self, writer)
    }

    fn changed_twice(&self) -> ChangedTwice {
        match self.runs_again {
            true => ChangedTwice::Fails,
            false => ChangedTwice::Merges,
        }
    }

    /// The changed rows by table; none if they cannot be told.
    fn rows(&self) -> Option<Vec<(String, Arc<TableOverlay>)>> {
        let known = !self.replaced && self.tables.values().all(|t| t.folded.is_none());
        let tables = self.tables.iter();
        known.then(|| {
            tables
                .map(|(n, t)| (n.clone(), t.overlay.clone()))
                .collect()
        })
    }

    /// Whether it is a statement that runs again, and has changed rows that somebody has locked.
    fn meets_locks(&self) -> bool {
        let locks = &self.handle.row_locks;
        self.runs_again
            && self.tables.iter().any(|(name, t)| {
                let changes = &t.overlay.primary;
                locks.hold_any(&self.handle.key, &self.branch, name, self.owner, changes)
            })
    }

    /// Whether a commit may take these changes in with those of other transactions: they are
    /// rows, and few.
    fn is_small(&self) -> bool {
        let bytes: usize = self.tables.values().map(|t| t.overlay_bytes).sum();
        !self.replaced && bytes < MOST_TOGETHER && self.tables.values().all(|t| t.folded.is_none())
    }
}

/// What became of a transaction when it was committed with others.
pub(super) enum Outcome {
    /// It is part of what was appended.
    Appended,
    /// It changes nothing, and what the error says is true of it.
    Failed(Error),
    /// It touches what another one of them changes: it has to come after them.
    Later,
}

/// Appends what transactions of one branch changed as one edit of its trees, in their order.
/// What it gives to wait for is none if all of them failed.
pub(super) fn commit_together(
    handle: &Arc<DatabaseHandle>,
    branch: &str,
    transactions: &[(&BranchChanges, &Writer)],
) -> Result<(Option<Lsn>, Vec<Outcome>)> {
    let _one_at_a_time = handle.lock_commits();
    let _published = handle.publishing.begin();
    let current = handle.branch_state(branch)?;
    if !handle.row_locks.are_held() {
        return commit_unlocked(handle, branch, &current, transactions);
    }
    handle
        .publishing
        .rows(transactions.iter().map(|(c, _)| c.rows()));
    let locked: Vec<bool> = transactions.iter().map(|(c, _)| c.meets_locks()).collect();
    let free = transactions.iter().zip(&locked).filter(|(_, l)| !**l);
    let free: Vec<_> = free.map(|(t, _)| *t).collect();
    let (lsn, outcomes) = match free.is_empty() {
        true => (None, Vec::new()),
        false => commit_unlocked(handle, branch, &current, &free)?,
    };
    let mut outcomes = outcomes.into_iter();
    let all = locked.iter().map(|locked| match locked {
        true => Outcome::Failed(serialization_failure()),
        false => outcomes.next().unwrap_or(Outcome::Later),
    });
    Ok((lsn, all.collect()))
}

/// Appends transactions that meet no lock of others. The caller holds the commit lock.
fn commit_unlocked(
    handle: &Arc<DatabaseHandle>,
    branch: &str,
    current: &BranchState,
    transactions: &[(&BranchChanges, &Writer)],
) -> Result<(Option<Lsn>, Vec<Outcome>)> {
    if transactions.len() > 1 && transactions[0].0.is_small() {
        let (together, outcomes) = Together::of(current, transactions)?;
        if together.members > 1
            && let Some((set, state)) = together.build()?
        {
            let of = outcomes.iter().zip(transactions);
            let mut appended = of.filter(|(o, _)| matches!(o, Outcome::Appended));
            let last = appended.next_back().map_or(transactions[0].1, |(_, t)| t.1);
            let lsn = append(handle, branch, current, set, state, last)?;
            return Ok((Some(lsn), outcomes));
        }
    }
    // The first one alone: nobody is in its way.
    let (changes, writer) = transactions[0];
    let (lsn, first) = match changes.on(current, writer) {
        Ok((set, state)) => {
            let lsn = append(handle, branch, current, set, state, writer)?;
            (Some(lsn), Outcome::Appended)
        }
        Err(e) => (None, Outcome::Failed(e)),
    };
    let others = transactions[1..].iter().map(|_| Outcome::Later);
    Ok((lsn, std::iter::once(first).chain(others).collect()))
}

/// Makes a working set the branch's newest. The caller holds the commit lock, and waits for what
/// this gives after it has let go of it.
fn append(
    handle: &Arc<DatabaseHandle>,
    branch: &str,
    current: &BranchState,
    mut set: WorkingSet,
    state: Arc<RootState>,
    writer: &Writer,
) -> Result<Lsn> {
    set.meta = Some(WorkingSetMeta {
        name: writer.name.clone(),
        email: writer.email.clone(),
        description: "sql transaction".to_string(),
        seconds: writer.seconds,
    });
    let hash = set.save(handle.store.objects())?;
    let lsn = handle.store.append_refs(&[RefEdit::set(
        ref_name::working_set(branch),
        hash,
        Expected::Is(current.hash),
    )])?;
    handle.keep(state.clone());
    handle.keep_branch(Arc::new(BranchState {
        hash,
        set,
        root: state,
    }));
    Ok(lsn)
}

/// The changes of several transactions to one root that have nothing in common, so that their
/// order makes no difference.
struct Together<'a> {
    current: &'a BranchState,
    /// By name in lower case.
    tables: HashMap<String, TableTogether>,
    members: usize,
    checks_keys: bool,
}

/// What they change in a table.
struct TableTogether {
    current: Arc<TableState>,
    overlay: Arc<TableOverlay>,
    next_number: Option<u64>,
}

impl<'a> Together<'a> {
    fn of(
        current: &'a BranchState,
        transactions: &[(&BranchChanges, &Writer)],
    ) -> Result<(Together<'a>, Vec<Outcome>)> {
        let mut together = Together {
            current,
            tables: HashMap::new(),
            members: 0,
            checks_keys: false,
        };
        let mut outcomes = Vec::with_capacity(transactions.len());
        for (changes, writer) in transactions {
            outcomes.push(match together.take(changes) {
                Ok(true) => {
                    together.members += 1;
                    together.checks_keys |= writer.checks_keys;
                    Outcome::Appended
                }
                Ok(false) => Outcome::Later,
                Err(e) => Outcome::Failed(e),
            });
        }
        Ok((together, outcomes))
    }

    /// Takes in a transaction, unless it has to come after those taken before.
    fn take(&mut self, changes: &BranchChanges) -> Result<bool> {
        if !changes.is_small() {
            return Ok(false);
        }
        let mut own = Vec::with_capacity(changes.tables.len());
        for (name, table) in changes.tables.iter().filter(|(_, t)| t.is_dirty()) {
            let current = current_table(&self.current.root, name, table)?;
            let overlay = overlay_on(&current, table, changes.changed_twice())?;
            if let Some(others) = self.tables.get(name)
                && meet(&current, &others.overlay, &overlay)
            {
                return Ok(false);
            }
            let next_number = table.number_to_store(&changes.handle, name)?;
            own.push((name, current, overlay, next_number));
        }
        for (name, current, overlay, next_number) in own {
            match self.tables.get_mut(name) {
                Some(others) => {
                    add(Arc::make_mut(&mut others.overlay), &overlay);
                    others.next_number = others.next_number.max(next_number);
                }
                None => {
                    let table = TableTogether {
                        current,
                        overlay,
                        next_number,
                    };
                    self.tables.insert(name.clone(), table);
                }
            }
        }
        Ok(true)
    }

    /// The working set and root with all of it; none if foreign keys do not allow that.
    fn build(self) -> Result<Option<(WorkingSet, Arc<RootState>)>> {
        let current = self.current;
        let mut edited = Vec::with_capacity(self.tables.len());
        for together in self.tables.into_values() {
            let table = edit_table(&together.current, &together.overlay)?;
            edited.push(saved(&together.current, table, together.next_number)?);
        }
        let root = with_tables(&current.root, &edited)?;
        if self.checks_keys && check_foreign_keys(&root, &current.root.root).is_err() {
            return Ok(None);
        }
        let mut set = current.set.clone();
        set.working = root.save()?;
        let state = current.root.with_content(root, set.working, edited)?;
        Ok(Some((set, Arc::new(state))))
    }
}

/// Whether changes of two transactions touch the same row, or the same key of a unique index.
fn meet(current: &TableState, a: &TableOverlay, b: &TableOverlay) -> bool {
    let taken = &a.primary.rows;
    if b.primary.rows.keys().any(|key| taken.contains_key(key)) {
        return true;
    }
    let mut indexes = a.indexes.iter().zip(&b.indexes).enumerate();
    indexes.any(|(i, (a, b))| shares_unique_key(current, i, a, b))
}

/// Adds changes to others that they do not meet.
fn add(to: &mut TableOverlay, from: &TableOverlay) {
    let pairs = from.primary.rows.iter();
    to.primary
        .rows
        .extend(pairs.map(|(k, p)| (k.clone(), p.clone())));
    if to.indexes.len() < from.indexes.len() {
        to.indexes.resize_with(from.indexes.len(), Default::default);
    }
    for (to, from) in to.indexes.iter_mut().zip(&from.indexes) {
        let pairs = from.rows.iter();
        to.rows.extend(pairs.map(|(k, p)| (k.clone(), p.clone())));
    }
}

/// The newest version of a table, if it still has the definition that the changes were made for.
fn current_table(root: &RootState, name: &str, changes: &TableChanges) -> Result<Arc<TableState>> {
    let current = root.table(name)?.ok_or_else(serialization_failure)?;
    if current.def.schema_hash != changes.state.def.schema_hash {
        return Err(serialization_failure());
    }
    Ok(current)
}

/// A changed table with its name and address.
type Edited = (String, Hash, Table);

fn saved(current: &TableState, mut table: Table, next_number: Option<u64>) -> Result<Edited> {
    if let Some(next) = next_number {
        let next = next.max(table.auto_increment());
        table = table.with_auto_increment(next);
    }
    Ok((current.name.clone(), table.save()?, table))
}

fn with_tables(root: &RootState, edited: &[Edited]) -> Result<Root> {
    let changes = edited
        .iter()
        .map(|(name, hash, _)| (name.as_str(), Some(*hash)));
    Ok(root.root.with_table_hashes(changes)?)
}

/// Builds changes into the trees of a root. Gives the changed tables, too.
fn apply(root: &RootState, branch: &BranchChanges) -> Result<(Root, Vec<Edited>)> {
    let twice = branch.changed_twice();
    let changed = branch.tables.iter().filter(|(_, t)| t.is_dirty());
    let mut edited = Vec::new();
    for (name, changes) in changed {
        let current = current_table(root, name, changes)?;
        let table = match changes.stand_on(&current) {
            true => edit_table(&changes.state, &changes.overlay)?,
            false => merge_table(&current, changes, twice)?,
        };
        let next_number = changes.number_to_store(&branch.handle, name)?;
        edited.push(saved(&current, table, next_number)?);
    }
    Ok((with_tables(root, &edited)?, edited))
}

/// Statements held their rows against the keys of the moment; another transaction may since have
/// removed a parent, or added a child.
fn check_foreign_keys(root: &Root, committed: &Root) -> Result<()> {
    let commit = Hash::default();
    let checked = versioning::find_foreign_key_violations(root, committed, None, &commit)?;
    let before: HashMap<String, Hash> = root.tables()?.into_iter().collect();
    let mut broken = checked.tables()?;
    broken.retain(|(name, hash)| before.get(name) != Some(hash));
    if broken.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = broken.into_iter().map(|(name, _)| name).collect();
    Err(violations_error(&checked, &names)?)
}
