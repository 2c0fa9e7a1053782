//! CREATE TABLE, and columns and indexes from their definitions.

use std::collections::BTreeSet;

use model::column_tag::{self, NewColumn};
use model::{Column, Index, Schema, Table, check_name, index_name};
use syntax::ast::{
    self, ColumnAttribute, ColumnDef, CreateTable, IndexDef, IndexKind, KeyPartWhat,
    TableConstraint, TableOption, TypeKind,
};
use values::{CollationId, OwnedValue, SqlType, Value};

use super::stored_text;
use super::types::column_type_named;
use super::{Change, foreign_key, fulltext, rebuild};
use crate::bind::Binder;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::result::ColumnMeta;
use crate::session::Session;

/// Longest name of a table, column, index or constraint.
const MAX_NAME: usize = 64;

pub(super) fn check_identifier(name: &str) -> Result<()> {
    if name.chars().count() > MAX_NAME {
        return Err(Error::identifier_too_long(name));
    }
    Ok(())
}

/// A column from its definition, with what stands among its attributes.
pub(super) struct DefinedColumn {
    pub column: Column,
    pub primary_key: bool,
    pub unique: bool,
    pub key: bool,
    pub checks: Vec<ast::Check>,
    pub references: Option<ast::References>,
    /// NULL was written.
    pub null: bool,
}

/// Reads a column definition; its tag is given later.
pub(super) fn define_column(
    session: &Session,
    def: &ColumnDef,
    collation: CollationId,
) -> Result<DefinedColumn> {
    check_identifier(&def.name)?;
    if def.name.is_empty() || def.name.ends_with(' ') {
        return Err(Error::bad_field(&*def.name));
    }
    let ty = column_type_named(&def.data_type, Some(collation), &def.name)?;
    let mut out = DefinedColumn {
        column: Column::new(def.name.to_string(), ty.clone(), 0),
        primary_key: false,
        unique: false,
        key: false,
        checks: Vec::new(),
        references: None,
        null: false,
    };
    let c = &mut out.column;
    if matches!(def.data_type.kind, TypeKind::Serial) {
        c.nullable = false;
        c.auto_increment = true;
        out.unique = true;
    }
    let mut null = None;
    for a in &def.attributes {
        match a {
            ColumnAttribute::Null => null = Some(true),
            ColumnAttribute::NotNull => null = Some(false),
            ColumnAttribute::Default(d) => {
                let literal = matches!(d.value.expr, ast::Expr::Literal(_));
                let is_null = matches!(d.value.expr, ast::Expr::Literal(ast::Literal::Null));
                let large = matches!(ty, SqlType::Text(..) | SqlType::Blob(_) | SqlType::Json | SqlType::Geometry(..));
                if large && literal && !is_null && !d.parenthesized {
                    return Err(Error::blob_default(&*def.name));
                }
                if has_variable(&d.value.expr) {
                    return Err(Error::new(
                        3772,
                        "HY000",
                        format!(
                            "Default value expression of column '{}' cannot refer user or system variables.",
                            def.name
                        ),
                    ));
                }
                c.expression = default_text(session, &def.name, d, &ty)?;
            }
            ColumnAttribute::OnUpdate(e) => {
                let invalid = || {
                    Error::new(
                        1294,
                        "HY000",
                        format!("Invalid ON UPDATE clause for '{}' column", def.name),
                    )
                };
                c.on_update = stored_text::on_update_text(&e.expr).map_err(|_| invalid())?;
                let digits = match ty {
                    SqlType::DateTime(n) | SqlType::Timestamp(n) => n,
                    _ => return Err(invalid()),
                };
                let wanted = match digits {
                    0 => "CURRENT_TIMESTAMP".to_string(),
                    n => format!("CURRENT_TIMESTAMP({n})"),
                };
                if c.on_update != wanted {
                    return Err(invalid());
                }
            }
            ColumnAttribute::AutoIncrement => {
                if !matches!(ty, SqlType::Int { .. } | SqlType::Float | SqlType::Double) {
                    return Err(Error::wrong_column_spec(&*def.name));
                }
                c.auto_increment = true;
            }
            ColumnAttribute::PrimaryKey => out.primary_key = true,
            ColumnAttribute::Unique => out.unique = true,
            ColumnAttribute::Key => out.key = true,
            ColumnAttribute::Comment(text) => c.comment = text.to_string(),
            ColumnAttribute::Generated { expr, kind } => {
                c.generated = true;
                c.is_virtual = *kind != Some(ast::GeneratedKind::Stored);
                if has_variable(&expr.expr) {
                    return Err(Error::new(
                        3765,
                        "HY000",
                        format!(
                            "Expression of generated column '{}' cannot refer user or system variables.",
                            def.name
                        ),
                    ));
                }
                c.expression = stored_text::generated_text(&expr.expr)?;
            }
            ColumnAttribute::Check(check) => out.checks.push(check.clone()),
            ColumnAttribute::Srid(n) => {
                // The systems of EPSG have numbers from 2000 on.
                if *n != 0 && !(2000..=32766).contains(n) {
                    return Err(Error::new(
                        3548,
                        "SR001",
                        format!("There's no spatial reference system with SRID {n}."),
                    ));
                }
                if let SqlType::Geometry(kind, _) = ty {
                    c.set_type(SqlType::Geometry(kind, Some(*n)));
                }
            }
            // Dolt makes a foreign key of it, where MySQL 8 ignores it.
            ColumnAttribute::References(r) => out.references = Some(r.clone()),
            ColumnAttribute::Visible
            // Dolt keeps no note of INVISIBLE, and a note would change the schema's hash.
            | ColumnAttribute::Invisible
            | ColumnAttribute::ColumnFormat(_)
            | ColumnAttribute::Storage(_)
            | ColumnAttribute::EngineAttribute(_)
            | ColumnAttribute::SecondaryEngineAttribute(_) => {}
        }
    }
    out.null = null == Some(true);
    if out.primary_key && out.null {
        return Err(Error::primary_cant_have_null());
    }
    let c = &mut out.column;
    if let Some(null) = null {
        c.nullable = null;
    }
    if c.auto_increment {
        c.nullable = false;
        if !c.expression.is_empty() {
            return Err(Error::invalid_default(&*def.name));
        }
    }
    if out.primary_key {
        c.nullable = false;
    }
    if !c.generated && !c.nullable && c.expression == "NULL" {
        return Err(Error::invalid_default(&*def.name));
    }
    Ok(out)
}

fn has_variable(e: &ast::Expr) -> bool {
    let mut found = false;
    crate::bind::aggregate::walk(e, &mut |e| {
        found |= matches!(e, ast::Expr::UserVar(_) | ast::Expr::SystemVar(_));
    });
    found
}

/// Functions that a check must not call, as they give something else at another time or place.
const NOT_IN_CHECKS: &[&str] = &[
    "benchmark",
    "connection_id",
    "current_role",
    "current_user",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "curtime",
    "database",
    "found_rows",
    "get_lock",
    "is_free_lock",
    "is_used_lock",
    "last_insert_id",
    "load_file",
    "localtime",
    "localtimestamp",
    "now",
    "rand",
    "random_bytes",
    "release_all_locks",
    "release_lock",
    "row_count",
    "schema",
    "session_user",
    "sleep",
    "sysdate",
    "system_user",
    "user",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
    "uuid_short",
    "version",
];

/// Checks depend on their row alone.
fn check_is_pure(e: &ast::Expr, name: &str) -> Result<()> {
    let mut called = None;
    crate::bind::aggregate::walk(e, &mut |e| {
        if let ast::Expr::Function(f) = e {
            let function = f.name.to_lowercase();
            if f.db.is_none() && NOT_IN_CHECKS.contains(&function.as_str()) {
                called.get_or_insert(function);
            }
        }
    });
    if let Some(function) = called {
        return Err(Error::new(
            3814,
            "HY000",
            format!(
                "An expression of a check constraint '{name}' contains disallowed function: {function}."
            ),
        ));
    }
    let mut query = false;
    crate::bind::aggregate::walk(e, &mut |e| {
        query |= matches!(e, ast::Expr::Subquery(_) | ast::Expr::Exists(_));
    });
    if query {
        return Err(Error::new(
            3815,
            "HY000",
            format!("An expression of a check constraint '{name}' contains disallowed function."),
        ));
    }
    if has_variable(e) {
        return Err(Error::new(
            3816,
            "HY000",
            format!(
                "An expression of a check constraint '{name}' cannot refer to a user or system variable."
            ),
        ));
    }
    Ok(())
}

/// The stored text of a DEFAULT: a literal is stored as the value that the column makes of it
/// (spec 03 §8), and must be one.
pub(super) fn default_text(
    session: &Session,
    column: &str,
    d: &ast::DefaultValue,
    ty: &SqlType,
) -> Result<String> {
    let e = &d.value.expr;
    let literal = match e {
        ast::Expr::Literal(ast::Literal::Null) => false,
        ast::Expr::Literal(_) => true,
        ast::Expr::Unary { expr, .. } => matches!(**expr, ast::Expr::Literal(_)),
        _ => false,
    };
    let now = matches!(e, ast::Expr::Function(f) if stored_text::is_now(&f.name));
    if now && !d.parenthesized && !matches!(ty, SqlType::DateTime(_) | SqlType::Timestamp(_)) {
        return Err(Error::invalid_default(column));
    }
    if !literal || d.parenthesized {
        return stored_text::default_text(e, d.parenthesized);
    }
    let modes = session.modes();
    let bound = Binder::new(session, &modes, &[]).bind_alone(e)?;
    let cx = Context::new(session, &[], Vec::new());
    let env = crate::env::Env::new(0, None, &cx);
    let value = bound.expr.eval(&env)?;
    let value = match (e, ty) {
        // Hexadecimal and bit literals are numbers to a number.
        (
            ast::Expr::Literal(ast::Literal::Hex { bytes, .. } | ast::Literal::Bit { bytes, .. }),
            SqlType::Int { .. } | SqlType::Decimal { .. } | SqlType::Float | SqlType::Double,
        ) if bytes.len() <= 8 => Value::UInt(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))),
        _ => value,
    };
    let from = match &value {
        Value::UInt(_) => crate::bind::type_of_value(&value.clone().into_owned(), modes.connection),
        _ => bound.ty.clone(),
    };
    let stored = values::conversion::store(&value, &from, ty, &cx.conversion)
        .map_err(|_| Error::invalid_default(column))?;
    if let (SqlType::Enum(..), Value::Bytes(text)) = (ty, &value) {
        // A number in quotes is no member, but the member's number where it is stored.
        let member = values::conversion::to_text(&stored, ty).unwrap_or_default();
        if text.first().is_some_and(u8::is_ascii_digit)
            && !member.eq_ignore_ascii_case(text.trim_ascii_end())
        {
            return Err(Error::invalid_default(column));
        }
    }
    if matches!(
        (ty, &value),
        (SqlType::Enum(..), Value::Int(_) | Value::UInt(_))
    ) {
        return Err(Error::invalid_default(column));
    }
    match stored_text::value_text(&stored, ty) {
        Some(text) => Ok(text),
        None => stored_text::default_text(e, d.parenthesized),
    }
}

/// What a table's definition asks for besides columns.
#[derive(Default)]
pub(super) struct Pending {
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
fn bytes_per_unit(ty: &SqlType) -> u64 {
    match ty {
        SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => {
            u64::from(c.get().charset.max_length)
        }
        _ => 1,
    }
}

/// Columns of an index by position, with prefix lengths in characters or bytes; without `kind`, of
/// the primary key.
fn key_columns(
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
fn check_vector_key(schema: &Schema, columns: &[usize]) -> Result<()> {
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
fn check_spatial_key(session: &Session, schema: &Schema, columns: &[usize]) -> Result<()> {
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
pub(super) fn add_index(
    session: &Session,
    schema: &mut Schema,
    kind: IndexKind,
    def: &IndexDef,
    name: Option<&str>,
) -> Result<String> {
    let unique = kind == IndexKind::Unique;
    let (columns, prefixes) = key_columns(schema, def, Some(kind))?;
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
pub(super) fn set_primary_key(schema: &mut Schema, columns: Vec<usize>) -> Result<()> {
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
pub(super) fn add_constraint(
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

/// Adds checks, whose conditions must be about the table's own columns.
pub(super) fn add_checks(
    session: &Session,
    change: &Change<'_>,
    table: &str,
    schema: &mut Schema,
    checks: &[ast::Check],
) -> Result<()> {
    let keys = change.root.foreign_keys()?;
    for c in checks {
        let text = stored_text::check_text(&c.expr.expr)?;
        let names = |schema: &Schema| -> Vec<String> {
            schema
                .checks
                .iter()
                .map(|c| c.name.clone())
                .chain(keys.of_child(table).map(|k| k.name.clone()))
                .collect()
        };
        let existing = names(schema);
        let name = match &c.name {
            Some(n) => {
                check_identifier(n)?;
                if existing.iter().any(|e| e.eq_ignore_ascii_case(n)) {
                    return Err(Error::check_duplicate(&**n));
                }
                n.to_string()
            }
            None => {
                let list: Vec<&str> = existing.iter().map(String::as_str).collect();
                check_name(table, &text, &list)
            }
        };
        check_is_pure(&c.expr.expr, &name)?;
        bind_check(session, schema, table, &c.expr.expr, &name)?;
        schema.checks.push(model::Check {
            name,
            expression: text,
            enforced: c.enforced,
            is_not_valid: false,
        });
    }
    Ok(())
}

fn bind_check(
    session: &Session,
    schema: &Schema,
    table: &str,
    e: &ast::Expr,
    name: &str,
) -> Result<()> {
    let objects = session.current().map(|d| d.handle.store.objects().clone());
    let objects = objects.unwrap_or_else(|_| model::Objects::in_memory());
    let t = Table::new(&objects, schema)?;
    let state = rebuild::state_of(table, t, "")?;
    let modes = crate::generated::stored_modes();
    let mut binder = Binder::new(session, &modes, &[]);
    binder
        .bind_over_table(&state.def, table, e, "check constraint")
        .map_err(|err| match err.code {
            1054 => Error::new(
                3820,
                "HY000",
                format!(
                    "Check constraint '{name}' refers to non-existing column {}.",
                    quoted_name(&err.message)
                ),
            ),
            _ => err,
        })?;
    Ok(())
}

fn quoted_name(message: &str) -> String {
    message
        .split('\'')
        .nth(1)
        .map_or(String::new(), |n| format!("'{n}'"))
}

/// Gives tags to the columns of a new table.
pub(super) fn give_tags(change: &Change<'_>, table: &str, schema: &mut Schema) -> Result<()> {
    let taken = change.tags_in_use()?;
    let existing = change.columns_at_head(table, schema)?;
    let new: Vec<NewColumn<'_>> = schema
        .columns
        .iter()
        .map(|c| NewColumn {
            name: &c.name,
            kind: column_tag::kind(&c.sql_type),
        })
        .collect();
    let reserved = reserved_tags(table);
    let tags = column_tag::generate_all(table, &existing, &new, &taken);
    for (i, (c, tag)) in schema.columns.iter_mut().zip(tags).enumerate() {
        c.tag = reserved.get(i).copied().unwrap_or(tag);
    }
    Ok(())
}

/// Tags that the format fixes for the columns of some system tables (spec 03 §17).
fn reserved_tags(table: &str) -> Vec<u64> {
    match table {
        "dolt_schemas" => (4008..=4012).map(|n| column_tag::SYSTEM_TAGS + n).collect(),
        "dolt_procedures" => (6000..=6004).map(|n| column_tag::SYSTEM_TAGS + n).collect(),
        _ => Vec::new(),
    }
}

/// CREATE TABLE.
pub(crate) fn create_table(
    session: &Session,
    c: &CreateTable,
    text: &[u8],
    params: &[OwnedValue],
) -> Result<u64> {
    let db = super::database_of(session, &c.name)?;
    let mut change = Change::new(session, &db)?;
    let name = c.name.name.to_string();
    check_identifier(&name)?;
    check_table_name(&name)?;
    if crate::dolt::nonlocal::find(session, &db, &change.root, &name)?.is_some() {
        return Err(Error::general(format!(
            "Cannot create table name {name} because it matches a name present in dolt_nonlocal_tables."
        )));
    }
    if change.root.has_table(&name) || change.root.views()?.contains_key(&name.to_lowercase()) {
        if c.if_not_exists {
            session.push_warning(1050, format!("Table '{name}' already exists"));
            return Ok(0);
        }
        return Err(Error::table_exists(name));
    }
    let mut rows = Vec::new();
    let mut next_number = None;
    let mut pending = Pending::default();
    let mut schema = Schema {
        collation: change.root.root.collation(),
        ..Schema::default()
    };
    if let Some(like) = &c.like {
        let source = super::table_database_of(session, like)?;
        let root = session.root_of(&source)?;
        let state = root
            .table(&like.name)?
            .ok_or_else(|| Error::unknown_table_missing(&source.handle.name, &*like.name))?;
        schema = (*state.table.schema().as_ref()).clone();
        for index in schema.indexes.iter_mut().filter(|i| i.fulltext.is_some()) {
            index.fulltext = Some(fulltext::unmade());
        }
        for check in &mut schema.checks {
            check.name = check_name(&name, &check.expression, &[]);
        }
    } else {
        for o in &c.options {
            table_option(&mut schema, o, &mut next_number)?;
        }
        let mut keys: Vec<(IndexKind, usize)> = Vec::new();
        let mut primary = Vec::new();
        let mut null = Vec::new();
        for def in &c.columns {
            let d = define_column(session, def, schema.collation)?;
            if schema.column_index(&def.name).is_some() {
                return Err(Error::duplicate_column(&*def.name));
            }
            let at = schema.columns.len();
            if d.null {
                null.push(at);
            }
            if d.primary_key {
                primary.push(at);
            }
            if d.unique {
                keys.push((IndexKind::Unique, at));
            } else if d.key && !d.primary_key {
                primary.push(at);
            }
            pending.checks.extend(d.checks);
            if let Some(r) = d.references {
                pending
                    .foreign_keys
                    .push((None, None, vec![def.name.clone()], r));
            }
            schema.columns.push(d.column);
        }
        if primary.len() > 1 {
            return Err(Error::multiple_primary_key());
        }
        let mut created = None;
        if let Some(query) = &c.as_query {
            created = Some(select_into_schema(
                session,
                &query.query,
                text,
                params,
                &mut schema,
            )?);
        }
        if schema.columns.is_empty() {
            return Err(Error::table_needs_columns());
        }
        if !primary.is_empty() {
            set_primary_key(&mut schema, primary)?;
        }
        // The primary key first: index names and storage follow from it.
        for constraint in &c.constraints {
            if matches!(constraint, TableConstraint::PrimaryKey { .. }) {
                add_constraint(session, &mut schema, constraint, &mut pending)?;
            }
        }
        if null.iter().any(|c| schema.primary_key.contains(c)) {
            return Err(Error::primary_cant_have_null());
        }
        for (kind, column) in keys {
            let def = column_index(&schema.columns[column].name);
            add_index(session, &mut schema, kind, &def, None)?;
        }
        for constraint in &c.constraints {
            if !matches!(constraint, TableConstraint::PrimaryKey { .. }) {
                let constraint =
                    super::functional_key::with_columns(session, &name, &mut schema, constraint)?;
                add_constraint(session, &mut schema, &constraint, &mut pending)?;
            }
        }
        if let Some(list) = created {
            rows = list;
        }
    }
    check_auto_increment(&schema)?;
    give_tags(&change, &name, &mut schema)?;
    let checks = std::mem::take(&mut pending.checks);
    add_checks(session, &change, &name, &mut schema, &checks)?;
    check_generated(session, &name, &schema)?;
    session_reset_counter(&db, &name);
    let objects = db.handle.store.objects().clone();
    let count = rows.len() as u64;
    let table = if rows.is_empty() {
        let t = Table::new(&objects, &schema)?;
        match next_number {
            Some(n) if n > 1 => t.with_auto_increment(n),
            _ => t,
        }
    } else {
        rebuild::table_of(&objects, &name, &db.handle.name, &schema, rows, next_number)?
    };
    change.put_table(&name, &table)?;
    fulltext::follow(&mut change, &name, None)?;
    if crate::temporary::is_temporary(&db.name) && !pending.foreign_keys.is_empty() {
        return Err(Error::new(
            1215,
            "HY000",
            "Cannot add foreign key constraint",
        ));
    }
    for (constraint, index, columns, references) in pending.foreign_keys {
        foreign_key::add(
            session,
            &mut change,
            &name,
            constraint,
            index,
            &columns,
            &references,
            true,
        )?;
    }
    change.finish()?;
    Ok(count)
}

fn session_reset_counter(db: &crate::session::DbRef, table: &str) {
    // A new table counts from one unless another branch has one of this name.
    let elsewhere = db
        .handle
        .store
        .branches()
        .map(|b| b.len() > 1)
        .unwrap_or(true);
    if !elsewhere {
        db.handle.reset_number(table);
    }
}

pub(super) fn check_table_name(name: &str) -> Result<()> {
    if name.is_empty() || name.ends_with(char::is_whitespace) || name.contains('\0') {
        return Err(Error::bad_table_name(name));
    }
    let lower = name.to_lowercase();
    let reserved = lower.starts_with("dolt_") || lower == "dolt";
    if reserved && lower != "dolt_tests" {
        return Err(Error::general(format!(
            "Invalid table name {name}. Table names beginning with `dolt_` are reserved for internal use"
        )));
    }
    Ok(())
}

fn column_index(name: &str) -> IndexDef {
    IndexDef {
        name: None,
        if_not_exists: false,
        parts: vec![ast::KeyPart {
            what: KeyPartWhat::Column {
                name: name.into(),
                length: None,
            },
            descending: false,
        }],
        options: Vec::new(),
    }
}

pub(super) fn check_auto_increment(schema: &Schema) -> Result<()> {
    let mut auto = schema
        .columns
        .iter()
        .enumerate()
        .filter(|(_, c)| c.auto_increment);
    let Some((i, _)) = auto.next() else {
        return Ok(());
    };
    let keyed = schema.primary_key.first() == Some(&i)
        || schema.primary_key.contains(&i)
        || schema.indexes.iter().any(|x| x.columns.first() == Some(&i));
    if auto.next().is_some() || !keyed {
        return Err(Error::one_auto_column());
    }
    Ok(())
}

/// Generated columns and expression defaults refer to columns that exist.
pub(super) fn check_generated(session: &Session, table: &str, schema: &Schema) -> Result<()> {
    if schema
        .columns
        .iter()
        .all(|c| c.expression.is_empty() || !c.expression.starts_with('('))
    {
        return Ok(());
    }
    let t = Table::new(&model::Objects::in_memory(), schema)?;
    let state = rebuild::state_of(table, t, "")?;
    let modes = crate::generated::stored_modes();
    let computed = |c: &Column| c.expression.starts_with('(');
    for (i, c) in schema
        .columns
        .iter()
        .enumerate()
        .filter(|(_, c)| computed(c))
    {
        let e = syntax::parse_expr(c.expression.as_bytes(), &modes.syntax)
            .map_err(crate::statement::syntax_error)?;
        let mut binder = Binder::new(session, &modes, c.expression.as_bytes());
        let clause = if c.generated {
            "generated column function"
        } else {
            "default value expression"
        };
        let bound = binder.bind_over_table(&state.def, table, &e, clause)?;
        let mut later = Vec::new();
        bound.expr.columns_used(&mut later);
        // What is computed later has no value yet.
        let early = |j: usize| j > i && computed(&schema.columns[j]);
        if !later.into_iter().any(|j| early(j.into())) {
            continue;
        }
        return Err(match c.generated {
            true => Error::new(
                3107,
                "HY000",
                "Generated column can refer only to generated columns defined prior to it.",
            ),
            false => Error::new(
                3767,
                "HY000",
                format!(
                    "Default value expression of column '{}' cannot refer to a column defined after it if that column is a generated column or has an expression as default value.",
                    c.name
                ),
            ),
        });
    }
    Ok(())
}

pub(super) fn table_option(
    schema: &mut Schema,
    o: &TableOption,
    next: &mut Option<u64>,
) -> Result<()> {
    match o {
        TableOption::AutoIncrement(n) => *next = Some(*n),
        TableOption::Charset(Some(name)) => {
            let c = crate::bind::types::charset_default(name)
                .ok_or_else(|| Error::unknown_charset(name))?;
            schema.collation = c.id;
        }
        TableOption::Charset(None) => {}
        TableOption::Collate(name) => {
            let c =
                values::collation::by_name(name).ok_or_else(|| Error::unknown_collation(name))?;
            schema.collation = c.id;
        }
        TableOption::Comment(text) => schema.comment = text.to_string(),
        TableOption::Engine(_) => {}
        TableOption::Other { name, value } => {
            if &**name == "TARGET_ROW_SIZE"
                && let ast::OptionValue::Number(n) = value
            {
                let n: u64 = n
                    .parse()
                    .map_err(|_| Error::wrong_arguments("TARGET_ROW_SIZE"))?;
                schema.target_row_size = u16::try_from(n).map_err(|_| {
                    Error::general(format!(
                        "target_row_size {n} exceeds maximum allowed value 65535"
                    ))
                })?;
            }
        }
    }
    Ok(())
}

/// Columns and rows of CREATE TABLE .. SELECT.
fn select_into_schema(
    session: &Session,
    q: &ast::Query,
    text: &[u8],
    params: &[OwnedValue],
    schema: &mut Schema,
) -> Result<Vec<Vec<OwnedValue>>> {
    let modes = session.modes();
    let mut binder = Binder::new(session, &modes, text);
    let plan = binder.bind_query(q)?;
    let mut places = Vec::new();
    let items: &[ast::SelectItem] = match &q.body {
        ast::SetExpr::Select(s) if s.items.len() == plan.columns.len() => &s.items,
        _ => &[],
    };
    for (n, c) in plan.columns.iter().enumerate() {
        match schema.column_index(&c.name) {
            Some(i) => places.push(i),
            None => {
                let few_digits = match items.get(n) {
                    Some(ast::SelectItem::Expr { expr, .. }) => {
                        literal_digits(expr).is_some_and(|n| n < 10)
                    }
                    _ => false,
                };
                let ty = match &c.ty {
                    SqlType::Null => SqlType::Binary(0),
                    SqlType::Int {
                        width: values::IntWidth::Big,
                        unsigned: false,
                        ..
                    } if few_digits => SqlType::Int {
                        width: values::IntWidth::Int,
                        unsigned: false,
                        bool_width: false,
                    },
                    other => other.clone(),
                };
                let mut column = Column::new(c.name.clone(), ty, 0);
                column.nullable = !c.not_null;
                column.expression = default_of_source(session, c)?;
                places.push(schema.columns.len());
                schema.columns.push(column);
            }
        }
    }
    let views = session.open_views(&binder.tables, true)?;
    let cx = Context::new(session, params, views);
    let mut rows = Vec::new();
    let mut number = 0;
    crate::exec::query(&plan, None, &cx, &mut |row| {
        number += 1;
        let mut out = vec![values::Value::Null; schema.columns.len()];
        for (i, (c, at)) in plan.columns.iter().zip(&places).enumerate() {
            let v = row.get(i)?;
            let target = &schema.columns[*at];
            out[*at] = values::conversion::store(&v, &c.ty, &target.sql_type, &cx.conversion)
                .map_err(|e| Error::new(e.code(), e.sqlstate(), e.text(&target.name, number)))?;
            if matches!(target.sql_type, SqlType::Timestamp(_)) {
                out[*at] = crate::functions::stored_timestamp(&out[*at], modes.zone);
            }
        }
        rows.push(out);
        Ok(crate::result::Flow::Continue)
    })?;
    Ok(rows)
}

/// How many digits integer literals give to what is made of them alone.
fn literal_digits(e: &ast::Expr) -> Option<usize> {
    match e {
        ast::Expr::Literal(ast::Literal::Int(n)) => Some(n.to_string().len()),
        ast::Expr::Literal(ast::Literal::Null) => Some(0),
        ast::Expr::Unary { expr, .. } => literal_digits(expr).map(|n| n + 1),
        ast::Expr::Function(f)
            if f.db.is_none()
                && ["coalesce", "ifnull"]
                    .iter()
                    .any(|n| f.name.eq_ignore_ascii_case(n)) =>
        {
            let each: Option<Vec<usize>> = f.args.iter().map(literal_digits).collect();
            each?.into_iter().max()
        }
        _ => None,
    }
}

/// The default that a column of a query brings along: that of the stored column that it is.
fn default_of_source(session: &Session, c: &ColumnMeta) -> Result<String> {
    if c.org_name.is_empty() || c.schema.is_empty() {
        return Ok(String::new());
    }
    let Ok(db) = session.resolve_database(&c.schema) else {
        return Ok(String::new());
    };
    let Some(state) = session.root_of(&db)?.table(&c.org_table)? else {
        return Ok(String::new());
    };
    let schema = state.table.schema();
    let source = schema.column_index(&c.org_name).map(|i| &schema.columns[i]);
    Ok(match source {
        Some(s) if !s.generated && s.sql_type == c.ty => s.expression.clone(),
        _ => String::new(),
    })
}

/// Tags that a set of roots uses, for new columns.
pub(super) fn tags_of<'a>(
    roots: impl IntoIterator<Item = &'a model::Root>,
) -> Result<BTreeSet<u64>> {
    Ok(column_tag::tags_in_use(roots)?)
}
