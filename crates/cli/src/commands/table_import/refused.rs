//! Rows that cannot be imported, and what is said about them.

use super::Source;
use super::source::Record;
use crate::Failure;
use crate::repository::{Repository, literal, quoted};

/// A failure while rows are moved.
pub fn while_moving(cause: &str) -> Failure {
    Failure::caused("An error occurred while moving data", cause)
}

/// The error of a row that was refused.
pub fn bad_row(table: &str, columns: &[String], record: &Record, cause: &str) -> Failure {
    let cells: String = columns
        .iter()
        .enumerate()
        .map(|(i, c)| format!("\t{c}: {}\n", record.shown(i, "<nil>")))
        .collect();
    Failure::new(format!(
        "A bad row was encountered inserting into table {table} (on line {}):\n{cells}\nAn error occurred while moving data\ncause: {cause}\nErrors during import can be ignored using '--continue'",
        record.line
    ))
}

/// A row as the list of those that were skipped shows it.
pub fn in_brackets(record: &Record) -> String {
    let cells: Vec<String> = (0..record.cells.len())
        .map(|i| record.shown(i, "<nil>"))
        .collect();
    format!("[{}]", cells.join(","))
}

/// The rows that were skipped, said as they come.
pub struct Skipped {
    /// They are counted only.
    pub quiet: bool,
    /// How many.
    pub count: u64,
}

impl Skipped {
    /// Adds a row.
    pub fn add(&mut self, shown: &str) {
        if !self.quiet {
            if self.count == 0 {
                eprintln!("The following rows were skipped:");
            }
            eprintln!("{shown}");
        }
        self.count += 1;
    }
}

/// The error that a key is there already.
pub const DUPLICATE: u16 = 1062;

/// What a row would overwrite that has a primary key that is there already: a row of the table, or
/// an earlier one of the file.
pub fn overwritten(
    repo: &Repository,
    source: &Source<'_>,
    table: &str,
    number: u64,
) -> Result<Option<String>, Failure> {
    let keys = repo.query(&format!(
        "SHOW KEYS FROM {} WHERE Key_name = 'PRIMARY'",
        quoted(table)
    ))?;
    let mut places = Vec::new();
    for i in 0..keys.rows.len() {
        let name = keys.text(i, 4);
        match source
            .columns
            .iter()
            .position(|c| c.eq_ignore_ascii_case(name))
        {
            Some(at) => places.push((at, name)),
            None => return Ok(None),
        }
    }
    let record = source.record(number)?;
    let conditions: Vec<String> = places
        .iter()
        .map(|(at, name)| format!("{} = {}", quoted(name), literal(&record.shown(*at, ""))))
        .collect();
    if conditions.is_empty() {
        return Ok(None);
    }
    let rows = repo.query(&format!(
        "SELECT * FROM {} WHERE {}",
        quoted(table),
        conditions.join(" AND ")
    ))?;
    let existing = match rows.rows.first() {
        Some(row) => {
            let cells = row.iter().map(|c| c.as_deref().unwrap_or("<nil>"));
            Some(format!("[{}]", cells.collect::<Vec<_>>().join(",")))
        }
        None => {
            let mut all = source.rows()?;
            let mut earlier = Record::default();
            let mut found = None;
            for _ in 1..number {
                all.next(&mut earlier)?;
                if places
                    .iter()
                    .all(|(at, _)| earlier.cell(*at) == record.cell(*at))
                {
                    found = Some(in_brackets(&earlier));
                    break;
                }
            }
            found
        }
    };
    let shown = in_brackets(&record);
    Ok(existing.map(|e| format!("row {e} would be overwritten by {shown}")))
}

/// Refuses to empty a table that rows of others refer to.
pub fn check_not_referenced(repo: &Repository, table: &str) -> Result<(), Failure> {
    let tables = repo.tables_of(&repo.live_root(false)?)?;
    let keys = tables.foreign_keys()?;
    let is_it = |name: &str| name.eq_ignore_ascii_case(table);
    let from_elsewhere = keys
        .keys
        .iter()
        .find(|k| is_it(&k.parent_table) && !is_it(&k.child_table));
    match from_elsewhere {
        None => Ok(()),
        Some(k) => Err(while_moving(&format!(
            "cannot truncate table {table} as it is referenced in foreign key {} on table {}",
            k.name, k.child_table
        ))),
    }
}
