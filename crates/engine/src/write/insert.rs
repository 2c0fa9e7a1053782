//! INSERT and REPLACE.

use std::sync::Arc;

use syntax::ast::TriggerEvent::{Delete as DELETE, Insert as INSERT};
use syntax::ast::TriggerTime::{After, Before};
use syntax::ast::{CellRef, ValueRows};
use values::{CollationId, Decimal, LobSize, OwnedValue, SqlType, Value};

use super::bulk::{self, BulkRows, Duplicates};
use super::{
    Counts, EncodedRow, RowWriter, Target, assigned, check_row, decode_row, duplicate_error,
    encode_row, find_duplicate, foreign_key, generate, store_value,
};
use crate::bind::dml::{Assigned, DefaultValue, InsertPlan, InsertRows};
use crate::bind::types::{self, BIGINT};
use crate::context::Context;
use crate::env::{Env, Slot};
use crate::error::{Error, Result};
use crate::exec;
use crate::program::trigger::{TriggerSet, lent};
use crate::result::Flow;
use crate::row_locks::LockMode;
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
    /// Rows that could not be written, where others followed them.
    pub failed: u64,
    /// New rows, when RETURNING asks for them.
    pub rows: Vec<Arc<[OwnedValue]>>,
}

/// One offered row: a value per given column with its type; `None` is DEFAULT.
pub type Offered = Vec<Option<(OwnedValue, SqlType)>>;

/// Type of the texts in a [`RowBatch`].
const TEXT: SqlType = SqlType::Text(LobSize::Long, CollationId::DEFAULT);

/// Types of literals.
struct LiteralTypes {
    decimal: SqlType,
    string: SqlType,
}

impl LiteralTypes {
    fn new(cx: &Context<'_>) -> LiteralTypes {
        LiteralTypes {
            decimal: types::decimal(values::decimal::MAX_DIGITS, 0),
            string: types::varchar(0, cx.session.modes().connection),
        }
    }

    /// A literal's value and type; none for DEFAULT.
    fn value<'v>(&'v self, cell: CellRef<'v>) -> Result<Option<(Value<'v>, &'v SqlType)>> {
        Ok(Some(match cell {
            CellRef::Default => return Ok(None),
            CellRef::Null => (Value::Null, &SqlType::Null),
            CellRef::Int {
                magnitude,
                negative: true,
            } => (Value::Int(magnitude.wrapping_neg().cast_signed()), &BIGINT),
            CellRef::Int { magnitude, .. } => match i64::try_from(magnitude) {
                Ok(n) => (Value::Int(n), &BIGINT),
                Err(_) => (Value::UInt(magnitude), &SqlType::BIGINT_UNSIGNED),
            },
            CellRef::Decimal { text, negative } => {
                let invalid = || Error::general(format!("invalid number {text}"));
                let d = Decimal::parse(text).ok_or_else(invalid)?;
                let d = if negative { d.neg() } else { d };
                (Value::Decimal(d), &self.decimal)
            }
            CellRef::String(bytes) => (Value::Bytes(bytes.into()), &self.string),
            CellRef::Other(_) => return Err(Error::general("a value is no literal")),
        }))
    }
}

/// A cell of a [`RowBatch`].
enum Cell {
    Default,
    /// Its bytes end here, and begin where those of the cell before end.
    Text(usize),
    Value(OwnedValue),
}

/// Offered rows as they come from a file: mostly texts, one behind the other.
#[derive(Default)]
pub struct RowBatch {
    bytes: Vec<u8>,
    cells: Vec<Cell>,
    rows: usize,
}

impl RowBatch {
    /// Takes all rows out.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
        self.rows = 0;
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes of its texts.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a text to the row.
    pub fn push_text(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.cells.push(Cell::Text(self.bytes.len()));
    }

    /// Adds another value to the row.
    pub fn push_value(&mut self, value: OwnedValue) {
        self.cells.push(Cell::Value(value));
    }

    /// Adds DEFAULT to the row.
    pub fn push_default(&mut self) {
        self.cells.push(Cell::Default);
    }

    /// Ends the row, which has as many cells as there are columns.
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    fn needs_number(&self, cell: usize) -> bool {
        match &self.cells[cell] {
            Cell::Default => true,
            Cell::Text(_) => false,
            Cell::Value(v) => v.is_null() || matches!(v, Value::Int(0) | Value::UInt(0)),
        }
    }
}

/// Decides whether others follow a row that failed, by its number from 1.
pub type FailedRow<'r> = dyn FnMut(u64, Error) -> Result<()> + 'r;

/// Runs INSERT or REPLACE.
pub fn insert(
    plan: &InsertPlan,
    target: &Target,
    tx: &mut Transaction,
    cx: &Context<'_>,
    found_rows: bool,
) -> Result<Inserted> {
    let mut inserter = Inserter::new(plan, target, cx);
    match &plan.rows {
        InsertRows::Values(list) => {
            let offered = lent(tx, cx.session, || gather(plan, list, cx))?;
            inserter.write(offered, tx, found_rows)?;
        }
        InsertRows::Literals(rows) => inserter.write_literals(rows, tx, found_rows)?,
        InsertRows::Query(q) => {
            // The query reads the tables as they were, so that rows can be written meanwhile.
            let rest = lent(tx, cx.session, || {
                let mut rows: Vec<Offered> = Vec::new();
                exec::query(q, None, cx, &mut |row| {
                    let mut out: Offered = Vec::with_capacity(q.columns.len());
                    for (i, c) in q.columns.iter().enumerate() {
                        out.push(Some((row.get(i)?.into_owned(), c.ty.clone())));
                    }
                    rows.push(out);
                    if rows.len() == ROWS_AT_ONCE {
                        let mut tx = cx.session.take_transaction();
                        let written =
                            inserter.write(std::mem::take(&mut rows), &mut tx, found_rows);
                        cx.session.put_transaction(tx);
                        written?;
                    }
                    Ok(Flow::Continue)
                })?;
                Ok::<_, Error>(rows)
            })?;
            inserter.write(rest, tx, found_rows)?;
        }
    }
    inserter.finish(tx)
}

/// Rows of a query that are written before it gives more.
const ROWS_AT_ONCE: usize = 1000;

/// Writes offered rows of one statement, in one part or several.
pub struct Inserter<'a, 's> {
    plan: &'a InsertPlan,
    target: &'a Target,
    cx: &'a Context<'s>,
    numbers: Option<Numbers>,
    out: Inserted,
    /// What is done about duplicates, if the rows may be written all together.
    duplicates: Option<Duplicates>,
    bulk: Option<BulkRows>,
    /// Rows that IGNORE would pass over are told of as failed.
    tells: bool,
}

impl<'a, 's> Inserter<'a, 's> {
    /// Begins a statement.
    pub fn new(plan: &'a InsertPlan, target: &'a Target, cx: &'a Context<'s>) -> Self {
        let duplicates = match plan.ignore {
            true => Duplicates::Skip,
            false => Duplicates::Refuse,
        };
        Inserter {
            plan,
            target,
            cx,
            numbers: None,
            out: Inserted::default(),
            duplicates: plan.on_duplicate.is_none().then_some(duplicates),
            bulk: None,
            tells: false,
        }
    }

    /// Rows are to take the place of those with the same key, which is what ON DUPLICATE KEY
    /// UPDATE says, assigning all columns.
    pub fn overwrites(&mut self) {
        self.duplicates = Some(Duplicates::Overwrite);
    }

    /// Every row is written by itself, so that others can follow one that fails. IGNORE changes
    /// values, then, and passes over no row silently.
    pub fn one_by_one(&mut self) {
        self.duplicates = None;
        self.tells = true;
    }

    /// Writes the next rows.
    pub fn write(
        &mut self,
        offered: Vec<Offered>,
        tx: &mut Transaction,
        found_rows: bool,
    ) -> Result<()> {
        let needs = numbers_needed(self.plan, &offered);
        self.begin_part(offered.len(), needs, tx)?;
        for given in offered {
            let cells = given
                .iter()
                .map(|c| c.as_ref().map(|(v, ty)| (v.borrowed(), ty)));
            let written = self.write_row(cells, tx, found_rows);
            written.map_err(|e| self.failed(e).1)?;
        }
        tx.bound_memory()
    }

    /// Writes rows of literals.
    fn write_literals(
        &mut self,
        rows: &ValueRows,
        tx: &mut Transaction,
        found_rows: bool,
    ) -> Result<()> {
        let is_open = |cell: CellRef<'_>| match cell {
            CellRef::Null | CellRef::Default => true,
            CellRef::Int { magnitude, .. } => magnitude == 0,
            _ => false,
        };
        let needs = match self.plan.def.auto_increment() {
            None => 0,
            Some(c) => match self.plan.columns.iter().position(|p| *p == c) {
                None => rows.len(),
                Some(at) => {
                    let cells = rows.iter().filter_map(|mut row| row.nth(at));
                    cells.filter(|cell| is_open(*cell)).count()
                }
            },
        };
        let types = LiteralTypes::new(self.cx);
        self.begin_part(rows.len(), needs as u64, tx)?;
        let mut cells = Vec::with_capacity(self.plan.columns.len());
        for row in rows.iter() {
            for cell in row {
                cells.push(types.value(cell)?);
            }
            let written = self.write_row(cells.drain(..), tx, found_rows);
            written.map_err(|e| self.failed(e).1)?;
        }
        tx.bound_memory()
    }

    /// Writes the next rows; `failed` decides whether others follow one that cannot be written.
    pub fn write_batch(
        &mut self,
        batch: &RowBatch,
        tx: &mut Transaction,
        failed: &mut FailedRow<'_>,
    ) -> Result<()> {
        let width = self.plan.columns.len();
        let needs = match self.plan.def.auto_increment() {
            None => 0,
            Some(c) => match self.plan.columns.iter().position(|p| *p == c) {
                None => batch.rows,
                Some(at) => (0..batch.rows)
                    .filter(|row| batch.needs_number(row * width + at))
                    .count(),
            },
        };
        self.begin_part(batch.rows, needs as u64, tx)?;
        let mut start = 0;
        for row in 0..batch.rows {
            let cells = &batch.cells[row * width..(row + 1) * width];
            let cells = cells.iter().map(|c| match c {
                Cell::Default => None,
                Cell::Value(v) => Some((v.borrowed(), &TEXT)),
                Cell::Text(end) => {
                    let text = &batch.bytes[std::mem::replace(&mut start, *end)..*end];
                    Some((Value::Bytes(text.into()), &TEXT))
                }
            });
            if let Err(e) = self.write_row(cells, tx, false) {
                let (number, e) = self.failed(e);
                failed(number, e)?;
                self.out.failed += 1;
                // The cells behind the one that failed were not looked at.
                let rest = &batch.cells[..(row + 1) * width];
                let end = rest.iter().rev().find_map(|c| match c {
                    Cell::Text(end) => Some(*end),
                    _ => None,
                });
                start = end.unwrap_or(0);
            }
        }
        tx.bound_memory()
    }

    /// Takes numbers for the next rows, and finds out how the first ones decide to write all.
    fn begin_part(&mut self, rows: usize, needs: u64, tx: &mut Transaction) -> Result<()> {
        let (plan, target) = (self.plan, self.target);
        let fresh = Numbers::new(plan, target, tx, needs)?;
        match &mut self.numbers {
            Some(n) => (n.next, n.end) = (fresh.next, fresh.end),
            None => {
                self.numbers = Some(fresh);
                if let Some(duplicates) = self.duplicates
                    && rows >= bulk::LEAST_ROWS
                {
                    let checks_keys = self.cx.session.foreign_key_checks();
                    self.bulk = BulkRows::begin(plan, duplicates, target, tx, checks_keys)?;
                }
            }
        }
        Ok(())
    }

    /// The error of the last row, unless an earlier one turns out to be a duplicate.
    fn failed(&mut self, error: Error) -> (u64, Error) {
        let last = (self.out.counts.matched, error);
        match self.bulk.take() {
            Some(bulk) if self.duplicates == Some(Duplicates::Refuse) => {
                bulk.first_duplicate().unwrap_or(last)
            }
            _ => last,
        }
    }

    fn write_row<'v>(
        &mut self,
        cells: impl Iterator<Item = Option<(Value<'v>, &'v SqlType)>>,
        tx: &mut Transaction,
        found_rows: bool,
    ) -> Result<()> {
        let (plan, target, cx) = (self.plan, self.target, self.cx);
        let out = &mut self.out;
        out.counts.matched += 1;
        let number = out.counts.matched;
        if number.is_multiple_of(256) {
            cx.check_interrupt()?;
        }
        let mut row = complete(plan, cells, number, cx)?;
        let triggers = plan.rules.triggers.as_deref();
        if let Some(t) = triggers.filter(|t| t.has(INSERT, Before)) {
            before_insert(plan, t, target, tx, &mut row, cx)?;
        }
        if let Some(numbers) = &mut self.numbers {
            numbers.fill(plan, target, &mut row, number, out, cx)?;
        }
        generate(&plan.rules, &plan.def, &mut row, cx, number, plan.ignore)?;
        let passes_over = plan.ignore && !self.tells;
        if !check_row(&plan.rules, &plan.def, &mut row, cx, passes_over)? {
            return Ok(());
        }
        if let Some(bulk) = &mut self.bulk {
            return bulk.add(&row, number);
        }
        let checks_keys = cx.session.foreign_key_checks();
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
            Err(e) if passes_over && matches!(e.code, 1062 | 1452 | 1451) => {
                out.counts.duplicates += 1;
                cx.warn(e.code, e.message);
                Ok(())
            }
            done => done,
        }
    }

    /// Ends the statement.
    pub fn finish(self, tx: &mut Transaction) -> Result<Inserted> {
        self.finish_or(tx, &mut |_, e| Err(e))
    }

    /// Ends the statement; `failed` hears of the row that cannot be written.
    pub fn finish_or(
        mut self,
        tx: &mut Transaction,
        failed: &mut FailedRow<'_>,
    ) -> Result<Inserted> {
        if let Some(bulk) = self.bulk {
            let skips = self.duplicates == Some(Duplicates::Skip);
            let mut refused = None;
            let done = bulk.finish(tx, |number, e| match skips {
                true => self.cx.warn(e.code, e.message.clone()),
                false => refused = Some(number),
            });
            if let (Some(number), Err(e)) = (refused, &done) {
                failed(number, e.clone())?;
            }
            let done = done?;
            let counts = &mut self.out.counts;
            counts.affected += done.added + 2 * done.changed;
            counts.duplicates += done.changed + done.skipped;
        }
        if let Some(numbers) = self.numbers {
            numbers.finish(self.target, tx)?;
        }
        Ok(self.out)
    }
}

/// Evaluates VALUES, all of it before the first row is written.
fn gather(
    plan: &InsertPlan,
    list: &[Vec<Option<Assigned>>],
    cx: &Context<'_>,
) -> Result<Vec<Offered>> {
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
                    if reads_row(&a.expr) || n == 0 && cells.len() > 1 && reads_later(cells) {
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

fn reads_row(e: &crate::expr::Expr) -> bool {
    let mut used = crate::expr::SlotSet::default();
    e.slots_used(&mut used);
    !used.is_empty()
}

fn reads_later(cells: &[Option<Assigned>]) -> bool {
    cells.iter().flatten().any(|a| reads_row(&a.expr))
}

/// Fills in defaults and converts; AUTO_INCREMENT stays NULL for [`Numbers`].
fn complete<'v>(
    plan: &InsertPlan,
    given: impl Iterator<Item = Option<(Value<'v>, &'v SqlType)>>,
    number: u64,
    cx: &Context<'_>,
) -> Result<Vec<OwnedValue>> {
    let def = &plan.def;
    // A BEFORE trigger may still give what is missing.
    let triggers = plan.rules.triggers.as_deref();
    let lenient = triggers.is_some_and(|t| t.has(INSERT, Before));
    let mut row: Vec<OwnedValue> = vec![Value::Null; def.columns.len()];
    let mut set = vec![false; def.columns.len()];
    for (cell, column) in given.zip(&plan.columns) {
        if let Some((v, ty)) = cell {
            set[*column] = true;
            let c = &def.columns[*column];
            if v.is_null() && !c.nullable && !c.auto_increment && !plan.ignore && !lenient {
                return Err(Error::column_not_null(&c.name));
            }
            row[*column] = store_value(&v, ty, def, *column, number, plan.ignore, cx)?;
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
    writer.lock(&encoded.key, LockMode::Exclusive, cx)?;
    writer.lock_unique(&new_entries, &[], cx)?;
    loop {
        let view = writer.view()?;
        let Some(d) = find_duplicate(&writer.state, &view, &encoded, &new_entries, None)? else {
            break;
        };
        drop(view);
        writer.lock(&d.key, LockMode::Exclusive, cx)?;
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
