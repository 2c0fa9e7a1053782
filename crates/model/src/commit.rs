//! Commits (spec 03 §13).

use chunks::Hash;
use prolly::{ClosureKey, CommitClosure};
use serial::{Builder, FileId, Offset, root_table};

use crate::small_message::hash_field;
use crate::{CommitId, ModelError, Objects, Result, RootId};

const KIND: &str = "commit";

/// A name and an address for mail.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address for mail.
    pub email: String,
}

/// What a commit says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitMeta {
    /// Who made the change.
    pub author: Person,
    /// Who made the commit.
    pub committer: Person,
    /// Milliseconds since 1970 at which the change was made.
    pub author_millis: i64,
    /// Milliseconds since 1970 at which the commit was made.
    pub committer_millis: u64,
    /// The message.
    pub message: String,
    /// A signed text that covers the commit.
    pub signature: Option<String>,
}

impl CommitMeta {
    /// A commit by one person at one time.
    pub fn new(author: Person, millis: i64, message: impl Into<String>) -> CommitMeta {
        CommitMeta {
            committer: author.clone(),
            author,
            author_millis: millis,
            committer_millis: u64::try_from(millis).unwrap_or(0),
            message: message.into(),
            signature: None,
        }
    }

    /// Whether everything that a commit needs is there.
    pub fn validate(&self) -> Result<()> {
        const CONFIG: &str = " Is your config set?";
        for (field, text) in [
            ("author name", &self.author.name),
            ("author email", &self.author.email),
            ("committer name", &self.committer.name),
            ("committer email", &self.committer.email),
        ] {
            if text.is_empty() {
                return Err(ModelError::EmptyCommitField(field, CONFIG));
            }
        }
        if self.message.is_empty() {
            return Err(ModelError::EmptyCommitField("commit message", ""));
        }
        Ok(())
    }
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The tables.
    pub root: RootId,
    /// One more than the greatest height of the parents.
    pub height: u64,
    /// The parents: first the head that it was made on.
    pub parents: Vec<CommitId>,
    /// Address of the tree of all ancestors; empty without parents.
    pub closure: Hash,
    /// Who, when, why.
    pub meta: CommitMeta,
}

impl Commit {
    /// A commit with these parents; stores the tree of its ancestors.
    pub fn new(
        objects: &Objects,
        root: RootId,
        parents: Vec<CommitId>,
        meta: CommitMeta,
    ) -> Result<Commit> {
        let mut closures = Vec::with_capacity(parents.len());
        for id in &parents {
            let parent = Commit::open(objects, *id)?;
            let key = ClosureKey {
                height: parent.height,
                commit: id.0,
            };
            closures.push((key, parent.ancestors(objects)?));
        }
        let height = closures.iter().map(|(k, _)| k.height).max().unwrap_or(0) + 1;
        let closure = match closures.is_empty() {
            true => Hash::EMPTY,
            false => CommitClosure::of_parents(objects.nodes(), &closures)?.save()?,
        };
        Ok(Commit {
            root,
            height,
            parents,
            closure,
            meta,
        })
    }

    /// The commit at an address.
    pub fn open(objects: &Objects, id: CommitId) -> Result<Commit> {
        Commit::decode(objects.read(&id.0)?.bytes())
    }

    /// Stores the commit.
    pub fn save(&self, objects: &Objects) -> Result<CommitId> {
        Ok(CommitId(objects.write(self.encode()?)?))
    }

    /// The tree of all proper ancestors.
    pub fn ancestors(&self, objects: &Objects) -> Result<CommitClosure> {
        Ok(CommitClosure::open(objects.nodes().clone(), &self.closure)?)
    }

    /// Reads a message.
    pub fn decode(message: &[u8]) -> Result<Commit> {
        let e = ModelError::message(KIND);
        let t = root_table(message, FileId::COMMIT, 12).map_err(&e)?;
        let text = |slot| -> Result<String> {
            Ok(t.string(slot)
                .map_err(ModelError::message(KIND))?
                .unwrap_or("")
                .to_owned())
        };
        let parents = t.bytes(2).map_err(&e)?.unwrap_or_default();
        if !parents.len().is_multiple_of(Hash::LEN) {
            return Err(ModelError::corrupt(KIND, "parents are not addresses"));
        }
        let author = Person {
            name: text(4)?,
            email: text(5)?,
        };
        let committer = Person {
            name: if t.has(10) {
                text(10)?
            } else {
                author.name.clone()
            },
            email: if t.has(11) {
                text(11)?
            } else {
                author.email.clone()
            },
        };
        // An empty one is none, as it is written.
        let signature = t.string(9).map_err(&e)?;
        Ok(Commit {
            root: RootId(hash_field(t.bytes(0).map_err(&e)?, KIND)?),
            height: t.u64(1, 0).map_err(&e)?,
            parents: parents
                .chunks_exact(Hash::LEN)
                .filter_map(Hash::from_slice)
                .map(CommitId)
                .collect(),
            closure: match t.bytes(3).map_err(&e)? {
                None => Hash::EMPTY,
                some => hash_field(some, KIND)?,
            },
            meta: CommitMeta {
                author,
                committer,
                author_millis: t.i64(8, 0).map_err(&e)?,
                committer_millis: t.u64(7, 0).map_err(&e)?,
                message: text(6)?,
                signature: signature.filter(|s| !s.is_empty()).map(str::to_owned),
            },
        })
    }

    /// The message.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut b = Builder::new();
        let m = &self.meta;
        let root = b.bytes(&self.root.0.0);
        let parents: Vec<u8> = self.parents.iter().flat_map(|p| p.0.0).collect();
        let parents = b.bytes(&parents);
        let closure = b.bytes(&self.closure.0);
        let name = b.string(&m.author.name);
        let email = b.string(&m.author.email);
        let message = b.string(&m.message);
        let mut optional = |text: Option<&String>| text.map_or(Offset::NONE, |t| b.string(t));
        let signature = optional(m.signature.as_ref().filter(|s| !s.is_empty()));
        // The committer is written only where he is not the author.
        let committer_name = optional(Some(&m.committer.name).filter(|n| **n != m.author.name));
        let committer_email = optional(Some(&m.committer.email).filter(|n| **n != m.author.email));
        b.start_table(12);
        b.add_offset(0, root);
        b.add_u64(1, self.height, 0);
        b.add_offset(2, parents);
        b.add_offset(3, closure);
        b.add_offset(4, name);
        b.add_offset(5, email);
        b.add_offset(6, message);
        b.add_u64(7, m.committer_millis, 0);
        b.add_i64(8, m.author_millis, 0);
        b.add_offset(9, signature);
        b.add_offset(10, committer_name);
        b.add_offset(11, committer_email);
        let table = b.end_table();
        b.finish(table, FileId::COMMIT)
            .map_err(ModelError::message(KIND))
    }
}

/// The common ancestor of two commits with the greatest height, then address; a commit counts as
/// its own ancestor. `None` when the histories are unrelated.
pub fn common_ancestor(objects: &Objects, a: CommitId, b: CommitId) -> Result<Option<CommitId>> {
    if a == b {
        return Ok(Some(a));
    }
    let lineage = |id: CommitId| -> Result<_> {
        let commit = Commit::open(objects, id)?;
        let own = ClosureKey {
            height: commit.height,
            commit: id.0,
        };
        let ancestors = commit.ancestors(objects)?.descending()?;
        Ok(std::iter::once(Ok(own)).chain(ancestors))
    };
    let (mut left, mut right) = (lineage(a)?, lineage(b)?);
    let (mut x, mut y) = (left.next().transpose()?, right.next().transpose()?);
    while let (Some(i), Some(j)) = (&x, &y) {
        match i.cmp(j) {
            std::cmp::Ordering::Equal => return Ok(Some(CommitId(i.commit))),
            std::cmp::Ordering::Greater => x = left.next().transpose()?,
            std::cmp::Ordering::Less => y = right.next().transpose()?,
        }
    }
    Ok(None)
}
