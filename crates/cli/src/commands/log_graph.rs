//! `dolt log --graph`: commits beside a drawing of how they descend from each other.
//!
//! A commit lies in a column. One without children opens a column; one that is the first parent
//! of some stays in the leftmost column of those; one that was only merged takes the first free
//! column to the right of the merges. Rows are as far apart as texts, or diagonals, need.

use std::collections::HashMap;
use std::io::Write;

use model::{Commit, CommitId};

use crate::commit_text::{Decoration, Refs};
use crate::local_time::ruby_date;
use crate::style::{YELLOW, always};

/// Colours of columns in turn: red, green, blue, magenta, cyan, white.
const COLORS: [&str; 6] = ["31", "32", "34", "35", "36", "37"];
const WHITE: &str = "37";

/// A commit and where it is drawn.
struct Placed<'c> {
    id: CommitId,
    commit: &'c Commit,
    column: usize,
    row: usize,
    lines: Vec<String>,
}

impl Placed<'_> {
    /// Lines of the commit's text: its name, author, date, an empty one, and the message.
    fn height(&self) -> usize {
        4 + self.lines.len() + usize::from(self.commit.parents.len() > 1)
    }
}

/// A character with the colour of its column; blank where nothing is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cell {
    sign: char,
    color: &'static str,
}

const BLANK: Cell = Cell {
    sign: ' ',
    color: "",
};

struct Drawing(Vec<Vec<Cell>>);

impl Drawing {
    /// Draws over whatever is there.
    fn put(&mut self, row: usize, column: usize, sign: char, color: &'static str) {
        if let Some(cell) = self.0.get_mut(row).and_then(|r| r.get_mut(column)) {
            *cell = Cell { sign, color };
        }
    }

    /// Draws where nothing is.
    fn put_free(&mut self, row: usize, column: usize, sign: char, color: &'static str) {
        if self.0.get(row).and_then(|r| r.get(column)) == Some(&BLANK) {
            self.put(row, column, sign, color);
        }
    }

    /// A row without the blanks at its end, as text, and its width.
    fn row(&self, row: usize) -> (String, usize) {
        let cells = self.0.get(row).map_or(&[][..], Vec::as_slice);
        let width = cells.iter().rposition(|c| *c != BLANK).map_or(0, |i| i + 1);
        let shown = cells[..width].iter().map(|c| match *c {
            BLANK => " ".to_string(),
            c => always(c.color, &c.sign.to_string()),
        });
        (shown.collect(), width)
    }

    /// The way from a commit to a parent in the same column, to the left or to the right.
    fn connect(&mut self, from: (usize, usize), to: (usize, usize)) {
        let ((row, column), (to_row, to_column)) = (from, to);
        let down = to_row.saturating_sub(row);
        let color = COLORS[column.max(to_column) / 2 % COLORS.len()];
        if to_column == column {
            (row + 1..to_row).for_each(|r| self.put_free(r, column, '|', color));
        } else if to_column < column {
            let across = column - to_column;
            if across > down {
                for i in 1..down {
                    self.put(to_row - i, to_column + across - down + i, '/', color);
                }
                for c in to_column..=to_column + across - down {
                    self.put_free(to_row, c, '-', color);
                }
            } else {
                for c in to_column + 1..column {
                    self.put(to_row + to_column - c, c, '/', color);
                }
                for r in row + 1..=to_row - across {
                    self.put_free(r, column, '|', color);
                }
            }
        } else {
            let across = to_column - column;
            if down > across {
                for c in column + 1..to_column {
                    self.put(row + c - column, c, '\\', color);
                }
                for r in row + across..to_row {
                    self.put_free(r, to_column, '|', color);
                }
            } else {
                for i in 0..down {
                    self.put(to_row - i, to_column - i, '\\', color);
                }
                for c in column + 1..to_column + 1 - down {
                    self.put_free(row, c, '-', color);
                }
            }
        }
    }
}

/// Columns of commits, children before parents.
fn columns(commits: &[(CommitId, Commit)], children: &HashMap<CommitId, Vec<usize>>) -> Vec<usize> {
    // The row in which the last path of each column ends.
    let mut ends: Vec<usize> = Vec::new();
    let mut places: Vec<usize> = Vec::new();
    for (row, (id, _)) in commits.iter().enumerate() {
        let own = children.get(id).map_or(&[][..], Vec::as_slice);
        let branches: Vec<usize> = own
            .iter()
            .filter(|child| commits[**child].1.parents.first() == Some(id))
            .filter_map(|child| places.get(*child).copied())
            .collect();
        let column = if own.is_empty() {
            ends.push(row);
            ends.len() - 1
        } else if let Some(first) = branches.iter().min().copied() {
            ends[first] = row;
            for other in branches.iter().filter(|c| **c != first) {
                ends[*other] = row.saturating_sub(1);
            }
            first
        } else {
            let top = own.iter().min().copied().unwrap_or(0);
            let right = own.iter().filter_map(|c| places.get(*c)).max().copied();
            let after = right.map_or(0, |c| c + 1);
            match (after..ends.len()).find(|c| top >= ends[*c]) {
                Some(free) => {
                    ends[free] = row;
                    free
                }
                None => {
                    ends.push(row);
                    ends.len() - 1
                }
            }
        };
        places.push(column);
    }
    places
}

/// Writes commits, newest first, beside their graph.
pub fn write(
    out: &mut dyn Write,
    commits: &[(CommitId, Commit)],
    refs: &Refs,
    decoration: Decoration,
    one_line: bool,
) -> std::io::Result<()> {
    let mut children: HashMap<CommitId, Vec<usize>> = HashMap::new();
    for (row, (_, commit)) in commits.iter().enumerate() {
        for parent in &commit.parents {
            children.entry(*parent).or_default().push(row);
        }
    }
    let mut placed: Vec<Placed> = Vec::with_capacity(commits.len());
    let mut next = 0;
    for ((id, commit), column) in commits.iter().zip(columns(commits, &children)) {
        let message = &commit.meta.message;
        let column = column * 2;
        let lines = match one_line {
            true => vec![message.replace('\n', " ")],
            false => message.split('\n').map(str::to_string).collect(),
        };
        if one_line && !placed.is_empty() {
            // Diagonals need a row for each column that they cross.
            next += 1;
            for child in children.get(id).map_or(&[][..], Vec::as_slice) {
                if let Some(child) = placed.get(*child) {
                    next = next.max(child.row + column.abs_diff(child.column));
                }
            }
        }
        let own = Placed {
            id: *id,
            commit,
            column,
            row: next,
            lines,
        };
        if !one_line {
            next += own.height() + 1;
        }
        placed.push(own);
    }
    let Some(last) = placed.last() else {
        return Ok(());
    };
    let width = placed.iter().map(|c| c.column).max().unwrap_or(0) + 2;
    let mut drawing = Drawing(vec![vec![BLANK; width]; last.row + last.height()]);
    let rows: HashMap<CommitId, (usize, usize)> =
        placed.iter().map(|c| (c.id, (c.row, c.column))).collect();
    for c in &placed {
        drawing.put(c.row, c.column, '*', WHITE);
        for parent in &c.commit.parents {
            if let Some(to) = rows.get(parent) {
                drawing.connect((c.row, c.column), *to);
            }
        }
    }
    for (i, c) in placed.iter().enumerate() {
        let end = placed.get(i + 1).map_or(c.row + c.height(), |n| n.row);
        match one_line {
            true => write_line(out, &drawing, c, end, refs, decoration)?,
            false => write_commit(out, &drawing, c, end, refs, decoration)?,
        }
    }
    Ok(())
}

/// A commit in one line, and the rows up to the next.
fn write_line(
    out: &mut dyn Write,
    drawing: &Drawing,
    c: &Placed<'_>,
    end: usize,
    refs: &Refs,
    decoration: Decoration,
) -> std::io::Result<()> {
    let name = always(YELLOW, &format!("commit {}", c.id.hash()));
    let refs = refs.decorate(c.id, decoration);
    let message = always(WHITE, &c.lines.join(" "));
    writeln!(out, "{} {name} {refs}{message}", drawing.row(c.row).0)?;
    for row in c.row + 1..end {
        let (graph, width) = drawing.row(row);
        if width > 0 {
            writeln!(out, "{graph}")?;
        }
    }
    Ok(())
}

/// A commit with author, date and message to the right of everything drawn there.
fn write_commit(
    out: &mut dyn Write,
    drawing: &Drawing,
    c: &Placed<'_>,
    end: usize,
    refs: &Refs,
    decoration: Decoration,
) -> std::io::Result<()> {
    let column = (c.row..end).map(|r| drawing.row(r).1).max().unwrap_or(0);
    let column = column.max(c.column + 1);
    let m = &c.commit.meta;
    let mut texts = vec![format!(
        "{} {}",
        always(YELLOW, &format!("commit {}", c.id.hash())),
        refs.decorate(c.id, decoration)
    )];
    if c.commit.parents.len() > 1 {
        let parents: Vec<String> = c
            .commit
            .parents
            .iter()
            .map(|p| p.hash().to_string())
            .collect();
        texts.push(always(WHITE, &format!("Merge: {}", parents.join(" "))));
    }
    let author = format!("Author: {} <{}>", m.author.name, m.author.email);
    texts.push(always(WHITE, &author));
    texts.push(always(
        WHITE,
        &format!("Date: {}", ruby_date(m.author_millis)),
    ));
    texts.push(String::new());
    texts.extend(c.lines.iter().map(|l| always(WHITE, &format!("\t{l}"))));
    let mut texts = texts.into_iter();
    for row in c.row..end {
        let (graph, width) = drawing.row(row);
        match texts.next().filter(|t| !t.is_empty()) {
            Some(text) => writeln!(out, "{graph}{} {text}", " ".repeat(column - width))?,
            None => writeln!(out, "{graph}")?,
        }
    }
    Ok(())
}
