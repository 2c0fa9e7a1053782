//! The config.yaml that a server without `--config` leaves behind (spec 06 §11.2).

use std::collections::BTreeMap;

const TEMPLATE: &str = include_str!("../data/config.yaml");

/// Text of a scalar, quoted if YAML would take it for something else.
fn scalar(text: &str) -> String {
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "" | "y" | "n" | "yes" | "no" | "on" | "off" | "null" | "~"
    );
    let odd = text.starts_with(|c: char| "-?:,[]{}#&*!|>'\"%@` ".contains(c))
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with([' ', ':']);
    if word || odd {
        format!("{text:?}")
    } else {
        text.to_string()
    }
}

/// All keys with what they could be; those given (by path, e.g. `listener.port`) are in force, the
/// others are comments.
pub fn generate(given: &BTreeMap<&'static str, String>) -> String {
    let mut out = String::new();
    // Keys of the enclosing maps with their indentation.
    let mut path: Vec<(usize, &str)> = Vec::new();
    for (i, line) in TEMPLATE.lines().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let body = line.trim_start();
        let indent = line.len() - body.len();
        let key = body
            .strip_prefix("# ")
            .and_then(|b| b.split_once(':'))
            .map(|(k, _)| k);
        let Some(key) = key.filter(|k| k.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        else {
            out.push_str(line);
            continue;
        };
        path.retain(|(n, _)| *n < indent);
        path.push((indent, key));
        let names: Vec<&str> = path.iter().map(|(_, k)| *k).collect();
        let name = names.join(".");
        let inner = format!("{name}.");
        if let Some(value) = given.get(name.as_str()) {
            out.push_str(&format!("{}{key}: {}", &line[..indent], scalar(value)));
        } else if given.keys().any(|k| k.starts_with(&inner)) {
            out.push_str(&format!("{}{key}:", &line[..indent]));
        } else {
            out.push_str(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn given_keys_are_in_force() {
        assert_eq!(generate(&BTreeMap::new()), TEMPLATE);
        let given = BTreeMap::from([
            ("listener.host", "127.0.0.1".to_string()),
            ("listener.port", "13999".to_string()),
            ("behavior.event_scheduler", "OFF".to_string()),
        ]);
        let text = generate(&given);
        assert!(text.contains(
            "\nlistener:\n  host: 127.0.0.1\n  port: 13999\n  # max_connections: 1000\n"
        ));
        assert!(text.contains("\nbehavior:\n  # read_only: false\n"));
        let c = Config::from_yaml(&text).expect("reads");
        assert_eq!(
            (c.host.as_str(), c.port, c.event_scheduler.as_str()),
            ("127.0.0.1", 13999, "OFF")
        );
    }
}
