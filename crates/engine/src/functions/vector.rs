//! Vectors of 32-bit floats, and distances between them.

use values::number_text::push_f32;
use values::{CollationId, SqlType, Value};

use super::result_type as ty;
use super::{Call, Function, Outcome, bytes};
use crate::convert::{to_string, to_text};
use crate::error::{Error, Result};

pub const FUNCTIONS: &[Function] = &[
    Function::new("string_to_vector", 1, 1, vector, from_text),
    Function::new("to_vector", 1, 1, vector, from_text),
    Function::new("vec_fromtext", 1, 1, vector, from_text),
    Function::new("vector_to_string", 1, 1, ty::long_text, to_vector_text),
    Function::new("from_vector", 1, 1, ty::long_text, to_vector_text),
    Function::new("vec_totext", 1, 1, ty::long_text, to_vector_text),
    Function::new("vector_dim", 1, 1, ty::int, |_, a| {
        Ok(Value::Int(numbers(&a[0])?.len() as i64))
    }),
    Function::new("distance", 2, 3, ty::double, distance),
    Function::new("vec_distance", 2, 2, ty::double, |_, a| {
        measured(a, squared)
    }),
    Function::new("vec_distance_l2_squared", 2, 2, ty::double, |_, a| {
        measured(a, squared)
    }),
    Function::new("vec_distance_euclidean", 2, 2, ty::double, |_, a| {
        measured(a, |x, y| squared(x, y).sqrt())
    }),
    Function::new("vec_distance_cosine", 2, 2, ty::double, |_, a| {
        measured(a, cosine)
    }),
];

/// Most elements of a vector.
const MAX_ELEMENTS: usize = 16_383;

fn vector(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::Blob(values::LobSize::Long)
}

fn invalid() -> Error {
    Error::new(6138, "22000", "Data cannot be converted to a valid vector.")
}

/// Reads `[1, 2.5, ...]`.
fn parse(text: &str) -> Option<Vec<f32>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let list: Option<Vec<f32>> = inner
        .split(',')
        .map(|n| n.trim().parse::<f32>().ok().filter(|v| v.is_finite()))
        .collect();
    list.filter(|l| l.len() <= MAX_ELEMENTS)
}

/// The elements of a vector, or of its text or JSON array.
fn numbers(v: &Value<'_>) -> Result<Vec<f32>> {
    let data = to_text(v);
    let text = std::str::from_utf8(&data).ok();
    if let Some(list) = text
        .filter(|t| t.trim_start().starts_with('['))
        .and_then(parse)
    {
        return Ok(list);
    }
    let (chunks, rest) = data.as_chunks::<4>();
    if !matches!(v, Value::Bytes(_)) || !rest.is_empty() || chunks.is_empty() {
        return Err(invalid());
    }
    Ok(chunks.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

fn from_text(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    // Only text is converted here; what is a vector already has no `[` but for chance.
    let data = to_text(&a[0]);
    let list = std::str::from_utf8(&data)
        .ok()
        .and_then(parse)
        .ok_or_else(invalid)?;
    Ok(bytes(
        list.iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>(),
    ))
}

fn to_vector_text(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mut out = vec![b'['];
    for (i, v) in numbers(&a[0])?.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        push_f32(*v, &mut out);
    }
    out.push(b']');
    Ok(bytes(out))
}

fn squared(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

fn cosine(x: &[f32], y: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    1.0 - dot(x, y) / (dot(x, x).sqrt() * dot(y, y).sqrt())
}

fn measured(a: &[Value<'_>], how: fn(&[f32], &[f32]) -> f64) -> Outcome {
    let (x, y) = (numbers(&a[0])?, numbers(&a[1])?);
    if x.len() != y.len() {
        let text = format!(
            "attempting to find distance between vectors of different lengths: {} vs {}",
            x.len(),
            y.len()
        );
        return Err(Error::general(text));
    }
    let d = how(&x, &y);
    Ok(if d.is_nan() {
        Value::Null
    } else {
        Value::Float(d)
    })
}

fn distance(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let kind = a
        .get(2)
        .map(to_string)
        .unwrap_or_else(|| "L2_SQUARED".into());
    match kind.to_ascii_uppercase().as_str() {
        "EUCLIDEAN" => measured(a, |x, y| squared(x, y).sqrt()),
        "COSINE" => measured(a, cosine),
        "L2_SQUARED" => measured(a, squared),
        "DOT" => measured(a, |x, y| {
            x.iter()
                .zip(y)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        }),
        _ => Err(Error::wrong_arguments("distance")),
    }
}
