//! `dolt_commit`.

use model::CommitId;
use values::Value;

use super::{ProcedureResult, hash, row, text};
use crate::dolt::arguments::{Arguments, OptionSpec, Takes, parse};
use crate::dolt::branch_edit::{branch_of, edit_now};
use crate::dolt::commit::{CommitRequest, Stage, commit as make, parse_author, parse_date};
use crate::dolt::revision::working_root;
use crate::dolt::validate::tables_with_artifacts;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("message", "m", Takes::Value),
    ("allow-empty", "", Takes::Flag),
    ("skip-empty", "", Takes::Flag),
    ("date", "", Takes::Value),
    ("force", "f", Takes::Flag),
    ("author", "", Takes::Value),
    ("all", "a", Takes::Flag),
    ("ALL", "A", Takes::Flag),
    ("amend", "", Takes::Flag),
    ("gpg-sign", "S", Takes::Flag),
    ("skip-verification", "", Takes::Flag),
    ("branch", "", Takes::Value),
];

fn request(a: &Arguments) -> Result<CommitRequest> {
    Ok(CommitRequest {
        message: a.get("message").map(str::to_owned),
        author: a.get("author").map(parse_author).transpose()?,
        author_millis: a.get("date").map(parse_date).transpose()?,
        stage: match (a.has("ALL"), a.has("all")) {
            (true, _) => Stage::All,
            (_, true) => Stage::Known,
            _ => Stage::Nothing,
        },
        amend: a.has("amend"),
        allow_empty: a.has("allow-empty"),
        skip_empty: a.has("skip-empty"),
        force: a.has("force"),
        skip_verification: a.has("skip-verification"),
    })
}

/// MySQL's number for a transaction that cannot be committed beside another one's.
const DEADLOCK: u16 = 1213;

/// The error of amending a head that is not the one the transaction began on.
fn amends_another(branch: &str, head: CommitId, seen: CommitId) -> Error {
    Error::new(
        DEADLOCK,
        "40001",
        format!(
            "serialization failure: cannot amend head of branch '{branch}': is at {} but expected {}: this transaction conflicts with a committed transaction from another client, try restarting transaction.",
            head.0, seen.0
        ),
    )
}

/// Commits what is staged.
pub fn commit(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?.at_most("commit", 0)?;
    let db = match a.get("branch") {
        Some(branch) => session.resolve_database(&format!("{}/{branch}", db.handle.name))?,
        None => db.clone(),
    };
    let request = request(&a)?;
    branch_of(&db)?;
    if request.message.is_none() && !request.amend {
        return Err(Error::general("Must provide commit message."));
    }
    if request.force {
        session.set_variable(None, "dolt_force_transaction_commit", Some(Value::Int(1)))?;
    } else if session.open_transaction().explicit {
        // Said before the transaction is committed, which would be refused in other words.
        let merging = session.branch_changes(&db)?.set.merge.is_some();
        if merging {
            let (conflicts, violations) = tables_with_artifacts(&working_root(session, &db)?)?;
            for (tables, what) in [
                (conflicts, "are in conflict"),
                (violations, "have constraint violations"),
            ] {
                if !tables.is_empty() {
                    let list = tables.join(", ");
                    return Err(Error::general(format!("error: the table(s) {list} {what}")));
                }
            }
        }
    }
    let seen = match request.amend {
        true => session.branch_changes(&db)?.head,
        false => None,
    };
    let made = edit_now(session, &db, |e| match seen.filter(|h| *h != e.head) {
        Some(seen) => Err(amends_another(&e.branch, e.head, seen)),
        None => make(e, &request),
    });
    if let Err(e) = &made
        && e.code == DEADLOCK
    {
        session.rollback_transaction();
    }
    let made = made?;
    let mut result = row([("hash", made.map_or(text(""), |id| hash(id.0)))]);
    if made.is_none() {
        result.rows.clear();
    }
    Ok(result)
}
