//! Tables that are computed: system tables, information_schema, table functions.

use std::fmt;

use values::{OwnedValue, SqlType};

use crate::context::Context;
use crate::error::Result;
use crate::expr::CompareOp;
use crate::result::Flow;

/// A column of a virtual table.
#[derive(Clone, Debug)]
pub struct VirtualColumn {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: SqlType,
    /// Accepts NULL.
    pub nullable: bool,
    /// Part of what identifies a row.
    pub primary_key: bool,
    /// Left out of `*`.
    pub hidden: bool,
}

impl VirtualColumn {
    /// An ordinary column.
    pub fn new(name: &str, ty: SqlType, nullable: bool) -> VirtualColumn {
        VirtualColumn {
            name: name.to_string(),
            ty,
            nullable,
            primary_key: false,
            hidden: false,
        }
    }
}

/// What a scan may use to read less; every condition is checked again afterwards.
#[derive(Debug, Default)]
pub struct Hints {
    /// `column = value`.
    pub equals: Vec<(usize, OwnedValue)>,
    /// `column op value`.
    pub compares: Vec<(usize, CompareOp, OwnedValue)>,
}

impl Hints {
    /// The text that a column must equal, if one is known.
    pub fn text(&self, column: usize) -> Option<String> {
        self.equals
            .iter()
            .find(|(c, _)| *c == column)
            .and_then(|(_, v)| match v {
                values::Value::Bytes(b) => Some(String::from_utf8_lossy(b).into_owned()),
                _ => None,
            })
    }
}

/// A table whose rows are computed when it is read.
pub trait VirtualTable: fmt::Debug + Send + Sync {
    /// Name of the table.
    fn name(&self) -> &str;
    /// Database that it belongs to.
    fn database(&self) -> &str;
    /// Columns in order.
    fn columns(&self) -> &[VirtualColumn];
    /// Produces rows until `emit` wants no more. `args` are the arguments of a table function.
    fn scan(
        &self,
        cx: &Context<'_>,
        args: &[OwnedValue],
        hints: &Hints,
        emit: &mut dyn FnMut(Vec<OwnedValue>) -> Result<Flow>,
    ) -> Result<Flow>;
}
