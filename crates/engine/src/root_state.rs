//! A root as statements use it: tables opened once, by name in any letter case.
//!
//! A root is immutable, so everything here is computed at most once per root and shared by all
//! sessions. The database keeps recent roots by their address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chunks::Hash;
use model::{ForeignKeys, Objects, Place, Root, RootId, Table};

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
    /// Tables by lower-case name: name as created, and address.
    names: HashMap<String, (String, Hash)>,
    tables: Mutex<HashMap<String, Arc<TableState>>>,
    foreign_keys: OnceLock<Arc<ForeignKeys>>,
    views: OnceLock<Arc<HashMap<String, ViewDef>>>,
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
    pub fn open(objects: &Objects, id: RootId, db: &str) -> Result<RootState> {
        RootState::new(Root::open(objects, id)?, id, db)
    }

    /// A root that has been built.
    pub fn new(root: Root, id: RootId, db: &str) -> Result<RootState> {
        let names = root
            .tables()?
            .into_iter()
            .map(|(name, hash)| (name.to_lowercase(), (name, hash)))
            .collect();
        Ok(RootState {
            id,
            root,
            db: db.to_string(),
            names,
            tables: Mutex::default(),
            foreign_keys: OnceLock::new(),
            views: OnceLock::new(),
        })
    }

    /// Names of all tables as created, in order of their lower-case names.
    pub fn table_names(&self) -> Vec<String> {
        let mut list: Vec<_> = self.names.iter().collect();
        list.sort_by(|a, b| a.0.cmp(b.0));
        list.into_iter()
            .map(|(_, (name, _))| name.clone())
            .collect()
    }

    /// Address of a table.
    pub fn table_hash(&self, name: &str) -> Option<Hash> {
        self.entry(name).map(|(_, h)| *h)
    }

    fn entry(&self, name: &str) -> Option<&(String, Hash)> {
        self.names
            .get(name)
            .or_else(|| self.names.get(&name.to_lowercase()))
    }

    /// Opens a table.
    pub fn table(&self, name: &str) -> Result<Option<Arc<TableState>>> {
        let Some((stored, hash)) = self.entry(name) else {
            return Ok(None);
        };
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(t) = tables.get(stored) {
            return Ok(Some(t.clone()));
        }
        let table = Table::open(self.root.objects(), hash)?;
        let state = Arc::new(TableState::new(stored, *hash, table, &self.db)?);
        tables.insert(stored.clone(), state.clone());
        Ok(Some(state))
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
    let Some(state) = root.table("dolt_schemas")? else {
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
            };
            out.insert(view.name.to_lowercase(), view);
        }
        Ok(crate::result::Flow::Continue)
    })?;
    Ok(out)
}
