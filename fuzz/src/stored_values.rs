//! Tuples and the values in them.

use std::cmp::Ordering;

use values::geometry;
use values::json::Path;
use values::{
    Decimal, Encoding, FieldDesc, Json, NoBlobs, SqlType, Tuple, TupleDesc, Value, decode_field,
    encode_field, render_text,
};

use crate::seeds;

/// Up to eight encodings, two tuples: fields, values, text, order, addresses.
pub fn tuple(data: &[u8]) {
    let Some((&n, rest)) = data.split_first() else {
        return;
    };
    let n = usize::from(n % 8) + 1;
    if rest.len() < n {
        return;
    }
    let (encodings, rest) = rest.split_at(n);
    let types = seeds::column_types();
    let fields: Vec<(Encoding, &SqlType)> = encodings
        .iter()
        .filter_map(|e| {
            let encoding = Encoding::from_u8(*e).ok()?;
            let ty = types.iter().find(|(of, _)| *of == encoding);
            Some((encoding, ty.map_or(&SqlType::BIGINT_UNSIGNED, |(_, ty)| ty)))
        })
        .collect();
    let descs = fields.iter().map(|(encoding, ty)| FieldDesc {
        encoding: *encoding,
        nullable: true,
        collation: match ty {
            SqlType::VarChar(_, c) | SqlType::Char(_, c) | SqlType::Text(_, c) => Some(c.get()),
            _ => None,
        },
    });
    let desc = TupleDesc::new(descs.collect());
    let (a, b) = rest.split_at(rest.len() / 2);
    for tuple in [a, b] {
        let t = Tuple(tuple);
        let _ = (t.len(), t.check(), t.fields().take(100).count());
        let mut addresses = Vec::new();
        desc.address_offsets(tuple, &mut addresses);
        for (i, (encoding, ty)) in fields.iter().enumerate() {
            let Some(raw) = desc.field(tuple, i) else {
                continue;
            };
            if let Ok(value) = decode_field(*encoding, ty, raw, &NoBlobs) {
                let mut out = Vec::new();
                render_text(&value, ty, &mut out);
                out.clear();
                let _ = encode_field(*encoding, ty, &value, &NoBlobs, &mut out);
                let _ = values::compare(&value, &Value::Int(1), None);
            }
        }
    }
    // What is no number has no order, and cannot be stored by a statement.
    let is_float = |(e, _): &(Encoding, _)| matches!(e, Encoding::Float32 | Encoding::Float64);
    if !fields.iter().any(is_float) {
        let order = desc.compare(a, b);
        assert_eq!(desc.compare(b, a), order.reverse());
        assert_eq!(desc.compare(a, a), Ordering::Equal);
    }
}

/// JSON as text, as stored, as paths, as an indexed document.
pub fn json(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (document, path) = text.split_once('\n').unwrap_or((&text, "$[0].a"));
    let path = Path::parse(path);
    for parsed in [Json::parse(document), Json::from_stored(data)] {
        let Ok(json) = parsed else { continue };
        let stored = json.to_stored();
        let again = Json::from_stored(&stored).expect("what is stored can be read");
        assert_eq!(again.compare(&json), Ordering::Equal);
        let mut out = Vec::new();
        json.write_text(&mut out);
        let _ = (json.to_pretty(), json.depth(), json.length(), json.to_f64());
        if let Ok(path) = &path {
            let _ = json.extract(path);
            let _ = json.set(path, &again);
            let _ = json.remove(path);
        }
        let _ = json.merge_patch(&again);
    }
    let store = prolly::NodeStore::in_memory();
    if let Ok(address) = prolly::json_document::write(&store, data) {
        let read = prolly::json_document::read(&store, &address, data.len());
        // Documents that are not indexed are read with three escapes undone.
        if prolly::json_document::is_indexed(&store, &address).unwrap_or(false) {
            assert_eq!(read.expect("what was written"), data);
        }
    }
}

/// Geometry as stored, as WKB, WKT and GeoJSON, and the cell of its index.
pub fn geometry(data: &[u8]) {
    let _ = model::spatial_cell(data);
    if let Some(g) = geometry::Geometry::from_stored(data) {
        let again = geometry::Geometry::from_stored(&g.to_stored());
        assert!(again.is_some(), "what is stored can be read");
        let _ = g.in_text_order();
    }
    let text = String::from_utf8_lossy(data);
    let json = Json::parse(&text).ok();
    let shapes = [
        geometry::from_wkb(data),
        geometry::from_wkt(&text),
        json.and_then(|j| geometry::from_geojson(&j)),
    ];
    for shape in shapes.into_iter().flatten() {
        let mut out = Vec::new();
        geometry::write_wkb(&shape, &mut out);
        assert!(geometry::from_wkb(&out).is_some());
        out.clear();
        geometry::write_wkt(&shape, &mut out);
        let _ = geometry::to_geojson(&shape, 3);
        let _ = (
            shape.positions().len(),
            shape.parts().len(),
            shape.is_well_formed(),
        );
    }
}

/// Numbers, dates and times in texts.
pub fn text(data: &[u8]) {
    let rules = values::temporal::DateRules::default();
    let _ = values::temporal::parse_datetime(data, rules);
    let _ = values::temporal::parse_time(data);
    let _ = values::number_text::parse_f64(data);
    let _ = values::number_text::parse_i128(data);
    if let Some((decimal, _)) = Decimal::parse_prefix(data) {
        let mut out = Vec::new();
        decimal.write_stored(&mut out);
        assert_eq!(Decimal::from_stored(&out), Some(decimal));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Decimal::parse(text);
        let _ = Path::parse(text);
    }
}
