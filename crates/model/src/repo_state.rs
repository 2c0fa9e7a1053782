//! The JSON files of a database directory (spec 01 §15).

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{ModelError, Result};

/// A remote or a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// The name.
    #[serde(default)]
    pub name: String,
    /// Where it is.
    #[serde(default)]
    pub url: String,
    /// Which branches are fetched, and to where.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub fetch_specs: Vec<String>,
    /// Credentials, regions and the like.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub params: BTreeMap<String, String>,
}

/// What a branch follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchConfig {
    /// The branch on the remote, as a full ref.
    #[serde(default)]
    pub head: String,
    /// The remote's name.
    #[serde(default)]
    pub remote: String,
}

/// `repo_state.json`: the checked-out branch, remotes, backups, upstreams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoState {
    /// The checked-out branch, as a full ref.
    pub head: String,
    /// Remotes by name.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub remotes: BTreeMap<String, Remote>,
    /// Backups by name.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub backups: BTreeMap<String, Remote>,
    /// What branches follow.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub branches: BTreeMap<String, BranchConfig>,
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    d: D,
) -> std::result::Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

impl RepoState {
    /// The state of a new database.
    pub fn new(branch: &str) -> RepoState {
        RepoState {
            head: crate::ref_name::branch(branch),
            remotes: BTreeMap::new(),
            backups: BTreeMap::new(),
            branches: BTreeMap::new(),
        }
    }

    /// The checked-out branch.
    pub fn branch(&self) -> &str {
        self.head
            .strip_prefix(crate::ref_name::HEADS)
            .unwrap_or(&self.head)
    }

    /// Reads the file.
    pub fn read(path: &Path) -> Result<RepoState> {
        read_json(path)
    }

    /// Writes the file, replacing it in one step.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| bad_file(path, e))?;
        replace(path, &text)
    }
}

fn bad_file(path: &Path, e: impl std::fmt::Display) -> ModelError {
    ModelError::BadFile {
        path: path.to_owned(),
        reason: e.to_string(),
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = std::fs::read(path).map_err(|e| ModelError::io("read", path, e))?;
    serde_json::from_slice(&text).map_err(|e| bad_file(path, e))
}

/// Reads a flat configuration file; one that does not exist is empty.
pub(crate) fn read_config(path: &Path) -> Result<BTreeMap<String, String>> {
    match read_json(path) {
        Err(ModelError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(BTreeMap::new())
        }
        other => other,
    }
}

/// Writes a flat configuration file.
pub(crate) fn write_config(path: &Path, config: &BTreeMap<String, String>) -> Result<()> {
    let text = serde_json::to_vec(config).map_err(|e| bad_file(path, e))?;
    replace(path, &text)
}

/// Replaces a file, so that a crash leaves either the old or the new one.
fn replace(path: &Path, text: &[u8]) -> Result<()> {
    use std::io::Write;
    let next = path.with_extension("json.new");
    let io = |action| move |e| ModelError::io(action, path, e);
    let mut file = std::fs::File::create(&next).map_err(io("create"))?;
    file.write_all(text).map_err(io("write"))?;
    file.sync_all().map_err(io("sync"))?;
    std::fs::rename(&next, path).map_err(io("replace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form() {
        let mut state = RepoState::new("main");
        let plain = "{\n  \"head\": \"refs/heads/main\",\n  \"remotes\": {},\n  \"backups\": {},\n  \"branches\": {}\n}";
        assert_eq!(serde_json::to_string_pretty(&state).unwrap(), plain);
        let remote = Remote {
            name: "origin".into(),
            url: "file:///x".into(),
            fetch_specs: vec!["refs/heads/*:refs/remotes/origin/*".into()],
            params: BTreeMap::new(),
        };
        state.remotes.insert("origin".into(), remote);
        let text = serde_json::to_string_pretty(&state).unwrap();
        assert!(text.contains("\"fetch_specs\": [\n        \"refs/heads/*:refs/remotes/origin/*\"\n      ],\n      \"params\": {}"));
        let old =
            r#"{"head":"refs/heads/x","staged":"q","working":"w","remotes":null,"branches":null}"#;
        let old: RepoState = serde_json::from_str(old).unwrap();
        assert_eq!(old.branch(), "x");
    }
}
