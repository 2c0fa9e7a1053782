//! Merges of random changes against a model that looks at every row and every cell.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use chunks::Hash;
use model::{Column, Index, Objects, Root, Schema, Table};
use prolly::TupleMap;
use values::tuple::EMPTY_TUPLE;
use values::{RowBuilder, SqlType, TupleBuilder, Value};
use versioning::{MergeOptions, NoLogic, RowChanges, RowReader, merge_roots};

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

type Cells = BTreeMap<&'static str, Option<u64>>;

/// A table as anybody would write it down.
#[derive(Clone)]
struct Model {
    columns: Vec<&'static str>,
    rows: BTreeMap<u64, Cells>,
}

impl Model {
    fn cell(&self, row: &Cells, column: &str) -> Option<u64> {
        row.get(column).copied().flatten()
    }

    fn change(&mut self, random: &mut Random, times: u64, keys: u64) {
        for _ in 0..times {
            let key = random.below(keys);
            let columns = self.columns.clone();
            match random.below(4) {
                0 => {
                    self.rows.remove(&key);
                }
                1 => {
                    let mut row = Cells::new();
                    for c in columns {
                        row.insert(c, Some(random.below(3)).filter(|v| *v > 0));
                    }
                    self.rows.insert(key, row);
                }
                _ => {
                    let column = columns[random.below(columns.len() as u64) as usize];
                    let value = Some(random.below(4)).filter(|v| *v > 0);
                    if let Some(row) = self.rows.get_mut(&key) {
                        row.insert(column, value);
                    }
                }
            }
        }
    }

    fn schema(&self) -> Schema {
        let tag = |name: &str| 100 + u64::from(name.as_bytes()[0]);
        let mut id = Column::new("id", SqlType::BIGINT_UNSIGNED, 1);
        (id.primary_key, id.nullable) = (true, false);
        let mut columns = vec![id];
        for name in &self.columns {
            columns.push(Column::new(*name, SqlType::BIGINT_UNSIGNED, tag(name)));
        }
        Schema {
            columns,
            primary_key: vec![0],
            indexes: vec![Index::new("ab", vec![1, 2]), Index::new("b", vec![2])],
            ..Schema::default()
        }
    }

    /// The table with these rows, built from nothing, columns in the order of a schema.
    fn table(&self, objects: &Objects, schema: &Schema) -> Table {
        let table = Table::new(objects, schema).unwrap();
        let layout = table.layout().clone();
        let (blobs, mut builder) = (objects.blobs(), RowBuilder::new());
        let mut rows = Vec::new();
        for (id, cells) in &self.rows {
            let mut key = TupleBuilder::new();
            key.push(Some(&id.to_le_bytes()));
            let values: Vec<Value<'_>> = schema.columns[1..]
                .iter()
                .map(|c| self.cell(cells, &c.name).map_or(Value::Null, Value::UInt))
                .collect();
            let mut value = Vec::new();
            let size = schema.target_row_size;
            let fields = layout.value_fields();
            builder
                .build_into(fields, &values, size, &blobs, &mut value)
                .unwrap();
            rows.push((key.finish().unwrap(), value));
        }
        let build = |empty: TupleMap, items: &[(Vec<u8>, Vec<u8>)]| {
            let (store, format) = (empty.store().clone(), empty.format().clone());
            let items = items.iter().map(|(k, v)| (k, v));
            TupleMap::build(store, empty.order().clone(), format, items).unwrap()
        };
        let mut done = table.with_rows(&build(table.empty_rows().unwrap(), &rows));
        for (i, index) in schema.indexes.iter().enumerate() {
            let empty = table.empty_index(&index.name).unwrap();
            let none = |_: usize| Ok(Value::Null);
            let mut out = TupleBuilder::new();
            let mut entries: Vec<(Vec<u8>, Vec<u8>)> = rows
                .iter()
                .map(|(k, v)| {
                    let index = layout.index(i).unwrap();
                    let entry = index.entry(k, v, &none, &blobs, &mut out).unwrap();
                    (entry, EMPTY_TUPLE.to_vec())
                })
                .collect();
            entries.sort_by(|a, b| empty.order().compare(&a.0, &b.0));
            let map = build(empty, &entries);
            done = done.with_indexes([(index.name.as_str(), &map)]).unwrap();
        }
        done
    }

    fn of(table: &Table) -> BTreeMap<u64, BTreeMap<String, Option<u64>>> {
        let reader = RowReader::of(table);
        let number = |v: Value<'_>| match v {
            Value::UInt(n) => Some(n),
            _ => None,
        };
        let mut out = BTreeMap::new();
        for run in table.rows().unwrap().all().unwrap() {
            for (key, value) in run.unwrap().iter() {
                let mut row = BTreeMap::new();
                for (i, c) in table.schema().columns.iter().enumerate() {
                    row.insert(c.name.clone(), number(reader.value(i, key, value).unwrap()));
                }
                let id = row.remove("id").flatten().unwrap();
                out.insert(id, row);
            }
        }
        out
    }
}

/// What a merge must give, and the keys of rows that conflict: those stay as ours.
fn merged(base: &Model, ours: &Model, theirs: &Model) -> (Model, BTreeSet<u64>) {
    let mut columns = ours.columns.clone();
    columns.extend(theirs.columns.iter().filter(|c| !ours.columns.contains(c)));
    let mut out = Model {
        columns: columns.clone(),
        rows: BTreeMap::new(),
    };
    let mut conflicts = BTreeSet::new();
    let keys = [base, ours, theirs].into_iter().flat_map(|m| m.rows.keys());
    for key in keys.copied().collect::<BTreeSet<u64>>() {
        let rows = [base, ours, theirs].map(|m| m.rows.get(&key));
        let differs = |m: &Model, row: Option<&Cells>| match (rows[0], row) {
            (None, None) => false,
            (Some(a), Some(b)) => {
                let all = base.columns.iter().chain(&m.columns);
                all.into_iter().any(|c| base.cell(a, c) != m.cell(b, c))
            }
            _ => true,
        };
        let by = [differs(ours, rows[1]), differs(theirs, rows[2])];
        let merged = match (rows[1], rows[2]) {
            (None, None) => None,
            (left, right) if !by[1] || right.is_none() && !by[0] => match by[1] {
                true => None,
                false => left.cloned(),
            },
            (_, right) if !by[0] => right.cloned(),
            (Some(one), None) | (None, Some(one)) => {
                // Deleted here and changed there; a new column's cell does not count.
                let of = if rows[1].is_some() { ours } else { theirs };
                let kept = |c: &&str| rows[0].is_none_or(|b| base.cell(b, c) == of.cell(one, c));
                match rows[0].is_some() && base.columns.iter().all(kept) {
                    true => None,
                    false => {
                        conflicts.insert(key);
                        rows[1].cloned()
                    }
                }
            }
            (Some(left), Some(right)) => {
                let mut row = Cells::new();
                let mut conflict = false;
                for c in &columns {
                    let (l, r) = (ours.cell(left, c), theirs.cell(right, c));
                    let has = |m: &Model| m.columns.contains(c);
                    let old = rows[0].filter(|_| has(base)).map(|b| base.cell(b, c));
                    let cell = match (has(ours), has(theirs), old) {
                        (true, false, _) => l,
                        (false, true, _) => r,
                        _ if l == r => l,
                        (_, _, Some(old)) if old == r => l,
                        (_, _, Some(old)) if old == l => r,
                        _ => {
                            conflict = true;
                            l
                        }
                    };
                    row.insert(c, cell);
                }
                if conflict {
                    conflicts.insert(key);
                    Some(left.clone())
                } else {
                    Some(row)
                }
            }
        };
        if let Some(row) = merged {
            out.rows.insert(key, row);
        }
    }
    (out, conflicts)
}

fn root_of(objects: &Objects, table: &Table) -> Root {
    Root::empty(objects)
        .unwrap()
        .with_table("t", table)
        .unwrap()
}

fn check(seed: u64) -> (usize, usize) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let objects = Objects::in_memory();
    let keys = [20, 200, 3000][random.below(3) as usize];
    let mut base = Model {
        columns: vec!["a", "b", "c"],
        rows: BTreeMap::new(),
    };
    base.change(&mut random, keys * 2, keys);
    let (mut ours, mut theirs) = (base.clone(), base.clone());
    // Columns that one side adds; what is in them is changed with everything else.
    match random.below(4) {
        0 => ours.columns.push("x"),
        1 => theirs.columns.push("y"),
        2 => {
            ours.columns.push("x");
            theirs.columns.push("y");
        }
        _ => {}
    }
    let times = 1 + random.below(keys / 2);
    ours.change(&mut random, times, keys + 5);
    let times = random.below(keys / 2);
    theirs.change(&mut random, times, keys + 5);
    let roots = [&base, &ours, &theirs].map(|m| {
        let table = m.table(&objects, &m.schema());
        assert_eq!(Model::of(&table).len(), m.rows.len());
        root_of(&objects, &table)
    });
    let [b, l, r] = &roots;
    let theirs_id = r.save().unwrap().0;
    let base_id = b.save().unwrap().0;
    l.save().unwrap();
    let rootish: (Hash, Hash) = (theirs_id, base_id);
    let outcome = merge_roots(l, r, b, rootish, &MergeOptions::default(), &NoLogic).unwrap();
    assert!(outcome.schema_conflicts.is_empty(), "seed {seed}");
    let (expected, conflicts) = merged(&base, &ours, &theirs);
    let (_, table) = outcome.root.table("t").unwrap().unwrap();
    let found = Model::of(&table);
    let wanted: BTreeMap<u64, BTreeMap<String, Option<u64>>> = expected
        .rows
        .iter()
        .map(|(id, cells)| {
            let cell = |c: &&str| ((*c).to_owned(), expected.cell(cells, c));
            (*id, expected.columns.iter().map(cell).collect())
        })
        .collect();
    for id in found.keys().chain(wanted.keys()) {
        if found.get(id) != wanted.get(id) {
            let rows = [&base, &ours, &theirs].map(|m| m.rows.get(id));
            let (found, wanted) = (found.get(id), wanted.get(id));
            panic!("seed {seed}, row {id}: {rows:?} became {found:?}, not {wanted:?}");
        }
    }
    let counted = outcome.stats.get("t").map_or(0, |s| s.data_conflicts);
    assert_eq!(counted, conflicts.len() as u64, "seed {seed}");
    // The same trees as if somebody had put the rows in, one by one or all at once.
    let built = expected.table(&objects, table.schema());
    let hash = |t: &Table| t.rows().unwrap().root_hash();
    assert_eq!(hash(&table), hash(&built), "seed {seed}");
    for index in &table.schema().indexes {
        let hash = |t: &Table| t.index(&index.name).unwrap().root_hash();
        assert_eq!(hash(&table), hash(&built), "seed {seed} {}", index.name);
    }
    // The diff from ours to what came of it names each row that differs, and no other.
    let (_, before) = l.table("t").unwrap().unwrap();
    if before.schema() == table.schema() {
        let mut changes = RowChanges::new(Some(&before), Some(&table)).unwrap();
        let mut differing = 0;
        while changes.next_change().unwrap().is_some() {
            differing += 1;
        }
        let cells = |m: &Model, id: &u64| {
            let row: Option<&Cells> = m.rows.get(id);
            row.map(|r| m.columns.iter().map(|c| m.cell(r, c)).collect::<Vec<_>>())
        };
        let ids: BTreeSet<&u64> = ours.rows.keys().chain(expected.rows.keys()).collect();
        let differs = |id: &&&u64| cells(&ours, id) != cells(&expected, id);
        assert_eq!(differing, ids.iter().filter(differs).count(), "seed {seed}");
    }
    (expected.rows.len(), conflicts.len())
}

#[test]
fn merges_are_what_a_look_at_every_cell_says() {
    let (mut rows, mut conflicts) = (0, 0);
    for seed in 1..=150 {
        let (r, c) = check(seed);
        rows += r;
        conflicts += c;
    }
    println!("{rows} rows merged, {conflicts} conflicts");
    assert!(rows > 50_000 && conflicts > 500);
}
