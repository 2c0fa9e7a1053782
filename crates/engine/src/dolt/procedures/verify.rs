//! `dolt_verify_constraints`.

use model::Root;
use values::Value;
use versioning::{MergeOptions, merge_roots};

use super::{ProcedureResult, row};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::branch_edit::edit;
use crate::dolt::logic::SessionLogic;
use crate::dolt::validate::tables_with_artifacts;
use crate::error::{Error, Result};
use crate::session::{DbRef, Session};

const OPTIONS: &[OptionSpec] = &[("all", "a", Takes::Flag), ("output-only", "o", Takes::Flag)];

/// Looks for rows that violate constraints; 1 if there are any.
pub fn verify_constraints(
    session: &Session,
    db: &DbRef,
    args: &[String],
) -> Result<ProcedureResult> {
    let a = parse(OPTIONS, args)?;
    let violations = edit(session, db, |e| {
        let working = e.working()?;
        for name in &a.positional {
            if working.find_table(name)?.is_none() {
                return Err(Error::general(format!("table not found: {name}")));
            }
        }
        let names: Vec<String> = a.positional.iter().map(|n| n.to_lowercase()).collect();
        let (compare, base) = match a.has("all") {
            true => {
                let empty = Root::empty(working.objects())?;
                let id = empty.save()?;
                (empty, id.0)
            }
            false => (e.head_root()?, e.head_commit.root.0),
        };
        let options = MergeOptions {
            reverify_constraints: true,
            record_violations_for: (!names.is_empty()).then(|| names.clone()),
            ..MergeOptions::default()
        };
        let logic = SessionLogic::new(session, e.handle.store.objects());
        let rootish = (e.set.working.0, base);
        let outcome = merge_roots(&compare, &working, &compare, rootish, &options, &logic)?;
        // Violations that were there before count, those of tables that nobody asked about do not.
        let (_, violated) = tables_with_artifacts(&outcome.root)?;
        let asked = |t: &String| names.is_empty() || names.contains(&t.to_lowercase());
        let found = violated.iter().any(asked);
        if !a.has("output-only") {
            e.set_working(&outcome.root)?;
        }
        Ok(found)
    })?;
    Ok(row([("violations", Value::Int(violations.into()))]))
}
