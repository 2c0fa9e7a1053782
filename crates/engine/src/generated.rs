//! Virtual columns of stored rows, where only the stored row is at hand: index entries at commit.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use chunks::Hash;
use syntax::ast::VarScope;
use values::{CollationId, OwnedValue, SqlType, Value};

use crate::bind::{Binder, Catalog, Modes, Resolved};
use crate::ddl::stored_text;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::root_state::TableState;
use crate::virtual_table::VirtualTable;

/// A catalog of nothing: generated columns read only their own row.
pub struct NoCatalog;

impl Catalog for NoCatalog {
    fn resolve_table(
        &self,
        _: Option<&str>,
        name: &str,
        _: Option<&OwnedValue>,
    ) -> Result<Resolved> {
        Err(Error::unknown_table(name))
    }
    fn resolve_function(
        &self,
        _: Option<&str>,
        name: &str,
        _: &[Option<OwnedValue>],
    ) -> Result<Arc<dyn VirtualTable>> {
        Err(Error::unknown_function(name))
    }
    fn current_database(&self) -> Option<String> {
        None
    }
    fn user_variable(&self, _: &str) -> OwnedValue {
        Value::Null
    }
    fn system_variable(&self, _: Option<VarScope>, name: &str) -> Result<OwnedValue> {
        Err(Error::unknown_variable(name))
    }
    fn constant(&self, _: &Expr) -> Result<OwnedValue> {
        Err(Error::general("not a constant"))
    }
}

/// Modes for texts that the schema stores.
pub fn stored_modes() -> Modes {
    Modes {
        zone: crate::time_zone::Zone::UTC,
        only_full_group_by: false,
        connection: CollationId::DEFAULT,
        div_increment: 4,
        schema_override: String::new(),
        syntax: syntax::Options::default(),
    }
}

thread_local! {
    /// Bound expressions of virtual columns by schema and column; a few tables are written at once.
    static BOUND: RefCell<HashMap<(Hash, usize), Arc<(Expr, SqlType)>>> = RefCell::default();
}

thread_local! {
    /// A session of no connection, for expressions that stand on a row alone.
    static DETACHED: crate::session::Session = {
        let settings = crate::instance::Settings::default();
        let clock = Arc::new(crate::instance::SystemClock);
        let instance = Arc::new(crate::instance::Instance::in_memory(settings, clock));
        crate::session::Session::new(&instance, 0, "", "")
    };
}

/// Runs `f` in a statement of no session.
pub fn with_detached<T>(f: impl FnOnce(&crate::context::Context<'_>) -> T) -> T {
    DETACHED.with(|s| f(&crate::context::Context::new(s, &[], Vec::new())))
}

/// Expressions kept bound per thread.
const KEPT: usize = 256;

fn bound(state: &TableState, column: usize) -> Result<Arc<(Expr, SqlType)>> {
    let key = (state.def.schema_hash, column);
    if let Some(e) = BOUND.with_borrow(|m| m.get(&key).cloned()) {
        return Ok(e);
    }
    let modes = stored_modes();
    let text = &state.def.columns[column].generated;
    let e = stored_text::parse(text)?;
    let mut binder = Binder::new(&NoCatalog, &modes, text.as_bytes());
    let t = binder.bind_over_table(&state.def, &state.def.name, &e, "generated column function")?;
    let e = Arc::new((t.expr, t.ty));
    BOUND.with_borrow_mut(|m| {
        if m.len() >= KEPT {
            m.clear();
        }
        m.insert(key, e.clone());
    });
    Ok(e)
}

/// The value of a virtual column over a stored row.
pub fn stored_row_value(
    state: &TableState,
    column: usize,
    key: &[u8],
    value: &[u8],
) -> Result<OwnedValue> {
    let e = bound(state, column)?;
    with_detached(|cx| {
        let mut env = crate::env::Env::new(1, None, cx);
        env.slots[0] = crate::env::Slot::Pair(Arc::new((key.to_vec(), value.to_vec())));
        env.layouts[0] = Some(state.view.primary.layout.clone());
        let v = e.0.eval(&env)?.into_owned();
        let ty = &state.def.columns[column].ty;
        values::conversion::store(&v, &e.1, ty, &cx.conversion).or_else(|e| {
            e.adjusted
                .ok_or_else(|| Error::general("generated value does not fit"))
        })
    })
}
