//! Keys and constraints of a definition.

use super::*;

/// What a table's definition asks for besides columns.
#[derive(Default)]
pub(in crate::ddl) struct Pending {
    pub foreign_keys: Vec<(
        Option<String>,
        Option<String>,
        Vec<ast::Ident>,
        ast::References,
    )>,
    pub checks: Vec<ast::Check>,
}

/// Longest prefix of a key, in bytes. Whole columns may be longer, as in Dolt.
const MAX_KEY_BYTES: u64 = 3072;

/// Bytes that one unit of a prefix length may take.
pub(super) fn bytes_per_unit(ty: &SqlType) -> u64 {
    match ty {
        SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => {
            u64::from(c.get().charset.max_length)
        }
        _ => 1,
    }
}

/// Columns of an index by position, with prefix lengths in characters or bytes; without `kind`, of
/// the primary key.
pub(super) fn key_columns(
    schema: &Schema,
    def: &IndexDef,
    kind: Option<IndexKind>,
) -> Result<(Vec<usize>, Vec<u16>)> {
    let mut columns = Vec::new();
    let mut prefixes = Vec::new();
    for part in &def.parts {
        let KeyPartWhat::Column { name, length } = &part.what else {
            return Err(Error::not_supported("functional key parts"));
        };
        let i = schema
            .column_index(name)
            .ok_or_else(|| Error::key_column_missing(&**name))?;
        if columns.contains(&i) {
            return Err(Error::duplicate_column(&**name));
        }
        let c = &schema.columns[i];
        let max = match &c.sql_type {
            SqlType::Char(n, _) | SqlType::VarChar(n, _) => Some(*n as u64),
            SqlType::Binary(n) | SqlType::VarBinary(n) => Some(*n as u64),
            SqlType::Text(..) | SqlType::Blob(_) => None,
            _ if length.is_some() => return Err(Error::subkey_length()),
            _ => Some(u64::MAX),
        };
        match (length, max) {
            (Some(0), _) => {
                return Err(Error::new(
                    1391,
                    "HY000",
                    format!("Key part '{name}' length cannot be 0"),
                ));
            }
            (Some(n), Some(max)) if *n > max => return Err(Error::subkey_length()),
            (None, None) if kind.is_none() => return Err(Error::blob_key_without_length(&**name)),
            _ => {}
        }
        if matches!(c.sql_type, SqlType::Json) && kind != Some(IndexKind::Vector) {
            return Err(Error::new(
                3152,
                "42000",
                format!(
                    "JSON column '{name}' supports indexing only via generated columns on a specified JSON path."
                ),
            ));
        }
        let n = length.filter(|n| max != Some(*n)).unwrap_or(0);
        if n.saturating_mul(bytes_per_unit(&c.sql_type)) > MAX_KEY_BYTES {
            return Err(Error::key_too_long(MAX_KEY_BYTES));
        }
        columns.push(i);
        prefixes.push(n.min(u16::MAX as u64) as u16);
    }
    if prefixes.iter().all(|p| *p == 0) {
        prefixes.clear();
    }
    Ok((columns, prefixes))
}

/// A vector index is over one column of vectors, or of JSON arrays of numbers.
pub(super) fn check_vector_key(schema: &Schema, columns: &[usize]) -> Result<()> {
    let [column] = columns else {
        return Err(Error::general(
            "a vector index must have exactly one column",
        ));
    };
    let c = &schema.columns[*column];
    if !matches!(c.sql_type, SqlType::Vector(_) | SqlType::Json) {
        return Err(Error::general(
            "a vector index colum must be a vector or JSON",
        ));
    }
    if c.nullable {
        return Err(Error::general(
            "All parts of a VECTOR index must be NOT NULL",
        ));
    }
    Ok(())
}

/// A spatial index is over one column of geometries.
pub(super) fn check_spatial_key(
    session: &Session,
    schema: &Schema,
    columns: &[usize],
) -> Result<()> {
    let [column] = columns else {
        return Err(Error::new(
            1070,
            "42000",
            "Too many key parts specified; max 1 parts allowed",
        ));
    };
    let c = &schema.columns[*column];
    let SqlType::Geometry(_, srid) = c.sql_type else {
        return Err(Error::new(
            1687,
            "42000",
            "A SPATIAL index may only contain a geometrical type column",
        ));
    };
    if c.nullable {
        return Err(Error::new(
            1252,
            "42000",
            "All parts of a SPATIAL index must be NOT NULL",
        ));
    }
    if srid.is_none() {
        session.push_warning(
            3674,
            format!(
                "The spatial index on column '{}' will not be used by the query optimizer since the column does not have an SRID attribute. Consider adding an SRID attribute to the column.",
                c.name
            ),
        );
    }
    Ok(())
}

/// Adds an index to a schema; a key that a foreign key made for itself gives way to an equal one.
pub(in crate::ddl) fn add_index(
    session: &Session,
    schema: &mut Schema,
    kind: IndexKind,
    def: &IndexDef,
    name: Option<&str>,
) -> Result<String> {
    let unique = kind == IndexKind::Unique;
    // Dolt takes whole texts as unique keys, unless it is told to be as strict as MySQL.
    let strict = matches!(
        session.variable("strict_mysql_compatibility"),
        Value::Int(1)
    );
    let has_limit = unique && strict;
    let (columns, prefixes) = key_columns(schema, def, Some(kind).filter(|_| !has_limit))?;
    match kind {
        IndexKind::Vector => check_vector_key(schema, &columns)?,
        IndexKind::Fulltext => fulltext::check_key(schema, &columns)?,
        IndexKind::Spatial => check_spatial_key(session, schema, &columns)?,
        _ => {}
    }
    if kind == IndexKind::Plain {
        for (n, c) in columns.iter().enumerate() {
            let large = matches!(
                schema.columns[*c].sql_type,
                SqlType::Text(..) | SqlType::Blob(_)
            );
            if large && prefixes.get(n).is_none_or(|p| *p == 0) {
                return Err(Error::blob_key_without_length(&schema.columns[*c].name));
            }
        }
    }
    let name = match name.or(def.name.as_deref()) {
        Some(n) => {
            check_identifier(n)?;
            if n.to_lowercase().starts_with("dolt_") {
                return Err(Error::general("indexes cannot be prefixed with `dolt_`"));
            }
            if n.eq_ignore_ascii_case("primary") {
                return Err(Error::new(
                    1280,
                    "42000",
                    format!("Incorrect index name '{n}'"),
                ));
            }
            n.to_string()
        }
        None => {
            let mut existing: Vec<&str> = schema.indexes.iter().map(|i| i.name.as_str()).collect();
            existing.push("PRIMARY");
            index_name(&schema.columns[columns[0]].name, &existing)
        }
    };
    if schema.index_position(&name).is_some() {
        return Err(Error::dup_key_name(name));
    }
    let mut index = Index::new(name.clone(), columns);
    index.unique = unique;
    index.prefix_lengths = prefixes;
    index.spatial = kind == IndexKind::Spatial;
    index.fulltext = (kind == IndexKind::Fulltext).then(fulltext::unmade);
    // Squared Euclidean distance is the only one there is.
    index.vector = (kind == IndexKind::Vector).then_some(1);
    for o in &def.options {
        if let ast::IndexOption::Comment(text) = o {
            index.comment = text.to_string();
        }
    }
    schema.indexes.push(index);
    Ok(name)
}

/// Sets the primary key of a schema.
pub(in crate::ddl) fn set_primary_key(schema: &mut Schema, columns: Vec<usize>) -> Result<()> {
    if !schema.primary_key.is_empty() {
        return Err(Error::multiple_primary_key());
    }
    for c in &columns {
        let column = &mut schema.columns[*c];
        if matches!(column.sql_type, SqlType::Text(..) | SqlType::Blob(_)) {
            return Err(Error::blob_key_without_length(&column.name));
        }
        if column.generated && column.is_virtual {
            return Err(Error::new(
                3106,
                "HY000",
                "'Defining a virtual generated column as primary key' is not supported for generated columns.",
            ));
        }
        column.nullable = false;
        column.primary_key = true;
        if column.expression == "NULL" && !column.generated {
            return Err(Error::primary_cant_have_null());
        }
    }
    schema.primary_key = columns;
    Ok(())
}

/// Adds one table constraint to a schema; foreign keys and checks wait until the table is there.
pub(in crate::ddl) fn add_constraint(
    session: &Session,
    schema: &mut Schema,
    c: &TableConstraint,
    pending: &mut Pending,
) -> Result<Option<String>> {
    match c {
        TableConstraint::PrimaryKey { index, .. } => {
            let (columns, prefixes) = key_columns(schema, index, None)?;
            if !prefixes.is_empty() {
                return Err(Error::not_supported("prefix lengths in a primary key"));
            }
            set_primary_key(schema, columns)?;
            Ok(None)
        }
        TableConstraint::Unique { constraint, index } => {
            let name = constraint.as_deref().filter(|_| index.name.is_none());
            add_index(session, schema, IndexKind::Unique, index, name).map(Some)
        }
        TableConstraint::Index { kind, index } => {
            add_index(session, schema, *kind, index, None).map(Some)
        }
        TableConstraint::ForeignKey {
            constraint,
            index_name,
            columns,
            references,
            ..
        } => {
            pending.foreign_keys.push((
                constraint.as_ref().map(|n| n.to_string()),
                index_name.as_ref().map(|n| n.to_string()),
                columns.clone(),
                references.clone(),
            ));
            Ok(None)
        }
        TableConstraint::Check(c) => {
            pending.checks.push(c.clone());
            Ok(None)
        }
    }
}
