//! dolt_log, dolt_commits, dolt_commit_ancestors.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Commit, CommitId, Objects};
use values::{OwnedValue, Value};
use versioning::Log;

use super::history::StackOrder;
use super::{
    DATETIME3, Emit, INT, Scan, TEXT, TableMaker, UBIGINT, column, date, emit_all, hash, hidden,
    key, nullable, text,
};
use crate::dolt::arguments::{OptionSpec, Takes, parse};
use crate::dolt::revision;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::session::{DbRef, Revision};
use crate::virtual_table::{VirtualColumn, VirtualTable};

fn log_columns() -> Vec<VirtualColumn> {
    vec![
        key("commit_hash", TEXT),
        column("committer", TEXT),
        column("email", TEXT),
        column("date", DATETIME3),
        column("message", TEXT),
        column("commit_order", UBIGINT),
        nullable("parents", TEXT),
        column("refs", TEXT),
        nullable("signature", TEXT),
        column("author", TEXT),
        column("author_email", TEXT),
        column("author_date", DATETIME3),
        hidden("committer_email", TEXT),
    ]
}

/// How refs are shown in the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decorate {
    No,
    Short,
    Full,
}

/// Names of refs by the commit that they stand on.
fn decorations(db: &DbRef, how: Decorate) -> Result<HashMap<CommitId, String>> {
    let mut names: HashMap<CommitId, Vec<String>> = HashMap::new();
    if how == Decorate::No {
        return Ok(HashMap::new());
    }
    let full = how == Decorate::Full;
    let store = &db.handle.store;
    // Dolt marks the commit of the head, whichever of its refs comes first.
    let head = match &db.revision {
        Revision::Branch(branch) => store.branch(branch),
        Revision::Commit(id) => Some(*id),
    };
    for (name, id) in store.branches()? {
        let shown = if full {
            format!("refs/heads/{name}")
        } else {
            name.clone()
        };
        names.entry(id).or_default().push(shown);
    }
    for (name, id) in store.remote_branches()? {
        let shown = if full {
            format!("refs/remotes/{name}")
        } else {
            name
        };
        names.entry(id).or_default().push(shown);
    }
    for (name, tag) in store.tags()? {
        let shown = if full {
            format!("tag: refs/tags/{name}")
        } else {
            format!("tag: {name}")
        };
        names.entry(tag.commit).or_default().push(shown);
    }
    Ok(names
        .into_iter()
        .map(|(id, list)| {
            let mark = if head == Some(id) { "HEAD -> " } else { "" };
            (id, format!("{mark}{}", list.join(", ")))
        })
        .collect())
}

fn joined(parents: &[CommitId]) -> String {
    let texts: Vec<String> = parents.iter().map(|p| p.0.to_string()).collect();
    texts.join(", ")
}

fn log_row(
    id: CommitId,
    c: &Commit,
    refs: Option<&String>,
    parents: bool,
    signature: bool,
) -> Vec<OwnedValue> {
    let m = &c.meta;
    vec![
        hash(id.0),
        text(&*m.committer.name),
        text(&*m.committer.email),
        date(m.committer_millis as i64),
        text(&*m.message),
        Value::UInt(c.height),
        if parents {
            text(joined(&c.parents))
        } else {
            Value::Null
        },
        text(refs.map_or("", |r| r)),
        match &m.signature {
            _ if !signature => Value::Null,
            Some(s) => text(&**s),
            None => text(""),
        },
        text(&*m.author.name),
        text(&*m.author.email),
        date(m.author_millis),
        text(&*m.committer.email),
    ]
}

/// `dolt_log`.
pub fn log(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    maker.table(log_columns(), |scan, emit| {
        let objects = scan.db.handle.store.objects();
        let head = revision::head(&scan.db)?;
        let refs = decorations(&scan.db, Decorate::Short)?;
        if let Some(wanted) = scan.hints.text(0) {
            let Some(id) = stored_commit(objects, &wanted)? else {
                return Ok(Flow::Continue);
            };
            if !versioning::is_ancestor(objects, id, head)? {
                return Ok(Flow::Continue);
            }
            let c = Commit::open(objects, id)?;
            return emit(log_row(id, &c, refs.get(&id), true, true));
        }
        for entry in Log::new(objects, &[head], &[])? {
            let (id, c) = entry?;
            scan.cx.check_interrupt()?;
            if emit(log_row(id, &c, refs.get(&id), true, true))? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    })
}

/// A commit by its address as a text; none if there is no such commit.
pub fn stored_commit(objects: &Objects, wanted: &str) -> Result<Option<CommitId>> {
    let Ok(id) = wanted.parse::<CommitId>() else {
        return Ok(None);
    };
    Ok(Commit::open(objects, id).ok().map(|_| id))
}

const LOG_OPTIONS: &[OptionSpec] = &[
    ("not", "", Takes::List),
    ("tables", "t", Takes::List),
    ("min-parents", "", Takes::Value),
    ("merges", "", Takes::Flag),
    ("parents", "", Takes::Flag),
    ("decorate", "", Takes::Value),
    ("show-signature", "", Takes::Flag),
    ("number", "n", Takes::Value),
    ("all", "", Takes::Flag),
];

/// `dolt_log(...)`.
pub fn log_function(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    maker.table(log_columns(), run_log)
}

fn invalid(why: &str) -> Error {
    Error::general(format!("Invalid argument to dolt_log: {why}"))
}

fn run_log(scan: &Scan<'_>, emit: Emit<'_>) -> Result<Flow> {
    for arg in scan.args {
        match arg {
            Value::Bytes(_) => {}
            Value::Null => return Err(invalid("NULL")),
            v => return Err(invalid(&crate::convert::to_string(v))),
        }
    }
    let a = parse(LOG_OPTIONS, &scan.texts())?;
    let objects = scan.db.handle.store.objects();
    let resolve = |spec: &str| revision::commit(&scan.db, spec);
    let (mut heads, mut excluded) = (Vec::new(), Vec::new());
    for spec in &a.positional {
        if spec.starts_with('^') && spec.contains("..") {
            return Err(invalid("--not revision cannot contain '..'"));
        }
        if spec.contains("..") && (a.positional.len() > 1 || !a.list("not").is_empty()) {
            return Err(invalid(
                "revision cannot contain '..' or '...' if multiple revisions exist",
            ));
        }
        if let Some((from, to)) = spec.split_once("...") {
            let (x, y) = (resolve(or_head(from))?, resolve(or_head(to))?);
            heads.extend([x, y]);
            excluded.extend(versioning::common_ancestor(objects, x, y)?);
        } else if let Some((from, to)) = spec.split_once("..") {
            excluded.push(resolve(or_head(from))?);
            heads.push(resolve(or_head(to))?);
        } else if let Some(not) = spec.strip_prefix('^') {
            excluded.push(resolve(not)?);
        } else {
            heads.push(resolve(spec)?);
        }
    }
    for spec in a.list("not") {
        for (bad, shown) in [("..", "'..'"), ("^", "'^'")] {
            if spec.contains(bad) {
                return Err(invalid(&format!("--not revision cannot contain {shown}")));
            }
        }
        excluded.push(resolve(&spec)?);
    }
    if heads.is_empty() {
        heads.push(revision::head(&scan.db)?);
    }
    let min_parents = match a.get("min-parents") {
        Some(n) => n
            .parse()
            .map_err(|_| invalid(&format!("--min-parents {n}")))?,
        None => 0,
    };
    let min_parents: usize = if a.has("merges") {
        min_parents.max(2)
    } else {
        min_parents
    };
    let decorate = match a.get("decorate").unwrap_or("short") {
        "no" => Decorate::No,
        "full" => Decorate::Full,
        "short" | "auto" => Decorate::Short,
        other => {
            return Err(invalid(&format!("invalid --decorate option: \"{other}\"")));
        }
    };
    let tables = a.list("tables");
    let limit: usize = match a.get("number") {
        Some(n) => n.parse().map_err(|_| invalid(&format!("-n {n}")))?,
        None => usize::MAX,
    };
    let refs = decorations(&scan.db, decorate)?;
    let mut shown = 0;
    for entry in Log::new(objects, &heads, &excluded)? {
        if shown >= limit {
            break;
        }
        let (id, c) = entry?;
        scan.cx.check_interrupt()?;
        if c.parents.len() < min_parents {
            continue;
        }
        if !tables.is_empty() && !touches(&scan.db, &c, &tables)? {
            continue;
        }
        shown += 1;
        let row = log_row(
            id,
            &c,
            refs.get(&id),
            a.has("parents"),
            a.has("show-signature"),
        );
        if emit(row)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

fn or_head(spec: &str) -> &str {
    if spec.is_empty() { "HEAD" } else { spec }
}

/// Whether a commit changed one of some tables (spec 05 §21.2).
fn touches(db: &DbRef, c: &Commit, tables: &[String]) -> Result<bool> {
    let own = db.handle.root(c.root)?;
    let mut parents = Vec::new();
    for p in &c.parents {
        parents.push(db.handle.root(db.handle.store.commit(*p)?.root)?);
    }
    for name in tables {
        let now = own.root.table_hash(name)?;
        let before: Vec<_> = parents
            .iter()
            .map(|p| p.root.table_hash(name))
            .collect::<std::result::Result<_, _>>()?;
        let changed = match before.as_slice() {
            [] => false,
            [old] => *old != now,
            many => match now {
                None => many.iter().any(Option::is_some),
                Some(_) if many.iter().all(Option::is_none) => true,
                Some(_) => many.iter().any(|old| old.is_some() && *old != now),
            },
        };
        if changed {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `dolt_commits`.
pub fn commits(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        key("commit_hash", TEXT),
        column("committer", TEXT),
        column("email", TEXT),
        column("date", DATETIME3),
        column("message", TEXT),
        column("author", TEXT),
        column("author_email", TEXT),
        column("author_date", DATETIME3),
        hidden("committer_email", TEXT),
    ];
    maker.table(columns, |scan, emit| {
        let objects = scan.db.handle.store.objects();
        every_commit(scan, &mut |id| {
            let c = Commit::open(objects, id)?;
            let m = &c.meta;
            emit(vec![
                hash(id.0),
                text(&*m.committer.name),
                text(&*m.committer.email),
                date(m.committer_millis as i64),
                text(&*m.message),
                text(&*m.author.name),
                text(&*m.author.email),
                date(m.author_millis),
                text(&*m.committer.email),
            ])
        })
    })
}

/// The commit that a hint names, else the commits of all branches.
fn every_commit(scan: &Scan<'_>, visit: &mut dyn FnMut(CommitId) -> Result<Flow>) -> Result<Flow> {
    let store = &scan.db.handle.store;
    if let Some(wanted) = scan.hints.text(0) {
        return match stored_commit(store.objects(), &wanted)? {
            Some(id) => visit(id),
            None => Ok(Flow::Continue),
        };
    }
    let mut order = StackOrder::new(store.objects());
    for (_, head) in store.branches()? {
        order.start(head);
        while let Some((id, _)) = order.next_commit()? {
            scan.cx.check_interrupt()?;
            if visit(id)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    Ok(Flow::Continue)
}

/// `dolt_commit_ancestors`.
pub fn commit_ancestors(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        key("commit_hash", TEXT),
        key("parent_hash", TEXT),
        key("parent_index", INT),
    ];
    maker.table(columns, |scan, emit| {
        let objects = scan.db.handle.store.objects();
        every_commit(scan, &mut |id| {
            let c = Commit::open(objects, id)?;
            if c.parents.is_empty() {
                return emit(vec![hash(id.0), Value::Null, Value::Int(0)]);
            }
            let rows = c
                .parents
                .iter()
                .enumerate()
                .map(|(i, p)| vec![hash(id.0), hash(p.0), Value::Int(i as i64)]);
            emit_all(rows, emit)
        })
    })
}

/// `dolt_branch_status(base, branch...)`.
pub fn branch_status(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        column("branch", TEXT),
        column("commits_ahead", UBIGINT),
        column("commits_behind", UBIGINT),
    ];
    maker.table(columns, |scan, emit| {
        let names = scan.texts();
        let Some((base, branches)) = names.split_first() else {
            return Err(Error::general(
                "function 'dolt_branch_status' expected 1 or more arguments, 0 received",
            ));
        };
        let objects = scan.db.handle.store.objects();
        let base = revision::commit(&scan.db, base)?;
        for name in branches {
            let id = revision::commit(&scan.db, name)?;
            let count = |of, without| -> Result<u64> {
                let mut n = 0;
                for c in Log::new(objects, &[of], &[without])? {
                    c?;
                    n += 1;
                }
                Ok(n)
            };
            let row = vec![
                text(&**name),
                Value::UInt(count(id, base)?),
                Value::UInt(count(base, id)?),
            ];
            if emit(row)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    })
}
