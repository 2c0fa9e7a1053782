//! `dolt_checkout`.

use model::ref_name;
use values::Value;

use super::branch::{create, set_upstream};
use super::{ProcedureResult, row, text};
use crate::dolt::arguments::{Arguments, OptionSpec, Takes, parse};
use crate::dolt::branch_edit::edit;
use crate::dolt::ignore::IgnorePatterns;
use crate::dolt::revision;
use crate::dolt::staging::copy_tables;
use crate::error::{Error, Result};
use crate::session::{DbRef, Revision, Session};

const OPTIONS: &[OptionSpec] = &[
    ("b", "", Takes::Value),
    ("B", "", Takes::Value),
    ("force", "f", Takes::Flag),
    ("track", "t", Takes::Value),
    ("overwrite-ignore", "", Takes::Flag),
    ("no-overwrite-ignore", "", Takes::Flag),
    ("move", "m", Takes::Flag),
];

fn done(message: impl Into<String>) -> ProcedureResult {
    row([("status", Value::Int(0)), ("message", text(message))])
}

/// Switches the session to a branch, or restores tables.
pub fn checkout(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    if a.has("b") && a.has("B") {
        return Err(Error::general("Improper usage. Cannot use both -b and -B."));
    }
    if a.has("overwrite-ignore") && a.has("no-overwrite-ignore") {
        return Err(Error::general(
            "error: --overwrite-ignore and --no-overwrite-ignore are mutually exclusive",
        ));
    }
    if a.has("b") || a.has("B") || a.has("track") {
        return create_and_switch(session, db, &a);
    }
    let Some(first) = a.positional.first() else {
        return Err(Error::general("Improper usage."));
    };
    if first.is_empty() {
        return Err(Error::general("error: cannot checkout empty string"));
    }
    match a.separator {
        Some(0) => return restore(session, db, &a.positional),
        Some(1) if a.positional.len() == 1 => return one(session, db, &a, first, false),
        Some(1) => return from_commit(session, db, first, &a.positional[1..]),
        Some(n) => {
            return Err(Error::general(format!(
                "only one reference expected, {n} given"
            )));
        }
        None => {}
    }
    if a.positional.len() == 1 {
        return one(session, db, &a, first, true);
    }
    let known = revision::working_root(session, db)?
        .find_table(first)?
        .is_some();
    match !known && revision::commit(db, first).is_ok() {
        true => from_commit(session, db, first, &a.positional[1..]),
        false => restore(session, db, &a.positional),
    }
}

fn create_and_switch(session: &Session, db: &DbRef, a: &Arguments) -> Result<ProcedureResult> {
    if let Revision::Commit(_) = db.revision {
        return Err(Error::general(
            "unable to create new branch in a read-only database",
        ));
    }
    let track = a.get("track").map(str::to_owned);
    if track.as_deref() == Some("inherit") {
        return Err(Error::general("--track='inherit' is not supported yet"));
    }
    let positional = a.positional.first().cloned();
    if a.positional.len() > 1 {
        return Err(Error::general(format!(
            "only one reference expected, {} given",
            a.positional.len()
        )));
    }
    let start = track
        .clone()
        .or(positional)
        .unwrap_or_else(|| "head".to_string());
    let name = match a.get("b").or(a.get("B")) {
        Some("") => return Err(Error::general("error: cannot checkout empty string")),
        Some(name) => name.to_string(),
        None => match start.split_once('/') {
            Some((_, branch)) => branch.to_string(),
            None => return Err(Error::general("Improper usage.")),
        },
    };
    check_ignored(session, db, a, &start)?;
    session.commit_transaction()?;
    create(session, db, &name, &start, a.has("B"))?;
    let tracks = start.contains('/') && set_upstream(db, &name, &start)?;
    switch(session, db, &name)?;
    let mut message = format!("Switched to branch '{name}'");
    if tracks {
        message += &format!("\nbranch '{name}' set up to track '{start}'.");
    }
    Ok(done(message))
}

/// Fails where the target has another version of a table that is ignored here.
fn check_ignored(session: &Session, db: &DbRef, a: &Arguments, to: &str) -> Result<()> {
    if !a.has("no-overwrite-ignore") {
        return Ok(());
    }
    let working = revision::working_root(session, db)?;
    let ignore = IgnorePatterns::of(&working)?;
    let target = revision::commit_root(db, revision::commit(db, to)?)?;
    let mut lost = Vec::new();
    for (name, hash) in working.tables()? {
        let there = target.table_hash(&name)?;
        if ignore.ignores(&name) && there.is_some_and(|h| h != hash) {
            lost.push(name);
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    Err(Error::general(format!(
        "The following ignored tables would be overwritten by checkout:\n\t{}\nPlease move or remove them before you switch branches.\nUse --overwrite-ignore to force.\n",
        lost.join("\n\t")
    )))
}

fn switch(session: &Session, db: &DbRef, branch: &str) -> Result<()> {
    db.handle.branch_state(branch)?;
    session.set_head(&db.handle, branch);
    session.use_database(&db.handle.name)
}

/// Switches to what a single word names; it may also be a table where `or_table` says so.
fn one(
    session: &Session,
    db: &DbRef,
    a: &Arguments,
    name: &str,
    or_table: bool,
) -> Result<ProcedureResult> {
    let store = &db.handle.store;
    if name == "." && or_table {
        return restore(session, db, &[name.to_string()]);
    }
    let root = revision::working_root(session, db)?;
    if let Some(branch) = store.find_branch(name)? {
        if db.revision == Revision::Branch(branch.clone()) {
            return Ok(done(format!("Already on branch '{branch}'")));
        }
        check_ignored(session, db, a, &branch)?;
        // What is open belongs to the branch that is left, and stays there.
        session.commit_transaction()?;
        switch(session, db, &branch)?;
        return Ok(done(format!("Switched to branch '{branch}'")));
    }
    if store.tag(name)?.is_some() {
        return Err(Error::general(format!(
            "dolt does not support a detached head state. To create a branch at this tag, run: \n\tCALL DOLT_CHECKOUT('{name}', '-b', <new_branch_name>)"
        )));
    }
    if ref_name::is_hash(name) && revision::commit(db, name).is_ok() {
        return Err(Error::general(format!(
            "dolt does not support a detached head state. To create a branch at this commit instead, run:\n\tCALL DOLT_CHECKOUT('{name}', '-b', <new_branch_name>)"
        )));
    }
    let mut tracking = Vec::new();
    for remote in store.repo_state().remotes.keys() {
        if store
            .get_ref(&ref_name::remote_branch(remote, name))
            .is_some()
        {
            tracking.push(format!("{remote}/{name}"));
        }
    }
    let is_table = or_table && root.find_table(name)?.is_some();
    match tracking.as_slice() {
        [upstream] if is_table => {
            let _ = upstream;
            Err(Error::general(format!(
                "'{name}' could be both a local table and a tracking branch.\nPlease use -- to disambiguate."
            )))
        }
        [upstream] => {
            check_ignored(session, db, a, upstream)?;
            session.commit_transaction()?;
            create(session, db, name, upstream, false)?;
            set_upstream(db, name, upstream)?;
            switch(session, db, name)?;
            Ok(done(format!(
                "Switched to branch '{name}'\nbranch '{name}' set up to track '{upstream}'."
            )))
        }
        [] => restore(session, db, &[name.to_string()]),
        many => Err(Error::general(format!(
            "'{name}' matched multiple ({}) remote tracking branches",
            many.len()
        ))),
    }
}

/// Takes tables of the working root back to how they are staged, or committed.
fn restore(session: &Session, db: &DbRef, names: &[String]) -> Result<ProcedureResult> {
    let unknown = edit(session, db, |e| {
        let (working, staged, head) = (e.working()?, e.staged()?, e.head_root()?);
        let mut unknown = Vec::new();
        let mut known = Vec::new();
        if names == ["."] {
            for (name, _) in staged.tables()?.into_iter().chain(head.tables()?) {
                if !known.contains(&name) {
                    known.push(name);
                }
            }
        } else {
            for name in names {
                let found = match (staged.find_table(name)?, head.find_table(name)?) {
                    (Some((stored, _)), _) | (None, Some((stored, _))) => Some(stored),
                    // What was never staged goes.
                    _ => working.find_table(name)?.map(|(stored, _)| stored),
                };
                match found {
                    Some(stored) => known.push(stored),
                    None => unknown.push(name.clone()),
                }
            }
        }
        let mut root = working;
        for name in known {
            let from = if staged.table_hash(&name)?.is_some() {
                &staged
            } else {
                &head
            };
            root = copy_tables(from, &root, std::slice::from_ref(&name))?;
        }
        e.set_working(&root)?;
        Ok(unknown)
    })?;
    if unknown.is_empty() {
        return Ok(done(""));
    }
    let lines: Vec<String> = unknown
        .iter()
        .map(|t| format!("error: tablespec '{t}' did not match any table(s) known to dolt"))
        .collect();
    Err(Error::general(lines.join("\n")))
}

/// Takes tables as a commit has them.
fn from_commit(
    session: &Session,
    db: &DbRef,
    spec: &str,
    names: &[String],
) -> Result<ProcedureResult> {
    let from = revision::commit_root(db, revision::commit(db, spec)?)?;
    edit(session, db, |e| {
        let mut list = Vec::new();
        let all = names == ["."];
        if all {
            list.extend(from.tables()?.into_iter().map(|(name, _)| name));
        }
        for name in names.iter().filter(|_| !all) {
            match from.find_table(name)? {
                Some((stored, _)) => list.push(stored),
                None => {
                    return Err(Error::general(format!(
                        "tablespec '{name}' did not match any table(s) known to dolt"
                    )));
                }
            }
        }
        let working = copy_tables(&from, &e.working()?, &list)?;
        let staged = copy_tables(&from, &e.staged()?, &list)?;
        e.set_working(&working)?;
        e.set_staged(&staged)
    })?;
    Ok(done(""))
}
