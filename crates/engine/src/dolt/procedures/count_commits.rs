//! `dolt_count_commits`.

use values::Value;
use versioning::Log;

use super::{ProcedureResult, row};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::revision;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[("from", "f", Takes::Value), ("to", "t", Takes::Value)];

/// How many commits two revisions have that the other lacks.
pub fn count_commits(_: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let side = |name: &str| match a.get(name) {
        None => Err(Error::general(format!("missing {name} ref"))),
        Some("") => Err(Error::general(format!("empty {name} ref"))),
        Some(spec) => revision::commit(db, spec),
    };
    let (from, to) = (side("from")?, side("to")?);
    let objects = db.handle.store.objects();
    let count = |of, without| -> Result<OwnedCount> {
        let mut n = 0;
        for commit in Log::new(objects, &[of], &[without])? {
            commit?;
            n += 1;
        }
        Ok(n)
    };
    Ok(row([
        ("ahead", Value::Int(count(from, to)?)),
        ("behind", Value::Int(count(to, from)?)),
    ]))
}

type OwnedCount = i64;
