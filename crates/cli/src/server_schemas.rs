//! Definitions of tables as a server tells of them. They are made again in databases of this
//! process, without rows, so that commands see them as they see those of files.

use std::rc::Rc;
use std::sync::Arc;

use engine::instance::{Instance, Settings, SystemClock};
use engine::session::Session;
use model::Root;
use versioning::{DiffStat, TableDelta};

use crate::Failure;
use crate::repository::{Repository, Rows, literal, quoted};

/// A session on an engine without databases.
pub fn session() -> Rc<Session> {
    let settings = Settings {
        cache_bytes: 8 << 20,
        ..Settings::default()
    };
    let instance = Arc::new(Instance::in_memory(settings, Arc::new(SystemClock)));
    let id = instance.next_connection_id();
    Rc::new(Session::new(&instance, id, "root", "localhost"))
}

/// A root with the tables of a revision, `WORKING` or `STAGED`.
pub fn root(repo: &Repository, session: &Session, revision: &str) -> Result<Root, Failure> {
    let run = |sql: &str| -> Result<(), Failure> {
        session.execute(sql.as_bytes(), false, &mut Rows::default())?;
        Ok(())
    };
    let revision_text = literal(revision);
    let listed = repo.query(&format!("SHOW FULL TABLES AS OF {revision_text}"))?;
    let name = quoted(&format!("of {revision}").replace(['/', '@'], " "));
    run(&format!("CREATE DATABASE IF NOT EXISTS {name}"))?;
    run(&format!("USE {name}"))?;
    run("SET foreign_key_checks = 0")?;
    let mut views = Vec::new();
    for i in 0..listed.rows.len() {
        if listed.text(i, 1) != "BASE TABLE" {
            let view = quoted(listed.text(i, 0));
            let text = repo.query(&format!("SHOW CREATE VIEW {view}"))?;
            views.push(text.text(0, 1).to_string());
            continue;
        }
        let table = quoted(listed.text(i, 0));
        let text = repo.query(&format!("SHOW CREATE TABLE {table} AS OF {revision_text}"))?;
        run(text
            .text(0, 1)
            .replacen("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
            .as_str())?;
    }
    // A view may be made of others: each round makes those that can be.
    loop {
        let before = views.len();
        views.retain(|text| run(text).is_err());
        if views.is_empty() || views.len() == before {
            break;
        }
    }
    Ok(session.root_of(&session.current()?)?.root.clone())
}

/// Tables that differ between two revisions, with their definitions.
pub fn deltas(
    repo: &Repository,
    from: &(String, Root),
    to: &(String, Root),
) -> Result<Vec<TableDelta>, Failure> {
    let rows = summary(repo, &from.0, &to.0)?;
    let table = |root: &Root, name: &str| -> Result<Option<model::Table>, Failure> {
        Ok(root.table(name)?.map(|(_, table)| table))
    };
    let mut out = Vec::new();
    for i in 0..rows.rows.len() {
        let (old, new) = (rows.text(i, 0), rows.text(i, 1));
        out.push(TableDelta {
            from: table(&from.1, old)?,
            to: table(&to.1, new)?,
            from_name: old.to_string(),
            to_name: new.to_string(),
            foreign_keys_changed: rows.text(i, 4) == "1",
        });
    }
    Ok(out)
}

/// Names of tables that differ, and how: old and new name, kind, whether rows, whether definitions.
pub fn summary(repo: &Repository, from: &str, to: &str) -> Result<Rows, Failure> {
    repo.query(&format!(
        "SELECT from_table_name, to_table_name, diff_type, data_change, schema_change FROM dolt_diff_summary({}, {})",
        literal(from),
        literal(to)
    ))
}

/// Counts of what differs in a table.
pub fn stat(repo: &Repository, from: &str, to: &str, table: &str) -> Result<DiffStat, Failure> {
    let rows = repo.query(&format!(
        "SELECT rows_added, rows_deleted, rows_modified, rows_unmodified, cells_added, cells_deleted, cells_modified, old_row_count, new_row_count, old_cell_count, new_cell_count FROM dolt_diff_stat({}, {}, {})",
        literal(from),
        literal(to),
        literal(table)
    ))?;
    let number = |column| rows.text(0, column).parse().unwrap_or(0);
    // Keyless tables have no rows that are told to be modified.
    let keyless = rows
        .rows
        .first()
        .is_some_and(|r| r.get(2).is_some_and(Option::is_none));
    Ok(DiffStat {
        keyless,
        rows_added: number(0),
        rows_deleted: number(1),
        rows_modified: number(2),
        rows_unmodified: number(3),
        cells_added: number(4),
        cells_deleted: number(5),
        cells_modified: number(6),
        old_rows: number(7),
        new_rows: number(8),
        old_cells: number(9),
        new_cells: number(10),
    })
}
