//! Writing to system tables: removing conflicts and violations, correcting our side of a
//! conflict, and creating the tables that users fill.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{Column, Root, Schema, Table};
use prolly::Edit;
use syntax::ToSql;
use syntax::ast::{self, Statement, TableRef};
use values::{IntWidth, LobSize, OwnedValue, SqlType, Value};
use versioning::{ArtifactKind, Artifacts, Conflicts, RowReader};

use super::branch_edit::{BranchEdit, edit};
use super::logic::SessionLogic;
use super::system_tables::{AGENT_DOC, WorkspaceChange, agent_doc, change_workspace};
use crate::branch_control::Permissions;
use crate::convert::to_string;
use crate::error::{Error, Result};
use crate::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use crate::root_state::TableState;
use crate::session::{DbRef, Session};

/// What a query gave.
#[derive(Default)]
pub(crate) struct Rows {
    /// Types of its columns.
    pub types: Vec<SqlType>,
    /// Its rows.
    pub rows: Vec<Vec<OwnedValue>>,
}

impl ResultSink for Rows {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        self.types = columns.iter().map(|c| c.ty.clone()).collect();
        Ok(())
    }

    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        let values = (0..row.len()).map(|i| Ok(row.get(i)?.into_owned()));
        self.rows.push(values.collect::<Result<_>>()?);
        Ok(Flow::Continue)
    }

    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        Ok(())
    }
}

/// Runs a query.
pub(crate) fn select(session: &Session, sql: &str, params: &[OwnedValue]) -> Result<Rows> {
    let options = session.modes().syntax.clone();
    let parsed =
        syntax::parse_prepared(sql.as_bytes(), &options).map_err(crate::statement::syntax_error)?;
    let mut rows = Rows::default();
    match parsed.0 {
        Statement::Query(q) => session.query(&q, sql.as_bytes(), params, &mut rows, false)?,
        _ => return Err(Error::general("not a query")),
    }
    Ok(rows)
}

/// The one table of a statement, if it is a system table.
fn system_table(from: &[TableRef]) -> Option<(Option<String>, String)> {
    let [TableRef::Table { table, .. }] = from else {
        return None;
    };
    let name = table.name.name.to_lowercase();
    name.starts_with("dolt_")
        .then(|| (table.name.db.as_ref().map(|d| d.to_string()), name))
}

/// WHERE, ORDER BY and LIMIT of a statement.
pub(crate) fn tail(
    where_: &Option<ast::Expr>,
    order: &[ast::OrderItem],
    limit: &Option<ast::Limit>,
) -> String {
    let mut out = String::new();
    if let Some(w) = where_ {
        out += &format!(" WHERE {}", w.to_sql());
    }
    if !order.is_empty() {
        let list: Vec<String> = order
            .iter()
            .map(|o| {
                format!(
                    "{}{}",
                    o.expr.to_sql(),
                    if o.descending { " DESC" } else { "" }
                )
            })
            .collect();
        out += &format!(" ORDER BY {}", list.join(", "));
    }
    if let Some(l) = limit {
        out += &format!(" LIMIT {}", l.count.to_sql());
    }
    out
}

fn database(session: &Session, name: &Option<String>) -> Result<DbRef> {
    match name {
        Some(db) => session.resolve_database(db),
        None => session.current(),
    }
}

/// A statement that writes to a system table; none if it is an ordinary one.
pub fn change(session: &Session, s: &Statement, params: &[OwnedValue]) -> Result<Option<Done>> {
    if let Some(done) = crate::branch_control::change(session, s, params)? {
        return Ok(Some(done));
    }
    match s {
        Statement::Insert(i) => {
            let name = i.table.name.to_lowercase();
            check_editable(&name)?;
            if let Some(schema) = user_table(&name) {
                let db = i.table.db.as_ref().map(|d| d.to_string());
                create(session, &database(session, &db)?, &name, &schema)?;
            }
            Ok(None)
        }
        Statement::Delete(d) if d.targets.is_empty() => {
            let Some((db, name)) = system_table(&d.from) else {
                return Ok(None);
            };
            check_editable(&name)?;
            if is_absent(session, &db, &name)? {
                return Ok(Some(Done::default()));
            }
            let tail = tail(&d.where_, &d.order_by, &d.limit);
            let from = d.from[0].to_sql();
            if let Some(table) = name.strip_prefix(WORKSPACE) {
                let sql = format!("SELECT id, staged FROM {from}{tail}");
                let rows = select(session, &sql, params)?.rows;
                if rows.iter().any(|r| is_true(&r[1])) {
                    return Err(Error::general("cannot delete staged rows from workspace"));
                }
                let ids = rows.iter().filter_map(|r| number(&r[0])).collect();
                let db = database(session, &db)?;
                change_workspace(session, &db, table, &ids, WorkspaceChange::Revert)?;
                return Ok(Some(Done {
                    affected_rows: rows.len() as u64,
                    ..Done::default()
                }));
            }
            let of_conflicts = name.strip_prefix("dolt_conflicts_");
            let of_violations = name.strip_prefix("dolt_constraint_violations_");
            let (key, table, conflicts) = match (of_conflicts, of_violations) {
                (Some(table), _) => ("dolt_conflict_id", table, true),
                (_, Some(table)) => ("dolt_violation_key", table, false),
                _ => return Ok(None),
            };
            let found = select(session, &format!("SELECT {key} FROM {from}{tail}"), params)?;
            let keys: Vec<String> = found
                .rows
                .iter()
                .map(|r| crate::convert::to_string(&r[0]))
                .collect();
            let db = database(session, &db)?;
            let needed = match conflicts {
                true => session.needed_to_resolve(&db)?,
                false => Permissions::WRITE,
            };
            session.needing(needed, || {
                session.require_on(&db, needed)?;
                remove(session, &db, table, &keys, conflicts)
            })?;
            Ok(Some(Done {
                affected_rows: keys.len() as u64,
                ..Done::default()
            }))
        }
        Statement::Update(u) => {
            let Some((db, name)) = system_table(&u.tables) else {
                return Ok(None);
            };
            check_editable(&name)?;
            if name == "dolt_docs" {
                let place = tail(&u.where_, &u.order_by, &u.limit);
                // The values are named for the sake of their parameters' order.
                let mut sql = "SELECT doc_name".to_string();
                for a in &u.set {
                    sql += &format!(", ({})", a.value.to_sql());
                }
                sql += &format!(" FROM {}{place}", u.tables[0].to_sql());
                let found = select(session, &sql, params)?.rows;
                if found.iter().any(|r| to_string(&r[0]) == AGENT_DOC) {
                    store_agent_doc(session, &database(session, &db)?)?;
                }
            }
            if is_absent(session, &db, &name)? {
                return Ok(Some(Done::default()));
            }
            if let Some(table) = name.strip_prefix(WORKSPACE) {
                let db = database(session, &db)?;
                return stage_rows(session, u, &db, table, params).map(Some);
            }
            let Some(table) = name.strip_prefix("dolt_conflicts_") else {
                return Ok(None);
            };
            let mut sql = "SELECT dolt_conflict_id".to_string();
            for a in &u.set {
                sql += &format!(", ({})", a.value.to_sql());
            }
            for a in &u.set {
                sql += &format!(", {}", ast::Expr::Column(a.column.clone()).to_sql());
            }
            sql += &format!(
                " FROM {}{}",
                u.tables[0].to_sql(),
                tail(&u.where_, &u.order_by, &u.limit)
            );
            let columns: Vec<String> = u.set.iter().map(|a| a.column.name.to_string()).collect();
            let found = select(session, &sql, params)?;
            let matched = found.rows.len();
            let db = database(session, &db)?;
            let needed = session.needed_to_resolve(&db)?;
            let changed = session.needing(needed, || {
                session.require_on(&db, needed)?;
                update_ours(session, &db, table, &columns, found)
            })?;
            Ok(Some(Done {
                affected_rows: changed,
                info: format!("Rows matched: {matched}  Changed: {changed}  Warnings: 0"),
                ..Done::default()
            }))
        }
        _ => Ok(None),
    }
}

/// Fails for tables that show what a procedure changes.
fn check_editable(name: &str) -> Result<()> {
    let procedure = match name {
        "dolt_branches" => "dolt_branch",
        "dolt_remotes" => "dolt_remote",
        _ => return Ok(()),
    };
    // Dolt speaks of remotes in both cases.
    Err(Error::general(format!(
        "the {name} table is read-only; use the {procedure} stored procedure to edit remotes"
    )))
}

/// Whether this is a table that users fill, and nobody has put a row into it yet.
fn is_absent(session: &Session, db: &Option<String>, name: &str) -> Result<bool> {
    if user_table(name).is_none() {
        return Ok(false);
    }
    let db = database(session, db)?;
    session.require_on(&db, Permissions::WRITE)?;
    Ok(session.root_of(&db)?.table(name)?.is_none())
}

const WORKSPACE: &str = "dolt_workspace_";

fn number(value: &OwnedValue) -> Option<u64> {
    match value {
        Value::UInt(n) => Some(*n),
        Value::Int(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

fn is_true(value: &OwnedValue) -> bool {
    !matches!(value, Value::Null | Value::Int(0) | Value::UInt(0))
}

/// UPDATE of a workspace table: rows are staged, or no longer.
fn stage_rows(
    session: &Session,
    u: &ast::Update,
    db: &DbRef,
    table: &str,
    params: &[OwnedValue],
) -> Result<Done> {
    let [set] = u.set.as_slice() else {
        return Err(Error::general(ONLY_STAGED));
    };
    if !set.column.name.eq_ignore_ascii_case("staged") {
        return Err(Error::general(ONLY_STAGED));
    }
    let sql = format!(
        "SELECT ({}), id, staged FROM {}{}",
        set.value.to_sql(),
        u.tables[0].to_sql(),
        tail(&u.where_, &u.order_by, &u.limit)
    );
    let found = select(session, &sql, params)?.rows;
    let of = |staged: bool| -> BTreeSet<u64> {
        let rows = found.iter();
        rows.filter(|r| is_true(&r[0]) == staged && is_true(&r[2]) != staged)
            .filter_map(|r| number(&r[1]))
            .collect()
    };
    let (stage, unstage) = (of(true), of(false));
    if !stage.is_empty() && !unstage.is_empty() {
        return Err(Error::not_supported(
            "staging and unstaging rows in one statement",
        ));
    }
    change_workspace(session, db, table, &stage, WorkspaceChange::Stage)?;
    change_workspace(session, db, table, &unstage, WorkspaceChange::Unstage)?;
    let changed = (stage.len() + unstage.len()) as u64;
    Ok(Done {
        affected_rows: changed,
        info: format!(
            "Rows matched: {}  Changed: {changed}  Warnings: 0",
            found.len()
        ),
        ..Done::default()
    })
}

const ONLY_STAGED: &str = "only update of column 'staged' is allowed";

/// The key of a violation as the hidden column shows it.
pub fn violation_key(map_key: &[u8]) -> String {
    map_key.iter().map(|b| format!("{b:02x}")).collect()
}

fn table_of(e: &BranchEdit<'_>, name: &str) -> Result<(Root, String, Table)> {
    let root = e.working()?;
    match root.table(name)? {
        Some((stored, table)) => Ok((root, stored, table)),
        None => Err(Error::unknown_table_missing(&e.handle.name, name)),
    }
}

fn remove(
    session: &Session,
    db: &DbRef,
    name: &str,
    keys: &[String],
    conflicts: bool,
) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    edit(session, db, |e| {
        let (root, stored, table) = table_of(e, name)?;
        let mut artifacts = Artifacts::of(&table)?;
        for artifact in artifacts.all()? {
            let is_conflict = artifact.kind == ArtifactKind::Conflict;
            let key = match is_conflict {
                true => artifact.conflict_id(),
                false => violation_key(&artifact.map_key),
            };
            if is_conflict == conflicts && keys.contains(&key) {
                artifacts.remove(&artifact.map_key);
            }
        }
        e.set_working(&root.with_table(&stored, &artifacts.store_in(&table)?)?)
    })
}

/// Gives rows in conflict other values of ours. `found` has the conflict's id, what is assigned to
/// each of the columns, and what the columns hold; assignments to the other sides change no
/// row. Gives the number of conflicts that an assignment changes.
fn update_ours(
    session: &Session,
    db: &DbRef,
    name: &str,
    columns: &[String],
    found: Rows,
) -> Result<u64> {
    let changes = assigned_values(columns, &found)?;
    edit(session, db, |e| {
        let (root, stored, table) = table_of(e, name)?;
        let schema = table.schema().clone();
        let mut assigned = Vec::new();
        for (i, column) in columns.iter().enumerate() {
            let lower = column.to_lowercase();
            if let Some(own) = lower.strip_prefix("our_")
                && let Some(at) = schema.column_index(own)
            {
                assigned.push((i, at));
            }
        }
        let mut conflicts = Conflicts::of(&stored, &table)?;
        let reader = RowReader::of(&table);
        let state = TableState::new(&stored, table.hash()?, table.clone(), &e.handle.name)?;
        // By key: what the row is now, and what it becomes.
        let mut edits: BTreeMap<Vec<u8>, (Option<Vec<u8>>, Option<Vec<u8>>)> = BTreeMap::new();
        for i in 0..conflicts.len() {
            let Some(c) = conflicts.conflict(i)? else {
                continue;
            };
            let Some(values) = changes.get(&c.artifact.conflict_id()) else {
                continue;
            };
            let key = &c.artifact.row_key;
            let mut row = match &c.ours {
                Some(value) => reader.row(key, value)?,
                None => vec![Value::Null; schema.columns.len()],
            };
            for (i, at) in &assigned {
                row[*at] = values[*i].clone();
            }
            if c.ours.is_none() && row.iter().all(Value::is_null) {
                continue;
            }
            for (column, value) in schema.columns.iter().zip(&row) {
                if !column.nullable && value.is_null() && !column.is_virtual {
                    return Err(Error::new(
                        1048,
                        "23000",
                        format!(
                            "column name 'our_{}' is non-nullable but attempted to set a value of null",
                            column.name
                        ),
                    ));
                }
            }
            let new = crate::write::encode_row(&state, &row)?;
            if c.ours.as_ref() == Some(&new.value) && *key == new.key {
                continue;
            }
            if let Some(old) = &c.ours
                && *key != new.key
            {
                edits.insert(key.clone(), (Some(old.clone()), None));
            }
            let there = table.rows()?.get(&new.key)?.map(|i| i.value().to_vec());
            edits.insert(new.key, (there, Some(new.value)));
        }
        let mut list: Vec<(Edit, Option<Vec<u8>>)> = edits
            .into_iter()
            .map(|(key, (old, new))| (Edit { key, value: new }, old))
            .collect();
        let desc = table.layout().key_desc().clone();
        list.sort_by(|a, b| desc.compare(&a.0.key, &b.0.key));
        let logic = SessionLogic::new(session, e.handle.store.objects());
        let edited = versioning::replace_rows(&stored, &table, list, &logic)?;
        e.set_working(&root.with_table(&stored, &edited)?)
    })?;
    Ok(changes.len() as u64)
}

/// By a conflict's id: what its columns become, as their types store it. Conflicts that keep the
/// values they have are left out.
fn assigned_values(columns: &[String], found: &Rows) -> Result<HashMap<String, Vec<OwnedValue>>> {
    let n = columns.len();
    let mut changes = HashMap::new();
    for row in &found.rows {
        let mut values = Vec::with_capacity(n);
        for (i, column) in columns.iter().enumerate() {
            let (from, to) = (&found.types[1 + i], &found.types[1 + n + i]);
            let cx = values::conversion::Context::default();
            let value = values::conversion::store(&row[1 + i], from, to, &cx);
            values.push(value.map_err(|e| Error::new(e.code(), e.sqlstate(), e.text(column, 1)))?);
        }
        let mut pairs = values.iter().zip(&row[1 + n..]);
        if pairs.any(|(new, old)| values::compare(new, old, None).is_ne()) {
            changes.insert(to_string(&row[0]), values);
        }
    }
    Ok(changes)
}

/// The schema of a table that users fill (spec 03 §17), without tags.
fn user_table(name: &str) -> Option<Schema> {
    use values::CollationId;
    let text = SqlType::Text(LobSize::Regular, CollationId::DEFAULT);
    let long = SqlType::Text(LobSize::Long, CollationId::DEFAULT);
    let varchar = |n| SqlType::VarChar(n, CollationId::DEFAULT);
    let int = |width, bool_width| SqlType::Int {
        width,
        unsigned: false,
        bool_width,
    };
    let columns: Vec<(&str, SqlType, bool)> = match name {
        "dolt_docs" => vec![
            ("doc_name", varchar(1023), false),
            ("doc_text", long, false),
        ],
        "dolt_ignore" => vec![
            ("pattern", text, false),
            ("ignored", int(IntWidth::Tiny, true), false),
        ],
        "dolt_nonlocal_tables" => vec![
            ("table_name", varchar(65535), false),
            ("target_ref", varchar(65535), true),
            ("ref_table", varchar(65535), true),
            ("options", varchar(65535), true),
        ],
        "dolt_query_catalog" => vec![
            ("id", long, false),
            ("display_order", int(IntWidth::Int, false), false),
            ("name", text.clone(), false),
            ("query", text.clone(), false),
            ("description", text, false),
        ],
        "dolt_tests" => vec![
            ("test_name", text.clone(), false),
            ("test_group", text.clone(), true),
            ("test_query", text.clone(), false),
            ("assertion_type", text.clone(), false),
            ("assertion_comparator", text.clone(), false),
            ("assertion_value", text, true),
        ],
        _ => return None,
    };
    let mut schema = Schema {
        primary_key: vec![0],
        ..Schema::default()
    };
    for (i, (name, sql_type, nullable)) in columns.into_iter().enumerate() {
        let mut c = Column::new(name, sql_type, 0);
        c.nullable = nullable;
        c.primary_key = i == 0;
        schema.columns.push(c);
    }
    Some(schema)
}

fn create(session: &Session, db: &DbRef, name: &str, schema: &Schema) -> Result<()> {
    let root = session.root_of(db)?;
    if root.table(name)?.is_some() {
        return Ok(());
    }
    let mut schema = schema.clone();
    crate::ddl::give_tags(session, db, name, &mut schema)?;
    let table = Table::new(db.handle.store.objects(), &schema)?;
    put_table(session, db, name, &table)
}

/// Makes a table part of the session's working root.
fn put_table(session: &Session, db: &DbRef, name: &str, table: &Table) -> Result<()> {
    let mut changes = session.branch_changes(db)?;
    let built = changes.built_root()?.with_table(name, table)?;
    let id = built.save()?;
    let state = db.handle.root(id)?;
    changes.set.working = id;
    changes.root = state.clone();
    changes.latest = state;
    changes.tables.clear();
    changes.replaced = true;
    Ok(())
}

/// Stores the document for agents that is shown while there is no other, so that it can be
/// changed.
fn store_agent_doc(session: &Session, db: &DbRef) -> Result<()> {
    const NAME: &str = "dolt_docs";
    let Some(schema) = user_table(NAME) else {
        return Ok(());
    };
    create(session, db, NAME, &schema)?;
    let root = super::working_root(session, db)?;
    let Some((_, table)) = root.table(NAME)? else {
        return Ok(());
    };
    let state = TableState::new(NAME, table.hash()?, table.clone(), &db.handle.name)?;
    let row = crate::write::encode_row(&state, &agent_doc())?;
    let rows = table.rows()?;
    if rows.get(&row.key)?.is_some() {
        return Ok(());
    }
    let rows = rows.edit(&[Edit::put(row.key, row.value)])?;
    put_table(session, db, NAME, &table.with_rows(&rows))
}
