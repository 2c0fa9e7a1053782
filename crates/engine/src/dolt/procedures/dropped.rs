//! `dolt_undrop` and `dolt_purge_dropped_databases`.

use super::{ProcedureResult, status};
use crate::error::{Error, Result};
use crate::session::Session;

fn available(session: &Session) -> Result<String> {
    let names = session.instance.dropped_databases()?;
    Ok(match names.is_empty() {
        true => "there are no databases currently available to be undropped".into(),
        false => format!(
            "available databases that can be undropped: {}",
            names.join(", ")
        ),
    })
}

/// Brings a dropped database back.
pub fn undrop(session: &Session, args: &[String]) -> Result<ProcedureResult> {
    let [name] = args else {
        return Err(match args.is_empty() {
            true => Error::general(format!(
                "no database name specified. {}",
                available(session)?
            )),
            false => Error::general(
                "dolt_undrop called with too many arguments: dolt_undrop only accepts one argument - the name of the dropped database to restore",
            ),
        });
    };
    let names = session.instance.dropped_databases()?;
    let Some(exact) = names.iter().find(|n| n.eq_ignore_ascii_case(name)) else {
        return Err(Error::general(format!(
            "no database named '{name}' found to undrop. {}",
            available(session)?
        )));
    };
    session.instance.undrop_database(exact)?;
    Ok(status())
}

/// Deletes what dropped databases left.
pub fn purge(session: &Session, args: &[String]) -> Result<ProcedureResult> {
    if !args.is_empty() {
        return Err(Error::general(
            "dolt_purge_dropped_databases does not take any arguments",
        ));
    }
    session.instance.purge_dropped_databases()?;
    Ok(status())
}
