//! Checking a whole database (spec 01 §17): every chunk, every reference, every tree, every index.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use chunks::{Chunk, FileStore, Hash, HashSet};
use prolly::{ClosureKey, Node, check_tree};
use values::TupleBuilder;

use crate::{
    Commit, CommitId, Database, ModelError, Place, Result, Root, RootId, StashList, Table, Tag,
    WorkingSet, references_of,
};

/// What a check found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Chunks that are damaged.
    pub chunks: Vec<String>,
    /// What is missing or wrong in the history.
    pub commits: Vec<String>,
    /// Figures.
    pub summary: Vec<String>,
}

/// How far a check has come: what it does, how many are done.
pub type Progress<'a> = &'a (dyn Fn(&str, usize) + Sync);

struct Scan {
    errors: Vec<String>,
    by_file: BTreeMap<String, usize>,
    by_type: BTreeMap<String, usize>,
    commits: HashSet,
}

struct Checker<'a> {
    db: &'a Database,
    report: CheckReport,
    /// Chunks that trees led to.
    visited: HashSet,
    /// Nodes whose order and boundaries were checked.
    nodes: HashSet,
    /// Tables of which that is true.
    tables: HashSet,
    /// Tables whose indexes were held against their rows.
    indexed: HashSet,
}

impl Database {
    /// Checks everything that is stored. The indexes are held against their tables in the heads
    /// of branches and in working sets; all else is checked in the whole history.
    pub fn check(&self, threads: usize, progress: Progress<'_>) -> Result<CheckReport> {
        let Some(files) = self.file_store() else {
            return Err(ModelError::NotCollectable);
        };
        let scan = scan(files, threads, progress)?;
        let mut checker = Checker {
            db: self,
            report: CheckReport {
                chunks: scan.errors,
                ..CheckReport::default()
            },
            visited: HashSet::default(),
            nodes: HashSet::default(),
            tables: HashSet::default(),
            indexed: HashSet::default(),
        };
        checker.history(&scan.commits, progress)?;
        let total: usize = scan.by_type.values().sum();
        let reachable = checker.visited.len();
        let mut report = checker.report;
        report.summary.push(format!(
            "Chunks reachable from branches/tags/stashes: {reachable} (unreachable: {})",
            total.saturating_sub(reachable)
        ));
        if !scan.by_file.is_empty() {
            report.summary.push("Files with corruption:".into());
            for (file, count) in scan.by_file {
                let line = format!("  {file}: {count} chunk(s) with checksum errors");
                report.summary.push(line);
            }
        }
        report.summary.push("Chunk type breakdown:".into());
        for (kind, count) in scan.by_type {
            report.summary.push(format!("  {kind}: {count}"));
        }
        Ok(report)
    }
}

/// Hashes every chunk again.
fn scan(files: &FileStore, threads: usize, progress: Progress<'_>) -> Result<Scan> {
    let found = Mutex::new(Scan {
        errors: Vec::new(),
        by_file: BTreeMap::new(),
        by_type: BTreeMap::new(),
        commits: HashSet::default(),
    });
    let done = AtomicUsize::new(0);
    files.scan(threads, &|file, hash, chunk| {
        progress("Scanning chunks", done.fetch_add(1, Ordering::Relaxed) + 1);
        let lock = || found.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk = match chunk {
            Ok(Some(chunk)) => chunk,
            Ok(None) => {
                let mut found = lock();
                found
                    .errors
                    .push(format!("chunk {hash}: not found where the index has it"));
                return *found.by_file.entry(file.to_owned()).or_default() += 1;
            }
            Err(e) => {
                let mut found = lock();
                found.errors.push(format!("chunk {hash}: {e}"));
                return *found.by_file.entry(file.to_owned()).or_default() += 1;
            }
        };
        let kind = kind_of(&chunk);
        let actual = Hash::of(chunk.bytes());
        let mut found = lock();
        if actual != hash {
            let text = describe(&chunk);
            let line = format!("Chunk: {hash} content hash mismatch: {actual}\n{text}");
            found.errors.push(line);
        }
        if kind == "DCMT" {
            found.commits.insert(actual);
        }
        *found.by_type.entry(kind).or_default() += 1;
    })?;
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.errors.sort();
    Ok(found)
}

fn kind_of(chunk: &Chunk) -> String {
    match serial::file_id(chunk.bytes()) {
        Some(id) => id.to_string(),
        None if chunk.bytes().len() < 8 => "TOO_SHORT".into(),
        None => "UNKNOWN".into(),
    }
}

/// What a damaged chunk may have been.
fn describe(chunk: &Chunk) -> String {
    match Commit::decode(chunk.bytes()) {
        Ok(c) => format!(
            "{{\n\tName: {}\n\tDesc: {}\n\tEmail: {}\n\tRoot: {}\n}}",
            c.meta.author.name, c.meta.message, c.meta.author.email, c.root
        ),
        Err(_) => format!("{}, {} bytes", kind_of(chunk), chunk.bytes().len()),
    }
}

impl Checker<'_> {
    fn wrong(&mut self, kind: &str, owner: Hash, what: impl std::fmt::Display) {
        self.report
            .commits
            .push(format!("::{kind}:{owner}: {what}"));
    }

    /// A chunk that may be missing; ghosts are as good as there.
    fn read(&self, hash: &Hash) -> std::result::Result<Option<Chunk>, String> {
        match self.db.chunks().get(hash) {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) if self.db.chunks().is_ghost(hash) => Ok(None),
            Ok(None) => Err(format!("{hash} was not found")),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Everything that refs lead to.
    fn history(&mut self, known: &HashSet, progress: Progress<'_>) -> Result<()> {
        let objects = self.db.objects().clone();
        let mut starts = Vec::new();
        let mut heads = Vec::new();
        let mut stashes = Vec::new();
        let mut sets = Vec::new();
        let mut refs = 0;
        for (name, hash) in self.db.refs().with_prefix("")? {
            if name.starts_with("workingSets/") {
                sets.push(hash);
                continue;
            }
            refs += 1;
            if name.starts_with(crate::ref_name::TAGS) {
                match Tag::open(&objects, &hash) {
                    Ok(tag) => starts.push(tag.commit.0),
                    Err(e) => self.wrong("tag", hash, format!("failed to read {name}: {e}")),
                }
            } else if name.starts_with(crate::ref_name::STASHES) {
                match stashes_of(self.db, &hash) {
                    Ok(all) => {
                        starts.extend(all.iter().map(|(_, head)| *head));
                        stashes.extend(all.into_iter().map(|(root, _)| root));
                    }
                    Err(e) => self.wrong("stash", hash, format!("failed to read {name}: {e}")),
                }
            } else if [crate::ref_name::STATISTICS, crate::ref_name::TUPLES]
                .iter()
                .any(|prefix| name.starts_with(prefix))
            {
                self.references("value", hash, hash);
            } else {
                if name.starts_with(crate::ref_name::HEADS) {
                    heads.push(hash);
                }
                starts.push(hash);
            }
        }
        starts.sort_unstable();
        starts.dedup();
        self.report.summary.push(format!(
            "Refs found: {refs} pointing to {} unique starting commits",
            starts.len()
        ));

        let mut reachable: HashSet = starts.iter().copied().collect();
        let mut queue: VecDeque<Hash> = starts.into();
        let mut order = Vec::new();
        while let Some(hash) = queue.pop_front() {
            match self.read(&hash) {
                Ok(None) => continue,
                Err(_) if !known.contains(&hash) => {
                    self.wrong("commit", hash, "missing commit object");
                    continue;
                }
                Err(e) => {
                    self.wrong("commit", hash, format!("read error: {e}"));
                    continue;
                }
                Ok(Some(_)) => {}
            }
            match Commit::open(&objects, CommitId(hash)) {
                Ok(commit) => {
                    for parent in &commit.parents {
                        if reachable.insert(parent.0) {
                            queue.push_back(parent.0);
                        }
                    }
                    order.push((hash, commit));
                }
                Err(e) => self.wrong("commit", hash, format!("failed to deserialize commit: {e}")),
            }
        }
        let mut strangers = HashSet::default();
        let mut tips = Vec::new();
        for (n, (hash, commit)) in order.iter().enumerate() {
            progress("Validating commits", n + 1);
            self.visited.insert(*hash);
            self.root("commit", *hash, commit.root)?;
            if heads.contains(hash) {
                tips.push((*hash, commit.root));
            }
            self.closure(*hash, commit, &reachable, &mut strangers)?;
        }
        for stranger in strangers {
            // What a shallow clone left behind is named by closures, and by nothing else.
            if self.db.chunks().is_ghost(&stranger) {
                continue;
            }
            self.report.commits.push(format!(
                "commit {stranger}: unreachable but referenced in parent closure of reachable commits"
            ));
        }
        for root in stashes {
            self.root("stash", root, RootId(root))?;
        }
        for hash in sets {
            match WorkingSet::open(&objects, &hash) {
                Ok(set) => {
                    self.visited.insert(hash);
                    self.root("working set", hash, set.working)?;
                    self.root("working set", hash, set.staged)?;
                    tips.push((hash, set.working));
                }
                Err(e) => self.wrong("working set", hash, format!("read failure: {e}")),
            }
        }
        for (n, (owner, root)) in tips.into_iter().enumerate() {
            progress("Validating indexes", n + 1);
            self.indexes(owner, root);
        }
        let known_reachable = known.iter().filter(|h| reachable.contains(*h)).count();
        self.report.summary.push(format!(
            "Commit objects found: {} ({} reachable from branches/tags/stashes, {} unreachable)",
            known.len(),
            reachable.len(),
            known.len() - known_reachable
        ));
        Ok(())
    }

    fn closure(
        &mut self,
        hash: Hash,
        commit: &Commit,
        reachable: &HashSet,
        strangers: &mut HashSet,
    ) -> Result<()> {
        let closure = commit.closure;
        if closure.is_empty() {
            if !commit.parents.is_empty() {
                let count = commit.parents.len();
                let what = format!("has empty parent closure but has {count} parents");
                self.wrong("commit", hash, what);
            }
            return Ok(());
        }
        if let Err(e) = self.read(&closure) {
            let what = format!("missing data. failed to read commit closure {closure}: {e}");
            self.wrong("commit", hash, what);
            return Ok(());
        }
        // The closures of a history share their nodes; one that was seen needs no second look.
        let mut stack = vec![closure];
        while let Some(address) = stack.pop() {
            if !self.visited.insert(address) {
                continue;
            }
            let node = match self.read(&address) {
                Ok(Some(chunk)) => Node::read(chunk.shared(), address).map_err(|e| e.to_string()),
                Ok(None) => continue,
                Err(e) => Err(e),
            };
            match node {
                Ok(node) if node.is_leaf() => strangers.extend(
                    (0..node.len())
                        .map(|i| ClosureKey::from_bytes(node.key(i)).commit)
                        .filter(|commit| !reachable.contains(commit)),
                ),
                Ok(node) => stack.extend((0..node.len()).map(|i| node.child(i))),
                Err(e) => {
                    let what = format!("failure iterating parent closure {closure}: {e}");
                    self.wrong("commit", hash, what);
                }
            }
        }
        Ok(())
    }

    /// All that a root leads to, and the trees of its tables.
    fn root(&mut self, kind: &str, owner: Hash, root: RootId) -> Result<()> {
        if self.visited.contains(&root.0) {
            return Ok(());
        }
        let before = self.report.commits.len();
        self.references(kind, owner, root.0);
        if self.report.commits.len() > before {
            // Trees with holes cannot be looked at more closely.
            return Ok(());
        }
        if let Err(e) = self.trees(kind, owner, root) {
            self.wrong(
                kind,
                owner,
                format!("failed to validate tree object {root}: {e}"),
            );
        }
        Ok(())
    }

    /// All that a chunk leads to.
    fn references(&mut self, kind: &str, owner: Hash, start: Hash) {
        let mut queue = VecDeque::from([start]);
        while let Some(hash) = queue.pop_front() {
            if !self.visited.insert(hash) {
                continue;
            }
            let chunk = match self.read(&hash) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => continue,
                Err(e) => {
                    self.wrong(kind, owner, format!("read failure of {hash}: {e}"));
                    continue;
                }
            };
            let visited = &self.visited;
            let walked = references_of(&chunk, &mut |h| {
                if !visited.contains(&h) {
                    queue.push_back(h);
                }
            });
            if let Err(e) = walked {
                self.wrong(
                    kind,
                    owner,
                    format!("failed to walk references in {hash}: {e}"),
                );
            }
        }
    }

    /// Order and boundaries of the rows and indexes of a root's tables.
    fn trees(&mut self, kind: &str, owner: Hash, root: RootId) -> Result<()> {
        let objects = self.db.objects().clone();
        for (name, hash) in Root::open(&objects, root)?.tables()? {
            if !self.tables.insert(hash) {
                continue;
            }
            let table = Table::open(&objects, &hash)?;
            let mut wrong = Vec::new();
            let rows = table.rows()?;
            check_tree(
                objects.nodes(),
                rows.root(),
                &**rows.order(),
                &mut self.nodes,
                &mut |node, what| wrong.push(format!("table {name}: node {node}: {what}")),
            )?;
            for index in table.schema().indexes.iter().filter(|i| i.vector.is_none()) {
                let entries = table.index(&index.name)?;
                check_tree(
                    objects.nodes(),
                    entries.root(),
                    &**entries.order(),
                    &mut self.nodes,
                    &mut |node, what| {
                        wrong.push(format!("index {name}.{}: node {node}: {what}", index.name));
                    },
                )?;
            }
            for what in wrong {
                self.wrong(kind, owner, what);
            }
        }
        Ok(())
    }

    /// Holds the indexes of a root's tables against their rows.
    fn indexes(&mut self, owner: Hash, root: RootId) {
        if let Err(e) = self.try_indexes(owner, root) {
            self.wrong(
                "index",
                owner,
                format!("failed to validate indexes of {root}: {e}"),
            );
        }
    }

    fn try_indexes(&mut self, owner: Hash, root: RootId) -> Result<()> {
        let objects = self.db.objects().clone();
        for (name, hash) in Root::open(&objects, root)?.tables()? {
            if !self.indexed.insert(hash) {
                continue;
            }
            let table = Table::open(&objects, &hash)?;
            for fault in index_faults(&table)? {
                self.wrong("index", owner, format!("table {name}: {fault}"));
            }
        }
        Ok(())
    }
}

fn stashes_of(db: &Database, list: &Hash) -> Result<Vec<(Hash, Hash)>> {
    let list = StashList::decode(db.objects(), db.objects().read(list)?.bytes())?;
    let count = list.entries()?.len();
    let mut out = Vec::new();
    for n in 0..count {
        if let Some(stash) = list.get(n)? {
            out.push((stash.root.0, stash.head.0));
        }
    }
    Ok(out)
}

/// Entries that a table's indexes lack, or have too many.
fn index_faults(table: &Table) -> Result<Vec<String>> {
    let schema = table.schema().clone();
    let rows = table.rows()?;
    let mut checked = Vec::new();
    let mut faults = Vec::new();
    for (i, index) in schema.indexes.iter().enumerate() {
        let Some(layout) = table.layout().index(i) else {
            continue;
        };
        // Those hold other things than one entry per row, or what only expressions can say.
        let special = index.vector.is_some()
            || index.fulltext.is_some()
            || index.spatial
            || !index.predicate.is_empty()
            || layout.fields().iter().any(|f| f.place == Place::Virtual);
        if special {
            continue;
        }
        let entries = table.index(&index.name)?;
        if entries.len() != rows.len() {
            faults.push(format!(
                "index {} has {} entries for {} rows",
                index.name,
                entries.len(),
                rows.len()
            ));
            continue;
        }
        checked.push((index, layout.clone(), entries));
    }
    if checked.is_empty() {
        return Ok(faults);
    }
    let blobs = table.objects().blobs();
    let mut out = TupleBuilder::new();
    let computed = |_: usize| -> Result<values::Value<'static>> { Ok(values::Value::Null) };
    let mut missing = vec![0u64; checked.len()];
    let mut runs = rows.all()?;
    while let Some(run) = runs.next_run()? {
        for (key, value) in run.iter() {
            for (n, (_, layout, entries)) in checked.iter().enumerate() {
                let entry = layout.entry(key, value, &computed, &blobs, &mut out)?;
                if !entries.has(&entry)? {
                    missing[n] += 1;
                }
            }
        }
    }
    for ((index, _, _), missing) in checked.iter().zip(missing) {
        if missing > 0 {
            faults.push(format!("index {} lacks {missing} rows", index.name));
        }
    }
    Ok(faults)
}
