//! Plans that a session keeps, by the text of their statement or a key of a stored program.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::HashMap;
use syntax::ast::{self, Statement};
use values::{OwnedValue, SqlType};

use crate::accounts::Access;
use crate::bind::dml::{Assigned, DeletePlan, InsertPlan, UpdatePlan};
use crate::bind::{Binder, BoundTable, Modes};
use crate::dolt::nonlocal;
use crate::error::{Error, Result};
use crate::plan::QueryPlan;
use crate::program::stored::CodeVersion;
use crate::session::{Revision, Session};
use crate::statement::{PreparedStatement, base_name};
use crate::view::TableView;

/// A plan with the tables that it reads.
pub(crate) struct Planned<P> {
    pub plan: P,
    pub tables: Vec<BoundTable>,
    /// Databases whose views, triggers or functions it holds, as they were.
    code: Vec<(String, CodeVersion)>,
}

pub(crate) enum CachedPlan {
    Query(Planned<QueryPlan>),
    Insert(Planned<InsertPlan>),
    Update(Planned<UpdatePlan>),
    Delete(Planned<DeletePlan>),
    Expression(Planned<Assigned>),
}

impl CachedPlan {
    pub fn tables(&self) -> &[BoundTable] {
        match self {
            CachedPlan::Query(p) => &p.tables,
            CachedPlan::Insert(p) => &p.tables,
            CachedPlan::Update(p) => &p.tables,
            CachedPlan::Delete(p) => &p.tables,
            CachedPlan::Expression(p) => &p.tables,
        }
    }

    fn code(&self) -> &[(String, CodeVersion)] {
        match self {
            CachedPlan::Query(p) => &p.code,
            CachedPlan::Insert(p) => &p.code,
            CachedPlan::Update(p) => &p.code,
            CachedPlan::Delete(p) => &p.code,
            CachedPlan::Expression(p) => &p.code,
        }
    }

    /// The tables that are written, by number, and whether rows of them may go or change.
    pub fn written(&self) -> Vec<(usize, bool)> {
        match self {
            CachedPlan::Query(_) | CachedPlan::Expression(_) => Vec::new(),
            CachedPlan::Insert(p) => {
                let changes = p.plan.replace || p.plan.on_duplicate.is_some();
                vec![(p.plan.table, changes)]
            }
            CachedPlan::Update(p) => p.plan.targets.iter().map(|t| (t.table, true)).collect(),
            CachedPlan::Delete(p) => p.plan.targets.iter().map(|t| (t.table, true)).collect(),
        }
    }

    /// The plan of an expression.
    pub fn expression(&self) -> Result<&Planned<Assigned>> {
        match self {
            CachedPlan::Expression(p) => Ok(p),
            _ => Err(Error::general("expression has no plan")),
        }
    }
}

pub(crate) struct CacheEntry {
    plan: Arc<CachedPlan>,
    /// What the plan was made under: current database, and the settings that decide meaning.
    database: Option<String>,
    modes: Arc<Modes>,
    generation: u64,
    types: Vec<SqlType>,
    /// Whose privileges were asked for; none when nothing is forbidden to who made the plan.
    checked: Option<Arc<Access>>,
}

/// Plans of this session by statement text.
#[derive(Default)]
pub(crate) struct PlanCache {
    pub entries: HashMap<Arc<[u8]>, CacheEntry>,
    pub statements: HashMap<Arc<[u8]>, Arc<Statement>>,
    /// By the text of their shape; none where the shape is no statement.
    pub shapes: HashMap<Arc<[u8]>, Option<Arc<PreparedStatement>>>,
    /// What texts were parsed under.
    modes: Option<Arc<Modes>>,
}

impl PlanCache {
    /// Forgets plans, but not what texts mean.
    pub(crate) fn clear_plans(&mut self) {
        self.entries.clear();
    }

    /// Forgets what texts mean where they mean something else under these settings.
    pub(crate) fn heed(&mut self, modes: &Arc<Modes>) {
        let same = self.modes.as_ref().is_some_and(|m| Arc::ptr_eq(m, modes));
        if !same {
            self.statements.clear();
            self.shapes.clear();
            self.modes = Some(modes.clone());
        }
    }
}

/// Plans that a session keeps.
pub(crate) const PLANS_KEPT: usize = 512;
/// Longest text whose plan is kept.
pub(crate) const LONGEST_KEPT: usize = 16 << 10;

pub(crate) enum CachedPlanKind {
    Query(QueryPlan),
    Insert(InsertPlan),
    Update(UpdatePlan),
    Delete(DeletePlan),
    Expression(Assigned),
}

impl Session {
    /// Types of parameters by their values.
    pub(crate) fn param_types(&self, params: &[OwnedValue], modes: &Modes) -> Vec<SqlType> {
        params
            .iter()
            .map(|v| crate::bind::type_of_value(v, modes.connection))
            .collect()
    }

    // Plans.

    fn cached(
        &self,
        text: &[u8],
        types: &[SqlType],
        modes: &Arc<Modes>,
    ) -> Option<Arc<CachedPlan>> {
        if self.call_as_of.borrow().is_some() {
            return None;
        }
        let access = self.access();
        let plans = self.plans.borrow();
        let entry = plans.entries.get(text)?;
        let generation = self.instance.generation.load(Ordering::Relaxed);
        let fits = entry.generation == generation
            && (Arc::ptr_eq(&entry.modes, modes) || entry.modes == *modes)
            && same_types(&entry.types, types)
            && access.is_none_or(|a| entry.checked.as_ref().is_some_and(|c| Arc::ptr_eq(c, &a)))
            && entry.database == self.current_database();
        if !fits {
            return None;
        }
        let plan = entry.plan.clone();
        drop(plans);
        // A plan holds as long as every table has the schema that it was made for.
        let valid = plan.tables().iter().all(|t| {
            let Ok(db) = self.resolve_database(&t.db) else { return false };
            let Ok(root) = self.root_of(&db) else { return false };
            // Names may lead elsewhere now.
            !root.has_table(nonlocal::TABLE) && matches!(root.table(&t.name), Ok(Some(state)) if state.def.schema_hash == t.def.schema_hash)
        });
        let same = |(db, version): &(String, CodeVersion)| {
            let Ok(db) = self.resolve_database(db) else {
                return false;
            };
            matches!(self.root_of(&db), Ok(root) if CodeVersion::of(&root) == *version)
        };
        (valid && plan.code().iter().all(same)).then_some(plan)
    }

    fn keep(&self, text: &[u8], types: Vec<SqlType>, modes: &Arc<Modes>, plan: Arc<CachedPlan>) {
        if text.len() > LONGEST_KEPT {
            return;
        }
        let checked = self.access();
        let mut plans = self.plans.borrow_mut();
        if plans.entries.len() >= PLANS_KEPT {
            plans.entries.clear();
        }
        let entry = CacheEntry {
            plan,
            database: self.current_database(),
            modes: modes.clone(),
            generation: self.instance.generation.load(Ordering::Relaxed),
            types,
            checked,
        };
        plans.entries.insert(Arc::from(text), entry);
    }

    /// The plan of a statement, made now or kept from before.
    pub(crate) fn plan(
        &self,
        text: &[u8],
        params: &[OwnedValue],
        make: impl FnOnce(&mut Binder<'_>) -> Result<Option<CachedPlanKind>>,
    ) -> Result<Option<Arc<CachedPlan>>> {
        let modes = self.modes();
        let types = self.param_types(params, &modes);
        let key = self.plan_key.take();
        let key = key.as_deref().unwrap_or(text);
        if let Some(plan) = self.cached(key, &types, &modes) {
            return Ok(Some(plan));
        }
        let mut binder = Binder::new(self, &modes, text).with_params(&types, params);
        let Some(kind) = make(&mut binder)? else {
            return Ok(None);
        };
        let tables = std::mem::take(&mut binder.tables);
        let code = std::mem::take(&mut binder.code);
        let uncacheable = binder.uncacheable
            || !modes.schema_override.is_empty()
            || tables.iter().any(|t| t.as_of.is_some() || t.elsewhere);
        macro_rules! planned {
            ($plan:expr) => {
                Planned {
                    plan: $plan,
                    tables,
                    code,
                }
            };
        }
        let plan = Arc::new(match kind {
            CachedPlanKind::Query(plan) => CachedPlan::Query(planned!(plan)),
            CachedPlanKind::Insert(plan) => CachedPlan::Insert(planned!(plan)),
            CachedPlanKind::Update(plan) => CachedPlan::Update(planned!(plan)),
            CachedPlanKind::Delete(plan) => CachedPlan::Delete(planned!(plan)),
            CachedPlanKind::Expression(plan) => CachedPlan::Expression(planned!(plan)),
        });
        if !uncacheable {
            self.keep(key, types, &modes, plan.clone());
        }
        Ok(Some(plan))
    }

    /// The plan of an expression of a stored program.
    pub(crate) fn plan_expression(&self, text: &[u8], e: &ast::Expr) -> Result<Arc<CachedPlan>> {
        let plan = self.plan(text, &[], |b| {
            Ok(Some(CachedPlanKind::Expression(b.bind_alone(e)?.into())))
        })?;
        plan.ok_or_else(|| Error::general("expression has no plan"))
    }

    /// Opens the tables of a plan; `latest` for statements that write.
    pub(crate) fn open_views(&self, tables: &[BoundTable], latest: bool) -> Result<Vec<TableView>> {
        let mut out = Vec::with_capacity(tables.len());
        for t in tables {
            let missing = || Error::unknown_table_missing(base_name(&t.db), &t.name);
            let db = self.resolve_database(&t.db)?;
            if let Some(root) = &t.as_of {
                let id = root
                    .parse()
                    .map_err(|_| Error::general("bad root address"))?;
                let state = db.handle.root(model::RootId(id))?;
                out.push(state.table(&t.name)?.ok_or_else(missing)?.view.clone());
                continue;
            }
            match &db.revision {
                Revision::Branch(branch) => {
                    let mut tx = self.open_transaction();
                    let b = tx.branch(&db.handle, branch)?;
                    let view = if latest || t.locked {
                        b.write_view(&t.name)?
                    } else {
                        b.read_view(&t.name)?
                    };
                    out.push(view.ok_or_else(missing)?);
                }
                Revision::Commit(_) => {
                    let root = self.root_of(&db)?;
                    out.push(root.table(&t.name)?.ok_or_else(missing)?.view.clone());
                }
            }
        }
        Ok(out)
    }
}

fn same_types(a: &[SqlType], b: &[SqlType]) -> bool {
    // Lengths of texts do not change a plan.
    let class = |t: &SqlType| match t {
        SqlType::VarChar(_, c) | SqlType::Text(_, c) => Some(*c),
        _ => None,
    };
    a.len() == b.len()
        && a.iter().zip(b).all(|(x, y)| match (class(x), class(y)) {
            (Some(p), Some(q)) => p == q,
            (None, None) => x == y,
            _ => false,
        })
}
