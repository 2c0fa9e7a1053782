//! What a command runs in: directory, configuration, and the engine on its databases.

use std::path::PathBuf;
use std::sync::Arc;

use engine::accounts::Accounts;
use engine::branch_control::BranchControl;
use engine::instance::{Instance, Settings, SystemClock};
use engine::session::Session;

use crate::Failure;
use crate::config::Config;

/// Directory of accounts and the like.
const DOLTCFG: &str = ".doltcfg";

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
    /// `--user`.
    pub user: Option<String>,
    /// `--use-db`.
    pub use_db: Option<String>,
    /// `--branch`.
    pub branch: Option<String>,
}

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
            ..Settings::default()
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

    /// Opens the databases of the directory and a session on them.
    pub fn session(&self) -> Result<Session, Failure> {
        let user = self.user.as_deref().unwrap_or("root");
        let accounts = Accounts::open(&self.server_file(&self.privilege_file, "privileges.db")?)?;
        let rules = self.server_file(&self.branch_control_file, "branch_control.db")?;
        if accounts.get(user, HOST).is_none() {
            accounts.add_ephemeral_superuser(user, HOST, "")?;
        }
        let mut instance = Instance::open(&self.dir, self.settings(), Arc::new(SystemClock))?;
        instance.accounts = Some(Arc::new(accounts));
        instance.branch_control = BranchControl::open(&rules)?;
        let instance = Arc::new(instance);
        let session = Session::new(&instance, instance.next_connection_id(), user, HOST);
        for (variable, name) in [
            ("DOLT_AUTHOR_NAME", "dolt_author_name"),
            ("DOLT_AUTHOR_EMAIL", "dolt_author_email"),
            ("DOLT_COMMITTER_NAME", "dolt_committer_name"),
            ("DOLT_COMMITTER_EMAIL", "dolt_committer_email"),
            ("DOLT_AUTHOR_DATE", "dolt_author_date"),
            ("DOLT_COMMITTER_DATE", "dolt_committer_date"),
        ] {
            if let Ok(v) = std::env::var(variable)
                && !v.is_empty()
            {
                session.set_variable(None, name, Some(values::Value::text(v)))?;
            }
        }
        let databases = instance.databases();
        let use_db = self.use_db.as_ref().filter(|db| !db.is_empty());
        let name = match (use_db, &self.branch) {
            (Some(db), Some(b)) if db.contains('/') => {
                let has = db.split_once('/').map_or("", |(_, b)| b);
                return Err(Failure::new(format!("Ambiguous branch name: {has} or {b}")));
            }
            (Some(db), Some(b)) => Some(format!("{db}/{b}")),
            (Some(db), None) => Some(db.clone()),
            (None, branch) => {
                let own = databases
                    .iter()
                    .find(|d| d.store.dir() == Some(self.dir.as_path()));
                let first = own.or(databases.first());
                first.map(|d| match branch {
                    Some(b) => format!("{}/{b}", d.name),
                    None => d.name.clone(),
                })
            }
        };
        if let Some(name) = name {
            session
                .use_database(&name)
                .map_err(|e| match &self.use_db {
                    Some(db) => Failure::new(format!("The provided --use-db {db} does not exist.")),
                    None => Failure::new(crate::engine_words::message(&e)),
                })?;
        }
        Ok(session)
    }
}
