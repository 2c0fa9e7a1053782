//! SET, transactions, locks, prepared statements.

use super::expr::scope_of;
use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    pub(super) fn set_statement(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::SET)?;
        if self.w("ROLE") && !matches!(self.peek().kind, T::Eq | T::Assign) {
            self.advance();
            return Ok(Statement::Set(vec![SetItem::Role(self.role_set()?)]));
        }
        if self.eat_ws(&["DEFAULT", "ROLE"]) {
            let roles = self.role_set()?;
            self.expect_kw(Kw::TO)?;
            return Ok(Statement::Set(vec![SetItem::DefaultRole {
                roles,
                users: self.comma_list(Self::account)?,
            }]));
        }
        if self.eat_ws(&["RESOURCE", "GROUP"]) {
            let name = self.ident()?;
            if self.eat_kw(Kw::FOR) {
                self.comma_list(Self::integer)?;
            }
            return Ok(Statement::Set(vec![SetItem::ResourceGroup(name)]));
        }
        let mut scope = None;
        let mut items: Vec<SetItem> = Vec::new();
        loop {
            // `SET GLOBAL a = 1, b = 2`: the scope lasts for the one variable it precedes, and a
            // transaction's characteristics are a list of their own.
            let item = match items.last() {
                Some(SetItem::Transaction { .. }) => self.transaction_item(scope)?,
                _ => {
                    scope = None;
                    self.set_item(&mut scope)?
                }
            };
            match (items.last_mut(), item) {
                (
                    Some(SetItem::Transaction {
                        isolation,
                        read_only,
                        ..
                    }),
                    SetItem::Transaction {
                        isolation: new_isolation,
                        read_only: new_read_only,
                        ..
                    },
                ) => {
                    if (isolation.is_some() && new_isolation.is_some())
                        || (read_only.is_some() && new_read_only.is_some())
                    {
                        return self.fail();
                    }
                    *isolation = isolation.or(new_isolation);
                    *read_only = read_only.or(new_read_only);
                }
                (_, item) => items.push(item),
            }
            if !self.eat(T::Comma) {
                return Ok(Statement::Set(items));
            }
        }
    }

    fn transaction_item(&mut self, scope: Option<VarScope>) -> Res<SetItem> {
        let mut isolation = None;
        let mut read_only = None;
        if self.eat_ws(&["ISOLATION", "LEVEL"]) {
            isolation = Some(if self.eat_ws(&["READ", "UNCOMMITTED"]) {
                Isolation::ReadUncommitted
            } else if self.eat_ws(&["READ", "COMMITTED"]) {
                Isolation::ReadCommitted
            } else if self.eat_ws(&["REPEATABLE", "READ"]) {
                Isolation::RepeatableRead
            } else {
                self.expect_w("SERIALIZABLE")?;
                Isolation::Serializable
            });
        } else if self.eat_ws(&["READ", "ONLY"]) {
            read_only = Some(true);
        } else {
            self.expect_ws(&["READ", "WRITE"])?;
            read_only = Some(false);
        }
        Ok(SetItem::Transaction {
            scope,
            isolation,
            read_only,
        })
    }

    fn assigns_next(&self) -> bool {
        matches!(self.peek().kind, T::Eq | T::Assign)
    }

    fn set_item(&mut self, scope: &mut Option<VarScope>) -> Res<SetItem> {
        match self.tok.kind {
            T::UserVar => {
                let name = self.user_var()?;
                return self.set_value(SetTarget::User(name));
            }
            T::AtAt => {
                let (scope, name) = self.system_var()?;
                return self.set_value(SetTarget::System { scope, name });
            }
            T::Word | T::Quoted => {}
            _ => return self.fail(),
        }
        if self.is(T::Word) && !self.assigns_next() && self.peek().kind != T::Dot {
            if self.eat_w("NAMES") {
                if self.eat_kw(Kw::DEFAULT) {
                    return Ok(SetItem::Names {
                        charset: None,
                        collate: None,
                    });
                }
                let charset = Some(self.charset_name()?);
                let collate = if self.eat_kw(Kw::COLLATE) {
                    Some(self.charset_name()?)
                } else {
                    None
                };
                return Ok(SetItem::Names { charset, collate });
            }
            if self.eat_ws(&["CHARACTER", "SET"])
                || self.eat_ws(&["CHAR", "SET"])
                || self.eat_w("CHARSET")
            {
                if self.eat_kw(Kw::DEFAULT) {
                    return Ok(SetItem::CharacterSet(None));
                }
                return Ok(SetItem::CharacterSet(Some(self.charset_name()?)));
            }
            if self.w("PASSWORD") {
                return self.set_password();
            }
            let word = self.name_of(self.tok)?;
            if let Some(found) = scope_of(&word) {
                self.advance();
                *scope = Some(found);
                if self.w("TRANSACTION") && !self.assigns_next() {
                    self.advance();
                    return self.transaction_item(*scope);
                }
                let mut name = self.ident()?.0;
                if self.eat(T::Dot) {
                    name = format!("{name}.{}", self.any_ident()?).into();
                }
                return self.set_value(SetTarget::System {
                    scope: Some(found),
                    name,
                });
            }
            if self.eat_w("TRANSACTION") {
                return self.transaction_item(None);
            }
        }
        if self.w("PASSWORD") && self.peek().kind == T::Eq {
            let next = self.peek2().1;
            if next.kind == T::Str {
                return self.set_password();
            }
        }
        let first = self.ident()?;
        let target = if self.eat(T::Dot) {
            SetTarget::Name {
                qualifier: Some(first),
                name: self.any_ident()?,
            }
        } else {
            SetTarget::Name {
                qualifier: None,
                name: first,
            }
        };
        self.set_value(target)
    }

    fn set_value(&mut self, target: SetTarget) -> Res<SetItem> {
        if !self.eat(T::Assign) {
            self.expect(T::Eq)?;
        }
        let start = self.start();
        let ends_word = matches!(self.peek().kind, T::Comma | T::Semi | T::End);
        let value = match self.tok.kw {
            Kw::DEFAULT if ends_word => {
                self.advance();
                Expr::Default(None)
            }
            Kw::ON | Kw::ALL | Kw::BINARY | Kw::ROW | Kw::SYSTEM if ends_word => {
                let word = self.any_ident()?;
                Expr::Literal(Literal::String {
                    bytes: word.as_bytes().into(),
                    charset: None,
                })
            }
            _ => self.expr()?,
        };
        Ok(SetItem::Variable {
            target,
            value,
            span: self.span_from(start),
        })
    }

    fn set_password(&mut self) -> Res<SetItem> {
        self.expect_w("PASSWORD")?;
        let user = if self.eat_kw(Kw::FOR) {
            Some(self.account()?)
        } else {
            None
        };
        let password = if self.eat_ws(&["TO", "RANDOM"]) {
            None
        } else {
            self.expect(T::Eq)?;
            Some(self.string()?)
        };
        let replace = if self.eat_kw(Kw::REPLACE) {
            Some(self.string()?)
        } else {
            None
        };
        Ok(SetItem::Password {
            user,
            password,
            replace,
            retain_current: self.eat_ws(&["RETAIN", "CURRENT", "PASSWORD"]),
        })
    }

    pub(super) fn start_transaction(&mut self) -> Res<TransactionStart> {
        let mut start = TransactionStart::default();
        if self.at_end() {
            return Ok(start);
        }
        loop {
            if self.eat_ws(&["WITH", "CONSISTENT", "SNAPSHOT"]) {
                start.consistent_snapshot = true;
            } else if self.eat_ws(&["READ", "ONLY"]) {
                start.read_only = Some(true);
            } else {
                self.expect_ws(&["READ", "WRITE"])?;
                start.read_only = Some(false);
            }
            if !self.eat(T::Comma) {
                return Ok(start);
            }
        }
    }

    /// What follows COMMIT and ROLLBACK.
    pub(super) fn transaction_end(&mut self) -> Res<TransactionEnd> {
        self.eat_w("WORK");
        let mut end = TransactionEnd::default();
        if self.eat_kw(Kw::AND) {
            let no = self.eat_w("NO");
            self.expect_w("CHAIN")?;
            end.chain = Some(!no);
        }
        if self.kw(Kw::RELEASE) || self.w("NO") {
            let no = self.eat_w("NO");
            self.expect_kw(Kw::RELEASE)?;
            end.release = Some(!no);
        }
        Ok(end)
    }

    pub(super) fn lock(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::LOCK)?;
        if self.eat_ws(&["INSTANCE", "FOR", "BACKUP"]) {
            return Ok(Statement::LockInstance);
        }
        if !self.eat_w("TABLES") {
            self.expect_kw(Kw::TABLE)?;
        }
        Ok(Statement::LockTables(self.comma_list(|p| {
            let name = p.object_name()?;
            let alias = p.table_alias()?;
            let kind = if p.eat_kw(Kw::READ) {
                if p.eat_w("LOCAL") {
                    LockKind::ReadLocal
                } else {
                    LockKind::Read
                }
            } else if p.eat_kw(Kw::LOW_PRIORITY) {
                p.expect_kw(Kw::WRITE)?;
                LockKind::LowPriorityWrite
            } else {
                p.expect_kw(Kw::WRITE)?;
                LockKind::Write
            };
            Ok(LockTable { name, alias, kind })
        })?))
    }

    pub(super) fn unlock(&mut self) -> Res<Statement> {
        self.expect_kw(Kw::UNLOCK)?;
        if self.eat_w("INSTANCE") {
            return Ok(Statement::UnlockInstance);
        }
        if !self.eat_w("TABLES") {
            self.expect_kw(Kw::TABLE)?;
        }
        Ok(Statement::UnlockTables)
    }

    pub(super) fn xa(&mut self) -> Res<Statement> {
        self.expect_w("XA")?;
        let Some(verb) = self.one_of(&[
            "START", "BEGIN", "END", "PREPARE", "COMMIT", "ROLLBACK", "RECOVER",
        ]) else {
            return self.fail();
        };
        let mut id = Vec::new();
        while !self.at_end() && self.tok.kind != T::Word {
            match self.expr_from(super::expr::level::PRIMARY)? {
                Expr::Literal(literal) => id.push(literal),
                _ => return self.fail(),
            }
            if !self.eat(T::Comma) {
                break;
            }
        }
        let mut words: Vec<Box<str>> = Vec::new();
        while self.tok.kind == T::Word {
            words.push(self.upper_word()?);
        }
        Ok(Statement::Xa(Xa {
            verb: if verb == "BEGIN" { "START" } else { verb }.into(),
            id,
            suffix: (!words.is_empty()).then(|| words.join(" ").into()),
        }))
    }

    pub(super) fn prepare(&mut self) -> Res<Statement> {
        self.expect_w("PREPARE")?;
        let name = self.ident()?;
        self.expect_kw(Kw::FROM)?;
        let source = if self.is(T::UserVar) {
            PrepareSource::UserVar(self.user_var()?)
        } else {
            PrepareSource::Text(self.string_bytes()?)
        };
        Ok(Statement::Prepare { name, source })
    }

    pub(super) fn execute(&mut self) -> Res<Statement> {
        self.expect_w("EXECUTE")?;
        let name = self.ident()?;
        let using = if self.eat_kw(Kw::USING) {
            self.comma_list(Self::user_var)?
        } else {
            Vec::new()
        };
        Ok(Statement::Execute { name, using })
    }
}
