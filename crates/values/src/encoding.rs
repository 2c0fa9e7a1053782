//! The encodings of fields (spec 02 §5).

use crate::{Error, Result};

macro_rules! encodings {
    ($($(#[$doc:meta])* $name:ident = $id:literal),* $(,)?) => {
        /// How the bytes of a field are to be read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Encoding { $($(#[$doc])* $name = $id),* }

        impl Encoding {
            /// The encoding with this number.
            pub fn from_u8(id: u8) -> Result<Encoding> {
                match id {
                    $($id => Ok(Encoding::$name),)*
                    _ => Err(Error::UnknownEncoding(id)),
                }
            }
        }
    };
}

encodings! {
    /// 1 byte, two's complement; also BOOL.
    Int8 = 1,
    /// 1 byte.
    Uint8 = 2,
    /// 2 bytes.
    Int16 = 3,
    /// 2 bytes.
    Uint16 = 4,
    /// 4 bytes; INT and MEDIUMINT.
    Int32 = 7,
    /// 4 bytes.
    Uint32 = 8,
    /// 8 bytes.
    Int64 = 9,
    /// 8 bytes; also BIT.
    Uint64 = 10,
    /// IEEE bits.
    Float32 = 11,
    /// IEEE bits.
    Float64 = 12,
    /// 8 bytes; never chosen for new columns.
    Bit64 = 13,
    /// 16 raw bytes: the row hash of keyless tables.
    Hash128 = 14,
    /// year - 1901, 255 for year 0.
    Year = 15,
    /// year << 16 | month << 8 | day.
    Date = 16,
    /// Signed microseconds.
    Time = 17,
    /// Microseconds since 1970, UTC.
    Datetime = 18,
    /// 1-based member index.
    Enum = 19,
    /// Bit set of members.
    Set = 20,
    /// Address of a blob tree.
    BytesAddr = 21,
    /// Address of a commit.
    CommitAddr = 22,
    /// Address of a blob tree.
    StringAddr = 23,
    /// Address of a JSON document.
    JsonAddr = 24,
    /// Cell of a spatial index.
    Cell = 25,
    /// Address of a blob tree that holds EWKB.
    GeomAddr = 26,
    /// Doltgres only.
    ExtendedAddr = 27,
    /// UTF-8 and a NUL.
    String = 128,
    /// Bytes and a NUL.
    Bytes = 129,
    /// Exponent, sign, big endian magnitude.
    Decimal = 130,
    /// JSON text and a NUL.
    Json = 131,
    /// EWKB and a NUL.
    Geometry = 133,
    /// Doltgres only.
    Extended = 134,
    /// TEXT, inline or out of line.
    StringAdaptive = 135,
    /// BLOB, inline or out of line.
    BytesAdaptive = 136,
    /// Doltgres only.
    ExtendedAdaptive = 137,
    /// Geometry, inline or out of line.
    GeomAdaptive = 138,
    /// JSON, inline or out of line.
    JsonAdaptive = 139,
}

impl Encoding {
    /// The number that schemas store.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// Bytes of a fixed width encoding.
    pub fn width(self) -> Option<usize> {
        use Encoding::*;
        Some(match self {
            Int8 | Uint8 | Year => 1,
            Int16 | Uint16 | Enum => 2,
            Int32 | Uint32 | Float32 | Date => 4,
            Int64 | Uint64 | Float64 | Bit64 | Time | Datetime | Set => 8,
            Hash128 => 16,
            Cell => 17,
            BytesAddr | CommitAddr | StringAddr | JsonAddr | GeomAddr | ExtendedAddr => 20,
            _ => return None,
        })
    }

    /// Whether values may be inline or out of line (spec 02 §6).
    pub fn is_adaptive(self) -> bool {
        self >= Encoding::StringAdaptive
    }

    /// Whether the field is always an address that references must be recorded for (spec 02 §3.8).
    pub fn is_address(self) -> bool {
        use Encoding::*;
        matches!(
            self,
            BytesAddr | CommitAddr | StringAddr | JsonAddr | GeomAddr
        )
    }

    /// The encoding of a column when it is part of a key: large types become inline (spec 02 §5).
    pub fn in_key(self) -> Encoding {
        use Encoding::*;
        match self {
            BytesAddr | BytesAdaptive => Bytes,
            StringAddr | StringAdaptive => String,
            GeomAddr | GeomAdaptive => Cell,
            other => other,
        }
    }
}
