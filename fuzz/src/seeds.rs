//! Inputs to begin with: what a database of every kind of object holds, in files and in chunks.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chunks::{
    ArchiveWriter, Chunk, ChunkStore, Directory, FileStore, Hash, JOURNAL_NAME, OpenOptions,
    write_table_file,
};
use engine::accounts::Accounts;
use engine::branch_control::BranchControl;
use engine::error::Result;
use engine::instance::{Clock, Instance, Settings};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::session::Session;
use model::Objects;
use values::{Encoding, SqlType, Value};

/// Makes something of every kind.
const SCRIPT: &str = include_str!("seed.sql");

struct Stopped;

impl Clock for Stopped {
    fn now_micros(&self) -> i64 {
        1_700_000_000_000_000
    }
}

struct Ignore;

impl ResultSink for Ignore {
    fn columns(&mut self, _: &[ColumnMeta]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _: &dyn Row) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        Ok(())
    }
}

/// What the script left behind.
struct Stored {
    /// The chunks, in the order of the files.
    chunks: Vec<Vec<u8>>,
    journal: Vec<u8>,
    index: Vec<u8>,
    manifest: Vec<u8>,
    table_files: Vec<Vec<u8>>,
    archives: Vec<Vec<u8>>,
}

/// The database that the script makes, once per process.
fn stored() -> &'static Stored {
    static STORED: OnceLock<Stored> = OnceLock::new();
    STORED.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("decoder-fuzz-seeds-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory for the seeds");
        let stored = make(&dir);
        let _ = std::fs::remove_dir_all(&dir);
        stored
    })
}

/// Objects over the chunks that the script made. They are made anew now and then, for what is put
/// into them stays.
pub(crate) fn objects_at_hand() -> Objects {
    const FRESH_FOR: usize = 10_000;
    thread_local!(static AT_HAND: RefCell<(usize, Objects)> =
        RefCell::new((FRESH_FOR, Objects::in_memory())));
    AT_HAND.with_borrow_mut(|(used, objects)| {
        *used += 1;
        if *used > FRESH_FOR {
            (*used, *objects) = (0, Objects::in_memory());
            for bytes in &stored().chunks {
                let kept = objects.write(bytes.clone());
                kept.expect("memory takes everything");
            }
        }
        objects.clone()
    })
}

fn files(noms: &Path, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for dir in [noms.to_owned(), noms.join("oldgen")] {
        let Ok(entries) = std::fs::read_dir(dir) else {
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        paths.sort();
        let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned());
        paths.retain(|p| p.is_file() && name(p).is_some_and(|n| wanted(&n)));
        out.extend(paths.iter().filter_map(|p| std::fs::read(p).ok()));
    }
    out
}

fn make(dir: &Path) -> Stored {
    let noms = dir.join("db/.dolt/noms");
    let read = |name: &str| std::fs::read(noms.join(name)).unwrap_or_default();
    let run = |script: &str| {
        let instance = Instance::open(dir, Settings::default(), Arc::new(Stopped))
            .expect("an empty directory opens");
        let session = Session::new(&Arc::new(instance), 1, "root", "localhost");
        for sql in script.split(";\n").filter(|s| !s.trim().is_empty()) {
            // Conflicts and violations are reported as errors, and wanted.
            let _ = session.execute(sql.trim().as_bytes(), true, &mut Ignore);
        }
    };
    run(SCRIPT);
    let (journal, index, manifest) = (read(JOURNAL_NAME), read("journal.idx"), read("manifest"));
    let mut chunks = Vec::new();
    {
        let options = OpenOptions {
            read_only: true,
            ..OpenOptions::default()
        };
        let store = FileStore::open(&noms, options).expect("what was written opens");
        for hash in store.hashes().expect("a journal has hashes") {
            let chunk = chunks::ChunkStore::get(&store, &hash);
            let chunk = chunk.expect("it reads").expect("listed");
            chunks.push(chunk.bytes().to_vec());
        }
    }
    run("use db;\ncall dolt_gc('--archive-level', '0');\n");
    let table_files = files(&noms, |n| n.len() == 32 && n != JOURNAL_NAME);
    run("use db;\ninsert into t (id) values (7777);\ncall dolt_gc('--full');\n");
    let archives = files(&noms, |n| n.ends_with(".darc"));
    assert!(chunks.len() > 40 && !table_files.is_empty() && !archives.is_empty());
    Stored {
        chunks,
        journal,
        index,
        manifest,
        table_files,
        archives,
    }
}

/// A store of many small chunks, which has an index, and files of few.
struct Small {
    journal: Vec<u8>,
    index: Vec<u8>,
    manifest: Vec<u8>,
    table_file: Vec<u8>,
    archives: Vec<Vec<u8>>,
}

fn small() -> &'static Small {
    static SMALL: OnceLock<Small> = OnceLock::new();
    SMALL.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("decoder-fuzz-small-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a directory for the seeds");
        let made = make_small(&dir).expect("files can be written");
        let _ = std::fs::remove_dir_all(&dir);
        made
    })
}

fn make_small(dir: &Path) -> chunks::Result<Small> {
    let chunk = |n: usize| Chunk::new(format!("chunk {n} {}", "x".repeat(n % 9)));
    let options = OpenOptions {
        clock: || 7,
        ..OpenOptions::default()
    };
    let noms = dir.join("noms");
    let store = FileStore::create(&noms, options)?;
    let mut last = Hash::EMPTY;
    for n in 0..600 {
        store.put(chunk(n))?;
        if n % 200 == 199 {
            store.commit(chunk(n).hash(), last)?;
            last = chunk(n).hash();
        }
    }
    store.close()?;
    drop(store);
    let read = |path: &Path| std::fs::read(path).expect("it was written");
    let place = Directory::local(dir);
    let name = write_table_file(&place, &(0..30).map(chunk).collect::<Vec<_>>())?.name;
    let mut archives = Vec::new();
    // With a dictionary, and without.
    for count in [1200, 30] {
        let mut archive = ArchiveWriter::create(&place)?;
        for n in 0..count {
            archive.append(&chunk(n))?;
        }
        let name = archive.finish()?.name;
        archives.push(read(&dir.join(format!("{name}.darc"))));
    }
    Ok(Small {
        journal: read(&noms.join(JOURNAL_NAME)),
        index: read(&noms.join("journal.idx")),
        manifest: read(&noms.join("manifest")),
        table_file: read(&dir.join(name.to_string())),
        archives,
    })
}

/// Journal, its index, manifest, of a store of small chunks.
pub(crate) fn small_store() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let s = small();
    (s.journal.clone(), s.index.clone(), s.manifest.clone())
}

/// Accounts, rules of branch control, the state of a database: each behind the byte that says
/// which it is.
pub(crate) fn kept() -> Vec<Vec<u8>> {
    let dir = std::env::temp_dir().join(format!("decoder-fuzz-kept-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory for the seeds");
    let disk = chunks::LocalDisk::shared();
    let paths = [
        dir.join("privileges.db"),
        dir.join("branch_control.db"),
        dir.join("db/.dolt/repo_state.json"),
    ];
    let accounts = Accounts::open(&disk, &paths[0]).expect("there is none yet");
    let added = accounts.add_superuser("root", "localhost", "secret");
    added.expect("files can be written");
    let mut instance = Instance::open(&dir, Settings::default(), Arc::new(Stopped))
        .expect("an empty directory opens");
    instance.accounts = Some(Arc::new(accounts));
    instance.branch_control = BranchControl::open(&disk, &paths[1]).expect("there is none yet");
    let session = Session::new(&Arc::new(instance), 1, "root", "localhost");
    for sql in [
        "create database db",
        "use db",
        "create user a@'10.%' identified by 'x' require ssl",
        "create role r",
        "grant r to a@'10.%'",
        "grant select, insert on db.* to a@'10.%' with grant option",
        "grant update (b) on db.t to a@'10.%'",
        "insert into dolt_branch_control values ('db', 'x%', 'a', '10.%', 'admin')",
        "insert into dolt_branch_namespace_control values ('db', 'x%', 'a', '10.%')",
        "call dolt_remote('add', 'r', 'file://./remote')",
        "call dolt_backup('add', 'b', 'file://./backup')",
    ] {
        // What there is no syntax for is no loss.
        let _ = session.execute(sql.as_bytes(), false, &mut Ignore);
    }
    drop(session);
    let read = |(n, path): (usize, &PathBuf)| {
        let bytes = std::fs::read(path).expect("it was written");
        [&[n as u8][..], &bytes].concat()
    };
    let seeds = paths.iter().enumerate().map(read).collect();
    let _ = std::fs::remove_dir_all(&dir);
    seeds
}

/// Journal, its index, manifest.
pub(crate) fn store() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let s = stored();
    (s.journal.clone(), s.index.clone(), s.manifest.clone())
}

pub(crate) fn journal() -> Vec<Vec<u8>> {
    let whole = stored().journal.clone();
    let part = whole[..whole.len().min(3000)].to_vec();
    // As bodies of records: kind, field tags and what they hold.
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(length) = whole.get(at..at + 4) {
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if length < 8 || at + length > whole.len() || records.len() > 2000 {
            break;
        }
        if let Ok(n) = u8::try_from(length - 8) {
            records.push(n);
            records.extend_from_slice(&whole[at + 4..at + length - 4]);
        }
        at += length;
    }
    vec![whole, part, records]
}

pub(crate) fn journal_index() -> Vec<Vec<u8>> {
    vec![small().index.clone(), stored().index.clone()]
}

pub(crate) fn manifest() -> Vec<Vec<u8>> {
    vec![small().manifest.clone(), stored().manifest.clone()]
}

pub(crate) fn table_file() -> Vec<Vec<u8>> {
    let few = small().table_file.clone();
    std::iter::once(few)
        .chain(stored().table_files.clone())
        .collect()
}

pub(crate) fn archive() -> Vec<Vec<u8>> {
    [&small().archives[..], &stored().archives].concat()
}

fn is_node(message: &[u8]) -> bool {
    [&b"TUPM"[..], b"ADRM", b"CMCL", b"ARTM", b"BLOB", b"IVFF"]
        .iter()
        .any(|kind| message.get(8..12) == Some(kind))
}

pub(crate) fn nodes() -> Vec<Vec<u8>> {
    let all = stored().chunks.iter();
    all.filter(|c| is_node(c)).cloned().collect()
}

pub(crate) fn objects() -> Vec<Vec<u8>> {
    let all = stored().chunks.iter();
    all.filter(|c| !is_node(c)).cloned().collect()
}

/// A type for each encoding.
pub(crate) fn column_types() -> &'static [(Encoding, SqlType)] {
    static TYPES: OnceLock<Vec<(Encoding, SqlType)>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut out: Vec<(Encoding, SqlType)> = Vec::new();
        for message in &stored().chunks {
            let Ok(schema) = model::Schema::decode(message) else {
                continue;
            };
            for c in schema.columns {
                for encoding in [c.encoding, c.encoding.in_key()] {
                    if out.iter().all(|(known, _)| *known != encoding) {
                        out.push((encoding, c.sql_type.clone()));
                    }
                }
            }
        }
        out
    })
}

pub(crate) fn tuples() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (encoding, ty) in column_types() {
        for value in [
            Value::Int(7),
            Value::Float(1.5),
            Value::Bytes(b"abc"[..].into()),
        ] {
            let mut raw = Vec::new();
            if values::encode_field(*encoding, ty, &value, &values::NoBlobs, &mut raw).is_err() {
                continue;
            }
            let fields = [Some(&raw[..]), None, Some(&raw[..])];
            let Ok(tuple) = values::tuple::tuple_of(&fields) else {
                continue;
            };
            let id = encoding.id();
            out.push([&[2, id, id, id][..], &tuple, &tuple].concat());
        }
    }
    out
}

fn lines(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(|l| l.as_bytes().to_vec()).collect()
}

pub(crate) fn json() -> Vec<Vec<u8>> {
    let mut out = lines(
        r#"{"a":[1,2.5,-3e7,"x\u00e9\n",null,true,{"b":{}}],"":[[]]}
[1,[2,[3,[4]]],"\\\"",9223372036854775807,18446744073709551615,1e-7]
"base64:type15:2024-01-01"
{"a":1}"#,
    );
    for path in ["$.a[0]", "$[last-1].\"x y\"", "$**.b[1 to 3]", "$.*"] {
        out.push(format!("{{\"a\":[1,2,{{\"b\":[1,2,3,4]}}]}}\n{path}").into_bytes());
    }
    let long: Vec<String> = (0..400).map(|i| format!("{{\"k{i}\":\"{i}\"}}")).collect();
    out.push(format!("[{}]", long.join(",")).into_bytes());
    out
}

pub(crate) fn geometry() -> Vec<Vec<u8>> {
    let mut out = lines(
        "POINT(1 2)\nLINESTRING(0 0,1 1,2 -2.5e3)\n\
         POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))\n\
         MULTIPOINT((1 1),(2 2))\nMULTIPOLYGON(((0 0,1 0,1 1,0 0)))\n\
         GEOMETRYCOLLECTION(POINT(1 1),GEOMETRYCOLLECTION EMPTY)\n\
         {\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]}",
    );
    for text in out.clone() {
        let text = String::from_utf8_lossy(&text).into_owned();
        let Some(shape) = values::geometry::from_wkt(&text) else {
            continue;
        };
        let mut wkb = Vec::new();
        values::geometry::write_wkb(&shape, &mut wkb);
        out.push([&[0xe6, 0x10, 0, 0][..], &wkb].concat());
        out.push(wkb);
    }
    out
}

pub(crate) fn statements() -> Vec<Vec<u8>> {
    let own = SCRIPT.split(";\n").map(|s| s.trim().as_bytes().to_vec());
    own.filter(|s| !s.is_empty()).collect()
}

pub(crate) fn packets() -> Vec<Vec<u8>> {
    let mut answer = vec![0x8d, 0xa6, 0xff, 0x19, 0, 0, 0, 1, 45];
    answer.extend_from_slice(&[0; 23]);
    answer.extend_from_slice(b"root\0\x14abcdefghijklmnopqrstdb\0caching_sha2_password\0");
    answer.extend_from_slice(b"\x0c\x03_os\x05Linux\0");
    let change = b"root\0\x14abcdefghijklmnopqrstdb\0\x2d\0mysql_native_password\0".to_vec();
    let mut bound = vec![0, 1];
    let types = [
        1u8, 2, 3, 4, 5, 8, 9, 12, 10, 11, 7, 246, 253, 252, 245, 254,
    ];
    for ty in types {
        bound.extend_from_slice(&[ty, 0]);
    }
    bound.extend_from_slice(&[7; 60]);
    let date = vec![0, 1, 12, 0, 11, 0xe8, 7, 1, 2, 3, 4, 5, 6, 0, 0, 0];
    vec![
        answer,
        change,
        bound,
        date,
        vec![0, 1, 253, 0, 3, b'a', b'b', b'c'],
    ]
}

pub(crate) fn text_values() -> Vec<Vec<u8>> {
    lines(
        "2024-02-29 23:59:59.999999+05:30\n20240229T101010\n-838:59:59.5\n1 10:11:12\n10:11\n\
         99999999999999999999999999999999999.999999999999999999999999999999\n-1.5e-30\n0x1F\n\
         1e400\n-0.0\n.5\n18446744073709551616",
    )
}
