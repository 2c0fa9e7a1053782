//! `dolt_workspace_$t`: changes of a table that are not committed, and moving them one by one
//! (spec 04 §6.5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Root, Schema, Table};
use prolly::Edit;
use values::Value;
use versioning::{ColumnMap, RowChange, RowChanges, find_foreign_key_violations};

use super::diff::{diffable, tables_of, unheld_warning};
use super::{BOOL, NAME, TableMaker, UBIGINT, boolean, column, key, nullable, text};
use crate::dolt::branch_edit::{BranchEdit, edit};
use crate::dolt::logic::SessionLogic;
use crate::dolt::revision;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::root_state::TableState;
use crate::session::{DbRef, Session};
use crate::virtual_table::{VirtualColumn, VirtualTable};

/// The three versions of a table's rows.
struct Roots {
    head: Root,
    staged: Root,
    working: Root,
}

/// Both sides of a difference.
type Sides<'a> = (&'a Option<Table>, &'a Option<Table>);

impl Roots {
    /// As the session sees them.
    fn seen(session: &Session, db: &DbRef) -> Result<Roots> {
        Ok(Roots {
            head: revision::commit_root(db, revision::head(db)?)?,
            staged: revision::staged_root(session, db)?,
            working: revision::working_root(session, db)?,
        })
    }

    /// The versions of a table: of HEAD, staged, working.
    fn tables(&self, name: &str) -> Result<[Option<Table>; 3]> {
        let table = |root: &Root| -> Result<Option<Table>> {
            Ok(root.table(name)?.map(|(_, table)| table))
        };
        Ok([
            table(&self.head)?,
            table(&self.staged)?,
            table(&self.working)?,
        ])
    }

    /// Changes from HEAD to what is staged, then from there to the working set, by number.
    fn changes(
        &self,
        name: &str,
        each: &mut dyn FnMut(u64, bool, &RowChange, Sides<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        let mut id = 0;
        let steps = [
            (&self.head, &self.staged, true),
            (&self.staged, &self.working, false),
        ];
        for (from, to, is_staged) in steps {
            let (a, b) = tables_of(from, to, name)?;
            if !diffable(a.as_ref(), b.as_ref()) {
                continue;
            }
            for change in RowChanges::new(a.as_ref(), b.as_ref())? {
                let change = change?;
                for _ in 0..change.count {
                    if each(id, is_staged, &change, (&a, &b))? == Flow::Stop {
                        return Ok(Flow::Stop);
                    }
                    id += 1;
                }
            }
        }
        Ok(Flow::Continue)
    }
}

/// `dolt_workspace_$t`: the new values in the columns of the working set, the old ones in those of
/// HEAD, or of the version that there is; none if there is no version.
pub fn workspace_table(
    session: &Session,
    db: &DbRef,
    maker: &TableMaker,
    name: &str,
) -> Result<Option<Arc<dyn VirtualTable>>> {
    let roots = Roots::seen(session, db)?;
    let [head, staged, working] = roots.tables(name)?;
    let newest = working.or(staged).or(head.clone());
    let Some(newest) = newest else {
        return Ok(None);
    };
    let to = newest.schema().clone();
    let from = head.map_or_else(|| to.clone(), |t| t.schema().clone());
    let columns = columns(&to, &from);
    let name = name.to_string();
    let table = maker.table(columns, move |scan, emit| {
        let roots = Roots::seen(scan.session(), &scan.db)?;
        // The maps of the difference that is being read.
        let mut maps: Option<(bool, [Option<ColumnMap>; 2])> = None;
        roots.changes(&name, &mut |id, is_staged, change, (before, after)| {
            if maps.as_ref().is_none_or(|m| m.0 != is_staged) {
                let map = |t: &Option<Table>, s: &Schema| t.as_ref().map(|t| ColumnMap::new(t, s));
                maps = Some((is_staged, [map(after, &to), map(before, &from)]));
            }
            let mut row = vec![Value::UInt(id), boolean(is_staged), text(change.kind())];
            let sides = [(&change.to, &to), (&change.from, &from)];
            for ((side, schema), map) in sides.into_iter().zip(maps.iter().flat_map(|m| &m.1)) {
                match (side, map) {
                    (Some(item), Some(map)) => {
                        row.extend(map.row_telling(item, &mut |u| unheld_warning(scan, &u))?);
                    }
                    _ => row.extend(std::iter::repeat_n(Value::Null, schema.columns.len())),
                }
            }
            emit(row)
        })
    });
    Ok(Some(table))
}

/// As [`workspace_table`], of a table that comes with its first row.
pub fn empty_table(maker: &TableMaker, _: &str, table: &Table) -> Result<Arc<dyn VirtualTable>> {
    let columns = columns(table.schema(), table.schema());
    Ok(maker.table(columns, |_, _| Ok(Flow::Continue)))
}

fn columns(to: &Schema, from: &Schema) -> Vec<VirtualColumn> {
    let mut columns = vec![
        key("id", UBIGINT),
        column("staged", BOOL),
        column("diff_type", NAME),
    ];
    for (prefix, schema) in [("to", to), ("from", from)] {
        columns.extend(
            schema
                .columns
                .iter()
                .map(|c| nullable(&format!("{prefix}_{}", c.name), c.sql_type.clone())),
        );
    }
    columns
}

/// What becomes of changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// They are staged.
    Stage,
    /// They are no longer staged.
    Unstage,
    /// They are taken back in the working set.
    Revert,
}

/// Does something with the changes of these numbers.
pub fn change(
    session: &Session,
    db: &DbRef,
    name: &str,
    ids: &BTreeSet<u64>,
    action: Change,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    edit(session, db, |e| apply(e, name, ids, action))
}

fn apply(e: &mut BranchEdit<'_>, name: &str, ids: &BTreeSet<u64>, action: Change) -> Result<()> {
    let roots = Roots {
        head: e.head_root()?,
        staged: e.staged()?,
        working: e.working()?,
    };
    let versions = [&roots.head, &roots.staged, &roots.working];
    let tables = versions.map(|r| r.table(name));
    let mut found = Vec::new();
    for table in tables {
        found.extend(table?);
    }
    let Some((stored, some)) = found.last().cloned() else {
        return Err(Error::unknown_table_missing(&e.handle.name, name));
    };
    let schema = some.schema();
    if found.iter().any(|(_, t)| t.schema() != schema) {
        return Err(Error::general(format!(
            "dolt_workspace_{stored} table is not modifiable due to schema change"
        )));
    }
    if schema.is_keyless() {
        return Err(Error::not_supported(
            "changes of dolt_workspace of a table without primary key",
        ));
    }
    let root = match action {
        Change::Revert => &roots.working,
        Change::Stage | Change::Unstage => &roots.staged,
    };
    let objects = e.handle.store.objects();
    let table = match root.table(name)? {
        Some((_, table)) => table,
        None => Table::new(objects, schema)?,
    };
    let mut edits: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
    roots.changes(name, &mut |id, _, change, _| {
        if ids.contains(&id) {
            let (keep, other) = match action {
                Change::Stage => (&change.to, &change.from),
                Change::Unstage | Change::Revert => (&change.from, &change.to),
            };
            if let Some(item) = keep.as_ref().or(other.as_ref()) {
                let value = keep.as_ref().map(|item| item.value().to_vec());
                edits.insert(item.key().to_vec(), value);
            }
        }
        Ok(Flow::Continue)
    })?;
    let mut list = Vec::with_capacity(edits.len());
    for (key, value) in &edits {
        let there = table.rows()?.get(key)?.map(|i| i.value().to_vec());
        let (key, value) = (key.clone(), value.clone());
        list.push((Edit { key, value }, there));
    }
    let desc = table.layout().key_desc().clone();
    list.sort_by(|a, b| desc.compare(&a.0.key, &b.0.key));
    let logic = SessionLogic::new(e.session, objects);
    let edited = versioning::replace_rows(&stored, &table, list, &logic)?;
    let state = TableState::new(&stored, edited.hash()?, edited.clone(), &e.handle.name)?;
    for (key, value) in &edits {
        crate::transaction::check_unique_row(&state, key, value.as_deref())?;
    }
    let after = root.with_table(&stored, &edited)?;
    if action != Change::Revert {
        return e.set_staged(&after);
    }
    let checked = find_foreign_key_violations(&after, root, None, &e.head.0)?;
    if checked.id()? != after.id()? {
        return Err(Error::new(
            1452,
            "23000",
            format!("Cannot take changes of {stored} back: a foreign key constraint fails"),
        ));
    }
    e.set_working(&after)
}
