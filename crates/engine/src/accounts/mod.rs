//! Accounts, roles and grants: who may connect and what they may do, kept in the privileges file.

mod access;
mod file_format;
pub mod host;
pub mod password;
pub mod privilege;
mod required;
mod show;
mod statement;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use chunks::{Directory, Disk, SmallFile};

pub use access::Access;
pub use host::ClientHost;
pub use privilege::{Grants, PRIVILEGES, Privilege, PrivilegeBits};
pub use required::check;
pub use statement::{Outcome, execute, set_password, show_create_user, show_grants};

use crate::error::Result;

/// An account's name: its user and the host part as granted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountName {
    /// User.
    pub user: String,
    /// Host part, e.g. `%`.
    pub host: String,
}

impl AccountName {
    /// `user`@`host`.
    pub fn new(user: impl Into<String>, host: impl Into<String>) -> AccountName {
        AccountName {
            user: user.into(),
            host: host.into(),
        }
    }

    /// Both parts between quotes of this kind, which are doubled inside.
    pub fn quoted(&self, quote: char) -> String {
        let q = |s: &str| {
            format!(
                "{quote}{}{quote}",
                s.replace(quote, &format!("{quote}{quote}"))
            )
        };
        format!("{}@{}", q(&self.user), q(&self.host))
    }
}

/// A user or role, as the `mysql.user` table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User; empty for anyone.
    pub user: String,
    /// Host part.
    pub host: String,
    /// What it may do, roles not counted.
    pub grants: Grants,
    /// Authentication plugin.
    pub plugin: String,
    /// Hash of the password in the plugin's form; empty for none.
    pub auth_string: String,
    /// Seconds since 1970.
    pub password_last_changed: i64,
    /// May not connect.
    pub locked: bool,
    /// JSON of COMMENT and ATTRIBUTE.
    pub attributes: Option<String>,
    /// Who a plugin that asks elsewhere takes the account for.
    pub identity: String,
    /// ``, `ANY`, `X509` or `SPECIFIED`.
    pub ssl_type: String,
    /// Cipher that TLS must use.
    pub ssl_cipher: String,
    /// Issuer that the client's certificate must name.
    pub x509_issuer: String,
    /// Subject that the client's certificate must name.
    pub x509_subject: String,
    /// Made by the server itself; kept in the file's list of superusers.
    pub superuser: bool,
    /// Lives as long as the server process.
    pub ephemeral: bool,
}

impl Account {
    /// Whether this is its password.
    pub fn has_password(&self, given: &str) -> bool {
        match self.plugin.as_str() {
            _ if self.auth_string.is_empty() => given.is_empty(),
            password::NATIVE => password::hash_native(given) == self.auth_string,
            password::CACHING_SHA2 => password::verify_sha2(given.as_bytes(), &self.auth_string),
            _ => false,
        }
    }

    /// An account without grants and password.
    pub fn new(user: &str, host: &str) -> Account {
        Account {
            user: user.to_string(),
            host: host.to_string(),
            grants: Grants::default(),
            plugin: password::NATIVE.to_string(),
            auth_string: String::new(),
            password_last_changed: now(),
            locked: false,
            attributes: None,
            identity: String::new(),
            ssl_type: String::new(),
            ssl_cipher: String::new(),
            x509_issuer: String::new(),
            x509_subject: String::new(),
            superuser: false,
            ephemeral: false,
        }
    }

    /// Its name.
    pub fn name(&self) -> AccountName {
        AccountName::new(self.user.as_str(), self.host.as_str())
    }

    /// Whether this is the account of that name.
    pub fn is(&self, user: &str, host: &str) -> bool {
        self.user == user && self.host.eq_ignore_ascii_case(host)
    }
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs() as i64)
}

/// A role granted to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleEdge {
    /// Host part of the role.
    pub from_host: String,
    /// The role.
    pub from_user: String,
    /// Host part of who has it.
    pub to_host: String,
    /// Who has it.
    pub to_user: String,
    /// May be granted on.
    pub admin_option: bool,
}

/// Where a replica reads its binary log from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSource {
    /// Host.
    pub host: String,
    /// User.
    pub user: String,
    /// Password.
    pub password: String,
    /// Port.
    pub port: u16,
    /// Server's UUID.
    pub uuid: String,
    /// Seconds between attempts.
    pub connect_retry_interval: u32,
    /// Attempts.
    pub connect_retry_count: u64,
}

/// What the file holds.
#[derive(Clone, Debug, Default)]
struct State {
    /// By host, then user.
    accounts: Vec<Arc<Account>>,
    edges: Vec<RoleEdge>,
    replica_sources: Vec<ReplicaSource>,
}

impl State {
    fn sort(&mut self) {
        self.accounts
            .sort_by(|a, b| (&a.host, &a.user).cmp(&(&b.host, &b.user)));
        self.accounts
            .dedup_by(|later, first| later.is(&first.user, &first.host));
        self.edges.sort_by(|a, b| {
            (&a.from_host, &a.from_user, &a.to_host, &a.to_user).cmp(&(
                &b.from_host,
                &b.from_user,
                &b.to_host,
                &b.to_user,
            ))
        });
    }

    fn position(&self, user: &str, host: &str) -> Option<usize> {
        self.accounts.iter().position(|a| a.is(user, host))
    }

    fn get(&self, user: &str, host: &str) -> Option<&Arc<Account>> {
        self.position(user, host).map(|i| &self.accounts[i])
    }

    fn get_mut(&mut self, user: &str, host: &str) -> Option<&mut Account> {
        self.position(user, host)
            .map(|i| Arc::make_mut(&mut self.accounts[i]))
    }

    fn put(&mut self, account: Account) {
        match self.position(&account.user, &account.host) {
            Some(i) => self.accounts[i] = Arc::new(account),
            None => self.accounts.push(Arc::new(account)),
        }
        self.sort();
    }

    fn remove(&mut self, user: &str, host: &str) -> bool {
        let Some(i) = self.position(user, host) else {
            return false;
        };
        self.accounts.remove(i);
        self.edges.retain(|e| {
            let from = e.from_user == user && e.from_host.eq_ignore_ascii_case(host);
            let to = e.to_user == user && e.to_host.eq_ignore_ascii_case(host);
            !from && !to
        });
        true
    }

    /// Roles of an account, and of those roles, and so on.
    fn roles(&self, user: &str, host: &str) -> Vec<AccountName> {
        let mut found: Vec<AccountName> = vec![AccountName::new(user, host)];
        let mut next = 0;
        while let Some(at) = found.get(next).cloned() {
            for e in &self.edges {
                if e.to_user == at.user
                    && e.to_host.eq_ignore_ascii_case(&at.host)
                    && !found
                        .iter()
                        .any(|f| f.user == e.from_user && f.host == e.from_host)
                {
                    found.push(AccountName::new(e.from_user.as_str(), e.from_host.as_str()));
                }
            }
            next += 1;
        }
        found.remove(0);
        found
    }
}

/// The file has passwords in it: it is for its owner alone.
const FILE_MODE: u32 = 0o600;

/// The accounts of a server. Readers see a statement's changes all at once, after they are on disk.
pub struct Accounts {
    state: RwLock<Arc<State>>,
    /// Held while a statement changes accounts.
    writer: Mutex<()>,
    file: Option<SmallFile>,
    /// Directory of the server's other files, made when accounts are first written.
    beside: std::sync::OnceLock<Directory>,
    version: AtomicU64,
}

impl Accounts {
    /// Accounts that live in memory only: one superuser `root`@`%` without password.
    pub fn in_memory() -> Accounts {
        let accounts = Accounts::with(State::default(), None);
        // Without a file nothing can fail.
        let _ = accounts.change(|s| {
            let mut root = Account::new("root", "%");
            root.grants = Grants::superuser();
            root.superuser = true;
            s.put(root);
            Ok(())
        });
        accounts
    }

    fn with(state: State, file: Option<SmallFile>) -> Accounts {
        Accounts {
            state: RwLock::new(Arc::new(state)),
            writer: Mutex::new(()),
            file,
            beside: std::sync::OnceLock::new(),
            version: AtomicU64::new(1),
        }
    }

    /// Reads the privileges file; a missing one gives no accounts and is not made.
    pub fn open(disk: &Arc<dyn Disk>, path: &Path) -> Result<Accounts> {
        let file = SmallFile::on(disk, path, Some(FILE_MODE))?;
        let state = file_format::decode(&file.read()?.unwrap_or_default())?;
        Ok(Accounts::with(state, Some(file)))
    }

    fn read(&self) -> Arc<State> {
        let guard: RwLockReadGuard<'_, Arc<State>> =
            self.state.read().unwrap_or_else(PoisonError::into_inner);
        guard.clone()
    }

    /// Applies a change, writes the file, and only then shows the change to readers.
    fn change<T>(&self, edit: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&self.read());
        let result = edit(&mut state)?;
        state.sort();
        self.write(&state)?;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.version.fetch_add(1, Ordering::Release);
        Ok(result)
    }

    /// Makes this directory, too, when accounts are written.
    pub fn keep_directory(&self, dir: Directory) {
        // A second call has nothing to add.
        let _ = self.beside.set(dir);
    }

    fn write(&self, state: &State) -> Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        if let Some(dir) = self.beside.get() {
            dir.create()?;
        }
        Ok(file.replace(&file_format::encode(state)?)?)
    }

    /// Writes the file as it stands.
    pub fn save(&self) -> Result<()> {
        self.change(|_| Ok(()))
    }

    /// Grows with every change, so that a session knows when to ask for its grants again.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whether there is an account of exactly this name.
    pub fn exists(&self, name: &AccountName) -> bool {
        self.read().get(&name.user, &name.host).is_some()
    }

    /// Whether there is no account at all.
    pub fn is_empty(&self) -> bool {
        self.read().accounts.is_empty()
    }

    /// Every account, by host and user.
    pub fn list(&self) -> Vec<Arc<Account>> {
        self.read().accounts.clone()
    }

    /// Every role that is granted.
    pub fn role_edges(&self) -> Vec<RoleEdge> {
        self.read().edges.clone()
    }

    /// Replication sources.
    pub fn replica_sources(&self) -> Vec<ReplicaSource> {
        self.read().replica_sources.clone()
    }

    /// Replaces the replication sources.
    pub fn set_replica_sources(&self, sources: Vec<ReplicaSource>) -> Result<()> {
        self.change(|s| {
            s.replica_sources = sources;
            Ok(())
        })
    }

    /// The account of exactly this name.
    pub fn get(&self, user: &str, host: &str) -> Option<Arc<Account>> {
        self.read().get(user, host).cloned()
    }

    /// The account that a client of this user and place connects as: one of that user before an
    /// anonymous one, the most specific host first.
    pub fn lookup(&self, user: &str, client: &ClientHost) -> Option<Arc<Account>> {
        let state = self.read();
        [user, ""]
            .iter()
            .take(if user.is_empty() { 1 } else { 2 })
            .find_map(|name| {
                state
                    .accounts
                    .iter()
                    .filter(|a| a.user == *name && host::matches(&a.host, client))
                    .min_by_key(|a| host::specificity(&a.host))
            })
            .cloned()
    }

    /// What an account may do, with all of its roles; nothing if there is no such account.
    pub fn effective_grants(&self, user: &str, host: &str) -> Arc<Grants> {
        let state = self.read();
        let Some(account) = state.get(user, host) else {
            return Arc::default();
        };
        let mut grants = account.grants.clone();
        for role in state.roles(user, host) {
            if let Some(role) = state.get(&role.user, &role.host) {
                grants.merge(&role.grants);
            }
        }
        Arc::new(grants)
    }

    /// Whether an account holds a privilege on a table, a database or globally.
    pub fn allows(
        &self,
        account: &AccountName,
        privilege: Privilege,
        db: Option<&str>,
        table: Option<&str>,
    ) -> bool {
        self.effective_grants(&account.user, &account.host)
            .allows(privilege, db, table)
    }

    /// Makes a superuser unless the account exists; says whether it was made.
    pub fn add_superuser(&self, user: &str, host: &str, password: &str) -> Result<bool> {
        self.add_server_account(user, host, password, |_| {})
    }

    /// Makes a superuser that nobody can connect as, for the server's own work.
    pub fn add_locked_superuser(&self, user: &str, host: &str) -> Result<bool> {
        self.add_server_account(user, host, "", |a| a.locked = true)
    }

    /// Makes a superuser for the life of the process, in the place of any kept one.
    pub fn add_ephemeral_superuser(&self, user: &str, host: &str, password: &str) -> Result<bool> {
        let replaced = self.get(user, host).is_some();
        if replaced {
            self.change(|s| Ok(s.remove(user, host)))?;
        }
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&self.read());
        let mut account = server_account(user, host, password);
        account.ephemeral = true;
        state.put(account);
        // Nothing that is kept has changed: the file is left alone.
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.version.fetch_add(1, Ordering::Release);
        Ok(replaced)
    }

    fn add_server_account(
        &self,
        user: &str,
        host: &str,
        password: &str,
        adjust: impl FnOnce(&mut Account),
    ) -> Result<bool> {
        if self.get(user, host).is_some() {
            return Ok(false);
        }
        self.change(|s| {
            let mut account = server_account(user, host, password);
            adjust(&mut account);
            s.put(account);
            Ok(true)
        })
    }
}

fn server_account(user: &str, host: &str, password: &str) -> Account {
    let mut account = Account::new(user, host);
    account.grants = Grants::superuser();
    account.auth_string = password::hash_native(password);
    account.password_last_changed = 1;
    account.superuser = true;
    account
}

#[cfg(test)]
mod tests;
