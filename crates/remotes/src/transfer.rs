//! Moving chunks from one store to another (spec 07 §9).

use chunks::{Chunk, ChunkStore, Hash, HashSet, Spec};
use prolly::references;

use crate::{Error, Result};

/// Chunks that are asked for at once, and held in memory.
const BATCH: usize = 512;
/// A file of this size is ended, and another begun.
const MAX_FILE: u64 = 1 << 30;

/// What a transfer came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Number of chunks that were missing.
    pub chunks: u64,
    /// Their bytes, uncompressed.
    pub bytes: u64,
    /// Files that they came in.
    pub files: usize,
}

/// Gives `to` everything that the chunks at `roots` refer to, except what lies below `skip`.
///
/// What comes must be what its address says, so that neither damage nor forged history gets on.
/// A chunk that `to` has is trusted to be complete, so that the cost follows what is missing:
/// this is why chunks become part of `to` only when all of them have arrived. In memory are one
/// batch of chunks, and the addresses of what is missing and its neighbours.
pub fn pull_chunks(
    to: &dyn ChunkStore,
    from: &dyn ChunkStore,
    roots: &[Hash],
    skip: &HashSet,
) -> Result<Transferred> {
    let mut seen = HashSet::default();
    let wanted: Vec<Hash> = roots
        .iter()
        .filter(|h| !h.is_empty() && seen.insert(**h))
        .copied()
        .collect();
    // Depth first: the list stays as short as the trees are high.
    let mut pending = to.absent(&wanted)?;
    let mut done = Transferred::default();
    let mut files: Vec<Spec> = Vec::new();
    let mut file = None;
    while !pending.is_empty() {
        let batch = pending.split_off(pending.len().saturating_sub(BATCH));
        let mut found = Vec::new();
        for chunk in intact(from, &batch)? {
            references::visit(&chunk.shared(), &mut |hash| {
                if !skip.contains(&hash) && seen.insert(hash) {
                    found.push(hash);
                }
            })?;
            let writer = match &mut file {
                Some(writer) => writer,
                none => none.insert(to.begin_file()?),
            };
            writer.append(&chunk)?;
            done.chunks += 1;
            done.bytes += chunk.bytes().len() as u64;
            if writer.size() >= MAX_FILE
                && let Some(full) = file.take()
            {
                files.push(full.finish()?);
            }
        }
        pending.extend(to.absent(&found)?);
    }
    if let Some(last) = file {
        files.push(last.finish()?);
    }
    if !files.is_empty() {
        to.list_files(&files)?;
    }
    done.files = files.len();
    Ok(done)
}

/// Chunks that must be there, with the content that their addresses say.
fn intact(from: &dyn ChunkStore, batch: &[Hash]) -> Result<Vec<Chunk>> {
    let mut chunks = Vec::with_capacity(batch.len());
    for (hash, chunk) in batch.iter().zip(from.get_many(batch)?) {
        chunks.push(chunk.ok_or_else(|| match from.is_ghost(hash) {
            true => Error::Shallow,
            false => Error::Missing(*hash),
        })?);
    }
    let contents: Vec<&[u8]> = chunks.iter().map(Chunk::bytes).collect();
    for (hash, found) in batch.iter().zip(Hash::of_each(&contents)) {
        if *hash != found {
            return Err(Error::Forged(*hash));
        }
    }
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chunks::MemoryStore;
    use prolly::{NoAddresses, NodeFormat, NodeStore, TreeBuilder};
    use std::sync::Arc;

    fn node(value: &[u8]) -> Chunk {
        let format = NodeFormat::Rows(Arc::new(NoAddresses));
        let mut builder = TreeBuilder::new(&NodeStore::in_memory(), &format);
        builder.append(b"key", value).expect("it is small");
        let node = builder.finish().expect("memory takes everything");
        Chunk::new(node.message().clone())
    }

    #[test]
    fn a_forged_chunk_does_not_get_on() {
        let (from, to) = (MemoryStore::new(), MemoryStore::new());
        let chunk = node(b"what was said");
        let forged = Chunk::with_hash(chunk.hash(), node(b"what was not").shared());
        let roots = [chunk.hash()];
        let pull = |from: &MemoryStore| pull_chunks(&to, from, &roots, &HashSet::default());
        from.put(forged).expect("memory takes everything");
        assert!(matches!(pull(&from), Err(Error::Forged(hash)) if hash == chunk.hash()));
        assert_eq!(to.has(&chunk.hash()).ok(), Some(false));

        let from = MemoryStore::new();
        from.put(chunk.clone()).expect("memory takes everything");
        assert_eq!(pull(&from).expect("it is intact").chunks, 1);
        assert_eq!(to.has(&chunk.hash()).ok(), Some(true));
    }
}
