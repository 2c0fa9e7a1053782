//! Three-way merge of roots (spec 05 §3).

use std::collections::BTreeMap;

use chunks::Hash;
use model::{Root, Table};

use super::foreign_key_merge::merge_foreign_keys;
use super::foreign_key_violations::find_foreign_key_violations;
use super::fulltext::{follow_rows, is_fulltext_table};
use super::row_merge::{TableVersions, merge_rows};
use super::schema_conflict::SchemaConflict;
use super::schema_merge::{merge_schemas, same_schema};
use crate::artifact::artifact_counts;
use crate::{Error, Result, RowChanges, RowLogic, are_keys_diffable};

/// How a merge is done.
#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    /// A table that only theirs changed is merged like any other.
    pub is_cherry_pick: bool,
    /// Tables whose schemas conflict are left as ours has them; else the merge fails.
    pub keep_schema_conflicts: bool,
    /// Every row that differs is checked again, also in tables that only one side changed.
    pub reverify_constraints: bool,
    /// The tables (in lower case) whose violations are recorded; none for all.
    pub record_violations_for: Option<Vec<String>>,
}

/// What a merge did to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// Nothing.
    #[default]
    Unmodified,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It changed.
    Modified,
}

/// What a merge did to a table, in numbers: theirs only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStats {
    /// In one word.
    pub operation: Operation,
    /// Rows that came.
    pub adds: u64,
    /// Rows that went.
    pub deletes: u64,
    /// Rows that changed.
    pub modifications: u64,
    /// Conflicts of rows in the table.
    pub data_conflicts: u64,
    /// Conflicts of the schema.
    pub schema_conflicts: u64,
    /// Violations in the table.
    pub violations: i64,
}

/// A merged root.
pub struct MergeOutcome {
    /// The root.
    pub root: Root,
    /// Tables that could not be merged.
    pub schema_conflicts: Vec<SchemaConflict>,
    /// What happened to each table that theirs touched.
    pub stats: BTreeMap<String, TableStats>,
}

impl MergeOutcome {
    /// Whether anything must be resolved.
    pub fn has_artifacts(&self) -> bool {
        !self.schema_conflicts.is_empty()
            || self
                .stats
                .values()
                .any(|s| s.data_conflicts > 0 || s.violations > 0)
    }
}

/// Addresses of a table in the three roots.
pub(crate) struct TableHashes {
    pub left: Option<Hash>,
    pub right: Option<Hash>,
    pub base: Option<Hash>,
}

impl TableHashes {
    pub fn of(left: &Root, right: &Root, base: &Root, name: &str) -> Result<TableHashes> {
        Ok(TableHashes {
            left: left.table_hash(name)?,
            right: right.table_hash(name)?,
            base: base.table_hash(name)?,
        })
    }
}

enum Merged {
    /// The table, which may be ours as it was.
    Table(Table, TableStats),
    /// The table goes, or stays away.
    Gone,
    /// Our table stays as it is.
    Conflict(SchemaConflict),
}

/// A side table of a full-text index: its parent decides.
struct RootMerge<'a> {
    ours: &'a Root,
    theirs: &'a Root,
    base: &'a Root,
    rootish: (Hash, Hash),
    options: &'a MergeOptions,
    logic: &'a dyn RowLogic,
}

/// Merges what `theirs` changed since `base` into `ours`. `rootish` are the addresses of what
/// theirs and the base are of (commits, working sets, roots), for conflicts to refer to.
pub fn merge_roots(
    ours: &Root,
    theirs: &Root,
    base: &Root,
    rootish: (Hash, Hash),
    options: &MergeOptions,
    logic: &dyn RowLogic,
) -> Result<MergeOutcome> {
    let mut root = merge_collation(ours, theirs, base)?;
    let merge = RootMerge {
        ours,
        theirs,
        base,
        rootish,
        options,
        logic,
    };
    let mut names: Vec<String> = ours.tables()?.into_iter().map(|(n, _)| n).collect();
    let new = theirs.tables()?.into_iter().map(|(n, _)| n);
    // Ours first: a renamed table is then first of all a deleted one.
    let new: Vec<String> = new.filter(|n| !names.contains(n)).collect();
    names.extend(new);
    let mut schema_conflicts = Vec::new();
    let mut stats = BTreeMap::new();
    for name in names {
        match merge.table(&name)? {
            Merged::Table(table, mut done) => {
                let table = match is_fulltext_table(&name) {
                    // Words cannot be in conflict; the rows of the parent can.
                    true => {
                        done.data_conflicts = 0;
                        table.with_artifacts(Hash::EMPTY)
                    }
                    false => table,
                };
                if done.operation != Operation::Unmodified {
                    root = root.with_table(&name, &table)?;
                }
                stats.insert(name, done);
            }
            Merged::Gone => {
                let operation = Operation::Removed;
                let done = TableStats {
                    operation,
                    ..TableStats::default()
                };
                stats.insert(name.clone(), done);
                root = root.without_tables([name.as_str()])?;
            }
            Merged::Conflict(conflict) => {
                if conflict.modify_delete && is_fulltext_table(&name) {
                    continue;
                }
                if !options.keep_schema_conflicts {
                    return Err(Error::SchemaConflict(Box::new(conflict)));
                }
                let done = TableStats {
                    operation: Operation::Modified,
                    schema_conflicts: conflict.count() as u64,
                    ..TableStats::default()
                };
                stats.insert(name, done);
                schema_conflicts.push(conflict);
            }
        }
    }
    root = follow_rows(root, ours, theirs, &stats, logic)?;
    let keys = merge_foreign_keys(&root, ours, theirs, base)?;
    if keys != root.foreign_keys()? {
        root = root.with_foreign_keys(&keys)?;
    }
    let tables = options.record_violations_for.as_deref();
    root = find_foreign_key_violations(&root, base, tables, &rootish.0)?;
    for (name, stats) in &mut stats {
        let table = root.table(name)?.map(|t| t.1);
        let Some(table) = table.filter(|t| !t.artifacts().is_empty()) else {
            continue;
        };
        stats.violations = artifact_counts(&table)?.1 as i64;
    }
    Ok(MergeOutcome {
        root,
        schema_conflicts,
        stats,
    })
}

fn merge_collation(ours: &Root, theirs: &Root, base: &Root) -> Result<Root> {
    let (o, t, b) = (ours.collation(), theirs.collation(), base.collation());
    if o == t || t == b {
        return Ok(ours.clone());
    }
    if o == b {
        return Ok(ours.with_collation(t));
    }
    Err(Error::refused(format!(
        "database collation conflict, please resolve manually. ours: {}, theirs: {}",
        o.get().name,
        t.get().name
    )))
}

impl RootMerge<'_> {
    fn open(&self, root: &Root, hash: Option<Hash>) -> Result<Option<Table>> {
        hash.map(|h| Ok(Table::open(root.objects(), &h)?))
            .transpose()
    }

    fn table(&self, name: &str) -> Result<Merged> {
        let h = TableHashes::of(self.ours, self.theirs, self.base, name)?;
        let unmodified = |table| {
            let stats = TableStats::default();
            Ok(Merged::Table(table, stats))
        };
        let left = self.open(self.ours, h.left)?;
        let reverify = self.options.reverify_constraints;
        if let (Some(ours), false) = (&left, reverify) {
            let same = h.left == h.right;
            let identical = same && (h.left == h.base || !ours.schema().is_keyless());
            if identical || h.right == h.base && h.right.is_some() {
                return unmodified(ours.clone());
            }
        }
        let right = self.open(self.theirs, h.right)?;
        let base = self.open(self.base, h.base)?;
        if !reverify && let Some(done) = self.short_cut(name, &h, &left, &right, &base)? {
            return Ok(done);
        }
        let empty_like = |table: &Option<Table>| -> Result<Option<Table>> {
            let shape = table.as_ref();
            Ok(match shape {
                Some(t) => Some(Table::new(t.objects(), t.schema())?),
                None => None,
            })
        };
        let left = match left {
            None => empty_like(&right)?,
            some => some,
        };
        let right = match right {
            None => empty_like(&left)?,
            some => some,
        };
        let base = match base {
            None => empty_like(&left)?,
            some => some,
        };
        let (Some(left), Some(right), Some(base)) = (left, right, base) else {
            return Ok(Merged::Gone);
        };
        let merged = merge_schemas(
            name,
            left.schema(),
            right.schema(),
            base.schema(),
            self.logic,
        )?;
        let (schema, info) = match merged {
            Ok(merged) => merged,
            Err(conflict) => return Ok(Merged::Conflict(conflict)),
        };
        let recorded = self.options.record_violations_for.as_ref();
        let versions = TableVersions {
            name,
            left: &left,
            right: &right,
            base: &base,
            theirs: self.rootish.0,
            ancestor: self.rootish.1,
            record: recorded.is_none_or(|t| t.contains(&name.to_lowercase())),
            logic: self.logic,
        };
        let (table, stats) = merge_rows(&versions, &schema, info)?;
        Ok(Merged::Table(table, stats))
    }

    /// The cases that need no merge of rows (spec 05 §3.1).
    fn short_cut(
        &self,
        name: &str,
        h: &TableHashes,
        left: &Option<Table>,
        right: &Option<Table>,
        base: &Option<Table>,
    ) -> Result<Option<Merged>> {
        let done = |table: &Table, operation| {
            let stats = TableStats {
                operation,
                ..TableStats::default()
            };
            Ok(Some(Merged::Table(table.clone(), stats)))
        };
        match (left, right, base) {
            (Some(ours), Some(theirs), None) => {
                if same_schema(ours.schema(), theirs.schema()) {
                    return Ok(None);
                }
                Err(Error::refused(format!(
                    "table with same name '{name}' added in 2 commits can't be merged"
                )))
            }
            (Some(ours), None, None) => done(ours, Operation::Unmodified),
            (None, Some(theirs), None) => done(theirs, Operation::Added),
            (None, None, _) => Ok(Some(Merged::Gone)),
            (Some(_), None, Some(_)) | (None, Some(_), Some(_)) => {
                let survivor = h.left.or(h.right);
                Ok(Some(match survivor == h.base {
                    true => Merged::Gone,
                    false => Merged::Conflict(SchemaConflict::modify_delete(name)),
                }))
            }
            (Some(ours), Some(theirs), Some(_)) => {
                if self.options.is_cherry_pick || h.left != h.base {
                    return Ok(None);
                }
                let mut stats = TableStats {
                    operation: Operation::Modified,
                    ..TableStats::default()
                };
                let keyless = (ours.schema().is_keyless(), theirs.schema().is_keyless());
                if keyless.0 == keyless.1 && are_keys_diffable(ours.schema(), theirs.schema()) {
                    for change in RowChanges::new(Some(ours), Some(theirs))? {
                        let change = change?;
                        match (&change.from, &change.to) {
                            (None, _) => stats.adds += change.count,
                            (_, None) => stats.deletes += change.count,
                            _ => stats.modifications += 1,
                        }
                    }
                }
                let (conflicts, violations) = artifact_counts(theirs)?;
                stats.data_conflicts = conflicts;
                stats.violations = violations as i64;
                Ok(Some(Merged::Table(theirs.clone(), stats)))
            }
        }
    }
}
