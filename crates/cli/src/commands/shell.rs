//! The shell of `dolt sql`: statements from a terminal, and commands after a backslash.

use std::io::Write;

use crate::connection::Connection;
use crate::environment::Environment;
use crate::line_editor::{Input, LineEditor};
use crate::render::{Format, Printer};
use crate::style::{RED, YELLOW, on_terminal};
use crate::{Failure, Outcome};

/// Commands that can follow a backslash.
const COMMANDS: &[&str] = &[
    "status", "diff", "log", "show", "add", "commit", "checkout", "reset", "branch", "merge",
];
/// What else can, and what it is for.
const OWN: &[(&str, &str)] = &[
    ("help", "What you see right now."),
    ("edit", "Use $EDITOR to edit the last command."),
    ("pager", "Enable or Disable the result pager"),
    ("W", "Show generated warnings after sql command"),
    ("w", "Hide generated warnings after sql command"),
];

const CYAN: &str = "36";
/// What was typed before, in the directory of the databases.
const HISTORY: &str = ".sqlhistory";

/// The prompts of a line and of those that continue it.
struct Prompts {
    first: String,
    next: String,
}

impl Prompts {
    fn of(connection: &Connection) -> Prompts {
        let (database, branch) = connection.place().unwrap_or_default();
        let Some(database) = database else {
            return Prompts {
                first: "> ".into(),
                next: "-> ".into(),
            };
        };
        let (base, revision) = match database.split_once(['/', '@']) {
            Some((base, revision)) => (base.to_string(), Some(revision.to_string())),
            None => (database, branch),
        };
        let shown = on_terminal(CYAN, &base);
        let Some(revision) = revision else {
            return Prompts {
                first: format!("{shown}> "),
                next: format!("{:>1$}", "-> ", base.len() + 2),
            };
        };
        let dirty = !model::ref_name::is_hash(&revision)
            && connection
                .query("select count(table_name) > 0 from dolt_status")
                .is_ok_and(|rows| rows.text(0, 0) == "1");
        let (star, width) = match dirty {
            true => (on_terminal(RED, "*"), 1),
            false => (String::new(), 0),
        };
        Prompts {
            first: format!("{shown}/{}{star}> ", on_terminal(YELLOW, &revision)),
            next: format!("{:>1$}", "-> ", base.len() + revision.len() + 3 + width),
        }
    }
}

/// Words of a line; double quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('\\');
    let line = line.trim_end_matches(';').trim_end();
    let mut out = Vec::new();
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.peek().copied() {
        if c.is_whitespace() {
            rest.next();
            continue;
        }
        let quoted = c == '"';
        if quoted {
            rest.next();
        }
        let mut word = String::new();
        while let Some(c) = rest.next() {
            match c {
                '"' if quoted => break,
                c if !quoted && c.is_whitespace() => break,
                '\\' if quoted && rest.peek() == Some(&'"') => word.extend(rest.next()),
                c => word.push(c),
            }
        }
        out.push(word);
    }
    out
}

/// The command of a line that begins with a backslash.
fn backslash(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_prefix('\\')?;
    let end = name
        .find(|c: char| c.is_whitespace() || c == ';')
        .unwrap_or(name.len());
    let name = &name[..end];
    let known = COMMANDS.contains(&name) || OWN.iter().any(|(n, _)| *n == name);
    known.then_some(name)
}

/// The word after `DELIMITER`, if the line says that.
fn new_delimiter(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    first
        .eq_ignore_ascii_case("delimiter")
        .then(|| words.next())?
}

/// What a person has set.
struct Shell<'e> {
    env: &'e Environment,
    connection: Connection,
    format: Format,
    hex: bool,
    warnings: bool,
    pager: bool,
    last: String,
}

/// Reads statements from a terminal until the end.
pub fn run(env: &Environment, format: Format, hex: bool) -> Outcome {
    let connection = env.connect()?;
    env.share(&connection);
    println!("# Welcome to the DoltSQL shell.");
    println!("# Statements must be terminated with ';'.");
    println!("# \"exit\" or \"quit\" (or Ctrl-D) to exit. \"\\help\" for help.");
    let mut shell = Shell {
        env,
        connection,
        format,
        hex,
        warnings: true,
        pager: false,
        last: String::new(),
    };
    let mut editor = LineEditor::new(env.dir.join(HISTORY));
    let mut interrupted = false;
    let mut delimiter = ";".to_string();
    let mut pending = String::new();
    let mut prompts = Prompts::of(&shell.connection);
    loop {
        let prompt = match pending.is_empty() {
            true => &prompts.first,
            false => &prompts.next,
        };
        let mut line = match editor.read(prompt)? {
            Input::Line(line) => line,
            Input::Interrupted if pending.is_empty() => {
                println!("Received SIGINT. Interrupt again to exit, or use ^D, quit, or exit");
                if std::mem::replace(&mut interrupted, true) {
                    break;
                }
                continue;
            }
            Input::Interrupted => {
                pending.clear();
                continue;
            }
            Input::Ended => break,
        };
        interrupted = false;
        line.push('\n');
        if pending.is_empty() {
            let word = line.trim().trim_end_matches(';').trim().to_lowercase();
            if matches!(word.as_str(), "exit" | "quit" | "exit()" | "quit()") {
                break;
            }
            if word.is_empty() || word.starts_with("-- ") {
                continue;
            }
            if let Some(word) = new_delimiter(&line) {
                delimiter = word.to_string();
                continue;
            }
            if let Some(name) = backslash(&line) {
                editor.remember(&line);
                if let Err(e) = shell.command(name, &line) {
                    println!("{}", on_terminal(RED, &e.text));
                }
                prompts = Prompts::of(&shell.connection);
                continue;
            }
        }
        pending.push_str(&line);
        let text = pending.trim_end();
        let vertical = text.ends_with("\\G") || text.ends_with("\\g");
        if !text.ends_with(&delimiter) && !vertical {
            continue;
        }
        let text = text
            .trim_end_matches("\\G")
            .trim_end_matches("\\g")
            .to_string();
        editor.remember(&pending);
        pending.clear();
        let format = match vertical {
            true => Format::Vertical,
            false => shell.format,
        };
        for part in syntax::split_statements(text.as_bytes(), delimiter.as_bytes()) {
            let statement = &text.as_bytes()[part.range.clone()];
            if !statement.trim_ascii().is_empty() {
                shell.last = String::from_utf8_lossy(statement).into_owned();
                shell.statement(statement, format)?;
            }
        }
        prompts = Prompts::of(&shell.connection);
    }
    println!("Bye");
    Ok(0)
}

impl Shell<'_> {
    /// Runs a statement and says how it went.
    fn statement(&mut self, statement: &[u8], format: Format) -> Result<(), Failure> {
        let start = std::time::Instant::now();
        let mut shown = Vec::new();
        let mut stdout = std::io::stdout();
        let out: &mut dyn Write = match self.pager {
            true => &mut shown,
            false => &mut stdout,
        };
        let mut printer = Printer::new(format, out);
        printer.spaced = false;
        printer.hex = self.hex;
        printer.numbers = self.connection.is_server();
        let result = self.connection.execute(statement, &mut printer);
        let (last, rows) = (printer.last.take(), printer.rows);
        let seconds = start.elapsed().as_secs_f64();
        if self.pager {
            crate::pager::show(&shown)?;
        }
        let lower = String::from_utf8_lossy(statement).trim().to_lowercase();
        let mut list = Vec::new();
        if !lower.starts_with("show") && result.is_ok() && last.is_none() {
            let found = self.connection.query("show warnings").unwrap_or_default();
            for i in 0..found.rows.len() {
                list.push((found.text(i, 1).to_string(), found.text(i, 2).to_string()));
            }
        }
        let count = match list.len() {
            0 => String::new(),
            1 => ", 1 warning".to_string(),
            n => format!(", {n} warnings"),
        };
        match (result, last) {
            (Err(e), _) => println!("{}", self.connection.message(&e)),
            (Ok(()), Some(_)) if lower.starts_with("use ") || lower.starts_with("use`") => {
                println!("Database Changed")
            }
            (Ok(()), Some(done)) => {
                let n = done.affected_rows;
                println!(
                    "Query OK, {n} row{} affected ({seconds:.2} sec)",
                    if n == 1 { "" } else { "s" }
                );
                if !done.info.is_empty() {
                    println!("{}", done.info);
                }
            }
            (Ok(()), None) if rows == 0 => {
                println!("Empty set{count} ({seconds:.2} sec)\n")
            }
            (Ok(()), None) => {
                let mut said = String::new();
                if self.warnings {
                    said.push('\n');
                    for (code, text) in &list {
                        let text = format!("Warning (Code {code}): {text}");
                        said += &format!("\n{}", on_terminal(YELLOW, &text));
                    }
                }
                println!(
                    "{rows} row{} in set{count} ({seconds:.2} sec) {said}",
                    if rows == 1 { "" } else { "s" }
                );
            }
        }
        Ok(())
    }

    /// Runs what follows a backslash.
    fn command(&mut self, name: &str, line: &str) -> Result<(), Failure> {
        let words = words(line);
        let rest = words.get(1..).unwrap_or_default();
        match name {
            "help" => self.help(rest),
            "w" | "W" if !rest.is_empty() => {
                return Err(Failure::new("Usage: \\w \\w to toggle warnings"));
            }
            "W" => {
                self.warnings = true;
                println!("Show warnings enabled");
            }
            "w" => {
                self.warnings = false;
                println!("Show warnings disabled");
            }
            "pager" => match rest.last().map(String::as_str) {
                Some("on") => self.pager = true,
                Some("off") => self.pager = false,
                _ => return Err(Failure::new("Usage: \\pager [on|off]")),
            },
            "edit" => {
                let text = super::commit::edit(self.env, &self.last, "")?;
                println!("{text}");
                for part in syntax::split_statements(text.as_bytes(), b";") {
                    let statement = &text.as_bytes()[part.range.clone()];
                    if !statement.trim_ascii().is_empty() {
                        self.statement(statement, self.format)?;
                    }
                }
            }
            name => {
                let code = super::run_named(self.env, name, rest)?;
                if code != 0 {
                    return Err(Failure::new(format!(
                        "error executing command: [{}]",
                        words.join(" ")
                    )));
                }
            }
        }
        Ok(())
    }

    fn help(&self, rest: &[String]) {
        if let Some(name) = rest.first() {
            match super::help_of(name) {
                Some(help) if COMMANDS.contains(&name.as_str()) => print!("{}", help.page()),
                _ => println!("Unknown command: {name}"),
            }
            return;
        }
        let prompt = Prompts::of(&self.connection).first;
        println!("Dolt SQL Shell Help");
        println!(
            "Default behavior is to interpret SQL statements.     (e.g. '{prompt}select * from my_table;')"
        );
        println!("Dolt CLI commands can be invoked with a leading '\\'. (e.g. '{prompt}\\status')");
        println!("\nAvailable commands:");
        for name in COMMANDS {
            let about = super::help_of(name).map_or("", |h| h.about);
            println!("  {name:>10} - {about}");
        }
        for (name, about) in OWN {
            println!("  {name:>10} - {about}");
        }
        println!(
            "\nFor more information on a specific command, type '\\help <command>' (e.g. '{prompt}\\help status')"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command() {
        assert_eq!(
            words("\\commit -A -m \"a \\\"b\\\" c\" ; "),
            ["commit", "-A", "-m", "a \"b\" c"]
        );
        assert_eq!(backslash("\\log -n 1;"), Some("log"));
        assert_eq!(backslash("\\w"), Some("w"));
        assert_eq!(backslash("\\x"), None);
        assert_eq!(new_delimiter("DeLiMiTeR $$"), Some("$$"));
        assert_eq!(new_delimiter("select 1"), None);
    }
}
