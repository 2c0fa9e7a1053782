//! Which tables a reset or a checkout leaves (spec 05 §19).

use std::collections::{BTreeSet, HashMap};

use chunks::Hash;
use model::{Root, Table};

use crate::Result;

/// `target` with the tables of `working` that were never staged: those that reset --hard leaves.
pub fn with_untracked(target: &Root, working: &Root, staged: &Root) -> Result<Root> {
    let mut tags: BTreeSet<u64> = BTreeSet::new();
    for (_, hash) in target.tables()? {
        let table = Table::open(target.objects(), &hash)?;
        tags.extend(table.schema().columns.iter().map(|c| c.tag));
    }
    let mut root = target.clone();
    for (name, hash) in working.tables()? {
        if staged.table_hash(&name)?.is_some() || target.find_table(&name)?.is_some() {
            continue;
        }
        let table = Table::open(working.objects(), &hash)?;
        if table.schema().columns.iter().any(|c| tags.contains(&c.tag)) {
            continue;
        }
        root = root.with_table_hashes([(name.as_str(), Some(hash))])?;
    }
    let kept: Vec<_> = working
        .foreign_keys()?
        .keys
        .into_iter()
        .filter(|k| staged.find_table(&k.child_table).ok().flatten().is_none())
        .filter(|k| root.find_table(&k.child_table).ok().flatten().is_some())
        .collect();
    if !kept.is_empty() {
        let mut keys = root.foreign_keys()?;
        for key in kept {
            if keys.get(&key.name).is_none() {
                keys.keys.push(key);
            }
        }
        root = root.with_foreign_keys(&keys)?;
    }
    Ok(root)
}

/// Uncommitted changes carried from one head to another: `current` as it becomes on `new`, or
/// the tables that both changed.
pub fn carry_changes(
    old: &Root,
    new: &Root,
    current: &Root,
    force: bool,
) -> Result<std::result::Result<Root, Vec<String>>> {
    let hashes =
        |root: &Root| -> Result<HashMap<String, Hash>> { Ok(root.tables()?.into_iter().collect()) };
    let (before, after, now) = (hashes(old)?, hashes(new)?, hashes(current)?);
    let mut root = new.clone();
    let mut conflicts = Vec::new();
    let names: BTreeSet<&String> = after.keys().chain(now.keys()).collect();
    for name in names {
        let (b, a, c) = (before.get(name), after.get(name), now.get(name));
        let chosen = match a {
            Some(_) if c == b => a,
            Some(_) if b == a => c,
            None if b.is_none() => c,
            None if c == b => None,
            _ if force => a,
            _ => {
                conflicts.push(name.clone());
                continue;
            }
        };
        if chosen != a {
            root = root.with_table_hashes([(name.as_str(), chosen.copied())])?;
        }
    }
    if !conflicts.is_empty() {
        return Ok(Err(conflicts));
    }
    if current.foreign_keys_hash() != old.foreign_keys_hash()
        && new.foreign_keys_hash() == old.foreign_keys_hash()
    {
        root = root.with_foreign_keys(&current.foreign_keys()?)?;
    }
    Ok(Ok(root))
}
