//! Results as packets: the sink that statements of a connection write to.

use std::io::{self, Read};

use engine::error::{Error, Result};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use values::charset::Charset;
use values::type_facts::column_flags;
use values::{CollationId, SqlType, Value, render_text};

use crate::backend::BackendSession;
use crate::binary_row;
use crate::capability::{client, status};
use crate::channel::{Channel, ReadError};
use crate::wire_format::{put_bytes, put_sized};

/// Bytes that the rows of an open cursor may take.
const CURSOR_LIMIT: usize = 256 << 20;
/// Bytes of one packet of a LOCAL INFILE.
const LOCAL_PACKET_LIMIT: usize = 64 << 20;

const UNIQUE_KEY: u16 = 4;
const MULTIPLE_KEY: u16 = 8;

/// How rows are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowForm {
    /// Text protocol.
    Text,
    /// Binary protocol.
    Binary,
    /// Binary protocol, kept for COM_STMT_FETCH.
    Cursor,
}

/// Rows that wait to be fetched, as payloads of packets.
#[derive(Debug, Default)]
pub struct CursorRows {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    next: usize,
}

impl CursorRows {
    /// Writes up to `n` further rows; says whether any is left.
    pub fn send(&mut self, channel: &mut Channel, n: usize) -> io::Result<bool> {
        let stop = self.next.saturating_add(n).min(self.ends.len());
        while self.next < stop {
            let start = if self.next == 0 {
                0
            } else {
                self.ends[self.next - 1]
            };
            channel.packet(&self.bytes[start..self.ends[self.next]])?;
            self.next += 1;
        }
        Ok(self.next < self.ends.len())
    }
}

/// A statement's end that is held back: whether another result follows, and what the status is
/// after the commit, is known later.
struct Held {
    done: Done,
    rows: bool,
    status: u16,
    warnings: u16,
}

/// Writes the results of one command.
pub struct ResultWriter<'c> {
    channel: &'c mut Channel,
    session: &'c dyn BackendSession,
    form: RowForm,
    types: Vec<SqlType>,
    /// As [`foreign`] gives them for the columns of the result.
    foreign: Vec<Option<&'static Charset>>,
    held: Option<Held>,
    in_rows: bool,
    cursor: Option<CursorRows>,
}

fn gone(_: io::Error) -> Error {
    Error::query_interrupted()
}

impl<'c> ResultWriter<'c> {
    /// A writer for a command of `session`.
    pub fn new(
        channel: &'c mut Channel,
        session: &'c dyn BackendSession,
        form: RowForm,
    ) -> ResultWriter<'c> {
        ResultWriter {
            channel,
            session,
            form,
            types: Vec::new(),
            foreign: Vec::new(),
            held: None,
            in_rows: false,
            cursor: None,
        }
    }

    /// Writes the end that was held back.
    fn release(&mut self, more: bool) -> io::Result<()> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        let (mut flags, warnings) = if more {
            (held.status | status::MORE_RESULTS, held.warnings)
        } else {
            (self.session.status_flags(), self.session.warning_count())
        };
        if held.rows {
            if self.cursor.is_some() {
                flags |= status::CURSOR_EXISTS;
            }
            self.channel.eof(flags, warnings)
        } else {
            let d = &held.done;
            self.channel.ok(
                0,
                d.affected_rows,
                d.last_insert_id,
                flags,
                warnings,
                &d.info,
            )
        }
    }

    #[inline]
    fn send(&mut self, row: &dyn Row, types: &[SqlType]) -> Result<Flow> {
        if let Some(cursor) = &mut self.cursor {
            binary_row::put_row(&mut cursor.bytes, row, types)?;
            cursor.ends.push(cursor.bytes.len());
            if cursor.bytes.len() > CURSOR_LIMIT {
                let text = "Out of memory: a cursor holds too many rows";
                return Err(Error::new(1041, "HY000", text));
            }
            return Ok(Flow::Continue);
        }
        let at = self.channel.begin();
        let written = match self.form {
            RowForm::Text => put_text_row(self.channel.out(), row, types),
            _ => binary_row::put_row(self.channel.out(), row, types),
        };
        if let Err(e) = written {
            self.channel.cancel(at);
            return Err(e);
        }
        self.channel.end(at).map_err(gone)?;
        Ok(Flow::Continue)
    }

    /// Ends the command after its last statement, and gives the cursor if one was opened.
    pub fn finish(mut self, result: Result<()>) -> io::Result<Option<CursorRows>> {
        match result {
            Ok(()) if self.held.is_none() => {
                // A text without a statement, or a sink that was never told the end.
                self.held = Some(Held {
                    done: Done::default(),
                    rows: self.in_rows,
                    status: 0,
                    warnings: 0,
                });
                self.release(false)?;
            }
            Ok(()) => self.release(false)?,
            Err(e) => {
                // What was announced to be followed by another result is followed by the error;
                // a statement that failed at its commit has no end but the error.
                let announced = self
                    .held
                    .as_ref()
                    .is_some_and(|h| h.status & status::MORE_RESULTS != 0);
                if announced {
                    self.release(true)?;
                }
                self.channel.error(&e)?;
                self.cursor = None;
            }
        }
        Ok(self.cursor)
    }
}

/// Appends a column definition.
pub fn put_column(out: &mut Vec<u8>, c: &ColumnMeta, results: CollationId) {
    put_bytes(out, b"def");
    for text in [&c.schema, &c.table, &c.org_table, &c.name, &c.org_name] {
        put_bytes(out, text.as_bytes());
    }
    out.push(12);
    let charset = c.ty.protocol_charset(results);
    out.extend_from_slice(&charset.to_le_bytes());
    let per_character = if results == CollationId::BINARY {
        c.ty.collation()
            .map_or(1, |own| own.get().charset.max_length)
    } else {
        results.get().charset.max_length
    };
    out.extend_from_slice(&c.ty.display_length(per_character).to_le_bytes());
    out.push(c.ty.protocol_type());
    let mut flags = c.ty.protocol_flags();
    if c.ty.is_number() || c.ty.is_temporal() {
        flags |= column_flags::BINARY;
    }
    for (set, flag) in [
        (c.not_null, column_flags::NOT_NULL),
        (c.primary_key, column_flags::PRIMARY_KEY),
        (c.unique_key, UNIQUE_KEY),
        (c.multiple_key, MULTIPLE_KEY),
        (c.auto_increment, column_flags::AUTO_INCREMENT),
    ] {
        if set {
            flags |= flag;
        }
    }
    out.extend_from_slice(&flags.to_le_bytes());
    out.push(c.ty.protocol_decimals());
    out.extend_from_slice(&[0, 0]);
}

/// The character sets that the texts of columns must be converted to, those of the columns where
/// results are binary; none for what can be sent as it is, and an empty list if all can.
fn foreign(columns: &[ColumnMeta], results: CollationId) -> Vec<Option<&'static Charset>> {
    let of = |c: &ColumnMeta| {
        let own = c.ty.collation().filter(|own| *own != CollationId::BINARY)?;
        let sent = match results {
            CollationId::BINARY => own,
            results => results,
        };
        let charset = sent.get().charset;
        (!charset.is_utf8()).then_some(charset)
    };
    match columns.iter().any(|c| of(c).is_some()) {
        true => columns.iter().map(of).collect(),
        false => Vec::new(),
    }
}

/// A row whose texts are converted when they are read.
struct Converted<'r> {
    row: &'r dyn Row,
    types: &'r [SqlType],
    charsets: &'r [Option<&'static Charset>],
}

impl Row for Converted<'_> {
    fn len(&self) -> usize {
        self.row.len()
    }
    fn get(&self, i: usize) -> Result<Value<'_>> {
        let value = self.row.get(i)?;
        match self.charsets[i] {
            Some(charset) if !value.is_null() => {
                let mut text = Vec::new();
                render_text(&value, &self.types[i], &mut text);
                Ok(Value::Bytes(charset.from_utf8(&text).0.into()))
            }
            _ => Ok(value),
        }
    }
}

fn put_text_row(out: &mut Vec<u8>, row: &dyn Row, types: &[SqlType]) -> Result<()> {
    for (i, ty) in types.iter().enumerate() {
        match row.get(i)? {
            Value::Null => out.push(0xfb),
            Value::Bytes(b) => put_bytes(out, &b),
            other => put_sized(out, |out| render_text(&other, ty, out)),
        }
    }
    Ok(())
}

impl ResultSink for ResultWriter<'_> {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        self.release(true).map_err(gone)?;
        self.types.clear();
        self.types.extend(columns.iter().map(|c| c.ty.clone()));
        let at = self.channel.begin();
        crate::wire_format::put_lenenc(self.channel.out(), columns.len() as u64);
        self.channel.end(at).map_err(gone)?;
        let results = self.session.results_collation();
        self.foreign = foreign(columns, results);
        for c in columns {
            let at = self.channel.begin();
            put_column(self.channel.out(), c, results);
            self.channel.end(at).map_err(gone)?;
        }
        match self.form {
            // The only end of a cursor's definitions is the one that says that it exists.
            RowForm::Cursor => self.cursor = Some(CursorRows::default()),
            _ if !self.channel.has(client::DEPRECATE_EOF) => {
                let flags = self.session.status_flags();
                self.channel.eof(flags, 0).map_err(gone)?;
            }
            _ => {}
        }
        self.in_rows = true;
        Ok(())
    }

    fn row(&mut self, row: &dyn Row) -> Result<Flow> {
        let types = std::mem::take(&mut self.types);
        let charsets = std::mem::take(&mut self.foreign);
        let sent = match charsets.is_empty() {
            true => self.send(row, &types),
            false => self.send(
                &Converted {
                    row,
                    types: &types,
                    charsets: &charsets,
                },
                &types,
            ),
        };
        self.foreign = charsets;
        self.types = types;
        sent
    }

    fn done(&mut self, done: &Done, more: bool) -> Result<()> {
        let rows = std::mem::take(&mut self.in_rows);
        if !rows {
            self.release(true).map_err(gone)?;
        }
        let (flags, warnings) = if more {
            let flags = self.session.status_flags() | status::MORE_RESULTS;
            (flags, self.session.warning_count())
        } else {
            (0, 0)
        };
        self.held = Some(Held {
            done: done.clone(),
            rows,
            status: flags,
            warnings,
        });
        Ok(())
    }

    fn local_file(&mut self, name: &str) -> Result<Box<dyn Read + '_>> {
        if !self.channel.has(client::LOCAL_FILES) {
            return Err(Error::new(
                3948,
                "42000",
                "Loading local data is disabled; this must be enabled on both the client and \
                 server sides",
            ));
        }
        self.release(true).map_err(gone)?;
        let at = self.channel.begin();
        self.channel.out().push(0xfb);
        self.channel.out().extend_from_slice(name.as_bytes());
        self.channel
            .end(at)
            .and_then(|()| self.channel.flush())
            .map_err(gone)?;
        Ok(Box::new(LocalFile {
            channel: self.channel,
            packet: Vec::new(),
            at: 0,
            ended: false,
        }))
    }
}

/// The packets of a client's file.
struct LocalFile<'c> {
    channel: &'c mut Channel,
    packet: Vec<u8>,
    at: usize,
    ended: bool,
}

impl LocalFile<'_> {
    fn next(&mut self) -> io::Result<()> {
        self.at = 0;
        match self.channel.read(&mut self.packet, LOCAL_PACKET_LIMIT) {
            Ok(()) => {
                self.ended = self.packet.is_empty();
                Ok(())
            }
            Err(e) => {
                self.ended = true;
                Err(match e {
                    ReadError::Io(e) => e,
                    other => io::Error::other(other),
                })
            }
        }
    }
}

impl Read for LocalFile<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.packet.len() && !self.ended {
            self.next()?;
        }
        let rest = &self.packet[self.at..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

impl Drop for LocalFile<'_> {
    fn drop(&mut self) {
        // The client sends the whole file whatever becomes of the statement.
        while !self.ended {
            if self.next().is_err() {
                break;
            }
        }
    }
}
