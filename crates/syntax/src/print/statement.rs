//! Which statement it is.

use super::Sql;
use crate::ast::*;

impl Sql<'_> {
    fn drop_one(&mut self, kind: &str, drop: &DropName) {
        self.s("DROP ")
            .s(kind)
            .when(drop.if_exists, " IF EXISTS")
            .s(" ")
            .name(&drop.name);
    }

    fn transaction_end(&mut self, verb: &str, end: &TransactionEnd) {
        self.s(verb);
        self.s(match end.chain {
            None => "",
            Some(true) => " AND CHAIN",
            Some(false) => " AND NO CHAIN",
        });
        self.s(match end.release {
            None => "",
            Some(true) => " RELEASE",
            Some(false) => " NO RELEASE",
        });
    }

    fn renames<X>(&mut self, pairs: &[(X, X)], mut write: impl FnMut(&mut Self, &X)) {
        self.list(pairs, |w, (old, new)| {
            write(w, old);
            w.s(" TO ");
            write(w, new);
        });
    }

    fn strings(&mut self, list: &[Box<str>]) {
        self.list(list, |w, text| {
            w.str(text);
        });
    }

    pub(super) fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(query) => self.query(query),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Truncate(name) => {
                self.s("TRUNCATE TABLE ").name(name);
            }
            Statement::LoadData(load) => self.load_data(load),
            Statement::Call(call) => self.call_statement(call),
            Statement::Do(list) => {
                self.s("DO ").exprs(list);
            }
            Statement::CreateTable(table) => self.create_table(table),
            Statement::AlterTable(alter) => self.alter_table(alter),
            Statement::DropTable(drop) => {
                self.s("DROP ")
                    .when(drop.temporary, "TEMPORARY ")
                    .s("TABLE ")
                    .when(drop.if_exists, "IF EXISTS ")
                    .names(&drop.names)
                    .behavior(drop.behavior);
            }
            Statement::RenameTable(pairs) => {
                self.s("RENAME TABLE ").renames(pairs, |w, name| {
                    w.name(name);
                });
            }
            Statement::CreateIndex(create) => self.create_index(create),
            Statement::DropIndex(drop) => self.drop_index(drop),
            Statement::CreateView(view) => self.view("CREATE ", view),
            Statement::AlterView(view) => self.view("ALTER ", view),
            Statement::DropView(drop) => {
                self.s("DROP VIEW ")
                    .when(drop.if_exists, "IF EXISTS ")
                    .names(&drop.names)
                    .behavior(drop.behavior);
            }
            Statement::CreateDatabase(create) => {
                self.s("CREATE DATABASE ")
                    .when(create.if_not_exists, "IF NOT EXISTS ")
                    .ident(&create.name)
                    .database_options(&create.options);
            }
            Statement::AlterDatabase(alter) => {
                self.s("ALTER DATABASE");
                if let Some(name) = &alter.name {
                    self.s(" ").ident(name);
                }
                self.database_options(&alter.options);
            }
            Statement::DropDatabase(drop) => {
                self.s("DROP DATABASE ")
                    .when(drop.if_exists, "IF EXISTS ")
                    .ident(&drop.name);
            }
            Statement::CreateTrigger(trigger) => self.trigger(trigger),
            Statement::CreateProcedure(routine) => self.routine(routine, false),
            Statement::CreateFunction(routine) => self.routine(routine, true),
            Statement::AlterProcedure(alter) => {
                self.s("ALTER PROCEDURE ")
                    .name(&alter.name)
                    .characteristics(&alter.characteristics);
            }
            Statement::AlterFunction(alter) => {
                self.s("ALTER FUNCTION ")
                    .name(&alter.name)
                    .characteristics(&alter.characteristics);
            }
            Statement::CreateEvent(event) => self.create_event(event),
            Statement::AlterEvent(event) => self.alter_event(event),
            Statement::DropTrigger(drop) => self.drop_one("TRIGGER", drop),
            Statement::DropProcedure(drop) => self.drop_one("PROCEDURE", drop),
            Statement::DropFunction(drop) => self.drop_one("FUNCTION", drop),
            Statement::DropEvent(drop) => self.drop_one("EVENT", drop),
            Statement::CreateSpatialReferenceSystem(srs) => self.create_srs(srs),
            Statement::DropSpatialReferenceSystem { if_exists, srid } => {
                self.s("DROP SPATIAL REFERENCE SYSTEM ")
                    .when(*if_exists, "IF EXISTS ")
                    .num(srid);
            }
            Statement::Set(items) => self.set(items),
            Statement::Show(show) => self.show(show),
            Statement::Describe(describe) => self.describe(describe),
            Statement::Explain(explain) => self.explain(explain),
            Statement::CreateUser(create) => self.create_user(create),
            Statement::AlterUser(alter) => self.alter_user(alter),
            Statement::Grant(grant) => self.grant(grant),
            Statement::Revoke(revoke) => self.revoke(revoke),
            Statement::Program(program) => self.program(program),
            Statement::GetDiagnostics(get) => self.get_diagnostics(get),
            Statement::Signal(signal) => self.signal("SIGNAL", signal),
            Statement::Resignal(signal) => self.signal("RESIGNAL", signal),
            _ => self.small_statement(statement),
        }
    }

    fn small_statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Begin(start) => {
                let mut words = Vec::new();
                if start.consistent_snapshot {
                    words.push("WITH CONSISTENT SNAPSHOT");
                }
                match start.read_only {
                    None => {}
                    Some(true) => words.push("READ ONLY"),
                    Some(false) => words.push("READ WRITE"),
                }
                self.s("START TRANSACTION")
                    .when(!words.is_empty(), " ")
                    .s(&words.join(", "));
            }
            Statement::Commit(end) => self.transaction_end("COMMIT", end),
            Statement::Rollback(end) => self.transaction_end("ROLLBACK", end),
            Statement::Savepoint(name) => {
                self.s("SAVEPOINT ").ident(name);
            }
            Statement::RollbackTo(name) => {
                self.s("ROLLBACK TO SAVEPOINT ").ident(name);
            }
            Statement::ReleaseSavepoint(name) => {
                self.s("RELEASE SAVEPOINT ").ident(name);
            }
            Statement::LockTables(tables) => {
                self.s("LOCK TABLES ").list(tables, |w, table| {
                    w.name(&table.name);
                    if let Some(alias) = &table.alias {
                        w.s(" AS ").ident(alias);
                    }
                    w.s(match table.kind {
                        LockKind::Read => " READ",
                        LockKind::ReadLocal => " READ LOCAL",
                        LockKind::Write => " WRITE",
                        LockKind::LowPriorityWrite => " LOW_PRIORITY WRITE",
                    });
                });
            }
            Statement::UnlockTables => {
                self.s("UNLOCK TABLES");
            }
            Statement::LockInstance => {
                self.s("LOCK INSTANCE FOR BACKUP");
            }
            Statement::UnlockInstance => {
                self.s("UNLOCK INSTANCE");
            }
            Statement::Xa(xa) => {
                self.s("XA ").s(&xa.verb).when(!xa.id.is_empty(), " ");
                self.list(&xa.id, |w, literal| w.literal(literal));
                if let Some(suffix) = &xa.suffix {
                    self.s(" ").s(suffix);
                }
            }
            Statement::Use(name) => {
                self.s("USE ").ident(name);
            }
            Statement::Prepare { name, source } => {
                self.s("PREPARE ").ident(name).s(" FROM ");
                match source {
                    PrepareSource::Text(text) => self.string(text),
                    PrepareSource::UserVar(name) => self.user_var(name),
                };
            }
            Statement::Execute { name, using } => {
                self.s("EXECUTE ").ident(name);
                self.when(!using.is_empty(), " USING ")
                    .list(using, |w, name| {
                        w.user_var(name);
                    });
            }
            Statement::Deallocate(name) => {
                self.s("DEALLOCATE PREPARE ").ident(name);
            }
            Statement::Help(topic) => {
                self.s("HELP ").str(topic);
            }
            Statement::Kill { query, id } => {
                self.s("KILL ")
                    .s(if *query { "QUERY " } else { "CONNECTION " })
                    .expr(id);
            }
            Statement::TableMaintenance(maintenance) => {
                self.s(match maintenance.verb {
                    MaintenanceVerb::Analyze => "ANALYZE ",
                    MaintenanceVerb::Check => "CHECK ",
                    MaintenanceVerb::Checksum => "CHECKSUM ",
                    MaintenanceVerb::Optimize => "OPTIMIZE ",
                    MaintenanceVerb::Repair => "REPAIR ",
                });
                self.when(maintenance.no_write_to_binlog, "NO_WRITE_TO_BINLOG ")
                    .s("TABLE ")
                    .names(&maintenance.tables);
                for option in &maintenance.options {
                    self.s(" ").s(option);
                }
            }
            Statement::AnalyzeHistogram(analyze) => self.histogram(analyze),
            Statement::Flush(flush) => self.flush(flush),
            Statement::ResetPersist { if_exists, name } => {
                self.s("RESET PERSIST").when(*if_exists, " IF EXISTS");
                if let Some(name) = name {
                    self.s(" ").ident(name);
                }
            }
            Statement::Shutdown => {
                self.s("SHUTDOWN");
            }
            Statement::Restart => {
                self.s("RESTART");
            }
            Statement::Clone(clone) => self.clone_statement(clone),
            Statement::InstallPlugin { name, library } => {
                self.s("INSTALL PLUGIN ")
                    .ident(name)
                    .s(" SONAME ")
                    .str(library);
            }
            Statement::UninstallPlugin(name) => {
                self.s("UNINSTALL PLUGIN ").ident(name);
            }
            Statement::InstallComponent(list) => self.s("INSTALL COMPONENT ").strings(list),
            Statement::UninstallComponent(list) => self.s("UNINSTALL COMPONENT ").strings(list),
            Statement::DropUser { if_exists, users } => {
                self.s("DROP USER ")
                    .when(*if_exists, "IF EXISTS ")
                    .accounts(users);
            }
            Statement::RenameUser(pairs) => {
                self.s("RENAME USER ")
                    .renames(pairs, |w, account| w.account(account));
            }
            Statement::CreateRole {
                if_not_exists,
                roles,
            } => {
                self.s("CREATE ROLE ")
                    .when(*if_not_exists, "IF NOT EXISTS ")
                    .accounts(roles);
            }
            Statement::DropRole { if_exists, roles } => {
                self.s("DROP ROLE ")
                    .when(*if_exists, "IF EXISTS ")
                    .accounts(roles);
            }
            Statement::Binlog(text) => {
                self.s("BINLOG ").str(text);
            }
            Statement::ChangeReplicationSource(change) => self.change_source(change),
            Statement::ChangeReplicationFilter(change) => self.change_filter(change),
            Statement::StartReplica(control) => self.replica_control("START REPLICA", control),
            Statement::StopReplica(control) => self.replica_control("STOP REPLICA", control),
            Statement::ResetReplica { all, channel } => {
                self.s("RESET REPLICA").when(*all, " ALL").channel(channel);
            }
            Statement::ResetBinaryLogs { to } => {
                self.s("RESET BINARY LOGS AND GTIDS");
                if let Some(n) = to {
                    self.s(" TO ").num(n);
                }
            }
            Statement::PurgeBinaryLogs(purge) => match purge {
                PurgeBinaryLogs::To(log) => {
                    self.s("PURGE BINARY LOGS TO ").str(log);
                }
                PurgeBinaryLogs::Before(when) => self.s("PURGE BINARY LOGS BEFORE ").expr(when),
            },
            _ => {}
        }
    }

    fn flush(&mut self, flush: &Flush) {
        self.s("FLUSH ")
            .when(flush.no_write_to_binlog, "NO_WRITE_TO_BINLOG ");
        match &flush.what {
            FlushWhat::Tables {
                names,
                with_read_lock,
                for_export,
            } => {
                self.s("TABLES").when(!names.is_empty(), " ").names(names);
                self.when(*with_read_lock, " WITH READ LOCK")
                    .when(*for_export, " FOR EXPORT");
            }
            FlushWhat::Options(options) => {
                self.list(options, |w, option| {
                    w.s(option);
                });
            }
            FlushWhat::RelayLogs { channel } => self.s("RELAY LOGS").channel(channel),
        }
    }

    fn clone_statement(&mut self, clone: &CloneStatement) {
        match clone {
            CloneStatement::Local { directory } => {
                self.s("CLONE LOCAL DATA DIRECTORY = ").str(directory);
            }
            CloneStatement::Instance {
                account,
                port,
                password,
                directory,
                require_ssl,
            } => {
                self.s("CLONE INSTANCE FROM ").account(account);
                self.s(":").num(port).s(" IDENTIFIED BY ").str(password);
                if let Some(directory) = directory {
                    self.s(" DATA DIRECTORY = ").str(directory);
                }
                self.s(match require_ssl {
                    None => "",
                    Some(true) => " REQUIRE SSL",
                    Some(false) => " REQUIRE NO SSL",
                });
            }
        }
    }
}
