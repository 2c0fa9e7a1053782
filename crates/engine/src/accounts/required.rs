//! The privileges that each kind of statement asks for, tables of queries aside: those are asked
//! for where their names are bound.

use syntax::ast::{self, ObjectName, Show, Statement, VarScope};

use super::access::Access;
use super::privilege::Privilege::{self, *};
use crate::error::{Error, Result};
use crate::session::Session;

/// Fails unless the account may run the statement.
pub fn check(session: &Session, access: &Access, s: &Statement) -> Result<()> {
    let check = Check { session, access };
    match s {
        Statement::Insert(i) => check.system_table(Insert, Some(&i.table)),
        Statement::Update(u) => check.system_table(Update, only_table(&u.tables)),
        Statement::Delete(d) => check.system_table(Delete, only_table(&d.from)),
        Statement::Truncate(t) => check.table(&[Drop], t),
        Statement::LoadData(l) => {
            if !l.local {
                access.file()?;
            }
            check.table(&[Insert], &l.table)
        }
        Statement::Call(c) => check.call(c),
        Statement::CreateTable(c) => {
            check.table(&[Create], &c.name)?;
            if let Some(like) = &c.like {
                check.table(&[Select], like)?;
            }
            if c.as_query.is_some() {
                check.table(&[Insert], &c.name)?;
            }
            check.parents(c.constraints.iter())
        }
        Statement::AlterTable(a) => check.alter(a),
        Statement::DropTable(d) => check.all(&[Drop], &d.names),
        Statement::RenameTable(pairs) => pairs.iter().try_for_each(|(from, to)| {
            check.table(&[Alter, Drop], from)?;
            check.table(&[Create, Insert], to)
        }),
        Statement::CreateIndex(c) => check.table(&[Index], &c.table),
        Statement::DropIndex(d) => check.table(&[Index], &d.table),
        Statement::CreateView(v) => {
            check.table(&[CreateView], &v.name)?;
            if v.or_replace {
                check.table(&[Drop], &v.name)?;
            }
            Ok(())
        }
        Statement::AlterView(v) => check.table(&[CreateView, Drop], &v.name),
        Statement::DropView(d) => check.all(&[Drop], &d.names),
        Statement::CreateDatabase(c) => access.database(Create, &c.name),
        Statement::AlterDatabase(a) => access.database(Alter, &check.db(a.name.as_ref())?),
        Statement::DropDatabase(d) => access.database(Drop, &d.name),
        Statement::CreateTrigger(t) => check.table(&[Trigger], &t.table),
        Statement::CreateProcedure(r) | Statement::CreateFunction(r) => {
            access.database(CreateRoutine, &check.db(r.name.db.as_ref())?)
        }
        Statement::AlterProcedure(r) => check.routine(AlterRoutine, &r.name, true),
        Statement::AlterFunction(r) => check.routine(AlterRoutine, &r.name, false),
        Statement::DropProcedure(d) => check.routine(AlterRoutine, &d.name, true),
        Statement::DropFunction(d) => check.routine(AlterRoutine, &d.name, false),
        Statement::CreateEvent(e) => access.database(Event, &check.db(e.name.db.as_ref())?),
        Statement::AlterEvent(e) => access.database(Event, &check.db(e.name.db.as_ref())?),
        Statement::DropEvent(d) => access.database(Event, &check.db(d.name.db.as_ref())?),
        Statement::LockTables(list) => list.iter().try_for_each(|l| {
            access.database(LockTables, &check.db(l.name.db.as_ref())?)?;
            check.table(&[Select], &l.name)
        }),
        Statement::LockInstance | Statement::UnlockInstance | Statement::Clone(_) => {
            access.global(&["BACKUP_ADMIN"])
        }
        Statement::Set(items) => items.iter().try_for_each(|i| check.set(i)),
        Statement::Show(show) => check.show(show),
        Statement::Describe(d) => check.columns_shown(&d.table),
        Statement::TableMaintenance(m) => m.tables.iter().try_for_each(|t| {
            let needed: &[Privilege] = match m.verb {
                ast::MaintenanceVerb::Check | ast::MaintenanceVerb::Checksum => &[Select],
                _ => &[Select, Insert],
            };
            check.table(needed, t)
        }),
        Statement::AnalyzeHistogram(a) => check.table(&[Select, Insert], &a.table),
        Statement::Flush(_) => access.global(&["RELOAD"]),
        Statement::ResetPersist { .. } => access.global(&["SUPER", "SYSTEM_VARIABLES_ADMIN"]),
        Statement::Shutdown | Statement::Restart => access.global(&["SHUTDOWN"]),
        Statement::InstallPlugin { .. }
        | Statement::UninstallPlugin(_)
        | Statement::InstallComponent(_)
        | Statement::UninstallComponent(_) => access.database(Insert, "mysql"),
        Statement::CreateSpatialReferenceSystem(_)
        | Statement::DropSpatialReferenceSystem { .. } => access.global(&["SUPER"]),
        Statement::Binlog(_) => access.global(&["SUPER", "BINLOG_ADMIN", "REPLICATION_APPLIER"]),
        Statement::PurgeBinaryLogs(_) => access.global(&["SUPER", "BINLOG_ADMIN"]),
        Statement::ResetReplica { .. } | Statement::ResetBinaryLogs { .. } => {
            access.global(&["RELOAD"])
        }
        Statement::ChangeReplicationSource(_)
        | Statement::ChangeReplicationFilter(_)
        | Statement::StartReplica(_)
        | Statement::StopReplica(_) => access.global(&["SUPER", "REPLICATION_SLAVE_ADMIN"]),
        // Queries and changes of data ask where their tables are bound, accounts where they are
        // changed, and the rest needs nothing.
        _ => Ok(()),
    }
}

struct Check<'a> {
    session: &'a Session,
    access: &'a Access,
}

impl Check<'_> {
    fn db(&self, named: Option<&ast::Ident>) -> Result<String> {
        match named {
            Some(db) => Ok(db.to_string()),
            None => self
                .session
                .current_database()
                .ok_or_else(Error::no_database),
        }
    }

    fn table(&self, list: &[Privilege], name: &ObjectName) -> Result<()> {
        self.access
            .table(list, &self.db(name.db.as_ref())?, &name.name)
    }

    fn all(&self, list: &[Privilege], names: &[ObjectName]) -> Result<()> {
        names.iter().try_for_each(|n| self.table(list, n))
    }

    /// Rows of system tables are not changed by a plan that would ask.
    fn system_table(&self, p: Privilege, name: Option<&ObjectName>) -> Result<()> {
        let system = |n: &&ObjectName| {
            n.name
                .get(..5)
                .is_some_and(|s| s.eq_ignore_ascii_case("dolt_"))
        };
        match name.filter(system) {
            Some(n) => self.table(&[p], n),
            None => Ok(()),
        }
    }

    fn routine(&self, p: Privilege, name: &ObjectName, procedure: bool) -> Result<()> {
        self.access
            .routine(p, &self.db(name.db.as_ref())?, &name.name, procedure)
    }

    fn call(&self, c: &ast::Call) -> Result<()> {
        let db = self.db(c.name.db.as_ref())?;
        match crate::dolt::is_admin_procedure(&c.name.name) {
            true => self.access.admin_procedure(&db, &c.name.name),
            false => self.access.routine(Execute, &db, &c.name.name, true),
        }
    }

    /// Tables that foreign keys refer to.
    fn parents<'c>(&self, list: impl Iterator<Item = &'c ast::TableConstraint>) -> Result<()> {
        for c in list {
            if let ast::TableConstraint::ForeignKey { references, .. } = c {
                self.table(&[References], &references.table)?;
            }
        }
        Ok(())
    }

    fn alter(&self, a: &ast::AlterTable) -> Result<()> {
        self.table(&[Alter], &a.name)?;
        for spec in &a.specs {
            match spec {
                ast::AlterSpec::RenameTable(to) => {
                    self.table(&[Drop], &a.name)?;
                    self.table(&[Create, Insert], to)?;
                }
                ast::AlterSpec::AddConstraint(c) => self.parents(std::iter::once(c))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn set(&self, item: &ast::SetItem) -> Result<()> {
        let scope = match item {
            ast::SetItem::Variable {
                target: ast::SetTarget::System { scope, .. },
                ..
            } => *scope,
            ast::SetItem::Transaction { scope, .. } => *scope,
            _ => None,
        };
        match scope {
            Some(VarScope::Global | VarScope::Persist | VarScope::PersistOnly) => {
                self.access.global(&["SUPER", "SYSTEM_VARIABLES_ADMIN"])
            }
            _ => Ok(()),
        }
    }

    fn shown_database(&self, named: Option<&ast::Ident>) -> Result<()> {
        self.access.sees_database(&self.db(named)?)
    }

    /// Columns and keys are shown to who holds anything on the table or its columns.
    fn columns_shown(&self, t: &ObjectName) -> Result<()> {
        let db = self.db(t.db.as_ref())?;
        if is_open(&db) || self.access.sees_table(&db, &t.name) {
            return Ok(());
        }
        Err(self.access.denied("SELECT", &t.name))
    }

    fn show(&self, s: &Show) -> Result<()> {
        match s {
            Show::Tables { db, .. }
            | Show::OpenTables { db, .. }
            | Show::TableStatus { db, .. }
            | Show::Triggers { db, .. }
            | Show::Events { db, .. } => self.shown_database(db.as_ref()),
            Show::Columns { table, .. } | Show::Index { table, .. } => self.columns_shown(table),
            Show::CreateTable { table, .. } => {
                let db = self.db(table.db.as_ref())?;
                match is_open(&db) || self.access.sees_table(&db, &table.name) {
                    true => Ok(()),
                    false => Err(self.access.denied("SHOW", &table.name)),
                }
            }
            Show::CreateView { view, .. } => self.table(&[Select, ShowView], view),
            Show::CreateDatabase { name, .. } => self.access.sees_database(name),
            Show::CreateTrigger(_) => Ok(()),
            Show::CreateEvent(e) => self.access.database(Event, &self.db(e.db.as_ref())?),
            Show::Engine { .. } => self.access.global(&["PROCESS"]),
            Show::BinaryLogs | Show::BinaryLogStatus | Show::ReplicaStatus { .. } => {
                self.access.global(&["SUPER", "REPLICATION CLIENT"])
            }
            Show::BinlogEvents { .. } | Show::Replicas => {
                self.access.global(&["REPLICATION SLAVE"])
            }
            _ => Ok(()),
        }
    }
}

fn only_table(from: &[ast::TableRef]) -> Option<&ObjectName> {
    match from {
        [ast::TableRef::Table { table, .. }] => Some(&table.name),
        _ => None,
    }
}

fn is_open(db: &str) -> bool {
    ["information_schema", "performance_schema", "sys"]
        .iter()
        .any(|o| o.eq_ignore_ascii_case(db))
}
