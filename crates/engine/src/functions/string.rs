//! Functions that look into text, or take parts of it.

use values::{SqlType, Value};

use super::characters::{count, find, find_bytes, offset, slice};
use super::result_type as ty;
use super::{ANY, Call, Function, Outcome, bytes};
use crate::bind::types::{is_number, own_compare};
use crate::convert::{to_f64, to_i64, to_text};
use crate::error::Result;
use crate::eval::compare_in;

pub const FUNCTIONS: &[Function] = &[
    Function::new("ascii", 1, 1, ty::int, ascii),
    Function::new("ord", 1, 1, ty::int, ord),
    Function::new("length", 1, 1, ty::int, length),
    Function::new("octet_length", 1, 1, ty::int, length),
    Function::new("bit_length", 1, 1, ty::int, bit_length),
    Function::new("char_length", 1, 1, ty::int, char_length),
    Function::new("character_length", 1, 1, ty::int, char_length),
    Function::new("locate", 2, 3, ty::int, locate),
    Function::new("position", 2, 2, ty::int, locate),
    Function::new("instr", 2, 2, ty::int, instr),
    Function::new("find_in_set", 2, 2, ty::int, find_in_set),
    Function::new("field", 2, ANY, ty::int, field).lax(),
    Function::new("elt", 2, ANY, elt_type, elt).lax(),
    Function::new("strcmp", 2, 2, ty::int, strcmp),
    Function::new("left", 2, 2, ty::first, left),
    Function::new("right", 2, 2, ty::first, right),
    Function::new("substr", 2, 3, ty::first, substr),
    Function::new("substring", 2, 3, ty::first, substr),
    Function::new("mid", 2, 3, ty::first, substr),
    Function::new("substring_index", 3, 3, ty::first, substring_index),
    Function::new("soundex", 1, 1, ty::longest, soundex),
    Function::new("load_file", 1, 1, ty::blob, load_file),
    Function::new("weight_string", 1, 1, ty::blob, weight_string),
    Function::new("greatest", 2, ANY, ty::same, greatest),
    Function::new("least", 2, ANY, ty::same, least),
    Function::new("interval", 2, ANY, ty::int, interval).lax(),
    Function::new("is_binary", 1, 1, ty::boolean, is_binary),
];

/// The bytes of an argument in its own character set.
fn stored<'v>(call: &Call<'_>, i: usize, v: &'v Value<'_>) -> std::borrow::Cow<'v, [u8]> {
    let text = to_text(v);
    let collation = call
        .types
        .args
        .get(i)
        .and_then(crate::bind::types::collation_id);
    match collation.map(|c| c.get()) {
        Some(c) if !c.is_binary() && !c.charset.is_utf8() => {
            std::borrow::Cow::Owned(c.charset.from_utf8(&text).0)
        }
        _ => text,
    }
}

/// The bytes that HEX shows of text.
pub(super) fn stored_bytes(call: &Call<'_>, v: &Value<'_>) -> Vec<u8> {
    stored(call, 0, v).into_owned()
}

fn ascii(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Int(
        stored(call, 0, &a[0]).first().copied().unwrap_or(0).into(),
    ))
}

fn ord(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_text(&a[0]);
    let first = slice(&text, 0, 1, call.in_bytes());
    Ok(Value::Int(
        first.iter().fold(0i64, |n, b| n << 8 | i64::from(*b)),
    ))
}

fn length(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Int(stored(call, 0, &a[0]).len() as i64))
}

fn bit_length(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Int(stored(call, 0, &a[0]).len() as i64 * 8))
}

fn char_length(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Int(count(&to_text(&a[0]), call.in_bytes()) as i64))
}

fn locate(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let start = match a.get(2) {
        Some(v) => to_i64(v, call.cx)?,
        None => 1,
    };
    if start < 1 {
        return Ok(Value::Int(0));
    }
    let found = find(
        &to_text(&a[1]),
        &to_text(&a[0]),
        start as usize - 1,
        call.collation(),
    );
    Ok(Value::Int(found as i64))
}

fn instr(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Int(
        find(&to_text(&a[0]), &to_text(&a[1]), 0, call.collation()) as i64,
    ))
}

fn find_in_set(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (item, list) = (to_text(&a[0]), to_text(&a[1]));
    if list.is_empty() || item.contains(&b',') {
        return Ok(Value::Int(0));
    }
    let collation = call.collation();
    let found = list
        .split(|b| *b == b',')
        .position(|p| collation.equal(p, &item));
    Ok(Value::Int(found.map_or(0, |n| n as i64 + 1)))
}

fn field(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    if a[0].is_null() {
        return Ok(Value::Int(0));
    }
    let numbers = call
        .types
        .args
        .iter()
        .all(|t| is_number(t) || *t == SqlType::Null);
    let strings = call.types.args.iter().all(|t| !is_number(t));
    let collation = call.collation();
    for (i, v) in a.iter().enumerate().skip(1) {
        if v.is_null() {
            continue;
        }
        let same = if strings {
            collation.equal(&to_text(&a[0]), &to_text(v))
        } else if numbers {
            match (&a[0], v) {
                (Value::Int(x), Value::Int(y)) => x == y,
                (Value::UInt(x), Value::UInt(y)) => x == y,
                (x, y) if !matches!(x, Value::Float(_)) && !matches!(y, Value::Float(_)) => {
                    let x = crate::convert::to_decimal(x, call.cx)?;
                    x.compare(&crate::convert::to_decimal(y, call.cx)?).is_eq()
                }
                (x, y) => to_f64(x, call.cx) == to_f64(y, call.cx),
            }
        } else {
            to_f64(&a[0], call.cx) == to_f64(v, call.cx)
        };
        if same {
            return Ok(Value::Int(i as i64));
        }
    }
    Ok(Value::Int(0))
}

fn elt_type(a: &[SqlType], c: values::CollationId) -> SqlType {
    ty::longest(&a[1..], c)
}

fn elt<'a>(call: &Call<'_>, a: &[Value<'a>]) -> Result<Value<'a>> {
    if a[0].is_null() {
        return Ok(Value::Null);
    }
    let n = to_i64(&a[0], call.cx)?;
    Ok(
        match usize::try_from(n)
            .ok()
            .filter(|n| *n >= 1)
            .and_then(|n| a.get(n))
        {
            Some(Value::Null) | None => Value::Null,
            Some(Value::Bytes(b)) => Value::Bytes(b.clone()),
            Some(v) => bytes(to_text(v).into_owned()),
        },
    )
}

fn strcmp(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(Value::Int(
        call.collation().compare(&to_text(&a[0]), &to_text(&a[1])) as i64,
    ))
}

fn left(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let n = to_i64(&a[1], call.cx)?.max(0) as usize;
    Ok(bytes(slice(&to_text(&a[0]), 0, n, call.in_bytes())))
}

fn right(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let n = to_i64(&a[1], call.cx)?.max(0) as usize;
    let text = to_text(&a[0]);
    let total = count(&text, call.in_bytes());
    Ok(bytes(
        &text[offset(&text, total.saturating_sub(n), call.in_bytes())..],
    ))
}

fn substr(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_text(&a[0]);
    let start = to_i64(&a[1], call.cx)?;
    let length = match a.get(2) {
        Some(v) => to_i64(v, call.cx)?,
        None => i64::MAX,
    };
    let total = count(&text, call.in_bytes()) as i64;
    let from = match start {
        0 => return Ok(bytes([])),
        s if s > 0 => s - 1,
        s => total.saturating_add(s),
    };
    if from < 0 || from >= total || length <= 0 {
        return Ok(bytes([]));
    }
    Ok(bytes(slice(
        &text,
        from as usize,
        length as usize,
        call.in_bytes(),
    )))
}

fn substring_index(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (text, by) = (to_text(&a[0]), to_text(&a[1]));
    let n = to_i64(&a[2], call.cx)?;
    if n == 0 || by.is_empty() {
        return Ok(bytes([]));
    }
    let wanted = n.unsigned_abs();
    if n > 0 {
        let mut from = 0;
        for k in 1..=wanted {
            match find_bytes(&text, &by, from) {
                Some(at) if k == wanted => return Ok(bytes(&text[..at])),
                Some(at) => from = at + by.len(),
                None => break,
            }
        }
        return Ok(bytes(&*text));
    }
    let mut end = text.len();
    for k in 1..=wanted {
        match text[..end].windows(by.len()).rposition(|w| w == &*by) {
            Some(at) if k == wanted => return Ok(bytes(&text[at + by.len()..])),
            Some(at) => end = at,
            None => break,
        }
    }
    Ok(bytes(&*text))
}

fn soundex(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    const CODES: &[u8; 26] = b"01230120022455012623010202";
    let text = String::from_utf8_lossy(&to_text(&a[0])).into_owned();
    let code = |c: char| match c.to_ascii_uppercase() {
        c @ 'A'..='Z' => CODES[c as usize - 'A' as usize],
        _ => b'0',
    };
    let mut out = String::new();
    let mut last = b'0';
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        let k = code(c);
        if out.is_empty() {
            out.extend(c.to_uppercase());
            last = k;
        } else if k != b'0' && k != last {
            out.push(k as char);
            last = k;
        }
    }
    if !out.is_empty() {
        while out.chars().count() < 4 {
            out.push('0');
        }
    }
    Ok(bytes(out))
}

/// Bytes of a file that LOAD_FILE gives at most, as `max_allowed_packet` has it.
const MOST_OF_A_FILE: u64 = 64 << 20;

/// A file that the session may read; NULL for any other, and without secure_file_priv for all.
fn load_file(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let session = call.cx.session;
    let allowed = crate::convert::to_string(&session.variable("secure_file_priv"));
    let name = crate::convert::to_string(&a[0]);
    if a[0].is_null() || allowed.is_empty() {
        return Ok(Value::Null);
    }
    if crate::load_data::check_file_use(session, &name).is_err() {
        return Ok(Value::Null);
    }
    match std::fs::metadata(&name) {
        Ok(m) if m.is_file() && m.len() <= MOST_OF_A_FILE => {}
        _ => return Ok(Value::Null),
    }
    Ok(std::fs::read(&name).map_or(Value::Null, |b| Value::Bytes(b.into())))
}

fn weight_string(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let Value::Bytes(text) = &a[0] else {
        return Ok(Value::Null);
    };
    let mut out = Vec::new();
    call.collation().sort_key(text, &mut out);
    Ok(bytes(out))
}

fn extreme<'a>(call: &Call<'_>, a: &[Value<'a>], want: std::cmp::Ordering) -> Result<Value<'a>> {
    let kind = own_compare(&call.types.result, call.types.collation);
    let mut best = &a[0];
    for v in &a[1..] {
        match compare_in(kind, v, best, call.cx)? {
            Some(order) if order == want => best = v,
            Some(_) => {}
            None => return Ok(Value::Null),
        }
    }
    Ok(best.clone())
}

fn greatest<'a>(call: &Call<'_>, a: &[Value<'a>]) -> Result<Value<'a>> {
    extreme(call, a, std::cmp::Ordering::Greater)
}

fn least<'a>(call: &Call<'_>, a: &[Value<'a>]) -> Result<Value<'a>> {
    extreme(call, a, std::cmp::Ordering::Less)
}

fn interval(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    if a[0].is_null() {
        return Ok(Value::Int(-1));
    }
    let x = to_f64(&a[0], call.cx);
    let below = a[1..]
        .iter()
        .take_while(|v| v.is_null() || to_f64(v, call.cx) <= x)
        .count();
    Ok(Value::Int(below as i64))
}

fn is_binary(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(super::boolean(to_text(&a[0]).contains(&0)))
}
