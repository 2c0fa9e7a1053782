//! Working sets, with merges and rebases in progress (spec 03 §14).

use chunks::Hash;
use serial::{Builder, FileId, Offset, Table, root_table};

use crate::small_message::hash_field;
use crate::{CommitId, ModelError, Objects, Result, RootId};

const KIND: &str = "working set";

/// A merge, cherry-pick or revert that waits for its conflicts to be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeState {
    /// The working root before.
    pub pre_working: RootId,
    /// The commit that is merged.
    pub from_commit: CommitId,
    /// What the user called it.
    pub from_spec: String,
    /// Tables whose schemas conflict.
    pub unmergable_tables: Vec<String>,
    /// Whether this is a cherry-pick.
    pub is_cherry_pick: bool,
    /// Whether this is a revert.
    pub is_revert: bool,
    /// The head before.
    pub pre_merge_head: Option<CommitId>,
    /// Commits that are still to be picked or reverted.
    pub pending: Vec<String>,
}

/// What a rebase does with commits that are, or become, empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyCommits {
    /// Fail.
    Error,
    /// Leave them out.
    Drop,
    /// Keep them.
    Keep,
    /// Stop and ask.
    Stop,
}

impl EmptyCommits {
    fn from_u8(n: u8) -> Result<EmptyCommits> {
        use EmptyCommits::*;
        [Error, Drop, Keep, Stop]
            .get(usize::from(n))
            .copied()
            .ok_or_else(|| ModelError::corrupt(KIND, format!("empty commit handling {n}")))
    }
}

/// A rebase in progress.
#[derive(Clone, Debug, PartialEq)]
pub struct RebaseState {
    /// The working root before.
    pub pre_working: RootId,
    /// The branch that is rebased.
    pub branch: String,
    /// The commit it is rebased onto.
    pub onto: CommitId,
    /// Commits that were empty before.
    pub empty_commits: EmptyCommits,
    /// Commits that become empty.
    pub becoming_empty: EmptyCommits,
    /// The plan's last step that was tried.
    pub last_attempted_step: f32,
    /// Whether the plan is being executed.
    pub started: bool,
    /// Whether verification of commits is skipped.
    pub skip_verification: bool,
}

/// Who wrote a working set, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingSetMeta {
    /// The name.
    pub name: String,
    /// The address for mail.
    pub email: String,
    /// What wrote it, e.g. `sql transaction`.
    pub description: String,
    /// Seconds since 1970.
    pub seconds: u64,
}

/// The uncommitted state of a branch.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkingSet {
    /// Tables as they are.
    pub working: RootId,
    /// Tables as the next commit has them.
    pub staged: RootId,
    /// A merge in progress.
    pub merge: Option<MergeState>,
    /// A rebase in progress.
    pub rebase: Option<RebaseState>,
    /// Who wrote it; none after a ref was set from outside.
    pub meta: Option<WorkingSetMeta>,
}

impl WorkingSet {
    /// A clean working set.
    pub fn clean(root: RootId) -> WorkingSet {
        WorkingSet {
            working: root,
            staged: root,
            merge: None,
            rebase: None,
            meta: None,
        }
    }

    /// The working set at an address.
    pub fn open(objects: &Objects, hash: &Hash) -> Result<WorkingSet> {
        WorkingSet::decode(objects.read(hash)?.bytes())
    }

    /// Stores the working set.
    pub fn save(&self, objects: &Objects) -> Result<Hash> {
        objects.write(self.encode()?)
    }

    /// Reads a message.
    pub fn decode(message: &[u8]) -> Result<WorkingSet> {
        let e = ModelError::message(KIND);
        let t = root_table(message, FileId::WORKING_SET, 8).map_err(&e)?;
        let text = |t: &Table<'_>, slot| -> Result<String> {
            Ok(t.string(slot)
                .map_err(ModelError::message(KIND))?
                .unwrap_or("")
                .to_owned())
        };
        let hash = |t: &Table<'_>, slot| -> Result<Hash> {
            hash_field(t.bytes(slot).map_err(ModelError::message(KIND))?, KIND)
        };
        let owned = |v: Vec<&str>| v.into_iter().map(str::to_owned).collect::<Vec<String>>();
        let merge = match t.table(6, 8).map_err(&e)? {
            None => None,
            Some(m) => Some(MergeState {
                pre_working: RootId(hash(&m, 0)?),
                from_commit: CommitId(hash(&m, 1)?),
                from_spec: text(&m, 2)?,
                unmergable_tables: owned(m.strings(3).map_err(&e)?),
                is_cherry_pick: m.bool(4, false).map_err(&e)?,
                is_revert: m.bool(5, false).map_err(&e)?,
                pre_merge_head: match m.has(6) {
                    true => Some(CommitId(hash(&m, 6)?)),
                    false => None,
                },
                pending: owned(m.strings(7).map_err(&e)?),
            }),
        };
        let rebase = match t.table(7, 8).map_err(&e)? {
            None => None,
            Some(r) => Some(RebaseState {
                pre_working: RootId(hash(&r, 0)?),
                branch: text(&r, 1)?,
                onto: CommitId(hash(&r, 2)?),
                empty_commits: EmptyCommits::from_u8(r.u8(3, 0).map_err(&e)?)?,
                becoming_empty: EmptyCommits::from_u8(r.u8(4, 0).map_err(&e)?)?,
                last_attempted_step: f32::from_bits(r.u32(5, 0).map_err(&e)?),
                started: r.bool(6, false).map_err(&e)?,
                skip_verification: r.bool(7, false).map_err(&e)?,
            }),
        };
        let working = RootId(hash(&t, 0)?);
        Ok(WorkingSet {
            working,
            staged: match t.has(1) {
                true => RootId(hash(&t, 1)?),
                false => working,
            },
            merge,
            rebase,
            meta: match t.has(2) {
                false => None,
                true => Some(WorkingSetMeta {
                    name: text(&t, 2)?,
                    email: text(&t, 3)?,
                    description: text(&t, 4)?,
                    seconds: t.u64(5, 0).map_err(&e)?,
                }),
            },
        })
    }

    /// The message.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut b = Builder::new();
        let working = b.bytes(&self.working.0.0);
        let staged = b.bytes(&self.staged.0.0);
        let mut merge = Offset::NONE;
        if let Some(m) = &self.merge {
            let pre_working = b.bytes(&m.pre_working.0.0);
            let from = b.bytes(&m.from_commit.0.0);
            let spec = b.string(&m.from_spec);
            let tables = b.strings(&m.unmergable_tables);
            let head = m.pre_merge_head.map_or(Offset::NONE, |h| b.bytes(&h.0.0));
            let pending = match m.pending.is_empty() {
                true => Offset::NONE,
                false => b.strings(&m.pending),
            };
            b.start_table(8);
            b.add_offset(0, pre_working);
            b.add_offset(1, from);
            b.add_offset(2, spec);
            b.add_offset(3, tables);
            b.add_bool(4, m.is_cherry_pick, false);
            b.add_bool(5, m.is_revert, false);
            b.add_offset(6, head);
            b.add_offset(7, pending);
            merge = b.end_table();
        }
        let mut rebase = Offset::NONE;
        if let Some(r) = &self.rebase {
            let pre_working = b.bytes(&r.pre_working.0.0);
            let onto = b.bytes(&r.onto.0.0);
            let branch = b.string(&r.branch);
            b.start_table(8);
            b.add_offset(0, pre_working);
            b.add_offset(1, branch);
            b.add_offset(2, onto);
            b.add_u8(4, r.becoming_empty as u8, 0);
            b.add_u8(3, r.empty_commits as u8, 0);
            b.add_u32(5, r.last_attempted_step.to_bits(), 0);
            b.add_bool(6, r.started, false);
            b.add_bool(7, r.skip_verification, false);
            rebase = b.end_table();
        }
        let meta = self.meta.as_ref().map(|m| {
            (
                b.string(&m.name),
                b.string(&m.email),
                b.string(&m.description),
                m.seconds,
            )
        });
        b.start_table(8);
        b.add_offset(0, working);
        b.add_offset(1, staged);
        b.add_offset(6, merge);
        b.add_offset(7, rebase);
        if let Some((name, email, description, seconds)) = meta {
            b.add_offset(2, name);
            b.add_offset(3, email);
            b.add_offset(4, description);
            b.add_u64(5, seconds, 0);
        }
        let root = b.end_table();
        b.finish(root, FileId::WORKING_SET)
            .map_err(ModelError::message(KIND))
    }
}
