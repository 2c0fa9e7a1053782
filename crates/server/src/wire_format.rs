//! Integers and strings of the protocol: little-endian, length-encoded, NUL-terminated.

/// Appends a length-encoded integer.
pub fn put_lenenc(out: &mut Vec<u8>, v: u64) {
    match v {
        0..=250 => out.push(v as u8),
        251..=0xffff => {
            out.push(0xfc);
            out.extend_from_slice(&(v as u16).to_le_bytes());
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend_from_slice(&(v as u32).to_le_bytes()[..3]);
        }
        _ => {
            out.push(0xfe);
            out.extend_from_slice(&v.to_le_bytes());
        }
    }
}

/// Appends bytes with their length in front.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_lenenc(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends what `write` writes with its length in front, moving it only if it is long.
#[inline]
pub fn put_sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.push(0);
    write(out);
    let len = out.len() - at - 1;
    if len <= 250 {
        out[at] = len as u8;
        return;
    }
    let mut head = Vec::with_capacity(9);
    put_lenenc(&mut head, len as u64);
    out.splice(at..=at, head);
}

/// The packet ended before it should, or holds a length that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Malformed communication packet")]
pub struct Malformed;

/// Reads a packet from front to back.
#[derive(Clone, Copy, Debug)]
pub struct PacketReader<'a> {
    rest: &'a [u8],
}

impl<'a> PacketReader<'a> {
    /// All of a packet.
    pub fn new(packet: &'a [u8]) -> PacketReader<'a> {
        PacketReader { rest: packet }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Malformed)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A length-encoded integer.
    pub fn lenenc(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            0xfc => Ok(self.u16()?.into()),
            0xfd => {
                let b = self.array::<3>()?;
                Ok(u32::from_le_bytes([b[0], b[1], b[2], 0]).into())
            }
            0xfe => self.u64(),
            0xfb | 0xff => Err(Malformed),
            n => Ok(n.into()),
        }
    }

    /// Bytes with their length in front.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let n = usize::try_from(self.lenenc()?).map_err(|_| Malformed)?;
        self.take(n)
    }

    /// Bytes up to a NUL, which is passed over.
    pub fn nul(&mut self) -> Result<&'a [u8], Malformed> {
        let n = self.rest.iter().position(|b| *b == 0).ok_or(Malformed)?;
        let out = self.take(n)?;
        self.rest = &self.rest[1..];
        Ok(out)
    }

    /// Bytes up to a NUL or the packet's end.
    pub fn nul_or_rest(&mut self) -> &'a [u8] {
        self.nul()
            .unwrap_or_else(|_| std::mem::take(&mut self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_round_trip() {
        for v in [
            0,
            250,
            251,
            0xffff,
            0x1_0000,
            0xff_ffff,
            0x100_0000,
            u64::MAX,
        ] {
            let mut out = Vec::new();
            put_lenenc(&mut out, v);
            assert_eq!(PacketReader::new(&out).lenenc(), Ok(v));
            for cut in 0..out.len() {
                assert_eq!(PacketReader::new(&out[..cut]).lenenc(), Err(Malformed));
            }
        }
        for n in [0usize, 5, 250, 251, 70_000, 17 << 20] {
            let (mut a, mut b) = (vec![9], vec![9]);
            let data = vec![7; n];
            put_bytes(&mut a, &data);
            put_sized(&mut b, |o| o.extend_from_slice(&data));
            assert_eq!(a, b);
        }
    }

    #[test]
    fn a_length_beyond_the_packet_is_malformed() {
        assert_eq!(
            PacketReader::new(&[0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 1]).bytes(),
            Err(Malformed)
        );
        assert_eq!(PacketReader::new(b"abc").nul(), Err(Malformed));
        assert_eq!(PacketReader::new(b"abc").nul_or_rest(), b"abc");
    }
}
