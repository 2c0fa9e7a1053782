//! Writing archives, chunk by chunk (spec 01 §5.6).

use std::io::{BufWriter, Write};
use std::path::Path;

use zstd::dict::EncoderDictionary;
use zstd::zstd_safe::CCtx;

use crate::disk::Appender;
use crate::table_writer::temp_name;
use crate::{Access, Chunk, ChunkError, ChunkFile, Directory, Hash, Result, Source, Spec, record};

/// Version of the format that is written.
const VERSION: u8 = 3;
/// Chunks that a dictionary is made of; with fewer there is none.
const SAMPLES: usize = 1000;
/// Bytes of them that are looked at, about: more make it take longer, and not better.
const SAMPLE_BYTES: usize = 1 << 20;
/// Most bytes of chunks that wait for a dictionary.
const MAX_WAITING: usize = 64 << 20;
/// Size of a dictionary.
const DICTIONARY_SIZE: usize = 4096;
const LEVEL: i32 = 3;
/// Bytes of chunks that are compressed together, by as many threads as there are processors.
const BATCH_BYTES: usize = 1 << 20;
/// Threads that compress one batch.
const MAX_THREADS: usize = 4;
/// What archives say wrote them; readers look for the key.
const METADATA: &str = r#"{"dolt_version":"2.3.1"}"#;

/// Where a chunk lies: its address, the span of its dictionary (0: none) and its own.
type Entry = (Hash, u32, u32);

/// How the chunks that come are compressed.
enum Compression {
    /// Chunks wait until there are enough to make a dictionary from.
    Waiting(Vec<Chunk>, usize),
    /// With a dictionary.
    Dictionary(Batch),
    /// No dictionary could be made: as in table files.
    Snappy,
}

/// Chunks that wait to be compressed with the dictionary in a span.
struct Batch {
    span: u32,
    dictionary: EncoderDictionary<'static>,
    /// One per thread.
    contexts: Vec<CCtx<'static>>,
    chunks: Vec<Chunk>,
    bytes: usize,
}

impl Batch {
    fn new(span: u32, raw: &[u8]) -> Batch {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Batch {
            span,
            dictionary: EncoderDictionary::copy(raw, LEVEL),
            contexts: (0..threads.min(MAX_THREADS))
                .map(|_| CCtx::create())
                .collect(),
            chunks: Vec::new(),
            bytes: 0,
        }
    }

    /// The chunks that have waited, with their frames, in the order in which they came.
    fn compress(&mut self) -> std::result::Result<Vec<(Hash, Vec<u8>)>, String> {
        let chunks = std::mem::take(&mut self.chunks);
        self.bytes = 0;
        let dictionary = &self.dictionary;
        let part = chunks.len().div_ceil(self.contexts.len()).max(1);
        let work = |context: &mut CCtx<'static>, chunks: &[Chunk]| {
            let one = |c: &Chunk| Ok((c.hash(), compress(context, c.bytes(), dictionary)?));
            chunks.iter().map(one).collect()
        };
        let mut parts = chunks.chunks(part).zip(&mut self.contexts);
        let first = parts.next();
        let done: Vec<std::result::Result<Vec<_>, String>> = std::thread::scope(|scope| {
            let others: Vec<_> = parts
                .map(|(chunks, context)| scope.spawn(move || work(context, chunks)))
                .collect();
            let first = first.map(|(chunks, context)| work(context, chunks));
            let join = |t: std::thread::ScopedJoinHandle<'_, _>| {
                t.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            first
                .into_iter()
                .chain(others.into_iter().map(join))
                .collect()
        });
        let mut frames = Vec::with_capacity(chunks.len());
        for part in done {
            frames.extend(part?);
        }
        Ok(frames)
    }
}

/// An archive that is being written: the chunks go to a temporary file, their addresses stay in
/// memory, because the index ends the file.
pub struct ArchiveWriter {
    dir: Directory,
    temp: String,
    out: Option<BufWriter<Appender>>,
    span_ends: Vec<u64>,
    entries: Vec<Entry>,
    at: u64,
    compression: Compression,
    metadata: String,
}

impl ArchiveWriter {
    /// Begins an archive in a directory.
    pub fn create(dir: &Directory) -> Result<ArchiveWriter> {
        let temp = temp_name();
        let file = Appender::new(dir.open(&temp, Access::Fresh)?);
        Ok(ArchiveWriter {
            dir: dir.clone(),
            temp,
            out: Some(BufWriter::with_capacity(1 << 20, file)),
            span_ends: Vec::new(),
            entries: Vec::new(),
            at: 0,
            compression: Compression::Waiting(Vec::new(), 0),
            metadata: METADATA.to_owned(),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let out = self
            .out
            .as_mut()
            .expect("present until the archive is finished");
        out.write_all(bytes)
            .map_err(|e| ChunkError::io("write", &self.dir.at(&self.temp), e))
    }

    /// Writes bytes as a span of their own and gives its number.
    fn span(&mut self, bytes: &[u8]) -> Result<u32> {
        self.write(bytes)?;
        self.at += bytes.len() as u64;
        self.span_ends.push(self.at);
        u32::try_from(self.span_ends.len()).map_err(|_| self.full())
    }

    fn full(&self) -> ChunkError {
        ChunkError::BadTable {
            path: self.dir.at(&self.temp),
            reason: "too many chunks for one archive".into(),
        }
    }

    /// Adds a chunk that the archive does not have yet.
    pub fn append(&mut self, chunk: &Chunk) -> Result<()> {
        match &mut self.compression {
            Compression::Waiting(chunks, bytes) => {
                chunks.push(chunk.clone());
                *bytes += chunk.bytes().len();
                if chunks.len() >= SAMPLES || *bytes > MAX_WAITING {
                    self.stop_waiting()?;
                }
                Ok(())
            }
            Compression::Dictionary(batch) => {
                batch.chunks.push(chunk.clone());
                batch.bytes += chunk.bytes().len();
                match batch.bytes >= BATCH_BYTES {
                    true => self.write_batch(),
                    false => Ok(()),
                }
            }
            Compression::Snappy => self.append_snappy(chunk),
        }
    }

    /// Writes the chunks that wait to be compressed.
    fn write_batch(&mut self) -> Result<()> {
        let Compression::Dictionary(batch) = &mut self.compression else {
            return Ok(());
        };
        let span = batch.span;
        let frames = batch.compress();
        for (hash, frame) in frames.map_err(|reason| bad(&self.dir.at(&self.temp), reason))? {
            let data = self.span(&frame)?;
            self.entries.push((hash, span, data));
        }
        Ok(())
    }

    fn append_snappy(&mut self, chunk: &Chunk) -> Result<()> {
        let data = self.span(&record::encode(chunk.bytes())?)?;
        self.entries.push((chunk.hash(), 0, data));
        Ok(())
    }

    /// Adds all that another file has, as it is compressed there.
    pub(crate) fn append_file(&mut self, source: &Source) -> Result<()> {
        self.write_batch()?;
        let base = u32::try_from(self.span_ends.len()).map_err(|_| self.full())?;
        let start = self.at;
        match source {
            Source::Archive(archive) => {
                let ends = archive.span_ends()?;
                self.span_ends.extend(ends.iter().map(|end| start + end));
                for (hash, dictionary, span) in archive.entries() {
                    let dictionary = match dictionary {
                        0 => 0,
                        id => id.checked_add(base).ok_or_else(|| self.full())?,
                    };
                    let span = span.checked_add(base).ok_or_else(|| self.full())?;
                    self.entries.push((hash, dictionary, span));
                }
                // What lies behind the last span belongs to none.
                let len = ends.last().copied().unwrap_or(0);
                archive.copy(len, &mut |part| self.write(part))?;
                self.at += len;
            }
            Source::Table(table) => {
                let mut end = start;
                for (span, (hash, len)) in (base + 1..).zip(table.entries()?) {
                    end += u64::from(len);
                    self.span_ends.push(end);
                    self.entries.push((hash, 0, span));
                }
                table.copy(&mut |part| self.write(part))?;
                self.at += table.data_len();
            }
        }
        Ok(())
    }

    /// [`ArchiveWriter::finish`] for a file that was put together from these.
    pub(crate) fn finish_conjoined(mut self, names: &[Hash]) -> Result<Spec> {
        let names: Vec<String> = names.iter().map(|n| format!("\\\"{n}\\\"")).collect();
        self.metadata = format!(
            "{{\"conjoined_file_names\":\"[{}]\",{}",
            names.join(","),
            &METADATA[1..]
        );
        self.finish()
    }

    /// Makes a dictionary from the chunks that wait, and writes them.
    fn stop_waiting(&mut self) -> Result<()> {
        let Compression::Waiting(chunks, _) =
            std::mem::replace(&mut self.compression, Compression::Snappy)
        else {
            return Ok(());
        };
        if chunks.len() >= SAMPLES {
            let bytes: usize = chunks.iter().map(|c| c.bytes().len()).sum();
            let step = bytes.div_ceil(SAMPLE_BYTES).max(1);
            let samples = || chunks.iter().step_by(step).map(Chunk::bytes);
            let sizes: Vec<usize> = samples().map(|bytes| bytes.len()).collect();
            let all: Vec<u8> = samples().flatten().copied().collect();
            // Chunks too much alike, or too little, make no dictionary.
            if let Ok(raw) = zstd::dict::from_continuous(&all, &sizes, DICTIONARY_SIZE) {
                let mut context = CCtx::create();
                let mut frame = vec![0; zstd::zstd_safe::compress_bound(raw.len())];
                let n = context
                    .compress(&mut frame[..], &raw, LEVEL)
                    .map_err(|code| bad(&self.dir.at(&self.temp), explain(code)))?;
                let span = self.span(&frame[..n])?;
                self.compression = Compression::Dictionary(Batch::new(span, &raw));
            }
        }
        chunks.iter().try_for_each(|chunk| self.append(chunk))
    }

    /// Number of chunks so far.
    pub fn len(&self) -> usize {
        match &self.compression {
            Compression::Waiting(chunks, _) => chunks.len(),
            Compression::Dictionary(batch) => self.entries.len() + batch.chunks.len(),
            Compression::Snappy => self.entries.len(),
        }
    }

    /// Whether there is no chunk yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes so far, those of chunks that wait uncompressed.
    pub fn file_size(&self) -> u64 {
        match &self.compression {
            Compression::Waiting(_, bytes) => *bytes as u64,
            Compression::Dictionary(batch) => self.at + batch.bytes as u64,
            Compression::Snappy => self.at,
        }
    }

    /// Writes the index, makes the file durable but for its directory entry, gives it its name,
    /// and tells what a manifest says of it.
    pub fn finish(mut self) -> Result<Spec> {
        if let Compression::Waiting(chunks, _) = &mut self.compression {
            // Too few for a dictionary.
            let chunks = std::mem::take(chunks);
            self.compression = Compression::Snappy;
            chunks.iter().try_for_each(|c| self.append(c))?;
        }
        self.write_batch()?;
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by_key(|(hash, ..)| *hash);
        let count = u32::try_from(entries.len()).map_err(|_| self.full())?;
        let index_len = 8 * self.span_ends.len() + 28 * entries.len();
        let mut tail = Vec::with_capacity(index_len + self.metadata.len() + 220);
        for end in &self.span_ends {
            tail.extend_from_slice(&end.to_be_bytes());
        }
        for (hash, ..) in &entries {
            tail.extend_from_slice(&hash.0[..8]);
        }
        for (_, dictionary, data) in &entries {
            tail.extend_from_slice(&dictionary.to_be_bytes());
            tail.extend_from_slice(&data.to_be_bytes());
        }
        for (hash, ..) in &entries {
            tail.extend_from_slice(hash.suffix());
        }
        tail.extend_from_slice(self.metadata.as_bytes());
        tail.extend_from_slice(&(index_len as u64).to_be_bytes());
        tail.extend_from_slice(&(self.span_ends.len() as u32).to_be_bytes());
        tail.extend_from_slice(&count.to_be_bytes());
        tail.extend_from_slice(&(self.metadata.len() as u32).to_be_bytes());
        // Dolt leaves the checksums of the sections empty.
        tail.extend_from_slice(&[0; 192]);
        tail.push(VERSION);
        tail.extend_from_slice(b"DOLTARC");
        let name = Hash::of(&tail);
        self.write(&tail)?;
        let io = |e| ChunkError::io("write", &self.dir.at(&self.temp), e);
        let out = self
            .out
            .as_mut()
            .expect("present until the archive is finished");
        out.flush().map_err(io)?;
        out.get_ref().sync().map_err(io)?;
        self.dir.rename(&self.temp, &format!("{name}.darc"))?;
        self.out = None;
        Ok(Spec {
            name,
            chunks: count,
        })
    }
}

impl Drop for ArchiveWriter {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            // Nobody knows of the file; what is left of it is harmless.
            let _ = self.dir.remove(&self.temp);
        }
    }
}

impl ChunkFile for ArchiveWriter {
    fn append(&mut self, chunk: &Chunk) -> Result<()> {
        ArchiveWriter::append(self, chunk)
    }

    fn size(&self) -> u64 {
        self.file_size()
    }

    fn finish(self: Box<Self>) -> Result<Spec> {
        ArchiveWriter::finish(*self)
    }
}

fn bad(path: &Path, reason: String) -> ChunkError {
    ChunkError::BadTable {
        path: path.to_owned(),
        reason,
    }
}

fn explain(code: usize) -> String {
    zstd::zstd_safe::get_error_name(code).to_owned()
}

fn compress(
    context: &mut CCtx<'static>,
    bytes: &[u8],
    dictionary: &EncoderDictionary<'static>,
) -> std::result::Result<Vec<u8>, String> {
    let mut frame = Vec::with_capacity(zstd::zstd_safe::compress_bound(bytes.len()));
    context
        .compress_using_cdict(&mut frame, bytes, dictionary.as_cdict())
        .map_err(explain)?;
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Archive;

    fn round_trip(count: u32) {
        let dir = crate::file_store::tests::temp_dir("archive");
        let chunks: Vec<Chunk> = (0..count)
            .map(|i| {
                let text: String = (0..40)
                    .map(|j| format!("row {} of {}; ", j * 31 % 17, i * 7919 % 1009))
                    .collect();
                Chunk::new(format!("{i}{text}").into_bytes())
            })
            .collect();
        let mut writer = ArchiveWriter::create(&Directory::local(&dir)).unwrap();
        for c in &chunks {
            writer.append(c).unwrap();
        }
        assert_eq!(writer.len(), count as usize);
        let spec = writer.finish().unwrap();
        assert_eq!(spec.chunks, count);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        let archive =
            Archive::open(&Directory::local(&dir), &format!("{}.darc", spec.name)).unwrap();
        assert_eq!(archive.len(), count as usize);
        for c in &chunks {
            assert_eq!(archive.get(&c.hash()).unwrap().as_ref(), Some(c));
        }
        assert!(!archive.has(&Hash::of(b"absent")));
        let uncompressed: usize = chunks.iter().map(|c| c.bytes().len()).sum();
        assert!(archive.file_size() < uncompressed as u64);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn few_chunks_are_kept_as_in_table_files_and_many_share_a_dictionary() {
        round_trip(3);
        round_trip(999);
        round_trip(2500);
    }

    #[test]
    fn an_archive_that_is_given_up_leaves_nothing() {
        let dir = crate::file_store::tests::temp_dir("archive-given-up");
        let mut writer = ArchiveWriter::create(&Directory::local(&dir)).unwrap();
        writer.append(&Chunk::new(&b"some bytes"[..])).unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
