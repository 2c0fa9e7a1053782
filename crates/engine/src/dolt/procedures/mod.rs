//! The procedures, by name.

mod add;
mod backup;
mod branch;
mod checkout;
mod clean;
mod clone;
mod column_tag;
mod commit;
mod conflicts;
mod count_commits;
mod dropped;
mod fetch;
mod gc;
mod merge;
mod pull;
mod push;
mod rebase;
mod remote;
mod replay;
mod reset;
mod revert;
mod squash_history;
mod stash;
mod tag;
mod verify;

use values::{CollationId, IntWidth, LobSize, OwnedValue, SqlType, Value};

use super::ProcedureResult;
use crate::branch_control::Permissions;
use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::session::{DbRef, Session};

pub use clone::directory_of as clone_directory;
pub use remote::new_remote;
pub use stash::lists as stash_lists;

type Procedure = fn(&Session, &DbRef, &[String]) -> Result<ProcedureResult>;

const PROCEDURES: &[(&str, Procedure)] = &[
    ("dolt_add", add::add),
    ("dolt_branch", branch::branch),
    ("dolt_checkout", checkout::checkout),
    ("dolt_cherry_pick", replay::cherry_pick),
    ("dolt_clean", clean::clean),
    ("dolt_commit", commit::commit),
    ("dolt_conflicts_resolve", conflicts::resolve),
    ("dolt_count_commits", count_commits::count_commits),
    ("dolt_fetch", fetch::fetch),
    ("dolt_gc", gc::gc),
    ("dolt_merge", merge::merge),
    ("dolt_pull", pull::pull),
    ("dolt_push", push::push),
    ("dolt_rebase", rebase::rebase),
    ("dolt_remote", remote::remote),
    ("dolt_reset", reset::reset),
    ("dolt_revert", revert::revert),
    ("dolt_rm", clean::rm),
    ("dolt_squash_history", squash_history::squash_history),
    ("dolt_stash", stash::stash),
    ("dolt_tag", tag::tag),
    ("dolt_update_column_tag", column_tag::update),
    ("dolt_verify_constraints", verify::verify_constraints),
];

/// Procedures that need no current database.
const SERVER_PROCEDURES: &[(&str, fn(&Session, &[String]) -> Result<ProcedureResult>)] = &[
    ("dolt_backup", backup::backup),
    ("dolt_clone", clone::clone),
    ("dolt_purge_dropped_databases", dropped::purge),
    ("dolt_undrop", dropped::undrop),
];

/// Procedures that ask for EXECUTE on themselves (spec 04 §2).
const ADMIN: &[&str] = &[
    "dolt_backup",
    "dolt_clone",
    "dolt_fetch",
    "dolt_gc",
    "dolt_pull",
    "dolt_purge_dropped_databases",
    "dolt_push",
    "dolt_remote",
    "dolt_thread_dump",
    "dolt_undrop",
    "dolt_update_column_tag",
];

/// Whether a procedure asks for EXECUTE on itself.
pub fn is_admin(name: &str) -> bool {
    ADMIN.iter().any(|a| a.eq_ignore_ascii_case(name))
}

/// Whether there is a procedure of this name.
pub fn has_procedure(name: &str) -> bool {
    name.eq_ignore_ascii_case("dolt_commit_hash_out")
        || PROCEDURES.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
        || SERVER_PROCEDURES
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name))
}

/// CALL of a procedure; none when there is no such procedure.
pub fn call(session: &Session, name: &str, args: &[String]) -> Result<Option<ProcedureResult>> {
    let name = name.to_ascii_lowercase();
    if let Some((_, procedure)) = SERVER_PROCEDURES.iter().find(|(n, _)| *n == name) {
        if name == "dolt_backup"
            && session.current_database().is_some()
            && let Ok(db) = session.current()
        {
            session.require_on(&db, Permissions::WRITE)?;
        }
        return procedure(session, args).map(Some);
    }
    let Some((_, procedure)) = PROCEDURES.iter().find(|(n, _)| *n == name) else {
        return Ok(None);
    };
    if session.current_database().is_none() {
        return Err(Error::general("Empty database name."));
    }
    let db = session.current()?;
    let Some(needed) = needed(session, &db, &name)? else {
        return procedure(session, &db, args).map(Some);
    };
    session.require_on(&db, needed)?;
    session
        .needing(needed, || procedure(session, &db, args))
        .map(Some)
}

/// The permission on the current branch that a procedure asks for before it does anything; those
/// without ask where they change a branch.
fn needed(session: &Session, db: &DbRef, name: &str) -> Result<Option<Permissions>> {
    Ok(match name {
        "dolt_branch" | "dolt_checkout" | "dolt_count_commits" | "dolt_tag" => None,
        "dolt_commit" | "dolt_merge" => Some(Permissions::MERGE),
        "dolt_conflicts_resolve" => Some(session.needed_to_resolve(db)?),
        _ => Some(Permissions::WRITE),
    })
}

const BIGINT: SqlType = SqlType::Int {
    width: IntWidth::Big,
    unsigned: false,
    bool_width: false,
};
const LONGTEXT: SqlType = SqlType::Text(LobSize::Long, CollationId::DEFAULT);

/// A result of one row; each column is a number or a text by its value.
pub fn row<const N: usize>(cells: [(&str, OwnedValue); N]) -> ProcedureResult {
    let mut result = ProcedureResult {
        columns: Vec::new(),
        rows: vec![Vec::new()],
    };
    for (name, value) in cells {
        let ty = match value {
            Value::Int(_) => BIGINT,
            _ => LONGTEXT,
        };
        result.columns.push(ColumnMeta::computed(name, ty));
        result.rows[0].push(value);
    }
    result
}

/// The result of procedures that say nothing but that they worked.
pub fn status() -> ProcedureResult {
    row([("status", Value::Int(0))])
}

/// A text.
pub fn text(t: impl Into<String>) -> OwnedValue {
    Value::text(t)
}

/// An address as a text.
pub fn hash(h: chunks::Hash) -> OwnedValue {
    Value::text(h.to_string())
}
