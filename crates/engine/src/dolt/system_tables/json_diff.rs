//! `dolt_json_diff(from, to)`: what differs between two documents.

use std::sync::Arc;

use values::{Json, OwnedValue, SqlType, Value};
use versioning::{JsonDifference, json_diff};

use super::{TEXT, TableMaker, column, emit_all, text};
use crate::error::{Error, Result};
use crate::virtual_table::VirtualTable;

/// The function's table.
pub fn function(maker: &TableMaker, arguments: usize) -> Result<Arc<dyn VirtualTable>> {
    if arguments != 2 {
        return Err(Error::general(format!(
            "function 'dolt_json_diff' expected 2 arguments, {arguments} received"
        )));
    }
    let columns = vec![
        column("diff_type", TEXT),
        column("path", TEXT),
        column("from_value", SqlType::Json),
        column("to_value", SqlType::Json),
    ];
    Ok(maker.table(columns, |scan, emit| {
        let document = |i: usize| -> Result<Option<Json>> {
            Ok(match &scan.args[i] {
                Value::Null => None,
                Value::Json(j) => Some(j.clone()),
                v => Some(
                    Json::parse(&crate::convert::to_string(v))
                        .map_err(|e| Error::general(format!("Invalid JSON text: {e}")))?,
                ),
            })
        };
        let whole = |from, to| {
            vec![JsonDifference {
                path: "$".to_string(),
                from,
                to,
            }]
        };
        let found = match (document(0)?, document(1)?) {
            (None, None) => Vec::new(),
            (Some(from), Some(to)) => json_diff(&from, &to),
            (from, to) => whole(from, to),
        };
        let rows = found.into_iter().map(|d| {
            let kind = match (&d.from, &d.to) {
                (None, _) => "added",
                (_, None) => "removed",
                _ => "modified",
            };
            let value = |j: Option<Json>| j.map_or(Value::Null, Value::Json);
            vec![text(kind), text(d.path), value(d.from), value(d.to)]
        });
        emit_all(rows.collect::<Vec<Vec<OwnedValue>>>(), emit)
    }))
}
