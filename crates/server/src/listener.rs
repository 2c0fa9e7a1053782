//! Sockets that are listened on, the connections that came of them, and their end.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::accounts::ClientHost;
use engine::error::{Error, Result};

use crate::authenticate::Authenticator;
use crate::backend::{Backend, InterruptHandle};
use crate::capability::client;
use crate::channel::Channel;
use crate::connection;
use crate::log::{Level, Logger};
use crate::metrics::Metrics;
use crate::stream::{Socket, Stream};

/// Room for the engine's recursion; only what is touched takes memory.
const STACK_BYTES: usize = 16 << 20;
/// How often connections are looked after.
const WATCH_EVERY: Duration = Duration::from_millis(200);
/// A statement that takes longer is checked for a client that has left.
const WATCH_AFTER_MILLIS: u64 = 300;
/// Time for the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for running statements when the server stops, before they are ended.
const GRACE: Duration = Duration::from_secs(10);
/// Time for ended statements to give up.
const GIVE_UP: Duration = Duration::from_secs(10);

/// What connections need of the configuration.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// Version that the greeting states.
    pub version: String,
    /// Connections at a time.
    pub max_connections: usize,
    /// Connections that may wait for a place.
    pub back_log: usize,
    /// How long they wait.
    pub wait_for_place: Duration,
    /// Longest silence of a client.
    pub read_timeout: Option<Duration>,
    /// Longest time that a client may not read.
    pub write_timeout: Option<Duration>,
    /// No multi-statements whatever the client asks for.
    pub disable_multi_statements: bool,
    /// Refuse connections that are neither TLS nor local.
    pub require_secure_transport: bool,
    /// Take passwords in the clear without TLS.
    pub allow_cleartext_passwords: bool,
    /// Characters of a query that the log shows; 0 for all.
    pub max_logged_query_len: usize,
}

impl Default for ConnectionConfig {
    fn default() -> ConnectionConfig {
        ConnectionConfig {
            version: "8.0.33".to_string(),
            max_connections: 1000,
            back_log: 50,
            wait_for_place: Duration::from_secs(60),
            read_timeout: None,
            write_timeout: None,
            disable_multi_statements: false,
            require_secure_transport: false,
            allow_cleartext_passwords: false,
            max_logged_query_len: 0,
        }
    }
}

/// A connection as other threads see it.
pub struct Entry {
    /// Its number.
    pub id: u32,
    socket: Socket,
    started: Instant,
    /// Milliseconds after `started`, plus one, at which the running command began; 0 for none.
    busy: AtomicU64,
    killed: AtomicBool,
    interrupt: Mutex<Option<Arc<dyn InterruptHandle>>>,
}

impl Entry {
    pub(crate) fn begin_command(&self) {
        self.busy.store(
            self.started.elapsed().as_millis() as u64 + 1,
            Ordering::Relaxed,
        );
    }

    pub(crate) fn end_command(&self) {
        self.busy.store(0, Ordering::Relaxed);
    }

    pub(crate) fn set_interrupt(&self, handle: Option<Arc<dyn InterruptHandle>>) {
        *lock(&self.interrupt) = handle;
    }

    fn interrupt(&self) -> Option<Arc<dyn InterruptHandle>> {
        lock(&self.interrupt).clone()
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
            || lock(&self.interrupt)
                .as_ref()
                .is_some_and(|i| i.is_connection_killed())
    }

    fn busy_for(&self) -> Option<u64> {
        match self.busy.load(Ordering::Relaxed) {
            0 => None,
            at => Some((self.started.elapsed().as_millis() as u64 + 1).saturating_sub(at)),
        }
    }

    /// Ends what is running if nobody waits for it any more.
    fn look_after(&self, stopping: bool) {
        if self.is_killed() {
            // KILL of an idle connection: its thread waits for a command.
            if self.busy_for().is_none() {
                self.socket.shutdown(Shutdown::Both);
            }
        } else if !stopping
            && self.busy_for().is_some_and(|ms| ms > WATCH_AFTER_MILLIS)
            && self.socket.is_closed_by_peer()
        {
            self.killed.store(true, Ordering::Relaxed);
            if let Some(i) = self.interrupt() {
                i.kill_connection();
            }
        }
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all connections of a server share.
pub struct Shared {
    /// The databases.
    pub backend: Arc<dyn Backend>,
    /// Configuration of connections.
    pub config: ConnectionConfig,
    /// TLS, when there is a certificate.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Proof of passwords.
    pub authenticator: Authenticator,
    /// The log.
    pub logger: Arc<Logger>,
    /// Commands so far.
    pub questions: AtomicU64,
    /// What monitors ask for.
    pub metrics: Arc<Metrics>,
    connections: Mutex<HashMap<u32, Arc<Entry>>>,
    waiting: AtomicU64,
    changed: Condvar,
    next_id: AtomicU32,
    started: Instant,
    stopping: AtomicBool,
}

impl Shared {
    /// Sets a connection's time limits after its handshake.
    pub fn apply_timeouts(&self, entry: &Entry) {
        let _ = entry
            .socket
            .set_timeouts(self.config.read_timeout, self.config.write_timeout);
    }

    /// The text of COM_STATISTICS.
    pub fn statistics(&self) -> String {
        let seconds = self.started.elapsed().as_secs();
        let questions = self.questions.load(Ordering::Relaxed);
        let threads = lock(&self.connections).len();
        let per_second = questions as f64 / seconds.max(1) as f64;
        format!(
            "Uptime: {seconds}  Threads: {threads}  Questions: {questions}  Slow queries: 0  \
             Opens: 0  Flush tables: 1  Open tables: 0  Queries per second avg: {per_second:.3}"
        )
    }

    /// A query as the log shows it.
    pub fn shown_query(&self, sql: &[u8]) -> String {
        let text = String::from_utf8_lossy(sql);
        match self.config.max_logged_query_len {
            0 => text.into_owned(),
            n => text.chars().take(n).collect(),
        }
    }

    /// Notes a failed statement in the log.
    pub fn log_failure(&self, id: u32, result: &Result<()>) {
        if let Err(e) = result
            && self.logger.writes(Level::Warning)
        {
            self.logger.log(
                Level::Warning,
                "error running query",
                &[("connectionID", &id.to_string()), ("error", &e.message)],
            );
        }
    }

    /// Waits for a place among the connections.
    fn enter(&self, entry: &Arc<Entry>) -> bool {
        let mut all = lock(&self.connections);
        let deadline = Instant::now() + self.config.wait_for_place;
        while all.len() >= self.config.max_connections {
            let left = deadline.saturating_duration_since(Instant::now());
            let may_wait = self.waiting.load(Ordering::Relaxed) < self.config.back_log as u64;
            if left.is_zero() || !may_wait || self.stopping.load(Ordering::Relaxed) {
                return false;
            }
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let (guard, _) = self
                .changed
                .wait_timeout(all, left)
                .unwrap_or_else(PoisonError::into_inner);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            all = guard;
        }
        all.insert(entry.id, entry.clone());
        true
    }

    fn leave(&self, id: u32) {
        lock(&self.connections).remove(&id);
        self.changed.notify_all();
    }

    fn serve(self: &Arc<Self>, socket: Socket, host: ClientHost) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let Ok(other) = socket.try_clone() else {
            return;
        };
        let entry = Arc::new(Entry {
            id,
            socket: other,
            started: self.started,
            busy: AtomicU64::new(0),
            killed: AtomicBool::new(false),
            interrupt: Mutex::new(None),
        });
        let _ = entry
            .socket
            .set_timeouts(Some(HANDSHAKE_TIMEOUT), Some(HANDSHAKE_TIMEOUT));
        let shared = self.clone();
        let spawned = std::thread::Builder::new()
            .name(format!("connection {id}"))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                if !shared.enter(&entry) {
                    let mut channel = Channel::new(Stream::Plain(socket));
                    channel.capabilities = client::PROTOCOL_41;
                    let e = Error::too_many_connections();
                    let _ = channel.error(&e).and_then(|()| channel.flush());
                    return;
                }
                let id = entry.id.to_string();
                let multi = shared.config.disable_multi_statements.to_string();
                shared.logger.log(
                    Level::Info,
                    "NewConnection",
                    &[
                        ("DisableClientMultiStatements", &multi),
                        ("connectionID", &id),
                    ],
                );
                shared.metrics.connected();
                connection::serve(&shared, &entry, socket, host);
                shared.metrics.disconnected();
                entry.socket.shutdown(Shutdown::Both);
                shared.leave(entry.id);
                shared
                    .logger
                    .log(Level::Info, "ConnectionClosed", &[("connectionID", &id)]);
            });
        if let Err(e) = spawned {
            self.logger.log(
                Level::Error,
                &format!("no thread for a connection: {e}"),
                &[],
            );
        }
    }
}

/// A server that listens.
pub struct Server {
    shared: Arc<Shared>,
    tcp: Option<TcpListener>,
    unix: Option<(UnixListener, PathBuf)>,
}

/// Stops a server from another thread.
#[derive(Clone)]
pub struct Stopper {
    shared: Arc<Shared>,
    tcp: Option<Arc<TcpListener>>,
    unix: Option<Arc<UnixListener>>,
}

impl Stopper {
    /// No further connection is accepted, and [`Server::run`] ends.
    pub fn stop(&self) {
        if self.shared.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        // A thread that waits in accept wakes up with an error.
        if let Some(l) = &self.tcp {
            let _ = rustix::net::shutdown(l.as_fd(), rustix::net::Shutdown::Both);
        }
        if let Some(l) = &self.unix {
            let _ = rustix::net::shutdown(l.as_fd(), rustix::net::Shutdown::Both);
        }
        self.shared.changed.notify_all();
    }
}

/// The address that a configured host and port stand for.
pub fn address(host: &str, port: u16) -> Option<SocketAddr> {
    let ip: IpAddr = match host {
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        other => other.parse().ok()?,
    };
    Some(SocketAddr::new(ip, port))
}

impl Server {
    /// A server of `backend` that does not listen yet.
    pub fn new(
        backend: Arc<dyn Backend>,
        config: ConnectionConfig,
        tls: Option<Arc<rustls::ServerConfig>>,
        logger: Arc<Logger>,
    ) -> Server {
        let authenticator = Authenticator::new(config.allow_cleartext_passwords);
        let shared = Arc::new(Shared {
            backend,
            config,
            tls,
            authenticator,
            logger,
            questions: AtomicU64::new(0),
            metrics: Arc::default(),
            connections: Mutex::new(HashMap::new()),
            waiting: AtomicU64::new(0),
            changed: Condvar::new(),
            next_id: AtomicU32::new(1),
            started: Instant::now(),
            stopping: AtomicBool::new(false),
        });
        Server {
            shared,
            tcp: None,
            unix: None,
        }
    }

    /// Listens on an address and gives the one that it got.
    pub fn listen(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address)?;
        let bound = listener.local_addr()?;
        self.tcp = Some(listener);
        Ok(bound)
    }

    /// Listens on a socket file. One that nobody listens on is replaced.
    pub fn listen_on_file(&mut self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt};
        let listener = match UnixListener::bind(path) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                let stale = std::fs::symlink_metadata(path)?.file_type().is_socket()
                    && std::os::unix::net::UnixStream::connect(path)
                        .is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
                if !stale {
                    return Err(e);
                }
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            other => other?,
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777))?;
        self.unix = Some((listener, path.to_path_buf()));
        Ok(())
    }

    /// What stops this server.
    pub fn stopper(&self) -> io::Result<Stopper> {
        Ok(Stopper {
            shared: self.shared.clone(),
            tcp: self
                .tcp
                .as_ref()
                .map(TcpListener::try_clone)
                .transpose()?
                .map(Arc::new),
            unix: self
                .unix
                .as_ref()
                .map(|(l, _)| l.try_clone())
                .transpose()?
                .map(Arc::new),
        })
    }

    /// What it counts.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// Serves until stopped; returns when every connection has ended.
    pub fn run(self) {
        let shared = self.shared;
        let mut threads = Vec::new();
        let mut spawn =
            |name: &str, work: Box<dyn FnOnce() + Send>| match std::thread::Builder::new()
                .name(name.to_string())
                .spawn(work)
            {
                Ok(handle) => threads.push(handle),
                Err(e) => shared
                    .logger
                    .log(Level::Error, &format!("{name}: {e}"), &[]),
            };
        if let Some(tcp) = self.tcp {
            let shared = shared.clone();
            spawn(
                "accept",
                Box::new(move || {
                    accept(&shared, || {
                        let (socket, peer) = tcp.accept()?;
                        let _ = socket.set_nodelay(true);
                        Ok((Socket::Tcp(socket), ClientHost::at(peer.ip())))
                    });
                }),
            );
        }
        let file = self.unix.as_ref().map(|(_, path)| path.clone());
        if let Some((unix, _)) = self.unix {
            let shared = shared.clone();
            spawn(
                "accept on file",
                Box::new(move || {
                    accept(&shared, || {
                        let (socket, _) = unix.accept()?;
                        Ok((Socket::Unix(socket), ClientHost::local()))
                    });
                }),
            );
        }
        {
            let mut all = lock(&shared.connections);
            while !shared.stopping.load(Ordering::SeqCst) {
                let (guard, _) = shared
                    .changed
                    .wait_timeout(all, WATCH_EVERY)
                    .unwrap_or_else(PoisonError::into_inner);
                let entries: Vec<Arc<Entry>> = guard.values().cloned().collect();
                drop(guard);
                entries.iter().for_each(|e| e.look_after(false));
                all = lock(&shared.connections);
            }
        }
        for t in threads {
            let _ = t.join();
        }
        if let Some(path) = file {
            let _ = std::fs::remove_file(path);
        }
        shut_down(&shared);
    }
}

fn accept(shared: &Arc<Shared>, mut next: impl FnMut() -> io::Result<(Socket, ClientHost)>) {
    while !shared.stopping.load(Ordering::SeqCst) {
        match next() {
            Ok((socket, host)) => {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                shared.serve(socket, host);
            }
            Err(_) if shared.stopping.load(Ordering::SeqCst) => return,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                // Out of descriptors, say: others may leave.
                shared
                    .logger
                    .log(Level::Error, &format!("accept: {e}"), &[]);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Waits for connections to end: idle ones at once, busy ones after their statement, and all when
/// time is up.
fn shut_down(shared: &Shared) {
    let entries = || -> Vec<Arc<Entry>> { lock(&shared.connections).values().cloned().collect() };
    let wait = |limit: Duration| {
        let deadline = Instant::now() + limit;
        let mut all = lock(&shared.connections);
        while !all.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let (guard, _) = shared
                .changed
                .wait_timeout(all, left.min(WATCH_EVERY))
                .unwrap_or_else(PoisonError::into_inner);
            // A connection may have come after the first look.
            guard
                .values()
                .for_each(|e| e.socket.shutdown(Shutdown::Read));
            all = guard;
        }
        true
    };
    // A thread that waits for a command reads the end of its stream; one that runs a statement
    // can still write its result.
    entries()
        .iter()
        .for_each(|e| e.socket.shutdown(Shutdown::Read));
    if wait(GRACE) {
        return;
    }
    for e in entries() {
        if let Some(i) = e.interrupt() {
            i.kill_connection();
        }
    }
    if !wait(GIVE_UP) {
        entries()
            .iter()
            .for_each(|e| e.socket.shutdown(Shutdown::Both));
        wait(GIVE_UP);
    }
}
