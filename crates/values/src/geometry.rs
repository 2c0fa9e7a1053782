//! Geometries: the stored form (SRID and WKB), WKB, WKT and GeoJSON.

use crate::json::JsonValue;
use crate::number_text::push_f64;
use crate::{Decimal, GeometryKind, Json};

/// A position: x and y, as stored.
pub type Position = [f64; 2];

/// What a geometry is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// POINT
    Point(Position),
    /// LINESTRING
    Line(Vec<Position>),
    /// POLYGON: the outer ring, then holes.
    Polygon(Vec<Vec<Position>>),
    /// MULTIPOINT
    MultiPoint(Vec<Position>),
    /// MULTILINESTRING
    MultiLine(Vec<Vec<Position>>),
    /// MULTIPOLYGON
    MultiPolygon(Vec<Vec<Vec<Position>>>),
    /// GEOMETRYCOLLECTION
    Collection(Vec<Shape>),
}

/// A shape in a spatial reference system.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Number of the reference system.
    pub srid: u32,
    /// The shape.
    pub shape: Shape,
}

/// Whether a stored geometry is of a kind of column, by its header.
pub fn is_stored_kind(bytes: &[u8], kind: GeometryKind) -> bool {
    let Some([1, a, b, c, d]) = bytes.get(4..9) else {
        return false;
    };
    let code = u32::from_le_bytes([*a, *b, *c, *d]);
    match kind {
        GeometryKind::Geometry => (1..=7).contains(&code),
        GeometryKind::Point => code == 1,
        GeometryKind::LineString => code == 2,
        GeometryKind::Polygon => code == 3,
        GeometryKind::MultiPoint => code == 4,
        GeometryKind::MultiLineString => code == 5,
        GeometryKind::MultiPolygon => code == 6,
        GeometryKind::GeometryCollection => code == 7,
    }
}

/// WGS 84, whose texts give the latitude first.
pub const WGS84: u32 = 4326;

/// Deepest nesting of collections.
const MAX_DEPTH: u32 = 64;

impl Shape {
    /// The number of the type in WKB.
    pub fn code(&self) -> u32 {
        match self {
            Shape::Point(_) => 1,
            Shape::Line(_) => 2,
            Shape::Polygon(_) => 3,
            Shape::MultiPoint(_) => 4,
            Shape::MultiLine(_) => 5,
            Shape::MultiPolygon(_) => 6,
            Shape::Collection(_) => 7,
        }
    }

    /// The name of the type in WKT.
    pub fn name(&self) -> &'static str {
        NAMES[self.code() as usize - 1]
    }

    /// Every position.
    pub fn positions(&self) -> Vec<Position> {
        let mut out = Vec::new();
        self.gather(&mut out);
        out
    }

    fn gather(&self, out: &mut Vec<Position>) {
        match self {
            Shape::Point(p) => out.push(*p),
            Shape::Line(l) | Shape::MultiPoint(l) => out.extend(l),
            Shape::Polygon(r) | Shape::MultiLine(r) => out.extend(r.iter().flatten()),
            Shape::MultiPolygon(m) => out.extend(m.iter().flatten().flatten()),
            Shape::Collection(c) => c.iter().for_each(|s| s.gather(out)),
        }
    }

    /// The same with x and y exchanged.
    pub fn swapped(mut self) -> Shape {
        self.swap();
        self
    }

    fn swap(&mut self) {
        match self {
            Shape::Point(p) => p.reverse(),
            Shape::Line(l) | Shape::MultiPoint(l) => l.iter_mut().for_each(|p| p.reverse()),
            Shape::Polygon(r) | Shape::MultiLine(r) => {
                r.iter_mut().flatten().for_each(|p| p.reverse())
            }
            Shape::MultiPolygon(m) => m.iter_mut().flatten().flatten().for_each(|p| p.reverse()),
            Shape::Collection(c) => c.iter_mut().for_each(Shape::swap),
        }
    }

    /// The parts of a collection, or the shape itself.
    pub fn parts(&self) -> Vec<Shape> {
        match self {
            Shape::MultiPoint(l) => l.iter().map(|p| Shape::Point(*p)).collect(),
            Shape::MultiLine(l) => l.iter().map(|p| Shape::Line(p.clone())).collect(),
            Shape::MultiPolygon(l) => l.iter().map(|p| Shape::Polygon(p.clone())).collect(),
            Shape::Collection(c) => c.iter().flat_map(Shape::parts).collect(),
            other => vec![other.clone()],
        }
    }

    /// Whether there is no position in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Shape::Collection(c) if c.iter().all(Shape::is_empty))
    }

    /// Whether rings are closed and lines have two ends.
    pub fn is_well_formed(&self) -> bool {
        let ring = |r: &Vec<Position>| r.len() >= 4 && r.first() == r.last();
        match self {
            Shape::Point(_) => true,
            Shape::Line(l) => l.len() >= 2,
            Shape::Polygon(r) => !r.is_empty() && r.iter().all(ring),
            Shape::MultiPoint(l) => !l.is_empty(),
            Shape::MultiLine(l) => !l.is_empty() && l.iter().all(|l| l.len() >= 2),
            Shape::MultiPolygon(m) => {
                !m.is_empty() && m.iter().all(|r| !r.is_empty() && r.iter().all(ring))
            }
            Shape::Collection(c) => c.iter().all(Shape::is_well_formed),
        }
    }
}

/// Names of types in the order of their WKB numbers.
const NAMES: [&str; 7] = [
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
];

struct Reader<'b> {
    bytes: &'b [u8],
    little: bool,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<u32> {
        let b = self.take()?;
        Some(if self.little {
            u32::from_le_bytes(b)
        } else {
            u32::from_be_bytes(b)
        })
    }

    fn coordinate(&mut self) -> Option<f64> {
        let b = self.take()?;
        let v = if self.little {
            f64::from_le_bytes(b)
        } else {
            f64::from_be_bytes(b)
        };
        v.is_finite().then_some(v)
    }

    fn position(&mut self) -> Option<Position> {
        Some([self.coordinate()?, self.coordinate()?])
    }

    /// A counted list; every item takes at least four bytes, which bounds the count.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.number()? as usize;
        if n > self.bytes.len() / 4 {
            return None;
        }
        (0..n).map(|_| item(self)).collect()
    }

    fn header(&mut self) -> Option<u32> {
        let [order] = self.take()?;
        self.little = match order {
            0 => false,
            1 => true,
            _ => return None,
        };
        self.number()
    }

    fn member(&mut self, code: u32) -> Option<()> {
        (self.header()? == code).then_some(())
    }

    fn shape(&mut self, depth: u32) -> Option<Shape> {
        if depth > MAX_DEPTH {
            return None;
        }
        let line = |r: &mut Self| r.list(Reader::position);
        let polygon = |r: &mut Self| r.list(|r| r.list(Reader::position));
        Some(match self.header()? {
            1 => Shape::Point(self.position()?),
            2 => Shape::Line(line(self)?),
            3 => Shape::Polygon(polygon(self)?),
            4 => Shape::MultiPoint(self.list(|r| {
                r.member(1)?;
                r.position()
            })?),
            5 => Shape::MultiLine(self.list(|r| {
                r.member(2)?;
                line(r)
            })?),
            6 => Shape::MultiPolygon(self.list(|r| {
                r.member(3)?;
                polygon(r)
            })?),
            7 => Shape::Collection(self.list(|r| r.shape(depth + 1))?),
            _ => return None,
        })
    }
}

/// Reads WKB.
pub fn from_wkb(bytes: &[u8]) -> Option<Shape> {
    let mut r = Reader {
        bytes,
        little: true,
    };
    let shape = r.shape(0)?;
    r.bytes.is_empty().then_some(shape)
}

/// Appends WKB, little end first.
pub fn write_wkb(shape: &Shape, out: &mut Vec<u8>) {
    fn header(code: u32, out: &mut Vec<u8>) {
        out.push(1);
        out.extend_from_slice(&code.to_le_bytes());
    }
    fn positions(list: &[Position], out: &mut Vec<u8>) {
        out.extend_from_slice(&(list.len() as u32).to_le_bytes());
        list.iter()
            .flatten()
            .for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    }
    fn rings(list: &[Vec<Position>], out: &mut Vec<u8>) {
        out.extend_from_slice(&(list.len() as u32).to_le_bytes());
        list.iter().for_each(|r| positions(r, out));
    }
    header(shape.code(), out);
    match shape {
        Shape::Point(p) => p
            .iter()
            .for_each(|v| out.extend_from_slice(&v.to_le_bytes())),
        Shape::Line(l) => positions(l, out),
        Shape::Polygon(r) => rings(r, out),
        Shape::MultiPoint(_) | Shape::MultiLine(_) | Shape::MultiPolygon(_) => {
            let parts = shape.parts();
            out.extend_from_slice(&(parts.len() as u32).to_le_bytes());
            parts.iter().for_each(|p| write_wkb(p, out));
        }
        Shape::Collection(c) => {
            out.extend_from_slice(&(c.len() as u32).to_le_bytes());
            c.iter().for_each(|p| write_wkb(p, out));
        }
    }
}

impl Geometry {
    /// Reads the stored form.
    pub fn from_stored(bytes: &[u8]) -> Option<Geometry> {
        let (srid, wkb) = bytes.split_first_chunk::<4>()?;
        Some(Geometry {
            srid: u32::from_le_bytes(*srid),
            shape: from_wkb(wkb)?,
        })
    }

    /// The stored form.
    pub fn to_stored(&self) -> Vec<u8> {
        let mut out = self.srid.to_le_bytes().to_vec();
        write_wkb(&self.shape, &mut out);
        out
    }

    /// The shape in the order of axes that texts use, or back.
    pub fn in_text_order(&self) -> Shape {
        if self.srid == WGS84 {
            self.shape.clone().swapped()
        } else {
            self.shape.clone()
        }
    }
}

fn write_list<T>(list: &[T], out: &mut Vec<u8>, mut item: impl FnMut(&T, &mut Vec<u8>)) {
    out.push(b'(');
    for (i, v) in list.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item(v, out);
    }
    out.push(b')');
}

fn write_position(p: &Position, out: &mut Vec<u8>) {
    push_f64(p[0], out);
    out.push(b' ');
    push_f64(p[1], out);
}

/// Appends WKT.
pub fn write_wkt(shape: &Shape, out: &mut Vec<u8>) {
    let line = |l: &Vec<Position>, out: &mut Vec<u8>| write_list(l, out, write_position);
    let polygon = |r: &Vec<Vec<Position>>, out: &mut Vec<u8>| write_list(r, out, line);
    out.extend_from_slice(shape.name().as_bytes());
    match shape {
        Shape::Point(p) => write_list(&[*p], out, write_position),
        Shape::Line(l) => line(l, out),
        Shape::Polygon(r) | Shape::MultiLine(r) => polygon(r, out),
        Shape::MultiPoint(l) => write_list(l, out, |p, out| write_list(&[*p], out, write_position)),
        Shape::MultiPolygon(m) => write_list(m, out, polygon),
        Shape::Collection(c) if c.is_empty() => out.extend_from_slice(b" EMPTY"),
        Shape::Collection(c) => write_list(c, out, write_wkt),
    }
}

struct Words<'t> {
    text: &'t str,
}

impl Words<'_> {
    fn eat(&mut self, c: char) -> bool {
        let text = self.text.trim_start();
        match text.strip_prefix(c) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> String {
        let text = self.text.trim_start();
        let n = text
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(text.len());
        self.text = &text[n..];
        text[..n].to_ascii_uppercase()
    }

    fn number(&mut self) -> Option<f64> {
        let text = self.text.trim_start();
        let n = text
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E')))
            .unwrap_or(text.len());
        self.text = &text[n..];
        text[..n].parse::<f64>().ok().filter(|v| v.is_finite())
    }

    fn position(&mut self) -> Option<Position> {
        Some([self.number()?, self.number()?])
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        if !self.eat('(') {
            return None;
        }
        let mut out = vec![item(self)?];
        while self.eat(',') {
            out.push(item(self)?);
        }
        self.eat(')').then_some(out)
    }

    fn shape(&mut self, depth: u32) -> Option<Shape> {
        if depth > MAX_DEPTH {
            return None;
        }
        let line = |w: &mut Self| w.list(Words::position);
        let polygon = |w: &mut Self| w.list(|w| w.list(Words::position));
        Some(match self.name().as_str() {
            "POINT" => {
                let list = line(self)?;
                match list.as_slice() {
                    [p] => Shape::Point(*p),
                    _ => return None,
                }
            }
            "LINESTRING" => Shape::Line(line(self)?),
            "POLYGON" => Shape::Polygon(polygon(self)?),
            "MULTIPOINT" => Shape::MultiPoint(self.list(|w| {
                let open = w.eat('(');
                let p = w.position()?;
                (!open || w.eat(')')).then_some(p)
            })?),
            "MULTILINESTRING" => Shape::MultiLine(polygon(self)?),
            "MULTIPOLYGON" => Shape::MultiPolygon(self.list(polygon)?),
            "GEOMETRYCOLLECTION" | "GEOMCOLLECTION" => {
                let start = self.text;
                if self.name() == "EMPTY" {
                    return Some(Shape::Collection(Vec::new()));
                }
                self.text = start;
                if self.eat('(') && self.eat(')') {
                    return Some(Shape::Collection(Vec::new()));
                }
                self.text = start;
                Shape::Collection(self.list(|w| w.shape(depth + 1))?)
            }
            _ => return None,
        })
    }
}

/// Reads WKT.
pub fn from_wkt(text: &str) -> Option<Shape> {
    let mut w = Words { text };
    let shape = w.shape(0)?;
    w.text.trim().is_empty().then_some(shape)
}

/// Names of types in GeoJSON in the order of their WKB numbers.
const JSON_NAMES: [&str; 7] = [
    "Point",
    "LineString",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
];

/// GeoJSON with at most so many digits after the point.
pub fn to_geojson(shape: &Shape, digits: u32) -> Json {
    let number = |v: f64| {
        let unit = 10f64.powi(digits.min(17) as i32);
        let r = (v * unit).round() / unit;
        Json::from(JsonValue::Double(if digits < 17 && r.is_finite() {
            r
        } else {
            v
        }))
    };
    let position = |p: &Position| Json::array(vec![number(p[0]), number(p[1])]);
    let line = |l: &Vec<Position>| Json::array(l.iter().map(position).collect());
    let polygon = |r: &Vec<Vec<Position>>| Json::array(r.iter().map(line).collect());
    let (key, value) = match shape {
        Shape::Point(p) => ("coordinates", position(p)),
        Shape::Line(l) | Shape::MultiPoint(l) => ("coordinates", line(l)),
        Shape::Polygon(r) | Shape::MultiLine(r) => ("coordinates", polygon(r)),
        Shape::MultiPolygon(m) => ("coordinates", Json::array(m.iter().map(polygon).collect())),
        Shape::Collection(c) => (
            "geometries",
            Json::array(c.iter().map(|s| to_geojson(s, digits)).collect()),
        ),
    };
    let name = JSON_NAMES[shape.code() as usize - 1];
    Json::object([("type".into(), Json::string(name)), (key.into(), value)])
}

/// Reads GeoJSON; a feature gives its geometry.
pub fn from_geojson(json: &Json) -> Option<Shape> {
    fn items(j: &Json) -> Option<&[Json]> {
        match j.value() {
            JsonValue::Array(items) => Some(items),
            _ => None,
        }
    }
    fn position(j: &Json) -> Option<Position> {
        let list = items(j)?;
        Some([list.first()?.to_f64()?, list.get(1)?.to_f64()?])
    }
    fn line(j: &Json) -> Option<Vec<Position>> {
        items(j)?.iter().map(position).collect()
    }
    fn polygon(j: &Json) -> Option<Vec<Vec<Position>>> {
        items(j)?.iter().map(line).collect()
    }
    let JsonValue::String(name) = json.get("type")?.value() else {
        return None;
    };
    let coordinates = || json.get("coordinates");
    Some(match name.to_ascii_lowercase().as_str() {
        "point" => Shape::Point(position(coordinates()?)?),
        "linestring" => Shape::Line(line(coordinates()?)?),
        "polygon" => Shape::Polygon(polygon(coordinates()?)?),
        "multipoint" => Shape::MultiPoint(line(coordinates()?)?),
        "multilinestring" => Shape::MultiLine(polygon(coordinates()?)?),
        "multipolygon" => Shape::MultiPolygon(
            items(coordinates()?)?
                .iter()
                .map(polygon)
                .collect::<Option<_>>()?,
        ),
        "geometrycollection" => {
            let list = items(json.get("geometries")?)?;
            Shape::Collection(list.iter().map(from_geojson).collect::<Option<_>>()?)
        }
        "feature" => from_geojson(json.get("geometry")?)?,
        "featurecollection" => {
            let list = items(json.get("features")?)?;
            Shape::Collection(list.iter().map(from_geojson).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// A coordinate as a decimal, for messages.
pub fn shown(v: f64) -> String {
    Decimal::from_f64(v).map_or_else(|| v.to_string(), |d| d.to_string())
}
