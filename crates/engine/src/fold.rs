//! Changes of a transaction that outgrow memory.
//!
//! An overlay that grows past a bound is *folded*: its entries go into trees of the table that no
//! root names yet, and the overlay starts again empty, above these trees. The commit takes them
//! over as they are, or, when somebody else has committed to the table meanwhile, compares them
//! with the version that they were made from. Undo keeps one copy of the table's changes for each
//! savepoint and running statement, instead of every entry.

use std::sync::Arc;

use chunks::Hash;
use model::Table;

use crate::error::Result;
use crate::root_state::TableState;
use crate::transaction::{
    BranchChanges, TableBefore, TableChanges, Transaction, Undo, Undone, edit_table,
};
use crate::view::TableOverlay;

/// Bytes of an overlay beyond which it is folded.
const MOST_OVERLAY: usize = 64 << 20;

impl BranchChanges {
    /// Whether a table's changes may go into trees: reads and writes see one committed version
    /// of it. (Otherwise somebody else has committed since this transaction's snapshot.)
    fn can_fold(&self, table: &str) -> Result<bool> {
        let Some(changes) = self.tables.get(table) else {
            return Ok(false);
        };
        if changes.folded.is_some() {
            return Ok(true);
        }
        let seen = self.root.table_hash(table)?;
        Ok(!changes.moved && seen == Some(changes.state.hash))
    }
}

impl TableChanges {
    fn before(&self) -> TableBefore {
        TableBefore {
            state: self.state.clone(),
            folded: self.folded.clone(),
            overlay: self.overlay.clone(),
            overlay_bytes: self.overlay_bytes,
            base: self.base.clone(),
        }
    }

    /// Takes a table with all changes so far in place of the overlay.
    fn take_folded(&mut self, table: Table) -> Result<()> {
        // No root names this table, so no address stands for it either.
        let state = Arc::new(self.state.with_content(Hash::EMPTY, table)?);
        let before = std::mem::replace(&mut self.state, state);
        self.folded.get_or_insert(before);
        self.overlay = Arc::default();
        self.overlay_bytes = 0;
        self.base = Arc::default();
        Ok(())
    }
}

impl Transaction {
    /// Folds what has grown too large. Whoever holds a table opened for writing opens it anew.
    pub fn bound_memory(&mut self) -> Result<()> {
        self.bound_memory_to(MOST_OVERLAY)
    }

    pub(crate) fn bound_memory_to(&mut self, most: usize) -> Result<()> {
        let mut large: Vec<(String, String)> = Vec::new();
        for (branch, changes) in &self.branches {
            for (table, t) in &changes.tables {
                if t.overlay_bytes > most && changes.can_fold(table)? {
                    large.push((branch.clone(), table.clone()));
                }
            }
        }
        for (branch, table) in large {
            self.fold_table(&branch, &table)?;
        }
        Ok(())
    }

    /// Folds the changes of a table, if there are any; gives the table with them.
    pub(crate) fn fold_table(
        &mut self,
        branch: &str,
        table: &str,
    ) -> Result<Option<Arc<TableState>>> {
        let Some(changes) = self.changes(branch, table) else {
            return Ok(None);
        };
        if !changes.overlay.is_empty() {
            let folded = edit_table(&changes.state, &changes.overlay)?;
            self.install(branch, table, folded)?;
        }
        Ok(self.changes(branch, table).map(|c| c.state.clone()))
    }

    fn changes(&mut self, branch: &str, table: &str) -> Option<&mut TableChanges> {
        self.branches.get_mut(branch)?.tables.get_mut(table)
    }

    /// Whether [`Transaction::install`] may be called for a table.
    pub(crate) fn can_install(&self, branch: &str, table: &str) -> Result<bool> {
        match self.branches.get(branch) {
            Some(changes) => changes.can_fold(table),
            None => Ok(false),
        }
    }

    /// Makes a table with all changes so far, and perhaps more, what the transaction sees.
    pub(crate) fn install(&mut self, branch: &str, table: &str, folded: Table) -> Result<()> {
        self.compact_undo(branch, table);
        if let Some(changes) = self.changes(branch, table) {
            changes.take_folded(folded)?;
        }
        Ok(())
    }

    /// Replaces what undoes the changes of a table, entry by entry, by the table's changes as they
    /// were at each point that is still to be gone back to.
    fn compact_undo(&mut self, branch: &str, table: &str) {
        let Some(changes) = self.branches.get(branch).and_then(|b| b.tables.get(table)) else {
            return;
        };
        let mut points: Vec<usize> = self.statements.clone();
        points.extend(self.savepoints.iter().map(|(_, at)| *at));
        points.sort_unstable();
        points.dedup();
        let mut at = TableChanges {
            state: changes.state.clone(),
            folded: changes.folded.clone(),
            moved: changes.moved,
            overlay: changes.overlay.clone(),
            overlay_bytes: changes.overlay_bytes,
            base: changes.base.clone(),
            next_number: None,
        };
        let mut log = std::mem::take(&mut self.undo);
        let is_its = |u: &Undo| &*u.branch == branch && &*u.table == table;
        // From the last segment to the first; within one, the newest change first.
        let mut segments: Vec<(usize, Vec<Undo>)> = Vec::new();
        while let Some(point) = points.pop() {
            let mut kept: Vec<Undo> = Vec::new();
            // What is folded now changes the last segment in any case.
            let mut touched = segments.is_empty();
            for u in log.split_off(point.min(log.len())).into_iter().rev() {
                match is_its(&u) {
                    true => at.take_back(u.change),
                    false => {
                        kept.push(u);
                        continue;
                    }
                }
                touched = true;
            }
            if touched {
                kept.push(Undo {
                    branch: branch.into(),
                    table: table.into(),
                    change: Undone::Table(Box::new(at.before())),
                });
            }
            kept.reverse();
            segments.push((point, kept));
        }
        // Nothing goes back to before the first point.
        log.retain(|u| !is_its(u));
        self.undo = log;
        let mut places: Vec<(usize, usize)> = Vec::new();
        for (point, segment) in segments.into_iter().rev() {
            places.push((point, self.undo.len()));
            self.undo.extend(segment);
        }
        let moved = |point: &mut usize| {
            if let Some((_, to)) = places.iter().find(|(from, _)| from == point) {
                *point = *to;
            }
        };
        self.statements.iter_mut().for_each(moved);
        self.savepoints.iter_mut().for_each(|(_, at)| moved(at));
    }
}

impl TableOverlay {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.primary.rows.is_empty() && self.indexes.iter().all(|i| i.rows.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::instance::{Clock, Instance, Settings};
    use crate::result::{ColumnMeta, Done, Flow, ResultSink, Row};
    use crate::session::Session;

    struct Stopped;

    impl Clock for Stopped {
        fn now_micros(&self) -> i64 {
            0
        }
    }

    struct Nothing;

    impl ResultSink for Nothing {
        fn columns(&mut self, _: &[ColumnMeta]) -> crate::error::Result<()> {
            Ok(())
        }
        fn row(&mut self, _: &dyn Row) -> crate::error::Result<Flow> {
            Ok(Flow::Continue)
        }
        fn done(&mut self, _: &Done, _: bool) -> crate::error::Result<()> {
            Ok(())
        }
    }

    fn run(session: &Session, sql: &str) {
        let done = session.execute(sql.as_bytes(), true, &mut Nothing);
        done.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// The working root after the same statements, with overlays folded beyond a bound.
    fn root(most: usize) -> (model::RootId, usize) {
        let mut instance = Instance::in_memory(Settings::default(), Arc::new(Stopped));
        instance.settings.user_name = "test".into();
        let session = Session::new(&Arc::new(instance), 1, "root", "localhost");
        run(&session, "CREATE DATABASE d");
        session.use_database("d").unwrap();
        run(
            &session,
            "CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY (a))",
        );
        run(&session, "CREATE TABLE u (a INT, b INT)");
        run(&session, "START TRANSACTION");
        let mut held = 0;
        for n in 0..60 {
            let part = format!("({}, {n}), ({}, {n})", 7 * n % 101, 200 + n);
            run(&session, &format!("INSERT INTO t VALUES {part}"));
            run(&session, &format!("INSERT INTO u VALUES {part}, (1, 1)"));
            run(&session, &format!("SAVEPOINT s{n}"));
            run(&session, &format!("UPDATE t SET a = a + 1 WHERE id < {n}"));
            run(&session, "DELETE FROM u WHERE b = 3 LIMIT 1");
            let mut tx = session.take_transaction();
            tx.bound_memory_to(most).unwrap();
            let tables = tx.branches.values().flat_map(|b| b.tables.values());
            held = held.max(tables.map(|t| t.overlay_bytes).max().unwrap_or(0));
            session.put_transaction(tx);
            if n % 7 == 5 {
                run(&session, &format!("ROLLBACK TO SAVEPOINT s{}", n - 2));
            }
        }
        run(&session, "COMMIT");
        (
            session.root_of(&session.current().unwrap()).unwrap().id,
            held,
        )
    }

    #[test]
    fn folding_bounds_memory_and_changes_nothing_else() {
        let (expected, most) = root(usize::MAX);
        for bound in [0, 4 << 10, 20 << 10] {
            let (id, held) = root(bound);
            assert_eq!(id, expected);
            assert!(held <= bound && bound < most, "{held} of {bound}, {most}");
        }
    }
}
