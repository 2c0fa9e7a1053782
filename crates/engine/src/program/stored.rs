//! What the tables `dolt_schemas` and `dolt_procedures` hold of programs (spec 03 §17), parsed once.
//!
//! Functions are rows of `dolt_schemas` of type `function`, which Dolt passes over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chunks::Hash;
use syntax::ast::{self, Statement};
use values::{CollationId, OwnedValue, Value};

use super::compile::options_of;
use super::trigger::in_order;
use super::{Program, Source, compile};
use crate::error::Result;
use crate::result::Flow;
use crate::root_state::RootState;
use crate::table::TableDef;

/// A stored object with a body.
#[derive(Debug)]
pub struct StoredProgram {
    /// Database.
    pub db: String,
    /// Name as created.
    pub name: String,
    /// The whole CREATE statement.
    pub text: Arc<[u8]>,
    /// Its tree.
    pub statement: Statement,
    /// sql_mode at its creation.
    pub sql_mode: String,
    /// Seconds since 1970 of its creation.
    pub created: i64,
    compiled: Mutex<Option<(Hash, Arc<Program>)>>,
}

impl StoredProgram {
    pub(crate) fn new(
        db: &str,
        name: &str,
        text: &str,
        sql_mode: &str,
        created: i64,
    ) -> Option<StoredProgram> {
        let statement = syntax::parse(text, &options_of(sql_mode)).ok()?;
        Some(StoredProgram {
            db: db.to_string(),
            name: name.to_string(),
            text: text.as_bytes().into(),
            statement,
            sql_mode: sql_mode.to_string(),
            created,
            compiled: Mutex::default(),
        })
    }

    /// The trigger that it is.
    pub fn trigger(&self) -> Option<&ast::CreateTrigger> {
        match &self.statement {
            Statement::CreateTrigger(t) => Some(t),
            _ => None,
        }
    }

    /// The procedure or function that it is.
    pub fn routine(&self) -> Option<&ast::CreateRoutine> {
        match &self.statement {
            Statement::CreateProcedure(r) | Statement::CreateFunction(r) => Some(r),
            _ => None,
        }
    }

    /// Its program, compiled when its table's schema is another than last time.
    pub(crate) fn program(
        &self,
        collation: CollationId,
        table: Option<&TableDef>,
    ) -> Result<Arc<Program>> {
        let schema = table.map_or(Hash::EMPTY, |t| t.schema_hash);
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((hash, program)) = &*compiled
            && *hash == schema
        {
            return Ok(program.clone());
        }
        let program = Arc::new(compile(&Source {
            text: self.text.clone(),
            statement: &self.statement,
            sql_mode: &self.sql_mode,
            db: &self.db,
            collation,
            table,
        })?);
        *compiled = Some((schema, program.clone()));
        Ok(program)
    }
}

/// Which versions of the two tables something was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodeVersion {
    schemas: Option<Hash>,
    procedures: Option<Hash>,
}

impl CodeVersion {
    /// The version of a root.
    pub fn of(root: &RootState) -> CodeVersion {
        CodeVersion {
            schemas: root.table_hash("dolt_schemas").ok().flatten(),
            procedures: root.table_hash("dolt_procedures").ok().flatten(),
        }
    }
}

/// The programs of a root.
#[derive(Debug, Default)]
pub struct StoredCode {
    /// By lower-case table name, in firing order among those of an event and time.
    triggers: HashMap<String, Vec<Arc<StoredProgram>>>,
    procedures: HashMap<String, Arc<StoredProgram>>,
    functions: HashMap<String, Arc<StoredProgram>>,
}

impl StoredCode {
    /// Reads the programs of a root.
    pub fn read(root: &RootState) -> Result<StoredCode> {
        let mut code = StoredCode::default();
        let db = &root.db;
        let names = ["type", "name", "fragment", "extra", "sql_mode"];
        rows(root, "dolt_schemas", &names, &mut |row| {
            let text = |i: usize| crate::convert::to_string(&row[i]);
            let kind = text(0);
            if kind != "trigger" && kind != "function" {
                return;
            }
            let stored =
                StoredProgram::new(db, &text(1), &text(2), &text(4), created_seconds(&row[3]));
            let Some(stored) = stored.map(Arc::new) else {
                return;
            };
            match stored.trigger() {
                Some(t) => code
                    .triggers
                    .entry(t.table.name.to_lowercase())
                    .or_default()
                    .push(stored),
                None => {
                    code.functions.insert(stored.name.to_lowercase(), stored);
                }
            }
        })?;
        for list in code.triggers.values_mut() {
            *list = in_order(std::mem::take(list));
        }
        let names = ["name", "create_stmt", "sql_mode"];
        rows(root, "dolt_procedures", &names, &mut |row| {
            let text = |i: usize| crate::convert::to_string(&row[i]);
            if let Some(p) = StoredProgram::new(db, &text(0), &text(1), &text(2), 0) {
                code.procedures.insert(text(0).to_lowercase(), Arc::new(p));
            }
        })?;
        Ok(code)
    }

    /// Triggers of a table.
    pub fn triggers(&self, table: &str) -> &[Arc<StoredProgram>] {
        self.triggers
            .get(&table.to_lowercase())
            .map_or(&[], Vec::as_slice)
    }

    /// Every trigger.
    pub fn all_triggers(&self) -> impl Iterator<Item = &Arc<StoredProgram>> {
        self.triggers.values().flatten()
    }

    /// A procedure.
    pub fn procedure(&self, name: &str) -> Option<&Arc<StoredProgram>> {
        self.procedures.get(&name.to_lowercase())
    }

    /// A function.
    pub fn function(&self, name: &str) -> Option<&Arc<StoredProgram>> {
        self.functions.get(&name.to_lowercase())
    }
}

/// Rows of a stored system table by column names; a missing column is NULL.
pub(crate) fn rows(
    root: &RootState,
    table: &str,
    names: &[&str],
    each: &mut dyn FnMut(Vec<OwnedValue>),
) -> Result<()> {
    let Some(state) = root.table(table)? else {
        return Ok(());
    };
    let places: Vec<Option<usize>> = names.iter().map(|n| state.def.column(n)).collect();
    crate::exec::table_rows(&state.view, &mut |slot| {
        let row = crate::write::decode_row(&state, slot.key(), slot.value())?;
        let picked = places
            .iter()
            .map(|p| p.and_then(|i| row.get(i).cloned()).unwrap_or(Value::Null))
            .collect();
        each(picked);
        Ok(Flow::Continue)
    })?;
    Ok(())
}

/// `CreatedAt` of the column `extra`; 1 when there is none.
pub(crate) fn created_seconds(extra: &OwnedValue) -> i64 {
    let Value::Json(json) = extra else {
        return 1;
    };
    let text = crate::convert::to_string(&Value::Json(json.clone()));
    let digits: String = text
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(1)
}
