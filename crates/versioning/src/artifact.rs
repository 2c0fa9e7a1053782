//! Conflicts and constraint violations that a table carries (spec 05 §10).

use std::sync::Arc;

use chunks::Hash;
use model::{Table, TableLayout, TupleOrder};
use prolly::{NodeFormat, ThreeWay, TupleMap};
use values::{Encoding, FieldDesc, Json, Tuple, TupleDesc, json::JsonValue};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

use crate::artifact_text::{conflict_meta, from_base64, violation_meta};
use crate::{EditedMap, Error, Result};

/// What an artifact records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactKind {
    /// Both sides changed a row differently.
    Conflict = 1,
    /// A row refers to no parent.
    ForeignKey = 2,
    /// Two rows have the same values in a unique index.
    Unique = 3,
    /// A row does not satisfy a check.
    Check = 4,
    /// A row has NULL where it must not.
    NotNull = 5,
}

impl ArtifactKind {
    fn from_u8(n: u8) -> Result<ArtifactKind> {
        use ArtifactKind::*;
        [Conflict, ForeignKey, Unique, Check, NotNull]
            .into_iter()
            .find(|k| *k as u8 == n)
            .ok_or_else(|| corrupt(format!("artifact of type {n}")))
    }
}

fn corrupt(reason: impl Into<String>) -> Error {
    Error::Model(model::ModelError::Corrupt {
        kind: "artifact",
        reason: reason.into(),
    })
}

/// One conflict or violation.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its key in the map.
    pub map_key: Vec<u8>,
    /// The key of the row.
    pub row_key: Vec<u8>,
    /// Where it comes from: a commit, working set or root.
    pub from: Hash,
    /// What it records.
    pub kind: ArtifactKind,
    /// Its JSON text.
    pub meta: Vec<u8>,
}

/// What a violation says.
#[derive(Clone, Debug)]
pub struct Violation {
    /// JSON text that names the constraint.
    pub info: Vec<u8>,
    /// The value tuple of the row.
    pub value: Vec<u8>,
}

impl Artifact {
    fn member(&self, name: &str) -> Result<Json> {
        Json::from_stored(&self.meta)?
            .get(name)
            .cloned()
            .ok_or_else(|| corrupt(format!("no {name} in its text")))
    }

    /// Where the base rows of a conflict are.
    pub fn base(&self) -> Result<Hash> {
        let JsonValue::Array(numbers) = self.member("bc")?.value().clone() else {
            return Err(corrupt("bc is no array"));
        };
        let bytes: Vec<u8> = numbers
            .iter()
            .filter_map(|n| n.to_f64().map(|f| f as u8))
            .collect();
        Hash::from_slice(&bytes).ok_or_else(|| corrupt("bc is no address"))
    }

    /// The violation.
    pub fn violation(&self) -> Result<Violation> {
        let bytes = |name| match self.member(name)?.value() {
            JsonValue::String(s) => {
                from_base64(s).ok_or_else(|| corrupt(format!("{name} is not base64")))
            }
            _ => Err(corrupt(format!("{name} is no string"))),
        };
        Ok(Violation {
            info: bytes("v_info")?,
            value: bytes("value")?,
        })
    }

    /// `dolt_conflict_id` (spec 05 §11.2).
    pub fn conflict_id(&self) -> String {
        let mut bytes = self.row_key.clone();
        bytes.extend_from_slice(&self.from.0);
        let mut out = String::new();
        crate::artifact_text::push_base64(&xxh3_128(&bytes).to_be_bytes(), false, &mut out);
        out
    }
}

/// The hash of a violation's text in its key.
fn info_hash(info: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out[..16].copy_from_slice(&xxh3_128(info).to_be_bytes());
    let low = xxh3_64_with_seed(info, 0x9e37_79b9_7f4a_7c15) as u32;
    out[16..].copy_from_slice(&low.to_be_bytes());
    out
}

/// The conflicts and violations of a table, and edits of them.
pub struct Artifacts {
    map: EditedMap,
    base: TupleMap,
    desc: TupleDesc,
    fields: usize,
}

fn open_map(table: &Table, layout: &TableLayout) -> Result<(TupleMap, TupleDesc)> {
    // Artifacts are ordered by bytes, whatever the collation of the table's key.
    let mut fields: Vec<FieldDesc> = layout.key_desc().fields().to_vec();
    fields.iter_mut().for_each(|f| f.collation = None);
    fields.push(FieldDesc::new(Encoding::CommitAddr, false));
    fields.push(FieldDesc::new(Encoding::Uint8, false));
    fields.push(FieldDesc::new(Encoding::Bytes, false));
    let desc = TupleDesc::new(fields);
    let order = Arc::new(TupleOrder(desc.clone()));
    let format = NodeFormat::Artifacts(order.clone());
    let nodes = table.objects().nodes().clone();
    let map = match table.artifacts().is_empty() {
        true => TupleMap::empty(nodes, order, format)?,
        false => TupleMap::open(nodes, &table.artifacts(), order, format)?,
    };
    Ok((map, desc))
}

impl Artifacts {
    /// The artifacts of a table.
    pub fn of(table: &Table) -> Result<Artifacts> {
        let (map, desc) = open_map(table, table.layout())?;
        Ok(Artifacts {
            map: EditedMap::new(map.clone()),
            base: map,
            fields: desc.len() - 3,
            desc,
        })
    }

    /// The artifacts that two tables with a common base carry (spec 05 §10.4).
    pub fn merged(name: &str, left: &Table, right: &Table, base: &Table) -> Result<Artifacts> {
        let mut merged = Artifacts::of(left)?;
        if right.artifacts() == base.artifacts() || right.artifacts() == left.artifacts() {
            return Ok(merged);
        }
        let (right, _) = open_map(right, left.layout())?;
        let (base, _) = open_map(base, left.layout())?;
        let mut events = base.three_way_diff(&merged.base, &right);
        while let Some(event) = events.next_event()? {
            match event {
                ThreeWay::Left(_) | ThreeWay::Both(_) => {}
                ThreeWay::Right(change) => match &change.to {
                    Some(item) => merged.map.put(item.key(), item.value().to_vec()),
                    None => merged.map.remove(change.key()),
                },
                ThreeWay::Conflict { .. } => {
                    return Err(Error::refused(format!(
                        "encountered a key collision when merging the artifacts for table {name}"
                    )));
                }
            }
        }
        Ok(merged)
    }

    fn decode(&self, key: &[u8], value: &[u8]) -> Result<Artifact> {
        let tuple = Tuple(key);
        let bad = || corrupt("key without commit or type");
        let source: Vec<Option<&[u8]>> = (0..self.fields).map(|i| tuple.field(i)).collect();
        let meta = Tuple(value).field(0).and_then(|f| f.split_last());
        Ok(Artifact {
            map_key: key.to_vec(),
            row_key: values::tuple::tuple_of(&source)?,
            from: tuple
                .field(self.fields)
                .and_then(Hash::from_slice)
                .ok_or_else(bad)?,
            kind: match tuple.field(self.fields + 1) {
                Some([n]) => ArtifactKind::from_u8(*n)?,
                _ => return Err(bad()),
            },
            meta: match meta {
                Some((0, text)) => text.to_vec(),
                _ => return Err(corrupt("value without text")),
            },
        })
    }

    fn key(&self, row: &[u8], from: &Hash, kind: ArtifactKind, info: &[u8; 20]) -> Result<Vec<u8>> {
        let kind = [kind as u8];
        let mut info = info.to_vec();
        info.push(0);
        let mut fields: Vec<Option<&[u8]>> =
            (0..self.fields).map(|i| Tuple(row).field(i)).collect();
        fields.extend([Some(&from.0[..]), Some(&kind[..]), Some(&info[..])]);
        Ok(values::tuple::tuple_of(&fields)?)
    }

    fn value(text: &str) -> Result<Vec<u8>> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        Ok(values::tuple::tuple_of(&[Some(&bytes)])?)
    }

    /// Records a conflict of a row.
    pub fn add_conflict(&mut self, row: &[u8], theirs: &Hash, base: &Hash) -> Result<()> {
        let key = self.key(row, theirs, ArtifactKind::Conflict, &[0; 20])?;
        self.map.put(&key, Artifacts::value(&conflict_meta(base))?);
        Ok(())
    }

    /// Records a violation; the same violation of the same row from another commit is replaced.
    pub fn put_violation(
        &mut self,
        row: &[u8],
        theirs: &Hash,
        kind: ArtifactKind,
        info: &str,
        value: &[u8],
    ) -> Result<()> {
        for old in self.of_row(row)? {
            if old.kind == kind {
                let v = old.violation()?;
                if v.value == value && v.info == info.as_bytes() {
                    self.map.remove(&old.map_key);
                }
            }
        }
        let key = self.key(row, theirs, kind, &info_hash(info.as_bytes()))?;
        self.map
            .put(&key, Artifacts::value(&violation_meta(info, value))?);
        Ok(())
    }

    /// The artifacts of one row.
    pub fn of_row(&self, row: &[u8]) -> Result<Vec<Artifact>> {
        let found = self.map.with_prefix(&self.desc, row, self.fields)?;
        let all = found.iter().map(|(k, v)| self.decode(k, v));
        let all: Vec<Artifact> = all.collect::<Result<_>>()?;
        Ok(all.into_iter().filter(|a| a.row_key == row).collect())
    }

    /// Forgets the violations of one kind of a row; how many there were.
    pub fn remove_violations(&mut self, row: &[u8], kind: ArtifactKind) -> Result<usize> {
        let found = self.of_row(row)?;
        let mut removed = 0;
        for artifact in found.iter().filter(|a| a.kind == kind) {
            self.map.remove(&artifact.map_key);
            removed += 1;
        }
        Ok(removed)
    }

    /// Forgets an artifact by its key in the map.
    pub fn remove(&mut self, map_key: &[u8]) {
        self.map.remove(map_key);
    }

    /// Forgets all conflicts.
    pub fn remove_conflicts(&mut self) -> Result<()> {
        for artifact in self.all()? {
            if artifact.kind == ArtifactKind::Conflict {
                self.map.remove(&artifact.map_key);
            }
        }
        Ok(())
    }

    /// All artifacts in key order.
    pub fn all(&self) -> Result<Vec<Artifact>> {
        let map = self.map.flush()?;
        let mut out = Vec::new();
        for run in map.all()? {
            for (key, value) in run?.iter() {
                out.push(self.decode(key, value)?);
            }
        }
        Ok(out)
    }

    /// Numbers of conflicts and of violations.
    pub fn counts(&self) -> Result<(u64, u64)> {
        let all = self.all()?;
        let conflicts = all.iter().filter(|a| a.kind == ArtifactKind::Conflict);
        let conflicts = conflicts.count() as u64;
        Ok((conflicts, all.len() as u64 - conflicts))
    }

    /// The table with these artifacts; no address when there are none.
    pub fn store_in(&self, table: &Table) -> Result<Table> {
        if !self.map.is_edited() && self.base.root_hash() == table.artifacts() {
            return Ok(table.clone());
        }
        let map = self.map.flush()?;
        Ok(table.with_artifacts(match map.is_empty() {
            true => Hash::EMPTY,
            false => map.save()?,
        }))
    }
}

/// Numbers of conflicts and of violations of a table, without reading when there are none.
pub fn artifact_counts(table: &Table) -> Result<(u64, u64)> {
    match table.artifacts().is_empty() {
        true => Ok((0, 0)),
        false => Artifacts::of(table)?.counts(),
    }
}
