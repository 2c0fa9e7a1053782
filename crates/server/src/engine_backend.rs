//! The engine behind the protocol: databases of a data directory, and sessions over them.

use std::path::Path;
use std::sync::Arc;

use engine::accounts::Accounts;
use engine::auto_gc::{AutoGc, AutoGcSettings};
use engine::branch_activity::BranchActivity;
use engine::branch_control::BranchControl;
use engine::error::{Error, Result};
use engine::event_scheduler::EventScheduler;
use engine::instance::{CacheFigures, Instance, Interrupt, Settings, SystemClock};
use engine::result::ResultSink;
use engine::session::Session;
use engine::variables;
use values::charset::{self, Charset};
use values::{CollationId, OwnedValue, Value};

use crate::backend::{Backend, BackendSession, InterruptHandle, Login, PreparedInfo};
use crate::config::{Config, Variables};
use crate::log::{Level, Logger};
use crate::start::{Opener, locked, run_with};

/// Runs `dolt sql-server` with the arguments behind its name; gives the exit code. `settings` is
/// what the command line knows: identity, default branch, fixed dates.
pub fn run(args: &[String], cwd: &Path, settings: Settings) -> i32 {
    run_with(args, cwd, &EngineOpener { settings })
}

/// Opens engine instances.
pub struct EngineOpener {
    /// What every instance starts from.
    pub settings: Settings,
}

/// An instance with its accounts.
pub struct EngineBackend {
    /// Runs events while it lives.
    events: Option<EventScheduler>,
    /// Collects garbage while it lives.
    auto_gc: Option<AutoGc>,
    instance: Arc<Instance>,
    accounts: Arc<Accounts>,
    user_session_vars: Vec<(String, Variables)>,
}

impl EngineBackend {
    /// Serves an instance to these accounts.
    pub fn new(
        mut instance: Instance,
        accounts: Accounts,
        user_session_vars: Vec<(String, Variables)>,
    ) -> EngineBackend {
        let accounts = Arc::new(accounts);
        instance.accounts = Some(accounts.clone());
        EngineBackend {
            events: None,
            auto_gc: None,
            instance: Arc::new(instance),
            accounts,
            user_session_vars,
        }
    }

    /// Collects garbage from time to time.
    pub fn start_auto_gc(
        &mut self,
        settings: AutoGcSettings,
        logger: &Arc<Logger>,
    ) -> std::io::Result<()> {
        let logger = logger.clone();
        let report = move |text: &str| logger.log(Level::Info, text, &[]);
        self.auto_gc = Some(AutoGc::start(self.instance.clone(), settings, report)?);
        Ok(())
    }

    /// Runs the events that are due.
    pub fn start_events(&mut self, logger: &Arc<Logger>) -> std::io::Result<()> {
        let logger = logger.clone();
        let report = move |text: &str| logger.log(Level::Error, text, &[]);
        self.events = Some(EventScheduler::start(self.instance.clone(), report)?);
        Ok(())
    }

    /// The instance.
    pub fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }
}

/// Sets a global variable from text; a name or value that there is not is only worth a warning.
fn set_global(instance: &Instance, logger: &Logger, name: &str, text: &str) {
    let name = name.to_ascii_lowercase();
    let set = match variables::lookup(&name) {
        Some(v) => v
            .check(Value::text(text))
            .map(|value| instance.set_global(&name, value)),
        None => Err(Error::unknown_variable(&name)),
    };
    if let Err(e) = set {
        logger.log(Level::Warning, &format!("system variable {name}: {e}"), &[]);
    }
}

/// Tells what was cut off a journal's end when it was opened, now or earlier.
fn warn_of_journals(instance: &Instance, logger: &Logger) {
    for db in instance.databases() {
        let Some(files) = db.store.file_store() else {
            continue;
        };
        let warn = |text: &str| {
            let text = format!("database {}: {text}", db.name);
            logger.log(Level::Warning, &text, &[]);
        };
        if let Some(warning) = files.warning() {
            warn(&format!("the journal's end was cut off: {warning}"));
        }
        match files.kept_tails() {
            Ok(kept) => kept.iter().for_each(|path| {
                let path = path.display();
                warn(&format!(
                    "what was cut off the journal's end is kept in {path}"
                ));
            }),
            Err(e) => warn(&e.to_string()),
        }
    }
}

impl Opener for EngineOpener {
    fn open(
        &self,
        config: &Config,
        logger: &Arc<Logger>,
    ) -> std::result::Result<Arc<dyn Backend>, String> {
        let settings = Settings {
            read_only: config.read_only || self.settings.read_only,
            autocommit: config.autocommit,
            is_server: true,
            cache_bytes: config.cache_bytes.unwrap_or(self.settings.cache_bytes),
            ..self.settings.clone()
        };
        let disk = settings.disk.clone();
        let accounts = Accounts::open(&disk, &config.privilege_file).map_err(|e| e.to_string())?;
        let rules =
            BranchControl::open(&disk, &config.branch_control_file).map_err(|e| e.to_string())?;
        let mut instance = Instance::open(&config.data_dir, settings, Arc::new(SystemClock))
            .map_err(|e| e.to_string())?;
        warn_of_journals(&instance, logger);
        instance.branch_control = rules;
        if config.branch_activity_tracking {
            let started = instance.clock.now_micros();
            instance.branch_activity = Some(BranchActivity::new(started));
        }
        // A store that another process holds opens for reading only.
        if let Some(held) = instance.databases().iter().find(|d| d.store.is_read_only()) {
            return Err(locked(&held.name));
        }
        let on = |b: bool| if b { "ON" } else { "OFF" }.to_string();
        let socket = config
            .socket_path()
            .map_or(String::new(), |p| p.display().to_string());
        for (name, text) in [
            ("port", config.port.to_string()),
            ("socket", socket),
            ("datadir", config.data_dir.display().to_string()),
            ("max_connections", config.max_connections.to_string()),
            ("back_log", config.back_log.to_string()),
            ("autocommit", on(config.autocommit)),
            ("read_only", on(config.read_only)),
            ("event_scheduler", config.event_scheduler.clone()),
            (
                "require_secure_transport",
                on(config.require_secure_transport),
            ),
            (
                "dolt_transaction_commit",
                on(config.dolt_transaction_commit),
            ),
            ("dolt_log_level", config.log_level.clone()),
            ("dolt_auto_gc_enabled", on(config.auto_gc)),
        ] {
            if variables::lookup(name).is_some() {
                set_global(&instance, logger, name, &text);
            }
        }
        for (name, text) in &config.system_variables {
            set_global(&instance, logger, name, text);
        }
        let waits_for_load = instance.settings.gc_waits_for_load;
        let vars = config.user_session_vars.clone();
        let mut backend = EngineBackend::new(instance, accounts, vars);
        if config.auto_gc && !config.read_only {
            let settings = AutoGcSettings {
                archives: config.auto_gc_archive_level > 0,
                file_size: Some(config.auto_gc_incremental_file_size).filter(|s| *s > 0),
                waits_for_load,
                threshold: engine::auto_gc::THRESHOLD,
            };
            let started = backend.start_auto_gc(settings, logger);
            started.map_err(|e| format!("cannot start garbage collection: {e}"))?;
        }
        if !config.read_only && !config.event_scheduler.eq_ignore_ascii_case("disabled") {
            let started = backend.start_events(logger);
            started.map_err(|e| format!("cannot start the scheduler of events: {e}"))?;
        }
        Ok(Arc::new(backend))
    }

    fn close(&self, backend: Arc<dyn Backend>) -> std::result::Result<(), String> {
        drop(backend);
        Ok(())
    }
}

impl Backend for EngineBackend {
    fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    fn cache_figures(&self) -> CacheFigures {
        self.instance.cache_figures()
    }

    fn open_session(&self, login: &Login) -> Result<Box<dyn BackendSession>> {
        let session = Session::new(
            &self.instance,
            login.connection_id,
            &login.user,
            &login.client_host,
        );
        for (user, vars) in &self.user_session_vars {
            if *user == login.user {
                for (name, text) in vars {
                    session.set_variable(None, name, Some(Value::text(text.as_str())))?;
                }
            }
        }
        Ok(Box::new(EngineSession { session }))
    }
}

struct EngineSession {
    session: Session,
}

impl InterruptHandle for Interrupt {
    fn kill_query(&self) {
        Interrupt::kill_query(self);
    }
    fn kill_connection(&self) {
        Interrupt::kill_connection(self);
    }
    fn is_connection_killed(&self) -> bool {
        Interrupt::is_connection_killed(self)
    }
}

impl EngineSession {
    /// The character set of a variable, unless its texts need no conversion.
    fn foreign_charset(&self, variable: &str) -> Option<&'static Charset> {
        let Value::Bytes(name) = self.session.variable(variable) else {
            return None;
        };
        if matches!(&*name, b"utf8mb4" | b"utf8mb3" | b"utf8" | b"binary") {
            return None;
        }
        charset::by_name(std::str::from_utf8(&name).ok()?)
    }

    /// A statement's text in UTF-8.
    fn with_sql<T>(&self, sql: &[u8], run: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        match self
            .foreign_charset("character_set_client")
            .and_then(|c| c.to_utf8(sql))
        {
            Some(text) => run(&text),
            None => run(sql),
        }
    }
}

impl BackendSession for EngineSession {
    fn execute(&self, sql: &[u8], multi: bool, sink: &mut dyn ResultSink) -> Result<()> {
        self.with_sql(sql, |sql| self.session.execute(sql, multi, sink))
    }

    fn prepare(&self, sql: &[u8]) -> Result<PreparedInfo> {
        let info = self.with_sql(sql, |sql| self.session.prepare(sql))?;
        Ok(PreparedInfo {
            id: info.id,
            params: info.params,
            columns: info.columns,
        })
    }

    fn execute_prepared(
        &self,
        id: u32,
        mut params: Vec<OwnedValue>,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        if let Some(charset) = self.foreign_charset("character_set_client") {
            for p in &mut params {
                if let Value::Bytes(b) = p
                    && let Some(text) = charset.to_utf8(b)
                {
                    *p = Value::Bytes(text.into());
                }
            }
        }
        self.session.execute_prepared(id, params, sink)
    }

    fn close_prepared(&self, id: u32) {
        self.session.close_prepared(id);
    }

    fn use_database(&self, name: &str) -> Result<()> {
        self.session.use_database(name)
    }

    fn reset(&self) {
        self.session.reset();
    }

    fn change_user(&self, login: &Login) -> Result<()> {
        self.session.change_user(&login.user, &login.client_host);
        Ok(())
    }

    fn set_client(&self, collation: CollationId, found_rows: bool) {
        self.session.set_client(collation.0, found_rows);
    }

    fn status_flags(&self) -> u16 {
        self.session.status_flags()
    }

    fn warning_count(&self) -> u16 {
        self.session.warning_count()
    }

    fn results_collation(&self) -> CollationId {
        let Value::Bytes(name) = self.session.variable("character_set_results") else {
            // NULL: results are sent as they are.
            return CollationId::BINARY;
        };
        match &*name {
            b"utf8mb4" => CollationId::UTF8MB4_0900_AI_CI,
            b"binary" => CollationId::BINARY,
            other => values::collation::all()
                .iter()
                .find(|c| c.is_default && c.charset.name.as_bytes() == other)
                .map_or(CollationId::UTF8MB4_0900_AI_CI, |c| c.id),
        }
    }

    fn interrupt_handle(&self) -> Arc<dyn InterruptHandle> {
        self.session.interrupt_handle()
    }
}
