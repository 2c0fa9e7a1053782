//! DECIMAL: exact numbers of up to 65 digits with a scale that is kept.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::wide_integer::Wide;

/// Most digits of a DECIMAL.
pub const MAX_DIGITS: u32 = 65;
/// Most digits after the point of a DECIMAL column and of results of arithmetic.
pub const MAX_SCALE: u8 = 30;

/// A decimal number: a coefficient and how many of its digits follow the point.
///
/// Coefficients of up to 38 digits live in place; longer ones are boxed.
#[derive(Clone)]
pub struct Decimal(Repr);

#[derive(Clone)]
enum Repr {
    // Two halves instead of an i128 keep the alignment of every value at 8 bytes.
    Small {
        scale: u8,
        low: u64,
        high: i64,
    },
    Big {
        scale: u8,
        negative: bool,
        magnitude: Box<[u64; 4]>,
    },
}

const fn pow10_table() -> [i128; 39] {
    let mut t = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        t[i] = t[i - 1] * 10;
        i += 1;
    }
    t
}
static POW10: [i128; 39] = pow10_table();

fn pow10(n: u32) -> Option<i128> {
    POW10.get(n as usize).copied()
}

impl Decimal {
    /// Zero without digits after the point.
    pub const ZERO: Decimal = Decimal(Repr::Small {
        scale: 0,
        low: 0,
        high: 0,
    });

    /// `coefficient / 10^scale`.
    pub fn new(coefficient: i128, scale: u8) -> Decimal {
        Decimal(Repr::Small {
            scale,
            low: coefficient as u64,
            high: (coefficient >> 64) as i64,
        })
    }

    /// Digits after the point.
    pub fn scale(&self) -> u8 {
        match self.0 {
            Repr::Small { scale, .. } | Repr::Big { scale, .. } => scale,
        }
    }

    #[inline]
    fn small(&self) -> Option<i128> {
        match self.0 {
            Repr::Small { low, high, .. } => Some(i128::from(high) << 64 | i128::from(low)),
            Repr::Big { .. } => None,
        }
    }

    fn wide(&self) -> (bool, Wide) {
        match &self.0 {
            Repr::Small { .. } => {
                let c = self.small().unwrap_or(0);
                (c < 0, Wide::from_u128(c.unsigned_abs()))
            }
            Repr::Big {
                negative,
                magnitude,
                ..
            } => {
                let mut w = Wide::ZERO;
                w.0[..4].copy_from_slice(&magnitude[..]);
                (*negative, w)
            }
        }
    }

    fn from_wide(negative: bool, w: Wide, scale: u8) -> Option<Decimal> {
        if let Some(c) = w.to_u128().and_then(|c| i128::try_from(c).ok()) {
            return Some(Decimal::new(if negative { -c } else { c }, scale));
        }
        if w.bits() > 256 {
            return None;
        }
        let mut magnitude = Box::new([0; 4]);
        magnitude.copy_from_slice(&w.0[..4]);
        Some(Decimal(Repr::Big {
            scale,
            negative,
            magnitude,
        }))
    }

    /// A result of arithmetic: no more than 30 digits after the point and 65 before it, and the
    /// fraction gives way when both do not fit.
    fn result(negative: bool, w: Wide, scale: u32) -> Option<Decimal> {
        let digits = w.digits();
        if digits.saturating_sub(scale) > MAX_DIGITS {
            return None;
        }
        let spare = scale.saturating_sub(u32::from(MAX_SCALE));
        let cut = spare.max(digits.saturating_sub(75)).min(scale);
        let w = divide_rounding(&w, cut);
        Decimal::from_wide(negative, w, (scale - cut) as u8)
    }

    /// Whether the value is zero.
    pub fn is_zero(&self) -> bool {
        self.small() == Some(0)
    }

    /// Whether the value is less than zero.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small { high, .. } => *high < 0,
            Repr::Big { negative, .. } => *negative,
        }
    }

    /// Digits before the point, without leading zeros.
    pub fn integer_digits(&self) -> u32 {
        let (_, w) = self.wide();
        w.digits().saturating_sub(u32::from(self.scale()))
    }

    /// Sum; `None` when it has more than 65 digits before the point.
    pub fn add(&self, other: &Decimal) -> Option<Decimal> {
        let scale = self.scale().max(other.scale());
        if let (Some(a), Some(b)) = (self.small_at(scale), other.small_at(scale))
            && let Some(c) = a.checked_add(b)
        {
            return Some(Decimal::new(c, scale));
        }
        let (na, a) = self.wide_at(scale)?;
        let (nb, b) = other.wide_at(scale)?;
        let (negative, w) = if na == nb {
            (na, a.add(&b)?)
        } else if a.compare(&b) == Ordering::Less {
            (nb, b.sub(&a))
        } else {
            (na, a.sub(&b))
        };
        Decimal::result(negative && !w.is_zero(), w, u32::from(scale))
    }

    fn small_at(&self, scale: u8) -> Option<i128> {
        let c = self.small()?;
        match scale - self.scale() {
            0 => Some(c),
            n => c.checked_mul(pow10(n.into())?),
        }
    }

    fn wide_at(&self, scale: u8) -> Option<(bool, Wide)> {
        let (n, w) = self.wide();
        Some((n, w.mul_pow10(u32::from(scale - self.scale()))?))
    }

    /// Difference; `None` when it has more than 65 digits before the point.
    pub fn sub(&self, other: &Decimal) -> Option<Decimal> {
        self.add(&other.neg())
    }

    /// The same magnitude with the other sign.
    pub fn neg(&self) -> Decimal {
        match (&self.0, self.small()) {
            (_, Some(c)) if c != i128::MIN => Decimal::new(-c, self.scale()),
            _ => {
                let (n, w) = self.wide();
                Decimal::from_wide(!n, w, self.scale()).unwrap_or_else(|| self.clone())
            }
        }
    }

    /// The value without its sign.
    pub fn abs(&self) -> Decimal {
        if self.is_negative() {
            self.neg()
        } else {
            self.clone()
        }
    }

    /// Product, with the digits after the point of both, at most 30 (rounded).
    pub fn mul(&self, other: &Decimal) -> Option<Decimal> {
        let scale = u32::from(self.scale()) + u32::from(other.scale());
        if scale <= u32::from(MAX_SCALE)
            && let (Some(a), Some(b)) = (self.small(), other.small())
            && let Some(c) = a.checked_mul(b)
        {
            return Some(Decimal::new(c, scale as u8));
        }
        let (na, a) = self.wide();
        let (nb, b) = other.wide();
        let w = a.mul(&b)?;
        Decimal::result(na != nb && !w.is_zero(), w, scale)
    }

    /// Quotient with `increment` more digits after the point than the dividend, as
    /// `div_precision_increment` asks; `None` for division by zero and for overflow.
    pub fn div(&self, other: &Decimal, increment: u8) -> Option<Decimal> {
        let scale = self.scale().saturating_add(increment).min(MAX_SCALE);
        self.div_to_scale(other, scale.max(self.scale().min(MAX_SCALE)))
    }

    /// Quotient rounded to `scale` digits after the point; `None` for division by zero.
    pub fn div_to_scale(&self, other: &Decimal, scale: u8) -> Option<Decimal> {
        self.quotient(other, scale, true)
    }

    fn quotient(&self, other: &Decimal, scale: u8, rounded: bool) -> Option<Decimal> {
        if other.is_zero() {
            return None;
        }
        // a/10^sa / (b/10^sb) * 10^scale = a * 10^(scale + sb - sa) / b
        let exponent = i32::from(scale) + i32::from(other.scale()) - i32::from(self.scale());
        let up = exponent.max(0) as u32;
        let down = (-exponent).max(0) as u32;
        if let (Some(a), Some(b)) = (self.small(), other.small())
            && let (Some(pa), Some(pb)) = (pow10(up), pow10(down))
            && let (Some(a), Some(b)) = (a.checked_mul(pa), b.checked_mul(pb))
            && b != i128::MIN
        {
            let (q, r) = (a / b, a % b);
            let round = rounded && r.unsigned_abs() >= b.unsigned_abs() - r.unsigned_abs();
            let away = if (a < 0) == (b < 0) { 1 } else { -1 };
            return Some(Decimal::new(if round { q + away } else { q }, scale));
        }
        let (na, a) = self.wide();
        let (nb, b) = other.wide();
        let (q, r) = a.mul_pow10(up)?.div_rem(&b.mul_pow10(down)?)?;
        let b = b.mul_pow10(down)?;
        let w = if !rounded || r.compare(&b.sub(&r)) == Ordering::Less {
            q
        } else {
            q.add(&Wide::from_u128(1))?
        };
        Decimal::result(na != nb && !w.is_zero(), w, u32::from(scale))
    }

    /// Quotient as MySQL computes it before it is shown: at least `increment` more digits after the
    /// point than the dividend, in whole groups of nine of each operand, cut off. `None` for
    /// division by zero.
    pub fn div_in_groups(&self, other: &Decimal, increment: u8) -> Option<Decimal> {
        let group = |n: u32| n.div_ceil(9) * 9;
        let (a, b) = (u32::from(self.scale()), u32::from(other.scale()));
        let spare = group(a) - a + group(b) - b;
        let extra = u32::from(increment).saturating_sub(spare);
        let scale = group(group(a) + group(b) + extra).min(MAX_SCALE.into()) as u8;
        // Where there is no room for so many digits, there are fewer.
        [
            scale,
            scale.saturating_sub(9),
            scale.saturating_sub(18),
            self.scale(),
        ]
        .into_iter()
        .find_map(|scale| self.quotient(other, scale, false))
    }

    /// Remainder with the sign of the dividend; `None` for division by zero.
    pub fn rem(&self, other: &Decimal) -> Option<Decimal> {
        if other.is_zero() {
            return None;
        }
        let scale = self.scale().max(other.scale());
        if let (Some(a), Some(b)) = (self.small_at(scale), other.small_at(scale))
            && let Some(r) = a.checked_rem(b)
        {
            return Some(Decimal::new(r, scale));
        }
        let (negative, a) = self.wide_at(scale)?;
        let (_, b) = other.wide_at(scale)?;
        let (_, r) = a.div_rem(&b)?;
        Decimal::result(negative && !r.is_zero(), r, u32::from(scale))
    }

    /// Quotient without its fraction (`DIV`); `None` for division by zero.
    pub fn div_integer(&self, other: &Decimal) -> Option<Decimal> {
        let r = self.rem(other)?;
        let q = self.sub(&r)?.div_to_scale(other, 0)?;
        Some(q)
    }

    /// The value with exactly `scale` digits after the point, rounded half away from zero.
    pub fn with_scale(&self, scale: u8) -> Option<Decimal> {
        let have = self.scale();
        if scale == have {
            return Some(self.clone());
        }
        if scale > have {
            if let Some(c) = self.small_at(scale) {
                return Some(Decimal::new(c, scale));
            }
            let (n, w) = self.wide_at(scale)?;
            return Decimal::from_wide(n, w, scale);
        }
        let cut = u32::from(have - scale);
        if let (Some(c), Some(p)) = (self.small(), pow10(cut)) {
            let (q, r) = (c / p, c % p);
            let away = if r.abs() * 2 >= p { c.signum() } else { 0 };
            return Some(Decimal::new(q + away, scale));
        }
        let (n, w) = self.wide();
        let w = divide_rounding(&w, cut);
        Decimal::from_wide(n && !w.is_zero(), w, scale)
    }

    /// ROUND(x, places): half away from zero; negative places clear digits before the point.
    pub fn round(&self, places: i32) -> Option<Decimal> {
        self.cut_at(places, true)
    }

    /// TRUNCATE(x, places).
    pub fn truncate(&self, places: i32) -> Option<Decimal> {
        self.cut_at(places, false)
    }

    fn cut_at(&self, places: i32, rounding: bool) -> Option<Decimal> {
        if places >= i32::from(self.scale()) {
            return Some(self.clone());
        }
        let cut = i32::from(self.scale()).saturating_sub(places).min(200) as u32;
        let (n, w) = self.wide();
        let w = if rounding {
            divide_rounding(&w, cut)
        } else {
            divide_truncating(&w, cut).0
        };
        let (w, scale) = match u8::try_from(places) {
            Ok(s) => (w, s),
            Err(_) if w.is_zero() => (w, 0),
            Err(_) => (w.mul_pow10(places.unsigned_abs())?, 0),
        };
        let d = Decimal::from_wide(n && !w.is_zero(), w, scale)?;
        (d.integer_digits() <= MAX_DIGITS).then_some(d)
    }

    /// Greatest integer that is not greater.
    pub fn floor(&self) -> Option<Decimal> {
        let t = self.truncate(0)?;
        if self.is_negative() && t.compare(self) != Ordering::Equal {
            return t.sub(&Decimal::from(1i64));
        }
        Some(t)
    }

    /// Least integer that is not less.
    pub fn ceil(&self) -> Option<Decimal> {
        self.neg().floor().map(|d| d.neg())
    }

    /// Numeric order; the scale does not matter.
    pub fn compare(&self, other: &Decimal) -> Ordering {
        let scale = self.scale().max(other.scale());
        if let (Some(a), Some(b)) = (self.small_at(scale), other.small_at(scale)) {
            return a.cmp(&b);
        }
        match (self.is_negative(), other.is_negative()) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            _ => {}
        }
        let order = match (self.wide_at(scale), other.wide_at(scale)) {
            (Some((_, a)), Some((_, b))) => a.compare(&b),
            // Only one that overflows 512 bits is the greater in magnitude.
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
        };
        if self.is_negative() {
            order.reverse()
        } else {
            order
        }
    }

    /// Reads the longest number at the start of `text`: `[+-]digits[.digits][e[+-]digits]`.
    /// Gives the number and how many bytes it took; `None` when there is no digit.
    ///
    /// Values of more than 65 digits before the point become the greatest DECIMAL; digits after
    /// the point that do not fit are rounded away.
    pub fn parse_prefix(text: &[u8]) -> Option<(Decimal, usize)> {
        let mut at = 0;
        let negative = match text.first() {
            Some(b'-') => {
                at = 1;
                true
            }
            Some(b'+') => {
                at = 1;
                false
            }
            _ => false,
        };
        let mut w = Wide::ZERO;
        let mut small = 0u64;
        let mut pending = 0u32;
        // Digits kept, digits after the point among them, digits before the point left out.
        let (mut kept, mut fraction, mut dropped) = (0u32, 0i64, 0i64);
        let mut any = false;
        let mut point = false;
        while let Some(&b) = text.get(at) {
            match b {
                b'0'..=b'9' => {
                    any = true;
                    if kept < 150 {
                        small = small * 10 + u64::from(b - b'0');
                        pending += 1;
                        if kept > 0 || b != b'0' {
                            kept += 1;
                        }
                        if point {
                            fraction += 1;
                        }
                        if pending == 19 {
                            w = w.mul_add(10u64.pow(pending), small)?;
                            (small, pending) = (0, 0);
                        }
                    } else {
                        if !point {
                            dropped += 1;
                        }
                    }
                }
                b'.' if !point => point = true,
                _ => break,
            }
            at += 1;
        }
        if !any {
            return None;
        }
        w = w.mul_add(10u64.pow(pending), small)?;
        let mut exponent = dropped - fraction;
        if matches!(text.get(at), Some(b'e' | b'E')) {
            let (sign, start) = match text.get(at + 1) {
                Some(b'-') => (-1, at + 2),
                Some(b'+') => (1, at + 2),
                _ => (1, at + 1),
            };
            let digits = text[start.min(text.len())..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            if digits > 0 {
                let e = text[start..start + digits]
                    .iter()
                    .fold(0i64, |e, b| (e * 10 + i64::from(b - b'0')).min(1_000_000));
                exponent += sign * e;
                at = start + digits;
            }
        }
        Some((Decimal::from_exponent(negative, w, exponent), at))
    }

    /// `w * 10^exponent`, brought into range.
    fn from_exponent(negative: bool, w: Wide, exponent: i64) -> Decimal {
        if w.is_zero() {
            return Decimal::new(
                0,
                exponent.clamp(-i64::from(MAX_SCALE), 0).unsigned_abs() as u8,
            );
        }
        if i64::from(w.digits()) + exponent > i64::from(MAX_DIGITS) {
            return Decimal::max_value(negative, 65, 0);
        }
        if exponent >= 0 {
            return w
                .mul_pow10(exponent as u32)
                .and_then(|w| Decimal::from_wide(negative, w, 0))
                .unwrap_or_else(|| Decimal::max_value(negative, 65, 0));
        }
        let scale = exponent.unsigned_abs().min(10_000) as u32;
        let keep = scale
            .min(MAX_SCALE.into())
            .min(75u32.saturating_sub(w.digits().saturating_sub(scale)));
        let w = divide_rounding(&w, scale - keep);
        Decimal::from_wide(negative && !w.is_zero(), w, keep as u8)
            .unwrap_or_else(|| Decimal::max_value(negative, 65, 0))
    }

    /// Reads a whole text.
    pub fn parse(text: &str) -> Option<Decimal> {
        let text = text.trim().as_bytes();
        let (d, n) = Decimal::parse_prefix(text)?;
        (n == text.len()).then_some(d)
    }

    /// The greatest (or least) DECIMAL(precision, scale).
    pub fn max_value(negative: bool, precision: u8, scale: u8) -> Decimal {
        let w = Wide::from_u128(1)
            .mul_pow10(precision.min(65).into())
            .expect("10^65 is less than 2^512")
            .sub(&Wide::from_u128(1));
        Decimal::from_wide(negative, w, scale).expect("65 digits are less than 2^256")
    }

    /// Whether the value fits DECIMAL(precision, scale) after rounding to its scale.
    pub fn fits(&self, precision: u8, scale: u8) -> bool {
        self.integer_digits() <= u32::from(precision.saturating_sub(scale))
    }

    /// The decimal with the digits of the shortest text of `v`; `None` for NaN and infinities.
    pub fn from_f64(v: f64) -> Option<Decimal> {
        if !v.is_finite() {
            return None;
        }
        let text = format!("{v:e}");
        Decimal::parse_prefix(text.as_bytes()).map(|(d, _)| d)
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        if let Some(c) = self.small()
            && c.unsigned_abs() < 1 << 53
            && self.scale() <= 22
        {
            return c as f64 / POW10[usize::from(self.scale())] as f64;
        }
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The nearest integer; `None` when it is out of range.
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(self.to_i128()?).ok()
    }

    /// The nearest integer; `None` when it is out of range.
    pub fn to_u64(&self) -> Option<u64> {
        u64::try_from(self.to_i128()?).ok()
    }

    /// The nearest integer; `None` when it is out of range.
    pub fn to_i128(&self) -> Option<i128> {
        self.with_scale(0)?.small()
    }

    /// The integer part and the fraction in billionths (with the sign), as times need them.
    pub fn split_nanos(&self) -> Option<(i64, i32)> {
        let nanos = self.with_scale(9)?.small()?;
        Some((
            i64::try_from(nanos / 1_000_000_000).ok()?,
            (nanos % 1_000_000_000) as i32,
        ))
    }

    /// Appends the text with all digits of the scale.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        let scale = usize::from(self.scale());
        if self.is_negative() {
            out.push(b'-');
        }
        let mut buffer = [b'0'; 256];
        let mut at = buffer.len();
        match self.small().map(i128::unsigned_abs) {
            Some(mut c) => {
                while c > u128::from(u64::MAX) {
                    let (q, r) = (
                        c / 10_000_000_000_000_000_000,
                        c % 10_000_000_000_000_000_000,
                    );
                    at = write_digits(&mut buffer, at, r as u64, 19);
                    c = q;
                }
                at = write_digits(&mut buffer, at, c as u64, 0);
            }
            None => {
                let (_, mut w) = self.wide();
                while !w.is_zero() {
                    let (q, r) = w.div_small(10_000_000_000_000_000_000);
                    at = write_digits(&mut buffer, at, r, if q.is_zero() { 0 } else { 19 });
                    w = q;
                }
            }
        }
        // Scales beyond the buffer occur only in malformed data.
        let scale = scale.min(250);
        at = at.min(buffer.len() - scale - 1);
        let digits = &buffer[at..];
        let (integer, fraction) = digits.split_at(digits.len() - scale);
        out.extend_from_slice(integer);
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }

    /// Reads encoding 130 (spec 02 §5). NaN and infinities, which SQL cannot make, are refused.
    pub fn from_stored(bytes: &[u8]) -> Option<Decimal> {
        let exponent = i32::from_le_bytes(*bytes.first_chunk()?);
        let sign = bytes.get(4)?.cast_signed();
        let magnitude = &bytes[5..];
        let skip = magnitude.iter().take_while(|b| **b == 0).count();
        let magnitude = &magnitude[skip..];
        if magnitude.len() > 32 {
            return None;
        }
        let mut w = Wide::ZERO;
        for (i, b) in magnitude.iter().rev().enumerate() {
            w.0[i / 8] |= u64::from(*b) << (8 * (i % 8));
        }
        let (w, scale) = if exponent > 0 {
            (
                w.mul_pow10(u32::try_from(exponent).ok().filter(|e| *e < 154)?)?,
                0,
            )
        } else {
            (w, u8::try_from(exponent.checked_neg()?).ok()?)
        };
        Decimal::from_wide(sign < 0 && !w.is_zero(), w, scale)
    }

    /// Appends encoding 130 (spec 02 §5).
    pub fn write_stored(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(-i32::from(self.scale())).to_le_bytes());
        let (negative, w) = self.wide();
        if w.is_zero() {
            out.push(0);
            return;
        }
        out.push(if negative { 0xff } else { 1 });
        for limb in w.0.iter().rev().skip_while(|l| **l == 0) {
            out.extend_from_slice(&limb.to_be_bytes());
        }
    }
}

fn write_digits(buffer: &mut [u8], mut at: usize, mut v: u64, width: usize) -> usize {
    let end = at;
    while v > 0 || end - at < width {
        at -= 1;
        buffer[at] = b'0' + (v % 10) as u8;
        v /= 10;
    }
    at
}

fn divide_truncating(w: &Wide, mut n: u32) -> (Wide, bool) {
    let mut w = *w;
    let mut half = false;
    while n > 0 && !w.is_zero() {
        let step = n.min(19);
        let p = 10u64.pow(step);
        let (q, r) = w.div_small(p);
        half = r >= p / 2;
        w = q;
        n -= step;
    }
    (w, half && n == 0)
}

/// `w / 10^n`, rounded half up.
fn divide_rounding(w: &Wide, n: u32) -> Wide {
    if n == 0 {
        return *w;
    }
    let (q, half) = divide_truncating(w, n);
    if half {
        q.mul_add(1, 1).unwrap_or(q)
    } else {
        q
    }
}

/// Order of two fields of encoding 130; NaN is greatest.
pub(crate) fn compare_stored(a: &[u8], b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let rank = |x: &[u8]| match (x.len(), x.first_chunk().map(|b| i32::from_le_bytes(*b))) {
        (4, Some(0xC000)) => 2,
        (4, Some(0xD000)) => 1,
        (4, Some(0xF000)) => -1,
        _ => 0,
    };
    match (rank(a), rank(b)) {
        (0, 0) => {}
        (x, y) => return x.cmp(&y),
    }
    match (Decimal::from_stored(a), Decimal::from_stored(b)) {
        (Some(x), Some(y)) => x.compare(&y),
        _ => a.cmp(b),
    }
}

impl From<i64> for Decimal {
    fn from(v: i64) -> Decimal {
        Decimal::new(v.into(), 0)
    }
}

impl From<u64> for Decimal {
    fn from(v: u64) -> Decimal {
        Decimal::new(v.into(), 0)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::with_capacity(40);
        self.write_text(&mut out);
        f.write_str(std::str::from_utf8(&out).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.compare(other) == Ordering::Equal
    }
}
impl Eq for Decimal {}
impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        self.compare(other)
    }
}
impl Hash for Decimal {
    /// Equal numbers hash alike, whatever their scale.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut text = Vec::with_capacity(40);
        self.write_text(&mut text);
        let mut text = &text[..];
        if self.scale() > 0 {
            while let [rest @ .., b'0'] = text {
                text = rest;
            }
            if let [rest @ .., b'.'] = text {
                text = rest;
            }
        }
        text.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(s: &str) -> Decimal {
        Decimal::parse(s).unwrap_or_else(|| panic!("{s}"))
    }

    #[test]
    fn text_round_trip() {
        for s in [
            "0",
            "0.00",
            "-1.50",
            "123456789012345678901234567890.5",
            "-0.000001",
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "12345678901234567890123456789012345678901234567890123456789012345",
            "18446744073709551616",
            "10000000000000000000",
            "100000000000000000000000000000000000000",
        ] {
            assert_eq!(d(s).to_string(), s);
        }
        assert_eq!(d(".5").to_string(), "0.5");
        assert_eq!(d("5.").to_string(), "5");
        assert_eq!(d("1.5e3").to_string(), "1500");
        assert_eq!(d("1.5e-3").to_string(), "0.0015");
        assert_eq!(d("1e-40").to_string(), "0.000000000000000000000000000000");
        assert_eq!(d("1e70"), Decimal::max_value(false, 65, 0));
        assert_eq!(
            Decimal::parse_prefix(b"12abc").unwrap(),
            (Decimal::new(12, 0), 2)
        );
        assert_eq!(Decimal::parse_prefix(b"1e").unwrap().1, 1);
        assert!(Decimal::parse_prefix(b"-.").is_none());
    }

    #[test]
    fn arithmetic() {
        assert_eq!(d("1.10").add(&d("2.205")).unwrap().to_string(), "3.305");
        assert_eq!(d("1").sub(&d("1.00")).unwrap().to_string(), "0.00");
        assert_eq!(d("1.10").mul(&d("-2.5")).unwrap().to_string(), "-2.750");
        assert_eq!(d("1").div(&d("3"), 4).unwrap().to_string(), "0.3333");
        assert_eq!(d("2").div(&d("3"), 4).unwrap().to_string(), "0.6667");
        assert_eq!(d("-2").div(&d("3"), 4).unwrap().to_string(), "-0.6667");
        assert!(d("2").div(&d("0"), 4).is_none());
        let exact = |a: &str, b: &str| d(a).div_in_groups(&d(b), 4).unwrap().to_string();
        assert_eq!(exact("5.2", "3.1"), "1.677419354838709677");
        assert_eq!(exact("-2", "3"), "-0.666666666");
        assert_eq!(exact("1", "3.000000"), "0.333333333333333333");
        assert!(d("2").div_in_groups(&d("0"), 4).is_none());
        assert_eq!(d("-7.5").rem(&d("2")).unwrap().to_string(), "-1.5");
        assert_eq!(d("7").div_integer(&d("-2")).unwrap().to_string(), "-3");
        let big = d("99999999999999999999999999999999999999999999999999999999999999999");
        assert!(big.add(&d("1")).is_none());
        assert_eq!(
            big.sub(&d("1")).unwrap().to_string(),
            "99999999999999999999999999999999999999999999999999999999999999998"
        );
        assert!(big.mul(&d("2")).is_none());
        assert_eq!(
            big.div(&d("3"), 4).unwrap().to_string(),
            "33333333333333333333333333333333333333333333333333333333333333333.0000"
        );
        assert_eq!(big.rem(&d("1000.7")).unwrap().to_string(), {
            // 10^65 - 1 mod 1000.7, from (10^66 - 10) mod 10007
            let mut r = 0u64;
            for _ in 0..65 {
                r = (r * 10 + 9) % 10007;
            }
            let r = r * 10 % 10007;
            format!("{}.{}", r / 10, r % 10)
        });
    }

    #[test]
    fn rounding() {
        assert_eq!(d("2.5").round(0).unwrap().to_string(), "3");
        assert_eq!(d("-2.5").round(0).unwrap().to_string(), "-3");
        assert_eq!(d("2.449").round(1).unwrap().to_string(), "2.4");
        assert_eq!(d("1255").round(-1).unwrap().to_string(), "1260");
        assert_eq!(d("1255").truncate(-2).unwrap().to_string(), "1200");
        assert_eq!(d("55").round(-2).unwrap().to_string(), "100");
        assert_eq!(d("44").round(-2).unwrap().to_string(), "0");
        assert_eq!(d("-1.5").floor().unwrap().to_string(), "-2");
        assert_eq!(d("-1.5").ceil().unwrap().to_string(), "-1");
        assert_eq!(d("1.005").with_scale(2).unwrap().to_string(), "1.01");
        assert_eq!(
            d("123456789012345678901234567890123456789012345.55")
                .with_scale(1)
                .unwrap()
                .to_string(),
            "123456789012345678901234567890123456789012345.6"
        );
    }

    #[test]
    fn stored_bytes() {
        let mut out = Vec::new();
        d("256").with_scale(30).unwrap().write_stored(&mut out);
        assert_eq!(out[..5], [0xe2, 0xff, 0xff, 0xff, 1]);
        assert_eq!(out.len(), 21);
        assert_eq!(Decimal::from_stored(&out).unwrap(), d("256"));
        let mut two64 = Vec::new();
        d("18446744073709551616").write_stored(&mut two64);
        assert_eq!(two64.len(), 21);
        assert_eq!(compare_stored(&out, &two64), Ordering::Less);
        assert_eq!(
            compare_stored(&0xC000i32.to_le_bytes(), &two64),
            Ordering::Greater
        );
        assert!(Decimal::from_stored(&[0, 0, 0]).is_none());
        assert!(Decimal::from_stored(&[0, 0, 0, 0x80, 1, 1]).is_none());
        assert!(Decimal::from_stored(&[&[0, 0, 0, 0, 1][..], &[9; 33]].concat()).is_none());
    }

    #[test]
    fn numbers() {
        assert_eq!(d("1.5").to_f64(), 1.5);
        assert_eq!(
            d("12345678901234567890123456789.5").to_f64(),
            12345678901234567890123456789.5
        );
        assert_eq!(Decimal::from_f64(0.1).unwrap().to_string(), "0.1");
        assert_eq!(
            Decimal::from_f64(1e20).unwrap().to_string(),
            "100000000000000000000"
        );
        assert!(Decimal::from_f64(f64::NAN).is_none());
        assert_eq!(d("9223372036854775807.4").to_i64(), Some(i64::MAX));
        assert_eq!(d("9223372036854775807.5").to_i64(), None);
        assert_eq!(std::mem::size_of::<Decimal>(), 24);
        assert_eq!(std::mem::size_of::<crate::Value<'_>>(), 32);
    }
}
