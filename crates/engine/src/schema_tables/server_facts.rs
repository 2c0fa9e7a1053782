//! Facts of the server: character sets, status, connections.

use values::charset::Charset;
use values::{Collation, OwnedValue, Value};

use super::sight::Sight;
use crate::accounts::Privilege;
use crate::session::Session;

/// Storage engines as SHOW ENGINES lists them.
pub(crate) const ENGINES: &str = include_str!("../../data/engines.tsv");
/// Privileges as SHOW PRIVILEGES lists them.
pub(crate) const PRIVILEGES: &str = include_str!("../../data/privileges.tsv");
const STATUS: &str = include_str!("../../data/status.tsv");

/// Character sets that text can be stored in, by name.
pub(crate) fn character_sets() -> Vec<&'static Charset> {
    let mut list: Vec<_> = values::charset::all()
        .iter()
        .filter(|c| c.implemented)
        .collect();
    list.sort_by_key(|c| c.name);
    list
}

/// Every collation, by name.
pub(crate) fn collations() -> Vec<&'static Collation> {
    let mut list: Vec<_> = values::collation::all().iter().collect();
    list.sort_by_key(|c| c.name);
    list
}

/// Status variables with their values.
pub(crate) fn status(session: &Session) -> Vec<(String, String)> {
    let connected = session.instance.processes().len();
    let mut all: Vec<(String, String)> = STATUS
        .lines()
        .skip(1)
        .filter_map(|l| l.split_once('\t').or(Some((l, ""))))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| {
            let value = match name {
                "Threads_connected" => connected.to_string(),
                "Threads_running" => "1".to_string(),
                _ => value.to_string(),
            };
            (name.to_string(), value)
        })
        .collect();
    let behind = |(name, _): &(String, String)| name.as_str() > "Dolt_cache";
    let at = all.iter().position(behind).unwrap_or(all.len());
    all.splice(at..at, cache_status(session));
    all
}

/// The caches of tree nodes of all databases, which MySQL has no variables for.
fn cache_status(session: &Session) -> [(String, String); 4] {
    let sum = session.instance.cache_figures();
    [
        ("Dolt_cache_bytes", sum.bytes),
        ("Dolt_cache_hits", sum.hits),
        ("Dolt_cache_limit_bytes", sum.limit),
        ("Dolt_cache_misses", sum.misses),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()))
}

/// Connections: Id, User, Host, db, Command, Time, State, Info. Those of others only with PROCESS.
pub(crate) fn processes(session: &Session) -> Vec<Vec<OwnedValue>> {
    let all = Sight::new(session).allows(Privilege::Process);
    let me = session.user();
    let now = session.instance.clock.now_micros();
    let mut rows = Vec::new();
    for p in session.instance.processes() {
        if !all && p.user != me {
            continue;
        }
        let activity = p.activity.lock().map(|a| a.clone()).unwrap_or_default();
        let running = activity.statement.is_some();
        let seconds = match activity.since {
            0 => 0,
            since => (now - since).max(0) / 1_000_000,
        };
        rows.push(vec![
            Value::Int(p.id.into()),
            Value::text(p.user.as_str()),
            Value::text(p.host.as_str()),
            crate::show::maybe(activity.database),
            Value::text(if running { "Query" } else { "Sleep" }),
            Value::Int(seconds),
            Value::text(if running { "running" } else { "" }),
            crate::show::maybe(activity.statement),
        ]);
    }
    rows
}
