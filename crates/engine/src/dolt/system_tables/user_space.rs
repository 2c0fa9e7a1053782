//! Tables that users fill, as they look before they exist.

use std::sync::Arc;

use values::{CollationId, OwnedValue, SqlType};
use versioning::RowReader;

use super::{
    BOOL, DATETIME6, INT, LONGTEXT, NAME, TEXT, TableMaker, column, emit_all, key, nullable, text,
};
use crate::convert::to_string;
use crate::virtual_table::VirtualTable;

/// The text that dolt_docs shows for agents while there is no other.
const AGENT: &str = "# AGENT.md - Dolt Database Operations Guide\n";

/// Name of that document.
pub const AGENT_DOC: &str = "AGENT.md";

/// The row of that document.
pub fn agent_doc() -> [OwnedValue; 2] {
    [text(AGENT_DOC), text(AGENT)]
}

/// dolt_docs: the stored documents, and that for agents if there is no other.
fn docs(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![key("doc_name", NAME), nullable("doc_text", LONGTEXT)];
    maker.table(columns, |scan, emit| {
        let mut rows = Vec::new();
        let root = crate::dolt::working_root(scan.session(), &scan.db)?;
        if let Some((_, table)) = root.table("dolt_docs")? {
            let reader = RowReader::of(&table);
            for run in table.rows()?.all()? {
                for (key, value) in run?.iter() {
                    rows.push(reader.row(key, value)?);
                }
            }
        }
        let is_agent = |r: &Vec<OwnedValue>| r.first().is_some_and(|n| to_string(n) == AGENT_DOC);
        if !rows.iter().any(is_agent) {
            rows.push(agent_doc().to_vec());
        }
        emit_all(rows, emit)
    })
}

/// A table of this name without rows.
pub fn table(maker: &TableMaker, name: &str) -> Option<Arc<dyn VirtualTable>> {
    let ci = |n| SqlType::VarChar(n, CollationId::UTF8MB4_0900_AI_CI);
    let columns = match name {
        "dolt_schemas" => vec![
            key("type", ci(64)),
            key("name", ci(64)),
            nullable("fragment", LONGTEXT),
            nullable("extra", SqlType::Json),
            nullable("sql_mode", ci(256)),
        ],
        "dolt_procedures" => vec![
            key("name", ci(64)),
            nullable("create_stmt", LONGTEXT),
            nullable("created_at", DATETIME6),
            nullable("modified_at", DATETIME6),
            nullable("sql_mode", ci(256)),
        ],
        "dolt_ignore" => vec![key("pattern", TEXT), column("ignored", BOOL)],
        "dolt_query_catalog" => vec![
            key("id", LONGTEXT),
            column("display_order", INT),
            column("name", TEXT),
            column("query", TEXT),
            column("description", TEXT),
        ],
        "dolt_nonlocal_tables" => vec![
            key("table_name", NAME),
            nullable("target_ref", NAME),
            nullable("ref_table", NAME),
            nullable("options", NAME),
        ],
        "dolt_tests" => vec![
            key("test_name", TEXT),
            nullable("test_group", TEXT),
            column("test_query", TEXT),
            column("assertion_type", TEXT),
            column("assertion_comparator", TEXT),
            nullable("assertion_value", TEXT),
        ],
        "dolt_docs" => return Some(docs(maker)),
        _ => return None,
    };
    Some(maker.table(columns, |_, emit| emit_all(Vec::new(), emit)))
}
