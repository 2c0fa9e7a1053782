//! Packets over a stream: three bytes of length, one of sequence, payload (spec 08 §9).

use std::io::{self, Read, Write};

use engine::error::Error;

use crate::capability::{client, status};
use crate::stream::Stream;
use crate::wire_format::{put_bytes, put_lenenc};

/// A payload of this length goes on in the next packet.
pub const MAX_PAYLOAD: usize = 0xff_ffff;
/// Bytes that may wait before they are sent.
const FLUSH_AT: usize = 64 << 10;
/// Bytes that are read at once.
const READ_AT_ONCE: usize = 16 << 10;
/// Buffers that have grown beyond this are given back after the command.
const KEPT_BUFFER: usize = 1 << 20;

/// Why no packet came.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The client has closed, between packets or within one.
    #[error("the client has closed the connection")]
    Closed,
    /// The packet is longer than allowed; the rest of it is still to come.
    #[error("Got a packet bigger than 'max_allowed_packet' bytes")]
    TooLarge,
    /// Packets came out of order.
    #[error("Got packets out of order")]
    OutOfOrder,
    /// The socket failed or timed out.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Both directions of a connection.
pub struct Channel {
    stream: Stream,
    /// Bytes that came and belong to no packet yet: `input[start..end]`.
    input: Vec<u8>,
    start: usize,
    end: usize,
    output: Vec<u8>,
    /// Bytes of `output` that are whole packets.
    complete: usize,
    sequence: u8,
    /// Capabilities that both sides have.
    pub capabilities: u32,
    broken: bool,
    /// Read no further than the packet at hand: what follows may be TLS.
    careful: bool,
}

impl Channel {
    /// A channel over a fresh connection.
    pub fn new(stream: Stream) -> Channel {
        Channel {
            stream,
            input: vec![0; READ_AT_ONCE],
            start: 0,
            end: 0,
            output: Vec::with_capacity(READ_AT_ONCE),
            complete: 0,
            sequence: 0,
            capabilities: 0,
            broken: false,
            careful: true,
        }
    }

    /// The stream below.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Goes on under TLS. Nothing that came in the clear is taken for what comes under TLS, nor the
    /// other way round.
    pub fn upgrade(&mut self, config: std::sync::Arc<rustls::ServerConfig>) -> io::Result<()> {
        if self.start != self.end {
            return Err(io::Error::other("bytes before the TLS handshake"));
        }
        self.stream.upgrade(config)
    }

    /// Goes on under TLS as a client of the server of this name.
    pub fn upgrade_client(
        &mut self,
        config: std::sync::Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
    ) -> io::Result<()> {
        if self.start != self.end {
            return Err(io::Error::other("bytes before the TLS handshake"));
        }
        self.stream.upgrade_client(config, name)
    }

    /// Whether writing has failed: the client is gone.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether both sides have a capability.
    pub fn has(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }

    /// From now on bytes are read ahead; until then those behind a packet stay with the stream.
    pub fn read_ahead(&mut self) {
        self.careful = false;
    }

    /// Waits for bytes, of which at least `wanted` more belong to the packet at hand.
    fn fill(&mut self, wanted: usize) -> Result<(), ReadError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        loop {
            let room = match self.careful {
                true => self.input.len().min(self.end + wanted),
                false => self.input.len(),
            };
            match self.stream.read(&mut self.input[self.end..room]) {
                Ok(0) => return Err(ReadError::Closed),
                Ok(n) => {
                    self.end += n;
                    return Ok(());
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Reads one payload, of several packets if it is long, into `payload`.
    pub fn read(&mut self, payload: &mut Vec<u8>, limit: usize) -> Result<(), ReadError> {
        payload.clear();
        loop {
            while self.end - self.start < 4 {
                self.fill(4 - (self.end - self.start))?;
            }
            let h = &self.input[self.start..self.start + 4];
            let len = u32::from_le_bytes([h[0], h[1], h[2], 0]) as usize;
            let sequence = h[3];
            self.start += 4;
            if sequence != self.sequence {
                return Err(ReadError::OutOfOrder);
            }
            self.sequence = sequence.wrapping_add(1);
            if payload.len() + len > limit {
                return Err(ReadError::TooLarge);
            }
            let mut left = len;
            while left > 0 {
                if self.start == self.end {
                    // Long payloads go straight to where they belong; memory follows what came.
                    if left >= READ_AT_ONCE {
                        let at = payload.len();
                        payload.resize(at + left.min(KEPT_BUFFER), 0);
                        let n = match self.stream.read(&mut payload[at..]) {
                            Ok(0) => return Err(ReadError::Closed),
                            Ok(n) => n,
                            Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
                            Err(e) => return Err(e.into()),
                        };
                        payload.truncate(at + n);
                        left -= n;
                        continue;
                    }
                    self.fill(left)?;
                }
                let n = left.min(self.end - self.start);
                payload.extend_from_slice(&self.input[self.start..self.start + n]);
                self.start += n;
                left -= n;
            }
            if len < MAX_PAYLOAD {
                return Ok(());
            }
        }
    }

    /// A new command: numbering begins anew.
    pub fn reset_sequence(&mut self) {
        self.sequence = 0;
    }

    /// Begins a packet; what is appended to [`Channel::out`] until [`Channel::end`] is its payload.
    #[inline]
    pub fn begin(&mut self) -> usize {
        let at = self.output.len();
        self.output.extend_from_slice(&[0; 4]);
        at
    }

    /// Where a begun packet is written.
    #[inline]
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Drops a begun packet.
    pub fn cancel(&mut self, at: usize) {
        self.output.truncate(at);
    }

    /// Drops whatever was begun and not completed.
    pub fn discard_partial(&mut self) {
        self.output.truncate(self.complete);
    }

    /// Completes a begun packet.
    #[inline]
    pub fn end(&mut self, at: usize) -> io::Result<()> {
        let len = self.output.len() - at - 4;
        if len >= MAX_PAYLOAD {
            self.split(at);
        } else {
            self.number(at, len);
        }
        self.complete = self.output.len();
        if self.complete >= FLUSH_AT {
            self.flush()
        } else {
            Ok(())
        }
    }

    #[inline]
    fn number(&mut self, at: usize, len: usize) {
        let b = (len as u32).to_le_bytes();
        self.output[at..at + 4].copy_from_slice(&[b[0], b[1], b[2], self.sequence]);
        self.sequence = self.sequence.wrapping_add(1);
    }

    fn split(&mut self, at: usize) {
        let payload = self.output.split_off(at + 4);
        self.output.truncate(at);
        let mut chunks = payload.chunks(MAX_PAYLOAD).peekable();
        while let Some(chunk) = chunks.next() {
            let at = self.begin();
            self.output.extend_from_slice(chunk);
            self.number(at, chunk.len());
            if chunk.len() == MAX_PAYLOAD && chunks.peek().is_none() {
                let at = self.begin();
                self.number(at, 0);
            }
        }
    }

    /// Sends what waits.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let sent = if self.broken {
            Err(io::ErrorKind::BrokenPipe.into())
        } else {
            self.stream
                .write_all(&self.output)
                .and_then(|()| self.stream.flush())
        };
        self.output.clear();
        self.complete = 0;
        if self.output.capacity() > KEPT_BUFFER {
            self.output = Vec::with_capacity(FLUSH_AT);
        }
        self.broken |= sent.is_err();
        sent
    }

    /// Writes a whole packet.
    pub fn packet(&mut self, payload: &[u8]) -> io::Result<()> {
        let at = self.begin();
        self.output.extend_from_slice(payload);
        self.end(at)
    }

    /// Writes an OK packet; `header` is 0, or 0xFE in the place of an EOF packet.
    pub fn ok(
        &mut self,
        header: u8,
        affected: u64,
        insert_id: u64,
        status: u16,
        warnings: u16,
        info: &str,
    ) -> io::Result<()> {
        let at = self.begin();
        let out = &mut self.output;
        out.push(header);
        put_lenenc(out, affected);
        put_lenenc(out, insert_id);
        out.extend_from_slice(&status.to_le_bytes());
        out.extend_from_slice(&warnings.to_le_bytes());
        if !info.is_empty() {
            put_bytes(out, info.as_bytes());
        }
        self.end(at)
    }

    /// Writes what ends column definitions or rows: EOF, or the OK packet that has replaced it.
    pub fn eof(&mut self, status: u16, warnings: u16) -> io::Result<()> {
        if self.has(client::DEPRECATE_EOF) {
            return self.ok(0xfe, 0, 0, status, warnings, "");
        }
        let at = self.begin();
        self.output.push(0xfe);
        self.output.extend_from_slice(&warnings.to_le_bytes());
        self.output.extend_from_slice(&status.to_le_bytes());
        self.end(at)
    }

    /// Writes an ERR packet.
    pub fn error(&mut self, e: &Error) -> io::Result<()> {
        let at = self.begin();
        let out = &mut self.output;
        out.push(0xff);
        out.extend_from_slice(&e.code.to_le_bytes());
        // Before the handshake is answered the client expects no SQLSTATE.
        if self.capabilities & client::PROTOCOL_41 != 0 {
            out.push(b'#');
            out.extend_from_slice(e.state.as_str().as_bytes());
        }
        out.extend_from_slice(e.message.as_bytes());
        self.end(at)
    }

    /// An OK packet without news, sent at once.
    pub fn plain_ok(&mut self, status_flags: u16) -> io::Result<()> {
        self.ok(0, 0, 0, status_flags & !status::MORE_RESULTS, 0, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Socket;
    use std::os::unix::net::UnixStream;

    fn pair() -> (Channel, Channel) {
        let (a, b) = UnixStream::pair().expect("a pair of sockets");
        (
            Channel::new(Stream::Plain(Socket::Unix(a))),
            Channel::new(Stream::Plain(Socket::Unix(b))),
        )
    }

    #[test]
    fn payloads_of_every_length_arrive() {
        for len in [
            0,
            1,
            250,
            READ_AT_ONCE,
            MAX_PAYLOAD - 1,
            MAX_PAYLOAD,
            MAX_PAYLOAD + 1,
            2 * MAX_PAYLOAD,
        ] {
            let (mut a, mut b) = pair();
            let data: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let copy = data.clone();
            let writer = std::thread::spawn(move || {
                a.packet(&copy)
                    .and_then(|()| a.packet(b"after"))
                    .and_then(|()| a.flush())
            });
            let mut got = Vec::new();
            b.read(&mut got, usize::MAX).expect("arrives");
            assert_eq!(got.len(), data.len());
            assert!(got == data);
            b.read(&mut got, 100).expect("arrives");
            assert_eq!(got, b"after");
            writer.join().expect("no panic").expect("written");
        }
    }

    #[test]
    fn limits_and_order() {
        let (mut a, mut b) = pair();
        a.packet(&[0; 100])
            .and_then(|()| a.flush())
            .expect("written");
        let mut got = Vec::new();
        assert!(matches!(b.read(&mut got, 99), Err(ReadError::TooLarge)));
        let (mut a, mut b) = pair();
        b.reset_sequence();
        a.sequence = 3;
        a.packet(b"x").and_then(|()| a.flush()).expect("written");
        assert!(matches!(b.read(&mut got, 99), Err(ReadError::OutOfOrder)));
        let (a, mut b) = pair();
        drop(a);
        assert!(matches!(b.read(&mut got, 99), Err(ReadError::Closed)));
    }
}
