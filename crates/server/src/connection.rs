//! One connection: handshake, then commands until the client leaves (spec 08 §9.3).

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::accounts::{Account, ClientHost, password};
use engine::error::{Error, Result};
use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use values::{CollationId, SqlType};

use crate::authenticate::Refusal;
use crate::backend::{BackendSession, Login};
use crate::capability::{SERVER_CAPABILITIES, client, command, status};
use crate::channel::{Channel, ReadError};
use crate::handshake::{Answer, ClientHello, NONCE_LEN, greeting, parse_answer, parse_change_user};
use crate::listener::{Entry, Shared};
use crate::log::Level;
use crate::parameters::{Bindings, read_values};
use crate::result_writer::{CursorRows, ResultWriter, RowForm, put_column};
use crate::stream::{Socket, Stream};
use crate::wire_format::PacketReader;

/// Bytes of a packet before the password is proved.
const HANDSHAKE_LIMIT: usize = 1 << 20;
/// Bytes of a command.
const COMMAND_LIMIT: usize = 1 << 30;
/// Command buffers beyond this are given back.
const KEPT_BUFFER: usize = 1 << 20;
/// Prepared statements of one connection.
const MAX_STATEMENTS: usize = 16_382;
/// Bytes of a parameter sent in pieces.
const MAX_LONG_DATA: usize = 1 << 30;
/// COM_STMT_EXECUTE: a count of parameters follows.
const PARAMETER_COUNT_AVAILABLE: u8 = 8;

/// What a command leaves to do.
enum Next {
    Continue,
    Close,
}

struct Statement {
    params: usize,
    bindings: Bindings,
    cursor: Option<CursorRows>,
    /// A piece of a parameter was refused; the next execution says so.
    failed: Option<Error>,
}

struct Connection<'s> {
    shared: &'s Shared,
    entry: &'s Entry,
    host: ClientHost,
    channel: Channel,
    session: Box<dyn BackendSession>,
    user: String,
    multi: bool,
    statements: HashMap<u32, Statement>,
}

fn malformed() -> Error {
    Error::new(1835, "HY000", "Malformed communication packet.")
}

/// Serves a client until it leaves.
pub fn serve(shared: &Shared, entry: &Arc<Entry>, socket: Socket, host: ClientHost) {
    let mut channel = Channel::new(Stream::Plain(socket));
    let opened = catch_unwind(AssertUnwindSafe(|| {
        open(shared, entry, &mut channel, &host)
    }));
    match opened {
        Ok(Ok((session, user))) => {
            shared.apply_timeouts(entry);
            channel.read_ahead();
            entry.set_interrupt(Some(session.interrupt_handle()));
            let multi =
                channel.has(client::MULTI_STATEMENTS) && !shared.config.disable_multi_statements;
            let mut connection = Connection {
                shared,
                entry,
                host,
                channel,
                session,
                user,
                multi,
                statements: HashMap::new(),
            };
            connection.run();
            entry.set_interrupt(None);
        }
        Ok(Err(Refusal::Denied(e))) => {
            shared.logger.log(
                Level::Warning,
                &e.message,
                &[("connectionID", &entry.id.to_string())],
            );
            let _ = channel.error(&e).and_then(|()| channel.flush());
        }
        Ok(Err(Refusal::Lost(e))) => {
            let fields = [("connectionID", entry.id.to_string())];
            shared.logger.log(
                Level::Debug,
                &format!("handshake: {e}"),
                &[(fields[0].0, &fields[0].1)],
            );
        }
        Err(_) => {
            channel.discard_partial();
            let e = Error::general("internal error during the handshake");
            let _ = channel.error(&e).and_then(|()| channel.flush());
        }
    }
}

fn collation(id: u16) -> CollationId {
    match values::collation::by_id(CollationId(id)) {
        Some(_) => CollationId(id),
        None => CollationId::UTF8MB4_0900_AI_CI,
    }
}

/// Greets, reads the answer, proves the password, opens the session.
fn open(
    shared: &Shared,
    entry: &Entry,
    channel: &mut Channel,
    host: &ClientHost,
) -> std::result::Result<(Box<dyn BackendSession>, String), Refusal> {
    let bad = |_| Refusal::Denied(Error::new(1043, "08S01", "Bad handshake"));
    let mut offered = SERVER_CAPABILITIES;
    let tls = shared.tls.as_ref().filter(|_| host.address.is_some());
    if tls.is_some() {
        offered |= client::SSL;
    }
    let nonce = password::random_salt::<NONCE_LEN>();
    channel.packet(&greeting(&shared.config.version, entry.id, offered, &nonce))?;
    channel.flush()?;
    let mut packet = Vec::new();
    channel.read(&mut packet, HANDSHAKE_LIMIT)?;
    let mut answer = parse_answer(&packet, offered).map_err(bad)?;
    if answer == Answer::Tls {
        let Some(tls) = tls else {
            return Err(bad(crate::wire_format::Malformed));
        };
        channel.upgrade(tls.clone())?;
        channel.read(&mut packet, HANDSHAKE_LIMIT)?;
        answer = parse_answer(&packet, offered).map_err(bad)?;
    }
    let Answer::Hello(hello) = answer else {
        return Err(bad(crate::wire_format::Malformed));
    };
    channel.capabilities = hello.capabilities & offered;
    if shared.config.require_secure_transport && !channel.stream().is_private() {
        return Err(Refusal::Denied(Error::new(
            3159,
            "HY000",
            "Connections using insecure transport are prohibited while \
             --require_secure_transport=ON.",
        )));
    }
    let login = prove(shared, entry, channel, host, &hello, Some(nonce))?;
    let session = shared
        .backend
        .open_session(&login)
        .map_err(Refusal::Denied)?;
    settle(&*session, channel, &hello)?;
    channel.plain_ok(session.status_flags() | status::AUTOCOMMIT)?;
    channel.flush()?;
    Ok((session, hello.user))
}

/// Proves the password.
fn prove(
    shared: &Shared,
    entry: &Entry,
    channel: &mut Channel,
    host: &ClientHost,
    hello: &ClientHello,
    nonce: Option<[u8; NONCE_LEN]>,
) -> std::result::Result<Login, Refusal> {
    let accounts = shared.backend.accounts();
    let account: Arc<Account> = shared
        .authenticator
        .authenticate(channel, accounts, hello, host, nonce)?;
    Ok(Login {
        connection_id: entry.id,
        user: hello.user.clone(),
        client_host: host.name.clone(),
        account: account.name(),
    })
}

/// Sets up a session as the client asked in the handshake.
fn settle(
    session: &dyn BackendSession,
    channel: &Channel,
    hello: &ClientHello,
) -> std::result::Result<(), Refusal> {
    session.set_client(collation(hello.collation), channel.has(client::FOUND_ROWS));
    match &hello.database {
        Some(db) => session.use_database(db).map_err(Refusal::Denied),
        None => Ok(()),
    }
}

impl Connection<'_> {
    fn run(&mut self) {
        let mut packet = Vec::new();
        loop {
            self.channel.reset_sequence();
            match self.channel.read(&mut packet, COMMAND_LIMIT) {
                Ok(()) => {}
                Err(ReadError::TooLarge) => {
                    let _ = self.channel.error(&Error::packet_too_large());
                    let _ = self.channel.flush();
                    return;
                }
                Err(ReadError::OutOfOrder) => {
                    let e = Error::new(1156, "08S01", "Got packets out of order");
                    let _ = self.channel.error(&e).and_then(|()| self.channel.flush());
                    return;
                }
                Err(_) => return,
            }
            self.entry.begin_command();
            self.shared.questions.fetch_add(1, Ordering::Relaxed);
            let outcome = catch_unwind(AssertUnwindSafe(|| self.command(&packet)));
            self.entry.end_command();
            let next = match outcome {
                Ok(Ok(next)) => next,
                Ok(Err(_)) => return,
                Err(panic) => {
                    let what = panic
                        .downcast_ref::<String>()
                        .map(String::as_str)
                        .or_else(|| panic.downcast_ref::<&str>().copied())
                        .unwrap_or("unknown");
                    self.shared.logger.log(
                        Level::Error,
                        "a command failed inside the server",
                        &[
                            ("connectionID", &self.entry.id.to_string()),
                            ("error", what),
                        ],
                    );
                    self.channel.discard_partial();
                    let e = Error::general(format!("internal error: {what}"));
                    if self.channel.error(&e).is_err() {
                        return;
                    }
                    Next::Continue
                }
            };
            if self.channel.flush().is_err() || matches!(next, Next::Close) {
                return;
            }
            if self.entry.is_killed() {
                return;
            }
            if packet.capacity() > KEPT_BUFFER {
                packet = Vec::new();
            }
        }
    }

    fn command(&mut self, packet: &[u8]) -> io::Result<Next> {
        let Some((code, body)) = packet.split_first() else {
            self.channel.error(&Error::unknown_command())?;
            return Ok(Next::Continue);
        };
        match *code {
            command::QUERY | command::STMT_EXECUTE => {
                let metrics = &self.shared.metrics;
                let started = metrics.query_started();
                let done = match *code {
                    command::QUERY => self.query(body),
                    _ => self.execute(body),
                };
                metrics.query_completed(started);
                done?;
            }
            command::PING | command::DEBUG => {
                let flags = self.session.status_flags();
                match *code {
                    command::PING => self.channel.plain_ok(flags)?,
                    _ => self.channel.eof(flags, 0)?,
                }
            }
            command::QUIT => return Ok(Next::Close),
            command::INIT_DB => {
                let result = self.session.use_database(&String::from_utf8_lossy(body));
                self.answer(result)?;
            }
            command::STMT_PREPARE => self.prepare(body)?,
            command::STMT_CLOSE => {
                if let Ok(id) = PacketReader::new(body).u32()
                    && self.statements.remove(&id).is_some()
                {
                    self.session.close_prepared(id);
                }
            }
            command::STMT_RESET => {
                let result = self.statement(body, "mysqld_stmt_reset").map(|s| {
                    s.bindings.long_data.clear();
                    s.failed = None;
                    s.cursor = None;
                });
                self.answer(result)?;
            }
            command::STMT_SEND_LONG_DATA => self.long_data(body),
            command::STMT_FETCH => self.fetch(body)?,
            command::RESET_CONNECTION => {
                self.forget_statements();
                self.session.reset();
                self.answer(Ok(()))?;
            }
            command::SET_OPTION => match PacketReader::new(body).u16() {
                Ok(option @ (0 | 1)) => {
                    self.multi = option == 0 && !self.shared.config.disable_multi_statements;
                    let flags = self.session.status_flags();
                    self.channel.eof(flags, 0)?;
                }
                _ => self.channel.error(&Error::unknown_command())?,
            },
            command::CHANGE_USER => return self.change_user(body),
            command::FIELD_LIST => self.field_list(body)?,
            command::STATISTICS => {
                let text = self.shared.statistics();
                self.channel.packet(text.as_bytes())?;
            }
            command::PROCESS_INFO => self.query_text(b"SHOW FULL PROCESSLIST", false)?,
            command::PROCESS_KILL => match PacketReader::new(body).u32() {
                Ok(id) => self.query_text(format!("KILL {id}").as_bytes(), false)?,
                Err(_) => self.channel.error(&malformed())?,
            },
            _ => self.channel.error(&Error::unknown_command())?,
        }
        if self.channel.is_broken() {
            Ok(Next::Close)
        } else {
            Ok(Next::Continue)
        }
    }

    /// OK or ERR.
    fn answer(&mut self, result: Result<()>) -> io::Result<()> {
        match result {
            Ok(()) => self.channel.plain_ok(self.session.status_flags()),
            Err(e) => self.channel.error(&e),
        }
    }

    fn query(&mut self, body: &[u8]) -> io::Result<()> {
        let mut r = PacketReader::new(body);
        if self.channel.has(client::QUERY_ATTRIBUTES) {
            let skipped = (|| {
                let count =
                    usize::try_from(r.lenenc()?).map_err(|_| crate::wire_format::Malformed)?;
                r.lenenc()?;
                // Attributes are for plugins of the server, of which there are none.
                read_values(&mut r, 0, count, true, &mut Bindings::default()).map(|_| ())
            })();
            if skipped.is_err() {
                return self.channel.error(&malformed());
            }
        }
        self.query_text(r.rest(), self.multi)
    }

    fn query_text(&mut self, sql: &[u8], multi: bool) -> io::Result<()> {
        self.log_query(sql);
        let mut writer = ResultWriter::new(&mut self.channel, &*self.session, RowForm::Text);
        let result = self.session.execute(sql, multi, &mut writer);
        self.shared.log_failure(self.entry.id, &result);
        writer.finish(result).map(|_| ())
    }

    fn log_query(&self, sql: &[u8]) {
        if self.shared.logger.writes(Level::Debug) {
            let text = self.shared.shown_query(sql);
            self.shared.logger.log(
                Level::Debug,
                "Starting query",
                &[
                    ("connectionID", &self.entry.id.to_string()),
                    ("query", &text),
                ],
            );
        }
    }

    fn prepare(&mut self, sql: &[u8]) -> io::Result<()> {
        self.log_query(sql);
        if self.statements.len() >= MAX_STATEMENTS {
            let text = format!(
                "Can't create more than max_prepared_stmt_count statements (current value: \
                 {MAX_STATEMENTS})"
            );
            return self.channel.error(&Error::new(1461, "42000", text));
        }
        let info = match self.session.prepare(sql) {
            Ok(info) if info.params > 0xffff => {
                self.session.close_prepared(info.id);
                let text = "Prepared statement contains too many placeholders";
                return self.channel.error(&Error::new(1390, "HY000", text));
            }
            Ok(info) => info,
            Err(e) => return self.channel.error(&e),
        };
        let at = self.channel.begin();
        let out = self.channel.out();
        out.push(0);
        out.extend_from_slice(&info.id.to_le_bytes());
        out.extend_from_slice(&(info.columns.len() as u16).to_le_bytes());
        out.extend_from_slice(&(info.params as u16).to_le_bytes());
        out.push(0);
        out.extend_from_slice(&self.session.warning_count().to_le_bytes());
        self.channel.end(at)?;
        let flags = self.session.status_flags();
        let parameter = ColumnMeta::computed("?", SqlType::VarBinary(0));
        for _ in 0..info.params {
            self.column(&parameter)?;
        }
        if info.params > 0 && !self.channel.has(client::DEPRECATE_EOF) {
            self.channel.eof(flags, 0)?;
        }
        for c in &info.columns {
            self.column(c)?;
        }
        if !info.columns.is_empty() && !self.channel.has(client::DEPRECATE_EOF) {
            self.channel.eof(flags, 0)?;
        }
        self.statements.insert(
            info.id,
            Statement {
                params: info.params,
                bindings: Bindings::default(),
                cursor: None,
                failed: None,
            },
        );
        Ok(())
    }

    fn column(&mut self, c: &ColumnMeta) -> io::Result<()> {
        let results = self.session.results_collation();
        let at = self.channel.begin();
        put_column(self.channel.out(), c, results);
        self.channel.end(at)
    }

    fn statement(&mut self, body: &[u8], what: &str) -> Result<&mut Statement> {
        let id = PacketReader::new(body).u32().map_err(|_| malformed())?;
        self.statements
            .get_mut(&id)
            .ok_or_else(|| Error::unknown_statement(id, what))
    }

    fn execute(&mut self, body: &[u8]) -> io::Result<()> {
        let named = self.channel.has(client::QUERY_ATTRIBUTES);
        let read = (|| {
            let mut r = PacketReader::new(body);
            let id = r.u32().map_err(|_| malformed())?;
            let statement = self
                .statements
                .get_mut(&id)
                .ok_or_else(|| Error::unknown_statement(id, "mysqld_stmt_execute"))?;
            statement.cursor = None;
            if let Some(e) = statement.failed.take() {
                statement.bindings.long_data.clear();
                return Err(e);
            }
            let values = (|| {
                let flags = r.u8()?;
                r.u32()?;
                // The flag alone does not tell: with parameters their count is always there.
                let counted =
                    named && (statement.params > 0 || flags & PARAMETER_COUNT_AVAILABLE != 0);
                let announced = match (counted, statement.params) {
                    (true, _) => usize::try_from(r.lenenc()?).unwrap_or(usize::MAX),
                    (false, n) => n,
                };
                if announced < statement.params {
                    return Err(crate::wire_format::Malformed);
                }
                let bindings = &mut statement.bindings;
                let v = read_values(&mut r, statement.params, announced, counted, bindings)?;
                Ok((flags, v))
            })();
            statement.bindings.long_data.clear();
            let (flags, values) =
                values.map_err(|_| Error::wrong_arguments("mysqld_stmt_execute"))?;
            Ok((id, flags, values))
        })();
        let (id, flags, values) = match read {
            Ok(read) => read,
            Err(e) => return self.channel.error(&e),
        };
        let form = if flags & 1 != 0 {
            RowForm::Cursor
        } else {
            RowForm::Binary
        };
        let mut writer = ResultWriter::new(&mut self.channel, &*self.session, form);
        let result = self.session.execute_prepared(id, values, &mut writer);
        self.shared.log_failure(self.entry.id, &result);
        let cursor = writer.finish(result)?;
        if let Some(s) = self.statements.get_mut(&id) {
            s.cursor = cursor;
        }
        Ok(())
    }

    /// No answer is sent, not even to a mistake.
    fn long_data(&mut self, body: &[u8]) {
        let mut r = PacketReader::new(body);
        let (Ok(id), Ok(index)) = (r.u32(), r.u16()) else {
            return;
        };
        let Some(s) = self.statements.get_mut(&id) else {
            return;
        };
        let index = usize::from(index);
        if index >= s.params {
            s.failed = Some(Error::wrong_arguments("mysqld_stmt_send_long_data"));
            return;
        }
        if s.bindings.long_data.len() < s.params {
            s.bindings.long_data.resize(s.params, None);
        }
        let data = s.bindings.long_data[index].get_or_insert_default();
        if data.len() + r.rest().len() > MAX_LONG_DATA {
            *data = Vec::new();
            s.failed = Some(Error::packet_too_large());
            return;
        }
        data.extend_from_slice(r.rest());
    }

    fn fetch(&mut self, body: &[u8]) -> io::Result<()> {
        let mut r = PacketReader::new(body);
        let (Ok(id), Ok(rows)) = (r.u32(), r.u32()) else {
            return self.channel.error(&malformed());
        };
        let cursor = self.statements.get_mut(&id).map(|s| &mut s.cursor);
        let Some(Some(cursor)) = cursor else {
            let e = match cursor {
                None => Error::unknown_statement(id, "mysqld_stmt_fetch"),
                _ => Error::new(
                    1421,
                    "HY000",
                    format!("The statement ({id}) has no open cursor."),
                ),
            };
            return self.channel.error(&e);
        };
        let more = cursor.send(&mut self.channel, rows as usize)?;
        let mark = if more {
            status::CURSOR_EXISTS
        } else {
            status::LAST_ROW_SENT
        };
        if !more {
            self.statements.entry(id).and_modify(|s| s.cursor = None);
        }
        let flags = self.session.status_flags() | mark;
        self.channel.eof(flags, 0)
    }

    fn forget_statements(&mut self) {
        for (id, _) in self.statements.drain() {
            self.session.close_prepared(id);
        }
    }

    /// The session begins anew for another account; a wrong password ends the connection.
    fn change_user(&mut self, body: &[u8]) -> io::Result<Next> {
        let Ok(mut hello) = parse_change_user(body, self.channel.capabilities) else {
            self.channel.error(&malformed())?;
            return Ok(Next::Close);
        };
        if hello.collation == 0 {
            hello.collation = CollationId::UTF8MB4_0900_AI_CI.0;
        }
        self.forget_statements();
        let changed = prove(
            self.shared,
            self.entry,
            &mut self.channel,
            &self.host,
            &hello,
            None,
        )
        .and_then(|login| {
            self.session.change_user(&login).map_err(Refusal::Denied)?;
            settle(&*self.session, &self.channel, &hello)
        });
        match changed {
            Ok(()) => {
                self.user = hello.user;
                self.multi = self.channel.has(client::MULTI_STATEMENTS)
                    && !self.shared.config.disable_multi_statements;
                self.answer(Ok(()))?;
                Ok(Next::Continue)
            }
            Err(Refusal::Denied(e)) => {
                let fields = [
                    ("connectionID", self.entry.id.to_string()),
                    ("user", self.user.clone()),
                ];
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
                self.shared.logger.log(Level::Warning, &e.message, &fields);
                self.channel.error(&e)?;
                Ok(Next::Close)
            }
            Err(Refusal::Lost(e)) => Err(io::Error::other(e)),
        }
    }

    fn field_list(&mut self, body: &[u8]) -> io::Result<()> {
        let table = PacketReader::new(body).nul_or_rest();
        let table = String::from_utf8_lossy(table).replace('`', "``");
        let mut fields = Fields(Vec::new());
        let sql = format!("SELECT * FROM `{table}` LIMIT 0");
        if let Err(e) = self.session.execute(sql.as_bytes(), false, &mut fields) {
            return self.channel.error(&e);
        }
        let results = self.session.results_collation();
        for c in &fields.0 {
            let at = self.channel.begin();
            put_column(self.channel.out(), c, results);
            // The default, which no client looks at: NULL.
            self.channel.out().push(0xfb);
            self.channel.end(at)?;
        }
        let flags = self.session.status_flags();
        self.channel.eof(flags, 0)
    }
}

/// Keeps the columns of a result, and nothing else.
struct Fields(Vec<ColumnMeta>);

impl ResultSink for Fields {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<()> {
        self.0 = columns.to_vec();
        Ok(())
    }
    fn row(&mut self, _: &dyn Row) -> Result<Flow> {
        Ok(Flow::Stop)
    }
    fn done(&mut self, _: &Done, _: bool) -> Result<()> {
        Ok(())
    }
}
