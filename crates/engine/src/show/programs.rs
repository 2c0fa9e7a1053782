//! SHOW of triggers, routines and events.

use values::Value;

use super::listing::{Kind, Listing, maybe};
use crate::schema_tables::program_rows;
use crate::schema_tables::stored_programs::{StoredEvent, StoredRoutine, StoredTrigger};

const CLIENT: [(&str, Kind); 3] = [
    ("character_set_client", Kind::Name),
    ("collation_connection", Kind::Name),
    ("Database Collation", Kind::Name),
];

/// SHOW TRIGGERS.
pub(super) fn triggers(rows: Vec<StoredTrigger>) -> Listing {
    let mut columns = vec![
        ("Trigger", Kind::Name),
        ("Event", Kind::Name),
        ("Table", Kind::Name),
        ("Statement", Kind::Text),
        ("Timing", Kind::Name),
        ("Created", Kind::Moment),
        ("sql_mode", Kind::Text),
        ("Definer", Kind::Name),
    ];
    columns.extend(CLIENT);
    let mut out = Listing::new(&columns);
    for t in rows {
        out.push(vec![
            Value::text(t.name),
            Value::text(t.event),
            Value::text(t.table),
            Value::text(t.body),
            Value::text(t.timing),
            t.created,
            Value::text(t.sql_mode),
            Value::text(t.definer),
            Value::text("utf8mb4"),
            Value::text("utf8mb4_0900_bin"),
            Value::text("utf8mb4_0900_bin"),
        ]);
    }
    out
}

/// SHOW CREATE TRIGGER.
pub(super) fn create_trigger(t: StoredTrigger) -> Listing {
    let mut columns = vec![
        ("Trigger", Kind::Name),
        ("sql_mode", Kind::Text),
        ("SQL Original Statement", Kind::Text),
    ];
    columns.extend(CLIENT);
    columns.push(("Created", Kind::Moment));
    let mut out = Listing::new(&columns);
    out.push(vec![
        Value::text(t.name),
        Value::text(t.sql_mode),
        Value::text(t.statement),
        Value::text("utf8mb4"),
        Value::text("utf8mb4_0900_bin"),
        Value::text("utf8mb4_0900_bin"),
        t.created,
    ]);
    out
}

/// SHOW EVENTS.
pub(super) fn events(rows: Vec<StoredEvent>) -> Listing {
    let mut columns = vec![
        ("Db", Kind::Name),
        ("Name", Kind::Name),
        ("Definer", Kind::Name),
        ("Time zone", Kind::Name),
        ("Type", Kind::Name),
        ("Execute At", Kind::Moment),
        ("Interval Value", Kind::Name),
        ("Interval Field", Kind::Name),
        ("Starts", Kind::Moment),
        ("Ends", Kind::Moment),
        ("Status", Kind::Name),
        ("Originator", Kind::Number),
    ];
    columns.extend(CLIENT);
    let mut out = Listing::new(&columns);
    for e in rows {
        let mut row = vec![
            Value::text(e.db.as_str()),
            Value::text(e.event.name.as_str()),
            Value::text(e.event.definer.as_str()),
            Value::text("SYSTEM"),
        ];
        row.extend(program_rows::when(&e.event.when));
        row.extend([
            Value::text(program_rows::status(&e)),
            Value::Int(0),
            Value::text("utf8mb4"),
            Value::text("utf8mb4_0900_bin"),
            Value::text("utf8mb4_0900_bin"),
        ]);
        out.push(row);
    }
    out
}

/// SHOW CREATE EVENT.
pub(super) fn create_event(e: StoredEvent) -> Listing {
    let mut columns = vec![
        ("Event", Kind::Name),
        ("sql_mode", Kind::Text),
        ("time_zone", Kind::Name),
        ("Create Event", Kind::Text),
    ];
    columns.extend(CLIENT);
    let mut out = Listing::new(&columns);
    out.push(vec![
        Value::text(e.event.name),
        Value::text(e.sql_mode),
        Value::text("SYSTEM"),
        Value::text(e.statement),
        Value::text("utf8mb4"),
        Value::text("utf8mb4_0900_bin"),
        Value::text("utf8mb4_0900_bin"),
    ]);
    out
}

/// SHOW PROCEDURE STATUS and FUNCTION STATUS.
pub(super) fn routine_status(rows: Vec<StoredRoutine>) -> Listing {
    let mut columns = vec![
        ("Db", Kind::Name),
        ("Name", Kind::Name),
        ("Type", Kind::Name),
        ("Definer", Kind::Name),
        ("Modified", Kind::Moment),
        ("Created", Kind::Moment),
        ("Security_type", Kind::Name),
        ("Comment", Kind::Text),
    ];
    columns.extend(CLIENT);
    let mut out = Listing::new(&columns);
    for r in rows {
        out.push(vec![
            Value::text(r.db),
            Value::text(r.name),
            Value::text(if r.returns.is_some() {
                "FUNCTION"
            } else {
                "PROCEDURE"
            }),
            Value::text(r.definer),
            r.modified,
            r.created,
            Value::text(r.security),
            Value::text(r.comment),
            Value::text("utf8mb4"),
            Value::text("utf8mb4_0900_bin"),
            Value::text("utf8mb4_0900_bin"),
        ]);
    }
    out
}

/// SHOW CREATE PROCEDURE and FUNCTION.
pub(super) fn create_routine(r: StoredRoutine) -> Listing {
    let (kind, create) = match r.returns {
        Some(_) => ("Function", "Create Function"),
        None => ("Procedure", "Create Procedure"),
    };
    let mut columns = vec![
        (kind, Kind::Name),
        ("sql_mode", Kind::Text),
        (create, Kind::Text),
    ];
    columns.extend(CLIENT);
    let mut out = Listing::new(&columns);
    out.push(vec![
        Value::text(r.name),
        Value::text(r.sql_mode),
        maybe(Some(r.statement)),
        Value::text("utf8mb4"),
        Value::text("utf8mb4_0900_bin"),
        Value::text("utf8mb4_0900_bin"),
    ]);
    out
}
