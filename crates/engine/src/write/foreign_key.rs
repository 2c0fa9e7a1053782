//! Foreign keys: a child row has its parent, and what happens to children when a parent changes.

use model::{ForeignKey, ReferentialAction};
use values::{OwnedValue, Tuple, TupleBuilder, Value};

use super::{EncodedRow, RowWriter, Target, decode_row, encode_row, find_duplicate};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::root_state::TableState;
use crate::row_locks::LockMode;
use crate::transaction::Transaction;
use crate::view::KeyRange;

/// Deepest chain of cascades, as in MySQL.
const MAX_CASCADE: usize = 15;

/// A foreign key with its columns as positions.
struct Resolved {
    key: ForeignKey,
    child: Vec<usize>,
    parent: Vec<usize>,
}

fn positions(state: &TableState, tags: &[u64]) -> Option<Vec<usize>> {
    tags.iter()
        .map(|t| state.def.columns.iter().position(|c| c.tag == *t))
        .collect()
}

fn open(tx: &mut Transaction, target: &Target) -> Result<std::sync::Arc<TableState>> {
    Ok(RowWriter::open(tx, target)?.state)
}

fn keys(tx: &mut Transaction, target: &Target, of_child: bool) -> Result<Vec<ForeignKey>> {
    let branch = tx.branch(&target.handle, &target.branch)?;
    let all = branch.latest.foreign_keys()?;
    Ok(all
        .keys
        .iter()
        .filter(|k| {
            let side = if of_child {
                &k.child_table
            } else {
                &k.parent_table
            };
            side.eq_ignore_ascii_case(&target.table) && k.is_resolved()
        })
        .cloned()
        .collect())
}

/// MySQL's text of a constraint, as errors 1451 and 1452 quote it.
fn describe(
    target: &Target,
    key: &ForeignKey,
    child: &TableState,
    parent: Option<&TableState>,
) -> String {
    let names = |state: &TableState, tags: &[u64]| {
        tags.iter()
            .filter_map(|t| state.def.columns.iter().find(|c| c.tag == *t))
            .map(|c| format!("`{}`", c.name))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut text = format!(
        "`{}`.`{}`, CONSTRAINT `{}` FOREIGN KEY ({}) REFERENCES `{}` (",
        target.handle.name,
        key.child_table,
        key.name,
        names(child, &key.child_columns),
        key.parent_table,
    );
    if let Some(parent) = parent {
        text.push_str(&names(parent, &key.parent_columns));
    }
    text.push(')');
    for (clause, action) in [("ON DELETE", key.on_delete), ("ON UPDATE", key.on_update)] {
        if let Some(word) = action_word(action) {
            text.push_str(&format!(" {clause} {word}"));
        }
    }
    text
}

fn action_word(action: ReferentialAction) -> Option<&'static str> {
    match action {
        ReferentialAction::Cascade => Some("CASCADE"),
        ReferentialAction::SetNull => Some("SET NULL"),
        ReferentialAction::Restrict => Some("RESTRICT"),
        ReferentialAction::SetDefault => Some("SET DEFAULT"),
        _ => None,
    }
}

/// [`check_child`] when keys are enforced.
pub(super) fn check_child_if(
    tx: &mut Transaction,
    target: &Target,
    row: &[OwnedValue],
    old: Option<&[OwnedValue]>,
    cx: &Context<'_>,
    enforce: bool,
) -> Result<()> {
    if enforce {
        check_child(tx, target, row, old, cx)
    } else {
        Ok(())
    }
}

/// A row's parents exist; keys whose columns did not change are not looked at.
pub(super) fn check_child(
    tx: &mut Transaction,
    target: &Target,
    row: &[OwnedValue],
    old: Option<&[OwnedValue]>,
    cx: &Context<'_>,
) -> Result<()> {
    refuse_without_parent(tx, target, row, old)?;
    for key in keys(tx, target, true)? {
        let child = open(tx, target)?;
        let Some(columns) = positions(&child, &key.child_columns) else {
            continue;
        };
        if columns.iter().any(|c| row[*c].is_null()) {
            continue;
        }
        if let Some(old) = old
            && columns.iter().all(|c| same(&child, *c, &old[*c], &row[*c]))
        {
            continue;
        }
        let parent_target = target.sibling(&key.parent_table);
        let Ok(parent) = open(tx, &parent_target) else {
            return Err(Error::fk_child(describe(target, &key, &child, None)));
        };
        let Some(parent_columns) = positions(&parent, &key.parent_columns) else {
            continue;
        };
        let wanted: Vec<&OwnedValue> = columns.iter().map(|c| &row[*c]).collect();
        if key.is_self_referential()
            && parent_columns
                .iter()
                .zip(&wanted)
                .all(|(p, w)| same(&child, *p, &row[*p], w))
        {
            continue;
        }
        let found = matching(tx, &parent_target, &parent_columns, &wanted, Some(1))?;
        let Some(found) = found.first() else {
            return Err(Error::fk_child(describe(
                target,
                &key,
                &child,
                Some(&parent),
            )));
        };
        // It stays as long as its child is not committed.
        RowWriter::open(tx, &parent_target)?.lock(&found.key, LockMode::Shared, cx)?;
    }
    Ok(())
}

/// A key whose parent table is not there lets no row in but those with NULL.
fn refuse_without_parent(
    tx: &mut Transaction,
    target: &Target,
    row: &[OwnedValue],
    old: Option<&[OwnedValue]>,
) -> Result<()> {
    let all = tx
        .branch(&target.handle, &target.branch)?
        .latest
        .foreign_keys()?;
    for key in all.of_child(&target.table).filter(|k| !k.is_resolved()) {
        let child = open(tx, target)?;
        let names = key.child_column_names.iter().flatten();
        let Some(columns) = names
            .map(|n| child.def.column(n))
            .collect::<Option<Vec<usize>>>()
        else {
            continue;
        };
        let kept = |c: &usize| old.is_some_and(|old| same(&child, *c, &old[*c], &row[*c]));
        if columns.iter().any(|c| row[*c].is_null()) || columns.iter().all(kept) {
            continue;
        }
        let quoted = |names: &Option<Vec<String>>| {
            let list = names.iter().flatten().map(|n| format!("`{n}`"));
            list.collect::<Vec<_>>().join(", ")
        };
        return Err(Error::fk_child(format!(
            "`{}`.`{}`, CONSTRAINT `{}` FOREIGN KEY ({}) REFERENCES `{}` ({})",
            target.handle.name,
            key.child_table,
            key.name,
            quoted(&key.child_column_names),
            key.parent_table,
            quoted(&key.parent_column_names),
        )));
    }
    Ok(())
}

fn same(state: &TableState, column: usize, a: &OwnedValue, b: &OwnedValue) -> bool {
    match (a.is_null(), b.is_null()) {
        (true, true) => true,
        (false, false) => {
            let collation = state.def.collation_of(column);
            values::compare(a, b, collation).is_eq()
        }
        _ => false,
    }
}

/// Rows of a table whose columns equal the wanted values, by an index if one begins with them.
fn matching(
    tx: &mut Transaction,
    target: &Target,
    columns: &[usize],
    wanted: &[&OwnedValue],
    limit: Option<usize>,
) -> Result<Vec<EncodedRow>> {
    let writer = RowWriter::open(tx, target)?;
    let view = writer.view()?;
    let def = writer.state.def.clone();
    let begins = |key: &[usize]| {
        key.len() >= columns.len() && columns.iter().all(|c| key[..columns.len()].contains(c))
    };
    let index = if begins(&def.primary_key) {
        Some(None)
    } else {
        def.indexes
            .iter()
            .position(|i| i.ordered && i.prefixes.iter().all(|p| *p == 0) && begins(&i.key_columns))
            .map(Some)
    };
    let mut out = Vec::new();
    let mut take = |slot: &crate::env::Slot| {
        out.push(EncodedRow {
            key: slot.key().to_vec(),
            value: slot.value().to_vec(),
        });
        match limit {
            Some(n) if out.len() >= n => Flow::Stop,
            _ => Flow::Continue,
        }
    };
    let Some(index) = index else {
        let layout = view.primary.layout.clone();
        crate::exec::table_rows(&view, &mut |slot| {
            for (c, w) in columns.iter().zip(wanted) {
                let v = layout.column(*c, slot.key(), slot.value())?;
                if v.is_null() || values::compare(&v, w, def.collation_of(*c)).is_ne() {
                    return Ok(Flow::Continue);
                }
            }
            Ok(take(&slot))
        })?;
        return Ok(out);
    };
    let tree = view.tree(index);
    let order: &[usize] = match index {
        None => &def.primary_key,
        Some(i) => &def.indexes[i].key_columns,
    };
    let blobs = writer.state.table.objects().blobs();
    let mut key = TupleBuilder::new();
    for c in &order[..columns.len()] {
        let at = columns.iter().position(|x| x == c).unwrap_or(0);
        let Some(Some(place)) = tree.layout.places.get(*c) else {
            return Ok(out);
        };
        // The other side's type may differ in width; a value that does not fit matches nothing.
        let cast = fit(wanted[at], &place.ty);
        let encoded =
            key.push_with(|b| values::encode_field(place.encoding, &place.ty, &cast, &blobs, b));
        if encoded.is_err() {
            return Ok(out);
        }
    }
    let key = key.finish()?;
    let range = KeyRange::prefix(&key, columns.len());
    tree.scan(
        view.changes(index),
        &range,
        false,
        &mut |slot| match index {
            None => Ok(take(&slot)),
            Some(i) => match view.row_of_entry(i, slot.key())? {
                Some(row) => Ok(take(&row)),
                None => Ok(Flow::Continue),
            },
        },
    )?;
    let _ = Tuple(&key);
    Ok(out)
}

/// Signed and unsigned integers in each other's form.
fn fit(v: &OwnedValue, ty: &values::SqlType) -> OwnedValue {
    match (v, ty) {
        (Value::Int(n), values::SqlType::Int { unsigned: true, .. }) if *n >= 0 => {
            Value::UInt(*n as u64)
        }
        (
            Value::UInt(n),
            values::SqlType::Int {
                unsigned: false, ..
            },
        ) => i64::try_from(*n).map_or_else(|_| v.clone(), Value::Int),
        _ => v.clone(),
    }
}

fn children(
    tx: &mut Transaction,
    target: &Target,
    enforce: bool,
) -> Result<Vec<(Target, Resolved)>> {
    if !enforce {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    for key in keys(tx, target, false)? {
        let parent = open(tx, target)?;
        let child_target = target.sibling(&key.child_table);
        let Ok(child) = open(tx, &child_target) else {
            continue;
        };
        let (Some(c), Some(p)) = (
            positions(&child, &key.child_columns),
            positions(&parent, &key.parent_columns),
        ) else {
            continue;
        };
        out.push((
            child_target,
            Resolved {
                key,
                child: c,
                parent: p,
            },
        ));
    }
    Ok(out)
}

/// The tables whose updates led to an update.
#[derive(Clone, Copy, Default)]
pub(super) struct Chain<'c> {
    depth: usize,
    table: Option<&'c Target>,
    before: Option<&'c Chain<'c>>,
}

impl<'c> Chain<'c> {
    fn check_depth(&self) -> Result<()> {
        match self.depth > MAX_CASCADE {
            false => Ok(()),
            true => Err(Error::new(
                3008,
                "HY000",
                format!("Foreign key cascade delete/update exceeds max depth of {MAX_CASCADE}."),
            )),
        }
    }

    /// What an update of a table leads to.
    fn through(&'c self, table: &'c Target) -> Chain<'c> {
        Chain {
            depth: self.depth + 1,
            table: Some(table),
            before: Some(self),
        }
    }

    fn deeper(&self) -> Chain<'c> {
        Chain {
            depth: self.depth + 1,
            ..*self
        }
    }

    fn holds(&self, table: &Target) -> bool {
        self.table.is_some_and(|t| same_table(t, table))
            || self.before.is_some_and(|chain| chain.holds(table))
    }
}

fn same_table(a: &Target, b: &Target) -> bool {
    std::sync::Arc::ptr_eq(&a.handle, &b.handle) && a.table.eq_ignore_ascii_case(&b.table)
}

/// Refuses, cascades or nulls before a parent row is deleted.
pub(super) fn before_delete(
    tx: &mut Transaction,
    target: &Target,
    old: &[OwnedValue],
    cx: &Context<'_>,
    enforce: bool,
    depth: usize,
) -> Result<()> {
    let chain = Chain {
        depth,
        ..Chain::default()
    };
    chain.check_depth()?;
    for (child_target, r) in children(tx, target, enforce)? {
        let wanted: Vec<&OwnedValue> = r.parent.iter().map(|c| &old[*c]).collect();
        if wanted.iter().any(|v| v.is_null()) {
            continue;
        }
        let rows = matching(tx, &child_target, &r.child, &wanted, None)?;
        let state = open(tx, &child_target)?;
        for row in rows {
            let values = decode_row(&state, &row.key, &row.value)?;
            let itself = r.key.is_self_referential()
                && state
                    .def
                    .primary_key
                    .iter()
                    .all(|c| same(&state, *c, &values[*c], &old[*c]));
            match r.key.on_delete {
                ReferentialAction::Cascade => {
                    if itself {
                        continue;
                    }
                    // Mark the row as gone first, so that a cycle of keys ends.
                    let mut writer = RowWriter::open(tx, &child_target)?;
                    writer.lock(&row.key, LockMode::Exclusive, cx)?;
                    writer.remove(&row)?;
                    before_delete(tx, &child_target, &values, cx, enforce, depth + 1)?;
                }
                ReferentialAction::SetNull => {
                    let mut next = values.clone();
                    for c in &r.child {
                        next[*c] = Value::Null;
                    }
                    let chain = chain.deeper();
                    rewrite(tx, &child_target, &row, &values, next, cx, enforce, &chain)?;
                }
                _ if itself => {}
                _ => {
                    let parent = open(tx, target)?;
                    return Err(Error::fk_parent(describe(
                        target,
                        &r.key,
                        &state,
                        Some(&parent),
                    )));
                }
            }
        }
    }
    Ok(())
}

/// Refuses, cascades or nulls before a parent row changes the columns that children refer to.
pub(super) fn before_update(
    tx: &mut Transaction,
    target: &Target,
    old: &[OwnedValue],
    new: &[OwnedValue],
    cx: &Context<'_>,
    enforce: bool,
    chain: &Chain<'_>,
) -> Result<()> {
    chain.check_depth()?;
    for (child_target, r) in children(tx, target, enforce)? {
        let parent = open(tx, target)?;
        if r.parent
            .iter()
            .all(|c| same(&parent, *c, &old[*c], &new[*c]))
        {
            continue;
        }
        let wanted: Vec<&OwnedValue> = r.parent.iter().map(|c| &old[*c]).collect();
        if wanted.iter().any(|v| v.is_null()) {
            continue;
        }
        let rows = matching(tx, &child_target, &r.child, &wanted, None)?;
        let state = open(tx, &child_target)?;
        for row in rows {
            let values = decode_row(&state, &row.key, &row.value)?;
            let itself = r.key.is_self_referential()
                && state
                    .def
                    .primary_key
                    .iter()
                    .all(|c| same(&state, *c, &values[*c], &old[*c]));
            if itself
                && r.child
                    .iter()
                    .zip(&r.parent)
                    .all(|(c, p)| same(&state, *c, &new[*c], &new[*p]))
            {
                continue;
            }
            // A table that is being updated already is not updated by the cascade again.
            let again = chain.holds(&child_target) || same_table(target, &child_target);
            match r.key.on_update {
                ReferentialAction::Cascade if !again => {
                    let mut next = values.clone();
                    for (c, p) in r.child.iter().zip(&r.parent) {
                        next[*c] = fit(&new[*p], &state.def.columns[*c].ty);
                    }
                    let chain = chain.through(target);
                    rewrite(tx, &child_target, &row, &values, next, cx, enforce, &chain)?;
                }
                ReferentialAction::SetNull if !again => {
                    let mut next = values.clone();
                    for c in &r.child {
                        next[*c] = Value::Null;
                    }
                    let chain = chain.through(target);
                    rewrite(tx, &child_target, &row, &values, next, cx, enforce, &chain)?;
                }
                _ => {
                    return Err(Error::fk_parent(describe(
                        target,
                        &r.key,
                        &state,
                        Some(&parent),
                    )));
                }
            }
        }
    }
    Ok(())
}

fn rewrite(
    tx: &mut Transaction,
    target: &Target,
    row: &EncodedRow,
    old: &[OwnedValue],
    next: Vec<OwnedValue>,
    cx: &Context<'_>,
    enforce: bool,
    chain: &Chain<'_>,
) -> Result<()> {
    before_update(tx, target, old, &next, cx, enforce, chain)?;
    let mut writer = RowWriter::open(tx, target)?;
    writer.lock(&row.key, LockMode::Exclusive, cx)?;
    for (i, c) in writer.state.def.columns.iter().enumerate() {
        if next[i].is_null() && !c.nullable && !c.is_virtual {
            return Err(Error::column_not_null(&c.name));
        }
    }
    let encoded = encode_row(&writer.state, &next)?;
    let entries = writer.entries(&encoded)?;
    let view = writer.view()?;
    if let Some(d) = find_duplicate(&writer.state, &view, &encoded, &entries, Some(&row.key))? {
        return Err(super::duplicate_error(&writer.state, &next, d.index));
    }
    drop(view);
    writer.replace(row, &encoded, &entries)
}
