//! Rows of information_schema (spec 08 §7.1).

use std::sync::Arc;

use values::{OwnedValue, SqlType, Value};

use super::account_rows::{privileges, roles, visible_accounts};
use super::column_facts;
use super::server_facts;
use super::sight::{SeenDatabase, Sight};
use super::{Narrowed, is_system, tables_of};
use crate::accounts::Privilege;
use crate::error::Result;
use crate::root_state::{TableState, ViewDef};
use crate::session::Session;
use crate::show::{self, maybe};

type Rows = Vec<Vec<OwnedValue>>;

fn t(text: impl Into<String>) -> OwnedValue {
    Value::text(text)
}

fn def() -> OwnedValue {
    Value::text("def")
}

fn yes_no(yes: bool) -> OwnedValue {
    Value::text(if yes { "YES" } else { "NO" })
}

/// What a scan goes through.
struct Scan<'s> {
    session: &'s Session,
    sight: Sight<'s>,
    narrowed: &'s Narrowed,
}

impl Scan<'_> {
    fn databases(&self) -> Result<Vec<SeenDatabase>> {
        match self.narrowed.schema.as_deref() {
            Some(name) if is_system(name) => Ok(Vec::new()),
            only => self.sight.databases(only),
        }
    }

    /// Tables of the server's own dictionary, when the scan is not about another database.
    fn wants_dictionary(&self) -> bool {
        let schema = self.narrowed.schema.as_deref();
        schema.is_none_or(|s| s.eq_ignore_ascii_case("information_schema"))
    }

    fn wants_table(&self, name: &str) -> bool {
        self.narrowed
            .table
            .as_deref()
            .is_none_or(|n| n.eq_ignore_ascii_case(name))
    }

    fn each_table(
        &self,
        f: &mut dyn FnMut(&SeenDatabase, &Arc<TableState>) -> Result<()>,
    ) -> Result<()> {
        for seen in self.databases()? {
            for table in self.sight.tables(&seen, self.narrowed.table.as_deref())? {
                f(&seen, &table)?;
            }
        }
        Ok(())
    }

    fn each_view(&self, f: &mut dyn FnMut(&SeenDatabase, &ViewDef) -> Result<()>) -> Result<()> {
        for seen in self.databases()? {
            for view in self.sight.views(&seen, self.narrowed.table.as_deref())? {
                f(&seen, &view)?;
            }
        }
        Ok(())
    }

    fn schemata(&self) -> Result<Rows> {
        let mut out = Vec::new();
        if self.wants_dictionary() {
            out.push(vec![
                def(),
                t("information_schema"),
                t("utf8mb3"),
                t("utf8mb3_general_ci"),
                Value::Null,
                t("NO"),
            ]);
        }
        for seen in self.databases()? {
            let c = seen.root.root.collation().get();
            out.push(vec![
                def(),
                t(seen.name),
                t(c.charset.name),
                t(c.name),
                Value::Null,
                t("NO"),
            ]);
        }
        Ok(out)
    }

    fn schemata_extensions(&self) -> Result<Rows> {
        let rows = self.schemata()?;
        Ok(rows
            .into_iter()
            .map(|r| vec![def(), r[1].clone(), t("")])
            .collect())
    }

    fn tables(&self) -> Result<Rows> {
        let mut out = Vec::new();
        if self.wants_dictionary() {
            for table in tables_of("information_schema").filter(|d| self.wants_table(&d.name)) {
                let mut row = vec![
                    def(),
                    t("information_schema"),
                    t(&table.name),
                    t("SYSTEM VIEW"),
                    Value::Null,
                    Value::Int(10),
                    Value::Null,
                    Value::Int(0),
                    Value::Int(0),
                    Value::Int(0),
                    Value::Int(0),
                    Value::Int(0),
                    Value::Int(0),
                ];
                row.extend((0..6).map(|_| Value::Null));
                row.push(t(""));
                row.push(t(""));
                out.push(row);
            }
        }
        self.each_table(&mut |seen, table| {
            let n = super::row_count(self.session, seen, table);
            let average = column_facts::average_row_length(&table.def);
            out.push(vec![
                def(),
                t(&seen.name),
                t(&table.name),
                t("BASE TABLE"),
                t("InnoDB"),
                Value::Int(10),
                t("Dynamic"),
                Value::UInt(n),
                Value::UInt(if n > 0 { average } else { 0 }),
                Value::UInt(average.saturating_mul(n)),
                Value::Int(0),
                Value::Int(0),
                Value::Int(0),
                show::auto_increment(seen, table),
                Value::Null,
                Value::Null,
                Value::Null,
                t(table.def.collation.get().name),
                Value::Null,
                t(""),
                t(&table.def.comment),
            ]);
            Ok(())
        })?;
        self.each_view(&mut |seen, view| {
            let mut row = vec![def(), t(&seen.name), t(&view.name), t("VIEW")];
            row.resize(20, Value::Null);
            row.push(t("VIEW"));
            out.push(row);
            Ok(())
        })?;
        Ok(out)
    }

    fn extensions(&self, columns: bool) -> Result<Rows> {
        let mut out = Vec::new();
        self.each_table(&mut |seen, table| {
            if !columns {
                out.push(vec![def(), t(&seen.name), t(&table.name)]);
                return Ok(());
            }
            for c in visible(table) {
                out.push(vec![def(), t(&seen.name), t(&table.name), t(&c.name)]);
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn privileges(&self, db: &str, table: &str, column: &str) -> String {
        use Privilege::{Insert, References, Select, Update};
        let list = [
            (Insert, "insert"),
            (References, "references"),
            (Select, "select"),
            (Update, "update"),
        ];
        let held: Vec<&str> = list
            .iter()
            .filter(|(p, _)| self.sight.allows_column(*p, db, table, column))
            .map(|(_, n)| *n)
            .collect();
        held.join(",")
    }

    fn columns(&self) -> Result<Rows> {
        let mut out = Vec::new();
        if self.wants_dictionary() {
            for table in tables_of("information_schema").filter(|d| self.wants_table(&d.name)) {
                for (i, c) in table.columns.iter().enumerate() {
                    let default = if c.nullable { Value::Null } else { t("") };
                    let facts = ColumnRow {
                        ty: &c.ty,
                        nullable: c.nullable,
                        default,
                        key: "",
                        extra: String::new(),
                        comment: "",
                        generated: String::new(),
                    };
                    let mut row = facts.row("information_schema", &table.name, &c.name, i + 1);
                    row[18] = t("select");
                    out.push(row);
                }
            }
        }
        self.each_table(&mut |seen, table| {
            let def = &table.def;
            let mut place = 0;
            for (i, c) in def.columns.iter().enumerate() {
                if def.schema.columns[i].hidden_system {
                    continue;
                }
                place += 1;
                let generated = c
                    .generated
                    .strip_prefix('(')
                    .and_then(|g| g.strip_suffix(')'));
                let facts = ColumnRow {
                    ty: &c.ty,
                    nullable: c.nullable,
                    default: show::shown_default(self.session, c, false),
                    key: column_facts::key(def, i),
                    extra: column_facts::extra(c),
                    comment: &c.comment,
                    generated: generated.unwrap_or(&c.generated).to_string(),
                };
                let mut row = facts.row(&seen.name, &table.name, &c.name, place);
                row[18] = t(self.privileges(&seen.name, &table.name, &c.name));
                out.push(row);
            }
            Ok(())
        })?;
        self.each_view(&mut |seen, view| {
            for (i, c) in self.sight.view_columns(seen, view).iter().enumerate() {
                let base = show::base_column(self.session, c);
                let default = match &base {
                    Some((state, at)) => {
                        show::shown_default(self.session, &state.def.columns[*at], false)
                    }
                    None => Value::Null,
                };
                let extra = match &base {
                    Some((state, at)) => {
                        let mut column = state.def.columns[*at].clone();
                        column.auto_increment = false;
                        column.generated = String::new();
                        column_facts::extra(&column)
                    }
                    None => String::new(),
                };
                let facts = ColumnRow {
                    ty: &c.ty,
                    nullable: !c.not_null,
                    default,
                    key: "",
                    extra,
                    comment: "",
                    generated: String::new(),
                };
                let mut row = facts.row(&seen.name, &view.name, &c.name, i + 1);
                row[18] = t(self.privileges(&seen.name, &view.name, &c.name));
                out.push(row);
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn statistics(&self) -> Result<Rows> {
        let mut out = Vec::new();
        self.each_table(&mut |seen, table| {
            for p in show::index_parts(table) {
                let ordered = p.kind == "BTREE";
                out.push(vec![
                    def(),
                    t(&seen.name),
                    t(&table.name),
                    Value::Int(i64::from(!p.unique)),
                    t(&seen.name),
                    t(p.index),
                    Value::UInt(p.place),
                    maybe(p.column),
                    if ordered { t("A") } else { Value::Null },
                    Value::Int(0),
                    if p.prefix > 0 {
                        Value::UInt(p.prefix.into())
                    } else {
                        Value::Null
                    },
                    Value::Null,
                    t(if p.nullable { "YES" } else { "" }),
                    t(p.kind),
                    t(""),
                    t(p.comment),
                    t("YES"),
                    maybe(p.expression),
                ]);
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn table_constraints(&self) -> Result<Rows> {
        let mut out = Vec::new();
        self.each_table(&mut |seen, table| {
            let mut add = |name: &str, kind: &str, enforced: bool| {
                out.push(vec![
                    def(),
                    t(&seen.name),
                    t(name),
                    t(&seen.name),
                    t(&table.name),
                    t(kind),
                    yes_no(enforced),
                ]);
            };
            for c in &table.def.checks {
                add(&c.name, "CHECK", c.enforced);
            }
            if !table.def.keyless() {
                add("PRIMARY", "PRIMARY KEY", true);
            }
            for i in table.def.indexes.iter().filter(|i| i.unique) {
                add(&i.name, "UNIQUE", true);
            }
            for k in seen.root.foreign_keys()?.of_child(&table.name) {
                add(&k.name, "FOREIGN KEY", true);
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn table_constraints_extensions(&self) -> Result<Rows> {
        let rows = self.table_constraints()?;
        let keys = rows.into_iter().filter(|r| {
            let kind = crate::convert::to_string(&r[5]);
            kind == "PRIMARY KEY" || kind == "UNIQUE"
        });
        Ok(keys
            .map(|r| vec![def(), r[1].clone(), r[2].clone(), r[4].clone()])
            .collect())
    }

    fn check_constraints(&self) -> Result<Rows> {
        let mut out = Vec::new();
        self.each_table(&mut |seen, table| {
            for c in &table.def.checks {
                out.push(vec![def(), t(&seen.name), t(&c.name), t(&c.text)]);
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn key_column_usage(&self) -> Result<Rows> {
        let mut out = Vec::new();
        self.each_table(&mut |seen, table| {
            let d = &table.def;
            let mut add =
                |constraint: &str, column: &str, place: usize, parent: Option<(&str, &str)>| {
                    let mut row = vec![
                        def(),
                        t(&seen.name),
                        t(constraint),
                        def(),
                        t(&seen.name),
                        t(&table.name),
                        t(column),
                        Value::UInt(place as u64),
                    ];
                    match parent {
                        Some((parent_table, parent_column)) => row.extend([
                            Value::UInt(place as u64),
                            t(&seen.name),
                            t(parent_table),
                            t(parent_column),
                        ]),
                        None => row.extend((0..4).map(|_| Value::Null)),
                    }
                    out.push(row);
                };
            for (i, c) in d.primary_key.iter().enumerate() {
                add("PRIMARY", &d.columns[*c].name, i + 1, None);
            }
            for index in d.indexes.iter().filter(|i| i.unique) {
                for (i, c) in index.columns.iter().enumerate() {
                    if !d.schema.columns[*c].hidden_system {
                        add(&index.name, &d.columns[*c].name, i + 1, None);
                    }
                }
            }
            for key in seen.root.foreign_keys()?.of_child(&table.name) {
                let (child, parent) = show::key_columns(&seen.root, key)?;
                for (i, (c, p)) in child.iter().zip(&parent).enumerate() {
                    add(&key.name, c, i + 1, Some((&key.parent_table, p)));
                }
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn referential_constraints(&self) -> Result<Rows> {
        let mut out = Vec::new();
        self.each_table(&mut |seen, table| {
            for k in seen.root.foreign_keys()?.of_child(&table.name) {
                let unique = match k.parent_index.as_str() {
                    "" if k.is_resolved() => t("PRIMARY"),
                    "" => Value::Null,
                    name => {
                        let parent = seen.root.table(&k.parent_table)?;
                        let unique = parent.is_some_and(|p| {
                            p.def.index(name).is_some_and(|i| p.def.indexes[i].unique)
                        });
                        if unique { t(name) } else { Value::Null }
                    }
                };
                let rule = |a| t(show::action_text(a).unwrap_or("NO ACTION"));
                out.push(vec![
                    def(),
                    t(&seen.name),
                    t(&k.name),
                    def(),
                    t(&seen.name),
                    unique,
                    t("NONE"),
                    rule(k.on_update),
                    rule(k.on_delete),
                    t(&table.name),
                    t(&k.parent_table),
                ]);
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn views(&self) -> Result<Rows> {
        let mut out = Vec::new();
        self.each_view(&mut |seen, view| {
            let parsed = syntax::parse(&view.fragment, &syntax::Options::default());
            let (check, security, definer) = match &parsed {
                Ok(syntax::ast::Statement::CreateView(v)) => (
                    match v.check_option {
                        None => "NONE",
                        Some(syntax::ast::CheckOption::Local) => "LOCAL",
                        Some(_) => "CASCADED",
                    },
                    match v.sql_security {
                        Some(syntax::ast::SqlSecurity::Invoker) => "INVOKER",
                        _ => "DEFINER",
                    },
                    v.definer
                        .as_ref()
                        .map(|d| syntax::ToSql::to_sql(d).replace(['`', '\''], "")),
                ),
                _ => ("NONE", "DEFINER", None),
            };
            out.push(vec![
                def(),
                t(&seen.name),
                t(&view.name),
                t(&view.query),
                t(check),
                t("YES"),
                t(definer.unwrap_or_else(|| "root@localhost".to_string())),
                t(security),
                t("utf8mb4"),
                t("utf8mb4_0900_bin"),
            ]);
            Ok(())
        })?;
        Ok(out)
    }

    fn geometry_columns(&self) -> Result<Rows> {
        let mut out = Vec::new();
        self.each_table(&mut |seen, table| {
            for c in visible(table) {
                let SqlType::Geometry(kind, srid) = &c.ty else {
                    continue;
                };
                let name = match srid {
                    None => Value::Null,
                    Some(4326) => t("WGS 84"),
                    Some(_) => t(""),
                };
                out.push(vec![
                    def(),
                    t(&seen.name),
                    t(&table.name),
                    t(&c.name),
                    name,
                    srid.map_or(Value::Null, |s| Value::UInt(s.into())),
                    t(kind.name()),
                ]);
            }
            Ok(())
        })?;
        Ok(out)
    }
}

fn visible(table: &TableState) -> impl Iterator<Item = &crate::table::Column> {
    let stored = &table.def.schema.columns;
    table
        .def
        .columns
        .iter()
        .zip(stored)
        .filter(|(_, s)| !s.hidden_system)
        .map(|(c, _)| c)
}

/// What a row of COLUMNS says of a column.
struct ColumnRow<'c> {
    ty: &'c SqlType,
    nullable: bool,
    default: OwnedValue,
    key: &'static str,
    extra: String,
    comment: &'c str,
    generated: String,
}

impl ColumnRow<'_> {
    fn row(self, db: &str, table: &str, column: &str, place: usize) -> Vec<OwnedValue> {
        let (chars, bytes) = column_facts::lengths(self.ty);
        let (precision, scale) = column_facts::digits(self.ty);
        let (charset, collation) = column_facts::charset(self.ty);
        let srid = match self.ty {
            SqlType::Geometry(_, Some(srid)) => Value::UInt((*srid).into()),
            _ => Value::Null,
        };
        vec![
            def(),
            t(db),
            t(table),
            t(column),
            Value::UInt(place as u64),
            self.default,
            yes_no(self.nullable),
            t(column_facts::type_word(self.ty)),
            chars,
            bytes,
            precision,
            scale,
            column_facts::fraction(self.ty),
            charset,
            collation,
            t(show::type_text(self.ty)),
            t(self.key),
            t(self.extra),
            t(""),
            t(self.comment),
            t(self.generated),
            srid,
        ]
    }
}

/// Units of length with their factors, from EPSG by way of MySQL.
const UNITS: &str = include_str!("../../data/units.tsv");

fn units() -> Rows {
    UNITS
        .lines()
        .skip(1)
        .filter_map(|l| l.split_once('\t'))
        .map(|(name, factor)| {
            let factor = factor.parse().map_or(Value::Null, Value::Float);
            vec![t(name), t("LINEAR"), factor, t("")]
        })
        .collect()
}

const WGS84: &str = "GEOGCS[\"WGS 84\",DATUM[\"World Geodetic System 1984\",SPHEROID[\"WGS 84\",6378137,298.257223563,AUTHORITY[\"EPSG\",\"7030\"]],AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],UNIT[\"degree\",0.017453292519943278,AUTHORITY[\"EPSG\",\"9122\"]],AXIS[\"Lat\",NORTH],AXIS[\"Lon\",EAST],AUTHORITY[\"EPSG\",\"4326\"]]";

/// Rows of a table of information_schema; empty for what a server of this kind never has.
pub(super) fn rows(session: &Session, table: &str, narrowed: &Narrowed) -> Result<Rows> {
    let scan = Scan {
        session,
        sight: Sight::new(session),
        narrowed,
    };
    Ok(match table {
        "SCHEMATA" => scan.schemata()?,
        "SCHEMATA_EXTENSIONS" => scan.schemata_extensions()?,
        "TABLES" => scan.tables()?,
        "TABLES_EXTENSIONS" => scan.extensions(false)?,
        "COLUMNS" => scan.columns()?,
        "COLUMNS_EXTENSIONS" => scan.extensions(true)?,
        "STATISTICS" => scan.statistics()?,
        "TABLE_CONSTRAINTS" => scan.table_constraints()?,
        "TABLE_CONSTRAINTS_EXTENSIONS" => scan.table_constraints_extensions()?,
        "CHECK_CONSTRAINTS" => scan.check_constraints()?,
        "KEY_COLUMN_USAGE" => scan.key_column_usage()?,
        "REFERENTIAL_CONSTRAINTS" => scan.referential_constraints()?,
        "VIEWS" => scan.views()?,
        "ST_GEOMETRY_COLUMNS" => scan.geometry_columns()?,
        "TRIGGERS" | "ROUTINES" | "PARAMETERS" | "EVENTS" => {
            super::program_rows::rows(session, table, narrowed)?
        }
        "ENGINES" => server_facts::ENGINES
            .lines()
            .skip(1)
            .map(|l| l.split('\t').map(t).collect())
            .collect(),
        "CHARACTER_SETS" => server_facts::character_sets()
            .into_iter()
            .map(|c| {
                let max = Value::UInt(c.max_length.into());
                vec![t(c.name), t(c.default_collation), t(c.description), max]
            })
            .collect(),
        "COLLATIONS" => server_facts::collations()
            .into_iter()
            .map(|c| {
                vec![
                    t(c.name),
                    t(c.charset.name),
                    Value::UInt(c.id.0.into()),
                    t(if c.is_default { "Yes" } else { "" }),
                    t("Yes"),
                    Value::UInt(c.sort_length.into()),
                    t(c.pad_attribute),
                ]
            })
            .collect(),
        "COLLATION_CHARACTER_SET_APPLICABILITY" => server_facts::collations()
            .into_iter()
            .map(|c| vec![t(c.name), t(c.charset.name)])
            .collect(),
        "PROCESSLIST" => server_facts::processes(session),
        "KEYWORDS" => syntax::KEYWORDS
            .iter()
            .map(|(word, reserved)| vec![t(word.to_uppercase()), Value::Int((*reserved).into())])
            .collect(),
        "USER_PRIVILEGES" | "SCHEMA_PRIVILEGES" | "TABLE_PRIVILEGES" | "COLUMN_PRIVILEGES" => {
            privileges(session, table)
        }
        "USER_ATTRIBUTES" => visible_accounts(session)
            .into_iter()
            .map(|a| vec![t(&a.user), t(&a.host), maybe(a.attributes.clone())])
            .collect(),
        "APPLICABLE_ROLES" | "ADMINISTRABLE_ROLE_AUTHORIZATIONS" | "ENABLED_ROLES" => {
            roles(session, table)
        }
        "ST_UNITS_OF_MEASURE" => units(),
        "ST_SPATIAL_REFERENCE_SYSTEMS" => vec![
            vec![
                t(""),
                Value::UInt(0),
                Value::Null,
                Value::Null,
                t(""),
                Value::Null,
            ],
            vec![
                t("WGS 84"),
                Value::UInt(4326),
                t("EPSG"),
                Value::UInt(4326),
                t(WGS84),
                Value::Null,
            ],
        ],
        _ => Vec::new(),
    })
}
