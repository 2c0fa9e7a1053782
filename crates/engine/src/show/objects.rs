//! SHOW of databases, tables, columns and indexes.

use std::sync::Arc;

use syntax::ast::{self, AsOf, ObjectName};
use values::{IntWidth, OwnedValue, SqlType, Value};

use super::create_table;
use super::listing::{Kind, Listing, maybe};
use crate::bind::{Binder, Catalog, Resolved};
use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::root_state::{RootState, TableState};
use crate::schema_tables::column_facts;
use crate::schema_tables::sight::{SeenDatabase, Sight, query_columns};
use crate::schema_tables::{self, is_system};
use crate::session::Session;

const SHOW_COLUMNS: &[(&str, Kind)] = &[
    ("Field", Kind::Name),
    ("Type", Kind::Text),
    ("Null", Kind::Name),
    ("Key", Kind::Name),
    ("Default", Kind::Text),
    ("Extra", Kind::Name),
];
const SHOW_FULL_COLUMNS: &[(&str, Kind)] = &[
    ("Field", Kind::Name),
    ("Type", Kind::Text),
    ("Collation", Kind::Name),
    ("Null", Kind::Name),
    ("Key", Kind::Name),
    ("Default", Kind::Text),
    ("Extra", Kind::Name),
    ("Privileges", Kind::Name),
    ("Comment", Kind::Text),
];
const SHOW_INDEX: &[(&str, Kind)] = &[
    ("Table", Kind::Name),
    ("Non_unique", Kind::Number),
    ("Key_name", Kind::Name),
    ("Seq_in_index", Kind::Number),
    ("Column_name", Kind::Name),
    ("Collation", Kind::Name),
    ("Cardinality", Kind::Number),
    ("Sub_part", Kind::Number),
    ("Packed", Kind::Name),
    ("Null", Kind::Name),
    ("Index_type", Kind::Name),
    ("Comment", Kind::Name),
    ("Index_comment", Kind::Text),
    ("Visible", Kind::Name),
    ("Expression", Kind::Text),
];
const TABLE_STATUS: &[(&str, Kind)] = &[
    ("Name", Kind::Name),
    ("Engine", Kind::Name),
    ("Version", Kind::Number),
    ("Row_format", Kind::Name),
    ("Rows", Kind::Number),
    ("Avg_row_length", Kind::Number),
    ("Data_length", Kind::Number),
    ("Max_data_length", Kind::Number),
    ("Index_length", Kind::Number),
    ("Data_free", Kind::Number),
    ("Auto_increment", Kind::Number),
    ("Create_time", Kind::Moment),
    ("Update_time", Kind::Moment),
    ("Check_time", Kind::Moment),
    ("Collation", Kind::Name),
    ("Checksum", Kind::Number),
    ("Create_options", Kind::Name),
    ("Comment", Kind::Text),
];

/// The database that a SHOW speaks of.
pub(super) fn database_name(session: &Session, db: Option<&ast::Ident>) -> Result<String> {
    match db {
        Some(db) => Ok(db.to_string()),
        None => session.current_database().ok_or_else(Error::no_database),
    }
}

/// Opens the database that a SHOW speaks of, at a revision.
fn open(
    session: &Session,
    name: &str,
    as_of: Option<&OwnedValue>,
) -> Result<(SeenDatabase, Arc<RootState>)> {
    let db = session.resolve_database(name)?;
    let seen = Sight::new(session)
        .open(name)?
        .ok_or_else(|| Error::unknown_database(name))?;
    let root = match as_of {
        None => seen.root.clone(),
        Some(v) => session
            .as_of_root(&db, v)?
            .ok_or_else(|| Error::general("no commit found at the given time"))?,
    };
    Ok((seen, root))
}

/// The value of AS OF.
pub(super) fn as_of_value(
    session: &Session,
    as_of: Option<&AsOf>,
    params: &[OwnedValue],
) -> Result<Option<OwnedValue>> {
    match as_of {
        None => Ok(None),
        Some(AsOf::Point(e)) => {
            let modes = session.modes();
            let types: Vec<SqlType> = params
                .iter()
                .map(|v| crate::bind::type_of_value(v, modes.connection))
                .collect();
            let mut binder = Binder::new(session, &modes, &[]).with_params(&types, params);
            binder.as_of_value(e).map(Some)
        }
        Some(_) => Err(Error::not_supported("AS OF a range")),
    }
}

/// SHOW DATABASES.
pub(super) fn databases(session: &Session) -> Listing {
    let sight = Sight::new(session);
    let mut names = sight.database_names();
    for own in ["information_schema", "mysql"] {
        if own == "information_schema" || sight.sees_database(own) {
            names.push(own.to_string());
        }
    }
    names.sort_by_key(|n| n.to_lowercase());
    let mut out = Listing::of_words(&["Database"]);
    names
        .into_iter()
        .for_each(|n| out.push(vec![Value::text(n)]));
    out
}

/// SHOW TABLES.
pub(super) fn tables(
    session: &Session,
    full: bool,
    db: Option<&ast::Ident>,
    as_of: Option<&AsOf>,
    params: &[OwnedValue],
) -> Result<Listing> {
    let name = database_name(session, db)?;
    let at = as_of_value(session, as_of, params)?;
    let mut rows: Vec<(String, &str)> = Vec::new();
    let shown = if is_system(&name) {
        let list = schema_tables::table_names(&name);
        let kind = if name.eq_ignore_ascii_case("information_schema") {
            "SYSTEM VIEW"
        } else {
            "BASE TABLE"
        };
        rows.extend(list.into_iter().map(|n| (n, kind)));
        name.to_lowercase()
    } else {
        let sight = Sight::new(session);
        let (seen, root) = open(session, &name, at.as_ref())?;
        let tables = sight.table_names(&seen, &root);
        rows.extend(
            sight
                .generated_names(&tables)
                .into_iter()
                .map(|n| (n, "BASE TABLE")),
        );
        rows.extend(tables.into_iter().map(|n| (n, "BASE TABLE")));
        let views = match &at {
            None => sight.views(&seen, None)?,
            Some(_) => root.views()?.values().cloned().collect(),
        };
        rows.extend(views.into_iter().map(|v| (v.name, "VIEW")));
        seen.name
    };
    rows.sort_by_key(|r| r.0.to_lowercase());
    let title = format!("Tables_in_{shown}");
    let columns: &[&str] = if full {
        &[&title, "Table_type"]
    } else {
        &[&title]
    };
    let mut out = Listing::of_words(columns);
    for (n, kind) in rows {
        let mut row = vec![Value::text(n)];
        if full {
            row.push(Value::text(kind));
        }
        out.push(row);
    }
    Ok(out)
}

/// SHOW OPEN TABLES: there is no cache of open tables to look into.
pub(super) fn open_tables() -> Listing {
    Listing::new(&[
        ("Database", Kind::Name),
        ("Table", Kind::Name),
        ("In_use", Kind::Number),
        ("Name_locked", Kind::Number),
    ])
}

/// SHOW TABLE STATUS.
pub(super) fn table_status(session: &Session, db: Option<&ast::Ident>) -> Result<Listing> {
    let name = database_name(session, db)?;
    let mut out = Listing::new(TABLE_STATUS);
    if is_system(&name) {
        return Ok(out);
    }
    let sight = Sight::new(session);
    let (seen, _) = open(session, &name, None)?;
    let mut rows: Vec<Vec<OwnedValue>> = Vec::new();
    for t in sight.tables(&seen, None)? {
        let n = crate::schema_tables::row_count(session, &seen, &t);
        let average = column_facts::average_row_length(&t.def);
        rows.push(vec![
            Value::text(t.name.as_str()),
            Value::text("InnoDB"),
            Value::Int(10),
            Value::text("Fixed"),
            Value::UInt(n),
            Value::UInt(if n > 0 { average } else { 0 }),
            Value::UInt(average.saturating_mul(n)),
            Value::Int(0),
            Value::Int(0),
            Value::Int(0),
            auto_increment(&seen, &t),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::text(t.def.collation.get().name),
            Value::Null,
            Value::Null,
            Value::text(t.def.comment.as_str()),
        ]);
    }
    for v in sight.views(&seen, None)? {
        let mut row = vec![Value::text(v.name)];
        row.resize(TABLE_STATUS.len() - 1, Value::Null);
        row.push(Value::text("VIEW"));
        rows.push(row);
    }
    rows.sort_by_key(|r| crate::convert::to_string(&r[0]).to_lowercase());
    rows.into_iter().for_each(|r| out.push(r));
    Ok(out)
}

/// The next AUTO_INCREMENT value of a table; NULL when it has none.
pub(crate) fn auto_increment(seen: &SeenDatabase, t: &TableState) -> OwnedValue {
    match t.def.auto_increment() {
        Some(_) => Value::UInt(next_id(seen, t)),
        None => Value::Null,
    }
}

fn next_id(seen: &SeenDatabase, t: &TableState) -> u64 {
    // Taking no number tells the next one.
    let next = seen
        .db
        .handle
        .take_numbers(&t.name, t.table.auto_increment(), 0)
        .unwrap_or_else(|_| t.table.auto_increment());
    let most = t
        .def
        .auto_increment()
        .map_or(u64::MAX, |c| greatest(&t.def.columns[c].ty));
    next.min(most)
}

/// The greatest number that a column of this type can count to.
fn greatest(ty: &SqlType) -> u64 {
    let SqlType::Int {
        width, unsigned, ..
    } = ty
    else {
        return u64::MAX;
    };
    let bits = match width {
        IntWidth::Tiny => 8,
        IntWidth::Small => 16,
        IntWidth::Medium => 24,
        IntWidth::Int => 32,
        IntWidth::Big => 64,
    };
    u64::MAX >> (64 - bits) >> u32::from(!unsigned)
}

/// What a name stands for, as SHOW needs it.
enum Named {
    Table(SeenDatabase, Arc<RootState>, Arc<TableState>),
    View(SeenDatabase, crate::root_state::ViewDef),
    Computed(Arc<dyn crate::virtual_table::VirtualTable>),
}

fn named(session: &Session, name: &ObjectName, at: Option<&OwnedValue>) -> Result<Named> {
    let db = database_name(session, name.db.as_ref())?;
    if !is_system(&db) {
        let (seen, root) = open(session, &db, at)?;
        if at.is_none()
            && let Some(temporary) = session.temporary_table(&db, &name.name)?
        {
            let root = session.root_of(&temporary)?;
            if let Some(state) = root.table(&name.name)? {
                return Ok(Named::Table(seen, root, state));
            }
        }
        if let Some(state) = root.table(&name.name)? {
            return Ok(Named::Table(seen, root, state));
        }
        let views = if at.is_some() {
            root.views()?
        } else {
            seen.root.views()?
        };
        if let Some(v) = views.get(&name.name.to_lowercase()) {
            return Ok(Named::View(seen, v.clone()));
        }
    }
    match session.resolve_table(Some(&db), &name.name, at)? {
        Resolved::Virtual(t) => Ok(Named::Computed(t)),
        _ => Err(Error::unknown_table_missing(db, &name.name)),
    }
}

fn column_row(
    session: &Session,
    full: bool,
    column: &crate::table::Column,
    key: &str,
) -> Vec<OwnedValue> {
    let mut row = vec![
        Value::text(column.name.as_str()),
        Value::text(create_table::type_text(&column.ty)),
    ];
    if full {
        row.push(column_facts::charset(&column.ty).1);
    }
    row.push(Value::text(if column.nullable { "YES" } else { "NO" }));
    row.push(Value::text(key));
    row.push(create_table::shown_default(session, column, true));
    row.push(Value::text(column_facts::extra(column)));
    if full {
        row.push(Value::text(""));
        row.push(Value::text(column.comment.as_str()));
    }
    row
}

fn computed_row(
    full: bool,
    name: &str,
    ty: &SqlType,
    nullable: bool,
    key: &str,
) -> Vec<OwnedValue> {
    let mut row = vec![Value::text(name), Value::text(create_table::type_text(ty))];
    if full {
        row.push(column_facts::charset(ty).1);
    }
    row.push(Value::text(if nullable { "YES" } else { "NO" }));
    row.push(Value::text(key));
    row.push(Value::Null);
    row.push(Value::text(""));
    if full {
        row.push(Value::text(""));
        row.push(Value::text(""));
    }
    row
}

/// The stored column that a result column is taken from.
pub(crate) fn base_column(session: &Session, c: &ColumnMeta) -> Option<(Arc<TableState>, usize)> {
    if c.org_table.is_empty() || c.org_name.is_empty() {
        return None;
    }
    let db = match session.temporary_table(&c.schema, &c.org_table).ok()? {
        Some(db) => db,
        None => session.resolve_database(&c.schema).ok()?,
    };
    let state = session.root_of(&db).ok()?.table(&c.org_table).ok()??;
    let at = state.def.column(&c.org_name)?;
    Some((state, at))
}

/// SHOW COLUMNS.
pub(super) fn columns(
    session: &Session,
    full: bool,
    extended: bool,
    table: &ObjectName,
    as_of: Option<&AsOf>,
    params: &[OwnedValue],
) -> Result<Listing> {
    let at = as_of_value(session, as_of, params)?;
    let mut out = Listing::new(if full {
        SHOW_FULL_COLUMNS
    } else {
        SHOW_COLUMNS
    });
    match named(session, table, at.as_ref())? {
        Named::Table(_, _, state) => {
            let def = &state.def;
            for (i, c) in def.columns.iter().enumerate() {
                if !def.schema.columns[i].hidden_system {
                    out.push(column_row(session, full, c, column_facts::key(def, i)));
                } else if extended {
                    let plain = crate::table::Column {
                        generated: String::new(),
                        hidden: false,
                        ..c.clone()
                    };
                    out.push(column_row(session, full, &plain, column_facts::key(def, i)));
                }
            }
        }
        Named::View(seen, view) => {
            let text = format!(
                "SELECT * FROM {}.{}",
                create_table::quoted(&seen.name),
                create_table::quoted(&view.name)
            );
            for c in query_columns(session, &text)? {
                match base_column(session, &c) {
                    Some((state, at)) => {
                        let column = crate::table::Column {
                            name: c.name.clone(),
                            auto_increment: false,
                            generated: String::new(),
                            comment: String::new(),
                            ..state.def.columns[at].clone()
                        };
                        out.push(column_row(session, full, &column, ""));
                    }
                    None => out.push(computed_row(full, &c.name, &c.ty, !c.not_null, "")),
                }
            }
        }
        Named::Computed(t) => {
            for c in t.columns().iter().filter(|c| !c.hidden) {
                let key = if c.primary_key { "PRI" } else { "" };
                out.push(computed_row(full, &c.name, &c.ty, c.nullable, key));
            }
        }
    }
    Ok(out)
}

/// DESCRIBE.
pub(super) fn describe(session: &Session, d: &ast::Describe) -> Result<Listing> {
    let mut out = columns(session, false, false, &d.table, d.as_of.as_ref(), &[])?;
    if let Some(pattern) = &d.column {
        let filter = ast::ShowFilter::Like(pattern.clone());
        out.filter(session, Some(&filter), 0, &[], &[])?;
    }
    Ok(out)
}

/// An index with the facts that SHOW INDEX and STATISTICS print.
pub(crate) struct IndexPart {
    pub index: String,
    pub unique: bool,
    pub place: u64,
    /// None for an expression.
    pub column: Option<String>,
    pub expression: Option<String>,
    pub prefix: u16,
    pub nullable: bool,
    pub kind: &'static str,
    pub comment: String,
}

/// Every part of every index of a table, the primary key first.
pub(crate) fn index_parts(t: &TableState) -> Vec<IndexPart> {
    let def = &t.def;
    let mut out: Vec<IndexPart> = def
        .primary_key
        .iter()
        .enumerate()
        .map(|(i, c)| IndexPart {
            index: "PRIMARY".to_string(),
            unique: true,
            place: i as u64 + 1,
            column: Some(def.columns[*c].name.clone()),
            expression: None,
            prefix: 0,
            nullable: false,
            kind: "BTREE",
            comment: String::new(),
        })
        .collect();
    for index in &def.schema.indexes {
        let kind = match index {
            i if i.fulltext.is_some() => "FULLTEXT",
            i if i.spatial => "SPATIAL",
            i if i.vector.is_some() => "VECTOR",
            _ => "BTREE",
        };
        for (i, c) in index.columns.iter().enumerate() {
            let column = &def.schema.columns[*c];
            let expression = match column.hidden_system {
                true => column.generated_text().map(str::to_string),
                false => None,
            };
            out.push(IndexPart {
                index: index.name.clone(),
                unique: index.unique,
                place: i as u64 + 1,
                column: expression.is_none().then(|| column.name.clone()),
                expression,
                prefix: index.prefix(i),
                nullable: column.nullable,
                kind,
                comment: index.comment.clone(),
            });
        }
    }
    out
}

/// SHOW INDEX.
pub(super) fn index(session: &Session, table: &ObjectName) -> Result<Listing> {
    let mut out = Listing::new(SHOW_INDEX);
    let Named::Table(_, _, t) = named(session, table, None)? else {
        return Ok(out);
    };
    for p in index_parts(&t) {
        out.push(vec![
            Value::text(t.name.as_str()),
            Value::Int(i64::from(!p.unique)),
            Value::text(p.index),
            Value::UInt(p.place),
            maybe(p.column),
            Value::Null,
            Value::Int(0),
            if p.prefix > 0 {
                Value::UInt(p.prefix.into())
            } else {
                Value::Null
            },
            Value::Null,
            Value::text(if p.nullable { "YES" } else { "" }),
            Value::text(p.kind),
            Value::text(""),
            Value::text(p.comment),
            Value::text("YES"),
            maybe(p.expression),
        ]);
    }
    Ok(out)
}

fn view_listing(session: &Session, view: &crate::root_state::ViewDef) -> Listing {
    let mut out = Listing::new(&[
        ("View", Kind::Name),
        ("Create View", Kind::Text),
        ("character_set_client", Kind::Name),
        ("collation_connection", Kind::Name),
    ]);
    out.push(vec![
        Value::text(view.name.as_str()),
        Value::text(create_table::view_text(view)),
        session.variable("character_set_client"),
        session.variable("collation_connection"),
    ]);
    out
}

/// SHOW CREATE TABLE; of a view it is SHOW CREATE VIEW.
pub(super) fn create_table_listing(
    session: &Session,
    table: &ObjectName,
    as_of: Option<&AsOf>,
    params: &[OwnedValue],
) -> Result<Listing> {
    let at = as_of_value(session, as_of, params)?;
    let mut out = Listing::new(&[("Table", Kind::Name), ("Create Table", Kind::Text)]);
    match named(session, table, at.as_ref())? {
        Named::Table(seen, root, state) => {
            let temporary = at.is_none() && session.temporary_named(table)?.is_some();
            let next = match at {
                None if !temporary => next_id(&seen, &state),
                _ => state.table.auto_increment(),
            };
            let mut text = create_table::table_text(session, &root, &state, next)?;
            if temporary {
                text.insert_str("CREATE ".len(), "TEMPORARY ");
            }
            out.push(vec![Value::text(state.name.as_str()), Value::text(text)]);
        }
        Named::View(_, view) => return Ok(view_listing(session, &view)),
        Named::Computed(t) => {
            let mut lines: Vec<String> = Vec::new();
            for c in t.columns().iter().filter(|c| !c.hidden) {
                let null = if c.nullable { "" } else { " NOT NULL" };
                let ty = create_table::type_text(&c.ty);
                lines.push(format!("  {} {ty}{null}", create_table::quoted(&c.name)));
            }
            let keys: Vec<String> = t
                .columns()
                .iter()
                .filter(|c| c.primary_key)
                .map(|c| create_table::quoted(&c.name))
                .collect();
            if !keys.is_empty() {
                lines.push(format!("  PRIMARY KEY ({})", keys.join(",")));
            }
            let text = format!(
                "CREATE TABLE {} (\n{}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin",
                create_table::quoted(t.name()),
                lines.join(",\n")
            );
            out.push(vec![Value::text(t.name()), Value::text(text)]);
        }
    }
    Ok(out)
}

/// SHOW CREATE VIEW.
pub(super) fn create_view_listing(
    session: &Session,
    view: &ObjectName,
    as_of: Option<&AsOf>,
    params: &[OwnedValue],
) -> Result<Listing> {
    let at = as_of_value(session, as_of, params)?;
    match named(session, view, at.as_ref())? {
        Named::View(_, v) => Ok(view_listing(session, &v)),
        _ => {
            let db = database_name(session, view.db.as_ref())?;
            Err(Error::wrong_object(db, &*view.name, "VIEW"))
        }
    }
}

/// SHOW CREATE DATABASE.
pub(super) fn create_database_listing(
    session: &Session,
    name: &str,
    if_not_exists: bool,
) -> Result<Listing> {
    let mut out = Listing::new(&[("Database", Kind::Name), ("Create Database", Kind::Text)]);
    let (shown, collation) = if is_system(name) {
        let id = if name.eq_ignore_ascii_case("information_schema") {
            super::listing::NAMES
        } else {
            values::CollationId::UTF8MB4_0900_AI_CI
        };
        (name.to_lowercase(), id)
    } else {
        let (seen, root) = open(session, name, None)?;
        (seen.name, root.root.collation())
    };
    let text = create_table::database_text(&shown, collation, if_not_exists);
    out.push(vec![Value::text(shown), Value::text(text)]);
    Ok(out)
}

/// ANALYZE TABLE .. HISTOGRAM: a line for each column.
pub(super) fn histogram(session: &Session, a: &ast::AnalyzeHistogram) -> Result<Listing> {
    let mut out = Listing::new(&[
        ("Table", Kind::Name),
        ("Op", Kind::Name),
        ("Msg_type", Kind::Name),
        ("Msg_text", Kind::Text),
    ]);
    let db = database_name(session, a.table.db.as_ref())?;
    let full = format!("{db}.{}", a.table.name);
    let Named::Table(_, _, table) = named(session, &a.table, None)? else {
        return Err(Error::wrong_object(&db, &*a.table.name, "BASE TABLE"));
    };
    let drop = matches!(a.action, ast::HistogramAction::Drop);
    for column in &a.columns {
        let (kind, text) = match table.def.column(column) {
            None => ("Error", format!("The column '{column}' does not exist.")),
            Some(_) if drop => (
                "status",
                format!("Histogram statistics removed for column '{column}'."),
            ),
            Some(_) => (
                "status",
                format!("Histogram statistics created for column '{column}'."),
            ),
        };
        out.push(vec![
            Value::text(full.as_str()),
            Value::text("histogram"),
            Value::text(kind),
            Value::text(text),
        ]);
    }
    Ok(out)
}

/// ANALYZE, CHECK, CHECKSUM, OPTIMIZE and REPAIR TABLE.
pub(super) fn maintain(session: &Session, m: &ast::TableMaintenance) -> Result<Listing> {
    let (verb, note) = match m.verb {
        ast::MaintenanceVerb::Analyze => ("analyze", None),
        ast::MaintenanceVerb::Check => ("check", None),
        ast::MaintenanceVerb::Optimize => (
            "optimize",
            Some("Table does not support optimize, doing recreate + analyze instead"),
        ),
        ast::MaintenanceVerb::Repair => ("repair", None),
        ast::MaintenanceVerb::Checksum => ("checksum", None),
    };
    let checksum = verb == "checksum";
    let mut out = match checksum {
        true => Listing::new(&[("Table", Kind::Name), ("Checksum", Kind::Number)]),
        false => Listing::new(&[
            ("Table", Kind::Name),
            ("Op", Kind::Name),
            ("Msg_type", Kind::Name),
            ("Msg_text", Kind::Text),
        ]),
    };
    for table in &m.tables {
        let db = database_name(session, table.db.as_ref())?;
        let full = format!("{db}.{}", table.name);
        let found = named(session, table, None);
        if checksum {
            let sum = match &found {
                // The address of the rows is a checksum of them.
                Ok(Named::Table(_, _, t)) => {
                    let hash = t.hash.to_string();
                    let sum = hash
                        .bytes()
                        .fold(0u32, |s, b| s.rotate_left(5) ^ u32::from(b));
                    Value::UInt(sum.into())
                }
                _ => Value::Null,
            };
            out.push(vec![Value::text(full), sum]);
            continue;
        }
        let mut line = |kind: &str, text: &str| {
            out.push(vec![
                Value::text(full.as_str()),
                Value::text(verb),
                Value::text(kind),
                Value::text(text),
            ]);
        };
        match found {
            Ok(Named::Table(..)) => {
                if let Some(note) = note {
                    line("note", note);
                }
                line("status", "OK");
            }
            Ok(_) => line("status", "OK"),
            Err(e) => {
                line("Error", &e.message);
                line("status", "Operation failed");
            }
        }
    }
    Ok(out)
}
