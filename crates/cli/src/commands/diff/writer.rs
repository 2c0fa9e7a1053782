//! Writes the parts of a diff in its form.

use std::io::Write;

use engine::result::ColumnMeta;
use versioning::{DeltaKind, DiffStat};

use super::Form;
use crate::Failure;
use crate::line_diff;
use crate::render::{Renderer, Tabular, json_object, with_commas};
use crate::repository::quoted;
use crate::style::{BOLD, on_terminal};

/// A value as text; NULL is none.
pub type Cell = Option<Vec<u8>>;

/// A part of the JSON document that is a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    None,
    Tables,
    Fragments(&'static str),
}

/// Writes a diff.
pub struct Writer {
    form: Form,
    table: Tabular,
    part: Part,
    any_pair: bool,
}

fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", with_commas(n), if n == 1 { one } else { many })
}

fn percent(n: u64, of: u64) -> f64 {
    match n {
        0 => 0.0,
        n => 100.0 * n as f64 / of as f64,
    }
}

fn infinite(text: String) -> String {
    text.replace("inf", "+Inf")
}

impl Writer {
    /// A writer of a form.
    pub fn new(form: Form) -> Writer {
        Writer {
            form,
            table: Tabular::default(),
            part: Part::None,
            any_pair: false,
        }
    }

    /// Begins a table.
    pub fn begin(&mut self, from: &str, to: &str, kind: DeltaKind) -> Result<(), Failure> {
        match self.form {
            Form::Sql => {}
            Form::Tabular => {
                let (a, b) = match kind {
                    DeltaKind::Dropped => (from, from),
                    DeltaKind::Added => (to, to),
                    _ => (from, to),
                };
                let say = |text: String| println!("{}", on_terminal(BOLD, &text));
                say(format!("diff --dolt a/{a} b/{b}"));
                match kind {
                    DeltaKind::Dropped => say("deleted table".into()),
                    DeltaKind::Added => say("added table".into()),
                    _ => {
                        say(format!("--- a/{a}"));
                        say(format!("+++ b/{b}"));
                    }
                }
            }
            Form::Json => {
                print!(
                    "{}",
                    if self.part == Part::None {
                        "{\"tables\":["
                    } else {
                        "},"
                    }
                );
                self.part = Part::Tables;
                let name = if from.is_empty() { to } else { from };
                print!("{{\"name\":\"{name}\",");
            }
        }
        Ok(())
    }

    /// The difference of definitions.
    pub fn schema(&mut self, old: &str, new: &str, statements: &[String]) -> Result<(), Failure> {
        match self.form {
            Form::Tabular if old != new => println!("{}", line_diff::marked(old, new)),
            Form::Tabular => {}
            Form::Sql => statements.iter().for_each(|s| println!("{s}")),
            Form::Json => {
                let list: Vec<String> = statements
                    .iter()
                    .map(serde_json::to_string)
                    .collect::<Result<_, _>>()?;
                print!("\"schema_diff\":[{}],", list.join(","));
            }
        }
        Ok(())
    }

    /// There are no rows to show.
    pub fn no_rows(&mut self) -> Result<(), Failure> {
        if self.form == Form::Json {
            print!("\"data_diff\":[]");
        }
        Ok(())
    }

    /// Begins the rows of a table.
    pub fn begin_rows(&mut self, columns: &[ColumnMeta], begun: bool) -> Result<(), Failure> {
        self.any_pair = false;
        self.table.begin(columns, &mut std::io::stdout())?;
        if self.form == Form::Json && begun {
            print!("\"data_diff\":[");
        }
        Ok(())
    }

    /// A row of a table with marks.
    pub fn line(&mut self, cells: Vec<Cell>) -> Result<(), Failure> {
        Ok(self.table.row(cells, &mut std::io::stdout())?)
    }

    /// A pair of rows.
    pub fn json_pair(
        &mut self,
        columns: &[ColumnMeta],
        from: Option<Vec<Cell>>,
        to: Option<Vec<Cell>>,
    ) -> Result<(), Failure> {
        let object = |row: Option<Vec<Cell>>| match row {
            None => Ok("{}".to_string()),
            Some(cells) => json_object(columns.iter().map(|c| (c.name.as_str(), &c.ty)), cells),
        };
        let comma = if std::mem::replace(&mut self.any_pair, true) {
            ","
        } else {
            ""
        };
        print!(
            "{comma}{{\"from_row\":{},\"to_row\":{}}}",
            object(from)?,
            object(to)?
        );
        Ok(())
    }

    /// Ends the rows of a table.
    pub fn end_rows(&mut self) -> Result<(), Failure> {
        match self.form {
            Form::Json => print!("]"),
            _ => self.table.end(&mut std::io::stdout())?,
        }
        Ok(())
    }

    /// A view, trigger or event that differs.
    pub fn fragment(
        &mut self,
        kind: &str,
        name: &str,
        old: &str,
        new: &str,
    ) -> Result<(), Failure> {
        match self.form {
            Form::Tabular => println!("{}", line_diff::marked(old, new)),
            Form::Sql => {
                if !old.is_empty() {
                    println!("DROP {} {};", kind.to_uppercase(), quoted(name));
                }
                if !new.is_empty() {
                    println!("{new}");
                }
            }
            Form::Json => {
                let list = match kind {
                    "event" => "events",
                    "trigger" => "triggers",
                    _ => "views",
                };
                match self.part {
                    Part::Fragments(open) if open == list => print!(","),
                    Part::Fragments(_) => print!("],\"{list}\":["),
                    Part::Tables => print!("}}],\"{list}\":["),
                    Part::None => print!("{{\"{list}\":["),
                }
                self.part = Part::Fragments(list);
                print!(
                    "{{\"name\":{},\"from_definition\":{},\"to_definition\":{}}}",
                    serde_json::to_string(name)?,
                    serde_json::to_string(old)?,
                    serde_json::to_string(new)?
                );
            }
        }
        Ok(())
    }

    /// Counts of rows and cells.
    pub fn stat(&mut self, s: &DiffStat, old_columns: usize) -> Result<(), Failure> {
        let nothing = s.is_empty() && s.old_cells == s.new_cells;
        if self.form == Form::Json {
            let body = match nothing {
                true => String::new(),
                false => format!(
                    "\"rows_added\":{},\"rows_deleted\":{},\"rows_modified\":{},\"rows_unmodified\":{},\"cells_added\":{},\"cells_deleted\":{},\"cells_modified\":{}",
                    s.rows_added,
                    s.rows_deleted,
                    s.rows_modified,
                    s.rows_unmodified,
                    s.cells_added,
                    s.cells_deleted,
                    s.cells_modified
                ),
            };
            print!("\"stats\":{{{body}}}");
            return Ok(());
        }
        if nothing {
            println!("No data changes. See schema changes by using -s or --schema.");
            return Ok(());
        }
        let added = plural(s.rows_added, "Row Added", "Rows Added");
        let deleted = plural(s.rows_deleted, "Row Deleted", "Rows Deleted");
        if s.keyless {
            println!("{added}\n{deleted}");
            return Ok(());
        }
        let cells = s.old_rows as f64 * old_columns as f64;
        let changed = 100.0 * s.cells_modified as f64 / cells;
        let lines = [
            (
                plural(s.rows_unmodified, "Row Unmodified", "Rows Unmodified"),
                percent(s.rows_unmodified, s.old_rows),
            ),
            (added, percent(s.rows_added, s.old_rows)),
            (deleted, percent(s.rows_deleted, s.old_rows)),
            (
                plural(s.rows_modified, "Row Modified", "Rows Modified"),
                percent(s.rows_modified, s.old_rows),
            ),
            (
                plural(s.cells_added, "Cell Added", "Cells Added"),
                percent(s.cells_added, s.old_cells),
            ),
            (
                plural(s.cells_deleted, "Cell Deleted", "Cells Deleted"),
                percent(s.cells_deleted, s.old_cells),
            ),
            (
                plural(s.cells_modified, "Cell Modified", "Cells Modified"),
                changed,
            ),
        ];
        for (text, p) in lines {
            println!("{}", infinite(format!("{text} ({p:.2}%)")));
        }
        println!(
            "({} vs {})\n",
            plural(s.old_rows, "Row Entry", "Row Entries"),
            plural(s.new_rows, "Row Entry", "Row Entries")
        );
        Ok(())
    }

    /// Ends the diff.
    pub fn close(&mut self) -> Result<(), Failure> {
        if self.form == Form::Json {
            match self.part {
                Part::None => {}
                Part::Tables => print!("}}]}}"),
                Part::Fragments(_) => print!("]}}"),
            }
        }
        std::io::stdout().flush()?;
        Ok(())
    }
}
