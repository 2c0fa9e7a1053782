//! The configuration of `dolt sql-server`, from config.yaml or from flags (spec 06 §11).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::interpolate;
use crate::listener::{ConnectionConfig, address};
use crate::log::Level;
use crate::metrics::MetricsConfig;
use crate::yaml::{Kind, Node, Reader, parse};

/// The place where MySQL's clients look for a socket file.
pub const DEFAULT_SOCKET: &str = "/tmp/mysql.sock";

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl ConfigError {
    /// With this text.
    pub fn new(text: impl Into<String>) -> ConfigError {
        ConfigError(text.into())
    }
}

/// Variables and their texts.
pub type Variables = Vec<(String, String)>;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // fields are the keys of config.yaml, explained in the reference
pub struct Config {
    pub log_level: String,
    pub log_format: String,
    pub max_logged_query_len: usize,
    pub encode_logged_query: bool,
    pub read_only: bool,
    pub autocommit: bool,
    pub disable_client_multi_statements: bool,
    pub dolt_transaction_commit: bool,
    pub event_scheduler: String,
    pub branch_activity_tracking: bool,
    pub auto_gc: bool,
    pub auto_gc_archive_level: u8,
    pub auto_gc_incremental_file_size: u64,
    /// Bytes of tree nodes that each database keeps in memory, if it was said.
    pub cache_bytes: Option<usize>,
    /// `user` was given, which has no effect.
    pub user_given: bool,
    pub host: String,
    pub port: i64,
    pub max_connections: u64,
    pub back_log: u32,
    pub max_connections_timeout: Duration,
    pub read_timeout_millis: u64,
    pub write_timeout_millis: u64,
    pub tls_key: Option<PathBuf>,
    pub tls_cert: Option<PathBuf>,
    pub ca_cert: Option<PathBuf>,
    pub require_secure_transport: bool,
    pub require_client_cert: bool,
    pub allow_cleartext_passwords: bool,
    /// As configured; [`Config::socket_path`] knows the default.
    pub socket: Option<String>,
    pub data_dir: PathBuf,
    pub cfg_dir: PathBuf,
    pub privilege_file: PathBuf,
    pub branch_control_file: PathBuf,
    pub remotesapi_port: Option<u16>,
    pub remotesapi_read_only: bool,
    pub user_session_vars: Vec<(String, Variables)>,
    pub system_variables: Variables,
    pub metrics: MetricsConfig,
    /// Sections that this server reads and does not act upon.
    pub ignored: Vec<&'static str>,
    /// Keys given on the command line, by their place in config.yaml.
    pub given: BTreeMap<&'static str, String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            log_level: "info".to_string(),
            log_format: "text".to_string(),
            max_logged_query_len: 0,
            encode_logged_query: false,
            read_only: false,
            autocommit: true,
            disable_client_multi_statements: false,
            dolt_transaction_commit: false,
            event_scheduler: "ON".to_string(),
            branch_activity_tracking: false,
            auto_gc: true,
            auto_gc_archive_level: 1,
            auto_gc_incremental_file_size: 0,
            cache_bytes: None,
            user_given: false,
            host: "localhost".to_string(),
            port: 3306,
            max_connections: 1000,
            back_log: 50,
            max_connections_timeout: Duration::from_secs(60),
            read_timeout_millis: 28_800_000,
            write_timeout_millis: 28_800_000,
            tls_key: None,
            tls_cert: None,
            ca_cert: None,
            require_secure_transport: false,
            require_client_cert: false,
            allow_cleartext_passwords: false,
            socket: None,
            data_dir: PathBuf::from("."),
            cfg_dir: PathBuf::new(),
            privilege_file: PathBuf::new(),
            branch_control_file: PathBuf::new(),
            remotesapi_port: None,
            remotesapi_read_only: false,
            user_session_vars: Vec::new(),
            system_variables: Vec::new(),
            metrics: MetricsConfig::default(),
            ignored: Vec::new(),
            given: BTreeMap::new(),
        }
    }
}

fn millis(n: u64) -> Option<Duration> {
    (n > 0).then(|| Duration::from_millis(n))
}

impl Config {
    /// Reads config.yaml; relative paths stay relative.
    pub fn from_file(path: &Path, shown: &str) -> Result<Config, ConfigError> {
        let bytes = std::fs::read(path).map_err(|e| {
            let e = match e.kind() {
                std::io::ErrorKind::NotFound => format!("open {shown}: no such file or directory"),
                _ => e.to_string(),
            };
            ConfigError(format!("Failed to read file '{shown}'. Error: {e}"))
        })?;
        let text = String::from_utf8(bytes).map_err(|_| {
            ConfigError(format!(
                "Failed to parse yaml file '{shown}'. Error: yaml: invalid Unicode character"
            ))
        })?;
        let text = interpolate(&text, |name| std::env::var(name).ok()).map_err(|e| {
            ConfigError(format!(
                "Failed to interpolate environment variables in yaml file '{shown}'. Error: {e}"
            ))
        })?;
        Config::from_yaml(&text)
            .map_err(|e| ConfigError(format!("Failed to parse yaml file '{shown}'. Error: {e}")))
    }

    /// Reads the text of a config.yaml.
    pub fn from_yaml(text: &str) -> Result<Config, String> {
        let root = parse(text)?;
        let mut c = Config::default();
        let mut r = Reader::default();
        c.read_root(&mut r, &root);
        r.finish()?;
        if c.cfg_dir.as_os_str().is_empty() {
            c.cfg_dir = join(&c.data_dir, ".doltcfg");
        }
        if c.privilege_file.as_os_str().is_empty() {
            c.privilege_file = join(&c.cfg_dir, "privileges.db");
        }
        if c.branch_control_file.as_os_str().is_empty() {
            c.branch_control_file = join(&c.cfg_dir, "branch_control.db");
        }
        Ok(c)
    }

    fn read_root(&mut self, r: &mut Reader, root: &Node) {
        const TYPE: &str = "servercfg.YAMLConfig";
        for (key, line, node) in r.map(root, TYPE) {
            match key.as_str() {
                "log_level" => set(&mut self.log_level, r.text(node).map(|t| t.to_lowercase())),
                "log_format" => set(&mut self.log_format, r.text(node)),
                "max_logged_query_len" => {
                    let n: Option<i64> = r.number(node, "int");
                    set(&mut self.max_logged_query_len, n.map(|n| n.max(0) as usize));
                }
                "encode_logged_query" => set(&mut self.encode_logged_query, r.boolean(node)),
                "behavior" => self.read_behavior(r, node),
                "user" => {
                    for (key, line, node) in r.map(node, "servercfg.UserYAMLConfig") {
                        match key.as_str() {
                            "name" | "password" => self.user_given |= r.text(node).is_some(),
                            _ => r.unknown(key, *line, "servercfg.UserYAMLConfig"),
                        }
                    }
                }
                "listener" => self.read_listener(r, node),
                "performance" => {
                    known(
                        r,
                        node,
                        "servercfg.PerformanceYAMLConfig",
                        &["query_parallelism"],
                    );
                }
                "data_dir" => set_path(&mut self.data_dir, r.text(node)),
                "cfg_dir" => set_path(&mut self.cfg_dir, r.text(node)),
                "remotesapi" => {
                    for (key, line, node) in r.map(node, "servercfg.RemotesapiYAMLConfig") {
                        match key.as_str() {
                            "port" => self.remotesapi_port = r.number(node, "int"),
                            "read_only" => set(&mut self.remotesapi_read_only, r.boolean(node)),
                            _ => r.unknown(key, *line, "servercfg.RemotesapiYAMLConfig"),
                        }
                    }
                }
                "mcp_server" => {
                    let keys = ["port", "user", "password", "database"];
                    known(r, node, "servercfg.MCPServerYAMLConfig", &keys);
                    self.ignored.push("mcp_server");
                }
                "privilege_file" => set_path(&mut self.privilege_file, r.text(node)),
                "branch_control_file" => set_path(&mut self.branch_control_file, r.text(node)),
                "user_session_vars" => {
                    const USER: &str = "servercfg.UserSessionVars";
                    for item in r.list(node, "[]servercfg.UserSessionVars") {
                        let (mut name, mut vars) = (String::new(), Variables::new());
                        for (key, line, node) in r.map(item, USER) {
                            match key.as_str() {
                                "name" => set(&mut name, r.text(node)),
                                "vars" => vars = variables(r, node),
                                _ => r.unknown(key, *line, USER),
                            }
                        }
                        self.user_session_vars.push((name, vars));
                    }
                }
                "system_variables" => self.system_variables = variables(r, node),
                "jwks" => {
                    let keys = ["name", "location_url", "claims", "fields_to_log"];
                    for item in r.list(node, "[]servercfg.JwksConfig") {
                        known(r, item, "servercfg.JwksConfig", &keys);
                        self.ignored.push("jwks");
                    }
                }
                "golden_mysql_conn" => {
                    if r.text(node).is_some() {
                        self.ignored.push("golden_mysql_conn");
                    }
                }
                "metrics" => {
                    self.read_metrics(r, node);
                }
                "cluster" => {
                    let keys = [
                        "standby_remotes",
                        "bootstrap_role",
                        "bootstrap_epoch",
                        "remotesapi",
                    ];
                    known(r, node, "servercfg.ClusterYAMLConfig", &keys);
                    self.ignored.push("cluster");
                }
                _ => r.unknown(key, *line, TYPE),
            }
        }
    }

    fn read_behavior(&mut self, r: &mut Reader, node: &Node) {
        const TYPE: &str = "servercfg.BehaviorYAMLConfig";
        for (key, line, node) in r.map(node, TYPE) {
            match key.as_str() {
                "read_only" => set(&mut self.read_only, r.boolean(node)),
                "autocommit" => set(&mut self.autocommit, r.boolean(node)),
                "persistence_behavior" => drop(r.text(node)),
                "disable_client_multi_statements" => {
                    set(&mut self.disable_client_multi_statements, r.boolean(node));
                }
                "dolt_transaction_commit" => {
                    set(&mut self.dolt_transaction_commit, r.boolean(node));
                }
                "event_scheduler" => {
                    set(
                        &mut self.event_scheduler,
                        r.text(node).map(|t| scheduler(&t)),
                    );
                }
                "cache_bytes" => self.cache_bytes = r.number(node, "uint64").or(self.cache_bytes),
                "branch_activity_tracking" => {
                    set(&mut self.branch_activity_tracking, r.boolean(node));
                }
                "auto_gc_behavior" => {
                    const TYPE: &str = "servercfg.AutoGCBehaviorYAMLConfig";
                    for (key, line, node) in r.map(node, TYPE) {
                        match key.as_str() {
                            "enable" => set(&mut self.auto_gc, r.boolean(node)),
                            "archive_level" => {
                                set(&mut self.auto_gc_archive_level, r.number(node, "int"));
                            }
                            "incremental_file_size" => {
                                let n = r.number(node, "uint64");
                                set(&mut self.auto_gc_incremental_file_size, n);
                            }
                            _ => r.unknown(key, *line, TYPE),
                        }
                    }
                }
                _ => r.unknown(key, *line, TYPE),
            }
        }
    }

    fn read_metrics(&mut self, r: &mut Reader, node: &Node) {
        const TYPE: &str = "servercfg.MetricsYAMLConfig";
        let m = &mut self.metrics;
        for (key, line, node) in r.map(node, TYPE) {
            match key.as_str() {
                "labels" => m.labels = variables(r, node),
                "host" => set(&mut m.host, r.text(node)),
                "port" => set(&mut m.port, r.number(node, "int")),
                "tls_cert" => m.tls_cert = r.text(node).map(PathBuf::from),
                "tls_key" => m.tls_key = r.text(node).map(PathBuf::from),
                "tls_ca" => m.tls_ca = r.text(node).map(PathBuf::from),
                "jwks" => m.wants_tokens = true,
                "jwt_required_for_localhost" => {
                    r.boolean(node);
                }
                _ => r.unknown(key, *line, TYPE),
            }
        }
    }

    fn read_listener(&mut self, r: &mut Reader, node: &Node) {
        const TYPE: &str = "servercfg.ListenerYAMLConfig";
        for (key, line, node) in r.map(node, TYPE) {
            match key.as_str() {
                "host" => set(&mut self.host, r.text(node)),
                "port" => set(&mut self.port, r.number(node, "int")),
                "max_connections" => set(&mut self.max_connections, r.number(node, "uint64")),
                "back_log" => set(&mut self.back_log, r.number(node, "uint32")),
                "max_connections_timeout_millis" => {
                    let n = r.number(node, "uint64").map(Duration::from_millis);
                    set(&mut self.max_connections_timeout, n);
                }
                "read_timeout_millis" => {
                    set(&mut self.read_timeout_millis, r.number(node, "uint64"))
                }
                "write_timeout_millis" => {
                    set(&mut self.write_timeout_millis, r.number(node, "uint64"));
                }
                "tls_key" => self.tls_key = r.text(node).map(PathBuf::from),
                "tls_cert" => self.tls_cert = r.text(node).map(PathBuf::from),
                "ca_cert" => self.ca_cert = r.text(node).map(PathBuf::from),
                "require_secure_transport" => {
                    set(&mut self.require_secure_transport, r.boolean(node));
                }
                "require_client_cert" => set(&mut self.require_client_cert, r.boolean(node)),
                "allow_cleartext_passwords" => {
                    set(&mut self.allow_cleartext_passwords, r.boolean(node));
                }
                "socket" => {
                    let text = r.text(node);
                    self.socket = text.map(|t| {
                        if t.is_empty() {
                            DEFAULT_SOCKET.to_string()
                        } else {
                            t
                        }
                    });
                }
                _ => r.unknown(key, *line, TYPE),
            }
        }
    }

    /// What Dolt refuses before it starts.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |text: String| Err(ConfigError(text));
        if address(&self.host, 0).is_none() {
            return fail(format!("address is not a valid IP: {}", self.host));
        }
        if !(1024..=65535).contains(&self.port) {
            return fail(format!(
                "port is not in the range between 1024-65535: {}\n",
                self.port
            ));
        }
        if Level::from_name(&self.log_level).is_none() {
            return fail(format!("loglevel is invalid: {}\n", self.log_level));
        }
        if !matches!(self.log_format.to_lowercase().as_str(), "text" | "json") {
            return fail(format!("logformat is invalid: {}\n", self.log_format));
        }
        let tls = self.tls_key.is_some() || self.tls_cert.is_some();
        if self.require_secure_transport && !tls {
            return fail(
                "require_secure_transport can only be `true` when a tls_key and tls_cert are \
                 provided."
                    .to_string(),
            );
        }
        if self.require_client_cert && !tls {
            return fail(
                "must supply tls_cert and tls_key when require_client_cert is enabled".to_string(),
            );
        }
        if self.metrics.is_served() {
            if self.metrics.wants_tokens {
                return fail("metrics: jwks is not supported".to_string());
            }
            if address(&self.metrics.host, 0).is_none() {
                return fail(format!(
                    "metrics: address is not a valid IP: {}",
                    self.metrics.host
                ));
            }
        }
        Ok(())
    }

    /// The log's level; info if it is not one.
    pub fn level(&self) -> Level {
        Level::from_name(&self.log_level).unwrap_or(Level::Info)
    }

    /// The socket file: as configured, and always one for `localhost`.
    pub fn socket_path(&self) -> Option<PathBuf> {
        match &self.socket {
            Some(path) => Some(PathBuf::from(path)),
            None => (self.host == "localhost").then(|| PathBuf::from(DEFAULT_SOCKET)),
        }
    }

    /// The line that the server prints when it starts.
    pub fn summary(&self) -> String {
        let socket = self
            .socket_path()
            .map_or(String::new(), |p| format!("|S=\"{}\"", p.display()));
        format!(
            "HP=\"{}:{}\"|T=\"{}\"|R=\"{}\"|L=\"{}\"{socket}",
            self.host, self.port, self.read_timeout_millis, self.read_only, self.log_level
        )
    }

    /// What connections need.
    pub fn connections(&self) -> ConnectionConfig {
        let version = self
            .system_variables
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("version"))
            .map_or("8.0.33".to_string(), |(_, v)| v.clone());
        ConnectionConfig {
            version,
            max_connections: usize::try_from(self.max_connections)
                .unwrap_or(usize::MAX)
                .max(1),
            back_log: self.back_log as usize,
            wait_for_place: self.max_connections_timeout,
            read_timeout: millis(self.read_timeout_millis),
            write_timeout: millis(self.write_timeout_millis),
            disable_multi_statements: self.disable_client_multi_statements,
            require_secure_transport: self.require_secure_transport,
            allow_cleartext_passwords: self.allow_cleartext_passwords,
            max_logged_query_len: self.max_logged_query_len,
        }
    }
}

/// `dir/name`, without a leading `./`.
pub fn join(dir: &Path, name: &str) -> PathBuf {
    if dir == Path::new(".") {
        PathBuf::from(name)
    } else {
        dir.join(name)
    }
}

/// Capitals for the scheduler's state.
pub fn scheduler(text: &str) -> String {
    match text.to_ascii_uppercase().as_str() {
        "1" | "TRUE" => "ON".to_string(),
        "0" | "FALSE" => "OFF".to_string(),
        other => other.to_string(),
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(v) = value {
        *place = v;
    }
}

fn set_path(place: &mut PathBuf, value: Option<String>) {
    set(place, value.map(PathBuf::from));
}

/// Refuses keys that a section does not have.
fn known(r: &mut Reader, node: &Node, ty: &str, keys: &[&str]) {
    for (key, line, _) in r.map(node, ty) {
        if !keys.contains(&key.as_str()) {
            r.unknown(key, *line, ty);
        }
    }
}

fn variables(r: &mut Reader, node: &Node) -> Variables {
    r.map(node, "map[string]interface {}")
        .iter()
        .filter_map(|(key, _, value)| match &value.kind {
            Kind::Scalar(text, _) => Some((key.clone(), text.clone())),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_configuration() {
        let c =
            Config::from_yaml("log_level: error\nlistener:\n  host: 127.0.0.1\n  port: 33917\n")
                .expect("reads");
        assert_eq!(
            (c.host.as_str(), c.port, c.level()),
            ("127.0.0.1", 33917, Level::Error)
        );
        assert_eq!(c.privilege_file, Path::new(".doltcfg/privileges.db"));
        assert_eq!(c.socket_path(), None);
        assert_eq!(c.validate(), Ok(()));
        assert_eq!(
            c.summary(),
            "HP=\"127.0.0.1:33917\"|T=\"28800000\"|R=\"false\"|L=\"error\""
        );
    }

    #[test]
    fn every_key_of_the_generated_file_is_known() {
        let all: String = include_str!("../data/config.yaml")
            .lines()
            .filter(|l| {
                !l.starts_with("# Dolt")
                    && !l.starts_with("# Uncomment")
                    && !l.starts_with("# Full")
                    && *l != "#"
            })
            .map(|l| l.replacen("# ", "", 1) + "\n")
            .collect();
        let c = Config::from_yaml(&all).expect("all keys are known");
        assert_eq!(c.user_session_vars[0].0, "root");
        assert_eq!(c.user_session_vars[0].1.len(), 2);
        assert_eq!(c.system_variables.len(), 2);
        assert_eq!(c.tls_key.as_deref(), Some(Path::new("key.pem")));
        assert_eq!(c.event_scheduler, "OFF");
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_errors() {
        let e = Config::from_yaml("log_level: info\nlistner:\n  port: 1\n").expect_err("unknown");
        assert_eq!(
            e,
            "yaml: unmarshal errors:\n  line 2: field listner not found in type servercfg.YAMLConfig"
        );
        let e = Config::from_yaml("listener:\n  port: abc\n").expect_err("no number");
        assert_eq!(
            e,
            "yaml: unmarshal errors:\n  line 2: cannot unmarshal !!str `abc` into int"
        );
        assert!(Config::from_yaml("behavior:\n  auto_gc_behavior:\n    x: 1\n").is_err());
    }

    #[test]
    fn refusals() {
        let with = |edit: fn(&mut Config)| {
            let mut c = Config::default();
            edit(&mut c);
            c.validate().expect_err("refused").0
        };
        assert_eq!(
            with(|c| c.host = "nowhere".into()),
            "address is not a valid IP: nowhere"
        );
        assert_eq!(
            with(|c| c.port = 80),
            "port is not in the range between 1024-65535: 80\n"
        );
        assert_eq!(
            with(|c| c.log_level = "loud".into()),
            "loglevel is invalid: loud\n"
        );
        assert_eq!(
            with(|c| c.log_format = "xml".into()),
            "logformat is invalid: xml\n"
        );
        assert!(
            with(|c| c.require_secure_transport = true).starts_with("require_secure_transport")
        );
    }
}
