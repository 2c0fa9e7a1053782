//! Rows that come from elsewhere than a statement: what `dolt table import` writes.

use syntax::ast::Statement;

use crate::bind::Binder;
use crate::bind::dml::InsertRows;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::write::{FailedRow, Inserted, Inserter, RowBatch};

/// Gives the next rows; none at the end.
pub type NextRows<'r> = dyn FnMut(&mut RowBatch) -> Result<()> + 'r;

/// How rows are imported.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Rows take the place of those with the same key, as ON DUPLICATE KEY UPDATE of the
    /// statement says.
    pub overwrites: bool,
    /// Each row is written by itself, so that others can follow one that fails.
    pub one_by_one: bool,
}

impl Session {
    /// Writes rows as an INSERT would whose VALUES they are. They belong to the open transaction,
    /// of which nothing is committed here.
    ///
    /// `insert` is a statement whose VALUES do not matter; rows have a cell for each of its
    /// columns.
    pub fn import(
        &self,
        insert: &str,
        options: ImportOptions,
        next: &mut NextRows<'_>,
        failed: &mut FailedRow<'_>,
    ) -> Result<Inserted> {
        if self.open_transaction().read_only {
            return Err(Error::read_only());
        }
        for b in self.open_transaction().branches.values_mut() {
            b.refresh()?;
        }
        let modes = self.modes();
        let statement = syntax::parse(insert, &syntax::Options::default())
            .map_err(crate::statement::syntax_error)?;
        let Statement::Insert(statement) = statement else {
            return Err(Error::general("rows are imported by INSERT"));
        };
        let mut binder = Binder::new(self, &modes, insert.as_bytes());
        self.writing.set(true);
        let plan = binder.bind_insert(&statement);
        self.writing.set(false);
        let mut plan = plan?;
        plan.rows = InsertRows::Values(Vec::new());
        let tables = std::mem::take(&mut binder.tables);
        let views = self.open_views(&tables, true)?;
        let cx = Context::new(self, &[], views);
        let target = self.write_target(&tables[plan.table])?;
        let mut tx = self.take_transaction();
        let mark = tx.mark();
        let mut inserter = Inserter::new(&plan, &target, &cx);
        if options.overwrites {
            inserter.overwrites();
        }
        if options.one_by_one {
            inserter.one_by_one();
        }
        let write = || -> Result<Inserted> {
            let mut batch = RowBatch::default();
            loop {
                batch.clear();
                next(&mut batch)?;
                if batch.is_empty() {
                    return inserter.finish_or(&mut tx, failed);
                }
                inserter.write_batch(&batch, &mut tx, failed)?;
            }
        };
        let written = write();
        match written {
            Ok(_) => tx.end_statement(mark),
            Err(_) => tx.undo_to(mark),
        }
        self.put_transaction(tx);
        self.take_warnings(&cx);
        written
    }
}
