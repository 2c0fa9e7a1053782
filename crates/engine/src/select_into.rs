//! SELECT .. INTO variables.

use syntax::ast::{IntoTarget, SelectInto};
use values::{OwnedValue, Value};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exec;
use crate::plan::QueryPlan;
use crate::result::Flow;
use crate::session::Session;

/// Runs a query into its targets; gives the number of rows.
pub fn run(
    session: &Session,
    into: &SelectInto,
    plan: &QueryPlan,
    cx: &Context<'_>,
) -> Result<u64> {
    let SelectInto::Variables(targets) = into else {
        return Err(Error::not_supported("SELECT ... INTO OUTFILE"));
    };
    if targets.len() != plan.columns.len() {
        return Err(Error::new(
            1222,
            "21000",
            "The used SELECT statements have a different number of columns",
        ));
    }
    let mut found: Option<Vec<OwnedValue>> = None;
    exec::query(plan, None, cx, &mut |row| {
        if found.is_some() {
            return Err(Error::too_many_rows());
        }
        found = Some(exec::owned(row)?);
        Ok(Flow::Continue)
    })?;
    let Some(row) = found else {
        cx.warn(1329, "No data - zero rows fetched, selected, or processed");
        return Ok(0);
    };
    for (target, value) in targets.iter().zip(row) {
        match target {
            IntoTarget::User(name) => session.set_user_variable(name, value),
            IntoTarget::Local(name) => {
                return Err(Error::new(
                    1327,
                    "42000",
                    format!("Undeclared variable: {name}"),
                ));
            }
        }
    }
    let _ = Value::Null;
    Ok(1)
}
