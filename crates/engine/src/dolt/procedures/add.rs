//! `dolt_add`.

use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::edit;
use crate::dolt::staging::{stage_all, stage_tables};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("all", "A", Takes::Flag),
    ("force", "f", Takes::Flag),
    ("branch", "", Takes::Value),
];

/// Stages tables.
pub fn add(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let db = match a.get("branch") {
        Some(branch) => session.resolve_database(&format!("{}/{branch}", db.handle.name))?,
        None => db.clone(),
    };
    let all = a.has("all") || a.positional == ["."];
    if !all && a.positional.is_empty() {
        return Err(Error::general(
            "Nothing specified, nothing added. Maybe you wanted to say 'dolt add .'?",
        ));
    }
    edit(session, &db, |e| {
        let (staged, working) = (e.staged()?, e.working()?);
        let root = match all {
            true => stage_all(&staged, &working, true, a.has("force"))?,
            false => stage_tables(&staged, &working, &a.positional, a.has("force"))?,
        };
        e.set_staged(&root)
    })?;
    Ok(status())
}
