//! Reading and writing one field (spec 02 §5 and §6).

use std::borrow::Cow;

use crate::blob::{self, BlobSink, BlobSource};
use crate::{Address, DateTime, Encoding, Error, Result, SqlType, Value};

fn fixed<const N: usize>(encoding: Encoding, bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| Error::BadField {
        encoding,
        length: bytes.len(),
    })
}

/// The value of a field. Text and bytes that are inline borrow from `bytes`.
///
/// DATETIME and TIMESTAMP come out as stored: TIMESTAMP in UTC, the session applies its zone.
pub fn decode_field<'a>(
    encoding: Encoding,
    sql_type: &SqlType,
    bytes: &'a [u8],
    blobs: &dyn BlobSource,
) -> Result<Value<'a>> {
    use Encoding::*;
    let bad = || Error::BadField {
        encoding,
        length: bytes.len(),
    };
    Ok(match encoding {
        Int8 => Value::Int(i8::from_le_bytes(fixed(encoding, bytes)?).into()),
        Uint8 => Value::UInt(u8::from_le_bytes(fixed(encoding, bytes)?).into()),
        Int16 => Value::Int(i16::from_le_bytes(fixed(encoding, bytes)?).into()),
        Uint16 | Enum => Value::UInt(u16::from_le_bytes(fixed(encoding, bytes)?).into()),
        Int32 => Value::Int(i32::from_le_bytes(fixed(encoding, bytes)?).into()),
        Uint32 => Value::UInt(u32::from_le_bytes(fixed(encoding, bytes)?).into()),
        Int64 => Value::Int(i64::from_le_bytes(fixed(encoding, bytes)?)),
        Uint64 | Bit64 | Set => Value::UInt(u64::from_le_bytes(fixed(encoding, bytes)?)),
        Float32 => Value::Float(f32::from_le_bytes(fixed(encoding, bytes)?).into()),
        Float64 => Value::Float(f64::from_le_bytes(fixed(encoding, bytes)?)),
        Year => Value::UInt(match fixed::<1>(encoding, bytes)?[0] {
            255 => 0,
            y => u64::from(y) + 1901,
        }),
        Date => Value::Date(crate::Date::from_stored(u32::from_le_bytes(fixed(
            encoding, bytes,
        )?))),
        Time => Value::Time(crate::Time(i64::from_le_bytes(fixed(encoding, bytes)?))),
        Datetime => {
            let micros = i64::from_le_bytes(fixed(encoding, bytes)?);
            Value::DateTime(DateTime::from_stored(micros).ok_or_else(bad)?)
        }
        Decimal => {
            let value = crate::Decimal::from_stored(bytes).ok_or_else(bad)?;
            Value::Decimal(match sql_type {
                SqlType::Decimal { scale, .. } if value.scale() < *scale => {
                    value.with_scale(*scale).unwrap_or(value)
                }
                _ => value,
            })
        }
        String | Bytes | Geometry => match bytes.split_last() {
            Some((0, text)) => Value::Bytes(Cow::Borrowed(text)),
            _ => return Err(bad()),
        },
        Encoding::Json => match bytes.split_last() {
            Some((0, text)) => Value::Json(crate::Json::from_stored(text)?),
            _ => return Err(bad()),
        },
        Hash128 | CommitAddr | Cell => Value::Bytes(Cow::Borrowed(bytes)),
        StringAddr | BytesAddr | GeomAddr => {
            let address = fixed::<20>(encoding, bytes)?;
            Value::Bytes(Cow::Owned(blob::read(blobs, &address)?))
        }
        JsonAddr => Value::Json(crate::Json::from_stored(
            &blobs.read_json(&fixed(encoding, bytes)?)?,
        )?),
        StringAdaptive | BytesAdaptive | GeomAdaptive => {
            Value::Bytes(adaptive_payload(encoding, bytes, blobs)?)
        }
        JsonAdaptive => Value::Json(crate::Json::from_stored(&adaptive_payload(
            encoding, bytes, blobs,
        )?)?),
        Extended | ExtendedAddr | ExtendedAdaptive => {
            return Err(Error::UnknownEncoding(encoding.id()));
        }
    })
}

/// The payload of an adaptive field, wherever it lies.
pub fn adaptive_payload<'a>(
    encoding: Encoding,
    bytes: &'a [u8],
    blobs: &dyn BlobSource,
) -> Result<Cow<'a, [u8]>> {
    let bad = || Error::BadField {
        encoding,
        length: bytes.len(),
    };
    let (first, rest) = bytes.split_first().ok_or_else(bad)?;
    if *first == 0 {
        return Ok(Cow::Borrowed(rest));
    }
    let (_, at) = blob::read_varint(bytes).ok_or_else(bad)?;
    let address: Address = fixed(encoding, &bytes[at..])?;
    Ok(Cow::Owned(blob::read(blobs, &address)?))
}

/// Bytes of a value that is stored as bytes; JSON gives its stored text.
pub(crate) fn payload_of<'v>(encoding: Encoding, value: &'v Value<'_>) -> Result<Cow<'v, [u8]>> {
    match value {
        Value::Bytes(b) => Ok(Cow::Borrowed(b)),
        Value::Json(j) => Ok(Cow::Owned(j.to_stored())),
        other => Err(mismatch(encoding, other)),
    }
}

pub(crate) fn mismatch(encoding: Encoding, value: &Value<'_>) -> Error {
    Error::Mismatch {
        encoding,
        value: match value {
            Value::Null => "NULL",
            Value::Int(_) => "an integer out of range",
            Value::UInt(_) => "an unsigned integer out of range",
            Value::Float(_) => "a float",
            Value::Decimal(_) => "a decimal",
            Value::Bytes(_) => "bytes",
            Value::Date(_) => "a date",
            Value::Time(_) => "a time",
            Value::DateTime(_) => "a datetime",
            Value::Json(_) => "JSON",
        },
    }
}

/// Appends the bytes of a non-NULL value that has been converted to its column's type.
///
/// Adaptive encodings are written inline; [`crate::RowBuilder`] decides otherwise for whole rows.
pub fn encode_field(
    encoding: Encoding,
    sql_type: &SqlType,
    value: &Value<'_>,
    blobs: &dyn BlobSink,
    out: &mut Vec<u8>,
) -> Result<()> {
    use Encoding::*;
    let wrong = || mismatch(encoding, value);
    macro_rules! int {
        ($t:ty) => {{
            let n: $t = match value {
                Value::Int(v) => <$t>::try_from(*v).ok(),
                Value::UInt(v) => <$t>::try_from(*v).ok(),
                _ => None,
            }
            .ok_or_else(wrong)?;
            out.extend_from_slice(&n.to_le_bytes());
        }};
    }
    let float = || match value {
        Value::Float(v) => Ok(*v),
        _ => Err(wrong()),
    };
    match encoding {
        Int8 => int!(i8),
        Uint8 => int!(u8),
        Int16 => int!(i16),
        Uint16 | Enum => int!(u16),
        Int32 => int!(i32),
        Uint32 => int!(u32),
        Int64 => int!(i64),
        Uint64 | Bit64 | Set => int!(u64),
        Float32 => out.extend_from_slice(&(float()? as f32).to_le_bytes()),
        Float64 => out.extend_from_slice(&float()?.to_le_bytes()),
        Year => {
            let year = match value {
                Value::UInt(v) => *v,
                Value::Int(v) => u64::try_from(*v).map_err(|_| wrong())?,
                _ => return Err(wrong()),
            };
            out.push(match year {
                0 => 255,
                1901..=2155 => (year - 1901) as u8,
                _ => return Err(wrong()),
            });
        }
        Date => match value {
            Value::Date(d) => out.extend_from_slice(&d.to_stored().to_le_bytes()),
            _ => return Err(wrong()),
        },
        Time => match value {
            Value::Time(t) => out.extend_from_slice(&t.0.to_le_bytes()),
            _ => return Err(wrong()),
        },
        Datetime => match value {
            Value::DateTime(d) => out.extend_from_slice(&d.to_stored().to_le_bytes()),
            _ => return Err(wrong()),
        },
        Decimal => match value {
            Value::Decimal(d) => match sql_type {
                SqlType::Decimal { scale, .. } if *scale != d.scale() => {
                    let d = d.with_scale(*scale).ok_or_else(wrong)?;
                    d.write_stored(out);
                }
                _ => d.write_stored(out),
            },
            _ => return Err(wrong()),
        },
        String | Bytes | Geometry | Json => {
            out.extend_from_slice(&payload_of(encoding, value)?);
            out.push(0);
        }
        Hash128 | CommitAddr | Cell => match value {
            Value::Bytes(b) if Some(b.len()) == encoding.width() => out.extend_from_slice(b),
            _ => return Err(wrong()),
        },
        StringAddr | BytesAddr | GeomAddr => {
            let address = blob::write(blobs, &payload_of(encoding, value)?)?;
            out.extend_from_slice(&address);
        }
        JsonAddr => {
            let address = blobs.write_json(&payload_of(encoding, value)?)?;
            out.extend_from_slice(&address);
        }
        StringAdaptive | BytesAdaptive | GeomAdaptive | JsonAdaptive => {
            out.push(0);
            out.extend_from_slice(&payload_of(encoding, value)?);
        }
        Extended | ExtendedAddr | ExtendedAdaptive => {
            return Err(Error::UnknownEncoding(encoding.id()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Date, Decimal, Json, NoBlobs, Time};

    #[test]
    fn scalars_round_trip() {
        let ty = SqlType::Null;
        for (e, v, bytes) in [
            (Encoding::Int8, Value::Int(-1), vec![255]),
            (Encoding::Year, Value::UInt(0), vec![255]),
            (Encoding::Year, Value::UInt(2155), vec![254]),
            (
                Encoding::Date,
                Value::Date(Date {
                    year: 2024,
                    month: 1,
                    day: 2,
                }),
                vec![2, 1, 0xe8, 7],
            ),
            (Encoding::Time, Value::Time(Time(-1)), vec![255; 8]),
            (Encoding::String, Value::text("a"), vec![b'a', 0]),
            (Encoding::BytesAdaptive, Value::text(""), vec![0]),
            (
                Encoding::Datetime,
                Value::DateTime(DateTime::ZERO),
                (-62169984000000000i64).to_le_bytes().to_vec(),
            ),
            (
                Encoding::Decimal,
                Value::Decimal(Decimal::new(0, 30)),
                vec![0xe2, 255, 255, 255, 0],
            ),
            (
                Encoding::Decimal,
                Value::Decimal(Decimal::new(-256, 0)),
                vec![0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 1, 0],
            ),
            (
                Encoding::Json,
                Value::Json(Json::parse("{\"b\": [1, 2]}").unwrap()),
                b"{\"b\":[1,2]}\0".to_vec(),
            ),
        ] {
            let mut out = Vec::new();
            encode_field(e, &ty, &v, &NoBlobs, &mut out).unwrap();
            assert_eq!(out, bytes, "{e:?}");
            let back = decode_field(e, &ty, &out, &NoBlobs).unwrap();
            let mut again = Vec::new();
            encode_field(e, &ty, &back, &NoBlobs, &mut again).unwrap();
            assert_eq!(again, bytes, "{e:?}");
        }
        assert!(
            encode_field(
                Encoding::Int8,
                &ty,
                &Value::Int(128),
                &NoBlobs,
                &mut Vec::new()
            )
            .is_err()
        );
        assert!(decode_field(Encoding::Int32, &ty, &[1, 2], &NoBlobs).is_err());
        assert!(decode_field(Encoding::StringAdaptive, &ty, &[200, 1], &NoBlobs).is_err());
    }
}
