//! Child rows that a merge left without parent (spec 05 §9.2).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chunks::Hash;
use model::{ForeignKey, Root, Table};
use prolly::{Item, TupleMap};
use values::{OwnedValue, TupleBuilder, TupleDesc, encode_field};

use super::row_merge::has_null;
use super::violation_info;
use crate::artifact::{ArtifactKind, Artifacts};
use crate::row_reader::RowReader;
use crate::{Error, Result, RowChanges};

/// One end of a foreign key in the merged root.
struct End {
    name: String,
    table: Table,
    reader: RowReader,
    /// Position of the index; none for the primary key.
    index: Option<usize>,
    entries: TupleMap,
    desc: TupleDesc,
    /// For each leading field of the index, the column of the key that it holds.
    order: Vec<usize>,
}

impl End {
    fn open(root: &Root, key: &ForeignKey, parent: bool) -> Result<End> {
        let (name, index, tags) = match parent {
            true => (&key.parent_table, &key.parent_index, &key.parent_columns),
            false => (&key.child_table, &key.child_index, &key.child_columns),
        };
        let missing = || {
            Error::refused(format!(
                "foreign key {} should have index {index} on table {name} but it cannot be found",
                key.name
            ))
        };
        let (stored, table) = root.table(name)?.ok_or_else(missing)?;
        let reader = RowReader::of(&table);
        let schema = table.schema();
        let position = match index.is_empty() {
            true => None,
            false => Some(schema.index_position(index).ok_or_else(missing)?),
        };
        let leading: Vec<usize> = match position {
            Some(i) => schema.indexes[i].columns.clone(),
            None => schema.primary_key.clone(),
        };
        let order = leading
            .iter()
            .take(tags.len())
            .map(|c| {
                let tag = schema.columns[*c].tag;
                tags.iter().position(|t| *t == tag).ok_or_else(missing)
            })
            .collect::<Result<Vec<usize>>>()?;
        if order.len() != tags.len() {
            return Err(missing());
        }
        let (entries, desc) = match position {
            Some(i) => (
                table.index(&schema.indexes[i].name)?,
                table.layout().indexes()[i].desc().clone(),
            ),
            None => (table.rows()?, table.layout().key_desc().clone()),
        };
        Ok(End {
            name: stored,
            reader,
            index: position,
            entries,
            desc,
            order,
            table,
        })
    }

    /// The start of the entries with these values of the key's columns.
    fn prefix(&self, values: &[OwnedValue]) -> Result<Vec<u8>> {
        let mut out = TupleBuilder::new();
        let blobs = self.reader.blobs();
        for (field, position) in self.order.iter().enumerate() {
            let value = &values[*position];
            match self.index {
                Some(i) => {
                    let layout = &self.table.layout().indexes()[i];
                    layout.push_value(&layout.fields()[field], value, blobs, &mut out)?;
                }
                None => {
                    let column =
                        &self.table.schema().columns[self.table.schema().primary_key[field]];
                    let mut raw = Vec::new();
                    encode_field(
                        column.encoding.in_key(),
                        &column.sql_type,
                        value,
                        blobs,
                        &mut raw,
                    )?;
                    out.push(Some(&raw));
                }
            }
        }
        Ok(out.finish()?)
    }

    /// Keys of the rows with these values, at most `limit`.
    fn rows_with(&self, values: &[OwnedValue], limit: usize) -> Result<Vec<Vec<u8>>> {
        let prefix = self.prefix(values)?;
        let n = self.order.len();
        let mut found = Vec::new();
        if has_null(&prefix, n) {
            return Ok(found);
        }
        let compare = |k: &[u8]| self.desc.compare_prefix(k, &prefix, n);
        let mut cursor = self
            .entries
            .cursor_where(|k| compare(k) == Ordering::Less)?;
        while found.len() < limit && cursor.is_valid() && compare(cursor.key()) == Ordering::Equal {
            found.push(match self.index {
                Some(i) => self.reader.key_of_entry(i, cursor.key())?,
                None => cursor.key().to_vec(),
            });
            cursor.advance()?;
        }
        Ok(found)
    }
}

/// The values of a key's columns in a row; none if one is NULL or does not exist.
fn key_values(reader: &RowReader, tags: &[u64], row: &Item) -> Result<Option<Vec<OwnedValue>>> {
    let mut values = Vec::with_capacity(tags.len());
    for tag in tags {
        let Some((column, _)) = reader.schema().column_by_tag(*tag) else {
            return Ok(None);
        };
        let value = reader.value(column, row.key(), row.value())?;
        if value.is_null() {
            return Ok(None);
        }
        values.push(value);
    }
    Ok(Some(values))
}

fn changes(before: Option<&Table>, after: &Table) -> Result<RowChanges> {
    // Rows of another kind of key are compared with nothing: each row is looked at.
    let before = before.filter(|b| crate::are_keys_diffable(b.schema(), after.schema()));
    RowChanges::new(before, Some(after))
}

/// Records violations of `merged` against foreign keys, of rows that changed since `base`; for
/// all tables, or for those of `tables` (in lower case).
pub fn find_foreign_key_violations(
    merged: &Root,
    base: &Root,
    tables: Option<&[String]>,
    theirs: &Hash,
) -> Result<Root> {
    let mut found: BTreeMap<String, (Table, Artifacts)> = BTreeMap::new();
    for key in &merged.foreign_keys()?.keys {
        let wanted = tables.is_none_or(|t| t.contains(&key.child_table.to_lowercase()));
        if !key.is_resolved() || !wanted {
            continue;
        }
        let is_same = |table: &str| -> Result<bool> {
            let (a, b) = (merged.find_table(table)?, base.find_table(table)?);
            Ok(a.map(|a| a.1) == b.map(|b| b.1))
        };
        if is_same(&key.parent_table)? && is_same(&key.child_table)? {
            continue;
        }
        let parent = End::open(merged, key, true)?;
        let child = End::open(merged, key, false)?;
        let mut rows: Vec<Vec<u8>> = Vec::new();
        if let Some((_, before)) = base.table(&key.parent_table)? {
            let reader = RowReader::of(&before);
            for change in changes(Some(&before), &parent.table)? {
                let Some(old) = change?.from else { continue };
                let Some(values) = key_values(&reader, &key.parent_columns, &old)? else {
                    continue;
                };
                if parent.rows_with(&values, 1)?.is_empty() {
                    rows.extend(child.rows_with(&values, usize::MAX)?);
                }
            }
        }
        let before = base.table(&key.child_table)?.map(|t| t.1);
        for change in changes(before.as_ref(), &child.table)? {
            let Some(new) = change?.to else { continue };
            let Some(values) = key_values(&child.reader, &key.child_columns, &new)? else {
                continue;
            };
            if parent.rows_with(&values, 1)?.is_empty() {
                rows.push(new.key().to_vec());
            }
        }
        if rows.is_empty() {
            continue;
        }
        let info = violation_info::foreign_key(key, child.table.schema(), parent.table.schema());
        if !found.contains_key(&child.name) {
            let artifacts = Artifacts::of(&child.table)?;
            found.insert(child.name.clone(), (child.table.clone(), artifacts));
        }
        let Some((_, artifacts)) = found.get_mut(&child.name) else {
            continue;
        };
        let stored = child.table.rows()?;
        for row in rows {
            if let Some(item) = stored.get(&row)? {
                let kind = ArtifactKind::ForeignKey;
                artifacts.put_violation(&row, theirs, kind, &info, item.value())?;
            }
        }
    }
    let mut root = merged.clone();
    for (name, (table, artifacts)) in found {
        root = root.with_table(&name, &artifacts.store_in(&table)?)?;
    }
    Ok(root)
}
