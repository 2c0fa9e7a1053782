//! Everything that Dolt wrote can be read and is written again to the same bytes.

#![allow(clippy::unwrap_used)]

mod data;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chunks::{Chunk, Hash};
use model::{
    Commit, Database, ForeignKeys, Objects, OpenOptions, Place, RevSpec, Root, Schema, Stash,
    StashList, Table, Tag, WorkingSet, column_tag, decode_store_root, encode_store_root,
};
use prolly::TupleMap;
use serial::file_id;
use values::{NoBlobs, RowBuilder, Tuple, TupleBuilder, Value, decode_field};

/// The message encoded again, and for schemas whether an older layout was needed.
fn again(objects: &Objects, message: &Bytes) -> Option<Vec<u8>> {
    let kind = file_id(message)?.to_string();
    let m: &[u8] = message;
    Some(match kind.as_str() {
        "DSCH" => {
            let s = Schema::decode(m).unwrap_or_else(|e| panic!("{e}"));
            let now = s.encode().unwrap();
            if now == m {
                return Some(now);
            }
            let older = s.encode_older(true).unwrap();
            if older == m {
                older
            } else {
                s.encode_older(false).unwrap()
            }
        }
        "DTBL" => Table::decode(objects, message).unwrap().encode().unwrap(),
        "RTVL" => Root::decode(objects, message).unwrap().encode().unwrap(),
        "DFKC" => ForeignKeys::decode(m).unwrap().encode().unwrap(),
        "DCMT" => Commit::decode(m).unwrap().encode().unwrap(),
        "DTAG" => Tag::decode(m).unwrap().encode().unwrap(),
        "WRST" => WorkingSet::decode(m).unwrap().encode().unwrap(),
        "STSH" => Stash::decode(m).unwrap().encode().unwrap(),
        "SLST" => StashList::decode(objects, m).unwrap().encode().unwrap(),
        "STRT" => encode_store_root(&decode_store_root(m).unwrap()).unwrap(),
        _ => return None,
    })
}

fn check_all(
    name: &str,
    objects: &Objects,
    chunks: &[Chunk],
    counts: &mut BTreeMap<String, usize>,
) {
    for c in chunks {
        let message = c.shared();
        if let Some(encoded) = again(objects, &message) {
            let kind = file_id(&message).unwrap().to_string();
            assert!(encoded == message, "{name}: {kind} {} differs", c.hash());
            *counts.entry(kind).or_default() += 1;
        }
    }
}

#[test]
fn every_message_is_written_as_it_was_read() {
    let Some(golden) = data::golden() else { return };
    let mut counts = BTreeMap::new();
    for case in data::cases(&golden) {
        let (objects, chunks) = data::load_case(&case);
        check_all(&case.display().to_string(), &objects, &chunks, &mut counts);
    }
    for db in data::databases(&golden) {
        let Ok(open) = Database::open(db.path(), &data::read_only()) else {
            continue;
        };
        let chunks = data::all_chunks(&open);
        check_all(
            &db.path().display().to_string(),
            open.objects(),
            &chunks,
            &mut counts,
        );
    }
    println!("{counts:?}");
    for kind in [
        "DSCH", "DTBL", "RTVL", "DFKC", "DCMT", "DTAG", "WRST", "STSH", "SLST", "STRT",
    ] {
        assert!(
            counts.get(kind).is_some_and(|n| *n > 0),
            "no {kind} in the golden data"
        );
    }
}

/// Decodes every field of every row, encodes rows again, and derives index entries.
#[test]
fn rows_and_index_entries_are_written_as_they_were_read() {
    let Some(golden) = data::golden() else { return };
    let (mut rows, mut entries, mut skipped) = (0, 0, 0);
    for case in data::cases(&golden) {
        let (objects, chunks) = data::load_case(&case);
        for c in &chunks {
            if file_id(c.bytes()).is_none_or(|k| k.to_string() != "DTBL") {
                continue;
            }
            let table = Table::decode(&objects, &c.shared()).unwrap();
            let (r, e, s) = check_table(&case.display().to_string(), &table);
            rows += r;
            entries += e;
            skipped += s;
        }
    }
    println!("{rows} rows, {entries} index entries, {skipped} indexes of virtual columns skipped");
    assert!(rows > 10_000 && entries > 500);
}

fn check_table(case: &str, table: &Table) -> (usize, usize, usize) {
    let layout = table.layout().clone();
    let schema = layout.schema().clone();
    let blobs = table.objects().blobs();
    let mut builder = RowBuilder::new();
    let mut rows = Vec::new();
    for run in table.rows().unwrap().all().unwrap() {
        rows.extend(run.unwrap().iter().map(|(k, v)| (k.to_vec(), v.to_vec())));
    }
    for (key, value) in &rows {
        for (i, desc) in layout.key_desc().fields().iter().enumerate() {
            if let Some(bytes) = Tuple(key).field(i) {
                let ty = layout
                    .key_columns()
                    .get(i)
                    .map(|c| &schema.columns[*c].sql_type);
                let ty = ty.unwrap_or(&values::SqlType::Null);
                let v = decode_field(desc.encoding, ty, bytes, &NoBlobs).unwrap();
                let mut out = Vec::new();
                values::encode_field(desc.encoding, ty, &v, &NoBlobs, &mut out).unwrap();
                assert_eq!(out, bytes, "{case}: key field {i}");
            }
        }
        let fields: Vec<Value<'_>> = layout
            .value_fields()
            .enumerate()
            .map(|(i, (encoding, ty))| match Tuple(value).field(i) {
                Some(bytes) => decode_field(encoding, ty, bytes, &blobs).unwrap(),
                None => Value::Null,
            })
            .collect();
        let mut out = Vec::new();
        builder
            .build_into(
                layout.value_fields(),
                &fields,
                schema.target_row_size,
                &blobs,
                &mut out,
            )
            .unwrap();
        if out != *value {
            // Rows written before the table's target row size changed stay as they were.
            let mut default = Vec::new();
            builder
                .build_into(layout.value_fields(), &fields, 2048, &blobs, &mut default)
                .unwrap();
            assert!(
                default == *value,
                "{case}: {schema:#?}\n{fields:?}\nnow  {out:02x?}\nwas  {value:02x?}"
            );
        }
        if schema.is_keyless() {
            assert_eq!(model::keyless_key(value), *key, "{case}: keyless key");
        }
    }
    let (mut entries, mut skipped) = (0, 0);
    for (index, ix) in schema.indexes.iter().zip(layout.indexes()) {
        if index.fulltext.is_some() {
            continue;
        }
        if ix.fields().iter().any(|f| f.place == Place::Virtual) {
            skipped += 1;
            continue;
        }
        let stored = table.index(&index.name).unwrap();
        let mut seen = BTreeSet::new();
        for run in stored.all().unwrap() {
            seen.extend(run.unwrap().iter().map(|(k, _)| k.to_vec()));
        }
        let mut tuple = TupleBuilder::new();
        let none = |_| unreachable!("indexes of virtual columns are skipped");
        let derived: BTreeSet<Vec<u8>> = rows
            .iter()
            .map(|(k, v)| ix.entry(k, v, &none, &blobs, &mut tuple).unwrap())
            .collect();
        entries += derived.len();
        let extra: Vec<_> = seen.difference(&derived).collect();
        assert!(extra.is_empty(), "{case}: {} has {extra:02x?}", index.name);
        for missing in derived.difference(&seen) {
            // Unique indexes made over existing rows leave out NULLs (spec 02 §9).
            let null = (0..ix.indexed()).any(|i| Tuple(missing).field(i).is_none());
            assert!(
                index.unique && null,
                "{case}: {} lacks {missing:02x?}",
                index.name
            );
        }
        if index.vector.is_some() {
            let mut sorted: Vec<&Vec<u8>> = seen.iter().collect();
            sorted.sort_by(|a, b| ix.desc().compare(a, b));
            let built = TupleMap::build(
                stored.store().clone(),
                stored.order().clone(),
                stored.format().clone(),
                sorted.iter().map(|k| (k.as_slice(), [0u8, 0])),
            )
            .unwrap();
            assert_eq!(
                built.root_hash(),
                stored.root_hash(),
                "{case}: {}",
                index.name
            );
            for key in &seen {
                assert!(stored.has(key).unwrap(), "{case}: {}", index.name);
            }
            continue;
        }
        // The order of the stored entries is ours.
        let mut last: Option<Vec<u8>> = None;
        for run in stored.all().unwrap() {
            for (k, _) in run.unwrap().iter() {
                if let Some(last) = &last {
                    assert!(
                        ix.desc().compare(last, k).is_lt(),
                        "{case}: order of {}",
                        index.name
                    );
                }
                last = Some(k.to_vec());
            }
        }
    }
    let mut last: Option<&[u8]> = None;
    for (key, _) in &rows {
        if let Some(last) = last {
            assert!(
                layout.key_desc().compare(last, key).is_lt(),
                "{case}: order of rows"
            );
        }
        last = Some(key);
    }
    (rows.len(), entries, skipped)
}

#[test]
fn column_tags_are_generated_as_dolt_does() {
    let Some(golden) = data::golden() else { return };
    let (objects, chunks) = data::load_case(&golden.join("cases/column_tags"));
    let (mut same, mut different) = (0, Vec::new());
    let mut commits: Vec<Commit> = chunks
        .iter()
        .filter_map(|c| Commit::decode(c.bytes()).ok())
        .collect();
    commits.sort_by_key(|c| c.height);
    let tables_of = |root| -> BTreeMap<String, Table> {
        Root::open(&objects, root)
            .unwrap()
            .tables()
            .unwrap()
            .into_iter()
            .map(|(n, h)| (n, Table::open(&objects, &h).unwrap()))
            .collect()
    };
    // Tables that came with one commit were made in the order of the numbers in their names.
    let number = |name: &str| -> usize {
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    for commit in &commits {
        let Some(parent) = commit.parents.first() else {
            continue;
        };
        let before = tables_of(Commit::open(&objects, *parent).unwrap().root);
        let after = tables_of(commit.root);
        let mut taken: BTreeSet<u64> = before
            .values()
            .flat_map(|t| t.schema().columns.iter().map(|c| c.tag).collect::<Vec<_>>())
            .collect();
        let mut new: Vec<(&String, &Table)> = after
            .iter()
            .filter(|(n, _)| !before.contains_key(*n) && !n.starts_with("dolt_"))
            .collect();
        new.sort_by_key(|(n, _)| number(n));
        for (name, table) in new {
            let columns = column_tag::columns_of(table.schema());
            let wanted: Vec<column_tag::NewColumn<'_>> = columns
                .iter()
                .map(|(name, kind, _)| column_tag::NewColumn { name, kind: *kind })
                .collect();
            let made = column_tag::generate_all(name, &[], &wanted, &taken);
            for (column, got) in columns.iter().zip(made) {
                if column.2 == got {
                    same += 1;
                } else {
                    different.push(format!("{name}.{}", column.0));
                }
            }
            taken.extend(columns.iter().map(|c| c.2));
        }
    }
    println!(
        "{same} tags equal, {} of tables with a longer history differ",
        different.len()
    );
    assert!(same > 9000, "only {same} equal; {different:?}");
}

#[test]
fn constants() {
    let objects = Objects::in_memory();
    let root = Root::empty(&objects).unwrap();
    assert_eq!(
        root.save().unwrap().to_string(),
        "vt5n73lho7q40t91ucetlr9qv4eqhasl"
    );
    let table = Table::new(&objects, &Schema::default()).unwrap();
    assert_eq!(
        table.rows().unwrap().root_hash().to_string(),
        "52qkcc17dcqtblc9aml4so2jrooun338"
    );
    let list = StashList::empty(&objects).unwrap();
    assert_eq!(
        Hash::of(&list.encode().unwrap()).to_string(),
        "3c2nvhq96pasnp1dcflo9o3d03hjc6s6"
    );
}

#[test]
fn databases_open_with_their_refs() {
    let Some(golden) = data::golden() else { return };
    let text = std::fs::read_to_string(golden.join("dbs/expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut checked = 0;
    for db in data::databases(&golden) {
        let name = db.name();
        let Ok(open) = Database::open(db.path(), &data::read_only()) else {
            println!("{name}: not one database");
            continue;
        };
        let state = &expected[name]["state"];
        let Some(heads) = state["heads"].as_object() else {
            continue;
        };
        let branches: BTreeMap<String, String> = open
            .branches()
            .unwrap()
            .into_iter()
            .map(|(n, c)| (n, c.to_string()))
            .collect();
        for (branch, commit) in heads {
            assert_eq!(
                branches.get(branch).map(String::as_str),
                commit.as_str(),
                "{name}: {branch}"
            );
            let spec = RevSpec::parse(branch).unwrap();
            assert_eq!(
                open.resolve(&spec, None).unwrap().to_string(),
                commit.as_str().unwrap()
            );
        }
        assert_eq!(branches.len(), heads.len());
        if let Some(working) = state["working"].as_object() {
            for (branch, roots) in working {
                let (_, set) = open.working_set(branch).unwrap().unwrap();
                assert_eq!(
                    Some(set.working.to_string().as_str()),
                    roots["working"].as_str(),
                    "{name}: {branch}"
                );
                assert_eq!(
                    Some(set.staged.to_string().as_str()),
                    roots["staged"].as_str(),
                    "{name}: {branch}"
                );
            }
        }
        checked += 1;
    }
    assert!(checked > 5, "only {checked} databases were checked");
}

#[test]
fn commits_and_closures_are_made_as_dolt_does() {
    let Some(golden) = data::golden() else { return };
    let (objects, chunks) = data::load_case(&golden.join("cases/history_closure"));
    let mut n = 0;
    for c in &chunks {
        if file_id(c.bytes()).is_none_or(|k| k.to_string() != "DCMT") {
            continue;
        }
        let commit = Commit::decode(c.bytes()).unwrap();
        let made = Commit::new(
            &objects,
            commit.root,
            commit.parents.clone(),
            commit.meta.clone(),
        )
        .unwrap();
        assert_eq!(made.save(&objects).unwrap().0, c.hash());
        n += 1;
    }
    assert!(n > 50);
}

/// Damaged messages give an error or another object, never a panic.
#[test]
fn damaged_messages_do_not_panic() {
    let Some(golden) = data::golden() else { return };
    let mut seed = 1u64;
    let mut random = move |below: usize| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize % below
    };
    for case in [
        "foreign_keys",
        "stash",
        "rebase",
        "merge_conflicts",
        "types_geo_vector",
    ] {
        let (objects, chunks) = data::load_case(&golden.join("cases").join(case));
        for c in chunks.iter().filter(|c| c.bytes().len() < 5000) {
            for _ in 0..20 {
                let mut bytes = c.bytes().to_vec();
                for _ in 0..1 + random(3) {
                    let at = 12 + random(bytes.len() - 12);
                    bytes[at] = [0, 1, 0x7f, 0xff, bytes[at] ^ 4][random(5)];
                }
                let bytes = Bytes::from(bytes);
                let _ = Schema::decode(&bytes).map(|s| s.encode());
                if let Ok(t) = Table::decode(&objects, &bytes) {
                    let _ = t.encode();
                    let _ = t.rows().map(|r| r.all());
                }
                let _ = Root::decode(&objects, &bytes).map(|r| (r.encode(), r.tables()));
                let _ = ForeignKeys::decode(&bytes).map(|k| k.encode());
                let _ = Commit::decode(&bytes).map(|c| c.encode());
                let _ = Tag::decode(&bytes).map(|t| t.encode());
                let _ = WorkingSet::decode(&bytes).map(|w| w.encode());
                let _ = Stash::decode(&bytes).map(|s| s.encode());
                let _ = StashList::decode(&objects, &bytes).map(|l| l.entries());
            }
        }
    }
}

#[test]
fn every_database_can_be_owned() {
    let Some(golden) = data::golden() else { return };
    for db in data::databases(&golden) {
        let options = OpenOptions::default();
        if let Ok(open) = Database::open(db.path(), &options) {
            assert!(!open.is_read_only(), "{}", db.name());
        }
    }
}
