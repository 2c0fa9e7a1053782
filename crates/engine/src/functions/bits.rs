//! Numbers as digits of other bases, and sets of bits.

use values::{CollationId, SqlType, Value};

use super::result_type as ty;
use super::{ANY, Call, Function, MAX_TEXT, Outcome, bytes};
use crate::bind::types::{text_length, varchar};
use crate::convert::{to_bits, to_f64, to_i64, to_text};
use crate::error::Result;

pub const FUNCTIONS: &[Function] = &[
    Function::new("hex", 1, 1, ty::doubled, hex),
    Function::new("unhex", 1, 1, ty::binary_first, unhex),
    Function::new("bin", 1, 1, ty::name, bin),
    Function::new("oct", 1, 1, ty::name, oct),
    Function::new("conv", 3, 3, ty::name, conv),
    Function::new("bit_count", 1, 1, ty::int, bit_count),
    Function::new("export_set", 3, 5, ty::long, export_set),
    Function::new("make_set", 2, ANY, make_set_type, make_set).lax(),
];

fn make_set_type(a: &[SqlType], c: CollationId) -> SqlType {
    varchar(
        a[1..]
            .iter()
            .map(|t| text_length(t).saturating_add(1))
            .fold(0, u32::saturating_add),
        c,
    )
}

/// Two capital hexadecimal digits for each byte.
pub(super) fn hex_digits(data: &[u8], upper: bool) -> Vec<u8> {
    let digits: &[u8; 16] = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    data.iter()
        .flat_map(|b| [digits[usize::from(b >> 4)], digits[usize::from(b & 15)]])
        .collect()
}

fn hex(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(match &a[0] {
        Value::Int(n) => bytes(format!("{n:X}")),
        Value::UInt(n) => bytes(format!("{n:X}")),
        Value::Float(f) if *f < 0.0 => bytes(format!("{:X}", f.round_ties_even() as i64)),
        Value::Float(f) => bytes(format!("{:X}", f.round_ties_even() as u64)),
        v @ Value::Decimal(_) => bytes(format!("{:X}", to_bits(v, call.cx)?)),
        v => bytes(hex_digits(&super::string::stored_bytes(call, v), true)),
    })
}

fn nibble(b: u8) -> Option<u8> {
    (b as char).to_digit(16).map(|d| d as u8)
}

fn unhex(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_text(&a[0]);
    let mut out = Vec::with_capacity(text.len().div_ceil(2));
    let (head, pairs) = text.split_at(text.len() % 2);
    let decoded = (|| {
        if let [b] = head {
            out.push(nibble(*b)?);
        }
        for p in pairs.chunks_exact(2) {
            out.push(nibble(p[0])? << 4 | nibble(p[1])?);
        }
        Some(())
    })();
    if decoded.is_none() {
        let shown = String::from_utf8_lossy(&text).into_owned();
        call.cx.warn(
            1411,
            format!("Incorrect string value: '{shown}' for function unhex"),
        );
        return Ok(Value::Null);
    }
    Ok(bytes(out))
}

/// Reads digits of a base as C's strtoull does, and says where they end.
fn digits_of(text: &[u8], base: u32) -> (bool, u128) {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let mut n: u128 = 0;
    for b in digits {
        let Some(d) = (*b as char).to_digit(base) else {
            break;
        };
        n = (n * u128::from(base) + u128::from(d)).min(1 << 70);
    }
    (negative, n)
}

fn in_base(mut n: u64, base: u64) -> String {
    let mut out = Vec::new();
    loop {
        let d = std::char::from_digit((n % base) as u32, base as u32).unwrap_or('0');
        out.push(d.to_ascii_uppercase() as u8);
        n /= base;
        if n == 0 {
            break;
        }
    }
    out.reverse();
    String::from_utf8_lossy(&out).into_owned()
}

fn convert_base(v: &Value<'_>, from: i64, to: i64, call: &Call<'_>) -> Outcome {
    let bases = 2..=36;
    if !bases.contains(&from.unsigned_abs()) || !bases.contains(&to.unsigned_abs()) {
        return Ok(Value::Null);
    }
    let text = match v {
        Value::Float(f) if from.unsigned_abs() == 10 => {
            std::borrow::Cow::Owned((f.trunc() as i128).to_string().into_bytes())
        }
        v => to_text(v),
    };
    let (negative, n) = digits_of(&text, from.unsigned_abs() as u32);
    let value: u64 = if from < 0 {
        let limit = if negative {
            1u128 << 63
        } else {
            (1u128 << 63) - 1
        };
        let n = n.min(limit) as u64;
        if negative { n.wrapping_neg() } else { n }
    } else if n > u128::from(u64::MAX) {
        call.cx.warn(
            1292,
            format!(
                "Truncated incorrect DECIMAL value: '{}'",
                crate::convert::to_string(v)
            ),
        );
        u64::MAX
    } else if negative {
        (n as u64).wrapping_neg()
    } else {
        n as u64
    };
    Ok(bytes(if to < 0 {
        let signed = value as i64;
        let digits = in_base(signed.unsigned_abs(), to.unsigned_abs());
        if signed < 0 {
            format!("-{digits}")
        } else {
            digits
        }
    } else {
        in_base(value, to as u64)
    }))
}

fn conv(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    convert_base(
        &a[0],
        to_i64(&a[1], call.cx)?,
        to_i64(&a[2], call.cx)?,
        call,
    )
}

fn bin(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    convert_base(&a[0], 10, 2, call)
}

fn oct(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    convert_base(&a[0], 10, 8, call)
}

fn bit_count(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    if let (Value::Bytes(b), Some(t)) = (&a[0], call.types.args.first())
        && crate::bind::types::is_binary(t)
    {
        return Ok(Value::Int(
            b.iter().map(|b| i64::from(b.count_ones())).sum(),
        ));
    }
    let n = match &a[0] {
        v @ Value::Bytes(_) => to_f64(v, call.cx).round_ties_even() as i64 as u64,
        v => to_bits(v, call.cx)?,
    };
    Ok(Value::Int(n.count_ones().into()))
}

fn export_set(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let bits = to_bits_of_any(&a[0], call)?;
    let (on, off) = (to_text(&a[1]), to_text(&a[2]));
    let between = a
        .get(3)
        .map_or(std::borrow::Cow::Borrowed(&b","[..]), |v| to_text(v));
    let count = match a.get(4) {
        Some(v) => match to_i64(v, call.cx)? {
            n @ 0..=64 => n as usize,
            _ => 64,
        },
        None => 64,
    };
    if (on.len().max(off.len()) + between.len()).saturating_mul(64) > MAX_TEXT {
        return Ok(call.too_long("export_set"));
    }
    let mut out = Vec::new();
    for i in 0..count {
        if i > 0 {
            out.extend_from_slice(&between);
        }
        out.extend_from_slice(if bits >> i & 1 == 1 { &on } else { &off });
    }
    Ok(bytes(out))
}

fn to_bits_of_any(v: &Value<'_>, call: &Call<'_>) -> Result<u64> {
    to_bits(v, call.cx)
}

fn make_set(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    if a[0].is_null() {
        return Ok(Value::Null);
    }
    let bits = to_bits(&a[0], call.cx)?;
    let mut out = Vec::new();
    let mut first = true;
    for (i, v) in a[1..].iter().enumerate().take(64) {
        if bits >> i & 1 == 0 || v.is_null() {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        out.extend_from_slice(&to_text(v));
    }
    Ok(bytes(out))
}
