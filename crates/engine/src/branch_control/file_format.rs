//! `branch_control.db`: four bytes, then a flatbuffer `BRCL` (spec 01 §16). The rows of
//! `dolt_branch_control` are what the log of their changes leaves.

use std::collections::HashMap;

use serial::{Builder, FileId, Offset, Table, file_id};

use super::permission::Permissions;
use super::rules::{LogEntry, MAX_BYTES, NamePattern, Rules};
use crate::error::{Error, Result};

/// Logs of this version have `merge` among the permissions.
const VERSION: u32 = 1;
/// More than this is no such file.
const MAX_FILE: usize = 256 << 20;

/// Reads the file.
pub(super) fn decode(bytes: &[u8]) -> Result<Rules> {
    if bytes.len() > MAX_FILE {
        return Err(Error::general("it is too large"));
    }
    // Dolt leaves the kind and length in front empty.
    let mut message = bytes.to_vec();
    if let Some(kind) = message.first_mut() {
        *kind = serial::SERIAL_MESSAGE;
    }
    if file_id(&message) != Some(FileId::BRANCH_CONTROL) {
        return Err(Error::general("unknown file ID"));
    }
    let root = Table::root(&message, 2)?;
    let mut rules = Rules::default();
    if let Some(access) = root.table(0, 6)? {
        for entry in log(&access)? {
            let pattern = pattern(&entry.texts)?;
            match entry.is_insert {
                true => rules.insert(pattern, Permissions::from_bits(entry.permissions)),
                false => rules.remove(&pattern),
            }
        }
    }
    if let Some(namespace) = root.table(1, 6)? {
        rules.namespace_log = log(&namespace)?;
        for value in namespace.tables(5, 4)? {
            rules.namespace.push(pattern(&texts(&value, 0)?)?);
        }
    }
    Ok(rules)
}

fn pattern(texts: &[String; 4]) -> Result<NamePattern> {
    let pattern = NamePattern::new([&texts[0], &texts[1], &texts[2], &texts[3]]);
    match pattern.is_too_long() {
        true => Err(Error::general(format!(
            "an expression is longer than {MAX_BYTES} bytes"
        ))),
        false => Ok(pattern),
    }
}

fn texts(t: &Table<'_>, first: usize) -> Result<[String; 4]> {
    let mut out: [String; 4] = Default::default();
    for (i, text) in out.iter_mut().enumerate() {
        let bytes = t.bytes(first + i)?.unwrap_or_default();
        *text = String::from_utf8_lossy(bytes).into_owned();
    }
    Ok(out)
}

fn log(table: &Table<'_>) -> Result<Vec<LogEntry>> {
    let Some(log) = table.table(0, 2)? else {
        return Ok(Vec::new());
    };
    let before_merge = log.u32(1, 0)? == 0;
    let mut out = Vec::new();
    for row in log.tables(0, 6)? {
        let mut permissions = row.u64(5, 0)?;
        // `read` was the third permission before `merge` was.
        if before_merge && permissions & 4 != 0 {
            permissions = permissions & !4 | 8;
        }
        out.push(LogEntry {
            is_insert: row.bool(0, false)?,
            texts: texts(&row, 1)?,
            permissions,
        });
    }
    Ok(out)
}

/// The file's bytes, as Dolt writes them after the same changes.
pub(super) fn encode(rules: &Rules) -> Result<Vec<u8>> {
    let mut w = Writer {
        b: Builder::new(),
        shared: HashMap::new(),
    };
    let access_log = w.log(&rules.access_log);
    w.b.start_table(6);
    w.b.add_offset(0, access_log);
    let access = w.b.end_table();
    let namespace = w.namespace(rules);
    w.b.start_table(2);
    w.b.add_offset(0, access);
    w.b.add_offset(1, namespace);
    let root = w.b.end_table();
    Ok(w.b.finish_file(root, FileId::BRANCH_CONTROL)?)
}

struct Writer {
    b: Builder,
    shared: HashMap<String, Offset>,
}

impl Writer {
    fn text(&mut self, text: &str) -> Offset {
        if let Some(at) = self.shared.get(text) {
            return *at;
        }
        let at = self.b.string(text);
        self.shared.insert(text.to_string(), at);
        at
    }

    fn four(&mut self, texts: &[String; 4]) -> [Offset; 4] {
        std::array::from_fn(|i| self.text(&texts[i]))
    }

    fn log(&mut self, log: &[LogEntry]) -> Offset {
        let mut rows = Vec::with_capacity(log.len());
        for entry in log {
            let texts = self.four(&entry.texts);
            self.b.start_table(6);
            self.b.add_bool(0, entry.is_insert, false);
            for (i, text) in texts.into_iter().enumerate() {
                self.b.add_offset(i + 1, text);
            }
            self.b.add_u64(5, entry.permissions, 0);
            rows.push(self.b.end_table());
        }
        let rows = self.b.offsets(&rows);
        self.b.start_table(2);
        self.b.add_offset(0, rows);
        self.b.add_u32(1, VERSION, 0);
        self.b.end_table()
    }

    fn namespace(&mut self, rules: &Rules) -> Offset {
        let log = self.log(&rules.namespace_log);
        let mut expressions: [Vec<Offset>; 4] = Default::default();
        for (at, list) in expressions.iter_mut().enumerate() {
            for (i, pattern) in rules.namespace.iter().enumerate() {
                let elements = pattern.elements(at).iter().map(|e| *e as u32);
                let elements = self.b.u32s(elements);
                self.b.start_table(2);
                self.b.add_u32(0, i as u32, 0);
                self.b.add_offset(1, elements);
                list.push(self.b.end_table());
            }
        }
        let mut values = Vec::with_capacity(rules.namespace.len());
        for pattern in &rules.namespace {
            let texts = self.four(&pattern.texts);
            self.b.start_table(4);
            for (i, text) in texts.into_iter().enumerate() {
                self.b.add_offset(i, text);
            }
            values.push(self.b.end_table());
        }
        let lists = expressions.map(|list| self.b.offsets(&list));
        let values = self.b.offsets(&values);
        self.b.start_table(6);
        self.b.add_offset(0, log);
        for (i, list) in lists.into_iter().enumerate() {
            self.b.add_offset(i + 1, list);
        }
        self.b.add_offset(5, values);
        self.b.end_table()
    }
}
