//! SHOW of the server itself: variables, status, connections, accounts, replication.

use syntax::ast::{self, VarScope};
use values::{OwnedValue, Value};

use super::listing::{Kind, Listing};
use crate::accounts;
use crate::error::{Error, Result};
use crate::program::condition::Level;
use crate::schema_tables::server_facts;
use crate::session::Session;
use crate::variables;

fn two_words() -> Listing {
    Listing::new(&[("Variable_name", Kind::Name), ("Value", Kind::Text)])
}

/// Variables with their texts, as SHOW VARIABLES prints them.
pub(crate) fn variable_texts(session: &Session, global: bool) -> Vec<(String, String)> {
    let scope = if global { Some(VarScope::Global) } else { None };
    let mut out = Vec::new();
    for v in variables::all() {
        if global && !v.global {
            continue;
        }
        if let Ok(value) = session.system_variable(scope, v.name) {
            let text = if value.is_null() {
                String::new()
            } else {
                v.show(&value)
            };
            out.push((v.name.to_string(), text));
        }
    }
    for handle in session.instance.databases() {
        for suffix in ["default_branch", "head", "head_ref", "staged", "working"] {
            if global && suffix != "default_branch" {
                continue;
            }
            let name = format!("{}_{suffix}", handle.name);
            if let Ok(value) = session.system_variable(None, &name) {
                out.push((name, crate::convert::to_string(&value)));
            }
        }
    }
    out.sort();
    out
}

/// SHOW VARIABLES.
pub(super) fn variables(session: &Session, scope: Option<VarScope>) -> Listing {
    let global = matches!(scope, Some(VarScope::Global | VarScope::Persist));
    let mut out = two_words();
    for (name, text) in variable_texts(session, global) {
        out.push(vec![Value::text(name), Value::text(text)]);
    }
    out
}

/// SHOW STATUS.
pub(super) fn status(session: &Session) -> Listing {
    let mut out = two_words();
    for (name, text) in server_facts::status(session) {
        out.push(vec![Value::text(name), Value::text(text)]);
    }
    out
}

/// SHOW WARNINGS and ERRORS.
pub(super) fn warnings(
    session: &Session,
    errors: bool,
    limit: Option<&ast::Limit>,
) -> Result<Listing> {
    let mut out = Listing::new(&[
        ("Level", Kind::Name),
        ("Code", Kind::Number),
        ("Message", Kind::Text),
    ]);
    let number = |e: &ast::Expr| -> Result<usize> {
        match e {
            ast::Expr::Literal(ast::Literal::Int(n)) => {
                Ok(usize::try_from(*n).unwrap_or(usize::MAX))
            }
            _ => Err(Error::wrong_arguments("LIMIT")),
        }
    };
    let (skip, take) = match limit {
        None => (0, usize::MAX),
        Some(l) => (l.offset.as_ref().map_or(Ok(0), number)?, number(&l.count)?),
    };
    let mut list = session.conditions();
    list.retain(|c| !errors || c.level == Level::Error);
    for c in list.into_iter().skip(skip).take(take) {
        let level = match c.level {
            Level::Note => "Note",
            Level::Warning => "Warning",
            Level::Error => "Error",
        };
        out.push(vec![
            Value::text(level),
            Value::Int(c.error.code.into()),
            Value::text(c.error.message),
        ]);
    }
    Ok(out)
}

/// SHOW COUNT(*) WARNINGS and ERRORS.
pub(super) fn count(session: &Session, errors: bool) -> Listing {
    let name = if errors {
        "@@session.error_count"
    } else {
        "@@session.warning_count"
    };
    let n = if errors {
        let list = session.conditions();
        list.iter().filter(|c| c.level == Level::Error).count() as i64
    } else {
        i64::from(session.warning_count())
    };
    let mut out = Listing::new(&[(name, Kind::Number)]);
    out.push(vec![Value::Int(n)]);
    out
}

/// SHOW PROCESSLIST.
pub(super) fn processlist(session: &Session, full: bool) -> Listing {
    let mut out = Listing::new(&[
        ("Id", Kind::Number),
        ("User", Kind::Name),
        ("Host", Kind::Name),
        ("db", Kind::Name),
        ("Command", Kind::Name),
        ("Time", Kind::Number),
        ("State", Kind::Name),
        ("Info", Kind::Text),
    ]);
    for mut row in server_facts::processes(session) {
        if !full && let Value::Bytes(text) = &row[7] {
            let text = String::from_utf8_lossy(text);
            row[7] = Value::text(text.chars().take(100).collect::<String>());
        }
        out.push(row);
    }
    out
}

/// SHOW ENGINES.
pub(super) fn engines() -> Listing {
    table_of(server_facts::ENGINES)
}

/// SHOW PRIVILEGES.
pub(super) fn privileges() -> Listing {
    table_of(server_facts::PRIVILEGES)
}

/// A table of facts whose first line names its columns.
fn table_of(text: &str) -> Listing {
    let mut lines = text.lines().map(|l| l.split('\t').collect::<Vec<_>>());
    let mut out = Listing::of_words(&lines.next().unwrap_or_default());
    for mut line in lines {
        line.resize(out.columns.len(), "");
        out.push(line.into_iter().map(Value::text).collect());
    }
    out
}

/// SHOW CHARACTER SET.
pub(super) fn character_sets() -> Listing {
    let mut out = Listing::new(&[
        ("Charset", Kind::Name),
        ("Description", Kind::Name),
        ("Default collation", Kind::Name),
        ("Maxlen", Kind::Number),
    ]);
    for c in server_facts::character_sets() {
        out.push(vec![
            Value::text(c.name),
            Value::text(c.description),
            Value::text(c.default_collation),
            Value::Int(c.max_length.into()),
        ]);
    }
    out
}

/// SHOW COLLATION.
pub(super) fn collations() -> Listing {
    let mut out = Listing::new(&[
        ("Collation", Kind::Name),
        ("Charset", Kind::Name),
        ("Id", Kind::Number),
        ("Default", Kind::Name),
        ("Compiled", Kind::Name),
        ("Sortlen", Kind::Number),
        ("Pad_attribute", Kind::Name),
    ]);
    for c in server_facts::collations() {
        out.push(vec![
            Value::text(c.name),
            Value::text(c.charset.name),
            Value::Int(c.id.0.into()),
            Value::text(if c.is_default { "Yes" } else { "" }),
            Value::text("Yes"),
            Value::Int(c.sort_length.into()),
            Value::text(c.pad_attribute),
        ]);
    }
    out
}

fn words_table((titles, rows): (Vec<String>, Vec<Vec<String>>)) -> Listing {
    let titles: Vec<(&str, Kind)> = titles.iter().map(|t| (t.as_str(), Kind::Text)).collect();
    let mut out = Listing::new(&titles);
    for row in rows {
        out.push(row.into_iter().map(Value::text).collect());
    }
    out
}

/// SHOW GRANTS.
pub(super) fn grants(session: &Session, user: Option<&ast::Account>) -> Result<Listing> {
    let current = session.account_name();
    let outcome = match &session.instance.accounts {
        Some(list) => accounts::show_grants(list, user, &current)?,
        // Where every connection is trusted the user is root.
        None => {
            let list = accounts::Accounts::in_memory();
            list.add_superuser("root", "localhost", "")?;
            let root = accounts::AccountName::new("root", "localhost");
            accounts::show_grants(&list, user, &root)?
        }
    };
    Ok(words_table(outcome.rows.unwrap_or_default()))
}

/// SHOW CREATE USER.
pub(super) fn create_user(session: &Session, user: Option<&ast::Account>) -> Result<Listing> {
    let current = session.account_name();
    let outcome = match &session.instance.accounts {
        Some(list) => accounts::show_create_user(list, user, &current)?,
        None => {
            let list = accounts::Accounts::in_memory();
            list.add_superuser("root", "localhost", "")?;
            let root = accounts::AccountName::new("root", "localhost");
            accounts::show_create_user(&list, user, &root)?
        }
    };
    Ok(words_table(outcome.rows.unwrap_or_default()))
}

/// SHOW ENGINE .. STATUS.
pub(super) fn engine(name: &str, what: &str) -> Result<Listing> {
    if !name.eq_ignore_ascii_case("innodb") {
        return Err(Error::new(
            1286,
            "42000",
            format!("Unknown storage engine '{name}'"),
        ));
    }
    let mut out = Listing::new(&[
        ("Type", Kind::Name),
        ("Name", Kind::Name),
        ("Status", Kind::Text),
    ]);
    if what.eq_ignore_ascii_case("status") {
        out.push(vec![
            Value::text("InnoDB"),
            Value::text(""),
            Value::text(""),
        ]);
    }
    Ok(out)
}

/// Listings of things that a server of this kind never has, with the columns that clients look for.
pub(super) fn empty(what: &ast::Show) -> Option<Listing> {
    let words: &[&str] = match what {
        ast::Show::Plugins => &["Name", "Status", "Type", "Library", "License"],
        ast::Show::Profiles => &["Query_ID", "Duration", "Query"],
        ast::Show::Profile { .. } => &["Status", "Duration"],
        ast::Show::BinaryLogs => &["Log_name", "File_size", "Encrypted"],
        ast::Show::BinaryLogStatus => &[
            "File",
            "Position",
            "Binlog_Do_DB",
            "Binlog_Ignore_DB",
            "Executed_Gtid_Set",
        ],
        ast::Show::BinlogEvents { .. } => &[
            "Log_name",
            "Pos",
            "Event_type",
            "Server_id",
            "End_log_pos",
            "Info",
        ],
        ast::Show::Replicas => &["Server_Id", "Host", "Port", "Source_Id", "Replica_UUID"],
        ast::Show::ReplicaStatus { slave: false, .. } => REPLICA_STATUS,
        ast::Show::ReplicaStatus { slave: true, .. } => {
            let names: Vec<String> = REPLICA_STATUS
                .iter()
                .map(|n| n.replace("Replica_", "Slave_").replace("Source", "Master"))
                .collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            return Some(Listing::of_words(&names));
        }
        _ => return None,
    };
    Some(Listing::of_words(words))
}

const REPLICA_STATUS: &[&str] = &[
    "Replica_IO_State",
    "Source_Host",
    "Source_User",
    "Source_Port",
    "Connect_Retry",
    "Source_Log_File",
    "Read_Source_Log_Pos",
    "Relay_Log_File",
    "Relay_Log_Pos",
    "Relay_Source_Log_File",
    "Replica_IO_Running",
    "Replica_SQL_Running",
    "Replicate_Do_DB",
    "Replicate_Ignore_DB",
    "Replicate_Do_Table",
    "Replicate_Ignore_Table",
    "Replicate_Wild_Do_Table",
    "Replicate_Wild_Ignore_Table",
    "Last_Errno",
    "Last_Error",
    "Skip_Counter",
    "Exec_Source_Log_Pos",
    "Relay_Log_Space",
    "Until_Condition",
    "Until_Log_File",
    "Until_Log_Pos",
    "Source_SSL_Allowed",
    "Source_SSL_CA_File",
    "Source_SSL_CA_Path",
    "Source_SSL_Cert",
    "Source_SSL_Cipher",
    "Source_SSL_Key",
    "Seconds_Behind_Source",
    "Source_SSL_Verify_Server_Cert",
    "Last_IO_Errno",
    "Last_IO_Error",
    "Last_SQL_Errno",
    "Last_SQL_Error",
    "Replicate_Ignore_Server_Ids",
    "Source_Server_Id",
    "Source_UUID",
    "Source_Info_File",
    "SQL_Delay",
    "SQL_Remaining_Delay",
    "Replica_SQL_Running_State",
    "Source_Retry_Count",
    "Source_Bind",
    "Last_IO_Error_Timestamp",
    "Last_SQL_Error_Timestamp",
    "Source_SSL_Crl",
    "Source_SSL_Crlpath",
    "Retrieved_Gtid_Set",
    "Executed_Gtid_Set",
    "Auto_Position",
    "Replicate_Rewrite_DB",
    "Channel_Name",
    "Source_TLS_Version",
    "Source_public_key_path",
    "Get_Source_public_key",
    "Network_Namespace",
];

/// The session's warnings as rows of one column, for tools that ask for them.
pub(super) fn one_text(title: &str, lines: Vec<String>) -> Listing {
    let mut out = Listing::new(&[(title, Kind::Text)]);
    for line in lines {
        let row: Vec<OwnedValue> = vec![Value::text(line)];
        out.push(row);
    }
    out
}
