//! Expressions of schemas, evaluated for merges.

use std::cell::RefCell;
use std::sync::Arc;

use model::{Check, Objects, Root, Schema, Table};
use values::{OwnedValue, Value};
use versioning::RowLogic;

use crate::bind::Binder;
use crate::bind::dml::{Assigned, DefaultValue, RowRules};
use crate::context::Context;
use crate::env::{Env, Slot};
use crate::error::Result;
use crate::generated::{NoCatalog, stored_modes};
use crate::session::Session;
use crate::table::TableDef;

/// Evaluates defaults, generated columns and checks in a session.
pub struct SessionLogic<'s> {
    session: &'s Session,
    objects: Objects,
    rules: RefCell<Vec<(Schema, Arc<(Arc<TableDef>, RowRules)>)>>,
}

/// Schemas whose rules are kept bound.
const KEPT: usize = 16;

impl<'s> SessionLogic<'s> {
    /// Logic of a session.
    pub fn new(session: &'s Session, objects: &Objects) -> SessionLogic<'s> {
        SessionLogic {
            session,
            objects: objects.clone(),
            rules: RefCell::default(),
        }
    }

    fn rules(&self, table: &str, schema: &Schema) -> Result<Arc<(Arc<TableDef>, RowRules)>> {
        let mut kept = self.rules.borrow_mut();
        if let Some((_, rules)) = kept.iter().find(|(s, r)| r.0.name == table && s == schema) {
            return Ok(rules.clone());
        }
        let shape = Table::new(&self.objects, schema)?;
        let def = Arc::new(crate::root_state::definition(table, &shape, ""));
        let modes = stored_modes();
        let rules = Binder::new(&NoCatalog, &modes, b"").row_rules(&def)?;
        let rules = Arc::new((def, rules));
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.push((schema.clone(), rules.clone()));
        Ok(rules)
    }

    fn evaluate(
        &self,
        a: &Assigned,
        def: &TableDef,
        column: usize,
        row: &[OwnedValue],
    ) -> Result<OwnedValue> {
        let cx = Context::new(self.session, &[], Vec::new());
        let mut env = Env::new(1, None, &cx);
        env.slots[0] = Slot::Row(Arc::from(row.to_vec()));
        crate::write::assigned(a, &env, def, column, 1, false)
    }

    fn value(
        &self,
        table: &str,
        schema: &Schema,
        column: usize,
        row: &[OwnedValue],
    ) -> Result<OwnedValue> {
        let rules = self.rules(table, schema)?;
        let (def, rules) = (&rules.0, &rules.1);
        let generated = rules.generated.iter().find(|(c, _)| *c == column);
        if let Some((_, a)) = generated {
            return self.evaluate(a, def, column, row);
        }
        match rules.defaults.get(column) {
            Some(DefaultValue::Expr(a)) => self.evaluate(a, def, column, row),
            _ => Ok(Value::Null),
        }
    }

    fn holds(
        &self,
        table: &str,
        schema: &Schema,
        check: &Check,
        row: &[OwnedValue],
    ) -> Result<bool> {
        let rules = self.rules(table, schema)?;
        let Some((_, expr)) = rules.1.checks.iter().find(|(name, _)| *name == check.name) else {
            return Ok(true);
        };
        let cx = Context::new(self.session, &[], Vec::new());
        let mut env = Env::new(1, None, &cx);
        env.slots[0] = Slot::Row(Arc::from(row.to_vec()));
        Ok(expr.truth(&env)? != Some(false))
    }
}

fn refused(e: crate::error::Error) -> versioning::Error {
    versioning::Error::Refused(e.message)
}

impl RowLogic for SessionLogic<'_> {
    fn column_value(
        &self,
        table: &str,
        schema: &Schema,
        column: usize,
        row: &[OwnedValue],
    ) -> versioning::Result<OwnedValue> {
        self.value(table, schema, column, row).map_err(refused)
    }

    fn check_holds(
        &self,
        table: &str,
        schema: &Schema,
        check: &Check,
        row: &[OwnedValue],
    ) -> versioning::Result<bool> {
        self.holds(table, schema, check, row).map_err(refused)
    }

    fn rebuild_words(&self, root: &Root, table: &str) -> versioning::Result<Root> {
        crate::fulltext::tables::refilled(root, table, &|_| true).map_err(refused)
    }

    fn merges_json(&self) -> bool {
        !matches!(self.session.variable("dolt_dont_merge_json"), Value::Int(1))
    }
}
