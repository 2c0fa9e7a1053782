//! Many new rows of one statement: what comes in the order of the primary key goes straight into
//! the tree, the rest is sorted, outside of memory if need be, and merged in at the end; so are
//! the entries of the indexes. Uniqueness is found out when sorted rows meet.
//!
//! The result is the table that writing row by row would give, and so is the error.

use std::sync::Arc;

use prolly::{Edits, ProllyError, SortedItem, SortedItems, Sorter, Taken, TreeBuilder, TupleMap};
use values::tuple::EMPTY_TUPLE;
use values::{OwnedValue, Tuple, TupleBuilder, TupleDesc, Value};

use super::{RowEncoder, Target, decode_row, duplicate_error, virtual_value, with_copies};
use crate::bind::dml::InsertPlan;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::root_state::TableState;
use crate::transaction::{Transaction, entries};
use crate::view::KeyRange;

/// Rows from which on this pays.
pub(super) const LEAST_ROWS: usize = 400;
/// Bytes in memory of the rows that did not come in order.
const ROW_MEMORY: usize = 48 << 20;
/// Bytes in memory of the entries of all indexes.
const ENTRY_MEMORY: usize = 48 << 20;
/// Skipped rows that are named in warnings.
const MOST_NAMED: usize = 1024;
/// Value of an entry that goes, in the sort of an index's entries.
const GOES: &[u8] = &[1];

/// What is done about a row whose key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// The statement fails.
    Refuse,
    /// The row is left out.
    Skip,
    /// The row takes the place of the one there.
    Overwrite,
}

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BulkCounts {
    pub added: u64,
    pub changed: u64,
    pub same: u64,
    pub skipped: u64,
}

/// New rows of a table on their way into its trees.
pub(crate) struct BulkRows {
    state: Arc<TableState>,
    branch: String,
    duplicates: Duplicates,
    encoder: RowEncoder,
    key: Vec<u8>,
    value: Vec<u8>,
    entry: TupleBuilder,
    /// The tree with the rows that came in order.
    appended: Option<TreeBuilder>,
    appended_rows: u64,
    /// The last key of that tree.
    last: Option<Vec<u8>>,
    /// The other rows.
    rest: Sorter,
    /// Of each index that entries are made for.
    entries: Vec<Option<Sorter>>,
}

impl BulkRows {
    /// Begins, if the statement's rows can be written so.
    pub fn begin(
        plan: &InsertPlan,
        duplicates: Duplicates,
        target: &Target,
        tx: &mut Transaction,
        checks_keys: bool,
    ) -> Result<Option<BulkRows>> {
        if plan.rules.triggers.is_some() || plan.returning.is_some() || plan.replace {
            return Ok(None);
        }
        let table = {
            let branch = tx.branch(&target.handle, &target.branch)?;
            if checks_keys {
                let keys = branch.latest.foreign_keys()?;
                let is_it = |name: &str| name.eq_ignore_ascii_case(&target.table);
                let overwrites = duplicates == Duplicates::Overwrite;
                let bound = keys
                    .keys
                    .iter()
                    .any(|k| is_it(&k.child_table) || overwrites && is_it(&k.parent_table));
                if bound {
                    return Ok(None);
                }
            }
            branch.open_for_write(&target.table)?
        };
        let branch = &target.branch_key;
        if !tx.can_install(branch, &table)? {
            return Ok(None);
        }
        let Some(state) = tx.fold_table(branch, &table)? else {
            return Ok(None);
        };
        let unique = state.def.indexes.iter().any(|i| i.unique);
        let plain = (0..state.def.indexes.len()).all(|i| has_plain_entries(&state, i));
        let one_by_one = unique && (duplicates != Duplicates::Refuse || state.def.keyless());
        if !plain || one_by_one {
            return Ok(None);
        }
        BulkRows::into(state, branch.clone(), duplicates, |_| true).map(Some)
    }

    /// Rows for a table that no transaction knows; entries are made for the indexes that `has`
    /// says.
    pub fn into(
        state: Arc<TableState>,
        branch: String,
        duplicates: Duplicates,
        has: impl Fn(usize) -> bool,
    ) -> Result<BulkRows> {
        let objects = state.table.objects();
        let n = state.def.indexes.len();
        let entries = (0..n)
            .map(|i| has(i).then(|| entry_sorter(&state, i, n)))
            .collect();
        let last = {
            let mut cursor = state.table.rows()?.cursor_where(|_| true)?;
            cursor
                .retreat()?
                .then(|| cursor.leaf().key(cursor.index()).to_vec())
        };
        let order = state.view.primary.desc.clone();
        let rest = Sorter::new(order, objects.temporary_directory(), ROW_MEMORY);
        Ok(BulkRows {
            branch,
            duplicates,
            encoder: RowEncoder::default(),
            key: Vec::new(),
            value: Vec::new(),
            entry: TupleBuilder::new(),
            appended: None,
            appended_rows: 0,
            last,
            rest,
            entries,
            state,
        })
    }

    /// Adds the row of a number; numbers rise.
    pub fn add(&mut self, row: &[OwnedValue], number: u64) -> Result<()> {
        let state = self.state.clone();
        self.encoder
            .encode(&state, row, &mut self.key, &mut self.value)?;
        let blobs = state.table.objects().blobs();
        let (key, value) = (&self.key, &self.value);
        for (form, sorter) in state.table.layout().indexes().iter().zip(&mut self.entries) {
            let Some(sorter) = sorter else { continue };
            let computed = |column: usize| virtual_value(&state, column, key, value);
            let entry = form.entry(key, value, &computed, &blobs, &mut self.entry)?;
            sorter.push(&entry, &[], number)?;
        }
        let desc = &state.view.primary.desc;
        let behind = self
            .last
            .as_ref()
            .is_none_or(|last| desc.compare(last, key).is_lt());
        if !behind || state.def.keyless() {
            return Ok(self.rest.push(key, value, number)?);
        }
        if self.appended.is_none() {
            self.appended = Some(state.table.rows()?.continued()?);
        }
        if let Some(tree) = &mut self.appended {
            tree.append(key, value)?;
            self.appended_rows += 1;
        }
        let last = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
        Ok(())
    }

    /// Writes everything into the transaction. `report` gets the number of each row that is a
    /// duplicate, with its error.
    pub fn finish(
        self,
        tx: &mut Transaction,
        report: impl FnMut(u64, &Error),
    ) -> Result<BulkCounts> {
        let branch = self.branch.clone();
        let table = self.state.name.to_lowercase();
        let (built, counts) = self.build(report)?;
        if counts.added + counts.changed > 0 {
            tx.install(&branch, &table, built)?;
        }
        Ok(counts)
    }

    /// The first row that cannot be there beside those before it.
    pub fn first_duplicate(self) -> Option<(u64, Error)> {
        let mut first = None;
        let built = self.build(|number, _| first = Some(number));
        first.zip(built.err())
    }

    /// The table with everything.
    pub fn build(
        mut self,
        mut report: impl FnMut(u64, &Error),
    ) -> Result<(model::Table, BulkCounts)> {
        let state = self.state.clone();
        let mut counts = BulkCounts {
            added: self.appended_rows,
            ..BulkCounts::default()
        };
        let mut rows = state.table.rows()?;
        if let Some(tree) = self.appended.take() {
            rows = rows.with_root(tree.finish()?);
        }
        let mut first = None;
        let mut dropped = Numbers::default();
        if !self.rest.is_empty() {
            let mut merge = RowMerge {
                items: started(self.rest.finish()?)?,
                state: &state,
                duplicates: self.duplicates,
                counts,
                first: None,
                skipped: Vec::new(),
                dropped,
                entries: &mut self.entries,
                key: Vec::new(),
                value: Vec::new(),
                failed: None,
            };
            let merged = rows.edit_with(&mut merge);
            if let Some(e) = merge.failed {
                return Err(e);
            }
            rows = merged?;
            (counts, first, dropped) = (merge.counts, merge.first, merge.dropped);
            merge.skipped.sort_by_key(|s| s.number);
            for _ in merge.skipped.len() as u64..counts.skipped {
                merge.skipped.push(Found::default());
            }
            for s in merge.skipped {
                report(s.number, &s.row_error(&state)?);
            }
        }
        let mut first = first.map(|f| (f.number, f.row_error(&state)));
        let mut maps: Vec<(&str, TupleMap)> = Vec::new();
        for (i, sorter) in self.entries.into_iter().enumerate() {
            let Some(sorter) = sorter.filter(|s| !s.is_empty()) else {
                continue;
            };
            let name = state.def.indexes[i].name.as_str();
            let old = state.table.index(name)?;
            let (map, found) = merge_entries(&state, i, &old, sorter, &dropped, false)?;
            maps.push((name, map));
            if let Some(found) = found
                && first.as_ref().is_none_or(|(n, _)| found.number < *n)
            {
                first = Some((found.number, found.entry_error(&state, i)));
            }
        }
        if let Some((number, error)) = first {
            let error = error?;
            report(number, &error);
            return Err(error);
        }
        let mut table = state.table.with_rows(&rows);
        if !maps.is_empty() {
            table = table.with_indexes(maps.iter().map(|(n, m)| (*n, m)))?;
        }
        Ok((table, counts))
    }
}

/// Whether an index has an entry in a tuple's order for each row.
pub(crate) fn has_plain_entries(state: &TableState, index: usize) -> bool {
    let index = &state.table.schema().indexes[index];
    index.fulltext.is_none() && index.vector.is_none()
}

/// Sorts the entries of one of `n` indexes.
pub(crate) fn entry_sorter(state: &TableState, index: usize, n: usize) -> Sorter {
    let order = state.view.indexes[index].desc.clone();
    let directory = state.table.objects().temporary_directory();
    Sorter::new(order, directory, ENTRY_MEMORY / n.max(1))
}

/// The entries of an index with those that were sorted; and of those rows that a unique index
/// cannot take beside others the first, by number or in the order of the index.
pub(crate) fn merge_entries(
    state: &TableState,
    index: usize,
    old: &TupleMap,
    sorter: Sorter,
    dropped: &Numbers,
    in_order: bool,
) -> Result<(TupleMap, Option<Found>)> {
    let unique = state.def.indexes[index].unique;
    let mut merge = EntryMerge {
        items: started(sorter.finish()?)?,
        state,
        index,
        dropped,
        unique: unique.then(|| Unique {
            in_order,
            ..Unique::default()
        }),
        checks_old: !old.is_empty(),
        key: Vec::new(),
        failed: None,
    };
    let merged = old.edit_with(&mut merge);
    if let Some(e) = merge.failed {
        return Err(e);
    }
    let found = merge.unique.and_then(|mut unique| {
        unique.end_group();
        unique.first
    });
    Ok((merged?, found))
}

fn started(mut items: SortedItems) -> Result<SortedItems> {
    items.next_item()?;
    Ok(items)
}

/// A set of row numbers.
#[derive(Default)]
pub(crate) struct Numbers {
    bits: Vec<u64>,
}

impl Numbers {
    fn insert(&mut self, number: u64) {
        let at = (number / 64) as usize;
        if at >= self.bits.len() {
            self.bits.resize(at + 1, 0);
        }
        self.bits[at] |= 1 << (number % 64);
    }

    fn has(&self, number: u64) -> bool {
        let word = self.bits.get((number / 64) as usize);
        word.is_some_and(|w| w & (1 << (number % 64)) != 0)
    }
}

/// A row, or an index entry, that met an equal one.
#[derive(Default)]
pub(crate) struct Found {
    number: u64,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Found {
    fn row_error(&self, state: &TableState) -> Result<Error> {
        if self.key.is_empty() {
            return Ok(Error::duplicate_entry("", ""));
        }
        let row = decode_row(state, &self.key, &self.value)?;
        Ok(duplicate_error(state, &row, None))
    }

    /// The error of an index entry.
    pub fn entry_error(&self, state: &TableState, index: usize) -> Result<Error> {
        let mut row = vec![Value::Null; state.def.columns.len()];
        let layout = &state.view.indexes[index].layout;
        for c in &state.def.indexes[index].columns {
            row[*c] = layout.column(*c, &self.key, &[])?.into_owned();
        }
        Ok(duplicate_error(state, &row, Some(index)))
    }
}

/// Sorted rows that meet those of the tree.
struct RowMerge<'a> {
    items: SortedItems,
    state: &'a TableState,
    duplicates: Duplicates,
    counts: BulkCounts,
    first: Option<Found>,
    skipped: Vec<Found>,
    dropped: Numbers,
    entries: &'a mut [Option<Sorter>],
    key: Vec<u8>,
    value: Vec<u8>,
    failed: Option<Error>,
}

impl RowMerge<'_> {
    /// The value that a row shall have, by all rows of its key; false leaves it as it is.
    fn resolve(&mut self, stored: Option<&[u8]>) -> Result<bool> {
        let desc = self.state.view.primary.desc.clone();
        let mut holder: Option<u64> = None;
        let mut there = stored.is_some();
        let mut puts = false;
        let mut copies = stored.map_or(0, copies_of);
        while let Some(item) = self.items.peek() {
            if desc.compare(item.key, &self.key).is_ne() {
                break;
            }
            if self.state.def.keyless() {
                copies += 1;
                self.counts.added += 1;
                self.value.clear();
                self.value
                    .extend_from_slice(&with_copies(item.value, copies));
                puts = true;
            } else if !there {
                self.counts.added += 1;
                (there, puts, holder) = (true, true, Some(item.number));
                self.value.clear();
                self.value.extend_from_slice(item.value);
            } else {
                match self.duplicates {
                    Duplicates::Refuse => {
                        if self.first.as_ref().is_none_or(|f| item.number < f.number) {
                            self.first = Some(found(item));
                        }
                    }
                    Duplicates::Skip => {
                        self.counts.skipped += 1;
                        self.dropped.insert(item.number);
                        self.skipped.push(found(item));
                        if self.skipped.len() > 2 * MOST_NAMED {
                            self.skipped.sort_by_key(|s| s.number);
                            self.skipped.truncate(MOST_NAMED);
                        }
                    }
                    Duplicates::Overwrite => {
                        let before = match puts {
                            true => Some(self.value.as_slice()),
                            false => stored,
                        };
                        if before == Some(item.value) {
                            self.counts.same += 1;
                            self.dropped.insert(item.number);
                        } else {
                            self.counts.changed += 1;
                            if let Some(number) = holder.replace(item.number) {
                                self.dropped.insert(number);
                            }
                            puts = true;
                            self.value.clear();
                            self.value.extend_from_slice(item.value);
                        }
                    }
                }
            }
            self.items.next_item()?;
        }
        if let (true, Some(stored)) = (puts && !self.state.def.keyless(), stored) {
            let old = entries(self.state, &self.key, Some(stored))?;
            for (entry, sorter) in old.iter().zip(&mut *self.entries) {
                if let (Some(entry), Some(sorter)) = (entry, sorter) {
                    sorter.push(entry, GOES, 0)?;
                }
            }
        }
        Ok(puts)
    }
}

fn found(item: SortedItem<'_>) -> Found {
    Found {
        number: item.number,
        key: item.key.to_vec(),
        value: item.value.to_vec(),
    }
}

fn copies_of(value: &[u8]) -> u64 {
    let count = Tuple(value).field(0).and_then(|b| b.first_chunk());
    count.map_or(1, |b| u64::from_le_bytes(*b))
}

impl Edits for RowMerge<'_> {
    fn key(&mut self) -> prolly::Result<Option<&[u8]>> {
        Ok(self.items.peek().map(|item| item.key))
    }

    fn take(&mut self, stored: Option<&[u8]>) -> prolly::Result<Taken<'_>> {
        let Some(item) = self.items.peek() else {
            return Ok(Taken::Stored);
        };
        self.key.clear();
        self.key.extend_from_slice(item.key);
        match self.resolve(stored) {
            Ok(true) => Ok(Taken::Put(&self.value)),
            Ok(false) => Ok(Taken::Stored),
            Err(e) => {
                self.failed = Some(e);
                Err(ProllyError::EditsFailed)
            }
        }
    }
}

/// Finds the first of the rows that have equal entries of a unique index.
#[derive(Default)]
struct Unique {
    /// Whether the first in the order of the index is wanted, not the one of the least number.
    in_order: bool,
    /// The last entry that was looked at.
    last: Option<Vec<u8>>,
    /// Whether a row that was there before has the same.
    taken: bool,
    /// The least number among equal entries, and the one after it.
    least: Option<Found>,
    second: Option<Found>,
    first: Option<Found>,
}

impl Unique {
    fn add(
        &mut self,
        desc: &TupleDesc,
        n: usize,
        item: Found,
        taken: impl FnOnce() -> Result<bool>,
    ) -> Result<()> {
        let same = self
            .last
            .as_ref()
            .is_some_and(|last| desc.compare_prefix(last, &item.key, n).is_eq());
        if !same {
            self.end_group();
            self.taken = taken()?;
            self.last = Some(item.key.clone());
        }
        match &self.least {
            Some(l) if l.number < item.number => {
                if self.second.as_ref().is_none_or(|s| item.number < s.number) {
                    self.second = Some(item);
                }
            }
            _ => self.second = self.least.replace(item),
        }
        Ok(())
    }

    fn end_group(&mut self) {
        let (least, second) = (self.least.take(), self.second.take());
        let offending = if self.taken { least } else { second };
        if let Some(o) = offending
            && self
                .first
                .as_ref()
                .is_none_or(|f| !self.in_order && o.number < f.number)
        {
            self.first = Some(o);
        }
    }
}

/// Sorted entries of an index that meet those of the tree.
struct EntryMerge<'a> {
    items: SortedItems,
    state: &'a TableState,
    index: usize,
    dropped: &'a Numbers,
    unique: Option<Unique>,
    checks_old: bool,
    key: Vec<u8>,
    failed: Option<Error>,
}

impl EntryMerge<'_> {
    fn resolve(&mut self) -> Result<Taken<'static>> {
        let tree = &self.state.view.indexes[self.index];
        let mut taken = Taken::Stored;
        while let Some(item) = self.items.peek() {
            if tree.desc.compare(item.key, &self.key).is_ne() {
                break;
            }
            if item.value == GOES {
                if taken == Taken::Stored {
                    taken = Taken::Removed;
                }
            } else if !self.dropped.has(item.number) {
                taken = Taken::Put(&EMPTY_TUPLE[..]);
                let n = self.state.def.indexes[self.index].columns.len();
                if let Some(unique) = &mut self.unique
                    && (0..n).all(|f| Tuple(item.key).field(f).is_some())
                {
                    let key = item.key;
                    let checks_old = self.checks_old;
                    unique.add(&tree.desc, n, found(item), || {
                        let mut taken = false;
                        if checks_old {
                            tree.scan(None, &KeyRange::prefix(key, n), false, &mut |_| {
                                taken = true;
                                Ok(Flow::Stop)
                            })?;
                        }
                        Ok(taken)
                    })?;
                }
            }
            self.items.next_item()?;
        }
        Ok(taken)
    }
}

impl Edits for EntryMerge<'_> {
    fn key(&mut self) -> prolly::Result<Option<&[u8]>> {
        Ok(self.items.peek().map(|item| item.key))
    }

    fn take(&mut self, _stored: Option<&[u8]>) -> prolly::Result<Taken<'_>> {
        let Some(item) = self.items.peek() else {
            return Ok(Taken::Stored);
        };
        self.key.clear();
        self.key.extend_from_slice(item.key);
        self.resolve().map_err(|e| {
            self.failed = Some(e);
            ProllyError::EditsFailed
        })
    }
}
