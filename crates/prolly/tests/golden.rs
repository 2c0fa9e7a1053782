//! Every tree in every database that Dolt wrote is built again from its items, with the same
//! root.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chunks::{Chunk, ChunkStore, FileStore, Hash, MemoryStore, OpenOptions};
use prolly::{
    AddressMap, CommitClosure, ItemAddresses, Node, NodeFormat, NodeKind, NodeStore, TreeBuilder,
    blob, json_document, references,
};
use serial::{FileId, Table};
use values::{Encoding, FieldDesc, TupleDesc};

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

/// A descriptor of tuples with these encodings.
fn layout(encodings: &[u8]) -> Arc<dyn ItemAddresses> {
    let field = |e: &u8| FieldDesc::new(Encoding::from_u8(*e).unwrap(), true);
    Arc::new(TupleDesc::new(encodings.iter().map(field).collect()))
}

/// Encodings of the clustered index's key and value; virtual columns are listed, not stored.
fn encodings(schema: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let t = Table::root(schema, 8).unwrap();
    let columns: Vec<Option<u8>> = t
        .tables(0, 17)
        .unwrap()
        .iter()
        .map(|c| (!c.bool(12, false).unwrap()).then(|| c.u8(6, 0).unwrap()))
        .collect();
    let index = t.table(1, 15).unwrap().unwrap();
    let of = |slot| {
        let positions = index.u16s(slot).unwrap().unwrap_or_default();
        positions
            .iter()
            .filter_map(|i| columns[*i as usize])
            .collect()
    };
    (of(3), of(4))
}

fn leaves(store: &NodeStore, node: &Arc<Node>, out: &mut Vec<Arc<Node>>) {
    if node.is_leaf() {
        out.push(node.clone());
        return;
    }
    for i in 0..node.len() {
        leaves(store, &store.read(&node.child(i)).unwrap(), out);
    }
}

/// Every node below, with its parent's path of levels checked.
fn nodes(store: &NodeStore, node: &Arc<Node>, out: &mut Vec<Hash>) {
    for i in 0..node.len() * usize::from(!node.is_leaf()) {
        out.push(node.child(i));
        nodes(store, &store.read(&node.child(i)).unwrap(), out);
    }
}

#[derive(Default)]
struct Tally(BTreeMap<&'static str, (usize, u64)>);

fn rebuild(
    what: &'static str,
    store: &NodeStore,
    root: &Arc<Node>,
    format: &NodeFormat,
    tally: &mut Tally,
) {
    let mut found = Vec::new();
    leaves(store, root, &mut found);
    let target = Arc::new(MemoryStore::new());
    let rebuilt = NodeStore::new(target.clone(), 16 << 20);
    let mut builder = TreeBuilder::new(&rebuilt, format);
    let mut items = 0;
    for leaf in &found {
        for i in 0..leaf.len() {
            builder.append(leaf.key(i), leaf.value(i)).unwrap();
            items += 1;
        }
    }
    let new = builder.finish().unwrap();
    assert_eq!(new.hash(), root.hash(), "{what} {}", root.hash());
    assert_eq!(items, root.tree_count());
    assert_eq!(root.tree_count(), root.stated_tree_count());
    let mut inner = Vec::new();
    nodes(store, root, &mut inner);
    for hash in inner {
        assert!(target.has(&hash).unwrap());
    }
    let entry = tally.0.entry(what).or_default();
    entry.0 += 1;
    entry.1 += items;
}

fn check_object(store: &NodeStore, chunk: &Chunk, seen: &mut HashSet<Hash>, tally: &mut Tally) {
    let bytes = chunk.bytes();
    let root = |t: &Table<'_>, slot| t.bytes(slot).unwrap().map(<[u8]>::to_vec);
    let embedded = |b: Vec<u8>| Arc::new(Node::embedded(b).unwrap());
    match serial::file_id(bytes).unwrap() {
        FileId::COMMIT => {
            let t = Table::root(bytes, 12).unwrap();
            let closure = Hash::from_slice(t.bytes(3).unwrap().unwrap()).unwrap();
            if !closure.is_empty() && seen.insert(closure) {
                let node = store.read(&closure).unwrap();
                rebuild("closures", store, &node, &NodeFormat::CommitClosure, tally);
                check_closure(store, &t, &closure);
            }
        }
        FileId::ROOT_VALUE | FileId::STORE_ROOT => {
            let rtvl = serial::file_id(bytes) == Some(FileId::ROOT_VALUE);
            let t = Table::root(bytes, 5).unwrap();
            if let Some(map) = root(&t, usize::from(rtvl)) {
                let node = embedded(map.clone());
                if seen.insert(node.hash()) {
                    rebuild("address maps", store, &node, &NodeFormat::AddressMap, tally);
                    let map = AddressMap::from_embedded(store.clone(), map).unwrap();
                    for entry in map.iter().unwrap() {
                        let (name, address) = entry.unwrap();
                        assert_eq!(map.get(&name).unwrap(), Some(address));
                    }
                }
            }
        }
        FileId::TABLE => {
            let t = Table::root(bytes, 7).unwrap();
            let schema = Hash::from_slice(t.bytes(0).unwrap().unwrap()).unwrap();
            let (keys, values) = encodings(store.read_chunk(&schema).unwrap().bytes());
            let rows = embedded(root(&t, 1).unwrap());
            if seen.insert(rows.hash()) {
                let format = NodeFormat::Rows(layout(&values));
                rebuild("tables", store, &rows, &format, tally);
            }
            if let Some(map) = root(&t, 2).filter(|m| !m.is_empty()) {
                let map = AddressMap::from_embedded(store.clone(), map).unwrap();
                for entry in map.iter().unwrap() {
                    let node = store.read(&entry.unwrap().1).unwrap();
                    if seen.insert(node.hash()) && node.kind() == NodeKind::Rows {
                        rebuild("indexes", store, &node, &NodeFormat::plain_rows(), tally);
                    }
                }
            }
            let artifacts = t.bytes(6).unwrap().and_then(Hash::from_slice);
            if let Some(hash) = artifacts.filter(|h| !h.is_empty())
                && seen.insert(hash)
            {
                let mut keys = keys;
                keys.extend_from_slice(&[22, 2, 129]);
                let node = store.read(&hash).unwrap();
                let format = NodeFormat::Artifacts(layout(&keys));
                rebuild("artifacts", store, &node, &format, tally);
            }
        }
        _ => {}
    }
}

/// A commit's closure follows from its parents' closures.
fn check_closure(store: &NodeStore, commit: &Table<'_>, closure: &Hash) {
    let parents = commit.bytes(2).unwrap().unwrap_or_default();
    let parents: Option<Vec<_>> = parents
        .chunks_exact(20)
        .map(|p| {
            let hash = Hash::from_slice(p).unwrap();
            let chunk = store.chunks().get(&hash).unwrap()?;
            let t = Table::root(chunk.bytes(), 12).unwrap();
            let theirs = Hash::from_slice(t.bytes(3).unwrap().unwrap()).unwrap();
            let key = prolly::ClosureKey {
                height: t.u64(1, 0).unwrap(),
                commit: hash,
            };
            Some((key, CommitClosure::open(store.clone(), &theirs).unwrap()))
        })
        .collect();
    // A shallow clone has no parents to compare with.
    let Some(parents) = parents else { return };
    let expected = CommitClosure::open(store.clone(), closure).unwrap();
    let new = CommitClosure::of_parents(store, &parents).unwrap();
    assert_eq!(new.save().unwrap(), *closure);
    let all: Vec<_> = expected.descending().unwrap().map(|k| k.unwrap()).collect();
    assert_eq!(all.len() as u64, expected.len());
    assert!(all.is_sorted_by(|a, b| a > b));
    for (key, _) in &parents {
        assert!(expected.contains(key).unwrap());
        assert!(expected.at_height(key.height).unwrap().contains(key));
    }
}

fn check_blobs(store: &NodeStore, blobs: &[Hash], below: &HashSet<Hash>, tally: &mut Tally) {
    for hash in blobs.iter().filter(|h| !below.contains(*h)) {
        let node = store.read(hash).unwrap();
        if node.is_empty() {
            continue; // A stray of the writer (spec 02 §14).
        }
        let bytes = blob::read(store, hash, 64 << 20).unwrap();
        let again = NodeStore::in_memory();
        let new = blob::write(&again, &bytes).unwrap();
        let as_json = json_document::write(&again, &bytes);
        assert!(new == *hash || as_json.is_ok_and(|h| h == *hash), "{hash}");
        let entry = tally.0.entry("blobs").or_default();
        entry.0 += 1;
        entry.1 += bytes.len() as u64;
    }
}

fn check_chunks(store: &NodeStore, hashes: &[Hash], seen: &mut HashSet<Hash>, tally: &mut Tally) {
    let mut blobs = Vec::new();
    let mut below = HashSet::new();
    for hash in hashes {
        let chunk = store.read_chunk(hash).unwrap();
        let references = references::of_chunk(&chunk.shared()).unwrap();
        match serial::file_id(chunk.bytes()) {
            Some(FileId::BLOB) => {
                blobs.push(*hash);
                below.extend(references);
            }
            _ => {
                let complete = references
                    .iter()
                    .all(|h| store.chunks().get(h).unwrap().is_some());
                if complete {
                    check_object(store, &chunk, seen, tally);
                }
            }
        }
    }
    check_blobs(store, &blobs, &below, tally);
}

#[test]
fn every_tree_of_every_database() {
    let Some(shared) = shared() else { return };
    let dir = std::env::temp_dir().join(format!("golden-trees-{}", std::process::id()));
    // Numbers of processes come again.
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let mut tally = Tally::default();
    let mut seen = HashSet::new();
    for entry in std::fs::read_dir(shared.join("golden/dbs")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".tar.gz") {
            continue;
        }
        let status = Command::new("tar")
            .arg("xzf")
            .arg(&path)
            .arg("-C")
            .arg(&dir)
            .status()
            .unwrap();
        assert!(status.success());
    }
    let mut dirs = Vec::new();
    find_stores(&dir, &mut dirs);
    for path in dirs {
        let options = OpenOptions {
            read_only: true,
            ..Default::default()
        };
        let files = Arc::new(FileStore::open(&path, options).unwrap());
        let hashes = files.hashes().unwrap();
        let root = files.root().unwrap();
        let ghosts = files.ghosts();
        let store = NodeStore::new(files, 32 << 20);
        check_chunks(&store, &hashes, &mut seen, &mut tally);
        // Everything that the root leads to is there.
        let mut queue = vec![root];
        let mut reached = HashSet::from([root]);
        while let Some(hash) = queue.pop() {
            if ghosts.contains(&hash) {
                continue;
            }
            let chunk = store.read_chunk(&hash).unwrap();
            for next in references::of_chunk(&chunk.shared()).unwrap() {
                if reached.insert(next) {
                    queue.push(next);
                }
            }
        }
    }
    println!("{:?}", tally.0);
    assert!(tally.0["tables"].0 > 20 && tally.0["closures"].0 > 5);
    std::fs::remove_dir_all(dir).unwrap();
}

fn find_stores(dir: &Path, found: &mut Vec<PathBuf>) {
    if dir.join("manifest").is_file() && !dir.ends_with("oldgen") {
        found.push(dir.to_owned());
    }
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_stores(&path, found);
        }
    }
}

#[test]
fn every_tree_of_every_case() {
    let Some(shared) = shared() else { return };
    let mut tally = Tally::default();
    let mut seen = HashSet::new();
    for entry in std::fs::read_dir(shared.join("golden/cases")).unwrap() {
        let path = entry.unwrap().path().join("chunks.jsonl.gz");
        if !path.is_file() {
            continue;
        }
        let output = Command::new("gzip").arg("-dc").arg(&path).output().unwrap();
        let memory = Arc::new(MemoryStore::new());
        let mut hashes = Vec::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let field = |name: &str| {
                let start = line.find(&format!("\"{name}\"")).unwrap() + name.len() + 2;
                let start = start + line[start..].find('"').unwrap() + 1;
                &line[start..start + line[start..].find('"').unwrap()]
            };
            let chunk = Chunk::new(base64(field("data")));
            assert_eq!(chunk.hash().to_string(), field("hash"));
            hashes.push(chunk.hash());
            memory.put(chunk).unwrap();
        }
        assert!(!hashes.is_empty());
        let store = NodeStore::new(memory, 32 << 20);
        check_chunks(&store, &hashes, &mut seen, &mut tally);
    }
    println!("{:?}", tally.0);
    assert!(tally.0["tables"].0 > 100 && tally.0["artifacts"].0 > 5);
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits =
            four.iter().fold(0u32, |n, c| n << 6 | u32::from(digit(*c))) << (6 * (4 - four.len()));
        out.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    out
}
