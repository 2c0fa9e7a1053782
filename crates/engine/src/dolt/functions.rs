//! Scalar functions that need the session (spec 04 §4).

use values::{OwnedValue, Value};

use super::revision;
use crate::convert::to_string;
use crate::error::{Error, Result};
use crate::session::{DbRef, Revision, Session};

fn hash(h: chunks::Hash) -> OwnedValue {
    Value::text(h.to_string())
}

fn text<'v>(value: &'v OwnedValue, what: &str) -> Result<std::borrow::Cow<'v, str>> {
    match value {
        Value::Bytes(b) => Ok(String::from_utf8_lossy(b)),
        _ => Err(Error::general(format!("{what} is not a string"))),
    }
}

/// A commit by a ref in any case, or by what else names it.
fn commit(session: &Session, db: &DbRef, spec: &str) -> Result<model::CommitId> {
    let head = revision::seen_head(session, db)?;
    let end = spec.find(['^', '~']).unwrap_or(spec.len());
    let (base, steps) = spec.split_at(end);
    if let Ok(Some(branch)) = db.handle.store.find_branch(base) {
        return revision::commit_from(db, &format!("{branch}{steps}"), head);
    }
    revision::commit_from(db, spec, head)
}

/// A function of Dolt's.
pub fn scalar(session: &Session, name: &str, args: &[OwnedValue]) -> Result<OwnedValue> {
    if args.iter().any(Value::is_null) && name != "dolt_hashof_db" {
        return Ok(Value::Null);
    }
    let current = || session.current();
    match name {
        "active_branch" => {
            let Ok(db) = current() else {
                return Ok(Value::Null);
            };
            Ok(match db.revision {
                Revision::Branch(branch) => Value::text(branch),
                Revision::Commit(_) => Value::Null,
            })
        }
        "dolt_storage_format" => {
            current()?;
            Ok(Value::text("NEW ( __DOLT__ )"))
        }
        "dolt_hashof" | "hashof" => {
            let spec = text(&args[0], "branch name")?;
            Ok(hash(commit(session, &current()?, &spec)?.0))
        }
        "dolt_hashof_table" => {
            let table = text(&args[0], "table name")?;
            let db = current()?;
            let root = revision::working_root(session, &db)?;
            match root.table_hash(&table)? {
                Some(h) => Ok(hash(h)),
                None => Err(Error::unknown_table_missing(&db.handle.name, table)),
            }
        }
        "dolt_hashof_db" => {
            let db = current()?;
            let which = args.first().map(to_string).unwrap_or_default();
            let root = match which.to_uppercase().as_str() {
                "" | "WORKING" => revision::working_root(session, &db)?,
                "STAGED" => revision::staged_root(session, &db)?,
                _ => {
                    let id = commit(session, &db, &which).map_err(|e| {
                        Error::general(format!(
                            "error getting ref '{which}' from database '{}': {e}",
                            db.handle.name
                        ))
                    })?;
                    revision::commit_root(&db, id)?
                }
            };
            Ok(hash(root.id()?.0))
        }
        "dolt_merge_base" => {
            let db = current()?;
            let a = commit(session, &db, &text(&args[0], "left value")?)?;
            let b = commit(session, &db, &text(&args[1], "right value")?)?;
            match versioning::common_ancestor(db.handle.store.objects(), a, b)? {
                Some(id) => Ok(hash(id.0)),
                None => Err(Error::general("no common ancestor")),
            }
        }
        "has_ancestor" => {
            let db = current()?;
            let of = commit(session, &db, &to_string(&args[0]))?;
            let ancestor = commit(session, &db, &to_string(&args[1]))?;
            let is = versioning::is_ancestor(db.handle.store.objects(), ancestor, of)?;
            Ok(Value::Int(is.into()))
        }
        _ => Err(Error::unknown_function(name)),
    }
}
