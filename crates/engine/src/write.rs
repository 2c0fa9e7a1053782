//! Writing rows: encoding, uniqueness, foreign keys, and the statements that change data.

pub(crate) mod bulk;
mod delete;
mod foreign_key;
mod insert;
mod overwrite;
mod update;

use std::cell::RefCell;
use std::sync::Arc;

use model::{Place, keyless_key};
use values::conversion;
use values::{OwnedValue, RowBuilder, Tuple, TupleBuilder, Value};

use crate::bind::dml::{Assigned, RowRules};
use crate::context::Context;
use crate::env::{Env, Slot};
use crate::error::{Error, Result};
use crate::fulltext::tables::{self as fulltext, Part, Tables, Words, whole_row};
use crate::result::Flow;
use crate::root_state::TableState;
use crate::row_locks::LockMode;
use crate::table::TableDef;
use crate::transaction::{LockPlace, Transaction, branch_key, entries, entries_where};
use crate::view::{KeyRange, TableView};

pub use bulk::Duplicates;
pub use delete::delete;
pub use insert::{FailedRow, Inserted, Inserter, RowBatch, insert};
pub use update::update;

/// Rows that UPDATE and DELETE find before they change them.
const FOUND_AT_ONCE: usize = 8192;

/// A table that a statement writes to.
#[derive(Clone)]
pub struct Target {
    /// Database.
    pub handle: Arc<crate::database::DatabaseHandle>,
    /// Branch.
    pub branch: String,
    /// Name as created.
    pub table: String,
    /// Key of the branch in a transaction.
    branch_key: String,
    /// Key of the table in its branch.
    table_key: String,
}

impl Target {
    /// A table by its name as created.
    pub fn new(
        handle: Arc<crate::database::DatabaseHandle>,
        branch: String,
        table: String,
    ) -> Target {
        Target {
            branch_key: branch_key(&handle.key, &branch),
            table_key: table.to_lowercase(),
            handle,
            branch,
            table,
        }
    }

    fn sibling(&self, table: &str) -> Target {
        Target::new(self.handle.clone(), self.branch.clone(), table.to_string())
    }
}

/// A row with its key and value tuples.
pub struct EncodedRow {
    /// Key tuple.
    pub key: Vec<u8>,
    /// Value tuple.
    pub value: Vec<u8>,
}

thread_local! {
    /// Its buffers grow to the size of a row, and stay so.
    static ENCODER: RefCell<RowEncoder> = RefCell::default();
}

/// Encodes the values of a row, which are of their columns' types.
pub fn encode_row(state: &TableState, row: &[OwnedValue]) -> Result<EncodedRow> {
    let mut out = EncodedRow {
        key: Vec::new(),
        value: Vec::new(),
    };
    ENCODER.with_borrow_mut(|e| e.encode(state, row, &mut out.key, &mut out.value))?;
    Ok(out)
}

/// Encodes rows; it keeps what can be used again for the next.
#[derive(Default)]
struct RowEncoder {
    value: RowBuilder,
    key: TupleBuilder,
}

impl RowEncoder {
    fn encode(
        &mut self,
        state: &TableState,
        row: &[OwnedValue],
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
    ) -> Result<()> {
        let layout = state.table.layout();
        let schema = state.table.schema();
        let blobs = state.table.objects().blobs();
        let mut fields: Vec<Value<'_>> = Vec::with_capacity(layout.value_columns().len() + 1);
        if schema.is_keyless() {
            fields.push(Value::UInt(1));
        }
        for c in layout.value_columns() {
            fields.push(row[*c].borrowed());
        }
        key.clear();
        value.clear();
        self.value.build_into(
            layout.value_fields(),
            &fields,
            schema.target_row_size,
            &blobs,
            value,
        )?;
        if schema.is_keyless() {
            *key = keyless_key(value);
            return Ok(());
        }
        self.key.clear();
        for c in layout.key_columns() {
            let column = &schema.columns[*c];
            let v = &row[*c];
            if v.is_null() {
                return Err(Error::column_not_null(&column.name));
            }
            self.key.push_with(|out| {
                values::encode_field(column.encoding.in_key(), &column.sql_type, v, &blobs, out)
            })?;
        }
        Ok(self.key.finish_into(key)?)
    }
}

/// Every column of a stored row; virtual ones are computed.
pub fn decode_row(state: &TableState, key: &[u8], value: &[u8]) -> Result<Vec<OwnedValue>> {
    let layout = &state.view.primary.layout;
    let mut row = Vec::with_capacity(state.def.columns.len());
    for i in 0..state.def.columns.len() {
        row.push(match layout.places.get(i) {
            Some(Some(_)) => layout.column(i, key, value)?.into_owned(),
            _ => Value::Null,
        });
    }
    Ok(row)
}

/// The value of a virtual column of a stored row, for index entries.
///
/// The expression is bound for this one use; statements that write keep theirs bound.
pub fn virtual_value(
    state: &TableState,
    column: usize,
    key: &[u8],
    value: &[u8],
) -> model::Result<OwnedValue> {
    crate::generated::stored_row_value(state, column, key, value)
        .map_err(|e| model::ModelError::corrupt("generated column", e.to_string()))
}

/// Converts an assigned value to its column's type under the session's modes.
pub fn store_value(
    v: &Value<'_>,
    from: &values::SqlType,
    def: &TableDef,
    column: usize,
    row: u64,
    ignore: bool,
    cx: &Context<'_>,
) -> Result<OwnedValue> {
    let c = &def.columns[column];
    match conversion::store(v, from, &c.ty, &cx.conversion) {
        Ok(v) if matches!(c.ty, values::SqlType::Timestamp(_)) => {
            let zone = cx.session.modes().zone;
            Ok(crate::functions::stored_timestamp(&v, zone))
        }
        Ok(v) => Ok(v),
        Err(e) => {
            let text = e.text(&c.name, row);
            match e.adjusted.clone() {
                Some(v) if ignore || !cx.conversion.modes.strict => {
                    cx.warn(e.code(), text);
                    Ok(v)
                }
                _ => Err(Error::new(e.code(), e.sqlstate(), text)),
            }
        }
    }
}

/// An expression's value over a row of columns in slot 0, converted to a column's type.
pub fn assigned(
    a: &Assigned,
    env: &Env<'_>,
    def: &TableDef,
    column: usize,
    row: u64,
    ignore: bool,
) -> Result<OwnedValue> {
    let v = a.expr.eval(env)?;
    store_value(&v, &a.ty, def, column, row, ignore, env.cx)
}

/// Computes generated columns in order, each seeing those before.
pub fn generate(
    rules: &RowRules,
    def: &TableDef,
    row: &mut [OwnedValue],
    cx: &Context<'_>,
    number: u64,
    ignore: bool,
) -> Result<()> {
    for (column, a) in &rules.generated {
        let mut env = Env::new(1, None, cx);
        env.slots[0] = Slot::Row(Arc::from(row.to_vec()));
        row[*column] = assigned(a, &env, def, *column, number, ignore)?;
    }
    Ok(())
}

/// NOT NULL and CHECK. `false`: the row is left out, under IGNORE.
pub fn check_row(
    rules: &RowRules,
    def: &TableDef,
    row: &mut [OwnedValue],
    cx: &Context<'_>,
    ignore: bool,
) -> Result<bool> {
    for (i, c) in def.columns.iter().enumerate() {
        if !c.nullable && row[i].is_null() && !c.is_virtual {
            if !ignore {
                return Err(Error::column_not_null(&c.name));
            }
            cx.warn(1048, format!("Column '{}' cannot be null", c.name));
            row[i] = zero_value(&c.ty);
        }
    }
    if rules.checks.is_empty() {
        return Ok(true);
    }
    let mut env = Env::new(1, None, cx);
    env.slots[0] = Slot::Row(Arc::from(row.to_vec()));
    for (name, check) in &rules.checks {
        if check.truth(&env)? == Some(false) {
            if ignore {
                cx.warn(3819, format!("Check constraint '{name}' is violated."));
                return Ok(false);
            }
            return Err(Error::check_violated(name));
        }
    }
    Ok(true)
}

/// What stands for NULL where NULL is not allowed and the statement goes on.
pub fn zero_value(ty: &values::SqlType) -> OwnedValue {
    use values::SqlType::*;
    match ty {
        Int {
            unsigned: false, ..
        } => Value::Int(0),
        Int { .. } | Bit(_) | Year | Set(..) => Value::UInt(0),
        Enum(..) => Value::UInt(1),
        Float | Double => Value::Float(0.0),
        Decimal { scale, .. } => Value::Decimal(values::Decimal::new(0, *scale)),
        Date => Value::Date(values::Date {
            year: 0,
            month: 0,
            day: 0,
        }),
        DateTime(_) | Timestamp(_) => Value::DateTime(
            values::Date {
                year: 0,
                month: 0,
                day: 0,
            }
            .at_midnight(),
        ),
        Time(_) => Value::Time(values::Time(0)),
        Json => Value::Json(values::Json::null()),
        _ => Value::Bytes(Vec::new().into()),
    }
}

/// A row that stands in the way of another.
pub struct Duplicate {
    /// Key tuple of the row there.
    pub key: Vec<u8>,
    /// Its value tuple.
    pub value: Vec<u8>,
    /// Index that is violated; none is the primary key.
    pub index: Option<usize>,
}

/// The first unique key of `view` that a new row would violate; `except` is the row that it
/// replaces.
pub fn find_duplicate(
    state: &TableState,
    view: &TableView,
    row: &EncodedRow,
    new_entries: &[Option<Vec<u8>>],
    except: Option<&[u8]>,
) -> Result<Option<Duplicate>> {
    let def = &state.def;
    let same = |key: &[u8]| except.is_some_and(|e| view.primary.desc.compare(key, e).is_eq());
    if !def.keyless()
        && !same(&row.key)
        && let Some(found) = view.primary.get(view.changes(None), &row.key)?
    {
        return Ok(Some(Duplicate {
            key: found.key().to_vec(),
            value: found.value().to_vec(),
            index: None,
        }));
    }
    for (i, index) in def.indexes.iter().enumerate() {
        if !index.unique || !index.ordered {
            continue;
        }
        let Some(Some(entry)) = new_entries.get(i) else {
            continue;
        };
        let n = index.columns.len();
        if (0..n).any(|f| Tuple(entry).field(f).is_none()) {
            continue;
        }
        let mut found = None;
        let tree = view.tree(Some(i));
        tree.scan(
            view.changes(Some(i)),
            &KeyRange::prefix(entry, n),
            false,
            &mut |slot| {
                if let Some(existing) = view.row_of_entry(i, slot.key())?
                    && !same(existing.key())
                {
                    found = Some(Duplicate {
                        key: existing.key().to_vec(),
                        value: existing.value().to_vec(),
                        index: Some(i),
                    });
                    return Ok(Flow::Stop);
                }
                Ok(Flow::Continue)
            },
        )?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// MySQL's error 1062 for a row and the key that it violates.
pub fn duplicate_error(state: &TableState, row: &[OwnedValue], index: Option<usize>) -> Error {
    let def = &state.def;
    let (columns, prefixes, name) = match index {
        None => (&def.primary_key, &[][..], "PRIMARY"),
        Some(i) => {
            let x = &def.indexes[i];
            (&x.columns, x.prefixes.as_slice(), x.name.as_str())
        }
    };
    let mut shown = Vec::new();
    for (n, c) in columns.iter().enumerate() {
        if n > 0 {
            shown.push(b'-');
        }
        let start = shown.len();
        values::render_text(&row[*c], &def.columns[*c].ty, &mut shown);
        if let Some(p) = prefixes.get(n).filter(|p| **p > 0) {
            shown.truncate(start + (*p as usize).min(shown.len() - start));
        }
    }
    let mut text = String::from_utf8_lossy(&shown).into_owned();
    if text.len() > 64 {
        let end = (0..=64)
            .rev()
            .find(|i| text.is_char_boundary(*i))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    Error::duplicate_entry(text, format!("{}.{name}", def.name))
}

/// Writes rows of one table within a transaction, with their index entries and cardinality.
pub struct RowWriter<'t> {
    /// The transaction.
    pub tx: &'t mut Transaction,
    /// The table.
    pub target: &'t Target,
    /// Its newest committed version.
    pub state: Arc<TableState>,
}

impl<'t> RowWriter<'t> {
    /// Opens a table for writing.
    pub fn open(tx: &'t mut Transaction, target: &'t Target) -> Result<RowWriter<'t>> {
        let branch = tx.branch(&target.handle, &target.branch)?;
        let open = branch.tables.get(&target.table_key);
        let state = match open.map(|t| t.state.clone()) {
            Some(state) => state,
            None => {
                branch.open_for_write(&target.table)?;
                let open = branch.tables.get(&target.table_key);
                open.map(|t| t.state.clone())
                    .ok_or_else(|| Error::general("table is not open for writing"))?
            }
        };
        Ok(RowWriter { target, state, tx })
    }

    /// The table with everything that the transaction has changed so far.
    pub fn view(&self) -> Result<TableView> {
        let mut view = self.state.view.clone();
        view.overlay = self
            .tx
            .branches
            .get(&self.target.branch_key)
            .and_then(|b| b.tables.get(&self.target.table_key))
            .map(|t| t.overlay.clone());
        Ok(view)
    }

    fn write(
        &mut self,
        key: &[u8],
        value: Option<Vec<u8>>,
        old: &[Option<Vec<u8>>],
        new: &[Option<Vec<u8>>],
    ) -> Result<()> {
        self.tx.write_row(
            &self.target.branch_key,
            &self.target.table_key,
            key,
            value,
            old,
            new,
        )
    }

    /// Locks a row that is to change, come or go, or that others refer to.
    pub(crate) fn lock(&mut self, key: &[u8], mode: LockMode, cx: &Context<'_>) -> Result<()> {
        if self.tx.locking.is_none() {
            return Ok(());
        }
        let place = lock_place(self.target, &self.state);
        let taken = self.tx.lock_row(place, key, mode, None, cx.session);
        taken.map(|_| ())
    }

    /// Locks the table as a whole.
    pub fn lock_table(&mut self, cx: &Context<'_>) -> Result<()> {
        let place = lock_place(self.target, &self.state);
        self.tx.lock_table(place, cx.session)
    }

    /// Locks the keys of unique indexes that a new row is to have, but for those that it has in
    /// `old` already.
    pub fn lock_unique(
        &mut self,
        new: &[Option<Vec<u8>>],
        old: &[Option<Vec<u8>>],
        cx: &Context<'_>,
    ) -> Result<()> {
        if self.tx.locking.is_none() {
            return Ok(());
        }
        let place = lock_place(self.target, &self.state);
        for (i, index) in self.state.def.indexes.iter().enumerate() {
            let Some(Some(entry)) = new.get(i) else {
                continue;
            };
            let n = index.columns.len();
            let null = (0..n).any(|f| Tuple(entry).field(f).is_none());
            let kept = old.get(i).is_some_and(|o| o.as_ref() == Some(entry));
            if index.unique && index.ordered && !null && !kept {
                self.tx.lock_unique(place, i, entry, cx.session)?;
            }
        }
        Ok(())
    }

    /// Index entries of a row.
    pub fn entries(&self, row: &EncodedRow) -> Result<Vec<Option<Vec<u8>>>> {
        entries(&self.state, &row.key, Some(&row.value))
    }

    /// Index entries of a row that takes another's place, but for those that stay as they are.
    pub fn changed_entries(
        &self,
        old: &EncodedRow,
        new: &EncodedRow,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let changes = |i| !self.is_entry_unchanged(i, old, new);
        entries_where(&self.state, &new.key, Some(&new.value), &changes)
    }

    fn is_entry_unchanged(&self, index: usize, old: &EncodedRow, new: &EncodedRow) -> bool {
        let layout = &self.state.table.layout().indexes()[index];
        layout.is_unchanged((&old.key, &old.value), (&new.key, &new.value))
    }

    /// Keeps the tables of full-text indexes in step with a row that comes or goes.
    fn write_words(&mut self, row: &EncodedRow, comes: bool) -> Result<()> {
        let state = self.state.clone();
        let schema = state.table.schema();
        for (i, index) in schema.indexes.iter().enumerate() {
            let (Some(info), Some(words)) = (&index.fulltext, Words::of(schema, i)) else {
                continue;
            };
            let all = whole_row(&state, &row.key, &row.value)?;
            let mut tables = WrittenTables {
                tx: &mut *self.tx,
                target: self.target,
                info,
            };
            match comes {
                true => fulltext::add_row(&mut tables, &words, &all)?,
                false => fulltext::remove_row(&mut tables, &words, &all)?,
            }
        }
        Ok(())
    }

    /// Adds a row that violates no key.
    pub fn put(&mut self, row: &EncodedRow, new: &[Option<Vec<u8>>]) -> Result<()> {
        self.write_words(row, true)?;
        if !self.state.def.keyless() {
            return self.write(&row.key, Some(row.value.clone()), &[], new);
        }
        let view = self.view()?;
        let before = view.primary.get(view.changes(None), &row.key)?;
        let copies = before.as_ref().map_or(0, |s| view.copies(s));
        let value = with_copies(&row.value, copies + 1);
        if copies == 0 {
            self.write(&row.key, Some(value), &[], new)
        } else {
            self.write(&row.key, Some(value), &[], &[])
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, row: &EncodedRow) -> Result<()> {
        self.write_words(row, false)?;
        let old = self.entries(row)?;
        if !self.state.def.keyless() {
            return self.write(&row.key, None, &old, &[]);
        }
        let view = self.view()?;
        let copies = view
            .primary
            .get(view.changes(None), &row.key)?
            .map_or(0, |s| view.copies(&s));
        match copies {
            0 => Ok(()),
            1 => self.write(&row.key, None, &old, &[]),
            n => {
                let value = with_copies(&row.value, n - 1);
                self.write(&row.key, Some(value), &[], &[])
            }
        }
    }

    /// Replaces a row, whose key may change. `new_entries` may lack those that it had before:
    /// see [`RowWriter::changed_entries`].
    pub fn replace(
        &mut self,
        old: &EncodedRow,
        new: &EncodedRow,
        new_entries: &[Option<Vec<u8>>],
    ) -> Result<()> {
        if self.state.def.keyless() {
            self.remove(old)?;
            return self.put(new, new_entries);
        }
        self.write_words(old, false)?;
        self.write_words(new, true)?;
        let gone = |i: usize| {
            let kept = new_entries.get(i).is_some_and(Option::is_none);
            !(kept && self.is_entry_unchanged(i, old, new))
        };
        let old_entries = entries_where(&self.state, &old.key, Some(&old.value), &gone)?;
        if self
            .state
            .view
            .primary
            .desc
            .compare(&old.key, &new.key)
            .is_eq()
        {
            let value = Some(new.value.clone());
            return self.write(&new.key, value, &old_entries, new_entries);
        }
        self.write(&old.key, None, &old_entries, &[])?;
        let value = Some(new.value.clone());
        self.write(&new.key, value, &[], new_entries)
    }

    /// Notes the next AUTO_INCREMENT value to store.
    pub fn set_next_number(&mut self, next: u64) {
        if let Some(t) = self
            .tx
            .branches
            .get_mut(&self.target.branch_key)
            .and_then(|b| b.tables.get_mut(&self.target.table_key))
        {
            t.next_number = Some(t.next_number.unwrap_or(0).max(next));
        }
    }

    /// The next AUTO_INCREMENT value that the table's root knows.
    pub fn stored_number(&self) -> u64 {
        self.state.table.auto_increment()
    }
}

fn lock_place<'p>(target: &'p Target, state: &'p TableState) -> LockPlace<'p> {
    LockPlace {
        handle: &target.handle,
        branch: &target.branch,
        table: &target.table,
        view: &state.view,
    }
}

/// The tables of a full-text index within a transaction.
struct WrittenTables<'a> {
    tx: &'a mut Transaction,
    target: &'a Target,
    info: &'a model::FulltextInfo,
}

impl Tables for WrittenTables<'_> {
    fn state(&mut self, part: Part) -> Result<Arc<TableState>> {
        let target = self.target.sibling(part.name(self.info));
        Ok(RowWriter::open(self.tx, &target)?.state)
    }

    fn get(&mut self, part: Part, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let target = self.target.sibling(part.name(self.info));
        let view = RowWriter::open(self.tx, &target)?.view()?;
        let found = view.primary.get(view.changes(None), key)?;
        Ok(found.map(|slot| slot.value().to_vec()))
    }

    fn write(&mut self, part: Part, key: &[u8], value: Option<Vec<u8>>) -> Result<()> {
        let target = self.target.sibling(part.name(self.info));
        RowWriter::open(self.tx, &target)?.write(key, value, &[], &[])
    }
}

/// A keyless row's value with another number of copies.
pub(crate) fn with_copies(value: &[u8], copies: u64) -> Vec<u8> {
    let mut out = value.to_vec();
    if let Some(count) = out.get_mut(..8) {
        count.copy_from_slice(&copies.to_le_bytes());
    }
    out
}

/// Whether a column's bytes lie in the row's key.
pub fn in_key(state: &TableState, column: usize) -> bool {
    matches!(state.table.layout().place(column), Place::Key(_))
}

/// What a data statement did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Rows that matched (UPDATE) or were offered (INSERT).
    pub matched: u64,
    /// Rows that changed, as MySQL counts them.
    pub affected: u64,
    /// Rows left out as duplicates.
    pub duplicates: u64,
}
