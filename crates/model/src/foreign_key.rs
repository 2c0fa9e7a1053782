//! Foreign keys (spec 03 §12).

use serial::{Builder, FileId, Offset, Table, root_table};

use crate::{ModelError, Result};

const KIND: &str = "foreign keys";
const FIELDS: usize = 15;

/// What happens to child rows when their parent changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferentialAction {
    /// No clause: as RESTRICT.
    Default,
    /// CASCADE.
    Cascade,
    /// NO ACTION.
    NoAction,
    /// RESTRICT.
    Restrict,
    /// SET NULL.
    SetNull,
    /// SET DEFAULT.
    SetDefault,
}

impl ReferentialAction {
    fn from_u8(n: u8) -> Result<ReferentialAction> {
        use ReferentialAction::*;
        [Default, Cascade, NoAction, Restrict, SetNull, SetDefault]
            .get(usize::from(n))
            .copied()
            .ok_or_else(|| ModelError::corrupt(KIND, format!("referential action {n}")))
    }
}

/// How NULLs of a composite key match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchType {
    /// MATCH SIMPLE.
    Simple,
    /// MATCH FULL.
    Full,
    /// MATCH PARTIAL.
    Partial,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKey {
    /// The name.
    pub name: String,
    /// The table that refers.
    pub child_table: String,
    /// Its index; empty for the primary key, and when unresolved.
    pub child_index: String,
    /// Tags of its columns; empty when unresolved.
    pub child_columns: Vec<u64>,
    /// The table referred to.
    pub parent_table: String,
    /// Its index; empty for the primary key, and when unresolved.
    pub parent_index: String,
    /// Tags of its columns; empty when unresolved.
    pub parent_columns: Vec<u64>,
    /// ON UPDATE.
    pub on_update: ReferentialAction,
    /// ON DELETE.
    pub on_delete: ReferentialAction,
    /// Names of the child's columns, as they were declared.
    pub child_column_names: Option<Vec<String>>,
    /// Names of the parent's columns, as they were declared.
    pub parent_column_names: Option<Vec<String>>,
    /// NOT VALID: existing rows were not checked.
    pub is_not_valid: bool,
    /// MATCH.
    pub match_type: MatchType,
}

impl ForeignKey {
    /// Whether the columns and indexes on both sides are known.
    pub fn is_resolved(&self) -> bool {
        !self.child_columns.is_empty() && !self.parent_columns.is_empty()
    }

    /// Whether a table refers to itself.
    pub fn is_self_referential(&self) -> bool {
        self.child_table.eq_ignore_ascii_case(&self.parent_table)
    }
}

/// All foreign keys of a root.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignKeys {
    /// The keys; sorted by name when written.
    pub keys: Vec<ForeignKey>,
}

impl ForeignKeys {
    /// The key with this name, in any case.
    pub fn get(&self, name: &str) -> Option<&ForeignKey> {
        self.keys.iter().find(|k| k.name.eq_ignore_ascii_case(name))
    }

    /// Keys that a table declares.
    pub fn of_child<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a ForeignKey> {
        self.keys
            .iter()
            .filter(move |k| k.child_table.eq_ignore_ascii_case(table))
    }

    /// Keys that refer to a table.
    pub fn of_parent<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a ForeignKey> {
        self.keys
            .iter()
            .filter(move |k| k.parent_table.eq_ignore_ascii_case(table))
    }

    /// Reads a message.
    pub fn decode(message: &[u8]) -> Result<ForeignKeys> {
        let e = ModelError::message(KIND);
        let t = root_table(message, FileId::FOREIGN_KEYS, 1).map_err(&e)?;
        let text = |f: &Table<'_>, slot| -> Result<String> {
            Ok(f.string(slot)
                .map_err(ModelError::message(KIND))?
                .unwrap_or("")
                .to_owned())
        };
        let names = |f: &Table<'_>, slot| -> Result<Option<Vec<String>>> {
            if !f.has(slot) {
                return Ok(None);
            }
            let names = f.strings(slot).map_err(ModelError::message(KIND))?;
            Ok(Some(names.into_iter().map(str::to_owned).collect()))
        };
        let keys = t
            .tables(0, FIELDS)
            .map_err(&e)?
            .iter()
            .map(|f| {
                Ok(ForeignKey {
                    name: text(f, 0)?,
                    child_table: text(f, 1)?,
                    child_index: text(f, 2)?,
                    child_columns: f.u64s(3).map_err(&e)?.unwrap_or_default(),
                    parent_table: text(f, 4)?,
                    parent_index: text(f, 5)?,
                    parent_columns: f.u64s(6).map_err(&e)?.unwrap_or_default(),
                    on_update: ReferentialAction::from_u8(f.u8(7, 0).map_err(&e)?)?,
                    on_delete: ReferentialAction::from_u8(f.u8(8, 0).map_err(&e)?)?,
                    child_column_names: names(f, 9)?,
                    parent_column_names: names(f, 10)?,
                    is_not_valid: f.bool(13, false).map_err(&e)?,
                    match_type: match f.u8(14, 0).map_err(&e)? {
                        0 => MatchType::Simple,
                        1 => MatchType::Full,
                        2 => MatchType::Partial,
                        n => return Err(ModelError::corrupt(KIND, format!("match type {n}"))),
                    },
                })
            })
            .collect::<Result<_>>()?;
        Ok(ForeignKeys { keys })
    }

    /// The message.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut b = Builder::new();
        let mut sorted: Vec<&ForeignKey> = self.keys.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let mut offsets = vec![Offset::NONE; sorted.len()];
        for (i, k) in sorted.into_iter().enumerate().rev() {
            let mut names =
                |n: &Option<Vec<String>>| n.as_ref().map_or(Offset::NONE, |n| b.strings(n));
            let parent_names = names(&k.parent_column_names);
            let child_names = names(&k.child_column_names);
            let parent_columns = b.u64s(k.parent_columns.iter().copied());
            let child_columns = b.u64s(k.child_columns.iter().copied());
            let parent_table = b.string(&k.parent_table);
            let parent_index = b.string(&k.parent_index);
            let child_table = b.string(&k.child_table);
            let child_index = b.string(&k.child_index);
            let name = b.string(&k.name);
            b.start_table(FIELDS);
            b.add_offset(0, name);
            b.add_offset(1, child_table);
            b.add_offset(2, child_index);
            b.add_offset(3, child_columns);
            b.add_offset(4, parent_table);
            b.add_offset(5, parent_index);
            b.add_offset(6, parent_columns);
            b.add_offset(9, child_names);
            b.add_offset(10, parent_names);
            b.add_u8(7, k.on_update as u8, 0);
            b.add_u8(8, k.on_delete as u8, 0);
            b.add_bool(13, k.is_not_valid, false);
            b.add_u8(14, k.match_type as u8, 0);
            offsets[i] = b.end_table();
        }
        let keys = b.offsets(&offsets);
        b.start_table(1);
        b.add_offset(0, keys);
        let root = b.end_table();
        b.finish(root, FileId::FOREIGN_KEYS)
            .map_err(ModelError::message(KIND))
    }
}
