//! The store: manifest, files, chunks that are on their way.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chunks::{
    Chunk, ChunkError, ChunkFile, ChunkStore, Directory, Hash, HashMap, Lsn, Manifest, Spec,
    TableWriter, write_table_file,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    GetOptions, ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart,
};
use tokio::runtime::Runtime;

use crate::conjoin;
use crate::file::RemoteFile;
use crate::kept::Kept;
use crate::{Error, Result};

/// How the store works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most bytes of chunks that were read and are kept.
    pub kept_bytes: usize,
    /// Bytes of new chunks that are held before they become a file.
    pub new_bytes: usize,
    /// Most files that a manifest lists; more are joined.
    pub max_files: usize,
    /// Ranges with less than this between them are asked for at once.
    pub gap: u64,
    /// How often a write of the manifest is tried when others write it too, or answers get lost.
    pub attempts: usize,
    /// How long to wait before the second attempt; more before each that follows.
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            kept_bytes: 64 << 20,
            new_bytes: 128 << 20,
            max_files: 256,
            gap: 32 << 10,
            attempts: 12,
            pause: Duration::from_millis(50),
        }
    }
}

/// What was asked of the object store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests that read.
    pub reads: u64,
    /// Bytes that they gave.
    pub bytes_read: u64,
    /// Objects that were written.
    pub writes: u64,
}

/// Files of this size and more are written in parts.
const PART: usize = 8 << 20;
/// Parts, or files, on their way at once.
const AT_ONCE: usize = 8;
/// A manifest longer than this is none.
const MAX_MANIFEST: u64 = 64 << 20;
const MANIFEST: &str = "manifest";
const PROBE: &str = "conditional-write-probe";

/// Threads that wait for answers, shared by all stores.
fn runtime() -> chunks::Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("object-store")
            .enable_all()
            .build()
            .map_err(|e| e.to_string())
    });
    made.as_ref().map_err(|e| {
        let source = std::io::Error::other(e.clone());
        ChunkError::io("start threads for", FilePath::new("object store"), source)
    })
}

/// The object store, and where in it.
pub(crate) struct Remote {
    pub blobs: Arc<dyn ObjectStore>,
    prefix: Path,
    url: String,
    gap: u64,
    runtime: &'static Runtime,
    reads: AtomicU64,
    bytes_read: AtomicU64,
    writes: AtomicU64,
}

impl Remote {
    pub fn object(&self, name: &str) -> Path {
        self.prefix.child(name)
    }

    pub fn error(&self, action: &'static str, object: &Path, source: object_store::Error) -> Error {
        let name = object.filename().unwrap_or_default();
        Error::Remote {
            action,
            url: format!("{}/{name}", self.url.trim_end_matches('/')),
            source,
        }
    }

    pub fn count_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_bytes(&self, n: usize) {
        self.bytes_read.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Parts of an object, in the order in which they are asked for; those that lie near each
    /// other come with one request.
    pub fn ranges(&self, object: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let fetch = |range: Range<u64>| async move {
            self.count_read();
            let wanted = range.end - range.start;
            let bytes = self.blobs.get_range(object, range).await?;
            if bytes.len() as u64 != wanted {
                return Err(object_store::Error::Generic {
                    store: "object",
                    source: format!("{} of {wanted} bytes came", bytes.len()).into(),
                });
            }
            self.count_bytes(bytes.len());
            Ok(bytes)
        };
        let parts = object_store::coalesce_ranges(ranges, fetch, self.gap);
        self.runtime
            .block_on(parts)
            .map_err(|e| self.error("read", object, e))
    }

    /// The manifest with what a conditional write needs; none in an empty store.
    async fn manifest(&self) -> Result<Option<(Manifest, UpdateVersion)>> {
        let name = self.object(MANIFEST);
        self.count_read();
        let failed = |e| self.error("read", &name, e);
        let answer = match self.blobs.get_opts(&name, GetOptions::default()).await {
            Ok(answer) => answer,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        let bad = |reason: &str| {
            Error::Chunks(ChunkError::BadManifest {
                path: PathBuf::from(name.as_ref()),
                reason: reason.to_owned(),
            })
        };
        if answer.meta.size > MAX_MANIFEST {
            return Err(bad("too long"));
        }
        let version = UpdateVersion {
            e_tag: answer.meta.e_tag.clone(),
            version: answer.meta.version.clone(),
        };
        let size = answer.meta.size;
        let bytes = answer.bytes().await.map_err(failed)?;
        if bytes.len() as u64 != size {
            return Err(bad("it came incomplete"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| bad("not text"))?;
        let manifest = Manifest::parse(text, FilePath::new(name.as_ref()))?;
        Ok(Some((manifest, version)))
    }

    /// Writes the manifest if it still is what `seen` says.
    async fn put_manifest(
        &self,
        manifest: &Manifest,
        seen: Option<UpdateVersion>,
    ) -> object_store::Result<UpdateVersion> {
        let mode = seen.map_or(PutMode::Create, PutMode::Update);
        let options = PutOptions {
            mode,
            ..PutOptions::default()
        };
        self.writes.fetch_add(1, Ordering::Relaxed);
        let payload = PutPayload::from(manifest.print().into_bytes());
        let name = self.object(MANIFEST);
        let done = self.blobs.put_opts(&name, payload, options).await?;
        Ok(UpdateVersion {
            e_tag: done.e_tag,
            version: done.version,
        })
    }

    /// Puts a finished file of this machine where its name says; what lies there already under
    /// that name is the same.
    fn upload(&self, dir: &FilePath, spec: Spec) -> Result<()> {
        let path = dir.join(spec.name.to_string());
        let io = |e| Error::Chunks(ChunkError::io("read", &path, e));
        let name = self.object(&spec.name.to_string());
        let size = std::fs::metadata(&path).map_err(io)?.len();
        self.writes.fetch_add(1, Ordering::Relaxed);
        let failed = |e| self.error("write", &name, e);
        if size <= PART as u64 {
            let bytes = std::fs::read(&path).map_err(io)?;
            let put = self.blobs.put(&name, PutPayload::from(bytes));
            self.runtime.block_on(put).map_err(failed)?;
        } else {
            let file = std::fs::File::open(&path).map_err(io)?;
            let begun = self.runtime.block_on(self.blobs.put_multipart(&name));
            let mut parts = WriteMultipart::new_with_chunk_size(begun.map_err(failed)?, PART);
            let mut reader = std::io::BufReader::with_capacity(PART, file);
            let sent = self.runtime.block_on(async {
                loop {
                    let part = std::io::BufRead::fill_buf(&mut reader).map_err(io)?;
                    if part.is_empty() {
                        break;
                    }
                    parts.wait_for_capacity(AT_ONCE).await.map_err(failed)?;
                    parts.write(part);
                    let n = part.len();
                    std::io::BufRead::consume(&mut reader, n);
                }
                parts.finish().await.map_err(failed)?;
                Ok::<(), Error>(())
            });
            sent?;
        }
        let _ = std::fs::remove_file(&path);
        Ok(())
    }

    /// Fails where the store takes no notice of conditions: two writers would lose each other's
    /// commits there.
    async fn probe(&self) -> Result<()> {
        let name = self.object(PROBE);
        let create = || {
            self.writes.fetch_add(1, Ordering::Relaxed);
            let options = PutOptions::from(PutMode::Create);
            self.blobs
                .put_opts(&name, PutPayload::from_static(b"probe"), options)
        };
        for _ in 0..2 {
            match create().await {
                Ok(_) => {}
                Err(object_store::Error::AlreadyExists { .. }) => {
                    // What is left of it is harmless, and as good for the next probe.
                    let _ = self.blobs.delete(&name).await;
                    return Ok(());
                }
                Err(e) => return Err(self.error("write", &name, e)),
            }
        }
        let _ = self.blobs.delete(&name).await;
        let source = "it overwrites an object that was to be created only if absent, so writers \
                      would lose each other's commits; this object store cannot be used";
        Err(self.error(
            "test conditional writes with",
            &name,
            object_store::Error::Generic {
                store: "object",
                source: source.into(),
            },
        ))
    }
}

struct State {
    manifest: Manifest,
    /// What the next write of the manifest is conditional on; none where there is none yet.
    version: Option<UpdateVersion>,
    /// The files of the manifest, and those that are not in it yet.
    files: Arc<Vec<Arc<RemoteFile>>>,
    unlisted: Vec<Spec>,
    chunks: HashMap<Chunk>,
    order: Vec<Hash>,
    bytes: usize,
}

/// Chunks in an object store. Several processes may use it at once.
pub struct ObjectChunks {
    remote: Remote,
    options: Options,
    state: Mutex<State>,
    /// Held by who writes.
    writing: Mutex<()>,
    kept: Kept,
    scratch: Scratch,
}

/// A directory of this machine for files that are being made.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> chunks::Result<Scratch> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dolt-objects-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).map_err(|e| ChunkError::io("create", &dir, e))?;
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl ObjectChunks {
    /// Opens the store under a prefix; `url` names it in errors.
    pub fn open(
        blobs: Arc<dyn ObjectStore>,
        prefix: Path,
        url: &str,
        options: Options,
    ) -> chunks::Result<ObjectChunks> {
        let remote = Remote {
            blobs,
            prefix,
            url: url.split('?').next().unwrap_or(url).to_owned(),
            gap: options.gap,
            runtime: runtime()?,
            reads: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        };
        let store = ObjectChunks {
            remote,
            options,
            state: Mutex::new(State {
                manifest: Manifest::default(),
                version: None,
                files: Arc::default(),
                unlisted: Vec::new(),
                chunks: HashMap::default(),
                order: Vec::new(),
                bytes: 0,
            }),
            writing: Mutex::default(),
            kept: Kept::new(options.kept_bytes),
            scratch: Scratch::new()?,
        };
        store.rebase()?;
        Ok(store)
    }

    /// What has been asked of the object store so far.
    pub fn counters(&self) -> Counters {
        Counters {
            reads: self.remote.reads.load(Ordering::Relaxed),
            bytes_read: self.remote.bytes_read.load(Ordering::Relaxed),
            writes: self.remote.writes.load(Ordering::Relaxed),
        }
    }

    /// The manifest as last read or written.
    pub fn manifest(&self) -> Manifest {
        self.lock().manifest.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the files of these names that are not open yet.
    fn open_files(&self, specs: &[Spec]) -> Result<Arc<Vec<Arc<RemoteFile>>>> {
        let known = self.lock().files.clone();
        let opened = stream::iter(specs.iter().copied().map(|spec| {
            let open = known.iter().find(|f| f.spec.name == spec.name).cloned();
            let remote = &self.remote;
            async move {
                match open {
                    Some(file) => Ok(file),
                    None => RemoteFile::open(remote, spec).await.map(Arc::new),
                }
            }
        }));
        let all = opened.buffered(AT_ONCE).try_collect::<Vec<_>>();
        Ok(Arc::new(self.remote.runtime.block_on(all)?))
    }

    /// Takes over a manifest that was read or written.
    fn adopt(&self, manifest: Manifest, version: Option<UpdateVersion>) -> Result<()> {
        let mut specs = manifest.specs.clone();
        for spec in &self.lock().unlisted {
            if !specs.iter().any(|s| s.name == spec.name) {
                specs.push(*spec);
            }
        }
        let files = self.open_files(&specs)?;
        let mut state = self.lock();
        state.manifest = manifest;
        state.version = version;
        state.files = files;
        Ok(())
    }

    /// Makes a file of the chunks that were put; they stay readable all the time.
    fn flush(&self) -> Result<()> {
        let chunks: Vec<Chunk> = {
            let state = self.lock();
            let chunks = state.order.iter().filter_map(|h| state.chunks.get(h));
            chunks.cloned().collect()
        };
        if chunks.is_empty() {
            return Ok(());
        }
        let spec = write_table_file(&Directory::local(&self.scratch.0), &chunks)?;
        self.remote.upload(&self.scratch.0, spec)?;
        self.add_unlisted(&[spec])?;
        let mut state = self.lock();
        for chunk in &chunks {
            if state.chunks.remove(&chunk.hash()).is_some() {
                state.bytes -= chunk.bytes().len();
            }
        }
        let State { chunks, order, .. } = &mut *state;
        order.retain(|h| chunks.contains_key(h));
        Ok(())
    }

    fn add_unlisted(&self, specs: &[Spec]) -> Result<()> {
        let mut names: Vec<Spec> = self.lock().files.iter().map(|f| f.spec).collect();
        names.extend_from_slice(specs);
        names.sort_by_key(|s| s.name);
        names.dedup_by_key(|s| s.name);
        let files = self.open_files(&names)?;
        let mut state = self.lock();
        state.files = files;
        for spec in specs {
            if !state.unlisted.iter().any(|s| s.name == spec.name) {
                state.unlisted.push(*spec);
            }
        }
        Ok(())
    }

    /// Brings the manifest's files and root up to date, if `next` accepts the root that it has.
    /// The caller holds `writing`.
    fn update(&self, next: impl Fn(Hash) -> Option<Hash>) -> Result<bool> {
        let (mut current, mut version) = {
            let state = self.lock();
            (state.manifest.clone(), state.version.clone())
        };
        let generation = current.gc_generation;
        if version.is_none() {
            self.remote.runtime.block_on(self.remote.probe())?;
        }
        let mut pause = self.options.pause;
        let mut failure = None;
        for _ in 0..self.options.attempts.max(1) {
            let Some(root) = next(current.root) else {
                self.adopt(current, version)?;
                return Ok(false);
            };
            let unlisted = self.lock().unlisted.clone();
            let mut new = current.clone();
            new.root = root;
            for spec in &unlisted {
                if !new.specs.iter().any(|s| s.name == spec.name) {
                    new.specs.push(*spec);
                }
            }
            if new.specs.len() > self.options.max_files {
                self.join(&mut new)?;
            }
            let new = new.sealed();
            let put = self.remote.put_manifest(&new, version.clone());
            let failed = match self.remote.runtime.block_on(put) {
                Ok(version) => {
                    self.listed(&unlisted);
                    self.adopt(new, Some(version))?;
                    return Ok(true);
                }
                Err(e) => e,
            };
            // Refused, or unknown: what is there now says which.
            let there = self.remote.runtime.block_on(self.remote.manifest())?;
            let (there, seen) = match there {
                Some((manifest, seen)) => (manifest, Some(seen)),
                None => (Manifest::default(), None),
            };
            let holds_files = unlisted
                .iter()
                .all(|u| there.specs.iter().any(|s| s.name == u.name));
            if there.lock == new.lock || (there.root == root && holds_files) {
                self.listed(&unlisted);
                self.adopt(there, seen)?;
                return Ok(true);
            }
            if there.gc_generation != generation {
                return Err(ChunkError::GcGenerationExpired.into());
            }
            let unchanged = there == current;
            (current, version) = (there, seen);
            if unchanged || next(current.root).is_some() {
                failure = Some(failed);
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_secs(5));
            }
        }
        let name = self.remote.object(MANIFEST);
        Err(match failure {
            Some(e) => self.remote.error("write", &name, e),
            None => ChunkError::LockTimeout(PathBuf::from(name.as_ref())).into(),
        })
    }

    fn listed(&self, specs: &[Spec]) {
        let mut state = self.lock();
        let listed = |spec: &Spec| specs.iter().any(|s| s.name == spec.name);
        state.unlisted.retain(|spec| !listed(spec));
    }

    /// Replaces small files of a manifest by one; the old ones stay for those who read them.
    fn join(&self, manifest: &mut Manifest) -> Result<()> {
        let files = self.open_files(&manifest.specs)?;
        let chosen = conjoin::choose(&files, self.options.max_files);
        if chosen.len() < 2 {
            return Ok(());
        }
        let spec = conjoin::join(&self.remote, &chosen, &self.scratch.0)?;
        self.remote.upload(&self.scratch.0, spec)?;
        let gone = |s: &Spec| chosen.iter().any(|f| f.spec.name == s.name);
        manifest.specs.retain(|s| !gone(s));
        manifest.specs.push(spec);
        Ok(())
    }

    /// Chunks that lie in files, by what file has them.
    fn read(&self, wanted: &[Hash]) -> Result<HashMap<Chunk>> {
        let files = self.lock().files.clone();
        let mut by_file: BTreeMap<usize, Vec<Hash>> = BTreeMap::new();
        for hash in wanted {
            for (i, file) in files.iter().enumerate() {
                if file.has(hash)? {
                    by_file.entry(i).or_default().push(*hash);
                    break;
                }
            }
        }
        let mut found = HashMap::default();
        for (i, hashes) in by_file {
            for chunk in files[i].read(&self.remote, &hashes)? {
                self.kept.insert(&chunk);
                found.insert(chunk.hash(), chunk);
            }
        }
        Ok(found)
    }

    fn at_hand(&self, hash: &Hash) -> Option<Chunk> {
        let put = self.lock().chunks.get(hash).cloned();
        put.or_else(|| self.kept.get(hash))
    }
}

impl ChunkStore for ObjectChunks {
    fn get(&self, hash: &Hash) -> chunks::Result<Option<Chunk>> {
        match self.at_hand(hash) {
            Some(chunk) => Ok(Some(chunk)),
            None => Ok(self.read(&[*hash])?.remove(hash)),
        }
    }

    fn get_many(&self, hashes: &[Hash]) -> chunks::Result<Vec<Option<Chunk>>> {
        let mut out: Vec<Option<Chunk>> = hashes.iter().map(|h| self.at_hand(h)).collect();
        let mut wanted: Vec<Hash> = hashes
            .iter()
            .zip(&out)
            .filter(|(_, found)| found.is_none())
            .map(|(hash, _)| *hash)
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found = self.read(&wanted)?;
        for (hash, slot) in hashes.iter().zip(&mut out) {
            if slot.is_none() {
                *slot = found.get(hash).cloned();
            }
        }
        Ok(out)
    }

    fn has(&self, hash: &Hash) -> chunks::Result<bool> {
        let files = {
            let state = self.lock();
            if state.chunks.contains_key(hash) {
                return Ok(true);
            }
            state.files.clone()
        };
        for file in files.iter() {
            if file.has(hash)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn put(&self, chunk: Chunk) -> chunks::Result<()> {
        if chunk.bytes().is_empty() {
            return Err(ChunkError::EmptyChunk);
        }
        let (hash, size) = (chunk.hash(), chunk.bytes().len());
        if self.has(&hash)? {
            return Ok(());
        }
        let full = {
            let mut state = self.lock();
            if state.chunks.insert(hash, chunk).is_none() {
                state.order.push(hash);
                state.bytes += size;
            }
            state.bytes > self.options.new_bytes
        };
        if full {
            let _writing = self.lock_writing();
            self.flush()?;
        }
        Ok(())
    }

    fn root(&self) -> chunks::Result<Hash> {
        Ok(self.lock().manifest.root)
    }

    fn append_root(&self, new: Hash, last: Hash) -> chunks::Result<Option<Lsn>> {
        let _writing = self.lock_writing();
        if self.lock().manifest.root != last {
            return Ok(None);
        }
        self.flush()?;
        let accepted = self.update(|root| (root == last).then_some(new))?;
        Ok(accepted.then_some(0))
    }

    fn sync(&self, _lsn: Lsn) -> chunks::Result<()> {
        // The manifest's write was answered when it returned.
        Ok(())
    }

    fn rebase(&self) -> chunks::Result<()> {
        let read = self.remote.runtime.block_on(self.remote.manifest())?;
        let (manifest, version) = match read {
            Some((manifest, version)) => (manifest, Some(version)),
            None => (Manifest::default(), None),
        };
        Ok(self.adopt(manifest, version)?)
    }

    fn begin_file(&self) -> chunks::Result<Box<dyn ChunkFile + '_>> {
        Ok(Box::new(Outgoing {
            store: self,
            writer: TableWriter::create(&Directory::local(&self.scratch.0))?,
        }))
    }

    fn list_files(&self, files: &[Spec]) -> chunks::Result<()> {
        let _writing = self.lock_writing();
        self.add_unlisted(files)?;
        self.update(Some)?;
        Ok(())
    }
}

/// A file that is made here and sent when it is finished.
struct Outgoing<'s> {
    store: &'s ObjectChunks,
    writer: TableWriter,
}

impl ChunkFile for Outgoing<'_> {
    fn append(&mut self, chunk: &Chunk) -> chunks::Result<()> {
        self.writer.append(chunk)
    }

    fn size(&self) -> u64 {
        self.writer.file_size()
    }

    fn finish(self: Box<Self>) -> chunks::Result<Spec> {
        let spec = self.writer.finish()?;
        self.store.remote.upload(&self.store.scratch.0, spec)?;
        Ok(spec)
    }
}
