//! Records of the chunk journal, and the scan that finds where a journal ends (spec 01 §6.1-2).

use std::path::Path;

use crate::{ChunkError, DiskFile, Hash, Result};

/// No record is longer; readers take more for damage.
pub(crate) const MAX_RECORD: usize = 5 << 20;
/// Bytes of a root record as it is written.
pub(crate) const ROOT_RECORD: usize = 40;
/// Bytes in front of a chunk record's payload.
pub(crate) const PAYLOAD_AT: usize = 28;

const TAG_KIND: u8 = 1;
const TAG_ADDRESS: u8 = 2;
const TAG_PAYLOAD: u8 = 3;
const TAG_TIMESTAMP: u8 = 4;
const KIND_ROOT: u8 = 1;
const KIND_CHUNK: u8 = 2;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The store's root from here on, with seconds since 1970 if known.
    Root { root: Hash, time: Option<u64> },
    /// A chunk's record starts this far into the journal record.
    Chunk {
        hash: Hash,
        payload: usize,
        len: usize,
    },
}

/// Appends a root record.
pub(crate) fn write_root(out: &mut Vec<u8>, root: Hash, time: u64) {
    let start = out.len();
    out.extend_from_slice(&(ROOT_RECORD as u32).to_be_bytes());
    out.extend_from_slice(&[TAG_KIND, KIND_ROOT, TAG_TIMESTAMP]);
    out.extend_from_slice(&time.to_be_bytes());
    out.push(TAG_ADDRESS);
    out.extend_from_slice(&root.0);
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
}

/// Appends a chunk record around a chunk's own record.
pub(crate) fn write_chunk(out: &mut Vec<u8>, hash: Hash, record: &[u8]) -> Result<()> {
    let size = PAYLOAD_AT + record.len() + 4;
    if size > MAX_RECORD {
        return Err(ChunkError::TooLarge {
            size,
            limit: MAX_RECORD,
        });
    }
    let start = out.len();
    out.extend_from_slice(&(size as u32).to_be_bytes());
    out.extend_from_slice(&[TAG_KIND, KIND_CHUNK, TAG_ADDRESS]);
    out.extend_from_slice(&hash.0);
    out.push(TAG_PAYLOAD);
    out.extend_from_slice(record);
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
    Ok(())
}

/// The record that `bytes` starts with, if it is whole and its checksum is right.
fn valid(bytes: &[u8]) -> Option<&[u8]> {
    let len = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    if !(8..=MAX_RECORD).contains(&len) {
        return None;
    }
    let record = bytes.get(..len)?;
    let (body, crc) = record.split_last_chunk::<4>()?;
    (crc32c::crc32c(body) == u32::from_be_bytes(*crc)).then_some(record)
}

/// Understands a record whose checksum is right.
pub(crate) fn parse(record: &[u8]) -> std::result::Result<Entry, String> {
    let body = &record[..record.len() - 4];
    let (mut at, mut kind, mut hash, mut time, mut payload) = (4, 0, None, None, None);
    let short = || "record is too short".to_owned();
    while at < body.len() {
        let field = &body[at + 1..];
        match body[at] {
            TAG_KIND => {
                kind = *field.first().ok_or_else(short)?;
                at += 2;
            }
            TAG_ADDRESS => {
                hash = Some(Hash(*field.first_chunk().ok_or_else(short)?));
                at += 21;
            }
            TAG_TIMESTAMP => {
                time = Some(u64::from_be_bytes(*field.first_chunk().ok_or_else(short)?));
                at += 9;
            }
            TAG_PAYLOAD => {
                payload = Some(at + 1);
                at = body.len();
            }
            tag => return Err(format!("unknown record field tag: {tag}")),
        }
    }
    let hash = hash.unwrap_or_default();
    match kind {
        KIND_ROOT => Ok(Entry::Root { root: hash, time }),
        KIND_CHUNK => {
            let payload = payload.ok_or("chunk record without payload")?;
            Ok(Entry::Chunk {
                hash,
                payload,
                len: body.len() - payload,
            })
        }
        kind => Err(format!("unknown journal record kind ({kind})")),
    }
}

/// A part of a file in memory; it moves forward over the file.
struct Window<'f> {
    file: &'f dyn DiskFile,
    path: &'f Path,
    len: u64,
    start: u64,
    bytes: Vec<u8>,
    /// Grows with every read, so that short journals stay cheap.
    read_ahead: usize,
}

impl<'f> Window<'f> {
    fn new(file: &'f dyn DiskFile, path: &'f Path) -> Result<Window<'f>> {
        let len = file.size().map_err(|e| ChunkError::io("read", path, e))?;
        Ok(Window {
            file,
            path,
            len,
            start: 0,
            bytes: Vec::new(),
            read_ahead: 64 << 10,
        })
    }

    /// The bytes from `at`: at least `want`, or all that there are.
    fn at(&mut self, at: u64, want: usize) -> Result<&[u8]> {
        let want = want.min((self.len - at.min(self.len)) as usize);
        let have = self.start..self.start + self.bytes.len() as u64;
        if !(have.contains(&at) && at + want as u64 <= have.end) {
            let read = want.max(self.read_ahead);
            self.read_ahead = (2 * self.read_ahead).min(8 << 20);
            let read = read.min((self.len - at.min(self.len)) as usize);
            self.bytes.resize(read, 0);
            self.file
                .read_exact_at(&mut self.bytes, at)
                .map_err(|e| ChunkError::io("read", self.path, e))?;
            self.start = at;
        }
        Ok(&self.bytes[(at - self.start) as usize..])
    }
}

/// Where a journal's good records end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The end of the last good record.
    pub offset: u64,
    /// Whether the root that was looked for is among the records that were visited.
    pub named_seen: bool,
    /// Whether something other than good records follows, which a writer must cut off.
    pub tail: bool,
    /// What is wrong with what follows, if more than a torn write or zeros.
    pub warning: Option<String>,
}

/// Visits all records from `from` to the end, as Dolt decides where that is. An incomplete tail
/// is reported; damage that good roots follow is an error, and so is damage that the root follows
/// which the manifest names: that one was durable.
pub(crate) fn scan(
    file: &dyn DiskFile,
    path: &Path,
    from: u64,
    named: Hash,
    mut visit: impl FnMut(u64, Entry),
) -> Result<End> {
    let mut window = Window::new(file, path)?;
    let mut at = from;
    let (mut tail, mut warning) = (true, None);
    let mut named_seen = named.is_empty();
    loop {
        let bytes = window.at(at, 4)?;
        let Some(len) = bytes.first_chunk().map(|b| u32::from_be_bytes(*b) as usize) else {
            tail = !bytes.is_empty();
            break;
        };
        if len == 0 {
            break;
        }
        if len > MAX_RECORD {
            warning = Some(format!(
                "invalid journal record length: {len} exceeds max allowed size of {MAX_RECORD}"
            ));
            break;
        }
        let bytes = window.at(at, len)?;
        if bytes.len() < len {
            break;
        }
        let Some(record) = valid(bytes) else {
            warning = Some(format!(
                "invalid journal record at offset {at}: invalid journal record: \
                 CRC checksum does not match"
            ));
            break;
        };
        let entry = parse(record).map_err(|reason| ChunkError::BadJournalRecord {
            path: path.to_owned(),
            offset: at,
            reason,
        })?;
        named_seen |= matches!(entry, Entry::Root { root, .. } if root == named);
        visit(at, entry);
        at += len as u64;
    }
    if tail {
        let beyond = roots_after(&mut window, at, 1, named)?;
        let damage = beyond.damage
            // A root may come again in a write that was never durable.
            || beyond.named && !named_seen && !holds_root(file, path, from, named)?;
        if damage {
            return Err(ChunkError::JournalDataLoss {
                path: path.to_owned(),
                offset: at,
            });
        }
        if beyond.roots > 0 && warning.is_none() {
            warning = Some(format!(
                "invalid journal record at offset {at}: a root lies behind it"
            ));
        }
    }
    Ok(End {
        offset: at,
        named_seen,
        tail,
        warning,
    })
}

/// Whether a root is among the records in front of `end`, which are good.
fn holds_root(file: &dyn DiskFile, path: &Path, end: u64, root: Hash) -> Result<bool> {
    let mut window = Window::new(file, path)?;
    let mut at = 0;
    while at < end {
        let bytes = window.at(at, 4)?;
        let len = bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b)) as usize;
        if !(8..=MAX_RECORD).contains(&len) {
            break;
        }
        let record = valid(window.at(at, len)?).map(parse);
        if let Some(Ok(Entry::Root { root: found, .. })) = record
            && found == root
        {
            return Ok(true);
        }
        at += len as u64;
    }
    Ok(false)
}

/// What lies behind the last good record.
struct Beyond {
    /// Whether the root that was looked for is there.
    named: bool,
    /// Whether a valid root record, and any valid record after it, are there: then more was lost
    /// than a write in progress.
    damage: bool,
    /// Valid root records.
    roots: usize,
}

/// Looks for valid records beyond `from`, and whether `named` is among the roots; stops looking once there is damage and `enough` roots.
fn roots_after(window: &mut Window<'_>, from: u64, enough: usize, named: Hash) -> Result<Beyond> {
    const STEP: usize = 1 << 20;
    let mut at = from;
    let mut beyond = Beyond {
        named: false,
        damage: false,
        roots: 0,
    };
    while at + 8 <= window.len {
        let bytes = window.at(at, STEP)?;
        // Zeros cannot start a record; a length's first three bytes may be among them.
        let zeros = bytes.iter().position(|&b| b != 0).unwrap_or(bytes.len());
        if zeros > 3 {
            at += zeros as u64 - 3;
            continue;
        }
        let plausible = bytes
            .first_chunk::<5>()
            .is_some_and(|b| (TAG_KIND..=TAG_TIMESTAMP).contains(&b[4]));
        let len = bytes
            .first_chunk()
            .map_or(0, |b| u32::from_be_bytes(*b) as usize);
        if plausible
            && (8..=MAX_RECORD).contains(&len)
            && let Some(record) = valid(window.at(at, len)?)
        {
            beyond.damage |= beyond.roots > 0;
            if beyond.damage && beyond.roots >= enough {
                break;
            }
            if let Ok(Entry::Root { root, .. }) = parse(record) {
                beyond.roots += 1;
                beyond.named |= root == named;
            }
            at += len as u64;
            continue;
        }
        at += 1;
    }
    Ok(beyond)
}

/// What a damaged journal still has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalDamage {
    /// Where the first record starts that cannot be read.
    pub offset: u64,
    /// Bytes of the journal.
    pub len: u64,
    /// Roots in front of the damage.
    pub roots_kept: usize,
    /// When the last of them was written, in seconds since 1970, if that is known.
    pub last_kept: Option<u64>,
    /// Roots behind the damage, which cutting it off loses.
    pub roots_lost: usize,
}

/// Says what a journal has whose damage would lose commits; nothing if there is no such damage.
pub(crate) fn assess(
    file: &dyn DiskFile,
    path: &Path,
    named: Hash,
) -> Result<Option<JournalDamage>> {
    let (mut roots_kept, mut last_kept) = (0, None);
    let scanned = scan(file, path, 0, named, |_, entry| {
        if let Entry::Root { time, .. } = entry {
            roots_kept += 1;
            last_kept = time;
        }
    });
    let offset = match scanned {
        Err(ChunkError::JournalDataLoss { offset, .. }) => offset,
        Err(e) => return Err(e),
        Ok(_) => return Ok(None),
    };
    let mut window = Window::new(file, path)?;
    Ok(Some(JournalDamage {
        offset,
        len: window.len,
        roots_kept,
        last_kept,
        roots_lost: roots_after(&mut window, offset, usize::MAX, named)?.roots,
    }))
}

/// The root that a valid root record at `offset` holds.
pub(crate) fn root_at(file: &dyn DiskFile, offset: u64) -> Option<Hash> {
    let mut head = [0; 4];
    file.read_exact_at(&mut head, offset).ok()?;
    let len = u32::from_be_bytes(head) as usize;
    if !(8..=64).contains(&len) {
        return None;
    }
    let mut record = vec![0; len];
    file.read_exact_at(&mut record, offset).ok()?;
    match parse(valid(&record)?) {
        Ok(Entry::Root { root, .. }) => Some(root),
        _ => None,
    }
}

/// The whole of a small file.
pub(crate) fn read_all(file: &dyn DiskFile, path: &Path) -> Result<Vec<u8>> {
    let read = || {
        let mut bytes = vec![0; file.size()? as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    };
    read().map_err(|e| ChunkError::io("read", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn a_root_record_of_dolt() {
        // Spec 01 §6.1.
        let golden = unhex(
            "0000002801010400000000693a195b025a7ac7712724a374968d6b88716ce6af817e3f14889bda35",
        );
        let Entry::Root { root, time } = parse(valid(&golden).unwrap()).unwrap() else {
            panic!("a root record");
        };
        let mut written = Vec::new();
        write_root(&mut written, root, time.unwrap());
        assert_eq!(written, golden);
    }

    #[test]
    fn fields_come_in_any_order_and_the_time_may_be_missing() {
        let mut record = vec![0, 0, 0, 31, TAG_ADDRESS];
        record.extend_from_slice(&[7; 20]);
        record.extend_from_slice(&[TAG_KIND, KIND_ROOT]);
        let crc = crc32c::crc32c(&record);
        record.extend_from_slice(&crc.to_be_bytes());
        assert_eq!(
            parse(valid(&record).unwrap()),
            Ok(Entry::Root {
                root: Hash([7; 20]),
                time: None
            })
        );
    }
}
