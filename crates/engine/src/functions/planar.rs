//! Geometry of the plane: lengths, areas, distances and how shapes lie to each other.

use values::geometry::{Position, Shape};

/// A straight piece of a shape.
pub type Segment = [Position; 2];

/// Where a position lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Inside,
    Boundary,
    Outside,
}

fn segments_of(line: &[Position], out: &mut Vec<Segment>) {
    out.extend(line.windows(2).map(|w| [w[0], w[1]]));
}

/// Every straight piece; a point is a piece without length.
pub fn segments(shape: &Shape) -> Vec<Segment> {
    let mut out = Vec::new();
    for part in shape.parts() {
        match part {
            Shape::Point(p) => out.push([p, p]),
            Shape::Line(l) => segments_of(&l, &mut out),
            Shape::Polygon(r) => r.iter().for_each(|l| segments_of(l, &mut out)),
            _ => {}
        }
    }
    out
}

fn length_of([a, b]: Segment) -> f64 {
    (b[0] - a[0]).hypot(b[1] - a[1])
}

/// Length of a line.
pub fn line_length(line: &[Position]) -> f64 {
    line.windows(2).map(|w| length_of([w[0], w[1]])).sum()
}

/// Twice the signed area of a ring, and the moments for its centroid.
fn moments(ring: &[Position]) -> (f64, f64, f64) {
    let origin = ring.first().copied().unwrap_or([0.0, 0.0]);
    ring.windows(2).fold((0.0, 0.0, 0.0), |(s, x, y), w| {
        let a = [w[0][0] - origin[0], w[0][1] - origin[1]];
        let b = [w[1][0] - origin[0], w[1][1] - origin[1]];
        let cross = a[0] * b[1] - b[0] * a[1];
        (
            s + cross,
            x + (a[0] + b[0]) * cross,
            y + (a[1] + b[1]) * cross,
        )
    })
}

/// Area of a polygon: its outer ring without the holes.
pub fn polygon_area(rings: &[Vec<Position>]) -> f64 {
    let area = |r: &Vec<Position>| moments(r).0.abs() / 2.0;
    rings.first().map_or(0.0, area) - rings.iter().skip(1).map(area).sum::<f64>()
}

/// The centre of mass of the parts of the highest dimension.
pub fn centroid(shape: &Shape) -> Option<Position> {
    let (mut points, mut lines, mut areas) = ([0.0; 3], [0.0; 3], [0.0; 3]);
    let add = |sum: &mut [f64; 3], weight: f64, p: Position| {
        sum[0] += weight;
        sum[1] += weight * p[0];
        sum[2] += weight * p[1];
    };
    for part in shape.parts() {
        match part {
            Shape::Point(p) => add(&mut points, 1.0, p),
            Shape::Line(l) => l.windows(2).for_each(|w| {
                let middle = [(w[0][0] + w[1][0]) / 2.0, (w[0][1] + w[1][1]) / 2.0];
                add(&mut lines, length_of([w[0], w[1]]), middle);
            }),
            Shape::Polygon(rings) => {
                for (i, ring) in rings.iter().enumerate() {
                    let (twice, x, y) = moments(ring);
                    if twice != 0.0 {
                        let centre = [
                            ring[0][0] + x / (3.0 * twice),
                            ring[0][1] + y / (3.0 * twice),
                        ];
                        let sign = if i == 0 { 1.0 } else { -1.0 };
                        add(&mut areas, sign * twice.abs() / 2.0, centre);
                    }
                }
            }
            _ => {}
        }
    }
    let sum = [areas, lines, points].into_iter().find(|s| s[0] != 0.0)?;
    Some([sum[1] / sum[0], sum[2] / sum[0]])
}

/// Least and greatest x and y.
pub fn bounds(shape: &Shape) -> Option<(Position, Position)> {
    let mut all = shape.positions().into_iter();
    let first = all.next()?;
    Some(all.fold((first, first), |(low, high), p| {
        (
            [low[0].min(p[0]), low[1].min(p[1])],
            [high[0].max(p[0]), high[1].max(p[1])],
        )
    }))
}

fn turn(a: Position, b: Position, c: Position) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

fn on_segment(p: Position, [a, b]: Segment) -> bool {
    turn(a, b, p) == 0.0
        && p[0] >= a[0].min(b[0])
        && p[0] <= a[0].max(b[0])
        && p[1] >= a[1].min(b[1])
        && p[1] <= a[1].max(b[1])
}

fn segments_meet(s: Segment, t: Segment) -> bool {
    let (d1, d2) = (turn(s[0], s[1], t[0]), turn(s[0], s[1], t[1]));
    let (d3, d4) = (turn(t[0], t[1], s[0]), turn(t[0], t[1], s[1]));
    d1 * d2 < 0.0 && d3 * d4 < 0.0
        || on_segment(t[0], s)
        || on_segment(t[1], s)
        || on_segment(s[0], t)
        || on_segment(s[1], t)
}

fn point_to_segment(p: Position, [a, b]: Segment) -> f64 {
    let square = (b[0] - a[0]).powi(2) + (b[1] - a[1]).powi(2);
    let t = if square == 0.0 {
        0.0
    } else {
        (((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1])) / square).clamp(0.0, 1.0)
    };
    length_of([p, [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]])
}

fn in_polygon(p: Position, rings: &[Vec<Position>]) -> Place {
    let mut inside = false;
    for w in rings.iter().flat_map(|r| r.windows(2)) {
        let (a, b) = (w[0], w[1]);
        if on_segment(p, [a, b]) {
            return Place::Boundary;
        }
        if (a[1] > p[1]) != (b[1] > p[1])
            && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0]
        {
            inside = !inside;
        }
    }
    if inside {
        Place::Inside
    } else {
        Place::Outside
    }
}

/// Where a position lies with regard to a shape.
pub fn place(p: Position, shape: &Shape) -> Place {
    let mut best = Place::Outside;
    for part in shape.parts() {
        let here = match &part {
            Shape::Point(q) if *q == p => Place::Inside,
            Shape::Line(l) if l.windows(2).any(|w| on_segment(p, [w[0], w[1]])) => {
                let ends = l.first() != l.last() && (l.first() == Some(&p) || l.last() == Some(&p));
                if ends { Place::Boundary } else { Place::Inside }
            }
            Shape::Polygon(r) => in_polygon(p, r),
            _ => Place::Outside,
        };
        match here {
            Place::Inside => return here,
            Place::Boundary => best = here,
            Place::Outside => {}
        }
    }
    best
}

/// Whether two shapes share a position.
pub fn intersect(a: &Shape, b: &Shape) -> bool {
    let (s, t) = (segments(a), segments(b));
    s.iter().any(|s| t.iter().any(|t| segments_meet(*s, *t)))
        || b.positions().iter().any(|p| place(*p, a) != Place::Outside)
        || a.positions().iter().any(|p| place(*p, b) != Place::Outside)
}

/// Least distance of two shapes; nothing when one is empty.
pub fn distance(a: &Shape, b: &Shape) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if intersect(a, b) {
        return Some(0.0);
    }
    let (s, t) = (segments(a), segments(b));
    let pairs = s.iter().flat_map(|s| t.iter().map(move |t| (*s, *t)));
    pairs
        .map(|(s, t)| {
            point_to_segment(s[0], t)
                .min(point_to_segment(s[1], t))
                .min(point_to_segment(t[0], s))
                .min(point_to_segment(t[1], s))
        })
        .min_by(f64::total_cmp)
}

/// Where along a segment, from 0 to 1, it meets another.
fn crossings(s: Segment, t: Segment, out: &mut Vec<f64>) {
    let d = [s[1][0] - s[0][0], s[1][1] - s[0][1]];
    let e = [t[1][0] - t[0][0], t[1][1] - t[0][1]];
    let cross = d[0] * e[1] - d[1] * e[0];
    if cross != 0.0 {
        let at = ((t[0][0] - s[0][0]) * e[1] - (t[0][1] - s[0][1]) * e[0]) / cross;
        if (0.0..=1.0).contains(&at) {
            out.push(at);
        }
        return;
    }
    let square = d[0] * d[0] + d[1] * d[1];
    for p in t {
        if square > 0.0 && on_segment(p, s) {
            out.push(((p[0] - s[0][0]) * d[0] + (p[1] - s[0][1]) * d[1]) / square);
        }
    }
}

/// Whether no position of `b` is outside of `a`, and one is inside.
pub fn contains(a: &Shape, b: &Shape) -> bool {
    let walls = segments(a);
    let mut inside = false;
    for s in segments(b) {
        let mut cuts = vec![0.0, 1.0];
        walls.iter().for_each(|w| crossings(s, *w, &mut cuts));
        cuts.sort_by(f64::total_cmp);
        let at = |k: f64| {
            [
                s[0][0] + k * (s[1][0] - s[0][0]),
                s[0][1] + k * (s[1][1] - s[0][1]),
            ]
        };
        for p in s {
            match place(p, a) {
                Place::Outside => return false,
                here => inside |= here == Place::Inside,
            }
        }
        for w in cuts.windows(2).filter(|w| w[1] - w[0] > 1e-12) {
            match place(at((w[0] + w[1]) / 2.0), a) {
                Place::Outside => return false,
                here => inside |= here == Place::Inside,
            }
        }
    }
    let area = |s: &Shape| s.parts().iter().any(|p| matches!(p, Shape::Polygon(_)));
    if area(b) {
        // A hole of the one within the other, and areas that share their whole boundary.
        return area(a)
            && a.positions()
                .iter()
                .all(|p| place(*p, b) != Place::Inside || place(*p, a) == Place::Inside);
    }
    inside
}

/// Corners of the convex hull, counterclockwise and not closed.
pub fn hull(shape: &Shape) -> Vec<Position> {
    let mut all = shape.positions();
    all.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    all.dedup();
    if all.len() < 3 {
        return all;
    }
    let half = |points: &mut dyn Iterator<Item = Position>| {
        let mut out: Vec<Position> = Vec::new();
        for p in points {
            while out.len() >= 2 && turn(out[out.len() - 2], out[out.len() - 1], p) <= 0.0 {
                out.pop();
            }
            out.push(p);
        }
        out.pop();
        out
    };
    let mut out = half(&mut all.iter().copied());
    out.extend(half(&mut all.iter().rev().copied()));
    out
}
