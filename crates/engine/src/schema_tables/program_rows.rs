//! Rows of information_schema about stored programs.

use values::{OwnedValue, SqlType, Value};

use super::stored_programs::{self as programs, StoredEvent, StoredRoutine, StoredTrigger};
use super::{Narrowed, column_facts, is_system};
use crate::ddl::event::When;
use crate::error::Result;
use crate::session::Session;
use crate::show;

type Rows = Vec<Vec<OwnedValue>>;

fn t(text: impl AsRef<str>) -> OwnedValue {
    Value::text(text.as_ref())
}

fn client() -> [OwnedValue; 3] {
    ["utf8mb4", "utf8mb4_0900_bin", "utf8mb4_0900_bin"].map(t)
}

/// Rows of TRIGGERS, ROUTINES, PARAMETERS or EVENTS.
pub(super) fn rows(session: &Session, table: &str, narrowed: &Narrowed) -> Result<Rows> {
    let only = narrowed.schema.as_deref().filter(|s| !is_system(s));
    let routines = || -> Result<Vec<StoredRoutine>> {
        let mut all = programs::procedures(session, only)?;
        all.extend(programs::functions(session, only)?);
        Ok(all)
    };
    Ok(match table {
        "TRIGGERS" => programs::triggers(session, only)?
            .into_iter()
            .map(trigger)
            .collect(),
        "ROUTINES" => routines()?.into_iter().map(routine).collect(),
        "PARAMETERS" => routines()?.iter().flat_map(parameters).collect(),
        "EVENTS" => programs::events(session, only)?
            .into_iter()
            .map(event)
            .collect(),
        _ => Vec::new(),
    })
}

fn trigger(g: StoredTrigger) -> Vec<OwnedValue> {
    let mut row = vec![
        t("def"),
        t(&g.db),
        t(g.name),
        t(g.event),
        t("def"),
        t(&g.db),
        t(g.table),
        Value::UInt(g.order),
        Value::Null,
        t(g.body),
        t("ROW"),
        t(g.timing),
        Value::Null,
        Value::Null,
        t("OLD"),
        t("NEW"),
        g.created,
        t(g.sql_mode),
        t(g.definer),
    ];
    row.extend(client());
    row
}

/// What a type says of itself: name, lengths, digits, character set, collation, full text.
fn type_facts(ty: &SqlType) -> Vec<OwnedValue> {
    let (chars, bytes) = column_facts::lengths(ty);
    let (precision, scale) = column_facts::digits(ty);
    let (charset, collation) = column_facts::charset(ty);
    vec![
        t(column_facts::type_word(ty)),
        chars,
        bytes,
        precision,
        scale,
        column_facts::fraction(ty),
        charset,
        collation,
        t(show::type_text(ty)),
    ]
}

fn routine(r: StoredRoutine) -> Vec<OwnedValue> {
    let kind = if r.returns.is_some() {
        "FUNCTION"
    } else {
        "PROCEDURE"
    };
    let mut row = vec![t(&r.name), t("def"), t(&r.db), t(&r.name), t(kind)];
    let returns = r.returns.as_ref();
    match returns.and_then(|ty| crate::ddl::types::column_type(ty, None).ok()) {
        Some(ty) => row.extend(type_facts(&ty)),
        None => {
            row.push(t(""));
            row.extend((0..8).map(|_| Value::Null));
        }
    }
    row.extend([
        t("SQL"),
        t(r.body),
        Value::Null,
        t("SQL"),
        t("SQL"),
        t(if r.deterministic { "YES" } else { "NO" }),
        t(r.access),
        Value::Null,
        t(r.security),
        r.created,
        r.modified,
        t(r.sql_mode),
        t(r.comment),
        t(r.definer),
    ]);
    row.extend(client());
    row
}

fn parameters(r: &StoredRoutine) -> Vec<Vec<OwnedValue>> {
    let kind = if r.returns.is_some() {
        "FUNCTION"
    } else {
        "PROCEDURE"
    };
    let returned = r.returns.iter().map(|ty| (0, None, ty));
    let given = r.params.iter().enumerate();
    let given = given.map(|(i, (mode, name, ty))| (i as u64 + 1, Some((*mode, name)), ty));
    let mut out = Vec::new();
    for (place, named, ty) in returned.chain(given) {
        let Ok(ty) = crate::ddl::types::column_type(ty, None) else {
            continue;
        };
        let mut row = vec![t("def"), t(&r.db), t(&r.name), Value::UInt(place)];
        match named {
            Some((mode, name)) => row.extend([t(mode), t(name)]),
            None => row.extend([Value::Null, Value::Null]),
        }
        row.extend(type_facts(&ty));
        row.push(t(kind));
        out.push(row);
    }
    out
}

fn event(e: StoredEvent) -> Vec<OwnedValue> {
    let [kind, at, value, unit, starts, ends] = when(&e.event.when);
    let status = status(&e);
    let mut row = vec![
        t("def"),
        t(&e.db),
        t(&e.event.name),
        t(&e.event.definer),
        t("SYSTEM"),
        t("SQL"),
        t(&e.event.body),
        kind,
        at,
        value,
        unit,
        t(&e.sql_mode),
        starts,
        ends,
        t(status),
        t(if e.event.preserve {
            "PRESERVE"
        } else {
            "NOT PRESERVE"
        }),
        e.created.clone(),
        e.created.clone(),
        Value::Null,
        t(&e.event.comment),
        Value::UInt(0),
    ];
    row.extend(client());
    row
}

/// ENABLED, DISABLED, or disabled on a replica.
pub(crate) fn status(e: &StoredEvent) -> &'static str {
    match e.event.status {
        syntax::ast::EventStatus::Enable => "ENABLED",
        syntax::ast::EventStatus::Disable => "DISABLED",
        syntax::ast::EventStatus::DisableOnReplica => "SLAVESIDE_DISABLED",
    }
}

/// Type, time, amount and unit of the interval, start and end.
pub(crate) fn when(w: &When) -> [OwnedValue; 6] {
    let time = |d: &Option<values::DateTime>| d.map_or(Value::Null, Value::DateTime);
    match w {
        When::At(at) => [
            t("ONE TIME"),
            Value::DateTime(*at),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
        ],
        When::Every {
            value,
            unit,
            starts,
            ends,
        } => [
            t("RECURRING"),
            Value::Null,
            t(value.trim_matches('\'')),
            t(unit),
            time(starts),
            time(ends),
        ],
    }
}
