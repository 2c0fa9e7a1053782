//! SQL types as the planner and the schema know them.

use std::sync::Arc;

/// A collation by MySQL's number (`collations.tsv`), e.g. 255 `utf8mb4_0900_ai_ci`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollationId(pub u16);

impl CollationId {
    /// `binary`: bytes without a character set.
    pub const BINARY: CollationId = CollationId(63);
    /// `utf8mb4_0900_bin`: Dolt's default for databases and tables.
    pub const DEFAULT: CollationId = CollationId(309);
    /// `utf8mb4_0900_ai_ci`: MySQL's default for utf8mb4, used for literals and results.
    pub const UTF8MB4_0900_AI_CI: CollationId = CollationId(255);
}

/// Width of an integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntWidth {
    /// TINYINT, 1 byte.
    Tiny,
    /// SMALLINT, 2 bytes.
    Small,
    /// MEDIUMINT, 3 bytes (stored in 4).
    Medium,
    /// INT, 4 bytes.
    Int,
    /// BIGINT, 8 bytes.
    Big,
}

/// Length class of the TEXT and BLOB families; the limit is 2^8, 2^16, 2^24, 2^32 less one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LobSize {
    /// TINYTEXT, TINYBLOB.
    Tiny,
    /// TEXT, BLOB.
    Regular,
    /// MEDIUMTEXT, MEDIUMBLOB.
    Medium,
    /// LONGTEXT, LONGBLOB.
    Long,
}

/// Members of an ENUM or SET, in order; an ENUM value is the 1-based position.
pub type Members = Arc<[Box<str>]>;

/// The class of a geometry column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GeometryKind {
    /// GEOMETRY: any of the others.
    Geometry,
    /// POINT.
    Point,
    /// LINESTRING.
    LineString,
    /// POLYGON.
    Polygon,
    /// MULTIPOINT.
    MultiPoint,
    /// MULTILINESTRING.
    MultiLineString,
    /// MULTIPOLYGON.
    MultiPolygon,
    /// GEOMETRYCOLLECTION.
    GeometryCollection,
}

/// A SQL type with everything that storage, conversion and result metadata need.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// The type of a bare NULL.
    Null,
    /// Integer types. `bool_width` is set for TINYINT(1).
    Int {
        /// Bytes of range.
        width: IntWidth,
        /// UNSIGNED.
        unsigned: bool,
        /// TINYINT(1): shown and reported with display width 1.
        bool_width: bool,
    },
    /// FLOAT, 4 bytes.
    Float,
    /// DOUBLE, 8 bytes.
    Double,
    /// DECIMAL(precision, scale).
    Decimal {
        /// Digits in all, 1 to 65.
        precision: u8,
        /// Digits after the point, 0 to 30.
        scale: u8,
    },
    /// BIT(n), n of 1 to 64.
    Bit(u8),
    /// YEAR.
    Year,
    /// DATE.
    Date,
    /// TIME with fractional digits, 0 to 6.
    Time(u8),
    /// DATETIME with fractional digits, 0 to 6.
    DateTime(u8),
    /// TIMESTAMP with fractional digits, 0 to 6; stored in UTC.
    Timestamp(u8),
    /// CHAR(n), n in characters.
    Char(u32, CollationId),
    /// VARCHAR(n), n in characters.
    VarChar(u32, CollationId),
    /// The TEXT family.
    Text(LobSize, CollationId),
    /// BINARY(n), n in bytes, padded with zero bytes.
    Binary(u32),
    /// VARBINARY(n), n in bytes.
    VarBinary(u32),
    /// The BLOB family.
    Blob(LobSize),
    /// ENUM.
    Enum(Members, CollationId),
    /// SET, at most 64 members.
    Set(Members, CollationId),
    /// JSON.
    Json,
    /// Geometry classes, with a declared SRID.
    Geometry(GeometryKind, Option<u32>),
    /// VECTOR(n) of 32-bit floats.
    Vector(u16),
}
