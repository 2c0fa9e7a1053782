//! What one running statement knows: its session, parameters, opened tables, and what it has
//! computed once.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use values::conversion;
use values::{DateTime, OwnedValue, Value};

use crate::env::Slot;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::view::TableView;

/// The values of `x IN (SELECT ..)`, gathered once.
pub struct ValueSet {
    /// Keys by [`crate::eval::hash_key`].
    pub keys: HashSet<Vec<u8>>,
    /// Whether NULL is among the values.
    pub null: bool,
}

type Rows = Arc<Vec<Arc<[OwnedValue]>>>;
type HashTable = Arc<HashMap<Vec<u8>, Vec<Slot>>>;

/// A running statement.
pub struct Context<'s> {
    /// Whose statement it is.
    pub session: &'s Session,
    /// Values of parameters.
    pub params: &'s [OwnedValue],
    /// Modes of conversions, and the warnings that they leave.
    pub conversion: conversion::Context,
    /// Start of the statement in the session's time zone.
    pub now: DateTime,
    /// Start of the statement, microseconds since 1970 in UTC.
    pub now_micros: i64,
    tables: Vec<TableView>,
    rows: RefCell<HashMap<usize, Rows>>,
    sets: RefCell<HashMap<usize, Arc<ValueSet>>>,
    hashes: RefCell<HashMap<usize, HashTable>>,
    work: RefCell<HashMap<usize, Rows>>,
    /// State of RAND(seed), by call site.
    pub random: RefCell<HashMap<usize, (u32, u32)>>,
    checks: Cell<u32>,
    /// The statement says IGNORE: some errors of its expressions are warnings.
    pub ignores: Cell<bool>,
}

impl<'s> Context<'s> {
    /// A statement of `session` over opened tables.
    pub fn new(
        session: &'s Session,
        params: &'s [OwnedValue],
        tables: Vec<TableView>,
    ) -> Context<'s> {
        let (now, now_micros) = session.statement_time();
        let mut conversion = conversion::Context::new(session.conversion_modes());
        conversion.today = Some(now.date);
        Context {
            session,
            params,
            conversion,
            now,
            now_micros,
            tables,
            rows: RefCell::default(),
            sets: RefCell::default(),
            hashes: RefCell::default(),
            work: RefCell::default(),
            random: RefCell::default(),
            checks: Cell::new(0),
            ignores: Cell::new(false),
        }
    }

    /// An opened table by its number in the plan.
    pub fn table(&self, number: usize) -> Result<&TableView> {
        self.tables
            .get(number)
            .ok_or_else(|| Error::general("table is not open"))
    }

    /// Every table that the statement has opened.
    pub fn opened(&self) -> &[TableView] {
        &self.tables
    }

    /// Leaves a warning.
    pub fn warn(&self, code: u16, text: impl Into<String>) {
        let text = text.into();
        self.conversion.warn(code, || text);
    }

    /// Fails when the statement has been killed or has run out of time.
    pub fn check_interrupt(&self) -> Result<()> {
        let n = self.checks.get();
        self.checks.set(n.wrapping_add(1));
        if n.is_multiple_of(64) {
            self.session.check_interrupt()
        } else {
            Ok(())
        }
    }

    /// A variable of the running stored program.
    pub fn local(&self, place: usize) -> OwnedValue {
        self.session.local(place)
    }

    /// Rounds that a recursive query may take.
    pub fn recursion_limit(&self) -> u64 {
        match self.session.variable("cte_max_recursion_depth") {
            Value::Int(n) if n >= 0 => n as u64,
            Value::UInt(n) => n,
            _ => 1000,
        }
    }

    /// Bytes that GROUP_CONCAT may give.
    pub fn group_concat_max_len(&self) -> usize {
        match self.session.variable("group_concat_max_len") {
            Value::Int(n) if n > 0 => n as usize,
            Value::UInt(n) => n as usize,
            _ => 1024,
        }
    }

    /// Rows that were kept under a cache number.
    pub fn cached_rows(&self, cache: usize) -> Option<Rows> {
        self.rows.borrow().get(&cache).cloned()
    }

    /// Keeps rows under a cache number.
    pub fn cache_rows(&self, cache: usize, rows: Vec<Arc<[OwnedValue]>>) -> Rows {
        let rows = Arc::new(rows);
        self.rows.borrow_mut().insert(cache, rows.clone());
        rows
    }

    /// The set that was kept under a cache number.
    pub fn cached_set(&self, cache: usize) -> Option<Arc<ValueSet>> {
        self.sets.borrow().get(&cache).cloned()
    }

    /// Keeps a set under a cache number.
    pub fn cache_set(&self, cache: usize, keys: HashSet<Vec<u8>>, null: bool) -> Arc<ValueSet> {
        let set = Arc::new(ValueSet { keys, null });
        self.sets.borrow_mut().insert(cache, set.clone());
        set
    }

    /// The hash table of a join item.
    pub fn hash_table(&self, item: usize) -> Option<HashTable> {
        self.hashes.borrow().get(&item).cloned()
    }

    /// Keeps the hash table of a join item.
    pub fn keep_hash_table(&self, item: usize, map: HashMap<Vec<u8>, Vec<Slot>>) -> HashTable {
        let map = Arc::new(map);
        self.hashes.borrow_mut().insert(item, map.clone());
        map
    }

    /// Forgets hash tables, whose rows may have changed.
    pub fn forget_hash_tables(&self) {
        self.hashes.borrow_mut().clear();
    }

    /// Rows of the last round of a recursive query.
    pub fn work_rows(&self, work: usize) -> Rows {
        self.work.borrow().get(&work).cloned().unwrap_or_default()
    }

    /// Sets the rows of the last round of a recursive query.
    pub fn set_work_rows(&self, work: usize, rows: Rows) {
        self.work.borrow_mut().insert(work, rows);
    }
}
