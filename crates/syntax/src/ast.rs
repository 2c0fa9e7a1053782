//! The syntax tree. Names and literals are kept as written; nothing is resolved or typed.
//!
//! Spans are byte ranges of the statement's own text and never take part in equality or hashing, so
//! two statements that differ only in spacing, comments or redundant parentheses are equal.
//! Chains of AND, OR and set operations are flat lists: their length is not depth.

mod admin;
mod ddl;
mod expr;
mod program;
mod query;
mod value_rows;

pub use admin::*;
pub use ddl::*;
pub use expr::*;
pub use program::*;
pub use query::*;
pub use value_rows::*;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// A byte range of the statement's text; all spans are equal to each other.
#[derive(Clone, Copy, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes of `sql` that this span covers, empty when it lies outside.
    pub fn of<'a>(&self, sql: &'a [u8]) -> &'a [u8] {
        sql.get(self.start as usize..self.end as usize)
            .unwrap_or(&[])
    }

    /// The text of `sql` that this span covers, empty when it lies outside.
    pub fn text<'a>(&self, sql: &'a str) -> &'a str {
        sql.get(self.start as usize..self.end as usize)
            .unwrap_or("")
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Span) -> bool {
        true
    }
}

impl Eq for Span {}

impl Hash for Span {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// An identifier with quotes removed and letter case kept.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(pub Box<str>);

impl Ident {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Ident {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Ident {
    fn from(s: &str) -> Ident {
        Ident(s.into())
    }
}

impl From<String> for Ident {
    fn from(s: String) -> Ident {
        Ident(s.into())
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a table, view, routine, trigger or event, perhaps with its database; the database
/// may carry a revision (`` `db/branch`.t ``), which is not split here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// Database as written.
    pub db: Option<Ident>,
    /// Object within the database.
    pub name: Ident,
}

/// One SQL statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // a variant is named by the statement's own first words
pub enum Statement {
    // Queries and data.
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Truncate(ObjectName),
    LoadData(Box<LoadData>),
    Call(Box<Call>),
    Do(Vec<Expr>),

    // Definitions.
    CreateTable(Box<CreateTable>),
    AlterTable(Box<AlterTable>),
    DropTable(DropTable),
    RenameTable(Vec<(ObjectName, ObjectName)>),
    CreateIndex(Box<CreateIndex>),
    DropIndex(Box<DropIndex>),
    CreateView(Box<CreateView>),
    AlterView(Box<CreateView>),
    DropView(DropNames),
    CreateDatabase(CreateDatabase),
    AlterDatabase(AlterDatabase),
    DropDatabase(DropDatabase),
    CreateTrigger(Box<CreateTrigger>),
    DropTrigger(DropName),
    CreateProcedure(Box<CreateRoutine>),
    CreateFunction(Box<CreateRoutine>),
    AlterProcedure(AlterRoutine),
    AlterFunction(AlterRoutine),
    DropProcedure(DropName),
    DropFunction(DropName),
    CreateEvent(Box<CreateEvent>),
    AlterEvent(Box<AlterEvent>),
    DropEvent(DropName),
    CreateSpatialReferenceSystem(Box<CreateSrs>),
    DropSpatialReferenceSystem {
        if_exists: bool,
        srid: u64,
    },

    // Transactions and locks.
    Begin(TransactionStart),
    Commit(TransactionEnd),
    Rollback(TransactionEnd),
    Savepoint(Ident),
    RollbackTo(Ident),
    ReleaseSavepoint(Ident),
    LockTables(Vec<LockTable>),
    UnlockTables,
    LockInstance,
    UnlockInstance,
    Xa(Xa),

    // Session.
    Set(Vec<SetItem>),
    Use(Ident),
    Show(Box<Show>),
    Describe(Box<Describe>),
    Explain(Box<Explain>),
    Prepare {
        name: Ident,
        source: PrepareSource,
    },
    Execute {
        name: Ident,
        using: Vec<Box<str>>,
    },
    Deallocate(Ident),
    Help(Box<str>),

    // Administration.
    Kill {
        query: bool,
        id: Expr,
    },
    TableMaintenance(TableMaintenance),
    AnalyzeHistogram(Box<AnalyzeHistogram>),
    Flush(Flush),
    ResetPersist {
        if_exists: bool,
        name: Option<Box<str>>,
    },
    Shutdown,
    Restart,
    Clone(Box<CloneStatement>),
    InstallPlugin {
        name: Ident,
        library: Box<str>,
    },
    UninstallPlugin(Ident),
    InstallComponent(Vec<Box<str>>),
    UninstallComponent(Vec<Box<str>>),

    // Accounts and privileges.
    CreateUser(Box<CreateUser>),
    AlterUser(Box<AlterUser>),
    DropUser {
        if_exists: bool,
        users: Vec<Account>,
    },
    RenameUser(Vec<(Account, Account)>),
    CreateRole {
        if_not_exists: bool,
        roles: Vec<Account>,
    },
    DropRole {
        if_exists: bool,
        roles: Vec<Account>,
    },
    Grant(Box<Grant>),
    Revoke(Box<Revoke>),

    // Replication.
    Binlog(Box<str>),
    ChangeReplicationSource(ChangeReplicationSource),
    ChangeReplicationFilter(ChangeReplicationFilter),
    StartReplica(ReplicaControl),
    StopReplica(ReplicaControl),
    ResetReplica {
        all: bool,
        channel: Option<Box<str>>,
    },
    ResetBinaryLogs {
        to: Option<u64>,
    },
    PurgeBinaryLogs(PurgeBinaryLogs),

    // Inside stored programs.
    Program(Box<ProgramStatement>),
    GetDiagnostics(Box<GetDiagnostics>),
    Signal(Box<Signal>),
    Resignal(Box<Signal>),

    /// Nothing but comments and blanks.
    Empty,
}
