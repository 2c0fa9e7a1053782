//! `dolt_conflicts_resolve`.

use versioning::artifact::artifact_counts;
use versioning::conflict::{resolve_ours, resolve_theirs};
use versioning::find_foreign_key_violations;

use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::edit;
use crate::dolt::logic::SessionLogic;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[("ours", "", Takes::Flag), ("theirs", "", Takes::Flag)];

const SCHEMA_CONFLICTS: &str = "Unable to automatically resolve schema conflicts since data changes may not have been fully merged yet. To continue, abort this merge (dolt merge --abort) then apply ALTER TABLE statements to one side of this merge to get the two schemas in sync with the desired schema, then rerun the merge. To track resolution of this limitation, follow https://github.com/dolthub/dolt/issues/6616";

/// Resolves conflicts by taking our rows or theirs.
pub fn resolve(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let theirs = a.has("theirs");
    match (a.has("ours"), theirs) {
        (true, true) => return Err(Error::general("specify only either --ours or --theirs")),
        (false, false) => return Err(Error::general("--ours or --theirs must be supplied")),
        _ => {}
    }
    if a.positional.is_empty() {
        return Err(Error::general(
            "specify at least one table to resolve conflicts",
        ));
    }
    edit(session, db, |e| {
        if e.set
            .merge
            .as_ref()
            .is_some_and(|m| !m.unmergable_tables.is_empty())
        {
            return Err(Error::general(SCHEMA_CONFLICTS));
        }
        let before = e.working()?;
        let mut root = before.clone();
        let names = match a.positional.as_slice() {
            [dot] if dot == "." => before.tables()?.into_iter().map(|t| t.0).collect(),
            names => names.to_vec(),
        };
        let logic = SessionLogic::new(session, e.handle.store.objects());
        for name in names {
            let Some((stored, table)) = before.table(&name)? else {
                return Err(Error::general("table not found"));
            };
            if artifact_counts(&table)?.0 == 0 {
                continue;
            }
            let resolved = match theirs {
                true => resolve_theirs(&stored, &table, &logic)?,
                false => resolve_ours(&table)?,
            };
            let after = root.with_table(&stored, &resolved)?;
            let checked = find_foreign_key_violations(&after, &root, None, &e.head.0)?;
            if checked.id()? != after.id()? {
                return Err(Error::general(format!(
                    "resolving conflicts for table {stored} created foreign key violations"
                )));
            }
            root = after;
        }
        e.set_working(&root)
    })?;
    Ok(status())
}
