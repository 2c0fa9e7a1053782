//! Adding and dropping foreign keys.

use model::{ForeignKey, ForeignKeys, Index, MatchType, ReferentialAction, foreign_key_name};
use syntax::ast::{self, ReferenceAction};
use values::{SqlType, Tuple};

use super::{Change, rebuild};
use crate::dolt::branch_edit;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::root_state::{RootState, TableState};
use crate::session::{DbRef, Session};
use crate::view::KeyRange;

fn action(a: Option<ReferenceAction>) -> Result<ReferentialAction> {
    Ok(match a {
        None => ReferentialAction::Default,
        Some(ReferenceAction::Restrict) => ReferentialAction::Restrict,
        Some(ReferenceAction::Cascade) => ReferentialAction::Cascade,
        Some(ReferenceAction::SetNull) => ReferentialAction::SetNull,
        Some(ReferenceAction::NoAction) => ReferentialAction::NoAction,
        Some(ReferenceAction::SetDefault) => {
            return Err(Error::general("\"SET DEFAULT\" is not supported"));
        }
    })
}

/// The table of a foreign key that an index is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Child,
    Parent,
}

impl Side {
    /// The columns that count: a child gets an index of its own rather than use those of the
    /// primary key, which are part of each index.
    fn columns(self, index: &crate::table::Index) -> &[usize] {
        match self {
            Side::Child => &index.columns,
            Side::Parent => &index.key_columns,
        }
    }
}

/// The index whose leading columns are these, in any order: exact ones first, then longer ones,
/// unique ones, by name (spec 03 §12). `Some("")` is the primary key.
pub(super) fn index_over(state: &TableState, columns: &[usize], side: Side) -> Option<String> {
    let n = columns.len();
    let mut found: Vec<&crate::table::Index> = state
        .def
        .indexes
        .iter()
        .filter(|i| i.ordered && side.columns(i).len() >= n)
        .filter(|i| i.prefixes.iter().take(n).all(|p| *p == 0))
        .filter(|i| columns.iter().all(|c| side.columns(i)[..n].contains(c)))
        .collect();
    found.sort_by(|a, b| {
        (a.columns.len() != n)
            .cmp(&(b.columns.len() != n))
            .then(b.columns.len().cmp(&a.columns.len()))
            .then(b.unique.cmp(&a.unique))
            .then(a.name.cmp(&b.name))
    });
    found.first().map(|i| i.name.clone())
}

/// Whether a key begins with these columns in this order: the parent needs one, and a child
/// without one gets it.
fn has_key(state: &TableState, columns: &[usize], side: Side) -> bool {
    state.def.primary_key.starts_with(columns)
        || state.def.indexes.iter().any(|i| {
            i.ordered && i.prefixes.iter().all(|p| *p == 0) && side.columns(i).starts_with(columns)
        })
}

fn primary_over(state: &TableState, columns: &[usize]) -> bool {
    let pk = &state.def.primary_key;
    pk.len() >= columns.len() && columns.iter().all(|c| pk[..columns.len()].contains(c))
}

/// Whether two columns can be compared as keys.
fn compatible(a: &SqlType, b: &SqlType) -> bool {
    use SqlType::*;
    match (a, b) {
        (
            Int {
                width: x,
                unsigned: u,
                ..
            },
            Int {
                width: y,
                unsigned: v,
                ..
            },
        ) => x == y && u == v,
        (Char(_, x) | VarChar(_, x) | Text(_, x), Char(_, y) | VarChar(_, y) | Text(_, y)) => {
            x.get().charset.name == y.get().charset.name && x == y
        }
        (Binary(_) | VarBinary(_) | Blob(_), Binary(_) | VarBinary(_) | Blob(_)) => true,
        (Decimal { .. }, Decimal { .. }) => true,
        (DateTime(_), DateTime(_)) | (Timestamp(_), Timestamp(_)) | (Time(_), Time(_)) => true,
        (Enum(..), Enum(..)) | (Set(..), Set(..)) => true,
        (x, y) => x == y,
    }
}

/// Adds a foreign key to a table that is in the changed root.
pub(super) fn add(
    session: &Session,
    change: &mut Change<'_>,
    table: &str,
    constraint: Option<String>,
    index_name: Option<String>,
    columns: &[ast::Ident],
    references: &ast::References,
    _new_table: bool,
) -> Result<()> {
    if let Some(db) = &references.table.db
        && !db
            .split(['/', '@'])
            .next()
            .is_some_and(|d| d.eq_ignore_ascii_case(&change.db.handle.name))
    {
        return Err(Error::general(
            "only foreign keys on the same database are currently supported",
        ));
    }
    let checks = session.foreign_key_checks();
    let mut keys: ForeignKeys = (*change.root.foreign_keys()?).clone();
    let child = change.table(table)?;
    let given = constraint.clone();
    let name = match constraint {
        Some(n) => {
            super::create::check_identifier(&n)?;
            if keys.get(&n).is_some() {
                return Err(Error::fk_duplicate_name(n));
            }
            n
        }
        None => foreign_key_name(table, keys.keys.iter()),
    };
    if columns.len() != references.columns.len() {
        return Err(Error::fk_wrong_columns(
            given.as_deref().unwrap_or("foreign key without name"),
        ));
    }
    let mut child_columns = Vec::new();
    for c in columns {
        let i = child
            .def
            .column(c)
            .ok_or_else(|| Error::key_column_missing(&**c))?;
        if child_columns.contains(&i) {
            return Err(Error::duplicate_column(&**c));
        }
        child_columns.push(i);
    }
    let on_delete = action(references.on_delete)?;
    let on_update = action(references.on_update)?;
    if on_delete == ReferentialAction::SetNull || on_update == ReferentialAction::SetNull {
        for c in &child_columns {
            if !child.def.columns[*c].nullable {
                return Err(Error::new(
                    1830,
                    "HY000",
                    format!(
                        "Column '{}' cannot be NOT NULL: needed in a foreign key constraint '{name}' SET NULL",
                        child.def.columns[*c].name
                    ),
                ));
            }
        }
    }
    let changes =
        |a: ReferentialAction| matches!(a, ReferentialAction::SetNull | ReferentialAction::Cascade);
    if on_delete == ReferentialAction::SetNull || changes(on_update) {
        let schema = child.table.schema();
        let based = columns.iter().any(|c| {
            schema.columns.iter().any(|g| {
                g.generated && !g.is_virtual && super::functional_key::mentions(&g.expression, c)
            })
        });
        if based {
            return Err(Error::new(
                3192,
                "HY000",
                "Cannot add foreign key on the base column of stored column",
            ));
        }
    }
    let names = |list: &[ast::Ident]| Some(list.iter().map(|c| c.to_string()).collect::<Vec<_>>());
    let mut key = ForeignKey {
        name: name.clone(),
        child_table: child.name.clone(),
        child_index: String::new(),
        child_columns: Vec::new(),
        parent_table: references.table.name.to_string(),
        parent_index: String::new(),
        parent_columns: Vec::new(),
        on_update,
        on_delete,
        child_column_names: names(columns),
        parent_column_names: names(&references.columns),
        is_not_valid: false,
        match_type: MatchType::Simple,
    };
    let Some(parent) = change.root.table(&references.table.name)? else {
        if checks {
            return Err(Error::fk_no_parent(&*references.table.name));
        }
        keys.keys.push(key);
        if !has_key(&child, &child_columns, Side::Child) {
            child_index(change, &child, &child_columns, given.or(index_name))?;
        }
        return change.set_foreign_keys(&keys);
    };
    key.parent_table = parent.name.clone();
    let mut parent_columns = Vec::new();
    for (c, child_column) in references.columns.iter().zip(&child_columns) {
        let i = parent.def.column(c).ok_or_else(|| {
            Error::new(
                3734,
                "HY000",
                format!(
                    "Failed to add the foreign key constraint. Missing column '{c}' for constraint '{name}' in the referenced table '{}'",
                    parent.name
                ),
            )
        })?;
        let (a, b) = (&child.def.columns[*child_column], &parent.def.columns[i]);
        if !compatible(&a.ty, &b.ty) {
            return Err(Error::fk_incompatible(&a.name, &b.name, &name));
        }
        parent_columns.push(i);
    }
    if !has_key(&parent, &parent_columns, Side::Parent) {
        return Err(Error::fk_no_index(&name, &parent.name));
    }
    let parent_index = match index_over(&parent, &parent_columns, Side::Parent) {
        Some(i) => i,
        None if primary_over(&parent, &parent_columns) => String::new(),
        None => return Err(Error::fk_no_index(&name, &parent.name)),
    };
    let tags = |state: &TableState, list: &[usize]| -> Vec<u64> {
        list.iter().map(|c| state.def.columns[*c].tag).collect()
    };
    key.parent_index = parent_index;
    key.parent_columns = tags(&parent, &parent_columns);
    key.child_columns = tags(&child, &child_columns);
    // Column names as stored, not as written.
    let stored = |state: &TableState, list: &[usize]| {
        Some(
            list.iter()
                .map(|c| state.def.columns[*c].name.clone())
                .collect::<Vec<_>>(),
        )
    };
    key.child_column_names = stored(&child, &child_columns);
    key.parent_column_names = stored(&parent, &parent_columns);
    if !has_key(&child, &child_columns, Side::Child) {
        child_index(change, &child, &child_columns, given.or(index_name))?;
    }
    key.child_index =
        index_over(&*change.table(table)?, &child_columns, Side::Child).unwrap_or_default();
    if checks {
        let child = change.table(table)?;
        let parent = parent_of(change, &child, &parent)?;
        check_rows(
            &child,
            &parent,
            &key,
            &child_columns,
            &parent_columns,
            &change.db.handle.name,
        )?;
    }
    keys.keys.push(key);
    change.set_foreign_keys(&keys)
}

/// The parent as it is now: the child itself may have got an index meanwhile.
fn parent_of(
    change: &Change<'_>,
    child: &TableState,
    parent: &TableState,
) -> Result<std::sync::Arc<TableState>> {
    let name = if child.name.eq_ignore_ascii_case(&parent.name) {
        &child.name
    } else {
        &parent.name
    };
    change.table(name)
}

/// Makes the index that a foreign key needs on its own table.
fn child_index(
    change: &mut Change<'_>,
    child: &TableState,
    columns: &[usize],
    wanted: Option<String>,
) -> Result<String> {
    let mut schema = child.table.schema().edited();
    let mut existing: Vec<&str> = schema.indexes.iter().map(|i| i.name.as_str()).collect();
    existing.push("PRIMARY");
    let name = match wanted {
        Some(n) if existing.iter().any(|e| e.eq_ignore_ascii_case(&n)) => {
            return Err(Error::dup_key_name(n));
        }
        Some(n) => n,
        None => model::index_name(&schema.columns[columns[0]].name, &existing),
    };
    let mut index = Index::new(name.clone(), columns.to_vec());
    index.system_defined = true;
    schema.indexes.push(index);
    let table = child.table.with_schema(&schema)?;
    let table = rebuild::with_indexes(
        table,
        &child.name,
        &change.db.handle.name,
        std::slice::from_ref(&name),
    )?;
    change.put_table(&child.name, &table)?;
    Ok(name)
}

/// Every existing child row has a parent.
fn check_rows(
    child: &TableState,
    parent: &TableState,
    key: &ForeignKey,
    child_columns: &[usize],
    parent_columns: &[usize],
    db: &str,
) -> Result<()> {
    if child.view.primary.root.tree_count() == 0 {
        return Ok(());
    }
    let index = match key.parent_index.as_str() {
        "" => None,
        name => Some(
            parent
                .def
                .index(name)
                .ok_or_else(|| Error::general("index is missing"))?,
        ),
    };
    let tree = parent.view.tree(index);
    let order: &[usize] = match index {
        None => &parent.def.primary_key,
        Some(i) => &parent.def.indexes[i].columns,
    };
    let n = parent_columns.len();
    let mut failed = false;
    let blobs = parent.table.objects().blobs();
    crate::exec::table_rows(&child.view, &mut |slot| {
        let mut builder = values::TupleBuilder::new();
        for c in &order[..n] {
            let at = parent_columns.iter().position(|x| x == c).unwrap_or(0);
            let v =
                child
                    .view
                    .primary
                    .layout
                    .column(child_columns[at], slot.key(), slot.value())?;
            if v.is_null() {
                return Ok(Flow::Continue);
            }
            let Some(Some(place)) = tree.layout.places.get(*c) else {
                return Ok(Flow::Continue);
            };
            builder
                .push_with(|b| values::encode_field(place.encoding, &place.ty, &v, &blobs, b))?;
        }
        let tuple = builder.finish()?;
        let mut found = false;
        tree.scan(None, &KeyRange::prefix(&tuple, n), false, &mut |_| {
            found = true;
            Ok(Flow::Stop)
        })?;
        let _ = Tuple(&tuple);
        if !found {
            failed = true;
            return Ok(Flow::Stop);
        }
        Ok(Flow::Continue)
    })?;
    if failed {
        let names = |list: &Option<Vec<String>>| {
            list.iter()
                .flatten()
                .map(|c| format!("`{c}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        return Err(Error::fk_child(format!(
            "`{db}`.`{}`, CONSTRAINT `{}` FOREIGN KEY ({}) REFERENCES `{}` ({})",
            key.child_table,
            key.name,
            names(&key.child_column_names),
            key.parent_table,
            names(&key.parent_column_names),
        )));
    }
    Ok(())
}

/// Gives keys that waited for a table their columns before rows of `table` are written: those of
/// the table itself, and those that refer to it when rows may go or change. A new parent alone
/// does not do it, which decides the bytes of the root.
pub fn resolve_before_write(
    session: &Session,
    db: &DbRef,
    table: &str,
    as_parent: bool,
) -> Result<()> {
    let concerns = |k: &ForeignKey| {
        !k.is_resolved()
            && (k.child_table.eq_ignore_ascii_case(table)
                || as_parent && k.parent_table.eq_ignore_ascii_case(table))
    };
    let latest = session.branch_changes(db)?.latest.clone();
    if !latest.foreign_keys()?.keys.iter().any(concerns) || !session.foreign_key_checks() {
        return Ok(());
    }
    let Some(keys) = resolved(&latest, concerns)? else {
        return Ok(());
    };
    branch_edit::edit(session, db, |e| {
        let root = e.working()?.with_foreign_keys(&keys)?;
        e.set_working(&root)
    })
}

/// The keys of a root with columns given to those that are wanted and can have them; none when
/// there are none.
fn resolved(root: &RootState, wanted: impl Fn(&ForeignKey) -> bool) -> Result<Option<ForeignKeys>> {
    let before = root.foreign_keys()?;
    let mut keys = (*before).clone();
    for k in keys.keys.iter_mut().filter(|k| wanted(k)) {
        let (Some(child), Some(parent)) =
            (root.table(&k.child_table)?, root.table(&k.parent_table)?)
        else {
            continue;
        };
        let find = |state: &TableState, names: &Option<Vec<String>>| -> Option<Vec<usize>> {
            names
                .as_ref()?
                .iter()
                .map(|n| state.def.column(n))
                .collect()
        };
        let (Some(c), Some(p)) = (
            find(&child, &k.child_column_names),
            find(&parent, &k.parent_column_names),
        ) else {
            continue;
        };
        let over =
            |state: &TableState, columns: &[usize], side| match index_over(state, columns, side) {
                _ if primary_over(state, columns)
                    && state.def.primary_key.len() == columns.len() =>
                {
                    Some(String::new())
                }
                Some(i) => Some(i),
                None if primary_over(state, columns) => Some(String::new()),
                None => None,
            };
        let (Some(ci), Some(pi)) = (
            over(&child, &c, Side::Child),
            over(&parent, &p, Side::Parent),
        ) else {
            continue;
        };
        k.child_index = ci;
        k.parent_index = pi;
        k.child_columns = c.iter().map(|i| child.def.columns[*i].tag).collect();
        k.parent_columns = p.iter().map(|i| parent.def.columns[*i].tag).collect();
    }
    Ok((keys != *before).then_some(keys))
}
