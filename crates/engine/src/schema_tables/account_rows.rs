//! Rows of information_schema about accounts: privileges and roles.

use std::sync::Arc;

use values::{OwnedValue, Value};

use crate::accounts::{Account, Privilege, PrivilegeBits};
use crate::session::Session;

type Rows = Vec<Vec<OwnedValue>>;

fn t(text: impl Into<String>) -> OwnedValue {
    Value::text(text)
}

fn def() -> OwnedValue {
    Value::text("def")
}

fn yes_no(yes: bool) -> OwnedValue {
    Value::text(if yes { "YES" } else { "NO" })
}

fn grantee(a: &Account) -> OwnedValue {
    t(a.name().quoted('\''))
}

/// Accounts whose grants the session may see: its own, or all with SELECT on mysql.
pub(super) fn visible_accounts(session: &Session) -> Vec<Arc<Account>> {
    let Some(list) = &session.instance.accounts else {
        let mut root = Account::new("root", "localhost");
        root.grants = crate::accounts::Grants::superuser();
        return vec![Arc::new(root)];
    };
    let me = session.account_name();
    let all = list.allows(&me, Privilege::Select, Some("mysql"), None);
    list.list()
        .into_iter()
        .filter(|a| all || a.is(&me.user, &me.host))
        .collect()
}

/// Rows of a set of privileges: `USAGE` when it is empty and `usage` is set.
fn privilege_rows(bits: PrivilegeBits, usage: bool, lead: &[OwnedValue], out: &mut Rows) {
    let option = yes_no(bits.has(Privilege::GrantOption));
    let names: Vec<&str> = bits
        .iter()
        .filter(|p| *p != Privilege::GrantOption)
        .map(Privilege::name)
        .collect();
    let names = if names.is_empty() && usage {
        vec!["USAGE"]
    } else {
        names
    };
    for name in names {
        let mut row = lead.to_vec();
        row.push(t(name));
        row.push(option.clone());
        out.push(row);
    }
}

/// Rows of the four tables of privileges.
pub(super) fn privileges(session: &Session, what: &str) -> Rows {
    let mut out = Vec::new();
    for a in visible_accounts(session) {
        let who = grantee(&a);
        if what == "USER_PRIVILEGES" {
            privilege_rows(a.grants.global, true, &[who.clone(), def()], &mut out);
            for (name, option) in &a.grants.dynamic {
                out.push(vec![
                    who.clone(),
                    def(),
                    t(name.to_uppercase()),
                    yes_no(*option),
                ]);
            }
            continue;
        }
        for d in &a.grants.databases {
            if what == "SCHEMA_PRIVILEGES" {
                privilege_rows(
                    d.privileges,
                    false,
                    &[who.clone(), def(), t(&d.name)],
                    &mut out,
                );
                continue;
            }
            for g in &d.tables {
                let lead = [who.clone(), def(), t(&d.name), t(&g.name)];
                if what == "TABLE_PRIVILEGES" {
                    privilege_rows(g.privileges, false, &lead, &mut out);
                    continue;
                }
                for c in &g.columns {
                    let mut lead = lead.to_vec();
                    lead.push(t(&c.name));
                    privilege_rows(c.privileges, false, &lead, &mut out);
                }
            }
        }
    }
    out
}

/// Rows of the three tables of roles.
pub(super) fn roles(session: &Session, what: &str) -> Rows {
    let Some(list) = &session.instance.accounts else {
        return Vec::new();
    };
    let me = session.account_name();
    let mine = list
        .role_edges()
        .into_iter()
        .filter(|e| e.to_user == me.user && e.to_host.eq_ignore_ascii_case(&me.host));
    match what {
        "ENABLED_ROLES" => mine
            .map(|e| vec![t(e.from_user), t(e.from_host), t("YES"), t("NO")])
            .collect(),
        _ => mine
            .filter(|e| what == "APPLICABLE_ROLES" || e.admin_option)
            .map(|e| {
                vec![
                    t(&me.user),
                    t(&me.host),
                    t(&me.user),
                    t(&me.host),
                    t(e.from_user),
                    t(e.from_host),
                    yes_no(e.admin_option),
                    t("YES"),
                    t("NO"),
                ]
            })
            .collect(),
    }
}
