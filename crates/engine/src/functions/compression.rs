//! COMPRESS and UNCOMPRESS: zlib behind the length of the data.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use values::Value;

use super::result_type as ty;
use super::{Call, Function, MAX_TEXT, Outcome, bytes};
use crate::convert::to_text;

pub const FUNCTIONS: &[Function] = &[
    Function::new("compress", 1, 1, ty::blob, compress),
    Function::new("uncompress", 1, 1, ty::blob, uncompress),
    Function::new("uncompressed_length", 1, 1, ty::int, uncompressed_length),
];

/// CRC-32 as in zip files.
pub(super) fn crc32(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

fn compress(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let data = to_text(&a[0]);
    if data.is_empty() {
        return Ok(bytes([]));
    }
    let mut out = (data.len() as u32 & 0x3FFF_FFFF).to_le_bytes().to_vec();
    let mut encoder = ZlibEncoder::new(&mut out, Compression::default());
    encoder.write_all(&data)?;
    encoder.finish()?;
    // CHAR columns would cut a space at the end.
    if out.last() == Some(&b' ') {
        out.push(b'.');
    }
    Ok(bytes(out))
}

/// The length that stands before the compressed data.
fn length(data: &[u8]) -> Option<usize> {
    let head: [u8; 4] = data.get(..4)?.try_into().ok()?;
    Some((u32::from_le_bytes(head) & 0x3FFF_FFFF) as usize)
}

fn uncompress(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let data = to_text(&a[0]);
    if data.is_empty() {
        return Ok(bytes([]));
    }
    let Some(expected) = length(&data).filter(|_| data.len() > 4) else {
        call.cx.warn(1259, "ZLIB: Input data corrupted");
        return Ok(Value::Null);
    };
    if expected > MAX_TEXT {
        call.cx.warn(1256, format!("Uncompressed data size too large; the maximum size is {MAX_TEXT} (probably, length of uncompressed data was corrupted)"));
        return Ok(Value::Null);
    }
    let mut out = Vec::new();
    let read = ZlibDecoder::new(&data[4..])
        .take(expected as u64 + 1)
        .read_to_end(&mut out);
    if read.is_err() || out.len() > expected {
        call.cx.warn(1259, "ZLIB: Input data corrupted");
        return Ok(Value::Null);
    }
    Ok(bytes(out))
}

fn uncompressed_length(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let data = to_text(&a[0]);
    if data.is_empty() {
        return Ok(Value::Int(0));
    }
    match length(&data).filter(|_| data.len() > 4) {
        Some(n) => Ok(Value::Int(n as i64)),
        None => {
            call.cx.warn(1259, "ZLIB: Input data corrupted");
            Ok(Value::Int(0))
        }
    }
}
