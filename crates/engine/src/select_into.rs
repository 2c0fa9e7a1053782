//! SELECT .. INTO variables.

use syntax::ast::{IntoTarget, SelectInto};
use values::OwnedValue;

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
    for ((target, value), column) in targets.iter().zip(row).zip(&plan.columns) {
        match target {
            IntoTarget::User(name) => session.set_user_variable(name, value),
            IntoTarget::Local(name) => {
                let scope = session.scope();
                let local = scope.as_ref().and_then(|s| s.find(None, name));
                let local = local.ok_or_else(|| Error::undeclared(&**name))?;
                session.set_local(local.place, value, &column.ty)?;
            }
        }
    }
    Ok(1)
}
