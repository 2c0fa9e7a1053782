//! When branches were last read and written while the server runs (`dolt_branch_activity`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chunks::Hash;

use crate::database::DatabaseHandle;
use crate::instance::Instance;
use crate::session::{Revision, Session};

/// A database by its key, and a branch.
type Place = (String, String);

/// What is known of a branch, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// When a statement last began on it.
    pub read: Option<i64>,
    /// When it last changed.
    pub written: Option<i64>,
}

#[derive(Default)]
struct State {
    branches: HashMap<Place, Seen>,
    /// Where the statement of a session runs, and what that branch was when it began.
    statements: HashMap<u32, (Place, [Option<Hash>; 2])>,
}

/// The activity of all branches since the server's start.
pub struct BranchActivity {
    /// When it was begun to note it, in microseconds since 1970.
    pub started: i64,
    state: Mutex<State>,
}

/// The commit and the working set of a branch.
fn refs(handle: &DatabaseHandle, branch: &str) -> [Option<Hash>; 2] {
    let names = [
        model::ref_name::branch(branch),
        model::ref_name::working_set(branch),
    ];
    names.map(|name| handle.store.get_ref(&name))
}

impl BranchActivity {
    /// Begins to note activity.
    pub fn new(started: i64) -> BranchActivity {
        BranchActivity {
            started,
            state: Mutex::default(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a statement of a session begins.
    pub(crate) fn begin(&self, session: &Session) {
        let Ok(db) = session.current() else { return };
        let Revision::Branch(branch) = &db.revision else {
            return;
        };
        let place = (db.handle.key.clone(), branch.clone());
        let before = refs(&db.handle, branch);
        let now = session.instance.clock.now_micros();
        let mut state = self.locked();
        state.branches.entry(place.clone()).or_default().read = Some(now);
        state
            .statements
            .insert(session.connection_id(), (place, before));
    }

    /// Notes that the statement of a session ended.
    pub(crate) fn end(&self, session: &Session) {
        let Some((place, before)) = self.locked().statements.remove(&session.connection_id())
        else {
            return;
        };
        let Some(handle) = session.instance.database(&place.0) else {
            return;
        };
        if refs(&handle, &place.1) != before {
            let now = session.instance.clock.now_micros();
            self.locked().branches.entry(place).or_default().written = Some(now);
        }
    }

    /// What is known of a branch.
    pub fn of(&self, handle: &DatabaseHandle, branch: &str) -> Seen {
        let place = (handle.key.clone(), branch.to_string());
        let state = self.locked();
        state.branches.get(&place).copied().unwrap_or_default()
    }
}

/// How many sessions are on each branch of a database.
pub fn sessions(instance: &Instance, handle: &DatabaseHandle) -> HashMap<String, i64> {
    let mut out = HashMap::new();
    for process in instance.processes() {
        let activity = process
            .activity
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(database) = &activity.database else {
            continue;
        };
        let (base, revision) = match database.split_once(['/', '@']) {
            Some((base, revision)) => (base, Some(revision)),
            None => (database.as_str(), None),
        };
        if !base.eq_ignore_ascii_case(&handle.name) {
            continue;
        }
        let branch = match (revision, activity.heads.get(&handle.key)) {
            (Some(revision), _) => revision.to_string(),
            (None, Some(head)) => head.clone(),
            (None, None) => handle.store.repo_state().branch().to_string(),
        };
        *out.entry(branch).or_insert(0) += 1;
    }
    out
}
