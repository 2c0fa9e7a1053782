//! What the simulation found, each in as few steps as it takes.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use chunks::{
    Chunk, ChunkError, ChunkStore, Collection, Directory, FileStore, Hash, OpenOptions, SmallFile,
    TableStore,
};
use engine::instance::{Instance, Settings, SystemClock};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::session::Session;
use simulation::{Fault, Random, SimulatedDisk};

fn disk(seed: u64) -> Arc<SimulatedDisk> {
    SimulatedDisk::new(Random::new(seed))
}

fn open(disk: &Arc<SimulatedDisk>) -> chunks::Result<FileStore> {
    let options = OpenOptions {
        disk: disk.clone(),
        ..OpenOptions::default()
    };
    FileStore::create(Path::new("/store"), options)
}

/// Chunk `n` refers to the one before it.
fn chunk(n: u64) -> Chunk {
    let before = match n {
        0 => Hash::EMPTY,
        n => chunk(n - 1).hash(),
    };
    let mut bytes = before.0.to_vec();
    // More than a sector, whatever compression does.
    let mut noise = Random::new(n);
    bytes.extend((0..150).flat_map(|_| noise.next().to_le_bytes()));
    Chunk::new(bytes)
}

fn references(chunk: &Chunk, found: &mut dyn FnMut(Hash)) -> Result<(), String> {
    found(Hash::from_slice(&chunk.bytes()[..20]).ok_or("too short")?);
    Ok(())
}

fn commit(store: &dyn ChunkStore, n: u64) -> chunks::Result<()> {
    store.put(chunk(n))?;
    let last = store.root()?;
    assert!(store.commit(chunk(n).hash(), last)?);
    Ok(())
}

/// The root is chunk `n`, and all before it are there.
fn check(store: &dyn ChunkStore, n: u64) {
    assert_eq!(store.root().unwrap(), chunk(n).hash());
    for n in 0..=n {
        assert_eq!(store.get(&chunk(n).hash()).unwrap(), Some(chunk(n)));
    }
}

#[test]
fn what_a_failed_sync_may_have_lost_is_not_built_upon() {
    for seed in 0..20 {
        let disk = disk(seed);
        let store = open(&disk).unwrap();
        commit(&store, 0).unwrap();
        disk.arm(Fault::SyncError, 0);
        assert!(commit(&store, 1).is_err());
        assert!(matches!(
            commit(&store, 2),
            Err(ChunkError::Poisoned { .. })
        ));
        assert!(store.get(&chunk(1).hash()).unwrap().is_some());
        drop(store);
        let store = open(&disk).unwrap();
        check(&store, 0);
        commit(&store, 1).unwrap();
        disk.lose_power();
        drop(store);
        disk.restore_power();
        check(&open(&disk).unwrap(), 1);
    }
}

#[test]
fn a_write_that_is_tried_again_has_one_root() {
    for seed in 0..40 {
        let disk = disk(seed);
        let store = open(&disk).unwrap();
        commit(&store, 0).unwrap();
        // The first write makes room for the commit, the second one is the commit.
        disk.arm(Fault::WriteError, 1);
        assert!(commit(&store, 1).is_err());
        store.put(chunk(2)).unwrap();
        let lsn = store.append_root(chunk(2).hash(), chunk(1).hash());
        let lsn = lsn.unwrap().unwrap();
        // Power goes while both are made durable.
        disk.arm(Fault::PowerLoss, 0);
        assert!(store.sync(lsn).is_err());
        drop(store);
        disk.restore_power();
        let store = open(&disk).unwrap();
        assert!(
            [0, 2]
                .map(|n| chunk(n).hash())
                .contains(&store.root().unwrap())
        );
    }
}

#[test]
fn what_a_killed_process_wrote_is_durable_before_more_follows() {
    for seed in 0..400 {
        let disk = disk(seed);
        let store = open(&disk).unwrap();
        commit(&store, 0).unwrap();
        store.put(chunk(1)).unwrap();
        let lsn = store.append_root(chunk(1).hash(), chunk(0).hash());
        // It is killed between the write and the sync.
        disk.arm(Fault::Kill, 0);
        assert!(store.sync(lsn.unwrap().unwrap()).is_err());
        drop(store);
        disk.kill_process();
        let store = open(&disk).unwrap();
        store.put(chunk(2)).unwrap();
        let root = store.root().unwrap();
        let lsn = store.append_root(chunk(2).hash(), root).unwrap().unwrap();
        disk.arm(Fault::PowerLoss, 1);
        assert!(store.sync(lsn).is_err());
        drop(store);
        disk.restore_power();
        open(&disk).unwrap();
    }
}

#[test]
fn a_full_disk_at_any_step_leaves_a_store_that_goes_on() {
    for room in (0..4000).step_by(50) {
        let disk = disk(room);
        let store = open(&disk).unwrap();
        disk.set_room(Some(room));
        let mut n = 0;
        while n < 3 && commit(&store, n).is_ok() {
            n += 1;
        }
        let how = Collection {
            full: room % 100 == 0,
            archives: true,
            file_size: None,
            references,
            interrupted: &|| false,
        };
        drop(store.collect(how, &|_| Ok(Vec::new())));
        disk.set_room(None);
        commit(&store, n).unwrap();
        disk.lose_power();
        drop(store);
        disk.restore_power();
        check(&open(&disk).unwrap(), n);
    }
}

#[test]
fn garbage_collection_that_fails_anywhere_leaves_a_store_that_goes_on() {
    for after in 0..30 {
        for fault in [Fault::WriteError, Fault::SyncError] {
            let disk = disk(after);
            let store = open(&disk).unwrap();
            // Nothing refers to it, but who read it before reads it until the end.
            store.put(chunk(50)).unwrap();
            (0..3).for_each(|n| commit(&store, n).unwrap());
            let how = Collection {
                full: after % 2 == 0,
                archives: false,
                file_size: None,
                references,
                interrupted: &|| false,
            };
            disk.arm(fault, after);
            let old = |_| Ok(vec![chunk(1).hash()]);
            let collected = store.collect(how, &old);
            disk.disarm();
            check(&store, 2);
            let poisoned = disk.injected().contains_key("sync error") && collected.is_err();
            match commit(&store, 3) {
                Ok(()) => {}
                Err(ChunkError::Poisoned { .. }) if poisoned => continue,
                Err(e) => panic!("{fault:?} after {after}: {e}"),
            }
            let garbage = store.get(&chunk(50).hash()).unwrap();
            assert_eq!(garbage, Some(chunk(50)), "{fault:?} after {after}");
            drop(collected);
            disk.lose_power();
            drop(store);
            disk.restore_power();
            check(&open(&disk).unwrap(), 3);
        }
    }
}

#[test]
fn nothing_rests_on_a_manifest_that_is_seen_and_not_durable() {
    for after in 0..12 {
        for seed in 0..20 {
            let disk = disk(seed);
            let store = open(&disk).unwrap();
            commit(&store, 0).unwrap();
            disk.arm(Fault::SyncError, 0);
            assert!(commit(&store, 1).is_err());
            // Only memory has chunk 1; a collection writes it, and is killed.
            let how = Collection {
                full: false,
                archives: false,
                file_size: None,
                references,
                interrupted: &|| false,
            };
            disk.arm(Fault::Kill, after);
            let _ = store.collect(how, &|_| Ok(vec![chunk(1).hash()]));
            drop(store);
            disk.kill_process();
            let store = open(&disk).unwrap();
            commit(&store, 1).unwrap();
            disk.lose_power();
            drop(store);
            disk.restore_power();
            check(&open(&disk).unwrap(), 1);
        }
    }
}

#[test]
fn a_remote_names_no_file_that_is_not_there() {
    for after in 0..40 {
        for seed in 0..25 {
            let disk = disk(seed);
            let place = Directory::on(disk.clone(), Path::new("/remote"));
            let store = TableStore::open(&place).unwrap();
            commit(&store, 0).unwrap();
            disk.arm(Fault::PowerLoss, after);
            let done = (1..4).take_while(|n| commit(&store, *n).is_ok()).count() as u64;
            disk.lose_power();
            drop(store);
            disk.restore_power();
            let store = TableStore::open(&place).unwrap();
            let root = store.root().unwrap();
            let n = (done..4).find(|n| chunk(*n).hash() == root);
            check(
                &store,
                n.expect("what was acknowledged, or what was in flight"),
            );
        }
    }
}

#[test]
fn a_small_file_is_replaced_as_a_whole_or_not_at_all() {
    for after in 0..12 {
        for fault in [Fault::PowerLoss, Fault::WriteError, Fault::SyncError] {
            let disk = disk(after);
            let shared: Arc<dyn chunks::Disk> = disk.clone();
            let file = SmallFile::on(&shared, Path::new("/kept/accounts"), Some(0o600)).unwrap();
            file.replace(b"one").unwrap();
            disk.arm(fault, after);
            let done = file.replace(b"two").is_ok();
            disk.disarm();
            let expected: &[u8] = if done { b"two" } else { b"one" };
            if fault != Fault::PowerLoss {
                assert_eq!(file.read().unwrap().as_deref(), Some(expected));
            }
            disk.lose_power();
            disk.restore_power();
            let left = file.read().unwrap().unwrap();
            let either = fault == Fault::PowerLoss && !done && left == b"two";
            assert!(
                either || left == expected,
                "{fault:?} after {after}: {left:?}"
            );
        }
    }
}

struct Nothing;

impl ResultSink for Nothing {
    fn columns(&mut self, _: &[ColumnMeta]) -> engine::error::Result<()> {
        Ok(())
    }
    fn row(&mut self, _: &dyn Row) -> engine::error::Result<Flow> {
        Ok(Flow::Continue)
    }
    fn done(&mut self, _: &Done, _: bool) -> engine::error::Result<()> {
        Ok(())
    }
}

fn server(disk: &Arc<SimulatedDisk>) -> Arc<Instance> {
    let settings = Settings {
        disk: disk.clone(),
        ..Settings::default()
    };
    let clock = Arc::new(SystemClock);
    Arc::new(Instance::open(Path::new("/data"), settings, clock).unwrap())
}

fn session(instance: &Arc<Instance>) -> Session {
    Session::new(instance, 1, "root", "localhost")
}

fn run(session: &Session, sql: &str) -> engine::error::Result<()> {
    session.execute(sql.as_bytes(), false, &mut Nothing)
}

#[test]
fn a_database_is_created_and_dropped_whole_or_not_at_all() {
    for after in 0..45 {
        for (first, then) in [
            (None, "create database x"),
            (Some("create database x"), "drop database x"),
        ] {
            for fault in [Fault::PowerLoss, Fault::WriteError, Fault::SyncError] {
                let disk = disk(after);
                let instance = server(&disk);
                let s = session(&instance);
                first.iter().for_each(|sql| run(&s, sql).unwrap());
                disk.arm(fault, after);
                let done = run(&s, then);
                disk.disarm();
                let again = match (&done, fault) {
                    (Err(_), Fault::WriteError | Fault::SyncError) => run(&s, then),
                    _ => Ok(()),
                };
                let is_there = instance.database("x").is_some();
                if fault != Fault::PowerLoss && again.is_ok() {
                    assert_eq!(is_there, first.is_none(), "{fault:?} after {after}: {then}");
                }
                disk.lose_power();
                drop((s, instance));
                disk.restore_power();
                let instance = server(&disk);
                let s = session(&instance);
                let found = instance.database("x").is_some();
                if done.is_ok() || fault != Fault::PowerLoss && again.is_ok() {
                    assert_eq!(found, first.is_none(), "{fault:?} after {after}: {then}");
                }
                match found {
                    true => {
                        run(&s, "use x").unwrap();
                        run(&s, "create table t (a int)").unwrap();
                        run(&s, "drop database x").unwrap();
                    }
                    false => run(&s, "create database x").unwrap(),
                }
            }
        }
    }
}

#[test]
fn a_commit_takes_its_transaction_along_or_leaves_it_open() {
    for after in 0..6 {
        for fault in [Fault::PowerLoss, Fault::WriteError] {
            let disk = disk(after);
            let instance = server(&disk);
            let s = session(&instance);
            for sql in [
                "create database x",
                "use x",
                "create table t (a int primary key)",
                "call dolt_commit('-Am', 'table')",
                "start transaction",
                "insert into t values (1)",
            ] {
                run(&s, sql).unwrap();
            }
            disk.arm(fault, after);
            let done = run(&s, "call dolt_commit('-am', 'row')");
            disk.disarm();
            if fault == Fault::PowerLoss {
                disk.lose_power();
            }
            let after_it = match fault {
                Fault::PowerLoss => {
                    drop((s, instance));
                    disk.restore_power();
                    server(&disk)
                }
                _ => {
                    drop(s);
                    instance
                }
            };
            let db = after_it.database("x").unwrap();
            let rows = session(&after_it);
            run(&rows, "use x").unwrap();
            // The row is there if and only if the commit is.
            let head = db.store.branch("main").unwrap();
            let message = db.store.commit(head).unwrap().meta.message;
            let committed = message == "row";
            assert!(committed || done.is_err(), "{fault:?} after {after}");
            let inserted = run(&rows, "insert into t values (1)").is_err();
            assert_eq!(inserted, committed, "{fault:?} after {after}");
        }
    }
}

#[test]
fn a_failed_edit_of_settings_is_forgotten() {
    for after in 0..8 {
        for fault in [Fault::WriteError, Fault::SyncError] {
            let disk = disk(after);
            let instance = server(&disk);
            let s = session(&instance);
            run(&s, "create database x").unwrap();
            run(&s, "use x").unwrap();
            disk.arm(fault, after);
            let done = run(&s, "call dolt_remote('add', 'r', 'file:///remotes/r')").is_ok();
            disk.disarm();
            let known = |instance: &Arc<Instance>| {
                let db = instance.database("x").unwrap();
                db.store.repo_state().remotes.contains_key("r")
            };
            assert_eq!(known(&instance), done, "{fault:?} after {after}");
            disk.lose_power();
            drop((s, instance));
            disk.restore_power();
            assert_eq!(known(&server(&disk)), done, "{fault:?} after {after}");
        }
    }
}

#[test]
fn a_full_disk_has_an_error_of_its_own() {
    let disk = disk(1);
    let instance = server(&disk);
    let s = session(&instance);
    for sql in [
        "create database x",
        "use x",
        "create table t (a int)",
        "call dolt_commit('-Am', 'table')",
        "call dolt_tag('old')",
    ] {
        run(&s, sql).unwrap();
    }
    disk.set_room(Some(0));
    for sql in [
        "insert into t values (1)",
        "call dolt_commit('--allow-empty', '-m', 'x')",
        "call dolt_branch('b')",
        "call dolt_tag('t')",
        "call dolt_tag('-d', 'old')",
        "call dolt_gc()",
        "create table u (a int)",
        "create database y",
    ] {
        let error = run(&s, sql).unwrap_err();
        assert_eq!(error.code, 1021, "{sql}: {}", error.message);
        assert!(
            error.message.starts_with("Disk full ("),
            "{}",
            error.message
        );
    }
    disk.set_room(None);
    run(&s, "insert into t values (1)").unwrap();
    run(&s, "create database y").unwrap();
}
