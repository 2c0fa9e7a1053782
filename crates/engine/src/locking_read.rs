//! SELECT .. FOR UPDATE and FOR SHARE: rows are locked as they are found, and what the client gets
//! is what they are once all are locked.

use std::sync::Arc;

use syntax::ast::{LockWait, SelectInto};
use values::OwnedValue;

use crate::context::Context;
use crate::database::DatabaseHandle;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::exec;
use crate::plan::{Block, LockedSource};
use crate::plan_cache::Planned;
use crate::result::{Done, Flow, ResultSink};
use crate::row_locks::{LockMode, Patience, Taken};
use crate::session::{Revision, Session};
use crate::transaction::{LockPlace, Locking};
use crate::view::TableView;

/// Rows that are kept until all are locked; where there are more, the query runs once to lock them
/// and once more to give them.
const ROWS_KEPT: usize = 1000;

/// What a block locks, with where that is.
pub(crate) struct BlockLocks<'b> {
    sources: Vec<(&'b LockedSource, Arc<DatabaseHandle>, String)>,
}

impl<'b> BlockLocks<'b> {
    /// The locks of a block; none if its statement takes none.
    pub fn of(b: &'b Block, cx: &Context<'_>) -> Result<Option<BlockLocks<'b>>> {
        if b.locks.is_empty() || cx.session.open_transaction().locking.is_none() {
            return Ok(None);
        }
        let mut sources = Vec::with_capacity(b.locks.len());
        for lock in &b.locks {
            let db = cx.session.resolve_database(&lock.db)?;
            if let Revision::Branch(branch) = db.revision {
                sources.push((lock, db.handle, branch));
            }
        }
        Ok(Some(BlockLocks { sources }))
    }

    /// Locks the current rows; `false` if one of them is to be left out.
    pub fn take(&self, env: &Env<'_>) -> Result<bool> {
        let session = env.cx.session;
        for (lock, handle, branch) in &self.sources {
            let Some((key, _)) = env.pair(lock.slot) else {
                continue;
            };
            let view = env.cx.table(lock.table)?;
            let place = LockPlace {
                handle,
                branch,
                table: &view.def.name,
                view,
            };
            let mode = match lock.exclusive {
                true => LockMode::Exclusive,
                false => LockMode::Shared,
            };
            let patience = match lock.wait {
                LockWait::Wait => None,
                LockWait::NoWait => Some(Patience::NoWait),
                LockWait::SkipLocked => Some(Patience::Skips),
            };
            let taken = session
                .open_transaction()
                .lock_row(place, key, mode, patience, session);
            match taken {
                Ok(Taken::Skipped) => return Ok(false),
                // A row that changed while it was looked at was locked by who changed it.
                Err(e) if e == Error::row_changed() && lock.wait == LockWait::SkipLocked => {
                    return Ok(false);
                }
                other => other?,
            };
        }
        Ok(true)
    }
}

impl Session {
    /// Runs a query that locks rows.
    pub(crate) fn locking_query(
        &self,
        planned: &Planned<crate::plan::QueryPlan>,
        into: Option<&SelectInto>,
        locking: Locking,
        params: &[OwnedValue],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        let mut kept: Vec<Arc<[OwnedValue]>> = Vec::new();
        let mut complete = true;
        let mut views: Vec<TableView> = Vec::new();
        self.locked_statement(locking, || {
            kept.clear();
            complete = into.is_none();
            self.refresh_tables(&planned.tables)?;
            views = self.open_views(&planned.tables, false)?;
            let cx = Context::new(self, params, views.clone());
            let mark = self.open_transaction().mark();
            let found = exec::query(&planned.plan, None, &cx, &mut |row| {
                complete &= kept.len() < ROWS_KEPT;
                if complete {
                    kept.push(exec::owned(row)?.into());
                }
                Ok(Flow::Continue)
            });
            self.take_warnings(&cx);
            let mut tx = self.open_transaction();
            match found {
                Ok(_) if complete => tx.end_statement(mark),
                // It runs again for its rows; else what its functions have changed goes with it.
                _ => tx.undo_to(mark),
            }
            found.map(|_| ())
        })?;
        if complete {
            sink.columns(&planned.plan.columns)?;
            for row in &kept {
                if sink.row(&exec::ValuesRow(row))? == Flow::Stop {
                    break;
                }
            }
            self.found_rows_of(&planned.plan, kept.len() as u64);
            self.set_row_count(-1);
            return sink.done(&Done::default(), more);
        }
        let only_held = Locking {
            patience: Patience::Held,
            ..locking
        };
        let around = self.open_transaction().locking.replace(only_held);
        let done = self.run_query(planned, into, views, params, sink, more);
        if let Some(tx) = &mut *self.transaction.borrow_mut() {
            tx.locking = around;
        }
        done
    }
}
