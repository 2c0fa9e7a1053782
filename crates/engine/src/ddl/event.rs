//! Events, stored as statements in `dolt_schemas` (spec 03 §17). `event_scheduler` runs them.

use syntax::ast::{self, EventStatus, Schedule, Statement};
use values::{DateTime, OwnedValue, SqlType, Value, conversion};

use super::program::{check, schemas_row, stored_text};
use super::{Change, create, database_of, view};
use crate::bind::Binder;
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::session::{Revision, Session};

/// An event, its times known.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub name: String,
    /// As it stands after DEFINER =.
    pub definer: String,
    pub when: When,
    pub preserve: bool,
    pub status: EventStatus,
    pub comment: String,
    pub body: String,
}

/// When an event is due.
#[derive(Clone, Debug)]
pub(crate) enum When {
    At(DateTime),
    Every {
        /// The amount as a literal.
        value: String,
        unit: &'static str,
        starts: Option<DateTime>,
        ends: Option<DateTime>,
    },
}

impl Event {
    /// The statement that is stored.
    pub fn text(&self) -> String {
        let quoted = |t: &str| format!("'{}'", t.replace('\\', "\\\\").replace('\'', "''"));
        let mut out = String::from("CREATE ");
        if !self.definer.is_empty() {
            out += &format!("DEFINER = {} ", self.definer);
        }
        out += &format!("EVENT `{}` ON SCHEDULE ", self.name.replace('`', "``"));
        match &self.when {
            When::At(at) => out += &format!("AT '{}'", time_text(at)),
            When::Every {
                value,
                unit,
                starts,
                ends,
            } => {
                out += &format!("EVERY {value} {unit}");
                if let Some(d) = starts {
                    out += &format!(" STARTS '{}'", time_text(d));
                }
                if let Some(d) = ends {
                    out += &format!(" ENDS '{}'", time_text(d));
                }
            }
        }
        out += match self.preserve {
            true => " ON COMPLETION PRESERVE ",
            false => " ON COMPLETION NOT PRESERVE ",
        };
        out += match self.status {
            EventStatus::Enable => "ENABLE",
            EventStatus::Disable => "DISABLE",
            EventStatus::DisableOnReplica => "DISABLE ON SLAVE",
        };
        if !self.comment.is_empty() {
            out += &format!(" COMMENT {}", quoted(&self.comment));
        }
        out + &format!(" DO {}", self.body)
    }

    /// An event of its stored statement.
    pub fn parse(text: &str, sql_mode: &str) -> Option<Event> {
        let options = crate::program::options_of(sql_mode);
        let Ok(Statement::CreateEvent(e)) = syntax::parse(text, &options) else {
            return None;
        };
        let time = |e: &ast::Expr| match e {
            ast::Expr::Literal(l) => {
                let text = syntax::ToSql::to_sql(l);
                let text = text.trim_matches('\'').as_bytes();
                let parsed = values::temporal::parse_datetime(text, Default::default());
                parsed.ok().map(|p| p.value)
            }
            _ => None,
        };
        let when = match &e.schedule {
            Schedule::At(at) => When::At(time(at)?),
            Schedule::Every {
                value,
                unit,
                starts,
                ends,
            } => When::Every {
                value: syntax::ToSql::to_sql(value),
                unit: unit.as_str(),
                starts: starts.as_ref().and_then(time),
                ends: ends.as_ref().and_then(time),
            },
        };
        Some(Event {
            name: e.name.name.to_string(),
            definer: e.definer.as_ref().map_or(String::new(), account_text),
            when,
            preserve: e.on_completion_preserve == Some(true),
            status: e.status.unwrap_or(EventStatus::Enable),
            comment: e.comment.as_deref().unwrap_or("").to_string(),
            body: e.body.span.text(text).to_string(),
        })
    }
}

fn time_text(d: &DateTime) -> String {
    let mut out = Vec::new();
    values::render_text(&Value::DateTime(*d), &SqlType::DateTime(0), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn account_text(a: &ast::Account) -> String {
    let text = syntax::ToSql::to_sql(a);
    let mut parts = text.splitn(2, '@').map(|p| p.trim_matches(['\'', '`']));
    let user = parts.next().unwrap_or("");
    format!("`{user}`@`{}`", parts.next().unwrap_or("%"))
}

/// The session's account as a definer.
fn own_definer(session: &Session) -> String {
    let name = session.account_name();
    format!("`{}`@`{}`", name.user, name.host)
}

fn moment(session: &Session, e: &ast::Expr, text: &[u8]) -> Result<DateTime> {
    let (v, ty) = value(session, e, text)?;
    let cx = conversion::Context::new(session.conversion_modes());
    match conversion::store(&v, &ty, &SqlType::DateTime(0), &cx) {
        Ok(Value::DateTime(d)) => Ok(d),
        _ => Err(Error::new(
            1525,
            "HY000",
            format!("Incorrect AT value: '{}'", crate::convert::to_string(&v)),
        )),
    }
}

fn value(session: &Session, e: &ast::Expr, text: &[u8]) -> Result<(OwnedValue, SqlType)> {
    let modes = session.modes();
    let mut binder = Binder::new(session, &modes, text);
    let t = binder.bind_alone(e)?;
    let cx = Context::new(session, &[], Vec::new());
    Ok((t.expr.eval(&Env::new(0, None, &cx))?.into_owned(), t.ty))
}

fn when(session: &Session, s: &Schedule, text: &[u8]) -> Result<When> {
    Ok(match s {
        Schedule::At(e) => When::At(moment(session, e, text)?),
        Schedule::Every {
            value: amount,
            unit,
            starts,
            ends,
        } => {
            let literal = match amount {
                ast::Expr::Literal(l) => syntax::ToSql::to_sql(l),
                e => crate::convert::to_string(&value(session, e, text)?.0),
            };
            if literal
                .trim_matches('\'')
                .parse::<f64>()
                .is_ok_and(|n| n < 1.0)
            {
                return Err(Error::new(
                    1542,
                    "HY000",
                    "INTERVAL is either not positive or too big",
                ));
            }
            let time =
                |e: &Option<ast::Expr>| e.as_ref().map(|e| moment(session, e, text)).transpose();
            let mut starts = time(starts)?;
            let ends = time(ends)?;
            if starts.is_none() {
                let (now, _) = session.statement_time();
                let micros = now.to_unix_micros().div_euclid(1_000_000) * 1_000_000;
                starts = DateTime::from_unix_micros(micros);
            }
            if let (Some(s), Some(e)) = (&starts, &ends)
                && e.to_unix_micros() <= s.to_unix_micros()
            {
                return Err(Error::new(
                    1543,
                    "HY000",
                    "ENDS is either invalid or before STARTS",
                ));
            }
            When::Every {
                value: literal,
                unit: unit.as_str(),
                starts,
                ends,
            }
        }
    })
}

/// Whether an event's time is over by a moment.
fn is_past(now: DateTime, w: &When) -> bool {
    let now = now.to_unix_micros();
    match w {
        When::At(d) => d.to_unix_micros() < now,
        When::Every { ends, .. } => ends.as_ref().is_some_and(|d| d.to_unix_micros() < now),
    }
}

fn on_default_branch(session: &Session, change: &Change<'_>) -> bool {
    let name = format!("{}_default_branch", change.db.handle.name.to_lowercase());
    let default = session
        .system_variable(None, &name)
        .map(|v| crate::convert::to_string(&v))
        .unwrap_or_default();
    change.db.revision == Revision::Branch(default)
}

/// CREATE EVENT.
pub(super) fn create_event(
    session: &Session,
    s: &Statement,
    e: &ast::CreateEvent,
    text: &[u8],
) -> Result<()> {
    let db = database_of(session, &e.name)?;
    let mut change = Change::new(session, &db)?;
    let name: &str = &e.name.name;
    create::check_identifier(name)?;
    let mut all = view::rows(&change)?;
    if all.iter().any(|r| view::is(r, "event", name)) {
        if e.if_not_exists {
            let e = Error::event_exists(name);
            session.push_warning(e.code, e.message);
            return Ok(());
        }
        return Err(Error::event_exists(name));
    }
    check(session, &change, s, text, None)?;
    let mut event = Event {
        name: name.to_string(),
        definer: match &e.definer {
            Some(a) => account_text(a),
            None => own_definer(session),
        },
        when: when(session, &e.schedule, text)?,
        preserve: e.on_completion_preserve == Some(true),
        status: e.status.unwrap_or(EventStatus::Enable),
        comment: e.comment.as_deref().unwrap_or("").to_string(),
        body: stored_text(e.body.span.of(text)),
    };
    // The second that it is created in is not over yet.
    let now = session.statement_time().0.truncate_to(0);
    if is_past(now, &event.when) {
        if !event.preserve {
            session.push_warning(
                1588,
                "Event execution time is in the past and ON COMPLETION NOT PRESERVE is set. The event was dropped immediately after creation.",
            );
            return Ok(());
        }
        event.status = EventStatus::Disable;
        session.push_warning(
            1544,
            "Event execution time is in the past. Event has been disabled",
        );
    }
    if !on_default_branch(session, &change) {
        event.status = EventStatus::Disable;
    }
    all.push(schemas_row(session, "event", name, event.text())?);
    view::write(&mut change, all)?;
    change.finish()
}

/// ALTER EVENT.
pub(super) fn alter_event(session: &Session, a: &ast::AlterEvent, text: &[u8]) -> Result<()> {
    let db = database_of(session, &a.name)?;
    let mut change = Change::new(session, &db)?;
    let name: &str = &a.name.name;
    let mut all = view::rows(&change)?;
    let at = all
        .iter()
        .position(|r| view::is(r, "event", name))
        .ok_or_else(|| Error::event_missing(name))?;
    let stored = |i: usize| crate::convert::to_string(&all[at][i]);
    let mut event = Event::parse(&stored(2), &stored(4))
        .ok_or_else(|| Error::general(format!("event '{name}' cannot be read")))?;
    if let Some(s) = &a.schedule {
        event.when = when(session, s, text)?;
    }
    if let Some(p) = a.on_completion_preserve {
        event.preserve = p;
    }
    if let Some(s) = a.status {
        event.status = s;
    }
    if let Some(c) = &a.comment {
        event.comment = c.to_string();
    }
    if let Some(b) = &a.body {
        event.body = stored_text(b.span.of(text));
    }
    event.definer = match &a.definer {
        Some(d) => account_text(d),
        None => own_definer(session),
    };
    if let Some(to) = &a.rename_to {
        let same = to.name.eq_ignore_ascii_case(name);
        if same || all.iter().any(|r| view::is(r, "event", &to.name)) {
            return Err(Error::event_exists(&*to.name));
        }
        event.name = to.name.to_string();
    }
    let now = session.statement_time().0;
    let now = match a.schedule {
        Some(_) => now.truncate_to(0),
        None => now,
    };
    if is_past(now, &event.when) {
        if !event.preserve {
            if a.schedule.is_some() {
                return Err(Error::new(
                    1589,
                    "HY000",
                    "Event execution time is in the past and ON COMPLETION NOT PRESERVE is set. The event was not changed. Specify a time in the future.",
                ));
            }
            if a.status == Some(EventStatus::Enable) {
                // Enabled, it is over, and so it goes.
                all.remove(at);
                view::write(&mut change, all)?;
                return change.finish();
            }
        }
        if a.schedule.is_some() {
            session.push_warning(
                1544,
                "Event execution time is in the past. Event has been disabled",
            );
        }
        event.status = EventStatus::Disable;
    }
    all[at][1] = Value::text(event.name.as_str());
    all[at][2] = Value::text(event.text());
    all[at][4] = session.variable("sql_mode");
    view::write(&mut change, all)?;
    change.finish()
}

/// DROP EVENT.
pub(super) fn drop_event(session: &Session, d: &ast::DropName) -> Result<()> {
    let db = database_of(session, &d.name)?;
    let mut change = Change::new(session, &db)?;
    let mut all = view::rows(&change)?;
    let before = all.len();
    all.retain(|r| !view::is(r, "event", &d.name.name));
    if all.len() == before {
        if d.if_exists {
            session.push_warning(1305, format!("Event {} does not exist", d.name.name));
            return Ok(());
        }
        return Err(Error::event_missing(&*d.name.name));
    }
    view::write(&mut change, all)?;
    change.finish()
}
