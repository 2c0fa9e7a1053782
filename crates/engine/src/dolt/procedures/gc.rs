//! `dolt_gc` (spec 01 §12, spec 04).

use model::CollectOptions;

use super::{ProcedureResult, status};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[
    ("shallow", "s", Takes::Flag),
    ("full", "f", Takes::Flag),
    ("archive-level", "", Takes::Value),
    ("incremental-file-size", "", Takes::Value),
];

/// Archives; what Dolt does unless told otherwise.
const DEFAULT_LEVEL: i64 = 1;

/// Removes what nothing refers to from the files of a database.
pub fn gc(session: &Session, db: &DbRef, args: &[String]) -> Result<ProcedureResult> {
    if session.instance.settings.gc_procedure_disabled {
        return Err(Error::general("DOLT_GC() stored procedure disabled"));
    }
    let a = parse(OPTIONS, args)?.at_most("dolt_gc", 0)?;
    if a.has("shallow") && a.has("full") {
        return Err(Error::general(
            "cannot supply both --shallow and --full to dolt_gc: error: invalid usage",
        ));
    }
    let number = |name: &str| -> Result<Option<i64>> {
        let Some(text) = a.get(name) else {
            return Ok(None);
        };
        let number = text
            .parse()
            .map_err(|_| Error::general(format!("error: invalid value for {name}: {text}")))?;
        Ok(Some(number))
    };
    let level = number("archive-level")?.unwrap_or(DEFAULT_LEVEL);
    let size = number("incremental-file-size")?.unwrap_or(0);
    if a.has("shallow") {
        db.handle.store.prune_files()?;
        return Ok(status());
    }
    let archives = match level {
        0 => false,
        1 => true,
        _ => {
            return Err(Error::general(format!(
                "invalid value for archive-level: {level}"
            )));
        }
    };
    let options = CollectOptions {
        full: a.has("full"),
        archives,
        file_size: u64::try_from(size).ok().filter(|s| *s > 0),
    };
    let interrupted = || session.check_interrupt().is_err();
    let done = db.handle.store.collect(options, &interrupted);
    session.check_interrupt()?;
    if let Some(retired) = done? {
        session.instance.pins.retire(retired);
    }
    Ok(status())
}
