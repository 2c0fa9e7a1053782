//! Tags: the identity of columns (spec 03 §11).

use std::collections::BTreeSet;

use chunks::Hash;
use sha2::{Digest, Sha512};
use values::{GeometryKind, SqlType};

use crate::go_random::GoRandom;
use crate::{Objects, Result, Root, Schema, Table};

/// First tag of system columns; user columns have tags below 2^50.
pub const SYSTEM_TAGS: u64 = 1 << 51;

/// The kind of a type that enters the seed.
pub fn kind(sql_type: &SqlType) -> u8 {
    match sql_type {
        SqlType::Null => 15,
        SqlType::Float | SqlType::Double => 1,
        SqlType::Char(..) | SqlType::VarChar(..) => 2,
        SqlType::Text(..) | SqlType::Blob(_) | SqlType::Vector(_) => 3,
        SqlType::Int {
            unsigned: false, ..
        }
        | SqlType::Time(_)
        | SqlType::Year => 15,
        SqlType::Int { unsigned: true, .. }
        | SqlType::Bit(_)
        | SqlType::Enum(..)
        | SqlType::Set(..) => 16,
        SqlType::Binary(_) | SqlType::VarBinary(_) => 19,
        SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_) => 20,
        SqlType::Decimal { .. } => 21,
        SqlType::Json => 22,
        SqlType::Geometry(kind, _) => match kind {
            GeometryKind::Geometry => 23,
            GeometryKind::Point => 24,
            GeometryKind::LineString => 25,
            GeometryKind::Polygon => 26,
            GeometryKind::MultiPoint => 28,
            GeometryKind::MultiLineString => 29,
            GeometryKind::MultiPolygon => 30,
            GeometryKind::GeometryCollection => 31,
        },
    }
}

fn simple(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|b| b.to_ascii_lowercase())
}

/// A tag for a new column. `kinds` are those of the columns before it in the table, `taken` the
/// tags of all columns of all tables at HEAD and in the working root.
pub fn generate(kinds: &[u8], table: &str, column: &str, kind: u8, taken: &BTreeSet<u64>) -> u64 {
    let mut bytes = kinds.to_vec();
    bytes.push(kind);
    bytes.extend(simple(table));
    bytes.extend(simple(column));
    let digest = Sha512::digest(&bytes);
    let seed = digest
        .first_chunk::<8>()
        .map_or(0, |b| i64::from_le_bytes(*b));
    let mut limit = 1u64 << 14;
    while limit / 2 < taken.len() as u64 {
        limit <<= 7;
    }
    let mut random = GoRandom::new(seed);
    loop {
        let tag = random.next_63() & (limit - 1);
        if !taken.contains(&tag) {
            return tag;
        }
    }
}

/// A column that is to get a tag.
#[derive(Clone, Debug)]
pub struct NewColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// The kind of its type.
    pub kind: u8,
}

/// Tags for the columns of a new or rewritten table: a column that has the name and kind of one in
/// `existing` keeps its tag, the others are generated in order (spec 03 §11.4).
pub fn generate_all(
    table: &str,
    existing: &[(String, u8, u64)],
    new: &[NewColumn<'_>],
    taken: &BTreeSet<u64>,
) -> Vec<u64> {
    let mut kinds: Vec<u8> = existing.iter().map(|(_, kind, _)| *kind).collect();
    let mut taken = taken.clone();
    new.iter()
        .map(|c| {
            let same = existing.iter().find(|(name, kind, _)| {
                *kind == c.kind && name.to_lowercase() == c.name.to_lowercase()
            });
            if let Some((_, _, tag)) = same {
                return *tag;
            }
            let tag = generate(&kinds, table, c.name, c.kind, &taken);
            kinds.push(c.kind);
            taken.insert(tag);
            tag
        })
        .collect()
}

/// Names, kinds and tags of a table's columns.
pub fn columns_of(schema: &Schema) -> Vec<(String, u8, u64)> {
    schema
        .columns
        .iter()
        .map(|c| (c.name.clone(), kind(&c.sql_type), c.tag))
        .collect()
}

/// Tags of all columns of all tables of these roots.
pub fn tags_in_use<'a>(roots: impl IntoIterator<Item = &'a Root>) -> Result<BTreeSet<u64>> {
    let mut tags = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for root in roots {
        for (_, hash) in root.tables()? {
            if seen.insert(hash) {
                tags.extend(tags_of(root.objects(), &hash)?);
            }
        }
    }
    Ok(tags)
}

fn tags_of(objects: &Objects, table: &Hash) -> Result<Vec<u64>> {
    let table = Table::open(objects, table)?;
    Ok(table.schema().columns.iter().map(|c| c.tag).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tag() {
        assert_eq!(generate(&[], "t", "pk", 15, &BTreeSet::new()), 15476);
        assert_ne!(
            generate(&[], "t", "pk", 15, &BTreeSet::from([15476])),
            15476
        );
    }

    #[test]
    fn columns_that_come_back_keep_their_tags() {
        let existing = [("Pk".to_string(), 15, 7), ("a".to_string(), 2, 8)];
        let new = [
            NewColumn {
                name: "pk",
                kind: 15,
            },
            NewColumn {
                name: "a",
                kind: 15,
            },
        ];
        let tags = generate_all("t", &existing, &new, &BTreeSet::from([7, 8]));
        assert_eq!(tags[0], 7);
        assert_eq!(
            tags[1],
            generate(&[15, 2], "t", "a", 15, &BTreeSet::from([7, 8]))
        );
    }
}
