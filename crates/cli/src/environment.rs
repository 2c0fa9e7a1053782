//! What a command runs in: directory, configuration, and the engine on its databases.

use std::path::PathBuf;
use std::sync::Arc;

use engine::instance::{Instance, Settings, SystemClock};
use engine::session::Session;

use crate::Failure;
use crate::config::Config;

/// Arguments before the command, and what follows from them.
pub struct Environment {
    /// Directory of the databases.
    pub dir: PathBuf,
    /// Settings.
    pub config: Config,
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
            push_auto_setup_remote: matches!(
                pick("push.autosetupremote", "false").as_str(),
                "1" | "t" | "T" | "true" | "TRUE" | "True"
            ),
            replace_name_characters: var("DOLT_DBNAME_REPLACE").is_some(),
            ..Settings::default()
        }
    }

    /// Opens the databases of the directory and a session on them.
    pub fn session(&self) -> Result<Session, Failure> {
        let instance = Instance::open(&self.dir, self.settings(), Arc::new(SystemClock))?;
        let instance = Arc::new(instance);
        let session = Session::new(
            &instance,
            instance.next_connection_id(),
            "root",
            "localhost",
        );
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
        let name = match (&self.use_db, &self.branch) {
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
                    None => Failure::new(e.message),
                })?;
        }
        Ok(session)
    }
}
