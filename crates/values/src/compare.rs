//! Order of values after coercion to a common kind.

use std::cmp::Ordering;

use crate::{Collation, Decimal, Value};

/// Order of two values of the same kind; NULL comes first. Numbers of different kinds compare
/// exactly, text compares by the collation, or by bytes without one.
pub fn compare(a: &Value<'_>, b: &Value<'_>, collation: Option<&Collation>) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Int(x), Value::Int(y)) => x.cmp(y),
        (Value::UInt(x), Value::UInt(y)) => x.cmp(y),
        (Value::Int(x), Value::UInt(y)) => i128::from(*x).cmp(&(*y).into()),
        (Value::UInt(x), Value::Int(y)) => i128::from(*x).cmp(&(*y).into()),
        (Value::Float(x), Value::Float(y)) => float_order(*x, *y),
        (Value::Decimal(x), Value::Decimal(y)) => x.compare(y),
        (Value::Bytes(x), Value::Bytes(y)) => match collation {
            Some(c) => c.compare(x, y),
            None => x.cmp(y),
        },
        (Value::Date(x), Value::Date(y)) => x.cmp(y),
        (Value::Time(x), Value::Time(y)) => x.cmp(y),
        (Value::DateTime(x), Value::DateTime(y)) => x.cmp(y),
        (Value::Date(x), Value::DateTime(y)) => x.at_midnight().cmp(y),
        (Value::DateTime(x), Value::Date(y)) => x.cmp(&y.at_midnight()),
        (Value::Json(x), Value::Json(y)) => x.compare(y),
        _ => mixed(a, b),
    }
}

fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn mixed(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    let exact = |v: &Value<'_>| match v {
        Value::Int(v) => Some(Decimal::from(*v)),
        Value::UInt(v) => Some(Decimal::from(*v)),
        Value::Decimal(d) => Some(d.clone()),
        _ => None,
    };
    let float = |v: &Value<'_>| match v {
        Value::Float(f) => Some(*f),
        other => exact(other).map(|d| d.to_f64()),
    };
    if let (Some(x), Some(y)) = (exact(a), exact(b)) {
        return x.compare(&y);
    }
    if let (Some(x), Some(y)) = (float(a), float(b)) {
        return float_order(x, y);
    }
    // Kinds that coercion never brings together keep some order, by kind.
    rank(a).cmp(&rank(b))
}

/// Appends a key for grouping, DISTINCT and hash joins: two values that compare equal give the same
/// bytes. Keys are self-delimiting, so that several can follow one another.
pub fn group_key(value: &Value<'_>, collation: Option<&Collation>, out: &mut Vec<u8>) {
    let framed = |out: &mut Vec<u8>, write: &dyn Fn(&mut Vec<u8>)| {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        write(out);
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    };
    out.push(rank(value));
    match value {
        Value::Null => {}
        Value::Int(v) => number_key(i128::from(*v), out),
        Value::UInt(v) => number_key(i128::from(*v), out),
        Value::Float(v) => match float_as_integer(*v) {
            Some(n) => number_key(n, out),
            None => match Decimal::from_f64(*v) {
                Some(d) => fraction_key(&d, out),
                None => {
                    out.push(2);
                    out.extend_from_slice(&v.to_bits().to_le_bytes());
                }
            },
        },
        Value::Decimal(d) => match d.truncate(0) {
            Some(whole) if whole.compare(d) == Ordering::Equal => match whole.to_i128() {
                Some(n) => number_key(n, out),
                None => fraction_key(d, out),
            },
            _ => fraction_key(d, out),
        },
        Value::Bytes(b) => framed(out, &|out| match collation {
            Some(c) if !c.is_binary() => c.sort_key(b, out),
            _ => out.extend_from_slice(b),
        }),
        Value::Date(d) => out.extend_from_slice(&d.at_midnight().to_stored().to_le_bytes()),
        Value::DateTime(d) => out.extend_from_slice(&d.to_stored().to_le_bytes()),
        Value::Time(t) => out.extend_from_slice(&t.0.to_le_bytes()),
        Value::Json(j) => framed(out, &|out| json_key(j, out)),
    }
}

fn float_as_integer(v: f64) -> Option<i128> {
    (v == v.trunc() && v.abs() < 1e30).then_some(v as i128)
}

fn number_key(n: i128, out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(&n.to_le_bytes());
}

/// A number that is no integer: its shortest text.
fn fraction_key(d: &Decimal, out: &mut Vec<u8>) {
    out.push(1);
    let start = out.len();
    d.write_text(out);
    if d.scale() > 0 {
        while out.len() > start && out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.push(0);
}

fn json_key(j: &crate::Json, out: &mut Vec<u8>) {
    use crate::json::JsonValue;
    match j.value() {
        JsonValue::Array(items) => {
            out.push(b'[');
            items.iter().for_each(|i| json_key(i, out));
            out.push(b']');
        }
        JsonValue::Object(members) => {
            out.push(b'{');
            for (k, v) in members {
                out.extend_from_slice(&(k.len() as u32).to_le_bytes());
                out.extend_from_slice(k.as_bytes());
                json_key(v, out);
            }
            out.push(b'}');
        }
        _ => match j.to_decimal() {
            Some(d) => group_key(&Value::Decimal(d), None, out),
            None => {
                out.push(b'=');
                out.extend_from_slice(j.type_name().as_bytes());
                j.write_text(out);
                out.push(0);
            }
        },
    }
}

fn rank(v: &Value<'_>) -> u8 {
    match v {
        Value::Null => 0,
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Decimal(_) => 1,
        Value::Bytes(_) => 2,
        Value::Date(_) | Value::DateTime(_) => 3,
        Value::Time(_) => 4,
        Value::Json(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_kind() {
        let small = Value::Decimal(Decimal::parse("1.5").unwrap());
        assert_eq!(
            compare(&Value::Int(-1), &Value::UInt(u64::MAX), None),
            Ordering::Less
        );
        assert_eq!(compare(&Value::Int(1), &small, None), Ordering::Less);
        assert_eq!(compare(&Value::Float(1.5), &small, None), Ordering::Equal);
        assert_eq!(
            compare(&Value::Null, &Value::Int(i64::MIN), None),
            Ordering::Less
        );
        let key = |v: &Value<'_>| {
            let mut out = Vec::new();
            group_key(v, Some(crate::CollationId(45).get()), &mut out);
            out
        };
        let d = |t: &str| Value::Decimal(Decimal::parse(t).unwrap());
        assert_eq!(key(&Value::Int(2)), key(&d("2.00")));
        assert_eq!(key(&Value::UInt(2)), key(&Value::Float(2.0)));
        assert_eq!(key(&Value::Float(2.5)), key(&d("2.50")));
        assert_eq!(key(&Value::Float(0.0)), key(&Value::Float(-0.0)));
        assert_ne!(key(&d("0.25")), key(&d("0.5")));
        assert_eq!(key(&Value::text("Ab")), key(&Value::text("aB")));
        assert_ne!(key(&Value::Null), key(&Value::text("")));
        let j = |t: &str| Value::Json(crate::Json::parse(t).unwrap());
        assert_eq!(
            key(&j("{\"b\": 1.0, \"a\": [2]}")),
            key(&j("{\"a\": [2], \"b\": 1}"))
        );
        assert_ne!(key(&j("[1, 2]")), key(&j("[12]")));
        let ci = crate::CollationId(45).get();
        assert_eq!(
            compare(&Value::text("A"), &Value::text("a"), Some(ci)),
            Ordering::Equal
        );
    }
}
