//! Commits by date, for AS OF a time.

use std::collections::{BinaryHeap, HashSet};

use model::{Commit, CommitId, Database};

use crate::error::Result;

/// The first commit from `start`, newest first, whose committer date is not after `millis`.
pub fn commit_at(store: &Database, start: CommitId, millis: i64) -> Result<Option<Commit>> {
    let mut queue = BinaryHeap::new();
    let mut seen = HashSet::new();
    let first = store.commit(start)?;
    queue.push((first.height, first.meta.committer_millis, start.hash().0));
    while let Some((_, _, id)) = queue.pop() {
        if !seen.insert(id) {
            continue;
        }
        let commit = store.commit(CommitId(chunks::Hash(id)))?;
        if (commit.meta.committer_millis as i64) <= millis {
            return Ok(Some(commit));
        }
        for p in &commit.parents {
            let parent = store.commit(*p)?;
            queue.push((parent.height, parent.meta.committer_millis, p.hash().0));
        }
    }
    Ok(None)
}
