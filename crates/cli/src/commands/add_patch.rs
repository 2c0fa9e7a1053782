//! `dolt add --patch`: a person stages changed rows one by one, through `dolt_workspace_…`.

use std::io::Write;

use engine::result::ColumnMeta;

use crate::commands::diff::{Pair, print_change};
use crate::repository::{Repository, Rows, quoted};
use crate::style::{BRIGHT_GREEN, GREEN, RED, YELLOW, on_terminal};
use crate::{Failure, Outcome};

const HELP: &str = "y - stage the current change
n - do not stage the current change
q - quit
a - add all changes in this table
d - do not stage any further changes in this table
s - show summary of unstaged changes and start over
? - show this help";
const CYAN: &str = "36";
/// With more changes than this a person is told of another way.
const MANY: u64 = 25;

/// Changes of a table that are not staged.
struct Changes {
    table: String,
    /// Rows added, modified, removed.
    counts: [u64; 3],
    /// The first and the last by number.
    ids: (u64, u64),
}

/// What became of a table.
enum After {
    /// Go on with the next one.
    Next,
    /// Begin anew.
    Again,
    /// Nothing more.
    Quit,
}

fn workspace(table: &str) -> String {
    quoted(&format!("dolt_workspace_{table}"))
}

fn changes(repo: &Repository, tables: &[String]) -> Result<Vec<Changes>, Failure> {
    let mut out = Vec::new();
    for table in tables {
        let name = workspace(table);
        let rows = repo.query(&format!(
            "SELECT diff_type, count(*), min(id), max(id) FROM {name} WHERE NOT staged GROUP BY diff_type"
        ))?;
        if rows.rows.is_empty() {
            continue;
        }
        let mut found = Changes {
            table: table.clone(),
            counts: [0; 3],
            ids: (u64::MAX, 0),
        };
        for i in 0..rows.rows.len() {
            let number = |column| rows.text(i, column).parse::<u64>().unwrap_or(0);
            let kind = ["added", "modified", "removed"]
                .iter()
                .position(|k| *k == rows.text(i, 0));
            if let Some(kind) = kind {
                found.counts[kind] = number(1);
            }
            found.ids = (found.ids.0.min(number(2)), found.ids.1.max(number(3)));
        }
        out.push(found);
    }
    Ok(out)
}

fn print_summary(all: &[Changes]) {
    println!(
        "{}",
        on_terminal(
            YELLOW,
            "Table                              Added / Modified / Removed\n=====                              =====   ========   ======="
        )
    );
    for c in all {
        let [added, modified, removed] = c.counts;
        println!(
            "{:<34} {} {} {}",
            c.table,
            on_terminal(GREEN, &format!("{added:<7}")),
            on_terminal(YELLOW, &format!("{modified:<10}")),
            on_terminal(RED, &removed.to_string())
        );
    }
    let total: u64 = all.iter().flat_map(|c| c.counts).sum();
    if total > MANY {
        let text = format!(
            "You have {total} changes in total. Consider updating dolt_workspace_* tables directly as\n'add --patch' requires you to individually evaluate each changed row."
        );
        println!("{}", on_terminal(YELLOW, &text));
    }
}

/// Prints the change of a number.
fn print_row(repo: &Repository, table: &str, id: u64) -> Result<(), Failure> {
    let Rows { columns, rows } = repo.query(&format!(
        "SELECT * FROM {} WHERE id = {id} LIMIT 1",
        workspace(table)
    ))?;
    let Some(row) = rows.into_iter().next() else {
        return Err(Failure::new("Expected exactly one row"));
    };
    // id, staged, diff_type, the new values, the old values.
    let width = (columns.len().saturating_sub(3)) / 2;
    let shown: Vec<ColumnMeta> = columns[3..3 + width]
        .iter()
        .map(|c| {
            let name = c.name.strip_prefix("to_").unwrap_or(&c.name);
            ColumnMeta::computed(name, c.ty.clone())
        })
        .collect();
    let kind = row[2].clone().unwrap_or_default();
    let side = |from: usize| {
        let cells = row[from..from + width].iter();
        cells
            .map(|c| c.clone().map(String::into_bytes))
            .collect::<Vec<_>>()
    };
    print_change(
        &shown,
        &Pair {
            from: (kind != "added").then(|| side(3 + width)),
            to: (kind != "removed").then(|| side(3)),
        },
    )
}

fn ask() -> Result<Option<String>, Failure> {
    let prompt = on_terminal(BRIGHT_GREEN, "Stage this row [y,n,q,a,d,s,?]? ");
    print!("{prompt}");
    std::io::stdout().flush()?;
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line)? {
        0 => Ok(None),
        _ => Ok(Some(line.trim().to_string())),
    }
}

/// Goes through the changes of a table. What is staged is numbered before what is not, so numbers
/// of what follows stay.
fn one_table(repo: &Repository, changes: &Changes) -> Result<After, Failure> {
    let (name, workspace) = (&changes.table, workspace(&changes.table));
    let bar = on_terminal(YELLOW, &"=".repeat(7 + name.len()));
    println!("{bar}\n{} {name}\n{bar}", on_terminal(YELLOW, "Table:"));
    let mut id = changes.ids.0;
    let mut is_new = true;
    while id <= changes.ids.1 {
        if is_new {
            print_row(repo, name, id)?;
        }
        is_new = true;
        let Some(answer) = ask()? else {
            return Ok(After::Quit);
        };
        match answer.as_str() {
            "y" => {
                repo.query(&format!(
                    "UPDATE {workspace} SET staged = TRUE WHERE id = {id}"
                ))?;
                id += 1;
            }
            "n" => id += 1,
            "a" => {
                repo.query(&format!(
                    "UPDATE {workspace} SET staged = TRUE WHERE id >= {id}"
                ))?;
                break;
            }
            "d" => break,
            "s" => return Ok(After::Again),
            "q" | "exit" | "quit" => return Ok(After::Quit),
            _ => {
                println!("{}", on_terminal(CYAN, HELP));
                is_new = false;
            }
        }
    }
    Ok(After::Next)
}

/// Asks about every change of the tables; of all that differ, if none is named.
pub fn run(repo: &Repository, mut tables: Vec<String>) -> Outcome {
    if tables.is_empty() || tables == ["."] {
        let rows = repo.query("SELECT table_name FROM dolt_status WHERE NOT staged")?;
        tables = (0..rows.rows.len())
            .map(|i| rows.text(i, 0).to_string())
            .collect();
    }
    if tables.is_empty() {
        println!("No changes.");
        return Ok(0);
    }
    tables.sort();
    'again: loop {
        let all = changes(repo, &tables)?;
        print_summary(&all);
        for changes in &all {
            match one_table(repo, changes)? {
                After::Next => {}
                After::Again => continue 'again,
                After::Quit => return Ok(0),
            }
        }
        return Ok(0);
    }
}
