//! `dolt_clean` and `dolt_rm`.

use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{branch_of, edit, edit_now};
use crate::dolt::ignore::IgnorePatterns;
use crate::dolt::staging::copy_tables;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const CLEAN_OPTIONS: &[OptionSpec] = &[("dry-run", "", Takes::Flag), ("x", "", Takes::Flag)];

/// Drops tables that were never staged.
pub fn clean(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(CLEAN_OPTIONS, args)?;
    edit(session, db, |e| {
        let (working, staged) = (e.working()?, e.staged()?);
        for name in &a.positional {
            if working.find_table(name)?.is_none() {
                return Err(Error::general(format!(
                    "failed to clean; table not found: '{name}'"
                )));
            }
        }
        let ignore = IgnorePatterns::of(&working)?;
        let mut dropped = Vec::new();
        for (name, _) in working.tables()? {
            let named = a.positional.is_empty()
                || a.positional.iter().any(|n| n.eq_ignore_ascii_case(&name));
            let kept = !a.has("x") && ignore.ignores(&name);
            if named && !kept && staged.table_hash(&name)?.is_none() {
                dropped.push(name);
            }
        }
        if a.has("dry-run") || dropped.is_empty() {
            return Ok(());
        }
        let root = copy_tables(&staged, &working, &dropped)?;
        e.set_working(&root)
    })?;
    Ok(status())
}

const RM_OPTIONS: &[OptionSpec] = &[("cached", "", Takes::Flag)];

fn refuse(tables: &[String], what: &str) -> Result<()> {
    match tables.is_empty() {
        true => Ok(()),
        false => Err(Error::general(format!(
            "error: the table(s) {} {what}",
            tables.join(", ")
        ))),
    }
}

/// Drops tables and stages that.
pub fn rm(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(RM_OPTIONS, args)?;
    branch_of(db).map_err(|_| Error::general("unable to rm in read-only databases"))?;
    if a.positional.is_empty() {
        return Err(Error::general(
            "Nothing specified, nothing removed. Which tables should I remove?",
        ));
    }
    edit_now(session, db, |e| {
        let (working, staged, head) = (e.working()?, e.staged()?, e.head_root()?);
        let (mut missing, mut unstaged, mut indexed) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = Vec::new();
        for name in &a.positional {
            let Some((stored, hash)) = staged.find_table(name)? else {
                match working.find_table(name)? {
                    Some((stored, _)) => unstaged.push(stored),
                    None => missing.push(name.clone()),
                }
                continue;
            };
            if working.table_hash(&stored)?.is_some_and(|w| w != hash) {
                unstaged.push(stored.clone());
            }
            if head.table_hash(&stored)? != Some(hash) {
                indexed.push(stored.clone());
            }
            names.push(stored);
        }
        refuse(&missing, "do not exist")?;
        if !a.has("cached") {
            refuse(&unstaged, "have unstaged changes.")?;
            refuse(
                &indexed,
                "have changes saved in the index. Use --cached or commit.",
            )?;
            for key in working.foreign_keys()?.keys {
                let gone = |t: &str| names.iter().any(|n| n.eq_ignore_ascii_case(t));
                if gone(&key.parent_table) && !gone(&key.child_table) {
                    return Err(Error::general(format!(
                        "unable to remove `{}` since it is referenced from table `{}`",
                        key.parent_table, key.child_table
                    )));
                }
            }
        }
        let empty = model::Root::empty(e.handle.store.objects())?;
        let staged = copy_tables(&empty, &staged, &names)?;
        e.set_staged(&staged)?;
        if !a.has("cached") {
            let working = copy_tables(&empty, &working, &names)?;
            e.set_working(&working)?;
        }
        Ok(())
    })?;
    Ok(status())
}
