//! `journal.idx`: where the chunks of the journal's older part lie, so that opening need not
//! read it (spec 01 §6.4). The file may be absent, cut or wrong at any time.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::hash::Uniform;
use crate::journal_record::root_at;
use crate::{DiskFile, Hash};

const LOOKUP: u8 = 0;
const META: u8 = 1;
const LOOKUP_LEN: usize = 29;
const META_LEN: usize = 41;

/// First 16 bytes of an address, which is what the index knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(pub [u8; 16]);

impl Key {
    pub fn of(hash: &Hash) -> Key {
        Key(*hash.0.first_chunk().expect("a hash is longer"))
    }
}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from_be_bytes(
            *self.0.first_chunk().expect("a key is longer"),
        ));
    }
}

/// Where in the journal a chunk's record (snappy and checksum) lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub at: u64,
    pub len: u32,
}

impl Place {
    fn lies_before(self, end: u64) -> bool {
        let own_end = self.at.checked_add(u64::from(self.len));
        own_end.is_some_and(|own| own <= end)
    }
}

/// Places by key.
pub(crate) type Places = HashMap<Key, Place, BuildHasherDefault<Uniform>>;

/// What the good batches of an index file say.
#[derive(Default)]
pub(crate) struct Indexed {
    pub places: Places,
    /// The journal needs reading from here on.
    pub journal_from: u64,
    /// Where in the index file the next batch goes.
    pub index_end: u64,
}

/// Reads the batches of an index, up to the first that is incomplete or does not agree with
/// the journal.
pub(crate) fn load(index: &[u8], journal: &dyn DiskFile) -> Indexed {
    let mut done = Indexed::default();
    let mut at = 0;
    let mut batch: Vec<(Key, Place)> = Vec::new();
    let mut crc = 0u32;
    while let Some(&tag) = index.get(at) {
        match tag {
            LOOKUP => {
                let Some(rest) = index.get(at + 1..at + LOOKUP_LEN) else {
                    break;
                };
                let (key, rest) = rest.split_at(16);
                let (offset, len) = rest.split_at(8);
                crc = crc32c::crc32c_append(crc, key);
                batch.push((
                    Key(key.try_into().expect("sixteen bytes")),
                    Place {
                        at: u64::from_be_bytes(offset.try_into().expect("eight bytes")),
                        len: u32::from_be_bytes(len.try_into().expect("four bytes")),
                    },
                ));
                at += LOOKUP_LEN;
            }
            META => {
                let Some(meta) = index.get(at + 1..at + META_LEN) else {
                    break;
                };
                let word =
                    |i: usize| u64::from_be_bytes(meta[i..i + 8].try_into().expect("eight bytes"));
                let (start, end) = (word(0), word(8));
                let sum = u32::from_be_bytes(meta[16..20].try_into().expect("four bytes"));
                let root = Hash::from_slice(&meta[20..40]).expect("twenty bytes");
                let agrees = sum == crc
                    && start == done.journal_from
                    && end >= start
                    && batch.iter().all(|(_, p)| p.lies_before(end))
                    && root_at(journal, end) == Some(root);
                if !agrees {
                    break;
                }
                done.places.extend(batch.drain(..));
                done.journal_from = end;
                crc = 0;
                at += META_LEN;
                done.index_end = at as u64;
            }
            _ => break,
        }
    }
    done
}

/// Writes one batch at `index_end` and cuts what lay behind it; gives the new end.
pub(crate) fn append(
    index: &dyn DiskFile,
    index_end: u64,
    batch: &[(Key, Place)],
    journal: std::ops::Range<u64>,
    root: Hash,
) -> std::io::Result<u64> {
    let mut out = Vec::with_capacity(batch.len() * LOOKUP_LEN + META_LEN);
    let mut crc = 0;
    for (key, place) in batch {
        out.push(LOOKUP);
        out.extend_from_slice(&key.0);
        out.extend_from_slice(&place.at.to_be_bytes());
        out.extend_from_slice(&place.len.to_be_bytes());
        crc = crc32c::crc32c_append(crc, &key.0);
    }
    out.push(META);
    out.extend_from_slice(&journal.start.to_be_bytes());
    out.extend_from_slice(&journal.end.to_be_bytes());
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(&root.0);
    index.set_len(index_end)?;
    index.write_all_at(&out, index_end)?;
    Ok(index_end + out.len() as u64)
}
