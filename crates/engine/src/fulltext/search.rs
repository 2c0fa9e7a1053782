//! MATCH .. AGAINST in natural language and in boolean mode.

use std::sync::Arc;

use syntax::ast;
use values::{NoBlobs, OwnedValue, SqlType, TupleBuilder, Value};

use super::boolean::{BooleanQuery, RowWords};
use super::tables::{PARTS, Part, Words, number, text};
use super::words::Document;
use crate::bind::{Binder, Resolved, Typed};
use crate::error::{Error, Result};
use crate::expr::{CallTypes, Expr};
use crate::functions::{Call, Function};
use crate::view::TableView;

/// How relevant a row is: numbers of the indexed table, of the first table of words and of the
/// index, what is looked for, and all columns of the row. No statement can name it.
static RELEVANCE: Function = Function {
    name: "match against",
    min: 4,
    max: u8::MAX,
    result: |_, _| SqlType::Float,
    strict: false,
    volatile: false,
    refine: None,
    body: |call, args| relevance(call, args).map(|r| Value::Float(f64::from(r))),
};

/// The same in boolean mode.
static BOOLEAN: Function = Function {
    name: "match against in boolean mode",
    body: |call, args| in_boolean_mode(call, args).map(|r| Value::Float(f64::from(r))),
    ..RELEVANCE
};

impl Binder<'_> {
    /// MATCH over the columns of an index of a table of this query block.
    pub(crate) fn match_against(
        &mut self,
        columns: &[ast::ColumnRef],
        against: &ast::Expr,
        mode: ast::MatchMode,
    ) -> Result<Typed> {
        let function = match mode {
            ast::MatchMode::Default | ast::MatchMode::NaturalLanguage => &RELEVANCE,
            ast::MatchMode::Boolean => &BOOLEAN,
            _ => return Err(Error::not_supported("WITH QUERY EXPANSION")),
        };
        let (base, slot, wanted) = self.matched_table(columns)?;
        let def = self.tables[base].def.clone();
        let index = def.schema.indexes.iter().position(|i| {
            i.fulltext.is_some()
                && i.columns.len() == wanted.len()
                && wanted.iter().all(|c| i.columns.contains(c))
        });
        let Some((index, info)) =
            index.and_then(|i| Some((i, def.schema.indexes[i].fulltext.clone()?)))
        else {
            return Err(Error::new(
                1191,
                "HY000",
                "Can't find FULLTEXT index matching the column list",
            ));
        };
        let first = self.tables.len();
        let (db, as_of) = (
            self.tables[base].db.clone(),
            self.tables[base].as_of.clone(),
        );
        let at = as_of.map(|a| Value::Bytes(a.into_bytes().into()));
        for part in PARTS {
            let found = self
                .catalog
                .resolve_table(Some(&db), part.name(&info), at.as_ref())?;
            let Resolved::Table(table) = found else {
                return Err(Error::general("full-text index without tables"));
            };
            self.tables.push(table);
        }
        let sought = self.expr(against)?;
        let literal = |n: usize| Expr::Literal(Value::UInt(n as u64));
        let mut args = vec![literal(base), literal(first), literal(index), sought.expr];
        let mut types = vec![SqlType::BIGINT_UNSIGNED; 3];
        types.push(sought.ty);
        for (i, c) in def.columns.iter().enumerate() {
            args.push(match c.is_virtual {
                true => self.column_in_slot(slot, &c.name)?.expr,
                false => Expr::Column {
                    slot,
                    col: i as u16,
                },
            });
            types.push(c.ty.clone());
        }
        let e = Expr::Call {
            function,
            args,
            types: Arc::new(CallTypes {
                args: types,
                result: SqlType::Float,
                collation: self.modes.connection,
            }),
        };
        Ok(Typed::new(e, SqlType::Float, false))
    }
}

/// What is looked for in each row, and what is known of the words.
struct Found<'c> {
    row_words: f64,
    rows: f64,
    global: &'c TableView,
}

fn relevance(call: &Call<'_>, args: &[Value<'_>]) -> Result<f32> {
    let place = |i: usize| match args.get(i) {
        Some(Value::UInt(n)) => Ok(*n as usize),
        _ => Err(Error::general("MATCH without table")),
    };
    let (parent, first, index) = (call.cx.table(place(0)?)?, place(1)?, place(2)?);
    let table = |part: Part| call.cx.table(first + part as usize);
    let words = Words::of(&parent.def.schema, index)
        .ok_or_else(|| Error::general("MATCH without full-text index"))?;
    let sought = match &args[3] {
        Value::Null => return Ok(0.0),
        v => crate::convert::to_text(v).into_owned(),
    };
    let sought = Document::new([Some(sought.as_slice())].into_iter(), words.collation());
    let row: Vec<OwnedValue> = args[4..].iter().map(|v| v.clone().into_owned()).collect();
    let hash = words.hash(&row);
    let key = match words.key(&row, &hash) {
        Ok(key) if !key.iter().any(Value::is_null) => key,
        _ => return Ok(0.0),
    };
    let rows = table(Part::RowCount)?;
    let Some(counted) = value_of(rows, &[text(&hash), Value::UInt(0), Value::UInt(0)])? else {
        return Ok(0.0);
    };
    let found = Found {
        row_words: number(&counted, 1) as f64,
        rows: row_count(parent) as f64,
        global: table(Part::GlobalCount)?,
    };
    let docs = table(Part::DocCount)?;
    let mut sum = 0f32;
    for (word, _) in &sought.unique {
        let mut at = vec![text(word)];
        at.extend_from_slice(&key);
        at.push(Value::UInt(0));
        let count = value_of(docs, &at)?.map_or(0, |v| number(&v, 0));
        if count > 0
            && let Some(weight) = found.weight(word, count as f64)?
        {
            sum += weight;
        }
    }
    // Whatever matches at all is true.
    Ok(if sum > 0.0 { sum + 0.5 } else { sum })
}

fn in_boolean_mode(call: &Call<'_>, args: &[Value<'_>]) -> Result<f32> {
    let place = |i: usize| match args.get(i) {
        Some(Value::UInt(n)) => Ok(*n as usize),
        _ => Err(Error::general("MATCH without table")),
    };
    let (parent, first, index) = (call.cx.table(place(0)?)?, place(1)?, place(2)?);
    let words = Words::of(&parent.def.schema, index)
        .ok_or_else(|| Error::general("MATCH without full-text index"))?;
    let sought = match &args[3] {
        Value::Null => return Ok(0.0),
        v => crate::convert::to_string(v),
    };
    let query = BooleanQuery::parse(&sought)?;
    let row: Vec<OwnedValue> = args[4..].iter().map(|v| v.clone().into_owned()).collect();
    let document = words.document(&row);
    let found = Found {
        row_words: document.unique.len() as f64,
        rows: row_count(parent) as f64,
        global: call.cx.table(first + Part::GlobalCount as usize)?,
    };
    let row = RowWords::new(&document, words.collation());
    let rank = query.rank(&row, words.collation(), &mut |word, n| {
        Ok(found.weight(word, n as f64)?.unwrap_or(1.0))
    })?;
    Ok(rank.unwrap_or(0.0))
}

impl Found<'_> {
    /// What a word that stands in the row this often adds.
    fn weight(&self, word: &str, count: f64) -> Result<Option<f32>> {
        let Some(global) = value_of(self.global, &[text(word), Value::UInt(0)])? else {
            return Ok(None);
        };
        let base = count.ln() + 1.0;
        let normal = self.row_words / (1.0 + 0.115 * self.row_words);
        let rarity = (self.rows / number(&global, 0) as f64).ln() + 1.0;
        Ok(Some((base * normal * rarity) as f32))
    }
}

fn value_of(view: &TableView, row: &[OwnedValue]) -> Result<Option<Vec<u8>>> {
    let key = key_of(view, row)?;
    let found = view.primary.get(view.changes(None), &key)?;
    Ok(found.map(|s| s.value().to_vec()))
}

fn key_of(view: &TableView, row: &[OwnedValue]) -> Result<Vec<u8>> {
    let mut key = TupleBuilder::new();
    for c in &view.def.primary_key {
        let column = &view.def.schema.columns[*c];
        let (encoding, ty) = (column.encoding.in_key(), &column.sql_type);
        key.push_with(|out| values::encode_field(encoding, ty, &row[*c], &NoBlobs, out))?;
    }
    Ok(key.finish()?)
}

/// Rows of a table with the transaction's changes.
fn row_count(view: &TableView) -> u64 {
    let stored = view.primary.root.tree_count();
    let Some(changes) = view.changes(None) else {
        return stored;
    };
    let mut rows = stored;
    for (key, pair) in &changes.rows {
        let before = view.primary.get(None, key.bytes()).ok().flatten().is_some();
        match (before, pair.is_some()) {
            (false, true) => rows += 1,
            (true, false) => rows = rows.saturating_sub(1),
            _ => {}
        }
    }
    rows
}
