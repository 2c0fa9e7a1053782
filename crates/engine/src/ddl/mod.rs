//! Statements that define databases, tables, indexes and views.
//!
//! A definition works on the newest root of its branch and replaces it as a whole; the statement's
//! transaction has been committed before and is committed after.

mod alter;
mod create;
pub(crate) mod event;
mod foreign_key;
pub(crate) mod fulltext;
mod function_text;
mod functional_key;
mod program;
mod rebuild;
pub(crate) mod stored_text;
pub mod types;
mod view;

pub(crate) use rebuild::state_of;

pub(crate) use create::create_table;
pub use foreign_key::resolve_before_write;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{ForeignKeys, Root, Schema, Table};
use syntax::ast::{self, Statement};
use values::{CollationId, OwnedValue};

use crate::branch_control::Permissions;
use crate::error::{Error, Result};
use crate::root_state::{RootState, TableState};
use crate::session::{DbRef, Revision, Session};

/// The schema of a table that holds views, triggers, events or procedures, by its name.
pub(crate) fn code_table(name: &str) -> Option<model::Schema> {
    match name {
        "dolt_schemas" => Some(view::schema()),
        "dolt_procedures" => Some(program::procedures_schema()),
        _ => None,
    }
}

/// A root that is being changed.
pub struct Change<'s> {
    session: &'s Session,
    /// The database and branch.
    pub db: DbRef,
    /// The root so far.
    pub root: Arc<RootState>,
}

/// Gives tags to the columns of a table that the server makes.
pub(crate) fn give_tags(
    session: &Session,
    db: &DbRef,
    table: &str,
    schema: &mut model::Schema,
) -> Result<()> {
    create::give_tags(&Change::new(session, db)?, table, schema)
}

impl<'s> Change<'s> {
    /// Begins on the newest root of a branch.
    pub fn new(session: &'s Session, db: &DbRef) -> Result<Change<'s>> {
        if !matches!(db.revision, Revision::Branch(_)) {
            return Err(Error::general(format!(
                "Database {} is read-only.",
                db.name
            )));
        }
        if session.instance.settings.read_only {
            return Err(Error::general("database server is set to read only mode"));
        }
        session.require_on(db, Permissions::WRITE)?;
        let root = session.branch_changes(db)?.root.clone();
        Ok(Change {
            session,
            db: db.clone(),
            root,
        })
    }

    fn set_root(&mut self, root: Root) -> Result<()> {
        let id = root.save()?;
        self.root = Arc::new(self.db.handle.root_state(root, id)?);
        Ok(())
    }

    /// A table of the root, or error 1146.
    pub fn table(&self, name: &str) -> Result<Arc<TableState>> {
        self.root
            .table(name)?
            .ok_or_else(|| Error::unknown_table_missing(&self.db.handle.name, name))
    }

    /// Puts a table into the root.
    pub fn put_table(&mut self, name: &str, table: &Table) -> Result<()> {
        let root = self.root.root.with_table(name, table)?;
        self.set_root(root)
    }

    /// Replaces the foreign keys.
    pub fn set_foreign_keys(&mut self, keys: &ForeignKeys) -> Result<()> {
        let root = self.root.root.with_foreign_keys(keys)?;
        self.set_root(root)
    }

    /// Tags of all columns at HEAD and in the working root.
    fn tags_in_use(&self) -> Result<BTreeSet<u64>> {
        let head = self.head_root()?;
        create::tags_of(
            head.as_ref()
                .map(|r| &r.root)
                .into_iter()
                .chain([&self.root.root]),
        )
    }

    fn head_root(&self) -> Result<Option<Arc<RootState>>> {
        let Revision::Branch(branch) = &self.db.revision else {
            return Ok(None);
        };
        let store = &self.db.handle.store;
        match store.branch(branch) {
            Some(commit) => Ok(Some(self.db.handle.root(store.commit(commit)?.root)?)),
            None => Ok(None),
        }
    }

    /// Columns of the table of this name at HEAD that come back under their old name and kind
    /// (spec 03 §11.4).
    fn columns_at_head(&self, table: &str, schema: &Schema) -> Result<Vec<(String, u8, u64)>> {
        let Some(head) = self.head_root()? else {
            return Ok(Vec::new());
        };
        let Some(old) = head.table(table)? else {
            return Ok(Vec::new());
        };
        // In the order of the new columns: their kinds enter the seeds of the tags behind them.
        let old = model::column_tag::columns_of(old.table.schema());
        let shared = schema.columns.iter().filter_map(|c| {
            let kind = model::column_tag::kind(&c.sql_type);
            old.iter().find(|(n, k, _)| *n == c.name && *k == kind)
        });
        Ok(shared.cloned().collect())
    }

    /// Hands the root to the transaction.
    pub fn finish(self) -> Result<()> {
        let mut b = self.session.branch_changes(&self.db)?;
        if b.root.id == self.root.id {
            return Ok(());
        }
        b.root = self.root.clone();
        b.latest = self.root.clone();
        b.set.working = self.root.id;
        b.replaced = true;
        Ok(())
    }
}

fn is_marked(name: &ast::ObjectName) -> bool {
    name.db
        .as_deref()
        .is_some_and(crate::temporary::is_temporary)
}

/// The database of a table that exists, which may be a temporary one.
fn table_database_of(session: &Session, name: &ast::ObjectName) -> Result<DbRef> {
    match session.temporary_named(name)? {
        Some(db) => Ok(db),
        None => database_of(session, name),
    }
}

/// The database that a name belongs to.
fn database_of(session: &Session, name: &ast::ObjectName) -> Result<DbRef> {
    match &name.db {
        Some(db) => {
            if crate::schema_tables::is_system(db) {
                return Err(Error::database_access_denied(
                    session.user(),
                    session.host(),
                    &**db,
                ));
            }
            session.resolve_database(db)
        }
        None => {
            let db = session.current_database().ok_or_else(Error::no_database)?;
            if crate::schema_tables::is_system(&db) {
                return Err(Error::database_access_denied(
                    session.user(),
                    session.host(),
                    db,
                ));
            }
            session.resolve_database(&db)
        }
    }
}

/// Runs a definition; gives the rows that count as affected.
pub fn run(session: &Session, s: &Statement, text: &[u8], params: &[OwnedValue]) -> Result<u64> {
    match s {
        Statement::CreateDatabase(c) => create_database(session, c),
        Statement::DropDatabase(d) => drop_database(session, d),
        Statement::Truncate(name) => truncate(session, name),
        Statement::CreateTable(c) => create_table(session, c, text, params),
        Statement::AlterDatabase(a) => alter_database(session, a).map(|()| 1),
        _ => define(session, s, text).map(|()| 0),
    }
}

fn define(session: &Session, s: &Statement, text: &[u8]) -> Result<()> {
    match s {
        Statement::AlterTable(a) => alter::alter_table(session, a),
        Statement::DropTable(d) => drop_tables(session, d),
        Statement::RenameTable(list) => {
            for (from, to) in list {
                let db = table_database_of(session, from)?;
                let mut change = Change::new(session, &db)?;
                rename_table(&mut change, &from.name, &to.name)?;
                change.finish()?;
            }
            Ok(())
        }
        Statement::CreateIndex(c) => {
            let spec = ast::AlterSpec::AddConstraint(match c.kind {
                ast::IndexKind::Unique => ast::TableConstraint::Unique {
                    constraint: None,
                    index: c.index.clone(),
                },
                kind => ast::TableConstraint::Index {
                    kind,
                    index: c.index.clone(),
                },
            });
            if c.if_not_exists {
                let db = table_database_of(session, &c.table)?;
                let root = session.root_of(&db)?;
                let name = c.index.name.as_deref().unwrap_or("");
                if root
                    .table(&c.table.name)?
                    .is_some_and(|t| t.def.index(name).is_some())
                {
                    return Ok(());
                }
            }
            alter::alter_specs(session, &c.table, std::slice::from_ref(&spec))
        }
        Statement::DropIndex(d) => {
            let spec = match d.name.eq_ignore_ascii_case("primary") {
                true => ast::AlterSpec::DropPrimaryKey,
                false => ast::AlterSpec::DropIndex {
                    name: d.name.clone(),
                    if_exists: d.if_exists,
                },
            };
            alter::alter_specs(session, &d.table, &[spec])
        }
        Statement::CreateView(v) => view::create_view(session, v, text),
        Statement::AlterView(v) => view::create_view(session, v, text),
        Statement::DropView(d) => view::drop_views(session, d),
        Statement::CreateTrigger(t) => program::create_trigger(session, s, t, text),
        Statement::DropTrigger(d) => program::drop_trigger(session, d),
        Statement::CreateProcedure(r) | Statement::CreateFunction(r) => {
            program::create_routine(session, s, r, text)
        }
        Statement::DropProcedure(d) => program::drop_routine(session, d, false),
        Statement::DropFunction(d) => program::drop_routine(session, d, true),
        Statement::AlterProcedure(a) => program::alter_routine(session, a, false),
        Statement::AlterFunction(a) => program::alter_routine(session, a, true),
        Statement::CreateEvent(e) => {
            session.instance.events.ring();
            event::create_event(session, s, e, text)
        }
        Statement::AlterEvent(e) => {
            session.instance.events.ring();
            event::alter_event(session, e, text)
        }
        Statement::DropEvent(d) => event::drop_event(session, d),
        _ => Err(Error::not_supported("this statement")),
    }
}

/// CREATE USER, GRANT and the like.
pub fn account_statement(session: &Session, s: &Statement) -> Result<()> {
    let Some(accounts) = &session.instance.accounts else {
        return Err(Error::not_supported("accounts outside of a server"));
    };
    session.commit_transaction()?;
    let outcome = crate::accounts::execute(
        accounts,
        s,
        &session.account_name(),
        session
            .current_database()
            .as_deref()
            .map(crate::statement::base_name),
    )?;
    for (code, text) in outcome.warnings {
        session.push_warning(code, text);
    }
    Ok(())
}

fn database_collation(session: &Session, options: &[ast::DatabaseOption]) -> Result<CollationId> {
    let server = crate::convert::to_string(&session.variable("collation_server"));
    let mut id = values::collation::by_name(&server).map_or(CollationId::DEFAULT, |c| c.id);
    let mut charset = None;
    for o in options {
        match o {
            ast::DatabaseOption::Charset(name) => {
                let c = crate::bind::types::charset_default(name)
                    .ok_or_else(|| Error::unknown_charset(name))?;
                id = c.id;
                charset = Some(c.charset.name);
            }
            ast::DatabaseOption::Collate(name) => {
                let c = values::collation::by_name(name)
                    .ok_or_else(|| Error::unknown_collation(name))?;
                if charset.is_some_and(|cs| cs != c.charset.name) {
                    return Err(Error::collation_mismatch(c.name, charset.unwrap_or("")));
                }
                id = c.id;
            }
            _ => {}
        }
    }
    Ok(id)
}

fn create_database(session: &Session, c: &ast::CreateDatabase) -> Result<u64> {
    let name: &str = &c.name;
    if name.contains(['/', '@', '\\'])
        || name.is_empty()
        || name.starts_with('.')
        || name.ends_with(' ')
    {
        return Err(Error::new(
            1102,
            "42000",
            format!("Incorrect database name '{name}'"),
        ));
    }
    create::check_identifier(name)?;
    if session.instance.database(name).is_some() || crate::schema_tables::is_system(name) {
        if c.if_not_exists {
            session.push_warning(
                1007,
                format!("Can't create database '{name}'; database exists"),
            );
            return Ok(1);
        }
        return Err(Error::database_exists(name));
    }
    let collation = database_collation(session, &c.options)?;
    let dates = session.instance.settings.commit_dates;
    let millis = dates
        .1
        .unwrap_or(session.instance.clock.now_micros() / 1000);
    // The first commit is made by whoever runs the server, not by the account.
    let settings = &session.instance.settings;
    let by = match settings.is_server {
        true => model::Person {
            name: settings.user_name.clone(),
            email: settings.user_email.clone(),
        },
        false => session.committer(),
    };
    session
        .instance
        .create_database(name, collation, by, millis)?;
    Ok(1)
}

fn alter_database(session: &Session, a: &ast::AlterDatabase) -> Result<()> {
    let db = match &a.name {
        Some(n) => session.resolve_database(n)?,
        None => session.current()?,
    };
    let collation = database_collation(session, &a.options)?;
    let mut change = Change::new(session, &db)?;
    let root = change.root.root.with_collation(collation);
    change.set_root(root)?;
    change.finish()
}

fn drop_database(session: &Session, d: &ast::DropDatabase) -> Result<u64> {
    if d.name.contains(['/', '@']) {
        return Err(Error::general(format!(
            "unable to drop revision database: {}",
            d.name
        )));
    }
    let Some(handle) = session.instance.database(&d.name) else {
        if d.if_exists {
            session.push_warning(
                1008,
                format!("Can't drop database '{}'; database doesn't exist", d.name),
            );
            return Ok(0);
        }
        return Err(Error::database_missing_drop(&*d.name));
    };
    session.rollback_transaction();
    session.leave_database(&handle);
    session.instance.drop_database(&d.name)?;
    Ok(1)
}

/// DROP TABLE.
pub(crate) fn drop_tables(session: &Session, d: &ast::DropTable) -> Result<()> {
    let (temporary, names): (Vec<_>, Vec<_>) = d
        .names
        .iter()
        .cloned()
        .partition(|n| matches!(session.temporary_named(n), Ok(Some(_))));
    if !temporary.is_empty() && !d.names.iter().all(is_marked) {
        let part = |names| ast::DropTable { names, ..d.clone() };
        session.drop_temporary(&part(temporary))?;
        return drop_tables(session, &part(names));
    }
    let Some(first) = d.names.first() else {
        return Ok(());
    };
    let db = database_of(session, first)?;
    let mut change = Change::new(session, &db)?;
    let mut missing = Vec::new();
    let mut present = Vec::new();
    for name in &d.names {
        match change.root.table(&name.name)? {
            Some(t) => present.push(t.name.clone()),
            None => missing.push(format!("{}.{}", db.handle.name, name.name)),
        }
    }
    if !missing.is_empty() && !d.if_exists {
        return Err(Error::unknown_table(missing.join(",")));
    }
    let checks = session.foreign_key_checks();
    let keys = change.root.foreign_keys()?;
    for name in &present {
        if let Some(k) = keys.of_parent(name).find(|k| {
            checks
                && !present
                    .iter()
                    .any(|p| p.eq_ignore_ascii_case(&k.child_table))
        }) {
            return Err(Error::fk_drop_parent(name, &k.name, &k.child_table));
        }
    }
    if !keys.keys.is_empty() {
        let gone = |n: &str| present.iter().any(|p| p.eq_ignore_ascii_case(n));
        let mut next = (*keys).clone();
        next.keys.retain(|k| !gone(&k.child_table));
        for k in next.keys.iter_mut().filter(|k| gone(&k.parent_table)) {
            k.child_columns.clear();
            k.parent_columns.clear();
            k.child_index.clear();
            k.parent_index.clear();
        }
        if next != *keys {
            change.set_foreign_keys(&next)?;
        }
    }
    program::drop_triggers_of(&mut change, &present)?;
    // Dolt leaves the tables of full-text indexes until a merge finds that nothing needs them.
    let root = change
        .root
        .root
        .without_tables(present.iter().map(String::as_str))?;
    change.set_root(root)?;
    for name in &present {
        create_counter_reset(&db, name);
    }
    for m in missing {
        session.push_warning(1051, format!("Unknown table '{m}'"));
    }
    change.finish()
}

fn create_counter_reset(db: &DbRef, table: &str) {
    db.handle.reset_number(table);
}

/// RENAME TABLE within a database.
fn rename_table(change: &mut Change<'_>, from: &str, to: &str) -> Result<()> {
    let views = change.root.views()?;
    if !change.root.has_table(from) && views.contains_key(&from.to_lowercase()) {
        return Err(Error::not_supported("RENAME of a view"));
    }
    let state = change.table(from)?;
    create::check_identifier(to)?;
    create::check_table_name(to)?;
    let same = from.eq_ignore_ascii_case(to);
    if !same && (change.root.has_table(to) || views.contains_key(&to.to_lowercase())) {
        return Err(Error::table_exists(to));
    }
    program::rename_triggers_of(change, &state.name, to)?;
    let root = change.root.root.with_table_renamed(&state.name, to)?;
    change.set_root(root)?;
    let mut keys = (*change.root.foreign_keys()?).clone();
    let before = keys.clone();
    for k in &mut keys.keys {
        if k.child_table.eq_ignore_ascii_case(from) {
            if let Some(name) = model::renamed_foreign_key(&k.name, &state.name, to) {
                k.name = name;
            }
            k.child_table = to.to_string();
        }
        if k.parent_table.eq_ignore_ascii_case(from) {
            k.parent_table = to.to_string();
        }
    }
    if keys != before {
        change.set_foreign_keys(&keys)?;
    }
    Ok(())
}

fn truncate(session: &Session, name: &ast::ObjectName) -> Result<u64> {
    let db = table_database_of(session, name)?;
    let mut change = Change::new(session, &db)?;
    let state = change.table(&name.name)?;
    if session.foreign_key_checks() {
        let keys = change.root.foreign_keys()?;
        if let Some(k) = keys
            .of_parent(&state.name)
            .find(|k| !k.is_self_referential())
        {
            let names = |l: &Option<Vec<String>>| {
                l.iter()
                    .flatten()
                    .map(|c| format!("`{c}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            return Err(Error::fk_truncate(format!(
                "`{}`.`{}`, CONSTRAINT `{}` FOREIGN KEY ({}) REFERENCES `{}` ({})",
                db.handle.name,
                k.child_table,
                k.name,
                names(&k.child_column_names),
                k.parent_table,
                names(&k.parent_column_names)
            )));
        }
    }
    let rows = state.table.entry_count()?;
    let mut table = state.table.with_rows(&state.table.empty_rows()?);
    let mut maps = Vec::new();
    for i in &state.def.indexes {
        maps.push((i.name.clone(), table.empty_index(&i.name)?));
    }
    table = table.with_indexes(maps.iter().map(|(n, m)| (n.as_str(), m)))?;
    table = table.without_auto_increment();
    db.handle.reset_number(&state.name);
    change.put_table(&state.name, &table)?;
    fulltext::rebuild(&mut change, &state.name)?;
    change.finish()?;
    Ok(rows)
}
