//! Commits and refs as a server tells of them, for commands whose database has no files here.

use chunks::Hash;
use model::{Commit, CommitId, CommitMeta, Person, RootId};

use crate::Failure;
use crate::environment::parse_date;
use crate::repository::{Repository, Rows, literal};

/// Columns of `dolt_log` that a commit is made of.
const COMMIT: &str = "commit_hash, parents, author, author_email, author_date, committer, email, date, message, signature";

fn id(text: &str) -> Result<CommitId, Failure> {
    text.trim()
        .parse()
        .map_err(|_| Failure::new(format!("the server gave no commit's address: {text}")))
}

/// The commit that a revision names.
pub fn commit_id(repo: &Repository, revision: &str) -> Result<CommitId, Failure> {
    id(repo
        .query(&format!("SELECT hashof({})", literal(revision)))?
        .text(0, 0))
}

fn commit(rows: &Rows, i: usize) -> Result<(CommitId, Commit), Failure> {
    let text = |column| rows.text(i, column);
    let parents = text(1).split(',').map(str::trim).filter(|p| !p.is_empty());
    let millis = |column| parse_date(text(column)).unwrap_or_default();
    let person = |name, email| Person {
        name: text(name).to_string(),
        email: text(email).to_string(),
    };
    let commit = Commit {
        root: RootId::from(Hash::EMPTY),
        height: 0,
        parents: parents.map(id).collect::<Result<_, _>>()?,
        closure: Hash::EMPTY,
        meta: CommitMeta {
            author: person(2, 3),
            committer: person(5, 6),
            author_millis: millis(4),
            committer_millis: u64::try_from(millis(7)).unwrap_or(0),
            message: text(8).to_string(),
            signature: rows.rows[i][9].clone(),
        },
    };
    Ok((id(text(0))?, commit))
}

/// Commits of `dolt_log` with these arguments.
pub fn commits(repo: &Repository, args: &[String]) -> Result<Vec<(CommitId, Commit)>, Failure> {
    let mut list: Vec<String> = args.iter().map(|a| literal(a)).collect();
    list.push("'--parents'".into());
    let rows = repo.query(&format!(
        "SELECT {COMMIT} FROM dolt_log({})",
        list.join(", ")
    ))?;
    (0..rows.rows.len()).map(|i| commit(&rows, i)).collect()
}

/// One commit.
pub fn one(repo: &Repository, id: CommitId) -> Result<Commit, Failure> {
    let rows = repo.query(&format!(
        "SELECT {COMMIT} FROM dolt_log({}, '--parents') LIMIT 1",
        literal(&id.hash().to_string())
    ))?;
    match rows.rows.is_empty() {
        true => Err(Failure::new(format!("commit not found: {}", id.hash()))),
        false => Ok(commit(&rows, 0)?.1),
    }
}

/// Names and commits of the refs that a table lists.
pub fn refs(
    repo: &Repository,
    name: &str,
    hash: &str,
    table: &str,
) -> Result<Vec<(String, CommitId)>, Failure> {
    let rows = repo.query(&format!("SELECT {name}, {hash} FROM {table}"))?;
    (0..rows.rows.len())
        .map(|i| Ok((rows.text(i, 0).to_string(), id(rows.text(i, 1))?)))
        .collect()
}
