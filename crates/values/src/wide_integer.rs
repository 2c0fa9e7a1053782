//! Unsigned 512-bit integers on the stack: what decimal arithmetic needs between 128 bits and
//! the longest product of two 65-digit numbers.

use std::cmp::Ordering;

const LIMBS: usize = 8;

/// A 512-bit unsigned integer, least significant limb first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wide(pub [u64; LIMBS]);

impl Wide {
    pub const ZERO: Wide = Wide([0; LIMBS]);

    pub fn from_u128(v: u128) -> Wide {
        let mut w = Wide::ZERO;
        w.0[0] = v as u64;
        w.0[1] = (v >> 64) as u64;
        w
    }

    pub fn is_zero(&self) -> bool {
        self.0 == [0; LIMBS]
    }

    pub fn to_u128(self) -> Option<u128> {
        if self.0[2..].iter().any(|l| *l != 0) {
            return None;
        }
        Some(u128::from(self.0[0]) | u128::from(self.0[1]) << 64)
    }

    fn used(&self) -> usize {
        LIMBS - self.0.iter().rev().take_while(|l| **l == 0).count()
    }

    pub fn bits(&self) -> u32 {
        match self.used() {
            0 => 0,
            n => n as u32 * 64 - self.0[n - 1].leading_zeros(),
        }
    }

    /// `self * m + a`; `None` on overflow.
    pub fn mul_add(&self, m: u64, a: u64) -> Option<Wide> {
        let mut out = *self;
        let mut carry = u128::from(a);
        for limb in &mut out.0 {
            let t = u128::from(*limb) * u128::from(m) + carry;
            *limb = t as u64;
            carry = t >> 64;
        }
        (carry == 0).then_some(out)
    }

    /// `self * 10^n`; `None` on overflow.
    pub fn mul_pow10(&self, mut n: u32) -> Option<Wide> {
        let mut out = *self;
        if out.is_zero() {
            return Some(out);
        }
        while n > 0 {
            let step = n.min(19);
            out = out.mul_add(10u64.pow(step), 0)?;
            n -= step;
        }
        Some(out)
    }

    /// Quotient and remainder by a small divisor, which is not zero.
    pub fn div_small(&self, d: u64) -> (Wide, u64) {
        let mut out = *self;
        let mut rest = 0u128;
        for limb in out.0.iter_mut().rev() {
            let t = rest << 64 | u128::from(*limb);
            *limb = (t / u128::from(d)) as u64;
            rest = t % u128::from(d);
        }
        (out, rest as u64)
    }

    pub fn add(&self, other: &Wide) -> Option<Wide> {
        let mut out = *self;
        let mut carry = false;
        for (a, b) in out.0.iter_mut().zip(other.0) {
            let (t, c1) = a.overflowing_add(b);
            let (t, c2) = t.overflowing_add(u64::from(carry));
            *a = t;
            carry = c1 || c2;
        }
        (!carry).then_some(out)
    }

    /// `self - other`; `self` must not be less.
    pub fn sub(&self, other: &Wide) -> Wide {
        debug_assert!(self.compare(other) != Ordering::Less);
        let mut out = *self;
        let mut borrow = false;
        for (a, b) in out.0.iter_mut().zip(other.0) {
            let (t, c1) = a.overflowing_sub(b);
            let (t, c2) = t.overflowing_sub(u64::from(borrow));
            *a = t;
            borrow = c1 || c2;
        }
        out
    }

    pub fn compare(&self, other: &Wide) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }

    pub fn mul(&self, other: &Wide) -> Option<Wide> {
        let (n, m) = (self.used(), other.used());
        let mut out = [0u64; LIMBS * 2];
        for i in 0..n {
            let mut carry = 0u128;
            for j in 0..m {
                let t =
                    u128::from(self.0[i]) * u128::from(other.0[j]) + u128::from(out[i + j]) + carry;
                out[i + j] = t as u64;
                carry = t >> 64;
            }
            out[i + m] = carry as u64;
        }
        let (low, high) = out.split_at(LIMBS);
        if high.iter().any(|l| *l != 0) {
            return None;
        }
        let mut w = Wide::ZERO;
        w.0.copy_from_slice(low);
        Some(w)
    }

    fn digits32(&self) -> [u32; LIMBS * 2] {
        let mut d = [0; LIMBS * 2];
        for (i, l) in self.0.iter().enumerate() {
            d[2 * i] = *l as u32;
            d[2 * i + 1] = (*l >> 32) as u32;
        }
        d
    }

    fn from_digits32(d: &[u32]) -> Wide {
        let mut w = Wide::ZERO;
        for (i, x) in d.iter().enumerate() {
            w.0[i / 2] |= u64::from(*x) << (32 * (i % 2));
        }
        w
    }

    /// Quotient and remainder; `None` when the divisor is zero. Long division in base 2^32.
    pub fn div_rem(&self, divisor: &Wide) -> Option<(Wide, Wide)> {
        if divisor.is_zero() {
            return None;
        }
        if self.compare(divisor) == Ordering::Less {
            return Some((Wide::ZERO, *self));
        }
        if divisor.used() == 1 {
            let (q, r) = self.div_small(divisor.0[0]);
            return Some((q, Wide::from_u128(u128::from(r))));
        }
        let v = divisor.digits32();
        let n = v.len() - v.iter().rev().take_while(|d| **d == 0).count();
        let shift = v[n - 1].leading_zeros();
        let u = self.digits32();
        let m = u.len() - u.iter().rev().take_while(|d| **d == 0).count();
        let mut vn = [0u32; LIMBS * 2];
        let mut un = [0u32; LIMBS * 2 + 1];
        for i in 0..n {
            let low = if i > 0 { u64::from(v[i - 1]) } else { 0 };
            vn[i] = (((u64::from(v[i]) << 32 | low) << shift) >> 32) as u32;
        }
        for i in 0..=m {
            let high = if i < m { u64::from(u[i]) } else { 0 };
            let low = if i > 0 { u64::from(u[i - 1]) } else { 0 };
            un[i] = (((high << 32 | low) << shift) >> 32) as u32;
        }
        let mut q = [0u32; LIMBS * 2];
        let base = 1u64 << 32;
        for j in (0..=m - n).rev() {
            let top = u64::from(un[j + n]) << 32 | u64::from(un[j + n - 1]);
            let mut qhat = top / u64::from(vn[n - 1]);
            let mut rhat = top % u64::from(vn[n - 1]);
            while qhat >= base
                || qhat * u64::from(vn[n - 2]) > (rhat << 32 | u64::from(un[j + n - 2]))
            {
                qhat -= 1;
                rhat += u64::from(vn[n - 1]);
                if rhat >= base {
                    break;
                }
            }
            let mut borrow = 0i64;
            let mut carry = 0u64;
            for i in 0..n {
                let p = qhat * u64::from(vn[i]) + carry;
                carry = p >> 32;
                let t = i64::from(un[i + j]) - borrow - (p & 0xffff_ffff) as i64;
                un[i + j] = t as u32;
                borrow = i64::from(t < 0);
            }
            let t = i64::from(un[j + n]) - borrow - carry as i64;
            un[j + n] = t as u32;
            if t < 0 {
                qhat -= 1;
                let mut carry = 0u64;
                for i in 0..n {
                    let t = u64::from(un[i + j]) + u64::from(vn[i]) + carry;
                    un[i + j] = t as u32;
                    carry = t >> 32;
                }
                un[j + n] = (u64::from(un[j + n]) + carry) as u32;
            }
            q[j] = qhat as u32;
        }
        let mut r = [0u32; LIMBS * 2];
        for i in 0..n {
            r[i] = ((u64::from(un[i + 1]) << 32 | u64::from(un[i])) >> shift) as u32;
        }
        Some((Wide::from_digits32(&q), Wide::from_digits32(&r)))
    }

    /// Number of decimal digits; 0 for zero.
    pub fn digits(&self) -> u32 {
        let mut w = *self;
        let mut n = 0;
        while w.used() > 1 {
            w = w.div_small(10_000_000_000_000_000_000).0;
            n += 19;
        }
        match w.0[0] {
            0 => n,
            v => n + v.ilog10() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_undoes_multiplication() {
        let mut seed = 7u64;
        let mut next = || {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            match seed >> 61 {
                0 => 0,
                1 => u64::MAX,
                _ => seed ^ seed >> 31,
            }
        };
        for round in 0..20000 {
            let mut a = Wide::ZERO;
            let mut b = Wide::ZERO;
            for i in 0..1 + round % 4 {
                a.0[i] = next();
            }
            for i in 0..1 + round / 4 % 4 {
                b.0[i] = next();
            }
            let (small, rest) = if b.is_zero() {
                continue;
            } else {
                a.div_rem(&b).unwrap()
            };
            assert!(rest.compare(&b) == Ordering::Less);
            assert_eq!(small.mul(&b).unwrap().add(&rest).unwrap(), a);
        }
    }
}
