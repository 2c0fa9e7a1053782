//! Types as text: as SQL shows them and as schemas store them (spec 03 §6).

use std::fmt;

use crate::collation;
use crate::{CollationId, Error, GeometryKind, IntWidth, LobSize, Members, Result, SqlType};

impl GeometryKind {
    /// The name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            GeometryKind::Geometry => "geometry",
            GeometryKind::Point => "point",
            GeometryKind::LineString => "linestring",
            GeometryKind::Polygon => "polygon",
            GeometryKind::MultiPoint => "multipoint",
            GeometryKind::MultiLineString => "multilinestring",
            GeometryKind::MultiPolygon => "multipolygon",
            GeometryKind::GeometryCollection => "geometrycollection",
        }
    }

    fn by_name(name: &str) -> Option<GeometryKind> {
        use GeometryKind::*;
        [
            Geometry,
            Point,
            LineString,
            Polygon,
            MultiPoint,
            MultiLineString,
            MultiPolygon,
            GeometryCollection,
        ]
        .into_iter()
        .find(|k| k.name() == name)
    }
}

impl LobSize {
    fn prefix(self) -> &'static str {
        match self {
            LobSize::Tiny => "tiny",
            LobSize::Regular => "",
            LobSize::Medium => "medium",
            LobSize::Long => "long",
        }
    }

    /// Most bytes.
    pub fn limit(self) -> u64 {
        match self {
            LobSize::Tiny => 255,
            LobSize::Regular => 65_535,
            LobSize::Medium => 16_777_215,
            LobSize::Long => 4_294_967_295,
        }
    }

    /// The smallest class that holds `bytes`, as TEXT(n) chooses.
    pub fn for_length(bytes: u64) -> LobSize {
        [LobSize::Tiny, LobSize::Regular, LobSize::Medium]
            .into_iter()
            .find(|s| bytes <= s.limit())
            .unwrap_or(LobSize::Long)
    }
}

fn write_members(f: &mut impl fmt::Write, word: &str, members: &Members) -> fmt::Result {
    write!(f, "{word}(")?;
    for (i, m) in members.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        write!(f, "{comma}'{}'", m.replace('\'', "''"))?;
    }
    f.write_char(')')
}

fn write_digits(f: &mut impl fmt::Write, word: &str, digits: u8, always: bool) -> fmt::Result {
    if digits > 0 || always {
        write!(f, "{word}({digits})")
    } else {
        f.write_str(word)
    }
}

impl SqlType {
    /// Writes the type without character set; `always` writes the digits of a second even if 0.
    fn write(&self, f: &mut impl fmt::Write, always: bool) -> fmt::Result {
        match self {
            SqlType::Null => f.write_str("null"),
            SqlType::Int {
                width,
                unsigned,
                bool_width,
            } => {
                f.write_str(match width {
                    IntWidth::Tiny if *bool_width && !*unsigned => "tinyint(1)",
                    IntWidth::Tiny => "tinyint",
                    IntWidth::Small => "smallint",
                    IntWidth::Medium => "mediumint",
                    IntWidth::Int => "int",
                    IntWidth::Big => "bigint",
                })?;
                f.write_str(if *unsigned { " unsigned" } else { "" })
            }
            SqlType::Float => f.write_str("float"),
            SqlType::Double => f.write_str("double"),
            SqlType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            SqlType::Bit(n) => write!(f, "bit({n})"),
            SqlType::Year => f.write_str("year"),
            SqlType::Date => f.write_str("date"),
            // A stored TIME always has six digits.
            SqlType::Time(n) => write_digits(f, "time", if always { 6 } else { *n }, always),
            SqlType::DateTime(n) => write_digits(f, "datetime", *n, always),
            SqlType::Timestamp(n) => write_digits(f, "timestamp", *n, always),
            SqlType::Char(n, _) => write!(f, "char({n})"),
            SqlType::VarChar(n, _) => write!(f, "varchar({n})"),
            SqlType::Text(size, _) => write!(f, "{}text", size.prefix()),
            SqlType::Binary(n) => write!(f, "binary({n})"),
            SqlType::VarBinary(n) => write!(f, "varbinary({n})"),
            SqlType::Blob(size) => write!(f, "{}blob", size.prefix()),
            SqlType::Enum(members, _) => write_members(f, "enum", members),
            SqlType::Set(members, _) => write_members(f, "set", members),
            SqlType::Json => f.write_str("json"),
            SqlType::Geometry(kind, srid) => {
                f.write_str(kind.name())?;
                match srid {
                    Some(n) => write!(f, " SRID {n}"),
                    None => Ok(()),
                }
            }
            SqlType::Vector(n) => write!(f, "VECTOR({n})"),
        }
    }

    /// The collation of character types.
    pub fn collation(&self) -> Option<CollationId> {
        match self {
            SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => Some(*c),
            SqlType::Enum(_, c) | SqlType::Set(_, c) => Some(*c),
            _ => None,
        }
    }

    /// The same type with another collation, if it has one.
    pub fn with_collation(mut self, id: CollationId) -> SqlType {
        match &mut self {
            SqlType::Char(_, c) | SqlType::VarChar(_, c) | SqlType::Text(_, c) => *c = id,
            SqlType::Enum(_, c) | SqlType::Set(_, c) => *c = id,
            _ => {}
        }
        self
    }

    /// The text that a schema stores (spec 03 §6).
    pub fn stored_text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out, true);
        if let Some(id) = self.collation()
            && id != CollationId::BINARY
        {
            let collation = id.get();
            if collation.charset.name != "utf8mb4" {
                out.push_str(" CHARACTER SET ");
                out.push_str(collation.charset.name);
            }
            if id != CollationId::DEFAULT {
                out.push_str(" COLLATE ");
                out.push_str(collation.name);
            }
        }
        out
    }

    /// Reads the text that a schema stores (spec 03 §6).
    pub fn from_stored_text(text: &str) -> Result<SqlType> {
        Reader { text, at: 0 }
            .read()
            .ok_or_else(|| Error::TypeText(text.to_string()))
    }
}

impl fmt::Display for SqlType {
    /// As SHOW CREATE and COLUMN_TYPE give it, without character set and collation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, false)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn word(&mut self) -> &'a str {
        self.space();
        let rest = self.rest();
        let n = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        self.at += n;
        &rest[..n]
    }

    fn take(&mut self, c: char) -> bool {
        self.space();
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    /// `(n)` or `(n,m)`; an absent list is empty, a malformed one is an error.
    fn numbers(&mut self) -> Option<Vec<u32>> {
        let mut out = Vec::new();
        if !self.take('(') {
            return Some(out);
        }
        loop {
            out.push(self.word().parse().ok()?);
            if self.take(')') {
                return Some(out);
            }
            if !self.take(',') || out.len() == 2 {
                return None;
            }
        }
    }

    fn members(&mut self) -> Option<Members> {
        let mut out: Vec<Box<str>> = Vec::new();
        if !self.take('(') {
            return None;
        }
        loop {
            if !self.take('\'') {
                return None;
            }
            let mut member = String::new();
            loop {
                let rest = self.rest();
                let quote = rest.find('\'')?;
                member.push_str(&rest[..quote]);
                self.at += quote + 1;
                if self.rest().starts_with('\'') {
                    member.push('\'');
                    self.at += 1;
                } else {
                    break;
                }
            }
            out.push(member.into());
            if self.take(')') {
                return Some(out.into());
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    fn read(mut self) -> Option<SqlType> {
        let word = self.word().to_ascii_lowercase();
        let mut members = None;
        let mut numbers = Vec::new();
        if matches!(word.as_str(), "enum" | "set") {
            members = Some(self.members()?);
        } else {
            numbers = self.numbers()?;
        }
        let first = numbers.first().copied();
        let mut unsigned = false;
        let mut collation = None;
        let mut charset = None;
        let mut srid = None;
        loop {
            match self.word().to_ascii_lowercase().as_str() {
                "unsigned" => unsigned = true,
                "zerofill" | "signed" | "precision" => {}
                "character" => {
                    if !self.word().eq_ignore_ascii_case("set") {
                        return None;
                    }
                    charset = Some(crate::charset::by_name(self.word())?);
                }
                "charset" => charset = Some(crate::charset::by_name(self.word())?),
                "collate" => collation = Some(collation::by_name(self.word())?.id),
                "srid" => srid = Some(self.word().parse().ok()?),
                "" if self.rest().is_empty() => break,
                _ => return None,
            }
        }
        let collation = collation
            .or_else(|| Some(collation::by_name(charset?.default_collation)?.id))
            .unwrap_or(CollationId::DEFAULT);
        let digits = |most: u32| match first {
            None => Some(0u8),
            Some(n) if n <= most => Some(n as u8),
            _ => None,
        };
        let int = |width, bool_width| SqlType::Int {
            width,
            unsigned,
            bool_width,
        };
        Some(match word.as_str() {
            "tinyint" => int(IntWidth::Tiny, first == Some(1) && !unsigned),
            "bool" | "boolean" => int(IntWidth::Tiny, true),
            "smallint" => int(IntWidth::Small, false),
            "mediumint" => int(IntWidth::Medium, false),
            "int" | "integer" => int(IntWidth::Int, false),
            "bigint" => int(IntWidth::Big, false),
            "float" => match first {
                Some(p) if p > 24 && numbers.len() == 1 => SqlType::Double,
                _ => SqlType::Float,
            },
            "double" | "real" => SqlType::Double,
            "decimal" | "numeric" | "dec" | "fixed" => {
                let precision = first.unwrap_or(10);
                let scale = numbers.get(1).copied().unwrap_or(0);
                let ok = (1..=65).contains(&precision) && scale <= 30 && scale <= precision;
                ok.then_some(SqlType::Decimal {
                    precision: precision as u8,
                    scale: scale as u8,
                })?
            }
            "bit" => SqlType::Bit(first.or(Some(1)).filter(|n| (1..=64).contains(n))? as u8),
            "year" => SqlType::Year,
            "date" => SqlType::Date,
            "time" => SqlType::Time(digits(6)?),
            "datetime" => SqlType::DateTime(digits(6)?),
            "timestamp" => SqlType::Timestamp(digits(6)?),
            "char" => SqlType::Char(first.unwrap_or(1), collation),
            "varchar" => SqlType::VarChar(first?, collation),
            "tinytext" => SqlType::Text(LobSize::Tiny, collation),
            "text" => SqlType::Text(
                first.map_or(LobSize::Regular, |n| LobSize::for_length(n.into())),
                collation,
            ),
            "mediumtext" => SqlType::Text(LobSize::Medium, collation),
            "longtext" => SqlType::Text(LobSize::Long, collation),
            "binary" => SqlType::Binary(first.unwrap_or(1)),
            "varbinary" => SqlType::VarBinary(first?),
            "tinyblob" => SqlType::Blob(LobSize::Tiny),
            "blob" => {
                SqlType::Blob(first.map_or(LobSize::Regular, |n| LobSize::for_length(n.into())))
            }
            "mediumblob" => SqlType::Blob(LobSize::Medium),
            "longblob" => SqlType::Blob(LobSize::Long),
            "enum" => SqlType::Enum(members?, collation),
            "set" => SqlType::Set(members.filter(|m| m.len() <= 64)?, collation),
            "json" => SqlType::Json,
            "vector" => SqlType::Vector(u16::try_from(first.unwrap_or(2048)).ok()?),
            other => SqlType::Geometry(GeometryKind::by_name(other)?, srid),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_texts_round_trip() {
        for text in [
            "tinyint",
            "tinyint(1)",
            "tinyint unsigned",
            "smallint",
            "mediumint unsigned",
            "int",
            "bigint unsigned",
            "float",
            "double",
            "decimal(10,0)",
            "decimal(65,30)",
            "bit(1)",
            "char(5) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
            "varchar(64) COLLATE utf8mb4_0900_ai_ci",
            "varchar(20)",
            "binary(3)",
            "varbinary(9)",
            "tinytext",
            "text",
            "mediumblob",
            "longblob",
            "enum('a','b''c',',')",
            "set('x') COLLATE utf8mb4_general_ci",
            "date",
            "time(6)",
            "year",
            "datetime(0)",
            "timestamp(3)",
            "json",
            "geometry",
            "point SRID 0",
            "multipolygon SRID 4326",
            "VECTOR(3)",
        ] {
            assert_eq!(SqlType::from_stored_text(text).unwrap().stored_text(), text);
        }
        for bad in [
            "",
            "foo",
            "varchar",
            "decimal(66,0)",
            "enum(a)",
            "int(",
            "enum('a'",
            "datetime(7)",
            "char(3) COLLATE nope",
            "int foo",
        ] {
            assert!(SqlType::from_stored_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shown_texts() {
        let show = |t: &str| SqlType::from_stored_text(t).unwrap().to_string();
        assert_eq!(show("datetime(0)"), "datetime");
        assert_eq!(
            show("varchar(64) COLLATE utf8mb4_0900_ai_ci"),
            "varchar(64)"
        );
        assert_eq!(show("timestamp(6)"), "timestamp(6)");
    }
}
