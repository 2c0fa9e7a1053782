//! A computed result table, and what LIKE and WHERE leave of it.

use std::sync::Arc;

use syntax::ast::ShowFilter;
use values::{CollationId, LobSize, OwnedValue, SqlType, Value};

use crate::bind::Binder;
use crate::context::Context;
use crate::convert;
use crate::env::{Env, Slot};
use crate::error::Result;
use crate::result::ColumnMeta;
use crate::session::Session;

/// `utf8mb3_general_ci`, by which names of the dictionary are compared.
pub(crate) const NAMES: CollationId = CollationId(33);

/// What a column of a listing holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or word.
    Name,
    /// Text of any length.
    Text,
    /// A whole number.
    Number,
    /// A date with time.
    Moment,
}

impl Kind {
    fn sql_type(self) -> SqlType {
        match self {
            Kind::Name => SqlType::VarChar(255, NAMES),
            Kind::Text => SqlType::Text(LobSize::Long, NAMES),
            Kind::Number => SqlType::BIGINT,
            Kind::Moment => SqlType::DateTime(0),
        }
    }
}

/// A computed result table.
pub(crate) struct Listing {
    pub columns: Vec<ColumnMeta>,
    pub rows: Vec<Vec<OwnedValue>>,
}

impl Listing {
    /// An empty listing with these columns.
    pub fn new(columns: &[(&str, Kind)]) -> Listing {
        let columns = columns
            .iter()
            .map(|(n, k)| ColumnMeta::computed(*n, k.sql_type()))
            .collect();
        Listing {
            columns,
            rows: Vec::new(),
        }
    }

    /// An empty listing whose columns are words.
    pub fn of_words(columns: &[&str]) -> Listing {
        let columns: Vec<_> = columns.iter().map(|n| (*n, Kind::Name)).collect();
        Listing::new(&columns)
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<OwnedValue>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Keeps what LIKE on column `like` or WHERE over all columns leaves.
    pub fn filter(
        &mut self,
        session: &Session,
        filter: Option<&ShowFilter>,
        like: usize,
        text: &[u8],
        params: &[OwnedValue],
    ) -> Result<()> {
        match filter {
            None => Ok(()),
            Some(ShowFilter::Like(pattern)) => {
                let collation = NAMES.get();
                let pattern = pattern.as_bytes();
                self.rows.retain(|row| {
                    let name = convert::to_text(&row[like]);
                    collation.like(&name, pattern, Some('\\'))
                });
                Ok(())
            }
            Some(ShowFilter::Where(condition)) => {
                let modes = session.modes();
                let types: Vec<SqlType> = params
                    .iter()
                    .map(|v| crate::bind::type_of_value(v, modes.connection))
                    .collect();
                let mut binder = Binder::new(session, &modes, text).with_params(&types, params);
                let bound = binder.bind_over_columns(&self.columns, condition)?;
                let views = session.open_views(&binder.tables, false)?;
                let cx = Context::new(session, params, views);
                let mut env = Env::new(1, None, &cx);
                let mut kept = Vec::new();
                for row in std::mem::take(&mut self.rows) {
                    env.slots[0] = Slot::Row(Arc::from(row.as_slice()));
                    let holds = match bound.expr.eval(&env)? {
                        Value::Null => false,
                        v => convert::to_bool(&v, &cx),
                    };
                    if holds {
                        kept.push(row);
                    }
                }
                self.rows = kept;
                Ok(())
            }
        }
    }
}

/// Text, or NULL.
pub(crate) fn maybe(text: Option<impl Into<String>>) -> OwnedValue {
    text.map_or(Value::Null, |t| Value::text(t))
}
