//! Functions that make text.

use values::collation::{decode_rune, lower as lower_case, upper as upper_case};
use values::{CollationId, SqlType, Value};

use super::characters::{count, find_bytes, offset, slice};
use super::result_type as ty;
use super::{ANY, Call, Function, MAX_TEXT, Outcome, bytes};
use crate::bind::types::varchar;
use crate::convert::{to_decimal, to_i64, to_string, to_text};
use crate::error::Result;

pub const FUNCTIONS: &[Function] = &[
    Function::new("concat", 1, ANY, ty::joined, concat),
    Function::new("concat_ws", 2, ANY, concat_ws_type, concat_ws).lax(),
    Function::new("insert", 4, 4, ty::joined, insert),
    Function::new("upper", 1, 1, ty::first, upper),
    Function::new("ucase", 1, 1, ty::first, upper),
    Function::new("lower", 1, 1, ty::first, lower),
    Function::new("lcase", 1, 1, ty::first, lower),
    Function::new("lpad", 3, 3, ty::long, lpad),
    Function::new("rpad", 3, 3, ty::long, rpad),
    Function::new("trim", 1, 2, ty::first, trim),
    Function::new("trim_leading", 1, 2, ty::first, trim_leading),
    Function::new("trim_trailing", 1, 2, ty::first, trim_trailing),
    Function::new("ltrim", 1, 1, ty::first, trim_leading),
    Function::new("rtrim", 1, 1, ty::first, trim_trailing),
    Function::new("repeat", 2, 2, ty::long, repeat),
    Function::new("space", 1, 1, ty::long_text, space),
    Function::new("replace", 3, 3, ty::long, replace),
    Function::new("reverse", 1, 1, ty::first, reverse),
    Function::new("quote", 1, 1, quote_type, quote).lax(),
    Function::new("char", 1, ANY, char_type, char_of).lax(),
    Function::new("format", 2, 3, format_type, format).lax(),
];

fn concat_ws_type(a: &[SqlType], c: CollationId) -> SqlType {
    let between = a.first().map_or(0, crate::bind::types::text_length);
    let rest = a[1..]
        .iter()
        .map(crate::bind::types::text_length)
        .fold(0, u32::saturating_add);
    varchar(
        between.saturating_mul(a.len() as u32).saturating_add(rest),
        c,
    )
}

fn char_type(a: &[SqlType], _: CollationId) -> SqlType {
    SqlType::VarBinary(4 * a.len() as u32)
}

fn quote_type(a: &[SqlType], c: CollationId) -> SqlType {
    let n = a.first().map_or(0, crate::bind::types::text_length);
    varchar(n.saturating_mul(2).saturating_add(2), c)
}

fn format_type(_: &[SqlType], c: CollationId) -> SqlType {
    varchar(
        120,
        if c == CollationId::BINARY {
            CollationId::DEFAULT
        } else {
            c
        },
    )
}

fn concat(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mut out = Vec::new();
    for v in a {
        out.extend_from_slice(&to_text(v));
        if out.len() > MAX_TEXT {
            return Ok(call.too_long("concat"));
        }
    }
    Ok(bytes(out))
}

fn concat_ws(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    if a[0].is_null() {
        return Ok(Value::Null);
    }
    let between = to_text(&a[0]);
    let mut out = Vec::new();
    let mut first = true;
    for v in a[1..].iter().filter(|v| !v.is_null()) {
        if !first {
            out.extend_from_slice(&between);
        }
        first = false;
        out.extend_from_slice(&to_text(v));
        if out.len() > MAX_TEXT {
            return Ok(call.too_long("concat_ws"));
        }
    }
    Ok(bytes(out))
}

fn insert(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (text, new) = (to_text(&a[0]), to_text(&a[3]));
    let (start, length) = (to_i64(&a[1], call.cx)?, to_i64(&a[2], call.cx)?);
    let total = count(&text, call.in_bytes()) as i64;
    if start < 1 || start > total {
        return Ok(bytes(&*text));
    }
    let from = offset(&text, start as usize - 1, call.in_bytes());
    let rest = &text[from..];
    let cut = if length < 0 {
        rest.len()
    } else {
        offset(rest, length as usize, call.in_bytes())
    };
    let mut out = text[..from].to_vec();
    out.extend_from_slice(&new);
    out.extend_from_slice(&rest[cut..]);
    Ok(bytes(out))
}

fn upper(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_text(&a[0]);
    Ok(bytes(if call.in_bytes() {
        text.into_owned()
    } else {
        upper_case(&text)
    }))
}

fn lower(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_text(&a[0]);
    Ok(bytes(if call.in_bytes() {
        text.into_owned()
    } else {
        lower_case(&text)
    }))
}

/// `length` characters made of `with`, again and again.
fn filling(with: &[u8], length: usize, in_bytes: bool, out: &mut Vec<u8>) {
    let each = count(with, in_bytes);
    for _ in 0..length / each {
        out.extend_from_slice(with);
    }
    out.extend_from_slice(slice(with, 0, length % each, in_bytes));
}

fn pad(call: &Call<'_>, a: &[Value<'_>], name: &str, left: bool) -> Outcome {
    let (text, with) = (to_text(&a[0]), to_text(&a[2]));
    let wanted = to_i64(&a[1], call.cx)?;
    if wanted < 0 {
        return Ok(Value::Null);
    }
    let wanted = wanted as usize;
    let have = count(&text, call.in_bytes());
    if wanted <= have {
        return Ok(bytes(slice(&text, 0, wanted, call.in_bytes())));
    }
    if with.is_empty() {
        return Ok(bytes([]));
    }
    if wanted > MAX_TEXT {
        return Ok(call.too_long(name));
    }
    let mut out = Vec::with_capacity(wanted);
    if !left {
        out.extend_from_slice(&text);
    }
    filling(&with, wanted - have, call.in_bytes(), &mut out);
    if left {
        out.extend_from_slice(&text);
    }
    Ok(bytes(out))
}

fn lpad(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    pad(call, a, "lpad", true)
}

fn rpad(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    pad(call, a, "rpad", false)
}

fn strip(a: &[Value<'_>], leading: bool, trailing: bool) -> Outcome {
    let text = to_text(&a[0]);
    let what = match a.get(1) {
        Some(v) => to_text(v).into_owned(),
        None => vec![b' '],
    };
    let mut rest: &[u8] = &text;
    if !what.is_empty() {
        if leading {
            while let Some(r) = rest.strip_prefix(&*what) {
                rest = r;
            }
        }
        if trailing {
            while let Some(r) = rest.strip_suffix(&*what) {
                rest = r;
            }
        }
    }
    Ok(bytes(rest))
}

fn trim(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    strip(a, true, true)
}

fn trim_leading(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    strip(a, true, false)
}

fn trim_trailing(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    strip(a, false, true)
}

fn repeat(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_text(&a[0]);
    let n = to_i64(&a[1], call.cx)?.max(0) as usize;
    match text.len().checked_mul(n) {
        Some(total) if total <= MAX_TEXT => Ok(bytes(text.repeat(n))),
        _ => Ok(call.too_long("repeat")),
    }
}

fn space(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let n = to_i64(&a[0], call.cx)?.max(0) as usize;
    if n > MAX_TEXT {
        return Ok(call.too_long("space"));
    }
    Ok(bytes(vec![b' '; n]))
}

fn replace(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (text, from, to) = (to_text(&a[0]), to_text(&a[1]), to_text(&a[2]));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = find_bytes(&text, &from, at) {
        out.extend_from_slice(&text[at..found]);
        out.extend_from_slice(&to);
        if out.len() > MAX_TEXT {
            return Ok(call.too_long("replace"));
        }
        at = found + from.len();
    }
    out.extend_from_slice(&text[at..]);
    Ok(bytes(out))
}

fn reverse(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_text(&a[0]);
    let mut out = vec![0; text.len()];
    let mut rest = &*text;
    let mut end = text.len();
    while !rest.is_empty() {
        let n = if call.in_bytes() {
            1
        } else {
            decode_rune(rest).1
        };
        out[end - n..end].copy_from_slice(&rest[..n]);
        end -= n;
        rest = &rest[n..];
    }
    Ok(bytes(out))
}

fn quote(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    if a[0].is_null() {
        return Ok(bytes("NULL"));
    }
    let mut out = vec![b'\''];
    for b in to_text(&a[0]).iter() {
        match b {
            b'\'' | b'\\' => out.extend_from_slice(&[b'\\', *b]),
            0 => out.extend_from_slice(b"\\0"),
            26 => out.extend_from_slice(b"\\Z"),
            b => out.push(*b),
        }
    }
    out.push(b'\'');
    Ok(bytes(out))
}

fn char_of(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mut out = Vec::new();
    for v in a.iter().filter(|v| !v.is_null()) {
        let n = to_i64(v, call.cx)? as u32;
        let be = n.to_be_bytes();
        let skip = be.iter().take(3).take_while(|b| **b == 0).count();
        out.extend_from_slice(&be[skip..]);
    }
    Ok(bytes(out))
}

/// Signs of a locale: between groups of three digits, and before the fraction.
const LOCALES: &[(&str, &str, &str)] = &[
    ("ar_AE", "", "."),
    ("bg_BG", "", ","),
    ("cs_CZ", " ", ","),
    ("da_DK", ".", ","),
    ("de_AT", "", ","),
    ("de_CH", "'", "."),
    ("de_DE", ".", ","),
    ("de_LU", ".", ","),
    ("de_BE", ".", ","),
    ("el_GR", ".", ","),
    ("en_AU", ",", "."),
    ("en_CA", ",", "."),
    ("en_GB", ",", "."),
    ("en_IN", ",", "."),
    ("en_NZ", ",", "."),
    ("en_PH", ",", "."),
    ("en_US", ",", "."),
    ("en_ZA", ",", "."),
    ("en_ZW", ",", "."),
    ("es_AR", ".", ","),
    ("es_ES", "", ","),
    ("es_MX", ",", "."),
    ("et_EE", " ", ","),
    ("fi_FI", " ", ","),
    ("fr_BE", ".", ","),
    ("fr_CA", "", ","),
    ("fr_CH", "", ","),
    ("fr_FR", "", ","),
    ("fr_LU", "", ","),
    ("he_IL", ",", "."),
    ("hu_HU", ".", ","),
    ("id_ID", ".", ","),
    ("it_CH", "'", ","),
    ("it_IT", "", ","),
    ("ja_JP", ",", "."),
    ("ko_KR", ",", "."),
    ("lt_LT", ".", ","),
    ("nb_NO", ".", ","),
    ("nl_BE", ".", ","),
    ("nl_NL", "", ","),
    ("no_NO", ".", ","),
    ("pl_PL", "", ","),
    ("pt_BR", ".", ","),
    ("pt_PT", "", ","),
    ("ro_RO", ".", ","),
    ("ru_RU", ".", ","),
    ("sk_SK", " ", ","),
    ("sv_SE", ".", ","),
    ("th_TH", ",", "."),
    ("tr_TR", ".", ","),
    ("uk_UA", ".", ","),
    ("vi_VN", ".", ","),
    ("zh_CN", ",", "."),
    ("zh_HK", ",", "."),
    ("zh_TW", ",", "."),
];

fn format(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    if a[0].is_null() || a[1].is_null() {
        return Ok(Value::Null);
    }
    let digits = to_i64(&a[1], call.cx)?.clamp(0, 30) as u8;
    let (mut between, mut point) = (",", ".");
    if let Some(v) = a.get(2).filter(|v| !v.is_null()) {
        let name = to_string(v);
        match LOCALES.iter().find(|l| l.0.eq_ignore_ascii_case(&name)) {
            Some(l) => (between, point) = (l.1, l.2),
            None => call.cx.warn(1649, format!("Unknown locale: '{name}'")),
        }
    }
    let text = fixed(&a[0], digits, call)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(w) => ("-", w),
        None => ("", whole),
    };
    let mut out = sign.to_string();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push_str(between);
        }
        out.push(c);
    }
    if digits > 0 {
        out.push_str(point);
        out.push_str(fraction);
    }
    Ok(bytes(out))
}

/// A number with exactly so many digits after the point.
fn fixed(v: &Value<'_>, digits: u8, call: &Call<'_>) -> Result<String> {
    if let Value::Float(f) = v
        && f.abs() >= 1e30
    {
        return Ok(format!("{f:.*}", digits as usize));
    }
    let d = to_decimal(v, call.cx)?;
    let rounded = d
        .round(digits.into())
        .and_then(|d| d.with_scale(digits))
        .unwrap_or(d);
    let text = rounded.to_string();
    // A negative number that rounds to nothing has no sign.
    Ok(match rounded.is_zero() {
        true => text.trim_start_matches('-').to_string(),
        false => text,
    })
}
