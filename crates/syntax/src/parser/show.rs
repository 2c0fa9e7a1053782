//! SHOW, DESCRIBE, EXPLAIN.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    fn show_filter(&mut self) -> Res<Option<ShowFilter>> {
        if self.eat_kw(Kw::LIKE) {
            return Ok(Some(ShowFilter::Like(self.string()?)));
        }
        if self.eat_kw(Kw::WHERE) {
            return Ok(Some(ShowFilter::Where(self.expr()?)));
        }
        Ok(None)
    }

    /// `[FROM db | IN db]`
    fn show_from(&mut self) -> Res<Option<Ident>> {
        if self.eat_kw(Kw::FROM) || self.eat_kw(Kw::IN) {
            return self.database_path().map(Some);
        }
        Ok(None)
    }

    /// `FROM t [FROM db]`
    fn show_table(&mut self) -> Res<ObjectName> {
        if !self.eat_kw(Kw::FROM) {
            self.expect_kw(Kw::IN)?;
        }
        let mut name = self.object_name()?;
        if let Some(db) = self.show_from()? {
            name.db = Some(db);
        }
        Ok(name)
    }

    pub(super) fn show(&mut self) -> Res<Show> {
        self.expect_kw(Kw::SHOW)?;
        if self.eat_kw(Kw::CREATE) {
            return self.show_create();
        }
        let extended = self.eat_w("EXTENDED");
        let full = self.eat_w("FULL");
        match self.tok.kw {
            Kw::TABLES => {
                self.advance();
                return Ok(Show::Tables {
                    full,
                    extended,
                    db: self.show_from()?,
                    as_of: self.opt_as_of()?,
                    filter: self.show_filter()?,
                });
            }
            Kw::COLUMNS | Kw::FIELDS => {
                self.advance();
                return Ok(Show::Columns {
                    full,
                    extended,
                    table: self.show_table()?,
                    as_of: self.opt_as_of()?,
                    filter: self.show_filter()?,
                });
            }
            Kw::INDEX | Kw::INDEXES | Kw::KEYS if !full => {
                self.advance();
                return Ok(Show::Index {
                    extended,
                    table: self.show_table()?,
                    filter: self.show_filter()?,
                });
            }
            _ => {}
        }
        if extended {
            return self.fail();
        }
        if self.eat_w("PROCESSLIST") {
            return Ok(Show::Processlist { full });
        }
        if self.eat_w("TRIGGERS") {
            return Ok(Show::Triggers {
                full,
                db: self.show_from()?,
                filter: self.show_filter()?,
            });
        }
        if full {
            return self.fail();
        }
        self.show_plain()
    }

    fn show_plain(&mut self) -> Res<Show> {
        if self.is(T::Word) && !self.tok.kw.is_reserved() {
            let scope = match self.tok.kw {
                Kw::GLOBAL => Some(VarScope::Global),
                Kw::SESSION | Kw::LOCAL => Some(VarScope::Session),
                _ => None,
            };
            if scope.is_some() {
                self.advance();
                if !self.w("VARIABLES") && !self.w("STATUS") {
                    return self.fail();
                }
            }
            if self.eat_w("VARIABLES") {
                return Ok(Show::Variables {
                    scope,
                    filter: self.show_filter()?,
                });
            }
            if self.eat_w("STATUS") {
                return Ok(Show::Status {
                    scope,
                    filter: self.show_filter()?,
                });
            }
        }
        if self.eat_kw(Kw::DATABASES) || self.eat_kw(Kw::SCHEMAS) {
            return Ok(Show::Databases(self.show_filter()?));
        }
        if self.eat_ws(&["OPEN", "TABLES"]) {
            return Ok(Show::OpenTables {
                db: self.show_from()?,
                filter: self.show_filter()?,
            });
        }
        if self.eat_ws(&["TABLE", "STATUS"]) {
            return Ok(Show::TableStatus {
                db: self.show_from()?,
                filter: self.show_filter()?,
            });
        }
        if self.eat_w("EVENTS") {
            return Ok(Show::Events {
                db: self.show_from()?,
                filter: self.show_filter()?,
            });
        }
        if self.eat_ws(&["PROCEDURE", "STATUS"]) {
            return Ok(Show::ProcedureStatus(self.show_filter()?));
        }
        if self.eat_ws(&["FUNCTION", "STATUS"]) {
            return Ok(Show::FunctionStatus(self.show_filter()?));
        }
        if self.eat_ws(&["PROCEDURE", "CODE"]) {
            return Ok(Show::ProcedureCode(self.object_name()?));
        }
        if self.eat_ws(&["FUNCTION", "CODE"]) {
            return Ok(Show::FunctionCode(self.object_name()?));
        }
        if self.eat_ws(&["CHARACTER", "SET"]) || self.eat_w("CHARSET") {
            return Ok(Show::CharacterSet(self.show_filter()?));
        }
        if self.eat_w("COLLATION") {
            return Ok(Show::Collation(self.show_filter()?));
        }
        if self.eat_ws(&["STORAGE", "ENGINES"]) || self.eat_w("ENGINES") {
            return Ok(Show::Engines);
        }
        if self.eat_w("ENGINE") {
            let name = Ident(self.ident_or_string()?);
            let Some(what) = self.one_of(&["STATUS", "MUTEX", "LOGS"]) else {
                return self.fail();
            };
            return Ok(Show::Engine {
                name,
                what: what.into(),
            });
        }
        if self.eat_w("PLUGINS") {
            return Ok(Show::Plugins);
        }
        if self.eat_w("PRIVILEGES") {
            return Ok(Show::Privileges);
        }
        if self.eat_w("GRANTS") {
            let user = if self.eat_kw(Kw::FOR) {
                Some(self.account()?)
            } else {
                None
            };
            let using = if self.eat_kw(Kw::USING) {
                self.comma_list(Self::account)?
            } else {
                Vec::new()
            };
            return Ok(Show::Grants { user, using });
        }
        if self.eat_w("WARNINGS") {
            return Ok(Show::Warnings(self.opt_limit()?));
        }
        if self.eat_w("ERRORS") {
            return Ok(Show::Errors(self.opt_limit()?));
        }
        if self.eat_w("COUNT") {
            self.expect(T::LParen)?;
            self.expect(T::Star)?;
            self.expect(T::RParen)?;
            if self.eat_w("WARNINGS") {
                return Ok(Show::CountWarnings);
            }
            self.expect_w("ERRORS")?;
            return Ok(Show::CountErrors);
        }
        if self.eat_w("PROFILES") {
            return Ok(Show::Profiles);
        }
        if self.eat_w("PROFILE") {
            return self.show_profile();
        }
        self.show_replication()
    }

    fn show_profile(&mut self) -> Res<Show> {
        let mut types = Vec::new();
        while self.is(T::Word) && !matches!(self.tok.kw, Kw::FOR | Kw::LIMIT) {
            let mut kind = self.upper_word()?.into_string();
            if matches!(kind.as_str(), "BLOCK" | "CONTEXT" | "PAGE") {
                kind = format!("{kind} {}", self.upper_word()?);
            }
            types.push(kind.into());
            if !self.eat(T::Comma) {
                break;
            }
        }
        let query = if self.eat_ws(&["FOR", "QUERY"]) {
            Some(self.integer()?)
        } else {
            None
        };
        Ok(Show::Profile {
            types,
            query,
            limit: self.opt_limit()?,
        })
    }

    fn show_replication(&mut self) -> Res<Show> {
        if self.eat_ws(&["BINARY", "LOG", "STATUS"]) || self.eat_ws(&["MASTER", "STATUS"]) {
            return Ok(Show::BinaryLogStatus);
        }
        if self.eat_ws(&["BINARY", "LOGS"]) || self.eat_ws(&["MASTER", "LOGS"]) {
            return Ok(Show::BinaryLogs);
        }
        let relay = self.eat_w("RELAYLOG");
        if relay || self.eat_w("BINLOG") {
            self.expect_w("EVENTS")?;
            let log = if self.eat_kw(Kw::IN) {
                Some(self.string()?)
            } else {
                None
            };
            let from = if self.eat_kw(Kw::FROM) {
                Some(self.integer()?)
            } else {
                None
            };
            return Ok(Show::BinlogEvents {
                relay,
                log,
                from,
                limit: self.opt_limit()?,
                channel: self.for_channel()?,
            });
        }
        if self.eat_w("REPLICAS") || self.eat_ws(&["SLAVE", "HOSTS"]) {
            return Ok(Show::Replicas);
        }
        let slave = self.eat_w("SLAVE");
        if slave || self.eat_w("REPLICA") {
            self.expect_w("STATUS")?;
            return Ok(Show::ReplicaStatus {
                slave,
                channel: self.for_channel()?,
            });
        }
        self.fail()
    }

    fn show_create(&mut self) -> Res<Show> {
        let kind = self.tok.kw;
        if self.tok.kind != T::Word {
            return self.fail();
        }
        self.advance();
        Ok(match kind {
            Kw::TABLE => Show::CreateTable {
                table: self.object_name()?,
                as_of: self.opt_as_of()?,
            },
            Kw::VIEW => Show::CreateView {
                view: self.object_name()?,
                as_of: self.opt_as_of()?,
            },
            Kw::DATABASE | Kw::SCHEMA => Show::CreateDatabase {
                if_not_exists: self.if_not_exists(),
                name: self.database_path()?,
            },
            Kw::TRIGGER => Show::CreateTrigger(self.object_name()?),
            Kw::PROCEDURE => Show::CreateProcedure(self.object_name()?),
            Kw::FUNCTION => Show::CreateFunction(self.object_name()?),
            Kw::EVENT => Show::CreateEvent(self.object_name()?),
            Kw::USER => Show::CreateUser(if self.at_end() {
                None
            } else {
                Some(self.account()?)
            }),
            _ => return self.fail(),
        })
    }

    /// DESCRIBE, DESC and EXPLAIN.
    pub(super) fn explain(&mut self) -> Res<Statement> {
        self.advance();
        let mut explain = Explain {
            analyze: false,
            plan: false,
            extended: false,
            format: None,
            into: None,
            target: ExplainTarget::Connection(0),
        };
        loop {
            if self.kw(Kw::ANALYZE) {
                self.advance();
                explain.analyze = true;
            } else if self.w("FORMAT") && self.peek().kind == T::Eq {
                self.advance();
                self.advance();
                explain.format = Some(if self.is_string() {
                    self.string()?
                } else {
                    self.any_ident()?.0
                });
            } else if self.w("EXTENDED") && self.peek().kind == T::Word {
                self.advance();
                explain.extended = true;
            } else if self.w("PLAN") && matches!(self.peek().kind, T::Word | T::LParen) {
                self.advance();
                explain.plan = true;
            } else if self.kw(Kw::INTO) {
                self.advance();
                explain.into = Some(self.user_var()?);
            } else {
                break;
            }
        }
        if self.eat_ws(&["FOR", "CONNECTION"]) {
            explain.target = ExplainTarget::Connection(self.integer()?);
            return Ok(Statement::Explain(Box::new(explain)));
        }
        let plain = !explain.analyze && !explain.plan && explain.format.is_none();
        if plain && self.is_ident() && self.tok.kw != Kw::CALL {
            let table = self.object_name()?;
            let as_of = self.opt_as_of()?;
            let column = if self.is_string() {
                Some(self.string()?)
            } else if self.is_ident() {
                Some(self.ident()?.0)
            } else {
                None
            };
            return Ok(Statement::Describe(Box::new(Describe {
                table,
                as_of,
                column,
            })));
        }
        match self.tok.kw {
            Kw::SELECT
            | Kw::WITH
            | Kw::INSERT
            | Kw::REPLACE
            | Kw::UPDATE
            | Kw::DELETE
            | Kw::TABLE
            | Kw::VALUES
            | Kw::ALTER
            | Kw::CALL
            | Kw::SHOW
            | Kw::CREATE => {}
            _ if self.is(T::LParen) => {}
            _ => return self.fail(),
        }
        let statement = self.nested(Self::statement)?;
        explain.target = ExplainTarget::Statement(Box::new(statement));
        Ok(Statement::Explain(Box::new(explain)))
    }
}
