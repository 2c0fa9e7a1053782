//! The first packets of a connection (spec 08 §9.1).

use std::collections::BTreeMap;

use engine::accounts::password;

use crate::capability::{client, status};
use crate::wire_format::{Malformed, PacketReader, put_bytes};

/// Bytes of random data that a password is mixed with.
pub const NONCE_LEN: usize = 20;
/// Connection attributes beyond this are not kept.
const MAX_ATTRIBUTES: usize = 64;

/// The server's greeting.
pub fn greeting(version: &str, id: u32, capabilities: u32, nonce: &[u8; NONCE_LEN]) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    out.push(10);
    out.extend_from_slice(version.as_bytes());
    out.push(0);
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(&nonce[..8]);
    out.push(0);
    out.extend_from_slice(&(capabilities as u16).to_le_bytes());
    // utf8mb4_0900_ai_ci; the field has room for small numbers only, and this is 255.
    out.push(255);
    out.extend_from_slice(&status::AUTOCOMMIT.to_le_bytes());
    out.extend_from_slice(&((capabilities >> 16) as u16).to_le_bytes());
    out.push(NONCE_LEN as u8 + 1);
    out.extend_from_slice(&[0; 10]);
    out.extend_from_slice(&nonce[8..]);
    out.push(0);
    out.extend_from_slice(password::NATIVE.as_bytes());
    out.push(0);
    out
}

/// What a greeting says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Capabilities of the server.
    pub capabilities: u32,
    /// What passwords are mixed with.
    pub nonce: Vec<u8>,
    /// Plugin that the answer is expected for.
    pub plugin: String,
}

/// Reads a greeting.
pub fn parse_greeting(packet: &[u8]) -> Result<Greeting, Malformed> {
    let mut r = PacketReader::new(packet);
    if r.u8()? != 10 {
        return Err(Malformed);
    }
    r.nul()?;
    r.u32()?;
    let mut nonce = r.take(8)?.to_vec();
    r.u8()?;
    let low = r.u16()?;
    r.u8()?;
    r.u16()?;
    let capabilities = u32::from(r.u16()?) << 16 | u32::from(low);
    let nonce_len = usize::from(r.u8()?).max(NONCE_LEN + 1);
    r.take(10)?;
    nonce.extend_from_slice(r.take(nonce_len - 8)?);
    nonce.truncate(NONCE_LEN);
    let plugin = text(r.nul_or_rest());
    Ok(Greeting {
        capabilities,
        nonce,
        plugin,
    })
}

/// The request of a client that TLS begin, which is the first part of its answer.
pub fn tls_request(capabilities: u32) -> Vec<u8> {
    let mut out = capabilities.to_le_bytes().to_vec();
    out.extend_from_slice(&(1u32 << 30).to_le_bytes());
    // utf8mb4_0900_ai_ci.
    out.push(255);
    out.extend_from_slice(&[0; 23]);
    out
}

/// The answer to a greeting with these capabilities.
pub fn answer(hello: &ClientHello) -> Vec<u8> {
    let mut out = tls_request(hello.capabilities);
    out.extend_from_slice(hello.user.as_bytes());
    out.push(0);
    put_bytes(&mut out, &hello.auth);
    if let Some(db) = &hello.database {
        out.extend_from_slice(db.as_bytes());
        out.push(0);
    }
    out.extend_from_slice(hello.plugin.as_deref().unwrap_or_default().as_bytes());
    out.push(0);
    out
}

/// What the client answers to the greeting, or sends to change the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// Its capabilities, not yet masked.
    pub capabilities: u32,
    /// Collation of its texts.
    pub collation: u16,
    /// User.
    pub user: String,
    /// Answer to the nonce.
    pub auth: Vec<u8>,
    /// Database to make current.
    pub database: Option<String>,
    /// Plugin that the answer is for.
    pub plugin: Option<String>,
    /// Attributes of the connection.
    pub attributes: BTreeMap<String, String>,
}

/// The answer to the greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// TLS is to begin; another answer follows.
    Tls,
    /// The whole answer.
    Hello(ClientHello),
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads the answer to a greeting that offered `offered`.
pub fn parse_answer(packet: &[u8], offered: u32) -> Result<Answer, Malformed> {
    let mut r = PacketReader::new(packet);
    let capabilities = r.u32()?;
    if capabilities & client::PROTOCOL_41 == 0 {
        return Err(Malformed);
    }
    let _max_packet = r.u32()?;
    let collation = r.u8()?;
    r.take(23)?;
    if r.is_empty() && capabilities & client::SSL != 0 {
        return Ok(Answer::Tls);
    }
    // Clients set flags that were not offered; the form of the rest follows what both have.
    let both = capabilities & offered;
    let user = text(r.nul()?);
    let auth = if both & client::PLUGIN_AUTH_LENENC != 0 {
        r.bytes()?
    } else if both & client::SECURE_CONNECTION != 0 {
        let n = r.u8()?;
        r.take(n.into())?
    } else {
        r.nul_or_rest()
    };
    let auth = auth.to_vec();
    let mut hello = ClientHello {
        capabilities,
        collation: collation.into(),
        user,
        auth,
        ..ClientHello::default()
    };
    if both & client::CONNECT_WITH_DB != 0 && !r.is_empty() {
        hello.database = Some(text(r.nul_or_rest())).filter(|d| !d.is_empty());
    }
    if both & client::PLUGIN_AUTH != 0 && !r.is_empty() {
        hello.plugin = Some(text(r.nul_or_rest())).filter(|p| !p.is_empty());
    }
    if both & client::CONNECT_ATTRS != 0 {
        hello.attributes = attributes(&mut r);
    }
    Ok(Answer::Hello(hello))
}

/// Attributes are for information only: damaged ones are left out.
fn attributes(r: &mut PacketReader<'_>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let Ok(all) = r.bytes() else { return out };
    let mut r = PacketReader::new(all);
    while let (Ok(key), Ok(value)) = (r.bytes(), r.bytes()) {
        if out.len() < MAX_ATTRIBUTES {
            out.insert(text(key), text(value));
        }
    }
    out
}

/// Reads COM_CHANGE_USER, its first byte left out.
pub fn parse_change_user(packet: &[u8], both: u32) -> Result<ClientHello, Malformed> {
    let mut r = PacketReader::new(packet);
    let user = text(r.nul()?);
    let auth = if both & client::SECURE_CONNECTION != 0 {
        let n = r.u8()?;
        r.take(n.into())?.to_vec()
    } else {
        r.nul_or_rest().to_vec()
    };
    let mut hello = ClientHello {
        capabilities: both,
        user,
        auth,
        ..ClientHello::default()
    };
    hello.database = Some(text(r.nul_or_rest())).filter(|d| !d.is_empty());
    if !r.is_empty() {
        hello.collation = r.u16()?;
    }
    if both & client::PLUGIN_AUTH != 0 && !r.is_empty() {
        hello.plugin = Some(text(r.nul_or_rest())).filter(|p| !p.is_empty());
    }
    if both & client::CONNECT_ATTRS != 0 {
        hello.attributes = attributes(&mut r);
    }
    Ok(hello)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::SERVER_CAPABILITIES;

    #[test]
    fn the_greeting_says_that_autocommit_is_on() {
        let nonce: [u8; 20] = std::array::from_fn(|i| i as u8 + 1);
        let g = greeting("8.0.33", 7, SERVER_CAPABILITIES, &nonce);
        let mut r = PacketReader::new(&g);
        assert_eq!(r.u8(), Ok(10));
        assert_eq!(r.nul(), Ok(&b"8.0.33"[..]));
        assert_eq!(r.u32(), Ok(7));
        assert_eq!(r.take(9).map(|b| b[0]), Ok(1));
        let low = r.u16().expect("capabilities");
        r.u8().expect("collation");
        assert_eq!(r.u16(), Ok(2));
        let high = r.u16().expect("capabilities");
        assert_eq!(u32::from(high) << 16 | u32::from(low), SERVER_CAPABILITIES);
        assert_eq!(r.u8(), Ok(21));
        r.take(10).expect("filler");
        assert_eq!(r.nul(), Ok(&nonce[8..]));
        assert_eq!(r.nul(), Ok(&b"mysql_native_password"[..]));
        assert!(r.is_empty());
        let read = parse_greeting(&g).expect("reads");
        assert_eq!(
            (read.capabilities, read.nonce.as_slice(), &*read.plugin),
            (SERVER_CAPABILITIES, &nonce[..], password::NATIVE)
        );
        for n in 0..g.len() {
            let _ = parse_greeting(&g[..n]);
        }
    }

    #[test]
    fn what_a_client_answers_is_what_the_server_reads() {
        let hello = ClientHello {
            capabilities: SERVER_CAPABILITIES & !client::CONNECT_ATTRS,
            collation: 255,
            user: "me".into(),
            auth: vec![1, 2, 0, 3],
            database: Some("shop".into()),
            plugin: Some(password::NATIVE.into()),
            ..ClientHello::default()
        };
        assert_eq!(
            parse_answer(&answer(&hello), SERVER_CAPABILITIES),
            Ok(Answer::Hello(hello))
        );
    }

    fn hello(capabilities: u32, tail: &[u8]) -> Vec<u8> {
        let mut p = capabilities.to_le_bytes().to_vec();
        p.extend_from_slice(&[0, 0, 0, 1, 45]);
        p.extend_from_slice(&[0; 23]);
        p.extend_from_slice(tail);
        p
    }

    #[test]
    fn answers() {
        use client::*;
        let caps = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH | CONNECT_WITH_DB | CONNECT_ATTRS;
        let p = hello(
            caps,
            b"me\0\x03abcshop\0caching_sha2_password\0\x06\x01a\x03bcd",
        );
        let Ok(Answer::Hello(h)) = parse_answer(&p, SERVER_CAPABILITIES) else {
            panic!("hello")
        };
        assert_eq!(
            (h.user.as_str(), h.auth.as_slice(), h.collation),
            ("me", &b"abc"[..], 45)
        );
        assert_eq!(h.database.as_deref(), Some("shop"));
        assert_eq!(h.plugin.as_deref(), Some("caching_sha2_password"));
        assert_eq!(h.attributes.get("a").map(String::as_str), Some("bcd"));
        for n in 0..p.len() {
            let _ = parse_answer(&p[..n], SERVER_CAPABILITIES);
        }
        assert_eq!(
            parse_answer(&hello(PROTOCOL_41 | SSL, b""), u32::MAX),
            Ok(Answer::Tls)
        );
        assert_eq!(parse_answer(&hello(0, b"me\0"), u32::MAX), Err(Malformed));
        // A flag that was not offered does not change how the packet is read.
        let p = hello(caps | PLUGIN_AUTH_LENENC, b"me\0\x00");
        assert!(parse_answer(&p, SERVER_CAPABILITIES & !PLUGIN_AUTH_LENENC).is_ok());
    }

    #[test]
    fn change_of_user() {
        let both = SERVER_CAPABILITIES;
        let h = parse_change_user(b"bob\0\x02xyother\0\xff\0mysql_native_password\0", both)
            .expect("reads");
        assert_eq!((h.user.as_str(), h.collation), ("bob", 255));
        assert_eq!(h.database.as_deref(), Some("other"));
        assert_eq!(h.plugin.as_deref(), Some("mysql_native_password"));
        assert!(parse_change_user(b"bob", both).is_err());
    }
}
