//! Addresses of networks.

use std::net::{Ipv4Addr, Ipv6Addr};

use values::{CollationId, SqlType, Value};

use super::result_type as ty;
use super::{Call, Function, Outcome, boolean, bytes};
use crate::convert::{to_i64, to_string, to_text};

pub const FUNCTIONS: &[Function] = &[
    Function::new("inet_aton", 1, 1, ty::uint, inet_aton),
    Function::new("inet_ntoa", 1, 1, ty::name, inet_ntoa),
    Function::new("inet6_aton", 1, 1, binary, inet6_aton),
    Function::new("inet6_ntoa", 1, 1, ty::name, inet6_ntoa),
    Function::new("is_ipv4", 1, 1, ty::int, is_ipv4).lax(),
    Function::new("is_ipv6", 1, 1, ty::int, is_ipv6).lax(),
    Function::new("is_ipv4_compat", 1, 1, ty::int, |_, a| {
        let b = to_text(&a[0]);
        Ok(boolean(
            b.len() == 16
                && b[..12].iter().all(|x| *x == 0)
                && b[12..] != [0; 4]
                && b[12..] != [0, 0, 0, 1],
        ))
    }),
    Function::new("is_ipv4_mapped", 1, 1, ty::int, |_, a| {
        let b = to_text(&a[0]);
        Ok(boolean(
            b.len() == 16 && b[..10].iter().all(|x| *x == 0) && b[10..12] == [255, 255],
        ))
    }),
];

fn binary(_: &[SqlType], _: CollationId) -> SqlType {
    SqlType::VarBinary(16)
}

fn wrong(call: &Call<'_>, v: &Value<'_>, name: &str) -> Outcome {
    call.cx.warn(
        1411,
        format!(
            "Incorrect string value: '{}' for function {name}",
            to_string(v)
        ),
    );
    Ok(Value::Null)
}

/// Up to four numbers; missing ones before the last are zero.
fn inet_aton(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_string(&a[0]);
    let parts: Option<Vec<u64>> = text
        .split('.')
        .map(|p| {
            p.parse::<u64>()
                .ok()
                .filter(|n| *n < 256 && p.bytes().all(|b| b.is_ascii_digit()))
        })
        .collect();
    match parts.filter(|p| (1..=4).contains(&p.len())) {
        Some(p) => {
            let (last, head) = p.split_last().unwrap_or((&0, &[]));
            let high = head
                .iter()
                .enumerate()
                .map(|(i, n)| n << (24 - 8 * i))
                .sum::<u64>();
            Ok(Value::UInt(high + last))
        }
        None => wrong(call, &a[0], "inet_aton"),
    }
}

fn inet_ntoa(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    match u32::try_from(to_i64(&a[0], call.cx)?) {
        Ok(n) => Ok(bytes(Ipv4Addr::from(n).to_string())),
        Err(_) => wrong(call, &a[0], "inet_ntoa"),
    }
}

fn inet6_aton(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_string(&a[0]);
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Ok(bytes(v4.octets()));
    }
    match text.parse::<Ipv6Addr>() {
        Ok(v6) => Ok(bytes(v6.octets())),
        Err(_) => wrong(call, &a[0], "inet6_aton"),
    }
}

fn inet6_ntoa(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let data = to_text(&a[0]);
    if !matches!(a[0], Value::Bytes(_)) {
        return wrong(call, &a[0], "inet6_ntoa");
    }
    if let Ok(b) = <[u8; 4]>::try_from(data.as_ref()) {
        return Ok(bytes(Ipv4Addr::from(b).to_string()));
    }
    match <[u8; 16]>::try_from(data.as_ref()) {
        Ok(b) => {
            let v6 = Ipv6Addr::from(b);
            // Addresses of the old kind keep their dots, also those without a prefix.
            let tail = Ipv4Addr::new(b[12], b[13], b[14], b[15]);
            let compatible = b[..12].iter().all(|x| *x == 0) && (b[12] != 0 || b[13] != 0);
            Ok(bytes(if compatible {
                format!("::{tail}")
            } else {
                v6.to_string()
            }))
        }
        Err(_) => wrong(call, &a[0], "inet6_ntoa"),
    }
}

fn is_ipv4(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(boolean(
        !a[0].is_null() && to_string(&a[0]).parse::<Ipv4Addr>().is_ok(),
    ))
}

fn is_ipv6(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(boolean(
        !a[0].is_null() && to_string(&a[0]).parse::<Ipv6Addr>().is_ok(),
    ))
}
