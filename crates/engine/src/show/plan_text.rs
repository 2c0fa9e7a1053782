//! EXPLAIN: plans as a tree of lines, and as MySQL's table of row sources.

use std::fmt::Write as _;

use syntax::ast::{Explain, ExplainTarget, Statement};
use values::{OwnedValue, Value};

use super::listing::{Kind, Listing, maybe};
use super::server::one_text;
use crate::bind::{Binder, BoundTable};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exec;
use crate::plan::{
    Access, Block, IndexAccess, JoinItem, JoinKind, QueryBody, QueryPlan, Source, TableScan,
};
use crate::result::Flow;
use crate::session::Session;

/// Deepest level that is printed.
const MAX_DEPTH: usize = 64;

struct Node {
    text: String,
    children: Vec<Node>,
}

fn node(text: impl Into<String>, children: Vec<Node>) -> Node {
    Node {
        text: text.into(),
        children,
    }
}

fn print(n: &Node, prefix: &str, out: &mut Vec<String>) {
    for (i, child) in n.children.iter().enumerate() {
        let last = i + 1 == n.children.len();
        out.push(format!(
            "{prefix}{} {}",
            if last { " └─" } else { " ├─" },
            child.text
        ));
        let deeper = format!("{prefix}{}", if last { "     " } else { " │   " });
        print(child, &deeper, out);
    }
}

fn lines(n: &Node) -> Vec<String> {
    let mut out = vec![n.text.clone()];
    print(n, "", &mut out);
    out
}

fn index_name(scan: &TableScan, access: &IndexAccess) -> String {
    match access.index {
        None => "PRIMARY".to_string(),
        Some(i) => scan.def.indexes[i].name.clone(),
    }
}

fn table_node(scan: &TableScan) -> Node {
    let name = &scan.def.name;
    match &scan.access {
        Access::Full { reverse } => {
            let order = if *reverse { " (reverse)" } else { "" };
            node(
                format!("Table {name}{order}, {} rows", scan.rows),
                Vec::new(),
            )
        }
        Access::Empty => node(format!("No rows of {name}"), Vec::new()),
        Access::Hash(keys) => {
            let columns: Vec<&str> = keys
                .iter()
                .map(|(c, _, _)| scan.def.columns[*c as usize].name.as_str())
                .collect();
            node(
                format!("Hash lookup in {name} by {}", columns.join(", ")),
                Vec::new(),
            )
        }
        Access::Index(a) => {
            let columns = match a.index {
                None => &scan.def.primary_key,
                Some(i) => &scan.def.indexes[i].columns,
            };
            let name_of = |i: usize| {
                columns
                    .get(i)
                    .map_or("?", |c| scan.def.columns[*c].name.as_str())
            };
            let mut parts = Vec::new();
            for (i, values) in a.equals.iter().enumerate() {
                match values.len() {
                    1 => parts.push(format!("{} =", name_of(i))),
                    n => parts.push(format!("{} IN ({n})", name_of(i))),
                }
            }
            let next = name_of(a.equals.len());
            match a.intervals.as_slice() {
                [one] => {
                    if let Some((_, inclusive)) = &one.lower {
                        parts.push(format!("{next} {}", if *inclusive { ">=" } else { ">" }));
                    }
                    if let Some((_, inclusive)) = &one.upper {
                        parts.push(format!("{next} {}", if *inclusive { "<=" } else { "<" }));
                    }
                }
                [] => {}
                several => parts.push(format!("{next} in {} ranges", several.len())),
            }
            if a.covering {
                parts.push("covering".to_string());
            }
            if a.reverse {
                parts.push("reverse".to_string());
            }
            let key: Vec<String> = (0..columns.len())
                .map(|i| format!("{name}.{}", name_of(i)))
                .collect();
            let mut children = vec![node(format!("index: [{}]", key.join(",")), Vec::new())];
            if !parts.is_empty() {
                let ranges = format!("ranges: [{}]", parts.join(", "));
                children.push(node(ranges, Vec::new()));
            }
            let by = index_name(scan, a);
            node(format!("IndexedTableAccess({name}) by {by}"), children)
        }
    }
}

fn conditions(n: usize) -> String {
    if n == 1 {
        "1 condition".to_string()
    } else {
        format!("{n} conditions")
    }
}

fn item_node(item: &JoinItem, depth: usize) -> Node {
    let source = match &item.source {
        Source::Table(scan) => table_node(scan),
        Source::Nest(items) => join_node(items, depth + 1),
        Source::Full(j) => node(
            "Full outer join",
            vec![
                join_node(&j.left, depth + 1),
                join_node(&j.right, depth + 1),
            ],
        ),
        Source::Derived(d) => {
            let word = if d.correlated {
                "Lateral query"
            } else {
                "Derived query"
            };
            node(word, vec![query_node(&d.plan, depth + 1)])
        }
        Source::Virtual(v) => node(format!("System table {}", v.table.name()), Vec::new()),
        Source::Work { .. } => node("Rows of the last round", Vec::new()),
        Source::JsonTable(_) => node("JSON_TABLE", Vec::new()),
    };
    match item.filter.len() {
        0 => source,
        n => node(format!("Filter by {}", conditions(n)), vec![source]),
    }
}

fn join_node(items: &[JoinItem], depth: usize) -> Node {
    if depth > MAX_DEPTH {
        return node("..", Vec::new());
    }
    let mut left: Option<Node> = None;
    for item in items {
        let right = item_node(item, depth);
        left = Some(match left {
            None => right,
            Some(l) => {
                let mut word = match item.kind {
                    JoinKind::Inner => "Inner join".to_string(),
                    JoinKind::Left => "Left outer join".to_string(),
                };
                if !item.on.is_empty() {
                    let _ = write!(word, " on {}", conditions(item.on.len()));
                }
                node(word, vec![l, right])
            }
        });
    }
    left.unwrap_or_else(|| node("One row", Vec::new()))
}

fn block_node(b: &Block, columns: &str, depth: usize) -> Node {
    let mut n = join_node(&b.from, depth);
    if !b.gate.is_empty() {
        n = node(format!("Gate by {}", conditions(b.gate.len())), vec![n]);
    }
    if let Some(a) = &b.aggregate {
        let order = if a.ordered { ", ordered" } else { "" };
        let rollup = if a.rollup { ", with rollup" } else { "" };
        let text = format!(
            "Group by {} keys, {} aggregates{order}{rollup}",
            a.keys.len(),
            a.calls.len()
        );
        n = node(text, vec![n]);
    }
    if !b.having.is_empty() {
        n = node(format!("Having {}", conditions(b.having.len())), vec![n]);
    }
    if let Some(w) = &b.windows {
        n = node(format!("Window, {} functions", w.calls.len()), vec![n]);
    }
    n = node(format!("Project {columns}"), vec![n]);
    if b.distinct.is_some() {
        n = node("Distinct", vec![n]);
    }
    if !b.order.is_empty() {
        n = node(format!("Sort by {} keys", b.order.len()), vec![n]);
    }
    if b.limit.count.is_some() || b.limit.offset.is_some() {
        n = node("Limit", vec![n]);
    }
    n
}

fn query_node(q: &QueryPlan, depth: usize) -> Node {
    if depth > MAX_DEPTH {
        return node("..", Vec::new());
    }
    let columns = q
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    match &q.body {
        QueryBody::Block(b) => block_node(b, &columns, depth),
        QueryBody::Set(s) => {
            let word = format!("{:?}{}", s.op, if s.all { " all" } else { " distinct" });
            node(
                word,
                vec![
                    query_node(&s.left, depth + 1),
                    query_node(&s.right, depth + 1),
                ],
            )
        }
        QueryBody::Values(rows) => node(format!("Values, {} rows", rows.len()), Vec::new()),
        QueryBody::Recursive(r) => {
            let mut children = vec![query_node(&r.seed, depth + 1)];
            children.extend(r.step.iter().map(|(p, _)| query_node(p, depth + 1)));
            node("Recursive query", children)
        }
        QueryBody::Ordered(o) => {
            let word = match (o.order.len(), o.limit.count.is_some()) {
                (0, _) => "Limit".to_string(),
                (n, false) => format!("Sort by {n} keys"),
                (n, true) => format!("Limit, sort by {n} keys"),
            };
            node(word, vec![query_node(&o.input, depth + 1)])
        }
    }
}

/// What EXPLAIN is about: a query's plan, or a change with the row sources that it searches.
enum Explained {
    Query(Box<QueryPlan>, Vec<BoundTable>),
    Change(&'static str, Vec<JoinItem>, Vec<BoundTable>),
}

fn explained(session: &Session, target: &Statement, text: &[u8]) -> Result<Explained> {
    let modes = session.modes();
    let mut binder = Binder::new(session, &modes, text);
    let (word, from) = match target {
        Statement::Query(q) => {
            let plan = binder.bind_query(q)?;
            return Ok(Explained::Query(
                Box::new(plan),
                std::mem::take(&mut binder.tables),
            ));
        }
        Statement::Insert(i) => {
            binder.bind_insert(i)?;
            ("Insert", Vec::new())
        }
        Statement::Update(u) => ("Update", binder.bind_update(u)?.from),
        Statement::Delete(d) => ("Delete", binder.bind_delete(d)?.from),
        _ => return Err(Error::not_supported("EXPLAIN of this statement")),
    };
    let tables = std::mem::take(&mut binder.tables);
    Ok(Explained::Change(word, from, tables))
}

fn tree(e: &Explained) -> Node {
    match e {
        Explained::Query(plan, _) => query_node(plan, 0),
        Explained::Change(word, from, _) if !from.is_empty() => {
            node(*word, vec![join_node(from, 0)])
        }
        Explained::Change(word, _, tables) => {
            let children = tables
                .iter()
                .map(|t| node(format!("Table {}, {} rows", t.name, t.rows), Vec::new()))
                .collect();
            node(*word, children)
        }
    }
}

const TRADITIONAL: &[(&str, Kind)] = &[
    ("id", Kind::Number),
    ("select_type", Kind::Name),
    ("table", Kind::Name),
    ("partitions", Kind::Name),
    ("type", Kind::Name),
    ("possible_keys", Kind::Text),
    ("key", Kind::Name),
    ("key_len", Kind::Name),
    ("ref", Kind::Name),
    ("rows", Kind::Number),
    ("filtered", Kind::Number),
    ("Extra", Kind::Text),
];

struct Sources {
    rows: Vec<Vec<OwnedValue>>,
    next: i64,
}

impl Sources {
    fn row(
        &mut self,
        id: i64,
        select: &str,
        table: &str,
        kind: &str,
        key: Option<String>,
        rows: Option<u64>,
        extra: &str,
    ) {
        self.rows.push(vec![
            Value::Int(id),
            Value::text(select),
            Value::text(table),
            Value::Null,
            Value::text(kind),
            maybe(key.clone()),
            maybe(key),
            Value::Null,
            Value::Null,
            rows.map_or(Value::Null, Value::UInt),
            Value::Int(100),
            if extra.is_empty() {
                Value::Null
            } else {
                Value::text(extra)
            },
        ]);
    }

    fn items(&mut self, id: i64, select: &str, items: &[JoinItem], depth: usize) {
        for item in items {
            let filter = if item.filter.is_empty() && item.on.is_empty() {
                ""
            } else {
                "Using where"
            };
            match &item.source {
                Source::Table(scan) => {
                    let (kind, key) = match &scan.access {
                        Access::Full { .. } | Access::Hash(_) | Access::Empty => ("ALL", None),
                        Access::Index(a) => {
                            let kind = match (!a.intervals.is_empty(), a.index) {
                                (true, _) => "range",
                                (false, None) if a.equals.len() == scan.def.primary_key.len() => {
                                    "const"
                                }
                                (false, _) if a.equals.is_empty() => "index",
                                _ => "ref",
                            };
                            (kind, Some(index_name(scan, a)))
                        }
                    };
                    self.row(
                        id,
                        select,
                        &scan.def.name,
                        kind,
                        key,
                        Some(scan.rows),
                        filter,
                    );
                }
                Source::Nest(inner) => self.items(id, select, inner, depth + 1),
                Source::Full(j) => {
                    self.items(id, select, &j.left, depth + 1);
                    self.items(id, select, &j.right, depth + 1);
                }
                Source::Derived(d) => {
                    self.next += 1;
                    let inner = self.next;
                    self.row(
                        id,
                        select,
                        &format!("<derived{inner}>"),
                        "ALL",
                        None,
                        None,
                        filter,
                    );
                    self.query(inner, "DERIVED", &d.plan, depth + 1);
                }
                Source::Virtual(v) => {
                    self.row(id, select, v.table.name(), "ALL", None, None, filter)
                }
                Source::Work { .. } => {
                    self.row(id, select, "<recursive>", "ALL", None, None, filter)
                }
                Source::JsonTable(_) => {
                    self.row(id, select, "<json_table>", "ALL", None, None, filter)
                }
            }
        }
    }

    fn query(&mut self, id: i64, select: &str, q: &QueryPlan, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match &q.body {
            QueryBody::Block(b) if b.from.is_empty() => {
                self.rows.push(vec![Value::Int(id), Value::text(select)]);
                let row = self.rows.last_mut().expect("a row was just pushed");
                row.resize(TRADITIONAL.len() - 1, Value::Null);
                row.push(Value::text("No tables used"));
            }
            QueryBody::Block(b) => self.items(id, select, &b.from, depth),
            QueryBody::Set(s) => {
                self.query(id, select, &s.left, depth + 1);
                self.next += 1;
                self.query(self.next, "UNION", &s.right, depth + 1);
            }
            QueryBody::Recursive(r) => {
                self.query(id, select, &r.seed, depth + 1);
                for (step, _) in &r.step {
                    self.next += 1;
                    self.query(self.next, "RECURSIVE", step, depth + 1);
                }
            }
            QueryBody::Ordered(o) => self.query(id, select, &o.input, depth + 1),
            QueryBody::Values(_) => self.row(id, select, "<values>", "ALL", None, None, ""),
        }
    }
}

fn traditional(e: &Explained) -> Listing {
    let mut out = Listing::new(TRADITIONAL);
    let mut sources = Sources {
        rows: Vec::new(),
        next: 1,
    };
    match e {
        Explained::Query(plan, _) => sources.query(1, "SIMPLE", plan, 0),
        Explained::Change(word, from, _) if !from.is_empty() => {
            sources.items(1, &word.to_uppercase(), from, 0);
        }
        Explained::Change(word, _, tables) => {
            for t in tables {
                sources.row(
                    1,
                    &word.to_uppercase(),
                    &t.name,
                    "ALL",
                    None,
                    Some(t.rows),
                    "",
                );
            }
        }
    }
    sources.rows.into_iter().for_each(|r| out.push(r));
    out
}

fn json_text(n: &Node, out: &mut String) {
    let text = n.text.replace('\\', "\\\\").replace('"', "\\\"");
    let _ = write!(out, "{{\"operation\": \"{text}\"");
    if !n.children.is_empty() {
        out.push_str(", \"inputs\": [");
        for (i, c) in n.children.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            json_text(c, out);
        }
        out.push(']');
    }
    out.push('}');
}

/// EXPLAIN.
pub(super) fn explain(session: &Session, e: &Explain, text: &[u8]) -> Result<Listing> {
    let target = match &e.target {
        ExplainTarget::Statement(s) => s,
        ExplainTarget::Connection(id) => return Err(Error::unknown_thread(id)),
    };
    let format = e.format.as_deref().unwrap_or("").to_ascii_lowercase();
    let plan = explained(session, target, text)?;
    if e.analyze {
        let Explained::Query(query, tables) = &plan else {
            return Err(Error::general(
                "cannot analyze statement that could have side effects",
            ));
        };
        let views = session.open_views(tables, false)?;
        let cx = Context::new(session, &[], views);
        let mut n = 0u64;
        exec::query(query, None, &cx, &mut |_| {
            n += 1;
            Ok(Flow::Continue)
        })?;
        let root = tree(&plan);
        return Ok(one_text(
            "plan",
            lines(&node(format!("{} ({n} rows)", root.text), root.children)),
        ));
    }
    match format.as_str() {
        "" | "traditional" if !e.plan => Ok(traditional(&plan)),
        "json" => {
            let mut text = String::new();
            json_text(&tree(&plan), &mut text);
            Ok(one_text(
                "EXPLAIN",
                vec![format!("{{\"query_block\": {text}}}")],
            ))
        }
        _ => Ok(one_text("plan", lines(&tree(&plan)))),
    }
}
