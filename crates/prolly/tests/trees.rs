//! Properties of trees: canonical shape, edits, differences, merges, ranges.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use chunks::Hash;
use prolly::{
    Bytewise, Edit, ItemAddresses, KeyOrder, NodeFormat, NodeStore, ProllyError, ThreeWay, TupleMap,
};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A small generator of pseudo-random numbers, so that failures repeat.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn build(store: &NodeStore, model: &Model) -> TupleMap {
    let order: Arc<dyn KeyOrder> = Arc::new(Bytewise);
    TupleMap::build(store.clone(), order, NodeFormat::plain_rows(), model).unwrap()
}

fn key(n: u64) -> Vec<u8> {
    format!("key-{n:08}").into_bytes()
}

fn value(n: u64, random: &mut Random) -> Vec<u8> {
    let len = 5 + random.below(60) as usize;
    format!("value {n} ").bytes().cycle().take(len).collect()
}

fn model_of(numbers: impl Iterator<Item = u64>) -> Model {
    let mut random = Random(42);
    numbers.map(|n| (key(n), value(n, &mut random))).collect()
}

fn edits_of(changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Vec<Edit> {
    changes
        .iter()
        .map(|(key, value)| Edit {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}

fn apply(model: &mut Model, edits: &[Edit]) {
    for edit in edits {
        match &edit.value {
            Some(v) => model.insert(edit.key.clone(), v.clone()),
            None => model.remove(&edit.key),
        };
    }
}

fn random_edits(random: &mut Random, around: u64, spread: u64, n: usize) -> Vec<Edit> {
    let mut changes = BTreeMap::new();
    for _ in 0..n {
        let k = around + random.below(spread);
        let v = (random.below(3) > 0).then(|| value(k, random));
        changes.insert(key(k), v);
    }
    edits_of(&changes)
}

fn contents(map: &TupleMap) -> Model {
    let mut found = Model::new();
    for run in map.all().unwrap() {
        for (k, v) in run.unwrap().iter() {
            assert!(found.insert(k.to_vec(), v.to_vec()).is_none());
        }
    }
    found
}

#[test]
fn the_tree_of_dolts_own_test_has_its_hash() {
    // Spec 02 §20: 12345 rows from u32 to u32, little endian, ordered as numbers.
    struct Numbers;
    impl KeyOrder for Numbers {
        fn compare(&self, a: &[u8], b: &[u8]) -> std::cmp::Ordering {
            let n = |k: &[u8]| u32::from_le_bytes(k[..4].try_into().unwrap());
            n(a).cmp(&n(b))
        }
    }
    let tuple = |n: u32| {
        let mut t = n.to_le_bytes().to_vec();
        t.extend_from_slice(&[1, 0]);
        t
    };
    let store = NodeStore::in_memory();
    let map = TupleMap::build(
        store.clone(),
        Arc::new(Numbers),
        NodeFormat::plain_rows(),
        (0..12345).map(|i| (tuple(i), tuple(i + 12345))),
    )
    .unwrap();
    let hex: String = map
        .root_hash()
        .0
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(hex, "33ba6a18cbcba7414adb1e3dbf3f1eea7d47696c");
    let empty = TupleMap::empty(store, Arc::new(Numbers), NodeFormat::plain_rows()).unwrap();
    assert_eq!(
        empty.root_hash().to_string(),
        "52qkcc17dcqtblc9aml4so2jrooun338"
    );
    assert_eq!(empty.edit::<Vec<u8>, Vec<u8>>(&[]).unwrap().len(), 0);
    assert!(empty.get(&tuple(1)).unwrap().is_none());
    assert!(!empty.cursor_at(&tuple(1)).unwrap().is_valid());
    assert!(empty.all().unwrap().next().is_none());
}

#[test]
fn edits_in_any_order_give_the_tree_of_their_result() {
    for seed in 1..25u64 {
        let mut random = Random(seed * 7919);
        let size = [0, 1, 30, 3000, 40_000][seed as usize % 5];
        let mut model = model_of((0..size).map(|n| n * 3));
        let store = NodeStore::in_memory();
        let mut map = build(&store, &model);
        for step in 0..12 {
            let (n, spread) = match step % 6 {
                0 => (1, 10),
                1 => (20, 3 * size + 100),
                2 => (400, 500),
                3 => (2000, 3 * size + 1000),
                4 => (3, 3 * size + 5),
                _ => (100, 60),
            };
            let around = random.below(3 * size + 1);
            let mut edits = random_edits(&mut random, around, spread, n);
            if step == 7 {
                // A whole region goes, the end included.
                edits = model
                    .keys()
                    .skip(model.len() / 2)
                    .map(|k| Edit::remove(k.clone()))
                    .collect();
            }
            apply(&mut model, &edits);
            map = map.edit(&edits).unwrap();
            assert_eq!(map.len(), model.len() as u64);
            assert_eq!(
                map.root_hash(),
                build(&NodeStore::in_memory(), &model).root_hash(),
                "seed {seed} step {step}"
            );
        }
        assert_eq!(contents(&map), model);
        let all: Vec<Edit> = model.keys().map(|k| Edit::remove(k.clone())).collect();
        let emptied = map.edit(&all).unwrap();
        assert!(emptied.is_empty());
        assert_eq!(
            emptied.root_hash().to_string(),
            "52qkcc17dcqtblc9aml4so2jrooun338"
        );
    }
}

/// Values that begin with `A` hold an address behind it.
struct Marked;

impl ItemAddresses for Marked {
    fn address_offsets(&self, item: &[u8], out: &mut Vec<u16>) {
        if item.first() == Some(&b'A') {
            out.push(1);
        }
    }
}

#[test]
fn values_written_over_others_give_the_tree_of_their_result() {
    let build = |store: &NodeStore, model: &Model| {
        let order: Arc<dyn KeyOrder> = Arc::new(Bytewise);
        let format = NodeFormat::Rows(Arc::new(Marked));
        TupleMap::build(store.clone(), order, format, model).unwrap()
    };
    let mut random = Random(99);
    for size in [1u64, 40, 5000] {
        let mut model = model_of(0..size);
        let mut map = build(&NodeStore::in_memory(), &model);
        for step in 0..300 {
            let mut changes = BTreeMap::new();
            for _ in 0..[1, 1, 7, 100][step % 4] {
                // The last leaf is the one whose end follows no rule.
                let near_end = random.below(3) == 0;
                let n = if near_end {
                    size - 1 - random.below(size.min(9))
                } else {
                    random.below(size)
                };
                let mut value = model[&key(n)].clone();
                match random.below(4) {
                    0 => value[0] = b'A',
                    1 => value.resize(25 + random.below(60) as usize, b'x'),
                    2 => value.push(b'y'),
                    _ => value[0] ^= 1,
                }
                value.resize(value.len().max(21), b'z');
                changes.insert(key(n), Some(value));
            }
            let edits = edits_of(&changes);
            apply(&mut model, &edits);
            map = map.edit(&edits).unwrap();
            let built = build(&NodeStore::in_memory(), &model);
            assert_eq!(
                map.root_hash(),
                built.root_hash(),
                "size {size} step {step}"
            );
        }
        assert_eq!(contents(&map), model);
    }
}

#[test]
fn an_edit_writes_what_it_changes_only() {
    let memory = Arc::new(chunks::MemoryStore::new());
    let store = NodeStore::new(memory.clone(), 64 << 20);
    let model = model_of(0..100_000);
    let map = build(&store, &model);
    let before = memory.len();
    assert!(map.root().level() >= 2);
    for n in [0, 5000, 77_777, 99_999] {
        let edited = map.edit(&[Edit::put(key(n), b"new".to_vec())]).unwrap();
        assert_ne!(edited.root_hash(), map.root_hash());
    }
    let written = memory.len() - before;
    assert!(written <= 4 * 5, "{written} chunks for four edits");
    let same = map
        .edit(&[Edit::put(key(7), model[&key(7)].clone())])
        .unwrap();
    assert_eq!(same.root_hash(), map.root_hash());
}

/// Sorted items that take the place of what a tree has, and the value given last.
struct Puts(prolly::SortedItems, Vec<u8>);

impl prolly::Edits for Puts {
    fn key(&mut self) -> prolly::Result<Option<&[u8]>> {
        Ok(self.0.peek().map(|item| item.key))
    }

    fn take(&mut self, stored: Option<&[u8]>) -> prolly::Result<prolly::Taken<'_>> {
        self.1 = self.0.peek().map_or(Vec::new(), |item| item.value.to_vec());
        self.0.next_item()?;
        Ok(match stored == Some(&self.1) {
            true => prolly::Taken::Stored,
            false => prolly::Taken::Put(&self.1),
        })
    }
}

#[test]
fn large_trees_have_one_shape_however_their_leaves_are_stored() {
    let model = model_of(0..40_000);
    let store = NodeStore::in_memory();
    // More than a hundred leaves are stored by a second thread, those of few edits are not.
    let whole = build(&store, &model);
    whole.save().unwrap();
    let mut small = build(&NodeStore::in_memory(), &Model::new());
    let list: Vec<Edit> = model
        .iter()
        .map(|(k, v)| Edit::put(k.clone(), v.clone()))
        .collect();
    for part in list.chunks(250) {
        small = small.edit(part).unwrap();
    }
    assert_eq!(small.root_hash(), whole.root_hash());
    // Behind the first part, and among every third item, from a sorter that spills.
    let first: Model = model
        .iter()
        .take(17_000)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let mut builder = build(&store, &first).continued().unwrap();
    for (k, v) in model.iter().skip(17_000) {
        builder.append(k, v).unwrap();
    }
    assert_eq!(builder.finish().unwrap().hash(), whole.root_hash());
    let third: Model = model
        .iter()
        .step_by(3)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let mut sorter = prolly::Sorter::new(Arc::new(Bytewise), std::env::temp_dir(), 256 << 10);
    for (n, (k, v)) in model.iter().rev().enumerate() {
        sorter.push(k, v, n as u64).unwrap();
    }
    assert!(sorter.runs() > 3);
    let mut items = sorter.finish().unwrap();
    items.next_item().unwrap();
    let merged = build(&store, &third)
        .edit_with(&mut Puts(items, Vec::new()))
        .unwrap();
    assert_eq!(merged.root_hash(), whole.root_hash());
}

#[test]
fn unordered_edits_and_oversized_rows_are_refused() {
    let store = NodeStore::in_memory();
    let map = build(&store, &model_of(0..10));
    let edits = vec![
        Edit::put(key(2), b"a".to_vec()),
        Edit::put(key(1), b"b".to_vec()),
    ];
    assert!(matches!(map.edit(&edits), Err(ProllyError::Unsorted)));
    assert!(matches!(
        map.edit(&[Edit::put(key(2), vec![0; 70_000])]),
        Err(ProllyError::ItemTooLarge(_))
    ));
    // Large rows share no nodes, but trees of them stand.
    let big: Model = (0..50).map(|n| (key(n), vec![7; 65_000])).collect();
    let tree = build(&store, &big);
    assert_eq!(contents(&tree), big);
}

#[test]
fn differences_lead_from_one_tree_to_the_other() {
    for seed in 1..20u64 {
        let mut random = Random(seed * 104_729);
        let mut left = model_of((0..20_000 / seed).map(|n| n * 2));
        let store = NodeStore::in_memory();
        let a = build(&store, &left);
        let (around, spread) = (random.below(30_000), 1 + random.below(40_000));
        let n = random.below(800) as usize;
        let edits = random_edits(&mut random, around, spread, n);
        let b = a.edit(&edits).unwrap();
        let right = contents(&b);

        let mut found = Vec::new();
        for change in a.diff(&b) {
            let change = change.unwrap();
            assert_eq!(
                change.from_value(),
                left.get(change.key()).map(Vec::as_slice)
            );
            assert_ne!(change.from_value(), change.to_value());
            found.push(Edit {
                key: change.key().to_vec(),
                value: change.to_value().map(<[u8]>::to_vec),
            });
        }
        assert!(found.is_sorted_by(|a, b| a.key < b.key));
        assert_eq!(a.edit(&found).unwrap().root_hash(), b.root_hash());
        let back: Vec<Edit> = b
            .diff(&a)
            .map(|c| c.unwrap())
            .map(|c| Edit {
                key: c.key().to_vec(),
                value: c.to_value().map(<[u8]>::to_vec),
            })
            .collect();
        assert_eq!(back.len(), found.len());
        assert_eq!(b.edit(&back).unwrap().root_hash(), a.root_hash());
        assert_eq!(a.diff(&b).with_everything().count(), {
            let mut keys: Vec<_> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.len()
        });
        let mut from_middle = a.diff(&b);
        let middle = key(around + spread / 2);
        from_middle.seek(&middle).unwrap();
        let expected = found.iter().filter(|e| e.key >= middle).count();
        assert_eq!(from_middle.count(), expected);
        apply(&mut left, &found);
        assert_eq!(left, right);
    }
}

#[test]
fn a_difference_reads_only_what_differs() {
    let memory = Arc::new(chunks::MemoryStore::new());
    let store = NodeStore::new(memory.clone(), 64 << 20);
    let a = build(&store, &model_of(0..100_000));
    let b = a
        .edit(&[
            Edit::put(key(50_000), b"changed".to_vec()),
            Edit::remove(key(70_000)),
            Edit::put(b"key-00080000x".to_vec(), b"added".to_vec()),
        ])
        .unwrap();
    // A cache that starts empty, over chunks that count how often they are read.
    struct Counting(Arc<chunks::MemoryStore>, std::sync::atomic::AtomicUsize);
    impl chunks::ChunkStore for Counting {
        fn get(&self, hash: &Hash) -> chunks::Result<Option<chunks::Chunk>> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.0.get(hash)
        }
        fn has(&self, hash: &Hash) -> chunks::Result<bool> {
            self.0.has(hash)
        }
        fn put(&self, chunk: chunks::Chunk) -> chunks::Result<()> {
            self.0.put(chunk)
        }
        fn root(&self) -> chunks::Result<Hash> {
            self.0.root()
        }
        fn append_root(&self, n: Hash, l: Hash) -> chunks::Result<Option<chunks::Lsn>> {
            self.0.append_root(n, l)
        }
        fn sync(&self, lsn: chunks::Lsn) -> chunks::Result<()> {
            self.0.sync(lsn)
        }
        fn begin_file(&self) -> chunks::Result<Box<dyn chunks::ChunkFile + '_>> {
            self.0.begin_file()
        }
        fn list_files(&self, files: &[chunks::Spec]) -> chunks::Result<()> {
            self.0.list_files(files)
        }
    }
    let counting = Arc::new(Counting(memory, Default::default()));
    let fresh = NodeStore::new(counting.clone(), 64 << 20);
    let again = |map: &TupleMap| {
        TupleMap::from_embedded(
            fresh.clone(),
            map.root_bytes().clone(),
            Arc::new(Bytewise),
            NodeFormat::plain_rows(),
        )
        .unwrap()
    };
    let changes: Vec<_> = again(&a)
        .diff(&again(&b))
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(changes.len(), 3);
    let reads = counting.1.load(std::sync::atomic::Ordering::Relaxed);
    assert!(reads <= 3 * 2 * 4, "{reads} chunks read for three changes");
}

#[test]
fn three_ways_to_a_merge() {
    for seed in 1..12u64 {
        let mut random = Random(seed * 31_337);
        let store = NodeStore::in_memory();
        let base_model = model_of((0..8000).map(|n| n * 2));
        let base = build(&store, &base_model);
        let left_edits = random_edits(&mut random, 1000, 9000, 300);
        let right_edits = random_edits(&mut random, 5000, 9000, 300);
        // Some changes are the same on both sides.
        let shared = random_edits(&mut random, 0, 16_000, 50);
        let side = |edits: &[Edit]| base.edit(edits).unwrap().edit(&shared).unwrap();
        let (left, right) = (side(&left_edits), side(&right_edits));
        let (lm, rm) = (contents(&left), contents(&right));
        let mut merged = lm.clone();
        let mut right_only = Vec::new();
        let mut last: Option<Vec<u8>> = None;
        for event in base.three_way_diff(&left, &right) {
            let event = event.unwrap();
            let k = event.key().to_vec();
            assert!(last.replace(k.clone()).is_none_or(|l| l < k));
            let (b, l, r) = (base_model.get(&k), lm.get(&k), rm.get(&k));
            match event {
                ThreeWay::Left(_) => assert!(b == r && b != l),
                ThreeWay::Right(change) => {
                    assert!(b == l && b != r);
                    let value = change.to_value().map(<[u8]>::to_vec);
                    match &value {
                        Some(v) => merged.insert(k.clone(), v.clone()),
                        None => merged.remove(&k),
                    };
                    right_only.push(Edit { key: k, value });
                }
                ThreeWay::Both(_) => assert!(l == r && b != l),
                ThreeWay::Conflict { base, left, right } => {
                    let bytes = |i: &Option<prolly::Item>| i.as_ref().map(|i| i.value().to_vec());
                    assert!(b != l && b != r && l != r);
                    assert_eq!(bytes(&base).as_ref(), b);
                    assert_eq!(bytes(&left).as_ref(), l);
                    assert_eq!(bytes(&right).as_ref(), r);
                }
            }
        }
        let result = left.edit(&right_only).unwrap();
        assert_eq!(result.root_hash(), build(&store, &merged).root_hash());
    }
}

#[test]
fn ranges_positions_and_ordinals_agree_with_a_sorted_map() {
    let store = NodeStore::in_memory();
    let model = model_of((0..5000).map(|n| n * 2));
    let map = build(&store, &model);
    let items: Vec<_> = model.iter().collect();
    let mut random = Random(5);
    for _ in 0..300 {
        let (a, b) = (key(random.below(10_100)), key(random.below(10_100)));
        for (from, to) in [
            (Bound::Included(&a[..]), Bound::Excluded(&b[..])),
            (Bound::Excluded(&a[..]), Bound::Included(&b[..])),
            (Bound::Unbounded, Bound::Included(&b[..])),
            (Bound::Included(&a[..]), Bound::Unbounded),
        ] {
            let expected: Vec<_> = items
                .iter()
                .filter(|(k, _)| match from {
                    Bound::Included(f) => k.as_slice() >= f,
                    Bound::Excluded(f) => k.as_slice() > f,
                    Bound::Unbounded => true,
                })
                .filter(|(k, _)| match to {
                    Bound::Included(t) => k.as_slice() <= t,
                    Bound::Excluded(t) => k.as_slice() < t,
                    Bound::Unbounded => true,
                })
                .map(|(k, v)| ((*k).clone(), (*v).clone()))
                .collect();
            let range = map.range(from, to).unwrap();
            assert_eq!((range.end - range.start) as usize, expected.len());
            let mut forward = Vec::new();
            for run in map.runs(range.clone()).unwrap() {
                let run = run.unwrap();
                forward.extend(run.iter().map(|(k, v)| (k.to_vec(), v.to_vec())));
            }
            assert_eq!(forward, expected);
            let mut backward = Vec::new();
            for run in map.runs_backward(range).unwrap() {
                let run = run.unwrap();
                backward.extend(run.iter().rev().map(|(k, v)| (k.to_vec(), v.to_vec())));
            }
            backward.reverse();
            assert_eq!(backward, expected);
        }
        assert_eq!(
            map.get(&a).unwrap().map(|i| i.value().to_vec()).as_ref(),
            model.get(&a)
        );
        let mut cursor = map.cursor_at(&a).unwrap();
        let ordinal = map.ordinal_at(&a).unwrap();
        assert_eq!(cursor.ordinal(), ordinal);
        for step in 0..200u64 {
            match items.get((ordinal + step) as usize) {
                Some((k, v)) => assert_eq!((cursor.key(), cursor.value()), (&k[..], &v[..])),
                None => assert!(!cursor.is_valid()),
            }
            let more = cursor.advance().unwrap();
            assert_eq!(more, ((ordinal + step + 1) as usize) < items.len());
        }
        let mut cursor = map.cursor_after(&b).unwrap();
        let mut at = map.ordinal_after(&b).unwrap();
        while at > 0 && at + 300 > map.ordinal_after(&b).unwrap() {
            assert!(cursor.retreat().unwrap());
            at -= 1;
            assert_eq!(cursor.key(), &items[at as usize].0[..]);
        }
        if at == 0 {
            assert!(!cursor.retreat().unwrap());
        }
        let n = random.below(5000);
        let cursor = map.cursor_at_ordinal(n).unwrap();
        assert_eq!(cursor.key(), &items[n as usize].0[..]);
    }
    assert!(!map.cursor_at_ordinal(5000).unwrap().is_valid());
    assert!(map.runs(0..5001).is_err());
    assert_eq!(map.runs(10..10).unwrap().count(), 0);
}

#[test]
fn damaged_nodes_give_errors() {
    let store = NodeStore::in_memory();
    let map = build(&store, &model_of(0..2000));
    let root = map.root_bytes().to_vec();
    let leaf = map.store().read(&map.root().child(0)).unwrap();
    for message in [root, leaf.message().to_vec()] {
        for at in 0..message.len() {
            for damage in [0x01, 0x80, 0xff] {
                let mut bytes = message.clone();
                bytes[at] ^= damage;
                let Ok(map) = TupleMap::from_embedded(
                    store.clone(),
                    bytes,
                    Arc::new(Bytewise),
                    NodeFormat::plain_rows(),
                ) else {
                    continue;
                };
                let _ = map.get(&key(500));
                let _ = map.edit(&[Edit::put(key(1), b"x".to_vec())]);
                if let Ok(runs) = map.all() {
                    for run in runs.take(3).flatten() {
                        let _ = run.iter().count();
                    }
                }
            }
        }
    }
}
