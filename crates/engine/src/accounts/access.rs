//! What a session may do: the privileges that statements ask for before they touch anything.
//!
//! Names in errors are those of the account for databases, and of the client otherwise, as in
//! MySQL. An account that may do everything has no `Access` and costs nothing.

use std::sync::Arc;

use super::{AccountName, Grants, Privilege, PrivilegeBits};
use crate::error::{Error, Result};
use crate::statement::base_name;

/// The grants of a session's account, when there is something that it may not do.
pub struct Access {
    account: AccountName,
    host: String,
    grants: Arc<Grants>,
}

impl Access {
    /// The access of an account from a host; none when nothing is forbidden to it.
    pub fn of(account: AccountName, host: String, grants: Arc<Grants>) -> Option<Access> {
        let all = grants.global == PrivilegeBits::ALL || grants.global.has(Privilege::Super);
        (!all).then_some(Access {
            account,
            host,
            grants,
        })
    }

    /// Error 1142.
    pub fn denied(&self, command: &str, table: &str) -> Error {
        Error::command_denied(command, &self.account.user, &self.host, table)
    }

    /// Error 1143.
    pub fn column_denied(&self, command: &str, column: &str, table: &str) -> Error {
        Error::column_denied(command, &self.account.user, &self.host, column, table)
    }

    fn database_denied(&self, db: &str) -> Error {
        Error::database_access_denied(&self.account.user, &self.account.host, db)
    }

    /// All of these on a table, or error 1142.
    pub fn table(&self, list: &[Privilege], db: &str, table: &str) -> Result<()> {
        match list
            .iter()
            .find(|p| !self.grants.allows(**p, Some(base_name(db)), Some(table)))
        {
            Some(p) => Err(self.denied(p.name(), table)),
            None => Ok(()),
        }
    }

    /// A privilege on a table or on any of its columns.
    pub fn allows_within(&self, p: Privilege, db: &str, table: &str) -> bool {
        let db = base_name(db);
        self.grants.allows(p, Some(db), Some(table)) || self.grants.allows_some_column(p, db, table)
    }

    /// A privilege on a column, by itself or through its table.
    pub fn allows_column(&self, p: Privilege, db: &str, table: &str, column: &str) -> bool {
        self.grants.allows_column(p, base_name(db), table, column)
    }

    /// A privilege on each of these columns: error 1142 when no column has it, else 1143.
    pub fn columns<'n>(
        &self,
        p: Privilege,
        db: &str,
        table: &str,
        columns: impl IntoIterator<Item = &'n str>,
    ) -> Result<()> {
        if self.grants.allows(p, Some(base_name(db)), Some(table)) {
            return Ok(());
        }
        if !self.allows_within(p, db, table) {
            return Err(self.denied(p.name(), table));
        }
        for c in columns {
            if !self.allows_column(p, db, table, c) {
                return Err(self.column_denied(p.name(), c, table));
            }
        }
        Ok(())
    }

    /// Anything at all on or within a table; otherwise not even its absence is told.
    pub fn sees_table(&self, db: &str, table: &str) -> bool {
        self.grants.sees_table(base_name(db), table)
    }

    /// Anything at all on or within a database, or error 1044.
    pub fn sees_database(&self, db: &str) -> Result<()> {
        let base = base_name(db);
        let open = ["information_schema", "performance_schema", "sys"];
        if open.iter().any(|o| o.eq_ignore_ascii_case(base)) || self.grants.sees_database(base) {
            return Ok(());
        }
        Err(self.database_denied(base))
    }

    /// A privilege on a database, or error 1044.
    pub fn database(&self, p: Privilege, db: &str) -> Result<()> {
        let base = base_name(db);
        match self.grants.allows(p, Some(base), None) {
            true => Ok(()),
            false => Err(self.database_denied(base)),
        }
    }

    /// A privilege on the whole of a database, as reading its history asks for.
    pub fn allows_database(&self, p: Privilege, db: &str) -> bool {
        self.grants.allows(p, Some(base_name(db)), None)
    }

    /// One of these global privileges, dynamic ones among them, or error 1227.
    pub fn global(&self, any: &[&str]) -> Result<()> {
        let held = |name: &&str| match Privilege::from_name(name) {
            Some(p) => self.grants.allows(p, None, None),
            None => self.grants.has_dynamic(name),
        };
        match any.iter().any(held) {
            true => Ok(()),
            false => Err(Error::privilege_needed(any.join(" or "))),
        }
    }

    /// A privilege on a procedure or function, or error 1370.
    pub fn routine(&self, p: Privilege, db: &str, name: &str, procedure: bool) -> Result<()> {
        match self
            .grants
            .allows_routine(p, base_name(db), name, procedure)
        {
            true => Ok(()),
            false => Err(self.routine_denied(p, db, name)),
        }
    }

    /// EXECUTE on this very procedure, which reaches outside the database (spec 04 §2), or error
    /// 1370.
    pub fn admin_procedure(&self, db: &str, name: &str) -> Result<()> {
        match self.grants.allows_admin_routine(base_name(db), name) {
            true => Ok(()),
            false => Err(self.routine_denied(Privilege::Execute, db, name)),
        }
    }

    fn routine_denied(&self, p: Privilege, db: &str, name: &str) -> Error {
        let command = match p {
            Privilege::AlterRoutine => "alter routine",
            _ => "execute",
        };
        Error::new(
            1370,
            "42000",
            format!(
                "{command} command denied to user '{}'@'{}' for routine '{}.{name}'",
                self.account.user,
                self.account.host,
                base_name(db)
            ),
        )
    }

    /// FILE, or error 1045.
    pub fn file(&self) -> Result<()> {
        match self.grants.allows(Privilege::File, None, None) {
            true => Ok(()),
            false => Err(Error::access_denied(
                &self.account.user,
                &self.account.host,
                "YES",
            )),
        }
    }

    /// Whether another account's connection may be ended.
    pub fn may_end_connections(&self) -> bool {
        self.global(&["SUPER", "CONNECTION_ADMIN"]).is_ok()
    }

    /// User of the account.
    pub fn user(&self) -> &str {
        &self.account.user
    }
}
