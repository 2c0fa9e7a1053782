//! `dolt checkout` (spec 06 §8.9): changes that are not committed go along to the other branch.

use model::{Expected, Root, WorkingSet, ref_name};
use versioning::reset::carry_changes;

use crate::arguments::{Parsed, parse};
use crate::commands::options::CHECKOUT;
use crate::environment::Environment;
use crate::repository::Repository;
use crate::{Failure, Outcome};

/// The roots of a branch: head, staged, working.
struct Roots {
    head: Root,
    staged: Root,
    working: Root,
}

impl Roots {
    fn of(repo: &Repository, branch: &str) -> Result<Roots, Failure> {
        let db = repo.db()?;
        let store = &db.handle.store;
        let id = store
            .branch(branch)
            .ok_or_else(|| Failure::new(format!("branch not found: {branch}")))?;
        let head = store.root_of(id)?;
        let state = db.handle.branch_state(branch)?;
        Ok(Roots {
            head,
            staged: Root::open(store.objects(), state.set.staged)?,
            working: Root::open(store.objects(), state.set.working)?,
        })
    }

    fn is_dirty(&self) -> Result<bool, Failure> {
        let head = self.head.id()?;
        Ok(self.staged.id()? != head || self.working.id()? != head)
    }
}

fn would_overwrite(tables: &[String]) -> Failure {
    let list: String = tables.iter().map(|t| format!("\t{t}\n")).collect();
    Failure::new(format!(
        "Your local changes to the following tables would be overwritten by checkout:\n{list}Please commit your changes or stash them before you switch branches.\nAborting"
    ))
}

/// What goes along from a branch to the head of another: staged and working roots.
fn carried(from: &Roots, to: &Root, force: bool) -> Result<(Root, Root), Failure> {
    let working = carry_changes(&from.head, to, &from.working, force)?;
    let staged = carry_changes(&from.head, to, &from.staged, force)?;
    match (working, staged) {
        (Ok(w), Ok(s)) => Ok((s, w)),
        (Err(tables), _) | (_, Err(tables)) => Err(would_overwrite(&tables)),
    }
}

/// Moves the changes of one branch to another.
fn carry(repo: &Repository, from: &str, to: &str, force: bool) -> Result<(), Failure> {
    let ours = Roots::of(repo, from)?;
    if !ours.is_dirty()? {
        return Ok(());
    }
    let theirs = Roots::of(repo, to)?;
    if theirs.is_dirty()? && !force {
        let both = theirs.working.id()? == ours.working.id()?
            && theirs.staged.id()? == ours.staged.id()?;
        if !both {
            return Err(Failure::new(format!(
                "error: There are uncommitted changes already on branch '{to}'.This can happen when someone modifies that branch in a SQL session.You have uncommitted changes on this branch, and they would overwrite the uncommitted changes on branch {to} on checkout.To solve this problem, you can 1) commit or reset your changes on this branch, using `dolt commit` or `dolt reset`, before checking out the other branch, 2) use the `-f` flag with `dolt checkout` to force an overwrite, or 3) connect to branch '{to}' with the SQL server and revert or commit changes there before proceeding.\ncause: checkout would overwrite uncommitted changes on target branch"
            )));
        }
    }
    let (staged, working) = carried(&ours, &theirs.head, force)?;
    let db = repo.db()?;
    let store = &db.handle.store;
    let write = |branch: &str, staged: &Root, working: &Root| -> Result<(), Failure> {
        let mut set = match store.working_set(branch)? {
            Some((_, set)) => set,
            None => WorkingSet::clean(working.save()?),
        };
        set.staged = staged.save()?;
        set.working = working.save()?;
        store.set_working_set(branch, &set, Expected::Any)?;
        Ok(())
    };
    write(to, &staged, &working)?;
    write(from, &ours.head, &ours.head)
}

fn explain(branch: &str, e: Failure) -> Failure {
    if e.text == "branch not found" {
        return Failure::new(format!("fatal: Branch '{branch}' not found."));
    }
    let told = [
        "dolt does not support a detached head state.",
        "error: could not find",
        "did not match any table",
        "would be overwritten by checkout",
        "only one reference expected",
        "error: There are uncommitted changes already",
    ];
    if told.iter().any(|t| e.text.contains(t)) {
        let text = e.text.replace("\tCALL DOLT_CHECKOUT(", "dolt checkout ");
        return Failure::new(match text.contains("detached head state") {
            true => text
                .replace("', '-b', <new_branch_name>)", " -b {new_branch_name}")
                .replace("dolt checkout '", "dolt checkout "),
            false => text,
        });
    }
    Failure::caused(
        format!("fatal: Unexpected error checking out branch '{branch}'"),
        &e.text,
    )
}

/// Moves only the session to the branch, as a shell does.
fn in_session(repo: &Repository, p: &Parsed) -> Outcome {
    let named = p.get("b").or(p.get("B")).or(p.get("track"));
    let target = named.unwrap_or_else(|| p.positional.first().map_or("", String::as_str));
    let rows = repo
        .call("DOLT_CHECKOUT", &p.canonical())
        .map_err(|e| explain(target, e))?;
    let message = rows.text(0, 1);
    if !message.is_empty() {
        println!("{message}");
    }
    Ok(0)
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, CHECKOUT)?;
    if p.has("overwrite-ignore") && p.has("no-overwrite-ignore") {
        return Err(Failure::new(
            "error: --overwrite-ignore and --no-overwrite-ignore are mutually exclusive",
        ));
    }
    let creates = p.has("b") || p.has("B") || p.has("track");
    let n = p.positional.len();
    if creates && n > 1 || !creates && n == 0 && p.split.is_none() {
        return super::misused("checkout");
    }
    let repo = Repository::open(env)?;
    if env.is_shell() {
        return in_session(&repo, &p);
    }
    repo.connection.refuse_server("dolt checkout")?;
    let before = repo.branch()?;
    let named = p.get("b").or(p.get("B")).map(str::to_string);
    let target = named.clone().unwrap_or_else(|| match p.get("track") {
        Some(remote) => remote
            .split_once('/')
            .map_or(remote, |(_, b)| b)
            .to_string(),
        None => p.positional[0].clone(),
    });
    let is_there = repo.with_store(|s| Ok(s.branch(&before)))?.is_some();
    if !is_there
        && !creates
        && n == 1
        && let Some(target) = repo.with_store(|s| s.find_branch(&target))?
    {
        // Nothing goes along from a branch that is gone.
        let head = ref_name::branch(&target);
        repo.with_store(|s| s.edit_repo_state(|state| state.head = head))?;
        println!("Switched to branch '{target}'");
        return Ok(0);
    }
    // What cannot go along is refused before anything happens.
    if p.split != Some(0) && n <= 1 && before != target {
        let start = match creates {
            true => Some(p.positional.first().map_or("HEAD", String::as_str)),
            false => Some(target.as_str()),
        };
        let exists = repo.with_store(|s| s.find_branch(&target))?.is_some();
        if (creates || exists)
            && is_there
            && let Some(start) = start
            && let Ok(id) = repo.commit_id(start)
        {
            let ours = Roots::of(&repo, &before)?;
            if ours.is_dirty()? {
                let to = repo.with_store(|s| s.root_of(id))?;
                carried(&ours, &to, p.has("force") || p.has("B"))?;
            }
        }
    }
    let mut args = vec!["--move".to_string()];
    args.extend(p.canonical());
    let rows = repo
        .call("DOLT_CHECKOUT", &args)
        .map_err(|e| explain(&target, e))?;
    let message = rows.text(0, 1);
    if message.contains("Switched to branch") {
        let target = repo
            .with_store(|s| s.find_branch(&target))?
            .unwrap_or(target);
        if before != target && repo.with_store(|s| Ok(s.branch(&before)))?.is_some() {
            carry(&repo, &before, &target, p.has("force") || p.has("B"))
                .map_err(|e| explain(&target, e))?;
        }
        let head = ref_name::branch(&target);
        repo.with_store(|s| s.edit_repo_state(|state| state.head = head))?;
    }
    if !message.is_empty() {
        println!("{message}");
    }
    Ok(0)
}
