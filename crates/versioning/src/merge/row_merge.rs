//! Merging the rows of a table (spec 05 §5).

use chunks::Hash;
use model::{Schema, Table};
use prolly::{Change, Diff, Edit, ThreeWay, ThreeWayDiff, TupleMap};
use values::Tuple;

use super::cell_merge::{CellMerge, Cells, Side, Sources, same_fields};
use super::column_merge::MergeInfo;
use super::index_build::build_index;
use super::index_merge::same_index;
use super::root_merge::{Operation, TableStats};
use super::secondary::SecondaryMerge;
use super::unique::UniqueWatch;
use super::violation_info;
use crate::artifact::{ArtifactKind, Artifacts};
use crate::{Error, Result, RowLogic};

/// The three versions of a table, and where they come from.
pub struct TableVersions<'a> {
    /// The name.
    pub name: &'a str,
    /// Ours.
    pub left: &'a Table,
    /// Theirs.
    pub right: &'a Table,
    /// The base.
    pub base: &'a Table,
    /// The commit, working set or root that theirs is of.
    pub theirs: Hash,
    /// The one that the base is of.
    pub ancestor: Hash,
    /// Whether violations are recorded.
    pub record: bool,
    /// Evaluates expressions.
    pub logic: &'a dyn RowLogic,
}

/// A row that one side or both changed.
enum Event {
    LeftPut(Vec<u8>),
    LeftDelete,
    RightAdd(Vec<u8>),
    RightModify(Vec<u8>, Vec<u8>),
    RightDelete(Vec<u8>),
    ConvergentPut(Vec<u8>),
    ConvergentDelete,
    Merged(Vec<u8>, Vec<u8>),
    DeleteResolved(Option<Vec<u8>>),
    Conflict(Option<Vec<u8>>),
}

struct RowMerge<'a> {
    v: &'a TableVersions<'a>,
    cells: &'a CellMerge,
    edits: Vec<Edit>,
    artifacts: Artifacts,
    stats: TableStats,
    left_rewrite: bool,
    right_rewrite: bool,
    left_rows: TupleMap,
    left_is_base: bool,
    generated: bool,
    /// Both sides store other columns, so that equal bytes need not be equal rows.
    same_bytes_differ: bool,
}

fn side_of(change: &Change) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    (
        change.from_value().map(<[u8]>::to_vec),
        change.to_value().map(<[u8]>::to_vec),
    )
}

/// What the fields of a value tuple are of.
fn stored_columns(layout: &model::TableLayout) -> impl Iterator<Item = u64> + '_ {
    let columns = &layout.schema().columns;
    layout.value_columns().iter().map(|c| columns[*c].tag)
}

/// The merged table and how it came about.
pub fn merge_rows(
    v: &TableVersions<'_>,
    schema: &Schema,
    info: MergeInfo,
) -> Result<(Table, TableStats)> {
    let objects = v.left.objects();
    let layout = objects.write_schema(schema)?;
    let cells = CellMerge::new(
        layout.clone(),
        [v.left.layout(), v.right.layout(), v.base.layout()],
        &objects.blobs(),
        v.logic,
    );
    let keyless = schema.is_keyless();
    let rewrite = |flag: bool, side| {
        flag || !cells.is_in_order(side)
            || !keyless && !same_fields(&layout, cells.reader(side).layout())
    };
    let artifacts = Artifacts::merged(v.name, v.left, v.right, v.base)?;
    check_conflict_schemas(v)?;
    let left_rows = v.left.rows()?;
    let mut merge = RowMerge {
        left_rewrite: rewrite(info.left_rewrite, Side::Left),
        right_rewrite: rewrite(info.right_rewrite, Side::Right),
        left_is_base: v.left.layout().schema_hash() == v.base.layout().schema_hash(),
        same_bytes_differ: !keyless
            && stored_columns(v.left.layout()).ne(stored_columns(v.right.layout())),
        generated: cells
            .columns
            .iter()
            .any(|c| schema.columns[c.merged].generated),
        v,
        cells: &cells,
        edits: Vec::new(),
        artifacts,
        stats: TableStats {
            operation: Operation::Modified,
            ..TableStats::default()
        },
        left_rows: left_rows.clone(),
    };
    let watched: Vec<usize> = (0..schema.indexes.len())
        .filter(|i| schema.indexes[*i].unique)
        .filter(|i| {
            let index = &schema.indexes[*i];
            let ours = v.left.schema();
            let same = |o: &&model::Index| o.name == index.name;
            let found = ours.indexes.iter().find(same);
            found.is_some_and(|o| same_index(ours, o, schema, index))
        })
        .collect();
    let mut unique = UniqueWatch::new(v.name, v.left, &cells.merged, &watched, v.theirs, v.logic)?;
    let mut secondary = SecondaryMerge::new(
        v.name,
        v.left,
        &cells.left,
        &cells.merged,
        info.invalidates_indexes,
        v.logic,
    )?;
    let base_rows = v.base.rows()?;
    let side = |rows: &TupleMap, everything: bool| -> Diff {
        let diff = base_rows.diff(rows);
        match everything {
            true => diff.with_everything(),
            false => diff,
        }
    };
    let left_diff = side(&left_rows, info.left_changed);
    let right_diff = side(&v.right.rows()?, info.right_changed);
    let mut events = ThreeWayDiff::of(left_diff, right_diff, base_rows.order().clone());
    while let Some(event) = events.next_event()? {
        let key = event.key().to_vec();
        let event = merge.classify(&key, event)?;
        merge.apply(&key, event, &mut unique, &mut secondary)?;
    }
    merge.finish(schema, &secondary)
}

/// Conflicts that are still open must have the schemas of this merge (spec 05 §10.4).
fn check_conflict_schemas(v: &TableVersions<'_>) -> Result<()> {
    if v.left.artifacts().is_empty() {
        return Ok(());
    }
    let open = crate::conflict::Conflicts::of(v.name, v.left)?;
    if open.is_empty() {
        return Ok(());
    }
    let same = |a: &Schema, b: &Schema| {
        a.columns.len() == b.columns.len()
            && a.columns
                .iter()
                .zip(&b.columns)
                .all(|(x, y)| super::column_merge::same_column(x, y))
    };
    if same(open.base().schema(), v.base.schema()) && same(open.theirs().schema(), v.right.schema())
    {
        return Ok(());
    }
    Err(Error::refused(
        "the existing conflicts are of a different schema than the conflicts generated by this merge. Please resolve them and try again",
    ))
}

impl RowMerge<'_> {
    fn classify(&self, key: &[u8], event: ThreeWay) -> Result<Event> {
        Ok(match event {
            ThreeWay::Left(change) => match side_of(&change) {
                (_, Some(new)) => Event::LeftPut(new),
                _ => Event::LeftDelete,
            },
            ThreeWay::Right(change) => match side_of(&change) {
                (None, Some(new)) => Event::RightAdd(new),
                (Some(old), Some(new)) => Event::RightModify(old, new),
                (Some(old), None) => Event::RightDelete(old),
                (None, None) => Event::LeftDelete,
            },
            ThreeWay::Both(change) => match side_of(&change) {
                (old, Some(new)) if self.same_bytes_differ => {
                    match self
                        .cells
                        .merge(key, Some(&new), Some(&new), old.as_deref())?
                    {
                        Cells::Row(row) if row != new => Event::Merged(new, row),
                        Cells::Row(_) => Event::ConvergentPut(new),
                        Cells::Deleted => Event::DeleteResolved(Some(new)),
                        Cells::Conflict => Event::Conflict(Some(new)),
                    }
                }
                (_, Some(new)) => Event::ConvergentPut(new),
                _ => Event::ConvergentDelete,
            },
            ThreeWay::Conflict { base, left, right } => {
                let bytes = |item: &Option<prolly::Item>| item.as_ref().map(|i| i.value().to_vec());
                let (b, l, r) = (bytes(&base), bytes(&left), bytes(&right));
                match self
                    .cells
                    .merge(key, l.as_deref(), r.as_deref(), b.as_deref())?
                {
                    Cells::Conflict => Event::Conflict(l),
                    Cells::Deleted => Event::DeleteResolved(l),
                    Cells::Row(row) => Event::Merged(l.unwrap_or_default(), row),
                }
            }
        })
    }

    fn apply(
        &mut self,
        key: &[u8],
        event: Event,
        unique: &mut UniqueWatch<'_>,
        secondary: &mut SecondaryMerge<'_>,
    ) -> Result<()> {
        self.stats.violations += self.check_unique(key, &event, unique)?;
        let missing = self.check_not_null(key, &event, secondary)?;
        if missing > 0 {
            self.stats.violations += missing;
            return Ok(());
        }
        self.check_checks(key, &event)?;
        let logic = self.v.logic;
        match event {
            Event::LeftPut(row) => self.rewrite_left(key, Some(&row))?,
            Event::LeftDelete => {}
            Event::RightAdd(row) => {
                self.stats.adds += 1;
                let row = self.right_row(key, row)?;
                secondary.replace(key, None, Some(&row))?;
                self.put(key, row);
            }
            Event::RightModify(old, row) => {
                self.stats.modifications += 1;
                let row = self.right_row(key, row)?;
                let old = self.left_row(key, old)?;
                secondary.replace(key, old.as_deref(), Some(&row))?;
                self.put(key, row);
            }
            Event::RightDelete(old) => {
                self.stats.deletes += 1;
                let old = self.left_row(key, old)?;
                secondary.replace(key, old.as_deref(), None)?;
                self.edits.push(Edit::remove(key.to_vec()));
            }
            Event::DeleteResolved(left) => {
                self.stats.deletes += 1;
                secondary.replace(key, left.as_deref(), None)?;
                self.edits.push(Edit::remove(key.to_vec()));
            }
            Event::Merged(left, row) => {
                self.stats.modifications += 1;
                let row = match self.generated {
                    true => self.cells.regenerate(self.v.name, key, &row, logic)?,
                    false => row,
                };
                secondary.replace(key, Some(&left), Some(&row))?;
                self.put(key, row);
            }
            Event::Conflict(left) => {
                self.conflict(key)?;
                self.rewrite_left(key, left.as_deref())?;
            }
            Event::ConvergentPut(_) | Event::ConvergentDelete => {
                if self.cells.merged.schema().is_keyless() {
                    self.conflict(key)?;
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, key: &[u8], row: Vec<u8>) {
        self.edits.push(Edit::put(key.to_vec(), row));
    }

    fn conflict(&mut self, key: &[u8]) -> Result<()> {
        self.artifacts
            .add_conflict(key, &self.v.theirs, &self.v.ancestor)
    }

    /// What ours has of a row that only theirs changed.
    fn left_row(&self, key: &[u8], base: Vec<u8>) -> Result<Option<Vec<u8>>> {
        if self.left_is_base {
            return Ok(Some(base));
        }
        Ok(self.left_rows.get(key)?.map(|i| i.value().to_vec()))
    }

    fn right_row(&self, key: &[u8], row: Vec<u8>) -> Result<Vec<u8>> {
        if self.cells.merged.schema().is_keyless() {
            return match self.cells.is_in_order(Side::Right) {
                true => Ok(row),
                false => Err(reordered()),
            };
        }
        match self.right_rewrite {
            true => self
                .cells
                .remap(Side::Right, self.v.name, key, &row, self.v.logic),
            false => Ok(row),
        }
    }

    /// Our row as the merged table stores it.
    fn rewrite_left(&mut self, key: &[u8], row: Option<&[u8]>) -> Result<()> {
        if !self.left_rewrite {
            return Ok(());
        }
        let Some(row) = row else {
            self.edits.push(Edit::remove(key.to_vec()));
            return Ok(());
        };
        if self.cells.merged.schema().is_keyless() {
            return match self.cells.is_in_order(Side::Left) {
                true => Ok(()),
                false => Err(reordered()),
            };
        }
        let new = self
            .cells
            .remap(Side::Left, self.v.name, key, row, self.v.logic)?;
        self.put(key, new);
        Ok(())
    }

    /// A side's bytes in the order of the merged columns, without conversion.
    fn reordered(&self, side: Side, key: &[u8], row: &[u8]) -> Result<Vec<u8>> {
        let keyless = self.cells.merged.schema().is_keyless();
        if keyless || self.cells.is_in_order(side) {
            return Ok(row.to_vec());
        }
        let reader = self.cells.reader(side);
        let fields: Vec<Option<&[u8]>> = self
            .cells
            .columns
            .iter()
            .map(|c| side.of(c).and_then(|at| reader.field(at, key, row)))
            .collect();
        Ok(values::tuple::tuple_of(&fields)?)
    }

    fn check_unique(
        &mut self,
        key: &[u8],
        event: &Event,
        unique: &mut UniqueWatch<'_>,
    ) -> Result<i64> {
        let row = match event {
            Event::RightAdd(row) | Event::RightModify(_, row) => {
                self.reordered(Side::Right, key, row)?
            }
            Event::LeftPut(row) => self.reordered(Side::Left, key, row)?,
            Event::Merged(_, row) => row.clone(),
            Event::RightDelete(old) => return unique.remove(key, old, &mut self.artifacts),
            _ => return Ok(0),
        };
        unique.put(key, &row, self.v.record, &mut self.artifacts)
    }

    fn check_not_null(
        &mut self,
        key: &[u8],
        event: &Event,
        secondary: &mut SecondaryMerge<'_>,
    ) -> Result<i64> {
        let (side, row, left) = match event {
            Event::RightAdd(row) | Event::RightModify(_, row) => (Some(Side::Right), row, None),
            Event::LeftPut(row) => (Some(Side::Left), row, Some(row)),
            Event::Merged(left, row) => (None, row, Some(left)),
            _ => return Ok(0),
        };
        let schema = self.cells.merged.schema();
        let is_missing = |c: &Sources| match side {
            None => self.cells.merged.field(c.merged, key, row).is_none(),
            Some(side) => match side.of(c) {
                None => schema.columns[c.merged].default_text().is_none(),
                Some(at) => self.cells.reader(side).field(at, key, row).is_none(),
            },
        };
        let missing: Vec<&str> = self
            .cells
            .columns
            .iter()
            .filter(|c| !schema.columns[c.merged].nullable && is_missing(c))
            .map(|c| schema.columns[c.merged].name.as_str())
            .collect();
        if missing.is_empty() {
            return Ok(0);
        }
        let info = violation_info::not_null(&missing);
        let count = missing.len() as i64;
        let theirs = self.v.theirs;
        self.artifacts
            .put_violation(key, &theirs, ArtifactKind::NotNull, &info, row)?;
        if let Some(left) = left {
            secondary.replace(key, Some(left), None)?;
            self.edits.push(Edit::remove(key.to_vec()));
        }
        Ok(count)
    }

    fn check_checks(&mut self, key: &[u8], event: &Event) -> Result<()> {
        let schema = self.cells.merged.layout().schema().clone();
        if !self.v.record || !schema.checks.iter().any(|c| c.enforced) {
            return Ok(());
        }
        let logic = self.v.logic;
        let keyless = schema.is_keyless();
        let in_merged_form = |side, row: &Vec<u8>| match keyless || self.cells.is_identity(side) {
            true => Ok(row.clone()),
            false => self.cells.remap(side, self.v.name, key, row, logic),
        };
        let row = match event {
            Event::LeftPut(row) | Event::ConvergentPut(row) => in_merged_form(Side::Left, row)?,
            Event::RightAdd(row) | Event::RightModify(_, row) => in_merged_form(Side::Right, row)?,
            Event::Merged(_, row) => row.clone(),
            _ => return Ok(()),
        };
        let values = self.cells.merged.row(key, &row)?;
        for check in schema.checks.iter().filter(|c| c.enforced) {
            if logic.check_holds(self.v.name, &schema, check, &values)? {
                continue;
            }
            self.stats.violations += 1;
            let (info, theirs) = (violation_info::check(check), self.v.theirs);
            self.artifacts
                .put_violation(key, &theirs, ArtifactKind::Check, &info, &row)?;
        }
        Ok(())
    }

    fn finish(
        mut self,
        schema: &Schema,
        secondary: &SecondaryMerge<'_>,
    ) -> Result<(Table, TableStats)> {
        let left = self.v.left;
        let mut table = left.with_schema(&schema.edited())?;
        let shape = table.empty_rows()?;
        let rows = TupleMap::from_root(
            left.objects().nodes().clone(),
            self.left_rows.root().clone(),
            shape.order().clone(),
            shape.format().clone(),
        );
        table = table.with_rows(&rows.edit_beside(&self.edits)?);
        let mut maps = Vec::with_capacity(schema.indexes.len());
        for (i, index) in schema.indexes.iter().enumerate() {
            let map = match secondary.finish(i)? {
                Some(map) => map,
                None if index.vector.is_some() && self.edits.is_empty() => {
                    left.index(&index.name)?
                }
                None => {
                    let artifacts = Some((&mut self.artifacts, &self.v.theirs));
                    build_index(self.v.name, &table, i, artifacts, self.v.logic)?
                }
            };
            maps.push((index.name.as_str(), map));
        }
        // Those that went with the merge, and what earlier rewrites left.
        for entry in left.index_map().iter()? {
            let (name, _) = entry.map_err(model::ModelError::from)?;
            if !schema.indexes.iter().any(|i| i.name.as_bytes() == name) {
                table = table.without_index(&String::from_utf8_lossy(&name))?;
            }
        }
        table = table.with_indexes(maps.iter().map(|(name, map)| (*name, map)))?;
        table = self.artifacts.store_in(&table)?;
        self.stats.data_conflicts = self.artifacts.counts()?.0;
        if left.schema().auto_increment_column().is_some() {
            let next = left.auto_increment().max(self.v.right.auto_increment());
            table = table.with_auto_increment(next);
        }
        Ok((table, self.stats))
    }
}

fn reordered() -> Error {
    Error::refused("cannot merge keyless tables with reordered columns")
}

/// Whether a tuple has NULL among its first fields.
pub(crate) fn has_null(tuple: &[u8], fields: usize) -> bool {
    (0..fields).any(|i| Tuple(tuple).field(i).is_none())
}
