//! System variables: names and defaults as a table of facts, and the rules of SET.

use std::collections::HashMap;
use std::sync::LazyLock;

use values::{OwnedValue, Value};

use crate::error::{Error, Result};

/// What a variable's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ON or OFF, read as 1 or 0.
    Bool,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Real,
    /// Text, words included.
    Text,
}

/// One system variable.
#[derive(Debug)]
pub struct Variable {
    /// Name in lower case.
    pub name: &'static str,
    /// Text that SHOW VARIABLES prints by default.
    pub default: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// There is a value per session.
    pub session: bool,
    /// There is a global value.
    pub global: bool,
    /// SET is refused.
    pub read_only: bool,
}

const GLOBALS: &str = include_str!("../data/global_variables.tsv");
const SESSIONS: &str = include_str!("../data/session_variables.tsv");

/// Variables that no SET can change.
const READ_ONLY: &[&str] = &[
    "version",
    "version_comment",
    "version_compile_machine",
    "version_compile_os",
    "version_compile_zlib",
    "hostname",
    "lower_case_table_names",
    "lower_case_file_system",
    "port",
    "socket",
    "datadir",
    "basedir",
    "tmpdir",
    "license",
    "protocol_version",
    "server_uuid",
    "system_time_zone",
    "pid_file",
    "plugin_dir",
    "character_set_system",
    "character_sets_dir",
    "innodb_version",
    "have_ssl",
    "have_openssl",
    "have_statement_timeout",
    "large_page_size",
    "skip_networking",
    "skip_name_resolve",
    "log_bin",
    "log_error",
    "bind_address",
    "secure_file_priv",
    "external_user",
    "proxy_user",
    "error_count",
    "warning_count",
    "report_host",
    "report_port",
    "innodb_page_size",
    "innodb_read_only",
    "mysqlx_port",
];

/// Variables that have only a global value.
const GLOBAL_ONLY: &[&str] = &[
    "max_connections",
    "local_infile",
    "read_only",
    "super_read_only",
    "default_password_lifetime",
    "event_scheduler",
    "general_log",
    "slow_query_log",
    "log_bin_trust_function_creators",
    "innodb_buffer_pool_size",
    "innodb_stats_auto_recalc",
    "connect_timeout",
    "table_open_cache",
    "dolt_replicate_to_remote",
    "dolt_replicate_heads",
    "dolt_replicate_all_heads",
    "dolt_read_replica_remote",
    "dolt_async_replication",
    "dolt_auto_gc_enabled",
    "dolt_skip_replication_errors",
    "max_prepared_stmt_count",
    "binlog_expire_logs_seconds",
    "key_buffer_size",
    "sync_binlog",
    "innodb_flush_log_at_trx_commit",
    "server_id",
    "offline_mode",
    "require_secure_transport",
    "validate_password.length",
    "validate_password.policy",
    "secure_file_priv",
    "gtid_mode",
    "activate_all_roles_on_login",
    "password_history",
    "partial_revokes",
    "host_cache_size",
];

/// Variables that have only a session value.
const SESSION_ONLY: &[&str] = &[
    "timestamp",
    "insert_id",
    "last_insert_id",
    "identity",
    "rand_seed1",
    "rand_seed2",
    "sql_log_bin",
    "pseudo_thread_id",
    "error_count",
    "warning_count",
    "external_user",
    "proxy_user",
    "gtid_next",
    "debug_sync",
    "unique_checks_session",
];

/// Variables that this implementation adds to Dolt's.
const OWN: &[(&str, &str)] = &[
    // The identity of the session, as SureCentric writes it.
    ("dolt_head_committer_email", ""),
    ("dolt_head_committer_name", ""),
    ("insert_id", "0"),
    ("last_insert_id", "0"),
    ("identity", "0"),
    ("timestamp", "0"),
    ("pseudo_thread_id", "0"),
    ("rand_seed1", "0"),
    ("rand_seed2", "0"),
    ("sql_log_bin", "ON"),
    ("error_count", "0"),
    ("warning_count", "0"),
    ("unique_checks", "ON"),
    ("foreign_key_checks", "ON"),
    ("sql_notes", "ON"),
    ("sql_safe_updates", "OFF"),
    ("sql_auto_is_null", "OFF"),
    ("sql_quote_show_create", "ON"),
    ("sql_select_limit", "18446744073709551615"),
    ("tx_isolation", "REPEATABLE-READ"),
    ("transaction_read_only", "OFF"),
    ("tx_read_only", "OFF"),
];

/// Names whose text is no number or word although it looks like one.
const TEXT: &[&str] = &[
    "version",
    "time_zone",
    "system_time_zone",
    "sql_mode",
    "optimizer_switch",
];

/// Whole numbers whose default is not printed as one.
fn kind_of(name: &str, text: &str) -> Kind {
    if TEXT.contains(&name)
        || name.starts_with("version")
        || name.starts_with("dolt_author")
        || name.starts_with("dolt_committer")
    {
        Kind::Text
    } else if text == "ON" || text == "OFF" {
        Kind::Bool
    } else if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        Kind::Integer
    } else if text.parse::<f64>().is_ok() {
        Kind::Real
    } else {
        Kind::Text
    }
}

static TABLE: LazyLock<HashMap<&'static str, Variable>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Variable> = HashMap::new();
    let listed = [(GLOBALS, true), (SESSIONS, false)]
        .into_iter()
        .flat_map(|(text, global)| {
            text.lines().skip(1).map(move |line| {
                let (name, value) = line.split_once('\t').unwrap_or((line, ""));
                (name, value, global)
            })
        });
    for (name, value, global) in listed.chain(OWN.iter().map(|(n, v)| (*n, *v, false))) {
        let v = table.entry(name).or_insert_with(|| Variable {
            name,
            default: value,
            kind: kind_of(name, value),
            session: false,
            global: false,
            read_only: READ_ONLY.contains(&name),
        });
        if global {
            v.global = true
        } else {
            v.session = true
        }
    }
    for v in table.values_mut() {
        if GLOBAL_ONLY.contains(&v.name) {
            v.session = false;
            v.global = true;
        } else {
            v.global = !SESSION_ONLY.contains(&v.name);
        }
    }
    table
});

/// The variable of this name, in any letter case.
pub fn lookup(name: &str) -> Option<&'static Variable> {
    TABLE
        .get(name)
        .or_else(|| TABLE.get(name.to_ascii_lowercase().as_str()))
}

/// Every variable by name.
pub fn all() -> Vec<&'static Variable> {
    let mut list: Vec<_> = TABLE.values().collect();
    list.sort_by_key(|v| v.name);
    list
}

impl Variable {
    /// The default as a value.
    pub fn default_value(&self) -> OwnedValue {
        self.value_of(self.default)
    }

    /// A text that SHOW VARIABLES prints, as a value.
    pub fn value_of(&self, text: &str) -> OwnedValue {
        match self.kind {
            Kind::Bool => Value::Int((text == "ON" || text == "1") as i64),
            Kind::Integer => match text.parse::<i64>() {
                Ok(n) => Value::Int(n),
                Err(_) => text.parse().map_or(Value::text(text), Value::UInt),
            },
            Kind::Real => text.parse().map_or(Value::text(text), Value::Float),
            Kind::Text => Value::text(text),
        }
    }

    /// How SHOW VARIABLES prints a value.
    pub fn show(&self, value: &OwnedValue) -> String {
        match (self.kind, value) {
            (Kind::Bool, Value::Int(0)) => "OFF".to_string(),
            (Kind::Bool, Value::Int(1)) => "ON".to_string(),
            (_, v) => crate::convert::to_string(v),
        }
    }

    /// The value that SET stores, or MySQL's error 1231 or 1232.
    pub fn check(&self, value: OwnedValue) -> Result<OwnedValue> {
        let wrong = |v: &OwnedValue| {
            let shown = if v.is_null() {
                "NULL".to_string()
            } else {
                crate::convert::to_string(v)
            };
            Error::wrong_value_for_var(self.name, shown)
        };
        match self.kind {
            Kind::Bool => match &value {
                Value::Int(0) | Value::UInt(0) => Ok(Value::Int(0)),
                Value::Int(1) | Value::UInt(1) => Ok(Value::Int(1)),
                Value::Bytes(b) => match b.to_ascii_lowercase().as_slice() {
                    b"on" | b"true" | b"1" => Ok(Value::Int(1)),
                    b"off" | b"false" | b"0" => Ok(Value::Int(0)),
                    _ => Err(wrong(&value)),
                },
                Value::Int(_) | Value::UInt(_) | Value::Null => Err(wrong(&value)),
                _ => Err(Error::wrong_type_for_var(self.name)),
            },
            Kind::Integer => match &value {
                Value::Int(_) | Value::UInt(_) => Ok(value),
                Value::Decimal(d) => d
                    .to_i64()
                    .map(Value::Int)
                    .ok_or_else(|| Error::wrong_type_for_var(self.name)),
                Value::Bytes(b) => match std::str::from_utf8(b).ok().and_then(|s| s.parse().ok()) {
                    Some(n) => Ok(Value::Int(n)),
                    None => Err(Error::wrong_type_for_var(self.name)),
                },
                Value::Null => Err(wrong(&value)),
                _ => Err(Error::wrong_type_for_var(self.name)),
            },
            Kind::Real => match &value {
                Value::Int(n) => Ok(Value::Float(*n as f64)),
                Value::Decimal(d) => Ok(Value::Float(d.to_f64())),
                Value::Float(_) => Ok(value),
                _ => Err(Error::wrong_type_for_var(self.name)),
            },
            Kind::Text => self.check_text(value),
        }
    }

    fn check_text(&self, value: OwnedValue) -> Result<OwnedValue> {
        let text = match &value {
            Value::Null => String::new(),
            v => crate::convert::to_string(v),
        };
        let wrong = |text: &str| Error::wrong_value_for_var(self.name, text);
        Ok(Value::text(match self.name {
            "sql_mode" => normal_sql_mode(&value)?,
            "transaction_isolation" | "tx_isolation" => {
                let upper = text.to_ascii_uppercase().replace(' ', "-");
                match upper.as_str() {
                    "READ-UNCOMMITTED" | "READ-COMMITTED" | "REPEATABLE-READ" | "SERIALIZABLE" => {
                        upper
                    }
                    _ => return Err(wrong(&text)),
                }
            }
            "collation_connection" | "collation_database" | "collation_server" => {
                match values::collation::by_name(&text) {
                    Some(c) => c.name.to_string(),
                    None => return Err(Error::unknown_collation(text)),
                }
            }
            "character_set_client"
            | "character_set_connection"
            | "character_set_results"
            | "character_set_server"
            | "character_set_database" => {
                if text.is_empty() && self.name == "character_set_results" {
                    return Ok(Value::Null);
                }
                match crate::bind::types::charset_default(&text) {
                    Some(c) => c.charset.name.to_string(),
                    None => return Err(Error::unknown_charset(text)),
                }
            }
            "time_zone" => {
                if crate::time_zone::Zone::parse(&text).is_none() {
                    return Err(Error::unknown_time_zone(text));
                }
                text
            }
            _ => text,
        }))
    }
}

/// Modes by name with their bits, as MySQL numbers them.
pub const SQL_MODES: &[(&str, u64)] = &[
    ("REAL_AS_FLOAT", 1),
    ("PIPES_AS_CONCAT", 2),
    ("ANSI_QUOTES", 4),
    ("IGNORE_SPACE", 8),
    ("ONLY_FULL_GROUP_BY", 32),
    ("NO_UNSIGNED_SUBTRACTION", 64),
    ("NO_DIR_IN_CREATE", 128),
    ("ANSI", 0x40000),
    ("NO_AUTO_VALUE_ON_ZERO", 0x80000),
    ("NO_BACKSLASH_ESCAPES", 0x100000),
    ("STRICT_TRANS_TABLES", 0x200000),
    ("STRICT_ALL_TABLES", 0x400000),
    ("NO_ZERO_IN_DATE", 0x800000),
    ("NO_ZERO_DATE", 0x1000000),
    ("ALLOW_INVALID_DATES", 0x2000000),
    ("ERROR_FOR_DIVISION_BY_ZERO", 0x4000000),
    ("TRADITIONAL", 0x8000000),
    ("HIGH_NOT_PRECEDENCE", 1 << 29),
    ("NO_ENGINE_SUBSTITUTION", 1 << 30),
    ("PAD_CHAR_TO_FULL_LENGTH", 1 << 31),
    ("TIME_TRUNCATE_FRACTIONAL", 1 << 32),
];

/// Modes that MySQL 8 no longer has; dumps of older servers set them.
const OLD_MODES: &[&str] = &[
    "NO_AUTO_CREATE_USER",
    "NO_FIELD_OPTIONS",
    "NO_KEY_OPTIONS",
    "NO_TABLE_OPTIONS",
    "DB2",
    "MAXDB",
    "MSSQL",
    "MYSQL323",
    "MYSQL40",
    "ORACLE",
    "POSTGRESQL",
];

fn normal_sql_mode(value: &OwnedValue) -> Result<String> {
    let mut names: Vec<String> = Vec::new();
    match value {
        Value::Int(bits) => {
            names.extend(
                SQL_MODES
                    .iter()
                    .filter(|(_, b)| *bits as u64 & b != 0)
                    .map(|(n, _)| n.to_string()),
            );
        }
        v => {
            for part in crate::convert::to_string(v).split(',') {
                let part = part.trim().to_ascii_uppercase();
                if part.is_empty() || OLD_MODES.contains(&part.as_str()) {
                    continue;
                }
                if !SQL_MODES.iter().any(|(n, _)| *n == part) {
                    return Err(Error::wrong_value_for_var("sql_mode", part));
                }
                let implied: &[&str] = match part.as_str() {
                    "ANSI" => &[
                        "REAL_AS_FLOAT",
                        "PIPES_AS_CONCAT",
                        "ANSI_QUOTES",
                        "IGNORE_SPACE",
                        "ONLY_FULL_GROUP_BY",
                    ],
                    "TRADITIONAL" => &[
                        "STRICT_TRANS_TABLES",
                        "STRICT_ALL_TABLES",
                        "NO_ZERO_IN_DATE",
                        "NO_ZERO_DATE",
                        "ERROR_FOR_DIVISION_BY_ZERO",
                        "NO_ENGINE_SUBSTITUTION",
                    ],
                    _ => &[],
                };
                names.extend(implied.iter().map(|n| n.to_string()));
                names.push(part);
            }
        }
    }
    // Shown in the order of their bits.
    let known = SQL_MODES.iter().map(|(n, _)| *n);
    let shown: Vec<&str> = known.filter(|n| names.iter().any(|m| m == n)).collect();
    Ok(shown.join(","))
}
