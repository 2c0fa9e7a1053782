//! Remotes that Dolt wrote.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use chunks::LocalDisk;
use model::{Database, OpenOptions, Remote};
use remotes::{CloneOptions, Location};

/// A golden directory, unpacked into one that goes away; none if it is not on this machine.
struct Unpacked(PathBuf);

impl Unpacked {
    fn new(name: &str) -> Option<Unpacked> {
        let shared = std::env::var_os("DOLT_RS_SHARED")
            .map(PathBuf::from)
            .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
        let archive = shared.join(format!("golden/dbs/{name}.tar.gz"));
        if !archive.exists() {
            println!("skipped: no {}", archive.display());
            return None;
        }
        let id = std::process::id();
        let dir = std::env::temp_dir().join(format!("remotes-golden-{name}-{id}"));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("xzf").arg(&archive).arg("-C").arg(&dir);
        assert!(tar.status().unwrap().success());
        Some(Unpacked(dir))
    }

    fn open(&self, name: &str) -> Database {
        let url = format!("file://{}", self.0.join(name).display());
        remotes::open(&Location::parse(&url).unwrap(), &LocalDisk::shared()).unwrap()
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_remote_of_dolt_is_cloned_whole() {
    let Some(dir) = Unpacked::new("remotes_store") else {
        return;
    };
    let remote = dir.open("remotes_store");
    let options = CloneOptions {
        remote: Remote {
            name: "origin".into(),
            ..Remote::default()
        },
        branch: None,
        first_branch: "main".into(),
        single_branch: false,
        depth: None,
        seconds: 0,
        open: OpenOptions::default(),
    };
    let clone = remotes::clone(&remote, &dir.0.join("clone"), &options).unwrap();
    assert_eq!(clone.branch("main"), remote.branch("main"));
    let heads = remote.branches().unwrap();
    assert_eq!(clone.remote_branches().unwrap().len(), heads.len());
    for (name, id) in heads {
        let tracking = model::ref_name::remote_branch("origin", &name);
        assert_eq!(clone.get_ref(&tracking), Some(id.0));
        // Every commit and every row of every table is there.
        for entry in versioning::Log::new(clone.objects(), &[id], &[]).unwrap() {
            let root = clone.root_of(entry.unwrap().0).unwrap();
            for (table, _) in root.tables().unwrap() {
                let (_, table) = root.table(&table).unwrap().unwrap();
                let rows: usize = table
                    .rows()
                    .unwrap()
                    .all()
                    .unwrap()
                    .map(|run| run.unwrap().iter().count())
                    .sum();
                assert_eq!(rows as u64, table.rows().unwrap().len());
            }
        }
    }
    assert_eq!(clone.tags().unwrap(), remote.tags().unwrap());
    // What Dolt wrote can be written on, and the old and the new are read alike.
    let head = clone.branch("main").unwrap();
    let pushed = remotes::push_branch(&clone, &remote, head, "copy", None, false).unwrap();
    assert_eq!(pushed, remotes::Pushed::Moved);
    assert_eq!(dir.open("remotes_store").branch("copy"), Some(head));
}

#[test]
fn a_backup_of_dolt_is_restored_with_its_root() {
    let Some(dir) = Unpacked::new("remotes_backup") else {
        return;
    };
    let backup = dir.open("remotes_backup");
    let to = dir.0.join("restored");
    let made = remotes::restore(&backup, &to, "main", &OpenOptions::default()).unwrap();
    assert_eq!(made.refs().store_root(), backup.refs().store_root());
    assert!(made.working_set("main").unwrap().is_some());
}
