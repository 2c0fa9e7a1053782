//! Sessions: the state of one connection.

mod databases;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use foldhash::HashMap;
use model::{CommitId, Person, RevSpec};
use syntax::ast::VarScope;
use values::conversion::{Modes as ConversionModes, Warning};
use values::{CollationId, DateTime, OwnedValue, Value};

use crate::accounts::{Access, AccountName};
use crate::bind::Modes;
use crate::branch_control::Permissions;
use crate::database::DatabaseHandle;
use crate::error::{Error, Result};
use crate::instance::{Activity, Instance, Interrupt, Process};
use crate::program::condition::{Condition, Level};
use crate::program::{Frame, Program};
use crate::settings::SessionSettings;
use crate::statement::PreparedStatement;
use crate::time_zone::Zone;
use crate::transaction::{Transaction, Writer};
use crate::variables;

/// What a database name with its revision stands for.
#[derive(Clone)]
pub struct DbRef {
    /// The database.
    pub handle: Arc<DatabaseHandle>,
    /// Branch or commit.
    pub revision: Revision,
    /// The name as it was asked for.
    pub name: String,
}

/// A revision of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// A branch: reads its working set, can be written.
    Branch(String),
    /// A commit or tag: read only.
    Commit(CommitId),
}

/// The state of one connection. It is used by one thread at a time.
pub struct Session {
    /// The server.
    pub instance: Arc<Instance>,
    id: u32,
    user: RefCell<String>,
    host: RefCell<String>,
    pub(crate) database: RefCell<Option<String>>,
    heads: RefCell<HashMap<String, String>>,
    pub(crate) variables: RefCell<HashMap<String, OwnedValue>>,
    pub(crate) user_variables: RefCell<HashMap<String, OwnedValue>>,
    /// The global variables when the client connected.
    globals: RefCell<Arc<HashMap<String, OwnedValue>>>,
    /// None after a change of a variable.
    settings: RefCell<Option<Arc<SessionSettings>>>,
    /// The modes of before the last change.
    modes: RefCell<Option<Arc<Modes>>>,
    /// The name resolved last by a planned statement; see [`Session::keep_resolved`].
    resolved: RefCell<Option<DbRef>>,
    keeps_resolved: Cell<bool>,
    /// Rows that the last SELECT would have given without LIMIT.
    pub found_rows: Cell<u64>,
    row_count: Cell<i64>,
    last_insert_id: Cell<u64>,
    /// What the last statement left: warnings, and its error.
    pub(crate) diagnostics: RefCell<Vec<Condition>>,
    pub(crate) condition_count: Cell<u64>,
    /// The condition that SIGNAL raised, until somebody asks for it.
    pub(crate) raised: RefCell<Option<Condition>>,
    /// Variables of the running stored program.
    pub(crate) frame: RefCell<Frame>,
    /// Stored programs that run, the innermost last.
    pub(crate) active: RefCell<Vec<Arc<Program>>>,
    /// Database and name of tables that statements around a function or trigger use.
    pub(crate) in_use: RefCell<Vec<(String, String)>>,
    /// The revision of CALL .. AS OF while its procedure runs.
    pub(crate) call_as_of: RefCell<Option<OwnedValue>>,
    /// Key of the next plan, in a stored program.
    pub(crate) plan_key: RefCell<Option<Arc<[u8]>>>,
    /// Temporary tables by the marked name of their database.
    pub(crate) temporary: RefCell<HashMap<String, Arc<DatabaseHandle>>>,
    pub(crate) transaction: RefCell<Option<Transaction>>,
    /// Held from the beginning of a statement to the end of its transaction.
    pin: RefCell<Option<Arc<crate::pin::Pin>>>,
    /// Whether the statement being planned writes, so that it reads the newest rows.
    pub(crate) writing: Cell<bool>,
    statement_micros: Cell<i64>,
    found_rows_flag: Cell<bool>,
    process: Arc<Process>,
    /// What the account may not do, and the state of the accounts that says so.
    access: RefCell<Option<(u64, Option<Arc<Access>>)>>,
    /// The same for the definer of a stored program.
    program_access: RefCell<Option<(u64, AccountName, Option<Arc<Access>>)>>,
    pub(crate) prepared: RefCell<HashMap<u32, Arc<PreparedStatement>>>,
    pub(crate) prepared_names: RefCell<HashMap<String, Arc<PreparedStatement>>>,
    pub(crate) next_prepared: Cell<u32>,
    pub(crate) plans: RefCell<crate::plan_cache::PlanCache>,
    pub(crate) shape: RefCell<syntax::Shape>,
    /// State of RAND().
    pub random: Cell<(u32, u32)>,
    pub(crate) next_read_only: Cell<Option<bool>>,
    pub(crate) depth: Cell<u32>,
    /// A definition was committed, which `@@dolt_transaction_commit` has yet to put into history.
    pub(crate) defined: Cell<bool>,
    /// The permission that changes of a branch take, by the procedure that runs.
    pub(crate) branch_need: Cell<Permissions>,
}

impl Session {
    /// A session of an account that has been let in.
    pub fn new(instance: &Arc<Instance>, id: u32, user: &str, host: &str) -> Session {
        let process = Arc::new(Process {
            id,
            user: user.to_string(),
            host: host.to_string(),
            interrupt: Arc::new(Interrupt::default()),
            activity: Default::default(),
        });
        instance.register(process.clone());
        let micros = instance.clock.now_micros();
        let seed = (micros as u32 ^ id.wrapping_mul(0x9e37_79b9)) & 0x3fff_ffff;
        let session = Session {
            instance: instance.clone(),
            id,
            user: RefCell::new(user.to_string()),
            host: RefCell::new(host.to_string()),
            database: RefCell::default(),
            heads: RefCell::default(),
            variables: RefCell::default(),
            user_variables: RefCell::default(),
            globals: RefCell::new(instance.globals()),
            settings: RefCell::default(),
            modes: RefCell::default(),
            resolved: RefCell::default(),
            keeps_resolved: Cell::new(false),
            found_rows: Cell::new(0),
            row_count: Cell::new(-1),
            last_insert_id: Cell::new(0),
            diagnostics: RefCell::default(),
            condition_count: Cell::new(0),
            raised: RefCell::default(),
            frame: RefCell::default(),
            active: RefCell::default(),
            in_use: RefCell::default(),
            call_as_of: RefCell::default(),
            plan_key: RefCell::default(),
            temporary: RefCell::default(),
            transaction: RefCell::default(),
            pin: RefCell::default(),
            writing: Cell::new(false),
            statement_micros: Cell::new(micros),
            found_rows_flag: Cell::new(false),
            process,
            access: RefCell::default(),
            program_access: RefCell::default(),
            prepared: RefCell::default(),
            prepared_names: RefCell::default(),
            next_prepared: Cell::new(1),
            plans: RefCell::default(),
            shape: RefCell::default(),
            random: Cell::new((seed, seed.wrapping_mul(3) & 0x3fff_ffff)),
            next_read_only: Cell::new(None),
            depth: Cell::new(0),
            defined: Cell::new(false),
            branch_need: Cell::new(Permissions::WRITE),
        };
        if !instance.settings.autocommit {
            session
                .variables
                .borrow_mut()
                .insert("autocommit".into(), Value::Int(0));
        }
        session
    }

    /// Number of the connection.
    pub fn connection_id(&self) -> u32 {
        self.id
    }

    /// User name and host of the client: `root@localhost`.
    pub fn user_host(&self) -> String {
        format!("{}@{}", self.user.borrow(), self.host.borrow())
    }

    /// The account that let the client in: `root@%`.
    pub fn account(&self) -> String {
        match &self.instance.accounts {
            Some(_) => {
                let name = self.account_name();
                format!("{}@{}", name.user, name.host)
            }
            None => self.user_host(),
        }
    }

    /// The account that let the client in.
    pub fn account_name(&self) -> crate::accounts::AccountName {
        let (user, host) = (self.user(), self.host());
        let client = crate::accounts::host::ClientHost::parse(&host);
        match self
            .instance
            .accounts
            .as_ref()
            .and_then(|a| a.lookup(&user, &client))
        {
            Some(found) => found.name(),
            None => crate::accounts::AccountName::new(user, host),
        }
    }

    /// What the account may not do; none when it may do everything, and when there are no accounts.
    /// A stored program runs with the rights of its definer, unless it says INVOKER.
    pub(crate) fn access(&self) -> Option<Arc<Access>> {
        let accounts = self.instance.accounts.as_ref()?;
        let version = accounts.version();
        let definer = {
            let active = self.active.borrow();
            let program = active.iter().rev().find(|p| !p.invoker);
            program.map(|p| p.definer.clone())
        };
        let Some(definer) = definer else {
            return self.own_access();
        };
        let definer = definer?;
        if let Some((known, name, access)) = &*self.program_access.borrow()
            && *known == version
            && *name == definer
        {
            return access.clone();
        }
        let grants = accounts.effective_grants(&definer.user, &definer.host);
        let access = Access::of(definer.clone(), self.host(), grants).map(Arc::new);
        *self.program_access.borrow_mut() = Some((version, definer, access.clone()));
        access
    }

    fn own_access(&self) -> Option<Arc<Access>> {
        let accounts = self.instance.accounts.as_ref()?;
        let version = accounts.version();
        if let Some((known, access)) = &*self.access.borrow()
            && *known == version
        {
            return access.clone();
        }
        let name = self.account_name();
        let grants = accounts.effective_grants(&name.user, &name.host);
        let access = Access::of(name, self.host(), grants).map(Arc::new);
        // Plans were made for what was allowed before.
        self.plans.borrow_mut().clear_plans();
        *self.access.borrow_mut() = Some((version, access.clone()));
        access
    }

    /// User name.
    pub fn user(&self) -> String {
        self.user.borrow().clone()
    }

    /// Host of the client.
    pub fn host(&self) -> String {
        self.host.borrow().clone()
    }

    /// Becomes another account's session (COM_CHANGE_USER).
    pub fn change_user(&self, user: &str, host: &str) {
        self.reset();
        *self.user.borrow_mut() = user.to_string();
        *self.host.borrow_mut() = host.to_string();
        *self.database.borrow_mut() = None;
        *self.access.borrow_mut() = None;
    }

    /// How to stop what the session runs.
    pub fn interrupt_handle(&self) -> Arc<Interrupt> {
        self.process.interrupt.clone()
    }

    /// Rolls back, and forgets everything but the current database (COM_RESET_CONNECTION).
    pub fn reset(&self) {
        *self.transaction.borrow_mut() = None;
        self.variables.borrow_mut().clear();
        self.user_variables.borrow_mut().clear();
        *self.globals.borrow_mut() = self.instance.globals();
        self.variables_changed();
        self.clear_diagnostics();
        self.last_insert_id.set(0);
        self.row_count.set(-1);
        self.found_rows.set(0);
        self.prepared.borrow_mut().clear();
        self.temporary.borrow_mut().clear();
        self.plans.borrow_mut().entries.clear();
        self.prepared_names.borrow_mut().clear();
        self.instance.locks.release_all(self.id);
        self.next_read_only.set(None);
    }

    /// What the client said of itself in the handshake.
    pub fn set_client(&self, collation: u16, found_rows: bool) {
        self.found_rows_flag.set(found_rows);
        if let Some(c) =
            values::collation::by_id(CollationId(collation)).filter(|c| c.is_implemented())
        {
            let mut vars = self.variables.borrow_mut();
            for name in [
                "character_set_client",
                "character_set_connection",
                "character_set_results",
            ] {
                vars.insert(name.to_string(), Value::text(c.charset.name));
            }
            vars.insert("collation_connection".to_string(), Value::text(c.name));
            drop(vars);
            self.variables_changed();
        }
    }

    /// Whether affected rows are those that matched.
    pub fn counts_found_rows(&self) -> bool {
        self.found_rows_flag.get()
    }

    /// Status bits of OK and EOF packets.
    pub fn status_flags(&self) -> u16 {
        let mut flags = 0;
        if self.autocommit() {
            flags |= 2;
        }
        if self
            .transaction
            .borrow()
            .as_ref()
            .is_some_and(|t| t.explicit)
        {
            flags |= 1;
        }
        if self.settings().modes.syntax.no_backslash_escapes {
            flags |= 512;
        }
        flags
    }

    /// Conditions that the last statement left, at most what a packet can say.
    pub fn warning_count(&self) -> u16 {
        self.condition_count.get().min(u16::MAX as u64) as u16
    }

    pub(crate) fn set_warnings(&self, list: Vec<Warning>, count: u64) {
        *self.diagnostics.borrow_mut() = list.iter().map(Condition::of_warning).collect();
        self.condition_count.set(count);
    }

    /// Leaves a warning outside of a running expression.
    pub fn push_warning(&self, code: u16, message: impl Into<String>) {
        self.push_condition(Condition::of_warning(&Warning {
            code,
            note: false,
            text: message.into(),
        }));
    }

    /// Whether every statement commits itself.
    pub fn autocommit(&self) -> bool {
        self.settings().autocommit
    }

    /// LAST_INSERT_ID().
    pub fn last_insert_id(&self) -> u64 {
        self.last_insert_id.get()
    }

    /// Sets LAST_INSERT_ID().
    pub fn set_last_insert_id(&self, id: u64) {
        self.last_insert_id.set(id);
    }

    /// ROW_COUNT().
    pub fn row_count(&self) -> i64 {
        self.row_count.get()
    }

    pub(crate) fn set_row_count(&self, n: i64) {
        self.row_count.set(n);
    }

    /// DATABASE(): the name as it was asked for.
    pub fn current_database(&self) -> Option<String> {
        self.database.borrow().clone()
    }

    /// Time zone of the session.
    pub fn time_zone(&self) -> Zone {
        self.settings().modes.zone
    }

    /// Start of the statement: in the session's zone, and in UTC microseconds.
    pub fn statement_time(&self) -> (DateTime, i64) {
        let settings = self.settings();
        let micros = settings
            .timestamp
            .unwrap_or_else(|| self.statement_micros.get());
        let local = settings.modes.zone.to_local(micros);
        let now = DateTime::from_unix_micros(local).or_else(|| DateTime::from_unix_micros(0));
        let epoch = values::Date {
            year: 1970,
            month: 1,
            day: 1,
        }
        .at_midnight();
        (now.unwrap_or(epoch), micros)
    }

    pub(crate) fn begin_statement(&self, text: &[u8]) {
        self.process.interrupt.begin();
        self.hold_pin();
        self.statement_micros.set(self.instance.clock.now_micros());
        if let Ok(mut a) = self.process.activity.lock() {
            let text = &text[..text.len().min(1024)];
            match &mut a.statement {
                Some(s) => {
                    s.clear();
                    s.push_str(&String::from_utf8_lossy(text));
                }
                none => *none = Some(String::from_utf8_lossy(text).into_owned()),
            }
            a.since = self.statement_micros.get();
        }
        if let Some(activity) = &self.instance.branch_activity {
            activity.begin(self);
        }
    }

    /// What is read from now on stays readable, whatever garbage is collected.
    pub(crate) fn hold_pin(&self) {
        let mut pin = self.pin.borrow_mut();
        if pin.is_none() {
            *pin = Some(self.instance.pins.current());
        }
    }

    pub(crate) fn end_statement(&self) {
        if let Some(activity) = &self.instance.branch_activity {
            activity.end(self);
        }
        if let Ok(mut a) = self.process.activity.lock() {
            a.statement = None;
            a.since = self.statement_micros.get();
        }
    }

    /// Fails when the statement has been killed.
    pub fn check_interrupt(&self) -> Result<()> {
        self.process.interrupt.check()
    }

    /// What the variables mean now.
    pub(crate) fn settings(&self) -> Arc<SessionSettings> {
        if let Some(settings) = &*self.settings.borrow() {
            return settings.clone();
        }
        let known = self.modes.borrow().clone();
        let settings = {
            let own = self.variables.borrow();
            let variable = |name: &str| self.variable(name);
            SessionSettings::read(variable, own.get("timestamp"), known.as_ref())
        };
        let settings = Arc::new(settings);
        *self.modes.borrow_mut() = Some(settings.modes.clone());
        *self.settings.borrow_mut() = Some(settings.clone());
        settings
    }

    pub(crate) fn variables_changed(&self) {
        *self.settings.borrow_mut() = None;
    }

    /// Parts of sql_mode that conversions heed.
    pub fn conversion_modes(&self) -> ConversionModes {
        self.settings().conversion
    }

    /// `@@foreign_key_checks`.
    pub fn foreign_key_checks(&self) -> bool {
        self.settings().foreign_key_checks
    }

    /// Settings that decide the meaning of statements.
    pub fn modes(&self) -> Arc<Modes> {
        self.settings().modes.clone()
    }

    /// The session's value of a system variable; NULL when there is none.
    pub fn variable(&self, name: &str) -> OwnedValue {
        if let Some(v) = self.variables.borrow().get(name) {
            return v.clone();
        }
        let Some(v) = variables::lookup(name) else {
            return self.instance.global(name).unwrap_or(Value::Null);
        };
        // A session starts with the global values of the moment and keeps them.
        let set = match v.session {
            true => self.globals.borrow().get(v.name).cloned(),
            false => self.instance.global(v.name),
        };
        set.unwrap_or_else(|| v.default_value())
    }

    /// `@@name`, `@@global.name`.
    pub fn system_variable(&self, scope: Option<VarScope>, name: &str) -> Result<OwnedValue> {
        let lower = name.to_ascii_lowercase();
        if let Some(v) = self.branch_variable(&lower)? {
            return Ok(v);
        }
        let v = variables::lookup(&lower).ok_or_else(|| Error::unknown_variable(name))?;
        let global = matches!(scope, Some(VarScope::Global | VarScope::Persist));
        if global && !v.global {
            return Err(Error::session_variable(name));
        }
        if scope == Some(VarScope::Session) && !v.session {
            return Err(Error::global_variable(name));
        }
        if global {
            return Ok(self
                .instance
                .global(v.name)
                .unwrap_or_else(|| v.default_value()));
        }
        Ok(match v.name {
            "last_insert_id" | "identity" => Value::UInt(self.last_insert_id()),
            "warning_count" => Value::UInt(self.condition_count.get()),
            "error_count" => {
                let list = self.diagnostics.borrow();
                let errors = list.iter().filter(|c| c.level == Level::Error);
                Value::UInt(errors.count() as u64)
            }
            "pseudo_thread_id" => Value::UInt(u64::from(self.id)),
            "timestamp" => Value::Float(self.statement_time().1 as f64 / 1e6),
            "tx_isolation" => self.variable("transaction_isolation"),
            "character_set_database" | "collation_database" => self.database_collation(v.name),
            _ => self.variable(v.name),
        })
    }

    fn database_collation(&self, name: &str) -> OwnedValue {
        let id = self
            .current_database()
            .and_then(|db| self.resolve_database(&db).ok())
            .and_then(|db| self.root_of(&db).ok())
            .map_or(CollationId::DEFAULT, |r| r.root.collation());
        let c = id.get();
        Value::text(if name.starts_with("coll") {
            c.name
        } else {
            c.charset.name
        })
    }

    /// `@@db_head`, `@@db_working` and their kin (spec 04 §7).
    fn branch_variable(&self, name: &str) -> Result<Option<OwnedValue>> {
        for suffix in [
            "_head_ref",
            "_default_branch",
            "_working",
            "_staged",
            "_head",
        ] {
            let Some(db) = name.strip_suffix(suffix) else {
                continue;
            };
            let Ok(found) = self.resolve_database(db) else {
                continue;
            };
            let state = |branch: &str| found.handle.branch_state(branch);
            let value = match (&found.revision, suffix) {
                (_, "_default_branch") => {
                    let v = self.instance.global(name).unwrap_or_else(|| {
                        Value::text(found.handle.store.repo_state().branch().to_string())
                    });
                    return Ok(Some(v));
                }
                (Revision::Branch(b), "_head_ref") => format!("refs/heads/{b}"),
                (Revision::Branch(_), "_head") => {
                    let head = crate::dolt::seen_head(self, &found);
                    head.map_or(String::new(), |c| c.hash().to_string())
                }
                (Revision::Branch(b), "_working") => state(b)?.set.working.hash().to_string(),
                (Revision::Branch(b), "_staged") => state(b)?.set.staged.hash().to_string(),
                (Revision::Commit(c), "_head") => c.hash().to_string(),
                _ => String::new(),
            };
            return Ok(Some(Value::text(value)));
        }
        Ok(None)
    }

    /// SET of a system variable for the session or globally.
    pub fn set_variable(
        &self,
        scope: Option<VarScope>,
        name: &str,
        value: Option<OwnedValue>,
    ) -> Result<()> {
        let lower = name.to_ascii_lowercase();
        let global = matches!(
            scope,
            Some(VarScope::Global | VarScope::Persist | VarScope::PersistOnly)
        );
        let kept = matches!(scope, Some(VarScope::Persist | VarScope::PersistOnly));
        if scope == Some(VarScope::PersistOnly) && crate::persisted::is_of_database(&lower) {
            let text = value.as_ref().map(crate::convert::to_string);
            return self.persist(&lower, text.as_deref());
        }
        if variables::lookup(&lower).is_none()
            && self.set_branch_variable(&lower, &value, global)?
        {
            if kept {
                let text = value.as_ref().map(crate::convert::to_string);
                self.persist(&lower, text.as_deref())?;
            }
            return Ok(());
        }
        let v = variables::lookup(&lower).ok_or_else(|| Error::unknown_variable(name))?;
        if v.read_only && !kept {
            return Err(Error::read_only_variable(name));
        }
        if global && !v.global {
            return Err(Error::session_variable(name));
        }
        if !global && !v.session {
            return Err(Error::global_variable(name));
        }
        let value = match value {
            Some(v2) => v.check(v2)?,
            None if global => v.default_value(),
            None => self
                .instance
                .global(v.name)
                .unwrap_or_else(|| v.default_value()),
        };
        if kept {
            self.persist(v.name, Some(&crate::convert::to_string(&value)))?;
        }
        // What is fixed while the process runs is as it was kept when the next one begins.
        if global && (scope == Some(VarScope::PersistOnly) || v.read_only) {
            return Ok(());
        }
        if global {
            self.instance.set_global(v.name, value);
            return Ok(());
        }
        match v.name {
            "last_insert_id" | "identity" => {
                if let Value::Int(n) = value {
                    self.last_insert_id.set(n as u64);
                }
                return Ok(());
            }
            "autocommit" => {
                // Turning it on commits what is open; turning it off begins with the next statement.
                if matches!(value, Value::Int(1)) {
                    self.commit_transaction()?;
                }
            }
            "rand_seed1" | "rand_seed2" => {
                if let Value::Int(n) = value {
                    let (a, b) = self.random.get();
                    let n = (n as u32) % 0x3fff_ffff;
                    self.random.set(if v.name == "rand_seed1" {
                        (n, b)
                    } else {
                        (a, n)
                    });
                }
            }
            "collation_server" => {
                let text = crate::convert::to_string(&value);
                if let Some(c) = values::collation::by_name(&text) {
                    let charset = Value::text(c.charset.name);
                    self.variables
                        .borrow_mut()
                        .insert("character_set_server".into(), charset);
                }
            }
            "character_set_server" => {
                let text = crate::convert::to_string(&value);
                if let Some(c) = crate::bind::types::charset_default(&text) {
                    let collation = Value::text(c.name);
                    self.variables
                        .borrow_mut()
                        .insert("collation_server".into(), collation);
                }
            }
            "collation_connection" => {
                if let Some(c) = values::collation::by_name(&crate::convert::to_string(&value)) {
                    let charset = Value::text(c.charset.name);
                    self.variables
                        .borrow_mut()
                        .insert("character_set_connection".into(), charset);
                }
            }
            "character_set_connection" => {
                let text = crate::convert::to_string(&value);
                if let Some(c) = crate::bind::types::charset_default(&text) {
                    let collation = Value::text(c.name);
                    self.variables
                        .borrow_mut()
                        .insert("collation_connection".into(), collation);
                }
            }
            _ => {}
        }
        self.variables
            .borrow_mut()
            .insert(v.name.to_string(), value);
        self.variables_changed();
        Ok(())
    }

    /// Keeps a global variable for processes to come, or no longer.
    pub(crate) fn persist(&self, name: &str, value: Option<&str>) -> Result<()> {
        match &self.instance.persisted {
            Some(kept) => kept.keep(name, value),
            None => Err(Error::general("no directory to keep global variables in")),
        }
    }

    /// RESET PERSIST of one variable, or of all.
    pub(crate) fn reset_persist(&self, name: Option<&str>, if_exists: bool) -> Result<()> {
        let Some(kept) = &self.instance.persisted else {
            return Ok(());
        };
        let Some(name) = name else {
            return kept.forget_all();
        };
        let name = name.to_ascii_lowercase();
        if kept.is_kept(&name)? {
            return kept.keep(&name, None);
        }
        let text = format!("Variable {name} does not exist in persisted config file");
        if if_exists {
            self.push_warning(3615, text);
            return Ok(());
        }
        Err(Error::new(3615, "HY000", text))
    }

    /// `SET @@db_head_ref = 'refs/heads/x'` and `SET GLOBAL db_default_branch = 'x'`.
    fn set_branch_variable(
        &self,
        name: &str,
        value: &Option<OwnedValue>,
        global: bool,
    ) -> Result<bool> {
        let text = value
            .as_ref()
            .map(crate::convert::to_string)
            .unwrap_or_default();
        if let Some(db) = name.strip_suffix("_default_branch")
            && self.instance.database(db).is_some()
        {
            if !global {
                return Err(Error::global_variable(name));
            }
            self.instance.set_global(name, Value::text(text));
            return Ok(true);
        }
        if let Some(db) = name.strip_suffix("_head_ref")
            && let Some(handle) = self.instance.database(db)
        {
            let branch = text.strip_prefix("refs/heads/").unwrap_or(&text);
            let Some(found) = handle.store.find_branch(branch)? else {
                return Err(Error::general(format!("branch not found: {branch}")));
            };
            self.set_head(&handle, &found);
            return Ok(true);
        }
        for suffix in ["_head", "_working", "_staged"] {
            if let Some(db) = name.strip_suffix(suffix)
                && self.instance.database(db).is_some()
            {
                return Err(Error::read_only_variable(name));
            }
        }
        Ok(false)
    }

    /// `@name`.
    pub fn user_variable(&self, name: &str) -> OwnedValue {
        let map = self.user_variables.borrow();
        map.get(name)
            .or_else(|| map.get(&name.to_lowercase()))
            .cloned()
            .unwrap_or(Value::Null)
    }

    /// `SET @name = value`.
    pub fn set_user_variable(&self, name: &str, value: OwnedValue) {
        self.user_variables
            .borrow_mut()
            .insert(name.to_lowercase(), value);
    }

    // Transactions.

    /// The open transaction; one begins when there is none.
    pub fn open_transaction(&self) -> std::cell::RefMut<'_, Transaction> {
        let mut tx = self.transaction.borrow_mut();
        if tx.is_none() {
            self.hold_pin();
            let read_only = self.next_read_only.take();
            *tx = Some(Transaction {
                explicit: !self.autocommit(),
                read_only: read_only.unwrap_or_else(|| self.settings().read_only),
                ..Transaction::default()
            });
        }
        std::cell::RefMut::map(tx, |t| t.get_or_insert_with(Transaction::default))
    }

    /// BEGIN and START TRANSACTION: commits what is open.
    pub fn begin_transaction(&self, read_only: Option<bool>) -> Result<()> {
        self.commit_transaction()?;
        let mut tx = self.open_transaction();
        tx.explicit = true;
        if let Some(r) = read_only {
            tx.read_only = r;
        }
        Ok(())
    }

    /// COMMIT.
    pub fn commit_transaction(&self) -> Result<()> {
        let taken = self.transaction.borrow_mut().take();
        taken.map_or(Ok(()), |tx| self.commit_changes(tx))
    }

    /// The end of a transaction that a client asked for, or of a statement that is one.
    pub(crate) fn complete_transaction(&self) -> Result<()> {
        if !self.settings().commits_transactions {
            self.defined.set(false);
            return self.commit_transaction();
        }
        let taken = self.transaction.borrow_mut().take();
        self.commit_to_history(taken.unwrap_or_default())
    }

    /// COMMIT under `@@dolt_transaction_commit`: what the transaction sees of the branch becomes a
    /// commit.
    fn commit_to_history(&self, tx: Transaction) -> Result<()> {
        let mut dirty = tx.branches.values().filter(|b| b.is_dirty());
        let changed = dirty.find(|b| !crate::temporary::is_temporary(&b.handle.key));
        let current = self.current_database();
        // A current database that is gone has nothing to commit.
        let current = current.and_then(|name| self.resolve_database(&name).ok());
        let Some(changed) = changed else {
            self.commit_changes(tx)?;
            return match current {
                Some(db)
                    if self.defined.take()
                        && !self.instance.settings.read_only
                        && matches!(db.revision, Revision::Branch(_)) =>
                {
                    crate::dolt::commit::commit_all(self, &db, self.commit_message())
                }
                _ => Ok(()),
            };
        };
        let elsewhere = match &current {
            Some(db) if !Arc::ptr_eq(&db.handle, &changed.handle) => {
                Some(format!("database {}", db.handle.name))
            }
            Some(db) => match &db.revision {
                Revision::Branch(b) if *b != changed.branch => Some(format!("branch {b}")),
                _ => None,
            },
            None => None,
        };
        if let Some(place) = elsewhere {
            if tx.explicit {
                *self.transaction.borrow_mut() = Some(tx);
            }
            return Err(Error::general(format!(
                "no changes to dolt_commit on {place}"
            )));
        }
        let name = format!("{}/{}", changed.handle.name, changed.branch);
        let (own, seen) = (changed.built_root()?, changed.head);
        *self.transaction.borrow_mut() = Some(tx);
        let db = self.resolve_database(&name)?;
        crate::dolt::commit::commit_seen(self, &db, &own, seen, self.commit_message())
    }

    fn commit_message(&self) -> String {
        match self.variable("dolt_transaction_commit_message") {
            Value::Bytes(b) if !b.is_empty() => String::from_utf8_lossy(&b).into_owned(),
            _ => "Transaction commit".to_string(),
        }
    }

    fn commit_changes(&self, tx: Transaction) -> Result<()> {
        if !tx.is_dirty() {
            return Ok(());
        }
        if self.instance.settings.read_only {
            return Err(Error::general("database server is set to read only mode"));
        }
        crate::dolt::before_commit(self, &tx)?;
        tx.commit(&self.writer())
    }

    /// ROLLBACK.
    pub fn rollback_transaction(&self) {
        *self.transaction.borrow_mut() = None;
    }

    /// Ends the transaction of a statement that is one by itself.
    pub(crate) fn end_of_statement(&self, failed: bool) -> Result<()> {
        let explicit = self
            .transaction
            .borrow()
            .as_ref()
            .is_some_and(|t| t.explicit);
        if explicit || self.depth.get() > 0 {
            return Ok(());
        }
        let ended = match failed {
            true => {
                self.rollback_transaction();
                Ok(())
            }
            false => self.complete_transaction(),
        };
        *self.pin.borrow_mut() = None;
        ended
    }

    /// Who makes commits and writes working sets (spec 04 §9).
    pub fn committer(&self) -> Person {
        let text = |name: &str| match self.variable(name) {
            Value::Bytes(b) if !b.is_empty() => Some(String::from_utf8_lossy(&b).into_owned()),
            _ => None,
        };
        let settings = &self.instance.settings;
        let (name, email) = match settings.commit_as_account {
            true => (self.user(), self.user_host()),
            false => (settings.user_name.clone(), settings.user_email.clone()),
        };
        Person {
            name: text("dolt_head_committer_name")
                .or_else(|| text("dolt_committer_name"))
                .unwrap_or(name),
            email: text("dolt_head_committer_email")
                .or_else(|| text("dolt_committer_email"))
                .unwrap_or(email),
        }
    }

    /// Who writes a working set now.
    pub fn writer(&self) -> Writer {
        let person = self.committer();
        let millis = match self.instance.settings.commit_dates.1 {
            Some(m) => m,
            None => self.instance.clock.now_micros() / 1000,
        };
        Writer {
            name: person.name,
            email: person.email,
            seconds: (millis / 1000).max(0) as u64,
            checks_keys: self.foreign_key_checks(),
        }
    }

    /// Named locks of the instance.
    pub fn user_locks(&self) -> &crate::functions::locks::UserLocks {
        &self.instance.locks
    }

    /// What the session is doing, for SHOW PROCESSLIST.
    pub fn activity(&self) -> Activity {
        self.process
            .activity
            .lock()
            .map(|a| a.clone())
            .unwrap_or_default()
    }

    /// A function of Dolt's that needs the session.
    pub fn dolt_function(&self, name: &str, args: &[Value<'_>]) -> Result<OwnedValue> {
        let args: Vec<OwnedValue> = args.iter().map(|a| a.clone().into_owned()).collect();
        crate::dolt::scalar(self, name, &args)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.instance.locks.release_all(self.id);
        self.instance.unregister(self.id);
    }
}
