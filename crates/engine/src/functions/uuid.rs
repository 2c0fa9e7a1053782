//! UUIDs of version 1, their binary form, and random numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use values::{CollationId, SqlType, Value};

use super::result_type as ty;
use super::{Call, Function, Outcome, boolean, bytes};
use crate::convert::{to_bool, to_text};
use crate::error::{Error, Result};

pub const FUNCTIONS: &[Function] = &[
    Function::new("uuid", 0, 0, uuid_text, uuid).volatile(),
    Function::new("uuid_short", 0, 0, ty::uint, uuid_short).volatile(),
    Function::new("uuid_to_bin", 1, 2, binary, uuid_to_bin),
    Function::new("bin_to_uuid", 1, 2, text, bin_to_uuid).lax(),
    Function::new("is_uuid", 1, 1, ty::int, |_, a| {
        Ok(boolean(parse(&to_text(&a[0])).is_some()))
    }),
];

fn text(_: &[SqlType], c: CollationId) -> SqlType {
    SqlType::VarChar(
        36,
        if c == CollationId::BINARY {
            CollationId::DEFAULT
        } else {
            c
        },
    )
}

/// MySQL gives it in utf8mb3_general_ci, whatever the connection's collation.
fn uuid_text(_: &[SqlType], _: CollationId) -> SqlType {
    const UTF8MB3_GENERAL_CI: CollationId = CollationId(33);
    SqlType::VarChar(36, UTF8MB3_GENERAL_CI)
}

fn binary(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::VarBinary(16)
}

/// Fills a buffer with chance.
pub(super) fn fill(out: &mut [u8]) -> Result<()> {
    getrandom::getrandom(out).map_err(|e| Error::general(format!("no random numbers: {e}")))
}

/// 64 random bits.
pub(super) fn random_u64() -> Result<u64> {
    let mut out = [0; 8];
    fill(&mut out)?;
    Ok(u64::from_le_bytes(out))
}

/// Hundreds of nanoseconds from the start of the Gregorian calendar to 1970.
const TO_1970: u64 = 0x01B2_1DD2_1381_4000;

/// The last time that a UUID was given, so that none is given twice.
static LAST: AtomicU64 = AtomicU64::new(0);
/// Random clock sequence and node of this process.
static NODE: std::sync::OnceLock<[u8; 8]> = std::sync::OnceLock::new();

fn node() -> Result<[u8; 8]> {
    if let Some(n) = NODE.get() {
        return Ok(*n);
    }
    let mut n = random_u64()?.to_le_bytes();
    n[0] = n[0] & 0x3F | 0x80;
    // A node that is no hardware address has the multicast bit.
    n[2] |= 1;
    Ok(*NODE.get_or_init(|| n))
}

fn uuid(_: &Call<'_>, _: &[Value<'_>]) -> Outcome {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = (since.as_nanos() / 100) as u64 + TO_1970;
    let before = LAST.fetch_max(now, Ordering::Relaxed);
    let t = if before < now {
        now
    } else {
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    };
    let n = node()?;
    Ok(bytes(format!(
        "{:08x}-{:04x}-{:04x}-{:02x}{:02x}-{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}",
        t as u32,
        (t >> 32) as u16,
        (t >> 48) & 0x0FFF | 0x1000,
        n[0],
        n[1],
        n[2],
        n[3],
        n[4],
        n[5],
        n[6],
        n[7]
    )))
}

/// The next number of UUID_SHORT, which begins with the time of the start.
static SHORT: AtomicU64 = AtomicU64::new(0);

fn uuid_short(_: &Call<'_>, _: &[Value<'_>]) -> Outcome {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let start = 1 << 56 | (since.as_secs() & 0xFFFF_FFFF) << 24;
    let _ = SHORT.compare_exchange(0, start, Ordering::Relaxed, Ordering::Relaxed);
    Ok(Value::UInt(SHORT.fetch_add(1, Ordering::Relaxed)))
}

/// Reads a UUID with or without dashes, perhaps in braces.
fn parse(text: &[u8]) -> Option<[u8; 16]> {
    let dashed = |t: &[u8]| t.len() == 36 && [8, 13, 18, 23].iter().all(|i| t[*i] == b'-');
    let digits: Vec<u8> = match text.len() {
        32 => text.to_vec(),
        36 if dashed(text) => text.iter().copied().filter(|b| *b != b'-').collect(),
        38 if text[0] == b'{' && text[37] == b'}' && dashed(&text[1..37]) => {
            text[1..37].iter().copied().filter(|b| *b != b'-').collect()
        }
        _ => return None,
    };
    if digits.len() != 32 {
        return None;
    }
    let mut out = [0; 16];
    for (o, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let high = (pair[0] as char).to_digit(16)?;
        let low = (pair[1] as char).to_digit(16)?;
        *o = (high * 16 + low) as u8;
    }
    Some(out)
}

fn wrong(v: &Value<'_>, name: &str) -> Error {
    let shown = String::from_utf8_lossy(&to_text(v)).into_owned();
    Error::new(
        1411,
        "HY000",
        format!("Incorrect string value: '{shown}' for function {name}"),
    )
}

fn uuid_to_bin(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let mut b = parse(&to_text(&a[0])).ok_or_else(|| wrong(&a[0], "uuid_to_bin"))?;
    if a.get(1).is_some_and(|v| to_bool(v, call.cx)) {
        // Time high, time middle, time low: sorts by time.
        let old = b;
        b[..2].copy_from_slice(&old[6..8]);
        b[2..4].copy_from_slice(&old[4..6]);
        b[4..8].copy_from_slice(&old[..4]);
    }
    Ok(bytes(b))
}

fn bin_to_uuid(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    // A flag that is NULL is no flag.
    if matches!(a[0], Value::Null) {
        return Ok(Value::Null);
    }
    let data = to_text(&a[0]);
    let mut b: [u8; 16] = data
        .as_ref()
        .try_into()
        .map_err(|_| wrong(&a[0], "bin_to_uuid"))?;
    if a.get(1).is_some_and(|v| to_bool(v, call.cx)) {
        let old = b;
        b[6..8].copy_from_slice(&old[..2]);
        b[4..6].copy_from_slice(&old[2..4]);
        b[..4].copy_from_slice(&old[4..8]);
    }
    let hex = super::bits::hex_digits(&b, false);
    let hex = String::from_utf8_lossy(&hex);
    Ok(bytes(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )))
}
