//! An object store in memory whose requests go wrong, by a seeded generator.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Requests that fail before they do anything, or after; that are slow; answers that are cut or
/// altered.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<InMemory>,
    /// Of 1000 requests, how many go wrong in each way.
    per_mille: u64,
    random: AtomicU64,
    /// Takes no notice of conditions.
    pub unconditional: AtomicBool,
    /// How often a request went wrong.
    pub faults: AtomicU64,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty memory")
    }
}

impl Faulty {
    /// Over objects that others may share.
    pub fn new(inner: Arc<InMemory>, seed: u64, per_mille: u64) -> Faulty {
        Faulty {
            inner,
            per_mille,
            random: AtomicU64::new(seed | 1),
            unconditional: AtomicBool::new(false),
            faults: AtomicU64::new(0),
        }
    }

    fn number(&self) -> u64 {
        let step = |x: u64| {
            let x = x ^ x << 13;
            let x = x ^ x >> 7;
            x ^ x << 17
        };
        let before = self
            .random
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |x| Some(step(x)));
        step(before.unwrap_or(1))
    }

    fn goes_wrong(&self) -> bool {
        let wrong = self.number() % 1000 < self.per_mille;
        self.faults.fetch_add(wrong.into(), Ordering::Relaxed);
        wrong
    }

    async fn wait(&self) {
        if self.per_mille > 0 {
            let micros = self.number() % 1500;
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
    }

    fn failure(&self) -> Error {
        let text = ["503 Slow Down", "500 Internal Error", "operation timed out"];
        Error::Generic {
            store: "faulty",
            source: text[self.number() as usize % text.len()].into(),
        }
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        self.wait().await;
        if self.goes_wrong() {
            return Err(self.failure());
        }
        if self.unconditional.load(Ordering::Relaxed) {
            options = PutOptions::default();
        }
        let done = self.inner.put_opts(at, payload, options).await?;
        self.wait().await;
        // It was done, and nobody hears of it.
        if self.goes_wrong() {
            return Err(self.failure());
        }
        Ok(done)
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.wait().await;
        if self.goes_wrong() {
            return Err(self.failure());
        }
        // Chunks are held against their addresses. Manifest and indexes carry no checksum, so that
        // the transport has to vouch for what comes whole.
        let alters = matches!(options.range, Some(GetRange::Bounded(_)));
        let answer = self.inner.get_opts(at, options).await?;
        if !self.goes_wrong() {
            return Ok(answer);
        }
        let (meta, range, attributes) = (
            answer.meta.clone(),
            answer.range.clone(),
            answer.attributes.clone(),
        );
        let mut bytes = answer.bytes().await?.to_vec();
        let at = self.number() as usize % bytes.len().max(1);
        match self.number() % 2 {
            1 if !alters => bytes.truncate(at),
            0 => bytes.truncate(at),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 0x10;
                }
            }
        }
        let body = stream::once(async move { Ok(Bytes::from(bytes)) });
        Ok(GetResult {
            payload: GetResultPayload::Stream(body.boxed()),
            meta,
            range,
            attributes,
        })
    }

    async fn delete(&self, at: &Path) -> Result<()> {
        self.inner.delete(at).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        self.inner.copy(from, to).await
    }

    async fn copy_if_not_exists(&self, from: &Path, to: &Path) -> Result<()> {
        self.inner.copy_if_not_exists(from, to).await
    }
}
