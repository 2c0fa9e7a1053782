//! The command line of `dolt sql-server` (spec 06 §11.1).

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Config, ConfigError, DEFAULT_SOCKET, join, scheduler};

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    /// A value if one follows that is no option.
    Maybe,
}

const OPTIONS: &[(&str, Option<char>, Takes)] = &[
    ("config", None, Takes::Value),
    ("host", Some('H'), Takes::Value),
    ("port", Some('P'), Takes::Value),
    ("user", Some('u'), Takes::Value),
    ("password", Some('p'), Takes::Value),
    ("skip-root-user-initialization", None, Takes::Nothing),
    ("timeout", Some('t'), Takes::Value),
    ("readonly", Some('r'), Takes::Nothing),
    ("loglevel", Some('l'), Takes::Value),
    ("logformat", Some('f'), Takes::Value),
    ("data-dir", None, Takes::Value),
    ("multi-db-dir", None, Takes::Value),
    ("doltcfg-dir", None, Takes::Value),
    ("no-auto-commit", None, Takes::Nothing),
    ("query-parallelism", None, Takes::Value),
    ("max-connections", None, Takes::Value),
    ("back-log", None, Takes::Value),
    ("cache-bytes", None, Takes::Value),
    ("max-connections-timeout", None, Takes::Value),
    ("privilege-file", None, Takes::Value),
    ("branch-control-file", None, Takes::Value),
    ("allow-cleartext-passwords", None, Takes::Value),
    ("socket", None, Takes::Maybe),
    ("remotesapi-port", None, Takes::Value),
    ("remotesapi-readonly", None, Takes::Nothing),
    ("golden", None, Takes::Value),
    ("event-scheduler", None, Takes::Value),
    ("mcp-port", None, Takes::Value),
    ("mcp-user", None, Takes::Value),
    ("mcp-password", None, Takes::Value),
    ("mcp-database", None, Takes::Value),
];

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The configuration, paths relative to the working directory.
    pub config: Config,
    /// Do not make root.
    pub skip_root: bool,
    /// The configuration came from a file.
    pub from_file: bool,
    /// Lines for standard error.
    pub notes: Vec<String>,
}

type Given = Vec<(&'static str, Option<String>)>;

fn split(args: &[String]) -> Result<(Given, Vec<String>), ConfigError> {
    let mut given = Given::new();
    let mut positional = Vec::new();
    let mut rest = args.iter().peekable();
    while let Some(arg) = rest.next() {
        let unknown = || {
            ConfigError(format!(
                "error: unknown option `{}'",
                arg.trim_start_matches('-')
            ))
        };
        let (option, inline) = if arg == "--" {
            positional.extend(rest.by_ref().cloned());
            break;
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((n, v)) => (n, Some(v.to_string())),
                None => (long, None),
            };
            (
                OPTIONS
                    .iter()
                    .find(|(n, ..)| *n == name)
                    .ok_or_else(unknown)?,
                value,
            )
        } else if let Some(short) = arg.strip_prefix('-').filter(|s| !s.is_empty()) {
            let letter = short.chars().next();
            let tail = &short[letter.map_or(0, char::len_utf8)..];
            let tail = tail.strip_prefix('=').unwrap_or(tail);
            let option = OPTIONS.iter().find(|(_, s, _)| s.is_some() && *s == letter);
            let value = (!tail.is_empty()).then(|| tail.to_string());
            (option.ok_or_else(unknown)?, value)
        } else {
            positional.push(arg.clone());
            continue;
        };
        let (name, _, takes) = *option;
        let value = match (takes, inline) {
            (Takes::Nothing, None) => None,
            (Takes::Nothing, Some(_)) => {
                return Err(ConfigError(format!(
                    "error: option `{name}' does not take a value"
                )));
            }
            (_, Some(v)) => Some(v),
            (Takes::Maybe, None) => rest.next_if(|n| !n.starts_with('-')).cloned(),
            (Takes::Value, None) => match rest.next() {
                Some(v) => Some(v.clone()),
                None => return Err(ConfigError(format!("error: no value for option `{name}'"))),
            },
        };
        given.push((name, value));
    }
    Ok((given, positional))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|_| {
        ConfigError(format!(
            "error: invalid value for option `{name}': {text} is not a number"
        ))
    })
}

/// A duration as Go writes it: `60s`, `1m30s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let amount: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let seconds = match &rest[..letters] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "" if text == "0" => 0.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(amount * seconds).ok()?)?;
        rest = &rest[letters..];
    }
    Some(total)
}

/// Reads the arguments behind `sql-server`.
pub fn parse_args(args: &[String], cwd: &Path) -> Result<Invocation, ConfigError> {
    let (given, positional) = split(args)?;
    if !positional.is_empty() {
        return Err(ConfigError(format!(
            "error: sql-server does not take positional arguments, but found {}: {}",
            positional.len(),
            positional.join(", ")
        )));
    }
    let has = |name: &str| given.iter().any(|(n, _)| *n == name);
    let value = |name: &str| {
        given
            .iter()
            .rev()
            .find(|(n, _)| *n == name)
            .and_then(|(_, v)| v.as_deref())
    };
    let mut notes = Vec::new();
    if has("multi-db-dir") {
        notes.push("WARNING: --multi-db-dir is deprecated, use --data-dir instead".to_string());
    }
    if has("user") || has("password") {
        return Err(ConfigError(
            "ERROR: --user and --password have been removed from the sql-server command. Create \
             users explicitly with CREATE USER and GRANT statements instead."
                .to_string(),
        ));
    }
    let bad = |e: ConfigError| ConfigError(format!("bad configuration: {e}"));
    let skip_root = has("skip-root-user-initialization");
    let data_dir = value("data-dir").or(value("multi-db-dir"));
    if let Some(path) = value("config") {
        let mut config = Config::from_file(&cwd.join(path), path).map_err(bad)?;
        if let Some(dir) = data_dir {
            if config.data_dir != Path::new(".") {
                return Err(ConfigError(
                    "--data-dir specified in both config file and command line. Please specify \
                     only one."
                        .to_string(),
                ));
            }
            let before = join(Path::new("."), ".doltcfg");
            config.data_dir = PathBuf::from(dir);
            if config.cfg_dir == before {
                config.cfg_dir = join(&config.data_dir, ".doltcfg");
                for (file, name) in [
                    (&mut config.privilege_file, "privileges.db"),
                    (&mut config.branch_control_file, "branch_control.db"),
                ] {
                    if *file == before.join(name) {
                        *file = config.cfg_dir.join(name);
                    }
                }
            }
        }
        config.validate()?;
        return Ok(Invocation {
            config,
            skip_root,
            from_file: true,
            notes,
        });
    }

    let mut c = Config::default();
    let mut given_keys = std::collections::BTreeMap::new();
    for (name, text) in &given {
        let text = text.as_deref().unwrap_or_default();
        let keys: &[&'static str] = match *name {
            "host" => {
                c.host = text.to_string();
                &["listener.host"]
            }
            "port" => {
                c.port = number(name, text)?;
                &["listener.port"]
            }
            "timeout" => {
                let n: u64 = number(name, text)?;
                (c.read_timeout_millis, c.write_timeout_millis) = (n, n);
                &[
                    "listener.read_timeout_millis",
                    "listener.write_timeout_millis",
                ]
            }
            "readonly" => {
                c.read_only = true;
                &["behavior.read_only"]
            }
            "loglevel" => {
                c.log_level = text.to_lowercase();
                &["log_level"]
            }
            "logformat" => {
                c.log_format = text.to_string();
                &["log_format"]
            }
            "no-auto-commit" => {
                c.autocommit = false;
                &["behavior.autocommit"]
            }
            "max-connections" => {
                c.max_connections = number(name, text)?;
                &["listener.max_connections"]
            }
            // Not written into a generated file, which Dolt would refuse to read.
            "cache-bytes" => {
                c.cache_bytes = Some(number(name, text)?);
                &[]
            }
            "back-log" => {
                c.back_log = number(name, text)?;
                &["listener.back_log"]
            }
            "max-connections-timeout" => {
                c.max_connections_timeout = duration(text).ok_or_else(|| {
                    ConfigError(format!("invalid value for --max-connections-timeout '{text}': time: invalid duration \"{text}\""))
                })?;
                &["listener.max_connections_timeout_millis"]
            }
            "allow-cleartext-passwords" => {
                c.allow_cleartext_passwords = match text {
                    "true" | "1" | "t" | "T" | "TRUE" | "True" => true,
                    "false" | "0" | "f" | "F" | "FALSE" | "False" => false,
                    _ => {
                        return Err(ConfigError(format!(
                            "Invalid value for --allow-cleartext-passwords '{text}'"
                        )));
                    }
                };
                &["listener.allow_cleartext_passwords"]
            }
            "socket" => {
                let path = if text.is_empty() {
                    DEFAULT_SOCKET
                } else {
                    text
                };
                c.socket = Some(path.to_string());
                &["listener.socket"]
            }
            "remotesapi-port" => {
                c.remotesapi_port = Some(number(name, text)?);
                &["remotesapi.port"]
            }
            "remotesapi-readonly" => {
                c.remotesapi_read_only = true;
                &["remotesapi.read_only"]
            }
            "event-scheduler" => {
                c.event_scheduler = scheduler(text);
                if !matches!(c.event_scheduler.as_str(), "ON" | "OFF" | "DISABLED") {
                    return Err(ConfigError(format!(
                        "Error while setting value '{text}' to 'event_scheduler'."
                    )));
                }
                &["behavior.event_scheduler"]
            }
            "privilege-file" => &["privilege_file"],
            "branch-control-file" => &["branch_control_file"],
            "doltcfg-dir" => &["cfg_dir"],
            "data-dir" | "multi-db-dir" => &["data_dir"],
            "golden" | "mcp-port" => {
                c.ignored.push(name);
                &[]
            }
            _ => &[],
        };
        let shown = match *name {
            "readonly" | "remotesapi-readonly" => "true".to_string(),
            "no-auto-commit" => "false".to_string(),
            "max-connections-timeout" => c.max_connections_timeout.as_millis().to_string(),
            "event-scheduler" => c.event_scheduler.clone(),
            "socket" => c.socket.clone().unwrap_or_default(),
            _ => text.to_string(),
        };
        for key in keys {
            given_keys.insert(*key, shown.clone());
        }
    }
    c.given = given_keys;
    if let Some(dir) = data_dir {
        c.data_dir = PathBuf::from(dir);
    }
    c.cfg_dir = match (value("doltcfg-dir"), data_dir) {
        (Some(dir), _) => PathBuf::from(dir),
        (None, Some(_)) => c.data_dir.join(".doltcfg"),
        (None, None) => {
            let (here, above) = (
                cwd.join(".doltcfg").is_dir(),
                cwd.join("../.doltcfg").is_dir(),
            );
            if here && above {
                return Err(bad(ConfigError(format!(
                    "multiple .doltcfg directories detected: '{}' and '{}'; pass one of the \
                     directories using option --doltcfg-dir",
                    cwd.join(".doltcfg").display(),
                    cwd.parent().unwrap_or(cwd).join(".doltcfg").display()
                ))));
            }
            PathBuf::from(if above { "../.doltcfg" } else { ".doltcfg" })
        }
    };
    let file = |name: &str, default: &str| {
        value(name).map_or_else(|| c.cfg_dir.join(default), PathBuf::from)
    };
    let (privileges, branches) = (
        file("privilege-file", "privileges.db"),
        file("branch-control-file", "branch_control.db"),
    );
    c.privilege_file = privileges;
    c.branch_control_file = branches;
    c.validate()?;
    Ok(Invocation {
        config: c,
        skip_root,
        from_file: false,
        notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<Invocation, ConfigError> {
        let args: Vec<String> = args.split_whitespace().map(str::to_string).collect();
        parse_args(&args, Path::new("/nowhere"))
    }

    #[test]
    fn flags() {
        let i = parse("--host=0.0.0.0 -P 3307 -r --loglevel DEBUG --data-dir /data --socket -t 5")
            .expect("reads");
        let c = &i.config;
        assert_eq!(
            (c.host.as_str(), c.port, c.read_only),
            ("0.0.0.0", 3307, true)
        );
        assert_eq!(
            c.summary(),
            "HP=\"0.0.0.0:3307\"|T=\"5\"|R=\"true\"|L=\"debug\"|S=\"/tmp/mysql.sock\""
        );
        assert_eq!(c.privilege_file, Path::new("/data/.doltcfg/privileges.db"));
        assert_eq!(
            c.given.get("listener.port").map(String::as_str),
            Some("3307")
        );
        let d = parse("").expect("reads").config;
        assert_eq!(
            d.summary(),
            "HP=\"localhost:3306\"|T=\"28800000\"|R=\"false\"|L=\"info\"|S=\"/tmp/mysql.sock\""
        );
        assert_eq!(d.cfg_dir, Path::new(".doltcfg"));
    }

    #[test]
    fn the_size_of_the_cache() {
        let size = |args: &str| parse(args).expect("reads").config.cache_bytes;
        assert_eq!(size("--cache-bytes 1048576"), Some(1 << 20));
        assert_eq!(size(""), None);
        assert!(parse("--cache-bytes lots").is_err());
        let yaml = Config::from_yaml("behavior:\n  cache_bytes: 7340032\n").expect("reads");
        assert_eq!(yaml.cache_bytes, Some(7 << 20));
    }

    #[test]
    fn refusals() {
        let text = |args: &str| parse(args).expect_err(args).0;
        assert_eq!(
            text("one two"),
            "error: sql-server does not take positional arguments, but found 2: one, two"
        );
        assert!(text("-u root").starts_with("ERROR: --user and --password have been removed"));
        assert_eq!(text("--what"), "error: unknown option `what'");
        assert!(text("--port x").contains("x is not a number"));
        assert_eq!(
            text("--port 80"),
            "port is not in the range between 1024-65535: 80\n"
        );
        assert!(
            text("--config none.yaml")
                .starts_with("bad configuration: Failed to read file 'none.yaml'.")
        );
    }

    #[test]
    fn durations() {
        assert_eq!(duration("60s"), Some(Duration::from_secs(60)));
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("7"), None);
        assert_eq!(duration("s"), None);
    }
}
