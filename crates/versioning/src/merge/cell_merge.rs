//! Merging two versions of a row cell by cell (spec 05 §5.4).

use model::{Blobs, Schema, TableLayout};
use std::sync::Arc;
use values::{Collation, OwnedValue, SqlType, Value, compare};

use super::json_merge::merge_json;
use crate::row_logic::RowLogic;
use crate::row_reader::{RowReader, convert};
use crate::{Error, Result};

/// Where a merged column comes from on each side, as positions in their schemas.
#[derive(Clone, Copy, Debug)]
pub struct Sources {
    /// Position in the merged schema.
    pub merged: usize,
    /// In ours.
    pub left: Option<usize>,
    /// In theirs.
    pub right: Option<usize>,
    /// In the base.
    pub base: Option<usize>,
}

/// What merging a row gave.
pub enum Cells {
    /// The changes contradict each other.
    Conflict,
    /// The row goes.
    Deleted,
    /// The merged value tuple.
    Row(Vec<u8>),
}

/// The layouts of the three versions and of the merged table.
pub struct CellMerge {
    /// The merged table.
    pub merged: RowReader,
    /// Ours.
    pub left: RowReader,
    /// Theirs.
    pub right: RowReader,
    /// The base.
    pub base: RowReader,
    /// The stored columns outside the key.
    pub columns: Vec<Sources>,
    /// The base's columns with their places in ours and theirs.
    base_columns: Vec<Sources>,
    merges_json: bool,
}

/// A column outside the key by tag, else by its exact name.
fn place_in(layout: &TableLayout, tag: u64, name: &str) -> Option<usize> {
    let columns = &layout.schema().columns;
    let values = layout.value_columns();
    let by_tag = values.iter().find(|c| columns[**c].tag == tag);
    let found = by_tag.or_else(|| values.iter().find(|c| columns[**c].name == name));
    found.copied()
}

fn collation(t: &SqlType) -> Option<&'static Collation> {
    match t {
        SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => Some(c.get()),
        _ => None,
    }
}

fn differ(t: &SqlType, a: &OwnedValue, b: &OwnedValue) -> bool {
    !compare(a, b, collation(t)).is_eq()
}

impl CellMerge {
    /// A merge of rows of three layouts into a fourth.
    pub fn new(
        merged: Arc<TableLayout>,
        [left, right, base]: [&Arc<TableLayout>; 3],
        blobs: &Blobs,
        logic: &dyn RowLogic,
    ) -> CellMerge {
        let map = |of: &TableLayout| -> Vec<Sources> {
            let columns = of.value_columns().iter();
            columns
                .map(|c| {
                    let (tag, name) = (of.schema().columns[*c].tag, &of.schema().columns[*c].name);
                    Sources {
                        merged: *c,
                        left: place_in(left, tag, name),
                        right: place_in(right, tag, name),
                        base: place_in(base, tag, name),
                    }
                })
                .collect()
        };
        let reader = |layout: &Arc<TableLayout>| RowReader::new(layout.clone(), blobs.clone());
        CellMerge {
            columns: map(&merged),
            base_columns: map(base),
            left: reader(left),
            right: reader(right),
            base: reader(base),
            merged: reader(&merged),
            merges_json: logic.merges_json(),
        }
    }

    fn schema(&self) -> &Schema {
        self.merged.schema()
    }

    /// Merges a row that both sides changed.
    pub fn merge(
        &self,
        key: &[u8],
        left: Option<&[u8]>,
        right: Option<&[u8]>,
        base: Option<&[u8]>,
    ) -> Result<Cells> {
        if self.schema().is_keyless() {
            return Ok(Cells::Conflict);
        }
        if let Some(base) = base
            && self.loses_change(key, left, right, base)?
        {
            return Ok(Cells::Conflict);
        }
        let (Some(left), Some(right)) = (left, right) else {
            return Ok(Cells::Deleted);
        };
        let mut values = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            match self.cell(column, key, left, right, base)? {
                Some(value) => values.push(value),
                None => return Ok(Cells::Conflict),
            }
        }
        Ok(Cells::Row(self.merged.value_tuple(&values)?))
    }

    /// Whether one side dropped a row or column whose value the other side changed.
    fn loses_change(
        &self,
        key: &[u8],
        left: Option<&[u8]>,
        right: Option<&[u8]>,
        base: &[u8],
    ) -> Result<bool> {
        for c in &self.base_columns {
            let (reader, column, value) = match (left, right) {
                (None, Some(value)) => (&self.right, c.right, value),
                (Some(value), None) => (&self.left, c.left, value),
                (Some(l), Some(r)) => match (c.left, c.right) {
                    (Some(_), None) => (&self.left, c.left, l),
                    (None, Some(_)) => (&self.right, c.right, r),
                    _ => continue,
                },
                (None, None) => return Ok(false),
            };
            let Some(column) = column else { continue };
            let to = &reader.schema().columns[column].sql_type;
            let from = &self.base.schema().columns[c.merged].sql_type;
            let before = convert(self.base.value(c.merged, key, base)?, from, to)?;
            if differ(to, &before, &reader.value(column, key, value)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read(
        &self,
        reader: &RowReader,
        column: Option<usize>,
        key: &[u8],
        value: &[u8],
        to: &SqlType,
    ) -> Result<OwnedValue> {
        let Some(column) = column else {
            return Ok(Value::Null);
        };
        let from = &reader.schema().columns[column].sql_type;
        convert(reader.value(column, key, value)?, from, to)
    }

    fn cell(
        &self,
        c: &Sources,
        key: &[u8],
        left: &[u8],
        right: &[u8],
        base: Option<&[u8]>,
    ) -> Result<Option<OwnedValue>> {
        let column = &self.schema().columns[c.merged];
        let t = &column.sql_type;
        let ours = self.read(&self.left, c.left, key, left, t)?;
        let theirs = self.read(&self.right, c.right, key, right, t)?;
        let greater = |ours: OwnedValue, theirs: OwnedValue| {
            // Equal values may have different bytes; the choice must not depend on who merges.
            let a = c.left.and_then(|i| self.left.field(i, key, left));
            let b = c.right.and_then(|i| self.right.field(i, key, right));
            if a > b { ours } else { theirs }
        };
        let before = match (base, c.base) {
            (Some(base), Some(_)) => self.read(&self.base, c.base, key, base, t)?,
            _ => {
                return Ok(match (c.left, c.right) {
                    (_, None) => Some(ours),
                    (None, _) => Some(theirs),
                    _ if !differ(t, &ours, &theirs) => Some(greater(ours, theirs)),
                    _ if column.generated => Some(ours),
                    _ => None,
                });
            }
        };
        if c.left.is_none() && c.right.is_none() {
            return Ok(Some(Value::Null));
        }
        if !differ(t, &ours, &theirs) {
            return Ok(Some(greater(ours, theirs)));
        }
        Ok(
            match (differ(t, &ours, &before), differ(t, &theirs, &before)) {
                (true, true) if column.generated => Some(ours),
                (true, true) => match (&before, &ours, &theirs) {
                    (Value::Json(b), Value::Json(l), Value::Json(r)) if self.merges_json => {
                        merge_json(b, l, r).map(Value::Json)
                    }
                    _ => None,
                },
                (true, false) => Some(ours),
                _ => Some(theirs),
            },
        )
    }

    /// Whether the rows of a side are stored as the merged table stores them.
    pub fn is_identity(&self, side: Side) -> bool {
        self.is_in_order(side) && same_fields(self.merged.layout(), self.reader(side).layout())
    }

    /// Whether the columns of a side come in the order of the merged table.
    pub fn is_in_order(&self, side: Side) -> bool {
        let layout = self.reader(side).layout();
        self.columns.iter().all(|c| {
            let merged = self.merged.layout().place(c.merged);
            side.of(c).is_some_and(|at| layout.place(at) == merged)
        })
    }

    /// The reader of a side.
    pub fn reader(&self, side: Side) -> &RowReader {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    /// A row of a side as the merged table stores it (spec 05 §5.6).
    pub fn remap(
        &self,
        side: Side,
        table: &str,
        key: &[u8],
        value: &[u8],
        logic: &dyn RowLogic,
    ) -> Result<Vec<u8>> {
        let reader = self.reader(side);
        let schema = self.schema();
        let mut values = Vec::with_capacity(self.columns.len());
        let mut computed = Vec::new();
        for (i, c) in self.columns.iter().enumerate() {
            let column = &schema.columns[c.merged];
            let has_expression = !column.expression.is_empty() || !column.on_update.is_empty();
            if column.generated || side.of(c).is_none() && has_expression {
                computed.push((i, c.merged));
            }
            values.push(self.read(reader, side.of(c), key, value, &column.sql_type)?);
        }
        if !computed.is_empty() {
            self.compute(table, key, &mut values, &computed, logic, |name| {
                let at = reader.schema().columns.iter().position(|s| s.name == name);
                at.map(|at| reader.value(at, key, value)).transpose()
            })?;
        }
        self.merged.value_tuple(&values)
    }

    /// A merged row with its generated columns computed again.
    pub fn regenerate(
        &self,
        table: &str,
        key: &[u8],
        value: &[u8],
        logic: &dyn RowLogic,
    ) -> Result<Vec<u8>> {
        let schema = self.schema();
        let computed: Vec<(usize, usize)> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| schema.columns[c.merged].generated)
            .map(|(i, c)| (i, c.merged))
            .collect();
        if computed.is_empty() {
            return Ok(value.to_vec());
        }
        let mut values = self
            .columns
            .iter()
            .map(|c| self.merged.value(c.merged, key, value))
            .collect::<Result<Vec<_>>>()?;
        self.compute(table, key, &mut values, &computed, logic, |_| Ok(None))?;
        self.merged.value_tuple(&values)
    }

    /// Computes columns from a row; `by_name` finds values of the row that the merged table lacks.
    fn compute(
        &self,
        table: &str,
        key: &[u8],
        values: &mut [OwnedValue],
        computed: &[(usize, usize)],
        logic: &dyn RowLogic,
        by_name: impl Fn(&str) -> Result<Option<OwnedValue>>,
    ) -> Result<()> {
        let schema = self.schema();
        let mut row = Vec::with_capacity(schema.columns.len());
        for (position, column) in schema.columns.iter().enumerate() {
            let stored = self.columns.iter().position(|c| c.merged == position);
            row.push(match (by_name(&column.name)?, stored) {
                (Some(value), _) => value,
                (None, Some(i)) => values[i].clone(),
                (None, None) => self.merged.value(position, key, &[])?,
            });
        }
        for (i, position) in computed {
            let value = logic.column_value(table, schema, *position, &row)?;
            row[*position] = value.clone();
            values[*i] = value;
        }
        Ok(())
    }

    /// The key of a row's entry in an index of a side or of the merged table.
    pub fn entry(
        reader: &RowReader,
        table: &str,
        index: usize,
        key: &[u8],
        value: &[u8],
        logic: &dyn RowLogic,
    ) -> Result<Vec<u8>> {
        let computed = |column: usize| {
            let compute = || -> Result<OwnedValue> {
                let row = reader.row(key, value)?;
                logic.column_value(table, reader.schema(), column, &row)
            };
            compute().map_err(|e| match e {
                Error::Model(e) => e,
                e => model::ModelError::Corrupt {
                    kind: "index entry",
                    reason: e.to_string(),
                },
            })
        };
        reader.index_entry(index, key, value, &computed)
    }
}

/// Whether two layouts store values alike.
pub fn same_fields(a: &TableLayout, b: &TableLayout) -> bool {
    let (a, b) = (a.value_desc().fields(), b.value_desc().fields());
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(x, y)| x.encoding == y.encoding && x.nullable == y.nullable)
}

/// A version that takes part in a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Ours.
    Left,
    /// Theirs.
    Right,
}

impl Side {
    /// Where a column is on this side.
    pub fn of(self, sources: &Sources) -> Option<usize> {
        match self {
            Side::Left => sources.left,
            Side::Right => sources.right,
        }
    }
}
