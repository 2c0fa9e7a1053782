//! The tests of `dolt_tests` that a commit must pass: those of the groups that
//! `@@dolt_commit_verification_groups` names (spec 04 §3).

use syntax::ast::VarScope;
use values::Value;

use super::branch_edit::BranchEdit;
use super::system_tables::failed_tests;
use crate::error::{Error, Result};
use crate::session::{DbRef, Revision};
use crate::transaction::Transaction;

const FAILED: &str = "commit verification failed: ";

/// Whether an error says that a commit failed its tests.
pub fn is_failure(e: &Error) -> bool {
    e.message.starts_with(FAILED)
}

/// Runs the tests against the working root that a commit is made of.
pub fn verify(e: &BranchEdit<'_>) -> Result<()> {
    let session = e.session;
    let names =
        match session.system_variable(Some(VarScope::Global), "dolt_commit_verification_groups")? {
            Value::Bytes(b) => String::from_utf8_lossy(&b).into_owned(),
            _ => String::new(),
        };
    if names.is_empty() {
        return Ok(());
    }
    // The tests see the branch as it is being changed, which nobody else does yet.
    let aside = session.transaction.borrow_mut().take();
    let run = || -> Result<Vec<String>> {
        *session.transaction.borrow_mut() = Some(Transaction {
            explicit: true,
            read_only: true,
            ..Transaction::default()
        });
        {
            let mut changes = session.branch_changes(&DbRef {
                handle: e.handle.clone(),
                revision: Revision::Branch(e.branch.clone()),
                name: e.handle.name.clone(),
            })?;
            let root = e.handle.root(e.set.working)?;
            changes.latest = root.clone();
            changes.root = root;
            changes.set = e.set.clone();
        }
        let mut failed = Vec::new();
        for group in names.split(',').map(str::trim) {
            failed.extend(failed_tests(session, group).map_err(|e| {
                Error::general(format!(
                    "failed to run dolt_test_run for group {group}: {}",
                    e.message
                ))
            })?);
        }
        Ok(failed)
    };
    let failed = run();
    *session.transaction.borrow_mut() = aside;
    match failed?.as_slice() {
        [] => Ok(()),
        failed => Err(Error::general(format!("{FAILED}{}", failed.join(", ")))),
    }
}
