//! Stashes (spec 03 §14.3).

use bytes::Bytes;
use chunks::Hash;
use prolly::AddressMap;
use serial::{Builder, FileId, Offset, root_table};

use crate::small_message::{decode_one, encode_one, hash_field};
use crate::{CommitId, ModelError, Objects, Result, RootId};

const KIND: &str = "stash";

/// Changes that were put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stash {
    /// The tables with the changes.
    pub root: RootId,
    /// The commit that they were made on.
    pub head: CommitId,
    /// The branch, as a full ref.
    pub branch: String,
    /// The head's message.
    pub description: String,
    /// New tables that were staged.
    pub tables_to_stage: Option<Vec<String>>,
}

impl Stash {
    /// Reads a message.
    pub fn decode(message: &[u8]) -> Result<Stash> {
        let e = ModelError::message(KIND);
        let t = root_table(message, FileId::STASH, 5).map_err(&e)?;
        let text = |slot| -> Result<String> {
            Ok(t.string(slot)
                .map_err(ModelError::message(KIND))?
                .unwrap_or("")
                .to_owned())
        };
        Ok(Stash {
            root: RootId(hash_field(t.bytes(0).map_err(&e)?, KIND)?),
            head: CommitId(hash_field(t.bytes(1).map_err(&e)?, KIND)?),
            branch: text(2)?,
            description: text(3)?,
            tables_to_stage: match t.has(4) {
                true => Some(
                    t.strings(4)
                        .map_err(&e)?
                        .into_iter()
                        .map(str::to_owned)
                        .collect(),
                ),
                false => None,
            },
        })
    }

    /// The message.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut b = Builder::new();
        let root = b.bytes(&self.root.0.0);
        let head = b.bytes(&self.head.0.0);
        let branch = b.string(&self.branch);
        let description = b.string(&self.description);
        let tables = self
            .tables_to_stage
            .as_ref()
            .map_or(Offset::NONE, |t| b.strings(t));
        b.start_table(5);
        b.add_offset(0, root);
        b.add_offset(1, head);
        b.add_offset(2, branch);
        b.add_offset(3, description);
        b.add_offset(4, tables);
        let root = b.end_table();
        b.finish(root, FileId::STASH)
            .map_err(ModelError::message(KIND))
    }
}

/// Stashes by number; the greatest is the newest, `stash@{0}`.
#[derive(Clone)]
pub struct StashList {
    objects: Objects,
    map: AddressMap,
}

impl StashList {
    /// A list without stashes.
    pub fn empty(objects: &Objects) -> Result<StashList> {
        Ok(StashList {
            map: AddressMap::empty(objects.nodes().clone())?,
            objects: objects.clone(),
        })
    }

    /// Reads a message.
    pub fn decode(objects: &Objects, message: &[u8]) -> Result<StashList> {
        let map = decode_one(message, FileId::STASH_LIST, "stash list")?;
        Ok(StashList {
            map: AddressMap::from_embedded(objects.nodes().clone(), Bytes::from(map))?,
            objects: objects.clone(),
        })
    }

    /// The message.
    pub fn encode(&self) -> Result<Vec<u8>> {
        encode_one(self.map.root_bytes(), FileId::STASH_LIST)
    }

    /// Numbers and addresses, newest first.
    pub fn entries(&self) -> Result<Vec<(u64, Hash)>> {
        let mut out = Vec::new();
        for entry in self.map.iter()? {
            let (key, hash) = entry?;
            let number = std::str::from_utf8(&key).ok().and_then(|k| k.parse().ok());
            let number =
                number.ok_or_else(|| ModelError::corrupt("stash list", "a key is no number"))?;
            out.push((number, hash));
        }
        out.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
        Ok(out)
    }

    /// The n-th newest stash.
    pub fn get(&self, n: usize) -> Result<Option<Stash>> {
        match self.entries()?.get(n) {
            Some((_, hash)) => Stash::decode(self.objects.read(hash)?.bytes()).map(Some),
            None => Ok(None),
        }
    }

    /// The list with a stash more.
    pub fn push(&self, stash: &Stash) -> Result<StashList> {
        let next = self.entries()?.first().map_or(0, |(n, _)| n + 1);
        let hash = self.objects.write(stash.encode()?)?;
        self.edit(next, Some(hash))
    }

    /// The list without the n-th newest stash.
    pub fn remove(&self, n: usize) -> Result<Option<StashList>> {
        match self.entries()?.get(n) {
            Some((number, _)) => self.edit(*number, None).map(Some),
            None => Ok(None),
        }
    }

    fn edit(&self, number: u64, hash: Option<Hash>) -> Result<StashList> {
        Ok(StashList {
            map: self.map.edit([(number.to_string().into_bytes(), hash)])?,
            objects: self.objects.clone(),
        })
    }
}
