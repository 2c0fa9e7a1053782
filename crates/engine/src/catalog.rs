//! What names mean to a session's statements.

use std::sync::Arc;

use syntax::ast;
use values::{OwnedValue, Value};

use crate::accounts::{Access, AccountName};
use crate::bind::{BoundTable, Catalog, Resolved};
use crate::context::Context;
use crate::dolt::{nonlocal, schema_override};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::program::Scope;
use crate::program::stored::{CodeVersion, StoredProgram};
use crate::program::trigger::TriggerSet;
use crate::session::{DbRef, Revision, Session};
use crate::virtual_table::VirtualTable;

impl Session {
    /// Root that `AS OF` names in a database (spec 04 §1.4).
    pub fn as_of_root(
        &self,
        db: &DbRef,
        at: &OwnedValue,
    ) -> Result<Option<Arc<crate::root_state::RootState>>> {
        let head = match &db.revision {
            Revision::Branch(b) => Some(b.clone()),
            Revision::Commit(_) => None,
        };
        let store = &db.handle.store;
        if let Value::DateTime(_) | Value::Date(_) = at {
            let local = match at {
                Value::DateTime(d) => d.to_unix_micros(),
                Value::Date(d) => d.at_midnight().to_unix_micros(),
                _ => 0,
            };
            let millis = self.time_zone().to_utc(local) / 1000;
            let start = match &db.revision {
                Revision::Branch(b) => store.branch(b),
                Revision::Commit(c) => Some(*c),
            };
            let Some(start) = start else { return Ok(None) };
            return match crate::history::commit_at(store, start, millis)? {
                Some(commit) => Ok(Some(db.handle.root(commit.root)?)),
                None => Ok(None),
            };
        }
        let text = match at {
            Value::Null => return Err(Error::general("expression NULL cannot be used in AS OF")),
            v => crate::convert::to_string(v),
        };
        match (text.as_str(), &db.revision) {
            ("WORKING", Revision::Branch(_)) => return self.root_of(db).map(Some),
            ("STAGED", Revision::Branch(_)) => {
                let staged = self.branch_changes(db)?.set.staged;
                return db.handle.root(staged).map(Some);
            }
            _ => {}
        }
        let spec = model::RevSpec::parse(&text)?;
        let commit = match (&spec.base, &db.revision) {
            (model::RevBase::Head, Revision::Commit(c)) => {
                spec.resolve(store.objects(), &store.refs(), Some(*c))?
            }
            _ => store.resolve(&spec, head.as_deref())?,
        };
        Ok(Some(db.handle.root(store.commit(commit)?.root)?))
    }
}

impl Session {
    /// The table that `dolt_nonlocal_tables` names: of a branch's working set, or of a commit.
    fn nonlocal_table(&self, db: &DbRef, other: nonlocal::Nonlocal) -> Result<Option<BoundTable>> {
        let branch = match (&other.target, &db.revision) {
            (Some(target), _) => db.handle.store.find_branch(target)?,
            (None, Revision::Branch(own)) => Some(own.clone()),
            (None, Revision::Commit(_)) => None,
        };
        let (name, root, as_of) = match (branch, other.target) {
            (Some(branch), _) => {
                let name = format!("{}/{branch}", db.handle.name);
                let root = self.root_of(&self.resolve_database(&name)?)?;
                (name, root, None)
            }
            (None, target) => {
                let target = Value::text(target.unwrap_or_default());
                let Some(root) = self.as_of_root(db, &target)? else {
                    return Ok(None);
                };
                let id = root.id.hash().to_string();
                (db.name.clone(), root, Some(id))
            }
        };
        Ok(root.table(&other.table)?.map(|state| BoundTable {
            db: name,
            name: state.name.clone(),
            as_of,
            def: state.def.clone(),
            rows: state.view.primary.root.tree_count(),
            elsewhere: true,
            locked: false,
        }))
    }
}

impl Catalog for Session {
    fn resolve_table(
        &self,
        db: Option<&str>,
        name: &str,
        as_of: Option<&OwnedValue>,
    ) -> Result<Resolved> {
        let db = db.ok_or_else(Error::no_database)?;
        if let Some(t) = crate::schema_tables::table(self, db, name)? {
            return Ok(Resolved::Virtual(t));
        }
        if as_of.is_none()
            && let Some(temporary) = self.temporary_table(db, name)?
            && let Some(state) = self.root_of(&temporary)?.table(name)?
        {
            return Ok(Resolved::Table(BoundTable {
                db: temporary.name,
                name: state.name.clone(),
                as_of: None,
                def: state.def.clone(),
                rows: state.view.primary.root.tree_count(),
                elsewhere: false,
                locked: false,
            }));
        }
        let found = self.resolve_database(db)?;
        let missing = || Error::unknown_table_missing(&found.handle.name, name);
        let (root, at) = match as_of {
            None => (self.root_of(&found)?, None),
            Some(v) => {
                let root = self.as_of_root(&found, v)?.ok_or_else(missing)?;
                let id = root.id.hash().to_string();
                (root, Some(id))
            }
        };
        if matches!(found.revision, Revision::Branch(_))
            && let Some(other) = nonlocal::find(self, &found, &root, name)?
        {
            let table = self.nonlocal_table(&found, other)?;
            return table.map(Resolved::Table).ok_or_else(missing);
        }
        let system = name.len() > 5 && name.as_bytes()[..5].eq_ignore_ascii_case(b"dolt_");
        if !system
            && !self.writing.get()
            && let Some(pinned) = schema_override::root(self, &found)?
        {
            let data = match as_of {
                None => crate::dolt::working_root(self, &found)?,
                Some(_) => root.root.clone(),
            };
            let rows = data.table(name)?.map(|(_, table)| table);
            if rows.is_some() || pinned.find_table(name)?.is_some() {
                let table = schema_override::Overridden::new(&pinned, db, name, rows)?;
                return Ok(Resolved::Virtual(Arc::new(table)));
            }
        }
        // The stored documents are shown with one more while they are read.
        let docs = system && !self.writing.get() && name.eq_ignore_ascii_case("dolt_docs");
        if !docs && let Some(state) = root.table(name)? {
            return Ok(Resolved::Table(BoundTable {
                db: db.to_string(),
                name: state.name.clone(),
                as_of: at,
                def: state.def.clone(),
                rows: state.view.primary.root.tree_count(),
                elsewhere: false,
                locked: false,
            }));
        }
        if system && let Some(t) = crate::dolt::table(self, &found, name, as_of)? {
            return Ok(Resolved::Virtual(t));
        }
        // A view's definition is that of the current root, whatever it is read as of.
        let views = self.root_of(&found)?.views()?;
        if let Some(v) = views.get(&name.to_lowercase()) {
            return Ok(Resolved::View {
                db: db.to_string(),
                as_of: None,
                text: v.query.clone(),
                columns: v.columns.clone(),
                reader: v.reader.clone(),
            });
        }
        Err(missing())
    }

    fn access_of(&self, definer: &AccountName) -> Result<Option<Arc<Access>>> {
        let Some(accounts) = &self.instance.accounts else {
            return Ok(None);
        };
        if !accounts.exists(definer) {
            return Err(Error::definer_missing(&definer.user, &definer.host));
        }
        let grants = accounts.effective_grants(&definer.user, &definer.host);
        Ok(Access::of(definer.clone(), self.host(), grants).map(Arc::new))
    }

    fn resolve_function(
        &self,
        db: Option<&str>,
        name: &str,
        args: &[Option<OwnedValue>],
    ) -> Result<Arc<dyn VirtualTable>> {
        let db = db.ok_or_else(Error::no_database)?;
        let found = self.resolve_database(db)?;
        crate::dolt::function(self, &found, name, args)?
            .ok_or_else(|| Error::general(format!("table function: '{name}' not found")))
    }

    fn access(&self) -> Option<Arc<Access>> {
        Session::access(self)
    }

    fn table_names(&self, db: &str) -> Result<Vec<String>> {
        Ok(self.root_of(&self.resolve_database(db)?)?.table_names())
    }

    fn current_database(&self) -> Option<String> {
        Session::current_database(self)
    }

    fn user_variable(&self, name: &str) -> OwnedValue {
        Session::user_variable(self, name)
    }

    fn system_variable(&self, scope: Option<ast::VarScope>, name: &str) -> Result<OwnedValue> {
        Session::system_variable(self, scope, name)
    }

    fn constant(&self, expr: &Expr) -> Result<OwnedValue> {
        let cx = Context::new(self, &[], Vec::new());
        let env = Env::new(0, None, &cx);
        Ok(expr.eval(&env)?.into_owned())
    }

    fn default_as_of(&self) -> Option<OwnedValue> {
        self.call_as_of.borrow().clone()
    }

    fn scope(&self) -> Option<Arc<Scope>> {
        Session::scope(self)
    }

    fn stored_function(
        &self,
        db: Option<&str>,
        name: &str,
    ) -> Result<Option<(Arc<StoredProgram>, String)>> {
        let Some(db) = db else { return Ok(None) };
        let Ok(found) = self.resolve_database(db) else {
            return Ok(None);
        };
        let code = found.handle.stored_code(&*self.root_of(&found)?)?;
        Ok(code.function(name).map(|f| (f.clone(), db.to_string())))
    }

    fn triggers(&self, table: &BoundTable) -> Result<Option<Arc<TriggerSet>>> {
        let found = self.resolve_database(&table.db)?;
        let code = found.handle.stored_code(&*self.root_of(&found)?)?;
        Ok(TriggerSet::of(code.triggers(&table.name), &table.def).map(Arc::new))
    }

    fn code_version(&self, db: &str) -> Option<CodeVersion> {
        let found = self.resolve_database(db).ok()?;
        Some(CodeVersion::of(&*self.root_of(&found).ok()?))
    }
}
