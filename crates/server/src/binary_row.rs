//! Rows of the binary protocol, written from values without going through text (spec 08 §9.4).

use engine::error::Result;
use engine::result::Row;
use values::{Date, DateTime, IntWidth, SqlType, Time, Value, render_text};

use crate::wire_format::{put_bytes, put_sized};

/// Appends a row: header, NULL bitmap, values.
pub fn put_row(out: &mut Vec<u8>, row: &dyn Row, types: &[SqlType]) -> Result<()> {
    out.push(0);
    let bitmap = out.len();
    out.resize(bitmap + (types.len() + 9) / 8, 0);
    for (i, ty) in types.iter().enumerate() {
        let value = row.get(i)?;
        if value.is_null() {
            // The first two bits of the bitmap are not used.
            out[bitmap + (i + 2) / 8] |= 1 << ((i + 2) % 8);
        } else {
            put_value(out, &value, ty);
        }
    }
    Ok(())
}

/// Any value as a whole number of 64 bits, for columns that are announced as integers.
fn integer(value: &Value<'_>) -> u64 {
    match value {
        Value::Int(v) => *v as u64,
        Value::UInt(v) => *v,
        Value::Float(v) => v.round() as i64 as u64,
        Value::Decimal(d) => d.to_i64().unwrap_or_default() as u64,
        Value::Bytes(b) => std::str::from_utf8(b)
            .ok()
            .and_then(|s| s.trim().parse::<i64>().ok())
            .unwrap_or_default() as u64,
        _ => 0,
    }
}

fn float(value: &Value<'_>) -> f64 {
    match value {
        Value::Float(v) => *v,
        Value::Int(v) => *v as f64,
        Value::UInt(v) => *v as f64,
        other => {
            let mut text = Vec::new();
            render_text(other, &SqlType::TEXT, &mut text);
            std::str::from_utf8(&text)
                .ok()
                .and_then(|s| s.trim().parse().ok())
                .unwrap_or_default()
        }
    }
}

#[inline]
fn put_value(out: &mut Vec<u8>, value: &Value<'_>, ty: &SqlType) {
    match ty {
        SqlType::Int { width, .. } => {
            let v = integer(value);
            match width {
                IntWidth::Tiny => out.push(v as u8),
                IntWidth::Small => out.extend_from_slice(&(v as u16).to_le_bytes()),
                IntWidth::Medium | IntWidth::Int => {
                    out.extend_from_slice(&(v as u32).to_le_bytes());
                }
                IntWidth::Big => out.extend_from_slice(&v.to_le_bytes()),
            }
        }
        SqlType::Year => out.extend_from_slice(&(integer(value) as u16).to_le_bytes()),
        SqlType::Float => out.extend_from_slice(&(float(value) as f32).to_le_bytes()),
        SqlType::Double => out.extend_from_slice(&float(value).to_le_bytes()),
        SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_) => match value {
            Value::Date(d) => put_date(out, *d),
            Value::DateTime(d) if matches!(ty, SqlType::Date) => put_date(out, d.date),
            Value::DateTime(d) => put_datetime(out, d),
            // Text in a temporal column would be read as its length.
            _ => out.push(0),
        },
        SqlType::Time(_) => match value {
            Value::Time(t) => put_time(out, *t),
            _ => out.push(0),
        },
        _ => match value {
            Value::Bytes(b) => put_bytes(out, b),
            other => put_sized(out, |out| render_text(other, ty, out)),
        },
    }
}

fn put_day(out: &mut Vec<u8>, d: Date) {
    out.extend_from_slice(&d.year.to_le_bytes());
    out.extend_from_slice(&[d.month, d.day]);
}

fn put_date(out: &mut Vec<u8>, d: Date) {
    if d.is_zero() {
        out.push(0);
    } else {
        out.push(4);
        put_day(out, d);
    }
}

fn put_datetime(out: &mut Vec<u8>, d: &DateTime) {
    if d.micro != 0 {
        out.push(11);
    } else if d.hour != 0 || d.minute != 0 || d.second != 0 {
        out.push(7);
    } else {
        return put_date(out, d.date);
    }
    put_day(out, d.date);
    out.extend_from_slice(&[d.hour, d.minute, d.second]);
    if d.micro != 0 {
        out.extend_from_slice(&d.micro.to_le_bytes());
    }
}

fn put_time(out: &mut Vec<u8>, t: Time) {
    if t.0 == 0 {
        out.push(0);
        return;
    }
    let (hours, minutes, seconds, micros) = t.parts();
    out.push(if micros == 0 { 8 } else { 12 });
    out.push(u8::from(t.0 < 0));
    out.extend_from_slice(&(hours / 24).to_le_bytes());
    out.extend_from_slice(&[(hours % 24) as u8, minutes, seconds]);
    if micros != 0 {
        out.extend_from_slice(&micros.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[Value<'_>], types: &[&str]) -> Vec<u8> {
        let types: Vec<SqlType> = types
            .iter()
            .map(|t| SqlType::from_stored_text(t).expect("a type"))
            .collect();
        let mut out = Vec::new();
        struct Values<'a>(&'a [Value<'a>]);
        impl Row for Values<'_> {
            fn len(&self) -> usize {
                self.0.len()
            }
            fn get(&self, i: usize) -> Result<Value<'_>> {
                Ok(self.0[i].borrowed())
            }
        }
        put_row(&mut out, &Values(values), &types).expect("written");
        out
    }

    #[test]
    fn numbers_and_nulls() {
        let got = row(
            &[
                Value::Int(-1),
                Value::Null,
                Value::UInt(65535),
                Value::Int(7),
                Value::text("é"),
            ],
            &[
                "tinyint",
                "int",
                "smallint unsigned",
                "mediumint",
                "varchar(9)",
            ],
        );
        assert_eq!(
            got,
            [
                &[0, 0b1000, 255, 255, 255, 7, 0, 0, 0, 2][..],
                "é".as_bytes()
            ]
            .concat()
        );
        assert_eq!(row(&[Value::UInt(1999)], &["year"]), [0, 0, 0xcf, 7]);
        assert_eq!(
            row(&[Value::Float(1.5)], &["float"]),
            [0, 0, 0, 0, 0xc0, 0x3f]
        );
        assert_eq!(row(&[Value::UInt(5)], &["bit(10)"]), [0, 0, 2, 0, 5]);
        assert_eq!(row(&vec![Value::Null; 7], &["int"; 7]), [0, 0xfc, 1]);
    }

    #[test]
    fn times() {
        let d = DateTime {
            date: Date {
                year: 2026,
                month: 11,
                day: 23,
            },
            hour: 1,
            minute: 2,
            second: 3,
            micro: 4,
        };
        assert_eq!(
            row(&[Value::DateTime(d)], &["datetime(6)"]),
            [0, 0, 11, 0xea, 7, 11, 23, 1, 2, 3, 4, 0, 0, 0]
        );
        let noon = DateTime { micro: 0, ..d };
        assert_eq!(
            row(&[Value::DateTime(noon)], &["timestamp"]),
            [0, 0, 7, 0xea, 7, 11, 23, 1, 2, 3]
        );
        assert_eq!(
            row(&[Value::DateTime(d.date.at_midnight())], &["datetime"]),
            [0, 0, 4, 0xea, 7, 11, 23]
        );
        assert_eq!(
            row(&[Value::Date(d.date)], &["date"]),
            [0, 0, 4, 0xea, 7, 11, 23]
        );
        assert_eq!(
            row(&[Value::DateTime(DateTime::ZERO)], &["datetime"]),
            [0, 0, 0]
        );
        let t = Time::from_parts(true, 25, 0, 1, 5);
        assert_eq!(
            row(&[Value::Time(t)], &["time(6)"]),
            [0, 0, 12, 1, 1, 0, 0, 0, 1, 0, 1, 5, 0, 0, 0]
        );
        assert_eq!(row(&[Value::Time(Time(0))], &["time"]), [0, 0, 0]);
    }
}
