//! The server-wide state: databases of a data directory, global variables, connections.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chunks::{Directory, Kind};
use foldhash::HashMap;
use model::{CommitMeta, CreateOptions, Database, Incomplete, OpenOptions, Person};
pub use prolly::CacheFigures;
use values::{CollationId, OwnedValue};

use crate::database::DatabaseHandle;
use crate::error::{Error, Result};

/// Where the directories of dropped databases go, as in Dolt.
const DROPPED: &str = ".dolt_dropped_databases";

/// Where the time comes from; tests and replays give their own.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970 in UTC.
    fn now_micros(&self) -> i64;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |d| d.as_micros() as i64)
    }
}

/// What decides how an instance works; the outermost layer reads it from flags and files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of who commits when the session says nothing, from the configuration.
    pub user_name: String,
    /// E-mail of the same.
    pub user_email: String,
    /// It answers clients: commits are made in the name of the connected account, and what could
    /// leave its sessions without a branch is refused.
    pub is_server: bool,
    /// Name of the first branch of new databases.
    pub default_branch: String,
    /// Refuse all writes.
    pub read_only: bool,
    /// Sessions start with autocommit on.
    pub autocommit: bool,
    /// Fixed dates of commits, from the environment: (author, committer) in milliseconds.
    pub commit_dates: (Option<i64>, Option<i64>),
    /// Bytes of tree nodes to keep in memory per database.
    pub cache_bytes: usize,
    /// Blanks and hyphens of directory names are underscores in database names.
    pub replace_name_characters: bool,
    /// A branch is pushed to the remote's branch of its name when it follows none.
    pub push_auto_setup_remote: bool,
    /// How many past roots of a database `dolt_reflog` looks at.
    pub reflog_records: usize,
    /// Refuse `dolt_gc`.
    pub gc_procedure_disabled: bool,
    /// Garbage collection that starts by itself waits while the machine is busy.
    pub gc_waits_for_load: bool,
    /// The shortest time without writes after which a backup may be pruned.
    pub backup_prune_min_grace: std::time::Duration,
    /// The feature version that roots are written with, and the greatest that is read.
    pub feature_version: i64,
    /// Where the databases are.
    pub disk: Arc<dyn chunks::Disk>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            user_name: "root".to_string(),
            user_email: "root@localhost".to_string(),
            is_server: false,
            default_branch: "main".to_string(),
            read_only: false,
            autocommit: true,
            commit_dates: (None, None),
            cache_bytes: 256 << 20,
            replace_name_characters: false,
            push_auto_setup_remote: false,
            reflog_records: chunks::MAX_ROOTS_REMEMBERED,
            gc_procedure_disabled: false,
            gc_waits_for_load: true,
            backup_prune_min_grace: remotes::MIN_GRACE,
            feature_version: model::FEATURE_VERSION,
            disk: chunks::LocalDisk::shared(),
        }
    }
}

/// A connection as SHOW PROCESSLIST and KILL see it.
pub struct Process {
    /// Number of the connection.
    pub id: u32,
    /// User name.
    pub user: String,
    /// Where it comes from.
    pub host: String,
    /// How to stop it.
    pub interrupt: Arc<Interrupt>,
    /// Current database, statement and its start in microseconds.
    pub activity: Mutex<Activity>,
}

/// What a connection is doing.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Current database.
    pub database: Option<String>,
    /// Branches that the session has checked out, by the keys of their databases.
    pub heads: HashMap<String, String>,
    /// Running statement.
    pub statement: Option<String>,
    /// When it began.
    pub since: i64,
}

/// Stops a running statement from another thread.
#[derive(Debug, Default)]
pub struct Interrupt {
    state: AtomicU8,
}

impl Interrupt {
    /// Ends the running statement with error 1317.
    pub fn kill_query(&self) {
        let _ = self
            .state
            .compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Ends the running statement and the connection.
    pub fn kill_connection(&self) {
        self.state.store(2, Ordering::SeqCst);
    }

    /// Whether the connection is to end.
    pub fn is_connection_killed(&self) -> bool {
        self.state.load(Ordering::SeqCst) == 2
    }

    /// Forgets a killed query when the next statement begins.
    pub(crate) fn begin(&self) {
        let _ = self
            .state
            .compare_exchange(1, 0, Ordering::SeqCst, Ordering::SeqCst);
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self.state.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err(Error::query_interrupted()),
        }
    }
}

/// The name of the database in a directory of this name (spec 06 §3): with `replace`, blanks and
/// hyphens are underscores.
pub fn database_name(dir: &str, replace: bool) -> String {
    if !replace {
        return dir.to_string();
    }
    let mut name = String::with_capacity(dir.len());
    for c in dir.chars() {
        let c = if c.is_whitespace() || c == '-' {
            '_'
        } else {
            c
        };
        if c != '_' || !name.ends_with('_') {
            name.push(c);
        }
    }
    name
}

/// The server-wide state.
pub struct Instance {
    /// Directory that holds the databases, if they are on disk.
    pub data_dir: Option<PathBuf>,
    /// Settings.
    pub settings: Settings,
    /// Time.
    pub clock: Arc<dyn Clock>,
    databases: RwLock<BTreeMap<String, Arc<DatabaseHandle>>>,
    globals: RwLock<Arc<HashMap<String, OwnedValue>>>,
    processes: Mutex<BTreeMap<u32, Arc<Process>>>,
    next_connection: AtomicU32,
    /// Counts databases created and dropped, so that plans notice.
    pub(crate) generation: AtomicU64,
    /// Who works with files that garbage collection replaced.
    pub pins: crate::pin::Pins,
    /// Named locks of GET_LOCK.
    pub locks: crate::functions::locks::UserLocks,
    /// Locks of rows.
    pub(crate) row_locks: Arc<crate::row_locks::RowLocks>,
    /// Accounts; none when every connection is trusted, as on the command line.
    pub accounts: Option<Arc<crate::accounts::Accounts>>,
    /// Global variables that outlive the process, if there is a directory to keep them in.
    pub(crate) persisted: Option<crate::persisted::Persisted>,
    /// What is wrong with global variables that were to be loaded.
    pub persisted_errors: Vec<String>,
    /// Who may write to which branches.
    pub branch_control: crate::branch_control::BranchControl,
    /// Wakes who runs events.
    pub events: crate::event_scheduler::Bell,
    /// When branches were read and written, if that is noted.
    pub branch_activity: Option<crate::branch_activity::BranchActivity>,
}

impl Instance {
    /// An instance without databases, in memory.
    pub fn in_memory(settings: Settings, clock: Arc<dyn Clock>) -> Instance {
        Instance {
            data_dir: None,
            settings,
            clock,
            databases: RwLock::default(),
            globals: RwLock::default(),
            processes: Mutex::default(),
            next_connection: AtomicU32::new(1),
            generation: AtomicU64::new(0),
            pins: crate::pin::Pins::default(),
            locks: crate::functions::locks::UserLocks::new(),
            row_locks: Arc::default(),
            accounts: None,
            persisted: None,
            persisted_errors: Vec::new(),
            branch_control: crate::branch_control::BranchControl::default(),
            events: crate::event_scheduler::Bell::default(),
            branch_activity: None,
        }
    }

    /// Opens every database in a directory: the directory itself if it is one, and its children.
    pub fn open(dir: &Path, settings: Settings, clock: Arc<dyn Clock>) -> Result<Instance> {
        let place = Directory::on(settings.disk.clone(), dir);
        let mut instance = Instance::in_memory(settings, clock);
        instance.data_dir = Some(dir.to_path_buf());
        let is_database =
            |dir: &Directory| dir.child(".dolt").child("noms").exists() && !Incomplete::is(dir);
        if is_database(&place) {
            let shown = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_path_buf());
            let name = shown
                .file_name()
                .map_or("dolt".into(), |n| n.to_string_lossy().into_owned());
            instance.attach(
                &database_name(&name, instance.settings.replace_name_characters),
                dir,
            )?;
        }
        if place.exists() {
            for (name, kind) in place.list()? {
                let child = place.child(&name);
                if kind == Kind::Directory && !name.starts_with('.') && is_database(&child) {
                    instance.attach(
                        &database_name(&name, instance.settings.replace_name_characters),
                        child.path(),
                    )?;
                }
            }
        }
        let kept = crate::persisted::Persisted::of(&place)?;
        let (variables, wrong) = kept.load()?;
        instance.persisted = Some(kept);
        for (name, value) in variables {
            instance.set_global(&name, value);
        }
        instance.persisted_errors = wrong;
        Ok(instance)
    }

    /// How databases are opened.
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            cache_bytes: self.settings.cache_bytes,
            feature_version: self.settings.feature_version,
            chunks: chunks::OpenOptions {
                disk: self.settings.disk.clone(),
                ..chunks::OpenOptions::default()
            },
        }
    }

    /// Opens the database in a directory under a name.
    pub fn attach(&self, name: &str, dir: &Path) -> Result<()> {
        self.attach_store(name, Database::open(dir, &self.open_options())?);
        Ok(())
    }

    /// Takes an open database under a name.
    pub fn attach_store(&self, name: &str, store: Database) {
        let handle = Arc::new(DatabaseHandle::new(name, store).with_row_locks(&self.row_locks));
        self.write_databases().insert(name.to_lowercase(), handle);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn write_databases(
        &self,
    ) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<DatabaseHandle>>> {
        self.databases
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The database of this base name, in any letter case.
    pub fn database(&self, name: &str) -> Option<Arc<DatabaseHandle>> {
        let map = self
            .databases
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        map.get(name)
            .or_else(|| map.get(&name.to_lowercase()))
            .cloned()
    }

    /// What the caches of tree nodes of all databases hold, and how often they had what was
    /// asked for.
    pub fn cache_figures(&self) -> CacheFigures {
        let mut sum = CacheFigures::default();
        for db in self.databases() {
            let one = db.store.objects().nodes().cache_figures();
            sum.limit += one.limit;
            sum.bytes += one.bytes;
            sum.hits += one.hits;
            sum.misses += one.misses;
        }
        sum
    }

    /// All databases by name.
    pub fn databases(&self) -> Vec<Arc<DatabaseHandle>> {
        let map = self
            .databases
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        map.values().cloned().collect()
    }

    /// CREATE DATABASE.
    pub fn create_database(
        &self,
        name: &str,
        collation: CollationId,
        by: Person,
        millis: i64,
    ) -> Result<Arc<DatabaseHandle>> {
        let mut map = self.write_databases();
        if map.contains_key(&name.to_lowercase()) {
            return Err(Error::database_exists(name));
        }
        let options = CreateOptions {
            branch: self.settings.default_branch.clone(),
            meta: CommitMeta::new(by, millis, ""),
            collation,
            memorable_hash: false,
            open: self.open_options(),
        };
        let store = match self.place() {
            Some(root) => crate::new_database::create(&root, name, &options)?,
            None => Database::in_memory(&options)?,
        };
        let handle = Arc::new(DatabaseHandle::new(name, store).with_row_locks(&self.row_locks));
        map.insert(name.to_lowercase(), handle.clone());
        self.generation.fetch_add(1, Ordering::SeqCst);
        Ok(handle)
    }

    /// DROP DATABASE: the directory moves to `.dolt_dropped_databases`, from where it can be
    /// brought back (spec 04, dolt_undrop).
    pub fn drop_database(&self, name: &str) -> Result<()> {
        let mut map = self.write_databases();
        let handle = map
            .get(&name.to_lowercase())
            .ok_or_else(|| Error::database_missing_drop(name))?
            .clone();
        if let (Some(dir), Some(root)) = (handle.store.dir(), self.place()) {
            // Other sessions may still hold it.
            let closed = handle.store.close().map_err(Error::from);
            let keep = match closed.and_then(|()| self.move_away(&handle.name, dir, &root)) {
                Ok(keep) => keep,
                Err(e) => {
                    handle.store.reopen();
                    return Err(e);
                }
            };
            map.remove(&name.to_lowercase());
            self.generation.fetch_add(1, Ordering::SeqCst);
            // The new name first: a crash in between must not leave it without any.
            keep.sync()?;
            root.sync()?;
        } else {
            map.remove(&name.to_lowercase());
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Moves a dropped database's directory out of the way; gives the directory that has it now.
    fn move_away(&self, name: &str, dir: &Path, root: &Directory) -> Result<Directory> {
        let keep = root.child(DROPPED);
        keep.create()?;
        if keep.kind(name)?.is_some() {
            let stamp = self.clock.now_micros();
            keep.rename(name, &format!("{name}.backup.{stamp}"))?;
        }
        match dir.file_name().and_then(|n| n.to_str()) {
            Some(from) if dir != root.path() => {
                root.move_to(from, &keep, name)?;
                Ok(keep)
            }
            _ => {
                let to = keep.child(name);
                to.create()?;
                root.move_to(".dolt", &to, ".dolt")?;
                Ok(to)
            }
        }
    }

    /// The directory of the databases, if they are on a disk.
    pub(crate) fn place(&self) -> Option<Directory> {
        let dir = self.data_dir.as_deref()?;
        Some(Directory::on(self.settings.disk.clone(), dir))
    }

    /// Names of the databases that can be brought back.
    pub fn dropped_databases(&self) -> Result<Vec<String>> {
        let Some(dropped) = self.place().map(|root| root.child(DROPPED)) else {
            return Ok(Vec::new());
        };
        if !dropped.exists() {
            return Ok(Vec::new());
        }
        let names = dropped.list()?;
        Ok(names.into_iter().map(|(name, _)| name).collect())
    }

    /// Brings back a dropped database, by its exact name.
    pub fn undrop_database(&self, name: &str) -> Result<()> {
        let Some(root) = self.place() else {
            return Err(Error::unknown_database(name));
        };
        let mut taken = self.database(name).is_some();
        for (there, _) in root.list()? {
            taken |= there.eq_ignore_ascii_case(name);
        }
        if taken {
            return Err(Error::general(format!(
                "unable to undrop database '{name}'; another database already exists with the same case-insensitive name"
            )));
        }
        let dropped = root.child(DROPPED);
        dropped.move_to(name, &root, name)?;
        root.sync()?;
        dropped.sync()?;
        self.attach(name, root.child(name).path())
    }

    /// Deletes the directories of dropped databases.
    pub fn purge_dropped_databases(&self) -> Result<()> {
        let Some(dropped) = self.place().map(|root| root.child(DROPPED)) else {
            return Ok(());
        };
        for name in self.dropped_databases()? {
            dropped.child(&name).remove_all()?;
        }
        Ok(())
    }

    /// A global variable that has been set.
    pub fn global(&self, name: &str) -> Option<OwnedValue> {
        self.globals
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// The global variables that have been set, as they are now.
    pub(crate) fn globals(&self) -> Arc<HashMap<String, OwnedValue>> {
        self.globals
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sets a global variable.
    pub fn set_global(&self, name: &str, value: OwnedValue) {
        let mut map = self.globals.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut map).insert(name.to_string(), value);
    }

    /// A number for a new connection.
    pub fn next_connection_id(&self) -> u32 {
        self.next_connection.fetch_add(1, Ordering::SeqCst)
    }

    fn locked_processes(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Arc<Process>>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn register(&self, process: Arc<Process>) {
        self.locked_processes().insert(process.id, process);
    }

    pub(crate) fn unregister(&self, id: u32) {
        self.locked_processes().remove(&id);
    }

    /// All connections.
    pub fn processes(&self) -> Vec<Arc<Process>> {
        self.locked_processes().values().cloned().collect()
    }

    /// A connection by its number.
    pub fn process(&self, id: u32) -> Option<Arc<Process>> {
        self.locked_processes().get(&id).cloned()
    }
}
