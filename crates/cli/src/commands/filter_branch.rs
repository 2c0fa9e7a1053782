//! `dolt filter-branch`: history written anew, each commit after statements have run on it.

use std::collections::HashMap;
use std::io::Read;

use engine::session::DbRef;
use model::{Commit, CommitId, Expected, RootId, Tag, WorkingSet, ref_name};

use crate::arguments::parse;
use crate::commands::options::FILTER_BRANCH;
use crate::commands::sql::Script;
use crate::environment::Environment;
use crate::repository::{Repository, Rows};
use crate::{Failure, Outcome};

/// What runs on every commit, and where: in the working set of a branch made for it.
struct Filter<'r> {
    repo: &'r Repository,
    db: &'r DbRef,
    branch: &'r str,
    statements: Vec<Vec<u8>>,
    verbose: bool,
    go_on: bool,
    stop: Option<CommitId>,
    written: HashMap<CommitId, CommitId>,
}

impl Filter<'_> {
    /// The root that the statements make of one.
    fn root(&self, root: RootId, name: &str) -> Result<RootId, Failure> {
        if self.verbose {
            println!("processing commit {name}");
        }
        let store = &self.db.handle.store;
        store.set_working_set(self.branch, &WorkingSet::clean(root), Expected::Any)?;
        let session = self.repo.session()?;
        for statement in &self.statements {
            if self.verbose {
                println!("executing query: {}", String::from_utf8_lossy(statement));
            }
            let Err(e) = session.execute(statement, false, &mut Rows::default()) else {
                continue;
            };
            let text = self.repo.connection.message(&e);
            if !self.go_on {
                return Err(Failure::new(text));
            }
            if self.verbose {
                eprintln!("error encountered processing commit {name} (continuing): {text}");
            }
        }
        let after = self.db.handle.branch_state(self.branch)?.set.working;
        if self.verbose {
            match after == root {
                true => print!("no changes to commit {name}"),
                false => println!(
                    "updated commit {name} (root: {} -> {})",
                    root.hash(),
                    after.hash()
                ),
            }
        }
        Ok(after)
    }

    /// The commit that takes the place of one; its ancestors are written before it.
    fn commit(&mut self, head: CommitId) -> Result<CommitId, Failure> {
        let store = &self.db.handle.store;
        let mut waiting = vec![head];
        while let Some(id) = waiting.last().copied() {
            if self.written.contains_key(&id) {
                waiting.pop();
                continue;
            }
            let commit = store.commit(id)?;
            // The first commit of all is nobody's change.
            if self.stop == Some(id) || commit.parents.is_empty() {
                self.written.insert(id, id);
                continue;
            }
            let missing = commit
                .parents
                .iter()
                .filter(|p| !self.written.contains_key(p));
            let missing: Vec<CommitId> = missing.copied().collect();
            if !missing.is_empty() {
                waiting.extend(missing);
                continue;
            }
            let root = self.root(commit.root, &id.hash().to_string())?;
            let parents = commit.parents.iter().map(|p| self.written[p]).collect();
            let new = Commit::new(store.objects(), root, parents, commit.meta)?;
            self.written.insert(id, new.save(store.objects())?);
        }
        Ok(self.written[&head])
    }

    /// Moves a branch to its new history.
    fn branch(&mut self, name: &str, uncommitted: bool) -> Result<(), Failure> {
        let store = &self.db.handle.store;
        let before = store
            .branch(name)
            .ok_or_else(|| Failure::new(format!("branch not found: {name}")))?;
        let set = self.db.handle.branch_state(name)?.set.clone();
        let after = self.commit(before)?;
        let store = &self.db.handle.store;
        let commit = store.commit(after)?;
        let mut new = WorkingSet::clean(commit.root);
        if uncommitted {
            new.working = self.root(set.working, &set.working.hash().to_string())?;
            new.staged = self.root(set.staged, &set.staged.hash().to_string())?;
        }
        let expected = Expected::Is(before.hash());
        store.set_head(name, &commit, expected, &new, Expected::Any)?;
        Ok(())
    }

    /// Moves a tag to the commit that took the place of its own.
    fn tag(&mut self, name: &str, tag: &Tag) -> Result<(), Failure> {
        let after = self.commit(tag.commit)?;
        if after == tag.commit {
            return Ok(());
        }
        let new = Tag {
            commit: after,
            ..tag.clone()
        };
        let store = &self.db.handle.store;
        store.delete_tag(name)?;
        Ok(store.create_tag(name, &new)?)
    }
}

fn refuse_changes(db: &DbRef, branch: &str) -> Result<(), Failure> {
    let Some(head) = db.handle.store.branch(branch) else {
        return Ok(());
    };
    let root = db.handle.store.commit(head)?.root;
    let state = db.handle.branch_state(branch)?;
    if state.set.working == root && state.set.staged == root {
        return Ok(());
    }
    Err(Failure::new(format!(
        "local changes detected on branch {}, clear uncommitted changes (dolt stash dolt commit) before using filter-branch, or use --apply-to-uncommitted",
        ref_name::branch(branch)
    )))
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, FILTER_BRANCH)?;
    if p.positional.len() > 1 {
        return Err(Failure::new(format!(
            "filter-branch takes 0 or 1 args, {} provided: {}",
            p.positional.len(),
            p.positional.join(", ")
        )));
    }
    let input: Box<dyn Read + '_> = match p.get("query").filter(|q| !q.is_empty()) {
        Some(query) => Box::new(query.as_bytes()),
        None => Box::new(std::io::stdin()),
    };
    let mut script = Script::new(input);
    let mut statements = Vec::new();
    while let Some((_, statement)) = script.next()? {
        statements.push(statement);
    }
    let repo = Repository::open_here(env)?;
    let stop = p
        .positional
        .first()
        .map(|revision| repo.commit_id(revision))
        .transpose()?;
    let db = repo.db()?;
    let store = &db.handle.store;
    let uncommitted = p.has("apply-to-uncommitted");
    let branches: Vec<String> = match p.has("branches") || p.has("all") {
        true => store
            .branches()?
            .into_iter()
            .map(|(name, _)| name)
            .collect(),
        false => vec![repo.branch()?],
    };
    if !uncommitted {
        for branch in &branches {
            refuse_changes(&db, branch)?;
        }
    }
    let tags = match p.has("all") {
        true => store.tags()?,
        false => Vec::new(),
    };
    let work = format!("filter-branch-{}", std::process::id());
    store.create_branch(&work, repo.head()?, true, 0)?;
    repo.session()?
        .use_database(&format!("{}/{work}", db.handle.name))?;
    let mut filter = Filter {
        repo: &repo,
        db: &db,
        branch: &work,
        statements,
        verbose: p.has("verbose"),
        go_on: p.has("continue"),
        stop,
        written: HashMap::new(),
    };
    let mut all = || -> Result<(), Failure> {
        for branch in &branches {
            filter.branch(branch, uncommitted)?;
        }
        for (name, tag) in &tags {
            filter.tag(name, tag)?;
        }
        Ok(())
    };
    let done = all();
    repo.session()?.use_database(&db.handle.name)?;
    store.delete_branch(&work)?;
    done?;
    Ok(0)
}
