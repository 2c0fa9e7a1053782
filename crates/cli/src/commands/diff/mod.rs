//! `dolt diff` (spec 06 §8.4).

mod rows;
mod target;
mod writer;

use engine::root_state::RootState;
use model::Root;
use versioning::{DeltaKind, TableDelta};

use crate::arguments::{Parsed, parse};
use crate::commands::options::DIFF;
use crate::environment::Environment;
use crate::repository::{Repository, is_hidden, literal};
use crate::{Failure, Outcome};

pub use rows::{Pair, print_change};
use writer::Writer;

/// `--result-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Tables with marks.
    Tabular,
    /// Statements.
    Sql,
    /// One JSON document.
    Json,
}

/// `--diff-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The old and the new row.
    Row,
    /// One row with the differing lines.
    Line,
    /// One row with the differing characters.
    InPlace,
    /// As lines where a value has several, else as rows.
    Context,
}

/// What to show of a difference.
pub struct Display {
    data: bool,
    schema: bool,
    stat: bool,
    summary: bool,
    name_only: bool,
    form: Form,
    mode: Mode,
    limit: u64,
    condition: Option<String>,
    filter: Option<String>,
    skinny: bool,
    include: Vec<String>,
    system: bool,
}

impl Display {
    /// Reads the options of `diff` and `show`.
    pub fn of(p: &Parsed) -> Result<Display, Failure> {
        let (stat, summary) = (p.has("stat"), p.has("summary"));
        let parts = p.has("schema") || p.has("data");
        if (stat || summary) && parts {
            return Err(Failure::new(
                "invalid Arguments: --stat and --summary cannot be combined with --schema or --data",
            ));
        }
        if p.has("name-only") && (parts || stat || summary) {
            return Err(Failure::new(
                "invalid Arguments: --name-only cannot be combined with --schema, --data, --stat, or --summary",
            ));
        }
        let form = match p.get("result-format").unwrap_or("").to_lowercase().as_str() {
            "" | "tabular" => Form::Tabular,
            "sql" => Form::Sql,
            "json" => Form::Json,
            _ => {
                let given = p.get("result-format").unwrap_or("");
                return Err(Failure::new(format!("invalid output format: {given}")));
            }
        };
        let mode = match p
            .get("diff-mode")
            .unwrap_or("context")
            .to_lowercase()
            .as_str()
        {
            "row" => Mode::Row,
            "line" => Mode::Line,
            "in-place" => Mode::InPlace,
            "context" => Mode::Context,
            other => {
                return Err(Failure::new(format!(
                    "{other} is not a valid option for 'diff-mode'. valid options are: row|line|in-place|context"
                )));
            }
        };
        let limit = match p.get("limit") {
            None => u64::MAX,
            Some(n) => n
                .parse()
                .map_err(|_| Failure::new(format!("error: \"{n}\" is not a valid int.")))?,
        };
        let filter = match p.get("filter").map(str::to_lowercase) {
            Some(f) if f == "removed" => Some("dropped".to_string()),
            Some(f) if ["added", "modified", "renamed", "dropped"].contains(&f.as_str()) => Some(f),
            Some(f) if f == "all" => None,
            Some(_) => {
                return Err(Failure::new(format!(
                    "invalid filter: {}. Valid values are: added, modified, renamed, dropped (or removed)",
                    p.get("filter").unwrap_or("")
                )));
            }
            None => None,
        };
        let all = !parts;
        Ok(Display {
            data: p.has("data") || all,
            schema: p.has("schema") || all,
            stat,
            summary,
            name_only: p.has("name-only"),
            form,
            mode,
            limit,
            condition: p.get("where").filter(|w| !w.is_empty()).map(str::to_string),
            filter,
            skinny: p.has("skinny"),
            include: p.list("include-cols"),
            system: p.has("system"),
        })
    }
}

/// Two roots, and what statements call them.
pub struct Sides {
    /// The old root.
    pub from: (String, Root),
    /// The new root.
    pub to: (String, Root),
}

struct Difference<'r> {
    repo: &'r Repository,
    display: &'r Display,
    from_name: &'r str,
    to_name: &'r str,
    from: RootState,
    to: RootState,
}

fn is_shown_system_table(name: &str) -> bool {
    ["dolt_procedures", "dolt_schemas", "dolt_tests"].contains(&name)
}

/// Prints what differs.
pub fn print(repo: &Repository, display: &Display, sides: &Sides, tables: &[String]) -> Outcome {
    let (from, to) = (&sides.from.1, &sides.to.1);
    let in_either = |t: &String| -> Result<bool, Failure> {
        Ok(from.table_hash(t)?.is_some() || to.table_hash(t)?.is_some())
    };
    for table in tables {
        if !in_either(table)? && !is_shown_system_table(table) {
            return Err(Failure::new(format!(
                "table {table} does not exist in either revision"
            )));
        }
    }
    if let Some(condition) = &display.condition {
        let sql = format!(
            "select * from (select 1 as diff_type, 1 as from_pk, 1 as to_pk) as diff_validation where {condition} limit 0"
        );
        if let Err(e) = syntax::parse(&sql, &syntax::Options::default()) {
            return Err(Failure::caused(
                format!("Failed to parse diff query. Invalid where clause?\nDiff query: {sql}"),
                &e.to_string(),
            ));
        }
    }
    let wanted = |d: &TableDelta| {
        tables.is_empty() || tables.contains(&d.from_name) || tables.contains(&d.to_name)
    };
    let live = ["WORKING", "STAGED"]
        .iter()
        .any(|w| sides.from.0 == *w || sides.to.0 == *w);
    let ignored: Vec<String> = match live {
        true => {
            let sql = "select table_name from dolt_status_ignored where ignored = 1";
            let rows = repo.query(sql).unwrap_or_default();
            (0..rows.rows.len())
                .map(|i| rows.text(i, 0).to_string())
                .collect()
        }
        false => Vec::new(),
    };
    let mut deltas = repo.deltas_of(&sides.from, &sides.to)?;
    deltas.retain(|d| {
        let system = d.name().starts_with("dolt_") && !is_shown_system_table(d.name());
        (!system || display.system || tables.contains(&d.name().to_string()))
            && !is_hidden(d.name())
            && wanted(d)
            && !(ignored.contains(&d.to_name) && d.kind() == DeltaKind::Added)
    });
    deltas.sort_by(|a, b| a.name().cmp(b.name()));
    if display.summary {
        let rows = match repo.connection.has_files() {
            true => deltas.iter().map(summary_row).collect::<Result<_, _>>()?,
            false => server_summary(repo, sides, &deltas)?,
        };
        return summary(rows);
    }
    let difference = Difference {
        repo,
        display,
        from_name: &sides.from.0,
        to_name: &sides.to.0,
        from: repo.tables_of(from)?,
        to: repo.tables_of(to)?,
    };
    let mut writer = Writer::new(display.form);
    let mut failed = false;
    if tables.is_empty() && from.collation() != to.collation() && !display.name_only {
        difference.database(&mut writer)?;
    }
    let (schemas, deltas): (Vec<_>, Vec<_>) =
        deltas.into_iter().partition(|d| d.name() == "dolt_schemas");
    for delta in &deltas {
        if let Some(filter) = &display.filter {
            let data_only = !delta.schema_changed() && delta.kind() == DeltaKind::Modified;
            if !data_only && delta.kind().name() != filter {
                continue;
            }
        }
        if let Err(e) = difference.table(delta, &mut writer) {
            eprintln!("{}", e.text);
            failed = true;
        }
    }
    for delta in &schemas {
        difference.fragments(delta, &mut writer)?;
    }
    writer.close()?;
    match failed {
        true => Err(Failure::new("error: encountered errors during diff")),
        false => Ok(0),
    }
}

/// Whether values of both versions mean the same by their bytes, so that statements can tell what
/// differs: columns outside the key in the same places, with the same types as stored.
fn values_comparable(delta: &TableDelta) -> bool {
    let (Some(from), Some(to)) = (&delta.from, &delta.to) else {
        return true;
    };
    let values = |t: &model::Table| -> Vec<model::Column> {
        let columns = t.schema().columns.iter();
        columns.filter(|c| !c.primary_key).cloned().collect()
    };
    let (from, to) = (values(from), values(to));
    let added = to.iter().skip(from.len());
    if added.into_iter().any(|c| !c.expression.is_empty()) {
        return false;
    }
    from.iter().zip(&to).all(|(a, b)| {
        let same_column = a.name == b.name || a.tag == b.tag;
        let change = versioning::type_change(&a.sql_type, &b.sql_type);
        same_column && change.compatible && !change.rewrite
    })
}

/// A table's name, how it differs, and whether its rows and its definition do.
type SummaryRow = [String; 4];

fn shown_name(d: &TableDelta) -> String {
    match d.kind() {
        DeltaKind::Renamed => format!("{} -> {}", d.from_name, d.to_name),
        _ => d.name().to_string(),
    }
}

fn summary_row(d: &TableDelta) -> Result<SummaryRow, Failure> {
    Ok([
        shown_name(d),
        d.kind().name().to_string(),
        d.data_changed()?.to_string(),
        d.schema_changed().to_string(),
    ])
}

/// The summary of a server for the tables that are wanted.
fn server_summary(
    repo: &Repository,
    sides: &Sides,
    deltas: &[TableDelta],
) -> Result<Vec<SummaryRow>, Failure> {
    let rows = crate::server_schemas::summary(repo, &sides.from.0, &sides.to.0)?;
    let mut out = Vec::new();
    for d in deltas {
        let own = (0..rows.rows.len())
            .find(|i| rows.text(*i, 0) == d.from_name && rows.text(*i, 1) == d.to_name);
        if let Some(i) = own {
            let truth = |column| (rows.text(i, column) == "1").to_string();
            let kind = rows.text(i, 2).to_string();
            out.push([shown_name(d), kind, truth(3), truth(4)]);
        }
    }
    Ok(out)
}

fn summary(rows: Vec<SummaryRow>) -> Outcome {
    use crate::render::{Renderer, Tabular};
    let columns: Vec<_> = ["Table name", "Diff type", "Data change", "Schema change"]
        .iter()
        .map(|n| rows::text_column(n))
        .collect();
    let mut out = std::io::stdout();
    let mut table = Tabular::default();
    table.begin(&columns, &mut out)?;
    for cells in rows {
        table.row(
            cells.into_iter().map(|c| Some(c.into_bytes())).collect(),
            &mut out,
        )?;
    }
    table.end(&mut out)?;
    Ok(0)
}

impl Difference<'_> {
    fn create_text(&self, root: &RootState, table: &str) -> Result<String, Failure> {
        if table.is_empty() {
            return Ok(String::new());
        }
        let text = engine::show::create_table_text(&*self.repo.schema_session()?, root, table)?;
        Ok(text.map_or(String::new(), |t| format!("{t};")))
    }

    fn schema_statements(&self, table: &str) -> Result<Vec<String>, Failure> {
        let rows = self.repo.query(&format!(
            "select statement from dolt_patch({}, {}, {}) where diff_type = 'schema' order by statement_order",
            literal(self.from_name),
            literal(self.to_name),
            literal(table)
        ))?;
        Ok((0..rows.rows.len())
            .map(|i| rows.text(i, 0).to_string())
            .collect())
    }

    fn database(&self, writer: &mut Writer) -> Result<(), Failure> {
        let name = self.repo.connection.place()?.0.unwrap_or_default();
        let name = name.split(['/', '@']).next().unwrap_or("").to_string();
        let shown = format!("__DATABASE__{name}");
        writer.begin(&shown, &shown, DeltaKind::Modified)?;
        let rows = self.repo.query(&format!(
            "show create database {}",
            crate::repository::quoted(&name)
        ))?;
        if self.display.schema {
            let collation = self.to.root.collation().get().name;
            let statement = format!(
                "ALTER DATABASE {} COLLATE='{collation}';",
                crate::repository::quoted(&name)
            );
            writer.schema("", &format!("{};", rows.text(0, 1)), &[statement])?;
        }
        writer.no_rows()
    }

    fn table(&self, delta: &TableDelta, writer: &mut Writer) -> Result<(), Failure> {
        let display = self.display;
        if display.name_only {
            println!(
                "{}",
                if delta.from_name.is_empty() {
                    &delta.to_name
                } else {
                    &delta.from_name
                }
            );
            return Ok(());
        }
        let data_only = !delta.schema_changed() && delta.kind() == DeltaKind::Modified;
        let lazy = display.filter.is_some() && data_only && display.data && !display.stat;
        if !lazy {
            writer.begin(&delta.from_name, &delta.to_name, delta.kind())?;
        }
        if display.stat {
            if display.form == Form::Sql {
                return Err(Failure::new(
                    "invalid output format: sql. SQL format diffs only rendered for schema or data changes",
                ));
            }
            let (old, new) = (delta.from.as_ref(), delta.to.as_ref());
            let stat = match self.repo.connection.has_files() {
                true => versioning::diff_stat(delta.name(), old, new)?,
                false => crate::server_schemas::stat(
                    self.repo,
                    self.from_name,
                    self.to_name,
                    delta.name(),
                )?,
            };
            let columns =
                |t: &Option<model::Table>| t.as_ref().map_or(0, |t| t.schema().columns.len());
            return writer.stat(&stat, columns(&delta.from));
        }
        if display.schema {
            let old = self.create_text(&self.from, &delta.from_name)?;
            let new = self.create_text(&self.to, &delta.to_name)?;
            let statements = match (display.form, delta.kind()) {
                (Form::Tabular, _) => Vec::new(),
                (_, DeltaKind::Added) => vec![new.clone()],
                (_, DeltaKind::Dropped) => {
                    vec![format!(
                        "DROP TABLE {};",
                        crate::repository::quoted(&delta.from_name)
                    )]
                }
                (_, kind) => {
                    let mut list = Vec::new();
                    if kind == DeltaKind::Renamed {
                        list.push(format!(
                            "RENAME TABLE {} TO {};",
                            crate::repository::quoted(&delta.from_name),
                            crate::repository::quoted(&delta.to_name)
                        ));
                    }
                    // The first line only has the name.
                    let body = |text: &str| text.split_once('\n').map(|(_, b)| b.to_string());
                    if body(&old) != body(&new) {
                        list.extend(self.schema_statements(&delta.to_name)?);
                    }
                    list
                }
            };
            writer.schema(&old, &new, &statements)?;
        }
        if display.form == Form::Sql && delta.kind() == DeltaKind::Dropped {
            return Ok(());
        }
        if delta.primary_key_changed() {
            writer.no_rows()?;
            let text = format!(
                "Primary key sets differ between revisions for table '{}', skipping data diff",
                delta.to_name
            );
            if display.form == Form::Sql {
                return Err(Failure::new(text));
            }
            eprintln!("{text}");
            return Ok(());
        }
        if !display.data {
            return writer.no_rows();
        }
        if display.form == Form::Sql && !values_comparable(delta) {
            return Err(Failure::new(format!(
                "Incompatible schema change, skipping data diff for table '{}'",
                delta.to_name
            )));
        }
        let target = target::Target::of(delta, display);
        rows::print(self, delta, &target, lazy, writer)
    }

    /// Views, triggers and events, which dolt_schemas holds.
    fn fragments(&self, delta: &TableDelta, writer: &mut Writer) -> Result<(), Failure> {
        if self.display.name_only {
            println!("dolt_schemas");
            return Ok(());
        }
        if self.display.stat {
            return Ok(());
        }
        let mut list: Vec<(String, String, String, String)> = Vec::new();
        let sides = [
            (&delta.from_name, delta.from.as_ref()),
            (&delta.to_name, delta.to.as_ref()),
        ];
        for (side, (name, table)) in sides.into_iter().enumerate() {
            if name.is_empty() {
                continue;
            }
            for [kind, name, mut text] in self.stored_fragments(side, table)? {
                if !text.is_empty() && !text.ends_with(';') {
                    text.push(';');
                }
                let found = list.iter_mut().find(|e| e.0 == kind && e.1 == name);
                match (found, side) {
                    (Some(e), _) => e.3 = text,
                    (None, 0) => list.push((kind, name, text, String::new())),
                    (None, _) => list.push((kind, name, String::new(), text)),
                }
            }
        }
        list.retain(|e| e.2 != e.3);
        list.sort();
        for (kind, name, old, new) in &list {
            writer.fragment(kind, name, old, new)?;
        }
        Ok(())
    }
}

impl Difference<'_> {
    /// Kind, name and text of each row of a version of dolt_schemas.
    fn stored_fragments(
        &self,
        side: usize,
        table: Option<&model::Table>,
    ) -> Result<Vec<[String; 3]>, Failure> {
        let mut out = Vec::new();
        if !self.repo.connection.has_files() {
            let revision = [self.from_name, self.to_name][side];
            let rows = self.repo.query(&format!(
                "SELECT type, name, fragment FROM dolt_schemas AS OF {}",
                literal(revision)
            ))?;
            for i in 0..rows.rows.len() {
                out.push([0, 1, 2].map(|column| rows.text(i, column).to_string()));
            }
            return Ok(out);
        }
        let Some(table) = table else { return Ok(out) };
        let reader = versioning::RowReader::of(table);
        let at = |n: &str| table.schema().columns.iter().position(|c| c.name == n);
        let (Some(kind), Some(name), Some(text)) = (at("type"), at("name"), at("fragment")) else {
            return Ok(out);
        };
        for run in table.rows()?.all()? {
            for (key, value) in run?.iter() {
                let row = reader.row(key, value)?;
                out.push([kind, name, text].map(|i| {
                    let ty = &table.schema().columns[i].sql_type;
                    let text = crate::render::cell(&row[i], ty).unwrap_or_default();
                    String::from_utf8_lossy(&text).into_owned()
                }));
            }
        }
        Ok(out)
    }
}

/// Finds the two roots and the tables that the arguments name.
fn sides(repo: &Repository, p: &Parsed) -> Result<(Sides, Vec<String>), Failure> {
    let staged = p.has("staged") || p.has("cached");
    let by_base = p.has("merge-base");
    let (mut from, mut to) = match staged {
        true => ("HEAD".to_string(), "STAGED".to_string()),
        false => ("STAGED".to_string(), "WORKING".to_string()),
    };
    let base_of = |a: &str, b: &str| -> Result<String, Failure> {
        let (a, b) = (repo.commit_id(a)?, repo.commit_id(b)?);
        if !repo.connection.has_files() {
            let sql = format!(
                "SELECT dolt_merge_base({}, {})",
                literal(&a.hash().to_string()),
                literal(&b.hash().to_string())
            );
            return Ok(repo.query(&sql)?.text(0, 0).to_string());
        }
        let base = repo.with_store(|s| model::common_ancestor(s.objects(), a, b))?;
        base.map(|id| id.hash().to_string())
            .ok_or_else(|| Failure::new("no common ancestor"))
    };
    let needs = || Failure::new("Must supply at least one revision when using --merge-base flag");
    let words = &p.positional;
    let mut tables: Vec<String> = Vec::new();
    match words.as_slice() {
        [] if by_base => return Err(needs()),
        [] => {}
        [first, rest @ ..] if first.contains("..") => {
            if by_base {
                return Err(Failure::new(
                    "Cannot use `..` or `...` with --merge-base flag",
                ));
            }
            if let Some((a, b)) = first.split_once("...") {
                if !a.is_empty() {
                    from = base_of(a, if b.is_empty() { "HEAD" } else { b })?;
                }
                if !b.is_empty() {
                    to = b.to_string();
                }
            } else if let Some((a, b)) = first.split_once("..") {
                if !a.is_empty() {
                    from = a.to_string();
                }
                if !b.is_empty() {
                    to = b.to_string();
                }
            }
            tables = rest.to_vec();
        }
        [first, rest @ ..] => {
            let is_revision = |w: &str| match repo.connection.has_files() {
                true => repo.root(w).is_ok(),
                false => ["WORKING", "STAGED"].contains(&w) || repo.commit_id(w).is_ok(),
            };
            if !is_revision(first) {
                if by_base {
                    return Err(needs());
                }
                tables = words.clone();
            } else {
                from = first.clone();
                tables = rest.to_vec();
                let second = rest.first().filter(|w| is_revision(w));
                if let Some(second) = second {
                    to = second.clone();
                    tables.remove(0);
                }
                if by_base {
                    from = base_of(first, second.map_or("HEAD", String::as_str))?;
                }
            }
        }
    }
    if p.has("reverse") {
        std::mem::swap(&mut from, &mut to);
    }
    let (a, b) = (repo.root(&from)?, repo.root(&to)?);
    Ok((
        Sides {
            from: (from, a),
            to: (to, b),
        },
        tables,
    ))
}

/// Runs the command.
pub fn run(env: &Environment, words: &[String]) -> Outcome {
    let p = parse(words, DIFF)?;
    let display = Display::of(&p)?;
    let repo = Repository::open(env)?;
    let (sides, tables) = sides(&repo, &p)?;
    print(&repo, &display, &sides, &tables)
}
