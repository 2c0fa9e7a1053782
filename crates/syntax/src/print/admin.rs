//! Session state, SHOW, accounts, replication.

use super::expr::scope_word;
use super::{Sql, is_plain};
use crate::ast::*;

impl Sql<'_> {
    pub(super) fn account(&mut self, account: &Account) {
        match account {
            Account::CurrentUser => {
                self.s("CURRENT_USER");
            }
            Account::Named { user, host } => {
                self.str(user);
                if let Some(host) = host {
                    self.s("@").str(host);
                }
            }
        }
    }

    pub(super) fn accounts(&mut self, list: &[Account]) -> &mut Self {
        self.list(list, |w, account| w.account(account))
    }

    pub(super) fn set(&mut self, items: &[SetItem]) {
        self.s("SET ").list(items, |w, item| w.set_item(item));
    }

    fn set_item(&mut self, item: &SetItem) {
        match item {
            SetItem::Variable { target, value, .. } => {
                match target {
                    SetTarget::User(name) => self.user_var(name),
                    SetTarget::System { scope, name } => self.system_var(*scope, name),
                    SetTarget::Name { qualifier, name } => {
                        if let Some(qualifier) = qualifier {
                            self.ident(qualifier).s(".");
                        }
                        self.ident(name)
                    }
                };
                self.s(" = ").expr(value);
            }
            SetItem::Names { charset, collate } => {
                self.s("NAMES ");
                match charset {
                    None => self.s("DEFAULT"),
                    Some(charset) => self.charset(charset),
                };
                if let Some(collate) = collate {
                    self.s(" COLLATE ").charset(collate);
                }
            }
            SetItem::CharacterSet(charset) => {
                self.s("CHARACTER SET ");
                match charset {
                    None => self.s("DEFAULT"),
                    Some(charset) => self.charset(charset),
                };
            }
            SetItem::Transaction {
                scope,
                isolation,
                read_only,
            } => {
                if let Some(scope) = scope {
                    self.s(scope_word(*scope)).s(" ");
                }
                self.s("TRANSACTION ");
                if let Some(isolation) = isolation {
                    self.s("ISOLATION LEVEL ").s(match isolation {
                        Isolation::ReadUncommitted => "READ UNCOMMITTED",
                        Isolation::ReadCommitted => "READ COMMITTED",
                        Isolation::RepeatableRead => "REPEATABLE READ",
                        Isolation::Serializable => "SERIALIZABLE",
                    });
                }
                if let Some(read_only) = read_only {
                    self.when(isolation.is_some(), ", ").s(if *read_only {
                        "READ ONLY"
                    } else {
                        "READ WRITE"
                    });
                }
            }
            SetItem::Password {
                user,
                password,
                replace,
                retain_current,
            } => {
                self.s("PASSWORD");
                if let Some(user) = user {
                    self.s(" FOR ").account(user);
                }
                match password {
                    None => self.s(" TO RANDOM"),
                    Some(password) => self.s(" = ").str(password),
                };
                self.replace(replace);
                self.when(*retain_current, " RETAIN CURRENT PASSWORD");
            }
            SetItem::Role(roles) => self.s("ROLE ").role_set(roles),
            SetItem::DefaultRole { roles, users } => {
                self.s("DEFAULT ROLE ").role_set(roles);
                self.s(" TO ").accounts(users);
            }
            SetItem::ResourceGroup(name) => {
                self.s("RESOURCE GROUP ").ident(name);
            }
        }
    }

    fn replace(&mut self, replace: &Option<Box<str>>) {
        if let Some(old) = replace {
            self.s(" REPLACE ").str(old);
        }
    }

    fn role_set(&mut self, roles: &SetRole) {
        match roles {
            SetRole::Default => self.s("DEFAULT"),
            SetRole::None => self.s("NONE"),
            SetRole::All => self.s("ALL"),
            SetRole::AllExcept(list) => self.s("ALL EXCEPT ").accounts(list),
            SetRole::List(list) => self.accounts(list),
        };
    }

    fn filter(&mut self, filter: &Option<ShowFilter>) {
        match filter {
            None => {}
            Some(ShowFilter::Like(pattern)) => {
                self.s(" LIKE ").str(pattern);
            }
            Some(ShowFilter::Where(condition)) => self.s(" WHERE ").expr(condition),
        }
    }

    fn of_db(&mut self, db: &Option<Ident>) -> &mut Self {
        if let Some(db) = db {
            self.s(" FROM ").ident(db);
        }
        self
    }

    pub(super) fn channel(&mut self, channel: &Option<Box<str>>) {
        if let Some(channel) = channel {
            self.s(" FOR CHANNEL ").str(channel);
        }
    }

    pub(super) fn show(&mut self, show: &Show) {
        self.s("SHOW ");
        match show {
            Show::Databases(filter) => self.s("DATABASES").filter(filter),
            Show::Tables {
                full,
                extended,
                db,
                as_of,
                filter,
            } => self
                .when(*extended, "EXTENDED ")
                .when(*full, "FULL ")
                .s("TABLES")
                .of_db(db)
                .as_of(as_of.as_ref())
                .filter(filter),
            Show::OpenTables { db, filter } => self.s("OPEN TABLES").of_db(db).filter(filter),
            Show::TableStatus { db, filter } => self.s("TABLE STATUS").of_db(db).filter(filter),
            Show::Columns {
                full,
                extended,
                table,
                as_of,
                filter,
            } => self
                .when(*extended, "EXTENDED ")
                .when(*full, "FULL ")
                .s("COLUMNS FROM ")
                .name(table)
                .as_of(as_of.as_ref())
                .filter(filter),
            Show::Index {
                extended,
                table,
                filter,
            } => self
                .when(*extended, "EXTENDED ")
                .s("INDEX FROM ")
                .name(table)
                .filter(filter),
            Show::Triggers { full, db, filter } => self
                .when(*full, "FULL ")
                .s("TRIGGERS")
                .of_db(db)
                .filter(filter),
            Show::Events { db, filter } => self.s("EVENTS").of_db(db).filter(filter),
            Show::ProcedureStatus(filter) => self.s("PROCEDURE STATUS").filter(filter),
            Show::FunctionStatus(filter) => self.s("FUNCTION STATUS").filter(filter),
            Show::Variables { scope, filter } => {
                self.scope(*scope).s("VARIABLES").filter(filter);
            }
            Show::Status { scope, filter } => {
                self.scope(*scope).s("STATUS").filter(filter);
            }
            Show::CharacterSet(filter) => self.s("CHARACTER SET").filter(filter),
            Show::Collation(filter) => self.s("COLLATION").filter(filter),
            Show::Warnings(limit) => {
                self.s("WARNINGS").limit(limit);
            }
            Show::Errors(limit) => {
                self.s("ERRORS").limit(limit);
            }
            Show::Grants { user, using } => {
                self.s("GRANTS");
                if let Some(user) = user {
                    self.s(" FOR ").account(user);
                }
                if !using.is_empty() {
                    self.s(" USING ").accounts(using);
                }
            }
            Show::Profile {
                types,
                query,
                limit,
            } => {
                self.s("PROFILE");
                self.when(!types.is_empty(), " ").list(types, |w, t| {
                    w.s(t);
                });
                if let Some(n) = query {
                    self.s(" FOR QUERY ").num(n);
                }
                self.limit(limit);
            }
            Show::BinlogEvents {
                relay,
                log,
                from,
                limit,
                channel,
            } => {
                self.s(if *relay { "RELAYLOG" } else { "BINLOG" })
                    .s(" EVENTS");
                if let Some(log) = log {
                    self.s(" IN ").str(log);
                }
                if let Some(from) = from {
                    self.s(" FROM ").num(from);
                }
                self.limit(limit).channel(channel);
            }
            Show::ReplicaStatus { slave, channel } => self
                .s(if *slave { "SLAVE" } else { "REPLICA" })
                .s(" STATUS")
                .channel(channel),
            Show::CreateTable { table, as_of } => {
                self.s("CREATE TABLE ").name(table).as_of(as_of.as_ref());
            }
            Show::CreateView { view, as_of } => {
                self.s("CREATE VIEW ").name(view).as_of(as_of.as_ref());
            }
            Show::CreateDatabase {
                if_not_exists,
                name,
            } => {
                self.s("CREATE DATABASE ")
                    .when(*if_not_exists, "IF NOT EXISTS ")
                    .ident(name);
            }
            Show::CreateUser(account) => {
                self.s("CREATE USER");
                if let Some(account) = account {
                    self.s(" ").account(account);
                }
            }
            Show::CreateTrigger(name) => {
                self.s("CREATE TRIGGER ").name(name);
            }
            Show::CreateProcedure(name) => {
                self.s("CREATE PROCEDURE ").name(name);
            }
            Show::CreateFunction(name) => {
                self.s("CREATE FUNCTION ").name(name);
            }
            Show::CreateEvent(name) => {
                self.s("CREATE EVENT ").name(name);
            }
            Show::ProcedureCode(name) => {
                self.s("PROCEDURE CODE ").name(name);
            }
            Show::FunctionCode(name) => {
                self.s("FUNCTION CODE ").name(name);
            }
            Show::Engine { name, what } => {
                self.s("ENGINE ").ident(name).s(" ").s(what);
            }
            Show::Processlist { full } => {
                self.when(*full, "FULL ").s("PROCESSLIST");
            }
            Show::Engines => self.word("ENGINES"),
            Show::Plugins => self.word("PLUGINS"),
            Show::Privileges => self.word("PRIVILEGES"),
            Show::CountWarnings => self.word("COUNT(*) WARNINGS"),
            Show::CountErrors => self.word("COUNT(*) ERRORS"),
            Show::Profiles => self.word("PROFILES"),
            Show::BinaryLogs => self.word("BINARY LOGS"),
            Show::BinaryLogStatus => self.word("BINARY LOG STATUS"),
            Show::Replicas => self.word("REPLICAS"),
        }
    }

    fn word(&mut self, word: &str) {
        self.s(word);
    }

    fn scope(&mut self, scope: Option<VarScope>) -> &mut Self {
        if let Some(scope) = scope {
            self.s(scope_word(scope)).s(" ");
        }
        self
    }

    pub(super) fn describe(&mut self, describe: &Describe) {
        self.s("DESCRIBE ").name(&describe.table);
        self.as_of(describe.as_of.as_ref());
        if let Some(column) = &describe.column {
            self.s(" ").str(column);
        }
    }

    pub(super) fn explain(&mut self, explain: &Explain) {
        self.s("EXPLAIN ")
            .when(explain.analyze, "ANALYZE ")
            .when(explain.extended, "EXTENDED ");
        if let Some(format) = &explain.format {
            self.s("FORMAT = ").ident(format).s(" ");
        }
        self.when(explain.plan, "PLAN ");
        if let Some(name) = &explain.into {
            self.s("INTO ").user_var(name).s(" ");
        }
        match &explain.target {
            ExplainTarget::Connection(id) => {
                self.s("FOR CONNECTION ").num(id);
            }
            ExplainTarget::Statement(statement) => self.statement(statement),
        }
    }

    fn authentication(&mut self, auth: &Authentication) {
        self.s("IDENTIFIED");
        if let Some(plugin) = &auth.plugin {
            self.s(" WITH ").str(plugin);
        }
        match &auth.secret {
            AuthSecret::None => self,
            AuthSecret::Password(password) => self.s(" BY ").str(password),
            AuthSecret::Random => self.s(" BY RANDOM PASSWORD"),
            AuthSecret::Hash(hash) => self.s(" AS ").string(hash),
        };
    }

    pub(super) fn user_specs(&mut self, users: &[UserSpec]) -> &mut Self {
        self.list(users, |w, user| {
            w.account(&user.account);
            for (i, auth) in user.auth.iter().enumerate() {
                w.s(if i == 0 { " " } else { " AND " }).authentication(auth);
                if i == 0 {
                    w.replace(&user.replace);
                }
            }
            if let Some(initial) = &user.initial {
                w.s(" INITIAL AUTHENTICATION ").authentication(initial);
            }
            w.when(user.retain_current, " RETAIN CURRENT PASSWORD")
                .when(user.discard_old, " DISCARD OLD PASSWORD");
        })
    }

    fn user_options(&mut self, options: &UserOptions) {
        match &options.require {
            None => {}
            Some(Require::None) => self.word(" REQUIRE NONE"),
            Some(Require::Ssl) => self.word(" REQUIRE SSL"),
            Some(Require::X509) => self.word(" REQUIRE X509"),
            Some(Require::List(list)) => {
                self.s(" REQUIRE");
                for (i, (name, value)) in list.iter().enumerate() {
                    self.s(if i == 0 { " " } else { " AND " });
                    self.s(name).s(" ").str(value);
                }
            }
        }
        if !options.limits.is_empty() {
            self.s(" WITH");
            for (name, n) in &options.limits {
                self.s(" ").s(name).s(" ").num(n);
            }
        }
        for option in &options.password {
            self.s(" ").password_option(option);
        }
        self.s(match options.account_lock {
            None => "",
            Some(true) => " ACCOUNT LOCK",
            Some(false) => " ACCOUNT UNLOCK",
        });
        if let Some(text) = &options.comment {
            self.s(" COMMENT ").str(text);
        }
        if let Some(text) = &options.attribute {
            self.s(" ATTRIBUTE ").str(text);
        }
    }

    fn password_option(&mut self, option: &PasswordOption) {
        use PasswordOption::*;
        let or_default = |n: &Option<u64>, suffix: &str| match n {
            None => "DEFAULT".to_string(),
            Some(n) => format!("{n}{suffix}"),
        };
        let text = match option {
            Expire => "PASSWORD EXPIRE".to_string(),
            ExpireDefault => "PASSWORD EXPIRE DEFAULT".to_string(),
            ExpireNever => "PASSWORD EXPIRE NEVER".to_string(),
            ExpireDays(n) => format!("PASSWORD EXPIRE INTERVAL {n} DAY"),
            History(n) => format!("PASSWORD HISTORY {}", or_default(n, "")),
            ReuseDays(n) => format!("PASSWORD REUSE INTERVAL {}", or_default(n, " DAY")),
            RequireCurrent(None) => "PASSWORD REQUIRE CURRENT DEFAULT".to_string(),
            RequireCurrent(Some(true)) => "PASSWORD REQUIRE CURRENT".to_string(),
            RequireCurrent(Some(false)) => "PASSWORD REQUIRE CURRENT OPTIONAL".to_string(),
            FailedLoginAttempts(n) => format!("FAILED_LOGIN_ATTEMPTS {n}"),
            LockTimeDays(None) => "PASSWORD_LOCK_TIME UNBOUNDED".to_string(),
            LockTimeDays(Some(n)) => format!("PASSWORD_LOCK_TIME {n}"),
        };
        self.s(&text);
    }

    pub(super) fn create_user(&mut self, create: &CreateUser) {
        self.s("CREATE USER ")
            .when(create.if_not_exists, "IF NOT EXISTS ")
            .user_specs(&create.users);
        if !create.default_roles.is_empty() {
            self.s(" DEFAULT ROLE ").accounts(&create.default_roles);
        }
        self.user_options(&create.options);
    }

    pub(super) fn alter_user(&mut self, alter: &AlterUser) {
        self.s("ALTER USER ")
            .when(alter.if_exists, "IF EXISTS ")
            .user_specs(&alter.users);
        if let Some(roles) = &alter.default_role {
            self.s(" DEFAULT ROLE ").role_set(roles);
        }
        self.user_options(&alter.options);
    }

    fn privileges(&mut self, privileges: &[Privilege], on: &GrantObject) -> &mut Self {
        self.list(privileges, |w, privilege| {
            match &*privilege.name {
                name if privilege.is_static() => w.s(name),
                name if is_plain(name) => w.ident(name),
                name => w.str(name),
            };
            if !privilege.columns.is_empty() {
                w.s(" ").columns(&privilege.columns);
            }
        });
        self.s(" ON ").s(match on.kind {
            GrantObjectKind::Table => "",
            GrantObjectKind::Function => "FUNCTION ",
            GrantObjectKind::Procedure => "PROCEDURE ",
        });
        match &on.level {
            GrantLevel::Global => self.s("*.*"),
            GrantLevel::CurrentDatabase => self.s("*"),
            GrantLevel::Database(db) => self.ident(db).s(".*"),
            GrantLevel::Object(name) => self.name(name),
        }
    }

    pub(super) fn grant(&mut self, grant: &Grant) {
        self.s("GRANT ");
        match grant {
            Grant::Privileges {
                privileges,
                on,
                to,
                with_grant_option,
                as_user,
            } => {
                self.privileges(privileges, on).s(" TO ").user_specs(to);
                self.when(*with_grant_option, " WITH GRANT OPTION");
                if let Some((user, role)) = as_user {
                    self.s(" AS ").account(user);
                    if let Some(role) = role {
                        self.s(" WITH ROLE ").role_set(role);
                    }
                }
            }
            Grant::Roles {
                roles,
                to,
                with_admin_option,
            } => {
                self.accounts(roles).s(" TO ").accounts(to);
                self.when(*with_admin_option, " WITH ADMIN OPTION");
            }
            Grant::Proxy {
                on,
                to,
                with_grant_option,
            } => {
                self.s("PROXY ON ").account(on);
                self.s(" TO ").accounts(to);
                self.when(*with_grant_option, " WITH GRANT OPTION");
            }
        }
    }

    pub(super) fn revoke(&mut self, revoke: &Revoke) {
        self.s("REVOKE ").when(revoke.if_exists, "IF EXISTS ");
        match &revoke.what {
            RevokeWhat::Privileges { privileges, on } => {
                self.privileges(privileges, on);
            }
            RevokeWhat::All => {
                self.s("ALL PRIVILEGES, GRANT OPTION");
            }
            RevokeWhat::Roles(roles) => {
                self.accounts(roles);
            }
            RevokeWhat::Proxy(account) => self.s("PROXY ON ").account(account),
        }
        self.s(" FROM ").accounts(&revoke.from);
        self.when(revoke.ignore_unknown_user, " IGNORE UNKNOWN USER");
    }

    fn replication_options(&mut self, options: &[(Box<str>, ReplicationValue)]) {
        self.list(options, |w, (name, value)| {
            w.s(name).s(" = ");
            match value {
                ReplicationValue::String(text) => w.str(text),
                ReplicationValue::Number(n) | ReplicationValue::Word(n) => w.s(n),
                ReplicationValue::Numbers(list) => {
                    w.s("(").list(list, |w, n| {
                        w.num(n);
                    });
                    w.s(")")
                }
                ReplicationValue::Account(account) => {
                    w.account(account);
                    w
                }
            };
        });
    }

    pub(super) fn change_source(&mut self, change: &ChangeReplicationSource) {
        self.s("CHANGE REPLICATION SOURCE TO ")
            .replication_options(&change.options);
        self.channel(&change.channel);
    }

    pub(super) fn change_filter(&mut self, change: &ChangeReplicationFilter) {
        self.s("CHANGE REPLICATION FILTER ")
            .list(&change.filters, |w, (name, items)| {
                w.s(name).s(" = (").list(items, |w, item| {
                    match item {
                        FilterItem::Name(name) => w.name(name),
                        FilterItem::Pattern(text) => w.str(text),
                        FilterItem::Rewrite(from, to) => {
                            w.s("(").ident(from).s(", ").ident(to).s(")")
                        }
                    };
                });
                w.s(")");
            });
        self.channel(&change.channel);
    }

    pub(super) fn replica_control(&mut self, verb: &str, control: &ReplicaControl) {
        self.s(verb).when(!control.threads.is_empty(), " ");
        self.list(&control.threads, |w, t| {
            w.s(t);
        });
        if !control.until.is_empty() {
            self.s(" UNTIL ").replication_options(&control.until);
        }
        for (name, value) in &control.connection {
            self.s(" ").s(name).s(" = ").str(value);
        }
        self.channel(&control.channel);
    }
}
