//! Replication, maintenance and other administration.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    /// `[FOR CHANNEL 'x']`
    pub(super) fn for_channel(&mut self) -> Res<Option<Box<str>>> {
        if self.eat_ws(&["FOR", "CHANNEL"]) {
            return self.ident_or_string().map(Some);
        }
        Ok(None)
    }

    fn replication_value(&mut self) -> Res<ReplicationValue> {
        match self.tok.kind {
            T::Int | T::Decimal | T::Float => Ok(ReplicationValue::Number(self.number_text()?)),
            T::LParen => Ok(ReplicationValue::Numbers(
                self.paren_list_or_empty(Self::integer)?,
            )),
            T::Str if self.peek().kind == T::UserVar => {
                Ok(ReplicationValue::Account(self.account()?))
            }
            T::Str => Ok(ReplicationValue::String(self.string()?)),
            _ if self.peek().kind == T::UserVar => Ok(ReplicationValue::Account(self.account()?)),
            _ => Ok(ReplicationValue::Word(self.upper_word()?)),
        }
    }

    fn replication_option(&mut self) -> Res<(Box<str>, ReplicationValue)> {
        let name = self.upper_word()?;
        self.expect(T::Eq)?;
        Ok((name, self.replication_value()?))
    }

    pub(super) fn change(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::CHANGE)?;
        if self.eat_ws(&["REPLICATION", "FILTER"]) {
            let filters = self.comma_list(|p| {
                let name = p.upper_word()?;
                p.expect(T::Eq)?;
                Ok((name, p.paren_list_or_empty(Self::filter_item)?))
            })?;
            return Ok(Statement::ChangeReplicationFilter(
                ChangeReplicationFilter {
                    filters,
                    channel: self.for_channel()?,
                },
            ));
        }
        if !self.eat_ws(&["REPLICATION", "SOURCE"]) {
            self.expect_w("MASTER")?;
        }
        self.expect_kw(Kw::TO)?;
        Ok(Statement::ChangeReplicationSource(
            ChangeReplicationSource {
                options: self.comma_list(Self::replication_option)?,
                channel: self.for_channel()?,
            },
        ))
    }

    fn filter_item(&mut self) -> Res<FilterItem> {
        if self.is(T::LParen) {
            self.advance();
            let from = self.ident()?;
            self.expect(T::Comma)?;
            let to = self.ident()?;
            self.expect(T::RParen)?;
            return Ok(FilterItem::Rewrite(from, to));
        }
        if self.is_string() {
            return Ok(FilterItem::Pattern(self.string()?));
        }
        Ok(FilterItem::Name(self.object_name()?))
    }

    /// START or STOP with REPLICA or SLAVE, whose words are consumed.
    pub(super) fn replica_control(&mut self) -> Res<ReplicaControl> {
        let mut control = ReplicaControl::default();
        while let Some(thread) = self.one_of(&["IO_THREAD", "SQL_THREAD"]) {
            control.threads.push(thread.into());
            if !self.eat(T::Comma) {
                break;
            }
        }
        if self.eat_w("UNTIL") {
            control.until = self.comma_list(Self::replication_option)?;
        }
        while let Some(name) = self.one_of(&["USER", "PASSWORD", "DEFAULT_AUTH", "PLUGIN_DIR"]) {
            self.expect(T::Eq)?;
            control.connection.push((name.into(), self.string()?));
        }
        control.channel = self.for_channel()?;
        Ok(control)
    }

    pub(super) fn reset(&mut self) -> Res<Statement> {
        self.expect_w("RESET")?;
        if self.eat_w("PERSIST") {
            let if_exists = self.if_exists();
            let name = if self.at_end() {
                None
            } else {
                Some(self.ident()?.0)
            };
            return Ok(Statement::ResetPersist { if_exists, name });
        }
        if self.eat_w("MASTER") || self.eat_ws(&["BINARY", "LOGS", "AND", "GTIDS"]) {
            let to = if self.eat_kw(Kw::TO) {
                Some(self.integer()?)
            } else {
                None
            };
            return Ok(Statement::ResetBinaryLogs { to });
        }
        if !self.eat_w("REPLICA") {
            self.expect_w("SLAVE")?;
        }
        Ok(Statement::ResetReplica {
            all: self.eat_kw(Kw::ALL),
            channel: self.for_channel()?,
        })
    }

    pub(super) fn purge(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::PURGE)?;
        if !self.eat_kw(Kw::BINARY) {
            self.expect_w("MASTER")?;
        }
        self.expect_w("LOGS")?;
        Ok(Statement::PurgeBinaryLogs(if self.eat_kw(Kw::TO) {
            PurgeBinaryLogs::To(self.string()?)
        } else {
            self.expect_kw(Kw::BEFORE)?;
            PurgeBinaryLogs::Before(self.expr()?)
        }))
    }

    fn no_write_to_binlog(&mut self) -> bool {
        self.eat_kw(Kw::NO_WRITE_TO_BINLOG) || self.eat_w("LOCAL")
    }

    /// ANALYZE, CHECK, CHECKSUM, OPTIMIZE and REPAIR TABLE.
    pub(super) fn maintenance(&mut self, verb: MaintenanceVerb) -> Res<Statement> {
        self.advance();
        let no_write_to_binlog = self.no_write_to_binlog();
        if !self.eat_w("TABLES") {
            self.expect_kw(Kw::TABLE)?;
        }
        let mut tables = self.comma_list(Self::object_name)?;
        if verb == MaintenanceVerb::Analyze && (self.kw(Kw::UPDATE) || self.kw(Kw::DROP)) {
            let (Some(table), true) = (tables.pop(), tables.is_empty()) else {
                return self.fail();
            };
            return self.histogram(no_write_to_binlog, table);
        }
        let mut options: Vec<Box<str>> = Vec::new();
        loop {
            if self.eat_ws(&["FOR", "UPGRADE"]) {
                options.push("FOR UPGRADE".into());
            } else if let Some(word) =
                self.one_of(&["QUICK", "FAST", "MEDIUM", "EXTENDED", "CHANGED", "USE_FRM"])
            {
                options.push(word.into());
            } else {
                break;
            }
        }
        Ok(Statement::TableMaintenance(TableMaintenance {
            verb,
            no_write_to_binlog,
            tables,
            options,
        }))
    }

    fn histogram(&mut self, no_write_to_binlog: bool, table: ObjectName) -> Res<Statement> {
        let drop = self.eat_kw(Kw::DROP);
        if !drop {
            self.expect_kw(Kw::UPDATE)?;
        }
        self.expect_ws(&["HISTOGRAM", "ON"])?;
        let columns = if self.is(T::LParen) {
            self.paren_list(Self::ident)?
        } else {
            self.comma_list(Self::ident)?
        };
        let action = if drop {
            HistogramAction::Drop
        } else {
            let (mut buckets, mut using_data, mut auto_update) = (None, None, None);
            loop {
                if self.kw(Kw::WITH) && self.peek().kind == T::Int {
                    self.advance();
                    buckets = Some(self.integer()?);
                    self.expect_w("BUCKETS")?;
                } else if self.eat_ws(&["USING", "DATA"]) {
                    using_data = Some(self.string()?);
                } else if self.eat_ws(&["AUTO", "UPDATE"]) {
                    auto_update = Some(true);
                } else if self.eat_ws(&["MANUAL", "UPDATE"]) {
                    auto_update = Some(false);
                } else {
                    break;
                }
            }
            HistogramAction::Update {
                buckets,
                using_data,
                auto_update,
            }
        };
        Ok(Statement::AnalyzeHistogram(Box::new(AnalyzeHistogram {
            no_write_to_binlog,
            table,
            columns,
            action,
        })))
    }

    pub(super) fn flush(&mut self) -> Res<Statement> {
        self.expect_w("FLUSH")?;
        let no_write_to_binlog = self.no_write_to_binlog();
        let what = if self.eat_w("TABLES") || self.eat_kw(Kw::TABLE) {
            let names = if self.is_ident() {
                self.comma_list(Self::object_name)?
            } else {
                Vec::new()
            };
            FlushWhat::Tables {
                names,
                with_read_lock: self.eat_ws(&["WITH", "READ", "LOCK"]),
                for_export: self.eat_ws(&["FOR", "EXPORT"]),
            }
        } else if self.eat_ws(&["RELAY", "LOGS"]) {
            FlushWhat::RelayLogs {
                channel: self.for_channel()?,
            }
        } else {
            FlushWhat::Options(self.comma_list(|p| {
                if let Some(kind) = p.one_of(&["BINARY", "ENGINE", "ERROR", "GENERAL", "SLOW"]) {
                    p.expect_w("LOGS")?;
                    return Ok(format!("{kind} LOGS").into());
                }
                match p.one_of(&[
                    "LOGS",
                    "PRIVILEGES",
                    "STATUS",
                    "HOSTS",
                    "OPTIMIZER_COSTS",
                    "USER_RESOURCES",
                ]) {
                    Some(word) => Ok(word.into()),
                    None => p.fail(),
                }
            })?)
        };
        Ok(Statement::Flush(Flush {
            no_write_to_binlog,
            what,
        }))
    }

    pub(super) fn kill(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::KILL)?;
        let query = self.eat_w("QUERY");
        if !query {
            self.eat_w("CONNECTION");
        }
        Ok(Statement::Kill {
            query,
            id: self.expr()?,
        })
    }

    pub(super) fn clone_statement(&mut self) -> Res<Statement> {
        self.expect_w("CLONE")?;
        if self.eat_ws(&["LOCAL", "DATA", "DIRECTORY"]) {
            self.eat(T::Eq);
            return Ok(Statement::Clone(Box::new(CloneStatement::Local {
                directory: self.string()?,
            })));
        }
        self.expect_ws(&["INSTANCE", "FROM"])?;
        let account = self.account()?;
        self.expect(T::Colon)?;
        let port = self.integer()?;
        self.expect_ws(&["IDENTIFIED", "BY"])?;
        let password = self.string()?;
        let directory = if self.eat_ws(&["DATA", "DIRECTORY"]) {
            self.eat(T::Eq);
            Some(self.string()?)
        } else {
            None
        };
        let require_ssl = if self.eat_kw(Kw::REQUIRE) {
            let no = self.eat_w("NO");
            self.expect_kw(Kw::SSL)?;
            Some(!no)
        } else {
            None
        };
        Ok(Statement::Clone(Box::new(CloneStatement::Instance {
            account,
            port,
            password,
            directory,
            require_ssl,
        })))
    }

    pub(super) fn install(&mut self) -> Res<Statement> {
        let install = self.eat_w("INSTALL");
        if !install {
            self.expect_w("UNINSTALL")?;
        }
        if self.eat_w("COMPONENT") {
            let list = self.comma_list(Self::string)?;
            return Ok(if install {
                Statement::InstallComponent(list)
            } else {
                Statement::UninstallComponent(list)
            });
        }
        self.expect_w("PLUGIN")?;
        let name = self.ident()?;
        if !install {
            return Ok(Statement::UninstallPlugin(name));
        }
        self.expect_w("SONAME")?;
        Ok(Statement::InstallPlugin {
            name,
            library: self.string()?,
        })
    }
}
