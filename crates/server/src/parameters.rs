//! Parameters of prepared statements and attributes of queries, read from their binary form.

use std::borrow::Cow;

use values::{Date, DateTime, Decimal, OwnedValue, Time, Value};

use crate::capability::field;
use crate::wire_format::{Malformed, PacketReader};

/// Type of a parameter as the client bound it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamType {
    /// Code of the type.
    pub code: u8,
    /// UNSIGNED.
    pub unsigned: bool,
}

impl ParamType {
    fn read(r: &mut PacketReader<'_>) -> Result<ParamType, Malformed> {
        let code = r.u8()?;
        Ok(ParamType {
            code,
            unsigned: r.u8()? & 0x80 != 0,
        })
    }
}

/// What a client bound to a statement, kept from one execution to the next.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// Types of the last execution that sent them.
    pub types: Vec<ParamType>,
    /// Values sent ahead in pieces, by parameter.
    pub long_data: Vec<Option<Vec<u8>>>,
}

/// Reads the values of an execution: NULL bitmap, perhaps types, values. With `named`, parameters
/// have names and there may be more of them than `count`: query attributes, which are passed over.
pub fn read_values(
    r: &mut PacketReader<'_>,
    count: usize,
    announced: usize,
    named: bool,
    bindings: &mut Bindings,
) -> Result<Vec<OwnedValue>, Malformed> {
    if announced == 0 {
        return Ok(Vec::new());
    }
    let nulls = r.take(announced.div_ceil(8))?;
    if r.u8()? != 0 {
        bindings.types.clear();
        for _ in 0..announced {
            bindings.types.push(ParamType::read(r)?);
            if named {
                r.bytes()?;
            }
        }
    }
    if bindings.types.len() < announced {
        return Err(Malformed);
    }
    let mut values = Vec::with_capacity(count);
    for i in 0..announced {
        let long = bindings.long_data.get_mut(i).and_then(Option::take);
        let value = if let Some(data) = long {
            Value::Bytes(Cow::Owned(data))
        } else if nulls[i / 8] >> (i % 8) & 1 == 1 {
            Value::Null
        } else {
            read_value(r, bindings.types[i])?
        };
        if i < count {
            values.push(value);
        }
    }
    Ok(values)
}

fn read_value(r: &mut PacketReader<'_>, ty: ParamType) -> Result<OwnedValue, Malformed> {
    let whole = |signed: i64, unsigned: u64| {
        if ty.unsigned {
            Value::UInt(unsigned)
        } else {
            Value::Int(signed)
        }
    };
    Ok(match ty.code {
        field::NULL => Value::Null,
        field::TINY | field::BOOL => {
            let v = r.u8()?;
            whole((v as i8).into(), v.into())
        }
        field::SHORT | field::YEAR => {
            let v = r.u16()?;
            whole((v as i16).into(), v.into())
        }
        field::LONG | field::INT24 => {
            let v = r.u32()?;
            whole((v as i32).into(), v.into())
        }
        field::LONGLONG => {
            let v = r.u64()?;
            whole(v as i64, v)
        }
        field::FLOAT => Value::Float(f32::from_bits(r.u32()?).into()),
        field::DOUBLE => Value::Float(f64::from_bits(r.u64()?)),
        field::DECIMAL | field::NEWDECIMAL => {
            let text = r.bytes()?;
            match std::str::from_utf8(text)
                .ok()
                .and_then(|t| Decimal::parse(t.trim()))
            {
                Some(d) => Value::Decimal(d),
                None => Value::Bytes(Cow::Owned(text.to_vec())),
            }
        }
        field::DATE | field::NEWDATE => Value::Date(read_datetime(r)?.date),
        field::DATETIME | field::DATETIME2 | field::TIMESTAMP | field::TIMESTAMP2 => {
            Value::DateTime(read_datetime(r)?)
        }
        field::TIME | field::TIME2 => Value::Time(read_time(r)?),
        field::VARCHAR..=field::BIT | 242..=255 => Value::Bytes(Cow::Owned(r.bytes()?.to_vec())),
        _ => return Err(Malformed),
    })
}

fn read_datetime(r: &mut PacketReader<'_>) -> Result<DateTime, Malformed> {
    let len = r.u8()?;
    if !matches!(len, 0 | 4 | 7 | 11) {
        return Err(Malformed);
    }
    let mut d = DateTime::ZERO;
    if len >= 4 {
        d.date = Date {
            year: r.u16()?,
            month: r.u8()?,
            day: r.u8()?,
        };
    }
    if len >= 7 {
        (d.hour, d.minute, d.second) = (r.u8()?, r.u8()?, r.u8()?);
    }
    if len == 11 {
        d.micro = r.u32()?;
    }
    let day_ok = d.date.year <= 9999 && d.date.month <= 12 && d.date.day <= 31;
    if !day_ok || d.hour > 23 || d.minute > 59 || d.second > 59 || d.micro > 999_999 {
        return Err(Malformed);
    }
    Ok(d)
}

fn read_time(r: &mut PacketReader<'_>) -> Result<Time, Malformed> {
    let len = r.u8()?;
    match len {
        0 => return Ok(Time(0)),
        8 | 12 => {}
        _ => return Err(Malformed),
    }
    let negative = r.u8()? != 0;
    let days = u64::from(r.u32()?);
    let (h, m, s) = (u64::from(r.u8()?), u64::from(r.u8()?), u64::from(r.u8()?));
    let micros = if len == 12 { u64::from(r.u32()?) } else { 0 };
    if days > 9999 || h > 23 || m > 59 || s > 59 || micros > 999_999 {
        return Err(Malformed);
    }
    Ok(Time::from_parts(negative, days * 24 + h, m, s, micros)
        .clamp_to_range()
        .0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(code: u8, flag: u8, bytes: &[u8]) -> Result<OwnedValue, Malformed> {
        let packet = [&[0, 1, code, flag], bytes].concat();
        let mut r = PacketReader::new(&packet);
        let v = read_values(&mut r, 1, 1, false, &mut Bindings::default())?;
        assert!(r.is_empty(), "all is read");
        Ok(v.into_iter().next().expect("one"))
    }

    fn shown(v: &OwnedValue) -> String {
        format!("{v:?}")
    }

    #[test]
    fn every_type() {
        for (code, flag, bytes, want) in [
            (1, 0, &[255][..], Value::Int(-1)),
            (1, 0x80, &[255], Value::UInt(255)),
            (2, 0, &[0xfe, 0xff], Value::Int(-2)),
            (3, 0x80, &[255; 4], Value::UInt(u32::MAX.into())),
            (8, 0, &[255; 8], Value::Int(-1)),
            (8, 0x80, &[255; 8], Value::UInt(u64::MAX)),
            (4, 0, &[0, 0, 0xc0, 0x3f], Value::Float(1.5)),
            (253, 0, b"\x02hi", Value::text("hi")),
            (245, 0, b"\x02{}", Value::text("{}")),
            (16, 0, b"\x01\x05", Value::Bytes(Cow::Owned(vec![5]))),
            (
                10,
                0,
                &[4, 0xea, 7, 11, 23],
                Value::Date(Date {
                    year: 2026,
                    month: 11,
                    day: 23,
                }),
            ),
            (12, 0, &[0], Value::DateTime(DateTime::ZERO)),
            (
                11,
                0,
                &[8, 1, 1, 0, 0, 0, 1, 0, 1],
                Value::Time(Time::from_parts(true, 25, 0, 1, 0)),
            ),
        ] {
            assert_eq!(
                shown(&one(code, flag, bytes).expect("reads")),
                shown(&want),
                "type {code}"
            );
        }
        assert!(one(12, 0, &[7, 0xea, 7, 13, 23, 0, 0, 0]).is_err());
        assert!(one(77, 0, &[1]).is_err());
        assert!(one(253, 0, &[200, 1]).is_err());
    }

    #[test]
    fn types_are_remembered_and_long_data_is_taken_once() {
        let mut b = Bindings {
            long_data: vec![None, Some(b"long".to_vec())],
            ..Bindings::default()
        };
        let first = [0, 1, 8, 0, 252, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        let v = read_values(&mut PacketReader::new(&first), 2, 2, false, &mut b).expect("reads");
        assert_eq!(shown(&v[1]), shown(&Value::text("long")));
        let again = [0b10, 0, 2, 0, 0, 0, 0, 0, 0, 0];
        let v = read_values(&mut PacketReader::new(&again), 2, 2, false, &mut b).expect("reads");
        assert!(matches!(v[..], [Value::Int(2), Value::Null]));
        assert!(
            read_values(
                &mut PacketReader::new(&[0, 0]),
                1,
                1,
                false,
                &mut Bindings::default()
            )
            .is_err()
        );
    }
}
