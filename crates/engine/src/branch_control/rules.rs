//! The rows of both tables, in memory, and what follows from them.

use values::CollationId;

use super::expression::{covers, elements, fold, literal};
use super::permission::Permissions;

/// Collations of database, branch, user and host.
pub const COLLATIONS: [CollationId; 4] = [
    CollationId::UTF8MB4_0900_AI_CI,
    CollationId::UTF8MB4_0900_AI_CI,
    CollationId(309),
    CollationId::UTF8MB4_0900_AI_CI,
];
/// Longer expressions are refused.
pub const MAX_BYTES: usize = u16::MAX as usize;

/// Database, branch, user and host of a rule: folded expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    /// The expressions.
    pub texts: [String; 4],
    parsed: [Vec<i32>; 4],
}

impl NamePattern {
    /// Folds the expressions; all but the user are in lower case.
    pub fn new(texts: [&str; 4]) -> NamePattern {
        let [database, branch, user, host] = texts.map(fold);
        let texts = [
            database.to_lowercase(),
            branch.to_lowercase(),
            user,
            host.to_lowercase(),
        ];
        let parsed = std::array::from_fn(|i| elements(&texts[i], COLLATIONS[i]));
        NamePattern { texts, parsed }
    }

    /// Elements of one of the expressions.
    pub fn elements(&self, at: usize) -> &[i32] {
        &self.parsed[at]
    }

    /// Whether the four are the same expressions.
    pub fn is(&self, other: &NamePattern) -> bool {
        self.parsed == other.parsed
    }

    fn covers(&self, names: &[Vec<i32>; 4]) -> bool {
        (0..4).all(|i| covers(&self.parsed[i], &names[i]))
    }

    /// The longest of the rules that match decides.
    fn length(&self) -> usize {
        self.parsed.iter().map(Vec::len).sum()
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.texts.iter().any(|t| t.len() > MAX_BYTES)
    }
}

/// A row of `dolt_branch_control`.
#[derive(Clone, Debug)]
pub struct AccessRow {
    /// What it is about.
    pub pattern: NamePattern,
    /// What it gives.
    pub permissions: Permissions,
}

/// One change, as the file keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Added or removed.
    pub is_insert: bool,
    /// Database, branch, user, host.
    pub texts: [String; 4],
    /// Permissions as a number.
    pub permissions: u64,
}

/// Both tables, and all changes that made them.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Rows by their place; a place that is free is used again.
    rows: Vec<Option<AccessRow>>,
    free: Vec<usize>,
    pub(super) access_log: Vec<LogEntry>,
    pub(super) namespace: Vec<NamePattern>,
    pub(super) namespace_log: Vec<LogEntry>,
}

impl Rules {
    /// Everybody may write.
    pub fn initial() -> Rules {
        let mut rules = Rules::default();
        rules.insert(NamePattern::new(["%"; 4]), Permissions::WRITE);
        rules
    }

    /// Rows of `dolt_branch_control`.
    pub fn access(&self) -> impl Iterator<Item = &AccessRow> {
        self.rows.iter().flatten()
    }

    /// Rows of `dolt_branch_namespace_control`.
    pub fn namespace(&self) -> &[NamePattern] {
        &self.namespace
    }

    /// Adds a row, in the place of one with the same expressions.
    pub(super) fn insert(&mut self, pattern: NamePattern, permissions: Permissions) {
        self.access_log.push(LogEntry {
            is_insert: true,
            texts: pattern.texts.clone(),
            permissions: permissions.bits(),
        });
        let row = AccessRow {
            pattern,
            permissions,
        };
        let same = self.access_at(&row.pattern);
        match same.or_else(|| self.free.pop()) {
            Some(at) => self.rows[at] = Some(row),
            None => self.rows.push(Some(row)),
        }
    }

    /// Removes a row.
    pub(super) fn remove(&mut self, pattern: &NamePattern) {
        let Some(at) = self.access_at(pattern) else {
            return;
        };
        self.access_log.push(LogEntry {
            is_insert: false,
            texts: pattern.texts.clone(),
            permissions: 0,
        });
        self.rows[at] = None;
        self.free.push(at);
    }

    fn access_at(&self, pattern: &NamePattern) -> Option<usize> {
        let is_it = |r: &Option<AccessRow>| r.as_ref().is_some_and(|r| r.pattern.is(pattern));
        self.rows.iter().position(is_it)
    }

    /// The row with these expressions.
    pub(super) fn exact(&self, pattern: &NamePattern) -> Option<&AccessRow> {
        self.rows[self.access_at(pattern)?].as_ref()
    }

    fn matching(&self, names: &[Vec<i32>; 4], except: Option<&NamePattern>) -> Option<Permissions> {
        let mut longest = None;
        let mut found = Permissions::NONE;
        for row in self.access() {
            if except.is_some_and(|e| row.pattern.is(e)) || !row.pattern.covers(names) {
                continue;
            }
            let length = Some(row.pattern.length());
            if length > longest {
                longest = length;
                found = row.permissions;
            } else if length == longest {
                found = found.union(row.permissions);
            }
        }
        longest.map(|_| found.with_implied())
    }

    /// What an account may do on a branch.
    pub fn permissions(&self, database: &str, branch: &str, user: &str, host: &str) -> Permissions {
        // Nothing but the rule that is there from the start.
        if let [Some(only)] = self.rows.as_slice()
            && only.pattern.texts.iter().all(|t| t == "%")
        {
            return only.permissions.with_implied();
        }
        let names = [database, branch, user, host];
        let names = std::array::from_fn(|i| literal(names[i], COLLATIONS[i]));
        self.matching(&names, None).unwrap_or(Permissions::NONE)
    }

    /// What an account may do on every branch that the expressions stand for.
    pub(super) fn permissions_on(
        &self,
        pattern: &NamePattern,
        user: &str,
        host: &str,
    ) -> Permissions {
        let names = [
            pattern.parsed[0].clone(),
            pattern.parsed[1].clone(),
            literal(user, COLLATIONS[2]),
            literal(host, COLLATIONS[3]),
        ];
        self.matching(&names, None).unwrap_or(Permissions::NONE)
    }

    /// What other rows already give to everything that the expressions stand for.
    pub(super) fn covering(
        &self,
        pattern: &NamePattern,
        except: Option<&NamePattern>,
    ) -> Option<Permissions> {
        self.matching(&pattern.parsed, except)
    }

    /// Whether an account may make a branch of this name.
    pub fn may_create(&self, database: &str, branch: &str, user: &str, host: &str) -> bool {
        let names = [database, branch, user, host];
        let names: [Vec<i32>; 4] = std::array::from_fn(|i| literal(names[i], COLLATIONS[i]));
        let fits = |p: &NamePattern, at: usize| covers(&p.parsed[at], &names[at]);
        let about: Vec<&NamePattern> = self
            .namespace
            .iter()
            .filter(|p| fits(p, 0) && fits(p, 1))
            .collect();
        let Some(longest) = about.iter().map(|p| p.texts[1].len()).max() else {
            return true;
        };
        about
            .iter()
            .any(|p| p.texts[1].len() == longest && fits(p, 2) && fits(p, 3))
    }

    /// Adds a row to `dolt_branch_namespace_control`.
    pub(super) fn insert_name(&mut self, pattern: NamePattern) {
        self.namespace_log.push(LogEntry {
            is_insert: true,
            texts: pattern.texts.clone(),
            permissions: 0,
        });
        self.namespace.push(pattern);
    }

    /// Removes a row from `dolt_branch_namespace_control`; the last one takes its place.
    pub(super) fn remove_name(&mut self, pattern: &NamePattern) {
        if let Some(at) = self.namespace.iter().position(|p| p.texts == pattern.texts) {
            self.namespace_log.push(LogEntry {
                is_insert: false,
                texts: pattern.texts.clone(),
                permissions: 0,
            });
            self.namespace.swap_remove(at);
        }
    }
}
