//! `dolt_update_column_tag`.

use super::{ProcedureResult, status};
use crate::dolt::arguments::parse;
use crate::dolt::branch_edit::edit;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

/// Gives a column another tag, in its indexes and foreign keys, too.
pub fn update(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(&[], args)?;
    let [table, column, tag] = a.positional.as_slice() else {
        return Err(Error::general(
            "incorrect number of arguments: must provide <table> <column> <tag>",
        ));
    };
    let new: u64 = tag
        .parse()
        .map_err(|_| Error::general(format!("failed to parse tag {tag}: invalid syntax")))?;
    edit(session, db, |e| {
        let root = e.working()?;
        let Some((name, stored)) = root.table(table)? else {
            return Err(Error::general(format!("table {table} does not exist")));
        };
        let mut schema = (**stored.schema()).clone();
        let failed = |why: String| Error::general(format!("failed to update column tag: {why}"));
        let Some(at) = schema.columns.iter().position(|c| c.name == *column) else {
            return Err(failed(format!("column {column} does not exist")));
        };
        if let Some((other, c)) = schema.column_by_tag(new)
            && other != at
        {
            return Err(failed(format!("tag {new} is that of column {}", c.name)));
        }
        let old = std::mem::replace(&mut schema.columns[at].tag, new);
        let mut keys = root.foreign_keys()?;
        for k in &mut keys.keys {
            let sides = [
                (&k.child_table, &mut k.child_columns),
                (&k.parent_table, &mut k.parent_columns),
            ];
            for (table, tags) in sides {
                let tags = tags.iter_mut().filter(|t| **t == old);
                if table.eq_ignore_ascii_case(&name) {
                    tags.for_each(|t| *t = new);
                }
            }
        }
        let table = stored.with_schema(&schema)?;
        let root = root
            .with_table_hashes([(name.as_str(), Some(table.save()?))])?
            .with_foreign_keys(&keys)?;
        e.set_working(&root)
    })?;
    Ok(status())
}
