//! A finished file of chunks in an object store: its index in memory, its chunks elsewhere.

use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use chunks::{
    ArchiveIndex, Chunk, ChunkError, Hash, Spec, TableIndex, archive_tail_len, decode_record,
    tail_len,
};
use futures_util::future::BoxFuture;
use object_store::path::Path;
use object_store::{GetOptions, GetRange};

use crate::store::Remote;
use crate::{Error, Result};

/// What is asked of an archive first; mostly all of its index.
const ARCHIVE_TAIL: u64 = 256 << 10;

enum Index {
    Table(TableIndex<Bytes>),
    Archive(ArchiveIndex<Bytes>),
}

/// A table file or an archive.
pub(crate) struct RemoteFile {
    pub spec: Spec,
    pub size: u64,
    name: Path,
    index: Index,
}

fn bad(name: &Path, reason: &str) -> Error {
    Error::Chunks(ChunkError::BadTable {
        path: PathBuf::from(name.as_ref()),
        reason: reason.to_owned(),
    })
}

impl RemoteFile {
    /// Reads the index of the file that a manifest calls by this name: bare, or with `.darc`.
    pub fn open(remote: &Remote, spec: Spec) -> BoxFuture<'_, Result<RemoteFile>> {
        Box::pin(async move {
            let name = remote.object(&spec.name.to_string());
            match tail(remote, &name, tail_len(spec)).await? {
                Some((bytes, size)) => {
                    let index = TableIndex::new(bytes, size).map_err(|r| bad(&name, r))?;
                    if index.len() != spec.chunks as usize {
                        return Err(bad(&name, "unexpected chunk count"));
                    }
                    Ok(RemoteFile {
                        spec,
                        size,
                        name,
                        index: Index::Table(index),
                    })
                }
                None => RemoteFile::open_archive(remote, spec).await,
            }
        })
    }

    async fn open_archive(remote: &Remote, spec: Spec) -> Result<RemoteFile> {
        let name = remote.object(&format!("{}.darc", spec.name));
        let Some((mut bytes, size)) = tail(remote, &name, ARCHIVE_TAIL).await? else {
            let path = PathBuf::from(remote.object(&spec.name.to_string()).as_ref());
            return Err(Error::Chunks(ChunkError::TableMissing(path)));
        };
        let needed = archive_tail_len(&bytes).map_err(|r| bad(&name, r))?;
        if needed > size {
            return Err(bad(&name, "index is larger than the file"));
        }
        if needed > bytes.len() as u64 {
            let again = tail(remote, &name, needed).await?;
            bytes = again.ok_or_else(|| bad(&name, "it is gone"))?.0;
        }
        let path = PathBuf::from(name.as_ref());
        let index = ArchiveIndex::new(&path, bytes, size)?;
        Ok(RemoteFile {
            spec,
            size,
            name,
            index: Index::Archive(index),
        })
    }

    pub fn has(&self, hash: &Hash) -> Result<bool> {
        Ok(self.range(hash)?.is_some())
    }

    /// Where a chunk's bytes lie.
    pub fn range(&self, hash: &Hash) -> Result<Option<Range<u64>>> {
        match &self.index {
            Index::Table(t) => {
                let at = t.find(hash).map_err(|r| bad(&self.name, r))?;
                let range = at.map(|ordinal| t.range(ordinal)).transpose();
                range.map_err(|r| bad(&self.name, r))
            }
            Index::Archive(a) => Ok(a.range(hash)?),
        }
    }

    /// The addresses of all chunks, in the order in which they lie.
    pub fn hashes(&self) -> Result<Vec<Hash>> {
        let hashes: Vec<Hash> = match &self.index {
            Index::Table(t) => t
                .hashes()
                .collect::<std::result::Result<_, _>>()
                .map_err(|r| bad(&self.name, r))?,
            Index::Archive(a) => a.hashes().collect(),
        };
        let mut placed: Vec<(u64, Hash)> = Vec::with_capacity(hashes.len());
        for hash in hashes {
            placed.push((self.range(&hash)?.map_or(0, |r| r.start), hash));
        }
        placed.sort_unstable();
        Ok(placed.into_iter().map(|(_, hash)| hash).collect())
    }

    /// Chunks that the file has, with one request for those that lie near each other.
    pub fn read(&self, remote: &Remote, wanted: &[Hash]) -> Result<Vec<Chunk>> {
        let mut ranges = Vec::with_capacity(wanted.len());
        for hash in wanted {
            let range = self.range(hash)?;
            ranges.push(range.ok_or_else(|| bad(&self.name, "a chunk is gone"))?);
        }
        let bodies = remote.ranges(&self.name, &ranges)?;
        let mut chunks = Vec::with_capacity(wanted.len());
        for (hash, body) in wanted.iter().zip(bodies) {
            chunks.push(self.decode(remote, hash, &body)?);
        }
        Ok(chunks)
    }

    fn decode(&self, remote: &Remote, hash: &Hash, body: &Bytes) -> Result<Chunk> {
        let name = || self.name.to_string();
        let chunk = match &self.index {
            Index::Table(_) => decode_record(*hash, body, name)?,
            Index::Archive(a) => {
                let own = a.range(hash)?;
                let read = |range: Range<u64>| -> chunks::Result<Cow<'_, [u8]>> {
                    if Some(&range) == own.as_ref() {
                        return Ok(Cow::Borrowed(body));
                    }
                    // A dictionary, which the index keeps from then on.
                    let mut found = remote.ranges(&self.name, &[range])?;
                    Ok(Cow::Owned(found.pop().unwrap_or_default().into()))
                };
                let chunk = a.get_with(hash, &read)?;
                chunk.ok_or_else(|| bad(&self.name, "a chunk is gone"))?
            }
        };
        // What came over a network is held against its address, not only its checksum.
        match chunk.is_intact() {
            true => Ok(chunk),
            false => Err(Error::Chunks(ChunkError::BadChunk {
                hash: *hash,
                file: name(),
                reason: "content hash mismatch".into(),
            })),
        }
    }
}

/// The last bytes of an object, and its size; none if there is no such object.
async fn tail(remote: &Remote, name: &Path, len: u64) -> Result<Option<(Bytes, u64)>> {
    let options = GetOptions {
        range: Some(GetRange::Suffix(len)),
        ..GetOptions::default()
    };
    remote.count_read();
    let failed = |source| remote.error("read the index of", name, source);
    match remote.blobs.get_opts(name, options).await {
        Ok(answer) => {
            let size = answer.meta.size;
            let expected = len.min(size);
            let bytes = answer.bytes().await.map_err(failed)?;
            if bytes.len() as u64 != expected {
                return Err(bad(
                    name,
                    "the answer has another length than was asked for",
                ));
            }
            remote.count_bytes(bytes.len());
            Ok(Some((bytes, size)))
        }
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(e) => Err(failed(e)),
    }
}
