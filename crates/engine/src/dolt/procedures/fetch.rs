//! `dolt_fetch`.

use model::Remote;
use remotes::FetchSpec;

use super::remote::{DEFAULT_NAME, open};
use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("user", "", Takes::Value),
    ("prune", "p", Takes::Flag),
    ("silent", "", Takes::Flag),
];

/// The specs that a remote is fetched by when nobody says.
pub fn usual_specs(remote: &Remote) -> Result<Vec<FetchSpec>> {
    let specs = remote.fetch_specs.iter();
    Ok(specs
        .map(|s| FetchSpec::parse(s, &remote.name))
        .collect::<remotes::Result<_>>()?)
}

/// Brings the branches of a remote.
pub fn fetch(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let store = &db.handle.store;
    let state = store.repo_state();
    if state.remotes.is_empty() {
        return Err(Error::general("no remote"));
    }
    let (name, wanted) = match a.positional.split_first() {
        Some((name, wanted)) => (name.as_str(), wanted),
        None => (DEFAULT_NAME, &[][..]),
    };
    let Some(remote) = state.remotes.get(name) else {
        return Err(Error::general(format!(
            "unknown remote; '{name}' does not appear to be a dolt database. could not read from the remote database. please make sure you have the correct access rights and the database exists"
        )));
    };
    if !wanted.is_empty() && a.has("prune") {
        return Err(Error::general(
            "--prune option cannot be provided with a ref spec",
        ));
    }
    let specs = match wanted {
        [] => usual_specs(remote)?,
        some => some
            .iter()
            .map(|s| FetchSpec::parse_argument(s, name))
            .collect::<remotes::Result<_>>()?,
    };
    let source = open(session, remote)?;
    remotes::fetch(
        store,
        &source,
        name,
        &specs,
        wanted.is_empty(),
        a.has("prune"),
    )
    .map_err(|e| Error::from(e).within(|why| format!("fetch failed: {why}")))?;
    Ok(status())
}
