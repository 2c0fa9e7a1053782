//! What a change, a diff and a merge cost, in chunks that are read and written: it follows the
//! change, not the table.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chunks::{Chunk, ChunkFile, ChunkStore, Hash, Lsn, MemoryStore, Spec};
use model::{Column, Commit, CommitId, CommitMeta, Index, Objects, Person, Root, Schema, Table};
use prolly::{Edit, NodeStore, TupleMap};
use values::SqlType;
use values::tuple::{EMPTY_TUPLE, tuple_of};
use versioning::{MergeOptions, NoLogic, RowChanges, common_ancestor, merge_roots};

/// Chunks in memory that count how often they are read and written.
struct Counting {
    chunks: Arc<MemoryStore>,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

impl Counting {
    fn over(chunks: &Arc<MemoryStore>) -> Arc<Counting> {
        Arc::new(Counting {
            chunks: chunks.clone(),
            reads: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
        })
    }

    fn figures(&self) -> (usize, usize) {
        let load = |n: &AtomicUsize| n.load(Ordering::Relaxed);
        (load(&self.reads), load(&self.writes))
    }
}

impl ChunkStore for Counting {
    fn get(&self, hash: &Hash) -> chunks::Result<Option<Chunk>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.chunks.get(hash)
    }
    fn has(&self, hash: &Hash) -> chunks::Result<bool> {
        self.chunks.has(hash)
    }
    fn put(&self, chunk: Chunk) -> chunks::Result<()> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.chunks.put(chunk)
    }
    fn root(&self) -> chunks::Result<Hash> {
        self.chunks.root()
    }
    fn append_root(&self, new: Hash, last: Hash) -> chunks::Result<Option<Lsn>> {
        self.chunks.append_root(new, last)
    }
    fn sync(&self, lsn: Lsn) -> chunks::Result<()> {
        self.chunks.sync(lsn)
    }
    fn begin_file(&self) -> chunks::Result<Box<dyn ChunkFile + '_>> {
        self.chunks.begin_file()
    }
    fn list_files(&self, files: &[Spec]) -> chunks::Result<()> {
        self.chunks.list_files(files)
    }
}

const ROWS: u64 = 200_000;

fn fresh(memory: &Arc<MemoryStore>) -> (Objects, Arc<Counting>) {
    let counting = Counting::over(memory);
    (
        Objects::new(NodeStore::new(counting.clone(), 64 << 20)),
        counting,
    )
}

fn key(id: u64) -> Vec<u8> {
    tuple_of(&[Some(&id.to_le_bytes())]).unwrap()
}

fn row(id: u64, version: u64) -> Vec<u8> {
    let (a, b) = ((id * 7919 + version) % 100_000, id ^ version);
    let fields = [a, b].map(u64::to_le_bytes);
    tuple_of(&[Some(&fields[0]), Some(&fields[1])]).unwrap()
}

fn entry(id: u64, version: u64) -> Vec<u8> {
    let fields = [(id * 7919 + version) % 100_000, id].map(u64::to_le_bytes);
    tuple_of(&[Some(&fields[0]), Some(&fields[1])]).unwrap()
}

fn built(empty: TupleMap, mut items: Vec<(Vec<u8>, Vec<u8>)>) -> TupleMap {
    let order = empty.order().clone();
    items.sort_by(|x, y| order.compare(&x.0, &y.0));
    let (store, format) = (empty.store().clone(), empty.format().clone());
    TupleMap::build(store, order, format, items).unwrap()
}

fn commit(objects: &Objects, root: &Root, parents: Vec<CommitId>) -> CommitId {
    let person = Person {
        name: "A".into(),
        email: "a@example.com".into(),
    };
    let meta = CommitMeta::new(person, 1_700_000_000_000, "a change");
    let root = root.save().unwrap();
    let commit = Commit::new(objects, root, parents, meta).unwrap();
    commit.save(objects).unwrap()
}

/// The first commit: all rows, and an index on the first column.
fn base(memory: &Arc<MemoryStore>) -> CommitId {
    let (objects, _) = fresh(memory);
    let mut id = Column::new("id", SqlType::BIGINT_UNSIGNED, 1);
    (id.primary_key, id.nullable) = (true, false);
    let mut columns = vec![id];
    for (name, tag) in [("a", 2), ("b", 3)] {
        columns.push(Column::new(name, SqlType::BIGINT_UNSIGNED, tag));
    }
    let schema = Schema {
        columns,
        primary_key: vec![0],
        indexes: vec![Index::new("a", vec![1])],
        ..Schema::default()
    };
    let table = Table::new(&objects, &schema).unwrap();
    let rows = (0..ROWS).map(|id| (key(id), row(id, 0))).collect();
    let entries = (0..ROWS).map(|id| (entry(id, 0), EMPTY_TUPLE.to_vec()));
    let entries = built(table.empty_index("a").unwrap(), entries.collect());
    let table = table.with_rows(&built(table.empty_rows().unwrap(), rows));
    let table = table.with_indexes([("a", &entries)]).unwrap();
    let root = Root::empty(&objects)
        .unwrap()
        .with_table("t", &table)
        .unwrap();
    commit(&objects, &root, Vec::new())
}

/// A commit on another that changes rows, by numbers that lie far apart.
fn change(objects: &Objects, on: CommitId, ids: &[u64], version: u64) -> CommitId {
    let root = Root::open(objects, Commit::open(objects, on).unwrap().root).unwrap();
    let (_, table) = root.table("t").unwrap().unwrap();
    let mut rows: Vec<Edit> = ids
        .iter()
        .map(|id| Edit::put(key(*id), row(*id, version)))
        .collect();
    let map = table.rows().unwrap();
    rows.sort_by(|x, y| map.order().compare(&x.key, &y.key));
    let rows = map.edit(&rows).unwrap();
    let map = table.index("a").unwrap();
    let mut entries: Vec<Edit> = Vec::new();
    for id in ids {
        entries.push(Edit::remove(entry(*id, 0)));
        entries.push(Edit::put(entry(*id, version), EMPTY_TUPLE.to_vec()));
    }
    entries.sort_by(|x, y| map.order().compare(&x.key, &y.key));
    let entries = map.edit(&entries).unwrap();
    let table = table
        .with_rows(&rows)
        .with_indexes([("a", &entries)])
        .unwrap();
    commit(objects, &root.with_table("t", &table).unwrap(), vec![on])
}

fn spread(n: u64, offset: u64) -> Vec<u64> {
    (0..n).map(|i| (i * (ROWS / n) + offset) % ROWS).collect()
}

fn root_of(objects: &Objects, id: CommitId) -> Root {
    Root::open(objects, Commit::open(objects, id).unwrap().root).unwrap()
}

#[test]
fn cost_follows_the_change() {
    let memory = Arc::new(MemoryStore::new());
    let first = base(&memory);
    let (objects, _) = fresh(&memory);
    let (_, table) = root_of(&objects, first).table("t").unwrap().unwrap();
    let (rows, entries) = (table.rows().unwrap(), table.index("a").unwrap());
    let depth = usize::from(rows.root().level().max(entries.root().level())) + 1;
    assert!(
        depth >= 3 && memory.len() > 2000,
        "{depth} {}",
        memory.len()
    );
    // Root, table, commit, closure, schema, foreign keys.
    const FIXED: usize = 12;
    for n in [1, 10, 100] {
        let (mine, others) = (spread(n, 17), spread(n, 91));
        let (objects, counting) = fresh(&memory);
        let ours = change(&objects, first, &mine, 5);
        let (reads, writes) = counting.figures();
        // A path in the rows, and in the index one where the entry was and one where it is. A
        // boundary that goes takes a neighbour along.
        let paths = 3 * n as usize * (depth + 1);
        assert!(writes <= paths + FIXED, "{n} rows: {writes} chunks written");
        assert!(reads <= 2 * paths + FIXED, "{n} rows: {reads} chunks read");

        let theirs = change(&objects, first, &others, 6);

        let (objects, counting) = fresh(&memory);
        let from = root_of(&objects, first).table("t").unwrap().unwrap().1;
        let to = root_of(&objects, ours).table("t").unwrap().unwrap().1;
        let mut changes = RowChanges::new(Some(&from), Some(&to)).unwrap();
        let mut found = 0;
        while changes.next_change().unwrap().is_some() {
            found += 1;
        }
        assert_eq!(found, n);
        let (reads, writes) = counting.figures();
        let sides = 2 * n as usize * (depth + 1);
        assert!(
            reads <= sides + FIXED,
            "diff of {n} rows: {reads} chunks read"
        );
        assert_eq!(writes, 0);

        let (objects, counting) = fresh(&memory);
        let ancestor = common_ancestor(&objects, ours, theirs).unwrap().unwrap();
        assert_eq!(ancestor, first);
        let roots = [ours, theirs, first].map(|id| root_of(&objects, id));
        let [l, r, b] = &roots;
        let options = MergeOptions::default();
        let rootish = (theirs.0, first.0);
        let merged = merge_roots(l, r, b, rootish, &options, &NoLogic).unwrap();
        assert!(!merged.has_artifacts());
        merged.root.save().unwrap();
        let (reads, writes) = counting.figures();
        // Rows and index of three versions, and the paths of what theirs brought.
        let paths = 3 * n as usize * (depth + 1);
        assert!(
            reads <= 6 * paths + 3 * FIXED,
            "merge of {n} rows: {reads} read"
        );
        assert!(
            writes <= 2 * paths + FIXED,
            "merge of {n} rows: {writes} written"
        );
        println!("{n} rows of {ROWS}: merge read {reads}, wrote {writes}");
    }
}
