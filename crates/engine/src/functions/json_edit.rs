//! Functions that change JSON documents.

use values::json::{ArraySlot, JsonValue, Path};
use values::{Json, Value};

use super::json::{checked, document, member, single_path};
use super::result_type as ty;
use super::{ANY, Call, Function, Outcome};
use crate::error::{Error, Result};

pub const FUNCTIONS: &[Function] = &[
    Function::new("json_set", 3, ANY, ty::json, |c, a| {
        put(c, a, "json_set", |d, p, v| Ok(d.set(p, v)))
    })
    .lax(),
    Function::new("json_insert", 3, ANY, ty::json, |c, a| {
        put(c, a, "json_insert", |d, p, v| Ok(d.insert(p, v)))
    })
    .lax(),
    Function::new("json_replace", 3, ANY, ty::json, |c, a| {
        put(c, a, "json_replace", |d, p, v| Ok(d.replace(p, v)))
    })
    .lax(),
    Function::new("json_array_append", 3, ANY, ty::json, |c, a| {
        put(c, a, "json_array_append", |d, p, v| {
            array_put(d, p, v, ArraySlot::Append)
        })
    })
    .lax(),
    Function::new("json_array_insert", 3, ANY, ty::json, |c, a| {
        put(c, a, "json_array_insert", |d, p, v| {
            array_put(d, p, v, ArraySlot::Insert)
        })
    })
    .lax(),
    Function::new("json_remove", 2, ANY, ty::json, json_remove),
    Function::new("json_merge_patch", 2, ANY, ty::json, merge_patch).lax(),
    Function::new("json_merge_preserve", 2, ANY, ty::json, |c, a| {
        merge_preserve(c, a, "json_merge_preserve")
    }),
    Function::new("json_merge", 2, ANY, ty::json, |c, a| {
        merge_preserve(c, a, "json_merge")
    }),
];

fn array_put(doc: &Json, path: &Path, value: &Json, slot: ArraySlot) -> Result<Json> {
    doc.array_put(path, value, slot).ok_or_else(|| {
        Error::new(
            3165,
            "42000",
            "A path expression is not a path to a cell in an array.",
        )
    })
}

/// Applies pairs of a path and a value, one after the other.
fn put(
    call: &Call<'_>,
    a: &[Value<'_>],
    name: &str,
    edit: fn(&Json, &Path, &Json) -> Result<Json>,
) -> Outcome {
    if a.len().is_multiple_of(2) {
        return Err(Error::wrong_parameter_count(name));
    }
    if a[0].is_null() || a.iter().skip(1).step_by(2).any(Value::is_null) {
        return Ok(Value::Null);
    }
    let mut doc = document(&a[0], 1, name)?;
    let mut deep = false;
    for i in (1..a.len()).step_by(2) {
        let path = single_path(&a[i])?;
        let value = member(call, a, i + 1)?;
        deep |= path.legs.len() > 50
            || matches!(value.value(), JsonValue::Array(_) | JsonValue::Object(_));
        doc = edit(&doc, &path, &value)?;
    }
    if deep {
        checked(doc)
    } else {
        Ok(Value::Json(doc))
    }
}

fn json_remove(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mut doc = document(&a[0], 1, "json_remove")?;
    for v in &a[1..] {
        let path = single_path(v)?;
        if path.legs.is_empty() {
            return Err(Error::new(
                3153,
                "42000",
                "The path expression '$' is not allowed in this context.",
            ));
        }
        doc = doc.remove(&path);
    }
    Ok(Value::Json(doc))
}

/// NULL spreads until a later patch that is no object replaces everything.
fn merge_patch(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mut merged: Option<Json> = None;
    for (i, v) in a.iter().enumerate() {
        if v.is_null() {
            merged = None;
            continue;
        }
        let patch = document(v, i + 1, "json_merge_patch")?;
        merged = match (&merged, patch.value()) {
            _ if i == 0 => Some(patch),
            (Some(m), _) => Some(m.merge_patch(&patch)),
            (None, JsonValue::Object(_)) => None,
            (None, _) => Some(patch),
        };
    }
    merged.map_or(Ok(Value::Null), checked)
}

fn merge_preserve(_: &Call<'_>, a: &[Value<'_>], name: &str) -> Outcome {
    let mut merged = document(&a[0], 1, name)?;
    for (i, v) in a.iter().enumerate().skip(1) {
        merged = merged.merge_preserve(&document(v, i + 1, name)?);
    }
    checked(merged)
}
