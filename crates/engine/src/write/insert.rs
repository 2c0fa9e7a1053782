//! INSERT and REPLACE.

use std::sync::Arc;

use syntax::ast::TriggerEvent::{Delete as DELETE, Insert as INSERT};
use syntax::ast::TriggerTime::{After, Before};
use values::{OwnedValue, SqlType, Value};

use super::{
    Counts, EncodedRow, RowWriter, Target, assigned, check_row, decode_row, duplicate_error,
    encode_row, find_duplicate, foreign_key, generate, store_value,
};
use crate::bind::dml::{DefaultValue, InsertPlan, InsertRows};
use crate::context::Context;
use crate::env::{Env, Slot};
use crate::error::{Error, Result};
use crate::exec;
use crate::program::trigger::{TriggerSet, lent};
use crate::result::Flow;
use crate::transaction::Transaction;

/// What an INSERT did.
#[derive(Clone, Debug, Default)]
pub struct Inserted {
    /// Rows.
    pub counts: Counts,
    /// First automatically generated number, 0 when none.
    pub first_id: u64,
    /// Number that a row gave itself or got last, for the OK packet.
    pub last_id: u64,
    /// New rows, when RETURNING asks for them.
    pub rows: Vec<Arc<[OwnedValue]>>,
}

/// One offered row: a value per given column with its type; `None` is DEFAULT.
pub type Offered = Vec<Option<(OwnedValue, SqlType)>>;

/// Runs INSERT or REPLACE.
pub fn insert(
    plan: &InsertPlan,
    target: &Target,
    tx: &mut Transaction,
    cx: &Context<'_>,
    found_rows: bool,
) -> Result<Inserted> {
    let offered = lent(tx, cx.session, || gather(plan, cx))?;
    let mut inserter = Inserter::new(plan, target, cx);
    inserter.write(offered, tx, found_rows)?;
    inserter.finish(tx)
}

/// Writes offered rows of one statement, in one part or several.
pub struct Inserter<'a, 's> {
    plan: &'a InsertPlan,
    target: &'a Target,
    cx: &'a Context<'s>,
    numbers: Option<Numbers>,
    out: Inserted,
}

impl<'a, 's> Inserter<'a, 's> {
    /// Begins a statement.
    pub fn new(plan: &'a InsertPlan, target: &'a Target, cx: &'a Context<'s>) -> Self {
        Inserter {
            plan,
            target,
            cx,
            numbers: None,
            out: Inserted::default(),
        }
    }

    /// Writes the next rows.
    pub fn write(
        &mut self,
        offered: Vec<Offered>,
        tx: &mut Transaction,
        found_rows: bool,
    ) -> Result<()> {
        let (plan, target, cx) = (self.plan, self.target, self.cx);
        let out = &mut self.out;
        let checks_keys = cx.session.foreign_key_checks();
        let needs = numbers_needed(plan, &offered);
        let fresh = Numbers::new(plan, target, tx, needs)?;
        let numbers = match &mut self.numbers {
            None => self.numbers.insert(fresh),
            Some(n) => {
                (n.next, n.end) = (fresh.next, fresh.end);
                n
            }
        };
        for given in offered {
            out.counts.matched += 1;
            let number = out.counts.matched;
            if number.is_multiple_of(256) {
                cx.check_interrupt()?;
            }
            let mut row = complete(plan, given, number, cx)?;
            let triggers = plan.rules.triggers.as_deref();
            if let Some(t) = triggers.filter(|t| t.has(INSERT, Before)) {
                before_insert(plan, t, target, tx, &mut row, cx)?;
            }
            numbers.fill(plan, target, &mut row, number, out, cx)?;
            generate(&plan.rules, &plan.def, &mut row, cx, number, plan.ignore)?;
            if !check_row(&plan.rules, &plan.def, &mut row, cx, plan.ignore)? {
                continue;
            }
            let changed = put(
                plan,
                target,
                tx,
                row,
                number,
                cx,
                checks_keys,
                found_rows,
                out,
            );
            match changed {
                Ok(()) => {}
                Err(e) if plan.ignore && matches!(e.code, 1062 | 1452 | 1451) => {
                    out.counts.duplicates += 1;
                    cx.warn(e.code, e.message);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Ends the statement.
    pub fn finish(self, tx: &mut Transaction) -> Result<Inserted> {
        if let Some(numbers) = self.numbers {
            numbers.finish(self.target, tx)?;
        }
        Ok(self.out)
    }
}

/// Evaluates VALUES or runs the query; all of it before the first row is written.
fn gather(plan: &InsertPlan, cx: &Context<'_>) -> Result<Vec<Offered>> {
    match &plan.rows {
        InsertRows::Values(list) => {
            let mut rows = Vec::with_capacity(list.len());
            let blank: Arc<[OwnedValue]> = vec![Value::Null; plan.def.columns.len()].into();
            for cells in list {
                let mut env = Env::new(1, None, cx);
                env.slots[0] = Slot::Row(blank.clone());
                let mut row: Offered = Vec::with_capacity(cells.len());
                for (n, cell) in cells.iter().enumerate() {
                    row.push(match cell {
                        None => None,
                        Some(a) => {
                            let v = a.expr.eval(&env)?.into_owned();
                            if reads_row(&a.expr) || n == 0 && cells.len() > 1 && reads_later(cells)
                            {
                                // The next cells may read what this one gave.
                                let mut so_far = blank.to_vec();
                                for (i, given) in row.iter().enumerate() {
                                    if let Some((v, _)) = given {
                                        so_far[plan.columns[i]] = v.clone();
                                    }
                                }
                                so_far[plan.columns[n]] = v.clone();
                                env = Env::new(1, None, cx);
                                env.slots[0] = Slot::Row(so_far.into());
                            }
                            Some((v, a.ty.clone()))
                        }
                    });
                }
                rows.push(row);
            }
            Ok(rows)
        }
        InsertRows::Query(q) => {
            let mut rows = Vec::new();
            exec::query(q, None, cx, &mut |row| {
                let mut out: Offered = Vec::with_capacity(q.columns.len());
                for (i, c) in q.columns.iter().enumerate() {
                    out.push(Some((row.get(i)?.into_owned(), c.ty.clone())));
                }
                rows.push(out);
                Ok(Flow::Continue)
            })?;
            Ok(rows)
        }
    }
}

fn reads_row(e: &crate::expr::Expr) -> bool {
    let mut used = crate::expr::SlotSet::default();
    e.slots_used(&mut used);
    !used.is_empty()
}

fn reads_later(cells: &[Option<crate::bind::dml::Assigned>]) -> bool {
    cells.iter().flatten().any(|a| reads_row(&a.expr))
}

/// Fills in defaults and converts; AUTO_INCREMENT stays NULL for [`Numbers`].
fn complete(
    plan: &InsertPlan,
    given: Offered,
    number: u64,
    cx: &Context<'_>,
) -> Result<Vec<OwnedValue>> {
    let def = &plan.def;
    // A BEFORE trigger may still give what is missing.
    let triggers = plan.rules.triggers.as_deref();
    let lenient = triggers.is_some_and(|t| t.has(INSERT, Before));
    let mut row: Vec<OwnedValue> = vec![Value::Null; def.columns.len()];
    let mut set = vec![false; def.columns.len()];
    for (cell, column) in given.into_iter().zip(&plan.columns) {
        if let Some((v, ty)) = cell {
            set[*column] = true;
            let c = &def.columns[*column];
            if v.is_null() && !c.nullable && !c.auto_increment && !plan.ignore && !lenient {
                return Err(Error::column_not_null(&c.name));
            }
            row[*column] = store_value(&v, &ty, def, *column, number, plan.ignore, cx)?;
        }
    }
    let mut late = Vec::new();
    for (i, c) in def.columns.iter().enumerate() {
        if set[i] || !c.generated.is_empty() {
            continue;
        }
        match &plan.rules.defaults[i] {
            DefaultValue::Null | DefaultValue::AutoIncrement => {}
            DefaultValue::Missing if lenient && cx.conversion.modes.strict && !plan.ignore => {}
            DefaultValue::Missing => {
                if cx.conversion.modes.strict && !plan.ignore {
                    return Err(Error::no_default(&c.name));
                }
                cx.warn(
                    1364,
                    format!("Field '{}' doesn't have a default value", c.name),
                );
                row[i] = super::zero_value(&c.ty);
            }
            DefaultValue::Expr(a) => late.push((i, a)),
        }
    }
    // A default that reads other columns sees the defaults of those that read none.
    late.sort_by_key(|(_, a)| reads_row(&a.expr));
    for (i, a) in late {
        let mut env = Env::new(1, None, cx);
        if reads_row(&a.expr) {
            env.slots[0] = Slot::Row(Arc::from(row.clone()));
        }
        row[i] = assigned(a, &env, def, i, number, plan.ignore)?;
    }
    Ok(row)
}

/// How many rows leave their number to the server.
fn numbers_needed(plan: &InsertPlan, offered: &[Offered]) -> u64 {
    let Some(column) = plan.def.auto_increment() else {
        return 0;
    };
    let at = plan.columns.iter().position(|c| *c == column);
    offered
        .iter()
        .filter(|row| match at.and_then(|at| row.get(at)) {
            Some(Some((v, _))) => v.is_null() || matches!(v, Value::Int(0) | Value::UInt(0)),
            _ => true,
        })
        .count() as u64
}

/// AUTO_INCREMENT numbers of one statement; those of one INSERT are consecutive.
struct Numbers {
    column: Option<usize>,
    next: u64,
    end: u64,
    highest: u64,
}

impl Numbers {
    fn new(
        plan: &InsertPlan,
        target: &Target,
        tx: &mut Transaction,
        count: u64,
    ) -> Result<Numbers> {
        let column = plan.def.auto_increment();
        let mut numbers = Numbers {
            column,
            next: 0,
            end: 0,
            highest: 0,
        };
        if column.is_some() && count > 0 {
            let writer = RowWriter::open(tx, target)?;
            let floor = writer.stored_number();
            numbers.next = target.handle.take_numbers(&target.table, floor, count)?;
            numbers.end = numbers.next + count;
        }
        Ok(numbers)
    }

    fn fill(
        &mut self,
        plan: &InsertPlan,
        target: &Target,
        row: &mut [OwnedValue],
        number: u64,
        out: &mut Inserted,
        cx: &Context<'_>,
    ) -> Result<()> {
        let Some(column) = self.column else {
            return Ok(());
        };
        let zero = matches!(row[column], Value::Int(0) | Value::UInt(0))
            || matches!(row[column], Value::Float(f) if f == 0.0);
        let automatic =
            row[column].is_null() || zero && !cx.session.settings().zero_is_no_auto_value;
        if automatic {
            if self.next >= self.end {
                self.next = target.handle.take_numbers(&target.table, 1, 1)?;
                self.end = self.next + 1;
            }
            let v = self.next;
            self.next += 1;
            let ty = crate::bind::types::UBIGINT;
            row[column] = store_value(&Value::UInt(v), &ty, &plan.def, column, number, false, cx)
                .map_err(|_| Error::autoinc_exhausted())?;
            if out.first_id == 0 {
                out.first_id = v;
            }
            out.last_id = v;
            self.highest = self.highest.max(v);
        } else {
            let used = match &row[column] {
                Value::Int(v) if *v > 0 => *v as u64,
                Value::UInt(v) => *v,
                Value::Float(f) if *f > 0.0 => *f as u64,
                _ => 0,
            };
            if used > 0 {
                out.last_id = used;
                self.highest = self.highest.max(used);
                target.handle.note_number(&target.table, used)?;
                if used >= self.next {
                    // Numbers after this row go on above it.
                    self.end = self.next;
                }
            }
        }
        Ok(())
    }

    fn finish(&self, target: &Target, tx: &mut Transaction) -> Result<()> {
        if self.highest == 0 {
            return Ok(());
        }
        let mut writer = RowWriter::open(tx, target)?;
        if self.highest >= writer.stored_number() {
            writer.set_next_number(self.highest.saturating_add(1));
        }
        Ok(())
    }
}

/// BEFORE INSERT triggers; a number that is still to come is 0 to them.
fn before_insert(
    plan: &InsertPlan,
    triggers: &TriggerSet,
    target: &Target,
    tx: &mut Transaction,
    row: &mut [OwnedValue],
    cx: &Context<'_>,
) -> Result<()> {
    let automatic = plan.def.auto_increment().filter(|c| row[*c].is_null());
    if let Some(c) = automatic {
        row[c] = super::zero_value(&plan.def.columns[c].ty);
    }
    // Triggers read generated columns; they are computed again after them.
    generate(&plan.rules, &plan.def, row, cx, 0, plan.ignore)?;
    triggers.fire(INSERT, Before, None, Some(row), target, tx, cx)?;
    if let Some(c) = automatic
        && matches!(row[c], Value::Int(0) | Value::UInt(0))
    {
        row[c] = Value::Null;
    }
    for (i, c) in plan.def.columns.iter().enumerate() {
        let missing =
            c.generated.is_empty() && matches!(plan.rules.defaults[i], DefaultValue::Missing);
        if missing && row[i].is_null() && !plan.columns.contains(&i) && !plan.ignore {
            return Err(Error::no_default(&c.name));
        }
    }
    Ok(())
}

/// Writes one row, or does what the statement says about a duplicate.
fn put(
    plan: &InsertPlan,
    target: &Target,
    tx: &mut Transaction,
    row: Vec<OwnedValue>,
    number: u64,
    cx: &Context<'_>,
    check_keys: bool,
    found_rows: bool,
    out: &mut Inserted,
) -> Result<()> {
    let triggers = plan.rules.triggers.as_deref();
    let mut writer = RowWriter::open(tx, target)?;
    let encoded = encode_row(&writer.state, &row)?;
    let new_entries = writer.entries(&encoded)?;
    let mut affected = 1;
    loop {
        let view = writer.view()?;
        let Some(d) = find_duplicate(&writer.state, &view, &encoded, &new_entries, None)? else {
            break;
        };
        drop(view);
        let there = EncodedRow {
            key: d.key,
            value: d.value,
        };
        if plan.replace {
            let old = decode_row(&writer.state, &there.key, &there.value)?;
            if let Some(t) = triggers {
                t.fire(DELETE, Before, Some(&old), None, target, writer.tx, cx)?;
            }
            foreign_key::before_delete(writer.tx, target, &old, cx, check_keys, 0)?;
            writer = RowWriter::open(writer.tx, target)?;
            writer.remove(&there)?;
            if let Some(t) = triggers {
                t.fire(DELETE, After, Some(&old), None, target, writer.tx, cx)?;
                writer = RowWriter::open(writer.tx, target)?;
            }
            affected = 2;
            continue;
        }
        if let Some(set) = &plan.on_duplicate {
            let old = decode_row(&writer.state, &there.key, &there.value)?;
            let old = with_generated(plan, old, cx)?;
            let mut env = Env::new(2, None, cx);
            env.slots[1] = Slot::Row(Arc::from(row));
            let mut next = old.clone();
            for (column, a) in set {
                env.slots[0] = Slot::Row(Arc::from(next.clone()));
                let v = lent(writer.tx, cx.session, || {
                    a.expr.eval(&env).map(Value::into_owned)
                })?;
                if v.is_null() && !plan.def.columns[*column].nullable && !plan.ignore {
                    return Err(Error::column_not_null(&plan.def.columns[*column].name));
                }
                next[*column] =
                    store_value(&v, &a.ty, &plan.def, *column, number, plan.ignore, cx)?;
            }
            let explicit: Vec<usize> = set.iter().map(|(c, _)| *c).collect();
            let changed = super::update::change(
                &plan.rules,
                &plan.def,
                target,
                writer.tx,
                &there,
                &old,
                next,
                &explicit,
                number,
                plan.ignore,
                cx,
                check_keys,
            )?;
            out.counts.affected += match changed {
                true => 2,
                false if found_rows => 1,
                false => 0,
            };
            out.counts.duplicates += changed as u64;
            if let Some(c) = plan.def.auto_increment()
                && let Value::Int(v) = old[c]
            {
                out.last_id = v as u64;
            }
            return Ok(());
        }
        return Err(duplicate_error(&writer.state, &row, d.index));
    }
    if check_keys {
        foreign_key::check_child(writer.tx, target, &row, None, cx)?;
        writer = RowWriter::open(writer.tx, target)?;
    }
    writer.put(&encoded, &new_entries)?;
    out.counts.affected += affected;
    out.counts.duplicates += affected - 1;
    if let Some(t) = triggers {
        let mut row = row.clone();
        t.fire(INSERT, After, None, Some(&mut row), target, tx, cx)?;
    }
    if plan.returning.is_some() {
        out.rows.push(row.into());
    }
    Ok(())
}

/// A stored row with its virtual columns computed.
fn with_generated(
    plan: &InsertPlan,
    mut row: Vec<OwnedValue>,
    cx: &Context<'_>,
) -> Result<Vec<OwnedValue>> {
    if plan.def.columns.iter().any(|c| c.is_virtual) {
        generate(&plan.rules, &plan.def, &mut row, cx, 1, true)?;
    }
    Ok(row)
}
