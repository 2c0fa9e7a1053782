//! SET.

use syntax::ast::{Expr, Isolation, SetItem, SetTarget, VarScope};
use values::{OwnedValue, Value};

use crate::bind::Binder;
use crate::bind::types::charset_default;
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::session::Session;

/// Runs the items of a SET in order.
pub fn run(session: &Session, items: &[SetItem], text: &[u8], params: &[OwnedValue]) -> Result<()> {
    for item in items {
        match item {
            SetItem::Variable { target, value, .. } => {
                variable(session, target, value, text, params)?
            }
            SetItem::Names { charset, collate } => {
                names(session, charset.as_deref(), collate.as_deref())?;
            }
            SetItem::CharacterSet(charset) => {
                let name = charset.as_deref().unwrap_or("utf8mb4");
                let c = charset_default(name).ok_or_else(|| Error::unknown_charset(name))?;
                for v in ["character_set_client", "character_set_results"] {
                    session.set_variable(None, v, Some(Value::text(c.charset.name)))?;
                }
                let db = session.system_variable(None, "collation_database")?;
                session.set_variable(None, "collation_connection", Some(db))?;
            }
            SetItem::Transaction {
                scope,
                isolation,
                read_only,
            } => {
                if let Some(level) = isolation {
                    let name = match level {
                        Isolation::ReadUncommitted => "READ-UNCOMMITTED",
                        Isolation::ReadCommitted => "READ-COMMITTED",
                        Isolation::RepeatableRead => "REPEATABLE-READ",
                        Isolation::Serializable => "SERIALIZABLE",
                    };
                    // Without a scope it is about the next transaction alone, and shown nowhere.
                    if scope.is_some() {
                        let name = Some(Value::text(name));
                        session.set_variable(*scope, "transaction_isolation", name)?;
                    }
                }
                if let Some(r) = read_only {
                    match scope {
                        None => session.next_read_only.set(Some(*r)),
                        _ => session.set_variable(
                            *scope,
                            "transaction_read_only",
                            Some(Value::Int(*r as i64)),
                        )?,
                    }
                }
            }
            SetItem::Password { user, password, .. } => {
                let Some(accounts) = &session.instance.accounts else {
                    return Err(Error::not_supported("accounts outside of a server"));
                };
                let password = password
                    .as_deref()
                    .ok_or_else(|| Error::not_supported("SET PASSWORD TO RANDOM"))?;
                crate::accounts::set_password(
                    accounts,
                    user.as_ref(),
                    password,
                    &session.account_name(),
                )?;
            }
            SetItem::Role(_) | SetItem::DefaultRole { .. } => {}
            SetItem::ResourceGroup(_) => return Err(Error::not_supported("RESOURCE GROUP")),
        }
    }
    Ok(())
}

fn names(session: &Session, charset: Option<&str>, collate: Option<&str>) -> Result<()> {
    let name = charset.unwrap_or("utf8mb4");
    let c = charset_default(name).ok_or_else(|| Error::unknown_charset(name))?;
    let collation = match collate {
        None => c,
        Some(n) => {
            let found = values::collation::by_name(n).ok_or_else(|| Error::unknown_collation(n))?;
            if found.charset.name != c.charset.name {
                return Err(Error::collation_mismatch(found.name, c.charset.name));
            }
            found
        }
    };
    for v in [
        "character_set_client",
        "character_set_results",
        "character_set_connection",
    ] {
        session.set_variable(None, v, Some(Value::text(c.charset.name)))?;
    }
    session.set_variable(
        None,
        "collation_connection",
        Some(Value::text(collation.name)),
    )
}

fn variable(
    session: &Session,
    target: &SetTarget,
    value: &Expr,
    text: &[u8],
    params: &[OwnedValue],
) -> Result<()> {
    let value = match value {
        Expr::Default(None) => None,
        // A bare word is text: SET character_set_results = utf8mb4.
        Expr::Column(c)
            if c.table.is_none()
                && !matches!(target, SetTarget::User(_))
                && session
                    .scope()
                    .is_none_or(|s| s.find(None, &c.name).is_none()) =>
        {
            Some(Value::text(c.name.to_string()))
        }
        e => {
            let modes = session.modes();
            let types: Vec<values::SqlType> = params
                .iter()
                .map(|v| crate::bind::type_of_value(v, modes.connection))
                .collect();
            let mut binder = Binder::new(session, &modes, text).with_params(&types, params);
            let t = binder.bind_alone(e)?;
            let views = session.open_views(&binder.tables, false)?;
            let cx = Context::new(session, params, views);
            let v = t.expr.eval(&Env::new(0, None, &cx))?.into_owned();
            session.take_warnings(&cx);
            Some(v)
        }
    };
    match target {
        SetTarget::User(name) => {
            session.set_user_variable(name, value.unwrap_or(Value::Null));
            Ok(())
        }
        SetTarget::System { scope, name } => session.set_variable(*scope, name, value),
        SetTarget::Name {
            qualifier: None,
            name,
        } => session.set_variable(None::<VarScope>, name, value),
        SetTarget::Name { .. } => Err(Error::unknown_variable("NEW")),
    }
}
