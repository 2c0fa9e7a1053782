//! Transactions, session state, SHOW, accounts, maintenance and replication.

#![allow(missing_docs)] // fields are named by the grammar's own words

use super::{AsOf, Expr, Ident, Limit, ObjectName, Span, Statement, VarScope};

/// BEGIN and START TRANSACTION.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TransactionStart {
    pub consistent_snapshot: bool,
    pub read_only: Option<bool>,
}

/// COMMIT and ROLLBACK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TransactionEnd {
    /// AND [NO] CHAIN
    pub chain: Option<bool>,
    /// [NO] RELEASE
    pub release: Option<bool>,
}

/// One table of LOCK TABLES.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockTable {
    pub name: ObjectName,
    pub alias: Option<Ident>,
    pub kind: LockKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    Read,
    ReadLocal,
    Write,
    LowPriorityWrite,
}

/// XA statements; the transaction id's parts as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xa {
    /// START, END, PREPARE, COMMIT, ROLLBACK or RECOVER.
    pub verb: Box<str>,
    pub id: Vec<super::Literal>,
    /// JOIN, RESUME, SUSPEND, ONE PHASE, CONVERT XID and the like, in capitals.
    pub suffix: Option<Box<str>>,
}

/// One item of SET.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetItem {
    Variable {
        target: SetTarget,
        /// ON, ALL, BINARY, ROW and SYSTEM are strings; DEFAULT is [`Expr::Default`]; another bare
        /// word is a column.
        value: Expr,
        /// The value's text.
        span: Span,
    },
    /// SET NAMES; `None` for DEFAULT.
    Names {
        charset: Option<Box<str>>,
        collate: Option<Box<str>>,
    },
    /// SET CHARACTER SET; `None` for DEFAULT.
    CharacterSet(Option<Box<str>>),
    /// Without a scope: the next transaction only.
    Transaction {
        scope: Option<VarScope>,
        isolation: Option<Isolation>,
        read_only: Option<bool>,
    },
    Password {
        user: Option<Account>,
        /// `None` for TO RANDOM.
        password: Option<Box<str>>,
        replace: Option<Box<str>>,
        retain_current: bool,
    },
    Role(SetRole),
    DefaultRole {
        roles: SetRole,
        users: Vec<Account>,
    },
    ResourceGroup(Ident),
}

/// What SET assigns to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetTarget {
    /// `@name`
    User(Box<str>),
    /// `@@name`, `@@scope.name`, `GLOBAL name`.
    System {
        scope: Option<VarScope>,
        name: Box<str>,
    },
    /// `name` or `NEW.name`: a local variable, a column of a trigger's row, or a system variable.
    Name {
        qualifier: Option<Ident>,
        name: Ident,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetRole {
    Default,
    None,
    All,
    AllExcept(Vec<Account>),
    List(Vec<Account>),
}

/// LIKE or WHERE of SHOW.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ShowFilter {
    Like(Box<str>),
    Where(Expr),
}

/// SHOW.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Show {
    Databases(Option<ShowFilter>),
    Tables {
        full: bool,
        extended: bool,
        db: Option<Ident>,
        as_of: Option<AsOf>,
        filter: Option<ShowFilter>,
    },
    /// SHOW OPEN TABLES
    OpenTables {
        db: Option<Ident>,
        filter: Option<ShowFilter>,
    },
    TableStatus {
        db: Option<Ident>,
        filter: Option<ShowFilter>,
    },
    Columns {
        full: bool,
        extended: bool,
        table: ObjectName,
        as_of: Option<AsOf>,
        filter: Option<ShowFilter>,
    },
    Index {
        extended: bool,
        table: ObjectName,
        filter: Option<ShowFilter>,
    },
    CreateTable {
        table: ObjectName,
        as_of: Option<AsOf>,
    },
    CreateView {
        view: ObjectName,
        as_of: Option<AsOf>,
    },
    CreateDatabase {
        if_not_exists: bool,
        name: Ident,
    },
    CreateTrigger(ObjectName),
    CreateProcedure(ObjectName),
    CreateFunction(ObjectName),
    CreateEvent(ObjectName),
    CreateUser(Option<Account>),
    Triggers {
        full: bool,
        db: Option<Ident>,
        filter: Option<ShowFilter>,
    },
    Events {
        db: Option<Ident>,
        filter: Option<ShowFilter>,
    },
    ProcedureStatus(Option<ShowFilter>),
    FunctionStatus(Option<ShowFilter>),
    ProcedureCode(ObjectName),
    FunctionCode(ObjectName),
    Variables {
        scope: Option<VarScope>,
        filter: Option<ShowFilter>,
    },
    Status {
        scope: Option<VarScope>,
        filter: Option<ShowFilter>,
    },
    CharacterSet(Option<ShowFilter>),
    Collation(Option<ShowFilter>),
    Engines,
    Engine {
        name: Ident,
        /// STATUS, MUTEX or LOGS.
        what: Box<str>,
    },
    Plugins,
    Privileges,
    Processlist {
        full: bool,
    },
    Grants {
        user: Option<Account>,
        using: Vec<Account>,
    },
    Warnings(Option<Limit>),
    Errors(Option<Limit>),
    /// SHOW COUNT(*) WARNINGS
    CountWarnings,
    CountErrors,
    Profiles,
    Profile {
        types: Vec<Box<str>>,
        query: Option<u64>,
        limit: Option<Limit>,
    },
    BinaryLogs,
    BinaryLogStatus,
    BinlogEvents {
        relay: bool,
        log: Option<Box<str>>,
        from: Option<u64>,
        limit: Option<Limit>,
        channel: Option<Box<str>>,
    },
    Replicas,
    ReplicaStatus {
        /// SHOW SLAVE STATUS: old column names.
        slave: bool,
        channel: Option<Box<str>>,
    },
}

/// DESCRIBE t.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Describe {
    pub table: ObjectName,
    pub as_of: Option<AsOf>,
    /// A column's name, or a pattern in a string.
    pub column: Option<Box<str>>,
}

/// EXPLAIN of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Explain {
    pub analyze: bool,
    /// EXPLAIN PLAN, an extension of Dolt.
    pub plan: bool,
    pub extended: bool,
    pub format: Option<Box<str>>,
    /// EXPLAIN .. INTO @v
    pub into: Option<Box<str>>,
    pub target: ExplainTarget,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExplainTarget {
    Statement(Box<Statement>),
    Connection(u64),
}

/// The text that PREPARE takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PrepareSource {
    Text(Box<[u8]>),
    UserVar(Box<str>),
}

/// ANALYZE, CHECK, CHECKSUM, OPTIMIZE and REPAIR TABLE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableMaintenance {
    pub verb: MaintenanceVerb,
    pub no_write_to_binlog: bool,
    pub tables: Vec<ObjectName>,
    /// QUICK, EXTENDED, FOR UPGRADE and the like, in capitals.
    pub options: Vec<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaintenanceVerb {
    Analyze,
    Check,
    Checksum,
    Optimize,
    Repair,
}

/// FLUSH.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flush {
    pub no_write_to_binlog: bool,
    pub what: FlushWhat,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FlushWhat {
    Tables {
        names: Vec<ObjectName>,
        with_read_lock: bool,
        for_export: bool,
    },
    /// PRIVILEGES, BINARY LOGS, STATUS and the like, in capitals.
    Options(Vec<Box<str>>),
    RelayLogs {
        channel: Option<Box<str>>,
    },
}

/// CLONE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CloneStatement {
    Local {
        directory: Box<str>,
    },
    Instance {
        account: Account,
        port: u64,
        password: Box<str>,
        directory: Option<Box<str>>,
        require_ssl: Option<bool>,
    },
}

/// `user@host`, a role, or the current user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    Named {
        user: Box<str>,
        /// `None` when not written: `%`.
        host: Option<Box<str>>,
    },
    /// CURRENT_USER[()]
    CurrentUser,
}

/// CREATE USER.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateUser {
    pub if_not_exists: bool,
    pub users: Vec<UserSpec>,
    pub default_roles: Vec<Account>,
    pub options: UserOptions,
}

/// ALTER USER.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterUser {
    pub if_exists: bool,
    pub users: Vec<UserSpec>,
    /// ALTER USER u DEFAULT ROLE ..
    pub default_role: Option<SetRole>,
    pub options: UserOptions,
}

/// An account with its authentication.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserSpec {
    pub account: Account,
    pub auth: Vec<Authentication>,
    /// INITIAL AUTHENTICATION IDENTIFIED ..
    pub initial: Option<Authentication>,
    pub replace: Option<Box<str>>,
    pub retain_current: bool,
    pub discard_old: bool,
}

/// One IDENTIFIED clause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authentication {
    /// WITH plugin
    pub plugin: Option<Box<str>>,
    pub secret: AuthSecret,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AuthSecret {
    None,
    /// BY 'password'
    Password(Box<str>),
    /// BY RANDOM PASSWORD
    Random,
    /// AS 'hash'
    Hash(Box<[u8]>),
}

/// REQUIRE, WITH, password and lock options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserOptions {
    pub require: Option<Require>,
    /// MAX_QUERIES_PER_HOUR and the like, in capitals.
    pub limits: Vec<(Box<str>, u64)>,
    pub password: Vec<PasswordOption>,
    pub account_lock: Option<bool>,
    pub comment: Option<Box<str>>,
    pub attribute: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Require {
    None,
    Ssl,
    X509,
    /// SUBJECT, ISSUER and CIPHER with their values.
    List(Vec<(Box<str>, Box<str>)>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PasswordOption {
    Expire,
    ExpireDefault,
    ExpireNever,
    ExpireDays(u64),
    /// `None` for DEFAULT.
    History(Option<u64>),
    ReuseDays(Option<u64>),
    /// `None` for DEFAULT, else required or OPTIONAL.
    RequireCurrent(Option<bool>),
    FailedLoginAttempts(u64),
    /// `None` for UNBOUNDED.
    LockTimeDays(Option<u64>),
}

/// GRANT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    Privileges {
        privileges: Vec<Privilege>,
        on: GrantObject,
        to: Vec<UserSpec>,
        with_grant_option: bool,
        /// AS user [WITH ROLE ..]
        as_user: Option<(Account, Option<SetRole>)>,
    },
    Roles {
        roles: Vec<Account>,
        to: Vec<Account>,
        with_admin_option: bool,
    },
    Proxy {
        on: Account,
        to: Vec<Account>,
        with_grant_option: bool,
    },
}

/// REVOKE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revoke {
    pub if_exists: bool,
    pub what: RevokeWhat,
    pub from: Vec<Account>,
    pub ignore_unknown_user: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RevokeWhat {
    Privileges {
        privileges: Vec<Privilege>,
        on: GrantObject,
    },
    /// ALL PRIVILEGES, GRANT OPTION
    All,
    Roles(Vec<Account>),
    Proxy(Account),
}

/// A privilege in capitals (`CREATE VIEW`, `ALL`, `BINLOG_ADMIN`), perhaps for columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Privilege {
    pub name: Box<str>,
    pub columns: Vec<Ident>,
}

impl Privilege {
    /// The words of the privileges that are not dynamic, longer ones first.
    pub(crate) const STATIC: &[&[&str]] = &[
        &["ALL", "PRIVILEGES"],
        &["ALL"],
        &["ALTER", "ROUTINE"],
        &["ALTER"],
        &["CREATE", "ROUTINE"],
        &["CREATE", "TABLESPACE"],
        &["CREATE", "TEMPORARY", "TABLES"],
        &["CREATE", "USER"],
        &["CREATE", "VIEW"],
        &["CREATE", "ROLE"],
        &["CREATE"],
        &["DELETE"],
        &["DROP", "ROLE"],
        &["DROP"],
        &["EVENT"],
        &["EXECUTE"],
        &["FILE"],
        &["GRANT", "OPTION"],
        &["INDEX"],
        &["INSERT"],
        &["LOCK", "TABLES"],
        &["PROCESS"],
        &["PROXY"],
        &["REFERENCES"],
        &["RELOAD"],
        &["REPLICATION", "CLIENT"],
        &["REPLICATION", "SLAVE"],
        &["SELECT"],
        &["SHOW", "DATABASES"],
        &["SHOW", "VIEW"],
        &["SHUTDOWN"],
        &["SUPER"],
        &["TRIGGER"],
        &["UPDATE"],
        &["USAGE"],
    ];

    /// Whether the name is written without quotes.
    pub(crate) fn is_static(&self) -> bool {
        let words = self.name.split(' ');
        Self::STATIC.iter().any(|w| words.clone().eq(w.iter().copied()))
            // It is short for something else.
            && &*self.name != "ALL PRIVILEGES"
    }
}

/// What ON names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrantObject {
    pub kind: GrantObjectKind,
    pub level: GrantLevel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantObjectKind {
    /// Nothing or TABLE written.
    Table,
    Function,
    Procedure,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GrantLevel {
    /// `*.*`
    Global,
    /// `*`: the current database.
    CurrentDatabase,
    /// `db.*`
    Database(Ident),
    /// `t` or `db.t`
    Object(ObjectName),
}

/// CHANGE REPLICATION SOURCE TO (and CHANGE MASTER TO).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChangeReplicationSource {
    /// Option in capitals and its value.
    pub options: Vec<(Box<str>, ReplicationValue)>,
    pub channel: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReplicationValue {
    String(Box<str>),
    Number(Box<str>),
    Word(Box<str>),
    Numbers(Vec<u64>),
    Account(Account),
}

/// CHANGE REPLICATION FILTER.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChangeReplicationFilter {
    /// REPLICATE_DO_TABLE and the like, in capitals.
    pub filters: Vec<(Box<str>, Vec<FilterItem>)>,
    pub channel: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FilterItem {
    /// A database or a table.
    Name(ObjectName),
    /// A wildcard pattern.
    Pattern(Box<str>),
    /// REPLICATE_REWRITE_DB
    Rewrite(Ident, Ident),
}

/// START REPLICA and STOP REPLICA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReplicaControl {
    /// IO_THREAD and SQL_THREAD.
    pub threads: Vec<Box<str>>,
    /// UNTIL options.
    pub until: Vec<(Box<str>, ReplicationValue)>,
    /// USER, PASSWORD, DEFAULT_AUTH and PLUGIN_DIR.
    pub connection: Vec<(Box<str>, Box<str>)>,
    pub channel: Option<Box<str>>,
}

/// PURGE BINARY LOGS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PurgeBinaryLogs {
    To(Box<str>),
    Before(Expr),
}
