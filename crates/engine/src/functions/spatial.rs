//! Functions that make geometries, read and write their texts, and take them apart.

use values::geometry::{
    Geometry, Position, Shape, from_geojson, from_wkb, from_wkt, shown, to_geojson, write_wkb,
    write_wkt,
};
use values::{CollationId, GeometryKind, SqlType, Value};

use super::result_type as ty;
use super::{ANY, Call, Function, Outcome, boolean, bytes};
use crate::convert::{to_f64, to_i64, to_string, to_text};
use crate::error::{Error, Result};

/// A function that reads WKT or WKB of one type, or of any for 0.
macro_rules! readers {
    ($($name:literal $code:literal $from:ident;)*) => {
        &[$(Function::new($name, 1, 3, geometry, |c, a| $from(c, a, $name, $code)),)*]
    };
}

pub const READERS: &[Function] = readers! {
    "st_geomfromtext" 0 read_text;
    "st_geometryfromtext" 0 read_text;
    "st_pointfromtext" 1 read_text;
    "st_linefromtext" 2 read_text;
    "st_linestringfromtext" 2 read_text;
    "st_polyfromtext" 3 read_text;
    "st_polygonfromtext" 3 read_text;
    "st_mpointfromtext" 4 read_text;
    "st_multipointfromtext" 4 read_text;
    "st_mlinefromtext" 5 read_text;
    "st_multilinestringfromtext" 5 read_text;
    "st_mpolyfromtext" 6 read_text;
    "st_multipolygonfromtext" 6 read_text;
    "st_geomcollfromtext" 7 read_text;
    "st_geomcollfromtxt" 7 read_text;
    "st_geometrycollectionfromtext" 7 read_text;
    "st_geomfromwkb" 0 read_wkb;
    "st_geometryfromwkb" 0 read_wkb;
    "st_pointfromwkb" 1 read_wkb;
    "st_linefromwkb" 2 read_wkb;
    "st_linestringfromwkb" 2 read_wkb;
    "st_polyfromwkb" 3 read_wkb;
    "st_polygonfromwkb" 3 read_wkb;
    "st_mpointfromwkb" 4 read_wkb;
    "st_multipointfromwkb" 4 read_wkb;
    "st_mlinefromwkb" 5 read_wkb;
    "st_multilinestringfromwkb" 5 read_wkb;
    "st_mpolyfromwkb" 6 read_wkb;
    "st_multipolygonfromwkb" 6 read_wkb;
    "st_geomcollfromwkb" 7 read_wkb;
    "st_geometrycollectionfromwkb" 7 read_wkb;
};

pub const FUNCTIONS: &[Function] = &[
    Function::new("point", 2, 2, geometry, |c, a| {
        made(0, Shape::Point([to_f64(&a[0], c.cx), to_f64(&a[1], c.cx)]))
    }),
    Function::new("linestring", 1, ANY, geometry, |_, a| build(a, 2)),
    Function::new("polygon", 1, ANY, geometry, |_, a| build(a, 3)),
    Function::new("multipoint", 1, ANY, geometry, |_, a| build(a, 4)),
    Function::new("multilinestring", 1, ANY, geometry, |_, a| build(a, 5)),
    Function::new("multipolygon", 1, ANY, geometry, |_, a| build(a, 6)),
    Function::new("geometrycollection", 0, ANY, geometry, |_, a| build(a, 7)),
    Function::new("geomcollection", 0, ANY, geometry, |_, a| build(a, 7)),
    Function::new("st_astext", 1, 2, ty::long_text, |_, a| {
        text(a, "st_astext")
    }),
    Function::new("st_aswkt", 1, 2, ty::long_text, |_, a| text(a, "st_aswkt")),
    Function::new("st_asbinary", 1, 2, ty::blob, |_, a| wkb(a, "st_asbinary")),
    Function::new("st_aswkb", 1, 2, ty::blob, |_, a| wkb(a, "st_aswkb")),
    Function::new("st_asgeojson", 1, 3, ty::json, as_geojson),
    Function::new("st_geomfromgeojson", 1, 3, geometry, geom_from_geojson),
    Function::new("st_x", 1, 2, coordinate_type, |c, a| {
        coordinate(c, a, 0, "st_x")
    }),
    Function::new("st_y", 1, 2, coordinate_type, |c, a| {
        coordinate(c, a, 1, "st_y")
    }),
    Function::new("st_longitude", 1, 2, coordinate_type, |c, a| {
        coordinate(c, a, 0, "st_longitude")
    }),
    Function::new("st_latitude", 1, 2, coordinate_type, |c, a| {
        coordinate(c, a, 1, "st_latitude")
    }),
    Function::new("st_srid", 1, 2, srid_type, srid),
    Function::new("st_swapxy", 1, 1, geometry, |_, a| {
        let g = argument(&a[0], "st_swapxy")?;
        made(g.srid, g.shape.swapped())
    }),
    Function::new("st_geometrytype", 1, 1, ty::name, |_, a| {
        Ok(bytes(argument(&a[0], "st_geometrytype")?.shape.name()))
    }),
    Function::new("st_dimension", 1, 1, ty::int, |_, a| {
        Ok(dimension(&argument(&a[0], "st_dimension")?.shape).map_or(Value::Null, Value::Int))
    }),
    Function::new("st_isempty", 1, 1, ty::int, |_, a| {
        Ok(boolean(argument(&a[0], "st_isempty")?.shape.is_empty()))
    }),
    Function::new("st_isvalid", 1, 1, ty::int, |_, a| {
        Ok(boolean(
            argument(&a[0], "st_isvalid")?.shape.is_well_formed(),
        ))
    }),
    Function::new("st_validate", 1, 1, geometry, |_, a| {
        let g = argument(&a[0], "st_validate")?;
        if g.shape.is_well_formed() {
            Ok(bytes(g.to_stored()))
        } else {
            Ok(Value::Null)
        }
    }),
    Function::new("st_isclosed", 1, 1, ty::int, |_, a| {
        Ok(match argument(&a[0], "st_isclosed")?.shape {
            Shape::Line(l) => boolean(l.first() == l.last()),
            Shape::MultiLine(m) => boolean(m.iter().all(|l| l.first() == l.last())),
            _ => Value::Null,
        })
    }),
    Function::new("st_numpoints", 1, 1, ty::int, |_, a| {
        Ok(line(&a[0], "st_numpoints")?.map_or(Value::Null, |(_, l)| Value::Int(l.len() as i64)))
    }),
    Function::new("st_pointn", 2, 2, geometry, |c, a| {
        let n = to_i64(&a[1], c.cx)?;
        nth_point(&a[0], "st_pointn", |l| {
            l.get(usize::try_from(n).ok()?.checked_sub(1)?)
        })
    }),
    Function::new("st_startpoint", 1, 1, geometry, |_, a| {
        nth_point(&a[0], "st_startpoint", |l| l.first())
    }),
    Function::new("st_endpoint", 1, 1, geometry, |_, a| {
        nth_point(&a[0], "st_endpoint", |l| l.last())
    }),
    Function::new("st_exteriorring", 1, 1, geometry, |_, a| {
        ring(&a[0], "st_exteriorring", Some(0))
    }),
    Function::new("st_interiorringn", 2, 2, geometry, |c, a| {
        let n = to_i64(&a[1], c.cx)?;
        ring(
            &a[0],
            "st_interiorringn",
            usize::try_from(n).ok().filter(|n| *n > 0),
        )
    }),
    Function::new("st_numinteriorring", 1, 1, ty::int, |_, a| {
        interior_rings(&a[0])
    }),
    Function::new("st_numinteriorrings", 1, 1, ty::int, |_, a| {
        interior_rings(&a[0])
    }),
    Function::new("st_numgeometries", 1, 1, ty::int, |_, a| {
        Ok(match members(&argument(&a[0], "st_numgeometries")?.shape) {
            Some(parts) => Value::Int(parts.len() as i64),
            None => Value::Null,
        })
    }),
    Function::new("st_geometryn", 2, 2, geometry, |c, a| {
        let g = argument(&a[0], "st_geometryn")?;
        let n = usize::try_from(to_i64(&a[1], c.cx)?).unwrap_or(0);
        let part = members(&g.shape).and_then(|p| p.get(n.checked_sub(1)?).cloned());
        part.map_or(Ok(Value::Null), |shape| made(g.srid, shape))
    }),
];

fn geometry(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Geometry(GeometryKind::Geometry, None)
}

/// A number; a geometry when there is a second argument to change it.
fn coordinate_type(a: &[SqlType], c: CollationId) -> SqlType {
    if a.len() == 2 {
        geometry(a, c)
    } else {
        SqlType::Double
    }
}

fn srid_type(a: &[SqlType], c: CollationId) -> SqlType {
    if a.len() == 2 {
        geometry(a, c)
    } else {
        ty::int(a, c)
    }
}

/// An argument that must be a geometry, or error 3037.
pub(super) fn argument(v: &Value<'_>, name: &str) -> Result<Geometry> {
    let stored = match v {
        Value::Bytes(b) => Geometry::from_stored(b),
        _ => None,
    };
    stored.ok_or_else(|| invalid(name))
}

fn invalid(name: &str) -> Error {
    Error::new(
        3037,
        "22023",
        format!("Invalid GIS data provided to function {name}."),
    )
}

/// A geometry as a value.
pub(super) fn made(srid: u32, shape: Shape) -> Outcome {
    Ok(bytes(Geometry { srid, shape }.to_stored()))
}

fn build(a: &[Value<'_>], code: u32) -> Outcome {
    let mut parts = Vec::with_capacity(a.len());
    let mut srid = 0;
    for v in a {
        let g = match v {
            Value::Bytes(b) => Geometry::from_stored(b),
            _ => None,
        };
        let g = g.ok_or_else(|| {
            let text = format!(
                "Illegal non geometric '{}' value found during parsing",
                to_string(v)
            );
            Error::new(1367, "22007", text)
        })?;
        srid = g.srid;
        parts.push(g.shape);
    }
    let points = |parts: &[Shape]| -> Option<Vec<Position>> {
        parts
            .iter()
            .map(|s| {
                if let Shape::Point(p) = s {
                    Some(*p)
                } else {
                    None
                }
            })
            .collect()
    };
    let lines = |parts: &[Shape]| -> Option<Vec<Vec<Position>>> {
        parts
            .iter()
            .map(|s| {
                if let Shape::Line(l) = s {
                    Some(l.clone())
                } else {
                    None
                }
            })
            .collect()
    };
    let polygons = |parts: &[Shape]| -> Option<Vec<Vec<Vec<Position>>>> {
        parts
            .iter()
            .map(|s| {
                if let Shape::Polygon(r) = s {
                    Some(r.clone())
                } else {
                    None
                }
            })
            .collect()
    };
    let (name, shape) = match code {
        2 => ("linestring", points(&parts).map(Shape::Line)),
        3 => ("polygon", lines(&parts).map(Shape::Polygon)),
        4 => ("multipoint", points(&parts).map(Shape::MultiPoint)),
        5 => ("multilinestring", lines(&parts).map(Shape::MultiLine)),
        6 => ("multipolygon", polygons(&parts).map(Shape::MultiPolygon)),
        _ => ("geometrycollection", Some(Shape::Collection(parts))),
    };
    match shape {
        Some(shape) if shape.is_well_formed() => made(srid, shape),
        Some(_) => Err(invalid(name)),
        None => Err(Error::new(
            1367,
            "22007",
            "Illegal non geometric value found during parsing",
        )),
    }
}

/// The reference system that an argument names.
fn srid_of(call: &Call<'_>, v: Option<&Value<'_>>, name: &str) -> Result<u32> {
    let Some(v) = v else { return Ok(0) };
    u32::try_from(to_i64(v, call.cx)?).map_err(|_| {
        Error::new(
            1690,
            "22003",
            format!("SRID value is out of range in '{name}'"),
        )
    })
}

/// A shape that was read from outside, in the order of axes that is stored.
fn read(call: &Call<'_>, a: &[Value<'_>], name: &str, code: u32, shape: Option<Shape>) -> Outcome {
    let shape = shape
        .filter(|s| code == 0 || s.code() == code)
        .filter(Shape::is_well_formed);
    let shape = shape.ok_or_else(|| invalid(name))?;
    let srid = srid_of(call, a.get(1), name)?;
    let long_lat = a
        .get(2)
        .is_some_and(|v| to_string(v).to_ascii_lowercase().contains("long-lat"));
    let shape = Geometry { srid, shape };
    let shape = if long_lat {
        shape.shape
    } else {
        shape.in_text_order()
    };
    if srid == values::geometry::WGS84 {
        for [x, y] in shape.positions() {
            if !(-180.0..=180.0).contains(&x) {
                return Err(out_of_range(
                    3616,
                    "Longitude",
                    x,
                    name,
                    "(-180.000000, 180.000000]",
                ));
            }
            if !(-90.0..=90.0).contains(&y) {
                return Err(out_of_range(
                    3617,
                    "Latitude",
                    y,
                    name,
                    "[-90.000000, 90.000000]",
                ));
            }
        }
    }
    made(srid, shape)
}

fn out_of_range(code: u16, what: &str, v: f64, name: &str, range: &str) -> Error {
    let v = shown(v);
    let text = format!("{what} {v} is out of range in function {name}. It must be within {range}.");
    Error::new(code, "22S02", text)
}

fn read_text(call: &Call<'_>, a: &[Value<'_>], name: &str, code: u32) -> Outcome {
    read(call, a, name, code, from_wkt(&to_string(&a[0])))
}

fn read_wkb(call: &Call<'_>, a: &[Value<'_>], name: &str, code: u32) -> Outcome {
    read(call, a, name, code, from_wkb(&to_text(&a[0])))
}

/// The shape in the order of axes that an option of a writer asks for.
fn for_text(a: &[Value<'_>], name: &str) -> Result<Shape> {
    let g = argument(&a[0], name)?;
    let long_lat = a
        .get(1)
        .is_some_and(|v| to_string(v).to_ascii_lowercase().contains("long-lat"));
    Ok(if long_lat { g.shape } else { g.in_text_order() })
}

fn text(a: &[Value<'_>], name: &str) -> Outcome {
    let mut out = Vec::new();
    write_wkt(&for_text(a, name)?, &mut out);
    Ok(bytes(out))
}

fn wkb(a: &[Value<'_>], name: &str) -> Outcome {
    let mut out = Vec::new();
    write_wkb(&for_text(a, name)?, &mut out);
    Ok(bytes(out))
}

fn as_geojson(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let g = argument(&a[0], "st_asgeojson")?;
    let digits = match a.get(1) {
        Some(v) => to_i64(v, call.cx)?,
        None => i64::from(u32::MAX),
    };
    if digits < 0 {
        return Err(Error::new(
            1690,
            "22003",
            "max decimal digits value is out of range in 'st_asgeojson'",
        ));
    }
    Ok(Value::Json(to_geojson(&g.shape, digits.min(17) as u32)))
}

fn geom_from_geojson(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let doc = super::json::document(&a[0], 1, "st_geomfromgeojson")?;
    let shape = from_geojson(&doc).filter(Shape::is_well_formed);
    let shape = shape.ok_or_else(|| invalid("st_geomfromgeojson"))?;
    let srid = match a.get(2) {
        Some(_) => srid_of(call, a.get(2), "st_geomfromgeojson")?,
        None => values::geometry::WGS84,
    };
    made(srid, shape)
}

fn coordinate(call: &Call<'_>, a: &[Value<'_>], axis: usize, name: &str) -> Outcome {
    let g = argument(&a[0], name)?;
    let Shape::Point(mut p) = g.shape else {
        let text = format!(
            "POINT value is a geometry of unexpected type {} in {name}.",
            g.shape.name()
        );
        return Err(Error::new(3516, "22S01", text));
    };
    let Some(v) = a.get(1) else {
        return Ok(Value::Float(p[axis]));
    };
    p[axis] = to_f64(v, call.cx);
    made(g.srid, Shape::Point(p))
}

fn srid(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let g = argument(&a[0], "st_srid")?;
    if a.len() == 1 {
        return Ok(Value::Int(g.srid.into()));
    }
    made(srid_of(call, a.get(1), "st_srid")?, g.shape)
}

fn dimension(shape: &Shape) -> Option<i64> {
    match shape {
        Shape::Point(_) | Shape::MultiPoint(_) => Some(0),
        Shape::Line(_) | Shape::MultiLine(_) => Some(1),
        Shape::Polygon(_) | Shape::MultiPolygon(_) => Some(2),
        Shape::Collection(c) => c.iter().filter_map(dimension).max(),
    }
}

fn line(v: &Value<'_>, name: &str) -> Result<Option<(u32, Vec<Position>)>> {
    let g = argument(v, name)?;
    Ok(match g.shape {
        Shape::Line(l) => Some((g.srid, l)),
        _ => None,
    })
}

fn nth_point(
    v: &Value<'_>,
    name: &str,
    pick: impl for<'p> FnOnce(&'p [Position]) -> Option<&'p Position>,
) -> Outcome {
    let found = line(v, name)?;
    let point = found.and_then(|(srid, l)| Some((srid, *pick(&l)?)));
    point.map_or(Ok(Value::Null), |(srid, p)| made(srid, Shape::Point(p)))
}

fn ring(v: &Value<'_>, name: &str, n: Option<usize>) -> Outcome {
    let g = argument(v, name)?;
    let Shape::Polygon(rings) = g.shape else {
        return Ok(Value::Null);
    };
    let found = n.and_then(|n| rings.get(n).cloned());
    found.map_or(Ok(Value::Null), |l| made(g.srid, Shape::Line(l)))
}

fn interior_rings(v: &Value<'_>) -> Outcome {
    Ok(match argument(v, "st_numinteriorrings")?.shape {
        Shape::Polygon(rings) => Value::Int(rings.len() as i64 - 1),
        _ => Value::Null,
    })
}

/// The members of a collection of any kind.
fn members(shape: &Shape) -> Option<Vec<Shape>> {
    match shape {
        Shape::Collection(c) => Some(c.clone()),
        Shape::MultiPoint(_) | Shape::MultiLine(_) | Shape::MultiPolygon(_) => Some(shape.parts()),
        _ => None,
    }
}
