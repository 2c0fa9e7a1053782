//! Starting and stopping `dolt sql-server` (spec 06 §11.3).

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chunks::{LocalDisk, SmallFile};
use engine::accounts::Accounts;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::backend::Backend;
use crate::config::{Config, ConfigError};
use crate::flags::parse_args;
use crate::info_file::{self, InfoFile};
use crate::listener::{Server, address};
use crate::log::{Level, Logger};
use crate::metrics::MetricsServer;
use crate::{config_file, tls};

/// Account by which local commands reach the server.
pub const LOCAL_USER: &str = "__dolt_local_user__";

/// Opens the databases that a server serves.
pub trait Opener {
    /// Opens everything below the configuration's data directory.
    fn open(&self, config: &Config, logger: &Arc<Logger>) -> Result<Arc<dyn Backend>, String>;
    /// Closes it again after the last connection has ended.
    fn close(&self, backend: Arc<dyn Backend>) -> Result<(), String>;
}

/// Runs the command with the arguments behind `sql-server` until a signal stops it; gives the exit
/// code.
pub fn run_with(args: &[String], cwd: &Path, opener: &dyn Opener) -> i32 {
    match start(args, cwd, opener) {
        Ok(()) => 0,
        Err(e) => {
            println!("{e}");
            1
        }
    }
}

/// The refusal to serve what another process serves.
pub fn locked(name: &str) -> String {
    format!(
        "database \"{name}\" is locked by another dolt process; either clone the database to run a \
         second server, or stop the dolt process which currently holds an exclusive write lock on \
         the database"
    )
}

/// Whether another server serves this directory, by its file and its port.
fn is_served(data_dir: &Path) -> bool {
    let Some(info) = info_file::read(data_dir) else {
        return false;
    };
    let port = info.port.filter(|_| info.pid != std::process::id());
    port.is_some_and(|p| TcpStream::connect((Ipv4Addr::LOCALHOST, p)).is_ok())
}

fn absolute(cwd: &Path, path: &Path) -> PathBuf {
    cwd.join(path).components().collect()
}

fn start(args: &[String], cwd: &Path, opener: &dyn Opener) -> Result<(), ConfigError> {
    let invocation = parse_args(args, cwd)?;
    for note in &invocation.notes {
        eprintln!("{note}");
    }
    let mut config = invocation.config;
    for path in [
        &mut config.data_dir,
        &mut config.cfg_dir,
        &mut config.privilege_file,
        &mut config.branch_control_file,
    ] {
        *path = absolute(cwd, path);
    }
    for path in [
        &mut config.tls_key,
        &mut config.tls_cert,
        &mut config.ca_cert,
        &mut config.metrics.tls_key,
        &mut config.metrics.tls_cert,
        &mut config.metrics.tls_ca,
    ]
    .into_iter()
    .flatten()
    {
        *path = absolute(cwd, path);
    }
    if let Some(s) = &mut config.socket {
        *s = absolute(cwd, Path::new(s)).display().to_string();
    }
    let config = config;
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|e| ConfigError(format!("cannot make {}: {e}", config.data_dir.display())))?;
    if !invocation.from_file {
        let path = config.data_dir.join("config.yaml");
        if !path.exists() {
            let text = config_file::generate(&config.given);
            SmallFile::on(&LocalDisk::shared(), &path, None)
                .and_then(|file| file.replace(text.as_bytes()))
                .map_err(|e| ConfigError(e.to_string()))?;
        }
    }
    println!("Starting server with Config {}", config.summary());
    let json = config.log_format.eq_ignore_ascii_case("json");
    let logger = Arc::new(Logger::new(config.level(), json));
    if config.user_given {
        logger.log(
            Level::Warning,
            "user and password are no longer supported in sql-server configuration files.Use \
             CREATE USER and GRANT statements to manage user accounts.",
            &[],
        );
    }
    for section in &config.ignored {
        let text = format!("{section} is configured, but this server does not provide it");
        logger.log(Level::Warning, &text, &[]);
    }

    let ca = config.ca_cert.as_deref();
    let tls = load_tls(
        &config.tls_cert,
        &config.tls_key,
        ca,
        config.require_client_cert,
    )?;
    if is_served(&config.data_dir) {
        let name = config
            .data_dir
            .file_name()
            .map(|n| n.to_string_lossy().into_owned());
        return Err(ConfigError(locked(&name.unwrap_or_default())));
    }
    let backend = opener.open(&config, &logger).map_err(ConfigError)?;
    let result = serve(&config, backend.clone(), tls, logger, invocation.skip_root);
    let closed = opener.close(backend).map_err(ConfigError);
    result.and(closed)
}

/// TLS, if there is a certificate and a key.
fn load_tls(
    cert: &Option<PathBuf>,
    key: &Option<PathBuf>,
    ca: Option<&Path>,
    required: bool,
) -> Result<Option<Arc<rustls::ServerConfig>>, ConfigError> {
    match (cert, key) {
        (Some(cert), Some(key)) => tls::load(cert, key, ca, required).map(Some),
        (None, None) => Ok(None),
        (cert, key) => {
            let show = |p: &Option<PathBuf>| {
                p.as_ref()
                    .map_or(String::new(), |p| p.display().to_string())
            };
            Err(ConfigError(format!(
                "tls.LoadX509KeyPair({}, {}) failed: open : no such file or directory",
                show(cert),
                show(key)
            )))
        }
    }
}

/// Answers monitors from now on, if that is configured.
fn serve_metrics(
    config: &Config,
    server: &Server,
    backend: &Arc<dyn Backend>,
) -> Result<(), ConfigError> {
    let metrics = &config.metrics;
    if !metrics.is_served() {
        return Ok(());
    }
    let failed = |e: &dyn std::fmt::Display| ConfigError(format!("metrics: {e}"));
    let ca = metrics.tls_ca.as_deref();
    let tls = load_tls(&metrics.tls_cert, &metrics.tls_key, ca, ca.is_some())?;
    let port = u16::try_from(metrics.port).map_err(|e| failed(&e))?;
    let address = address(&metrics.host, port)
        .ok_or_else(|| failed(&format!("address is not a valid IP: {}", metrics.host)))?;
    let listening = MetricsServer::listen(
        address,
        metrics,
        tls,
        server.metrics().clone(),
        backend,
        config.data_dir.clone(),
    )
    .map_err(|e| failed(&format!("listen tcp {address}: {e}")))?;
    let thread = std::thread::Builder::new().name("metrics".to_string());
    thread
        .spawn(move || listening.run())
        .map_err(|e| failed(&e))?;
    Ok(())
}

fn serve(
    config: &Config,
    backend: Arc<dyn Backend>,
    tls: Option<Arc<rustls::ServerConfig>>,
    logger: Arc<Logger>,
    skip_root: bool,
) -> Result<(), ConfigError> {
    let failed = |e: &dyn std::fmt::Display| ConfigError(e.to_string());
    let mut server = Server::new(backend.clone(), config.connections(), tls, logger.clone());
    let port = u16::try_from(config.port).map_err(|e| failed(&e))?;
    let address = address(&config.host, port)
        .ok_or_else(|| ConfigError(format!("address is not a valid IP: {}", config.host)))?;
    server.listen(address).map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => ConfigError(format!("Port {port} already in use.")),
        _ => ConfigError(format!("listen tcp {address}: {e}")),
    })?;
    serve_metrics(config, &server, &backend)?;
    // The file lives until this function returns.
    let info = InfoFile::create(&config.data_dir, Some(port))
        .map_err(|e| ConfigError(format!("cannot write sql-server.info: {e}")))?;
    prepare_accounts(backend.accounts(), config, &logger, skip_root, &info.secret)
        .map_err(|e| failed(&e))?;
    if let Some(path) = config.socket_path() {
        match server.listen_on_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
                let text = format!(
                    "unix socket set up failed: file already in use: {}",
                    path.display()
                );
                logger.log(Level::Warning, &text, &[]);
            }
            Err(e) => {
                let text = format!("unix socket set up failed: {}: {e}", path.display());
                logger.log(Level::Warning, &text, &[]);
            }
        }
    }
    let stopper = server.stopper().map_err(|e| failed(&e))?;
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|e| failed(&e))?;
    let handle = signals.handle();
    let log = logger.clone();
    let watcher = std::thread::Builder::new()
        .name("signals".to_string())
        .spawn(move || {
            if signals.forever().next().is_some() {
                let text = "Server closing listener. No longer accepting connections.";
                log.log(Level::Info, text, &[]);
                stopper.stop();
            }
        })
        .map_err(|e| failed(&e))?;
    logger.log(Level::Info, "Server ready. Accepting connections.", &[]);
    server.run();
    handle.close();
    let _ = watcher.join();
    drop(info);
    Ok(())
}

/// The accounts that every server has: root when there is no privileges file yet, and the local
/// user for the life of the process.
fn prepare_accounts(
    accounts: &Accounts,
    config: &Config,
    logger: &Logger,
    skip_root: bool,
    secret: &str,
) -> engine::error::Result<()> {
    let setting = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    if config.privilege_file.exists() {
        let text = "privileges.db already exists, not creating root superuser";
        logger.log(Level::Debug, text, &[]);
    } else {
        if !skip_root {
            let (host, password) = (setting("DOLT_ROOT_HOST"), setting("DOLT_ROOT_PASSWORD"));
            if let Some(host) = &host {
                let text =
                    format!("Overriding root user host with value from DOLT_ROOT_HOST: {host}");
                logger.log(Level::Info, &text, &[]);
            }
            if password.is_some() {
                let text = "Overriding root user password with value from DOLT_ROOT_PASSWORD";
                logger.log(Level::Info, text, &[]);
            }
            let host = host.as_deref().unwrap_or("localhost");
            logger.log(Level::Info, &format!("Creating root@{host} superuser"), &[]);
            accounts.add_superuser("root", host, password.as_deref().unwrap_or_default())?;
        }
        accounts.save()?;
    }
    if config.event_scheduler == "ON" {
        accounts.add_locked_superuser("event_scheduler", "localhost")?;
    }
    if accounts.add_ephemeral_superuser(LOCAL_USER, "localhost", secret)? {
        let text = format!("found a persisted {LOCAL_USER}@localhost account; it was dropped");
        logger.log(Level::Warning, &text, &[]);
    }
    Ok(())
}
