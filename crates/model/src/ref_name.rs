//! Names of refs, and the datasets that they are kept under (spec 03 §2 and §16).

use crate::{ModelError, Result};

/// Prefix of branches.
pub const HEADS: &str = "refs/heads/";
/// Prefix of tags.
pub const TAGS: &str = "refs/tags/";
/// Prefix of remote-tracking branches.
pub const REMOTES: &str = "refs/remotes/";
/// Prefix of stashes.
pub const STASHES: &str = "refs/stashes/";
/// Prefix of what the optimizer knows of tables, in a store of its own.
pub const STATISTICS: &str = "refs/statistics/";
/// Prefix of small values by name.
pub const TUPLES: &str = "refs/tuples/";
/// Prefix of the working sets of branches.
pub const WORKING_SETS: &str = "workingSets/heads/";
/// The commit that made the database.
pub const CREATED: &str = "refs/internal/create";
/// The stashes of the command line.
pub const CLI_STASH: &str = "refs/stashes/dolt-cli";

/// The dataset of a branch.
pub fn branch(name: &str) -> String {
    [HEADS, name].concat()
}

/// The dataset of a branch's working set.
pub fn working_set(branch: &str) -> String {
    [WORKING_SETS, branch].concat()
}

/// The dataset of a tag.
pub fn tag(name: &str) -> String {
    [TAGS, name].concat()
}

/// The dataset of a remote-tracking branch.
pub fn remote_branch(remote: &str, branch: &str) -> String {
    format!("{REMOTES}{remote}/{branch}")
}

/// Whether a text has the form of a commit's hash.
pub fn is_hash(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'v'))
}

/// Whether a dataset may have this name.
pub fn is_valid_dataset(name: &str) -> bool {
    !name.is_empty()
        && name != "@"
        && !name.ends_with(['/', '.'])
        && name.is_ascii()
        && !name.contains("..")
        && !name.contains("@{")
        && name
            .bytes()
            .all(|b| b > b' ' && b != 0x7f && !b"*:?[\\^~".contains(&b))
        && name
            .split('/')
            .all(|part| !part.starts_with('.') && !part.ends_with(".lock"))
}

fn has_empty_part(name: &str) -> bool {
    name.split('/').any(str::is_empty)
}

/// Whether a branch may have this name.
pub fn is_valid_branch(name: &str) -> bool {
    is_valid_dataset(name)
        && name != "HEAD"
        && name != "-"
        && !is_hash(name)
        && !has_empty_part(name)
}

/// Checks the name of a branch that a user makes.
pub fn check_user_branch(name: &str) -> Result<()> {
    if is_valid_branch(name) && name != "head" {
        return Ok(());
    }
    Err(ModelError::BadBranchName(name.to_owned()))
}

/// Checks the name of a tag that a user makes.
pub fn check_tag(name: &str) -> Result<()> {
    let ok = is_valid_dataset(name)
        && !matches!(name, "HEAD" | "head" | "-")
        && !is_hash(name)
        && !has_empty_part(name);
    if ok {
        return Ok(());
    }
    Err(ModelError::BadTagName(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for good in ["main", "feature/one", "a.b", "x@y", "A-b_c", "Head"] {
            assert!(is_valid_branch(good), "{good}");
        }
        for bad in [
            "",
            "HEAD",
            "-",
            "a b",
            "a..b",
            ".a",
            "a/.b",
            "a.lock",
            "a/b.lock/c",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "@{",
            "a@{b",
            "@",
            "/a",
            "a/",
            "a//b",
            "a.",
            "é",
            "0123456789abcdefghijklmnopqrstuv",
            "a\u{1}",
        ] {
            assert!(!is_valid_branch(bad), "{bad}");
        }
        assert!(check_user_branch("head").is_err());
        assert!(check_tag("v1.0").is_ok());
        assert!(check_tag("head").is_err());
    }
}
