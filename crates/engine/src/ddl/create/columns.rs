//! Columns of a definition, and their defaults.

use values::IntWidth;

use super::keys::bytes_per_unit;
use super::*;

/// A column from its definition, with what stands among its attributes.
pub(in crate::ddl) struct DefinedColumn {
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
pub(in crate::ddl) fn define_column(
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

/// The stored text of a DEFAULT: a literal is stored as the value that the column makes of it
/// (spec 03 §8), and must be one.
pub(in crate::ddl) fn default_text(
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

/// Most bytes of a row in MySQL's own form, without what lies outside of it.
const MAX_ROW_BYTES: u64 = 65535;

/// Refuses a table whose rows MySQL could not hold.
pub(in crate::ddl) fn check_row_size(schema: &Schema) -> Result<()> {
    match row_bytes(schema) > MAX_ROW_BYTES {
        true => Err(Error::row_too_large(MAX_ROW_BYTES)),
        false => Ok(()),
    }
}

/// Bytes that a row takes at most in MySQL's own form: columns with their lengths, pointers to what
/// lies outside, and a bit for each column that may be NULL.
pub(in crate::ddl) fn row_bytes(schema: &Schema) -> u64 {
    let columns = schema.columns.iter().filter(|c| !c.is_virtual);
    let nullable = columns.clone().filter(|c| c.nullable).count() as u64;
    let with_length = |bytes: u64| bytes + if bytes > 255 { 2 } else { 1 };
    let sizes = columns.map(|c| match &c.sql_type {
        SqlType::Char(n, _) => u64::from(*n) * bytes_per_unit(&c.sql_type),
        SqlType::VarChar(n, _) => with_length(u64::from(*n) * bytes_per_unit(&c.sql_type)),
        SqlType::Binary(n) => u64::from(*n),
        SqlType::VarBinary(n) => with_length(u64::from(*n)),
        SqlType::Text(..) | SqlType::Blob(_) => 10,
        SqlType::Json | SqlType::Geometry(..) => 12,
        SqlType::Int { width, .. } => match width {
            IntWidth::Tiny => 1,
            IntWidth::Small => 2,
            IntWidth::Medium => 3,
            IntWidth::Int => 4,
            IntWidth::Big => 8,
        },
        SqlType::Float | SqlType::Timestamp(_) => 4,
        SqlType::Date | SqlType::Time(_) => 3,
        SqlType::Year => 1,
        SqlType::DateTime(_) => 5,
        SqlType::Decimal { precision, .. } => u64::from(*precision).div_ceil(2),
        SqlType::Bit(n) => u64::from(*n).div_ceil(8),
        SqlType::Enum(members, _) => {
            if members.len() > 255 {
                2
            } else {
                1
            }
        }
        SqlType::Set(members, _) => members.len().div_ceil(8) as u64,
        _ => 8,
    });
    sizes.sum::<u64>() + nullable.div_ceil(8)
}
