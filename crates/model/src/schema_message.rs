//! Messages of schemas (spec 03 §5).

use serial::{Builder, FileId, Offset, Table, root_table};
use values::row_builder::DEFAULT_TARGET_ROW_SIZE;
use values::{CollationId, Encoding, SqlType};

use crate::{Check, Column, FulltextInfo, Index, KeyType, ModelError, Result, Schema};

const KIND: &str = "schema";
const COLUMN_FIELDS: usize = 17;
const INDEX_FIELDS: usize = 15;
const KEYLESS_HASH: &str = "keyless_hash_id";
const KEYLESS_CARDINALITY: &str = "keyless_cardinality";
/// Tag of the hidden key column of keyless tables.
pub(crate) const KEYLESS_HASH_TAG: u64 = (1 << 51) + 5000;
/// Tag of the hidden count column of keyless tables.
pub(crate) const KEYLESS_CARDINALITY_TAG: u64 = (1 << 51) + 5001;

/// Strings that current programs always write, and older ones did not (spec 03 §5.6).
#[derive(Clone, Copy)]
struct Layout {
    on_update_strings: bool,
    comment_string: bool,
}

fn text(t: &Table<'_>, slot: usize) -> std::result::Result<String, serial::SerialError> {
    Ok(t.string(slot)?.unwrap_or("").to_owned())
}

fn decode_column(c: &Table<'_>) -> Result<Column> {
    let e = ModelError::message(KIND);
    let type_text = text(c, 1).map_err(&e)?;
    Ok(Column {
        name: text(c, 0).map_err(&e)?,
        sql_type: SqlType::from_stored_text(&type_text)?,
        type_text,
        encoding: Encoding::from_u8(c.u8(6, 0).map_err(&e)?)?,
        tag: c.u64(5, 0).map_err(&e)?,
        primary_key: c.bool(7, false).map_err(&e)?,
        nullable: c.bool(8, false).map_err(&e)?,
        auto_increment: c.bool(9, false).map_err(&e)?,
        expression: text(c, 2).map_err(&e)?,
        generated: c.bool(11, false).map_err(&e)?,
        is_virtual: c.bool(12, false).map_err(&e)?,
        on_update: text(c, 13).map_err(&e)?,
        comment: text(c, 3).map_err(&e)?,
        hidden: c.bool(10, false).map_err(&e)?,
        hidden_system: c.bool(15, false).map_err(&e)?,
        adaptive_markers: (
            c.bool(14, false).map_err(&e)?,
            c.bool(16, false).map_err(&e)?,
        ),
    })
}

fn positions(t: &Table<'_>, slot: usize) -> Result<Vec<usize>> {
    let v = t.u16s(slot).map_err(ModelError::message(KIND))?;
    Ok(v.unwrap_or_default().into_iter().map(usize::from).collect())
}

fn decode_index(i: &Table<'_>) -> Result<Index> {
    let e = ModelError::message(KIND);
    let fulltext = match i.table(11, 8).map_err(&e)? {
        Some(f) if i.bool(10, false).map_err(&e)? => Some(FulltextInfo {
            config_table: text(&f, 0).map_err(&e)?,
            position_table: text(&f, 1).map_err(&e)?,
            doc_count_table: text(&f, 2).map_err(&e)?,
            global_count_table: text(&f, 3).map_err(&e)?,
            row_count_table: text(&f, 4).map_err(&e)?,
            key_type: match f.u8(5, 0).map_err(&e)? {
                0 => KeyType::Primary,
                1 => KeyType::Unique,
                2 => KeyType::None,
                n => return Err(ModelError::corrupt(KIND, format!("full-text key type {n}"))),
            },
            key_name: text(&f, 6).map_err(&e)?,
            key_positions: f.u16s(7).map_err(&e)?.unwrap_or_default(),
        }),
        _ => None,
    };
    let vector = match i.table(13, 1).map_err(&e)? {
        Some(v) if i.bool(12, false).map_err(&e)? => Some(v.u8(0, 0).map_err(&e)?),
        _ => None,
    };
    Ok(Index {
        name: text(i, 0).map_err(&e)?,
        comment: text(i, 1).map_err(&e)?,
        columns: positions(i, 2)?,
        unique: i.bool(6, false).map_err(&e)?,
        system_defined: i.bool(7, false).map_err(&e)?,
        prefix_lengths: i.u16s(8).map_err(&e)?.unwrap_or_default(),
        spatial: i.bool(9, false).map_err(&e)?,
        fulltext,
        vector,
        predicate: text(i, 14).map_err(&e)?,
    })
}

impl Schema {
    /// Reads a message.
    pub fn decode(message: &[u8]) -> Result<Schema> {
        let e = ModelError::message(KIND);
        let t = root_table(message, FileId::TABLE_SCHEMA, 8).map_err(&e)?;
        let columns = t.tables(0, COLUMN_FIELDS).map_err(&e)?;
        let clustered = t
            .table(1, INDEX_FIELDS)
            .map_err(&e)?
            .ok_or_else(|| ModelError::corrupt(KIND, "no clustered index"))?;
        let hidden_key = |c: &Table<'_>, name: &str| -> Result<bool> {
            let e = ModelError::message(KIND);
            Ok(c.string(0).map_err(&e)? == Some(name)
                && c.bool(10, false).map_err(&e)?
                && c.bool(11, false).map_err(&e)?)
        };
        let keyless = match columns.as_slice() {
            [.., a, b] => hidden_key(a, KEYLESS_HASH)? && hidden_key(b, KEYLESS_CARDINALITY)?,
            _ => false,
        };
        let user = &columns[..columns.len() - if keyless { 2 } else { 0 }];
        let indexes = t.tables(2, INDEX_FIELDS).map_err(&e)?;
        let mut schema = Schema {
            columns: user.iter().map(decode_column).collect::<Result<_>>()?,
            primary_key: if keyless {
                Vec::new()
            } else {
                positions(&clustered, 2)?
            },
            indexes: indexes.iter().map(decode_index).collect::<Result<_>>()?,
            checks: t
                .tables(3, 4)
                .map_err(&e)?
                .iter()
                .map(|c| {
                    Ok(Check {
                        name: text(c, 0).map_err(&e)?,
                        expression: text(c, 1).map_err(&e)?,
                        enforced: c.bool(2, false).map_err(&e)?,
                        is_not_valid: c.bool(3, false).map_err(&e)?,
                    })
                })
                .collect::<Result<_>>()?,
            collation: match t.u16(4, 0).map_err(&e)? {
                0 => CollationId::DEFAULT,
                n => CollationId(n),
            },
            comment: text(&t, 6).map_err(&e)?,
            target_row_size: t.u16(7, DEFAULT_TARGET_ROW_SIZE).map_err(&e)?,
            suffix_by_position: false,
        };
        schema.check_consistency()?;
        for (index, message) in schema.indexes.iter().zip(&indexes) {
            let listed = positions(message, 3)?;
            if !listed.is_empty() && listed != schema.index_key_columns(index) {
                schema.suffix_by_position = true;
                break;
            }
        }
        Ok(schema)
    }

    /// The message, as current programs write it.
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.encode_as(Layout {
            on_update_strings: true,
            comment_string: true,
        })
    }

    /// The message as programs before tables had comments wrote it; only to recognize those.
    pub fn encode_older(&self, on_update_strings: bool) -> Result<Vec<u8>> {
        self.encode_as(Layout {
            on_update_strings,
            comment_string: false,
        })
    }

    fn encode_as(&self, layout: Layout) -> Result<Vec<u8>> {
        let mut b = Builder::new();
        let keyless = self.is_keyless();
        let n = self.columns.len();
        let mut columns = vec![Offset::NONE; n + if keyless { 2 } else { 0 }];
        if keyless {
            for (at, name, tag, encoding) in [
                (
                    n + 1,
                    KEYLESS_CARDINALITY,
                    KEYLESS_CARDINALITY_TAG,
                    Encoding::Uint64,
                ),
                (n, KEYLESS_HASH, KEYLESS_HASH_TAG, Encoding::Hash128),
            ] {
                let name = b.string(name);
                b.start_table(COLUMN_FIELDS);
                b.add_offset(0, name);
                b.add_i16(4, -1, 0);
                b.add_u64(5, tag, 0);
                b.add_u8(6, encoding.id(), 0);
                b.add_bool(11, true, false);
                b.add_bool(10, true, false);
                columns[at] = b.end_table();
            }
        }
        for (i, c) in self.columns.iter().enumerate().rev() {
            columns[i] = encode_column(&mut b, i, c, layout);
        }
        let columns = b.offsets(&columns);

        let key: Vec<u16> = if keyless {
            vec![n as u16]
        } else {
            self.primary_key.iter().map(|p| *p as u16).collect()
        };
        let first_values = if keyless { Some(n as u16 + 1) } else { None };
        let rest = (0..n as u16).filter(|p| keyless || !key.contains(p));
        let value: Vec<u16> = first_values.into_iter().chain(rest).collect();
        let key = b.u16s(key.into_iter());
        let value = b.u16s(value.into_iter());
        b.start_table(INDEX_FIELDS);
        b.add_offset(2, key);
        b.add_offset(3, key);
        b.add_offset(4, value);
        b.add_bool(5, true, false);
        b.add_bool(6, true, false);
        let clustered = b.end_table();

        let mut sorted: Vec<&Index> = self.indexes.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let mut indexes = vec![Offset::NONE; sorted.len()];
        for (i, index) in sorted.into_iter().enumerate().rev() {
            indexes[i] = self.encode_index(&mut b, index);
        }
        let indexes = b.offsets(&indexes);

        let mut checks = vec![Offset::NONE; self.checks.len()];
        for (i, c) in self.checks.iter().enumerate().rev() {
            let expression = b.string(&c.expression);
            let name = b.string(&c.name);
            b.start_table(4);
            b.add_bool(2, c.enforced, false);
            b.add_offset(1, expression);
            b.add_offset(0, name);
            b.add_bool(3, c.is_not_valid, false);
            checks[i] = b.end_table();
        }
        let checks = b.offsets(&checks);
        let comment = if layout.comment_string {
            b.string(&self.comment)
        } else {
            Offset::NONE
        };
        let has_features = self.columns.iter().any(|c| !c.on_update.is_empty())
            || !self.comment.is_empty()
            || self.target_row_size != DEFAULT_TARGET_ROW_SIZE;

        b.start_table(8);
        b.add_offset(1, clustered);
        b.add_offset(0, columns);
        b.add_offset(2, indexes);
        b.add_offset(3, checks);
        b.add_u16(4, self.collation.0, 0);
        if !self.comment.is_empty() {
            b.add_offset(6, comment);
        }
        b.add_u16(7, self.target_row_size, DEFAULT_TARGET_ROW_SIZE);
        b.add_bool(5, has_features, false);
        let root = b.end_table();
        b.finish(root, FileId::TABLE_SCHEMA)
            .map_err(ModelError::message(KIND))
    }

    fn encode_index(&self, b: &mut Builder, index: &Index) -> Offset {
        let name = b.string(&index.name);
        let comment = b.string(&index.comment);
        let predicate = if index.predicate.is_empty() {
            Offset::NONE
        } else {
            b.string(&index.predicate)
        };
        let columns = b.u16s(index.columns.iter().map(|p| *p as u16));
        let key_columns = self.listed_key_columns(index);
        let key_columns = b.u16s(key_columns.iter().map(|p| *p as u16));
        let prefixes = b.u16s(index.prefix_lengths.iter().copied());
        let mut fulltext = Offset::NONE;
        if let Some(f) = &index.fulltext {
            let tables = [
                b.string(&f.config_table),
                b.string(&f.position_table),
                b.string(&f.doc_count_table),
                b.string(&f.global_count_table),
                b.string(&f.row_count_table),
            ];
            let key_name = b.string(&f.key_name);
            let key_positions = b.u16s(f.key_positions.iter().copied());
            b.start_table(8);
            for (slot, table) in tables.into_iter().enumerate() {
                b.add_offset(slot, table);
            }
            let key_type = match f.key_type {
                KeyType::Primary => 0,
                KeyType::Unique => 1,
                KeyType::None => 2,
            };
            b.add_u8(5, key_type, 0);
            b.add_offset(6, key_name);
            b.add_offset(7, key_positions);
            fulltext = b.end_table();
        }
        let mut vector = Offset::NONE;
        if let Some(distance) = index.vector {
            b.start_table(1);
            b.add_u8(0, distance, 0);
            vector = b.end_table();
        }
        b.start_table(INDEX_FIELDS);
        b.add_offset(0, name);
        b.add_offset(1, comment);
        b.add_offset(2, columns);
        b.add_offset(3, key_columns);
        b.add_bool(6, index.unique, false);
        b.add_bool(7, index.system_defined, false);
        b.add_offset(8, prefixes);
        b.add_bool(9, index.spatial, false);
        b.add_bool(10, index.fulltext.is_some(), false);
        b.add_offset(11, fulltext);
        b.add_bool(12, index.vector.is_some(), false);
        b.add_offset(13, vector);
        b.add_offset(14, predicate);
        b.end_table()
    }
}

fn encode_column(b: &mut Builder, position: usize, c: &Column, layout: Layout) -> Offset {
    let comment = b.string(&c.comment);
    let expression = b.string(&c.expression);
    // Written even when nothing refers to it: its bytes are part of the hash (spec 03 §5.5).
    let on_update = if layout.on_update_strings {
        b.string(&c.on_update)
    } else {
        Offset::NONE
    };
    let sql_type = b.string(&c.type_text);
    let name = b.string(&c.name);
    b.start_table(COLUMN_FIELDS);
    b.add_offset(0, name);
    b.add_offset(1, sql_type);
    b.add_offset(2, expression);
    b.add_offset(3, comment);
    b.add_i16(4, position as i16, 0);
    b.add_u64(5, c.tag, 0);
    b.add_u8(6, c.encoding.id(), 0);
    b.add_bool(7, c.primary_key, false);
    b.add_bool(9, c.auto_increment, false);
    b.add_bool(8, c.nullable, false);
    b.add_bool(11, c.generated, false);
    b.add_bool(12, c.is_virtual, false);
    if !c.on_update.is_empty() {
        b.add_offset(13, on_update);
    }
    b.add_bool(14, c.adaptive_markers.0, false);
    b.add_bool(16, c.adaptive_markers.0 && c.adaptive_markers.1, false);
    b.add_bool(10, c.hidden, false);
    b.add_bool(15, c.hidden_system, false);
    b.end_table()
}
