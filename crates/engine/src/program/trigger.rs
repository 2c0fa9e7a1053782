//! Triggers: which a table has, in which order they fire, and their firing for a row.

use std::sync::Arc;

use syntax::ast::{self, TriggerEvent, TriggerTime};
use values::{OwnedValue, Value};

use super::Program;
use super::stored::StoredProgram;
use crate::context::Context;
use crate::error::Result;
use crate::session::Session;
use crate::table::TableDef;
use crate::transaction::Transaction;
use crate::write::Target;

/// The triggers of a table by event and time, each list in firing order. One that does not compile
/// any more, as its columns are gone, fails the rows for which it would fire.
#[derive(Debug, Default)]
pub struct TriggerSet {
    lists: [Vec<Result<Arc<Program>>>; 6],
}

fn place(event: TriggerEvent, time: TriggerTime) -> usize {
    let event = match event {
        TriggerEvent::Insert => 0,
        TriggerEvent::Update => 2,
        TriggerEvent::Delete => 4,
    };
    event + usize::from(time == TriggerTime::After)
}

impl TriggerSet {
    /// Compiles the triggers of a table; `None` when it has none.
    pub(crate) fn of(list: &[Arc<StoredProgram>], def: &TableDef) -> Option<TriggerSet> {
        let mut set = TriggerSet::default();
        for stored in list {
            let Some(t) = stored.trigger() else { continue };
            set.lists[place(t.event, t.time)].push(stored.program(def.collation, Some(def)));
        }
        set.lists.iter().any(|l| !l.is_empty()).then_some(set)
    }

    /// Whether any fires then.
    pub fn has(&self, event: TriggerEvent, time: TriggerTime) -> bool {
        !self.lists[place(event, time)].is_empty()
    }

    /// Fires the triggers of an event for one row; BEFORE triggers may change the new row.
    pub(crate) fn fire(
        &self,
        event: TriggerEvent,
        time: TriggerTime,
        old: Option<&[OwnedValue]>,
        new: Option<&mut [OwnedValue]>,
        target: &Target,
        tx: &mut Transaction,
        cx: &Context<'_>,
    ) -> Result<()> {
        let list = &self.lists[place(event, time)];
        if list.is_empty() {
            return Ok(());
        }
        let session = cx.session;
        let db = session.name_of_branch(&target.handle, &target.branch);
        let width = old.or(new.as_deref()).map_or(0, <[OwnedValue]>::len);
        let mut new = new;
        for program in list {
            let program = program.as_ref().map_err(Clone::clone)?;
            let mut values = vec![Value::Null; width * 2];
            if let Some(old) = old {
                values[..width].clone_from_slice(old);
            }
            if let Some(new) = &new {
                values[width..].clone_from_slice(new);
            }
            let used = session.use_tables(cx.opened());
            let ran = lent(tx, session, || {
                super::run::run(session, program, &db, values, None)
            });
            session.release_tables(used);
            let (values, _) = ran?;
            session.clear_diagnostics();
            if time == TriggerTime::Before
                && let Some(new) = &mut new
            {
                new.clone_from_slice(&values[width..width * 2]);
            }
        }
        Ok(())
    }
}

/// Gives the transaction back to the session while `f` runs statements in it.
pub(crate) fn lent<T>(tx: &mut Transaction, session: &Session, f: impl FnOnce() -> T) -> T {
    session.put_transaction(std::mem::take(tx));
    let result = f();
    *tx = session.take_transaction();
    result
}

/// Puts triggers in firing order: by time of creation, then where FOLLOWS and PRECEDES say.
pub(crate) fn in_order(mut list: Vec<Arc<StoredProgram>>) -> Vec<Arc<StoredProgram>> {
    list.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    let order = |p: &StoredProgram| p.trigger().and_then(|t| t.order.clone());
    let (mut waiting, mut out): (Vec<_>, Vec<_>) =
        list.into_iter().partition(|p| order(p).is_some());
    loop {
        let before = waiting.len();
        waiting.retain(|p| {
            let (name, after) = match order(p) {
                Some(ast::TriggerOrder::Follows(n)) => (n, 1),
                Some(ast::TriggerOrder::Precedes(n)) => (n, 0),
                None => return false,
            };
            match out.iter().position(|o| o.name.eq_ignore_ascii_case(&name)) {
                Some(at) => {
                    out.insert(at + after, p.clone());
                    false
                }
                None => true,
            }
        });
        if waiting.len() == before {
            out.append(&mut waiting);
            return out;
        }
    }
}
