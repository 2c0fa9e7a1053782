//! Golden data: cases of chunks, and directories.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use chunks::{Chunk, ChunkStore};
use model::{Database, Objects, OpenOptions};

/// Where the golden data is; none if it is not on this machine.
pub fn golden() -> Option<PathBuf> {
    let shared = std::env::var_os("DOLT_RS_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let golden = shared.join("golden");
    if golden.is_dir() {
        return Some(golden);
    }
    println!("skipped: no golden data in {}", golden.display());
    None
}

pub fn read_only() -> OpenOptions {
    let mut options = OpenOptions::default();
    options.chunks.read_only = true;
    options
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    all.sort();
    all
}

/// Cases that list their chunks.
pub fn cases(golden: &Path) -> Vec<PathBuf> {
    entries(&golden.join("cases"))
        .into_iter()
        .filter(|p| p.join("chunks.jsonl.gz").exists())
        .collect()
}

/// The chunks of a case, in a store of their own.
pub fn load_case(case: &Path) -> (Objects, Vec<Chunk>) {
    let text = Command::new("gzip")
        .arg("-dc")
        .arg(case.join("chunks.jsonl.gz"))
        .output()
        .unwrap();
    assert!(text.status.success(), "gzip of {}", case.display());
    let objects = Objects::in_memory();
    let mut chunks = Vec::new();
    for line in text.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        let chunk = Chunk::new(Bytes::from(base64(line["data"].as_str().unwrap())));
        assert_eq!(chunk.hash().to_string(), line["hash"].as_str().unwrap());
        objects.nodes().chunks().put(chunk.clone()).unwrap();
        chunks.push(chunk);
    }
    (objects, chunks)
}

fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut n) = (0u32, 0);
    for c in text.bytes().filter(|c| *c != b'=') {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(digit);
        n += 6;
        if n >= 8 {
            n -= 8;
            out.push((bits >> n) as u8);
        }
    }
    out
}

/// An unpacked database directory, removed when dropped.
pub struct Unpacked {
    dir: PathBuf,
    name: String,
}

impl Unpacked {
    pub fn path(&self) -> &Path {
        &self.dir
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if let Some(parent) = self.dir.parent() {
            let _ = std::fs::remove_dir_all(parent);
        }
    }
}

/// The database directories, unpacked one after the other.
pub fn databases(golden: &Path) -> impl Iterator<Item = Unpacked> {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    entries(&golden.join("dbs"))
        .into_iter()
        .filter_map(|archive| {
            let name = archive
                .file_name()?
                .to_str()?
                .strip_suffix(".tar.gz")?
                .to_owned();
            let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let parent =
                std::env::temp_dir().join(format!("model-golden-{}-{n}", std::process::id()));
            // Numbers of processes come again.
            let _ = std::fs::remove_dir_all(&parent);
            std::fs::create_dir_all(&parent).unwrap();
            let status = Command::new("tar")
                .arg("xzf")
                .arg(&archive)
                .arg("-C")
                .arg(&parent)
                .status();
            assert!(status.unwrap().success(), "tar of {}", archive.display());
            Some(Unpacked {
                dir: parent.join(&name),
                name,
            })
        })
}

pub fn all_chunks(db: &Database) -> Vec<Chunk> {
    let files = db.file_store().unwrap();
    files
        .hashes()
        .unwrap()
        .iter()
        .filter_map(|h| files.get(h).unwrap())
        .collect()
}
