//! Putting a table under a new schema.

use super::*;

/// Puts the table under a new schema: in place when stored rows stay valid, else row by row.
pub(super) fn rewrite(
    session: &Session,
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    schema: Schema,
    sources: &[Source],
) -> Result<()> {
    let old = state.table.schema();
    let kept: Vec<usize> = sources
        .iter()
        .filter_map(|s| match s {
            Source::Old(i) => Some(*i),
            Source::New => None,
        })
        .collect();
    let in_order = kept.iter().copied().eq(0..old.columns.len());
    let appended = sources[..kept.len()]
        .iter()
        .all(|s| matches!(s, Source::Old(_)));
    let same_keys = old.primary_key == schema.primary_key;
    let keeps_bytes = in_order
        && appended
        && same_keys
        && old
            .columns
            .iter()
            .zip(&schema.columns)
            .all(|(a, b)| same_bytes(a, b));
    let new_are_null = schema.columns[kept.len().min(schema.columns.len())..]
        .iter()
        .all(|c| {
            c.is_virtual
                || c.nullable && !c.generated && (c.expression.is_empty() || c.expression == "NULL")
        });
    let stricter = old
        .columns
        .iter()
        .zip(&schema.columns)
        .any(|(a, b)| a.nullable && !b.nullable);
    if keeps_bytes && (new_are_null || state.view.primary.root.tree_count() == 0) {
        if stricter {
            let layout = state.view.primary.layout.clone();
            let strict: Vec<usize> = (0..old.columns.len())
                .filter(|i| old.columns[*i].nullable && !schema.columns[*i].nullable)
                .collect();
            crate::exec::table_rows(&state.view, &mut |slot| {
                for c in &strict {
                    if layout.column(*c, slot.key(), slot.value())?.is_null() {
                        return Err(Error::new(1138, "22004", "Invalid use of NULL value"));
                    }
                }
                Ok(crate::result::Flow::Continue)
            })?;
        }
        let t = state.table.with_schema(&schema)?;
        return change.put_table(&state.name, &t);
    }
    rebuild_rows(change, state, schema.edited(), sources, Some(session))
}

/// Writes every row again under a new schema.
pub(super) fn rebuild_rows(
    change: &mut Change<'_>,
    state: &Arc<TableState>,
    schema: Schema,
    sources: &[Source],
    session: Option<&Session>,
) -> Result<()> {
    let objects = change.db.handle.store.objects().clone();
    let db = change.db.handle.name.clone();
    let mut rows = rebuild::NewTable::new(&objects, &state.name, &db, &schema)?;
    let mut number = 0u64;
    let old = state.table.schema().clone();
    let mut run = |cx: &Context<'_>,
                   rules: Option<&crate::bind::dml::RowRules>,
                   def: Option<&Arc<crate::table::TableDef>>,
                   rows: &mut rebuild::NewTable|
     -> Result<()> {
        rebuild::all_rows(state, &mut |row| {
            number += 1;
            let mut out = Vec::with_capacity(schema.columns.len());
            for (c, source) in schema.columns.iter().zip(sources) {
                out.push(match source {
                    Source::Old(i) => {
                        let v = &row[*i];
                        if let (Value::UInt(0), SqlType::Enum(..), SqlType::Enum(..)) =
                            (v, &old.columns[*i].sql_type, &c.sql_type)
                        {
                            // The empty member, which stands for a refused value.
                            out.push(Value::UInt(0));
                            continue;
                        }
                        if v.is_null() && !c.nullable && !c.is_virtual && !c.generated {
                            return Err(Error::new(1138, "22004", "Invalid use of NULL value"));
                        }
                        let (from, to) = (&old.columns[*i].sql_type, &c.sql_type);
                        let stamps = [from, to].map(|t| matches!(t, SqlType::Timestamp(_)));
                        let zone = cx.session.modes().zone;
                        let local;
                        let v = match stamps {
                            [true, false] => {
                                local = crate::functions::shown_timestamp(v, zone);
                                &local
                            }
                            _ => v,
                        };
                        let stored = values::conversion::store(
                            v,
                            &old.columns[*i].sql_type,
                            &c.sql_type,
                            &cx.conversion,
                        )
                        .map_err(|e| Error::new(e.code(), e.sqlstate(), e.text(&c.name, number)))?;
                        match stamps {
                            [false, true] => crate::functions::stored_timestamp(&stored, zone),
                            _ => stored,
                        }
                    }
                    Source::New if c.auto_increment => Value::UInt(number),
                    Source::New => Value::Null,
                });
            }
            if let (Some(rules), Some(def)) = (rules, def) {
                for (i, source) in sources.iter().enumerate() {
                    let c = &schema.columns[i];
                    if !matches!(source, Source::New) || c.generated {
                        continue;
                    }
                    if c.auto_increment {
                        if let SqlType::Int {
                            unsigned: false, ..
                        } = c.sql_type
                        {
                            out[i] = Value::Int(number as i64);
                        }
                        continue;
                    }
                    match &rules.defaults[i] {
                        crate::bind::dml::DefaultValue::Expr(a) => {
                            let mut env = crate::env::Env::new(1, None, cx);
                            env.slots[0] = crate::env::Slot::Row(out.clone().into());
                            out[i] = crate::write::assigned(a, &env, def, i, number, false)?;
                        }
                        _ if !c.nullable => out[i] = crate::write::zero_value(&c.sql_type),
                        _ => {}
                    }
                }
                crate::write::generate(rules, def, &mut out, cx, number, false)?;
            }
            rows.add(&out)
        })
    };
    match session {
        Some(session) => {
            let empty = model::Table::new(&objects, &schema)?;
            let target = rebuild::state_of(&state.name, empty, &db)?;
            let modes = crate::generated::stored_modes();
            let mut binder = crate::bind::Binder::new(session, &modes, &[]);
            let rules = binder.row_rules(&target.def)?;
            let cx = Context::new(session, &[], Vec::new());
            run(&cx, Some(&rules), Some(&target.def), &mut rows)?;
        }
        None => crate::generated::with_detached(|cx| run(cx, None, None, &mut rows))?,
    }
    let mut next = state.table.auto_increment_slot().filter(|n| *n > 1);
    if let Some(own) = next
        && state.table.entry_count()? > 0
    {
        // Rows that are written go with the number at which all branches go on.
        next = Some(change.db.handle.take_numbers(&state.name, own, 0)?);
    }
    if schema.columns.iter().any(|c| c.auto_increment)
        && !old.columns.iter().any(|c| c.auto_increment)
    {
        next = (number > 0).then_some(number + 1);
    }
    if !schema.columns.iter().any(|c| c.auto_increment) {
        next = None;
    }
    let t = rows.finish(next)?.with_remains_of(&state.table)?;
    change.put_table(&state.name, &t)
}
