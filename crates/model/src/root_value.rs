//! Root values: the tables of a database (spec 03 §3).

use bytes::Bytes;
use chunks::Hash;
use prolly::AddressMap;
use serial::{Builder, FileId, Offset, root_table};
use values::CollationId;

use crate::small_message::hash_field;
use crate::{ForeignKeys, ModelError, Objects, Result, RootId, Table};

const KIND: &str = "root value";

/// The feature version that is written, and the greatest that is read, unless options say another.
pub const FEATURE_VERSION: i64 = 7;

/// The tables of a database at one point. Changes give another root; [`Root::save`] stores it.
#[derive(Clone)]
pub struct Root {
    objects: Objects,
    feature_version: i64,
    tables: AddressMap,
    foreign_keys: Hash,
    collation: u16,
    schemas: Vec<String>,
}

/// The key of a table in the map of tables; `schema` is empty in MySQL's world.
pub fn table_key(schema: &str, name: &str) -> Vec<u8> {
    if schema.is_empty() {
        return name.as_bytes().to_vec();
    }
    [b"\0", schema.as_bytes(), b"\0", name.as_bytes()].concat()
}

impl Root {
    /// A root without tables.
    pub fn empty(objects: &Objects) -> Result<Root> {
        Ok(Root {
            feature_version: objects.feature_version(),
            tables: AddressMap::empty(objects.nodes().clone())?,
            foreign_keys: Hash::EMPTY,
            collation: CollationId::DEFAULT.0,
            schemas: Vec::new(),
            objects: objects.clone(),
        })
    }

    /// The root at an address; refused if a later version wrote it.
    pub fn open(objects: &Objects, id: RootId) -> Result<Root> {
        let root = Root::decode(objects, &objects.read(&id.0)?.shared())?;
        if root.feature_version > objects.feature_version() {
            return Err(ModelError::OutOfDate {
                client: objects.feature_version(),
                stored: root.feature_version,
            });
        }
        Ok(root)
    }

    /// Reads a message of any feature version.
    pub fn decode(objects: &Objects, message: &Bytes) -> Result<Root> {
        let e = ModelError::message(KIND);
        let t = root_table(message, FileId::ROOT_VALUE, 5).map_err(&e)?;
        let tables = t.required_bytes(1).map_err(&e)?;
        let schemas = t
            .tables(4, 1)
            .map_err(&e)?
            .iter()
            .map(|s| Ok(s.string(0).map_err(&e)?.unwrap_or("").to_owned()))
            .collect::<Result<_>>()?;
        Ok(Root {
            feature_version: t.i64(0, 0).map_err(&e)?,
            tables: AddressMap::from_embedded(objects.nodes().clone(), message.slice_ref(tables))?,
            foreign_keys: hash_field(t.bytes(2).map_err(&e)?, KIND)?,
            collation: t.u16(3, 0).map_err(&e)?,
            schemas,
            objects: objects.clone(),
        })
    }

    /// The message, with the feature version as it is.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut b = Builder::new();
        let tables = b.bytes(self.tables.root_bytes());
        let mut schemas = Offset::NONE;
        if !self.schemas.is_empty() {
            let mut offsets = vec![Offset::NONE; self.schemas.len()];
            for (i, name) in self.schemas.iter().enumerate().rev() {
                let name = b.string(name);
                b.start_table(1);
                b.add_offset(0, name);
                offsets[i] = b.end_table();
            }
            schemas = b.offsets(&offsets);
        }
        let foreign_keys = b.bytes(&self.foreign_keys.0);
        b.start_table(5);
        b.add_i64(0, self.feature_version, 0);
        b.add_u16(3, self.collation, 0);
        b.add_offset(1, tables);
        b.add_offset(2, foreign_keys);
        b.add_offset(4, schemas);
        let root = b.end_table();
        b.finish(root, FileId::ROOT_VALUE)
            .map_err(ModelError::message(KIND))
    }

    /// Stores the root, with the current feature version.
    pub fn save(&self) -> Result<RootId> {
        let mut stamped = self.clone();
        stamped.feature_version = self.objects.feature_version();
        Ok(RootId(self.objects.write(stamped.encode()?)?))
    }

    /// The address that [`Root::save`] gives, without storing.
    pub fn id(&self) -> Result<RootId> {
        let mut stamped = self.clone();
        stamped.feature_version = self.objects.feature_version();
        Ok(RootId(Hash::of(&stamped.encode()?)))
    }

    /// The objects that it is stored among.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The version that wrote it.
    pub fn feature_version(&self) -> i64 {
        self.feature_version
    }

    /// The database's default collation.
    pub fn collation(&self) -> CollationId {
        match self.collation {
            0 => CollationId::DEFAULT,
            n => CollationId(n),
        }
    }

    /// The same root with another default collation.
    pub fn with_collation(&self, collation: CollationId) -> Root {
        let mut r = self.clone();
        r.collation = collation.0;
        r
    }

    /// The map of tables.
    pub fn table_map(&self) -> &AddressMap {
        &self.tables
    }

    /// Names and addresses of the tables, in the order of the names' bytes.
    pub fn tables(&self) -> Result<Vec<(String, Hash)>> {
        let mut out = Vec::new();
        for entry in self.tables.iter()? {
            let (key, hash) = entry?;
            // Keys of other schemas than the nameless one are not ours to show.
            if key.first() == Some(&0) {
                continue;
            }
            let name = String::from_utf8(key)
                .map_err(|_| ModelError::corrupt(KIND, "a table name is not UTF-8"))?;
            out.push((name, hash));
        }
        Ok(out)
    }

    /// Address of a table by its exact name.
    pub fn table_hash(&self, name: &str) -> Result<Option<Hash>> {
        Ok(self.tables.get(name.as_bytes())?)
    }

    /// The stored name and the address of a table: the exact name, else the first in any case.
    pub fn find_table(&self, name: &str) -> Result<Option<(String, Hash)>> {
        if let Some(hash) = self.table_hash(name)? {
            return Ok(Some((name.to_owned(), hash)));
        }
        let wanted = name.to_lowercase();
        Ok(self
            .tables()?
            .into_iter()
            .find(|(n, _)| n.to_lowercase() == wanted))
    }

    /// A table by its name in any case.
    pub fn table(&self, name: &str) -> Result<Option<(String, Table)>> {
        match self.find_table(name)? {
            Some((name, hash)) => Ok(Some((name, Table::open(&self.objects, &hash)?))),
            None => Ok(None),
        }
    }

    /// The same root with a table added or replaced.
    pub fn with_table(&self, name: &str, table: &Table) -> Result<Root> {
        self.with_table_hashes([(name, Some(table.save()?))])
    }

    /// The same root with tables added, replaced, or removed.
    pub fn with_table_hashes<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a str, Option<Hash>)>,
    ) -> Result<Root> {
        let mut r = self.clone();
        let edits = changes.into_iter().map(|(n, h)| (n.as_bytes().to_vec(), h));
        r.tables = r.tables.edit(edits)?;
        Ok(r)
    }

    /// The same root without tables of these exact names.
    pub fn without_tables<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Root> {
        self.with_table_hashes(names.into_iter().map(|n| (n, None)))
    }

    /// The same root with a table under another name, which must be free; foreign keys are the
    /// caller's.
    pub fn with_table_renamed(&self, from: &str, to: &str) -> Result<Root> {
        let hash = self
            .table_hash(from)?
            .ok_or_else(|| ModelError::TableNotFound(from.to_owned()))?;
        if self.table_hash(to)?.is_some() {
            return Err(ModelError::TableExists(to.to_owned()));
        }
        self.with_table_hashes([(from, None), (to, Some(hash))])
    }

    /// Address of the foreign keys; empty when there are none.
    pub fn foreign_keys_hash(&self) -> Hash {
        self.foreign_keys
    }

    /// The foreign keys.
    pub fn foreign_keys(&self) -> Result<ForeignKeys> {
        if self.foreign_keys.is_empty() {
            return Ok(ForeignKeys::default());
        }
        ForeignKeys::decode(self.objects.read(&self.foreign_keys)?.bytes())
    }

    /// The same root with other foreign keys.
    pub fn with_foreign_keys(&self, keys: &ForeignKeys) -> Result<Root> {
        let mut r = self.clone();
        r.foreign_keys = if keys.keys.is_empty() {
            Hash::EMPTY
        } else {
            self.objects.write(keys.encode()?)?
        };
        Ok(r)
    }
}
