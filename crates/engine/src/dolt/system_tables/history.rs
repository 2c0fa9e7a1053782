//! Tables that walk the history: dolt_diff, dolt_column_diff, dolt_history_$t.

use std::collections::HashSet;
use std::sync::Arc;

use chunks::Hash;
use model::{Commit, CommitId, Objects, Root, Table};
use values::{CollationId, OwnedValue, SqlType, Value};
use versioning::{ColumnMap, TableDelta};

use super::commits::stored_commit;
use super::{
    BOOL, DATETIME3, DATETIME6, Emit, Scan, TEXT, TableMaker, boolean, column, date, hash, hidden,
    key, nullable, text,
};
use crate::dolt::revision;
use crate::dolt::staging::{database_entry, deltas, unstaged};
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::virtual_table::{VirtualColumn, VirtualTable};

/// Commits in stack order: of the parents not seen yet, the last one is followed first
/// (spec 04 §6.8).
pub struct StackOrder {
    objects: Objects,
    stack: Vec<CommitId>,
    seen: HashSet<CommitId>,
}

impl StackOrder {
    /// A walk that has not begun.
    pub fn new(objects: &Objects) -> StackOrder {
        StackOrder {
            objects: objects.clone(),
            stack: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// Goes on from a commit, unless it has been seen.
    pub fn start(&mut self, at: CommitId) {
        if self.seen.insert(at) {
            self.stack.push(at);
        }
    }

    /// The next commit.
    pub fn next_commit(&mut self) -> Result<Option<(CommitId, Commit)>> {
        while let Some(id) = self.stack.pop() {
            let commit = match Commit::open(&self.objects, id) {
                Ok(commit) => commit,
                Err(model::ModelError::Ghost(_)) => continue,
                Err(e) => return Err(e.into()),
            };
            for parent in &commit.parents {
                self.start(*parent);
            }
            return Ok(Some((id, commit)));
        }
        Ok(None)
    }
}

fn change_columns(
    middle: Vec<VirtualColumn>,
    dates: SqlType,
    last: Vec<VirtualColumn>,
) -> Vec<VirtualColumn> {
    let mut columns = vec![key("commit_hash", TEXT), key("table_name", TEXT)];
    columns.extend(middle);
    columns.extend([
        nullable("committer", TEXT),
        nullable("email", TEXT),
        nullable("date", dates.clone()),
        nullable("message", TEXT),
    ]);
    columns.extend(last);
    columns.extend([
        nullable("author", TEXT),
        nullable("author_email", TEXT),
        nullable("author_date", dates),
        hidden("committer_email", TEXT),
    ]);
    columns
}

/// Where a change is: in the working set, or a commit.
enum At<'c> {
    WorkingSet(&'static str),
    Commit(CommitId, &'c Commit),
}

impl At<'_> {
    fn row(&self, table: &str, middle: Vec<OwnedValue>, last: Vec<OwnedValue>) -> Vec<OwnedValue> {
        let mut row = match self {
            At::WorkingSet(name) => vec![text(*name)],
            At::Commit(id, _) => vec![hash(id.0)],
        };
        row.push(text(table));
        row.extend(middle);
        let (first, author, email) = match self {
            At::WorkingSet(_) => (vec![Value::Null; 4], vec![Value::Null; 3], Value::Null),
            At::Commit(_, c) => {
                let m = &c.meta;
                (
                    vec![
                        text(&*m.committer.name),
                        text(&*m.committer.email),
                        date(m.committer_millis as i64),
                        text(&*m.message),
                    ],
                    vec![
                        text(&*m.author.name),
                        text(&*m.author.email),
                        date(m.author_millis),
                    ],
                    text(&*m.committer.email),
                )
            }
        };
        row.extend(first);
        row.extend(last);
        row.extend(author);
        row.push(email);
        row
    }
}

type Visit<'v> = &'v mut dyn FnMut(&At<'_>, &Changed) -> Result<Flow>;

/// What changed between two roots.
enum Changed {
    Table(TableDelta),
    /// The database's collation, with the entry that stands for it.
    Collation(String),
}

impl Changed {
    fn name(&self) -> &str {
        match self {
            Changed::Table(delta) => delta.name(),
            Changed::Collation(entry) => entry,
        }
    }
}

/// Visits each table that changed: in the working set, then in each commit against its first
/// parent.
fn changes(scan: &Scan<'_>, visit: Visit<'_>) -> Result<Flow> {
    let store = &scan.db.handle.store;
    let wanted = scan.hints.text(0);
    let special = wanted
        .as_deref()
        .is_none_or(|w| w == "WORKING" || w == "STAGED");
    let of_table = scan.hints.text(1);
    let entry = database_entry(&scan.db.handle.name);
    let mut between = |at: &At<'_>, from: &Root, to: &Root, deltas: Vec<TableDelta>| {
        let mut all: Vec<Changed> = deltas.into_iter().map(Changed::Table).collect();
        if from.collation() != to.collation() {
            all.push(Changed::Collation(entry.clone()));
        }
        for changed in &all {
            let other = of_table.as_ref().is_some_and(|t| t != changed.name());
            if !other && visit(at, changed)? == Flow::Stop {
                return Ok::<_, Error>(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    };
    if special && matches!(scan.db.revision, crate::session::Revision::Branch(_)) {
        let working = revision::working_root(scan.session(), &scan.db)?;
        let staged = revision::staged_root(scan.session(), &scan.db)?;
        let head = revision::commit_root(&scan.db, revision::head(&scan.db)?)?;
        let steps = [
            ("STAGED", &head, &staged, deltas(&head, &staged)?),
            ("WORKING", &staged, &working, unstaged(&staged, &working)?),
        ];
        for (name, from, to, deltas) in steps {
            if between(&At::WorkingSet(name), from, to, deltas)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    let objects = store.objects();
    let mut of_commit = |id: CommitId, c: &Commit| -> Result<Flow> {
        let Some(parent) = c.parents.first() else {
            return Ok(Flow::Continue);
        };
        let from = match store.commit(*parent) {
            Ok(parent) => revision_root(scan, &parent)?,
            Err(model::ModelError::Ghost(_)) => return Ok(Flow::Continue),
            Err(e) => return Err(e.into()),
        };
        let to = revision_root(scan, c)?;
        between(&At::Commit(id, c), &from, &to, deltas(&from, &to)?)
    };
    if let Some(wanted) = wanted {
        return match stored_commit(objects, &wanted)? {
            Some(id) => of_commit(id, &Commit::open(objects, id)?),
            None => Ok(Flow::Continue),
        };
    }
    let mut order = StackOrder::new(objects);
    order.start(revision::head(&scan.db)?);
    while let Some((id, c)) = order.next_commit()? {
        scan.cx.check_interrupt()?;
        if of_commit(id, &c)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

fn revision_root(scan: &Scan<'_>, c: &Commit) -> Result<Root> {
    Ok(scan.db.handle.root(c.root)?.root.clone())
}

/// `dolt_diff`: one row per commit and changed table.
pub fn diff(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let last = vec![column("data_change", BOOL), column("schema_change", BOOL)];
    maker.table(change_columns(Vec::new(), DATETIME6, last), |scan, emit| {
        changes(scan, &mut |at, changed| {
            let (data, schema) = match changed {
                Changed::Table(delta) => (delta.data_changed()?, delta.schema_changed()),
                Changed::Collation(_) => (false, true),
            };
            let last = vec![boolean(data), boolean(schema)];
            emit(at.row(changed.name(), Vec::new(), last))
        })
    })
}

/// `dolt_column_diff`: one row per commit and changed column.
pub fn column_diff(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let middle = vec![key("column_name", TEXT)];
    let columns = change_columns(
        middle,
        SqlType::DateTime(0),
        vec![column("diff_type", TEXT)],
    );
    maker.table(columns, |scan, emit| {
        changes(scan, &mut |at, changed| {
            let Changed::Table(delta) = changed else {
                return Ok(Flow::Continue);
            };
            for (name, kind) in changed_columns(delta)? {
                let row = at.row(delta.name(), vec![text(name)], vec![text(kind)]);
                if emit(row)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            Ok(Flow::Continue)
        })
    })
}

/// Columns of a table that changed, with `added`, `removed` or `modified`.
fn changed_columns(delta: &TableDelta) -> Result<Vec<(String, &'static str)>> {
    let (Some(from), Some(to)) = (&delta.from, &delta.to) else {
        let (table, kind) = match (&delta.from, &delta.to) {
            (Some(t), _) => (t, "removed"),
            (_, Some(t)) => (t, "added"),
            _ => return Ok(Vec::new()),
        };
        let all = table.schema().columns.iter();
        return Ok(all.map(|c| (c.name.clone(), kind)).collect());
    };
    let (old, new) = (from.schema(), to.schema());
    let mut out = Vec::new();
    let mut open = Vec::new();
    for (i, c) in new.columns.iter().enumerate() {
        match old.column_by_tag(c.tag) {
            None => out.push((i, c.name.clone(), "added")),
            Some((j, _)) => open.push((i, j)),
        }
    }
    if !versioning::are_keys_diffable(old, new) {
        // No row can be found again.
        let all = open.iter();
        out.extend(all.map(|(i, _)| (*i, new.columns[*i].name.clone(), "modified")));
    } else if delta.data_changed()? {
        let readers = (
            versioning::RowReader::of(from),
            versioning::RowReader::of(to),
        );
        for change in versioning::RowChanges::new(Some(from), Some(to))? {
            if open.is_empty() {
                break;
            }
            let change = change?;
            open.retain(|(i, j)| {
                let bytes = |r: &versioning::RowReader, c: usize, item: &Option<prolly::Item>| {
                    item.as_ref()
                        .and_then(|x| r.field(c, x.key(), x.value()).map(<[u8]>::to_vec))
                };
                // Of a row that comes or goes, what was NULL is the same.
                let same = bytes(&readers.0, *j, &change.from) == bytes(&readers.1, *i, &change.to);
                if !same {
                    out.push((*i, new.columns[*i].name.clone(), "modified"));
                }
                same
            });
        }
    }
    out.sort();
    let mut list: Vec<(String, &str)> = out.into_iter().map(|(_, n, k)| (n, k)).collect();
    for c in &old.columns {
        if new.column_by_tag(c.tag).is_none() {
            list.push((c.name.clone(), "removed"));
        }
    }
    Ok(list)
}

/// `dolt_history_$t`: every row of a table at every commit.
pub fn history_table(
    maker: &TableMaker,
    name: &str,
    table: &Table,
) -> Result<Arc<dyn VirtualTable>> {
    let schema = table.schema().clone();
    let ascii = |t: &str| values::collation::by_name(t).map_or(CollationId::DEFAULT, |c| c.id);
    let bin = ascii("ascii_bin");
    let mut columns: Vec<VirtualColumn> = schema
        .columns
        .iter()
        .map(|c| {
            let mut v = VirtualColumn::new(&c.name, c.sql_type.clone(), true);
            v.hidden = c.hidden || c.hidden_system;
            v
        })
        .collect();
    let own = columns.len();
    columns.extend([
        column("commit_hash", SqlType::Char(32, bin)),
        column("committer", SqlType::VarChar(1024, bin)),
        column("commit_date", DATETIME3),
    ]);
    let name = name.to_string();
    Ok(maker.table(columns, move |scan, emit| {
        let objects = scan.db.handle.store.objects();
        let wanted = scan.hints.text(own);
        let person = scan.hints.text(own + 1);
        let mut last: Option<(Hash, ColumnMap, Table)> = None;
        let mut warned = HashSet::new();
        let mut of_commit = |id: CommitId, c: &Commit| -> Result<Flow> {
            if person.as_ref().is_some_and(|p| *p != c.meta.committer.name) {
                return Ok(Flow::Continue);
            }
            let root = revision_root(scan, c)?;
            let Some((_, address)) = root.find_table(&name)? else {
                return Ok(Flow::Continue);
            };
            if last.as_ref().is_none_or(|l| l.0 != address) {
                let t = Table::open(objects, &address)?;
                let mut map = ColumnMap::new(&t, &schema);
                let from = t.schema().clone();
                for (old, new) in map.leave_out_other_types(&from) {
                    let (old, new) = (&from.columns[old], &schema.columns[new]);
                    if warned.insert(new.tag) {
                        scan.cx.warn(1246, format!(
                            "Unable to convert field {} in historical rows because its type ({}) doesn't match current schema's type ({})",
                            new.name, new.type_text, old.type_text
                        ));
                    }
                }
                last = Some((address, map, t));
            }
            let Some((_, map, t)) = &last else {
                return Ok(Flow::Continue);
            };
            let tail = [
                hash(id.0),
                text(&*c.meta.committer.name),
                date(c.meta.committer_millis as i64),
            ];
            rows_of(scan, t, map, &schema, own, &tail, emit)
        };
        if let Some(wanted) = wanted {
            return match stored_commit(objects, &wanted)? {
                Some(id) if versioning::is_ancestor(objects, id, revision::head(&scan.db)?)? => {
                    of_commit(id, &Commit::open(objects, id)?)
                }
                _ => Ok(Flow::Continue),
            };
        }
        let mut order = StackOrder::new(objects);
        order.start(revision::head(&scan.db)?);
        while let Some((id, c)) = order.next_commit()? {
            scan.cx.check_interrupt()?;
            if of_commit(id, &c)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }))
}

fn rows_of(
    scan: &Scan<'_>,
    table: &Table,
    map: &ColumnMap,
    target: &model::Schema,
    own: usize,
    tail: &[OwnedValue],
    emit: Emit<'_>,
) -> Result<Flow> {
    let mut one = |key: &[u8], value: &[u8]| -> Result<Flow> {
        let mut row = map.values(key, value)?;
        row.extend_from_slice(tail);
        for _ in 0..map.reader().count(value) {
            if emit(row.clone())? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    };
    // A whole key that is given is looked up.
    if let Some(key) = super::diff::point_key(table, target, &|column| {
        let found = scan
            .hints
            .equals
            .iter()
            .find(|(c, _)| *c == column && *c < own);
        found.map(|(_, v)| v.clone())
    })? {
        return match table.rows()?.get(&key)? {
            Some(item) => one(item.key(), item.value()),
            None => Ok(Flow::Continue),
        };
    }
    for run in table.rows()?.all()? {
        scan.cx.check_interrupt()?;
        for (key, value) in run?.iter() {
            if one(key, value)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    Ok(Flow::Continue)
}
