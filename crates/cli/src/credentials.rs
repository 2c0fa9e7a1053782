//! Keys that prove to a remote who somebody is: `~/.dolt/creds/KEYID.jwk` (spec 06 §4), each a JSON
//! Web Key of an Ed25519 pair. A key's number is the SHA-512/224 of its public half.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use chunks::{LocalDisk, SmallFile};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha512_224};

use crate::Failure;

/// Digits of keys as people see them.
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
/// Bytes of a public key.
const PUBLIC_LEN: usize = 32;
/// Bytes of a private key: its seed, then the public key.
const PRIVATE_LEN: usize = 64;
/// Bytes of a key's number.
const ID_LEN: usize = 28;

/// A pair of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    public: Vec<u8>,
    private: Vec<u8>,
}

/// The form of a file.
#[derive(serde::Serialize, serde::Deserialize)]
struct Jwk {
    d: String,
    x: String,
    kty: String,
    crv: String,
}

/// Five bits a digit.
fn base32(bytes: &[u8]) -> String {
    let (mut out, mut held, mut bits) = (String::new(), 0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(DIGITS[(held >> bits & 31) as usize] as char);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(DIGITS[(held << (5 - bits) & 31) as usize] as char);
    }
    out
}

/// The length of `n` bytes in digits.
const fn digits_of(n: usize) -> usize {
    (n * 8).div_ceil(5)
}

impl Credentials {
    /// A new pair.
    pub fn generate() -> Result<Credentials, Failure> {
        let seed = engine::accounts::password::random::<32>();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|e| Failure::new(format!("error: failed to generate a key: {e}")))?;
        let public = pair.public_key().as_ref().to_vec();
        let private = [&seed[..], &public].concat();
        Ok(Credentials { public, private })
    }

    /// Reads a key's file.
    pub fn parse(text: &[u8]) -> Result<Credentials, Failure> {
        let bad = |why: &dyn std::fmt::Display| {
            Failure::caused("error: could not read JWK", &why.to_string())
        };
        let jwk: Jwk = serde_json::from_slice(text).map_err(|e| bad(&e))?;
        let public = URL_SAFE.decode(&jwk.d).map_err(|e| bad(&e))?;
        let private = URL_SAFE.decode(&jwk.x).map_err(|e| bad(&e))?;
        if public.len() != PUBLIC_LEN || private.len() != PRIVATE_LEN {
            return Err(Failure::new("error: deserialized JWK was not valid"));
        }
        Ok(Credentials { public, private })
    }

    /// The public key in digits.
    pub fn public_text(&self) -> String {
        base32(&self.public)
    }

    /// The key's number in digits.
    pub fn id(&self) -> String {
        base32(&Sha512_224::digest(&self.public))
    }

    /// Writes the key's file, which only its user can read.
    pub fn save(&self, dir: &Path) -> Result<PathBuf, Failure> {
        let jwk = Jwk {
            d: URL_SAFE.encode(&self.public),
            x: URL_SAFE.encode(&self.private),
            kty: "OKP".into(),
            crv: "Ed25519".into(),
        };
        let path = dir.join(format!("{}.jwk", self.id()));
        let file = SmallFile::on(&LocalDisk::shared(), &path, Some(0o600))?;
        file.replace(&serde_json::to_vec(&jwk)?)?;
        Ok(path)
    }
}

/// Where keys are kept.
pub fn directory() -> Result<PathBuf, Failure> {
    Ok(crate::config::home()?.join(".dolt").join("creds"))
}

/// Files of keys in a directory, in order.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let list = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut out: Vec<PathBuf> = list
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "jwk"))
        .collect();
    out.sort();
    out
}

/// The file of the key with this number or public key.
pub fn find(dir: &Path, name: &str) -> Result<PathBuf, Failure> {
    if !name.bytes().all(|b| DIGITS.contains(&b)) {
        return Err(Failure::new("bad format"));
    }
    let found = if name.len() == digits_of(ID_LEN) {
        Some(dir.join(format!("{name}.jwk"))).filter(|p| p.exists())
    } else if name.len() == digits_of(PUBLIC_LEN) {
        files(dir).into_iter().find(|path| {
            let text = std::fs::read(path).unwrap_or_default();
            Credentials::parse(&text).is_ok_and(|c| c.public_text() == name)
        })
    } else {
        return Err(Failure::new("bad format"));
    };
    found.ok_or_else(|| Failure::new("credentials not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_and_found() {
        let dir = std::env::temp_dir().join(format!("dolt-rs-creds-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let made = Credentials::generate().unwrap();
        let path = made.save(&dir).unwrap();
        assert_eq!(
            Credentials::parse(&std::fs::read(&path).unwrap()).unwrap(),
            made
        );
        assert_eq!((made.public_text().len(), made.id().len()), (52, 45));
        for name in [made.public_text(), made.id()] {
            assert_eq!(find(&dir, &name).unwrap(), path);
        }
        assert!(find(&dir, "nonsense").is_err());
        assert!(find(&dir, &"0".repeat(52)).is_err());
        assert!(Credentials::parse(b"{\"d\":\"AA==\"").is_err());
        assert_eq!(base32(&[0xff, 0]), "vs00");
        let _ = std::fs::remove_dir_all(dir);
    }
}
