//! The frame of a file: its marks, and where the metadata is.

use std::io::{Read, Seek, SeekFrom};

use crate::thrift::{Input, Struct};
use crate::{Error, Result};

/// What a file begins and ends with.
pub const MARK: &[u8; 4] = b"PAR1";

/// Bytes behind the metadata: its length and the mark.
const TAIL: u64 = 8;

/// The metadata of a file.
pub fn metadata<R: Read + Seek>(file: &mut R) -> Result<Struct> {
    let len = file.seek(SeekFrom::End(0))?;
    if len < TAIL + MARK.len() as u64 {
        return Err(Error::Corrupt("it is too short"));
    }
    let mut tail = [0; TAIL as usize];
    file.seek(SeekFrom::Start(len - TAIL))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, mark @ ..] = tail;
    if mark != *MARK {
        return Err(Error::Corrupt("its mark is missing"));
    }
    let size = u64::from(u32::from_le_bytes([a, b, c, d]));
    if size > len - TAIL - MARK.len() as u64 {
        return Err(Error::Corrupt("its metadata is longer than the file"));
    }
    let bytes = section(file, len - TAIL - size, size)?;
    Input::new(&bytes).structure()
}

/// Bytes of a part of a file, which must be there.
pub fn section<R: Read + Seek>(file: &mut R, from: u64, len: u64) -> Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(len).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == len {
        true => Ok(bytes),
        false => Err(Error::Corrupt("it is cut off")),
    }
}
