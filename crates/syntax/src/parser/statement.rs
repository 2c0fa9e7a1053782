//! Which statement it is.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    /// One statement, without what separates it from the next.
    pub(crate) fn statement(&mut self) -> Res<Statement> {
        match self.tok.kw {
            Kw::SELECT | Kw::VALUES | Kw::TABLE => self.query_statement(),
            Kw::WITH => self.with_statement(),
            Kw::INSERT | Kw::REPLACE => Ok(Statement::Insert(Box::new(self.insert(None)?))),
            Kw::UPDATE => Ok(Statement::Update(Box::new(self.update(None)?))),
            Kw::DELETE => Ok(Statement::Delete(Box::new(self.delete(None)?))),
            Kw::SET => self.set_statement(),
            Kw::CALL => Ok(Statement::Call(Box::new(self.call_statement()?))),
            Kw::CREATE => self.create(),
            Kw::ALTER => self.alter(),
            Kw::DROP => self.drop_statement(),
            Kw::SHOW => Ok(Statement::Show(Box::new(self.show()?))),
            Kw::BEGIN => {
                self.advance();
                self.eat_w("WORK");
                Ok(Statement::Begin(TransactionStart::default()))
            }
            Kw::COMMIT => {
                self.advance();
                Ok(Statement::Commit(self.transaction_end()?))
            }
            Kw::ROLLBACK => self.rollback(),
            _ if self.is(T::LParen) => self.query_statement(),
            _ => self.other_statement(),
        }
    }

    fn query_statement(&mut self) -> Res<Statement> {
        Ok(Statement::Query(Box::new(self.query()?)))
    }

    fn with_statement(&mut self) -> Res<Statement> {
        let start = self.start();
        let with = self.with_clause()?;
        match self.tok.kw {
            Kw::INSERT | Kw::REPLACE => Ok(Statement::Insert(Box::new(self.insert(with)?))),
            Kw::UPDATE => Ok(Statement::Update(Box::new(self.update(with)?))),
            Kw::DELETE => Ok(Statement::Delete(Box::new(self.delete(with)?))),
            Kw::WITH => self.fail(),
            _ => {
                let mut query = self.query()?;
                query.with = with;
                query.span.start = start;
                Ok(Statement::Query(Box::new(query)))
            }
        }
    }

    fn rollback(&mut self) -> Res<Statement> {
        self.advance();
        if self.kw(Kw::TO) || (self.w("WORK") && self.peek().kw == Kw::TO) {
            self.eat_w("WORK");
            self.expect_kw(Kw::TO)?;
            self.eat_w("SAVEPOINT");
            return Ok(Statement::RollbackTo(self.ident()?));
        }
        Ok(Statement::Rollback(self.transaction_end()?))
    }

    fn other_statement(&mut self) -> Res<Statement> {
        match self.tok.kw {
            Kw::EXPLAIN | Kw::DESCRIBE | Kw::DESC => self.explain(),
            Kw::USE => {
                self.advance();
                Ok(Statement::Use(self.database_path()?))
            }
            Kw::START => {
                self.advance();
                if self.eat_w("TRANSACTION") {
                    return Ok(Statement::Begin(self.start_transaction()?));
                }
                if !self.eat_w("REPLICA") {
                    self.expect_w("SLAVE")?;
                }
                Ok(Statement::StartReplica(self.replica_control()?))
            }
            Kw::STOP => {
                self.advance();
                if !self.eat_w("REPLICA") {
                    self.expect_w("SLAVE")?;
                }
                Ok(Statement::StopReplica(self.replica_control()?))
            }
            Kw::SAVEPOINT => {
                self.advance();
                Ok(Statement::Savepoint(self.ident()?))
            }
            Kw::RELEASE => {
                self.expect_ws(&["RELEASE", "SAVEPOINT"])?;
                Ok(Statement::ReleaseSavepoint(self.ident()?))
            }
            Kw::TRUNCATE => {
                self.advance();
                self.eat_kw(Kw::TABLE);
                Ok(Statement::Truncate(self.object_name()?))
            }
            Kw::LOAD => Ok(Statement::LoadData(Box::new(self.load_data()?))),
            Kw::DO => {
                self.advance();
                Ok(Statement::Do(self.comma_list(Self::expr)?))
            }
            Kw::RENAME => self.rename(),
            Kw::LOCK => self.lock(),
            Kw::UNLOCK => self.unlock(),
            Kw::XA => self.xa(),
            Kw::PREPARE => self.prepare(),
            Kw::EXECUTE => self.execute(),
            Kw::DEALLOCATE => {
                self.expect_ws(&["DEALLOCATE", "PREPARE"])?;
                Ok(Statement::Deallocate(self.ident()?))
            }
            Kw::HELP => {
                self.advance();
                Ok(Statement::Help(self.ident_or_string()?))
            }
            Kw::KILL => self.kill(),
            Kw::ANALYZE => self.maintenance(MaintenanceVerb::Analyze),
            Kw::CHECK => self.maintenance(MaintenanceVerb::Check),
            Kw::CHECKSUM => self.maintenance(MaintenanceVerb::Checksum),
            Kw::OPTIMIZE => self.maintenance(MaintenanceVerb::Optimize),
            Kw::REPAIR => self.maintenance(MaintenanceVerb::Repair),
            Kw::FLUSH => self.flush(),
            Kw::RESET => self.reset(),
            Kw::PURGE => self.purge(),
            Kw::SHUTDOWN => {
                self.advance();
                Ok(Statement::Shutdown)
            }
            Kw::RESTART => {
                self.advance();
                Ok(Statement::Restart)
            }
            Kw::CLONE => self.clone_statement(),
            Kw::INSTALL | Kw::UNINSTALL => self.install(),
            Kw::GRANT => Ok(Statement::Grant(Box::new(self.grant()?))),
            Kw::REVOKE => Ok(Statement::Revoke(Box::new(self.revoke()?))),
            Kw::BINLOG => {
                self.advance();
                Ok(Statement::Binlog(self.string()?))
            }
            Kw::CHANGE => self.change(),
            Kw::GET => {
                self.advance();
                Ok(Statement::GetDiagnostics(Box::new(self.get_diagnostics()?)))
            }
            Kw::SIGNAL => {
                self.advance();
                Ok(Statement::Signal(Box::new(self.signal(false)?)))
            }
            Kw::RESIGNAL => {
                self.advance();
                Ok(Statement::Resignal(Box::new(self.signal(true)?)))
            }
            _ => self.fail(),
        }
    }
}
