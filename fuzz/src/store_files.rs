//! The files of a store: journal, its index, manifest, table files, archives; and what a server
//! keeps beside it.

use std::cell::OnceCell;
use std::path::PathBuf;

use chunks::{
    Archive, ChunkStore, Directory, FileStore, Hash, JOURNAL_NAME, LocalDisk, Manifest,
    OpenOptions, TableFile,
};
use engine::accounts::{Accounts, ClientHost};
use engine::branch_control::BranchControl;
use model::RepoState;

use crate::seeds;

/// A directory of this thread's own, in memory where there is one.
fn place() -> PathBuf {
    thread_local!(static DIR: OnceCell<PathBuf> = const { OnceCell::new() });
    DIR.with(|dir| {
        dir.get_or_init(|| {
            let memory = PathBuf::from("/dev/shm");
            let base = match memory.is_dir() {
                true => memory,
                false => std::env::temp_dir(),
            };
            let thread = format!("{:?}", std::thread::current().id());
            let number: String = thread.chars().filter(char::is_ascii_digit).collect();
            let dir = base.join(format!("decoder-fuzz-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&dir).expect("a directory for files");
            dir
        })
        .clone()
    })
}

fn read_all(store: &FileStore) {
    let _ = store.root();
    let _ = store.root_history();
    let hashes = store.hashes().unwrap_or_default();
    for hash in hashes.iter().take(200) {
        let _ = store.has(hash);
        let _ = store.get(hash);
    }
}

fn open(read_only: bool) {
    let options = OpenOptions {
        read_only,
        clock: || 0,
        ..OpenOptions::default()
    };
    if let Ok(store) = FileStore::open(&place(), options) {
        read_all(&store);
        let _ = store.close();
    }
}

fn write_store(journal: &[u8], index: Option<&[u8]>, manifest: &[u8]) {
    let dir = place();
    let put = |name: &str, bytes: &[u8]| {
        std::fs::write(dir.join(name), bytes).expect("files can be written");
    };
    put(JOURNAL_NAME, journal);
    put("manifest", manifest);
    match index {
        Some(bytes) => put("journal.idx", bytes),
        None => {
            let _ = std::fs::remove_file(dir.join("journal.idx"));
        }
    }
}

/// A journal; with the first bit of its length's parity as bodies of records that are given
/// their lengths and checksums, so that what is behind those is reached too.
pub fn journal(data: &[u8]) {
    let (_, _, manifest) = seeds::store();
    write_store(data, None, &manifest);
    open(true);
    // What is opened for writing is repaired, so it comes last.
    open(false);
    let mut records = Vec::new();
    let mut rest = data;
    while let Some((&n, tail)) = rest.split_first() {
        let (body, tail) = tail.split_at(tail.len().min(usize::from(n)));
        let start = records.len();
        records.extend_from_slice(&(body.len() as u32 + 8).to_be_bytes());
        records.extend_from_slice(body);
        let sum = crc32c::crc32c(&records[start..]);
        records.extend_from_slice(&sum.to_be_bytes());
        rest = tail;
    }
    write_store(&records, None, &manifest);
    open(true);
}

/// The index beside a journal.
pub fn journal_index(data: &[u8]) {
    let (journal, _, manifest) = seeds::small_store();
    write_store(&journal, Some(data), &manifest);
    open(true);
}

/// A manifest, beside a journal.
pub fn manifest(data: &[u8]) {
    let (journal, index, _) = seeds::small_store();
    write_store(&journal, Some(&index), data);
    let _ = Manifest::read(&Directory::local(&place()));
    open(true);
}

/// A table file.
pub fn table_file(data: &[u8]) {
    let dir = place();
    std::fs::write(dir.join("table"), data).expect("files can be written");
    let Ok(file) = TableFile::open(&Directory::local(&dir), "table") else {
        return;
    };
    let _ = file.get(&Hash::of(b"absent"));
    for hash in file.hashes().take(200).flatten() {
        let _ = file.has(&hash);
        let _ = file.get(&hash);
    }
}

/// An archive.
pub fn archive(data: &[u8]) {
    let dir = place();
    std::fs::write(dir.join("archive.darc"), data).expect("files can be written");
    let Ok(file) = Archive::open(&Directory::local(&dir), "archive.darc") else {
        return;
    };
    let _ = file.get(&Hash::of(b"absent"));
    for hash in file.hashes().take(200) {
        let _ = file.has(&hash);
        let _ = file.get(&hash);
    }
}

/// Accounts, rules of branch control, or the state of a database, as the first byte says.
pub fn kept(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    let dir = place();
    let path = dir.join("repo_state.json");
    std::fs::write(&path, data).expect("files can be written");
    let disk = LocalDisk::shared();
    match kind % 3 {
        0 => {
            if let Ok(accounts) = Accounts::open(&disk, &path) {
                for account in accounts.list() {
                    let _ = accounts.effective_grants(&account.user, &account.host);
                }
                let _ = accounts.lookup("a", &ClientHost::local());
            }
        }
        1 => drop(BranchControl::open(&disk, &path)),
        _ => drop(RepoState::read(&Directory::local(&dir))),
    }
}
