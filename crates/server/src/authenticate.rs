//! Proof of a password (spec 08 §9.2). An unknown user goes through the same steps as a wrong
//! password, so that neither the answer nor its time tells them apart.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use engine::accounts::password::{self, CACHING_SHA2, NATIVE};
use engine::accounts::{Account, Accounts, ClientHost};
use engine::error::Error;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};

use crate::capability::client;
use crate::channel::{Channel, ReadError};
use crate::handshake::{ClientHello, NONCE_LEN};

/// Bytes of an answer during authentication.
const ANSWER_LIMIT: usize = 16 << 10;
/// Passwords that the fast path remembers.
const REMEMBERED: usize = 10_000;
/// Bits of the key that passwords are sent under without TLS.
const KEY_BITS: usize = 2048;

const FAST_OK: [u8; 2] = [1, 3];
const FULL_AUTHENTICATION: [u8; 2] = [1, 4];
const REQUEST_PUBLIC_KEY: &[u8] = &[2];

/// Why a client was not let in.
#[derive(Debug)]
pub enum Refusal {
    /// The client is told.
    Denied(Error),
    /// The connection is gone or makes no sense.
    Lost(ReadError),
}

impl From<ReadError> for Refusal {
    fn from(e: ReadError) -> Refusal {
        Refusal::Lost(e)
    }
}

impl From<io::Error> for Refusal {
    fn from(e: io::Error) -> Refusal {
        Refusal::Lost(e.into())
    }
}

/// What authentication keeps for the life of the server.
#[derive(Default)]
pub struct Authenticator {
    /// Digests of passwords that were proved, by stored hash: a changed password is another hash.
    remembered: Mutex<HashMap<String, [u8; 32]>>,
    key: OnceLock<Option<(RsaPrivateKey, String)>>,
    /// Take passwords in the clear without TLS.
    allow_cleartext: bool,
}

impl Authenticator {
    /// Remembers nobody yet.
    pub fn new(allow_cleartext: bool) -> Authenticator {
        Authenticator {
            allow_cleartext,
            ..Authenticator::default()
        }
    }

    fn recall(&self, hash: &str) -> Option<[u8; 32]> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash)
            .copied()
    }

    fn remember(&self, hash: &str, digest: [u8; 32]) {
        let mut map = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if map.len() >= REMEMBERED {
            map.clear();
        }
        map.insert(hash.to_string(), digest);
    }

    /// The key is made when the first client needs it.
    fn key(&self) -> Option<&(RsaPrivateKey, String)> {
        self.key
            .get_or_init(|| {
                let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, KEY_BITS).ok()?;
                let pem = RsaPublicKey::from(&key)
                    .to_public_key_pem(LineEnding::LF)
                    .ok()?;
                Some((key, pem))
            })
            .as_ref()
    }

    /// Lets a client in as one of the accounts, or says why not. `nonce` is what the greeting
    /// held; without one the answer that `hello` carries is not looked at.
    pub fn authenticate(
        &self,
        channel: &mut Channel,
        accounts: &Accounts,
        hello: &ClientHello,
        host: &ClientHost,
        nonce: Option<[u8; NONCE_LEN]>,
    ) -> Result<Arc<Account>, Refusal> {
        let account = accounts.lookup(&hello.user, host);
        let (plugin, hash) = match &account {
            Some(a) => (a.plugin.as_str(), a.auth_string.as_str()),
            // No password has this hash.
            None => (NATIVE, "*0000000000000000000000000000000000000000"),
        };
        let denied = |using: bool| {
            let using = if using { "YES" } else { "NO" };
            Refusal::Denied(Error::access_denied(&hello.user, &host.name, using))
        };
        let theirs = hello.plugin.as_deref().unwrap_or(NATIVE);
        let (answer, nonce) = match nonce {
            Some(nonce) if theirs == plugin => (hello.auth.clone(), nonce),
            _ => {
                if !channel.has(client::PLUGIN_AUTH) {
                    return Err(Refusal::Denied(Error::new(
                        1251,
                        "08004",
                        "Client does not support authentication protocol requested by server; \
                         consider upgrading MySQL client",
                    )));
                }
                let nonce = password::random_salt::<NONCE_LEN>();
                let mut request = vec![0xfe];
                request.extend_from_slice(plugin.as_bytes());
                request.push(0);
                request.extend_from_slice(&nonce);
                request.push(0);
                (exchange(channel, &request)?, nonce)
            }
        };
        let using = !(answer.is_empty() || answer == [0]);
        let proved = match plugin {
            _ if !using => hash.is_empty(),
            NATIVE => password::verify_native(&answer, &nonce, hash),
            CACHING_SHA2 => self.caching_sha2(channel, &answer, &nonce, hash)?,
            _ => false,
        };
        let Some(account) = account.filter(|_| proved) else {
            return Err(denied(using));
        };
        if account.locked {
            return Err(Refusal::Denied(Error::new(
                3118,
                "HY000",
                format!(
                    "Access denied for user '{}'@'{}'. Account is locked.",
                    hello.user, host.name
                ),
            )));
        }
        if !transport_satisfies(&account, channel) {
            return Err(denied(using));
        }
        Ok(account)
    }

    fn caching_sha2(
        &self,
        channel: &mut Channel,
        answer: &[u8],
        nonce: &[u8; NONCE_LEN],
        hash: &str,
    ) -> Result<bool, Refusal> {
        if let Some(digest) = self.recall(hash)
            && password::verify_fast(answer, nonce, &digest)
        {
            channel.packet(&FAST_OK)?;
            return Ok(true);
        }
        let mut reply = exchange(channel, &FULL_AUTHENTICATION)?;
        let clear = if channel.stream().is_private() {
            reply
        } else {
            if reply == REQUEST_PUBLIC_KEY {
                let Some((_, pem)) = self.key() else {
                    return Ok(false);
                };
                reply = exchange(channel, &[&[1], pem.as_bytes()].concat())?;
            }
            match self.decrypt(&reply, nonce) {
                Some(clear) => clear,
                None if self.allow_cleartext => reply,
                None => return Ok(false),
            }
        };
        let Some((0, clear)) = clear.split_last() else {
            return Ok(false);
        };
        let proved = password::verify_sha2(clear, hash);
        if proved {
            self.remember(hash, password::fast_digest(clear));
        }
        Ok(proved)
    }

    /// A password under our key, mixed with the nonce.
    fn decrypt(&self, bytes: &[u8], nonce: &[u8; NONCE_LEN]) -> Option<Vec<u8>> {
        if bytes.len() != KEY_BITS / 8 {
            return None;
        }
        let (key, _) = self.key()?;
        let mut clear = key.decrypt(Oaep::new::<sha1::Sha1>(), bytes).ok()?;
        for (b, n) in clear.iter_mut().zip(nonce.iter().cycle()) {
            *b ^= n;
        }
        Some(clear)
    }
}

fn exchange(channel: &mut Channel, request: &[u8]) -> Result<Vec<u8>, Refusal> {
    channel.packet(request)?;
    channel.flush()?;
    let mut reply = Vec::new();
    channel.read(&mut reply, ANSWER_LIMIT)?;
    Ok(reply)
}

/// REQUIRE. What cannot be checked does not let in.
fn transport_satisfies(account: &Account, channel: &Channel) -> bool {
    let tls = channel.stream().tls();
    match account.ssl_type.as_str() {
        "" => true,
        "ANY" => tls.is_some(),
        "X509" => tls.is_some_and(|t| t.client_certificate),
        "SPECIFIED" => tls.is_some_and(|t| {
            let cipher_fits =
                account.ssl_cipher.is_empty() || t.cipher.eq_ignore_ascii_case(&account.ssl_cipher);
            cipher_fits && account.x509_issuer.is_empty() && account.x509_subject.is_empty()
        }),
        _ => false,
    }
}
