//! Named sets of global arguments, kept in the global configuration as base64 of a JSON object
//! (spec 06 §4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::Failure;
use crate::arguments::Parsed;
use crate::config::Config;

/// The setting that holds them.
pub const KEY: &str = "profile";
/// The profile that is used when none is named.
pub const DEFAULT: &str = "default";

/// Options that a profile keeps, in the order in which they are shown; `no-tls` is true or false.
pub const KEPT: &[&str] = &[
    "user",
    "password",
    "host",
    "port",
    "no-tls",
    "data-dir",
    "doltcfg-dir",
    "privilege-file",
    "branch-control-file",
    "use-db",
];

/// All profiles of a configuration by name.
pub fn read(config: &Config) -> Result<Map<String, Value>, Failure> {
    let Some(encoded) = config.global.get(KEY) else {
        return Ok(Map::new());
    };
    let bad = |e: &dyn std::fmt::Display| Failure::new(format!("Failed to decode profiles: {e}"));
    let text = STANDARD.decode(encoded).map_err(|e| bad(&e))?;
    serde_json::from_slice(&text).map_err(|e| bad(&e))
}

/// The setting's text for these profiles.
pub fn encode(profiles: &Map<String, Value>) -> Result<String, Failure> {
    Ok(STANDARD.encode(serde_json::to_vec(profiles)?))
}

/// A profile of the options that were given.
pub fn of(p: &Parsed) -> Value {
    let mut out = Map::new();
    for name in KEPT {
        let value = match *name {
            "no-tls" => Value::Bool(p.has(name)),
            name => Value::from(p.get(name).unwrap_or("")),
        };
        out.insert(name.to_string(), value);
    }
    out.insert("has-password".into(), Value::Bool(p.has("password")));
    Value::Object(out)
}

/// Adds the arguments of a profile to those that were given, which come first.
pub fn apply(profile: &Value, p: &mut Parsed) {
    for name in KEPT {
        if p.has(name) {
            continue;
        }
        match (*name, &profile[*name]) {
            ("password", Value::String(text)) if profile["has-password"] == true => {
                p.set(name, text.clone())
            }
            ("password", _) => {}
            ("no-tls", Value::Bool(true)) => p.set(name, String::new()),
            (_, Value::String(text)) if !text.is_empty() => p.set(name, text.clone()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Option_, flag, parse, value};

    const OPTIONS: &[Option_] = &[
        value("user", "u"),
        value("password", "p"),
        value("use-db", ""),
        flag("no-tls", ""),
    ];

    #[test]
    fn arguments_come_before_the_profile() {
        let words = |list: &[&str]| list.iter().map(|w| w.to_string()).collect::<Vec<_>>();
        let given = parse(&words(&["--user", "joe", "-p", "", "--no-tls"]), OPTIONS).unwrap();
        let profile = of(&given);
        let mut p = parse(&words(&["--user", "ann", "--use-db", "d"]), OPTIONS).unwrap();
        apply(&profile, &mut p);
        assert_eq!(p.get("user"), Some("ann"));
        assert_eq!(p.get("password"), Some(""));
        assert_eq!(p.get("use-db"), Some("d"));
        assert!(p.has("no-tls"));
        let mut map = Map::new();
        map.insert("x".into(), profile.clone());
        let mut config = Config {
            local: Default::default(),
            global: Default::default(),
        };
        config.global.insert(KEY.into(), encode(&map).unwrap());
        assert_eq!(read(&config).unwrap(), map);
    }
}
