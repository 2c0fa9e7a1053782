//! DROP and RENAME of columns and indexes.

use super::*;

pub(super) fn drop_column(
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    at: usize,
) -> Result<()> {
    let mut schema = state.table.schema().edited();
    let column = schema.columns[at].clone();
    if schema.columns.iter().filter(|c| !c.hidden_system).count() == 1 {
        return Err(Error::cannot_drop_all_columns());
    }
    let quoted = format!("`{}`", column.name);
    // A check on this column alone goes with it.
    schema
        .checks
        .retain(|c| !mentions_only(&c.expression, &column.name));
    if let Some(c) = schema
        .checks
        .iter()
        .find(|c| c.expression.to_lowercase().contains(&quoted.to_lowercase()))
    {
        return Err(Error::check_dependent_column(&c.name, &column.name));
    }
    let dependent = schema.columns.iter().find(|c| {
        c.generated
            && c.tag != column.tag
            && match c.hidden_system {
                true => functional_key::mentions(&c.expression, &column.name),
                false => c.expression.contains(&quoted),
            }
    });
    if let Some(d) = dependent {
        if d.hidden_system {
            return Err(Error::functional_dependent(&column.name));
        }
        return Err(Error::generated_dependent(&column.name));
    }
    let by_default =
        |c: &&Column| !c.generated && c.tag != column.tag && c.expression.contains(&quoted);
    if schema.columns.iter().any(|c| by_default(&c)) {
        return Err(Error::default_dependent(&column.name, &state.name));
    }
    let keys = change.root.foreign_keys()?;
    for k in &keys.keys {
        let child = k.child_table.eq_ignore_ascii_case(&state.name)
            && k.child_columns.contains(&column.tag);
        let parent = k.parent_table.eq_ignore_ascii_case(&state.name)
            && k.parent_columns.contains(&column.tag);
        if child || parent {
            return Err(Error::fk_column_needed(&column.name, &k.name));
        }
    }
    if schema.primary_key.contains(&at) {
        for i in std::mem::take(&mut schema.primary_key) {
            if i != at {
                schema.primary_key.push(i);
            }
        }
    }
    for index in &mut schema.indexes {
        while let Some(n) = index.columns.iter().position(|c| *c == at) {
            index.columns.remove(n);
            if n < index.prefix_lengths.len() {
                index.prefix_lengths.remove(n);
            }
        }
    }
    schema.indexes.retain(|i| !i.columns.is_empty());
    schema.columns.remove(at);
    let lower = |list: &mut Vec<usize>| {
        for i in list.iter_mut() {
            if *i > at {
                *i -= 1;
            }
        }
    };
    lower(&mut schema.primary_key);
    for index in &mut schema.indexes {
        lower(&mut index.columns);
    }
    let mut sources = identity(state);
    sources.remove(at);
    rebuild_rows(change, state, schema, &sources, None)
}

/// Whether every column of a stored text is this one.
pub(super) fn mentions_only(text: &str, column: &str) -> bool {
    let mut names = text.split('`').skip(1).step_by(2).peekable();
    names.peek().is_some() && names.all(|n| n.eq_ignore_ascii_case(column))
}

pub(super) fn rename_column(schema: &mut Schema, at: usize, new: &str) -> Result<()> {
    crate::ddl::create::check_identifier(new)?;
    if let Some(i) = schema.column_index(new)
        && i != at
    {
        return Err(Error::duplicate_column(new));
    }
    let old = format!("`{}`", schema.columns[at].name);
    let fresh = format!("`{}`", new.replace('`', "``"));
    schema.columns[at].name = new.to_string();
    for c in &mut schema.columns {
        c.expression = c.expression.replace(&old, &fresh);
    }
    for c in &mut schema.checks {
        c.expression = c.expression.replace(&old, &fresh);
    }
    Ok(())
}

pub(super) fn rename_in_keys(
    change: &mut Change<'_>,
    table: &str,
    old: &str,
    new: &str,
) -> Result<()> {
    let mut keys = (*change.root.foreign_keys()?).clone();
    let before = keys.clone();
    for k in &mut keys.keys {
        let fix = |side: &str, names: &mut Option<Vec<String>>| {
            if side.eq_ignore_ascii_case(table)
                && let Some(names) = names
            {
                for n in names.iter_mut().filter(|n| n.eq_ignore_ascii_case(old)) {
                    *n = new.to_string();
                }
            }
        };
        let (child, parent) = (k.child_table.clone(), k.parent_table.clone());
        fix(&child, &mut k.child_column_names);
        fix(&parent, &mut k.parent_column_names);
    }
    if keys != before {
        change.set_foreign_keys(&keys)?;
    }
    Ok(())
}

/// Drops the columns of functional keys that are gone.
pub(super) fn drop_hidden_columns(change: &mut Change<'_>, table: &str) -> Result<()> {
    loop {
        let state = change.table(table)?;
        let schema = state.table.schema();
        let used = |i: usize| schema.indexes.iter().any(|x| x.columns.contains(&i));
        let unused =
            (0..schema.columns.len()).find(|i| schema.columns[*i].hidden_system && !used(*i));
        match unused {
            None => return Ok(()),
            Some(i) => drop_column(change, &state, i)?,
        }
    }
}

pub(super) fn drop_index(
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    name: &str,
) -> Result<()> {
    let mut schema = state.table.schema().edited();
    let Some(i) = schema.index_position(name) else {
        return Err(Error::cannot_drop_missing(name));
    };
    let index = schema.indexes.remove(i);
    let t = state
        .table
        .without_index(&index.name)?
        .with_schema(&schema)?;
    let rest = rebuild::state_of(&state.name, t.clone(), &change.db.handle.name)?;
    let mut keys = (*change.root.foreign_keys()?).clone();
    let mut moved = false;
    for k in keys.keys.iter_mut().filter(|k| k.is_resolved()) {
        let columns = |tags: &[u64]| -> Vec<usize> {
            tags.iter()
                .filter_map(|t| rest.def.columns.iter().position(|c| c.tag == *t))
                .collect()
        };
        if k.child_table.eq_ignore_ascii_case(&state.name) && k.child_index == index.name {
            match foreign_key::index_over(
                &rest,
                &columns(&k.child_columns),
                foreign_key::Side::Child,
            ) {
                Some(other) => k.child_index = other,
                None => {
                    let c = columns(&k.child_columns);
                    let pk = &rest.def.primary_key;
                    if pk.len() < c.len() || !c.iter().all(|x| pk[..c.len()].contains(x)) {
                        return Err(Error::fk_index_needed(&index.name));
                    }
                    k.child_index = String::new();
                }
            }
            moved = true;
        }
        if k.parent_table.eq_ignore_ascii_case(&state.name) && k.parent_index == index.name {
            match foreign_key::index_over(
                &rest,
                &columns(&k.parent_columns),
                foreign_key::Side::Parent,
            ) {
                Some(other) => k.parent_index = other,
                None => return Err(Error::fk_index_needed(&index.name)),
            }
            moved = true;
        }
    }
    change.put_table(&state.name, &t)?;
    if moved {
        change.set_foreign_keys(&keys)?;
    }
    Ok(())
}
