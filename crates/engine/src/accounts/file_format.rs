//! The privileges file: a flatbuffer without envelope or identifier (spec 01 §16, spec 07 §22).

use std::collections::HashMap;

use serial::{Builder, Offset, Table};

use super::privilege::{
    ColumnGrants, DatabaseGrants, Grants, PrivilegeBits, RoutineGrants, TableGrants,
};
use super::{Account, ReplicaSource, RoleEdge, State};
use crate::error::{Error, Result};

/// Bytes of the envelope that the reader expects in front.
const ENVELOPE: [u8; serial::PREFIX_LEN] = [0; serial::PREFIX_LEN];
/// More than this is no privileges file.
const MAX_BYTES: usize = 256 << 20;

fn damaged(e: impl std::fmt::Display) -> Error {
    Error::general(format!("ill formatted privileges file: {e}"))
}

impl From<serial::SerialError> for Error {
    fn from(e: serial::SerialError) -> Error {
        damaged(e)
    }
}

/// Reads the file; no bytes are no accounts.
pub(super) fn decode(bytes: &[u8]) -> Result<State> {
    let mut state = State::default();
    if bytes.is_empty() {
        return Ok(state);
    }
    if bytes.len() > MAX_BYTES {
        return Err(damaged("it is too large"));
    }
    if bytes.first() == Some(&b'{') {
        return Err(damaged(
            "JSON of an old version; start Dolt once to have it rewritten",
        ));
    }
    let message: Vec<u8> = ENVELOPE.iter().chain(bytes).copied().collect();
    let root = Table::root(&message, 4)?;
    for (slot, superuser) in [(0, false), (3, true)] {
        for t in root.tables(slot, 13)? {
            state
                .accounts
                .push(std::sync::Arc::new(account(&t, superuser)?));
        }
    }
    for t in root.tables(1, 5)? {
        state.edges.push(RoleEdge {
            from_host: text(&t, 0)?,
            from_user: text(&t, 1)?,
            to_host: text(&t, 2)?,
            to_user: text(&t, 3)?,
            admin_option: t.bool(4, false)?,
        });
    }
    for t in root.tables(2, 7)? {
        state.replica_sources.push(ReplicaSource {
            host: text(&t, 0)?,
            user: text(&t, 1)?,
            password: text(&t, 2)?,
            port: t.u16(3, 0)?,
            uuid: text(&t, 4)?,
            connect_retry_interval: t.u32(5, 0)?,
            connect_retry_count: t.u64(6, 0)?,
        });
    }
    state.sort();
    Ok(state)
}

fn text(t: &Table<'_>, slot: usize) -> Result<String> {
    Ok(String::from_utf8_lossy(t.bytes(slot)?.unwrap_or_default()).into_owned())
}

fn bits(t: &Table<'_>, slot: usize) -> Result<PrivilegeBits> {
    Ok(t.u32s(slot)?
        .unwrap_or_default()
        .into_iter()
        .map(PrivilegeBits::from_number)
        .fold(PrivilegeBits::NONE, PrivilegeBits::union))
}

fn account(t: &Table<'_>, superuser: bool) -> Result<Account> {
    Ok(Account {
        user: text(t, 0)?,
        host: text(t, 1)?,
        grants: match t.table(2, 4)? {
            Some(g) => grants(&g)?,
            None => Grants::default(),
        },
        plugin: text(t, 3)?,
        auth_string: text(t, 4)?,
        password_last_changed: t.i64(5, 0)?,
        locked: t.bool(6, false)?,
        attributes: if t.has(7) { Some(text(t, 7)?) } else { None },
        identity: text(t, 8)?,
        ssl_type: text(t, 9)?,
        ssl_cipher: text(t, 10)?,
        x509_issuer: text(t, 11)?,
        x509_subject: text(t, 12)?,
        superuser,
        ephemeral: false,
    })
}

fn grants(t: &Table<'_>) -> Result<Grants> {
    let options = t.bytes(3)?.unwrap_or_default();
    let mut databases = Vec::new();
    for d in t.tables(2, 4)? {
        let mut tables = Vec::new();
        for e in d.tables(2, 3)? {
            let mut columns = Vec::new();
            for c in e.tables(2, 2)? {
                columns.push(ColumnGrants {
                    name: text(&c, 0)?,
                    privileges: bits(&c, 1)?,
                });
            }
            tables.push(TableGrants {
                name: text(&e, 0)?,
                privileges: bits(&e, 1)?,
                columns,
            });
        }
        let mut routines = Vec::new();
        for r in d.tables(3, 3)? {
            routines.push(RoutineGrants {
                name: text(&r, 0)?,
                privileges: bits(&r, 1)?,
                procedure: r.bool(2, false)?,
            });
        }
        databases.push(DatabaseGrants {
            name: text(&d, 0)?,
            privileges: bits(&d, 1)?,
            tables,
            routines,
        });
    }
    let dynamic = t.strings(1)?;
    Ok(Grants {
        global: bits(t, 0)?,
        dynamic: dynamic
            .iter()
            .enumerate()
            .map(|(i, name)| (name.to_string(), options.get(i).is_some_and(|b| *b != 0)))
            .collect(),
        databases,
    })
}

/// The file's bytes, as Dolt writes them for the same accounts.
pub(super) fn encode(state: &State) -> Result<Vec<u8>> {
    let mut w = Writer {
        b: Builder::new(),
        shared: HashMap::new(),
    };
    let kept = |superuser: bool| {
        state
            .accounts
            .iter()
            .filter(move |a| !a.ephemeral && a.superuser == superuser)
    };
    let users = w.accounts(&kept(false).map(|a| &**a).collect::<Vec<_>>());
    let edges = w.edges(&state.edges);
    let sources = w.sources(&state.replica_sources);
    let supers = w.accounts(&kept(true).map(|a| &**a).collect::<Vec<_>>());
    w.b.start_table(4);
    w.b.add_offset(0, users);
    w.b.add_offset(1, edges);
    w.b.add_offset(2, sources);
    w.b.add_offset(3, supers);
    let root = w.b.end_table();
    Ok(w.b.finish_bare(root)?)
}

struct Writer {
    b: Builder,
    shared: HashMap<String, Offset>,
}

impl Writer {
    /// Privileges are written from the greatest number down.
    fn bits(&mut self, bits: PrivilegeBits) -> Offset {
        let numbers: Vec<u32> = bits.numbers().rev().collect();
        self.b.u32s(numbers.into_iter())
    }

    fn dynamic(&mut self, list: &[(String, bool)]) -> (Offset, Offset) {
        let options: Vec<u8> = list.iter().map(|(_, o)| u8::from(*o)).collect();
        let options = self.b.bytes(&options);
        let mut names: Vec<Offset> = Vec::with_capacity(list.len());
        for (name, _) in list.iter().rev() {
            let at = match self.shared.get(name) {
                Some(at) => *at,
                None => {
                    let at = self.b.string(name);
                    self.shared.insert(name.clone(), at);
                    at
                }
            };
            names.push(at);
        }
        names.reverse();
        (self.b.offsets(&names), options)
    }

    fn grants(&mut self, g: &Grants) -> Offset {
        let global = self.bits(g.global);
        let (names, options) = self.dynamic(&g.dynamic);
        let mut databases = Vec::new();
        for d in &g.databases {
            let name = self.b.string(&d.name);
            let privileges = self.bits(d.privileges);
            let mut tables = Vec::new();
            for t in &d.tables {
                let name = self.b.string(&t.name);
                let privileges = self.bits(t.privileges);
                let mut columns = Vec::new();
                for c in &t.columns {
                    let name = self.b.string(&c.name);
                    let privileges = self.bits(c.privileges);
                    self.b.start_table(2);
                    self.b.add_offset(0, name);
                    self.b.add_offset(1, privileges);
                    columns.push(self.b.end_table());
                }
                let columns = self.b.offsets(&columns);
                self.b.start_table(3);
                self.b.add_offset(0, name);
                self.b.add_offset(1, privileges);
                self.b.add_offset(2, columns);
                tables.push(self.b.end_table());
            }
            let tables = self.b.offsets(&tables);
            let mut routines = Vec::new();
            for r in &d.routines {
                let name = self.b.string(&r.name);
                let privileges = self.bits(r.privileges);
                self.b.start_table(3);
                self.b.add_offset(0, name);
                self.b.add_offset(1, privileges);
                self.b.add_bool(2, r.procedure, false);
                routines.push(self.b.end_table());
            }
            let routines = self.b.offsets(&routines);
            self.b.start_table(4);
            self.b.add_offset(0, name);
            self.b.add_offset(1, privileges);
            self.b.add_offset(2, tables);
            self.b.add_offset(3, routines);
            databases.push(self.b.end_table());
        }
        let databases = self.b.offsets(&databases);
        self.b.start_table(4);
        self.b.add_offset(0, global);
        self.b.add_offset(1, names);
        self.b.add_offset(2, databases);
        self.b.add_offset(3, options);
        self.b.end_table()
    }

    fn accounts(&mut self, list: &[&Account]) -> Offset {
        let mut out = Vec::with_capacity(list.len());
        for a in list {
            let user = self.b.string(&a.user);
            let host = self.b.string(&a.host);
            let grants = self.grants(&a.grants);
            let plugin = self.b.string(&a.plugin);
            let auth_string = self.b.string(&a.auth_string);
            let attributes = a
                .attributes
                .as_ref()
                .map_or(Offset::NONE, |t| self.b.string(t));
            let identity = self.b.string(&a.identity);
            let ssl_type = self.b.string(&a.ssl_type);
            let ssl_cipher = self.b.string(&a.ssl_cipher);
            let issuer = self.b.string(&a.x509_issuer);
            let subject = self.b.string(&a.x509_subject);
            self.b.start_table(13);
            self.b.add_offset(0, user);
            self.b.add_offset(1, host);
            self.b.add_offset(2, grants);
            self.b.add_offset(3, plugin);
            self.b.add_offset(4, auth_string);
            self.b.add_i64(5, a.password_last_changed, 0);
            self.b.add_bool(6, a.locked, false);
            self.b.add_offset(7, attributes);
            self.b.add_offset(8, identity);
            self.b.add_offset(9, ssl_type);
            self.b.add_offset(10, ssl_cipher);
            self.b.add_offset(11, issuer);
            self.b.add_offset(12, subject);
            out.push(self.b.end_table());
        }
        self.b.offsets(&out)
    }

    fn edges(&mut self, list: &[RoleEdge]) -> Offset {
        let mut out = Vec::with_capacity(list.len());
        for e in list {
            let from_host = self.b.string(&e.from_host);
            let from_user = self.b.string(&e.from_user);
            let to_host = self.b.string(&e.to_host);
            let to_user = self.b.string(&e.to_user);
            self.b.start_table(5);
            self.b.add_offset(0, from_host);
            self.b.add_offset(1, from_user);
            self.b.add_offset(2, to_host);
            self.b.add_offset(3, to_user);
            self.b.add_bool(4, e.admin_option, false);
            out.push(self.b.end_table());
        }
        self.b.offsets(&out)
    }

    fn sources(&mut self, list: &[ReplicaSource]) -> Offset {
        let mut out = Vec::with_capacity(list.len());
        for s in list {
            let host = self.b.string(&s.host);
            let user = self.b.string(&s.user);
            let password = self.b.string(&s.password);
            let uuid = self.b.string(&s.uuid);
            self.b.start_table(7);
            self.b.add_offset(0, host);
            self.b.add_offset(1, user);
            self.b.add_offset(2, password);
            self.b.add_offset(4, uuid);
            self.b.add_u16(3, s.port, 0);
            self.b.add_u32(5, s.connect_retry_interval, 0);
            self.b.add_u64(6, s.connect_retry_count, 0);
            out.push(self.b.end_table());
        }
        self.b.offsets(&out)
    }
}
