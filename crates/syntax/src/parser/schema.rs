//! CREATE, ALTER and DROP of everything but tables' insides, accounts and programs' bodies.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

/// What may stand between CREATE and the kind of a view or program.
#[derive(Default)]
struct Prelude {
    or_replace: bool,
    algorithm: Option<Box<str>>,
    definer: Option<Account>,
    sql_security: Option<SqlSecurity>,
}

impl Parser<'_> {
    pub(super) fn create(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::CREATE)?;
        let prelude = self.prelude()?;
        match self.tok.kw {
            Kw::TABLE if !prelude.or_replace => {
                self.advance();
                Ok(Statement::CreateTable(Box::new(self.create_table(false)?)))
            }
            Kw::TEMPORARY => {
                self.advance();
                self.expect_kw(Kw::TABLE)?;
                Ok(Statement::CreateTable(Box::new(self.create_table(true)?)))
            }
            Kw::INDEX | Kw::UNIQUE | Kw::FULLTEXT | Kw::VECTOR => self.create_index(),
            Kw::SPATIAL => {
                if self.peek_w("REFERENCE") {
                    return self.create_srs(prelude.or_replace);
                }
                self.create_index()
            }
            Kw::VIEW => {
                let view = self.view(prelude)?;
                Ok(Statement::CreateView(Box::new(view)))
            }
            Kw::DATABASE | Kw::SCHEMA => {
                self.advance();
                Ok(Statement::CreateDatabase(CreateDatabase {
                    if_not_exists: self.if_not_exists(),
                    name: self.ident()?,
                    options: self.database_options()?,
                }))
            }
            Kw::TRIGGER => {
                self.advance();
                let trigger = self.create_trigger(prelude.definer)?;
                Ok(Statement::CreateTrigger(Box::new(trigger)))
            }
            Kw::PROCEDURE => {
                self.advance();
                let routine = self.create_routine(prelude.definer, false, false)?;
                Ok(Statement::CreateProcedure(Box::new(routine)))
            }
            Kw::FUNCTION | Kw::AGGREGATE => {
                let aggregate = self.eat_w("AGGREGATE");
                self.expect_kw(Kw::FUNCTION)?;
                let routine = self.create_routine(prelude.definer, true, aggregate)?;
                Ok(Statement::CreateFunction(Box::new(routine)))
            }
            Kw::EVENT => {
                self.advance();
                let event = self.create_event(prelude.definer)?;
                Ok(Statement::CreateEvent(Box::new(event)))
            }
            Kw::USER => {
                self.advance();
                self.create_user()
            }
            Kw::ROLE => {
                self.advance();
                Ok(Statement::CreateRole {
                    if_not_exists: self.if_not_exists(),
                    roles: self.comma_list(Self::account)?,
                })
            }
            _ => self.fail(),
        }
    }

    fn prelude(&mut self) -> Res<Prelude> {
        let mut prelude = Prelude {
            or_replace: self.eat_ws(&["OR", "REPLACE"]),
            ..Prelude::default()
        };
        loop {
            if self.w("ALGORITHM") {
                self.advance();
                self.eat(T::Eq);
                prelude.algorithm = Some(self.upper_word()?);
            } else if self.w("DEFINER") {
                self.advance();
                self.expect(T::Eq)?;
                prelude.definer = Some(self.account()?);
            } else if self.kw(Kw::SQL) {
                self.expect_ws(&["SQL", "SECURITY"])?;
                prelude.sql_security = Some(self.sql_security()?);
            } else {
                return Ok(prelude);
            }
        }
    }

    pub(super) fn sql_security(&mut self) -> Res<SqlSecurity> {
        if self.eat_w("DEFINER") {
            return Ok(SqlSecurity::Definer);
        }
        self.expect_w("INVOKER")?;
        Ok(SqlSecurity::Invoker)
    }

    fn view(&mut self, prelude: Prelude) -> Res<CreateView> {
        self.expect_kw(Kw::VIEW)?;
        let if_not_exists = self.if_not_exists();
        let name = self.object_name()?;
        let columns = self.opt_columns()?;
        self.expect_kw(Kw::AS)?;
        let query = Box::new(self.query()?);
        let check_option = if self.eat_kw(Kw::WITH) {
            let local = self.eat_w("LOCAL");
            if !local {
                self.eat_w("CASCADED");
            }
            self.expect_ws(&["CHECK", "OPTION"])?;
            Some(if local {
                CheckOption::Local
            } else {
                CheckOption::Cascaded
            })
        } else {
            None
        };
        Ok(CreateView {
            or_replace: prelude.or_replace,
            if_not_exists,
            algorithm: prelude.algorithm,
            definer: prelude.definer,
            sql_security: prelude.sql_security,
            name,
            columns,
            query,
            check_option,
        })
    }

    fn create_index(&mut self) -> Res<Statement> {
        let kind = match self.tok.kw {
            Kw::UNIQUE => IndexKind::Unique,
            Kw::FULLTEXT => IndexKind::Fulltext,
            Kw::SPATIAL => IndexKind::Spatial,
            Kw::VECTOR => IndexKind::Vector,
            _ => IndexKind::Plain,
        };
        if kind != IndexKind::Plain {
            self.advance();
        }
        if !self.eat_kw(Kw::KEY) {
            self.expect_kw(Kw::INDEX)?;
        }
        let if_not_exists = self.if_not_exists();
        let name = Some(self.ident()?);
        let mut options = Vec::new();
        self.index_using(&mut options)?;
        self.expect_kw(Kw::ON)?;
        let table = self.object_name()?;
        let parts = self.paren_list(Self::key_part)?;
        self.index_options(&mut options)?;
        let (algorithm, lock) = self.algorithm_and_lock()?;
        Ok(Statement::CreateIndex(Box::new(CreateIndex {
            kind,
            if_not_exists,
            index: IndexDef {
                if_not_exists: false,
                name,
                parts,
                options,
            },
            table,
            algorithm,
            lock,
        })))
    }

    fn algorithm_and_lock(&mut self) -> Res<(Option<Box<str>>, Option<Box<str>>)> {
        let (mut algorithm, mut lock) = (None, None);
        loop {
            if self.eat_w("ALGORITHM") {
                self.eat(T::Eq);
                algorithm = Some(self.upper_word()?);
            } else if self.eat_kw(Kw::LOCK) {
                self.eat(T::Eq);
                lock = Some(self.upper_word()?);
            } else {
                return Ok((algorithm, lock));
            }
        }
    }

    fn database_options(&mut self) -> Res<Vec<DatabaseOption>> {
        let mut options = Vec::new();
        loop {
            let default = self.eat_kw(Kw::DEFAULT);
            if self.eat_ws(&["CHARACTER", "SET"]) || self.eat_kw(Kw::CHARSET) {
                self.eat(T::Eq);
                options.push(DatabaseOption::Charset(self.charset_name()?));
            } else if self.eat_kw(Kw::COLLATE) {
                self.eat(T::Eq);
                options.push(DatabaseOption::Collate(self.charset_name()?));
            } else if self.eat_w("ENCRYPTION") {
                self.eat(T::Eq);
                options.push(DatabaseOption::Encryption(self.string()?));
            } else if !default && self.eat_ws(&["READ", "ONLY"]) {
                self.eat(T::Eq);
                let value = match self.tok.kind {
                    T::Int => self.number_text()?,
                    _ => self.upper_word()?,
                };
                options.push(DatabaseOption::ReadOnly(value));
            } else if default {
                return self.fail();
            } else {
                return Ok(options);
            }
        }
    }

    fn create_srs(&mut self, or_replace: bool) -> Res<Statement> {
        self.expect_ws(&["SPATIAL", "REFERENCE", "SYSTEM"])?;
        let if_not_exists = self.if_not_exists();
        let srid = self.integer()?;
        let mut attributes = Vec::new();
        loop {
            attributes.push(if self.eat_w("NAME") {
                SrsAttribute::Name(self.string()?)
            } else if self.eat_w("DEFINITION") {
                SrsAttribute::Definition(self.string()?)
            } else if self.eat_w("DESCRIPTION") {
                SrsAttribute::Description(self.string()?)
            } else if self.eat_w("ORGANIZATION") {
                let name = self.string()?;
                self.expect_ws(&["IDENTIFIED", "BY"])?;
                SrsAttribute::Organization {
                    name,
                    identified_by: self.integer()?,
                }
            } else {
                break;
            });
        }
        Ok(Statement::CreateSpatialReferenceSystem(Box::new(
            CreateSrs {
                or_replace,
                if_not_exists,
                srid,
                attributes,
            },
        )))
    }

    pub(super) fn alter(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::ALTER)?;
        let prelude = self.prelude()?;
        match self.tok.kw {
            Kw::TABLE | Kw::IGNORE => {
                let ignore = self.eat_kw(Kw::IGNORE);
                self.expect_kw(Kw::TABLE)?;
                Ok(Statement::AlterTable(Box::new(self.alter_table(ignore)?)))
            }
            Kw::VIEW => Ok(Statement::AlterView(Box::new(self.view(prelude)?))),
            Kw::DATABASE | Kw::SCHEMA => {
                self.advance();
                let starts_option = (self.w("ENCRYPTION")
                    && matches!(self.peek().kind, T::Eq | T::Str))
                    || (self.kw(Kw::CHARSET) && self.peek().kind != T::End)
                    || self.tok.kw.is_reserved();
                let name = if self.is_ident() && !starts_option {
                    Some(self.ident()?)
                } else {
                    None
                };
                let options = self.database_options()?;
                if options.is_empty() {
                    return Err(self.unexpected());
                }
                Ok(Statement::AlterDatabase(AlterDatabase { name, options }))
            }
            Kw::PROCEDURE | Kw::FUNCTION => {
                let function = self.kw(Kw::FUNCTION);
                self.advance();
                let routine = AlterRoutine {
                    name: self.object_name()?,
                    characteristics: self.characteristics()?,
                };
                Ok(if function {
                    Statement::AlterFunction(routine)
                } else {
                    Statement::AlterProcedure(routine)
                })
            }
            Kw::EVENT => {
                self.advance();
                let event = self.alter_event(prelude.definer)?;
                Ok(Statement::AlterEvent(Box::new(event)))
            }
            Kw::USER => {
                self.advance();
                self.alter_user()
            }
            _ => self.fail(),
        }
    }

    fn behavior(&mut self) -> Option<DropBehavior> {
        if self.eat_kw(Kw::RESTRICT) {
            Some(DropBehavior::Restrict)
        } else if self.eat_kw(Kw::CASCADE) {
            Some(DropBehavior::Cascade)
        } else {
            None
        }
    }

    fn drop_name(&mut self) -> Res<DropName> {
        self.advance();
        Ok(DropName {
            if_exists: self.if_exists(),
            name: self.object_name()?,
        })
    }

    pub(super) fn drop_statement(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::DROP)?;
        match self.tok.kw {
            Kw::TABLE | Kw::TABLES | Kw::TEMPORARY => {
                let temporary = self.eat_w("TEMPORARY");
                if !self.eat_kw(Kw::TABLES) {
                    self.expect_kw(Kw::TABLE)?;
                }
                Ok(Statement::DropTable(DropTable {
                    temporary,
                    if_exists: self.if_exists(),
                    names: self.comma_list(Self::object_name)?,
                    behavior: self.behavior(),
                }))
            }
            Kw::INDEX => {
                self.advance();
                let if_exists = self.if_exists();
                let name = self.index_name()?;
                self.expect_kw(Kw::ON)?;
                let table = self.object_name()?;
                let (algorithm, lock) = self.algorithm_and_lock()?;
                Ok(Statement::DropIndex(Box::new(DropIndex {
                    if_exists,
                    name,
                    table,
                    algorithm,
                    lock,
                })))
            }
            Kw::VIEW => {
                self.advance();
                Ok(Statement::DropView(DropNames {
                    if_exists: self.if_exists(),
                    names: self.comma_list(Self::object_name)?,
                    behavior: self.behavior(),
                }))
            }
            Kw::DATABASE | Kw::SCHEMA => {
                self.advance();
                Ok(Statement::DropDatabase(DropDatabase {
                    if_exists: self.if_exists(),
                    name: self.ident()?,
                }))
            }
            Kw::TRIGGER => Ok(Statement::DropTrigger(self.drop_name()?)),
            Kw::PROCEDURE => Ok(Statement::DropProcedure(self.drop_name()?)),
            Kw::FUNCTION => Ok(Statement::DropFunction(self.drop_name()?)),
            Kw::EVENT => Ok(Statement::DropEvent(self.drop_name()?)),
            Kw::USER => {
                self.advance();
                Ok(Statement::DropUser {
                    if_exists: self.if_exists(),
                    users: self.comma_list(Self::account)?,
                })
            }
            Kw::ROLE => {
                self.advance();
                Ok(Statement::DropRole {
                    if_exists: self.if_exists(),
                    roles: self.comma_list(Self::account)?,
                })
            }
            Kw::PREPARE => {
                self.advance();
                Ok(Statement::Deallocate(self.ident()?))
            }
            Kw::SPATIAL => {
                self.expect_ws(&["SPATIAL", "REFERENCE", "SYSTEM"])?;
                Ok(Statement::DropSpatialReferenceSystem {
                    if_exists: self.if_exists(),
                    srid: self.integer()?,
                })
            }
            _ => self.fail(),
        }
    }

    pub(super) fn rename(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::RENAME)?;
        if self.eat_w("USER") {
            return Ok(Statement::RenameUser(self.comma_list(|p| {
                let old = p.account()?;
                p.expect_kw(Kw::TO)?;
                Ok((old, p.account()?))
            })?));
        }
        if !self.eat_kw(Kw::TABLES) {
            self.expect_kw(Kw::TABLE)?;
        }
        Ok(Statement::RenameTable(self.comma_list(|p| {
            let old = p.object_name()?;
            p.expect_kw(Kw::TO)?;
            Ok((old, p.object_name()?))
        })?))
    }
}
