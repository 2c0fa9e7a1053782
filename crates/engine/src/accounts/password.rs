//! Password hashes of `mysql_native_password` and `caching_sha2_password` (spec 08 §9.2).

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The plugin of accounts that name none.
pub const NATIVE: &str = "mysql_native_password";
/// The plugin of MySQL 8.
pub const CACHING_SHA2: &str = "caching_sha2_password";

/// Bytes of salt in a `caching_sha2_password` hash.
const SALT_LEN: usize = 20;
/// Thousands of rounds that new hashes take.
const ROUNDS: u32 = 5;

/// Random bytes; nothing works without them.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::getrandom(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// Random bytes that fit into a C string and a stored hash: no NUL, no `$`, 7 bits.
pub fn random_salt<const N: usize>() -> [u8; N] {
    random::<N>().map(|b| match b & 0x7f {
        0 | b'$' => b'.',
        b => b,
    })
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut h = Sha1::new();
    for p in parts {
        h.update(p);
    }
    h.finalize().into()
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut h = Sha256::new();
    for p in parts {
        h.update(p);
    }
    h.finalize().into()
}

/// Compares in a time that does not depend on the bytes.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

/// `*` and forty hexadecimal digits of SHA1(SHA1(password)); empty for the empty password.
pub fn hash_native(password: &str) -> String {
    if password.is_empty() {
        return String::new();
    }
    let twice = sha1(&[&sha1(&[password.as_bytes()])]);
    std::iter::once("*".to_string())
        .chain(twice.iter().map(|b| format!("{b:02X}")))
        .collect()
}

fn native_bytes(hash: &str) -> Option<[u8; 20]> {
    let hex = hash.strip_prefix('*')?.as_bytes();
    let mut out = [0; 20];
    if hex.len() != 40 {
        return None;
    }
    for (o, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        let digit = |c: u8| (c as char).to_digit(16);
        *o = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(out)
}

/// Whether a client's answer to `nonce` proves the password of a stored native hash.
pub fn verify_native(answer: &[u8], nonce: &[u8], hash: &str) -> bool {
    let stored = native_bytes(hash);
    let twice = stored.unwrap_or([0; 20]);
    let mask = sha1(&[nonce, &twice]);
    let mut once = [0; 20];
    for (i, o) in once.iter_mut().enumerate() {
        *o = answer.get(i).unwrap_or(&0) ^ mask[i];
    }
    let fits = same(&sha1(&[&once]), &twice);
    stored.is_some() && answer.len() == 20 && fits
}

/// What a client answers to `nonce` under `mysql_native_password`.
pub fn answer_native(password: &str, nonce: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let once = sha1(&[password.as_bytes()]);
    let mask = sha1(&[nonce, &sha1(&[&once])]);
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

/// SHA256(SHA256(password)): what the fast path of `caching_sha2_password` keeps in memory.
pub fn fast_digest(password: &[u8]) -> [u8; 32] {
    sha256(&[&sha256(&[password])])
}

/// Whether a client's answer to `nonce` proves the password of a [`fast_digest`].
pub fn verify_fast(answer: &[u8], nonce: &[u8], digest: &[u8; 32]) -> bool {
    let mask = sha256(&[digest, nonce]);
    let mut once = [0; 32];
    for (i, o) in once.iter_mut().enumerate() {
        *o = answer.get(i).unwrap_or(&0) ^ mask[i];
    }
    same(&sha256(&[&once]), digest) && answer.len() == 32
}

/// What a client answers to `nonce` under `caching_sha2_password`.
pub fn answer_sha2(password: &str, nonce: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let once = sha256(&[password.as_bytes()]);
    let mask = sha256(&[&sha256(&[&once]), nonce]);
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

/// The SHA-256 crypt digest (Drepper), 43 characters.
fn crypt(password: &[u8], salt: &[u8], rounds: u32) -> String {
    let b = sha256(&[password, salt, password]);
    let mut h = Sha256::new();
    h.update(password);
    h.update(salt);
    let mut left = password.len();
    while left > 0 {
        let n = left.min(32);
        h.update(&b[..n]);
        left -= n;
    }
    let mut bits = password.len();
    while bits > 0 {
        if bits & 1 == 1 {
            h.update(b)
        } else {
            h.update(password)
        }
        bits >>= 1;
    }
    let mut a: [u8; 32] = h.finalize().into();

    let mut h = Sha256::new();
    for _ in 0..password.len() {
        h.update(password);
    }
    let dp: [u8; 32] = h.finalize().into();
    let p: Vec<u8> = dp.iter().copied().cycle().take(password.len()).collect();

    let mut h = Sha256::new();
    for _ in 0..16 + usize::from(a[0]) {
        h.update(salt);
    }
    let ds: [u8; 32] = h.finalize().into();
    let s: Vec<u8> = ds.iter().copied().cycle().take(salt.len()).collect();

    for round in 0..rounds {
        let mut h = Sha256::new();
        if round & 1 == 1 {
            h.update(&p)
        } else {
            h.update(a)
        }
        if round % 3 != 0 {
            h.update(&s);
        }
        if round % 7 != 0 {
            h.update(&p);
        }
        if round & 1 == 1 {
            h.update(a)
        } else {
            h.update(&p)
        }
        a = h.finalize().into();
    }

    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = String::with_capacity(43);
    let mut push = |mut v: u32, n: usize| {
        for _ in 0..n {
            out.push(ALPHABET[(v & 63) as usize] as char);
            v >>= 6;
        }
    };
    let three = |x: usize, y: usize, z: usize| {
        u32::from(a[x]) << 16 | u32::from(a[y]) << 8 | u32::from(a[z])
    };
    let (mut x, mut y, mut z) = (0, 10, 20);
    for _ in 0..10 {
        push(three(x, y, z), 4);
        (x, y, z) = (z + 1, x + 1, y + 1);
    }
    push(u32::from(a[31]) << 8 | u32::from(a[30]), 3);
    out
}

/// `$A$005$`, twenty bytes of salt, 43 characters; empty for the empty password.
pub fn hash_sha2(password: &str) -> String {
    hash_sha2_with(password, &random_salt::<SALT_LEN>())
}

fn hash_sha2_with(password: &str, salt: &[u8; SALT_LEN]) -> String {
    if password.is_empty() {
        return String::new();
    }
    let digest = crypt(password.as_bytes(), salt, ROUNDS * 1000);
    format!("$A${ROUNDS:03X}${}{digest}", String::from_utf8_lossy(salt))
}

/// Salt, rounds and digest of a stored hash.
fn sha2_parts(hash: &str) -> Option<(&[u8], u32, &str)> {
    let bytes = hash.as_bytes();
    let rounds = u32::from_str_radix(hash.strip_prefix("$A$")?.get(..3)?, 16).ok()?;
    if bytes.get(6) != Some(&b'$') || bytes.len() != 7 + SALT_LEN + 43 {
        return None;
    }
    let digest = std::str::from_utf8(&bytes[7 + SALT_LEN..]).ok()?;
    // The file might be damaged; a login must not take minutes.
    (1..=0xfff)
        .contains(&rounds)
        .then_some((&bytes[7..7 + SALT_LEN], rounds * 1000, digest))
}

/// Whether `password` is the one of a stored `caching_sha2_password` hash.
pub fn verify_sha2(password: &[u8], hash: &str) -> bool {
    match sha2_parts(hash) {
        Some((salt, rounds, digest)) => {
            same(crypt(password, salt, rounds).as_bytes(), digest.as_bytes())
        }
        None => {
            crypt(password, &[b'.'; SALT_LEN], ROUNDS * 1000);
            false
        }
    }
}

/// Whether a text can be stored as a hash of the plugin.
pub fn is_hash(plugin: &str, hash: &str) -> bool {
    hash.is_empty()
        || match plugin {
            NATIVE => native_bytes(hash).is_some(),
            CACHING_SHA2 => sha2_parts(hash).is_some(),
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native() {
        let hash = hash_native("alice-secret");
        assert_eq!(hash, "*72633BEA1F74D211474C9767891EAE137FF89F2F");
        assert_eq!(
            hash_native("password"),
            "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
        );
        assert_eq!(hash_native(""), "");
        let nonce = [7u8; 20];
        assert!(verify_native(
            &answer_native("alice-secret", &nonce),
            &nonce,
            &hash
        ));
        assert!(!verify_native(
            &answer_native("alice-secreT", &nonce),
            &nonce,
            &hash
        ));
        assert!(!verify_native(
            &answer_native("alice-secret", &[8; 20]),
            &nonce,
            &hash
        ));
        assert!(!verify_native(b"", &nonce, &hash));
        assert!(!verify_native(&[0; 20], &nonce, ""));
        assert!(!verify_native(&[0; 20], &nonce, "*"));
    }

    #[test]
    fn crypt_as_specified() {
        // As OpenSSL's passwd -5 prints it.
        assert_eq!(
            crypt(b"Hello world!", b"saltstring", 5000),
            "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
        );
    }

    #[test]
    fn caching_sha2() {
        // Written by Dolt for carol.
        let hash =
            "$A$005$Z6\u{1e}1\u{b}E{=qy\u{12}Ye?icwFzrns3YVIDRQ8OZNP2kTlNQ0Z/QHBT9YNcekQ.SZpv/94.";
        assert!(verify_sha2(b"carol-secret", hash));
        assert!(!verify_sha2(b"carol-secrets", hash));
        assert!(!verify_sha2(b"", ""));
        assert!(!verify_sha2(b"x", "$A$005$"));
        let mine = hash_sha2("päss");
        assert!(is_hash(CACHING_SHA2, &mine) && verify_sha2("päss".as_bytes(), &mine));
        let nonce = [9u8; 20];
        let digest = fast_digest(b"carol-secret");
        assert!(verify_fast(
            &answer_sha2("carol-secret", &nonce),
            &nonce,
            &digest
        ));
        assert!(!verify_fast(&answer_sha2("carol", &nonce), &nonce, &digest));
        assert!(!verify_fast(b"", &nonce, &digest));
    }
}
