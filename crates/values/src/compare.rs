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
        let ci = crate::CollationId(45).get();
        assert_eq!(
            compare(&Value::text("A"), &Value::text("a"), Some(ci)),
            Ordering::Equal
        );
    }
}
