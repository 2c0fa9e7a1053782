//! Privileges and what an account holds of them.

/// A static privilege; the numbers are those of the privileges file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)] // each is the privilege of that name
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Create,
    Drop,
    Reload,
    Shutdown,
    Process,
    File,
    GrantOption,
    References,
    Index,
    Alter,
    ShowDatabases,
    Super,
    CreateTemporaryTables,
    LockTables,
    Execute,
    ReplicationSlave,
    ReplicationClient,
    CreateView,
    ShowView,
    CreateRoutine,
    AlterRoutine,
    CreateUser,
    Event,
    Trigger,
    CreateTablespace,
    CreateRole,
    DropRole,
}

use Privilege::*;

/// Every static privilege with its name, in the order of their numbers.
pub const PRIVILEGES: [(Privilege, &str); 31] = [
    (Select, "SELECT"),
    (Insert, "INSERT"),
    (Update, "UPDATE"),
    (Delete, "DELETE"),
    (Create, "CREATE"),
    (Drop, "DROP"),
    (Reload, "RELOAD"),
    (Shutdown, "SHUTDOWN"),
    (Process, "PROCESS"),
    (File, "FILE"),
    (GrantOption, "GRANT OPTION"),
    (References, "REFERENCES"),
    (Index, "INDEX"),
    (Alter, "ALTER"),
    (ShowDatabases, "SHOW DATABASES"),
    (Super, "SUPER"),
    (CreateTemporaryTables, "CREATE TEMPORARY TABLES"),
    (LockTables, "LOCK TABLES"),
    (Execute, "EXECUTE"),
    (ReplicationSlave, "REPLICATION SLAVE"),
    (ReplicationClient, "REPLICATION CLIENT"),
    (CreateView, "CREATE VIEW"),
    (ShowView, "SHOW VIEW"),
    (CreateRoutine, "CREATE ROUTINE"),
    (AlterRoutine, "ALTER ROUTINE"),
    (CreateUser, "CREATE USER"),
    (Event, "EVENT"),
    (Trigger, "TRIGGER"),
    (CreateTablespace, "CREATE TABLESPACE"),
    (CreateRole, "CREATE ROLE"),
    (DropRole, "DROP ROLE"),
];

/// Privileges that only exist globally and have no number.
pub const DYNAMIC: &[&str] = &[
    "APPLICATION_PASSWORD_ADMIN",
    "AUDIT_ABORT_EXEMPT",
    "AUDIT_ADMIN",
    "AUTHENTICATION_POLICY_ADMIN",
    "BACKUP_ADMIN",
    "BINLOG_ADMIN",
    "BINLOG_ENCRYPTION_ADMIN",
    "CLONE_ADMIN",
    "CONNECTION_ADMIN",
    "ENCRYPTION_KEY_ADMIN",
    "FIREWALL_ADMIN",
    "FIREWALL_EXEMPT",
    "FIREWALL_USER",
    "FLUSH_OPTIMIZER_COSTS",
    "FLUSH_STATUS",
    "FLUSH_TABLES",
    "FLUSH_USER_RESOURCES",
    "GROUP_REPLICATION_ADMIN",
    "GROUP_REPLICATION_STREAM",
    "INNODB_REDO_LOG_ARCHIVE",
    "INNODB_REDO_LOG_ENABLE",
    "MASKING_DICTIONARIES_ADMIN",
    "NDB_STORED_USER",
    "PASSWORDLESS_USER_ADMIN",
    "PERSIST_RO_VARIABLES_ADMIN",
    "REPLICATION_APPLIER",
    "REPLICATION_SLAVE_ADMIN",
    "RESOURCE_GROUP_ADMIN",
    "RESOURCE_GROUP_USER",
    "ROLE_ADMIN",
    "SENSITIVE_VARIABLES_OBSERVER",
    "SERVICE_CONNECTION_ADMIN",
    "SESSION_VARIABLES_ADMIN",
    "SET_USER_ID",
    "SHOW_ROUTINE",
    "SKIP_QUERY_REWRITE",
    "SYSTEM_USER",
    "SYSTEM_VARIABLES_ADMIN",
    "TABLE_ENCRYPTION_ADMIN",
    "TELEMETRY_LOG_ADMIN",
    "TP_CONNECTION_ADMIN",
    "VERSION_TOKEN_ADMIN",
    "XA_RECOVER_ADMIN",
];

impl Privilege {
    /// The privilege of this name in capitals.
    pub fn from_name(name: &str) -> Option<Privilege> {
        PRIVILEGES.iter().find(|(_, n)| *n == name).map(|(p, _)| *p)
    }

    /// Its name in capitals.
    pub fn name(self) -> &'static str {
        PRIVILEGES[self as usize].1
    }
}

/// A set of static privileges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PrivilegeBits(u64);

impl PrivilegeBits {
    /// No privilege.
    pub const NONE: PrivilegeBits = PrivilegeBits(0);
    /// Every static privilege.
    pub const ALL: PrivilegeBits = PrivilegeBits((1 << PRIVILEGES.len()) - 1);

    /// What ALL means for a database.
    pub const DATABASE: PrivilegeBits = PrivilegeBits::of(&[
        Select,
        Insert,
        Update,
        Delete,
        Create,
        Drop,
        References,
        Index,
        Alter,
        CreateTemporaryTables,
        LockTables,
        Execute,
        CreateView,
        ShowView,
        CreateRoutine,
        AlterRoutine,
        Event,
        Trigger,
    ]);
    /// What ALL means for a table.
    pub const TABLE: PrivilegeBits = PrivilegeBits::of(&[
        Select, Insert, Update, Delete, Create, Drop, References, Index, Alter, CreateView,
        ShowView, Trigger,
    ]);
    /// What ALL means for a procedure or function.
    pub const ROUTINE: PrivilegeBits = PrivilegeBits::of(&[Execute, AlterRoutine]);
    /// What may be granted on a column.
    pub const COLUMN: PrivilegeBits = PrivilegeBits::of(&[Select, Insert, Update, References]);

    /// These privileges.
    pub const fn of(list: &[Privilege]) -> PrivilegeBits {
        let mut bits = 0;
        let mut i = 0;
        while i < list.len() {
            bits |= 1 << list[i] as u64;
            i += 1;
        }
        PrivilegeBits(bits)
    }

    /// From a number of the privileges file; unknown numbers give nothing.
    pub fn from_number(number: u32) -> PrivilegeBits {
        PrivilegeBits(1u64.checked_shl(number).unwrap_or(0) & PrivilegeBits::ALL.0)
    }

    /// Numbers in ascending order.
    pub fn numbers(self) -> impl DoubleEndedIterator<Item = u32> {
        (0..PRIVILEGES.len() as u32).filter(move |n| self.0 >> n & 1 == 1)
    }

    /// The privileges in order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        PRIVILEGES
            .iter()
            .map(|(p, _)| *p)
            .filter(move |p| self.has(*p))
    }

    /// Whether the privilege is in the set.
    pub fn has(self, privilege: Privilege) -> bool {
        self.0 >> privilege as u8 & 1 == 1
    }

    /// Whether all of `other` are in the set.
    pub fn contains(self, other: PrivilegeBits) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether nothing is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets.
    pub fn union(self, other: PrivilegeBits) -> PrivilegeBits {
        PrivilegeBits(self.0 | other.0)
    }

    /// The set without `other`.
    pub fn without(self, other: PrivilegeBits) -> PrivilegeBits {
        PrivilegeBits(self.0 & !other.0)
    }

    /// What is in both.
    pub fn intersection(self, other: PrivilegeBits) -> PrivilegeBits {
        PrivilegeBits(self.0 & other.0)
    }
}

/// Everything granted to one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// On `*.*`.
    pub global: PrivilegeBits,
    /// Dynamic privileges in lower case, with whether they may be granted on.
    pub dynamic: Vec<(String, bool)>,
    /// On databases, by name.
    pub databases: Vec<DatabaseGrants>,
}

/// What is granted on a database and within it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseGrants {
    /// Its name, or a pattern with `%`.
    pub name: String,
    /// On all of it.
    pub privileges: PrivilegeBits,
    /// On tables, by name.
    pub tables: Vec<TableGrants>,
    /// On procedures and functions, by name.
    pub routines: Vec<RoutineGrants>,
}

/// What is granted on a table and its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableGrants {
    /// Its name.
    pub name: String,
    /// On all of it.
    pub privileges: PrivilegeBits,
    /// On columns, by name.
    pub columns: Vec<ColumnGrants>,
}

/// What is granted on a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnGrants {
    /// Its name.
    pub name: String,
    /// On it.
    pub privileges: PrivilegeBits,
}

/// What is granted on a procedure or function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutineGrants {
    /// Its name.
    pub name: String,
    /// On it.
    pub privileges: PrivilegeBits,
    /// A procedure, else a function.
    pub procedure: bool,
}

macro_rules! named_entry {
    ($function:ident, $ty:ty) => {
        fn $function<'a>(list: &'a mut Vec<$ty>, name: &str) -> &'a mut $ty {
            let at = match list.iter().position(|e| e.name.eq_ignore_ascii_case(name)) {
                Some(at) => at,
                None => {
                    let at = list.partition_point(|e| e.name.as_str() < name);
                    list.insert(at, <$ty>::default());
                    list[at].name = name.to_string();
                    at
                }
            };
            &mut list[at]
        }
    };
}

named_entry!(database_entry, DatabaseGrants);
named_entry!(table_entry, TableGrants);
named_entry!(column_entry, ColumnGrants);

/// Whether a database's name fits a grant's: equal, or as a pattern with `%`.
fn database_fits(pattern: &str, name: &str) -> bool {
    pattern.eq_ignore_ascii_case(name)
        || (pattern.contains(['%', '\\'])
            && super::host::like(
                &pattern.to_ascii_lowercase(),
                &name.to_ascii_lowercase(),
                false,
            ))
}

impl Grants {
    /// All static privileges, GRANT OPTION included.
    pub fn superuser() -> Grants {
        Grants {
            global: PrivilegeBits::ALL,
            ..Grants::default()
        }
    }

    /// The entry of a database, made if need be.
    pub fn database_mut(&mut self, name: &str) -> &mut DatabaseGrants {
        database_entry(&mut self.databases, name)
    }

    /// Drops entries that grant nothing.
    pub fn prune(&mut self) {
        for db in &mut self.databases {
            for t in &mut db.tables {
                t.columns.retain(|c| !c.privileges.is_empty());
            }
            db.tables
                .retain(|t| !t.privileges.is_empty() || !t.columns.is_empty());
            db.routines.retain(|r| !r.privileges.is_empty());
        }
        self.databases.retain(|db| {
            !db.privileges.is_empty() || !db.tables.is_empty() || !db.routines.is_empty()
        });
    }

    /// Adds what `other` holds.
    pub fn merge(&mut self, other: &Grants) {
        self.global = self.global.union(other.global);
        for (name, option) in &other.dynamic {
            self.grant_dynamic(name, *option);
        }
        for db in &other.databases {
            let mine = self.database_mut(&db.name);
            mine.privileges = mine.privileges.union(db.privileges);
            for t in &db.tables {
                let table = mine.table_mut(&t.name);
                table.privileges = table.privileges.union(t.privileges);
                for c in &t.columns {
                    let column = table.column_mut(&c.name);
                    column.privileges = column.privileges.union(c.privileges);
                }
            }
            for r in &db.routines {
                let routine = mine.routine_mut(&r.name, r.procedure);
                routine.privileges = routine.privileges.union(r.privileges);
            }
        }
    }

    /// Adds a dynamic privilege.
    pub fn grant_dynamic(&mut self, name: &str, grant_option: bool) {
        let name = name.to_ascii_lowercase();
        match self.dynamic.iter_mut().find(|(n, _)| *n == name) {
            Some((_, option)) => *option |= grant_option,
            None => {
                let at = self.dynamic.partition_point(|(n, _)| *n < name);
                self.dynamic.insert(at, (name, grant_option));
            }
        }
    }

    /// Whether a dynamic privilege is held; SUPER holds them all.
    pub fn has_dynamic(&self, name: &str) -> bool {
        self.global.has(Super)
            || self
                .dynamic
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    pub(crate) fn databases(&self, name: &str) -> impl Iterator<Item = &DatabaseGrants> {
        // A revision of a database is the database.
        let base = name.split_once('/').map_or(name, |(base, _)| base);
        self.databases
            .iter()
            .filter(move |d| database_fits(&d.name, base))
    }

    /// Whether a privilege is held on a table, a database (`table` is `None`) or globally (`db`
    /// is `None` too).
    pub fn allows(&self, privilege: Privilege, db: Option<&str>, table: Option<&str>) -> bool {
        // SUPER stands for every privilege but the right to give privileges away.
        if self.global.has(privilege) || self.global.has(Super) && privilege != GrantOption {
            return true;
        }
        let Some(db) = db else { return false };
        self.databases(db).any(|d| {
            d.privileges.has(privilege)
                || table.is_some_and(|t| {
                    d.tables
                        .iter()
                        .any(|e| e.name.eq_ignore_ascii_case(t) && e.privileges.has(privilege))
                })
        })
    }

    /// Whether a privilege is held on a column, by itself or through its table.
    pub fn allows_column(&self, privilege: Privilege, db: &str, table: &str, column: &str) -> bool {
        self.allows(privilege, Some(db), Some(table))
            || self.databases(db).flat_map(|d| &d.tables).any(|t| {
                t.name.eq_ignore_ascii_case(table)
                    && t.columns
                        .iter()
                        .any(|c| c.name.eq_ignore_ascii_case(column) && c.privileges.has(privilege))
            })
    }

    /// Whether a privilege is held on some column of a table by the column's own grant.
    pub fn allows_some_column(&self, privilege: Privilege, db: &str, table: &str) -> bool {
        self.databases(db).flat_map(|d| &d.tables).any(|t| {
            t.name.eq_ignore_ascii_case(table)
                && t.columns.iter().any(|c| c.privileges.has(privilege))
        })
    }

    /// Whether a privilege is held on a procedure or function.
    pub fn allows_routine(
        &self,
        privilege: Privilege,
        db: &str,
        routine: &str,
        procedure: bool,
    ) -> bool {
        self.allows(privilege, Some(db), None)
            || self.routine_alone(privilege, db, routine, procedure)
    }

    /// Whether a privilege is held on this very routine or by SUPER: what procedures that reach
    /// outside the database ask for (spec 04 §3).
    pub fn allows_admin_routine(&self, db: &str, routine: &str) -> bool {
        self.global.has(Super) || self.routine_alone(Execute, db, routine, true)
    }

    fn routine_alone(&self, privilege: Privilege, db: &str, name: &str, procedure: bool) -> bool {
        self.databases(db).flat_map(|d| &d.routines).any(|r| {
            r.procedure == procedure
                && r.name.eq_ignore_ascii_case(name)
                && r.privileges.has(privilege)
        })
    }

    /// Whether anything is held on or within a database, so that SHOW DATABASES lists it.
    pub fn sees_database(&self, db: &str) -> bool {
        !self
            .global
            .without(PrivilegeBits::of(&[GrantOption]))
            .is_empty()
            || self.databases(db).next().is_some()
    }

    /// Whether anything is held on or within a table, so that SHOW TABLES lists it.
    pub fn sees_table(&self, db: &str, table: &str) -> bool {
        let any = PrivilegeBits::TABLE;
        !self.global.intersection(any).is_empty()
            || self.global.has(Super)
            || self.databases(db).any(|d| {
                !d.privileges.intersection(any).is_empty()
                    || d.tables.iter().any(|t| t.name.eq_ignore_ascii_case(table))
            })
    }
}

impl DatabaseGrants {
    /// The entry of a table, made if need be.
    pub fn table_mut(&mut self, name: &str) -> &mut TableGrants {
        table_entry(&mut self.tables, name)
    }

    /// The entry of a routine, made if need be.
    pub fn routine_mut(&mut self, name: &str, procedure: bool) -> &mut RoutineGrants {
        let found = self
            .routines
            .iter()
            .position(|r| r.procedure == procedure && r.name.eq_ignore_ascii_case(name));
        let at = found.unwrap_or_else(|| {
            let at = self
                .routines
                .partition_point(|r| (r.name.as_str(), r.procedure) < (name, procedure));
            self.routines.insert(
                at,
                RoutineGrants {
                    name: name.to_string(),
                    privileges: PrivilegeBits::NONE,
                    procedure,
                },
            );
            at
        });
        &mut self.routines[at]
    }
}

impl TableGrants {
    /// The entry of a column, made if need be.
    pub fn column_mut(&mut self, name: &str) -> &mut ColumnGrants {
        column_entry(&mut self.columns, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for (i, (p, name)) in PRIVILEGES.iter().enumerate() {
            assert_eq!(*p as usize, i);
            assert_eq!(Privilege::from_name(name), Some(*p));
            assert_eq!(p.name(), *name);
        }
        assert_eq!(PrivilegeBits::from_number(77), PrivilegeBits::NONE);
        assert_eq!(PrivilegeBits::from_number(0), PrivilegeBits::of(&[Select]));
    }

    #[test]
    fn a_grant_reaches_what_lies_below_it() {
        let mut g = Grants::default();
        assert!(!g.sees_database("shop"));
        g.database_mut("Shop").table_mut("items").privileges = PrivilegeBits::of(&[Insert]);
        assert!(g.allows(Insert, Some("shop"), Some("ITEMS")));
        assert!(!g.allows(Insert, Some("shop"), None));
        assert!(!g.allows(Select, Some("shop"), Some("items")));
        assert!(
            g.allows(Insert, Some("shop/dev"), Some("items")),
            "revisions are the database"
        );
        assert!(g.sees_database("shop") && g.sees_table("shop", "items"));
        assert!(!g.sees_table("shop", "other"));
        g.database_mut("test%").privileges = PrivilegeBits::DATABASE;
        assert!(g.allows(Drop, Some("test_7"), Some("t")) && !g.allows(Drop, Some("tes"), None));
        g.database_mut("shop")
            .routine_mut("dolt_push", true)
            .privileges = PrivilegeBits::of(&[Execute]);
        assert!(g.allows_admin_routine("shop", "DOLT_PUSH"));
        assert!(!g.allows_admin_routine("test_7", "dolt_push"));
        assert!(g.allows_routine(Execute, "test_7", "dolt_push", true));
        assert!(Grants::superuser().has_dynamic("clone_admin"));
    }

    #[test]
    fn entries_that_grant_nothing_are_dropped() {
        let mut g = Grants::default();
        g.database_mut("b").table_mut("t").column_mut("c");
        g.database_mut("a").privileges = PrivilegeBits::of(&[Select]);
        g.prune();
        assert_eq!(
            g.databases
                .iter()
                .map(|d| d.name.as_str())
                .collect::<Vec<_>>(),
            ["a"]
        );
    }
}
