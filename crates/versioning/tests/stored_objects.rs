//! Every object of every database that Dolt wrote is taken apart into values and built again from
//! them alone, in an empty store: whatever the refs lead to must be there afterwards, byte for
//! byte.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use chunks::{Chunk, ChunkStore, FileStore, Hash, MemoryStore};
use model::{
    Blobs, Commit, Database, ForeignKeys, IndexLayout, Objects, OpenOptions, Place, Root, Schema,
    Stash, StashList, Table, Tag, WorkingSet, decode_statistic, decode_store_root,
    encode_statistic, encode_store_root, references_of,
};
use prolly::{AddressMap, CommitClosure, KeyOrder, NodeFormat, NodeStore, TupleMap};
use serial::FileId;
use values::tuple::EMPTY_TUPLE;
use values::{
    Decimal, Encoding, FieldDesc, OwnedValue, RowBuilder, SqlType, Tuple, TupleBuilder, TupleDesc,
    Value, decode_field,
};
use versioning::{ArtifactKind, Artifacts};

fn golden() -> Option<PathBuf> {
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

/// What was built again, and from what.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    /// Fails where a kind of object was never met that the golden data has.
    fn must_have(&self, kinds: &[&str]) {
        for kind in kinds {
            let met = self.0.get(*kind).copied().unwrap_or(0);
            assert!(met > 0, "no {kind} was met: {:?}", self.0);
        }
    }

    fn add(&mut self, what: &str, n: usize) {
        *self.0.entry(what.to_owned()).or_default() += n;
    }
}

/// Objects as they are, and the store that they are built again in.
struct Walk<'a> {
    from: Objects,
    into: Objects,
    tally: &'a mut Tally,
}

impl Walk<'_> {
    fn rebuild(&mut self, chunk: &Chunk) -> Hash {
        let bytes = chunk.bytes();
        let kind = serial::file_id(bytes).expect("a message");
        self.tally.add(&kind.to_string(), 1);
        match kind {
            FileId::STORE_ROOT => self.store_root(bytes),
            FileId::TAG => self.write(Tag::decode(bytes).unwrap().encode().unwrap()),
            FileId::WORKING_SET => self.working_set(bytes),
            FileId::COMMIT => self.commit(bytes),
            FileId::ROOT_VALUE => self.root_value(&chunk.shared()),
            FileId::TABLE => self.table(&chunk.shared()),
            FileId::TABLE_SCHEMA => self.schema(bytes),
            FileId::FOREIGN_KEYS => {
                self.write(ForeignKeys::decode(bytes).unwrap().encode().unwrap())
            }
            FileId::STASH_LIST => self.stash_list(bytes),
            FileId::STATISTIC => self.statistic(bytes),
            FileId::STASH => self.write(Stash::decode(bytes).unwrap().encode().unwrap()),
            // Nodes are built with the object that they are part of.
            FileId::PROLLY_NODE
            | FileId::ADDRESS_MAP
            | FileId::COMMIT_CLOSURE
            | FileId::MERGE_ARTIFACTS
            | FileId::BLOB
            | FileId::VECTOR_NODE => chunk.hash(),
            other => panic!(
                "{other} {}: nobody knows how to build it again",
                chunk.hash()
            ),
        }
    }

    fn write(&self, message: Vec<u8>) -> Hash {
        self.into.write(message).unwrap()
    }

    fn address_map(&mut self, map: &AddressMap) -> AddressMap {
        let entries: Vec<(Vec<u8>, Hash)> = map.iter().unwrap().map(|e| e.unwrap()).collect();
        self.tally.add("names in maps", entries.len());
        AddressMap::empty(self.into.nodes().clone())
            .unwrap()
            .edit(entries.into_iter().map(|(name, hash)| (name, Some(hash))))
            .unwrap()
    }

    fn store_root(&mut self, message: &[u8]) -> Hash {
        let map = Bytes::from(decode_store_root(message).unwrap());
        let map = AddressMap::from_embedded(self.from.nodes().clone(), map).unwrap();
        let map = self.address_map(&map);
        self.write(encode_store_root(map.root_bytes()).unwrap())
    }

    fn working_set(&mut self, message: &[u8]) -> Hash {
        let set = WorkingSet::decode(message).unwrap();
        self.tally
            .add("merges in progress", set.merge.is_some().into());
        self.tally
            .add("rebases in progress", set.rebase.is_some().into());
        set.save(&self.into).unwrap()
    }

    fn stash_list(&mut self, message: &[u8]) -> Hash {
        let list = StashList::decode(&self.from, message).unwrap();
        let entries = list.entries().unwrap();
        // Numbers of stashes that were dropped are only known as holes below the greatest.
        let mut new = StashList::empty(&self.into).unwrap();
        let numbers: Vec<u64> = entries.iter().rev().map(|(n, _)| *n).collect();
        let whole = (0..numbers.len() as u64).eq(numbers.iter().copied());
        assert!(
            whole || numbers.is_empty(),
            "a list with holes: {numbers:?}"
        );
        for (_, hash) in entries.iter().rev() {
            let stash = Stash::decode(self.from.read(hash).unwrap().bytes()).unwrap();
            new = new.push(&stash).unwrap();
        }
        self.write(new.encode().unwrap())
    }

    /// Statistics, whose rows have a layout of their own, field by field.
    fn statistic(&mut self, message: &[u8]) -> Hash {
        let order = Arc::new(TupleDesc::new(vec![
            FieldDesc::new(Encoding::Int64, false),
            FieldDesc::new(Encoding::String, false),
        ]));
        let rows = decode_statistic(message).unwrap();
        let plain = NodeFormat::plain_rows();
        let old = TupleMap::open(
            self.from.nodes().clone(),
            &rows,
            order.clone(),
            plain.clone(),
        )
        .unwrap();
        let again = |tuple: &[u8]| {
            let fields: Vec<Option<&[u8]>> = Tuple(tuple).fields().collect();
            values::tuple::tuple_of(&fields).unwrap()
        };
        let mut items = Vec::new();
        for run in old.all().unwrap() {
            items.extend(run.unwrap().iter().map(|(k, v)| (again(k), again(v))));
        }
        self.tally.add("rows of statistics", items.len());
        let new = TupleMap::build(self.into.nodes().clone(), order, plain, items).unwrap();
        self.write(encode_statistic(&new.save().unwrap()).unwrap())
    }

    /// A commit from its parents, which must have been built.
    fn commit(&mut self, message: &[u8]) -> Hash {
        let commit = Commit::decode(message).unwrap();
        let has = |h: &Hash| self.into.nodes().chunks().get(h).unwrap().is_some();
        if commit.parents.iter().all(|p| has(&p.0)) {
            let new = Commit::new(&self.into, commit.root, commit.parents, commit.meta).unwrap();
            return new.save(&self.into).unwrap().0;
        }
        // Of a shallow clone's first commits only the closure knows the ancestors.
        self.tally.add("commits without their parents", 1);
        let closure = CommitClosure::open(self.from.nodes().clone(), &commit.closure).unwrap();
        let mut keys: Vec<_> = closure.descending().unwrap().map(|k| k.unwrap()).collect();
        keys.reverse();
        let items = keys.iter().map(|k| (k.to_bytes(), [0u8; 0]));
        let map = TupleMap::build(
            self.into.nodes().clone(),
            closure.map().order().clone(),
            NodeFormat::CommitClosure,
            items,
        )
        .unwrap();
        assert_eq!(map.save().unwrap(), commit.closure);
        commit.save(&self.into).unwrap().0
    }

    fn root_value(&mut self, message: &Bytes) -> Hash {
        let root = Root::decode(&self.from, message).unwrap();
        let tables = root.tables().unwrap();
        let mut new = Root::empty(&self.into)
            .unwrap()
            .with_collation(root.collation())
            .with_table_hashes(
                tables
                    .iter()
                    .map(|(name, hash)| (name.as_str(), Some(*hash))),
            )
            .unwrap();
        if !root.foreign_keys_hash().is_empty() {
            new = new
                .with_foreign_keys(&root.foreign_keys().unwrap())
                .unwrap();
        }
        new.save().unwrap().0
    }

    fn schema(&mut self, message: &[u8]) -> Hash {
        let schema = Schema::decode(message).unwrap();
        self.tally.add("columns", schema.columns.len());
        let hash = self.write(schema.encode().unwrap());
        if hash == Hash::of(message) {
            return hash;
        }
        self.tally.add("schemas of older programs", 1);
        self.write(schema.encode_older(true).unwrap())
    }

    fn table(&mut self, message: &Bytes) -> Hash {
        let old = Table::decode(&self.from, message).unwrap();
        let mut new = Table::new(&self.into, old.schema()).unwrap();
        assert_eq!(new.layout().schema_hash(), old.layout().schema_hash());
        let rows = self.rows(&old);
        assert_eq!(
            rows.root_hash(),
            old.rows().unwrap().root_hash(),
            "rows of {:?}",
            old.schema()
                .columns
                .iter()
                .map(|c| &c.name)
                .collect::<Vec<_>>()
        );
        new = new.with_rows(&rows);
        for (i, index) in old.schema().indexes.iter().enumerate() {
            let stored = old.index(&index.name).unwrap();
            let mut entries = self.index(&old, i, false);
            if index.unique && stored.len() < entries.len() {
                // A merge that brings a unique index leaves rows with NULL out of it.
                self.tally.add("unique indexes without NULL", 1);
                entries = self.index(&old, i, true);
            }
            assert_eq!(
                entries.root_hash(),
                stored.root_hash(),
                "index {}",
                index.name
            );
            new = new.with_indexes([(index.name.as_str(), &entries)]).unwrap();
        }
        if let Some(next) = old.auto_increment_slot() {
            // A slot that holds nothing is left by setting it back.
            new = new.with_auto_increment(next.max(2));
            new = new.with_auto_increment(next);
        }
        if !old.artifacts().is_empty() {
            let mut artifacts = Artifacts::of(&new).unwrap();
            for a in Artifacts::of(&old).unwrap().all().unwrap() {
                self.tally.add(&format!("artifacts: {:?}", a.kind), 1);
                if a.kind == ArtifactKind::Conflict {
                    let base = a.base().unwrap();
                    artifacts.add_conflict(&a.row_key, &a.from, &base).unwrap();
                } else {
                    let v = a.violation().unwrap();
                    let info = std::str::from_utf8(&v.info).unwrap();
                    artifacts
                        .put_violation(&a.row_key, &a.from, a.kind, info, &v.value)
                        .unwrap();
                }
            }
            new = artifacts.store_in(&new).unwrap();
            assert_eq!(new.artifacts(), old.artifacts());
        }
        new.save().unwrap()
    }

    /// The rows, from the values of their columns.
    fn rows(&mut self, old: &Table) -> TupleMap {
        let layout = old.layout().clone();
        let schema = layout.schema().clone();
        let blobs = old.objects().blobs();
        let sink = self.into.blobs();
        let mut builder = RowBuilder::new();
        let mut items: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let map = old.rows().unwrap();
        for run in map.all().unwrap() {
            for (key, value) in run.unwrap().iter() {
                let key_values: Vec<OwnedValue> = layout
                    .key_columns()
                    .iter()
                    .enumerate()
                    .map(|(field, c)| {
                        let column = &schema.columns[*c];
                        let raw = Tuple(key).field(field).expect("keys are not NULL");
                        decoded(column.encoding.in_key(), &column.sql_type, raw, &blobs)
                            .into_owned()
                    })
                    .collect();
                let row: Vec<OwnedValue> = layout
                    .value_fields()
                    .enumerate()
                    .map(|(field, (encoding, ty))| match Tuple(value).field(field) {
                        None => Value::Null,
                        Some(raw) => decoded(encoding, ty, raw, &blobs).into_owned(),
                    })
                    .collect();
                let types: Vec<(Encoding, SqlType)> = layout
                    .value_fields()
                    .zip(&row)
                    .map(|((encoding, ty), value)| (encoding, of_value(ty, value)))
                    .collect();
                let mut new_value = Vec::new();
                builder
                    .build_into(
                        types.iter().map(|(encoding, ty)| (*encoding, ty)),
                        &row,
                        schema.target_row_size,
                        &sink,
                        &mut new_value,
                    )
                    .unwrap();
                let new_key = match schema.is_keyless() {
                    true => model::keyless_key(&new_value),
                    false => {
                        let mut out = TupleBuilder::new();
                        for (c, v) in layout.key_columns().iter().zip(&key_values) {
                            let column = &schema.columns[*c];
                            let encoding = column.encoding.in_key();
                            out.push_with(|b| {
                                let ty = of_value(&column.sql_type, v);
                                values::encode_field(encoding, &ty, v, &sink, b)
                            })
                            .unwrap();
                        }
                        out.finish().unwrap()
                    }
                };
                assert_eq!(new_key, key, "{key_values:?}");
                assert_eq!(new_value, value, "{row:?}");
                items.push((new_key, new_value));
            }
        }
        self.tally.add("rows", items.len());
        self.tally.add("values", items.len() * schema.columns.len());
        let empty = Table::new(&self.into, &schema)
            .unwrap()
            .empty_rows()
            .unwrap();
        rebuilt(&empty, items)
    }

    /// The entries of an index, from the rows; where only an expression could say what is in it,
    /// from the values in the entries themselves.
    fn index(&mut self, old: &Table, at: usize, without_null: bool) -> TupleMap {
        let layout = old.layout().index(at).unwrap().clone();
        let index = &old.schema().indexes[at];
        let blobs = old.objects().blobs();
        let computed = index.fulltext.is_some()
            || !index.predicate.is_empty()
            || layout.fields().iter().any(|f| f.place == Place::Virtual);
        let kind = match (&index.vector, index.spatial, computed) {
            (Some(_), _, _) => "entries of vector indexes",
            (None, true, _) => "entries of spatial indexes",
            (None, false, true) => "entries of computed indexes",
            (None, false, false) => "entries of indexes",
        };
        let mut entries = BTreeSet::new();
        let mut out = TupleBuilder::new();
        match computed {
            false => {
                for run in old.rows().unwrap().all().unwrap() {
                    for (key, value) in run.unwrap().iter() {
                        let none = |_: usize| -> model::Result<OwnedValue> { Ok(Value::Null) };
                        entries.insert(layout.entry(key, value, &none, &blobs, &mut out).unwrap());
                    }
                }
            }
            true => {
                for run in old.index(&index.name).unwrap().all().unwrap() {
                    for (key, _) in run.unwrap().iter() {
                        entries.insert(self.encoded_again(&layout, key, &mut out));
                    }
                }
            }
        }
        if without_null {
            entries.retain(|e| (0..layout.indexed()).all(|i| Tuple(e).field(i).is_some()));
        }
        self.tally.add(kind, entries.len());
        let table = Table::new(&self.into, old.schema()).unwrap();
        let empty = table.empty_index(&index.name).unwrap();
        let items = entries
            .into_iter()
            .map(|e| (e, EMPTY_TUPLE.to_vec()))
            .collect();
        rebuilt(&empty, items)
    }

    fn encoded_again(&self, layout: &IndexLayout, entry: &[u8], out: &mut TupleBuilder) -> Vec<u8> {
        let (blobs, sink) = (self.from.blobs(), self.into.blobs());
        out.clear();
        for (i, field) in layout.fields().iter().enumerate() {
            let Some(raw) = Tuple(entry).field(i) else {
                out.push_null();
                continue;
            };
            let value = decoded(field.encoding, &field.sql_type, raw, &blobs);
            let ty = of_value(&field.sql_type, &value);
            out.push_with(|b| values::encode_field(field.encoding, &ty, &value, &sink, b))
                .unwrap();
        }
        out.finish().unwrap()
    }
}

/// The value of a field. Decimals keep the exponent that they were stored with, which is not
/// always that of the column.
fn decoded<'b>(encoding: Encoding, sql_type: &SqlType, raw: &'b [u8], blobs: &Blobs) -> Value<'b> {
    match encoding {
        Encoding::Decimal => Value::Decimal(Decimal::from_stored(raw).unwrap()),
        _ => decode_field(encoding, sql_type, raw, blobs).unwrap(),
    }
}

/// The type that encodes a value as it was stored.
fn of_value(ty: &SqlType, value: &Value<'_>) -> SqlType {
    match (ty, value) {
        (SqlType::Decimal { precision, .. }, Value::Decimal(d)) => SqlType::Decimal {
            precision: *precision,
            scale: d.scale(),
        },
        _ => ty.clone(),
    }
}

/// The map of these items, sorted by the order of its keys.
fn rebuilt(empty: &TupleMap, mut items: Vec<(Vec<u8>, Vec<u8>)>) -> TupleMap {
    let order: &Arc<dyn KeyOrder> = empty.order();
    items.sort_by(|a, b| order.compare(&a.0, &b.0));
    let (store, format) = (empty.store().clone(), empty.format().clone());
    TupleMap::build(store, order.clone(), format, items).unwrap()
}

/// Builds all objects again and holds the result against all that `root` leads to.
fn walk(what: &str, from: Objects, mut hashes: Vec<Hash>, roots: &[Hash], tally: &mut Tally) {
    hashes.sort();
    hashes.dedup();
    let target = Arc::new(MemoryStore::new());
    let into = Objects::new(NodeStore::new(target.clone(), 32 << 20));
    let chunks = from.nodes().chunks().clone();
    let mut reached: HashSet<Hash> = roots.iter().copied().collect();
    let mut queue: Vec<Hash> = roots.to_vec();
    while let Some(hash) = queue.pop() {
        let Some(chunk) = chunks.get(&hash).unwrap() else {
            assert!(chunks.is_ghost(&hash), "{what}: {hash} is missing");
            continue;
        };
        references_of(&chunk, &mut |next| {
            if reached.insert(next) {
                queue.push(next);
            }
        })
        .unwrap();
    }
    // Parents before children.
    let height = |hash: &Hash| {
        let chunk = chunks.get(hash).unwrap().unwrap();
        match serial::file_id(chunk.bytes()) {
            Some(FileId::COMMIT) => Commit::decode(chunk.bytes()).unwrap().height,
            _ => 0,
        }
    };
    hashes.sort_by_cached_key(height);
    let mut walk = Walk { from, into, tally };
    for hash in &hashes {
        // What nothing leads to may lack what it refers to.
        if !reached.contains(hash) {
            walk.tally.add("unreachable", 1);
            continue;
        }
        let chunk = chunks.get(hash).unwrap().unwrap();
        let new = walk.rebuild(&chunk);
        let kind = serial::file_id(chunk.bytes()).unwrap();
        assert_eq!(new, *hash, "{what}: {kind} is not what it was");
    }
    let missing: Vec<String> = reached
        .iter()
        .filter(|h| !chunks.is_ghost(h) && !target.has(h).unwrap())
        .map(|h| {
            let chunk = chunks.get(h).unwrap().unwrap();
            format!("{} {h}", serial::file_id(chunk.bytes()).unwrap())
        })
        .collect();
    assert!(missing.is_empty(), "{what}: not built again: {missing:?}");
    tally.add("chunks", reached.len());
}

fn unpack(golden: &Path) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("golden-objects-{}", std::process::id()));
    // Numbers of processes come again.
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    for entry in std::fs::read_dir(golden.join("dbs")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".tar.gz") {
            let mut tar = Command::new("tar");
            tar.arg("xzf").arg(&path).arg("-C").arg(&dir);
            assert!(tar.status().unwrap().success());
        }
    }
    dir
}

/// Directories with a `.dolt/noms` below; a store without a database around it is given one.
fn databases(dir: &Path, found: &mut Vec<PathBuf>) {
    if dir.join("manifest").is_file() {
        let inside = dir.with_extension("db");
        std::fs::create_dir_all(inside.join(".dolt")).unwrap();
        std::fs::rename(dir, inside.join(".dolt/noms")).unwrap();
        found.push(inside);
        return;
    }
    if dir.join(".dolt/noms/manifest").is_file() {
        found.push(dir.to_owned());
    }
    let mut below: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir() && !p.ends_with("noms"))
        .collect();
    below.sort();
    below.iter().for_each(|path| databases(path, found));
}

#[test]
fn every_object_of_every_database() {
    let Some(golden) = golden() else { return };
    let dir = unpack(&golden);
    let mut dirs = Vec::new();
    databases(&dir, &mut dirs);
    assert!(dirs.len() >= 25, "{dirs:?}");
    let mut tally = Tally::default();
    for path in &dirs {
        let mut options = OpenOptions::default();
        options.chunks.read_only = true;
        let db = Database::open(path, &options).unwrap();
        let files: &Arc<FileStore> = db.file_store().unwrap();
        let what = path.strip_prefix(&dir).unwrap().display().to_string();
        let (root, hashes) = (files.root().unwrap(), files.hashes().unwrap());
        // What the journal remembers was a root once, and all of it is still there.
        let mut roots: Vec<Hash> = files.root_history().iter().map(|e| e.root).collect();
        roots.push(root);
        roots.retain(|r| hashes.contains(r));
        assert!(roots.contains(&root), "{what}");
        walk(&what, db.objects().clone(), hashes, &roots, &mut tally);
        let report = db.check(1, &|_, _| {}).unwrap();
        assert_eq!(report.chunks, Vec::<String>::new(), "{what}");
        assert_eq!(report.commits, Vec::<String>::new(), "{what}");
    }
    println!("{} databases: {:#?}", dirs.len(), tally.0);
    tally.must_have(&[
        "ARTM", "BLOB", "CMCL", "DCMT", "DSCH", "DTAG", "DTBL", "RTVL", "SLST", "STAT", "STRT",
        "STSH", "TUPM", "WRST",
    ]);
    tally.must_have(&["commits without their parents", "merges in progress"]);
    tally.must_have(&["artifacts: Conflict", "rebases in progress", "rows"]);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn every_object_of_every_case() {
    let Some(golden) = golden() else { return };
    let mut tally = Tally::default();
    let mut cases: Vec<PathBuf> = std::fs::read_dir(golden.join("cases"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.join("chunks.jsonl.gz").is_file())
        .collect();
    cases.sort();
    for case in &cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if std::env::var("GOLDEN_CASE").is_ok_and(|only| only != name) {
            continue;
        }
        let objects = Objects::in_memory();
        let mut hashes = Vec::new();
        let text = Command::new("gzip")
            .arg("-dc")
            .arg(case.join("chunks.jsonl.gz"))
            .output()
            .unwrap();
        for line in text.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            let line: serde_json::Value = serde_json::from_slice(line).unwrap();
            let chunk = Chunk::new(Bytes::from(base64(line["data"].as_str().unwrap())));
            hashes.push(chunk.hash());
            objects.nodes().chunks().put(chunk).unwrap();
        }
        // The last state's chunks are complete; those of steps before need not be.
        let mut referred = HashSet::new();
        for hash in &hashes {
            let chunk = objects.read(hash).unwrap();
            references_of(&chunk, &mut |next| {
                referred.insert(next);
            })
            .unwrap();
        }
        let roots: Vec<Hash> = hashes
            .iter()
            .filter(|h| !referred.contains(h))
            .copied()
            .collect();
        walk(&name, objects, hashes, &roots, &mut tally);
    }
    println!("{} cases: {:#?}", cases.len(), tally.0);
    if std::env::var("GOLDEN_CASE").is_ok() {
        return;
    }
    tally.must_have(&["DFKC", "IVFF", "SLST", "DTAG", "ARTM", "BLOB"]);
    tally.must_have(&["entries of spatial indexes", "entries of vector indexes"]);
    tally.must_have(&[
        "artifacts: Check",
        "artifacts: ForeignKey",
        "artifacts: NotNull",
    ]);
    tally.must_have(&["artifacts: Unique", "entries of computed indexes"]);
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut n) = (Vec::new(), 0u32, 0);
    for c in text.bytes().filter(|c| *c != b'=') {
        let digit = DIGITS.iter().position(|d| *d == c).unwrap();
        bits = bits << 6 | digit as u32;
        n += 6;
        if n >= 8 {
            n -= 8;
            out.push((bits >> n) as u8);
        }
    }
    out
}
