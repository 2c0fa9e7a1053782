//! A database with a session on it: what the commands of version control work with.

use std::collections::BTreeMap;

use engine::result::{ColumnMeta, Done, Flow, ResultSink, Row};
use engine::root_state::RootState;
use engine::session::{DbRef, Revision, Session};
use model::{Commit, CommitId, Database, RevSpec, Root};
use std::cell::OnceCell;
use std::rc::Rc;
use versioning::{DiffStat, TableDelta};

use crate::Failure;
use crate::connection::Connection;
use crate::environment::Environment;
use crate::render::column_cell;
use crate::{server_history, server_schemas};

/// Rows of a statement, as the command line shows their values.
#[derive(Default)]
pub struct Rows {
    /// Columns.
    pub columns: Vec<ColumnMeta>,
    /// Values; NULL is none.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    /// The text of a value; empty for NULL and for what is not there.
    pub fn text(&self, row: usize, column: usize) -> &str {
        self.rows
            .get(row)
            .and_then(|r| r.get(column))
            .and_then(Option::as_deref)
            .unwrap_or("")
    }
}

impl ResultSink for Rows {
    fn columns(&mut self, columns: &[ColumnMeta]) -> engine::error::Result<()> {
        self.columns = columns.to_vec();
        self.rows.clear();
        Ok(())
    }

    fn row(&mut self, row: &dyn Row) -> engine::error::Result<Flow> {
        let mut out = Vec::with_capacity(row.len());
        for (i, c) in self.columns.iter().enumerate() {
            let text = column_cell(&row.get(i)?, c);
            out.push(text.map(|b| String::from_utf8_lossy(&b).into_owned()));
        }
        self.rows.push(out);
        Ok(Flow::Continue)
    }

    fn done(&mut self, _: &Done, _: bool) -> engine::error::Result<()> {
        Ok(())
    }
}

/// A text as a literal of SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A name in backticks.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A database with a session on it.
pub struct Repository {
    /// Where statements run.
    pub connection: Connection,
    /// Texts of the configuration that commands ask for.
    pub identity: Option<(String, String)>,
    /// Definitions of tables that only a server has.
    definitions: OnceCell<Rc<Session>>,
}

impl Repository {
    /// Opens the database of the environment.
    pub fn open(env: &Environment) -> Result<Repository, Failure> {
        Repository::on(env, env.connect()?)
    }

    /// Opens the database of the environment in this process, whether or not a server runs.
    pub fn open_here(env: &Environment) -> Result<Repository, Failure> {
        Repository::on(env, Connection::Engine(Rc::new(env.session()?)))
    }

    fn on(env: &Environment, connection: Connection) -> Result<Repository, Failure> {
        if connection.place()?.0.is_none() {
            return Err(Failure {
                text: crate::commands::NOT_A_REPOSITORY.into(),
                code: 2,
            });
        }
        let setting = |key: &str| {
            env.config
                .get(key)
                .map(str::to_string)
                .filter(|v| !v.is_empty())
        };
        let identity = setting("user.name").zip(setting("user.email"));
        Ok(Repository {
            connection,
            identity,
            definitions: OnceCell::new(),
        })
    }

    /// A session of this process, for what is no statement.
    pub fn session(&self) -> Result<Rc<Session>, Failure> {
        self.connection.session()
    }

    /// On which connection, whatever databases there are.
    pub fn without_database(connection: Connection) -> Repository {
        Repository {
            connection,
            identity: None,
            definitions: OnceCell::new(),
        }
    }

    /// A session of this process that knows the definitions of the roots that commands see.
    pub fn schema_session(&self) -> Result<Rc<Session>, Failure> {
        match self.connection.has_files() {
            true => self.session(),
            false => Ok(self
                .definitions
                .get_or_init(server_schemas::session)
                .clone()),
        }
    }

    /// The database and its revision.
    pub fn db(&self) -> Result<DbRef, Failure> {
        Ok(self.session()?.current()?)
    }

    /// The branch that is checked out, or given with `--branch`.
    pub fn branch(&self) -> Result<String, Failure> {
        if self.connection.is_server() {
            let branch = self.connection.place()?.1;
            return branch.ok_or_else(|| Failure::new("no branch is checked out"));
        }
        let session = self.session()?;
        let db = session.current()?;
        Ok(match &db.revision {
            Revision::Branch(b) => b.clone(),
            Revision::Commit(_) => session.head(&db.handle),
        })
    }

    /// Does something with the store.
    pub fn with_store<T>(
        &self,
        read: impl FnOnce(&Database) -> model::Result<T>,
    ) -> Result<T, Failure> {
        Ok(read(&self.db()?.handle.store)?)
    }

    /// The commit of the branch.
    pub fn head(&self) -> Result<CommitId, Failure> {
        if !self.connection.has_files() {
            return server_history::commit_id(self, "HEAD");
        }
        let db = self.db()?;
        match &db.revision {
            Revision::Commit(id) => Ok(*id),
            Revision::Branch(b) => db
                .handle
                .store
                .branch(b)
                .ok_or_else(|| Failure::new(format!("branch not found: {b}"))),
        }
    }

    /// The commit that a revision names.
    pub fn commit_id(&self, text: &str) -> Result<CommitId, Failure> {
        let text = text.strip_prefix("remotes/").unwrap_or(text);
        if !self.connection.has_files() {
            return server_history::commit_id(self, text);
        }
        let head = self.head()?;
        let spec = RevSpec::parse(text)?;
        self.with_store(|s| {
            let id = spec.resolve(s.objects(), &s.refs(), Some(head))?;
            s.commit(id).map(|_| id)
        })
    }

    /// A commit.
    pub fn commit(&self, id: CommitId) -> Result<Commit, Failure> {
        match self.connection.has_files() {
            true => self.with_store(|s| s.commit(id)),
            false => server_history::one(self, id),
        }
    }

    /// Branches, remote branches and tags with their commits.
    pub fn refs(&self) -> Result<[Vec<(String, CommitId)>; 3], Failure> {
        if !self.connection.has_files() {
            let table = |name, hash, table| server_history::refs(self, name, hash, table);
            let mut remotes = table("name", "hash", "dolt_remote_branches")?;
            for (name, _) in &mut remotes {
                *name = name.trim_start_matches("remotes/").to_string();
            }
            return Ok([
                table("name", "hash", "dolt_branches")?,
                remotes,
                table("tag_name", "tag_hash", "dolt_tags")?,
            ]);
        }
        self.with_store(|s| {
            let tags = s.tags()?.into_iter().map(|(n, t)| (n, t.commit));
            Ok([s.branches()?, s.remote_branches()?, tags.collect()])
        })
    }

    /// The working root, or the staged one.
    pub fn live_root(&self, staged: bool) -> Result<Root, Failure> {
        if !self.connection.has_files() {
            return self.root(if staged { "STAGED" } else { "WORKING" });
        }
        let db = self.db()?;
        match &db.revision {
            Revision::Commit(id) => Ok(db.handle.store.root_of(*id)?),
            Revision::Branch(b) => {
                let state = db.handle.branch_state(b)?;
                let id = if staged {
                    state.set.staged
                } else {
                    state.set.working
                };
                Ok(Root::open(db.handle.store.objects(), id)?)
            }
        }
    }

    /// The root that a revision, `WORKING` or `STAGED` names.
    pub fn root(&self, text: &str) -> Result<Root, Failure> {
        if !self.connection.has_files() {
            return server_schemas::root(self, &*self.schema_session()?, text);
        }
        match text {
            "WORKING" => self.live_root(false),
            "STAGED" => self.live_root(true),
            _ => {
                let id = self.commit_id(text)?;
                self.with_store(|s| s.root_of(id))
            }
        }
    }

    /// Decoded tables of a root.
    pub fn tables_of(&self, root: &Root) -> Result<RootState, Failure> {
        let id = root.id()?;
        if !self.connection.has_files() {
            let db = self.schema_session()?.current()?;
            return Ok(db.handle.root_state(root.clone(), id)?);
        }
        Ok(self.db()?.handle.root_state(root.clone(), id)?)
    }

    /// Rows of a statement.
    pub fn query(&self, sql: &str) -> Result<Rows, Failure> {
        self.connection
            .query(sql)
            .map_err(|e| Failure::new(crate::engine_words::message(&e)))
    }

    /// Calls a procedure.
    pub fn call<S: AsRef<str>>(&self, procedure: &str, args: &[S]) -> Result<Rows, Failure> {
        let args: Vec<String> = args.iter().map(|a| literal(a.as_ref())).collect();
        self.query(&format!("CALL {procedure}({})", args.join(", ")))
    }

    /// Lets conflicts be committed to the working set, where they are resolved.
    pub fn allow_conflicts(&self) -> Result<(), Failure> {
        self.query("set @@dolt_allow_commit_conflicts = 1")?;
        self.query("set @@dolt_force_transaction_commit = 1")?;
        Ok(())
    }

    /// Tables that differ between two named roots.
    pub fn deltas_of(
        &self,
        from: &(String, Root),
        to: &(String, Root),
    ) -> Result<Vec<TableDelta>, Failure> {
        match self.connection.has_files() {
            true => self.deltas(&from.1, &to.1),
            false => server_schemas::deltas(self, from, to),
        }
    }

    /// Tables that differ between two roots, apart from mere tags.
    pub fn deltas(&self, from: &Root, to: &Root) -> Result<Vec<TableDelta>, Failure> {
        let mut out = Vec::new();
        for delta in versioning::table_deltas(from, to)? {
            if !delta.only_tags_changed()? && !is_hidden(delta.name()) {
                out.push(delta);
            }
        }
        Ok(out)
    }

    /// Row counts of the tables that differ.
    pub fn stats(&self, from: &Root, to: &Root) -> Result<BTreeMap<String, Change>, Failure> {
        let mut out = BTreeMap::new();
        for delta in self.deltas(from, to)? {
            let change = match delta.kind() {
                versioning::DeltaKind::Added => Change::Added,
                versioning::DeltaKind::Dropped => Change::Dropped,
                _ => Change::Modified(
                    versioning::diff_stat(delta.name(), delta.from.as_ref(), delta.to.as_ref())
                        .unwrap_or_default(),
                ),
            };
            out.insert(delta.name().to_string(), change);
        }
        Ok(out)
    }
}

/// What became of a table.
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Dropped,
    /// Its rows differ, or its definition.
    Modified(DiffStat),
}

/// Tables behind full-text indexes are never shown.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with("dolt_")
        && [
            "_fts_config",
            "_fts_position",
            "_fts_doc_count",
            "_fts_global_count",
            "_fts_row_count",
        ]
        .iter()
        .any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_escaped() {
        assert_eq!(literal("it's \\"), "'it''s \\\\'");
        assert_eq!(quoted("a`b"), "`a``b`");
    }
}
