//! Rows that differ, in every form.

use engine::dolt::row_statements::{self, RowStatements};
use engine::result::ColumnMeta;
use values::{CollationId, LobSize, SqlType};
use versioning::{RowChanges, RowReader, TableDelta};

use super::target::Target;
use super::writer::{Cell, Writer};
use super::{Difference, Form, Mode};
use crate::Failure;
use crate::line_diff;
use crate::repository::{literal, quoted};

/// A column of text that no table holds.
pub fn text_column(name: &str) -> ColumnMeta {
    ColumnMeta::computed(name, SqlType::Text(LobSize::Long, CollationId::DEFAULT))
}

/// The old and the new row of a change, in the columns of the diff.
pub struct Pair {
    /// The old row.
    pub from: Option<Vec<Cell>>,
    /// The new row.
    pub to: Option<Vec<Cell>>,
}

impl Pair {
    fn kind(&self) -> &'static str {
        match (&self.from, &self.to) {
            (None, _) => "added",
            (_, None) => "dropped",
            _ => "modified",
        }
    }
}

fn read(
    target: &Target,
    reader: &RowReader,
    item: &prolly::Item,
    new: bool,
) -> Result<Vec<Cell>, Failure> {
    let mut out = Vec::with_capacity(target.columns.len());
    for c in &target.columns {
        let place = if new { c.to } else { c.from };
        out.push(match place {
            None => None,
            Some(i) => {
                let value = reader.value(i, item.key(), item.value())?;
                let own = &reader.schema().columns[i].sql_type;
                // Both versions are shown as one type, where the value has a form in it.
                let context = values::conversion::Context::default();
                match values::conversion::store(&value, own, &c.ty, &context) {
                    Ok(shown) if *own != c.ty && !value.is_null() => {
                        crate::render::stored_cell(&shown, &c.ty)
                    }
                    _ => crate::render::stored_cell(&value, own),
                }
            }
        });
    }
    Ok(out)
}

/// Gives the changes of a table until there are enough.
fn each(
    d: &Difference<'_>,
    delta: &TableDelta,
    target: &Target,
    emit: &mut dyn FnMut(Pair) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut left = d.display.limit;
    // Rows of a server come from statements only.
    let all = (!d.repo.connection.has_files()).then_some("true");
    if let Some(condition) = d.display.condition.as_deref().or(all) {
        return each_where(d, delta, target, condition, emit);
    }
    let readers = (
        delta.from.as_ref().map(RowReader::of),
        delta.to.as_ref().map(RowReader::of),
    );
    for change in RowChanges::new(delta.from.as_ref(), delta.to.as_ref())? {
        let change = change?;
        for _ in 0..change.count {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            let side =
                |reader: &Option<RowReader>, item: &Option<prolly::Item>, new| match (reader, item)
                {
                    (Some(r), Some(item)) => read(target, r, item, new).map(Some),
                    _ => Ok(None),
                };
            emit(Pair {
                from: side(&readers.0, &change.from, false)?,
                to: side(&readers.1, &change.to, true)?,
            })?;
        }
    }
    Ok(())
}

/// The changes that a condition on the columns of dolt_diff holds for.
fn each_where(
    d: &Difference<'_>,
    delta: &TableDelta,
    target: &Target,
    condition: &str,
    emit: &mut dyn FnMut(Pair) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut list = vec!["diff_type".to_string()];
    for c in &target.columns {
        for (place, prefix) in [(c.from, "from"), (c.to, "to")] {
            list.push(match place {
                Some(_) => quoted(&format!("{prefix}_{}", c.name)),
                None => "NULL".to_string(),
            });
        }
    }
    let mut sql = format!(
        "select {} from dolt_diff({}, {}, {}) where {condition}",
        list.join(", "),
        literal(d.from_name),
        literal(d.to_name),
        literal(delta.name())
    );
    if d.display.limit != u64::MAX {
        sql += &format!(" limit {}", d.display.limit);
    }
    let rows = d.repo.query(&sql).map_err(|e| {
        let what = match e.text.contains("error in your SQL syntax") {
            true => format!("Failed to parse diff query. Invalid where clause?\nDiff query: {sql}"),
            false => format!("Error running diff query:\n{sql}"),
        };
        Failure::caused(what, &e.text)
    })?;
    for row in rows.rows {
        let kind = row[0].clone().unwrap_or_default();
        let side = |offset: usize| -> Vec<Cell> {
            let cells = row[1..].iter().skip(offset).step_by(2);
            cells.map(|c| c.clone().map(String::into_bytes)).collect()
        };
        emit(Pair {
            from: (kind != "added").then(|| side(0)),
            to: (kind != "removed").then(|| side(1)),
        })?;
    }
    Ok(())
}

/// A value, or its lines with marks where both versions differ.
fn combined(old: &Cell, new: &Cell, mode: Mode) -> (Cell, bool) {
    if old == new {
        return (old.clone(), false);
    }
    let text = |c: &Cell| match c {
        None => "NULL".to_string(),
        Some(b) => String::from_utf8_lossy(b).into_owned(),
    };
    let (old, new) = (text(old), text(new));
    let shown = match mode {
        Mode::InPlace => in_place(&old, &new),
        _ => line_diff::marked(&old, &new),
    };
    (Some(shown.into_bytes()), true)
}

/// What both have at the ends once, and between them the old and the new middle.
fn in_place(old: &str, new: &str) -> String {
    let (a, b): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let rest = a.len().min(b.len()) - start;
    let end = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take(rest)
        .take_while(|(x, y)| x == y)
        .count();
    let mut out: String = a[..start].iter().collect();
    interleave(&a[start..a.len() - end], &b[start..b.len() - end], &mut out);
    out.extend(&a[a.len() - end..]);
    out
}

/// Pairs of characters that are compared to find what two texts have in common.
const COMPARED: usize = 1 << 22;

/// Both texts as one, what they have in common once; what went stands before what came.
fn interleave(a: &[char], b: &[char], out: &mut String) {
    if a.len().saturating_mul(b.len()) > COMPARED {
        out.extend(a);
        out.extend(b);
        return;
    }
    // The length of what the rests from (i, j) have in common.
    let width = b.len() + 1;
    let mut common = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = match a[i] == b[j] {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            out.push(a[i]);
            (i, j) = (i + 1, j + 1);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            out.push(a[i]);
            i += 1;
        } else {
            out.push(b[j]);
            j += 1;
        }
    }
    out.extend(&a[i..]);
    out.extend(&b[j..]);
}

fn tabular(
    pair: &Pair,
    mode: Mode,
    kept: &[usize],
    emit: &mut dyn FnMut(Vec<Cell>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let line = |mark: &str, cells: &[Cell]| -> Vec<Cell> {
        let mut out = vec![Some(mark.as_bytes().to_vec())];
        out.extend(kept.iter().map(|i| cells[*i].clone()));
        out
    };
    let (from, to) = match (&pair.from, &pair.to) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => return emit(line("-", from)),
        (None, Some(to)) => return emit(line("+", to)),
        (None, None) => return Ok(()),
    };
    let mut multiple = false;
    let mut cells = Vec::with_capacity(from.len());
    for (old, new) in from.iter().zip(to) {
        let (shown, differs) = combined(old, new, mode);
        let lines = shown
            .as_ref()
            .map_or(1, |b| b.iter().filter(|c| **c == b'\n').count() + 1);
        multiple |= lines > if differs { 2 } else { 1 };
        cells.push(shown);
    }
    if mode == Mode::Row || mode == Mode::Context && !multiple {
        emit(line("<", from))?;
        return emit(line(">", to));
    }
    emit(line("*", &cells))
}

/// Prints one change as a table of its own.
pub fn print_change(columns: &[ColumnMeta], pair: &Pair) -> Result<(), Failure> {
    let mut header = vec![text_column(" ")];
    header.extend_from_slice(columns);
    let mut writer = Writer::new(Form::Tabular);
    writer.begin_rows(&header, true)?;
    let all: Vec<usize> = (0..columns.len()).collect();
    tabular(pair, Mode::Context, &all, &mut |line| writer.line(line))?;
    writer.end_rows()
}

/// Prints the rows of a table that differ.
pub fn print(
    d: &Difference<'_>,
    delta: &TableDelta,
    target: &Target,
    lazy: bool,
    writer: &mut Writer,
) -> Result<(), Failure> {
    if d.display.form == Form::Sql {
        let columns = target.columns.iter();
        let columns = columns.map(|c| (c.name.as_str(), c.key, c.generated));
        let statements = RowStatements::new(&delta.to_name, columns);
        let literals = |row: &Option<Vec<Cell>>| {
            row.as_ref().map(|row| -> Vec<Option<String>> {
                let cells = row.iter().zip(&target.columns);
                cells
                    .map(|(cell, c)| cell.as_ref().map(|v| row_statements::literal(v, &c.ty)))
                    .collect()
            })
        };
        return each(d, delta, target, &mut |pair| {
            let wanted = d.display.filter.as_deref().is_none_or(|f| f == pair.kind());
            if let (true, Some(text)) = (
                wanted,
                statements.of(
                    literals(&pair.from).as_deref(),
                    literals(&pair.to).as_deref(),
                ),
            ) {
                println!("{text}");
            }
            Ok(())
        });
    }
    let mut kept: Vec<usize> = (0..target.columns.len()).collect();
    if d.display.skinny {
        let mut used: Vec<bool> = target
            .columns
            .iter()
            .map(|c| c.key || d.display.include.contains(&c.name))
            .collect();
        each(d, delta, target, &mut |pair| {
            match (&pair.from, &pair.to) {
                (Some(a), Some(b)) => {
                    used.iter_mut()
                        .enumerate()
                        .for_each(|(i, u)| *u |= a[i] != b[i]);
                }
                _ => used.iter_mut().for_each(|u| *u = true),
            }
            Ok(())
        })?;
        kept.retain(|i| used[*i]);
    }
    let mut begun = !lazy;
    let mut header: Vec<ColumnMeta> = vec![text_column(" ")];
    header.extend(kept.iter().map(|i| {
        let c = &target.columns[*i];
        ColumnMeta::computed(c.name.as_str(), c.ty.clone())
    }));
    writer.begin_rows(&header, begun)?;
    each(d, delta, target, &mut |pair| {
        if let Some(filter) = &d.display.filter
            && pair.kind() != filter
        {
            return Ok(());
        }
        if !begun {
            begun = true;
            writer.begin(&delta.from_name, &delta.to_name, delta.kind())?;
            writer.begin_rows(&header, true)?;
        }
        match d.display.form {
            Form::Json => {
                let pick = |row: &Option<Vec<Cell>>| {
                    row.as_ref()
                        .map(|r| kept.iter().map(|i| r[*i].clone()).collect::<Vec<_>>())
                };
                writer.json_pair(&header[1..], pick(&pair.from), pick(&pair.to))
            }
            _ => tabular(&pair, d.display.mode, &kept, &mut |line| writer.line(line)),
        }
    })?;
    if begun { writer.end_rows() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(t: &str) -> Cell {
        Some(t.as_bytes().to_vec())
    }

    #[test]
    fn modified_rows_by_mode() {
        let pair = Pair {
            from: Some(vec![cell("1"), cell("a\nb")]),
            to: Some(vec![cell("1"), cell("a\nc")]),
        };
        let mut lines = Vec::new();
        for mode in [Mode::Row, Mode::Context, Mode::InPlace] {
            tabular(&pair, mode, &[0, 1], &mut |l| {
                lines.push((l[0].clone(), l[2].clone()));
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(
            lines,
            [
                (cell("<"), cell("a\nb")),
                (cell(">"), cell("a\nc")),
                (cell("*"), cell(" a\n-b\n+c")),
                (cell("*"), cell("a\nbc")),
            ]
        );
    }
}
