//! UPDATE of a column from which nothing else follows: a row keeps its bytes but for those of the
//! new value, and nothing else of it is looked at.

use std::ops::Range;

use model::ForeignKeys;
use values::{NoBlobs, OwnedValue, SqlType, Tuple, Value, encode_field};

use super::{Target, store_value};
use crate::bind::dml::{Assigned, UpdatePlan, UpdateTarget};
use crate::context::Context;
use crate::env::{Env, Place};
use crate::error::Result;
use crate::table::TableDef;
use crate::transaction::Transaction;

/// The one assignment of a statement: to a column that is part of no key, has no rules, and whose
/// values lie in the row.
pub(super) struct Overwrite<'p> {
    def: &'p TableDef,
    assigned: &'p Assigned,
    column: usize,
    place: Place,
    ignore: bool,
    /// The new value.
    bytes: Vec<u8>,
}

/// What becomes of a row.
pub(super) enum Overwritten {
    /// It stays as it is.
    Same,
    /// It gets this value tuple.
    Row(Vec<u8>),
    /// Its new value is NULL, to which more rules may apply.
    Null,
    /// The new value, as the column stores it, has no bytes of that size to take the place of.
    Resized(OwnedValue),
}

impl<'p> Overwrite<'p> {
    /// The assignment of a statement that does nothing else.
    pub fn of(
        plan: &'p UpdatePlan,
        targets: &[Target],
        tx: &mut Transaction,
        cx: &Context<'_>,
    ) -> Result<Option<Overwrite<'p>>> {
        let ([t], [target], [_]) = (&plan.targets[..], targets, &plan.from[..]) else {
            return Ok(None);
        };
        let [(column, Some(assigned))] = &t.set[..] else {
            return Ok(None);
        };
        if !plan.order.is_empty() || tx.locking.is_some() || !stands_alone(t, *column) {
            return Ok(None);
        }
        let branch = tx.branch(&target.handle, &target.branch)?;
        if is_in_foreign_key(&*branch.latest.foreign_keys()?, t, *column, target) {
            return Ok(None);
        }
        let places = &cx.table(t.table)?.primary.layout.places;
        // Which values lie outside of a row follows from all of it.
        let moves = |p: &Place| p.encoding.is_adaptive();
        if places.iter().flatten().any(moves) {
            return Ok(None);
        }
        let place = places.get(*column).cloned().flatten();
        let place = place.filter(|p| !p.key && !p.encoding.is_address());
        Ok(place.map(|place| Overwrite {
            def: &t.def,
            assigned,
            column: *column,
            place,
            ignore: plan.ignore,
            bytes: Vec::new(),
        }))
    }

    /// What becomes of the current row, whose value tuple this is.
    pub fn row(&mut self, env: &Env<'_>, tuple: &[u8], number: u64) -> Result<Overwritten> {
        let Assigned { expr, ty } = self.assigned;
        let value = expr.eval(env)?;
        if value.is_null() {
            return Ok(Overwritten::Null);
        }
        let value = self.stored(&value, ty, number, env.cx)?;
        let Some(there) = self.fits(tuple, &value)? else {
            return Ok(Overwritten::Resized(value));
        };
        if tuple[there.clone()] == self.bytes {
            return Ok(Overwritten::Same);
        }
        let mut tuple = tuple.to_vec();
        tuple[there].copy_from_slice(&self.bytes);
        Ok(Overwritten::Row(tuple))
    }

    fn stored(&self, v: &Value<'_>, ty: &SqlType, n: u64, cx: &Context<'_>) -> Result<OwnedValue> {
        store_value(v, ty, self.def, self.column, n, self.ignore, cx)
    }

    /// Encodes a value; where the row has one of the same size.
    fn fits(&mut self, tuple: &[u8], value: &OwnedValue) -> Result<Option<Range<usize>>> {
        if value.is_null() {
            return Ok(None);
        }
        self.bytes.clear();
        let Place { encoding, ty, .. } = &self.place;
        encode_field(*encoding, ty, value, &NoBlobs, &mut self.bytes)?;
        let there = Tuple(tuple).range(self.place.field);
        Ok(there.filter(|range| range.len() == self.bytes.len()))
    }
}

/// Whether a change of a column is all that happens to its row.
fn stands_alone(t: &UpdateTarget, column: usize) -> bool {
    let (rules, def) = (&t.rules, &*t.def);
    let no_rules = rules.triggers.is_none()
        && rules.generated.is_empty()
        && rules.checks.is_empty()
        && rules.on_update.is_empty();
    let in_index =
        |i: &crate::table::Index| i.key_columns.contains(&column) || i.columns.contains(&column);
    no_rules
        && !def.keyless()
        && !def.columns[column].auto_increment
        && !def.columns.iter().any(|c| c.is_virtual)
        && !def.primary_key.contains(&column)
        && !def.indexes.iter().any(in_index)
}

/// Whether a column refers to others, or is referred to.
fn is_in_foreign_key(all: &ForeignKeys, t: &UpdateTarget, column: usize, target: &Target) -> bool {
    let column = &t.def.columns[column];
    let is_it = |tags: &[u64], names: &Option<Vec<String>>| {
        let mut names = names.iter().flatten();
        tags.contains(&column.tag) || names.any(|n| n.eq_ignore_ascii_case(&column.name))
    };
    let table = &target.table;
    let as_child = |k: &model::ForeignKey| is_it(&k.child_columns, &k.child_column_names);
    let as_parent = |k: &model::ForeignKey| is_it(&k.parent_columns, &k.parent_column_names);
    all.of_child(table).any(as_child) || all.of_parent(table).any(as_parent)
}
