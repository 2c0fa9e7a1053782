//! The byte stream of one connection: TCP, a socket file, or TLS over TCP.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// A socket that other threads may shut down.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A socket file.
    Unix(UnixStream),
}

impl Socket {
    /// The same socket for another thread.
    pub fn try_clone(&self) -> io::Result<Socket> {
        Ok(match self {
            Socket::Tcp(s) => Socket::Tcp(s.try_clone()?),
            Socket::Unix(s) => Socket::Unix(s.try_clone()?),
        })
    }

    /// Ends reading, writing or both.
    pub fn shutdown(&self, how: Shutdown) {
        // A socket that is closed already is what was wanted.
        let _ = match self {
            Socket::Tcp(s) => s.shutdown(how),
            Socket::Unix(s) => s.shutdown(how),
        };
    }

    /// Bounds the time of a read or write; `None` waits for ever.
    pub fn set_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
        match self {
            Socket::Tcp(s) => s
                .set_read_timeout(read)
                .and_then(|()| s.set_write_timeout(write)),
            Socket::Unix(s) => s
                .set_read_timeout(read)
                .and_then(|()| s.set_write_timeout(write)),
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(s) => s.as_fd(),
            Socket::Unix(s) => s.as_fd(),
        }
    }

    /// Whether the other side has closed, found out without waiting and without taking bytes.
    pub fn is_closed_by_peer(&self) -> bool {
        use rustix::net::RecvFlags;
        let mut byte = [0u8; 1];
        match rustix::net::recv(
            self.fd(),
            &mut byte[..],
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        ) {
            Ok((_, 0)) => true,
            Ok(_) => false,
            Err(e) => !matches!(e, rustix::io::Errno::AGAIN | rustix::io::Errno::INTR),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(s) => s.read(buf),
            Socket::Unix(s) => s.read(buf),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(s) => s.write(buf),
            Socket::Unix(s) => s.write(buf),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What TLS agreed upon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// Name of the cipher suite.
    pub cipher: String,
    /// The client showed a certificate, and it was accepted.
    pub client_certificate: bool,
}

/// A socket, perhaps behind TLS.
pub enum Stream {
    /// Bytes as they are.
    Plain(Socket),
    /// TLS of a server.
    Tls(Box<rustls::StreamOwned<rustls::ServerConnection, Socket>>),
    /// TLS of a client.
    ClientTls(Box<rustls::StreamOwned<rustls::ClientConnection, Socket>>),
    /// Between the two.
    Gone,
}

impl Stream {
    /// Whether nobody on the way can read: TLS, or a socket file.
    pub fn is_private(&self) -> bool {
        matches!(
            self,
            Stream::Tls(_) | Stream::ClientTls(_) | Stream::Plain(Socket::Unix(_))
        )
    }

    /// What TLS agreed upon, when it is in use.
    pub fn tls(&self) -> Option<TlsFacts> {
        match self {
            Stream::Tls(s) => Some(TlsFacts {
                cipher: s
                    .conn
                    .negotiated_cipher_suite()
                    .map(|c| format!("{:?}", c.suite()))
                    .unwrap_or_default(),
                client_certificate: s.conn.peer_certificates().is_some_and(|c| !c.is_empty()),
            }),
            _ => None,
        }
    }

    /// Begins TLS; the handshake is completed before this returns.
    pub fn upgrade(&mut self, config: Arc<rustls::ServerConfig>) -> io::Result<()> {
        let Stream::Plain(mut socket) = std::mem::replace(self, Stream::Gone) else {
            return Err(io::Error::other("TLS within TLS"));
        };
        let mut conn = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
        while conn.is_handshaking() {
            let (read, written) = conn.complete_io(&mut socket)?;
            if read == 0 && written == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        *self = Stream::Tls(Box::new(rustls::StreamOwned::new(conn, socket)));
        Ok(())
    }

    /// Begins TLS with the server of this name; the handshake is completed before this returns.
    pub fn upgrade_client(
        &mut self,
        config: Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
    ) -> io::Result<()> {
        let Stream::Plain(mut socket) = std::mem::replace(self, Stream::Gone) else {
            return Err(io::Error::other("TLS within TLS"));
        };
        let mut conn = rustls::ClientConnection::new(config, name).map_err(io::Error::other)?;
        while conn.is_handshaking() {
            let (read, written) = conn.complete_io(&mut socket)?;
            if read == 0 && written == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        *self = Stream::ClientTls(Box::new(rustls::StreamOwned::new(conn, socket)));
        Ok(())
    }
}

impl Read for Stream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(s) => s.read(buf),
            Stream::Tls(s) => match s.read(buf) {
                // Clients seldom say goodbye to TLS.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                other => other,
            },
            Stream::ClientTls(s) => match s.read(buf) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                other => other,
            },
            Stream::Gone => Ok(0),
        }
    }
}

impl Write for Stream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(s) => s.write(buf),
            Stream::Tls(s) => s.write(buf),
            Stream::ClientTls(s) => s.write(buf),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tls(s) => s.flush(),
            Stream::ClientTls(s) => s.flush(),
            _ => Ok(()),
        }
    }
}
