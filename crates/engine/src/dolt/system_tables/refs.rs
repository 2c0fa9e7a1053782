//! dolt_branches, dolt_remote_branches, dolt_tags, dolt_remotes, dolt_backups, dolt_stashes.

use std::sync::Arc;

use model::{CommitId, Remote};
use values::{DateTime, Json, OwnedValue, SqlType, Value};

use super::{
    BOOL, DATETIME3, DATETIME6, INT, TEXT, TableMaker, boolean, column, date, emit_all, hash, key,
    nullable, text,
};
use crate::dolt::procedures::stash_lists;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::session::DbRef;
use crate::virtual_table::{VirtualColumn, VirtualTable};

fn committed(db: &DbRef, id: CommitId) -> Result<[Vec<OwnedValue>; 2]> {
    let m = db.handle.store.commit(id)?.meta;
    Ok([
        vec![
            hash(id.0),
            text(m.committer.name),
            text(m.committer.email),
            date(m.committer_millis as i64),
            text(m.message),
        ],
        vec![
            text(m.author.name),
            text(m.author.email),
            date(m.author_millis),
        ],
    ])
}

fn branch_columns(local: bool) -> Vec<VirtualColumn> {
    let mut columns = vec![
        key("name", TEXT),
        column("hash", TEXT),
        column("latest_committer", TEXT),
        column("latest_committer_email", TEXT),
        column("latest_commit_date", DATETIME3),
        column("latest_commit_message", TEXT),
    ];
    if local {
        columns.extend([
            column("remote", TEXT),
            column("branch", TEXT),
            column("dirty", BOOL),
        ]);
    }
    columns.extend([
        column("latest_author", TEXT),
        column("latest_author_email", TEXT),
        column("latest_author_date", DATETIME3),
    ]);
    columns
}

/// `dolt_branches`.
pub fn branches(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    maker.table(branch_columns(true), |scan, emit| {
        let store = &scan.db.handle.store;
        let state = store.repo_state();
        for (name, id) in store.branches()? {
            if scan.hints.text(0).is_some_and(|wanted| wanted != name) {
                continue;
            }
            let root = store.commit(id)?.root;
            let dirty = store
                .working_set(&name)?
                .is_some_and(|(_, set)| set.working != root || set.staged != root);
            let upstream = state.branches.get(&name);
            let theirs = upstream.map_or("", |c| {
                c.head.strip_prefix("refs/heads/").unwrap_or(&c.head)
            });
            let [first, last] = committed(&scan.db, id)?;
            let mut row = vec![text(name)];
            row.extend(first);
            row.extend([
                text(upstream.map_or("", |c| c.remote.as_str())),
                text(theirs),
                boolean(dirty),
            ]);
            row.extend(last);
            if emit(row)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    })
}

/// `dolt_branch_activity`.
pub fn branch_activity(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        key("branch", TEXT),
        nullable("last_read", DATETIME6),
        nullable("last_write", DATETIME6),
        column("active_sessions", INT),
        column("system_start_time", DATETIME6),
    ];
    maker.table(columns, |scan, emit| {
        let instance = &scan.session().instance;
        let Some(activity) = &instance.branch_activity else {
            return Err(Error::general(
                "branch activity tracking is not enabled; enable it in the server config with 'behavior.branch_activity_tracking: true'",
            ));
        };
        let moment = |micros: Option<i64>| {
            let at = micros.and_then(DateTime::from_unix_micros);
            at.map_or(Value::Null, Value::DateTime)
        };
        let handle = &scan.db.handle;
        let sessions = crate::branch_activity::sessions(instance, handle);
        for (name, _) in handle.store.branches()? {
            let seen = activity.of(handle, &name);
            let count = sessions.get(&name).copied().unwrap_or(0);
            let row = vec![
                text(name),
                moment(seen.read),
                moment(seen.written),
                Value::Int(count),
                moment(Some(activity.started)),
            ];
            if emit(row)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    })
}

/// `dolt_remote_branches`.
pub fn remote_branches(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    maker.table(branch_columns(false), |scan, emit| {
        for (name, id) in scan.db.handle.store.remote_branches()? {
            let [first, last] = committed(&scan.db, id)?;
            let mut row = vec![text(format!("remotes/{name}"))];
            row.extend(first);
            row.extend(last);
            if emit(row)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    })
}

/// `dolt_tags`.
pub fn tags(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        key("tag_name", TEXT),
        key("tag_hash", TEXT),
        column("tagger", TEXT),
        column("email", TEXT),
        column("date", DATETIME3),
        column("message", TEXT),
    ];
    maker.table(columns, |scan, emit| {
        let tags = scan.db.handle.store.tags()?;
        let rows = tags.into_iter().map(|(name, t)| {
            vec![
                text(name),
                hash(t.commit.0),
                text(t.tagger.name),
                text(t.tagger.email),
                date(t.user_millis),
                text(t.message),
            ]
        });
        emit_all(rows, emit)
    })
}

fn json_list(list: &[String]) -> OwnedValue {
    Value::Json(Json::array(
        list.iter().map(|s| Json::string(&**s)).collect(),
    ))
}

fn json_map(map: &std::collections::BTreeMap<String, String>) -> OwnedValue {
    let members = map
        .iter()
        .map(|(k, v)| (Box::from(k.as_str()), Json::string(&**v)));
    Value::Json(Json::object(members))
}

/// `dolt_remotes`.
pub fn remotes(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        key("name", TEXT),
        column("url", TEXT),
        nullable("fetch_specs", SqlType::Json),
        nullable("params", SqlType::Json),
    ];
    maker.table(columns, |scan, emit| {
        let remotes: Vec<Remote> = scan
            .db
            .handle
            .store
            .repo_state()
            .remotes
            .into_values()
            .collect();
        let rows = remotes.into_iter().map(|r| {
            let (specs, params) = (json_list(&r.fetch_specs), json_map(&r.params));
            vec![text(r.name), text(r.url), specs, params]
        });
        emit_all(rows, emit)
    })
}

/// `dolt_backups`.
pub fn backups(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        key("name", TEXT),
        column("url", TEXT),
        nullable("params", SqlType::Json),
    ];
    maker.table(columns, |scan, emit| {
        let backups: Vec<Remote> = scan
            .db
            .handle
            .store
            .repo_state()
            .backups
            .into_values()
            .collect();
        let rows = backups.into_iter().map(|r| {
            let params = json_map(&r.params);
            vec![text(r.name), text(r.url), params]
        });
        emit_all(rows, emit)
    })
}

/// `dolt_stashes`.
pub fn stashes(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        column("name", TEXT),
        column("stash_id", TEXT),
        column("branch", TEXT),
        column("hash", TEXT),
        nullable("commit_message", TEXT),
    ];
    maker.table(columns, |scan, emit| {
        for (name, list) in stash_lists(&scan.db)? {
            let mut n = 0;
            while let Some(s) = list.get(n)? {
                let branch = s.branch.strip_prefix("refs/heads/").unwrap_or(&s.branch);
                let row = vec![
                    text(&*name),
                    text(format!("stash@{{{n}}}")),
                    text(branch),
                    hash(s.head.0),
                    text(&*s.description),
                ];
                if emit(row)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                n += 1;
            }
        }
        Ok(Flow::Continue)
    })
}
