//! Accounts, roles, GRANT and REVOKE.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

impl Parser<'_> {
    /// `user[@host]`, CURRENT_USER, or a role.
    pub(super) fn account(&mut self) -> Res<Account> {
        if self.eat_kw(Kw::CURRENT_USER) {
            if self.eat(T::LParen) {
                self.expect(T::RParen)?;
            }
            return Ok(Account::CurrentUser);
        }
        let user = self.ident_or_string()?;
        let host = match self.tok.kind {
            T::UserVar => Some(self.user_var()?),
            T::At => {
                self.advance();
                Some(if self.is_string() {
                    self.string()?
                } else {
                    self.any_ident()?.0
                })
            }
            _ => None,
        };
        Ok(Account::Named { user, host })
    }

    fn identified(&mut self) -> Res<Authentication> {
        self.expect_w("IDENTIFIED")?;
        let plugin = if self.eat_kw(Kw::WITH) {
            Some(self.ident_or_string()?)
        } else {
            None
        };
        let secret = if self.eat_kw(Kw::BY) {
            if self.eat_ws(&["RANDOM", "PASSWORD"]) {
                AuthSecret::Random
            } else {
                self.eat_w("PASSWORD");
                AuthSecret::Password(self.string()?)
            }
        } else if plugin.is_some() && self.eat_kw(Kw::AS) {
            AuthSecret::Hash(self.string_or_hex()?)
        } else if plugin.is_some() {
            AuthSecret::None
        } else {
            return self.fail();
        };
        Ok(Authentication { plugin, secret })
    }

    fn user_spec(&mut self) -> Res<UserSpec> {
        let mut spec = UserSpec {
            account: self.account()?,
            auth: Vec::new(),
            initial: None,
            replace: None,
            retain_current: false,
            discard_old: false,
        };
        if self.w("IDENTIFIED") {
            spec.auth.push(self.identified()?);
            if self.eat_kw(Kw::REPLACE) {
                spec.replace = Some(self.string()?);
            }
            while self.eat_kw(Kw::AND) {
                spec.auth.push(self.identified()?);
            }
            if self.eat_ws(&["INITIAL", "AUTHENTICATION"]) {
                spec.initial = Some(self.identified()?);
            }
        }
        spec.retain_current = self.eat_ws(&["RETAIN", "CURRENT", "PASSWORD"]);
        spec.discard_old = self.eat_ws(&["DISCARD", "OLD", "PASSWORD"]);
        Ok(spec)
    }

    pub(super) fn create_user(&mut self) -> Res<Statement> {
        let if_not_exists = self.if_not_exists();
        let users = self.comma_list(Self::user_spec)?;
        let default_roles = if self.eat_ws(&["DEFAULT", "ROLE"]) {
            self.comma_list(Self::account)?
        } else {
            Vec::new()
        };
        Ok(Statement::CreateUser(Box::new(CreateUser {
            if_not_exists,
            users,
            default_roles,
            options: self.user_options()?,
        })))
    }

    pub(super) fn alter_user(&mut self) -> Res<Statement> {
        let if_exists = self.if_exists();
        if self.w("USER") && self.peek().kind == T::LParen {
            self.advance();
            self.advance();
            self.expect(T::RParen)?;
            let mut spec = UserSpec {
                account: Account::CurrentUser,
                auth: vec![self.identified()?],
                initial: None,
                replace: None,
                retain_current: false,
                discard_old: false,
            };
            if self.eat_kw(Kw::REPLACE) {
                spec.replace = Some(self.string()?);
            }
            return Ok(Statement::AlterUser(Box::new(AlterUser {
                if_exists,
                users: vec![spec],
                default_role: None,
                options: UserOptions::default(),
            })));
        }
        let users = self.comma_list(Self::user_spec)?;
        let default_role = if self.eat_ws(&["DEFAULT", "ROLE"]) {
            Some(self.role_set()?)
        } else {
            None
        };
        Ok(Statement::AlterUser(Box::new(AlterUser {
            if_exists,
            users,
            default_role,
            options: self.user_options()?,
        })))
    }

    fn user_options(&mut self) -> Res<UserOptions> {
        let mut options = UserOptions::default();
        if self.eat_kw(Kw::REQUIRE) {
            options.require = Some(self.require()?);
        }
        if self.eat_kw(Kw::WITH) {
            while let Some(name) = self.one_of(&[
                "MAX_QUERIES_PER_HOUR",
                "MAX_UPDATES_PER_HOUR",
                "MAX_CONNECTIONS_PER_HOUR",
                "MAX_USER_CONNECTIONS",
            ]) {
                options.limits.push((name.into(), self.integer()?));
            }
            if options.limits.is_empty() {
                return self.fail();
            }
        }
        loop {
            if self.eat_ws(&["ACCOUNT", "LOCK"]) {
                options.account_lock = Some(true);
            } else if self.eat_ws(&["ACCOUNT", "UNLOCK"]) {
                options.account_lock = Some(false);
            } else if let Some(option) = self.password_option()? {
                options.password.push(option);
            } else {
                break;
            }
        }
        if self.eat_w("COMMENT") {
            options.comment = Some(self.string()?);
        } else if self.eat_w("ATTRIBUTE") {
            options.attribute = Some(self.string()?);
        }
        Ok(options)
    }

    fn require(&mut self) -> Res<Require> {
        if self.eat_w("NONE") {
            return Ok(Require::None);
        }
        if self.eat_kw(Kw::SSL) {
            return Ok(Require::Ssl);
        }
        if self.eat_w("X509") {
            return Ok(Require::X509);
        }
        let mut list = Vec::new();
        while let Some(name) = self.one_of(&["SUBJECT", "ISSUER", "CIPHER"]) {
            list.push((name.into(), self.string()?));
            self.eat_kw(Kw::AND);
        }
        if list.is_empty() {
            return self.fail();
        }
        Ok(Require::List(list))
    }

    fn default_or<X>(&mut self, value: impl FnOnce(&mut Self) -> Res<X>) -> Res<Option<X>> {
        if self.eat_kw(Kw::DEFAULT) {
            return Ok(None);
        }
        value(self).map(Some)
    }

    fn days(&mut self) -> Res<u64> {
        let n = self.integer()?;
        self.expect_w("DAY")?;
        Ok(n)
    }

    fn password_option(&mut self) -> Res<Option<PasswordOption>> {
        if self.eat_w("FAILED_LOGIN_ATTEMPTS") {
            return Ok(Some(PasswordOption::FailedLoginAttempts(self.integer()?)));
        }
        if self.eat_w("PASSWORD_LOCK_TIME") {
            let days = if self.eat_w("UNBOUNDED") {
                None
            } else {
                Some(self.integer()?)
            };
            return Ok(Some(PasswordOption::LockTimeDays(days)));
        }
        if !self.eat_w("PASSWORD") {
            return Ok(None);
        }
        let option = if self.eat_w("EXPIRE") {
            if self.eat_kw(Kw::DEFAULT) {
                PasswordOption::ExpireDefault
            } else if self.eat_w("NEVER") {
                PasswordOption::ExpireNever
            } else if self.eat_kw(Kw::INTERVAL) {
                PasswordOption::ExpireDays(self.days()?)
            } else {
                PasswordOption::Expire
            }
        } else if self.eat_w("HISTORY") {
            PasswordOption::History(self.default_or(Self::integer)?)
        } else if self.eat_ws(&["REUSE", "INTERVAL"]) {
            PasswordOption::ReuseDays(self.default_or(Self::days)?)
        } else {
            self.expect_ws(&["REQUIRE", "CURRENT"])?;
            PasswordOption::RequireCurrent(if self.eat_kw(Kw::DEFAULT) {
                None
            } else {
                Some(!self.eat_w("OPTIONAL"))
            })
        };
        Ok(Some(option))
    }

    /// What follows SET ROLE and SET DEFAULT ROLE.
    pub(super) fn role_set(&mut self) -> Res<SetRole> {
        if self.eat_kw(Kw::DEFAULT) {
            return Ok(SetRole::Default);
        }
        if self.w("NONE") {
            self.advance();
            return Ok(SetRole::None);
        }
        if self.eat_kw(Kw::ALL) {
            if self.eat_kw(Kw::EXCEPT) {
                return Ok(SetRole::AllExcept(self.comma_list(Self::account)?));
            }
            return Ok(SetRole::All);
        }
        Ok(SetRole::List(self.comma_list(Self::account)?))
    }

    fn privilege(&mut self) -> Res<Privilege> {
        let name = match Privilege::STATIC.iter().find(|words| self.eat_ws(words)) {
            Some(words) => match words.join(" ").as_str() {
                "ALL PRIVILEGES" => "ALL".into(),
                name => name.into(),
            },
            None => Ident(self.ident_or_string()?).to_ascii_uppercase().into(),
        };
        Ok(Privilege {
            name,
            columns: self.opt_columns()?,
        })
    }

    /// Whether a list of privileges stands before ON, rather than one of roles before `end`.
    fn lists_privileges(&self, end: Kw) -> bool {
        let mut lx = self.lx.clone();
        let mut tok = self.tok;
        let mut open = 0usize;
        loop {
            match tok.kind {
                T::LParen => open += 1,
                T::RParen => open = open.saturating_sub(1),
                T::End | T::Semi | T::Bad => return false,
                _ if open == 0 && tok.kw == Kw::ON => return true,
                _ if open == 0 && tok.kw == end => return false,
                _ => {}
            }
            tok = lx.next();
        }
    }

    fn grant_object(&mut self) -> Res<GrantObject> {
        let mut kind = GrantObjectKind::Table;
        if self.kw(Kw::TABLE) {
            self.advance();
        } else if self.kw(Kw::FUNCTION) {
            self.advance();
            kind = GrantObjectKind::Function;
        } else if self.kw(Kw::PROCEDURE) {
            self.advance();
            kind = GrantObjectKind::Procedure;
        }
        let level = if self.eat(T::Star) {
            if self.eat(T::Dot) {
                self.expect(T::Star)?;
                GrantLevel::Global
            } else {
                GrantLevel::CurrentDatabase
            }
        } else {
            let first = self.ident()?;
            if !self.eat(T::Dot) {
                GrantLevel::Object(ObjectName {
                    db: None,
                    name: first,
                })
            } else if self.eat(T::Star) {
                GrantLevel::Database(first)
            } else {
                GrantLevel::Object(ObjectName {
                    db: Some(first),
                    name: self.any_ident()?,
                })
            }
        };
        Ok(GrantObject { kind, level })
    }

    pub(super) fn grant(&mut self) -> Res<Grant> {
        self.expect_kw(Kw::GRANT)?;
        if self.eat_ws(&["PROXY", "ON"]) {
            let on = self.account()?;
            self.expect_kw(Kw::TO)?;
            return Ok(Grant::Proxy {
                on,
                to: self.comma_list(Self::account)?,
                with_grant_option: self.eat_ws(&["WITH", "GRANT", "OPTION"]),
            });
        }
        if !self.lists_privileges(Kw::TO) {
            let roles = self.comma_list(Self::account)?;
            self.expect_kw(Kw::TO)?;
            return Ok(Grant::Roles {
                roles,
                to: self.comma_list(Self::account)?,
                with_admin_option: self.eat_ws(&["WITH", "ADMIN", "OPTION"]),
            });
        }
        let privileges = self.comma_list(Self::privilege)?;
        self.expect_kw(Kw::ON)?;
        let on = self.grant_object()?;
        self.expect_kw(Kw::TO)?;
        let to = self.comma_list(Self::user_spec)?;
        let with_grant_option = self.eat_ws(&["WITH", "GRANT", "OPTION"]);
        let as_user = if self.eat_kw(Kw::AS) {
            let user = self.account()?;
            let role = if self.eat_ws(&["WITH", "ROLE"]) {
                Some(self.role_set()?)
            } else {
                None
            };
            Some((user, role))
        } else {
            None
        };
        Ok(Grant::Privileges {
            privileges,
            on,
            to,
            with_grant_option,
            as_user,
        })
    }

    pub(super) fn revoke(&mut self) -> Res<Revoke> {
        self.expect_kw(Kw::REVOKE)?;
        let if_exists = self.if_exists();
        let what = if self.eat_ws(&["PROXY", "ON"]) {
            RevokeWhat::Proxy(self.account()?)
        } else if self.lists_privileges(Kw::FROM) {
            let privileges = self.comma_list(Self::privilege)?;
            self.expect_kw(Kw::ON)?;
            RevokeWhat::Privileges {
                privileges,
                on: self.grant_object()?,
            }
        } else if self.eat_kw(Kw::ALL) {
            self.eat_w("PRIVILEGES");
            self.expect(T::Comma)?;
            self.expect_ws(&["GRANT", "OPTION"])?;
            RevokeWhat::All
        } else {
            RevokeWhat::Roles(self.comma_list(Self::account)?)
        };
        self.expect_kw(Kw::FROM)?;
        Ok(Revoke {
            if_exists,
            what,
            from: self.comma_list(Self::account)?,
            ignore_unknown_user: self.eat_ws(&["IGNORE", "UNKNOWN", "USER"]),
        })
    }
}
