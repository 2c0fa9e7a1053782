//! Types of columns, parameters and casts.

use super::{Parser, Res};
use crate::ast::*;
use crate::keyword::Kw;
use crate::lexer::T;

/// Whether CHARACTER SET may follow a type.
fn has_charset(kind: &TypeKind) -> bool {
    use TypeKind::*;
    matches!(
        kind,
        Char(_) | VarChar(_) | TinyText | Text(_) | MediumText | LongText | Enum(_) | Set(_)
    )
}

impl Parser<'_> {
    /// `(p)`, `(p, s)` or nothing.
    fn precision(&mut self) -> Res<Option<(u32, Option<u32>)>> {
        if !self.eat(T::LParen) {
            return Ok(None);
        }
        let precision = self.integer_u32()?;
        let scale = if self.eat(T::Comma) {
            Some(self.integer_u32()?)
        } else {
            None
        };
        self.expect(T::RParen)?;
        Ok(Some((precision, scale)))
    }

    /// `(p, s)` or nothing.
    fn precision_and_scale(&mut self) -> Res<Option<(u32, u32)>> {
        match self.precision()? {
            None => Ok(None),
            Some((p, Some(s))) => Ok(Some((p, s))),
            Some((_, None)) => self.fail(),
        }
    }

    /// `(n)` or nothing, where MAX is no number but 2^32-1.
    fn length(&mut self) -> Res<Option<u64>> {
        if self.is(T::LParen) && self.peek_w("MAX") {
            self.advance();
            self.advance();
            self.expect(T::RParen)?;
            return Ok(Some(u64::from(u32::MAX)));
        }
        self.opt_paren_u64()
    }

    fn members(&mut self) -> Res<Vec<Box<str>>> {
        self.paren_list(|p| {
            let tok = p.tok;
            let bytes = p.string_or_hex()?;
            p.utf8(&bytes, tok)
        })
    }

    /// VARYING after CHAR and the like.
    fn char_kind(&mut self) -> Res<TypeKind> {
        if self.eat_kw(Kw::VARYING) {
            return Ok(TypeKind::VarChar(self.length()?));
        }
        Ok(TypeKind::Char(self.length()?))
    }

    fn nchar_kind(&mut self) -> Res<TypeKind> {
        if self.eat_kw(Kw::VARYING) {
            return Ok(TypeKind::NVarChar(self.length()?));
        }
        Ok(TypeKind::NChar(self.length()?))
    }

    /// A type with the attributes that belong to it.
    pub(super) fn data_type(&mut self) -> Res<DataType> {
        let kind = self.type_kind()?;
        let mut data_type = DataType {
            kind,
            unsigned: false,
            zerofill: false,
            charset: None,
            collate: None,
            binary: false,
        };
        self.type_attributes(&mut data_type)?;
        Ok(data_type)
    }

    /// UNSIGNED, ZEROFILL, CHARACTER SET, COLLATE and so on, in any order.
    pub(super) fn type_attributes(&mut self, to: &mut DataType) -> Res<()> {
        loop {
            match self.tok.kw {
                Kw::UNSIGNED => to.unsigned = true,
                Kw::ZEROFILL => {
                    to.zerofill = true;
                    to.unsigned = true;
                }
                Kw::SIGNED => {}
                Kw::BINARY => to.binary = true,
                Kw::ASCII => to.charset = Some("latin1".into()),
                Kw::UNICODE => to.charset = Some("ucs2".into()),
                Kw::BYTE => to.charset = Some("binary".into()),
                Kw::CHARACTER | Kw::CHAR | Kw::CHARSET => {
                    if !self.kw(Kw::CHARSET) {
                        if self.peek().kw != Kw::SET {
                            return Ok(());
                        }
                        self.advance();
                    }
                    if !has_charset(&to.kind) {
                        return self.fail();
                    }
                    self.advance();
                    to.charset = Some(self.charset_name()?);
                    continue;
                }
                Kw::COLLATE => {
                    self.advance();
                    to.collate = Some(self.charset_name()?);
                    continue;
                }
                _ => return Ok(()),
            }
            self.advance();
        }
    }

    fn type_kind(&mut self) -> Res<TypeKind> {
        use TypeKind::*;
        let tok = self.tok;
        if tok.kind != T::Word {
            return self.fail();
        }
        self.advance();
        Ok(match tok.kw {
            Kw::BOOL | Kw::BOOLEAN => Bool,
            Kw::SERIAL => Serial,
            Kw::TINYINT | Kw::INT1 => TinyInt(self.opt_paren_u32()?),
            Kw::SMALLINT | Kw::INT2 => SmallInt(self.opt_paren_u32()?),
            Kw::MEDIUMINT | Kw::MIDDLEINT | Kw::INT3 => MediumInt(self.opt_paren_u32()?),
            Kw::INT | Kw::INTEGER | Kw::INT4 => Int(self.opt_paren_u32()?),
            Kw::BIGINT | Kw::INT8 => BigInt(self.opt_paren_u32()?),
            Kw::DECIMAL | Kw::DEC | Kw::NUMERIC | Kw::FIXED => Decimal(self.precision()?),
            Kw::FLOAT | Kw::FLOAT4 => Float(self.precision()?),
            Kw::DOUBLE => {
                self.eat_kw(Kw::PRECISION);
                Double(self.precision_and_scale()?)
            }
            Kw::FLOAT8 => Double(self.precision_and_scale()?),
            Kw::REAL => Real(self.precision_and_scale()?),
            Kw::BIT => Bit(self.opt_paren_u32()?),
            Kw::DATE => Date,
            Kw::TIME => Time(self.opt_paren_u32()?),
            Kw::DATETIME => Datetime(self.opt_paren_u32()?),
            Kw::TIMESTAMP => Timestamp(self.opt_paren_u32()?),
            Kw::YEAR => Year(self.opt_paren_u32()?),
            Kw::CHAR | Kw::CHARACTER => self.char_kind()?,
            Kw::VARCHAR | Kw::VARCHARACTER => VarChar(self.length()?),
            Kw::NCHAR => {
                if self.eat_kw(Kw::VARCHAR) || self.eat_kw(Kw::VARCHARACTER) {
                    NVarChar(self.length()?)
                } else {
                    self.nchar_kind()?
                }
            }
            Kw::NATIONAL => {
                if self.eat_kw(Kw::VARCHAR) || self.eat_kw(Kw::VARCHARACTER) {
                    NVarChar(self.length()?)
                } else if self.eat_kw(Kw::CHAR) || self.eat_kw(Kw::CHARACTER) {
                    self.nchar_kind()?
                } else {
                    return self.fail();
                }
            }
            Kw::NVARCHAR => NVarChar(self.length()?),
            Kw::BINARY => Binary(self.length()?),
            Kw::VARBINARY => VarBinary(self.length()?),
            Kw::TINYTEXT => TinyText,
            Kw::TEXT => Text(self.length()?),
            Kw::MEDIUMTEXT => MediumText,
            Kw::LONGTEXT => LongText,
            Kw::TINYBLOB => TinyBlob,
            Kw::BLOB => Blob(self.length()?),
            Kw::MEDIUMBLOB => MediumBlob,
            Kw::LONGBLOB => LongBlob,
            Kw::LONG => {
                if self.eat_kw(Kw::VARBINARY) {
                    MediumBlob
                } else if self.eat_kw(Kw::CHAR) || self.eat_kw(Kw::CHARACTER) {
                    self.expect_kw(Kw::VARYING)?;
                    MediumText
                } else {
                    let _ = self.eat_kw(Kw::VARCHAR) || self.eat_kw(Kw::VARCHARACTER);
                    MediumText
                }
            }
            Kw::ENUM => Enum(self.members()?),
            Kw::SET => Set(self.members()?),
            Kw::JSON => Json,
            Kw::GEOMETRY => Geometry,
            Kw::POINT => Point,
            Kw::LINESTRING => LineString,
            Kw::POLYGON => Polygon,
            Kw::MULTIPOINT => MultiPoint,
            Kw::MULTILINESTRING => MultiLineString,
            Kw::MULTIPOLYGON => MultiPolygon,
            Kw::GEOMETRYCOLLECTION | Kw::GEOMCOLLECTION => GeometryCollection,
            Kw::VECTOR => Vector(self.opt_paren_u32()?),
            _ if self.token_is(tok, "UUID") => Uuid,
            _ => return Err(self.unexpected_at(tok.start as usize)),
        })
    }

    /// The type after AS in CAST.
    pub(super) fn cast_type(&mut self) -> Res<CastType> {
        use CastKind::*;
        let tok = self.tok;
        if tok.kind != T::Word {
            return self.fail();
        }
        self.advance();
        let kind = match tok.kw {
            Kw::BINARY | Kw::VARBINARY => Binary(self.length()?),
            Kw::CHAR | Kw::CHARACTER | Kw::VARCHAR | Kw::TEXT => {
                let length = self.length()?;
                let mut like = DataType {
                    kind: TypeKind::Text(None),
                    unsigned: false,
                    zerofill: false,
                    charset: None,
                    collate: None,
                    binary: false,
                };
                self.type_attributes(&mut like)?;
                if like.unsigned || like.collate.is_some() {
                    return self.fail();
                }
                Char {
                    length,
                    charset: like.charset,
                    binary: like.binary,
                }
            }
            Kw::NCHAR => NChar(self.length()?),
            Kw::NATIONAL => {
                if !self.eat_kw(Kw::CHARACTER) {
                    self.expect_kw(Kw::CHAR)?;
                }
                NChar(self.length()?)
            }
            Kw::DATE => Date,
            Kw::DATETIME | Kw::TIMESTAMP => Datetime(self.opt_paren_u32()?),
            Kw::TIME => Time(self.opt_paren_u32()?),
            Kw::YEAR => Year,
            Kw::SIGNED => {
                let _ = self.eat_kw(Kw::INTEGER) || self.eat_kw(Kw::INT);
                Signed
            }
            Kw::UNSIGNED => {
                let _ = self.eat_kw(Kw::INTEGER) || self.eat_kw(Kw::INT);
                Unsigned
            }
            Kw::INTEGER | Kw::INT | Kw::BIGINT => Signed,
            Kw::DECIMAL | Kw::DEC | Kw::NUMERIC => match self.precision()? {
                None => Decimal {
                    precision: None,
                    scale: None,
                },
                Some((precision, scale)) => Decimal {
                    precision: Some(precision),
                    scale,
                },
            },
            Kw::FLOAT => Float(self.opt_paren_u32()?),
            Kw::DOUBLE => {
                self.eat_kw(Kw::PRECISION);
                Double
            }
            Kw::REAL => Real,
            Kw::JSON => Json,
            Kw::VECTOR => Vector(self.opt_paren_u32()?),
            Kw::GEOMETRY => Geometry("GEOMETRY"),
            Kw::POINT => Geometry("POINT"),
            Kw::LINESTRING => Geometry("LINESTRING"),
            Kw::POLYGON => Geometry("POLYGON"),
            Kw::MULTIPOINT => Geometry("MULTIPOINT"),
            Kw::MULTILINESTRING => Geometry("MULTILINESTRING"),
            Kw::MULTIPOLYGON => Geometry("MULTIPOLYGON"),
            Kw::GEOMETRYCOLLECTION | Kw::GEOMCOLLECTION => Geometry("GEOMETRYCOLLECTION"),
            _ => return Err(self.unexpected_at(tok.start as usize)),
        };
        let array = self.eat_kw(Kw::ARRAY);
        Ok(CastType { kind, array })
    }
}
