//! Transactions that changed a branch as a whole while somebody else committed (spec 05 §15).

use model::{Root, WorkingSet};
use versioning::{MergeOptions, merge_roots};

use super::logic::SessionLogic;
use crate::database::{BranchState, DatabaseHandle};
use crate::error::Result;
use crate::transaction::serialization_failure;

/// The working set and working root that hold the changes of a transaction and those that were
/// committed since its start; error 1213 if they contradict each other.
pub fn merge_working_sets(
    handle: &DatabaseHandle,
    start: &chunks::Hash,
    current: &BranchState,
    ours: &WorkingSet,
    working: &Root,
) -> Result<(WorkingSet, Root)> {
    let objects = handle.store.objects();
    let base = WorkingSet::open(objects, start)?;
    let mut set = ours.clone();
    set.working = working.save()?;
    if current.set.working == base.working && current.set.staged == base.staged {
        return Ok((set, working.clone()));
    }
    let rootish = (set.save(objects)?, *start);
    let merge = |committed, own: &Root, base| -> Result<Root> {
        let (committed, base) = (handle.root(committed)?, handle.root(base)?);
        let outcome = crate::generated::with_detached(|cx| {
            let logic = SessionLogic::new(cx.session, objects);
            let options = MergeOptions::default();
            merge_roots(&committed.root, own, &base.root, rootish, &options, &logic)
        });
        match outcome {
            Ok(outcome) if !outcome.has_artifacts() => Ok(outcome.root),
            Ok(_) | Err(versioning::Error::SchemaConflict(_)) => Err(serialization_failure()),
            Err(e) => Err(e.into()),
        }
    };
    let root = merge(current.set.working, working, base.working)?;
    set.working = root.save()?;
    if current.set.staged != base.staged && current.set.staged != set.staged {
        let own = handle.root(set.staged)?;
        set.staged = merge(current.set.staged, &own.root, base.staged)?.save()?;
    } else if set.staged == base.staged {
        set.staged = current.set.staged;
    }
    Ok((set, root))
}
