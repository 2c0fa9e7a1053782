//! Digests, checksums and AES.

use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit, generic_array::GenericArray};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use values::Value;

use super::bits::hex_digits;
use super::result_type as ty;
use super::{Call, Function, Outcome, bytes};
use crate::convert::{to_i64, to_string, to_text};
use crate::error::{Error, Result};

pub const FUNCTIONS: &[Function] = &[
    Function::new("md5", 1, 1, ty::name, |_, a| {
        Ok(bytes(hex_digits(&Md5::digest(to_text(&a[0])), false)))
    }),
    Function::new("sha", 1, 1, ty::name, sha1),
    Function::new("sha1", 1, 1, ty::name, sha1),
    Function::new("sha2", 2, 2, sha2_type, sha2),
    Function::new("crc32", 1, 1, ty::uint, |_, a| {
        Ok(Value::UInt(
            super::compression::crc32(&to_text(&a[0])).into(),
        ))
    }),
    Function::new("aes_encrypt", 2, 6, ty::blob, aes_encrypt),
    Function::new("aes_decrypt", 2, 6, ty::blob, aes_decrypt),
    Function::new("random_bytes", 1, 1, ty::blob, random_bytes).volatile(),
    Function::new("statement_digest", 1, 1, ty::name, statement_digest),
];

fn sha2_type(_: &[values::SqlType], c: values::CollationId) -> values::SqlType {
    crate::bind::types::varchar(
        128,
        if c == values::CollationId::BINARY {
            values::CollationId::DEFAULT
        } else {
            c
        },
    )
}

fn sha1(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    Ok(bytes(hex_digits(&Sha1::digest(to_text(&a[0])), false)))
}

fn sha2(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_text(&a[0]);
    let digest = match to_i64(&a[1], call.cx)? {
        224 => Sha224::digest(text).to_vec(),
        0 | 256 => Sha256::digest(text).to_vec(),
        384 => Sha384::digest(text).to_vec(),
        512 => Sha512::digest(text).to_vec(),
        _ => {
            call.cx.warn(
                1583,
                "Incorrect parameters in the call to native function 'sha2'",
            );
            return Ok(Value::Null);
        }
    };
    Ok(bytes(hex_digits(&digest, false)))
}

/// SHA-256 of the statement as it is written, without comments or layout taken away.
fn statement_digest(_: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let text = to_string(&a[0]);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    Ok(bytes(hex_digits(&Sha256::digest(words.join(" ")), false)))
}

/// Bytes of a block of AES.
const BLOCK: usize = 16;

/// A cipher with a key of MySQL's making: the password folded to the key's length.
enum Cipher {
    Aes128(aes::Aes128),
    Aes192(aes::Aes192),
    Aes256(aes::Aes256),
}

impl Cipher {
    fn new(password: &[u8], bits: usize) -> Cipher {
        let mut key = vec![0u8; bits / 8];
        let length = key.len();
        for (i, b) in password.iter().enumerate() {
            key[i % length] ^= b;
        }
        match bits {
            192 => Cipher::Aes192(aes::Aes192::new(GenericArray::from_slice(&key))),
            256 => Cipher::Aes256(aes::Aes256::new(GenericArray::from_slice(&key))),
            _ => Cipher::Aes128(aes::Aes128::new(GenericArray::from_slice(&key))),
        }
    }

    fn encrypt(&self, block: &mut [u8]) {
        let block = GenericArray::from_mut_slice(block);
        match self {
            Cipher::Aes128(c) => c.encrypt_block(block),
            Cipher::Aes192(c) => c.encrypt_block(block),
            Cipher::Aes256(c) => c.encrypt_block(block),
        }
    }

    fn decrypt(&self, block: &mut [u8]) {
        let block = GenericArray::from_mut_slice(block);
        match self {
            Cipher::Aes128(c) => c.decrypt_block(block),
            Cipher::Aes192(c) => c.decrypt_block(block),
            Cipher::Aes256(c) => c.decrypt_block(block),
        }
    }
}

/// Key length and chaining of @@block_encryption_mode, and the initial vector that it needs.
fn mode(call: &Call<'_>, a: &[Value<'_>], name: &str) -> Result<(usize, Option<[u8; BLOCK]>)> {
    let text = match call.cx.session.variable("block_encryption_mode") {
        Value::Null => "aes-128-ecb".to_string(),
        v => to_string(&v).to_ascii_lowercase(),
    };
    let mut parts = text.split('-').skip(1);
    let bits = parts.next().and_then(|b| b.parse().ok()).unwrap_or(128);
    match parts.next() {
        Some("ecb") | None => Ok((bits, None)),
        Some("cbc") => {
            let iv = a.get(2).ok_or_else(|| Error::wrong_parameter_count(name))?;
            let iv = to_text(iv);
            let start = iv.get(..BLOCK).and_then(|b| b.try_into().ok()).ok_or_else(|| {
                Error::new(1882, "HY000", format!("The initialization vector supplied to {name} is too short. Must be at least 16 bytes long"))
            })?;
            Ok((bits, Some(start)))
        }
        Some(other) => Err(Error::not_supported(format!(
            "block_encryption_mode {other}"
        ))),
    }
}

fn aes_encrypt(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (bits, mut chain) = mode(call, a, "aes_encrypt")?;
    let cipher = Cipher::new(&to_text(&a[1]), bits);
    let mut data = to_text(&a[0]).into_owned();
    let padding = BLOCK - data.len() % BLOCK;
    data.resize(data.len() + padding, padding as u8);
    for block in data.chunks_exact_mut(BLOCK) {
        if let Some(previous) = &mut chain {
            block
                .iter_mut()
                .zip(previous.iter())
                .for_each(|(b, p)| *b ^= p);
            cipher.encrypt(block);
            previous.copy_from_slice(block);
        } else {
            cipher.encrypt(block);
        }
    }
    Ok(bytes(data))
}

fn aes_decrypt(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let (bits, mut chain) = mode(call, a, "aes_decrypt")?;
    let cipher = Cipher::new(&to_text(&a[1]), bits);
    let mut data = to_text(&a[0]).into_owned();
    if data.is_empty() || !data.len().is_multiple_of(BLOCK) {
        return Ok(Value::Null);
    }
    for block in data.chunks_exact_mut(BLOCK) {
        let mut encrypted = [0; BLOCK];
        encrypted.copy_from_slice(block);
        cipher.decrypt(block);
        if let Some(previous) = &mut chain {
            block
                .iter_mut()
                .zip(previous.iter())
                .for_each(|(b, p)| *b ^= p);
            *previous = encrypted;
        }
    }
    let padding = usize::from(data.last().copied().unwrap_or(0));
    let right = (1..=BLOCK).contains(&padding)
        && data[data.len() - padding..]
            .iter()
            .all(|b| usize::from(*b) == padding);
    if !right {
        return Ok(Value::Null);
    }
    data.truncate(data.len() - padding);
    Ok(bytes(data))
}

fn random_bytes(call: &Call<'_>, a: &[Value<'_>]) -> Outcome {
    let n = to_i64(&a[0], call.cx)?;
    if !(1..=1024).contains(&n) {
        return Err(Error::new(
            1690,
            "22003",
            "length value is out of range in 'random_bytes'",
        ));
    }
    let mut out = vec![0; n as usize];
    super::uuid::fill(&mut out)?;
    Ok(bytes(out))
}
