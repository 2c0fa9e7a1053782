//! Functions that make JSON documents and look into them.

use values::json::{JsonValue, MAX_DEPTH, Path};
use values::{Json, Value};

use super::result_type as ty;
use super::{ANY, Call, Function, Outcome, boolean, bytes};
use crate::convert::{self, to_string, to_text};
use crate::error::{Error, Result};

pub const FUNCTIONS: &[Function] = &[
    Function::new("json_array", 0, ANY, ty::json, json_array).lax(),
    Function::new("json_object", 0, ANY, ty::json, json_object).lax(),
    Function::new("json_quote", 1, 1, ty::long_text, json_quote),
    Function::new("json_unquote", 1, 1, ty::long_text, json_unquote),
    Function::new("json_extract", 2, ANY, ty::json, json_extract),
    Function::new("json_value", 2, 2, ty::long_text, json_value),
    Function::new("json_keys", 1, 2, ty::json, json_keys),
    Function::new("json_length", 1, 2, ty::int, json_length),
    Function::new("json_depth", 1, 1, ty::int, |_, a| {
        Ok(Value::Int(document(&a[0], 1, "json_depth")?.depth() as i64))
    }),
    Function::new("json_type", 1, 1, ty::name, |_, a| {
        Ok(bytes(document(&a[0], 1, "json_type")?.type_name()))
    }),
    Function::new("json_valid", 1, 1, ty::int, json_valid),
    Function::new("json_contains", 2, 3, ty::int, json_contains),
    Function::new("json_contains_path", 3, ANY, ty::int, json_contains_path),
    Function::new("json_search", 3, ANY, ty::json, json_search).lax(),
    Function::new("json_overlaps", 2, 2, ty::int, |_, a| {
        let (x, y) = (
            document(&a[0], 1, "json_overlaps")?,
            document(&a[1], 2, "json_overlaps")?,
        );
        Ok(boolean(x.overlaps(&y)))
    }),
    Function::new("json_member_of", 2, 2, ty::boolean, member_of),
    Function::new("json_pretty", 1, 1, ty::long_text, |_, a| {
        Ok(bytes(document(&a[0], 1, "json_pretty")?.to_pretty()))
    }),
    Function::new("json_storage_size", 1, 1, ty::int, |_, a| {
        Ok(Value::Int(
            document(&a[0], 1, "json_storage_size")?.to_stored().len() as i64,
        ))
    }),
    Function::new("json_storage_free", 1, 1, ty::int, |_, a| {
        document(&a[0], 1, "json_storage_free")?;
        Ok(Value::Int(0))
    }),
];

/// An argument that must be a document, or its text.
pub(super) fn document(v: &Value<'_>, position: usize, function: &str) -> Result<Json> {
    match v {
        Value::Json(j) => Ok(j.clone()),
        Value::Bytes(text) => Json::from_stored(text).map_err(|e| bad_text(&e, position, function)),
        _ => Err(Error::new(
            3146,
            "22032",
            format!(
                "Invalid data type for JSON data in argument {position} to function {function}; \
                 a JSON string or JSON type is required."
            ),
        )),
    }
}

fn bad_text(e: &values::Error, position: usize, function: &str) -> Error {
    let text = e.to_string();
    let text = text.strip_prefix("invalid JSON: ").unwrap_or(&text);
    let (what, at) = text.rsplit_once(" at position ").unwrap_or((text, "0"));
    if what.contains("maximum depth") {
        return too_deep();
    }
    let what = if what.contains('.') {
        what.to_string()
    } else {
        format!("{what}.")
    };
    Error::new(
        3141,
        "22032",
        format!(
            "Invalid JSON text in argument {position} to function {function}: \"{what}\" at position {at}."
        ),
    )
}

fn too_deep() -> Error {
    Error::new(
        3157,
        "22032",
        "The JSON document exceeds the maximum depth.",
    )
}

/// A path, or error 3143.
pub(super) fn path(v: &Value<'_>) -> Result<Path> {
    Path::parse(&to_string(v)).map_err(|e| Error::new(3143, "42000", e.to_string()))
}

/// A path to one place only, or error 3149.
pub(super) fn single_path(v: &Value<'_>) -> Result<Path> {
    let p = path(v)?;
    if p.has_wildcard() {
        return Err(Error::new(
            3149,
            "42000",
            "In this situation, path expressions may not contain the * and ** tokens or an array range.",
        ));
    }
    Ok(p)
}

/// An argument that becomes part of a document: text is a string.
pub(super) fn member(call: &Call<'_>, a: &[Value<'_>], i: usize) -> Result<Json> {
    convert::to_json(&a[i], call.types.args.get(i), call.cx)
}

/// A document that is not too deep.
pub(super) fn checked(j: Json) -> Outcome {
    if j.depth() > MAX_DEPTH {
        Err(too_deep())
    } else {
        Ok(Value::Json(j))
    }
}

fn json_array(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let items: Result<Vec<Json>> = (0..a.len()).map(|i| member(call, a, i)).collect();
    checked(Json::array(items?))
}

fn json_object(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    if !a.len().is_multiple_of(2) {
        return Err(Error::wrong_parameter_count("json_object"));
    }
    let mut members = Vec::with_capacity(a.len() / 2);
    for i in (0..a.len()).step_by(2) {
        if a[i].is_null() {
            return Err(Error::new(
                3158,
                "22032",
                "JSON documents may not contain NULL member names.",
            ));
        }
        let key: Box<str> = to_string(&a[i]).into();
        members.push((key, member(call, a, i + 1)?));
    }
    checked(Json::object(members))
}

fn json_quote(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mut out = Vec::new();
    match &a[0] {
        Value::Bytes(text) => values::json::quote(&String::from_utf8_lossy(text), &mut out),
        Value::Json(j) => match j.value() {
            JsonValue::String(s) => values::json::quote(s, &mut out),
            _ => j.write_text(&mut out),
        },
        _ => {
            return Err(Error::new(
                3064,
                "HY000",
                "Incorrect type for argument 1 in function json_quote.",
            ));
        }
    }
    Ok(bytes(out))
}

fn json_unquote<'a>(_: &Call<'_>, a: &[Value<'a>]) -> Result<Value<'a>> {
    let mut out = Vec::new();
    match &a[0] {
        Value::Json(j) => j.write_unquoted(&mut out),
        Value::Bytes(text)
            if text.len() >= 2 && text.starts_with(b"\"") && text.ends_with(b"\"") =>
        {
            Json::from_stored(text)
                .map_err(|e| bad_text(&e, 1, "json_unquote"))?
                .write_unquoted(&mut out);
        }
        Value::Bytes(text) => return Ok(Value::Bytes(text.clone())),
        v => out = to_text(v).into_owned(),
    }
    Ok(bytes(out))
}

fn json_extract(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let doc = document(&a[0], 1, "json_extract")?;
    if let [_, only] = a {
        return Ok(doc.extract(&path(only)?).map_or(Value::Null, Value::Json));
    }
    let mut found = Vec::new();
    for v in &a[1..] {
        found.extend(doc.find(&path(v)?).into_iter().cloned());
    }
    Ok(if found.is_empty() {
        Value::Null
    } else {
        Value::Json(Json::array(found))
    })
}

fn json_value(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let doc = document(&a[0], 1, "json_value")?;
    let found = doc.extract(&single_path(&a[1])?);
    Ok(match found {
        Some(j) if matches!(j.value(), JsonValue::Null) => Value::Null,
        Some(j) => {
            let mut out = Vec::new();
            j.write_unquoted(&mut out);
            bytes(out)
        }
        None => Value::Null,
    })
}

/// The document, or the part of it that an argument's path leads to.
fn part(a: &[Value<'_>], at: usize, name: &str) -> Result<Option<Json>> {
    let doc = document(&a[0], 1, name)?;
    match a.get(at) {
        Some(p) => Ok(doc.extract(&single_path(p)?)),
        None => Ok(Some(doc)),
    }
}

fn json_keys(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let Some(doc) = part(a, 1, "json_keys")? else {
        return Ok(Value::Null);
    };
    let keys = doc
        .keys()
        .map(|k| Json::array(k.map(Json::string).collect()));
    Ok(keys.map_or(Value::Null, Value::Json))
}

fn json_length(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(part(a, 1, "json_length")?.map_or(Value::Null, |j| Value::Int(j.length() as i64)))
}

fn json_valid(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(boolean(match &a[0] {
        Value::Json(_) => true,
        Value::Bytes(text) => Json::from_stored(text).is_ok(),
        _ => false,
    }))
}

fn json_contains(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let candidate = document(&a[1], 2, "json_contains")?;
    let Some(target) = part(a, 2, "json_contains")? else {
        return Ok(Value::Null);
    };
    Ok(boolean(target.contains(&candidate)))
}

/// Whether an argument says `one` rather than `all`.
fn one_or_all(v: &Value<'_>, name: &str) -> Result<bool> {
    match to_string(v).to_ascii_lowercase().as_str() {
        "one" => Ok(true),
        "all" => Ok(false),
        _ => Err(Error::new(
            3154,
            "42000",
            format!("The oneOrAll argument to {name} may take these values: 'one' or 'all'."),
        )),
    }
}

fn json_contains_path(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let doc = document(&a[0], 1, "json_contains_path")?;
    let one = one_or_all(&a[1], "json_contains_path")?;
    let paths: Vec<Path> = a[2..].iter().map(path).collect::<Result<_>>()?;
    let has = |p: &Path| !doc.find(p).is_empty();
    Ok(boolean(if one {
        paths.iter().any(has)
    } else {
        paths.iter().all(has)
    }))
}

fn json_search(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    // Only the escape character may be NULL.
    if a.iter().enumerate().any(|(i, v)| i != 3 && v.is_null()) {
        return Ok(Value::Null);
    }
    let doc = document(&a[0], 1, "json_search")?;
    let one = one_or_all(&a[1], "json_search")?;
    let escape = match a.get(3).filter(|v| !v.is_null()).map(to_string) {
        None => Some('\\'),
        Some(text) => {
            let mut chars = text.chars();
            let first = chars.next();
            if chars.next().is_some() {
                return Err(Error::wrong_arguments("ESCAPE"));
            }
            first.or(Some('\\'))
        }
    };
    let roots: Vec<Path> = a.iter().skip(4).map(path).collect::<Result<_>>()?;
    let collation = values::collation::by_name("utf8mb4_bin")
        .ok_or_else(|| Error::unknown_collation("utf8mb4_bin"))?;
    let mut found = doc.search(&to_text(&a[2]), escape, collation, &roots, one);
    Ok(match found.len() {
        0 => Value::Null,
        1 => Value::Json(Json::string(found.remove(0))),
        _ => Value::Json(Json::array(found.into_iter().map(Json::string).collect())),
    })
}

fn member_of(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let array = document(&a[1], 2, "member of")?;
    let value = member(call, a, 0)?;
    Ok(boolean(match array.value() {
        JsonValue::Array(items) => items.contains(&value),
        _ => array == value,
    }))
}
