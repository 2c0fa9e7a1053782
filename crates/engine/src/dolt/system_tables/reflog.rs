//! `dolt_reflog()`: what branches, tags and remote-tracking branches were, from the roots that the
//! journal remembers (spec 04 §4).

use std::collections::HashMap;
use std::sync::Arc;

use chunks::Hash;
use model::{CommitId, Tag};
use values::{OwnedValue, SqlType, Value};

use super::{LONGTEXT, Scan, TableMaker, column, date, emit_all, hash, nullable, text};
use crate::error::{Error, Result};
use crate::virtual_table::VirtualTable;

const TIMESTAMP: SqlType = SqlType::Timestamp(0);

/// `dolt_reflog([ref][, '--all'])`.
pub fn reflog(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        column("ref", LONGTEXT),
        nullable("ref_timestamp", TIMESTAMP),
        column("commit_hash", LONGTEXT),
        column("commit_message", LONGTEXT),
    ];
    maker.table(columns, |scan, emit| {
        let (only, all) = arguments(scan)?;
        emit_all(entries(scan, only, all)?, emit)
    })
}

/// The ref that was asked for, and whether workspaces are shown.
fn arguments(scan: &Scan<'_>) -> Result<(Option<String>, bool)> {
    let (mut only, mut all) = (None, false);
    for arg in scan.args {
        let Value::Bytes(b) = arg else {
            let shown = crate::convert::to_string(arg);
            return Err(Error::general(format!(
                "argument ({shown}) is not a string value"
            )));
        };
        let given = String::from_utf8_lossy(b).into_owned();
        if given == "--all" {
            if all {
                return Err(Error::general("error: multiple values provided for `all`"));
            }
            all = true;
        } else if only.replace(given).is_some() {
            return Err(Error::general(
                "error: dolt_reflog has too many positional arguments. Expected at most 1, found 2",
            ));
        }
    }
    Ok((only, all))
}

/// The entries, newest first.
fn entries(scan: &Scan<'_>, mut only: Option<String>, all: bool) -> Result<Vec<Vec<OwnedValue>>> {
    let store = &scan.db.handle.store;
    let Some(files) = store.file_store() else {
        return Ok(Vec::new());
    };
    let mut before: HashMap<String, Hash> = HashMap::new();
    let mut rows = Vec::new();
    let history = files.root_history();
    let shown = scan.session().instance.settings.reflog_records;
    for past in &history[history.len().saturating_sub(shown)..] {
        scan.cx.check_interrupt()?;
        // Garbage collection may have dropped what a root named.
        let Ok(datasets) = store.datasets_of(past.root) else {
            continue;
        };
        for (name, address) in datasets {
            let shown = ["refs/heads/", "refs/tags/", "refs/remotes/"]
                .iter()
                .any(|p| name.starts_with(p))
                || all && name.starts_with("refs/workspaces/");
            if !shown {
                continue;
            }
            if let Some(wanted) = &mut only {
                // The first ref that a short name fits is the one that is meant.
                let ends = format!("/{}", wanted.to_lowercase());
                if name.to_lowercase().ends_with(&ends) {
                    wanted.clone_from(&name);
                }
                if !name.eq_ignore_ascii_case(wanted) {
                    continue;
                }
            }
            if before.get(&name) == Some(&address) {
                continue;
            }
            let id = match name.starts_with("refs/tags/") {
                true => match Tag::open(store.objects(), &address) {
                    Ok(tag) => tag.commit,
                    Err(_) => continue,
                },
                false => CommitId(address),
            };
            let Ok(commit) = store.commit(id) else {
                continue;
            };
            rows.push(vec![
                text(&*name),
                past.seconds.map_or(Value::Null, |s| date(s as i64 * 1000)),
                hash(id.0),
                text(commit.meta.message),
            ]);
            before.insert(name, address);
        }
    }
    rows.reverse();
    Ok(rows)
}
