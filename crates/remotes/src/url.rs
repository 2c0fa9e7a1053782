//! Addresses of remotes (spec 07 §1.1).

use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

/// Host of addresses that name an organisation and a repository only.
const DEFAULT_HOST: &str = "doltremoteapi.dolthub.com";

/// Schemes that Dolt has stores for.
const SCHEMES: &[&str] = &[
    "file",
    "http",
    "https",
    "s3",
    "aws",
    "gs",
    "az",
    "oci",
    "oss",
    "localbs",
    "mem",
    "ssh",
    "git+file",
    "git+http",
    "git+https",
    "git+ssh",
];

/// Where a remote is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The scheme, in lower case.
    pub scheme: String,
    /// The whole address as it is kept.
    pub url: String,
}

impl Location {
    /// Reads an address that was made absolute before.
    pub fn parse(url: &str) -> Result<Location> {
        let scheme = match url.split_once("://") {
            Some((scheme, _)) => scheme.to_lowercase(),
            None => "https".to_string(),
        };
        Ok(Location {
            scheme,
            url: url.to_string(),
        })
    }

    /// Fails when there is no store behind the scheme.
    pub(crate) fn check_scheme(&self) -> Result<()> {
        match SCHEMES.contains(&self.scheme.as_str()) {
            true => Ok(()),
            false => Err(Error::UnknownScheme(self.scheme.clone())),
        }
    }

    /// Fails where an address of an object store is not of the form that it must have.
    pub fn check(&self) -> Result<()> {
        #[cfg(feature = "s3")]
        if self.scheme == "s3" {
            object_chunks::Place::parse(&self.url).map_err(|e| Error::BadPlace(e.to_string()))?;
        }
        Ok(())
    }

    /// The path of a local address.
    pub fn path(&self) -> Option<PathBuf> {
        match self.scheme.as_str() {
            "file" => self.url.split_once("://").map(|(_, p)| PathBuf::from(p)),
            _ => None,
        }
    }
}

/// The absolute form of an address that a user gave; paths are taken from `base`.
pub fn absolute(text: &str, base: &Path) -> Result<Location> {
    let bad = || Error::BadUrl(text.to_string());
    if text.is_empty() || text.contains(char::is_control) {
        return Err(bad());
    }
    if let Some(url) = git_url(text, base) {
        return Location::parse(&url);
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        if scheme.is_empty() || !scheme.bytes().all(ok) {
            return Err(bad());
        }
        let scheme = scheme.to_lowercase();
        if scheme != "file" && scheme != "localbs" {
            return Location::parse(text);
        }
        let path = clean(&base.join(rest.replace('\\', "/")));
        return Location::parse(&format!("{scheme}://{}", path.display()));
    }
    let first = text.split('/').next().unwrap_or(text);
    let url = if is_host(first) {
        format!("https://{text}")
    } else {
        format!("https://{DEFAULT_HOST}/{}", text.trim_start_matches('/'))
    };
    Location::parse(&url)
}

/// The address of a Git repository, if the text has the form of one.
fn git_url(text: &str, base: &Path) -> Option<String> {
    let bare = text.split(['?', '#']).next().unwrap_or(text);
    if text.starts_with("git+") || !bare.ends_with(".git") {
        return None;
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return matches!(scheme, "file" | "http" | "https" | "ssh").then(|| format!("git+{text}"));
    }
    if text.starts_with(['/', '.']) {
        return Some(format!("git+file://{}", clean(&base.join(text)).display()));
    }
    match text.split_once(':') {
        Some((host, path)) if !host.contains('/') && host.contains(['.', '@']) => {
            let path = match path.strip_prefix('/') {
                Some(absolute) => absolute.to_string(),
                None => format!("./{path}"),
            };
            Some(format!("git+ssh://{host}/{path}"))
        }
        _ => Some(format!("git+https://{text}")),
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    if port.parse::<u16>().is_err() || host.is_empty() {
        return false;
    }
    let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    host == "localhost" || host.contains('.') && host.bytes().all(ok)
}

/// The path without `.` and `..`, as text alone: links are not followed.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_absolute() {
        for (text, url) in [
            ("file://./rem", "file:///base/dir/rem"),
            ("file://../rem/", "file:///base/rem"),
            ("file:///a/./b/../c", "file:///a/c"),
            ("file://rem/x", "file:///base/dir/rem/x"),
            ("FILE:///x", "file:///x"),
            ("s3://bucket/p?region=r", "s3://bucket/p?region=r"),
            ("http://localhost:50051/a/b", "http://localhost:50051/a/b"),
            ("localhost:50051/a/b", "https://localhost:50051/a/b"),
            ("dolthub.com/a/b", "https://dolthub.com/a/b"),
            ("org/repo", "https://doltremoteapi.dolthub.com/org/repo"),
            ("git@host:a/b.git", "git+ssh://git@host/./a/b.git"),
            ("https://host/b.git", "git+https://host/b.git"),
            ("../b.git", "git+file:///base/b.git"),
        ] {
            let found = absolute(text, Path::new("/base/dir")).unwrap();
            assert_eq!(found.url, url, "{text}");
        }
        let unknown = absolute("xyz://a/b", Path::new("/base")).unwrap();
        let refused = unknown.check_scheme().unwrap_err().to_string();
        assert_eq!(refused, "unknown url scheme: 'xyz'");
        assert!(absolute("", Path::new("/")).is_err());
    }
}
