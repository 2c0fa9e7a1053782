//! What storage and the protocol need to know of a type.

use crate::{CollationId, Encoding, IntWidth, LobSize, SqlType};

/// Flags of a column on the wire.
pub mod column_flags {
    /// NOT NULL.
    pub const NOT_NULL: u16 = 1;
    /// Part of the primary key.
    pub const PRIMARY_KEY: u16 = 2;
    /// TEXT or BLOB.
    pub const BLOB: u16 = 16;
    /// UNSIGNED.
    pub const UNSIGNED: u16 = 32;
    /// Compares as bytes.
    pub const BINARY: u16 = 128;
    /// ENUM.
    pub const ENUM: u16 = 256;
    /// AUTO_INCREMENT.
    pub const AUTO_INCREMENT: u16 = 512;
    /// SET.
    pub const SET: u16 = 2048;
}

impl SqlType {
    /// INT.
    pub const INT: SqlType = SqlType::Int {
        width: IntWidth::Int,
        unsigned: false,
        bool_width: false,
    };
    /// BIGINT.
    pub const BIGINT: SqlType = SqlType::Int {
        width: IntWidth::Big,
        unsigned: false,
        bool_width: false,
    };
    /// BIGINT UNSIGNED.
    pub const BIGINT_UNSIGNED: SqlType = SqlType::Int {
        width: IntWidth::Big,
        unsigned: true,
        bool_width: false,
    };
    /// TINYINT(1): the type of comparisons.
    pub const BOOLEAN: SqlType = SqlType::Int {
        width: IntWidth::Tiny,
        unsigned: false,
        bool_width: true,
    };
    /// LONGTEXT with the collation of literals.
    pub const TEXT: SqlType = SqlType::Text(LobSize::Long, CollationId::UTF8MB4_0900_AI_CI);

    /// The encoding of a new column of this type (spec 03 §7).
    pub fn encoding(&self) -> Encoding {
        match self {
            SqlType::Null => Encoding::Int8,
            SqlType::Int {
                width, unsigned, ..
            } => match (width, unsigned) {
                (IntWidth::Tiny, false) => Encoding::Int8,
                (IntWidth::Tiny, true) => Encoding::Uint8,
                (IntWidth::Small, false) => Encoding::Int16,
                (IntWidth::Small, true) => Encoding::Uint16,
                (IntWidth::Medium | IntWidth::Int, false) => Encoding::Int32,
                (IntWidth::Medium | IntWidth::Int, true) => Encoding::Uint32,
                (IntWidth::Big, false) => Encoding::Int64,
                (IntWidth::Big, true) => Encoding::Uint64,
            },
            SqlType::Float => Encoding::Float32,
            SqlType::Double => Encoding::Float64,
            SqlType::Decimal { .. } => Encoding::Decimal,
            SqlType::Bit(_) => Encoding::Uint64,
            SqlType::Year => Encoding::Year,
            SqlType::Date => Encoding::Date,
            SqlType::Time(_) => Encoding::Time,
            SqlType::DateTime(_) | SqlType::Timestamp(_) => Encoding::Datetime,
            SqlType::Char(..) | SqlType::VarChar(..) => Encoding::String,
            SqlType::Binary(_) | SqlType::VarBinary(_) => Encoding::Bytes,
            SqlType::Text(..) => Encoding::StringAdaptive,
            SqlType::Blob(_) | SqlType::Vector(_) => Encoding::BytesAdaptive,
            SqlType::Enum(..) => Encoding::Enum,
            SqlType::Set(..) => Encoding::Set,
            SqlType::Json => Encoding::JsonAdaptive,
            SqlType::Geometry(..) => Encoding::GeomAdaptive,
        }
    }

    /// Whether a stored column of this type may have this encoding.
    pub fn allows(&self, encoding: Encoding) -> bool {
        use Encoding::*;
        encoding == self.encoding()
            || match self {
                SqlType::Text(..) => encoding == StringAddr,
                SqlType::Blob(_) => encoding == BytesAddr,
                SqlType::Json => matches!(encoding, JsonAddr | Json),
                SqlType::Geometry(..) => matches!(encoding, GeomAddr | Geometry),
                SqlType::Bit(_) => encoding == Bit64,
                _ => false,
            }
    }

    /// Digits of a second that the type keeps.
    pub fn fraction_digits(&self) -> u8 {
        match self {
            SqlType::Time(n) | SqlType::DateTime(n) | SqlType::Timestamp(n) => *n,
            _ => 0,
        }
    }

    /// The type's code on the wire.
    pub fn protocol_type(&self) -> u8 {
        match self {
            SqlType::Null => 6,
            SqlType::Int { width, .. } => match width {
                IntWidth::Tiny => 1,
                IntWidth::Small => 2,
                IntWidth::Medium => 9,
                IntWidth::Int => 3,
                IntWidth::Big => 8,
            },
            SqlType::Float => 4,
            SqlType::Double => 5,
            SqlType::Decimal { .. } => 246,
            SqlType::Bit(_) => 16,
            SqlType::Year => 13,
            SqlType::Date => 10,
            SqlType::Time(_) => 11,
            SqlType::DateTime(_) => 12,
            SqlType::Timestamp(_) => 7,
            SqlType::VarChar(..) | SqlType::VarBinary(_) => 253,
            SqlType::Char(..) | SqlType::Binary(_) | SqlType::Enum(..) | SqlType::Set(..) => 254,
            SqlType::Text(..) | SqlType::Blob(_) => 252,
            SqlType::Json => 245,
            SqlType::Geometry(..) => 255,
            SqlType::Vector(_) => 242,
        }
    }

    /// The column's collation on the wire: `results` for characters, binary for all else.
    pub fn protocol_charset(&self, results: CollationId) -> u16 {
        match self.collation() {
            Some(c) if c != CollationId::BINARY => results.0,
            _ => CollationId::BINARY.0,
        }
    }

    /// Flags that follow from the type.
    pub fn protocol_flags(&self) -> u16 {
        use column_flags::*;
        match self {
            SqlType::Int { unsigned: true, .. } | SqlType::Bit(_) | SqlType::Year => UNSIGNED,
            SqlType::Text(..) => BLOB,
            SqlType::Blob(_) | SqlType::Json | SqlType::Geometry(..) => BLOB | BINARY,
            SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Vector(_) => BINARY,
            SqlType::Date | SqlType::Time(_) | SqlType::DateTime(_) | SqlType::Timestamp(_) => {
                BINARY
            }
            SqlType::Enum(..) => ENUM,
            SqlType::Set(..) => SET,
            _ => 0,
        }
    }

    /// Digits after the point on the wire.
    pub fn protocol_decimals(&self) -> u8 {
        match self {
            SqlType::Float | SqlType::Double => 31,
            SqlType::Decimal { scale, .. } => *scale,
            _ => self.fraction_digits(),
        }
    }

    /// Greatest length on the wire, in bytes of a character set with `max_length` bytes a
    /// character.
    pub fn display_length(&self, max_length: u8) -> u32 {
        let chars = |n: u64| u32::try_from(n * u64::from(max_length)).unwrap_or(u32::MAX);
        let fraction = |n: u8| if n > 0 { 1 + u32::from(n) } else { 0 };
        match self {
            SqlType::Null => 0,
            SqlType::Int {
                width,
                unsigned,
                bool_width,
            } => match (width, unsigned) {
                (IntWidth::Tiny, false) if *bool_width => 1,
                (IntWidth::Tiny, false) => 4,
                (IntWidth::Tiny, true) => 3,
                (IntWidth::Small, false) => 6,
                (IntWidth::Small, true) => 5,
                (IntWidth::Medium, false) => 9,
                (IntWidth::Medium, true) => 8,
                (IntWidth::Int, false) => 11,
                (IntWidth::Int, true) => 10,
                (IntWidth::Big, _) => 20,
            },
            SqlType::Float => 12,
            SqlType::Double => 22,
            SqlType::Decimal { precision, scale } => {
                u32::from(*precision) + 1 + u32::from(*scale > 0)
            }
            SqlType::Bit(n) => (*n).into(),
            SqlType::Year => 4,
            SqlType::Date => 10,
            SqlType::Time(n) => 10 + fraction(*n),
            SqlType::DateTime(n) | SqlType::Timestamp(n) => 19 + fraction(*n),
            SqlType::Char(n, _) | SqlType::VarChar(n, _) => chars((*n).into()),
            SqlType::Text(size, _) => chars(size.limit()),
            SqlType::Binary(n) | SqlType::VarBinary(n) => *n,
            SqlType::Blob(size) => u32::try_from(size.limit()).unwrap_or(u32::MAX),
            SqlType::Enum(members, _) => chars(
                members
                    .iter()
                    .map(|m| m.chars().count() as u64)
                    .max()
                    .unwrap_or(0),
            ),
            SqlType::Set(members, _) => {
                let all: u64 = members.iter().map(|m| m.chars().count() as u64 + 1).sum();
                chars(all.saturating_sub(1))
            }
            SqlType::Json | SqlType::Geometry(..) => u32::MAX,
            SqlType::Vector(n) => u32::from(*n) * 4,
        }
    }

    /// Most bytes of a value; of characters, as many as their character set may need.
    pub fn max_bytes(&self) -> u64 {
        let per_char = self
            .collation()
            .map_or(1, |c| u64::from(c.get().charset.max_length));
        match self {
            SqlType::Char(n, _) | SqlType::VarChar(n, _) => u64::from(*n) * per_char,
            SqlType::Binary(n) | SqlType::VarBinary(n) => (*n).into(),
            SqlType::Text(size, _) | SqlType::Blob(size) => size.limit(),
            SqlType::Json | SqlType::Geometry(..) => LobSize::Long.limit(),
            SqlType::Vector(n) => u64::from(*n) * 4,
            other => other.encoding().width().map_or(37, |w| w as u64),
        }
    }

    /// Whether values are character data.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..)
        )
    }

    /// Whether values are bytes without a character set.
    pub fn is_binary(&self) -> bool {
        matches!(
            self,
            SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_)
        )
    }

    /// Whether values are exact or approximate numbers.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            SqlType::Int { .. }
                | SqlType::Float
                | SqlType::Double
                | SqlType::Decimal { .. }
                | SqlType::Bit(_)
                | SqlType::Year
        )
    }

    /// Whether values are dates or times.
    pub fn is_temporal(&self) -> bool {
        matches!(
            self,
            SqlType::Date | SqlType::Time(_) | SqlType::DateTime(_) | SqlType::Timestamp(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts() {
        let t = |s: &str| SqlType::from_stored_text(s).unwrap();
        assert_eq!(t("mediumint").encoding(), Encoding::Int32);
        assert_eq!(t("bit(3)").encoding(), Encoding::Uint64);
        assert_eq!(t("text").encoding().in_key(), Encoding::String);
        assert_eq!(t("json").encoding().in_key(), Encoding::JsonAdaptive);
        assert_eq!(t("geometry").encoding().in_key(), Encoding::Cell);
        assert!(t("text").allows(Encoding::StringAddr));
        assert!(!t("text").allows(Encoding::BytesAddr));
        assert_eq!(t("varchar(10)").display_length(4), 40);
        assert_eq!(t("longtext").display_length(4), u32::MAX);
        assert_eq!(t("text").display_length(4), 262_140);
        assert_eq!(t("decimal(10,2)").display_length(4), 12);
        assert_eq!(t("datetime(3)").display_length(4), 23);
        assert_eq!(t("tinyint(1)").display_length(4), 1);
        assert_eq!(t("varchar(10)").max_bytes(), 40);
    }
}
