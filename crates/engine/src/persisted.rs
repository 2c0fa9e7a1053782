//! Global variables that outlive the process: the settings `sqlserver.global.NAME` of the data
//! directory's `.dolt/config.json` (spec 06 §4).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chunks::{Directory, SmallFile};
use values::{OwnedValue, Value};

use crate::error::{Error, Result};
use crate::variables;

/// What the settings' names begin with.
const PREFIX: &str = "sqlserver.global.";

/// Variables that each database has, by the ends of their names.
const OF_DATABASES: &[&str] = &[
    "_default_branch",
    "_head_ref",
    "_head",
    "_working",
    "_staged",
];

/// Whether a variable of this name belongs to a database.
pub(crate) fn is_of_database(name: &str) -> bool {
    OF_DATABASES.iter().any(|end| name.ends_with(end))
}

/// The file that keeps the variables.
pub(crate) struct Persisted {
    file: SmallFile,
    /// Held while a statement changes the file.
    writer: Mutex<()>,
}

type Settings = BTreeMap<String, String>;

impl Persisted {
    /// The file of a data directory, which need not exist.
    pub fn of(data_dir: &Directory) -> Result<Persisted> {
        let path = data_dir.child(".dolt").at("config.json");
        Ok(Persisted {
            file: SmallFile::on(data_dir.disk(), &path, None)?,
            writer: Mutex::new(()),
        })
    }

    fn read(&self) -> Result<Settings> {
        let bytes = self.file.read()?.unwrap_or_default();
        if bytes.is_empty() {
            return Ok(Settings::new());
        }
        serde_json::from_slice(&bytes)
            .map_err(|e| Error::general(format!("{}: {e}", self.file.path().display())))
    }

    fn change(&self, edit: impl FnOnce(&mut Settings)) -> Result<()> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settings = self.read()?;
        edit(&mut settings);
        let text = serde_json::to_vec(&settings).map_err(|e| Error::general(e.to_string()))?;
        Ok(self.file.replace(&text)?)
    }

    /// Keeps a variable, or no longer.
    pub fn keep(&self, name: &str, value: Option<&str>) -> Result<()> {
        let key = format!("{PREFIX}{name}");
        self.change(|settings| {
            match value {
                Some(value) => settings.insert(key, value.to_string()),
                None => settings.remove(&key),
            };
        })
    }

    /// Forgets all that are kept.
    pub fn forget_all(&self) -> Result<()> {
        self.change(|settings| settings.retain(|key, _| !key.starts_with(PREFIX)))
    }

    /// Whether a variable is kept.
    pub fn is_kept(&self, name: &str) -> Result<bool> {
        Ok(self.read()?.contains_key(&format!("{PREFIX}{name}")))
    }

    /// The variables that are kept, and what is wrong with those that cannot be used.
    pub fn load(&self) -> Result<(Vec<(String, OwnedValue)>, Vec<String>)> {
        let (mut out, mut wrong) = (Vec::new(), Vec::new());
        for (key, text) in self.read()? {
            let Some(name) = key.strip_prefix(PREFIX) else {
                continue;
            };
            let name = name.to_ascii_lowercase();
            let Some(v) = variables::lookup(&name) else {
                if is_of_database(&name) {
                    out.push((name, Value::text(text)));
                } else {
                    wrong.push(format!("key: '{name}'; Unknown system variable '{name}'"));
                }
                continue;
            };
            let value = match text.parse::<i64>() {
                Ok(n) => Value::Int(n),
                Err(_) => Value::text(text.clone()),
            };
            match v.check(value) {
                Ok(value) => out.push((v.name.to_string(), value)),
                Err(_) => wrong.push(format!("key: '{name}'; parsing \"{text}\": invalid syntax")),
            }
        }
        Ok((out, wrong))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_and_loaded() {
        let dir = std::env::temp_dir().join(format!("dolt-rs-persisted-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let kept = Persisted::of(&Directory::local(&dir)).unwrap();
        let counts = || kept.load().map(|(v, w)| (v.len(), w.len()));
        assert_eq!(counts(), Ok((0, 0)));
        kept.keep("max_connections", Some("77")).unwrap();
        kept.keep("shop_default_branch", Some("dev")).unwrap();
        kept.keep("wait_timeout", Some("often")).unwrap();
        let (found, wrong) = kept.load().unwrap();
        assert_eq!(found.len(), 2);
        assert!(matches!(found[0].1, Value::Int(77)));
        assert_eq!(wrong.len(), 1);
        assert!(kept.is_kept("max_connections").unwrap());
        kept.keep("max_connections", None).unwrap();
        assert!(!kept.is_kept("max_connections").unwrap());
        kept.forget_all().unwrap();
        assert_eq!(counts(), Ok((0, 0)));
        let _ = std::fs::remove_dir_all(dir);
    }

    #[test]
    fn sessions_that_keep_at_the_same_time_lose_nothing() {
        let dir = std::env::temp_dir().join(format!("dolt-rs-keep-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let kept = Persisted::of(&Directory::local(&dir)).unwrap();
        std::thread::scope(|scope| {
            for n in 0..8 {
                let kept = &kept;
                scope.spawn(move || kept.keep(&format!("v{n}"), Some("1")).unwrap());
            }
        });
        assert!((0..8).all(|n| kept.is_kept(&format!("v{n}")).unwrap()));
        let _ = std::fs::remove_dir_all(dir);
    }
}
