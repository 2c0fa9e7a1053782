//! What a session can see: its databases, their tables and views.

use std::sync::Arc;

use crate::accounts::{Grants, Privilege};
use crate::error::Result;
use crate::result::ColumnMeta;
use crate::root_state::{RootState, TableState, ViewDef};
use crate::session::{DbRef, Session};

/// System tables that SHOW TABLES lists when `@@dolt_show_system_tables` is on (spec 04 §5).
const GENERATED: &[&str] = &[
    "dolt_backups",
    "dolt_branch_activity",
    "dolt_branches",
    "dolt_commit_ancestors",
    "dolt_commits",
    "dolt_conflicts",
    "dolt_constraint_violations",
    "dolt_help",
    "dolt_log",
    "dolt_remote_branches",
    "dolt_remotes",
    "dolt_stashes",
    "dolt_status",
    "dolt_status_ignored",
];
/// System tables that exist per table.
const GENERATED_PER_TABLE: &[&str] = &[
    "dolt_diff_",
    "dolt_commit_diff_",
    "dolt_history_",
    "dolt_conflicts_",
    "dolt_constraint_violations_",
    "dolt_workspace_",
];

/// A database of a listing.
pub(crate) struct SeenDatabase {
    /// Name with the revision under which it is listed.
    pub name: String,
    /// The database.
    pub db: DbRef,
    /// The root that the session reads.
    pub root: Arc<RootState>,
}

/// What the account of a session may see.
pub(crate) struct Sight<'s> {
    session: &'s Session,
    grants: Option<Arc<Grants>>,
    system_tables: bool,
}

impl<'s> Sight<'s> {
    /// The sight of a session now.
    pub fn new(session: &'s Session) -> Sight<'s> {
        let grants = session.instance.accounts.as_ref().map(|a| {
            let name = session.account_name();
            a.effective_grants(&name.user, &name.host)
        });
        let system_tables = is_on(session, "dolt_show_system_tables");
        Sight {
            session,
            grants,
            system_tables,
        }
    }

    /// Whether a database may be listed.
    pub fn sees_database(&self, name: &str) -> bool {
        self.grants.as_ref().is_none_or(|g| g.sees_database(name))
    }

    /// Whether a table may be listed.
    pub fn sees_table(&self, db: &str, table: &str) -> bool {
        self.grants.as_ref().is_none_or(|g| g.sees_table(db, table))
    }

    /// Whether a privilege is held on a column.
    pub fn allows_column(&self, p: Privilege, db: &str, table: &str, column: &str) -> bool {
        self.grants
            .as_ref()
            .is_none_or(|g| g.allows_column(p, db, table, column))
    }

    /// Whether other accounts' connections and grants are shown.
    pub fn allows(&self, p: Privilege) -> bool {
        self.grants.as_ref().is_none_or(|g| g.allows(p, None, None))
    }

    /// Names of the user's databases in order of their lower-case names: every database, the
    /// revision in use, and every branch when the session asks for branches (spec 04 §1.3).
    pub fn database_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let branches = is_on(self.session, "dolt_show_branch_databases");
        for handle in self.session.instance.databases() {
            if !self.sees_database(&handle.name) {
                continue;
            }
            names.push(handle.name.clone());
            if branches {
                let list = handle.store.branches().unwrap_or_default();
                names.extend(
                    list.into_iter()
                        .map(|(b, _)| format!("{}/{b}", handle.name)),
                );
            }
        }
        if let Some(current) = self.session.current_database()
            && current.contains(['/', '@'])
            && !super::is_system(&current)
            && self.sees_database(&current)
            && !names.iter().any(|n| n.eq_ignore_ascii_case(&current))
        {
            names.push(current);
        }
        names.sort_by_key(|n| n.to_lowercase());
        names
    }

    /// Opens a database for a listing. None when there is none, or when it has just been dropped.
    pub fn open(&self, name: &str) -> Result<Option<SeenDatabase>> {
        let Ok(db) = self.session.resolve_database(name) else {
            return Ok(None);
        };
        let shown = match name.find(['/', '@']) {
            Some(at) => format!("{}{}", db.handle.name, &name[at..]),
            None => db.handle.name.clone(),
        };
        match self.session.root_of(&db) {
            Ok(root) => Ok(Some(SeenDatabase {
                name: shown,
                db,
                root,
            })),
            Err(e) => {
                let now = self.session.instance.database(&db.handle.name);
                match now.is_some_and(|h| Arc::ptr_eq(&h, &db.handle)) {
                    true => Err(e),
                    false => Ok(None),
                }
            }
        }
    }

    /// The databases of a listing, or the one of that name.
    pub fn databases(&self, only: Option<&str>) -> Result<Vec<SeenDatabase>> {
        let names = match only {
            Some(name) if self.sees_database(name) => vec![name.to_string()],
            Some(_) => Vec::new(),
            None => self.database_names(),
        };
        let mut out = Vec::new();
        for name in names {
            out.extend(self.open(&name)?);
        }
        Ok(out)
    }

    fn lists(&self, seen: &SeenDatabase, table: &str) -> bool {
        let system = table
            .get(..5)
            .is_some_and(|p| p.eq_ignore_ascii_case("dolt_"));
        (self.system_tables || !system) && self.sees_table(&seen.name, table)
    }

    /// Names of the stored tables that are listed, in order of their lower-case names.
    pub fn table_names(&self, seen: &SeenDatabase, root: &RootState) -> Vec<String> {
        root.table_names()
            .into_iter()
            .filter(|n| self.lists(seen, n))
            .collect()
    }

    /// Stored tables that are listed, or the one of that name.
    pub fn tables(&self, seen: &SeenDatabase, only: Option<&str>) -> Result<Vec<Arc<TableState>>> {
        let names = match only {
            Some(name) if self.lists(seen, name) => vec![name.to_string()],
            Some(_) => Vec::new(),
            None => self.table_names(seen, &seen.root),
        };
        let mut out = Vec::new();
        for name in names {
            out.extend(seen.root.table(&name)?);
        }
        Ok(out)
    }

    /// Views that are listed, or the one of that name, by name.
    pub fn views(&self, seen: &SeenDatabase, only: Option<&str>) -> Result<Vec<ViewDef>> {
        let views = seen.root.views()?;
        let mut list: Vec<ViewDef> = match only {
            Some(name) => views
                .get(&name.to_lowercase())
                .cloned()
                .into_iter()
                .collect(),
            None => views.values().cloned().collect(),
        };
        list.retain(|v| self.lists(seen, &v.name));
        list.sort_by_key(|v| v.name.to_lowercase());
        Ok(list)
    }

    /// Names of generated system tables that are listed.
    pub fn generated_names(&self, tables: &[String]) -> Vec<String> {
        if !self.system_tables {
            return Vec::new();
        }
        let mut names: Vec<String> = GENERATED.iter().map(|n| n.to_string()).collect();
        for t in tables
            .iter()
            .filter(|t| !t.to_lowercase().starts_with("dolt_"))
        {
            names.extend(GENERATED_PER_TABLE.iter().map(|p| format!("{p}{t}")));
        }
        names
    }

    /// Columns of a view; none when its query does not hold any more.
    pub fn view_columns(&self, seen: &SeenDatabase, view: &ViewDef) -> Vec<ColumnMeta> {
        let text = format!(
            "SELECT * FROM {}.{}",
            crate::show::quoted(&seen.name),
            crate::show::quoted(&view.name)
        );
        query_columns(self.session, &text).unwrap_or_default()
    }
}

/// Result columns of a query.
pub(crate) fn query_columns(session: &Session, text: &str) -> Result<Vec<ColumnMeta>> {
    let statement =
        syntax::parse(text, &syntax::Options::default()).map_err(crate::statement::syntax_error)?;
    let syntax::ast::Statement::Query(query) = statement else {
        return Ok(Vec::new());
    };
    let modes = session.modes();
    let mut binder = crate::bind::Binder::new(session, &modes, text.as_bytes());
    Ok(binder.bind_query(&query)?.columns)
}

/// Whether a variable of the session is on.
pub(crate) fn is_on(session: &Session, name: &str) -> bool {
    matches!(session.variable(name), values::Value::Int(1))
}
