//! `dolt_branch_control` and `dolt_branch_namespace_control`: the same rows in every database.

use std::sync::Arc;

use values::Value;

use super::{TableMaker, column, emit_all, key, text};
use crate::branch_control::columns;
use crate::virtual_table::VirtualTable;

/// The table of this name.
pub fn table(maker: &TableMaker, name: &str) -> Arc<dyn VirtualTable> {
    let columns: Vec<_> = columns(name).into_iter().collect();
    let has_permissions = columns.len() > 4;
    let columns = columns
        .into_iter()
        .enumerate()
        .map(|(i, (name, ty))| match i {
            4 => column(name, ty),
            _ => key(name, ty),
        })
        .collect();
    maker.table(columns, move |scan, emit| {
        let rules = scan.session().instance.branch_control.read();
        let texts = |list: &[String; 4]| list.iter().map(text).collect::<Vec<_>>();
        if !has_permissions {
            return emit_all(rules.namespace().iter().map(|p| texts(&p.texts)), emit);
        }
        let rows = rules.access().map(|row| {
            let mut cells = texts(&row.pattern.texts);
            cells.push(Value::UInt(row.permissions.bits()));
            cells
        });
        emit_all(rows, emit)
    })
}
