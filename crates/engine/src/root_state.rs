//! A root as statements use it: tables opened once, by name in any letter case.
//!
//! A root is immutable, so everything here is computed at most once per root and shared by all
//! sessions. The database keeps recent roots by their address, and the tables of all of them:
//! roots share the tables in which they agree, and versions of a table share its definition.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chunks::Hash;
use foldhash::{HashMap, HashMapExt};
use model::{ForeignKeys, Objects, Place, Root, RootId, Table};

use crate::accounts::AccountName;
use crate::env::{Layout, Place as ColumnPlace};
use crate::error::Result;
use crate::table::{Check, Column, Index, TableDef};
use crate::view::{TableView, Tree};

/// A decoded root with its tables.
pub struct RootState {
    /// Address of the root.
    pub id: RootId,
    /// The root.
    pub root: Root,
    /// Name of the database.
    pub db: String,
    /// Names of the tables as created, by lower-case name.
    names: Arc<HashMap<String, String>>,
    tables: Arc<TableCache>,
    foreign_keys: OnceLock<Arc<ForeignKeys>>,
    views: OnceLock<Arc<HashMap<String, ViewDef>>>,
}

/// Opened tables of all roots of a database.
#[derive(Default)]
pub struct TableCache(Mutex<OpenTables>);

#[derive(Default)]
struct OpenTables {
    /// By name as created and address.
    states: HashMap<Hash, HashMap<String, Arc<TableState>>>,
    /// The last one opened of each schema, by address of the schema: its definition serves all.
    models: HashMap<Hash, HashMap<String, Arc<TableState>>>,
}

/// The table that holds views, triggers and events.
const SCHEMAS_TABLE: &str = "dolt_schemas";

/// Addresses of tables, and of schemas, that a cache holds at most.
const TABLES_KEPT: usize = 1024;

impl TableCache {
    fn get(&self, name: &str, hash: &Hash) -> Option<Arc<TableState>> {
        let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.states.get(hash)?.get(name).cloned()
    }

    /// Takes an opened table in.
    fn open(&self, name: &str, hash: Hash, table: Table, db: &str) -> Result<Arc<TableState>> {
        let schema = table.layout().schema_hash();
        let model = {
            let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let model = tables.models.get(&schema).and_then(|m| m.get(name));
            model.cloned()
        };
        let state = Arc::new(match model {
            Some(model) => model.with_content(hash, table)?,
            None => TableState::new(name, hash, table, db)?,
        });
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let OpenTables { states, models } = &mut *tables;
        for (map, key) in [(states, hash), (models, schema)] {
            if map.len() >= TABLES_KEPT {
                map.clear();
            }
            let named = map.entry(key).or_default();
            named.insert(name.to_string(), state.clone());
        }
        Ok(state)
    }
}

/// A view as `dolt_schemas` holds it.
#[derive(Clone, Debug)]
pub struct ViewDef {
    /// Name as created.
    pub name: String,
    /// The whole statement.
    pub fragment: String,
    /// The query after AS.
    pub query: String,
    /// Column names, if the view has its own.
    pub columns: Vec<String>,
    /// sql_mode at its creation.
    pub sql_mode: String,
    /// Whose rights it reads with.
    pub reader: ViewReader,
}

/// Whose rights a view reads with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewReader {
    /// Those of whoever made it, which were held against it then: its text does not say who it was.
    Maker,
    /// Those of the account that DEFINER names.
    Definer(AccountName),
    /// SQL SECURITY INVOKER: those of whoever reads the view.
    Invoker,
}

impl ViewReader {
    fn of(v: &syntax::ast::CreateView) -> ViewReader {
        let definer = v.definer.as_ref().and_then(crate::program::account);
        match (v.sql_security, definer) {
            (Some(syntax::ast::SqlSecurity::Invoker), _) => ViewReader::Invoker,
            (_, Some(name)) => ViewReader::Definer(name),
            (_, None) => ViewReader::Maker,
        }
    }
}

/// A table of a root.
pub struct TableState {
    /// Name as created.
    pub name: String,
    /// Address of the table.
    pub hash: Hash,
    /// The table.
    pub table: Table,
    /// Its definition.
    pub def: Arc<TableDef>,
    /// Its trees.
    pub view: TableView,
}

impl RootState {
    /// Reads a root.
    pub fn open(
        objects: &Objects,
        id: RootId,
        db: &str,
        tables: &Arc<TableCache>,
    ) -> Result<RootState> {
        RootState::new(Root::open(objects, id)?, id, db, tables)
    }

    /// A root that has been built.
    pub fn new(root: Root, id: RootId, db: &str, tables: &Arc<TableCache>) -> Result<RootState> {
        let names = root
            .tables()?
            .into_iter()
            .map(|(name, _)| (name.to_lowercase(), name))
            .collect();
        Ok(RootState {
            id,
            root,
            db: db.to_string(),
            names: Arc::new(names),
            tables: tables.clone(),
            foreign_keys: OnceLock::new(),
            views: OnceLock::new(),
        })
    }

    /// The root that follows this one by changes of rows in some tables.
    pub(crate) fn with_content(
        &self,
        root: Root,
        id: RootId,
        changed: Vec<(String, Hash, Table)>,
    ) -> Result<RootState> {
        let foreign_keys = match root.foreign_keys_hash() == self.root.foreign_keys_hash() {
            true => self.foreign_keys.clone(),
            false => OnceLock::new(),
        };
        let views = match changed.iter().any(|(name, ..)| name == SCHEMAS_TABLE) {
            true => OnceLock::new(),
            false => self.views.clone(),
        };
        for (name, hash, table) in changed {
            self.tables.open(&name, hash, table, &self.db)?;
        }
        Ok(RootState {
            id,
            root,
            db: self.db.clone(),
            names: self.names.clone(),
            tables: self.tables.clone(),
            foreign_keys,
            views,
        })
    }

    /// Names of all tables as created, in order of their lower-case names.
    pub fn table_names(&self) -> Vec<String> {
        let mut list: Vec<_> = self.names.iter().collect();
        list.sort();
        list.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Whether there is a table of this name, in any letter case.
    pub fn has_table(&self, name: &str) -> bool {
        self.stored_name(name).is_some()
    }

    /// Address of a table, by its name in any letter case.
    pub fn table_hash(&self, name: &str) -> Result<Option<Hash>> {
        match self.stored_name(name) {
            Some(stored) => Ok(self.root.table_hash(stored)?),
            None => Ok(None),
        }
    }

    fn stored_name(&self, name: &str) -> Option<&str> {
        let found = self.names.get(name);
        let found = match name
            .bytes()
            .any(|b| b.is_ascii_uppercase() || !b.is_ascii())
        {
            true => found.or_else(|| self.names.get(&name.to_lowercase())),
            false => found,
        };
        found.map(String::as_str)
    }

    /// Opens a table.
    pub fn table(&self, name: &str) -> Result<Option<Arc<TableState>>> {
        let Some(stored) = self.stored_name(name) else {
            return Ok(None);
        };
        let Some(hash) = self.root.table_hash(stored)? else {
            return Ok(None);
        };
        if let Some(known) = self.tables.get(stored, &hash) {
            return Ok(Some(known));
        }
        let table = Table::open(self.root.objects(), &hash)?;
        self.tables.open(stored, hash, table, &self.db).map(Some)
    }

    /// Views by lower-case name.
    pub fn views(&self) -> Result<Arc<HashMap<String, ViewDef>>> {
        if let Some(v) = self.views.get() {
            return Ok(v.clone());
        }
        let views = Arc::new(read_views(self)?);
        Ok(self.views.get_or_init(|| views).clone())
    }

    /// Foreign keys of the root.
    pub fn foreign_keys(&self) -> Result<Arc<ForeignKeys>> {
        if let Some(keys) = self.foreign_keys.get() {
            return Ok(keys.clone());
        }
        let keys = Arc::new(self.root.foreign_keys()?);
        Ok(self.foreign_keys.get_or_init(|| keys).clone())
    }
}

impl TableState {
    /// Opens the trees of a table.
    pub fn new(name: &str, hash: Hash, table: Table, db: &str) -> Result<TableState> {
        let def = Arc::new(definition(name, &table, db));
        let view = view(&table, &def)?;
        Ok(TableState {
            name: name.to_string(),
            hash,
            table,
            def,
            view,
        })
    }

    /// The same table with other rows.
    pub(crate) fn with_content(&self, hash: Hash, table: Table) -> Result<TableState> {
        let mut view = self.view.clone();
        view.primary.root = table.rows()?.root().clone();
        for (index, tree) in self.def.indexes.iter().zip(&mut view.indexes) {
            tree.root = table.index(&index.name)?.root().clone();
        }
        Ok(TableState {
            name: self.name.clone(),
            hash,
            table,
            def: self.def.clone(),
            view,
        })
    }
}

/// The definition of a table from its schema.
pub fn definition(name: &str, table: &Table, db: &str) -> TableDef {
    let schema = table.schema();
    let columns = schema
        .columns
        .iter()
        .map(|c| Column {
            name: c.name.clone(),
            ty: c.sql_type.clone(),
            nullable: c.nullable,
            default: c.default_text().unwrap_or("").to_string(),
            generated: c.generated_text().unwrap_or("").to_string(),
            is_virtual: c.is_virtual,
            on_update: c.on_update_text().unwrap_or("").to_string(),
            auto_increment: c.auto_increment,
            comment: c.comment.clone(),
            hidden: c.hidden || c.hidden_system,
            tag: c.tag,
        })
        .collect();
    let indexes = schema
        .indexes
        .iter()
        .map(|i| Index {
            name: i.name.clone(),
            columns: i.columns.clone(),
            prefixes: (0..i.columns.len()).map(|n| i.prefix(n)).collect(),
            unique: i.unique,
            ordered: i.fulltext.is_none() && i.vector.is_none() && !i.spatial,
            has_entries: i.fulltext.is_none(),
            key_columns: schema.index_key_columns(i),
        })
        .collect();
    let checks = schema
        .checks
        .iter()
        .map(|c| Check {
            name: c.name.clone(),
            text: c.expression.clone(),
            enforced: c.enforced,
        })
        .chain(checks_of_tests(name))
        .collect();
    TableDef {
        db: db.to_string(),
        name: name.to_string(),
        columns,
        primary_key: schema.primary_key.clone(),
        indexes,
        checks,
        collation: schema.collation,
        comment: schema.comment.clone(),
        schema: schema.clone(),
        schema_hash: table.layout().schema_hash(),
    }
}

/// The trees of a table, without a transaction's changes.
pub fn view(table: &Table, def: &Arc<TableDef>) -> Result<TableView> {
    let layout = table.layout();
    let blobs: Arc<dyn values::BlobSource> = Arc::new(table.objects().blobs());
    let schema = table.schema();
    let places = (0..schema.columns.len())
        .map(|i| {
            let c = &schema.columns[i];
            let (key, field, encoding) = match layout.place(i) {
                Place::Key(f) => (true, f, c.encoding.in_key()),
                Place::Value(f) => (false, f, c.encoding),
                Place::Virtual => return None,
            };
            Some(ColumnPlace {
                key,
                field,
                encoding,
                ty: c.sql_type.clone(),
            })
        })
        .collect();
    let rows = table.rows()?;
    let primary = Tree {
        store: rows.store().clone(),
        root: rows.root().clone(),
        desc: Arc::new(layout.key_desc().clone()),
        layout: Arc::new(Layout {
            places,
            blobs: blobs.clone(),
        }),
    };
    let mut indexes = Vec::with_capacity(def.indexes.len());
    for (n, index) in def.indexes.iter().enumerate() {
        let form = &layout.indexes()[n];
        let mut places = vec![None; schema.columns.len()];
        for (field, f) in form.fields().iter().enumerate() {
            if let Some(column) = f.column {
                places[column] = Some(ColumnPlace {
                    key: true,
                    field,
                    encoding: f.encoding,
                    ty: f.sql_type.clone(),
                });
            }
        }
        let map = table.index(&index.name)?;
        indexes.push(Tree {
            store: map.store().clone(),
            root: map.root().clone(),
            desc: Arc::new(form.desc().clone()),
            layout: Arc::new(Layout {
                places,
                blobs: blobs.clone(),
            }),
        });
    }
    Ok(TableView {
        def: def.clone(),
        primary,
        indexes,
        overlay: None,
    })
}

fn read_views(root: &RootState) -> Result<HashMap<String, ViewDef>> {
    let mut out = HashMap::new();
    let Some(state) = root.table(SCHEMAS_TABLE)? else {
        return Ok(out);
    };
    let column = |n: &str| state.def.column(n);
    let (Some(kind), Some(name), Some(fragment)) =
        (column("type"), column("name"), column("fragment"))
    else {
        return Ok(out);
    };
    let mode = column("sql_mode");
    crate::exec::table_rows(&state.view, &mut |slot| {
        let row = crate::write::decode_row(&state, slot.key(), slot.value())?;
        let text = |i: usize| crate::convert::to_string(&row[i]);
        if text(kind) != "view" {
            return Ok(crate::result::Flow::Continue);
        }
        let mut fragment = text(fragment);
        // Old versions stored the query alone.
        if fragment
            .trim_start()
            .get(..6)
            .is_some_and(|w| w.eq_ignore_ascii_case("select"))
        {
            fragment = format!("CREATE VIEW `{}` AS {fragment}", text(name));
        }
        let sql_mode = mode.map_or(String::new(), text);
        let options = syntax::Options {
            ansi_quotes: sql_mode.contains("ANSI"),
            ..syntax::Options::default()
        };
        if let Ok(syntax::ast::Statement::CreateView(v)) = syntax::parse(&fragment, &options) {
            let view = ViewDef {
                name: text(name),
                query: v.query.span.text(&fragment).to_string(),
                columns: v.columns.iter().map(|c| c.to_string()).collect(),
                fragment: fragment.clone(),
                sql_mode,
                reader: ViewReader::of(&v),
            };
            out.insert(view.name.to_lowercase(), view);
        }
        Ok(crate::result::Flow::Continue)
    })?;
    Ok(out)
}

/// What every `dolt_tests` is held against; its schema does not say so (spec 03 §17).
fn checks_of_tests(table: &str) -> Vec<Check> {
    if !table.eq_ignore_ascii_case("dolt_tests") {
        return Vec::new();
    }
    let lists = [
        (
            "assertion_type",
            "'expected_rows', 'expected_columns', 'expected_single_value'",
        ),
        ("assertion_comparator", "'==', '!=', '<', '>', '<=', '>='"),
    ];
    let check = |(column, list): (&str, &str)| Check {
        name: format!("{column}_check"),
        text: format!("(`{column}` IN ({list}))"),
        enforced: true,
    };
    lists.into_iter().map(check).collect()
}
