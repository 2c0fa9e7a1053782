//! Statements about accounts: CREATE, ALTER, DROP and RENAME USER, roles, GRANT, REVOKE,
//! SET PASSWORD, SHOW GRANTS.

use syntax::ast;
use syntax::ast::{
    AuthSecret, GrantLevel, GrantObjectKind, Require, RevokeWhat, Statement, UserSpec,
};

use super::password::{self, CACHING_SHA2, NATIVE};
use super::privilege::{DYNAMIC, Privilege, PrivilegeBits};
use super::{Account, AccountName, Accounts, Grants, RoleEdge, State, now, show};
use crate::error::{Error, Result};

/// Characters of a user's name.
const MAX_USER: usize = 32;
/// Characters of a host part.
const MAX_HOST: usize = 255;

/// What a statement about accounts gives back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Names of columns and rows of text, for statements that show something.
    pub rows: Option<(Vec<String>, Vec<Vec<String>>)>,
    /// Notes and warnings.
    pub warnings: Vec<(u16, String)>,
}

impl Outcome {
    fn warn(&mut self, code: u16, text: String) {
        self.warnings.push((code, text));
    }
}

fn illegal_grant() -> Error {
    Error::new(
        1144,
        "42000",
        "Illegal GRANT/REVOKE command; please consult the manual to see which privileges can be used",
    )
}

fn no_such_grant(name: &AccountName) -> Error {
    Error::new(
        1141,
        "42000",
        format!(
            "There is no such grant defined for user '{}' on host '{}'",
            name.user, name.host
        ),
    )
}

fn unknown_id(name: &AccountName) -> Error {
    Error::new(
        3523,
        "HY000",
        format!("Unknown authorization ID {}", name.quoted('`')),
    )
}

fn failed(operation: &str, names: &[AccountName]) -> Error {
    let list: Vec<String> = names.iter().map(|n| n.quoted('\'')).collect();
    Error::user_exists(operation, list.join(","))
}

/// Runs a statement about accounts for the account `current`, with its database for `ON *` and
/// unqualified tables.
pub fn execute(
    accounts: &Accounts,
    statement: &Statement,
    current: &AccountName,
    database: Option<&str>,
) -> Result<Outcome> {
    let run = Run {
        accounts,
        current,
        grants: accounts.effective_grants(&current.user, &current.host),
        database,
    };
    match statement {
        Statement::CreateUser(s) => run.create_user(s),
        Statement::AlterUser(s) => run.alter_user(s),
        Statement::DropUser { if_exists, users } => {
            run.drop_accounts(users, *if_exists, "DROP USER")
        }
        Statement::DropRole { if_exists, roles } => {
            run.drop_accounts(roles, *if_exists, "DROP ROLE")
        }
        Statement::RenameUser(pairs) => run.rename(pairs),
        Statement::CreateRole {
            if_not_exists,
            roles,
        } => run.create_roles(roles, *if_not_exists),
        Statement::Grant(g) => match &**g {
            ast::Grant::Privileges {
                privileges,
                on,
                to,
                with_grant_option,
                as_user: _,
            } => {
                let to: Vec<&ast::Account> = to.iter().map(|u| &u.account).collect();
                run.grant(privileges, on, &to, *with_grant_option)
            }
            ast::Grant::Roles {
                roles,
                to,
                with_admin_option,
            } => run.grant_roles(roles, to, *with_admin_option),
            ast::Grant::Proxy { .. } => Err(Error::not_supported("GRANT PROXY")),
        },
        Statement::Revoke(r) => run.revoke(r),
        Statement::Show(s) => match &**s {
            ast::Show::Grants { user, using: _ } => show_grants(accounts, user.as_ref(), current),
            ast::Show::CreateUser(user) => show_create_user(accounts, user.as_ref(), current),
            _ => Err(Error::general("not a statement about accounts")),
        },
        _ => Err(Error::general("not a statement about accounts")),
    }
}

/// SHOW GRANTS.
pub fn show_grants(
    accounts: &Accounts,
    user: Option<&ast::Account>,
    current: &AccountName,
) -> Result<Outcome> {
    let name = user.map_or_else(|| current.clone(), |u| resolve(u, current));
    let may = name == *current || accounts.allows(current, Privilege::Select, Some("mysql"), None);
    if !may {
        return Err(Error::database_access_denied(
            &current.user,
            &current.host,
            "mysql",
        ));
    }
    let state = accounts.read();
    let account = state
        .get(&name.user, &name.host)
        .ok_or_else(|| no_such_grant(&name))?;
    let rows = show::grants(account, &state.edges)
        .into_iter()
        .map(|r| vec![r])
        .collect();
    let title = format!("Grants for {}@{}", account.user, account.host);
    Ok(Outcome {
        rows: Some((vec![title], rows)),
        warnings: Vec::new(),
    })
}

/// SHOW CREATE USER.
pub fn show_create_user(
    accounts: &Accounts,
    user: Option<&ast::Account>,
    current: &AccountName,
) -> Result<Outcome> {
    let name = user.map_or_else(|| current.clone(), |u| resolve(u, current));
    if name != *current && !accounts.allows(current, Privilege::Select, Some("mysql"), None) {
        return Err(Error::database_access_denied(
            &current.user,
            &current.host,
            "mysql",
        ));
    }
    let account = accounts
        .get(&name.user, &name.host)
        .ok_or_else(|| failed("SHOW CREATE USER", std::slice::from_ref(&name)))?;
    let title = format!("CREATE USER for {}@{}", account.user, account.host);
    let rows = vec![vec![show::create_user(&account)]];
    Ok(Outcome {
        rows: Some((vec![title], rows)),
        warnings: Vec::new(),
    })
}

/// SET PASSWORD: of another account only with CREATE USER.
pub fn set_password(
    accounts: &Accounts,
    user: Option<&ast::Account>,
    new: &str,
    current: &AccountName,
) -> Result<()> {
    let name = user.map_or_else(|| current.clone(), |u| resolve(u, current));
    if name != *current && !accounts.allows(current, Privilege::CreateUser, None, None) {
        return Err(Error::privilege_needed("CREATE USER"));
    }
    accounts.change(|s| {
        let account = s.get_mut(&name.user, &name.host).ok_or_else(|| {
            Error::new(
                1133,
                "42000",
                "Can't find any matching row in the user table",
            )
        })?;
        account.auth_string = hash(&account.plugin, new)?;
        account.password_last_changed = now();
        Ok(())
    })
}

fn resolve(account: &ast::Account, current: &AccountName) -> AccountName {
    match account {
        ast::Account::CurrentUser => current.clone(),
        ast::Account::Named { user, host } => {
            let host = host.as_deref().filter(|h| !h.is_empty()).unwrap_or("%");
            AccountName::new(&**user, host)
        }
    }
}

fn hash(plugin: &str, text: &str) -> Result<String> {
    match plugin {
        NATIVE => Ok(password::hash_native(text)),
        CACHING_SHA2 => Ok(password::hash_sha2(text)),
        other => Err(Error::new(
            1524,
            "HY000",
            format!("Plugin '{other}' is not loaded"),
        )),
    }
}

/// Plugin and stored hash that IDENTIFIED gives; nothing changes without it.
fn authentication(spec: &UserSpec, before: Option<&Account>) -> Result<Option<(String, String)>> {
    let Some(auth) = spec.auth.first() else {
        return Ok(None);
    };
    let kept = before.map_or(NATIVE, |a| a.plugin.as_str());
    let plugin = auth
        .plugin
        .as_deref()
        .map_or(kept.to_string(), str::to_ascii_lowercase);
    let stored = match &auth.secret {
        AuthSecret::None => hash(&plugin, "")?,
        AuthSecret::Password(text) => hash(&plugin, text)?,
        AuthSecret::Random => return Err(Error::not_supported("IDENTIFIED BY RANDOM PASSWORD")),
        AuthSecret::Hash(bytes) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            hash(&plugin, "")?;
            if !password::is_hash(&plugin, &text) {
                return Err(Error::new(
                    1827,
                    "HY000",
                    "The password hash doesn't have the expected format.",
                ));
            }
            text
        }
    };
    Ok(Some((plugin, stored)))
}

fn apply_options(account: &mut Account, options: &ast::UserOptions) {
    if let Some(lock) = options.account_lock {
        account.locked = lock;
    }
    if let Some(require) = &options.require {
        account.ssl_type.clear();
        account.ssl_cipher.clear();
        account.x509_issuer.clear();
        account.x509_subject.clear();
        match require {
            Require::None => {}
            Require::Ssl => account.ssl_type.push_str("ANY"),
            Require::X509 => account.ssl_type.push_str("X509"),
            Require::List(list) => {
                account.ssl_type.push_str("SPECIFIED");
                for (key, value) in list {
                    match &**key {
                        "CIPHER" => account.ssl_cipher = value.to_string(),
                        "ISSUER" => account.x509_issuer = value.to_string(),
                        _ => account.x509_subject = value.to_string(),
                    }
                }
            }
        }
    }
    if let Some(comment) = &options.comment {
        let mut text = String::from("{\"comment\": \"");
        for c in comment.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                c if (c as u32) < 0x20 => text.push_str(&format!("\\u{:04x}", c as u32)),
                c => text.push(c),
            }
        }
        text.push_str("\"}");
        account.attributes = Some(text);
    }
    if let Some(attribute) = &options.attribute {
        account.attributes = Some(attribute.to_string());
    }
}

struct Run<'a> {
    accounts: &'a Accounts,
    current: &'a AccountName,
    grants: std::sync::Arc<Grants>,
    database: Option<&'a str>,
}

impl Run<'_> {
    fn need(&self, any: &[Privilege]) -> Result<()> {
        if any.iter().any(|p| self.grants.allows(*p, None, None)) {
            return Ok(());
        }
        let list: Vec<&str> = any.iter().map(|p| p.name()).collect();
        Err(Error::privilege_needed(list.join(" or ")))
    }

    fn names(&self, list: &[ast::Account]) -> Vec<AccountName> {
        list.iter().map(|a| resolve(a, self.current)).collect()
    }

    fn create_user(&self, s: &ast::CreateUser) -> Result<Outcome> {
        self.need(&[Privilege::CreateUser])?;
        let mut outcome = Outcome::default();
        self.accounts.change(|state| {
            let mut taken = Vec::new();
            for spec in &s.users {
                let name = resolve(&spec.account, self.current);
                check_length(&name)?;
                if state.get(&name.user, &name.host).is_some() {
                    taken.push(name);
                    continue;
                }
                let mut account = Account::new(&name.user, &name.host);
                if let Some((plugin, stored)) = authentication(spec, None)? {
                    account.plugin = plugin;
                    account.auth_string = stored;
                }
                apply_options(&mut account, &s.options);
                state.put(account);
            }
            if !taken.is_empty() && !s.if_not_exists {
                return Err(failed("CREATE USER", &taken));
            }
            for name in taken {
                let text = format!("Authorization ID {} already exists.", name.quoted('\''));
                outcome.warn(3163, text);
            }
            Ok(())
        })?;
        Ok(outcome)
    }

    fn alter_user(&self, s: &ast::AlterUser) -> Result<Outcome> {
        let own_password = s.default_role.is_none()
            && s.options == ast::UserOptions::default()
            && s.users
                .iter()
                .all(|u| resolve(&u.account, self.current) == *self.current);
        if !own_password {
            self.need(&[Privilege::CreateUser])?;
        }
        let mut outcome = Outcome::default();
        self.accounts.change(|state| {
            let mut missing = Vec::new();
            for spec in &s.users {
                let name = resolve(&spec.account, self.current);
                let Some(account) = state.get_mut(&name.user, &name.host) else {
                    missing.push(name);
                    continue;
                };
                if let Some((plugin, stored)) = authentication(spec, Some(account))? {
                    account.plugin = plugin;
                    account.auth_string = stored;
                    account.password_last_changed = now();
                }
                apply_options(account, &s.options);
            }
            if !missing.is_empty() && !s.if_exists {
                return Err(failed("ALTER USER", &missing));
            }
            for name in missing {
                let text = format!("Authorization ID {} does not exist.", name.quoted('\''));
                outcome.warn(3162, text);
            }
            Ok(())
        })?;
        Ok(outcome)
    }

    fn drop_accounts(
        &self,
        list: &[ast::Account],
        if_exists: bool,
        operation: &str,
    ) -> Result<Outcome> {
        match operation {
            "DROP ROLE" => self.need(&[Privilege::DropRole, Privilege::CreateUser])?,
            _ => self.need(&[Privilege::CreateUser])?,
        }
        let mut outcome = Outcome::default();
        self.accounts.change(|state| {
            let mut missing = Vec::new();
            for name in self.names(list) {
                if !state.remove(&name.user, &name.host) {
                    missing.push(name);
                }
            }
            if !missing.is_empty() && !if_exists {
                return Err(failed(operation, &missing));
            }
            for name in missing {
                let text = format!("Authorization ID {} does not exist.", name.quoted('\''));
                outcome.warn(3162, text);
            }
            Ok(())
        })?;
        Ok(outcome)
    }

    fn rename(&self, pairs: &[(ast::Account, ast::Account)]) -> Result<Outcome> {
        self.need(&[Privilege::CreateUser])?;
        self.accounts.change(|state| {
            for (from, to) in pairs {
                let (from, to) = (resolve(from, self.current), resolve(to, self.current));
                check_length(&to)?;
                if state.get(&to.user, &to.host).is_some() {
                    return Err(failed("RENAME USER", &[from]));
                }
                let Some(account) = state.get_mut(&from.user, &from.host) else {
                    return Err(failed("RENAME USER", &[from]));
                };
                account.user = to.user.clone();
                account.host = to.host.clone();
                for e in &mut state.edges {
                    if e.from_user == from.user && e.from_host == from.host {
                        e.from_user = to.user.clone();
                        e.from_host = to.host.clone();
                    }
                    if e.to_user == from.user && e.to_host == from.host {
                        e.to_user = to.user.clone();
                        e.to_host = to.host.clone();
                    }
                }
            }
            Ok(())
        })?;
        Ok(Outcome::default())
    }

    fn create_roles(&self, list: &[ast::Account], if_not_exists: bool) -> Result<Outcome> {
        self.need(&[Privilege::CreateRole, Privilege::CreateUser])?;
        let mut outcome = Outcome::default();
        self.accounts.change(|state| {
            let mut taken = Vec::new();
            for name in self.names(list) {
                check_length(&name)?;
                if state.get(&name.user, &name.host).is_some() {
                    taken.push(name);
                    continue;
                }
                let mut role = Account::new(&name.user, &name.host);
                role.locked = true;
                state.put(role);
            }
            if !taken.is_empty() && !if_not_exists {
                return Err(failed("CREATE ROLE", &taken));
            }
            for name in taken {
                let text = format!("Authorization ID {} already exists.", name.quoted('\''));
                outcome.warn(3163, text);
            }
            Ok(())
        })?;
        Ok(outcome)
    }

    fn database(&self, name: Option<&str>) -> Result<String> {
        name.or(self.database)
            .map(|n| n.split_once('/').map_or(n, |(base, _)| base).to_string())
            .ok_or_else(Error::no_database)
    }

    /// The object that ON names.
    fn target(&self, on: &ast::GrantObject) -> Result<Target> {
        let routine = match on.kind {
            GrantObjectKind::Table => None,
            GrantObjectKind::Procedure => Some(true),
            GrantObjectKind::Function => Some(false),
        };
        match (&on.level, routine) {
            (GrantLevel::Global, None) => Ok(Target::Global),
            (GrantLevel::CurrentDatabase, None) => Ok(Target::Database(self.database(None)?)),
            (GrantLevel::Database(db), None) => Ok(Target::Database(self.database(Some(db))?)),
            (GrantLevel::Object(o), None) => Ok(Target::Table(
                self.database(o.db.as_deref())?,
                o.name.to_string(),
            )),
            (GrantLevel::Object(o), Some(procedure)) => Ok(Target::Routine(
                self.database(o.db.as_deref())?,
                o.name.to_string(),
                procedure,
            )),
            (_, Some(_)) => Err(illegal_grant()),
        }
    }

    fn parse(&self, list: &[ast::Privilege], target: &Target) -> Result<Wanted> {
        let mut wanted = Wanted::default();
        let all = target.all();
        for p in list {
            let bits = match &*p.name {
                "ALL" | "ALL PRIVILEGES" if list.len() == 1 => {
                    wanted.everything = true;
                    all
                }
                "USAGE" => PrivilegeBits::NONE,
                name => match Privilege::from_name(name) {
                    Some(one) => {
                        let bits = PrivilegeBits::of(&[one]);
                        let option = PrivilegeBits::of(&[Privilege::GrantOption]);
                        if !all.union(option).contains(bits) {
                            return Err(match target {
                                Target::Database(_) => Error::new(
                                    1221,
                                    "HY000",
                                    "Incorrect usage of DB GRANT and GLOBAL PRIVILEGES",
                                ),
                                _ => illegal_grant(),
                            });
                        }
                        bits
                    }
                    None if DYNAMIC.contains(&name) => {
                        if *target != Target::Global {
                            return Err(illegal_grant());
                        }
                        wanted.dynamic.push(name.to_ascii_lowercase());
                        continue;
                    }
                    None => {
                        let text = format!("Unknown privilege '{name}'");
                        return Err(Error::new(1149, "42000", text));
                    }
                },
            };
            if p.columns.is_empty() {
                wanted.bits = wanted.bits.union(bits);
            } else {
                if !matches!(target, Target::Table(..)) || !PrivilegeBits::COLUMN.contains(bits) {
                    return Err(illegal_grant());
                }
                wanted
                    .columns
                    .extend(p.columns.iter().map(|c| (c.to_string(), bits)));
            }
        }
        Ok(wanted)
    }

    /// GRANT OPTION and the privileges themselves, at this level or above.
    fn may_grant(&self, target: &Target, wanted: &Wanted, always_option: bool) -> Result<()> {
        let g = &self.grants;
        let option = PrivilegeBits::of(&[Privilege::GrantOption]);
        let mut needed = wanted.bits;
        for (_, bits) in &wanted.columns {
            needed = needed.union(*bits);
        }
        if always_option || !needed.is_empty() {
            needed = needed.union(option);
        }
        let (db, table) = match target {
            Target::Global => (None, None),
            Target::Database(db) => (Some(db.as_str()), None),
            Target::Table(db, t) => (Some(db.as_str()), Some(t.as_str())),
            Target::Routine(db, ..) => (Some(db.as_str()), None),
        };
        let holds = |p: Privilege| match target {
            Target::Routine(db, name, procedure) => g.allows_routine(p, db, name, *procedure),
            _ => g.allows(p, db, table),
        };
        if let Some(dynamic) = wanted.dynamic.iter().find(|name| {
            !g.global.has(Privilege::Super)
                && !g
                    .dynamic
                    .iter()
                    .any(|(held, option)| held == *name && *option)
        }) {
            return Err(Error::privilege_needed(format!(
                "GRANT OPTION on {}",
                dynamic.to_ascii_uppercase()
            )));
        }
        if needed.iter().all(holds) {
            return Ok(());
        }
        let (user, host) = (&self.current.user, &self.current.host);
        Err(match target {
            Target::Global => Error::new(
                1045,
                "28000",
                format!("Access denied for user '{user}'@'{host}' (using password: YES)"),
            ),
            Target::Database(db) => Error::database_access_denied(user, host, db),
            Target::Table(_, t) => Error::command_denied("GRANT", user, host, t),
            Target::Routine(db, name, _) => Error::new(
                1370,
                "42000",
                format!("grant command denied to user '{user}'@'{host}' for routine '{db}.{name}'"),
            ),
        })
    }

    fn grant(
        &self,
        privileges: &[ast::Privilege],
        on: &ast::GrantObject,
        to: &[&ast::Account],
        with_option: bool,
    ) -> Result<Outcome> {
        let target = self.target(on)?;
        let mut wanted = self.parse(privileges, &target)?;
        self.may_grant(&target, &wanted, true)?;
        if with_option {
            wanted.bits = wanted
                .bits
                .union(PrivilegeBits::of(&[Privilege::GrantOption]));
        }
        self.accounts.change(|state| {
            for account in to {
                let name = resolve(account, self.current);
                let account = state.get_mut(&name.user, &name.host).ok_or_else(|| {
                    Error::new(
                        1410,
                        "42000",
                        "You are not allowed to create a user with GRANT",
                    )
                })?;
                for name in &wanted.dynamic {
                    account.grants.grant_dynamic(name, with_option);
                }
                target.edit(&mut account.grants, &wanted, PrivilegeBits::union);
            }
            Ok(())
        })?;
        Ok(Outcome::default())
    }

    fn revoke(&self, r: &ast::Revoke) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        match &r.what {
            RevokeWhat::Privileges { privileges, on } => {
                let target = self.target(on)?;
                let wanted = self.parse(privileges, &target)?;
                self.may_grant(&target, &wanted, true)?;
                self.accounts.change(|state| {
                    for name in self.existing(state, r, &mut outcome, no_such_grant)? {
                        let Some(account) = state.get_mut(&name.user, &name.host) else {
                            continue;
                        };
                        let g = &mut account.grants;
                        if wanted.everything && target == Target::Global {
                            g.dynamic.clear();
                        }
                        g.dynamic.retain(|(n, _)| !wanted.dynamic.contains(n));
                        target.edit(g, &wanted, PrivilegeBits::without);
                        g.prune();
                    }
                    Ok(())
                })?;
            }
            RevokeWhat::All => {
                self.need(&[Privilege::CreateUser])?;
                self.accounts.change(|state| {
                    for name in self.existing(state, r, &mut outcome, no_such_grant)? {
                        if let Some(account) = state.get_mut(&name.user, &name.host) {
                            account.grants = Grants::default();
                        }
                    }
                    Ok(())
                })?;
            }
            RevokeWhat::Roles(roles) => {
                let roles = self.names(roles);
                self.may_grant_roles(&roles)?;
                self.accounts.change(|state| {
                    for name in self.existing(state, r, &mut outcome, unknown_id)? {
                        for role in &roles {
                            if state.get(&role.user, &role.host).is_none() {
                                if !r.if_exists {
                                    return Err(unknown_id(role));
                                }
                                outcome.warn(3523, unknown_id(role).message);
                                continue;
                            }
                            state.edges.retain(|e| {
                                !(e.from_user == role.user
                                    && e.from_host == role.host
                                    && e.to_user == name.user
                                    && e.to_host == name.host)
                            });
                        }
                    }
                    Ok(())
                })?;
            }
            RevokeWhat::Proxy(_) => return Err(Error::not_supported("REVOKE PROXY")),
        }
        Ok(outcome)
    }

    /// The accounts of FROM; missing ones are an error unless IGNORE UNKNOWN USER.
    fn existing(
        &self,
        state: &State,
        r: &ast::Revoke,
        outcome: &mut Outcome,
        error: fn(&AccountName) -> Error,
    ) -> Result<Vec<AccountName>> {
        let mut found = Vec::new();
        for name in self.names(&r.from) {
            if state.get(&name.user, &name.host).is_some() {
                found.push(name);
            } else if r.ignore_unknown_user {
                outcome.warn(3162, error(&name).message);
            } else {
                return Err(error(&name));
            }
        }
        Ok(found)
    }

    fn may_grant_roles(&self, roles: &[AccountName]) -> Result<()> {
        if self.grants.has_dynamic("role_admin") {
            return Ok(());
        }
        let edges = self.accounts.role_edges();
        let mine = |role: &AccountName| {
            edges.iter().any(|e| {
                e.admin_option
                    && e.to_user == self.current.user
                    && e.to_host == self.current.host
                    && e.from_user == role.user
                    && e.from_host == role.host
            })
        };
        if roles.iter().all(mine) {
            return Ok(());
        }
        Err(Error::privilege_needed("WITH ADMIN, ROLE_ADMIN, SUPER"))
    }

    fn grant_roles(
        &self,
        roles: &[ast::Account],
        to: &[ast::Account],
        admin: bool,
    ) -> Result<Outcome> {
        let roles = self.names(roles);
        self.may_grant_roles(&roles)?;
        self.accounts.change(|state| {
            for name in self.names(to) {
                if state.get(&name.user, &name.host).is_none() {
                    return Err(unknown_id(&name));
                }
                for role in &roles {
                    if state.get(&role.user, &role.host).is_none() {
                        return Err(unknown_id(role));
                    }
                    if *role == name || state.roles(&role.user, &role.host).contains(&name) {
                        let text = format!(
                            "User account {} is directly or indirectly granted to the role {}. \
                             The GRANT would create a loop",
                            name.quoted('`'),
                            role.quoted('`')
                        );
                        return Err(Error::new(3573, "HY000", text));
                    }
                    let known = state.edges.iter_mut().find(|e| {
                        e.from_user == role.user
                            && e.from_host == role.host
                            && e.to_user == name.user
                            && e.to_host == name.host
                    });
                    match known {
                        Some(e) => e.admin_option |= admin,
                        None => state.edges.push(RoleEdge {
                            from_host: role.host.clone(),
                            from_user: role.user.clone(),
                            to_host: name.host.clone(),
                            to_user: name.user.clone(),
                            admin_option: admin,
                        }),
                    }
                }
            }
            Ok(())
        })?;
        Ok(Outcome::default())
    }
}

fn check_length(name: &AccountName) -> Result<()> {
    let (text, what, max) = if name.user.chars().count() > MAX_USER {
        (&name.user, "user name", MAX_USER)
    } else if name.host.chars().count() > MAX_HOST {
        (&name.host, "host name", MAX_HOST)
    } else {
        return Ok(());
    };
    let text = format!("String '{text}' is too long for {what} (should be no longer than {max})");
    Err(Error::new(1470, "HY000", text))
}

/// What GRANT and REVOKE name behind ON.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Global,
    Database(String),
    Table(String, String),
    Routine(String, String, bool),
}

impl Target {
    /// What ALL means here.
    fn all(&self) -> PrivilegeBits {
        match self {
            Target::Global => {
                PrivilegeBits::ALL.without(PrivilegeBits::of(&[Privilege::GrantOption]))
            }
            Target::Database(_) => PrivilegeBits::DATABASE,
            Target::Table(..) => PrivilegeBits::TABLE,
            Target::Routine(..) => PrivilegeBits::ROUTINE,
        }
    }

    fn edit(
        &self,
        grants: &mut Grants,
        wanted: &Wanted,
        change: fn(PrivilegeBits, PrivilegeBits) -> PrivilegeBits,
    ) {
        match self {
            Target::Global => grants.global = change(grants.global, wanted.bits),
            Target::Database(db) => {
                let entry = grants.database_mut(db);
                entry.privileges = change(entry.privileges, wanted.bits);
            }
            Target::Table(db, table) => {
                let entry = grants.database_mut(db).table_mut(table);
                entry.privileges = change(entry.privileges, wanted.bits);
                for (column, bits) in &wanted.columns {
                    let column = entry.column_mut(column);
                    column.privileges = change(column.privileges, *bits);
                }
            }
            Target::Routine(db, name, procedure) => {
                let entry = grants.database_mut(db).routine_mut(name, *procedure);
                entry.privileges = change(entry.privileges, wanted.bits);
            }
        }
        grants.prune();
    }
}

#[derive(Clone, Debug, Default)]
struct Wanted {
    bits: PrivilegeBits,
    columns: Vec<(String, PrivilegeBits)>,
    dynamic: Vec<String>,
    everything: bool,
}
