//! What a command runs in: directory, configuration, and the engine on its databases.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use chunks::{Directory, LocalDisk};
use engine::accounts::{Accounts, ClientHost};
use engine::branch_control::BranchControl;
use engine::error::Error;
use engine::instance::{Instance, Settings, SystemClock};
use engine::session::Session;
use server::client::{Target, Tls};

use crate::Failure;
use crate::config::Config;
use crate::connection::{Connection, ServerConnection};
use crate::repository::literal;

/// Directory of accounts and the like.
const DOLTCFG: &str = ".doltcfg";

/// Port of a server when none is named.
const DEFAULT_PORT: u16 = 3306;

/// Where the session of a command comes from.
const HOST: &str = "localhost";

/// Arguments before the command, and what follows from them.
pub struct Environment {
    /// Directory of the databases.
    pub dir: PathBuf,
    /// Settings.
    pub config: Config,
    /// `--data-dir` was given.
    pub data_dir_given: bool,
    /// `--doltcfg-dir`.
    pub doltcfg_dir: Option<String>,
    /// `--privilege-file`.
    pub privilege_file: Option<String>,
    /// `--branch-control-file`.
    pub branch_control_file: Option<String>,
    /// `--user` and `--password`, or what stands for them in the process's environment.
    pub credentials: Credentials,
    /// `--host`.
    pub host: Option<String>,
    /// `--port`.
    pub port: Option<u16>,
    /// `--no-tls`.
    pub no_tls: bool,
    /// `--verbose-engine-setup`.
    pub verbose: bool,
    /// The command.
    pub command: String,
    /// The connection that commands of a shell use.
    pub shared: std::cell::RefCell<Option<Connection>>,
    /// `--feature-version`.
    pub feature_version: Option<i64>,
    /// `--use-db`.
    pub use_db: Option<String>,
    /// `--branch`.
    pub branch: Option<String>,
}

/// Who the user wants to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Account.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Both were given by the user; otherwise the command has all rights.
    pub given: bool,
}

impl Default for Credentials {
    fn default() -> Credentials {
        Credentials {
            user: "root".into(),
            password: String::new(),
            given: false,
        }
    }
}

impl Credentials {
    /// What the arguments say, or else the environment; a missing password is asked for.
    pub fn find(user: Option<&str>, password: Option<&str>) -> Result<Credentials, Failure> {
        let or_variable = |given: Option<&str>, variable: &str| match given {
            Some(given) => Some(given.to_string()),
            None => std::env::var(variable).ok(),
        };
        let user = or_variable(user, "DOLT_CLI_USER");
        let password = or_variable(password, "DOLT_CLI_PASSWORD");
        let (user, password) = match (user, password) {
            (Some(user), Some(password)) => (user, password),
            (Some(user), None) => (user, crate::terminal::ask_password()?),
            (None, Some(_))
                if std::env::var("DOLT_SILENCE_USER_REQ_FOR_TESTING").as_deref() != Ok("Y") =>
            {
                return Err(Failure::new(
                    "Failed to parse credentials: When a password is provided, a user must also be provided. Use the --user flag to provide a username",
                ));
            }
            (None, _) => return Ok(Credentials::default()),
        };
        Ok(Credentials {
            user,
            password,
            given: true,
        })
    }
}

/// Session variables that say who commits and when, and what they are taken from.
const COMMIT_IDENTITY: &[(&str, &str)] = &[
    ("DOLT_AUTHOR_NAME", "dolt_author_name"),
    ("DOLT_AUTHOR_EMAIL", "dolt_author_email"),
    ("DOLT_COMMITTER_NAME", "dolt_committer_name"),
    ("DOLT_COMMITTER_EMAIL", "dolt_committer_email"),
    ("DOLT_AUTHOR_DATE", "dolt_author_date"),
    ("DOLT_COMMITTER_DATE", "dolt_committer_date"),
];

/// A date of the forms that Dolt accepts, in milliseconds since 1970.
pub fn parse_date(text: &str) -> Option<i64> {
    let (date, rest) = match text.split_once(['T', ' ']) {
        Some((d, r)) => (d, r),
        None => (text, "00:00:00"),
    };
    let (time, offset) = match rest.find(['Z', '+']).or_else(|| rest.rfind('-')) {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, "Z"),
    };
    let normal = format!("{} {time}", date.replace(['/', '.'], "-"));
    let parsed = values::temporal::parse_datetime(normal.as_bytes(), Default::default()).ok()?;
    if parsed.truncated {
        return None;
    }
    let seconds = match offset {
        "Z" => 0,
        o => {
            let sign = if o.starts_with('-') { -1 } else { 1 };
            let (h, m) = o[1..].split_once(':')?;
            sign * (h.parse::<i64>().ok()? * 3600 + m.parse::<i64>().ok()? * 60)
        }
    };
    Some(parsed.value.to_unix_micros() / 1000 - seconds * 1000)
}

impl Environment {
    /// Whether the directory is a repository.
    pub fn is_repository(&self) -> bool {
        self.dir.join(".dolt").join("noms").is_dir()
    }

    /// The setting of the engine that configuration and environment give.
    pub fn settings(&self) -> Settings {
        let var = |n: &str| std::env::var(n).ok().filter(|v| !v.is_empty());
        let pick =
            |key: &str, otherwise: &str| self.config.get(key).unwrap_or(otherwise).to_string();
        Settings {
            user_name: pick("user.name", "Dolt System Account"),
            user_email: pick("user.email", "doltuser@dolthub.com"),
            default_branch: pick("init.defaultbranch", "main"),
            commit_dates: (
                var("DOLT_AUTHOR_DATE").and_then(|d| parse_date(&d)),
                var("DOLT_COMMITTER_DATE").and_then(|d| parse_date(&d)),
            ),
            backup_prune_min_grace: var("DOLT_BACKUP_PRUNE_MIN_GRACE")
                .and_then(|d| remotes::parse_duration(&d))
                .unwrap_or(remotes::MIN_GRACE),
            reflog_records: match (
                var("DOLT_DISABLE_REFLOG"),
                var("DOLT_REFLOG_RECORD_LIMIT").map(|n| n.parse::<i64>()),
            ) {
                (Some(_), _) => 0,
                (None, Some(Ok(n))) => usize::try_from(n).unwrap_or(0),
                _ => Settings::default().reflog_records,
            },
            gc_procedure_disabled: var("DOLT_DISABLE_GC_PROCEDURE").is_some(),
            gc_waits_for_load: var("DOLT_GC_SCHEDULER").as_deref() != Some("NONE"),
            push_auto_setup_remote: matches!(
                pick("push.autosetupremote", "false").as_str(),
                "1" | "t" | "T" | "true" | "TRUE" | "True"
            ),
            replace_name_characters: var("DOLT_DBNAME_REPLACE").is_some(),
            feature_version: self.feature_version.unwrap_or(model::FEATURE_VERSION),
            ..Settings::default()
        }
    }

    /// How databases are opened beside the engine.
    pub fn open_options(&self) -> model::OpenOptions {
        model::OpenOptions {
            feature_version: self.settings().feature_version,
            ..model::OpenOptions::default()
        }
    }

    /// Where a file of the server is kept, unless its own option names it: beside the databases,
    /// or beside the directory of all of them.
    fn server_file(&self, given: &Option<String>, name: &str) -> Result<PathBuf, Failure> {
        if let Some(file) = given {
            return Ok(PathBuf::from(file));
        }
        let own = self.dir.join(DOLTCFG);
        let dir = match &self.doltcfg_dir {
            Some(dir) => PathBuf::from(dir),
            None if self.data_dir_given => own,
            None => {
                let above = self.dir.join("..").join(DOLTCFG);
                match (own.is_dir(), above.is_dir()) {
                    (true, true) => {
                        return Err(Failure::new(format!(
                            "multiple .doltcfg directories detected: '{}' and '{}'; pass one of the directories using option --doltcfg-dir",
                            own.display(),
                            above.display()
                        )));
                    }
                    (false, true) => above,
                    _ => own,
                }
            }
        };
        Ok(dir.join(name))
    }

    /// What commits are made with: the environment's variables.
    fn commit_identity() -> impl Iterator<Item = (&'static str, String)> {
        COMMIT_IDENTITY.iter().filter_map(|(variable, name)| {
            let value = std::env::var(variable).ok().filter(|v| !v.is_empty())?;
            Some((*name, value))
        })
    }

    /// Where statements run: in the server of `--host`, in the server that serves the directory,
    /// or else in this process.
    pub fn connect(&self) -> Result<Connection, Failure> {
        if let Some(shared) = &*self.shared.borrow() {
            return Ok(shared.clone());
        }
        let use_db = self.use_db.as_deref().filter(|db| !db.is_empty());
        if let Some(host) = &self.host {
            if use_db.is_none() && self.command != "sql" {
                return Err(Failure::new(
                    "The --host flag requires the additional --use-db flag.",
                ));
            }
            let tls = match self.no_tls {
                true => Tls::Never,
                false => Tls::Verified,
            };
            let database = match use_db {
                Some(db) => Some(self.with_branch(db)?),
                None => None,
            };
            let port = self.port.unwrap_or(DEFAULT_PORT);
            return self.connect_server(host, port, tls, &self.credentials, database, None);
        }
        if self.port.is_some() {
            return Err(Failure::new(
                "The --port flag is only meaningful with the --host flag.",
            ));
        }
        if let Some(info) = server::find_running_server(&self.dir)
            && let Some(port) = info.port
            && let Some(names) = self.locked_databases()
        {
            if self.verbose {
                println!("verbose: starting remote mode");
            }
            let database = match use_db {
                Some(db) => {
                    let base = db.split('/').next().unwrap_or(db);
                    if !names.iter().any(|n| n.eq_ignore_ascii_case(base)) {
                        return Err(Failure::new(format!(
                            "The provided --use-db {base} does not exist."
                        )));
                    }
                    Some(self.with_branch(db)?)
                }
                None => match names.first() {
                    Some(name) => Some(self.with_branch(name)?),
                    None => None,
                },
            };
            let credentials = match self.credentials.given {
                true => self.credentials.clone(),
                false => Credentials {
                    user: server::LOCAL_USER.to_string(),
                    password: info.secret,
                    given: false,
                },
            };
            let dir = Some(self.dir.as_path());
            return self.connect_server(
                "localhost",
                port,
                Tls::IfOffered,
                &credentials,
                database,
                dir,
            );
        }
        if self.verbose {
            println!("verbose: starting local mode");
        }
        Ok(Connection::Engine(Rc::new(self.session()?)))
    }

    /// Lets all that connects from now on use this connection.
    pub fn share(&self, connection: &Connection) {
        *self.shared.borrow_mut() = Some(connection.clone());
    }

    /// Whether commands of a shell run.
    pub fn is_shell(&self) -> bool {
        self.shared.borrow().is_some()
    }

    /// A database with the branch of `--branch`.
    fn with_branch(&self, db: &str) -> Result<String, Failure> {
        match &self.branch {
            Some(b) => match db.split_once('/') {
                Some((_, has)) => Err(Failure::new(format!("Ambiguous branch name: {has} or {b}"))),
                None => Ok(format!("{db}/{b}")),
            },
            None => Ok(db.to_string()),
        }
    }

    /// Names of the directory's databases, in the order in which they are preferred, if another
    /// process keeps all of them.
    fn locked_databases(&self) -> Option<Vec<String>> {
        let is_free = |store: &Path| {
            let place = chunks::Directory::local(store);
            matches!(
                chunks::LockFile::acquire(&place, std::time::Duration::ZERO),
                Ok(Some(_))
            )
        };
        let replace = self.settings().replace_name_characters;
        let name_of = |name: &std::ffi::OsStr| {
            engine::instance::database_name(&name.to_string_lossy(), replace)
        };
        let mut names = Vec::new();
        for child in std::fs::read_dir(&self.dir).ok()?.flatten() {
            let store = child.path().join(".dolt").join("noms");
            if !child.file_name().as_encoded_bytes().starts_with(b".") && store.is_dir() {
                names.push((name_of(&child.file_name()), store));
            }
        }
        names.sort_by_key(|(n, _)| n.to_lowercase());
        let own = self.dir.join(".dolt").join("noms");
        if own.is_dir() {
            let dir = std::fs::canonicalize(&self.dir).ok()?;
            let name = name_of(dir.file_name().unwrap_or_default());
            names.insert(0, (name, own.clone()));
            if is_free(&own) {
                return None;
            }
        } else if names.iter().any(|(_, store)| is_free(store)) {
            return None;
        }
        Some(names.into_iter().map(|(name, _)| name).collect())
    }

    fn connect_server(
        &self,
        host: &str,
        port: u16,
        tls: Tls,
        credentials: &Credentials,
        database: Option<String>,
        dir: Option<&Path>,
    ) -> Result<Connection, Failure> {
        let target = Target {
            host: host.to_string(),
            port,
            user: credentials.user.clone(),
            password: credentials.password.clone(),
            database,
            tls,
        };
        let settings = self.settings();
        let is_here = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        let identity = [
            ("dolt_author_name", settings.user_name.clone()),
            ("dolt_author_email", settings.user_email.clone()),
            ("dolt_committer_name", settings.user_name.clone()),
            ("dolt_committer_email", settings.user_email.clone()),
        ];
        let server = ServerConnection::open(&target, dir, settings)?;
        let connection = Connection::Server(Rc::new(server));
        if is_here {
            let all = identity.into_iter().chain(Environment::commit_identity());
            let list: Vec<String> = all
                .map(|(name, value)| format!("@@{name} = {}", literal(&value)))
                .collect();
            // A server that knows no such variables commits in the name of the account.
            let _ = connection.query(&format!("SET {}", list.join(", ")));
        }
        Ok(connection)
    }

    /// Opens the databases of the directory and a session on them.
    pub fn session(&self) -> Result<Session, Failure> {
        let Credentials {
            user,
            password,
            given,
        } = &self.credentials;
        let disk = LocalDisk::shared();
        let privileges = self.server_file(&self.privilege_file, "privileges.db")?;
        let accounts = Accounts::open(&disk, &privileges)?;
        let rules = self.server_file(&self.branch_control_file, "branch_control.db")?;
        let config = self.server_file(&None, "privileges.db")?;
        if let Some(dir) = config.parent() {
            accounts.keep_directory(Directory::local(dir));
        }
        // Where there are no accounts everybody has all rights.
        if *given && !accounts.is_empty() {
            let account = accounts.lookup(user, &ClientHost::local());
            if !account.is_some_and(|a| a.has_password(password)) {
                let using = if password.is_empty() { "NO" } else { "YES" };
                return Err(Error::access_denied(user, HOST, using).into());
            }
        } else if accounts.get(user, HOST).is_none() {
            accounts.add_ephemeral_superuser(user, HOST, "")?;
        }
        let mut instance = Instance::open(&self.dir, self.settings(), Arc::new(SystemClock))?;
        for wrong in &instance.persisted_errors {
            println!("error: failed to load persisted global variables: {wrong}");
        }
        for db in instance.databases() {
            if let Some(warning) = db.store.file_store().and_then(|files| files.warning()) {
                eprintln!("warning: database {}: {warning}", db.name);
            }
        }
        // Statements read files of the working directory only.
        if let Ok(here) = std::env::current_dir() {
            let here = here.to_string_lossy().into_owned();
            instance.set_global("secure_file_priv", values::Value::text(here));
        }
        instance.accounts = Some(Arc::new(accounts));
        instance.branch_control = BranchControl::open(&disk, &rules)?;
        let instance = Arc::new(instance);
        let session = Session::new(&instance, instance.next_connection_id(), user, HOST);
        for (name, value) in Environment::commit_identity() {
            session.set_variable(None, name, Some(values::Value::text(value)))?;
        }
        let databases = instance.databases();
        let use_db = self.use_db.as_ref().filter(|db| !db.is_empty());
        let name = match use_db {
            Some(db) => Some(self.with_branch(db)?),
            None => {
                let own = databases
                    .iter()
                    .find(|d| d.store.dir() == Some(self.dir.as_path()));
                match own.or(databases.first()) {
                    Some(d) => Some(self.with_branch(&d.name)?),
                    None => None,
                }
            }
        };
        if let Some(name) = name {
            session.use_database(&name).map_err(|e| match use_db {
                Some(db) if e.code == 1049 => {
                    Failure::new(format!("The provided --use-db {db} does not exist."))
                }
                _ => Failure::new(crate::engine_words::message(&e)),
            })?;
        }
        Ok(session)
    }
}
