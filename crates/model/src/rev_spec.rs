//! Revisions: `main~3`, `HEAD^2`, a hash, a tag (spec 03 §17).

use crate::ref_name::{self, is_hash};
use crate::{Commit, CommitId, ModelError, Objects, RefSnapshot, Result, Tag};

/// Where a revision starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevBase {
    /// `HEAD`, in any case.
    Head,
    /// A commit's hash.
    Commit(CommitId),
    /// A branch, a tag, or a ref by more of its path.
    Ref(String),
}

/// A step towards an ancestor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AncestorStep {
    /// `^n`: the n-th parent, from 1.
    Parent(usize),
    /// `~n`: n times the first parent.
    Generations(u64),
}

/// A parsed revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevSpec {
    /// Where it starts.
    pub base: RevBase,
    /// The steps from there.
    pub steps: Vec<AncestorStep>,
}

/// Most steps that are written out.
const MAX_STEPS: usize = 10_000;

impl RevSpec {
    /// Reads a revision.
    pub fn parse(text: &str) -> Result<RevSpec> {
        let text = text.trim();
        let end = text.find(['^', '~']).unwrap_or(text.len());
        let (base, steps) = text.split_at(end);
        let base = if base.eq_ignore_ascii_case("HEAD") {
            RevBase::Head
        } else if is_hash(base) {
            let id = base
                .parse()
                .map_err(|_| ModelError::BadRevision(base.to_owned()))?;
            RevBase::Commit(id)
        } else if ref_name::is_valid_branch(base) {
            RevBase::Ref(base.to_owned())
        } else {
            return Err(ModelError::BadRevision(base.to_owned()));
        };
        Ok(RevSpec {
            base,
            steps: parse_steps(steps)?,
        })
    }

    /// The commit that the revision names. `head` is the current branch's.
    pub fn resolve(
        &self,
        objects: &Objects,
        refs: &RefSnapshot,
        head: Option<CommitId>,
    ) -> Result<CommitId> {
        let mut id = match &self.base {
            RevBase::Head => head.ok_or_else(|| ModelError::BadRevision("HEAD".into()))?,
            RevBase::Commit(id) => *id,
            RevBase::Ref(name) => resolve_ref(objects, refs, name)?,
        };
        for step in &self.steps {
            let (times, nth) = match step {
                AncestorStep::Parent(n) => (1, *n),
                AncestorStep::Generations(n) => (*n, 1),
            };
            for _ in 0..times {
                let commit = Commit::open(objects, id)?;
                id = *commit.parents.get(nth - 1).ok_or(ModelError::BadAncestor)?;
            }
        }
        Ok(id)
    }
}

fn parse_steps(text: &str) -> Result<Vec<AncestorStep>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        if !matches!(sign, '^' | '~') {
            return Err(ModelError::BadHeadSpec(text.to_owned()));
        }
        rest = &rest[1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = match &rest[..digits] {
            "" => 1,
            n => n.parse().map_err(|_| ModelError::BadAncestor)?,
        };
        rest = &rest[digits..];
        steps.push(match (sign, number) {
            ('^', 1 | 2) => AncestorStep::Parent(number as usize),
            ('^', _) => return Err(ModelError::BadAncestor),
            (_, n) => AncestorStep::Generations(n),
        });
        if steps.len() > MAX_STEPS {
            return Err(ModelError::BadAncestor);
        }
    }
    Ok(steps)
}

/// The commit of a ref: by its full path, or as branch, tag or remote branch, in this order.
pub(crate) fn resolve_ref(objects: &Objects, refs: &RefSnapshot, name: &str) -> Result<CommitId> {
    let mut candidates = Vec::with_capacity(5);
    if name.starts_with("refs/") {
        candidates.push(name.to_owned());
    }
    for prefix in ["refs/", ref_name::HEADS, ref_name::TAGS, ref_name::REMOTES] {
        candidates.push(format!("{prefix}{name}"));
    }
    for dataset in candidates {
        let Some(hash) = refs.get(&dataset)? else {
            continue;
        };
        if dataset.starts_with(ref_name::TAGS) {
            return Ok(Tag::open(objects, &hash)?.commit);
        }
        return Ok(CommitId(hash));
    }
    Err(ModelError::BranchNotFound(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsing() {
        let p = |t: &str| RevSpec::parse(t).unwrap();
        assert_eq!(
            p(" head~2^2 "),
            RevSpec {
                base: RevBase::Head,
                steps: vec![AncestorStep::Generations(2), AncestorStep::Parent(2)],
            }
        );
        assert_eq!(p("main^").steps, [AncestorStep::Parent(1)]);
        assert_eq!(p("origin/main~0").steps, [AncestorStep::Generations(0)]);
        assert!(matches!(
            p("0123456789abcdefghijklmnopqrstuv").base,
            RevBase::Commit(_)
        ));
        for bad in [
            "",
            "a b",
            "main^3",
            "main^0",
            "main^x",
            "main~99999999999999999999",
            "~1",
        ] {
            assert!(RevSpec::parse(bad).is_err(), "{bad}");
        }
    }
}
