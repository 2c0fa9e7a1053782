//! Cells of spatial indexes (spec 02 §13).

use crate::{ModelError, Result};

/// Deepest nesting of collections that is read.
const MAX_NESTING: usize = 32;

struct Bounds {
    min: (f64, f64),
    max: (f64, f64),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let end = self.at + N;
        let taken = self.bytes.get(self.at..end).and_then(|b| b.try_into().ok());
        self.at = end;
        taken.ok_or_else(|| ModelError::corrupt("geometry", "it ends early"))
    }

    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn body(&mut self, kind: u32, bounds: &mut Bounds, depth: usize) -> Result<()> {
        if depth > MAX_NESTING {
            return Err(ModelError::corrupt("geometry", "it nests too deep"));
        }
        match kind {
            1 => {
                let x = f64::from_le_bytes(self.take()?);
                let y = f64::from_le_bytes(self.take()?);
                bounds.min = (bounds.min.0.min(x), bounds.min.1.min(y));
                bounds.max = (bounds.max.0.max(x), bounds.max.1.max(y));
                Ok(())
            }
            2 | 3 => {
                for _ in 0..self.u32()? {
                    self.body(kind - 1, bounds, depth + 1)?;
                }
                Ok(())
            }
            4..=7 => {
                for _ in 0..self.u32()? {
                    let [_order] = self.take()?;
                    let kind = self.u32()?;
                    self.body(kind, bounds, depth + 1)?;
                }
                Ok(())
            }
            n => Err(ModelError::corrupt("geometry", format!("unknown kind {n}"))),
        }
    }
}

fn lexical(f: f64) -> u64 {
    let bits = f.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits ^ 1 << 63
    }
}

fn interleave(x: u32, y: u32) -> u64 {
    let spread = |v: u32| (0..32).fold(0u64, |out, i| out | u64::from(v >> i & 1) << (2 * i));
    spread(x) | spread(y) << 1
}

fn z_value(x: f64, y: f64) -> [u64; 2] {
    let (x, y) = (lexical(x), lexical(y));
    [
        interleave((x >> 32) as u32, (y >> 32) as u32),
        interleave(x as u32, y as u32),
    ]
}

/// The cell of a geometry in EWKB: the smallest aligned square of the Z-order curve that holds it.
pub fn spatial_cell(ewkb: &[u8]) -> Result<[u8; 17]> {
    let mut r = Reader { bytes: ewkb, at: 5 };
    let kind = r.u32()?;
    let mut bounds = Bounds {
        min: (f64::INFINITY, f64::INFINITY),
        max: (f64::NEG_INFINITY, f64::NEG_INFINITY),
    };
    r.body(kind, &mut bounds, 0)?;
    let low = z_value(bounds.min.0, bounds.min.1);
    let high = z_value(bounds.max.0, bounds.max.1);
    let half = |a: u64, b: u64| (64 - (a ^ b).leading_zeros()).div_ceil(2);
    let level = if low[0] != high[0] {
        half(low[0], high[0]) + 32
    } else {
        half(low[1], high[1])
    };
    let z = u128::from(low[0]) << 64 | u128::from(low[1]);
    let cleared = match 2 * level {
        128.. => 0,
        n => z >> n << n,
    };
    let mut cell = [level as u8; 17];
    cell[1..].copy_from_slice(&cleared.to_be_bytes());
    Ok(cell)
}
