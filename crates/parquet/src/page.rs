//! Pages: the values of a column, compressed and encoded.

use std::io::Read;

use crate::metadata::Physical;
use crate::thrift::{Input, Struct};
use crate::{Cell, Error, Result, levels};

/// The longest page that is read, compressed or not.
const LONGEST: usize = 1 << 28;

/// Most values of a page.
const MOST_VALUES: usize = 1 << 24;

/// Levels of a column's values.
#[derive(Clone, Copy, Debug, Default)]
pub struct MostLevels {
    /// How deep values are when they are there.
    pub definition: u32,
    /// Whether there may be several in a row.
    pub repetition: u32,
}

/// The values of a column in a row group: their levels, and those that are there.
#[derive(Default)]
pub struct Values {
    pub definitions: Vec<u32>,
    pub repetitions: Vec<u32>,
    pub cells: Vec<Cell>,
}

/// Takes bytes from the front.
fn take<'b>(bytes: &mut &'b [u8], len: usize) -> Result<&'b [u8]> {
    if len > bytes.len() {
        return Err(Error::Corrupt("a page is cut off"));
    }
    let (found, rest) = bytes.split_at(len);
    *bytes = rest;
    Ok(found)
}

fn number(bytes: &mut &[u8]) -> Result<usize> {
    let found = take(bytes, 4)?;
    let bytes = found.try_into().expect("four bytes were taken");
    Ok(u32::from_le_bytes(bytes) as usize)
}

fn length(header: &Struct, id: i16) -> Result<usize> {
    match usize::try_from(header.need_int(id)?) {
        Ok(n) if n <= LONGEST => Ok(n),
        _ => Err(Error::Corrupt("a page of impossible length")),
    }
}

fn decompress(bytes: &[u8], codec: i64, len: usize) -> Result<Vec<u8>> {
    let limit = |reader: &mut dyn Read| -> Result<Vec<u8>> {
        let mut out = Vec::new();
        // One more than there may be tells of too many.
        reader.take(len as u64 + 1).read_to_end(&mut out)?;
        Ok(out)
    };
    let out = match codec {
        0 => bytes.to_vec(),
        1 => match snap::raw::decompress_len(bytes) {
            Ok(found) if found == len => snap::raw::Decoder::new()
                .decompress_vec(bytes)
                .map_err(|_| Error::Corrupt("a page cannot be decompressed"))?,
            _ => return Err(Error::Corrupt("a page of another length than said")),
        },
        2 => limit(&mut flate2::read::MultiGzDecoder::new(bytes))?,
        6 => limit(&mut zstd::stream::read::Decoder::with_buffer(bytes)?)?,
        _ => return Err(Error::Unsupported(format!("compression number {codec}"))),
    };
    match out.len() == len {
        true => Ok(out),
        false => Err(Error::Corrupt("a page of another length than said")),
    }
}

/// Values that are stored one behind the other.
fn plain(mut bytes: &[u8], physical: Physical, count: usize) -> Result<Vec<Cell>> {
    let mut out = Vec::new();
    for i in 0..count {
        out.push(match physical {
            Physical::Bool => match bytes.get(i / 8) {
                Some(byte) => Cell::Bool(byte >> (i % 8) & 1 == 1),
                None => return Err(Error::Corrupt("a page is cut off")),
            },
            Physical::Int32 => {
                let found = take(&mut bytes, 4)?.try_into().expect("four bytes");
                Cell::Int(i64::from(i32::from_le_bytes(found)))
            }
            Physical::Int64 => {
                let found = take(&mut bytes, 8)?.try_into().expect("eight bytes");
                Cell::Int(i64::from_le_bytes(found))
            }
            Physical::Float => {
                let found = take(&mut bytes, 4)?.try_into().expect("four bytes");
                Cell::Float(f32::from_le_bytes(found))
            }
            Physical::Double => {
                let found = take(&mut bytes, 8)?.try_into().expect("eight bytes");
                Cell::Double(f64::from_le_bytes(found))
            }
            Physical::Bytes => {
                let len = number(&mut bytes)?;
                Cell::Bytes(take(&mut bytes, len)?.to_vec())
            }
            Physical::Int96 => Cell::Bytes(take(&mut bytes, 12)?.to_vec()),
            Physical::Fixed(len) => Cell::Bytes(take(&mut bytes, len)?.to_vec()),
        });
    }
    Ok(out)
}

fn value_count(header: &Struct) -> Result<usize> {
    match usize::try_from(header.need_int(1)?) {
        Ok(n) if n <= MOST_VALUES => Ok(n),
        _ => Err(Error::Unsupported("pages of so many values".into())),
    }
}

/// Reads the pages of a column in a row group, in which there are `count` values.
pub fn read(
    bytes: &[u8],
    physical: Physical,
    codec: i64,
    most: MostLevels,
    count: usize,
) -> Result<Values> {
    let mut out = Values::default();
    let mut dictionary = Vec::new();
    let mut rest = bytes;
    while out.definitions.len() < count {
        let mut input = Input::new(rest);
        let header = input.structure()?;
        take(&mut rest, input.position())?;
        let body = take(&mut rest, length(&header, 3)?)?;
        let whole = length(&header, 2)?;
        match header.need_int(1)? {
            0 => {
                let body = decompress(body, codec, whole)?;
                let page = header.need_structure(5)?;
                let values = value_count(page)?;
                let mut rest = body.as_slice();
                let mut level = |most: u32, encoding: i16| -> Result<Vec<u32>> {
                    if most == 0 {
                        return Ok(Vec::new());
                    }
                    if page.int(encoding) != Some(3) {
                        return Err(Error::Unsupported("levels of bits alone".into()));
                    }
                    let len = number(&mut rest)?;
                    levels::read(take(&mut rest, len)?, levels::width(most), values)
                };
                let repetitions = level(most.repetition, 4)?;
                let definitions = level(most.definition, 3)?;
                let encoding = page.need_int(2)?;
                add(
                    &mut out,
                    rest,
                    physical,
                    most,
                    &dictionary,
                    encoding,
                    values,
                    repetitions,
                    definitions,
                )?;
            }
            2 => {
                let body = decompress(body, codec, whole)?;
                let page = header.need_structure(7)?;
                dictionary = plain(&body, physical, value_count(page)?)?;
            }
            3 => {
                let page = header.need_structure(8)?;
                let values = value_count(page)?;
                let mut rest = body;
                let (repetition, definition) = (length(page, 6)?, length(page, 5)?);
                let level = |bytes: &[u8], most: u32| match most {
                    0 => Ok(Vec::new()),
                    _ => levels::read(bytes, levels::width(most), values),
                };
                let repetitions = level(take(&mut rest, repetition)?, most.repetition)?;
                let definitions = level(take(&mut rest, definition)?, most.definition)?;
                let left = whole.checked_sub(repetition + definition);
                let left = left.ok_or(Error::Corrupt("a page of impossible length"))?;
                let codec = if page.bool(7) == Some(false) {
                    0
                } else {
                    codec
                };
                // What has no values may have no compressed bytes either.
                let body = match rest.is_empty() {
                    true => Vec::new(),
                    false => decompress(rest, codec, left)?,
                };
                let encoding = page.need_int(4)?;
                add(
                    &mut out,
                    &body,
                    physical,
                    most,
                    &dictionary,
                    encoding,
                    values,
                    repetitions,
                    definitions,
                )?;
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Adds the values of a page.
fn add(
    out: &mut Values,
    bytes: &[u8],
    physical: Physical,
    most: MostLevels,
    dictionary: &[Cell],
    encoding: i64,
    count: usize,
    repetitions: Vec<u32>,
    definitions: Vec<u32>,
) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let there = match most.definition {
        0 => count,
        full => definitions.iter().filter(|d| **d == full).count(),
    };
    match encoding {
        0 => out.cells.extend(plain(bytes, physical, there)?),
        2 | 8 => {
            let mut rest = bytes;
            if there > 0 {
                let width = take(&mut rest, 1)?[0];
                for number in levels::read(rest, u32::from(width), there)? {
                    let cell = dictionary.get(number as usize);
                    let cell = cell.ok_or(Error::Corrupt("a value beyond the dictionary"))?;
                    out.cells.push(cell.clone());
                }
            }
        }
        3 if physical == Physical::Bool => {
            let mut rest = bytes;
            let len = number(&mut rest)?;
            let bits = levels::read(take(&mut rest, len)?, 1, there)?;
            out.cells
                .extend(bits.into_iter().map(|b| Cell::Bool(b == 1)));
        }
        _ => return Err(Error::Unsupported(format!("encoding number {encoding}"))),
    }
    match most.definition {
        // Where all are there, only their number counts.
        0 => out.definitions.resize(out.definitions.len() + count, 0),
        _ => out.definitions.extend(definitions),
    }
    out.repetitions.extend(repetitions);
    Ok(())
}
