//! Which tables differ between two roots, and how (spec 05 §22.1).

use chunks::Hash;
use model::{ForeignKey, Root, Schema, Table};

use crate::Result;
use crate::row_diff::are_keys_diffable;

/// What became of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaKind {
    /// Only the second root has it.
    Added,
    /// Only the first root has it.
    Dropped,
    /// It has another name, and perhaps other content.
    Renamed,
    /// It has other content.
    Modified,
}

impl DeltaKind {
    /// `diff_type` of dolt_diff_summary.
    pub fn name(self) -> &'static str {
        match self {
            DeltaKind::Added => "added",
            DeltaKind::Dropped => "dropped",
            DeltaKind::Renamed => "renamed",
            DeltaKind::Modified => "modified",
        }
    }
}

/// A table that differs between two roots.
#[derive(Clone)]
pub struct TableDelta {
    /// Its name in the first root; empty if it was added.
    pub from_name: String,
    /// Its name in the second root; empty if it was dropped.
    pub to_name: String,
    /// The table in the first root.
    pub from: Option<Table>,
    /// The table in the second root.
    pub to: Option<Table>,
    /// Whether its foreign keys differ.
    pub foreign_keys_changed: bool,
}

impl TableDelta {
    /// What became of it.
    pub fn kind(&self) -> DeltaKind {
        match (&self.from, &self.to) {
            (None, _) => DeltaKind::Added,
            (_, None) => DeltaKind::Dropped,
            _ if self.from_name != self.to_name => DeltaKind::Renamed,
            _ => DeltaKind::Modified,
        }
    }

    /// The name that it has now, or had last.
    pub fn name(&self) -> &str {
        match self.to_name.is_empty() {
            true => &self.from_name,
            false => &self.to_name,
        }
    }

    /// Whether its definition differs, or its next AUTO_INCREMENT value.
    pub fn schema_changed(&self) -> bool {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => {
                self.foreign_keys_changed
                    || self.from_name != self.to_name
                    || from.auto_increment() != to.auto_increment()
                    || from.layout().schema_hash() != to.layout().schema_hash()
            }
            _ => true,
        }
    }

    /// Whether its rows differ.
    pub fn data_changed(&self) -> Result<bool> {
        Ok(match (&self.from, &self.to) {
            (Some(from), Some(to)) => from.rows()?.root_hash() != to.rows()?.root_hash(),
            (Some(only), None) | (None, Some(only)) => only.entry_count()? > 0,
            (None, None) => false,
        })
    }

    /// Whether its primary key is another one, so that rows cannot be compared.
    pub fn primary_key_changed(&self) -> bool {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => !are_keys_diffable(from.schema(), to.schema()),
            _ => false,
        }
    }

    /// Whether the only difference is the numbers that identify columns.
    pub fn only_tags_changed(&self) -> Result<bool> {
        let artifacts = |t: &Option<Table>| t.as_ref().map(|t| t.artifacts());
        Ok(artifacts(&self.from) == artifacts(&self.to) && self.only_unseen_changed()?)
    }

    /// Whether the only differences are the numbers that identify columns, and recorded conflicts.
    pub fn only_unseen_changed(&self) -> Result<bool> {
        let (Some(from), Some(to)) = (&self.from, &self.to) else {
            return Ok(false);
        };
        if self.from_name != self.to_name || self.foreign_keys_changed || self.data_changed()? {
            return Ok(false);
        }
        if from.auto_increment() != to.auto_increment() {
            return Ok(false);
        }
        let untagged = |schema: &Schema| {
            let mut s = schema.clone();
            s.columns.iter_mut().for_each(|c| c.tag = 0);
            s
        };
        Ok(untagged(from.schema()) == untagged(to.schema()))
    }
}

fn overlap(a: &Schema, b: &Schema) -> usize {
    let shared = |c: &&model::Column| b.columns.iter().any(|d| d.tag == c.tag && d.name == c.name);
    a.columns.iter().filter(shared).count()
}

/// The tables that differ, sorted by their old names: added tables first.
pub fn table_deltas(from: &Root, to: &Root) -> Result<Vec<TableDelta>> {
    let same_keys = from.foreign_keys_hash() == to.foreign_keys_hash();
    let mut changed: Vec<(String, Option<Hash>, Option<Hash>)> = Vec::new();
    let old = from.tables()?;
    let new = to.tables()?;
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let order = match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) => a.0.as_bytes().cmp(b.0.as_bytes()),
            (Some(_), None) => std::cmp::Ordering::Less,
            _ => std::cmp::Ordering::Greater,
        };
        match order {
            std::cmp::Ordering::Less => {
                changed.push((old[i].0.clone(), Some(old[i].1), None));
                i += 1;
            }
            std::cmp::Ordering::Greater => {
                changed.push((new[j].0.clone(), None, Some(new[j].1)));
                j += 1;
            }
            std::cmp::Ordering::Equal => {
                if old[i].1 != new[j].1 || !same_keys {
                    changed.push((old[i].0.clone(), Some(old[i].1), Some(new[j].1)));
                }
                i += 1;
                j += 1;
            }
        }
    }
    let open = |root: &Root, hash: &Option<Hash>| -> Result<Option<Table>> {
        match hash {
            Some(hash) => Ok(Some(Table::open(root.objects(), hash)?)),
            None => Ok(None),
        }
    };
    let (mut deltas, mut dropped, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for (name, old, new) in changed {
        match (&old, &new) {
            (Some(a), Some(b)) => {
                let foreign_keys_changed = !same_keys && keys_differ(from, to, &name, &name)?;
                if a != b || foreign_keys_changed {
                    deltas.push(TableDelta {
                        from: open(from, &old)?,
                        to: open(to, &new)?,
                        from_name: name.clone(),
                        to_name: name,
                        foreign_keys_changed,
                    });
                }
            }
            (Some(_), None) => dropped.push((name, open(from, &old)?)),
            _ => added.push((name, open(to, &new)?)),
        }
    }
    // A table that was dropped under one name and added under another was renamed. The largest
    // overlap wins, then the order of names, so that the answer is always the same.
    let mut pairs = Vec::new();
    for (i, (_, old)) in dropped.iter().enumerate() {
        for (j, (_, new)) in added.iter().enumerate() {
            if let (Some(old), Some(new)) = (old, new) {
                let n = overlap(old.schema(), new.schema());
                if n > 0 {
                    pairs.push((std::cmp::Reverse(n), i, j));
                }
            }
        }
    }
    pairs.sort_unstable();
    let (mut used_old, mut used_new) = (vec![false; dropped.len()], vec![false; added.len()]);
    for (_, i, j) in pairs {
        if used_old[i] || used_new[j] {
            continue;
        }
        (used_old[i], used_new[j]) = (true, true);
        deltas.push(TableDelta {
            from_name: dropped[i].0.clone(),
            to_name: added[j].0.clone(),
            from: dropped[i].1.clone(),
            to: added[j].1.clone(),
            foreign_keys_changed: !same_keys && keys_differ(from, to, &dropped[i].0, &added[j].0)?,
        });
    }
    for ((name, table), used) in dropped.into_iter().zip(used_old) {
        if !used {
            deltas.push(TableDelta {
                from_name: name,
                to_name: String::new(),
                from: table,
                to: None,
                foreign_keys_changed: false,
            });
        }
    }
    for ((name, table), used) in added.into_iter().zip(used_new) {
        if !used {
            deltas.push(TableDelta {
                from_name: String::new(),
                to_name: name,
                from: None,
                to: table,
                foreign_keys_changed: false,
            });
        }
    }
    deltas.sort_by(|a, b| (&a.from_name, &a.to_name).cmp(&(&b.from_name, &b.to_name)));
    Ok(deltas)
}

fn keys_differ(from: &Root, to: &Root, old: &str, new: &str) -> Result<bool> {
    let sorted = |root: &Root, table: &str| -> Result<Vec<ForeignKey>> {
        let mut keys: Vec<ForeignKey> = root.foreign_keys()?.of_child(table).cloned().collect();
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(keys)
    };
    let (a, b) = (sorted(from, old)?, sorted(to, new)?);
    Ok(a.len() != b.len()
        || a.iter().zip(&b).any(|(x, y)| {
            x.name != y.name
                || x.on_update != y.on_update
                || x.on_delete != y.on_delete
                || !crate::merge::foreign_key_merge::same_columns(x, y)
        }))
}
