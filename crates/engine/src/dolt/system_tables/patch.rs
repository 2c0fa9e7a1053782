//! `dolt_patch()`: two revisions' difference as statements (spec 04 §4).

use std::sync::Arc;

use model::{ForeignKey, Index, Schema, Table};
use values::{IntWidth, OwnedValue, SqlType, Value};
use versioning::{ColumnMap, DeltaKind, RowChanges, TableDelta};

use super::diff::{diff_args, diffable};
use super::diff_functions::create_text;
use super::{LONGTEXT, Scan, TableMaker, column, key, text};
use crate::dolt::revision::{self, NamedRoot};
use crate::dolt::row_statements::{RowStatements, value_literal};
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::root_state::{RootState, TableState};
use crate::session::Session;
use crate::show::{column_line, escaped_comment, foreign_key_line, index_words, quoted};
use crate::virtual_table::VirtualTable;

const ORDER: SqlType = SqlType::Int {
    width: IntWidth::Big,
    unsigned: true,
    bool_width: false,
};
/// Place of `diff_type` among the columns.
const DIFF_TYPE: usize = 4;

/// `dolt_patch(from, to[, table])`.
pub fn patch(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let columns = vec![
        key("statement_order", ORDER),
        column("from_commit_hash", LONGTEXT),
        column("to_commit_hash", LONGTEXT),
        column("table_name", LONGTEXT),
        column("diff_type", LONGTEXT),
        column("statement", LONGTEXT),
    ];
    maker.table(columns, |scan, emit| {
        let args = texts(scan)?;
        let a = diff_args(&scan.db, &args)?;
        let from = revision::root(scan.session(), &scan.db, &a.from)?;
        let to = revision::root(scan.session(), &scan.db, &a.to)?;
        let deltas = deltas(scan, &from, &to, a.rest.first().map(String::as_str))?;
        let wanted = scan.hints.text(DIFF_TYPE);
        let wants = |kind: &str| wanted.as_deref().is_none_or(|w| w == kind);
        let name_of = |root: &NamedRoot| match root.commit {
            Some(id) => id.0.to_string(),
            None => root.shown.clone(),
        };
        let (from_name, to_name) = (name_of(&from), name_of(&to));
        let mut order = 0u64;
        let mut give = |table: &str, kind: &str, statement: String| {
            order += 1;
            emit(vec![
                Value::UInt(order),
                text(&*from_name),
                text(&*to_name),
                text(table),
                text(kind),
                text(statement),
            ])
        };
        if a.rest.is_empty() && from.root.collation() != to.root.collation() && wants("schema") {
            let db = &scan.db.handle.name;
            let statement = format!(
                "ALTER DATABASE {} COLLATE='{}';",
                quoted(db),
                to.root.collation().get().name
            );
            let entry = crate::dolt::staging::database_entry(db);
            if give(&entry, "schema", statement)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        let roots = (
            scan.db.handle.root(from.root.id()?)?,
            scan.db.handle.root(to.root.id()?)?,
        );
        for delta in &deltas {
            if wants("schema") {
                for s in definition(scan, &roots, &to, delta)? {
                    if give(delta.name(), "schema", s)? == Flow::Stop {
                        return Ok(Flow::Stop);
                    }
                }
            }
            if !wants("data") || delta.to.is_none() {
                continue;
            }
            if !diffable(delta.from.as_ref(), delta.to.as_ref()) {
                scan.cx.warn(
                    1235,
                    format!(
                        "Primary key sets differ between revisions for table '{}', skipping data diff",
                        delta.to_name
                    ),
                );
                continue;
            }
            if rows(scan, delta, &mut |s| give(delta.name(), "data", s))? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    })
}

/// The arguments, which must be texts.
fn texts(scan: &Scan<'_>) -> Result<Vec<String>> {
    for arg in scan.args {
        if !matches!(arg, Value::Bytes(_)) {
            let shown = match arg {
                Value::Null => "NULL".to_string(),
                v => crate::convert::to_string(v),
            };
            return Err(Error::general(format!(
                "Invalid argument to dolt_patch: {shown}"
            )));
        }
    }
    let given = scan.texts();
    let range = given.first().is_some_and(|a| a.contains(".."));
    let (expected, fits) = match given.len() {
        0 => ("1 to 3", false),
        n if range => ("1 or 2", n <= 2),
        n => ("2 or 3", (2..=3).contains(&n)),
    };
    match fits {
        true => Ok(given),
        false => Err(Error::general(format!(
            "function 'dolt_patch' expected {expected} arguments, {} received",
            given.len()
        ))),
    }
}

/// The tables that differ, or the one that was asked for, in the order of their new names.
fn deltas(
    scan: &Scan<'_>,
    from: &NamedRoot,
    to: &NamedRoot,
    table: Option<&str>,
) -> Result<Vec<TableDelta>> {
    let mut deltas = versioning::table_deltas(&from.root, &to.root)?;
    deltas.sort_by(|a, b| a.to_name.cmp(&b.to_name));
    let Some(name) = table else {
        return Ok(deltas);
    };
    let named = |n: &str| n.eq_ignore_ascii_case(name);
    deltas.retain(|d| named(&d.to_name) || named(&d.from_name));
    let known = |root: &NamedRoot| root.root.find_table(name).map(|t| t.is_some());
    if deltas.is_empty() && !known(from)? && !known(to)? {
        return Err(Error::unknown_table_missing(&scan.db.handle.name, name));
    }
    Ok(deltas)
}

/// The statements that change the definition of a table.
fn definition(
    scan: &Scan<'_>,
    roots: &(Arc<RootState>, Arc<RootState>),
    to: &NamedRoot,
    delta: &TableDelta,
) -> Result<Vec<String>> {
    match delta.kind() {
        DeltaKind::Added => {
            let create = create_text(scan, &to.root, &delta.to_name)?;
            return Ok(vec![format!("{create};")]);
        }
        DeltaKind::Dropped => {
            return Ok(vec![format!("DROP TABLE {};", quoted(&delta.from_name))]);
        }
        DeltaKind::Renamed | DeltaKind::Modified => {}
    }
    let mut out = Vec::new();
    if delta.from_name != delta.to_name {
        out.push(format!(
            "RENAME TABLE {} TO {};",
            quoted(&delta.from_name),
            quoted(&delta.to_name)
        ));
    }
    let (Some(old), Some(new)) = (
        roots.0.table(&delta.from_name)?,
        roots.1.table(&delta.to_name)?,
    ) else {
        return Ok(out);
    };
    let changed = Changed {
        session: scan.session(),
        alter: format!("ALTER TABLE {}", quoted(&delta.to_name)),
        roots,
        old: &old,
        new: &new,
    };
    changed.statements(&mut out)?;
    Ok(out)
}

/// A table that is in both roots.
struct Changed<'a> {
    session: &'a Session,
    alter: String,
    roots: &'a (Arc<RootState>, Arc<RootState>),
    old: &'a TableState,
    new: &'a TableState,
}

impl Changed<'_> {
    fn statements(&self, out: &mut Vec<String>) -> Result<()> {
        let mut say = |what: String| out.push(format!("{} {what};", self.alter));
        let (old_keys, new_keys) = (
            self.foreign_keys(&self.roots.0, self.old)?,
            self.foreign_keys(&self.roots.1, self.new)?,
        );
        // What stands in the way of a change to columns and indexes goes first.
        for (k, line) in &old_keys {
            if !new_keys.iter().any(|(_, l)| l == line) {
                say(format!("DROP FOREIGN KEY {}", quoted(&k.name)));
            }
        }
        let (old_checks, new_checks) = (&self.old.def.checks, &self.new.def.checks);
        let same = |a: &crate::table::Check, b: &crate::table::Check| {
            a.name == b.name && a.text == b.text && a.enforced == b.enforced
        };
        for check in old_checks {
            if !new_checks.iter().any(|c| same(c, check)) {
                say(format!("DROP CONSTRAINT {}", quoted(&check.name)));
            }
        }
        self.columns(&mut say);
        self.primary_key(&mut say);
        self.indexes(&mut say);
        for (_, line) in &new_keys {
            if !old_keys.iter().any(|(_, l)| l == line) {
                say(format!("ADD {line}"));
            }
        }
        for check in new_checks {
            if !old_checks.iter().any(|c| same(c, check)) {
                let off = if check.enforced { "" } else { " NOT ENFORCED" };
                say(format!(
                    "ADD CONSTRAINT {} CHECK ({}){off}",
                    quoted(&check.name),
                    check.text
                ));
            }
        }
        if self.old.def.collation != self.new.def.collation {
            let name = self.new.def.collation.get().name;
            say(format!("COLLATE='{name}'"));
        }
        if self.old.def.comment != self.new.def.comment {
            say(format!(
                "COMMENT='{}'",
                escaped_comment(&self.new.def.comment)
            ));
        }
        let size = |t: &TableState| t.def.schema.target_row_size;
        if size(self.old) != size(self.new) {
            say(format!("TARGET_ROW_SIZE={}", size(self.new)));
        }
        Ok(())
    }

    fn foreign_keys(
        &self,
        root: &RootState,
        state: &TableState,
    ) -> Result<Vec<(ForeignKey, String)>> {
        let all = root.foreign_keys()?;
        let keys = all.of_child(&state.name);
        keys.map(|k| Ok((k.clone(), foreign_key_line(root, k)?)))
            .collect()
    }

    /// Columns are paired by their tags: the old ones first, then those that are new.
    fn columns(&self, say: &mut impl FnMut(String)) {
        let (old, new) = (&self.old.def.schema, &self.new.def.schema);
        let line = |state: &TableState, i: usize| {
            column_line(self.session, &state.def.columns[i], self.new.def.collation)
        };
        for (i, c) in old
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| !c.hidden_system)
        {
            let Some((j, d)) = new.column_by_tag(c.tag) else {
                say(format!("DROP {}", quoted(&c.name)));
                continue;
            };
            // A change of the primary key replaces it as a whole, below.
            if old.primary_key.contains(&i) != new.primary_key.contains(&j) {
                continue;
            }
            if c.name != d.name {
                say(format!(
                    "RENAME COLUMN {} TO {}",
                    quoted(&c.name),
                    quoted(&d.name)
                ));
            }
            let (before, after) = (line(self.old, i), line(self.new, j));
            let body = |line: &str, name: &str| line[quoted(name).len()..].to_string();
            if body(&before, &c.name) != body(&after, &d.name) {
                say(format!("MODIFY COLUMN {after}"));
            }
        }
        for (j, d) in new
            .columns
            .iter()
            .enumerate()
            .filter(|(_, d)| !d.hidden_system)
        {
            if old.column_by_tag(d.tag).is_none() {
                say(format!("ADD {}", line(self.new, j)));
            }
        }
    }

    fn primary_key(&self, say: &mut impl FnMut(String)) {
        let tags = |s: &Schema| -> Vec<u64> {
            let key = s.primary_key.iter();
            key.map(|c| s.columns[*c].tag).collect()
        };
        let (old, new) = (&self.old.def.schema, &self.new.def.schema);
        if tags(old) == tags(new) {
            return;
        }
        // Also where there was none, as Dolt says it.
        say("DROP PRIMARY KEY".into());
        if !new.primary_key.is_empty() {
            let names = new.primary_key.iter();
            let names: Vec<&str> = names.map(|c| new.columns[*c].name.as_str()).collect();
            say(format!("ADD PRIMARY KEY ({})", names.join(",")));
        }
    }

    fn indexes(&self, say: &mut impl FnMut(String)) {
        let (old, new) = (&self.old.def.schema, &self.new.def.schema);
        let text = |i: &Index, schema: &Schema| {
            let (kind, columns) = index_words(i, schema);
            let comment = match i.comment.as_str() {
                "" => String::new(),
                c => format!(" COMMENT '{}'", escaped_comment(c)),
            };
            format!("{kind}INDEX {}({columns}){comment}", quoted(&i.name))
        };
        // By tags: the name of a column may have changed without its index.
        let tags = |i: &Index, schema: &Schema| -> Vec<u64> {
            i.columns.iter().map(|c| schema.columns[*c].tag).collect()
        };
        let same = |i: &Index, j: &Index| {
            i.name == j.name
                && tags(i, old) == tags(j, new)
                && index_words(i, old).0 == index_words(j, new).0
                && i.comment == j.comment
                && (0..i.columns.len()).all(|at| i.prefix(at) == j.prefix(at))
        };
        for i in &old.indexes {
            if new.indexes.iter().any(|j| same(i, j)) {
                continue;
            }
            // An index goes with its last column.
            if i.columns
                .iter()
                .any(|c| new.column_by_tag(old.columns[*c].tag).is_some())
            {
                say(format!("DROP INDEX {}", quoted(&i.name)));
            }
        }
        for j in &new.indexes {
            if !old.indexes.iter().any(|i| same(i, j)) {
                say(format!("ADD {}", text(j, new)));
            }
        }
    }
}

/// Gives the statements that make the rows of the old version those of the new one.
fn rows(
    scan: &Scan<'_>,
    delta: &TableDelta,
    give: &mut dyn FnMut(String) -> Result<Flow>,
) -> Result<Flow> {
    let Some(to) = &delta.to else {
        return Ok(Flow::Continue);
    };
    let schema = to.schema();
    let shown: Vec<usize> = (0..schema.columns.len())
        .filter(|c| !schema.columns[*c].hidden_system)
        .collect();
    let statements = RowStatements::new(
        &delta.to_name,
        shown.iter().map(|c| {
            let column = &schema.columns[*c];
            (
                column.name.as_str(),
                schema.primary_key.contains(c),
                column.generated,
            )
        }),
    );
    let map = |t: &Option<Table>| t.as_ref().map(|t| ColumnMap::new(t, schema));
    let maps = (map(&delta.from), map(&delta.to));
    let literals = |item: &Option<prolly::Item>, map: &Option<ColumnMap>| {
        let (Some(item), Some(map)) = (item, map) else {
            return Ok::<_, Error>(None);
        };
        let row: Vec<OwnedValue> = map.row(item)?;
        let cells = shown.iter();
        let cells = cells.map(|c| value_literal(&row[*c], &schema.columns[*c].sql_type));
        Ok(Some(cells.collect::<Vec<_>>()))
    };
    for change in RowChanges::new(delta.from.as_ref(), delta.to.as_ref())? {
        scan.cx.check_interrupt()?;
        let change = change?;
        let (old, new) = (
            literals(&change.from, &maps.0)?,
            literals(&change.to, &maps.1)?,
        );
        let Some(statement) = statements.of(old.as_deref(), new.as_deref()) else {
            continue;
        };
        for _ in 0..change.count {
            if give(statement.clone())? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    Ok(Flow::Continue)
}
