//! Locks that sessions take by name: GET_LOCK and its family.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use values::Value;

use super::info::{timeout, wait};
use super::result_type as ty;
use super::{Call, Function, Outcome, boolean};
use crate::convert::to_string;
use crate::error::{Error, Result};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("get_lock", 2, 2, ty::int, get_lock)
        .lax()
        .volatile(),
    Function::new("release_lock", 1, 1, ty::int, release_lock)
        .lax()
        .volatile(),
    Function::new("release_all_locks", 0, 0, ty::int, release_all_locks).volatile(),
    Function::new("is_free_lock", 1, 1, ty::int, is_free_lock)
        .lax()
        .volatile(),
    Function::new("is_used_lock", 1, 1, ty::uint, is_used_lock)
        .lax()
        .volatile(),
];

/// Most locks of an instance.
const MAX_LOCKS: usize = 100_000;

#[derive(Debug)]
struct Held {
    connection: u32,
    times: u64,
}

/// The named locks of an instance. Names are compared without regard to case.
#[derive(Debug, Default)]
pub struct UserLocks(Mutex<HashMap<String, Held>>);

impl UserLocks {
    /// No locks.
    pub fn new() -> UserLocks {
        UserLocks::default()
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a lock for a connection if no other has it.
    pub fn try_take(&self, name: &str, connection: u32) -> bool {
        let mut table = self.table();
        if table.len() >= MAX_LOCKS && !table.contains_key(name) {
            return false;
        }
        let held = table.entry(name.to_string()).or_insert(Held {
            connection,
            times: 0,
        });
        let mine = held.connection == connection;
        if mine {
            held.times += 1;
        }
        mine
    }

    /// Releases a lock once: whether this connection had it; `None` when nobody has it.
    pub fn release(&self, name: &str, connection: u32) -> Option<bool> {
        let mut table = self.table();
        let held = table.get_mut(name)?;
        if held.connection != connection {
            return Some(false);
        }
        held.times -= 1;
        if held.times == 0 {
            table.remove(name);
        }
        Some(true)
    }

    /// Releases everything that a connection has, and says how many takes that undid.
    pub fn release_all(&self, connection: u32) -> u64 {
        let mut released = 0;
        self.table().retain(|_, held| {
            if held.connection == connection {
                released += held.times;
            }
            held.connection != connection
        });
        released
    }

    /// The connection that has a lock.
    pub fn owner(&self, name: &str) -> Option<u32> {
        self.table().get(name).map(|h| h.connection)
    }
}

/// The name of a lock as the table has it, or error 4163.
fn lock_name(v: &Value<'_>) -> Result<String> {
    let text = to_string(v);
    if v.is_null() || text.is_empty() || text.chars().count() > 64 {
        let shown = if v.is_null() {
            "NULL".to_string()
        } else {
            text
        };
        return Err(Error::new(
            4163,
            "42000",
            format!("Incorrect user-level lock name '{shown}'."),
        ));
    }
    Ok(text.to_lowercase())
}

fn get_lock(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let name = lock_name(&a[0])?;
    let (locks, me) = (
        call.cx.session.user_locks(),
        call.cx.session.connection_id(),
    );
    if locks.try_take(&name, me) {
        return Ok(Value::Int(1));
    }
    let seconds = timeout(call, &a[1])?;
    Ok(boolean(wait(call, seconds, || locks.try_take(&name, me))?))
}

fn release_lock(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let name = lock_name(&a[0])?;
    let released = call
        .cx
        .session
        .user_locks()
        .release(&name, call.cx.session.connection_id());
    Ok(released.map_or(Value::Null, boolean))
}

fn release_all_locks(call: &Call<'_>, _: &[Value<'_>]) -> Outcome {
    let n = call
        .cx
        .session
        .user_locks()
        .release_all(call.cx.session.connection_id());
    Ok(Value::Int(n as i64))
}

fn is_free_lock(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(boolean(
        call.cx
            .session
            .user_locks()
            .owner(&lock_name(&a[0])?)
            .is_none(),
    ))
}

fn is_used_lock(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let owner = call.cx.session.user_locks().owner(&lock_name(&a[0])?);
    Ok(owner.map_or(Value::Null, |c| Value::UInt(c.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_nest_and_belong_to_one_connection() {
        let locks = UserLocks::new();
        assert!(locks.try_take("a", 1));
        assert!(locks.try_take("a", 1));
        assert!(!locks.try_take("a", 2));
        assert_eq!(locks.release("a", 2), Some(false));
        assert_eq!(locks.release("a", 1), Some(true));
        assert_eq!(locks.owner("a"), Some(1));
        assert_eq!(locks.release_all(1), 1);
        assert_eq!(locks.release("a", 1), None);
    }
}
