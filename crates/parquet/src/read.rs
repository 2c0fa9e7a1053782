//! Reads the rows of a file.

use std::io::{Read, Seek};

use crate::metadata::{Element, Kind, Physical, Repetition};
use crate::page::{MostLevels, Values};
use crate::thrift::Struct;
use crate::{Cell, Error, Result, file, page};

/// Groups within groups of a schema.
const DEEPEST: usize = 16;

/// A column of a file.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How its values are stored.
    pub physical: Physical,
    /// What they mean.
    pub kind: Kind,
    /// Whether a value is a list of such values.
    pub is_list: bool,
    /// Which of the stored columns it is.
    leaf: usize,
    most: MostLevels,
    /// The level from which on a list has an item.
    list_level: u32,
}

/// Reads a file, a row group at a time.
pub struct Reader<R> {
    file: R,
    columns: Vec<Column>,
    groups: Vec<Struct>,
    next_group: usize,
    /// Values of the group that is read, for each column, from the last row to the first.
    rows: Vec<Vec<Cell>>,
}

/// The columns of a schema; groups of several values are none.
fn columns(elements: &[Element]) -> Result<Vec<Column>> {
    struct Walk<'e> {
        elements: &'e [Element],
        at: usize,
        leaf: usize,
        out: Vec<Column>,
    }

    impl Walk<'_> {
        /// Goes through an element and what is in it; `path` is none where a value has more parts
        /// than one.
        fn element(&mut self, path: Option<Column>, depth: usize) -> Result<()> {
            if depth > DEEPEST {
                return Err(Error::Unsupported("groups nested deeply".into()));
            }
            let element = self
                .elements
                .get(self.at)
                .ok_or(Error::Corrupt("a column is missing"))?
                .clone();
            self.at += 1;
            let mut path = path;
            let mut nested_list = false;
            if let Some(column) = &mut path {
                if depth == 1 {
                    column.name = element.name.clone();
                }
                match element.repetition {
                    Repetition::Required => {}
                    Repetition::Optional => column.most.definition += 1,
                    Repetition::Repeated => {
                        nested_list = column.is_list;
                        column.is_list = true;
                        column.most.definition += 1;
                        column.most.repetition += 1;
                        column.list_level = column.most.definition;
                    }
                }
            }
            if nested_list {
                path = None;
            }
            if element.children == 0 {
                if let (Some(mut column), Some(physical)) = (path, element.physical) {
                    column.physical = physical;
                    column.kind = element.kind;
                    column.leaf = self.leaf;
                    self.out.push(column);
                }
                self.leaf += 1;
                return Ok(());
            }
            if element.children > 1 {
                path = None;
            }
            for _ in 0..element.children {
                self.element(path.clone(), depth + 1)?;
            }
            Ok(())
        }
    }

    let root = elements.first().ok_or(Error::Corrupt("it has no schema"))?;
    let mut walk = Walk {
        elements,
        at: 1,
        leaf: 0,
        out: Vec::new(),
    };
    for _ in 0..root.children {
        let column = Column {
            name: String::new(),
            physical: Physical::Bool,
            kind: Kind::Plain,
            is_list: false,
            leaf: 0,
            most: MostLevels::default(),
            list_level: 0,
        };
        walk.element(Some(column), 1)?;
    }
    Ok(walk.out)
}

impl<R: Read + Seek> Reader<R> {
    /// Reads what a file says about itself.
    pub fn open(mut file: R) -> Result<Reader<R>> {
        let metadata = file::metadata(&mut file)?;
        let elements = metadata.need_structures(2)?;
        let elements: Vec<Element> = elements
            .into_iter()
            .map(Element::read)
            .collect::<Result<_>>()?;
        let groups = metadata.need_structures(4)?;
        Ok(Reader {
            file,
            columns: columns(&elements)?,
            groups: groups.into_iter().cloned().collect(),
            next_group: 0,
            rows: Vec::new(),
        })
    }

    /// The columns that can be read.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The values of the next row, in the order of the columns.
    pub fn next_row(&mut self) -> Result<Option<Vec<Cell>>> {
        while self.rows.first().is_none_or(Vec::is_empty) {
            let Some(group) = self.groups.get(self.next_group) else {
                return Ok(None);
            };
            self.next_group += 1;
            let rows = usize::try_from(group.need_int(3)?)
                .map_err(|_| Error::Corrupt("a group of impossible length"))?;
            let chunks: Vec<Struct> = group.need_structures(1)?.into_iter().cloned().collect();
            let mut all = Vec::with_capacity(self.columns.len());
            for column in &self.columns {
                let chunk = chunks
                    .get(column.leaf)
                    .ok_or(Error::Corrupt("a column is missing"))?;
                let mut cells = cells(&mut self.file, column, chunk)?;
                if cells.len() != rows {
                    return Err(Error::Corrupt("columns of different lengths"));
                }
                cells.reverse();
                all.push(cells);
            }
            self.rows = all;
            if self.columns.is_empty() {
                return Ok(None);
            }
        }
        Ok(self.rows.iter_mut().map(Vec::pop).collect())
    }
}

/// The values of a column in a row group.
fn cells<R: Read + Seek>(file: &mut R, column: &Column, chunk: &Struct) -> Result<Vec<Cell>> {
    let metadata = chunk.need_structure(3)?;
    let natural = |id| -> Result<u64> {
        u64::try_from(metadata.need_int(id)?).map_err(|_| Error::Corrupt("a negative length"))
    };
    let data = natural(9)?;
    // A dictionary of no address is none, whatever some writers put there.
    let dictionary = metadata.int(11).filter(|at| *at > 0);
    let from = dictionary.map_or(data, |at| data.min(at as u64));
    let bytes = file::section(file, from, natural(7)?)?;
    let count = usize::try_from(natural(5)?)
        .map_err(|_| Error::Corrupt("a column of impossible length"))?;
    let codec = metadata.need_int(4)?;
    let values = page::read(&bytes, column.physical, codec, column.most, count)?;
    match column.is_list {
        false => flat(column, values),
        true => lists(column, values),
    }
}

fn flat(column: &Column, values: Values) -> Result<Vec<Cell>> {
    let mut cells = values.cells.into_iter();
    let full = column.most.definition;
    let all = values.definitions.into_iter().map(|level| match level {
        level if level == full => cells.next().ok_or(Error::Corrupt("values are missing")),
        _ => Ok(Cell::Null),
    });
    all.collect()
}

fn lists(column: &Column, values: Values) -> Result<Vec<Cell>> {
    let mut cells = values.cells.into_iter();
    let mut out: Vec<Cell> = Vec::new();
    for (definition, repetition) in values.definitions.into_iter().zip(values.repetitions) {
        if repetition == 0 {
            out.push(match definition + 1 < column.list_level {
                true => Cell::Null,
                false => Cell::List(Vec::new()),
            });
        }
        if definition < column.list_level {
            continue;
        }
        let cell = match definition == column.most.definition {
            true => cells.next().ok_or(Error::Corrupt("values are missing"))?,
            false => Cell::Null,
        };
        match out.last_mut() {
            Some(Cell::List(list)) => list.push(cell),
            _ => return Err(Error::Corrupt("an item without a list")),
        }
    }
    Ok(out)
}
