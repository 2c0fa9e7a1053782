//! The texts of SHOW GRANTS and SHOW CREATE USER.

use super::privilege::{Privilege, PrivilegeBits};
use super::{Account, RoleEdge};

fn names(bits: PrivilegeBits) -> String {
    let list: Vec<&str> = bits
        .iter()
        .filter(|p| *p != Privilege::GrantOption)
        .map(Privilege::name)
        .collect();
    list.join(", ")
}

fn option(bits: PrivilegeBits) -> &'static str {
    if bits.has(Privilege::GrantOption) {
        " WITH GRANT OPTION"
    } else {
        ""
    }
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The statements that would give an account what it has.
pub(super) fn grants(account: &Account, edges: &[RoleEdge]) -> Vec<String> {
    let to = account.name().quoted('`');
    let mut out = Vec::new();
    let g = &account.grants;
    let or_usage = |text: String| {
        if text.is_empty() {
            "USAGE".to_string()
        } else {
            text
        }
    };
    out.push(format!(
        "GRANT {} ON *.* TO {to}{}",
        or_usage(names(g.global)),
        option(g.global)
    ));
    for db in &g.databases {
        let d = quote(&db.name);
        if !db.privileges.is_empty() {
            let list = or_usage(names(db.privileges));
            out.push(format!(
                "GRANT {list} ON {d}.* TO {to}{}",
                option(db.privileges)
            ));
        }
        for t in &db.tables {
            let mut list: Vec<String> = Vec::new();
            for (privilege, name) in super::PRIVILEGES {
                if privilege == Privilege::GrantOption {
                    continue;
                }
                if t.privileges.has(privilege) {
                    list.push(name.to_string());
                }
                let columns: Vec<String> = t
                    .columns
                    .iter()
                    .filter(|c| c.privileges.has(privilege))
                    .map(|c| quote(&c.name))
                    .collect();
                if !columns.is_empty() {
                    list.push(format!("{name} ({})", columns.join(", ")));
                }
            }
            let list = or_usage(list.join(", "));
            let table = quote(&t.name);
            out.push(format!(
                "GRANT {list} ON {d}.{table} TO {to}{}",
                option(t.privileges)
            ));
        }
        for r in &db.routines {
            let kind = if r.procedure { "PROCEDURE" } else { "FUNCTION" };
            let list = or_usage(names(r.privileges));
            let routine = quote(&r.name);
            out.push(format!(
                "GRANT {list} ON {kind} {d}.{routine} TO {to}{}",
                option(r.privileges)
            ));
        }
    }
    let roles: Vec<String> = edges
        .iter()
        .filter(|e| account.is(&e.to_user, &e.to_host))
        .map(|e| super::AccountName::new(e.from_user.as_str(), e.from_host.as_str()).quoted('`'))
        .collect();
    if !roles.is_empty() {
        out.push(format!("GRANT {} TO {to}", roles.join(", ")));
    }
    for (wanted, suffix) in [(true, " WITH GRANT OPTION"), (false, "")] {
        let list: Vec<String> = g
            .dynamic
            .iter()
            .filter(|(_, option)| *option == wanted)
            .map(|(name, _)| name.to_ascii_uppercase())
            .collect();
        if !list.is_empty() {
            out.push(format!("GRANT {} ON *.* TO {to}{suffix}", list.join(", ")));
        }
    }
    out
}

/// The statement that would make an account.
pub(super) fn create_user(a: &Account) -> String {
    let hash = match a.auth_string.as_str() {
        "" => String::new(),
        h => format!(" AS '{}'", h.replace('\\', "\\\\").replace('\'', "''")),
    };
    let require = match a.ssl_type.as_str() {
        "ANY" => "SSL".to_string(),
        "X509" => "X509".to_string(),
        "SPECIFIED" => {
            let parts = [
                ("SUBJECT", &a.x509_subject),
                ("ISSUER", &a.x509_issuer),
                ("CIPHER", &a.ssl_cipher),
            ];
            let list: Vec<String> = parts
                .iter()
                .filter(|(_, v)| !v.is_empty())
                .map(|(k, v)| format!("{k} '{}'", v.replace('\'', "''")))
                .collect();
            list.join(" ")
        }
        _ => "NONE".to_string(),
    };
    format!(
        "CREATE USER {} IDENTIFIED WITH '{}'{hash} REQUIRE {require} PASSWORD EXPIRE DEFAULT \
         ACCOUNT {} PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE \
         CURRENT DEFAULT",
        a.name().quoted('`'),
        a.plugin,
        if a.locked { "LOCK" } else { "UNLOCK" }
    )
}
