//! `dolt_stash`.

use model::{Expected, RefEdit, Root, Stash, StashList};
use versioning::{DeltaKind, MergeOptions, merge_roots};

use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::edit_now;
use crate::dolt::ignore::{IgnorePatterns, Verdict};
use crate::dolt::logic::SessionLogic;
use crate::dolt::staging::{copy_tables, deltas};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("include-untracked", "u", Takes::Flag),
    ("all", "a", Takes::Flag),
];

const PREFIX: &str = "refs/stashes/";

/// Names of the stash lists of a database, and the lists.
pub fn lists(db: &DbRef) -> Result<Vec<(String, StashList)>> {
    let store = &db.handle.store;
    let mut out = Vec::new();
    for (name, hash) in store.refs().with_prefix(PREFIX)? {
        let chunk = store.objects().read(&hash)?;
        out.push((name, StashList::decode(store.objects(), chunk.bytes())?));
    }
    Ok(out)
}

fn list(db: &DbRef, name: &str) -> Result<Option<StashList>> {
    Ok(lists(db)?.into_iter().find(|(n, _)| n == name).map(|l| l.1))
}

fn put(db: &DbRef, name: &str, list: &StashList) -> Result<()> {
    let store = &db.handle.store;
    let full = format!("{PREFIX}{name}");
    let edit = match list.entries()?.is_empty() {
        true => RefEdit::remove(full, Expected::Any),
        false => RefEdit::set(full, store.objects().write(list.encode()?)?, Expected::Any),
    };
    Ok(store.edit_refs(&[edit])?)
}

/// Puts changes aside, and takes them back.
pub fn stash(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let words: Vec<&str> = a.positional.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["push", name] => push(session, db, name, a.has("include-untracked"), a.has("all"))?,
        ["push", ..] if words.len() > 2 => {
            return Err(Error::general(
                "error: invalid arguments. Push takes only subcommand and stash name",
            ));
        }
        ["clear", name] => {
            if list(db, name)?.is_some() {
                put(db, name, &StashList::empty(db.handle.store.objects())?)?;
            }
        }
        ["clear", ..] if words.len() > 2 => {
            return Err(Error::general(
                "error: invalid arguments. Clear takes only subcommand and stash name",
            ));
        }
        [verb @ ("pop" | "drop" | "apply"), name, rest @ ..] => {
            let n = index(rest.first().copied())?;
            let Some(stashes) = list(db, name)? else {
                return Err(Error::general("no stash entries found"));
            };
            let Some(entry) = stashes.get(n)? else {
                return Err(Error::general(format!(
                    "stash index stash@{{{n}}} does not exist"
                )));
            };
            if *verb != "drop" {
                apply(session, db, &entry, n)?;
            }
            if *verb != "apply"
                && let Some(left) = stashes.remove(n)?
            {
                put(db, name, &left)?;
            }
        }
        [_] | [] => {
            return Err(Error::general(
                "error: invalid arguments. Must provide valid subcommand and stash name",
            ));
        }
        [verb, ..] => return Err(Error::general(format!("unknown stash subcommand {verb}"))),
    }
    Ok(status())
}

fn index(text: Option<&str>) -> Result<usize> {
    let Some(text) = text else { return Ok(0) };
    let inner = text
        .strip_prefix("stash@{")
        .and_then(|t| t.strip_suffix('}'));
    inner
        .unwrap_or(text)
        .parse()
        .map_err(|_| Error::general(format!("error: {text} is not a valid reference")))
}

fn push(session: &Session, db: &DbRef, name: &str, untracked: bool, all: bool) -> Result<()> {
    let saved = edit_now(session, db, |e| {
        let (head, staged, working) = (e.head_root()?, e.staged()?, e.working()?);
        let ignore = IgnorePatterns::of(&working)?;
        let mut taken = Vec::new();
        let mut added = Vec::new();
        for delta in deltas(&staged, &working)? {
            let new = delta.kind() == DeltaKind::Added;
            if new && !all {
                match ignore.verdict(&delta.to_name) {
                    Verdict::Kept if untracked => {}
                    Verdict::Conflict(why) if untracked => return Err(why),
                    _ => continue,
                }
            }
            for table in [delta.from_name, delta.to_name] {
                if !table.is_empty() && !taken.contains(&table) {
                    taken.push(table);
                }
            }
        }
        let stashed = copy_tables(&working, &staged, &taken)?;
        // Tables that were new and staged are staged again; others come back as they were.
        for delta in deltas(&head, &staged)? {
            if delta.kind() == DeltaKind::Added {
                added.push(delta.to_name);
            }
        }
        if deltas(&head, &stashed)?.is_empty() {
            return Err(Error::general("No local changes to save"));
        }
        let stash = Stash {
            root: stashed.save()?,
            head: e.head,
            branch: model::ref_name::branch(&e.branch),
            description: e.head_commit.meta.message.clone(),
            tables_to_stage: Some(added),
        };
        let mut names = taken;
        for delta in deltas(&head, &staged)? {
            for table in [delta.from_name, delta.to_name] {
                if !table.is_empty() && !names.contains(&table) {
                    names.push(table);
                }
            }
        }
        let left = copy_tables(&head, &working, &names)?;
        e.set_working(&left)?;
        e.set.staged = e.head_commit.root;
        Ok(stash)
    })?;
    let stashes = match list(db, name)? {
        Some(list) => list,
        None => StashList::empty(db.handle.store.objects())?,
    };
    put(db, name, &stashes.push(&saved)?)
}

fn apply(session: &Session, db: &DbRef, stash: &Stash, n: usize) -> Result<()> {
    edit_now(session, db, |e| {
        let objects = e.handle.store.objects();
        let theirs: Root = e.root(stash.root)?;
        let base = e.root_of(stash.head)?;
        let logic = SessionLogic::new(session, objects);
        let options = MergeOptions::default();
        let rootish = (stash.root.0, stash.head.0);
        let outcome = merge_roots(&e.working()?, &theirs, &base, rootish, &options, &logic)?;
        let conflicts: Vec<&str> = outcome
            .stats
            .iter()
            .filter(|(_, s)| s.data_conflicts > 0)
            .map(|(name, _)| name.as_str())
            .collect();
        if !conflicts.is_empty() {
            return Err(Error::general(format!(
                "error: Your local changes to the following tables would be overwritten by applying stash {n}:\n\t{{'{}'}}\nPlease commit your changes or stash them before you merge.\nAborting\nThe stash entry is kept in case you need it again.\n",
                conflicts.join("', '")
            )));
        }
        e.set_working(&outcome.root)?;
        if let Some(added) = stash.tables_to_stage.as_ref().filter(|t| !t.is_empty()) {
            let staged = copy_tables(&outcome.root, &e.staged()?, added)?;
            e.set_staged(&staged)?;
        }
        Ok(())
    })
}
