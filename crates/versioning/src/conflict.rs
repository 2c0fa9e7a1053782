//! Reading and resolving conflicts (spec 05 §11.2, §12).

use std::collections::HashMap;

use chunks::Hash;
use model::{Commit, CommitId, Objects, Root, RootId, Table, WorkingSet};
use prolly::Edit;
use serial::FileId;

use crate::artifact::{Artifact, ArtifactKind, Artifacts};
use crate::merge::resolve_rows;
use crate::{Error, Result, RowLogic};

/// The root that a commit, working set or root value stands for.
pub fn root_of_rootish(objects: &Objects, hash: &Hash) -> Result<Root> {
    let chunk = objects.read(hash)?;
    let id = match serial::file_id(chunk.bytes()) {
        Some(FileId::COMMIT) => Commit::open(objects, CommitId(*hash))?.root,
        Some(FileId::WORKING_SET) => WorkingSet::decode(chunk.bytes())?.working,
        _ => RootId(*hash),
    };
    Ok(Root::open(objects, id)?)
}

/// A conflict with the rows as they are now.
#[derive(Clone, Debug)]
pub struct DataConflict {
    /// The conflict.
    pub artifact: Artifact,
    /// The value tuple in the base.
    pub base: Option<Vec<u8>>,
    /// The value tuple in the table.
    pub ours: Option<Vec<u8>>,
    /// The value tuple where the conflict came from.
    pub theirs: Option<Vec<u8>>,
}

impl DataConflict {
    /// `our_diff_type` or `their_diff_type`.
    pub fn diff_type(&self, side: &Option<Vec<u8>>) -> &'static str {
        match (&self.base, side) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "modified",
        }
    }
}

/// The conflicts of a table.
pub struct Conflicts {
    name: String,
    ours: Table,
    base: Table,
    theirs: Table,
    open: Vec<Artifact>,
    tables: HashMap<Hash, Option<Table>>,
}

fn table_of(name: &str, objects: &Objects, rootish: &Hash) -> Result<Option<Table>> {
    Ok(root_of_rootish(objects, rootish)?.table(name)?.map(|t| t.1))
}

impl Conflicts {
    /// The conflicts of a table. Without any, all three versions are the table.
    pub fn of(name: &str, table: &Table) -> Result<Conflicts> {
        let mut open = match table.artifacts().is_empty() {
            true => Vec::new(),
            false => Artifacts::of(table)?.all()?,
        };
        open.retain(|a| a.kind == ArtifactKind::Conflict);
        let (mut base, mut theirs) = (table.clone(), table.clone());
        if let Some(first) = open.first() {
            base = match table_of(name, table.objects(), &first.base()?)? {
                Some(base) => base,
                None => Table::new(table.objects(), table.schema())?,
            };
            theirs = table_of(name, table.objects(), &first.from)?.ok_or_else(|| {
                Error::refused(format!("could not find tbl {name} in right root value"))
            })?;
        }
        Ok(Conflicts {
            name: name.to_owned(),
            ours: table.clone(),
            base,
            theirs,
            open,
            tables: HashMap::new(),
        })
    }

    /// Our table.
    pub fn ours(&self) -> &Table {
        &self.ours
    }

    /// The table in the base.
    pub fn base(&self) -> &Table {
        &self.base
    }

    /// The table where the first conflict came from.
    pub fn theirs(&self) -> &Table {
        &self.theirs
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn row_in(&mut self, rootish: &Hash, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if !self.tables.contains_key(rootish) {
            let table = table_of(&self.name, self.ours.objects(), rootish)?;
            self.tables.insert(*rootish, table);
        }
        match self.tables.get(rootish) {
            Some(Some(table)) => Ok(table.rows()?.get(key)?.map(|i| i.value().to_vec())),
            _ => Ok(None),
        }
    }

    /// The `i`-th conflict.
    pub fn conflict(&mut self, i: usize) -> Result<Option<DataConflict>> {
        let Some(artifact) = self.open.get(i).cloned() else {
            return Ok(None);
        };
        let base = self.row_in(&artifact.base()?, &artifact.row_key)?;
        let theirs = self.row_in(&artifact.from, &artifact.row_key)?;
        let ours = self.ours.rows()?.get(&artifact.row_key)?;
        Ok(Some(DataConflict {
            base,
            theirs,
            ours: ours.map(|i| i.value().to_vec()),
            artifact,
        }))
    }
}

/// The table without conflicts, its rows as they are.
pub fn resolve_ours(table: &Table) -> Result<Table> {
    let mut artifacts = Artifacts::of(table)?;
    artifacts.remove_conflicts()?;
    artifacts.store_in(table)
}

/// The table without conflicts, with their rows where there was one.
pub fn resolve_theirs(name: &str, table: &Table, logic: &dyn RowLogic) -> Result<Table> {
    let mut conflicts = Conflicts::of(name, table)?;
    let columns = |t: &Table| -> Vec<(String, values::SqlType, bool)> {
        let schema = t.schema();
        let all = schema.columns.iter();
        all.map(|c| (c.name.clone(), c.sql_type.clone(), c.primary_key))
            .collect()
    };
    if columns(table) != columns(conflicts.theirs()) {
        return Err(Error::refused(
            "the conflict schema's columns are not equal to the current schema's columns, please resolve manually",
        ));
    }
    let mut edits = Vec::with_capacity(conflicts.len());
    for i in 0..conflicts.len() {
        if let Some(conflict) = conflicts.conflict(i)? {
            edits.push((
                Edit {
                    key: conflict.artifact.row_key,
                    value: conflict.theirs,
                },
                conflict.ours,
            ));
        }
    }
    // Of several conflicts of one row, from several merges, the last in key order wins.
    let theirs = conflicts.theirs().clone();
    resolve_ours(&resolve_rows(name, table, &theirs, edits, logic)?)
}
