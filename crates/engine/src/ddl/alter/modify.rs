//! MODIFY and CHANGE of columns.

use super::*;

pub(super) fn modify(
    session: &Session,
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    old_name: &str,
    def: &ast::ColumnDef,
    position: &ColumnPosition,
) -> Result<()> {
    let table = state.name.clone();
    let mut schema = state.table.schema().edited();
    let at = schema
        .column_index(old_name)
        .filter(|i| !schema.columns[*i].hidden_system)
        .ok_or_else(|| Error::unknown_column(old_name, &table))?;
    let d = define_column(session, def, schema.collation)?;
    let old = schema.columns[at].clone();
    if !old.name.eq_ignore_ascii_case(&def.name) {
        rename_column(&mut schema, at, &def.name)?;
    }
    let mut column: Column = d.column;
    column.tag = old.tag;
    column.primary_key = old.primary_key;
    if column.sql_type.allows(old.encoding) && same_family(&old.sql_type, &column.sql_type) {
        column.encoding = old.encoding;
        column.adaptive_markers = old.adaptive_markers;
    }
    if schema.primary_key.contains(&at) {
        if def
            .attributes
            .iter()
            .any(|a| matches!(a, ast::ColumnAttribute::Null))
        {
            return Err(Error::primary_cant_have_null());
        }
        column.nullable = false;
    }
    if !column.nullable
        && let Some(k) = change.root.foreign_keys()?.of_child(&table).find(|k| {
            k.child_columns.contains(&old.tag)
                && [k.on_delete, k.on_update].contains(&model::ReferentialAction::SetNull)
        })
    {
        return Err(Error::new(
            1830,
            "HY000",
            format!(
                "Column '{}' cannot be NOT NULL: needed in a foreign key constraint '{}' SET NULL",
                column.name, k.name
            ),
        ));
    }
    if session.foreign_key_checks()
        && (!foreign_compatible(&old.sql_type, &column.sql_type)
            || is_shorter(&old.sql_type, &column.sql_type))
    {
        for k in &change.root.foreign_keys()?.keys {
            let used = format!(
                "Cannot change column '{}': used in a foreign key constraint '{}'",
                old.name, k.name
            );
            if k.child_table.eq_ignore_ascii_case(&table) && k.child_columns.contains(&old.tag) {
                return Err(Error::new(1832, "HY000", used));
            }
            if k.parent_table.eq_ignore_ascii_case(&table) && k.parent_columns.contains(&old.tag) {
                let text = format!("{used} of table '{}'", k.child_table);
                return Err(Error::new(1833, "HY000", text));
            }
        }
    }
    let in_fulltext = |i: &model::Index| i.fulltext.is_some() && i.columns.contains(&at);
    if !column.sql_type.is_text() && schema.indexes.iter().any(in_fulltext) {
        return Err(Error::new(
            1283,
            "HY000",
            format!("Column '{}' cannot be part of FULLTEXT index", column.name),
        ));
    }
    let longest = match &column.sql_type {
        SqlType::Char(n, _) | SqlType::VarChar(n, _) => Some(u64::from(*n)),
        SqlType::Binary(n) | SqlType::VarBinary(n) => Some(u64::from(*n)),
        t if t.is_text() || t.is_binary() => None,
        _ => Some(0),
    };
    if let Some(longest) = longest {
        // Only texts have prefixes, and one of the whole column is none.
        for index in &mut schema.indexes {
            for (c, length) in index.columns.iter().zip(&mut index.prefix_lengths) {
                if *c == at && (longest == 0 || u64::from(*length) >= longest) {
                    *length = 0;
                }
            }
            if index.prefix_lengths.iter().all(|n| *n == 0) {
                index.prefix_lengths.clear();
            }
        }
    }
    if matches!(column.sql_type, SqlType::Text(..) | SqlType::Blob(_)) {
        let whole = |i: &model::Index| {
            if i.fulltext.is_some() {
                return false;
            }
            let n = i.columns.iter().position(|c| *c == at);
            n.is_some_and(|n| i.prefix_lengths.get(n).is_none_or(|p| *p == 0))
        };
        let was_large = matches!(old.sql_type, SqlType::Text(..) | SqlType::Blob(_));
        if schema.primary_key.contains(&at) || !was_large && schema.indexes.iter().any(whole) {
            return Err(Error::blob_key_without_length(&column.name));
        }
    }
    let renamed = !old.name.eq_ignore_ascii_case(&def.name);
    let keys = change.root.foreign_keys()?;
    let in_foreign_key = keys
        .keys
        .iter()
        .any(|k| k.child_columns.contains(&old.tag) || k.parent_columns.contains(&old.tag));
    if renamed && !in_foreign_key && !same_bytes(&old, &column) {
        // Dolt finds tags of a rewritten table by name, so a new name makes a new tag.
        let before = state.table.schema();
        let kinds: Vec<u8> = before
            .columns
            .iter()
            .map(|c| column_tag::kind(&c.sql_type))
            .collect();
        let kind = column_tag::kind(&column.sql_type);
        let mut taken: std::collections::BTreeSet<u64> =
            change.tags_in_use()?.into_iter().collect();
        taken.extend(before.columns.iter().map(|c| c.tag));
        column.tag = column_tag::generate(&kinds, &table, &column.name, kind, &taken);
    }
    schema.columns[at] = column;
    let mut sources = identity(state);
    if *position != ColumnPosition::Unspecified {
        // Take the column out and put it back in its new place.
        let mut order: Vec<usize> = (0..schema.columns.len()).filter(|i| *i != at).collect();
        let to = match position {
            ColumnPosition::First => 0,
            ColumnPosition::After(name) => {
                let after = schema
                    .column_index(name)
                    .ok_or_else(|| Error::unknown_column(&**name, &table))?;
                1 + order
                    .iter()
                    .position(|i| *i == after)
                    .unwrap_or(order.len() - 1)
            }
            ColumnPosition::Unspecified => at,
        };
        order.insert(to, at);
        let new_place = |i: usize| order.iter().position(|o| *o == i).unwrap_or(i);
        schema.columns = order.iter().map(|i| schema.columns[*i].clone()).collect();
        sources = order.iter().map(|i| Source::Old(*i)).collect();
        schema
            .primary_key
            .iter_mut()
            .for_each(|i| *i = new_place(*i));
        for index in &mut schema.indexes {
            index.columns.iter_mut().for_each(|i| *i = new_place(*i));
        }
    }
    let name = def.name.to_string();
    if d.primary_key && schema.primary_key.is_empty() {
        let i = schema.column_index(&name).unwrap_or(at);
        set_primary_key(&mut schema, vec![i])?;
    }
    check_auto_increment(&schema)?;
    check_generated(session, &table, &schema)?;
    add_checks(session, change, &table, &mut schema, &d.checks)?;
    let numbers = |s: &model::Schema| s.columns.iter().any(|c| c.auto_increment);
    let begins_to_number = numbers(&schema) && !numbers(state.table.schema());
    schema.suffix_by_position = true;
    rewrite(session, change, state, schema, &sources)?;
    if begins_to_number {
        // Numbers go on behind those that are there.
        let state = change.table(&table)?;
        let highest = super::highest_number(&state)?;
        if highest > 0 {
            let next = highest.saturating_add(1);
            change.put_table(&table, &state.table.with_auto_increment(next))?;
        }
        change.db.handle.reset_number(&table);
    }
    if !old.name.eq_ignore_ascii_case(&name) {
        rename_in_keys(change, &table, &old.name, &name)?;
    }
    if d.unique {
        let state = change.table(&table)?;
        let already = state.def.indexes.iter().any(|i| {
            i.unique && i.columns.len() == 1 && state.def.columns[i.columns[0]].name == name
        });
        if !already {
            let index = column_index(&def.name);
            let c = TableConstraint::Unique {
                constraint: None,
                index,
            };
            add_constraints(session, change, &state, &[c])?;
        }
    }
    Ok(())
}

pub(super) fn foreign_compatible(a: &SqlType, b: &SqlType) -> bool {
    match (a, b) {
        (
            SqlType::Int {
                width: x,
                unsigned: u,
                ..
            },
            SqlType::Int {
                width: y,
                unsigned: v,
                ..
            },
        ) => x == y && u == v,
        (x, y) if x.is_text() && y.is_text() => true,
        (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
    }
}

/// Whether a text or binary type gets shorter.
fn is_shorter(a: &SqlType, b: &SqlType) -> bool {
    match (a, b) {
        (SqlType::Char(n, _), SqlType::Char(m, _))
        | (SqlType::VarChar(n, _), SqlType::VarChar(m, _)) => m < n,
        (SqlType::Binary(n), SqlType::Binary(m)) => m < n,
        (SqlType::VarBinary(n), SqlType::VarBinary(m)) => m < n,
        _ => false,
    }
}

pub(super) fn same_family(a: &SqlType, b: &SqlType) -> bool {
    match (a, b) {
        (SqlType::Text(..), SqlType::Text(..)) | (SqlType::Blob(_), SqlType::Blob(_)) => true,
        (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
    }
}

/// Whether stored bytes of one type are valid as they are under the other.
pub(super) fn same_bytes(a: &Column, b: &Column) -> bool {
    use SqlType::*;
    if a.encoding != b.encoding || a.generated != b.generated || a.is_virtual != b.is_virtual {
        return false;
    }
    match (&a.sql_type, &b.sql_type) {
        (x, y) if x == y => true,
        (Char(n, c), Char(m, d)) | (VarChar(n, c), VarChar(m, d)) => m >= n && c == d,
        (Char(n, c), VarChar(m, d)) => m >= n && c == d,
        (VarBinary(n), VarBinary(m)) => m >= n,
        (Text(n, c), Text(m, d)) => m >= n && c == d,
        (Blob(n), Blob(m)) => m >= n,
        (
            Int {
                width: w,
                unsigned: u,
                ..
            },
            Int {
                width: x,
                unsigned: v,
                ..
            },
        ) => w <= x && u == v,
        (
            Decimal {
                precision: p,
                scale: s,
            },
            Decimal {
                precision: q,
                scale: t,
            },
        ) => s == t && q >= p,
        (DateTime(f), DateTime(g)) | (Timestamp(f), Timestamp(g)) => g >= f,
        (Enum(m, c), Enum(n, d)) => c == d && n.len() >= m.len() && n[..m.len()] == m[..],
        (Set(m, c), Set(n, d)) => c == d && n.len() >= m.len() && n[..m.len()] == m[..],
        _ => false,
    }
}
