//! Making commits: who, when, and of what (spec 04 §3, §9).

use model::{Commit, CommitId, CommitMeta, Person, Root};
use values::Value;
use versioning::{MergeOptions, merge_roots, table_deltas};

use super::branch_edit::{BranchEdit, branch_of, edit_now};
use super::logic::SessionLogic;
use super::staging;
use super::validate::tables_with_artifacts;
use super::verification::verify;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};
use crate::transaction::serialization_failure;

/// What is staged before a commit is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing.
    #[default]
    Nothing,
    /// Tables that the last commit has.
    Known,
    /// All tables.
    All,
}

/// Commits everything that the branch holds, if anything has changed.
pub fn commit_all(session: &Session, db: &DbRef, message: String) -> Result<()> {
    let request = CommitRequest {
        message: Some(message),
        stage: Stage::All,
        skip_empty: true,
        ..CommitRequest::default()
    };
    let state = db.handle.branch_state(branch_of(db)?)?;
    let head = super::revision::head(db)?;
    if state.set.working == db.handle.store.commit(head)?.root {
        return Ok(());
    }
    edit_now(session, db, |e| commit(e, &request)).map(drop)
}

/// Commits the session's transaction together with a commit of what it sees: the root `own`, which
/// it began on the head `seen`. What others left in the working set meanwhile stays there.
pub fn commit_seen(
    session: &Session,
    db: &DbRef,
    own: &Root,
    seen: Option<CommitId>,
    message: String,
) -> Result<()> {
    let request = CommitRequest {
        message: Some(message),
        skip_empty: true,
        ..CommitRequest::default()
    };
    edit_now(session, db, |e| {
        let root = match seen.filter(|seen| *seen != e.head) {
            None => own.clone(),
            Some(seen) => {
                let logic = SessionLogic::new(session, e.handle.store.objects());
                let merged = merge_roots(
                    &e.head_root()?,
                    own,
                    &e.root_of(seen)?,
                    (e.head.0, seen.0),
                    &MergeOptions::default(),
                    &logic,
                )?;
                if merged.has_artifacts() {
                    return Err(serialization_failure());
                }
                merged.root
            }
        };
        let staged = staging::stage_all(&e.staged()?, &root, true, false)?;
        e.set_staged(&staged)?;
        commit(e, &request)
    })
    .map(drop)
}

/// A commit that shall be made.
#[derive(Clone, Debug, Default)]
pub struct CommitRequest {
    /// The message; none repeats that of the commit which is amended.
    pub message: Option<String>,
    /// The author, if not the session's.
    pub author: Option<Person>,
    /// The author's date in milliseconds.
    pub author_millis: Option<i64>,
    /// What is staged first.
    pub stage: Stage,
    /// Replaces the head.
    pub amend: bool,
    /// A commit without changes is made, too.
    pub allow_empty: bool,
    /// A commit without changes is quietly left out.
    pub skip_empty: bool,
    /// Conflicts and violations are committed, too.
    pub force: bool,
    /// No tests are run first.
    pub skip_verification: bool,
}

fn text(session: &Session, name: &str) -> Option<String> {
    match session.variable(name) {
        Value::Bytes(b) if !b.is_empty() => Some(String::from_utf8_lossy(&b).into_owned()),
        _ => None,
    }
}

/// Reads `Name <email>`.
pub fn parse_author(text: &str) -> Result<Person> {
    if text.is_empty() {
        return Err(Error::general("Option 'author' requires a value"));
    }
    let parts = text.split_once('<').and_then(|(name, rest)| {
        let email = rest.split_once('>')?.0;
        Some((name.trim(), email.trim()))
    });
    match parts {
        Some((name, email)) if !name.is_empty() => Ok(Person {
            name: name.to_string(),
            email: email.to_string(),
        }),
        _ => Err(Error::general(
            "Author not formatted correctly. Use 'Name <author@example.com>' format",
        )),
    }
}

/// Reads a date of a commit; milliseconds since 1970.
pub fn parse_date(text: &str) -> Result<i64> {
    let bad = || Error::general(format!("error: '{text}' is not in a supported format."));
    let (day, time) = match text.split_once('T') {
        Some((d, t)) => (d, Some(t)),
        None => (text, None),
    };
    let parts: Vec<i64> = day
        .split(['-', '/', '.'])
        .map(|p| p.parse().map_err(|_| bad()))
        .collect::<Result<_>>()?;
    let [y, m, d] = parts.as_slice() else {
        return Err(bad());
    };
    if !(1..=12).contains(m) || !(1..=31).contains(d) {
        return Err(bad());
    }
    let mut seconds = values::calendar::days_from_civil(*y, *m, *d) * 86_400;
    if let Some(time) = time {
        let (clock, zone) = match time.find(['Z', '+', '-']) {
            Some(at) => time.split_at(at),
            None => (time, ""),
        };
        let number = |t: &str| -> Result<i64> { t.parse().map_err(|_| bad()) };
        let fields: Vec<&str> = clock.split(':').collect();
        let [h, min, s] = fields.as_slice() else {
            return Err(bad());
        };
        seconds += number(h)? * 3600 + number(min)? * 60 + number(s)?;
        if let Some((sign, rest)) = zone.split_at_checked(1)
            && sign != "Z"
        {
            let (h, min) = rest.split_once(':').ok_or_else(bad)?;
            let offset = number(h)? * 3600 + number(min)? * 60;
            seconds -= if sign == "-" { -offset } else { offset };
        }
    }
    Ok(seconds * 1000)
}

/// Milliseconds since 1970 now.
pub fn now_millis(session: &Session) -> i64 {
    session.instance.clock.now_micros() / 1000
}

/// Meta data of a commit by the session.
pub fn meta(
    session: &Session,
    message: &str,
    author: Option<&Person>,
    author_millis: Option<i64>,
) -> Result<CommitMeta> {
    let committer = session.committer();
    let base = |name: &str, alias: &str| text(session, name).or_else(|| text(session, alias));
    let settings = &session.instance.settings;
    let (name, email) = match settings.is_server {
        true => (session.user(), session.user_host()),
        false => (settings.user_name.clone(), settings.user_email.clone()),
    };
    let session_author = Person {
        name: base("dolt_author_name", "dolt_head_committer_name").unwrap_or(name),
        email: base("dolt_author_email", "dolt_head_committer_email").unwrap_or(email),
    };
    let named = [
        "dolt_committer_name",
        "dolt_committer_email",
        "dolt_head_committer_name",
        "dolt_head_committer_email",
    ]
    .iter()
    .any(|n| text(session, n).is_some());
    let committer = match author {
        Some(author) if !named || committer == session_author => author.clone(),
        _ => committer,
    };
    let date = |name: &str| text(session, name).map(|t| parse_date(&t)).transpose();
    let now = now_millis(session);
    let fixed = settings.commit_dates;
    let author_date = match author_millis {
        Some(m) => Some(m),
        None => date("dolt_author_date")?.or(fixed.0),
    };
    let committer_date = match date("dolt_committer_date")? {
        Some(m) => Some(m),
        None => fixed.1.or(author_millis),
    };
    let meta = CommitMeta {
        author: author.cloned().unwrap_or(session_author),
        committer,
        author_millis: author_date.unwrap_or(now),
        committer_millis: committer_date.unwrap_or(now).max(0) as u64,
        message: message.to_string(),
        signature: None,
    };
    meta.validate()?;
    Ok(meta)
}

/// The name of the operation whose conflicts are being resolved.
fn operation(e: &BranchEdit<'_>) -> Option<&'static str> {
    e.set
        .merge
        .as_ref()
        .map(|m| match (m.is_cherry_pick, m.is_revert) {
            (true, _) => "cherry-pick",
            (_, true) => "revert",
            _ => "merge",
        })
}

/// Makes a commit of what is staged; none if there is nothing and that is asked for quietly.
pub fn commit(e: &mut BranchEdit<'_>, request: &CommitRequest) -> Result<Option<CommitId>> {
    if request.allow_empty && request.skip_empty {
        return Err(Error::general(
            "error: cannot use both --allow-empty and --skip-empty",
        ));
    }
    let working = e.working()?;
    if request.stage != Stage::Nothing {
        let staged =
            staging::stage_all(&e.staged()?, &working, request.stage == Stage::All, false)?;
        e.set_staged(&staged)?;
    }
    if let (true, Some(operation)) = (request.amend, operation(e)) {
        return Err(Error::general(format!(
            "you are in the middle of a {operation} -- cannot amend"
        )));
    }
    let message = match &request.message {
        Some(message) => message.clone(),
        None if request.amend => e.head_commit.meta.message.clone(),
        None => return Err(Error::general("Must provide commit message.")),
    };
    if message.is_empty() {
        return Err(Error::general(
            "Aborting commit due to empty commit message.",
        ));
    }
    let meta = meta(
        e.session,
        &message,
        request.author.as_ref(),
        request.author_millis,
    )?;
    let merging = e.set.merge.is_some();
    if !merging && !request.allow_empty && !request.amend {
        let same = e.set.staged == e.head_commit.root
            || table_deltas(&e.head_root()?, &e.staged()?)?.is_empty()
                && e.head_root()?.collation() == e.staged()?.collation();
        if same {
            return match request.skip_empty {
                true => Ok(None),
                false => Err(Error::general("nothing to commit")),
            };
        }
    }
    if !request.force {
        check_artifacts(e)?;
        if e.session.foreign_key_checks() {
            check_foreign_keys(e)?;
        }
    }
    if !request.skip_verification {
        verify(e)?;
    }
    let mut parents = match request.amend {
        true => e.head_commit.parents.clone(),
        false => vec![e.head],
    };
    if let Some(m) = &e.set.merge
        && !m.is_cherry_pick
        && !m.is_revert
    {
        parents.push(m.from_commit);
    }
    let id = store_commit(e, e.set.staged, parents, meta)?;
    e.set.merge = None;
    Ok(Some(id))
}

/// Stores a commit and moves the head to it.
pub fn store_commit(
    e: &mut BranchEdit<'_>,
    root: model::RootId,
    parents: Vec<CommitId>,
    meta: CommitMeta,
) -> Result<CommitId> {
    let objects = e.handle.store.objects();
    let id = Commit::new(objects, root, parents, meta)?.save(objects)?;
    e.move_head(id)?;
    Ok(id)
}

/// Every table of a staged foreign key must be there; keys of dropped tables go.
fn check_foreign_keys(e: &mut BranchEdit<'_>) -> Result<()> {
    let staged = e.staged()?;
    let mut keys = staged.foreign_keys()?;
    let before = keys.keys.len();
    let mut missing = None;
    keys.keys.retain(|k| {
        let has = |table: &str| matches!(staged.find_table(table), Ok(Some(_)));
        let child = has(&k.child_table);
        if child && !has(&k.parent_table) && missing.is_none() {
            missing = Some((k.name.clone(), k.parent_table.clone()));
        }
        child
    });
    if let Some((name, table)) = missing {
        return Err(Error::general(format!(
            "foreign key `{name}` requires the referenced table `{table}`"
        )));
    }
    if keys.keys.len() < before {
        e.set_staged(&staged.with_foreign_keys(&keys)?)?;
    }
    Ok(())
}

fn check_artifacts(e: &BranchEdit<'_>) -> Result<()> {
    let (conflicts, violations) = tables_with_artifacts(&e.working()?)?;
    let schema = e.set.merge.as_ref().map(|m| m.unmergable_tables.clone());
    for (tables, what) in [
        (conflicts, "are in conflict"),
        (violations, "have constraint violations"),
        (schema.unwrap_or_default(), "have schema conflicts"),
    ] {
        if !tables.is_empty() {
            return Err(Error::general(format!(
                "error: the table(s) {} {what}",
                tables.join(", ")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_and_dates() {
        let p = parse_author("A B <a@b.c>").unwrap();
        assert_eq!((p.name.as_str(), p.email.as_str()), ("A B", "a@b.c"));
        assert!(parse_author("A B").is_err());
        assert_eq!(parse_date("1970-01-02").unwrap(), 86_400_000);
        assert_eq!(parse_date("1970/01/01T00:00:01Z").unwrap(), 1000);
        assert_eq!(parse_date("1970.01.01T01:00:00+01:00").unwrap(), 0);
        assert_eq!(parse_date("1970-01-01T00:00:00-01:30").unwrap(), 5_400_000);
        assert!(parse_date("yesterday").is_err());
    }
}
