//! Rows that differ between two versions of a table (spec 05 §22.2).

use std::cmp::Ordering;

use model::{Schema, Table};
use prolly::{Diff, Item};
use values::conversion::{Context, Problem, store};
use values::{OwnedValue, SqlType, Value};

use crate::row_reader::{RowReader, out_of_range, shown};
use crate::{Error, Result};

/// Whether rows of two schemas can be paired by their keys.
pub fn are_keys_diffable(from: &Schema, to: &Schema) -> bool {
    if from.columns.is_empty() || to.columns.is_empty() {
        return true;
    }
    from.primary_key.len() == to.primary_key.len()
        && from.primary_key.iter().zip(&to.primary_key).all(|(a, b)| {
            let (a, b) = (&from.columns[*a], &to.columns[*b]);
            a.tag == b.tag && a.sql_type == b.sql_type
        })
}

/// Whether keys have the same form, though not the same tags: each column of one is found in its
/// place in the other by tag, or by name and type, as after a table was dropped and made again.
pub fn are_keys_similar(from: &Schema, to: &Schema) -> bool {
    from.primary_key.len() == to.primary_key.len()
        && from.primary_key.iter().zip(&to.primary_key).all(|(a, b)| {
            let (a, b) = (&from.columns[*a], &to.columns[*b]);
            let found = a.tag == b.tag || a.name.eq_ignore_ascii_case(&b.name);
            found && a.sql_type == b.sql_type
        })
}

/// A row that differs.
#[derive(Clone, Debug)]
pub struct RowChange {
    /// The row in the first version.
    pub from: Option<Item>,
    /// The row in the second version.
    pub to: Option<Item>,
    /// How often the row counts: 1, but for keyless tables the difference of the numbers of
    /// equal rows; then only one side is set.
    pub count: u64,
}

impl RowChange {
    /// `diff_type`.
    pub fn kind(&self) -> &'static str {
        match (&self.from, &self.to) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "modified",
        }
    }
}

/// Iterates over the rows that differ, in key order.
pub struct RowChanges {
    diff: Option<Diff>,
    keyless: Option<(RowReader, RowReader)>,
}

impl RowChanges {
    /// The rows that differ; an absent table has none. The keys must be
    /// [diffable](are_keys_diffable).
    pub fn new(from: Option<&Table>, to: Option<&Table>) -> Result<RowChanges> {
        let Some(shape) = to.or(from) else {
            return Ok(RowChanges {
                diff: None,
                keyless: None,
            });
        };
        let rows = |table: Option<&Table>| match table {
            Some(table) => table.rows(),
            None => shape.empty_rows(),
        };
        let (a, b) = (rows(from)?, rows(to)?);
        let keyless = shape.schema().is_keyless();
        if keyless != from.is_none_or(|t| t.schema().is_keyless()) && from.is_some() {
            return Err(Error::refused(
                "cannot perform a diff between keyless and keyed schema",
            ));
        }
        Ok(RowChanges {
            diff: Some(a.diff(&b)),
            keyless: keyless.then(|| {
                (
                    RowReader::of(from.unwrap_or(shape)),
                    RowReader::of(to.unwrap_or(shape)),
                )
            }),
        })
    }

    /// Starts at a key; call before iterating.
    pub fn seek(&mut self, key: &[u8]) -> Result<()> {
        match &mut self.diff {
            Some(diff) => Ok(diff.seek(key)?),
            None => Ok(()),
        }
    }

    /// The next row that differs.
    pub fn next_change(&mut self) -> Result<Option<RowChange>> {
        let Some(diff) = &mut self.diff else {
            return Ok(None);
        };
        while let Some(change) = diff.next_change()? {
            let Some((old, new)) = &self.keyless else {
                return Ok(Some(RowChange {
                    from: change.from,
                    to: change.to,
                    count: 1,
                }));
            };
            let before = change.from.as_ref().map_or(0, |i| old.count(i.value()));
            let after = change.to.as_ref().map_or(0, |i| new.count(i.value()));
            let (from, to) = match before.cmp(&after) {
                Ordering::Less => (None, change.to),
                Ordering::Greater => (change.from, None),
                Ordering::Equal => continue,
            };
            return Ok(Some(RowChange {
                from,
                to,
                count: before.abs_diff(after),
            }));
        }
        Ok(None)
    }
}

impl Iterator for RowChanges {
    type Item = Result<RowChange>;

    fn next(&mut self) -> Option<Result<RowChange>> {
        let next = self.next_change().transpose();
        if matches!(next, Some(Err(_))) {
            self.diff = None;
        }
        next
    }
}

/// A value that the target's type cannot hold, which is shown as NULL.
pub struct Unheld<'a> {
    /// Its column in the source.
    pub column: &'a str,
    /// The target's type.
    pub target: &'a SqlType,
    /// The value, where it is of the right kind, but too great or too long.
    pub too_much: Option<String>,
}

/// Reads rows of one schema as the columns of another: key columns are found by tag, or by name
/// and type; others by name.
pub struct ColumnMap {
    reader: RowReader,
    columns: Vec<Option<usize>>,
    types: Vec<SqlType>,
    /// A value that does not fit is an error.
    strict: bool,
}

impl ColumnMap {
    /// As [`new`](ColumnMap::new), but all columns are found by tag, or else by name, and every
    /// value must fit its column.
    pub fn pinned(source: &Table, target: &Schema) -> ColumnMap {
        let from = source.schema();
        let columns = target.columns.iter().map(|c| {
            let named = |s: &&model::Column| s.name.eq_ignore_ascii_case(&c.name);
            let found = from.columns.iter().find(|s| s.tag == c.tag);
            let found = found.or_else(|| from.columns.iter().find(named))?;
            from.columns.iter().position(|s| s.tag == found.tag)
        });
        ColumnMap {
            columns: columns.collect(),
            types: target.columns.iter().map(|c| c.sql_type.clone()).collect(),
            reader: RowReader::of(source),
            strict: true,
        }
    }

    /// Rows of `source` as columns of `target`.
    pub fn new(source: &Table, target: &Schema) -> ColumnMap {
        let from = source.schema();
        let columns = target.columns.iter().enumerate().map(|(i, c)| {
            let by_name = from.columns.iter().position(|s| s.name == c.name);
            if !target.primary_key.contains(&i) {
                let lower = c.name.to_lowercase();
                return by_name.or_else(|| {
                    from.columns
                        .iter()
                        .position(|s| s.name.to_lowercase() == lower)
                });
            }
            let by_tag = from.columns.iter().position(|s| s.tag == c.tag);
            by_tag.or_else(|| by_name.filter(|n| from.columns[*n].sql_type == c.sql_type))
        });
        ColumnMap {
            columns: columns.collect(),
            types: target.columns.iter().map(|c| c.sql_type.clone()).collect(),
            reader: RowReader::of(source),
            strict: false,
        }
    }

    /// Leaves out the columns whose type is another one than the target's; gives where they are in
    /// either.
    pub fn leave_out_other_types(&mut self, source: &Schema) -> Vec<(usize, usize)> {
        let mut other = Vec::new();
        for (i, (at, ty)) in self.columns.iter_mut().zip(&self.types).enumerate() {
            if let Some(n) = *at
                && source.columns[n].sql_type != *ty
            {
                other.push((n, i));
                *at = None;
            }
        }
        other
    }

    /// A row in the target's columns. A value that the target's type cannot hold is NULL.
    pub fn row(&self, item: &Item) -> Result<Vec<OwnedValue>> {
        self.row_telling(item, &mut |_| {})
    }

    /// As [`row`](ColumnMap::row), and tells of each value that cannot be held.
    pub fn row_telling(
        &self,
        item: &Item,
        tell: &mut dyn FnMut(Unheld<'_>),
    ) -> Result<Vec<OwnedValue>> {
        self.values_telling(item.key(), item.value(), tell)
    }

    /// As [`row`](ColumnMap::row), from the tuples.
    pub fn values(&self, key: &[u8], value: &[u8]) -> Result<Vec<OwnedValue>> {
        self.values_telling(key, value, &mut |_| {})
    }

    fn values_telling(
        &self,
        key: &[u8],
        value: &[u8],
        tell: &mut dyn FnMut(Unheld<'_>),
    ) -> Result<Vec<OwnedValue>> {
        let mut out = Vec::with_capacity(self.columns.len());
        for (source, to) in self.columns.iter().zip(&self.types) {
            let Some(c) = source else {
                out.push(Value::Null);
                continue;
            };
            let column = &self.reader.schema().columns[*c];
            let from = &column.sql_type;
            let v = self.reader.value(*c, key, value)?;
            if from == to || v.is_null() {
                out.push(v);
                continue;
            }
            match store(&v, from, to, &Context::default()) {
                Ok(held) => out.push(held),
                Err(_) if self.strict => return Err(out_of_range(&v, from, to)),
                Err(e) => {
                    let too_much = matches!(e.problem, Problem::OutOfRange | Problem::TooLong);
                    tell(Unheld {
                        column: &column.name,
                        target: to,
                        too_much: too_much.then(|| shown(&v, from)),
                    });
                    out.push(Value::Null);
                }
            }
        }
        Ok(out)
    }

    /// The reader of the source.
    pub fn reader(&self) -> &RowReader {
        &self.reader
    }
}
