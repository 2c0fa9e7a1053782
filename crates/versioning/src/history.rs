//! Walks over commits (spec 05 §1, §21.1).

use std::collections::HashMap;

use model::{Commit, CommitId, ModelError, Objects};

use crate::Result;

pub use model::common_ancestor;

/// Whether `ancestor` is `descendant` or one of its ancestors.
pub fn is_ancestor(objects: &Objects, ancestor: CommitId, descendant: CommitId) -> Result<bool> {
    if ancestor == descendant {
        return Ok(true);
    }
    let a = Commit::open(objects, ancestor)?;
    let d = Commit::open(objects, descendant)?;
    Ok(d.ancestors(objects)?.contains(&prolly::ClosureKey {
        height: a.height,
        commit: ancestor.0,
    })?)
}

struct Pending {
    id: CommitId,
    commit: Commit,
}

impl Pending {
    /// Whether it is shown before another one: by height, then by the author's time.
    fn precedes(&self, other: &Pending) -> bool {
        let rank = |p: &Pending| (p.commit.height, p.commit.meta.author_millis);
        rank(self) > rank(other)
    }
}

/// A binary heap that moves its items exactly as Dolt's does, because the order in which
/// commits of the same height and time are shown follows from nothing else.
#[derive(Default)]
struct Queue(Vec<Pending>);

impl Queue {
    fn push(&mut self, item: Pending) {
        self.0.push(item);
        let mut child = self.0.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if !self.0[child].precedes(&self.0[parent]) {
                break;
            }
            self.0.swap(parent, child);
            child = parent;
        }
    }

    fn pop(&mut self) -> Option<Pending> {
        let last = self.0.len().checked_sub(1)?;
        self.0.swap(0, last);
        let mut parent = 0;
        loop {
            let (left, right) = (2 * parent + 1, 2 * parent + 2);
            if left >= last {
                break;
            }
            let first = match right < last && self.0[right].precedes(&self.0[left]) {
                true => right,
                false => left,
            };
            if !self.0[first].precedes(&self.0[parent]) {
                break;
            }
            self.0.swap(parent, first);
            parent = first;
        }
        self.0.pop()
    }
}

/// Commits reachable from some heads and not from others, children before parents: by height,
/// then by the author's time. Reads commits only as far as it is iterated.
pub struct Log {
    objects: Objects,
    queue: Queue,
    /// Commits seen; whether they are hidden.
    seen: HashMap<CommitId, bool>,
    visible: usize,
    first_parent: bool,
}

impl Log {
    /// Commits reachable from `heads` but from none of `excluded`.
    pub fn new(objects: &Objects, heads: &[CommitId], excluded: &[CommitId]) -> Result<Log> {
        let mut log = Log {
            objects: objects.clone(),
            queue: Queue::default(),
            seen: HashMap::new(),
            visible: 0,
            first_parent: false,
        };
        for id in excluded {
            log.push(*id, true)?;
        }
        for id in heads {
            log.push(*id, false)?;
        }
        Ok(log)
    }

    /// Follows only the first parent of each commit.
    pub fn first_parents_only(mut self) -> Log {
        self.first_parent = true;
        self
    }

    fn push(&mut self, id: CommitId, hidden: bool) -> Result<()> {
        match self.seen.get_mut(&id) {
            Some(known) => {
                if hidden && !*known {
                    *known = true;
                    self.visible -= 1;
                }
                return Ok(());
            }
            None => {
                self.seen.insert(id, hidden);
            }
        }
        let commit = match Commit::open(&self.objects, id) {
            Ok(commit) => commit,
            // Shallow clones end here.
            Err(ModelError::Ghost(_)) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        if !hidden {
            self.visible += 1;
        }
        self.queue.push(Pending { id, commit });
        Ok(())
    }

    /// The next commit.
    pub fn next_commit(&mut self) -> Result<Option<(CommitId, Commit)>> {
        while self.visible > 0 {
            let Some(Pending { id, commit }) = self.queue.pop() else {
                break;
            };
            let hidden = self.seen.get(&id).copied().unwrap_or(false);
            if !hidden {
                self.visible -= 1;
            }
            let followed = match self.first_parent {
                true => commit.parents.len().min(1),
                false => commit.parents.len(),
            };
            for parent in &commit.parents[..followed] {
                self.push(*parent, hidden)?;
            }
            if !hidden {
                return Ok(Some((id, commit)));
            }
        }
        Ok(None)
    }
}

impl Iterator for Log {
    type Item = Result<(CommitId, Commit)>;

    fn next(&mut self) -> Option<Result<(CommitId, Commit)>> {
        let next = self.next_commit().transpose();
        if matches!(next, Some(Err(_))) {
            self.visible = 0;
        }
        next
    }
}

/// What may become of a branch that shall take over another commit (spec 05 §1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastForward {
    /// Both are the same commit.
    UpToDate,
    /// The branch only needs to move.
    Possible,
    /// The branch has everything, and more.
    Ahead,
    /// Both have commits of their own.
    Diverged {
        /// Their common ancestor.
        base: CommitId,
    },
    /// No common ancestor.
    Unrelated,
}

/// Compares a branch's head with the commit that it shall take over.
pub fn fast_forward(objects: &Objects, head: CommitId, to: CommitId) -> Result<FastForward> {
    Ok(match common_ancestor(objects, head, to)? {
        None => FastForward::Unrelated,
        Some(_) if head == to => FastForward::UpToDate,
        Some(base) if base == head => FastForward::Possible,
        Some(base) if base == to => FastForward::Ahead,
        Some(base) => FastForward::Diverged { base },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{CommitMeta, Person, Root};

    fn commit(objects: &Objects, parents: &[CommitId], message: &str, millis: i64) -> CommitId {
        let root = Root::empty(objects).unwrap().save().unwrap();
        let meta = CommitMeta::new(
            Person {
                name: "a".into(),
                email: "b".into(),
            },
            millis,
            message,
        );
        Commit::new(objects, root, parents.to_vec(), meta)
            .unwrap()
            .save(objects)
            .unwrap()
    }

    fn messages(log: Log) -> Vec<String> {
        log.map(|c| c.unwrap().1.meta.message).collect()
    }

    #[test]
    fn order_ranges_and_fast_forward() {
        let o = Objects::in_memory();
        let a = commit(&o, &[], "a", 0);
        let b = commit(&o, &[a], "b", 10);
        let c = commit(&o, &[a], "c", 20);
        let d = commit(&o, &[c], "d", 5);
        let m = commit(&o, &[b, d], "m", 1);
        let log = |heads: &[CommitId], not: &[CommitId]| Log::new(&o, heads, not).unwrap();
        assert_eq!(messages(log(&[m], &[])), ["m", "d", "c", "b", "a"]);
        assert_eq!(messages(log(&[m], &[b])), ["m", "d", "c"]);
        assert_eq!(messages(log(&[b, d], &[a])), ["d", "c", "b"]);
        assert_eq!(
            messages(log(&[m], &[]).first_parents_only()),
            ["m", "b", "a"]
        );
        assert_eq!(fast_forward(&o, b, m).unwrap(), FastForward::Possible);
        assert_eq!(fast_forward(&o, m, b).unwrap(), FastForward::Ahead);
        assert_eq!(fast_forward(&o, m, m).unwrap(), FastForward::UpToDate);
        let diverged = FastForward::Diverged { base: a };
        assert_eq!(fast_forward(&o, b, d).unwrap(), diverged);
        let other = commit(&o, &[], "x", 0);
        assert_eq!(fast_forward(&o, b, other).unwrap(), FastForward::Unrelated);
        assert!(is_ancestor(&o, c, m).unwrap());
        assert!(!is_ancestor(&o, b, d).unwrap());
        assert!(is_ancestor(&o, m, m).unwrap());
    }
}
