//! A client of a server: connects, proves a password, runs statements of the text protocol and
//! gives their results to a sink, as a session in the same process does.

use std::net::TcpStream;
use std::time::Duration;

use engine::accounts::password::{self, CACHING_SHA2, NATIVE};
use engine::error::{Error, Result, SqlState};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use rsa::pkcs8::DecodePublicKey;
use rsa::{Oaep, RsaPublicKey};
use values::type_facts::column_flags;
use values::{CollationId, IntWidth, SqlType, Value};

use crate::capability::{client, command, status};
use crate::channel::{Channel, ReadError};
use crate::handshake::{ClientHello, Greeting, NONCE_LEN, answer, parse_greeting, tls_request};
use crate::stream::{Socket, Stream};
use crate::tls;
use crate::wire_format::{Malformed, PacketReader};

/// Bytes of an answer that a client takes.
const PACKET_LIMIT: usize = 1 << 30;
/// How long a server may take to accept a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);

/// Whether TLS is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// It is not.
    Never,
    /// It is, and the server's certificate is checked.
    Verified,
    /// It is if the server can, and nothing is checked.
    IfOffered,
}

/// Whom to connect to, and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Account.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Database to make current, perhaps with a revision.
    pub database: Option<String>,
    /// TLS.
    pub tls: Tls,
}

/// A connection to a server.
pub struct Client {
    channel: Channel,
    packet: Vec<u8>,
}

fn lost(e: impl std::fmt::Display) -> Error {
    Error::new(2013, "HY000", format!("Lost connection to server: {e}"))
}

impl From<Malformed> for Lost {
    fn from(e: Malformed) -> Lost {
        Lost(lost(e))
    }
}

impl From<ReadError> for Lost {
    fn from(e: ReadError) -> Lost {
        Lost(lost(e))
    }
}

impl From<std::io::Error> for Lost {
    fn from(e: std::io::Error) -> Lost {
        Lost(lost(e))
    }
}

impl From<Error> for Lost {
    fn from(e: Error) -> Lost {
        Lost(e)
    }
}

/// An error on its way out; what went wrong below the protocol is a lost connection.
struct Lost(Error);

type Step<T> = std::result::Result<T, Lost>;

/// Reads an ERR packet, its first byte left out.
fn parse_error(r: &mut PacketReader<'_>) -> Step<Error> {
    let code = r.u16()?;
    let mut state = "HY000";
    let rest = r.rest();
    let message = match rest.split_first_chunk::<6>() {
        Some(([b'#', s @ ..], message)) => {
            state = std::str::from_utf8(s).unwrap_or(state);
            message
        }
        _ => rest,
    };
    Ok(Error {
        code,
        state: SqlState::new(state),
        message: String::from_utf8_lossy(message).into_owned(),
    })
}

/// The type of a column by its definition, as near as the protocol tells.
fn type_of(code: u8, flags: u16, charset: u16, length: u32, decimals: u8) -> SqlType {
    let unsigned = flags & column_flags::UNSIGNED != 0;
    let int = |width| SqlType::Int {
        width,
        unsigned,
        bool_width: width == IntWidth::Tiny && length == 1,
    };
    let binary = CollationId(charset) == CollationId::BINARY;
    let fraction = if decimals > 6 { 0 } else { decimals };
    match code {
        1 => int(IntWidth::Tiny),
        2 => int(IntWidth::Small),
        3 => int(IntWidth::Int),
        9 => int(IntWidth::Medium),
        8 => int(IntWidth::Big),
        4 => SqlType::Float,
        5 => SqlType::Double,
        6 => SqlType::Null,
        0 | 246 => SqlType::Decimal {
            precision: 65,
            scale: decimals.min(30),
        },
        7 => SqlType::Timestamp(fraction),
        10 => SqlType::Date,
        11 => SqlType::Time(fraction),
        12 => SqlType::DateTime(fraction),
        13 => SqlType::Year,
        16 => SqlType::Bit(length.clamp(1, 64) as u8),
        245 => SqlType::Json,
        _ if binary => SqlType::VarBinary(length),
        _ => SqlType::VarChar(length / 4, CollationId::DEFAULT),
    }
}

/// Reads a column definition.
fn parse_column(packet: &[u8]) -> Step<ColumnMeta> {
    let mut r = PacketReader::new(packet);
    let mut text = || -> Step<String> { Ok(String::from_utf8_lossy(r.bytes()?).into_owned()) };
    text()?;
    let (schema, table, org_table) = (text()?, text()?, text()?);
    let (name, org_name) = (text()?, text()?);
    r.lenenc()?;
    let (charset, length, code, flags, decimals) = (r.u16()?, r.u32()?, r.u8()?, r.u16()?, r.u8()?);
    Ok(ColumnMeta {
        schema,
        table,
        org_table,
        org_name,
        not_null: flags & column_flags::NOT_NULL != 0,
        primary_key: flags & column_flags::PRIMARY_KEY != 0,
        ..ColumnMeta::computed(name, type_of(code, flags, charset, length, decimals))
    })
}

/// A row of the text protocol.
struct TextRow<'p> {
    cells: Vec<Option<&'p [u8]>>,
    columns: &'p [ColumnMeta],
}

impl<'p> TextRow<'p> {
    fn parse(packet: &'p [u8], columns: &'p [ColumnMeta]) -> Step<TextRow<'p>> {
        let mut r = PacketReader::new(packet);
        let mut cells = Vec::with_capacity(columns.len());
        for _ in columns {
            if r.rest().first() == Some(&0xfb) {
                r.u8()?;
                cells.push(None);
            } else {
                cells.push(Some(r.bytes()?));
            }
        }
        Ok(TextRow { cells, columns })
    }
}

impl Row for TextRow<'_> {
    fn len(&self) -> usize {
        self.cells.len()
    }

    fn get(&self, i: usize) -> Result<Value<'_>> {
        let Some(bytes) = self.cells[i] else {
            return Ok(Value::Null);
        };
        fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
            std::str::from_utf8(bytes).ok()?.parse().ok()
        }
        let parsed = match &self.columns[i].ty {
            SqlType::Int { unsigned: true, .. } | SqlType::Year => number(bytes).map(Value::UInt),
            SqlType::Int { .. } => number(bytes).map(Value::Int),
            SqlType::Float | SqlType::Double => number(bytes).map(Value::Float),
            SqlType::Bit(_) if bytes.len() <= 8 => {
                let bits = bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b));
                Some(Value::UInt(bits))
            }
            _ => None,
        };
        Ok(parsed.unwrap_or(Value::Bytes(bytes.into())))
    }
}

fn scramble(plugin: &str, password: &str, nonce: &[u8]) -> Result<Vec<u8>> {
    match plugin {
        NATIVE => Ok(password::answer_native(password, nonce)),
        CACHING_SHA2 => Ok(password::answer_sha2(password, nonce)),
        other => Err(Error::new(
            2059,
            "HY000",
            format!("Authentication plugin '{other}' cannot be loaded"),
        )),
    }
}

impl Client {
    /// Connects, and goes through authentication.
    pub fn connect(target: &Target) -> Result<Client> {
        Client::open(target).map_err(|e| e.0)
    }

    fn open(target: &Target) -> Step<Client> {
        let refused = |e: &dyn std::fmt::Display| {
            let place = format!("{}:{}", target.host, target.port);
            Lost(Error::new(
                2003,
                "HY000",
                format!("Can't connect to server on '{place}' ({e})"),
            ))
        };
        let socket = connect_tcp(&target.host, target.port).map_err(|e| refused(&e))?;
        socket.set_nodelay(true)?;
        let mut channel = Channel::new(Stream::Plain(Socket::Tcp(socket)));
        let mut packet = Vec::new();
        channel.read(&mut packet, PACKET_LIMIT)?;
        if let Some((0xff, rest)) = packet.split_first() {
            return Err(Lost(parse_error(&mut PacketReader::new(rest))?));
        }
        let greeting = parse_greeting(&packet)?;
        let mut capabilities = client::LONG_PASSWORD
            | client::LONG_FLAG
            | client::LOCAL_FILES
            | client::PROTOCOL_41
            | client::TRANSACTIONS
            | client::SECURE_CONNECTION
            | client::MULTI_RESULTS
            | client::PLUGIN_AUTH
            | client::PLUGIN_AUTH_LENENC
            | client::DEPRECATE_EOF;
        if target.database.is_some() {
            capabilities |= client::CONNECT_WITH_DB;
        }
        capabilities &= greeting.capabilities;
        let offers_tls = greeting.capabilities & client::SSL != 0;
        match (target.tls, offers_tls) {
            (Tls::Verified, false) => {
                return Err(Lost(Error::new(
                    2026,
                    "HY000",
                    "TLS requested but server does not support TLS",
                )));
            }
            (Tls::Verified | Tls::IfOffered, true) => {
                capabilities |= client::SSL;
                channel.packet(&tls_request(capabilities))?;
                channel.flush()?;
                let bad = |e: &dyn std::fmt::Display| {
                    Lost(Error::new(2026, "HY000", format!("TLS: {e}")))
                };
                let config =
                    tls::client_config(target.tls == Tls::Verified).map_err(|e| bad(&e))?;
                let name = target.host.clone().try_into().map_err(|e| bad(&e))?;
                channel.upgrade_client(config, name).map_err(|e| bad(&e))?;
            }
            _ => {}
        }
        channel.capabilities = capabilities;
        let mut client = Client { channel, packet };
        client.authenticate(target, &greeting)?;
        client.channel.read_ahead();
        Ok(client)
    }

    fn send(&mut self, payload: &[u8]) -> Step<()> {
        self.channel.packet(payload)?;
        Ok(self.channel.flush()?)
    }

    fn receive(&mut self) -> Step<()> {
        self.channel.read(&mut self.packet, PACKET_LIMIT)?;
        Ok(())
    }

    fn authenticate(&mut self, target: &Target, greeting: &Greeting) -> Step<()> {
        let known = [NATIVE, CACHING_SHA2].contains(&greeting.plugin.as_str());
        let mut plugin = match known {
            true => greeting.plugin.clone(),
            false => NATIVE.to_string(),
        };
        let mut nonce = greeting.nonce.clone();
        let hello = ClientHello {
            capabilities: self.channel.capabilities,
            user: target.user.clone(),
            auth: scramble(&plugin, &target.password, &nonce)?,
            database: target.database.clone(),
            plugin: Some(plugin.clone()),
            ..ClientHello::default()
        };
        self.send(&answer(&hello))?;
        loop {
            self.receive()?;
            let packet = std::mem::take(&mut self.packet);
            let mut r = PacketReader::new(&packet);
            match r.u8()? {
                0x00 => return Ok(()),
                0xff => return Err(Lost(parse_error(&mut r)?)),
                0xfe => {
                    plugin = String::from_utf8_lossy(r.nul()?).into_owned();
                    nonce = r.rest().to_vec();
                    nonce.truncate(NONCE_LEN);
                    let auth = scramble(&plugin, &target.password, &nonce)?;
                    self.send(&auth)?;
                }
                // caching_sha2_password: known already, or the password itself is wanted.
                0x01 if r.rest() == [3] => {}
                0x01 if r.rest() == [4] => {
                    let mut clear = target.password.as_bytes().to_vec();
                    clear.push(0);
                    if self.channel.stream().is_private() {
                        self.send(&clear)?;
                        continue;
                    }
                    self.send(&[2])?;
                    self.receive()?;
                    let key = self.packet.get(1..).unwrap_or_default();
                    let key = RsaPublicKey::from_public_key_pem(&String::from_utf8_lossy(key))
                        .map_err(lost)?;
                    for (b, n) in clear.iter_mut().zip(nonce.iter().cycle()) {
                        *b ^= n;
                    }
                    let sealed = key
                        .encrypt(
                            &mut rsa::rand_core::OsRng,
                            Oaep::new::<sha1::Sha1>(),
                            &clear,
                        )
                        .map_err(lost)?;
                    self.send(&sealed)?;
                }
                _ => return Err(Malformed.into()),
            }
        }
    }

    /// Runs one statement and gives its results to `sink`.
    pub fn execute(&mut self, sql: &[u8], sink: &mut dyn ResultSink) -> Result<()> {
        self.run(sql, sink).map_err(|e| e.0)
    }

    fn run(&mut self, sql: &[u8], sink: &mut dyn ResultSink) -> Step<()> {
        self.channel.reset_sequence();
        let at = self.channel.begin();
        self.channel.out().push(command::QUERY);
        self.channel.out().extend_from_slice(sql);
        self.channel.end(at)?;
        self.channel.flush()?;
        // What a sink refuses is still read, so that the connection stays in step.
        let mut refused: Option<Error> = None;
        loop {
            self.receive()?;
            let mut r = PacketReader::new(&self.packet);
            match self.packet.first() {
                Some(0xff) => {
                    r.u8()?;
                    return Err(Lost(parse_error(&mut r)?));
                }
                Some(0xfb) => {
                    let name = String::from_utf8_lossy(&self.packet[1..]).into_owned();
                    if let Err(e) = self.send_file(&name, sink) {
                        refused.get_or_insert(e.0);
                        self.send(&[])?;
                    }
                    continue;
                }
                _ => {}
            }
            let count = r.lenenc()?;
            let more = if count == 0 {
                let (done, more) = parse_ok(&mut r)?;
                if refused.is_none()
                    && let Err(e) = sink.done(&done, more)
                {
                    refused = Some(e);
                }
                more
            } else {
                self.rows(count, sink, &mut refused)?
            };
            if !more {
                return refused.map_or(Ok(()), |e| Err(Lost(e)));
            }
        }
    }

    /// Reads a result set; says whether another follows.
    fn rows(
        &mut self,
        count: u64,
        sink: &mut dyn ResultSink,
        refused: &mut Option<Error>,
    ) -> Step<bool> {
        let mut columns = Vec::new();
        for _ in 0..count {
            self.receive()?;
            columns.push(parse_column(&self.packet)?);
        }
        let deprecated = self.channel.has(client::DEPRECATE_EOF);
        if !deprecated {
            self.receive()?;
        }
        if refused.is_none()
            && let Err(e) = sink.columns(&columns)
        {
            *refused = Some(e);
        }
        let mut wanted = Flow::Continue;
        loop {
            self.receive()?;
            let mut r = PacketReader::new(&self.packet);
            match self.packet.first() {
                Some(0xff) => {
                    r.u8()?;
                    return Err(Lost(parse_error(&mut r)?));
                }
                Some(0xfe)
                    if self.packet.len() < 9 || deprecated && self.packet.len() < 1 << 24 =>
                {
                    r.u8()?;
                    let (done, more) = match deprecated {
                        true => parse_ok(&mut r)?,
                        false => {
                            r.u16()?;
                            let flags = r.u16()?;
                            (Done::default(), flags & status::MORE_RESULTS != 0)
                        }
                    };
                    if refused.is_none()
                        && let Err(e) = sink.done(&done, more)
                    {
                        *refused = Some(e);
                    }
                    return Ok(more);
                }
                _ => {}
            }
            if refused.is_none() && wanted == Flow::Continue {
                match sink.row(&TextRow::parse(&self.packet, &columns)?) {
                    Ok(flow) => wanted = flow,
                    Err(e) => *refused = Some(e),
                }
            }
        }
    }

    /// Sends a file that LOAD DATA LOCAL asks for.
    fn send_file(&mut self, name: &str, sink: &mut dyn ResultSink) -> Step<()> {
        let mut file = sink.local_file(name)?;
        let mut part = vec![0; 64 << 10];
        loop {
            let n = file.read(&mut part)?;
            self.channel.packet(&part[..n])?;
            if n == 0 {
                return Ok(self.channel.flush()?);
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.channel.reset_sequence();
        // The server notices a connection that is just closed as well.
        let _ = self.send(&[command::QUIT]);
    }
}

fn connect_tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    use std::net::ToSocketAddrs;
    let mut last = std::io::Error::other("no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
            Ok(s) => return Ok(s),
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// Reads an OK packet, its first byte left out; says whether another result follows.
fn parse_ok(r: &mut PacketReader<'_>) -> Step<(Done, bool)> {
    let (affected_rows, last_insert_id) = (r.lenenc()?, r.lenenc()?);
    let flags = r.u16()?;
    r.u16()?;
    let info = r.bytes().unwrap_or_else(|_| r.rest());
    let done = Done {
        affected_rows,
        last_insert_id,
        info: String::from_utf8_lossy(info).into_owned(),
    };
    Ok((done, flags & status::MORE_RESULTS != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result_writer::put_column;

    #[test]
    fn columns_come_back_as_they_were_sent() {
        for ty in [
            SqlType::INT,
            SqlType::Int {
                width: IntWidth::Tiny,
                unsigned: false,
                bool_width: true,
            },
            SqlType::Double,
            SqlType::Date,
            SqlType::DateTime(6),
            SqlType::Json,
        ] {
            let meta = ColumnMeta {
                org_name: "c".into(),
                table: "t".into(),
                org_table: "t".into(),
                schema: "db".into(),
                not_null: true,
                ..ColumnMeta::computed("a", ty)
            };
            let mut packet = Vec::new();
            put_column(&mut packet, &meta, CollationId::DEFAULT);
            assert_eq!(parse_column(&packet).ok(), Some(meta));
            for n in 0..packet.len() {
                let _ = parse_column(&packet[..n]);
            }
        }
    }

    #[test]
    fn rows_and_errors() {
        let columns = [
            ColumnMeta::computed("a", SqlType::INT),
            ColumnMeta::computed("b", SqlType::VarBinary(9)),
        ];
        let row = TextRow::parse(b"\x02-7\xfb", &columns).ok().expect("reads");
        assert!(matches!(row.get(0), Ok(Value::Int(-7))));
        assert!(matches!(row.get(1), Ok(Value::Null)));
        assert!(TextRow::parse(b"\x02-7", &columns).is_err());
        let e = parse_error(&mut PacketReader::new(b"\x28\x04#42000bad"));
        assert_eq!(e.ok(), Some(Error::new(1064, "42000", "bad")));
    }
}
