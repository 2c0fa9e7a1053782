//! Names that `dolt_nonlocal_tables` gives to tables of other revisions (spec 04 §6.7).

use versioning::RowReader;

use super::ignore::matches_pattern;
use super::revision::working_root;
use crate::convert::to_string;
use crate::error::{Error, Result};
use crate::root_state::RootState;
use crate::session::{DbRef, Session};

/// The table of the names.
pub const TABLE: &str = "dolt_nonlocal_tables";

/// What a name stands for.
pub struct Nonlocal {
    /// A branch, whose working set is meant, or another revision; none is the same branch.
    pub target: Option<String>,
    /// Name of the table there.
    pub table: String,
}

/// What a name stands for in a database whose root is given; none where it has no other meaning.
pub fn find(
    session: &Session,
    db: &DbRef,
    root: &RootState,
    name: &str,
) -> Result<Option<Nonlocal>> {
    if !root.has_table(TABLE) || name.eq_ignore_ascii_case(TABLE) {
        return Ok(None);
    }
    // The session's own changes of the names count.
    let root = working_root(session, db)?;
    let Some((_, table)) = root.table(TABLE)? else {
        return Ok(None);
    };
    let (reader, schema) = (RowReader::of(&table), table.schema());
    let position = |column: &str| {
        schema
            .column_index(column)
            .ok_or_else(|| Error::general(format!("{TABLE} has no column {column}")))
    };
    let (pattern, target) = (position("table_name")?, position("target_ref")?);
    let (renamed, options) = (position("ref_table")?, position("options")?);
    let name = name.to_lowercase();
    for run in table.rows()?.all()? {
        for (key, value) in run?.iter() {
            let text = |column: usize| -> Result<Option<String>> {
                let v = reader.value(column, key, value)?;
                Ok((!v.is_null())
                    .then(|| to_string(&v))
                    .filter(|t| !t.is_empty()))
            };
            let pattern = text(pattern)?.unwrap_or_default().to_lowercase();
            if !matches_pattern(&pattern, &name) {
                continue;
            }
            let options = text(options)?.unwrap_or_default();
            if options != "immediate" {
                return Err(Error::general(format!(
                    "Invalid nonlocal table options {options}: only valid value is 'immediate'."
                )));
            }
            return Ok(Some(Nonlocal {
                target: text(target)?,
                table: text(renamed)?.unwrap_or(name),
            }));
        }
    }
    Ok(None)
}
