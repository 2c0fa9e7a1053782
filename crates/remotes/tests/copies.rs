//! Remotes in directories: what is moved, what is refused, what a failure leaves.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chunks::{Directory, HashSet, LocalDisk, Manifest};
use model::{
    Column, Commit, CommitId, CommitMeta, CreateOptions, Database, Expected, OpenOptions, Person,
    Remote, Schema, Table, Tag, WorkingSet, ref_name,
};
use prolly::Edit;
use remotes::{CloneOptions, Error, FetchSpec, Location, Pushed};
use values::{CollationId, SqlType};

/// A directory that goes away.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let dir = std::env::temp_dir().join(format!("remotes-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Place(dir)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A remote in a directory of this name.
    fn remote(&self, name: &str) -> Database {
        let location = remotes::absolute(&format!("file://./{name}"), &self.0).unwrap();
        remotes::prepare(&location, &LocalDisk::shared()).unwrap();
        remotes::open(&location, &LocalDisk::shared()).unwrap()
    }

    fn database(&self, name: &str) -> Database {
        Database::create(
            &self.at(name),
            &CreateOptions {
                branch: "main".into(),
                meta: meta(0, ""),
                collation: CollationId::DEFAULT,
                memorable_hash: false,
                open: OpenOptions::default(),
            },
        )
        .unwrap()
    }

    fn clone(&self, from: &str, to: &str, depth: Option<u64>) -> remotes::Result<Database> {
        remotes::clone(&self.remote(from), &self.at(to), &options(depth))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn meta(millis: i64, message: &str) -> CommitMeta {
    let who = Person {
        name: "A".into(),
        email: "a@example.com".into(),
    };
    CommitMeta::new(who, 1_704_164_645_000 + millis, message)
}

fn origin() -> Remote {
    Remote {
        name: "origin".into(),
        url: "file:///nowhere".into(),
        fetch_specs: vec!["refs/heads/*:refs/remotes/origin/*".into()],
        params: Default::default(),
    }
}

fn options(depth: Option<u64>) -> CloneOptions {
    CloneOptions {
        remote: origin(),
        branch: None,
        first_branch: "main".into(),
        single_branch: false,
        depth,
        seconds: 0,
        open: OpenOptions::default(),
    }
}

/// Commits a table of so many rows to a branch.
fn commit(db: &Database, branch: &str, rows: u32, message: &str) -> CommitId {
    let head = db.branch(branch).unwrap();
    let mut schema = Schema::default();
    let mut id = Column::new("id", SqlType::INT, 15476);
    (id.primary_key, id.nullable) = (true, false);
    schema.columns.push(id);
    schema.primary_key.push(0);
    let table = Table::new(db.objects(), &schema).unwrap();
    let edits: Vec<_> = (0..rows)
        .map(|n| {
            let key = values::tuple::tuple_of(&[Some(&(n ^ 1 << 31).to_le_bytes()[..])]).unwrap();
            Edit::put(key, Vec::new())
        })
        .collect();
    let mut edits = edits;
    let desc = table.layout().key_desc().clone();
    edits.sort_by(|a, b| desc.compare(&a.key, &b.key));
    let table = table.with_rows(&table.rows().unwrap().edit(&edits).unwrap());
    let root = db.root_of(head).unwrap().with_table("t", &table).unwrap();
    let root = root.save().unwrap();
    let made = Commit::new(
        db.objects(),
        root,
        vec![head],
        meta(i64::from(rows), message),
    )
    .unwrap();
    let set = WorkingSet::clean(root);
    db.set_head(branch, &made, Expected::Is(head.0), &set, Expected::Any)
        .unwrap()
}

fn push(db: &Database, remote: &Database, branch: &str, force: bool) -> Pushed {
    let tracking = ref_name::remote_branch("origin", branch);
    let id = db.branch(branch).unwrap();
    remotes::push_branch(db, remote, id, branch, Some(&tracking), force).unwrap()
}

fn fetch(db: &Database, remote: &Database, prune: bool) {
    let spec = FetchSpec::parse("refs/heads/*:refs/remotes/origin/*", "origin").unwrap();
    remotes::fetch(db, remote, "origin", &[spec], true, prune).unwrap();
}

fn files(dir: &Path) -> usize {
    Manifest::read(&Directory::local(dir))
        .unwrap()
        .map_or(0, |m| m.specs.len())
}

#[test]
fn branches_go_there_and_back() {
    let place = Place::new("round");
    let ours = place.database("ours");
    let first = commit(&ours, "main", 10, "first");
    assert_eq!(
        push(&ours, &place.remote("rem"), "main", false),
        Pushed::Moved
    );
    assert_eq!(
        push(&ours, &place.remote("rem"), "main", false),
        Pushed::UpToDate
    );
    assert_eq!(ours.get_ref("refs/remotes/origin/main"), Some(first.0));

    let theirs = place.clone("rem", "theirs", None).unwrap();
    assert_eq!(theirs.branch("main"), Some(first));
    assert_eq!(theirs.get_ref("refs/remotes/origin/main"), Some(first.0));
    let state = theirs.repo_state();
    assert_eq!(state.branches["main"].remote, "origin");
    assert_eq!(state.remotes["origin"], origin());
    assert!(!place.at("theirs").join(model::INCOMPLETE).exists());
    let (_, set) = theirs.working_set("main").unwrap().unwrap();
    assert_eq!(set.working, theirs.commit(first).unwrap().root);

    let second = commit(&theirs, "main", 20, "second");
    theirs.create_branch("dev", first, false, 0).unwrap();
    let remote = place.remote("rem");
    assert_eq!(push(&theirs, &remote, "main", false), Pushed::Moved);
    assert_eq!(push(&theirs, &remote, "dev", false), Pushed::Moved);

    // Behind, and with a commit of its own.
    let lonely = commit(&ours, "main", 30, "lonely");
    let remote = place.remote("rem");
    assert_eq!(push(&ours, &remote, "main", false), Pushed::Rejected);
    fetch(&ours, &remote, false);
    assert_eq!(ours.get_ref("refs/remotes/origin/main"), Some(second.0));
    assert_eq!(ours.get_ref("refs/remotes/origin/dev"), Some(first.0));
    assert_eq!(
        ours.branch("main"),
        Some(lonely),
        "fetch leaves branches alone"
    );
    assert_eq!(push(&ours, &remote, "main", false), Pushed::Rejected);
    assert_eq!(push(&ours, &remote, "main", true), Pushed::Moved);
    assert_eq!(place.remote("rem").branch("main"), Some(lonely));
}

#[test]
fn tags_follow_and_branches_go_away() {
    let place = Place::new("tags");
    let ours = place.database("ours");
    let id = commit(&ours, "main", 3, "one");
    ours.create_branch("old", id, false, 0).unwrap();
    let tag = Tag {
        commit: id,
        tagger: Person::default(),
        message: "m".into(),
        millis: 1,
        user_millis: 1,
    };
    ours.create_tag("v1", &tag).unwrap();
    let remote = place.remote("rem");
    push(&ours, &remote, "main", false);
    push(&ours, &remote, "old", false);
    let theirs = place.clone("rem", "theirs", None).unwrap();
    assert!(theirs.tag("v1").unwrap().is_none());
    remotes::push_tag(&ours, &remote, "v1", "v1").unwrap();
    assert!(remotes::push_tag(&ours, &remote, "v2", "v2").is_err());

    fetch(&theirs, &place.remote("rem"), false);
    assert_eq!(theirs.tag("v1").unwrap().unwrap(), tag);
    let tracking = "refs/remotes/origin/old";
    remotes::delete_branch(&ours, &remote, "old", Some(tracking), false).unwrap();
    assert_eq!(ours.get_ref(tracking), None);
    fetch(&theirs, &place.remote("rem"), false);
    assert!(theirs.get_ref(tracking).is_some());
    fetch(&theirs, &place.remote("rem"), true);
    assert_eq!(theirs.get_ref(tracking), None);
    assert!(theirs.get_ref("refs/remotes/origin/main").is_some());
    let last = remotes::delete_branch(&ours, &remote, "main", None, false);
    assert!(matches!(last, Err(Error::LastBranch)));
}

#[test]
fn the_cost_follows_what_is_missing() {
    let place = Place::new("cost");
    let ours = place.database("ours");
    let big = commit(&ours, "main", 200_000, "big");
    let remote = place.remote("rem");
    let none = HashSet::default();
    let pull = |id: CommitId| {
        remotes::pull_chunks(&**remote.chunks(), &**ours.chunks(), &[id.0], &none).unwrap()
    };
    let all = pull(big);
    assert!(all.chunks > 200 && all.files == 1, "{all:?}");
    assert_eq!(pull(big).chunks, 0);
    let more = pull(commit(&ours, "main", 200_001, "one more"));
    // Commit, root, table, closure, and the path to the last row.
    assert!(more.chunks <= 10, "{more:?}");
    for hash in ours.file_store().unwrap().hashes().unwrap() {
        let here = ours.chunks().get(&hash).unwrap().unwrap();
        if let Some(there) = remote.chunks().get(&hash).unwrap() {
            assert_eq!(here.bytes(), there.bytes());
        }
    }
}

#[test]
fn a_transfer_that_fails_leaves_the_remote_as_it_was() {
    let place = Place::new("broken");
    let ours = place.database("ours");
    commit(&ours, "main", 10, "good");
    push(&ours, &place.remote("rem"), "main", false);
    let before = Manifest::read(&Directory::local(&place.at("rem")))
        .unwrap()
        .unwrap();

    // A commit whose root was never stored.
    let head = ours.branch("main").unwrap();
    let root = model::RootId(chunks::Hash::of(b"nothing"));
    let bad = Commit::new(ours.objects(), root, vec![head], meta(1, "bad")).unwrap();
    let bad = bad.save(ours.objects()).unwrap();
    let remote = place.remote("rem");
    let failed = remotes::push_branch(&ours, &remote, bad, "main", None, false);
    assert!(matches!(failed, Err(Error::Missing(_))), "{failed:?}");
    drop(remote);
    assert_eq!(
        Manifest::read(&Directory::local(&place.at("rem")))
            .unwrap()
            .unwrap(),
        before
    );
    let left: Vec<_> = std::fs::read_dir(place.at("rem"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with("nbs_table"))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    let other = place.clone("rem", "other", None).unwrap();
    assert_eq!(other.branch("main"), Some(head));
}

#[test]
fn two_writers_of_one_remote_lose_nothing() {
    let place = Place::new("writers");
    let ours = place.database("ours");
    let id = commit(&ours, "main", 5, "base");
    push(&ours, &place.remote("rem"), "main", false);
    // Both look at the remote before either writes.
    let (one, two) = (place.remote("rem"), place.remote("rem"));
    ours.create_branch("a", id, false, 0).unwrap();
    ours.create_branch("b", id, false, 0).unwrap();
    let a = commit(&ours, "a", 6, "a");
    let b = commit(&ours, "b", 7, "b");
    assert_eq!(push(&ours, &one, "a", false), Pushed::Moved);
    assert_eq!(push(&ours, &two, "b", false), Pushed::Moved);
    let remote = place.remote("rem");
    assert_eq!(remote.branch("a"), Some(a));
    assert_eq!(remote.branch("b"), Some(b));
    // The same branch, from a view that is out of date: the ref's compare-and-swap decides.
    let stale = place.remote("rem");
    let next = commit(&ours, "a", 8, "next");
    assert_eq!(push(&ours, &remote, "a", false), Pushed::Moved);
    ours.create_branch("rival", a, false, 0).unwrap();
    let rival = commit(&ours, "rival", 9, "rival");
    let lost = remotes::push_branch(&ours, &stale, rival, "a", None, false).unwrap();
    assert_eq!(lost, Pushed::Rejected);
    assert_eq!(place.remote("rem").branch("a"), Some(next));
}

#[test]
fn shallow_clones_end_in_ghosts() {
    let place = Place::new("shallow");
    let ours = place.database("ours");
    let ids: Vec<CommitId> = (1..=5).map(|n| commit(&ours, "main", n, "step")).collect();
    push(&ours, &place.remote("rem"), "main", false);
    let clone = place.clone("rem", "two", Some(2)).unwrap();
    assert_eq!(clone.branch("main"), Some(ids[4]));
    assert!(clone.commit(ids[3]).is_ok());
    assert!(matches!(
        clone.commit(ids[2]),
        Err(model::ModelError::Ghost(_))
    ));
    let log = versioning::Log::new(clone.objects(), &[ids[4]], &[]).unwrap();
    assert_eq!(log.count(), 2);
    let report = clone.check(1, &|_, _| {}).unwrap();
    assert_eq!((report.chunks, report.commits), (vec![], vec![]));
    // What it lacks it cannot give away.
    let made = commit(&clone, "main", 9, "on top");
    let elsewhere = place.remote("elsewhere");
    let refused = remotes::push_branch(&clone, &elsewhere, made, "main", None, false);
    assert!(matches!(refused, Err(Error::Shallow)), "{refused:?}");
    assert_eq!(
        push(&clone, &place.remote("rem"), "main", false),
        Pushed::Moved
    );
    assert!(matches!(
        place.clone("rem", "none", Some(0)),
        Err(Error::BadDepth(0))
    ));
    assert!(!place.at("none").exists());
}

#[test]
fn clones_that_cannot_be_made() {
    let place = Place::new("refused");
    assert!(matches!(
        place.clone("empty", "x", None),
        Err(Error::NoData)
    ));
    assert!(!place.at("x").exists());
    let ours = place.database("ours");
    commit(&ours, "main", 1, "one");
    push(&ours, &place.remote("rem"), "main", false);
    let wanted = CloneOptions {
        branch: Some("nope".into()),
        ..options(None)
    };
    let missing = remotes::clone(&place.remote("rem"), &place.at("x"), &wanted);
    assert!(matches!(missing, Err(Error::CloneBranch(_))));
    assert!(matches!(
        place.clone("rem", "ours", None),
        Err(Error::Exists(_))
    ));
    // What is left of a clone that was killed is no database, and says so.
    std::fs::create_dir_all(place.at("half/.dolt/noms")).unwrap();
    std::fs::write(place.at("half").join(model::INCOMPLETE), "").unwrap();
    assert!(matches!(
        place.clone("rem", "half", None),
        Err(Error::Incomplete(_))
    ));
    // A database's own directory is no remote; other schemes say that they are not there yet.
    let noms = Location::parse(&format!("file://{}/.dolt/noms", place.at("ours").display()));
    assert!(matches!(
        remotes::open(&noms.unwrap(), &LocalDisk::shared()),
        Err(Error::IsDatabase)
    ));
    let azure = Location::parse("az://container/path").unwrap();
    assert!(matches!(
        remotes::open(&azure, &LocalDisk::shared()),
        Err(Error::Unsupported(_))
    ));
    let odd = Location::parse("files:///x").unwrap();
    assert!(matches!(
        remotes::open(&odd, &LocalDisk::shared()),
        Err(Error::UnknownScheme(_))
    ));
}

#[test]
fn backups_are_whole() {
    let place = Place::new("backup");
    let ours = place.database("ours");
    let id = commit(&ours, "main", 10, "one");
    ours.create_branch("dev", id, false, 0).unwrap();
    let copy = place.remote("copy");
    assert!(remotes::sync(&ours, &copy).unwrap());
    assert!(!remotes::sync(&ours, &copy).unwrap());
    assert_eq!(copy.refs().store_root(), ours.refs().store_root());
    let files_before = files(&place.at("copy"));
    commit(&ours, "dev", 11, "two");
    assert!(remotes::sync(&ours, &copy).unwrap());
    assert_eq!(files(&place.at("copy")), files_before + 1);

    let made = remotes::restore(
        &place.remote("copy"),
        &place.at("again"),
        "main",
        &OpenOptions::default(),
    )
    .unwrap();
    assert_eq!(made.refs().store_root(), ours.refs().store_root());
    drop(made);
    let again = Database::open(&place.at("again"), &OpenOptions::default()).unwrap();
    assert_eq!(again.branches().unwrap(), ours.branches().unwrap());
    assert_eq!(
        again.working_set("dev").unwrap(),
        ours.working_set("dev").unwrap()
    );
}

#[test]
fn orphans_of_a_backup_are_pruned_when_it_is_quiet() {
    let place = Place::new("prune");
    let ours = place.database("ours");
    commit(&ours, "main", 10, "one");
    remotes::sync(&ours, &place.remote("copy")).unwrap();
    let orphan = place.at("copy/00000000000000000000000000000001");
    std::fs::write(&orphan, "left behind").unwrap();
    let location = remotes::absolute("file://./copy", &place.0).unwrap();
    let (now, grace) = (SystemTime::now(), Duration::from_secs(600));
    let early = remotes::prune(&location, grace, now).unwrap();
    assert_eq!(early, remotes::Pruned::NotQuiescent);
    assert!(orphan.exists());
    let before = files(&place.at("copy"));
    let done = remotes::prune(&location, grace, now + grace + grace).unwrap();
    assert_eq!(done.to_string(), "deleted 1 file (11 bytes)");
    assert!(!orphan.exists());
    assert_eq!(files(&place.at("copy")), before);
    let again = place.remote("copy");
    assert_eq!(again.refs().store_root(), ours.refs().store_root());
    assert!(again.commit(again.branch("main").unwrap()).is_ok());
}
