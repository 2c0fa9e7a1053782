//! Functions that measure geometries and compare them, and geohashes.

use values::{CollationId, GeometryKind, SqlType, Value};

use super::planar::{self, bounds};
use super::result_type as ty;
use super::spatial::{argument, made};
use super::{Call, Function, Outcome, boolean, bytes};
use crate::convert::{to_f64, to_i64, to_string};
use crate::error::{Error, Result};
use values::geometry::{Geometry, Position, Shape, WGS84};

pub const FUNCTIONS: &[Function] = &[
    Function::new("st_length", 1, 2, ty::double, |_, a| {
        Ok(match planar_argument(&a[0], "st_length")?.shape {
            Shape::Line(l) => Value::Float(planar::line_length(&l)),
            Shape::MultiLine(m) => Value::Float(m.iter().map(|l| planar::line_length(l)).sum()),
            _ => Value::Null,
        })
    }),
    Function::new("st_perimeter", 1, 1, ty::double, |_, a| {
        Ok(match planar_argument(&a[0], "st_perimeter")?.shape {
            Shape::Polygon(r) => Value::Float(r.iter().map(|l| planar::line_length(l)).sum()),
            Shape::MultiPolygon(m) => {
                Value::Float(m.iter().flatten().map(|l| planar::line_length(l)).sum())
            }
            _ => Value::Null,
        })
    }),
    Function::new("st_area", 1, 1, ty::double, |_, a| {
        let g = planar_argument(&a[0], "st_area")?;
        match &g.shape {
            Shape::Polygon(r) => Ok(Value::Float(planar::polygon_area(r))),
            Shape::MultiPolygon(m) => Ok(Value::Float(
                m.iter().map(|r| planar::polygon_area(r)).sum(),
            )),
            other => Err(unexpected("POLYGON/MULTIPOLYGON", other, "st_area")),
        }
    }),
    Function::new("st_centroid", 1, 1, geometry, |_, a| {
        let g = planar_argument(&a[0], "st_centroid")?;
        planar::centroid(&g.shape).map_or(Ok(Value::Null), |p| made(g.srid, Shape::Point(p)))
    }),
    Function::new("st_envelope", 1, 1, geometry, |_, a| {
        let g = argument(&a[0], "st_envelope")?;
        bounds(&g.shape).map_or(Ok(Value::Null), |(low, high)| {
            made(g.srid, envelope(low, high))
        })
    }),
    Function::new("st_makeenvelope", 2, 2, geometry, |_, a| {
        let (p, q) = (
            argument(&a[0], "st_makeenvelope")?,
            argument(&a[1], "st_makeenvelope")?,
        );
        let both = Shape::Collection(vec![p.shape, q.shape]);
        bounds(&both).map_or(Ok(Value::Null), |(low, high)| {
            made(p.srid, envelope(low, high))
        })
    }),
    Function::new("st_convexhull", 1, 1, geometry, |_, a| {
        let g = argument(&a[0], "st_convexhull")?;
        let mut corners = planar::hull(&g.shape);
        let shape = match corners.len() {
            0 => return Ok(Value::Null),
            1 => Shape::Point(corners[0]),
            2 => Shape::Line(corners),
            _ => {
                corners.push(corners[0]);
                Shape::Polygon(vec![corners])
            }
        };
        made(g.srid, shape)
    }),
    Function::new("st_issimple", 1, 1, ty::int, |_, a| {
        Ok(boolean(is_simple(&argument(&a[0], "st_issimple")?.shape)))
    }),
    Function::new("st_distance", 2, 3, ty::double, |_, a| {
        let (x, y) = pair(a, "st_distance")?;
        Ok(planar::distance(&x, &y).map_or(Value::Null, Value::Float))
    }),
    Function::new("st_distance_sphere", 2, 3, ty::double, distance_sphere),
    Function::new("st_equals", 2, 2, ty::int, |_, a| {
        related(a, "st_equals", |x, y| {
            planar::contains(x, y) && planar::contains(y, x)
        })
    }),
    Function::new("st_equal", 2, 2, ty::int, |_, a| {
        related(a, "st_equal", |x, y| {
            planar::contains(x, y) && planar::contains(y, x)
        })
    }),
    Function::new("st_contains", 2, 2, ty::int, |_, a| {
        related(a, "st_contains", planar::contains)
    }),
    Function::new("st_within", 2, 2, ty::int, |_, a| {
        related(a, "st_within", |x, y| planar::contains(y, x))
    }),
    Function::new("st_intersects", 2, 2, ty::int, |_, a| {
        related(a, "st_intersects", planar::intersect)
    }),
    Function::new("st_disjoint", 2, 2, ty::int, |_, a| {
        related(a, "st_disjoint", |x, y| !planar::intersect(x, y))
    }),
    Function::new("mbrequals", 2, 2, ty::int, |_, a| {
        boxes(a, "mbrequals", |x, y| x == y)
    }),
    Function::new("mbrcontains", 2, 2, ty::int, |_, a| {
        boxes(a, "mbrcontains", covers)
    }),
    Function::new("mbrcovers", 2, 2, ty::int, |_, a| {
        boxes(a, "mbrcovers", covers)
    }),
    Function::new("mbrwithin", 2, 2, ty::int, |_, a| {
        boxes(a, "mbrwithin", |x, y| covers(y, x))
    }),
    Function::new("mbrcoveredby", 2, 2, ty::int, |_, a| {
        boxes(a, "mbrcoveredby", |x, y| covers(y, x))
    }),
    Function::new("mbrintersects", 2, 2, ty::int, |_, a| {
        boxes(a, "mbrintersects", meet)
    }),
    Function::new("mbrdisjoint", 2, 2, ty::int, |_, a| {
        boxes(a, "mbrdisjoint", |x, y| !meet(x, y))
    }),
    Function::new("mbrtouches", 2, 2, ty::int, |_, a| {
        boxes(a, "mbrtouches", |x, y| meet(x, y) && !share(x, y))
    }),
    Function::new("mbroverlaps", 2, 2, ty::int, |_, a| {
        boxes(a, "mbroverlaps", |x, y| {
            share(x, y) && !covers(x, y) && !covers(y, x)
        })
    }),
    Function::new("st_geohash", 2, 3, ty::name, geohash),
    Function::new("st_latfromgeohash", 1, 1, ty::double, |_, a| {
        Ok(Value::Float(centre(&a[0], "st_latfromgeohash")?[1]))
    }),
    Function::new("st_longfromgeohash", 1, 1, ty::double, |_, a| {
        Ok(Value::Float(centre(&a[0], "st_longfromgeohash")?[0]))
    }),
    Function::new("st_pointfromgeohash", 2, 2, geometry, |c, a| {
        made(
            to_i64(&a[1], c.cx)? as u32,
            Shape::Point(centre(&a[0], "st_pointfromgeohash")?),
        )
    }),
];

type Box2 = (Position, Position);

fn geometry(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Geometry(GeometryKind::Geometry, None)
}

fn unexpected(wanted: &str, found: &Shape, name: &str) -> Error {
    let text = format!(
        "{wanted} value is a geometry of unexpected type {} in {name}.",
        found.name()
    );
    Error::new(3516, "22S01", text)
}

/// A geometry of the plane; on the globe these functions are not there yet.
fn planar_argument(v: &Value<'_>, name: &str) -> Result<Geometry> {
    let g = argument(v, name)?;
    if g.srid == WGS84 {
        let text = format!(
            "{name}({}) has not been implemented for geographic spatial reference systems.",
            g.shape.name()
        );
        return Err(Error::new(3618, "22S00", text));
    }
    Ok(g)
}

fn same_system(a: &[Value<'_>], name: &str) -> Result<(Geometry, Geometry)> {
    let (x, y) = (argument(&a[0], name)?, argument(&a[1], name)?);
    if x.srid != y.srid {
        let text = format!(
            "Binary geometry function {name} given two geometries of different srids: {} and {}, which should have been identical.",
            x.srid, y.srid
        );
        return Err(Error::new(3033, "HY000", text));
    }
    Ok((x, y))
}

fn pair(a: &[Value<'_>], name: &str) -> Result<(Shape, Shape)> {
    let (x, y) = same_system(a, name)?;
    planar_argument(&a[0], name)?;
    Ok((x.shape, y.shape))
}

fn related(a: &[Value<'_>], name: &str, how: fn(&Shape, &Shape) -> bool) -> Outcome {
    let (x, y) = same_system(a, name)?;
    if x.shape.is_empty() || y.shape.is_empty() {
        return Ok(Value::Null);
    }
    Ok(boolean(how(&x.shape, &y.shape)))
}

fn boxes(a: &[Value<'_>], name: &str, how: fn(Box2, Box2) -> bool) -> Outcome {
    let (x, y) = same_system(a, name)?;
    Ok(match (bounds(&x.shape), bounds(&y.shape)) {
        (Some(x), Some(y)) => boolean(how(x, y)),
        _ => Value::Null,
    })
}

fn covers((al, ah): Box2, (bl, bh): Box2) -> bool {
    (0..2).all(|i| al[i] <= bl[i] && bh[i] <= ah[i])
}

fn meet((al, ah): Box2, (bl, bh): Box2) -> bool {
    (0..2).all(|i| al[i] <= bh[i] && bl[i] <= ah[i])
}

/// Whether more than edges is common.
fn share((al, ah): Box2, (bl, bh): Box2) -> bool {
    (0..2).all(|i| al[i] < bh[i] && bl[i] < ah[i])
}

fn envelope(low: Position, high: Position) -> Shape {
    if low == high {
        return Shape::Point(low);
    }
    if low[0] == high[0] || low[1] == high[1] {
        return Shape::Line(vec![low, high]);
    }
    Shape::Polygon(vec![vec![
        low,
        [high[0], low[1]],
        high,
        [low[0], high[1]],
        low,
    ]])
}

/// Whether a line neither crosses nor touches itself.
fn is_simple(shape: &Shape) -> bool {
    match shape {
        Shape::Line(l) => {
            let pieces = planar::segments(shape);
            let closed = l.first() == l.last();
            for (i, s) in pieces.iter().enumerate() {
                for (j, t) in pieces.iter().enumerate().skip(i + 2) {
                    let ends = closed && i == 0 && j == pieces.len() - 1;
                    if !ends
                        && planar::intersect(&Shape::Line(s.to_vec()), &Shape::Line(t.to_vec()))
                    {
                        return false;
                    }
                }
            }
            true
        }
        Shape::MultiPoint(l) => l.iter().enumerate().all(|(i, p)| !l[..i].contains(p)),
        Shape::MultiLine(m) => m.iter().all(|l| is_simple(&Shape::Line(l.clone()))),
        Shape::Collection(c) => c.iter().all(is_simple),
        _ => true,
    }
}

/// Radius of the sphere in metres.
const EARTH: f64 = 6_370_986.0;

fn distance_sphere(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (x, y) = same_system(a, "st_distance_sphere")?;
    let radius = match a.get(2) {
        Some(v) => to_f64(v, call.cx),
        None => EARTH,
    };
    if radius <= 0.0 {
        return Err(Error::new(
            3706,
            "22003",
            "Non-positive radius in st_distance_sphere.",
        ));
    }
    let points = |s: &Shape| match s {
        Shape::Point(_) | Shape::MultiPoint(_) => Some(s.positions()),
        _ => None,
    };
    let (Some(p), Some(q)) = (points(&x.shape), points(&y.shape)) else {
        return Err(unexpected(
            "POINT/MULTIPOINT",
            &x.shape,
            "st_distance_sphere",
        ));
    };
    let arc = |a: &Position, b: &Position| {
        let (la, lb) = (a[1].to_radians(), b[1].to_radians());
        let h = ((lb - la) / 2.0).sin().powi(2)
            + la.cos() * lb.cos() * ((b[0] - a[0]).to_radians() / 2.0).sin().powi(2);
        2.0 * radius * h.sqrt().min(1.0).asin()
    };
    let least = p
        .iter()
        .flat_map(|a| q.iter().map(move |b| arc(a, b)))
        .min_by(f64::total_cmp);
    Ok(least.map_or(Value::Null, Value::Float))
}

const HASH_DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// Longest geohash.
const MAX_HASH: i64 = 100;

fn geohash(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (p, length) = match a {
        [g, n] => match argument(g, "st_geohash")?.shape {
            Shape::Point(p) => (p, n),
            other => return Err(unexpected("POINT", &other, "st_geohash")),
        },
        [x, y, n] => ([to_f64(x, call.cx), to_f64(y, call.cx)], n),
        _ => return Err(Error::wrong_parameter_count("st_geohash")),
    };
    let length = to_i64(length, call.cx)?;
    let within = (-180.0..=180.0).contains(&p[0]) && (-90.0..=90.0).contains(&p[1]);
    if !(1..=MAX_HASH).contains(&length) || !within {
        return Err(Error::new(
            1690,
            "22003",
            "value is out of range in 'st_geohash'",
        ));
    }
    let mut range = [[-180.0, 180.0], [-90.0, 90.0]];
    let mut out = Vec::new();
    let mut axis = 0;
    for _ in 0..length {
        let mut digit = 0;
        for _ in 0..5 {
            let middle = (range[axis][0] + range[axis][1]) / 2.0;
            let high = p[axis] >= middle;
            range[axis][usize::from(!high)] = middle;
            digit = digit << 1 | usize::from(high);
            axis = 1 - axis;
        }
        out.push(HASH_DIGITS[digit]);
    }
    Ok(bytes(out))
}

/// The middle of a geohash's cell, with as few digits as the cell allows.
fn centre(v: &Value<'_>, name: &str) -> Result<Position> {
    let text = to_string(v).to_ascii_lowercase();
    let wrong = || {
        Error::new(
            1411,
            "HY000",
            format!("Incorrect geohash value: '{text}' for function {name}"),
        )
    };
    if text.is_empty() || text.len() > MAX_HASH as usize {
        return Err(wrong());
    }
    let mut range: [[f64; 2]; 2] = [[-180.0, 180.0], [-90.0, 90.0]];
    let mut axis = 0;
    for c in text.bytes() {
        let digit = HASH_DIGITS.iter().position(|d| *d == c).ok_or_else(wrong)?;
        for bit in (0..5).rev() {
            let middle = (range[axis][0] + range[axis][1]) / 2.0;
            range[axis][usize::from(digit >> bit & 1 == 0)] = middle;
            axis = 1 - axis;
        }
    }
    let short = |[low, high]: [f64; 2]| {
        let middle = (low + high) / 2.0;
        (0..17)
            .map(|digits| {
                let unit = 10f64.powi(digits);
                (middle * unit).round() / unit
            })
            .find(|v| *v >= low && *v <= high)
            .unwrap_or(middle)
    };
    Ok([short(range[0]), short(range[1])])
}
