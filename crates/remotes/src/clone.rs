//! Clone: a new database with the history of a remote (spec 07 §12).

use std::path::Path;

use chunks::{Directory, Hash, HashSet};
use model::{
    BranchConfig, Commit, CommitId, Database, Expected, Incomplete, OpenOptions, RefEdit, Remote,
    ref_name,
};

use crate::fetch::heads;
use crate::{Error, Result, pull_chunks};

/// How to clone.
pub struct CloneOptions {
    /// The remote as the clone will know it.
    pub remote: Remote,
    /// The branch to check out.
    pub branch: Option<String>,
    /// Name of the first branch of new databases, which is preferred when there is a choice.
    pub first_branch: String,
    /// Only that branch is tracked.
    pub single_branch: bool,
    /// How many commits of that branch come along; all, when none.
    pub depth: Option<u64>,
    /// Seconds since 1970, for the working set.
    pub seconds: u64,
    /// How to open the clone.
    pub open: OpenOptions,
}

/// Clones a remote into a directory, which is created. A clone that fails leaves nothing.
pub fn clone(source: &Database, dir: &Path, options: &CloneOptions) -> Result<Database> {
    let shown = || dir.display().to_string();
    let place = Directory::on(options.open.chunks.disk.clone(), dir);
    if place.child(".dolt").exists() {
        return Err(match Incomplete::is(&place) {
            true => Error::Incomplete(shown()),
            false => Error::Exists(shown()),
        });
    }
    let refs = heads(source)?;
    let branch = choose(&refs, options)?;
    let mark = Incomplete::mark(&place)?;
    let made = fill(source, dir, &refs, &branch, options);
    match made {
        Ok(db) => {
            mark.complete()?;
            Ok(db)
        }
        Err(e) => {
            // The first failure is the one to tell of; the mark is still there.
            let _ = mark.undo();
            Err(e)
        }
    }
}

/// The branch to check out.
fn choose(refs: &[(String, Hash)], options: &CloneOptions) -> Result<String> {
    if refs.is_empty() {
        return Err(Error::NoData);
    }
    let has = |name: &str| refs.iter().any(|(n, _)| *n == ref_name::branch(name));
    match &options.branch {
        Some(name) if has(name) => Ok(name.clone()),
        Some(name) => {
            let wanted = ref_name::tag(name);
            match refs.iter().any(|(n, _)| n.eq_ignore_ascii_case(&wanted)) {
                true => Err(Error::DetachedHead),
                false => Err(Error::CloneBranch(name.clone())),
            }
        }
        None => ["main", "master", options.first_branch.as_str()]
            .into_iter()
            .find(|name| has(name))
            .or_else(|| {
                refs.iter()
                    .find_map(|(n, _)| n.strip_prefix(ref_name::HEADS))
            })
            .map(str::to_string)
            .ok_or(Error::NoData),
    }
}

fn fill(
    source: &Database,
    dir: &Path,
    refs: &[(String, Hash)],
    branch: &str,
    options: &CloneOptions,
) -> Result<Database> {
    let db = Database::create_empty(dir, branch, &options.open)?;
    let name = &options.remote.name;
    let mut edits = Vec::new();
    let mut wanted = Vec::new();
    let mut head = Hash::EMPTY;
    for (full, hash) in refs {
        let keep = match full.strip_prefix(ref_name::HEADS) {
            Some(theirs) => {
                if theirs == branch {
                    head = *hash;
                    edits.push(RefEdit::set(full, *hash, Expected::Absent));
                } else if options.single_branch || options.depth.is_some() {
                    continue;
                }
                ref_name::remote_branch(name, theirs)
            }
            None if options.depth.is_some() => continue,
            None => full.clone(),
        };
        edits.push(RefEdit::set(keep, *hash, Expected::Absent));
        wanted.push(*hash);
    }
    let mut skip = HashSet::default();
    if let Some(depth) = options.depth {
        skip = beyond(source, CommitId(head), depth, &mut wanted)?;
        if let Some(files) = db.file_store() {
            files.set_ghosts(skip.clone())?;
        }
    }
    pull_chunks(&**db.chunks(), &**source.chunks(), &wanted, &skip)?;
    let head = CommitId(head);
    edits.retain(|e| e.name != ref_name::branch(branch));
    db.create_branch(branch, head, false, options.seconds)?;
    db.edit_refs(&edits)?;
    db.edit_repo_state(|s| {
        s.remotes.insert(name.clone(), options.remote.clone());
        s.branches.insert(
            branch.to_string(),
            BranchConfig {
                head: ref_name::branch(branch),
                remote: name.clone(),
            },
        );
    })?;
    Ok(db)
}

/// The ancestors of a commit that are further away than `depth`; those that are nearer are
/// added to `wanted`.
fn beyond(source: &Database, tip: CommitId, depth: u64, wanted: &mut Vec<Hash>) -> Result<HashSet> {
    if depth == 0 {
        return Err(Error::BadDepth(depth));
    }
    let objects = source.objects();
    let mut skip = HashSet::default();
    for key in Commit::open(objects, tip)?
        .ancestors(objects)?
        .descending()?
    {
        skip.insert(key?.commit);
    }
    let mut level = vec![tip];
    for _ in 1..depth {
        let mut next = Vec::new();
        for id in level {
            for parent in Commit::open(objects, id)?.parents {
                if skip.remove(&parent.0) {
                    wanted.push(parent.0);
                    next.push(parent);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    Ok(skip)
}
