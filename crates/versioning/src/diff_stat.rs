//! Numbers of rows and cells that differ (spec 05 §22.4).

use model::Table;
use prolly::Item;
use values::Collation;

use crate::row_reader::RowReader;
use crate::{Error, Result, RowChanges, are_keys_diffable};

/// How much of a table differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffStat {
    /// Keyless tables know only rows added and deleted.
    pub keyless: bool,
    /// Rows that only the second version has.
    pub rows_added: u64,
    /// Rows that only the first version has.
    pub rows_deleted: u64,
    /// Rows that both have, differently.
    pub rows_modified: u64,
    /// Rows that are equal.
    pub rows_unmodified: u64,
    /// Cells that came.
    pub cells_added: u64,
    /// Cells that went.
    pub cells_deleted: u64,
    /// Cells that differ.
    pub cells_modified: u64,
    /// Rows of the first version.
    pub old_rows: u64,
    /// Rows of the second version.
    pub new_rows: u64,
    /// Cells of the first version.
    pub old_cells: u64,
    /// Cells of the second version.
    pub new_cells: u64,
}

impl DiffStat {
    /// Whether any row differs.
    pub fn is_empty(&self) -> bool {
        self.rows_added == 0 && self.rows_deleted == 0 && self.rows_modified == 0
    }
}

/// Counts what differs between two versions of a table.
pub fn diff_stat(name: &str, from: Option<&Table>, to: Option<&Table>) -> Result<DiffStat> {
    if let (Some(a), Some(b)) = (from, to) {
        if a.schema().is_keyless() != b.schema().is_keyless() {
            return Err(Error::refused(format!(
                "mismatched keyless and keyed schemas for table {name}"
            )));
        }
        if !are_keys_diffable(a.schema(), b.schema()) {
            return Err(Error::refused(format!(
                "failed to compute diff stat for table {name}: primary key set changed"
            )));
        }
    }
    let readers = from.zip(to).map(|(a, b)| {
        let pairs = cell_pairs(a, b);
        (RowReader::of(a), RowReader::of(b), pairs)
    });
    let mut stat = DiffStat {
        keyless: from.or(to).is_some_and(|t| t.schema().is_keyless()),
        ..DiffStat::default()
    };
    for change in RowChanges::new(from, to)? {
        let change = change?;
        match (&change.from, &change.to) {
            (None, _) => stat.rows_added += change.count,
            (_, None) => stat.rows_deleted += change.count,
            (Some(a), Some(b)) => {
                stat.rows_modified += 1;
                if let Some((old, new, pairs)) = &readers {
                    stat.cells_modified += modified_cells(old, new, pairs, a, b)?;
                }
            }
        }
    }
    if stat.keyless {
        return Ok(stat);
    }
    let size = |table: Option<&Table>| -> Result<(u64, u64)> {
        Ok(match table {
            Some(t) => (t.entry_count()?, t.schema().columns.len() as u64),
            None => (0, 0),
        })
    };
    let (old_rows, old_columns) = size(from)?;
    let (new_rows, new_columns) = size(to)?;
    stat.old_rows = old_rows;
    stat.new_rows = new_rows;
    stat.old_cells = old_rows * old_columns;
    stat.new_cells = new_rows * new_columns;
    stat.rows_unmodified = old_rows.saturating_sub(stat.rows_modified + stat.rows_deleted);
    let columns = if to.is_some() {
        new_columns
    } else {
        old_columns
    };
    let (added, removed) = (stat.rows_added * columns, stat.rows_deleted * columns);
    (stat.cells_added, stat.cells_deleted) = if stat.new_cells > stat.old_cells {
        (stat.new_cells - stat.old_cells + removed, removed)
    } else if stat.new_cells < stat.old_cells {
        (added, stat.old_cells - stat.new_cells + added)
    } else if added != removed {
        (added.max(removed), added.max(removed))
    } else {
        (added, removed)
    };
    Ok(stat)
}

/// Columns outside the key, paired by tag.
fn cell_pairs(a: &Table, b: &Table) -> Vec<(Option<usize>, Option<usize>)> {
    let (old, new) = (a.layout(), b.layout());
    let mut pairs: Vec<_> = old
        .value_columns()
        .iter()
        .map(|c| {
            let tag = old.schema().columns[*c].tag;
            let other = new.schema().column_by_tag(tag).map(|(i, _)| i);
            (Some(*c), other)
        })
        .collect();
    for c in new.value_columns() {
        let tag = new.schema().columns[*c].tag;
        if old.schema().column_by_tag(tag).is_none() {
            pairs.push((None, Some(*c)));
        }
    }
    pairs
}

fn modified_cells(
    old: &RowReader,
    new: &RowReader,
    pairs: &[(Option<usize>, Option<usize>)],
    a: &Item,
    b: &Item,
) -> Result<u64> {
    let mut count = 0;
    for pair in pairs {
        let (Some(i), Some(j)) = pair else {
            // Dolt counts columns that came, not those that went.
            count += u64::from(pair.0.is_none());
            continue;
        };
        let (x, y) = (&old.schema().columns[*i], &new.schema().columns[*j]);
        let same = x.encoding == y.encoding && {
            let bytes = (
                old.field(*i, a.key(), a.value()),
                new.field(*j, b.key(), b.value()),
            );
            bytes.0 == bytes.1 || {
                let collation: Option<&'static Collation> = y.sql_type.collation().map(|c| c.get());
                let v = old.value(*i, a.key(), a.value())?;
                let w = new.value(*j, b.key(), b.value())?;
                values::compare(&v, &w, collation).is_eq()
            }
        };
        count += u64::from(!same);
    }
    Ok(count)
}
