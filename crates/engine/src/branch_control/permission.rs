//! What accounts may do on branches, and where sessions are held against it.

use super::rules::NamePattern;
use crate::accounts::{Privilege, PrivilegeBits};
use crate::database::DatabaseHandle;
use crate::error::{Error, Result};
use crate::session::{DbRef, Revision, Session};

/// A set of permissions, as the SET of `dolt_branch_control`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(u64);

/// Names of the permissions, by bit.
pub const NAMES: [&str; 4] = ["admin", "write", "merge", "read"];

impl Permissions {
    /// Nothing, which leaves reading.
    pub const NONE: Permissions = Permissions(0);
    /// Everything, and changing the rules of the branch.
    pub const ADMIN: Permissions = Permissions(1);
    /// Every change of the branch.
    pub const WRITE: Permissions = Permissions(2);
    /// Merging into the branch, and no other change.
    pub const MERGE: Permissions = Permissions(4);
    /// Reading.
    pub const READ: Permissions = Permissions(8);

    /// From the number of the SET.
    pub fn from_bits(bits: u64) -> Permissions {
        Permissions(bits)
    }

    /// The number of the SET.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// What either gives.
    pub fn union(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }

    /// Whether all of the others are among these.
    pub fn has(self, other: Permissions) -> bool {
        self.0 & other.0 == other.0
    }

    /// A higher permission gives the lower ones.
    pub fn with_implied(self) -> Permissions {
        match self.highest() {
            Permissions::ADMIN => Permissions(self.0 | 15),
            Permissions::WRITE => Permissions(self.0 | 12),
            Permissions::MERGE => Permissions(self.0 | 8),
            _ => self,
        }
    }

    /// The highest of them.
    pub fn highest(self) -> Permissions {
        let order = [Permissions::ADMIN, Permissions::WRITE, Permissions::MERGE];
        let found = order.into_iter().find(|p| self.has(*p));
        found.unwrap_or(Permissions::READ)
    }
}

impl std::fmt::Display for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = NAMES
            .iter()
            .enumerate()
            .filter(|(i, _)| self.0 & (1 << i) != 0);
        let names: Vec<&str> = set.map(|(_, n)| *n).collect();
        f.write_str(&names.join(","))
    }
}

/// What being an administrator of a database takes.
const ADMINISTRATOR: &[Privilege] = &[
    Privilege::Create,
    Privilege::Alter,
    Privilege::Drop,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Execute,
    Privilege::GrantOption,
];

impl Session {
    /// `` `user`@`host` `` of the client.
    pub(super) fn client(&self) -> String {
        format!("`{}`@`{}`", self.user(), self.host())
    }

    fn branch_permissions(&self, handle: &DatabaseHandle, branch: &str) -> Permissions {
        let rules = self.instance.branch_control.read();
        rules.permissions(&handle.name, branch, &self.user(), &self.host())
    }

    fn branch_denied(&self, branch: &str) -> Error {
        Error::general(format!(
            "{} does not have the correct permissions on branch `{branch}`",
            self.client()
        ))
    }

    /// Fails unless the client may do this on a branch.
    pub(crate) fn require_on_branch(
        &self,
        handle: &DatabaseHandle,
        branch: &str,
        needed: Permissions,
    ) -> Result<()> {
        if crate::temporary::is_temporary(&handle.name)
            || self.branch_permissions(handle, branch).has(needed)
        {
            return Ok(());
        }
        Err(self.branch_denied(branch))
    }

    /// Fails unless the client may do this on the branch of a database; commits cannot be written.
    pub(crate) fn require_on(&self, db: &DbRef, needed: Permissions) -> Result<()> {
        match &db.revision {
            Revision::Branch(branch) => self.require_on_branch(&db.handle, branch, needed),
            Revision::Commit(_) => Ok(()),
        }
    }

    /// Fails unless the client may change a branch in the way of the running procedure.
    pub(crate) fn require_change(&self, handle: &DatabaseHandle, branch: &str) -> Result<()> {
        self.require_on_branch(handle, branch, self.branch_need.get())
    }

    /// Runs something for which another permission than `write` is enough.
    pub(crate) fn needing<T>(
        &self,
        needed: Permissions,
        run: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let before = self.branch_need.replace(needed);
        let result = run();
        self.branch_need.set(before);
        result
    }

    /// The permission that resolving conflicts takes now: `merge` is enough while a merge waits
    /// for it.
    pub(crate) fn needed_to_resolve(&self, db: &DbRef) -> Result<Permissions> {
        let Revision::Branch(branch) = &db.revision else {
            return Ok(Permissions::WRITE);
        };
        let may = self.branch_permissions(&db.handle, branch);
        if may.has(Permissions::WRITE) || !may.has(Permissions::MERGE) {
            return Ok(Permissions::WRITE);
        }
        let merging = self.branch_changes(db)?.set.merge.is_some();
        let root = crate::dolt::working_root(self, db)?;
        let (conflicts, _) = crate::dolt::validate::tables_with_artifacts(&root)?;
        match merging && !conflicts.is_empty() {
            true => Ok(Permissions::MERGE),
            false => Ok(Permissions::WRITE),
        }
    }

    /// Fails unless the client may make a branch of this name.
    pub(crate) fn require_create_branch(&self, handle: &DatabaseHandle, name: &str) -> Result<()> {
        let rules = self.instance.branch_control.read();
        match rules.may_create(&handle.name, name, &self.user(), &self.host()) {
            true => Ok(()),
            false => Err(Error::general(format!(
                "{} cannot create a branch named `{name}`",
                self.client()
            ))),
        }
    }

    /// Fails unless the client may delete, rename or replace a branch.
    pub(crate) fn require_delete_branch(&self, handle: &DatabaseHandle, name: &str) -> Result<()> {
        match self
            .branch_permissions(handle, name)
            .has(Permissions::WRITE)
        {
            true => Ok(()),
            false => Err(Error::general(format!(
                "{} cannot delete the branch `{name}`",
                self.client()
            ))),
        }
    }

    /// Who makes a branch administers it.
    pub(crate) fn own_branch(&self, handle: &DatabaseHandle, branch: &str) -> Result<()> {
        if self
            .branch_permissions(handle, branch)
            .has(Permissions::ADMIN)
        {
            return Ok(());
        }
        let escape = |name: &str| name.replace('\\', "\\\\").replace('%', "\\%");
        let (user, host) = (escape(&self.user()), escape(&self.host()));
        // Its maker chooses a branch's name, which must not be about other branches.
        let branch = escape(branch).replace('_', "\\_");
        let pattern = NamePattern::new([&escape(&handle.name), &branch, &user, &host]);
        self.instance.branch_control.change(|rules| {
            rules.insert(pattern, Permissions::ADMIN);
            Ok(())
        })
    }

    /// Whether the client may change the rules of a database by its privileges.
    pub(super) fn administers(&self, database: &str) -> bool {
        let Some(accounts) = &self.instance.accounts else {
            return true;
        };
        let name = self.account_name();
        let grants = accounts.effective_grants(&name.user, &name.host);
        // SUPER stands for other privileges elsewhere, but not for GRANT OPTION here.
        let holds = |held: PrivilegeBits, list: &[Privilege]| list.iter().all(|p| held.has(*p));
        let of_database = grants
            .databases(database)
            .fold(PrivilegeBits::NONE, |held, d| held.union(d.privileges));
        holds(grants.global, &[Privilege::Super, Privilege::GrantOption])
            || holds(grants.global, ADMINISTRATOR)
            || holds(of_database, ADMINISTRATOR)
    }
}
