//! Column types from their syntax.

use syntax::ast::{DataType, TypeKind};
use values::{CollationId, GeometryKind, IntWidth, LobSize, SqlType};

use crate::bind::types::{charset_default, members};
use crate::error::{Error, Result};

/// The type of a column; `default` is the table's collation.
pub fn column_type(t: &DataType, default: Option<CollationId>) -> Result<SqlType> {
    column_type_named(t, default, "")
}

fn collation_of(t: &DataType, default: Option<CollationId>) -> Result<CollationId> {
    let mut id = default.unwrap_or(CollationId::DEFAULT);
    if let Some(charset) = &t.charset {
        let c = charset_default(charset).ok_or_else(|| Error::unknown_charset(charset))?;
        id = c.id;
    }
    if let Some(name) = &t.collate {
        let c = values::collation::by_name(name).ok_or_else(|| Error::unknown_collation(name))?;
        if let Some(charset) = &t.charset {
            let charset = charset_default(charset).map(|c| c.charset.name);
            if charset != Some(c.charset.name) {
                return Err(Error::collation_mismatch(c.name, charset.unwrap_or("")));
            }
        }
        id = c.id;
    }
    if t.binary && t.collate.is_none() {
        let charset = values::charset::by_name(id.get().charset.name);
        if let Some(c) = charset.and_then(|c| values::collation::by_name(c.binary_collation)) {
            id = c.id;
        }
    }
    if !id.get().is_implemented() {
        return Err(Error::not_supported(format!("collation {}", id.get().name)));
    }
    Ok(id)
}

/// [`column_type`] with the column's name for errors.
pub fn column_type_named(
    t: &DataType,
    default: Option<CollationId>,
    column: &str,
) -> Result<SqlType> {
    let int = |width, display: Option<u32>| SqlType::Int {
        width,
        unsigned: t.unsigned || t.zerofill,
        bool_width: width == IntWidth::Tiny && display == Some(1) && !t.unsigned && !t.zerofill,
    };
    let fsp = |f: &Option<u32>| match f.unwrap_or(0) {
        f @ 0..=6 => Ok(f as u8),
        f => Err(Error::wrong_field_precision(f, column, 6)),
    };
    let binary_text = t
        .charset
        .as_deref()
        .is_some_and(|c| c.eq_ignore_ascii_case("binary"));
    let text = |size: LobSize| -> Result<SqlType> {
        if binary_text {
            return Ok(SqlType::Blob(size));
        }
        let id = collation_of(t, default)?;
        Ok(if id == CollationId::BINARY {
            SqlType::Blob(size)
        } else {
            SqlType::Text(size, id)
        })
    };
    let chars = |n: u64, varying: bool| -> Result<SqlType> {
        let id = collation_of(t, default)?;
        let limit: u64 = if varying { 65_535 } else { 255 };
        let width = if binary_text || id == CollationId::BINARY {
            1
        } else {
            id.get().charset.max_length as u64
        };
        if varying && n * width > 65_535 || n > limit {
            return Err(Error::column_too_big(
                column,
                if varying { 65_535 / width } else { 255 },
            ));
        }
        let n = n as u32;
        Ok(match (binary_text || id == CollationId::BINARY, varying) {
            (true, true) => SqlType::VarBinary(n),
            (true, false) => SqlType::Binary(n),
            (false, true) => SqlType::VarChar(n, id),
            (false, false) => SqlType::Char(n, id),
        })
    };
    if let (TypeKind::Binary(_) | TypeKind::VarBinary(_), Some(name)) = (&t.kind, &t.collate) {
        let id = values::collation::by_name(name).ok_or_else(|| Error::unknown_collation(name))?;
        if id.id != CollationId::BINARY {
            return Err(Error::collation_mismatch(id.name, "binary"));
        }
    }
    Ok(match &t.kind {
        TypeKind::Bool => SqlType::Int {
            width: IntWidth::Tiny,
            unsigned: false,
            bool_width: true,
        },
        TypeKind::Serial => SqlType::Int {
            width: IntWidth::Big,
            unsigned: true,
            bool_width: false,
        },
        TypeKind::TinyInt(n) => int(IntWidth::Tiny, *n),
        TypeKind::SmallInt(n) => int(IntWidth::Small, *n),
        TypeKind::MediumInt(n) => int(IntWidth::Medium, *n),
        TypeKind::Int(n) => int(IntWidth::Int, *n),
        TypeKind::BigInt(n) => int(IntWidth::Big, *n),
        TypeKind::Decimal(p) => {
            let (p, s) = match p {
                None => (10, 0),
                Some((p, s)) => (if *p == 0 { 10 } else { *p }, s.unwrap_or(0)),
            };
            if p > 65 {
                return Err(Error::wrong_field_precision(p, column, 65));
            }
            if s > 30 {
                return Err(Error::wrong_field_scale(s, column, 30));
            }
            if s > p {
                return Err(Error::scale_above_precision(column));
            }
            SqlType::Decimal {
                precision: p as u8,
                scale: s as u8,
            }
        }
        TypeKind::Float(Some((p, None))) if *p > 53 => {
            return Err(Error::new(
                1063,
                "42000",
                format!("Incorrect column specifier for column '{column}'"),
            ));
        }
        TypeKind::Float(Some((p, None))) if *p > 24 => SqlType::Double,
        TypeKind::Float(_) => SqlType::Float,
        TypeKind::Double(_) | TypeKind::Real(_) => SqlType::Double,
        TypeKind::Bit(n) => match n.unwrap_or(1) {
            n @ 1..=64 => SqlType::Bit(n as u8),
            0 => {
                return Err(Error::new(
                    3013,
                    "HY000",
                    format!("Invalid size for column '{column}'."),
                ));
            }
            _ => {
                return Err(Error::new(
                    1439,
                    "42000",
                    format!("Display width out of range for column '{column}' (max = 64)"),
                ));
            }
        },
        TypeKind::Date => SqlType::Date,
        TypeKind::Time(f) => SqlType::Time({
            fsp(f)?;
            6
        }),
        TypeKind::Datetime(f) => SqlType::DateTime(fsp(f)?),
        TypeKind::Timestamp(f) => SqlType::Timestamp(fsp(f)?),
        TypeKind::Year(_) => SqlType::Year,
        TypeKind::Char(n) => chars(n.unwrap_or(1), false)?,
        TypeKind::NChar(n) => chars(n.unwrap_or(1), false)?,
        TypeKind::VarChar(Some(n)) | TypeKind::NVarChar(Some(n)) => chars(*n, true)?,
        TypeKind::VarChar(None) | TypeKind::NVarChar(None) => chars(16_383, true)?,
        TypeKind::Binary(n) => match n.unwrap_or(1) {
            n @ 0..=255 => SqlType::Binary(n as u32),
            _ => return Err(Error::column_too_big(column, 255)),
        },
        TypeKind::VarBinary(n) => match n.unwrap_or(65_535) {
            n @ 0..=65_535 => SqlType::VarBinary(n as u32),
            _ => return Err(Error::column_too_big(column, 65_535)),
        },
        TypeKind::TinyText => text(LobSize::Tiny)?,
        TypeKind::Text(None) => text(LobSize::Regular)?,
        TypeKind::Text(Some(n)) => text(LobSize::for_length(*n))?,
        TypeKind::MediumText => text(LobSize::Medium)?,
        TypeKind::LongText => text(LobSize::Long)?,
        TypeKind::TinyBlob => SqlType::Blob(LobSize::Tiny),
        TypeKind::Blob(None) => SqlType::Blob(LobSize::Regular),
        TypeKind::Blob(Some(n)) => SqlType::Blob(LobSize::for_length(*n)),
        TypeKind::MediumBlob => SqlType::Blob(LobSize::Medium),
        TypeKind::LongBlob => SqlType::Blob(LobSize::Long),
        TypeKind::Enum(list) | TypeKind::Set(list) => {
            let id = collation_of(t, default)?;
            let is_set = matches!(t.kind, TypeKind::Set(_));
            let list: Vec<Box<str>> = list
                .iter()
                .map(|m| m.trim_end_matches(' ').into())
                .collect();
            for (i, m) in list.iter().enumerate() {
                if list[..i]
                    .iter()
                    .any(|x| id.get().equal(x.as_bytes(), m.as_bytes()))
                {
                    let kind = if is_set { "SET" } else { "ENUM" };
                    return Err(Error::duplicate_value_in(column, m, kind));
                }
            }
            if is_set {
                if list.len() > 64 {
                    return Err(Error::new(
                        1097,
                        "HY000",
                        format!("Too many strings for column {column} and SET"),
                    ));
                }
                if let Some(m) = list.iter().find(|m| m.contains(',')) {
                    return Err(Error::new(
                        1367,
                        "22007",
                        format!("Illegal set '{m}' value found during parsing"),
                    ));
                }
                SqlType::Set(members(&list), id)
            } else {
                SqlType::Enum(members(&list), id)
            }
        }
        TypeKind::Json => SqlType::Json,
        TypeKind::Geometry => SqlType::Geometry(GeometryKind::Geometry, None),
        TypeKind::Point => SqlType::Geometry(GeometryKind::Point, None),
        TypeKind::LineString => SqlType::Geometry(GeometryKind::LineString, None),
        TypeKind::Polygon => SqlType::Geometry(GeometryKind::Polygon, None),
        TypeKind::MultiPoint => SqlType::Geometry(GeometryKind::MultiPoint, None),
        TypeKind::MultiLineString => SqlType::Geometry(GeometryKind::MultiLineString, None),
        TypeKind::MultiPolygon => SqlType::Geometry(GeometryKind::MultiPolygon, None),
        TypeKind::GeometryCollection => SqlType::Geometry(GeometryKind::GeometryCollection, None),
        TypeKind::Vector(n) => SqlType::Vector(n.unwrap_or(2048).min(16_383) as u16),
        TypeKind::Uuid => return Err(Error::not_supported("UUID columns")),
    })
}
