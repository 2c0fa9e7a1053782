//! Configuration files: local, global (spec 06 §4).

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chunks::{LocalDisk, SmallFile};

use crate::Failure;

/// Keys that `dolt config --add` accepts; `sqlserver.global.*` besides.
pub const KNOWN: &[&str] = &[
    "user.name",
    "user.email",
    "init.defaultbranch",
    "core.editor",
    "push.autosetupremote",
    "user.creds",
    "remotes.default_host",
    "remotes.default_port",
    "creds.add_url",
    "doltlab.insecure",
    "remotesapi.credential_helper",
    "metrics.disabled",
    "metrics.host",
    "metrics.port",
    "metrics.insecure",
    "versioncheck.disabled",
    "profile",
    "mmap_archive_indexes",
];

/// One file of settings.
pub type File = BTreeMap<String, String>;

/// The directory that stands for the user's home.
pub fn home() -> Result<PathBuf, Failure> {
    if let Some(root) = std::env::var_os("DOLT_ROOT_PATH").filter(|r| !r.is_empty()) {
        return Ok(PathBuf::from(root));
    }
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .ok_or_else(|| Failure::new("Failed to load the global config. HOME is not set"))?;
    match home.try_exists() {
        Ok(false) => Err(Failure::new(format!(
            "Failed to load the HOME directory: {}: no such directory",
            home.display()
        ))),
        _ => Ok(home),
    }
}

/// Path of the global file.
pub fn global_path() -> Result<PathBuf, Failure> {
    Ok(home()?.join(".dolt").join("config_global.json"))
}

/// Path of a repository's file.
pub fn local_path(dir: &Path) -> PathBuf {
    dir.join(".dolt").join("config.json")
}

/// Reads a file; a missing one is empty.
pub fn read(path: &Path) -> Result<File, Failure> {
    match std::fs::read(path) {
        Ok(bytes) if bytes.is_empty() => Ok(File::new()),
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
            Failure::new(format!("Failed to load the config {}: {e}", path.display()))
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(File::new()),
        Err(e) => Err(Failure::new(format!(
            "Failed to load the config {}: {e}",
            path.display()
        ))),
    }
}

/// Writes a file, in one step. It keeps its permissions.
pub fn write(path: &Path, file: &File) -> Result<(), Failure> {
    let before = std::fs::metadata(path).ok();
    write_as(path, file, before.map(|m| m.permissions().mode() & 0o777))
}

/// Writes a file that holds profiles, or did: they may have passwords, and it is for its user
/// alone.
pub fn write_private(path: &Path, file: &File) -> Result<(), Failure> {
    write_as(path, file, Some(0o600))
}

fn write_as(path: &Path, file: &File, mode: Option<u32>) -> Result<(), Failure> {
    let kept = SmallFile::on(&LocalDisk::shared(), path, mode)?;
    Ok(kept.replace(&serde_json::to_vec(file)?)?)
}

/// Local and global settings.
pub struct Config {
    /// The repository's.
    pub local: File,
    /// The user's.
    pub global: File,
}

impl Config {
    /// Reads the files that apply in a directory; the global one is made when it is missing.
    pub fn load(dir: &Path) -> Result<Config, Failure> {
        let global = global_path()?;
        let unreadable = |e: &dyn std::fmt::Display| {
            // As Go words it.
            let why = e
                .to_string()
                .replace("Permission denied", "permission denied");
            Failure::new(format!("Failed to load the global config. {why}"))
        };
        match global.try_exists() {
            Ok(true) => {}
            Ok(false) => write(&global, &File::new()).map_err(|e| unreadable(&e.text))?,
            Err(e) => return Err(unreadable(&e)),
        }
        Ok(Config {
            local: read(&local_path(dir))?,
            global: read(&global).map_err(|e| unreadable(&e.text))?,
        })
    }

    /// A setting, the repository's first.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.local
            .get(key)
            .or_else(|| self.global.get(key))
            .map(String::as_str)
    }
}
