//! A database: a directory, its objects, its refs (spec 01 §15, spec 03 §13.1 and §19).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use chunks::{ChunkError, ChunkStore, Directory, FileStore, Hash, Lsn, MemoryStore};
use foldhash::{HashMap, HashMapExt};
use prolly::{AddressMap, NodeStore};
use values::CollationId;

use crate::memorable_commit::save_memorable;
use crate::repo_state::{CONFIG, read_config, write_config};
use crate::{
    Commit, CommitId, CommitMeta, Expected, ModelError, Objects, RefEdit, RefSnapshot, RepoState,
    Result, RevSpec, Root, Tag, WorkingSet, WorkingSetMeta, decode_store_root, encode_store_root,
    ref_name,
};

/// Message of the first commit of every database.
pub const FIRST_MESSAGE: &str = "Initialize data repository";

/// What a database's directory has that others have not.
const DOT_DOLT: &str = ".dolt";

/// How to open a database.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// How to open its chunks.
    pub chunks: chunks::OpenOptions,
    /// Bytes of tree nodes that are kept in memory.
    pub cache_bytes: usize,
    /// The feature version that roots are written with, and the greatest that is read.
    pub feature_version: i64,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            chunks: chunks::OpenOptions::default(),
            cache_bytes: 256 << 20,
            feature_version: crate::FEATURE_VERSION,
        }
    }
}

/// How to create a database.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// The first branch.
    pub branch: String,
    /// Who makes it, and when; the message is replaced by the usual one.
    pub meta: CommitMeta,
    /// The default collation of its tables.
    pub collation: CollationId,
    /// Vary the first commit until its hash looks like the word "dolt".
    pub memorable_hash: bool,
    /// How to open it then.
    pub open: OpenOptions,
}

/// The refs as they are now.
struct Refs {
    root: Hash,
    map: AddressMap,
    names: HashMap<Box<str>, Hash>,
}

/// A database. All methods take `&self`: sessions share it.
pub struct Database {
    dir: Option<Directory>,
    objects: Objects,
    files: Option<Arc<FileStore>>,
    refs: RwLock<Refs>,
    state: Mutex<RepoState>,
    closed: AtomicBool,
    /// Counts changes of refs.
    refs_version: AtomicU64,
}

fn load_refs(objects: &Objects, root: Hash) -> Result<Refs> {
    let nodes = objects.nodes().clone();
    let map = if root.is_empty() {
        AddressMap::empty(nodes)?
    } else {
        let message = objects.read(&root)?;
        AddressMap::from_embedded(nodes, Bytes::from(decode_store_root(message.bytes())?))?
    };
    let mut names = HashMap::new();
    for entry in map.iter()? {
        let (name, hash) = entry?;
        let name = String::from_utf8(name)
            .map_err(|_| ModelError::corrupt("store root", "a ref's name is not UTF-8"))?;
        names.insert(name.into_boxed_str(), hash);
    }
    Ok(Refs { root, map, names })
}

fn default_meta(seconds: u64) -> WorkingSetMeta {
    WorkingSetMeta {
        name: "TODO".into(),
        email: "TODO".into(),
        description: "TODO".into(),
        seconds,
    }
}

impl Database {
    /// Opens the database in a directory that has a `.dolt`.
    pub fn open(dir: &Path, options: &OpenOptions) -> Result<Database> {
        let dir = Directory::on(options.chunks.disk.clone(), dir);
        let dot = dir.child(DOT_DOLT);
        let noms = dot.child("noms");
        if !noms.exists() {
            return Err(ModelError::NotADatabase(dir.path().to_owned()));
        }
        let state = RepoState::read(&dot)?.unwrap_or_else(|| RepoState::new("main"));
        let files = Arc::new(FileStore::open(noms.path(), options.chunks.clone())?);
        Database::over(files.clone(), Some(files), Some(dir), state, options)
    }

    /// Creates a database in a directory, which is made if need be.
    pub fn create(dir: &Path, options: &CreateOptions) -> Result<Database> {
        let db = Database::create_empty(dir, &options.branch, &options.open)?;
        db.initialize(options)?;
        Ok(db)
    }

    /// Makes the directory of a database that has no commit yet: the beginning of a clone.
    pub fn create_empty(dir: &Path, branch: &str, options: &OpenOptions) -> Result<Database> {
        let dir = Directory::on(options.chunks.disk.clone(), dir);
        let dot = dir.child(DOT_DOLT);
        if dot.exists() {
            let allowed = ["tmp", CONFIG, "git-remote-cache"];
            for (name, _) in dot.list()? {
                if !allowed.contains(&name.as_str()) {
                    return Err(ModelError::DirectoryExists(dir.path().to_owned()));
                }
            }
        }
        let noms = dot.child("noms");
        noms.child("oldgen").create()?;
        dot.child("temptf").create()?;
        if dot.kind(CONFIG)?.is_none() {
            write_config(&dot, &BTreeMap::new())?;
        }
        let files = Arc::new(FileStore::create(noms.path(), options.chunks.clone())?);
        let state = RepoState::new(branch);
        let db = Database::over(
            files.clone(),
            Some(files),
            Some(dir),
            state.clone(),
            options,
        )?;
        db.write_state(&state)?;
        Ok(db)
    }

    /// The database whose chunks are in a store that is not a database directory: a remote.
    pub fn in_store(store: Arc<dyn ChunkStore>, options: &OpenOptions) -> Result<Database> {
        Database::over(store, None, None, RepoState::new("main"), options)
    }

    /// Creates a database that lives as long as the process.
    pub fn in_memory(options: &CreateOptions) -> Result<Database> {
        let store = Arc::new(MemoryStore::new());
        let state = RepoState::new(&options.branch);
        let db = Database::over(store, None, None, state, &options.open)?;
        db.initialize(options)?;
        Ok(db)
    }

    fn over(
        store: Arc<dyn ChunkStore>,
        files: Option<Arc<FileStore>>,
        dir: Option<Directory>,
        state: RepoState,
        options: &OpenOptions,
    ) -> Result<Database> {
        let root = store.root()?;
        let mut objects = Objects::new(NodeStore::new(store, options.cache_bytes))
            .with_feature_version(options.feature_version);
        if let Some(dir) = &dir {
            objects = objects.with_temporary_directory(&dir.path().join(".dolt").join("temptf"));
        }
        Ok(Database {
            refs: RwLock::new(load_refs(&objects, root)?),
            objects,
            files,
            dir,
            state: Mutex::new(state),
            closed: AtomicBool::new(false),
            refs_version: AtomicU64::new(0),
        })
    }

    fn initialize(&self, options: &CreateOptions) -> Result<()> {
        ref_name::check_user_branch(&options.branch)?;
        if self.get_ref(ref_name::CREATED).is_some() {
            return Err(ModelError::AlreadyExists("database".into()));
        }
        let mut root = Root::empty(&self.objects)?;
        let mut meta = options.meta.clone();
        meta.message = FIRST_MESSAGE.into();
        let first = Commit::new(&self.objects, root.save()?, Vec::new(), meta.clone())?;
        let created = match options.memorable_hash {
            true => save_memorable(&self.objects, &first)?,
            false => first.save(&self.objects)?,
        };
        let mut head = created;
        if options.collation != CollationId::DEFAULT {
            root = root.with_collation(options.collation);
            meta.message = "CREATE DATABASE".into();
            let second = Commit::new(&self.objects, root.save()?, vec![created], meta)?;
            head = second.save(&self.objects)?;
        }
        let seconds = options.meta.committer_millis / 1000;
        let mut clean = WorkingSet::clean(root.save()?);
        clean.meta = Some(default_meta(seconds));
        let clean = clean.save(&self.objects)?;
        self.edit_refs(&[
            RefEdit::set(ref_name::CREATED, created.0, Expected::Absent),
            RefEdit::set(ref_name::branch(&options.branch), head.0, Expected::Absent),
            RefEdit::set(
                ref_name::working_set(&options.branch),
                clean,
                Expected::Absent,
            ),
        ])
    }

    /// The directory, if there is one.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_ref().map(Directory::path)
    }

    /// The stored objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The files of chunks, if the database has a directory.
    pub fn file_store(&self) -> Option<&Arc<FileStore>> {
        self.files.as_ref()
    }

    /// Whether another process owns the database.
    pub fn is_read_only(&self) -> bool {
        self.chunks().is_read_only()
    }

    /// Brings the directory up to date and refuses later writes: it may be moved away while
    /// somebody still holds the database, and another one may take its place.
    pub fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::SeqCst);
        match &self.files {
            Some(files) => Ok(files.close()?),
            None => Ok(()),
        }
    }

    /// Takes writes again after [`Database::close`]: the directory has stayed where it was.
    pub fn reopen(&self) {
        if let Some(files) = &self.files {
            files.reopen();
        }
        self.closed.store(false, Ordering::SeqCst);
    }

    /// The chunks.
    pub fn chunks(&self) -> &Arc<dyn ChunkStore> {
        self.objects.nodes().chunks()
    }

    fn read_refs(&self) -> std::sync::RwLockReadGuard<'_, Refs> {
        self.refs.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees what other processes have committed.
    pub fn refresh(&self) -> Result<()> {
        let mut refs = self.refs.write().unwrap_or_else(PoisonError::into_inner);
        self.chunks().rebase()?;
        let root = self.chunks().root()?;
        if root != refs.root {
            *refs = load_refs(&self.objects, root)?;
            self.refs_version.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    /// All refs as they are now.
    pub fn refs(&self) -> RefSnapshot {
        let refs = self.read_refs();
        RefSnapshot {
            root: refs.root,
            map: refs.map.clone(),
        }
    }

    /// All datasets that a root of the store names, one of the past perhaps, in the order of their
    /// names.
    pub fn datasets_of(&self, root: Hash) -> Result<Vec<(String, Hash)>> {
        let refs = load_refs(&self.objects, root)?;
        let names = refs.names.into_iter();
        let mut all: Vec<(String, Hash)> = names.map(|(n, h)| (n.into_string(), h)).collect();
        all.sort_unstable();
        Ok(all)
    }

    /// The address of a dataset, by its full name.
    pub fn get_ref(&self, name: &str) -> Option<Hash> {
        self.read_refs().names.get(name).copied()
    }

    /// Changes refs, all or none; returns when the change will survive power loss.
    pub fn edit_refs(&self, edits: &[RefEdit]) -> Result<()> {
        let lsn = self.append_refs(edits)?;
        self.sync(lsn)
    }

    /// Changes refs, all or none. Everyone sees the change at once; it survives power loss after
    /// [`Database::sync`], which many changes can share.
    pub fn append_refs(&self, edits: &[RefEdit]) -> Result<Lsn> {
        let mut refs = self.refs.write().unwrap_or_else(PoisonError::into_inner);
        loop {
            for e in edits {
                if !e.expected.holds(refs.names.get(e.name.as_str()).copied()) {
                    return Err(match e.expected {
                        Expected::Absent => ModelError::AlreadyExists(e.name.clone()),
                        _ => ModelError::RefMoved(e.name.clone()),
                    });
                }
            }
            let changes = edits.iter().map(|e| (e.name.clone().into_bytes(), e.new));
            let map = refs.map.edit(changes)?;
            let root = self.objects.write(encode_store_root(map.root_bytes())?)?;
            if let Some(lsn) = self.chunks().append_root(root, refs.root)? {
                refs.root = root;
                refs.map = map;
                for e in edits {
                    match e.new {
                        Some(hash) => refs.names.insert(e.name.clone().into_boxed_str(), hash),
                        None => refs.names.remove(e.name.as_str()),
                    };
                }
                self.refs_version.fetch_add(1, Ordering::SeqCst);
                return Ok(lsn);
            }
            self.chunks().rebase()?;
            let current = self.chunks().root()?;
            if current == refs.root {
                return Err(ModelError::RefMoved("store root".into()));
            }
            *refs = load_refs(&self.objects, current)?;
            self.refs_version.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A number that differs after every change of a ref, by this process.
    pub fn refs_version(&self) -> u64 {
        self.refs_version.load(Ordering::SeqCst)
    }

    /// Waits until a change of refs will survive power loss.
    pub fn sync(&self, lsn: Lsn) -> Result<()> {
        Ok(self.chunks().sync(lsn)?)
    }

    /// Branches with their commits, in the order of their names.
    pub fn branches(&self) -> Result<Vec<(String, CommitId)>> {
        let all = self.refs().with_prefix(ref_name::HEADS)?;
        Ok(all.into_iter().map(|(n, h)| (n, CommitId(h))).collect())
    }

    /// The commit of a branch, by its exact name.
    pub fn branch(&self, name: &str) -> Option<CommitId> {
        self.get_ref(&ref_name::branch(name)).map(CommitId)
    }

    /// The name of a branch as it is stored: the exact one, else the only one in any case.
    pub fn find_branch(&self, name: &str) -> Result<Option<String>> {
        if self.branch(name).is_some() {
            return Ok(Some(name.to_owned()));
        }
        let wanted = name.to_lowercase();
        let mut found: Vec<String> = self
            .branches()?
            .into_iter()
            .map(|(n, _)| n)
            .filter(|n| n.to_lowercase() == wanted)
            .collect();
        if found.len() > 1 {
            return Err(ModelError::AmbiguousRef {
                name: name.to_owned(),
                candidates: found.join(", "),
            });
        }
        Ok(found.pop())
    }

    /// Remote-tracking branches, as `remote/branch`.
    pub fn remote_branches(&self) -> Result<Vec<(String, CommitId)>> {
        let all = self.refs().with_prefix(ref_name::REMOTES)?;
        Ok(all.into_iter().map(|(n, h)| (n, CommitId(h))).collect())
    }

    /// Tags, in the order of their names.
    pub fn tags(&self) -> Result<Vec<(String, Tag)>> {
        self.refs()
            .with_prefix(ref_name::TAGS)?
            .into_iter()
            .map(|(n, h)| Ok((n, Tag::open(&self.objects, &h)?)))
            .collect()
    }

    /// A tag by its exact name.
    pub fn tag(&self, name: &str) -> Result<Option<Tag>> {
        self.get_ref(&ref_name::tag(name))
            .map(|h| Tag::open(&self.objects, &h))
            .transpose()
    }

    /// Creates a tag.
    pub fn create_tag(&self, name: &str, tag: &Tag) -> Result<()> {
        ref_name::check_tag(name)?;
        let hash = self.objects.write(tag.encode()?)?;
        self.edit_refs(&[RefEdit::set(ref_name::tag(name), hash, Expected::Absent)])
    }

    /// Removes a tag.
    pub fn delete_tag(&self, name: &str) -> Result<()> {
        let dataset = ref_name::tag(name);
        let Some(hash) = self.get_ref(&dataset) else {
            return Err(ModelError::BranchNotFound(name.to_owned()));
        };
        self.edit_refs(&[RefEdit::remove(dataset, Expected::Is(hash))])
    }

    /// A commit.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        Commit::open(&self.objects, id)
    }

    /// The tables of a commit.
    pub fn root_of(&self, id: CommitId) -> Result<Root> {
        Root::open(&self.objects, self.commit(id)?.root)
    }

    /// A branch's working set and its address, which later changes must name. None for branches
    /// that were pushed from elsewhere and not used since.
    pub fn working_set(&self, branch: &str) -> Result<Option<(Hash, WorkingSet)>> {
        match self.get_ref(&ref_name::working_set(branch)) {
            Some(hash) => Ok(Some((hash, WorkingSet::open(&self.objects, &hash)?))),
            None => Ok(None),
        }
    }

    /// Replaces a branch's working set if it is still the expected one.
    pub fn set_working_set(
        &self,
        branch: &str,
        set: &WorkingSet,
        expected: Expected,
    ) -> Result<Hash> {
        let hash = set.save(&self.objects)?;
        self.edit_refs(&[RefEdit::set(ref_name::working_set(branch), hash, expected)])?;
        Ok(hash)
    }

    /// Moves a branch to a new commit and replaces its working set, both or neither.
    pub fn set_head(
        &self,
        branch: &str,
        commit: &Commit,
        expected_head: Expected,
        set: &WorkingSet,
        expected_set: Expected,
    ) -> Result<CommitId> {
        commit.meta.validate()?;
        let id = commit.save(&self.objects)?;
        let hash = set.save(&self.objects)?;
        self.edit_refs(&[
            RefEdit::set(ref_name::working_set(branch), hash, expected_set),
            RefEdit::set(ref_name::branch(branch), id.0, expected_head),
        ])?;
        Ok(id)
    }

    /// Creates a branch at a commit, with a clean working set; `force` moves an existing one.
    pub fn create_branch(&self, name: &str, at: CommitId, force: bool, seconds: u64) -> Result<()> {
        ref_name::check_user_branch(name)?;
        if let Some(existing) = self.find_branch(name)?
            && !(force && existing == name)
        {
            return Err(ModelError::AlreadyExists(format!("branch {existing}")));
        }
        let expected = if force {
            Expected::Any
        } else {
            Expected::Absent
        };
        let mut set = WorkingSet::clean(self.commit(at)?.root);
        set.meta = Some(default_meta(seconds));
        let set = set.save(&self.objects)?;
        self.edit_refs(&[
            RefEdit::set(ref_name::branch(name), at.0, expected),
            RefEdit::set(ref_name::working_set(name), set, Expected::Any),
        ])
    }

    /// Removes a branch and its working set.
    pub fn delete_branch(&self, name: &str) -> Result<()> {
        let Some(head) = self.branch(name) else {
            return Err(ModelError::BranchNotFound(name.to_owned()));
        };
        self.edit_refs(&[
            RefEdit::remove(ref_name::working_set(name), Expected::Any),
            RefEdit::remove(ref_name::branch(name), Expected::Is(head.0)),
        ])
    }

    /// Gives a branch another name, with its working set.
    pub fn rename_branch(&self, from: &str, to: &str, force: bool) -> Result<()> {
        ref_name::check_user_branch(to)?;
        let Some(head) = self.branch(from) else {
            return Err(ModelError::BranchNotFound(from.to_owned()));
        };
        let expected = if force {
            Expected::Any
        } else {
            Expected::Absent
        };
        let mut edits = vec![
            RefEdit::remove(ref_name::branch(from), Expected::Is(head.0)),
            RefEdit::set(ref_name::branch(to), head.0, expected),
        ];
        if let Some(set) = self.get_ref(&ref_name::working_set(from)) {
            edits.push(RefEdit::remove(
                ref_name::working_set(from),
                Expected::Is(set),
            ));
            edits.push(RefEdit::set(ref_name::working_set(to), set, Expected::Any));
        }
        self.edit_refs(&edits)
    }

    /// The commit that a revision names now; `branch` is the current one.
    pub fn resolve(&self, spec: &RevSpec, branch: Option<&str>) -> Result<CommitId> {
        let head = branch.and_then(|b| self.branch(b));
        spec.resolve(&self.objects, &self.refs(), head)
    }

    /// The checked-out branch, remotes, backups, upstreams.
    pub fn repo_state(&self) -> RepoState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The branch that is checked out.
    pub fn current_branch(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.branch().to_string()
    }

    /// Changes the checked-out branch, remotes, backups or upstreams.
    pub fn edit_repo_state(&self, edit: impl FnOnce(&mut RepoState)) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = state.clone();
        edit(&mut next);
        self.write_state(&next)?;
        *state = next;
        Ok(())
    }

    fn write_state(&self, state: &RepoState) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(ChunkError::ReadOnly.into());
        }
        match &self.dir {
            Some(dir) => state.write(&dir.child(DOT_DOLT)),
            None => Ok(()),
        }
    }

    /// The database's own configuration.
    pub fn local_config(&self) -> Result<BTreeMap<String, String>> {
        match &self.dir {
            Some(dir) => read_config(&dir.child(DOT_DOLT)),
            None => Ok(BTreeMap::new()),
        }
    }

    /// Replaces the database's own configuration.
    pub fn set_local_config(&self, config: &BTreeMap<String, String>) -> Result<()> {
        match &self.dir {
            Some(dir) => write_config(&dir.child(DOT_DOLT), config),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{Column, Person, Schema, Table};
    use values::SqlType;

    fn options() -> CreateOptions {
        let person = Person {
            name: "A".into(),
            email: "a@example.com".into(),
        };
        CreateOptions {
            branch: "main".into(),
            meta: CommitMeta::new(person, 1_704_164_645_000, ""),
            collation: CollationId::DEFAULT,
            memorable_hash: false,
            open: OpenOptions::default(),
        }
    }

    fn temp_dir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("model-{name}-{}", std::process::id()));
        // Numbers of processes come again.
        let _ = std::fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn a_new_database_has_a_commit_and_a_clean_working_set() {
        let dir = temp_dir("create");
        let db = Database::create(&dir, &options()).unwrap();
        assert!(matches!(
            Database::create(&dir, &options()),
            Err(ModelError::DirectoryExists(_))
        ));
        let head = db.branch("main").unwrap();
        let commit = db.commit(head).unwrap();
        assert_eq!(
            (commit.height, commit.meta.message.as_str()),
            (1, FIRST_MESSAGE)
        );
        assert_eq!(commit.root.to_string(), "vt5n73lho7q40t91ucetlr9qv4eqhasl");
        let (hash, set) = db.working_set("main").unwrap().unwrap();
        assert_eq!((set.working, set.staged), (commit.root, commit.root));

        let mut schema = Schema::default();
        let mut id = Column::new("id", SqlType::INT, 15476);
        (id.primary_key, id.nullable) = (true, false);
        schema.columns.push(id);
        schema.primary_key.push(0);
        let table = Table::new(db.objects(), &schema).unwrap();
        let root = db
            .root_of(head)
            .unwrap()
            .with_table("T", &table)
            .unwrap()
            .save()
            .unwrap();
        let mut meta = commit.meta.clone();
        meta.message = "table".into();
        let next = Commit::new(db.objects(), root, vec![head], meta).unwrap();
        let set = WorkingSet::clean(root);
        let moved = db.set_head(
            "main",
            &next,
            Expected::Is(head.0),
            &set,
            Expected::Is(Hash::EMPTY),
        );
        assert!(matches!(moved, Err(ModelError::RefMoved(_))));
        assert_eq!(db.branch("main"), Some(head), "all or none");
        let id = db
            .set_head(
                "main",
                &next,
                Expected::Is(head.0),
                &set,
                Expected::Is(hash),
            )
            .unwrap();
        db.create_branch("Side", head, false, 1).unwrap();
        assert!(matches!(
            db.create_branch("side", head, false, 1),
            Err(ModelError::AlreadyExists(_))
        ));
        db.rename_branch("Side", "other", false).unwrap();
        let tag = Tag {
            commit: id,
            tagger: Person::default(),
            message: "m".into(),
            millis: 1,
            user_millis: 1,
        };
        db.create_tag("v1", &tag).unwrap();
        assert!(db.create_tag("v1", &tag).is_err());
        // Tables keep the store open.
        drop((db, table));

        let db = Database::open(&dir, &OpenOptions::default()).unwrap();
        let resolve = |t: &str| db.resolve(&RevSpec::parse(t).unwrap(), Some("main"));
        assert_eq!(resolve("HEAD").unwrap(), id);
        assert_eq!(resolve("v1~1").unwrap(), head);
        assert_eq!(resolve("tags/v1^").unwrap(), head);
        assert_eq!(resolve("other").unwrap(), head);
        assert_eq!(resolve(&id.to_string()).unwrap(), id);
        assert!(matches!(resolve("main~2"), Err(ModelError::BadAncestor)));
        assert!(matches!(
            resolve("nope"),
            Err(ModelError::BranchNotFound(_))
        ));
        assert_eq!(
            crate::common_ancestor(db.objects(), id, head).unwrap(),
            Some(head)
        );
        let (name, table) = db.root_of(id).unwrap().table("t").unwrap().unwrap();
        assert_eq!((name.as_str(), table.schema().columns.len()), ("T", 1));
        db.delete_branch("other").unwrap();
        assert_eq!(db.branches().unwrap().len(), 1);
        assert!(db.get_ref("workingSets/heads/other").is_none());
        assert_eq!(db.repo_state(), RepoState::new("main"));
        assert_eq!(std::fs::read(dir.join(".dolt/config.json")).unwrap(), b"{}");
        drop(db);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn another_collation_makes_a_second_commit() {
        let mut o = options();
        o.collation = CollationId(45);
        let db = Database::in_memory(&o).unwrap();
        let head = db.commit(db.branch("main").unwrap()).unwrap();
        assert_eq!(
            (head.height, head.meta.message.as_str()),
            (2, "CREATE DATABASE")
        );
        assert_eq!(
            Root::open(db.objects(), head.root).unwrap().collation(),
            CollationId(45)
        );
    }

    #[test]
    fn many_sessions_change_refs_and_lose_nothing() {
        let dir = temp_dir("sessions");
        let db = Arc::new(Database::create(&dir, &options()).unwrap());
        let root = db.commit(db.branch("main").unwrap()).unwrap().root;
        let threads: Vec<_> = (0..8u64)
            .map(|t| {
                let db = db.clone();
                std::thread::spawn(move || {
                    let name = ref_name::working_set(&format!("b{t}"));
                    let mut last = Expected::Absent;
                    for seconds in 0..50 {
                        let mut set = WorkingSet::clean(root);
                        set.meta = Some(default_meta(seconds));
                        let hash = set.save(db.objects()).unwrap();
                        db.edit_refs(&[RefEdit::set(name.as_str(), hash, last)])
                            .unwrap();
                        last = Expected::Is(hash);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        drop(db);
        let db = Database::open(&dir, &OpenOptions::default()).unwrap();
        for t in 0..8 {
            let (_, set) = db.working_set(&format!("b{t}")).unwrap().unwrap();
            assert_eq!(set.meta.unwrap().seconds, 49);
        }
        drop(db);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
