//! Sessions: the state of one connection.

mod databases;
mod session_variables;
mod transactions;

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

    /// Who makes commits and writes working sets (spec 04 §9).
    pub fn committer(&self) -> Person {
        let text = |name: &str| match self.variable(name) {
            Value::Bytes(b) if !b.is_empty() => Some(String::from_utf8_lossy(&b).into_owned()),
            _ => None,
        };
        let settings = &self.instance.settings;
        let (name, email) = match settings.is_server {
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
