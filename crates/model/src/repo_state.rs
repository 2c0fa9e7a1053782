//! The JSON files of a database directory (spec 01 §15).

use std::collections::BTreeMap;

use chunks::Directory;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{ModelError, Result};

const REPO_STATE: &str = "repo_state.json";
pub(crate) const CONFIG: &str = "config.json";

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

    /// Reads the file of a `.dolt`; nothing if there is none.
    pub fn read(dot: &Directory) -> Result<Option<RepoState>> {
        read_json(dot, REPO_STATE)
    }

    /// Writes the file of a `.dolt`, replacing it in one step.
    pub fn write(&self, dot: &Directory) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| bad_file(dot, REPO_STATE, e))?;
        Ok(dot.replace_or_keep(REPO_STATE, &text)?)
    }
}

fn bad_file(dot: &Directory, name: &str, e: impl std::fmt::Display) -> ModelError {
    ModelError::BadFile {
        path: dot.at(name),
        reason: e.to_string(),
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(dot: &Directory, name: &str) -> Result<Option<T>> {
    let Some(text) = dot.read(name)? else {
        return Ok(None);
    };
    serde_json::from_slice(&text).map_err(|e| bad_file(dot, name, e))
}

/// Reads the flat configuration file of a `.dolt`; one that does not exist is empty.
pub(crate) fn read_config(dot: &Directory) -> Result<BTreeMap<String, String>> {
    Ok(read_json(dot, CONFIG)?.unwrap_or_default())
}

/// Writes the flat configuration file of a `.dolt`.
pub(crate) fn write_config(dot: &Directory, config: &BTreeMap<String, String>) -> Result<()> {
    let text = serde_json::to_vec(config).map_err(|e| bad_file(dot, CONFIG, e))?;
    Ok(dot.replace_or_keep(CONFIG, &text)?)
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
