//! Global variables that outlive the process: the settings `sqlserver.global.NAME` of the data
//! directory's `.dolt/config.json` (spec 06 §4).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

fn file_of(dir: &Path) -> PathBuf {
    dir.join(".dolt").join("config.json")
}

fn read(dir: &Path) -> Result<BTreeMap<String, String>> {
    let path = file_of(dir);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) if bytes.is_empty() => return Ok(BTreeMap::new()),
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(Error::general(format!("{}: {e}", path.display()))),
    };
    serde_json::from_slice(&bytes).map_err(|e| Error::general(format!("{}: {e}", path.display())))
}

fn write(dir: &Path, settings: &BTreeMap<String, String>) -> Result<()> {
    let path = file_of(dir);
    let failed = |e: std::io::Error| Error::general(format!("{}: {e}", path.display()));
    std::fs::create_dir_all(dir.join(".dolt")).map_err(failed)?;
    let text = serde_json::to_vec(settings).map_err(|e| Error::general(e.to_string()))?;
    let temporary = path.with_extension("json.tmp");
    std::fs::write(&temporary, text).map_err(failed)?;
    std::fs::rename(&temporary, &path).map_err(failed)
}

/// Keeps a variable, or no longer.
pub(crate) fn keep(dir: &Path, name: &str, value: Option<&str>) -> Result<()> {
    let mut settings = read(dir)?;
    let key = format!("{PREFIX}{name}");
    match value {
        Some(value) => settings.insert(key, value.to_string()),
        None => settings.remove(&key),
    };
    write(dir, &settings)
}

/// Forgets all that are kept; says which.
pub(crate) fn forget_all(dir: &Path) -> Result<()> {
    let mut settings = read(dir)?;
    settings.retain(|key, _| !key.starts_with(PREFIX));
    write(dir, &settings)
}

/// Whether a variable is kept.
pub(crate) fn is_kept(dir: &Path, name: &str) -> Result<bool> {
    Ok(read(dir)?.contains_key(&format!("{PREFIX}{name}")))
}

/// The variables that are kept, and what is wrong with those that cannot be used.
pub(crate) fn load(dir: &Path) -> Result<(Vec<(String, OwnedValue)>, Vec<String>)> {
    let (mut out, mut wrong) = (Vec::new(), Vec::new());
    for (key, text) in read(dir)? {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_and_loaded() {
        let dir = std::env::temp_dir().join(format!("dolt-rs-persisted-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        assert_eq!(load(&dir).map(|(v, w)| (v.len(), w.len())), Ok((0, 0)));
        keep(&dir, "max_connections", Some("77")).unwrap();
        keep(&dir, "shop_default_branch", Some("dev")).unwrap();
        keep(&dir, "wait_timeout", Some("often")).unwrap();
        let (found, wrong) = load(&dir).unwrap();
        assert_eq!(found.len(), 2);
        assert!(matches!(found[0].1, Value::Int(77)));
        assert_eq!(wrong.len(), 1);
        assert!(is_kept(&dir, "max_connections").unwrap());
        keep(&dir, "max_connections", None).unwrap();
        assert!(!is_kept(&dir, "max_connections").unwrap());
        forget_all(&dir).unwrap();
        assert_eq!(load(&dir).map(|(v, w)| (v.len(), w.len())), Ok((0, 0)));
        let _ = std::fs::remove_dir_all(dir);
    }
}
