//! Rows of mysql and performance_schema.

use values::{DateTime, Json, OwnedValue, Value};

use super::definitions::{DB_PRIVILEGES, USER_PRIVILEGES};
use super::{server_facts, sight::Sight};
use crate::accounts::{Account, Privilege, PrivilegeBits};
use crate::error::Result;
use crate::session::Session;

fn yes_no(yes: bool) -> OwnedValue {
    Value::text(if yes { "Y" } else { "N" })
}

fn holds(bits: PrivilegeBits, name: &str) -> bool {
    Privilege::from_name(name).is_some_and(|p| bits.has(p))
}

/// Privileges as the SET columns of MySQL spell them.
fn spelled(bits: PrivilegeBits) -> String {
    let word = |p: Privilege| match p {
        Privilege::GrantOption => "Grant".to_string(),
        Privilege::ShowView => "Show view".to_string(),
        p => p
            .name()
            .split(' ')
            .map(|w| {
                let lower = w.to_lowercase();
                let mut c = lower.chars();
                c.next().map_or(String::new(), |f| {
                    f.to_uppercase().collect::<String>() + c.as_str()
                })
            })
            .collect::<Vec<_>>()
            .join(" "),
    };
    bits.iter().map(word).collect::<Vec<_>>().join(",")
}

/// The same for `procs_priv`, whose SET has GRANT last.
fn spelled_of_routine(bits: PrivilegeBits) -> String {
    let all = spelled(bits);
    let (grant, others): (Vec<_>, Vec<_>) = all.split(',').partition(|w| *w == "Grant");
    [others, grant].concat().join(",")
}

fn moment(seconds: i64) -> OwnedValue {
    DateTime::from_unix_micros(seconds.saturating_mul(1_000_000))
        .map_or(Value::Null, Value::DateTime)
}

fn user_row(a: &Account) -> Vec<OwnedValue> {
    let bits = a.grants.global;
    let mut row = vec![Value::text(a.host.as_str()), Value::text(a.user.as_str())];
    row.extend(USER_PRIVILEGES.iter().map(|(_, p)| yes_no(holds(bits, p))));
    row.push(Value::text(a.ssl_type.as_str()));
    row.push(Value::text(a.ssl_cipher.as_str()));
    row.push(Value::text(a.x509_issuer.as_str()));
    row.push(Value::text(a.x509_subject.as_str()));
    row.extend((0..4).map(|_| Value::Int(0)));
    row.push(Value::text(a.plugin.as_str()));
    row.push(Value::text(a.auth_string.as_str()));
    row.push(yes_no(false));
    row.push(moment(a.password_last_changed));
    row.push(Value::Null);
    row.push(yes_no(a.locked));
    row.push(yes_no(holds(bits, "CREATE ROLE")));
    row.push(yes_no(holds(bits, "DROP ROLE")));
    row.push(Value::Null);
    row.push(Value::Null);
    row.push(Value::Null);
    row.push(match a.attributes.as_deref().map(Json::parse) {
        Some(Ok(json)) => Value::Json(json),
        _ => Value::Null,
    });
    row.push(Value::text(a.identity.as_str()));
    row
}

/// The accounts that the session may see: all with SELECT on mysql.
fn accounts(session: &Session) -> Vec<std::sync::Arc<Account>> {
    session
        .instance
        .accounts
        .as_ref()
        .map(|a| a.list())
        .unwrap_or_default()
}

fn mysql_rows(session: &Session, table: &str) -> Vec<Vec<OwnedValue>> {
    let mut out = Vec::new();
    let t = |s: &str| Value::text(s);
    match table {
        "user" if session.instance.accounts.is_none() => {
            let mut root = Account::new("root", "localhost");
            root.grants = crate::accounts::Grants::superuser();
            out.push(user_row(&root));
        }
        "user" => out.extend(accounts(session).iter().map(|a| user_row(a))),
        "db" => {
            for a in accounts(session) {
                for d in a
                    .grants
                    .databases
                    .iter()
                    .filter(|d| !d.privileges.is_empty())
                {
                    let mut row = vec![t(&a.host), t(&d.name), t(&a.user)];
                    row.extend(
                        DB_PRIVILEGES
                            .iter()
                            .map(|(_, p)| yes_no(holds(d.privileges, p))),
                    );
                    out.push(row);
                }
            }
        }
        "tables_priv" => {
            for a in accounts(session) {
                for d in &a.grants.databases {
                    for g in &d.tables {
                        let columns = g
                            .columns
                            .iter()
                            .fold(PrivilegeBits::NONE, |bits, c| bits.union(c.privileges));
                        out.push(vec![
                            t(&a.host),
                            t(&d.name),
                            t(&a.user),
                            t(&g.name),
                            t(""),
                            moment(0),
                            Value::text(spelled(g.privileges)),
                            Value::text(spelled(columns)),
                        ]);
                    }
                }
            }
        }
        "columns_priv" => {
            for a in accounts(session) {
                for d in &a.grants.databases {
                    for g in &d.tables {
                        for c in &g.columns {
                            out.push(vec![
                                t(&a.host),
                                t(&d.name),
                                t(&a.user),
                                t(&g.name),
                                t(&c.name),
                                moment(0),
                                Value::text(spelled(c.privileges)),
                            ]);
                        }
                    }
                }
            }
        }
        "procs_priv" => {
            for a in accounts(session) {
                for d in &a.grants.databases {
                    for r in &d.routines {
                        out.push(vec![
                            t(&a.host),
                            t(&d.name),
                            t(&a.user),
                            t(&r.name),
                            t(if r.procedure { "PROCEDURE" } else { "FUNCTION" }),
                            t(""),
                            Value::text(spelled_of_routine(r.privileges)),
                            moment(0),
                        ]);
                    }
                }
            }
        }
        "global_grants" => {
            for a in accounts(session) {
                for (name, option) in &a.grants.dynamic {
                    out.push(vec![
                        t(&a.user),
                        t(&a.host),
                        Value::text(name.to_uppercase()),
                        yes_no(*option),
                    ]);
                }
            }
        }
        "role_edges" => {
            let edges = session.instance.accounts.as_ref().map(|a| a.role_edges());
            for e in edges.unwrap_or_default() {
                out.push(vec![
                    t(&e.from_host),
                    t(&e.from_user),
                    t(&e.to_host),
                    t(&e.to_user),
                    yes_no(e.admin_option),
                ]);
            }
        }
        "slave_master_info" => {
            let sources = session
                .instance
                .accounts
                .as_ref()
                .map(|a| a.replica_sources());
            for s in sources.unwrap_or_default() {
                let mut row = vec![Value::Null; 33];
                row[0] = Value::Int(0);
                row[1] = t("");
                row[2] = Value::Int(0);
                row[3] = t(&s.host);
                row[4] = t(&s.user);
                row[5] = t(&s.password);
                row[6] = Value::Int(s.port.into());
                row[7] = Value::Int(s.connect_retry_interval.into());
                row[18] = t(&s.uuid);
                row[19] = Value::UInt(s.connect_retry_count);
                row[23] = t("");
                out.push(row);
            }
        }
        _ => {}
    }
    out
}

fn pairs(list: Vec<(String, String)>) -> Vec<Vec<OwnedValue>> {
    list.into_iter()
        .map(|(n, v)| vec![Value::text(n), Value::text(v)])
        .collect()
}

fn performance_rows(session: &Session, table: &str) -> Vec<Vec<OwnedValue>> {
    match table {
        "global_variables" => pairs(crate::show::variable_texts(session, true)),
        "session_variables" => pairs(crate::show::variable_texts(session, false)),
        "variables_info" => crate::show::variable_texts(session, false)
            .into_iter()
            .map(|(n, _)| {
                let unset = || Value::text("0");
                vec![
                    Value::text(n),
                    Value::text("COMPILED"),
                    Value::text(""),
                    unset(),
                    unset(),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                ]
            })
            .collect(),
        "global_status" | "session_status" => pairs(server_facts::status(session)),
        "processlist" => server_facts::processes(session)
            .into_iter()
            .map(|mut r| {
                r.push(Value::text("PRIMARY"));
                r
            })
            .collect(),
        "threads" => server_facts::processes(session)
            .into_iter()
            .map(|r| {
                let [id, user, host, db, command, time, state, info]: [OwnedValue; 8] =
                    match r.try_into() {
                        Ok(fields) => fields,
                        Err(_) => return Vec::new(),
                    };
                vec![
                    id.clone(),
                    Value::text("thread/sql/one_connection"),
                    Value::text("FOREGROUND"),
                    id,
                    user,
                    host,
                    db,
                    command,
                    time,
                    state,
                    info,
                    Value::Null,
                    Value::Null,
                    Value::text("YES"),
                    Value::text("YES"),
                    Value::text("TCP/IP"),
                ]
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Rows of a table of mysql or performance_schema.
pub(super) fn rows(session: &Session, db: &str, table: &str) -> Result<Vec<Vec<OwnedValue>>> {
    match db {
        "mysql" => {
            if !Sight::new(session).sees_database("mysql") {
                return Err(crate::error::Error::command_denied(
                    "SELECT",
                    session.user(),
                    session.host(),
                    table,
                ));
            }
            Ok(mysql_rows(session, table))
        }
        "performance_schema" => Ok(performance_rows(session, table)),
        _ => Ok(Vec::new()),
    }
}
