//! The protocol over real sockets, with a database that knows a handful of statements.

mod fake;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use engine::accounts::password;
use fake::{Running, pem, start, start_with};
use server::ConnectionConfig;

trait Bytes: Read + Write {}
impl<T: Read + Write> Bytes for T {}

struct Client {
    socket: Box<dyn Bytes>,
    sequence: u8,
    deprecate_eof: bool,
}

const BASE: u32 = 0x200 | 0x8000 | 0x2000 | 0x10000 | 0x20000 | 0x80000 | 0x80;
const DEPRECATE_EOF: u32 = 1 << 24;
const WITH_DB: u32 = 8;
const ATTRIBUTES: u32 = 1 << 27;
const TLS: u32 = 1 << 11;

fn tls_client(socket: TcpStream) -> impl Read + Write {
    use rustls::pki_types::pem::PemObject;
    let cert = rustls::pki_types::CertificateDer::from_pem_file(pem("cert.pem")).expect("reads");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    rustls::StreamOwned::new(connection, socket)
}

#[derive(Debug, PartialEq, Eq)]
struct Failed(u16, String);

impl Client {
    fn read(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let mut head = [0; 4];
            if self.socket.read_exact(&mut head).is_err() {
                return Vec::new();
            }
            let len = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
            assert_eq!(head[3], self.sequence, "packets are numbered");
            self.sequence = self.sequence.wrapping_add(1);
            let at = out.len();
            out.resize(at + len, 0);
            self.socket
                .read_exact(&mut out[at..])
                .expect("a whole packet");
            if len < 0xff_ffff {
                return out;
            }
        }
    }

    fn write(&mut self, payload: &[u8]) {
        let mut packet = (payload.len() as u32).to_le_bytes()[..3].to_vec();
        packet.push(self.sequence);
        self.sequence = self.sequence.wrapping_add(1);
        packet.extend_from_slice(payload);
        self.socket.write_all(&packet).expect("written");
    }

    fn failure(packet: &[u8]) -> Option<Failed> {
        (packet.first() == Some(&0xff)).then(|| {
            let code = u16::from_le_bytes([packet[1], packet[2]]);
            Failed(code, String::from_utf8_lossy(&packet[9..]).into_owned())
        })
    }

    fn login(
        at: SocketAddr,
        user: &str,
        pw: &str,
        plugin: &str,
        caps: u32,
        db: Option<&str>,
    ) -> std::result::Result<(Client, Vec<u8>), Failed> {
        let socket = TcpStream::connect(at).expect("connects");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        let plain = socket.try_clone().expect("cloned");
        let mut c = Client {
            socket: Box::new(socket),
            sequence: 0,
            deprecate_eof: caps & DEPRECATE_EOF != 0,
        };
        let hello = c.read();
        if let Some(f) = Client::failure(&hello) {
            return Err(f);
        }
        let version_end = hello.iter().position(|b| *b == 0).expect("a version");
        let rest = &hello[version_end + 5..];
        let nonce = [&rest[..8], &rest[27..39]].concat();
        assert_eq!(
            u16::from_le_bytes([rest[12], rest[13]]),
            2,
            "autocommit is on"
        );
        if caps & TLS != 0 {
            let mut request = caps.to_le_bytes().to_vec();
            request.extend_from_slice(&[0; 28]);
            c.write(&request);
            c.socket = Box::new(tls_client(plain));
        }
        let answer = |plugin: &str, nonce: &[u8]| match plugin {
            password::NATIVE => password::answer_native(pw, nonce),
            _ => password::answer_sha2(pw, nonce),
        };
        let mut p = (caps | if db.is_some() { WITH_DB } else { 0 })
            .to_le_bytes()
            .to_vec();
        p.extend_from_slice(&[0, 0, 0, 1, 255]);
        p.extend_from_slice(&[0; 23]);
        p.extend_from_slice(user.as_bytes());
        p.push(0);
        let a = answer(plugin, &nonce);
        p.push(a.len() as u8);
        p.extend_from_slice(&a);
        if let Some(db) = db {
            p.extend_from_slice(db.as_bytes());
            p.push(0);
        }
        p.extend_from_slice(plugin.as_bytes());
        p.push(0);
        c.write(&p);
        let mut nonce = nonce;
        loop {
            let r = c.read();
            match r.first() {
                Some(0) => return Ok((c, r)),
                Some(0xfe) => {
                    let end = r[1..].iter().position(|b| *b == 0).expect("a plugin") + 1;
                    let plugin = String::from_utf8_lossy(&r[1..end]).into_owned();
                    nonce = r[end + 1..end + 21].to_vec();
                    let a = answer(&plugin, &nonce);
                    c.write(&a);
                }
                Some(1) if r[1] == 3 => {}
                Some(1) if r[1] == 4 && caps & TLS != 0 => c.write(&[pw.as_bytes(), &[0]].concat()),
                Some(1) if r[1] == 4 => c.write(&[2]),
                Some(1) => {
                    use rsa::pkcs8::DecodePublicKey;
                    let pem = String::from_utf8_lossy(&r[1..]).into_owned();
                    let key = rsa::RsaPublicKey::from_public_key_pem(&pem).expect("a key");
                    let mut clear = [pw.as_bytes(), &[0]].concat();
                    clear
                        .iter_mut()
                        .zip(nonce.iter().cycle())
                        .for_each(|(b, n)| *b ^= n);
                    let sealed = key
                        .encrypt(
                            &mut rsa::rand_core::OsRng,
                            rsa::Oaep::new::<sha1::Sha1>(),
                            &clear,
                        )
                        .expect("encrypts");
                    c.write(&sealed);
                }
                Some(0xff) => return Err(Client::failure(&r).expect("an error")),
                _ => panic!("unexpected {r:?}"),
            }
        }
    }

    fn connect(r: &Running) -> Client {
        Client::login(r.address, "root", "", password::NATIVE, BASE, None)
            .expect("logs in")
            .0
    }

    fn send(&mut self, code: u8, body: &[u8]) {
        self.sequence = 0;
        self.write(&[&[code], body].concat());
    }

    /// Results of a command as text: `ok N`, rows joined by commas, `error N`.
    fn results(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        loop {
            let head = self.read();
            if let Some(Failed(code, _)) = Client::failure(&head) {
                out.push(format!("error {code}"));
                return out;
            }
            if head[0] == 0 {
                out.push(format!("ok {}", head[1]));
                if head[3] & 8 == 0 {
                    return out;
                }
                continue;
            }
            for _ in 0..head[0] {
                self.read();
            }
            if !self.deprecate_eof {
                assert_eq!(self.read()[0], 0xfe);
            }
            let mut rows = Vec::new();
            loop {
                let p = self.read();
                if let Some(Failed(code, _)) = Client::failure(&p) {
                    out.push(format!("error {code}"));
                    return out;
                }
                if p[0] == 0xfe && p.len() < 0xff_ffff {
                    let status = p[3];
                    out.push(rows.join(","));
                    if status & 8 == 0 {
                        return out;
                    }
                    break;
                }
                rows.push(String::from_utf8_lossy(&p).into_owned());
            }
        }
    }

    fn query(&mut self, sql: &str) -> Vec<String> {
        self.send(3, sql.as_bytes());
        self.results()
    }
}

#[test]
fn passwords() {
    let r = start(ConnectionConfig::default());
    let try_as = |user: &str, pw: &str, plugin: &str| {
        Client::login(r.address, user, pw, plugin, BASE, None)
            .map(|(mut c, _)| c.query("user")[0].clone())
    };
    const SHA2: &str = password::CACHING_SHA2;
    assert_eq!(
        try_as("root", "", password::NATIVE).as_deref(),
        Ok("\u{6}root@%")
    );
    for plugin in [password::NATIVE, SHA2] {
        assert!(try_as("alice", "alice-secret", plugin).is_ok());
        // Twice: the full exchange under the public key, then the fast path.
        assert!(try_as("carol", "carol-secret", plugin).is_ok());
        assert!(try_as("carol", "carol-secret", plugin).is_ok());
        for (user, pw) in [
            ("alice", "wrong"),
            ("alice", ""),
            ("carol", "wrong"),
            ("carol", ""),
            ("nobody", ""),
            ("nobody", "x"),
            ("far", ""),
            ("root", "x"),
            ("", ""),
            ("locked", "y"),
            ("tls", ""),
        ] {
            let e = try_as(user, pw, plugin).expect_err("refused");
            let using = if pw.is_empty() { "NO" } else { "YES" };
            let text =
                format!("Access denied for user '{user}'@'localhost' (using password: {using})");
            assert_eq!(e, Failed(1045, text), "{user} {pw}");
        }
        assert_eq!(try_as("locked", "x", plugin).map_err(|e| e.0), Err(3118));
    }
}

#[test]
fn databases_at_login() {
    let r = start(ConnectionConfig::default());
    let at = |db| {
        Client::login(r.address, "root", "", password::NATIVE, BASE, Some(db)).map(|(_, ok)| ok)
    };
    assert_eq!(
        at("shop").expect("logs in")[3],
        2,
        "autocommit is on in the OK packet"
    );
    assert_eq!(
        at("nope"),
        Err(Failed(1049, "Unknown database 'nope'".into()))
    );
    let mut c = Client::connect(&r);
    c.send(2, b"shop");
    assert_eq!(c.results(), ["ok 0"]);
    c.send(2, b"nope");
    assert_eq!(c.results(), ["error 1049"]);
}

#[test]
fn results() {
    let r = start(ConnectionConfig::default());
    for caps in [BASE, BASE | DEPRECATE_EOF] {
        let mut c = Client::login(r.address, "root", "", password::NATIVE, caps, None)
            .expect("logs in")
            .0;
        assert_eq!(c.query("ok"), ["ok 3"]);
        assert_eq!(
            c.query("rows"),
            ["\u{1}0\u{5}row 0,\u{1}1\u{fffd},\u{1}2\u{5}row 2"]
        );
        assert_eq!(
            c.query("ok; rows; ok"),
            [
                "ok 3",
                "\u{1}0\u{5}row 0,\u{1}1\u{fffd},\u{1}2\u{5}row 2",
                "ok 3"
            ]
        );
        assert_eq!(c.query("ok; nonsense; ok"), ["ok 3", "error 1105"]);
        assert_eq!(c.query("late"), ["error 1213"]);
        assert_eq!(c.query("commit fails"), ["error 1213"]);
        assert_eq!(c.query("panic"), ["error 1105"]);
        assert!(c.query("long")[0].ends_with(&"x".repeat(17 << 20)));
        assert_eq!(c.query("ok"), ["ok 3"], "the connection goes on");
    }
    let mut c = Client::login(
        r.address,
        "root",
        "",
        password::NATIVE,
        BASE & !0x10000,
        None,
    )
    .expect("logs in")
    .0;
    assert_eq!(c.query("ok; ok"), ["error 1064"]);
    c.send(0x1b, &[0, 0]);
    assert_eq!(c.read()[0], 0xfe);
    assert_eq!(c.query("ok; ok"), ["ok 3", "ok 3"]);
}

#[test]
fn query_attributes_are_passed_over() {
    let r = start(ConnectionConfig::default());
    let mut c = Client::login(
        r.address,
        "root",
        "",
        password::NATIVE,
        BASE | ATTRIBUTES,
        None,
    )
    .expect("logs in")
    .0;
    c.send(3, &[&[0, 1][..], b"ok"].concat());
    assert_eq!(c.results(), ["ok 3"]);
    let attribute = [
        1, 1, 0, 1, 253, 0, 4, b'n', b'a', b'm', b'e', 5, b'v', b'a', b'l', b'u', b'e',
    ];
    c.send(3, &[&attribute[..], b"ok"].concat());
    assert_eq!(c.results(), ["ok 3"]);
    // Parameters have names then, whether or not the flag is set.
    c.send(0x16, b"echo");
    for _ in 0..5 {
        c.read();
    }
    for flags in [0, 8] {
        c.send(
            0x17,
            &[
                1, 0, 0, 0, flags, 1, 0, 0, 0, 1, 0, 1, 253, 0, 0, 2, b'h', b'i',
            ],
        );
        assert_eq!(c.results(), ["\0\0\u{2}hi"]);
    }
    c.send(3, &[1, 1, 0, 1, 253]);
    assert_eq!(c.results(), ["error 1835"]);
}

#[test]
fn prepared_statements() {
    let r = start(ConnectionConfig::default());
    let mut c = Client::connect(&r);
    c.send(0x16, b"echo");
    let ok = c.read();
    assert_eq!(&ok[..9], [0, 1, 0, 0, 0, 1, 0, 1, 0]);
    for _ in 0..4 {
        c.read();
    }
    let run = |c: &mut Client, flags: u8, tail: &[u8]| {
        c.send(0x17, &[&[1, 0, 0, 0, flags, 1, 0, 0, 0], tail].concat());
    };
    run(&mut c, 0, &[0, 1, 253, 0, 2, b'h', b'i']);
    assert_eq!(c.results(), ["\0\0\u{2}hi"]);
    run(&mut c, 0, &[0, 0, 2, b'y', b'o']);
    assert_eq!(c.results(), ["\0\0\u{2}yo"], "types are remembered");
    run(&mut c, 0, &[1, 0]);
    assert_eq!(c.results(), ["\0\u{4}"], "NULL");
    c.send(0x18, &[1, 0, 0, 0, 0, 0, b'a', b'b']);
    c.send(0x18, &[1, 0, 0, 0, 0, 0, b'c']);
    run(&mut c, 0, &[0, 1, 252, 0]);
    assert_eq!(c.results(), ["\0\0\u{3}abc"], "long data");
    run(&mut c, 0, &[0, 1, 253, 0, 99]);
    assert_eq!(c.results(), ["error 1210"]);

    c.send(0x16, b"rows");
    c.read();
    c.read();
    c.read();
    c.send(0x17, &[2, 0, 0, 0, 1, 1, 0, 0, 0]);
    assert_eq!(c.read(), [2]);
    c.read();
    c.read();
    let eof = c.read();
    assert_eq!((eof[0], eof[3]), (0xfe, 0x42), "a cursor exists");
    c.send(0x1c, &[2, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(c.read()[0], 0);
    assert_eq!(c.read()[0], 0);
    assert_eq!(c.read()[3], 0x42);
    c.send(0x1c, &[2, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(c.read()[0], 0);
    assert_eq!(c.read()[3], 0x82, "the last row was sent");
    c.send(0x1c, &[2, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(c.results(), ["error 1421"]);
    c.send(0x1a, &[9, 0, 0, 0]);
    assert_eq!(c.results(), ["error 1243"]);
    c.send(0x19, &[1, 0, 0, 0]);
    run(&mut c, 0, &[]);
    assert_eq!(c.results(), ["error 1243"]);
}

#[test]
fn other_commands() {
    let r = start(ConnectionConfig::default());
    let mut c = Client::connect(&r);
    c.send(0x0e, &[]);
    assert_eq!(c.results(), ["ok 0"]);
    c.send(0x1f, &[]);
    assert_eq!(c.results(), ["ok 0"]);
    c.send(0x09, &[]);
    assert!(String::from_utf8_lossy(&c.read()).starts_with("Uptime: "));
    c.send(0x0d, &[]);
    assert_eq!(c.read()[0], 0xfe);
    c.send(0x77, &[]);
    assert_eq!(c.results(), ["error 1047"]);
    c.send(0x0c, &[]);
    assert_eq!(c.results(), ["error 1835"]);
    // Change of user: with the right password, then with a wrong one.
    let change = |c: &mut Client, pw: &str| {
        c.send(0x11, b"alice\0\0shop\0\xff\0mysql_native_password\0");
        let request = c.read();
        assert_eq!(request[0], 0xfe);
        let nonce = &request[request.len() - 21..request.len() - 1];
        c.write(&password::answer_native(pw, nonce));
        c.results()
    };
    assert_eq!(change(&mut c, "alice-secret"), ["ok 0"]);
    assert_eq!(c.query("user"), ["\u{7}alice@%"]);
    assert_eq!(change(&mut c, "wrong"), ["error 1045"]);
    assert!(c.read().is_empty(), "the connection is closed");
}

#[test]
fn local_files() {
    let r = start(ConnectionConfig::default());
    let mut c = Client::connect(&r);
    for (sql, want) in [("load", "ok 9"), ("skip", "error 1213")] {
        c.send(3, sql.as_bytes());
        assert_eq!(c.read(), b"\xfb/data.csv");
        c.write(b"one,");
        c.write(b"two,3");
        c.write(b"");
        assert_eq!(c.results(), [want]);
    }
    let mut c = Client::login(r.address, "root", "", password::NATIVE, BASE & !0x80, None)
        .expect("logs in")
        .0;
    assert_eq!(c.query("load"), ["error 3948"]);
}

/// How long something is waited for that happens at once on a machine that is not busy.
const PATIENCE: Duration = Duration::from_secs(120);

fn becomes_true(flag: &AtomicBool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if flag.load(Ordering::SeqCst) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn a_client_that_leaves_ends_its_statement() {
    for sql in ["endless", "slow"] {
        let r = start(ConnectionConfig::default());
        let mut c = Client::connect(&r);
        c.send(3, sql.as_bytes());
        std::thread::sleep(Duration::from_millis(50));
        drop(c);
        assert!(becomes_true(&r.killed), "{sql} is ended");
    }
}

#[test]
fn a_running_statement_is_finished_before_the_server_stops() {
    let r = start(ConnectionConfig::default());
    let mut idle = Client::connect(&r);
    let mut busy = Client::connect(&r);
    busy.send(3, b"pause");
    assert!(becomes_true(&r.pausing), "it has begun");
    r.stopper.stop();
    assert_eq!(busy.results(), ["ok 0"]);
    assert!(busy.read().is_empty() && idle.read().is_empty());
    drop(r);
}

#[test]
fn connections_are_limited() {
    let r = start(ConnectionConfig {
        max_connections: 1,
        back_log: 0,
        ..ConnectionConfig::default()
    });
    let first = Client::connect(&r);
    let e = Client::login(r.address, "root", "", password::NATIVE, BASE, None).map(|_| ());
    assert_eq!(e, Err(Failed(1040, "Too many connections".into())));
    drop(first);
    let deadline = Instant::now() + PATIENCE;
    while Client::login(r.address, "root", "", password::NATIVE, BASE, None).is_err() {
        assert!(Instant::now() < deadline, "the place becomes free");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn tls() {
    let config = || ConnectionConfig {
        require_secure_transport: true,
        ..ConnectionConfig::default()
    };
    let r = start_with(config(), true);
    let caps = BASE | TLS;
    for (user, pw) in [
        ("root", ""),
        ("tls", ""),
        ("alice", "alice-secret"),
        ("carol", "carol-secret"),
    ] {
        let (mut c, _) = Client::login(r.address, user, pw, password::CACHING_SHA2, caps, None)
            .unwrap_or_else(|e| panic!("{user}: {e:?}"));
        assert_eq!(c.query("ok"), ["ok 3"]);
        assert_eq!(c.query("long")[0].len() >> 20, 17);
    }
    let e = Client::login(r.address, "carol", "x", password::CACHING_SHA2, caps, None).map(|_| ());
    assert_eq!(e.map_err(|e| e.0), Err(1045));
    let e = Client::login(r.address, "root", "", password::NATIVE, BASE, None).map(|_| ());
    assert_eq!(e.map_err(|e| e.0), Err(3159));
    // Without a certificate TLS is not offered.
    let r = start(ConnectionConfig::default());
    let mut hello = TcpStream::connect(r.address).expect("connects");
    let mut packet = [0; 60];
    hello.read_exact(&mut packet).expect("a greeting");
    let at = packet[5..].iter().position(|b| *b == 0).expect("a version") + 5;
    let low = u16::from_le_bytes([packet[at + 14], packet[at + 15]]);
    assert_eq!(low & 0x800, 0);
}
