//! Which refs become which on the other side (spec 07 §10, §11).

use model::{Remote, ref_name};

use crate::{Error, Result};

/// A ref as users write it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ref {
    Branch(String),
    Tracking { remote: String, branch: String },
    Tag(String),
}

fn parse_ref(text: &str) -> Option<Ref> {
    if let Some(name) = text.strip_prefix(ref_name::HEADS) {
        return Some(Ref::Branch(name.to_string()));
    }
    if let Some(name) = text.strip_prefix(ref_name::TAGS) {
        return Some(Ref::Tag(name.to_string()));
    }
    let tracking = text
        .strip_prefix(ref_name::REMOTES)
        .or_else(|| text.strip_prefix("remotes/"));
    if let Some(path) = tracking {
        let (remote, branch) = path.split_once('/')?;
        return Some(Ref::Tracking {
            remote: remote.to_string(),
            branch: branch.to_string(),
        });
    }
    match text.starts_with("refs/") || text.is_empty() {
        true => None,
        false => Some(Ref::Branch(text.to_string())),
    }
}

/// What is pushed, and what it becomes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushSpec {
    /// A branch to a branch.
    Branch {
        /// The branch here.
        from: String,
        /// The branch there.
        to: String,
    },
    /// A tag to a tag.
    Tag {
        /// The tag here.
        from: String,
        /// The tag there.
        to: String,
    },
    /// Nothing to a branch, which is deleted there.
    Delete {
        /// The branch there.
        branch: String,
    },
}

impl PushSpec {
    /// Reads `src`, `src:dst` or `:dst`.
    pub fn parse(text: &str) -> Result<PushSpec> {
        let bad = || Error::BadRefSpec(text.to_string());
        if let Some(target) = text.strip_prefix(':') {
            return match parse_ref(target).ok_or_else(bad)? {
                Ref::Branch(branch) => Ok(PushSpec::Delete { branch }),
                _ => Err(Error::UnsupportedMapping(text.to_string())),
            };
        }
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        if to.contains(':') {
            return Err(bad());
        }
        let from = parse_ref(from).ok_or_else(bad)?;
        match (from, parse_ref(to).ok_or_else(bad)?) {
            (Ref::Branch(from), Ref::Branch(to)) => Ok(PushSpec::Branch { from, to }),
            (Ref::Tag(from), Ref::Tag(to)) => Ok(PushSpec::Tag { from, to }),
            _ => Err(Error::UnsupportedMapping(text.to_string())),
        }
    }
}

/// A name, or one with a star in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    before: String,
    after: Option<String>,
}

impl Pattern {
    fn parse(text: &str) -> Pattern {
        match text.split_once('*') {
            Some((before, after)) => Pattern {
                before: before.to_string(),
                after: Some(after.to_string()),
            },
            None => Pattern {
                before: text.to_string(),
                after: None,
            },
        }
    }

    /// What stands for the star; empty where there is none.
    fn captured<'n>(&self, name: &'n str) -> Option<&'n str> {
        match &self.after {
            Some(after) => name.strip_prefix(&self.before)?.strip_suffix(after),
            None => (name == self.before).then_some(""),
        }
    }

    fn with(&self, captured: &str) -> String {
        match &self.after {
            Some(after) => format!("{}{captured}{after}", self.before),
            None => self.before.clone(),
        }
    }
}

/// What is fetched, and what it becomes here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchSpec {
    text: String,
    kind: FetchKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FetchKind {
    Branches {
        from: Pattern,
        remote: String,
        to: Pattern,
    },
    Tag {
        from: String,
        to: String,
    },
}

impl FetchSpec {
    /// Reads a spec as the entry of a remote has it: `refs/heads/*:refs/remotes/origin/*`.
    pub fn parse(text: &str, remote: &str) -> Result<FetchSpec> {
        let spec = FetchSpec::parse_any(text)?;
        match &spec.kind {
            FetchKind::Branches { remote: r, .. } if r != remote => {
                Err(Error::BadRefSpec(text.to_string()))
            }
            _ => Ok(spec),
        }
    }

    fn parse_any(text: &str) -> Result<FetchSpec> {
        let bad = || Error::BadFetchSpec(text.to_string());
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        let kind = match (parse_ref(from), parse_ref(to)) {
            (Some(Ref::Branch(from)), Some(Ref::Tracking { remote: to, branch })) => {
                let stars = from.matches('*').count();
                if stars > 1 || stars != branch.matches('*').count() {
                    return Err(Error::BadRefSpec(text.to_string()));
                }
                FetchKind::Branches {
                    from: Pattern::parse(&from),
                    remote: to,
                    to: Pattern::parse(&branch),
                }
            }
            (Some(Ref::Tag(from)), Some(Ref::Tag(to))) => FetchKind::Tag { from, to },
            _ => return Err(bad()),
        };
        let text = match &kind {
            FetchKind::Branches { from, .. } => from.with("*"),
            FetchKind::Tag { from, .. } => from.clone(),
        };
        Ok(FetchSpec { text, kind })
    }

    /// Reads a spec as an argument of fetch has it: where only a branch is named, it becomes the
    /// tracking branch of its name.
    pub fn parse_argument(text: &str, remote: &str) -> Result<FetchSpec> {
        match parse_ref(text) {
            Some(Ref::Branch(branch)) if !text.contains(':') => FetchSpec::parse(
                &format!(
                    "{}{branch}:{}",
                    ref_name::HEADS,
                    ref_name::remote_branch(remote, &branch)
                ),
                remote,
            ),
            _ => FetchSpec::parse_any(text),
        }
    }

    /// What is asked for, for messages.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The ref here that a ref there becomes; none if the spec is not about it.
    pub fn target(&self, there: &str) -> Option<String> {
        match &self.kind {
            FetchKind::Branches { from, remote, to } => {
                let captured = from.captured(there.strip_prefix(ref_name::HEADS)?)?;
                Some(ref_name::remote_branch(remote, &to.with(captured)))
            }
            FetchKind::Tag { from, to } => {
                (there.strip_prefix(ref_name::TAGS)? == from).then(|| ref_name::tag(to))
            }
        }
    }
}

/// The ref here that follows a branch of a remote, by the remote's specs.
pub fn tracking_ref(remote: &Remote, branch: &str) -> Result<Option<String>> {
    for text in &remote.fetch_specs {
        let spec = FetchSpec::parse(text, &remote.name)?;
        if let Some(target) = spec.target(&ref_name::branch(branch)) {
            return Ok(Some(target));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed() {
        let branch = |from: &str, to: &str| PushSpec::Branch {
            from: from.into(),
            to: to.into(),
        };
        let parse = |t: &str| PushSpec::parse(t).map_err(|e| e.to_string());
        assert_eq!(parse("main"), Ok(branch("main", "main")));
        assert_eq!(parse("a/b:c"), Ok(branch("a/b", "c")));
        assert_eq!(parse("refs/heads/x:refs/heads/y"), Ok(branch("x", "y")));
        let tag = PushSpec::Tag {
            from: "v1".into(),
            to: "v1".into(),
        };
        assert_eq!(parse("refs/tags/v1"), Ok(tag));
        let gone = PushSpec::Delete {
            branch: "old".into(),
        };
        assert_eq!(parse(":old"), Ok(gone));
        assert_eq!(parse("a:b:c"), Err("invalid ref spec: 'a:b:c'".into()));
        assert!(parse("").is_err() && parse(":").is_err() && parse("refs/x/y").is_err());
        assert!(parse("refs/tags/v1:refs/heads/v1").is_err());
    }

    #[test]
    fn what_is_fetched() {
        let all = FetchSpec::parse("refs/heads/*:refs/remotes/o/*", "o").unwrap();
        let target = |spec: &FetchSpec, r: &str| spec.target(r);
        assert_eq!(
            target(&all, "refs/heads/a/b").unwrap(),
            "refs/remotes/o/a/b"
        );
        assert_eq!(target(&all, "refs/tags/a"), None);
        let one = FetchSpec::parse_argument("main", "o").unwrap();
        assert_eq!(
            target(&one, "refs/heads/main").unwrap(),
            "refs/remotes/o/main"
        );
        assert_eq!(target(&one, "refs/heads/main2"), None);
        assert_eq!(one.text(), "main");
        let other = FetchSpec::parse_argument("refs/heads/x:refs/remotes/o/y", "o").unwrap();
        assert_eq!(target(&other, "refs/heads/x").unwrap(), "refs/remotes/o/y");
        let tag = FetchSpec::parse_argument("refs/tags/v", "o").unwrap();
        assert_eq!(target(&tag, "refs/tags/v").unwrap(), "refs/tags/v");
        let far = FetchSpec::parse_argument("refs/heads/x:refs/remotes/far/y", "o").unwrap();
        assert_eq!(target(&far, "refs/heads/x").unwrap(), "refs/remotes/far/y");
        assert!(FetchSpec::parse_argument("a:b", "o").is_err());
        assert!(FetchSpec::parse("refs/heads/*:refs/remotes/other/*", "o").is_err());
        assert!(FetchSpec::parse("refs/heads/*:refs/remotes/o/x", "o").is_err());
    }
}
