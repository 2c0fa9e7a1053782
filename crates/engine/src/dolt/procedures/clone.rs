//! `dolt_clone`.

use std::collections::BTreeMap;

use remotes::CloneOptions;

use super::remote::{DEFAULT_NAME, base_directory, new_remote};
use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::error::{Error, Result};
use crate::session::Session;

const OPTIONS: &[OptionSpec] = &[
    ("remote", "", Takes::Value),
    ("branch", "b", Takes::Value),
    ("depth", "", Takes::Value),
    ("ref", "", Takes::Value),
    ("aws-region", "", Takes::Value),
    ("aws-creds-type", "", Takes::Value),
    ("aws-creds-file", "", Takes::Value),
    ("aws-creds-profile", "", Takes::Value),
    ("oss-creds-file", "", Takes::Value),
    ("oss-creds-profile", "", Takes::Value),
    ("user", "u", Takes::Value),
    ("single-branch", "", Takes::Flag),
];

/// The name of the directory that a clone of this address gets.
pub fn directory_of(url: &str) -> Option<String> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let last = path
        .rsplit('/')
        .find(|part| !part.is_empty() && *part != ".")?;
    let name = last.strip_suffix(".git").unwrap_or(last);
    (!name.is_empty() && name != "..").then(|| name.to_string())
}

/// Makes a database out of a remote.
pub fn clone(session: &Session, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let (url, dir) = match a.positional.as_slice() {
        [url] => (url, None),
        [url, dir] => (url, Some(dir.clone())),
        _ => {
            return Err(Error::general(
                "error: invalid number of arguments: database URL must be specified and database name is optional",
            ));
        }
    };
    let name = match dir.or_else(|| directory_of(url)) {
        Some(name) => name,
        None => {
            return Err(Error::general(
                "Could not infer repo name. Please explicitly define a directory for this url",
            ));
        }
    };
    let Some(data_dir) = session.instance.data_dir.clone() else {
        return Err(Error::general(
            "cannot clone: this server keeps its databases in memory",
        ));
    };
    let location = remotes::absolute(url, &base_directory(session, None))
        .map_err(|_| Error::general(format!("error: '{url}' is not valid.")))?;
    let depth = match a.get("depth").map(str::parse::<u64>) {
        None => None,
        Some(Ok(depth)) => Some(depth),
        Some(Err(_)) => return Err(Error::general("error: invalid depth")),
    };
    if session.instance.database(&name).is_some() {
        return Err(Error::database_exists(&name));
    }
    let source = remotes::open(&location, &session.instance.settings.disk)?;
    let remote = a.get("remote").unwrap_or(DEFAULT_NAME);
    let options = CloneOptions {
        remote: new_remote(remote, location.url, BTreeMap::new()),
        branch: a.get("branch").map(str::to_string),
        first_branch: session.instance.settings.default_branch.clone(),
        single_branch: a.has("single-branch"),
        depth,
        seconds: session.writer().seconds,
        open: session.instance.open_options(),
    };
    let store = remotes::clone(&source, &data_dir.join(&name), &options)?;
    session.instance.attach_store(&name, store);
    Ok(status())
}

#[cfg(test)]
mod tests {
    use super::directory_of;

    #[test]
    fn names() {
        let name = |url: &str| directory_of(url).unwrap_or_default();
        assert_eq!(name("file:///a/b"), "b");
        assert_eq!(name("file://./rem/"), "rem");
        assert_eq!(name("org/repo"), "repo");
        assert_eq!(name("https://host/x/y.git"), "y");
        assert_eq!(name("file:///"), "");
    }
}
