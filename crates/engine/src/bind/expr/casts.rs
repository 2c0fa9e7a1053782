//! Conversions: CAST, and one type for several expressions.

use super::*;

impl Binder<'_> {
    /// Converts alternatives to one type.
    pub(crate) fn unify(&mut self, list: Vec<Typed>) -> Result<(Vec<Expr>, SqlType, bool)> {
        let pairs: Vec<(&SqlType, u8)> = list.iter().map(|t| (&t.ty, t.coercibility)).collect();
        let mut ty = common_of(&pairs, self.modes.connection)?;
        if matches!(ty, SqlType::Enum(..) | SqlType::Set(..)) {
            ty = types::varchar(
                types::text_length(&ty),
                collation_id(&ty).unwrap_or(self.modes.connection),
            );
        }
        let nullable = list.iter().any(|t| t.nullable);
        let out = list.into_iter().map(|t| self.convert_to(t, &ty)).collect();
        Ok((out, ty, nullable))
    }

    /// Wraps a conversion where the physical form differs.
    pub(crate) fn convert_to(&self, t: Typed, ty: &SqlType) -> Expr {
        if same_form(&t.ty, ty) {
            return t.expr;
        }
        Expr::Cast {
            expr: Box::new(t.expr),
            from: t.ty,
            to: ty.clone(),
        }
    }

    pub(crate) fn cast(&self, mut t: Typed, to: SqlType) -> Typed {
        if is_number(&to) {
            keep_digits(&mut t.expr, self.modes.div_increment);
        }
        let nullable = t.nullable || !types::is_string(&to);
        let coercibility = if types::is_string(&to) {
            coercibility::IMPLICIT
        } else {
            coercibility::NUMERIC
        };
        let e = Expr::Cast {
            expr: Box::new(t.expr),
            from: t.ty,
            to: to.clone(),
        };
        Typed::new(e, to, nullable).with_coercibility(coercibility)
    }

    pub(super) fn cast_type(&self, kind: &ast::CastKind) -> Result<SqlType> {
        use ast::CastKind::*;
        let connection = self.modes.connection;
        let fsp = |f: &Option<u32>, name: &str| match f {
            Some(f) if *f > 6 => Err(Error::wrong_field_precision(f, name, 6)),
            f => Ok(f.unwrap_or(0) as u8),
        };
        Ok(match kind {
            Binary(None) => SqlType::VarBinary(65_535),
            Binary(Some(n)) => SqlType::Binary((*n).min(u32::MAX as u64) as u32),
            Char {
                length,
                charset,
                binary,
            } => {
                let mut id = match charset.as_deref() {
                    Some(c) => {
                        crate::bind::types::charset_default(c)
                            .ok_or_else(|| Error::unknown_charset(c))?
                            .id
                    }
                    None => connection,
                };
                if *binary && id != CollationId::BINARY {
                    let charset =
                        values::collation::by_id(id).map_or("utf8mb4", |c| c.charset.name);
                    id = values::collation::by_name(&format!("{charset}_bin")).map_or(id, |c| c.id);
                }
                match length {
                    Some(n) => types::varchar((*n).min(u32::MAX as u64) as u32, id),
                    None => SqlType::Text(values::LobSize::Long, id),
                }
            }
            NChar(n) => {
                let id =
                    values::collation::by_name("utf8mb3_general_ci").map_or(connection, |c| c.id);
                match n {
                    Some(n) => types::varchar((*n).min(u32::MAX as u64) as u32, id),
                    None => SqlType::Text(values::LobSize::Long, id),
                }
            }
            Date => SqlType::Date,
            Datetime(f) => SqlType::DateTime(fsp(f, "CAST")?),
            Time(f) => SqlType::Time(fsp(f, "CAST")?),
            Year => SqlType::Year,
            Signed => BIGINT,
            Unsigned => UBIGINT,
            Decimal { precision, scale } => {
                let p = precision.unwrap_or(10);
                let s = scale.unwrap_or(0);
                if p > 65 {
                    return Err(Error::wrong_field_precision(p, "CAST", 65));
                }
                if s > 30 {
                    return Err(Error::wrong_field_scale(s, "CAST", 30));
                }
                if s > p {
                    return Err(Error::scale_above_precision(""));
                }
                SqlType::Decimal {
                    precision: p.max(1) as u8,
                    scale: s as u8,
                }
            }
            Float(Some(p)) if *p > 24 => SqlType::Double,
            Float(_) => SqlType::Float,
            Double | Real => SqlType::Double,
            Json => SqlType::Json,
            Geometry(_) => SqlType::Geometry(values::GeometryKind::Geometry, None),
            Vector(n) => SqlType::Vector(n.unwrap_or(2048) as u16),
        })
    }
}
