//! Functions of version control; the session answers them.

use values::Value;

use super::result_type as ty;
use super::{Call, Function, Outcome, bytes};

/// The version of Dolt whose behaviour this is.
pub const DOLT_VERSION: &str = "2.3.1";

/// No statement that evaluates expressions moves a ref, so those that read refs are not volatile:
/// `from_commit = HASHOF('x')` says which commit is asked for.
pub const FUNCTIONS: &[Function] = &[
    Function::new("dolt_version", 0, 0, ty::name, |_, _| {
        Ok(bytes(DOLT_VERSION))
    }),
    Function::new("active_branch", 0, 0, ty::name, |c, a| {
        ask(c, "active_branch", a)
    })
    .volatile(),
    Function::new("dolt_storage_format", 0, 0, ty::name, |c, a| {
        ask(c, "dolt_storage_format", a)
    })
    .volatile(),
    Function::new("dolt_hashof", 1, 1, ty::name, |c, a| {
        ask(c, "dolt_hashof", a)
    }),
    Function::new("hashof", 1, 1, ty::name, |c, a| ask(c, "hashof", a)),
    Function::new("dolt_hashof_table", 1, 1, ty::name, |c, a| {
        ask(c, "dolt_hashof_table", a)
    }),
    Function::new("dolt_hashof_db", 0, 1, ty::name, |c, a| {
        ask(c, "dolt_hashof_db", a)
    }),
    Function::new("dolt_merge_base", 2, 2, ty::name, |c, a| {
        ask(c, "dolt_merge_base", a)
    }),
    Function::new("has_ancestor", 2, 2, ty::boolean, |c, a| {
        ask(c, "has_ancestor", a)
    }),
];

fn ask(call: &Call<'_>, name: &str, a: &[Value<'_>]) -> Outcome {
    call.cx.session.dolt_function(name, a)
}
