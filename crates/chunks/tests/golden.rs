//! Databases that Dolt wrote open, and every chunk in them has its hash.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use chunks::{ChunkStore, FileStore, Hash, OpenOptions};

fn shared() -> Option<PathBuf> {
    let dir = std::env::var_os("DOLT_RS_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    if !dir.join("golden").is_dir() {
        println!("skipped: {} has no golden data", dir.display());
        return None;
    }
    Some(dir)
}

fn unpack(shared: &Path, to: &Path) {
    for entry in std::fs::read_dir(shared.join("golden/dbs")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".tar.gz") {
            let status = Command::new("tar")
                .args(["xzf"])
                .arg(&path)
                .arg("-C")
                .arg(to)
                .status()
                .unwrap();
            assert!(status.success());
        }
    }
}

fn stores(dir: &Path, found: &mut Vec<PathBuf>) {
    if dir.join("manifest").is_file() && !dir.ends_with("oldgen") {
        found.push(dir.to_owned());
    }
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            stores(&path, found);
        }
    }
}

fn temp(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("golden-{name}-{}", std::process::id()));
    // Numbers of processes come again.
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn every_chunk_of_every_database_has_its_hash() {
    let Some(shared) = shared() else { return };
    let dir = temp("hashes");
    unpack(&shared, &dir);
    let mut dirs = Vec::new();
    stores(&dir, &mut dirs);
    assert!(dirs.len() > 20, "{dirs:?}");
    let mut total = 0;
    for dir in &dirs {
        for read_only in [true, false] {
            let options = OpenOptions {
                read_only,
                ..Default::default()
            };
            let store = FileStore::open(dir, options).unwrap();
            assert_eq!(store.is_read_only(), read_only);
            assert_eq!(store.warning(), None);
            let hashes = store.hashes().unwrap();
            assert!(!hashes.is_empty());
            for hash in &hashes {
                let chunk = store.get(hash).unwrap().expect("listed");
                assert!(chunk.is_intact(), "{} {hash}", dir.display());
            }
            total += hashes.len();
            assert!(store.get(&store.root().unwrap()).unwrap().is_some());
            assert!(!store.has(&Hash::of(b"absent")).unwrap());
            for ghost in store.ghosts().iter() {
                assert!(store.has(ghost).unwrap() && store.get(ghost).unwrap().is_none());
            }
        }
    }
    println!("{total} chunks in {} stores", dirs.len());
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_independent_reader_reads_what_is_written() {
    let Some(shared) = shared() else { return };
    let dir = temp("independent");
    let noms = dir.join(".dolt/noms");
    let store = FileStore::create(&noms, OpenOptions::default()).unwrap();
    let mut last = Hash::EMPTY;
    for n in 0..200u32 {
        // A message whose kind the reader does not interpret.
        let mut bytes = vec![27, 0, 0, 0, 12, 0, 0, 0];
        bytes.extend_from_slice(b"TUPL");
        bytes.extend_from_slice(&[8, 0, 8, 0, 4, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(format!("value {n} ").repeat(n as usize % 17).as_bytes());
        let len = bytes.len() as u32 - 4;
        bytes[1..4].copy_from_slice(&len.to_be_bytes()[1..]);
        let chunk = chunks::Chunk::new(bytes);
        store.put(chunk.clone()).unwrap();
        if n % 3 == 0 {
            assert!(store.commit(chunk.hash(), last).unwrap());
            last = chunk.hash();
        }
    }
    store.close().unwrap();
    drop(store);
    let output = Command::new("python3")
        .arg(shared.join("tools/doltfmt/chunkstore.py"))
        .args(["verify"])
        .arg(&dir)
        .output();
    match output {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}");
            println!("{text}");
        }
        Err(e) => println!("skipped: no python3 ({e})"),
    }
    std::fs::remove_dir_all(dir).unwrap();
}
