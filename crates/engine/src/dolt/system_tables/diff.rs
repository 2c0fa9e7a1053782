//! Row differences: dolt_diff_$t, dolt_commit_diff_$t, dolt_diff(), dolt_blame_$t.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chunks::Hash;
use model::{CommitId, Root, Schema, Table};
use values::{OwnedValue, TupleBuilder, Value, encode_field};
use versioning::{ColumnMap, RowChange, RowChanges, Unheld, are_keys_diffable};

use super::commits::stored_commit;
use super::history::StackOrder;
use super::{
    DATETIME3, DATETIME6, Emit, NAME, Scan, TEXT, TableMaker, column, date, hash, nullable, text,
};
use crate::convert::to_string;
use crate::dolt::revision::{self, NamedRoot};
use crate::dolt::schema_override;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::session::{DbRef, Session};
use crate::virtual_table::{Hints, VirtualColumn, VirtualTable};

/// The key tuple of a row whose whole primary key is known, by the target's columns.
pub fn point_key(
    table: &Table,
    target: &Schema,
    known: &dyn Fn(usize) -> Option<OwnedValue>,
) -> Result<Option<Vec<u8>>> {
    let schema = table.schema();
    if schema.is_keyless() || !are_keys_diffable(schema, target) {
        return Ok(None);
    }
    let blobs = table.objects().blobs();
    let mut out = TupleBuilder::new();
    for (at, theirs) in target.primary_key.iter().zip(&schema.primary_key) {
        let Some(value) = known(*at).filter(|v| !v.is_null()) else {
            return Ok(None);
        };
        let column = &schema.columns[*theirs];
        let from = crate::bind::type_of_value(&value, values::CollationId::DEFAULT);
        let cx = values::conversion::Context::default();
        let Ok(value) = values::conversion::store(&value, &from, &column.sql_type, &cx) else {
            return Ok(None);
        };
        let encoding = column.encoding.in_key();
        let mut raw = Vec::new();
        if encode_field(encoding, &column.sql_type, &value, &blobs, &mut raw).is_err() {
            return Ok(None);
        }
        out.push(Some(&raw));
    }
    Ok(Some(out.finish()?))
}

/// One side of a difference.
struct Version<'t> {
    table: Option<&'t Table>,
    commit: OwnedValue,
    date: OwnedValue,
}

fn side_columns(prefix: &str, schema: &Schema) -> Vec<VirtualColumn> {
    let mut out: Vec<VirtualColumn> = schema
        .columns
        .iter()
        .map(|c| nullable(&format!("{prefix}_{}", c.name), c.sql_type.clone()))
        .collect();
    out.push(nullable(&format!("{prefix}_commit"), NAME));
    out.push(nullable(&format!("{prefix}_commit_date"), DATETIME6));
    out
}

fn diff_columns(to: &Schema, from: &Schema) -> Vec<VirtualColumn> {
    let mut columns = side_columns("to", to);
    columns.extend(side_columns("from", from));
    columns.push(nullable("diff_type", NAME));
    columns
}

/// The two layouts that a difference is shown in.
#[derive(Clone)]
struct Shape {
    to: Arc<Schema>,
    from: Arc<Schema>,
}

impl Shape {
    fn commit_of_to(&self) -> usize {
        self.to.columns.len()
    }

    fn start_of_from(&self) -> usize {
        self.to.columns.len() + 2
    }

    fn commit_of_from(&self) -> usize {
        self.start_of_from() + self.from.columns.len()
    }

    /// Gives the rows that differ between two versions.
    fn emit(
        &self,
        scan: &Scan<'_>,
        to: &Version<'_>,
        from: &Version<'_>,
        emit: Emit<'_>,
    ) -> Result<Flow> {
        let map = |v: &Version<'_>, schema: &Schema| v.table.map(|t| ColumnMap::new(t, schema));
        let maps = (map(to, &self.to), map(from, &self.from));
        let mut changes = RowChanges::new(from.table, to.table)?;
        let mut only = None;
        if let Some(table) = to.table.or(from.table) {
            let hint = |start: usize, column: usize| {
                let wanted = start + column;
                let found = scan.hints.equals.iter().find(|(c, _)| *c == wanted);
                found.map(|(_, v)| v.clone())
            };
            only = point_key(table, &self.to, &|c| hint(0, c))?;
            if only.is_none() {
                only = point_key(table, &self.from, &|c| hint(self.start_of_from(), c))?;
            }
            if let Some(key) = &only {
                changes.seek(key)?;
            }
        }
        while let Some(change) = changes.next_change()? {
            scan.cx.check_interrupt()?;
            if let (Some(key), Some(table)) = (&only, to.table.or(from.table)) {
                let own = change
                    .to
                    .as_ref()
                    .or(change.from.as_ref())
                    .map_or(&[][..], |i| i.key());
                if table.layout().key_desc().compare(own, key).is_ne() {
                    break;
                }
            }
            let row = self.row(scan, &change, to, from, &maps)?;
            for _ in 0..change.count {
                if emit(row.clone())? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            if only.is_some() {
                break;
            }
        }
        Ok(Flow::Continue)
    }

    fn row(
        &self,
        scan: &Scan<'_>,
        change: &RowChange,
        to: &Version<'_>,
        from: &Version<'_>,
        maps: &(Option<ColumnMap>, Option<ColumnMap>),
    ) -> Result<Vec<OwnedValue>> {
        let values =
            |item: &Option<prolly::Item>, map: &Option<ColumnMap>, n: usize| match (item, map) {
                (Some(item), Some(map)) => map.row_telling(item, &mut |u| unheld_warning(scan, &u)),
                _ => Ok(vec![Value::Null; n]),
            };
        let mut row = values(&change.to, &maps.0, self.to.columns.len())?;
        row.extend([to.commit.clone(), to.date.clone()]);
        row.extend(values(&change.from, &maps.1, self.from.columns.len())?);
        row.extend([from.commit.clone(), from.date.clone(), text(change.kind())]);
        Ok(row)
    }
}

/// Says that a value is shown as NULL, since the column is of another type now.
pub fn unheld_warning(scan: &Scan<'_>, value: &Unheld<'_>) {
    match &value.too_much {
        Some(shown) => scan
            .cx
            .warn(1292, format!("Truncated {} value: {shown}", value.target)),
        None => scan.cx.warn(
            1105,
            format!(
                "unable to coerce value from field '{}' into latest column schema",
                value.column
            ),
        ),
    }
}

fn key_set_warning(scan: &Scan<'_>, from: &OwnedValue, to: &OwnedValue) {
    scan.cx.warn(
        1105,
        format!(
            "cannot render full diff between commits {} and {} due to primary key set change",
            to_string(from),
            to_string(to)
        ),
    );
}

pub(super) fn diffable(a: Option<&Table>, b: Option<&Table>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.schema().is_keyless() == b.schema().is_keyless()
                && are_keys_diffable(a.schema(), b.schema())
        }
        _ => true,
    }
}

struct Visited {
    name: OwnedValue,
    date: OwnedValue,
    address: Option<Hash>,
}

/// `dolt_diff_$t`: the changes of a table in the working set and in every commit.
pub fn diff_table(maker: &TableMaker, name: &str, table: &Table) -> Result<Arc<dyn VirtualTable>> {
    let shape = Shape {
        to: table.schema().clone(),
        from: table.schema().clone(),
    };
    let columns = diff_columns(&shape.to, &shape.from);
    let name = name.to_string();
    Ok(maker.table(columns, move |scan, emit| walk(scan, &shape, &name, emit)))
}

/// Gives the changes from a commit to a child of it. None where the walk ends: the table was
/// dropped in the child, so what is further back is another table, or the keys differ.
fn emit_pair(
    scan: &Scan<'_>,
    shape: &Shape,
    to: &Visited,
    from: &Visited,
    emit: Emit<'_>,
) -> Result<Option<Flow>> {
    let objects = scan.db.handle.store.objects();
    let open = |v: &Visited| v.address.map(|a| Table::open(objects, &a)).transpose();
    let (new, old) = (open(to)?, open(from)?);
    let same_keys = new.is_some() && diffable(old.as_ref(), new.as_ref());
    if !same_keys {
        key_set_warning(scan, &from.name, &to.name);
        let (Some(a), Some(b)) = (&old, &new) else {
            return Ok(None);
        };
        if a.schema().is_keyless() != b.schema().is_keyless()
            || !versioning::are_keys_similar(a.schema(), b.schema())
        {
            return Ok(None);
        }
    }
    let new = Version {
        table: new.as_ref(),
        commit: to.name.clone(),
        date: to.date.clone(),
    };
    let old = Version {
        table: old.as_ref(),
        commit: from.name.clone(),
        date: from.date.clone(),
    };
    let flow = shape.emit(scan, &new, &old, emit)?;
    Ok((same_keys || flow == Flow::Stop).then_some(flow))
}

/// Visits each commit and compares it with the child that was visited before it.
fn walk(scan: &Scan<'_>, shape: &Shape, name: &str, emit: Emit<'_>) -> Result<Flow> {
    let objects = scan.db.handle.store.objects().clone();
    let wanted_to = scan.hints.text(shape.commit_of_to());
    let wanted_from = scan.hints.text(shape.commit_of_from());
    let head = revision::head(&scan.db)?;
    let working = revision::working_root(scan.session(), &scan.db)?;
    let at = |root: &Root| -> Result<Option<Hash>> { Ok(root.find_table(name)?.map(|t| t.1)) };
    // The parents of a commit that is named need no walk.
    if let Some(wanted) = &wanted_to
        && let Some(id) = stored_commit(&objects, wanted)?
        && versioning::is_ancestor(&objects, id, head)?
    {
        let to = scan.db.handle.store.commit(id)?;
        let after = at(&revision::commit_root(&scan.db, id)?)?;
        for parent in &to.parents {
            let from = match scan.db.handle.store.commit(*parent) {
                Ok(from) => from,
                Err(model::ModelError::Ghost(_)) => continue,
                Err(e) => return Err(e.into()),
            };
            let before = at(&revision::commit_root(&scan.db, *parent)?)?;
            let other = wanted_from
                .as_ref()
                .is_some_and(|w| *w != parent.0.to_string());
            if other || before == after {
                continue;
            }
            let visited = |id: CommitId, commit: &model::Commit, address| Visited {
                name: hash(id.0),
                date: date(commit.meta.committer_millis as i64),
                address,
            };
            let pair = (visited(id, &to, after), visited(*parent, &from, before));
            if emit_pair(scan, shape, &pair.0, &pair.1, emit)? == Some(Flow::Stop) {
                return Ok(Flow::Stop);
            }
        }
        return Ok(Flow::Continue);
    }
    let mut children: HashMap<CommitId, Visited> = HashMap::new();
    children.insert(
        head,
        Visited {
            name: text("WORKING"),
            date: Value::Null,
            address: at(&working)?,
        },
    );
    let mut order = StackOrder::new(&objects);
    order.start(head);
    while let Some((id, c)) = order.next_commit()? {
        scan.cx.check_interrupt()?;
        let address = at(&revision::commit_root(&scan.db, id)?)?;
        let when = date(c.meta.committer_millis as i64);
        let Some(child) = children.remove(&id) else {
            continue;
        };
        let is_wanted = wanted_to
            .as_ref()
            .is_none_or(|w| *w == to_string(&child.name))
            && wanted_from.as_ref().is_none_or(|w| *w == id.0.to_string());
        if address != child.address && is_wanted {
            let own = Visited {
                name: hash(id.0),
                date: when.clone(),
                address,
            };
            match emit_pair(scan, shape, &child, &own, emit)? {
                Some(Flow::Continue) => {}
                Some(Flow::Stop) => return Ok(Flow::Stop),
                // Further back keys are other ones still.
                None => return Ok(Flow::Continue),
            }
        }
        // All changes into the wanted commit have been seen with its parents.
        for parent in &c.parents {
            let own = Visited {
                name: hash(id.0),
                date: when.clone(),
                address,
            };
            children.insert(*parent, own);
        }
    }
    Ok(Flow::Continue)
}

/// `dolt_commit_diff_$t`: the changes of a table between two revisions that the query names.
pub fn commit_diff_table(
    maker: &TableMaker,
    name: &str,
    table: &Table,
) -> Result<Arc<dyn VirtualTable>> {
    let shape = Shape {
        to: table.schema().clone(),
        from: table.schema().clone(),
    };
    let columns = diff_columns(&shape.to, &shape.from);
    let name = name.to_string();
    Ok(maker.table(columns, move |scan, emit| {
        let single = |at: usize, which: &str| {
            scan.hints.text(at).ok_or_else(|| {
                Error::general(format!(
                    "error querying table dolt_commit_diff_{name}: dolt_commit_diff_* tables must be filtered to a single '{which}'"
                ))
            })
        };
        let to = single(shape.commit_of_to(), "to_commit")?;
        let from = single(shape.commit_of_from(), "from_commit")?;
        between(scan, &shape, &name, &from, &to, emit)
    }))
}

fn named(scan: &Scan<'_>, spec: &str) -> Result<NamedRoot> {
    let upper = spec.to_uppercase();
    let special = upper == "WORKING" || upper == "STAGED";
    let mut root = revision::root(
        scan.session(),
        &scan.db,
        if special { &upper } else { spec },
    )?;
    root.shown = spec.to_string();
    Ok(root)
}

fn between(
    scan: &Scan<'_>,
    shape: &Shape,
    name: &str,
    from: &str,
    to: &str,
    emit: Emit<'_>,
) -> Result<Flow> {
    let (a, b) = (named(scan, from)?, named(scan, to)?);
    let pair = tables_of(&a.root, &b.root, name)?;
    let when = |r: &NamedRoot| match r.millis {
        Some(m) => date(m),
        None => date(scan.cx.now_micros / 1000),
    };
    if !diffable(pair.0.as_ref(), pair.1.as_ref()) {
        key_set_warning(scan, &text(&*a.shown), &text(&*b.shown));
        return Ok(Flow::Continue);
    }
    let to = Version {
        table: pair.1.as_ref(),
        commit: text(&*b.shown),
        date: when(&b),
    };
    let from = Version {
        table: pair.0.as_ref(),
        commit: text(&*a.shown),
        date: when(&a),
    };
    shape.emit(scan, &to, &from, emit)
}

/// A table in two roots, under the name that it has in the second, else in the first; a table
/// that was renamed is found in the other by what became of it.
pub fn tables_of(from: &Root, to: &Root, name: &str) -> Result<(Option<Table>, Option<Table>)> {
    let (old, new) = (from.table(name)?, to.table(name)?);
    if let (Some(a), Some(b)) = (old.as_ref(), new.as_ref()) {
        return Ok((Some(a.1.clone()), Some(b.1.clone())));
    }
    for delta in versioning::table_deltas(from, to)? {
        let named = |n: &str| n.eq_ignore_ascii_case(name);
        if named(&delta.to_name) || named(&delta.from_name) {
            return Ok((delta.from, delta.to));
        }
    }
    Ok((old.map(|t| t.1), new.map(|t| t.1)))
}

/// The two revisions and what else the arguments of a difference name.
pub struct DiffArgs {
    /// The first revision.
    pub from: String,
    /// The second revision.
    pub to: String,
    /// What follows.
    pub rest: Vec<String>,
}

/// Reads `(from, to, ...)` or `(range, ...)`.
pub fn diff_args(db: &DbRef, args: &[String]) -> Result<DiffArgs> {
    let Some((first, rest)) = args.split_first() else {
        return Err(Error::general("expected revisions"));
    };
    let expected = |a: &str, b: &str| {
        Error::general(format!(
            "expected strings for from and to revisions, got: {a}, {b}"
        ))
    };
    if let Some((a, b)) = first.split_once("...") {
        if a.is_empty() || b.is_empty() {
            return Err(expected(a, b));
        }
        let objects = db.handle.store.objects();
        let (x, y) = (revision::commit(db, a)?, revision::commit(db, b)?);
        let base = versioning::common_ancestor(objects, x, y)?
            .ok_or_else(|| Error::general("no common ancestor"))?;
        return Ok(DiffArgs {
            from: base.0.to_string(),
            to: b.to_string(),
            rest: rest.to_vec(),
        });
    }
    if let Some((a, b)) = first.split_once("..") {
        if a.is_empty() || b.is_empty() {
            return Err(expected(a, b));
        }
        return Ok(DiffArgs {
            from: a.to_string(),
            to: b.to_string(),
            rest: rest.to_vec(),
        });
    }
    let Some((second, rest)) = rest.split_first() else {
        return Err(expected(first, ""));
    };
    Ok(DiffArgs {
        from: first.clone(),
        to: second.clone(),
        rest: rest.to_vec(),
    })
}

/// `dolt_diff(from, to, table)`.
pub fn diff_function(
    session: &Session,
    db: &DbRef,
    maker: &TableMaker,
    args: &[Option<OwnedValue>],
) -> Result<Arc<dyn VirtualTable>> {
    let mut texts = Vec::new();
    for arg in args {
        match arg {
            Some(Value::Bytes(b)) => texts.push(String::from_utf8_lossy(b).into_owned()),
            Some(v) => {
                return Err(Error::general(format!(
                    "Invalid argument to dolt_diff: {}",
                    to_string(v)
                )));
            }
            None => {
                return Err(Error::general(
                    "Invalid argument to dolt_diff: ? – only literal values supported",
                ));
            }
        }
    }
    let (mut skinny, mut include) = (false, Vec::new());
    let mut plain = Vec::new();
    let mut rest = texts.into_iter();
    while let Some(t) = rest.next() {
        match t.as_str() {
            "--skinny" | "-sk" => skinny = true,
            "--include-cols" | "-ic" => {
                let list = rest.next().unwrap_or_default();
                include.extend(list.split(',').map(|c| c.trim().to_lowercase()));
            }
            _ => match t.strip_prefix("--include-cols=") {
                Some(list) => include.extend(list.split(',').map(|c| c.trim().to_lowercase())),
                None => plain.push(t),
            },
        }
    }
    let texts = plain;
    if !(2..=3).contains(&texts.len()) {
        return Err(Error::general(format!(
            "function 'dolt_diff' expected 2 to 3 arguments, {} received",
            texts.len()
        )));
    }
    let a = diff_args(db, &texts)?;
    let [name] = a.rest.as_slice() else {
        let n = if texts[0].contains("..") { 2 } else { 3 };
        return Err(Error::general(format!(
            "function 'dolt_diff' expected {n} arguments, {} received",
            texts.len()
        )));
    };
    let (from, to) = (
        revision::root(session, db, &a.from)?,
        revision::root(session, db, &a.to)?,
    );
    let (old, new) = tables_of(&from.root, &to.root, name)?;
    let Some(some) = new.as_ref().or(old.as_ref()) else {
        return Err(Error::unknown_table_missing(&db.handle.name, name));
    };
    let shape = match schema_override::root(session, db)? {
        Some(pinned) => {
            let schema = schema_override::schema_of(&pinned, name)?;
            Shape {
                to: schema.clone(),
                from: schema,
            }
        }
        None => Shape {
            to: new.as_ref().unwrap_or(some).schema().clone(),
            from: old.as_ref().unwrap_or(some).schema().clone(),
        },
    };
    let columns = diff_columns(&shape.to, &shape.from);
    let name = name.clone();
    let (from, to) = (a.from, a.to);
    if !skinny {
        return Ok(maker.table(columns, move |scan, emit| {
            between(scan, &shape, &name, &from, &to, emit)
        }));
    }
    let kept = skinny_columns(&shape, (old.as_ref(), new.as_ref()), &include)?;
    let shown = kept.iter().map(|c| columns[*c].clone()).collect();
    Ok(maker.table(shown, move |scan, emit| {
        // Hints are about the columns that are shown.
        let scan = Scan {
            cx: scan.cx,
            db: scan.db.clone(),
            hints: &Hints::default(),
            args: scan.args,
        };
        between(&scan, &shape, &name, &from, &to, &mut |row| {
            emit(kept.iter().map(|c| row[*c].clone()).collect())
        })
    }))
}

/// The columns of a difference that a skinny one shows: the primary key, what was asked for, and
/// what differs in some row; of a row that came or went, all.
fn skinny_columns(
    shape: &Shape,
    tables: (Option<&Table>, Option<&Table>),
    include: &[String],
) -> Result<Vec<usize>> {
    let sides = [
        (&shape.to, tables.1, 0),
        (&shape.from, tables.0, shape.start_of_from()),
    ];
    // By name: a column is shown on both sides, or on none.
    let mut names: HashSet<String> = include.iter().cloned().collect();
    let lower = |schema: &Schema, c: usize| schema.columns[c].name.to_lowercase();
    for (schema, _, _) in &sides {
        names.extend(schema.primary_key.iter().map(|c| lower(schema, *c)));
    }
    if diffable(tables.0, tables.1) {
        let map = |schema: &Schema, t: Option<&Table>| t.map(|t| ColumnMap::new(t, schema));
        // Both versions as columns of the new one, then as those of the old one.
        for (schema, _, _) in &sides {
            let maps = (map(schema, tables.0), map(schema, tables.1));
            let all = schema.columns.len();
            let mut open: Vec<usize> = (0..all)
                .filter(|c| !names.contains(&lower(schema, *c)))
                .collect();
            let mut changes = RowChanges::new(tables.0, tables.1)?;
            while !open.is_empty()
                && let Some(change) = changes.next_change()?
            {
                let row = |item: &Option<prolly::Item>, map: &Option<ColumnMap>| {
                    let found = item.as_ref().zip(map.as_ref());
                    found.map(|(item, map)| map.row(item)).transpose()
                };
                let pair = (row(&change.from, &maps.0)?, row(&change.to, &maps.1)?);
                open.retain(|c| {
                    let same = match &pair {
                        (Some(a), Some(b)) => values::compare(&a[*c], &b[*c], None).is_eq(),
                        _ => false,
                    };
                    if !same {
                        names.insert(lower(schema, *c));
                    }
                    same
                });
            }
        }
    }
    let mut kept = Vec::new();
    for (schema, _, start) in sides {
        let columns = schema.columns.len();
        kept.extend(
            (0..columns)
                .filter(|c| names.contains(&lower(schema, *c)))
                .map(|c| start + c),
        );
        // The commit and its date.
        kept.extend([start + columns, start + columns + 1]);
    }
    kept.push(shape.commit_of_from() + 2);
    Ok(kept)
}

/// `dolt_blame_$t`: the commit that last touched each row.
pub fn blame_table(maker: &TableMaker, name: &str, table: &Table) -> Result<Arc<dyn VirtualTable>> {
    let schema = table.schema().clone();
    if schema.is_keyless() {
        return Err(Error::general(
            "unable to generate blame view for table without primary key",
        ));
    }
    let mut columns: Vec<VirtualColumn> = schema
        .primary_key
        .iter()
        .map(|c| {
            column(
                &schema.columns[*c].name,
                schema.columns[*c].sql_type.clone(),
            )
        })
        .collect();
    columns.extend([
        nullable("commit", TEXT),
        nullable("commit_date", DATETIME3),
        nullable("committer", TEXT),
        nullable("email", TEXT),
        nullable("message", TEXT),
    ]);
    let name = name.to_string();
    Ok(maker.table(columns, move |scan, emit| blame(scan, &schema, &name, emit)))
}

fn blame(scan: &Scan<'_>, schema: &Arc<Schema>, name: &str, emit: Emit<'_>) -> Result<Flow> {
    let objects = scan.db.handle.store.objects();
    let head = revision::head(&scan.db)?;
    let Some((_, table)) = revision::commit_root(&scan.db, head)?.table(name)? else {
        return Ok(Flow::Continue);
    };
    // Rows whose commit is not known yet; the walk ends when there are none.
    let mut open: HashMap<Vec<u8>, ()> = HashMap::new();
    for run in table.rows()?.all()? {
        for (key, _) in run?.iter() {
            open.insert(key.to_vec(), ());
        }
    }
    let mut found: HashMap<Vec<u8>, CommitId> = HashMap::new();
    for entry in versioning::Log::new(objects, &[head], &[])? {
        if open.is_empty() {
            break;
        }
        scan.cx.check_interrupt()?;
        let (id, c) = entry?;
        let own = revision::commit_root(&scan.db, id)?
            .table(name)?
            .map(|t| t.1);
        let Some(own) = own else { continue };
        let before = match c.parents.first() {
            Some(parent) => revision::commit_root(&scan.db, *parent)?
                .table(name)?
                .map(|t| t.1),
            None => None,
        };
        if !diffable(before.as_ref(), Some(&own)) {
            break;
        }
        if c.parents.len() > 1 {
            continue;
        }
        for change in RowChanges::new(before.as_ref(), Some(&own))? {
            let change = change?;
            if let Some(item) = &change.to
                && open.remove(item.key()).is_some()
            {
                found.insert(item.key().to_vec(), id);
            }
        }
    }
    let reader = versioning::RowReader::of(&table);
    for run in table.rows()?.all()? {
        for (key, value) in run?.iter() {
            let mut row = Vec::new();
            for c in &schema.primary_key {
                let tag = schema.columns[*c].tag;
                let at = table.schema().column_by_tag(tag).map(|(i, _)| i);
                row.push(at.map_or(Ok(Value::Null), |i| reader.value(i, key, value))?);
            }
            match found.get(key) {
                Some(id) => {
                    let m = scan.db.handle.store.commit(*id)?.meta;
                    row.extend([
                        hash(id.0),
                        date(m.committer_millis as i64),
                        text(m.committer.name),
                        text(m.committer.email),
                        text(m.message),
                    ]);
                }
                None => row.extend(std::iter::repeat_n(Value::Null, 5)),
            }
            if emit(row)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    Ok(Flow::Continue)
}
