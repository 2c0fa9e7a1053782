//! A server over a database that knows a handful of statements.
#![allow(missing_docs, dead_code)] // each test needs a part of it

use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::accounts::Accounts;
use engine::error::{Error, Result};
use engine::instance::CacheFigures;
use engine::result::{ColumnMeta, Done, ResultSink, Row};
use server::{
    Backend, BackendSession, ConnectionConfig, InterruptHandle, Level, Logger, Login, PreparedInfo,
    Server, Stopper,
};
use values::{CollationId, OwnedValue, SqlType, Value};

pub struct Fake {
    accounts: Accounts,
    killed: Arc<AtomicBool>,
    pausing: Arc<AtomicBool>,
}

#[derive(Default)]
struct Handle {
    query: AtomicBool,
    connection: AtomicBool,
}

impl InterruptHandle for Handle {
    fn kill_query(&self) {
        self.query.store(true, Ordering::SeqCst);
    }
    fn kill_connection(&self) {
        self.query.store(true, Ordering::SeqCst);
        self.connection.store(true, Ordering::SeqCst);
    }
    fn is_connection_killed(&self) -> bool {
        self.connection.load(Ordering::SeqCst)
    }
}

struct FakeSession {
    handle: Arc<Handle>,
    killed: Arc<AtomicBool>,
    pausing: Arc<AtomicBool>,
    prepared: Mutex<Vec<String>>,
    user: Mutex<String>,
}

struct Values(Vec<OwnedValue>);

impl Row for Values {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, i: usize) -> Result<Value<'_>> {
        Ok(self.0[i].borrowed())
    }
}

fn meta(name: &str, ty: &str) -> ColumnMeta {
    ColumnMeta::computed(name, SqlType::from_stored_text(ty).expect("a type"))
}

impl FakeSession {
    fn one(
        &self,
        sql: &str,
        more: bool,
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        let done = |sink: &mut dyn ResultSink| sink.done(&Done::default(), more);
        match sql {
            "ok" => sink.done(
                &Done {
                    affected_rows: 3,
                    last_insert_id: 9,
                    info: "Rows matched: 3".into(),
                },
                more,
            ),
            "rows" => {
                sink.columns(&[meta("a", "int"), meta("b", "varchar(20)")])?;
                for i in 0..3 {
                    let b = if i == 1 {
                        Value::Null
                    } else {
                        Value::text(format!("row {i}"))
                    };
                    sink.row(&Values(vec![Value::Int(i), b]))?;
                }
                done(sink)
            }
            "long" => {
                sink.columns(&[meta("a", "longtext")])?;
                sink.row(&Values(vec![Value::text("x".repeat(17 << 20))]))?;
                done(sink)
            }
            "late" => {
                sink.columns(&[meta("a", "int")])?;
                sink.row(&Values(vec![Value::Int(1)]))?;
                Err(Error::deadlock())
            }
            "commit fails" => {
                done(sink)?;
                Err(Error::deadlock())
            }
            "panic" => {
                sink.columns(&[meta("a", "int")])?;
                panic!("on purpose")
            }
            "endless" => {
                sink.columns(&[meta("a", "longtext")])?;
                loop {
                    if let Err(e) = sink.row(&Values(vec![Value::text("y".repeat(10_000))])) {
                        self.killed.store(true, Ordering::SeqCst);
                        return Err(e);
                    }
                }
            }
            "slow" => loop {
                if self.handle.query.load(Ordering::SeqCst) {
                    self.killed.store(true, Ordering::SeqCst);
                    return Err(Error::query_interrupted());
                }
                std::thread::sleep(Duration::from_millis(5));
            },
            "pause" => {
                self.pausing.store(true, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(400));
                done(sink)
            }
            "echo" => {
                sink.columns(&[meta("v", "varchar(100)")])?;
                sink.row(&Values(params.to_vec()))?;
                done(sink)
            }
            "user" => {
                sink.columns(&[meta("u", "varchar(100)")])?;
                sink.row(&Values(vec![Value::text(
                    self.user.lock().expect("not poisoned").clone(),
                )]))?;
                done(sink)
            }
            "load" => {
                let mut text = String::new();
                sink.local_file("/data.csv")?
                    .read_to_string(&mut text)
                    .map_err(Error::general)?;
                sink.done(
                    &Done {
                        affected_rows: text.len() as u64,
                        ..Done::default()
                    },
                    more,
                )
            }
            "skip" => {
                drop(sink.local_file("/data.csv")?);
                Err(Error::deadlock())
            }
            other => Err(Error::general(format!("what is {other}"))),
        }
    }
}

impl BackendSession for FakeSession {
    fn execute(&self, sql: &[u8], multi: bool, sink: &mut dyn ResultSink) -> Result<()> {
        let text = String::from_utf8_lossy(sql).into_owned();
        let list: Vec<&str> = text.split(';').map(str::trim).collect();
        if list.len() > 1 && !multi {
            return Err(Error::new(1064, "42000", "one at a time"));
        }
        for (i, one) in list.iter().enumerate() {
            self.one(one, i + 1 < list.len(), &[], sink)?;
        }
        Ok(())
    }
    fn prepare(&self, sql: &[u8]) -> Result<PreparedInfo> {
        let text = String::from_utf8_lossy(sql).into_owned();
        let mut list = self.prepared.lock().expect("not poisoned");
        list.push(text.clone());
        let params = usize::from(text == "echo");
        Ok(PreparedInfo {
            id: list.len() as u32,
            params,
            columns: vec![meta("v", "varchar(100)")],
        })
    }
    fn execute_prepared(
        &self,
        id: u32,
        params: Vec<OwnedValue>,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        let sql = self.prepared.lock().expect("not poisoned")[id as usize - 1].clone();
        self.one(&sql, false, &params, sink)
    }
    fn close_prepared(&self, _: u32) {}
    fn use_database(&self, name: &str) -> Result<()> {
        if name == "shop" {
            Ok(())
        } else {
            Err(Error::unknown_database(name))
        }
    }
    fn reset(&self) {}
    fn change_user(&self, login: &Login) -> Result<()> {
        *self.user.lock().expect("not poisoned") =
            format!("{}@{}", login.account.user, login.account.host);
        Ok(())
    }
    fn set_client(&self, _: CollationId, _: bool) {}
    fn status_flags(&self) -> u16 {
        2
    }
    fn warning_count(&self) -> u16 {
        0
    }
    fn results_collation(&self) -> CollationId {
        CollationId::UTF8MB4_0900_AI_CI
    }
    fn interrupt_handle(&self) -> Arc<dyn InterruptHandle> {
        self.handle.clone()
    }
}

impl Backend for Fake {
    fn accounts(&self) -> &Accounts {
        &self.accounts
    }
    fn cache_figures(&self) -> CacheFigures {
        CacheFigures::default()
    }
    fn open_session(&self, login: &Login) -> Result<Box<dyn BackendSession>> {
        Ok(Box::new(FakeSession {
            handle: Arc::default(),
            killed: self.killed.clone(),
            pausing: self.pausing.clone(),
            prepared: Mutex::default(),
            user: Mutex::new(format!("{}@{}", login.account.user, login.account.host)),
        }))
    }
}

pub struct Running {
    pub address: SocketAddr,
    pub stopper: Stopper,
    thread: Option<std::thread::JoinHandle<()>>,
    pub killed: Arc<AtomicBool>,
    /// A statement has begun to pause.
    pub pausing: Arc<AtomicBool>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(t) = self.thread.take() {
            t.join().expect("the server ends");
        }
    }
}

pub fn start(config: ConnectionConfig) -> Running {
    start_with(config, false)
}

pub fn start_with(config: ConnectionConfig, tls: bool) -> Running {
    let accounts = Accounts::in_memory();
    let root = engine::accounts::AccountName::new("root", "%");
    for sql in [
        "CREATE USER alice IDENTIFIED BY 'alice-secret'",
        "CREATE USER carol IDENTIFIED WITH caching_sha2_password BY 'carol-secret'",
        "CREATE USER locked IDENTIFIED BY 'x' ACCOUNT LOCK",
        "CREATE USER tls REQUIRE SSL",
        "CREATE USER far@'10.9.9.9'",
    ] {
        let statement = syntax::parse(sql, &syntax::Options::default()).expect("parses");
        engine::accounts::execute(&accounts, &statement, &root, None).expect("runs");
    }
    let killed = Arc::new(AtomicBool::new(false));
    let pausing = Arc::new(AtomicBool::new(false));
    let backend = Arc::new(Fake {
        accounts,
        killed: killed.clone(),
        pausing: pausing.clone(),
    });
    let logger = Arc::new(Logger::new(Level::Fatal, false));
    let tls = tls.then(|| {
        server::tls::load(&pem("cert.pem"), &pem("key.pem"), None, false).expect("a certificate")
    });
    let mut server = Server::new(backend, config, tls, logger);
    let address = server
        .listen("127.0.0.1:0".parse().expect("an address"))
        .expect("listens");
    let stopper = server.stopper().expect("a stopper");
    let thread = Some(std::thread::spawn(move || server.run()));
    Running {
        address,
        stopper,
        thread,
        killed,
        pausing,
    }
}

pub fn pem(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}
