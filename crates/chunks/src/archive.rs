//! Archives: chunks compressed with shared zstd dictionaries (spec 01 §5).

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zstd::zstd_safe::DDict;

use crate::finished_file::{copy_range, read_end};
use crate::{Access, Chunk, ChunkError, Directory, DiskFile, Hash, MAX_CHUNK, Result, record};

const FOOTER: usize = 220;
/// Dictionaries kept ready per archive.
const MAX_DICTIONARIES: usize = 256;
/// A dictionary larger than this is refused.
const MAX_DICTIONARY: usize = 4 << 20;

/// Gives bytes of an archive.
pub type ReadSpan<'r> = &'r dyn Fn(Range<u64>) -> Result<Cow<'r, [u8]>>;

type Dictionaries = std::collections::HashMap<u32, Arc<DDict<'static>>>;

/// An archive: its end is in memory, the rest is read when it is asked for. Nothing is mapped: a
/// file that somebody cuts short gives an error.
pub struct Archive {
    index: ArchiveIndex<Vec<u8>>,
    file: Box<dyn DiskFile>,
}

/// The end of an archive: where the spans of its chunks lie. `B` holds the file, or no more of it
/// than the index, the metadata and the footer.
pub struct ArchiveIndex<B> {
    path: PathBuf,
    bytes: B,
    version: u8,
    spans: usize,
    count: usize,
    /// Where the index starts in `bytes`.
    index: usize,
    /// Where it starts in the file, that is, where the data ends.
    data: u64,
    file_size: u64,
    dictionaries: Mutex<Dictionaries>,
}

/// What the footer says.
struct Footer {
    version: u8,
    spans: usize,
    count: usize,
    index_len: u64,
    /// Bytes of index, metadata and footer.
    tail: u64,
}

fn read_footer(bytes: &[u8]) -> std::result::Result<Footer, &'static str> {
    let Some(footer) = bytes.len().checked_sub(FOOTER).map(|at| &bytes[at..]) else {
        return Err("file is too short");
    };
    if !footer.ends_with(b"DOLTARC") {
        return Err("invalid file signature");
    }
    let version = footer[212];
    if !(1..=3).contains(&version) {
        return Err("invalid format version");
    }
    let (index_len, footer_len) = if version < 3 {
        (u64::from(be32(footer, 4)), FOOTER - 4)
    } else {
        (be64(footer, 0), FOOTER)
    };
    let (spans, count) = (be32(footer, 8) as usize, be32(footer, 12) as usize);
    if index_len != 8 * spans as u64 + 28 * count as u64 {
        return Err("index has the wrong length");
    }
    Ok(Footer {
        version,
        spans,
        count,
        index_len,
        tail: index_len + u64::from(be32(footer, 16)) + footer_len as u64,
    })
}

/// How many bytes an archive of this size ends with that are not its chunks, from its last ones
/// (at least 220).
pub fn archive_tail_len(bytes: &[u8]) -> std::result::Result<u64, &'static str> {
    read_footer(bytes).map(|footer| footer.tail)
}

impl Archive {
    /// Opens an archive and checks its footer.
    pub fn open(dir: &Directory, name: &str) -> Result<Archive> {
        let path = dir.at(name);
        let file = dir.open(name, Access::Read)?;
        let (size, mut end) = read_end(&*file, &path, FOOTER as u64)?;
        if let Ok(tail) = archive_tail_len(&end) {
            (_, end) = read_end(&*file, &path, tail)?;
        }
        Ok(Archive {
            index: ArchiveIndex::new(&path, end, size)?,
            file,
        })
    }

    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        // The span lies within the file as it was when it was opened.
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.file
            .read_exact_at(&mut bytes, range.start)
            .map_err(|e| ChunkError::io("read", &self.path, e))?;
        Ok(Cow::Owned(bytes))
    }

    /// A chunk. Frames carry no checksum, so a chunk out of one is hashed again.
    pub fn get(&self, hash: &Hash) -> Result<Option<Chunk>> {
        self.get_with(hash, &|range| self.read(range))
    }

    /// The first bytes of the file, a part at a time.
    pub(crate) fn copy(&self, len: u64, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        copy_range(&*self.file, &self.path, 0..len, write)
    }
}

impl Deref for Archive {
    type Target = ArchiveIndex<Vec<u8>>;

    fn deref(&self) -> &ArchiveIndex<Vec<u8>> {
        &self.index
    }
}

impl<B: Deref<Target = [u8]>> ArchiveIndex<B> {
    /// Reads the footer at the end of `bytes`, which are the last ones of a file of `file_size`.
    pub fn new(path: &Path, bytes: B, file_size: u64) -> Result<ArchiveIndex<B>> {
        let bad = |reason: &str| ChunkError::BadTable {
            path: path.to_owned(),
            reason: format!("Failed to loadFooter: {reason}"),
        };
        let footer = read_footer(&bytes).map_err(bad)?;
        let index = usize::try_from(footer.tail).ok();
        let index = index.and_then(|tail| bytes.len().checked_sub(tail));
        let data = file_size.checked_sub(footer.tail);
        let (Some(index), Some(data)) = (index, data) else {
            return Err(bad("index is larger than the file"));
        };
        debug_assert!(index + footer.index_len as usize <= bytes.len());
        Ok(ArchiveIndex {
            path: path.to_owned(),
            bytes,
            version: footer.version,
            spans: footer.spans,
            count: footer.count,
            index,
            data,
            file_size,
            dictionaries: Mutex::default(),
        })
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it holds no chunk.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the file.
    pub fn file_size(&self) -> u64 {
        self.file_size
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn bad(&self, reason: impl Into<String>) -> ChunkError {
        ChunkError::BadTable {
            path: self.path.clone(),
            reason: reason.into(),
        }
    }

    fn prefix(&self, i: usize) -> u64 {
        be64(&self.bytes, self.index + 8 * self.spans + 8 * i)
    }

    fn suffix(&self, i: usize) -> &[u8] {
        let at = self.index + 8 * self.spans + 16 * self.count + 12 * i;
        &self.bytes[at..at + 12]
    }

    /// Dictionary and data spans of a chunk; dictionary 0 is none.
    fn refs(&self, i: usize) -> (u32, u32) {
        let at = self.index + 8 * self.spans + 8 * self.count + 8 * i;
        (be32(&self.bytes, at), be32(&self.bytes, at + 4))
    }

    /// Where a span lies in the file.
    fn span(&self, id: u32) -> Result<Range<u64>> {
        let id = id as usize;
        if id == 0 || id > self.spans {
            return Err(self.bad(format!("byte span {id} does not exist")));
        }
        let end = be64(&self.bytes, self.index + 8 * (id - 1));
        let start = match id {
            1 => 0,
            _ => be64(&self.bytes, self.index + 8 * (id - 2)),
        };
        if start > end || end > self.data {
            return Err(self.bad(format!("byte span {id} lies outside of the data")));
        }
        Ok(start..end)
    }

    fn find(&self, hash: &Hash) -> Option<usize> {
        let prefix = hash.prefix();
        let (mut lo, mut hi) = (0, self.count);
        while lo < hi {
            let mid = lo + (hi - lo) / 2;
            if self.prefix(mid) < prefix {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        while lo < self.count && self.prefix(lo) == prefix {
            if self.suffix(lo) == hash.suffix() {
                return Some(lo);
            }
            lo += 1;
        }
        None
    }

    fn dictionary(&self, id: u32, read: ReadSpan<'_>) -> Result<Arc<DDict<'static>>> {
        let lock = || {
            self.dictionaries
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(known) = lock().get(&id) {
            return Ok(known.clone());
        }
        let dictionary = decompress(&read(self.span(id)?)?, None, MAX_DICTIONARY)
            .and_then(|raw| dictionary_of(&raw))
            .map_err(|e| self.bad(format!("failure loading archive dictionary span {id}: {e}")))?;
        let dictionary = Arc::new(dictionary);
        let mut known = lock();
        if known.len() >= MAX_DICTIONARIES {
            known.clear();
        }
        known.insert(id, dictionary.clone());
        Ok(dictionary)
    }

    /// Whether it has a chunk.
    pub fn has(&self, hash: &Hash) -> bool {
        self.find(hash).is_some()
    }

    /// Where a chunk's bytes lie in the file.
    pub fn range(&self, hash: &Hash) -> Result<Option<Range<u64>>> {
        self.find(hash)
            .map(|i| self.span(self.refs(i).1))
            .transpose()
    }

    /// A chunk, out of spans of the file that `read` gives.
    pub fn get_with(&self, hash: &Hash, read: ReadSpan<'_>) -> Result<Option<Chunk>> {
        let Some(i) = self.find(hash) else {
            return Ok(None);
        };
        let file = || self.path.display().to_string();
        let bad = |reason: String| ChunkError::BadChunk {
            hash: *hash,
            file: file(),
            reason,
        };
        let (dictionary, data) = self.refs(i);
        let data = read(self.span(data)?)?;
        if dictionary == 0 {
            if self.version < 2 {
                return Err(bad("unable to get archived chunk. dictionary is nil".into()));
            }
            return record::decode(*hash, &data, file).map(Some);
        }
        let dictionary = self.dictionary(dictionary, read)?;
        let bytes = decompress(&data, Some(&dictionary), MAX_CHUNK).map_err(bad)?;
        let chunk = Chunk::with_hash(*hash, bytes);
        if !chunk.is_intact() {
            return Err(bad("content hash mismatch".into()));
        }
        Ok(Some(chunk))
    }

    /// Bytes of all spans one behind the other.
    pub(crate) fn data_len(&self) -> u64 {
        self.data
    }

    /// Where each span ends.
    pub(crate) fn span_ends(&self) -> Result<Vec<u64>> {
        (1..=self.spans as u32)
            .map(|id| {
                self.span(id)?;
                Ok(be64(&self.bytes, self.index + 8 * (id as usize - 1)))
            })
            .collect()
    }

    /// Address, dictionary span and data span of every chunk.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Hash, u32, u32)> + '_ {
        let refs = (0..self.count).map(|i| self.refs(i));
        self.hashes().zip(refs).map(|(h, (d, s))| (h, d, s))
    }

    /// The addresses of all chunks, in order.
    pub fn hashes(&self) -> impl Iterator<Item = Hash> + '_ {
        (0..self.count).map(|i| {
            let mut hash = Hash::EMPTY;
            hash.0[..8].copy_from_slice(&self.prefix(i).to_be_bytes());
            hash.0[8..].copy_from_slice(self.suffix(i));
            hash
        })
    }
}

thread_local! {
    // A decompression context is 150 KB; one per thread is enough.
    static CONTEXT: RefCell<zstd::zstd_safe::DCtx<'static>> =
        RefCell::new(zstd::zstd_safe::DCtx::create());
}

/// A dictionary made ready; `DDict::create` would panic at a damaged one.
fn dictionary_of(raw: &[u8]) -> std::result::Result<DDict<'static>, String> {
    DDict::try_create(raw).ok_or_else(|| "not a zstd dictionary".to_owned())
}

/// Decompresses one frame that states its size, which must not exceed `limit`.
fn decompress(
    frame: &[u8],
    dictionary: Option<&DDict<'static>>,
    limit: usize,
) -> std::result::Result<Vec<u8>, String> {
    let len = zstd::zstd_safe::get_frame_content_size(frame)
        .map_err(|_| "not a zstd frame".to_owned())?
        .ok_or("frame does not state its size")?;
    if len > limit as u64 || len == 0 {
        return Err(format!("frame of {len} bytes exceeds the limit of {limit}"));
    }
    let mut out = Vec::with_capacity(len as usize);
    let explain = |code| zstd::zstd_safe::get_error_name(code).to_owned();
    CONTEXT.with_borrow_mut(|context| match dictionary {
        Some(d) => context
            .decompress_using_ddict(&mut out, frame, d)
            .map_err(explain),
        None => context.decompress(&mut out, frame).map_err(explain),
    })?;
    Ok(out)
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_dictionary_is_an_error() {
        // Its magic number, and tables that are none.
        let damaged = [&[0x37, 0xa4, 0x30, 0xec][..], &[0xff; 60]].concat();
        assert!(dictionary_of(&damaged).is_err());
        assert!(dictionary_of(b"any bytes are a dictionary of their own").is_ok());
    }
}
