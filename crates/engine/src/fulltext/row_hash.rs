//! The hash that stands for a row in the tables of a full-text index.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use values::{DateTime, IntWidth, OwnedValue, SqlType, Value};

/// Seconds from the year 1 to 1970.
const UNIX_EPOCH: i64 = 62_135_596_800;

/// Lower-case hexadecimal SHA-256 over the values as Dolt holds them in memory, in little endian,
/// and then a byte for each that says whether it is NULL.
pub fn row_hash(row: &[OwnedValue], types: &[SqlType]) -> String {
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for (value, ty) in row.iter().zip(types) {
        bytes.clear();
        push(value, ty, &mut bytes);
        hash.update(&bytes);
    }
    let nulls: Vec<u8> = row.iter().map(|v| u8::from(v.is_null())).collect();
    hash.update(&nulls);
    let mut text = String::with_capacity(64);
    for b in hash.finalize() {
        // Writing to a string does not fail.
        let _ = write!(text, "{b:02x}");
    }
    text
}

fn push(value: &OwnedValue, ty: &SqlType, out: &mut Vec<u8>) {
    let whole = |n: i64, out: &mut Vec<u8>| {
        let width = match ty {
            SqlType::Int { width, .. } => match width {
                IntWidth::Tiny => 1,
                IntWidth::Small => 2,
                IntWidth::Medium | IntWidth::Int => 4,
                IntWidth::Big => 8,
            },
            SqlType::Year | SqlType::Enum(..) => 2,
            _ => 8,
        };
        out.extend_from_slice(&n.to_le_bytes()[..width]);
    };
    match value {
        Value::Null => {}
        Value::Int(n) => whole(*n, out),
        Value::UInt(n) => whole(*n as i64, out),
        Value::Float(f) => match ty {
            SqlType::Float => out.extend_from_slice(&(*f as f32).to_le_bytes()),
            _ => out.extend_from_slice(&f.to_le_bytes()),
        },
        Value::Bytes(b) => out.extend_from_slice(b),
        Value::Time(t) => out.extend_from_slice(&t.0.to_le_bytes()),
        Value::Date(d) => push_moment(d.at_midnight(), out),
        Value::DateTime(d) => push_moment(*d, out),
        Value::Decimal(_) | Value::Json(_) => values::render_text(value, ty, out),
    }
}

/// A moment as Go marshals it: version, seconds, nanoseconds and no zone.
fn push_moment(d: DateTime, out: &mut Vec<u8>) {
    let micros = d.to_unix_micros();
    let seconds = micros.div_euclid(1_000_000) + UNIX_EPOCH;
    let nanos = micros.rem_euclid(1_000_000) as i32 * 1000;
    out.push(1);
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&nanos.to_be_bytes());
    out.extend_from_slice(&(-1i16).to_be_bytes());
}
