//! Values as the text protocol sends them.

use crate::number_text::{push_f32, push_f64, push_i64, push_padded, push_u64};
use crate::{SqlType, Value};

/// Appends a value's text; nothing for NULL, which has its own mark on the wire.
#[inline]
pub fn render_text(value: &Value<'_>, sql_type: &SqlType, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Int(v) => push_i64(*v, out),
        Value::UInt(v) => render_unsigned(*v, sql_type, out),
        Value::Float(v) if *sql_type == SqlType::Float => push_f32(*v as f32, out),
        Value::Float(v) => push_f64(*v, out),
        Value::Decimal(d) => d.write_text(out),
        Value::Bytes(b) => out.extend_from_slice(b),
        Value::Date(d) => d.write_text(out),
        Value::Time(t) => match sql_type {
            SqlType::Time(n) => t.write_text(*n, out),
            _ => t.write_text(if t.0 % 1_000_000 == 0 { 0 } else { 6 }, out),
        },
        Value::DateTime(d) => match sql_type {
            SqlType::DateTime(n) | SqlType::Timestamp(n) => d.write_text(*n, out),
            SqlType::Date => d.date.write_text(out),
            _ => d.write_text(if d.micro == 0 { 0 } else { 6 }, out),
        },
        Value::Json(j) => j.write_text(out),
    }
}

fn render_unsigned(v: u64, sql_type: &SqlType, out: &mut Vec<u8>) {
    match sql_type {
        SqlType::Enum(members, _) => {
            // Index 0 is the empty value; one past the end is no member either.
            let member = usize::try_from(v)
                .ok()
                .and_then(|i| members.get(i.checked_sub(1)?));
            if let Some(m) = member {
                out.extend_from_slice(m.as_bytes());
            }
        }
        SqlType::Set(members, _) => {
            let mut first = true;
            for (i, m) in members.iter().enumerate().take(64) {
                if v >> i & 1 == 1 {
                    if !first {
                        out.push(b',');
                    }
                    first = false;
                    out.extend_from_slice(m.as_bytes());
                }
            }
        }
        SqlType::Bit(n) => {
            let skip = 8 - usize::from(n.div_ceil(8)).clamp(1, 8);
            out.extend_from_slice(&v.to_be_bytes()[skip..]);
        }
        SqlType::Year => push_padded(v, 4, out),
        _ => push_u64(v, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CollationId, Members};

    #[test]
    fn texts() {
        let show = |v: Value<'_>, t: SqlType| {
            let mut out = Vec::new();
            render_text(&v, &t, &mut out);
            out
        };
        let members: Members = ["a".into(), "b".into(), "c".into()].into();
        assert_eq!(
            show(Value::Int(i64::MIN), SqlType::INT),
            b"-9223372036854775808"
        );
        assert_eq!(
            show(
                Value::UInt(5),
                SqlType::Set(members.clone(), CollationId::DEFAULT)
            ),
            b"a,c"
        );
        assert_eq!(
            show(Value::UInt(9), SqlType::Enum(members, CollationId::DEFAULT)),
            b""
        );
        assert_eq!(show(Value::UInt(5), SqlType::Bit(10)), [0, 5]);
        assert_eq!(show(Value::UInt(0), SqlType::Year), b"0000");
        assert_eq!(show(Value::Float(0.1f32.into()), SqlType::Float), b"0.1");
        assert_eq!(
            show(Value::Float(0.1f32.into()), SqlType::Double),
            b"0.10000000149011612"
        );
    }
}
