//! Where a command's statements run: in an engine of this process, or in a server. Commands speak
//! SQL to either; what they read from files of the database, they read beside a local server too.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use engine::error::{Error, Result};
use engine::instance::{Instance, Settings, SystemClock};
use engine::result::ResultSink;
use engine::session::{Revision, Session};
use model::{Database, OpenOptions};
use server::client::{Client, Target};

use crate::Failure;
use crate::repository::Rows;

/// Where statements run.
#[derive(Clone)]
pub enum Connection {
    /// A session on an engine of this process.
    Engine(Rc<Session>),
    /// A connection to a server.
    Server(Rc<ServerConnection>),
}

/// A connection to a server, and the databases' directory if the server runs on it.
pub struct ServerConnection {
    client: RefCell<Client>,
    dir: Option<PathBuf>,
    settings: Settings,
    /// Reads the database as it was after the last statement.
    beside: RefCell<Option<Rc<Session>>>,
}

/// The text of an error that came from a server.
fn server_message(e: &Error) -> String {
    let text = crate::engine_words::message(e);
    format!("Error {} ({}): {text}", e.code, e.state)
}

impl ServerConnection {
    /// Connects. `dir` is where the server keeps its databases, if it runs on this machine's files.
    pub fn open(
        target: &Target,
        dir: Option<&Path>,
        settings: Settings,
    ) -> std::result::Result<ServerConnection, Failure> {
        let client = Client::connect(target).map_err(|e| Failure::new(server_message(&e)))?;
        Ok(ServerConnection {
            client: RefCell::new(client),
            dir: dir.map(Path::to_path_buf),
            settings,
            beside: RefCell::new(None),
        })
    }

    fn execute(&self, sql: &[u8], sink: &mut dyn ResultSink) -> Result<()> {
        *self.beside.borrow_mut() = None;
        self.client.borrow_mut().execute(sql, sink)
    }

    /// The directory of a database of the server.
    fn directory_of(&self, name: &str) -> Option<PathBuf> {
        let dir = self.dir.as_ref()?;
        let is_database = |d: &Path| d.join(".dolt").join("noms").is_dir();
        let own = std::fs::canonicalize(dir).ok()?;
        let replace = self.settings.replace_name_characters;
        let is_named = |dir: &std::ffi::OsStr| {
            engine::instance::database_name(&dir.to_string_lossy(), replace)
                .eq_ignore_ascii_case(name)
        };
        if is_database(dir) && is_named(own.file_name().unwrap_or_default()) {
            return Some(dir.clone());
        }
        let children = std::fs::read_dir(dir).ok()?;
        children
            .flatten()
            .find(|e| is_named(&e.file_name()))
            .map(|e| e.path())
            .filter(|d| is_database(d))
    }

    /// A session that reads the files beside the server, on the same branch as the connection.
    fn beside(&self, place: (String, Option<String>)) -> std::result::Result<Rc<Session>, Failure> {
        if let Some(session) = &*self.beside.borrow() {
            return Ok(session.clone());
        }
        let (database, branch) = place;
        let base = database.split(['/', '@']).next().unwrap_or(&database);
        let Some(dir) = self.directory_of(base) else {
            return Err(Failure::new(
                "this command reads the database's files, which is not supported with a server on another host",
            ));
        };
        let mut options = OpenOptions {
            feature_version: self.settings.feature_version,
            ..OpenOptions::default()
        };
        options.chunks.read_only = true;
        let instance = Instance::in_memory(self.settings.clone(), Arc::new(SystemClock));
        instance.attach_store(base, Database::open(&dir, &options)?);
        let instance = Arc::new(instance);
        let session = Session::new(
            &instance,
            instance.next_connection_id(),
            "root",
            "localhost",
        );
        match branch {
            Some(branch) if !database.contains(['/', '@']) => {
                session.use_database(&format!("{base}/{branch}"))?;
            }
            _ => session.use_database(&database)?,
        }
        let session = Rc::new(session);
        *self.beside.borrow_mut() = Some(session.clone());
        Ok(session)
    }
}

impl Connection {
    /// Whether statements run in a server.
    pub fn is_server(&self) -> bool {
        matches!(self, Connection::Server(_))
    }

    /// Whether the database's files can be read: it is of this process, or of a server beside it.
    pub fn has_files(&self) -> bool {
        match self {
            Connection::Engine(_) => true,
            Connection::Server(server) => server.dir.is_some(),
        }
    }

    /// Fails where a server runs the statements: the command works on this process's session.
    pub fn refuse_server(&self, command: &str) -> std::result::Result<(), Failure> {
        match self.is_server() {
            true => Err(Failure::new(format!(
                "{command} can not currently be used when there is a local server running. Please stop your dolt sql-server or connect using `dolt sql` instead."
            ))),
            false => Ok(()),
        }
    }

    /// Runs a statement and gives its results to `sink`.
    pub fn execute(&self, sql: &[u8], sink: &mut dyn ResultSink) -> Result<()> {
        match self {
            Connection::Engine(session) => session.execute(sql, false, sink),
            Connection::Server(server) => server.execute(sql, sink),
        }
    }

    /// Rows of a statement.
    pub fn query(&self, sql: &str) -> Result<Rows> {
        let mut rows = Rows::default();
        self.execute(sql.as_bytes(), &mut rows)?;
        Ok(rows)
    }

    /// How statements are read.
    pub fn syntax(&self) -> syntax::Options {
        match self {
            Connection::Engine(session) => session.modes().syntax.clone(),
            Connection::Server(_) => syntax::Options::default(),
        }
    }

    /// The text of an error, in the words of where it happened.
    pub fn message(&self, e: &Error) -> String {
        match self {
            Connection::Engine(_) => crate::engine_words::message(e),
            Connection::Server(_) => server_message(e),
        }
    }

    /// The current database and its branch.
    pub fn place(&self) -> Result<(Option<String>, Option<String>)> {
        if let Connection::Engine(session) = self {
            let database = session.current_database();
            let branch = session.current().ok().map(|db| match &db.revision {
                Revision::Branch(branch) => branch.clone(),
                Revision::Commit(_) => session.head(&db.handle),
            });
            return Ok((database, branch));
        }
        let database = self.query("select database()")?.rows.pop();
        let Some(database) = database.and_then(|mut r| r.pop()).flatten() else {
            return Ok((None, None));
        };
        // A database at a commit has no branch.
        let branch = self.query("select active_branch()").unwrap_or_default();
        let branch = branch.rows.into_iter().next().and_then(|mut r| r.pop());
        Ok((Some(database), branch.flatten()))
    }

    /// A session of this process on the database, for what is no statement.
    pub fn session(&self) -> std::result::Result<Rc<Session>, Failure> {
        let server = match self {
            Connection::Engine(session) => return Ok(session.clone()),
            Connection::Server(server) => server,
        };
        if let Some(session) = &*server.beside.borrow() {
            return Ok(session.clone());
        }
        match self.place()? {
            (Some(database), branch) => server.beside((database, branch)),
            (None, _) => Err(Failure::new("no database selected")),
        }
    }
}
