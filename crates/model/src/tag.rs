//! Tags (spec 03 §13.2).

use serial::{Builder, FileId, root_table};

use crate::small_message::hash_field;
use crate::{CommitId, ModelError, Objects, Person, Result};

const KIND: &str = "tag";

/// A tag: a commit, and who tagged it when and why. Its name is that of its ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The commit.
    pub commit: CommitId,
    /// Who tagged it.
    pub tagger: Person,
    /// Why.
    pub message: String,
    /// Milliseconds since 1970.
    pub millis: u64,
    /// Milliseconds since 1970 as the user gave them.
    pub user_millis: i64,
}

impl Tag {
    /// The tag at an address.
    pub fn open(objects: &Objects, hash: &chunks::Hash) -> Result<Tag> {
        Tag::decode(objects.read(hash)?.bytes())
    }

    /// Reads a message.
    pub fn decode(message: &[u8]) -> Result<Tag> {
        let e = ModelError::message(KIND);
        let t = root_table(message, FileId::TAG, 6).map_err(&e)?;
        let text = |slot| -> Result<String> {
            Ok(t.string(slot)
                .map_err(ModelError::message(KIND))?
                .unwrap_or("")
                .to_owned())
        };
        Ok(Tag {
            commit: CommitId(hash_field(t.bytes(0).map_err(&e)?, KIND)?),
            tagger: Person {
                name: text(1)?,
                email: text(2)?,
            },
            message: text(3)?,
            millis: t.u64(4, 0).map_err(&e)?,
            user_millis: t.i64(5, 0).map_err(&e)?,
        })
    }

    /// The message.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut b = Builder::new();
        let commit = b.bytes(&self.commit.0.0);
        let name = b.string(&self.tagger.name);
        let email = b.string(&self.tagger.email);
        let message = b.string(&self.message);
        b.start_table(6);
        b.add_offset(0, commit);
        b.add_offset(1, name);
        b.add_offset(2, email);
        b.add_offset(3, message);
        b.add_u64(4, self.millis, 0);
        b.add_i64(5, self.user_millis, 0);
        let root = b.end_table();
        b.finish(root, FileId::TAG)
            .map_err(ModelError::message(KIND))
    }
}
